"""What an agent showed beyond what that agent shows at such a turn: the turn-by-turn comparison.

At each agent turn at which a behaviour is possible and was not shown yet, it is shown or not. How
often depends on the agent and on the turn; whether it is shown in this talk rather than in that one
is then no matter of how long the talk will last or how it will end. So each turn is compared with
the same agent's same turn in all other talks: the surprise is 1 minus the share where it was first
shown, minus the share where it was not. A talk's surprises, summed over its turns, are free of its
length: a talk that ends early loses both shows and expectations.

The sum serves as the instrument for "was shown at all" (`csinsight.drivers.within`): the estimate
is the change of the outcome when a behaviour is shown at some turn against never, everything else
that was shown held fixed. Unlike a landmark it is not diluted by those who show it a turn later.

References
----------
Robins (1994), "Correcting for non-compliance in randomized trials using structural nested mean
models", Communications in Statistics 23: g-estimation, of which this is the linear case with one
treatment start a turn. Hernán, Robins (2020), "Causal Inference: What If", chapter 21.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from csinsight.drivers.scales import Floats

#: Turns that fewer of the talks than this reach are not compared.
LEAST_REACHING: Final = 0.02
#: Rounds of taking out agents' and situations' levels in turn; they settle fast.
_SWEEPS: Final = 4

Codes = npt.NDArray[np.int64]


def surprises(first: Floats, since: Floats, judged: Floats, agents: Codes, cases: Codes) -> Floats:
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
