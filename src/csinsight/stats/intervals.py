"""Intervals for rates, means, ratios of sums, and quantiles; the jackknife's standard error."""

from __future__ import annotations

from math import nan, sqrt
from statistics import NormalDist
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

# What `scipy.stats` computes by: that package takes longer to load than a month's KPIs to count.
from scipy.special import bdtr, bdtrik, stdtrit

from csinsight.stats import Floats

_Float: TypeAlias = float | np.floating[Any]


@overload
def wilson(successes: _Float, n: _Float, level: float = 0.95) -> tuple[float, float]: ...
@overload
def wilson(successes: Floats, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]: ...
def wilson(
    successes: _Float | Floats, n: _Float | Floats, level: float = 0.95
) -> tuple[float, float] | tuple[Floats, Floats]:
    """Return Wilson's score interval of a proportion, or of many, element by element.

    Parameters
    ----------
    successes, n : float or array of float
        Counts, ``0 <= successes <= n``.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float or of arrays
        Low and high end within [0, 1]; both NaN where ``n`` is 0.

    Raises
    ------
    ValueError
        Where the counts can't be those of a proportion or the level is none.

    Notes
    -----
    Wilson, E. B. (1927), JASA 22(158), without continuity correction.

    Examples
    --------
    >>> low, high = wilson(30, 60)
    >>> low < 0.5 < high
    True
    """
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    won, of = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    wrong = ~((won >= 0) & (won <= of))
    if wrong.any():
        raise ValueError(f"{won[wrong][0]:g} of {of[wrong][0]:g} is no proportion")
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    known = of > 0
    n_ = np.where(known, of, 1.0)
    share = won / n_
    middle = (share + z2 / (2 * n_)) / (1 + z2 / n_)
    half = np.sqrt(z2) / (1 + z2 / n_) * np.sqrt(share * (1 - share) / n_ + z2 / (4 * n_ * n_))
    low = np.where(won == 0, 0.0, np.clip(middle - half, 0, 1))
    high = np.where(won == of, 1.0, np.clip(middle + half, 0, 1))
    low, high = np.where(known, low, nan), np.where(known, high, nan)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return Student's interval of a mean of independent values.

    Parameters
    ----------
    values : array of float

    Returns
    -------
    tuple of float
        Both NaN with fewer than two values, which say nothing of their spread.

    Examples
    --------
    >>> low, high = mean_interval([4.0, 5.0, 5.0, 4.0])
    >>> low < 4.5 < high
    True
    """
    sample = np.asarray(values, dtype=float)
    return ratio_interval(sample, np.ones(len(sample)), level)


def ratio_interval(
    numerators: ArrayLike, denominators: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a ratio of sums, of which the units (conversations, say) were sampled.

    Seconds waited over rounds, messages over messages, money over buyers: the unit is what
    varies by itself, so rounds of one conversation are not taken for independent.

    Parameters
    ----------
    numerators, denominators : array of float
        One value a unit, denominators not all 0.
    level : float

    Returns
    -------
    tuple of float
        Both NaN with fewer than two units or without a denominator.

    Notes
    -----
    Linearised ratio estimator (Cochran 1977, Sampling Techniques, 6.3) with t(n - 1).

    Examples
    --------
    >>> low, high = ratio_interval([2, 4, 3], [2, 2, 2])
    >>> low < 1.5 < high
    True
    """
    top, under = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    units, total = len(top), float(under.sum())
    if units < 2 or total == 0:
        return nan, nan
    ratio = float(top.sum()) / total
    rest = top - ratio * under
    error = sqrt(float((rest**2).sum()) * units / (units - 1)) / total
    reach = float(stdtrit(units - 1, 0.5 + level / 2)) * error
    return ratio - reach, ratio + reach


def quantile_interval(values: ArrayLike, q: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a quantile from order statistics, whatever the distribution.

    Parameters
    ----------
    values : array of float
    q : float
        Between 0 and 1.
    level : float

    Returns
    -------
    tuple of float
        Both NaN where there are too few values to bound the quantile on both sides (six for the
        median, thirty-six for nine tenths, at 95 %).

    Notes
    -----
    Ranks by the binomial distribution (Conover 1999, Practical Nonparametric Statistics, 3.2).

    Examples
    --------
    >>> quantile_interval(range(1, 100), 0.5)
    (40.0, 60.0)
    """
    sample = np.sort(np.asarray(values, dtype=float))
    n, tail = len(sample), (1 - level) / 2
    if not n:
        return nan, nan
    # The r-th smallest lies above the quantile when fewer than r values lie below that.
    low, high = _binomial_quantile(tail, n, q), _binomial_quantile(1 - tail, n, q)
    if low < 1 or high >= n:
        return nan, nan
    return float(sample[low - 1]), float(sample[high])


def _binomial_quantile(share: float, n: int, p: float) -> int:
    """Return the least count of `n` that so large a share of all counts does not exceed."""
    count = int(np.ceil(bdtrik(share, n, p)))
    return count - 1 if count and bdtr(count - 1, n, p) >= share else count


def jackknife_error(estimate: ArrayLike, without: ArrayLike) -> Floats:
    """Return the standard error of an estimate from what it is with each unit left out.

    Parameters
    ----------
    estimate : float or array (...)
        Of all units (agents, say).
    without : array (units, ...)
        The same with each unit left out.

    Notes
    -----
    Centred on the estimate itself, as is CRV3 (MacKinnon, Nielsen and Webb 2023, Journal of Applied
    Econometrics 38), not on the mean of what is left out.

    Examples
    --------
    Of a mean it is the usual standard error:

    >>> values = np.array([1.0, 2.0, 3.0, 6.0])
    >>> round(float(jackknife_error(3.0, (12 - values) / 3)), 3)
    1.08
    """
    left = np.asarray(without, dtype=float)
    apart = np.square(left - np.asarray(estimate, dtype=float)).sum(axis=0)
    return np.asarray(np.sqrt((len(left) - 1) / len(left) * apart))


def difference(
    now: tuple[float, float, float], before: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the difference of two independent estimates with its interval, from theirs.

    Parameters
    ----------
    now, before : tuple of float
        Value, low and high end of each.

    Notes
    -----
    The recovery of variance estimates of Zou and Donner (2008), Statistics in Medicine 27; for
    Wilson intervals of two rates it is method 10 of Newcombe (1998), Statistics in Medicine 17.

    Examples
    --------
    >>> [round(end, 3) for end in difference((0.5, 0.4, 0.6), (0.4, 0.3, 0.5))]
    [0.1, -0.041, 0.241]
    """
    value, low, high = now
    was, was_low, was_high = before
    change = value - was
    return (
        change,
        change - float(np.hypot(value - low, was_high - was)),
        change + float(np.hypot(high - value, was - was_low)),
    )
