"""Who served a conversation, how busy they were, and how the buyer rated them."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.tables import Messages as Msg
from csinsight.contract.tables import Ratings
from csinsight.engine import Shop, ms
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    ENDED_MS,
    FIRST_BUYER_MS,
    POSITION,
    STARTED_MS,
    Frame,
    count_if,
    no_value,
    pick,
)
from csinsight.features.rules import ConversationRules, hours_ms, moment_ms

#: More than any conversation has messages: (count, place of the last) as one number.
_WIDE = 2**31


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
    """
    before = nw.col(BEFORE_OUTCOME)
    last_before = pick(before, nw.col(POSITION)).max().fill_null(0)
    replies = (
        messages.filter(nw.col(Msg.SENDER) == "agent", ~nw.col(Msg.AGENT_ID).is_null())
        .group_by(Talk.CONVERSATION_ID, Msg.AGENT_ID)
        .agg(
            (count_if(before) * _WIDE + last_before).alias("_before"),
            (nw.len().cast(nw.Int64) * _WIDE + nw.col(POSITION).max()).alias("_all"),
        )
    )
    best = {name: nw.col(name).max().over(Talk.CONVERSATION_ID) for name in ("_before", "_all")}
    served = nw.when(best["_before"] > 0).then(nw.col("_before") == best["_before"])
    return (
        replies.with_columns(_chosen=served.otherwise(nw.col("_all") == best["_all"]))
        .filter(nw.col("_chosen"))
        .select(Talk.CONVERSATION_ID, nw.col(Msg.AGENT_ID).alias(Talk.AGENT_ID))
    )


def open_talks(talks: Frame) -> Frame:
    """Count the agent's other conversations open at the buyer's first message.

    Open are those that started before and ended after that moment. Starts and ends are counted
    along each agent's time line, without comparing conversations pair by pair.

    Parameters
    ----------
    talks : narwhals.LazyFrame
        A row a conversation: ``conversation_id``, ``agent_id``, ``started_at_ms``,
        ``ended_at_ms``, ``first_buyer_at_ms``.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``open_talks``; no row where the agent or a time is unknown.
    """
    talks = talks.filter(~nw.col(Talk.AGENT_ID).is_null(), ~nw.col(FIRST_BUYER_MS).is_null())
    start, end, asked = nw.col(STARTED_MS), nw.col(ENDED_MS), nw.col(FIRST_BUYER_MS)
    # At one moment: ends come first, then the questions, then starts; the end of a conversation
    # of a single moment has to come after its own start.
    end_rank = nw.when(start < end).then(nw.lit(0)).otherwise(nw.lit(3))
    own = nw.when((start < asked) & (end > asked)).then(nw.lit(1)).otherwise(nw.lit(0))
    line = nw.concat(
        [
            _events(talks, end, end_rank, -1, nw.lit(0)),
            _events(talks, asked, nw.lit(1), 0, own),
            _events(talks, start, nw.lit(2), 1, nw.lit(0)),
        ]
    )
    count = nw.col("_step").cum_sum().over(Talk.AGENT_ID, order_by=("_at", "_rank"))
    return (
        line.with_columns(_open=count)
        .filter(nw.col("_rank") == 1)
        .select(Talk.CONVERSATION_ID, (nw.col("_open") - nw.col("_own")).alias(Talk.OPEN_TALKS))
    )


def _events(talks: Frame, at: nw.Expr, rank: nw.Expr, step: int, own: nw.Expr) -> Frame:
    return talks.select(
        Talk.CONVERSATION_ID,
        Talk.AGENT_ID,
        at.alias("_at"),
        rank.cast(nw.Int64).alias("_rank"),
        nw.lit(step).cast(nw.Int64).alias("_step"),
        own.cast(nw.Int64).alias("_own"),
    )


def satisfaction(shop: Shop, talks: Frame, as_of: datetime, rules: ConversationRules) -> Frame:
    """Give each conversation the score that its buyer gave its agent for it.

    A rating belongs to the latest conversation of that buyer with that agent that had begun and
    had ended no more than ``rating_hours`` before; of several, the mean.

    Parameters
    ----------
    shop : Shop
        Where ``ratings`` are absent, nothing is known.
    talks : narwhals.LazyFrame
        As for `open_talks`, with ``buyer_id``; a row for each agent of a conversation will do.
    as_of : datetime
        Ratings given at this moment or later are not used.
    rules : ConversationRules

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``agent_id``, ``satisfaction`` (1 to 5).
    """
    if not shop.has("ratings"):
        unknown = no_value(nw.Float64).alias(Talk.SATISFACTION)
        return talks.select(Talk.CONVERSATION_ID, Talk.AGENT_ID, unknown)
    rated = nw.col(ms(Ratings.RATED_AT))
    ratings = shop["ratings"].filter(rated < moment_ms(as_of))
    late = rated - nw.col(ENDED_MS)
    pairs = talks.select(
        Talk.CONVERSATION_ID, Talk.BUYER_ID, Talk.AGENT_ID, STARTED_MS, ENDED_MS
    ).join(ratings, on=[Talk.BUYER_ID, Talk.AGENT_ID], how="inner")
    pairs = pairs.filter(nw.col(STARTED_MS) <= rated, late <= hours_ms(rules.rating_hours))
    latest = nw.col(STARTED_MS).max().over(Talk.BUYER_ID, Talk.AGENT_ID, ms(Ratings.RATED_AT))
    return (
        pairs.with_columns(_latest=latest)
        .filter(nw.col(STARTED_MS) == nw.col("_latest"))
        .group_by(Talk.CONVERSATION_ID, Talk.AGENT_ID)
        .agg(nw.col(Ratings.SCORE).cast(nw.Float64).mean().alias(Talk.SATISFACTION))
    )
