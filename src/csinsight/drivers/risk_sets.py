"""Risk sets: what agents do once the buyer is silent or has not paid, compared minute by minute.

An agent can only remind, or come back to, a buyer who has not yet paid or returned by themselves.
Buyers who do so soon are therefore never reminded, and whoever is reminded looks slow to pay. So
time since the order, or since the silence began, is cut into bands, each a quarter longer than the
one before, and in each band those still waited for are compared: done now, or not (yet). These
bands take the place of agent turns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import (
    Conversations,
    opportunity_column,
    turn_column,
)
from csinsight.drivers.units import Floats, as_float

_C = Conversations

#: Behaviours judged by the clock, and the columns that time them.
CLOCKED: Final = {
    "reminds_payment": (_C.REMINDED_S, _C.PAID_AT, _C.OUTCOME_AT),
    "follows_up": (_C.SILENCE_S, _C.SILENCE_BROKEN),
}


#: Seconds until the first band, growth from band to band, and seconds after which none is cut.
FROM_S: Final = 600.0


GROWTH: Final = 1.25


UNTIL_S: Final = 72 * 3600.0


def judged_column(behaviour: str) -> str:
    """Return the name of the column that holds how many bands a behaviour was waited for.

    Examples
    --------
    >>> judged_column("follows_up")
    'follows_up_bands'
    """
    return f"{behaviour}_bands"


def band(seconds: Floats) -> Floats:
    """Return the band that a moment falls in, from 1; 0 before the first, the last if never.

    Examples
    --------
    >>> band(np.array([0.0, np.inf]))
    array([ 0., 28.])
    """
    bounded = np.clip(np.nan_to_num(seconds, nan=UNTIL_S), FROM_S / GROWTH, UNTIL_S)
    return np.asarray(np.floor(np.log(bounded / FROM_S) / np.log(GROWTH) + 1e-9) + 1)


def has_clocks(conversations: pd.DataFrame, behaviour: str) -> bool:
    """Tell whether the columns that time a behaviour are there.

    Examples
    --------
    >>> has_clocks(pd.DataFrame({"follows_up": [1.0]}), "follows_up")
    False
    """
    needed = CLOCKED[behaviour]
    return behaviour in conversations and set(needed) <= set(conversations.columns)


def in_silence(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the conversations with following up null where the buyer had not fallen silent.

    An agent who answers late with words of coming back shows it without the opportunity; counted
    among the opportunities it would be one that is always taken.

    Examples
    --------
    >>> asked = pd.DataFrame({"follows_up": [1.0, 0.0], "silence_s": [900.0, np.nan]})
    >>> asked = asked.assign(**{name: 0.0 for name in CLOCKED["follows_up"] if name not in asked})
    >>> in_silence(asked)["follows_up"].tolist()
    [1.0, nan]
    """
    if not has_clocks(conversations, "follows_up"):
        return conversations
    silent = conversations[_C.SILENCE_S].notna()
    return conversations.assign(follows_up=conversations["follows_up"].where(silent))


def risk_set_columns(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the design matrix compares by, for what has its times.

    Returns
    -------
    DataFrame
        Same index; for each behaviour of `CLOCKED` whose times are there ``NAME_turn``,
        ``NAME_opportunity_turn`` and ``NAME_bands`` as floats, NaN without an opportunity.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> sorted(risk_set_columns(sample_conversations()))[:2]
    ['follows_up_bands', 'follows_up_opportunity_turn']
    """
    columns: dict[str, Floats] = {}
    for behaviour in CLOCKED:
        if not has_clocks(conversations, behaviour):
            continue
        there = conversations[behaviour].notna().to_numpy()
        done, over = _moments(conversations, behaviour)
        first, last = band(done), band(over)
        shown = ~np.isnan(done) & there
        columns[turn_column(behaviour)] = np.where(shown, first, np.nan)
        columns[opportunity_column(behaviour)] = np.where(there, 1.0, np.nan)
        waited = np.where(shown, np.maximum(first, 1), np.maximum(last, 1))
        columns[judged_column(behaviour)] = np.where(there, waited, 0.0)
    return pd.DataFrame(columns, index=conversations.index)


def _moments(conversations: pd.DataFrame, behaviour: str) -> tuple[Floats, Floats]:
    """Return when it was done, and when it was too late, in seconds; NaN where never."""
    if behaviour == "follows_up":
        lasted = as_float(conversations[_C.SILENCE_S])
        broken = as_float(conversations[_C.SILENCE_BROKEN]) == 1
        return np.where(broken, lasted, np.nan), lasted
    paid = (conversations[_C.PAID_AT] - conversations[_C.OUTCOME_AT]).dt.total_seconds()
    return as_float(conversations[_C.REMINDED_S]), as_float(paid)
