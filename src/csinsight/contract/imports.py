"""``imports.jsonl``: what was imported into a shop's folder, one line a file.

The report reads it: how much of a file was refused, in rows and in money, belongs beside what is
made of the rest. A line that is broken is set aside and named, it stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

RECORD: Final = "imports.jsonl"
_ORDERS: Final = "orders"
#: Share of rows, or of money, from which a refusal is named in the brief.
WORTH_NAMING: Final = 0.02


class Refusal(BaseModel):
    """Rows refused for one reason, and what they are worth where they tell money."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: int
    money: float | None = None


class LateRefund(BaseModel):
    """Money given back for an order that an earlier import brought, as a row of its own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    order_id: str
    at: str | None = None
    amount: float


#: What is told of a file beside its refused rows: sheets of it were not read; times without a zone
#: stand beside times with one; lines of an order differ in their refund only and count as one;
#: nothing tells whether its chats are of one shop; it has as many rows as exports are cut at;
#: times lie in the hour that the shop's clock tells twice when it is set back.
NoteKind = Literal[
    "unread_sheets", "no_zone", "like_lines", "untold_shop", "may_be_cut", "repeated_hour"
]


class FileNote(BaseModel):
    """What there is to mind of a file although none of its rows was refused for it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: NoteKind
    #: How often, and how many rows it is about.
    count: int = 1
    rows: int = 0


class ImportRecord(BaseModel):
    """One file of one import.

    ``rows_in == rows_used + rows_repeated + rows_refused``; money in the same way, what repeats
    another row being in neither of the two sums. ``currency`` holds the ISO codes that the file
    names, ``clock`` the minutes from UTC of its times, ``shops`` those that its rows
    name as sellers. ``late_refunds`` were added to orders of earlier imports: none is twice.
    Files of one name are told apart by the folders above them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: int = 0
    file: str
    sha256: str
    format: str
    mapping: str | None = None
    timezone: str | None = None
    tables: list[str] = []
    rows_in: int
    rows_used: int
    rows_repeated: int = 0
    rows_refused: int
    money_in: float | None = None
    money_used: float | None = None
    money_refused: float | None = None
    refused: dict[str, Refusal] = {}
    currency: list[str] = []
    clock: list[int] = []
    exported: str | None = None
    shops: list[str] = []
    late_refunds: list[LateRefund] = []
    notes: list[FileNote] = []


def read_imports(folder: Path) -> list[ImportRecord]:
    """Return the record of imports into `folder`; empty where there is none.

    A broken line is left out: see `broken_lines`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> counts = {"rows_in": 3, "rows_used": 2, "rows_refused": 1}
    >>> given = {"file": "x.csv", "sha256": "0", "format": "taobao_orders"}
    >>> write_imports(folder, [ImportRecord(**given, **counts)])
    >>> [entry.rows_used for entry in read_imports(folder)]
    [2]
    """
    return [entry for entry, _ in _lines(folder) if entry is not None]


def standing_imports(folder: Path) -> list[ImportRecord]:
    """Return the record without what a later import of the same file took the place of.

    Orders of a file that is imported once more, by a mapping that was mended, say, are taken as
    they are now read: what was refused the first time is no loss any more.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> given = {"file": "x.csv", "sha256": "0", "format": "mapping", "tables": ["orders"]}
    >>> first = ImportRecord(**given, mapping="1", rows_in=3, rows_used=1, rows_refused=2)
    >>> again = ImportRecord(**given, mapping="2", rows_in=3, rows_used=3, rows_refused=0)
    >>> write_imports(folder, [first, again])
    >>> [entry.mapping for entry in standing_imports(folder)]
    ['2']
    """
    entries = read_imports(folder)
    last = {entry.sha256: n for n, entry in enumerate(entries) if _ORDERS in entry.tables}
    return [
        entry
        for n, entry in enumerate(entries)
        if _ORDERS not in entry.tables or last[entry.sha256] == n
    ]


def broken_lines(folder: Path) -> list[int]:
    r"""Return the numbers of the lines of the record that can't be read.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / RECORD).write_text("{}\n", encoding="utf-8")
    >>> broken_lines(folder)
    [1]
    """
    return [number for entry, number in _lines(folder) if entry is None]


def _lines(folder: Path) -> list[tuple[ImportRecord | None, int]]:
    path = folder / RECORD
    if not path.is_file():
        return []
    found: list[tuple[ImportRecord | None, int]] = []
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append((ImportRecord.model_validate_json(line), number))
        except ValidationError:
            found.append((None, number))
    return found


def write_imports(folder: Path, entries: Sequence[ImportRecord]) -> None:
    """Write the record of imports into `folder`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_imports(folder, [])
    >>> read_imports(folder)
    []
    """
    text = "".join(f"{entry.model_dump_json()}\n" for entry in entries)
    (folder / RECORD).write_text(text, encoding="utf-8")
