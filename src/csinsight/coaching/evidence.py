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
#: What the textbook does in place of a habit that it teaches to drop: a good example shows this.
INSTEAD: Final = {
    "refuses_flatly": "offers_alternative",
    "curt_reply": "gives_specifics",
    "leading_question": "asks_needs",
    "repeats_canned": "gives_specifics",
}
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
    the other way about. A good example of a habit that is to be dropped shows what is done instead
    (`INSTEAD`). A peer's good one is about the same kind of question as the first miss. Then the
    report month comes before earlier months, later talks before earlier.

    Returns
    -------
    dict
        ``hits``, ``misses``, ``peer_hits``: lists of at most `EACH` conversation ids.
    """
    shown = showing(inquiries, behaviour)
    right = shown if helps else ~shown
    own = inquiries[_C.AGENT_ID] == agent_id
    hit, miss = right.fillna(value=False).astype(bool), (~right).fillna(value=False).astype(bool)
    paid = pd.Series(as_float(inquiries[_C.PAID]) == 1, index=inquiries.index)
    instead = _instead(inquiries, behaviour)
    misses = _best(inquiries[miss & own], ~paid, as_of=as_of)
    asked = inquiries.loc[inquiries[_C.CONVERSATION_ID].isin(misses[:1]), _C.CATEGORY]
    alike = inquiries[_C.CATEGORY].isin(asked)
    return {
        "hits": _best(inquiries[hit & own], instead, paid, as_of=as_of),
        "misses": misses,
        "peer_hits": _best(inquiries[hit & ~own], instead, alike, paid, as_of=as_of),
    }


def _instead(inquiries: pd.DataFrame, behaviour: str) -> pd.Series:
    """Tell where what is taught in place of the behaviour is shown; nowhere if there is none."""
    other = INSTEAD.get(behaviour)
    shown = as_float(inquiries[other]) == 1 if other in inquiries else False
    return pd.Series(shown, index=inquiries.index)


def _best(found: pd.DataFrame, *fitting: pd.Series, as_of: datetime) -> list[str]:
    """Return the first conversations by what fits, then by how late they are."""
    order = found.assign(_now=found[_C.STARTED_AT] >= add_months(as_of, -1))
    keys = [f"_fits{number}" for number in range(len(fitting))]
    order = order.assign(
        **{key: fits.reindex(found.index) for key, fits in zip(keys, fitting, strict=True)}
    )
    by = [*keys, "_now", _C.STARTED_AT, _C.CONVERSATION_ID]
    order = order.sort_values(by, ascending=False, na_position="last")
    return [str(name) for name in order[_C.CONVERSATION_ID].head(EACH)]
