"""Equal exposure: how much of a talk counts, so that long talks and short ones can be compared.

Talks that last longer give more chance to show anything, and hesitant buyers talk longer and order
less: whatever is counted over the whole window before the outcome looks harmful. Four ways:

``turns``
    Every agent turn is compared with the same agent's same turn in other talks
    (`csinsight.drivers.surprises`). The main analysis.
``talks``
    The same turns are read, and talks compared: for shops where a behaviour is a matter of the
    talk, told from the data before any outcome is looked at (`csinsight.drivers.placement`).
``landmark``
    Inquiries that reach k agent turns, read over the first k; k is the largest that 80 % reach.
    Who shows a behaviour later counts as not having shown it, so effects come out too small.
``window``
    All that came before the outcome, without care for exposure.

All but the last need the turn columns of the ``conversations`` artifact.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Conversations, opportunity_column, turn_column
from csinsight.contract.domain import TURN_MARKERS

Exposure = Literal["turns", "talks", "landmark", "window"]
#: Share of inquiries that have to reach the landmark.
REACHED: Final = 0.80
NEEDED: Final = (
    Conversations.TURNS_JUDGED,
    *(turn_column(b) for b in TURN_MARKERS),
    *(opportunity_column(b) for b in TURN_MARKERS),
)


def has_turns(conversations: pd.DataFrame) -> bool:
    """Tell whether the turn columns are there."""
    return set(NEEDED) <= set(conversations.columns)


def judged(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the inquiries with an agent turn to judge, behaviours read in those turns only.

    Raises
    ------
    ValueError
        Where the turn columns are absent.
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    return _read(conversations[turns >= 1], int(turns.max()) if len(turns) else 0)


def at_landmark(conversations: pd.DataFrame, reached: float = REACHED) -> tuple[pd.DataFrame, int]:
    """Return the inquiries that reach the landmark, behaviours read up to it, and its turn.

    Raises
    ------
    ValueError
        Where the turn columns are absent.
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    place = len(turns) - math.ceil(reached * len(turns))
    landmark = max(int(np.sort(turns.to_numpy(dtype=int))[place]), 1) if len(turns) else 1
    return _read(conversations[turns >= landmark], landmark), landmark


def _check(conversations: pd.DataFrame) -> None:
    if not has_turns(conversations):
        raise ValueError(
            "to compare by turns or by a landmark the conversations need `turns_judged` and the "
            "columns `<behaviour>_turn` and `<behaviour>_opportunity_turn`; make the table anew, "
            "or choose the exposure `window`"
        )


def _read(conversations: pd.DataFrame, last: int) -> pd.DataFrame:
    """Read behaviours, and whether there was an occasion, over the turns up to `last`."""
    read = {}
    for behaviour in TURN_MARKERS:
        shown = conversations[turn_column(behaviour)].le(last).fillna(value=False)
        there = conversations[opportunity_column(behaviour)].le(last).fillna(value=False)
        read[behaviour] = shown.astype("boolean").where(there.astype(bool))
    return conversations.assign(**read)
