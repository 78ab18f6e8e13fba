"""Names of people: by what stands before and behind them, for no list has them all."""

from __future__ import annotations

import re
from typing import Final

from csinsight.coaching.private_places import CITIES, HAN, PROVINCES, ignoring_case

_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻苏潘葛范彭郎鲁韦马"
    "苗凤方俞任袁柳鲍史唐费薛雷贺倪汤滕罗毕郝安常于傅齐康伍余元顾孟黄穆萧尹姚邵汪毛戴宋庞熊纪舒屈"
    "项祝董梁杜阮蓝季贾江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍万柯管卢莫房解应丁邓洪包左石崔龚程邢"
    "裴陆翁段侯武刘龙叶黎白蒲赖卓池乔温庄柴瞿阎连习艾容向古廖耿欧文聂曾关窦佟隋栾冉芦甄佘闵岑曲"
    "覃焦麦鄢芮储靳巫乌谷仇甘厉符景詹姬桑桂牛燕茹晏岳荆游屠翟党辛饶鞠巩晁敖冷匡寇尚牟楚褚尉迟占揭"
    "缪邝谭卜邬鲍闫冼仝亓虞娄湛谌昝竺苟蔺郇郜邰裘阚郦祁卞奚戎郏凃钮嵇扈郗隗濮逄蒯糜荀丘"
)
#: Ordinary words that begin with a surname.
_ORDINARY = (
    "安排|安全|安装|安心|安抚|金额|金属|方便|方式|方法|方面|方案|方向|时间|时候|应该|应付|关于"
    "|关注|关闭|关系|常见|常用|常规|平时|平台"
    "|平板|平铺|万一|万分|白色|白条|黄色|花型|花色|马上|马桶|包装|包邮|包裹|单独|全部|成分|成功"
    "|成交|成人|明天|明白|明显|高领|高度|高清"
    "|高端|高级|高腰|任何|任意|周末|周期|周边|周一|周二|周三|周四|周五|周六|周日|许多|毛衣|毛巾"
    "|连接|连续|连衣|石头|古铜|贝壳|米色"
    "|米白|红色|蓝色|黑色|绿色|华为|严重|严格|余额|顾客|段时|田园|水洗|解决|解释|解除|解绑|管理"
    "|程度|祝福|于您|于是|那边|那里|祝您|路上"
    "|车架|车载|项目|项链|于此|计算|施工|柏油|柔软|喻为|孔雀|左右|左边|石材|童装|童鞋|向上|向下"
    "|温度|温馨|温水|盛装|凤凰|贺卡|雷电"
    "|倪妮|鲁菜|苗条|殷勤|葛根|范围|范本|史上|唐装|费用|席位|季节|季度|麻烦|麻布|强烈|贾斯|江浙"
    "|曲线|曲奇|曲面|郭靖|梅花|林下|钟表|钟头|夏天|夏季"
    "|蔡司|田径|樊登|胡子|胡萝|凌晨|霍尔|管子|管道|卢比|房间|房子|丁字|邓紫|洪水|石榴|龚俊|程序"
    "|程式|段落|武器|刘海|龙头|龙井|叶子"
    "|黎明|白酒|蒲团|赖账|卓越|池子|乔迁|温州|庄园|柴油|阎王|习惯|艾草|容易|容量|向导|古风|耿直"
    "|欧洲|欧码|欧式|文字|文件|文艺|曾经"
    "|服务|客服|产品|商品|售后|退换|快递|自己|别人|他们|我们|你们|大家|家人|老师傅|工程师|小姐姐"
    "|配送|维修|这边|哪个|什么|怎么|谢谢|谢了|谢啦|金牌|时尚|温柔|严肃|段子"
    # Makers that are called like a person, unless one is who takes something in.
    "|(?<![是找叫让给系])(?:钱大妈|马大姐)(?!,?\\s?(?:[收签代]|电话|[0-9]))"
)
_NOT_A_NAME = (
    "告诉|告知|多少|一下|是不|还是|及|和|与|或|信息|电话|地址|手机|号码|姓名|签收|那边|那里|什么"
    "|是谁"
    "|自己|本人|的话|不对|错了|写错|填错"
    "|名字|要改|改成"
)
_ENDS = r"[,.。;:!?、\s\[]|$"
_CLAUSE_ENDS = rf"(?={_ENDS})"
_COMPOUND = (
    "欧阳|上官|司马|诸葛|慕容|司徒|皇甫|令狐|东方|公孙|尉迟|夏侯|长孙|宇文|轩辕|端木|独孤|南宫|呼延"
)
#: Characters that stand for the sound of other peoples' names.
_SYLLABLES: Final = (
    "阿买提吐尔艾力木拉热合曼努卓玛央金扎西次仁多旺姆格桑其巴特娜斯琴古丽依江汗克别"
    "穆罕默德里亚夫伊罗吉"
)
#: Of names of other peoples in Chinese letters.
_SOUNDS: Final = (
    "阿依|古丽|买买提|吐尔|艾力|艾买提|艾合|热合曼|木拉提|努尔|卓玛|央金|扎西|次仁|多吉|旺姆|拉姆"
    "|格桑|其其格"
    "|巴特尔|娜仁|斯琴|乌云|那日|依力|阿卜|麦麦提|古力"
)
_NAME_BEGINS = (
    rf"(?!{_ORDINARY}|{PROVINCES}|{CITIES})(?!.[吗吧呢了啊么哦呀多])(?:{_COMPOUND}|[{_SURNAMES}])"
)
#: Before a name, and after it, in a line that says something else about a person.
_BEFORE_NAME = r"(?:是|叫|的|给|找|跟|和|为|[:,。;!?、\s]|^)"
_AFTER_NAME = r"(?=也|的|收|先生|女士|小姐|电话|手机|地址|家|那|这|买|[,.。;:!?、\s0-9\[(]|$)"

#: Capitalised words that begin a sentence or praise: no name begins with one.
_BEGINS_A_SENTENCE: Final = (
    r"(?!(?:Great|Good|Nice|Perfect|Awesome|Amazing|Fine|Wonderful|Excellent|Not|The|My"
    r"|Our|Your|It|All|So|Every|Any"
    r"|Very|Really|Just|What|Why|How|A(?!\.)|An|Sorry|Sure|Sir|Madam|Customer|Team|Happy|Glad"
    r"|Afraid|Looking|Here"
    r"|Buyer|Seller|Friend|Valued|Interested|Sad|Done|OK|Ok|Okay|Cotton|Silk|Made|In|On|For"
    r"|From|Really|Regards|Wishes|Rgds|Thanks|Thank|Quality|Price|Service|Product|Store|Shop|Best"
    r"|Hello"
    r"|Hi|Dear|Yes|No|Ready|Waiting|Still|Trying|Size|Medium|Large|Small|Mom|Mum|Dad"
    r"|Grand(?:ma|pa)|Santa|Christmas|Xmas|Easter|Mother|Father)\b)"
)
#: One to three capitalised words.
_ENGLISH_NAME: Final = (
    rf"(?-i:{_BEGINS_A_SENTENCE}"
    r"(?:(?:Mr|Mrs|Ms|Dr|Capt|Prof|Sgt|Rev)"
    r"\.?\s)?(?:[A-Z]\.?\s?){0,3}[A-ZÀ-Þ][a-zß-ÿ'\-]+(?:\s+[A-ZÀ-Þ][A-Za-zß-ÿı'\-.]*){0,2})"
)
#: Read only in a line that holds a number, an address or an account: then a name is likely.
NAMES_NEARBY: Final = re.compile(
    rf"{_BEFORE_NAME}(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}?){_AFTER_NAME}"
)

#: Between the words of a name, in small letters.
_PARTICLE: Final = r"\s(?:van|von|de|der|den|la|le|du|del|dos|di|da|el|al|bin|ten|ter)(?![a-z])"
#: Countries and places that begin like a name of two words.
_PLACE_BEGINS: Final = (
    r"(?:New|South|North|East|West|United|Hong|Saudi|Sri|Costa|Puerto|The|Los|San)\s"
)

#: The same in English: two capitalised words or more that stand by themselves.
ENGLISH_NEARBY: Final = re.compile(
    rf"(?:^|[,.;:(])\s*(?:(?i:and|or|to|for|name|attn)\s+)?{_BEGINS_A_SENTENCE}"
    rf"(?P<found>[A-ZÀ-Þ][A-Za-zÀ-ÿ'’\-]+(?:{_PARTICLE}|\s[A-ZÀ-Þ][A-Za-zÀ-ÿ'’\-]+){{1,4}})"
    r"(?=\s*(?:[,;:)]|\.(?!\w)|$))"
)

NAMES: Final = tuple(
    (word, ignoring_case(pattern))
    for word, pattern in (
        (
            "姓名",
            r"(?:\b(?:mr|mrs|ms|miss|dr|dear)|regards|sincerely|cheers|\byours(?: truly)?|warmly"
            r"|respectfully|c/o|i'?m|\bi am|attn"
            r"|attention)"
            # Makers that are called like a person, each by its own title.
            r"[.,:]{0,2}\s+(?!(?:(?:(?<=\bdr\s)|(?<=\bdr\.\s))(?:Martens|Pepper|Seuss|Scholl|Bronner|Jart)"
            r"|(?:(?<=\bmr\s)|(?<=\bmr\.\s))(?:Clean|Coffee)|(?:(?<=\bmrs\s)|(?<=\bmrs\.\s))Meyer(?='s)"
            r"|(?<=\bmiss\s)(?:Dior|Me))\b(?!\s(?-i:[A-Z])))"
            rf"(?P<found>{_ENGLISH_NAME})",
        ),
        (
            "姓名",
            rf"(?:this is|it's|\bits)\s+(?P<found>{_ENGLISH_NAME})(?=\s+(?:here|speaking|from"
            rf"|again)\b"
            r"|\s*(?:,|\.(?!\w)|$))",
        ),
        (
            "姓名",
            rf"(?:^|[.!?]\s)(?:thanks|thank you|best|bye|-)[,!]?\s*[\n ]?(?<=[,!\- ])"
            rf"(?P<found>{_ENGLISH_NAME})$",
        ),
        # A mail's signature: two dashes, the name, then where and how its writer is reached.
        (
            "姓名",
            r"(?:^|\s)--\s+(?P<found>(?-i:[A-ZÀ-Þ][A-Za-zß-ÿ'\-]+"
            r"(?:\s[A-ZÀ-Þ][A-Za-zß-ÿ'\-.]*){0,3}?))"
            r"(?=\s*(?:$|[\[|(+0-9]|(?:sent from|tel|phone|mobile|e-?mail)\b))",
        ),
        (
            "姓名",
            rf"^(?:(?:hi|hello|hey|yo)\b[,!]?\s)?(?P<found>{_ENGLISH_NAME})(?=\s(?:here|speaking)"
            rf"\b)",
        ),
        (
            "姓名",
            r"(?:card ?holder|account holder|signed(?: for)? by|name on (?:the |my )?(?:card"
            r"|order|account|package|booking|reservation|ticket|invoice"
            r"|parcel|box|label))(?: name)?(?: is"
            r"|'s)?\s*:?\s*(?P<found>(?-i:(?:[A-Z]\.\s?){0,3}[A-ZÀ-Þ][A-Za-zß-ÿ'\-]+"
            r"(?:\s(?:de|la|del|van|von|der|di|da|el|al|bin)|\s[A-ZÀ-Þ][A-Za-zß-ÿ'\-.]*){0,4}))",
        ),
        (
            "姓名",
            r"(?:\bcontact(?: person| name)?:?|(?<!brand )(?<!product )(?<!file )(?<!model )"
            r"(?<!store )\bname(?: is)?)\s+"
            r"(?P<found>(?-i:[A-ZÀ-Þ][a-zß-ÿ'\-]+(?:\s[A-ZÀ-Þ][a-zß-ÿ'\-]+){1,2}))",
        ),
        (
            "姓名",
            r"(?:deliver|ship|send|give)(?: (?:it|this|them))? to\s+(?P<found>(?-i:(?:Mr|Mrs|Ms"
            r"|Dr|Prof)\.?\s"
            r"(?:[A-Z]\.\s?)*[A-ZÀ-Þ][a-zß-ÿ'\-]+))",
        ),
        ("姓名", r"\bname:\s*(?P<found>(?-i:[A-Z][A-Za-z'\-]+,\s[A-Z][a-z'\-]+))"),
        (
            "姓名",
            r"(?:my (?:husband|wife|son|daughter|mom|mum|dad|brother|sister|friend|boss|assistant"
            r"|name'?s)"
            r"|care of|on behalf of|\bgift for|talk to|\bsurname|under(?: the name)?|sign it"
            r"|\bit'?s for|"
            r"(?:parcel|package|order) for)"
            rf"(?: is|,| called|:)*\s+(?P<found>{_ENGLISH_NAME})",
        ),
        (
            "姓名",
            r"(?:(?:my|full|his|her|whose|recipient'?s?|receiver'?s?|contact|first|last|family"
            r"|given|sur)"
            r"\s?name(?: is|'s|\s*[:：])|\bname\s*[:：]|\bname's"
            r"|call me|named|recipient(?: is|\s*:|(?=\s(?-i:[A-Z])))|addressee(?: is|\s*:)"
            r"|receiver(?: is|\s*:)"
            r"|(?:addressed|attention) to:?|(?:deliver|ship|send|give) (?:it )?to:|ask for"
            r"|signed by(?! the)|(?:ordered|placed|bought|paid) by"
            r"|attn\.?:?)\s+"
            r"(?!(?:the|my|our|your|a|an|me|us|this|that|it|is|not|on|in|new|another|him|her"
            r"|them|old|only|help|refund|more|back|when|if|at|once|asap|later|today|tomorrow|now"
            r"|any|after|before"
            r"|please|again|for|to|size|colou?r|discount|manager|details|info|pictures?|photos?"
            r"|black|white"
            r"|someone|people|mistake|accident|card|cash|paypal|phone|customers?)\b)"
            r"(?P<found>[a-zà-ÿ][a-zà-ÿ'\-]+(?:\s+(?!and|at|please|thanks?|for|on|in|is|my|the"
            r"|from|with|to|last|first\b)[a-zà-ÿı][a-zà-ÿı'\-.]*)"
            r"{0,2})(?=\s|[,.;!?]|$)",
        ),
        (
            "姓名",
            rf"(?:deliver|ship|send|give)(?: (?:it|this|them))? to\s+(?!(?-i:{_PLACE_BEGINS}))"
            rf"(?P<found>(?-i:[A-Z][a-z'\-]+(?:{_PARTICLE}|\s[A-Z][a-z'\-]+){{1,4}}))",
        ),
        (
            "姓名",
            r"(?:(?:billed|charged|addressed|registered|address (?:it|this|them)) to"
            r"|sign(?:s|ed)? for)\s+"
            rf"(?P<found>(?-i:[A-Z][a-z'\-]+(?:{_PARTICLE}|\s[A-Z][a-z'\-]+){{1,4}}))",
        ),
        (
            "姓名",
            rf"(?P<found>(?-i:[A-Z][a-z'\-]+(?:{_PARTICLE}|\s[A-Z][a-z'\-]+){{1,4}}))"
            r"(?=\s(?:is|will be) the (?:recipient|receiver|addressee|card ?holder))",
        ),
        (
            "姓名",
            r"^(?!Black |Cyber |Good |The |My |Your |Our |Which |Who )"
            r"(?P<found>(?-i:[A-Z][a-z'\-]+\s[A-Z][a-z'\-]+))(?=\s(?:ordered|signed for|paid|bought"
            r"|placed (?:the|this|an) order)\b)",
        ),
        ("姓名", r"(?:first|last|family|sur) ?name\s+(?P<found>(?-i:[A-ZÀ-Þ][a-zß-ÿ'\-]+))"),
        (
            "姓名",
            rf"(?:我是|我叫|名叫|叫做|我姓|免贵姓|本人|我老公|我老婆|我妈|我爸|我儿子|我女儿"
            rf"|我朋友|同事)(?:是"
            rf"|叫)?(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}){_CLAUSE_ENDS}",
        ),
        (
            "姓名",
            r"(?:我?(?:老公|老婆|妈|爸|儿子|女儿|朋友|同事|闺蜜|对象|室友|婆婆|妹妹?|姐姐?|哥哥?"
            r"|弟弟?|姨|舅舅?|叔叔?|婶|奶奶|爷爷|外婆|外公|嫂子?)|让|转|找|给|写"
            r"|顾客|客户)(?:叫|是)?"
            rf"(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}?)"
            rf"(?=(?:去|来|代|签|收|拿|取|寄|的|就好|就行|也行)|{_ENDS})",
        ),
        (
            "姓名",
            r"(?:署名|抬头|开票写|快递写|收货人写|备注|实名|下单的?是|名字写|写名字|收件写)"
            r"(?:写|是|叫|:|\s)*"
            rf"(?P<found>{_NAME_BEGINS}(?:\s?[{HAN}]){{1,2}}?)(?=收|就|的|{_ENDS})",
        ),
        ("姓名", rf"^(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}})(?=是我|就是我)"),
        (
            "姓名",
            r"(?:(?:名字|收件人|收货人|联系人)[是为叫:\s]{1,3}|姓名[是为叫:\s]{0,3})"
            rf"(?P<found>{_NAME_BEGINS}(?:\s?[{HAN}]){{1,3}}?){_CLAUSE_ENDS}",
        ),
        ("姓名", rf"(?<![百尊老同])姓(?P<found>[{_SURNAMES}])(?![{HAN}])"),
        (
            "姓名",
            r"(?:改成|换成|写成|改为|换为|开票|代收人?|签收的?是|签收人?|取件人?|代拿人?)(?:写|给|是|:)?"
            rf"(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}?)(?=收|签|代|拿|取|{_ENDS})",
        ),
        ("姓名", rf"^(?P<found>[{HAN}]{{2,6}}[·•][{HAN}]{{2,8}}?)(?=收|签|电话)"),
        ("姓名", rf"^(?P<found>[{HAN}]{{2,6}}[·•][{_SYLLABLES}]{{2,8}})$"),
        (
            "姓名",
            r"(?P<found>(?-i:[A-Z][A-Za-z'\-]+(?:\s[A-Z][A-Za-z'\-]+){1,2}))(?=\s?[亲代签]?收(?![到藏货腰]))",
        ),
        ("姓名", rf"(?:写|让|找|叫)(?P<found>[小老阿大](?![家票])[{HAN}])(?=[收签代])"),
        (
            "姓名",
            rf"(?:叫我|找|转给|收[:：])\s?(?P<found>[小老阿]?[{_SURNAMES}][{HAN}]{{0,2}}?)"
            rf"{_CLAUSE_ENDS}",
        ),
        ("姓名", rf"(?<![{HAN}])(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}?)收{_CLAUSE_ENDS}"),
        (
            "姓名",
            r"(?:收件人|收货人|联系人|签收人|姓名|名字叫|名字是|本人叫|我叫)[是为叫:\s]{0,3}"
            rf"(?!{_NOT_A_NAME})(?:(?P<found>[{HAN}]{{1,3}}[·•][{HAN}]{{1,6}}"
            rf"|{_NAME_BEGINS}[{HAN}]{{1,3}}"
            rf"|[a-z]+(?:\s[a-z]+){{0,2}})|(?<=[是为叫:\s])"
            rf"(?P<other>(?![{HAN}]{{0,3}}[的吗么呢])[{HAN}]{{2,4}}){_CLAUSE_ENDS}"
            rf"|(?<=我叫)(?P<told>[{HAN}]{{2,4}}){_CLAUSE_ENDS})",
        ),
        (
            "姓名",
            # The last letter of 多谢, 任何, 厨房, 编程, 允许 is nobody's name.
            rf"(?<![谢多任厨编课允])(?P<found>{_NAME_BEGINS}[{HAN}]{{0,2}}?)(?<![和跟与或])(?=先生|女士|小姐|太太|老师|师傅|经理"
            rf"|阿姨|大哥|大姐|大爷|大妈|大叔|奶奶|爷爷|叔叔|伯伯|主任|医生|律师|教授|老板|同学|会计|收$)",
        ),
        ("姓名", rf"^(?P<found>(?:{_COMPOUND})[{HAN}]{{1,2}})$"),
        ("姓名", rf"(?:{_COMPOUND})[{HAN}]{{1,2}}?(?=先生|女士|小姐|收|签|代|{_ENDS})"),
        (
            "姓名",
            rf"(?:[{_SYLLABLES}]{{0,3}}(?:{_SOUNDS})[{_SYLLABLES}]{{0,4}})",
        ),
        (
            "姓名",
            r"(?:(?:收件人|收货人|联系人|签收人|寄件人|发件人|户名|户主|业主|全名|真名|大名"
            r"|持卡人|名字|姓名|称呼)\s?|收[件货](?=[改换写填:]))"
            rf"(?:[改换写填][成为]?|是|为|叫|:|\s)+(?!{_NOT_A_NAME})"
            rf"(?![{HAN}]{{0,4}}[的吗么呢什谁])(?P<found>[{HAN}]{{2,4}}?)(?=谢谢|就[行好]|吧|收"
            rf"|{_ENDS})",
        ),
        (
            "姓名",
            rf"(?:收件人|收货人|联系人|签收人|寄件人|户名|户主|业主|全名|真名|大名|持卡人|名字"
            rf"|姓名)(?!{_NOT_A_NAME})"
            rf"(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}){_CLAUSE_ENDS}",
        ),
        ("姓名", rf"(?<!怎么)(?:联系|称呼)(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}){_CLAUSE_ENDS}"),
        (
            "姓名",
            rf"(?:^|[,。;!?\s])叫(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}}?)(?=就[行好可]|{_ENDS})",
        ),
        (
            "姓名",
            rf"我姓(?P<found>(?:{_COMPOUND}|[{_SURNAMES}])(?:叫[{HAN}]{{2,3}})?){_CLAUSE_ENDS}",
        ),
        (
            "姓名",
            r"给(?P<found>(?!妈妈|爸爸|弟弟|妹妹|姐姐|哥哥|爷爷|奶奶|婆婆|宝宝|舅舅|叔叔|姑姑"
            r"|伯伯|狗狗)"
            rf"(?P<twice>[{HAN}])(?P=twice))(?=寄|发|送|买|的)",
        ),
        ("姓名", rf"^(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}})(?=签收|代签|代收|亲收)"),
        ("姓名", rf"(?:开|写)(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}})(?=的?(?:抬头|发票|名字))"),
        ("姓名", rf"(?:找|交给)(?P<found>阿[{HAN}])(?=签|收|拿|取)"),
        (
            "姓名",
            rf"(?:找|让|叫|喊|给|交给|转给|麻烦|请|联系)(?P<found>[小老阿大][{_SURNAMES}])"
            r"(?=签|代|帮|收|拿|取|来|去|下楼|就|打|查|看|回|处理)",
        ),
        (
            "姓名",
            rf"^(?P<found>{_NAME_BEGINS}[{HAN}]{{1,2}})(?=[,\s]\s?(?:就)?(?:这个?|是我的?|我的)"
            rf"名)",
        ),
        (
            "姓名",
            rf"(?:我是|我叫|叫我)\s?(?P<found>(?!Plus|Vip|Pro)(?-i:[A-Z][a-z]{{2,}})"
            rf"\s?[{_SURNAMES}]?){_CLAUSE_ENDS}",
        ),
    )
)
