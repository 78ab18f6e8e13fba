"""Tables of web pages, and workbooks written as XML (of 2003), named such as ``orders.xls``.

Opened in a spreadsheet and saved again, their long numbers of orders would be rounded.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

import polars as pl

from csinsight.errors import ImporterError

#: So many bytes are looked at to tell what a file is.
LOOKED_AT: Final = 1 << 16
_TABLE: Final = re.compile(rb"<table[\s>]", re.IGNORECASE)
_WORKBOOK: Final = re.compile(rb"<(\w+:)?workbook[\s>]", re.IGNORECASE)
#: No sheet is wider; a cell that says so is made to fill the memory.
_WIDEST: Final = 16_384
#: So many cells at most, empty ones among them.
_MOST_CELLS: Final = 20_000_000


def is_page(data: bytes) -> bool:
    """Tell whether a file is a web page with a table, or a workbook written as XML.

    Examples
    --------
    >>> is_page(b"<html><table><tr><td>1</td></tr></table>"), is_page(b"id,paid")
    (True, False)
    """
    head = data[:LOOKED_AT]
    marked = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return marked and bool(_TABLE.search(head) or _WORKBOOK.search(head))


def read_page(text: str, file: str) -> dict[str, pl.DataFrame]:
    """Return the tables of a page, every cell as text, by their number; sheets by their names.

    Raises
    ------
    ImporterError
        Where it holds no row, or a cell far from all others.

    Examples
    --------
    >>> page = "<table><tr><td>id</td><td>n</td></tr><tr><td>0012</td><td>2</td></tr></table>"
    >>> read_page(page, "orders.xls")["1"].rows()
    [('id', 'n'), ('0012', '2')]
    """
    if _WORKBOOK.search(text[:LOOKED_AT].encode()):
        return _sheets(text, file)
    tables = _Tables()
    tables.feed(text)
    tables.close()
    found = [rows for rows in tables.found if rows]
    if not found:
        raise ImporterError(f"{file}: is a web page whose table holds no row; export it again")
    return {str(number): _grid(rows) for number, rows in enumerate(found, start=1)}


def _sheets(text: str, file: str) -> dict[str, pl.DataFrame]:
    book = _Sheets(file)
    book.feed(text)
    book.close()
    found = {name: rows for name, rows in book.found.items() if any(rows)}
    if not found:
        raise ImporterError(f"{file}: is a workbook whose sheets hold no row; export it again")
    for rows in found.values():
        if len(rows) * max(map(len, rows)) > _MOST_CELLS:
            raise ImporterError(_far(file))
    return {name: _grid(rows) for name, rows in found.items()}


def _grid(rows: list[list[str | None]]) -> pl.DataFrame:
    width = max(map(len, rows))
    whole = [row + [None] * (width - len(row)) for row in rows]
    names = [f"column_{number}" for number in range(1, width + 1)]
    return pl.DataFrame(whole, schema=dict.fromkeys(names, pl.String()), orient="row")


class _Tables(HTMLParser):
    """The rows of each table of a page; a table within a cell is text of that cell."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[list[list[str | None]]] = []
        self._depth = 0
        self._cell: list[str] | None = None
        self._wide = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        if tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.found.append([])
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")
        if self._depth == 1 and tag in ("tr", "td", "th"):
            self._close()
            if tag == "tr" or not self.found[-1]:
                self.found[-1].append([])
            told = dict(attrs).get("colspan") or ""
            self._wide = min(int(told), _WIDEST) if told.isdecimal() else 1
            self._cell = None if tag == "tr" else []

    def handle_endtag(self, tag: str) -> None:
        """End a cell, a row or a table."""
        if self._depth == 1 and tag in ("td", "th", "tr", "table"):
            self._close()
        if tag == "table" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        """Take the text of a cell."""
        if self._cell is not None:
            self._cell.append(data)

    def _close(self) -> None:
        if self._cell is not None:
            # Below a cell over several columns the others are empty, as in a workbook.
            text = "".join(self._cell).replace("\xa0", " ").strip()
            self.found[-1][-1] += [text, *[None] * (self._wide - 1)]
        self._cell = None


class _Sheets(HTMLParser):
    """The rows of each sheet of a workbook written as XML; it reads no entity but characters."""

    def __init__(self, file: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, list[list[str | None]]] = {}
        self._file = file
        self._rows: list[list[str | None]] = []
        self._text: list[str] | None = None
        #: Where in its row the cell stands, and how many cells there are.
        self._place = 0
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a sheet, a row, a cell or its text."""
        kind = tag.rpartition(":")[2]
        told = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        if kind == "worksheet":
            self._rows = self.found.setdefault(told.get("name") or f"{len(self.found) + 1}", [])
        elif kind == "row":
            # A row, or a cell, says its place where those before it are empty.
            empty = self._room(self._number(told, "index") - 1 - len(self._rows))
            self._rows += [[] for _ in range(empty + 1)]
        elif kind == "cell" and self._rows:
            row = self._rows[-1]
            row += [None] * self._room(self._number(told, "index") - 1 - len(row))
            self._place = len(row)
            row += [None] * self._room(1 + self._number(told, "mergeacross"))
        elif kind == "data" and self._rows and self._rows[-1]:
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        """End the text of a cell."""
        if tag.rpartition(":")[2] == "data" and self._text is not None:
            self._rows[-1][self._place] = "".join(self._text).strip()
            self._text = None

    def handle_data(self, data: str) -> None:
        """Take the text of a cell."""
        if self._text is not None:
            self._text.append(data)

    def unknown_decl(self, data: str) -> None:
        """Take the text of a cell that stands in a section of its own."""
        if data.startswith("CDATA["):
            self.handle_data(data.removeprefix("CDATA["))

    @staticmethod
    def _number(told: dict[str, str], name: str) -> int:
        text = told.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    def _room(self, more: int) -> int:
        """Return how many cells or rows to add, none below zero; raise where there are too many."""
        self._cells += max(more, 0)
        if self._cells > _MOST_CELLS:
            raise ImporterError(_far(self._file))
        return max(more, 0)


def _far(file: str) -> str:
    return (
        f"{file}: a cell of it stands far from all others; delete what stands there, or copy the "
        "rows into a new workbook"
    )
