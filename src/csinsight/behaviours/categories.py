"""Problem categories: what a conversation is about, by the buyer's own messages."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import find_hits
from csinsight.behaviours.opportunities import ABOUT
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import CATEGORIES
from csinsight.contract.tables import Messages
from csinsight.engine import collect
from csinsight.features.frames import POSITION, Frame

OTHER: Final = "other"
AFTER_SALES: Final = "after_sales"
_NAMED: Final = tuple(name for name in CATEGORIES if name != OTHER)
_OWN_ORDER: Final = f"{ABOUT}own_order"
_NONE_BEFORE: Final = "none_before"


def main_categories(
    marked: Frame, lexicon: Lexicon, earlier_orders: pd.Series[int]
) -> pd.Series[str]:
    """Return the main category of each conversation that has one.

    The first of the buyer's messages to name a category decides; within that message the words
    that come first. After-sales wins wherever that message has it, and where the buyer speaks of
    an order placed before (``about_own_order``), unless the shop's orders show that there is none.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`, with ``position``.
    lexicon : Lexicon
    earlier_orders : pandas.Series
        By conversation id: orders of the buyer before it; null where unknown.

    Returns
    -------
    pandas.Series
        Category by conversation id; conversations without any are left out (`OTHER`).
    """
    openings = _openings(marked)
    known = earlier_orders.reindex(openings[Messages.CONVERSATION_ID])
    openings[_NONE_BEFORE] = known.eq(0).fillna(value=False).to_numpy(dtype=bool)
    return pd.Series(
        [_chosen(row, lexicon) for row in openings.to_dict("records")],
        index=openings[Messages.CONVERSATION_ID],
        name=Talk.CATEGORY,
        dtype="str",
    )


def _openings(marked: Frame) -> pd.DataFrame:
    """Return the first message of each conversation that names a category."""
    flags = [*(f"{ABOUT}{name}" for name in _NAMED), _OWN_ORDER]
    named = nw.any_horizontal(*(nw.col(flag) for flag in flags), ignore_nulls=True)
    first = marked.filter(named).select(Messages.CONVERSATION_ID, POSITION, Messages.TEXT, *flags)
    first = first.with_columns(
        nw.col(POSITION).min().over(Messages.CONVERSATION_ID).alias("_first")
    )
    return collect(first.filter(nw.col(POSITION) == nw.col("_first")).drop("_first", POSITION))


def _chosen(row: Mapping[Hashable, object], lexicon: Lexicon) -> str:
    named = [name for name in _NAMED if row[f"{ABOUT}{name}"]]
    if AFTER_SALES in named or (row[_OWN_ORDER] and not row[_NONE_BEFORE]):
        return AFTER_SALES
    if not named:
        return OTHER
    if len(named) == 1:
        return named[0]
    text = str(row[Messages.TEXT])
    return min(named, key=lambda name: find_hits(text, f"{ABOUT}{name}", lexicon)[0])
