"""The month that a conversation belongs to: one rule, for every figure.

A conversation is of the month in which an agent first replied; one that nobody answered, of the
month in which it was over (``counted_at``). So one that reaches across a month's end counts once,
in the same month for KPIs, drivers, cards and trends, and a report never calls unanswered what may
still be answered.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from csinsight.contract.artifacts import Conversations
from csinsight.params import add_months


def month_of(conversations: pd.DataFrame) -> pd.Series:
    """Return the first moment of the month that each conversation belongs to; NaT without times.

    Examples
    --------
    >>> three = pd.DataFrame({"counted_at": pd.to_datetime(["2026-10-31", "2026-11-01", None])})
    >>> month_of(three).dt.strftime("%Y-%m").tolist()
    ['2026-10', '2026-11', nan]
    """
    counted = pd.to_datetime(conversations[Conversations.COUNTED_AT])
    months: pd.Series = pd.Series(counted.dt.to_period("M").dt.to_timestamp(), counted.index)
    return months


def in_months(
    conversations: pd.DataFrame, as_of: datetime, months: int, *, untimed: bool = True
) -> pd.DataFrame:
    """Return the conversations of the `months` before `as_of`.

    Parameters
    ----------
    conversations : DataFrame
        With ``counted_at``.
    as_of : datetime
        First moment of a month.
    months : int
    untimed : bool
        Whether those of a source without times are among them: they belong to the run's own
        months, so not where an earlier month is asked for.

    Examples
    --------
    >>> three = pd.DataFrame({"counted_at": pd.to_datetime(["2026-09-30", "2026-10-01", None])})
    >>> in_months(three, datetime(2026, 11, 1), 1).index.tolist()
    [1, 2]
    """
    counted = pd.to_datetime(conversations[Conversations.COUNTED_AT])
    inside = (counted >= add_months(as_of, -months)) & (counted < as_of)
    rows: pd.DataFrame = conversations[inside | counted.isna() if untimed else inside]
    return rows
