"""What came of a conversation: worked by hand, and against the contract in plain Python."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import RULES

from csinsight.engine import open_shop
from csinsight.features.conversations import conversation_features, messages_of
from csinsight.features.frames import moment_ms
from csinsight.features.outcomes import observed_until_ms
from csinsight.sample import sample_shop

AS_OF = datetime(2026, 11, 1)
START = datetime(2026, 10, 5, 10)


def order(number, buyer, placed, paid=None, **more):
    amounts = {"list_amount": 100.0, "paid_amount": 80.0, "units": 1}
    return {
        "order_id": str(number),
        "buyer_id": buyer,
        "placed_at": placed,
        "paid_at": paid,
        **amounts,
        **more,
    }


def only_row(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


@pytest.fixture
def judge(shop_of, talk):
    """The features of one conversation of buyer b1 that began at 10:00, given some orders."""

    def row(orders, rules=RULES, as_of=AS_OF):
        shop = shop_of(messages=talk("b1", ("buyer", 0), ("a1", 30)), orders=orders)
        return only_row(conversation_features(shop, as_of, rules, months=12))

    return row


@pytest.mark.parametrize(
    ("placed", "paid", "ordered", "is_paid"),
    [
        (60, 120, True, True),
        (0, 120, False, False),  # not after the first message
        (-60, 120, False, False),
        (24 * 3600, 25 * 3600, True, True),  # the window's last moment
        (24 * 3600 + 1, 25 * 3600, False, False),
        (60, None, True, False),
        (60, 60 + 72 * 3600, True, True),
        (60, 61 + 72 * 3600, True, False),
    ],
)
def test_windows_to_the_second(judge, at, placed, paid, ordered, is_paid):
    row = judge([order(1, "b1", at(placed), paid and at(paid)), order(2, "b9", at(1), at(2))])
    assert (row["ordered"], row["paid"]) == (ordered, is_paid)
    assert pd.isna(row["outcome_at"]) == (not ordered)
    assert pd.isna(row["net_amount"]) == (not is_paid)


def test_orders_of_other_or_unknown_buyers_do_not_match(judge, at):
    row = judge([order(1, "b2", at(60), at(90)), order(2, None, at(60), at(90))])
    assert not row["ordered"]
    assert row["earlier_orders"] == 0


def test_an_abandoned_order_before_a_paid_one(judge, at):
    row = judge(
        [
            order(1, "b1", at(60)),
            order(2, "b1", at(600), at(700), paid_amount=50.0, refund_amount=20.0),
            order(3, "b1", at(800), at(900), paid_amount=70.0),
        ]
    )
    assert (row["ordered"], row["paid"]) == (True, True)
    assert row["order_id"] == "2"
    assert row["placed_at"] == at(600)
    assert row["net_amount"] == 30.0
    assert row["outcome_at"] == at(60)  # what came after the first order led to none


def test_what_happens_at_as_of_or_later_is_not_known(judge, at):
    orders = [order(1, "b1", at(60), at(3600)), order(2, "b1", at(-7200), at(-3600))]
    assert judge(orders, as_of=at(3601))["paid"]
    assert not judge(orders, as_of=at(3600))["paid"]
    assert pd.isna(judge(orders, as_of=at(3600))["paid_at"])
    assert not judge(orders, as_of=at(60))["ordered"]


def test_earlier_orders_are_those_paid_before_the_first_message(judge, at):
    orders = [
        order(1, "b1", at(-900), at(-800)),
        order(2, "b1", at(-700), at(10)),
        order(3, "b1", at(-600)),
        order(4, "b2", at(-900), at(-800)),
        order(5, "b9", at(1), at(2)),
    ]
    assert judge(orders)["earlier_orders"] == 1


def test_a_conversation_without_a_buyers_line_did_not_convert(shop_of, talk, at):
    shop = shop_of(messages=talk("b1", ("a1", 0)), orders=[order(1, "b1", at(60), at(61))])
    row = only_row(conversation_features(shop, AS_OF, RULES, months=12))
    assert not row["ordered"]
    assert not row["opened_by_buyer"]


def test_no_orders_no_buyers_or_no_payment_times_are_null_not_false(shop_of, talk, at):
    chat = talk("b1", ("buyer", 0), ("a1", 30))
    nothing = only_row(conversation_features(shop_of(messages=chat), AS_OF, RULES, months=12))
    unknown = shop_of(messages=chat, orders=[order(1, None, at(60), at(61))])
    unpaid = shop_of(messages=chat, orders=[order(1, "b1", at(60))])
    for row in (nothing, only_row(conversation_features(unknown, AS_OF, RULES, months=12))):
        assert row[["ordered", "paid", "earlier_orders", "order_id"]].isna().all()
    row = only_row(conversation_features(unpaid, AS_OF, RULES, months=12))
    assert row["ordered"]
    assert row[["paid", "earlier_orders"]].isna().all()


def test_messages_without_times_have_no_outcome_and_no_timings(shop_of, talk, at):
    chat = talk("b1", ("buyer", None), ("a1", None), ("a1", None), conversation_id="c1")
    shop = shop_of(messages=chat, orders=[order(1, "b1", at(60), at(61))])
    row = only_row(conversation_features(shop, AS_OF, RULES, months=12))
    timed = ["started_at", "ordered", "paid", "mature", "rounds", "response_sum_s", "open_talks"]
    assert row[timed].isna().all()
    assert row[["first_response_s", "mean_response_s", "slow_reply_share"]].isna().all()
    assert row["answer_ask_ratio"] == 2.0
    assert row["opened_by_buyer"]
    assert row["agent_id"] == "a1"


def test_before_the_outcome_is_up_to_its_moment(shop_of, talk, at):
    chat = talk("b1", ("buyer", 0), ("a1", 30), ("buyer", 50), ("a1", 60), ("a1", 61), ("a1", 99))
    shop = shop_of(messages=chat, orders=[order(1, "b1", at(60), at(70))])
    lines = messages_of(shop, AS_OF, RULES, months=12).collect().to_native().to_pandas()
    lines = lines.sort_values("position")
    assert lines["before_outcome"].tolist() == [True, True, True, True, False, False]
    row = only_row(conversation_features(shop, AS_OF, RULES, months=12))
    assert (row["agent_messages"], row["agent_messages_before"]) == (4, 2)
    assert row["answer_ask_ratio"] == 1.0


def test_maturity_to_the_second(shop_of, talk, at):
    chat = talk("b1", ("buyer", 0), ("a1", 30))
    for last, mature in ((96 * 3600, True), (96 * 3600 - 1, False)):
        shop = shop_of(messages=chat + talk("b2", ("bot", last)))
        table = conversation_features(shop, AS_OF, RULES, months=12)
        assert table.set_index("buyer_id").loc["b1", "mature"] == mature
        assert observed_until_ms(shop, AS_OF) == moment_ms(at(last))
    assert observed_until_ms(shop, at(10)) == moment_ms(at(0))


CHATS = st.lists(
    st.tuples(
        st.sampled_from(["b1", "b2", "b3"]),
        st.integers(0, 200),
        st.sampled_from(["buyer", "a1", "a2", "bot"]),
    ),
    min_size=1,
    max_size=25,
)
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["b1", "b2", "b3", "b9", None]),
        st.integers(0, 220),
        st.one_of(st.none(), st.integers(0, 90)),
    ),
    max_size=12,
)


def hour(number):
    return START + timedelta(hours=number)


def shop_from(shop_of, talk, chats, orders):
    messages = [row for b, h, who in chats for row in talk(b, (who, h * 3600.0))]
    bought = [
        order(n, b, hour(placed), None if after is None else hour(placed + after))
        for n, (b, placed, after) in enumerate(orders)
    ]
    # The shop's clock goes on whatever these buyers do.
    messages += talk("clock", ("bot", 400 * 3600.0))
    return shop_of(messages=messages, orders=bought)


def by_hand(first, buyer, orders, window=24, payment=72):
    """Say whether `buyer` ordered and paid, by the contract's sentence."""
    placed = [o for o in orders if o[0] == buyer and 0 < o[1] - first <= window]
    return bool(placed), any(o[2] is not None and o[2] <= payment for o in placed)


@settings(deadline=None, max_examples=15)
@given(chats=CHATS, orders=ORDERS)
def test_outcomes_are_as_the_contract_says(shop_of, talk, chats, orders):
    table = conversation_features(shop_from(shop_of, talk, chats, orders), AS_OF, RULES, months=12)
    if not any(b for b, *_ in orders):
        assert table["ordered"].isna().all()
        return
    paying = any(after is not None for *_, after in orders)
    for row in table[table["first_buyer_at"].notna()].itertuples():
        first = (row.first_buyer_at - START).total_seconds() / 3600
        ordered, paid = by_hand(first, row.buyer_id, orders)
        assert row.ordered == ordered
        assert row.paid == paid if paying else pd.isna(row.paid)


@settings(deadline=None, max_examples=8)
@given(chats=CHATS, orders=ORDERS, wider=st.integers(1, 60))
def test_conversion_grows_with_the_windows(shop_of, talk, chats, orders, wider):
    orders = [*orders, ("b9", 1, 1)]
    shop = shop_from(shop_of, talk, chats, orders)
    narrow = conversation_features(shop, AS_OF, RULES, months=12)
    wide = conversation_features(
        shop,
        AS_OF,
        replace(RULES, conversion_window_hours=24 + wider, payment_window_hours=72 + wider),
        months=12,
    )
    for name in ("ordered", "paid"):
        assert (wide[name] | ~narrow[name]).all()
    assert (narrow["mature"] | ~wide["mature"]).all()


@settings(deadline=None, max_examples=8)
@given(chats=CHATS, orders=ORDERS)
def test_maturity_does_not_depend_on_the_outcome(shop_of, talk, chats, orders):
    with_orders = conversation_features(
        shop_from(shop_of, talk, chats, orders), AS_OF, RULES, months=12
    )
    without = conversation_features(shop_from(shop_of, talk, chats, []), AS_OF, RULES, months=12)
    assert with_orders["mature"].tolist() == without["mature"].tolist()


@settings(deadline=None, max_examples=10)
@given(chats=CHATS, orders=ORDERS, later=CHATS, more=ORDERS, now=st.integers(1, 200))
def test_what_happens_later_changes_nothing(shop_of, talk, chats, orders, later, more, now):
    as_of = hour(now)
    # All-or-nothing columns: both shops have payment times and buyers.
    orders = [*orders, ("b9", 0, 0)]
    after = [(b, h + now, who) for b, h, who in later]
    placed_after = [(b, h + now, paid) for b, h, paid in more]
    before = conversation_features(shop_from(shop_of, talk, chats, orders), as_of, RULES, months=12)
    extended = shop_from(shop_of, talk, [*chats, *after], [*orders, *placed_after])
    pd.testing.assert_frame_equal(conversation_features(extended, as_of, RULES, months=12), before)


@pytest.mark.parametrize("hour", [0, 8])
def test_orders_that_tell_days_alone_leave_what_came_of_chats_unknown(tmp_path, hour: int) -> None:
    """A midnight would lie before all chats of its day, and eight in the morning before most."""
    folder = tmp_path / "shop"
    shutil.copytree(sample_shop().folder, folder)
    [path] = folder.glob("orders.*")
    orders = pl.read_parquet(path)
    day = pl.col("placed_at").dt.truncate("1d") + pl.duration(hours=hour)
    dated = orders.with_columns(
        placed_at=day, paid_at=pl.when(pl.col("paid_at").is_not_null()).then(day)
    )
    # One that kept its clock tells nothing of the others.
    pl.concat([orders[:1], dated[1:]]).write_parquet(path)
    shop = open_shop(folder)
    assert sample_shop().joined
    assert shop.orders_dated and not shop.joined
    talks = conversation_features(shop, AS_OF, RULES, months=12)
    assert len(talks) > 50
    assert talks["ordered"].isna().all() and talks["paid"].isna().all()
