"""What a shop's segments depend on besides its tables: made from a run's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from csinsight.segments.signatures import Signatures


@dataclass(frozen=True)
class TypeOptions:
    """How buyer types are read.

    Parameters
    ----------
    signatures : Signatures
    page_view_days, order_days : int
        Look-back in days; messages are read within the page views' window.
    gap_hours : float
        A silence of this many hours or more ends a conversation.
    min_pages : int
        Buyers with fewer page views are ``unclassified`` and do not shape the types.
    confidence : float
        Labels less sure than this are ``mixed``.
    seed : int
        Of the sample on which a large shop is fitted.
    """

    signatures: Signatures
    page_view_days: int
    order_days: int
    gap_hours: float
    min_pages: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class TierOptions:
    """How value tiers are cut.

    Parameters
    ----------
    order_days : int
        Look-back in days.
    vip_share, core_share, potential_share : float
        Ceilings, as shares of the buyers who bought.
    seed : int
        Of the samples that models of future spend learn from.
    """

    order_days: int
    vip_share: float
    core_share: float
    potential_share: float
    seed: int
