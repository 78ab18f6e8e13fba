"""Turns and rounds: how much each side wrote, and how long buyers waited.

A round runs from the first buyer message of a run to the first human reply (automatic replies
are not valid). It counts at most ``round_cap_s``, and that much when no human replied on the same
day (a shop that serves through midnight has its day begin where its service ends); rounds that
begin outside service hours are counted but not timed. These are conventions of the field, kept in
`ConversationRules`.

Who served a conversation, and how busy they were.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import Messages as Msg
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    DAY_MS,
    ENDED_MS,
    FIRST_BUYER_MS,
    HOUR_MS,
    OUTCOME_MS,
    POSITION,
    SECOND_MS,
    SENT_MS,
    STARTED_MS,
    TURN_NO,
    ConversationRules,
    Frame,
    count_if,
    pick,
)

_C = Conversations

#: Columns of `rounds`.
ASKED_MS, REPLIED_MS = "asked_at_ms", "replied_at_ms"
IN_SERVICE, ANSWERED, RESPONSE_S = "in_service", "answered", "response_s"
#: The same round seen from the outcome: null response where it was still open.
RESPONSE_BEFORE_S = "response_before_s"

#: The field's 3-minute rate (3分钟回复率) is of three minutes, whatever a profile calls slow.
THREE_MINUTES_S = 180
#: Columns of `handovers`.
ROBOT_MS, AGAIN_MS = "robot_at_ms", "again_at_ms"
_AT = "at_ms"
#: Of conversations and of agents' parts in them: how many rounds, how many of a kind.
ROUND_COUNTS = (_C.ROUNDS, _C.ROUNDS_IN_180S, _C.ROUNDS_UNANSWERED, _C.ROUNDS_OFF_HOURS)
MESSAGES, MESSAGES_BEFORE = "messages", "messages_before"


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

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> sorted(set(turns(held.of_months(1)).collect()["sender"]))
    ['agent', 'buyer']
    """
    return (
        messages.filter(~nw.col(TURN_NO).is_null())
        .group_by(_C.CONVERSATION_ID, TURN_NO)
        .agg(
            nw.col(Msg.SENDER).min(),
            nw.col(SENT_MS).min().alias(_AT),
            nw.len().cast(nw.Int64).alias(MESSAGES),
            count_if(nw.col(BEFORE_OUTCOME)).alias(MESSAGES_BEFORE),
            nw.col(OUTCOME_MS).min(),
        )
        .with_columns(
            nw.col(_AT).shift(-1).over(_C.CONVERSATION_ID, order_by=TURN_NO).alias(REPLIED_MS)
        )
    )


def handovers(messages: Frame) -> Frame:
    """Find the buyers' turns in which a robot wrote before a person did.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        Of `csinsight.features.conversations.messages_of`.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``turn_no`` of the buyer's turn, ``robot_at_ms`` (its last line before
        a person's) and ``again_at_ms``: the buyer's first message after it, null where the buyer
        was content or was handed over without another word.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> lines = pl.LazyFrame(
    ...     {
    ...         "conversation_id": ["c"] * 4,
    ...         "sender": ["buyer", "bot", "buyer", "agent"],
    ...         "turn_no": [1, None, 1, 2],
    ...         "position": [1, 2, 3, 4],
    ...         "sent_at_ms": [0, 2_000, 240_000, 255_000],
    ...     }
    ... )
    >>> handovers(nw.from_native(lines)).collect().rows()
    [('c', 1, 2000, 240000)]
    """
    conversation, place, turn = _C.CONVERSATION_ID, nw.col(POSITION), nw.col(TURN_NO)
    lines = messages.select(conversation, Msg.SENDER, TURN_NO, POSITION, SENT_MS).with_columns(
        turn.fill_null(strategy="forward").over(conversation, order_by=POSITION).alias(TURN_NO)
    )
    robots = (
        lines.filter(nw.col(Msg.SENDER) == "bot", ~turn.is_null())
        .group_by(conversation, TURN_NO)
        .agg(nw.col(SENT_MS).max().alias(ROBOT_MS), place.max().alias("_robot_place"))
    )
    asked = lines.filter(nw.col(Msg.SENDER) == "buyer").join(robots, on=[conversation, TURN_NO])
    again = pick(place > nw.col("_robot_place"), nw.col(SENT_MS)).min().alias(AGAIN_MS)
    return asked.group_by(conversation, TURN_NO).agg(nw.col(ROBOT_MS).min(), again)


def rounds(runs: Frame, rules: ConversationRules, robots: Frame | None = None) -> Frame:
    """Return a row for each round: a buyer's run of messages and the first human reply.

    Parameters
    ----------
    runs : narwhals.LazyFrame
        Of `turns`.
    rules : ConversationRules
    robots : narwhals.LazyFrame or None
        Of `handovers`. Where the rules count from the hand-over, a round in which a robot wrote
        begins there, and one that the robot answered alone is no person's.

    Returns
    -------
    narwhals.LazyFrame
        The buyers' turns with ``asked_at_ms``, ``in_service`` (began in service hours),
        ``answered`` (on the same day), ``response_s`` (capped, the cap where unanswered, null out
        of service hours and without times) and ``response_before_s``: what was known of it at the
        outcome. A round that the outcome cut off before the cap has null there: how long it would
        have taken is not known without looking past the outcome.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> waited = rounds(turns(held.of_months(1)), context.rules).collect()
    >>> bool((waited["response_s"].drop_nulls() <= context.rules.round_cap_s).all())
    True
    """
    runs = runs.filter(nw.col(Msg.SENDER) == "buyer")
    if robots is not None and rules.response_from == "hand_over":
        runs = _from_handover(runs, robots, rules)
    asked, replied = nw.col(_AT), nw.col(REPLIED_MS)
    same_day = ~replied.is_null() & (_day(replied, rules) == _day(asked, rules))
    response = capped((replied - asked) / SECOND_MS, same_day, rules)
    outcome = nw.col(OUTCOME_MS)
    over = (
        outcome.is_null()
        | (replied <= outcome)
        | ((outcome - asked) / SECOND_MS >= rules.round_cap_s)
    ).fill_null(value=False)
    return (
        runs.with_columns(in_service(asked, rules).alias(IN_SERVICE), same_day.alias(ANSWERED))
        .with_columns(pick(nw.col(IN_SERVICE), response).alias(RESPONSE_S))
        .with_columns(pick(over, nw.col(RESPONSE_S)).alias(RESPONSE_BEFORE_S))
        .with_columns(asked.alias(ASKED_MS), _first=nw.col(TURN_NO).min().over(_C.CONVERSATION_ID))
    )


def capped(waited_s: nw.Expr, answered: nw.Expr, rules: ConversationRules) -> nw.Expr:
    """Return a wait as it counts: at most the cap, and that much where nobody answered.

    Examples
    --------
    >>> from csinsight.sample import sample_context
    >>> import polars as pl
    >>> rows = pl.DataFrame({"waited": [20.0, 9e9, 20.0], "answered": [True, True, False]})
    >>> waited, answered = nw.col("waited"), nw.col("answered")
    >>> counted = capped(waited, answered, sample_context().rules)
    >>> nw.from_native(rows).select(counted)["waited"].to_list()
    [20.0, 600.0, 600.0]
    """
    cap = nw.lit(float(rules.round_cap_s))
    return nw.when(answered & (waited_s < cap)).then(waited_s).otherwise(cap)


def in_time(response_s: Any, limit_s: float, cap_s: float) -> Any:
    """Tell which capped responses, a column of a plan or an array, came within a limit.

    One at the cap is late whatever the limit: it may be a round that nobody answered.

    Examples
    --------
    >>> import numpy as np
    >>> in_time(np.array([20.0, 180.0, 600.0]), THREE_MINUTES_S, cap_s=600).tolist()
    [True, True, False]
    """
    return (response_s <= limit_s) & (response_s < cap_s)


def _day(moment: nw.Expr, rules: ConversationRules) -> nw.Expr:
    """Return the day of a moment; a night shift's lasts until its service ends."""
    overnight = rules.service_start_hour > rules.service_end_hour
    return (moment - (rules.service_end_hour * HOUR_MS if overnight else 0)) // DAY_MS


def _from_handover(runs: Frame, robots: Frame, rules: ConversationRules) -> Frame:
    """Let rounds with a robot begin at the hand-over; leave out those that it answered alone."""
    replied, robot, again = nw.col(REPLIED_MS), nw.col(ROBOT_MS), nw.col(AGAIN_MS)
    person = ~replied.is_null() & (_day(replied, rules) == _day(robot, rules))
    return (
        runs.join(robots, on=[_C.CONVERSATION_ID, TURN_NO], how="left")
        .filter(robot.is_null() | ~again.is_null() | person)
        .with_columns(nw.coalesce(again, robot, nw.col(_AT)).alias(_AT))
        .drop(ROBOT_MS, AGAIN_MS)
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

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> counts = service_counts(held.of_months(1), context.rules).collect()
    >>> int((counts["rounds_in_180s"] > counts["rounds"]).sum())
    0
    """
    runs = turns(messages)
    counts = runs.group_by(_C.CONVERSATION_ID).agg(*_volumes())
    waited = (
        rounds(runs, rules, handovers(messages)).group_by(_C.CONVERSATION_ID).agg(*waits(rules))
    )
    timed = nw.col("_timed") > 0
    return (
        counts.join(waited, on=_C.CONVERSATION_ID, how="left")
        .with_columns(service_before())
        .with_columns(
            pick(timed, nw.col(name).fill_null(0)).alias(name)
            for name in (_C.RESPONSE_SUM_S, *ROUND_COUNTS, _C.ROUNDS_BEFORE)
        )
        .drop("_timed", "_sum_before", "_slow_before")
    )


def in_service(moment: nw.Expr, rules: ConversationRules) -> nw.Expr:
    """Tell whether a moment, in milliseconds, lies in service hours.

    Examples
    --------
    >>> from csinsight.sample import sample_context
    >>> import narwhals as nw
    >>> import polars as pl
    >>> context = sample_context()
    >>> rows = nw.from_native(pl.DataFrame({"at": [0, 12 * 3_600_000]}))
    >>> rows.select(in_service(nw.col("at"), context.rules))["at"].to_list()
    [False, True]
    """
    hour = (moment // HOUR_MS) % 24
    start, end = rules.service_start_hour, rules.service_end_hour
    if start <= end:
        return (hour >= start) & (hour < end)
    return (hour >= start) | (hour < end)


def _volumes() -> tuple[nw.Expr, ...]:
    buyer, agent = nw.col(Msg.SENDER) == "buyer", nw.col(Msg.SENDER) == "agent"
    return (
        pick(buyer, nw.col(MESSAGES)).sum().alias(_C.BUYER_MESSAGES),
        pick(agent, nw.col(MESSAGES)).sum().alias(_C.AGENT_MESSAGES),
        count_if(agent).alias(_C.AGENT_TURNS),
        pick(buyer, nw.col(MESSAGES_BEFORE)).sum().alias(_C.BUYER_MESSAGES_BEFORE),
        pick(agent, nw.col(MESSAGES_BEFORE)).sum().alias(_C.AGENT_MESSAGES_BEFORE),
        count_if(agent & (nw.col(MESSAGES_BEFORE) > 0)).alias(_C.AGENT_TURNS_BEFORE),
        nw.col(_AT).count().cast(nw.Int64).alias("_timed"),
    )


def waits(rules: ConversationRules) -> tuple[nw.Expr, ...]:
    """Return the aggregates of `rounds`: counts and times, whole and before the outcome.

    Examples
    --------
    >>> from csinsight.sample import sample_context
    >>> context = sample_context()
    >>> len(waits(context.rules)) > 5
    True
    """
    whole, before = nw.col(RESPONSE_S), nw.col(RESPONSE_BEFORE_S)
    timed, first = nw.col(IN_SERVICE), nw.col(TURN_NO) == nw.col("_first")
    return (
        whole.sum().alias(_C.RESPONSE_SUM_S),
        count_if(timed).alias(_C.ROUNDS),
        count_if(in_time(whole, THREE_MINUTES_S, rules.round_cap_s)).alias(_C.ROUNDS_IN_180S),
        count_if(timed & ~nw.col(ANSWERED)).alias(_C.ROUNDS_UNANSWERED),
        count_if(~timed).alias(_C.ROUNDS_OFF_HOURS),
        pick(first, whole).min().alias(_C.FIRST_RESPONSE_TALK_S),
        count_if(~before.is_null()).alias(_C.ROUNDS_BEFORE),
        pick(first, before).min().alias(_C.FIRST_RESPONSE_S),
        before.sum().alias("_sum_before"),
        count_if(before > rules.slow_s).alias("_slow_before"),
    )


def service_before() -> tuple[nw.Expr, ...]:
    """Return how one was served up to the outcome, of the sums of `waits` and counts of lines.

    Examples
    --------
    >>> len(service_before())
    3
    """
    lines, asked = nw.col(_C.AGENT_MESSAGES_BEFORE), nw.col(_C.BUYER_MESSAGES_BEFORE)
    rounds, slow = nw.col(_C.ROUNDS_BEFORE), nw.col("_slow_before")
    return (
        pick(asked > 0, lines.cast(nw.Float64) / asked).alias(_C.ANSWER_ASK_RATIO),
        pick(rounds > 0, nw.col("_sum_before") / rounds).alias(_C.MEAN_RESPONSE_S),
        pick(rounds > 0, slow.cast(nw.Float64) / rounds).alias(_C.SLOW_REPLY_SHARE),
    )


#: More than any conversation has messages: (count, place of the last) as one number.
WIDE = 2**31


def serving_agents(messages: Frame) -> Frame:
    """Find the agent of each conversation.

    The agent is the one with most replies (messages) up to the outcome, of equals the last to
    reply. Where nobody had replied by the outcome, it is the one with most replies at all. Lines
    by an agent without an id make nobody the agent.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        Of `csinsight.features.conversations.messages_of`.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``agent_id``, a row for each conversation with such an agent.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> serving_agents(held.of_months(1)).collect_schema().names()
    ['conversation_id', 'agent_id']
    """
    before = nw.col(BEFORE_OUTCOME)
    last_before = pick(before, nw.col(POSITION)).max().fill_null(0)
    replies = (
        messages.filter(nw.col(Msg.SENDER) == "agent", ~nw.col(Msg.AGENT_ID).is_null())
        .group_by(_C.CONVERSATION_ID, Msg.AGENT_ID)
        .agg(
            (count_if(before) * WIDE + last_before).alias("_before"),
            (nw.len().cast(nw.Int64) * WIDE + nw.col(POSITION).max()).alias("_all"),
        )
    )
    best = {name: nw.col(name).max().over(_C.CONVERSATION_ID) for name in ("_before", "_all")}
    served = nw.when(best["_before"] > 0).then(nw.col("_before") == best["_before"])
    return (
        replies.with_columns(_chosen=served.otherwise(nw.col("_all") == best["_all"]))
        .filter(nw.col("_chosen"))
        .select(_C.CONVERSATION_ID, nw.col(Msg.AGENT_ID).alias(_C.AGENT_ID))
    )


def open_talks(conversations: Frame) -> Frame:
    """Count the agent's other conversations open at the buyer's first message.

    Open are those that started before and ended after that moment. Starts and ends are counted
    along each agent's time line, without comparing conversations pair by pair.

    Parameters
    ----------
    conversations : narwhals.LazyFrame
        A row a conversation: ``conversation_id``, ``agent_id``, ``started_at_ms``,
        ``ended_at_ms``, ``first_buyer_at_ms``.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``open_talks``; no row where the agent or a time is unknown.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> served = held.conversations.join(serving_agents(held.messages), on="conversation_id")
    >>> open_talks(served).collect()["open_talks"].min()
    0
    """
    conversations = conversations.filter(
        ~nw.col(_C.AGENT_ID).is_null(), ~nw.col(FIRST_BUYER_MS).is_null()
    )
    start, end, asked = nw.col(STARTED_MS), nw.col(ENDED_MS), nw.col(FIRST_BUYER_MS)
    # At one moment: ends come first, then the questions, then starts; the end of a conversation
    # of a single moment has to come after its own start.
    end_rank = nw.when(start < end).then(nw.lit(0)).otherwise(nw.lit(3))
    own = nw.when((start < asked) & (end > asked)).then(nw.lit(1)).otherwise(nw.lit(0))
    line = nw.concat(
        [
            _events(conversations, end, end_rank, -1, nw.lit(0)),
            _events(conversations, asked, nw.lit(1), 0, own),
            _events(conversations, start, nw.lit(2), 1, nw.lit(0)),
        ]
    )
    count = nw.col("_step").cum_sum().over(_C.AGENT_ID, order_by=("_at", "_rank"))
    return (
        line.with_columns(_open=count)
        .filter(nw.col("_rank") == 1)
        .select(
            _C.CONVERSATION_ID,
            (nw.col("_open") - nw.col("_own")).alias(_C.OPEN_TALKS),
        )
    )


def _events(conversations: Frame, at: nw.Expr, rank: nw.Expr, step: int, own: nw.Expr) -> Frame:
    return conversations.select(
        _C.CONVERSATION_ID,
        _C.AGENT_ID,
        at.alias("_at"),
        rank.cast(nw.Int64).alias("_rank"),
        nw.lit(step).cast(nw.Int64).alias("_step"),
        own.cast(nw.Int64).alias("_own"),
    )
