"""A question about shipping is about the order that was just placed, unless it shows goods."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from csinsight.behaviours.categories import main_categories
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import mark


def category(*lines: str, just: bool) -> str:
    told = {"conversation_id": "c", "sender": "buyer", "text": list(lines), "turn_no": 1}
    rows = pl.LazyFrame(told).with_columns(before_outcome=True)
    lexicon = load_lexicon(reader="rules")
    marked = mark(nw.from_native(rows.with_row_index("position", offset=1)), lexicon)
    lately = ["c"] if just else []
    return str(main_categories(marked, lexicon, lately, lately)["c"])


@pytest.mark.parametrize(
    "asked",
    [
        "什么时候发货",
        "今天能发吗",
        "发的什么快递",
        "几号能到",
        "has it been shipped yet",
    ],
)
def test_when_it_is_sent_is_asked_of_what_was_just_ordered(asked: str) -> None:
    assert category("在吗", asked, just=False) == "shipping"
    assert category("在吗", asked, just=True) == "after_sales"


def test_whether_it_was_sent_is_asked_of_what_is_ordered() -> None:
    assert {category("在吗", "发货了吗", just=just) for just in (False, True)} == {"after_sales"}


@pytest.mark.parametrize(
    "lines",
    [
        ("[商品链接] 速干运动T恤", "什么时候发货"),
        ("现在拍今天能发吗",),
        ("拍了多久能发",),
        ("今天能发吗", "这款有黑色的吗 穿多大码"),
        ("能发顺丰吗",),
        ("运费多少",),
    ],
)
def test_who_asks_for_another_order_is_still_buying(lines: tuple[str, ...]) -> None:
    assert category(*lines, just=True) != "after_sales"
