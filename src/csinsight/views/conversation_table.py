"""A run's conversations as one tidy table, and the drivers of any part of it."""

from __future__ import annotations

import pandas as pd

from csinsight.contract.artifacts import BuyerStates, BuyerTypes, Conversations, ValueTiers
from csinsight.contract.artifacts import SegmentsByMonth as Segments
from csinsight.contract.dictionary import artifact
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.segments.by_month import lagged_segments
from csinsight.views.study import Study

_TYPE, _TIER = BuyerTypes.TYPE, ValueTiers.TIER
#: What was known of the buyer before the month in which the conversation began.
TYPE_BEFORE, TIER_BEFORE = f"{_TYPE}_before", f"{_TIER}_before"


def conversation_table(study: Study) -> pd.DataFrame:
    """Return one row a conversation: outcome, category, behaviours, and the buyer's type and tier.

    Parameters
    ----------
    study : Study
        Of a run that has made ``03_agent_kpis``.

    Returns
    -------
    DataFrame
        The columns of the table ``conversations`` (see the data dictionary), then ``type`` and
        ``tier`` as the report shows them, and ``type_before`` and ``tier_before`` as they were
        known before the month in which the conversation began. Only the latter may explain what
        came of it: a purchase helps to make the former. Null where the run made no types or tiers.
        By start.

    Raises
    ------
    RunError
        Where the run has no conversations.

    Examples
    --------
    >>> from csinsight.sample import sample_run
    >>> from csinsight.views.study import Study
    >>> table = conversation_table(Study(*sample_run(), shop="sample"))
    >>> table[["category", "greets", "type_before", "tier_before", "paid"]].shape[1]
    5
    >>> len(table) == table["conversation_id"].nunique()
    True
    """
    found = study.read(Conversations.NAME)
    for name, column in ((BuyerTypes.NAME, _TYPE), (ValueTiers.NAME, _TIER)):
        labels = study.read_or_none(name)
        known = {} if labels is None else labels.set_index(BuyerTypes.BUYER_ID)[column].to_dict()
        found[column] = found[Conversations.BUYER_ID].map(known).astype("str")
    months = (study.read_or_none(name) for name in (Segments.TYPES, Segments.TIERS))
    before = lagged_segments(found, *months, as_of=study.as_of)
    found[TYPE_BEFORE], found[TIER_BEFORE] = before[_TYPE], before[_TIER]
    return found.sort_values(Conversations.STARTED_AT, kind="stable", ignore_index=True)


def drivers_of(study: Study, conversations: pd.DataFrame) -> pd.DataFrame:
    """Estimate the drivers of some of a run's conversations, by the run's own parameters.

    Whoever tries part after part finds something by chance: verdicts hold for a part that was
    chosen before its figures were seen.

    Parameters
    ----------
    study : Study
        The run's outcome, months, minima and threshold count.
    conversations : DataFrame
        Rows of `conversation_table`.

    Returns
    -------
    DataFrame
        The table ``drivers`` of these conversations, without its correction for misread words.
        Where there are too few inquiries or agents the effects are null and ``reason`` says so.

    Examples
    --------
    >>> from csinsight.sample import sample_run
    >>> from csinsight.views.study import Study
    >>> study = Study(*sample_run(), shop="sample")
    >>> table = conversation_table(study)
    >>> found = drivers_of(study, table[table["category"] == "size"])
    >>> sorted(set(found["reason"]))
    ['few inquiries', 'unequal exposure']
    """
    params = study.context.params
    own = {column.name for column in artifact(Conversations.NAME).columns}
    before = {TYPE_BEFORE: _TYPE, TIER_BEFORE: _TIER}
    keys = [Conversations.CONVERSATION_ID, *before]
    plan = design(
        conversations[[name for name in conversations if name in own]],
        conversations[keys].rename(columns=before),
        outcome=params.outcome,
        as_of=study.as_of,
        months=params.evidence_months,
        states=study.read_or_none(BuyerStates.NAME),
    )
    return estimate_drivers(
        plan,
        min_inquiries=params.min_inquiries,
        min_agents=params.min_agents,
        q_threshold=params.q_threshold,
        quarter_months=params.driver_months,
    )
