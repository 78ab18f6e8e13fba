"""JD service sessions (JDDC): one message a line, separated by tabs, without times.

Fields: session, user, whether the waiter wrote it, whether the session was transferred, whether
the message is a repeat, item, text. Sessions have no clock, so ``sent_at`` stays empty from top
to bottom, ``conversation_id`` is the session and the order of lines is the order of messages.
Waiters have no names, so ``agent_id`` stays empty too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.schema import MESSAGES, Messages
from csinsight.importers import cells
from csinsight.importers.one_shop import refuse_other_conversations
from csinsight.importers.reading import REFUSED_SCHEMA, Line, read_all_lines, stack
from csinsight.importers.sift import Imported, finish, settle, sift

FIELDS: Final = ("session", "user", "is_waiter", "transferred", "repeat", "item", "text")
_SENDERS: Final = {"0": "buyer", "1": "agent"}
#: First field of a header line, where a file has one.
_HEADERS: Final = ("session", "session_id", "sessionid", "会话编号", "会话id")


def read_jddc(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    r"""Read JDDC session files into ``messages``.

    Parameters
    ----------
    files : sequence of pathlib.Path
    mapping : pathlib.Path or None
        Not used by this format.

    Raises
    ------
    ImporterError
        Where a file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "jddc.txt"
    ...     lines = "s1\tu1\t0\t0\t0\t\t在吗\ns1\tu1\t1\t0\t0\t\t在\n"
    ...     _ = file.write_text(lines, encoding="utf-8")
    ...     imported = read_jddc([file])
    >>> imported.tables["messages"]["text"].to_list()
    ['在吗', '在']
    """
    lines, nuls = read_all_lines(files, mapping, "jddc")
    first = pl.col(Line.RAW).str.split("\t").list.first().str.strip_chars().str.to_lowercase()
    lines = lines.filter(~((pl.col(Line.NUMBER) == 1) & first.is_in(_HEADERS)))
    # The text is the rest of the line: a tab within it stays.
    parts = pl.col(Line.RAW).str.splitn("\t", len(FIELDS)).struct
    whole, broken = sift(
        lines.with_columns(
            parts.field(f"field_{index}").alias(name) for index, name in enumerate(FIELDS)
        ),
        [
            (
                pl.col("text").is_null(),
                f"the line has fewer than {len(FIELDS)} fields separated by tabs",
            )
        ],
    )
    refuse_other_conversations(whole.with_columns(_values()))
    kept, refused = settle(MESSAGES, whole.with_columns(_values()), _rules())
    table = finish(MESSAGES, kept)
    return Imported(
        {MESSAGES.name: table} if table.height else {},
        stack([nuls, broken, refused], REFUSED_SCHEMA),
        lines.height + nuls.height,
        table.height,
        (
            "the sessions have no times: sent_at is left empty, the order of lines is the clock",
            "the waiters have no names: agent_id is left empty",
        ),
        used=kept.select(Line.FILE),
    )


def _values() -> list[pl.Expr]:
    waiter = cells.clean("is_waiter")
    return [
        cells.clean("user").alias(Messages.BUYER_ID),
        waiter.replace_strict(_SENDERS, default=None, return_dtype=pl.String).alias(
            Messages.SENDER
        ),
        pl.lit(None, dtype=pl.String).alias(Messages.AGENT_ID),
        pl.lit(None, dtype=pl.Datetime("us")).alias(Messages.SENT_AT),
        pl.when(cells.clean("text").is_not_null()).then(pl.col("text")).alias(Messages.TEXT),
        cells.clean("session").alias(Messages.CONVERSATION_ID),
    ]


def _rules() -> list[tuple[pl.Expr, str]]:
    return [
        (pl.col(Messages.CONVERSATION_ID).is_null(), "the session is empty"),
        (pl.col(Messages.BUYER_ID).is_null(), "the user is empty"),
        (pl.col(Messages.SENDER).is_null(), "is_waiter is neither 0 nor 1"),
        (pl.col(Messages.TEXT).is_null(), "the text is empty"),
    ]
