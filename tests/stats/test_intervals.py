"""Intervals are those of scipy's own distributions, whose package they do without."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from csinsight.stats import intervals

SIZES = [*range(1, 60), 97, 1_000, 12_345, 364_064]


@pytest.mark.parametrize("q", [0.5, 0.9, 0.01])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_ranks_are_those_of_the_binomial_distribution(q: float, level: float) -> None:
    tail, bounded = (1 - level) / 2, 0
    for n in SIZES:
        low, high = (int(stats.binom.ppf(share, n, q)) for share in (tail, 1 - tail))
        found = intervals.quantile_interval(np.arange(1.0, n + 1), q, level)
        if low < 1 or high >= n:
            assert np.isnan(found).all()
        else:
            assert found == (low, high + 1)
            bounded += 1
    assert bounded >= 3


def test_a_mean_reaches_as_far_as_students_distribution() -> None:
    for n in SIZES[1:]:
        sample = np.linspace(0.0, 1.0, n)
        error = sample.std(ddof=1) / np.sqrt(n)
        told = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=error)
        assert intervals.mean_interval(sample) == pytest.approx(told, rel=1e-9)


def test_a_months_figures_do_not_load_all_of_scipys_statistics() -> None:
    code = "import sys, csinsight.stats.intervals as i; i.mean_interval([1.0, 2.0]);"
    code += "i.quantile_interval(range(99), 0.5); print('scipy.stats' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"
