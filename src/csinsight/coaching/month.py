"""A month of coaching in one call: the plan, what may be said to whom, and all rates.

Findings that somebody rejects are honoured by the next run, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from csinsight.behaviours.conversations import ChatSource
from csinsight.behaviours.findings import Precision, compliance_findings, rule_precisions
from csinsight.behaviours.lexicon import Lexicon
from csinsight.coaching.card import agent_rates, conversions
from csinsight.coaching.disputes import (
    load_disputes,
    rejected,
    set_aside,
    settled,
    without_rejected,
)
from csinsight.coaching.excerpts import plan_excerpts
from csinsight.coaching.plan import (
    Limits,
    agent_status,
    plan_without,
    to_check,
    with_findings,
)
from csinsight.contract.artifacts import Conversations, Findings
from csinsight.contract.disputes import Disputes
from csinsight.contract.labels import load_labels
from csinsight.drivers.design import TESTED_BEHAVIOURS
from csinsight.features.months import in_months
from csinsight.params import month_end

_C = Conversations
_D = Disputes


@dataclass(frozen=True)
class Coached:
    """What a month's pages of coaching rest on.

    Parameters
    ----------
    plan : DataFrame
        As from `csinsight.coaching.plan.coaching_plan`.
    status : DataFrame
        As from `csinsight.coaching.plan.agent_status`.
    adjusted_rates : DataFrame
        As from `csinsight.coaching.card.agent_rates`.
    conversion : DataFrame
        As from `csinsight.coaching.card.conversions`, of the look-back.
    disputes : DataFrame
        With what came of each, as from `csinsight.coaching.month.settled`.
    findings : DataFrame
        As from `csinsight.behaviours.findings.compliance_findings`, with those that are only to be
        checked and without those that were rejected.
    """

    plan: pd.DataFrame
    status: pd.DataFrame
    adjusted_rates: pd.DataFrame
    conversion: pd.DataFrame
    disputes: pd.DataFrame
    findings: pd.DataFrame


def coach(
    sessions: pd.DataFrame,
    drivers: pd.DataFrame | None,
    disputes: pd.DataFrame,
    *,
    as_of: datetime,
    limits: Limits,
    precisions: Mapping[str, Precision],
    labels: pd.DataFrame | None = None,
    own: Iterable[str] = (),
) -> Coached:
    """Make a month's plan and all that its cards need.

    Parameters
    ----------
    sessions : DataFrame
        The ``agent_sessions`` artifact.
    drivers : DataFrame or None
        The ``drivers`` artifact; None where conversion can't be told.
    disputes : DataFrame
        From `csinsight.coaching.month.load_disputes`.
    as_of : datetime
    limits : Limits
    precisions : mapping of str to Precision
        Of `csinsight.behaviours.findings.rule_precisions`.
    labels : DataFrame or None
        Of `csinsight.contract.labels.load_labels`.
    own : iterable of str
        Ids of the shop's own behaviours.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.behaviours.findings import rule_precisions
    >>> from csinsight.coaching.disputes import load_disputes
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> undisputed = load_disputes(Path("no", "such"), sessions, month="2026-10", months=3)
    >>> given = {"limits": context.limits, "precisions": rule_precisions(context.lexicon)}
    >>> month = coach(sessions, None, undisputed, as_of=context.as_of, **given)
    >>> sorted(set(month.status["status"]))
    ['keep it up', 'not enough evidence']
    """
    counted = set_aside(sessions, disputes)
    broken = compliance_findings(counted, as_of, precisions, labels)
    plan, withheld = plan_without(
        counted, drivers, rejected(disputes), broken, as_of=as_of, limits=limits
    )
    least = limits.min_agent_inquiries
    given: dict[str, Any] = {"as_of": as_of, "months": limits.months, "min_agent_inquiries": least}
    rates = agent_rates(
        counted,
        min_opportunities=limits.min_opportunities,
        seed=limits.seed,
        behaviours=(*TESTED_BEHAVIOURS, *own),
        **given,
    )
    status = agent_status(counted, plan, **given)
    conversion = conversions(in_months(sessions, as_of, limits.months))
    disputed = settled(disputes, sessions, withheld)
    kept = without_rejected(broken, disputes)
    return Coached(plan, status, rates, conversion, disputed, kept.reset_index(drop=True))


def coach_shop(
    data: Path,
    sessions: pd.DataFrame,
    drivers: pd.DataFrame | None,
    *,
    month: str,
    limits: Limits,
    lexicon: Lexicon,
    own: Iterable[str] = (),
) -> Coached:
    """Coach a month with what its shop says of it: rejected findings, and lines read by people.

    Parameters
    ----------
    data : Path
        Of the shop's tables, with ``disputes.csv`` and ``labels.csv`` where there are any.
    sessions, drivers : DataFrame
        As for `coach`.
    month : str
    limits : Limits
    lexicon : Lexicon
        By which the sessions were read.
    own : iterable of str

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, nowhere = sample_context(), Path("no", "such")
    >>> given = {"limits": context.limits, "lexicon": context.lexicon}
    >>> coach_shop(nowhere, sample_sessions(), None, month="2026-10", **given).disputes.empty
    True
    """
    labels = load_labels(data)
    return coach(
        sessions,
        drivers,
        load_disputes(data, sessions, month=month, months=limits.months),
        as_of=month_end(month),
        limits=limits,
        precisions=rule_precisions(lexicon, sessions, labels),
        labels=labels,
        own=own,
    )


def with_excerpts(
    coached: Coached, chats: ChatSource, conversations: pd.DataFrame
) -> tuple[Coached, pd.DataFrame]:
    """Return the month as `only_shown` leaves it, and the lines that its cards show.

    Parameters
    ----------
    coached : Coached
    chats, conversations
        As for `csinsight.coaching.excerpts.plan_excerpts`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.sample import sample_context, sample_conversations, sample_sessions
    >>> from csinsight.sample import sample_shop
    >>> context, sessions, nowhere = sample_context(), sample_sessions(), Path("no", "such")
    >>> given = {"limits": context.limits, "lexicon": context.lexicon}
    >>> month = coach_shop(nowhere, sessions, None, month="2026-10", **given)
    >>> chats = context.chats(sample_shop())
    >>> _, lines = with_excerpts(month, chats, sample_conversations())
    >>> set(lines["side"]) <= {"misses", "hits", "peer_hits"}
    True
    """
    read = pd.concat([coached.plan, to_check(coached.findings)])
    lines = plan_excerpts(chats, read, conversations)
    return only_shown(coached, lines), lines


def only_shown(coached: Coached, talks: pd.DataFrame) -> Coached:
    """Return the month with accusations that can be shown alone; the others are to be checked.

    Shown is what can be read, of a conversation in which nothing waits to be checked: its name and
    its buyer's words on somebody's card would tell who wrote what stands elsewhere without a name.

    Parameters
    ----------
    coached : Coached
    talks : DataFrame
        Of `csinsight.coaching.excerpts.plan_excerpts`: a line that would be hidden but for a few
        words has no text, one that is not found anew isn't there.

    Examples
    --------
    >>> from csinsight.coaching.plan import COLUMNS
    >>> one = {"agent_id": "a1", "behaviour": "off_platform", "conversations": 2, "confirmed": 0}
    >>> told = {"opportunities": 9, "read": 20, "right": 19, "likely": 0.99, "stands": True}
    >>> found = pd.DataFrame([one | told | {"peer_rate": 0.0, "evidence": ["c1", "c2"]}])
    >>> none = pd.DataFrame()
    >>> plan = pd.DataFrame(columns=[*COLUMNS, "rank"])
    >>> seen = pd.DataFrame({"agent_id": ["a1"], "behaviour": "off_platform"})
    >>> seen = seen.assign(conversation_id="c1", text="加我微信")
    >>> month = only_shown(Coached(plan, none, none, none, none, found), seen)
    >>> month.findings[["conversations", "stands"]].to_numpy().tolist()
    [[1, True], [1, False]]
    >>> month.plan["misses"].tolist()
    [['c1']]
    """
    names = [Findings.AGENT_ID, Findings.BEHAVIOUR, _C.CONVERSATION_ID]
    seen = set(talks.loc[talks["text"].notna(), names].itertuples(index=False, name=None))
    waits = {
        one
        for _, row in coached.findings.iterrows()
        for one in row[Findings.EVIDENCE]
        if not row[Findings.STANDS]
        or (row[Findings.AGENT_ID], row[Findings.BEHAVIOUR], one) not in seen
    }
    parts: dict[tuple[str, str, bool], pd.Series] = {}
    for _, row in coached.findings.iterrows():
        agent, rule = row[Findings.AGENT_ID], row[Findings.BEHAVIOUR]
        for stands in (True, False):
            ids = [one for one in row[Findings.EVIDENCE] if (one not in waits) == stands]
            known = parts.get((agent, rule, stands))
            if ids:
                ids = [*(known[Findings.EVIDENCE] if known is not None else []), *ids]
                parts[agent, rule, stands] = _of_these(row, ids, stands=stands)
    found = pd.DataFrame(list(parts.values()), columns=coached.findings.columns)
    found = found.astype({Findings.STANDS: bool}).reset_index(drop=True)
    return replace(coached, plan=with_findings(coached.plan, found), findings=found)


def _of_these(row: pd.Series, ids: list[str], *, stands: bool) -> pd.Series:
    """Return a finding of some of its conversations alone."""
    confirmed = min(int(row[Findings.CONFIRMED]), len(ids)) if stands else 0
    trust = Precision(int(row[Findings.RIGHT]), int(row[Findings.READ]))
    told: dict[str, Any] = {
        Findings.CONVERSATIONS: len(ids),
        Findings.CONFIRMED: confirmed,
        Findings.LIKELY: 1.0 if confirmed else trust.any_right(len(ids)),
        Findings.STANDS: stands,
        Findings.EVIDENCE: ids,
    }
    names = [str(name) for name in row.index]
    return pd.Series([told.get(name, row[name]) for name in names], index=names, dtype=object)
