"""What buyers did and wrote before an agent could answer, and before each later turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.buyer_states import build_buyer_states
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.engine import open_shop

START = datetime(2026, 10, 10, 10)
LOG = [
    (0, "b1", "buyer", "在吗"),
    (1, "b1", "buyer", "160穿什么码?"),
    (2, "b1", "agent", "您好亲"),
    (8, "b1", "buyer", "能便宜点吗"),
    (9, "b1", "agent", "不行的"),
    (0, "b2", "agent", "亲 新品上架了"),
    (5, "b2", "buyer", "好的"),
    (6, "b2", "agent", "嗯嗯"),
    (60 * 48, "b1", "buyer", "在吗 有货吗"),
    (60 * 48 + 1, "b1", "agent", "有的"),
]
#: Days before the first line, and the page.
VIEWED = [(0.5, "cart"), (0.9, "product"), (30, "product"), (100, "cart"), (-0.1, "cart")]


@pytest.fixture
def marked(tmp_path: Path):
    """On Polars; `tests/engines/test_parity_behaviours.py` holds that Spark tells the same."""
    rows = [
        (buyer, "a1" if who == "agent" else None, who, START + timedelta(minutes=at), text)
        for at, buyer, who, text in LOG
    ]
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "messages.parquet")
    views = [("b1", START - timedelta(days=ago), page) for ago, page in VIEWED]
    names = ["buyer_id", "viewed_at", "page_kind"]
    pl.DataFrame(views, schema=names, orient="row").write_parquet(tmp_path / "page_views.parquet")
    shop = open_shop(tmp_path)
    return mark_messages(ChatSource(shop, datetime(2026, 11, 1), 1, RULES, LEXICON))


def test_what_came_before_the_first_line(marked):
    talks = build_conversations(marked).set_index(["buyer_id", "started_at"])
    first = talks.loc[("b1", START)]
    assert first[["pages_before", "cart_before", "pages_look_back"]].tolist() == [2, True, 3]
    assert first[["opening_chars", "opening_lines"]].tolist() == [2 + 8, 2]
    assert first[["opening_asks", "opening_digits", "opening_worry"]].tolist() == [
        True, True, False,
    ]  # fmt: skip
    assert talks["earlier_inquiries"].tolist() == [0, 0, 1]
    assert talks.loc["b2", "opening_chars"].isna().all()
    # No page of this buyer is known: not that they saw none.
    assert talks.loc["b2", ["pages_before", "cart_before"]].isna().all(axis=None)


def test_states_are_of_the_lines_before_each_turn(marked):
    found = build_buyer_states(marked)
    one = found[found["conversation_id"] == found["conversation_id"].iloc[0]].set_index("turn")
    assert one.index.tolist() == [1, 2]
    assert one["chars"].tolist() == [10, 5]
    assert one["lines"].tolist() == [2, 1]
    assert one["asks_price"].tolist() == [0, 1]
    assert one.loc[2, "silence_s"] == 360
    late = found[found["conversation_id"].str.startswith("b2")]
    # An agent opened it: nobody had said anything before.
    assert late["turn"].tolist() == [1, 2]
    assert late["chars"].isna().tolist() == [True, False]
    assert set(found["agent_id"]) == {"a1"}
