"""When two lines of a chat say the same: without courtesy, goods, numbers and who signs them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer

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


def alike(texts: Sequence[str], counts: Sequence[int], least: float = ALIKE) -> np.ndarray:
    """Return for each different text the place of the one that stands for its group.

    Parameters
    ----------
    texts : sequence of str
        Of `plain`, each once.
    counts : sequence of int
        How often each was said: what is said most stands for those like it.
    least : float
        How alike two texts have to be, from 0 to 1.

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
        close = near.indices[start:end][near.data[start:end] >= least]
        own = order[close]
        own = own[leader[own] < 0]
        leader[own] = place
        leader[place] = place
    return leader
