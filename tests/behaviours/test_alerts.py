"""Alerts are raised where a month is surely beyond its threshold, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from csinsight.behaviours.alerts import FIGURES, Alert, alerts_of, raised
from csinsight.cli import main
from csinsight.contract.files import ALERTS_FILE
from csinsight.errors import ConfigError
from csinsight.render.words import catalogue
from csinsight.runs.state import Inputs
from csinsight.stats.intervals import wilson


def _month(**figures: float) -> pd.Series:
    return pd.Series(figures)


@pytest.mark.parametrize(
    ("rule", "now", "before", "is_raised"),
    [
        ({"falls_by": 0.03}, (0.40, 0.38, 0.42), (0.50, 0.48, 0.52), True),
        ({"falls_by": 0.03}, (0.46, 0.44, 0.48), (0.50, 0.48, 0.52), False),
        ({"falls_by": 0.03}, (0.60, 0.58, 0.62), (0.50, 0.48, 0.52), False),
        ({"rises_by": 0.03}, (0.60, 0.58, 0.62), (0.50, 0.48, 0.52), True),
        ({"above": 0.45}, (0.50, 0.44, 0.56), (0.5, 0.4, 0.6), False),
        ({"above": 0.45}, (0.50, 0.46, 0.54), (0.5, 0.4, 0.6), True),
        ({"falls_by_share": 0.3}, (0.20, 0.19, 0.21), (0.50, 0.49, 0.51), True),
    ],
)
def test_a_threshold_has_to_be_passed_by_the_whole_interval(rule, now, before, is_raised):
    names = ("paid_rate", "paid_rate_low", "paid_rate_high")
    found = raised(
        _month(**dict(zip(names, now, strict=True))),
        _month(**dict(zip(names, before, strict=True))),
        [Alert(figure="paid_rate", **rule)],
    )
    assert bool(len(found)) == is_raised


def test_a_count_has_no_interval_and_a_first_month_nothing_to_compare_with():
    rule = Alert(figure="inquiries", falls_by_share=0.3)
    assert len(raised(_month(inquiries=60), _month(inquiries=100), [rule])) == 1
    assert raised(_month(inquiries=80), _month(inquiries=100), [rule]).empty
    assert raised(_month(inquiries=60), None, [rule]).empty
    assert raised(_month(inquiries=60), _month(inquiries=float("nan")), [rule]).empty


def test_a_total_wakes_nobody_where_its_change_may_be_chance():
    rule = Alert(figure="inquiries", falls_by_share=0.3)
    assert raised(_month(inquiries=6), _month(inquiries=10), [rule]).empty
    assert len(raised(_month(inquiries=600), _month(inquiries=1000), [rule])) == 1
    rule = Alert(figure="sales", falls_by_share=0.3)
    few, many = _month(sales=600.0, orders=6), _month(sales=1000.0, orders=10)
    assert raised(few, many, [rule]).empty
    assert len(raised(few * 100, many * 100, [rule])) == 1
    # What is below a fixed line is below it: a count is no estimate.
    assert len(raised(few, None, [Alert(figure="orders", below=7)])) == 1


def test_the_shipped_thresholds_are_of_figures_that_a_shop_has(tmp_path: Path):
    assert len(alerts_of(tmp_path)) > 3  # one of an unknown figure would not have been read
    with pytest.raises(ValidationError, match=r"no figure `payed_rate`; .*paid_rate"):
        Alert(figure="payed_rate", below=0.1)
    # The brief can name every figure that an alert may be set for.
    assert {name for name in FIGURES if f"kpi.{name}" not in catalogue("zh")} == set()


def test_a_rule_without_or_with_two_thresholds_is_refused_by_name(tmp_path: Path):
    path = tmp_path / ALERTS_FILE
    path.write_text("alerts:\n- {figure: paid_rate, below: 0.1, above: 0.9}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="exactly one threshold"):
        alerts_of(tmp_path)
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert "alerts.yml" in result.output


def test_a_shops_own_thresholds_take_the_place_of_ours_and_a_run_is_held_to_them(tmp_path: Path):
    (tmp_path / ALERTS_FILE).write_text("alerts:\n- {figure: sales, below: 5}\n", encoding="utf-8")
    ((figure, kind),) = [(alert.figure, alert.kind) for alert in alerts_of(tmp_path)]
    assert (figure, kind) == ("sales", "below")
    assert ALERTS_FILE in Inputs(tmp_path).hashes
    (tmp_path / ALERTS_FILE).write_text("alerts: []\n", encoding="utf-8")
    assert alerts_of(tmp_path) == []


def _drawn(rng: np.random.Generator, rate: float, n: int = 900) -> pd.Series:
    """A month in which each of `n` buyers paid with the chance that is planted."""
    paid = int(rng.binomial(n, rate))
    low, high = wilson(paid, n)
    return _month(paid_rate=paid / n, paid_rate_low=low, paid_rate_high=high)


@pytest.mark.parametrize(
    ("fall", "least", "most"),
    [(0.0, 0.0, 0.01), (0.03, 0.005, 0.05), (0.13, 0.95, 1.0), (-0.13, 0.0, 0.0)],
)
def test_planted_falls_ring_and_chance_does_not(fall, least, most):
    # By the normal law a fall of 13 points is beyond 3 in .99 of such months, one of 3 in .025.
    rng, rule = np.random.default_rng(8), Alert(figure="paid_rate", falls_by=0.03)
    rang = [len(raised(_drawn(rng, 0.5 - fall), _drawn(rng, 0.5), [rule])) for _ in range(200)]
    assert least <= np.mean(rang) <= most
