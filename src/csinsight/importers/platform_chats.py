"""Chats as platforms' own programs save them: 生意参谋 sessions and 京麦 tables.

Each message becomes an `Entry`, like the lines of a pasted chat, so that masked buyers, repeats,
placeholders and missing times are treated alike everywhere (`csinsight.importers.chat_text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.schema import Messages
from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError
from csinsight.importers.cells import YES, clean, dated
from csinsight.importers.chat_tables import chat_tables, damaged_entries, shops_of
from csinsight.importers.chat_text import Entry
from csinsight.importers.mapping_spec import ChatOptions, read_options
from csinsight.importers.one_shop import (
    OrderRow,
    refuse_mixed_chats,
    refuse_other_conversations,
    shop_of,
    untold_zones,
)
from csinsight.importers.reading import Line, Records, plain_word
from csinsight.importers.records import (
    as_list,
    as_object,
    as_text,
    json_entry,
    judged,
    members,
    moment_of,
)
from csinsight.importers.sift import FileFacts, FileNotice, Imported
from csinsight.importers.workbook import of_one_kind, open_tables

#: How robots' accounts are called, as their nicks say.
_BOTS: Final = ("机器人", "店小蜜", "服务助手", "自动回复")
_UTC_SHOP: Final = "Asia/Shanghai"

#: Columns of a 京麦 table, each with the names that it has borne.
JINGMAI: Final[dict[str, tuple[str, ...]]] = {
    "buyer": ("customer", "客户", "顾客"),
    "agent": ("waiter", "service", "客服"),
    "time": ("created", "发送时间", "时间"),
    "by_agent": ("waiterSend", "是否客服发送"),
    "kind": ("type", "消息类型"),
    "text": ("content", "内容", "消息内容"),
    "talk": ("sid", "sessionId", "会话ID"),
}
_NO: Final = ("false", "0", "0.0", "否", "no")


def read_sycm_chats(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    """Read 生意参谋 chat sessions (JSON) into ``messages`` and ``agents``.

    The buyer is ``buyerNick``; where it is masked, the platform's id at the end of ``dataId``.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        YAML of `ChatOptions`.
    timezone : str or None
        The shop's clock, for times in seconds since 1970; the platform's own, Asia/Shanghai,
        unless told.

    Raises
    ------
    ImporterError
        Where a file holds no sessions.

    Examples
    --------
    >>> import json, tempfile
    >>> message = {"gmtCreated": "2026-10-05 10:00:00", "userNickFrom": "tb1", "msg": "在吗"}
    >>> session = {"meta": {"dataId": "1_a_2", "buyerNick": "tb1"}, "messages": [message]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "chats.json"
    ...     _ = file.write_text(json.dumps({"sessions": [session]}), encoding="utf-8")
    ...     imported = read_sycm_chats([file])
    >>> imported.tables["messages"]["buyer_id"].to_list()
    ['tb1']
    """
    options = read_options(mapping, ChatOptions, timezone)
    zone = options.timezone or _UTC_SHOP
    entries: list[Entry] = []
    times: list[tuple[str, str]] = []
    for path in files:
        for number, session in enumerate(members(path, "sessions"), start=1):
            entries += _session(path.name, number, session, len(entries), zone)
            told = as_object(session).get("messages")
            sent = map(as_object, as_list(told))
            times += [(path.name, as_text(message.get("gmtCreated"))) for message in sent]
    facts = {} if options.one_shop else shops_of(entries)
    written = pl.DataFrame(times, [(Line.FILE, pl.String), ("at", pl.String)], orient="row")
    return replace(chat_tables(entries, untold_zones(written, "at")), facts=facts)


def _session(file: str, number: int, session: Any, talk: int, zone: str) -> Iterator[Entry]:
    fields = as_object(session)
    meta = as_object(fields.get("meta")) or fields
    nick, agent = (_bare(as_text(meta.get(name))) for name in ("buyerNick", "psnNickName"))
    platform_id = as_text(meta.get("dataId")).rsplit("_", 1)[-1]
    buyer = platform_id if platform_id and (not nick or "*" in nick) else nick
    messages = fields.get("messages")
    for message in messages if isinstance(messages, list) else [None]:
        told = as_object(message)
        writer, to = (_bare(as_text(told.get(f"userNick{way}"))) for way in ("From", "To"))
        entry = json_entry(file, number, message if told else session)
        entry.talk, entry.buyer, entry.text = talk, buyer, as_text(told.get("msg"))
        entry.sent_at = moment_of(told.get("gmtCreated"), zone)
        if writer and _buys(writer, to, (nick, buyer), agent):
            entry.side, entry.nick = "buyer", writer
        elif writer or agent:
            entry.side, entry.nick = _agent_side(writer or agent), writer or agent
        yield judged(entry)


#: What the platform puts before nicks within: whose account it is.
_SITE: Final = re.compile(r"^cn(?:taobao|alichn|hitao)(?=.)")


def _bare(nick: str) -> str:
    return _SITE.sub("", nick)


def _buys(writer: str, to: str, buyers: tuple[str, str], agent: str) -> bool:
    """Tell whether the buyer of a session wrote a message.

    The session may mask the nick that its messages bear.
    """
    if writer in buyers or writer == agent or ":" in writer:
        return writer in buyers
    if to in buyers or _agent_side(writer) == "bot":
        return False
    return bool(to) and (to == agent or ":" in to)


def read_jingmai_chats(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    r"""Read 京麦 chat tables (a row a message) into ``messages`` and ``agents``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV or workbooks with the columns of `JINGMAI`.
    mapping : pathlib.Path or None
        YAML of `ChatOptions`.
    timezone : str or None
        As for `read_sycm_chats`.

    Raises
    ------
    ImporterError
        Where a file lacks the columns, or where the files are of two shops.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "chats.csv"
    ...     text = "customer,waiter,created,waiterSend,content\n"
    ...     text += "jd_1,小李,2026-10-05 10:00:00,false,在吗\n"
    ...     _ = file.write_text(text, encoding="utf-8")
    ...     imported = read_jingmai_chats([file])
    >>> imported.tables["messages"]["sender"].to_list()
    ['buyer']
    """
    options = read_options(mapping, ChatOptions, timezone)
    zone = options.timezone or _UTC_SHOP
    wanted = [name for names in JINGMAI.values() for name in names]
    needed = ("buyer", "agent", "time", "by_agent", "text")
    skipped: list[str] = []
    tables = [
        table
        for path in files
        for table in of_one_kind(
            open_tables(path, wanted, encoding=options.encoding),
            lambda table: all(set(JINGMAI[field]) & set(table.header) for field in needed),
            skipped,
        )
    ]
    facts = {} if options.one_shop else _shops(tables)
    entries: list[Entry] = []
    talks: dict[tuple[str, str], int] = {}
    for table in tables:
        found = {
            field: next((name for name in names if name in table.header), None)
            for field, names in JINGMAI.items()
        }
        absent = [JINGMAI[field][0] for field in needed if not found[field]]
        if absent:
            raise ImporterError(
                f"{table.file}: has no column {', '.join(absent)}; a 京麦 chat table has them; "
                f"found: {', '.join(table.header[:12])}"
            )
        rows, counted = dated(table.frame, str(found["time"]))
        skipped += [f"{table.file}: {notice}" for notice in counted]
        for row in rows.iter_rows(named=True):
            told = {field: as_text(row[name]) if name else "" for field, name in found.items()}
            # A robot hands a session over, and an agent to another: the session is one.
            key = (told["talk"], "") if told["talk"] else (told["buyer"], told["agent"])
            talk = talks.setdefault(key, len(talks) + 1)
            entries.append(_row_entry(row, told, talk, zone))
    damaged = [entry for table in tables for entry in damaged_entries(table)]
    at = [next(name for name in JINGMAI["time"] if name in table.header) for table in tables]
    written = [
        table.frame.select(Line.FILE, pl.col(name).alias("at"))
        for table, name in zip(tables, at, strict=True)
    ]
    notices = [*skipped, *untold_zones(pl.concat(written), "at")]
    notices += [] if options.one_shop else _untold_shops(tables)
    return replace(chat_tables([*entries, *damaged], notices), facts=facts)


def _shops(tables: Sequence[Records]) -> dict[str, FileFacts]:
    """Return by file the shop that its rows name; refuse two, or sessions of one number in two."""
    named = [table.frame.select(Line.FILE, shop_of(table.header)) for table in tables]
    refuse_mixed_chats(pl.concat(named))
    sessions = []
    for table in tables:
        buyer = next((name for name in JINGMAI["buyer"] if name in table.header), None)
        talk = next((name for name in JINGMAI["talk"] if name in table.header), None)
        if buyer and talk:
            told = (
                clean(buyer).alias(Messages.BUYER_ID),
                clean(talk).alias(Messages.CONVERSATION_ID),
            )
            sessions.append(table.frame.select(Line.FILE, *told))
    if sessions:
        refuse_other_conversations(pl.concat(sessions))
    found = [
        (table.file, frame[OrderRow.SHOP].drop_nulls())
        for table, frame in zip(tables, named, strict=True)
    ]
    return {file: FileFacts(shops=(str(shops[0]),)) for file, shops in found if len(shops)}


def _untold_shops(tables: Sequence[Records]) -> list[FileNotice]:
    """Say of which tables neither a shop nor numbers of sessions tell whether they are of one."""
    told = (
        "names neither a shop nor sessions, so chats of two shops could not be told apart: they "
        "are taken as one shop's; where that is so, say `one_shop: true` in a mapping file"
    )

    def signs(table: Records) -> int:
        talks = [clean(name) for name in JINGMAI["talk"] if name in table.header]
        found = table.frame.select(shop_of(table.header), *talks)
        return sum(column.count() for column in found)

    return [
        FileNotice(f"{table.file}: {told}", table.file, "untold_shop", table.frame.height)
        for table in tables
        if table.frame.height and not signs(table)
    ]


def _row_entry(row: dict[str, Any], told: dict[str, str], talk: int, zone: str) -> Entry:
    entry = Entry(str(row[Line.FILE]), int(row[Line.NUMBER]), str(row[Line.RAW]), talk=talk)
    entry.buyer, entry.text = told["buyer"], told["text"]
    entry.sent_at = moment_of(told["time"], zone)
    sent = plain_word(told["by_agent"])
    if sent in YES and told["agent"]:
        entry.side, entry.nick = _agent_side(told["agent"]), told["agent"]
    elif sent in _NO and told["buyer"]:
        entry.side, entry.nick = "buyer", told["buyer"]
    kind = plain_word(told["kind"])
    if not entry.text and kind and kind not in ("text", "1"):
        entry.text = f"[{told['kind']}]"
    return judged(entry)


def _agent_side(nick: str) -> str:
    return "bot" if any(word in simplify(nick) for word in _BOTS) else "agent"
