"""Who served whom: a row for each conversation and agent, and whose each order is.

A conversation that is handed over has two agents: each gets the rounds that they answered and the
lines that they wrote. A round that nobody answered on the same day is that of the agent who wrote
last before it.

Where a robot wrote first, platforms count only a person's reply, from the buyer's first message. A
shop that lets a robot open asks what its people do with what the robot hands over: `after_robot`
gives both, named apart; the KPI profile's ``response_from`` says which one is the headline.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.artifacts import AgentSessions, Conversations
from csinsight.contract.domain import TIMINGS
from csinsight.contract.schema import Messages as Msg
from csinsight.contract.schema import Orders
from csinsight.engine import collect
from csinsight.features.conversations import CutMessages
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    FIRST_BUYER_MS,
    POSITION,
    SECOND_MS,
    SENT_MS,
    TURN_NO,
    Columns,
    ConversationRules,
    Frame,
    count_if,
    hours_ms,
    moment_ms,
    pick,
)
from csinsight.features.outcomes import NET_AMOUNT, PAID_MS, PLACED_MS, known_orders, satisfaction
from csinsight.features.rounds import (
    AGAIN_MS,
    ANSWERED,
    ASKED_MS,
    IN_SERVICE,
    MESSAGES,
    MESSAGES_BEFORE,
    REPLIED_MS,
    RESPONSE_S,
    ROBOT_MS,
    ROUND_COUNTS,
    THREE_MINUTES_S,
    capped,
    handovers,
    in_time,
    rounds,
    service_before,
    turns,
    waits,
)
from csinsight.params import add_months

_C = Conversations

_KEYS: Final = (_C.CONVERSATION_ID, _C.AGENT_ID)
_LAST: Final = "last_ms"
_COLUMNS: Final = Columns(
    texts=_KEYS,
    booleans=(AgentSessions.IN_CHARGE,),
    integers=(
        _C.BUYER_MESSAGES,
        _C.AGENT_MESSAGES,
        *ROUND_COUNTS,
        _C.BUYER_MESSAGES_BEFORE,
        _C.AGENT_MESSAGES_BEFORE,
    ),
    floats=(
        _C.RESPONSE_SUM_S,
        _C.FIRST_RESPONSE_TALK_S,
        _C.SATISFACTION,
        *TIMINGS,
    ),
)
_COUNTS: Final = _COLUMNS.integers
#: How an order finds its agent: the rules of a KPI profile, each with those it falls back on.
_CREDIT: Final = {
    "order_first": ("_placed", "_paid", "_whole"),
    "payment": ("_paid", "_whole"),
    "last": ("_whole",),
}
#: Columns of `after_robot`.
FROM_BUYER_S, FROM_HANDOVER_S, ALONE = "from_buyer_s", "from_handover_s", "robot_alone"
#: Before the name of a wait: whether it was one of three minutes at most.
IN_180S = "in_180s_"
_AFTER_ROBOT: Final = Columns(
    texts=(_C.CONVERSATION_ID, _C.AGENT_ID),
    booleans=(ANSWERED, ALONE, f"{IN_180S}{FROM_BUYER_S}", f"{IN_180S}{FROM_HANDOVER_S}"),
    floats=(FROM_BUYER_S, FROM_HANDOVER_S),
)


def agent_sessions(cut: CutMessages, months: int) -> pd.DataFrame:
    """Return a row for each conversation that the last months count and agent who wrote in it.

    Parameters
    ----------
    cut : CutMessages
        Its shop's ratings are used too.
    months : int

    Returns
    -------
    pandas.DataFrame
        ``conversation_id``, ``agent_id``, ``in_charge`` (wrote the last of the agents' lines up to
        the outcome), the agent's lines, the buyer's lines in this agent's rounds, rounds and
        response times as in `csinsight.contract.artifacts.Conversations`, whole and before the
        outcome, and ``satisfaction`` that the buyer gave this agent. Lines by an agent without an
        id are in no row.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> table = agent_sessions(held, months=1)
    >>> sorted(set(table["agent_id"]))
    ['a001', 'a002', 'a003', 'a004', 'a005', 'a006']
    >>> bool((table.groupby("conversation_id")["in_charge"].sum() <= 1).all())
    True
    """
    messages, rules = cut.of_months(months), cut.rules
    spoke = _spoke(messages)
    served = charged_rounds(messages, rules).group_by(*_KEYS).agg(*waits(rules), *_asked())
    conversations = cut.conversations.join(spoke.select(*_KEYS), on=_C.CONVERSATION_ID, how="inner")
    rated = satisfaction(cut.shop, conversations, cut.as_of, rules)
    table = _COLUMNS.gather(
        spoke.join(served, on=list(_KEYS), how="left")
        .join(rated, on=list(_KEYS), how="left")
        .with_columns(service_before())
    )
    table[list(_COUNTS)] = table[list(_COUNTS)].fillna(0)
    table[_C.RESPONSE_SUM_S] = table[_C.RESPONSE_SUM_S].fillna(0)
    return table.sort_values(list(_KEYS), ignore_index=True)


def response_times(cut: CutMessages) -> pd.DataFrame:
    """Count the last month's rounds in service hours by agent and response time.

    Returns
    -------
    pandas.DataFrame
        ``agent_id`` (null: nobody), ``response_s`` (whole seconds, rounded; capped), ``rounds``.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> response_times(held).columns.tolist()
    ['agent_id', 'response_s', 'rounds']
    """
    month = cut.counted_of_month()
    times = charged_rounds(month, cut.rules).filter(~nw.col(RESPONSE_S).is_null())
    kinds = Columns(texts=(_C.AGENT_ID,), integers=(AgentSessions.RESPONSE_S, _C.ROUNDS))
    table = kinds.gather(
        times.with_columns(
            nw.col(RESPONSE_S).round().cast(nw.Int64).alias(AgentSessions.RESPONSE_S)
        )
        .group_by(_C.AGENT_ID, AgentSessions.RESPONSE_S)
        .agg(nw.len().cast(nw.Int64).alias(_C.ROUNDS))
    )
    return table.sort_values([_C.AGENT_ID, AgentSessions.RESPONSE_S], ignore_index=True)


def credited_orders(cut: CutMessages, months: int) -> pd.DataFrame:
    """Return the orders of so many months and the one before, with whose each is by three rules.

    A conversation led to an order that the buyer placed after their first message and within the
    conversion window of it. Of the agents of such conversations the order is

    - ``order_first``: of the last to write before it was placed (下单优先);
    - ``payment``: of the last to write before it was paid;
    - ``last``: of the last to write at all.

    Where nobody wrote by then, the rule falls back on the next. Orders that no agent touched have
    no agent: they are silent (静默).

    Parameters
    ----------
    cut : CutMessages
    months : int

    Returns
    -------
    pandas.DataFrame
        ``order_id``, ``buyer_id``, ``placed_at``, ``paid_at``, ``paid_amount`` (to be paid, where
        not paid), ``net_amount`` (null where not paid), and an agent's id or null for each rule;
        no rows where the shop's orders name no buyers.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> orders = credited_orders(held, months=1)
    >>> bool(orders["order_first"].isna().any())
    True
    """
    texts = (Orders.ORDER_ID, Orders.BUYER_ID, *_CREDIT)
    amounts = (Orders.PAID_AMOUNT, NET_AMOUNT)
    columns = Columns(texts=texts, times=(Orders.PLACED_AT, Orders.PAID_AT), floats=amounts)
    if not cut.shop.joined:
        return columns.typed(pd.DataFrame())
    since = moment_ms(add_months(cut.as_of, -months - 1))
    orders = known_orders(cut.shop, cut.as_of).filter(nw.col(PLACED_MS) >= since)
    known = orders.select(
        Orders.ORDER_ID,
        Orders.BUYER_ID,
        nw.col(PLACED_MS).alias(Orders.PLACED_AT),
        nw.col(PAID_MS).alias(Orders.PAID_AT),
        *amounts,
    )
    table = collect(known).set_index(Orders.ORDER_ID)
    wrote = collect(_writers(cut, orders))
    agents = {}
    for moment in ("_placed", "_paid", "_whole"):
        last = wrote.dropna(subset=[moment]).sort_values([moment, "_line"])
        agent = last.groupby(Orders.ORDER_ID)[_C.AGENT_ID].last()
        agents[moment] = agent.reindex(table.index)
    for rule, (first, *others) in _CREDIT.items():
        table[rule] = agents[first]
        for moment in others:
            table[rule] = table[rule].fillna(agents[moment])
    return columns.typed(table.reset_index()).sort_values(Orders.ORDER_ID, ignore_index=True)


def _writers(cut: CutMessages, orders: Frame) -> Frame:
    """Return when each agent last wrote: before an order, before its payment, at all."""
    wrote = cut.messages.filter(
        nw.col(Msg.SENDER) == "agent", ~nw.col(Msg.AGENT_ID).is_null(), ~nw.col(SENT_MS).is_null()
    ).select(Msg.CONVERSATION_ID, Msg.AGENT_ID, SENT_MS, Msg.MESSAGE_NO)
    since = nw.col(PLACED_MS) - nw.col(FIRST_BUYER_MS)
    led = (
        cut.conversations.select(_C.CONVERSATION_ID, _C.BUYER_ID, FIRST_BUYER_MS)
        .join(
            orders.select(Orders.ORDER_ID, Orders.BUYER_ID, PLACED_MS, PAID_MS),
            on=Orders.BUYER_ID,
            how="inner",
        )
        .filter(since > 0, since <= hours_ms(cut.rules.conversion_window_hours))
        .select(_C.CONVERSATION_ID, Orders.ORDER_ID, PLACED_MS, PAID_MS)
    )
    sent = nw.col(SENT_MS)
    return (
        wrote.join(led, on=Msg.CONVERSATION_ID, how="inner")
        .group_by(Orders.ORDER_ID, Msg.AGENT_ID)
        .agg(
            pick(sent <= nw.col(PLACED_MS), sent).max().alias("_placed"),
            pick(sent <= nw.col(PAID_MS), sent).max().alias("_paid"),
            sent.max().alias("_whole"),
            nw.col(Msg.MESSAGE_NO).max().alias("_line"),
        )
    )


def _spoke(messages: Frame) -> Frame:
    """Return the agents of each conversation, their lines, and who wrote last up to the outcome."""
    lines = messages.filter(nw.col(Msg.SENDER) == "agent", ~nw.col(Msg.AGENT_ID).is_null())
    before = pick(nw.col(BEFORE_OUTCOME), nw.col(POSITION))
    return (
        lines.group_by(*_KEYS)
        .agg(
            nw.len().cast(nw.Int64).alias(_C.AGENT_MESSAGES),
            count_if(nw.col(BEFORE_OUTCOME)).alias(_C.AGENT_MESSAGES_BEFORE),
            before.max().alias("_before"),
            nw.col(POSITION).max().alias("_at_all"),
        )
        # Where nobody had written by the outcome, the first to write after it had been in charge
        # of nothing: the last to write at all stands in.
        .with_columns(_last=nw.col("_before").max().over(_C.CONVERSATION_ID))
        .with_columns(_end=nw.col("_at_all").max().over(_C.CONVERSATION_ID))
        .with_columns(
            (
                (nw.col("_before") == nw.col("_last")).fill_null(value=False)
                | (nw.col("_last").is_null() & (nw.col("_at_all") == nw.col("_end")))
            ).alias(AgentSessions.IN_CHARGE)
        )
        .select(
            *_KEYS,
            _C.AGENT_MESSAGES,
            _C.AGENT_MESSAGES_BEFORE,
            AgentSessions.IN_CHARGE,
        )
    )


def charged_rounds(messages: Frame, rules: ConversationRules) -> Frame:
    """Return the rounds, each with the agent whose it is; null where no agent ever wrote.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> found = charged_rounds(held.of_months(1), context.rules).collect()
    >>> sorted(set(found["agent_id"].drop_nulls()))
    ['a001', 'a002', 'a003', 'a004', 'a005', 'a006']
    """
    turn, conversation = nw.col(TURN_NO), _C.CONVERSATION_ID
    lines = messages.filter(nw.col(Msg.SENDER) == "agent").select(
        conversation, TURN_NO, POSITION, Msg.AGENT_ID
    )
    place = nw.col(POSITION)
    ends = (
        lines.with_columns(
            _first=place.min().over(conversation, TURN_NO),
            _last=place.max().over(conversation, TURN_NO),
        )
        .group_by(conversation, TURN_NO)
        .agg(
            pick(place == nw.col("_first"), nw.col(Msg.AGENT_ID)).max().alias("_opens"),
            pick(place == nw.col("_last"), nw.col(Msg.AGENT_ID)).max().alias("_ends"),
        )
    )
    answers = ends.select(conversation, (turn - 1).alias(TURN_NO), "_opens")
    before = ends.select(conversation, (turn + 1).alias(TURN_NO), "_ends")
    return (
        rounds(turns(messages), rules, handovers(messages))
        .join(answers, on=[conversation, TURN_NO], how="left")
        .join(before, on=[conversation, TURN_NO], how="left")
        .with_columns(
            nw.when(nw.col(ANSWERED) | nw.col(ASKED_MS).is_null())
            .then(nw.coalesce(nw.col("_opens"), nw.col("_ends")))
            .otherwise(nw.coalesce(nw.col("_ends"), nw.col("_opens")))
            .alias(_C.AGENT_ID)
        )
    )


def _asked() -> tuple[nw.Expr, ...]:
    return (
        nw.col(MESSAGES).sum().alias(_C.BUYER_MESSAGES),
        nw.col(MESSAGES_BEFORE).sum().alias(_C.BUYER_MESSAGES_BEFORE),
    )


def after_robot(cut: CutMessages) -> pd.DataFrame:
    """Return the last month's rounds in service hours in which a robot wrote before a person.

    Parameters
    ----------
    cut : CutMessages

    Returns
    -------
    pandas.DataFrame
        ``conversation_id``, ``agent_id`` (whose the round is; null: nobody's), ``answered`` (by a
        person on the same day), ``robot_alone`` (nobody replied and the buyer asked nothing
        more), ``from_buyer_s`` (from the buyer's first message) and ``from_handover_s`` (from the
        buyer's first message after the robot's last, else from that), both capped as the rules
        say and the cap where nobody replied, and of each whether it came in three minutes
        (``in_180s_…``); all null where the robot was alone.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> after_robot(cut_messages(sample_shop(), context.as_of, context.rules)).columns.tolist()[:2]
    ['conversation_id', 'agent_id']
    """
    messages, cap = cut.counted_of_month(), cut.rules.round_cap_s
    whole = charged_rounds(messages, replace(cut.rules, response_from="buyer_message"))
    robot, again = nw.col(ROBOT_MS), nw.col(AGAIN_MS)
    waited = (nw.col(REPLIED_MS) - nw.coalesce(again, robot)) / SECOND_MS
    alone = ~nw.col(ANSWERED) & again.is_null()
    after = capped(waited, nw.col(ANSWERED), cut.rules)
    found = (
        whole.join(handovers(messages), on=[_C.CONVERSATION_ID, TURN_NO])
        .filter(nw.col(IN_SERVICE))
        .with_columns(alone.alias(ALONE))
        .with_columns(
            nw.when(~nw.col(ALONE)).then(nw.col(RESPONSE_S)).alias(FROM_BUYER_S),
            nw.when(~nw.col(ALONE)).then(after).alias(FROM_HANDOVER_S),
        )
        .with_columns(
            in_time(nw.col(seconds), THREE_MINUTES_S, cap).alias(f"{IN_180S}{seconds}")
            for seconds in (FROM_BUYER_S, FROM_HANDOVER_S)
        )
    )
    keys = [_C.CONVERSATION_ID, FROM_BUYER_S]
    return _AFTER_ROBOT.gather(found).sort_values(keys, ignore_index=True)
