"""What an agent's words to one buyer have in common, and to the buyers of one day.

Each agent turn's words, those taught added and those taught against taken off, beyond what the
agent says at that turn in like situations: a reading of how hard the agent tried just then. It is
noisy; but the readings of two turns err apart, so their product tells of what both follow from.
No outcome is looked at for any of it.

Agents have better and worse days
    Where turns said to different buyers of one day go together more than those of other days of the
    week, agents are compared within days (`csinsight.drivers.design_matrix.DesignMatrix.cells`).
How much the signs of intent tell
    Where agents answer the buyer, the words of all turns follow from one intent. How closely turns
    go with each other, against how closely they go with the signs, tells how much of that intent
    the signs see: three readings of one thing tell how good each of them is. What else turns have
    in common, an agent's own mood, makes the signs look worse than they are, not better.

References
----------
Spearman (1904), "General intelligence, objectively determined and measured", American Journal of
Psychology 15: the reliability of a reading from its correlations with two others. Mundlak (1978),
"On the pooling of time series and cross section data", Econometrica 46.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from csinsight.drivers.exposure import TurnTimes, authors_of, beyond_levels, turns_at_risk
from csinsight.drivers.fixed_effects import without_levels
from csinsight.drivers.units import Codes
from csinsight.stats import Floats

#: Standard errors beyond which days differ, and beyond which turns have something in common.
_CLEAR: Final = 3.0
_IN_COMMON: Final = 2.0
#: How a behaviour leans in the sum of all words, by what is taught of it.
LEANS: Final = {"more": 1.0, "less": -1.0, "nothing": 0.0}


def days_differ(words: Floats, agents: Codes, days: Codes) -> bool:
    """Tell whether what agents say differs by the day, beyond their weeks.

    A score test: products of all pairs of one agent's inquiries of a day, against those expected of
    any pair of the week.

    Parameters
    ----------
    words : array (inquiries,)
        How much of what is taught was said.
    agents : array (inquiries,)
    days : array (inquiries,)
        Codes of the calendar day.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> agents, days = rng.integers(0, 5, 2000), rng.integers(0, 70, 2000)
    >>> mood = rng.normal(size=(5, 70))[agents, days]
    >>> [days_differ(v + rng.normal(size=2000), agents, days) for v in (mood, 0 * mood)]
    [True, False]
    """
    day = np.unique(agents * (days.max(initial=0) + 1) + days, return_inverse=True)[1]
    weeks = days // 7
    week = np.unique(agents * (weeks.max(initial=0) + 1) + weeks, return_inverse=True)[1]
    left = without_levels(words[:, None], week.astype(np.int64))[:, 0]
    of_day, of_week = np.bincount(day)[day], np.bincount(week)[week]
    sums = np.bincount(day, left)[day]
    # By row: its products with the day's others, less what a mean taken out leaves of them.
    excess = left * (sums - left) + left**2 * (of_day - 1) / np.maximum(of_week - 1, 1)
    scores = np.bincount(week, excess)
    return bool(scores.sum() > _CLEAR * np.sqrt((scores**2).sum()))


def words_by_turn(
    turns: Mapping[str, TurnTimes],
    leans: Mapping[str, float],
    agents: Codes,
    cases: Codes,
) -> tuple[Floats, Floats]:
    """Return how hard agents tried by inquiry and turn, and how much they could have shown.

    Parameters
    ----------
    turns : mapping of str to TurnTimes
    leans : mapping of str to float
        What each behaviour adds to the sum.
    agents : array (inquiries,) or (inquiries, turns)
    cases : array (inquiries,)

    Returns
    -------
    tuple of array (inquiries, turns)
        Sums of residuals, zero where nothing was possible; and of the variances of what could have
        been shown, to which what agents add is in proportion.

    Examples
    --------
    >>> one, same = np.ones(4), np.zeros(4, dtype=np.int64)
    >>> said = {"greets": TurnTimes(np.array([1, 1, np.nan, np.nan]), one, one)}
    >>> tried, could = words_by_turn(said, {"greets": 1.0}, same, same)
    >>> tried.ravel().tolist(), could.ravel().tolist()
    ([0.5, 0.5, -0.5, -0.5], [0.25, 0.25, 0.25, 0.25])
    """
    last = int(max((times.judged.max(initial=0) for times in turns.values()), default=0))
    tried, could = (np.zeros((len(cases), last)) for _ in range(2))
    for name, times in turns.items():
        for turn, here, shown, alike in turns_at_risk(times, cases):
            left = beyond_levels(shown, authors_of(agents, here, turn), alike)[0]
            tried[here, turn - 1] += leans[name] * left
            could[here, turn - 1] += leans[name] ** 2 * shown.mean() * (1 - shown.mean())
    return tried, could


def told_by_signs(tried: Floats, could: Floats, index: Floats, cells: Codes) -> float:
    """Return what share of what moves an inquiry's words the signs of intent tell.

    Parameters
    ----------
    tried, could : array (inquiries, turns)
        Of `words_by_turn`.
    index : array (inquiries,)
        The signs as one number, zero on average in each cell.
    cells : array (inquiries,)
        Codes of who is compared with whom: what a cell's inquiries share is no matter of the buyer.

    Returns
    -------
    float
        Of 0 to 1; NaN where an inquiry's turns have nothing in common, or signs don't differ.

    Examples
    --------
    Words follow from an intent that the sign reads with as much error as truth:

    >>> rng = np.random.default_rng(1)
    >>> intent = rng.normal(size=(20_000, 1))
    >>> tried, cells = intent + rng.normal(size=(20_000, 3)), np.zeros(20_000, dtype=np.int64)
    >>> sign = intent[:, 0] + rng.normal(size=20_000)
    >>> round(told_by_signs(tried, np.ones((20_000, 3)), sign, cells), 1)
    0.5
    """
    total, chance = tried.sum(axis=1), could.sum(axis=1)

    def pairs(by_turn: Floats, of_all: Floats) -> tuple[Floats, float]:
        own = of_all**2 - (by_turn**2).sum(axis=1)
        return own, float((np.bincount(cells, of_all) ** 2).sum() - (of_all**2).sum())

    (own, others), (may_own, may_others) = pairs(tried, total), pairs(could, chance)
    may = float(may_own.sum())
    if may <= 0 or not index.any():
        return float("nan")
    common = float(own.sum()) / may - (others / may_others if may_others > 0 else 0.0)
    if common * may <= _IN_COMMON * np.sqrt((own**2).sum()):
        return float("nan")
    seen = float(total @ index) / float(chance.sum())
    return float(min(seen**2 / (common * float((index**2).mean())), 1.0))
