"""How long after a buyer's lines orders are placed: whether two tables go by one clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from csinsight.contract.schema import Messages, Orders
from csinsight.engine.frames import collect, ms

_SENT: Final = ms(Messages.SENT_AT)
_PLACED: Final = ms(Orders.PLACED_AT)
_HOUR_MS: Final = 3_600_000
#: So many hours before and after an order are looked at.
_REACH: Final = 24
#: Whoever orders after a chat does so within these hours of a line, most in the first.
_NEAR: Final = range(-1, 3)
#: An hour in which so many orders stand, and so many times as many as in any of those, is where
#: they belong; a desk for what comes after an order has no such hour, but many alike.
_LEAST: Final = 30
_TIMES: Final = 3.0
_SHARP: Final = 2.0
_APART: Final = 2
#: Of so many orders near their buyers' lines so many times as many would come in the first hours
#: after one as half a day off and more, and a few by chance.
_ENOUGH: Final = 40
_FAR: Final = 12
_AFTER: Final = 1.5
_CHANCE: Final = 3


@dataclass(frozen=True)
class OrderLag:
    """When orders come, seen from their buyers' lines.

    Parameters
    ----------
    hours : int
        How many hours off the orders' clock is from the chats'; 0 where nothing tells so.
    orders : int
        Orders whose buyer wrote within a day of them.
    unrelated : bool
        No more of them come in the hours after a line than in any others.
    """

    hours: int = 0
    orders: int = 0
    unrelated: bool = False


def order_lag(messages: nw.LazyFrame[Any], orders: nw.LazyFrame[Any]) -> OrderLag:
    """Find the hour after their buyers' lines in which orders come.

    Parameters
    ----------
    messages, orders : narwhals.LazyFrame
        As the engine opens them, with buyers and times.

    Examples
    --------
    Forty buyers, each of whose orders stands eight hours before their question:

    >>> import polars as pl
    >>> lines = pl.LazyFrame({"buyer_id": map(str, range(40)), "sender": "buyer"})
    >>> lines = lines.with_columns(sent_at_ms=pl.int_range(40) * 86_400_000)
    >>> orders = lines.select("buyer_id", order_id="buyer_id", placed_at_ms="sent_at_ms")
    >>> orders = orders.with_columns(pl.col("placed_at_ms") - 8 * 3_600_000 + 600_000)
    >>> order_lag(nw.from_native(lines), nw.from_native(orders)).hours
    -8
    """
    sent, placed = nw.col(_SENT), nw.col(_PLACED)
    wrote = messages.filter(nw.col(Messages.SENDER) == "buyer", ~sent.is_null())
    wrote = (
        wrote.with_columns(_hour=sent // _HOUR_MS)
        .group_by(Messages.BUYER_ID, "_hour")
        .agg(sent.min())
        .drop("_hour")
    )
    since = (placed - sent + _REACH * _HOUR_MS) // _HOUR_MS - _REACH
    found = collect(
        orders.filter(~nw.col(Orders.BUYER_ID).is_null())
        .select(Orders.ORDER_ID, Orders.BUYER_ID, _PLACED)
        .join(wrote, on=Orders.BUYER_ID, how="inner")
        .filter(placed - sent >= -_REACH * _HOUR_MS, placed - sent < _REACH * _HOUR_MS)
        .select(Orders.ORDER_ID, since.cast(nw.Int64).alias("hour"))
        .unique()
        .group_by("hour")
        .agg(nw.len().alias("n"))
    )
    hours = np.arange(-_REACH, _REACH)
    counts = found.set_index("hour")["n"].reindex(hours, fill_value=0).to_numpy(dtype=float)
    return _judged(hours, counts)


def _judged(hours: NDArray[np.int64], counts: NDArray[np.float64]) -> OrderLag:
    near = float(counts[np.isin(hours, _NEAR)].max())
    top = int(counts.argmax())
    around = counts[[n for n in (top - _APART, top + _APART) if 0 <= n < len(counts)]].max()
    belongs = counts[top] >= max(_LEAST, _TIMES * near) and counts[top] >= _SHARP * around
    off = int(hours[top]) if belongs and int(hours[top]) not in _NEAR else 0
    after, far = counts[np.isin(hours, range(_NEAR.stop))], counts[np.abs(hours + 0.5) > _FAR]
    usual = len(after) * float(far.mean())
    few = float(after.sum()) < _AFTER * usual + _CHANCE
    total = int(counts.sum())
    return OrderLag(off, total, unrelated=total >= _ENOUGH and not off and few)
