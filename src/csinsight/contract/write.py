"""Writing a table so that a reader never sees half of it.

Files that are written whole or not at all, and their fingerprints.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from csinsight.contract.artifacts import kind_of
from csinsight.contract.digest import sha256, sha256_of
from csinsight.contract.schema import Kind

__all__ = ["DRAFT", "sha256", "sha256_of", "write_atomically", "write_table", "write_text"]

_ARROW: Final[dict[Kind, pa.DataType]] = {
    "str": pa.large_string(),
    "datetime": pa.timestamp("us"),
    "date": pa.date32(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
}


def write_table(frame: pl.DataFrame | pd.DataFrame, path: Path) -> Path:
    """Write a table as Parquet, all at once or not at all.

    The same table gives the same bytes. A pandas index is not written. Missing folders are
    made.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame
    path : Path
        Where to write; a file there is replaced in one step.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        Where a pandas column mixes types; `path` is left as it was.
    """
    table = (
        frame.to_arrow()
        if isinstance(frame, pl.DataFrame)
        else _with_types(pa.Table.from_pandas(frame, preserve_index=False))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is one step only within a file system.
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, half, compression="zstd", version="2.6")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def _with_types(table: pa.Table) -> pa.Table:
    """Give columns without any value the type they have where there is one."""
    for place, column in enumerate(table.schema):
        if pa.types.is_null(column.type):
            nulls = table.column(place).cast(_ARROW[kind_of(column.name)])
            table = table.set_column(place, column.name, nulls)
    return table


#: How the names of files end that are being written.
DRAFT: Final = ".draft"


@contextmanager
def write_atomically(target: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `target` when the block ends without error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}{DRAFT}")
    try:
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target` whole or not at all."""
    with write_atomically(target) as draft:
        draft.write_text(text, encoding="utf-8")
