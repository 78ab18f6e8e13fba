"""Whether a file has the columns of its table: missing, doubled and misspelt names."""

from __future__ import annotations

from collections import Counter

from csinsight.contract.faults import Fault, Notice, nearest
from csinsight.contract.tables import Column, Table


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
    """Return the columns that are ignored but look like a misspelt optional one."""
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
