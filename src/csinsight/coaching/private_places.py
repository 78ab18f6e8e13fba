"""Where somebody lives or has things sent to, as people write it in Chinese and Latin letters."""

from __future__ import annotations

import re
from typing import Final

#: Chinese characters with those of rare names, and what stands for such: their parts, how parts are
#: put together, and the private letters of old systems.
HAN: Final = (
    r"\u2e80-\u2fff\u3005\u3007\u3400-\u9fff\uf900-\ufaff\ue000-\uf8ff"
    r"\U00020000-\U000323af\U000f0000-\U0010fffd"
)


def ignoring_case(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that knows no capitals, but for the characters that have none.

    Of a set in which case is ignored, each character is looked at when it is compiled, and `HAN`
    are two hundred thousand: told that they have no case, patterns compile in half the time.

    Examples
    --------
    >>> ignoring_case(f"[{HAN}]+ qq").fullmatch("加我 QQ") is not None
    True
    """
    return re.compile(pattern.replace(f"[{HAN}]", f"(?-i:[{HAN}])"), re.IGNORECASE)


PROVINCES: Final = (
    "北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南"
    "|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
#: Cities that many write without the word for one.
CITIES: Final = (
    "石家庄|唐山|秦皇岛|邯郸|保定|廊坊|太原|大同|呼和浩特|包头|沈阳|大连|鞍山|长春|吉林|哈尔滨"
    "|大庆|南京|无锡|徐州|常州|苏州|南通|连云港|淮安|盐城|扬州|镇江|泰州|宿迁|杭州|宁波|温州"
    "|嘉兴|湖州|绍兴|金华|衢州|舟山|台州|丽水|合肥|芜湖|蚌埠|安庆|阜阳|福州|厦门|莆田|泉州"
    "|漳州|南昌|九江|赣州|济南|青岛|淄博|烟台|潍坊|济宁|临沂|威海|郑州|洛阳|开封|南阳|武汉"
    "|宜昌|襄阳|荆州|长沙|株洲|衡阳|岳阳|常德|广州|深圳|珠海|汕头|佛山|江门|湛江|惠州|东莞"
    "|中山|南宁|柳州|桂林|海口|三亚|成都|绵阳|宜宾|贵阳|遵义|昆明|大理|拉萨|西安|咸阳|宝鸡"
    "|兰州|西宁|银川|乌鲁木齐"
)
#: "Supermarket", "in the shops", "town" and "salesroom" end like a city, cities of that name don't.
_NO_CITY: Final = (
    r"(?<![超上])(?<!(?<![盐运晋聊宣韩禹项邹麻通海诸凤万文])城)"
    r"(?<!(?<![厦江荆石玉天])门)(?<!(?<!成)都)"
)
#: A place that governs: the words that end like one but aren't are left out.
_AREA: Final = (
    rf"(?:(?![是在到从])[{HAN}]){{1,8}}?(?:省|自治区|自治州|{_NO_CITY}市"
    rf"|(?<![小城地社专景市])区"
    r"|县|(?<![绿])州|盟|旗|镇|乡|街道)"
)
_NUMBER: Final = r"(?:\s*[0-9A-Za-z][0-9A-Za-z\-#]*)?"
#: Words of a question whether and when things come somewhere, come from there or are done there.
#: Nothing else may stand in it: an estate, a hamlet and a person have names that no list holds.
_ASKING: Final = (
    rf"(?:[ 能可以会有要得是在都也还就不没发货寄送到达收走包邮从你您们家店买来去最快那这里边"
    r"免卖看停进]"
    r"|大概|大约|一般|估计|正常|现在|的话|全境|地区|本地|附近|顺丰|中通|圆通|韵达|申通|极兔|邮政|京东"
    r"|德邦|快递|物流|配送|安装|上门|服务|维修|售后|支持|范围|覆盖|过[去来]|实体|体验|门店|专卖|直营|线下"
    r"|代理|仓库|网点|厂家|测量|直[发供送]|需要|当[天日]|[今明隔后]天|次日|周末|下单|加急|付款|自提|运费|邮费|[0-9]{1,2}[天点号日]"
    rf"|的[{HAN}]{{1,3}}(?=[吗么嘛?]))"
)
#: Down to a county hundreds of thousands live: who asks about it (whether and when things come
#: there, whether they come from there) tells nothing of where they live.
_ASKED_OF: Final = (
    rf"(?!(?:{PROVINCES}|{CITIES}"
    rf"|(?:(?![是在到从寄送给我叫姓镇乡街道村路弄巷号栋楼])[{HAN}]){{1,8}}?"
    rf"(?:省|自治区|自治州|{_NO_CITY}市|(?<![小社校院厂一二三四五六七八九十园])区|[县州盟旗]))"
    rf"{{1,4}}{_ASKING}{{0,14}}?"
    r"(?:[吗么嘛?]|几[天点个号时月]|多[久少]|包邮|[邮运]费|什么时候|没有|不(?=[?!]|$)))"
)
#: Where in it: a road, an estate, a house, with what number stands behind.
_PLACE: Final = (
    rf"[{HAN}A-Za-z0-9#\-()\s]{{0,24}}?(?:大道|路|街|道|巷|弄|胡同|号楼|号院|号|栋|幢|座|楼|层"
    r"|单元|室|户|房|村|组|屯|苑|园|庄|大厦|广场|小区|公寓|大学|中学|小学|医院|驿站)"
    rf"{_NUMBER}(?:[东南西北正]?门?(?:斜?对面|旁边|楼上|楼下|隔壁|后面)[{HAN}]{{0,10}}{_NUMBER})?"
)
_HOUSE: Final = (
    r"(?:(?:路|街|道|巷|弄|胡同|村|组|屯)\s*[0-9一二三四五六七八九十百零〇]{1,6}\s*(?:号|弄|巷|组)"
    r"|[0-9一二三四五六七八九十A-Za-z]{1,4}\s*(?:号楼|号院|栋|幢|单元|弄)"
    r"|[0-9]{2,5}\s*(?:室|户)(?![0-9]))"
)
#: Behind these an address begins; in front of them the sentence is ours to show.
_LEAD: Final = r"到在是至往址为发送寄:;,。!?、\n\s"

#: Streets, flats and boxes as people write them in English or pinyin.
_STREET: Final = (
    r"(?:road|rd|street|st|avenue|ave|terrace|crescent|close|row|grove|gardens|mews|parade"
    r"|lane|ln|drive|dr|boulevard|blvd|alley|court|ct|place|square|parkway|pkwy|hill|green|walk"
    r"|highway|hwy|way|(?-i:Loop|Circle|Cir|Trail|Plaza|Heights|Ridge|LOOP|CIRCLE|TRAIL|PLAZA)"
    r"|trl|expressway|turnpike"
    r"|quay|wharf|marg|nagar|cross|lu|jie|dadao|xiang|nong|jalan)"
)
#: A word of a street's name: none that only joins others ("38 on the way").
_STREET_WORD: Final = (
    r"(?!(?:on|in|by|the|a|an|of|to|for|and|or|is|are|was|it|this|that|olive|dark|light)\s)"
    r"[a-z0-9'\-]+\.?"
)
_FLAT: Final = (
    r"(?:room|rm|flat|apt|apartment|unit|suite|building|bldg|block|floor|tower|villa"
    r"|dorm(?:itory)?|lot|(?<![a-z])plot|house|h\.? ?no\.?|door no\.?|sector)"
)
#: A piece of an address between two commas: a few words and numbers.
_PART: Final = r"(?<![a-z0-9])[a-z0-9#][a-z0-9#/.'’\-]{0,24}(?:\s[a-z0-9#/.'’\-]{1,24}){0,4}"
#: Words that are in addresses and hardly elsewhere, with a number or a name before or behind.
_ESTATE: Final = (
    r"\b(?:(?:h\.? ?no|house|plot|flat|sector|block|phase|door|ward|street|road|lane)"
    r"\.?\s?[a-z]{0,2}"
    r"[\-/]?[0-9]+|(?:nagar|colony|apartments|society|enclave|vihar|layout|marg|chowk|bagh|taluka"
    r"|tehsil"
    r"|village|county)\b)"
)
#: A town and state behind a box or a street, with or without its code.
_TOWN: Final = (
    r"(?:,?\s+(?-i:[NSEW]{1,2})(?![a-z]))?(?:,?\s+(?-i:[A-Z])[a-z.'\-]+){0,3}"
    r"(?:,?\s+(?-i:[A-Z]{2,3})(?![A-Za-z]))?(?:,?\s+[0-9]{4,6})?"
)
_REST: Final = r"(?:\s*,\s*[a-z0-9#][a-z0-9#'\-. ]{0,30}){0,6}"
#: Streets of other languages, in which the number stands behind.
_ABROAD: Final = (
    r"(?:[a-zäöüß\-]{3,}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ufer|damm)"
    r"|(?:via|viale|piazza|calle|avenida|paseo|rua|strada|am|an der|ulica)\s[a-zäöüß'\-]+"
    r"(?:\s[a-z'\-]+)?)"
)
#: What is sold in numbered parts: the number is no flat's.
_IN_PARTS: Final = (
    r"(?:sets?|shel(?:f|ves|ving)|(?:text|work|note)?books?|series|course|curriculum|syllabus|manual|kit"
    r"|pack|box|bundle|collection|order|list|listing|catalogu?e|system|cabinet|wardrobe|bookcase|game"
    r"|picture|photo|video|instructions|diagram|design|range)(?![a-z])"
)
#: So many people live in a state or an apartment; of whatever has a name of its own beside it,
#: nobody can tell how many do.
_WITH_MANY: Final = (
    r"(?:(?:(?:a|an|my|our|the|this|that)\s)?(?-i:(?:[a-z\-]+\s){0,2}?)(?:apartment|flat|house|condo"
    r"|studio|dorm|bungalow|cottage|city|town|village|suburbs?|country(?:side)?|area|desert|mountains"
    r"|tropics|own|climate|farm|states|usa?|uk|eu|europe|america|canada|mexico|australia"
    r"|new zealand|england|scotland|wales|ireland|india|china|germany|france|spain|italy|japan"
    r"|singapore|alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia"
    r"|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts"
    r"|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada"
    r"|new (?:hampshire|jersey|mexico|york)"
    r"|(?:north|south) (?:carolina|dakota)|ohio|oklahoma|oregon|pennsylvania"
    r"|rhode island|tennessee|texas|utah|vermont|virginia|washington|wisconsin|wyoming)(?![a-z'\-])"
    r"(?=\s*(?:$|[,.!?;\u2028](?!\s?(?-i:[A-Z0-9])(?!\s|['’]))"
    r"|\b(?:so|and|but|is|do|does|can|could|will|would|where|with no|without|what|how|if)\s"
    r"(?![^\n.!?;]{0,60}(?:[0-9]|\b(?:near|by|behind|opposite|beside|across|corner|between)\b)))))"
)

PLACES: Final = tuple(
    ("地址", ignoring_case(pattern))
    for pattern in (
        rf"{_ASKED_OF}(?:{_AREA}){{2,}}(?:{_PLACE})*",
        rf"{_ASKED_OF}(?:{PROVINCES}|{CITIES}(?!市[区里内]))(?:{_AREA})+(?:{_PLACE})*",
        rf"[^{_LEAD}]{{0,24}}{_HOUSE}{_NUMBER}(?:{_PLACE})*",
        r"(?:收货地址|收件地址|家庭住址|住址|我的地址|地址)(?:是|为|:|(?:改|换|更新|变更|写|填)"
        r"[成到为])\s*"
        r"(?=[^。!?;\n]{0,40}[省市区县镇乡路街道号栋楼室村园庄城苑座层])"
        r"(?P<found>(?:[^\s,。!?;\n\[\]]|,(?=[^,。]{0,16}[0-9号室栋楼])){4,60})",
        # "Room 2 rug" is none: behind a flat's number no other word stands at once.
        rf"(?!{_FLAT}\s[0-9]\s(?!at|on|in|of|and|is|please|thanks)(?-i:[a-z]{{3,}}))"
        rf"(?!{_FLAT}\s[0-9]+\s(?:of|in)\s(?:(?:the|a|my|this|your)\s)?{_IN_PARTS})"
        rf"(?:{_FLAT}\.?\s*#?\s*[0-9a-z\-]*[0-9][0-9a-z\-]*\s*,?\s*){{1,4}}"
        rf"(?:[0-9]{{1,5}}[a-z]?\s+(?:{_STREET_WORD}\s+){{0,4}}{_STREET}(?![a-z])\.?"
        rf"|(?<=,\s)(?-i:[A-Z])[a-z0-9'\-. ]{{1,30}}(?=,))?{_REST}",
        rf"(?<![a-z0-9])(?:no\.?\s*)?[0-9]{{1,5}}[a-z]?,?\s+(?:{_STREET_WORD}\s+){{1,4}}"
        rf"(?<![0-9] ){_STREET}(?![a-z])\.?(?:\s*[,#]?\s*(?:{_FLAT}\.?\s*"
        rf"|#\s?)[0-9a-z\-]+)?{_TOWN}{_REST}",
        # Streets that go by a number, with the side of town, and houses that go by a name.
        rf"(?<![a-z0-9])[0-9]{{1,5}}[a-z]?\s+(?:north|south|east|west|[nsew]\.?)\s+"
        rf"[0-9]{{1,3}}[snrt][dht]"
        rf"(?![a-z]|\s(?:floor|edition|row|gen|grade|place|quarter|time|one)){_REST}",
        rf"{_FLAT}\.?\s*#?\s*[0-9][0-9a-z\-]*,?\s+(?-i:[A-Z][a-z]+\s){{1,3}}(?-i:Towers?|Court|House"
        rf"|Mansions?|Gardens|Lodge|Villas?|Heights|Plaza|Apartments|Residences?|Point|Estate)"
        rf"(?![a-z]){_REST}",
        r"\b(?:number|no\.?|house)\s[0-9]{1,4}[a-z]?"
        r"(?=\s(?:next door|across (?:from|the (?:street|road|hall))|opposite))",
        r"\bc/o\s+(?P<found>[^.!?;\n\u2028\[\]]{3,60})",
        r"(?:p\.?\s*o\.?\s*box\s*[0-9]+|\b(?:rr|rural route)\s?[0-9]+\s+box\s+[0-9]+)"
        rf"{_TOWN}{_REST}",
        r"(?<![a-z0-9])[0-9]{1,5}\s+(?:old\s)?(?:hwy|highway|county r(?:oa)?d|cr|route|rte|fm"
        r"|state r(?:oa)?d|us)"
        rf"[\s\-][0-9]{{1,4}}(?:\s[nsew]\b)?{_REST}",
        rf"(?<![a-z0-9])[nsew][0-9]+[nsew][0-9]+\s+[a-z]+\s{_STREET}(?![a-z])\.?{_REST}",
        # A town with its state and code, and what stands before it between commas.
        rf"(?:{_PART},\s*){{0,5}}(?-i:[A-Z][A-Za-z.'\-]+(?:\s[A-Z][A-Za-z.'\-]+){{0,2}}),?\s+"
        r"(?-i:(?:[A-Z]{2}\.?,?\s+[0-9]{5}(?:-[0-9]{4})?|(?:NSW|VIC|QLD|TAS|NT|WA|SA|ACT)"
        r"\s+[0-9]{4}))"
        r"(?![0-9])",
        rf"(?:{_PART},\s*){{1,5}}(?-i:[A-Z][A-Za-z.'\-]+(?:\s[A-Z][A-Za-z.'\-]+){{0,2}})"
        r"\s*[\-–,]?\s*[0-9]{5,6}(?![0-9])",
        rf"(?:{_PART},\s*){{1,5}}(?-i:[A-Z]{{1,2}}[0-9][A-Z0-9]?\s[0-9][A-Z]{{2}})(?![A-Za-z0-9])",
        # Parts between commas, of which one names a house or an estate.
        rf"(?=(?:{_PART},\s*){{0,4}}(?:{_PART})?{_ESTATE})(?:{_PART},\s*){{2,6}}{_PART}",
        r"(?<![0-9])[0-9]{1,2}(?:-[0-9]{1,2}){1,2},?\s+(?-i:[A-Z])"
        r"[a-z\-]+(?:,?\s+[a-z]+-(?:ku|shi|cho|gu|dong|si|ro|gil))"
        r"+(?:,\s*[a-z]+){0,2}(?:\s[0-9]{3}-?[0-9]{4})?",
        r"(?:zip|post)\s?-?code[^0-9a-z\n]{0,4}(?:is)?\s*"
        r"(?P<found>(?=[a-z \-]{0,5}[0-9])[a-z0-9][a-z0-9 \-]{2,9}[0-9a-z]|(?:(?:zero|oh|one|two"
        r"|three|four|five|six|seven|eight|nine)[\s\-]?){5})"
        r"|(?:\bzip(?: is|:)?|邮编)[^0-9\n]{0,4}(?P<code>[0-9]{5,6}(?:-[0-9]{4})?)",
        r"(?<![A-Za-z0-9])(?-i:[A-Z]{1,2}[0-9][A-Z0-9]?\s[0-9][A-Z]{2})(?![A-Za-z0-9])",
        r"(?<![a-z0-9])[0-9]{1,5}[a-z]?,?\s+(?:rue|via|calle|avenida|rua|chemin|impasse|all[ée]e"
        r"|quai|cours"
        r"|strada|highway|route)"
        r"\s[a-z0-9'\-]+(?:\s[a-zà-ÿ'\-]+){0,4}(?:,\s*[0-9]{4,5}\s[a-zà-ÿ\-]+)?",
        rf"(?<![a-z]){_ABROAD}\s?[0-9]{{1,4}}[a-z]?(?![a-z0-9]){_REST}",
        rf"[{HAN}]{{2,10}}?(?:花园|家园|小区|公寓|国际|广场|大厦|中心|校区|学部|国贸|城市"
        rf"|桂园|[苑府庭郡邸])"
        rf"[{HAN}]{{0,6}}?"
        rf"(?:[东南西北正后侧]门|[0-9一二三四五六七八九十]+期[A-Za-z0-9座栋号]*"
        rf"|[A-Za-z0-9]+[座舍栋幢])(?:\s*[0-9]{{2,5}})?",
        rf"[{HAN}]{{2,12}}?(?:路|街|大道|巷)\s*[0-9]{{1,5}}(?:[\-—][0-9]{{1,5}})?\s*号?",
        rf"[{HAN}]{{2,12}}?(?:大厦|广场|大楼|写字楼)\s?(?:[0-9A-Za-z]{{1,4}}\s?[楼层座室号])",
        rf"[{HAN}]{{2,10}}?(?:地铁站|车站|站)\s?[A-Z0-9]{{1,2}}\s?口",
        rf"[{HAN}]{{2,10}}?(?<![号款码型第共])\s?(?<![0-9\-])"
        rf"[0-9]{{1,3}}[\-—][0-9]{{1,2}}[\-—][0-9]{{3,4}}室?(?![0-9\-])",
        rf"[{HAN}]{{2,12}}?[0-9]{{1,3}}#[0-9]{{3,4}}(?![0-9])",
        rf"[{HAN}]{{2,12}}?[0-9一二三四五六七八九十]{{1,3}}[楼层]\s?[A-Za-z]?[0-9]{{1,4}}\s?(?:["
        rf"床室号座户房]|病房)",
        rf"[{HAN}]{{2,12}}?[A-Za-z0-9]{{1,3}}[座栋幢舍]\s?(?:[0-9]{{1,3}}[楼层室F]"
        rf"|[0-9]{{3,4}}(?![0-9]))",
        rf"(?:(?![的是有])[{HAN}]){{1,6}}(?:乡|镇|街道|社区)(?:(?![的是有])"
        rf"[{HAN}]){{1,6}}?(?:村|屯|寨|庄)"
        r"(?:[0-9一二三四五六七八九十]{1,2}[队组社])?",
        rf"[^{_LEAD}]{{1,8}}(?:村|镇|乡|寨|屯|庄|湾|社区)(?:村委会|居委会|大队部?|卫生[院室]"
        rf"|村口)[{HAN}]{{0,10}}",
        rf"(?:放|寄|送|存|搁)(?:[在到给去])?(?:菜鸟)?(?:驿站)?(?P<found>[{HAN}]{{2,8}}?(?:超市|"
        rf"便利店|小卖部|杂货店"
        rf"|烟酒店|药店|诊所|门市部?))店?",
        rf"(?:放|寄|送|存|搁|到)(?:[在到给去])?(?!小区|门口|楼下|附近|学校|村[里口]|公司|最近|隔壁|就近|任意|菜鸟"
        rf"|[你我那这]|[^{_LEAD}]?(?:家|边|里)的?(?:菜鸟|驿站|快递))"
        rf"(?P<found>[{HAN}]{{2,12}}?(?:菜鸟驿站|驿站|快递柜|丰巢柜?|代收点|自提[点柜]))",
        rf"(?:(?:我|家|公司|单位|学校|店)在(?![^{_LEAD}]{{0,16}}期)|家?住在?|搬[到去])(?![{HAN}]{{0,6}}(?:半|一|回家|去的?)路)"
        rf"(?P<found>[{HAN}A-Za-z0-9]{{2,16}}?(?:[路街](?![上过边口灯])|大道|巷|弄|小区|花园|家园|公寓|苑"
        rf"|[一二三四五六七八九十]期|村|校区))",
        rf"[送寄发放][到去在](?P<found>(?![我你他她它那这哪贵])[{HAN}]{{2,8}}?(?:医院|大学|中学|小学|学院"
        rf"|幼儿园|银行|酒店|宾馆)(?![吗呢])[{HAN}]{{0,10}})",
        rf"[{HAN}]{{1,8}}(?:路|街|道)[与和跟][{HAN}]{{1,8}}(?:路|街|道)"
        rf"(?:交叉口|交汇处?|路口|[拐转]角)(?:[往向]?[东南西北][{HAN}0-9]{{0,8}})?",
        rf"(?:到|送|放|寄)[到在给]?(?![到在给]?(?:门口|小区|楼下|[我你他她它那这]))(?P<found>[{HAN}]{{3,14}}?(?:斜对面|正对面|对面|隔壁)[{HAN}]{{0,8}})",
        r"(?:ship(?:ping)?|delivery|my|home|send (?:it )?to|\b)\s*address\s*(?:is|:)\s*"
        r"(?P<found>[^\n.!?;\[\]]{6,90})",
        rf"(?:i live (?:at|on|in)|my home is)\s+(?!{_WITH_MANY})(?P<found>[^\n.!?;\[\]]{{3,90}})",
    )
)  # fmt: skip
