"""What adjusting leaves of the buyer's intent in each estimate, as a second source of error.

A standard error knows of chance alone. Where an alarm rings, agents answer the buyer, and the
signs of the buyer's intent are noisy: adjusting for them takes a part of the confounding out and
leaves the rest. The second method (`csinsight.drivers.intent`) undoes the noise, so that how far it
lies from the estimates, set against how far the signs had moved them, tells how many times as much
is left as was taken out. One behaviour tells that poorly; all of a shop's together tell it well.
What is left of each is then a standard deviation of its own, beside that of chance, in interval
and p-value alike: they are calibrated by what was measured to be no effect.

References
----------
Schuemie, Hripcsak, Ryan, Madigan, Suchard (2018), "Empirical confidence interval calibration for
population-level effect estimation studies in observational healthcare data", PNAS 115. Schuemie et
al. (2014), "Interpreting observational studies: why empirical calibration is needed to correct
p-values", Statistics in Medicine 33.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.units import Floats

_D = Drivers
#: As many times as the signs have taken out is left, where the second method says nothing, and at
#: most whatever it says.
_UNSEEN: Final = 1.0
_MOST: Final = 3.0
#: Fewer behaviours than this tell nothing together.
_LEAST: Final = 3


def left_over(moved: Floats, apart: Floats, noise: Floats) -> float:
    """Return how many times what the signs of intent took out of estimates is left in them.

    Parameters
    ----------
    moved : array
        By how much the signs moved each estimate (without them, less with them).
    apart : array
        How far each estimate lies from the second method's; NaN where that is not to be had.
    noise : array
        Widths by which the estimates are weighed.

    Returns
    -------
    float
        A slope through zero, in [0, 3]; 1 where fewer than three behaviours tell.

    Examples
    --------
    Half of what was taken out is left in each:

    >>> import numpy as np
    >>> left_over(np.array([2.0, -4.0, 1.0]), np.array([1.0, -2.0, 0.5]), np.ones(3))
    0.5
    """
    known = ~np.isnan(moved) & ~np.isnan(apart) & (noise > 0)
    moved, apart = moved[known], apart[known]
    weight = 1 / noise[known] ** 2
    size = float((weight * moved**2).sum())
    if known.sum() < _LEAST or size == 0:
        return _UNSEEN
    return float(np.clip((weight * moved * apart).sum() / size, 0.0, _MOST))


def with_systematic_error(
    estimates: pd.DataFrame, rung: npt.NDArray[np.bool_], *, whole: str
) -> pd.DataFrame:
    """Widen intervals, and raise p-values, by what is left of the buyer's intent.

    Parameters
    ----------
    estimates : DataFrame
        Columns of `csinsight.contract.artifacts.Drivers`; of a shop in which an alarm rings.
    rung : array of bool
        The rows that it rings for; the others stay as they are.
    whole : str
        The scope that tells how much is left, for each outcome.

    Returns
    -------
    DataFrame
        The same rows, with ``systematic_pp``, a standard deviation; NaN where no alarm rings.

    Examples
    --------
    Signs of intent took two points off an estimate, so it may be off by as much again:

    >>> row = {"outcome": "paid", "scope": "all", "agents": 30, "moved_pp": 2.0, "p_value": 0.001}
    >>> row |= {"effect_pp": 5.0, "low_pp": 3.0, "high_pp": 7.0, "proximal_pp": np.nan}
    >>> wide = with_systematic_error(pd.DataFrame([row]), np.array([True]), whole="all")
    >>> wide[["low_pp", "high_pp", "systematic_pp"]].round(1).iloc[0].tolist()
    [0.4, 9.6, 2.0]
    """
    table = estimates.copy()
    sd = np.zeros(len(table))
    for places in table.groupby(_D.OUTCOME).indices.values():
        rows = table.iloc[places]
        own = rows[rows[_D.SCOPE] == whole]
        times = left_over(
            own[_D.MOVED_PP].to_numpy(dtype=float),
            (own[_D.EFFECT_PP] - own[_D.PROXIMAL_PP]).to_numpy(dtype=float),
            (own[_D.HIGH_PP] - own[_D.LOW_PP]).to_numpy(dtype=float),
        )
        sd[places] = times * np.nan_to_num(np.abs(rows[_D.MOVED_PP].to_numpy(dtype=float)))
    sd[~rung] = 0.0
    effect, high = (table[name].to_numpy(dtype=float) for name in (_D.EFFECT_PP, _D.HIGH_PP))
    df = np.maximum(table[_D.AGENTS].to_numpy(dtype=float) - 1, 1)
    t = stats.t.ppf(0.975, np.where(np.isnan(df), np.inf, df))
    se = (high - effect) / t
    both = np.hypot(se, sd)
    table[_D.SYSTEMATIC_PP] = np.where(np.isnan(effect) | ~rung, np.nan, sd)
    for name, end in ((_D.LOW_PP, effect - t * both), (_D.HIGH_PP, effect + t * both)):
        table[name] = np.where(rung, end, table[name].to_numpy(dtype=float))
    p_values = 2 * stats.t.sf(np.abs(effect) / both, np.where(np.isnan(df), np.inf, df))
    table[_D.P_VALUE] = np.where(sd > 0, p_values, table[_D.P_VALUE].to_numpy(dtype=float))
    return table
