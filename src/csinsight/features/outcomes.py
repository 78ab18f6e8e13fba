"""Orders as they stood at a moment: what both conversations and buyers are judged by.

What came of a conversation: the order that followed, its payment, whether it's known yet, and how
the buyer rated it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import narwhals as nw

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import Orders, Ratings
from csinsight.engine import collect, ms
from csinsight.engine.frames import coded
from csinsight.features.frames import (
    ENDED_MS,
    FIRST_BUYER_MS,
    OUTCOME_MS,
    SENT_MS,
    STARTED_MS,
    ConversationRules,
    Frame,
    count_if,
    hours_ms,
    moment_ms,
    no_value,
    pick,
)

if TYPE_CHECKING:
    from csinsight.engine import Shop

_C = Conversations

PLACED_MS: Final = ms(Orders.PLACED_AT)
PAID_MS: Final = ms(Orders.PAID_AT)
#: Paid amount less refund; null while unpaid and where the shop has no amounts.
NET_AMOUNT: Final = "net_amount"


def known_orders(shop: Shop, as_of: datetime) -> Frame:
    """Return the orders of known buyers as they stood at `as_of`.

    Orders placed at `as_of` or later are left out; a payment at `as_of` or later is not known
    yet, so its time is null. Refunds carry no time in the contract: they are as exported.

    Parameters
    ----------
    shop : Shop
        With ``orders``.
    as_of : datetime

    Returns
    -------
    narwhals.LazyFrame
        The columns of ``orders`` and ``net_amount``.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> orders = known_orders(sample_shop(), datetime(2026, 11, 1)).collect()
    >>> bool((orders["net_amount"].drop_nulls() >= 0).all())
    True
    """
    end = moment_ms(as_of)
    refund = nw.col(Orders.REFUND_AMOUNT).fill_null(0.0)
    paid = ~nw.col(PAID_MS).is_null()
    return (
        shop["orders"]
        .filter(~nw.col(Orders.BUYER_ID).is_null(), nw.col(PLACED_MS) < end)
        .with_columns(pick(nw.col(PAID_MS) < end, nw.col(PAID_MS)).alias(PAID_MS))
        .with_columns(pick(paid, nw.col(Orders.PAID_AMOUNT) - refund).alias(NET_AMOUNT))
    )


_LATER = "_later"
FIRST_PAID_MS = ms(_C.FIRST_PAID_AT)
#: When the buyer's latest order before their first message was placed.
LAST_ORDER_MS: Final = "last_order_ms"
_MOMENTS = (OUTCOME_MS, FIRST_PAID_MS, PLACED_MS, PAID_MS, LAST_ORDER_MS)


def outcomes(shop: Shop, conversations: Frame, as_of: datetime, rules: ConversationRules) -> Frame:
    """Find the order that each conversation led up to.

    An order counts when the same buyer placed it after the buyer's first message and within the
    conversion window. Where several do, the converting order is the earliest of those paid
    within the payment window, else the earliest: a buyer who abandons an order and pays the next
    has paid. The outcome's moment is the first placing of them all, so that nothing after an
    order is read as leading to one.

    Parameters
    ----------
    shop : Shop
    conversations : narwhals.LazyFrame
        A row a conversation: ``conversation_id``, ``buyer_id``, ``started_at_ms`` and
        ``first_buyer_at_ms``.
    as_of : datetime
    rules : ConversationRules

    Returns
    -------
    narwhals.LazyFrame
        A row a conversation: ``ordered``, ``paid``, ``order_id``, ``placed_at_ms``,
        ``paid_at_ms``, ``net_amount`` (null unless paid), ``outcome_at_ms``, ``first_paid_at_ms``,
        ``earlier_orders`` (the buyer's orders paid before the first buyer message),
        ``last_order_ms`` (when the latest one before it was placed), and the conversation's start
        and first buyer message. Null where the shop can't tell.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.features.conversations import conversation_times
    >>> context = sample_context()
    >>> conversations = conversation_times(sample_shop(), context.as_of, context.rules)
    >>> found = outcomes(sample_shop(), conversations, context.as_of, context.rules).collect()
    >>> int((found["paid"] & ~found["ordered"]).sum())
    0
    """
    conversations = conversations.select(
        _C.CONVERSATION_ID, _C.BUYER_ID, STARTED_MS, FIRST_BUYER_MS
    )
    if not shop.joined:
        return _unknown(conversations)
    pairs = conversations.join(_judged(shop, as_of, rules), on=_C.BUYER_ID, how="inner")
    earlier = pairs.group_by(_C.CONVERSATION_ID).agg(
        count_if(nw.col(PAID_MS) < nw.col(FIRST_BUYER_MS)).alias(_C.EARLIER_ORDERS),
        pick(nw.col(PLACED_MS) < nw.col(FIRST_BUYER_MS), nw.col(PLACED_MS))
        .max()
        .alias(LAST_ORDER_MS),
    )
    timed = ~nw.col(STARTED_MS).is_null()
    payments = timed & nw.lit(shop.has("orders", Orders.PAID_AT))
    ordered = ~nw.col(OUTCOME_MS).is_null()
    paid = ordered & (nw.col(_LATER).fill_null(1) == 0)
    return (
        conversations.drop(_C.BUYER_ID)
        .join(_converting(pairs, rules), on=_C.CONVERSATION_ID, how="left")
        .join(earlier, on=_C.CONVERSATION_ID, how="left")
        .with_columns(
            pick(timed, ordered).alias(_C.ORDERED),
            pick(payments, paid).alias(_C.PAID),
            pick(paid, nw.col(NET_AMOUNT)).alias(NET_AMOUNT),
            pick(payments, nw.col(_C.EARLIER_ORDERS).fill_null(0)).alias(_C.EARLIER_ORDERS),
        )
        .drop(_LATER)
    )


def mature(shop: Shop, as_of: datetime, rules: ConversationRules) -> nw.Expr:
    """Tell of a row of `outcomes` whether its outcome can be known by now, whatever it was.

    True when the conversion and the payment window, counted from the buyer's first message (from
    the start where the buyer wrote nothing), had passed when the shop was last observed: at the
    last message, order or payment before `as_of`. Null for conversations without times.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.features.conversations import conversation_times
    >>> context = sample_context()
    >>> conversations = conversation_times(sample_shop(), context.as_of, context.rules)
    >>> found = conversations.select(mature(sample_shop(), context.as_of, context.rules)).collect()
    >>> 0 < found["mature"].mean() <= 1
    True
    """
    windows = hours_ms(rules.conversion_window_hours) + hours_ms(rules.payment_window_hours)
    clock = nw.coalesce(nw.col(FIRST_BUYER_MS), nw.col(STARTED_MS))
    return (clock + windows <= observed_until_ms(shop, as_of)).alias(_C.MATURE)


def observed_until_ms(shop: Shop, as_of: datetime) -> int:
    """Return the time of the last message, order or payment before `as_of` (which it is if none).

    Only what happened before `as_of` is asked, so that a report made later says the same.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> observed_until_ms(sample_shop(), datetime(2026, 11, 1)) <= moment_ms(datetime(2026, 11, 1))
    True
    """
    import pandas as pd

    end = moment_ms(as_of)
    events = [("messages", SENT_MS), ("orders", PLACED_MS), ("orders", PAID_MS)]
    last = [
        collect(shop[table].filter(nw.col(time) < end).select(nw.col(time).max()))[time].max()
        for table, time in events
        if table in shop.tables
    ]
    return max((int(time) for time in last if pd.notna(time)), default=end)


def _unknown(conversations: Frame) -> Frame:
    return conversations.drop(_C.BUYER_ID).with_columns(
        *(no_value(nw.Int64).alias(name) for name in _MOMENTS),
        *(no_value(nw.Boolean).alias(name) for name in (_C.ORDERED, _C.PAID)),
        no_value(nw.String).alias(_C.ORDER_ID),
        no_value(nw.Float64).alias(NET_AMOUNT),
        no_value(nw.Int64).alias(_C.EARLIER_ORDERS),
    )


def _judged(shop: Shop, as_of: datetime, rules: ConversationRules) -> Frame:
    """Return known orders with whether (0) or not (1) they were paid in the payment window."""
    window = hours_ms(rules.payment_window_hours)
    in_time = nw.col(PAID_MS) - nw.col(PLACED_MS) <= window
    late = nw.when(in_time).then(nw.lit(0)).otherwise(nw.lit(1))
    return known_orders(shop, as_of).select(
        nw.col(Orders.BUYER_ID).alias(_C.BUYER_ID),
        Orders.ORDER_ID,
        PLACED_MS,
        PAID_MS,
        NET_AMOUNT,
        late.cast(nw.Int64).alias(_LATER),
    )


def _converting(pairs: Frame, rules: ConversationRules) -> Frame:
    """Return the converting order of each conversation that has one."""
    since = nw.col(PLACED_MS) - nw.col(FIRST_BUYER_MS)
    window = hours_ms(rules.conversion_window_hours)
    rank = (
        nw.col(PLACED_MS)
        .cum_count()
        .over(_C.CONVERSATION_ID, order_by=(_LATER, PLACED_MS, Orders.ORDER_ID))
    )
    return (
        pairs.filter(since > 0, since <= window)
        .with_columns(
            nw.col(PLACED_MS).min().over(_C.CONVERSATION_ID).alias(OUTCOME_MS),
            pick(nw.col(_LATER) == 0, nw.col(PAID_MS))
            .min()
            .over(_C.CONVERSATION_ID)
            .alias(FIRST_PAID_MS),
            _rank=rank,
        )
        .filter(nw.col("_rank") == 1)
        .select(
            _C.CONVERSATION_ID,
            OUTCOME_MS,
            FIRST_PAID_MS,
            Orders.ORDER_ID,
            PLACED_MS,
            PAID_MS,
            NET_AMOUNT,
            _LATER,
        )
    )


def satisfaction(
    shop: Shop, conversations: Frame, as_of: datetime, rules: ConversationRules
) -> Frame:
    """Give each conversation the score that its buyer gave its agent for it.

    A rating belongs to the latest conversation of that buyer with that agent that had begun and
    had ended no more than ``rating_hours`` before; of several, the mean.

    Parameters
    ----------
    shop : Shop
        Where ``ratings`` are absent, nothing is known.
    conversations : narwhals.LazyFrame
        With ``agent_id``, ``buyer_id`` and times; a row for each agent of a conversation will do.
    as_of : datetime
        Ratings given at this moment or later are not used.
    rules : ConversationRules

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, ``agent_id``, ``satisfaction`` (1 to 5).

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.features.rounds import serving_agents
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> held = cut_messages(sample_shop(), context.as_of, context.rules)
    >>> served = held.conversations.join(serving_agents(held.messages), on="conversation_id")
    >>> found = satisfaction(sample_shop(), served, context.as_of, context.rules).collect()
    >>> bool(found["satisfaction"].drop_nulls().is_between(1, 5).all())
    True
    """
    if not shop.has("ratings"):
        unknown = no_value(nw.Float64).alias(_C.SATISFACTION)
        return conversations.select(_C.CONVERSATION_ID, _C.AGENT_ID, unknown)
    rated = nw.col(ms(Ratings.RATED_AT))
    ratings = coded(shop["ratings"].filter(rated < moment_ms(as_of)), _C.AGENT_ID)
    late = rated - nw.col(ENDED_MS)
    keys = (_C.CONVERSATION_ID, _C.BUYER_ID, _C.AGENT_ID)
    pairs = conversations.select(*keys, STARTED_MS, ENDED_MS).join(
        ratings, on=[_C.BUYER_ID, _C.AGENT_ID], how="inner"
    )
    pairs = pairs.filter(nw.col(STARTED_MS) <= rated, late <= hours_ms(rules.rating_hours))
    latest = nw.col(STARTED_MS).max().over(_C.BUYER_ID, _C.AGENT_ID, ms(Ratings.RATED_AT))
    return (
        pairs.with_columns(_latest=latest)
        .filter(nw.col(STARTED_MS) == nw.col("_latest"))
        .group_by(_C.CONVERSATION_ID, _C.AGENT_ID)
        .agg(nw.col(Ratings.SCORE).cast(nw.Float64).mean().alias(_C.SATISFACTION))
    )
