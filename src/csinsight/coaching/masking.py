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

from phonenumbers import PhoneNumberMatcher

from csinsight.coaching.rarity import Common

_HAN = r"\u4e00-\u9fff"
#: What people put between the digits of a number: blanks, dashes, dots, invisible characters.
_GAP = r"[\s\-\u2010-\u2015_.·,、*/()|~\u200b-\u200f\u2060\ufeff]{0,3}"
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
#: Ordinary words that begin with a surname.
_ORDINARY = (
    "安排|安全|安装|安心|安抚|金额|金属|方便|方式|方法|方面|方案|方向|时间|时候|应该|应付|关于|关注|关闭|关系|常见|常用|常规|平时|平台"
    "|平板|平铺|万一|万分|白色|白条|黄色|花型|花色|马上|马桶|包装|包邮|包裹|单独|全部|成分|成功|成交|成人|明天|明白|明显|高领|高度|高清"
    "|高端|高级|高腰|任何|任意|周末|周期|周边|周一|周二|周三|周四|周五|周六|周日|许多|毛衣|毛巾|连接|连续|连衣|石头|古铜|贝壳|米色"
    "|米白|红色|蓝色|黑色|绿色|华为|严重|严格|余额|顾客|段时|田园|水洗|解决|解释|解除|解绑|管理|程度|于您|于是|那边|那里|祝您|路上"
    "|车架|车载|项目|项链|于此|计算|施工|柏油|柔软|喻为|孔雀|左右|左边|石材|童装|童鞋|向上|向下|温度|温馨|温水|盛装|凤凰|贺卡|雷电"
    "|倪妮|鲁菜|苗条|殷勤|葛根|范围|范本|史上|唐装|费用|席位|季节|季度|麻烦|麻布|强烈|贾斯|江浙|郭靖|梅花|林下|钟表|钟头|夏天|夏季"
    "|蔡司|田径|樊登|胡子|胡萝|凌晨|霍尔|管子|管道|卢比|房间|房子|丁字|邓紫|洪水|石榴|龚俊|程序|程式|段落|武器|刘海|龙头|龙井|叶子"
    "|黎明|白酒|蒲团|赖账|卓越|池子|乔迁|温州|庄园|柴油|阎王|习惯|艾草|容易|容量|向导|古风|耿直|欧洲|欧码|欧式|文字|文件|文艺|曾经"
    "|服务|客服|产品|商品|售后|退换|快递|自己|别人|他们|我们|你们|大家|家人|老师傅|工程师|小姐姐|配送|维修|这边|哪个|什么|怎么"
)
_NOT_A_NAME = (
    "告诉|告知|多少|一下|是不|还是|及|和|与|或|信息|电话|地址|手机|号码|姓名|签收|那边|那里|什么|是谁"
    "|自己|本人|的话|不对|错了|写错|填错"
    "|名字|要改|改成"
)
_ACCOUNT_WORD = (
    r"(?:微\s*信|薇\s*信|威\s*信|维\s*信|徽\s*信|微\s*❤|薇\s*❤|卫星号|加\s*[微薇威V]|v\s*x|v\s*信|w\s*x"
    r"|we\s*chat|weixin|q\s*q|扣\s*扣|企鹅号?|球球|[围徽维]信|微\s?x|wei信|加微|➕\s?[vV微]|扣(?=\s?[0-9])"
    r"|Q\s*号|Q(?=[::]\s?[0-9])|旺旺号?"
    r"|支付宝|抖音号?|快手号?|小红书号?|微博"
    r"|(?:淘宝|京东|会员)(?:账号|账户|名|号)|\bins\b|instagram|line id"
    r"|whatsapp|telegram)"
)
_ACCOUNT = (
    r"(?!we\s*chat|weixin|qq(?![0-9])|whatsapp|telegram)"
    r"(?:[A-Za-z][A-Za-z0-9_\-]{3,29}|[0-9](?:[\s\-]?[0-9]){4,14}[A-Za-z0-9_\-]{0,12}"
    r"|[A-Za-z0-9_\-]{5,29})"
)

#: Streets, flats and boxes as people write them in English or pinyin.
_STREET = (
    r"(?:road|rd|street|st|avenue|ave|terrace|crescent|close|row|grove|gardens|mews|parade"
    r"|lane|ln|drive|dr|boulevard|blvd|alley|court|ct|place|square"
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
_NAME_BEGINS = rf"(?!{_ORDINARY})(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])"
#: Before a name, and after it, in a line that says something else about a person.
_BEFORE_NAME = r"(?:是|叫|的|给|找|跟|和|为|[:,。;!?、\s]|^)"
_AFTER_NAME = r"(?=也|的|收|先生|女士|小姐|电话|手机|地址|家|那|这|买|[,.。;:!?、\s0-9\[(]|$)"

#: One to three capitalised words, of which the first is none that begins a sentence or praises.
_ENGLISH_NAME: Final = (
    r"(?-i:(?!(?:Great|Good|Nice|Perfect|Awesome|Amazing|Fine|Wonderful|Excellent|Not|The|My"
    r"|Our|Your|It|All|So"
    r"|Very|Really|Just|What|Why|How|An?|Sorry|Sure|Sir|Madam|Customer|Team|Happy|Glad"
    r"|Afraid|Looking|Here"
    r"|Buyer|Seller|Friend|Valued|Interested|Sad|Done|OK|Ok|Okay|Cotton|Silk|Made|In|On|For"
    r"|From|Really)\b)"
    r"[A-Z][a-z'\-]+(?:\s+[A-Z][a-z'\-.]*){0,2})"
)
#: Read only in a line that holds a number, an address or an account: then a name is likely.
NAMES_NEARBY: Final = re.compile(
    rf"{_BEFORE_NAME}(?P<found>{_NAME_BEGINS}[{_HAN}]{{1,2}}?){_AFTER_NAME}"
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
            r"(?<![@a-z0-9.\-])[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)*\.(?:com|cn|net|org|top"
            r"|vip|shop"
            r"|cc|io|me|xyz|info|co|link|ltd|site|online|club|store|app|tv|hk|tw|jp|uk|us|ly|gl|la)"
            r"(?![a-z0-9])(?::[0-9]+)?(?:/[^\s\u4e00-\u9fff,。;!、\"'<>()\[\]]*)?",
        ),
        (
            "链接",
            r"[a-z0-9][a-z0-9\-]{1,30}\s?(?:点|\s\.\s|\[dot\]|\(dot\))\s?(?:com|cn|net|org"
            r"|top|shop|io|cc|me)(?![a-z])",
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
        (
            "邮箱",
            r"(?<![a-z0-9])[a-z0-9][a-z0-9._%+\-]*\s*(?:@|\(at\)|\[at\]|#|\bat\b|艾特)\s*[a-z0-9\-]+"
            r"(?:\s*(?:\.|。|点|\(dot\)|\[dot\]|\bdot\b)\s*(?:com|cn|net|org|edu|io|me|co|uk"
            r"|hk|tw|jp|de|fr))+(?![a-z])",
        ),
        (
            "邮箱",
            r"(?:邮箱|e-?mail)[^a-z0-9\n]{0,6}(?:(?:is|address|是|:)[^a-z0-9\n]{0,3})*"
            r"(?P<found>[a-z0-9][a-z0-9._\-]{5,40})",
        ),
        ("证件号", r"(?<![0-9])[1-9](?:[\s\-]?[0-9]){16}[\s\-]?[0-9x](?![0-9])"),
        (
            "证件号",
            r"(?<![0-9\-])[0-9]{3}[\s\-.\u2010-\u2015]{1,2}[0-9]{2}[\s\-.\u2010-\u2015]{1,2}[0-9]{4}(?![0-9\-]"
            r")",
        ),
        ("证件号", r"(?<![0-9])[0-9](?:[\s\-.\u2010-\u2015]{0,3}[0-9]){12,18}(?![0-9])"),
        (
            "证件号",
            r"(?:cvv|cvc|security code|安全码|card ending(?: in)?|尾号)[^a-z0-9\n]{0,4}(?:is|是"
            r"|为)?\s*(?P<found>[0-9]{3,6})",
        ),
        (
            "证件号",
            r"(?:ssn|social security|passport|licen[cs]e|national id|\bid)(?:\s*(?:no\.?"
            r"|number|is|#|:))*"
            r"\s*(?P<found>[a-z]{0,3}[0-9](?:[\s\-.]{0,3}[0-9]){4,14}[a-z0-9]?)",
        ),
        (
            "车牌",
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳使领]\s?[A-Z][\s·•.\-]{0,3}"
            r"(?:[A-Z0-9][\s\-]?){4,5}[A-Z0-9学警港澳挂领](?![A-Za-z0-9])",
        ),
        (
            "车牌",
            r"(?:车牌|车号|牌照|(?:licen[cs]e |number )?plate"
            r"|registration)[^a-z0-9\n]{0,6}(?:(?:number|no\.?|is|号)[^a-z0-9\n]{0,3})*"
            r"(?P<found>(?=[A-Z0-9· \-]{0,8}[0-9])[A-Z0-9]{1,8}(?:[\s·\-][A-Z0-9]{1,5}){0,2})",
        ),
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
        (
            "单号",
            r"(?<![a-z0-9])(?<!款号)(?<!款号[:： ])(?<!货号)(?<!货号[:： ])(?<!型号)"
            r"(?<!型号[:： ])(?<!款)(?<!sku )(?<!model )"
            r"(?<!style )[a-z]{1,6}[\-_]?[0-9]{6,}[a-z0-9]*(?![a-z0-9])",
        ),
        (
            "单号",
            r"(?:order|tracking|invoice|reference|ref|case|ticket|parcel"
            r"|booking)s?(?:\s*(?:id|no\.?|number|code|is|#|:))+\s*#?"
            r"(?P<found>[a-z]{0,6}[\-_]?[0-9][a-z0-9\-_]{2,39}|[a-z]{1,6}[\-_][0-9]{3,})",
        ),
        ("单号", r"#\s?(?P<found>[0-9]{4,})"),
        ("电话", r"\+\s?[0-9](?:[\s\-().\u2010-\u2015]{0,3}[0-9]){7,14}"),
        ("电话", r"(?<![0-9])[0-9]{3}(?:[\s\-_.·*~|/,、\u2010-\u2015]{1,3}[0-9]{4}){2}(?![0-9])"),
        ("单号", r"(?<![0-9])[0-9]{3,6}(?:[_.·*~|/\u2010-\u2015]{1,3}[0-9]{3,6}){2,}(?![0-9])"),
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
            rf"(?<![0-9] ){_STREET}(?![a-z])\.?(?:\s*[,#]?\s*{_FLAT}\.?\s*[0-9a-z\-]+)?{_REST}",
        ),
        ("地址", r"p\.?\s*o\.?\s*box\s*[0-9]+"),
        (
            "地址",
            r"(?:zip"
            r"|post)\s?-?code[^0-9a-z\n]{0,4}(?:is)?\s*"
            r"(?P<found>[a-z0-9][a-z0-9 \-]{2,9}[0-9a-z])|(?:\bzip is"
            r"|邮编)[^0-9\n]{0,4}(?P<code>[0-9]{5,6})",
        ),
        ("地址", r"(?<![A-Za-z0-9])(?-i:[A-Z]{1,2}[0-9][A-Z0-9]?\s[0-9][A-Z]{2})(?![A-Za-z0-9])"),
        (
            "地址",
            r"(?<![a-z0-9])[0-9]{1,5}[a-z]?,?\s+(?:rue|via|calle|avenida|rua"
            r"|strada)\s[a-z'\-]+(?:\s[a-z'\-]+){0,4}",
        ),
        (
            "地址",
            rf"[{_HAN}]{{2,10}}?(?:花园|家园|小区|公寓|国际|广场|大厦|中心|校区|学部|国贸|城市)[{_HAN}]{{0,6}}?"
            rf"(?:[东南西北正后侧]门|[0-9一二三四五六七八九十]+期[A-Za-z0-9座栋号]*"
            rf"|[A-Za-z0-9]+[座舍栋幢])(?:\s*[0-9]{{2,5}})?",
        ),
        ("地址", rf"[{_HAN}]{{2,12}}?(?:路|街|大道|巷)\s*[0-9]{{1,5}}(?:[\-—][0-9]{{1,5}})?\s*号?"),
        (
            "地址",
            r"(?:ship(?:ping)?|delivery|my|home|send (?:it )?to)\s+(?:address|to)?\s*(?:is|:)\s*"
            r"(?P<found>[^\n.!?;\[\]]{6,90})",
        ),
        (
            "姓名",
            r"(?:mr|mrs|ms|miss|dr|dear|regards,?|sincerely,?|c/o|i'?m|i am|attn)\.?:?\s+"
            rf"(?P<found>{_ENGLISH_NAME})",
        ),
        (
            "姓名",
            rf"(?:this is|it's)\s+(?P<found>{_ENGLISH_NAME})(?=\s+(?:here|speaking|from|again)\b"
            r"|\s*(?:,|\.(?!\w)|$))",
        ),
        (
            "姓名",
            r"(?:(?:my|full|his|her|the|whose|recipient'?s?|receiver'?s?"
            r"|contact)? ?name(?: is|\s*[:：])"
            r"|call me|named|recipient(?: is|\s*:)|addressee(?: is|\s*:)|receiver(?: is|\s*:)"
            r"|(?:deliver|ship|addressed|attention|send it|give it) to:?|ask for|signed by"
            r"|attn\.?:?)\s+"
            r"(?!(?:the|my|our|your|a|an|me|us|this|that|it|is|not|on|in|new|another|him|her"
            r"|them|old)\b)"
            r"(?P<found>[a-z][a-z'\-]+(?:\s+(?!and|at|please|thanks?|for|on|in|is|my|the"
            r"|from|with|to\b)[a-z][a-z'\-.]*)"
            r"{0,2})(?=\s|[,.;!?]|$)",
        ),
        (
            "姓名",
            rf"(?:我是|我叫|名叫|叫做|我姓|免贵姓|本人|我老公|我老婆|我妈|我爸|我朋友|同事)(?:是"
            rf"|叫)?(?P<found>{_NAME_BEGINS}[{_HAN}]{{1,2}}){_CLAUSE_ENDS}",
        ),
        ("姓名", rf"(?:我|免贵|他|她|贵)姓(?P<found>[{_SURNAMES}])(?![{_HAN}])"),
        (
            "姓名",
            rf"(?:叫我|找|转给|收[:：])\s?(?P<found>[小老阿]?[{_SURNAMES}][{_HAN}]{{0,2}}?){_CLAUSE_ENDS}",
        ),
        ("姓名", rf"(?<![{_HAN}])(?P<found>{_NAME_BEGINS}[{_HAN}]{{1,2}}?)收{_CLAUSE_ENDS}"),
        (
            "姓名",
            r"(?:收件人|收货人|联系人|签收人|姓名|名字叫|名字是|本人叫|我叫)[是为叫:\s]{0,3}"
            rf"(?!{_NOT_A_NAME})(?P<found>[{_HAN}]{{1,3}}[·•][{_HAN}]{{1,6}}|[{_HAN}]{{2,4}}"
            r"|[a-z]+(?:\s[a-z]+){0,2})",
        ),
        (
            "姓名",
            rf"(?P<found>{_NAME_BEGINS}[{_HAN}]{{0,2}}?)(?=先生|女士|小姐|太太|老师|师傅|经理|阿姨|大哥|大姐|收$)",
        ),
    )
)


#: The words that stand where something was.
MASKS: Final = (
    "电话", "证件号", "邮箱", "链接", "账号", "单号", "地址", "姓名", "昵称", "车牌", "略",
)  # fmt: skip

#: Of these a line tells about somebody, so that a name in it is likely.
_PERSONAL: Final = {"电话", "证件号", "账号", "单号", "地址", "邮箱"}
#: Between the lines of a conversation: a blank to most patterns, an end to those that read
#: backwards.
_BREAK: Final = "\u2028"
#: Lines between which a number may have been broken up.
_NEAR: Final = 3
#: Digits that make pieces a number worth hiding.
_DIGITS: Final = 7

#: What is masked already, here or where the chat came from: ``[姓名x]``.
MASKED: Final = re.compile(
    rf"\[(?:{'|'.join(MASKS)})\]|\[[{_HAN}A-Za-z]{{1,8}}x\]|#[A-Z]-[a-z]+\[[{_HAN}]{{1,4}}x\]"
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
    """
    names = _names(tuple(nicknames))
    while True:
        parts = MASKED.split(text)
        marks = MASKED.findall(text)
        personal = any(mark[1:-1] in _PERSONAL for mark in marks)
        masked = [_replace(p, _spans(_plain(p), names, personal=personal)) for p in parts]
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
    masked = [mask(_replace(t, f), names) for t, f in zip(lines, found, strict=True)]
    return masked if common is None else [hide_rare(text, common) for text in masked]


def hide_rare(text: str, common: Common) -> str:
    """Return a masked text without what only few buyers' chats hold."""
    parts, marks = MASKED.split(text), MASKED.findall(text)
    shown = [_replace(p, [(a, b, "略") for a, b in common.rare(p)]) for p in parts]
    return shown[0] + "".join(m + p for m, p in zip(marks, shown[1:], strict=True))


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
            named = [g for g in pattern.groupindex if match[g] is not None]
            span = match.span(named[0]) if named else match.span()
            inside_date = any(start <= span[0] and span[1] <= end for start, end in dates)
            if not (inside_date and word == "单号"):
                found.append((*span, word))
    found += _phones(plain, dates)
    if personal or any(word in _PERSONAL for *_, word in found):
        matches = NAMES_NEARBY.finditer(plain)
        found += [(*match.span("found"), "姓名") for match in matches]
    return found


#: Where numbers without a country's prefix may come from.
_REGIONS: Final = ("CN", "US", "GB", "HK", "TW", "AU", "DE", "FR", "JP", "KR", "SG", "IN")
#: Fewer digits are no phone number; most lines have none, and are not looked at further.
_MANY_DIGITS: Final = re.compile(r"(?:[0-9][^0-9]{0,3}){6,}[0-9]")


def _phones(plain: str, dates: list[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Return the phone numbers of any country, as their numbering plans have it."""
    if not _MANY_DIGITS.search(plain):
        return []
    hits = [
        (match.start, match.end, "电话")
        for region in _REGIONS
        for match in PhoneNumberMatcher(plain, region)
    ]
    return [h for h in hits if not any(a <= h[0] and h[1] <= b for a, b in dates)]


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
