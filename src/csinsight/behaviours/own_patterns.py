"""Patterns as people write them, made such as every engine reads alike and in good time."""

from __future__ import annotations

import re
import unicodedata
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from csinsight.behaviours.lexicon import FRAGMENT, not_blank
from csinsight.engine import simplify

#: A pattern that could be tried in more ways than this at one place of a text takes too long.
_MOST_WAYS: Final = 100_000
#: As often can "any number of times" be tried.
_ENDLESS: Final = 1000


def plain_pattern(pattern: str) -> str:
    r"""Return a pattern as texts are read: small, in simplified characters, of half width.

    Examples
    --------
    >>> plain_pattern("可以嗎？OK")
    '可以吗\\?ok'
    """
    halved = ((sign, unicodedata.normalize("NFKC", sign)) for sign in pattern)
    same = "".join(sign if sign == half else re.escape(half) for sign, half in halved)
    return simplify(same.lower())


def ways(pattern: str) -> float:
    """Return in how many ways a matcher that goes back could try `pattern` at one place, at most.

    Polars reads every pattern in a time that grows with the text alone; Spark and the search for
    the words to show go back where a part does not fit. Built-in fragments count as one sign.

    Examples
    --------
    >>> ways("(赠送|送)[^,。]{0,9}礼盒"), ways("(a{0,9}){0,9}b") > 100_000
    (20.0, True)
    """
    return _ways(_parser.parse(FRAGMENT.sub("x", pattern)))


def _ways(items: Any) -> float:
    found = 1.0
    for kind, what in items:
        if kind is _constants.BRANCH:
            found *= sum(_ways(branch) for branch in what[1])
        elif kind is _constants.SUBPATTERN:
            found *= _ways(what[-1])
        elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            least, most, body = what
            each, most = _ways(body), min(int(most), _ENDLESS)
            powers = (min(each ** min(n, 99), 1e12) for n in range(int(least), most + 1))
            found *= sum(powers)
        found = min(found, 1e12)
    return found


def _bearable(values: list[str]) -> list[str]:
    for value in values:
        try:
            many = ways(value) > _MOST_WAYS
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{value!r} is no regular expression ({error})") from error
        if many:
            raise ValueError(
                f"{value!r} could take hours on some texts: don't repeat what holds a repetition "
                "or a choice, and write {0,9} for *"
            )
    return values


def _plain(values: list[str]) -> list[str]:
    return [plain_pattern(value) for value in values]


OwnPatterns = Annotated[
    list[Annotated[str, Field(max_length=400)]],
    Field(max_length=400),
    AfterValidator(not_blank),
    AfterValidator(_plain),
    AfterValidator(_bearable),
]
