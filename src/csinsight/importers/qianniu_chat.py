"""Qianniu chats, pasted or as a workbook, to ``messages`` and ``agents``.

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

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict

from csinsight.contract.tables import AGENTS, MESSAGES, Agents, Messages
from csinsight.importers.qianniu_sheet import is_table, parse_sheets
from csinsight.importers.qianniu_text import PLACEHOLDER_REASON, Entry, parse_text, read_time
from csinsight.importers.reading import REFUSED_SCHEMA, ImporterError, Line, read_text, stack
from csinsight.importers.sift import Imported, finish, settle
from csinsight.importers.yaml_file import load_yaml

_BOTS: Final = ("机器人", "店小蜜", "服务助手")
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


class ChatOptions(BaseModel):
    """What a mapping file may tell of Qianniu chats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Nicks of agents that are not of the form ``店铺名:客服名``.
    agents: tuple[str, ...] = ()
    #: The day of workbooks that only tell the time of day.
    day: date | None = None


def read_qianniu_chat(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    """Read Qianniu chats into ``messages`` and ``agents``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Text files with pasted chats; ``.xlsx`` (or ``.csv``) with the workbook's columns.
    mapping : pathlib.Path or None
        YAML of `ChatOptions`.

    Raises
    ------
    ImporterError
        Where a file can't be read, or nothing tells the agents from the buyers.
    """
    options = load_yaml(mapping, ChatOptions) if mapping else ChatOptions()
    entries, notices = _read(files)
    _tell_sides(entries, options)
    _tell_buyers(entries)
    _tell_times(entries, options)
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


def _read(files: Sequence[Path]) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    notices: list[str] = []
    for path in files:
        if is_table(path):
            found, told = parse_sheets(path)
            notices += told
        else:
            found = parse_text(read_text(path), path.name)
        base = 1 + max((entry.talk for entry in entries), default=0)
        for entry in found:
            entry.talk += base
        entries += found
    return entries, notices


def _tell_sides(entries: list[Entry], options: ChatOptions) -> None:
    told = [entry for entry in entries if entry.nick and not entry.problem]
    shops = {e.nick.split(":", 1)[0] for e in told if ":" in e.nick}
    known = {*options.agents, *shops, *(e.nick for e in told if e.side == "agent")}
    for entry in entries:
        if entry.nick and entry.side in ("", "agent"):
            agent = ":" in entry.nick or entry.nick in known
            bot = agent and any(word in entry.nick.rsplit(":", 1)[-1] for word in _BOTS)
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


def _tell_times(entries: list[Entry], options: ChatOptions) -> None:
    if options.day is not None:
        _date_clocks(entries, options.day)
    timed = any(entry.sent_at is not None and not entry.problem for entry in entries)
    latest: dict[int, datetime] = {}
    for entry in reversed(entries) if timed else ():
        if entry.sent_at is not None:
            latest[entry.talk] = entry.sent_at
    for entry in entries if timed else ():
        if entry.sent_at is not None:
            latest[entry.talk] = entry.sent_at
        elif entry.clock and not entry.problem:
            entry.problem = "发送时间 has no date while other messages have one; give a `day:`"
        elif entry.side == "system":
            entry.sent_at = latest.get(entry.talk)


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
