"""Reading the sheets of an Excel workbook as text, within limits.

A workbook of a stranger may be made, or damaged, so that whoever opens it runs out of memory or of
time: a few kilobytes that grow to gigabytes, one cell at the end of a sheet, entities that name
each other. Libraries keep room for every cell up to the last, and end the whole program where there
is none. So a workbook is measured first; one that the measure shows to be small is opened here,
every other one by a process of its own with a limit of time and memory.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fastexcel
import polars as pl

from csinsight.contract.textfile import is_ods, is_workbook, read_bytes, read_text
from csinsight.errors import ImporterError
from csinsight.importers.reading import (
    HEADER_WITHIN,
    Records,
    find_header,
    gather,
    known_names,
    read_records,
)
from csinsight.importers.sift import FileNotice
from csinsight.importers.web_tables import LOOKED_AT, is_page, read_page

SUFFIXES: Final = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
#: A sheet of Excel ends here.
_LAST_ROW: Final = 1_048_576
_LAST_COLUMN: Final = 16_384
#: Where that many cells lie in so few bytes as are looked at, nearly all of them are empty.
_MOST_CELLS: Final = 20_000_000
#: Up to so many bytes unpacked, and cells up to the last, a workbook is opened without ado.
_SMALL: Final = 64 << 20
_FEW_CELLS: Final = 4_000_000
#: No export packs so well: a workbook that is larger unpacked than the first, and by the second
#: factor larger than its file, is made to fill a disk.
_LARGE: Final = 100 << 20
_PACKED: Final = 100
#: Seconds that the opening may take, and more for each megabyte of the file.
SECONDS: Final = 15.0
_SECONDS_A_MB: Final = 1.5
#: Share of the machine's memory that it may take.
_MEMORY: Final = 0.5
_CELL: Final = re.compile(rb'<c\s[^>]{0,200}?\br\s*=\s*"([A-Za-z]{0,12})([0-9]{0,12})"')
_ROW: Final = re.compile(rb'<row\s[^>]{0,200}?\br\s*=\s*"([0-9]{1,12})"')
#: Cells and rows however they are written; where there are more of them, some were not measured.
_ANY_CELL: Final = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ANY_ROW: Final = re.compile(rb"<(?:\w+:)?row[\s/>]")
_ENTITY: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_CHUNK: Final = 1 << 20
_CHILD: Final = Path(__file__).with_name("workbook_child.py")


@dataclass
class _Size:
    """How large a workbook is once it is open.

    Parameters
    ----------
    unpacked : int
        Bytes of its parts.
    cells : int
        Cells that room is kept for, of all sheets.
    known : bool
        Whether that could be measured throughout.
    """

    unpacked: int = 0
    cells: int = 0
    known: bool = True

    @property
    def small(self) -> bool:
        """Whether it can be opened without ado."""
        return self.known and self.unpacked <= _SMALL and self.cells <= _FEW_CELLS


@dataclass
class _Reach:
    """How far the cells of one sheet reach, as far as it was looked at."""

    file: str
    rows: int = 0
    columns: int = 0
    known: bool = True

    def add(self, text: bytes) -> None:
        """Look at more of the sheet; raise where a cell is out of reach."""
        cells, rows = _CELL.findall(text), _ROW.findall(text)
        self.columns = max([self.columns, *map(_column, {letters for letters, _ in cells})])
        last = max([self.rows, *(int(row) for _, row in cells if row)])
        if last > _LAST_ROW or self.columns > _LAST_COLUMN or last * self.columns > _MOST_CELLS:
            raise ImporterError(
                f"{self.file}: a cell of it stands in row {last:,}, column {self.columns:,}, far "
                "from all others; delete what stands there, or copy the rows into a new workbook"
            )
        self.rows = max([last, *map(int, rows)])
        # Cells and rows that are written in another way were not measured.
        self.known &= len(cells) == len(_ANY_CELL.findall(text))
        self.known &= len(rows) == len(_ANY_ROW.findall(text))


def _measure(file: str, data: bytes) -> _Size:
    """Return how large a packed workbook is; raise where it is none that an export could be.

    Sizes in the file's own directory are not believed: parts are unpacked, a megabyte at a time.
    """
    size, ods = _Size(), is_ods(data)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for part in book.infolist():
            marked = part.filename.endswith((".xml", ".rels"))
            sheet = re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename)
            reach = _Reach(file)
            for text in _whole_tags(_unpacked(file, data, part)):
                size.unpacked += len(text)
                if size.unpacked > max(_LARGE, _PACKED * len(data)):
                    raise ImporterError(
                        f"{file}: grows to more than {size.unpacked >> 20:,} MB when it is opened, "
                        f"{_PACKED} times its size, as no export does; it is damaged or made to "
                        "fill a computer's memory: export it again, as CSV where you can"
                    )
                if marked and _ENTITY.search(text):
                    raise ImporterError(
                        f"{file}: holds a document type or entities, as no export does; open it in "
                        "a spreadsheet and save it again"
                    )
                # LibreOffice says of a cell how often it is repeated.
                size.known &= not (ods and b"-repeated=" in text)
                if sheet and size.unpacked <= _SMALL:
                    reach.add(text)
            size.cells += reach.rows * reach.columns
            # The binary form tells no places that could be read here.
            size.known &= reach.known and not part.filename.endswith(".bin")
    return size


def _unpacked(file: str, data: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a part holds, however much that is, whatever its entry says."""
    name, more = (int.from_bytes(data[part.header_offset + at :][:2], "little") for at in (26, 28))
    start = part.header_offset + 30 + name + more
    packed = memoryview(data)[start : start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        yield from (bytes(packed[at : at + _CHUNK]) for at in range(0, len(packed), _CHUNK))
        return
    if part.compress_type != zipfile.ZIP_DEFLATED or part.flag_bits & 1:
        raise ImporterError(
            f"{file}: is packed in an unusual way, or locked by a password; save it again as .xlsx"
        )
    inflate = zlib.decompressobj(-15)
    for at in range(0, len(packed), _CHUNK):
        rest = bytes(packed[at : at + _CHUNK])
        while rest:
            try:
                chunk = inflate.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise ImporterError(f"{file}: is damaged; export it again") from error
            yield chunk
            rest = inflate.unconsumed_tail


def _whole_tags(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes, cut behind a tag where there is one, so that none is seen in halves."""
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = text.rfind(b">") + 1
        if not end or len(text) - end > _CHUNK:
            end = len(text)
        yield text[:end]
        rest = text[end:]
    yield rest


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
        Where the file is no workbook, has no such sheet, or takes more time or memory than an
        export of its size could.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "orders.xlsx"
    ...     _ = pl.DataFrame({"订单编号": ["o1"], "金额": [59.5]}).write_excel(file, "十月")
    ...     read_workbook(file)["十月"].rows()
    [('订单编号', '金额'), ('o1', '59.5')]
    """
    data = read_bytes(path)
    if is_page(data):
        return read_page(read_text(path), path.name)
    if _LOCKED in data:
        raise ImporterError(
            f"{path.name}: is locked by a password; open it with that, and save it without one "
            "(or the sheet as CSV)"
        )
    small = False
    packed = zipfile.is_zipfile(io.BytesIO(data))
    if data.startswith(b"PK") and not packed:
        raise ImporterError(
            f"{path.name}: can't be read as a workbook or archive, for its end is missing; "
            "download it again"
        )
    if packed:
        try:
            small = _measure(path.name, data).small
        except ImporterError:
            raise
        except (zipfile.BadZipFile, ValueError, OverflowError) as error:
            raise ImporterError(_unreadable(path.name)) from error
    return _opened(path.name, data, sheet) if small else _opened_apart(path, len(data), sheet)


#: The part in which a workbook that is locked by a password lies.
_LOCKED: Final = "EncryptedPackage".encode("utf-16-le")


def _unreadable(file: str) -> str:
    return f"{file}: can't be read as a workbook; save it again as .xlsx"


def _no_such(file: str, sheet: str, count: int) -> str:
    # Sheets may bear customers' names, so they are not listed.
    return f"{file}: none of its {count} sheets is called {sheet!r}"


def _opened(file: str, data: bytes, sheet: str | None) -> dict[str, pl.DataFrame]:
    try:
        book = fastexcel.read_excel(data)
    except Exception as error:  # fastexcel raises its own kinds
        raise ImporterError(_unreadable(file)) from error
    if sheet is not None and sheet not in book.sheet_names:
        raise ImporterError(_no_such(file, sheet, len(book.sheet_names)))
    return {
        name: _load(book, name, file) for name in book.sheet_names if sheet is None or name == sheet
    }


def _load(book: fastexcel.ExcelReader, name: str, file: str) -> pl.DataFrame:
    try:
        loaded = book.load_sheet(name, header_row=None, dtypes="string")
        return pl.DataFrame(loaded.to_polars())
    except Exception as error:  # as above: one broken sheet must say which it is
        raise ImporterError(f"{file}, sheet {name}: can't be read; save the file again") from error


def _opened_apart(path: Path, size: int, sheet: str | None) -> dict[str, pl.DataFrame]:
    """Open a workbook in a process of its own, which may be ended without harm."""
    seconds = SECONDS + _SECONDS_A_MB * (size >> 20)
    memory = _memory()
    with tempfile.TemporaryDirectory(prefix="csinsight-") as folder:
        told = [str(path.resolve()), folder, str(memory), *([] if sheet is None else [sheet])]
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                [sys.executable, "-I", str(_CHILD), *told],
                capture_output=True,
                timeout=seconds,
                check=False,
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
            )
        except subprocess.TimeoutExpired as error:
            raise ImporterError(
                f"{path.name}: takes more than {seconds:.0f} seconds to open, as no export of its "
                "size does; save the sheet with the rows as CSV and import that"
            ) from error
        answer = Path(folder) / "answer.json"
        if done.returncode != 0 or not answer.exists():
            raise ImporterError(
                f"{path.name}: takes more memory to open than {memory >> 20:,} MB, or ends the "
                "program that opens it; save the sheet with the rows as CSV and import that"
            )
        found = json.loads(answer.read_text(encoding="utf-8"))
        if found["fault"] == "sheet":
            name = found["sheet"]
            raise ImporterError(f"{path.name}, sheet {name}: can't be read; save the file again")
        if found["fault"] == "name":
            raise ImporterError(_no_such(path.name, sheet or "", found["count"]))
        if found["fault"]:
            raise ImporterError(_unreadable(path.name))
        return {
            name: pl.read_ipc((Path(folder) / f"{number}.arrow").read_bytes())
            for number, name in enumerate(found["sheets"])
        }


def _memory() -> int:
    """Return how many bytes the opening of a workbook may take."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        machine = 4 << 30
    return int(max(_MEMORY * machine, 1 << 30))


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

    Examples
    --------
    >>> cells = [("Orders of October", None), ("order", "paid"), ("1", "59")]
    >>> found = sheet_records("a.xlsx", pl.DataFrame(cells, orient="row"), header_line=2)
    >>> found.header, found.frame["_line"].to_list()
    (('order', 'paid'), [3])
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


def holds_sheets(path: Path) -> bool:
    r"""Tell whether a file is a workbook, or a web page's table that is named like one.

    What it is its bytes say, not its name: platforms name text ``.xls``, and shops workbooks
    ``.csv``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "orders.xls"
    ...     _ = file.write_text("订单编号\t总金额\n", encoding="utf-16")
    ...     sheets = holds_sheets(file)
    >>> sheets
    False
    """
    head = read_bytes(path, LOOKED_AT)
    # An archive's list of parts stands at its end.
    return is_page(head) or (is_workbook(head) and is_workbook(read_bytes(path)))


def open_tables(
    path: Path, wanted: Sequence[str], known: Sequence[str] = (), encoding: str | None = None
) -> list[Records]:
    r"""Return the table of a delimited file, or those of a workbook's sheets that hold something.

    The header is the first row with the most of the columns `wanted`: a title may stand above it.
    Columns get the names that are `known`, as `known_names` tells them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "orders.csv"
    ...     _ = file.write_text("Orders of October\norder,paid\no1,59\n", encoding="utf-8")
    ...     open_tables(file, ["order", "paid"])[0].header
    ('order', 'paid')
    """
    known = [*wanted, *(name for name in known if name not in wanted)]
    if not holds_sheets(path):
        read = read_records(path, encoding=encoding, header_line=None, wanted=wanted)
        return [known_names(read, known)]
    sheets = {name: grid for name, grid in read_workbook(path).items() if grid.height}
    found = []
    for name, grid in sheets.items():
        file = f"{path.name}, sheet {name}" if len(sheets) > 1 else path.name
        top = [[cell or "" for cell in row] for row in grid.head(HEADER_WITHIN).rows()]
        read = sheet_records(file, grid, header_line=find_header(top, wanted))
        found.append(known_names(read, known))
    return found


def of_one_kind(
    tables: Sequence[Records], is_one: Callable[[Records], bool], told: list[str]
) -> list[Records]:
    """Return those of a workbook's tables that are of the kind that is read; say which are not.

    Where none is, the first is returned, for the importer to say what it lacks.

    Examples
    --------
    >>> tables = [gather("a.xlsx, sheet 1", ["note"], []), gather("a.xlsx, sheet 2", ["order"], [])]
    >>> told = []
    >>> [table.file for table in of_one_kind(tables, lambda t: "order" in t.header, told)], told
    (['a.xlsx, sheet 2'], ['a.xlsx, sheet 1: has other columns and is not read (0 rows)'])
    """
    found = [table for table in tables if is_one(table)]
    others = [table for table in tables if not is_one(table)] if found else []
    for table in others:
        rows = table.frame.height + table.damaged.height
        said = f"{table.file}: has other columns and is not read ({rows} rows)"
        told.append(FileNotice(said, table.file, "unread_sheets", rows))
    return found or list(tables[:1])
