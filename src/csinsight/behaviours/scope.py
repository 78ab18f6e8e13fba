"""Where in a conversation a marker counts: the first reply, the last turn, whole turns, anywhere.

What a whole turn shows is read within one part of the conversation: an agent's turn may run on
past the order, and what was written there must not change what the turn had been until then. A bare
greeting before the answer is set aside: a curt reply is no less curt after a hello.

In which agent turn a behaviour was first shown, and in which there was first an opportunity.

Drivers compare what an agent did at one turn with what the same agent did at the same turn of
other conversations. So only what was known by then may count: the judged part of a conversation
ends with the outcome, with the buyer's word that they order, which often comes before the order is
written down, and with the first line of the agent that the buyer left unanswered for long, whatever
came of the conversation later. Closing words and coming back after a silence follow from the
buyer's decision; such lines are set aside, lest their polite words pass for its cause. So are
addresses confirmed, and reminders of an order left unpaid: what is promised in them is said to who
has ordered, whenever the order's time was written down.
"""

from __future__ import annotations

from typing import Final

import narwhals as nw

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import TEMPLATE_REPLY
from csinsight.behaviours.opportunities import NO, SILENCE, WAITED
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.artifacts import turn_column
from csinsight.contract.schema import Messages
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    POSITION,
    SECOND_MS,
    SENT_MS,
    TURN_NO,
    Frame,
    pick,
)

_KEYS: Final = (Messages.CONVERSATION_ID, TURN_NO)
#: The marker of a message that only greets.
_GREETING: Final = "only_greets"
#: Of a line: its characters, whether it holds a figure, milliseconds since the line before.
CHARS: Final = "_chars"
DIGITS: Final = "_digits"
SINCE_MS: Final = "_since_ms"


def with_places(sides: Frame, lexicon: Lexicon, parts: tuple[str, ...]) -> Frame:
    """Add what `placed` asks for: first and last reply, and what a whole turn shows.

    Parameters
    ----------
    sides : narwhals.LazyFrame
        Marked lines of buyers and human agents with ``turn_no``.
    lexicon : Lexicon
    parts : tuple of str
        Boolean columns; a turn is read within its lines for which each is alike.

    Examples
    --------
    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon(reader="rules")
    >>> lines = pl.DataFrame({"conversation_id": "c1", "turn_no": [1, 2, 4]})
    >>> lines = lines.with_columns(sender=pl.Series(["buyer", "agent", "agent"]))
    >>> told = with_places(nw.from_native(lines), lexicon, ()).to_native()
    >>> told["_first_reply"].to_list(), told["_last_turn"].to_list()
    ([2, 2, 2], [4, 4, 4])
    """
    reply = pick(nw.col(Messages.SENDER) == "agent", nw.col(TURN_NO))
    agents = {name: lexicon.markers[name] for name in lexicon.ids("agent")}
    whole = [name for name, marker in agents.items() if marker.where == "whole_turn"]
    voiding = sorted({other for marker in agents.values() for other in marker.voided_by})
    columns = [
        reply.min().over(Messages.CONVERSATION_ID).alias("_first_reply"),
        reply.max().over(Messages.CONVERSATION_ID).alias("_last_turn"),
    ]
    answers = nw.col(_GREETING).is_null() | ~nw.col(_GREETING)
    for part in parts:
        columns += [
            *(
                nw.coalesce(
                    pick(answers, flag(n)).min().over(*_KEYS, part),
                    flag(n).min().over(*_KEYS, part),
                ).alias(_all(n, part))
                for n in whole
            ),
            *(flag(n).max().over(*_KEYS, part).alias(_any(n, part)) for n in voiding),
        ]
    return sides.with_columns(columns)


def placed(name: str, lexicon: Lexicon, part: str) -> nw.Expr:
    """Tell of an agent's line whether marker `name` counts there, its turn read in `part`.

    Examples
    --------
    A greeting counts in the first reply alone:

    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lines = nw.from_native(pl.DataFrame({"turn_no": [2, 4], "_first_reply": 2}))
    >>> here = placed("greets", load_lexicon(reader="rules"), "before_outcome")
    >>> lines.select(here=here).to_native()["here"].to_list()
    [True, False]
    """
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
    """Return a boolean column as 0 and 1 (booleans have no maximum on every engine).

    Examples
    --------
    >>> import polars as pl
    >>> rows = nw.from_native(pl.DataFrame({"told": [True, False]}))
    >>> rows.select(flag("told"))["told"].to_list()
    [1, 0]
    """
    return nw.col(name).cast(nw.Int8)


def _all(name: str, part: str) -> str:
    return f"_all_{name}_{part}"


def _any(name: str, part: str) -> str:
    return f"_any_{name}_{part}"


#: The agent's turn that a line belongs to; of a buyer's line the one that answers it; from 1.
AGENT_TURN: Final = "agent_turn"
JUDGED: Final = "judged"
_ASIDE: Final = ("closes_warmly", "follows_up", "reminds_payment", "checks_address")
#: The buyer's marker of a decision told.
_DECIDES: Final = "says_will_order"
_POLITE: Final = "polite_words"
#: Hardly ever said without a polite word, which there is a part of what is said: compared beside
#: each of these, it would take their effect, or half of what is known of it.
_POLITELY: Final = (
    "greets",
    "empathizes",
    "apologizes",
    "asks_needs",
    "leading_question",
    "recommends",
    "explains_value",
    "offers_alternative",
    "promises_time",
)
_TALK: Final = Messages.CONVERSATION_ID
_ORDER: Final = (SENT_MS, Messages.MESSAGE_NO)


def with_judged(sides: Frame, slow_s: float) -> Frame:
    """Add what `first_turns` asks for to the lines of either side.

    Parameters
    ----------
    sides : narwhals.LazyFrame
        Marked lines of buyers and human agents with ``turn_no``, ``fell_silent`` and
        ``follows_up`` (see `csinsight.behaviours.conversations`).
    slow_s : float
        A buyer who waited longer than this (seconds) waited long.

    Returns
    -------
    narwhals.LazyFrame
        With ``agent_turn``, ``judged`` (in the judged part of the conversation, and not set aside)
        and ``waited_long`` (0 or 1; null on lines without a time).

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> judged = with_judged(marked.sides, slow_s=60.0)
    >>> judged.collect().shape[0] == marked.sides.collect().shape[0]
    True
    """
    agent = nw.col(Messages.SENDER) == "agent"
    is_agent = nw.when(agent).then(nw.lit(1)).otherwise(nw.lit(0))
    silent = pick(agent & (nw.col(SILENCE) == 1), nw.col(POSITION)).min().over(_TALK)
    decided = pick(~agent & (flag(_DECIDES) == 1), nw.col(POSITION)).min().over(_TALK)
    aside = nw.max_horizontal(*(flag(name).fill_null(0) for name in _ASIDE)) == 1
    sides = sides.with_columns(
        _agent_began=pick(nw.col(TURN_NO) == 1, is_agent).max().over(_TALK),
        _silent_at=silent,
        _decided_at=decided,
        _run_began=nw.col(SENT_MS).min().over(_TALK, TURN_NO),
    ).with_columns(
        _asked=nw.col("_run_began").shift(1).over(_TALK, order_by=_ORDER),
        _previous_turn=nw.col(TURN_NO).shift(1).over(_TALK, order_by=_ORDER),
    )
    in_time = nw.col("_silent_at").is_null() | (nw.col(POSITION) <= nw.col("_silent_at"))
    in_time &= nw.col("_decided_at").is_null() | (nw.col(POSITION) <= nw.col("_decided_at"))
    begins = agent & (nw.col("_previous_turn") != nw.col(TURN_NO))
    waited = begins & (nw.col(SENT_MS) - nw.col("_asked") > int(slow_s * SECOND_MS))
    return sides.with_columns(
        ((nw.col(TURN_NO) + 1 - is_agent + nw.col("_agent_began")) // 2).alias(AGENT_TURN),
        (nw.col(BEFORE_OUTCOME) & in_time & ~(agent & aside)).alias(JUDGED),
        pick(~nw.col(SENT_MS).is_null(), waited.fill_null(value=False).cast(nw.Int8)).alias(WAITED),
    ).drop("_agent_began", "_silent_at", "_decided_at", "_run_began", "_asked", "_previous_turn")


def first_turns(lexicon: Lexicon) -> list[nw.Expr]:
    """Return the aggregates of a conversation: ``turns_judged``, and ``NAME_turn`` of each marker.

    Of an agent's marker it is the agent turn in which it was first shown; of a buyer's the first
    agent turn that could answer to it. ``waited_long_turn`` likewise.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> len(first_turns(lexicon)) > 1
    True
    """
    agent = nw.col(Messages.SENDER) == "agent"
    judged, turn = nw.col(JUDGED), nw.col(AGENT_TURN)
    markers = [
        *(n for n in lexicon.ids("agent") if n in (*lexicon.turn_markers, NO)),
        TEMPLATE_REPLY,
    ]
    shown = {name: agent & placed(name, lexicon, JUDGED) for name in dict.fromkeys(markers)}
    for act in (*_POLITELY, *lexicon.own):
        shown[_POLITE] &= flag(act).fill_null(0) == 0
    shown[WAITED] = agent
    shown |= dict.fromkeys(lexicon.ids("buyer"), ~agent)
    count = pick(agent & judged, turn).max().fill_null(0).cast(nw.Int64)
    return [
        count.alias(Talk.TURNS_JUDGED),
        *(
            pick(judged & here & (flag(name) == 1), turn)
            .min()
            .cast(nw.Int64)
            .alias(turn_column(name))
            for name, here in shown.items()
        ),
    ]
