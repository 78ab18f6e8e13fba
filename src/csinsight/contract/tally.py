"""What the check needs to know of a table, counted a stretch of rows at a time.

Counts of stretches add up to those of the table, wherever each was counted: one after the other in
this process, whose memory then does not grow with the table, or side by side on Spark's workers.
Which cells are wrong is told by `csinsight.contract.read`, once there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from csinsight.contract import cells, constraints
from csinsight.contract.files import parts
from csinsight.contract.schema import Messages, Table

#: Rows that are looked at together.
STRETCH: Final = 500_000
#: Columns by which tables are joined.
JOINED_BY: Final = ("buyer_id", "agent_id")
#: What a line of counts is about: the ``kind`` of a table as `counted` returns it.
_FAULTS, _ROWS, _TIME, _FILLED, _CLOCK = "faults", "rows", "time", "filled", "clock"
_TALK: Final = "talk"
#: A line of a unique column's value: of a whole table only those that stand twice are looked at.
KEY: Final = "key"
#: Columns of counts: of what, how many rows, and the ends of the main time in microseconds.
SCHEMA: Final = {
    "kind": pl.String(),
    "value": pl.String(),
    "other": pl.String(),
    "n": pl.Int64(),
    "low": pl.Int64(),
    "high": pl.Int64(),
}


@dataclass(frozen=True)
class Stretch:
    """Some rows of a Parquet table.

    Parameters
    ----------
    part : str
        Path of the file.
    start, rows : int
        The first of the file's rows that are meant, from 0, and how many.
    """

    part: str
    start: int
    rows: int


#: Counts the stretches of a table: `in_this_process`, or Spark's.
Counter: TypeAlias = Callable[[list[Stretch], Table], pl.DataFrame]


@dataclass(frozen=True)
class Tally:
    """What the check of a shop needs to know of a table as a whole.

    Parameters
    ----------
    rows : int
    clean : bool
        Whether no cell and no row breaks the contract, as far as it is counted here.
    first, last : datetime or None
        Ends of the table's main time; None where it has none.
    filled : dict of str to int
        By column, how many of its cells hold a value.
    ids : dict of str to polars.Series
        Distinct values of each column of `JOINED_BY` that the table has.
    at_once : int
        How many of the table's main times are at the commonest time of day, to the second.
    """

    rows: int
    clean: bool
    first: datetime | None
    last: datetime | None
    filled: Mapping[str, int]
    ids: Mapping[str, pl.Series]
    at_once: int = 0


def counted(raw: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Count some rows of a table for its check.

    Parameters
    ----------
    raw : polars.DataFrame
        Columns of the contract with fitting types; others are not looked at.
    table : Table

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`; `added` adds up those of several stretches.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> counts = counted(pl.DataFrame({"buyer_id": ["b1", "b1", None]}), BUYERS)
    >>> counts.filter(pl.col("kind") == "faults")["n"].to_list()
    [1]
    """
    there = [column for column in table.columns if column.name in raw.columns]
    lost = [cells.unfit(column, raw.schema[column.name]) for column in there]
    frame = raw.select(cells.stored(column, raw.schema[column.name]) for column in there)
    wrong = [broken for column in there for broken in constraints.breaks(column).values()]
    wrong += [
        ~rule.holds.fill_null(value=True)
        for column, rules in constraints.rules(table).items()
        for rule in rules
        if rule.name in constraints.OF_A_ROW and {column, *rule.needs} <= set(frame.columns)
    ]
    faults = _total(raw, lost) + _total(frame, wrong)
    lines = [_line(_FAULTS, n=faults), _line(_ROWS, n=frame.height), *_span(frame, table)]
    lines += [_line(_FILLED, c.name, n=frame[c.name].count()) for c in there]
    grouped = [_grouped(frame, name, [name]) for name in JOINED_BY if name in frame.columns]
    grouped += [_grouped(frame, KEY, [c.name]) for c in there if c.unique]
    if table.name == "messages" and Messages.CONVERSATION_ID in frame.columns:
        talks = frame.filter(pl.col(Messages.CONVERSATION_ID).is_not_null())
        grouped.append(_grouped(talks, _TALK, [Messages.CONVERSATION_ID, Messages.BUYER_ID]))
    return pl.concat([pl.DataFrame(lines, schema=SCHEMA, orient="row"), *grouped])


def added(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up the counts of some stretches.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> one = counted(pl.DataFrame({"buyer_id": ["b1"]}), BUYERS)
    >>> added([one, one]).filter(pl.col("kind") == "rows")["n"].to_list()
    [2]
    """
    total, waiting = pl.DataFrame(schema=SCHEMA), pl.DataFrame(schema=SCHEMA)
    for more in counts:
        waiting = pl.concat([waiting, more])
        # Seldom, so that what is known already is not gone through again for each stretch.
        if waiting.height > total.height:
            total, waiting = _summed([total, waiting]), waiting.clear()
    return _summed([total, waiting])


def _summed(counts: list[pl.DataFrame]) -> pl.DataFrame:
    ends = (pl.col("low").min(), pl.col("high").max())
    return pl.concat(counts).group_by("kind", "value", "other").agg(pl.col("n").sum(), *ends)


def tally(counts: pl.DataFrame, table: Table) -> Tally:
    """Return what counts of a whole table say of it.

    Parameters
    ----------
    counts : polars.DataFrame
        Of `added`.
    table : Table

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> buyers = pl.DataFrame({"buyer_id": ["b1", "b1"]})
    >>> tally(added([counted(buyers, BUYERS)]), BUYERS).clean
    False
    """
    kinds = {str(kind): rows for (kind,), rows in counts.partition_by("kind", as_dict=True).items()}
    rows = _number(kinds, _ROWS)
    filled = dict(kinds[_FILLED].select("value", "n").iter_rows()) if _FILLED in kinds else {}
    low, high = kinds[_TIME].select("low", "high").row(0) if _TIME in kinds else (None, None)
    nobody = pl.Series(dtype=pl.String)
    ids: dict[str, pl.Series] = {
        name: kinds[name]["value"].drop_nulls() if name in kinds else nobody
        for name in JOINED_BY
        if name in filled
    }
    clean = not _number(kinds, _FAULTS) and _fits_together(kinds, filled, rows, table)
    ends = (_moment(low), _moment(high))
    at_once = max(kinds[_CLOCK]["n"].to_list(), default=0) if _CLOCK in kinds else 0
    return Tally(rows, clean, *ends, filled, ids, at_once)


def stretches(path: Path, table: Table) -> list[Stretch]:
    """Return a Parquet table cut into stretches; none where it can't be read in such.

    That is, where a part is broken, lacks a required column or has a type that does not fit, or
    where parts differ: then it takes all of the table to say what is wrong.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.schema import BUYERS
    >>> file = Path(tempfile.mkdtemp()) / "buyers.parquet"
    >>> pl.DataFrame({"buyer_id": ["b1", "b2"]}).write_parquet(file)
    >>> [(stretch.start, stretch.rows) for stretch in stretches(file, BUYERS)]
    [(0, 2)]
    """
    found: list[Stretch] = []
    same: pl.Schema | None = None
    for part in parts(path):
        try:
            schema = pl.scan_parquet(part, glob=False).collect_schema()
            rows = pq.read_metadata(part).num_rows
        except (pl.exceptions.PolarsError, pa.ArrowException, OSError):
            return []
        same = schema if same is None else same
        if schema != same or not cells.columns_fit(table, schema):
            return []
        found += [
            Stretch(str(part), start, min(STRETCH, rows - start))
            for start in range(0, rows, STRETCH)
        ]
    return found


def read(stretch: Stretch, table: Table) -> pl.DataFrame:
    """Return the rows of a stretch: the columns of the contract that it has.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.schema import BUYERS
    >>> file = Path(tempfile.mkdtemp()) / "buyers.parquet"
    >>> pl.DataFrame({"buyer_id": ["b1", "b2"], "note": ["", "x"]}).write_parquet(file)
    >>> read(Stretch(str(file), 1, 1), BUYERS).to_dicts()
    [{'buyer_id': 'b2'}]
    """
    scan = pl.scan_parquet(stretch.part, glob=False)
    there = scan.collect_schema().names()
    names = [column.name for column in table.columns if column.name in there]
    return scan.select(names).slice(stretch.start, stretch.rows).collect()


def in_this_process(pieces: list[Stretch], table: Table) -> pl.DataFrame:
    """Count stretches one after the other.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> in_this_process([], BUYERS).columns == list(SCHEMA)
    True
    """
    return added(counted(read(piece, table), table) for piece in pieces)


def _total(frame: pl.DataFrame, flags: list[pl.Expr]) -> int:
    """Return how many of some flags are up, over all rows."""
    if not flags or not frame.height:
        return 0
    return int(frame.select(pl.sum_horizontal(flag.sum() for flag in flags)).item())


def _line(
    kind: str, value: str | None = None, n: int = 0, low: int | None = None, high: int | None = None
) -> tuple[object, ...]:
    return (kind, value, None, n, low, high)


def _span(frame: pl.DataFrame, table: Table) -> list[tuple[object, ...]]:
    """Return the ends of a table's main time, and how many of them are at each second of a day."""
    times = [name for name in cells.times(table) if name in frame.columns]
    if not times or times[0] != cells.times(table)[0]:
        return [_line(_TIME)]
    moment = pl.col(times[0])
    # A time beyond the years of the contract is a fault already; Python could not hold it.
    known = frame.filter(moment.dt.year().is_between(1, 9999)).select(moment.cast(pl.Int64))
    ends = known.select(moment.min().alias("low"), moment.max().alias("high"))
    clock = frame.drop_nulls(times[0]).group_by(moment.dt.strftime("%H:%M:%S")).len()
    return [
        _line(_TIME, low=ends["low"].item(), high=ends["high"].item()),
        *(_line(_CLOCK, value, n=n) for value, n in clock.iter_rows()),
    ]


def _grouped(frame: pl.DataFrame, kind: str, names: list[str]) -> pl.DataFrame:
    """Return how often each value stands in a column, or each pair in two."""
    called = ("value", "other")[: len(names)]
    told = frame.select(names).rename(dict(zip(names, called, strict=True)))
    counts = told.group_by(called).len("n")
    absent = [pl.lit(None, dtype=pl.String).alias("other")] if len(names) == 1 else []
    ends = [pl.lit(None, dtype=pl.Int64).alias(name) for name in ("low", "high")]
    return counts.with_columns(pl.lit(kind).alias("kind"), *absent, *ends).select(
        pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()
    )


def _number(kinds: Mapping[str, pl.DataFrame], kind: str) -> int:
    return int(kinds[kind]["n"].sum()) if kind in kinds else 0


def _fits_together(
    kinds: Mapping[str, pl.DataFrame], filled: Mapping[str, int], rows: int, table: Table
) -> bool:
    """Tell whether what only all rows together can show is as the contract says."""
    partly = [
        c for c in table.columns if c.all_or_nothing and filled.get(c.name, 0) not in (0, rows)
    ]
    twice = KEY in kinds and kinds[KEY].filter(pl.col("value").is_not_null())["n"].gt(1).any()
    if partly or twice:
        return False
    if table.name != "messages":
        return True
    untold = not filled.get(Messages.SENT_AT) and filled.get(Messages.CONVERSATION_ID, 0) < rows
    shared = _TALK in kinds and kinds[_TALK]["value"].is_duplicated().any()
    return not untold and not shared and bool(filled.get(Messages.TEXT))


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else datetime(1970, 1, 1) + timedelta(microseconds=micros)
