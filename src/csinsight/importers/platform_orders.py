"""Order exports of JD, Pinduoduo, Douyin, Youzan and Amazon, each a row in one table of headers.

The platforms differ in the names of their columns, in whether a row is an order or a line of it,
and in their words for a state. That is all that stands here; folding lines, choosing the later of
two states and refusing whole orders is `csinsight.importers.orders`.

What their exports hold, as far as public files and documentation show (2017 to 2026):

- JD: a row a line, the order's amounts repeated on each. What the buyer paid is ``应付金额`` and,
  where they used their balance, ``余额支付``; since 2026 ``商家应收`` stands where others are gone.
- Pinduoduo: a row an order, no buyer. ``用户实付金额`` is what the buyer paid.
- Douyin: a row a line with its own ``订单应付金额``, no buyer beside masked recipients.
- Youzan: a row an order or a row a line with the order's amount repeated.
- Amazon: a row a line; ``item-price`` is of all its units. Times are UTC, so the shop's clock has
  to be told.

A refund of which the export tells only that there was one is taken as the whole amount of its row;
of which it tells that it was a part, as unknown: it counts as 0, and the import says how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import MASKED
from csinsight.contract.schema import OrderLines, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import OrderOptions, exported_at, read_options
from csinsight.importers.one_shop import OrderRow, shop_of, untold_zones
from csinsight.importers.order_states import Rows
from csinsight.importers.orders import NONE_BOUGHT, import_orders
from csinsight.importers.reading import LINE_SCHEMA, Line, Records, laid_together, plain_words
from csinsight.importers.sift import Imported, Rule
from csinsight.importers.workbook import of_one_kind, open_tables


@dataclass(frozen=True)
class OrderExport:
    """How a platform writes its orders.

    Parameters
    ----------
    title : str
        What the file is called in messages.
    rows : {'orders', 'lines', 'repeated'}
        As for `import_orders`.
    columns : mapping of str to tuple of str
        Our field → the headers that it has borne, the one to prefer first. Of ``buyer``, ``placed``
        and ``paid_at`` each row takes the first header that it fills.
    required : tuple of str
        Fields without which the file is another one.
    unpaid, paid, closed : tuple of str
        How states begin, in lower case and without blanks; a closed one can't change any more. An
        order whose state is neither paid nor unpaid is refused.
    cancelled : tuple of str
        How states begin that end an order: paid before where the file tells a time of payment.
    refunded, partly : tuple of str
        What the state or the after-sales state holds where all, or a part, was given back.
    utc : bool
        Whether its times are UTC, so that the shop's clock has to be told.
    """

    title: str
    rows: Rows
    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ("order", "placed", "paid", "state")
    unpaid: tuple[str, ...] = ()
    paid: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    refunded: tuple[str, ...] = ()
    partly: tuple[str, ...] = field(default=("部分退款",))
    utc: bool = False


EXPORTS: Final[dict[str, OrderExport]] = {
    "jd_orders": OrderExport(
        "a JD order export (订单导出)",
        "repeated",
        {
            "order": ("订单号", "订单编号"),
            "line": (),
            "product": ("商品ID", "商品编号", "SKUID", "sku编号"),
            "product_name": ("商品名称",),
            "count": ("订购数量", "商品数量"),
            "price": ("京东价", "商品单价"),
            "buyer": ("下单帐号", "下单账号", "客户帐号", "客户账号"),
            "placed": ("下单时间",),
            "payment": ("付款确认时间", "付款时间"),
            "list": ("订单金额",),
            "paid": ("应付金额", "结算金额", "商家应收", "订单金额"),
            "balance": ("余额支付",),
            "refund": ("退款金额",),
            "state": ("订单状态",),
            "method": ("支付方式",),
        },
        unpaid=("等待付款", "未付款", "待付款"),
        paid=(
            "等待出库",
            "等待发货",
            "待发货",
            "待出库",
            "等待确认收货",
            "待收货",
            "已发货",
            "已出库",
            "正在出库",
            "配送中",
            "完成",
            "已完成",
            "暂停",
            "锁定",
        ),
        closed=("完成", "已完成"),
        cancelled=("取消", "已取消", "(删除)", "删除", "已删除"),
        refunded=("全额退款", "已退款", "退款完成"),
    ),
    "pdd_orders": OrderExport(
        "a Pinduoduo order export (订单导出)",
        "orders",
        {
            "order": ("订单号", "订单编号"),
            "product": ("商品id", "商品ID", "商品编码"),
            "product_name": ("商品", "商品名称"),
            "count": ("商品数量(件)", "商品数量"),
            "buyer": ("买家ID", "买家昵称"),
            "placed": ("下单时间", "拼单时间", "订单成交时间", "支付时间"),
            "payment": ("支付时间", "订单成交时间"),
            "list": ("商品总价(元)", "商品总价"),
            "freight": ("邮费(元)", "邮费"),
            "paid": ("用户实付金额(元)", "用户实付金额", "商家实收金额(元)", "商家实收金额"),
            "refund": ("退款金额(元)", "退款金额"),
            "state": ("订单状态",),
            "after_sales": ("售后状态",),
        },
        unpaid=("待支付", "待付款", "未支付", "待成团", "拼单失败", "未成团"),
        paid=("待发货", "已发货", "已签收", "已收货", "未发货", "交易成功", "已完成", "已成团"),
        closed=("已收货", "交易成功", "已完成", "已取消"),
        cancelled=("已取消", "交易已取消", "交易关闭", "已关闭"),
        refunded=("退款成功", "全额退款"),
    ),
    "douyin_orders": OrderExport(
        "a Douyin order export (抖店 订单导出)",
        "lines",
        {
            "order": ("主订单编号", "主订单号", "订单编号"),
            "line": ("子订单编号", "子订单号"),
            "product": ("商品ID", "商品id", "商家编码"),
            "product_name": ("选购商品", "商品名称"),
            "count": ("商品数量",),
            "price": ("商品金额", "商品单价"),
            "buyer": ("买家ID", "用户ID", "买家昵称", "抖音昵称"),
            "placed": ("订单提交时间", "下单时间"),
            "payment": ("支付完成时间", "支付时间", "付款时间"),
            "paid": ("订单应付金额",),
            "refund": ("退款金额", "商品退款金额"),
            "state": ("订单状态",),
            "after_sales": ("售后状态",),
        },
        # A deposit alone is no payment of the order.
        unpaid=("待支付", "待付款", "未支付", "待确认", "支付中", "部分支付", "尾款未支付"),
        paid=(
            *("待发货", "备货中", "已支付", "已发货", "部分发货", "待收货", "部分收货", "已签收"),
            *("已收货", "已完成", "发货前退款完结", "发货后退款完结", "收货后退款完结"),
        ),
        closed=(
            *("已完成", "已关闭", "已取消", "交易关闭"),
            *("发货前退款完结", "发货后退款完结", "收货后退款完结"),
        ),
        cancelled=("已关闭", "已取消", "交易关闭"),
        refunded=(
            *("退款成功", "已全额退款", "全额退款", "售后完成", "售后成功"),
            *("发货前退款完结", "发货后退款完结", "收货后退款完结"),
        ),
    ),
    "youzan_orders": OrderExport(
        "a Youzan order export (有赞 订单导出)",
        "repeated",
        {
            "order": ("订单号", "订单编号"),
            "product": ("商品编码", "规格编码", "商品ID"),
            "product_name": ("商品名称", "全部商品名称"),
            "count": ("商品数量", "商品件数", "商品总数"),
            "price": ("商品单价", "商品实际成交单价"),
            "buyer": ("买家ID", "买家手机号", "买家手机", "买家昵称", "买家姓名"),
            "placed": ("订单创建时间", "下单时间"),
            "payment": ("买家付款时间", "付款时间", "支付时间"),
            "list": ("商品金额合计", "订单商品总额", "订单原价"),
            "paid": ("订单实付金额", "实付金额", "应收订单金额"),
            "refund": ("已退款金额", "退款金额", "全部商品退款金额"),
            "state": ("订单状态",),
            "after_sales": ("退款状态", "售后状态"),
        },
        unpaid=("待支付", "待付款", "等待买家付款"),
        paid=("待发货", "待接单", "已发货", "待收货", "已完成", "交易完成", "交易成功", "待成团"),
        closed=("已完成", "交易完成", "交易成功"),
        cancelled=("交易关闭", "已关闭", "已取消"),
        refunded=("全额退款", "退款成功", "已全额退款"),
    ),
    "amazon_orders": OrderExport(
        "an Amazon all-orders report",
        "lines",
        {
            "order": ("amazon-order-id", "order-id"),
            "line": ("order-item-id",),
            "product": ("sku", "asin"),
            "product_name": ("product-name",),
            "count": ("quantity", "quantity-purchased"),
            "buyer": ("buyer-email", "buyer-name"),
            "placed": ("purchase-date",),
            "payment": ("payments-date",),
            "updated": ("last-updated-date",),
            "paid": ("item-price",),
            "tax": ("item-tax",),
            "freight": ("shipping-price",),
            "freight_tax": ("shipping-tax",),
            "wrap": ("gift-wrap-price",),
            "wrap_tax": ("gift-wrap-tax",),
            "off": ("item-promotion-discount",),
            "freight_off": ("ship-promotion-discount",),
            "state": ("order-status", "item-status"),
            "currency": ("currency",),
        },
        unpaid=("pending", "unpaid"),
        paid=("shipped", "shipping", "unshipped", "partiallyshipped", "delivered", "complete"),
        closed=("shipped-delivered", "delivered", "cancelled", "canceled"),
        cancelled=("cancelled", "canceled", "unfulfillable"),
        refunded=("shipped-returned", "returned"),
        utc=True,
    ),
}


_ADDED: Final = ("tax", "freight", "freight_tax", "wrap", "wrap_tax")
_OFF: Final = ("off", "freight_off")
_MONEY: Final = ("list", "paid", "balance", *_ADDED, *_OFF, "refund")
_TEXTS: Final = ("order", "line", "product", "product_name", "category", "currency")
#: Douyin writes recipients as ``##…``.
_MASKED: Final = rf"{MASKED}|#"
_WHEN: Final = "a time such as 2026-10-05 09:30:00"


def read_platform_orders(
    files: Sequence[Path],
    mapping: Path | None = None,
    *,
    export: OrderExport,
    timezone: str | None = None,
) -> Imported:
    """Read a platform's order exports into ``orders``, and ``order_lines`` where it tells them.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV, TSV or workbooks, in any order.
    mapping : pathlib.Path or None
        YAML of `OrderOptions`.
    export : OrderExport
        One of `EXPORTS`.
    timezone : str or None
        The shop's clock, for files whose times carry a zone.

    Raises
    ------
    ImporterError
        Where a file is no such export, or where times are UTC and no clock is told.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.importers.platform_orders import EXPORTS
    >>> told = {"订单号": "2001", "订单金额": "99.00", "下单时间": "2026-10-05 10:00:00"}
    >>> told |= {"订单状态": "完成", "下单帐号": "jd_a", "付款确认时间": "2026-10-05 10:02:00"}
    >>> told |= {"商品名称": "手机壳", "订购数量": "2", "京东价": "49.50"}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     pl.DataFrame([told]).write_csv(Path(name) / "jd.csv")
    ...     imported = read_platform_orders([Path(name) / "jd.csv"], export=EXPORTS["jd_orders"])
    >>> imported.tables["orders"].select("order_id", "buyer_id", "paid_amount", "units").rows()
    [('2001', 'jd_a', 99.0, 2)]
    """
    options = read_options(mapping, OrderOptions, timezone)
    if export.utc and options.timezone is None:
        raise ImporterError(
            f"{files[0].name}: times of {export.title} are UTC; say on which clock the shop lives "
            "(`--timezone Europe/Berlin`)"
        )
    skipped: list[str] = []
    read = [records for path in files for records in _open(path, export, skipped, options.encoding)]
    lines, counted = cells.told_times(
        laid_together(_fields(records, export) for records in read), "placed", "payment", "updated"
    )
    frame = lines.with_columns(_values(options)).with_columns(_money(export))
    frame = frame.with_columns(_state(export)).with_columns(_amounts(export))
    return import_orders(
        frame,
        _rules(export, frame),
        rows=export.rows,
        damaged=[records.damaged for records in read],
        notices=[
            *skipped,
            *counted,
            *untold_zones(lines, "placed", "payment"),
            *_untold_refunds(read, export),
            *_notices(frame),
        ],
        told=options.told(),
    )


def _open(
    path: Path, export: OrderExport, skipped: list[str], encoding: str | None
) -> list[Records]:
    wanted = [name for field in export.required for name in export.columns[field]]
    known = [name for names in export.columns.values() for name in names]
    # A workbook may hold other sheets beside the orders.
    return of_one_kind(
        open_tables(path, wanted, known, encoding),
        lambda records: _has(records, export),
        skipped,
    )


def _has(records: Records, export: OrderExport) -> bool:
    return all(set(export.columns[field]) & set(records.header) for field in export.required)


def _fields(records: Records, export: OrderExport) -> pl.DataFrame:
    """Return the rows with our fields as text; one that the file lacks is null."""
    absent = [
        export.columns[f][0]
        for f in export.required
        if not set(export.columns[f]) & set(records.header)
    ]
    if absent:
        found = ", ".join(records.header[:12])
        raise ImporterError(
            f"{records.file}: has no column {', '.join(absent)}, so it is not {export.title}; "
            f"found: {found}"
        )
    fields = (*_MONEY, *_TEXTS, "count", "price", "state", "after_sales", "updated", "method")
    columns = [
        next(iter(_each(export.columns.get(name, ()), records))).alias(name) for name in fields
    ]
    several = [
        pl.coalesce(_each(export.columns.get(name, ()), records)).alias(name)
        for name in ("placed", "payment")
    ]
    buyers = _each(export.columns.get("buyer", ()), records)
    # A masked phone number stands beside a nick that is not.
    plain = [pl.when(~buyer.str.contains(_MASKED)).then(buyer) for buyer in buyers]
    several.append(pl.coalesce(*plain, *buyers).alias("buyer"))
    when = pl.lit(exported_at(records.file), dtype=pl.Datetime("us")).alias(OrderRow.EXPORTED)
    return records.frame.select(*LINE_SCHEMA, *columns, *several, when, shop_of(records.header))


def _each(names: Sequence[str], records: Records) -> list[pl.Expr]:
    there = [cells.told(name) for name in names if name in records.header]
    return there or [pl.lit(None, dtype=pl.String)]


def _values(options: OrderOptions) -> list[pl.Expr]:
    timezone = options.timezone
    masked = pl.col("buyer").str.contains(_MASKED)
    placed, utc = cells.at_clock(pl.col("placed"), timezone), cells.utc(pl.col("placed"))
    units = cells.whole(pl.col("count"))
    words = pl.concat_str(["state", "after_sales"], separator=" ", ignore_nulls=True)
    return [
        pl.col("order").alias(Orders.ORDER_ID),
        pl.when(~masked).then(cells.contact(pl.col("buyer"))).alias(Orders.BUYER_ID),
        placed.alias(Orders.PLACED_AT),
        cells.at_clock(pl.col("payment"), timezone).alias("paid_time"),
        pl.coalesce(cells.at_clock(pl.col("updated"), timezone), OrderRow.EXPORTED).alias(
            OrderRow.EXPORTED
        ),
        pl.when(cells.names_zone(pl.col("placed")))
        .then((placed - utc).dt.total_minutes())
        .alias(OrderRow.OFFSET),
        units.alias(Orders.UNITS),
        (cells.number(pl.col("price"), *options.marks) * units)
        .round(2)
        .alias(OrderRow.LINE_AMOUNT),
        pl.col("currency").str.to_uppercase().alias(OrderRow.CURRENCY),
        pl.col("line").alias(OrderRow.LINE_ID),
        pl.col("product").alias(OrderLines.PRODUCT_ID),
        pl.col("product_name").alias(OrderLines.PRODUCT_NAME),
        pl.col("category").alias(OrderLines.CATEGORY),
        _key(pl.col("state")).alias("state_key"),
        _key(words).alias("words_key"),
        *(cells.number(pl.col(n), *options.marks).alias(f"{n}_number") for n in _MONEY),
    ]


def _key(text: pl.Expr) -> pl.Expr:
    key = plain_words(text).str.replace_all(r"[,、]", "")
    # JD's orders that wait for somebody: what they wait in stands behind.
    return key.str.replace(r"^\((?:锁定|暂停)\)(.)", "${1}")


def _begins(names: Sequence[str]) -> pl.Expr:
    key = pl.col("state_key")
    return pl.any_horizontal([key.str.starts_with(name) for name in names] or [pl.lit(value=False)])


def _holds(names: Sequence[str]) -> pl.Expr:
    key = pl.col("words_key")
    return pl.any_horizontal(
        [key.str.contains(name, literal=True) for name in names] or [pl.lit(value=False)]
    )


def _money(export: OrderExport) -> pl.Expr:
    """Return what the buyer paid, or was to pay, for the row."""
    extra = ["balance_number"] if export.rows == "repeated" else []
    if export.utc:
        extra = [f"{name}_number" for name in _ADDED]
    parts = [pl.col(name).fill_null(0.0) for name in extra]
    off = pl.sum_horizontal(pl.col(f"{name}_number").abs() for name in _OFF)
    total = pl.sum_horizontal([pl.col("paid_number"), *parts], ignore_nulls=False) - off
    return total.round(2).alias(Orders.PAID_AMOUNT)


def _state(export: OrderExport) -> list[pl.Expr]:
    cancelled, unpaid = _begins(export.cancelled), _begins(export.unpaid)
    # A file without times of payment tells it by the state alone.
    timed = pl.coalesce("paid_time", Orders.PLACED_AT)
    when_paid = pl.when(_begins(export.paid)).then(timed).when(cancelled).then("paid_time")
    partly = _holds(export.partly)
    back = (_holds(export.refunded) | cancelled) & ~partly & when_paid.is_not_null()
    return [
        pl.when(~unpaid).then(when_paid).alias(Orders.PAID_AT),
        (_begins(export.closed) | cancelled).alias(OrderRow.CLOSED),
        back.fill_null(value=False).alias("given_back"),
        partly.fill_null(value=False).alias("partly_back"),
        (_begins(export.paid) | unpaid | cancelled).fill_null(value=False).alias("state_known"),
    ]


def _amounts(export: OrderExport) -> list[pl.Expr]:
    whole = pl.col(Orders.PAID_AMOUNT)
    price = (
        pl.col(OrderRow.LINE_AMOUNT) if export.rows == "lines" else pl.lit(None, dtype=pl.Float64)
    )
    listed = pl.coalesce(pl.col("list_number"), price, whole) + (
        pl.col("freight_number").fill_null(0.0) if export.rows == "orders" else 0.0
    )
    off = pl.sum_horizontal(pl.col(f"{name}_number").abs() for name in _OFF)
    before = pl.max_horizontal(listed, whole + off)
    back = whole
    if export.rows == "repeated":
        # Where some lines alone were given back, each is worth what it costs.
        every = pl.col("given_back").all().over(Line.FILE, Orders.ORDER_ID)
        back = pl.when(every).then(whole).otherwise(pl.min_horizontal(OrderRow.LINE_AMOUNT, whole))
    refund = pl.coalesce("refund_number", pl.when("given_back").then(back).otherwise(0.0))
    return [before.round(2).alias(Orders.LIST_AMOUNT), refund.alias(Orders.REFUND_AMOUNT)]


def _rules(export: OrderExport, frame: pl.DataFrame) -> list[Rule]:
    def name(field: str) -> str:
        return export.columns[field][0]

    amounts = [field for field in _MONEY if export.columns.get(field)]
    known = ", ".join((*export.paid[:6], *export.unpaid[:2], *export.cancelled[:2]))
    nothing = _begins(export.cancelled) & (pl.col(Orders.UNITS).fill_null(0) == 0)
    bought = (~nothing).any().over(Line.FILE, "order")
    rules: list[Rule] = [
        (pl.col("order").is_null(), f"{name('order')} is empty"),
        (nothing & bought, NONE_BOUGHT),
        (nothing, "the order was cancelled: none of it was bought"),
        (pl.col("state").is_null(), f"{name('state')} is empty"),
        (~pl.col("state_known"), f"{name('state')} is none that is known ({known} …)"),
        cells.unreadable(pl.col("placed"), pl.col(Orders.PLACED_AT), name("placed"), _WHEN),
        cells.unreadable(pl.col("payment"), pl.col("paid_time"), name("payment"), _WHEN),
        (pl.col("paid").is_null(), f"{name('paid')} is empty"),
        cells.unreadable(pl.col("count"), pl.col(Orders.UNITS), name("count"), "a whole number"),
        *(
            cells.unreadable(pl.col(f), pl.col(f"{f}_number"), name(f), cells.AMOUNT)
            for f in amounts
        ),
    ]
    if frame["buyer"].count():
        # Some buyers masked and some not: a masked one can't be told from another.
        blank = pl.col(Orders.BUYER_ID).is_null() & pl.lit(frame[Orders.BUYER_ID].count() > 0)
        rules.append((blank, f"{name('buyer')} is empty or masked, that of others is not"))
    return rules


def _untold_refunds(read: Sequence[Records], export: OrderExport) -> list[str]:
    """Say which files have no column of refunds, although such exports may have one."""
    names = export.columns.get("refund", ())
    files = [records.file for records in read if names and not set(names) & set(records.header)]
    if not files:
        return []
    return [
        f"{', '.join(files)}: has no column {names[0]}: refunds show where the state tells them, "
        "and those of a part are unknown"
    ]


def _notices(frame: pl.DataFrame) -> list[str]:
    notices = []
    if not frame[Orders.BUYER_ID].count():
        notices.append(
            "no order names its buyer (or all are masked): buyer_id is left empty; orders are "
            "joined to chats by their numbers, where buyers or agents write them"
        )
    later = frame.filter(
        plain_words(pl.col("method")).str.contains("货到付款")
        & pl.col("payment").is_null()
        & pl.col(Orders.PAID_AT).is_not_null()
    )
    if later.height:
        orders = later[Orders.ORDER_ID].n_unique()
        notices.append(f"{orders} orders are paid on delivery: they count as paid when placed")
    unknown = frame.filter(pl.col("partly_back") & pl.col("refund_number").is_null())
    if unknown.height:
        orders = unknown[Orders.ORDER_ID].n_unique()
        notices.append(f"{orders} orders were refunded in part, the file does not tell how much: 0")
    return notices


#: A reader for each export, as `csinsight.importers.run` takes them.
READERS: Final = {
    name: partial(read_platform_orders, export=export) for name, export in EXPORTS.items()
}
