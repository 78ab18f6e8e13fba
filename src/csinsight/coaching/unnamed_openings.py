"""Inquiries that count as such only because no rule says what they are about, and their words.

After-sales words of a shop's own trade that no rule knows pass for inquiries. How many inquiries
no rule names does not tell how many are wrong; what many buyers open them with lets one see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from csinsight.behaviours.categories import main_categories
from csinsight.behaviours.conversations import MarkedMessages, inquiries_of
from csinsight.coaching.answer_bank import exchanges
from csinsight.coaching.excerpts import shortened
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import BUYERS, agent_names, what_many_say
from csinsight.contract.artifacts import Conversations
from csinsight.features.conversations import lines_of

#: So many openings are listed. Ours.
MOST_OPENINGS: Final = 10


@dataclass(frozen=True)
class Unnamed:
    """How many of the inquiries no rule names, and what most buyers opened them with.

    `openings` has ``opening``, masked, and ``buyers``, a row each that enough buyers wrote.
    """

    inquiries: int
    of: int
    openings: pd.DataFrame


def unnamed_openings(marked: MarkedMessages, conversations: pd.DataFrame) -> Unnamed:
    """Return the inquiries that no rule names, by what their buyers opened with.

    Parameters
    ----------
    marked : MarkedMessages
    conversations : pandas.DataFrame
        Those of `csinsight.behaviours.conversations.build_conversations` that are looked at.

    Examples
    --------
    >>> from csinsight.behaviours.conversations import mark_messages
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> marked = mark_messages(sample_context().chats(sample_shop()))
    >>> found = unnamed_openings(marked, sample_conversations())
    >>> found.inquiries <= found.of, found.openings.columns.tolist()
    (True, ['opening', 'buyers'])
    """
    asked = inquiries_of(conversations)
    named = main_categories(marked.lines, marked.lexicon).index
    rows = asked[~asked[Conversations.CONVERSATION_ID].isin(named)]
    shop, as_of = marked.cut.shop, marked.cut.as_of
    opened = pd.DataFrame({"opening": [], "buyers": []}).astype({"opening": "str", "buyers": int})
    if not rows.empty:
        agents = agent_names(shop)
        said, _ = exchanges(lines_of(shop, rows, as_of), [], agents)
        buyers = rows.set_index(Conversations.CONVERSATION_ID)[Conversations.BUYER_ID]
        groups = said.join(buyers, how="inner").groupby("question_plain")
        counts = groups.agg(
            opening=("question", lambda texts: texts.mode().iloc[0]),
            buyers=(Conversations.BUYER_ID, "nunique"),
        )
        many = counts[counts["buyers"] >= BUYERS].reset_index(drop=True)
        opened = many.sort_values(["buyers", "opening"], ascending=[False, True]).head(
            MOST_OPENINGS
        )
        common = what_many_say(shop, opened["opening"], as_of)
        masked = [shortened(mask_lines([text], agents, common)[0]) for text in opened["opening"]]
        opened = opened.assign(opening=pd.Series(masked, index=opened.index, dtype="str"))
    return Unnamed(len(rows), len(asked), opened.reset_index(drop=True))
