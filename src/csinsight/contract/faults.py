"""What is wrong with a shop's files, in words that say where and how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

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
    """

    file: str
    row: int | None
    column: str | None
    what: str
    mend: str

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
    """Return a cell for a message: clipped, and without what may be a phone or order number."""
    text = re.sub(r"[0-9]{11,}", "•••", str(value))
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `name` is most likely meant to be, if any."""
    plain = {re.sub(r"[\s_-]", "", candidate).lower(): candidate for candidate in known}
    near = difflib.get_close_matches(re.sub(r"[\s_-]", "", name).lower(), plain, n=1, cutoff=0.75)
    return plain[near[0]] if near else None
