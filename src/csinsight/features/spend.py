"""What each buyer bought: past and present spend, and what BG/NBD needs to expect the future."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.tables import Orders
from csinsight.engine import Shop
from csinsight.features.frames import Columns, Frame, count_if, pick
from csinsight.features.orders import NET_AMOUNT, PAID_MS, PLACED_MS, known_orders
from csinsight.features.rules import DAY_MS, moment_ms

#: Look-back windows in days of the orders counted apart (RFM conventions).
WINDOWS: Final = (30, 60, 90, 180, 360)


class SpendFeatures:
    """One row a buyer with a paid order in the look-back; times are those of placing.

    =====================  ====================================================================
    ``orders``             paid orders; ``orders_<n>d`` of the last n days (see `WINDOWS`)
    ``purchase_days``      different days with one: orders of one day are one purchase
    ``first_order_at``     first and last of them (``last_order_at``)
    ``x``                  repeat purchases: ``purchase_days`` less the first
    ``t_x``                days from first to last purchase day
    ``T``                  days from first purchase day to the day of ``as_of``
    ``net_spend``          paid amounts less refunds; ``net_spend_90d`` of the last 90 days
    ``repeat_spend``       ``net_spend`` after the first purchase day (for Gamma-Gamma)
    =====================  ====================================================================
    """

    BUYER_ID = "buyer_id"
    ORDERS = "orders"
    PURCHASE_DAYS = "purchase_days"
    FIRST_ORDER_AT = "first_order_at"
    LAST_ORDER_AT = "last_order_at"
    X = "x"
    T_X = "t_x"
    T = "T"
    NET_SPEND = "net_spend"
    NET_SPEND_90D = "net_spend_90d"
    REPEAT_SPEND = "repeat_spend"

    @staticmethod
    def orders_in(days: int) -> str:
        """Return the name of the count of orders in the last `days` days."""
        return f"orders_{days}d"


_NAMES = SpendFeatures
_COLUMNS = Columns(
    texts=(_NAMES.BUYER_ID,),
    times=(_NAMES.FIRST_ORDER_AT, _NAMES.LAST_ORDER_AT),
    integers=(
        _NAMES.ORDERS,
        _NAMES.PURCHASE_DAYS,
        *map(_NAMES.orders_in, WINDOWS),
        _NAMES.X,
        _NAMES.T_X,
        _NAMES.T,
    ),
    floats=(_NAMES.NET_SPEND, _NAMES.NET_SPEND_90D, _NAMES.REPEAT_SPEND),
)
_BETWEEN = Columns(texts=(_NAMES.BUYER_ID,), integers=(_NAMES.ORDERS,), floats=(_NAMES.NET_SPEND,))


def spend_features(shop: Shop, as_of: datetime, *, order_days: int = 365) -> pd.DataFrame:
    """Return what each buyer bought in the look-back, as known at `as_of`.

    ``x``, ``t_x`` and ``T`` are those of BG/NBD (Fader, Hardie, Lee 2005), in days, counted
    within the look-back.

    Parameters
    ----------
    shop : Shop
        ``shop.has("orders", "buyer_id", "paid_at")`` tells whether there is anything to say:
        without it the table is empty. ``shop.has("orders", "paid_amount")`` tells whether there
        is money: without it spend is null.
    as_of : datetime
        Only orders placed and payments made before this moment are used.
    order_days : int
        Look-back in days, by the time of placing.

    Returns
    -------
    pandas.DataFrame
        Columns of `SpendFeatures`, sorted by buyer.
    """
    orders = _purchases(shop, as_of - timedelta(days=order_days), as_of)
    if orders is None:
        return _COLUMNS.typed(pd.DataFrame())
    days = _buyer_days(orders).group_by(_NAMES.BUYER_ID).agg(*_history())
    table = _COLUMNS.gather(
        orders.group_by(_NAMES.BUYER_ID)
        .agg(*_totals(as_of))
        .join(days, on=_NAMES.BUYER_ID, how="left")
        .with_columns((moment_ms(as_of) // DAY_MS - nw.col("_first_day")).alias(_NAMES.T))
    )
    return _money(shop, table)


def spend_between(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Return what each buyer bought from `start` until before `end`, as known at `end`.

    Parameters
    ----------
    shop : Shop
        As for `spend_features`.
    start, end : datetime
        By the time of placing; a hold-out's payments have to be made before `end` too.

    Returns
    -------
    pandas.DataFrame
        ``buyer_id``, ``orders`` (paid) and ``net_spend`` (null where the shop has no amounts), a
        row for each buyer who bought, sorted by buyer.
    """
    orders = _purchases(shop, start, end)
    if orders is None:
        return _BETWEEN.typed(pd.DataFrame())
    totals = orders.group_by(_NAMES.BUYER_ID).agg(
        nw.len().alias(_NAMES.ORDERS), nw.col(NET_AMOUNT).sum().alias(_NAMES.NET_SPEND)
    )
    return _money(shop, _BETWEEN.gather(totals))


def _purchases(shop: Shop, start: datetime, end: datetime) -> Frame | None:
    """Return paid orders placed in a window with their day; None where nobody can tell."""
    if not shop.has("orders", Orders.BUYER_ID, Orders.PAID_AT):
        return None
    return (
        known_orders(shop, end)
        .filter(nw.col(PLACED_MS) >= moment_ms(start), ~nw.col(PAID_MS).is_null())
        .with_columns(_day=(nw.col(PLACED_MS) // DAY_MS).cast(nw.Int64))
        .with_columns(_first_day=nw.col("_day").min().over(Orders.BUYER_ID))
    )


def _buyer_days(orders: Frame) -> Frame:
    return orders.select(_NAMES.BUYER_ID, "_day").unique()


def _history() -> tuple[nw.Expr, ...]:
    day = nw.col("_day")
    return (
        nw.len().cast(nw.Int64).alias(_NAMES.PURCHASE_DAYS),
        (nw.len().cast(nw.Int64) - 1).alias(_NAMES.X),
        (day.max() - day.min()).alias(_NAMES.T_X),
        day.min().alias("_first_day"),
    )


def _totals(as_of: datetime) -> tuple[nw.Expr, ...]:
    placed, net = nw.col(PLACED_MS), nw.col(NET_AMOUNT)
    age = moment_ms(as_of) - placed
    return (
        nw.len().alias(_NAMES.ORDERS),
        placed.min().alias(_NAMES.FIRST_ORDER_AT),
        placed.max().alias(_NAMES.LAST_ORDER_AT),
        *(count_if(age <= days * DAY_MS).alias(_NAMES.orders_in(days)) for days in WINDOWS),
        net.sum().alias(_NAMES.NET_SPEND),
        pick(age <= 90 * DAY_MS, net).sum().alias(_NAMES.NET_SPEND_90D),
        pick(nw.col("_day") > nw.col("_first_day"), net).sum().alias(_NAMES.REPEAT_SPEND),
    )


def _money(shop: Shop, table: pd.DataFrame) -> pd.DataFrame:
    if not shop.has("orders", Orders.PAID_AMOUNT):
        money = table.columns.intersection(list(_COLUMNS.floats))
        table[money] = float("nan")
    return table.sort_values(_NAMES.BUYER_ID, ignore_index=True)
