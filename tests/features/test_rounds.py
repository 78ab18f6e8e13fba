"""How long buyers waited: worked by hand, and what has to add up whatever was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import RULES

from csinsight.engine import collect
from csinsight.features.conversations import conversation_features, messages_of
from csinsight.features.rounds import rounds, turns

AS_OF = datetime(2026, 11, 1)


@pytest.fixture
def row(shop_of, talk):
    """The features of one conversation from the lines of one buyer, the first at 10:00."""

    def features(*said, rules=RULES, as_of=AS_OF, orders=None):
        tables = {"messages": talk("b1", *said)} | ({"orders": orders} if orders else {})
        table = conversation_features(shop_of(**tables), as_of, rules, months=12)
        assert len(table) == 1
        return table.iloc[0]

    return features


def waits(row):
    return tuple(row[["rounds", "rounds_in_180s", "rounds_unanswered", "response_sum_s"]])


def test_a_round_runs_from_the_first_buyer_line_to_the_first_human_reply(row):
    found = row(
        ("buyer", 0),
        ("buyer", 20),
        ("bot", 21),
        ("a1", 30),
        ("a1", 31),
        ("buyer", 100),
        ("a2", 300),
    )
    assert waits(found) == (2, 1, 0, 230.0)
    assert found["first_response_s"] == found["first_response_talk_s"] == 30.0
    assert found["mean_response_s"] == 115.0
    assert found["slow_reply_share"] == 0.5
    assert found["answer_ask_ratio"] == 1.0
    assert found["agent_turns"] == 2


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (180, (1, 1, 0, 180.0)),
        (181, (1, 0, 0, 181.0)),
        (600, (1, 0, 0, 600.0)),
        (9000, (1, 0, 0, 600.0)),
    ],
)
def test_slow_and_capped(row, reply, expected):
    assert waits(row(("buyer", 0), ("a1", reply))) == expected


def test_nobody_answered_counts_the_cap(row):
    assert waits(row(("buyer", 0), ("bot", 1))) == (1, 0, 1, 600.0)
    assert row(("buyer", 0))["first_response_s"] == 600.0


def test_a_reply_on_the_next_day_counts_as_none(row):
    midnight = 14 * 3600
    rules = replace(RULES, service_end_hour=24)
    found = row(("buyer", midnight - 60), ("a1", midnight + 30), rules=rules)
    assert waits(found) == (1, 0, 1, 600.0)


def test_a_night_shift_answers_across_midnight(row):
    night = replace(RULES, service_start_hour=18, service_end_hour=4)
    late = 14 * 3600 - 10  # ten seconds before midnight
    assert waits(row(("buyer", late), ("a1", late + 30), rules=night)) == (1, 1, 0, 30.0)
    next_shift = late + 5 * 3600  # after four in the morning
    assert waits(row(("buyer", late), ("a1", next_shift), rules=night)) == (1, 0, 1, 600.0)


def test_rounds_outside_service_hours_are_counted_and_not_timed(row):
    evening = 13 * 3600  # 23:00
    found = row(("buyer", evening), ("a1", evening + 10))
    assert waits(found) == (0, 0, 0, 0.0)
    assert found["rounds_off_hours"] == 1
    timings = ["first_response_s", "first_response_talk_s", "mean_response_s", "slow_reply_share"]
    assert found[timings].isna().all()
    night = replace(RULES, service_start_hour=22, service_end_hour=6)
    assert waits(row(("buyer", evening), ("a1", evening + 10), rules=night)) == (1, 1, 0, 10.0)


def test_the_agent_wrote_first(row):
    found = row(("a1", 0), ("buyer", 50), ("a1", 60))
    assert waits(found) == (1, 1, 0, 10.0)
    assert found["first_response_s"] == 10.0
    assert not found["opened_by_buyer"]


@pytest.mark.parametrize(
    ("placed", "before"),
    [
        (300, (2, 20.0)),  # all known
        (130, (1, 10.0)),  # the second round was open, for 30 s: left out
        (29, (1, 10.0)),
        (5, (0, np.nan)),
    ],
)
def test_timings_before_the_outcome_do_not_look_past_it(row, at, placed, before):
    bought = {"order_id": "1", "buyer_id": "b1", "placed_at": at(placed), "paid_at": at(400)}
    found = row(("buyer", 0), ("a1", 10), ("buyer", 100), ("a1", 130.5), orders=[bought])
    found_before = (found["rounds_before"], found["mean_response_s"])
    expected = before if placed != 300 else (2, 20.25)
    np.testing.assert_equal(found_before, expected)
    assert waits(found) == (2, 2, 0, 40.5)  # the whole talk, for KPIs


def test_a_wait_past_the_cap_is_known_at_the_outcome(row, at):
    bought = {"order_id": "1", "buyer_id": "b1", "placed_at": at(700), "paid_at": at(800)}
    found = row(("buyer", 0), ("a1", 900), orders=[bought])
    assert (found["rounds_before"], found["mean_response_s"]) == (1, 600.0)
    assert found["slow_reply_share"] == 1.0


LINES = st.lists(
    st.tuples(st.sampled_from(["buyer", "a1", "a2", "bot"]), st.integers(0, 2 * 86_400)),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=20)
@given(lines=LINES, later=LINES)
def test_rounds_add_up(shop_of, talk, lines, later):
    said = talk("b1", *lines) + talk("b2", *later)
    shop = shop_of(messages=said)
    table = conversation_features(shop, AS_OF, RULES, months=12)
    messages = collect(messages_of(shop, AS_OF, RULES, months=12))
    buyer_turns = messages[messages["sender"] == "buyer"].groupby("conversation_id")["turn_no"]
    turns = table["conversation_id"].map(buyer_turns.nunique()).fillna(0)
    assert (table["rounds"] + table["rounds_off_hours"] == turns).all()
    assert (table["rounds_in_180s"] + table["rounds_unanswered"] <= table["rounds"]).all()
    assert (table["response_sum_s"] <= 600 * table["rounds"]).all()
    assert (table["response_sum_s"] >= 600 * table["rounds_unanswered"]).all()
    assert (table["rounds_before"] == table["rounds"]).all()  # there are no orders
    assert table["buyer_messages"].sum() == (messages["sender"] == "buyer").sum()
    assert table["agent_messages"].sum() == (messages["sender"] == "agent").sum()


def test_each_round_by_itself(shop_of, talk):
    shop = shop_of(messages=talk("b1", ("buyer", 0), ("a1", 10), ("buyer", 20), ("bot", 25)))
    table = collect(rounds(turns(messages_of(shop, AS_OF, RULES, months=12)), RULES)).sort_values(
        "turn_no"
    )
    assert table["turn_no"].tolist() == [1, 3]
    assert table["answered"].tolist() == [True, False]
    assert table["response_s"].tolist() == [10.0, 600.0]


@pytest.mark.parametrize("wrong", [{"gap_hours": 0}, {"slow_s": -1}, {"service_end_hour": 25}])
def test_rules_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(RULES, **wrong)


def test_a_moment_with_a_zone_is_refused(shop_of, talk):
    zoned = pd.Timestamp(AS_OF, tz="Asia/Shanghai").to_pydatetime()
    with pytest.raises(ValueError, match="time zone"):
        conversation_features(shop_of(messages=talk("b1", ("buyer", 0))), zoned, RULES, months=12)


def test_the_months_before_as_of(shop_of, talk):
    days = timedelta(days=1).total_seconds()
    said = [talk(f"b{n}", ("buyer", n * days)) for n in (-70, -36, -4, 0)]
    shop = shop_of(messages=[line for lines in said for line in lines])
    for months, buyers in ((1, ["b-4", "b0"]), (2, ["b-4", "b0"]), (3, ["b-36", "b-4", "b0"])):
        table = conversation_features(shop, AS_OF, RULES, months=months)
        assert table["buyer_id"].tolist() == buyers
        messages = collect(messages_of(shop, AS_OF, RULES, months=months))
        assert sorted(messages["buyer_id"]) == sorted(buyers)


def test_a_talk_over_the_end_of_a_month_is_an_inquiry_of_one_month(shop_of, talk, at):
    """Asked at 23:58 on 31 October, answered at 00:02: October's report can't know the answer."""
    night = (datetime(2026, 10, 31, 23, 58) - at()).total_seconds()
    shop = shop_of(messages=talk("b1", ("buyer", night), ("a1", night + 240)))
    for as_of, expected in ((datetime(2026, 11, 1), 0), (datetime(2026, 12, 1), 1)):
        table = conversation_features(shop, as_of, RULES, months=1)
        inside = table["counted_at"] < as_of
        assert int(inside.sum()) == expected
        assert table["started_at"].tolist() == [datetime(2026, 10, 31, 23, 58)]


def test_a_talk_that_nobody_answered_counts_when_it_was_over(row, at):
    assert row(("buyer", 0))["counted_at"] == at(hours=12)
    assert row(("buyer", 0), ("bot", 5), ("a1", 700))["counted_at"] == at(700)
