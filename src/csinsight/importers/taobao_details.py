"""The goods list ``ExportOrderDetailList*.csv``: units and list prices beside an order list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from csinsight.contract.tables import Orders
from csinsight.importers import cells
from csinsight.importers.reading import LINE_SCHEMA, REFUSED_SCHEMA, Records, stack
from csinsight.importers.sift import sift

#: The columns that only the goods list has.
MARKS: Final = ("标题", "价格", "购买数量")
_ID: Final = ("主订单编号", "订单编号")


@dataclass(frozen=True)
class Details:
    """What goods lists say of each order.

    Parameters
    ----------
    orders : polars.DataFrame
        ``order_id``, ``goods`` (price before discounts) and ``pieces``.
    lines : int
        Goods lines that were read; they are no orders and count neither in nor out.
    refused : polars.DataFrame
        Goods lines that could not be read.
    """

    orders: pl.DataFrame
    lines: int
    refused: pl.DataFrame


def is_details(records: Records) -> bool:
    """Tell whether these are goods lines rather than orders."""
    return set(MARKS) <= set(records.header) and "总金额" not in records.header


def read_details(lists: Sequence[Records]) -> Details:
    """Return goods lines summed up by order."""
    frames, refused = [], [records.damaged for records in lists]
    for records in lists:
        order = next((name for name in _ID if name in records.header), records.header[0])
        frame = records.frame.select(
            *LINE_SCHEMA,
            cells.clean(order).alias(Orders.ORDER_ID),
            cells.number(cells.clean("价格")).alias("price"),
            cells.whole(cells.clean("购买数量")).alias("pieces"),
        )
        spoilt = pl.col(Orders.ORDER_ID).str.contains(cells.SPOILT_PATTERN)
        kept, bad = sift(
            frame,
            [
                (pl.col(Orders.ORDER_ID).is_null() | spoilt, "the goods line has no order number"),
                (pl.col("price").is_null() | (pl.col("price") < 0), "价格 is not a price"),
                (pl.col("pieces").is_null() | (pl.col("pieces") < 1), "购买数量 is not a count"),
            ],
        )
        frames.append(kept)
        refused.append(bad)
    schema = {Orders.ORDER_ID: pl.String(), "price": pl.Float64(), "pieces": pl.Int64()}
    goods = stack((frame.select(*schema) for frame in frames), schema)
    orders = goods.group_by(Orders.ORDER_ID, maintain_order=True).agg(
        goods=(pl.col("price") * pl.col("pieces")).sum().round(2), pieces=pl.col("pieces").sum()
    )
    return Details(orders, goods.height, stack(refused, REFUSED_SCHEMA))


def join_details(orders: pl.DataFrame, details: Details) -> tuple[pl.DataFrame, list[str]]:
    """Return orders with list amounts and units where goods lists tell them, and notices.

    A column that the goods lists fill only in part stays empty: the contract takes all or none.
    """
    joined = orders.join(details.orders, on=Orders.ORDER_ID, how="left", maintain_order="left")
    postage = pl.col("postage_number").fill_null(0.0)
    joined = joined.with_columns(
        (pl.col("goods") + postage).round(2).alias(Orders.LIST_AMOUNT),
        pl.coalesce(Orders.UNITS, "pieces").alias(Orders.UNITS),
    )
    without = joined["goods"].null_count()
    notices = []
    if details.lines:
        known = joined.height - without
        notices.append(f"{details.lines} goods lines tell the list prices of {known} orders")
    if without:
        joined = joined.with_columns(pl.lit(None, dtype=pl.Float64).alias(Orders.LIST_AMOUNT))
        notices.append("list_amount is left empty: it takes the goods lists of all these orders")
        if orders[Orders.UNITS].null_count() == orders.height:
            joined = joined.with_columns(pl.lit(None, dtype=pl.Int64).alias(Orders.UNITS))
    return joined, notices
