"""Reading the sheets of an Excel workbook as text."""

from __future__ import annotations

from pathlib import Path

import fastexcel
import polars as pl

from csinsight.importers.reading import ImporterError, Records, gather, read_bytes

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb")


def read_workbook(path: Path, sheet: str | None = None) -> dict[str, pl.DataFrame]:
    """Return the sheets of a workbook, every cell as text, by sheet name.

    Parameters
    ----------
    path : Path
    sheet : str or None
        The one sheet to read; None for all.

    Raises
    ------
    ImporterError
        Where the file is no workbook or has no such sheet.
    """
    data = read_bytes(path)
    try:
        book = fastexcel.read_excel(data)
    except Exception as error:  # fastexcel raises its own kinds and, on hostile files, panics
        raise ImporterError(
            f"{path.name}: can't be read as a workbook; save it again as .xlsx"
        ) from error
    if sheet is not None and sheet not in book.sheet_names:
        # Sheets may bear customers' names, so they are not listed.
        count = len(book.sheet_names)
        raise ImporterError(f"{path.name}: none of its {count} sheets is called {sheet!r}")
    return {
        name: _load(book, name, path.name)
        for name in book.sheet_names
        if sheet is None or name == sheet
    }


def sheet_records(
    file: str, grid: pl.DataFrame, *, header_line: int = 1, strip: bool = True
) -> Records:
    """Return a sheet's rows under the header in row `header_line` (from 1) as `Records`."""
    rows = grid.rows()
    if len(rows) < header_line:
        raise ImporterError(f"{file}: has no header on row {header_line}")
    names = list(rows[header_line - 1])
    while names and not (names[-1] or "").strip():
        names.pop()
    below = (
        (number, "\t".join(cell or "" for cell in row), row)
        for number, row in enumerate(rows[header_line:], start=header_line + 1)
        if any(cell and cell.strip() for cell in row)
    )
    return gather(file, names, below, strip=strip)


def _load(book: fastexcel.ExcelReader, name: str, file: str) -> pl.DataFrame:
    try:
        loaded = book.load_sheet(name, header_row=None, dtypes="string")
        return pl.DataFrame(loaded.to_polars())
    except Exception as error:  # as above: one broken sheet must say which it is
        raise ImporterError(f"{file}, sheet {name}: can't be read; save the file again") from error
