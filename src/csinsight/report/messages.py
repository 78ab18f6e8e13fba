"""A plain table of messages in and out, for ``csinsight markers``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from csinsight.report.files import write_atomically

_NEEDED: Final = ("sender", "text")


class MessagesError(ValueError):
    """A table of messages that can't be read."""


def read_messages(path: Path) -> pl.DataFrame:
    """Return the table at `path` (CSV in UTF-8, or Parquet), every column of a CSV as text.

    Raises
    ------
    MessagesError
        Where it can't be read, or lacks the columns ``sender`` and ``text``.
    """
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise MessagesError(
            f"{path}: can't be read as a table ({error}); save it as CSV in UTF-8, or Parquet"
        ) from error
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise MessagesError(f"{path}: lacks the column {', '.join(missing)}; name it in the header")
    return frame


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` whole or not at all, as Parquet or else as CSV, by the name's ending."""
    with write_atomically(path) as draft:
        if path.suffix == ".parquet":
            frame.write_parquet(draft)
        else:
            frame.write_csv(draft)
