"""Planning a roll-out: its lot, and what it can be expected to show, from the shop's own figures.

Weeks to come have the numbers of weeks that were, and agents keep their conversion. What moved an
agent beyond chance comes again, noise and drift: the fixed effects of the
reading take levels out, but not drifts.

By how much agents' conversion moves from week to week beyond chance, read off their own past.

Two things move it: more noise than chance, which is gone a week later, and drift, a random walk
that stays [1]_. Both are told by restricted likelihood [2]_: agents' and weeks' levels are free, as
they are in the reading of a roll-out, and only what they leave tells of the rest. Some months tell
little of either, so what they leave open is kept: every size that the past allows, by how well it
does, and not the likeliest alone, which promises too much.

References
----------
.. [1] Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 2.3.
.. [2] Patterson, Thompson (1971), "Recovery of inter-block information when block sizes are
   unequal", Biometrika 58.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
import polars as pl
import scipy
from scipy.special import expit, logit

from csinsight.contract.artifacts import Conversations
from csinsight.contract.rollouts import Rollout
from csinsight.drivers.rollout import (
    Cells,
    cells_of,
    draw_starts,
    last_day_after,
    mature_inquiries,
    p_values,
    started_by,
)
from csinsight.drivers.units import POWER, as_float, unit_of
from csinsight.errors import ConfigError
from csinsight.params import add_months
from csinsight.stats import Floats

_C, _R = Conversations, Rollout
#: Lots drawn anew for a statement of power.
_LOTS: Final = 499
#: Roll-outs simulated for a statement of power: it is right within two points or so.
_SIMULATED: Final = 1000
#: Lengths, in months, that are tried for 80 % power.
_LENGTHS: Final = (2, 3, 4, 6, 9, 12, 18, 24)
#: Weeks of the past below which nothing tells drift from noise.
_LEAST_PAST: Final = 6
#: An agent's chance is pulled to the shop's by so many inquiries.
_PRIOR: Final = 20.0
#: Sizes that are looked at: the noise of an agent's week, its variance in that of chance, and a
#: week's step of an agent's log-odds, its deviation. Nobody stands still, so every step is as
#: likely before anything is seen; noise is as likely as not to be chance alone.
_NOISE: Final = np.geomspace(1.0, 3.0, 12)
_STEPS: Final = np.linspace(0.0, 0.5, 26)
#: Variance of a week without inquiries: it tells nothing.
_UNSEEN: Final = 1e3


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
    agents = _who_takes_part(behaviour, agents, months)
    told = _look_back(conversations, behaviour, agents, as_of, look_back)
    past = _Past.of(told, agents, (as_of - add_months(as_of, -look_back)).days // 7)
    expected = effect_pp * uptake_pp / 100

    @cache
    def drawn(length: int) -> tuple[dict[str, datetime], float, int]:
        starts = draw_starts(agents, as_of, length, seed)
        rng = np.random.default_rng([seed, 1])
        return starts, *_power(rng, past, [starts[name] for name in agents], as_of, expected)

    starts, power, inquiries = drawn(months)
    lengths = sorted({*_LENGTHS, months})
    needed = next((length for length in lengths if drawn(length)[1] >= POWER), None)
    rows = pl.DataFrame(
        {
            _R.BEHAVIOUR: [behaviour] * len(starts),
            _R.AGENT_ID: list(starts),
            _R.STARTS_ON: [day.date() for day in starts.values()],
            _R.SEED: [seed] * len(starts),
        }
    )
    # How many two groups of like size need together at 5 %, before and after each.
    rate = float(as_float(told[_C.PAID]).mean())
    reach = scipy.stats.norm.isf(0.025) + scipy.stats.norm.ppf(POWER)
    least = int(np.ceil(4 * reach**2 * rate * (1 - rate) / (expected / 100) ** 2))
    end = last_day_after(starts.values())
    return RolloutPlan(rows, end, inquiries, expected, power, least, needed)


def _who_takes_part(behaviour: str, agents: Sequence[str], months: int) -> list[str]:
    if unit_of(behaviour) != "shown":
        raise ConfigError(f"{behaviour}: only what is shown or not can be rolled out")
    several = sorted(set(agents))
    if len(several) < 4 or months < 2:
        raise ConfigError(
            f"a roll-out needs 4 agents and 2 months, not {len(several)} and {months}: with fewer "
            "there are too few lots to tell chance from coaching"
        )
    return several


def _look_back(
    conversations: pd.DataFrame,
    behaviour: str,
    agents: Sequence[str],
    as_of: datetime,
    months: int,
) -> pd.DataFrame:
    told = mature_inquiries(conversations, agents, add_months(as_of, -months), as_of)
    told = told[told[behaviour].notna()]
    if missing := sorted(set(agents) - set(told[_C.AGENT_ID])):
        raise ConfigError(
            f"no inquiry with an opportunity for {behaviour} in the last {months} months: "
            f"{', '.join(missing)}; leave them out with --agents"
        )
    return told


@dataclass(frozen=True)
class _Past:
    """The look-back.

    Parameters
    ----------
    number, mean : array (agents, weeks)
        Inquiries, and the share of them that paid.
    moves : Moves
        How agents moved from week to week.
    """

    number: Floats
    mean: Floats
    moves: Moves

    @classmethod
    def of(cls, told: pd.DataFrame, agents: Sequence[str], weeks: int) -> _Past:
        """Return it from the inquiries; days beyond whole weeks belong to the last."""
        weeks = max(weeks, 1)
        told = told.assign(week=told["week"].clip(upper=weeks - 1))
        number, mean = cells_of(told, as_float(told[_C.PAID]), agents, weeks)
        return cls(number, mean, agents_moves(number, mean))


def _power(
    rng: np.random.Generator,
    past: _Past,
    starts: Sequence[datetime],
    first_day: datetime,
    expected_pp: float,
) -> tuple[float, int]:
    """Return the chance to see an effect, and the inquiries until the end."""
    weeks = (last_day_after(starts) - first_day).days // 7
    to_come = past.number[:, rng.integers(0, past.number.shape[1], weeks)]
    cells = Cells(to_come, started_by(starts, first_day, weeks))
    lots = cells.lots(rng, _LOTS)
    weights, scale = cells.weigh(lots)
    usable = scale > cells.least_scale
    if not usable[0]:
        return 0.0, int(to_come.sum())
    # Cells' means in roll-outs simulated with an effect: cells x simulations.
    own = np.clip(own_chance(past.number, past.mean), 0.001, 0.999)[:, None]
    size = (_SIMULATED, *cells.number.shape)
    noisy, step = (sizes[:, None, None] for sizes in past.moves.draw(rng, _SIMULATED))
    walks = np.cumsum(step * rng.normal(size=size), axis=2)
    chance = np.clip(expit(logit(own) + walks) + cells.started * (expected_pp / 100), 0.001, 0.999)
    noise = np.sqrt(noisy * chance * (1 - chance) / np.maximum(cells.number, 1))
    means = np.asarray((chance + noise * rng.normal(size=size)).reshape(_SIMULATED, -1).T)
    estimates = (weights[usable] @ means) / scale[usable, None]
    return float((p_values(estimates) <= 0.05).mean()), int(to_come.sum())


@dataclass(frozen=True)
class Moves:
    """How agents may move from week to week.

    Parameters
    ----------
    noise, step : array (sizes,)
        Variance of an agent's week, in that of chance, and deviation of a step in log-odds.
    weight : array (sizes,)
        Their probabilities.

    Examples
    --------
    >>> still = Moves(np.ones(1), np.zeros(1), np.ones(1))
    >>> noise, step = still.draw(np.random.default_rng(1), 3)
    >>> noise.tolist(), step.tolist()
    ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    """

    noise: Floats
    step: Floats
    weight: Floats

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
        """Draw noise and step of so many futures."""
        drawn = rng.choice(len(self.weight), count, p=self.weight)
        return self.noise[drawn], self.step[drawn]


def own_chance(number: Floats, mean: Floats) -> Floats:
    """Return agents' conversion, drawn to the shop's where few inquiries tell it.

    Parameters
    ----------
    number, mean : array (agents, weeks)
        Inquiries, and the share of them that paid.

    Examples
    --------
    >>> own_chance(np.array([[80.0], [0.0]]), np.array([[0.25], [0.0]])).tolist()
    [0.25, 0.25]
    """
    paid = (number * mean).sum(axis=1)
    shop = paid.sum() / number.sum()
    return np.asarray((paid + _PRIOR * shop) / (number.sum(axis=1) + _PRIOR))


def agents_moves(number: Floats, mean: Floats) -> Moves:
    """Return how much agents moved from week to week, as far as their past tells it.

    Parameters
    ----------
    number, mean : array (agents, weeks)
        Inquiries, and the share of them that paid.

    Examples
    --------
    Agents who walk by 0.15 log-odds a week, and who stay where they are:

    >>> rng = np.random.default_rng(0)
    >>> number, walks = np.full((12, 13), 200.0), rng.normal(0, 0.15, (12, 13)).cumsum(axis=1)
    >>> for drift in (walks, 0 * walks):
    ...     paid = rng.binomial(200, 1 / (1 + np.exp(1 - drift)))
    ...     moves = agents_moves(number, paid / 200)
    ...     print(round(float(moves.weight @ moves.step), 2))
    0.15
    0.01
    """
    if number.shape[1] < _LEAST_PAST or len(number) < 2:
        return Moves(np.ones(1), np.zeros(1), np.ones(1))
    # A step in units of the noise: both then scale one covariance, which is inverted once for all
    # sizes of the noise.
    parts = np.array([_likelihood_parts(relative**2, number, mean) for relative in _STEPS])
    noise = np.tile(_NOISE, len(_STEPS))
    relative, sizes, squares = (np.repeat(v, len(_NOISE)) for v in (_STEPS, *parts.T))
    seen = number > 0
    free = seen.sum() - seen.any(axis=1).sum() - seen.any(axis=0).sum() + 1
    told = -(sizes + free * np.log(noise) + squares / noise) / 2
    step = relative * np.sqrt(noise)
    before = np.where(noise == 1, len(_NOISE) - 1, 1) * np.sqrt(noise) * (step <= _STEPS[-1])
    weight = before * np.exp(told - told.max())
    return Moves(noise, step, weight / weight.sum())


def _likelihood_parts(step: float, number: Floats, mean: Floats) -> tuple[float, float]:
    """Return the logarithms of sizes and the squares of the restricted likelihood.

    Of a step's variance where noise is chance alone; twice the negative log-likelihood is their
    sum.
    """
    weeks = np.arange(1, number.shape[1] + 1)
    chance = np.clip(own_chance(number, mean), 0.01, 0.99)
    spread = (chance * (1 - chance))[:, None]
    by_chance = np.where(number > 0, spread / np.maximum(number, 1), _UNSEEN)
    walk = step * np.minimum.outer(weeks, weeks)
    covariance = spread[..., None] ** 2 * walk + by_chance[:, :, None] * np.eye(len(weeks))
    weight = np.linalg.inv(covariance)
    level = weight.sum(axis=2)
    # Agents' levels go out of each, then weeks' out of all; one week is the reference.
    weight -= level[:, :, None] * level[:, None, :] / level.sum(axis=1)[:, None, None]
    each = (weight @ mean[:, :, None])[:, :, 0]
    through = each.sum(axis=0)[1:]
    inner = weight.sum(axis=0)[1:, 1:]
    squares = (mean * each).sum()
    squares -= through @ np.linalg.solve(inner, through)
    sizes = np.linalg.slogdet(covariance)[1].sum() + np.log(level.sum(axis=1)).sum()
    return float(sizes + np.linalg.slogdet(inner)[1]), float(squares)
