"""Masked lines of conversations drawn by lot: what a figure's own conversations sound like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final

import pandas as pd

from csinsight.behaviours.conversations import ChatSource
from csinsight.coaching.examples import suspected
from csinsight.coaching.excerpts import excerpt, excerpts, shortened
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import Common, shop_names, what_many_say
from csinsight.contract.artifacts import Conversations, LostInquiries, opportunity_column
from csinsight.contract.schema import Messages
from csinsight.drivers.units import as_float
from csinsight.engine import Shop, collect
from csinsight.features.frames import POSITION, SENT_MS, Frame

_C = Conversations
_M = Messages
_TALK: Final = Messages.CONVERSATION_ID
#: Conversations shown of each kind, and lines of each.
WORDS_EACH: Final = 10
WORDS_LINES: Final = 4
WORDS: Final = (LostInquiries.REASON, _TALK, _M.SENDER, _M.SENT_AT, _M.TEXT)
#: Conversations shown with a behaviour, and as many without it.
BEHIND_EACH: Final = 10
#: Of how many that could show it these are taken: not all show in a few lines what they should.
_TRIED: Final = 3 * BEHIND_EACH
BEHIND: Final = ("behaviour", "shown", "paid", "conversation_id", "sender", "sent_at", "text")


def last_words(
    shop: Shop, lines: Frame, kinds: pd.Series[str], as_of: datetime, *, seed: int
) -> pd.DataFrame:
    """Return the masked last lines of some conversations of each kind, drawn by lot.

    Parameters
    ----------
    shop : Shop
    lines : narwhals.LazyFrame
        Of `csinsight.behaviours.endings.last_lines`.
    kinds : pandas.Series
        By conversation id, what it ended on.
    as_of : datetime
    seed : int

    Returns
    -------
    pandas.DataFrame
        ``reason``, ``conversation_id``, ``sender``, ``sent_at``, ``text`` (masked), one row a line,
        in reading order.

    Examples
    --------
    >>> from csinsight.behaviours.endings import last_lines
    >>> from csinsight.features.conversations import lines_of
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> shop, as_of, few = sample_shop(), sample_context().as_of, sample_conversations().head(3)
    >>> kinds = pd.Series("silence", index=few["conversation_id"])
    >>> words = last_words(shop, last_lines(lines_of(shop, few, as_of)), kinds, as_of, seed=1)
    >>> set(words["reason"]), words["conversation_id"].nunique() <= WORDS_EACH
    ({'silence'}, True)
    """
    rows = kinds.rename(LostInquiries.REASON).rename_axis(_TALK).reset_index()
    drawn = rows.sample(frac=1, random_state=seed).groupby(LostInquiries.REASON).head(WORDS_EACH)
    said = collect(lines).merge(drawn, on=_TALK).sort_values([_TALK, POSITION], kind="stable")
    said = said.groupby(_TALK, sort=False).tail(WORDS_LINES)
    common = what_many_say(shop, said[_M.TEXT].dropna(), as_of)
    names = shop_names(shop)
    parts = [said.iloc[:0]]
    for _, talk in said.groupby(_TALK, sort=False):
        known = {str(v) for c in (_M.BUYER_ID, _M.AGENT_ID) for v in talk[c].dropna().unique()}
        masked = mask_lines([str(text) for text in talk[_M.TEXT]], {*names, *known}, common)
        parts.append(talk.assign(**{_M.TEXT: [shortened(text) for text in masked]}))
    told = pd.concat(parts, ignore_index=True)
    told[_M.SENT_AT] = pd.to_datetime(told[SENT_MS].astype("Int64"), unit="ms")
    return told[list(WORDS)]


def conversations_behind(
    chats: ChatSource,
    conversations: pd.DataFrame,
    behaviours: Iterable[str],
    *,
    seed: int,
) -> pd.DataFrame:
    """Return masked lines of conversations with and without each behaviour, drawn by lot.

    Drawn from the inquiries that gave an opportunity for it: a figure's own conversations, and
    not the ones that would show it best. None is one in which a line seems to break a rule: those
    are read by who checks them.

    Parameters
    ----------
    chats : ChatSource
        That reaches as far back as they do.
    conversations : DataFrame
        Those of the ``conversations`` artifact that the figure counts.
    behaviours : iterable of str
        Those that words show.
    seed : int

    Returns
    -------
    DataFrame
        ``behaviour``, ``shown``, ``paid`` (of the conversation; null where not known), then
        ``conversation_id``, ``sender``, ``sent_at``, ``text`` (masked), one row a line.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> context, few = sample_context(), sample_conversations().head(40)
    >>> chats = context.chats(sample_shop())
    >>> behind = conversations_behind(chats, few, ["greets"], seed=1)
    >>> sorted(set(behind["shown"]))
    [False]
    """
    inquiries = conversations[as_float(conversations[_C.IS_INQUIRY]) == 1]
    inquiries = inquiries[~inquiries[_C.CONVERSATION_ID].isin(suspected(inquiries))]
    drawn = [
        (name, shown, _draw(inquiries, name, shown, seed))
        for name in behaviours
        for shown in (True, False)
    ]
    wanted = {str(c) for *_, rows in drawn for c in rows[_C.CONVERSATION_ID]}
    messages = excerpts(chats, wanted)
    said = {str(name): own for name, own in messages.groupby(Messages.CONVERSATION_ID)}
    names = shop_names(chats.shop)
    common = what_many_say(chats.shop, messages[Messages.TEXT].dropna(), chats.as_of)
    parts = []
    for name, shown, rows in drawn:
        tried = ((row, _lines(said, row, name, shown, names, common)) for _, row in rows.iterrows())
        for row, lines in islice((pair for pair in tried if len(pair[1])), BEHIND_EACH):
            parts.append(lines.assign(behaviour=name, shown=shown, paid=row[_C.PAID]))
    if not parts:
        return pd.DataFrame(columns=list(BEHIND))
    return pd.concat(parts, ignore_index=True)[list(BEHIND)]


def _draw(inquiries: pd.DataFrame, behaviour: str, shown: bool, seed: int) -> pd.DataFrame:
    rows: pd.DataFrame = inquiries[as_float(inquiries[behaviour]) == float(shown)]
    return rows.sample(min(_TRIED, len(rows)), random_state=seed)


def _lines(
    said: dict[str, pd.DataFrame],
    row: pd.Series,
    behaviour: str,
    shown: bool,
    names: list[str],
    common: Common,
) -> pd.DataFrame:
    messages = said.get(str(row[_C.CONVERSATION_ID]))
    if messages is None:
        return pd.DataFrame()
    turn = row.get(opportunity_column(behaviour))
    return excerpt(
        messages, behaviour, shown=shown, opportunity=turn, nicknames=names, common=common
    )
