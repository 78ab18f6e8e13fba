"""Reading a CSV file as text: its encoding, its header, and rows that are broken.

Python's `csv` decides what is a row and what is broken; Polars reads the values wherever the two
agree, which is everywhere but in odd files.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract import cells
from csinsight.contract.messages import NAMED, Fault
from csinsight.contract.misread import SAMPLE, misread

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: What a file is whose first bytes are these, whatever its name says.
_OTHER_FORMATS: Final = {
    b"PK\x03\x04": "an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"%PDF": "a PDF document",
}
_CONVERT: Final = "save it as 'CSV UTF-8' or run: iconv -f {encoding} -t UTF-8 {name} > new.csv"
_QUOTING: Final = (
    "a double quote opens here that is never closed, or is closed in mid-field",
    'close it at the end of the field, and write a quote inside a field twice: "5"" wide"',
)
_IMPORT: Final = "; a platform's own export in GBK is read by csinsight import"


@dataclass(frozen=True)
class Text:
    """A CSV file as text.

    Parameters
    ----------
    header : list of str
        As written.
    frame : polars.DataFrame
        The rows that are not broken or blank, all of them strings; the second and later columns
        of one name are called ``name#2`` and so on.
    rows : polars.Series
        The row of the file, header included, that each row of `frame` is.
    faults : list of Fault
    """

    header: list[str]
    frame: pl.DataFrame
    rows: pl.Series
    faults: list[Fault] = field(default_factory=list)


def read_text(path: Path) -> Text:
    r"""Read a CSV file as text, with the faults of its encoding and of its rows.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x.csv"
    >>> _ = file.write_text("a,b\n1,2\n3\n", encoding="utf-8")
    >>> text = read_text(file)
    >>> text.frame.rows(), [fault.row for fault in text.faults]
    ([('1', '2')], [3])
    """
    try:
        fault = _not_csv(path)
        return _nothing(fault) if fault else _read(path)
    except UnicodeDecodeError:
        return _nothing(_not_utf8(path))
    except OSError as error:
        return _nothing(
            Fault(path.name, None, None, f"can't be read ({error.strerror})", "see its rights")
        )


def _read(path: Path) -> Text:
    quick = _regular(path)
    if quick is not None:
        return quick
    rows = _Rows(path)
    records = sum(1 for _ in rows)
    if not rows.header:
        return _nothing(*(rows.faults or [_empty(path)]))
    frame = None if rows.faults else _by_polars(path, len(rows.header), records)
    if frame is None:
        frame = _by_python(path)
    numbers = pl.Series("row", range(rows.first, rows.first + records), dtype=pl.Int64)
    numbers = numbers.filter(~numbers.is_in(pl.Series(rows.broken, dtype=pl.Int64).implode()))
    return _text(path, rows.header, frame, numbers, rows.named_faults())


def _regular(path: Path) -> Text | None:
    """Read a file without a blank or broken row; None for any other."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        records = 0
        try:
            header = next(reader, [])
            width = len(header)
            for record in reader:
                if len(record) != width:
                    return None
                records += 1
        except csv.Error:
            return None
    frame = _by_polars(path, width, records) if header else None
    if frame is None:
        return None
    numbers = pl.Series("row", range(2, records + 2), dtype=pl.Int64)
    return _text(path, header, frame, numbers, [])


def _text(
    path: Path, header: list[str], frame: pl.DataFrame, rows: pl.Series, faults: list[Fault]
) -> Text:
    frame.columns = _numbered(header)
    faults = [*faults, *_lost(path, frame, rows)]
    full = frame.select(cells.not_blank(frame.columns)).to_series()
    if not full.all():
        frame, rows = frame.filter(full), rows.filter(full)
    return Text(header, frame, rows, faults)


def _lost(path: Path, frame: pl.DataFrame, rows: pl.Series) -> Iterator[Fault]:
    """Yield where a file is damaged although it is CSV in UTF-8."""
    damaged = frame.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True)))
    for row in rows.filter(damaged.to_series())[:NAMED]:
        yield Fault(
            path.name, row, None, "holds a NUL byte", "export the file again as plain CSV in UTF-8"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        wrong = misread(file.read(SAMPLE))
    if wrong:
        what, mend = wrong.rsplit("; ", 1)
        yield Fault(path.name, None, None, what, mend)


class _Rows:
    """The records of a CSV file after its header; broken ones are kept as faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: list[str] = []
        self.first = 2
        self.faults: list[Fault] = []
        self.broken: list[int] = []

    def __iter__(self) -> Iterator[list[str] | None]:
        """Yield each record: its fields, or None where it is broken."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file)
            row = 0
            while True:
                row += 1
                try:
                    record = next(lines.reader)
                except StopIteration:
                    return
                except csv.Error:
                    lines.give_back()
                    self._broken(row, *_QUOTING)
                    if not self.header:
                        return
                    yield None
                    continue
                finally:
                    lines.forget()
                if not self.header:
                    self.header, self.first = record, row + 1
                    continue
                yield self._whole(row, record)

    def named_faults(self) -> list[Fault]:
        """Return the first faults, and how many more there are."""
        more = self.broken[NAMED:]
        rest = [_and_more(self.path, more)] if more else []
        return [*self.faults[:NAMED], *rest]

    def _whole(self, row: int, record: list[str]) -> list[str] | None:
        have, want = len(record), len(self.header)
        if have == want:
            return record
        if not record or not (record[0].strip() or any(record[1:])):
            return [""] * want
        few = "few" if have < want else "many"
        mend = (
            "fill in the missing fields, with nothing between the commas where a value is unknown"
            if have < want
            else 'put a field that holds a comma between double quotes: "like, this"'
        )
        self._broken(row, f"has {have} fields, too {few} for the header's {want}", mend)
        return None

    def _broken(self, row: int, what: str, mend: str) -> None:
        self.faults.append(Fault(self.path.name, row, None, what, mend))
        self.broken.append(row)


def raw_records(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield each record of a CSV file as it stands there, with its row, the header's being 1.

    Rows are numbered as in the faults of `read_text`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x.csv"
    >>> _ = file.write_text('a,b\n1,"two\nlines"\n3\n', encoding="utf-8")
    >>> list(raw_records(file))
    [(1, 'a,b\n'), (2, '1,"two\nlines"\n'), (3, '3\n')]
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file)
        for row in count(1):
            try:
                next(lines.reader)
                raw = "".join(lines.record)
            except StopIteration:
                return
            except csv.Error:
                raw = lines.record[0]
                lines.give_back()
            lines.forget()
            yield row, raw


class _Lines:
    """The lines of a file, able to give back those of a record that never closed its quote."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.record: list[str] = []
        self.reader = csv.reader(self, strict=True)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.record.append(line)
        return line

    def give_back(self) -> None:
        """Put back all lines of the present record but its first."""
        self._again.extend(reversed(self.record[1:]))
        # The reader goes on as if new: its own state still waits for the closing quote.
        self.reader = csv.reader(self, strict=True)

    def forget(self) -> None:
        """Start the next record."""
        self.record.clear()


def _by_polars(path: Path, width: int, records: int) -> pl.DataFrame | None:
    try:
        frame = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.shape == (records, width) else None


def _by_python(path: Path) -> pl.DataFrame:
    rows = _Rows(path)
    whole = [record for record in rows if record is not None]
    columns: list[tuple[str, ...]] = list(zip(*whole, strict=True)) or [()] * len(rows.header)
    names = _numbered(rows.header)
    return pl.DataFrame(
        {n: pl.Series(n, v, dtype=pl.String) for n, v in zip(names, columns, strict=True)}
    )


def _numbered(header: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _nothing(*faults: Fault) -> Text:
    return Text([], pl.DataFrame(), pl.Series("row", [], dtype=pl.Int64), list(faults))


def _empty(path: Path) -> Fault:
    mend = "export it again, or remove it where the shop has no such table"
    return Fault(path.name, None, None, "is empty: it has not even a header", mend)


def _and_more(path: Path, more: list[int]) -> Fault:
    what = f"and {len(more):,} more broken row{'s' if len(more) > 1 else ''}"
    mend = "mend the rows above, then check again"
    return Fault(path.name, None, None, what, mend, tuple(more))


def format_of(head: bytes) -> str:
    r"""Return what a file is by its first bytes, in words; empty for text.

    Examples
    --------
    >>> format_of(b"PK\x03\x04 ..."), format_of(b"order_id,paid_amount")
    ('an Excel workbook', '')
    """
    return next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), "")


def _not_csv(path: Path) -> Fault | None:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        return _empty(path) if path.stat().st_size <= len(head) else None
    if head.startswith(_UTF16) or head.count(0) > len(head) // 4:
        mend = _CONVERT.format(encoding="UTF-16", name=path.name)
        return Fault(path.name, None, None, "is not UTF-8: it is UTF-16", mend)
    name = format_of(head)
    if not name:
        return None
    mend = f"save it as CSV in UTF-8 under this name, or name it for what it is ({name})"
    return Fault(path.name, None, None, f"is {name}, not CSV", mend)


def _not_utf8(path: Path) -> Fault:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start
    row = data.count(b"\n", 0, start) + 1
    if looks_chinese(data):
        mend = _CONVERT.format(encoding="GB18030", name=path.name) + _IMPORT
        return Fault(path.name, row, None, "is not UTF-8: it looks like GBK (GB18030)", mend)
    what = f"is not UTF-8: byte 0x{data[start]:02x} here can't be read"
    mend = "save the file as 'CSV UTF-8', or mend the characters of this row"
    return Fault(path.name, row, None, what, mend)


def looks_chinese(data: bytes) -> bool:
    """Tell whether GB18030 turns the bytes into mostly common Chinese characters and marks.

    UTF-8 with a broken byte would pass that too: it is mostly right as UTF-8.

    Examples
    --------
    >>> looks_chinese("您好，在的".encode("gb18030")), looks_chinese("Größe".encode("latin-1"))
    (True, False)
    """
    sample = data[: 1 << 20]
    as_utf8 = re.sub(r"[\x00-\x7f]", "", sample.decode("utf-8", errors="replace"))
    if as_utf8.count("\ufffd") <= 0.5 * len(as_utf8):
        return False
    text = sample.decode("gb18030", errors="replace")
    foreign = re.sub(r"[\x00-\x7f]", "", text)
    common = re.findall(r"[\u4e00-\u9fa5\u3000-\u303f\uff00-\uffef\u2010-\u2030\u00b7]", foreign)
    # A Western letter within a word makes a character with the one behind it: one, alone.
    within = re.findall(r"[A-Za-z][^\x00-\x7f](?![^\x00-\x7f])", text)
    if len(within) > 0.5 * len(re.findall(r"[^\x00-\x7f]+", text)):
        return False
    return bool(foreign) and len(common) >= 0.8 * len(foreign)
