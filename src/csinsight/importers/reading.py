"""Lines of a delimited file to fields, so that one broken quote costs one record, not the rest.

Reading other people's files: bytes to text, text to lines, records and workbook rows.

Nothing here raises on what a line holds: a line that can't be a record comes back with the
reason, so that the importers can refuse it alone. Only a file as a whole (unreadable, empty,
in no known encoding) is an `ImporterError`.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.errors import ImporterError

#: A quoted field may run over so many lines; beyond that the quote is taken for a broken one.
_LONGEST: Final = 50
#: csv refuses longer fields than 128 KiB unless told.
_FIELD_LIMIT: Final = 1 << 30


def split_records(
    lines: Sequence[str], separator: str, start: int, width: int
) -> list[tuple[int, str, list[str]]]:
    """Return each record's first line number, raw text and fields, from line `start` on.

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
    """
    csv.field_size_limit(_FIELD_LIMIT)
    records = []
    index = start - 1
    while index < len(lines):
        taken, fields = 1, lines[index].split(separator)
        if '"' in lines[index]:
            taken, fields = _quoted(lines, index, separator, width)
        if any(field.strip() for field in fields):
            records.append((index + 1, "\n".join(lines[index : index + taken]), fields))
        index += taken
    return records


def split_line(line: str, separator: str) -> list[str]:
    """Return the fields of one record; a line break inside quotes is kept."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _quoted(lines: Sequence[str], index: int, separator: str, width: int) -> tuple[int, list[str]]:
    if not _opens(lines[index], separator):
        return 1, split_line(lines[index], separator)
    text = lines[index]
    for taken in range(2, min(_LONGEST, len(lines) - index) + 1):
        text += "\n" + lines[index + taken - 1]
        if text.count('"') % 2 == 0:
            fields = split_line(text, separator)
            if len(fields) == width:
                return taken, fields
    return 1, lines[index].split(separator)


def _opens(line: str, separator: str) -> bool:
    """Tell whether the line ends inside a quoted field; a quote inside a bare field does not."""
    if line.count('"') % 2 == 0:
        return False
    try:
        list(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return True
    return False


class Line:
    """Columns that every row carries on its way through an importer."""

    FILE = "_file"
    NUMBER = "_line"
    RAW = "_raw"
    REASON = "_reason"


#: Schema of a frame of lines: the file's name, the line number from 1, and the line itself.
LINE_SCHEMA: Final = {Line.FILE: pl.String(), Line.NUMBER: pl.Int64(), Line.RAW: pl.String()}
REFUSED_SCHEMA: Final = {**LINE_SCHEMA, Line.REASON: pl.String()}

NUL_REASON: Final = "the line holds a NUL character: the export is damaged here"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: So many characters beyond ASCII before the first fault don't happen to be UTF-8 by chance.
_SURELY_UTF8: Final = 8


@dataclass(frozen=True)
class Records:
    """The records of one delimited file or workbook sheet.

    Parameters
    ----------
    file : str
        Name for messages (with the sheet, for a workbook).
    header : tuple of str
        Column names, stripped unless told otherwise, made unique.
    frame : polars.DataFrame
        The columns of `Line` (without the reason) and one string column a header name.
    damaged : polars.DataFrame
        Records that don't fit the header, as `REFUSED_SCHEMA`.
    """

    file: str
    header: tuple[str, ...]
    frame: pl.DataFrame
    damaged: pl.DataFrame


def read_bytes(path: Path) -> bytes:
    """Return the bytes of `path`; `ImporterError` where it can't be read or is empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImporterError(f"{path}: can't be read ({error.strerror})") from error
    if not data.strip():
        raise ImporterError(f"{path.name}: is empty; export it again")
    return data


def decode(data: bytes, name: str) -> str:
    """Return `data` as text: by its byte order mark, else strict UTF-8, else GB18030.

    Raises
    ------
    ImporterError
        Naming the byte where neither encoding goes on.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_as(data[len(mark) :], encoding, name, len(mark))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        if sum(not character.isascii() for character in before) >= _SURELY_UTF8:
            raise ImporterError(_fault(name, data, error.start, "UTF-8")) from error
    return _decode_as(data, "gb18030", name, 0)


def _decode_as(data: bytes, encoding: str, name: str, offset: int) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        tried = "UTF-8 nor GB18030" if encoding == "gb18030" else encoding.upper()
        raise ImporterError(_fault(name, data, start, tried, offset)) from error


def _fault(name: str, data: bytes, start: int, tried: str, offset: int = 0) -> str:
    line = data.count(b"\n", 0, start) + 1
    neither = "neither " if " nor " in tried else "not "
    return (
        f"{name}, line {line}: byte {start + offset} is {neither}{tried}; "
        "save the file again as UTF-8, or export it again"
    )


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return the text of `path` with every line end as a newline.

    Parameters
    ----------
    path : Path
    encoding : str or None
        Told by a mapping; None to find out as `decode` does.
    """
    data = read_bytes(path)
    text = decode(data, path.name) if encoding is None else _told(data, encoding, path.name)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _told(data: bytes, encoding: str, name: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise ImporterError(f"encoding {encoding!r} is unknown; use utf-8 or gb18030") from error
    return _decode_as(data, encoding, name, 0)


def read_lines(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines of `path` that hold something, and those with a NUL as refused.

    Returns
    -------
    tuple of polars.DataFrame
        `LINE_SCHEMA` and `REFUSED_SCHEMA`.
    """
    text = pl.Series([read_text(path)]).str.split("\n").explode()
    frame = (
        pl.DataFrame({Line.RAW: text})
        .with_row_index(Line.NUMBER, offset=1)
        .select(
            pl.lit(path.name).alias(Line.FILE),
            pl.col(Line.NUMBER).cast(pl.Int64),
            pl.col(Line.RAW),
        )
        .filter(pl.col(Line.RAW).str.strip_chars() != "")
    )
    nul = pl.col(Line.RAW).str.contains("\0", literal=True)
    return frame.filter(~nul), refuse(frame.filter(nul), NUL_REASON)


def read_all_lines(
    files: Iterable[Path], mapping: Path | None, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines of `files` as `read_lines` does, for the format `name` without a mapping.

    Raises
    ------
    ImporterError
        Where a mapping is given, or a file can't be read.
    """
    if mapping is not None:
        raise ImporterError(f"{name} takes no mapping; leave --mapping out")
    read = [read_lines(path) for path in files]
    return pl.concat([good for good, _ in read]), stack((bad for _, bad in read), REFUSED_SCHEMA)


def refuse(frame: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Return the lines of `frame`, all refused for `reason`, as `REFUSED_SCHEMA`."""
    return frame.select(*LINE_SCHEMA, pl.lit(reason).alias(Line.REASON))


def stack(frames: Iterable[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return frames of one schema below each other; an empty frame where there are none."""
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def read_records(
    path: Path,
    separator: str | None = None,
    encoding: str | None = None,
    *,
    header_line: int = 1,
    strip: bool = True,
) -> Records:
    """Return the records of a delimited text file.

    Parameters
    ----------
    path : Path
    separator : str or None
        One character; None takes the one of comma, tab and semicolon that the header has most.
    encoding : str or None
    header_line : int
        The line that names the columns, from 1; what stands above is not read.
    strip : bool
        Whether blanks around header names go.
    """
    lines = read_text(path, encoding).split("\n")
    while header_line <= len(lines) and not lines[header_line - 1].strip():
        header_line += 1
    if header_line > len(lines):
        raise ImporterError(f"{path.name}: has no header on line {header_line}")
    top = lines[header_line - 1]
    separator = separator or max(",\t;", key=top.count)
    names = split_line(top, separator)
    rows = split_records(lines, separator, header_line + 1, len(names))
    return gather(path.name, names, rows, strip=strip)


def gather(
    file: str,
    names: Sequence[str | None],
    rows: Iterable[tuple[int, str, Sequence[str | None]]],
    *,
    strip: bool = True,
) -> Records:
    """Return rows (line number, raw text, fields) as `Records` under the header `names`."""
    header = _header(names, strip=strip)
    good: list[tuple[str | int | None, ...]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, raw, fields in rows:
        extra = [field for field in fields[len(header) :] if field and field.strip()]
        if "\0" in raw:
            bad.append((file, number, raw, NUL_REASON))
        elif len(fields) < len(header) or extra:
            reason = f"the record has {len(fields)} fields, the header {len(header)}"
            bad.append((file, number, raw, reason))
        else:
            good.append((file, number, raw, *fields[: len(header)]))
    schema = {**LINE_SCHEMA, **dict.fromkeys(header, pl.String())}
    return Records(
        file,
        header,
        pl.DataFrame(good, schema=schema, orient="row"),
        pl.DataFrame(bad, schema=REFUSED_SCHEMA, orient="row"),
    )


def _header(names: Sequence[str | None], *, strip: bool) -> tuple[str, ...]:
    taken = set(REFUSED_SCHEMA)
    header = []
    for index, name in enumerate(names, start=1):
        text = (name or "").lstrip("\ufeff")
        unique = base = (text.strip() if strip else text) or f"column {index}"
        copy = 2
        while unique in taken:
            unique, copy = f"{base}_{copy}", copy + 1
        taken.add(unique)
        header.append(unique)
    return tuple(header)
