"""Type and tier of a buyer as known before the month in which a conversation began.

A purchase must never help to make the label that explains it, so labels that go beside
conversations use only what happened before the first moment of that calendar month.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, ValueTiers
from csinsight.contract.domain import TIERS, UNCLASSIFIED
from csinsight.contract.tables import Orders, PageViews
from csinsight.engine import Shop
from csinsight.features.buyers import buyer_features
from csinsight.features.spend import spend_features
from csinsight.params import add_months
from csinsight.segments.future import expected_spend
from csinsight.segments.model import TypeModel
from csinsight.segments.signatures import Signatures, load_signatures
from csinsight.segments.tiers import value_tiers
from csinsight.segments.types import fit_types


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
        As for `csinsight.segments.types.fit_types`.
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
    fit = partial(
        fit_types,
        signatures=signatures or load_signatures(),
        min_pages=min_pages,
        confidence=confidence,
        seed=seed,
    )
    see = partial(buyer_features, shop, page_view_days=page_view_days, order_days=order_days)
    value = partial(
        value_tiers, vip_share=vip_share, core_share=core_share, potential_share=potential_share
    )
    table = conversations[[Conversations.CONVERSATION_ID, Conversations.BUYER_ID]].copy()
    table.index = pd.RangeIndex(len(table))
    months = _months(conversations[Conversations.STARTED_AT], as_of).set_axis(table.index)
    table[[BuyerTypes.TYPE, ValueTiers.TIER]] = None
    previous: TypeModel | None = None
    for month in sorted(months.unique()):
        rows = table.index[months == month]
        buyers = table.loc[rows, Conversations.BUYER_ID]
        if shop.has("page_views", PageViews.BUYER_ID):
            result = fit(see(month.to_pydatetime()), previous=previous)
            previous = result.model
            labels = result.buyers.set_index(BuyerTypes.BUYER_ID)[BuyerTypes.TYPE]
            table.loc[rows, BuyerTypes.TYPE] = buyers.map(labels).fillna(UNCLASSIFIED)
        if shop.has("orders", Orders.BUYER_ID, Orders.PAID_AT, Orders.PAID_AMOUNT):
            spend = spend_features(shop, month.to_pydatetime(), order_days=order_days)
            tiers = value(spend, expected_spend(spend)).set_index(ValueTiers.BUYER_ID)
            labels = tiers[ValueTiers.TIER]
            table.loc[rows, ValueTiers.TIER] = buyers.map(labels).fillna(TIERS[0])
    columns = [Conversations.CONVERSATION_ID, BuyerTypes.TYPE, ValueTiers.TIER]
    return table[columns].astype("str")


def _months(started: pd.Series, as_of: datetime | None) -> pd.Series:
    times = pd.to_datetime(started)
    months: pd.Series = times.dt.normalize() - pd.to_timedelta(times.dt.day - 1, unit="D")
    if months.isna().any():
        if as_of is None:
            raise ValueError("some conversations have no time: tell as_of, the end of their month")
        months = months.fillna(pd.Timestamp(add_months(as_of, -1)))
    return months
