"""What sets a month apart from those before in how its tables were exported, or its orders paid."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.contract.messages import Notice
from csinsight.contract.schema import Messages, Orders
from csinsight.engine import Shop, collect
from csinsight.features.coverage import chats_observed, daily_rows
from csinsight.features.doubts import per_mille
from csinsight.features.frames import SENT_MS, moment_ms
from csinsight.features.outcomes import PAID_MS, PLACED_MS

#: Fewer orders tell no share, and fewer rows a week no fall.
_MANY: Final = 100
_SOME: Final = 20
#: Paid later than counts as paid, in so many of the paid.
_LATE: Final = 0.05
#: Unpaid beyond the months before, in share and in standard errors.
_UNPAID: Final = 0.05
_ERRORS: Final = 4.0
_MONTHS_BEFORE: Final = 3
#: A week with so little of what four weeks before had on a day, where the other table goes on.
_FADED: Final = 0.4
_GOES_ON: Final = 0.8
_WEEK: Final = 7
_BEFORE: Final = 28
_BOTH: Final = ("orders", "messages")
#: Orders of buyers who never chatted: so many a month tell a change, of a day's mean to so much,
#: beyond so many standard errors of days.
_SOME_ORDERS: Final = 50
_TIDE: Final = 1.25
_ERRORS_OF_DAYS: Final = 3.0
#: The share of their change that all orders have to change by.
_ADDED: Final = 0.5


def month_doubts(shop: Shop, start: datetime, as_of: datetime) -> list[Notice]:
    """Return what makes a month's figures mislead beside those of earlier months.

    Parameters
    ----------
    shop : Shop
    start, as_of : datetime
        The month.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> month_doubts(sample_shop(), datetime(2026, 10, 1), datetime(2026, 11, 1))
    []
    """
    return [
        *_waiting(shop, start, as_of),
        *_faded(shop, as_of),
        *_tide(shop, start, as_of),
    ]


def _waiting(shop: Shop, start: datetime, as_of: datetime) -> list[Notice]:
    """Return whether far more of the month's orders than of those before wait for their payment."""
    placed, paid = _moments(shop, start, as_of)
    # As each month's own end knew them: an order of its last days had no time to be paid either.
    ends = placed.dt.to_period("M").dt.end_time
    waits, now = ~(paid <= ends), placed >= pd.Timestamp(start)
    n, before = int(now.sum()), int((~now).sum())
    if min(n, before) < _MANY:
        return []
    share, usual, pooled = (float(part.mean()) for part in (waits[now], waits[~now], waits))
    error = (pooled * (1 - pooled) * (1 / n + 1 / before)) ** 0.5
    if share - usual < max(_UNPAID, _ERRORS * error):
        return []
    values = {"found": int(waits[now].sum()), "all": n, "before": round(100 * usual)}
    what = (
        f"{values['found']} of {n} orders of the month were not paid by its end, "
        f"{values['before']}% in the months before: as with deposits whose balance is due later, "
        "or payments that are not exported; conversion paid and net sales can't be set beside "
        "those of earlier months"
    )
    return [Notice("orders", what, "waiting", values)]


def paid_late(
    shop: Shop, start: datetime, as_of: datetime, window_hours: float
) -> tuple[int, int] | None:
    """Return how many of the paid orders were paid too late to count as paid, where many were.

    Parameters
    ----------
    shop : Shop
    start, as_of : datetime
        The month; orders of three before it count too.
    window_hours : float
        Within which a paid order counts as paid.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> october = (datetime(2026, 10, 1), datetime(2026, 11, 1))
    >>> paid_late(sample_shop(), *october, window_hours=72.0) is None
    True
    """
    placed, paid = _moments(shop, start, as_of)
    took = (paid - placed)[paid < pd.Timestamp(as_of)]
    late = int((took > pd.Timedelta(hours=window_hours)).sum())
    return (late, len(took)) if len(took) >= _MANY and late >= _LATE * len(took) else None


def _moments(shop: Shop, start: datetime, as_of: datetime) -> tuple[pd.Series, pd.Series]:
    """Return when the orders of the month and of those before were placed and paid."""
    kinds = {PLACED_MS: "Int64", PAID_MS: "Int64"}
    found = pd.DataFrame({name: [] for name in kinds})
    if shop.has("orders", Orders.PLACED_AT, Orders.PAID_AT):
        first = pd.Timestamp(start) - pd.DateOffset(months=_MONTHS_BEFORE)
        placed = nw.col(PLACED_MS)
        since = placed >= moment_ms(first.to_pydatetime())
        orders = shop["orders"].filter(since, placed < moment_ms(as_of))
        found = collect(orders.select(*kinds))
    found = found.astype(kinds)
    placed_at, paid_at = (pd.to_datetime(found[name], unit="ms") for name in kinds)
    return placed_at, paid_at


def _tide(shop: Shop, start: datetime, as_of: datetime) -> list[Notice]:
    """Return whether buyers who didn't chat ordered far more, or less, than the month before.

    What moves those whom no agent served (a sale, a season, a change of prices) moves those who
    chatted too, and with them conversion.
    """
    first = (pd.Timestamp(start) - pd.DateOffset(months=1)).to_pydatetime()
    seen_from = chats_observed(shop, as_of)
    # Of chats that begin later nobody knows who asked before.
    if seen_from is None or seen_from[0] > first + timedelta(days=_WEEK):
        return []
    if not shop.joined or not shop.has("orders", Orders.PLACED_AT, Orders.BUYER_ID):
        return []
    sold = pd.concat([_sold(shop, *month) for month in ((first, start), (start, as_of))])
    edge = pd.Timestamp(start)
    days = pd.date_range(first, as_of, inclusive="left", normalize=True)
    daily, every = (
        part["day"].value_counts().reindex(days, fill_value=0)
        for part in (sold[sold["silent"]], sold)
    )
    before, now = (daily[part] for part in (days < edge, days >= edge))
    if min(before.sum(), now.sum()) < _SOME_ORDERS or _with_a_gap(daily):
        return []
    # More without a chat and as many fewer with one: chats are missing, and no tide rose.
    added = every[days >= edge].mean() - every[days < edge].mean()
    if added / (now.mean() - before.mean() or np.inf) < _ADDED:
        return []
    change = float(now.mean() / before.mean())
    # Days differ by more than chance (weekends, a sale of two weeks): their spread is what counts.
    error = sum(part.var() / len(part) / part.mean() ** 2 for part in (before, now)) ** 0.5
    if abs(np.log(change)) < max(np.log(_TIDE), _ERRORS_OF_DAYS * error):
        return []
    values = {
        "found": int(now.sum()),
        "before": int(before.sum()),
        "change": round(100 * abs(change - 1)),
    }
    what = (
        f"buyers who didn't chat placed {values['found']} orders in the month and "
        f"{values['before']} in the month before ({100 * (change - 1):+.0f}% a day): what moves "
        "them, a sale or a season, moves conversion too, and no agent did; a channel without chat "
        "that was added moves them alone"
    )
    return [Notice("orders", what, "tide_up" if change > 1 else "tide_down", values)]


def _sold(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the day of each order of a month, and whether its buyer had no chat in it."""
    since, until = moment_ms(start), moment_ms(end)
    placed, sent, buyer = nw.col(PLACED_MS), nw.col(SENT_MS), Messages.BUYER_ID
    seen = shop["messages"].filter(sent >= since, sent < until).select(buyer).unique()
    asked = set(collect(seen)[buyer].dropna())
    named = ~nw.col(Orders.BUYER_ID).is_null()
    sold = shop["orders"].filter(placed >= since, placed < until, named)
    orders = collect(sold.select(Orders.BUYER_ID, PLACED_MS))
    day = pd.to_datetime(orders[PLACED_MS].astype("int64"), unit="ms").dt.normalize()
    return pd.DataFrame({"day": day, "silent": ~orders[Orders.BUYER_ID].isin(asked)})


def _with_a_gap(daily: pd.Series) -> bool:
    """Tell whether a week without any order looks like a hole in the tables."""
    return bool((daily.rolling(_WEEK).sum() == 0).any())


def _faded(shop: Shop, as_of: datetime) -> list[Notice]:
    """Return the table of which the month's last week has far less than before, unlike the other.

    So an export looks that takes finished orders only, or is cut at a number of rows.
    """
    counts = daily_rows(shop, as_of, _BEFORE + _WEEK)
    share, usual = {}, {}
    for table in _BOTH:
        rows = counts[counts["table"] == table].set_index("day")["rows"]
        if len(rows) < _BEFORE + _WEEK:
            return []
        edge = pd.Timestamp(as_of - timedelta(days=_WEEK))
        usual[table] = float(rows[rows.index < edge].median())
        share[table] = float(rows[rows.index >= edge].mean()) / max(usual[table], 1.0)
    for table, other in (_BOTH, _BOTH[::-1]):
        enough = usual[table] * _WEEK >= _SOME
        if enough and share[table] < _FADED and share[other] >= _GOES_ON:
            what = (
                f"the month's last week has {share[table]:.0%} of what is usual, and "
                f"{share[other]:.0%} of the {other}: as where only finished orders are exported, "
                "or an export is cut; what it lacks makes conversion too low"
            )
            values = per_mille(share[table]) | {"other": round(100 * share[other])}
            return [Notice(table, what, f"faded_{table}", values)]
    return []
