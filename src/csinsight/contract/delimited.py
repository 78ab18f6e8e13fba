"""Lines of a delimited file to fields, so that one broken quote costs one record, not the rest."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

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
    if line.count('"') % 2 == 0:
        return False
    try:
        list(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return True
    return False
