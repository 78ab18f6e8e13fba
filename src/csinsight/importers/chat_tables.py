"""Entries of chats to contract tables: the last steps that every pasted or logged chat shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from csinsight.contract.cells import MASKED
from csinsight.contract.schema import AGENTS, MESSAGES, Agents, Messages
from csinsight.importers.chat_text import PLACEHOLDER_REASON, Entry
from csinsight.importers.one_shop import refuse_two_sellers
from csinsight.importers.reading import REFUSED_SCHEMA, REPEAT, Line, Records, as_refused, stack
from csinsight.importers.sift import FileFacts, Imported, finish, settle

_SCHEMA: Final = {
    Line.FILE: pl.String(),
    Line.NUMBER: pl.Int64(),
    Line.RAW: pl.String(),
    "_problem": pl.String(),
    Messages.BUYER_ID: pl.String(),
    Messages.AGENT_ID: pl.String(),
    Messages.SENDER: pl.String(),
    Messages.SENT_AT: pl.Datetime("us"),
    Messages.TEXT: pl.String(),
    Messages.CONVERSATION_ID: pl.String(),
}


def chat_tables(entries: list[Entry], notices: Iterable[str] = ()) -> Imported:
    """Return ``messages`` and ``agents`` of entries whose sides, buyers and times are told.

    Each entry is one row in: it comes out as one message, or is refused for its `problem` or by
    the contract. What an earlier file told already is refused too. `entries` is used up.

    Examples
    --------
    >>> said = {"file": "a.txt", "line": 1, "raw": "tb1 10:00 在吗", "nick": "tb1", "text": "在吗"}
    >>> line = Entry(**said, side="buyer", buyer="tb1", sent_at=datetime(2026, 10, 5, 10))
    >>> imported = chat_tables([line, Entry(**said, problem="no time stands there")])
    >>> imported.rows_in, imported.rows_out, imported.refused["_reason"].to_list()
    (2, 1, ['no time stands there'])
    """
    # Lines of the client (a recall, a transfer), which no client dates, have the time of the line
    # before in their talk; a first line of a talk has the time of what follows.
    latest: dict[int, datetime] = {}
    for entry in reversed(entries):
        if entry.sent_at is not None:
            latest[entry.talk] = entry.sent_at
    for entry in entries:
        if entry.sent_at is not None:
            latest[entry.talk] = entry.sent_at
        elif entry.side == "system" and not entry.clock and not entry.problem:
            entry.sent_at = latest.get(entry.talk)
    _refuse_repeats(entries)
    frame = _frame(entries)
    count, hidden = len(entries), _hidden(entries)
    # They are many and large: their memory is needed for what is made of them.
    entries.clear()
    problem = pl.col("_problem") != ""
    refused = as_refused(frame.filter(problem).rename({"_problem": Line.REASON}))
    kept, rest = settle(MESSAGES, frame.filter(~problem) if refused.height else frame)
    nick = pl.col(Messages.AGENT_ID)
    agents = (
        kept.select(nick.alias(Agents.AGENT_ID), nick.str.split(":").list.last().alias(Agents.NAME))
        .drop_nulls(Agents.AGENT_ID)
        .unique(Agents.AGENT_ID, keep="first", maintain_order=True)
    )
    tables = {MESSAGES.name: finish(MESSAGES, kept), AGENTS.name: agents}
    return Imported(
        {name: table for name, table in tables.items() if table.height},
        stack([refused, rest], REFUSED_SCHEMA),
        count,
        kept.height,
        (*notices, *hidden, *_notices(kept)),
        used=kept.select(Line.FILE),
    )


def damaged_entries(records: Records) -> list[Entry]:
    """Return the rows of a table of messages that don't fit its header, to be refused as such.

    Examples
    --------
    >>> from csinsight.importers.reading import gather
    >>> records = gather("a.csv", ["id", "n"], [(2, "1", ["1"])])
    >>> [entry.problem for entry in damaged_entries(records)]
    ['the record has 1 fields, the header 2']
    """
    return [
        Entry(row[Line.FILE], row[Line.NUMBER], row[Line.RAW], problem=row[Line.REASON])
        for row in records.damaged.iter_rows(named=True)
    ]


def shops_of(entries: Iterable[Entry]) -> dict[str, FileFacts]:
    """Return by file the shops whose agents write there.

    Raises
    ------
    ImporterError
        Where one file holds the chats of two.

    Examples
    --------
    >>> line = Entry("chat.txt", 1, "在", nick="旗舰店:小李", side="agent")
    >>> shops_of([line])["chat.txt"].shops
    ('旗舰店',)
    """
    shops: dict[str, dict[str, set[str]]] = {}
    for entry in entries:
        if ":" in entry.nick and entry.side in ("agent", "bot") and not entry.problem:
            shop = entry.nick.split(":", 1)[0]
            shops.setdefault(entry.file, {}).setdefault(shop, set()).add(entry.buyer)
    refuse_two_sellers(shops)
    return {file: FileFacts(shops=tuple(sorted(names))) for file, names in shops.items()}


def _refuse_repeats(entries: list[Entry]) -> None:
    """Refuse what another file tells already: copies of one chat overlap.

    Of two files the one that comes first by name keeps its lines, whichever was given first. Each
    file may say the same twice; what counts is how often the fuller one does.
    """
    first: dict[_Key, str] = {}
    shared: set[_Key] = set()
    for entry in entries if len({entry.file for entry in entries}) > 1 else ():
        key = _key(entry)
        if key is not None and first.setdefault(key, entry.file) != entry.file:
            shared.add(key)
    told: dict[_Key, dict[str, list[Entry]]] = {}
    for entry in entries if shared else ():
        key = _key(entry)
        if key in shared:
            told.setdefault(key, {}).setdefault(entry.file, []).append(entry)
    for files in told.values():
        kept = min(files, key=lambda name: (-len(files[name]), name))
        for name, copies in files.items():
            for entry in copies if name != kept else ():
                entry.problem = f"{REPEAT}the same message stands in another file"


_Key = tuple[str, str, datetime, str]


def _key(entry: Entry) -> _Key | None:
    """Return what makes two messages the same; None for what is none."""
    if entry.problem or entry.sent_at is None:
        return None
    return entry.buyer, entry.nick, entry.sent_at, entry.text


def _talk_names(entries: Sequence[Entry]) -> dict[int, str]:
    """Return a name of each talk that depends neither on other files nor on their order."""
    first: dict[int, datetime] = {}
    places: dict[int, str] = {}
    for entry in entries:
        places.setdefault(entry.talk, f"{entry.file}:{entry.line}")
        if entry.sent_at is not None:
            first[entry.talk] = min(first.get(entry.talk, entry.sent_at), entry.sent_at)
    return {
        talk: f"{first[talk]:%Y%m%d%H%M%S}" if talk in first else place
        for talk, place in places.items()
    }


def _frame(entries: Sequence[Entry]) -> pl.DataFrame:
    """Return entries as a frame, a column at a time: rows of all would be held beside it."""
    talks = _talk_names(entries)
    buyers = [
        f"{entry.buyer}#{talks[entry.talk]}" if re.search(MASKED, entry.buyer) else entry.buyer
        for entry in entries
    ]
    told = [entry.sent_at for entry in entries]
    columns: dict[str, Iterable[object]] = {
        Line.FILE: (entry.file for entry in entries),
        Line.NUMBER: (entry.line for entry in entries),
        Line.RAW: (entry.raw for entry in entries),
        "_problem": (entry.problem for entry in entries),
        Messages.BUYER_ID: (buyer or None for buyer in buyers),
        Messages.AGENT_ID: (e.nick if e.side == "agent" else None for e in entries),
        Messages.SENDER: (entry.side or None for entry in entries),
        Messages.SENT_AT: told,
        Messages.TEXT: (entry.text.strip() or None for entry in entries),
        Messages.CONVERSATION_ID: (
            f"{buyer}@{talks[entry.talk]}" if at is None else None
            for buyer, at, entry in zip(buyers, told, entries, strict=True)
        ),
    }
    return pl.DataFrame(
        [pl.Series(name, list(columns[name]), dtype=kind) for name, kind in _SCHEMA.items()]
    )


def _hidden(entries: Iterable[Entry]) -> list[str]:
    hidden = Counter(entry.side for entry in entries if entry.problem == PLACEHOLDER_REASON)
    told = (
        f"{hidden.total()} messages could not be shown by the page ({hidden['agent']} by agents): "
        "they are missing, so reply times around them may look too long"
    )
    return [told] if hidden else []


def _notices(kept: pl.DataFrame) -> list[str]:
    notices = []
    masked = kept[Messages.BUYER_ID].str.contains(MASKED).sum()
    if masked:
        notices.append(
            f"{masked} messages are by masked buyers (摩**): each talk counts as a buyer of its "
            "own, and none can be joined to orders"
        )
    if kept.height and kept[Messages.SENT_AT].null_count() == kept.height:
        notices.append(
            "发送时间 has no date: sent_at is left empty and each customer is one conversation; "
            "give a YAML file with `day: 2024-01-05` as the mapping if all are of one day"
        )
    return notices
