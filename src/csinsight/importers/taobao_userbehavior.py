"""The Taobao UserBehavior log: ``user,item,category,kind,unix seconds``, without a header.

Every event is a page view: ``pv`` and ``fav`` of a product page (a favourite is set there),
``cart`` of the cart, ``buy`` of the checkout. A ``buy`` is an order besides: the log knows items,
not baskets, so each bought item is one order, paid when it was placed, without amounts and units.

Seconds are read at UTC+8, the clock of the shop. Such logs hold a few stray days far from the
rest; days outside the log's own range are refused, see `log_range`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.schema import ORDERS, PAGE_VIEWS, Orders, PageViews
from csinsight.importers.reading import LINE_SCHEMA, REFUSED_SCHEMA, Line, read_all_lines, stack
from csinsight.importers.sift import Imported, Rule, finish, settle, sift

FIELDS: Final = ("user", "item", "category", "kind", "seconds")
PAGE_KIND: Final = {"pv": "product", "fav": "product", "cart": "cart", "buy": "checkout"}
UTC_OFFSET_SECONDS: Final = 8 * 3600
#: A day belongs to the log when it has this share of the events of a typical day.
DAY_SHARE: Final = 0.01
#: Days are only called stray while all of them together hold at most this share of the events.
STRAY_SHARE: Final = 0.005


def read_taobao_userbehavior(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    r"""Read a UserBehavior log into ``page_views`` and ``orders``.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        Not used by this format.

    Raises
    ------
    ImporterError
        Where a file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     _ = file.write_text("1,101,7,pv,1511544070\n", encoding="utf-8")
    ...     imported = read_taobao_userbehavior([file])
    >>> imported.tables["page_views"].height
    1
    """
    lines, nuls = read_all_lines(files, mapping, "taobao_userbehavior")
    events, refused = sift(_events(lines), _rules())
    first, last = log_range(events[PageViews.VIEWED_AT])
    inside = pl.col(PageViews.VIEWED_AT).dt.date().is_between(first, last)
    events, stray = sift(events, [(~inside, f"the day lies outside the log, {first} to {last}")])
    views, rest = settle(PAGE_VIEWS, events)
    tables = {PAGE_VIEWS.name: finish(PAGE_VIEWS, views)}
    bought = views.filter(pl.col("kind") == "buy").select(
        *LINE_SCHEMA,
        # Made of what names the event, so that the same log gives the same ids again.
        pl.concat_str("user", "item", "category", "seconds", separator="-").alias(Orders.ORDER_ID),
        pl.col(PageViews.BUYER_ID).alias(Orders.BUYER_ID),
        pl.col(PageViews.VIEWED_AT).alias(Orders.PLACED_AT),
        pl.col(PageViews.VIEWED_AT).alias(Orders.PAID_AT),
        pl.lit(None, dtype=pl.Float64).alias(Orders.LIST_AMOUNT),
        pl.lit(None, dtype=pl.Float64).alias(Orders.PAID_AMOUNT),
        pl.lit(None, dtype=pl.Int64).alias(Orders.UNITS),
    )
    orders, _ = settle(ORDERS, bought)
    if orders.height:
        tables[ORDERS.name] = finish(ORDERS, orders)
    return Imported(
        tables if views.height else {},
        stack([nuls, refused, stray, rest], REFUSED_SCHEMA),
        lines.height + nuls.height,
        views.height,
        _notices(views, first, last, stray.height),
        used=views.select(Line.FILE),
    )


def log_range(times: pl.Series) -> tuple[date, date]:
    """Return the first and last day of a log, stray days left out.

    The typical day is the median, over events, of the number of events on their day, so that
    any number of stray days can't move it. The range runs from the first to the last day with
    `DAY_SHARE` of it, unless more than `STRAY_SHARE` of all events lie outside: then quiet days
    are part of the log and nothing is stray.

    Examples
    --------
    >>> from datetime import datetime, timedelta
    >>> days = [datetime(2017, 11, 25) + timedelta(days=n % 9) for n in range(9000)]
    >>> first, last = log_range(pl.Series([datetime(2037, 4, 9), *days]))
    >>> str(first), str(last)
    ('2017-11-25', '2017-12-03')
    """
    days = times.dt.date().alias("day")
    if days.is_empty():
        return date.min, date.max
    events = pl.DataFrame({"day": days}).with_columns(count=pl.len().over("day"))
    typical = events.select(pl.col("count").median()).item()
    busy = events.filter(pl.col("count") >= DAY_SHARE * typical)["day"]
    first, last = busy.min(), busy.max()
    outside = events.filter(~pl.col("day").is_between(first, last)).height
    if outside > STRAY_SHARE * events.height:
        first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date):  # pragma: no cover
        raise TypeError("days are dates")
    return first, last


def _events(lines: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col(Line.RAW).str.split(",")
    fields = [
        parts.list.get(index, null_on_oob=True).str.strip_chars().alias(name)
        for index, name in enumerate(FIELDS)
    ]
    seconds = pl.when(pl.col("seconds").str.contains(r"^-?[0-9]{1,11}$")).then(pl.col("seconds"))
    moment = pl.from_epoch(seconds.cast(pl.Int64) + UTC_OFFSET_SECONDS, time_unit="s")
    return lines.with_columns(*fields, parts.list.len().alias("width")).with_columns(
        pl.when(pl.col("user") != "").then(pl.col("user")).alias(PageViews.BUYER_ID),
        pl.col("kind")
        .replace_strict(PAGE_KIND, default=None, return_dtype=pl.String)
        .alias(PageViews.PAGE_KIND),
        moment.cast(pl.Datetime("us")).alias(PageViews.VIEWED_AT),
    )


def _rules() -> list[Rule]:
    repeat = ~pl.struct(*FIELDS).is_first_distinct()
    return [
        (pl.col("width") != len(FIELDS), f"the line has not {len(FIELDS)} fields"),
        (pl.col(PageViews.BUYER_ID).is_null(), "the user is empty"),
        *(
            (~pl.col(name).str.contains(r"^[0-9A-Za-z_]+$"), f"the {name} is not an id")
            for name in ("user", "item", "category")
        ),
        (pl.col(PageViews.PAGE_KIND).is_null(), f"the kind is none of {', '.join(PAGE_KIND)}"),
        (pl.col(PageViews.VIEWED_AT).is_null(), "the time is not a number of unix seconds"),
        (repeat, "the event repeats an earlier line"),
    ]


def _notices(views: pl.DataFrame, first: date, last: date, stray: int) -> tuple[str, ...]:
    if views.is_empty():
        return ()
    told = [f"the log runs from {first} to {last}"]
    if stray:
        told.append(f"{stray} events on stray days outside it are refused")
    told.append("the log has no amounts: list_amount, paid_amount and units are left empty")
    return tuple(told)
