"""A shop's folder as an archive: what an import adds to tables that earlier imports wrote.

Platforms let one look back for one to three months, so a shop exports each month and imports it
into the same folder. Rows that are there already are not doubled: an order has its newest state, a
message, a rating or a page view stands as often as the fuller of the two imports has it. A refund
that comes after its order is a row below zero for what an earlier import brought.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.cells import conformed
from csinsight.contract.imports import ImportRecord, LateRefund
from csinsight.contract.schema import (
    AGENTS,
    BUYERS,
    MESSAGES,
    ORDER_LINES,
    ORDERS,
    PLATFORM_KPIS,
    TABLES,
    Messages,
    OrderLines,
    Orders,
    PlatformKpis,
    Table,
)
from csinsight.errors import ImporterError
from csinsight.importers.cells import CENT
from csinsight.importers.import_record import owned_tables
from csinsight.importers.one_shop import refuse_other_orders
from csinsight.importers.orders import NO_ORDER
from csinsight.importers.reading import REFUSED_SCHEMA, Line, refuse, stack
from csinsight.importers.sift import Imported

#: Tables in which a row is known by these columns; in others the whole row is what it is.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    BUYERS.name: ("buyer_id",),
    AGENTS.name: ("agent_id",),
    PLATFORM_KPIS.name: (
        PlatformKpis.DAY,
        PlatformKpis.AGENT_ID,
        PlatformKpis.KPI,
        PlatformKpis.SOURCE,
    ),
}
_PIECE: Final = "_piece"


def add_to(
    folder: Path, tables: Mapping[str, pl.DataFrame], owned: Sequence[str]
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Return the tables of an import with what earlier imports wrote in `folder`, and notices.

    Parameters
    ----------
    folder : Path
    tables : mapping of str to polars.DataFrame
        New tables by name.
    owned : sequence of str
        Names of the tables that earlier imports wrote.

    Raises
    ------
    ImporterError
        Where the two don't fit: one knows a column from top to bottom that the other lacks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     first = pl.DataFrame({"agent_id": ["a1", "a2"]})
    ...     first.write_parquet(Path(name) / "agents.parquet")
    ...     tables, told = add_to(Path(name), {"agents": first.tail(1)}, ["agents"])
    >>> tables["agents"]["agent_id"].to_list(), told
    (['a1', 'a2'], ['agents: 0 rows are new, 2 were there'])
    """
    merged, told = {}, []
    older = {
        name: pl.read_parquet(folder / f"{name}.parquet", glob=False)
        for name in tables
        if name in owned and (folder / f"{name}.parquet").exists()
    }
    for name, new in tables.items():
        if name not in older:
            merged[name] = new
            continue
        if name == ORDERS.name:
            _one_shops_orders(older[name], new, folder)
        both = _merged(TABLES[name], older[name], new, tables, older)
        _check(TABLES[name], both, folder)
        merged[name] = both
        added = both.height - older[name].height
        told.append(f"{name}: {added} rows are new, {older[name].height} were there")
    return merged, told


def _one_shops_orders(old: pl.DataFrame, new: pl.DataFrame, folder: Path) -> None:
    both = {"these files": new, f"{folder / ORDERS.name}.parquet": old}
    named = [
        conformed(frame, ORDERS)
        .select(Orders.ORDER_ID, Orders.BUYER_ID, Orders.PLACED_AT)
        .with_columns(pl.lit(source).alias("_source"))
        for source, frame in both.items()
    ]
    refuse_other_orders(pl.concat(named), "_source")


def _merged(
    table: Table,
    old: pl.DataFrame,
    new: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    older: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    frames = [
        conformed(old, table).with_columns(_piece(0)),
        conformed(new, table).with_columns(_piece(1)),
    ]
    both = pl.concat(frames)
    if table.name == ORDERS.name:
        both = _newest_orders(both)
    elif table.name == ORDER_LINES.name:
        both = _lines_of_newest(both, tables, older)
    elif table.name in _KEYS:
        both = _by_key(both, _KEYS[table.name])
    else:
        names = [column.name for column in table.columns]
        which = pl.int_range(pl.len()).over(*names, _PIECE).alias("_which")
        both = both.with_columns(which).unique(
            [*names, "_which"], keep="first", maintain_order=True
        )
    there = [
        column.name
        for column in table.columns
        if column.required or both[column.name].null_count() < both.height
    ]
    return both.select(there)


def _piece(number: int) -> pl.Expr:
    return pl.lit(number, dtype=pl.Int8).alias(_PIECE)


def _newest_orders(both: pl.DataFrame) -> pl.DataFrame:
    by = [
        pl.col(Orders.PAID_AT).is_not_null(),
        pl.col(Orders.REFUND_AMOUNT).fill_null(0.0),
        pl.col(_PIECE),
    ]
    numbered = both.with_row_index("_row").sort(by, descending=True)
    return numbered.unique(Orders.ORDER_ID, keep="first", maintain_order=True).sort("_row")


def _lines_of_newest(
    both: pl.DataFrame, tables: Mapping[str, pl.DataFrame], older: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Return the lines of each order from the import that has its newest state."""
    if ORDERS.name not in tables or ORDERS.name not in older:
        return both
    states = [
        conformed(frames[ORDERS.name], ORDERS).with_columns(_piece(number))
        for number, frames in enumerate((older, tables))
    ]
    newest = _newest_orders(pl.concat(states)).select(OrderLines.ORDER_ID, _PIECE)
    return both.join(newest, on=[OrderLines.ORDER_ID, _PIECE], how="semi", maintain_order="left")


def _by_key(both: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """Return a row a key: what the new import says, and where it is silent what the old one did."""
    rest = [name for name in both.columns if name not in (*key, _PIECE)]
    return both.group_by(key, maintain_order=True).agg(
        pl.col(name).drop_nulls().last().alias(name) for name in rest
    )


def _check(table: Table, both: pl.DataFrame, folder: Path) -> None:
    where = f"{folder / table.name}.parquet"
    for column in table.columns:
        empty = both[column.name].null_count() if column.name in both.columns else 0
        if column.all_or_nothing and 0 < empty < both.height:
            raise ImporterError(
                f"{where}: {column.name} is empty in one import and filled in the other; give the "
                "files that tell it, choose another --out folder, or say --replace"
            )
    if table.name == MESSAGES.name and Messages.CONVERSATION_ID in both.columns:
        named = both.drop_nulls(Messages.CONVERSATION_ID)
        buyers = named.group_by(Messages.CONVERSATION_ID).agg(pl.col(Messages.BUYER_ID).n_unique())
        shared = buyers.filter(pl.col(Messages.BUYER_ID) > 1)
        if shared.height:
            first: Any = shared[Messages.CONVERSATION_ID][0]
            raise ImporterError(
                f"{where}: conversation {first!r} is one buyer's in an earlier import and "
                "another's here; choose another --out folder, or say --replace"
            )


_TOO_MUCH: Final = "the row gives back more than was paid for the order that an earlier import has"


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
    over = changed.filter(pl.col(Orders.REFUND_AMOUNT) > pl.col(Orders.PAID_AMOUNT) + CENT)
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
