"""How each derived feature is read from a buyer's raw counts.

A share is a count out of a total; everything else is a value on a scale where noise is about
normal, with the amount of evidence (`total`) behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.schema import PAGE_KINDS
from csinsight.stats import Floats


@dataclass(frozen=True)
class Observed:
    """One feature of all buyers before shrinking.

    Parameters
    ----------
    kind : {"share", "normal"}
    seen : array of bool
        Where there is any evidence.
    count, total : array of float
        Numerator and evidence: pages, orders, visits, gaps. For a value, `total` units.
    value : array of float
        For a share ``count / total``; else the value on its normal scale.
    unit_noise : float or None
        Variance of one unit of evidence where theory tells it.
    recorded : bool
        Whether these buyers show any of it; where a whole shop does not, the feature is no use.
    """

    kind: Literal["share", "normal"]
    seen: npt.NDArray[np.bool_]
    count: Floats
    total: Floats
    value: Floats
    unit_noise: float | None = None
    recorded: bool = True

    @classmethod
    def nothing(cls, buyers: int) -> Observed:
        """Return a feature of which nothing was seen."""
        zero = np.zeros(buyers)
        return cls("normal", zero > 0, zero, zero, zero)


_ERRANDS: Final = ("cart", "checkout", "account")
_BREADTH_KINDS: Final = 4

#: Raw counts by column: a table, or floats.
Counts: TypeAlias = pd.DataFrame | Mapping[str, Floats]
Observer = Callable[[Counts], Observed | None]


def floats(column: pd.Series) -> Floats:
    """Return a raw column as floats with NaN for missing.

    Examples
    --------
    >>> floats(pd.Series([1, None], dtype="Int64")).tolist()
    [1.0, nan]
    """
    numbers = pd.to_numeric(column) if column.dtype == object else column
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


class RawCounts(dict[str, Floats]):
    """A table's columns as floats, each taken out of it once, when it is first asked for.

    Examples
    --------
    >>> counts = RawCounts(pd.DataFrame({"pages": [1, 2]}))
    >>> counts["pages"].tolist(), "visits" in counts
    ([1.0, 2.0], False)
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __missing__(self, name: str) -> Floats:
        self[name] = floats(self._table[name])
        return self[name]


def _column(frame: Counts, name: str) -> Floats | None:
    """Return a raw column as floats with NaN for missing; None where nothing is recorded."""
    if name not in frame:
        return None
    column = frame[name]
    values = floats(column) if isinstance(column, pd.Series) else column
    return None if np.isnan(values).all() else values


def _share(frame: Counts, *, part: tuple[str, ...], of: str) -> Observed | None:
    columns = [column for name in part if (column := _column(frame, name)) is not None]
    total = _column(frame, of)
    if not columns or total is None:
        return None
    count = np.nansum(columns, axis=0)
    total = np.nan_to_num(total)
    count = np.clip(count, 0.0, total)
    seen = total > 0
    value = np.divide(count, total, out=np.zeros_like(total), where=seen)
    return Observed("share", seen, count, total, value, recorded=bool(count.sum() > 0))


def _normal(
    value: Floats, total: Floats, unit_noise: float | None = None, *, recorded: bool = True
) -> Observed:
    seen = np.isfinite(value) & np.isfinite(total) & (total > 0)
    none = np.zeros_like(total)
    total, value = np.where(seen, total, 0.0), np.where(seen, value, 0.0)
    return Observed("normal", seen, none, total, value, unit_noise, recorded and bool(seen.any()))


def _pages(*kinds: str) -> Observer:
    return partial(_share, part=tuple(f"pages_{kind}" for kind in kinds), of="pages")


def _pages_per_visit(frame: Counts) -> Observed | None:
    pages, visits = _column(frame, "pages"), _column(frame, "visits")
    if pages is None or visits is None:
        return None
    return _normal(_log(pages / _positive(visits)), visits)


def _visits_per_month(frame: Counts) -> Observed | None:
    visits, age = _column(frame, "visits"), _column(frame, "account_age_days")
    if visits is None:
        return None
    # An account younger than the window had less time to come back.
    days = np.fmin(90.0, np.fmax(1.0, age)) if age is not None else np.full(len(visits), 90.0)
    return _normal(_log(visits / np.nan_to_num(days, nan=90.0)), visits, unit_noise=1.0)


def _seconds_per_page(frame: Counts) -> Observed | None:
    """Read recorded dwell; where a shop records none, the steps from page to page instead."""
    for time, evidence in (("seconds", "dwell_known"), ("step_seconds", "steps")):
        seconds, pages = _column(frame, time), _column(frame, evidence)
        if seconds is not None and pages is not None:
            return _normal(_log(seconds / _positive(pages)), pages)
    return None


def _orders_per_talk(frame: Counts) -> Observed | None:
    """Log of orders to conversations of the same window; half of each added, so that 0 counts."""
    orders, conversations = _column(frame, "orders_in_window"), _column(frame, "conversations")
    if orders is None or conversations is None:
        return None
    both = np.nan_to_num(orders) + np.nan_to_num(conversations)
    value = np.log((np.nan_to_num(orders) + 0.5) / (np.nan_to_num(conversations) + 0.5))
    # Near even odds the variance of a log ratio of counts is about four over their sum.
    return _normal(value, both, unit_noise=4.0)


def _messages_per_talk(frame: Counts) -> Observed | None:
    messages, conversations = _column(frame, "buyer_messages"), _column(frame, "conversations")
    if messages is None or conversations is None:
        return None
    return _normal(_log(messages / _positive(conversations)), conversations)


def _breadth(frame: Counts) -> Observed | None:
    """Chance that two pages of a buyer's looking around are of different kinds (Gini-Simpson).

    Cart, checkout and account are no looking around. Unbiased for any number of pages; of no
    use where the shop tells fewer than `_BREADTH_KINDS` kinds apart.
    """
    columns = [_column(frame, f"pages_{kind}") for kind in PAGE_KINDS if kind not in _ERRANDS]
    kinds = [np.nan_to_num(column) for column in columns if column is not None]
    if not kinds:
        return None
    counts = np.column_stack(kinds)
    enough = int((counts.sum(axis=0) > 0).sum()) >= _BREADTH_KINDS
    total = counts.sum(axis=1)
    pairs = total * (total - 1)
    same = (counts * (counts - 1)).sum(axis=1)
    value = 1 - same / _positive(pairs)
    return _normal(value, np.where(pairs > 0, total, 0.0), recorded=enough)


def _account_age(frame: Counts) -> Observed | None:
    age = _column(frame, "account_age_days")
    if age is None:
        return None
    return _normal(np.log1p(np.clip(age, 0, None)), np.ones_like(age), unit_noise=0.0)


def _discount_share(frame: Counts) -> Observed | None:
    listed, discount = _column(frame, "list_amount"), _column(frame, "discount_amount")
    orders = _column(frame, "orders")
    if listed is None or discount is None or orders is None:
        return None
    share = np.clip(discount / _positive(listed), 0.0, 1.0)
    return _normal(np.arcsin(np.sqrt(share)), orders, recorded=bool(np.nansum(discount) > 0))


def _gap_evenness(frame: Counts) -> Observed | None:
    """How little the gaps between visits vary: minus the log of their coefficient of variation."""
    mean, sd, gaps = (_column(frame, f"gap_{part}") for part in ("mean", "sd", "count"))
    if mean is None or sd is None or gaps is None:
        return None
    variation = sd / _positive(mean)
    return _normal(-np.log(np.clip(variation, 0.05, None)), np.where(gaps >= 3, gaps, 0.0))


def _hour_evenness(frame: Counts) -> Observed | None:
    """How much visits keep to one hour of the day: squared resultant length, unbiased."""
    cosine, sine, visits = (_column(frame, name) for name in ("hour_cos", "hour_sin", "visits"))
    if cosine is None or sine is None or visits is None:
        return None
    squared = cosine**2 + sine**2  # of the means
    value = (visits * squared - 1) / _positive(visits - 1)
    return _normal(value, np.where(visits >= 2, visits, 0.0))


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)


def _log(values: Floats) -> Floats:
    return np.log(_positive(values))


#: By feature, how it is read; None from an observer means the shop records nothing of it.
OBSERVERS: Final[dict[str, Observer]] = {
    "checkout_share": _pages("cart", "checkout"),
    "orders_per_visit": partial(_share, part=("orders_in_window",), of="visits"),
    "pages_per_visit": _pages_per_visit,
    "visits_per_month": _visits_per_month,
    "seconds_per_page": _seconds_per_page,
    "breadth": _breadth,
    "new_arrival_share": _pages("new_arrivals"),
    "account_age": _account_age,
    "help_share": _pages("help"),
    "community_share": _pages("community"),
    "deal_share": _pages("deal"),
    "discount_share": _discount_share,
    "coupon_share": partial(_share, part=("coupon_orders",), of="coupon_known"),
    "bargaining_share": partial(_share, part=("bargaining_messages",), of="buyer_messages"),
    "news_share": _pages("news"),
    "gap_evenness": _gap_evenness,
    "hour_evenness": _hour_evenness,
    "sports_share": _pages("sports", "entertainment"),
    "orders_per_talk": _orders_per_talk,
    "messages_per_talk": _messages_per_talk,
}

#: Back from the scale of a feature to a natural unit; shares are pooled instead.
NATURAL: Final[dict[str, Callable[[Floats], Floats]]] = {
    "orders_per_talk": np.exp,
    "messages_per_talk": np.exp,
    "pages_per_visit": np.exp,
    "visits_per_month": lambda value: 30 * np.exp(value),
    "seconds_per_page": np.exp,
    "account_age": np.expm1,
    "discount_share": lambda value: np.square(np.sin(value)),
    "gap_evenness": lambda value: np.exp(-value),
}
