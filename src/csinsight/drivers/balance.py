"""Covariate balance: whether turns or whole conversations are compared more fairly.

Where a behaviour is shown once a conversation or not at all, wherever it falls, long conversations
show no more of it but spread it over more turns; a show at a given turn then speaks of a short
conversation, and conversations themselves are compared. Which of the two holds is told for each
behaviour by its own balance: those who showed it and those who did not should have had
conversations of like length. No outcome is looked at for that.

What neither is fair to is not judged.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import (
    Conversations,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.drivers.exposure import Codes, residualized_exposure
from csinsight.drivers.units import Floats, as_float

#: By so much has the comparison of conversations to be better balanced before it is preferred.
MARGIN: Final = 0.03


#: Fewer behaviours than this that vary don't tell of those whose own balance doesn't.
LEAST: Final = 4


#: Imbalance of either comparison from which on it is not fair.
_UNFAIR: Final = 0.06
#: Standard errors beyond which orders cut conversations short (one in two thousand by chance).
_CLEAR: Final = 3.29


_LEAST_CONVERSATIONS: Final = 300


_RARE: Final = 0.02


#: Conversations that are looked at, at most.
_LOOKED_AT: Final = 20_000


def by_conversation(conversations: pd.DataFrame) -> tuple[str, ...]:
    """Return the behaviours that are a matter of the conversation, not of the turn.

    Each is placed by its own balance where that is clear beyond chance; what varies too little, or
    is not possible from the opening on, goes with the median of the others.

    Parameters
    ----------
    conversations : DataFrame
        Inquiries as read by `csinsight.drivers.exposure.judged`.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> isinstance(by_conversation(sample_conversations()), tuple)
    True
    """
    found = balance(conversations)
    if found.empty:
        return ()
    ahead = found["turns"].abs() - found["conversations"].abs()
    clear = np.maximum(MARGIN, 2 / np.sqrt(found["n"]))
    overall = len(found) >= LEAST and (
        abs(found["turns"].median()) > abs(found["conversations"].median()) + MARGIN
    )
    own = {str(name): bool(ahead[name] > 0) for name in found.index[ahead.abs() > clear]}
    return tuple(name for name in turn_markers(conversations) if own.get(name, overall))


def cut_short(
    conversations: pd.DataFrame, bought: Floats, whole: Collection[str]
) -> tuple[str, ...]:
    """Return the behaviours that no comparison is fair to, since orders cut short what is said.

    An order ends what is judged. What an agent would only have said later is never heard by those
    who order early: at each turn it is said in conversations that are about to end, and over whole
    ones in those that go on. So where orders do that, what was to be said once a conversation is
    balanced where there was no order, and among the orders goes with long conversations; that is
    looked for in all such behaviours together. Neither comparison is fair then, and no other is
    known. No behaviour is held against the outcome for that, only lengths are.

    Parameters
    ----------
    conversations : DataFrame
        As for `by_conversation`.
    bought : array (conversations,)
        1 with the outcome, 0 without.
    whole : collection of str
        What is compared by conversation.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> conversations = sample_conversations()
    >>> cut_short(conversations, np.ones(len(conversations)), ["greets"])
    ()
    """
    ordered = balance(conversations[bought == 1])
    own = ordered.loc[[name for name in whole if name in ordered.index]]
    z = float((own["conversations"] * np.sqrt(own["n"])).sum()) / np.sqrt(max(len(own), 1))
    if own.empty or z < _CLEAR or own["conversations"].mean() < MARGIN:
        return ()
    found = balance(conversations)
    least = np.maximum(_UNFAIR, 3 / np.sqrt(found["n"]))
    neither = found.index[(found["turns"] < -least) & (found["conversations"] > least)]
    return tuple(n for n in turn_markers(conversations) if n in whole or n in neither)


def balance(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return how each behaviour goes with the length of the conversation, by either comparison.

    Parameters
    ----------
    conversations : DataFrame
        As for `by_conversation`.

    Returns
    -------
    DataFrame
        By behaviour that could be shown from the opening on: correlations, within agents and
        problem categories, of the logarithm of the turns judged with the residualized exposure
        (``turns``) and with having been shown at all (``conversations``), near zero where fair;
        and ``n``, how many were looked at.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> balance(sample_conversations()).columns.tolist()
    ['turns', 'conversations', 'n']
    """
    step = max(len(conversations) // _LOOKED_AT, 1)
    looked = conversations.iloc[::step]
    turns = as_float(looked[Conversations.TURNS_JUDGED])
    agents = pd.factorize(looked[Conversations.AGENT_ID])[0].astype(np.int64)
    cases = pd.factorize(looked[Conversations.CATEGORY].fillna(""))[0].astype(np.int64)
    rows = {}
    for behaviour in turn_markers(looked):
        first = as_float(looked[turn_column(behaviour)])
        since = as_float(looked[opportunity_column(behaviour)])
        # Where no turn was judged there is no length to hold it against.
        here, shown = (since == 1) & (turns >= 1), (first >= 1).astype(float)
        enough = here.sum() >= _LEAST_CONVERSATIONS
        if not enough or not _RARE < shown[here].mean() < 1 - _RARE:
            continue
        unexpected, _ = residualized_exposure(first, since, turns, agents, cases)
        length = _within(np.log(turns[here]), agents[here], cases[here])
        both = [_within(v[here], agents[here], cases[here]) for v in (unexpected, shown)]
        if min(length.std(), *(v.std() for v in both)) > 0:
            told = [float(np.corrcoef(v, length)[0, 1]) for v in both]
            rows[behaviour] = [*told, int(here.sum())]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["turns", "conversations", "n"])


def _within(values: Floats, agents: Codes, cases: Codes) -> Floats:
    """Return what is left of `values` beyond the mean of the agent's inquiries of the category."""
    codes = agents * (int(cases.max()) + 1) + cases
    number = np.maximum(np.bincount(codes), 1)
    return np.asarray(values - (np.bincount(codes, values) / number)[codes])
