"""Agent, shop and monthly KPIs: every figure with numerator, denominator, exclusions, interval.

Rates of buyers are of inquirers (see `KpiProfile.inquirer`); inquiries whose outcome can't be
known yet are left out of them and counted. Rates of replies are of rounds. A figure that the data
can't give (no orders, no times, no ratings) is null, never 0.

A figure is a few columns by name: its value, its interval, and what it is made of; all are null
where there is nothing to make it of.

Intervals are of 95 %: Wilson's for rates, order statistics for medians and ninth deciles, and the
linearised ratio over conversations for means and ratios, since rounds of one conversation are
alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csinsight.behaviours.agent_sessions import Month
from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentKpis as Kpi
from csinsight.contract.artifacts import AgentSessions
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.schema import Orders
from csinsight.features.months import month_of
from csinsight.features.rounds import ROUND_COUNTS, in_time
from csinsight.stats import intervals

Figures: TypeAlias = dict[str, float | int | str | None]


def rate(name: str, numerator: int, denominator: int) -> Figures:
    """Return a share with Wilson's interval, its numerator and its denominator.

    Examples
    --------
    >>> found = rate("paid_rate", 30, 60)
    >>> found["paid_rate"], round(found["paid_rate_low"], 3), round(found["paid_rate_high"], 3)
    (0.5, 0.377, 0.623)
    """
    low, high = intervals.wilson(numerator, denominator)
    value = numerator / denominator if denominator else None
    return _figure(name, value, (low, high), (0, 1)) | _parts(name, numerator, denominator)


def mean(name: str, values: pd.Series[float], bounds: tuple[float, float] = (0, np.inf)) -> Figures:
    """Return the mean of the known values with Student's interval, kept within bounds.

    Examples
    --------
    >>> mean("score", pd.Series([4.0, 5.0]), bounds=(1, 5))["score"]
    4.5
    """
    known = values.dropna().to_numpy(dtype=float)
    value = float(known.mean()) if len(known) else None
    span = intervals.mean_interval(known)
    return _figure(name, value, span, bounds) | _parts(name, float(known.sum()), len(known))


def ratio(name: str, top: pd.Series[float], under: pd.Series[float]) -> Figures:
    """Return a ratio of sums with its linearised interval; each row is one unit.

    Examples
    --------
    >>> ratio("answer_ask_ratio", pd.Series([2.0, 4.0]), pd.Series([2.0, 2.0]))["answer_ask_ratio"]
    1.5
    """
    above, below = top.to_numpy(dtype=float), under.to_numpy(dtype=float)
    value = float(above.sum() / below.sum()) if below.sum() else None
    span = intervals.ratio_interval(above, below)
    return _figure(name, value, span) | _parts(name, float(above.sum()), float(below.sum()))


def quantile(name: str, values: NDArray[np.float64], q: float) -> Figures:
    """Return a quantile with its interval from order statistics, and of how many.

    Examples
    --------
    >>> quantile("response_p50", np.arange(1.0, 100.0), 0.5)["response_p50"]
    50.0
    """
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


SILENT_SALES: Final = "silent_sales"
TOTAL_SALES: Final = "total_sales"
SILENT_SHARE: Final = "silent_share"
MONTH: Final = "month"
_WHO: Final = "_inquirer"
_READINGS: Final = {Kpi.SAME_DAY_SUFFIX: 1, Kpi.NEXT_DAY_SUFFIX: 2, "": None}
#: Shares of something counted; each has ``_low``, ``_high``, ``_numerator``, ``_denominator``.
RATES: Final = (
    *(f"{rate}{reading}" for rate in (Kpi.ORDERED_RATE, Kpi.PAID_RATE) for reading in _READINGS),
    Kpi.REPLY_RATE,
    Kpi.REPLY_RATE_180S,
    Kpi.PROMPT_RATE,
)
#: Means, ratios and quantiles; each has ``_low`` and ``_high``.
ESTIMATES: Final = (
    Kpi.FIRST_RESPONSE_MEAN,
    Kpi.FIRST_RESPONSE_MEDIAN,
    Kpi.FIRST_RESPONSE_P90,
    Kpi.MEAN_RESPONSE,
    Kpi.RESPONSE_MEDIAN,
    Kpi.RESPONSE_P90,
    Kpi.ANSWER_ASK_RATIO,
    Kpi.SPEND_PER_BUYER,
    Kpi.SATISFACTION,
)


def agent_kpis(month: Month, *, profile: KpiProfile) -> pd.DataFrame:
    """Return the KPIs of each agent.

    Parameters
    ----------
    month : Month
        Of `csinsight.behaviours.agent_sessions.count_month`.
    profile : KpiProfile

    Returns
    -------
    pandas.DataFrame
        One row an agent who served, sorted by id: columns of `AgentKpis`, for each of `RATES`
        interval, numerator and denominator, for each of `ESTIMATES` an interval, and what was
        left out. A conversation with two agents is in the rows of both, each with their part.

    Examples
    --------
    >>> from csinsight.behaviours.agent_sessions import count_month
    >>> from csinsight.sample import (
    ...     sample_context,
    ...     sample_conversations,
    ...     sample_messages,
    ...     sample_sessions,
    ... )
    >>> profile = sample_context().profile
    >>> month = count_month(sample_messages(), sample_conversations(), sample_sessions(), profile)
    >>> agent_kpis(month, profile=profile)["agent_id"].is_unique
    True
    """
    rows, orders, times = [], month.orders, month.response_times
    groups: Iterable[tuple[Hashable, pd.DataFrame]] = month.agent_sessions.groupby(
        Talk.AGENT_ID, sort=True
    )
    for agent, part in groups:
        row = _figures(
            part,
            profile,
            None if orders is None else orders[orders[Talk.AGENT_ID] == agent],
            times[times[Talk.AGENT_ID] == agent],
        )
        handed = {
            name: int(part[name].sum())
            for name in (AgentSessions.HANDED_OVER, AgentSessions.CREDITED_ELSEWHERE)
        }
        rows.append({Kpi.AGENT_ID: str(agent), **row, **handed})
    empty = _figures(month.conversations.iloc[:0], profile)
    columns = [Kpi.AGENT_ID, *empty, AgentSessions.HANDED_OVER, AgentSessions.CREDITED_ELSEWHERE]
    return pd.DataFrame(rows, columns=columns)


def shop_kpis(
    conversations: pd.DataFrame, *, profile: KpiProfile, month: Month | None = None
) -> pd.DataFrame:
    """Return the KPIs of the whole shop, in one row.

    Parameters
    ----------
    conversations : pandas.DataFrame
        The artifact's rows of the time to be judged; those without an agent count too.
    profile : KpiProfile
    month : Month or None
        The same time with its orders: for sales of every order that a conversation led to, for
        what no agent touched (静默, silent), and for medians over rounds. Without it sales are
        those of each conversation's one order, and the rest is null. Whether an agent touched an
        order can be told where its buyer is known: silent sales are those of known buyers, and
        null where these have less than half of the month's orders or money.

    Returns
    -------
    pandas.DataFrame
        As `agent_kpis` without ``agent_id``, with ``total_sales``, ``silent_sales`` and
        ``silent_share``.

    Examples
    --------
    >>> from csinsight.behaviours.agent_sessions import count_month
    >>> from csinsight.sample import (
    ...     sample_context,
    ...     sample_conversations,
    ...     sample_messages,
    ...     sample_sessions,
    ... )
    >>> profile = sample_context().profile
    >>> month = count_month(sample_messages(), sample_conversations(), sample_sessions(), profile)
    >>> len(shop_kpis(month.conversations, profile=profile, month=month))
    1
    """
    orders = month.orders if month else None
    touched = None if orders is None else orders[orders[Talk.AGENT_ID].notna()]
    times = month.response_times if month else None
    return pd.DataFrame([_figures(conversations, profile, touched, times) | _silent(month)])


def monthly_kpis(conversations: pd.DataFrame, *, profile: KpiProfile) -> pd.DataFrame:
    """Return the shop's KPIs of each calendar month that counts a conversation.

    Returns
    -------
    pandas.DataFrame
        As `shop_kpis` without the silent sales, with ``month`` (``YYYY-MM``), in order of time;
        conversations without times are in no month.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations
    >>> context, conversations = sample_context(), sample_conversations()
    >>> len(monthly_kpis(conversations, profile=context.profile))
    3
    """
    timed = conversations[conversations[Talk.COUNTED_AT].notna()]
    months = month_of(timed).dt.strftime("%Y-%m")
    groups: Iterable[tuple[Hashable, pd.DataFrame]] = timed.groupby(months, sort=True)
    rows = [{MONTH: str(name), **_figures(part, profile)} for name, part in groups]
    return pd.DataFrame(rows, columns=[MONTH, *_figures(timed.iloc[:0], profile)])


def _figures(
    talks: pd.DataFrame,
    profile: KpiProfile,
    orders: pd.DataFrame | None = None,
    times: pd.DataFrame | None = None,
) -> Figures:
    days = _inquirers(talks, "buyer_day")
    who = days if profile.inquirer == "buyer_day" else _inquirers(talks, profile.inquirer)
    inquiries = inquiries_of(talks.assign(**{_WHO: who}))
    ripe = inquiries[_true(inquiries[Talk.MATURE])]
    found: Figures = {
        Kpi.CONVERSATIONS: len(talks),
        Kpi.BUYERS: talks[Talk.BUYER_ID].nunique(),
        Kpi.BUYER_DAYS: days.nunique(),
        Kpi.INQUIRIES: len(inquiries),
        Kpi.INQUIRERS: inquiries[_WHO].nunique(),
        Kpi.NOT_INQUIRIES: len(talks) - len(inquiries),
        Kpi.IMMATURE: len(inquiries) - len(ripe),
        Kpi.OUTCOME_UNKNOWN: int(ripe[Talk.PAID].isna().sum()),
        Kpi.UNTIMED: int(talks[Talk.STARTED_AT].isna().sum()),
    }
    for outcome, at, rate in (
        (Talk.ORDERED, Talk.OUTCOME_AT, Kpi.ORDERED_RATE),
        (Talk.PAID, Talk.FIRST_PAID_AT, Kpi.PAID_RATE),
    ):
        found |= _conversion(ripe[ripe[outcome].notna()], outcome, at, rate)
    return found | _service(talks, profile) | _rounds(times, profile) | _money(talks, orders)


def _true(values: pd.Series[bool]) -> pd.Series[bool]:
    return values.astype("boolean").fillna(value=False).astype(bool)


def _inquirers(talks: pd.DataFrame, unit: str) -> pd.Series[str]:
    """Name who asked: the buyer, or the buyer on a day."""
    buyer = talks[Talk.BUYER_ID].astype("str")
    if unit == "buyer":
        return buyer
    day = talks[Talk.STARTED_AT].dt.strftime("%Y-%m-%d").fillna("")
    who: pd.Series[str] = buyer.str.cat(day, sep="#")
    return who


def _conversion(known: pd.DataFrame, outcome: str, at: str, name: str) -> Figures:
    """Read one outcome at the end of the day of the inquiry, of the next day, and finally.

    All three are of the same inquirers, those whose final outcome is known, so that they can be
    laid side by side.
    """
    who, won = known[_WHO], _true(known[outcome])
    day = known[Talk.FIRST_BUYER_AT].dt.normalize()
    found: Figures = {}
    for reading, days in _READINGS.items():
        by_then = won
        if days is not None:
            by_then = won & (known[at] < day + pd.Timedelta(days=days))
        found |= rate(f"{name}{reading}", who[by_then].nunique(), who.nunique())
    return found


def _service(talks: pd.DataFrame, profile: KpiProfile) -> Figures:
    first = talks[Talk.FIRST_RESPONSE_TALK_S].dropna()
    timed = talks[talks[Talk.ROUNDS].notna() & talks[Talk.STARTED_AT].notna()]
    counts = {name: int(timed[name].sum()) for name in ROUND_COUNTS}
    rounds, unanswered = counts[Talk.ROUNDS], counts[Talk.ROUNDS_UNANSWERED]
    known = len(timed) > 0
    waited, of_rounds = timed[Talk.RESPONSE_SUM_S], timed[Talk.ROUNDS]
    if profile.unanswered == "leave_out":
        first = first[first < profile.round_cap_s]
        waited = waited - profile.round_cap_s * timed[Talk.ROUNDS_UNANSWERED]
        of_rounds = of_rounds - timed[Talk.ROUNDS_UNANSWERED]
    seconds = first.to_numpy(dtype=float)
    return {
        **mean(Kpi.FIRST_RESPONSE_MEAN, first),
        **quantile(Kpi.FIRST_RESPONSE_MEDIAN, seconds, 0.5),
        **quantile(Kpi.FIRST_RESPONSE_P90, seconds, 0.9),
        **ratio(Kpi.MEAN_RESPONSE, waited, of_rounds),
        Talk.ROUNDS: rounds if known else None,
        Kpi.UNANSWERED: unanswered if known else None,
        Kpi.OFF_HOURS: counts[Talk.ROUNDS_OFF_HOURS] if known else None,
        **rate(Kpi.REPLY_RATE, rounds - unanswered, rounds),
        **rate(Kpi.REPLY_RATE_180S, counts[Talk.ROUNDS_IN_180S], rounds),
        **ratio(Kpi.ANSWER_ASK_RATIO, talks[Talk.AGENT_MESSAGES], talks[Talk.BUYER_MESSAGES]),
        **mean(Kpi.SATISFACTION, talks[Talk.SATISFACTION], (1, 5)),
        Kpi.RATINGS: int(talks[Talk.SATISFACTION].notna().sum()),
    }


def _rounds(times: pd.DataFrame | None, profile: KpiProfile) -> Figures:
    """Return what single rounds tell: median, ninth decile, share within the limit."""
    if times is None:
        times = pd.DataFrame({AgentSessions.RESPONSE_S: [], Talk.ROUNDS: []})
    each, counts = times[AgentSessions.RESPONSE_S], times[Talk.ROUNDS].astype("int64")
    seconds = np.repeat(each.to_numpy(dtype=float), counts)
    prompt = in_time(seconds, profile.slow_s, profile.round_cap_s)
    timed = seconds[seconds < profile.round_cap_s] if profile.unanswered == "leave_out" else seconds
    return {
        **quantile(Kpi.RESPONSE_MEDIAN, timed, 0.5),
        **quantile(Kpi.RESPONSE_P90, timed, 0.9),
        **rate(Kpi.PROMPT_RATE, int(prompt.sum()), len(seconds)),
    }


def _money(talks: pd.DataFrame, orders: pd.DataFrame | None) -> Figures:
    if orders is None:
        orders = talks[_true(talks[Talk.ORDERED])].drop_duplicates(Talk.ORDER_ID)
        orders = orders.assign(**{Orders.PAID_AMOUNT: np.nan})
        sold = orders[_true(orders[Talk.PAID])]
        known = bool(talks[Talk.PAID].notna().any())
    else:
        sold = orders[orders[Orders.PAID_AT].notna()]
        known = bool(talks[Talk.PAID].notna().any()) or talks.empty
    spent = sold.groupby(Talk.BUYER_ID)[Talk.NET_AMOUNT].sum()
    money = known and sold[Talk.NET_AMOUNT].notna().all()
    asked = orders[Orders.PAID_AMOUNT]
    return {
        Kpi.ORDERS: len(orders) if known else None,
        Kpi.ORDER_AMOUNT: float(asked.sum()) if known and asked.notna().all() else None,
        Kpi.SALES: float(sold[Talk.NET_AMOUNT].sum()) if money else None,
        Kpi.PAYING_BUYERS: len(spent) if known else None,
        **mean(Kpi.SPEND_PER_BUYER, spent if money else spent.iloc[:0], (-np.inf, np.inf)),
    }


def _silent(month: Month | None) -> Figures:
    orders = month.orders if month and month.named.most else None
    sold = None if orders is None else orders[orders[Orders.PAID_AT].notna()]
    if sold is None or sold[Talk.NET_AMOUNT].isna().all():
        return dict.fromkeys((TOTAL_SALES, SILENT_SALES, SILENT_SHARE))
    total = float(sold[Talk.NET_AMOUNT].sum())
    rest = float(sold.loc[sold[Talk.AGENT_ID].isna(), Talk.NET_AMOUNT].sum())
    return {TOTAL_SALES: total, SILENT_SALES: rest, SILENT_SHARE: rest / total if total else None}
