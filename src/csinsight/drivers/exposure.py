"""Equal exposure: long conversations and short ones compared fairly, each behaviour by its own way.

Conversations that last longer give more chance to show anything, and hesitant buyers stay longer
and order less: whatever is counted over the whole window before the outcome looks harmful. So at
every agent turn at which a behaviour is possible and was not shown yet, it is compared with the
same agent's same turn in all other conversations: 1 minus the share where it was first shown, minus
the share where it was not. Summed over a conversation's turns, these residuals are free of its
length, and of what the buyer had shown before each turn where that is known. The sum is the
instrument for "was shown at all" (`csinsight.drivers.fixed_effects`).

Where a behaviour is shown once a conversation or not at all, wherever it falls, long conversations
show no more of it but spread it over more turns; a show at a given turn then speaks of a short
conversation, and conversations themselves are compared. Which of the two holds is told for each
behaviour by its own balance: those who showed it and those who did not should have had
conversations of like length. No outcome is looked at for that.

References
----------
Robins (1994), "Correcting for non-compliance in randomized trials using structural nested mean
models", Communications in Statistics 23: g-estimation, of which this is the linear case with one
treatment start a turn. Hernán, Robins (2020), "Causal Inference: What If", chapter 21.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import (
    Conversations,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.units import Floats, as_float

Codes = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
#: ``turns`` and ``conversations`` are told above; ``landmark`` compares conversations that reach k
#: agent turns, read over the first k; ``window`` counts all that came before the outcome.
Exposure = Literal["turns", "conversations", "landmark", "window"]

#: Turns that fewer of the conversations than this reach are not compared.
LEAST_REACHING: Final = 0.02
#: Rounds of taking out agents', situations' and states' levels in turn; they settle fast.
_SWEEPS: Final = 4
#: Share of inquiries that have to reach the landmark.
REACHED: Final = 0.80
NEEDED: Final = (
    Conversations.TURNS_JUDGED,
    *(turn_column(b) for b in TURN_MARKERS),
    *(opportunity_column(b) for b in TURN_MARKERS),
)
#: By so much has the comparison of conversations to be better balanced before it is preferred.
MARGIN: Final = 0.03
#: Fewer behaviours than this that vary don't tell of those whose own balance doesn't.
LEAST: Final = 4
_LEAST_CONVERSATIONS: Final = 300
_RARE: Final = 0.02
#: Conversations that are looked at, at most.
_LOOKED_AT: Final = 20_000


def residualized_exposure(
    first: Floats,
    since: Floats,
    judged: Floats,
    agents: Codes,
    cases: Codes,
    states: Floats | None = None,
) -> Floats:
    """Return by how much each conversation showed one behaviour beyond what its agent does.

    Parameters
    ----------
    first, since : array (conversations,)
        Agent turn first shown, and first possible; NaN where never.
    judged : array (conversations,)
        Agent turns that count.
    agents : array (conversations,) or (conversations, turns)
        Codes from 0 of the agent, or of who wrote each turn (`csinsight.drivers.authors`).
    cases : array (conversations,)
        Codes from 0 of the problem that the buyer came with.
    states : array (conversations, turns, k) or None
        What the buyer had shown before each turn, zero where not known.

    Returns
    -------
    array (conversations,)
        Sums to zero over each agent's turns and over each problem's conversations.

    Examples
    --------
    Two of one agent's four conversations show it in their only turn:

    >>> import numpy as np
    >>> one, same = np.ones(4), np.zeros(4, dtype=np.int64)
    >>> residualized_exposure(np.array([1, 1, np.nan, np.nan]), one, one, same, same).tolist()
    [0.5, 0.5, -0.5, -0.5]
    """
    total = np.zeros(len(first))
    for turn, here, shown, situations in turns_at_risk(first, since, judged, cases):
        known = None if states is None or turn > states.shape[1] else states[here, turn - 1]
        total[here] += beyond_levels(shown, authors_of(agents, here, turn), situations, known)
    return total


def authors_of(agents: Codes, here: Places, turn: int) -> Codes:
    """Return who wrote a turn of some conversations: their agents, where nobody took over.

    Examples
    --------
    >>> taken_over = np.array([[0, 1], [0, 0]])
    >>> authors_of(taken_over, np.array([0, 1]), 2).tolist()
    [1, 0]
    >>> authors_of(taken_over[:, 0], np.array([0, 1]), 2).tolist()
    [0, 0]
    """
    if agents.ndim == 1:
        return agents[here]
    return np.asarray(agents[here, min(turn, agents.shape[1]) - 1])


def turns_at_risk(
    first: Floats, since: Floats, judged: Floats, cases: Codes
) -> Iterator[tuple[int, Places, Floats, Codes]]:
    """Yield each turn at which some showed a behaviour for the first time and some did not.

    Yields
    ------
    tuple of turn, places, shown, situations
        Conversations that reach the turn with the behaviour possible and not shown before; who
        shows it now; codes of like opportunities.

    Examples
    --------
    Of three conversations the first shows it at once, the second at its second turn:

    >>> first, since, judged = np.array([1.0, 2, np.nan]), np.ones(3), np.array([2.0, 2, 2])
    >>> turns = turns_at_risk(first, since, judged, np.zeros(3, dtype=np.int64))
    >>> [(turn, places.tolist(), shown.tolist()) for turn, places, shown, _ in turns]
    [(1, [0, 1, 2], [1.0, 0.0, 0.0]), (2, [1, 2], [1.0, 0.0])]
    """
    for turn in range(1, last_compared(judged) + 1):
        here = np.flatnonzero((since <= turn) & (judged >= turn) & ~(first < turn))
        shown = (first[here] == turn).astype(float)
        if 0 < shown.sum() < len(shown):
            # Opportunities there from the opening on, come up since, and just come up.
            fresh = np.where(since[here] == 1, 0, np.where(since[here] < turn, 1, 2))
            yield turn, here, shown, 3 * cases[here] + fresh


def beyond_levels(
    shown: Floats, agents: Codes, situations: Codes, known: Floats | None = None
) -> Floats:
    """Return what is left of `shown` once agents' and situations' levels are out of it.

    Parameters
    ----------
    known : array (rows, k) or None
        Numbers that are taken out of it besides, by a straight line.

    Examples
    --------
    >>> agents, alike = np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64)
    >>> beyond_levels(np.array([1.0, 0, 1, 1]), agents, alike).round(2).tolist()
    [0.5, -0.5, 0.0, 0.0]
    """
    left = shown
    if known is not None:
        known = known - known.mean(axis=0)
        inner = np.linalg.pinv(known.T @ known)
    for _ in range(_SWEEPS):
        if known is not None:
            left = left - known @ (inner @ (known.T @ left))
        for codes in (situations, agents):
            number = np.bincount(codes)
            left = left - (np.bincount(codes, left) / np.maximum(number, 1))[codes]
    return left


def last_compared(judged: Floats) -> int:
    """Return the last turn that enough conversations reach, of those with a turn at all.

    Examples
    --------
    >>> last_compared(np.array([1.0, 2, 2, 3, 0]))
    3
    """
    judged = judged[judged > 0]
    if len(judged) == 0:
        return 0
    return int(np.sort(judged)[-max(int(np.ceil(LEAST_REACHING * len(judged))), 1)])


def has_turns(conversations: pd.DataFrame) -> bool:
    """Tell whether the turn columns are there.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> has_turns(sample_conversations())
    True
    """
    return set(NEEDED) <= set(conversations.columns)


def judged(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the inquiries with an agent turn to judge, behaviours read in those turns only.

    Raises
    ------
    ValueError
        Where the turn columns are absent.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> conversations = sample_conversations()
    >>> len(judged(conversations)) <= len(conversations)
    True
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    return _read(conversations[turns >= 1], int(turns.max()) if len(turns) else 0)


def at_landmark(conversations: pd.DataFrame, reached: float = REACHED) -> tuple[pd.DataFrame, int]:
    """Return the inquiries that reach the landmark, behaviours read up to it, and its turn.

    The landmark is the largest turn that a share `reached` get to. Who shows a behaviour later
    counts as not having shown it, so effects come out too small.

    Raises
    ------
    ValueError
        Where the turn columns are absent.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> reaching, landmark = at_landmark(sample_conversations())
    >>> landmark, bool((reaching["turns_judged"] >= landmark).all())
    (2, True)
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    place = len(turns) - math.ceil(reached * len(turns))
    landmark = max(int(np.sort(turns.to_numpy(dtype=int))[place]), 1) if len(turns) else 1
    return _read(conversations[turns >= landmark], landmark), landmark


def _check(conversations: pd.DataFrame) -> None:
    if not has_turns(conversations):
        raise ValueError(
            "to compare by turns or by a landmark the conversations need `turns_judged` and the "
            "columns `<behaviour>_turn` and `<behaviour>_opportunity_turn`; make the table anew, "
            "or choose the exposure `window`"
        )


def _read(conversations: pd.DataFrame, last: int) -> pd.DataFrame:
    """Read behaviours, and whether there was an opportunity, over the turns up to `last`."""
    read = {}
    for behaviour in turn_markers(conversations):
        shown = conversations[turn_column(behaviour)].le(last).fillna(value=False)
        there = conversations[opportunity_column(behaviour)].le(last).fillna(value=False)
        read[behaviour] = shown.astype("boolean").where(there.astype(bool))
    return conversations.assign(**read)


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
        unexpected = residualized_exposure(first, since, turns, agents, cases)
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
