"""What each buyer bought: past and present spend, and what BG/NBD needs to expect the future.

What all orders of a period come to, also those whose buyers are not known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.schema import Orders
from csinsight.engine import Shop, collect
from csinsight.features.frames import DAY_MS, Columns, Frame, count_if, moment_ms, pick
from csinsight.features.outcomes import NET_AMOUNT, PAID_MS, PLACED_MS, known_orders

#: Look-back windows in days of the orders counted apart (RFM conventions).
WINDOWS: Final = (30, 60, 90, 180, 360)


class SpendFeatures:
    """One row a buyer with a paid order in the look-back; times are those of placing.

    Purchase days, ``x``, ``t_x``, ``T`` and what follows the first purchase are of all that is
    known of a buyer: cut at the look-back, old buyers would seem young.

    =====================  ====================================================================
    ``orders``             paid orders; ``orders_<n>d`` of the last n days (see `WINDOWS`)
    ``purchase_days``      different days with one: orders of one day are one purchase
    ``first_order_at``     first and last of them (``last_order_at``)
    ``x``                  repeat purchases: ``purchase_days`` less the first
    ``t_x``                days from first to last purchase day
    ``T``                  days from first purchase day to the day of ``as_of``
    ``lifetime_spend``     ``net_spend`` of all that is known of a buyer
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
    LIFETIME_SPEND = "lifetime_spend"

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
    floats=(
        _NAMES.NET_SPEND,
        _NAMES.NET_SPEND_90D,
        _NAMES.REPEAT_SPEND,
        _NAMES.LIFETIME_SPEND,
    ),
)
_BETWEEN = Columns(texts=(_NAMES.BUYER_ID,), integers=(_NAMES.ORDERS,), floats=(_NAMES.NET_SPEND,))


def spend_features(shop: Shop, as_of: datetime, *, order_days: int | None) -> pd.DataFrame:
    """Return what each buyer bought in the look-back, as known at `as_of`.

    ``x``, ``t_x`` and ``T`` are those of BG/NBD (Fader, Hardie, Lee 2005), in days, of all that
    is known of a buyer.

    Parameters
    ----------
    shop : Shop
        ``shop.has("orders", "buyer_id", "paid_at")`` tells whether there is anything to say:
        without it the table is empty. ``shop.has("orders", "paid_amount")`` tells whether there
        is money: without it spend is null.
    as_of : datetime
        Only orders placed and payments made before this moment are used.
    order_days : int or None
        Look-back in days, by the time of placing; None for every buyer who ever bought.

    Returns
    -------
    pandas.DataFrame
        Columns of `SpendFeatures`, sorted by buyer.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> table = spend_features(sample_shop(), datetime(2026, 11, 1), order_days=365)
    >>> bool((table["t_x"] <= table["T"]).all())
    True
    """
    orders = _purchases(shop, None, as_of)
    if orders is None:
        return _COLUMNS.typed(pd.DataFrame())
    day = nw.col("_day")
    days = (
        orders.select(_NAMES.BUYER_ID, "_day")
        .unique()
        .group_by(_NAMES.BUYER_ID)
        .agg(
            nw.len().cast(nw.Int64).alias(_NAMES.PURCHASE_DAYS),
            (nw.len().cast(nw.Int64) - 1).alias(_NAMES.X),
            (day.max() - day.min()).alias(_NAMES.T_X),
            day.min().alias("_first_day"),
        )
    )
    start = None if order_days is None else as_of - timedelta(days=order_days)
    table = _COLUMNS.gather(
        orders.group_by(_NAMES.BUYER_ID)
        .agg(*_totals(as_of, start))
        .filter(nw.col(_NAMES.ORDERS) > 0)
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

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> spend_between(sample_shop(), datetime(2026, 10, 1), datetime(2026, 11, 1)).columns.tolist()
    ['buyer_id', 'orders', 'net_spend']
    """
    orders = _purchases(shop, start, end)
    if orders is None:
        return _BETWEEN.typed(pd.DataFrame())
    totals = orders.group_by(_NAMES.BUYER_ID).agg(
        nw.len().alias(_NAMES.ORDERS), nw.col(NET_AMOUNT).sum().alias(_NAMES.NET_SPEND)
    )
    return _money(shop, _BETWEEN.gather(totals))


def _purchases(shop: Shop, start: datetime | None, end: datetime) -> Frame | None:
    """Return paid orders placed in a window with their day; None where nobody can tell."""
    if not shop.has("orders", Orders.BUYER_ID, Orders.PAID_AT):
        return None
    return (
        known_orders(shop, end)
        .filter(
            nw.col(PLACED_MS) >= (0 if start is None else moment_ms(start)),
            ~nw.col(PAID_MS).is_null(),
        )
        .with_columns(_day=(nw.col(PLACED_MS) // DAY_MS).cast(nw.Int64))
        .with_columns(_first_day=nw.col("_day").min().over(Orders.BUYER_ID))
    )


def _totals(as_of: datetime, start: datetime | None) -> tuple[nw.Expr, ...]:
    placed, net = nw.col(PLACED_MS), nw.col(NET_AMOUNT)
    age = moment_ms(as_of) - placed
    inside = placed >= (0 if start is None else moment_ms(start))
    return (
        count_if(inside).alias(_NAMES.ORDERS),
        placed.min().alias(_NAMES.FIRST_ORDER_AT),
        placed.max().alias(_NAMES.LAST_ORDER_AT),
        *(count_if(age <= days * DAY_MS).alias(_NAMES.orders_in(days)) for days in WINDOWS),
        pick(inside, net).sum().alias(_NAMES.NET_SPEND),
        net.sum().alias(_NAMES.LIFETIME_SPEND),
        pick(age <= 90 * DAY_MS, net).sum().alias(_NAMES.NET_SPEND_90D),
        pick(nw.col("_day") > nw.col("_first_day"), net).sum().alias(_NAMES.REPEAT_SPEND),
    )


def _money(shop: Shop, table: pd.DataFrame) -> pd.DataFrame:
    if not shop.has("orders", Orders.PAID_AMOUNT):
        money = table.columns.intersection(list(_COLUMNS.floats))
        table[money] = float("nan")
    return table.sort_values(_NAMES.BUYER_ID, ignore_index=True)


NET: Final = "net"
#: The rows of `order_totals`, in order.
KINDS: Final = ("placed", "paid", "refunded", NET)


def order_totals(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Count the orders placed from `start` until before `end`, and add up their money.

    Parameters
    ----------
    shop : Shop
    start, end : datetime
        By the time of placing; a payment at `end` or later is not known yet.

    Returns
    -------
    DataFrame
        ``kind``, ``orders``, ``share`` (of the orders placed), ``amount`` (null where the shop has
        no amounts). Kinds: ``placed`` (with what was to be paid), ``paid``, ``refunded`` (paid
        orders of which something was given back, with how much), ``net`` (paid less refunds: an
        amount without a count). Kinds that the shop's columns can't tell are left out; no rows
        where no order was placed.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> order_totals(sample_shop(), datetime(2026, 10, 1), datetime(2026, 11, 1))["kind"].tolist()
    ['placed', 'paid', 'refunded', 'net']
    """
    if not shop.has("orders", Orders.PLACED_AT):
        return _table([])
    placed = nw.col(PLACED_MS)
    paid = nw.col(PAID_MS) < moment_ms(end)
    amount, refund = nw.col(Orders.PAID_AMOUNT), nw.col(Orders.REFUND_AMOUNT).fill_null(0.0)
    back = paid & (refund > 0)
    row = collect(
        shop["orders"]
        .filter(placed >= moment_ms(start), placed < moment_ms(end))
        .select(
            nw.len().alias("placed"),
            count_if(paid).alias("paid"),
            count_if(back).alias("refunded"),
            amount.sum().alias("placed_amount"),
            pick(paid, amount).sum().alias("paid_amount"),
            pick(back, refund).sum().alias("refunded_amount"),
            pick(paid, amount - refund).sum().alias("net_amount"),
        )
    ).iloc[0]
    if not row["placed"]:
        return _table([])
    known = [kind for kind in KINDS if _is_told(shop, kind)]
    amounts = shop.has("orders", Orders.PAID_AMOUNT)
    money = {kind: float(row[f"{kind}_amount"]) if amounts else None for kind in known}
    counts = {kind: None if kind == NET else int(row[kind]) for kind in known}
    return _table([(kind, counts[kind], money[kind]) for kind in known])


def _is_told(shop: Shop, kind: str) -> bool:
    needed = {
        "placed": (),
        "paid": (Orders.PAID_AT,),
        "refunded": (Orders.PAID_AT, Orders.REFUND_AMOUNT),
        NET: (Orders.PAID_AT, Orders.PAID_AMOUNT, Orders.REFUND_AMOUNT),
    }
    return shop.has("orders", *needed[kind])


def _table(rows: list[tuple[str, int | None, float | None]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["kind", "orders", "amount"])
    table = table.astype({"kind": "str", "orders": "Int64", "amount": float})
    placed = table["orders"].iloc[0] if len(table) else 1
    table.insert(2, "share", (table["orders"] / placed).astype("Float64").astype(float))
    return table
