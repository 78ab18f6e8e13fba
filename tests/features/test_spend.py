"""What each buyer bought: worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import ORDER_DAYS

from csinsight.features.spend import WINDOWS, spend_between, spend_features

AS_OF = datetime(2026, 11, 1)
DAY = timedelta(days=1)


def order(number, buyer, ago, amount=10.0, *, paid=True, **more):
    placed = AS_OF - ago
    return {
        "order_id": str(number),
        "buyer_id": buyer,
        "placed_at": placed,
        "paid_at": placed + timedelta(hours=1) if paid else None,
        "list_amount": amount,
        "paid_amount": amount,
        "units": 1,
        **more,
    }


def test_one_buyer_by_hand(shop_of):
    orders = [
        order(1, "b1", 100 * DAY, 10.0),
        order(2, "b1", 100 * DAY - timedelta(hours=2), 5.0),  # the same day: one purchase
        order(3, "b1", 40 * DAY, 30.0, refund_amount=12.0),
        order(4, "b1", 2 * DAY, 8.0),
        order(5, "b1", 1 * DAY, 99.0, paid=False),
        order(6, "b1", timedelta(minutes=5), 99.0),  # paid after as_of
        order(7, "b1", 366 * DAY, 99.0),
        order(8, None, 3 * DAY, 99.0),
        order(9, "b2", 3 * DAY, 99.0, paid=False),
    ]
    table = spend_features(shop_of(orders=orders), AS_OF, **ORDER_DAYS)
    assert table["buyer_id"].tolist() == ["b1"]
    row = table.iloc[0]
    assert (row["orders"], row["purchase_days"]) == (4, 4)
    # A year and a day ago: out of the look-back, yet the buyer has been one for so long.
    assert (row["x"], row["t_x"], row["T"]) == (3, 364, 366)
    assert (row["net_spend"], row["net_spend_90d"], row["repeat_spend"]) == (41.0, 26.0, 41.0)
    assert row["lifetime_spend"] == 140.0
    assert [row[f"orders_{days}d"] for days in WINDOWS] == [1, 2, 2, 4, 4]
    assert row["first_order_at"] == AS_OF - 366 * DAY
    assert row["last_order_at"] == AS_OF - 2 * DAY


def test_between_two_moments(shop_of):
    orders = [
        order(1, "b1", 10 * DAY, 10.0),
        order(2, "b1", 5 * DAY, 7.0, refund_amount=2.0),
        order(3, "b2", 1 * DAY, 4.0),
        order(4, "b3", 10 * DAY - timedelta(seconds=1), 1.0, paid=False),
    ]
    shop = shop_of(orders=orders)
    table = spend_between(shop, AS_OF - 10 * DAY, AS_OF - 1 * DAY)
    assert table.to_dict("list") == {"buyer_id": ["b1"], "orders": [2], "net_spend": [15.0]}
    assert spend_between(shop, AS_OF - 9 * DAY, AS_OF)["buyer_id"].tolist() == ["b1", "b2"]


def test_without_amounts_there_is_no_spend_but_there_are_purchases(shop_of):
    no_money = {"list_amount": None, "paid_amount": None}
    shop = shop_of(orders=[order(1, "b1", 3 * DAY, **no_money)])
    table = spend_features(shop, AS_OF, **ORDER_DAYS)
    assert table["orders"].tolist() == [1]
    assert table[["net_spend", "net_spend_90d", "repeat_spend"]].isna().all(axis=None)
    assert spend_between(shop, AS_OF - 9 * DAY, AS_OF)["net_spend"].isna().all()


@pytest.mark.parametrize("missing", [{"buyer_id": None}, {"paid_at": None}])
def test_without_buyers_or_payments_there_is_nothing(shop_of, missing):
    shop = shop_of(orders=[order(1, "b1", 3 * DAY) | missing])
    assert spend_features(shop, AS_OF, **ORDER_DAYS).empty
    assert spend_between(shop, AS_OF - 9 * DAY, AS_OF).empty
    assert (
        spend_features(shop_of(agents=[{"agent_id": "a1"}]), AS_OF, **ORDER_DAYS)["x"].dtype
        == "Int64"
    )


PURCHASES = st.lists(
    st.tuples(st.sampled_from(["b1", "b2"]), st.integers(1, 360 * 24), st.integers(1, 500)),
    min_size=1,
    max_size=20,
)


@settings(deadline=None, max_examples=20)
@given(bought=PURCHASES, later=PURCHASES)
def test_what_always_holds(shop_of, bought, later):
    rows = [order(n, b, timedelta(hours=h + 1), float(a)) for n, (b, h, a) in enumerate(bought)]
    future = [order(f"f{n}", b, -timedelta(hours=h), 5.0) for n, (b, h, _) in enumerate(later)]
    table = spend_features(shop_of(orders=rows), AS_OF, **ORDER_DAYS)
    assert table.equals(spend_features(shop_of(orders=rows + future), AS_OF, **ORDER_DAYS))
    assert (table["x"] == table["purchase_days"] - 1).all()
    assert ((table["t_x"] < table["T"]) & ((table["t_x"] > 0) == (table["x"] > 0))).all()
    assert (table["net_spend"] >= table["net_spend_90d"]).all()
    assert table["net_spend"].sum() == sum(a for _, _, a in bought)
    halves = [
        spend_between(shop_of(orders=rows), start, end)["net_spend"].sum()
        for start, end in ((AS_OF - 365 * DAY, AS_OF - 50 * DAY), (AS_OF - 50 * DAY, AS_OF))
    ]
    # A payment an hour after the boundary is not known at the first half's end.
    cut_off = sum(a for _, h, a in bought if 50 * 24 < h + 1 <= 50 * 24 + 1)
    assert sum(halves) == table["net_spend"].sum() - cut_off
