"""From marked messages to a row a conversation: what was shown, what was asked, who fell silent."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import narwhals as nw

from csinsight.behaviours.canned import CANNED
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.opportunities import SILENCE
from csinsight.contract.domain import COMPLIANCE
from csinsight.contract.tables import Messages
from csinsight.features.frames import BEFORE_OUTCOME, OUTCOME_MS, SENT_MS, TURN_NO, Frame, pick
from csinsight.features.rules import SECOND_MS, moment_ms

#: A buyer who writes nothing for this long after an agent's line fell silent. Ours.
SILENT_S: Final = 600
#: Judged over the whole talk: compliance whatever its effect, and the closing words.
_WHOLE_TALK: Final = (*COMPLIANCE, "closes_warmly")
#: Judged on what came after the order.
_AFTER_ORDER: Final = ("checks_address", "reminds_payment")
_FOLLOWS: Final = "follows_up"
_KEYS: Final = [Messages.CONVERSATION_ID, TURN_NO]
_ORDER: Final = (SENT_MS, Messages.MESSAGE_NO)


def signs(marked: Frame, lexicon: Lexicon, as_of: datetime) -> Frame:
    """Gather marked messages into one row a conversation.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `messages_of`, `mark` and `with_canned`.
    lexicon : Lexicon
        For where in a talk each marker counts.
    as_of : datetime
        A silence that lasts until here ends here.

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, and as integers 0, 1 or null: a column a marker of either side (the
        agent's in the part of the talk that `Marker.where` and the outcome leave to it, the
        buyer's before the outcome), ``follows_up``, ``fell_silent``.
    """
    sides = marked.filter(~nw.col(TURN_NO).is_null())
    sides = _placed(_timed(sides, as_of), lexicon)
    agent = nw.col(Messages.SENDER) == "agent"
    before = nw.col(BEFORE_OUTCOME)
    columns = [_seen(before, name) for name in lexicon.ids("buyer")]
    columns += [
        _seen(agent & _part(name) & _where(name, lexicon), name)
        for name in (*lexicon.ids("agent"), CANNED)
        if name != _FOLLOWS
    ]
    columns += [
        pick(agent & before, nw.col(name)).max().alias(name) for name in (_FOLLOWS, SILENCE)
    ]
    return sides.group_by(Messages.CONVERSATION_ID).agg(columns)


def _seen(condition: nw.Expr, name: str) -> nw.Expr:
    return pick(condition, _flag(name)).max().alias(name)


def _flag(name: str) -> nw.Expr:
    return nw.col(name).cast(nw.Int64)


def _part(name: str) -> nw.Expr:
    """Return which part of the talk counts for a behaviour."""
    before = nw.col(BEFORE_OUTCOME)
    if name in _WHOLE_TALK:
        return ~before.is_null()
    return ~before if name in _AFTER_ORDER else before


def _where(name: str, lexicon: Lexicon) -> nw.Expr:
    marker = lexicon.markers.get(name)
    here = ~nw.col(TURN_NO).is_null()
    if marker is None:
        return here
    if marker.where == "first_reply":
        here = nw.col(TURN_NO) == nw.col("_first_reply")
    elif marker.where == "last_turn":
        here = nw.col(TURN_NO) == nw.col("_last_turn")
    elif marker.where == "whole_turn":
        here = nw.col(f"_all_{name}") == 1
    for other in marker.voided_by:
        here = here & (nw.col(f"_any_{other}") == 0)
    return here


def _placed(sides: Frame, lexicon: Lexicon) -> Frame:
    """Add what `_where` asks for: first and last reply, and what a whole turn shows."""
    reply = pick(nw.col(Messages.SENDER) == "agent", nw.col(TURN_NO))
    talk = Messages.CONVERSATION_ID
    agents = {name: lexicon.markers[name] for name in lexicon.ids("agent")}
    whole = [name for name, marker in agents.items() if marker.where == "whole_turn"]
    voiding = sorted({other for marker in agents.values() for other in marker.voided_by})
    columns = [
        reply.min().over(talk).alias("_first_reply"),
        reply.max().over(talk).alias("_last_turn"),
        *(_flag(name).min().over(*_KEYS).alias(f"_all_{name}") for name in whole),
        *(_flag(name).max().over(*_KEYS).alias(f"_any_{name}") for name in voiding),
    ]
    return sides.with_columns(columns)


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
    )
    until = nw.col("_next").fill_null(moment_ms(as_of))
    ordered = nw.col(OUTCOME_MS).fill_null(moment_ms(as_of))
    until = nw.when(ordered < until).then(ordered).otherwise(until)
    same_side = nw.col("_previous_turn") == nw.col(TURN_NO)
    again = (same_side | nw.col(_FOLLOWS)) & (sent - nw.col("_previous") >= silent)
    return sides.with_columns(
        pick(~sent.is_null(), (until - sent >= silent).cast(nw.Int64)).alias(SILENCE),
        pick(~sent.is_null(), again.fill_null(value=False).cast(nw.Int64)).alias(_FOLLOWS),
    ).drop("_previous", "_next", "_previous_turn")
