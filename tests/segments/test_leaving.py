"""Whether the best buyers are being lost, held against shops whose buyers' leaving is known."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import pytest
from tests.contexts import TIERS

from csinsight.engine import open_shop
from csinsight.features.spend import spend_between
from csinsight.segments.by_month import tiers_by_month
from csinsight.segments.forecast_error import forecast_error
from csinsight.segments.tiers import Leaving, leaving

NAMES = ["buyer_id", "tier", "expected_spend_90d"]
NOTHING = pd.DataFrame(columns=["expected", "actual"])


def _tiers(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES)


def test_parts_of_the_change_add_up_and_new_and_gone_buyers_count():
    before = _tiers(("a", "vip", 90), ("b", "core", 40), ("gone", "core", 10))
    now = _tiers(("a", "core", 50), ("b", "vip", 70), ("new", "core", 30))
    found = leaving(before, now, {"b", "new"}, NOTHING, seed=1)
    assert (found.of, found.fell, found.rose, found.fresh) == (3, 1, 1, 1)
    assert found.silent["buyer_id"].tolist() == ["a", "gone"]
    assert found.silent["tier"].tolist() == ["core", "ordinary"]
    parts = found.before + found.bought + found.quiet + found.new
    assert parts == pytest.approx(found.now)
    assert (found.bought, found.quiet, found.new) == (30, -50, 30)


def test_money_at_stake_is_as_sure_as_the_last_forecast_was():
    names = [f"b{i}" for i in range(40)]
    before = _tiers(*((name, "vip", 2.5) for name in names))
    now = _tiers(*((name, "ordinary", 0) for name in names))
    assert pd.isna(leaving(before, now, set(), NOTHING, seed=1).low)
    good = pd.DataFrame({"expected": [10.0] * 400, "actual": [9.0, 11.0] * 200})
    sure = leaving(before, now, set(), good, seed=1)
    # As many came as were expected: what is left is how quarters differ.
    assert sure.low < sure.at_stake < sure.high
    assert (sure.least, sure.most) == (0, 0)
    assert sure.high - sure.low < 70
    poor = pd.DataFrame({"expected": [10.0] * 60, "actual": ([0.0] * 50) + ([30.0] * 10)})
    unsure = leaving(before, now, set(), poor, seed=1)
    assert unsure.high - unsure.low > 140
    assert unsure.low < 50  # the last forecast promised twice of what came


def test_half_of_the_last_error_is_taken_off_the_forecast_and_the_rest_is_in_the_interval():
    """Known in closed form: so many buyers that only how stretches differ is left."""
    half = pd.DataFrame({"expected": [10.0] * 4000, "actual": [5.0] * 4000})
    error = forecast_error(half)
    assert error.factor == pytest.approx(0.5**0.5)
    low, high = error.interval(1000.0 * error.factor)
    assert low < 500 < 1000 < high
    assert high / low == pytest.approx(math.exp(2 * error.reach))
    assert error.known
    # A tenth came: a season, not the shop's bias. It is hardly corrected, and no sum is told.
    season = forecast_error(half.assign(actual=1.0))
    assert season.factor == pytest.approx(math.exp(-0.4))
    assert not season.known
    assert season.interval(season.factor)[1] > 1
    as_told = forecast_error(half.assign(actual=10.0))
    assert as_told.factor == 1
    assert as_told.reach < error.reach / 2
    # Few buyers of whom one is large tell less, and correct less, than many that are alike.
    large = pd.DataFrame({"expected": [1.0] * 60 + [600.0], "actual": [1.0] * 60 + [270.0]})
    assert forecast_error(large).factor > error.factor + 0.1
    assert math.isnan(forecast_error(half.head(49)).interval(1.0)[0])
    assert not forecast_error(half.head(49)).known


def test_who_bought_is_not_silent_whatever_is_expected():
    before, now = _tiers(("a", "vip", 100)), _tiers(("a", "ordinary", 20))
    assert leaving(before, now, {"a"}, NOTHING, seed=1).silent.empty


def test_silent_buyers_of_a_known_shop_left_more_often_than_those_who_bought(demo_folder):
    """Held against who had truly left: the list is worth a call, and says so of the right ones."""
    shop = open_shop(demo_folder)
    before, now = tiers_by_month(shop, datetime(2026, 11, 1), TIERS, months=1)
    bought = set(spend_between(shop, before.as_of, now.as_of)["buyer_id"])
    found = leaving(before.tiers, now.tiers, bought, now.outlook.held_out, seed=1)
    truth = pd.read_parquet(demo_folder / "truth" / "buyers.parquet")
    active = truth.set_index("buyer_id")["active_at_end"]
    best = before.tiers[before.tiers["tier"].isin(["core", "vip"])]["buyer_id"]
    others = best[best.isin(bought)]
    left, stayed = (1 - active[names].mean() for names in (found.silent["buyer_id"], others))
    print(f"of silent buyers {left:.0%} had left, of those who bought {stayed:.0%}")  # noqa: T201
    assert len(found.silent) > 50
    assert left > 2 * stayed
    assert found.low < found.high
    assert found.low < found.at_stake


@pytest.mark.parametrize(
    ("gain", "at_stake", "answer"),
    [
        (200.0, (50.0, 40.0, 60.0), "no"),
        (50.0, (50.0, 40.0, 60.0), "yes"),
        (105.0, (50.0, 40.0, 60.0), "unclear"),
        (105.0, (50.0, float("nan"), float("nan")), "young"),
    ],
)
def test_whether_more_goes_than_comes_is_told_by_the_forecasts_own_error(gain, at_stake, answer):
    middle, low, high = at_stake
    silent = pd.DataFrame({"buyer_id": ["a"]})
    change = (900.0, gain, -100.0, 0.0, 800.0 + gain)
    found = Leaving(2, 1, 1, 0, silent, middle, low, high, *change, least=600.0, most=1300.0)
    assert found.answer == answer


def test_who_bought_nothing_and_is_worth_more_makes_no_answer():
    held = pd.DataFrame({"expected": [10.0] * 60, "actual": [9.0, 11.0] * 30})
    names = [f"b{n}" for n in range(20)]
    before = _tiers(*((name, "vip", 10.0) for name in names))
    # One loses a little; after days that are missing all others are expected to spend more.
    now = _tiers(*((name, "vip", 5.0 if name == "b0" else 20.0) for name in names))
    found = leaving(before, now, set(), held, seed=1)
    assert found.quiet > 0
    assert found.answer == "odd"
