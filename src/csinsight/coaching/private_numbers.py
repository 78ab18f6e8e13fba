"""Numbers that point at somebody: of phones, papers, cards, orders, plates, and birthdays.

Three ways lead to one. By form: digits in any dress (Chinese, circled, with blanks, dots or signs
between, letters that look like digits) that are more than a price, a size or a date has. By name:
what stands behind "尾号", "passport", "运单". By company: a few digits beside a masked number.
"""

from __future__ import annotations

import re
from typing import Final

from csinsight.coaching.digits import (
    DATE,
    GAP,
    MANY_DIGITS,
    NUMERAL,
    STATED,
    Span,
    beside,
    is_everyday,
    numbers_by_form,
    phones,
)

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
            r"(?:订单|单号|编号|运单|快递|物流|流水|工单|售后单|退款单|会员号|卡号|账户|账号)"
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
            r"(?P<found>(?-i:(?=(?:[· \-]?[A-Z0-9]){5})(?=[A-Z0-9· \-]{0,8}[0-9])"
            r"(?=[0-9· \-]{0,6}[A-Z])"
            r"[A-Z0-9]{1,8}(?:[\s·\-][A-Z0-9]{1,5}){0,3}))",
        ),
        (
            "车牌",
            r"(?:car|van|vehicle|plates?)(?: reg(?:istration)?)?(?: is|:)\s*"
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
        ("单号", r"#\s?(?P<found>[0-9]{4,})"),
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
