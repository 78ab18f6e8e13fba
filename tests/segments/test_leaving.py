"""Whether the best buyers are being lost, held against shops whose buyers' leaving is known."""

from __future__ import annotations

import pandas as pd
import pytest

from csinsight.segments.leaving import leaving

NAMES = ["buyer_id", "tier", "expected_spend_90d"]
NOTHING = pd.DataFrame(columns=["expected", "actual"])


def _tiers(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES)


def test_parts_of_the_change_add_up_and_new_and_gone_buyers_count():
    before = _tiers(("a", "vip", 90), ("b", "core", 40), ("gone", "core", 10))
    now = _tiers(("a", "core", 50), ("b", "vip", 70), ("new", "core", 30))
    found = leaving(before, now, {"b", "new"}, NOTHING)
    assert (found.of, found.fell, found.rose) == (3, 1, 1)
    assert found.silent["buyer_id"].tolist() == ["a", "gone"]
    assert found.silent["tier"].tolist() == ["core", "ordinary"]
    parts = found.before + found.bought + found.quiet + found.new
    assert parts == pytest.approx(found.now)
    assert (found.bought, found.quiet, found.new) == (30, -50, 30)


def test_money_at_stake_is_as_sure_as_the_last_forecast_was():
    before, now = _tiers(("a", "vip", 100)), _tiers(("a", "ordinary", 0))
    assert pd.isna(leaving(before, now, set(), NOTHING).low)
    good = pd.DataFrame({"expected": [10.0] * 400, "actual": [9.0, 11.0] * 200})
    sure = leaving(before, now, set(), good)
    assert sure.low < sure.at_stake < sure.high
    assert sure.high - sure.low < 5
    poor = pd.DataFrame({"expected": [10.0] * 60, "actual": ([0.0] * 50) + ([30.0] * 10)})
    unsure = leaving(before, now, set(), poor)
    assert unsure.high - unsure.low > 20
    assert unsure.high < 100  # the last forecast promised twice of what came


def test_who_bought_is_not_silent_whatever_is_expected():
    before, now = _tiers(("a", "vip", 100)), _tiers(("a", "ordinary", 20))
    assert leaving(before, now, {"a"}, NOTHING).silent.empty
