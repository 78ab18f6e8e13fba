"""Refunds that come after their orders: rows below zero for what an earlier import brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.imports import ImportRecord, LateRefund
from csinsight.contract.schema import ORDER_LINES, ORDERS, Orders
from csinsight.importers.orders import NO_ORDER
from csinsight.importers.reading import REFUSED_SCHEMA, Line, refuse, stack
from csinsight.importers.recording import owned_tables
from csinsight.importers.sift import Imported

_TOO_MUCH: Final = "the row gives back more than was paid for the order that an earlier import has"
_CENT: Final = 0.005


def give_back(
    folder: Path, record: Sequence[ImportRecord], imported: Imported
) -> tuple[Imported, dict[str, list[LateRefund]]]:
    """Add refunds to the orders in `folder` that they belong to; those added before count once.

    Parameters
    ----------
    folder : Path
    record : sequence of ImportRecord
        Of the imports into the folder.
    imported : Imported
        Its late refunds are refused so far.

    Returns
    -------
    tuple of Imported and dict of str to list of LateRefund
        With these rows used, and the orders (and their lines) with what was given back; by file,
        what is to be remembered.

    Examples
    --------
    >>> give_back(Path("new"), [], Imported({}, pl.DataFrame(), 0, 0))[1]
    {}
    """
    path = folder / f"{ORDERS.name}.parquet"
    late = imported.late
    if late is None or late.is_empty() or ORDERS.name not in owned_tables(record):
        return imported, {}
    if not path.exists():
        return imported, {}
    orders = pl.read_parquet(path, glob=False)
    if Orders.REFUND_AMOUNT not in orders.columns:
        orders = orders.with_columns(pl.lit(0.0).alias(Orders.REFUND_AMOUNT))
    late = late.join(orders, on=Orders.ORDER_ID, how="semi")
    told = _told(record)
    fresh = late.filter(_not_told(late, told))
    # The order's own column may hold the same refunds: where both tell, the larger counts.
    every = pl.concat([_sums(told.elements()), _sums(_rows(fresh))])
    back = every.group_by(Orders.ORDER_ID).agg(pl.col("_back").sum())
    refund = pl.max_horizontal(Orders.REFUND_AMOUNT, "_back").fill_null(0.0)
    touched = orders.join(late, on=Orders.ORDER_ID, how="semi")
    changed = touched.join(back, on=Orders.ORDER_ID, how="left", maintain_order="left")
    changed = changed.with_columns(refund.round(4).alias(Orders.REFUND_AMOUNT))
    over = changed.filter(pl.col(Orders.REFUND_AMOUNT) > pl.col(Orders.PAID_AMOUNT) + _CENT)
    changed = changed.join(over, on=Orders.ORDER_ID, how="anti").drop("_back")
    too_much = fresh.join(over, on=Orders.ORDER_ID, how="semi")
    used = late.join(too_much, on=[Line.FILE, Line.NUMBER], how="anti")
    notice = f"{used.height} rows below zero are taken as refunds of orders of earlier imports"
    before = [] if imported.used is None else [imported.used]
    result = replace(
        imported,
        tables=_with_rows(imported.tables, folder, changed),
        refused=_refused(imported.refused, late, too_much),
        rows_out=imported.rows_out + used.height,
        notices=(*imported.notices, notice) if used.height else imported.notices,
        used=pl.concat([*before, used.select(Line.FILE, Line.MONEY)]),
    )
    return result, _remembered(used)


def _refused(refused: pl.DataFrame, late: pl.DataFrame, too_much: pl.DataFrame) -> pl.DataFrame:
    place = [Line.FILE, Line.NUMBER]
    there = refused.join(late, on=place, how="semi").filter(pl.col(Line.REASON) == NO_ORDER)
    rest = refused.join(there, on=[*place, Line.REASON], how="anti")
    return stack([rest, refuse(too_much, _TOO_MUCH)], REFUSED_SCHEMA)


def _key(at: object, order: str, amount: float) -> tuple[str, str, float]:
    return order, str(at or ""), round(-amount, 4)


def _told(record: Sequence[ImportRecord]) -> Counter[tuple[str, str, float]]:
    """Return what imports told of, each as often as the fullest one does."""
    told: Counter[tuple[str, str, float]] = Counter()
    for entry in record:
        told |= Counter(_key(one.at, one.order_id, -one.amount) for one in entry.late_refunds)
    return told


def _sums(rows: Iterable[tuple[str, str, float]]) -> pl.DataFrame:
    """Return what was given back for each order."""
    kinds = {Orders.ORDER_ID: pl.String, "_back": pl.Float64}
    frame = pl.DataFrame([(order, amount) for order, _, amount in rows], kinds, orient="row")
    return frame.group_by(Orders.ORDER_ID).agg(pl.col("_back").sum())


def _not_told(late: pl.DataFrame, told: Counter[tuple[str, str, float]]) -> pl.Series:
    """Tell of each late refund whether no import has told it."""
    seen: Counter[tuple[str, str, float]] = Counter()
    fresh = []
    for row in _rows(late):
        seen[row] += 1
        fresh.append(seen[row] > told[row])
    return pl.Series(fresh, dtype=pl.Boolean)


def _rows(late: pl.DataFrame) -> list[tuple[str, str, float]]:
    columns = late.select(Orders.PLACED_AT, Orders.ORDER_ID, Orders.PAID_AMOUNT)
    return [_key(at, order, amount) for at, order, amount in columns.iter_rows()]


def _with_rows(
    tables: Mapping[str, pl.DataFrame], folder: Path, changed: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Return the tables with the orders that changed, and with their lines, as they stand there."""
    if changed.is_empty():
        return dict(tables)
    more = {ORDERS.name: changed}
    lines = folder / f"{ORDER_LINES.name}.parquet"
    if lines.exists():
        kept = pl.read_parquet(lines, glob=False).join(changed, on=Orders.ORDER_ID, how="semi")
        more |= {ORDER_LINES.name: kept} if kept.height else {}
    both = {name: [tables[name]] if name in tables else [] for name in more}
    added = {name: pl.concat([*both[name], more[name]], how="diagonal") for name in more}
    return {**tables, **added}


def _remembered(used: pl.DataFrame) -> dict[str, list[LateRefund]]:
    told: dict[str, list[LateRefund]] = {}
    for file, (order, at, amount) in zip(used[Line.FILE], _rows(used), strict=True):
        one = LateRefund(order_id=order, at=at or None, amount=amount)
        told.setdefault(file.split(", sheet ")[0], []).append(one)
    return told
