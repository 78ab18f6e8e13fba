"""Qianniu chats, pasted or as a workbook, to ``messages`` and ``agents``.

A workbook has one customer a sheet and one message a row; one with a talk a cell (``客户ID``,
``聊天记录``) is read as pastes of those customers.

Who is who: an agent's nick is ``店铺名:客服名``, so the colon tells the side; the shop's own
account (the part before a colon elsewhere) is an agent too, and so is every nick that the mapping
file names. Robots (``服务助手``, ``机器人``, ``店小蜜``) are bots. Everyone else is a buyer.

Whose talk it is: a paste does not say it on an agent's line. Such a line belongs to the buyer who
last wrote before it in the same talk, or to the first to write after it; a talk ends where time
runs backward. A talk without any buyer's line is refused.

What counts: each message, system line or loose line is one row in, and comes out as one message or
is refused. Recalls and transfers become system lines at the time of the line before them; read
marks are refused; so is the placeholder for what the page could not show, which is missing data
and must not pass for a reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict

from csinsight.config import load
from csinsight.contract.textfile import read_text
from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.chat_tables import chat_tables, damaged_entries, shops_of
from csinsight.importers.chat_text import (
    Entry,
    is_system,
    judge,
    parse_text,
    read_time,
)
from csinsight.importers.reading import Line, Records, plain_word
from csinsight.importers.sift import Imported
from csinsight.importers.workbook import (
    SUFFIXES,
    of_one_kind,
    open_tables,
)

CUSTOMER: Final = "客户名"
NUMBER: Final = "消息序号"
TIME: Final = "发送时间"
TEXT: Final = "发送内容"
ACCOUNT: Final = "发送账号"
KIND: Final = "账号类型"
NEEDED: Final = (CUSTOMER, TIME, TEXT, ACCOUNT)
#: Tables with a whole talk in a cell, and what names its customer.
TALK: Final = ("聊天记录", "聊天内容", "会话内容", "对话内容")
TALKS_CUSTOMER: Final = ("客户ID", "客户id", "客户名", "客户昵称", "买家昵称", "买家ID", "买家")
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
    """Tell whether `path` is to be read as a table of messages rather than as pasted text.

    Examples
    --------
    >>> is_table(Path("chats.xlsx")), is_table(Path("chats.txt"))
    (True, False)
    """
    return path.suffix.lower() in (*SUFFIXES, ".csv")


def parse_sheets(path: Path) -> tuple[list[Entry], list[str]]:
    r"""Return the entries of a workbook (or of one sheet saved as CSV), and notices.

    Raises
    ------
    ImporterError
        Where no sheet has the columns of messages.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "chats.csv"
    ...     rows = [",".join(NEEDED), "tb1,2026-10-05 10:00:00,在吗,tb1"]
    ...     _ = file.write_text("\n".join(rows), encoding="utf-8")
    ...     entries, notices = parse_sheets(file)
    >>> entries[0].nick, entries[0].text, notices
    ('tb1', '在吗', [])
    """
    notices: list[str] = []
    sheets = _sheets(path, notices)
    if not sheets and (talks := _talks(path, notices)):
        return talks, notices
    if not sheets:
        raise ImporterError(
            f"{path.name}: no sheet has the columns {', '.join(NEEDED)}, "
            f"or {TALKS_CUSTOMER[0]} and {TALK[0]}; "
            "pasted chats are read from .txt files"
        )
    entries: list[Entry] = []
    for records in sheets:
        entries += _entries(records, notices)
    numbers: dict[tuple[str, str], int] = {}
    for entry in entries:
        entry.talk = numbers.setdefault((entry.file, entry.buyer), len(numbers))
    return entries, notices


def _talks(path: Path, notices: list[str]) -> list[Entry]:
    """Return the entries of tables with one talk a cell; none where no sheet is one."""
    entries: list[Entry] = []

    def is_one(records: Records) -> bool:
        names = set(records.header)
        return bool(names & set(TALK) and names & set(TALKS_CUSTOMER))

    for records in of_one_kind(open_tables(path, [*TALK, *TALKS_CUSTOMER]), is_one, notices):
        talk = next((name for name in TALK if name in records.header), None)
        customer = next((name for name in TALKS_CUSTOMER if name in records.header), None)
        if talk is None or customer is None:
            continue
        for row in records.frame.iter_rows(named=True):
            base = 1 + max((entry.talk for entry in entries[-1:]), default=0)
            entries += _talk(row, str(row[talk] or ""), str(row[customer] or "").strip(), base)
        entries += damaged_entries(records)
    return entries


def _talk(row: dict[str, object], text: str, customer: str, base: int) -> list[Entry]:
    """Return the entries of one cell, the customer's where the paste does not say it."""
    file, number = str(row[Line.FILE]), int(str(row[Line.NUMBER]))
    found = parse_text(text, file) or [Entry(file, number, text, problem="the talk is empty")]
    for entry in found:
        entry.line, entry.buyer = number, customer
        if entry.nick == customer:
            entry.side = "buyer"
        if not customer and not entry.problem:
            entry.problem = "the talk's customer is empty"
        entry.talk += base
    return found


def _sheets(path: Path, notices: list[str]) -> list[Records]:
    """Return the tables of messages; say which other sheets there are."""

    def is_one(records: Records) -> bool:
        return set(NEEDED) <= set(records.header)

    found = of_one_kind(open_tables(path, NEEDED, (NUMBER, KIND)), is_one, notices)
    return [records for records in found if is_one(records)]


def _entries(records: Records, notices: list[str]) -> list[Entry]:
    have = [name for name in (*NEEDED, NUMBER, KIND) if name in records.header]
    frame, told = cells.dated(
        records.frame.with_columns(cells.clean(name) for name in have if name != TEXT), TIME
    )
    notices += [f"{records.file}: {notice}" for notice in told]
    if NUMBER in have:
        frame = frame.with_columns(cells.whole(pl.col(NUMBER)).alias(NUMBER))
        if not frame[NUMBER].null_count():
            frame = frame.sort(NUMBER, maintain_order=True)
    entries = [_entry(records.file, row) for row in frame.iter_rows(named=True)]
    return entries + damaged_entries(records)


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
    return _SIDES.get(plain_word(kind), "") if entry.nick else ""


def _time(text: str) -> tuple[datetime | None, str]:
    text = _NO_DATE.sub("", text)
    if _CLOCK.match(text):
        return None, text if read_time(f"2000-1-1 {text}") else ""
    return read_time(text), ""


_BOTS: Final = ("机器人", "店小蜜", "服务助手")
#: The platform's own robots write without a shop's name; buyers may be called much like them.
_OWN_BOT: Final = re.compile(r"^(?:.{0,4}店小蜜|.{0,4}服务助手|(?:智能|客服|阿里|千牛)?机器人)$")


class QianniuOptions(BaseModel):
    """What a mapping file may tell of Qianniu chats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Nicks of agents that are not of the form ``店铺名:客服名``.
    agents: tuple[str, ...] = ()
    #: The day of workbooks that only tell the time of day.
    day: date | None = None
    #: Whether the files are of one shop, whatever their agents call it.
    one_shop: bool = False


def read_qianniu_chat(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    r"""Read Qianniu chats into ``messages`` and ``agents``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Text files with pasted chats; ``.xlsx`` (or ``.csv``) with the workbook's columns.
    mapping : pathlib.Path or None
        YAML of `QianniuOptions`.

    Raises
    ------
    ImporterError
        Where a file can't be read, or nothing tells the agents from the buyers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "chat.txt"
    ...     _ = file.write_text((
    ...         "小雨 2026-10-05 10:00:00\n有货吗\n店:小李 2026-10-05 10:00:20\n有的\n"
    ...     ), encoding="utf-8")
    ...     imported = read_qianniu_chat([file])
    >>> imported.tables["messages"]["sender"].to_list()
    ['buyer', 'agent']
    """
    options = load(mapping, QianniuOptions) if mapping else QianniuOptions()
    entries, notices = _read(files)
    _tell_sides(entries, options)
    _tell_buyers(entries)
    _tell_times(entries, options)
    facts = {} if options.one_shop else shops_of(entries)
    return replace(chat_tables(entries, notices), facts=facts)


def _read(files: Sequence[Path]) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    notices: list[str] = []
    for path in files:
        if is_table(path):
            found, told = parse_sheets(path)
            notices += told
        else:
            found = parse_text(read_text(path), path.name, notices)
            if not any(entry.nick for entry in found):
                raise ImporterError(
                    f"{path.name}: no line is the head of a message, such as 小雨 2026-10-05 "
                    f"10:00:00; it begins with {found[0].raw[:60]!r}; other chats as text are read "
                    "by a mapping with `line_pattern`"
                )
        base = 1 + max((entry.talk for entry in entries), default=0)
        for entry in found:
            entry.talk += base
        entries += found
    return entries, notices


def _tell_sides(entries: list[Entry], options: QianniuOptions) -> None:
    told = [entry for entry in entries if entry.nick and not entry.problem]
    guest = None if options.one_shop else _guest(told)
    shops = {e.nick.split(":", 1)[0] for e in told if ":" in e.nick and e.nick != guest}
    known = {*options.agents, *shops, *(e.nick for e in told if e.side == "agent")}
    for entry in entries:
        if entry.nick and entry.side in ("", "agent"):
            nick = simplify(entry.nick)
            agent = ":" in nick or entry.nick in known or bool(_OWN_BOT.search(nick))
            agent &= entry.nick != guest or guest in options.agents
            bot = agent and any(word in nick.rsplit(":", 1)[-1] for word in _BOTS)
            entry.side = "bot" if bot else "agent" if agent else "buyer"
    if any(entry.side in ("agent", "bot") for entry in told):
        return
    nicks: dict[int, set[str]] = {}
    for entry in told:
        nicks.setdefault(entry.talk, set()).add(entry.nick)
    if any(len(names) > 1 for names in nicks.values()):
        raise ImporterError(
            f"{entries[0].file}: no nick has the form 店铺名:客服名, so nothing tells agents from "
            "buyers; name the agents in a YAML file (agents: [nick, …]) and give it as the mapping"
        )


def _guest(told: Sequence[Entry]) -> str | None:
    """Return the one nick of another shop's account that writes among many lines of ours: a buyer.

    Shops buy from shops, by the accounts that their agents serve with.
    """
    lines = Counter(entry.nick for entry in told if ":" in entry.nick)
    shops: dict[str, set[str]] = {}
    for nick in lines:
        shops.setdefault(nick.split(":", 1)[0], set()).add(nick)
    if len(shops) != 2:
        return None
    ours, other = sorted(shops, key=lambda shop: -sum(lines[nick] for nick in shops[shop]))
    guest = max(shops[other])
    few = len(shops[other]) == 1 and 3 * lines[guest] <= sum(lines[nick] for nick in shops[ours])
    # Ours answer a guest; after an agent of another shop whose chats lie here, buyers write.
    turns = [one.nick for one, after in pairwise([*told, told[0]]) if one.nick != after.nick]
    next_nicks = [after for nick, after in pairwise(turns) if nick == guest]
    answered = sum(nick in shops[ours] for nick in next_nicks)
    return guest if few and next_nicks and 2 * answered >= len(next_nicks) else None


def _tell_buyers(entries: list[Entry]) -> None:
    talks: dict[int, list[Entry]] = {}
    for entry in entries:
        talks.setdefault(entry.talk, []).append(entry)
    for talk in talks.values():
        buyer = next((e.nick for e in talk if e.side == "buyer" and not e.problem), "")
        for entry in talk:
            if entry.side == "buyer" and entry.nick and not entry.problem:
                buyer = entry.nick
            entry.buyer = entry.buyer or _other(entry) or buyer
            if not entry.buyer and not entry.problem:
                entry.problem = "no buyer wrote in this talk, so nobody is known whose it is"


def _other(entry: Entry) -> str:
    """Return the buyer of an entry whose head names both sides."""
    if entry.side == "buyer":
        return entry.nick
    return entry.receiver if ":" not in entry.receiver else ""


def _tell_times(entries: list[Entry], options: QianniuOptions) -> None:
    if options.day is not None:
        _date_clocks(entries, options.day)
    timed = any(entry.sent_at is not None and not entry.problem for entry in entries)
    for entry in entries if timed else ():
        if entry.sent_at is None and entry.clock and not entry.problem:
            entry.problem = "发送时间 has no date while other messages have one; give a `day:`"


def _date_clocks(entries: list[Entry], day: date) -> None:
    """Put the clocks of each talk on `day`; where one runs back by hours, the next day begins."""
    latest: dict[int, datetime] = {}
    for entry in entries:
        if not entry.clock:
            continue
        moment = read_time(f"{day.isoformat()} {entry.clock}")
        before = latest.get(entry.talk)
        while moment and before and before - moment > timedelta(hours=6):
            moment += timedelta(days=1)
        entry.sent_at = moment
        if moment:
            latest[entry.talk] = moment
