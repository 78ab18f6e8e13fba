"""The last lines of conversations, masked, as they may be shown beside a figure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.coaching.excerpts import goods_names, shop_names, shortened
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import common_pieces
from csinsight.contract.artifacts import LostInquiries
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.features.frames import POSITION, SENT_MS, Frame, moment_ms

_M = Messages
_TALK: Final = Messages.CONVERSATION_ID
#: Conversations shown of each kind, and lines of each.
EACH: Final = 10
LINES: Final = 4
COLUMNS: Final = (LostInquiries.REASON, _TALK, _M.SENDER, _M.SENT_AT, _M.TEXT)


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
    >>> from csinsight.features.lines import lines_of
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> shop, as_of, few = sample_shop(), sample_context().as_of, sample_conversations().head(3)
    >>> kinds = pd.Series("silence", index=few["conversation_id"])
    >>> words = last_words(shop, last_lines(lines_of(shop, few, as_of)), kinds, as_of, seed=1)
    >>> set(words["reason"]), words["conversation_id"].nunique() <= EACH
    ({'silence'}, True)
    """
    rows = kinds.rename(LostInquiries.REASON).rename_axis(_TALK).reset_index()
    drawn = rows.sample(frac=1, random_state=seed).groupby(LostInquiries.REASON).head(EACH)
    said = collect(lines).merge(drawn, on=_TALK).sort_values([_TALK, POSITION], kind="stable")
    said = said.groupby(_TALK, sort=False).tail(LINES)
    common = common_pieces(shop, said[_M.TEXT].dropna(), goods_names(shop), moment_ms(as_of))
    names = shop_names(shop)
    parts = [said.iloc[:0]]
    for _, talk in said.groupby(_TALK, sort=False):
        known = {str(v) for c in (_M.BUYER_ID, _M.AGENT_ID) for v in talk[c].dropna().unique()}
        masked = mask_lines([str(text) for text in talk[_M.TEXT]], {*names, *known}, common)
        parts.append(talk.assign(**{_M.TEXT: [shortened(text) for text in masked]}))
    told = pd.concat(parts, ignore_index=True)
    told[_M.SENT_AT] = pd.to_datetime(told[SENT_MS].astype("Int64"), unit="ms")
    return told[list(COLUMNS)]
