"""Reading one table of the contract, with every fault that keeps it from being one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from csinsight.config import nearest
from csinsight.contract import cells, constraints, messages
from csinsight.contract.csv_tables import read_csv
from csinsight.contract.files import parts
from csinsight.contract.messages import NAMED, Fault, Notice
from csinsight.contract.schema import Column, Messages, Table


def header_faults(file: str, header: list[str], table: Table, row: int | None) -> list[Fault]:
    """Return what is wrong with the column names of a file.

    Parameters
    ----------
    file : str
    header : list of str
        Column names as written.
    table : Table
    row : int or None
        The row of the header; None where the file has no such row (Parquet).

    Examples
    --------
    >>> from csinsight.contract.schema import RATINGS
    >>> header = ["buyer_id", "agent_id", "rated_on", "score"]
    >>> print(header_faults("ratings.csv", header, RATINGS, row=1)[0])
    ratings.csv, row 1, column rated_at: this required column is missing;
    rename 'rated_on', which comes nearest, to rated_at
    """
    needed = [column for column in table.columns if column.required]
    missing = [column for column in needed if column.name not in header]
    if len(missing) == len(needed):
        return [_no_header(file, header, needed, row)]
    faults = [_missing(file, header, column, table, row) for column in missing]
    for name, count in Counter(header).items():
        if count > 1 and any(column.name == name for column in table.columns):
            what = f"stands {count} times in the header"
            faults.append(Fault(file, row, name, what, "keep one of them and rename the others"))
    return faults


def header_notices(file: str, header: list[str], table: Table) -> list[Notice]:
    """Return the columns that are ignored but look like a misspelt optional one.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> print(header_notices("buyers.csv", ["buyer_id", "joined_on"], BUYERS)[0])
    buyers.csv: column 'joined_on' is not in the contract and is ignored; was joined_at meant?
    """
    absent = [c.name for c in table.columns if not c.required and c.name not in header]
    notices = []
    for name in header:
        near = nearest(name, absent) if name not in _names(table) else None
        if near:
            what = f"column {name!r} is not in the contract and is ignored; was {near} meant?"
            notices.append(Notice(file, what))
    return notices


def _no_header(file: str, header: list[str], needed: list[Column], row: int | None) -> Fault:
    names = ", ".join(column.name for column in needed)
    for sign, said in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and sign in header[0]:
            what = f"its columns are separated by {said}, not by commas"
            return Fault(file, row, None, what, "save it as CSV with commas")
    return Fault(
        file,
        row,
        None,
        "the header has none of the columns of this table",
        f"the first row has to name {names}; csinsight import turns other formats into this one",
    )


def _missing(file: str, header: list[str], column: Column, table: Table, row: int | None) -> Fault:
    near = nearest(column.name, [name for name in header if name not in _names(table)])
    if near:
        mend = f"rename {near!r}, which comes nearest, to {column.name}"
    elif column.all_or_nothing:
        mend = f"add it ({column.meaning}); leave all its cells empty where nobody knows"
    else:
        mend = f"add it ({column.meaning})"
    return Fault(file, row, column.name, "this required column is missing", mend)


def _names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


@dataclass(frozen=True)
class Checked:
    """A contract table as read, and what is wrong with it.

    Parameters
    ----------
    frame : polars.DataFrame
        All columns of the contract in its order, typed; a cell that can't be read is null, an
        absent column is all null. Broken and blank rows of a CSV file are left out.
    faults : list of Fault
    notices : list of Notice
    """

    frame: pl.DataFrame
    faults: list[Fault]
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """A file before its values are judged."""

    file: str
    table: Table
    raw: pl.DataFrame
    #: Row of the file for each row of `raw`.
    rows: pl.Series
    typed: bool

    @property
    def columns(self) -> list[Column]:
        return [column for column in self.table.columns if column.name in self.raw.columns]

    def dtype(self, column: Column) -> pl.DataType:
        return self.raw.schema[column.name]


def read_table(path: Path, table: Table) -> Checked:
    r"""Read a contract table from CSV or Parquet and check all that can be checked in one file.

    Parameters
    ----------
    path : Path
        ``NAME.csv`` or ``NAME.parquet``.
    table : Table

    Returns
    -------
    Checked
        At most `csinsight.contract.messages.NAMED` cells are named for each column and kind of
        fault; one more fault counts the rest.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.schema import BUYERS
    >>> file = Path(tempfile.mkdtemp()) / "buyers.csv"
    >>> _ = file.write_text("buyer_id,joined_at\nb1,5.10.2026\n", encoding="utf-8")
    >>> print(read_table(file, BUYERS).faults[0])
    buyers.csv, row 2, column joined_at: '5.10.2026' is not an ISO 8601 time;
    write local shop time such as 2026-10-05 09:30:00
    """
    return _read_parquet(path, table) if path.suffix == ".parquet" else _read_csv(path, table)


def _read_csv(path: Path, table: Table) -> Checked:
    text = read_csv(path)
    if not text.header:
        return Checked(pl.DataFrame(schema=cells.dtypes(table)), text.faults)
    faults = header_faults(path.name, text.header, table, row=1)
    source = _Source(path.name, table, text.frame, text.rows, typed=False)
    checked = _check(source)
    notices = [*header_notices(path.name, text.header, table), *checked.notices]
    return Checked(checked.frame, [*faults, *text.faults, *checked.faults], notices)


def _read_parquet(path: Path, table: Table) -> Checked:
    try:
        header = list(pl.scan_parquet(parts(path), glob=False).collect_schema())
        names = [column.name for column in table.columns if column.name in header]
        raw = pl.scan_parquet(parts(path), glob=False).select(names).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        return Checked(pl.DataFrame(schema=cells.dtypes(table)), [_unread(path, table, error)])
    faults = header_faults(path.name, header, table, row=None)
    there = [c for c in table.columns if c.name in raw.columns]
    wrong = [c for c in there if not cells.dtype_fits(c, raw.schema[c.name])]
    faults += [_wrong_type(path.name, column, raw.schema[column.name]) for column in wrong]
    rows = pl.Series("row", range(1, raw.height + 1), dtype=pl.Int64)
    raw = raw.drop([column.name for column in wrong])
    checked = _check(_Source(path.name, table, raw, rows, typed=True))
    notices = [*header_notices(path.name, header, table), *checked.notices]
    return Checked(checked.frame, [*faults, *checked.faults], notices)


def _unread(path: Path, table: Table, error: Exception) -> Fault:
    """Return what can't be read, by the first part and column that can't, or that don't fit."""
    if isinstance(error, PermissionError):
        return Fault(path.name, None, None, "can't be read (Permission denied)", "see its rights")
    first: tuple[str, pl.Schema] | None = None
    mend = "write it again: it is broken, cut short or of another format"
    for part in parts(path):
        name, column = part.name if part == path else f"{path.name}/{part.name}", None
        try:
            scan = pl.scan_parquet(part, glob=False)
            schema = scan.collect_schema()
            for column in (c.name for c in table.columns if c.name in schema):
                scan.select(column).collect()
        except (pl.exceptions.PolarsError, OSError) as broken:
            return Fault(name, None, column, f"can't be read as Parquet ({_reason(broken)})", mend)
        first = first or (name, schema)
        for column in (c.name for c in table.columns):
            here, there = schema.get(column), first[1].get(column)
            if here != there:
                what = f"holds {here or 'no such column'}, where {first[0]} holds {there or 'none'}"
                return Fault(name, None, column, what, "write all parts with the same columns")
    return Fault(path.name, None, None, f"can't be read as Parquet ({_reason(error)})", mend)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _wrong_type(file: str, column: Column, dtype: pl.DataType) -> Fault:
    what, _ = cells.FORMS[column.kind]
    zone = " without zone" if isinstance(dtype, pl.Datetime) else ""
    mend = f"write the column as {cells.DTYPES[column.kind]}{zone}"
    return Fault(file, None, column.name, f"holds {dtype}, which is not {what}{zone}", mend)


def _check(source: _Source) -> Checked:
    """Read the cells, then judge their values by the table's schema."""
    if source.raw.height == 0:
        what = "has a header but no rows: the shop is read as if it had no such table"
        return Checked(
            pl.DataFrame(schema=cells.dtypes(source.table)), [], [Notice(source.file, what)]
        )
    there = source.columns
    frame = source.raw.select(
        cells.stored(column, source.dtype(column)) if source.typed else cells.cell(column)
        for column in there
    )
    lost = {column.name: _lost(source, column, frame) for column in there}
    faults: list[Fault] = []
    failed = constraints.failures(frame, source.table, frame.columns)
    broken: dict[str, dict[str, pl.Series]] = {}
    for (column, check), part in failed.group_by("column", "check", maintain_order=True):
        broken.setdefault(str(column), {})[str(check)] = part["index"].sort()
    for column in there:
        faults += _unreadable(source, column, lost[column.name])
        if column.kind in ("datetime", "date"):
            outside = frame.select(constraints.out_of_years(column)).to_series()
            wrong = outside.arg_true().cast(pl.Int64)
            said = messages.broken(column, constraints.YEARS, None, None)
            faults += _named(source, column, wrong, partial(_always, said), "like these")
        for check, at in broken.get(column.name, {}).items():
            legible = at.filter(~at.is_in(lost[column.name].implode()))
            faults += _judged(source, column, check, legible)
    faults += [*_no_clock(source, frame), *_no_text(source, frame)]
    return Checked(cells.conformed(frame, source.table), faults)


def _always(words: messages.Words, _: int) -> messages.Words:
    return words


def _lost(source: _Source, column: Column, frame: pl.DataFrame) -> pl.Series:
    """Return the indices of cells that can't be read as the column's kind."""
    if source.typed:
        flags = source.raw.select(cells.unfit(column, source.dtype(column))).to_series()
    else:
        empty = source.raw.select(cells.written(column)).to_series().is_null()
        flags = frame[column.name].is_null() & ~empty
    return flags.arg_true().cast(pl.Int64)


def _unreadable(source: _Source, column: Column, at: pl.Series) -> list[Fault]:
    raw = source.raw[column.name]
    what, _ = cells.FORMS[column.kind]
    return _named(
        source, column, at, lambda i: messages.unreadable(column, raw[i]), f"that are not {what}"
    )


def _judged(source: _Source, column: Column, check: str, at: pl.Series) -> list[Fault]:
    values = source.raw[column.name]
    first: dict[object, int] = {}
    if column.unique and check == "field_uniqueness":
        at, first = _repeats(values, at, source.rows)

    def say(index: int) -> messages.Words:
        return messages.broken(column, check, values[index], first.get(values[index]))

    return _named(source, column, at, say, "like these")


def _repeats(
    values: pl.Series, at: pl.Series, rows: pl.Series
) -> tuple[pl.Series, dict[object, int]]:
    """Return the indices of second and later appearances, and the row of each first one."""
    told = pl.DataFrame({"at": at, "value": values[at], "row": rows[at]}).drop_nulls("value")
    later = told.filter(~pl.col("value").is_first_distinct())
    named = told.filter(pl.col("value").is_in(later["value"].head(NAMED).implode()))
    first = named.unique("value", keep="first", maintain_order=True)
    return later["at"], dict(zip(first["value"], first["row"], strict=True))


def _named(
    source: _Source,
    column: Column,
    at: pl.Series,
    say: Callable[[int], messages.Words],
    kind: str,
) -> list[Fault]:
    faults = []
    for index in at.head(NAMED):
        what, mend = say(index)
        faults.append(Fault(source.file, source.rows[index], column.name, what, mend))
    more = len(at) - NAMED
    if more > 0:
        what = f"and {more:,} more cell{'s' if more > 1 else ''} {kind}"
        rows = tuple(source.rows[at[NAMED:]])
        mend = "mend them in the same way"
        faults.append(Fault(source.file, None, column.name, what, mend, rows))
    return faults


def _no_clock(source: _Source, frame: pl.DataFrame) -> list[Fault]:
    """Return a fault where messages have neither times nor conversations."""
    if source.table.name != "messages" or Messages.SENT_AT not in frame.columns:
        return []
    timed = frame[Messages.SENT_AT].count() > 0
    if timed or Messages.CONVERSATION_ID in source.raw.columns:
        return []
    what = "messages have no times, and no conversation_id says which belong together"
    mend = "fill in sent_at, or add the column conversation_id with a value in each row"
    return [Fault(source.file, None, Messages.SENT_AT, what, mend)]


def _no_text(source: _Source, frame: pl.DataFrame) -> list[Fault]:
    """Return a fault where no message says anything: every behaviour would be "not shown"."""
    if source.table.name != "messages" or Messages.TEXT not in frame.columns:
        return []
    if frame[Messages.TEXT].count():
        return []
    mend = "export the chats again with their text"
    return [Fault(source.file, None, Messages.TEXT, "is empty from top to bottom", mend)]
