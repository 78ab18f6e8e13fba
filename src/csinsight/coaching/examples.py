"""Which conversations show what is meant, and which of their lines: shown or missed, and answered.

A good example shows the behaviour in a turn that answers the buyer; a miss had the opportunity.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from csinsight.behaviours.opportunities import WORRY
from csinsight.behaviours.scope import AGENT_TURN
from csinsight.contract.artifacts import Conversations
from csinsight.contract.domain import COMPLIANCE, TIMINGS
from csinsight.contract.schema import Messages
from csinsight.drivers.units import as_float, to_model, unit_of
from csinsight.features.frames import BEFORE_OUTCOME
from csinsight.features.months import month_of
from csinsight.params import add_months

_M = Messages
_C = Conversations

#: What the textbook does in place of a habit that it teaches to drop: a good example shows
#: this.
INSTEAD: Final = {
    "refuses_flatly": "offers_alternative",
    "curt_reply": "gives_specifics",
    "leading_question": "asks_needs",
    "repeats_canned": "gives_specifics",
}

#: What answers a question; courtesy, a question back and a recommendation beside it do not.
ANSWERS: Final = ("gives_specifics", "explains_value", "offers_alternative", "promises_time")
#: What answers who asked for it or told a need, and else may be an advert beside an answer.
ADVICE: Final = {"recommends": "asks_to_recommend"}
#: Two characters, the stem of a word, a size, a number that is no single figure: "1.2米" and "2天"
#: have nothing in common.
_WORD: Final = re.compile(
    r"(?=([\u4e00-\u9fff]{2}))|(?<![a-z0-9.])([a-z]{4,5}|x{0,3}[sml](?![a-z0-9])|[0-9]+\.[0-9]+|[0-9]{2,})"
)
#: What most lines have in common.
_EVERYDAY: Final = frozenset(
    "的了我你您是有一这那不好可以看要也吗呢啊个款买们就都很和跟在会能家大小点来"
) | {
    word[:5]
    for word in [
        "this",
        "that",
        "have",
        "with",
        "your",
        "would",
        "like",
        "want",
        "good",
        "please",
        "some",
    ]
}
#: Ends of a line that asks, however short, and a word asked with its own denial (收不收).
_ASKS: Final = re.compile(r"[吗呢不没?？]\W*$|([\u4e00-\u9fff])[不没]\1")
#: What a platform writes for a face, and what stands for words that are hidden.
_FACE: Final = re.compile(r"\[[^\]]*\]|/:\S{1,4}")
_SPOKEN: Final = re.compile(r"[\u4e00-\u9fff]|[0-9]+|(?P<word>[A-Za-z]+)")
#: Characters and numbers, words twice: with fewer a line is a bare word ("够的", "yes it does").
_LEAST: Final = 5
#: A buyer's line that asks something.
ASKED: Final = "asks_question"
#: Words that open or close a conversation and answer nothing.
FRAME: Final = ("greets", "closes_warmly")
#: Any of these makes a line an answer, whatever courtesy comes with it.
SAYS: Final = (
    "asks_needs",
    "recommends",
    "gives_specifics",
    "explains_value",
    "offers_alternative",
    "refuses_flatly",
    "empathizes",
    "apologizes",
    "promises_time",
)


def agent_turns(human: pd.DataFrame) -> np.typing.NDArray[np.int64]:
    """Return the number of the agent turn of each line, from 1; of a buyer's line 0.

    Parameters
    ----------
    human : DataFrame
        Lines of one conversation by buyer and agent, in reading order.

    Examples
    --------
    >>> lines = pd.DataFrame({"sender": ["buyer", "agent", "agent", "buyer", "agent"]})
    >>> agent_turns(lines).tolist()
    [0, 1, 1, 0, 2]
    """
    agent = (human[_M.SENDER] == "agent").to_numpy()
    begins = agent & ~np.r_[False, agent[:-1]]
    return np.where(agent, np.cumsum(begins), 0).astype(np.int64)


def choose(
    conversation: pd.DataFrame,
    behaviour: str,
    *,
    shown: bool,
    opportunity: int,
    author: str | None = None,
) -> list[int]:
    """Return the positions of the agent's lines to show; none where there is no such thing.

    Parameters
    ----------
    conversation : DataFrame
        As for `agent_turns`, with its result as ``agent_turn`` and the marks of words.
    behaviour : str
    shown : bool
        Whether to show it (of a timing: much of it), or that it was missed.
    opportunity : int
        First agent turn that gave opportunity for it.
    author : str or None
        Whose lines to show; None: any agent's.

    Examples
    --------
    >>> lines = pd.DataFrame({"sender": ["buyer", "agent"], "recommends": [None, True]})
    >>> lines["agent_turn"] = agent_turns(lines)
    >>> choose(lines, "recommends", shown=True, opportunity=1)
    [1]
    >>> choose(lines, "recommends", shown=False, opportunity=1)
    []
    """
    timed = behaviour in TIMINGS
    whole = behaviour in COMPLIANCE
    turns = _answers(conversation, opportunity, whole=whole, bare=timed, author=author)
    if timed:
        return _timed(conversation, turns, behaviour, most=shown)
    if behaviour not in conversation:
        # Canned text shows only beside other conversations: its own lines are all there is to
        # see.
        return turns[0] if turns else []
    if shown:
        return _first(conversation, turns, behaviour)
    other = _first(conversation, turns, INSTEAD.get(behaviour, ""))
    if other:
        return other
    marks = as_float(conversation[behaviour]) == 1
    without = [turn for turn in turns if not marks[turn].any()]
    return without[0] if without else []


def answers(conversation: pd.DataFrame, lines: list[int], behaviour: str = "") -> bool:
    """Tell whether the agent turn of some lines answers the buyer, and doesn't only sound well.

    Where the buyer's words before it are known to ask nothing, there is nothing to answer; else
    what answers takes up a word of them. What
    may be an advert (`ADVICE`) answers where the buyer asks for advice or tells a need, and it
    takes up a word of it. A worry is met by sympathy, or by what takes up a word of it: how many
    days it takes is no answer to who fears that the parcel gets lost.

    Examples
    --------
    >>> lines = pd.DataFrame({"sender": ["buyer", "agent"], "gives_specifics": [None, True]})
    >>> lines["agent_turn"] = agent_turns(lines)
    >>> answers(lines, [1]), answers(lines.drop(columns="gives_specifics"), [1])
    (True, False)
    >>> answers(lines.assign(gives_specifics=None, asks_question=False), [1])
    True
    >>> answers(lines.assign(asks_to_recommend=False), [1], "recommends")
    False
    >>> answers(lines.assign(voices_worry=[True, None]), [1])
    False
    """
    advice = ADVICE.get(behaviour)
    if advice is not None and advice in conversation:
        said = _before(conversation, lines[0])
        asked = any(_marked(conversation, advice, at) for at in said)
        fits = asked or not _asked(conversation, lines[0])
        # A number in common is a size that was asked for, and no need that advice takes up.
        return fits and _share_a_word(conversation, said, lines, numbers=False)
    if _leaves_a_worry(conversation, lines):
        return False
    if not _asked(conversation, lines[0]):
        return True
    found = answering(conversation, lines)
    # An answer to something else has facts too: it takes up a word of what was asked.
    about = _M.TEXT not in conversation or _share_a_word(
        conversation, _before(conversation, lines[0]), found
    )
    return bool(found) and about


def answering(conversation: pd.DataFrame, lines: list[int]) -> list[int]:
    """Return the positions of what answers the buyer in the agent turn of some lines.

    A bare word is no answer to learn from, whatever it is marked as.

    Examples
    --------
    >>> lines = pd.DataFrame({"sender": ["buyer", "agent", "agent"]})
    >>> lines["agent_turn"] = agent_turns(lines)
    >>> answering(lines.assign(gives_specifics=[None, True, None]), [2])
    [1]
    """
    turn = conversation[AGENT_TURN].to_numpy()
    same = np.flatnonzero(np.isin(turn, turn[lines])).tolist()
    marked = [at for at in same if any(_marked(conversation, name, at) for name in ANSWERS)]
    if _M.TEXT not in conversation:
        return marked
    # Faces say nothing; a word counts for two characters.
    spoken = (_SPOKEN.finditer(_FACE.sub(" ", text)) for text in _texts(conversation, marked))
    sizes = [sum(2 if one["word"] else 1 for one in said) for said in spoken]
    return [at for at, size in zip(marked, sizes, strict=True) if size >= _LEAST]


def _leaves_a_worry(conversation: pd.DataFrame, lines: list[int]) -> bool:
    """Tell whether the buyer's words before some lines voice a worry that their turn passes by."""
    said = _before(conversation, lines[0])
    # The worry itself is taken up, and not what was asked beside it.
    said = [at for at in said if _marked(conversation, WORRY, at)]
    if not said:
        return False
    turn = conversation[AGENT_TURN].to_numpy()
    same = np.flatnonzero(np.isin(turn, turn[lines])).tolist()
    felt = any(_marked(conversation, "empathizes", at) for at in same)
    return not felt and not _share_a_word(conversation, said, same)


def taken_up(conversation: pd.DataFrame, lines: list[int]) -> list[int]:
    """Return the positions of the buyer's words before some lines that these take up.

    Examples
    --------
    >>> said = ["厦门多久能到", "在吗", "厦门大概4天"]
    >>> lines = pd.DataFrame({"sender": ["buyer", "buyer", "agent"], "text": said})
    >>> taken_up(lines.assign(agent_turn=agent_turns(lines)), [2])
    [0]
    """
    before = _before(conversation, lines[0])
    return [at for at in before if _share_a_word(conversation, [at], lines)]


def _share_a_word(
    conversation: pd.DataFrame, said: list[int], lines: list[int], *, numbers: bool = True
) -> bool:
    """Tell whether the buyer's and the agent's lines have a word alike."""
    if _M.TEXT not in conversation:
        return False
    one, other = (_words(" ".join(_texts(conversation, at)).lower()) for at in (said, lines))
    return any(numbers or not (word[0].isdigit() or len(word) < 2) for word in one & other)


def _texts(conversation: pd.DataFrame, lines: list[int]) -> list[str]:
    """Return the texts of some lines; of one without a text an empty one."""
    return ["" if pd.isna(text) else str(text) for text in conversation[_M.TEXT].iloc[lines]]


def _words(text: str) -> set[str]:
    """Return pairs of neighbouring characters, and words, without what most lines have."""
    found = {pair or word for pair, word in _WORD.findall(text)}
    return {one for one in found if one not in _EVERYDAY and _EVERYDAY.isdisjoint(one)}


def _asked(conversation: pd.DataFrame, line: int) -> bool:
    """Tell whether the buyer's words before an agent's line ask anything; True: not known."""
    if ASKED not in conversation:
        return True
    said = _before(conversation, line)
    if _M.TEXT in conversation and any(map(_ASKS.search, _texts(conversation, said))):
        return True
    return any(_marked(conversation, ASKED, at) for at in said)


def _before(conversation: pd.DataFrame, line: int) -> list[int]:
    """Return the positions of the buyer's words before the agent turn of a line."""
    turn = conversation[AGENT_TURN].to_numpy()
    begins = _begins(turn, line)
    return list(range(_begins(turn, begins - 1), begins)) if begins else []


def _begins(turn: np.typing.NDArray[np.int64], line: int) -> int:
    """Return the first of the lines of one side that a line stands among."""
    while line > 0 and turn[line - 1] == turn[line]:
        line -= 1
    return line


def waited(conversation: pd.DataFrame, line: int) -> float:
    """Return how many seconds the buyer had waited for the agent turn of a line; NaN: unknown.

    Examples
    --------
    >>> lines = pd.DataFrame({"sender": ["buyer", "buyer", "agent"]})
    >>> lines["agent_turn"] = agent_turns(lines)
    >>> lines["sent_at"] = pd.Timestamp("2026-10-01") + pd.to_timedelta([0, 60, 180], unit="s")
    >>> waited(lines, 2)
    180.0
    """
    turn = conversation[AGENT_TURN].to_numpy()
    start = _begins(turn, line)
    asked = _begins(turn, start - 1) if start else start
    moments = conversation[_M.SENT_AT]
    if asked == start or pd.isna(moments.iloc[asked]) or pd.isna(moments.iloc[start]):
        return float("nan")
    return float((moments.iloc[start] - moments.iloc[asked]).total_seconds())


def _answers(
    conversation: pd.DataFrame, opportunity: int, *, whole: bool, bare: bool, author: str | None
) -> list[list[int]]:
    """Return the lines of each agent turn from the opportunity on that answers a buyer's words.

    Turns after the order are left out unless the whole conversation counts; so are lines that only
    greet or take leave, unless bare ones count too.
    """
    turn = conversation[AGENT_TURN].to_numpy()
    counts = np.ones(len(conversation), dtype=bool)
    if not whole and BEFORE_OUTCOME in conversation:
        counts = conversation[BEFORE_OUTCOME].to_numpy(dtype=bool)
    if author is not None:
        counts = counts & (conversation[_M.AGENT_ID] == author).to_numpy(dtype=bool)
    # All turns at once: to look for each in the whole of a long conversation takes its square.
    lines = np.flatnonzero(counts & (turn >= max(opportunity, 1)))
    turns = np.split(lines, np.flatnonzero(np.diff(turn[lines])) + 1)
    framed, more = (_any_marked(conversation, names) for names in (FRAME, SAYS))
    said = np.ones(len(turn), dtype=bool) if whole or bare else ~framed | more
    found = [(own[said[own]].tolist(), own) for own in turns]
    return [kept for kept, own in found if kept and (whole or own[0] > 0)]


def _any_marked(conversation: pd.DataFrame, names: tuple[str, ...]) -> np.typing.NDArray[np.bool_]:
    found = np.zeros(len(conversation), dtype=bool)
    for name in names:
        if name in conversation:
            marks = conversation[name]
            # As `csinsight.coaching.excerpts` gives them, marks are plain truth: to make figures
            # of them takes longer.
            found |= marks.to_numpy() if marks.dtype == bool else as_float(marks) == 1
    return found


def _marked(conversation: pd.DataFrame, name: str, line: int) -> bool:
    if name not in conversation:
        return False
    value = conversation[name].iloc[line]
    return value is not pd.NA and bool(value)


def _first(conversation: pd.DataFrame, turns: list[list[int]], behaviour: str) -> list[int]:
    """Return the first line that shows the behaviour, alone."""
    if behaviour not in conversation:
        return []
    marks = as_float(conversation[behaviour]) == 1
    return next(([at] for turn in turns for at in turn if marks[at]), [])


def _timed(
    conversation: pd.DataFrame, turns: list[list[int]], behaviour: str, *, most: bool
) -> list[int]:
    """Return the turn with the longest or the shortest wait, or the most or fewest answers."""
    if not turns:
        return []
    if behaviour == "first_response_s":
        return turns[0][:1]
    if behaviour == "answer_ask_ratio":
        return (max if most else min)(turns, key=len)
    waits = [waited(conversation, turn[0]) for turn in turns]
    known = [(wait, turn) for wait, turn in zip(waits, turns, strict=True) if wait == wait]
    return (max if most else min)(known, key=lambda pair: pair[0])[1][:1] if known else []


#: Conversations named for each side of a finding.
EACH: Final = 3
#: Good ones named: not in each is the buyer answered in the turn that shows it.
TRIED: Final = 12
#: Categories of inquiries in which goods are talked of: there a recommendation has its place.
GOODS: Final = ("quality", "size")
#: Most good ones of these are adverts beside an answer, so more are looked through.
_TRIED: Final = {"recommends": 20}


def showing(conversations: pd.DataFrame, behaviour: str) -> pd.Series:
    """Tell in which conversations a behaviour is shown; null without opportunity.

    A timing is "shown" where it is among the upper quarter of the given conversations, and not
    shown in the lower quarter; the middle half is null: it makes no clear example.

    Examples
    --------
    >>> seen = pd.DataFrame({"greets": pd.array([True, False, None], dtype="boolean")})
    >>> showing(seen, "greets").tolist()
    [True, False, <NA>]
    """
    values = to_model(conversations[behaviour], behaviour)
    if unit_of(behaviour) == "shown":
        shown = pd.Series(values == 1, index=conversations.index, dtype="boolean")
        return shown.mask(np.isnan(values))
    low, high = np.nanquantile(values, [0.25, 0.75]) if not np.isnan(values).all() else (0, 0)
    clear = (values <= low) | (values >= high)
    shown = pd.Series(values >= high, index=conversations.index, dtype="boolean")
    return shown.mask(~clear | np.isnan(values) | (low == high))


def suspected(sessions: pd.DataFrame) -> frozenset[str]:
    """Return the conversations in which a line of anybody seems to break a rule.

    Parameters
    ----------
    sessions : DataFrame
        All of them: whoever wrote the line, and whether or not it was of an inquiry.

    Examples
    --------
    >>> said = pd.DataFrame({"conversation_id": ["c1", "c1", "c2"], "agent_id": ["a", None, "a"]})
    >>> sorted(suspected(said.assign(off_platform=[False, True, None])))
    ['c1']
    """
    return frozenset(sessions.loc[_shown_any(sessions, COMPLIANCE), _C.CONVERSATION_ID])


def examples(
    inquiries: pd.DataFrame,
    agent_id: str,
    behaviour: str,
    *,
    helps: bool,
    as_of: datetime,
    barred: Collection[str],
) -> dict[str, list[str]]:
    """Return ids of the agent's hits and misses and of peers' hits, the best example first.

    A hit is the behaviour as it should be, in a conversation that ended well where there is one; a
    miss is the other way about. A good example of a habit that is to be dropped shows what is done
    instead (`INSTEAD`). A peer's good one is about the same kind of question as the first miss.
    Then the report month comes before earlier months, later conversations before earlier. None is
    of `barred`, from `suspected`: nobody learns from those, and who wrote what is only to be
    checked would be named by the conversation.

    Returns
    -------
    dict
        ``misses``: at most `EACH` conversation ids; ``hits``, ``peer_hits``: at most `TRIED`,
        of what answers only who asked for it some more.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> given = {"as_of": context.as_of, "barred": suspected(sessions)}
    >>> found = examples(sessions, "a001", "greets", helps=True, **given)
    >>> sorted(found), len(found["hits"]) <= TRIED
    (['hits', 'misses', 'peer_hits'], True)
    """
    shown = showing(inquiries, behaviour)
    inquiries = inquiries[~inquiries[_C.CONVERSATION_ID].isin(barred)]
    shown = shown[inquiries.index]
    right = shown if helps else ~shown
    own = inquiries[_C.AGENT_ID] == agent_id
    hit, miss = right.fillna(value=False).astype(bool), (~right).fillna(value=False).astype(bool)
    paid = pd.Series(as_float(inquiries[_C.PAID]) == 1, index=inquiries.index)
    most = _TRIED.get(behaviour, TRIED)
    instead, facts = (
        _shown_any(inquiries, names) for names in ((INSTEAD.get(behaviour, ""),), ANSWERS)
    )
    # What is to be dropped, or a recommendation missed while goods are talked of, teaches most.
    clean = ~_shown_any(inquiries, tuple(INSTEAD))
    goods = inquiries[_C.CATEGORY].isin(GOODS if behaviour in ADVICE else ())
    misses = _best(inquiries[miss & own], goods, ~paid, as_of=as_of)[:EACH]
    asked = inquiries.loc[inquiries[_C.CONVERSATION_ID].isin(misses[:1]), _C.CATEGORY]
    alike = inquiries[_C.CATEGORY].isin(asked)
    return {
        "hits": _best(inquiries[hit & own & clean], instead, facts, paid, as_of=as_of)[:most],
        "misses": misses,
        "peer_hits": _best(inquiries[hit & ~own & clean], instead, alike, facts, paid, as_of=as_of)[
            :most
        ],
    }


def _shown_any(inquiries: pd.DataFrame, names: tuple[str, ...]) -> pd.Series[bool]:
    """Tell in which rows any of some behaviours is shown."""
    known = [name for name in names if name in inquiries]
    shown = inquiries[known].astype("boolean").fillna(value=False).any(axis="columns")
    return shown.astype(bool)


def _best(found: pd.DataFrame, *fitting: pd.Series, as_of: datetime) -> list[str]:
    """Return the first conversations by what fits, then by how late they are."""
    order = found.assign(_now=month_of(found) >= add_months(as_of, -1))
    keys = [f"_fits{number}" for number in range(len(fitting))]
    order = order.assign(
        **{key: fits.reindex(found.index) for key, fits in zip(keys, fitting, strict=True)}
    )
    by = [*keys, "_now", _C.STARTED_AT, _C.CONVERSATION_ID]
    order = order.sort_values(by, ascending=False, na_position="last")
    return [str(name) for name in order[_C.CONVERSATION_ID].head(max(_TRIED.values()))]
