"""Roll-outs by lot: who is coached first is drawn, so that nothing else can be meant.

Coaching starts in waves, at like distances, and which agent belongs to which wave is drawn by lot.
Nothing that agents or buyers do by themselves can follow a lot, so the comparison needs no
covariate and no model: in each week those who have started are compared with those who have not
yet, beyond what each agent and each week is like anyway: a two-way fixed-effects fit over cells of
agent and week, weighted by inquiries. How far from zero an estimate has to be is told by drawing
the lot anew (randomisation inference), and an interval holds the effects that the lots don't
refuse. That is exact for effects that are alike for all, however buyers' chances drift or differ.

References
----------
Hussey, Hughes (2007), "Design and analysis of stepped wedge cluster randomized trials",
Contemporary Clinical Trials 28.
Ji, Fink, Robyn, Small (2017), "Randomization inference for stepped-wedge cluster-randomized
trials", Annals of Applied Statistics 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract import rollouts as contract
from csinsight.contract.artifacts import Conversations, RolloutAgents, Rollouts
from csinsight.contract.rollouts import Rollout
from csinsight.drivers.units import as_float
from csinsight.errors import DataError
from csinsight.params import add_months
from csinsight.stats import Floats

_C = Conversations
_R = Rollout

#: At least so long from one wave to the next; as much lies before the first and after the last.
_LEAST_WEEKS: Final = 2
#: Lots drawn anew for a test.
_LOTS: Final = 1999
#: A 95 % interval needs at least so many different lots.
_LEAST_LOTS: Final = 40
#: A lot's own part of a cell has to be larger, for the lot to be told from agents and weeks.
_TINY: Final = 1e-9


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


@dataclass(frozen=True)
class Cells:
    """Cells of agent and week of a roll-out.

    Parameters
    ----------
    number, started : array (agents, weeks)
        Inquiries, and 1 where the agent had started, else 0.

    Examples
    --------
    Two agents of like size, three weeks; the second starts a week later:

    >>> cells = Cells(np.full((2, 3), 50.0), np.array([[0, 1, 1], [0, 0, 1.0]]))
    >>> lots = cells.lots(np.random.default_rng(1), 0)
    >>> weights, scale = cells.weigh(lots)
    >>> paid = np.array([[0.2, 0.3, 0.3], [0.2, 0.2, 0.3]])
    >>> np.round(weights @ paid.ravel() / scale, 3)
    array([0.1])
    """

    number: Floats
    started: Floats

    def lots(self, rng: np.random.Generator, count: int) -> Floats:
        """Return the actual lot and `count` drawn anew, each a row of cells: (count + 1, cells)."""
        agents = len(self.started)
        orders = np.array([np.arange(agents), *(rng.permutation(agents) for _ in range(count))])
        return np.asarray(self.started[orders].reshape(count + 1, -1))

    def weigh(self, lots: Floats) -> tuple[Floats, Floats]:
        """Return what estimates of each lot are made with.

        Returns
        -------
        weights : array (lots, cells)
            Their product with cells' means, over `scale`, is the two-way fixed-effects estimate.
        scale : array (lots,)
            Zero where a lot can't be told from agents and weeks.
        """
        agents, weeks = self.number.shape
        levels = np.hstack(
            [np.repeat(np.eye(agents), weeks, axis=0), np.tile(np.eye(weeks), (agents, 1))]
        )
        number = self.number.ravel()
        weighted = number[:, None] * levels
        known = np.linalg.pinv(levels.T @ weighted) @ (weighted.T @ lots.T)
        weights = number * (lots - (levels @ known).T)
        return weights, np.asarray((weights * lots).sum(axis=1))

    @property
    def least_scale(self) -> float:
        """Below it a lot tells nothing."""
        return _TINY * max(float(self.number.sum()), 1.0)


@dataclass(frozen=True)
class Reading:
    """An effect on cells' means with its 95 % interval, and the lots' p-value of none."""

    effect: float
    low: float
    high: float
    p_value: float


def read_by_lot(cells: Cells, seed: int, means: Floats) -> Reading | None:
    """Estimate the effect on cells' means of an outcome; None where the lots can't tell.

    Parameters
    ----------
    cells : Cells
    seed : int
        Of the lots drawn anew.
    means : array (agents, weeks)

    Notes
    -----
    The estimate of lot r on outcomes less an effect e of the actual lot is ``a_r - e b_r``, so that
    each lot refuses e on an interval around the actual estimate that can be written down.

    Examples
    --------
    >>> weeks = np.arange(9)
    >>> started = (weeks >= np.arange(1, 9)[:, None]).astype(float)
    >>> rng = np.random.default_rng(1)
    >>> paid = 0.3 + 0.1 * started + rng.normal(0, 0.01, started.shape)
    >>> found = read_by_lot(Cells(np.full(started.shape, 80.0), started), 7, paid)
    >>> bool(found.low < 0.1 < found.high), found.p_value < 0.01
    (True, True)
    """
    lots = cells.lots(np.random.default_rng([seed, 2]), _LOTS)
    weights, scale = cells.weigh(lots)
    if scale[0] <= cells.least_scale or len(np.unique(lots, axis=0)) < _LEAST_LOTS:
        return None
    scale = np.maximum(scale, cells.least_scale)
    b = weights @ lots[0] / scale
    a = weights @ means.ravel() / scale
    apart = a[1:] - a[0] * b[1:]
    # A lot that is the actual one (b = 1) never refuses.
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.array([apart / (1 + b[1:]), -apart / (1 - b[1:])])
    same = np.abs(np.abs(b[1:]) - 1) < 1e-9
    reach_up = np.sort(np.where(same, np.inf, np.max(ends, axis=0)))
    reach_down = np.sort(np.where(same, -np.inf, np.min(ends, axis=0)))
    kept = int(0.05 * (_LOTS + 1))
    return Reading(
        effect=float(a[0]),
        low=float(a[0] + reach_down[kept - 1]),
        high=float(a[0] + reach_up[-kept]),
        p_value=float(p_values(a)),
    )


def p_values(estimates: Floats) -> Floats:
    """Return the share of lots, the actual one among them, that are as far from zero as it.

    Parameters
    ----------
    estimates : array (lots,) or (lots, outcomes)
        The actual lot's first.

    Examples
    --------
    >>> float(p_values(np.array([2.0, -1.0, 0.5, 1.5])))
    0.25
    """
    size = np.abs(estimates)
    return np.asarray((size >= size[0] * (1 - _TINY)).mean(axis=0))


def load_rollouts(folder: Path) -> pd.DataFrame:
    """Return the roll-outs of a shop, columns of `csinsight.contract.rollouts.ROLLOUT`.

    Parameters
    ----------
    folder : Path
        Of the shop's tables; without ``rollout.csv`` there are none.

    Raises
    ------
    DataError
        Where the file breaks its contract; a line a fault.

    Examples
    --------
    >>> from pathlib import Path
    >>> load_rollouts(Path("no", "such", "shop")).empty
    True
    """
    frame, faults = contract.read_rollouts(folder)
    if faults:
        raise DataError("\n".join(map(str, faults)))
    return frame.to_pandas()


def read_rollouts(
    conversations: pd.DataFrame,
    rollouts: pd.DataFrame,
    *,
    as_of: datetime,
    sessions: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every roll-out as far as it may be read.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    rollouts : DataFrame
        Columns of `csinsight.contract.rollouts.ROLLOUT`.
    as_of : datetime
        First moment after the report month.
    sessions : DataFrame or None
        The ``agent_sessions`` artifact: what is shown is that of who wrote it, also where a
        colleague took over; None: that of the conversation's agent. The outcome is the
        conversation's either way.

    Returns
    -------
    rollouts, agents : DataFrame
        Columns of `csinsight.contract.artifacts.Rollouts` and
        `csinsight.contract.artifacts.RolloutAgents`. No effect is read before the end: looking
        often, and stopping when it pleases, finds effects where there are none.

    Examples
    --------
    >>> columns = ["is_inquiry", "mature", "paid", "agent_id", "started_at", "recommends"]
    >>> talks = pd.DataFrame(columns=columns).astype({"started_at": "datetime64[us]"})
    >>> drawn = pd.DataFrame(
    ...     {
    ...         "behaviour": "recommends",
    ...         "agent_id": ["a1", "a2"],
    ...         "starts_on": pd.to_datetime(["2026-11-15", "2026-11-29"]),
    ...         "seed": 7,
    ...     }
    ... )
    >>> found, agents = read_rollouts(talks, drawn, as_of=datetime(2026, 12, 1))
    >>> found[["status", "agents"]].to_dict("records")
    [{'status': 'running', 'agents': 2}]
    """
    named = list(rollouts.groupby([_R.BEHAVIOUR, _R.SEED], sort=False))
    wrote = conversations if sessions is None else sessions
    parts = [_one(conversations, wrote, rows, as_of) for _, rows in named]
    whole = pd.DataFrame([whole for whole, _ in parts], columns=_columns(Rollouts))
    each = [pd.DataFrame(agents) for _, agents in parts]
    columns = _columns(RolloutAgents)
    return whole, pd.concat(each, ignore_index=True) if each else pd.DataFrame(columns=columns)


def _columns(table: type) -> list[str]:
    return [value for name, value in vars(table).items() if name.isupper() and name != "NAME"]


def _one(
    conversations: pd.DataFrame, wrote: pd.DataFrame, rows: pd.DataFrame, as_of: datetime
) -> tuple[dict[str, object], list[dict[str, object]]]:
    behaviour, seed = str(rows[_R.BEHAVIOUR].iloc[0]), int(rows[_R.SEED].iloc[0])
    starts = dict(sorted(zip(rows[_R.AGENT_ID], pd.to_datetime(rows[_R.STARTS_ON]), strict=True)))
    days = sorted(starts.values())
    begin, end = days[0] - between_waves(days), last_day_after(days)
    told, own = (
        mature_inquiries(table, list(starts), begin, min(end, as_of))
        for table in (conversations, wrote)
    )
    as_drawn = [starts[agent] for agent in in_lot_order(list(starts), seed)] == days
    record: dict[str, object] = {
        Rollouts.BEHAVIOUR: behaviour,
        Rollouts.SEED: seed,
        Rollouts.FIRST_START_AT: days[0],
        Rollouts.ENDS_AT: end,
        Rollouts.AGENTS: len(starts),
        Rollouts.INQUIRIES: int(told[behaviour].notna().sum()),
        Rollouts.AS_DRAWN: as_drawn,
    }
    if as_of < end:
        record[Rollouts.STATUS] = "planned" if as_of <= days[0] else "running"
    else:
        record |= _effects(told, own, behaviour, starts, begin, end, seed)
    seen = set(told[_C.AGENT_ID]) if as_of > days[0] else set(starts)
    record[Rollouts.UNSEEN] = sorted(set(starts) - seen)
    return record, _done(own, behaviour, starts, seed)


def _effects(
    told: pd.DataFrame,
    own: pd.DataFrame,
    behaviour: str,
    starts: dict[str, datetime],
    begin: datetime,
    end: datetime,
    seed: int,
) -> dict[str, object]:
    """Return the effect on conversion, on what is shown, and on opportunities, when it is over."""
    agents, weeks = list(starts), (end - begin).days // 7
    started = started_by(starts.values(), begin, weeks)
    had = told[told[behaviour].notna()]
    number, means = cells_of(had, as_float(had[_C.PAID]), agents, weeks)
    wrote = own[own[behaviour].notna()]
    turns, rates = cells_of(wrote, as_float(wrote[behaviour]), agents, weeks)
    all_of_them, offers = cells_of(told, as_float(told[behaviour].notna()), agents, weeks)
    paid = read_by_lot(Cells(number, started), seed, means)
    shown = read_by_lot(Cells(turns, started), seed, rates)
    offered = read_by_lot(Cells(all_of_them, started), seed, offers)
    if paid is None or shown is None or offered is None:
        few = "too few agents or inquiries for a lot to tell anything"
        return {Rollouts.STATUS: "not enough data", Rollouts.REASON: few}
    return {
        Rollouts.STATUS: "read",
        Rollouts.EFFECT_PP: 100 * paid.effect,
        Rollouts.LOW_PP: 100 * paid.low,
        Rollouts.HIGH_PP: 100 * paid.high,
        Rollouts.P_VALUE: paid.p_value,
        Rollouts.UPTAKE_PP: 100 * shown.effect,
        Rollouts.UPTAKE_LOW_PP: 100 * shown.low,
        Rollouts.UPTAKE_HIGH_PP: 100 * shown.high,
        Rollouts.OPPORTUNITY_PP: 100 * offered.effect,
        Rollouts.OPPORTUNITY_P: offered.p_value,
    }


def _done(
    told: pd.DataFrame, behaviour: str, starts: dict[str, datetime], seed: int
) -> list[dict[str, object]]:
    """Return by agent what was planned, and what was shown before and after."""
    had = told[told[behaviour].notna()]
    rows = []
    for agent, start in starts.items():
        own = had[had[_C.AGENT_ID] == agent]
        after = (own[_C.STARTED_AT] >= start).to_numpy(dtype=bool)
        shown = as_float(own[behaviour])
        rows.append(
            {
                RolloutAgents.BEHAVIOUR: behaviour,
                RolloutAgents.SEED: seed,
                RolloutAgents.AGENT_ID: agent,
                RolloutAgents.STARTS_AT: start,
                RolloutAgents.OPPORTUNITIES_BEFORE: int((~after).sum()),
                RolloutAgents.SHOWN_BEFORE: float(shown[~after].mean()) if (~after).any() else None,
                RolloutAgents.OPPORTUNITIES_AFTER: int(after.sum()),
                RolloutAgents.SHOWN_AFTER: float(shown[after].mean()) if after.any() else None,
            }
        )
    return rows
