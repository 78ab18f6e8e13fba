"""Effects as believed: shrunk, since a driver is named because its estimate came out large.

A prior is learnt from all behaviours of the family (empirical Bayes: a part of the family without
effect, and a part with normal effects). Each estimate's posterior mean is then neither too large
for having been chosen nor dragged to zero where the data is plenty.

References
----------
Efron (2008), "Microarrays, empirical Bayes and the two-groups model", Statistical Science 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from csinsight.drivers.units import Floats

#: Grids of the prior: share of the family without effect, and spread of the others in points.
_NONE, _SPREAD = (
    grid.ravel() for grid in np.meshgrid(np.linspace(0.30, 0.95, 14), np.geomspace(0.5, 25, 18))
)
#: Half of a 95 % interval in standard deviations of a normal.
_REACH: Final = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Posterior:
    """What is believed of several effects, in points.

    Parameters
    ----------
    present : array
        Probability that there is an effect at all.
    mean, spread : array
        Of the effect where there is one.
    """

    present: Floats
    mean: Floats
    spread: Floats

    def expected(self) -> tuple[Floats, Floats, Floats]:
        """Return the mean of each effect, and 95 % of the belief about one that is there."""
        mean, reach = self.present * self.mean, _REACH * self.spread
        return mean, mean - reach, mean + reach


def two_groups(effect: Floats, low: Floats, high: Floats) -> Posterior:
    """Return the posterior of each effect, averaged over the prior's grid.

    Parameters
    ----------
    effect, low, high : array
        Estimates of one family with their 95 % intervals, in points.

    Examples
    --------
    One that stands out among three is believed nearly whole, the others hardly at all:

    >>> import numpy as np
    >>> effect = np.array([10.0, 1.0, -1.0])
    >>> found = two_groups(effect, effect - 4, effect + 4)
    >>> found.present.round(1).tolist()[0], bool(abs(found.mean[0]) < 10)
    (1.0, True)
    """
    if len(effect) == 0:
        return Posterior(*(np.empty(0) for _ in range(3)))
    noise = noise_of(low, high)
    return posterior(effect, noise, prior_fit(effect, noise).sum(axis=1))


def noise_of(low: Floats, high: Floats) -> Floats:
    """Return the standard deviation by which an estimate is weighed, from its 95 % interval.

    Examples
    --------
    >>> noise_of(np.array([-1.96]), np.array([1.96])).round(2).tolist()
    [1.0]
    """
    return np.asarray(np.maximum((high - low) / (2 * _REACH), 1e-9))


def prior_fit(effect: Floats, noise: Floats) -> Floats:
    """Return how well each point of the prior's grid explains each estimate (log-likelihood).

    Parameters
    ----------
    effect, noise : array
        Estimates and their standard deviations.

    Returns
    -------
    array (grid, ...)
        Summed over a family it says what prior the family has.

    Examples
    --------
    >>> prior_fit(np.zeros(3), np.ones(3)).shape
    (252, 3)
    """
    without, with_effect = _likelihoods(effect, noise)
    return np.asarray(np.log(np.maximum(without + with_effect, 1e-300)))


def posterior(effect: Floats, noise: Floats, fit: Floats) -> Posterior:
    """Return what is believed of estimates under a prior that was learnt from their family.

    Parameters
    ----------
    effect, noise : array
    fit : array (grid, ...)
        Sums of `prior_fit` over a family; what comes after the grid is that of `effect`, or its
        last axes.

    Examples
    --------
    >>> effect, noise = np.array([10.0, 1.0, -1.0]), np.ones(3)
    >>> believed = posterior(effect, noise, prior_fit(effect, noise).sum(axis=1))
    >>> bool(believed.present[0] > believed.present[1])
    True
    """
    fit = fit.reshape(len(fit), *[1] * (effect.ndim + 1 - fit.ndim), *fit.shape[1:])
    weight = np.exp(fit - fit.max(axis=0))
    weight = weight / weight.sum(axis=0)
    without, with_effect = _likelihoods(effect, noise)
    tau = _over(_SPREAD, effect)
    kept = tau**2 / (tau**2 + noise**2)
    total = np.maximum(without + with_effect, 1e-300)
    present = np.minimum((weight * with_effect / total).sum(axis=0), 1.0)
    mean = (weight * kept).sum(axis=0) * effect
    square = (weight * (kept * noise**2 + (kept * effect) ** 2)).sum(axis=0)
    return Posterior(present, mean, np.sqrt(np.maximum(square - mean**2, 0.0)))


def _likelihoods(effect: Floats, noise: Floats) -> tuple[Floats, Floats]:
    none = _over(_NONE, effect)
    both = np.hypot(noise, _over(_SPREAD, effect))
    return none * _density(effect, noise), (1 - none) * _density(effect, both)


def _density(values: Floats, sd: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * (values / sd) ** 2) / (np.sqrt(2 * np.pi) * sd))


def _over(grid: Floats, values: Floats) -> Floats:
    return grid.reshape(-1, *[1] * values.ndim)
