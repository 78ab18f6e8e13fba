"""Shrinkage by empirical Bayes: effects, and their standard errors, borrow from each other.

Effects, since one is named because its estimate came out large. A prior is learnt from all of a
family (a part of it without effect, and a part with normal effects). Each estimate's posterior mean
is then neither too large for having been chosen nor dragged to zero where the data is plenty.

Standard errors, since a few agents tell each of them poorly. The cluster jackknife of a dozen
agents is right on average, but of each behaviour by itself as noisy as a variance of a dozen
numbers: what comes out too small by chance is named falsely, and t with few degrees of freedom pays
for that with power. How far the spread between agents lies over what independent conversations
would give is much the same for all behaviours of one shop. So a prior of that ratio is learnt from
all of them, and each is drawn towards it by as much as they are alike. The prior is never
below independent conversations; a behaviour whose agents differ clearly more than the others' keeps
its own.

References
----------
Efron (2008), "Microarrays, empirical Bayes and the two-groups model", Statistical Science 23.
Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", Statistical Applications in Genetics and Molecular Biology 3: moderated t.
Phipson, Lee, Majewski, Alexander, Smyth (2016), "Robust hyperparameter estimation protects against
hypervariable genes", Annals of Applied Statistics 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import scipy
from scipy.special import digamma, polygamma

from csinsight.stats import Floats

#: Grids of the prior: share of the family without effect, and spread of the others in points.
_NONE, _SPREAD = (
    grid.ravel() for grid in np.meshgrid(np.linspace(0.30, 0.95, 14), np.geomspace(0.5, 25, 18))
)
#: Half of a 95 % interval in standard deviations of a normal.
_REACH: Final = NormalDist().inv_cdf(0.975)


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


#: Fewer behaviours than this tell no prior.
_LEAST: Final = 5
#: Degrees of freedom that the prior is worth at most: twenty behaviours tell it no better.
_MOST: Final = 30.0
#: A ratio this far out in the prior's tail keeps its own.
_OWN: Final = 0.05


def moderated_errors(clustered: Floats, independent: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Return standard errors drawn towards their prior, and their degrees of freedom.

    Parameters
    ----------
    clustered : array (behaviours, ...)
        Cluster-robust standard errors.
    independent : array (behaviours, ...)
        Standard errors as if conversations were independent.
    df : array (behaviours,)
        Degrees of freedom of each `clustered`.

    Returns
    -------
    tuple of array, array
        Of the shape of `clustered`; as they came where behaviours are too few to learn from.

    Examples
    --------
    One of six came out small by chance:

    >>> clustered = np.array([1.0, 1.1, 0.9, 1.2, 1.0, 0.5])
    >>> moderated, df = moderated_errors(clustered, np.ones(6), np.full(6, 11.0))
    >>> bool(moderated[5] > 0.7), bool(df[5] > 11)
    (True, True)
    """
    own = df.reshape(-1, *[1] * (clustered.ndim - 1)) * np.ones_like(clustered)
    if len(clustered) < _LEAST or not (np.all(clustered > 0) and np.all(independent > 0)):
        return clustered, own
    ratio = np.log((clustered / independent) ** 2) - digamma(own / 2) + np.log(own / 2)
    apart = ratio.var(axis=0, ddof=1) - polygamma(1, own / 2).mean(axis=0)
    prior_df = np.minimum(2 * _trigamma_inverse(np.maximum(apart, 1e-6)), _MOST)
    level = np.exp(ratio.mean(axis=0) + digamma(prior_df / 2) - np.log(prior_df / 2))
    prior = np.maximum(level, 1.0) * independent**2
    both = prior_df + own
    moderated = (prior_df * prior + own * clustered**2) / both
    alone = clustered**2 / prior > scipy.stats.f.ppf(1 - _OWN, own, prior_df)
    return np.where(alone, clustered, np.sqrt(moderated)), np.where(alone, own, both)


def _trigamma_inverse(values: Floats) -> Floats:
    """Return where the trigamma function has these values (Newton's steps of Smyth 2004)."""
    x = 0.5 + 1 / values
    for _ in range(20):
        there = polygamma(1, x)
        x = x + there * (1 - there / values) / polygamma(2, x)
    return np.asarray(x)
