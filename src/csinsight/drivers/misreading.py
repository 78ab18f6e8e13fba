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

from csinsight.contract.artifacts import Drivers
from csinsight.contract.labels import Labels

_D = Drivers
#: Read hardly better than by chance, nothing can be made of an estimate.
_LEAST: Final = 0.2
_NORMAL: Final = float(stats.norm.ppf(0.975))


def labelled(labels: pd.DataFrame, conversations: pd.DataFrame) -> pd.DataFrame:
    """Return what a person and the reader say of the same conversations.

    Parameters
    ----------
    labels : DataFrame
        Of `csinsight.contract.labels.load_labels`.
    conversations : DataFrame
        The ``conversations`` artifact.

    Returns
    -------
    DataFrame
        A row a conversation and behaviour: ``behaviour``, ``read`` and ``true`` (0 or 1). It is
        there where any of the conversation's labelled messages shows it; where the reader saw no
        opportunity there is no row.
    """
    known = labels[labels[Labels.BEHAVIOUR].isin(conversations.columns)]
    if known.empty:
        return pd.DataFrame(columns=[Labels.BEHAVIOUR, "read", "true"])
    keys = [Labels.CONVERSATION_ID, Labels.BEHAVIOUR]
    true = known.groupby(keys)[Labels.SHOWN].max().astype(int).rename("true").reset_index()
    behaviours = sorted(set(true[Labels.BEHAVIOUR]))
    rows = conversations[[Labels.CONVERSATION_ID, *behaviours]]
    read = rows.melt(Labels.CONVERSATION_ID, var_name=Labels.BEHAVIOUR, value_name="read")
    both = true.merge(read.dropna(subset="read"), on=keys)
    return both.astype({"read": int})[[Labels.BEHAVIOUR, "read", "true"]]


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
        The shop's own (`labelled`), which come first.

    Returns
    -------
    DataFrame
        The same rows with ``corrected_pp``, ``corrected_low_pp``, ``corrected_high_pp`` and
        ``corrected_by``; null for times, where nothing is known of the reading, and where it is
        hardly better than chance.
    """
    told = pd.DataFrame(list(_corrections(drivers, accuracy, labels)), index=drivers.index)
    names = [_D.CORRECTED_PP, _D.CORRECTED_LOW_PP, _D.CORRECTED_HIGH_PP, _D.CORRECTED_BY]
    told.columns = names
    return drivers.assign(**{name: told[name] for name in names})


def _corrections(
    drivers: pd.DataFrame, accuracy: pd.DataFrame, labels: pd.DataFrame | None
) -> Iterator[tuple[float, float, float, str | None]]:
    own = {} if labels is None else {str(b): part for b, part in labels.groupby("behaviour")}
    for _, row in drivers.iterrows():
        behaviour, found = str(row[_D.BEHAVIOUR]), None
        if pd.isna(row[_D.EFFECT_PP]) or row[_D.UNIT] != "shown":
            yield (np.nan, np.nan, np.nan, None)
            continue
        if behaviour in own:
            found, by = _from_labels(own[behaviour]), "labels"
        if found is None and behaviour in accuracy.index:
            published = accuracy.loc[[behaviour]].iloc[0]
            found, by = _published(published, row[_D.SHOWN] / row[_D.N]), "published"
        if found is None:
            yield (np.nan, np.nan, np.nan, None)
            continue
        se = (row[_D.HIGH_PP] - row[_D.LOW_PP]) / (2 * _NORMAL)
        corrected = divided(row[_D.EFFECT_PP], se, *found)
        yield (*corrected, None if np.isnan(corrected[0]) else by)


def _from_labels(part: pd.DataFrame) -> tuple[float, float] | None:
    """Return PPV + NPV - 1 and its standard error; None without labels of either side."""
    sides = [part.loc[part["read"] == side, "true"] == side for side in (1, 0)]
    if not all(len(side) for side in sides):
        return None
    # One success and one failure more: no side is taken for read without fault (Agresti, Coull).
    shares = [(side.sum() + 1) / (len(side) + 2) for side in sides]
    variance = sum(p * (1 - p) / (len(s) + 2) for p, s in zip(shares, sides, strict=True))
    plain = sum(float(side.mean()) for side in sides) - 1
    return plain, float(np.sqrt(variance))


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
