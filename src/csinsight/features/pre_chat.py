"""What a buyer did before the first line of a conversation, which no agent can have caused."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import PageViews
from csinsight.engine import Shop, ms
from csinsight.features.frames import (
    DAY_MS,
    FIRST_BUYER_MS,
    ConversationRules,
    Frame,
    count_if,
    hours_ms,
    no_value,
)

_C = Conversations

_VIEWED: Final = ms(PageViews.VIEWED_AT)
_CART: Final = "cart"


def pages_before(shop: Shop, conversations: Frame, rules: ConversationRules) -> Frame:
    """Count the pages that each buyer saw before their first line.

    Parameters
    ----------
    shop : Shop
    conversations : narwhals.LazyFrame
        A row a conversation: ``conversation_id``, ``buyer_id`` and ``first_buyer_at_ms``.
    rules : ConversationRules
        For the pre-chat hours and the look-back.

    Returns
    -------
    narwhals.LazyFrame
        A row a conversation: ``pages_before`` and ``cart_before`` of the pre-chat hours, and
        ``pages_look_back``; null where the shop has no page views, where the buyer wrote nothing at
        a known time, and where no page at all is known of the buyer in the look-back: nobody asks
        in a shop that they have not seen, so their pages were not recorded.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.features.conversations import conversation_times
    >>> context = sample_context()
    >>> conversations = conversation_times(sample_shop(), context.as_of, context.rules)
    >>> pages_before(sample_shop(), conversations, context.rules).collect_schema().names()
    ['conversation_id', 'pages_before', 'cart_before', 'pages_look_back']
    """
    conversations = conversations.select(_C.CONVERSATION_ID, _C.BUYER_ID, FIRST_BUYER_MS)
    if not shop.has("page_views"):
        return conversations.select(_C.CONVERSATION_ID).with_columns(
            no_value(nw.Int64).alias(_C.PAGES_BEFORE),
            no_value(nw.Boolean).alias(_C.CART_BEFORE),
            no_value(nw.Int64).alias(_C.PAGES_LOOK_BACK),
        )
    views = shop["page_views"].select(
        nw.col(PageViews.BUYER_ID).alias(_C.BUYER_ID), _VIEWED, PageViews.PAGE_KIND
    )
    ago = nw.col(FIRST_BUYER_MS) - nw.col(_VIEWED)
    soon = ago <= hours_ms(rules.pre_chat_hours)
    seen = (
        conversations.join(views, on=_C.BUYER_ID, how="inner")
        .filter((ago > 0) & (ago <= rules.look_back_days * DAY_MS))
        .group_by(_C.CONVERSATION_ID)
        .agg(
            count_if(soon).alias(_C.PAGES_BEFORE),
            count_if(soon & (nw.col(PageViews.PAGE_KIND) == _CART)).alias(_C.CART_BEFORE),
            nw.len().cast(nw.Int64).alias(_C.PAGES_LOOK_BACK),
        )
    )
    return (
        conversations.join(seen, on=_C.CONVERSATION_ID, how="left")
        .with_columns((nw.col(_C.CART_BEFORE) > 0).alias(_C.CART_BEFORE))
        .drop(_C.BUYER_ID, FIRST_BUYER_MS)
    )
