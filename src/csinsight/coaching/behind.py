"""The conversations behind a figure: up to twenty, masked, of those that it was counted from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final

import pandas as pd

from csinsight.behaviours.lexicon import Lexicon
from csinsight.coaching.excerpts import excerpt, excerpts, shop_names, what_many_say
from csinsight.coaching.rarity import Common
from csinsight.contract.artifacts import Conversations, opportunity_column
from csinsight.contract.schema import Messages
from csinsight.drivers.units import as_float
from csinsight.engine import Shop
from csinsight.features.frames import ConversationRules

_C = Conversations
#: Conversations shown with a behaviour, and as many without it.
EACH: Final = 10
#: Of how many that could show it these are taken: not all show in a few lines what they should.
_TRIED: Final = 3 * EACH
COLUMNS: Final = ("behaviour", "shown", "paid", "conversation_id", "sender", "sent_at", "text")


def conversations_behind(
    shop: Shop,
    conversations: pd.DataFrame,
    behaviours: Iterable[str],
    *,
    as_of: datetime,
    months: int,
    rules: ConversationRules,
    lexicon: Lexicon,
    seed: int,
) -> pd.DataFrame:
    """Return masked lines of conversations with and without each behaviour, drawn by lot.

    Drawn from the inquiries that gave an opportunity for it: a figure's own conversations, and
    not the ones that would show it best.

    Parameters
    ----------
    shop : Shop
    conversations : DataFrame
        Those of the ``conversations`` artifact that the figure counts.
    behaviours : iterable of str
        Those that words show.
    as_of : datetime
    months : int
        How far back they lie.
    rules : ConversationRules
    lexicon : Lexicon
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
    >>> told = {"as_of": context.as_of, "months": 3, "rules": context.rules, "seed": 1}
    >>> shop, lexicon = sample_shop(), context.lexicon
    >>> behind = conversations_behind(shop, few, ["greets"], lexicon=lexicon, **told)
    >>> sorted(set(behind["shown"]))
    [False]
    """
    inquiries = conversations[as_float(conversations[_C.IS_INQUIRY]) == 1]
    drawn = [
        (name, shown, _draw(inquiries, name, shown, seed))
        for name in behaviours
        for shown in (True, False)
    ]
    wanted = {str(c) for *_, rows in drawn for c in rows[_C.CONVERSATION_ID]}
    messages = excerpts(shop, wanted, as_of=as_of, rules=rules, months=months, lexicon=lexicon)
    said = {str(name): own for name, own in messages.groupby(Messages.CONVERSATION_ID)}
    names = shop_names(shop)
    common = what_many_say(shop, messages[Messages.TEXT].dropna(), as_of)
    parts = []
    for name, shown, rows in drawn:
        tried = ((row, _lines(said, row, name, shown, names, common)) for _, row in rows.iterrows())
        for row, lines in islice((pair for pair in tried if len(pair[1])), EACH):
            parts.append(lines.assign(behaviour=name, shown=shown, paid=row[_C.PAID]))
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


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
    opportunity = None if turn is None or pd.isna(turn) else float(turn)
    return excerpt(
        messages, behaviour, shown=shown, opportunity=opportunity, nicknames=names, common=common
    )
