"""Roll-outs by lot: who is coached first is drawn, so that coaching can be told from all else.

Coaching starts in waves, at like distances, and which agent belongs to which wave is drawn by lot.
In each week those who have started are compared with those who have not yet, beyond what each agent
and each week is like anyway: a two-way fixed-effects fit over cells of agent and week, weighted by
inquiries. Nothing that agents or buyers do by themselves can follow a lot, so the comparison needs
no covariate and no model: how far from zero an estimate has to be is told by drawing the lot anew
many times (randomisation inference), and an interval holds the effects that the lots don't refuse.
That is exact for effects that are alike for all, however buyers' chances drift or differ.

References
----------
Hussey, Hughes (2007), "Design and analysis of stepped wedge cluster randomized trials", for the
design. Ji, Fink, Robyn, Small (2017), "Randomization inference for stepped-wedge cluster-randomized
trials", Annals of Applied Statistics 11, for the inference.
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
import polars as pl

from csinsight.contract import rollouts as contract
from csinsight.contract.artifacts import Conversations, RolloutAgents, Rollouts
from csinsight.contract.rollouts import Rollout
from csinsight.drivers.units import Floats, as_float, unit_of
from csinsight.errors import ConfigError, DataError
from csinsight.params import add_months

_C, _R = Conversations, Rollout
#: At least so long from one wave to the next; as much lies before the first and after the last.
_LEAST_WEEKS: Final = 2
#: Lots drawn anew for a test, and for each statement of power.
_LOTS: Final = 1999
_POWER_LOTS: Final = 499
#: Roll-outs simulated for a statement of power: it is right within two points or so.
_SIMULATED: Final = 1000
#: A 95 % interval needs at least so many different lots.
_LEAST_LOTS: Final = 40
#: Lengths, in months, that are tried for 80 % power.
_LENGTHS: Final = (2, 3, 4, 6, 9, 12, 18, 24)
#: An agent's chance is pulled to the shop's by so many inquiries.
_PRIOR: Final = 20.0


@dataclass(frozen=True)
class RolloutPlan:
    """A drawn roll-out and what can be expected of it.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns of `csinsight.contract.rollouts.ROLLOUT`.
    ends_on : datetime
        The first moment after it.
    inquiries : int
        With an opportunity, expected from its first day to its end.
    effect_pp : float
        Of the coaching on paid conversion: the behaviour's effect times the uptake.
    power : float
        Chance to see that effect at 5 %, in [0, 1].
    least_inquiries : int
        That 80 % power needs at best, half of them before and half after each start.
    months_needed : int or None
        The shortest length tried that has 80 % power; None where none of up to 24 months has.
    """

    rows: pl.DataFrame
    ends_on: datetime
    inquiries: int
    effect_pp: float
    power: float
    least_inquiries: int
    months_needed: int | None


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
    return dict(zip(_in_lot_order(agents, seed), starts, strict=True))


def _in_lot_order(agents: Sequence[str], seed: int) -> list[str]:
    order = np.random.default_rng(seed).permutation(len(agents))
    return [sorted(agents)[place] for place in order]


@dataclass(frozen=True)
class _Cells:
    """Cells of agent and week: inquiries, and whether the agent had started; agents x weeks."""

    number: Floats
    started: Floats

    def lots(self, rng: np.random.Generator, count: int) -> Floats:
        """Return the actual lot and `count` drawn anew, each a row of cells."""
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


@dataclass(frozen=True)
class _Reading:
    effect: float
    low: float
    high: float
    p_value: float


def _read(cells: _Cells, seed: int, *outcomes: Floats) -> list[_Reading] | None:
    """Estimate the effect on cells' means of each outcome; None where the lots can't tell.

    The estimate of lot r on outcomes less an effect e of the actual lot is ``a_r - e b_r``, so that
    each lot refuses e on an interval around the actual estimate that can be written down.
    """
    lots = cells.lots(np.random.default_rng([seed, 2]), _LOTS)
    weights, scale = cells.weigh(lots)
    if scale[0] <= 1e-9 * cells.number.sum() or len(np.unique(lots, axis=0)) < _LEAST_LOTS:
        return None
    scale = np.maximum(scale, 1e-9 * cells.number.sum())
    b = weights @ lots[0] / scale
    return [_reading(weights @ means.ravel() / scale, b) for means in outcomes]


def _reading(a: Floats, b: Floats) -> _Reading:
    """Return estimate, interval and p from each lot's estimate of the outcome and of the lot."""
    apart = a[1:] - a[0] * b[1:]
    # A lot that is the actual one (b = 1) never refuses.
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.array([apart / (1 + b[1:]), -apart / (1 - b[1:])])
    same = np.abs(np.abs(b[1:]) - 1) < 1e-9
    reach_up = np.sort(np.where(same, np.inf, np.max(ends, axis=0)))
    reach_down = np.sort(np.where(same, -np.inf, np.min(ends, axis=0)))
    kept = int(0.05 * (_LOTS + 1))
    return _Reading(
        effect=float(a[0]),
        low=float(a[0] + reach_down[kept - 1]),
        high=float(a[0] + reach_up[-kept]),
        p_value=_p_value(a),
    )


def _p_value(estimates: Floats) -> float:
    """Return the share of lots, the actual one among them, that are as far from zero as it."""
    size = np.abs(estimates)
    return float((size >= size[0] * (1 - 1e-9)).mean())


def _inquiries(
    conversations: pd.DataFrame, agents: Sequence[str], start: datetime, end: datetime
) -> pd.DataFrame:
    """Return mature inquiries of `agents` from `start` to before `end`, with their ``week``."""
    told = conversations[
        conversations[_C.IS_INQUIRY].astype("boolean").fillna(value=False)
        & conversations[_C.MATURE].astype("boolean").fillna(value=False)
        & conversations[_C.PAID].notna()
        & conversations[_C.AGENT_ID].isin(agents)
        & (conversations[_C.STARTED_AT] >= start)
        & (conversations[_C.STARTED_AT] < end)
    ]
    return told.assign(week=(told[_C.STARTED_AT] - start).dt.days // 7)


def _grid(
    told: pd.DataFrame, values: Floats, agents: Sequence[str], weeks: int
) -> tuple[Floats, Floats]:
    """Return the number of rows of each cell, and the mean of `values` there (0 without any)."""
    row = pd.Index(agents).get_indexer(pd.Index(told[_C.AGENT_ID]))
    place = row * weeks + told["week"].to_numpy(dtype=np.int64)
    size = len(agents) * weeks
    number = np.bincount(place, minlength=size).astype(float)
    total = np.bincount(place, values, minlength=size)
    shape = (len(agents), weeks)
    return number.reshape(shape), (total / np.maximum(number, 1)).reshape(shape)


def plan_rollout(
    conversations: pd.DataFrame,
    behaviour: str,
    agents: Sequence[str],
    *,
    as_of: datetime,
    months: int,
    look_back: int,
    effect_pp: float,
    uptake_pp: float,
    seed: int,
) -> RolloutPlan:
    """Draw a roll-out that begins when the report month is over, and say what it can show.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    behaviour : str
        One that is shown or not.
    agents : sequence of str
        Who takes part.
    as_of : datetime
        First moment after the report month: the first day of the roll-out.
    months : int
        How long it takes.
    look_back : int
        Months before `as_of` whose inquiries tell the agents' numbers and conversion.
    effect_pp : float
        What showing the behaviour is thought to do to paid conversion, in points.
    uptake_pp : float
        By how many points coaching is thought to move how often it is shown.
    seed : int

    Raises
    ------
    ConfigError
        Where fewer than 4 agents take part, it is too short for two waves, or the look-back has no
        inquiry with an opportunity of one of them.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations
    >>> agents = ["a001", "a002", "a003", "a004"]
    >>> plan = plan_rollout(
    ...     sample_conversations(),
    ...     "greets",
    ...     agents,
    ...     as_of=sample_context().as_of,
    ...     months=4,
    ...     look_back=3,
    ...     effect_pp=5.0,
    ...     uptake_pp=30.0,
    ...     seed=1,
    ... )
    >>> sorted(plan.rows["agent_id"]), round(plan.effect_pp, 2)
    (['a001', 'a002', 'a003', 'a004'], 1.5)
    """
    if unit_of(behaviour) != "shown":
        raise ConfigError(f"{behaviour}: only what is shown or not can be rolled out")
    agents = sorted(set(agents))
    if len(agents) < 4 or months < 2:
        raise ConfigError(
            f"a roll-out needs 4 agents and 2 months, not {len(agents)} and {months}: with fewer "
            "there are too few lots to tell chance from coaching"
        )
    start = add_months(as_of, -look_back)
    told = _inquiries(conversations, agents, start, as_of)
    told = told[told[behaviour].notna()]
    if missing := sorted(set(agents) - set(told[_C.AGENT_ID])):
        raise ConfigError(
            f"no inquiry with an opportunity for {behaviour} in the last {look_back} months: "
            f"{', '.join(missing)}; leave them out with --agents"
        )
    weeks = max((as_of - start).days // 7, 1)
    history = _grid(
        told.assign(week=told["week"].clip(upper=weeks - 1)),
        as_float(told[_C.PAID]),
        agents,
        weeks,
    )
    expected = effect_pp * uptake_pp / 100
    starts = draw_starts(agents, as_of, months, seed)
    rng = np.random.default_rng([seed, 1])
    power, inquiries = _power(rng, history, agents, starts, as_of, expected)
    needed = None
    for length in sorted({*_LENGTHS, months}):
        drawn = draw_starts(agents, as_of, length, seed)
        if _power(rng, history, agents, drawn, as_of, expected)[0] >= 0.8:
            needed = length
            break
    rate = float(as_float(told[_C.PAID]).mean())
    # Two groups of like size at 5 % and 80 %: (1.96 + 0.84)^2 times twice the variance each.
    least = 4 * (1.959964 + 0.841621) ** 2 * rate * (1 - rate) / (expected / 100) ** 2
    rows = pl.DataFrame(
        {
            _R.BEHAVIOUR: [behaviour] * len(starts),
            _R.AGENT_ID: list(starts),
            _R.STARTS_ON: [day.date() for day in starts.values()],
            _R.SEED: [seed] * len(starts),
        }
    )
    return RolloutPlan(
        rows, _end(starts.values()), inquiries, expected, power, int(np.ceil(least)), needed
    )


def _power(
    rng: np.random.Generator,
    history: tuple[Floats, Floats],
    agents: Sequence[str],
    starts: dict[str, datetime],
    first_day: datetime,
    expected_pp: float,
) -> tuple[float, int]:
    """Return the chance to see an effect, and the inquiries until the end.

    Weeks to come have the numbers of weeks that were, agents keep their conversion, and what else
    moved an agent from week to week comes again: whole stretches of it, of a random agent, so that
    drifts over several weeks are in it.
    """
    number, mean = history
    weeks = (_end(starts.values()) - first_day).days // 7
    begun = np.array([(starts[agent] - first_day).days // 7 for agent in agents])
    started = (np.arange(weeks) >= begun[:, None]).astype(float)
    to_come = number[:, rng.integers(0, number.shape[1], weeks)]
    cells = _Cells(to_come, started)
    lots = cells.lots(rng, _POWER_LOTS)
    weights, scale = cells.weigh(lots)
    usable = scale > 1e-9 * max(to_come.sum(), 1.0)
    if not usable[0]:
        return 0.0, int(to_come.sum())
    paid = (number * mean).sum(axis=1)
    shop = paid.sum() / number.sum()
    own = (paid + _PRIOR * shop) / (number.sum(axis=1) + _PRIOR)
    chance = np.clip(own[:, None] + started * expected_pp / 100, 0.001, 0.999).ravel()
    noise = np.sqrt(chance * (1 - chance) / np.maximum(to_come.ravel(), 1))
    moves = _moves(rng, _surprises(number, mean), weeks)
    means = chance[:, None] + noise[:, None] * moves.reshape(_SIMULATED, -1).T
    estimates = (weights[usable] @ means) / scale[usable, None]
    size = np.abs(estimates)
    p_values = (size >= size[0] * (1 - 1e-9)).mean(axis=0)
    return float((p_values <= 0.05).mean()), int(to_come.sum())


def _surprises(number: Floats, mean: Floats) -> Floats:
    """Return by agent and week how far it was from what both are like, in deviations of chance."""
    paid = number * mean
    agents = paid.sum(axis=1, keepdims=True) / np.maximum(number.sum(axis=1, keepdims=True), 1)
    weeks = paid.sum(axis=0) / np.maximum(number.sum(axis=0), 1)
    fitted = np.clip(agents + weeks - paid.sum() / number.sum(), 0.01, 0.99)
    apart = (mean - fitted) * np.sqrt(number / (fitted * (1 - fitted)))
    # Weeks' levels have taken a part of the deviations with them, which comes back where stretches
    # of different agents and weeks meet; agents' levels go out of any estimate anyway.
    count = len(number)
    return np.asarray(apart * np.sqrt(count / (count - 1)) if count > 1 else np.ones_like(apart))


def _moves(rng: np.random.Generator, apart: Floats, weeks: int) -> Floats:
    """Return simulations x agents x weeks: stretches of what was, from either side.

    They run forth and back, for a jump from the last week to the first is no drift.
    """
    agents, past = apart.shape
    size = (_SIMULATED, agents, 1)
    whose, since = rng.integers(0, agents, size), rng.integers(0, 2 * past, size)
    side = rng.choice([-1.0, 1.0], size)
    week = (since + np.arange(weeks)) % (2 * past)
    return np.asarray(side * apart[whose, np.minimum(week, 2 * past - 1 - week)])


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
    conversations: pd.DataFrame, rollouts: pd.DataFrame, *, as_of: datetime
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
    parts = [_one(conversations, rows, as_of) for _, rows in named]
    whole = pd.DataFrame([whole for whole, _ in parts], columns=_columns(Rollouts))
    each = [pd.DataFrame(agents) for _, agents in parts]
    columns = _columns(RolloutAgents)
    return whole, pd.concat(each, ignore_index=True) if each else pd.DataFrame(columns=columns)


def rollout_end(rows: pd.DataFrame) -> datetime:
    """Return the first moment after a roll-out, from its rows of ``rollout.csv``.

    Examples
    --------
    Two waves a fortnight apart: the second one gets a fortnight too.

    >>> rollout_end(pd.DataFrame({"starts_on": ["2026-11-01", "2026-11-15"]}))
    datetime.datetime(2026, 11, 29, 0, 0)
    """
    return _end(day.to_pydatetime() for day in pd.to_datetime(rows[_R.STARTS_ON]))


def _end(starts: Iterable[datetime]) -> datetime:
    """Return when a roll-out is over: the last wave has as long as there is between two."""
    days = sorted(set(starts))
    return days[-1] + _between_waves(days)


def _between_waves(days: Sequence[datetime]) -> timedelta:
    return min(later - day for day, later in pairwise(sorted(set(days))))


def _columns(table: type) -> list[str]:
    return [value for name, value in vars(table).items() if name.isupper() and name != "NAME"]


def _one(
    conversations: pd.DataFrame, rows: pd.DataFrame, as_of: datetime
) -> tuple[dict[str, object], list[dict[str, object]]]:
    behaviour, seed = str(rows[_R.BEHAVIOUR].iloc[0]), int(rows[_R.SEED].iloc[0])
    starts = dict(sorted(zip(rows[_R.AGENT_ID], pd.to_datetime(rows[_R.STARTS_ON]), strict=True)))
    days = sorted(starts.values())
    begin, end = days[0] - _between_waves(days), _end(days)
    told = _inquiries(conversations, list(starts), begin, min(end, as_of))
    as_drawn = [starts[agent] for agent in _in_lot_order(list(starts), seed)] == days
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
        record |= _effects(told, behaviour, starts, begin, end, seed)
    seen = set(told[_C.AGENT_ID]) if as_of > days[0] else set(starts)
    record[Rollouts.UNSEEN] = sorted(set(starts) - seen)
    return record, _done(told, behaviour, starts, seed)


def _effects(
    told: pd.DataFrame,
    behaviour: str,
    starts: dict[str, datetime],
    begin: datetime,
    end: datetime,
    seed: int,
) -> dict[str, object]:
    """Return the effect on conversion, on what is shown, and on opportunities, when it is over."""
    agents, weeks = list(starts), (end - begin).days // 7
    begun = np.array([(start - begin).days // 7 for start in starts.values()])
    started = (np.arange(weeks) >= begun[:, None]).astype(float)
    had = told[told[behaviour].notna()]
    number, means = _grid(had, as_float(had[_C.PAID]), agents, weeks)
    rates = _grid(had, as_float(had[behaviour]), agents, weeks)[1]
    all_of_them, offers = _grid(told, as_float(told[behaviour].notna()), agents, weeks)
    found = _read(_Cells(number, started), seed, means, rates)
    chances = _read(_Cells(all_of_them, started), seed, offers)
    if found is None or chances is None:
        few = "too few agents or inquiries for a lot to tell anything"
        return {Rollouts.STATUS: "not enough data", Rollouts.REASON: few}
    (paid, shown), (offered,) = found, chances
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
