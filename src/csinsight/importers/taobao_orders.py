"""The goods list ``ExportOrderDetailList*.csv``: units and list prices beside an order list.

Taobao and Tmall order exports: ``ExportOrderList*.csv`` (or the same saved as a workbook).

Both generations of columns are read by their names: the older one without, the newer one with
``支付单号``, ``退款金额`` and ``打款商家金额``. The goods list ``ExportOrderDetailList*.csv`` names
no buyer; beside an order list it gives list prices, and units where the list lacks them.

Rules where the export leaves room:

- ``paid_amount`` is what the buyer paid, before refunds. Some exports show ``买家实际支付金额``
  already net of the refund: there, paid and refunded add up to ``总金额``, or the refund
  is larger.
- An order that was never paid has ``总金额``, what was to be paid.
- ``交易关闭`` after a payment means that all was given back, where no column says how much.
- ``list_amount`` comes from the goods list (``价格`` x ``购买数量``, and the postage): ``总金额``
  is already after the shop's discounts, so without the goods list the column stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.schema import ORDERS, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.reading import LINE_SCHEMA, REFUSED_SCHEMA, Records, read_records, stack
from csinsight.importers.records import SUFFIXES, read_workbook, sheet_records
from csinsight.importers.sift import Imported, Rule, finish, settle, sift

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


#: Each field and the names it goes by; the first one present counts.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("订单编号", "主订单编号"),
    "buyer": ("买家会员名", "买家昵称", "买家会员名称"),
    "payable": ("买家应付货款",),
    "postage": ("买家应付邮费",),
    "total": ("总金额", "订单总金额"),
    "actual": ("买家实际支付金额", "买家实付金额"),
    "state": ("订单状态",),
    "placed": ("订单创建时间",),
    "paid": ("订单付款时间", "付款时间"),
    "units": ("宝贝总数量",),
    "refund": ("退款金额",),
}
REQUIRED: Final = ("id", "total", "actual", "state", "placed", "paid")
MONEY: Final = ("payable", "postage", "total", "actual", "refund")
UNPAID_STATES: Final = ("等待买家付款", "等待付款", "未付款")
PAID_STATES: Final = ("买家已付款等待卖家发货", "卖家已发货等待买家确认", "交易成功")
CLOSED_STATE: Final = "交易关闭"
#: What stands in 退款金额 where there was none.
NO_REFUND: Final = ("-", "无退款申请", "没有申请退款", "无退款", "暂无数据")
_CENT: Final = 0.005
_ROUNDED_SHARE: Final = 0.5


def read_taobao_orders(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    """Read order exports into ``orders``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Order lists, oldest first, and goods lists if wanted. Where two order lists hold one
        order, the later file has its newer state; the earlier row is refused.
    mapping : pathlib.Path or None
        Not used by this format.

    Raises
    ------
    ImporterError
        Where a file can't be read, is of another kind, or only goods lists are given.
    """
    if mapping is not None:
        raise ImporterError("taobao_orders takes no mapping; leave --mapping out")
    read = [records for path in files for records in _open(path)]
    lists = [records for records in read if not is_details(records)]
    if not lists:
        raise ImporterError(
            f"{read[0].file}: is an ExportOrderDetailList, which names no buyer and no order "
            "total; give the ExportOrderList of the same days, this file may stand beside it"
        )
    details = read_details([records for records in read if is_details(records)])
    frame = pl.concat([_named(number, records) for number, records in enumerate(lists)])
    damaged = stack((records.damaged for records in lists), REFUSED_SCHEMA)
    return _import(frame, damaged, details)


def _open(path: Path) -> list[Records]:
    if path.suffix.lower() not in SUFFIXES:
        return [read_records(path)]
    sheets = read_workbook(path)
    several = len(sheets) > 1
    return [
        sheet_records(f"{path.name}, sheet {name}" if several else path.name, grid)
        for name, grid in sheets.items()
        if grid.height
    ]


def _named(number: int, records: Records) -> pl.DataFrame:
    """Return the lines with the fields of `COLUMNS`, cleaned; an absent field is null."""
    found = {
        field: next((name for name in names if name in records.header), None)
        for field, names in COLUMNS.items()
    }
    missing = [COLUMNS[field][0] for field in REQUIRED if found[field] is None]
    if missing:
        raise ImporterError(
            f"{records.file}: has no column {', '.join(missing)}; an ExportOrderList has them "
            "in its first line, export it again"
        )
    columns = [
        (pl.lit(None, dtype=pl.String) if name is None else cells.clean(name)).alias(field)
        for field, name in found.items()
    ]
    return records.frame.select(
        *LINE_SCHEMA,
        *columns,
        pl.lit(number).alias("file_no"),
        pl.lit(found["refund"] is not None).alias("tells_refund"),
    )


def _import(frame: pl.DataFrame, damaged: pl.DataFrame, details: Details) -> Imported:
    frame = frame.with_columns(cells.nulled(pl.col("refund"), NO_REFUND))
    rules, notices = _buyer_rules(frame)
    frame = frame.with_columns(_rounded(frame))
    kept, refused = sift(frame.with_columns(_values()), [*_rules(), *rules])
    if not rules:
        kept = kept.with_columns(pl.lit(None, dtype=pl.String).alias(Orders.BUYER_ID))
    newest = pl.col("file_no") == pl.col("file_no").max().over(Orders.ORDER_ID)
    kept, older = sift(kept, [(~newest, "a later file has the newer state of this order")])
    kept, told = join_details(kept, details)
    kept, rest = settle(ORDERS, kept.with_columns(_paid_amount()).with_columns(_refund_amount()))
    table = finish(ORDERS, kept)
    return Imported(
        {ORDERS.name: table} if table.height else {},
        stack([damaged, refused, older, rest, details.refused], REFUSED_SCHEMA),
        frame.height + damaged.height + details.refused.height,
        table.height,
        (*notices, *told),
    )


def _values() -> list[pl.Expr]:
    state = pl.col("state").str.normalize("NFKC").str.replace_all(r"[,、\s]", "")
    return [
        pl.col("id").alias(Orders.ORDER_ID),
        pl.col("buyer").alias(Orders.BUYER_ID),
        cells.time(pl.col("placed")).alias(Orders.PLACED_AT),
        pl.when(~state.is_in(UNPAID_STATES)).then(cells.time(pl.col("paid"))).alias(Orders.PAID_AT),
        cells.whole(pl.col("units")).alias(Orders.UNITS),
        state.alias("state_key"),
        *(cells.number(pl.col(name)).alias(f"{name}_number") for name in MONEY),
    ]


def _rules() -> list[Rule]:
    """Return what refuses a row, in the words of the export."""
    order = pl.col("id")
    paid = pl.col("state_key").is_in(PAID_STATES) & pl.col("paid").is_null()
    again = "export the orders again and import the file without saving it in a spreadsheet"
    return [
        (order.is_null(), "订单编号 is empty"),
        (order.str.contains(cells.SPOILT_PATTERN), f"订单编号 was spoilt to 1.9E+15; {again}"),
        (pl.col("rounded"), f"订单编号 was rounded by a spreadsheet; {again}"),
        (~order.str.contains(r"^[0-9A-Za-z_-]{1,64}$"), "订单编号 is not an order number"),
        (pl.col("state").is_null(), "订单状态 is empty"),
        (pl.col("total").is_null(), "总金额 is empty"),
        *(
            cells.unreadable(
                pl.col(name), pl.col(f"{name}_number"), COLUMNS[name][0], "a number such as 12.50"
            )
            for name in MONEY
        ),
        *((pl.col(f"{name}_number") < 0, f"{COLUMNS[name][0]} is under 0") for name in MONEY),
        cells.unreadable(pl.col("units"), pl.col(Orders.UNITS), "宝贝总数量", "a whole number"),
        cells.unreadable(
            pl.col("placed"),
            pl.col(Orders.PLACED_AT),
            "订单创建时间",
            "a time such as 2016-05-23 22:02:00",
        ),
        cells.unreadable(
            pl.col("paid"),
            cells.time(pl.col("paid")),
            "订单付款时间",
            "a time such as 2016-05-23 22:02:00",
        ),
        (paid, "订单状态 says paid, but 订单付款时间 is empty"),
    ]


def _rounded(frame: pl.DataFrame) -> pl.Series:
    """Tell which order numbers a spreadsheet rounded: it keeps fifteen digits.

    One number may look so by chance; where half of a file's long numbers do, they all were.
    """
    looks = pl.DataFrame(
        {"file_no": frame["file_no"], "looks": [cells.looks_rounded(i) for i in frame["id"]]}
    )
    share = pl.col("looks").mean().over("file_no")
    return looks.select(rounded=pl.col("looks") & (share >= _ROUNDED_SHARE))["rounded"]


def _buyer_rules(frame: pl.DataFrame) -> tuple[list[Rule], list[str]]:
    """Return the rule on masked buyers; none where no buyer of the whole import is told."""
    masked = pl.col("buyer").str.contains(r"[*\uff0a]")
    counts = frame.select(given=pl.col("buyer").count(), masked=masked.sum()).row(0, named=True)
    if counts["given"] == 0:
        return [], ["no order names its buyer: buyer_id is left empty, nothing can be joined to it"]
    if counts["given"] == counts["masked"]:
        return [], [
            f"all {counts['masked']} buyers are masked (摩**) and can't be told apart: "
            "buyer_id is left empty from top to bottom"
        ]
    reason = "买家会员名 is masked while others are not: it can't be told apart from other buyers"
    return [(masked, reason)], []


def _paid_amount() -> pl.Expr:
    total, refund = pl.col("total_number"), pl.col("refund_number").fill_null(0.0)
    actual = pl.col("actual_number").fill_null(total)
    net = (refund > 0) & (((actual + refund - total).abs() < _CENT) | (refund > actual))
    emptied = _closed_after_payment() & ~pl.col("tells_refund") & (actual == 0)
    paid = pl.when(net).then(actual + refund).when(emptied).then(total).otherwise(actual)
    never = pl.col(Orders.PAID_AT).is_null()
    return pl.when(never).then(total).otherwise(paid).round(2).alias(Orders.PAID_AMOUNT)


def _refund_amount() -> pl.Expr:
    untold = _closed_after_payment() & ~pl.col("tells_refund")
    told = pl.when(pl.col("tells_refund")).then(pl.col("refund_number").fill_null(0.0))
    all_back = pl.when(untold).then(pl.col(Orders.PAID_AMOUNT))
    return pl.coalesce(all_back, told).alias(Orders.REFUND_AMOUNT)


def _closed_after_payment() -> pl.Expr:
    return (pl.col("state_key") == CLOSED_STATE) & pl.col(Orders.PAID_AT).is_not_null()
