"""Who wrote each of an agent's turns, and what the buyer had shown before it.

Agents answer the buyer. What a buyer wrote before a turn can't have been caused by it, so drivers
compare turns at equal states (`csinsight.drivers.exposure`), and conversations at equal openings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.behaviours.buyer_texts import TEXT_COLUMNS, text_columns
from csinsight.behaviours.opportunities import WORRY
from csinsight.behaviours.scope import AGENT_TURN, CHARS, DIGITS, JUDGED, SINCE_MS, flag
from csinsight.contract.artifacts import BuyerStates
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.schema import Messages
from csinsight.engine import collect
from csinsight.features.frames import POSITION, SECOND_MS, Frame
from csinsight.features.rounds import WIDE

if TYPE_CHECKING:
    from csinsight.behaviours.conversations import MarkedMessages

_S = BuyerStates
#: A column, and the buyer's marker that it tells of.
_SHOWN: Final = {
    _S.ASKS: "asks_question",
    _S.ASKS_PRICE: "asks_lower_price",
    _S.WORRY: WORRY,
    _S.PLEASED: "sounds_pleased",
    _S.ANNOYED: "sounds_annoyed",
}
#: What a conversation's row tells of the state before its first agent turn.
_OPENING: Final = {
    _S.CHARS: Talk.OPENING_CHARS,
    _S.LINES: Talk.OPENING_LINES,
    _S.ASKS: Talk.OPENING_ASKS,
    DIGITS: Talk.OPENING_DIGITS,
    _S.WORRY: Talk.OPENING_WORRY,
}


def build_buyer_states(marked: MarkedMessages) -> pd.DataFrame:
    """Return a row for each judged agent turn, and one where the buyer waited for it in vain.

    Parameters
    ----------
    marked : MarkedMessages

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.BuyerStates`, sorted by the two keys: the agent
        who wrote most of the turn's lines, of equals the last; and of the buyer's lines since the
        agent's turn before. ``silence_s`` is the longest time before one of them, null without
        times; ``text_...`` tell what they say (`csinsight.behaviours.buyer_texts`).

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> build_buyer_states(marked).columns.tolist()[0]
    'conversation_id'
    """
    judged = marked.sides.filter(nw.col(JUDGED))
    keys = [_S.CONVERSATION_ID, AGENT_TURN]
    table = _states(judged).merge(_authors(judged), on=keys, how="outer")
    table = table.merge(_written(marked, judged), on=keys, how="left")
    table = table.rename(columns={AGENT_TURN: _S.TURN})
    numbers = [_S.CHARS, _S.LINES, _S.SILENCE_S, *_SHOWN]
    table[numbers] = table[numbers].astype("Float64").astype(float)
    table = table.astype({_S.CONVERSATION_ID: "str", _S.AGENT_ID: "str", _S.TURN: "int64"})
    texts = [name for name in TEXT_COLUMNS if name in table]
    return table.sort_values([_S.CONVERSATION_ID, _S.TURN], ignore_index=True)[
        [_S.CONVERSATION_ID, _S.TURN, _S.AGENT_ID, *numbers, *texts]
    ]


def _authors(sides: Frame) -> pd.DataFrame:
    """Return who wrote most of each agent turn's lines, of equals the last."""
    keys = (Messages.CONVERSATION_ID, AGENT_TURN)
    lines = sides.filter(nw.col(Messages.SENDER) == "agent", ~nw.col(Messages.AGENT_ID).is_null())
    wrote = lines.group_by(*keys, Messages.AGENT_ID).agg(
        (nw.len().cast(nw.Int64) * WIDE + nw.col(POSITION).max()).alias("_wrote")
    )
    most = wrote.filter(nw.col("_wrote") == nw.col("_wrote").max().over(*keys))
    return collect(most.select(*keys, Messages.AGENT_ID))


def _written(marked: MarkedMessages, judged: Frame) -> pd.DataFrame:
    """Return what buyers wrote before agent turns, in numbers: a row a conversation and turn."""
    keys = (Messages.CONVERSATION_ID, AGENT_TURN)
    line = [Messages.CONVERSATION_ID, Messages.MESSAGE_NO]
    buyers = nw.col(Messages.SENDER) == "buyer"
    texts = marked.lines.filter(buyers).select(*line, Messages.TEXT)
    rows = collect(judged.filter(buyers).select(*keys, Messages.MESSAGE_NO).join(texts, on=line))
    text = pl.col(Messages.TEXT).str.to_lowercase().str.replace_all("[0-9]+", "0")
    told = (
        pl.from_pandas(rows)
        .sort(*keys, Messages.MESSAGE_NO)
        .group_by(*keys, maintain_order=True)
        .agg(text.fill_null("").str.join("\n"))
        .to_pandas()
    )
    numbers = text_columns(told[Messages.TEXT], told[AGENT_TURN])
    return told[list(keys)].join(numbers)


def openings(sides: Frame) -> pd.DataFrame:
    """Return by conversation what the buyer wrote before the first answer.

    Parameters
    ----------
    sides : narwhals.LazyFrame
        Of `csinsight.behaviours.conversations.MarkedMessages`.

    Returns
    -------
    pandas.DataFrame
        The columns ``opening_...`` of `csinsight.contract.artifacts.Conversations`; conversations
        that an agent opened are left out.

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> int(openings(sample_messages().sides)["opening_lines"].min())
    1
    """
    table = _states(sides.filter(nw.col(AGENT_TURN) == 1)).set_index(Messages.CONVERSATION_ID)
    first = table[list(_OPENING)].rename(columns=_OPENING).astype("Int64")
    told = [Talk.OPENING_ASKS, Talk.OPENING_DIGITS, Talk.OPENING_WORRY]
    return first.astype(dict.fromkeys(told, "boolean"))


def _states(sides: Frame) -> pd.DataFrame:
    """Return what the buyer wrote before agent turns: a row a conversation and turn."""
    lines = sides.filter(nw.col(Messages.SENDER) == "buyer")
    return collect(
        lines.group_by(Messages.CONVERSATION_ID, AGENT_TURN).agg(
            nw.col(CHARS).sum().cast(nw.Int64).alias(_S.CHARS),
            nw.len().cast(nw.Int64).alias(_S.LINES),
            (nw.col(SINCE_MS).max() // SECOND_MS).alias(_S.SILENCE_S),
            nw.col(DIGITS).max().alias(DIGITS),
            *(flag(marker).max().alias(name) for name, marker in _SHOWN.items()),
        )
    )
