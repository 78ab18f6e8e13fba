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
from csinsight.features.frames import BEFORE_OUTCOME, POSITION, TURN_NO, Frame, pick

OTHER: Final = "other"
AFTER_SALES: Final = "after_sales"
_NAMED: Final = tuple(name for name in CATEGORIES if name != OTHER)
_ABOUT_OTHER: Final = f"{ABOUT}other"
_OWN_ORDER: Final = f"{ABOUT}own_order"
_TERMS: Final = f"{ABOUT}return_terms"
_TOLD: Final = "tells_after_sales"
_SOON: Final = "handled_soon"
#: Runs of lines, of either side, from which an opening is read: three of the buyer's.
_OPENING_RUNS: Final = 6


def main_categories(marked: Frame, lexicon: Lexicon) -> pd.Series[str]:
    """Return the main category of each conversation that has one.

    The first of the buyer's messages to name a category decides; within that message the words
    that come first. After-sales wins wherever that message has it, and where the buyer speaks of
    an order placed before (``about_own_order``), whatever the shop's orders say: parcels are also
    bought by another account, or before the first order known.
    A question about terms of returning is asked before and after buying alike: it is after-sales
    where the buyer, or the agent, goes on to speak of a case in the same opening.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`, with ``position``, ``turn_no``, ``before_outcome``.
    lexicon : Lexicon

    Returns
    -------
    pandas.Series
        Category by conversation id; conversations without any are left out (`OTHER`).
    """
    openings = _openings(marked)
    return pd.Series(
        [_chosen(row, lexicon) for row in openings.to_dict("records")],
        index=openings[Messages.CONVERSATION_ID],
        name=Talk.CATEGORY,
        dtype="str",
    )


def _openings(marked: Frame) -> pd.DataFrame:
    """Return the first message of each conversation that names a category.

    ``handled_soon`` tells whether anyone spoke of an after-sales case in the opening; what comes
    after an order is not read, lest the outcome decide what the talk had been about.
    """
    flags = [*(f"{ABOUT}{name}" for name in _NAMED), _ABOUT_OTHER, _OWN_ORDER, _TERMS]
    talk = Messages.CONVERSATION_ID
    named = nw.any_horizontal(*(nw.col(flag) for flag in flags), ignore_nulls=True)
    opening = nw.col(BEFORE_OUTCOME) & (nw.col(TURN_NO) <= _OPENING_RUNS)
    case = nw.any_horizontal(
        nw.col(f"{ABOUT}{AFTER_SALES}"), nw.col(_OWN_ORDER), nw.col(_TOLD), ignore_nulls=True
    )
    first = marked.with_columns(
        _first=pick(named, nw.col(POSITION)).min().over(talk),
        _case=(opening & case).fill_null(value=False).cast(nw.Int64).max().over(talk),
    ).filter(named & (nw.col(POSITION) == nw.col("_first")))
    soon = (nw.col("_case") == 1).alias(_SOON)
    return collect(first.select(talk, Messages.TEXT, soon, *flags))


def _chosen(row: Mapping[Hashable, object], lexicon: Lexicon) -> str:
    named = [name for name in (*_NAMED, OTHER) if row[f"{ABOUT}{name}"]]
    if AFTER_SALES in named or row[_OWN_ORDER]:
        return AFTER_SALES
    if row[_TERMS]:
        return AFTER_SALES if row[_SOON] else "shipping"
    if not named:
        return OTHER
    if len(named) == 1:
        return named[0]
    text = str(row[Messages.TEXT])
    return min(named, key=lambda name: find_hits(text, f"{ABOUT}{name}", lexicon)[0])
