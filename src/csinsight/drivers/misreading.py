"""Misread words: what an effect would be if every word had been read rightly.

A marker misses some and invents others. Where misreading is a matter of the words and not of the
outcome, the difference between conversations read as showing a behaviour and those read as not is
the true one times PPV + NPV - 1: of those marked the share that show it, and of those not marked
the share that don't, less one. So the estimate is divided by it, and its interval carries what is
not known of either (delta method). The test of no effect is the same for both.

References
----------
Aigner (1973), "Regression with a binary independent variable subject to errors of observation",
Journal of Econometrics 1. Egami et al. (2023) and Angelopoulos et al. (2023) are general forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from csinsight.contract.artifacts import Drivers, LabelAccuracy

_D = Drivers
#: Read hardly better than by chance, nothing can be made of an estimate.
_LEAST: Final = 0.2
#: A share known no better than give or take twice this says nothing.
_VAGUE: Final = 0.2
_NORMAL: Final = float(stats.norm.ppf(0.975))


def divided(
    effect: float, se: float, factor: float, factor_se: float
) -> tuple[float, float, float]:
    """Return effect, low and high once divided by PPV + NPV - 1 (delta method, 95 %).

    Examples
    --------
    >>> [round(v, 1) for v in divided(6.0, 1.0, 0.6, 0.05)]
    [10.0, 6.3, 13.7]
    """
    if not factor >= _LEAST:
        return (float("nan"),) * 3
    middle = effect / factor
    reach = _NORMAL * np.hypot(se / factor, middle * factor_se / factor)
    return middle, float(middle - reach), float(middle + reach)


def with_correction(
    drivers: pd.DataFrame, accuracy: pd.DataFrame, labels: pd.DataFrame | None
) -> pd.DataFrame:
    """Add what each effect would be, were the words read rightly.

    Parameters
    ----------
    drivers : DataFrame
        From `csinsight.drivers.estimates.estimate_drivers`.
    accuracy : DataFrame
        Published, by marker: ``precision``, ``recall``, and the counts ``marked`` and ``true``
        (`csinsight.behaviours.accuracy.reader_accuracy` of one language).
    labels : DataFrame or None
        The shop's own, which come first: columns of
        `csinsight.contract.artifacts.LabelAccuracy`.

    Returns
    -------
    DataFrame
        The same rows with ``corrected_pp``, ``corrected_low_pp``, ``corrected_high_pp`` and
        ``corrected_by``; null for times, where nothing is known of the reading, and where it is
        hardly better than chance.

    Examples
    --------
    Of ten lines said to show it eight do, and of ten that do eight are found:

    >>> row = {"behaviour": "greets", "unit": "shown", "n": 400, "shown": 100, "outcome": "paid",
    ...        "effect_pp": 4.0, "low_pp": 2.0, "high_pp": 6.0}
    >>> read = {"precision": 0.8, "recall": 0.8, "marked": 10, "true": 10}
    >>> read = pd.DataFrame(read, index=["greets"])
    >>> found = with_correction(pd.DataFrame([row]), read, None)
    >>> bool(found["corrected_pp"].iloc[0] > 4)
    True
    """
    told = pd.DataFrame(list(_corrections(drivers, accuracy, labels)), index=drivers.index)
    names = [_D.CORRECTED_PP, _D.CORRECTED_LOW_PP, _D.CORRECTED_HIGH_PP, _D.CORRECTED_BY]
    told.columns = names
    return drivers.assign(**{name: told[name] for name in names})


def _corrections(
    drivers: pd.DataFrame, accuracy: pd.DataFrame, labels: pd.DataFrame | None
) -> Iterator[tuple[float, float, float, str | None]]:
    own = {}
    if labels is not None:
        numbers = labels[[LabelAccuracy.KEPT, LabelAccuracy.SE]].to_numpy(dtype=float)
        own = dict(zip(labels[LabelAccuracy.BEHAVIOUR], map(tuple, numbers), strict=True))
    for _, row in drivers.iterrows():
        behaviour, found = str(row[_D.BEHAVIOUR]), None
        if pd.isna(row[_D.EFFECT_PP]) or row[_D.UNIT] != "shown":
            yield (np.nan, np.nan, np.nan, None)
            continue
        # Labels too few to tell one half from the whole leave it to the published figures.
        if behaviour in own and own[behaviour][1] <= _VAGUE:
            found, by = own[behaviour], "labels"
        if found is None and behaviour in accuracy.index:
            published = accuracy.loc[[behaviour]].iloc[0]
            found, by = _published(published, row[_D.SHOWN] / row[_D.N]), "published"
        if found is None:
            yield (np.nan, np.nan, np.nan, None)
            continue
        se = (row[_D.HIGH_PP] - row[_D.LOW_PP]) / (2 * _NORMAL)
        corrected = divided(row[_D.EFFECT_PP], se, *found)
        yield (*corrected, None if np.isnan(corrected[0]) else by)


def _published(row: pd.Series, shown: float) -> tuple[float, float] | None:
    """Return the same from published precision and recall at this shop's share of marked."""
    precision, recall = float(row["precision"]), float(row["recall"])
    if not (precision > 0 and recall > 0) or not 0 < shown < 1:
        return None
    odds = shown / (1 - shown)
    missed = 1 - odds * (1 / recall - 1)
    variance = missed**2 * precision * (1 - precision) / row["marked"]
    variance += (precision * odds / recall**2) ** 2 * recall * (1 - recall) / row["true"]
    return precision * missed, float(np.sqrt(variance))
