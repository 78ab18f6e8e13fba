"""Goods in chats: found alike for who bought and who didn't, and compared like with like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEAST, month_context

from csinsight.behaviours.agent_sessions import build_agent_sessions
from csinsight.behaviours.conversations import (
    ChatSource,
    MarkedMessages,
    build_conversations,
    mark_messages,
)
from csinsight.behaviours.products import (
    OTHER_PRODUCTS,
    asked_and_bought,
    product_categories,
    product_names,
)
from csinsight.coaching.card import agent_spread
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.engine import Shop, open_shop
from csinsight.features.conversations import cut_messages
from csinsight.features.frames import Frame
from csinsight.views.kpi_figures import goods_conversion

AS_OF = datetime(2026, 11, 1)
GOODS = {
    "socks": ("610000000001", "竹纤维船袜"),
    "coats": ("610000000002", "双面呢大衣"),
    "hats": ("610000000003", "渔夫帽"),
}
PAYS = {"socks": 0.7, "coats": 0.2, "hats": 0.5}


def _shop(folder: Path, messages: list[tuple[object, ...]], lines: dict[str, list[object]]) -> Shop:
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    pl.DataFrame(messages, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    pl.DataFrame(lines).write_parquet(folder / "order_lines.parquet")
    return open_shop(folder)


def _planted(folder: Path, n: int = 2600, agents: int = 10) -> Shop:
    """Agent a0 gets socks, which sell; who gets socks greets more, and greeting sells nothing."""
    rng = np.random.default_rng(5)
    messages: list[tuple[object, ...]] = []
    orders: list[tuple[object, ...]] = []
    lines: dict[str, list[object]] = {
        name: []
        for name in ("order_id", "product_id", "product_name", "category", "units", "amount")
    }
    for number in range(n):
        agent = int(rng.integers(agents))
        kind = rng.choice([*GOODS], p=[0.8, 0.1, 0.1] if agent == 0 else [0.2, 0.6, 0.2])
        product, name = GOODS[kind]
        at = datetime(2026, 8, 3) + timedelta(minutes=int(rng.integers(84 * 1440)))
        asked = (
            f"https://item.example/i.htm?id={product}" if rng.random() < 0.6 else f"{name}有货吗"
        )
        asked = asked if rng.random() < 0.9 else "有货吗"
        hello = "您好，欢迎光临" if rng.random() < (0.8 if kind == "socks" else 0.3) else "有的"
        buyer, who = f"b{number}", f"a{agent}"
        messages += [
            (buyer, None, "buyer", at, asked),
            (buyer, who, "agent", at + timedelta(seconds=20), hello),
            (buyer, who, "agent", at + timedelta(seconds=40), "现货，今天发"),
        ]
        if rng.random() < PAYS[kind]:
            placed = at + timedelta(hours=1)
            orders.append((f"o{number}", buyer, placed, placed, 50.0, 50.0, 1))
            for key, value in zip(lines, (f"o{number}", product, name, kind, 1, 50.0), strict=True):
                lines[key].append(value)
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount", "units"]
    pl.DataFrame(orders, schema=names, orient="row").write_parquet(folder / "orders.parquet")
    return _shop(folder, messages, lines)


def _marked(shop: Shop) -> MarkedMessages:
    context = month_context()
    return mark_messages(ChatSource(shop, AS_OF, 3, context.rules, context.lexicon))


def _lines(shop: Shop) -> Frame:
    return cut_messages(shop, AS_OF, month_context().rules).with_text(3)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[MarkedMessages, pd.DataFrame]:
    marked = _marked(_planted(tmp_path_factory.mktemp("planted")))
    return marked, build_conversations(marked)


def test_conversion_by_goods_is_what_was_planted(
    planted: tuple[MarkedMessages, pd.DataFrame],
) -> None:
    marked, conversations = planted
    table = goods_conversion(conversations).set_index("goods")
    for kind, rate in PAYS.items():
        assert table.loc[kind, "low"] < rate < table.loc[kind, "high"]
        assert table.loc[kind, "inquiries"] > 100
    unknown = table[table.index.isna()]
    assert pd.isna(table.index[-1])
    assert 150 < unknown["inquiries"].iloc[0] < 350
    asked = asked_and_bought(marked.cut.shop, conversations)
    assert len(asked) > 500
    assert asked.all()


def test_who_sells_easy_goods_is_not_praised_for_it(
    planted: tuple[MarkedMessages, pd.DataFrame],
) -> None:
    marked, conversations = planted
    sessions = build_agent_sessions(marked, conversations, month_context().profile)
    plain = sessions.drop(columns="product_category")
    seen = {
        name: agent_spread(table, as_of=AS_OF, months=3).agents.set_index("agent_id").loc["a0"]
        for name, table in (("plain", plain), ("like", sessions))
    }
    assert seen["plain"]["rate"] - seen["plain"]["expected"] > 0.15
    assert seen["plain"]["outside"]
    assert abs(seen["like"]["rate"] - seen["like"]["expected"]) < 0.1
    assert not seen["like"]["outside"]


def test_drivers_compare_like_goods(planted: tuple[MarkedMessages, pd.DataFrame]) -> None:
    """Greeting goes with easy goods and does nothing: without the covariate it seems to sell."""
    _, conversations = planted
    found = {}
    for name, table in (
        ("plain", conversations.drop(columns="product_category")),
        ("like", conversations),
    ):
        plan = design(table, as_of=AS_OF, months=3, outcome="paid")
        rows = estimate_drivers(plan, scopes=("product_category",), **LEAST)
        found[name] = rows[rows["behaviour"] == "greets"].set_index("scope")
    # Part of it the category of the question takes in already.
    assert found["plain"].loc["all", "low_pp"] > 1
    assert found["like"].loc["all", "low_pp"] < 0 < found["like"].loc["all", "high_pp"]
    assert list(found["plain"].index) == ["all"]
    assert set(found["like"].index) == {"all", *GOODS}
    assert set(found["like"].loc[[*GOODS], "scope_kind"]) == {"product_category"}
    assert found["like"].loc["coats", "n"] > 300


Read = Callable[[str, list[tuple[str, str]]], object]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what one conversation is about, by its lines (sender, text)."""

    def about(buyer: str, said: list[tuple[str, str]]) -> object:
        at = datetime(2026, 10, 5, 10)
        rows: list[tuple[object, ...]] = [
            (buyer, "a1" if who == "agent" else None, who, at + timedelta(minutes=n), text)
            for n, (who, text) in enumerate(said)
        ]
        lines: dict[str, list[object]] = {
            "order_id": ["1", "2", "3", "4", "5"],
            "product_id": ["610000000001", "SKU-77", "1999", None, None],
            "product_name": ["竹纤维船袜", "Linen Cap", "船袜", "Felt Mask", "Mystery box"],
            "category": ["socks", "hats", "socks", "masks", "other"],
            "units": [1] * 5,
            "amount": [1.0] * 5,
        }
        shop = _shop(tmp_path, rows, lines)
        found = product_categories(shop, _lines(shop))
        assert found is not None
        return found.iloc[0] if len(found) else None

    return about


@pytest.mark.parametrize(
    ("said", "goods"),
    [
        ([("buyer", "https://x.example/i?id=610000000001&s=2"), ("agent", "在")], "socks"),
        ([("system", "当前用户来自 竹纤维船袜"), ("buyer", "在吗"), ("agent", "在")], "socks"),
        ([("buyer", "is the LINEN CAP in stock"), ("agent", "yes")], "hats"),
        ([("buyer", "sku-77 还有吗"), ("agent", "有")], "hats"),
        # The first goods named count, and only those named before the answer.
        ([("buyer", "船袜"), ("buyer", "linen cap"), ("agent", "在")], "socks"),
        ([("buyer", "在吗"), ("agent", "推荐您 竹纤维船袜"), ("buyer", "好")], None),
        ([("agent", "您好"), ("buyer", "船袜有吗")], None),
        # A price is no product's number, a part of a word no name, a vague category no category.
        ([("buyer", "1999 能便宜吗"), ("agent", "在")], None),
        ([("buyer", "felt masked and other things"), ("agent", "在")], None),
        ([("buyer", "16100000000012"), ("agent", "在")], None),
    ],
)
def test_goods_are_read_from_the_opening(
    read: Read, said: list[tuple[str, str]], goods: str | None
) -> None:
    assert read("b1", said) == goods


def test_a_shop_without_lines_tells_no_goods_and_one_without_categories_its_products(
    tmp_path: Path,
) -> None:
    at = datetime(2026, 10, 5)
    lines: dict[str, list[object]] = {
        "order_id": ["1", "2"],
        "product_name": ["竹纤维船袜", "渔夫帽"],
        "units": [1, 1],
        "amount": [1.0, 2.0],
    }
    shop = _shop(tmp_path, [("b", None, "buyer", at, "渔夫帽有吗")], lines)
    found = product_categories(shop, _lines(shop))
    assert found is not None
    assert found.tolist() == ["渔夫帽"]
    (tmp_path / "order_lines.parquet").unlink()
    bare = open_shop(tmp_path)
    assert product_names(bare) is None
    assert "product_category" not in build_conversations(_marked(bare))


def test_small_categories_are_put_together(planted: tuple[MarkedMessages, pd.DataFrame]) -> None:
    few = planted[1].copy()
    few.loc[few.index[:30], "product_category"] = "gloves"
    assert OTHER_PRODUCTS in goods_conversion(few)["goods"].tolist()
    assert "gloves" not in goods_conversion(few)["goods"].tolist()
