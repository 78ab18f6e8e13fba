"""Standard errors that borrow from each other, since a few agents tell each of them poorly.

The cluster jackknife of a dozen agents is right on average, but of each behaviour by itself as
noisy as a variance of a dozen numbers: what comes out too small by chance is named falsely, and t
with few degrees of freedom pays for that with power. How far the spread between agents lies over
what independent conversations would give is much the same for all behaviours of one shop. So a
prior of that ratio is learnt from all of them (empirical Bayes), and each is drawn towards it by as
much as they are alike. Never below independent conversations; and a behaviour whose agents differ
clearly more than the others' keeps its own.

References
----------
Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", Statistical Applications in Genetics and Molecular Biology 3: moderated t.
Phipson, Lee, Majewski, Alexander, Smyth (2016), "Robust hyperparameter estimation protects against
hypervariable genes", Annals of Applied Statistics 10.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import stats
from scipy.special import digamma, polygamma

from csinsight.drivers.units import Floats

#: Fewer behaviours than this tell no prior.
_LEAST: Final = 5
#: Degrees of freedom that the prior is worth at most: twenty behaviours tell it no better.
_MOST: Final = 30.0
#: A ratio this far out in the prior's tail keeps its own.
_OWN: Final = 0.05


def pooled_spread(spread: Floats, plain: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Return standard errors drawn towards their prior, and their degrees of freedom.

    Parameters
    ----------
    spread : array (behaviours, ...)
        Cluster-robust standard errors.
    plain : array (behaviours, ...)
        Standard errors as if conversations were independent.
    df : array (behaviours,)
        Degrees of freedom of each `spread`.

    Returns
    -------
    tuple of array, array
        Of the shape of `spread`; as they came where behaviours are too few to learn from.

    Examples
    --------
    One of six came out small by chance:

    >>> spread = np.array([1.0, 1.1, 0.9, 1.2, 1.0, 0.5])
    >>> pooled, df = pooled_spread(spread, np.ones(6), np.full(6, 11.0))
    >>> bool(pooled[5] > 0.7), bool(df[5] > 11)
    (True, True)
    """
    own = df.reshape(-1, *[1] * (spread.ndim - 1)) * np.ones_like(spread)
    if len(spread) < _LEAST or not (np.all(spread > 0) and np.all(plain > 0)):
        return spread, own
    ratio = np.log((spread / plain) ** 2) - digamma(own / 2) + np.log(own / 2)
    apart = ratio.var(axis=0, ddof=1) - polygamma(1, own / 2).mean(axis=0)
    prior_df = np.minimum(2 * _trigamma_inverse(np.maximum(apart, 1e-6)), _MOST)
    level = np.exp(ratio.mean(axis=0) + digamma(prior_df / 2) - np.log(prior_df / 2))
    prior = np.maximum(level, 1.0) * plain**2
    both = prior_df + own
    pooled = (prior_df * prior + own * spread**2) / both
    alone = spread**2 / prior > stats.f.ppf(1 - _OWN, own, prior_df)
    return np.where(alone, spread, np.sqrt(pooled)), np.where(alone, own, both)


def _trigamma_inverse(values: Floats) -> Floats:
    """Return where the trigamma function has these values (Newton's steps of Smyth 2004)."""
    x = 0.5 + 1 / values
    for _ in range(20):
        there = polygamma(1, x)
        x = x + there * (1 - there / values) / polygamma(2, x)
    return np.asarray(x)
