"""Who served a conversation, how busy they were, and how the buyer rated them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import RULES

from csinsight.features.conversations import conversation_features

AS_OF = datetime(2026, 11, 1)


def features(shop, as_of=AS_OF):
    return conversation_features(shop, as_of, RULES, months=12)


@pytest.mark.parametrize(
    ("said", "placed", "agent"),
    [
        ([("a1", 1), ("a2", 2), ("a1", 3)], None, "a1"),
        ([("a1", 1), ("a2", 2)], None, "a2"),  # of equals the last to reply
        ([("a2", 1), ("a1", 2)], None, "a1"),
        ([("a1", 1), ("a2", 20), ("a2", 21)], 10, "a1"),  # up to the outcome
        ([("a1", 20), ("a2", 21), ("a1", 22)], 10, "a1"),  # nobody had replied by then
        ([("bot", 1), ("bot", 2), ("system", 3)], None, None),
        ([("bot", 1), ("bot", 2), ("a1", 3)], None, "a1"),
    ],
)
def test_the_agent_of_a_conversation(shop_of, talk, at, said, placed, agent):
    bought = {"order_id": "1", "buyer_id": "b1", "placed_at": at(placed or -1), "paid_at": at(99)}
    shop = shop_of(messages=talk("b1", ("buyer", 0), *said), orders=[bought])
    found = features(shop)["agent_id"][0]
    assert pd.isna(found) if agent is None else found == agent


def test_a_line_of_an_unnamed_agent_is_a_reply_by_nobody(shop_of, talk):
    chat = talk("b1", ("buyer", 0), ("a1", 10), ("a1", 20))
    for line in chat:
        line["agent_id"] = None
    row = features(shop_of(messages=chat)).iloc[0]
    assert pd.isna(row["agent_id"])
    assert pd.isna(row["open_talks"])
    assert (row["agent_messages"], row["rounds_unanswered"]) == (2, 0)


def test_open_talks_by_hand(shop_of, talk):
    shop = shop_of(
        messages=[
            *talk("b1", ("buyer", 0), ("a1", 100)),
            *talk("b2", ("buyer", 50), ("a1", 60)),
            *talk("b3", ("buyer", 60), ("a1", 61)),  # b2 ended at that moment
            *talk("b4", ("buyer", 55), ("a2", 56)),  # another agent
            *talk("b5", ("a1", 10), ("buyer", 55), ("a1", 58)),
        ]
    )
    table = features(shop).set_index("buyer_id")["open_talks"]
    assert table.to_dict() == {"b1": 0, "b2": 2, "b3": 1, "b4": 0, "b5": 2}


SPANS = st.lists(
    st.tuples(st.sampled_from(["a1", "a2"]), st.integers(0, 8), st.integers(0, 8), st.booleans()),
    min_size=1,
    max_size=15,
)


@settings(deadline=None, max_examples=20)
@given(spans=SPANS)
def test_open_talks_are_those_started_before_and_ended_after(shop_of, talk, spans):
    messages = []
    for number, (agent, start, length, greeted) in enumerate(spans):
        asked = start + 1 if greeted else start
        opening = [(agent, start)] if greeted else []
        end = max(asked, start + length)
        messages += talk(f"b{number}", *opening, ("buyer", asked), (agent, end))
    table = features(shop_of(messages=messages))
    for row in table.itertuples():
        others = table[(table["agent_id"] == row.agent_id) & (table["buyer_id"] != row.buyer_id)]
        begun = others["started_at"] < row.first_buyer_at
        expected = (begun & (others["ended_at"] > row.first_buyer_at)).sum()
        assert row.open_talks == expected


def test_satisfaction_goes_to_the_latest_talk_with_that_agent(shop_of, talk, at):
    hours = 3600
    ratings = [
        ("b1", "a1", 20, 5),
        ("b1", "a1", 14 * hours, 1),  # after the second talk, within 72 h of both
        ("b1", "a2", 20, 3),  # not this talk's agent
        ("b2", "a1", 72 * hours + 10, 4),  # the last moment
        ("b3", "a1", 72 * hours + 11, 4),
        ("b4", "a1", -1, 4),  # before the talk
    ]
    shop = shop_of(
        messages=[
            *talk("b1", ("buyer", 0), ("a1", 10), ("buyer", 13 * hours), ("a1", 13 * hours + 1)),
            *(line for b in ("b2", "b3", "b4") for line in talk(b, ("buyer", 0), ("a1", 10))),
        ],
        ratings=[
            {"buyer_id": b, "agent_id": a, "rated_at": at(s), "score": score}
            for b, a, s, score in ratings
        ],
    )
    table = features(shop).sort_values(["buyer_id", "started_at"])
    found = table["satisfaction"].fillna(0).tolist()
    assert found == [5.0, 1.0, 4.0, 0.0, 0.0]
    early = features(shop, at(14 * hours)).sort_values(["buyer_id", "started_at"])
    assert early["satisfaction"].fillna(0).tolist() == [5.0, 0.0, 0.0, 0.0, 0.0]


def test_who_was_handed_over_and_rates_the_colleague_is_counted(shop_of, talk, at):
    lines = [("buyer", 0), ("a1", 10), ("a1", 11), ("buyer", 20), ("a2", 30)]
    ratings = [("b1", "a2", 2), ("b2", "a1", 5), ("b2", "a2", 1)]
    shop = shop_of(
        messages=[*talk("b1", *lines), *talk("b2", *lines)],
        ratings=[
            {"buyer_id": b, "agent_id": a, "rated_at": at(60), "score": score}
            for b, a, score in ratings
        ],
    )
    table = features(shop).sort_values("buyer_id")
    assert table["agent_id"].tolist() == ["a1", "a1"]
    assert table["satisfaction"].tolist() == [2.0, 5.0]


def test_without_ratings_satisfaction_is_null(shop_of, talk):
    assert (
        features(shop_of(messages=talk("b1", ("buyer", 0), ("a1", 1))))["satisfaction"].isna().all()
    )
