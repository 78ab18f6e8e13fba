"""Visits: page views of one buyer without a long idle stretch, and what they tell of a buyer.

A given ``visit_id`` is kept; views without one are cut where the buyer was idle for 30 minutes or
more, the convention of web analytics and of the contract. What a buyer saw before the first line of
a conversation no agent can have caused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import narwhals as nw

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import PAGE_KINDS, PageViews
from csinsight.engine import ms
from csinsight.features.frames import (
    DAY_MS,
    FIRST_BUYER_MS,
    SECOND_MS,
    ConversationRules,
    Frame,
    count_if,
    hours_ms,
    no_value,
    pick,
)

if TYPE_CHECKING:
    from csinsight.engine import Shop

#: Idle time that ends a visit, and the longest step between two pages counted as reading.
IDLE_MS: Final = 30 * 60 * SECOND_MS
#: The visit of a page view, one value a buyer and visit.
VISIT: Final = "visit"

_VIEWED: Final = ms(PageViews.VIEWED_AT)
_NEXT: Final = "next_ms"
_C = Conversations

_CART: Final = "cart"


class ViewFeatures:
    """Columns that page views give a buyer; see `csinsight.features.buyers.BuyerFeatures`."""

    PAGES = "pages"
    PAGES_PREFIX = "pages_"
    PAGE_KINDS_SEEN = "page_kinds_seen"
    ACTIVE_DAYS = "active_days"
    FIRST_VIEW_AT = "first_view_at"
    LAST_VIEW_AT = "last_view_at"
    SECONDS = "seconds"
    DWELL_KNOWN = "dwell_known"
    STEP_SECONDS = "step_seconds"
    STEPS = "steps"
    VISITS = "visits"
    GAP_COUNT = "gap_count"
    GAP_MEAN = "gap_mean"
    GAP_SD = "gap_sd"
    HOUR_COS = "hour_cos"
    HOUR_SIN = "hour_sin"


def with_visits(views: Frame) -> Frame:
    """Give every page view its visit.

    Parameters
    ----------
    views : narwhals.LazyFrame
        ``page_views`` as the engine opens it.

    Returns
    -------
    narwhals.LazyFrame
        The same rows with ``visit`` (the given id, else ``#`` and the first view's time in
        milliseconds; unique within a buyer), ``next_ms``: the time of the buyer's next page of the
        same visit, and ``step_ms``: how long until then, at most 30 minutes; both null on the
        visit's last page.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> views = with_visits(sample_shop()["page_views"]).collect()
    >>> int(views["step_ms"].drop_nulls().max()) <= IDLE_MS
    True
    """
    whose = (PageViews.BUYER_ID, "_given")
    viewed, previous = nw.col(_VIEWED), nw.col("_previous")
    begins = previous.is_null() | (viewed - previous >= IDLE_MS)
    made = nw.concat_str([nw.lit("#"), nw.col("_start").cast(nw.String)])
    following = viewed.shift(-1).over(PageViews.BUYER_ID, VISIT, order_by=_VIEWED)
    step = nw.col(_NEXT) - viewed
    return (
        views.with_columns(_given=~nw.col(PageViews.VISIT_ID).is_null())
        .with_columns(_previous=viewed.shift(1).over(*whose, order_by=_VIEWED))
        .with_columns(_start=pick(begins, viewed))
        .with_columns(
            _start=nw.col("_start").fill_null(strategy="forward").over(*whose, order_by=_VIEWED)
        )
        .with_columns(
            nw.when(nw.col("_given")).then(nw.col(PageViews.VISIT_ID)).otherwise(made).alias(VISIT)
        )
        .with_columns(following.alias(_NEXT))
        .with_columns(step_ms=nw.when(step > IDLE_MS).then(nw.lit(IDLE_MS)).otherwise(step))
        .drop("_given", "_previous", "_start")
    )


def view_features(visited: Frame, start_ms: int, end_ms: int) -> Frame:
    """Return what each buyer's page views of a stretch of time tell.

    For several stretches of a shop visits are cut once: what lies before a stretch and after it
    changes no more than where a visit that reaches over its ends is seen to begin and to end.

    Parameters
    ----------
    visited : narwhals.LazyFrame
        Of `with_visits`; views of other times may be among them.
    start_ms, end_ms : int
        In milliseconds since 1970; what is viewed at `end_ms` is not in it.

    Returns
    -------
    narwhals.LazyFrame
        A row a buyer with the columns of `ViewFeatures`.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> visited = with_visits(sample_shop()["page_views"])
    >>> view_features(visited, 0, 2**60).collect()["buyer_id"].is_unique().all()
    True
    """
    viewed = nw.col(_VIEWED)
    # A page that is seen later is not known yet.
    step = pick(nw.col(_NEXT) < end_ms, nw.col("step_ms"))
    views = visited.filter(viewed >= start_ms, viewed < end_ms).with_columns(step_ms=step)
    return _pages(views).join(_rhythm(views), on=PageViews.BUYER_ID, how="left")


def _pages(views: Frame) -> Frame:
    kind, viewed = nw.col(PageViews.PAGE_KIND), nw.col(_VIEWED)
    dwell, step = nw.col(PageViews.DWELL_SECONDS), nw.col("step_ms")
    names = ViewFeatures
    return (
        views.with_columns(_day=viewed // DAY_MS)
        .group_by(PageViews.BUYER_ID)
        .agg(
            nw.len().cast(nw.Int64).alias(names.PAGES),
            *(count_if(kind == name).alias(f"{names.PAGES_PREFIX}{name}") for name in PAGE_KINDS),
            kind.n_unique().cast(nw.Int64).alias(names.PAGE_KINDS_SEEN),
            nw.col("_day").n_unique().cast(nw.Int64).alias(names.ACTIVE_DAYS),
            viewed.min().alias(names.FIRST_VIEW_AT),
            viewed.max().alias(names.LAST_VIEW_AT),
            dwell.sum().alias(names.SECONDS),
            count_if(~dwell.is_null()).alias(names.DWELL_KNOWN),
            (step.sum().cast(nw.Float64) / SECOND_MS).alias(names.STEP_SECONDS),
            count_if(~step.is_null()).alias(names.STEPS),
        )
    )


def _rhythm(views: Frame) -> Frame:
    """Return the number of visits, the gaps between their starts, and their hours of the day."""
    starts = views.group_by(PageViews.BUYER_ID, VISIT).agg(nw.col(_VIEWED).min().alias("_start"))
    start = nw.col("_start")
    previous = start.shift(1).over(PageViews.BUYER_ID, order_by="_start")
    angle = (start % DAY_MS).cast(nw.Float64) * (2 * math.pi / DAY_MS)
    gap, names = nw.col("_gap"), ViewFeatures
    return (
        starts.with_columns(_gap=(start - previous).cast(nw.Float64) / DAY_MS, _angle=angle)
        .with_columns(_cos=nw.col("_angle").cos(), _sin=nw.col("_angle").sin())
        .group_by(PageViews.BUYER_ID)
        .agg(
            nw.len().cast(nw.Int64).alias(names.VISITS),
            count_if(~gap.is_null()).alias(names.GAP_COUNT),
            gap.mean().alias(names.GAP_MEAN),
            gap.std().alias(names.GAP_SD),
            nw.col("_cos").mean().alias(names.HOUR_COS),
            nw.col("_sin").mean().alias(names.HOUR_SIN),
        )
    )


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
