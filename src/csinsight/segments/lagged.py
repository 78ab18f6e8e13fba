"""Type and tier of a buyer as known before the month in which a conversation began.

A purchase must never help to make the label that explains it, so labels that go beside
conversations use only what happened before the first moment of that calendar month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeAlias

import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, ValueTiers
from csinsight.contract.domain import TIERS, UNCLASSIFIED
from csinsight.contract.schema import Orders, PageViews
from csinsight.engine import Shop
from csinsight.features.spend import spend_features
from csinsight.params import add_months
from csinsight.segments.model_selection import look_ahead, look_ahead_by
from csinsight.segments.signatures import Signatures, load_signatures
from csinsight.segments.tiers import value_tiers
from csinsight.segments.types import MonthTypes, follow_types

#: Labels by buyer, as of the start of each month.
_ByMonth: TypeAlias = dict[datetime, pd.Series]


def frozen_segments(
    shop: Shop,
    conversations: pd.DataFrame,
    *,
    as_of: datetime | None = None,
    signatures: Signatures | None = None,
    page_view_days: int = 90,
    order_days: int = 365,
    min_pages: int = 5,
    confidence: float = 0.5,
    vip_share: float = 0.05,
    core_share: float = 0.20,
    potential_share: float = 0.20,
    seed: int = 20261031,
) -> pd.DataFrame:
    """Label each conversation's buyer by what was known before its month.

    Types and tiers are made as the report of the month before makes them.

    Parameters
    ----------
    shop : Shop
    conversations : DataFrame
        ``conversation_id``, ``buyer_id`` and ``started_at``.
    as_of : datetime, optional
        End of the run's month, to which conversations without a time belong; needed for those.
    signatures : Signatures, optional
        The shipped ones when not given.
    page_view_days, order_days, min_pages, confidence, seed
        As for `csinsight.segments.types.types_at`.
    vip_share, core_share, potential_share : float
        As for `csinsight.segments.tiers.value_tiers`.

    Returns
    -------
    DataFrame
        ``conversation_id``, ``type`` and ``tier``, in the order given. A buyer not seen before
        is ``unclassified`` and ``ordinary``; ``type`` is null throughout where the shop has no
        page views, ``tier`` where it has no payments.

    Raises
    ------
    ValueError
        Where a conversation has no time and `as_of` is not told.
    """
    table = conversations[[Conversations.CONVERSATION_ID, Conversations.BUYER_ID]].copy()
    table.index = pd.RangeIndex(len(table))
    months = _months(conversations[Conversations.STARTED_AT], as_of).set_axis(table.index)
    follow = partial(
        follow_types,
        page_view_days=page_view_days,
        order_days=order_days,
        min_pages=min_pages,
        confidence=confidence,
        seed=seed,
    )
    value = partial(
        value_tiers, vip_share=vip_share, core_share=core_share, potential_share=potential_share
    )
    types = _types(shop, months, signatures or load_signatures(), follow)
    tiers = _tiers(shop, months, order_days, seed, value)
    buyers = table[Conversations.BUYER_ID]
    table[BuyerTypes.TYPE] = _look_up(buyers, months, types, UNCLASSIFIED)
    table[ValueTiers.TIER] = _look_up(buyers, months, tiers, TIERS[0])
    columns = [Conversations.CONVERSATION_ID, BuyerTypes.TYPE, ValueTiers.TIER]
    return table[columns].astype("str")


def _types(
    shop: Shop,
    months: pd.Series,
    signatures: Signatures,
    follow: Callable[..., Iterator[MonthTypes]],
) -> _ByMonth:
    """Return each buyer's type as of the start of every month from the first to the last."""
    if months.empty or not shop.has("page_views", PageViews.BUYER_ID):
        return {}
    first, last = months.min().to_pydatetime(), months.max().to_pydatetime()
    return {
        month.as_of: month.types.buyers.set_index(BuyerTypes.BUYER_ID)[BuyerTypes.TYPE]
        for month in follow(shop, first, last, signatures)
    }


def _tiers(
    shop: Shop,
    months: pd.Series,
    order_days: int,
    seed: int,
    value: Callable[[pd.DataFrame, pd.Series], pd.DataFrame],
) -> _ByMonth:
    """Return each buyer's tier as of the start of every month.

    One model looks ahead in all of them: the one that the shop spoke for before the first.
    """
    if not shop.has("orders", Orders.BUYER_ID, Orders.PAID_AT, Orders.PAID_AMOUNT):
        return {}
    told = {"order_days": order_days, "seed": seed}
    found: _ByMonth = {}
    name = ""
    for month in (stamp.to_pydatetime() for stamp in sorted(months.unique())):
        if found:
            ahead = look_ahead_by(name, shop, month, **told)
        else:
            outlook = look_ahead(shop, month, **told)
            ahead, name = outlook.expected, outlook.name
        tiers = value(spend_features(shop, month, order_days=order_days), ahead)
        found[month] = tiers.set_index(ValueTiers.BUYER_ID)[ValueTiers.TIER]
    return found


def _look_up(buyers: pd.Series, months: pd.Series, labels: _ByMonth, unknown: str) -> pd.Series:
    """Return each row's label as of its month; null throughout where there are none."""
    found = pd.Series(None, index=buyers.index, dtype="object")
    for month, known in labels.items():
        rows = buyers.index[months == month]
        found[rows] = buyers[rows].map(known).fillna(unknown)
    return found


def _months(started: pd.Series, as_of: datetime | None) -> pd.Series:
    times = pd.to_datetime(started)
    months: pd.Series = times.dt.normalize() - pd.to_timedelta(times.dt.day - 1, unit="D")
    if months.isna().any():
        if as_of is None:
            raise ValueError("some conversations have no time: tell as_of, the end of their month")
        months = months.fillna(pd.Timestamp(add_months(as_of, -1)))
    return months
