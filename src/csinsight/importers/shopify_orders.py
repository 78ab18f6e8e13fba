"""Shopify order exports: ``orders_export*.csv``, one line an item.

Only the first line of an order carries what belongs to the order (customer, states, times, sums);
the lines below it add items. A line of an item whose order has no first line is refused.

- The buyer is ``Email``, else ``Phone``, ``Billing Phone`` or ``Billing Name``; an order with none
  of them (some sales in a physical shop) is refused where others name theirs.
- ``paid_at`` is ``Paid at``. For an order that waits, was voided or has run out it stays empty. An
  order whose state says paid and whose ``Paid at`` is empty (free orders; refunded ones in exports
  up to 2022) is paid when it was placed.
- ``list_amount`` is ``Total`` and ``Discount Amount``; ``paid_amount`` is ``Total``.
- Times carry the shop's own clock with its zone, which is left out; what lies between placing and
  paying is kept where the clock goes back. A `timezone:` brings all to that clock.
- A cancelled order is kept: it is unpaid, or refunded as ``Refunded Amount`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.schema import OrderLines, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import OrderOptions, exported_at, read_options
from csinsight.importers.one_shop import OrderRow, untold_zones
from csinsight.importers.orders import import_orders
from csinsight.importers.reading import LINE_SCHEMA, Line, Records, laid_together
from csinsight.importers.sift import Imported, Rule
from csinsight.importers.workbook import open_tables

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
    "item": "Lineitem name",
    "sku": "Lineitem sku",
    "price": "Lineitem price",
    "currency": "Currency",
    "cancelled": "Cancelled at",
    "billing_phone": "Billing Phone",
    "billing_name": "Billing Name",
}
REQUIRED: Final = ("id", "state", "placed", "paid", "total", "quantity")
PAID_STATES: Final = ("paid", "partially_refunded", "refunded")
UNPAID_STATES: Final = ("pending", "authorized", "partially_paid", "voided", "expired", "unpaid")
_CLOSED: Final = ("refunded", "voided", "expired")
_MONEY: Final = ("total", "discount", "refunded", "price")
_TIME: Final = "a time such as 2026-10-05 09:30:00 +0800"
#: What stands on the first line of an order alone.
_OF_THE_ORDER: Final = tuple(
    field for field in COLUMNS if field not in ("id", "quantity", "item", "sku", "price")
)


def read_shopify_orders(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    r"""Read Shopify order exports into ``orders`` and ``order_lines``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        In any order.
    mapping : pathlib.Path or None
        YAML of `OrderOptions`.
    timezone : str or None
        The clock to bring times to; None leaves them as they are written.

    Raises
    ------
    ImporterError
        Where a file can't be read or is no Shopify order export, or where the files are of two
        shops, clocks or currencies.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "orders.csv"
    ...     _ = file.write_text((
    ...         "Name,Email,Financial Status,Paid at,Total,Created at,Lineitem quantity\n"
    ...         "#1,a@x,paid,2026-10-05 10:01:00 +0800,90.00,2026-10-05 10:00:00 +0800,2\n"
    ...     ), encoding="utf-8")
    ...     imported = read_shopify_orders([file])
    >>> imported.tables["orders"]["paid_amount"].to_list()
    [90.0]
    """
    options = read_options(mapping, OrderOptions, timezone)
    wanted = [COLUMNS[field] for field in REQUIRED]
    known = [*COLUMNS.values()]
    read = [
        records for path in files for records in open_tables(path, wanted, known, options.encoding)
    ]
    lines, counted = cells.told_times(
        laid_together(_named(records) for records in read), "placed", "paid", "cancelled"
    )
    # The time of payment: as long after placing as it really was.
    after = pl.col(Orders.PLACED_AT) + (pl.col("paid_utc") - pl.col("placed_utc"))
    written = pl.when(pl.col("paid").is_null()).then(pl.col(Orders.PLACED_AT)).otherwise(after)
    frame = (
        _with_heads(lines)
        .with_columns(_values(options))
        .with_columns(
            pl.when(pl.col("state_key").is_in(PAID_STATES)).then(written).alias(Orders.PAID_AT)
        )
    )
    untimed = pl.col("state_key").is_in(PAID_STATES) & pl.col("paid").is_null()
    unsaid = frame.filter(untimed)[Orders.ORDER_ID].n_unique()
    told = f"{unsaid} orders are paid by their state but have no Paid at: taken as paid when placed"
    return import_orders(
        frame,
        _rules(),
        rows="repeated",
        damaged=[records.damaged for records in read],
        notices=[*counted, *untold_zones(lines, "placed", "paid"), *([told] if unsaid else [])],
        told=options.told(),
    )


def _named(records: Records) -> pl.DataFrame:
    missing = [COLUMNS[f] for f in REQUIRED if COLUMNS[f] not in records.header]
    if missing:
        raise ImporterError(
            f"{records.file}: has no column {', '.join(missing)}; a Shopify order export has them "
            f"in its first line, which here holds {len(records.header)} columns from "
            f"{records.header[0]!r} on; export the orders again as CSV"
        )
    columns = [
        (cells.clean(name) if name in records.header else pl.lit(None, dtype=pl.String)).alias(
            field
        )
        for field, name in COLUMNS.items()
    ]
    when = pl.lit(exported_at(records.file), dtype=pl.Datetime("us")).alias(OrderRow.EXPORTED)
    return records.frame.select(*LINE_SCHEMA, *columns, when)


def _with_heads(lines: pl.DataFrame) -> pl.DataFrame:
    """Return every line with what the first line of its order says, in this file or another."""
    # Lines below may repeat the e-mail and the time of placing, never the state or the sum.
    head = pl.col("total").is_not_null() | pl.col("state").is_not_null()
    within = [Line.FILE, "id"]
    filled = lines.with_columns(
        pl.when(head & (pl.col("id").is_not_null()))
        .then(pl.struct(*_OF_THE_ORDER, OrderRow.EXPORTED))
        .alias("head"),
        head.alias("is_head"),
    ).with_columns(
        pl.coalesce(
            pl.when(head).then(pl.col("head")),
            pl.col("head").drop_nulls().first().over(within),
            pl.col("head").drop_nulls().first().over("id"),
        ).alias("head")
    )
    return filled.drop(*_OF_THE_ORDER, OrderRow.EXPORTED).unnest("head")


def _values(options: OrderOptions) -> list[pl.Expr]:
    timezone = options.timezone
    state = pl.col("state").str.to_lowercase().str.replace_all("[ -]", "_")
    numbers = {name: cells.number(pl.col(name), *options.marks) for name in _MONEY}
    whole = (numbers["total"] + numbers["discount"].fill_null(0.0)).round(2)
    placed, utc = cells.at_clock(pl.col("placed"), timezone), cells.utc(pl.col("placed"))
    count = cells.whole(pl.col("quantity"))
    phone = cells.contact(pl.coalesce("phone", "billing_phone").str.strip_chars("'"))
    return [
        state.alias("state_key"),
        pl.col("id").alias(Orders.ORDER_ID),
        pl.coalesce(pl.col("email").str.to_lowercase(), phone, "billing_name").alias(
            Orders.BUYER_ID
        ),
        placed.alias(Orders.PLACED_AT),
        cells.utc(pl.col("paid")).alias("paid_utc"),
        utc.alias("placed_utc"),
        # On a clock that is told, a time without a zone says nothing of how far that is from UTC.
        pl.when(pl.lit(timezone is None) | cells.names_zone(pl.col("placed")))
        .then((placed - utc).dt.total_minutes())
        .alias(OrderRow.OFFSET),
        utc.dt.to_string("%Y-%m-%dT%H:%M:%S").alias(OrderRow.KEY),
        (state.is_in(_CLOSED) | pl.col("cancelled").is_not_null()).alias(OrderRow.CLOSED),
        pl.col("currency").str.to_uppercase().alias(OrderRow.CURRENCY),
        *(value.alias(f"{name}_number") for name, value in numbers.items()),
        pl.when(pl.col("is_head")).then(numbers["total"]).alias(Line.MONEY),
        whole.alias(Orders.LIST_AMOUNT),
        numbers["total"].alias(Orders.PAID_AMOUNT),
        numbers["refunded"].fill_null(0.0).alias(Orders.REFUND_AMOUNT),
        pl.col("code").is_not_null().alias(Orders.COUPON_USED),
        count.alias(Orders.UNITS),
        (numbers["price"] * count).round(2).alias(OrderRow.LINE_AMOUNT),
        pl.col("sku").alias(OrderLines.PRODUCT_ID),
        pl.col("item").alias(OrderLines.PRODUCT_NAME),
    ]


def _rules() -> list[Rule]:
    known = ", ".join((*PAID_STATES, *UNPAID_STATES))
    headless = pl.col("state").is_null() & pl.col("placed").is_null() & ~pl.col("is_head")
    more = pl.col(Orders.REFUND_AMOUNT) > pl.col(Orders.PAID_AMOUNT) + 0.005
    count = pl.col(Orders.UNITS)
    return [
        (pl.col("id").is_null(), "Name is empty"),
        (headless, "the line is an item of an order whose first line is not in the files"),
        (pl.col("state").is_null(), "Financial Status is empty"),
        (
            ~pl.col("state_key").is_in([*PAID_STATES, *UNPAID_STATES]),
            f"Financial Status is none of {known}",
        ),
        cells.unreadable(pl.col("placed"), pl.col(Orders.PLACED_AT), "Created at", _TIME),
        cells.unreadable(pl.col("paid"), pl.col("paid_utc"), "Paid at", _TIME),
        (pl.col("total").is_null(), "Total is empty"),
        *(
            cells.unreadable(pl.col(n), pl.col(f"{n}_number"), COLUMNS[n], cells.AMOUNT)
            for n in _MONEY
        ),
        (count.is_null() | (count < 0), "Lineitem quantity is not a whole number"),
        (more, "Refunded Amount is more than Total"),
    ]
