"""What a month's KPIs are made of: agent sessions, response times, orders with their agents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentSessions
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.schema import Orders
from csinsight.engine import Shop
from csinsight.features.agent_sessions import (
    agent_sessions,
    credited_orders,
    read_lines,
    response_times,
)
from csinsight.features.frames import ConversationRules
from csinsight.features.months import in_months
from csinsight.params import add_months

#: Of a conversation, whoever serves it.
_SHARED: Final = (
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
    """

    conversations: pd.DataFrame
    agent_sessions: pd.DataFrame
    response_times: pd.DataFrame
    orders: pd.DataFrame | None


def count_month(
    shop: Shop,
    conversations: pd.DataFrame,
    as_of: datetime,
    rules: ConversationRules,
    profile: KpiProfile,
) -> Month:
    """Gather what the KPIs of the month before `as_of` are made of.

    Parameters
    ----------
    shop : Shop
    conversations : pandas.DataFrame
        Of `csinsight.behaviours.conversations.build_conversations`, with the same rules.
    as_of : datetime
    rules : ConversationRules
    profile : KpiProfile
        Whose ``attribution`` and ``handed_over`` decide.

    Returns
    -------
    Month
    """
    month = in_months(conversations, as_of, 1)
    lines = read_lines(shop, as_of, rules)
    orders = credited_orders(shop, lines, as_of, rules)
    placed = orders[orders[Orders.PLACED_AT] >= pd.Timestamp(add_months(as_of, -1))]
    owned = placed.rename(columns={profile.attribution: Talk.AGENT_ID})[list(_ORDERS)]
    return Month(
        month,
        _received(agent_sessions(shop, lines, as_of, rules), month, orders, profile),
        response_times(lines, as_of, rules),
        owned if shop.has("orders", Orders.BUYER_ID, Orders.PAID_AT) else None,
    )


def _received(
    served: pd.DataFrame, month: pd.DataFrame, orders: pd.DataFrame, profile: KpiProfile
) -> pd.DataFrame:
    """Lay the outcomes of conversations over the agents who served in them."""
    talks = month.set_index(Talk.CONVERSATION_ID)[list(_SHARED)]
    table = served.join(talks, on=Talk.CONVERSATION_ID, how="inner").reset_index(drop=True)
    credit = orders.set_index(Orders.ORDER_ID)[profile.attribution]
    owner = table[Talk.ORDER_ID].map(credit)
    own = owner.eq(table[Talk.AGENT_ID]) | owner.isna()
    led = table[Talk.ORDERED].fillna(value=False).astype(bool)
    for name in (Talk.ORDERED, Talk.PAID):
        table[name] = table[name].where(own | table[name].isna(), other=False)
    elsewhere = led & ~own
    over = ~table[AgentSessions.IN_CHARGE].astype(bool) & ~(led & own)
    inquiry = table[Talk.IS_INQUIRY].fillna(value=False).astype(bool)
    if profile.handed_over == "leave_out":
        table[Talk.IS_INQUIRY] = inquiry & ~over
    return table.assign(
        **{
            AgentSessions.HANDED_OVER: inquiry & over,
            AgentSessions.CREDITED_ELSEWHERE: inquiry & elsewhere & ~over,
        }
    )
