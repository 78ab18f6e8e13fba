"""Chat text without the people in it: who is meant, where they live, how to reach them.

Masks rather too much than too little: an excerpt loses little by a masked number, a person a lot
by one that is shown. The text keeps its own characters; only what is found is replaced by a word in
square brackets. Masking what is masked changes nothing.

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
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import accumulate, groupby
from operator import add, itemgetter
from typing import Final

import narwhals as nw

from csinsight.coaching.advice import LANGS, load_library
from csinsight.coaching.private_accounts import ACCOUNTS
from csinsight.coaching.private_names import ENGLISH_NEARBY, NAMES, NAMES_NEARBY
from csinsight.coaching.private_numbers import GAP, NUMERAL, Span, number_spans, states_something
from csinsight.coaching.private_places import PLACES
from csinsight.contract.domain import MASKS
from csinsight.contract.schema import Agents, Messages
from csinsight.engine import Shop, collect, ms
from csinsight.features.frames import moment_ms
from csinsight.params import shipped

#: Fewer buyers than this are few. Ours; the usual least cell of published statistics.
BUYERS: Final = 5
#: Of so many buyers' chats what is common can be told; more only take longer.
MOST_BUYERS: Final = 20_000

_ALL_HAN: Final = "\u3400-\u9fff"
_RUN: Final = re.compile(rf"[{_ALL_HAN}]+")
_WORD: Final = re.compile(rf"[^\W_{_ALL_HAN}]+(?:['’][^\W_{_ALL_HAN}]+)?")
#: Words joined without a blank, digits or an underscore among them: an account, a link, a model.
_JOINED: Final = re.compile(
    rf"(?=[^\s{_ALL_HAN}]*[^\W\d_])(?=[^\s{_ALL_HAN}]*[\d_@])(?![\d.\-/]+[a-z]{{1,3}}(?![\w@]))"
    rf"[^\W{_ALL_HAN}]+(?:[@./:\-][^\W{_ALL_HAN}]+)*",
    re.IGNORECASE,
)
#: Without any of these there is no word of another script.
_OTHER: Final = re.compile(rf"[^\W_{_ALL_HAN}]")
#: Numbers up to here are sizes, prices and hours.
_SHORT_NUMBER: Final = 4
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
#: Up to here whatever stands around them.
_TINY_NUMBER: Final = 2
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
        Only messages before this moment count.

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
    wanted = _heard(texts)
    sent = nw.col(ms(Messages.SENT_AT))
    known = shop["messages"].filter(sent.is_null() | (sent < as_of_ms))
    buyers = known.select(Messages.BUYER_ID).drop_nulls().unique().sort(Messages.BUYER_ID)
    some = known.join(buyers.head(MOST_BUYERS), on=Messages.BUYER_ID, how="semi")
    said = collect(some.select(Messages.BUYER_ID, Messages.TEXT).unique()).dropna()
    said = said.sort_values(Messages.BUYER_ID)
    lines = zip(said[Messages.BUYER_ID].tolist(), said[Messages.TEXT].tolist(), strict=True)
    counts: Counter[str] = Counter()
    # One buyer after the other: only what is counted is held of all.
    for _, own in groupby(lines, key=itemgetter(0)):
        counts.update(wanted & _heard(text for _, text in own))
    there = {piece for piece, number in counts.items() if number >= BUYERS}
    return Common(frozenset(there | _heard((*_own_words(), *allowed))))


def _heard(texts: Iterable[str]) -> set[str]:
    return set().union(*map(_pieces_of, texts))


def what_many_say(shop: Shop, texts: Iterable[str], as_of: datetime) -> Common:
    """Return what of some texts may be shown: what many buyers say, and the shop's goods.

    Parameters
    ----------
    shop : Shop
    texts : iterable of str
        What is about to be shown.
    as_of : datetime
        Only messages before this moment count.

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


def shop_names(shop: Shop) -> list[str]:
    """Return the names of all agents, to be masked wherever they stand in a chat.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> len(shop_names(sample_shop()))
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


_HAN: Final = r"\u4e00-\u9fff"

#: A whole message that may be a piece of a number sent in several.
PIECE: Final = re.compile(
    rf"^(?:[^0-9A-Za-z]{{0,4}}|qq?|tel|vx?)(?P<found>(?:{NUMERAL}{GAP}){{2,}}{NUMERAL})\W*$",
    re.IGNORECASE,
)

_PATTERNS: Final = (*ACCOUNTS, *PLACES, *NAMES)
#: Of these a line tells about somebody, so that a name in it is likely.
_PERSONAL: Final = {"电话", "证件号", "账号", "单号", "地址", "邮箱"}
#: Signs that turn the direction of reading: nobody's words, and a line may hide behind them.
_TURNING: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
#: Between the lines of a conversation: a blank to most patterns, an end to those that read
#: backwards.
_BREAK: Final = "\u2028"
#: A link that is written out, item's id and all.
_ADDRESS: Final = re.compile(r"https?://[!-~]+")
#: Lines between which a number may have been broken up.
_NEAR: Final = 3
#: Digits that make pieces a number worth hiding.
_DIGITS: Final = 7

#: What is masked already, here or where the chat came from: ``[姓名x]``.
MASKED: Final = re.compile(
    rf"\[(?:{'|'.join(MASKS)})\]|\[[{_HAN}A-Za-z]{{1,8}}x\]|#[A-Z]-[a-z]+\[[{_HAN}]{{1,4}}x\]"
)


def mask(text: str, nicknames: Iterable[str] = ()) -> str:
    """Return `text` with everything that points at a person replaced.

    Parameters
    ----------
    text : str
        Of one message; full-width, circled and spelled-out digits are seen through.
    nicknames : iterable of str
        Names and ids to mask wherever they stand (the buyer's, agents', the shop's accounts).

    Returns
    -------
    str
        ``mask(mask(text)) == mask(text)``.

    Examples
    --------
    >>> mask("加我微信 abc12345 或打13800138000")
    '加我微信 [账号] 或打[电话]'
    >>> mask("小丽在吗", ["小丽"])
    '[昵称]在吗'
    """
    names = _names(tuple(nicknames))
    while True:
        parts = MASKED.split(text)
        marks = MASKED.findall(text)
        personal = any(mark[1:-1] in _PERSONAL for mark in marks)
        masked = [_replace(p, _spans(plain_text(p), names, personal=personal)) for p in parts]
        result = masked[0] + "".join(m + p for m, p in zip(marks, masked[1:], strict=True))
        if result == text:
            return result
        text = result


def mask_lines(
    texts: Sequence[str], nicknames: Iterable[str] = (), common: Common | None = None
) -> list[str]:
    """Return the lines of one conversation masked, also where something was sent in several pieces.

    Parameters
    ----------
    texts : sequence of str
        All messages of the conversation, in reading order: what stands in one may name what comes
        next.
    nicknames : iterable of str
        As for `mask`.
    common : Common or None
        What many buyers say; all else is hidden too. None: patterns alone.

    Returns
    -------
    list of str
        One text for each of `texts`.

    Examples
    --------
    A number that is sent in two pieces is one number:

    >>> mask_lines(["我电话1380013", "8000", "什么时候发货"])
    ['我电话[电话]', '[电话]', '什么时候发货']
    """
    names = tuple(nicknames)
    lines = [" ".join(_TURNING.sub("", text).split()) for text in texts]
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    plain = plain_text(_BREAK.join(lines))
    links = [(*match.span(), "链接") for match in _ADDRESS.finditer(plain)]
    # An item's id in a link is no phone number that the next line's height could be a piece of.
    spoken = list(plain)
    for start, end, _ in links:
        spoken[start:end] = "。" * (end - start)
    spans = [span for span in _spans("".join(spoken), _names(names)) if span[2] != "姓名"] + links
    found: list[list[Span]] = [[] for _ in lines]
    for start, end, word in _merged(spans):
        for place in range(bisect_right(starts, start) - 1, len(lines)):
            low, high = max(start - starts[place], 0), min(end - starts[place], len(lines[place]))
            if starts[place] >= end:
                break
            if low < high:
                found[place].append((low, high, word))
    for place, span in _broken_numbers(lines):
        found[place].append(span)
    masked = [mask(_replace(t, f), names) for t, f in zip(lines, found, strict=True)]
    return masked if common is None else [hide_rare(text, common) for text in masked]


def hide_rare(text: str, common: Common) -> str:
    """Return a masked text without what only few buyers' chats hold.

    Examples
    --------
    >>> common = Common(frozenset(["^我", "我是", "^发", "发货", "货了", "了吗", "吗$"]))
    >>> hide_rare("我是欧阳娜，发货了吗", common)
    '我是[略]，发货了吗'
    """
    parts, marks = MASKED.split(text), MASKED.findall(text)
    shown = [_replace(p, [(a, b, "略") for a, b in common.rare(p)]) for p in parts]
    return shown[0] + "".join(m + p for m, p in zip(marks, shown[1:], strict=True))


def _broken_numbers(lines: Sequence[str]) -> Iterator[tuple[int, Span]]:
    """Yield where lines of nothing but digits lie near one another and make one number."""
    found = {
        place: match
        for place, line in enumerate(lines)
        if (match := PIECE.search(plain_text(line)))
    }
    for place, match in found.items():
        near = [o for o in range(place - _NEAR, place + _NEAR + 1) if o in found]
        digits = sum(sum(c.isnumeric() for c in found[other]["found"]) for other in near)
        if len(near) > 1 and digits >= _DIGITS:
            yield place, (*match.span("found"), "电话")


def _spans(plain: str, names: re.Pattern[str] | None, *, personal: bool = False) -> list[Span]:
    """Return where something points at a person, with the word for it.

    In a line that tells of somebody (`personal`, or a number found in it) names are looked for too.
    """
    found: list[Span] = []
    if names:
        found += [(*match.span(), "昵称") for match in names.finditer(plain)]
    found += _pattern_spans(plain)
    if personal or any(word in _PERSONAL for *_, word in found):
        near = (match for name in (NAMES_NEARBY, ENGLISH_NEARBY) for match in name.finditer(plain))
        found += [(*match.span("found"), "姓名") for match in near]
    return found


@lru_cache(maxsize=4096)
def _pattern_spans(plain: str) -> tuple[Span, ...]:
    """Return what patterns and numbers point at: of a line that is said again and again, once."""
    found: list[Span] = []
    for word, pattern in _PATTERNS:
        for match in pattern.finditer(plain):
            named = [g for g in pattern.groupindex if match[g] is not None]
            found.append((*(match.span(named[0]) if named else match.span()), word))
    return (*found, *number_spans(plain))


def _replace(text: str, found: list[Span]) -> str:
    """Replace the spans."""
    for start, end, word in reversed(_merged(found)):
        text = f"{text[:start]}[{word}]{text[end:]}"
    return text


def _merged(found: list[Span]) -> list[Span]:
    """Return the spans in order; those that overlap become one, named by the first of them."""
    merged: list[Span] = []
    for start, end, word in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2])
        else:
            merged.append((start, end, word))
    return merged


@lru_cache(maxsize=256)
def _names(nicknames: tuple[str, ...]) -> re.Pattern[str] | None:
    found = {plain_text(name.strip()) for name in nicknames if name and name.strip()}
    if not found:
        return None
    # A single character would mask half of every line; it counts only where it stands alone.
    terms = [
        re.escape(name) if len(name) > 1 else rf"(?<!\w){re.escape(name)}(?!\w)"
        for name in sorted(found, key=lambda name: (-len(name), name))
    ]
    return re.compile("|".join(terms), re.IGNORECASE)
