"""Turns and rounds: how much each side wrote, and how long buyers waited.

A round runs from the first buyer message of a run to the first human reply (automatic replies
are not valid). It counts at most ``round_cap_s``, and that much when no human replied on the same
day; rounds that begin outside service hours are counted but not timed. These are conventions of
the field, kept in `ConversationRules`.
"""

from __future__ import annotations

import narwhals as nw

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.tables import Messages as Msg
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    OUTCOME_MS,
    SENT_MS,
    TURN_NO,
    Frame,
    count_if,
    pick,
)
from csinsight.features.rules import DAY_MS, HOUR_MS, SECOND_MS, ConversationRules

#: Columns of `rounds`.
ASKED_MS, REPLIED_MS = "asked_at_ms", "replied_at_ms"
IN_SERVICE, ANSWERED, RESPONSE_S = "in_service", "answered", "response_s"
#: The same round seen from the outcome: null response where it was still open.
RESPONSE_BEFORE_S = "response_before_s"

#: The field's 3-minute rate (3分钟回复率) is of three minutes, whatever a profile calls slow.
THREE_MINUTES_S = 180
_AT = "at_ms"
MESSAGES, _BEFORE = "messages", "messages_before"


def turns(messages: Frame) -> Frame:
    """Return a row for each turn: a run of one side's messages.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        Of `csinsight.features.conversations.messages_of`.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``turn_no``, ``sender``, ``at_ms`` (its first message), ``messages``,
        ``messages_before`` (no later than the outcome), ``outcome_at_ms``, and ``replied_at_ms``:
        when the other side's next turn began, null where there was none.
    """
    return (
        messages.filter(~nw.col(TURN_NO).is_null())
        .group_by(Talk.CONVERSATION_ID, TURN_NO)
        .agg(
            nw.col(Msg.SENDER).min(),
            nw.col(SENT_MS).min().alias(_AT),
            nw.len().cast(nw.Int64).alias(MESSAGES),
            count_if(nw.col(BEFORE_OUTCOME)).alias(_BEFORE),
            nw.col(OUTCOME_MS).min(),
        )
        .with_columns(
            nw.col(_AT).shift(-1).over(Talk.CONVERSATION_ID, order_by=TURN_NO).alias(REPLIED_MS)
        )
    )


def rounds(runs: Frame, rules: ConversationRules) -> Frame:
    """Return a row for each round: a buyer's run of messages and the first human reply.

    Parameters
    ----------
    runs : narwhals.LazyFrame
        Of `turns`.
    rules : ConversationRules

    Returns
    -------
    narwhals.LazyFrame
        The buyers' turns with ``asked_at_ms``, ``in_service`` (began in service hours),
        ``answered`` (on the same day), ``response_s`` (capped, the cap where unanswered, null out
        of service hours and without times) and ``response_before_s``: what was known of it at the
        outcome. A round that the outcome cut off before the cap has null there: how long it would
        have taken is not known without looking past the outcome.
    """
    asked, replied = nw.col(_AT), nw.col(REPLIED_MS)
    same_day = ~replied.is_null() & (replied // DAY_MS == asked // DAY_MS)
    cap, waited = nw.lit(float(rules.round_cap_s)), (replied - asked) / SECOND_MS
    response = nw.when(same_day & (waited < cap)).then(waited).otherwise(cap)
    outcome = nw.col(OUTCOME_MS)
    over = (
        outcome.is_null()
        | (replied <= outcome)
        | ((outcome - asked) / SECOND_MS >= rules.round_cap_s)
    ).fill_null(value=False)
    return (
        runs.filter(nw.col(Msg.SENDER) == "buyer")
        .with_columns(in_service(asked, rules).alias(IN_SERVICE), same_day.alias(ANSWERED))
        .with_columns(pick(nw.col(IN_SERVICE), response).alias(RESPONSE_S))
        .with_columns(pick(over, nw.col(RESPONSE_S)).alias(RESPONSE_BEFORE_S))
        .with_columns(
            asked.alias(ASKED_MS), _first=nw.col(TURN_NO).min().over(Talk.CONVERSATION_ID)
        )
    )


def service_counts(messages: Frame, rules: ConversationRules) -> Frame:
    """Return messages, turns, rounds and response times of each conversation.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        Of `csinsight.features.conversations.messages_of`.
    rules : ConversationRules

    Returns
    -------
    narwhals.LazyFrame
        A row for each conversation with a buyer's or a human agent's line; columns of
        `csinsight.contract.artifacts.Conversations`. ``rounds`` and what follows count rounds in
        service hours; all of it is null for conversations without times.
    """
    runs = turns(messages)
    counts = runs.group_by(Talk.CONVERSATION_ID).agg(*_volumes())
    waited = rounds(runs, rules).group_by(Talk.CONVERSATION_ID).agg(*waits(rules))
    asked, answered = nw.col(Talk.BUYER_MESSAGES_BEFORE), nw.col(Talk.AGENT_MESSAGES_BEFORE)
    spoke, known = asked > 0, nw.col(Talk.ROUNDS_BEFORE) > 0
    timed = nw.col("_timed") > 0
    per_round = (Talk.RESPONSE_SUM_S, Talk.ROUNDS, Talk.ROUNDS_IN_180S, Talk.ROUNDS_UNANSWERED)
    return (
        counts.join(waited, on=Talk.CONVERSATION_ID, how="left")
        .with_columns(
            pick(spoke, answered.cast(nw.Float64) / asked).alias(Talk.ANSWER_ASK_RATIO),
            pick(known, nw.col("_sum_before") / nw.col(Talk.ROUNDS_BEFORE)).alias(
                Talk.MEAN_RESPONSE_S
            ),
            pick(known, nw.col("_slow_before").cast(nw.Float64) / nw.col(Talk.ROUNDS_BEFORE)).alias(
                Talk.SLOW_REPLY_SHARE
            ),
        )
        .with_columns(
            pick(timed, nw.col(name).fill_null(0)).alias(name)
            for name in (*per_round, Talk.ROUNDS_OFF_HOURS, Talk.ROUNDS_BEFORE)
        )
        .drop("_timed", "_sum_before", "_slow_before")
    )


def in_service(moment: nw.Expr, rules: ConversationRules) -> nw.Expr:
    """Tell whether a moment, in milliseconds, lies in service hours."""
    hour = (moment // HOUR_MS) % 24
    start, end = rules.service_start_hour, rules.service_end_hour
    if start <= end:
        return (hour >= start) & (hour < end)
    return (hour >= start) | (hour < end)


def _volumes() -> tuple[nw.Expr, ...]:
    buyer, agent = nw.col(Msg.SENDER) == "buyer", nw.col(Msg.SENDER) == "agent"
    return (
        pick(buyer, nw.col(MESSAGES)).sum().alias(Talk.BUYER_MESSAGES),
        pick(agent, nw.col(MESSAGES)).sum().alias(Talk.AGENT_MESSAGES),
        count_if(agent).alias(Talk.AGENT_TURNS),
        pick(buyer, nw.col(_BEFORE)).sum().alias(Talk.BUYER_MESSAGES_BEFORE),
        pick(agent, nw.col(_BEFORE)).sum().alias(Talk.AGENT_MESSAGES_BEFORE),
        count_if(agent & (nw.col(_BEFORE) > 0)).alias(Talk.AGENT_TURNS_BEFORE),
        nw.col(_AT).count().cast(nw.Int64).alias("_timed"),
    )


def waits(rules: ConversationRules) -> tuple[nw.Expr, ...]:
    """Return the aggregates of `rounds`: counts and times, whole and before the outcome."""
    whole, before = nw.col(RESPONSE_S), nw.col(RESPONSE_BEFORE_S)
    timed, first = nw.col(IN_SERVICE), nw.col(TURN_NO) == nw.col("_first")
    return (
        whole.sum().alias(Talk.RESPONSE_SUM_S),
        count_if(timed).alias(Talk.ROUNDS),
        count_if(nw.col(ANSWERED) & (whole <= THREE_MINUTES_S)).alias(Talk.ROUNDS_IN_180S),
        count_if(timed & ~nw.col(ANSWERED)).alias(Talk.ROUNDS_UNANSWERED),
        count_if(~timed).alias(Talk.ROUNDS_OFF_HOURS),
        pick(first, whole).min().alias(Talk.FIRST_RESPONSE_TALK_S),
        count_if(~before.is_null()).alias(Talk.ROUNDS_BEFORE),
        pick(first, before).min().alias(Talk.FIRST_RESPONSE_S),
        before.sum().alias("_sum_before"),
        count_if(before > rules.slow_s).alias("_slow_before"),
    )
