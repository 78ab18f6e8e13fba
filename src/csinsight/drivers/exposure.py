"""Equal exposure: compare inquiries over the same number of agent turns.

A talk that ends early gives less chance to show anything. At a landmark of k turns, inquiries whose
outcome or end came before the k-th agent turn are left out, and a behaviour counts as shown only
within the first k.

The contract: ``agent_turns`` is the number of agent turns before the outcome, and for a behaviour b
the column ``b_turn`` is the agent turn, counted from one, in which it was first shown before the
outcome (null: not shown). Timings have no turn: the first response is in the first turn anyway.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Conversations
from csinsight.contract.domain import CONTROLS, MARKERS

#: Share of inquiries that have to reach the landmark.
REACHED: Final = 0.80
#: Their opportunity lies after the outcome or in silence, so turns do not bound it.
_UNBOUND: Final = (*CONTROLS, "reminds_payment", "follows_up")


def turn_column(behaviour: str) -> str:
    """Return the name of the column that holds the turn in which `behaviour` was first shown."""
    return f"{behaviour}_turn"


def has_turns(conversations: pd.DataFrame) -> bool:
    """Tell whether the columns for a landmark are there."""
    bound = [turn_column(b) for b in MARKERS if b not in _UNBOUND]
    return {Conversations.AGENT_TURNS, *bound} <= set(conversations.columns)


def at_landmark(conversations: pd.DataFrame, reached: float = REACHED) -> tuple[pd.DataFrame, int]:
    """Return the inquiries that reach the landmark, behaviours read up to it, and its turn.

    Raises
    ------
    ValueError
        Where the turn columns are absent.
    """
    if not has_turns(conversations):
        raise ValueError(
            "a landmark needs `agent_turns` and a `<behaviour>_turn` column for each behaviour in "
            "the conversations; leave `landmark` off to compare over the whole window"
        )
    turns = conversations[Conversations.AGENT_TURNS].fillna(0)
    place = len(turns) - math.ceil(reached * len(turns))
    landmark = max(int(np.sort(turns.to_numpy(dtype=int))[place]), 1) if len(turns) else 1
    kept = conversations[turns >= landmark].copy()
    for behaviour in MARKERS:
        if behaviour not in _UNBOUND:
            early = (kept[turn_column(behaviour)] <= landmark).fillna(value=False).astype(bool)
            kept[behaviour] = kept[behaviour].astype("boolean").where(kept[behaviour].isna(), early)
    return kept, landmark
