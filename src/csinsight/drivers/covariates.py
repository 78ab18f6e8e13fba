"""What was there before the agent's first word, as columns to adjust for."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, ValueTiers

_C = Conversations
#: Upper edges of the bands of earlier orders: none, one, two, three to five, more.
_ORDER_BANDS: Final = (0, 1, 2, 5)
#: First hours of the bands of the day: night, morning, noon, afternoon, evening, late.
_HOUR_BANDS: Final = (8, 12, 14, 18, 21)
UNKNOWN: Final = "unknown"


def covariates(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return one float column a covariate or level (the commonest level is the reference).

    Parameters
    ----------
    conversations : DataFrame
        Rows of the study with ``category``, ``type``, ``tier``, ``started_at`` and, where known,
        ``earlier_orders`` and ``open_talks``.

    Returns
    -------
    DataFrame
        Same index. Empty columns where the source knows nothing are left out.
    """
    parts = [
        _levels(conversations[_C.CATEGORY], "category"),
        _levels(conversations[BuyerTypes.TYPE], "type"),
        _levels(conversations[ValueTiers.TIER], "tier"),
    ]
    if _C.EARLIER_ORDERS in conversations:
        bands = _bands(conversations[_C.EARLIER_ORDERS], _ORDER_BANDS, "left")
        parts.append(_levels(bands, "earlier_orders"))
    if _C.OPEN_TALKS in conversations:
        parts.append(_logged(conversations[_C.OPEN_TALKS]))
    if conversations[_C.STARTED_AT].notna().any():
        parts.append(_calendar(conversations[_C.STARTED_AT]))
    return pd.concat(parts, axis=1)


def _levels(values: pd.Series, name: str) -> pd.DataFrame:
    text = values.astype("object").where(values.notna(), UNKNOWN).astype(str)
    others = text.value_counts().index[1:]
    columns = {f"{name}={level}": (text == level).astype(float) for level in sorted(others)}
    return pd.DataFrame(columns, index=values.index)


def _bands(values: pd.Series, edges: tuple[int, ...], side: str) -> pd.Series:
    numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    place = np.searchsorted(edges, numbers, side="left" if side == "left" else "right")
    return pd.Series(place, index=values.index).where(~np.isnan(numbers))


def _logged(open_talks: pd.Series) -> pd.DataFrame:
    numbers = open_talks.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    missing = np.isnan(numbers)
    columns = {"open_talks": np.log1p(np.where(missing, 0.0, numbers))}
    if missing.any():
        columns["open_talks_unknown"] = missing.astype(float)
    return pd.DataFrame(columns, index=open_talks.index)


def _calendar(started: pd.Series) -> pd.DataFrame:
    day = started.dt.normalize()
    rush = pd.Series(np.log2(day.map(day.value_counts()).fillna(1.0)), index=started.index)
    parts = [
        _levels(_bands(started.dt.hour, _HOUR_BANDS, "right"), "hour"),
        _levels(started.dt.day_of_week, "weekday"),
        _levels(started.dt.strftime("%Y-%m"), "month"),
        (rush - rush.mean()).rename("day_rush").to_frame(),
    ]
    return pd.concat(parts, axis=1)
