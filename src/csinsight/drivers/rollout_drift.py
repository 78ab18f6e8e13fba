"""By how much agents' conversion moves from week to week beyond chance, read off their own past.

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

from dataclasses import dataclass
from typing import Final

import numpy as np

from csinsight.drivers.units import Floats

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
