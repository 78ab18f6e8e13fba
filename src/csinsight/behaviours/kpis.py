"""Agent, shop and monthly KPIs: every figure with numerator, denominator and exclusions.

Rates of buyers are of inquirers (see `KpiProfile.inquirer`); inquiries whose outcome can't be
known yet are left out of them and counted. Rates of replies are of rounds. A figure that the data
can't give (no orders, no times, no ratings) is null, never 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import Final, TypeAlias

import pandas as pd

from csinsight.behaviours.intervals import wilson
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentKpis
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.tables import Orders
from csinsight.params import add_months

Figures: TypeAlias = dict[str, float | int | str | None]

NUMERATOR, DENOMINATOR = "_numerator", "_denominator"
BUYER_DAYS: Final = "buyer_days"
ROUNDS_OFF_HOURS: Final = "rounds_off_hours"
UNANSWERED: Final = "rounds_unanswered"
PAYING_BUYERS: Final = "paying_buyers"
SILENT_SALES: Final = "silent_sales"
TOTAL_SALES: Final = "total_sales"
SILENT_SHARE: Final = "silent_share"
MONTH: Final = "month"
#: Shares of something counted; each has ``_low``, ``_high``, ``_numerator``, ``_denominator``.
RATES: Final = (
    AgentKpis.ORDERED_RATE,
    AgentKpis.PAID_RATE,
    AgentKpis.REPLY_RATE,
    AgentKpis.REPLY_RATE_180S,
)


def agent_kpis(conversations: pd.DataFrame, *, profile: KpiProfile) -> pd.DataFrame:
    """Return the KPIs of each agent.

    Parameters
    ----------
    conversations : pandas.DataFrame
        The artifact's rows of the time to be judged (see `in_month`).
    profile : KpiProfile

    Returns
    -------
    pandas.DataFrame
        One row an agent, sorted by id: columns of `AgentKpis`, ``buyer_days`` (the platforms' own
        count buyer × agent × day), what was left out, and for each of `RATES` its interval,
        numerator and denominator. Conversations without an agent are in no row.
    """
    known = conversations[conversations[Talk.AGENT_ID].notna()]
    return _by(known, Talk.AGENT_ID, AgentKpis.AGENT_ID, profile)


def shop_kpis(
    conversations: pd.DataFrame, *, profile: KpiProfile, orders: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the KPIs of the whole shop, in one row.

    Parameters
    ----------
    conversations : pandas.DataFrame
        As for `agent_kpis`; conversations without an agent count too.
    profile : KpiProfile
    orders : pandas.DataFrame or None
        The paid orders of the same time (contract columns), for what was sold in all and what no
        conversation led to (静默, silent).

    Returns
    -------
    pandas.DataFrame
        As `agent_kpis` without ``agent_id``, with ``total_sales``, ``silent_sales`` and
        ``silent_share``, null without `orders`.
    """
    figures = _figures(conversations, profile)
    figures |= _silent(conversations, orders)
    return pd.DataFrame([figures])


def monthly_kpis(conversations: pd.DataFrame, *, profile: KpiProfile) -> pd.DataFrame:
    """Return the shop's KPIs of each calendar month in which conversations began.

    Returns
    -------
    pandas.DataFrame
        As `shop_kpis` without the silent sales, with ``month`` (``YYYY-MM``), in order of time;
        conversations without times are in no month.
    """
    timed = conversations[conversations[Talk.STARTED_AT].notna()]
    month = timed[Talk.STARTED_AT].dt.strftime("%Y-%m")
    return _by(timed.assign(**{MONTH: month}), MONTH, MONTH, profile)


def in_month(conversations: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the conversations that began in the month that ends at `as_of`.

    Those without times belong to the run's month.
    """
    began = conversations[Talk.STARTED_AT]
    inside = (began >= add_months(as_of, -1)) & (began < as_of)
    return conversations[inside | began.isna()]


def _by(frame: pd.DataFrame, key: str, name: str, profile: KpiProfile) -> pd.DataFrame:
    groups: Iterable[tuple[Hashable, pd.DataFrame]] = frame.groupby(key, sort=True)
    rows = [{name: str(value), **_figures(part, profile)} for value, part in groups]
    if rows:
        return pd.DataFrame(rows)
    return pd.DataFrame(columns=[name, *_figures(frame, profile)])


def _figures(talks: pd.DataFrame, profile: KpiProfile) -> Figures:
    inquiries = talks[talks[Talk.IS_INQUIRY].fillna(value=False)]
    ripe = inquiries[Talk.MATURE].fillna(value=False)
    figures: Figures = {
        AgentKpis.CONVERSATIONS: len(talks),
        AgentKpis.BUYERS: talks[Talk.BUYER_ID].nunique(),
        BUYER_DAYS: _inquirers(talks, "buyer_day").nunique(),
        AgentKpis.INQUIRIES: len(inquiries),
        AgentKpis.INQUIRERS: _inquirers(inquiries, profile.inquirer).nunique(),
        AgentKpis.IMMATURE: int((~ripe).sum()),
    }
    for outcome, rate in (
        (Talk.ORDERED, AgentKpis.ORDERED_RATE),
        (Talk.PAID, AgentKpis.PAID_RATE),
    ):
        figures |= _conversion(inquiries[ripe], outcome, rate, profile)
    return figures | _service(talks) | _money(talks) | _satisfaction(talks)


def _inquirers(talks: pd.DataFrame, unit: str) -> pd.Series[str]:
    """Name who asked: the buyer, or the buyer on a day."""
    buyer = talks[Talk.BUYER_ID].astype("str")
    if unit == "buyer":
        return buyer
    day = talks[Talk.STARTED_AT].dt.strftime("%Y-%m-%d").fillna("")
    who: pd.Series[str] = buyer.str.cat(day, sep="#")
    return who


def _conversion(mature: pd.DataFrame, outcome: str, rate: str, profile: KpiProfile) -> Figures:
    known = mature[mature[outcome].notna()]
    who = _inquirers(known, profile.inquirer)
    won = who[known[outcome].astype(bool)].nunique()
    return _rate(rate, won, who.nunique())


def _rate(name: str, numerator: int, denominator: int) -> Figures:
    low, high = wilson(numerator, denominator)
    known = denominator > 0
    return {
        name: numerator / denominator if known else None,
        name + AgentKpis.LOW_SUFFIX: low if known else None,
        name + AgentKpis.HIGH_SUFFIX: high if known else None,
        name + NUMERATOR: numerator,
        name + DENOMINATOR: denominator,
    }


def _service(talks: pd.DataFrame) -> Figures:
    first = talks[Talk.FIRST_RESPONSE_TALK_S].dropna()
    timed = talks[talks[Talk.ROUNDS].notna()]
    rounds, unanswered = int(timed[Talk.ROUNDS].sum()), int(timed[Talk.ROUNDS_UNANSWERED].sum())
    asked, told = int(talks[Talk.BUYER_MESSAGES].sum()), int(talks[Talk.AGENT_MESSAGES].sum())
    waited = float(timed[Talk.RESPONSE_SUM_S].sum())
    return {
        AgentKpis.FIRST_RESPONSE_MEAN: float(first.mean()) if len(first) else None,
        AgentKpis.FIRST_RESPONSE_MEDIAN: float(first.median()) if len(first) else None,
        AgentKpis.FIRST_RESPONSE_P90: float(first.quantile(0.9)) if len(first) else None,
        AgentKpis.MEAN_RESPONSE: waited / rounds if rounds else None,
        Talk.ROUNDS: rounds if len(timed) else None,
        UNANSWERED: unanswered if len(timed) else None,
        ROUNDS_OFF_HOURS: int(timed[Talk.ROUNDS_OFF_HOURS].sum()) if len(timed) else None,
        **_rate(AgentKpis.REPLY_RATE, rounds - unanswered, rounds),
        **_rate(AgentKpis.REPLY_RATE_180S, int(timed[Talk.ROUNDS_IN_180S].sum()), rounds),
        AgentKpis.ANSWER_ASK_RATIO: told / asked if asked else None,
    }


def _sold(talks: pd.DataFrame) -> pd.DataFrame:
    """Return the paid orders that conversations led to, each once."""
    return talks[talks[Talk.PAID].fillna(value=False)].drop_duplicates(Talk.ORDER_ID)


def _money(talks: pd.DataFrame) -> Figures:
    sold = _sold(talks)
    buyers = sold[Talk.BUYER_ID].nunique()
    known = talks[Talk.PAID].notna().any() and sold[Talk.NET_AMOUNT].notna().all()
    sales = float(sold[Talk.NET_AMOUNT].sum()) if known else None
    return {
        AgentKpis.SALES: sales,
        PAYING_BUYERS: buyers if known else None,
        AgentKpis.SPEND_PER_BUYER: sales / buyers if sales is not None and buyers else None,
    }


def _satisfaction(talks: pd.DataFrame) -> Figures:
    scores = talks[Talk.SATISFACTION].dropna()
    return {
        AgentKpis.SATISFACTION: float(scores.mean()) if len(scores) else None,
        AgentKpis.RATINGS: len(scores),
    }


def _silent(talks: pd.DataFrame, orders: pd.DataFrame | None) -> Figures:
    if orders is None or orders[Orders.PAID_AMOUNT].isna().all():
        return dict.fromkeys((TOTAL_SALES, SILENT_SALES, SILENT_SHARE))
    paid = orders[orders[Orders.PAID_AT].notna()]
    net = paid[Orders.PAID_AMOUNT] - paid[Orders.REFUND_AMOUNT].fillna(0)
    silent = net[~paid[Orders.ORDER_ID].isin(_sold(talks)[Talk.ORDER_ID])]
    total, rest = float(net.sum()), float(silent.sum())
    return {TOTAL_SALES: total, SILENT_SALES: rest, SILENT_SHARE: rest / total if total else None}
