"""Zendesk tickets with their comments, as JSON: one ticket a line, a list, or ``{"tickets": […]}``.

A public comment is a message: the requester's are the buyer's, Zendesk's own account (-1) is the
system, everybody else is an agent. Internal notes are refused: no buyer read them. A ticket is a
conversation; a satisfaction of ``good`` or ``bad`` becomes a rating of 5 or 1 for its assignee.
The views that Zendesk exports as CSV hold no comments and can't be used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.schema import AGENTS, MESSAGES, RATINGS, Agents, Messages, Ratings
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.options import Options, read_options
from csinsight.importers.reading import LINE_SCHEMA, NO_DATA, REFUSED_SCHEMA, Line, read_text, stack
from csinsight.importers.sift import FileFacts, Imported, Rule, finish, settle, sift

SCORES: Final = {"good": 5, "bad": 1}
_SYSTEM: Final = "-1"
_TEXTS: Final = ("ticket", "requester", "author", "name", "time", "text", "public")
_SCHEMA: Final = {**LINE_SCHEMA, **dict.fromkeys(_TEXTS, pl.String())}
_RATED: Final = ("ticket", "requester", "assignee", "time", "word")
_RATED_SCHEMA: Final = {**LINE_SCHEMA, **dict.fromkeys(_RATED, pl.String())}


def read_zendesk(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    """Read Zendesk tickets into ``messages``, ``agents`` and ``ratings``.

    A row in is a comment, or a ticket without any; each is one message or is refused.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        YAML of `csinsight.importers.options.Options`.
    timezone : str or None
        The shop's clock; it has to be told, here or in the mapping: Zendesk writes UTC.

    Raises
    ------
    ImporterError
        Where a file can't be read or holds no tickets.
    """
    zone = read_options(mapping, Options, timezone).timezone
    if zone is None:
        raise ImporterError(
            "Zendesk writes times in UTC, and nothing says where the shop's clock stands: say "
            "--timezone, such as Asia/Shanghai, or `timezone:` in a mapping file"
        )
    tickets = [found for path in files for found in _tickets(path)]
    frame = pl.DataFrame([row for t in tickets for row in _comments(*t)], _SCHEMA, orient="row")
    good, refused = sift(frame.with_columns(_values(zone)), _rules())
    kept, rest = settle(MESSAGES, good)
    rated = pl.DataFrame([row for t in tickets for row in _rating(*t)], _RATED_SCHEMA, orient="row")
    ratings, odd = settle(RATINGS, rated.select(*LINE_SCHEMA, *_scores(zone)))
    tables = {
        MESSAGES.name: finish(MESSAGES, kept),
        AGENTS.name: _agents(kept),
        RATINGS.name: finish(RATINGS, ratings),
    }
    return Imported(
        {name: table for name, table in tables.items() if table.height},
        stack([refused, rest], REFUSED_SCHEMA),
        frame.height,
        kept.height,
        _notices(ratings.height, odd.height),
        used=kept.select(Line.FILE),
        facts=_facts(kept),
    )


def _facts(kept: pl.DataFrame) -> dict[str, FileFacts]:
    """Return, by file, how far the shop's clock was from UTC."""
    ahead = kept.with_columns(
        (pl.col(Messages.SENT_AT) - cells.utc(pl.col("time"))).dt.total_minutes().alias("ahead")
    )
    found = ahead.group_by(Line.FILE).agg(pl.col("ahead").drop_nulls().unique().sort())
    return {str(file): FileFacts(offsets=tuple(offsets)) for file, offsets in found.iter_rows()}


def _tickets(path: Path) -> list[tuple[str, int, dict[str, Any]]]:
    """Return file, line and ticket of each object; what is no object stands for itself."""
    text = read_text(path)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        return [(path.name, n, _one(line)) for n, line in lines]
    found = whole.get("tickets", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(found, list):
        raise ImporterError(f"{path.name}: holds no list of tickets; export them as JSON")
    return [(path.name, n, t if isinstance(t, dict) else {}) for n, t in enumerate(found, start=1)]


def _one(line: str) -> dict[str, Any]:
    try:
        ticket = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return ticket if isinstance(ticket, dict) else {}


def _comments(file: str, line: int, ticket: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    comments = ticket.get("comments")
    members = comments if isinstance(comments, list) else []
    shared = (_text(ticket.get("id")), _who(ticket, "requester"))
    if not members:
        yield (file, line, json.dumps(ticket, ensure_ascii=False), *shared, *[None] * 5)
    for comment in members:
        fields = comment if isinstance(comment, dict) else {}
        author = fields.get("author")
        yield (
            file,
            line,
            json.dumps(comment, ensure_ascii=False),
            *shared,
            _who(fields, "author"),
            _text(author.get("name")) if isinstance(author, dict) else None,
            _text(fields.get("created_at")),
            _text(fields.get("plain_body") or fields.get("body")),
            _text(fields.get("public", True)),
        )


def _rating(file: str, line: int, ticket: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    given = ticket.get("satisfaction_rating")
    given = given if isinstance(given, dict) else {"score": given}
    if given.get("score") in SCORES:
        when = given.get("updated_at") or given.get("created_at") or ticket.get("updated_at")
        people = (_who(ticket, "requester"), _who(ticket, "assignee"))
        yield (file, line, "", _text(ticket.get("id")), *people, _text(when), given["score"])


def _who(fields: dict[str, Any], role: str) -> str | None:
    """Return an id as ``author_id`` gives it, or the object ``author`` where names are inside."""
    inside = fields.get(role)
    return _text(
        fields.get(f"{role}_id") or (inside.get("id") if isinstance(inside, dict) else None)
    )


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value).strip() or None


def _values(zone: str) -> list[pl.Expr]:
    author, requester = pl.col("author"), pl.col("requester")
    side = (
        pl.when(author == requester)
        .then(pl.lit("buyer"))
        .when(author == _SYSTEM)
        .then(pl.lit("system"))
        .when(author.is_not_null())
        .then(pl.lit("agent"))
    )
    return [
        requester.alias(Messages.BUYER_ID),
        pl.when(side == "agent").then(author).alias(Messages.AGENT_ID),
        side.alias(Messages.SENDER),
        cells.local_time(pl.col("time"), zone).alias(Messages.SENT_AT),
        pl.col("text").alias(Messages.TEXT),
        pl.col("ticket").alias(Messages.CONVERSATION_ID),
    ]


def _rules() -> list[Rule]:
    empty = pl.all_horizontal(pl.col(name).is_null() for name in ("author", "time", "text"))
    return [
        (pl.col("ticket").is_null(), "the record is no ticket with an id"),
        (pl.col("requester").is_null(), "the ticket has no requester"),
        (empty, "the ticket has no comments; export tickets with their comments"),
        (pl.col("public") == "False", f"{NO_DATA}an internal note, which the buyer never saw"),
        (pl.col("author").is_null(), "the comment has no author"),
        (
            pl.col(Messages.SENT_AT).is_null(),
            "created_at is not a time such as 2026-10-05T01:30:00Z",
        ),
    ]


def _scores(zone: str) -> list[pl.Expr]:
    return [
        pl.col("requester").alias(Ratings.BUYER_ID),
        pl.col("assignee").alias(Ratings.AGENT_ID),
        cells.local_time(pl.col("time"), zone).alias(Ratings.RATED_AT),
        pl.col("word").replace_strict(SCORES, return_dtype=pl.Int64).alias(Ratings.SCORE),
    ]


def _agents(kept: pl.DataFrame) -> pl.DataFrame:
    served = kept.filter(pl.col(Messages.SENDER) == "agent")
    return served.select(
        pl.col(Messages.AGENT_ID).alias(Agents.AGENT_ID), pl.col("name").alias(Agents.NAME)
    ).unique(Agents.AGENT_ID, keep="first", maintain_order=True)


def _notices(ratings: int, odd: int) -> tuple[str, ...]:
    told = []
    if ratings:
        told.append(f"{ratings} tickets were rated: good stands as 5, bad as 1, nothing between")
    if odd:
        told.append(f"{odd} ratings name no assignee or no time and are left out")
    return tuple(told)
