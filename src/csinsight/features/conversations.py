"""Conversations: cutting messages, who served, what came of it, and how fast.

A conversation is one buyer's run of messages without a gap of ``gap_hours`` or more; a given
``conversation_id`` is kept. The order of messages is their time, then their running number, so
that equal times (exports often have whole seconds) give the same answer on every engine.
"""

from __future__ import annotations

from datetime import datetime

import narwhals as nw
import pandas as pd

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import TIMINGS
from csinsight.contract.tables import Messages as Msg
from csinsight.engine import Shop, ms
from csinsight.engine.keep import keep
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    ENDED_MS,
    FIRST_BUYER_MS,
    OUTCOME_MS,
    POSITION,
    SENT_MS,
    STARTED_MS,
    TURN_NO,
    Columns,
    Frame,
    pick,
)
from csinsight.features.outcomes import mature, outcomes
from csinsight.features.rounds import service_counts
from csinsight.features.rules import ConversationRules, hours_ms, moment_ms
from csinsight.features.service import open_talks, satisfaction, serving_agents
from csinsight.params import add_months

_ORDER = (SENT_MS, Msg.MESSAGE_NO)

#: Counts that are 0, not null, in a conversation without buyer or agent lines.
_COUNTED = (
    Talk.BUYER_MESSAGES,
    Talk.AGENT_MESSAGES,
    Talk.AGENT_TURNS,
    Talk.BUYER_MESSAGES_BEFORE,
    Talk.AGENT_MESSAGES_BEFORE,
    Talk.AGENT_TURNS_BEFORE,
)
#: Counts of rounds: null in conversations without times.
_ROUNDS = (
    Talk.ROUNDS,
    Talk.ROUNDS_IN_180S,
    Talk.ROUNDS_UNANSWERED,
    Talk.ROUNDS_OFF_HOURS,
    Talk.ROUNDS_BEFORE,
)
_COLUMNS = Columns(
    texts=(Talk.CONVERSATION_ID, Talk.BUYER_ID, Talk.AGENT_ID, Talk.ORDER_ID),
    times=(
        Talk.STARTED_AT,
        Talk.ENDED_AT,
        Talk.FIRST_BUYER_AT,
        Talk.OUTCOME_AT,
        Talk.PLACED_AT,
        Talk.PAID_AT,
    ),
    booleans=(Talk.OPENED_BY_BUYER, Talk.ORDERED, Talk.PAID, Talk.MATURE),
    integers=(*_COUNTED, *_ROUNDS, Talk.EARLIER_ORDERS, Talk.OPEN_TALKS),
    floats=(
        Talk.NET_AMOUNT,
        Talk.SATISFACTION,
        Talk.RESPONSE_SUM_S,
        Talk.FIRST_RESPONSE_TALK_S,
        *TIMINGS,
    ),
)


def cut(messages: Frame, gap_hours: float) -> Frame:
    """Give every message its conversation.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        As the engine opens it.
    gap_hours : float
        A silence of this many hours or more begins a new conversation.

    Returns
    -------
    narwhals.LazyFrame
        The same rows; ``conversation_id`` kept where given, else the buyer's id, ``#`` and the
        first message's time in milliseconds. The id depends on nothing later, so a conversation
        that crosses the end of a month keeps its id. Messages without a time and without an id
        (a fault by the contract) keep null.
    """
    gap = hours_ms(gap_hours)
    whose = (Msg.BUYER_ID, "_given")
    since = nw.col(SENT_MS) - nw.col("_previous")
    begins = nw.col("_previous").is_null() | (since >= gap)
    made = nw.concat_str([nw.col(Msg.BUYER_ID), nw.col("_start").cast(nw.String)], separator="#")
    return (
        messages.with_columns(_given=~nw.col(Msg.CONVERSATION_ID).is_null())
        .with_columns(_previous=nw.col(SENT_MS).shift(1).over(*whose, order_by=_ORDER))
        .with_columns(_start=pick(begins, nw.col(SENT_MS)))
        .with_columns(
            _start=nw.col("_start").fill_null(strategy="forward").over(*whose, order_by=_ORDER)
        )
        .with_columns(
            nw.when(nw.col("_given"))
            .then(nw.col(Msg.CONVERSATION_ID))
            .otherwise(made)
            .alias(Msg.CONVERSATION_ID)
        )
        .drop("_given", "_previous", "_start")
    )


def with_turns(messages: Frame) -> Frame:
    """Count turns and messages within each conversation.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        With ``conversation_id`` (see `cut`).

    Returns
    -------
    narwhals.LazyFrame
        The same rows with ``turn_no`` (runs of one side, buyer or human agent, from 1; null on
        bot and system lines, which belong to neither side and don't end a run) and ``position``
        (place in the conversation, from 1).
    """
    turns = (Msg.CONVERSATION_ID, "_has_side")
    changes = nw.col("_before").is_null() | (nw.col("_before") != nw.col(Msg.SENDER))
    return (
        messages.with_columns(_has_side=nw.col(Msg.SENDER).is_in(["buyer", "agent"]))
        .with_columns(
            nw.col(Msg.MESSAGE_NO)
            .cum_count()
            .over(Msg.CONVERSATION_ID, order_by=_ORDER)
            .cast(nw.Int64)
            .alias(POSITION),
            _before=nw.col(Msg.SENDER).shift(1).over(*turns, order_by=_ORDER),
        )
        .with_columns(_begins=changes.cast(nw.Int64))
        .with_columns(_turn=nw.col("_begins").cum_sum().over(*turns, order_by=_ORDER))
        .with_columns(pick(nw.col("_has_side"), nw.col("_turn")).alias(TURN_NO))
        .drop("_has_side", "_before", "_begins", "_turn")
    )


def messages_of(
    shop: Shop, as_of: datetime, rules: ConversationRules, *, months: int = 12
) -> Frame:
    """Return the messages of the conversations that began in the last `months` months.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    as_of : datetime
        Only what happened before this moment is used.
    rules : ConversationRules
    months : int
        How many months before `as_of`; conversations without times are always in.

    Returns
    -------
    narwhals.LazyFrame
        The contract's columns with ``conversation_id``, ``turn_no``, ``position``,
        ``before_outcome`` (the message is not later than the first order placed in the
        conversion window; true throughout where there was none) and ``outcome_at_ms``.
    """
    messages, talks = _talks(shop, as_of, rules)
    talks = _within(talks, as_of, months)
    return _flagged(messages, outcomes(shop, talks, as_of, rules))


def conversation_features(
    shop: Shop, as_of: datetime, rules: ConversationRules, *, months: int = 12
) -> pd.DataFrame:
    """Return a row for each conversation that began in the last `months` months.

    Parameters
    ----------
    shop : Shop
        With ``messages``; ``orders`` and ``ratings`` where there.
    as_of : datetime
        Only what happened before this moment is used.
    rules : ConversationRules
    months : int
        How many months before `as_of`; conversations without times are always in.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Conversations` except what words show, sorted
        by start and id. ``ordered`` and ``paid`` are null where the shop can't tell (no orders,
        no buyer ids, no times; for ``paid`` also no payment times); times and timings are null
        for conversations without times.
    """
    messages, every_talk = _talks(shop, as_of, rules)
    results = keep(outcomes(shop, every_talk, as_of, rules))
    flagged = _flagged(messages, results)
    agents = serving_agents(flagged)
    talks = keep(every_talk.join(agents, on=Talk.CONVERSATION_ID, how="left"))
    parts = (
        results.with_columns(mature(shop, as_of, rules)),
        service_counts(flagged, rules),
        open_talks(talks),
        satisfaction(shop, talks, as_of, rules),
    )
    table = _within(talks, as_of, months)
    for part in parts:
        table = table.join(part, on=Talk.CONVERSATION_ID, how="left")
    return _leave(table)


def _talks(shop: Shop, as_of: datetime, rules: ConversationRules) -> tuple[Frame, Frame]:
    """Return the numbered messages before `as_of`, and a row a conversation."""
    known = nw.col(SENT_MS).is_null() | (nw.col(SENT_MS) < moment_ms(as_of))
    messages = keep(with_turns(cut(shop["messages"].filter(known), rules.gap_hours)))
    buyer, agent = nw.col(Msg.SENDER) == "buyer", nw.col(Msg.SENDER) == "agent"
    first = nw.col("_first_buyer") < nw.col("_first_agent")
    talks = messages.group_by(Msg.CONVERSATION_ID).agg(
        nw.col(Msg.BUYER_ID).min().alias(Talk.BUYER_ID),
        nw.col(SENT_MS).min().alias(STARTED_MS),
        nw.col(SENT_MS).max().alias(ENDED_MS),
        pick(buyer, nw.col(SENT_MS)).min().alias(FIRST_BUYER_MS),
        pick(buyer, nw.col(POSITION)).min().alias("_first_buyer"),
        pick(agent, nw.col(POSITION)).min().alias("_first_agent"),
    )
    opened = ~nw.col("_first_buyer").is_null() & (nw.col("_first_agent").is_null() | first)
    talks = talks.with_columns(opened.alias(Talk.OPENED_BY_BUYER))
    return messages, keep(talks.drop("_first_buyer", "_first_agent"))


def _within(talks: Frame, as_of: datetime, months: int) -> Frame:
    start = nw.col(STARTED_MS)
    return talks.filter(start.is_null() | (start >= moment_ms(add_months(as_of, -months))))


def _flagged(messages: Frame, results: Frame) -> Frame:
    """Tell of each message of the conversations in `results` whether it came before the outcome."""
    outcome = nw.col(OUTCOME_MS)
    before = outcome.is_null() | (nw.col(SENT_MS) <= outcome)
    return messages.join(
        results.select(Talk.CONVERSATION_ID, OUTCOME_MS), on=Talk.CONVERSATION_ID, how="inner"
    ).with_columns(before.alias(BEFORE_OUTCOME))


def _leave(table: Frame) -> pd.DataFrame:
    """Collect with fixed types, times under the contract's names, in a fixed order."""
    frame = _COLUMNS.gather(table.rename({ms(name): name for name in _COLUMNS.times}))
    frame[list(_COUNTED)] = frame[list(_COUNTED)].fillna(0)
    timed = frame[Talk.STARTED_AT].notna()
    for name in (Talk.RESPONSE_SUM_S, *_ROUNDS):
        frame[name] = frame[name].fillna(0).where(timed)
    return frame.sort_values([Talk.STARTED_AT, Talk.CONVERSATION_ID], ignore_index=True)
