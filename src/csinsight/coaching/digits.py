"""Digits in any dress, and what is a price, a size or a date among them and nobody's number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from phonenumbers import PhoneNumberMatcher

Span = tuple[int, int, str]

NUMERAL: Final = (
    r"(?:[0-9零〇○一二三四五六七八九幺两洞拐勾壹贰叁肆伍陆柒捌玖]|(?<![什怎这那多要])么)"
)
#: What people put between the digits of a number, keycaps and emoji among it; no word, no line's
#: end. A full stop or a comma is left out where a sentence goes on behind it.
_SIGN: Final = r"(?:[^\w\s\[\]¥$€£]|[_ \t\u00a0\u3000\u200b-\u200f\ufe0f\u20e3])"
GAP: Final = rf"(?:{_SIGN}{{0,3}}|\s?[空杠横转]\s?)"
_RUN: Final = re.compile(rf"{NUMERAL}(?:{GAP}{NUMERAL}){{6,}}")
#: Digits with letters among them that look like digits.
_ALIKE: Final = re.compile(rf"(?<![A-Za-z0-9])[0-9](?:{GAP}[0-9oOlI]){{8,13}}(?![A-Za-z0-9])")
_SPELLED: Final = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_WORDS: Final = re.compile(
    # "…55. Oh no": what ends in "oh" is the next sentence's.
    rf"(?<![a-z])(?:{_SPELLED}|[0-9]+)(?:[\s\-,.]{{1,2}}(?:{_SPELLED}|[0-9]+|o)){{2,}}(?<!oh)(?![a-z])",
    re.IGNORECASE,
)
#: So few digits are nobody's.
_TINY: Final = 2
#: Fewer digits are a price, a size, a year.
_DIGITS: Final = 7

DATE: Final = re.compile(
    r"(?<![0-9])(?<![0-9][\-/.])(?:19|20)[0-9]{2}(?:[\-/.年]\s*(?:0?[1-9]|1[0-2])[\-/.月]\s*"
    r"(?:3[01]|[12][0-9]|0?[1-9])日?|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))"
    r"(?![0-9])(?![\-/.][0-9])"
)
#: Numbers of norms and of goods, which say what they are.
STATED: Final = re.compile(
    r"(?<![a-z])(?:gb|qb|fz|jb|hg|yy|iso|iec|en|astm|din)(?:/[tz])?\s?[0-9.]{3,6}(?:-(?:19|20)"
    r"[0-9]{2})?"
    r"(?![0-9])|(?:批号|批次|生产批次)[:是为\s]{0,3}[0-9a-z\-]{4,17}(?![0-9a-z])|(?:条形码|条码|barcode|(?<![a-z])(?:ean|upc|isbn)(?![a-z]))(?:[:是为\s]"
    r"|\b(?:on|the|box|is|code)\b){0,9}[0-9][0-9\-]{7,16}",
    re.IGNORECASE,
)
#: Times of the day, prices with a decimal point, spans of years: no part of a longer number.
_EVERYDAY: Final = re.compile(
    r"(?<![0-9:])[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?(?![0-9:])"
    r"|(?<![0-9.])[0-9]{1,6}\.[0-9]{1,2}(?![0-9.])"
    r"|(?<![0-9])(?:19|20)[0-9]{2}\s?[\-/~—]\s?(?:19|20)[0-9]{2}(?![0-9])"
)
#: Lengths, prices and counts say what they are behind the number, or in front of it.
UNIT: Final = (
    r"\s?(?:[元块¥$€£%件个条次台份只瓶双套张枚包箱袋盒支本页层楼岁人位天日月年点时分秒周斤克升米"
    r"寸码号款折度倍级"
    r"代世期万千百w]|kg|g|cm|mm|m|ml|l|v|w|hz|mah|gb|mb|tb|fps|k|x|oz|lb|in|inch|ft|pcs|pack|usd"
    r"|eur|gbp"
    r"|rmb|cny|days?|hours?|weeks?|months?|years?|pieces?|items?|minutes?|am|pm|公斤|厘米|毫米|平"
    r"|匹|工作)"
    r"(?![a-z])"
)
_PRICED: Final = (
    r"(?:[¥$€£减满送价款型货码尺重高长宽围约共只才第版省赚优惠便宜为]|sku|model|style|size|over"
    r"|under|only)"
    r"[号:#]?\s?$"
)
_COUNTED: Final = re.compile(UNIT, re.IGNORECASE)
_NAMED: Final = re.compile(_PRICED, re.IGNORECASE)


def numbers_by_form(plain: str, dates: list[tuple[int, int]]) -> Iterator[Span]:
    """Yield runs of digits, of look-alikes and of words for digits that are long enough.

    Parameters
    ----------
    plain : str
        In NFKC, a character for a character.
    dates : list of (int, int)
        Where days stand: no part of a number.

    Examples
    --------
    >>> list(numbers_by_form("139空0123空4567", []))
    [(0, 13, '电话')]
    """
    apart = [*dates, *(match.span() for match in _EVERYDAY.finditer(plain))]
    for match in _RUN.finditer(plain):
        for start, end in _without(match.span(), apart):
            run = re.search(rf"{NUMERAL}(?:{GAP}{NUMERAL})*", plain[start:end])
            if run and not is_everyday(plain, start + run.start(), start + run.end()):
                yield start + run.start(), start + run.end(), "电话"
    for match in _ALIKE.finditer(plain):
        digits = sum(c.isdigit() for c in match[0])
        if digits < len(re.findall(r"[0-9oOlI]", match[0])) <= digits + 3:
            yield (*match.span(), "电话")
    for match in _WORDS.finditer(plain):
        spelled = re.findall(_SPELLED, match[0], re.IGNORECASE)
        if spelled and len(spelled) + sum(c.isdigit() for c in match[0]) >= _DIGITS:
            yield (*match.span(), "电话")


def _without(span: tuple[int, int], holes: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what is left of a span without some others."""
    start, end = span
    for low, high in sorted(holes):
        if low < end and start < high:
            if start < low:
                yield start, low
            start = max(start, high)
    if start < end:
        yield start, end


def is_everyday(plain: str, start: int, end: int) -> bool:
    """Tell whether a run of digits is a price, a count, a list of sizes or a measure.

    Examples
    --------
    >>> is_everyday("36 37 38 39 40", 0, 14), is_everyday("200*230*15", 0, 10)
    (True, True)
    >>> is_everyday("139 0123 4567", 0, 13)
    False
    """
    text = plain[start:end]
    groups, counted = re.findall(rf"{NUMERAL}+", text), bool(_COUNTED.match(plain, end))
    if sum(map(len, groups)) < _DIGITS:
        return True
    behind_letter = re.match("[A-Za-z]", plain[max(start - 1, 0) : start])
    short = sum(map(len, groups)) <= _DIGITS + 1
    if behind_letter and short and (len(groups) == 1 or (counted and len(groups[0]) <= _TINY)):
        return True  # a model, or one with its size behind it, unless `NUMBERS` knows better
    if len(groups) == 1:
        # "1234567件": nobody has so many digits and a counter behind them but a count.
        return len(text) <= _DIGITS + 1 and counted
    if not all(group.isdecimal() for group in groups) or groups[0][0] == "0":
        return False
    values, widths = [int(group) for group in groups], {len(group) for group in groups}
    if widths <= {2, 3}:
        steps = [b - a for a, b in pairwise(values)]
        one_way = all(step > 0 for step in steps) or all(step < 0 for step in steps)
        if one_way or (widths == {2} and all(group[0] != "0" for group in groups)):
            return True
    if max(widths) <= 4 and all(value % 10 == 0 and value for value in values):
        return True
    dims = re.fullmatch(r"[0-9]{1,4}(?:\s?[*x×/]\s?[0-9]{1,4}){1,2}", text)
    return bool(dims) and (max(widths) <= 3 or counted)


#: Where numbers without a country's prefix may come from.
_REGIONS: Final = ("CN", "US", "GB", "HK", "TW", "AU", "DE", "FR", "JP", "KR", "SG", "IN", "RU")
#: Fewer digits are no phone number; most lines have none, and are not looked at further.
MANY_DIGITS: Final = re.compile(r"(?:[0-9][^0-9]{0,3}){6,}[0-9]")


def phones(plain: str, dates: list[tuple[int, int]]) -> list[Span]:
    """Return the phone numbers of any country, as their numbering plans have it.

    Examples
    --------
    >>> phones("ring 020 7946 0018", [])
    [(5, 18, '电话')]
    """
    if not MANY_DIGITS.search(plain):
        return []
    hits = {
        (match.start, match.end, "电话")
        for region in _REGIONS
        for match in PhoneNumberMatcher(plain, region)
    }
    apart = [*dates, *(match.span() for match in _EVERYDAY.finditer(plain))]
    return [
        hit
        for hit in sorted(hits)
        if not any(a <= hit[0] and hit[1] <= b for a, b in apart)
        and not is_everyday(plain, hit[0], hit[1])
    ]


#: How far from a masked number its other part may stand.
_BESIDE: Final = 8
_SHORT: Final = re.compile(r"(?<![0-9A-Za-z.])[0-9]{2,6}(?:[/\-][0-9]{2,6}){0,2}(?![0-9A-Za-z.])")


def beside(plain: str, found: list[Span]) -> Iterator[Span]:
    """Yield a few digits that stand close to a number that is masked, and are no price or size.

    Examples
    --------
    >>> list(beside("前面139后面01234567", [(7, 15, "单号")]))
    [(2, 5, '电话')]
    """
    if not found:
        return
    for match in _SHORT.finditer(plain):
        start, end = match.span()
        near = any(a - _BESIDE <= end and start <= b + _BESIDE for a, b, _ in found)
        if (
            near
            and len(re.sub(r"\D", "", match[0])) >= 3
            and not states_something(plain, start, end)
        ):
            yield start, end, "电话"


def states_something(text: str, start: int, end: int) -> bool:
    """Tell whether digits say how much, how big or when: a unit follows, or a word before says so.

    Examples
    --------
    >>> states_something("满139元", 1, 4), states_something("尾号4567", 2, 6)
    (True, False)
    """
    if DATE.search(text[max(start - 8, 0) : end + 6]) or _EVERYDAY.search(
        text[max(start - 4, 0) : end + 4]
    ):
        return True
    return bool(_COUNTED.match(text, end)) or bool(_NAMED.search(text[max(start - 8, 0) : start]))
