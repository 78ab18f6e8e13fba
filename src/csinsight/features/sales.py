"""What all orders of a period come to, also those whose buyers are not known."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.tables import Orders
from csinsight.engine import Shop, collect
from csinsight.features.frames import Frame, count_if, pick
from csinsight.features.orders import PAID_MS, PLACED_MS
from csinsight.features.rules import moment_ms

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
    """
    if not shop.has("orders", Orders.PLACED_AT):
        return _table([])
    row = collect(_sums(shop, start, end)).iloc[0]
    if not row["placed"]:
        return _table([])
    known = [kind for kind in KINDS if _is_told(shop, kind)]
    amounts = shop.has("orders", Orders.PAID_AMOUNT)
    money = {kind: float(row[f"{kind}_amount"]) if amounts else None for kind in known}
    counts = {kind: None if kind == NET else int(row[kind]) for kind in known}
    return _table([(kind, counts[kind], money[kind]) for kind in known])


def _sums(shop: Shop, start: datetime, end: datetime) -> Frame:
    placed = nw.col(PLACED_MS)
    paid = nw.col(PAID_MS) < moment_ms(end)
    amount, refund = nw.col(Orders.PAID_AMOUNT), nw.col(Orders.REFUND_AMOUNT).fill_null(0.0)
    back = paid & (refund > 0)
    return (
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
    )


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
