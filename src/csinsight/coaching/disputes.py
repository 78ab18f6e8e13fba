"""Disputed findings honoured: what an agent or a manager rejects is not counted against anybody."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import polars as pl

from csinsight.coaching.plan import Finding
from csinsight.contract.artifacts import Conversations, Findings
from csinsight.contract.disputes import Disputes, read_disputes, reference, unknown_faults
from csinsight.errors import DataError
from csinsight.params import add_months, month_start

_C = Conversations
_D = Disputes
#: What came of a dispute: its conversation is not counted, its finding is not made, or there
#: was none.
SET_ASIDE: Final = "set aside"
WITHHELD: Final = "withheld"
NO_FINDING: Final = "no finding"
STATUS: Final = "status"


def load_disputes(folder: Path, sessions: pd.DataFrame, *, month: str, months: int) -> pd.DataFrame:
    """Return the disputes that bear on a month.

    A rejected finding stays rejected while the conversations that it was made from are looked at:
    in its own month and in the ``months - 1`` after it.

    Parameters
    ----------
    folder : Path
        Of the shop's tables; without ``disputes.csv`` there are none.
    sessions : DataFrame
        The ``agent_sessions`` artifact.
    month : str
        The report month, ``YYYY-MM``.
    months : int
        How far the coaching plan looks back.

    Raises
    ------
    DataError
        Where the file breaks its contract, or names an agent or a conversation that isn't there.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = load_disputes(Path(folder), sessions, month="2026-10", months=3)
    >>> len(found)
    0
    """
    frame, faults = read_disputes(folder)
    first = f"{add_months(month_start(month), 1 - months):%Y-%m}"
    numbered = frame.with_row_index("row", offset=2)
    known = pl.col(_D.MONTH).is_between(pl.lit(first), pl.lit(month))
    near = numbered.filter(known.fill_null(value=False))
    names = {
        reference(conversation): conversation
        for conversation in sessions[_C.CONVERSATION_ID].dropna()
    }
    near = near.with_columns(pl.col(_D.CONVERSATION_ID).replace(names))
    agents, conversations = (set(sessions[c].dropna()) for c in (_C.AGENT_ID, _C.CONVERSATION_ID))
    faults += unknown_faults(near, agents, conversations)
    if faults:
        raise DataError("\n".join(map(str, faults)))
    return near.drop("row").to_pandas()


def rejected(disputes: pd.DataFrame) -> set[Finding]:
    """Return the agents and behaviours whose finding is rejected as a whole.

    Examples
    --------
    >>> import pandas as pd
    >>> told = {"agent_id": ["a1"], "behaviour": ["off_platform"], "conversation_id": [None]}
    >>> rejected(pd.DataFrame(told))
    {('a1', 'off_platform')}
    """
    whole = disputes[disputes[_D.CONVERSATION_ID].isna()]
    return {(str(a), str(b)) for a, b in whole[[_D.AGENT_ID, _D.BEHAVIOUR]].to_numpy()}


def without_rejected(found: pd.DataFrame, disputes: pd.DataFrame) -> pd.DataFrame:
    """Return findings without those that are rejected as a whole; all columns, if it is none.

    Examples
    --------
    >>> import pandas as pd
    >>> none = pd.DataFrame({"agent_id": [], "behaviour": []})
    >>> without_rejected(none, none.assign(conversation_id=None)).columns.tolist()
    ['agent_id', 'behaviour']
    """
    whole = rejected(disputes)
    pairs = zip(found[Findings.AGENT_ID], found[Findings.BEHAVIOUR], strict=True)
    # An empty list would choose no columns, not no rows.
    return found[np.array([pair not in whole for pair in pairs], dtype=bool)]


def set_aside(sessions: pd.DataFrame, disputes: pd.DataFrame) -> pd.DataFrame:
    """Return the conversations without the behaviours that were misread, one by one.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"conversation_id": ["c1"], "agent_id": ["a1"], "greets": [True]})
    >>> told = seen[["conversation_id", "agent_id"]].assign(behaviour="greets")
    >>> set_aside(seen.astype({"greets": "boolean"}), told)["greets"].isna().tolist()
    [True]
    """
    single = disputes[disputes[_D.CONVERSATION_ID].notna()]
    if single.empty:
        return sessions
    kept = sessions.copy()
    for behaviour, rows in single.groupby(_D.BEHAVIOUR):
        named = set(zip(rows[_D.CONVERSATION_ID], rows[_D.AGENT_ID], strict=True))
        pairs = zip(kept[_C.CONVERSATION_ID], kept[_C.AGENT_ID], strict=True)
        kept[behaviour] = kept[behaviour].mask(np.array([pair in named for pair in pairs]))
    return kept


def settled(
    disputes: pd.DataFrame, sessions: pd.DataFrame, withheld: Collection[Finding]
) -> pd.DataFrame:
    """Return the disputes with what came of each, as ``status``.

    Parameters
    ----------
    disputes : DataFrame
        From `load_disputes`.
    sessions : DataFrame
        As read, before `set_aside`.
    withheld : collection of (agent_id, behaviour)
        Findings that would be in the plan otherwise.

    Examples
    --------
    No conversation is named, so the whole finding is withheld:

    >>> seen = pd.DataFrame({"conversation_id": ["c1"], "agent_id": ["a1"]})
    >>> told = {"agent_id": "a1", "behaviour": "off_platform", "conversation_id": None}
    >>> settled(pd.DataFrame([told]), seen, {("a1", "off_platform")})["status"].tolist()
    ['withheld']
    """
    conversations = sessions.set_index([_C.CONVERSATION_ID, _C.AGENT_ID])
    return disputes.assign(
        **{STATUS: [_outcome(row, conversations, withheld) for _, row in disputes.iterrows()]}
    )


def _outcome(row: pd.Series, conversations: pd.DataFrame, withheld: Collection[Finding]) -> str:
    conversation, behaviour = row[_D.CONVERSATION_ID], row[_D.BEHAVIOUR]
    if pd.isna(conversation):
        return WITHHELD if (row[_D.AGENT_ID], behaviour) in withheld else NO_FINDING
    key = (conversation, row[_D.AGENT_ID])
    counted = key in conversations.index and pd.notna(conversations.loc[key, behaviour])
    return SET_ASIDE if counted else NO_FINDING
