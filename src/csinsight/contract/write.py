"""Writing a table so that a reader never sees half of it."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


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
        else pa.Table.from_pandas(frame, preserve_index=False)
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
