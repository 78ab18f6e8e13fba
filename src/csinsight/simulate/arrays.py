"""Array types, moments and the few drawing helpers that every part of the simulator uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.params import add_months, month_end

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_S = 86_400
_PART = 200_000
#: Weights of the 24 hours in a day of shopping: two peaks, noon and evening.
HOURS = np.array(
    [2, 1, 0.5, 0.3, 0.3, 0.4, 1, 2, 4, 6, 7, 6.5, 6, 6.5, 6.5, 6, 6, 5.5, 5.5, 7, 9, 9.5, 7.5, 4.5]
)
_EPOCH = datetime(1970, 1, 1)


class Rows:
    """Columns of one length: what a dataclass of arrays is."""

    def only(self, keep: Bools) -> Self:
        """Return the rows where `keep` is true."""
        return type(self)(**{name: column[keep] for name, column in vars(self).items()})


def sigmoid(x: Any) -> Any:
    """Return the logistic function of `x`.

    Examples
    --------
    >>> float(sigmoid(0.0))
    0.5
    """
    return 1.0 / (1.0 + np.exp(-np.asarray(x, dtype=np.float64)))


def logit(p: Any) -> Any:
    """Return the log-odds of `p`.

    Examples
    --------
    >>> float(logit(0.5))
    0.0
    """
    p = np.asarray(p, dtype=np.float64)
    return np.log(p) - np.log1p(-p)


def seconds(moment: datetime) -> int:
    """Return `moment` (local, without zone) as seconds since 1970.

    Examples
    --------
    >>> seconds(datetime(1970, 1, 2))
    86400
    """
    return int((moment - _EPOCH) / timedelta(seconds=1))


def choose(rng: np.random.Generator, weights: npt.NDArray[Any], rows: Ints | None = None) -> Ints:
    """Draw a column by the weights of a row, once for each of `rows` (None: each row once).

    `weights` is n x k, not negative; rows need not sum to one.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> choose(rng, np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [0, 1]
    """
    rows = np.arange(len(weights)) if rows is None else rows
    cumulated = np.cumsum(weights, axis=1)
    points = rng.random(len(rows))
    drawn = np.empty(len(rows), dtype=np.int64)
    # In parts, so that millions of rows don't need a matrix of their own.
    for low in range(0, len(rows), _PART):
        part = cumulated[rows[low : low + _PART]]
        level = points[low : low + _PART, None] * part[:, -1:]
        drawn[low : low + _PART] = (part <= level).sum(axis=1)
    return drawn


def time_of_day(rng: np.random.Generator, n: int) -> Ints:
    """Draw `n` seconds after midnight by `HOURS`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> bool((time_of_day(rng, 9) < DAY_S).all())
    True
    """
    hours = rng.choice(24, size=n, p=HOURS / HOURS.sum())
    return np.asarray(hours * 3600 + rng.integers(0, 3600, n), dtype=np.int64)


def rank_in_group(groups: Ints) -> Ints:
    """Return each element's running number within its group; equal values must stand together.

    Examples
    --------
    >>> rank_in_group(np.array([5, 5, 7])).tolist()
    [0, 1, 0]
    """
    n = len(groups)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, n])
    return np.asarray(np.arange(n) - np.repeat(starts, lengths), dtype=np.int64)


def moments(values: npt.NDArray[Any], name: str) -> pl.Series:
    """Return seconds since 1970 as a datetime series; NaN or negative becomes null.

    Examples
    --------
    >>> moments(np.array([0.0, np.nan]), "at").null_count()
    1
    """
    real = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1.0)
    micros = pl.Series(name, (real.astype(np.int64)) * 1_000_000)
    return micros.set(micros < 0, None).cast(pl.Datetime("us"))


#: Segments of a conversation are frozen at the start of its month and look back 90 and 365 days,
#: so page views and orders have to begin that much before the first chat month.
_PAGES_BEFORE_DAYS = 92
_ORDERS_BEFORE_MONTHS = 12
FUTURE_DAYS = 90


@dataclass(frozen=True)
class Calendar:
    """Starts of orders, page views and chats, and the shared end of all three."""

    orders_start: int
    pages_start: int
    chats_start: int
    end: int

    @property
    def chat_days(self) -> int:
        """Whole days with chats."""
        return (self.end - self.chats_start) // DAY_S


def make_calendar(months: int, end_month: str) -> Calendar:
    """Return the calendar of `months` chat months, the last of which is `end_month`.

    Examples
    --------
    >>> make_calendar(1, "2026-10").end == seconds(datetime(2026, 11, 1))
    True
    """
    end = month_end(end_month)
    chats = add_months(end, -months)
    return Calendar(
        orders_start=seconds(add_months(chats, -_ORDERS_BEFORE_MONTHS)),
        pages_start=seconds(chats) - _PAGES_BEFORE_DAYS * DAY_S,
        chats_start=seconds(chats),
        end=seconds(end),
    )
