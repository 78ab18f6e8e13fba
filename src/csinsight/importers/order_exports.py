"""How platforms write their orders: headers, states, and what a row is.

What their exports hold, as far as public files and documentation show (2017 to 2026):

- JD: a row a line, the order's amounts repeated on each. What the buyer paid is ``应付金额`` and,
  where they used their balance, ``余额支付``; since 2026 ``商家应收`` stands where others are gone.
- Pinduoduo: a row an order, no buyer. ``用户实付金额`` is what the buyer paid.
- Douyin: a row a line with its own ``订单应付金额``, no buyer beside masked recipients.
- Youzan: a row an order or a row a line with the order's amount repeated.
- Amazon: a row a line; ``item-price`` is of all its units. Times are UTC, so the shop's clock has
  to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from csinsight.importers.order_states import Rows


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
