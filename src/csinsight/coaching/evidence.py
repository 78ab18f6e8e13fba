"""Which of the agent's own talks show what is meant: where it went well, and where it did not."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Conversations
from csinsight.drivers.scales import as_float, to_model, unit_of
from csinsight.params import add_months

#: Talks named for each side of a finding.
EACH: Final = 3
_C = Conversations


def showing(conversations: pd.DataFrame, behaviour: str) -> pd.Series:
    """Tell in which conversations a behaviour is shown; null without opportunity.

    A timing is "shown" where it is among the upper quarter of the given conversations, and not
    shown in the lower quarter; the middle half is null: it makes no clear example.
    """
    values = to_model(conversations[behaviour], behaviour)
    if unit_of(behaviour) == "shown":
        shown = pd.Series(values == 1, index=conversations.index, dtype="boolean")
        return shown.mask(np.isnan(values))
    low, high = np.nanquantile(values, [0.25, 0.75]) if not np.isnan(values).all() else (0, 0)
    clear = (values <= low) | (values >= high)
    shown = pd.Series(values >= high, index=conversations.index, dtype="boolean")
    return shown.mask(~clear | np.isnan(values) | (low == high))


def examples(
    inquiries: pd.DataFrame, agent_id: str, behaviour: str, *, helps: bool, as_of: datetime
) -> dict[str, list[str]]:
    """Return ids of the agent's hits and misses and of peers' hits, the best example first.

    A hit is the behaviour as it should be, in a talk that ended well where there is one; a miss is
    the other way about. The report month comes before earlier months, later talks before earlier.

    Returns
    -------
    dict
        ``hits``, ``misses``, ``peer_hits``: lists of at most `EACH` conversation ids.
    """
    shown = showing(inquiries, behaviour)
    right = shown if helps else ~shown
    own = inquiries[_C.AGENT_ID] == agent_id
    paid = as_float(inquiries[_C.PAID]) == 1
    hit, miss = right.fillna(value=False).astype(bool), (~right).fillna(value=False).astype(bool)
    return {
        "hits": _latest(inquiries[hit & own], paid[(hit & own).to_numpy()], as_of),
        "misses": _latest(inquiries[miss & own], ~paid[(miss & own).to_numpy()], as_of),
        "peer_hits": _latest(inquiries[hit & ~own], paid[(hit & ~own).to_numpy()], as_of),
    }


def _latest(
    found: pd.DataFrame, fitting: np.typing.NDArray[np.bool_], as_of: datetime
) -> list[str]:
    this_month = (found[_C.STARTED_AT] >= add_months(as_of, -1)).to_numpy()
    order = found.assign(_fits=fitting, _now=this_month).sort_values(
        ["_fits", "_now", _C.STARTED_AT, _C.CONVERSATION_ID], ascending=False, na_position="last"
    )
    return [str(name) for name in order[_C.CONVERSATION_ID].head(EACH)]
