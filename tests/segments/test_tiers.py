from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contexts import TIERS as OPTIONS

from csinsight.contract.domain import TIERS
from csinsight.errors import DataError
from csinsight.segments.options import TierOptions
from csinsight.segments.tiers import money_by_tier, tier_moves, value_tiers

Row = tuple[int, int, float, float, float]


def spend_of(rows: list[Row]) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of orders, days since the last, net spend, net spend in 90 days, expected."""
    spend = pd.DataFrame(rows, columns=["orders", "T", "net_spend", "net_spend_90d", "expected"])
    spend.insert(0, "buyer_id", [f"b{i:03d}" for i in range(len(rows))])
    spend["t_x"] = 0
    recent = spend["T"] <= 90
    spend["orders_90d"] = recent.astype(int)
    spend["net_spend_90d"] = spend["net_spend_90d"].where(recent, 0.0)
    return spend, spend.set_index("buyer_id")["expected"].rename("expected_spend_90d")


def shop(buyers: int, seed: int = 1) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    rows = [
        (int(1 + rng.poisson(2)), int(rng.integers(0, 365)), *rng.gamma(1, 100, 3))
        for _ in range(buyers)
    ]
    return spend_of(rows)


def shares_of(vip: float, core: float, potential: float) -> TierOptions:
    return replace(OPTIONS, vip_share=vip, core_share=core, potential_share=potential)


def test_tiers_mean_what_they_say() -> None:
    rows: list[Row] = [(2, 200, 80.0, 0.0, 5.0)] * 14
    rows += [(20, 1, 9000.0, 3000.0, 900.0)]  # top on past and present
    rows += [(3, 5, 500.0, 450.0, 60.0), (3, 6, 480.0, 420.0, 55.0)]  # strong now
    rows += [(1, 60, 90.0, 90.0, 300.0)]  # modest so far, much expected
    rows += [(30, 300, 8000.0, 0.0, 1.0)] * 2  # great once, gone now
    spend, expected = spend_of(rows)
    tiers = value_tiers(spend, expected, replace(OPTIONS, core_share=0.10, potential_share=0.10))
    assert tiers["tier"].tolist() == (
        ["ordinary"] * 14 + ["vip", "core", "core", "potential", "ordinary", "ordinary"]
    )


def test_shares_are_ceilings_that_a_large_shop_fills() -> None:
    tiers = value_tiers(*shop(2000), options=OPTIONS)
    counts = tiers["tier"].value_counts()
    assert counts["vip"] == 100
    assert counts["potential"] == 400
    assert 380 <= counts["core"] <= 400
    assert set(counts.index) == set(TIERS)


def test_buyers_who_are_alike_share_a_tier() -> None:
    spend, expected = spend_of([(2, 30, 100.0, 100.0, 50.0)] * 40)
    assert set(value_tiers(spend, expected, options=OPTIONS)["tier"]) == {"ordinary"}
    spend, expected = shop(300)
    twice = pd.concat([spend, spend.assign(buyer_id="c" + spend["buyer_id"])])
    both = pd.concat([expected, expected.rename(index=lambda name: "c" + name)])
    tiers = value_tiers(twice, both, options=OPTIONS).set_index("buyer_id")["tier"]
    assert (tiers.loc["c" + spend["buyer_id"]].to_numpy() == tiers[spend["buyer_id"]]).all()


def test_order_of_rows_and_names_do_not_count() -> None:
    spend, expected = shop(500)
    tiers = value_tiers(spend, expected, options=OPTIONS).set_index("buyer_id")["tier"]
    moved = spend.sample(frac=1, random_state=1)
    names = {name: f"x{i}" for i, name in enumerate(moved["buyer_id"])}
    again = value_tiers(
        moved.replace({"buyer_id": names}), expected.rename(index=names), options=OPTIONS
    )
    assert again["buyer_id"].is_monotonic_increasing
    assert (again.set_index("buyer_id")["tier"][tiers.index.map(names)] == tiers.to_numpy()).all()


def test_nobody_is_left_without_a_tier() -> None:
    spend, expected = shop(20)
    tiers = value_tiers(spend, expected, everyone=["b003", "visitor"], options=OPTIONS)
    assert len(tiers) == 21
    visitor = tiers.set_index("buyer_id").loc["visitor"]
    assert visitor["tier"] == "ordinary"
    assert visitor["past_score"] == visitor["expected_spend_90d"] == 0


@pytest.mark.parametrize("buyers", [0, 1, 5])
def test_tiny_shops(buyers: int) -> None:
    tiers = value_tiers(*shop(buyers), options=OPTIONS)
    assert len(tiers) == buyers
    assert not (tiers["tier"] == "vip").any()


def test_without_money_frequency_and_recency_still_count() -> None:
    spend, expected = shop(200)
    spend[["net_spend", "net_spend_90d"]] = np.nan
    tiers = value_tiers(spend, expected * np.nan, options=OPTIONS)
    counts = tiers["tier"].value_counts()
    assert counts["vip"] > 0
    assert "potential" not in counts


def test_money_by_tier_adds_up() -> None:
    spend, expected = shop(400)
    money = money_by_tier(value_tiers(spend, expected, options=OPTIONS))
    assert money["tier"].tolist() == list(TIERS)
    assert money["net_spend"].sum() == pytest.approx(spend["net_spend"].sum())
    assert money["buyers"].sum() == 400
    assert money["share_of_net_spend"].sum() == pytest.approx(1)
    each = money["net_spend"] / money["buyers"]
    assert each.iloc[3] == each.max()


def test_moves_count_everybody_once() -> None:
    before = value_tiers(*shop(300, seed=2), options=OPTIONS).head(250)
    now = value_tiers(*shop(300, seed=3), options=OPTIONS).tail(280)
    moves = tier_moves(now, before)
    assert moves.to_numpy().sum() == 300
    assert moves["gone"].sum() == 20
    assert moves.loc["new"].sum() == 50
    assert moves.loc["new", "gone"] == 0


@pytest.mark.parametrize("shares", [(0.5, 0.4, 0.2), (-0.1, 0.2, 0.2)])
def test_shares_that_do_not_fit_are_refused(shares: tuple[float, float, float]) -> None:
    vip, core, potential = shares
    with pytest.raises(DataError, match="together at most 1"):
        value_tiers(*shop(10), shares_of(vip, core, potential))


def test_a_buyer_twice_or_without_expectation_is_refused() -> None:
    spend, expected = shop(10)
    with pytest.raises(DataError, match="'b001' stands twice"):
        value_tiers(pd.concat([spend, spend.iloc[[1]]]), expected, options=OPTIONS)
    with pytest.raises(DataError, match="one value for every buyer"):
        value_tiers(spend, expected.head(4), options=OPTIONS)


row = st.tuples(
    st.integers(1, 9), st.integers(0, 365), st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e4)
)


@given(st.lists(row, max_size=60), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.3))
def test_tiers_part_the_shop_within_their_ceilings(
    rows: list[Row], vip: float, core: float, potential: float
) -> None:
    spend, expected = spend_of(rows)
    tiers = value_tiers(spend, expected, shares_of(vip, core, potential))
    assert tiers["buyer_id"].tolist() == spend["buyer_id"].tolist()
    counts = tiers["tier"].value_counts().reindex(list(TIERS), fill_value=0)
    for name, share in (("vip", vip), ("core", core), ("potential", potential)):
        assert counts[name] <= share * len(rows) + 1e-6
    assert tiers[["past_score", "present_score"]].stack().between(0, 1).all()


@given(st.lists(row, min_size=5, max_size=60), st.data())
def test_a_better_buyer_is_never_in_a_lower_tier(rows: list[Row], data: st.DataObject) -> None:
    """At least as good in all that counts means at least as high a tier."""
    spend, expected = spend_of(rows)
    tiers = value_tiers(spend, expected, options=OPTIONS)
    i = data.draw(st.integers(0, len(rows) - 1))
    now = spend.loc[i]
    better = (
        (spend["orders"] >= now["orders"])
        & (spend["T"] <= now["T"])
        & (spend["net_spend"] >= now["net_spend"])
        & (spend["net_spend_90d"] >= now["net_spend_90d"])
        & (spend["expected"] >= now["expected"])
    )
    place = tiers["tier"].map({name: k for k, name in enumerate(TIERS)})
    assert (place[better.to_numpy()] >= place[i]).all()
