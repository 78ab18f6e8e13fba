"""Effects once misread words are corrected for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from csinsight.behaviours.accuracy import share_kept
from csinsight.drivers.sensitivity import with_correction


def _row(rng, recall, precision, effect=0.10, n=4000, labelled=300, lines=1):
    """One behaviour read at this recall and precision: its estimate, and labels of each side.

    A conversation has so many lines, each of which may show it and is read on its own.
    """
    true = rng.random((n, lines)) < 1 - 0.7 ** (1 / lines)
    rate = true.mean()
    invented = rate * recall * (1 / precision - 1) / (1 - rate)
    read = np.where(true, rng.random((n, lines)) < recall, rng.random((n, lines)) < invented)
    paid = rng.random(n) < 0.4 + effect * true.any(axis=1)
    shown = read.any(axis=1)
    difference = paid[shown].mean() - paid[~shown].mean()
    se = np.sqrt(paid[shown].var() / shown.sum() + paid[~shown].var() / (~shown).sum())
    sides = [rng.permutation(true[read == side])[: labelled // 2].astype(float) for side in (1, 0)]
    hits = read.sum(axis=1).astype(float)
    kept, kept_se = share_kept(*sides, hits, lines - hits)
    labels = pd.DataFrame(
        {"behaviour": ["greets"], "labels": labelled, "share_kept": kept, "share_kept_se": kept_se}
    )
    numbers = [100 * (difference + z * se) for z in (0, -1.96, 1.96)]
    drivers = pd.DataFrame(
        [("greets", "shown", n, int(shown.sum()), *numbers)],
        columns=["behaviour", "unit", "n", "shown", "effect_pp", "low_pp", "high_pp"],
    )
    return drivers, labels


@pytest.mark.parametrize("lines", [1, 3])
def test_labels_bring_coverage_back_where_reading_takes_it_away(lines):
    rng = np.random.default_rng(5)
    empty = pd.DataFrame(columns=["precision", "recall", "marked", "true"])
    read, corrected, middle = [], [], []
    for _ in range(200):
        drivers, labels = _row(rng, recall=0.75, precision=0.80, lines=lines)
        found = with_correction(drivers, empty, labels).iloc[0]
        read.append(found["low_pp"] <= 10 <= found["high_pp"])
        corrected.append(found["corrected_low_pp"] <= 10 <= found["corrected_high_pp"])
        middle.append(found["corrected_pp"])
    assert np.mean(read) < 0.75
    assert np.mean(corrected) >= 0.90
    assert 9 < np.median(middle) < 11.5


def test_labels_too_few_to_tell_leave_it_to_published_figures():
    drivers, labels = _row(np.random.default_rng(1), recall=0.75, precision=0.80, labelled=8)
    row = {"precision": 0.8, "recall": 0.75, "marked": 200, "true": 200}
    found = with_correction(drivers, pd.DataFrame([row], index=["greets"]), labels).iloc[0]
    assert labels.loc[0, "share_kept_se"] > 0.2
    assert found["corrected_by"] == "published"


def test_published_figures_stand_in_where_a_shop_has_no_labels():
    drivers, _ = _row(np.random.default_rng(1), recall=0.75, precision=0.80, n=40_000)
    row = {"precision": 0.8, "recall": 0.75, "marked": 200, "true": 200}
    accuracy = pd.DataFrame([row], index=["greets"])
    found = with_correction(drivers, accuracy, None).iloc[0]
    assert found["corrected_by"] == "published"
    assert found["corrected_low_pp"] < 10 < found["corrected_high_pp"]
    assert abs(found["corrected_pp"]) > abs(found["effect_pp"])
    unknown = with_correction(drivers, accuracy.drop(index="greets"), None).iloc[0]
    assert pd.isna(unknown["corrected_pp"])
    assert unknown["corrected_by"] is None
