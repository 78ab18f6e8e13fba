"""The lot of a roll-out: who starts when, and the cells of agent and week that it makes.

References
----------
Hussey, Hughes (2007), "Design and analysis of stepped wedge cluster randomized trials",
Contemporary Clinical Trials 28.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Conversations
from csinsight.contract.rollouts import Rollout
from csinsight.drivers.units import Floats
from csinsight.params import add_months

_C = Conversations
#: At least so long from one wave to the next; as much lies before the first and after the last.
_LEAST_WEEKS: Final = 2


def draw_starts(
    agents: Sequence[str], first_day: datetime, months: int, seed: int
) -> dict[str, datetime]:
    """Draw by lot when each agent starts.

    Parameters
    ----------
    agents : sequence of str
    first_day : datetime
        Of the roll-out; the first wave starts as much later as the others start after it.
    months : int
        Calendar months that it may take.
    seed : int

    Examples
    --------
    >>> starts = draw_starts(["a1", "a2", "a3", "a4"], datetime(2026, 11, 1), 2, seed=7)
    >>> sorted(day.day for day in starts.values())
    [13, 15, 15, 29]
    >>> starts == draw_starts(["a4", "a3", "a2", "a1"], datetime(2026, 11, 1), 2, seed=7)
    True
    """
    weeks = (add_months(first_day, months) - first_day).days // 7
    waves = min(len(agents), weeks // _LEAST_WEEKS - 1)
    step = timedelta(weeks=weeks // (waves + 1))
    place = np.sort(np.arange(len(agents)) % waves)
    starts = [first_day + step * (int(wave) + 1) for wave in place]
    return dict(zip(in_lot_order(agents, seed), starts, strict=True))


def in_lot_order(agents: Sequence[str], seed: int) -> list[str]:
    """Return agents as the seed draws them, whatever order they are told in.

    Examples
    --------
    >>> in_lot_order(["b", "a", "c"], 7) == in_lot_order(["c", "b", "a"], 7)
    True
    """
    order = np.random.default_rng(seed).permutation(len(agents))
    return [sorted(agents)[place] for place in order]


def rollout_end(rows: pd.DataFrame) -> datetime:
    """Return the first moment after a roll-out, from its rows of ``rollout.csv``.

    Examples
    --------
    Two waves a fortnight apart: the second one gets a fortnight too.

    >>> rollout_end(pd.DataFrame({"starts_on": ["2026-11-01", "2026-11-15"]}))
    datetime.datetime(2026, 11, 29, 0, 0)
    """
    return last_day_after(day.to_pydatetime() for day in pd.to_datetime(rows[Rollout.STARTS_ON]))


def last_day_after(starts: Iterable[datetime]) -> datetime:
    """Return when a roll-out is over: the last wave has as long as there is between two.

    Examples
    --------
    >>> last_day_after([datetime(2026, 11, 15), datetime(2026, 11, 29)])
    datetime.datetime(2026, 12, 13, 0, 0)
    """
    days = sorted(set(starts))
    return days[-1] + between_waves(days)


def between_waves(days: Sequence[datetime]) -> timedelta:
    """Return how long it is from one wave to the next.

    Examples
    --------
    >>> between_waves([datetime(2026, 11, 15), datetime(2026, 11, 1), datetime(2026, 11, 1)]).days
    14
    """
    return min(later - day for day, later in pairwise(sorted(set(days))))


def started_by(starts: Iterable[datetime], begin: datetime, weeks: int) -> Floats:
    """Return 1 where an agent has started by a week, else 0; agents x weeks.

    Examples
    --------
    >>> started_by([datetime(2026, 11, 15), datetime(2026, 11, 8)], datetime(2026, 11, 1), 3)
    array([[0., 0., 1.],
           [0., 1., 1.]])
    """
    begun = np.array([(start - begin).days // 7 for start in starts])
    return np.asarray(np.arange(weeks) >= begun[:, None], dtype=np.float64)


def mature_inquiries(
    conversations: pd.DataFrame, agents: Sequence[str], start: datetime, end: datetime
) -> pd.DataFrame:
    """Return mature inquiries of `agents` from `start` to before `end`, with their ``week``.

    Examples
    --------
    >>> at = pd.to_datetime(["2026-11-02", "2026-11-09", "2026-12-01"])
    >>> talks = pd.DataFrame({"agent_id": ["a", "a", "a"], "started_at": at, "paid": [True] * 3})
    >>> talks = talks.assign(is_inquiry=True, mature=True)
    >>> first, last = datetime(2026, 11, 1), datetime(2026, 12, 1)
    >>> mature_inquiries(talks, ["a"], first, last)["week"].tolist()
    [0, 1]
    """
    told = conversations[
        conversations[_C.IS_INQUIRY].astype("boolean").fillna(value=False)
        & conversations[_C.MATURE].astype("boolean").fillna(value=False)
        & conversations[_C.PAID].notna()
        & conversations[_C.AGENT_ID].isin(agents)
        & (conversations[_C.STARTED_AT] >= start)
        & (conversations[_C.STARTED_AT] < end)
    ]
    return told.assign(week=(told[_C.STARTED_AT] - start).dt.days // 7)


def cells_of(
    told: pd.DataFrame, values: Floats, agents: Sequence[str], weeks: int
) -> tuple[Floats, Floats]:
    """Return the number of rows of each cell, and the mean of `values` there (0 without any).

    Examples
    --------
    >>> told = pd.DataFrame({"agent_id": ["a", "a", "b"], "week": [0, 0, 1]})
    >>> number, mean = cells_of(told, np.array([1.0, 0.0, 1.0]), ["a", "b"], 2)
    >>> number.tolist(), mean.tolist()
    ([[2.0, 0.0], [0.0, 1.0]], [[0.5, 0.0], [0.0, 1.0]])
    """
    row = pd.Index(agents).get_indexer(pd.Index(told[_C.AGENT_ID]))
    place = row * weeks + told["week"].to_numpy(dtype=np.int64)
    size = len(agents) * weeks
    number = np.bincount(place, minlength=size).astype(float)
    total = np.bincount(place, values, minlength=size)
    shape = (len(agents), weeks)
    return number.reshape(shape), (total / np.maximum(number, 1)).reshape(shape)
