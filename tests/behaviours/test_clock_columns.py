"""How long the buyer was silent, who broke it, and when the agent reminded: worked out by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.engine import open_shop

LOG = [
    # b1 is silent for 20 minutes, then the agent comes back.
    ("b1", "10:00:00", "buyer", "这款有货吗"),
    ("b1", "10:00:30", "a1", "有货的"),
    ("b1", "10:20:30", "a1", "亲,考虑得怎么样了"),
    # b2 comes back by herself after 15 minutes.
    ("b2", "11:00:00", "buyer", "这款有货吗"),
    ("b2", "11:00:30", "a1", "有货的"),
    ("b2", "11:15:30", "buyer", "那我拍了"),
    ("b2", "11:16:00", "a1", "好的"),
    # b3 orders at 12:02, is reminded at 12:32 and again at 13:02.
    ("b3", "12:00:00", "buyer", "这款有货吗"),
    ("b3", "12:00:30", "a1", "有货的"),
    ("b3", "12:32:00", "a1", "亲,您的订单还没付款哦"),
    ("b3", "13:02:00", "a1", "亲,您的订单还没付款哦"),
    # b4 orders within ten minutes of the agent's line: no silence.
    ("b4", "14:00:00", "buyer", "这款有货吗"),
    ("b4", "14:00:30", "a1", "有货的"),
    # b5 has ordered before she writes; b6 has not ordered.
    ("b5", "15:00:00", "buyer", "这款什么时候发货"),
    ("b5", "15:00:30", "a1", "有货的"),
    ("b5", "15:01:00", "buyer", "好"),
    ("b5", "15:01:30", "a1", "您的订单还没付款哦,今天16点前给您发货"),
    ("b6", "16:00:00", "buyer", "这款什么时候发货"),
    ("b6", "16:00:30", "a1", "有货的"),
    ("b6", "16:01:00", "buyer", "好"),
    ("b6", "16:01:30", "a1", "今天16点前给您发货"),
    # b7 is recommended something politely; b8 is thanked too, at the next turn.
    ("b7", "17:00:00", "buyer", "我170穿多大"),
    ("b7", "17:00:30", "a1", "给您推荐XL码,更适合您"),
    ("b8", "18:00:00", "buyer", "我170穿多大"),
    ("b8", "18:00:30", "a1", "给您推荐XL码,更适合您"),
    ("b8", "18:01:00", "buyer", "好的"),
    ("b8", "18:01:30", "a1", "麻烦您了,辛苦"),
    # b9 has made up her mind before the order is there; b10's address is confirmed.
    ("b9", "19:00:00", "buyer", "这款什么时候发货"),
    ("b9", "19:00:30", "a1", "有货的"),
    ("b9", "19:01:00", "buyer", "好的 那我拍了"),
    ("b9", "19:01:30", "a1", "麻烦您了,今天16点前给您发货"),
    ("b10", "20:00:00", "buyer", "这款什么时候发货"),
    ("b10", "20:00:30", "a1", "有货的"),
    ("b10", "20:01:00", "buyer", "嗯"),
    ("b10", "20:01:30", "a1", "请您核对下收货地址"),
]
ORDERS = [("o3", "b3", "12:02:00", None), ("o4", "b4", "14:05:00", "14:06:00")]


def _at(clock):
    return None if clock is None else datetime.fromisoformat(f"2026-10-05 {clock}")


@pytest.fixture
def talks(tmp_path: Path) -> pd.DataFrame:
    said = pl.DataFrame(
        {
            "buyer_id": [b for b, *_ in LOG],
            "agent_id": [None if who == "buyer" else who for *_, who, _ in LOG],
            "sender": ["buyer" if who == "buyer" else "agent" for *_, who, _ in LOG],
            "sent_at": [_at(clock) for _, clock, *_ in LOG],
            "text": [text for *_, text in LOG],
        }
    )
    orders = pl.DataFrame(
        {
            "order_id": [o for o, *_ in ORDERS],
            "buyer_id": [b for _, b, *_ in ORDERS],
            "placed_at": [_at(placed) for *_, placed, _ in ORDERS],
            "paid_at": [_at(paid) for *_, paid in ORDERS],
            "list_amount": [100.0, 100.0],
            "paid_amount": [None, 100.0],
            "refund_amount": [0.0, 0.0],
            "units": [1, 1],
        }
    )
    said.write_parquet(tmp_path / "messages.parquet")
    orders.write_parquet(tmp_path / "orders.parquet")
    pl.DataFrame({"buyer_id": ["b1", "b2", "b3", "b4"]}).write_parquet(tmp_path / "buyers.parquet")
    pl.DataFrame({"agent_id": ["a1"], "name": ["A"]}).write_parquet(tmp_path / "agents.parquet")
    rules = RULES
    shop = open_shop(tmp_path, "polars")
    found = build_conversations(
        mark_messages(ChatSource(shop, datetime(2026, 11, 1), 12, rules, LEXICON))
    )
    return found.set_index("buyer_id")


def test_a_silence_lasts_until_a_line_of_either_side(talks):
    assert talks.loc[["b1", "b2"], "silence_s"].tolist() == [1200, 900]
    assert talks.loc[["b1", "b2"], "silence_broken_by_agent"].tolist() == [True, False]


def test_an_order_soon_after_is_no_silence(talks):
    assert talks.loc[["b3", "b4"], "silence_s"].isna().all()
    assert talks.loc[["b3", "b4"], "silence_broken_by_agent"].isna().all()


def test_the_first_reminder_is_timed_from_the_order(talks):
    assert talks.loc["b3", "reminded_s"] == 1800
    assert talks.loc[["b1", "b2", "b4"], "reminded_s"].isna().all()


def test_what_is_promised_in_a_reminder_is_said_to_who_has_ordered(talks: pd.DataFrame) -> None:
    assert talks.loc["b6", "promises_time_turn"] == 2
    assert pd.isna(talks.loc["b5", "promises_time_turn"])
    assert talks.loc["b5", "turns_judged"] == 1


def test_what_is_said_once_the_buyer_has_decided_led_to_nothing(talks: pd.DataFrame) -> None:
    assert talks.loc[["b9", "b10"], "turns_judged"].tolist() == [1, 1]
    assert talks.loc[["b9", "b10"], "polite_words_turn"].isna().all()
    assert pd.isna(talks.loc["b9", "promises_time_turn"])


def test_a_polite_word_within_what_is_said_is_a_part_of_it(talks: pd.DataFrame) -> None:
    assert talks.loc[["b7", "b8"], "recommends_turn"].tolist() == [1, 1]
    assert talks.loc[["b7", "b8"], "polite_words"].all()
    assert pd.isna(talks.loc["b7", "polite_words_turn"])
    assert talks.loc["b8", "polite_words_turn"] == 2
