"""Shopify order exports: ``orders_export*.csv``, one line an item.

Only the first line of an order carries what belongs to the order (customer, states, times, sums);
the lines below it add items. An order is one row in: a line of an item whose order has no first
line is refused alone.

- The buyer is ``Email``, else ``Phone``; an order with neither (some sales in a physical shop) is
  refused where others name theirs.
- ``paid_at`` is ``Paid at``; for an order that waits, was voided or has run out it stays empty.
- ``list_amount`` is ``Total`` and ``Discount Amount``; ``paid_amount`` is ``Total``.
- Times carry the shop's own clock with its zone, which is left out. Dates of test or cancelled
  orders are kept: a cancelled one is unpaid, or refunded as ``Refunded Amount`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.schema import ORDERS, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.reading import LINE_SCHEMA, REFUSED_SCHEMA, Records, read_records, stack
from csinsight.importers.sift import Imported, Rule, finish, settle, sift

COLUMNS: Final = {
    "id": "Name",
    "email": "Email",
    "phone": "Phone",
    "state": "Financial Status",
    "placed": "Created at",
    "paid": "Paid at",
    "total": "Total",
    "discount": "Discount Amount",
    "code": "Discount Code",
    "refunded": "Refunded Amount",
    "quantity": "Lineitem quantity",
}
REQUIRED: Final = ("id", "state", "placed", "paid", "total", "quantity")
PAID_STATES: Final = ("paid", "partially_refunded", "refunded")
UNPAID_STATES: Final = ("pending", "authorized", "partially_paid", "voided", "expired", "unpaid")
_MONEY: Final = ("total", "discount", "refunded")
_TIME: Final = "a time such as 2026-10-05 09:30:00 +0800"


def read_shopify_orders(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    """Read Shopify order exports into ``orders``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Oldest first: where two hold one order, the later has its newer state, and the earlier
        is refused.
    mapping : pathlib.Path or None
        Not used by this format.

    Raises
    ------
    ImporterError
        Where a file can't be read or is no Shopify order export.
    """
    if mapping is not None:
        raise ImporterError("shopify_orders takes no mapping; leave --mapping out")
    read = [read_records(path) for path in files]
    lines = pl.concat([_named(number, records) for number, records in enumerate(read)])
    damaged = stack((records.damaged for records in read), REFUSED_SCHEMA)
    orders, orphans = sift(_folded(lines), _item_rules())
    orders, refused = sift(orders.with_columns(_values()), _rules())
    newest = pl.col("file_no") == pl.col("file_no").max().over(Orders.ORDER_ID)
    orders, older = sift(orders, [(~newest, "a later file has the newer state of this order")])
    kept, rest = settle(ORDERS, orders)
    table = finish(ORDERS, kept)
    return Imported(
        {ORDERS.name: table} if table.height else {},
        stack([damaged, orphans, refused, older, rest], REFUSED_SCHEMA),
        damaged.height + sum(part.height for part in (orphans, refused, older, rest, kept)),
        table.height,
        (f"{lines.height} lines are the items of {kept.height} orders",),
    )


def _named(number: int, records: Records) -> pl.DataFrame:
    missing = [COLUMNS[f] for f in REQUIRED if COLUMNS[f] not in records.header]
    if missing:
        raise ImporterError(
            f"{records.file}: has no column {', '.join(missing)}; a Shopify order export has them "
            "in its first line, export the orders again as CSV"
        )
    columns = [
        (cells.clean(name) if name in records.header else pl.lit(None, dtype=pl.String)).alias(
            field
        )
        for field, name in COLUMNS.items()
    ]
    return records.frame.select(*LINE_SCHEMA, *columns, pl.lit(number).alias("file_no"))


def _folded(lines: pl.DataFrame) -> pl.DataFrame:
    """Return one row an order of a file: its first line, with the items of all its lines."""
    key = ["file_no", "id"]
    count = cells.whole(pl.col("quantity"))
    return lines.with_columns(
        pl.col("placed").first().over(key).is_null().alias("headless"),
        count.sum().over(key).alias(Orders.UNITS),
        (count.is_null() | (count < 0)).any().over(key).alias("odd_count"),
    ).filter(pl.col("headless") | pl.struct(key).is_first_distinct() | pl.col("id").is_null())


def _item_rules() -> list[Rule]:
    why = "the line is an item of an order whose first line is not in the file"
    return [(pl.col("id").is_null(), "Name is empty"), (pl.col("headless"), why)]


def _values() -> list[pl.Expr]:
    state = pl.col("state").str.to_lowercase().str.replace_all("[ -]", "_")
    numbers = {name: cells.number(pl.col(name)) for name in _MONEY}
    whole = (numbers["total"] + numbers["discount"].fill_null(0.0)).round(2)
    return [
        state.alias("state_key"),
        pl.col("id").alias(Orders.ORDER_ID),
        pl.coalesce(pl.col("email").str.to_lowercase(), "phone").alias(Orders.BUYER_ID),
        cells.time(pl.col("placed")).alias(Orders.PLACED_AT),
        pl.when(state.is_in(PAID_STATES)).then(cells.time(pl.col("paid"))).alias(Orders.PAID_AT),
        *(value.alias(f"{name}_number") for name, value in numbers.items()),
        whole.alias(Orders.LIST_AMOUNT),
        numbers["total"].alias(Orders.PAID_AMOUNT),
        numbers["refunded"].fill_null(0.0).alias(Orders.REFUND_AMOUNT),
        pl.col("code").is_not_null().alias(Orders.COUPON_USED),
    ]


def _rules() -> list[Rule]:
    known = ", ".join((*PAID_STATES, *UNPAID_STATES))
    unpaid = pl.col("state_key").is_in(PAID_STATES) & pl.col("paid").is_null()
    more = pl.col(Orders.REFUND_AMOUNT) > pl.col(Orders.PAID_AMOUNT) + 0.005
    return [
        (pl.col("state").is_null(), "Financial Status is empty"),
        (
            ~pl.col("state_key").is_in([*PAID_STATES, *UNPAID_STATES]),
            f"Financial Status is none of {known}",
        ),
        cells.unreadable(pl.col("placed"), pl.col(Orders.PLACED_AT), "Created at", _TIME),
        cells.unreadable(pl.col("paid"), cells.time(pl.col("paid")), "Paid at", _TIME),
        (pl.col("total").is_null(), "Total is empty"),
        *(
            cells.unreadable(pl.col(n), pl.col(f"{n}_number"), COLUMNS[n], "a number")
            for n in _MONEY
        ),
        (pl.col("odd_count"), "Lineitem quantity is not a whole number"),
        (unpaid, "Financial Status says paid, but Paid at is empty"),
        (more, "Refunded Amount is more than Total"),
    ]
