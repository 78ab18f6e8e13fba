"""Intervals for rates."""

from __future__ import annotations

from math import nan, sqrt
from statistics import NormalDist


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion.

    Parameters
    ----------
    successes, n : float
        Counts, ``0 <= successes <= n``.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end within [0, 1]; both NaN where ``n`` is 0.

    Raises
    ------
    ValueError
        Where the counts can't be those of a proportion or the level is none.

    Notes
    -----
    Wilson, E. B. (1927), JASA 22(158), without continuity correction.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    if n == 0:
        return nan, nan
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high
