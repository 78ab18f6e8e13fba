"""Contract tables on Polars: the embedded engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa

from csinsight.contract import cells
from csinsight.contract.files import parts
from csinsight.contract.schema import TABLES, Messages, Table
from csinsight.contract.textfile import read_text
from csinsight.engine.footers import holding
from csinsight.engine.frames import explain, ms

Tables = tuple[dict[str, nw.LazyFrame[Any]], dict[str, frozenset[str]]]


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
        text = None if typed else read_text(path)
        if text is None or text.faults:
            raise explain(path, table, error) from error
    return _open(text.frame.lazy(), path, table, typed=False)


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
