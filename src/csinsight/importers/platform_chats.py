"""Chats as platforms' own programs save them: 生意参谋 sessions, 京麦 tables, Intercom.

Each message becomes an `Entry`, like the lines of a pasted chat, so that masked buyers, repeats,
placeholders and missing times are treated alike everywhere (`csinsight.importers.chat_text`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from csinsight.contract.schema import AGENTS, RATINGS, Agents, Ratings
from csinsight.errors import ImporterError
from csinsight.importers.cells import YES, text_of_html
from csinsight.importers.chat_tables import chat_tables, shops_of
from csinsight.importers.chat_text import Entry, judge, read_time
from csinsight.importers.options import ChatOptions, Options, read_options
from csinsight.importers.reading import LINE_SCHEMA, Line
from csinsight.importers.records import load_json
from csinsight.importers.sift import Imported, Rule, settle, with_table
from csinsight.importers.text_files import read_text
from csinsight.importers.workbook import open_tables

#: How robots' accounts are called, as their nicks say.
_BOTS: Final = ("机器人", "店小蜜", "服务助手", "自动回复")
_UTC_SHOP: Final = "Asia/Shanghai"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Beyond this a number of an epoch counts milliseconds.
_MILLISECONDS_FROM: Final = 100_000_000_000
_NO_WRITER: Final = "neither side is named as the writer of this message"

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
    >>> import tempfile
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
    for path in files:
        for number, session in enumerate(_members(path, "sessions"), start=1):
            entries += _session(path.name, number, session, len(entries), zone)
    facts = {} if options.one_shop else shops_of(entries)
    return replace(chat_tables(entries), facts=facts)


def _session(file: str, number: int, session: Any, talk: int, zone: str) -> Iterator[Entry]:
    fields = _object(session)
    meta = _object(fields.get("meta")) or fields
    nick, agent = _text(meta.get("buyerNick")), _text(meta.get("psnNickName"))
    platform_id = _text(meta.get("dataId")).rsplit("_", 1)[-1]
    buyer = platform_id if platform_id and (not nick or "*" in nick) else nick
    messages = fields.get("messages")
    for message in messages if isinstance(messages, list) else [None]:
        told = _object(message)
        writer = _text(told.get("userNickFrom"))
        entry = _entry(file, number, message if told else session)
        entry.talk, entry.buyer, entry.text = talk, buyer, _text(told.get("msg"))
        entry.sent_at = _moment(told.get("gmtCreated"), zone)
        if writer and writer in (nick, buyer):
            entry.side, entry.nick = "buyer", writer
        elif writer or agent:
            entry.side, entry.nick = _agent_side(writer or agent), writer or agent
        yield _judged(entry)


def read_jingmai_chats(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    r"""Read 京麦 chat tables (a row a message) into ``messages`` and ``agents``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV or workbooks with the columns of `JINGMAI`.
    mapping : pathlib.Path or None
        YAML of `Options`.
    timezone : str or None
        As for `read_sycm_chats`.

    Raises
    ------
    ImporterError
        Where a file lacks the columns.

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
    zone = read_options(mapping, Options, timezone).timezone or _UTC_SHOP
    wanted = [name for names in JINGMAI.values() for name in names]
    tables = [table for path in files for table in open_tables(path, wanted)]
    entries: list[Entry] = []
    talks: dict[tuple[str, str], int] = {}
    for table in tables:
        found = {
            field: next((name for name in names if name in table.header), None)
            for field, names in JINGMAI.items()
        }
        needed = ("buyer", "agent", "time", "by_agent", "text")
        absent = [JINGMAI[field][0] for field in needed if not found[field]]
        if absent:
            raise ImporterError(
                f"{table.file}: has no column {', '.join(absent)}; a 京麦 chat table has them; "
                f"found: {', '.join(table.header[:12])}"
            )
        for row in table.frame.iter_rows(named=True):
            told = {field: _text(row[name]) if name else "" for field, name in found.items()}
            key = (told["talk"] or told["buyer"], told["agent"])
            talk = talks.setdefault(key, len(talks) + 1)
            entries.append(_row_entry(row, told, talk, zone))
    damaged = [_damaged(*row) for table in tables for row in table.damaged.iter_rows()]
    return chat_tables([*entries, *damaged])


def _row_entry(row: dict[str, Any], told: dict[str, str], talk: int, zone: str) -> Entry:
    entry = Entry(str(row[Line.FILE]), int(row[Line.NUMBER]), str(row[Line.RAW]), talk=talk)
    entry.buyer, entry.text = told["buyer"], told["text"]
    entry.sent_at = _moment(told["time"], zone)
    sent = told["by_agent"].lower()
    if sent in YES and told["agent"]:
        entry.side, entry.nick = _agent_side(told["agent"]), told["agent"]
    elif sent in _NO and told["buyer"]:
        entry.side, entry.nick = "buyer", told["buyer"]
    kind = told["kind"].lower()
    if not entry.text and kind and kind not in ("text", "1"):
        entry.text = f"[{told['kind']}]"
    return _judged(entry)


def _damaged(file: str, line: int, raw: str, reason: str, *_: object) -> Entry:
    return Entry(file, line, raw, problem=reason)


def read_intercom(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    """Read Intercom conversations (JSON) into ``messages``, ``agents`` and ``ratings``.

    The opening stands in ``source``, what follows in ``conversation_parts``; parts without a body
    (assignments, notes of closing) and notes of the team are no messages, but are counted, and so
    are ratings that can't be used.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        YAML of `Options`.
    timezone : str or None
        The shop's clock: Intercom counts seconds in UTC.

    Raises
    ------
    ImporterError
        Where a file holds no conversations, or no clock is told.

    Examples
    --------
    >>> import json, tempfile
    >>> said = {"body": "<p>Is it in stock?</p>", "author": {"type": "user", "id": "u1"}}
    >>> talk = {"id": "1", "created_at": 1790000000, "source": said}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "talks.json"
    ...     _ = file.write_text(json.dumps({"conversations": [talk]}), encoding="utf-8")
    ...     imported = read_intercom([file], timezone="Europe/Berlin")
    >>> imported.tables["messages"].select("text", "sent_at").rows()
    [('Is it in stock?', datetime.datetime(2026, 9, 21, 16, 13, 20))]
    """
    zone = read_options(mapping, Options, timezone).timezone
    if zone is None:
        raise ImporterError(
            f"{files[0].name}: Intercom writes UTC; say on which clock the shop lives "
            "(`--timezone Europe/Berlin`)"
        )
    entries: list[Entry] = []
    names: dict[str, str] = {}
    scores: list[dict[str, Any]] = []
    for path in files:
        for number, one in enumerate(_members(path, "conversations"), start=1):
            talk = _object(one)
            entries += _conversation(path.name, number, talk, len(entries), zone, names)
            scores += _scores(path.name, number, talk, zone)
    # A score is a row in too: it is used or refused with its reason, as a message is.
    imported = chat_tables(entries)
    if AGENTS.name in imported.tables:
        agent = pl.col(Agents.AGENT_ID)
        named = agent.replace_strict(names, default=agent).alias(Agents.NAME)
        imported.tables[AGENTS.name] = imported.tables[AGENTS.name].with_columns(named)
    return _with_ratings(imported, scores)


def _conversation(
    file: str, number: int, talk: dict[str, Any], no: int, zone: str, names: dict[str, str]
) -> Iterator[Entry]:
    buyer = _contact(talk)
    parts = talk.get("conversation_parts")
    parts = parts.get("conversation_parts") if isinstance(parts, dict) else parts
    opening = talk.get("source")
    first = {"created_at": talk.get("created_at")} | opening if isinstance(opening, dict) else None
    for part in [first, *(parts if isinstance(parts, list) else [])]:
        if part is None:
            continue
        told = _object(part)
        entry = _entry(file, number, part)
        entry.talk, entry.buyer = no, buyer
        entry.sent_at = _moment(told.get("created_at"), zone)
        author = _object(told.get("author"))
        role, who = _text(author.get("type")), _text(author.get("id"))
        entry.side = {"admin": "agent", "bot": "bot", "operator": "bot", "team": "system"}.get(
            role, "buyer" if role in ("user", "lead", "contact") else ""
        )
        entry.nick = who if entry.side == "agent" else buyer
        if entry.side == "agent":
            names[who] = _text(author.get("name")) or who
        entry.text = _plain(_text(told.get("body")))
        kind = _text(told.get("part_type"))
        if not entry.text and not told.get("attachments"):
            entry.problem = f"no message: {kind or 'a part'} without a body"
        elif kind == "note":
            entry.problem = "a note of the team, which the buyer does not see"
        elif not entry.text:
            entry.text = "[attachment]"
        yield _judged(entry)


def _contact(talk: dict[str, Any]) -> str:
    """Return the e-mail of who wrote in, in lower case, as shops' orders have it; else the id."""
    source = _object(talk.get("source"))
    author = _object(source.get("author"))
    if _text(author.get("type")) in ("user", "lead", "contact") and author.get("email"):
        return _text(author["email"]).lower()
    contacts = talk.get("contacts")
    inside = contacts.get("contacts") if isinstance(contacts, dict) else contacts
    first = _object(inside[0]) if isinstance(inside, list) and inside else {}
    return _text(first.get("email")).lower() or _text(first.get("id")) or _text(author.get("id"))


def _scores(file: str, number: int, talk: dict[str, Any], zone: str) -> Iterator[dict[str, Any]]:
    """Yield the rating of a conversation, where there is one, with what is wrong with it."""
    told = talk.get("conversation_rating")
    if not told or (isinstance(told, dict) and told.get("rating") is None):
        return
    given = _object(told)
    mate = given.get("teammate")
    score = _text(given.get("rating"))
    yield {
        Line.FILE: file,
        Line.NUMBER: number,
        Line.RAW: json.dumps(told, ensure_ascii=False),
        Ratings.BUYER_ID: _contact(talk) or None,
        Ratings.AGENT_ID: _text(_object(mate).get("id")) or _text(mate) or None,
        Ratings.RATED_AT: _moment(given.get("created_at"), zone),
        Ratings.SCORE: int(score) if score.isdecimal() and len(score) < 5 else None,
    }


_RATED: Final[dict[str, pl.DataType]] = {
    **LINE_SCHEMA,
    Ratings.BUYER_ID: pl.String(),
    Ratings.AGENT_ID: pl.String(),
    Ratings.RATED_AT: pl.Datetime("us"),
    Ratings.SCORE: pl.Int64(),
}


def _with_ratings(imported: Imported, scores: list[dict[str, Any]]) -> Imported:
    """Return an import with ``ratings``: each is a row in, used or refused with its reason."""
    if not scores:
        return imported
    score = pl.col(Ratings.SCORE)
    rules: list[Rule] = [
        (pl.col(Ratings.BUYER_ID).is_null(), "the rating is of a conversation without a buyer"),
        (pl.col(Ratings.AGENT_ID).is_null(), "the rating names no teammate whom it is of"),
        (pl.col(Ratings.RATED_AT).is_null(), "the rating has no time"),
        (score.is_null() | ~score.is_between(1, 5), "the rating is no score from 1 to 5"),
    ]
    kept, refused = settle(RATINGS, pl.DataFrame(scores, schema=_RATED), rules)
    return with_table(imported, RATINGS, kept, refused)


def _members(path: Path, inside: str) -> list[Any]:
    """Return the members of a JSON list, of the list `inside` an object, or of JSON lines."""
    text = read_text(path)
    try:
        whole = load_json(text)
    except (ValueError, RecursionError):
        lines = enumerate(text.split("\n"), start=1)
        return [_line(path.name, number, one) for number, one in lines if one.strip()]
    found = whole.get(inside, [whole]) if isinstance(whole, dict) else whole
    if not isinstance(found, list):
        raise ImporterError(f"{path.name}: holds no list of {inside}; export them as JSON again")
    return found


def _line(file: str, number: int, text: str) -> Any:
    try:
        return load_json(text)
    except (ValueError, RecursionError) as error:
        raise ImporterError(f"{file}, line {number}: is not JSON; export it again") from error


def _entry(file: str, number: int, part: Any) -> Entry:
    return Entry(file, number, json.dumps(part, ensure_ascii=False))


def _judged(entry: Entry) -> Entry:
    if not entry.problem and not entry.side:
        entry.problem = _NO_WRITER
    if not entry.problem and entry.sent_at is None:
        entry.problem = "the message has no time, or one that can't be read"
    judge(entry)
    return entry


def _agent_side(nick: str) -> str:
    return "bot" if any(word in nick for word in _BOTS) else "agent"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).strip()


def _plain(body: str) -> str:
    return str(pl.select(text_of_html(pl.lit(body))).item() or "") if "<" in body else body


def _moment(value: Any, zone: str) -> datetime | None:
    """Return a moment on the shop's clock: of a text as it stands, of a number since 1970."""
    text = _text(value)
    if not text.replace(".", "", 1).isdigit():
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            return read_time(text)
        return told.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if told.tzinfo else told
    number = float(text)
    seconds = number / 1000 if number > _MILLISECONDS_FROM else number
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError:
        return None
