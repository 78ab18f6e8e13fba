"""What only few buyers ever said, and is therefore hidden, whatever it is.

Patterns can't know every way to name a person, so what only few buyers' chats hold is hidden too,
whatever it is. A line is taken apart into pieces: pairs of neighbouring Chinese characters (with
the ends of a run of them), and words or numbers of other scripts, alone and as they are joined
(``gwen_87``). A piece that stands in the chats of fewer than `BUYERS` buyers is rare; where rare
pieces follow one another, the text between them is not shown. A pair of two common words that
seldom meet is rare too, so a single rare pair alone hides nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import add, itemgetter
from typing import Final

import narwhals as nw

from csinsight.coaching.advice import load_library
from csinsight.coaching.private_numbers import states_something
from csinsight.coaching.private_places import HAN
from csinsight.contract.schema import Agents, Messages
from csinsight.engine import Shop, collect, ms
from csinsight.features.frames import moment_ms
from csinsight.params import LANGS, shipped

#: Fewer buyers than this are few. Ours; the usual least cell of published statistics.
BUYERS: Final = 5
#: Of so many buyers' chats what is common can be told; more only take longer.
MOST_BUYERS: Final = 20_000
_RUN: Final = re.compile(rf"[{HAN}]+")
#: Braille reads as letters, which they are not to a pattern.
_LETTER: Final = rf"(?:[^\W_{HAN}]|[\u2800-\u28ff])"
_WORD: Final = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)?")
#: Words joined without a blank, digits or an underscore among them: an account, a link, a model.
_JOINED: Final = re.compile(
    rf"(?=[^\s{HAN}]*[^\W\d_])(?=[^\s{HAN}]*[\d_@])(?![\d.\-/]+[a-z]{{1,3}}(?![\w@]))"
    rf"[^\W{HAN}]+(?:[@./:\-][^\W{HAN}]+)*",
    re.IGNORECASE,
)
#: Without any of these there is no word of another script.
_OTHER: Final = re.compile(_LETTER)
#: Numbers of up to so many digits are sizes, prices and hours.
_SHORT_NUMBER: Final = 4
#: Of up to so many, whatever stands around them.
_TINY_NUMBER: Final = 2
#: Traditional characters of addresses, names and papers, read as the simplified ones.
_TRADITIONAL: Final = dict(
    zip(
        "號樓區縣鎮鄉層廈廣場電話機郵單訂運碼證護車帳賬戶陳張劉黃趙吳孫馬羅鄭謝韓許鄧馮蕭葉閻蔣盧"
        "鍾賀賴蘇魯龍萬"
        "錢湯鄒竇龔譚陸餘嚴華東灣門圍涇莊園學醫駐發寄達簽聯繫執鄰關國際貨舖對側進",
        "号楼区县镇乡层厦广场电话机邮单订运码证护车帐账户陈张刘黄赵吴孙马罗郑谢韩许邓冯萧叶阎蒋卢"
        "钟贺赖苏鲁龙万"
        "钱汤邹窦龚谭陆余严华东湾门围泾庄园学医驻发寄达签联系执邻关国际货铺对侧进",
        strict=True,
    )
)
#: Letters in boxes and of flags, which spell names of accounts.
_BOXED: Final = re.compile(r"^(?:NEGATIVE|SQUARED|REGIONAL|CROSSED)\b.* LETTER ([A-Z])$")
#: What stands between two hidden words is hidden with them, unless it is longer than this.
_BRIDGE: Final = 2


def pieces(text: str) -> list[tuple[int, int, str]]:
    """Return the pieces of a text with where each stands.

    Examples
    --------
    >>> [piece for *_, piece in pieces("我是Ann")]
    ['^我', '我是', '是$', 'ann']
    """
    found = []
    for run in _RUN.finditer(text):
        start, end = run.span()
        for at, pair in enumerate(_pairs(run[0]), start=start - 1):
            found.append((max(at, start), min(at + 2, end), pair))
    found += [(*word.span(), word[0].lower()) for word in _words(text)]
    return found


def _pairs(run: str) -> Iterator[str]:
    """Return the pairs of neighbours in a run of Chinese characters, its two ends among them."""
    return map(add, f"^{run}", f"{run}$")


def _words(text: str) -> Iterator[re.Match[str]]:
    """Yield the words and numbers of other scripts, and then those that are joined."""
    if _OTHER.search(text):
        yield from _WORD.finditer(text)
        yield from _JOINED.finditer(text)


@dataclass(frozen=True)
class Common:
    """The pieces that may be shown.

    Parameters
    ----------
    pieces : frozenset of str
    """

    pieces: frozenset[str]

    def rare(self, text: str) -> list[tuple[int, int]]:
        """Return the spans of a text that only few buyers' chats hold, in order.

        Examples
        --------
        >>> common = Common(frozenset(piece for *_, piece in pieces("我是")))
        >>> [(a, b) for a, b in common.rare("我是赵无极")]
        [(2, 5)]
        """
        plain = "".join(map(_folded, text))
        hidden = bytearray(len(plain))
        left, right = bytearray(len(plain)), bytearray(len(plain))
        for start, end, piece in pieces(plain):
            if piece in self.pieces:
                continue
            if piece[0] == "^":
                left[start] = 1
            elif piece[-1] == "$":
                right[end - 1] = 1
            elif _RUN.fullmatch(piece):
                right[start], left[end - 1] = 1, 1
            elif len(piece) > 1 and not _is_plain_number(plain, start, end, piece):
                hidden[start:end] = b"\x01" * (end - start)
        for place in range(len(plain)):
            # A character is hidden whose pairs to both sides are rare.
            hidden[place] |= left[place] & right[place]
        return _rare_spans(hidden, plain)


def _is_plain_number(plain: str, start: int, end: int, piece: str) -> bool:
    """Tell whether digits are a size, a price, an hour: nobody is known by it."""
    if not piece.isdecimal() or len(piece) > _SHORT_NUMBER:
        return False
    return len(piece) <= _TINY_NUMBER or states_something(plain, start, end)


def _rare_spans(hidden: bytearray, plain: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for match in re.finditer(b"\x01+", bytes(hidden)):
        start, end = match.span()
        between = plain[found[-1][1] : start] if found else ""
        if found and len(between) <= _BRIDGE and not _RUN.search(between):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def plain_text(text: str) -> str:
    """Return a text in NFKC, digits of every dress as 0 to 9, each character in its place.

    Examples
    --------
    >>> plain_text("①➌９ｌ㊀")
    '139l一'
    """
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=65_536)
def _plain_character(character: str) -> str:
    plain = unicodedata.normalize("NFKC", _TRADITIONAL.get(character, character))
    if boxed := _BOXED.search(unicodedata.name(plain, "")) if len(plain) == 1 else None:
        return boxed[1].lower()
    digits = [c for c in plain if c.isdigit()]
    if len(plain) != 1 and len(digits) != 1:
        return character
    one = plain if len(plain) == 1 else digits[0]
    value = unicodedata.digit(one, None)
    return one if value is None else str(value)


@lru_cache(maxsize=65_536)
def _folded(character: str) -> str:
    plain = _plain_character(character).lower()
    return plain if len(plain) == 1 else character


def common_pieces(
    shop: Shop, texts: Iterable[str], allowed: Sequence[str], as_of_ms: int
) -> Common:
    """Count in how many buyers' chats the pieces of some texts stand.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    texts : iterable of str
        What may be shown; only their pieces are counted.
    allowed : sequence of str
        Names that may be shown whoever said them: goods, say.
    as_of_ms : int
        Only messages before this moment count, and those without a time.

    Returns
    -------
    Common
        The pieces in at least `BUYERS` buyers' chats, in `allowed`, or in what csinsight itself
        says (its coaching library).

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> common = common_pieces(sample_shop(), ["在吗", "欧阳娜"], [], 2**60)
    >>> common.rare("在吗"), len(common.rare("欧阳娜"))
    ([], 1)
    """
    wanted = _all_pieces(texts)
    sent = nw.col(ms(Messages.SENT_AT))
    known = shop["messages"].filter(sent.is_null() | (sent < as_of_ms))
    buyers = known.select(Messages.BUYER_ID).drop_nulls().unique().sort(Messages.BUYER_ID)
    some = known.join(buyers.head(MOST_BUYERS), on=Messages.BUYER_ID, how="semi")
    said = collect(some.select(Messages.BUYER_ID, Messages.TEXT).unique()).dropna()
    said = said.sort_values(Messages.BUYER_ID)
    lines = zip(said[Messages.BUYER_ID].tolist(), said[Messages.TEXT].tolist(), strict=True)
    counts: Counter[str] = Counter()
    there: set[str] = set()
    # One buyer after the other: only what is counted is held of all, and that until it is enough.
    for _, own in groupby(lines, key=itemgetter(0)):
        found = set().union(*(wanted & _pieces_of(text) for _, text in own))
        counts.update(found)
        there |= {piece for piece in found if counts[piece] >= BUYERS}
        wanted -= there
    return Common(frozenset(there | _all_pieces((*_own_words(), *allowed))))


def _all_pieces(texts: Iterable[str]) -> set[str]:
    return set().union(*map(_pieces_of, texts))


def what_many_say(shop: Shop, texts: Iterable[str], as_of: datetime) -> Common:
    """Return what of some texts may be shown: what many buyers say, and the shop's goods.

    Parameters
    ----------
    shop : Shop
    texts : iterable of str
        What is about to be shown.
    as_of : datetime
        Only messages before this moment count, and those without a time.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> common = what_many_say(sample_shop(), ["在吗", "我是欧阳娜"], sample_context().as_of)
    >>> common.rare("在吗"), len(common.rare("我是欧阳娜"))
    ([], 1)
    """
    return common_pieces(shop, texts, goods_names(shop), moment_ms(as_of))


def goods_names(shop: Shop) -> list[str]:
    """Return what the shop's goods are called, where its tables say so: these may be shown.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> goods_names(sample_shop())
    []
    """
    if not shop.has("order_lines", "product_name"):
        return []
    names = collect(shop["order_lines"].select("product_name").unique())["product_name"]
    return sorted(str(name) for name in names.dropna())


def agent_names(shop: Shop) -> list[str]:
    """Return the names of all agents, to be masked wherever they stand in a chat.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> len(agent_names(sample_shop()))
    6
    """
    if not shop.has("agents", Agents.NAME):
        return []
    names = collect(shop["agents"].select(Agents.NAME))[Agents.NAME].dropna()
    return [str(name) for name in names]


@lru_cache(maxsize=200_000)
def _pieces_of(text: str) -> frozenset[str]:
    plain = "".join(map(_folded, text))
    pairs = (pair for run in _RUN.findall(plain) for pair in _pairs(run))
    return frozenset((*pairs, *(word[0].lower() for word in _words(plain))))


@lru_cache(maxsize=1)
def _own_words() -> tuple[str, ...]:
    file = shipped("params", "coaching.yml")
    return tuple(line for lang in LANGS for line in load_library(lang, file).phrases())
