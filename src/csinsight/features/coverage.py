"""When each table speaks: rows a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.schema import Messages, Orders, PageViews, Ratings
from csinsight.engine import Shop, collect, ms
from csinsight.features.frames import DAY_MS, Frame, moment_ms

#: The time by which a table's rows are counted.
TIME_OF: Final = {
    "page_views": PageViews.VIEWED_AT,
    "orders": Orders.PLACED_AT,
    "messages": Messages.SENT_AT,
    "ratings": Ratings.RATED_AT,
}


def daily_rows(shop: Shop, as_of: datetime, days: int) -> pd.DataFrame:
    """Count the rows of each table by day over the last `days` days before `as_of`.

    Returns
    -------
    DataFrame
        ``table``, ``day`` (datetime), ``rows``: every day of every table that has times, also
        those without any row, but for the days before its first row ever: nothing was kept then.

    Examples
    --------
    >>> from datetime import datetime
    >>> from csinsight.sample import sample_shop
    >>> daily_rows(sample_shop(), datetime(2026, 11, 1), days=2)["day"].nunique()
    2
    """
    start = as_of - timedelta(days=days)
    calendar = pd.date_range(start, periods=days, freq="D")
    parts = []
    for table, time in TIME_OF.items():
        if not shop.has(table, time):
            continue
        counts = _by_day(shop[table], ms(time), moment_ms(start), moment_ms(as_of))
        first = collect(shop[table].select(nw.col(ms(time)).min().alias("first")))["first"].min()
        begun = calendar[0] if pd.isna(first) else pd.Timestamp(int(first), unit="ms").normalize()
        rows = counts.reindex(calendar[calendar >= begun], fill_value=0)
        parts.append(pd.DataFrame({"table": table, "day": rows.index, "rows": rows.to_numpy()}))
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["table", "day", "rows"])
    )


def _by_day(frame: Frame, time: str, start: int, end: int) -> pd.Series:
    inside = frame.filter(nw.col(time) >= start, nw.col(time) < end)
    day = (nw.col(time) - start) // DAY_MS
    counted = collect(inside.select(day.alias("day")).group_by("day").agg(nw.len().alias("rows")))
    index = pd.Timestamp(start, unit="ms") + pd.to_timedelta(
        counted["day"].astype("int64"), unit="D"
    )
    return pd.Series(counted["rows"].to_numpy(), index=pd.DatetimeIndex(index))


def chats_observed(shop: Shop, as_of: datetime) -> tuple[datetime, datetime] | None:
    """Return the time of the first and of the last message before `as_of`; None where none is.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> first, last = chats_observed(sample_shop(), datetime(2026, 11, 1))
    >>> first < last < datetime(2026, 11, 1)
    True
    """
    if not shop.has("messages", Messages.SENT_AT):
        return None
    time = nw.col(ms(Messages.SENT_AT))
    inside = shop["messages"].filter(time < moment_ms(as_of))
    ends = collect(inside.select(time.min().alias("first"), time.max().alias("last"))).iloc[0]
    if ends.isna().any():
        return None
    first, last = (pd.Timestamp(int(at), unit="ms").to_pydatetime() for at in ends)
    return first, last
