"""Messages of a mapped table: whose conversation each is, and what no buyer ever saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from csinsight.contract.schema import Messages
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.chat_text import read_head
from csinsight.importers.mapping_spec import Mapping
from csinsight.importers.reading import Line
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
    masked = pl.col(buyer).str.contains(cells.MASKED).fill_null(value=False)
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
