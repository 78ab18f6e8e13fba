"""What points at a person in a chat, as patterns over text in NFKC, position by position.

Chat text without the people in it: who is meant, where they live, how to reach them.

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

_HAN = r"\u4e00-\u9fff"
#: What people put between the digits of a number: blanks, dashes, dots, invisible characters.
_GAP = r"[\s\-\u2010-\u2015_.·,、*/()\u200b-\u200f\u2060\ufeff]{0,3}"
_NUMERAL = r"[0-9零〇○一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖]"

_PROVINCES = (
    "北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南"
    "|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
#: A place that governs: the words that end like one but aren't are left out.
_AREA = (
    rf"[{_HAN}]{{1,8}}?(?:省|自治区|自治州|(?<![城超上门都])市|(?<![小城地社专景])区"
    r"|县|(?<![绿])州|盟|旗|镇|乡|街道)"
)
_NUMBER = r"(?:\s*[0-9A-Za-z][0-9A-Za-z\-#]*)?"
#: Where in it: a road, an estate, a house, with what number stands behind.
_PLACE = (
    rf"[{_HAN}A-Za-z0-9#\-()\s]{{0,24}}?(?:大道|路|街|道|巷|弄|胡同|号楼|号院|号|栋|幢|座|楼|层"
    r"|单元|室|户|房|村|组|屯|苑|园|庄|大厦|广场|小区|公寓|大学|中学|小学|医院|驿站)"
    rf"{_NUMBER}"
)
_HOUSE = (
    r"(?:(?:路|街|道|巷|弄|胡同|村|组|屯)\s*[0-9一二三四五六七八九十百零〇]{1,6}\s*(?:号|弄|巷|组)"
    r"|[0-9一二三四五六七八九十A-Za-z]{1,4}\s*(?:号楼|号院|栋|幢|单元|弄)"
    r"|[0-9]{2,5}\s*(?:室|户)(?![0-9]))"
)
#: Behind these an address begins; in front of them the sentence is ours to show.
_LEAD = r"到在是至往址为发送寄:;,。!?、\n\s"

_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻苏潘葛范彭郎鲁韦马"
    "苗凤方俞任袁柳鲍史唐费薛雷贺倪汤滕罗毕郝安常于傅齐康伍余元顾孟黄穆萧尹姚邵汪毛戴宋庞熊纪舒屈"
    "项祝董梁杜阮蓝季贾江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍万柯管卢莫房解应丁邓洪包左石崔龚程邢"
    "裴陆翁段侯武刘龙叶黎白蒲赖卓池乔温庄柴瞿阎连习艾容向古廖耿欧文聂曾关"
)
_NOT_A_NAME = (
    "信息|电话|地址|手机|号码|姓名|签收|那边|那里|什么|是谁|自己|本人|的话|不对|错了|写错|填错"
    "|名字|要改|改成"
)
_ACCOUNT_WORD = (
    r"(?:微\s*信|薇\s*信|威\s*信|维\s*信|徽\s*信|微\s*❤|薇\s*❤|卫星号|加\s*[微薇威V]|v\s*x|v\s*信|w\s*x"
    r"|we\s*chat|weixin|q\s*q|扣\s*扣|企鹅号|Q\s*号|旺旺号?|支付宝|抖音号?|快手号?|小红书号?"
    r"|whatsapp|telegram)"
)
_ACCOUNT = (
    r"(?!we\s*chat|weixin|qq(?![0-9])|whatsapp|telegram)"
    r"(?:[A-Za-z][A-Za-z0-9_\-]{3,29}|[0-9](?:[\s\-]?[0-9]){4,14}[A-Za-z0-9_\-]{0,12}"
    r"|[A-Za-z0-9_\-]{5,29})"
)

#: Streets, flats and boxes as people write them in English or pinyin.
_STREET = (
    r"(?:road|rd|street|st|avenue|ave|lane|ln|drive|dr|boulevard|blvd|alley|court|ct|place|square"
    r"|highway|way|lu|jie|dadao|xiang|nong)"
)
#: A word of a street's name: none that only joins others ("38 on the way").
_STREET_WORD = (
    r"(?!(?:on|in|by|the|a|an|of|to|for|and|or|is|are|was|it|this|that)\s)[a-z0-9'\-]+\.?"
)
_FLAT = (
    r"(?:room|rm|flat|apt|apartment|unit|suite|building|bldg|block|floor|tower|villa"
    r"|dorm(?:itory)?)"
)
_REST = r"(?:\s*,\s*[a-z0-9#][a-z0-9#'\-. ]{0,30}){0,6}"
_CLAUSE_ENDS = r"(?=[,.。;:!?、\s\[]|$)"
#: Before a name, and after it, in a line that says something else about a person.
_BEFORE_NAME = r"(?:是|叫|的|给|找|跟|和|为|[:,。;!?、\s]|^)"
_AFTER_NAME = r"(?=也|的|收|先生|女士|小姐|电话|手机|地址|家|那|这|买|[,.。;:!?、\s0-9\[(]|$)"

#: Read only in a line that holds a number, an address or an account: then a name is likely.
NAMES_NEARBY: Final = re.compile(
    rf"{_BEFORE_NAME}(?P<found>(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])[{_HAN}]{{1,2}}?){_AFTER_NAME}"
)
#: A whole message that may be a piece of a number sent in several.
PIECE: Final = re.compile(
    rf"^[^0-9A-Za-z]{{0,4}}(?P<found>(?:{_NUMERAL}{_GAP}){{2,}}{_NUMERAL})\W*$"
)

DATE: Final = re.compile(
    r"(?<![0-9])(?<![0-9][\-/.])(?:19|20)[0-9]{2}(?:[\-/.年]\s*(?:0?[1-9]|1[0-2])[\-/.月]\s*"
    r"(?:3[01]|[12][0-9]|0?[1-9])日?|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))"
    r"(?![0-9])(?![\-/.][0-9])"
)

PATTERNS: Final = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("链接", r"(?:[a-z][a-z0-9+.\-]{1,11}://|www\s*\.)[^\s\u4e00-\u9fff,。;!、\"'<>()\[\]]+"),
        (
            "链接",
            r"(?<![@a-z0-9.\-])[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)*\.(?:com|cn|net|org|top|vip|shop"
            r"|cc|io|me|xyz|info|co|link|ltd|site|online|club|store|app|tv|hk|tw|jp|uk|us|ly|gl|la)"
            r"(?![a-z0-9])(?::[0-9]+)?(?:/[^\s\u4e00-\u9fff,。;!、\"'<>()\[\]]*)?",
        ),
        ("链接", r"[¥$€₤]\s*[a-z0-9]{8,}\s*[¥$€₤]"),
        ("账号", r"(?<![a-z0-9])wxid[_\-][a-z0-9_\-]{3,}"),
        ("账号", r"(?<![a-z0-9])tb[0-9_]{4,}[a-z0-9_]*"),
        ("账号", r"(?<![a-z0-9@])@(?P<found>[a-z0-9_][a-z0-9_.\-]{2,29})"),
        (
            "邮箱",
            r"[a-z0-9][a-z0-9._%+\-]*\s*(?:@|\(at\)|\[at\]|#at#)\s*[a-z0-9\-]+"
            r"(?:\s*(?:\.|点|\(dot\))\s*[a-z]{2,})+",
        ),
        ("证件号", r"(?<![0-9])[1-9](?:[\s\-]?[0-9]){16}[\s\-]?[0-9x](?![0-9])"),
        ("证件号", r"(?:身份证|证件)[^0-9\n]{0,6}(?P<found>[0-9](?:[\s\-]?[0-9]){5,16}[0-9x]?)"),
        ("证件号", r"(?:护照|通行证)[^0-9a-z\n]{0,6}(?P<found>[a-z]{0,2}[0-9]{6,10})"),
        ("电话", rf"(?:\+?\s*86{_GAP})?(?<![0-9])1{_GAP}[3-9](?:{_GAP}[0-9]){{9}}(?![0-9])"),
        ("电话", r"(?<![0-9])\(?0[0-9]{2,3}\)?[\s\-]{0,3}[0-9]{3,4}[\s\-]?[0-9]{4}(?:转[0-9]+)?"),
        ("电话", r"(?<![0-9])[48]00[\s\-]?[0-9]{3,4}[\s\-]?[0-9]{3,4}(?![0-9])"),
        (
            "电话",
            rf"(?:{_NUMERAL}{_GAP}){{6,}}{_NUMERAL}(?<=[零〇○一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖])",
        ),
        (
            "电话",
            rf"{_NUMERAL}*[零〇○幺一二三四五六七八九](?:{_GAP}{_NUMERAL}){{6,}}",
        ),
        (
            "电话",
            r"(?:电话|手机号?|座机|号码|联系方式|tel|phone|mobile)[^0-9\n]{0,6}"
            r"(?P<found>\+?[0-9](?:[\s\-]?[0-9]){4,15})",
        ),
        (
            "账号",
            rf"{_ACCOUNT_WORD}(?:\s*(?:id|no\.?|number|is))*[^a-z0-9\n,。;!?]{{0,8}}"
            rf"(?P<found>{_ACCOUNT})",
        ),
        ("账号", rf"(?<![a-z0-9])v\s*[:=号]\s*(?P<found>{_ACCOUNT})"),
        (
            "账号",
            r"(?P<found>[a-z0-9_\-]{5,29})(?=[^a-z0-9\n\u2028,。;!?]{0,4}(?:微信|vx|qq|扣扣|微信号))",
        ),
        (
            "单号",
            r"(?:订单|单号|编号|运单|快递|物流|流水|工单|售后单|退款单|会员号|卡号|账户|账号)"
            r"[^a-z0-9\n,。;!?]{0,8}(?P<found>[a-z]{0,6}[0-9][a-z0-9\-_]{3,39})",
        ),
        ("单号", r"(?<![a-z0-9])[a-z]{1,6}[\-_]?[0-9]{6,}[a-z0-9]*(?![a-z0-9])"),
        ("单号", r"[0-9]{8,}[0-9a-z]*"),
        ("单号", r"(?<![0-9])[0-9]{3,6}(?:[\s\-][0-9]{3,6}){2,}(?![0-9])"),
        ("地址", rf"(?:{_AREA}){{2,}}(?:{_PLACE})*"),
        ("地址", rf"(?:{_PROVINCES})(?:{_AREA})+(?:{_PLACE})*"),
        ("地址", rf"[^{_LEAD}]{{0,24}}{_HOUSE}{_NUMBER}(?:{_PLACE})*"),
        (
            "地址",
            r"(?:收货地址|收件地址|家庭住址|住址|我的地址|地址)(?:是|为|:)\s*(?P<found>[^\s。!?;\n\[\]]{4,60})",
        ),
        (
            "地址",
            rf"(?:{_FLAT}\.?\s*#?\s*[0-9a-z\-]*[0-9][0-9a-z\-]*\s*,?\s*){{1,4}}"
            rf"(?:[0-9]{{1,5}}[a-z]?\s+(?:{_STREET_WORD}\s+){{0,4}}{_STREET}(?![a-z])\.?)?{_REST}",
        ),
        (
            "地址",
            rf"(?<![a-z0-9])(?:no\.?\s*)?[0-9]{{1,5}}[a-z]?,?\s+(?:{_STREET_WORD}\s+){{1,4}}"
            rf"{_STREET}(?![a-z])\.?(?:\s*[,#]?\s*{_FLAT}\.?\s*[0-9a-z\-]+)?{_REST}",
        ),
        ("地址", r"p\.?\s*o\.?\s*box\s*[0-9]+"),
        (
            "地址",
            r"(?:ship(?:ping)?|delivery|my|home|send (?:it )?to)\s+(?:address|to)?\s*(?:is|:)\s*"
            r"(?P<found>[^\n.!?;\[\]]{6,90})",
        ),
        (
            "姓名",
            r"(?:my name is|name\s*:|this is|attn\.?:?|recipient(?: is|:)|addressee:?|mr\.?|mrs\.?"
            r"|ms\.?|miss)\s+(?P<found>(?-i:[A-Z][a-z'\-]+(?:\s+[A-Z][a-z'\-]+){0,2}))",
        ),
        (
            "姓名",
            rf"(?:我是|我叫)(?P<found>(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])[{_HAN}]{{1,2}}){_CLAUSE_ENDS}",
        ),
        (
            "姓名",
            r"(?:收件人|收货人|联系人|签收人|姓名|名字叫|名字是|本人叫|我叫)[是为叫:\s]{0,3}"
            rf"(?!{_NOT_A_NAME})(?P<found>[{_HAN}]{{1,3}}[·•][{_HAN}]{{1,6}}|[{_HAN}]{{2,4}}"
            r"|[a-z]+(?:\s[a-z]+){0,2})",
        ),
        (
            "姓名",
            rf"(?P<found>(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])[{_HAN}]{{0,2}}?)(?=先生|女士|小姐|收$)",
        ),
    )
)


#: The words that stand where something was.
MASKS: Final = ("电话", "证件号", "邮箱", "链接", "账号", "单号", "地址", "姓名", "昵称")

#: Of these a line tells about somebody, so that a name in it is likely.
_PERSONAL: Final = {"电话", "证件号", "账号", "单号", "地址", "邮箱"}
#: Between the lines of a conversation: a blank to most patterns, an end to those that read
#: backwards.
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
    """Return the lines of one conversation masked, also where something was sent in several pieces.

    Parameters
    ----------
    texts : sequence of str
        All messages of the conversation, in reading order: what stands in one may name what comes
        next.
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
    """Yield where lines of nothing but digits lie near one another and make one number."""
    found = {
        place: match for place, line in enumerate(lines) if (match := PIECE.search(_plain(line)))
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
    dates = [match.span() for match in DATE.finditer(plain)]
    for word, pattern in PATTERNS:
        for match in pattern.finditer(plain):
            span = match.span("found") if "found" in pattern.groupindex else match.span()
            inside_date = any(start <= span[0] and span[1] <= end for start, end in dates)
            if not (inside_date and word == "单号"):
                found.append((*span, word))
    if personal or any(word in _PERSONAL for *_, word in found):
        matches = NAMES_NEARBY.finditer(plain)
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
