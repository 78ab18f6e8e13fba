"""A month of coaching in one call: the plan, what may be said to whom, and all rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from csinsight.behaviours.findings import Precision, compliance_findings
from csinsight.coaching.card import agent_rates, conversions
from csinsight.coaching.disputes import rejected, set_aside, settled
from csinsight.coaching.plan import Limits, agent_status, findings
from csinsight.drivers.design import TESTED_BEHAVIOURS
from csinsight.features.months import in_months


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
        With what came of each, as from `csinsight.coaching.disputes.settled`.
    findings : DataFrame
        As from `csinsight.behaviours.findings.compliance_findings`, with those that are only to be
        checked.
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
        From `csinsight.coaching.disputes.load_disputes`.
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
    >>> told = {"limits": context.limits, "precisions": rule_precisions(context.lexicon)}
    >>> month = coach(sessions, None, undisputed, as_of=context.as_of, **told)
    >>> sorted(set(month.status["status"]))
    ['keep it up', 'not enough evidence']
    """
    counted = set_aside(sessions, disputes)
    broken = compliance_findings(counted, as_of, precisions, labels)
    plan, withheld = findings(
        counted, drivers, as_of=as_of, limits=limits, broken=broken, rejected=rejected(disputes)
    )
    least = limits.min_agent_inquiries
    told: dict[str, Any] = {"as_of": as_of, "months": limits.months, "min_agent_inquiries": least}
    rates = agent_rates(
        counted,
        min_opportunities=limits.min_opportunities,
        seed=limits.seed,
        behaviours=(*TESTED_BEHAVIOURS, *own),
        **told,
    )
    status = agent_status(counted, plan, **told)
    conversion = conversions(in_months(sessions, as_of, limits.months))
    disputed = settled(disputes, sessions, withheld)
    return Coached(plan, status, rates, conversion, disputed, broken)
