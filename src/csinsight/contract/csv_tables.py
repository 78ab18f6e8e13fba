"""CSV files as text: lines to fields, the contract's own headers and rows, and broken rows.

In other people's files one broken quote costs one record, not the rest. The contract's own are cut
in the same way, but nothing is guessed of them: the contract is UTF-8 and commas. Python's `csv`
decides what is a row and what is broken; Polars reads the values wherever the two agree, which is
everywhere but in odd files.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract import cells
from csinsight.contract.messages import NAMED, Fault
from csinsight.contract.textfile import SAMPLE, format_of, looks_chinese, misread

#: A quoted field may run over so many lines; beyond that the quote is taken for a broken one.
_LONGEST: Final = 500
#: csv refuses longer fields than 128 KiB unless told.
_FIELD_LIMIT: Final = 1 << 30


def split_records(
    lines: Sequence[str],
    separator: str,
    start: int,
    width: int,
    *,
    least: int | None = None,
    blank: bool = False,
) -> Iterator[tuple[int, str, list[str]]]:
    r"""Yield each record's first line number, raw text and fields, from line `start` on.

    Lines without any content beside separators are not records. A quoted field may hold line
    breaks; where a quote is never closed, the line stands alone and reading goes on below it.

    Parameters
    ----------
    lines : sequence of str
        All lines of the file, without line ends.
    separator : str
        One character.
    start : int
        Line number of the first record, from 1.
    width : int
        Number of columns: lines are only joined to records of this width.
    least : int or None
        Or down to this one, where the header ends in separators that rows may lack.
    blank : bool
        Whether to yield also what holds nothing beside separators.

    Examples
    --------
    >>> list(split_records(['a,"b', 'c"'], ",", 1, 2))
    [(1, 'a,"b\nc"', ['a', 'b\nc'])]
    """
    csv.field_size_limit(_FIELD_LIMIT)
    widths = range(width if least is None else least, width + 1)
    index = start - 1
    while index < len(lines):
        for line, fields in _each_alone(lines, index, separator):
            if blank or any(field.strip() for field in fields):
                yield index + 1, line, fields
            index += 1
        if index == len(lines):
            break
        taken, fields = _quoted(lines, index, separator, widths)
        if blank or any(field.strip() for field in fields):
            yield index + 1, "\n".join(lines[index : index + taken]), fields
        index += taken


def _each_alone(
    lines: Sequence[str], index: int, separator: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield lines from `index` on, as long as each is a record by itself, with their fields.

    One reader for all of them: to make one for each line takes longer than to read it.
    """
    # A list's own iterator would pass all lines above, again and again.
    below = (lines[place] for place in range(index, len(lines)))
    quoted = csv.reader(takewhile(_closed, below), delimiter=separator)
    for number in range(1, len(lines) - index + 1):
        try:
            fields = next(quoted)
        except (csv.Error, StopIteration):
            return
        # A quote that opens within a field and is not closed takes the next line in.
        if quoted.line_num != number:
            return
        line = lines[index + number - 1]
        yield line, fields if '"' in line else line.removesuffix("\r").split(separator)


def _closed(line: str) -> bool:
    return '"' not in line or line.count('"') % 2 == 0


def split_line(line: str, separator: str) -> list[str]:
    """Return the fields of one record; a line break inside quotes is kept.

    Examples
    --------
    >>> split_line('a,"b,c"', ",")
    ['a', 'b,c']
    """
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _quoted(
    lines: Sequence[str], index: int, separator: str, widths: range
) -> tuple[int, list[str]]:
    """Return how many lines the record that opens a quote takes, and its fields."""
    if not _opens(lines[index], separator):
        return 1, split_line(lines[index], separator)
    # To look at all of it again at each line would take a long field's square of time.
    odd = True
    for taken in range(2, min(_LONGEST, len(lines) - index) + 1):
        if taken > 2 and _is_record(lines[index + taken - 2], separator, widths):
            break
        odd ^= lines[index + taken - 1].count('"') % 2 == 1
        if odd:
            continue
        text = "\n".join(lines[index : index + taken])
        try:
            fields = next(csv.reader([text], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        if len(fields) in widths:
            return taken, fields
    return 1, lines[index].split(separator)


def _is_record(line: str, separator: str, widths: range) -> bool:
    """Tell whether a line within a quoted field would be a whole record itself."""
    return widths.start > 2 and len(split_line(line, separator)) in widths


def _opens(line: str, separator: str) -> bool:
    """Tell whether the line ends inside a quoted field; a quote inside a bare field does not."""
    return not _closed(line) and _breaks_quoting(line, separator)


_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
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


def read_csv(path: Path) -> Text:
    r"""Read a CSV file as text, with the faults of its encoding and of its rows.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x.csv"
    >>> _ = file.write_text("a,b\n1,2\n3\n", encoding="utf-8")
    >>> text = read_csv(file)
    >>> text.frame.rows(), [fault.row for fault in text.faults]
    ([('1', '2')], [3])
    """
    try:
        fault = _not_csv(path)
        if fault:
            return _nothing(fault)
        return _regular(path) or _irregular(path)
    except UnicodeDecodeError:
        return _nothing(_not_utf8(path))
    except OSError as error:
        return _nothing(
            Fault(path.name, None, None, f"can't be read ({error.strerror})", "see its rights")
        )


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


def _irregular(path: Path) -> Text:
    """Read a file record by record, and name those that are broken."""
    records = _records(path)
    row, raw, header = next(found for found in records if found[1].strip())
    if _breaks_quoting(raw):
        return _nothing(Fault(path.name, row, None, *_QUOTING))
    faults: list[Fault] = []
    whole: list[list[str]] = []
    numbers: list[int] = []
    for row, raw, fields in records:
        broken = _QUOTING if _breaks_quoting(raw) else _width(fields, len(header))
        if broken:
            faults.append(Fault(path.name, row, None, *broken))
        elif len(fields) == len(header):
            whole.append(fields)
            numbers.append(row)
    columns = list(zip(*whole, strict=True)) or [()] * len(header)
    names = _numbered(header)
    frame = pl.DataFrame(
        dict(zip(names, columns, strict=True)), schema=dict.fromkeys(names, pl.String)
    )
    more = [fault.row for fault in faults[NAMED:] if fault.row is not None]
    named = faults[:NAMED]
    if more:
        what = f"and {len(more):,} more broken row{'s' if len(more) > 1 else ''}"
        mend = "mend the rows above, then check again"
        named.append(Fault(path.name, None, None, what, mend, tuple(more)))
    return _text(path, header, frame, pl.Series("row", numbers, dtype=pl.Int64), named)


def _records(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each record's row, raw text and fields; lines above the header are records too.

    A line break inside quotes makes no row.
    """
    text = path.read_bytes().decode("utf-8-sig")
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    if not lines[-1]:
        lines.pop()
    top = next((number for number, line in enumerate(lines) if line.strip()), 0)
    header = split_line(lines[top].removesuffix("\r"), ",")
    yield from ((number + 1, lines[number], []) for number in range(top))
    yield top + 1, lines[top], header
    within = 0
    for number, raw, fields in split_records(lines, ",", top + 2, len(header), blank=True):
        yield number - within, raw, fields
        within += raw.count("\n")


def raw_records(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield each record of a CSV file as it stands there, with its row, the header's being 1.

    Rows are numbered as in the faults of `read_csv`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x.csv"
    >>> _ = file.write_text('a,b\n1,"two\nlines"\n3\n', encoding="utf-8")
    >>> list(raw_records(file))
    [(1, 'a,b\n'), (2, '1,"two\nlines"\n'), (3, '3\n')]
    """
    return ((row, f"{raw}\n") for row, raw, _ in _records(path))


def _width(fields: list[str], want: int) -> tuple[str, str] | None:
    """Return what is wrong with the number of fields, and the mend."""
    have = len(fields)
    if have == want or not any(field.strip() for field in fields):
        return None
    few = "few" if have < want else "many"
    mend = (
        "fill in the missing fields, with nothing between the commas where a value is unknown"
        if have < want
        else 'put a field that holds a comma between double quotes: "like, this"'
    )
    return f"has {have} fields, too {few} for the header's {want}", mend


def _breaks_quoting(raw: str, separator: str = ",") -> bool:
    if '"' not in raw:
        return False
    try:
        list(csv.reader([raw], delimiter=separator, strict=True))
    except csv.Error:
        return True
    return False


def _by_polars(path: Path, width: int, records: int) -> pl.DataFrame | None:
    try:
        frame = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.shape == (records, width) else None


def _numbered(header: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _nothing(*faults: Fault) -> Text:
    return Text([], pl.DataFrame(), pl.Series("row", [], dtype=pl.Int64), list(faults))


def _not_csv(path: Path) -> Fault | None:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        mend = "export it again, or remove it where the shop has no such table"
        empty = Fault(path.name, None, None, "is empty: it has not even a header", mend)
        return empty if path.stat().st_size <= len(head) else None
    if head.startswith(_UTF16) or head.count(0) > len(head) // 4:
        wide = "UTF-32" if head.startswith(_UTF32) else "UTF-16"
        mend = _CONVERT.format(encoding=wide, name=path.name)
        return Fault(path.name, None, None, f"is not UTF-8: it is {wide}", mend)
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
