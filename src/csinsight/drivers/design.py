"""Who is compared with whom: the inquiries in the study, their outcome, and what came before.

Only what was there before the agent's behaviour is adjusted for: the agent and who wrote each
turn, the buyer's problem category, the category of the goods where the chat names them before any
answer, type and tier as known before the conversation, earlier orders, whether the buyer had talked
with this agent before, pages seen and the opening
before any answer, what the buyer had shown before each turn, hour, weekday, month, how busy the day
was and how many conversations the agent had open. Message counts and lengths of the conversation
follow from behaviour and are never adjusted for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from csinsight.behaviours.products import product_levels
from csinsight.contract.artifacts import (
    BuyerTypes,
    Conversations,
    ValueTiers,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.contract.domain import BEHAVIOURS, COMPLIANCE, CONTROLS
from csinsight.drivers.covariates import (
    NOTHING_KNOWN,
    PAGES,
    KnownShare,
    covariates,
    intent_signs,
    known_browsing,
    met_before,
    states_by_turn,
    texts_by_turn,
    turn_authors,
    unknown_signs,
    written_by,
)
from csinsight.drivers.exposure import (
    Exposure,
    at_landmark,
    by_conversation,
    cut_short,
    has_turns,
    in_silence,
    judged,
    known_turns,
    last_compared,
    risk_set_columns,
)
from csinsight.drivers.units import Codes, as_float, to_model
from csinsight.features.months import in_months
from csinsight.params import Outcome, add_months
from csinsight.stats import Singles

#: The tests that are declared before any is made; q-values are over these.
TESTED_BEHAVIOURS: Final = tuple(b for b in BEHAVIOURS if b not in (*COMPLIANCE, *CONTROLS))
#: Can't be judged on the outcome named: all who may be reminded of payment have ordered.
NOT_ON: Final = {"ordered": ("reminds_payment",)}
#: Their opportunity is made by how the conversation went (an apology's by the wait before it), so
#: others are never adjusted for them.
LATE: Final = ("reminds_payment", "follows_up", "apologizes", *CONTROLS)
#: Summaries of the whole conversation, whose length and last unanswered lines the buyer's decision
#: makes: buyers who order leave fewer of both. They are not judged on conversion, nor adjusted for.
WHOLE_CONVERSATION: Final = ("mean_response_s", "slow_reply_share", "answer_ask_ratio")

#: Where page views are known of fewer of the inquiries, with the outcome or without it, what they
#: take out of an estimate is mostly left in it, and only a second method tells how much.
LEAST_BROWSING: Final = 0.5
#: Known so many times as often of one outcome as of the other, they may have been recorded because
#: of it.
_UNEVEN: Final = 2.0

#: Looked at whatever the main outcome is; each has a family of its own.
SECONDARY_OUTCOMES: Final[tuple[Outcome, ...]] = ("paid", "ordered")

_C = Conversations


@dataclass(frozen=True, eq=False)
class Design:
    """A study, ready to be estimated.

    Parameters
    ----------
    rows : DataFrame
        One row an inquiry in the study, rows of one agent together: ``conversation_id``,
        ``agent_id``, ``started_at``, ``category``, ``type``, ``tier``, ``product_category`` where
        the shop tells it (`csinsight.behaviours.products`), the outcome as ``outcome``, then every
        behaviour in its own unit (`csinsight.drivers.units`; NaN: no opportunity). The negative
        controls are those of the agent's next conversation.
    controls : DataFrame
        Same rows; one float column a covariate or level.
    outcome : Outcome
    family : tuple of str
        Behaviours that are tested together on this outcome.
    negative_controls : tuple of str
        Behaviours that can't have led to the outcome.
    flow : DataFrame
        ``step``, ``left_out``, ``remaining``: who is in and who is not, and why, in order.
    opportunities : DataFrame
        One row a behaviour: ``behaviour``, ``inquiries`` with opportunity, ``without``, ``shown``.
    exposure : {"turns", "conversations", "landmark", "window"}
        How conversations of unequal length are made comparable (`csinsight.drivers.exposure`).
    landmark : int or None
        Agent turns that every inquiry is compared over; None but for that exposure.
    turns : DataFrame
        Same rows, as floats: for the exposure ``turns`` ``turns_judged`` and the turn columns of
        each behaviour; for it and for ``conversations`` the bands of what is judged by the clock
        (`csinsight.drivers.exposure`); else without columns.
    signs : DataFrame
        Same rows; signs of the buyer's intent from before the first line
        (`csinsight.drivers.covariates.intent_signs`).
    browsing : KnownShare
        Of what share of inquiries without the outcome, and of those with it, page views before the
        first line are known (`csinsight.drivers.covariates.known_browsing`). Where these are far
        apart, who is seen may follow from who bought, and `signs` has none of them.
    states : array (rows, turns, k) or None
        What the buyer had shown before each judged turn, zero where not known; None: not known.
    texts : array (rows, turns, k) or None
        The same for what the buyer had written (`csinsight.behaviours.buyer_texts`).
    opening : array (rows, k) or None
        What the buyer's opening said, in more numbers.
    heard : array (rows,)
        Judged turns there were; zeros where not known.
    authors : array (rows, turns) or None
        Who wrote each judged turn, codes of agents in the order of rows; None: no colleague did.
    written : DataFrame
        Same rows; what share of a conversation each colleague wrote, where words may be a matter of
        the conversation (`csinsight.drivers.covariates.written_by`).
    by_conversation : tuple of str
        Behaviours that are compared by conversation where the others are by turn.
    unfair : tuple of str
        Behaviours that orders cut short, so that no comparison is fair to them
        (`csinsight.drivers.exposure.cut_short`): not judged.
    unasked : DataFrame
        Same rows; turn in which a behaviour was first shown without any opportunity, NaN if none.
    history : float
        Months with conversations in the table before the study's first.
    own : mapping of str to str
        By id of the shop's own behaviours what is taught of each.
    """

    rows: pd.DataFrame
    controls: pd.DataFrame
    outcome: Outcome
    family: tuple[str, ...] = TESTED_BEHAVIOURS
    negative_controls: tuple[str, ...] = CONTROLS
    flow: pd.DataFrame = field(default_factory=pd.DataFrame)
    opportunities: pd.DataFrame = field(default_factory=pd.DataFrame)
    exposure: Exposure = "window"
    landmark: int | None = None
    turns: pd.DataFrame = field(default_factory=pd.DataFrame)
    signs: pd.DataFrame = field(default_factory=pd.DataFrame)
    browsing: KnownShare = NOTHING_KNOWN
    states: Singles | None = None
    texts: Singles | None = None
    opening: Singles | None = None
    heard: Codes = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    authors: Codes | None = None
    written: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_conversation: tuple[str, ...] = ()
    unfair: tuple[str, ...] = ()
    unasked: pd.DataFrame = field(default_factory=pd.DataFrame)
    history: float = 0.0
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def browsing_doubt(self) -> str:
        """What is wrong with page views that are there: ``uneven``, ``few``, or nothing."""
        if max(self.browsing) == 0 or min(self.browsing) >= LEAST_BROWSING:
            return ""
        return "uneven" if uneven(self.browsing) else "few"

    @property
    def browsing_share(self) -> float:
        """Of what share of inquiries, of the outcome with less, `signs` tell what buyers saw."""
        told = any(f"browsing: {name}" in self.signs for name in PAGES)
        return min(self.browsing) if told else 0.0

    @property
    def agents(self) -> int:
        """Number of agents in the study."""
        return int(self.rows[_C.AGENT_ID].nunique())

    @property
    def months(self) -> float:
        """Months between the first and the last inquiry in the study; 0 for an untimed source."""
        started = self.rows[_C.STARTED_AT].dropna()
        return (started.max() - started.min()).days / 30.4 if len(started) else 0.0


def design(
    conversations: pd.DataFrame,
    lagged: pd.DataFrame | None = None,
    *,
    outcome: Outcome,
    as_of: datetime,
    months: int,
    states: pd.DataFrame | None = None,
    exposure: Exposure | None = None,
    own: Mapping[str, str] | None = None,
) -> Design:
    """Choose the inquiries of the last `months` before `as_of` and lay out the comparison.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    lagged : DataFrame or None
        ``conversation_id``, ``type``, ``tier`` as known before each conversation; None: not known.
    outcome : {"paid", "ordered", "satisfaction"}
        Satisfaction looks at every rated conversation, the others at mature inquiries.
    as_of : datetime
        First moment after the report month.
    months : int
        How far to look back. Conversations without any time all count.
    states : DataFrame or None
        The ``buyer_states`` artifact; None: not known.
    exposure : {"turns", "conversations", "landmark", "window"} or None
        How conversations of unequal length are made comparable. None: each behaviour by turns or
        by conversations, as its own balance says, where there are turn columns, else over the whole
        window; satisfaction always so, for what was said after an order counts there too.
    own : mapping of str to str, optional
        By id of the shop's own behaviours, which join the family, what is taught of each
        (`csinsight.contract.domain.TAUGHT`).

    Raises
    ------
    ValueError
        Where the exposure needs turn columns and they are absent.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations
    >>> context, conversations = sample_context(), sample_conversations()
    >>> plan = design(conversations, outcome="paid", as_of=context.as_of, months=3)
    >>> len(plan.rows) <= len(conversations)
    True
    """
    by_balance = exposure is None and outcome != "satisfaction" and has_turns(conversations)
    exposure = exposure or ("turns" if by_balance else "window")
    known = met_before(conversations)
    recent, steps = _sample(in_silence(in_months(known, as_of, months)), outcome)
    # Put the negative controls of the agent's next conversation in the place of this one's own.
    there = [name for name in CONTROLS if name in recent]
    ordered = recent.sort_values([_C.STARTED_AT, _C.CONVERSATION_ID], kind="stable")
    following = ordered.groupby(_C.AGENT_ID, sort=False)[there].shift(-1)
    recent = recent.assign(**{name: following[name].reindex(recent.index) for name in there})
    recent, landmark, left = _exposed(recent, exposure)
    steps = [("conversations", 0), *steps, *left]
    flow = pd.DataFrame(steps, columns=["step", "left_out"])
    remaining = len(recent) + flow["left_out"].sum() - flow["left_out"].cumsum()
    laid_out = _lay_out(_with_segments(recent, lagged), outcome, exposure, states, own or {})
    started = conversations[_C.STARTED_AT].dropna()
    first = pd.Timestamp(add_months(as_of, -months))
    return replace(
        laid_out,
        flow=flow.assign(remaining=remaining),
        landmark=landmark,
        by_conversation=laid_out.by_conversation if by_balance else (),
        unfair=laid_out.unfair if by_balance else (),
        history=max((first - started.min()).days / 30.4, 0.0) if len(started) else 0.0,
    )


def _lay_out(
    recent: pd.DataFrame,
    outcome: Outcome,
    exposure: Exposure,
    states: pd.DataFrame | None,
    own: Mapping[str, str],
) -> Design:
    """Put the inquiries that are compared, rows of one agent together, into the design's tables."""
    recent = recent.sort_values([_C.AGENT_ID, _C.CONVERSATION_ID], kind="stable", ignore_index=True)
    browsing = known_browsing(recent, as_float(recent[outcome]))
    if uneven(browsing):
        recent = recent.drop(columns=list(PAGES), errors="ignore")
    family = (*TESTED_BEHAVIOURS, *own)
    rows = _rows(recent, outcome, family)
    whole = by_conversation(recent) if exposure == "turns" else ()
    return Design(
        rows=rows,
        controls=pd.concat([covariates(recent), unknown_signs(recent)], axis=1),
        outcome=outcome,
        family=tuple(b for b in family if b not in NOT_ON.get(outcome, ())),
        opportunities=_opportunities(rows, family),
        exposure=exposure,
        turns=_turns(recent, exposure),
        signs=intent_signs(recent),
        browsing=browsing,
        by_conversation=whole,
        unfair=cut_short(recent, as_float(recent[outcome]), whole) if whole else (),
        unasked=_unasked(recent, exposure),
        own=own,
        **_told_by_turn(recent, exposure, states, bool(whole)),
    )


def _told_by_turn(
    recent: pd.DataFrame, exposure: Exposure, states: pd.DataFrame | None, whole: bool
) -> dict[str, Any]:
    """Return what is known of each turn; `whole`: some behaviours are compared by conversation."""
    count = as_float(recent[_C.TURNS_JUDGED]) if _C.TURNS_JUDGED in recent else np.zeros(0)
    last = last_compared(count)
    known = known_turns(recent[_C.CONVERSATION_ID], states) if last and states is not None else None
    authors = known and turn_authors(recent[_C.AGENT_ID], *known, last)
    texts, opening = texts_by_turn(len(recent), *known, last) if known else (None, None)
    to_the_turn = exposure in ("turns", "conversations")
    apart = authors if whole or exposure != "turns" else None
    return {
        "states": states_by_turn(len(recent), *known, last) if to_the_turn and known else None,
        "texts": texts,
        "opening": opening,
        "heard": (np.nan_to_num(count) if len(count) else np.zeros(len(recent))).astype(np.int64),
        "authors": authors,
        "written": written_by(apart, recent[_C.AGENT_ID], count),
    }


def secondary_outcomes(
    conversations: pd.DataFrame,
    lagged: pd.DataFrame | None = None,
    *,
    outcome: Outcome,
    as_of: datetime,
    months: int,
    states: pd.DataFrame | None = None,
    own: Mapping[str, str] | None = None,
) -> list[Design]:
    """Lay out the same comparison for paid and for ordered conversion, but for the main outcome.

    Coaching reads paid conversion whatever the page is about; ordered conversion stands beside it
    to tell losing an order from losing its payment. Satisfaction is looked at only when asked for.

    Parameters
    ----------
    conversations, lagged, as_of, months, states, own
        As in `design`.
    outcome : {"paid", "ordered", "satisfaction"}
        The main one, which is left out here, as are those that nothing is known of.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations
    >>> context, conversations = sample_context(), sample_conversations()
    >>> others = secondary_outcomes(conversations, outcome="paid", as_of=context.as_of, months=3)
    >>> [other.outcome for other in others]
    ['ordered']
    """
    told: dict[str, Any] = {"as_of": as_of, "months": months, "states": states, "own": own}
    return [
        design(conversations, lagged, outcome=name, **told)
        for name in SECONDARY_OUTCOMES
        if name != outcome and name in conversations and conversations[name].notna().any()
    ]


def uneven(browsing: KnownShare) -> bool:
    """Tell whether page views may be known of those who bought because they bought.

    Examples
    --------
    Of one inquiry in ten that ended without a sale, and of nearly all with one:

    >>> uneven(KnownShare(0.1, 0.95)), uneven(KnownShare(0.7, 0.9)), uneven(KnownShare(0.0, 0.0))
    (True, False, False)
    """
    return min(browsing) * _UNEVEN < max(browsing)


def _exposed(
    recent: pd.DataFrame, exposure: Exposure
) -> tuple[pd.DataFrame, int | None, list[tuple[str, int]]]:
    before = len(recent)
    if exposure in ("turns", "conversations"):
        recent = judged(recent)
        return recent, None, [("no agent turn before the outcome", before - len(recent))]
    if exposure == "landmark":
        recent, landmark = at_landmark(recent)
        step = f"under {landmark} agent turns before the outcome"
        return recent, landmark, [(step, before - len(recent))]
    return recent, None, []


def _turns(recent: pd.DataFrame, exposure: Exposure) -> pd.DataFrame:
    if exposure not in ("turns", "conversations"):
        return pd.DataFrame(index=recent.index)
    columns = [_C.TURNS_JUDGED] if exposure == "turns" else []
    for behaviour in turn_markers(recent) if exposure == "turns" else ():
        columns += [turn_column(behaviour), opportunity_column(behaviour)]
    values = {name: as_float(recent[name]) for name in columns}
    return pd.concat([pd.DataFrame(values, index=recent.index), risk_set_columns(recent)], axis=1)


def _unasked(recent: pd.DataFrame, exposure: Exposure) -> pd.DataFrame:
    """Return when words came without an opportunity: they are adjusted for, though not judged."""
    if exposure not in ("turns", "conversations"):
        return pd.DataFrame(index=recent.index)
    columns = {}
    for name in turn_markers(recent):
        shown = as_float(recent[turn_column(name)])
        unasked = np.isnan(as_float(recent[opportunity_column(name)])) & (
            shown <= as_float(recent[_C.TURNS_JUDGED])
        )
        if unasked.any():
            columns[name] = np.where(unasked, shown, np.nan)
    return pd.DataFrame(columns, index=recent.index)


def _sample(
    conversations: pd.DataFrame, outcome: Outcome
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    filters: list[tuple[str, str]] = [("no agent", _C.AGENT_ID)]
    if outcome == "satisfaction":
        filters.append(("not rated by the buyer", _C.SATISFACTION))
    else:
        filters.insert(0, ("not an inquiry", _C.IS_INQUIRY))
        filters += [("outcome not mature yet", _C.MATURE), ("outcome not known", outcome)]
    steps = []
    for reason, column in filters:
        have = conversations[column].notna()
        if column in (_C.IS_INQUIRY, _C.MATURE):
            have &= conversations[column].astype("boolean").fillna(value=False).astype(bool)
        steps.append((reason, int((~have).sum())))
        conversations = conversations[have]
    if _C.PRODUCT_CATEGORY in conversations:
        levels = product_levels(conversations[_C.PRODUCT_CATEGORY])
        conversations = conversations.assign(**{_C.PRODUCT_CATEGORY: levels})
    return conversations, steps


def _with_segments(conversations: pd.DataFrame, lagged: pd.DataFrame | None) -> pd.DataFrame:
    segments = [BuyerTypes.TYPE, ValueTiers.TIER]
    bare = conversations.drop(columns=segments, errors="ignore")
    if lagged is None:
        return bare.assign(**dict.fromkeys(segments))
    known = lagged[[_C.CONVERSATION_ID, *segments]].drop_duplicates(_C.CONVERSATION_ID)
    return bare.merge(known, on=_C.CONVERSATION_ID, how="left")


def _rows(conversations: pd.DataFrame, outcome: Outcome, family: tuple[str, ...]) -> pd.DataFrame:
    names = [
        _C.CONVERSATION_ID,
        _C.AGENT_ID,
        _C.STARTED_AT,
        _C.CATEGORY,
        BuyerTypes.TYPE,
        ValueTiers.TIER,
        *([_C.PRODUCT_CATEGORY] if _C.PRODUCT_CATEGORY in conversations else []),
    ]
    measured = {"outcome": as_float(conversations[outcome])}
    for behaviour in (*family, *CONTROLS):
        if behaviour in conversations:
            measured[behaviour] = to_model(conversations[behaviour], behaviour)
        else:
            measured[behaviour] = np.full(len(conversations), np.nan)
    index = conversations.index
    return pd.concat([conversations[names], pd.DataFrame(measured, index=index)], axis=1)


def _opportunities(rows: pd.DataFrame, family: tuple[str, ...]) -> pd.DataFrame:
    behaviours = [*family, *CONTROLS]
    values = rows[behaviours]
    inquiries = values.notna().sum()
    return pd.DataFrame(
        {
            "behaviour": behaviours,
            "inquiries": inquiries.to_numpy(),
            "without": (len(rows) - inquiries).to_numpy(),
            "shown": (values == 1).sum().to_numpy(),
        }
    )
