"""Which category a message names first, of those that it names."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest
from tests.contexts import LEXICON

from csinsight.behaviours.categories import main_categories
from csinsight.behaviours.hits import find_hits
from csinsight.behaviours.markers import mark

#: Each with a category that its words name.
PARTS = {
    "bargaining": "能便宜点吗",
    "size": "160斤穿什么码",
    "quality": "会不会掉色",
    "shipping": "什么时候发货",
}


@pytest.fixture(scope="module")
def chosen() -> dict[str, str]:
    """By text the category of a conversation that begins with it: each two parts, either way."""
    texts = [f"{one},{other}" for one in PARTS.values() for other in PARTS.values() if one != other]
    talks = [*texts, *PARTS.values(), "在吗"]
    rows = {"conversation_id": talks, "text": talks, "sender": "buyer", "turn_no": 1}
    lines = pl.LazyFrame(rows | {"position": 1, "before_outcome": True})
    marked = mark(nw.from_native(lines), LEXICON)
    return main_categories(marked, LEXICON).to_dict()


def test_the_words_that_come_first_decide(chosen: dict[str, str]) -> None:
    for name, one in PARTS.items():
        assert chosen[one] == name
        for other in set(PARTS.values()) - {one}:
            assert chosen[f"{one},{other}"] == name, (one, other)
    assert "在吗" not in chosen


def test_many_messages_at_once_are_read_as_one_by_one(chosen: dict[str, str]) -> None:
    for text, name in chosen.items():
        named = [n for n in PARTS if find_hits(text, f"about_{n}", LEXICON)]
        assert name == min(named, key=lambda n: find_hits(text, f"about_{n}", LEXICON)[0])
