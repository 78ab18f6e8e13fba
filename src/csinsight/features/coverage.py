"""When each table speaks, and whom of the buyers in chats the orders know."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import narwhals as nw
import pandas as pd

from csinsight.contract.schema import Messages, Orders, PageViews, Ratings
from csinsight.engine import Shop, collect, ms
from csinsight.features.frames import DAY_MS, SENT_MS, Frame, count_if, hours_ms, moment_ms
from csinsight.features.outcomes import PAID_MS, PLACED_MS

#: The time by which a table's rows are counted.
TIME_OF: Final = {
    "page_views": PageViews.VIEWED_AT,
    "orders": Orders.PLACED_AT,
    "messages": Messages.SENT_AT,
    "ratings": Ratings.RATED_AT,
}
#: Hours of the day that count as the evening.
EVENING: Final = (18, 24)
_HOUR_MS: Final = hours_ms(1)
_AGENT: Final = Messages.AGENT_ID
_COLUMNS: Final = ["measure", _AGENT, "found", "not_found"]


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


def holes(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of days without a row that the shop's other days make unlikely.

    Parameters
    ----------
    counts : DataFrame
        As `daily_rows` gives it.

    Returns
    -------
    DataFrame
        ``table``, ``first``, ``last`` and ``days``: of orders and chats, by time.

    Examples
    --------
    >>> days = pd.date_range("2026-10-01", periods=10)
    >>> rows = [9, 8, 9, 0, 0, 0, 0, 9, 7, 8]
    >>> found = holes(pd.DataFrame({"table": "orders", "day": days, "rows": rows}))
    >>> found[["first", "days"]].astype(str).to_numpy().tolist()
    [['2026-10-04', '4']]
    """
    found = []
    for table in ("orders", "messages"):
        own = counts[counts["table"] == table].sort_values("day")
        empty = own["rows"] == 0
        usual = own["rows"][~empty].median()
        for _, run in own[empty].groupby((~empty).cumsum()[empty]):
            if len(run) >= _HOLE_DAYS and len(run) * usual >= _HOLE_ROWS:
                found.append((table, run["day"].iloc[0], run["day"].iloc[-1], len(run)))
    frame = pd.DataFrame(found, columns=["table", "first", "last", "days"])
    return frame.astype({"first": "datetime64[us]", "last": "datetime64[us]"})


#: Days in a row, and rows that they would usually have: with fewer, nothing need be missing.
_HOLE_DAYS: Final = 3
_HOLE_ROWS: Final = 20


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


def join_bias(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Compare the month's chat buyers by whether orders know them, and orders by whether chats do.

    Whoever is not found may have bought nothing, or bought under another id: where the two groups
    differ in what has nothing to do with buying (hour, agent), the second is likely, and figures
    of conversion speak of the found alone.

    Parameters
    ----------
    shop : Shop
    start, end : datetime
        The month.

    Returns
    -------
    DataFrame
        ``measure``, ``agent_id`` (of the measure ``agent`` alone), ``found``, ``not_found``,
        ``n_found``, ``n_not_found``. Measures: ``buyers`` (their number), ``messages`` (median a
        buyer), ``evening`` (share whose first message comes from 18 to 24 h), ``agent`` (share
        whom the agent served whose shares differ most), ``ordered`` and ``paid`` (share that
        placed an order, or one that was paid, later in the month; of those who are not found the
        share that could have at most, as many orders being nobody's in the chats), ``order_value``
        and ``order_evening`` (of orders placed in the month). No rows where chats or orders have
        no times.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> table = join_bias(sample_shop(), datetime(2026, 10, 1), datetime(2026, 11, 1))
    >>> table.columns.tolist()[0]
    'measure'
    """
    timed = shop.has("messages", Messages.SENT_AT) and shop.has("orders", Orders.PLACED_AT)
    if not timed or not shop.has("orders", Orders.BUYER_ID):
        return pd.DataFrame(columns=[*_COLUMNS, "n_found", "n_not_found"])
    chats, orders = _chats(shop, start, end), _orders(shop, start, end)
    ever = collect(shop["orders"].select(Orders.BUYER_ID).unique())[Orders.BUYER_ID].dropna()
    known = chats.index.isin(set(ever))
    asked = orders[Orders.BUYER_ID].isin(set(chats.index)).to_numpy()
    buyers = [
        ("buyers", None, float(known.sum()), float((~known).sum())),
        ("messages", None, *_both(chats["messages"], known, "median")),
        ("evening", None, *_both(_evening(chats[SENT_MS]), known)),
        *_agent(chats[_AGENT], known),
        ("ordered", None, *_bought(chats[SENT_MS], known, orders)),
        ("paid", None, *_bought(chats[SENT_MS], known, orders[orders[PAID_MS].notna()])),
    ]
    sold = [
        ("order_value", None, *_both(orders["worth"], asked)),
        ("order_evening", None, *_both(_evening(orders[PLACED_MS]), asked)),
    ]
    tables = [
        pd.DataFrame(rows, columns=_COLUMNS).assign(n_found=found.sum(), n_not_found=(~found).sum())
        for rows, found in ((buyers, known), (sold, asked))
    ]
    return pd.concat(tables, ignore_index=True).astype({_AGENT: "str"})


def _chats(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the month's chat buyers: first message, number of messages, agent who wrote most."""
    inside = shop["messages"].filter(
        nw.col(SENT_MS) >= moment_ms(start), nw.col(SENT_MS) < moment_ms(end)
    )
    counts = collect(
        inside.group_by(Messages.BUYER_ID, _AGENT).agg(
            nw.col(SENT_MS).min().alias(SENT_MS),
            nw.len().alias("messages"),
            count_if(nw.col(Messages.SENDER) == "agent").alias("served"),
        )
    )
    most = counts[counts["served"] > 0].sort_values(["served", _AGENT], ascending=[False, True])
    whole = counts.groupby(Messages.BUYER_ID).agg({SENT_MS: "min", "messages": "sum"})
    whole[_AGENT] = most.drop_duplicates(Messages.BUYER_ID).set_index(Messages.BUYER_ID)[_AGENT]
    return whole


def _orders(shop: Shop, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the orders placed in the month: buyer, when placed and paid, and what they are worth.

    They stand in one order on either engine, for sums that don't differ in their last digits.
    """
    placed, worth = nw.col(PLACED_MS), nw.col(Orders.PAID_AMOUNT).alias("worth")
    inside = shop["orders"].filter(placed >= moment_ms(start), placed < moment_ms(end))
    found = collect(inside.select(Orders.BUYER_ID, PLACED_MS, PAID_MS, worth))
    return found.sort_values([PLACED_MS, Orders.BUYER_ID, "worth"], ignore_index=True)


def _both(values: pd.Series, known: Any, how: str = "mean") -> tuple[float, float]:
    return float(values[known].agg(how)), float(values[~known].agg(how))


def _evening(times: pd.Series) -> pd.Series:
    return (times // _HOUR_MS % 24).between(EVENING[0], EVENING[1] - 1).astype(float)


def _agent(agents: pd.Series, known: Any) -> list[tuple[str, str | None, float, float]]:
    shares = pd.DataFrame(
        {
            "found": agents[known].value_counts(normalize=True),
            "not_found": agents[~known].value_counts(normalize=True),
        }
    ).fillna(0.0)
    if shares.empty or known.all() or not known.any():
        return []
    apart = (shares["found"] - shares["not_found"]).abs().to_numpy()
    row = shares.iloc[int(apart.argmax())]
    return [("agent", str(row.name), float(row["found"]), float(row["not_found"]))]


def _bought(first: pd.Series, known: Any, orders: pd.DataFrame) -> tuple[float, float]:
    """Return the share of the found who bought after their first message, and of others at most."""
    buyer, found = orders[Orders.BUYER_ID], first[known]
    # Of no orders at all pandas would have the moments as text.
    later = buyer[orders[PLACED_MS] > buyer.map(found).astype(float)]
    share = float(found.index.isin(set(later)).mean()) if len(found) else float("nan")
    # An order of nobody in the chats may be anybody's who is not found.
    others = buyer[~buyer.isin(set(first.index))]
    claims = others.nunique() + int(others.isna().sum())
    lost = int((~known).sum())
    return share, min(claims / lost, 1.0) if lost else float("nan")
