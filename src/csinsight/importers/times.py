"""Times as programs and spreadsheets write them where they mean nothing, or lost their form."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

#: How databases and spreadsheets write that there is no time.
NO_TIME: Final = (
    r"^(?:0000[-/.]0?0[-/.]0?0|0001[-/.]0?1[-/.]0?1|1900[-/.]0?1[-/.]0?[01]\b"
    r"|1970[-/.]0?1[-/.]0?1(?:[T ]0?[08]:00(?::00(?:\.0+)?)?)?Z?$)"
)
#: Days since the end of 1899, for the years 2000 to 2099.
_COUNTED: Final = r"^(?:3[6-9]|[4-6][0-9]|7[0-2])[0-9]{3}(?:\.[0-9]+)?$"
_DAY_0: Final = datetime(1899, 12, 30)


def counted_days(cell: pl.Expr) -> pl.Expr:
    """Return the times of days that a spreadsheet counts, to the second.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["46300.3958333", "46301"]})
    >>> [str(at) for at in rows.select(counted_days(pl.col("c"))).to_series()]
    ['2026-10-05 09:30:00', '2026-10-06 00:00:00']
    """
    seconds = (cell.cast(pl.Float64, strict=False) * 86_400).round().cast(pl.Int64)
    return pl.lit(_DAY_0) + pl.duration(seconds=seconds)


def told_times(frame: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, list[str]]:
    """Return rows whose times are written as times or not at all, and what was made of them.

    A cell that means no time is empty; one that counts days is written out, as `dated` does.

    Parameters
    ----------
    frame : polars.DataFrame
    *columns : str
        Columns of an export's times, as text.

    Examples
    --------
    >>> rows = pl.DataFrame({"placed": ["46300.3958333"], "paid": ["0000-00-00 00:00:00"]})
    >>> rows, told = told_times(rows, "placed", "paid")
    >>> rows.rows(), told[0][:32]
    ([('2026-10-05 09:30:00', None)], '1 rows have times as days that a')
    """
    frame, told = dated(frame, *columns)
    timed = [pl.when(~pl.col(name).str.contains(NO_TIME)).then(name) for name in columns]
    return frame.with_columns(timed), told


def dated(frame: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, list[str]]:
    """Return rows with the days that a spreadsheet counts written out, and a notice of them.

    A spreadsheet leaves such numbers where the column's form was lost.

    Parameters
    ----------
    frame : polars.DataFrame
    *columns : str
        Columns of an export's times, as text.

    Examples
    --------
    >>> rows, told = dated(pl.DataFrame({"at": ["46300.3958333", "2026-10-05"]}), "at")
    >>> rows["at"].to_list(), len(told)
    (['2026-10-05 09:30:00', '2026-10-05'], 1)
    """
    counted = [pl.col(name).str.contains(_COUNTED) for name in columns]
    found = int(frame.select(pl.any_horizontal(counted).sum()).item() or 0)
    if not found:
        return frame, []
    written = [
        pl.when(count)
        .then(counted_days(pl.when(count).then(name)).dt.to_string("%Y-%m-%d %H:%M:%S"))
        .otherwise(name)
        .alias(name)
        for name, count in zip(columns, counted, strict=True)
    ]
    told = (
        f"{found} rows have times as days that a spreadsheet counts (such as 46300.4): they are "
        "read as it counts from 1900; look whether the dates are right"
    )
    return frame.with_columns(written), [told]
