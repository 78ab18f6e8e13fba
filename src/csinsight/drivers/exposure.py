"""What an agent showed beyond what that agent shows at such a turn: the turn-by-turn comparison.

At each agent turn at which a behaviour is possible and was not shown yet, it is shown or not. How
often depends on the agent and on the turn; whether it is shown in this talk rather than in that one
is then no matter of how long the talk will last or how it will end. So each turn is compared with
the same agent's same turn in all other talks: the surprise is 1 minus the share where it was first
shown, minus the share where it was not. A talk's surprises, summed over its turns, are free of its
length: a talk that ends early loses both shows and expectations.

The sum serves as the instrument for "was shown at all" (`csinsight.drivers.fixed_effects`): the
estimate is the change of the outcome when a behaviour is shown at some turn against never,
everything else that was shown held fixed. Unlike a landmark it is not diluted by those who show it
a turn later.

References
----------
Robins (1994), "Correcting for non-compliance in randomized trials using structural nested mean
models", Communications in Statistics 23: g-estimation, of which this is the linear case with one
treatment start a turn. Hernán, Robins (2020), "Causal Inference: What If", chapter 21.

Equal exposure: how much of a talk counts, so that long talks and short ones can be compared.

Talks that last longer give more chance to show anything, and hesitant buyers talk longer and order
less: whatever is counted over the whole window before the outcome looks harmful. Four ways:

``turns``
    Every agent turn is compared with the same agent's same turn in other talks
    (`csinsight.drivers.exposure`). The main analysis.
``talks``
    The same turns are read, and talks compared: for shops where a behaviour is a matter of the
    talk, told from the data before any outcome is looked at (`csinsight.drivers.exposure`).
``landmark``
    Inquiries that reach k agent turns, read over the first k; k is the largest that 80 % reach.
    Who shows a behaviour later counts as not having shown it, so effects come out too small.
``window``
    All that came before the outcome, without care for exposure.

All but the last need the turn columns of the ``conversations`` artifact.

Is a behaviour a matter of the turn, or of the talk? Told from the data, without the outcome.

Where agents decide anew at every turn, long talks show more of everything, and only a comparison
turn by turn is fair. Where a behaviour is shown once a talk or not at all, wherever it falls, long
talks show no more of it, but spread it over more turns: then a show at a given turn speaks of a
short talk, and the talks themselves are what can be compared. A fair comparison is one in which
whoever showed a behaviour and whoever did not had talks of like length. That can be looked at
before any outcome is, and over all behaviours together, most of which move no length.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import Conversations, opportunity_column, turn_column
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.units import Floats, as_float

#: Turns that fewer of the talks than this reach are not compared.
LEAST_REACHING: Final = 0.02
#: Rounds of taking out agents' and situations' levels in turn; they settle fast.
_SWEEPS: Final = 4

Codes = npt.NDArray[np.int64]


def residualized_exposure(
    first: Floats, since: Floats, judged: Floats, agents: Codes, cases: Codes
) -> Floats:
    """Return each talk's summed surprise at one behaviour.

    Parameters
    ----------
    first : array (talks,)
        Agent turn of the first show, from 1; NaN where it was not shown.
    since : array (talks,)
        Agent turn of the first occasion; NaN where there was none.
    judged : array (talks,)
        Agent turns that count.
    agents, cases : array (talks,)
        Codes from 0 of the agent, and of the problem that the buyer came with.

    Returns
    -------
    array (talks,)
        Sums to zero over each agent's talks and over each problem's.
    """
    total = np.zeros(len(first))
    for turn in range(1, last_compared(judged) + 1):
        here = np.flatnonzero((since <= turn) & (judged >= turn) & ~(first < turn))
        shown = (first[here] == turn).astype(float)
        if 0 < shown.sum() < len(shown):
            situation = 3 * cases[here] + _occasion(since[here], turn)
            total[here] += _beyond(shown, agents[here], situation)
    return total


def _occasion(since: Floats, turn: int) -> Codes:
    """Tell occasions there from the opening on, come up since, and just come up."""
    return np.where(since == 1, 0, np.where(since < turn, 1, 2))


def _beyond(shown: Floats, agents: Codes, situations: Codes) -> Floats:
    """Return what is left of `shown` once agents' and situations' own levels are out of it."""
    left = shown
    for _ in range(_SWEEPS):
        for codes in (situations, agents):
            number = np.bincount(codes)
            left = left - (np.bincount(codes, left) / np.maximum(number, 1))[codes]
    return left


def last_compared(judged: Floats) -> int:
    """Return the last turn that enough talks reach, of those with a turn at all."""
    judged = judged[judged > 0]
    if len(judged) == 0:
        return 0
    return int(np.sort(judged)[-max(int(np.ceil(LEAST_REACHING * len(judged))), 1)])


Exposure = Literal["turns", "talks", "landmark", "window"]
#: Share of inquiries that have to reach the landmark.
REACHED: Final = 0.80
NEEDED: Final = (
    Conversations.TURNS_JUDGED,
    *(turn_column(b) for b in TURN_MARKERS),
    *(opportunity_column(b) for b in TURN_MARKERS),
)


def has_turns(conversations: pd.DataFrame) -> bool:
    """Tell whether the turn columns are there."""
    return set(NEEDED) <= set(conversations.columns)


def judged(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the inquiries with an agent turn to judge, behaviours read in those turns only.

    Raises
    ------
    ValueError
        Where the turn columns are absent.
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    return _read(conversations[turns >= 1], int(turns.max()) if len(turns) else 0)


def at_landmark(conversations: pd.DataFrame, reached: float = REACHED) -> tuple[pd.DataFrame, int]:
    """Return the inquiries that reach the landmark, behaviours read up to it, and its turn.

    Raises
    ------
    ValueError
        Where the turn columns are absent.
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
    """Read behaviours, and whether there was an occasion, over the turns up to `last`."""
    read = {}
    for behaviour in TURN_MARKERS:
        shown = conversations[turn_column(behaviour)].le(last).fillna(value=False)
        there = conversations[opportunity_column(behaviour)].le(last).fillna(value=False)
        read[behaviour] = shown.astype("boolean").where(there.astype(bool))
    return conversations.assign(**read)


#: By so much has the comparison of talks to be better balanced before it is preferred.
MARGIN: Final = 0.03
#: Fewer behaviours than this that vary don't tell.
LEAST: Final = 4
_LEAST_TALKS: Final = 300
_RARE: Final = 0.02
#: Talks that are looked at, at most.
_LOOKED_AT: Final = 20_000


def shown_by_talk(conversations: pd.DataFrame) -> bool:
    """Tell whether talks, not turns, are what can be compared.

    Parameters
    ----------
    conversations : DataFrame
        Inquiries as read by `csinsight.drivers.exposure.judged`.
    """
    found = balance(conversations)
    if len(found) < LEAST:
        return False
    turns, talks = found["turns"].median(), found["talks"].median()
    return bool(abs(turns) > abs(talks) + MARGIN)


def balance(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return how each behaviour goes with the length of the talk, by either comparison.

    Parameters
    ----------
    conversations : DataFrame
        As for `shown_by_talk`.

    Returns
    -------
    DataFrame
        By behaviour that could be shown from the opening on: correlations, within agents and
        problem categories, of the logarithm of the turns judged with the surprise (``turns``) and
        with having been shown at all (``talks``). Near zero is fair.
    """
    step = max(len(conversations) // _LOOKED_AT, 1)
    looked = conversations.iloc[::step]
    judged = as_float(looked[Conversations.TURNS_JUDGED])
    agents = pd.factorize(looked[Conversations.AGENT_ID])[0].astype(np.int64)
    cases = pd.factorize(looked[Conversations.CATEGORY].fillna(""))[0].astype(np.int64)
    rows = {}
    for behaviour in TURN_MARKERS:
        first = as_float(looked[turn_column(behaviour)])
        since = as_float(looked[opportunity_column(behaviour)])
        here, shown = since == 1, (first >= 1).astype(float)
        if here.sum() < _LEAST_TALKS or not _RARE < shown[here].mean() < 1 - _RARE:
            continue
        unexpected = residualized_exposure(first, since, judged, agents, cases)
        length = _within(np.log(judged)[here], agents[here], cases[here])
        both = [_within(v[here], agents[here], cases[here]) for v in (unexpected, shown)]
        if min(length.std(), *(v.std() for v in both)) > 0:
            rows[behaviour] = [float(np.corrcoef(v, length)[0, 1]) for v in both]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["turns", "talks"])


def _within(values: Floats, agents: Codes, cases: Codes) -> Floats:
    """Return what is left of `values` beyond the mean of the agent's talks of the category."""
    codes = agents * (int(cases.max()) + 1) + cases
    number = np.maximum(np.bincount(codes), 1)
    return np.asarray(values - (np.bincount(codes, values) / number)[codes])
