"""Counts and sums a buyer: worked by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import WINDOWS

from csinsight.contract.schema import PAGE_KINDS
from csinsight.features.buyers import CutEvents, buyer_features

AS_OF = datetime(2026, 11, 1)


def view(buyer, moment, kind="product", **more):
    return {"buyer_id": buyer, "viewed_at": moment, "page_kind": kind, **more}


def order(number, buyer, placed, **more):
    return {"order_id": str(number), "buyer_id": buyer, "placed_at": placed, **more}


@pytest.fixture
def one(shop_of):
    """The features of the only buyer of a shop."""

    def row(**tables):
        table = buyer_features(shop_of(**tables), AS_OF, **WINDOWS)
        assert len(table) == 1
        return table.iloc[0]

    return row


def test_visits_are_cut_at_thirty_idle_minutes(one, at):
    moments = [at(0), at(60), at(60 + 29 * 60), at(60 + 29 * 60 + 30 * 60), at(days=1)]
    row = one(page_views=[view("b1", moment) for moment in moments])
    assert (row["pages"], row["visits"], row["active_days"]) == (5, 3, 2)
    assert (row["steps"], row["step_seconds"]) == (2, 60 + 29 * 60)
    assert (row["first_view_at"], row["last_view_at"]) == (at(0), at(days=1))


def test_given_visits_are_kept(one, at):
    views = [view("b1", at(hours=h), visit_id=f"v{h // 3}") for h in range(6)]
    row = one(page_views=views)
    assert row["visits"] == 2
    assert row["step_seconds"] == 4 * 1800  # a step counts 30 minutes at most


def test_rhythm_of_visits(one, at):
    row = one(page_views=[view("b1", at(days=d)) for d in (0, 1, 4)])
    assert (row["gap_count"], row["gap_mean"]) == (2, 2.0)
    assert row["gap_sd"] == pytest.approx(math.sqrt(2))
    angle = 2 * math.pi * 10 / 24
    assert row["hour_cos"] == pytest.approx(math.cos(angle))
    assert row["hour_sin"] == pytest.approx(math.sin(angle))


def test_a_single_visit_has_no_rhythm(one, at):
    row = one(page_views=[view("b1", at(0))])
    assert row["gap_count"] == 0
    assert row[["gap_mean", "gap_sd"]].isna().all()


def test_kinds_and_dwell(one, at):
    views = [
        view("b1", at(0), "cart", dwell_seconds=10.0),
        view("b1", at(20), "cart"),
        view("b1", at(30), "help", dwell_seconds=2.5),
    ]
    row = one(page_views=views)
    assert (row["pages_cart"], row["pages_help"], row["page_kinds_seen"]) == (2, 1, 2)
    assert sum(row[f"pages_{kind}"] for kind in PAGE_KINDS) == row["pages"] == 3
    assert (row["seconds"], row["dwell_known"]) == (12.5, 2)


def test_orders(one):
    day = timedelta(days=1)
    amounts = {"list_amount": 100.0, "paid_amount": 80.0, "units": 2}
    orders = [
        order(1, "b1", AS_OF - day, paid_at=AS_OF - day, coupon_used=True, **amounts),
        order(2, "b1", AS_OF - 100 * day, refund_amount=30.0, coupon_used=False, **amounts),
        order(3, "b1", AS_OF - 366 * day, paid_at=AS_OF - 366 * day, **amounts),
        order(4, "b1", AS_OF, paid_at=AS_OF, **amounts),
        order(5, "b1", AS_OF - 365 * day, paid_at=AS_OF, list_amount=1.0, paid_amount=3.0, units=1),
    ]
    row = one(orders=orders)
    expected = {
        "orders": 3,
        "paid_orders": 1,
        "orders_in_window": 1,
        "list_amount": 201.0,
        "paid_amount": 163.0,
        "discount_amount": 40.0,
        "coupon_orders": 1,
        "coupon_known": 2,
        "refunded_orders": 1,
        "refund_amount": 30.0,
        "units": 5,
    }
    assert row[list(expected)].to_dict() == expected


def test_chats_and_account_age(one, at, talk):
    chat = talk("b1", ("buyer", 0), ("buyer", 10), ("a1", 20), ("buyer", 13 * 3600))
    old = talk("b1", ("buyer", -100 * 86_400))
    row = one(messages=chat + old, buyers=[{"buyer_id": "b1", "joined_at": AS_OF - timedelta(9.5)}])
    assert (row["buyer_messages"], row["conversations"]) == (3, 2)
    assert row["account_age_days"] == 9.5


def test_in_no_table_is_null_and_not_in_a_table_is_zero(shop_of, at):
    shop = shop_of(
        page_views=[view("b1", at(0))],
        orders=[order(1, "b2", at(0), paid_at=at(1))],
        buyers=[{"buyer_id": "b1", "joined_at": AS_OF + timedelta(days=1)}],
    )
    table = buyer_features(shop, AS_OF, **WINDOWS).set_index("buyer_id")
    assert table.index.tolist() == ["b1", "b2"]
    assert table.loc["b2", ["pages", "visits", "pages_home", "step_seconds"]].tolist() == [
        0,
        0,
        0,
        0,
    ]
    assert table.loc["b1", ["orders", "paid_orders"]].tolist() == [0, 0]
    never = ["seconds", "dwell_known", "list_amount", "discount_amount", "coupon_orders", "units"]
    never += ["refund_amount", "buyer_messages", "conversations", "account_age_days"]
    assert table[never].isna().all(axis=None)


def test_a_shop_with_nothing_to_say_of_buyers(shop_of):
    table = buyer_features(shop_of(agents=[{"agent_id": "a1"}]), AS_OF, **WINDOWS)
    assert table.empty
    assert table["pages"].dtype == "Int64"
    orders = shop_of(orders=[order(1, None, AS_OF - timedelta(days=1))])
    assert buyer_features(orders, AS_OF, **WINDOWS).empty


VIEWS = st.lists(
    st.tuples(
        st.sampled_from(["b1", "b2"]),
        st.integers(0, 90 * 24 * 4),
        st.sampled_from(PAGE_KINDS),
        st.one_of(st.none(), st.integers(0, 100).map(float)),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=15)
@given(views=VIEWS, later=VIEWS)
def test_what_happens_later_changes_nothing(shop_of, views, later):
    start = AS_OF - timedelta(days=91)
    quarter = timedelta(minutes=15)

    def shop(moments):
        rows = [view(b, t, kind, dwell_seconds=dwell) for b, t, kind, dwell in moments]
        fixed = view("b0", start + timedelta(days=2), dwell_seconds=1.0)
        orders = [order(n, b, t, paid_at=t + quarter) for n, (b, t, *_) in enumerate(moments)]
        first = order("first", "b0", start + timedelta(days=2), paid_at=AS_OF - quarter)
        return shop_of(page_views=[fixed, *rows], orders=[first, *orders])

    before = [(b, start + n * quarter, *rest) for b, n, *rest in views]
    after = [(b, AS_OF + n * quarter, *rest) for b, n, *rest in later]
    known = buyer_features(shop(before), AS_OF, **WINDOWS)
    pd.testing.assert_frame_equal(buyer_features(shop(before + after), AS_OF, **WINDOWS), known)
    assert known["pages"].sum() == 1 + sum(t >= AS_OF - timedelta(days=90) for _, t, *_ in before)
    assert (known["steps"] == known["pages"] - known["visits"]).all()
    assert (known["gap_count"] == (known["visits"] - 1).clip(lower=0)).all()


@settings(deadline=None, max_examples=15)
@given(views=VIEWS, given_ids=st.booleans(), even_days=st.booleans())
def test_what_is_cut_beforehand_gives_the_same_look_back(shop_of, views, given_ids, even_days):
    start, quarter = AS_OF - timedelta(days=2), timedelta(minutes=15)
    # Within four days about the ends of two look-backs, so that visits and conversations reach over
    # them, and over midnight.
    moments = [(b, start + n % (4 * 96) * quarter, *rest) for b, n, *rest in views]
    rows = [view(b, t, kind, dwell_seconds=dwell) for b, t, kind, dwell in moments]
    fixed = view("b0", start, dwell_seconds=1.0, visit_id="v1")
    lines = [{"buyer_id": b, "sender": "buyer", "sent_at": t, "text": "能便宜点吗"}
             for b, t, *_ in moments]  # fmt: skip
    lines += [{"buyer_id": "b0", "sender": "buyer", "sent_at": start, "text": "在吗",
               "conversation_id": "c1" if given_ids else None}]  # fmt: skip
    shop = shop_of(page_views=[fixed, *rows], messages=lines)
    events = CutEvents.of(shop, WINDOWS["gap_hours"], even_days=even_days)
    assert (events.views is not None, events.lines is None) == (True, given_ids)
    windows = {**WINDOWS, "page_view_days": 1}
    for end in (AS_OF - timedelta(hours=30), AS_OF):
        told = buyer_features(shop, end, **windows, even_days=even_days)
        again = buyer_features(shop, end, **windows, even_days=even_days, events=events)
        pd.testing.assert_frame_equal(again, told)
