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

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from csinsight.importers.chat_tables import chat_tables
from csinsight.importers.qianniu_sheet import is_table, parse_sheets
from csinsight.importers.qianniu_text import Entry, parse_text, read_time
from csinsight.importers.reading import ImporterError, read_text
from csinsight.importers.sift import Imported
from csinsight.importers.yaml_file import load_yaml

_BOTS: Final = ("机器人", "店小蜜", "服务助手")


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
    return chat_tables(entries, notices)


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
