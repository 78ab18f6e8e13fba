"""Cutting messages into conversations and turns."""

from __future__ import annotations

from itertools import pairwise

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.engine import collect
from csinsight.features.conversations import cut, with_turns

HOUR = 3_600_000
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["b1", "b2", "b3"]),
        st.integers(0, 30).map(lambda half_hours: half_hours * HOUR // 2),
        st.sampled_from(["buyer", "agent", "bot", "system"]),
        st.sampled_from([None, None, None, "given"]),
    ),
    min_size=1,
    max_size=40,
)
GAPS = st.sampled_from([0.5, 1.0, 2.5, 12.0])


def frame(rows, order=None) -> nw.LazyFrame:
    table = pl.DataFrame(
        {
            "buyer_id": [buyer for buyer, *_ in rows],
            "sender": [sender for _, _, sender, _ in rows],
            "sent_at_ms": [time for _, time, _, _ in rows],
            "conversation_id": [i and f"{i} {buyer}" for buyer, _, _, i in rows],
            "message_no": range(len(rows)),
        },
        schema_overrides={"conversation_id": pl.String, "sent_at_ms": pl.Int64},
    )
    return nw.from_native(table[order] if order else table).lazy()


def cut_and_turned(rows, gap, order=None):
    table = collect(with_turns(cut(frame(rows, order), gap)))
    return table.sort_values("message_no", ignore_index=True)


def whole(rows, gap):
    """The conversation of each message, by the contract's sentence, in plain Python."""
    ids: list[str] = [""] * len(rows)
    for buyer in {row[0] for row in rows}:
        own = sorted((n for n, row in enumerate(rows) if row[0] == buyer), key=lambda n: rows[n][1])
        runs: list[list[int]] = []
        for number in own:
            if not runs or rows[number][1] - rows[runs[-1][-1]][1] >= gap * HOUR:
                runs.append([])
            runs[-1].append(number)
        for run in runs:
            given = next((f"{rows[n][3]} {buyer}" for n in run if rows[n][3]), None)
            for number in run:
                ids[number] = given or f"{buyer}#{rows[run[0]][1]}"
    return ids


@settings(deadline=None)
@given(MESSAGES, GAPS)
def test_every_message_is_in_the_one_conversation_that_the_contract_says(rows, gap):
    assert cut_and_turned(rows, gap)["conversation_id"].tolist() == whole(rows, gap)


@settings(deadline=None)
@given(MESSAGES, GAPS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_while_the_running_number_stays(rows, gap, random):
    order = random.sample(range(len(rows)), len(rows))
    shuffled = cut_and_turned(rows, gap, order)
    assert shuffled.equals(cut_and_turned(rows, gap)[shuffled.columns])


@settings(deadline=None)
@given(MESSAGES, GAPS, st.integers(1, 30))
def test_what_comes_later_does_not_change_a_conversation_or_turn(rows, gap, half_hours):
    rows = [(*row[:3], None) for row in rows]  # an id may come with a later message
    known = [row[1] < half_hours * HOUR // 2 for row in rows]
    earlier = [row for row, is_known in zip(rows, known, strict=True) if is_known]
    if not earlier:
        return
    columns = ["conversation_id", "turn_no", "position"]
    whole_table = cut_and_turned(rows, gap)[known].reset_index(drop=True)
    assert (
        cut_and_turned(earlier, gap)[columns]
        .astype(object)
        .equals(whole_table[columns].astype(object))
    )


@settings(deadline=None)
@given(MESSAGES, GAPS)
def test_turns_are_runs_of_one_side_and_bots_have_none(rows, gap):
    table = cut_and_turned(rows, gap).sort_values(["conversation_id", "position"])
    for _, lines in table.groupby("conversation_id"):
        assert lines["position"].tolist() == list(range(1, len(lines) + 1))
        sides = lines[lines["sender"].isin(["buyer", "agent"])]
        assert lines.loc[~lines.index.isin(sides.index), "turn_no"].isna().all()
        said = list(zip(sides["sender"], sides["turn_no"], strict=True))
        assert not said or said[0][1] == 1
        for (sender, turn), (next_sender, next_turn) in pairwise(said):
            assert next_turn - turn == (next_sender != sender)


@pytest.mark.parametrize(("minutes", "conversations"), [(719, 1), (720, 2)])
def test_a_gap_of_exactly_the_limit_ends_the_conversation(minutes, conversations):
    rows = [("b1", 0, "buyer", None), ("b1", minutes * 60_000, "agent", None)]
    assert cut_and_turned(rows, 12.0)["conversation_id"].nunique() == conversations


def test_a_conversation_over_the_end_of_a_month_stays_one():
    november = 1_793_491_200_000  # 2026-11-01 00:00
    rows = [("b1", november - 60_000, "buyer", None), ("b1", november + 60_000, "agent", None)]
    table = cut_and_turned(rows, 12.0)
    assert table["conversation_id"].tolist() == [f"b1#{november - 60_000}"] * 2
    assert table["turn_no"].tolist() == [1, 2]


def test_a_message_without_an_id_belongs_to_the_talk_around_it():
    said = [
        ("b1", 0, "buyer", None),  # the session's id came with the agent
        ("b1", 60_000, "agent", "s1"),
        ("b1", 120_000, "bot", None),
        ("b1", 3 * HOUR, "buyer", "s2"),
        ("b1", 3 * HOUR + 1, "agent", None),
        ("b1", 20 * HOUR, "buyer", None),  # after a long silence: a talk of its own
    ]
    ids = cut_and_turned(said, 12.0)["conversation_id"].tolist()
    assert ids == ["s1 b1"] * 3 + ["s2 b1"] * 2 + [f"b1#{20 * HOUR}"]


def test_messages_without_times_keep_the_order_of_the_file():
    rows = [("b1", None, sender, "given") for sender in ("buyer", "buyer", "bot", "agent", "buyer")]
    table = cut_and_turned(rows, 12.0)
    assert table["position"].tolist() == [1, 2, 3, 4, 5]
    assert table["turn_no"].fillna(0).tolist() == [1, 1, 0, 2, 3]
