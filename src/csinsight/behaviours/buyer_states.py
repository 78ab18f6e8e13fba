"""What the buyer had shown before each of an agent's turns.

Agents answer the buyer. What a buyer wrote before a turn can't have been caused by it, so drivers
compare turns at equal states (`csinsight.drivers.exposure`).
"""

from __future__ import annotations

from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.behaviours.conversations import CHARS, SINCE_MS, MarkedMessages
from csinsight.behaviours.opportunities import WORRY
from csinsight.behaviours.scope import AGENT_TURN, JUDGED, flag
from csinsight.contract.artifacts import BuyerStates
from csinsight.contract.schema import Messages
from csinsight.engine import collect
from csinsight.features.frames import SECOND_MS

_S = BuyerStates
#: A column, and the buyer's marker that it tells of.
_SHOWN: Final = {
    _S.ASKS: "asks_question",
    _S.ASKS_PRICE: "asks_lower_price",
    _S.WORRY: WORRY,
    _S.PLEASED: "sounds_pleased",
    _S.ANNOYED: "sounds_annoyed",
}


def build_buyer_states(marked: MarkedMessages) -> pd.DataFrame:
    """Return a row for each judged agent turn that a line of the buyer came before.

    Parameters
    ----------
    marked : MarkedMessages

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.BuyerStates`, sorted by the two keys, of the
        buyer's lines since the agent's turn before. ``silence_s`` is the longest time before one
        of them, null without times.

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> build_buyer_states(marked).columns.tolist()[0]
    'conversation_id'
    """
    lines = marked.sides.filter((nw.col(Messages.SENDER) == "buyer") & nw.col(JUDGED))
    found = lines.group_by(Messages.CONVERSATION_ID, AGENT_TURN).agg(
        nw.col(CHARS).sum().alias(_S.CHARS),
        nw.len().cast(nw.Int64).alias(_S.LINES),
        (nw.col(SINCE_MS).max() // SECOND_MS).alias(_S.SILENCE_S),
        *(flag(marker).max().alias(name) for name, marker in _SHOWN.items()),
    )
    table = collect(found).rename(columns={AGENT_TURN: _S.TURN})
    numbers = [_S.CHARS, _S.LINES, _S.SILENCE_S, *_SHOWN]
    table[numbers] = table[numbers].astype("Float64").astype(float)
    table = table.astype({_S.CONVERSATION_ID: "str", _S.TURN: "int64"})
    return table.sort_values([_S.CONVERSATION_ID, _S.TURN], ignore_index=True)[
        [_S.CONVERSATION_ID, _S.TURN, *numbers]
    ]
