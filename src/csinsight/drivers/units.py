"""The unit in which each behaviour is compared.

Words are shown or not. Seconds and ratios are compared per doubling (their base-two logarithm:
waits are skewed, and from 10 to 20 seconds matters more than from 100 to 110). Shares are compared
per ten points.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.domain import TIMINGS
from csinsight.stats import Floats

#: Which group a row belongs to, and where rows or columns stand.
Codes = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
Unit = Literal["shown", "doubling", "ten_points"]
#: How often an effect that "can be seen" is named: the usual power of a study.
POWER: Final = 0.80

_TEN_POINTS: Final = ("slow_reply_share",)
#: Shorter waits and ratios than these say nothing more (and have no logarithm at zero).
_FLOORS: Final = {"first_response_s": 1.0, "mean_response_s": 1.0, "answer_ask_ratio": 0.05}


def unit_of(behaviour: str) -> Unit:
    """Return the unit of a behaviour's effect: shown or not, per doubling, per ten points.

    Examples
    --------
    >>> unit_of("greets"), unit_of("first_response_s")
    ('shown', 'doubling')
    """
    if behaviour in _TEN_POINTS:
        return "ten_points"
    return "doubling" if behaviour in TIMINGS else "shown"


def to_model(values: pd.Series, behaviour: str) -> Floats:
    """Return `values` in the unit of `behaviour`; null (no opportunity) becomes NaN.

    Parameters
    ----------
    values : Series of bool, nullable boolean, or float
        A column of the ``conversations`` artifact.
    behaviour : str
        One of `csinsight.contract.domain.BEHAVIOURS`.

    Examples
    --------
    >>> to_model(pd.Series([True, None], dtype="boolean"), "greets").tolist()
    [1.0, nan]
    """
    unit = unit_of(behaviour)
    if unit == "shown":
        return as_float(values.astype("boolean"))
    numbers = as_float(values)
    if unit == "ten_points":
        return numbers * 10
    logs: Floats = np.log2(np.maximum(numbers, _FLOORS[behaviour]))
    return logs


def from_model(value: Floats, behaviour: str) -> Floats:
    """Return a mean in the behaviour's unit as what a person reads: a share, seconds, a ratio.

    A mean of logarithms comes back as a geometric mean: the typical wait, near the median.

    Examples
    --------
    >>> doublings = to_model(pd.Series([60.0]), "first_response_s")
    >>> from_model(doublings, "first_response_s").round(6).tolist()
    [60.0]
    """
    unit = unit_of(behaviour)
    value = np.asarray(value, float)
    if unit == "doubling":
        return np.exp2(value)
    return value / 10 if unit == "ten_points" else value


def as_float(values: pd.Series) -> Floats:
    """Return a numeric, boolean or nullable column as floats with NaN for null.

    Examples
    --------
    >>> as_float(pd.Series([1, None], dtype="Int64")).tolist()
    [1.0, nan]
    """
    if values.dtype == object:
        values = values.convert_dtypes()
    return np.asarray(values.astype("Float64").to_numpy(dtype=float, na_value=np.nan))
