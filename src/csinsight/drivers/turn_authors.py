"""Who wrote each turn of a conversation, where a colleague took over.

What is shown in a turn is compared with what else its author does in such turns, not with what the
colleague before or after them does. The outcome is the conversation's, whose level is that of its
agent, who wrote most of it. How much of it each colleague wrote follows from how long it lasted;
so only words that are a matter of the conversation, which don't change its length, are adjusted for
that.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import (
    BuyerStates,
)
from csinsight.drivers.exposure import Codes, Places

_S = BuyerStates

#: Colleagues who came into fewer conversations than this share a column.
_FEW: Final = 30


ANOTHER: Final = "written by another"


def turn_authors(
    agent: pd.Series[str], states: pd.DataFrame, place: Places, last: int
) -> Codes | None:
    """Return by conversation and turn up to `last` who wrote it; None where no colleague did.

    Parameters
    ----------
    agent : Series (conversations,)
        Each conversation's agent, those of one agent together.
    states, place
        Of `known_turns`.
    last : int

    Returns
    -------
    array (conversations, last) or None
        Codes of agents; conversations' agents come first, in their order. A turn of which
        nothing is known is that of who wrote the one before.

    Examples
    --------
    >>> states = pd.DataFrame({"turn": [1, 2], "agent_id": ["a", "b"]})
    >>> turn_authors(pd.Series(["a", "b"]), states, np.array([0, 0]), 3).tolist()
    [[0, 1, 1], [1, 1, 1]]
    """
    if _S.AGENT_ID not in states or last == 0:
        return None
    own, agents = pd.factorize(agent)
    here = (states[_S.TURN].between(1, last) & states[_S.AGENT_ID].notna()).to_numpy()
    place, turn = place[here], states[_S.TURN].to_numpy(dtype=int)[here] - 1
    names = states[_S.AGENT_ID][here]
    agents = pd.Index(agents).append(pd.Index(names.unique())).unique()
    by = agents.get_indexer(names)
    if (by == own[place]).all():
        return None
    found = np.full((len(agent), last), -1)
    found[place, turn] = by
    found[:, 0] = np.where(found[:, 0] < 0, own, found[:, 0])
    for turn_before in range(last - 1):
        unknown = found[:, turn_before + 1] < 0
        found[unknown, turn_before + 1] = found[unknown, turn_before]
    return found.astype(np.int64)


def written_by(
    authors: Codes | None, agent: pd.Series[str], judged: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Return what share of each conversation's turns each colleague of its agent wrote.

    Parameters
    ----------
    authors : array (conversations, turns) or None
        Of `turn_authors`.
    agent : Series (conversations,)
        Each conversation's agent, as there.
    judged : array (conversations,)
        Turns that count.

    Returns
    -------
    DataFrame
        Same index, one column a colleague; `ANOTHER` for those who seldom came in.

    Examples
    --------
    >>> authors, agent = np.array([[0, 1]] * 40 + [[1, 1]]), pd.Series(["a"] * 40 + ["b"])
    >>> written_by(authors, agent, np.full(41, 2.0)).sum().to_dict()
    {'written by colleague 1': 20.0}
    """
    if authors is None:
        return pd.DataFrame(index=agent.index)
    own = pd.factorize(agent)[0]
    turns = np.arange(1, authors.shape[1] + 1)
    other = (authors != own[:, None]) & (turns <= judged[:, None])
    row, turn = np.nonzero(other)
    by, weight = authors[row, turn], 1 / np.minimum(judged[row], len(turns))
    came = np.unique(np.column_stack([row, by]), axis=0)[:, 1]
    often = np.flatnonzero(np.bincount(came, minlength=1) >= _FEW)
    columns = {}
    for colleague in often:
        theirs = by == colleague
        share = np.bincount(row[theirs], weight[theirs], minlength=len(own))
        columns[f"written by colleague {colleague}"] = share
    seldom = ~np.isin(by, often)
    if seldom.any():
        columns[ANOTHER] = np.bincount(row[seldom], weight[seldom], minlength=len(own))
    return pd.DataFrame(columns, index=agent.index)
