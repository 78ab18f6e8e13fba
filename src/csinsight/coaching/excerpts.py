"""Masked lines of conversations that show what is meant, with nobody in them.

The two or three behind every line of a coaching plan, gathered once for all cards; and lines drawn
by lot, which tell what a figure's own conversations sound like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache, partial
from itertools import islice
from operator import itemgetter
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.behaviours.conversations import ChatSource
from csinsight.behaviours.markers import mark
from csinsight.behaviours.opportunities import WORRY
from csinsight.behaviours.scope import AGENT_TURN
from csinsight.coaching.examples import (
    ADVICE,
    ASKED,
    agent_turns,
    answering,
    answers,
    choose,
    suspected,
    taken_up,
    waited,
)
from csinsight.coaching.masking import MASKED, mask_lines
from csinsight.coaching.plan import TO_CHECK
from csinsight.coaching.rarity import Common, agent_names, what_many_say
from csinsight.contract.artifacts import (
    CoachingPlan,
    Conversations,
    LostInquiries,
    opportunity_column,
)
from csinsight.contract.schema import Messages
from csinsight.drivers.units import as_float
from csinsight.engine import Shop, collect
from csinsight.features.conversations import messages_of
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    POSITION,
    SENT_MS,
    Frame,
)

_M = Messages
_C = Conversations
_P = CoachingPlan
_TALK: Final = Messages.CONVERSATION_ID

#: So many lines about those shown are read for what they tell of them: no number sent in pieces has
#: more digits. To mask the whole of a long conversation for a few lines took most of a run.
_ABOUT: Final = 30
#: The longest line shown, in characters; what is longer ends in an ellipsis.
MAX_CHARACTERS: Final = 80
COLUMNS: Final = ("conversation_id", "sender", "sent_at", "text", "marked", "waited_s")


def excerpts(
    chats: ChatSource, conversation_ids: Iterable[str], buyers: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return the messages of some conversations with what each shows, for `excerpt`.

    One pass over the shop serves all cards. The text is as in the shop: mask before showing.

    Parameters
    ----------
    chats : ChatSource
        By whose rules the conversations were cut.
    conversation_ids : iterable of str
    buyers : iterable of str or None
        Whose conversations they are, where that is known: only these are cut anew then.

    Returns
    -------
    DataFrame
        One row a message, in reading order: the contract's columns, ``position`` within the
        conversation, ``before_outcome``, and one boolean column a behaviour that words show.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> chats, one = sample_context().chats(sample_shop()), sample_conversations().head(1)
    >>> lines = excerpts(chats, one["conversation_id"], one["buyer_id"])
    >>> lines["position"].is_monotonic_increasing
    True
    """
    wanted = sorted(set(conversation_ids))
    shop = chats.shop
    if buyers is not None:
        own = shop["messages"].filter(
            nw.col(_M.BUYER_ID).is_in(sorted({str(buyer) for buyer in buyers}))
        )
        shop = replace(shop, tables={**shop.tables, "messages": own})
    messages = messages_of(shop, chats.as_of, chats.rules, months=chats.months)
    messages = messages.filter(nw.col(_M.CONVERSATION_ID).is_in(wanted))
    marked = mark(messages, chats.lexicon)
    known = [
        _M.CONVERSATION_ID,
        _M.BUYER_ID,
        _M.AGENT_ID,
        _M.SENDER,
        _M.SENT_AT,
        _M.TEXT,
        _M.MESSAGE_NO,
        POSITION,
        BEFORE_OUTCOME,
    ]
    have = marked.collect_schema().names()
    shown = [
        name for name in (*chats.lexicon.behaviours, ASKED, WORRY, *ADVICE.values()) if name in have
    ]
    table = collect(marked.select(*known, *shown))
    # Not known is not shown; plain truth is looked up a hundred times a conversation.
    truth = table[shown].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    table = table[known].join(pd.DataFrame(truth, columns=shown, index=table.index))
    order = [_M.CONVERSATION_ID, _M.SENT_AT, _M.MESSAGE_NO]
    return table.sort_values(order, kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class People:
    """What people wrote in one conversation, cut out once for all that look at it.

    Parameters
    ----------
    lines : DataFrame
        The buyer's and the agents' lines, with ``agent_turn``.
    names : frozenset of str
        The ids of all who wrote, robots among them.

    Examples
    --------
    >>> said = pd.DataFrame({"sender": ["bot", "buyer"], "agent_id": ["r1", None]})
    >>> talk = People.of(said)
    >>> len(talk.lines), sorted(talk.names)
    (1, ['r1'])
    """

    lines: pd.DataFrame
    names: frozenset[str]

    @classmethod
    def of(cls, messages: pd.DataFrame) -> People:
        """Return what people wrote of a conversation in reading order."""
        lines = messages[messages[_M.SENDER].isin(["buyer", "agent"])].reset_index(drop=True)
        lines[AGENT_TURN] = agent_turns(lines)
        ids = [c for c in (_M.BUYER_ID, _M.AGENT_ID) if c in messages]
        return cls(lines, frozenset(str(v) for c in ids for v in messages[c].dropna()))


def excerpt(
    messages: pd.DataFrame | People,
    behaviour: str,
    *,
    shown: bool = True,
    opportunity: float | None = None,
    author: str | None = None,
    nicknames: Iterable[str] = (),
    common: Common | None = None,
    lines: int = 3,
    after: int = 0,
    lesson: bool = False,
) -> pd.DataFrame:
    """Return the few masked lines of one conversation around a behaviour.

    Parameters
    ----------
    messages : DataFrame or People
        One conversation in reading order: ``sender``, ``sent_at``, ``text``, the ids, and, where
        words show the behaviour, its column; or what `People.of` makes of it.
    behaviour : str
    shown : bool
        Whether to show the behaviour (of a timing: much of it) or that it was missed.
    opportunity : float or None
        The agent turn, from 1, that first gave opportunity for it; None or NaN: the first.
    author : str or None
        The agent whose lines it is about; None: any agent's.
    nicknames : iterable of str
        Names to mask besides the ids in `messages`.
    common : Common or None
        What many buyers say: all else is hidden. None: patterns alone mask.
    lines, after : int
        At most so many lines, the buyer's last words and what the agent answered; then so many
        after them, so that it is seen what came of it.
    lesson : bool
        Whether it is an example to learn from: the line of the same turn that answers the buyer is
        shown beside them, and nothing where that turn does not answer the buyer.

    Returns
    -------
    DataFrame
        ``conversation_id``, ``sender`` (``buyer`` or ``agent``), ``sent_at``, ``text`` (masked),
        ``marked`` (the agent's lines that it is about), ``waited_s`` (how long the buyer had
        waited for them, seconds; NaN where times are not known). No row where the conversation
        can't show what is asked for: an example that does not show it would only confuse.

    Examples
    --------
    >>> said = {"sender": ["buyer", "agent"], "text": ["有大码吗 13800138000", "这款有大码，亲"]}
    >>> lines = pd.DataFrame(said).assign(conversation_id="c1", sent_at=pd.NaT)
    >>> excerpt(lines.assign(recommends=[None, True]), "recommends")["text"].tolist()
    ['有大码吗 [电话]', '这款有大码，亲']
    """
    talk = messages if isinstance(messages, People) else People.of(messages)
    human = talk.lines
    first = 1 if opportunity is None or pd.isna(opportunity) else int(opportunity)
    about = choose(human, behaviour, shown=shown, opportunity=first, author=author)[: lines - 1]
    # Whoever learns from an example also learns to leave open what it leaves open.
    if not about or (lesson and not answers(human, about, behaviour)):
        return pd.DataFrame(columns=list(COLUMNS))
    said, met = sorted(about), []
    if lesson:
        beside = [at for at in answering(human, about) if at not in about][:1]
        said = sorted({*about, *beside})
        # Of several things asked at once the one that is answered is shown, not the last alone.
        met = taken_up(human, said)[-1:]
    asked = np.flatnonzero((human[_M.SENDER] == "buyer").to_numpy()[: about[0]])
    rows = [
        *sorted({*met, *asked[-1:].tolist()}),
        *said,
        *range(len(human))[said[-1] + 1 :][:after],
    ]
    names = talk.names.union(nicknames)
    masked = _masked_rows(human[_M.TEXT], rows, names, common)
    found = human.iloc[rows][[_M.CONVERSATION_ID, _M.SENDER, _M.SENT_AT]].reset_index(drop=True)
    found["text"] = [shortened(text) for text in masked]
    found["marked"] = [row in about for row in rows]
    found["waited_s"] = waited(human, about[0])
    found.attrs["answers"] = answers(human, about, behaviour) and bool(met or not lesson)
    return found


def _masked_rows(
    texts: pd.Series[str], rows: Sequence[int], names: frozenset[str], common: Common | None
) -> list[str]:
    """Mask some lines of a conversation, read with those about them."""
    if not rows:
        return []
    low = max(min(rows) - _ABOUT, 0)
    some = tuple(map(str, texts.iloc[low : max(rows) + _ABOUT + 1]))
    masked = _masked(some, names, common)
    return [masked[row - low] for row in rows]


@lru_cache(maxsize=4096)
def _masked(texts: tuple[str, ...], names: frozenset[str], common: Common | None) -> list[str]:
    """Mask a conversation once for all cards that look at it."""
    return mask_lines(texts, names, common)


def shortened(text: str) -> str:
    """Return a line as long as one may be shown.

    Examples
    --------
    >>> shortened("a  b"), len(shortened("好" * 200))
    ('a b', 80)
    """
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


#: On which side of a recommendation a conversation stands, in the order of a card.
SIDES: Final = (_P.MISSES, _P.HITS, _P.PEER_HITS)
#: What stands for words that few buyers say.
_RARE: Final = "[略]"
#: What is of rules, and not of what goes with a sale.
_BREACHES: Final = ("compliance", TO_CHECK)
#: Conversations shown on each side. Of a rule that may be broken all are: what is said of a person
#: has its lines beside it.
EACH: Final = 1
#: Of an excerpt than which none is better.
_NO_FAULTS: Final = (False, 0)


def plan_excerpts(
    chats: ChatSource, plan: pd.DataFrame, conversations: pd.DataFrame
) -> pd.DataFrame:
    """Return the lines that a plan's cards show, masked.

    Of the conversations that the plan names, those are taken whose lines truly show the behaviour,
    or its absence when there was opportunity for it.

    Parameters
    ----------
    chats : ChatSource
        By whose rules the plan's conversations were cut, and that reaches as far back as they do.
    plan, conversations : DataFrame
        The ``coaching_plan`` and ``conversations`` artifacts.

    Returns
    -------
    DataFrame
        ``agent_id``, ``behaviour``, ``side`` (``misses``, ``hits``, ``peer_hits``), then the
        columns of `csinsight.coaching.excerpts.excerpt`; one row a line, in reading order. Lines
        that accuse somebody and can't be read once masked have no text, but their time.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> from csinsight.coaching.plan import coaching_plan
    >>> from csinsight.sample import sample_conversations, sample_shop
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> chats, known = context.chats(sample_shop()), sample_conversations()
    >>> plan_excerpts(chats, plan, known).columns[:3].tolist()
    ['agent_id', 'behaviour', 'side']
    """
    wanted = list(_wanted(plan[plan[_P.KIND] != "strength"]))
    ids = {one for *_, named, _, _ in wanted for one in named}
    own = conversations[conversations[Conversations.CONVERSATION_ID].isin(ids)]
    messages = excerpts(chats, ids, own.get(Conversations.BUYER_ID))
    spoken = dict(list(messages.groupby(Messages.CONVERSATION_ID)))
    talk = cache(lambda one: People.of(spoken[one]))
    show = partial(
        excerpt,
        nicknames=agent_names(chats.shop),
        common=what_many_say(chats.shop, messages[Messages.TEXT].dropna(), chats.as_of),
        after=1,
    )
    by_id = conversations.set_index(Conversations.CONVERSATION_ID)
    parts: list[pd.DataFrame] = []
    for agent, behaviour, side, named, unwanted, kind in wanted:
        breach = kind in _BREACHES
        good = side != _P.MISSES
        since = by_id.get(opportunity_column(behaviour), pd.Series(dtype=float))
        found = (
            show(
                talk(one),
                behaviour,
                shown=unwanted != good,
                opportunity=since.get(one),
                author=None if side == _P.PEER_HITS else agent,
                lesson=good and not breach,
            )
            for one in named
            if one in spoken
        )
        kept = _best(filter(len, found), None if breach else EACH, good=good)
        kept = [p if _readable(p) else p.assign(text=None) for p in kept] if breach else kept
        parts += [p.assign(agent_id=agent, behaviour=behaviour, side=side) for p in kept]
    columns = ["agent_id", "behaviour", "side", *COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _best(found: Iterable[pd.DataFrame], most: int | None, *, good: bool) -> list[pd.DataFrame]:
    """Return excerpts by their faults, at most so many: with as many without any, no more is read.

    Of equals the first comes first, so that none that comes later could take their place.
    """
    told: list[tuple[tuple[bool, int], pd.DataFrame]] = []
    for lines in found:
        told.append((_faults(lines, good=good), lines))
        if most is not None and sum(faults == _NO_FAULTS for faults, _ in told) >= most:
            break
    return [lines for _, lines in sorted(told, key=itemgetter(0))[:most]]


def _faults(lines: pd.DataFrame, *, good: bool) -> tuple[bool, int]:
    """Rank an excerpt: a good example answers the buyer in the same turn; then hide little."""
    hidden = sum(len(MASKED.findall(text)) for text in lines["text"])
    return good and not lines.attrs["answers"], hidden


def _readable(lines: pd.DataFrame) -> bool:
    """Tell whether what is left of the lines that accuse somebody can still be read.

    What is hidden for being rare may be any word; four words or characters beside each are least.
    """
    text = " ".join(lines.loc[lines["marked"].astype(bool), "text"]) if len(lines) else ""
    left = re.findall(r"[\u4e00-\u9fff]|[A-Za-z0-9]+", MASKED.sub(" ", text))
    return len(left) >= 4 * text.count(_RARE)


def _wanted(plan: pd.DataFrame) -> Iterator[tuple[str, str, str, list[str], bool, str]]:
    """Yield agent, behaviour, side, conversations, whether less of it is wanted, and the kind."""
    for _, row in plan.iterrows():
        kind = str(row[_P.KIND])
        unwanted = kind in _BREACHES or bool(row[_P.EFFECT_PP] < 0)
        for side in SIDES:
            yield row[_P.AGENT_ID], row[_P.BEHAVIOUR], side, list(row[side]), unwanted, kind


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
    names = agent_names(shop)
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
    names = agent_names(chats.shop)
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
