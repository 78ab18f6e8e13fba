"""Numbers that point at somebody: of phones, papers, cards, orders, plates, and birthdays.

Three ways lead to one. By form: digits in any dress (Chinese, circled, with blanks, dots or signs
between, letters that look like digits) that are more than a price, a size or a date has. By name:
what stands behind "尾号", "passport", "运单". By company: a few digits beside a masked number.
What is a price, a size or a date among them is nobody's.
"""

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
    r"|\b(?:on|the|box|is|code)\b){0,9}[0-9][0-9\-]{7,16}"
    # What a shop calls its goods by: the same for all who ask, unless it has as many digits as a
    # phone, a card or an order.
    r"|(?:型号|货号|款号|(?:商品|产品|货品|物料|宝贝)(?:编号|编码|代码|id|号)|(?<![a-z])(?:sku|mpn|asin"
    r"|(?:item|part|article|product|catalogu?e?|stock|cat|model|style)\s?(?:no\.?|number|code|id|#)"
    r"|model|style))[:#.是为号\s]{0,3}(?!(?:[0-9][\s\-.]?){10,11}(?![0-9a-z])|(?:[0-9][\s\-.]?){13}|0(?:[\s\-.]?[0-9]){8})"
    r"[a-z0-9][a-z0-9\-./]{2,19}(?![a-z0-9]|\s[0-9]{3})",
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
    r"|毫安|安时|瓦|伏|赫|流明|转|像素|lumens?|watts?|volts?|rpm|dpi|psi|reviews?|rmb|cny|days?|hours?|weeks?|months?|years?|pieces?|items?|minutes?|am|pm|公斤|厘米|毫米|平"
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
    thousands = re.fullmatch(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+", text)
    return bool(thousands and (counted or len(text) <= _DIGITS + 2)) or bool(
        dims and (max(widths) <= 3 or counted)
    )


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


_WORDY: Final = r"(?:\s*(?:号码?|号|码|为|是|:|#|'s|is|was|no\.?|number|id|code|ends?|in|with))*\s*"
_CODE: Final = r"(?=[a-z\-./\s]{0,8}[0-9])[a-z0-9](?:[\-./_\s]{0,2}[a-z0-9]){2,33}"
_SERIAL: Final = r"(?=[a-z0-9\-_./]*[0-9])[a-z0-9](?:[\-_./]?[a-z0-9]){2,33}"

#: Between length and width.
_TIMES: Final = re.compile(r"[0-9]\s?[*x×]\s?[0-9]")

NUMBERS: Final = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        # Before all else what is called an order: by its digits alone it may be a card.
        (
            "单号",
            r"(?:订单|单号|(?<!商品)(?<!产品)(?<!货品)编号|运单|快递|物流|流水|工单|售后单|退款单|会员号|卡号|账户"
            # "订单满299-50": what it is worth, not its number.
            r"|账号)(?!(?<=订单)[^0-9\n]{0,6}[满价额共付计减差超达省]\s?[0-9]{1,5}(?![0-9]))"
            r"[^a-z0-9\n,。;!?]{0,8}(?P<found>[a-z]{0,6}[0-9][a-z0-9\-_]{3,39})",
        ),
        # Papers.
        ("证件号", r"(?<![0-9])[1-9](?:[\s\-]?[0-9]){16}[\s\-]?[0-9x叉](?![0-9])"),
        (
            "证件号",
            r"(?<![0-9\-])[0-9]{3}[\s\-./\u2010-\u2015]{1,2}[0-9]{2}[\s\-./\u2010-\u2015]{1,2}"
            r"[0-9]{4}(?![0-9\-])",
        ),
        (
            "证件号",
            r"(?:ssn|social security|my social|passport|driver'?s? licen[cs]e|driving licen[cs]e"
            r"|national id|tax id|vat|ust-?id(?:nr)?\.?|steuer-?id|ausweis|(?:ni|nhs|sin|itin"
            r"|ein|tfn|abn|pps|bsn|nif|dni|cpf|aadhaar|bsb|pan) ?(?=number|no|#"
            r"|:|[0-9]|is)|national insurance|medicare|\bid (?:card|number|no)|税号|信用代码"
            r"|识别号|营业执照|执照"
            r"|护照|通行证|台胞证|回乡证|军官证|驾照|驾驶证|档案号|社保卡?|医保卡?|身份证|证件"
            r"|实名)"
            rf"[^a-z0-9\n,;!?。]{{0,6}}{_WORDY}(?P<found>南?字?第?{_CODE})",
        ),
        ("证件号", r"(?<![a-z0-9])9[1-9](?:\s?[0-9]){6}(?:\s?[0-9a-hj-npqrtuwxy]){10}(?![a-z0-9])"),
        ("证件号", r"(?<![a-z0-9])[a-z]{2}(?:\s?[0-9]{2}){3}\s?[a-d](?![a-z0-9])"),
        ("证件号", r"(?<=字第)[0-9]{6,}"),
        (
            "证件号",
            r"(?<![a-z0-9])(?-i:[A-Z]{5}[0-9]{4}[A-Z]"
            r"|[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]"
            r"|[STFGM][0-9]{7}[A-Z]|[0-9]{8}-?[A-Z]|[A-Z]{1,2}[0-9]{6}\([0-9A]\))(?![a-z0-9])",
        ),
        ("证件号", r"(?<![0-9.])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])"),
        ("证件号", r"(?<![0-9])[0-9]{6}-(?:[0-9]{2}-[0-9]{4}|[1-4][0-9]{6})(?![0-9])"),
        # Cards and accounts at banks.
        ("证件号", r"(?<![0-9])[0-9](?:[\s\-._/\u2010-\u2015]{0,3}[0-9]){12,18}(?![0-9])"),
        (
            "证件号",
            r"(?<![a-z0-9])(?-i:[A-Z]{2}[0-9]{2})(?:\s?[0-9a-z]{4}){2,7}"
            r"(?:\s?[0-9a-z]{1,4})?(?![a-z0-9])",
        ),
        (
            "证件号",
            r"(?:iban|swift|\bbic|sort code|routing|acct|account (?:no\.?|number|#)|cvv|cvc|安全码"
            r"|security code|card (?:no\.?|number|ending)"
            r"|\bexp(?:iry)?(?=\W*[0-9]{2}/[0-9]{2}(?![0-9/]))"
            rf"|有效期(?=\W*[0-9]{{2}}/))[^a-z0-9\n,;!?。]{{0,4}}{_WORDY}(?P<found>{_CODE})",
        ),
        ("证件号", r"(?:swift|\bbic)\W{0,3}(?P<found>(?-i:[A-Z]{6}[A-Z0-9]{2,5}))(?![a-z0-9])"),
        (
            "证件号",
            r"(?:尾号|尾数|[后末](?:[四六4-6两2]位|面是)|last (?:four|4|6)(?: digits?)?"
            r"(?: of [a-z' ]{0,16})?"
            r"|ends? (?:in|with)|ending(?: in| with)?|(?:phone|card|number|tracking|order|parcel"
            r"|account|passport|mobile|cell|iban|id)s? ends)"
            rf"[^a-z0-9\n]{{0,6}}{_WORDY}(?P<found>[0-9]{{3,6}}[0-9x]?)",
        ),
        (
            "证件号",
            r"(?:visa|master ?card|amex|maestro|discover|debit|credit|card|卡)\W{0,3}"
            r"(?P<found>[x*•.]{1,12}\s?[0-9]{4})(?![0-9])",
        ),
        ("证件号", r"(?:[*x•]{4}[\s\-]?){2,4}[0-9]{4}(?![0-9])"),
        # What opens something.
        (
            "账号",
            r"(?:验证码|[取寄]件码|开[柜箱]码|核销码|提取码|兑换码|动态码|校验码|\bpin"
            r"|one[\- ]?time (?:pass)?(?:code|word)"
            r"|(?:verification|security|access|login|sms|auth|2fa|confirmation) code|passcode"
            r"|\botp)"
            rf"[^a-z0-9\n]{{0,4}}{_WORDY}(?P<found>(?=[a-z0-9\-]*[0-9])[a-z0-9][a-z0-9\-]{{2,11}})",
        ),
        (
            "账号",
            r"(?:(?:密码|口令)(?:是|为|:|\s)*|(?:password|passwd|\bpwd)(?:is|:|\s)+)"
            r"(?P<found>(?=[^\s]*[0-9@_!#])[!-~]{4,40})",
        ),
        (
            "账号",
            r"code (?:from|in|by|via) (?:the |my |an? )?(?:sms|text|e?-?mail|app|message)"
            r"\W{0,4}(?:is |was )?"
            r"(?P<found>[0-9]{4,8})(?![0-9])",
        ),
        (
            "账号",
            r"(?:\blog-?in|\bsign-?in|账号密码|帐号密码)\W{0,4}"
            r"(?P<found>[a-z0-9._@\-]{3,40}(?:\s*[/|,]\s*|\s)(?=[^\s]*[0-9!#@])[!-~]{4,40})",
        ),
        # Birthdays: dates, but of somebody.
        (
            "证件号",
            r"(?:生日|出生(?:日期|于|在|年月)?|\bdob|\bborn(?: on)?|birth ?day|birth ?date"
            r"|date of birth)"
            r"[^a-z0-9\n]{0,6}(?:is|是|为)?\s*(?P<found>(?=[a-z\s]{0,12}[0-9])"
            r"[0-9a-z年月日号./\-\s]{4,18}[0-9日号])",
        ),
        # Plates.
        (
            "车牌",
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳使领]\s?[A-Z][\s"
            r"·•.\-]{0,3}"
            r"(?:[A-Z0-9][\s\-]?){3,5}[A-Z0-9学警港澳挂领试超](?![A-Za-z0-9])",
        ),
        (
            "车牌",
            r"(?<![a-z])wj\s?[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]?\s?"
            r"[0-9]{4}[0-9A-Z](?![a-z0-9])",
        ),
        ("车牌", r"(?<=[港澳])(?-i:[A-Z])[0-9]{4,5}(?![0-9a-z])"),
        (
            "车牌",
            r"(?:车牌|车号|牌照|(?:licen[cs]e |number )?plates?|\blicen[cs]e|car reg(?:istration)?"
            r"|\breg(?:o|(?= is|:|\s(?-i:[A-Z])))|registration|kennzeichen|targa|matr[ií]cula"
            r"|\btag(?: number)?(?=\W{1,3}(?-i:[A-Z0-9]{2}))"
            r"|(?:my|our|his|her|the) (?:car|van|truck|bike|motorbike|scooter|vehicle)"
            r"(?:'s)?(?= is|:)"
            r"|(?:civic|camry|tesla|honda|toyota|ford|bmw|audi|sedan|suv)\b)"
            r"[^a-z0-9\n]{0,6}(?:(?:number|no\.?|is|号)[^a-z0-9\n]{0,3})*"
            # A model and its year.
            r"(?!(?-i:[A-Z]{1,3}-?[0-9]{1,3}\s(?:19|20)[0-9]{2}(?![0-9A-Z])))"
            r"(?P<found>(?-i:(?=(?:[· \-]?[A-Z0-9]){5})(?=[A-Z0-9· \-]{0,8}[0-9])"
            r"(?=[0-9· \-]{0,6}[A-Z])"
            r"[A-Z0-9]{1,8}(?:[\s·\-][A-Z0-9]{1,5}){0,3}))",
        ),
        (
            "车牌",
            r"(?:car|van|vehicle|plates?)(?: reg(?:istration)?)?(?: is|:)\s*"
            rf"(?![0-9]{{1,4}}{UNIT})"
            r"(?P<found>(?=[a-z ]{0,6}[0-9])(?=[0-9 ]{0,6}[a-z])[a-z0-9]{2,4}\s?[a-z0-9]{3,4})"
            r"(?![a-z0-9])",
        ),
        # As Britain, India and California write them; models of goods don't look so.
        ("车牌", r"(?<![a-z0-9])(?-i:[A-Z]{2}[0-9]{2}\s?[A-Z]{3})(?![a-z0-9])"),
        (
            "车牌",
            r"(?<![a-z0-9])(?-i:[A-Z]{2}[\s\-]?[0-9]{1,2}[A-Z]?[\s\-]?[A-Z]{1,3}[\s\-]?[0-9]{4})"
            r"(?![a-z0-9])",
        ),
        ("车牌", r"(?<![a-z0-9])(?-i:[0-9][A-Z]{3}[0-9]{3})(?![a-z0-9])"),
        (
            "车牌",
            r"(?<![a-z0-9])(?P<found>(?-i:(?=[A-Z ]{0,6}[0-9])(?=[0-9 ]{0,6}[A-Z])[A-Z0-9]{2,4}"
            r"[\s\-]?[A-Z0-9]{2,4}))(?=\s(?:reg|plate)s?\b)",
        ),
        (
            "车牌",
            r"(?<![a-z0-9])(?-i:(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[A-HJ-NPR-Z0-9]{17})(?![a-z0-9])",
        ),
        # Phones.
        ("电话", r"\bext(?:ension)?[.:]?\s?(?P<found>[0-9]{1,6})(?![0-9a-z])"),
        ("电话", rf"(?:\+?\s*86{GAP})?(?<![0-9])1{GAP}[3-9](?:{GAP}[0-9]){{9}}(?![0-9])"),
        ("电话", r"(?<![0-9])\(?0[0-9]{2,3}\)?[\s\-]{0,3}[0-9]{3,4}[\s\-]?[0-9]{4}(?:转[0-9]+)?"),
        ("电话", r"(?<![0-9])[48]00[\s\-]?[0-9]{3,4}[\s\-]?[0-9]{3,4}(?![0-9])"),
        (
            "电话",
            r"(?:电话|手机号?|座机|固话|传真|号码|区号|分机|短号|小号|内线|联系方式|tel|phone"
            r"|mobile|cell"
            r"(?= ?[:#0-9])|call me|text me"
            rf"|打这个|\bext\.?)[^0-9\n]{{0,6}}(?P<found>\+?{NUMERAL}(?:{GAP}{NUMERAL}){{2,15}})",
        ),
        ("电话", r"\+\s?[0-9](?:[\s\-().\u2010-\u2015]{0,3}[0-9]){7,14}"),
        ("电话", r"(?<![0-9])[0-9]{3}(?:[\s\-_.·*~|/,、\u2010-\u2015]{1,3}[0-9]{4}){2}(?![0-9])"),
        ("电话", r"(?<![0-9.\-])[2-9][0-9]{2}-[0-9]{4}(?![0-9\-])(?=\s+is\b|\s*(?:[,;!?。]|$))"),
        # Orders and parcels.
        (
            "单号",
            rf"(?:订单|单号|运单)(?:尾号|后四位|号|是|:"
            rf"|\s)*(?P<found>{NUMERAL}(?:{GAP}{NUMERAL}){{5,}})",
        ),
        (
            "单号",
            r"(?<![a-z0-9])(?<!款号)(?<!款号[:： ])(?<!货号)(?<!货号[:： ])(?<!型号)"
            r"(?<!型号[:： ])(?<!款)(?<!sku )(?<!model )"
            r"(?<!style )[a-z]{1,6}[\-_]?[0-9]{6,}[a-z0-9]*(?![a-z0-9])",
        ),
        (
            "单号",
            r"(?:order|tracking|invoice|reference|ref|case|ticket|parcel|booking|confirmation"
            r"|reservation|rma|ebay|amazon|shopify|etsy|transaction|payment|receipt|claim|shipment"
            r"|waybill|awb|consignment|membership|(?:customer|member|account|client|policy|loyalty)"
            r"(?= ?(?:id|no|number|#|:)))s?"
            rf"(?:(?:\s*(?:id|no\.?|number|code|is|#|:|'s))+|\s)\s*#?(?P<found>{_SERIAL})"
            r"(?![a-z])",
        ),
        ("单号", r"(?<![a-z])(?:ord|inv|po|so|rma|ref|pkg)[\-_#][0-9][0-9\-]{3,}(?![a-z0-9])"),
        ("单号", r"(?<![a-z])(?-i:PO|RMA|INV|ORD)\s[0-9][0-9\-]{3,}(?![a-z0-9])"),
        (
            "单号",
            r"(?:order|tracking|invoice|reference|ticket|parcel|booking|shipment|waybill|customer)s?"
            r"\s*(?:nr|no|number|num|id|#)[.:#\s]*(?P<found>[0-9]{2,4}(?:\s[0-9]{2,4}){1,5})(?![0-9])",
        ),
        # What a carrier's name stands before, where digits and capitals are mixed.
        (
            "单号",
            r"(?<![a-z])(?:gls|dpd|ups|usps|dhl|fedex|evri|hermes|yodel|tnt|aramex|royal mail"
            r"|auspost|canada post|parcelforce|ontrac)(?:\s*(?:is|no\.?|nr\.?|number|code|:|#))*\s+"
            r"(?P<found>(?-i:(?=(?:[A-Z]*[0-9]){3})[A-Z0-9]{6,34}))(?![a-z0-9])",
        ),
        (
            "单号",
            r"(?<![a-z0-9])(?<!款号)(?<!货号)(?<!型号)(?<!款号[:： ])(?<!货号[:： ])(?<!型号[:： ])"
            r"(?<!sku )(?<!model )(?<!style )(?-i:(?=(?:[A-Z]*[0-9]){5})(?=[0-9]*[A-Z])"
            r"[A-Z0-9]{11,})"
            r"(?![a-z0-9])",
        ),
        ("单号", r"(?<!item )(?<!sku )(?<!part )(?<!model )(?<!style )#\s?(?P<found>[0-9]{4,})"),
        ("单号", r"(?<![0-9.])[0-9]{3,6}(?:[\s\-_.·~|/\u2010-\u2015]{1,3}[0-9]{3,6}){2,}(?![0-9])"),
        ("单号", r"[0-9]{8,}[0-9a-z]*"),
    )
)  # fmt: skip


def _all_digits_in(plain: str, found: list[Span]) -> bool:
    """Tell whether every digit that may be a phone's is found: numbering plans add nothing then."""
    inside = bytearray(len(plain))
    for start, end, _ in found:
        inside[start:end] = b"\x01" * (end - start)
    return all(
        inside[place]
        for many in MANY_DIGITS.finditer(plain)
        for place in range(*many.span())
        if plain[place].isdigit()
    )


def number_spans(plain: str) -> list[Span]:
    """Return where numbers stand that point at somebody.

    Parameters
    ----------
    plain : str
        In NFKC, a character for a character.

    Returns
    -------
    list of (int, int, str)
        Start, end, and what it is.

    Examples
    --------
    >>> number_spans("打 139…0123…4567")[0]
    (2, 15, '电话')
    >>> number_spans("2026-11-11 满300减40，36 37 38 39码")
    []
    """
    dates = [match.span() for form in (DATE, STATED) for match in form.finditer(plain)]
    found: list[Span] = []
    for word, pattern in NUMBERS:
        for match in pattern.finditer(plain):
            span = match.span("found") if "found" in pattern.groupindex else match.span()
            named = span != match.span()
            dated = any(start <= span[0] and span[1] <= end for start, end in dates)
            if named or not (
                dated
                or (
                    (word == "单号" or _TIMES.search(plain, *span))
                    and plain[span[0]].isdigit()
                    and is_everyday(plain, *span)
                )
            ):
                found.append((*span, word))
    found += numbers_by_form(plain, dates)
    if not _all_digits_in(plain, found):
        found += phones(plain, dates)
    return [*found, *beside(plain, found)]
