"""Who is compared with whom: the inquiries in the study, their outcome, and what came before.

Only what was there before the agent's behaviour is adjusted for: the agent, the buyer's problem
category, type and tier as known before the talk, earlier orders, hour, weekday, month, how busy the
day was and how many talks the agent had open. Message counts and lengths follow from behaviour and
are never adjusted for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import (
    BuyerTypes,
    Conversations,
    ValueTiers,
    opportunity_column,
    turn_column,
)
from csinsight.contract.domain import BEHAVIOURS, COMPLIANCE, CONTROLS, TURN_MARKERS
from csinsight.drivers.covariates import covariates
from csinsight.drivers.exposure import Exposure, at_landmark, has_turns, judged, shown_by_talk
from csinsight.drivers.risk_sets import in_silence, risk_set_columns
from csinsight.drivers.units import as_float, to_model
from csinsight.features.months import in_months
from csinsight.params import Outcome

#: The tests that are declared before any is made; q-values are over these.
TESTED_BEHAVIOURS: Final = tuple(b for b in BEHAVIOURS if b not in (*COMPLIANCE, *CONTROLS))
#: Can't be judged on the outcome named: all who may be reminded of payment have ordered.
NOT_ON: Final = {"ordered": ("reminds_payment",)}
#: Their opportunity is made by how the talk went (an apology's by the wait before it), so others
#: are never adjusted for them.
LATE: Final = ("reminds_payment", "follows_up", "apologizes", *CONTROLS)
#: Summaries of the whole talk, whose length and last unanswered lines the buyer's decision makes:
#: buyers who order leave fewer of both. They are not judged on conversion, nor adjusted for.
WHOLE_TALK: Final = ("mean_response_s", "slow_reply_share", "answer_ask_ratio")

#: Looked at whatever the main outcome is; each has a family of its own.
SECONDARY_OUTCOMES: Final[tuple[Outcome, ...]] = ("paid", "ordered")

_C = Conversations


@dataclass(frozen=True)
class Design:
    """A study, ready to be estimated.

    Parameters
    ----------
    rows : DataFrame
        One row an inquiry in the study, rows of one agent together: ``conversation_id``,
        ``agent_id``, ``category``, ``type``, ``tier``, the outcome as ``outcome``, then every
        behaviour in its own unit (`csinsight.drivers.units`; NaN: no opportunity). The negative
        controls are those of the agent's next talk.
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
    exposure : {"turns", "talks", "landmark", "window"}
        How talks of unequal length are made comparable (`csinsight.drivers.exposure`).
    landmark : int or None
        Agent turns that every inquiry is compared over; None but for that exposure.
    turns : DataFrame
        Same rows, as floats: for the exposure ``turns`` ``turns_judged`` and the turn columns of
        each behaviour; for it and for ``talks`` the bands of what is judged by the clock
        (`csinsight.drivers.risk_sets`); else without columns.
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

    @property
    def agents(self) -> int:
        """Number of agents in the study."""
        return int(self.rows[_C.AGENT_ID].nunique())


def design(
    conversations: pd.DataFrame,
    frozen: pd.DataFrame | None = None,
    *,
    outcome: Outcome,
    as_of: datetime,
    months: int,
    exposure: Exposure | None = None,
) -> Design:
    """Choose the inquiries of the last `months` before `as_of` and lay out the comparison.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    frozen : DataFrame or None
        ``conversation_id``, ``type``, ``tier`` as known before each conversation; None: not known.
    outcome : {"paid", "ordered", "satisfaction"}
        Satisfaction looks at every rated conversation, the others at mature inquiries.
    as_of : datetime
        First moment after the report month.
    months : int
        How far to look back. Conversations without any time all count.
    exposure : {"turns", "talks", "landmark", "window"} or None
        How talks of unequal length are made comparable. None: by turns where the conversations
        have turn columns, or by talks where these are better balanced
        (`csinsight.drivers.exposure`), else over the whole window; satisfaction always over the
        window, for what was said after an order counts there too.

    Raises
    ------
    ValueError
        Where the exposure needs turn columns and they are absent.
    """
    recent, steps = _sample(in_silence(in_months(conversations, as_of, months)), outcome)
    chosen = exposure
    if exposure is None:
        by_turns = outcome != "satisfaction" and has_turns(conversations)
        exposure = "turns" if by_turns else "window"
    recent, landmark, left = _exposed(_with_next_talk(recent), exposure)
    if exposure == "turns" and chosen is None and shown_by_talk(recent):
        exposure = "talks"
    order = [_C.AGENT_ID, _C.CONVERSATION_ID]
    recent = _with_segments(recent, frozen).sort_values(order, kind="stable")
    recent = recent.reset_index(drop=True)
    rows = _rows(recent, outcome)
    flow = _flow(len(rows) + sum(count for _, count in [*steps, *left]), [*steps, *left])
    return Design(
        rows=rows,
        controls=covariates(recent),
        outcome=outcome,
        family=tuple(b for b in TESTED_BEHAVIOURS if b not in NOT_ON.get(outcome, ())),
        flow=flow,
        opportunities=_opportunities(rows),
        exposure=exposure,
        landmark=landmark,
        turns=_turns(recent, exposure),
    )


def secondary_outcomes(
    conversations: pd.DataFrame,
    frozen: pd.DataFrame | None = None,
    *,
    outcome: Outcome,
    as_of: datetime,
    months: int,
) -> list[Design]:
    """Lay out the same comparison for paid and for ordered conversion, but for the main outcome.

    Coaching reads paid conversion whatever the page is about; ordered conversion stands beside it
    to tell losing an order from losing its payment. Satisfaction is looked at only when asked for.

    Parameters
    ----------
    conversations, frozen, as_of, months
        As in `design`.
    outcome : {"paid", "ordered", "satisfaction"}
        The main one, which is left out here, as are those that nothing is known of.
    """
    known = [
        name
        for name in SECONDARY_OUTCOMES
        if name != outcome and name in conversations and conversations[name].notna().any()
    ]
    return [
        design(conversations, frozen, outcome=name, as_of=as_of, months=months) for name in known
    ]


def _exposed(
    recent: pd.DataFrame, exposure: Exposure
) -> tuple[pd.DataFrame, int | None, list[tuple[str, int]]]:
    before = len(recent)
    if exposure in ("turns", "talks"):
        recent = judged(recent)
        return recent, None, [("no agent turn before the outcome", before - len(recent))]
    if exposure == "landmark":
        recent, landmark = at_landmark(recent)
        step = f"under {landmark} agent turns before the outcome"
        return recent, landmark, [(step, before - len(recent))]
    return recent, None, []


def _with_next_talk(recent: pd.DataFrame) -> pd.DataFrame:
    """Put the negative controls of the agent's next talk in the place of this talk's own.

    Closing words follow the order, so that those of the same talk always seem to work: no check of
    anything. Said to the next buyer they can't have led to this one's order, and seem to only where
    the same agent's good days or hours pass for the effect of what they do.
    """
    there = [name for name in CONTROLS if name in recent]
    ordered = recent.sort_values([_C.STARTED_AT, _C.CONVERSATION_ID], kind="stable")
    following = ordered.groupby(_C.AGENT_ID, sort=False)[there].shift(-1)
    return recent.assign(**{name: following[name].reindex(recent.index) for name in there})


def _turns(recent: pd.DataFrame, exposure: Exposure) -> pd.DataFrame:
    if exposure not in ("turns", "talks"):
        return pd.DataFrame(index=recent.index)
    columns = [_C.TURNS_JUDGED] if exposure == "turns" else []
    for behaviour in TURN_MARKERS if exposure == "turns" else ():
        columns += [turn_column(behaviour), opportunity_column(behaviour)]
    values = {name: as_float(recent[name]) for name in columns}
    return pd.concat([pd.DataFrame(values, index=recent.index), risk_set_columns(recent)], axis=1)


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
    return conversations, steps


def _with_segments(conversations: pd.DataFrame, frozen: pd.DataFrame | None) -> pd.DataFrame:
    segments = [BuyerTypes.TYPE, ValueTiers.TIER]
    bare = conversations.drop(columns=segments, errors="ignore")
    if frozen is None:
        return bare.assign(**dict.fromkeys(segments))
    known = frozen[[_C.CONVERSATION_ID, *segments]].drop_duplicates(_C.CONVERSATION_ID)
    return bare.merge(known, on=_C.CONVERSATION_ID, how="left")


def _rows(conversations: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    names = [_C.CONVERSATION_ID, _C.AGENT_ID, _C.CATEGORY, BuyerTypes.TYPE, ValueTiers.TIER]
    measured = {"outcome": as_float(conversations[outcome])}
    for behaviour in (*TESTED_BEHAVIOURS, *CONTROLS):
        if behaviour in conversations:
            measured[behaviour] = to_model(conversations[behaviour], behaviour)
        else:
            measured[behaviour] = np.full(len(conversations), np.nan)
    index = conversations.index
    return pd.concat([conversations[names], pd.DataFrame(measured, index=index)], axis=1)


def _flow(total: int, steps: list[tuple[str, int]]) -> pd.DataFrame:
    left_out = [0, *[count for _, count in steps]]
    flow = pd.DataFrame(
        {"step": ["conversations", *[reason for reason, _ in steps]], "left_out": left_out}
    )
    return flow.assign(remaining=total - flow["left_out"].cumsum())


def _opportunities(rows: pd.DataFrame) -> pd.DataFrame:
    behaviours = [*TESTED_BEHAVIOURS, *CONTROLS]
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
