"""Qianniu chats exported as a workbook: one customer a sheet, one message a row."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.importers import cells
from csinsight.importers.qianniu_text import Entry, is_system, judge, read_time
from csinsight.importers.reading import ImporterError, Line, Records, read_records
from csinsight.importers.workbook import SUFFIXES, read_workbook, sheet_records

CUSTOMER: Final = "客户名"
NUMBER: Final = "消息序号"
TIME: Final = "发送时间"
TEXT: Final = "发送内容"
ACCOUNT: Final = "发送账号"
KIND: Final = "账号类型"
NEEDED: Final = (CUSTOMER, TIME, TEXT, ACCOUNT)
#: The header may stand under a title.
_HEADER_WITHIN: Final = 5
_SIDES: Final = {
    "客户": "buyer",
    "买家": "buyer",
    "客服": "agent",
    "卖家": "agent",
    "机器人": "bot",
    "系统": "system",
}
_CLOCK: Final = re.compile(r"^[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?$")
#: A spreadsheet stores a time of day without a date as a time on one of these days.
_NO_DATE: Final = re.compile(r"^(?:1899-12-3[01]|1900-01-0[01])[ T]")
CLOCK_REASON: Final = "发送时间 is not a time such as 2024-01-05 09:03:07"


def is_table(path: Path) -> bool:
    """Tell whether `path` is to be read as a table of messages rather than as pasted text."""
    return path.suffix.lower() in (*SUFFIXES, ".csv")


def parse_sheets(path: Path) -> tuple[list[Entry], list[str]]:
    """Return the entries of a workbook (or of one sheet saved as CSV), and notices.

    Raises
    ------
    ImporterError
        Where no sheet has the columns of messages.
    """
    sheets, skipped = _sheets(path)
    if not sheets:
        raise ImporterError(
            f"{path.name}: no sheet has the columns {', '.join(NEEDED)}; "
            "pasted chats are read from .txt files"
        )
    entries: list[Entry] = []
    for records in sheets:
        entries += _entries(records)
    _number_talks(entries)
    if not skipped:
        return entries, []
    return entries, [f"{path.name}: {skipped} sheets without messages are not read"]


def _sheets(path: Path) -> tuple[list[Records], int]:
    if path.suffix.lower() not in SUFFIXES:
        records = read_records(path)
        return ([records], 0) if set(NEEDED) <= set(records.header) else ([], 0)
    found, skipped = [], 0
    for name, grid in read_workbook(path).items():
        row = _header_row(grid)
        if row is None:
            skipped += 1
        else:
            found.append(sheet_records(f"{path.name}, sheet {name}", grid, header_line=row))
    return found, skipped


def _header_row(grid: pl.DataFrame) -> int | None:
    for number, row in enumerate(grid.head(_HEADER_WITHIN).rows(), start=1):
        if set(NEEDED) <= {(cell or "").strip() for cell in row}:
            return number
    return None


def _entries(records: Records) -> list[Entry]:
    have = [name for name in (*NEEDED, NUMBER, KIND) if name in records.header]
    frame = records.frame.with_columns(cells.clean(name) for name in have if name != TEXT)
    if NUMBER in have:
        frame = frame.with_columns(cells.whole(pl.col(NUMBER)).alias(NUMBER))
        if not frame[NUMBER].null_count():
            frame = frame.sort(NUMBER, maintain_order=True)
    entries = [_entry(records.file, row) for row in frame.iter_rows(named=True)]
    return entries + [
        Entry(records.file, row[Line.NUMBER], row[Line.RAW], problem=row[Line.REASON])
        for row in records.damaged.iter_rows(named=True)
    ]


def _entry(file: str, row: dict[str, object]) -> Entry:
    def cell(name: str) -> str:
        return str(row.get(name) or "")

    entry = Entry(file, int(str(row[Line.NUMBER])), cell(Line.RAW), text=cell(TEXT).strip())
    entry.buyer = cell(CUSTOMER)
    entry.nick = cell(ACCOUNT).replace("\uff1a", ":")
    entry.side = _side(entry, cell(KIND))
    entry.sent_at, entry.clock = _time(cell(TIME))
    if not entry.buyer:
        entry.problem = f"{CUSTOMER} is empty"
    elif not entry.side:
        entry.problem = f"{ACCOUNT} and {KIND} don't say who wrote it"
    elif entry.sent_at is None and not entry.clock:
        entry.problem = CLOCK_REASON
    judge(entry)
    return entry


def _side(entry: Entry, kind: str) -> str:
    """Return who wrote it: the customer's own account is surer than the export's guess."""
    if is_system(entry.text):
        return "system"
    if entry.nick and entry.nick == entry.buyer:
        return "buyer"
    if ":" in entry.nick:
        return "agent"
    return _SIDES.get(kind, "") if entry.nick else ""


def _time(text: str) -> tuple[datetime | None, str]:
    text = _NO_DATE.sub("", text)
    if _CLOCK.match(text):
        return None, text if read_time(f"2000-1-1 {text}") else ""
    return read_time(text), ""


def _number_talks(entries: list[Entry]) -> None:
    numbers: dict[tuple[str, str], int] = {}
    for entry in entries:
        entry.talk = numbers.setdefault((entry.file, entry.buyer), len(numbers))
