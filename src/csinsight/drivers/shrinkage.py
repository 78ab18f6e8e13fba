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
_NONE: Final = np.linspace(0.30, 0.95, 14)
_SPREAD: Final = np.geomspace(0.5, 25, 18)


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
        mean = self.present * self.mean
        reach = float(stats.norm.ppf(0.975)) * self.spread
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
    noise = np.maximum((high - low) / (2 * float(stats.norm.ppf(0.975))), 1e-9)
    none, tau = (grid.ravel()[:, None] for grid in np.meshgrid(_NONE, _SPREAD))
    without = none * stats.norm.pdf(effect, 0, noise)
    with_effect = (1 - none) * stats.norm.pdf(effect, 0, np.hypot(noise, tau))
    total = np.maximum(without + with_effect, 1e-300)
    fit = np.log(total).sum(axis=1)
    weight = np.exp(fit - fit.max())
    weight = (weight / weight.sum())[:, None]
    kept = tau**2 / (tau**2 + noise**2)
    present = np.minimum((weight * with_effect / total).sum(axis=0), 1.0)
    mean = (weight * kept).sum(axis=0) * effect
    spread = np.sqrt((weight * (kept * noise**2 + (kept * effect) ** 2)).sum(axis=0) - mean**2)
    return Posterior(present, mean, spread)
