"""Which columns of a Parquet table hold values, by the statistics in its files' footers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from csinsight.contract.files import parts


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
