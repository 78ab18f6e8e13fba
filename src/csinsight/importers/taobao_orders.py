"""Taobao and Tmall order exports: ``ExportOrderList*.csv`` (or the same saved as a workbook).

Both generations of columns are read by their names: the older one without, the newer one with
``支付单号``, ``退款金额`` and ``打款商家金额``. The goods list ``ExportOrderDetailList*.csv`` names
no buyer; beside an order list it gives list prices, and units where the list lacks them.

Rules where the export leaves room:

- ``paid_amount`` is what the buyer paid, before refunds. Some exports show ``买家实际支付金额``
  already net of the refund: there, paid and refunded add up to ``总金额``, or the refund
  is larger.
- An order that was never paid has ``总金额``, what was to be paid.
- ``交易关闭`` after a payment means that all was given back, where no column says how much.
- A report without times and amounts of payment (Tmall, 2025) tells both by the state: paid when
  placed, ``总金额``; its closed orders count as never paid.
- ``list_amount`` comes from the goods list (``价格`` x ``购买数量``, and the postage): ``总金额``
  is already after the shop's discounts, so without the goods list the column stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import MASKED
from csinsight.contract.constraints import SPOILT_PATTERN
from csinsight.contract.schema import OrderLines, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import ShopOptions, exported_at, read_options
from csinsight.importers.one_shop import OrderRow, shop_of
from csinsight.importers.orders import import_orders
from csinsight.importers.reading import (
    LINE_SCHEMA,
    REFUSED_SCHEMA,
    Line,
    Records,
    laid_together,
    plain_words,
    stack,
)
from csinsight.importers.sift import Imported, Rule
from csinsight.importers.taobao_goods import (
    ORDER_NUMBER,
    Details,
    is_details,
    list_amounts,
    read_details,
    with_lines,
)
from csinsight.importers.workbook import of_one_kind, open_tables

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
    "title": ("宝贝标题", "商品标题"),
    "kinds": ("宝贝种类",),
}
REQUIRED: Final = ("id", "total", "state", "placed")
MONEY: Final = ("payable", "postage", "total", "actual", "refund")
UNPAID_STATES: Final = ("等待买家付款", "等待付款", "未付款", "没有创建支付宝交易")
PAID_STATES: Final = (
    "交易成功",
    "买家已付款等待卖家发货",
    "卖家已发货等待买家确认",
    "买家已付款",
    "卖家部分发货",
    "卖家已发货",
    "等待卖家发货",
    "等待买家确认收货",
    "买家已收货",
    "买家已签收",
)
CLOSED_STATE: Final = "交易关闭"
#: The same, said by who closed it and when.
CLOSED_STATES: Final = (
    CLOSED_STATE,
    "付款以前卖家或买家主动关闭交易",
    "付款以后用户退款成功交易自动关闭",
)
#: What stands in 退款金额 where there was none.
NO_REFUND: Final = ("-", "无退款申请", "没有申请退款", "无退款", "暂无数据")


def read_taobao_orders(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    r"""Read order exports into ``orders``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Order lists, and goods lists if wanted, in any order. Where two rows hold one order, the
        newer state is taken and the other row refused as a repeat.
    mapping : pathlib.Path or None
        YAML of `csinsight.importers.mapping_spec.ShopOptions`.

    Raises
    ------
    ImporterError
        Where a file can't be read, is of another kind, or only goods lists are given.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "orders.csv"
    ...     _ = file.write_text((
    ...         "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间\n"
    ...         "T1,甲,10,10,交易成功,2026-10-05 10:00,2026-10-05 10:01\n"
    ...     ), encoding="utf-8")
    ...     imported = read_taobao_orders([file])
    >>> imported.tables["orders"]["paid_amount"].to_list()
    [10.0]
    """
    options = read_options(mapping, ShopOptions)
    wanted = [*ORDER_NUMBER, *(name for field in REQUIRED for name in COLUMNS[field])]
    known = [name for names in COLUMNS.values() for name in names]
    skipped: list[str] = []
    read = [
        records
        for path in files
        for records in of_one_kind(
            open_tables(path, wanted, known, options.encoding), _is_ours, skipped
        )
    ]
    lists = [records for records in read if not is_details(records)]
    if not lists:
        raise ImporterError(
            f"{read[0].file}: is an ExportOrderDetailList, which names no buyer and no order "
            "total; give the ExportOrderList of the same days, this file may stand beside it"
        )
    details = read_details([records for records in read if is_details(records)], options.marks)
    frame, counted = cells.told_times(
        laid_together(_named(records) for records in lists), "placed", "paid"
    )
    damaged = stack((records.damaged for records in lists), REFUSED_SCHEMA)
    return _import(frame, damaged, details, options, [*skipped, *counted])


def _absent(records: Records) -> list[str]:
    return [COLUMNS[f][0] for f in REQUIRED if not set(COLUMNS[f]) & set(records.header)]


def _is_ours(records: Records) -> bool:
    return is_details(records) or not _absent(records)


def _named(records: Records) -> pl.DataFrame:
    """Return the lines with the fields of `COLUMNS`, cleaned; an absent field is null."""
    found = {
        field: next((name for name in names if name in records.header), None)
        for field, names in COLUMNS.items()
    }
    if missing := _absent(records):
        if {"退款编号", "买家退款金额"} & set(records.header):
            raise ImporterError(
                f"{records.file}: is a list of refunds; give it as format `mapping` with "
                "mappings/taobao_refunds.yml, after the orders that it belongs to"
            )
        raise ImporterError(
            f"{records.file}: has no column {', '.join(missing)}; an ExportOrderList has them "
            f"in its first line, export it again; found: {', '.join(records.header[:15])}"
        )
    columns = [
        (pl.lit(None, dtype=pl.String) if name is None else cells.clean(name)).alias(field)
        for field, name in found.items()
    ]
    return records.frame.select(
        *LINE_SCHEMA,
        *columns,
        pl.lit(exported_at(records.file), dtype=pl.Datetime("us")).alias(OrderRow.EXPORTED),
        pl.lit(found["refund"] is not None).alias("tells_refund"),
        pl.lit(found["paid"] is not None).alias("tells_paid"),
        shop_of(records.header),
    )


def _import(
    frame: pl.DataFrame,
    damaged: pl.DataFrame,
    details: Details,
    options: ShopOptions,
    skipped: Sequence[str],
) -> Imported:
    none_back = plain_words(pl.col("refund")).is_in(NO_REFUND)
    frame = frame.with_columns(pl.when(~none_back).then("refund").alias("refund"))
    rules, notices = _buyer_rules(frame)
    notices = [*skipped, *notices, *_untold_payments(frame), *_untold_refunds(frame)]
    frame = frame.with_columns(_values(options.marks))
    if not rules:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(Orders.BUYER_ID))
    titles = _single_titles(frame)
    goods = details.orders.select(Orders.ORDER_ID, pl.col("goods").alias(Orders.LIST_AMOUNT))
    if details.lines:
        frame = frame.join(details.orders, on=Orders.ORDER_ID, how="left", maintain_order="left")
        postage = pl.col("postage_number").fill_null(0.0)
        goods = frame.select(
            Orders.ORDER_ID, (pl.col("goods") + postage).round(2).alias(Orders.LIST_AMOUNT)
        ).unique(Orders.ORDER_ID, keep="first", maintain_order=True)
        frame = frame.with_columns(_units(frame)).drop("goods", "pieces")
    frame = frame.with_columns(_net(frame)).with_columns(_paid_amount())
    frame = frame.with_columns(_refund_amount())
    net = frame.filter(pl.col("net"))[Line.FILE].unique().sort().to_list()
    if net:
        notices.append(
            f"{', '.join(net)}: 买家实际支付金额 is net of refunds here, so refunds are added to it"
        )
    # A refund can't have been taken off an amount that, with it, is more than the total.
    over = pl.col("net") & (pl.col(Orders.PAID_AMOUNT) > pl.col("total_number") + cells.CENT)
    why = "退款金额 does not fit: this file shows 买家实际支付金额 net of refunds, this row gross"
    rules = [*rules, (over & (pl.col("refund_number") > 0), why)]
    imported = import_orders(
        frame,
        [*_rules(), *rules],
        damaged=[damaged, details.refused],
        notices=notices,
        told=options.told(),
    )
    imported = list_amounts(imported, goods, details.lines)
    return with_lines(imported, details.goods, titles)


def _single_titles(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the title of each order that holds one kind of goods, which its title names."""
    kinds, title = pl.col("kinds"), pl.col("title")
    one = (kinds == "1") | (kinds.is_null() & ~title.str.contains("[,，;；]"))
    return (
        frame.filter(one & title.is_not_null() & pl.col("id").is_not_null())
        .select(pl.col("id").alias(Orders.ORDER_ID), title.alias(OrderLines.PRODUCT_NAME))
        .unique(Orders.ORDER_ID, keep="first", maintain_order=True)
    )


def _units(frame: pl.DataFrame) -> pl.Expr:
    """Return the units, from the goods lists where the order lists have none at all.

    Goods lists of some of the orders only are no help: the contract takes all or none.
    """
    partly = frame["pieces"].null_count() and not frame[Orders.UNITS].count()
    given = pl.lit(None, dtype=pl.Int64) if partly else pl.coalesce(Orders.UNITS, "pieces")
    return given.alias(Orders.UNITS)


def _values(marks: tuple[str, str]) -> list[pl.Expr]:
    state = _state_key()
    return [
        pl.col("id").alias(Orders.ORDER_ID),
        pl.col("buyer").alias(Orders.BUYER_ID),
        cells.time(pl.col("placed")).alias(Orders.PLACED_AT),
        # Only a file without times of payment has none to read: reading them is most of the work.
        cells.time(
            pl.when("tells_paid")
            .then(pl.when(~state.is_in(UNPAID_STATES)).then("paid"))
            .when(state.is_in(PAID_STATES))
            .then("placed")
        ).alias(Orders.PAID_AT),
        cells.whole(pl.col("units"), *marks).alias(Orders.UNITS),
        state.alias("state_key"),
        state.is_in((*CLOSED_STATES, "交易成功")).alias(OrderRow.CLOSED),
        *(cells.number(pl.col(name), *marks).alias(f"{name}_number") for name in MONEY),
    ]


def _state_key() -> pl.Expr:
    return plain_words(pl.col("state")).str.replace_all(r"[,、;]", "")


def _untold_payments(frame: pl.DataFrame) -> list[str]:
    """Say what is made of files without times of payment, such as the order report of 2025."""
    without = frame.filter(~pl.col("tells_paid"))
    if without.is_empty():
        return []
    files = ", ".join(without[Line.FILE].unique().sort())
    closed = without.filter(_state_key().is_in(CLOSED_STATES)).height
    told = (
        f"{files}: tells no time of payment: what its state calls paid counts as paid when placed"
    )
    if closed:
        told += f"; whether its {closed} closed orders had been paid is not told: they count as not"
    return [told]


def _untold_refunds(frame: pl.DataFrame) -> list[str]:
    without = frame.filter(~pl.col("tells_refund"))[Line.FILE].unique().sort()
    told = (
        f"{', '.join(without)}: has no column {COLUMNS['refund'][0]}: orders closed after they "
        "were paid count as given back, refunds of others are unknown"
    )
    return [told] if len(without) else []


def _rules() -> list[Rule]:
    """Return what refuses a row, in the words of the export."""
    order = pl.col("id")
    paid = pl.col("state_key").is_in(PAID_STATES) & pl.col("paid").is_null()
    paid = paid & pl.col("tells_paid")
    known = (*PAID_STATES, *UNPAID_STATES, *CLOSED_STATES)
    unknown = ~pl.col("tells_paid") & ~pl.col("state_key").is_in(known)
    untold = (
        f"订单状态 is none that is known ({', '.join(known[:3])} …), and the file has no time of "
        "payment that would tell whether the order was paid"
    )
    again = "export the orders again and import the file without saving it in a spreadsheet"
    return [
        (order.is_null(), "订单编号 is empty"),
        (order.str.contains(SPOILT_PATTERN), f"订单编号 was spoilt to 1.9E+15; {again}"),
        (~order.str.contains(r"^[0-9A-Za-z_-]{1,64}$"), "订单编号 is not an order number"),
        (pl.col("state").is_null(), "订单状态 is empty"),
        (unknown, untold),
        (pl.col("total").is_null(), "总金额 is empty"),
        *(
            cells.unreadable(pl.col(name), pl.col(f"{name}_number"), COLUMNS[name][0], cells.AMOUNT)
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


def _buyer_rules(frame: pl.DataFrame) -> tuple[list[Rule], list[str]]:
    """Return the rule on masked buyers; none where no buyer of the whole import is told."""
    masked = pl.col("buyer").str.contains(MASKED)
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


def _net(frame: pl.DataFrame) -> pl.Series:
    """Tell of each row whether its file shows payments net of refunds: one answer for a file.

    Rows with a refund speak: net ones add up to the total with their refund, or are smaller than
    it; gross ones equal the total. The more frequent answer holds for the file.
    """
    total, refund, actual = (pl.col(f"{name}_number") for name in ("total", "refund", "actual"))
    some = (refund > 0).fill_null(value=False) & pl.col(Orders.PAID_AT).is_not_null()
    net = some & (((actual + refund - total).abs() < cells.CENT) | (refund > actual + cells.CENT))
    gross = some & ((actual - total).abs() < cells.CENT) & (refund <= actual + cells.CENT)
    votes = frame.group_by(Line.FILE).agg((net.sum() > gross.sum()).alias("net"))
    return frame.join(votes, on=Line.FILE, how="left", maintain_order="left")["net"]


def _paid_amount() -> pl.Expr:
    total, refund = pl.col("total_number"), pl.col("refund_number").fill_null(0.0)
    actual = pl.col("actual_number").fill_null(total)
    emptied = _closed_after_payment() & ~pl.col("tells_refund") & (actual == 0)
    paid = pl.when(pl.col("net")).then(actual + refund).when(emptied).then(total).otherwise(actual)
    never = pl.col(Orders.PAID_AT).is_null()
    return pl.when(never).then(total).otherwise(paid).round(2).alias(Orders.PAID_AMOUNT)


def _refund_amount() -> pl.Expr:
    untold = _closed_after_payment() & ~pl.col("tells_refund")
    told = pl.when(pl.col("tells_refund")).then(pl.col("refund_number").fill_null(0.0))
    all_back = pl.when(untold).then(pl.col(Orders.PAID_AMOUNT))
    return pl.coalesce(all_back, told).alias(Orders.REFUND_AMOUNT)


def _closed_after_payment() -> pl.Expr:
    return pl.col("state_key").is_in(CLOSED_STATES) & pl.col(Orders.PAID_AT).is_not_null()
