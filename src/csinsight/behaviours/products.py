"""The kind of goods that an inquiry is about, as far as the chat names it before any answer.

What was bought is known of buyers alone, so it can't stand for what was asked about: a category
that only orders tell would have a conversion of 100 %. So the shop's order lines say which goods
there are and of which category, and the lines before the agent's first one say which of them a
conversation is about, of those who bought and of those who didn't in the same way. No agent can
have caused what stands there, so that it may be adjusted for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.schema import Messages, OrderLines
from csinsight.engine import Shop, collect
from csinsight.features.frames import POSITION, Frame, pick

#: The categories that are too small to be looked at alone.
OTHER_PRODUCTS: Final = "(other products)"
#: Inquiries that a category needs to be looked at alone, and how many are at most.
FEWEST: Final = 50
MOST: Final = 12

#: An id is a run of these; one of figures alone has to be long enough to be no price or size.
_WORD: Final = r"[A-Za-z0-9_-]{4,}"
_ID: Final = (
    r"^([0-9]{5,}|[A-Za-z0-9_-]*[A-Za-z][A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*"
    r"|[0-9_-]*[0-9][A-Za-z_-]+[A-Za-z0-9_-]*)$"
)
#: A name of fewer characters says too little.
_SHORTEST: Final = 4
_SHORTEST_CHINESE: Final = 2
#: Names of categories that people also say of other things.
_VAGUE: Final = frozenset({"其他", "其它", "默认", "全部", "other", "others", "default", "misc"})
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


def product_names(shop: Shop) -> pl.DataFrame | None:
    """Return what chats may call the shop's goods, and of which category each is.

    Parameters
    ----------
    shop : Shop

    Returns
    -------
    polars.DataFrame or None
        ``said`` (an id, a product's name or a category's name, in lower case), ``rank`` (0, 1, 2
        in that order) and ``goods``, the category; what is said of goods of two categories is left
        out. Where no line tells a category, each product is its own. None: no order line tells a
        product.

    Examples
    --------
    >>> lines = {"product_id": ["61000001", None], "product_name": ["船袜", "渔夫帽"]}
    >>> table = nw.from_native(pl.LazyFrame(lines | {"category": ["socks", "hats"]}))
    >>> shop = Shop(None, "polars", {"order_lines": table}, {"order_lines": set(lines)})
    >>> product_names(shop).sort("said")["said"].to_list()
    ['61000001', 'hats', 'socks', '渔夫帽', '船袜']
    """
    named = (OrderLines.PRODUCT_ID, OrderLines.PRODUCT_NAME, OrderLines.CATEGORY)
    if not any(shop.has("order_lines", name) for name in named):
        return None
    goods = _with_category(shop, named).unique()
    parts = [
        goods.select(_folded(pl.col(name)).alias("said"), pl.lit(rank).alias("rank"), "goods")
        for rank, name in enumerate(named)
    ]
    known = pl.concat(parts).drop_nulls().unique()
    known = known.filter((pl.col("rank") > 0) | pl.col("said").str.contains(_ID))
    telling = [rank == 0 or _tells(said) for said, rank in known.select("said", "rank").rows()]
    return known.filter(telling).filter(pl.col("goods").n_unique().over("said") == 1)


def _with_category(shop: Shop, columns: Sequence[str]) -> pl.DataFrame:
    """Return columns of the order lines as text, null where blank, and ``goods``, the category."""
    names = (OrderLines.PRODUCT_ID, OrderLines.PRODUCT_NAME, OrderLines.CATEGORY)
    wanted = list(dict.fromkeys((*columns, *names)))
    lines = pl.from_pandas(collect(shop["order_lines"].select(*wanted))).cast(pl.String)
    lines = lines.with_columns(
        pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name).str.strip_chars())
        for name in wanted
    )
    told = lines[OrderLines.CATEGORY].count() > 0
    category = pl.col(OrderLines.CATEGORY) if told else pl.coalesce(*reversed(names[:2]))
    return lines.select(*columns, category.alias("goods"))


def asked_and_bought(shop: Shop, conversations: pd.DataFrame) -> pd.Series[Any]:
    """Tell of conversations that led to an order whether it holds what they were about.

    Parameters
    ----------
    shop : Shop
    conversations : pandas.DataFrame
        With ``order_id`` and ``product_category``.

    Returns
    -------
    pandas.Series of bool
        By the index of those where both the order's lines and what was asked about are known.

    Examples
    --------
    >>> lines = {"order_id": ["o1", "o2"], "product_id": None, "product_name": None}
    >>> table = nw.from_native(pl.LazyFrame(lines | {"category": ["socks", "hats"]}))
    >>> shop = Shop(None, "polars", {"order_lines": table}, {"order_lines": set(lines)})
    >>> talks = {"order_id": ["o1", "o2", None], "product_category": ["socks", "socks", "hats"]}
    >>> asked_and_bought(shop, pd.DataFrame(talks)).to_dict()
    {0: True, 1: False}
    """
    rows = conversations[[Talk.ORDER_ID, Talk.PRODUCT_CATEGORY]].dropna()
    lines = _with_category(shop, (OrderLines.ORDER_ID,)).drop_nulls()
    rows = rows[rows[Talk.ORDER_ID].isin(lines[OrderLines.ORDER_ID].to_list())]
    pairs = pd.MultiIndex.from_tuples(lines.rows(), names=list(rows))
    return pd.Series(pd.MultiIndex.from_frame(rows).isin(pairs), index=rows.index)


def _folded(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase()


def _tells(name: str) -> bool:
    long = _SHORTEST_CHINESE if _CHINESE.search(name) else _SHORTEST
    return len(name) >= long and name not in _VAGUE and not name.isdigit()


def product_categories(shop: Shop, messages: Frame) -> pd.Series[str] | None:
    """Return the category that each conversation is about, by what stands before the first answer.

    Parameters
    ----------
    shop : Shop
    messages : narwhals.LazyFrame
        Messages of its conversations with their text and ``position``.

    Returns
    -------
    pandas.Series or None
        By ``conversation_id``, those alone where goods are named: of the first line that does, by
        an id (links and cards hold one), else by the longest name, else by the category's own name.
        None where the shop has no order lines that tell a product.

    Examples
    --------
    >>> goods = {"product_id": [None], "product_name": ["船袜"], "category": ["socks"]}
    >>> table = nw.from_native(pl.LazyFrame(goods))
    >>> shop = Shop(None, "polars", {"order_lines": table}, {"order_lines": set(goods)})
    >>> talk = {"conversation_id": "c1", "sender": ["buyer"], "text": ["船袜有货吗"], "position": 1}
    >>> product_categories(shop, nw.from_native(pl.LazyFrame(talk))).to_dict()
    {'c1': 'socks'}
    """
    known = product_names(shop)
    if known is None:
        return None
    agent = pick(nw.col(Messages.SENDER) == "agent", nw.col(POSITION))
    lines = messages.select(Messages.CONVERSATION_ID, Messages.SENDER, Messages.TEXT, POSITION)
    lines = lines.with_columns(_answered=agent.min().over(Messages.CONVERSATION_ID))
    first = nw.col("_answered").is_null() | (nw.col(POSITION) < nw.col("_answered"))
    said = pl.from_pandas(
        collect(lines.filter(first).select(Messages.CONVERSATION_ID, POSITION, Messages.TEXT))
    ).with_columns(_folded(pl.col(Messages.TEXT).cast(pl.String)).alias("text"))
    tokens = said.with_columns(pl.col("text").str.extract_all(_WORD).alias("said")).explode("said")
    ids = known.filter(pl.col("rank") == 0)
    found = pl.concat([_found(tokens.join(ids, on="said", how="inner")), _by_name(said, known)])
    order = [Messages.CONVERSATION_ID, POSITION, "rank", "length", "said"]
    down = [False, False, False, True, False]
    best = found.sort(order, descending=down).unique(
        Messages.CONVERSATION_ID, keep="first", maintain_order=True
    )
    index = pd.Index(best[Messages.CONVERSATION_ID].to_list(), dtype="str")
    return pd.Series(best["goods"].to_list(), index, dtype="str", name=Talk.PRODUCT_CATEGORY)


def _by_name(said: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Find the names that lines hold; one that begins or ends in a Latin letter as a whole word."""
    names = known.filter(pl.col("rank") > 0)
    if names.is_empty():
        return _found(said.head(0).join(names, left_on="text", right_on="said", how="inner"))
    held = pl.col("text").str.extract_many(names["said"].to_list(), overlapping=True)
    several = said.with_columns(held.alias("said")).explode("said").drop_nulls("said").unique()
    whole = [
        re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text) is not None
        if name[0].isascii() or name[-1].isascii()
        else True
        for text, name in several.select("text", "said").rows()
    ]
    return _found(several.filter(whole).join(names, on="said", how="inner"))


def _found(rows: pl.DataFrame) -> pl.DataFrame:
    if "said" not in rows.columns:
        rows = rows.with_columns(pl.col("text").alias("said"))
    return rows.select(
        Messages.CONVERSATION_ID,
        POSITION,
        "rank",
        pl.col("said").str.len_chars().alias("length"),
        "said",
        "goods",
    )


def product_levels(categories: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories with those that are too small put together as `OTHER_PRODUCTS`.

    Parameters
    ----------
    categories : pandas.Series
        Of inquiries; null where no product is known, and so it stays.

    Examples
    --------
    >>> told = pd.Series(["shoes"] * 60 + ["hats"] * 3 + [None])
    >>> product_levels(told).value_counts().to_dict()
    {'shoes': 60, '(other products)': 3}
    """
    counts = categories.value_counts()
    large = counts[counts >= FEWEST].sort_index().sort_values(ascending=False, kind="stable")
    small = categories.notna() & ~categories.isin(large.index[:MOST])
    levels: pd.Series[Any] = categories.astype("object").mask(small, OTHER_PRODUCTS)
    return levels
