"""Where in a talk a marker counts: the first reply, the last turn, only whole turns, or anywhere.

What a whole turn shows is read within one part of the talk: an agent's turn may run on past the
order, and what was written there must not change what the turn had been until then.
"""

from __future__ import annotations

from typing import Final

import narwhals as nw

from csinsight.behaviours.lexicon import Lexicon
from csinsight.contract.tables import Messages
from csinsight.features.frames import TURN_NO, Frame, pick

_KEYS: Final = (Messages.CONVERSATION_ID, TURN_NO)


def with_places(sides: Frame, lexicon: Lexicon, parts: tuple[str, ...]) -> Frame:
    """Add what `placed` asks for: first and last reply, and what a whole turn shows.

    Parameters
    ----------
    sides : narwhals.LazyFrame
        Marked lines of buyers and human agents with ``turn_no``.
    lexicon : Lexicon
    parts : tuple of str
        Boolean columns; a turn is read within its lines for which each is alike.
    """
    reply = pick(nw.col(Messages.SENDER) == "agent", nw.col(TURN_NO))
    agents = {name: lexicon.markers[name] for name in lexicon.ids("agent")}
    whole = [name for name, marker in agents.items() if marker.where == "whole_turn"]
    voiding = sorted({other for marker in agents.values() for other in marker.voided_by})
    columns = [
        reply.min().over(Messages.CONVERSATION_ID).alias("_first_reply"),
        reply.max().over(Messages.CONVERSATION_ID).alias("_last_turn"),
    ]
    for part in parts:
        columns += [
            *(flag(n).min().over(*_KEYS, part).alias(_all(n, part)) for n in whole),
            *(flag(n).max().over(*_KEYS, part).alias(_any(n, part)) for n in voiding),
        ]
    return sides.with_columns(columns)


def placed(name: str, lexicon: Lexicon, part: str) -> nw.Expr:
    """Tell of an agent's line whether marker `name` counts there, its turn read within `part`."""
    marker = lexicon.markers.get(name)
    here = ~nw.col(TURN_NO).is_null()
    if marker is None:
        return here
    if marker.where == "first_reply":
        here = nw.col(TURN_NO) == nw.col("_first_reply")
    elif marker.where == "last_turn":
        here = nw.col(TURN_NO) == nw.col("_last_turn")
    elif marker.where == "whole_turn":
        here = nw.col(_all(name, part)) == 1
    for other in marker.voided_by:
        here = here & (nw.col(_any(other, part)) == 0)
    return here


def flag(name: str) -> nw.Expr:
    """Return a boolean column as 0 and 1 (booleans have no maximum on every engine)."""
    return nw.col(name).cast(nw.Int64)


def _all(name: str, part: str) -> str:
    return f"_all_{name}_{part}"


def _any(name: str, part: str) -> str:
    return f"_any_{name}_{part}"
