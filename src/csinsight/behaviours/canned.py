"""Canned replies: the same text as in many other conversations, where it does not answer."""

from __future__ import annotations

import functools
import operator
from typing import Final

import narwhals as nw

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import AGENT_TEXT, asked, lowered, shown, with_asked
from csinsight.contract.domain import CATEGORIES
from csinsight.contract.tables import Messages
from csinsight.engine import simplified
from csinsight.features.frames import Frame

CANNED: Final = "repeats_canned"
#: In how many other conversations the same text has to stand, and how long it has to be. Ours:
#: shorter texts are alike by chance, and a set phrase of courtesy is no fault.
MIN_OTHERS: Final = 5
MIN_LENGTH: Final = 20
#: Whatever it speaks of, such a text leads on.
_LEADS_ON: Final = (
    "asks_needs",
    "recommends",
    "explains_value",
    "offers_alternative",
    "empathizes",
    "follows_up",
    "greets",
    "apologizes",
)
_TOPICS: Final = tuple(f"about_{name}" for name in CATEGORIES if name != "other")


def with_canned(marked: Frame, lexicon: Lexicon) -> Frame:
    """Add ``repeats_canned`` to marked messages.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`.
    lexicon : Lexicon

    Returns
    -------
    narwhals.LazyFrame
        The same rows; true where an agent's reply stands word for word in at least `MIN_OTHERS`
        other conversations, follows a question, and speaks of none of the problem categories
        that the question names; null on lines not by an agent. The only behaviour that depends
        on other conversations.
    """
    agent = nw.col(Messages.SENDER) == "agent"
    asked_of = _any([nw.col(asked(topic)) for topic in _TOPICS])
    met = _any([nw.col(asked(topic)) & nw.col(_told(topic)) for topic in _TOPICS])
    leads_on = _any([nw.col(name) for name in _LEADS_ON])
    canned = ~nw.col("_talks").is_null() & asked_of & ~met & ~leads_on
    return (
        with_asked(marked, _TOPICS)
        .join(_repeated(marked, lexicon), on=Messages.TEXT, how="left")
        .with_columns(nw.when(agent).then(canned.fill_null(value=False)).alias(CANNED))
        .drop("_talks", *map(asked, _TOPICS), *map(_told, _TOPICS))
    )


def _repeated(marked: Frame, lexicon: Lexicon) -> Frame:
    """Return each long text of many conversations with the categories that it speaks of."""
    agent = nw.col(Messages.SENDER) == "agent"
    long = nw.col(Messages.TEXT).str.len_chars() >= MIN_LENGTH
    texts = (
        marked.filter(agent & long)
        .select(Messages.TEXT, Messages.CONVERSATION_ID)
        .group_by(Messages.TEXT)
        .agg(nw.col(Messages.CONVERSATION_ID).n_unique().cast(nw.Int64).alias("_talks"))
        .filter(nw.col("_talks") > MIN_OTHERS)
        .with_columns(lowered().alias(AGENT_TEXT))
    )
    return (
        simplified(texts, AGENT_TEXT)
        .with_columns(shown(lexicon, topic, AGENT_TEXT).alias(_told(topic)) for topic in _TOPICS)
        .drop(AGENT_TEXT)
    )


def _told(topic: str) -> str:
    return f"_told_{topic}"


def _any(expressions: list[nw.Expr]) -> nw.Expr:
    return functools.reduce(operator.or_, expressions)
