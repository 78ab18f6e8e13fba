"""Types followed from month to month, so that a month's labels know what came before.

Everything is read anew from the shop's own tables: the same data gives the same labels whichever
months were reported before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from csinsight.engine import Shop
from csinsight.features.buyers import buyer_features
from csinsight.params import add_months
from csinsight.segments.signatures import Signatures, signatures_of
from csinsight.segments.types import TypeResult, fit_types


@dataclass(frozen=True)
class MonthTypes:
    """The types as of one moment.

    Parameters
    ----------
    as_of : datetime
    features : DataFrame
        What the types were read from, `csinsight.features.buyers.buyer_features`.
    types : TypeResult
    before : TypeResult or None
        A month earlier; None where nothing was followed so far.
    """

    as_of: datetime
    features: pd.DataFrame
    types: TypeResult
    before: TypeResult | None


def types_at(
    shop: Shop,
    as_of: datetime,
    signatures: Signatures | None = None,
    *,
    page_view_days: int = 90,
    order_days: int = 365,
    min_pages: int = 5,
    confidence: float = 0.5,
    seed: int = 20261031,
) -> MonthTypes:
    """Return the types as of `as_of`, followed from some months before.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        First moment of a month: the end of the one before.
    signatures : Signatures, optional
        The shipped ones that fit the shop's tables when not given.
    page_view_days, order_days : int
        As for `csinsight.features.buyers.buyer_features`.
    min_pages, confidence, seed
        As for `csinsight.segments.types.fit_types`.
    """
    *_, last = follow_types(
        shop,
        as_of,
        as_of,
        signatures,
        page_view_days=page_view_days,
        order_days=order_days,
        min_pages=min_pages,
        confidence=confidence,
        seed=seed,
    )
    return last


def follow_types(
    shop: Shop,
    first: datetime,
    last: datetime,
    signatures: Signatures | None = None,
    *,
    page_view_days: int = 90,
    order_days: int = 365,
    min_pages: int = 5,
    confidence: float = 0.5,
    seed: int = 20261031,
) -> Iterator[MonthTypes]:
    """Yield the types at every turn of the month from `first` to `last`.

    ``memory.months`` further months before `first` are gone through and not yielded. Parameters
    are those of `types_at`.
    """
    signatures = signatures or signatures_of(shop)
    moment, before = add_months(first, -signatures.memory.months), None
    while moment <= last:
        features, earlier = (
            buyer_features(shop, at, page_view_days=page_view_days, order_days=order_days)
            for at in (moment, moment - timedelta(days=page_view_days))
        )
        types = fit_types(
            features,
            signatures,
            min_pages=min_pages,
            confidence=confidence,
            seed=seed,
            previous=before,
            earlier=earlier,
        )
        if moment >= first:
            yield MonthTypes(moment, features, types, before)
        moment, before = add_months(moment, 1), types
