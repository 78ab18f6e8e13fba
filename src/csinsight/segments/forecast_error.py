"""How far a forecast of spend is off, told by the shop's own last stretch.

A shop's rate falls or rises, large buyers leave at once, seasons come: no model of buyers knows of
it, and all of it moves the whole sum. Part of such an error stays, part is that stretch's own; on
public purchases and made shops a forecast errs again by about half of what it last erred by.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isnan, log, nan, sqrt
from typing import Final

import numpy as np
import pandas as pd
import scipy

#: Buyers of the last stretch that are needed to say how far such sums can be trusted.
MIN_HELD_OUT: Final = 50
#: What a quarter's total usually errs by, in logs: root mean square over five quarters of CDNOW
#: and completejourney (`docs/validation.md`); it counts as much as four stretches of the shop.
_USUAL: Final = 0.15
_STRETCHES: Final = 4
#: Share of such an error, squared, that stays from one stretch to the next.
_STAYS: Final = 0.5
#: The largest correction, in logs: an error larger than a shop's bias is its season or a break,
#: and the next stretch may well err the other way. The rest goes into the interval alone.
_LARGEST: Final = 0.4
#: From this reach on, a factor of 2.7 either way, a sum is no answer.
_NO_ANSWER: Final = 1.0


@dataclass(frozen=True)
class ForecastError:
    """What a forecast is to be multiplied by, and how sure it then is.

    Parameters
    ----------
    factor : float
        1 where nothing is known.
    spread : float
        Standard error of a corrected total, in logs; NaN where nothing is known.
    """

    factor: float
    spread: float

    @property
    def reach(self) -> float:
        """How far, in logs, a corrected total may be off either way (95 %)."""
        return float(scipy.stats.t.ppf(0.975, _STRETCHES + 1)) * self.spread

    @property
    def known(self) -> bool:
        """Whether a total can be told at all: neither unknown nor off by any factor."""
        return self.reach < _NO_ANSWER

    def interval(self, total: float) -> tuple[float, float]:
        """Return between what a corrected total lies (95 %); NaN where nothing is known."""
        if isnan(self.spread):
            return nan, nan
        ends = sorted((total * exp(-self.reach), total * exp(self.reach)))
        return ends[0], ends[1]


def forecast_error(held_out: pd.DataFrame) -> ForecastError:
    """Learn from a stretch that was forecast and has come.

    The logarithm of what came over what was expected is a lasting error, one of that stretch, and
    chance among its buyers; the first is drawn to nothing by the other two.

    Parameters
    ----------
    held_out : DataFrame
        ``expected`` and ``actual`` by buyer. With fewer than `MIN_HELD_OUT` nothing is known.

    Examples
    --------
    >>> held_out = pd.DataFrame({"expected": [10.0] * 400, "actual": [4.0, 6.0] * 200})
    >>> error = forecast_error(held_out)  # half came: about half of that, in logs, is taken off
    >>> round(error.factor, 2), [round(end) for end in error.interval(100.0)]
    (0.71, [47, 212])
    >>> forecast_error(held_out.head(9))
    ForecastError(factor=1.0, spread=nan)
    """
    expected, actual = (held_out[name].to_numpy(dtype=float) for name in ("expected", "actual"))
    if len(held_out) < MIN_HELD_OUT or not (expected.sum() > 0 and actual.sum() > 0):
        return ForecastError(1.0, nan)
    ratio = float(actual.sum() / expected.sum())
    # By the jackknife: without any one buyer, so that a large one who decides all is seen to.
    least = 1e-9
    without = np.log(np.maximum(actual.sum() - actual, least * actual.sum()))
    without -= np.log(np.maximum(expected.sum() - expected, least * expected.sum()))
    chance = float(without.var() * (len(without) - 1))
    own = max(log(ratio) ** 2 - chance, 0.0)
    error = (_STRETCHES * _USUAL**2 + own) / (_STRETCHES + 1)
    weight = _STAYS * error / (error + chance)
    spread = sqrt(error * (1 - _STAYS * weight) + chance)
    correction = float(np.clip(weight * log(ratio), -_LARGEST, _LARGEST))
    return ForecastError(exp(correction), spread)
