"""Intercom conversations (JSON): their opening, their parts, and what buyers thought of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.schema import AGENTS, RATINGS, Agents, Ratings
from csinsight.errors import ImporterError
from csinsight.importers.cells import text_of_html
from csinsight.importers.chat_tables import chat_tables
from csinsight.importers.chat_text import Entry
from csinsight.importers.mapping_spec import Options, read_options
from csinsight.importers.quotes import quotes_told, without_quotes
from csinsight.importers.reading import LINE_SCHEMA, Line
from csinsight.importers.records import (
    as_list,
    as_object,
    as_text,
    json_entry,
    judged,
    members,
    moment_of,
)
from csinsight.importers.sift import Imported, Rule, settle_once, with_table


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
    talks: list[dict[str, Any]] = []
    for path in files:
        for number, one in enumerate(members(path, "conversations"), start=1):
            talk = as_object(one)
            talks.append(talk)
            entries += _conversation(path.name, number, talk, len(entries), zone, names)
            scores += _scores(path.name, number, talk, zone)
    quoting = 0
    for entry in entries:
        said = without_quotes(entry.text)
        quoting += said != entry.text
        entry.text = said
    # A score is a row in too: it is used or refused with its reason, as a message is.
    imported = chat_tables(entries, [*_cut_off(talks), *quotes_told(quoting)])
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
    for part in [first, *as_list(parts)]:
        if part is None:
            continue
        told = as_object(part)
        entry = json_entry(file, number, part)
        entry.talk, entry.buyer = no, buyer
        entry.sent_at = moment_of(told.get("created_at"), zone)
        author = as_object(told.get("author"))
        role, who = as_text(author.get("type")), as_text(author.get("id"))
        entry.side = {"admin": "agent", "bot": "bot", "operator": "bot", "team": "system"}.get(
            role, "buyer" if role in ("user", "lead", "contact") else ""
        )
        entry.nick = who if entry.side == "agent" else buyer
        if entry.side == "agent":
            names[who] = as_text(author.get("name")) or who
        body = as_text(told.get("body"))
        plain = pl.select(text_of_html(pl.lit(body))).item() if "<" in body else body
        entry.text = str(plain or "")
        kind = as_text(told.get("part_type"))
        if not entry.text and not told.get("attachments"):
            entry.problem = f"no message: {kind or 'a part'} without a body"
        elif kind == "note":
            entry.problem = "a note of the team, which the buyer does not see"
        elif not entry.text:
            entry.text = "[attachment]"
        yield judged(entry)


def _cut_off(talks: Sequence[dict[str, Any]]) -> list[str]:
    """Tell of conversations of which Intercom gave the latest parts alone."""
    lacking = 0
    for talk in talks:
        parts = as_object(talk.get("conversation_parts"))
        inside, count = parts.get("conversation_parts"), as_text(parts.get("total_count"))
        lacking += count.isdecimal() and int(count) > len(as_list(inside))
    told = (
        f"{lacking} conversations have more parts than the file holds (Intercom gives 500): their "
        "other messages are missing"
    )
    return [told] if lacking else []


def _contact(talk: dict[str, Any]) -> str:
    """Return the e-mail of who wrote in, in lower case, as shops' orders have it; else the id."""
    source = as_object(talk.get("source"))
    author = as_object(source.get("author"))
    if as_text(author.get("type")) in ("user", "lead", "contact") and author.get("email"):
        return as_text(author["email"]).lower()
    contacts = talk.get("contacts")
    inside = contacts.get("contacts") if isinstance(contacts, dict) else contacts
    first = as_object(next(iter(as_list(inside)), None))
    return (
        as_text(first.get("email")).lower() or as_text(first.get("id")) or as_text(author.get("id"))
    )


def _scores(file: str, number: int, talk: dict[str, Any], zone: str) -> Iterator[dict[str, Any]]:
    """Yield the rating of a conversation, where there is one, with what is wrong with it."""
    told = talk.get("conversation_rating")
    if not told or (isinstance(told, dict) and told.get("rating") is None):
        return
    given = as_object(told)
    mate = given.get("teammate")
    score = as_text(given.get("rating"))
    yield {
        Line.FILE: file,
        Line.NUMBER: number,
        Line.RAW: json.dumps(told, ensure_ascii=False),
        Ratings.BUYER_ID: _contact(talk) or None,
        Ratings.AGENT_ID: as_text(as_object(mate).get("id")) or as_text(mate) or None,
        Ratings.RATED_AT: moment_of(given.get("created_at"), zone),
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
    kept, refused = settle_once(RATINGS, pl.DataFrame(scores, schema=_RATED), rules)
    return with_table(imported, RATINGS, kept, refused)
