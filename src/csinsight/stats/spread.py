"""How much units (agents, say) differ beyond chance, and which stand outside what is usual.

Two questions that one funnel must not mix up. Whether units differ at all is asked of chance alone
(chi-square); a team of people always differs a little, so with enough inquiries that is always
true. Whether one unit is unusual is asked of how much the others differ among themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from csinsight.stats import Floats

#: Fewer units than this say nothing of how much units usually differ.
MIN_UNITS: Final = 4
#: Chance that any unit at all is called unusual where none is.
ALPHA: Final = 0.05


@dataclass(frozen=True)
class Spread:
    """How units differ; arrays are in the order of the units given.

    Parameters
    ----------
    centre : float
        Share of all units together.
    adjusted : array of float
        ``centre`` plus own share less the expected one: shares as if all had the same mix.
    chi2, p_value : float
        Of "all units are alike and differ by chance only".
    sd, sd_low, sd_high : float
        Standard deviation beyond chance between the units that are not outside, and its 95 %
        interval, as shares (0.05 is five percentage points).
    usual_low, usual_high : array of float
        Where a unit with as many trials lies if it is one of the others' kind: chance and the
        team's own spread together, all units at once.
    outside : array of bool
        Whether a unit lies beyond that.
    """

    centre: float
    adjusted: Floats
    chi2: float
    p_value: float
    sd: float
    sd_low: float
    sd_high: float
    usual_low: Floats
    usual_high: Floats
    outside: NDArray[np.bool_]

    def chance_limits(self, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return between what shares chance alone keeps a unit of `n` trials: a funnel's inside."""
        return self._limits(n, 0.0, NormalDist().inv_cdf(0.5 + level / 2))

    def usual_limits(self, n: ArrayLike) -> tuple[Floats, Floats]:
        """Return between what shares a unit of `n` trials is usual in this team."""
        units = len(self.adjusted)
        return self._limits(n, self.sd**2, _critical(units))

    def _limits(self, n: ArrayLike, tau2: float, z: float) -> tuple[Floats, Floats]:
        trials = np.asarray(n, dtype=float)
        reach = z * np.sqrt(self.centre * (1 - self.centre) / trials + tau2)
        return np.clip(self.centre - reach, 0, 1), np.clip(self.centre + reach, 0, 1)


def between_units(won: ArrayLike, n: ArrayLike, expected: ArrayLike | None = None) -> Spread | None:
    """Return how much units' shares differ beyond chance, and which are unusual.

    The variance between units is Paule and Mandel's, its interval the Q profile's [1]_. A unit is
    held against the others alone (else one odd unit would widen its own limits), by a t prediction
    interval at `ALPHA` over all units together.

    Parameters
    ----------
    won, n : array of int
        Successes and trials of each unit, trials over 0.
    expected : array of float, optional
        Share of a usual unit on this unit's mix, in (0, 1); the common share if not told.

    Returns
    -------
    Spread or None
        None for fewer than `MIN_UNITS` units, or where all or none succeeded.

    References
    ----------
    .. [1] Viechtbauer, W. (2007). Confidence intervals for the amount of heterogeneity in
       meta-analysis. Statistics in Medicine 26, 37-52.

    Examples
    --------
    Agents alike differ by chance only; a team of many kinds differs, and nobody stands out:

    >>> alike = between_units([48, 52, 50, 51, 49, 50], [100] * 6)
    >>> team = between_units([300, 420, 500, 560, 640, 700], [1000] * 6)
    >>> [(round(found.p_value, 3), bool(found.outside.any())) for found in (alike, team)]
    [(0.995, False), (0.0, False)]
    """
    wins, trials = np.asarray(won, dtype=float), np.asarray(n, dtype=float)
    if (trials <= 0).any() or ((wins < 0) | (wins > trials)).any():
        raise ValueError("each unit needs trials, and no more successes than these")
    if len(trials) < MIN_UNITS or not 0 < wins.sum() < trials.sum():
        return None
    centre, least = float(wins.sum() / trials.sum()), 0.5 / trials.sum()
    usual = np.clip(centre if expected is None else np.asarray(expected), least, 1 - least)
    own = centre + wins / trials - usual
    noise = usual * (1 - usual) / trials
    chi2 = float((np.square(own - np.average(own, weights=1 / noise)) / noise).sum())
    usual_low, usual_high = _usual(own, noise)
    outside = (own < usual_low) | (own > usual_high)
    kept = ~outside if (~outside).sum() >= MIN_UNITS else np.ones(len(own), dtype=bool)
    # The interval is of the units that the estimate is of: with the odd ones it would miss it.
    ends = scipy.stats.chi2.ppf((0.975, 0.025), kept.sum() - 1)
    low, high = (between_variance(own[kept], noise[kept], float(end)) for end in ends)
    return Spread(
        centre=centre,
        adjusted=own,
        chi2=chi2,
        p_value=float(scipy.stats.chi2.sf(chi2, len(own) - 1)),
        sd=float(np.sqrt(between_variance(own[kept], noise[kept]))),
        sd_low=float(np.sqrt(low)),
        sd_high=float(np.sqrt(high)),
        usual_low=usual_low,
        usual_high=usual_high,
        outside=outside,
    )


def _usual(own: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Return between what each unit would lie if it were one of the others' kind."""
    ends = np.empty((2, len(own)))
    reach = _critical(len(own))
    for place in range(len(own)):
        rest, errors = np.delete(own, place), np.delete(noise, place)
        tau2 = between_variance(rest, errors)
        weights = 1 / (errors + tau2)
        middle = float(np.average(rest, weights=weights))
        spread = np.sqrt(noise[place] + tau2 + 1 / weights.sum())
        ends[:, place] = middle - reach * spread, middle + reach * spread
    return ends[0], ends[1]


def _critical(units: int) -> float:
    """Return how many standard errors a unit may lie from the others, all units at once."""
    return float(scipy.stats.t.ppf(1 - ALPHA / (2 * units), max(units - 2, 1)))


def between_variance(
    values: ArrayLike,
    noise: ArrayLike,
    target: float | None = None,
    *,
    centre: float | None = None,
) -> float:
    """Return how much units' true values vary, of which each was seen with known noise.

    That variance between units at which the squared deviations, each by its own variance, add up to
    what chance would make of them (Paule and Mandel [1]_).

    Parameters
    ----------
    values, noise : array of float
        What was seen of each unit, and its variance, over 0.
    target : float, optional
        What the squares are to add up to: units less one unless told; a quantile of chi-square for
        an end of the interval (Q profile).
    centre : float, optional
        What deviations are taken from; the weighted mean unless told.

    Returns
    -------
    float
        0 where the units differ by no more than their noise.

    References
    ----------
    .. [1] Paule, R. C., Mandel, J. (1982). Consensus values and weighting factors. Journal of
       Research of the National Bureau of Standards 87(5), 377-385.

    Examples
    --------
    >>> between_variance([1.0, 1.1, 0.9, 1.0], [0.1] * 4)
    0.0
    >>> round(between_variance([0.0, 2.0, 4.0, 6.0], [0.1] * 4), 3)
    6.567
    """
    seen, errors = np.asarray(values, dtype=float), np.asarray(noise, dtype=float)
    wanted = len(seen) - 1 if target is None else target

    def excess(tau2: float) -> float:
        weights = 1 / (errors + tau2)
        middle = np.average(seen, weights=weights) if centre is None else centre
        return float((weights * np.square(seen - middle)).sum()) - wanted

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.ptp(seen) ** 2 + errors.max())
    while excess(high) > 0:
        high *= 4
    return float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-15 * high))
