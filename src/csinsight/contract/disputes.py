"""``disputes.csv``: findings that an agent or a manager rejects, to be honoured by the next run.

The file is optional and lies beside the six tables. One row rejects one finding of one month; with
a ``conversation_id`` it says only that this conversation was misread, and the finding is made
without it; the short name that the card gives the conversation will do.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.config import nearest
from csinsight.contract.cells import dtypes
from csinsight.contract.domain import BEHAVIOURS, with_own
from csinsight.contract.messages import Fault
from csinsight.contract.read import read_table
from csinsight.contract.schema import Column, Table

_MONTH: Final = r"^[0-9]{4}-(?:0[1-9]|1[0-2])$"


class Disputes:
    """Column names of ``disputes``."""

    AGENT_ID = "agent_id"
    BEHAVIOUR = "behaviour"
    MONTH = "month"
    CONVERSATION_ID = "conversation_id"
    REASON = "reason"
    BY = "by"


DISPUTES: Final = Table(
    "disputes",
    "one finding that somebody rejects",
    (
        Column(Disputes.AGENT_ID, "str", "whose card it stands on"),
        Column(Disputes.BEHAVIOUR, "str", "the behaviour or rule", one_of=BEHAVIOURS),
        Column(Disputes.MONTH, "str", "the report month, YYYY-MM"),
        Column(
            Disputes.CONVERSATION_ID,
            "str",
            "the talk that was misread; empty: the whole finding",
            required=False,
            nullable=True,
        ),
        Column(Disputes.REASON, "str", "why"),
        Column(Disputes.BY, "str", "who rejects it"),
    ),
)


_FILE: Final = f"{DISPUTES.name}.csv"


def disputes_path(folder: Path) -> Path | None:
    """Return the file of disputes in a shop's folder, or None where there is none.

    Examples
    --------
    >>> import tempfile
    >>> disputes_path(Path(tempfile.mkdtemp())) is None
    True
    """
    path = folder / _FILE
    return path if path.is_file() else None


def read_disputes(folder: Path) -> tuple[pl.DataFrame, list[Fault]]:
    """Return the disputes of a shop and what is wrong with them.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.

    Returns
    -------
    frame : polars.DataFrame
        Columns of `DISPUTES`; without rows where there is no file.
    faults : list of Fault

    Examples
    --------
    >>> import tempfile
    >>> frame, faults = read_disputes(Path(tempfile.mkdtemp()))
    >>> frame.columns, faults
    (['agent_id', 'behaviour', 'month', 'conversation_id', 'reason', 'by'], [])
    """
    path = disputes_path(folder)
    if path is None:
        return pl.DataFrame(schema=dtypes(DISPUTES)), []
    checked = read_table(path, with_own(DISPUTES, Disputes.BEHAVIOUR, folder))
    numbered = checked.frame.with_row_index("row", offset=2)
    wrong = numbered.filter(~pl.col(Disputes.MONTH).str.contains(_MONTH).fill_null(value=True))
    no_month = (
        Fault(
            path.name,
            int(row),
            Disputes.MONTH,
            f"{month!r} is no month",
            "write the month of the report as YYYY-MM, for example 2026-10",
        )
        for row, month in wrong.select("row", Disputes.MONTH).iter_rows()
    )
    return checked.frame, [*checked.faults, *no_month]


def unknown_faults(frame: pl.DataFrame, agents: set[str], conversations: set[str]) -> list[Fault]:
    """Return a fault for each agent or conversation that the shop's messages don't know.

    Parameters
    ----------
    frame : polars.DataFrame
        As from `read_disputes`, with the number of the file's row as ``row``.
    agents, conversations : set of str
        Ids of the shop's agents and conversations.

    Examples
    --------
    >>> rows = pl.DataFrame({"row": [2], "agent_id": ["a9"], "conversation_id": [None]})
    >>> print(unknown_faults(rows, {"a1"}, set())[0])
    disputes.csv, row 2, column agent_id: 'a9' is not among the shop's chats; did you mean a1?
    """
    faults = []
    for values in frame.iter_rows(named=True):
        for column, known in (
            (Disputes.AGENT_ID, agents),
            (Disputes.CONVERSATION_ID, conversations),
        ):
            value = values[column]
            if value is not None and value not in known:
                near = nearest(value, known)
                mend = f"did you mean {near}?" if near else "copy it from the agent's card"
                what = f"{value!r} is not among the shop's chats"
                faults.append(Fault(_FILE, values["row"], column, what, mend))
    return faults


def reference(conversation_id: str) -> str:
    """Return a short name of a conversation for cards and disputes, such as ``t3f9ac1d2``.

    Examples
    --------
    >>> reference("c1")
    'td0f631ca'
    """
    return "t" + hashlib.sha256(conversation_id.encode()).hexdigest()[:8]
