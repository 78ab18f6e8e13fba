"""The only place that opens data: contract tables as narwhals lazy frames.

Every table leaves here with all its contract columns in contract order (an absent optional
column as nulls), with an integer millisecond column beside every time, and with chat text in
NFKC, so that the same expressions give the same answer on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.contract.tables import TABLES, Kind, Messages, Table
from csinsight.params import EngineName

_POLARS: dict[Kind, pl.DataType] = {
    "str": pl.String(),
    "datetime": pl.Datetime("us"),
    "date": pl.Date(),
    "float": pl.Float64(),
    "int": pl.Int64(),
    "bool": pl.Boolean(),
}


@dataclass(frozen=True)
class Shop:
    """The tables of one shop that are there, opened but not read.

    Parameters
    ----------
    folder : Path
    engine : EngineName
    tables : dict of str to narwhals.LazyFrame
        By table name; an absent table is not in it.
    filled : dict of str to frozenset of str
        By table name, the columns that hold at least one value.
    """

    folder: Path
    engine: EngineName
    tables: dict[str, nw.LazyFrame]
    filled: dict[str, frozenset[str]]

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether `table` is there with at least one value in each of `columns`."""
        return table in self.tables and set(columns) <= self.filled[table]

    def __getitem__(self, table: str) -> nw.LazyFrame:
        """Return one table; `KeyError` where the shop lacks it (ask `has` first)."""
        return self.tables[table]


def ms(column: str) -> str:
    """Return the name of the integer column that holds `column` as milliseconds since 1970."""
    return f"{column}_ms"


def open_shop(folder: Path | str, engine: EngineName = "polars") -> Shop:
    """Open the contract tables in `folder`.

    Raises
    ------
    FileNotFoundError
        Where the folder is missing or holds none of the tables.
    """
    folder = Path(folder)
    tables: dict[str, nw.LazyFrame] = {}
    filled: dict[str, frozenset[str]] = {}
    for table in TABLES.values():
        path = table_path(folder, table.name)
        if path is None:
            continue
        frame = _conform(_scan(path), table)
        tables[table.name] = nw.from_native(frame)
        filled[table.name] = _filled(frame, table)
    if not tables:
        raise FileNotFoundError(f"{folder}: holds none of the tables {', '.join(TABLES)}")
    return Shop(folder, engine, tables, filled)


def table_path(folder: Path, name: str) -> Path | None:
    """Return the file of table `name` in `folder`, Parquet before CSV; None where absent."""
    for suffix in (".parquet", ".csv"):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return path
    return None


def collect(frame: nw.LazyFrame) -> pd.DataFrame:
    """Run a lazy frame on its engine and return the rows as pandas."""
    return frame.collect(backend="pyarrow").to_pandas()


def _scan(path: Path) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    return pl.scan_csv(path, infer_schema=False)


def _conform(frame: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    have = frame.collect_schema()
    columns = []
    for column in table.columns:
        kind = _POLARS[column.kind]
        if column.name not in have:
            columns.append(pl.lit(None, dtype=kind).alias(column.name))
        elif column.kind == "datetime" and have[column.name] == pl.String:
            columns.append(pl.col(column.name).str.to_datetime(time_unit="us"))
        else:
            columns.append(pl.col(column.name).cast(kind))
    frame = frame.select(columns)
    if table.name == "messages":
        frame = frame.with_columns(
            pl.col(Messages.TEXT).str.normalize("NFKC")
        ).with_row_index(Messages.MESSAGE_NO)
    times = [c.name for c in table.columns if c.kind == "datetime"]
    return frame.with_columns(pl.col(t).dt.epoch("ms").alias(ms(t)) for t in times)


def _filled(frame: pl.LazyFrame, table: Table) -> frozenset[str]:
    names = [column.name for column in table.columns]
    counts = frame.select(pl.col(names).count()).collect().row(0, named=True)
    return frozenset(name for name, count in counts.items() if count)
