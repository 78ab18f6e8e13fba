"""Questions that buyers open with again and again, how they are answered, and what goes with it.

Openings that say nearly the same make one question; the lines of the first reply are gathered in
the same way; which goods are asked about, and who signs, is no part of it. A line is an answer to
the question where it is said to it more often than to others: greetings, canned lines and answers
to something else are not. A question or an answer is shown only where enough buyers were part of
it, and masked.

When two lines say the same is told without courtesy, goods, numbers and who signs them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import scipy
from sklearn.feature_extraction.text import TfidfVectorizer

from csinsight.behaviours.endings import OBJECTIONS, ending_lexicon
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import by_rules
from csinsight.behaviours.products import product_names
from csinsight.coaching.examples import ASKED, FRAME, SAYS
from csinsight.coaching.excerpts import shortened
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import BUYERS, agent_names, what_many_say
from csinsight.contract.artifacts import AnswerBank, Conversations
from csinsight.contract.schema import Messages
from csinsight.drivers.units import as_float
from csinsight.engine import Shop, collect
from csinsight.features.frames import POSITION, TURN_NO, Frame
from csinsight.stats.intervals import difference, wilson

_B = AnswerBank
_C = Conversations
_M = Messages
_TALK: Final = Messages.CONVERSATION_ID

#: Texts this alike (cosine of their runs of two and three characters) say the same. Ours.
ALIKE: Final = 0.55
#: The most different texts that are gathered; those asked most come first.
MOST_TEXTS: Final = 4000

_NOISE: Final = re.compile(r"https?://\S+|\[[^\]]{1,12}\]|/:\S{1,6}|#e-\S+|[^\w\u3400-\u9fff]+|_")
#: A line that sends goods asks nothing.
_LINK: Final = re.compile(r"https?://|\[[^\]]{0,4}链接")
#: A number within a text.
NUMBER: Final = re.compile(r"[0-9]+")
#: Other words for the same.
_SAME: Final = (
    ("啥", "什么"),
    ("咋", "怎么"),
    ("肿么", "怎么"),
    ("多久", "什么时候"),
    ("几时", "什么时候"),
)
#: What opens or closes a line without saying what it is about.
_OPENS: Final = (
    "在吗|在么|在不在|有人吗|你好|您好|亲亲?|哈喽|掌柜|老板|客服|请问(一下)?|问一下|想问下?|麻烦"
    "|那|我想|我要|能不能|可不可以|有没有|是不是|可以|能|会|有|这个|这款|那个|那款|你们家?"
    "|人在|(想)?(咨询|问|请教)(个|一个|下|一下)问题|(有)?个?问题想?(问|咨询|请教)(一下|下)?"
    "|(is )?any(one|body) there|(just )?a? ?quick question|(have|got) a question|ask you something"
    "|hi|hello|hey|please|excuse me|good (morning|afternoon|evening)|what is|the"
    "|(can|could|do|does|is|are|will) (you|it|this|i|they)"
)
_CLOSES: Final = (
    r" *(亲|宝|呀|啊|呢|哦|哈|吧|吗|么|嘛|不|没|的|了|谢谢|能用|可以|行不行|please|thanks?)"
)
_COURTESY: Final = re.compile(f"^({_OPENS})+ *|({_CLOSES})+$")
#: What tells of an order and asks nothing about it.
_ORDERED: Final = re.compile(
    r"(我|已经?|刚刚?|刚才)*(拍|下单|付款?|买)(好|了|下)*"
    r"|(ok(ay)? |thanks |thank you |great )*i ((have|ve|just|will|ll) )*(ordered|paid|bought|take)"
    r"( (it|this one|now|already))*"
)


#: Who signs a line: an agent says a name or an office before it, a buyer a wish or a title.
_SIGNS: Final = r"[-—–~|,，.。!！:：\s]+|我是|客服|专属|this is|i am|i'm|from"
_SIGNED: Final = re.compile(
    r"[\s,，—–-]+[\u3400-\u9fff]{1,3}(先生|女士|小姐|敬上)\W*$"
    r"|\b(regards|cheers|sincerely|thanks|thank you|yours)[,!.\s]+[a-z]+( [a-z]+)?\W*$",
    re.IGNORECASE,
)


def unsigned(texts: Sequence[str], goods: Sequence[str], agents: Sequence[str]) -> list[str]:
    """Return texts without the names of goods and without who signs them.

    Parameters
    ----------
    texts : sequence of str
    goods : sequence of str
        What chats may call the shop's goods, in lower case.
    agents : sequence of str
        Names of agents; they are taken away where they sign, for many are words as well.

    Examples
    --------
    >>> unsigned(["船袜会掉色吗", "不会的 客服小美", "小美的船袜"], ["船袜"], ["小美"])
    ['会掉色吗', '不会的', '小美的']
    """
    low = [unicodedata.normalize("NFKC", text).lower() for text in texts]
    if goods:
        column = pl.Series(low, dtype=pl.String)
        held = column.str.extract_many(list(goods), overlapping=True).to_list()
        low = [_without(text, names) for text, names in zip(low, held, strict=True)]
    if agents:
        named = "|".join(re.escape(name.lower()) for name in sorted(agents, key=len, reverse=True))
        low = [re.sub(rf"(?:{_SIGNS})+(?:{named})(为您服务)?\W*$", "", text) for text in low]
    return [_SIGNED.sub("", text).strip() for text in low]


def _without(text: str, names: Sequence[str]) -> str:
    """Take names out of a text, the longest first; of Latin letters whole words alone."""
    for name in sorted(set(names), key=len, reverse=True):
        word = rf"(?<![a-z0-9]){re.escape(name)}(?:e?s)?(?![a-z0-9])"
        text = re.sub(word if name.isascii() else re.escape(name), " ", text)
    return text


def plain(text: str) -> str:
    """Return what a line says, without courtesy, figures, links and stickers; empty for nothing.

    Examples
    --------
    >>> plain("您好，请问 170 穿什么码呀？"), plain("在吗"), plain("Hello! Is it waterproof?")
    ('#穿什么码', '', 'waterproof')
    """
    if _LINK.search(text):
        return ""
    bare = NUMBER.sub("#", " ".join(_NOISE.sub(" ", text.lower()).split()))
    bare = re.sub(r"(?<=[\u3400-\u9fff#]) | (?=[\u3400-\u9fff#])", "", bare)
    for word, usual in _SAME:
        bare = bare.replace(word, usual)
    before = ""
    while before != bare:
        before, bare = bare, _COURTESY.sub("", bare).strip()
    return bare if len(bare.strip("# ")) > 1 and not _ORDERED.fullmatch(bare) else ""


def alike(texts: Sequence[str], counts: Sequence[int]) -> np.ndarray:
    """Return for each different text the place of the one that stands for its group.

    Parameters
    ----------
    texts : sequence of str
        Of `plain`, each once.
    counts : sequence of int
        How often each was said: what is said most stands for those like it.

    Returns
    -------
    array of int
        -1 where the text is not among the `MOST_TEXTS` said most.

    Examples
    --------
    >>> alike(["什么时候发货", "什么时候能发货", "会掉色吗"], [5, 2, 3]).tolist()
    [0, 0, 2]
    """
    order = np.argsort(-np.asarray(counts), kind="stable")[:MOST_TEXTS]
    leader = np.full(len(texts), -1)
    if not len(order):
        return leader
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    vectors = grams.fit_transform([texts[place] for place in order])
    near = vectors @ vectors.T
    for row, place in enumerate(order.tolist()):
        if leader[place] >= 0:
            continue
        start, end = near.indptr[row], near.indptr[row + 1]
        close = near.indices[start:end][near.data[start:end] >= ALIKE]
        own = order[close]
        own = own[leader[own] < 0]
        leader[own] = place
        leader[place] = place
    return leader


#: Questions in the bank, answers of each, and inquiries that a comparison takes on either side.
QUESTIONS: Final = 40
ANSWERS: Final = 3
MIN_COMPARED: Final = 20
#: A line is an answer where it is said to the question at least so many times as often as to the
#: others, and no less than this share as often as where it belongs most surely. Ours.
MORE_OFTEN: Final = 2
AS_OFTEN: Final = 0.5
#: Of many lines and questions some go together by chance: level of what tells them apart.
_SURE: Final = 0.99
#: One way of answering that covers this share of a question is a standard answer already.
STANDARD: Final = 0.5
#: An answer after which surely more than this share of buyers ask again is not understood. Ours.
AGAIN: Final = 0.1


def exchanges(
    lines: Frame, goods: Sequence[str], agents: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what each conversation opened with, and the lines of the first reply to it.

    Parameters
    ----------
    lines : narwhals.LazyFrame
        Of `csinsight.features.conversations.lines_of`.
    goods, agents : sequence of str
        As for `unsigned`.

    Returns
    -------
    asked : pandas.DataFrame
        By conversation id: ``question`` (the buyer's longest line that says anything),
        ``question_plain`` and ``question_turn``. Conversations that say nothing are left out.
    replies : pandas.DataFrame
        A row a line that says anything, by conversation id: ``answer``, ``answer_plain``.

    Examples
    --------
    >>> import polars as pl
    >>> said = {"conversation_id": ["c"] * 4, "sender": ["buyer", "buyer", "agent", "agent"]}
    >>> said |= {"turn_no": [1, 1, 2, 2], "position": [1, 2, 3, 4]}
    >>> said |= {"text": ["在吗", "这款会掉色吗？", "亲，不会的哦", "反面洗"]}
    >>> asked, replies = exchanges(nw.from_native(pl.LazyFrame(said)), [], [])
    >>> asked["question"].tolist(), replies["answer"].tolist()
    (['这款会掉色吗？'], ['亲，不会的哦', '反面洗'])
    """
    early = lines.filter(nw.col(TURN_NO) <= 4, ~nw.col(_M.TEXT).is_null())
    table = collect(early.select(_TALK, _M.SENDER, TURN_NO, POSITION, _M.TEXT))
    table = table.sort_values([_TALK, POSITION], kind="stable")
    texts = [str(text) for text in table[_M.TEXT]]
    # Who names goods and nothing else asks about them.
    pairs = zip(unsigned(texts, goods, agents), texts, strict=True)
    table["plain"] = [plain(bare) or plain(text) for bare, text in pairs]
    said = table[table["plain"] != ""]
    buyer = said[said[_M.SENDER] == "buyer"]
    first = buyer.groupby(_TALK)[TURN_NO].min()
    # Of no lines at all pandas would have the turns as text.
    opens = said[_TALK].map(first).astype(float)
    asked = said[(said[_M.SENDER] == "buyer") & (said[TURN_NO] == opens)]
    after = said[(said[_M.SENDER] == "agent") & (said[TURN_NO] == opens + 1)]
    longest = asked.assign(size=asked["plain"].str.len()).sort_values(
        [_TALK, "size"], ascending=[True, False], kind="stable"
    )
    opened, replied = longest.drop_duplicates(_TALK), after.drop_duplicates([_TALK, "plain"])
    return (
        opened.set_index(_TALK)[[_M.TEXT, "plain", TURN_NO]].set_axis(
            ["question", "question_plain", "question_turn"], axis="columns"
        ),
        replied.set_index(_TALK)[[_M.TEXT, "plain"]].set_axis(
            ["answer", "answer_plain"], axis="columns"
        ),
    )


def asked_again(lines: Frame, asked: pd.DataFrame, lexicon: Lexicon) -> pd.Series[bool]:
    """Tell in which conversations the buyer puts the opening question again after the first reply.

    Parameters
    ----------
    lines : narwhals.LazyFrame
        Of `csinsight.features.conversations.lines_of`.
    asked : pandas.DataFrame
        Of `exchanges`, without conversations that are not looked at.
    lexicon : Lexicon
        Tells what asks something.

    Returns
    -------
    pandas.Series of bool
        Like `asked`. A question is the same where it holds the first, or is alike.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> said = {"conversation_id": ["c"] * 3, "sender": ["buyer", "agent", "buyer"]}
    >>> said |= {"turn_no": [1, 2, 3], "text": ["会掉色吗", "看详情页", "那到底会不会掉色？"]}
    >>> lines = nw.from_native(pl.LazyFrame(said | {"position": [1, 2, 3]}))
    >>> asked, _ = exchanges(lines, [], [])
    >>> asked_again(lines, asked, load_lexicon(reader="rules")).to_dict()
    {'c': True}
    """
    buyer = lines.filter(nw.col(_M.SENDER) == "buyer", ~nw.col(_M.TEXT).is_null())
    table = collect(buyer.select(_TALK, TURN_NO, _M.TEXT))
    table = table.join(asked[["question_plain", "question_turn"]], on=_TALK, how="inner")
    table = table[table[TURN_NO] > table["question_turn"] + 1].reset_index(drop=True)
    if table.empty:
        return pd.Series(data=False, index=asked.index)
    asks = _marked(table[_M.TEXT].astype(str), "buyer", lexicon, (ASKED,))[ASKED]
    table = table[table[_M.TEXT].astype(str).map(asks)]
    later = [plain(str(text)) for text in table[_M.TEXT]]
    first = table["question_plain"].tolist()
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    grams.fit(asked["question_plain"])
    near = grams.transform(first).multiply(grams.transform(later)).sum(axis=1)
    held = [opening in line for opening, line in zip(first, later, strict=True)]
    same = (np.asarray(near).ravel() >= ALIKE) | np.array(held, dtype=bool)
    return pd.Series(asked.index.isin(table.loc[same, _TALK]), index=asked.index)


def fitting(replies: pd.DataFrame, sizes: pd.Series[int]) -> pd.Series[float]:
    """Tell how much more often each line is said to its question than to the others.

    Parameters
    ----------
    replies : pandas.DataFrame
        ``group`` (the question) and ``said`` (the line), each once a conversation.
    sizes : pandas.Series
        Conversations of each question.

    Returns
    -------
    pandas.Series
        Like `replies`: how many times as often; NaN where it is no answer to its question, since
        it is said to others about as often, or belongs to another far more.

    Examples
    --------
    >>> said = {"a": 12 * ["wash cold"] + 9 * ["hello"], "b": 9 * ["hello"] + ["wash cold"]}
    >>> rows = [(group, line) for group, own in said.items() for line in own]
    >>> replies = pd.DataFrame(rows, columns=["group", "said"])
    >>> times = fitting(replies, pd.Series({"a": 20, "b": 20}))
    >>> replies[times.notna()].drop_duplicates().to_numpy().tolist()
    [['a', 'wash cold']]
    """
    pairs = replies.groupby(["said", "group"], sort=False).size().rename("n").reset_index()
    pairs["of"] = pairs["group"].map(sizes)
    pairs["low"], _ = wilson(pairs["n"].to_numpy(float), pairs["of"].to_numpy(float), _SURE)
    other = pairs.groupby("said")["n"].transform("sum") - pairs["n"]
    elsewhere = (other + 0.5) / (int(sizes.sum()) - pairs["of"] + 1)
    own = pairs["n"] / pairs["of"]
    most = pairs.groupby("said")["low"].transform("max")
    fits = (own >= MORE_OFTEN * elsewhere) & (pairs["low"] > elsewhere) & (own >= AS_OFTEN * most)
    pairs["times"] = (own / elsewhere).where(fits)
    return replies.merge(pairs, on=["said", "group"], how="left")["times"].set_axis(replies.index)


def answer_bank(
    shop: Shop, conversations: pd.DataFrame, lines: Frame, as_of: datetime, lexicon: Lexicon
) -> pd.DataFrame:
    """Return the questions that repeat, each with the ways in which it is answered.

    Parameters
    ----------
    shop : Shop
        Its chats say what is common enough to be shown.
    conversations : pandas.DataFrame
        Those of the artifact ``conversations`` that `lines` are of.
    lines : narwhals.LazyFrame
        Of `csinsight.features.conversations.lines_of`.
    as_of : datetime
    lexicon : Lexicon
        Tells greetings and farewells, which answer nothing.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.AnswerBank`: a row a question and way to answer
        it, the question of most buyers first; a question without a way that repeats has one row
        without an answer.

    Examples
    --------
    Nobody has asked anything often enough in so small a shop:

    >>> from csinsight.features.conversations import lines_of
    >>> from csinsight.sample import sample_context, sample_conversations, sample_shop
    >>> shop, few, context = sample_shop(), sample_conversations().head(20), sample_context()
    >>> lines = lines_of(shop, few, context.as_of)
    >>> len(answer_bank(shop, few, lines, context.as_of, context.lexicon))
    0
    """
    facts = conversations.set_index(_TALK)[[_C.BUYER_ID, _C.CATEGORY, _C.IS_INQUIRY, _C.MATURE]]
    facts["paid"] = as_float(conversations.set_index(_TALK)[_C.PAID])
    named = product_names(shop)
    goods = [] if named is None else named["said"].to_list()
    asked, replies = exchanges(lines, goods, agent_names(shop))
    # Who only puts off, takes note or calls for somebody asks nothing.
    aside = _nothing_but(asked["question"], "buyer", ending_lexicon(), _ASIDE, _MATTERS)
    asked = asked[~aside].join(facts, how="inner")
    asked["group"] = _grouped(asked["question_plain"])
    known = _answered(asked[asked["group"] != ""], replies, lexicon)
    buyers = known.groupby("group")[_C.BUYER_ID].nunique()
    repeated = buyers[buyers >= BUYERS].sort_values(ascending=False, kind="stable")
    known = known[known["group"].isin(repeated.head(QUESTIONS).index)]
    known["again"] = asked_again(lines, known, lexicon)
    rows = [
        row
        for number, group in enumerate(repeated.head(QUESTIONS).index, start=1)
        for row in _question(number, known[known["group"] == group])
    ]
    table = pd.DataFrame(rows, columns=[*_COLUMNS, "p"])
    tested = table["p"].notna()
    table[_B.Q_VALUE] = np.nan
    if tested.any():
        adjusted = scipy.stats.false_discovery_control(table.loc[tested, "p"].to_numpy(dtype=float))
        table.loc[tested, _B.Q_VALUE] = adjusted
    return _masked(shop, table.drop(columns="p"), as_of)


#: What opens nothing by itself (markers of ``endings.yml``), and what does beside it.
_ASIDE: Final = ("thinks_it_over", "gives_up", "settles", "calls_for_reply")
_MATTERS: Final = tuple(f"objects_{name}" for name in OBJECTIONS)
_COLUMNS: Final = [
    _B.QUESTION_ID,
    _B.QUESTION,
    _B.CATEGORY,
    _B.BUYERS,
    _B.CONVERSATIONS,
    _B.ANSWER,
    _B.ANSWERED,
    _B.SHARE,
    _B.AGAIN,
    _B.AGAIN_LOW,
    _B.AGAIN_HIGH,
    _B.PAID_RATE,
    _B.PAID_LOW,
    _B.PAID_HIGH,
    _B.DIFFERENCE_PP,
    _B.LOW_PP,
    _B.HIGH_PP,
    _B.Q_VALUE,
]


def _grouped(texts: pd.Series[str]) -> pd.Series[str]:
    counts = texts[texts.notna() & (texts != "")].value_counts()
    names = np.array([*counts.index, ""], dtype=object)
    leader = alike(list(counts.index), counts.to_list())
    of = dict(zip(counts.index, names[leader], strict=True))
    return texts.map(of).fillna("")


def _answered(known: pd.DataFrame, replies: pd.DataFrame, lexicon: Lexicon) -> pd.DataFrame:
    """Add to each conversation the line that answers it best: ``answer``, ``said`` (its group)."""
    given = replies.join(known["group"], how="inner")
    given["said"] = _grouped(given["answer_plain"])
    given = given[given["said"] != ""].reset_index(names=_TALK)
    given = given.drop_duplicates([_TALK, "said"]).reset_index(drop=True)
    given["times"] = fitting(given, known["group"].value_counts())
    found = given.dropna(subset="times")
    found = found[~_nothing_but(found["answer"], "agent", lexicon, FRAME, SAYS)]
    best = found.sort_values("times", ascending=False, kind="stable")
    best = best.drop_duplicates(_TALK).set_index(_TALK)[["answer", "said"]]
    return known.join(best, how="left").assign(said=lambda rows: rows["said"].fillna(""))


def _nothing_but(
    texts: pd.Series[str], side: str, lexicon: Lexicon, aside: Sequence[str], more: Sequence[str]
) -> pd.Series[bool]:
    """Tell which lines of one side show something of `aside` and nothing `more`."""
    marked = _marked(texts, side, lexicon, (*aside, *more))
    bare = marked[[*aside]].any(axis="columns") & ~marked[[*more]].any(axis="columns")
    return texts.map(bare.astype(bool)).astype(bool)


def _marked(
    texts: pd.Series[str], side: str, lexicon: Lexicon, names: Sequence[str]
) -> pd.DataFrame:
    """Return what each different text of one side shows by itself, by the text."""
    lines = pl.DataFrame({_M.TEXT: sorted(set(texts))}, schema={_M.TEXT: pl.String}).with_columns(
        pl.lit(side).alias(_M.SENDER), pl.lit(2).alias(TURN_NO), pl.col(_M.TEXT).alias(_TALK)
    )
    marks = by_rules(nw.from_native(lines.lazy()), lexicon).select(_M.TEXT, *names)
    return collect(marks).set_index(_M.TEXT).astype("boolean").fillna(value=False).astype(bool)


def _question(number: int, own: pd.DataFrame) -> list[list[object]]:
    """Return a question's rows: one for each way to answer it that enough buyers were given."""
    ways = own.loc[own["said"] != "", "said"].value_counts()
    category = own[_C.CATEGORY].value_counts().index[0]
    size = [category, own[_C.BUYER_ID].nunique(), len(own)]
    asked = own[_C.IS_INQUIRY].astype("boolean").fillna(value=False).astype(bool)
    mature = own[_C.MATURE].astype("boolean").fillna(value=False).astype(bool)
    judged = asked & mature & own["paid"].notna()
    rows = []
    for group in ways.head(ANSWERS).index:
        here = own["said"] == group
        if own.loc[here, _C.BUYER_ID].nunique() < BUYERS:
            continue
        paid = _compared(own.loc[here & judged, "paid"], own.loc[~here & judged, "paid"])
        question, answer = _exchange(own[here])
        given = [int(here.sum()), float(here.mean()), *_rate(own.loc[here, "again"])]
        rows.append([number, question, *size, answer, *given, *paid])
    question = own["question"].value_counts().index[0]
    return rows or [[number, question, *size, None, 0, 0.0, *[np.nan] * 11]]


def _exchange(own: pd.DataFrame) -> tuple[str, str]:
    """Return a question with the answer that was given to it, the most frequent pair.

    A pair with a number in common comes first: a size for one height is no answer to another.
    """
    both = ["question", "answer"]
    pairs = own[both].value_counts(sort=False).rename("n").reset_index()
    numbers = [[set(NUMBER.findall(text)) for text in pairs[name]] for name in both]
    pairs["fits"] = [not (q and a) or bool(q & a) for q, a in zip(*numbers, strict=True)]
    first = pairs.sort_values(["fits", "n", *both], ascending=[False, False, True, True]).iloc[0]
    return str(first["question"]), str(first["answer"])


def _compared(with_it: pd.Series[float], without: pd.Series[float]) -> list[float]:
    """Return the paid rate with its interval, the difference from other answers, q (later), p."""
    n, m = len(with_it), len(without)
    if n < MIN_COMPARED:
        return [np.nan] * 8
    hits, others = int(with_it.sum()), int(without.sum())
    own = _rate(with_it)
    if m < MIN_COMPARED:
        return [*own, *[np.nan] * 5]
    apart = difference(own, _rate(without))
    p = scipy.stats.fisher_exact([[hits, n - hits], [others, m - others]]).pvalue
    return [*own, *(100 * value for value in apart), np.nan, float(p)]


def _rate(shown: pd.Series[Any]) -> tuple[float, float, float]:
    """Return a share with its interval."""
    hits, n = int(shown.sum()), len(shown)
    return (hits / n, *wilson(hits, n))


def _masked(shop: Shop, table: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Mask what is shown, and hide what fewer than `BUYERS` buyers said."""
    texts = [str(text) for name in (_B.QUESTION, _B.ANSWER) for text in table[name].dropna()]
    common = what_many_say(shop, texts, as_of)
    names = agent_names(shop)
    found = table.copy()
    for name in (_B.QUESTION, _B.ANSWER):
        found[name] = [
            shortened(mask_lines([str(text)], names, common)[0]) if pd.notna(text) else None
            for text in table[name]
        ]
    return found
