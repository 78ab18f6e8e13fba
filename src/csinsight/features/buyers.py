"""Whether a message bargains, as one expression for all engines: ``params/bargaining.yml``.

What is known of each buyer: raw counts and sums within look-back windows, nothing shrunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Final, Literal, TypeAlias

import narwhals as nw
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from csinsight.config import load
from csinsight.contract.schema import PAGE_KINDS, Buyers, Messages, Orders, PageViews
from csinsight.engine import Shop, collect, ms
from csinsight.engine.frames import hold
from csinsight.features.conversations import cut
from csinsight.features.frames import (
    DAY_MS,
    SENT_MS,
    Columns,
    Frame,
    count_if,
    moment_ms,
    pick,
)
from csinsight.features.outcomes import PAID_MS, PLACED_MS, known_orders
from csinsight.features.visits import ViewFeatures, view_features, with_visits
from csinsight.params import shipped

FILE: Final = "bargaining.yml"
_Texts = Annotated[tuple[str, ...], Field(min_length=1)]


class Examples(BaseModel):
    """Messages that must and must not count."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    match: _Texts
    no_match: _Texts


class Bargaining(BaseModel):
    """The patterns, of which one is enough, and what they are held to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    patterns: _Texts
    examples: Examples

    @model_validator(mode="after")
    def _examples_hold(self) -> Bargaining:
        for text in self.examples.match:
            if not self.found_in(text):
                raise ValueError(f"`{text}` should count as bargaining and no pattern finds it")
        for text in self.examples.no_match:
            if self.found_in(text):
                raise ValueError(f"`{text}` should not count as bargaining and a pattern finds it")
        return self

    def found_in(self, text: str) -> bool:
        """Tell whether one message bargains."""
        return any(re.search(pattern, text.lower()) for pattern in self.patterns)


@cache
def load_bargaining() -> Bargaining:
    """Return the shipped patterns, checked against their examples.

    Examples
    --------
    >>> len(load_bargaining().patterns) > 1
    True
    """
    return load(shipped("params", FILE), Bargaining)


def bargains() -> nw.Expr:
    """Return whether a message bargains; null where it has no text.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> lines = pl.LazyFrame({"text": ["能便宜点吗", "有货吗"]})
    >>> nw.from_native(lines).select(bargains()).collect().to_native()["text"].to_list()
    [True, False]
    """
    text = nw.col(Messages.TEXT).str.to_lowercase()
    first, *rest = (text.str.contains(pattern) for pattern in load_bargaining().patterns)
    found = first
    for one in rest:
        found |= one
    return found


class BuyerFeatures(ViewFeatures):
    """One row a buyer seen in the look-back; a column is null where the shop can't tell.

    =====================  ====================================================================
    ``pages``              pages seen; ``pages_<kind>`` of each kind
    ``page_kinds_seen``    different kinds of pages
    ``active_days``        different days with a page view
    ``first_view_at``      first and last page view in the window (``last_view_at``)
    ``seconds``            recorded seconds on pages, over the ``dwell_known`` pages that have any
    ``step_seconds``       seconds from page to next page of a visit, over ``steps`` such steps:
                           an estimate where dwell is not recorded, never mixed with ``seconds``
    ``visits``             visits; ``gap_count``, ``gap_mean`` and ``gap_sd`` of the days from
                           each visit's start to the next
    ``hour_cos``           mean cosine and sine (``hour_sin``) of the visits' time of day, as an
                           angle: their length tells how much the visits keep to one hour
    ``account_age_days``   days since the account was opened
    ``orders``             orders placed; ``paid_orders`` of them paid
    ``orders_in_window``   orders placed within the page views' window
    ``list_amount``        price of the placed orders before and after discount (``paid_amount``),
                           and the difference (``discount_amount``, never under 0)
    ``coupon_orders``      orders with a coupon, of ``coupon_known`` that say
    ``refunded_orders``    orders with a refund, and how much (``refund_amount``)
    ``units``              items ordered
    ``buyer_messages``     chat messages the buyer wrote, ``bargaining_messages`` of them that
                           bargain, and the ``conversations`` they are in, within the page views'
                           window
    =====================  ====================================================================
    """

    BUYER_ID = "buyer_id"
    ACCOUNT_AGE_DAYS = "account_age_days"
    ORDERS = "orders"
    PAID_ORDERS = "paid_orders"
    ORDERS_IN_WINDOW = "orders_in_window"
    LIST_AMOUNT = "list_amount"
    PAID_AMOUNT = "paid_amount"
    DISCOUNT_AMOUNT = "discount_amount"
    COUPON_ORDERS = "coupon_orders"
    COUPON_KNOWN = "coupon_known"
    REFUNDED_ORDERS = "refunded_orders"
    REFUND_AMOUNT = "refund_amount"
    UNITS = "units"
    BUYER_MESSAGES = "buyer_messages"
    BARGAINING_MESSAGES = "bargaining_messages"
    CONVERSATIONS = "conversations"


_NAMES = BuyerFeatures
_Part: TypeAlias = tuple[str, Frame]
_BARGAINS: Final = "bargains"
_COUNTS = {
    "page_views": (
        _NAMES.PAGES,
        *(f"{_NAMES.PAGES_PREFIX}{kind}" for kind in PAGE_KINDS),
        _NAMES.PAGE_KINDS_SEEN,
        _NAMES.ACTIVE_DAYS,
        _NAMES.DWELL_KNOWN,
        _NAMES.STEPS,
        _NAMES.VISITS,
        _NAMES.GAP_COUNT,
    ),
    "orders": (
        _NAMES.ORDERS,
        _NAMES.PAID_ORDERS,
        _NAMES.ORDERS_IN_WINDOW,
        _NAMES.COUPON_ORDERS,
        _NAMES.COUPON_KNOWN,
        _NAMES.REFUNDED_ORDERS,
        _NAMES.UNITS,
    ),
    "messages": (_NAMES.BUYER_MESSAGES, _NAMES.BARGAINING_MESSAGES, _NAMES.CONVERSATIONS),
}
_SUMS = {
    "page_views": (_NAMES.SECONDS, _NAMES.STEP_SECONDS),
    "orders": (
        _NAMES.LIST_AMOUNT,
        _NAMES.PAID_AMOUNT,
        _NAMES.DISCOUNT_AMOUNT,
        _NAMES.REFUND_AMOUNT,
    ),
}
_COLUMNS = Columns(
    texts=(_NAMES.BUYER_ID,),
    times=(_NAMES.FIRST_VIEW_AT, _NAMES.LAST_VIEW_AT),
    integers=tuple(name for names in _COUNTS.values() for name in names),
    floats=(
        *(name for names in _SUMS.values() for name in names),
        _NAMES.GAP_MEAN,
        _NAMES.GAP_SD,
        _NAMES.HOUR_COS,
        _NAMES.HOUR_SIN,
        _NAMES.ACCOUNT_AGE_DAYS,
    ),
)
#: Null throughout unless the shop records this column.
_NEEDS = {
    _NAMES.SECONDS: ("page_views", PageViews.DWELL_SECONDS),
    _NAMES.DWELL_KNOWN: ("page_views", PageViews.DWELL_SECONDS),
    _NAMES.PAID_ORDERS: ("orders", Orders.PAID_AT),
    _NAMES.LIST_AMOUNT: ("orders", Orders.LIST_AMOUNT),
    _NAMES.PAID_AMOUNT: ("orders", Orders.PAID_AMOUNT),
    _NAMES.DISCOUNT_AMOUNT: ("orders", Orders.LIST_AMOUNT, Orders.PAID_AMOUNT),
    _NAMES.COUPON_ORDERS: ("orders", Orders.COUPON_USED),
    _NAMES.COUPON_KNOWN: ("orders", Orders.COUPON_USED),
    _NAMES.REFUNDED_ORDERS: ("orders", Orders.REFUND_AMOUNT),
    _NAMES.REFUND_AMOUNT: ("orders", Orders.REFUND_AMOUNT),
    _NAMES.UNITS: ("orders", Orders.UNITS),
    _NAMES.BARGAINING_MESSAGES: ("messages", Messages.TEXT),
}


#: With more page views or messages, or with conversations' own ids, nothing is cut beforehand.
_MOST_CUT: Final = 2_000_000


@dataclass(frozen=True)
class CutEvents:
    """What a shop's buyers did, cut once for look-backs from several moments.

    Parameters
    ----------
    shop : Shop
        Of all days, or of every second one.
    views : narwhals.LazyFrame or None
        Page views with their visits.
    lines : narwhals.LazyFrame or None
        The buyers' messages with their conversations.
    """

    shop: Shop
    views: Frame | None
    lines: Frame | None

    @classmethod
    def of(cls, shop: Shop, gap_hours: float, *, even_days: bool = False) -> CutEvents:
        """Cut a shop's page views and messages and hold them, where they are few enough.

        A look-back cuts them as they are cut here, but that a conversation without an id takes one
        that is given nearby, of what lies within the look-back: given ids are left to it.

        Examples
        --------
        >>> from csinsight.sample import sample_shop
        >>> events = CutEvents.of(sample_shop(), 12)
        >>> events.views is not None, events.lines is not None
        (True, True)
        """
        some = _on_even_days(shop) if even_days else shop
        views = lines = None
        if shop.has("page_views") and _rows(shop["page_views"]) <= _MOST_CUT:
            views = hold(with_visits(some["page_views"].drop(PageViews.VIEWED_AT)))
        given = shop.has("messages", Messages.CONVERSATION_ID)
        if shop.has("messages") and not given and _rows(shop["messages"]) <= _MOST_CUT:
            lines = hold(_buyers_lines(some["messages"], gap_hours))
        return cls(some, views, lines)


def _rows(frame: Frame) -> int:
    return int(collect(frame.select(nw.len().alias("n")))["n"].iloc[0])


def buyer_features(
    shop: Shop,
    as_of: datetime,
    *,
    page_view_days: int,
    order_days: int,
    gap_hours: float,
    even_days: bool = False,
    events: CutEvents | None = None,
) -> pd.DataFrame:
    """Return a row for each buyer seen in the look-back.

    Parameters
    ----------
    shop : Shop
        ``page_views``, ``orders``, ``messages`` and ``buyers`` where there.
    as_of : datetime
        Only what happened before this moment is used.
    page_view_days, order_days : int
        Look-back in days; messages are read within the page views' window. Messages without
        times are always in.
    gap_hours : float
        A silence of this many hours or more ends a conversation.
    even_days : bool
        Only what happened on every second day, counted from 1970: half of what is known of a
        buyer, which shares no visit, order or conversation of a day with the other half.
    events : CutEvents or None
        Of the same shop, gap and days where they are at hand; None: they are cut here.

    Returns
    -------
    pandas.DataFrame
        Columns of `BuyerFeatures`, sorted by buyer. A count is 0 where the table is there and
        the buyer is not in it, and null where the shop can't tell.

    Examples
    --------
    >>> from datetime import datetime
    >>> from csinsight.sample import sample_shop
    >>> table = buyer_features(
    ...     sample_shop(), datetime(2026, 11, 1), page_view_days=90, order_days=365, gap_hours=24
    ... )
    >>> table["buyer_id"].is_unique
    True
    """
    windows = {
        "page_views": as_of - timedelta(days=page_view_days),
        "orders": as_of - timedelta(days=order_days),
    }
    if events is None:
        events = CutEvents(_on_even_days(shop) if even_days else shop, None, None)
    parts = dict(_parts(events, as_of, windows, gap_hours))
    if not parts:
        return _COLUMNS.typed(pd.DataFrame())
    ids = nw.concat([part.select(_NAMES.BUYER_ID) for part in parts.values()])
    table = ids.unique(subset=_NAMES.BUYER_ID, keep="any")
    for figures in parts.values():
        table = table.join(figures, on=_NAMES.BUYER_ID, how="left")
    # Collect; what a table that is there doesn't tell of a buyer is 0, what none tells is null.
    frame = _COLUMNS.gather(_with_age(shop, table, as_of))
    for part in parts:
        names = [*_COUNTS[part], *_SUMS.get(part, ())]
        frame[names] = frame[names].fillna(0)
    for name, need in _NEEDS.items():
        if not shop.has(*need):
            frame[name] = frame[name].where(frame[name].isna())
    return frame.sort_values(_NAMES.BUYER_ID, ignore_index=True)


def _on_even_days(shop: Shop) -> Shop:
    """Return the shop as it was on every second day."""
    at = {"page_views": ms(PageViews.VIEWED_AT), "orders": PLACED_MS, "messages": SENT_MS}
    some = {
        name: shop[name].filter(nw.col(moment) // DAY_MS % 2 == 0)
        for name, moment in at.items()
        if shop.has(name)
    }
    return replace(shop, tables=shop.tables | some)


def _parts(
    events: CutEvents, as_of: datetime, windows: dict[str, datetime], gap_hours: float
) -> Iterator[_Part]:
    """Yield what each table that is there tells of the buyers in it."""
    shop, recent, end = events.shop, moment_ms(windows["page_views"]), moment_ms(as_of)
    if shop.has("page_views"):
        viewed, visited = nw.col(ms(PageViews.VIEWED_AT)), events.views
        if visited is None:
            visited = with_visits(shop["page_views"].filter(viewed >= recent, viewed < end))
        yield "page_views", view_features(visited, recent, end)
    if shop.has("orders", Orders.BUYER_ID):
        orders = known_orders(shop, as_of).filter(nw.col(PLACED_MS) >= moment_ms(windows["orders"]))
        yield "orders", _order_features(orders, recent)
    if shop.has("messages"):
        sent, lines = nw.col(SENT_MS), events.lines
        known = sent.is_null() | ((sent >= recent) & (sent < end))
        if lines is None:
            lines = _buyers_lines(shop["messages"].filter(known), gap_hours)
        yield "messages", _chat_features(lines.filter(known))


def _order_features(orders: Frame, recent: int) -> Frame:
    listed, paid = nw.col(Orders.LIST_AMOUNT), nw.col(Orders.PAID_AMOUNT)
    coupon, refund = nw.col(Orders.COUPON_USED), nw.col(Orders.REFUND_AMOUNT)
    discount = nw.when(listed > paid).then(listed - paid).otherwise(nw.lit(0.0))
    return orders.group_by(Orders.BUYER_ID).agg(
        nw.len().cast(nw.Int64).alias(_NAMES.ORDERS),
        count_if(~nw.col(PAID_MS).is_null()).alias(_NAMES.PAID_ORDERS),
        count_if(nw.col(PLACED_MS) >= recent).alias(_NAMES.ORDERS_IN_WINDOW),
        listed.sum().alias(_NAMES.LIST_AMOUNT),
        paid.sum().alias(_NAMES.PAID_AMOUNT),
        discount.sum().alias(_NAMES.DISCOUNT_AMOUNT),
        count_if(coupon).alias(_NAMES.COUPON_ORDERS),
        count_if(~coupon.is_null()).alias(_NAMES.COUPON_KNOWN),
        count_if(refund > 0).alias(_NAMES.REFUNDED_ORDERS),
        refund.sum().alias(_NAMES.REFUND_AMOUNT),
        nw.col(Orders.UNITS).sum().alias(_NAMES.UNITS),
    )


def _buyers_lines(messages: Frame, gap_hours: float) -> Frame:
    """Return the buyers' lines with their conversations and whether they bargain."""
    lines = cut(messages, gap_hours).filter(nw.col(Messages.SENDER) == "buyer")
    return lines.select(
        Messages.BUYER_ID, SENT_MS, Messages.CONVERSATION_ID, bargains().alias(_BARGAINS)
    )


def _chat_features(lines: Frame) -> Frame:
    return lines.group_by(Messages.BUYER_ID).agg(
        nw.len().cast(nw.Int64).alias(_NAMES.BUYER_MESSAGES),
        count_if(nw.col(_BARGAINS)).alias(_NAMES.BARGAINING_MESSAGES),
        nw.col(Messages.CONVERSATION_ID).n_unique().cast(nw.Int64).alias(_NAMES.CONVERSATIONS),
    )


def _with_age(shop: Shop, table: Frame, as_of: datetime) -> Frame:
    if not shop.has("buyers", Buyers.JOINED_AT):
        return table
    age = moment_ms(as_of) - nw.col(ms(Buyers.JOINED_AT))
    days = pick(age >= 0, age.cast(nw.Float64) / DAY_MS).alias(_NAMES.ACCOUNT_AGE_DAYS)
    return table.join(shop["buyers"].select(_NAMES.BUYER_ID, days), on=_NAMES.BUYER_ID, how="left")
