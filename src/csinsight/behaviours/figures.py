"""One figure as KPI tables hold it: its value, its interval, and what it is made of.

Each function returns columns by name; all is null where there is nothing to make the figure of.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csinsight.behaviours import intervals
from csinsight.contract.artifacts import AgentKpis as Kpi

Figures: TypeAlias = dict[str, float | int | str | None]


def rate(name: str, numerator: int, denominator: int) -> Figures:
    """Return a share with Wilson's interval, its numerator and its denominator."""
    low, high = intervals.wilson(numerator, denominator)
    value = numerator / denominator if denominator else None
    return _figure(name, value, (low, high), (0, 1)) | _parts(name, numerator, denominator)


def mean(name: str, values: pd.Series[float], bounds: tuple[float, float] = (0, np.inf)) -> Figures:
    """Return the mean of the known values with Student's interval, kept within bounds."""
    known = values.dropna().to_numpy(dtype=float)
    value = float(known.mean()) if len(known) else None
    span = intervals.mean_interval(known)
    return _figure(name, value, span, bounds) | _parts(name, float(known.sum()), len(known))


def ratio(name: str, top: pd.Series[float], under: pd.Series[float]) -> Figures:
    """Return a ratio of sums with its linearised interval; each row is one unit."""
    above, below = top.to_numpy(dtype=float), under.to_numpy(dtype=float)
    value = float(above.sum() / below.sum()) if below.sum() else None
    span = intervals.ratio_interval(above, below)
    return _figure(name, value, span) | _parts(name, float(above.sum()), float(below.sum()))


def quantile(name: str, values: NDArray[np.float64], q: float) -> Figures:
    """Return a quantile with its interval from order statistics, and of how many."""
    value = float(np.quantile(values, q)) if len(values) else None
    span = intervals.quantile_interval(values, q)
    return _figure(name, value, span) | {name + Kpi.DENOMINATOR_SUFFIX: len(values)}


def _figure(
    name: str,
    value: float | None,
    span: tuple[float, float],
    bounds: tuple[float, float] = (0, np.inf),
) -> Figures:
    low, high = (
        None if value is None or np.isnan(end) else float(np.clip(end, *bounds)) for end in span
    )
    return {name: value, name + Kpi.LOW_SUFFIX: low, name + Kpi.HIGH_SUFFIX: high}


def _parts(name: str, numerator: float, denominator: float) -> Figures:
    return {name + Kpi.NUMERATOR_SUFFIX: numerator, name + Kpi.DENOMINATOR_SUFFIX: denominator}
