"""The coaching plan: per agent compliance first, at most three recommendations, and strengths.

What may be said to each agent at all: something to try, keep it up, or not enough evidence.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.findings import compliance_findings, rule_precisions, waiting
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.coaching.examples import EACH, examples, suspected
from csinsight.coaching.peers import gaps
from csinsight.coaching.shrunken_effects import credible_drivers, sureness
from csinsight.contract.artifacts import CoachingPlan, Conversations, Findings
from csinsight.features.months import in_months, month_of

#: A gap or a strength is credible at this probability of being behind, or ahead of, the middle.
CREDIBLE: Final = 0.90
#: Mentors named to one agent for one behaviour.
MAX_MENTORS: Final = 2
#: Strengths named for one agent.
MAX_STRENGTHS: Final = 2

_C = Conversations
_P = CoachingPlan

#: Of an agent to whom nothing is recommended: enough was seen for that, or too little.
KEEP_UP: Final = "keep it up"
TOO_FEW: Final = "not enough evidence"
COLUMNS: Final = (
    _P.AGENT_ID,
    _P.RANK,
    _P.BEHAVIOUR,
    _P.KIND,
    _P.RATE,
    _P.PEER_RATE,
    _P.OPPORTUNITIES,
    _P.EXPECTED_GAIN,
    _P.LOW,
    _P.HIGH,
    _P.EVIDENCE,
    _P.TARGET_RATE,
    _P.RATE_LOW,
    _P.RATE_HIGH,
    _P.MONTHLY_OPPORTUNITIES,
    _P.EFFECT_PP,
    _P.EFFECT_LOW_PP,
    _P.EFFECT_HIGH_PP,
    _P.HITS,
    _P.MISSES,
    _P.PEER_HITS,
    _P.READ,
    _P.RIGHT,
    _P.LIKELY,
)


Finding = tuple[str, str]


@dataclass(frozen=True)
class Limits:
    """What has to be there before anybody is told anything.

    Parameters
    ----------
    months : int
        How far to look back for habits. Compliance looks at the report month alone.
    min_agent_inquiries, min_opportunities : int
        Under these an agent gets no recommendation and counts as nobody's peer.
    q_threshold : float
    max_recommendations : int
    seed : int
    """

    months: int
    min_agent_inquiries: int
    min_opportunities: int
    q_threshold: float
    max_recommendations: int
    seed: int


def coaching_plan(
    sessions: pd.DataFrame,
    drivers: pd.DataFrame | None,
    *,
    as_of: datetime,
    limits: Limits,
    broken: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what to coach, agent by agent.

    Parameters
    ----------
    sessions : DataFrame
        The ``agent_sessions`` artifact.
    drivers : DataFrame or None
        The ``drivers`` artifact; only scope ``all`` is used, and only its public columns. None
        where conversion can't be told: the plan then holds compliance alone.
    as_of : datetime
        First moment after the report month.
    limits : Limits
    broken : DataFrame, optional
        Of `csinsight.behaviours.findings.compliance_findings`; None: of the rules as published.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.CoachingPlan`: kind ``compliance`` (whatever its
        effect), then ``driver``, what goes with a sale most surely first, then
        ``strength``; ``rank`` runs from 1 within
        an agent. Rates are shares, or for timings typical seconds and ratios. ``peer_rate`` is the
        comparable peers' median, ``target_rate`` their top quarter.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> set(plan["kind"]) <= {"compliance"}
    True
    """
    if broken is None:
        broken = broken_rules(sessions, as_of)
    return plan_without(sessions, drivers, (), broken, as_of=as_of, limits=limits)[0]


def plan_without(
    sessions: pd.DataFrame,
    drivers: pd.DataFrame | None,
    rejected: Collection[Finding],
    broken: pd.DataFrame,
    *,
    as_of: datetime,
    limits: Limits,
) -> tuple[pd.DataFrame, set[Finding]]:
    """Return the plan of `coaching_plan` without what somebody disputes, and what that withheld.

    Parameters
    ----------
    sessions, drivers, broken, as_of, limits
        As for `coaching_plan`.
    rejected : collection of (agent_id, behaviour)

    Returns
    -------
    plan : DataFrame
    withheld : set of (agent_id, behaviour)
        Those of `rejected` that would stand in the plan.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> found, given = broken_rules(sessions, context.as_of), {"limits": context.limits}
    >>> plan, withheld = plan_without(sessions, None, (), found, as_of=context.as_of, **given)
    >>> withheld
    set()
    """
    served = sessions[sessions[_C.AGENT_ID].notna()]
    recent = in_months(served, as_of, limits.months)
    inquiries = inquiries_of(recent)
    table = gaps(
        experienced(inquiries, limits.min_agent_inquiries),
        credible_drivers(drivers, limits.q_threshold),
        months=months_spanned(inquiries),
        seed=limits.seed,
        min_opportunities=limits.min_opportunities,
    )
    standing = broken[broken[Findings.STANDS]]
    records = [_broken(row) for _, row in standing.iterrows()]
    found = {(str(r[_P.AGENT_ID]), str(r[_P.BEHAVIOUR])) for r in records}
    records = [r for r in records if (r[_P.AGENT_ID], r[_P.BEHAVIOUR]) not in rejected]
    found |= set(_pairs(pd.concat([_behind(table), _ahead(table)])))
    barred = suspected(sessions)
    rest = pd.Series([p not in rejected for p in _pairs(table)], index=table.index, dtype=bool)
    for _, own in table[rest].groupby(_P.AGENT_ID):
        advised = _surest(_behind(own))
        praised = _ahead(own).sort_values("behind").head(MAX_STRENGTHS)
        best = advised.head(limits.max_recommendations)
        records += [
            _habit(gap, kind, inquiries, as_of, barred)
            for kind, rows in (("driver", best), ("strength", praised))
            for _, gap in rows.iterrows()
        ]
    plan = _ranked(pd.DataFrame(records, columns=list(COLUMNS)))
    return plan, found & set(rejected)


def broken_rules(sessions: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the month's findings about people by the rules as they are published.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> "stands" in broken_rules(sessions, context.as_of)
    True
    """
    return compliance_findings(sessions, as_of, rule_precisions(load_lexicon()))


def _pairs(table: pd.DataFrame) -> list[Finding]:
    return [(str(a), str(b)) for a, b in table[[_P.AGENT_ID, _P.BEHAVIOUR]].to_numpy()]


def _behind(table: pd.DataFrame) -> pd.DataFrame:
    """Return where an agent is credibly behind, outside peers' middle half, and would gain.

    Among the middle half of peers nobody is told to practise, however many inquiries make it sure
    that they lie a little under the median: half of any team does.
    """
    credible = (table["gap_low"] > 0) & (table["low"] > 0) & (table["behind"] >= CREDIBLE)
    helps = table["effect_pp"] > 0
    outside = (table["rate"] < table["peer_q1"]).where(helps, table["rate"] > table["peer_q3"])
    return table[credible & outside.astype(bool)]


def _surest(table: pd.DataFrame) -> pd.DataFrame:
    """Return gaps in the order of the team's plan: what is surest, however large another looks."""
    sure = sureness(table, "effect_pp", "effect_low_pp", "effect_high_pp")
    by = ["_sure", "expected_gain_inquiries"]
    return table.assign(_sure=sure).sort_values(by, ascending=False).drop(columns="_sure")


def _ahead(table: pd.DataFrame) -> pd.DataFrame:
    """Return where an agent is credibly ahead of the middle of peers and in the best quarter."""
    return table[(1 - table["behind"] >= CREDIBLE) & (table["gap"] <= 0)]


def experienced(inquiries: pd.DataFrame, min_agent_inquiries: int) -> pd.DataFrame:
    """Return the inquiries of agents with enough of them.

    Examples
    --------
    >>> seen = pd.DataFrame({"agent_id": ["a1", "a1", "a2"]})
    >>> experienced(seen, 2)["agent_id"].tolist()
    ['a1', 'a1']
    """
    counts = inquiries[_C.AGENT_ID].value_counts()
    enough = counts.index[counts >= min_agent_inquiries]
    return inquiries[inquiries[_C.AGENT_ID].isin(enough)]


def months_spanned(inquiries: pd.DataFrame) -> int:
    """Return in how many calendar months the inquiries lie; one where no time is known.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> months_spanned(sessions)
    3
    """
    return max(int(month_of(inquiries).nunique()), 1)


def _broken(finding: pd.Series) -> dict[str, object]:
    """Return the plan's row of a finding that stands."""
    ids = list(finding[Findings.EVIDENCE])
    return {
        _P.AGENT_ID: finding[Findings.AGENT_ID],
        _P.BEHAVIOUR: finding[Findings.BEHAVIOUR],
        _P.KIND: "compliance",
        _P.RATE: finding[Findings.CONVERSATIONS] / finding[Findings.OPPORTUNITIES],
        _P.PEER_RATE: finding[Findings.PEER_RATE],
        _P.OPPORTUNITIES: finding[Findings.OPPORTUNITIES],
        _P.READ: finding[Findings.READ],
        _P.RIGHT: finding[Findings.RIGHT],
        _P.LIKELY: finding[Findings.LIKELY],
        _P.EVIDENCE: ids,
        _P.HITS: [],
        _P.MISSES: ids,
        _P.PEER_HITS: [],
    }


def with_findings(plan: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return a plan with these findings about people in place of its own.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> found = broken_rules(sessions, context.as_of)
    >>> "compliance" in set(with_findings(plan, found.assign(stands=False))["kind"])
    False
    """
    standing = found[found[Findings.STANDS].astype(bool)]
    broken = pd.DataFrame([_broken(row) for _, row in standing.iterrows()], columns=list(COLUMNS))
    rest = plan.loc[plan[_P.KIND] != "compliance", list(COLUMNS)]
    return _ranked(pd.concat([part for part in (broken, rest) if len(part)] or [rest]))


#: The kind of what is too uncertain to be said of anybody: never in a plan, only to be read.
TO_CHECK: Final = "to check"


def to_check(found: pd.DataFrame) -> pd.DataFrame:
    """Return the findings that do not stand in the plan's form, with all their conversations.

    By rule in the order of `csinsight.behaviours.findings.waiting`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> found = broken_rules(sample_sessions(), sample_context().as_of)
    >>> set(to_check(found)["kind"]) <= {TO_CHECK}
    True
    """
    unsure = found[~found[Findings.STANDS].astype(bool)]
    place = {rule: number for number, rule in enumerate(waiting(found).index)}
    order = unsure[Findings.BEHAVIOUR].map(place).sort_values(kind="stable").index
    records = [
        _broken(row) | {_P.KIND: TO_CHECK, _P.MISSES: list(row[Findings.EVIDENCE])}
        for _, row in unsure.loc[order].iterrows()
    ]
    return pd.DataFrame(records, columns=list(COLUMNS))


def mentors(plan: pd.DataFrame) -> pd.DataFrame:
    """Return who could help whom: ``behaviour``, ``agent_id``, ``mentors`` (list of agent ids).

    A mentor has as a strength what the agent is advised to work on.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> mentors(plan).columns.tolist()
    ['behaviour', 'agent_id', 'mentors']
    """
    strong = plan[plan[_P.KIND] == "strength"].sort_values(_P.RANK)
    advised = plan[plan[_P.KIND] == "driver"]
    by_behaviour = strong.groupby(_P.BEHAVIOUR)[_P.AGENT_ID].agg(list).to_dict()
    found = [by_behaviour.get(b, [])[:MAX_MENTORS] for b in advised[_P.BEHAVIOUR]]
    table = advised[[_P.BEHAVIOUR, _P.AGENT_ID]].reset_index(drop=True)
    return table.assign(mentors=pd.Series(found, index=table.index, dtype=object))


def _habit(
    gap: pd.Series, kind: str, inquiries: pd.DataFrame, as_of: datetime, barred: Collection[str]
) -> dict[str, object]:
    """Return the plan's row of what an agent is advised (``driver``) or praised for."""
    agent, behaviour, helps = gap["agent_id"], gap["behaviour"], bool(gap["effect_pp"] > 0)
    found = examples(inquiries, agent, behaviour, helps=helps, as_of=as_of, barred=barred)
    row = {
        _P.AGENT_ID: agent,
        _P.BEHAVIOUR: behaviour,
        _P.KIND: kind,
        _P.RATE: gap["rate"],
        _P.PEER_RATE: gap["peer_median"],
        _P.OPPORTUNITIES: gap["opportunities"],
        _P.RATE_LOW: gap["rate_low"],
        _P.RATE_HIGH: gap["rate_high"],
        _P.MONTHLY_OPPORTUNITIES: gap["monthly_opportunities"],
        _P.EFFECT_PP: gap["effect_pp"],
        _P.EFFECT_LOW_PP: gap["effect_low_pp"],
        _P.EFFECT_HIGH_PP: gap["effect_high_pp"],
        **found,
    }
    if kind == "strength":
        return row | {_P.EVIDENCE: found["hits"][:EACH]}
    return row | {
        _P.EXPECTED_GAIN: gap["expected_gain_inquiries"],
        _P.LOW: gap["low"],
        _P.HIGH: gap["high"],
        _P.TARGET_RATE: gap["target_rate"],
        _P.EVIDENCE: [*found["misses"], *found["hits"][:EACH]],
    }


def _ranked(plan: pd.DataFrame) -> pd.DataFrame:
    """Return the plan with its rows numbered within each agent, and typed."""
    text = [_P.AGENT_ID, _P.BEHAVIOUR, _P.KIND]
    lists = [_P.EVIDENCE, _P.HITS, _P.MISSES, _P.PEER_HITS]
    plan = plan.sort_values(_P.AGENT_ID, kind="stable").reset_index(drop=True)
    plan[_P.RANK] = plan.groupby(_P.AGENT_ID).cumcount() + 1
    whole = [_P.RANK, _P.OPPORTUNITIES]
    numbers = [c for c in COLUMNS if c not in {*text, *lists, *whole}]
    return plan.astype({**dict.fromkeys(numbers, float), **dict.fromkeys(whole, "int64")})


def agent_status(
    sessions: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    as_of: datetime,
    months: int,
    min_agent_inquiries: int,
) -> pd.DataFrame:
    """Return what may be said to every agent of the report month or the look-back.

    Returns
    -------
    DataFrame
        ``agent_id``, ``inquiries`` in the look-back, ``month_inquiries``, ``status``:
        ``recommendations``, ``keep it up``, or ``not enough evidence``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> status = agent_status(
    ...     sessions, plan, as_of=context.as_of, months=3, min_agent_inquiries=5
    ... )
    >>> len(status) == sessions["agent_id"].nunique()
    True
    """
    served = sessions[sessions[_C.AGENT_ID].notna()]
    served = inquiries_of(served)
    recent = in_months(served, as_of, months)
    counts = recent[_C.AGENT_ID].value_counts().sort_index()
    month = in_months(recent, as_of, 1)[_C.AGENT_ID].value_counts()
    advised = set(plan.loc[plan[_P.KIND] == "driver", _P.AGENT_ID])
    status = [
        "recommendations"
        if agent in advised
        else (KEEP_UP if n >= min_agent_inquiries else TOO_FEW)
        for agent, n in counts.items()
    ]
    return pd.DataFrame(
        {
            "agent_id": counts.index.astype(str),
            "inquiries": counts.to_numpy(),
            "month_inquiries": month.reindex(counts.index, fill_value=0).to_numpy(),
            "status": status,
        }
    )
