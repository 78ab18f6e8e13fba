"""Messages of a mapped table: their text by a pattern, whose each is, and what no buyer saw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import MASKED
from csinsight.contract.schema import Messages
from csinsight.contract.textfile import read_text
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.chat_text import read_head
from csinsight.importers.mapping_spec import Mapping
from csinsight.importers.reading import LINE_SCHEMA, NUL_REASON, Line, Records, refused_rows
from csinsight.importers.sift import Rule

#: Fields of help desks' exports that mark what stays among the agents.
_INTERNAL: Final[dict[str, tuple[str, ...]]] = {
    "part_type": ("note", "note_and_reopen", "close", "assignment", "open", "snoozed", "unsnoozed"),
    "public": ("false",),
    "private": ("true",),
    "internal": ("true",),
    "is_note": ("true", "1"),
    "channel": ("internal-note", "internal_note"),
    **dict.fromkeys(
        ("type", "kind", "message_type", "event_type", "Type", "Message type"),
        ("note", "internal", "internal-note", "internal_note", "private_note", "private note"),
    ),
}
NOBODY: Final = "nobody wrote as the buyer in this conversation, so nobody is known whose it is"
#: Marks of direction and narrow blanks that phones put into what they export.
_MARKS: Final = str.maketrans(
    {**dict.fromkeys("\u200e\u200f\u202a\u202b\u202c\ufeff"), "\u202f": " "}
)
BEFORE_REASON: Final = "the line stands before the first that the pattern fits"


def internal(header: Sequence[str], spec: Mapping) -> pl.Expr:
    """Return whether a message is an internal note or an event, which no buyer ever saw.

    Examples
    --------
    >>> spec = Mapping.model_validate({"table": "messages", "columns": {"text": "body"}})
    >>> rows = pl.DataFrame({"body": ["Hello", "is rude"], "private": ["false", "true"]})
    >>> rows.select(internal(rows.columns, spec)).to_series().to_list()
    [False, True]
    """
    marks = {name: values for name, values in _INTERNAL.items() if name not in spec.only}
    found = [
        cells.clean(name).str.to_lowercase().is_in(values)
        for name, values in marks.items()
        if spec.table == "messages" and name in header
    ]
    return pl.any_horizontal(pl.lit(value=False), *found).fill_null(value=False)


def refuse_whole_talks(frame: pl.DataFrame) -> None:
    """Refuse a table whose texts are whole talks, each with the heads of several messages.

    Raises
    ------
    ImporterError
        Naming the file and what reads it.

    Examples
    --------
    >>> lines = ["小雨 2026-10-05 10:00:00", "在吗", "店:小李 2026-10-05 10:00:09", "在"]
    >>> talk = {"_file": ["c.csv"], "text": [chr(10).join(lines)]}
    >>> refuse_whole_talks(pl.DataFrame(talk))
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: c.csv: `text` holds whole talks, each with the heads of ...
    """
    if Messages.TEXT not in frame.columns:
        return
    told = frame.select(Line.FILE, Messages.TEXT).drop_nulls()
    several = told.filter(pl.col(Messages.TEXT).str.contains("\n", literal=True)).head(_LOOKED_AT)
    talks = 0
    for text in several[Messages.TEXT]:
        lines = [line.strip() for line in text.split("\n")]
        talks += sum(read_head(line) is not None for line in lines) > 1
    if talks and talks > several.height / 2:
        raise ImporterError(
            f"{several[Line.FILE][0]}: `text` holds whole talks, each with the heads of several "
            "messages (nick and time): import the table as qianniu_chat, whose columns are "
            "客户ID and 聊天记录, or export a row a message"
        )


#: So many texts tell what the table holds.
_LOOKED_AT: Final = 200


def with_buyers(frame: pl.DataFrame, spec: Mapping) -> tuple[pl.DataFrame, list[Rule], list[str]]:
    """Return messages with the buyer of their conversation, what refuses one, and notices.

    Where one column names whoever wrote, as help desks write it, the buyer of an agent's line is
    who wrote as the buyer in its conversation. Masked buyers can't be told apart by their nick:
    each conversation counts as a buyer of its own.

    Examples
    --------
    >>> told = {"buyer_id": "who", "agent_id": "who", "sender": "side", "conversation_id": "talk"}
    >>> spec = Mapping.model_validate({"table": "messages", "columns": told})
    >>> rows = pl.DataFrame({"buyer_id": ["bo", "zoe"], "agent_id": ["bo", "zoe"],
    ...     "sender": ["buyer", "agent"], "conversation_id": ["7", "7"]})
    >>> with_buyers(rows, spec)[0].select("buyer_id", "agent_id").rows()
    [('bo', None), ('bo', 'zoe')]
    """
    buyer, agent, talk = Messages.BUYER_ID, Messages.AGENT_ID, Messages.CONVERSATION_ID
    if talk not in frame.columns and spec.line_pattern is not None:
        # A chat that a phone exports is a file.
        talk = Line.FILE
    rules: list[Rule] = []
    notices: list[str] = []
    if Messages.SENDER in frame.columns and spec.names_writers():
        wrote = pl.col(Messages.SENDER) == "buyer"
        by = [name for name in (Messages.SENT_AT, buyer) if name in frame.columns]
        owner = (
            pl.col(buyer)
            .filter(wrote & pl.col(buyer).is_not_null())
            .sort_by(*(pl.col(name).filter(wrote & pl.col(buyer).is_not_null()) for name in by))
        )
        whose = pl.when(wrote).then(buyer).otherwise(owner.first().over(talk))
        frame = frame.with_columns(whose.alias(buyer))
        rules.append((pl.col(buyer).is_null() & ~wrote, NOBODY))
    if agent in frame.columns:
        # Where one field names whoever wrote, the buyer is no agent; nor is a robot.
        own = (pl.col(agent) == pl.col(buyer)).fill_null(value=False)
        silent = ("bot", "system", *(("buyer",) if spec.names_writers() else ()))
        if Messages.SENDER in frame.columns:
            own = own | pl.col(Messages.SENDER).is_in(silent).fill_null(value=False)
        frame = frame.with_columns(pl.when(~own).then(pl.col(agent)).alias(agent))
    masked = pl.col(buyer).str.contains(MASKED).fill_null(value=False)
    several = int(frame.select(masked.sum()).item())
    if several and talk in frame.columns:
        apart = pl.concat_str(buyer, talk, separator="#", ignore_nulls=True)
        frame = frame.with_columns(pl.when(masked).then(apart).otherwise(buyer).alias(buyer))
        notices.append(
            f"{several} messages are by masked buyers (t**): each conversation counts as a buyer "
            "of its own, and none can be joined to orders"
        )
    elif several:
        why = (
            "the buyer is masked (t**), so conversations of several buyers can't be told apart: "
            "map `conversation_id`, or a column with the platform's id of the buyer"
        )
        rules.append((masked, why))
    return frame, rules, notices


def read_patterned(path: Path, pattern: str, encoding: str | None = None) -> Records:
    r"""Return the messages of a text file, one record for each line that `pattern` fits.

    Parameters
    ----------
    path : Path
    pattern : str
        A regular expression; its named groups are the columns. A line that it does not fit goes on
        with what the last group of the message above holds.
    encoding : str or None

    Raises
    ------
    ImporterError
        Where no line fits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("9:05 Bo: Hi\nthere\n9:06 Al: Yes\n", encoding="utf-8")
    ...     records = read_patterned(file, r"^(?P<at>\S+) (?P<who>\w+): (?P<text>.*)$")
    >>> records.frame["text"].to_list()
    ['Hi\nthere', 'Yes']
    """
    head = re.compile(pattern)
    names = tuple(head.groupindex)
    places = [head.groupindex[name] - 1 for name in names]
    rows: list[tuple[int, list[str], list[str | None]]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        plain = line.translate(_MARKS).strip()
        found = head.match(plain) if plain else None
        if "\0" in line:
            bad.append((path.name, number, line, NUL_REASON))
        elif found:
            rows.append((number, [line], [found.groups()[place] for place in places]))
        elif plain and rows:
            _, raw, fields = rows[-1]
            raw.append(line)
            fields[-1] = f"{fields[-1]}\n{plain}" if fields[-1] else plain
        elif plain:
            bad.append((path.name, number, line, BEFORE_REASON))
    if not rows:
        first = bad[0][2].strip()[:60] if bad else ""
        raise ImporterError(
            f"{path.name}: no line fits the mapping's `line_pattern`; the first is {first!r}"
        )
    schema = {**LINE_SCHEMA, **dict.fromkeys(names, pl.String())}
    told = [(path.name, number, "\n".join(raw), *fields) for number, raw, fields in rows]
    return Records(
        path.name, names, pl.DataFrame(told, schema=schema, orient="row"), refused_rows(bad)
    )
