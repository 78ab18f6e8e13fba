"""Conversations: cutting messages, who served, what came of it, and how fast.

A conversation is one buyer's run of messages without a gap of ``gap_hours`` or more; a given
``conversation_id`` is kept. The order of messages is their time, then their running number, so
that equal times (exports often have whole seconds) give the same answer on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl

from csinsight.contract.artifacts import Conversations
from csinsight.contract.domain import TIMINGS
from csinsight.contract.schema import Messages as Msg
from csinsight.engine import ms
from csinsight.engine.frames import beside, coded, hold, keep
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    COUNTED_MS,
    ENDED_MS,
    FIRST_BUYER_MS,
    OUTCOME_MS,
    POSITION,
    SENT_MS,
    STARTED_MS,
    TURN_NO,
    Columns,
    ConversationRules,
    Frame,
    hours_ms,
    moment_ms,
    pick,
)
from csinsight.features.outcomes import mature, outcomes, satisfaction
from csinsight.features.rounds import open_talks, service_counts, serving_agents
from csinsight.features.visits import pages_before
from csinsight.params import add_months

if TYPE_CHECKING:
    import pandas as pd

    from csinsight.engine import Shop

_C = Conversations

_ORDER = (SENT_MS, Msg.MESSAGE_NO)
#: Texts that many messages share.
_CODED = (Msg.CONVERSATION_ID, Msg.SENDER, Msg.AGENT_ID)

#: Counts that are 0, not null, in a conversation without buyer or agent lines.
_COUNTED = (
    _C.BUYER_MESSAGES,
    _C.AGENT_MESSAGES,
    _C.AGENT_TURNS,
    _C.BUYER_MESSAGES_BEFORE,
    _C.AGENT_MESSAGES_BEFORE,
    _C.AGENT_TURNS_BEFORE,
)
#: Counts of rounds: null in conversations without times.
_ROUNDS = (
    _C.ROUNDS,
    Conversations.ROUNDS_IN_180S,
    _C.ROUNDS_UNANSWERED,
    _C.ROUNDS_OFF_HOURS,
    _C.ROUNDS_BEFORE,
)
_COLUMNS = Columns(
    texts=(
        _C.CONVERSATION_ID,
        _C.BUYER_ID,
        _C.AGENT_ID,
        _C.ORDER_ID,
    ),
    times=(
        _C.STARTED_AT,
        _C.ENDED_AT,
        _C.FIRST_BUYER_AT,
        _C.COUNTED_AT,
        _C.OUTCOME_AT,
        _C.FIRST_PAID_AT,
        _C.PLACED_AT,
        _C.PAID_AT,
    ),
    booleans=(
        _C.OPENED_BY_BUYER,
        _C.ORDERED,
        _C.PAID,
        _C.MATURE,
        _C.CART_BEFORE,
    ),
    integers=(
        *_COUNTED,
        *_ROUNDS,
        _C.EARLIER_ORDERS,
        _C.OPEN_TALKS,
        _C.PAGES_BEFORE,
        _C.PAGES_LOOK_BACK,
    ),
    floats=(
        _C.NET_AMOUNT,
        _C.SATISFACTION,
        _C.RESPONSE_SUM_S,
        _C.FIRST_RESPONSE_TALK_S,
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
        The same rows; ``conversation_id`` kept where given. A run of messages of which some carry
        an id is theirs too: a message without one takes the id before it in the run, or the first
        after it. Else it is the buyer's id, ``#`` and the first message's time in milliseconds:
        it depends on nothing later, so that a conversation over the end of a month keeps its id.
        Messages without a time and without an id (a fault by the contract) keep null.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> lines = pl.LazyFrame(
    ...     {
    ...         "buyer_id": ["b1", "b1"],
    ...         "conversation_id": pl.Series([None, None], dtype=pl.String),
    ...         "sent_at_ms": [0, 90_000_000],
    ...         "message_no": [1, 2],
    ...     }
    ... )
    >>> sorted(nw.from_native(lines).pipe(cut, gap_hours=24).collect()["conversation_id"])
    ['b1#0', 'b1#90000000']
    """
    given, sent = nw.col(Msg.CONVERSATION_ID), nw.col(SENT_MS)
    begins = nw.col("_previous").is_null() | (sent - nw.col("_previous") >= hours_ms(gap_hours))
    made = nw.concat_str([nw.col(Msg.BUYER_ID), nw.col("_start").cast(nw.String)], separator="#")
    whose, run = Msg.BUYER_ID, (Msg.BUYER_ID, "_start")
    return (
        messages.with_columns(_previous=sent.shift(1).over(whose, order_by=_ORDER))
        .with_columns(_start=pick(begins, sent))
        .with_columns(
            _start=nw.col("_start").fill_null(strategy="forward").over(whose, order_by=_ORDER)
        )
        .with_columns(_id=given.fill_null(strategy="forward").over(*run, order_by=_ORDER))
        .with_columns(_id=nw.col("_id").fill_null(strategy="backward").over(*run, order_by=_ORDER))
        .with_columns(
            nw.coalesce(given, pick(~sent.is_null(), nw.coalesce(nw.col("_id"), made))).alias(
                Msg.CONVERSATION_ID
            )
        )
        .drop("_previous", "_start", "_id")
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

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> lines = pl.LazyFrame(
    ...     {
    ...         "conversation_id": ["c"] * 4,
    ...         "sender": ["buyer", "bot", "agent", "agent"],
    ...         "sent_at_ms": [1, 2, 3, 4],
    ...         "message_no": [1, 2, 3, 4],
    ...     }
    ... )
    >>> turns = nw.from_native(lines).pipe(with_turns).collect().sort("message_no")
    >>> turns["turn_no"].to_list()
    [1, None, 2, 2]
    """
    turns = (Msg.CONVERSATION_ID, "_has_side")
    changes = nw.col("_before").is_null() | (nw.col("_before") != nw.col(Msg.SENDER))
    return (
        messages.with_columns(_has_side=nw.col(Msg.SENDER).is_in(["buyer", "agent"]))
        .with_columns(
            nw.col(Msg.MESSAGE_NO)
            .cum_count()
            .over(Msg.CONVERSATION_ID, order_by=_ORDER)
            .cast(nw.Int32)
            .alias(POSITION),
            _before=nw.col(Msg.SENDER).shift(1).over(*turns, order_by=_ORDER),
        )
        .with_columns(_begins=changes.cast(nw.Int32))
        .with_columns(_turn=nw.col("_begins").cum_sum().over(*turns, order_by=_ORDER))
        .with_columns(pick(nw.col("_has_side"), nw.col("_turn").cast(nw.Int32)).alias(TURN_NO))
        .drop("_has_side", "_before", "_begins", "_turn")
    )


def messages_of(shop: Shop, as_of: datetime, rules: ConversationRules, *, months: int) -> Frame:
    """Return the messages of the conversations that the last `months` months count.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    as_of : datetime
        Only what happened before this moment is used.
    rules : ConversationRules
    months : int
        How many months before `as_of`, by ``counted_at``; those without times are always in.

    Returns
    -------
    narwhals.LazyFrame
        The contract's columns with ``conversation_id``, ``turn_no``, ``position``,
        ``before_outcome`` (the message is not later than the first order placed in the
        conversion window; true throughout where there was none) and ``outcome_at_ms``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> lines = messages_of(sample_shop(), context.as_of, context.rules, months=1)
    >>> lines.collect()["position"].min()
    1
    """
    messages = _numbered(shop, as_of, rules)
    conversations = _within(_times(messages, rules), as_of, months)
    return _flagged(messages, outcomes(shop, conversations, as_of, rules))


@dataclass(frozen=True)
class CutMessages:
    """A shop's messages, cut into conversations and numbered once for all that is made of them.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        Only what happened before this moment is in it.
    rules : ConversationRules
    messages : narwhals.LazyFrame
        As of `messages_of`, of all months and without their text.
    conversations : narwhals.LazyFrame
        As of `conversation_times`.
    outcomes : narwhals.LazyFrame
        As of `csinsight.features.outcomes.outcomes`.
    """

    shop: Shop
    as_of: datetime
    rules: ConversationRules
    messages: Frame
    conversations: Frame
    outcomes: Frame

    def of_months(self, months: int) -> Frame:
        """Return the messages of the conversations that the last months count, without text."""
        inside = _within(self.conversations, self.as_of, months).select(_C.CONVERSATION_ID)
        return self.messages.join(inside, on=_C.CONVERSATION_ID, how="inner")

    def counted_of_month(self) -> Frame:
        """Return the messages of the conversations of the last month, without those still open.

        Who waits for a first reply at the month's end counts next month, in every figure.
        """
        counted = nw.col(COUNTED_MS)
        known = self.conversations.filter(counted.is_null() | (counted < moment_ms(self.as_of)))
        names = known.select(_C.CONVERSATION_ID)
        return self.of_months(1).join(names, on=_C.CONVERSATION_ID, how="inner")

    def with_text(self, months: int) -> Frame:
        """Return the messages of the conversations that the last months count, with their text."""
        texts = self.shop["messages"].select(Msg.MESSAGE_NO, Msg.TEXT)
        return self.of_months(months).join(texts, on=Msg.MESSAGE_NO, how="left")


def cut_messages(shop: Shop, as_of: datetime, rules: ConversationRules) -> CutMessages:
    """Cut a shop's messages into conversations and hold them.

    Parameters
    ----------
    shop : Shop
        With ``messages``; ``orders`` where there.
    as_of : datetime
    rules : ConversationRules

    Returns
    -------
    CutMessages

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> held.of_months(1).collect().shape[0] > 0
    True
    """
    lines = _cut(shop, as_of, rules).drop(Msg.TEXT, Msg.SENT_AT)
    messages = hold(with_turns(coded(lines, *_CODED)))
    times = hold(_times(messages, rules))
    results = hold(outcomes(shop, times, as_of, rules))
    flagged = hold(_flagged(messages, results))
    return CutMessages(shop, as_of, rules, flagged, times, results)


def conversation_features(
    shop: Shop,
    as_of: datetime,
    rules: ConversationRules,
    *,
    months: int,
    cut: CutMessages | None = None,
) -> pd.DataFrame:
    """Return a row for each conversation that the last `months` months count.

    Parameters
    ----------
    shop : Shop
        With ``messages``; ``orders`` and ``ratings`` where there.
    as_of : datetime
        Only what happened before this moment is used.
    rules : ConversationRules
    months : int
        How many months before `as_of`, by ``counted_at``; those without times are always in.
    cut : CutMessages or None
        Of the same shop, moment and rules where it is at hand; None: messages are cut here.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Conversations` except what words show, sorted
        by start and id. ``ordered`` and ``paid`` are null where the shop can't tell (no orders,
        no buyer ids, no times; for ``paid`` also no payment times); times and timings are null
        for conversations without times.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> table = conversation_features(sample_shop(), context.as_of, context.rules, months=1)
    >>> table["conversation_id"].is_unique
    True
    """
    cut = cut or cut_messages(shop, as_of, rules)
    agents = serving_agents(cut.messages)
    conversations = hold(cut.conversations.join(agents, on=_C.CONVERSATION_ID, how="left"))
    parts = (
        cut.outcomes.with_columns(mature(shop, as_of, rules)),
        service_counts(cut.messages, rules),
        open_talks(conversations),
        pages_before(shop, conversations, rules),
        _rated(cut, agents),
    )
    table = _within(conversations, as_of, months)
    for part in parts:
        table = table.join(part, on=_C.CONVERSATION_ID, how="left")
    # Collect with fixed types, times under the contract's names, in a fixed order.
    frame = _COLUMNS.gather(table.rename({ms(name): name for name in _COLUMNS.times}))
    frame[list(_COUNTED)] = frame[list(_COUNTED)].fillna(0)
    timed = frame[_C.STARTED_AT].notna()
    for name in (_C.RESPONSE_SUM_S, *_ROUNDS):
        frame[name] = frame[name].fillna(0).where(timed)
    return frame.sort_values([_C.STARTED_AT, _C.CONVERSATION_ID], ignore_index=True)


def _rated(cut: CutMessages, agents: Frame) -> Frame:
    """Return each conversation's score: its agent's, else the mean of its other agents'.

    A buyer who was handed over rates the colleague, who may not be the conversation's agent.
    """
    keys = [_C.CONVERSATION_ID, _C.AGENT_ID]
    spoke = cut.messages.filter(nw.col(Msg.SENDER) == "agent", ~nw.col(Msg.AGENT_ID).is_null())
    wrote = spoke.group_by(*keys).agg(nw.len().alias("_lines")).drop("_lines")
    served = cut.conversations.join(wrote, on=_C.CONVERSATION_ID, how="inner")
    score, own = nw.col(_C.SATISFACTION), nw.col("_own")
    return (
        satisfaction(cut.shop, served, cut.as_of, cut.rules)
        .join(agents.select(*keys, nw.lit(1).alias("_own")), on=keys, how="left")
        .group_by(_C.CONVERSATION_ID)
        .agg(pick(own == 1, score).mean().alias("_agents"), score.mean().alias("_any"))
        .with_columns(nw.coalesce("_agents", "_any").alias(_C.SATISFACTION))
        .drop("_agents", "_any")
    )


def conversation_times(shop: Shop, as_of: datetime, rules: ConversationRules) -> Frame:
    """Return ``conversation_id``, ``buyer_id`` and the times of all conversations before `as_of`.

    Returns
    -------
    narwhals.LazyFrame
        With ``started_at_ms``, ``ended_at_ms``, ``first_buyer_at_ms`` and ``counted_at_ms``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> times = conversation_times(sample_shop(), context.as_of, context.rules).collect()
    >>> bool((times["started_at_ms"] <= times["ended_at_ms"]).all())
    True
    """
    return _times(_numbered(shop, as_of, rules), rules)


def _numbered(shop: Shop, as_of: datetime, rules: ConversationRules) -> Frame:
    """Return the messages before `as_of`, cut into conversations and numbered."""
    return keep(with_turns(_cut(shop, as_of, rules)))


def _cut(shop: Shop, as_of: datetime, rules: ConversationRules) -> Frame:
    known = nw.col(SENT_MS).is_null() | (nw.col(SENT_MS) < moment_ms(as_of))
    return cut(shop["messages"].filter(known), rules.gap_hours)


def _times(messages: Frame, rules: ConversationRules) -> Frame:
    """Return a row for each conversation of numbered messages: its buyer and times."""
    buyer, agent = nw.col(Msg.SENDER) == "buyer", nw.col(Msg.SENDER) == "agent"
    first = nw.col("_first_buyer") < nw.col("_first_agent")
    conversations = messages.group_by(Msg.CONVERSATION_ID).agg(
        nw.col(Msg.BUYER_ID).min().alias(_C.BUYER_ID),
        nw.col(SENT_MS).min().alias(STARTED_MS),
        nw.col(SENT_MS).max().alias(ENDED_MS),
        pick(buyer, nw.col(SENT_MS)).min().alias(FIRST_BUYER_MS),
        pick(buyer, nw.col(POSITION)).min().alias("_first_buyer"),
        pick(agent, nw.col(POSITION)).min().alias("_first_agent"),
        pick(agent, nw.col(SENT_MS)).min().alias("_replied"),
    )
    opened = ~nw.col("_first_buyer").is_null() & (nw.col("_first_agent").is_null() | first)
    over = nw.col(ENDED_MS) + hours_ms(rules.gap_hours)
    conversations = conversations.with_columns(
        opened.alias(_C.OPENED_BY_BUYER),
        nw.coalesce(nw.col("_replied"), over).alias(COUNTED_MS),
    )
    return keep(conversations.drop("_first_buyer", "_first_agent", "_replied"))


def _within(conversations: Frame, as_of: datetime, months: int) -> Frame:
    counted = nw.col(COUNTED_MS)
    return conversations.filter(
        counted.is_null() | (counted >= moment_ms(add_months(as_of, -months)))
    )


def _flagged(messages: Frame, results: Frame) -> Frame:
    """Tell of each message of the conversations in `results` whether it came before the outcome."""
    outcome = nw.col(OUTCOME_MS)
    before = outcome.is_null() | (nw.col(SENT_MS) <= outcome)
    return messages.join(
        results.select(_C.CONVERSATION_ID, OUTCOME_MS),
        on=_C.CONVERSATION_ID,
        how="inner",
    ).with_columns(before.alias(BEFORE_OUTCOME))


def lines_of(shop: Shop, conversations: pd.DataFrame, as_of: datetime) -> Frame:
    """Return the lines of some conversations, all of one shop.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    conversations : pandas.DataFrame
        Rows of the artifact ``conversations``.
    as_of : datetime
        Only lines before this moment are taken.

    Returns
    -------
    narwhals.LazyFrame
        The contract's columns with ``conversation_id``, ``turn_no`` and ``position``, held.
        A line is of the conversation of its buyer within whose start and end it falls; in a
        source without times, of the one whose id it carries.

    Examples
    --------
    >>> import pandas as pd
    >>> from csinsight.engine import Shop, collect
    >>> texts = {"buyer_id": ["b", "b"], "agent_id": [None, "a"], "sender": ["buyer", "agent"],
    ...          "text": ["在吗", "在的"], "sent_at_ms": [0, 9_000], "message_no": [1, 2],
    ...          "conversation_id": [None, None]}
    >>> ids = {"conversation_id": pl.String}
    >>> messages = nw.from_native(pl.LazyFrame(texts, schema_overrides=ids))
    >>> shop = Shop(None, "polars", {"messages": messages}, {})
    >>> said = pd.DataFrame({"conversation_id": ["c1"], "buyer_id": ["b"]})
    >>> said["started_at"], said["ended_at"] = pd.Timestamp(0), pd.Timestamp("1970-01-01 00:00:09")
    >>> found = collect(lines_of(shop, said, datetime(2026, 11, 1))).sort_values("turn_no")
    >>> found[["conversation_id", "text", "turn_no"]].values.tolist()
    [['c1', '在吗', 1], ['c1', '在的', 2]]
    """
    sent, given = nw.col(SENT_MS), Msg.CONVERSATION_ID
    names = (Msg.BUYER_ID, Msg.AGENT_ID, Msg.SENDER, Msg.TEXT, SENT_MS, Msg.MESSAGE_NO)
    lines = shop["messages"].filter(sent.is_null() | (sent < moment_ms(as_of)))
    lines = lines.select(*names, given)
    ends = (_C.STARTED_AT, _C.ENDED_AT)
    told = pl.from_pandas(conversations[[given, _C.BUYER_ID, *ends]])
    spans = beside(lines, told.with_columns(pl.col(ends).dt.epoch("ms")))
    untimed = lines.filter(sent.is_null()).join(spans.select(given), on=given, how="inner")
    timed = lines.drop(given).join(spans, on=Msg.BUYER_ID, how="inner")
    timed = timed.filter(sent >= nw.col(ends[0]), sent <= nw.col(ends[1]))
    both = nw.concat([part.select(*names, given) for part in (timed, untimed)])
    return with_turns(hold(both))
