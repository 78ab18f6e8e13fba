"""The report's words in Chinese and English, and numbers, money and dates as each writes them.

The catalogues lie in ``words/LANG/``, the same files, keys and placeholders in ``zh`` and ``en``:
names of things in ``names.yml``, furniture in ``pages.yml``, then a file for each page's sentences.
"""

from __future__ import annotations

import datetime as dt
import math
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from csinsight.config import did_you_mean, read_yaml
from csinsight.errors import ReportError
from csinsight.params import Lang, month_start

LOCALES: Final[dict[Lang, Locale]] = {
    "zh": Locale("zh", script="Hans", territory="CN"),
    "en": Locale("en", territory="US"),
}
#: The ``lang`` attribute of pages.
HTML_LANG: Final[dict[Lang, str]] = {"zh": "zh-CN", "en": "en"}
_FOLDER: Final = Path(__file__).parent / "words"
_MINUS: Final = "−"


@cache
def catalogue(lang: Lang) -> Mapping[str, str]:
    """Return every word of one language by dotted key, such as ``type.simple``.

    Raises
    ------
    ReportError
        Where a leaf of the catalogue is no text, or two files hold the same key.

    Examples
    --------
    >>> catalogue("en")["type.bargain"], catalogue("zh")["type.bargain"]
    ('Bargaining', '议价型')
    """
    words: dict[str, str] = {}
    for file in sorted((_FOLDER / lang).glob("*.yml")):
        found = dict(_flatten(read_yaml(file).values, ""))
        if twice := sorted(words.keys() & found.keys()):
            raise ReportError(f"words/{lang}/{file.name} repeats `{twice[0]}` of another file")
        words |= found
    return words


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces of a catalogue text.

    Examples
    --------
    >>> sorted(placeholders("{n} of {of}"))
    ['n', 'of']
    """
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def by_pinyin(name: str) -> str:
    """Return what names are sorted by: Chinese ones as they are read, others as written.

    Examples
    --------
    >>> sorted(["小满", "阿宁", "Ben"], key=by_pinyin)
    ['阿宁', 'Ben', '小满']
    """
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(name.lower()))


class Words:
    """One language: its words, and how it writes numbers, money, shares and dates.

    Missing numbers (None, NaN, NA) are written as the language's "no data".

    Parameters
    ----------
    lang : {'zh', 'en'}
    currency : str
        ISO 4217 code used where `money` is not told another.
    own : mapping of str to str, optional
        Texts of the shop's own by key, taken as they stand.
    """

    def __init__(
        self, lang: Lang, currency: str = "CNY", own: Mapping[str, str] | None = None
    ) -> None:
        self.lang: Lang = lang
        self.locale = LOCALES[lang]
        self.currency = currency
        self.own = own or {}

    def word(self, key: str, **values: object) -> str:
        """Return the text called `key` with `values` filled in.

        Raises
        ------
        ReportError
            Where there is no such text, naming the nearest, or a value is missing.
        """
        if key in self.own:
            return self.own[key]
        try:
            text = catalogue(self.lang)[key]
        except KeyError:
            raise ReportError(
                f"words/{self.lang}/ has no `{key}`{_nearest(key, self.lang)}"
            ) from None
        missing = placeholders(text) - values.keys()
        if missing:
            raise ReportError(f"word `{key}` needs {', '.join(sorted(missing))}")
        for name, value in values.items():
            # A name such as "Amy F." brings the stop that ends a sentence.
            if isinstance(value, str) and value.endswith("."):
                text = text.replace(f"{{{name}}}.", f"{{{name}}}")
        return text.format(**values) if placeholders(text) else text

    def names(self, group: str, keys: Iterable[str]) -> dict[str, str]:
        """Return plain names by id, such as ``names("type", BUYER_TYPES)``; for maps of columns."""
        return {key: self.word(f"{group}.{key}") for key in keys}

    def number(self, value: Any, digits: int = 0, *, sign: bool = False) -> str:
        """Write a number with `digits` decimals and grouped thousands."""
        if _is_missing(value):
            return self.word("text.unknown")
        text = format_decimal(_rounded(value, digits), _pattern(digits), self.locale)
        return _signed(text, value, digits, sign)

    def percent(self, value: Any, digits: int = 1) -> str:
        """Write a share in [0, 1] as a percentage, with more digits where few say none or all."""
        if _is_missing(value):
            return self.word("text.unknown")
        if digits < 2 and _says_none_or_all(float(value), digits + 2):
            return self.percent(value, digits + 1)
        rounded = _rounded(value, digits + 2)
        return _signed(format_percent(rounded, _pattern(digits) + "%", self.locale), value, digits)

    def points(self, value: Any, digits: int = 1) -> str:
        """Write a difference in percentage points, always signed, without the unit."""
        return self.number(value, digits, sign=True)

    def money(self, value: Any, digits: int = 0) -> str:
        """Write an amount in the shop's currency."""
        if _is_missing(value):
            return self.word("text.unknown")
        pattern = "¤" + _pattern(digits)
        text = format_currency(
            _rounded(value, digits),
            self.currency,
            pattern,
            self.locale,
            currency_digits=False,
        )
        return _signed(text, value, digits)

    def seconds(self, value: Any, digits: int = 0) -> str:
        """Write a duration in seconds with its unit."""
        if _is_missing(value):
            return self.word("text.unknown")
        return self.word("unit.seconds", n=self.number(value, digits))

    def interval(self, low: str, high: str) -> str:
        """Write an interval from two written ends."""
        return self.word("text.interval", low=low, high=high)

    def with_interval(self, value: str, low: str, high: str) -> str:
        """Write an estimate with its interval, all three already written."""
        return self.word("text.with_interval", value=value, low=low, high=high)

    def date(self, value: dt.date) -> str:
        """Write a day with its year."""
        return format_date(value, "long", self.locale)

    def day(self, value: dt.date) -> str:
        """Write a day without its year."""
        return format_skeleton("MMMd", _as_datetime(value), locale=self.locale)

    def month(self, value: str | dt.date) -> str:
        """Write a month, given as ``YYYY-MM`` or as any of its days."""
        moment = month_start(value) if isinstance(value, str) else _as_datetime(value)
        return format_skeleton("yMMMM", moment, locale=self.locale)

    def listed(self, items: Sequence[str]) -> str:
        """Write several names as a list in a sentence."""
        if not items:
            return self.word("text.none")
        if len(items) == 1:
            return items[0]
        head = self.word("text.list_join").join(items[:-1])
        return f"{head}{self.word('text.list_last')}{items[-1]}"

    def sentences(self, *parts: str) -> str:
        """Join whole sentences as the language does; empty ones are left out."""
        return self.word("text.sentence_join").join(part for part in parts if part)


def _flatten(node: Any, prefix: str) -> Iterable[tuple[str, str]]:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flatten(value, f"{name}.")
        elif isinstance(value, str):
            yield name, value
        else:
            raise ReportError(f"words: `{name}` has to be text; put it in quotation marks")


def _nearest(key: str, lang: Lang) -> str:
    mend = did_you_mean(key, catalogue(lang), otherwise="")
    return f"; {mend}" if mend else ""


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value)) or math.isinf(value)


def _as_datetime(value: dt.date) -> dt.datetime:
    return (
        value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)
    )


def _rounded(value: Any, digits: int) -> float:
    # Adding zero turns a rounded -0.0 into 0.0: "−0%" says nothing.
    return round(float(value), digits) + 0.0


def _says_none_or_all(share: float, places: int) -> bool:
    """Tell whether rounding makes "0%" of a few or "100%" of nearly all."""
    rounded, small = abs(round(share, places)), 5e-5
    return (rounded == 0 and abs(share) >= small) or (rounded == 1 and abs(1 - share) >= small)


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


def _signed(text: str, value: Any, digits: int, plus: bool = False) -> str:
    text = text.replace("-", _MINUS)
    return f"+{text}" if plus and _rounded(value, digits) > 0 else text
