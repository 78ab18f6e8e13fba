"""The goods list ``ExportOrderDetailList*.csv``: units, list prices and lines of an order list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from csinsight.contract.constraints import SPOILT_PATTERN
from csinsight.contract.schema import ORDER_LINES, ORDERS, OrderLines, Orders
from csinsight.importers import cells
from csinsight.importers.reading import LINE_SCHEMA, REFUSED_SCHEMA, Line, Records, stack
from csinsight.importers.sift import Imported, finish, settle, sift

#: The columns that only the goods list has.
MARKS: Final = ("标题", "价格", "购买数量")
#: What an order's number is called, in either list.
ORDER_NUMBER: Final = ("主订单编号", "订单编号")
_PRODUCT: Final = ("商品ID", "商品id", "宝贝ID", "商家编码", "外部系统编号")
_NO_TEXT: Final = pl.lit(None, dtype=pl.String)
_GOODS: Final[dict[str, pl.DataType]] = {
    Line.FILE: pl.String(),
    Orders.ORDER_ID: pl.String(),
    OrderLines.PRODUCT_ID: pl.String(),
    OrderLines.PRODUCT_NAME: pl.String(),
    "price": pl.Float64(),
    "pieces": pl.Int64(),
}
_LINES: Final = (
    OrderLines.ORDER_ID,
    OrderLines.PRODUCT_ID,
    OrderLines.PRODUCT_NAME,
    OrderLines.UNITS,
    OrderLines.AMOUNT,
)


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
    goods : polars.DataFrame
        The lines: ``order_id``, ``product_id``, ``product_name``, ``price`` and ``pieces``.
    """

    orders: pl.DataFrame
    lines: int
    refused: pl.DataFrame
    goods: pl.DataFrame


def is_details(records: Records) -> bool:
    """Tell whether these are goods lines rather than orders.

    Examples
    --------
    >>> empty = pl.DataFrame()
    >>> header = ("订单编号", *MARKS)
    >>> is_details(Records("list.csv", header, empty, empty))
    True
    >>> is_details(Records("orders.csv", (*header, "总金额"), empty, empty))
    False
    """
    return set(MARKS) <= set(records.header) and "总金额" not in records.header


def read_details(lists: Sequence[Records], marks: tuple[str, str] = (".", ",")) -> Details:
    """Return goods lines summed up by order; `marks` are those of decimals and of thousands.

    Examples
    --------
    >>> row = {"_file": "list.csv", "_line": 2, "_raw": "…", "订单编号": "6900000000000000001"}
    >>> frame = pl.DataFrame([row | {"标题": "船袜", "价格": "59.00", "购买数量": "2"}])
    >>> none = pl.DataFrame(schema=REFUSED_SCHEMA)
    >>> read_details([Records("list.csv", ("订单编号", *MARKS), frame, none)]).orders.rows()
    [('6900000000000000001', 118.0, 2)]
    """
    frames, refused = [], [records.damaged for records in lists]
    for records in lists:
        order = next((name for name in ORDER_NUMBER if name in records.header), records.header[0])
        product = next((name for name in _PRODUCT if name in records.header), None)
        frame = records.frame.select(
            *LINE_SCHEMA,
            cells.clean(order).alias(Orders.ORDER_ID),
            cells.number(cells.clean("价格"), *marks).alias("price"),
            cells.whole(cells.clean("购买数量"), *marks).alias("pieces"),
            cells.clean("标题").alias(OrderLines.PRODUCT_NAME),
            (cells.clean(product) if product else _NO_TEXT).alias(OrderLines.PRODUCT_ID),
        )
        spoilt = pl.col(Orders.ORDER_ID).str.contains(SPOILT_PATTERN)
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
    goods = stack((frame.select(*_GOODS) for frame in frames), _GOODS)
    # Two lists may hold one order: its lines are those of one of them, whichever is named first.
    goods = goods.filter(pl.col(Line.FILE) == pl.col(Line.FILE).min().over(Orders.ORDER_ID))
    orders = goods.group_by(Orders.ORDER_ID, maintain_order=True).agg(
        goods=(pl.col("price") * pl.col("pieces")).sum().round(2), pieces=pl.col("pieces").sum()
    )
    return Details(orders, goods.height, stack(refused, REFUSED_SCHEMA), goods)


def with_lines(imported: Imported, goods: pl.DataFrame, titles: pl.DataFrame) -> Imported:
    """Return an import with ``order_lines``, as far as goods lists or titles tell them.

    A goods list has prices before discounts: what was paid for the order is shared among its lines
    by them. An order without goods list that holds one kind of goods is one line.

    Parameters
    ----------
    imported : Imported
    goods : polars.DataFrame
        `Details.goods`.
    titles : polars.DataFrame
        ``order_id`` and ``product_name`` of orders of one kind of goods.

    Examples
    --------
    What was paid is shared by prices, and what rounding leaves goes to the first line:

    >>> orders = pl.DataFrame({"order_id": ["1"], "paid_amount": [100.0]})
    >>> goods = pl.DataFrame({"product_name": ["袜", "帽", "巾"], "price": 40.0, "pieces": 1})
    >>> goods = goods.with_columns(order_id=pl.lit("1"), product_id=pl.lit(None, dtype=pl.String))
    >>> imported = Imported({"orders": orders}, pl.DataFrame(), 1, 1)
    >>> with_lines(imported, goods, pl.DataFrame()).tables["order_lines"]["amount"].to_list()
    [33.34, 33.33, 33.33]
    """
    orders = imported.tables.get(ORDERS.name)
    if orders is None:
        return imported
    paid = orders.select(Orders.ORDER_ID, Orders.PAID_AMOUNT)
    worth = pl.col("price") * pl.col("pieces")
    whole = worth.sum().over(Orders.ORDER_ID)
    share = pl.when(whole > 0).then(worth / whole).otherwise(1 / pl.len().over(Orders.ORDER_ID))
    amount = (pl.col(Orders.PAID_AMOUNT) * share).round(2)
    # What rounding leaves goes to the order's first line, so that lines sum to the order.
    rest = pl.col(Orders.PAID_AMOUNT) - pl.col(OrderLines.AMOUNT).sum().over(Orders.ORDER_ID)
    first = pl.int_range(pl.len()).over(Orders.ORDER_ID) == 0
    lines = (
        goods.join(paid, on=Orders.ORDER_ID, how="inner", maintain_order="left")
        .with_columns(amount.alias(OrderLines.AMOUNT), pl.col("pieces").alias(OrderLines.UNITS))
        .with_columns(
            (pl.col(OrderLines.AMOUNT) + pl.when(first).then(rest).otherwise(0.0))
            .round(2)
            .alias(OrderLines.AMOUNT)
        )
    )
    frames = [lines.select(*_LINES)]
    if Orders.UNITS in orders.columns:
        alone = titles.join(
            orders.select(Orders.ORDER_ID, Orders.UNITS, Orders.PAID_AMOUNT), on=Orders.ORDER_ID
        ).join(lines, on=Orders.ORDER_ID, how="anti")
        frames.append(
            alone.select(
                Orders.ORDER_ID,
                _NO_TEXT.alias(OrderLines.PRODUCT_ID),
                OrderLines.PRODUCT_NAME,
                pl.col(Orders.UNITS).alias(OrderLines.UNITS),
                pl.col(Orders.PAID_AMOUNT).alias(OrderLines.AMOUNT),
            )
        )
    made = pl.concat(frames).drop_nulls([OrderLines.UNITS, OrderLines.AMOUNT])
    made = made.filter(pl.col(OrderLines.AMOUNT) >= 0).sort(Orders.ORDER_ID, maintain_order=True)
    kept = settle(
        ORDER_LINES,
        made.with_row_index(Line.NUMBER).with_columns(
            pl.lit("").alias(Line.FILE),
            pl.lit("").alias(Line.RAW),
            pl.col(Line.NUMBER).cast(pl.Int64),
        ),
    )[0]
    if kept.is_empty():
        return imported
    tables = {**imported.tables, ORDER_LINES.name: finish(ORDER_LINES, kept)}
    return replace(imported, tables=tables)


def list_amounts(imported: Imported, goods: pl.DataFrame, lines: int) -> Imported:
    """Return an import with the list amounts that goods lists tell, and notices.

    Where they tell those of some orders only the column stays empty: the contract takes all or
    none.

    Examples
    --------
    >>> orders = pl.DataFrame({"order_id": ["1"], "list_amount": None})
    >>> listed = pl.DataFrame({"order_id": ["1"], "list_amount": [59.0]})
    >>> found = list_amounts(Imported({"orders": orders}, pl.DataFrame(), 1, 1), listed, 2)
    >>> found.tables["orders"]["list_amount"].to_list(), found.notices
    ([59.0], ('2 goods lines tell the list prices of 1 orders',))
    """
    orders = imported.tables.get(ORDERS.name)
    if orders is None:
        return imported
    joined = orders.join(goods, on=Orders.ORDER_ID, how="left", maintain_order="left")
    without = joined[Orders.LIST_AMOUNT + "_right"].null_count()
    told = []
    if lines:
        known = joined.height - without
        told.append(f"{lines} goods lines tell the list prices of {known} orders")
    if without:
        told.append("list_amount is left empty: it takes the goods lists of all these orders")
    else:
        orders = orders.with_columns(
            joined[Orders.LIST_AMOUNT + "_right"].alias(Orders.LIST_AMOUNT)
        )
    tables = {**imported.tables, ORDERS.name: orders}
    return replace(imported, tables=tables, notices=(*imported.notices, *told))
