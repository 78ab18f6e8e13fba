"""From marked messages to a row a conversation: what was shown, what was asked, who fell silent."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import narwhals as nw

from csinsight.behaviours.canned import CANNED
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.opportunities import SILENCE, WAITED
from csinsight.behaviours.placing import flag, placed, with_places
from csinsight.behaviours.turns import JUDGED, first_turns, with_judged
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import COMPLIANCE
from csinsight.contract.tables import Messages
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    OUTCOME_MS,
    POSITION,
    SENT_MS,
    TURN_NO,
    Frame,
    pick,
)
from csinsight.features.rules import SECOND_MS, moment_ms

#: A buyer who writes nothing for this long after an agent's line fell silent. Ours.
SILENT_S: Final = 600
#: Judged over the whole talk: compliance whatever its effect, and the closing words.
_WHOLE_TALK: Final = (*COMPLIANCE, "closes_warmly")
#: Judged on what came after the order.
_REMINDS: Final = "reminds_payment"
_AFTER_ORDER: Final = ("checks_address", _REMINDS)
_FOLLOWS: Final = "follows_up"
_ORDER: Final = (SENT_MS, Messages.MESSAGE_NO)


def signs(marked: Frame, lexicon: Lexicon, as_of: datetime, slow_s: float) -> Frame:
    """Gather marked messages into one row a conversation.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `messages_of`, `mark` and `with_canned`.
    lexicon : Lexicon
        For where in a talk each marker counts.
    as_of : datetime
        A silence that lasts until here ends here.
    slow_s : float
        A buyer who waited longer than this (seconds) waited long.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, and as integers 0, 1 or null: a column a marker of either side (the
        agent's in the part of the talk that `Marker.where` and the outcome leave to it, the
        buyer's before the outcome), ``follows_up``, ``fell_silent``, ``waited_long``, and the
        columns of `csinsight.behaviours.turns.first_turns`.
    """
    sides = marked.filter(~nw.col(TURN_NO).is_null())
    sides = with_judged(_timed(sides, as_of), slow_s)
    sides = with_places(sides, lexicon, (BEFORE_OUTCOME, JUDGED))
    agent = nw.col(Messages.SENDER) == "agent"
    before = nw.col(BEFORE_OUTCOME)
    columns = [_seen(before, name) for name in lexicon.ids("buyer")]
    columns += [
        _seen(agent & _part(name) & placed(name, lexicon, BEFORE_OUTCOME), name)
        for name in (*lexicon.ids("agent"), CANNED)
        if name != _FOLLOWS
    ]
    columns += [
        pick(agent & before, nw.col(name)).max().alias(name) for name in (_FOLLOWS, SILENCE, WAITED)
    ]
    columns += first_turns(lexicon)
    columns += _clocks()
    return sides.group_by(Messages.CONVERSATION_ID).agg(columns)


def _clocks() -> list[nw.Expr]:
    """Return the aggregates that time what agents do after a silence, or after an order."""
    agent = nw.col(Messages.SENDER) == "agent"
    first = agent & nw.col(BEFORE_OUTCOME) & nw.col("_first_silence")
    reminder = agent & ~nw.col(BEFORE_OUTCOME) & (flag(_REMINDS) == 1)
    since_order = (nw.col(SENT_MS) - nw.col(OUTCOME_MS)) // SECOND_MS
    return [
        pick(first, nw.col("_silent_ms") // SECOND_MS).min().alias(Talk.SILENCE_S),
        pick(first, nw.col("_broken")).max().alias(Talk.SILENCE_BROKEN),
        pick(reminder, since_order).min().alias(Talk.REMINDED_S),
    ]


def _seen(condition: nw.Expr, name: str) -> nw.Expr:
    return pick(condition, flag(name)).max().alias(name)


def _part(name: str) -> nw.Expr:
    """Return which part of the talk counts for a behaviour."""
    before = nw.col(BEFORE_OUTCOME)
    if name in _WHOLE_TALK:
        return ~before.is_null()
    return ~before if name in _AFTER_ORDER else before


def _timed(sides: Frame, as_of: datetime) -> Frame:
    """Add ``fell_silent`` and ``follows_up`` to each line; null on lines without a time.

    After an agent's line the buyer is silent until the next line of either side, the order, or
    the end of what is known. An agent follows up who writes again after such a silence, or comes
    back in so many words after one that the buyer's own line began.
    """
    sent, talk = nw.col(SENT_MS), Messages.CONVERSATION_ID
    silent = SILENT_S * SECOND_MS
    sides = sides.with_columns(
        sent.shift(1).over(talk, order_by=_ORDER).alias("_previous"),
        sent.shift(-1).over(talk, order_by=_ORDER).alias("_next"),
        nw.col(TURN_NO).shift(1).over(talk, order_by=_ORDER).alias("_previous_turn"),
        nw.col(TURN_NO).shift(-1).over(talk, order_by=_ORDER).alias("_next_turn"),
    )
    until = nw.col("_next").fill_null(moment_ms(as_of))
    ordered = nw.col(OUTCOME_MS).fill_null(moment_ms(as_of))
    until = nw.when(ordered < until).then(ordered).otherwise(until)
    same_side = nw.col("_previous_turn") == nw.col(TURN_NO)
    again = (same_side | nw.col(_FOLLOWS)) & (sent - nw.col("_previous") >= silent)
    fell = until - sent >= silent
    own = (nw.col("_next_turn") == nw.col(TURN_NO)) & (nw.col("_next") <= ordered)
    here = pick((nw.col(Messages.SENDER) == "agent") & fell, nw.col(POSITION))
    return sides.with_columns(
        pick(~sent.is_null(), fell.cast(nw.Int64)).alias(SILENCE),
        pick(~sent.is_null(), again.fill_null(value=False).cast(nw.Int64)).alias(_FOLLOWS),
        (nw.col(POSITION) == here.min().over(talk)).fill_null(value=False).alias("_first_silence"),
        (until - sent).alias("_silent_ms"),
        own.fill_null(value=False).cast(nw.Int64).alias("_broken"),
    ).drop("_previous", "_next", "_previous_turn", "_next_turn")
