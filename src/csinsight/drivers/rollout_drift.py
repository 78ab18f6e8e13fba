"""By how much agents' conversion moves from week to week beyond chance, read off their own past.

Two things move it: more noise than chance, which is gone a week later, and drift, a random walk
that stays [1]_. Both are told by restricted likelihood [2]_: agents' and weeks' levels are free, as
they are in the reading of a roll-out, and only what they leave tells of the rest.

References
----------
.. [1] Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 2.3.
.. [2] Patterson, Thompson (1971), "Recovery of inter-block information when block sizes are
   unequal", Biometrika 58.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize

from csinsight.drivers.units import Floats

#: Weeks of the past below which nothing tells drift from noise.
_LEAST_PAST: Final = 6
#: An agent's chance is pulled to the shop's by so many inquiries.
_PRIOR: Final = 20.0
#: Variances of a week's step, in log-odds, that the search begins with, and the largest.
_STEPS: Final = (0.001, 0.03)
_MOST: Final = 1.0
#: Variance of a week without inquiries: it tells nothing.
_UNSEEN: Final = 1e3


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


def noise_and_step(number: Floats, mean: Floats) -> tuple[float, float]:
    """Return how much agents move from week to week.

    Parameters
    ----------
    number, mean : array (agents, weeks)
        Inquiries, and the share of them that paid.

    Returns
    -------
    noise : float
        Variance of an agent's week, in that of chance; 1 at least.
    step : float
        Variance of a week's step of an agent's log-odds.

    Examples
    --------
    Agents who walk by 0.15 log-odds a week, and who stay where they are:

    >>> rng = np.random.default_rng(0)
    >>> number, walks = np.full((12, 13), 200.0), rng.normal(0, 0.15, (12, 13)).cumsum(axis=1)
    >>> for drift in (walks, 0 * walks):
    ...     paid = rng.binomial(200, 1 / (1 + np.exp(1 - drift)))
    ...     print(round(noise_and_step(number, paid / 200)[1] ** 0.5, 2))
    0.15
    0.01
    """
    if number.shape[1] < _LEAST_PAST or len(number) < 2:
        return 1.0, 0.0
    found = [
        minimize(
            _misfit,
            (1.05, step),
            args=(number, mean),
            method="L-BFGS-B",
            bounds=[(1.0, None), (0.0, _MOST)],
        )
        for step in _STEPS
    ]
    noise, step = min(found, key=lambda fit: float(fit.fun)).x
    return float(noise), float(step)


def _misfit(told: Floats, number: Floats, mean: Floats) -> float:
    """Return minus the restricted log-likelihood of noise and step."""
    noise, step = told
    weeks = np.arange(1, number.shape[1] + 1)
    chance = np.clip(own_chance(number, mean), 0.01, 0.99)
    spread = (chance * (1 - chance))[:, None]
    by_chance = np.where(number > 0, noise * spread / np.maximum(number, 1), _UNSEEN)
    walk = step * np.minimum.outer(weeks, weeks)
    covariance = spread[..., None] ** 2 * walk + by_chance[:, :, None] * np.eye(len(weeks))
    weight = np.linalg.inv(covariance)
    level = weight.sum(axis=2)
    # Agents' levels go out of each, then weeks' out of all; one week is the reference.
    weight -= level[:, :, None] * level[:, None, :] / level.sum(axis=1)[:, None, None]
    through = np.einsum("its,is->t", weight, mean)[1:]
    inner = weight.sum(axis=0)[1:, 1:]
    squares = np.einsum("it,its,is", mean, weight, mean)
    squares -= through @ np.linalg.solve(inner, through)
    sizes = np.linalg.slogdet(covariance)[1].sum() + np.log(level.sum(axis=1)).sum()
    return float(sizes + np.linalg.slogdet(inner)[1] + squares) / 2
