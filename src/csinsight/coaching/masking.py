"""Chat text without the people in it: who is meant, where they live, how to reach them.

Masks rather too much than too little: an excerpt loses little by a masked number, a person a lot
by one that is shown. The text keeps its own characters; only what is found is replaced by a word in
square brackets. Masking what is masked changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from csinsight.coaching import mask_patterns as patterns

#: The words that stand where something was.
MASKS: Final = ("电话", "证件号", "邮箱", "链接", "账号", "单号", "地址", "姓名", "昵称")

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
        masked = [_mask_part(part, names) for part in parts]
        result = masked[0] + "".join(m + p for m, p in zip(marks, masked[1:], strict=True))
        if result == text:
            return result
        text = result


def _mask_part(text: str, names: re.Pattern[str] | None) -> str:
    plain = _plain(text)
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
    return _replace(text, found)


def _replace(text: str, found: list[tuple[int, int, str]]) -> str:
    """Replace the spans; those that overlap become one, named by the one that begins first."""
    merged: list[tuple[int, int, str]] = []
    for start, end, word in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2])
        else:
            merged.append((start, end, word))
    for start, end, word in reversed(merged):
        text = f"{text[:start]}[{word}]{text[end:]}"
    return text


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
