"""Equal exposure: long conversations and short ones compared fairly, each behaviour by its own way.

Conversations that last longer give more chance to show anything, and hesitant buyers stay longer
and order less: whatever is counted over the whole window before the outcome looks harmful. So at
every agent turn at which a behaviour is possible and was not shown yet, it is compared with the
same agent's same turn in all other conversations: 1 minus the share where it was first shown, minus
the share where it was not. Summed over a conversation's turns, these residuals are free of its
length, and of what the buyer had shown before each turn where that is known. The sum is the
instrument for "was shown at all" (`csinsight.drivers.fixed_effects`).

Which behaviours are compared by whole conversations instead is told in `csinsight.drivers.balance`,
and which by the clock in `csinsight.drivers.risk_sets`.

References
----------
Robins (1994), "Correcting for non-compliance in randomized trials using structural nested mean
models", Communications in Statistics 23: g-estimation, of which this is the linear case with one
treatment start a turn. Hernán, Robins (2020), "Causal Inference: What If", chapter 21.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import (
    BuyerStates,
    Conversations,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.units import Floats, Singles

Codes = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
#: ``turns`` is told above, ``conversations`` in `csinsight.drivers.balance`; ``landmark`` compares
#: conversations that reach k agent turns, read over the first k; ``window`` counts all that came
#: before the outcome.
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
_C = Conversations
_S = BuyerStates


#: By turn, what a word's chance goes up by with each number known before it.
Slopes = Mapping[int, Singles]


def residualized_exposure(
    first: Floats,
    since: Floats,
    judged: Floats,
    agents: Codes,
    cases: Codes,
    states: Sequence[Singles] = (),
    held: Slopes | None = None,
) -> tuple[Floats, Slopes]:
    """Return by how much each conversation showed one behaviour beyond what its agent does.

    Parameters
    ----------
    first, since : array (conversations,)
        Agent turn first shown, and first possible; NaN where never.
    judged : array (conversations,)
        Agent turns that count.
    agents : array (conversations,) or (conversations, turns)
        Codes from 0 of the agent, or of who wrote each turn (`csinsight.drivers.exposure`).
    cases : array (conversations,)
        Codes from 0 of the problem that the buyer came with.
    states : sequence of array (conversations, k)
        For each turn what the buyer had shown and written before it, zero where not known.
    held : mapping of int to array (k,), optional
        Slopes on the states that were learnt from more conversations than these.

    Returns
    -------
    tuple of array (conversations,), mapping of int to array (k,)
        The first sums to zero over each agent's turns and over each problem's conversations; the
        slopes on the states, by turn.

    Examples
    --------
    Two of one agent's four conversations show it in their only turn:

    >>> import numpy as np
    >>> one, same = np.ones(4), np.zeros(4, dtype=np.int64)
    >>> residualized_exposure(np.array([1, 1, np.nan, np.nan]), one, one, same, same)[0].tolist()
    [0.5, 0.5, -0.5, -0.5]
    """
    total = np.zeros(len(first))
    slopes: dict[int, Singles] = {}
    for turn, here, shown, situations in turns_at_risk(first, since, judged, cases):
        known = states[turn - 1][here] if turn <= len(states) else None
        by = authors_of(agents, here, turn)
        if held is None or known is None:
            left, slopes[turn] = beyond_levels(shown, by, situations, known)
        else:
            # What few conversations would have to tell of many numbers is known from more.
            told = known @ held[turn] if turn in held else 0.0
            left, _ = beyond_levels(shown - told, by, situations)
        total[here] += left
    return total, slopes


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
    shown: Floats, agents: Codes, situations: Codes, known: Singles | None = None
) -> tuple[Floats, Singles]:
    """Return what is left of `shown` once agents' and situations' levels are out of it.

    Parameters
    ----------
    known : array (rows, k) or None
        Numbers that are taken out of it besides, by a straight line.

    Returns
    -------
    tuple of array (rows,), array (k,)
        What is left, and the slopes on `known`.

    Examples
    --------
    >>> agents, alike = np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64)
    >>> beyond_levels(np.array([1.0, 0, 1, 1]), agents, alike)[0].round(2).tolist()
    [0.5, -0.5, 0.0, 0.0]
    """
    left, slopes = shown, np.zeros(0 if known is None else known.shape[1], dtype=np.float32)
    if known is not None:
        # In single precision: what is taken out is told well enough, in half the time.
        known = known - known.mean(axis=0, dtype=float).astype(np.float32)
        square = (known.T @ known).astype(float)
        inner = np.linalg.pinv(square, rcond=1e-6, hermitian=True).astype(np.float32)
    for _ in range(_SWEEPS):
        if known is not None:
            slope = inner @ (known.T @ left.astype(np.float32))
            left, slopes = left - known @ slope, slopes + slope
        for codes in (situations, agents):
            number = np.bincount(codes)
            left = left - (np.bincount(codes, left) / np.maximum(number, 1))[codes]
    return left, slopes


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


def known_turns(conversation: pd.Series[str], states: pd.DataFrame) -> tuple[pd.DataFrame, Places]:
    """Return what is known of the turns of some conversations, and the place of each one's.

    Parameters
    ----------
    conversation : Series of str
    states : DataFrame
        The ``buyer_states`` artifact.

    Examples
    --------
    >>> states = pd.DataFrame({"conversation_id": ["c9", "c2"], "turn": [1, 1]})
    >>> known, place = known_turns(pd.Series(["c1", "c2"]), states)
    >>> known["conversation_id"].tolist(), place.tolist()
    (['c2'], [1])
    """
    place = pd.Index(conversation).get_indexer(pd.Index(states[_S.CONVERSATION_ID]))
    here = place >= 0
    return (states, place) if here.all() else (states[here], place[here])
