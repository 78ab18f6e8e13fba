"""The two or three lines of a talk that show what is meant, with nobody in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.behaviours.lexicon import Lexicon, load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.coaching.masking import mask
from csinsight.contract.domain import BEHAVIOURS
from csinsight.contract.tables import Messages
from csinsight.drivers.scales import as_float
from csinsight.engine import Shop, collect
from csinsight.features.conversations import messages_of
from csinsight.features.rules import ConversationRules

#: The longest line shown, in characters; what is longer ends in an ellipsis.
MAX_CHARACTERS: Final = 80
COLUMNS: Final = ("conversation_id", "sender", "sent_at", "text", "marked")
_M = Messages


def excerpts(
    shop: Shop,
    conversation_ids: Iterable[str],
    *,
    as_of: datetime,
    rules: ConversationRules,
    months: int = 12,
    lexicon: Lexicon | None = None,
) -> pd.DataFrame:
    """Return the messages of some conversations with what each shows, for `excerpt`.

    One pass over the shop serves all cards. The text is as in the shop: mask before showing.

    Parameters
    ----------
    shop : Shop
    conversation_ids : iterable of str
    as_of : datetime
    rules : ConversationRules
        Those by which the conversations were cut.
    months : int
    lexicon : Lexicon or None
        None for the one that ships with the package.

    Returns
    -------
    DataFrame
        One row a message, in reading order: the contract's columns and one nullable boolean column
        a behaviour that words show.
    """
    wanted = sorted(set(conversation_ids))
    messages = messages_of(shop, as_of, rules, months=months)
    messages = messages.filter(nw.col(_M.CONVERSATION_ID).is_in(wanted))
    marked = mark(messages, lexicon or load_lexicon())
    known = [
        _M.CONVERSATION_ID,
        _M.BUYER_ID,
        _M.AGENT_ID,
        _M.SENDER,
        _M.SENT_AT,
        _M.TEXT,
        _M.MESSAGE_NO,
    ]
    have = marked.collect_schema().names()
    shown = [b for b in BEHAVIOURS if b in have]
    table = collect(marked.select(*known, *shown))
    order = [_M.CONVERSATION_ID, _M.SENT_AT, _M.MESSAGE_NO]
    return table.sort_values(order, kind="stable").reset_index(drop=True)


def excerpt(
    messages: pd.DataFrame, behaviour: str, *, nicknames: Iterable[str] = (), lines: int = 3
) -> pd.DataFrame:
    """Return the few masked lines of one conversation around a behaviour.

    Parameters
    ----------
    messages : DataFrame
        One conversation in reading order: ``sender``, ``sent_at``, ``text``, the ids, and, where
        words show the behaviour, its column.
    behaviour : str
    nicknames : iterable of str
        Names to mask besides the ids in `messages`.
    lines : int
        At most so many: the buyer's last words before the agent's line, then the line.

    Returns
    -------
    DataFrame
        ``conversation_id``, ``sender`` (``buyer`` or ``agent``), ``sent_at``, ``text`` (masked),
        ``marked`` (the agent's line that it is about). Where no line shows the behaviour, the
        agent's first answer stands for what was missed.
    """
    human = messages[messages[_M.SENDER].isin(["buyer", "agent"])].reset_index(drop=True)
    if human.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    place = _place(human, behaviour)
    start = _buyer_before(human, place, lines)
    chosen = human.iloc[start : place + 1]
    names = {*nicknames, *_ids(messages)}
    return pd.DataFrame(
        {
            "conversation_id": chosen[_M.CONVERSATION_ID].to_numpy(),
            "sender": chosen[_M.SENDER].to_numpy(),
            "sent_at": chosen[_M.SENT_AT].to_numpy(),
            "text": [_short(mask(str(text), names)) for text in chosen[_M.TEXT]],
            "marked": (chosen.index == place) & (chosen[_M.SENDER] == "agent").to_numpy(),
        }
    )


def _place(human: pd.DataFrame, behaviour: str) -> int:
    """Return the row of the line to show: shown first, else the agent's answer to a question."""
    agent = (human[_M.SENDER] == "agent").to_numpy()
    if behaviour in human:
        shown = np.flatnonzero(as_float(human[behaviour]) == 1)
        if len(shown):
            return int(shown[0])
    asked = np.flatnonzero(~agent)
    answers = np.flatnonzero(agent)
    later = answers[answers > asked[0]] if len(asked) else answers
    if len(later):
        return int(later[0])
    return int(answers[0]) if len(answers) else 0


def _buyer_before(human: pd.DataFrame, place: int, lines: int) -> int:
    """Return the first row to show: back to the buyer's last words, within `lines`."""
    first = max(place - lines + 1, 0)
    buyer = np.flatnonzero((human[_M.SENDER] == "buyer").to_numpy()[:place])
    if len(buyer) == 0:
        return place
    return max(int(buyer[-1]), first)


def _ids(messages: pd.DataFrame) -> set[str]:
    columns = [c for c in (_M.BUYER_ID, _M.AGENT_ID) if c in messages]
    return {str(v) for c in columns for v in messages[c].dropna().unique()}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
