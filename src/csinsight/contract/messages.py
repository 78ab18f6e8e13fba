"""What is wrong with a shop's files, in words that say where it is and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from csinsight.config import nearest
from csinsight.contract import cells, constraints
from csinsight.contract.schema import Column

#: Bad cells that are named one by one for each column and kind of fault; the rest is counted.
NAMED: Final = 20
_LONGEST: Final = 40


@dataclass(frozen=True)
class Fault:
    """One thing that keeps a file from being read as the contract says.

    Parameters
    ----------
    file : str
        Name of the file (or of the folder), without its path.
    row : int or None
        Row as a spreadsheet shows it, the header being row 1; in Parquet the first row is 1.
    column : str or None
    what : str
        What is wrong.
    mend : str
        What to do about it.
    rows : tuple of int
        Where it stands for many: the rows that it counts and does not name.
    """

    file: str
    row: int | None
    column: str | None
    what: str
    mend: str
    rows: tuple[int, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        """Return the fault as one line."""
        row = f", row {self.row}" if self.row is not None else ""
        column = f", column {self.column}" if self.column is not None else ""
        return f"{self.file}{row}{column}: {self.what}; {self.mend}"


@dataclass(frozen=True)
class Notice:
    """Something to know about the files that is no fault.

    Parameters
    ----------
    file : str
    what : str
    kind : str
        What a report calls it (``notice.<kind>`` of its words); empty where it is for the person
        at the command line alone.
    values : dict of str to int
        The counts in it, ``found`` of ``all``, for a report to write in its own language.
    """

    file: str
    what: str
    kind: str = ""
    values: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the notice as one line."""
        return f"{self.file}: {self.what}"


def shown(value: object) -> str:
    """Return a cell for a message: clipped, and without what may be a phone or order number.

    Examples
    --------
    >>> shown("order 3400094568650592338")
    "'order •••'"
    """
    text = re.sub(r"[0-9]{11,}", "•••", str(value))
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


Words = tuple[str, str]

_ZONED: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ ?(Z|z|UTC|[+-][0-9]{2}:?[0-9]{2})$"
_UNKNOWN: Final = ("-", "--", "na", "n/a", "nan", "null", "none", "nat", "inf", "-inf", "暂无数据")


def unreadable(column: Column, value: object) -> Words:
    """Return the words for a cell that is not of its column's kind.

    Examples
    --------
    >>> from csinsight.contract.schema import ORDERS
    >>> unreadable(ORDERS.column("paid_amount"), "1,234.50")
    ("'1,234.50' is not a number", 'write it without thousands marks: 1234.50')
    """
    text = str(value).strip()
    what, mend = cells.FORMS[column.kind]
    if text.lower() in _UNKNOWN and column.kind != "str":
        return f"{shown(text)} is not {what}", "leave the cell empty where the value is not known"
    if column.kind in ("datetime", "date"):
        if re.fullmatch(_ZONED, text):
            return f"{shown(text)} carries a time zone", "write local shop time without a zone"
        if re.fullmatch(r"[0-9]{10}|[0-9]{13}", text):
            return f"{shown(text)} is a count of seconds, not {what}", mend
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", text):
            return f"{shown(text)} is not {what} of the calendar", mend
        return f"{shown(text)} is not {what}", mend
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?", text):
        mend = f"write it without thousands marks: {text.replace(',', '')}"
    return f"{shown(text)} is not {what}", mend


def broken(column: Column, check: str, value: object, first_row: int | None) -> Words:
    """Return the words for a cell that breaks the check called `check`.

    Parameters
    ----------
    column : Column
    check : str
        A name of `csinsight.contract.cells`.
    value : object
    first_row : int or None
        For a doubled identifier, the row where it stands first.

    Examples
    --------
    >>> from csinsight.contract.schema import RATINGS
    >>> broken(RATINGS.column("score"), "at_most", 7, None)
    ("'7' is above 5", 'write 1 (worst) to 5 (best), 5 or less')
    """
    if check == "field_uniqueness":
        return f"the same {column.name} is in row {first_row} already", "keep one row for each"
    if check in _WORDS:
        return _WORDS[check]
    return _LIMITS[check](column, value)


def _one_of(column: Column, value: object) -> Words:
    near = nearest(str(value), column.one_of)
    mend = f"write {near}" if near else f"write one of {', '.join(column.one_of)}"
    return f"{shown(value)} is not a known {column.name}", mend


def _empty(column: Column, _: object) -> Words:
    return "is empty", f"write {column.meaning}, or leave the row out"


_LIMITS: Final[dict[str, Callable[[Column, object], Words]]] = {
    "not_nullable": _empty,
    "one_of": _one_of,
    "at_least": lambda column, value: (
        f"{shown(value)} is below {column.at_least:g}",
        f"write {column.meaning}, {column.at_least:g} or more",
    ),
    "at_most": lambda column, value: (
        f"{shown(value)} is above {column.at_most:g}",
        f"write {column.meaning}, {column.at_most:g} or less",
    ),
}
_WORDS: Final[dict[str, Words]] = {
    "all_or_nothing": (
        "is empty while other rows are filled",
        "fill it in, leave the row out, or empty the whole column where nobody knows",
    ),
    "years": (
        f"lies before the year {constraints.FIRST_YEAR} or more than "
        f"{constraints.YEARS_AHEAD} years ahead",
        "write the year in four digits, or leave the row out",
    ),
    "spaces": ("has spaces or tabs around it", "take them off, so that it matches other tables"),
    "spoilt": (
        "was spoilt by a spreadsheet, which wrote it as a power of ten",
        "export it again and open it with this column as text; the digits are lost here",
    ),
    "wrapped": (
        'is wrapped as a formula, ="…"',
        "take the wrapping off, or turn the platform's export into tables with csinsight import",
    ),
    "paid_after_placed": ("lies before placed_at", "check both times: an order is placed first"),
    "refund_within_paid": ("is more than paid_amount", "check both: a refund can't exceed it"),
    "same_as_known": (
        "names no other agent's row, or one that is another's account itself",
        "write the agent_id under which both accounts count, or leave it empty",
    ),
    "talk_known": (
        "is empty where sent_at is empty too",
        "write which conversation an untimed message belongs to",
    ),
    "talk_of_one_buyer": (
        "is on an earlier row of another buyer too, and a conversation is one buyer's",
        "give each buyer's conversations ids of their own, such as buyer_id-1 and buyer_id-2",
    ),
}
