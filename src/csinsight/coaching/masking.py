"""Chat text without the people in it: who is meant, where they live, how to reach them.

Masks rather too much than too little: an excerpt loses little by a masked number, a person a lot
by one that is shown. The text keeps its own characters; only what is found is replaced by a word in
square brackets. Masking what is masked changes nothing.

What patterns can't know is left to `csinsight.coaching.rarity`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from csinsight.coaching.private_accounts import ACCOUNTS
from csinsight.coaching.private_names import ENGLISH_NEARBY, NAMES, NAMES_NEARBY
from csinsight.coaching.private_numbers import GAP, NUMERAL, Span, number_spans
from csinsight.coaching.private_places import HAN, PLACES
from csinsight.coaching.rarity import Common, plain_text
from csinsight.contract.domain import MASKS

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
    rf"\[(?:{'|'.join(MASKS)})\]|\[[{HAN}A-Za-z]{{1,8}}x\]|#[A-Z]-[a-z]+\[[{HAN}]{{1,4}}x\]"
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
