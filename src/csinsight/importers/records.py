"""JSON files to records: a list of objects, or one object a line, with a list inside if told.

Reading the sheets of an Excel workbook as text.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import fastexcel
import polars as pl

from csinsight.errors import ImporterError
from csinsight.importers.reading import (
    HEADER_WITHIN,
    LINE_SCHEMA,
    NUL_REASON,
    REFUSED_SCHEMA,
    Records,
    find_header,
    gather,
    read_bytes,
    read_records,
    read_text,
    refused_rows,
)

#: Deeper nesting is refused: nothing that a shop exports looks like that.
_DEEPEST: Final = 20


def read_json(path: Path, records: str | None, encoding: str | None = None) -> Records:
    """Return the objects of a JSON file as records; nested objects get dotted names.

    Parameters
    ----------
    path : Path
        A JSON list of objects, or one object.
    records : str or None
        Name of the list inside each object whose members are the rows; each row has the fields
        of its parent too, and its own win.
    encoding : str or None

    Raises
    ------
    ImporterError
        Where the file is no JSON of that form.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.json"
    ...     _ = file.write_text('[{"id": 1, "who": {"name": "a"}}]', encoding="utf-8")
    ...     records = read_json(file, None)
    >>> records.frame.height
    1
    """
    text = read_text(path, encoding)
    try:
        data = load_json(text)
    except (ValueError, RecursionError) as error:
        raise ImporterError(f"{path.name}: is not JSON ({error}); export it again") from error
    parents = data if isinstance(data, list) else [data]
    return _records(path.name, list(enumerate(parents, start=1)), [], records)


def read_jsonl(path: Path, records: str | None, encoding: str | None = None) -> Records:
    r"""Return the objects of a file with one JSON object a line, as `read_json` does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.jsonl"
    ...     _ = file.write_text('{"id": 1}\n{"id": 2}\n', encoding="utf-8")
    ...     records = read_jsonl(file, None)
    >>> records.frame.height
    2
    """
    parents: list[tuple[int, Any]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parents.append((number, load_json(line)))
        except (ValueError, RecursionError):
            bad.append((path.name, number, line, "the line is not a JSON object"))
    return _records(path.name, parents, bad, records)


def _records(
    file: str,
    parents: list[tuple[int, Any]],
    bad: list[tuple[str, int, str, str]],
    inside: str | None,
) -> Records:
    rows: list[dict[str, str | int | None]] = []
    header: dict[str, None] = {}
    for number, parent in parents:
        for member, reason in _members(parent, inside):
            raw = json.dumps(member, ensure_ascii=False, default=str)
            if reason or "\\u0000" in raw:
                bad.append((file, number, raw, reason or NUL_REASON))
                continue
            fields = {k: v for k, v in _flat(member).items() if k not in REFUSED_SCHEMA}
            header.update(dict.fromkeys(fields))
            rows.append({"_file": file, "_line": number, "_raw": raw, **fields})
    schema = {**LINE_SCHEMA, **dict.fromkeys(header, pl.String())}
    frame = pl.DataFrame(rows, schema=schema, orient="row") if rows else pl.DataFrame(schema=schema)
    return Records(file, tuple(header), frame, refused_rows(bad))


def _members(parent: Any, inside: str | None) -> Iterator[tuple[Any, str]]:
    """Yield each row of one object, and why it can't be one."""
    if not isinstance(parent, dict):
        yield parent, "the record is not a JSON object"
    elif inside is None:
        yield parent, ""
    else:
        steps = [step for step in re.split(r"\.|\[\]\.?", inside) if step]
        yield from _descend(parent, {}, steps, inside)


def _descend(
    parent: dict[str, Any], above: dict[str, Any], steps: Sequence[str], inside: str
) -> Iterator[tuple[Any, str]]:
    """Yield the members of the list that `steps` lead to, each with the fields above it.

    A field of the member wins over one of its parents of the same name; that stays within reach as
    ``parent.NAME``.
    """
    name, rest = steps[0], steps[1:]
    shared = {key: value for key, value in parent.items() if key != name}
    below = parent.get(name)
    if isinstance(below, dict) and rest:
        yield from _descend(below, {**above, **shared, "parent": shared}, rest, inside)
        return
    if not isinstance(below, list):
        yield {**above, **parent}, f"the record has no list `{inside}`"
        return
    for member in below:
        if not isinstance(member, dict):
            yield member, f"a member of `{inside}` is not a JSON object"
        elif rest:
            yield from _descend(member, {**above, **shared, "parent": shared}, rest, inside)
        else:
            outer = above.get("parent")
            inner = {"parent": {**shared, **({"parent": outer} if outer else {})}}
            yield {**above, **shared, **inner, **member}, ""


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and depth < _DEEPEST:
            fields.update(_flat(inner, f"{prefix}{name}.", depth + 1))
        else:
            fields[f"{prefix}{name}"] = _text(inner)
    return fields


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def load_json(text: str) -> Any:
    r"""Read JSON; half of a pair of surrogates, which no table can hold, comes as a question mark.

    Raises
    ------
    ValueError, RecursionError
        Where it is no JSON, or too deep.

    Examples
    --------
    >>> load_json('{"body": "ok\\ud83d"}')
    {'body': 'ok?'}
    """
    told = json.loads(text)
    if _HALVES.search(text):
        whole = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        told = json.loads(whole)
    return told


_HALVES: Final = re.compile(r"\\u[dD][89a-fA-F]")
SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb")
#: A sheet of Excel ends here; the reader keeps room for every cell up to the last in use, and
#: ends the whole program where there is none.
_LAST_ROW: Final = 1_048_576
_LAST_COLUMN: Final = 16_384
_MOST_CELLS: Final = 100_000_000
_CELL: Final = re.compile(rb'<c [^>]{0,200}?\br="([A-Za-z]{0,12})([0-9]{0,12})"')
_CHUNK: Final = 1 << 20


def _refuse_far_cells(file: str, data: bytes) -> None:
    """Raise where a sheet's cells reach beyond a sheet, or beyond what can be read at once."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheets = [n for n in book.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", n)]
        for name in sheets:
            rows, columns = _reach(book, name)
            if rows > _LAST_ROW or columns > _LAST_COLUMN or rows * columns > _MOST_CELLS:
                raise ImporterError(
                    f"{file}: a cell of it stands in row {rows:,}, column {columns:,}, far from "
                    "all others; delete what stands there, or copy the rows into a new workbook"
                )


def _reach(book: zipfile.ZipFile, name: str) -> tuple[int, int]:
    """Return the last row and column of a sheet that its cells name."""
    rows, letters, rest = 0, set[bytes](), b""
    with book.open(name) as file:
        while chunk := file.read(_CHUNK):
            found = _CELL.findall(rest + chunk)
            letters |= {letter for letter, _ in found}
            rows = max([rows, *(int(row) for _, row in found if row)])
            rest = chunk[-300:]
    return rows, max(map(_column, letters), default=0)


def _column(letters: bytes) -> int:
    """Return a column's number by its letters.

    Examples
    --------
    >>> _column(b"A"), _column(b"AA"), _column(b"XFD")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


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
    if zipfile.is_zipfile(io.BytesIO(data)):
        _refuse_far_cells(path.name, data)
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
    file: str,
    grid: pl.DataFrame,
    *,
    header_line: int = 1,
    names: Sequence[str] = (),
    strip: bool = True,
) -> Records:
    """Return a sheet's rows under the header in row `header_line` as `Records`.

    Rows count from 1; 0 with `names` for a sheet without a header.
    """
    rows = grid.rows()
    if len(rows) < header_line:
        raise ImporterError(
            f"{file}: has no header on row {header_line}; the sheet has {len(rows)} rows"
        )
    plain = [str(number) for number in range(len(names) + 1, grid.width + 1)]
    top = [*names, *plain] if header_line == 0 else rows[header_line - 1]
    header: list[str | None] = list(top)
    while header and not (header[-1] or "").strip():
        header.pop()
    below = (
        (number, "\t".join(cell or "" for cell in row), row)
        for number, row in enumerate(rows[header_line:], start=header_line + 1)
        if any(cell and cell.strip() for cell in row)
    )
    return gather(file, header, below, strip=strip)


def open_tables(path: Path, wanted: Sequence[str]) -> list[Records]:
    """Return the table of a delimited file, or those of a workbook's sheets that hold something.

    The header is the first row with the most of the columns `wanted`: a title may stand above it.
    """
    if path.suffix.lower() not in SUFFIXES:
        return [read_records(path, header_line=None, wanted=wanted)]
    sheets = {name: grid for name, grid in read_workbook(path).items() if grid.height}
    found = []
    for name, grid in sheets.items():
        file = f"{path.name}, sheet {name}" if len(sheets) > 1 else path.name
        top = [[cell or "" for cell in row] for row in grid.head(HEADER_WITHIN).rows()]
        found.append(sheet_records(file, grid, header_line=find_header(top, wanted)))
    return found


def _load(book: fastexcel.ExcelReader, name: str, file: str) -> pl.DataFrame:
    try:
        loaded = book.load_sheet(name, header_row=None, dtypes="string")
        return pl.DataFrame(loaded.to_polars())
    except Exception as error:  # as above: one broken sheet must say which it is
        raise ImporterError(f"{file}, sheet {name}: can't be read; save the file again") from error
