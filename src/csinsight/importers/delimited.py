"""Lines of a delimited file to fields, so that one broken quote costs one record, not the rest."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Final

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
