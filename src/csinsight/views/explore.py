"""What an analyst asks of a run by hand: which conversations, what was said, who differs, what if.

Everything here is plain tables, one tidy one of all conversations among them;
`csinsight.views.widgets` puts controls around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.coaching.excerpts import excerpts
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import what_many_say
from csinsight.contract.artifacts import BuyerStates, BuyerTypes, Conversations, ValueTiers, own_in
from csinsight.contract.artifacts import SegmentsByMonth as Segments
from csinsight.contract.dictionary import artifact
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, MIXED, TIERS, TIMINGS, UNCLASSIFIED
from csinsight.contract.schema import Agents, Messages
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.engine import collect
from csinsight.errors import RunError
from csinsight.features.months import month_of
from csinsight.features.spend import spend_features
from csinsight.render.blocks import Talk
from csinsight.segments.by_month import lagged_segments
from csinsight.segments.tiers import value_tiers
from csinsight.stats.intervals import wilson
from csinsight.views import labels
from csinsight.views.study import Study

_C = Conversations
#: Outcomes that conversations can be picked by: the column and the value that it has to hold.
OUTCOMES = {
    "paid": (_C.PAID, True),
    "not_paid": (_C.PAID, False),
    "ordered": (_C.ORDERED, True),
    "not_ordered": (_C.ORDERED, False),
}
#: A longer conversation is read from its beginning and its end, so many lines of each.
ENDS = 200
#: Lines beside those that are shown: what stands in one may name what comes next.
_BESIDE = 10

#: Columns of a list of conversations for reading.
LISTED = (
    _C.CONVERSATION_ID,
    _C.STARTED_AT,
    _C.AGENT_ID,
    _C.CATEGORY,
    BuyerTypes.TYPE,
    ValueTiers.TIER,
    _C.PAID,
)
_TYPE, _TIER = BuyerTypes.TYPE, ValueTiers.TIER
#: What was known of the buyer before the month in which the conversation began.
TYPE_BEFORE, TIER_BEFORE = f"{_TYPE}_before", f"{_TIER}_before"


def conversations(study: Study) -> pd.DataFrame:
    """Return the run's conversations with each buyer's type and tier, where these were made.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> conversations(sample_study())["started_at"].is_monotonic_increasing
    True
    """
    found = study.read(_C.NAME)
    for name, column in ((BuyerTypes.NAME, BuyerTypes.TYPE), (ValueTiers.NAME, ValueTiers.TIER)):
        table = study.read_or_none(name)
        if table is None:
            found[column] = None
        else:
            found[column] = found[_C.BUYER_ID].map(table.set_index("buyer_id")[column])
    return found.sort_values(_C.STARTED_AT, kind="stable", ignore_index=True)


def named(study: Study, found: pd.DataFrame) -> pd.DataFrame:
    """Return the columns `LISTED` of conversations in the report's language, agents by name.

    Parameters
    ----------
    study : Study
    found : DataFrame
        As `conversations` returns it, or `pick`.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> named(sample_study(), conversations(sample_study()).head(1)).columns.tolist()[:3]
    ['Conversation', 'Began', 'Agent']
    """
    groups = {_C.CATEGORY: "category", BuyerTypes.TYPE: "type", ValueTiers.TIER: "tier"}
    said = {True: "yes", False: "no"}
    parts: dict[str, pd.Series] = {}
    for column in (name for name in LISTED if name in found):
        values = found[column]
        if column == _C.AGENT_ID:
            values = values.map(study.agent_name)
        elif column == _C.PAID:
            values = values.map(lambda paid: study.word(f"explore.is_{said.get(paid, 'unknown')}"))
        elif column in groups:
            keys = values.map(f"{groups[column]}.{{}}".format, na_action="ignore")
            values = keys.map(labels.or_dash(study, study.word))
        parts[study.word(f"explore.column_{column}")] = values
    return pd.DataFrame(parts)


def pick(
    found: pd.DataFrame,
    *,
    behaviour: str | None = None,
    shown: bool = True,
    outcome: str | None = None,
    **values: str | None,
) -> pd.DataFrame:
    """Return the conversations that fit everything asked for; None asks for nothing.

    Parameters
    ----------
    found : DataFrame
        As `conversations` returns it.
    behaviour : str, optional
        Only conversations with an opportunity for it.
    shown : bool
        Whether the behaviour was shown, or was not.
    outcome : str, optional
        One of `OUTCOMES`.
    **values
        By column, the value that it has to hold, such as ``category`` or ``agent_id``.

    Raises
    ------
    KeyError
        Where there is no such behaviour, outcome or column.

    Examples
    --------
    >>> found = pd.DataFrame({"category": ["size", "size"], "greets": [True, None]})
    >>> found = found.astype({"greets": "boolean"})
    >>> pick(found, behaviour="greets", category="size").index.tolist()
    [0]
    """
    keep = np.ones(len(found), dtype=bool)
    asked: dict[str, object] = {name: value for name, value in values.items() if value is not None}
    if behaviour is not None:
        asked[behaviour] = shown
    if outcome is not None:
        column, wanted = OUTCOMES[outcome]
        asked[column] = wanted
    for name, value in asked.items():
        keep &= (found[name] == value).fillna(False).to_numpy(dtype=bool)
    return found[keep]


def read(study: Study, conversation_id: str) -> Talk:
    """Return one conversation, masked: the whole, or both ends of one that no browser would bear.

    Parameters
    ----------
    study : Study
    conversation_id : str

    Raises
    ------
    RunError
        Where the run has no such conversation.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> first = conversations(sample_study())["conversation_id"].iloc[0]
    >>> len(read(sample_study(), first).lines) > 1
    True
    """
    shop, words = study.open(), study.words
    context, all_of_run = study.context, study.read(_C.NAME)
    own = all_of_run[all_of_run[_C.CONVERSATION_ID] == conversation_id]
    said = excerpts(context.chats(shop), [conversation_id], own[_C.BUYER_ID])
    if said.empty:
        raise RunError(f"{study.run}: has no conversation {conversation_id!r}")
    left_out = len(said) - 2 * ENDS
    if left_out > 0:
        said = pd.concat([said.head(ENDS + _BESIDE), said.tail(ENDS + _BESIDE)])
    names = {str(name) for name in (*said[Messages.BUYER_ID], *said[Messages.AGENT_ID].dropna())}
    if shop.has("agents", Agents.NAME):
        names |= set(collect(shop["agents"])[Agents.NAME].dropna().astype(str))
    lines = [str(text) for text in said[Messages.TEXT].fillna("")]
    texts = mask_lines(lines, names, what_many_say(shop, lines, study.as_of))
    who = [
        words.word(f"block.{sender}") if sender in {"buyer", "agent"} else str(sender)
        for sender in said[Messages.SENDER]
    ]
    first = said[Messages.SENT_AT].iloc[0]
    day = words.date(first) if pd.notna(first) else words.word("text.unknown")
    title = " · ".join((day, study.agent_name(own[_C.AGENT_ID].iloc[0])))
    told = list(zip(who, texts, strict=True))
    if left_out > 0:
        between = ("…", words.word("explore.left_out", n=words.number(left_out)))
        told = [*told[:ENDS], between, *told[-ENDS:]]
    return Talk(title, told)


def compare(found: pd.DataFrame, column: str, values: Sequence[str]) -> pd.DataFrame:
    """Return what the conversations of two agents, types or months show, with 95 % intervals.

    Parameters
    ----------
    found : DataFrame
        As `conversations` returns it.
    column : str
        Such as ``agent_id``; ``month`` for the month that counts it.
    values : sequence of str

    Returns
    -------
    DataFrame
        A row for ``paid``, ``ordered`` and each behaviour but the timings; for each value
        ``VALUE`` (the share), ``VALUE low``, ``VALUE high`` and ``VALUE n``. Plain shares: unlike
        inquiries are not made alike, and a difference may be one of customers, hours or chance.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> compare(conversations(sample_study()), "agent_id", ["a001"]).columns.tolist()
    ['what', 'a001', 'a001 low', 'a001 high', 'a001 n']
    """
    inquiries = inquiries_of(found)
    key = month_of(inquiries).dt.strftime("%Y-%m") if column == "month" else inquiries[column]
    # Timings among the behaviours are no shares of anything.
    flags = (
        _C.PAID,
        _C.ORDERED,
        *(b for b in (*BEHAVIOURS, *own_in(inquiries)) if b not in TIMINGS),
    )
    shown = [name for name in flags if name in inquiries]
    parts = {"what": pd.Series(shown)}
    for value in values:
        rows = inquiries[(key == value).fillna(False)]
        for name, numbers in _shares(rows, shown).items():
            parts[f"{value} {name}".strip()] = numbers
    return pd.DataFrame(parts)


def _shares(rows: pd.DataFrame, columns: Sequence[str]) -> dict[str, pd.Series]:
    flags = rows[list(columns)].astype("Float64")
    n, yes = flags.notna().sum().to_numpy(), flags.sum().to_numpy(dtype=float)
    low, high = wilson(yes, n)
    # Without an opportunity there is nothing to show a share of.
    share = np.divide(yes, n, out=np.full(len(n), np.nan), where=n > 0)
    made = {"": share.round(4), "low": np.round(low, 4), "high": np.round(high, 4), "n": n}
    return {name: pd.Series(values) for name, values in made.items()}


def types_at(buyers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return how many buyers each type would have at another threshold, beside the run's.

    Parameters
    ----------
    buyers : DataFrame
        The artifact ``buyer_types``.
    confidence : float
        Less sure than this: mixed.

    Returns
    -------
    DataFrame
        ``type``, ``run``, ``now``, ``change``; a row a type. A type that the run remembered from
        the month before stays only where this threshold lets it.

    Examples
    --------
    >>> from csinsight.contract.domain import BUYER_TYPES
    >>> sure = dict.fromkeys([f"p_{name}" for name in BUYER_TYPES], 0.0) | {"p_bargain": 0.7}
    >>> one = pd.DataFrame([sure | {"confidence": 0.7, "type": "bargain"}])
    >>> at = types_at(one, 0.8).set_index("type")
    >>> at.loc[["bargain", "mixed"], "now"].tolist()
    [0, 1]
    """
    chances = buyers[[f"{BuyerTypes.PROBABILITY_PREFIX}{name}" for name in BUYER_TYPES]]
    best = np.asarray(BUYER_TYPES)[chances.fillna(-1.0).to_numpy(dtype=float).argmax(axis=1)]
    sure = buyers[BuyerTypes.CONFIDENCE].to_numpy(dtype=float)
    unknown = (buyers[BuyerTypes.TYPE] == UNCLASSIFIED).to_numpy()
    label = np.where(unknown, UNCLASSIFIED, np.where(sure < confidence, MIXED, best))
    return _moved(buyers[BuyerTypes.TYPE], pd.Series(label), [*BUYER_TYPES, MIXED, UNCLASSIFIED])


def tiers_at(
    study: Study, *, vip_share: float, core_share: float, potential_share: float
) -> pd.DataFrame:
    """Return how many buyers each tier would have with other ceilings, beside the run's.

    Parameters
    ----------
    study : Study
    vip_share, core_share, potential_share : float
        As of `csinsight.segments.tiers.value_tiers`.

    Returns
    -------
    DataFrame
        ``tier``, ``run``, ``now``, ``change``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> known = spend_features(study.open(), study.as_of, order_days=365)["buyer_id"]
    >>> run = pd.DataFrame({"buyer_id": known, "tier": "ordinary", "expected_spend_90d": 50.0})
    >>> told = {"open": study.open, "as_of": study.as_of, "context": study.context}
    >>> study = SimpleNamespace(read=lambda name: run, **told)
    >>> moved = tiers_at(study, vip_share=0.02, core_share=0.1, potential_share=0.2)
    >>> int(moved["now"].sum()) == len(run), int(moved["change"].sum())
    (True, 0)
    """
    run = study.read(ValueTiers.NAME)
    expected = pd.Series(
        run[ValueTiers.EXPECTED_SPEND_90D].to_numpy(), run[ValueTiers.BUYER_ID].to_numpy()
    )
    options = study.context.tiers
    spend = spend_features(study.open(), study.as_of, order_days=options.order_days)
    known = spend[spend[ValueTiers.BUYER_ID].isin(expected.index)]
    now = value_tiers(
        known,
        expected[known[ValueTiers.BUYER_ID].to_numpy()],
        replace(
            options, vip_share=vip_share, core_share=core_share, potential_share=potential_share
        ),
        everyone=map(str, expected.index),
    )
    made = _moved(run[ValueTiers.TIER], now[ValueTiers.TIER], list(TIERS))
    return made.rename(columns={"type": "tier"})


def _moved(run: pd.Series, now: pd.Series, order: Sequence[str]) -> pd.DataFrame:
    counts = [labels.value_counts().reindex(pd.Index(order), fill_value=0) for labels in (run, now)]
    made = pd.DataFrame({"type": order, "run": counts[0].to_numpy(), "now": counts[1].to_numpy()})
    return made.assign(change=made["now"] - made["run"])


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
