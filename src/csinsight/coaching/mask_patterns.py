"""What points at a person in a chat, as patterns over text in NFKC, position by position."""

from __future__ import annotations

import re
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
