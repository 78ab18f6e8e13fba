"""Refused rows in ``rejects.csv``: each with its line and reason, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.write import guarded
from csinsight.importers.reading import REFUSED_SCHEMA, Line

REJECTS: Final = "rejects.csv"
COLUMNS: Final = ("import", "format", "file", "line", "reason", "raw", "money")
_LONGEST: Final = 2000


def cell_of(text: str) -> str:
    """Return `text` as a cell that no spreadsheet runs, without NUL and not too long.

    Examples
    --------
    >>> cell_of("=1+1")
    "'=1+1"
    """
    text = text.replace("\0", "\u2400")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"
    return guarded(text)


def read_rejects(path: Path, numbers: Collection[int]) -> list[list[str]]:
    r"""Return the rows of an existing file that belong to the imports `numbers`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / REJECTS
    ...     _ = file.write_text("import,file\n1,a.csv\n2,b.csv\n", encoding="utf-8")
    ...     read_rejects(file, {2})
    [['2', 'b.csv']]
    """
    if not path.exists():
        return []
    wanted = {str(number) for number in numbers}
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row and row[0] in wanted]


def write_rejects(
    path: Path, earlier: list[list[str]], number: int, name: str, refused: pl.DataFrame
) -> None:
    """Write refused rows below those of earlier imports.

    UTF-8 with a byte order mark: spreadsheets in China take it for GBK otherwise.

    Parameters
    ----------
    path : pathlib.Path
    earlier : list of list of str
        Rows as they stand in the file of before.
    number : int
        Of this import.
    name : str
        Its format.
    refused : polars.DataFrame
        As `REFUSED_SCHEMA`.

    Examples
    --------
    >>> import tempfile
    >>> row = {"_file": "a.csv", "_line": 2, "_raw": "=1+1", "_reason": "n is no number"}
    >>> refused = pl.DataFrame([row | {"_money": 9.5}])
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_rejects(Path(name) / REJECTS, [], 1, "map", refused)
    ...     read_rejects(Path(name) / REJECTS, {1})
    [['1', 'map', 'a.csv', '2', 'n is no number', "'=1+1", '9.50']]
    """
    rows = refused.select(*REFUSED_SCHEMA).sort(Line.FILE, Line.NUMBER, maintain_order=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(earlier)
        for source, line, raw, reason, money in rows.iter_rows():
            worth = "" if money is None else f"{money:.2f}"
            cells = (name, cell_of(source), str(line), cell_of(reason), cell_of(raw), worth)
            writer.writerow((str(number), *cells))
