"""Entries of chats to contract tables: the last steps that every pasted or logged chat shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import polars as pl

from csinsight.contract.tables import AGENTS, MESSAGES, Agents, Messages
from csinsight.importers.qianniu_text import PLACEHOLDER_REASON, Entry
from csinsight.importers.reading import REFUSED_SCHEMA, Line, stack
from csinsight.importers.sift import Imported, finish, settle

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
    the contract. What an earlier file told already is refused too.
    """
    _refuse_repeats(entries)
    frame = pl.DataFrame([_row(entry) for entry in entries], schema=_SCHEMA, orient="row")
    problem = pl.col("_problem") != ""
    refused = frame.filter(problem).with_columns(pl.col("_problem").alias(Line.REASON))
    kept, rest = settle(MESSAGES, frame.filter(~problem))
    tables = {MESSAGES.name: finish(MESSAGES, kept), AGENTS.name: _agents(kept)}
    return Imported(
        {name: table for name, table in tables.items() if table.height},
        stack([refused.select(*REFUSED_SCHEMA), rest], REFUSED_SCHEMA),
        len(entries),
        kept.height,
        (*notices, *_notices(entries, kept)),
    )


def _refuse_repeats(entries: list[Entry]) -> None:
    """Refuse what an earlier file told already: copies of one chat overlap."""
    seen: dict[tuple[str, str, datetime, str], str] = {}
    for entry in entries:
        if entry.problem or entry.sent_at is None:
            continue
        key = (entry.buyer, entry.nick, entry.sent_at, entry.text)
        if seen.setdefault(key, entry.file) != entry.file:
            entry.problem = "the same message stands in an earlier file"


def _row(entry: Entry) -> tuple[str | int | datetime | None, ...]:
    masked = "*" in entry.buyer or "\uff0a" in entry.buyer
    buyer = f"{entry.buyer}#{entry.talk}" if masked else entry.buyer
    return (
        entry.file,
        entry.line,
        entry.raw,
        entry.problem,
        buyer or None,
        entry.nick if entry.side == "agent" else None,
        entry.side or None,
        entry.sent_at,
        entry.text.strip() or None,
        f"{buyer}@{entry.talk}" if entry.sent_at is None else None,
    )


def _agents(kept: pl.DataFrame) -> pl.DataFrame:
    nick = pl.col(Messages.AGENT_ID)
    return (
        kept.select(nick.alias(Agents.AGENT_ID), nick.str.split(":").list.last().alias(Agents.NAME))
        .drop_nulls(Agents.AGENT_ID)
        .unique(Agents.AGENT_ID, keep="first", maintain_order=True)
    )


def _notices(entries: list[Entry], kept: pl.DataFrame) -> list[str]:
    notices = []
    hidden = Counter(entry.side for entry in entries if entry.problem == PLACEHOLDER_REASON)
    if hidden:
        notices.append(
            f"{hidden.total()} messages could not be shown by the page ({hidden['agent']} by "
            "agents): they are missing, so reply times around them may look too long"
        )
    masked = kept[Messages.BUYER_ID].str.contains(r"[*\uff0a]").sum()
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
