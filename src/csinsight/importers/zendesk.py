"""Zendesk tickets with their comments, as JSON: one ticket a line, a list, or ``{"tickets": […]}``.

A public comment is a message: the requester's are the buyer's, Zendesk's own account (-1) is the
system, and who writes otherwise is an agent unless a ``role`` says that they are an end user (a
person copied in stands on the buyer's side). Internal notes are refused: no buyer read them. The
transcript of a chat, which Zendesk keeps as one comment, is cut into its lines; what an e-mail
quotes of others is left out. A ticket is a conversation; a satisfaction of ``good`` or ``bad``
becomes a rating of 5 or 1 for its assignee.

The buyer is the requester's e-mail where the file tells it, in the ticket or in ``users``: shops'
orders know buyers by it, and not by Zendesk's number. The views that Zendesk exports as CSV hold no
comments and can't be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.schema import AGENTS, MESSAGES, RATINGS, Agents, Messages, Ratings
from csinsight.contract.textfile import read_text
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import Options, read_options
from csinsight.importers.one_shop import untold_zones
from csinsight.importers.quotes import answers_alone
from csinsight.importers.reading import LINE_SCHEMA, NO_DATA, REFUSED_SCHEMA, Line, stack
from csinsight.importers.records import as_list, as_object, load_json
from csinsight.importers.sift import (
    FileFacts,
    Imported,
    Rule,
    finish,
    settle_once,
    sift,
    with_table,
)

SCORES: Final = {"good": 5, "bad": 1}
_SYSTEM: Final = "-1"
#: The side of a writer of whom nothing tells it.
_UNTOLD: Final = "untold"
#: Roles of who asks, as ``role`` names them; others answer.
_ASKING: Final = ("end-user", "end_user", "enduser")
_TEXTS: Final = ("ticket", "requester", "buyer", "author", "side", "time", "text", "public")
_SCHEMA: Final = {**LINE_SCHEMA, **dict.fromkeys(_TEXTS, pl.String())}
_UNRATED: Final[list[Rule]] = [
    (pl.col(Ratings.AGENT_ID).is_null(), "the rating names no assignee whom it is of"),
    (pl.col(Ratings.RATED_AT).is_null(), "the rating has no time"),
]
_RATED: Final = ("ticket", "buyer", "assignee", "time", "word")
_RATED_SCHEMA: Final = {**LINE_SCHEMA, **dict.fromkeys(_RATED, pl.String())}
#: ``Chat started on 2026-10-05 08:33 PM UTC``, above lines such as ``(08:33:20 PM) Ann: Hello``.
_CHAT_STARTED: Final = re.compile(
    r"Chat started(?: on)?:?\s+(20[0-9]{2}-[0-9]{2}-[0-9]{2})"
    r"(?:\s+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\s*(?:[AP]M)?))?(?:\s+(?:UTC|GMT|Z))?",
    re.IGNORECASE,
)
_CHAT_LINE: Final = re.compile(
    r"\(([0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\s*[AP]M)?)\)\s*"
    r"(?:\*\*\*\s*(?P<event>.*?)\s*\*\*\*|(?P<nick>[^:\n]{1,80}):)",
    re.IGNORECASE,
)
_VISITOR: Final = re.compile(r"^visitor\b", re.IGNORECASE)


@dataclass
class People:
    """Who is who, by all that the files tell of Zendesk's numbers.

    Parameters
    ----------
    name, email, role : dict of str to str
        By number.
    assignees : set of str
        Numbers to whom tickets are assigned.
    wrote_to : dict of str to set of str
        In whose tickets an author wrote.
    """

    name: dict[str, str] = field(default_factory=dict)
    email: dict[str, str] = field(default_factory=dict)
    role: dict[str, str] = field(default_factory=dict)
    assignees: set[str] = field(default_factory=set)
    wrote_to: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, person: object) -> None:
        """Take what an object that describes somebody tells."""
        fields = as_object(person)
        who = _text(fields.get("id"))
        if who is None:
            return
        for kind, known in (("name", self.name), ("email", self.email), ("role", self.role)):
            if told := _text(fields.get(kind)):
                known.setdefault(who, told.lower() if kind != "name" else told)

    def buyer(self, who: str | None) -> str | None:
        """Return what a requester is known by: the e-mail, else the number."""
        return None if who is None else self.email.get(who, who)

    def side(self, author: str | None, requester: str | None) -> str | None:
        """Return the side that an author writes on; None where nobody wrote."""
        if author is None:
            return None
        if author == requester or self.role.get(author) in _ASKING:
            return "buyer"
        return "system" if author == _SYSTEM else "agent"

    def may_be_copied_in(self, author: str | None, requester: str | None, to: str | None) -> bool:
        """Tell whether an author of no known role may be a person whom the requester copied in.

        So it is in a ticket that is assigned `to` another, where no ticket is theirs, and where
        they write to one requester alone.
        """
        if author is None or author in (_SYSTEM, requester) or author in self.role:
            return False
        alone = len(self.wrote_to.get(author, set())) < 2
        return to is not None and author not in self.assignees and alone

    def called(self, nick: str, requester: str | None) -> tuple[str | None, str]:
        """Return number (the name where it is not known) and side of who a transcript names."""
        if _VISITOR.match(nick) or (requester and nick == self.name.get(requester)):
            return requester, "buyer"
        who = next((n for n, name in self.name.items() if name == nick), nick)
        return who, self.side(who, requester) or "agent"


def read_zendesk(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    """Read Zendesk tickets into ``messages``, ``agents`` and ``ratings``.

    A row in is a comment, a ticket without any, or a rating; each is used or refused.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        YAML of `csinsight.importers.mapping_spec.Options`.
    timezone : str or None
        The shop's clock; it has to be told, here or in the mapping: Zendesk writes UTC.

    Raises
    ------
    ImporterError
        Where a file can't be read or holds no tickets.

    Examples
    --------
    >>> import json, tempfile
    >>> said = {"id": 1, "author_id": 7, "plain_body": "Hi", "created_at": "2026-10-05T10:00:00Z"}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "tickets.json"
    ...     tickets = {"tickets": [{"id": 5, "requester_id": 7, "comments": [said]}]}
    ...     _ = file.write_text(json.dumps(tickets), encoding="utf-8")
    ...     imported = read_zendesk([file], timezone="Europe/Berlin")
    >>> imported.tables["messages"].select("sender", "sent_at").rows()
    [('buyer', datetime.datetime(2026, 10, 5, 12, 0))]
    """
    zone = read_options(mapping, Options, timezone).timezone
    if zone is None:
        raise ImporterError(
            "Zendesk writes times in UTC, and nothing says where the shop's clock stands: say "
            "--timezone, such as Asia/Shanghai, or `timezone:` in a mapping file"
        )
    people = People()
    tickets = [found for path in files for found in _tickets(path, people)]
    for _, _, ticket in tickets:
        _meet(ticket, people)
    said = [row for ticket in tickets for row in _comments(*ticket, people)]
    frame, quoting = answers_alone(pl.DataFrame(said, _SCHEMA, orient="row"), "text")
    good, refused = sift(frame.with_columns(_values(zone)), _rules())
    kept, rest = settle_once(MESSAGES, good)
    scored = [row for ticket in tickets for row in _rating(*ticket, people)]
    rated = pl.DataFrame(scored, _RATED_SCHEMA, orient="row")
    ratings, odd = settle_once(RATINGS, rated.select(*LINE_SCHEMA, *_scores(zone)), _UNRATED)
    served = kept.filter(pl.col(Messages.SENDER) == "agent")[Messages.AGENT_ID]
    ids = pl.concat([served, ratings[Ratings.AGENT_ID]]).drop_nulls().unique(maintain_order=True)
    names = [people.name.get(who) for who in ids]
    agents = pl.DataFrame({Agents.AGENT_ID: ids, Agents.NAME: pl.Series(names, dtype=pl.String)})
    tables = {
        MESSAGES.name: finish(MESSAGES, kept),
        AGENTS.name: agents,
    }
    imported = Imported(
        {name: table for name, table in tables.items() if table.height},
        stack([refused, rest], REFUSED_SCHEMA),
        frame.height,
        kept.height,
        (*untold_zones(frame, "time"), *quoting, *_notices(kept, ratings.height)),
        used=kept.select(Line.FILE),
        facts=_facts(kept),
    )
    return with_table(imported, RATINGS, ratings, odd) if rated.height else imported


def _facts(kept: pl.DataFrame) -> dict[str, FileFacts]:
    """Return, by file, how far the shop's clock was from UTC."""
    ahead = kept.with_columns(
        (pl.col(Messages.SENT_AT) - cells.utc(pl.col("time"))).dt.total_minutes().alias("ahead")
    )
    found = ahead.group_by(Line.FILE).agg(pl.col("ahead").drop_nulls().unique().sort())
    return {str(file): FileFacts(offsets=tuple(offsets)) for file, offsets in found.iter_rows()}


def _tickets(path: Path, people: People) -> list[tuple[str, int, dict[str, Any]]]:
    """Return file, line and ticket of each object; what is no object stands for itself."""
    text = read_text(path)
    try:
        whole = load_json(text)
    except (ValueError, RecursionError):
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        found = [(path.name, n, _one(line)) for n, line in lines]
        if not any(ticket for _, _, ticket in found):
            raise ImporterError(
                f"{path.name}: is not JSON; a view that Zendesk exports as CSV holds no messages: "
                "export tickets with their comments as JSON"
            ) from None
        return found
    found = whole.get("tickets", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(found, list):
        raise ImporterError(f"{path.name}: holds no list of tickets; export them as JSON")
    if isinstance(whole, dict):
        _learn_all(whole.get("users"), people)
    return [(path.name, n, as_object(t)) for n, t in enumerate(found, start=1)]


def _learn_all(users: object, people: People) -> None:
    for person in as_list(users):
        people.learn(person)


def _meet(ticket: dict[str, Any], people: People) -> None:
    """Learn of the people whom a ticket describes."""
    _learn_all(ticket.get("users"), people)
    comments = [as_object(comment) for comment in as_list(ticket.get("comments"))]
    requester, assignee = _who(ticket, "requester"), _who(ticket, "assignee")
    people.assignees |= {assignee} if assignee else set()
    for comment in comments:
        author = _who(comment, "author")
        if author and requester:
            people.wrote_to.setdefault(author, set()).add(requester)
    for part in (ticket, *comments):
        for role in ("requester", "submitter", "assignee", "author"):
            people.learn(part.get(role))


def _one(line: str) -> dict[str, Any]:
    try:
        return as_object(load_json(line))
    except (ValueError, RecursionError):
        return {}


def _comments(
    file: str, line: int, ticket: dict[str, Any], people: People
) -> Iterator[tuple[Any, ...]]:
    members = as_list(ticket.get("comments"))
    requester = _who(ticket, "requester")
    shared = (_text(ticket.get("id")), requester, people.buyer(requester))
    if not members:
        yield (file, line, json.dumps(ticket, ensure_ascii=False), *shared, *[None] * 5)
    for comment in members:
        fields = as_object(comment)
        text = _text(fields.get("plain_body") or fields.get("body"))
        if text and (started := _CHAT_STARTED.search(text)) and _CHAT_LINE.search(text):
            for raw, nick, when, said in _transcript(text, started):
                author, side = people.called(nick, requester) if nick else (_SYSTEM, "system")
                yield (file, line, raw, *shared, author, side, when, said, "True")
            continue
        author = _who(fields, "author")
        yield (
            file,
            line,
            json.dumps(comment, ensure_ascii=False),
            *shared,
            author,
            _UNTOLD
            if people.may_be_copied_in(author, requester, _who(ticket, "assignee"))
            else people.side(author, requester),
            _text(fields.get("created_at")),
            text,
            _text(fields.get("public", True)),
        )


def _transcript(text: str, started: re.Match[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield raw text, writer, time and words of a chat's lines; an event has no writer.

    A clock that goes back has passed midnight. The times are UTC, as all of Zendesk's.
    """
    heads = list(_CHAT_LINE.finditer(text, started.end()))
    day = datetime.fromisoformat(started[1])
    last = _clock(started[2]) if started[2] else timedelta()
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        clock = _clock(head[1])
        # The heading may be rounded to the minute, or lie a little behind the first line.
        if clock < last - timedelta(hours=12):
            day += timedelta(days=1)
        last = clock
        words = text[head.end() : after.start() if after else None].strip()
        event = head["event"]
        said = words if event is None else event
        raw = text[head.start() : after.start() if after else None].strip()
        yield raw, (head["nick"] or "").strip(), f"{day + clock:%Y-%m-%dT%H:%M:%S}Z", said


def _clock(text: str) -> timedelta:
    """Return a time of day such as ``08:33:20 PM`` as what has passed since midnight."""
    hours, minutes, seconds = (re.sub(r"[^0-9:]", "", text) + ":0").split(":")[:3]
    half = text.strip()[-2:].lower()
    hour = cells.hour_of_day(int(hours), half)
    return timedelta(hours=hour or 0, minutes=int(minutes), seconds=int(seconds or 0))


def _rating(
    file: str, line: int, ticket: dict[str, Any], people: People
) -> Iterator[tuple[Any, ...]]:
    given = ticket.get("satisfaction_rating")
    given = given if isinstance(given, dict) else {"score": given}
    score = given.get("score")
    if isinstance(score, str) and score in SCORES:
        when = given.get("updated_at") or given.get("created_at") or ticket.get("updated_at")
        who = (people.buyer(_who(ticket, "requester")), _who(ticket, "assignee"))
        yield (file, line, json.dumps(given), _text(ticket.get("id")), *who, _text(when), score)


def _who(fields: dict[str, Any], role: str) -> str | None:
    """Return an id as ``author_id`` gives it, or the object ``author`` where names are inside."""
    return _text(fields.get(f"{role}_id") or as_object(fields.get(role)).get("id"))


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value).strip() or None


def _values(zone: str) -> list[pl.Expr]:
    return [
        pl.col("buyer").alias(Messages.BUYER_ID),
        pl.when(pl.col("side") == "agent").then(pl.col("author")).alias(Messages.AGENT_ID),
        pl.col("side").alias(Messages.SENDER),
        cells.to_local(cells.utc(pl.col("time")), zone).alias(Messages.SENT_AT),
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
            pl.col("side") == _UNTOLD,
            "nothing tells whether its writer is an agent or was copied in: export tickets with "
            "their users, who have roles",
        ),
        (
            pl.col(Messages.SENT_AT).is_null(),
            "created_at is not a time such as 2026-10-05T01:30:00Z",
        ),
    ]


def _scores(zone: str) -> list[pl.Expr]:
    return [
        pl.col("buyer").alias(Ratings.BUYER_ID),
        pl.col("assignee").alias(Ratings.AGENT_ID),
        cells.to_local(cells.utc(pl.col("time")), zone).alias(Ratings.RATED_AT),
        pl.col("word").replace_strict(SCORES, return_dtype=pl.Int64).alias(Ratings.SCORE),
    ]


def _notices(kept: pl.DataFrame, ratings: int) -> tuple[str, ...]:
    told = []
    mail = kept[Messages.BUYER_ID].str.contains("@").fill_null(value=False)
    if kept.height and not mail.all():
        whole = "no requester's e-mail is in the file" if not mail.any() else "some have no e-mail"
        told.append(
            f"{whole}: buyers are known by Zendesk's number, which no shop's orders know; export "
            "tickets with their users to join them"
        )
    if ratings:
        told.append(f"{ratings} tickets were rated: good stands as 5, bad as 1, nothing between")
    return tuple(told)
