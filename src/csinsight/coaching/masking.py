"""Chat text without the people in it: who is meant, where they live, how to reach them.

Masks rather too much than too little: an excerpt loses little by a masked number, a person a lot
by one that is shown. The text keeps its own characters; only what is found is replaced by a word in
square brackets. Masking what is masked changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from csinsight.coaching import mask_patterns as patterns

#: The words that stand where something was.
MASKS: Final = ("电话", "证件号", "邮箱", "链接", "账号", "单号", "地址", "姓名", "昵称")

#: Of these a line tells about somebody, so that a name in it is likely.
_PERSONAL: Final = {"电话", "证件号", "账号", "单号", "地址", "邮箱"}
#: Between the lines of a talk: a blank to most patterns, an end to those that read backwards.
_BREAK: Final = "\u2028"
#: Lines between which a number may have been broken up.
_NEAR: Final = 3
#: Digits that make pieces a number worth hiding.
_DIGITS: Final = 7

_MASKED: Final = re.compile(rf"\[(?:{'|'.join(MASKS)})\]")


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
    """
    names = _names(tuple(nicknames))
    while True:
        parts = _MASKED.split(text)
        marks = _MASKED.findall(text)
        personal = any(mark[1:-1] in _PERSONAL for mark in marks)
        masked = [_replace(p, _spans(_plain(p), names, personal=personal)) for p in parts]
        result = masked[0] + "".join(m + p for m, p in zip(marks, masked[1:], strict=True))
        if result == text:
            return result
        text = result


def mask_lines(texts: Sequence[str], nicknames: Iterable[str] = ()) -> list[str]:
    """Return the lines of one talk masked, also where something was sent in several pieces.

    Parameters
    ----------
    texts : sequence of str
        All messages of the talk, in reading order: what stands in one may name what comes next.
    nicknames : iterable of str
        As for `mask`.

    Returns
    -------
    list of str
        One text for each of `texts`.
    """
    names = tuple(nicknames)
    lines = [" ".join(text.split()) for text in texts]
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    plain = _plain(_BREAK.join(lines))
    spans = [span for span in _spans(plain, _names(names)) if span[2] != "姓名"]
    found: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    for start, end, word in _merged(spans):
        for place in range(bisect_right(starts, start) - 1, len(lines)):
            low, high = max(start - starts[place], 0), min(end - starts[place], len(lines[place]))
            if starts[place] >= end:
                break
            if low < high:
                found[place].append((low, high, word))
    for place, span in _pieces(lines):
        found[place].append(span)
    return [mask(_replace(t, f), names) for t, f in zip(lines, found, strict=True)]


def _pieces(lines: Sequence[str]) -> Iterator[tuple[int, tuple[int, int, str]]]:
    """Yield where lines of nothing but digits lie near one another and together make a number."""
    found = {
        place: match
        for place, line in enumerate(lines)
        if (match := patterns.PIECE.search(_plain(line)))
    }
    for place, match in found.items():
        near = [other for other in found if abs(other - place) <= _NEAR]
        digits = sum(sum(c.isnumeric() for c in found[other]["found"]) for other in near)
        if len(near) > 1 and digits >= _DIGITS:
            yield place, (*match.span("found"), "电话")


def _spans(
    plain: str, names: re.Pattern[str] | None, *, personal: bool = False
) -> list[tuple[int, int, str]]:
    """Return where something points at a person, with the word for it.

    In a line that tells of somebody (`personal`, or a number found in it) names are looked for too.
    """
    found: list[tuple[int, int, str]] = []
    if names:
        found += [(*match.span(), "昵称") for match in names.finditer(plain)]
    dates = [match.span() for match in patterns.DATE.finditer(plain)]
    for word, pattern in patterns.PATTERNS:
        for match in pattern.finditer(plain):
            span = match.span("found") if "found" in pattern.groupindex else match.span()
            inside_date = any(start <= span[0] and span[1] <= end for start, end in dates)
            if not (inside_date and word == "单号"):
                found.append((*span, word))
    if personal or any(word in _PERSONAL for *_, word in found):
        matches = patterns.NAMES_NEARBY.finditer(plain)
        found += [(*match.span("found"), "姓名") for match in matches]
    return found


def _replace(text: str, found: list[tuple[int, int, str]]) -> str:
    """Replace the spans."""
    for start, end, word in reversed(_merged(found)):
        text = f"{text[:start]}[{word}]{text[end:]}"
    return text


def _merged(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the spans in order; those that overlap become one, named by the first of them."""
    merged: list[tuple[int, int, str]] = []
    for start, end, word in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2])
        else:
            merged.append((start, end, word))
    return merged


@lru_cache(maxsize=65_536)
def _plain_character(character: str) -> str:
    """Return one character that stands for `character`, so that positions stay the same."""
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1:
        return plain
    digits = [c for c in plain if c.isdigit()]
    return digits[0] if len(digits) == 1 else character


def _plain(text: str) -> str:
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=256)
def _names(nicknames: tuple[str, ...]) -> re.Pattern[str] | None:
    found = {_plain(name.strip()) for name in nicknames if name and name.strip()}
    if not found:
        return None
    # A single character would mask half of every line; it counts only where it stands alone.
    terms = [
        re.escape(name) if len(name) > 1 else rf"(?<!\w){re.escape(name)}(?!\w)"
        for name in sorted(found, key=lambda name: (-len(name), name))
    ]
    return re.compile("|".join(terms), re.IGNORECASE)
