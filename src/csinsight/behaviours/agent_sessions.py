"""Who did what: a row for each conversation and agent, and what a month's KPIs are made of.

Words, waits and findings belong to who wrote the lines; what came of a conversation belongs to the
conversation, and is shared among its agents by the rule of the KPI profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.behaviours.conversations import (
    AFTER_ORDER,
    FOLLOWS,
    MarkedMessages,
    agent_markers,
    counts_for,
)
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.opportunities import MADE_BY, SILENCE, made_by_talk
from csinsight.behaviours.profiles import KpiProfile
from csinsight.behaviours.scope import AGENT_TURN, flag
from csinsight.contract.artifacts import AgentSessions, opportunity_column
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import COMPLIANCE, TIMINGS
from csinsight.contract.join import BuyersNamed
from csinsight.contract.schema import Messages, Orders
from csinsight.engine import collect
from csinsight.features.agent_sessions import agent_sessions, response_times
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    POSITION,
    TURN_NO,
    Frame,
    count_if,
    moment_ms,
    pick,
)
from csinsight.features.months import in_months
from csinsight.features.rounds import ROUND_COUNTS
from csinsight.params import add_months

#: What a row is about, and the outcome as the profile shares it; behaviours follow.
SESSION_COLUMNS: Final = (
    Talk.CONVERSATION_ID,
    Talk.AGENT_ID,
    Talk.BUYER_ID,
    Talk.STARTED_AT,
    Talk.COUNTED_AT,
    Talk.FIRST_BUYER_AT,
    Talk.CATEGORY,
    Talk.IS_INQUIRY,
    Talk.ORDERED,
    Talk.PAID,
    Talk.MATURE,
    Talk.ORDER_ID,
    Talk.OUTCOME_AT,
    Talk.FIRST_PAID_AT,
    Talk.NET_AMOUNT,
    AgentSessions.IN_CHARGE,
    AgentSessions.HANDED_OVER,
    AgentSessions.CREDITED_ELSEWHERE,
    Talk.BUYER_MESSAGES,
    Talk.AGENT_MESSAGES,
    Talk.BUYER_MESSAGES_BEFORE,
    Talk.AGENT_MESSAGES_BEFORE,
    *ROUND_COUNTS,
    Talk.RESPONSE_SUM_S,
    Talk.FIRST_RESPONSE_TALK_S,
    Talk.SATISFACTION,
    *TIMINGS,
)
_ORDERS: Final = (
    Orders.ORDER_ID,
    Orders.BUYER_ID,
    Orders.PAID_AT,
    Orders.PAID_AMOUNT,
    Talk.NET_AMOUNT,
    Talk.AGENT_ID,
)


@dataclass(frozen=True)
class Month:
    """The report month as KPIs count it.

    Parameters
    ----------
    conversations : pandas.DataFrame
        The artifact's rows that the month counts (see `csinsight.features.months`).
    agent_sessions : pandas.DataFrame
        One row a conversation and agent who served in it (`AgentSessions`). The outcome is the
        agent's to whom the profile's rule gives the order; it is False for the others. An agent
        who handed the buyer over before the outcome has no inquiry there.
    response_times : pandas.DataFrame
        Rounds in service hours by agent and whole second.
    orders : pandas.DataFrame or None
        Orders placed in the month: ``order_id``, ``buyer_id``, ``paid_at``, ``paid_amount``,
        ``net_amount`` (null unless paid) and ``agent_id``, null where no agent touched the order
        (静默); None where orders name no buyers.
    named : BuyersNamed
        Of how many of the month's orders the buyer is known; `orders` has these alone.
    """

    conversations: pd.DataFrame
    agent_sessions: pd.DataFrame
    response_times: pd.DataFrame
    orders: pd.DataFrame | None
    named: BuyersNamed


def build_agent_sessions(
    marked: MarkedMessages, conversations: pd.DataFrame, profile: KpiProfile
) -> pd.DataFrame:
    """Return a row for each conversation and agent who wrote in it, with what that agent showed.

    Parameters
    ----------
    marked : MarkedMessages
    conversations : pandas.DataFrame
        Of `csinsight.behaviours.conversations.build_conversations`, from the same messages.
    profile : KpiProfile
        Whose ``attribution`` says whose the outcome is.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.AgentSessions`, sorted by start, conversation and
        agent. The behaviours are this agent's: true where a line of theirs shows it, false where
        they had the opportunity and did not, else null. ``ordered`` and ``paid`` are true only for
        the agent to whom the profile's rule gives the order.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations, sample_messages
    >>> profile = sample_context().profile
    >>> table = build_agent_sessions(sample_messages(), sample_conversations(), profile)
    >>> table["agent_id"].nunique()
    6
    """
    served = agent_sessions(marked.cut, marked.months)
    orders = marked.orders
    behaviours, made = (
        marked.lexicon.behaviours,
        map(opportunity_column, marked.lexicon.turn_markers),
    )
    # Known only of shops whose order lines tell products.
    told = [Talk.PRODUCT_CATEGORY] if Talk.PRODUCT_CATEGORY in conversations else []
    asked = {*SESSION_COLUMNS, *told, *behaviours, *made} - {*served}
    key = [Talk.CONVERSATION_ID]
    table = served.merge(
        conversations[[*key, *(name for name in conversations if name in asked)]],
        on=key,
        how="inner",
    )
    table = _shared_outcomes(table, orders.set_index(Orders.ORDER_ID)[profile.attribution])
    shown = collect(_shown_by_author(marked))
    table = table.merge(shown, on=[Talk.CONVERSATION_ID, Talk.AGENT_ID], how="left")
    own = {name: _own(table, name, marked.lexicon) for name in behaviours}
    table = table.assign(**own)[[*SESSION_COLUMNS, *told, *own]]
    order = [Talk.STARTED_AT, Talk.CONVERSATION_ID, Talk.AGENT_ID]
    return table.sort_values(order, ignore_index=True)


def _shared_outcomes(table: pd.DataFrame, credit: pd.Series[str]) -> pd.DataFrame:
    """Lay the outcomes of conversations over the agents who wrote in them."""
    owner = table[Talk.ORDER_ID].map(credit)
    own = owner.eq(table[Talk.AGENT_ID]) | owner.isna()
    led = table[Talk.ORDERED].fillna(value=False).astype(bool)
    for name in (Talk.ORDERED, Talk.PAID):
        table[name] = table[name].where(own | table[name].isna(), other=False)
    over = ~table[AgentSessions.IN_CHARGE].astype(bool) & ~(led & own)
    inquiry = table[Talk.IS_INQUIRY].fillna(value=False).astype(bool)
    return table.assign(
        **{
            AgentSessions.HANDED_OVER: inquiry & over,
            AgentSessions.CREDITED_ELSEWHERE: inquiry & led & ~own & ~over,
        }
    )


def _shown_by_author(marked: MarkedMessages) -> Frame:
    """Return by conversation and agent in which agent turn each marker first shows, and places."""
    lexicon, turn = marked.lexicon, nw.col(AGENT_TURN)
    before = nw.col(BEFORE_OUTCOME)
    lines = marked.sides.filter(
        nw.col(Messages.SENDER) == "agent", ~nw.col(Messages.AGENT_ID).is_null()
    ).with_columns(nw.col(POSITION).max().over(Talk.CONVERSATION_ID).alias("_end"))
    marks = {
        name: counts_for(name, lexicon) & (flag(name) == 1)
        for name in agent_markers(lexicon)
        if name in lexicon.behaviours
    }
    marks[FOLLOWS] = before & (nw.col(FOLLOWS) == 1)
    places = {
        "_first_reply_": nw.col(TURN_NO) == nw.col("_first_reply"),
        "_last_turn_": nw.col(TURN_NO) == nw.col("_last_turn"),
        "_ends": nw.col(POSITION) == nw.col("_end"),
        "_fell_silent": before & (nw.col(SILENCE) == 1),
    }
    return lines.group_by(Talk.CONVERSATION_ID, Talk.AGENT_ID).agg(
        pick(before, turn).min().cast(nw.Int64).alias("_from"),
        pick(before, turn).max().cast(nw.Int64).alias("_to"),
        *(count_if(where.fill_null(value=False)).alias(name) for name, where in places.items()),
        *(pick(m, turn).min().cast(nw.Int64).alias(_at(name)) for name, m in marks.items()),
    )


def _at(name: str) -> str:
    return f"_at_{name}"


def _own(table: pd.DataFrame, name: str, lexicon: Lexicon) -> pd.Series[bool]:
    """Return whether each agent showed a behaviour; null where they had no opportunity.

    An opportunity that the conversation made is that of who wrote from then on, until somebody
    takes it; what opens or closes a conversation is that of who wrote there.
    """
    at = table[_at(name)].astype("Int64")
    shown = at.notna()
    wrote = table["_to"].notna()
    where = lexicon.markers[name].where if name in lexicon.markers else "anywhere"
    if name in COMPLIANCE:
        there = pd.Series(data=True, index=table.index)
    elif name == FOLLOWS:
        there = table["_fell_silent"].gt(0)
    elif name in AFTER_ORDER:
        there = table["_ends"].gt(0)
    elif where in ("first_reply", "last_turn"):
        there = table[f"_{where}_"].gt(0)
    else:
        there = wrote
    if name in lexicon.turn_markers:
        since = table[opportunity_column(name)].astype("Int64").fillna(0)
        there = there & (table["_to"].astype("Int64") >= since).fillna(value=False)
        if name in MADE_BY or name in made_by_talk(lexicon.own):
            taken = at.groupby(table[Talk.CONVERSATION_ID]).transform("min")
            there = there & ~(taken < table["_from"].astype("Int64")).fillna(value=False)
    known = table[name].notna() & (shown | there.astype(bool))
    return shown.astype("boolean").where(known)


def count_month(
    marked: MarkedMessages, conversations: pd.DataFrame, sessions: pd.DataFrame, profile: KpiProfile
) -> Month:
    """Gather what the KPIs of the last month are made of.

    Parameters
    ----------
    marked : MarkedMessages
    conversations : pandas.DataFrame
        Of `csinsight.behaviours.conversations.build_conversations`, from the same messages.
    sessions : pandas.DataFrame
        Of `build_agent_sessions`, from the same messages.
    profile : KpiProfile
        Whose ``attribution`` and ``handed_over`` decide.

    Returns
    -------
    Month

    Examples
    --------
    >>> from csinsight.sample import (
    ...     sample_context,
    ...     sample_conversations,
    ...     sample_messages,
    ...     sample_sessions,
    ... )
    >>> profile = sample_context().profile
    >>> month = count_month(sample_messages(), sample_conversations(), sample_sessions(), profile)
    >>> 0 < len(month.conversations) <= len(sample_conversations())
    True
    """
    cut, as_of = marked.cut, marked.cut.as_of
    orders = marked.orders
    placed = orders[orders[Orders.PLACED_AT] >= pd.Timestamp(add_months(as_of, -1))]
    owned = placed.rename(columns={profile.attribution: Talk.AGENT_ID})[list(_ORDERS)]
    served = in_months(sessions, as_of, 1)
    if profile.handed_over == "leave_out":
        kept = served[Talk.IS_INQUIRY].fillna(value=False) & ~served[AgentSessions.HANDED_OVER]
        served = served.assign(**{Talk.IS_INQUIRY: kept.astype(bool)})
    since, until = moment_ms(add_months(as_of, -1)), moment_ms(as_of)
    return Month(
        in_months(conversations, as_of, 1),
        served,
        response_times(cut),
        owned if cut.shop.joined and cut.shop.has("orders", Orders.PAID_AT) else None,
        cut.shop.buyers_named(since, until),
    )
