"""Chats as text to records: a pattern tells where a message begins, and what its head says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.errors import ImporterError
from csinsight.importers.reading import LINE_SCHEMA, NUL_REASON, Records, refused_rows
from csinsight.importers.text_files import read_text

#: Marks of direction and narrow blanks that phones put into what they export.
_MARKS: Final = str.maketrans(
    {**dict.fromkeys("\u200e\u200f\u202a\u202b\u202c\ufeff"), "\u202f": " "}
)
BEFORE_REASON: Final = "the line stands before the first that the pattern fits"


def read_patterned(path: Path, pattern: str, encoding: str | None = None) -> Records:
    r"""Return the messages of a text file, one record for each line that `pattern` fits.

    Parameters
    ----------
    path : Path
    pattern : str
        A regular expression; its named groups are the columns. A line that it does not fit goes on
        with what the last group of the message above holds.
    encoding : str or None

    Raises
    ------
    ImporterError
        Where no line fits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("9:05 Bo: Hi\nthere\n9:06 Al: Yes\n", encoding="utf-8")
    ...     records = read_patterned(file, r"^(?P<at>\S+) (?P<who>\w+): (?P<text>.*)$")
    >>> records.frame["text"].to_list()
    ['Hi\nthere', 'Yes']
    """
    head = re.compile(pattern)
    names = tuple(head.groupindex)
    places = [head.groupindex[name] - 1 for name in names]
    rows: list[tuple[int, list[str], list[str | None]]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        plain = line.translate(_MARKS).strip()
        found = head.match(plain) if plain else None
        if "\0" in line:
            bad.append((path.name, number, line, NUL_REASON))
        elif found:
            rows.append((number, [line], [found.groups()[place] for place in places]))
        elif plain and rows:
            _, raw, fields = rows[-1]
            raw.append(line)
            fields[-1] = f"{fields[-1]}\n{plain}" if fields[-1] else plain
        elif plain:
            bad.append((path.name, number, line, BEFORE_REASON))
    if not rows:
        first = bad[0][2].strip()[:60] if bad else ""
        raise ImporterError(
            f"{path.name}: no line fits the mapping's `line_pattern`; the first is {first!r}"
        )
    schema = {**LINE_SCHEMA, **dict.fromkeys(names, pl.String())}
    told = [(path.name, number, "\n".join(raw), *fields) for number, raw, fields in rows]
    return Records(
        path.name, names, pl.DataFrame(told, schema=schema, orient="row"), refused_rows(bad)
    )
