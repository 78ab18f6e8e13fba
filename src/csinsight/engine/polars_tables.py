"""Contract tables on Polars: the embedded engine.

Which columns of a Parquet table hold values, by the statistics in its files' footers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from csinsight.contract import cells
from csinsight.contract.csv_tables import read_csv
from csinsight.contract.files import parts
from csinsight.contract.schema import TABLES, Messages, Table
from csinsight.engine.frames import explain, ms

Tables = tuple[dict[str, nw.LazyFrame[Any]], dict[str, frozenset[str]]]


def holding(path: Path, schema: Mapping[str, pl.DataType]) -> dict[str, bool]:
    """Tell of the columns of a Parquet table whether any cell holds a value, without reading any.

    Parameters
    ----------
    path : Path
        A file, or a folder of parts.
    schema : mapping of str to polars.DataType

    Returns
    -------
    dict of str to bool
        A column is left out where the footers don't tell: files may be written without statistics,
        and a text's may be empty (no value) in the greatest known. None is told of parts that
        differ.

    Raises
    ------
    pyarrow.ArrowException, OSError
        Where a part is broken.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "buyers.parquet"
    >>> pl.DataFrame({"buyer_id": ["b1", "b2"], "joined_at": [None, None]}).write_parquet(file)
    >>> holding(file, pl.read_parquet_schema(file))
    {'buyer_id': True, 'joined_at': False}
    """
    if any(dtype.is_nested() for dtype in schema.values()):
        return {}
    found: dict[str, bool] = {}
    unsure: set[str] = set()
    footers = [pq.read_metadata(part) for part in parts(path)]
    for footer in footers:
        if not footer.schema.equals(footers[0].schema):
            return {}
        for column in _columns(footer):
            name = column.path_in_schema
            told = _holds(column, schema[name])
            if told is None:
                unsure.add(name)
            else:
                found[name] = found.get(name, False) or told
    return {name: holds for name, holds in found.items() if holds or name not in unsure}


def _columns(footer: pq.FileMetaData) -> Iterable[Any]:
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    return (group.column(place) for group in groups for place in range(group.num_columns))


def _holds(column: Any, dtype: pl.DataType) -> bool | None:
    """Tell whether a stretch of a column holds a value; None where its statistics don't say."""
    known = column.statistics
    if known is None:
        return None
    if known.has_null_count and known.null_count == column.num_values:
        return False
    # A whole number beyond what the contract reads is no value.
    if not known.has_min_max or dtype == pl.UInt64:
        return None
    if dtype.is_float():
        return True if math.isfinite(known.max) or math.isfinite(known.min) else None
    return True if known.max not in ("", b"") else None


def open_tables(paths: dict[str, Path]) -> Tables:
    r"""Open the files of the tables in `paths`; see `csinsight.engine.open_shop`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "buyers.csv"
    >>> _ = file.write_text("buyer_id\nb1\n", encoding="utf-8")
    >>> tables, filled = open_tables({"buyers": file})
    >>> sorted(filled["buyers"])
    ['buyer_id']
    """
    tables: dict[str, nw.LazyFrame[Any]] = {}
    filled: dict[str, frozenset[str]] = {}
    for name, path in paths.items():
        frame, filled[name] = open_table(path, TABLES[name])
        tables[name] = nw.from_native(frame)
    return tables, filled


def open_table(path: Path, table: Table) -> tuple[pl.LazyFrame, frozenset[str]]:
    r"""Return one table as the engine hands it out, and which of its columns hold values.

    Raises
    ------
    EngineError
        Where the file lacks a required column, or a type or a cell can't be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "buyers.csv"
    >>> _ = file.write_text("buyer_id\nb1\n", encoding="utf-8")
    >>> open_table(file, TABLES["buyers"])[0].collect().columns
    ['buyer_id', 'joined_at', 'joined_at_ms']
    """
    typed = path.suffix == ".parquet"
    scan = (
        pl.scan_parquet(parts(path), glob=False)
        if typed
        else pl.scan_csv(path, infer_schema=False, glob=False)
    )
    try:
        return _open(scan, path, table, typed=typed)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        # A quote in mid-field is more than Polars takes; the reader of the check is slower and
        # takes it, and it knows a broken file from an odd one.
        text = None if typed else read_csv(path)
        if text is None or text.faults:
            raise explain(path, table, error) from error
    return _open(text.frame.lazy(), path, table, typed=False)


#: So many lines, in so many stretches over the whole table, tell how all were written.
_LINES: Final = 30_000
_STRETCHES: Final = 6


def some_messages(path: Path) -> pl.DataFrame:
    r"""Return messages as the engine hands them out: all, or of many some stretches, in order.

    Within a stretch neighbours are neighbours; of Parquet nothing else is read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "messages.csv"
    >>> lines = "buyer_id,sender,sent_at,text\nb1,buyer,2026-10-05 10:00:00,在吗\n"
    >>> _ = file.write_text(lines, encoding="utf-8")
    >>> some_messages(file).select("buyer_id", "message_no").rows()
    [('b1', 0)]
    """
    table = TABLES["messages"]
    if path.suffix != ".parquet":
        read = open_table(path, table)[0].collect()
        return pl.concat(read.slice(*stretch) for stretch in _stretches(read.height))
    scan = pl.scan_parquet(parts(path), glob=False)
    values = _read(table, scan.collect_schema(), typed=True)[0]
    rows = int(scan.select(pl.len()).collect().item())
    number = pl.col(Messages.MESSAGE_NO)
    return pl.concat(
        _finish(scan.slice(start, length).select(values), table)
        .with_columns(number + start)
        .collect()
        for start, length in _stretches(rows)
    )


def _stretches(rows: int) -> list[tuple[int, int]]:
    if rows <= _LINES:
        return [(0, rows)]
    return [(rows // _STRETCHES * n, _LINES // _STRETCHES) for n in range(_STRETCHES)]


def _open(
    frame: pl.LazyFrame, path: Path, table: Table, *, typed: bool
) -> tuple[pl.LazyFrame, frozenset[str]]:
    have = frame.collect_schema()
    if not cells.columns_fit(table, have, typed=typed):
        raise explain(path, table)
    if not typed:
        frame = frame.filter(cells.not_blank(have.names()))
    values, broken = _read(table, have, typed=typed)
    told = holding(path, have) if typed else {}
    asked = [v for c, v in zip(table.columns, values, strict=True) if c.name not in told]
    counts = frame.select(broken.alias("broken"), *(v.count() for v in asked)).collect()
    found = counts.row(0, named=True)
    if found.pop("broken"):
        raise explain(path, table)
    names = {column.name for column in table.columns}
    filled = frozenset(name for name, n in {**found, **told}.items() if n and name in names)
    return _finish(frame.select(values), table), filled


def _read(
    table: Table, have: Mapping[str, pl.DataType], *, typed: bool
) -> tuple[list[pl.Expr], pl.Expr]:
    """Return the values of the table's columns, and how many cells can't be read."""
    there = [column for column in table.columns if column.name in have]
    if typed:
        values = {c.name: cells.stored(c, have[c.name]) for c in there}
        broken = pl.lit(0)
    else:
        values = {c.name: cells.cell(c) for c in there}
        broken = pl.sum_horizontal(cells.unreadable(c).sum() for c in there)
    return [values.get(c.name, cells.absent(c)) for c in table.columns], broken


def _finish(frame: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    if table.name == "messages":
        frame = frame.with_columns(
            pl.col(Messages.TEXT).fill_null("").str.normalize("NFKC"),
            pl.int_range(pl.len(), dtype=pl.Int64).alias(Messages.MESSAGE_NO),
        )
    return frame.with_columns(
        pl.col(time).dt.epoch("ms").alias(ms(time)) for time in cells.times(table)
    )
