"""Everything that one agent's card shows, as data.

Agents' conversion without a ranking: how much they differ beyond chance, and who stands outside
the team's usual spread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
import scipy

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.products import product_levels
from csinsight.coaching.peers import adjusted_rates
from csinsight.coaching.plan import TOO_FEW, experienced
from csinsight.contract.artifacts import AgentSessions, BuyerTypes, CoachingPlan, Conversations
from csinsight.drivers.covariates import UNKNOWN
from csinsight.drivers.design import TESTED_BEHAVIOURS
from csinsight.drivers.units import as_float, from_model, to_model, unit_of
from csinsight.features.months import in_months, month_of
from csinsight.stats.intervals import wilson
from csinsight.stats.spread import Spread, between_units

_C = Conversations
_Z: Final = 1.959964


@dataclass(frozen=True)
class Card:
    """One agent's month.

    Parameters
    ----------
    agent_id : str
    inquiries : int
        In the look-back.
    status : str
        As in `csinsight.coaching.plan.agent_status`.
    rates : DataFrame
        One row a behaviour: own rate beside the middle half of comparable peers.
    conversion : Conversion or None
        None where the agent has no mature inquiry.
    trend : DataFrame
        ``behaviour``, ``month``, ``opportunities``, ``rate``, ``low``, ``high``; conversion is in
        it as behaviour ``paid``.
    compliance, strengths, recommendations : DataFrame
        Rows of the coaching plan.
    """

    agent_id: str
    inquiries: int
    status: str
    rates: pd.DataFrame
    conversion: Conversion | None
    trend: pd.DataFrame
    compliance: pd.DataFrame
    strengths: pd.DataFrame
    recommendations: pd.DataFrame


@dataclass(frozen=True)
class Conversion:
    """Paid conversion beside what the shop makes of the same mix of inquiries.

    Parameters
    ----------
    inquiries, paid : int
        Mature inquiries, and how many of them paid.
    rate, low, high : float
        Own share with its Wilson interval (95 %).
    expected : float
        Share of the other agents' inquiries that paid, on this agent's mix.
    above : float
        Probability that the agent's own rate lies above it.
    """

    inquiries: int
    paid: int
    rate: float
    low: float
    high: float
    expected: float
    above: float


def agent_rates(
    sessions: pd.DataFrame,
    *,
    as_of: datetime,
    months: int,
    min_agent_inquiries: int,
    min_opportunities: int,
    seed: int,
    behaviours: Iterable[str] = TESTED_BEHAVIOURS,
) -> pd.DataFrame:
    """Return `csinsight.coaching.peers.adjusted_rates` of the look-back, once for all cards.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> rates = agent_rates(
    ...     sessions,
    ...     as_of=context.as_of,
    ...     months=3,
    ...     min_agent_inquiries=5,
    ...     min_opportunities=5,
    ...     seed=1,
    ...     behaviours=["greets"],
    ... )
    >>> bool(rates["rate"].between(0, 1).all())
    True
    """
    recent = in_months(sessions[sessions[_C.AGENT_ID].notna()], as_of, months)
    inquiries = experienced(inquiries_of(recent), min_agent_inquiries)
    return adjusted_rates(inquiries, behaviours, seed=seed, min_opportunities=min_opportunities)


def agent_card(
    agent_id: str,
    sessions: pd.DataFrame,
    plan: pd.DataFrame,
    rates: pd.DataFrame,
    status: pd.DataFrame,
    conversion: pd.DataFrame,
    *,
    as_of: datetime,
    trend_months: int,
) -> Card:
    """Gather one agent's card.

    Parameters
    ----------
    agent_id : str
    sessions : DataFrame
        The ``agent_sessions`` artifact; this agent's rows are enough.
    plan : DataFrame
        The ``coaching_plan`` artifact.
    rates : DataFrame
        From `agent_rates`.
    status : DataFrame
        From `csinsight.coaching.plan.agent_status`.
    conversion : DataFrame
        From `conversions`.
    as_of : datetime
    trend_months : int
        That the trend shows.

    Raises
    ------
    ValueError
        Where the agent has no conversation at all.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> from csinsight.coaching.plan import agent_status, coaching_plan
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> given = {"months": 3, "min_agent_inquiries": 5}
    >>> status = agent_status(sessions, plan, as_of=context.as_of, **given)
    >>> rates = pd.DataFrame(columns=["agent_id"])
    >>> tables = sessions, plan, rates, status, conversions(sessions)
    >>> card = agent_card("a001", *tables, as_of=context.as_of, trend_months=3)
    >>> card.agent_id, card.status
    ('a001', 'keep it up')
    """
    served = sessions[sessions[_C.AGENT_ID] == agent_id]
    if served.empty:
        raise ValueError(f"agent {agent_id!r} has no conversation; agents are named as in messages")
    known = status.set_index("agent_id").reindex([agent_id]).iloc[0]
    planned = plan[plan[CoachingPlan.AGENT_ID] == agent_id]
    drivers, compliance, strengths = (
        planned[planned[CoachingPlan.KIND] == kind].reset_index(drop=True)
        for kind in ("driver", "compliance", "strength")
    )
    own = conversion[conversion["agent_id"] == agent_id]
    converted = next(own.drop(columns="agent_id").itertuples(index=False), None)
    shown = [_C.PAID, *drivers[CoachingPlan.BEHAVIOUR]]
    return Card(
        agent_id=agent_id,
        inquiries=int(known["inquiries"]) if pd.notna(known["inquiries"]) else 0,
        status=str(known["status"]) if pd.notna(known["status"]) else TOO_FEW,
        rates=rates[rates["agent_id"] == agent_id].reset_index(drop=True),
        conversion=None if converted is None else Conversion(*converted),
        trend=trend(in_months(served, as_of, trend_months), shown),
        compliance=compliance,
        strengths=strengths,
        recommendations=drivers,
    )


def conversions(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return each agent's paid conversion beside the others' on the same mix of inquiries.

    The mix is problem category and, where the conversations carry them, the category of the goods
    and buyer type. Strata that no other agent served count as the others' share of the problem
    category and type, and where nobody else served those, as their overall share.

    Parameters
    ----------
    sessions : DataFrame
        Rows of the ``agent_sessions`` artifact.

    Returns
    -------
    DataFrame
        ``agent_id`` and the fields of `Conversion`: the agents with a mature inquiry, by id.

    Examples
    --------
    >>> two = pd.DataFrame({"agent_id": ["a", "a", "b"], "category": "size"})
    >>> told = two.assign(is_inquiry=True, mature=True, paid=[True, False, True])
    >>> conversions(told)[["agent_id", "rate", "expected"]].to_numpy().tolist()
    [['a', 0.5, 1.0], ['b', 1.0, 0.5]]
    """
    asked = inquiries_of(sessions)
    if AgentSessions.HANDED_OVER in asked:
        # What became of an inquiry that was handed over is not this agent's to answer for.
        asked = asked[~asked[AgentSessions.HANDED_OVER].astype(bool)]
    known = (as_float(asked[_C.MATURE]) == 1) & asked[_C.PAID].notna()
    rows = asked[known & asked[_C.AGENT_ID].notna()].reset_index(drop=True)
    agent, paid = rows[_C.AGENT_ID], pd.Series(as_float(rows[_C.PAID]), index=rows.index)
    strata = [rows[c].fillna(UNKNOWN) for c in (_C.CATEGORY, BuyerTypes.TYPE) if c in rows]
    usual = _of_the_others(paid, agent, strata).fillna(_of_the_others(paid, agent, []))
    if _C.PRODUCT_CATEGORY in rows:
        goods = product_levels(rows[_C.PRODUCT_CATEGORY]).fillna(UNKNOWN)
        usual = _of_the_others(paid, agent, [*strata, goods]).fillna(usual)
    found = []
    for name, own in paid.groupby(agent):
        n, won, expected = len(own), int(own.sum()), usual[own.index].mean()
        overall = float(expected) if pd.notna(expected) else won / n
        above = float(scipy.stats.beta.sf(overall, won + 0.5, n - won + 0.5))
        found.append((str(name), n, won, won / n, *wilson(won, n), overall, above))
    return pd.DataFrame(found, columns=["agent_id", *Conversion.__dataclass_fields__])


def _of_the_others(
    paid: pd.Series[float], agent: pd.Series[str], strata: list[pd.Series]
) -> pd.Series[float]:
    """Return of each row the share of the other agents' rows of its stratum that paid."""
    own = paid.groupby([agent, *strata]).transform
    every = paid.groupby(strata).transform if strata else paid.agg
    n = every("count") - own("count")
    share: pd.Series[float] = (every("sum") - own("sum")) / n.where(n > 0)
    return share


def trend(served: pd.DataFrame, behaviours: Iterable[str]) -> pd.DataFrame:
    """Return an agent's rates by calendar month, with 95 % intervals.

    Parameters
    ----------
    served : DataFrame
        One agent's conversations, up to twelve months of them.
    behaviours : iterable of str
        Behaviours, or ``paid`` (mature inquiries only).

    Returns
    -------
    DataFrame
        ``behaviour``, ``month`` (first day), ``opportunities``, ``rate``, ``low``, ``high``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> own = sessions[sessions["agent_id"] == "a001"]
    >>> trend(own, ["greets"])["month"].is_monotonic_increasing
    True
    """
    inquiries = inquiries_of(served[served[_C.COUNTED_AT].notna()])
    parts = []
    for behaviour in behaviours:
        rows = inquiries
        if behaviour == _C.PAID:
            rows = rows[as_float(rows[_C.MATURE]) == 1]
            values = as_float(rows[_C.PAID])
        else:
            values = to_model(rows[behaviour], behaviour)
        month = month_of(rows)
        groups = pd.Series(values).groupby(month.to_numpy())
        table = groups.agg(["count", "mean", "std"])
        parts.append(_with_interval(table[table["count"] > 0], behaviour))
    columns = ["behaviour", "month", "opportunities", "rate", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _with_interval(table: pd.DataFrame, behaviour: str) -> pd.DataFrame:
    n, mean = table["count"].to_numpy(dtype=float), table["mean"].to_numpy(dtype=float)
    if behaviour == _C.PAID or unit_of(behaviour) == "shown":
        rate = mean
        low, high = wilson(np.round(n * mean), n)
    else:
        reach = _Z * table["std"].to_numpy(dtype=float) / np.sqrt(n)
        rate, low, high = (from_model(v, behaviour) for v in (mean, mean - reach, mean + reach))
    figures = {"opportunities": n.astype(int), "rate": rate, "low": low, "high": high}
    return pd.DataFrame({"behaviour": behaviour, "month": table.index, **figures})


@dataclass(frozen=True)
class AgentSpread:
    """How agents' conversion differs: the one computation behind every funnel.

    Parameters
    ----------
    agents : DataFrame
        ``agent_id``, ``inquiries`` (mature), ``rate`` as it was, ``expected`` (the others on this
        mix), ``adjusted`` (the shop's rate plus own minus expected), ``above`` (probability of
        being above expected), ``usual_low`` and ``usual_high`` (where an agent of this team with
        as many inquiries usually lies), ``outside`` (beyond these).
    spread : Spread or None
        How much agents differ beyond chance (``p_value``, ``sd`` with interval), and the limits
        for a drawing; None where there are too few agents to say.
    """

    agents: pd.DataFrame
    spread: Spread | None


#: Mature inquiries from which on an agent has a place in the funnel, and counts as a peer.
IN_FUNNEL: Final = 20


def agent_spread(
    sessions: pd.DataFrame, *, as_of: datetime, months: int, at_least: int = IN_FUNNEL
) -> AgentSpread:
    """Return every agent's conversion against the others' on the same mix of inquiries.

    Parameters
    ----------
    sessions : DataFrame
        The ``agent_sessions`` artifact.
    as_of : datetime
    months : int
    at_least : int
        Mature inquiries; agents with fewer are left out, and are no peers.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> spread = agent_spread(sessions, as_of=context.as_of, months=3, at_least=5)
    >>> len(spread.agents) > 1
    True
    """
    table = conversions(in_months(sessions, as_of, months))
    table = table[table["inquiries"] >= at_least].reset_index(drop=True)
    spread = between_units(*table[["paid", "inquiries", "expected"]].to_numpy(dtype=float).T)
    for name in ("adjusted", "usual_low", "usual_high", "outside"):
        table[name] = getattr(spread, name) if spread else np.nan
    return AgentSpread(table.drop(columns=["paid", "low", "high"]), spread)
