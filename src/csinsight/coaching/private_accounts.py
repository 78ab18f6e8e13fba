"""Ways to reach somebody beside a phone: links, e-mail, accounts of chats, shops and payment."""

from __future__ import annotations

from typing import Final

from csinsight.coaching.private_places import HAN, ignoring_case

#: WeChat as people write it where the word is forbidden.
_WECHAT: Final = (
    r"(?:[微薇威维徽围嶶卫伟vw♥❤💗💚加➕+]\ufe0f?\s?[信芯心讯訊❤♥💗]\ufe0f?|[微薇威](?=\s?:)|[微薇]\s?x"
    r"|v❤|卫星(?:号|(?=\s?[a-z0-9_\-]{5}))"
    r"|绿泡泡|绿色软件|绿信"
    r"|(?:加|➕|\+|我|我的|个|个人|扣|留)\s?(?:一?[下个]\s?)?[微薇威vVwW](?!e\s?chat|ei\s?xin|x"
    r"|[a-z]{2,}\s[a-z])|we\s?chat|wei\s?(?:xin|信)"
    r"|w\.?\s?x|v\s*x)"
)
_QQ: Final = r"(?:q\s*q|扣\s*扣|企鹅号?|球球|秋秋|蔻蔻|扣(?=\s?[0-9])|Q\s*号|Q(?=[::]\s?[0-9])|🐧)"
_OTHER: Final = (
    r"(?:旺旺号?|支付宝|抖音号?|快手号?|小红[书薯]号?|微博|b站|闲鱼|得物|知乎|豆瓣|贴吧|陌陌|探探"
    r"|dy号|ks号|zfb"
    r"|企微|企业微信|公众号|视频号|钉钉|飞书|登[录陆]名|(?:我的?|用户|登[录陆])\s?id"
    r"|(?:淘宝|京东|会员|拼多多|账户|用户|账|帐)(?:账号|账户|名|号))"
)
#: Said of everything, so that only what has the look of an account behind them is one.
_SITES: Final = (
    r"(?<![a-z\-])(?:ins|ig|instagram|insta|line(?: id)?|whatsapp|telegram|tg|skype|snap(?:chat)?"
    r"|facebook|fb|twitter|discord|kakao|viber|tiktok|paypal|venmo|zelle|cash ?app|user ?name|uid"
    r"|linked ?in|reddit|signal|threads|bluesky|mastodon|pinterest|twitch|youtube|github|steam|psn"
    r"|etsy|ebay|poshmark|depop|mercari|vinted|handle|(?:signed|logged) in as|(?:add|dm) me"
    r"|gamer ?tag|wechat|wise|revolut"
    r"|user(?! ?(?:name|id|manual|guide|error|damage|fault|mistake|friendly))"
    r"|apple id|log-?in|screen ?name|(?:account|user|profile) ?(?:id|name))(?![a-z])"
)
_ACCOUNT: Final = (
    r"(?!we\s*chat|weixin|qq(?![a-z0-9_\-])|whatsapp|telegram)"
    r"(?:[A-Za-z][A-Za-z0-9_.\-]{3,29}|[0-9](?:[\s\-]?[0-9]){4,14}[A-Za-z0-9_\-]{0,12}"
    r"|[A-Za-z0-9_\-]{5,29}|[A-Za-z0-9](?:\s[A-Za-z0-9]){4,29}(?![A-Za-z0-9]))"
)
#: With a digit, a dot or a sign in it no word of a sentence.
_HANDLE: Final = (
    r"(?=[$/]?[a-z_.:\-/]*[0-9_.:@#/$])[@$]?(?:(?:u|in|user)/)?"
    r"[a-z0-9][a-z0-9_.:\-#]{2,39}[a-z0-9]"
)
#: A handful at most, and each read in one way: a flood of them must not be read in all ways.
_WORDY: Final = (
    r"(?:\s*(?:(?:my|id|no\.?|number|name|is|me|on|at)(?![a-z0-9])|'s|号码?|是|叫|:|@)){0,5}"
)
_AT: Final = (
    r"\s*(?:@{1,2}|[\-_]at[\-_]|\(a\)|[(\[{【<]\s?at\s?[)\]}】>]|#at#|#|\bat\b|艾特|圈a|小老鼠)\s*"
)
_DOT: Final = r"\s*(?:\.|[\-_]dot[\-_]|。|,|点|[(\[{【<]\s?dot\s?[)\]}】>]|_dot_|\bdot\b)\s*"
_ENDINGS: Final = (
    r"(?:com|cn|net|org|edu|gov|io|me|co|uk|hk|tw|jp|de|fr|it|es|eu|us|ru|in|au|ca|ch|nl)"
)
_SITE_ENDINGS: Final = (
    r"(?:com|cn|net|org|top|vip|shop|cc|io|me|xyz|info|co|link|ltd|site|online|club|store|app|tv"
    r"|hk|tw|jp|uk|us|ly|gl|la|de|fr|ee|be|gg|to|page|live)"
)
_PATH: Final = rf"(?:/[^\s{HAN},。;!、\"'<>()\[\]]*)?"

#: Where people go by names of their own.
_PLATFORMS: Final = (
    "旺旺|闲鱼|抖音|快手|小红书|微博|b站|贴吧|知乎|豆瓣|拼多多|淘宝|京东|支付宝|得物"
)

#: Words that numbers of goods stand behind.
_GOODS: Final = (
    r"(?:model|style|size|colou?r|series|type|item|page|photo|version|windows|iphone|ipad|galaxy"
    r"|order|studio|nikon|canon|intel|ryzen|xiaomi|redmi|honor|huawei|office|batch|class"
    r"|grade|level|about|under|only|over)"
)

ACCOUNTS: Final = tuple(
    (word, ignoring_case(pattern))
    for word, pattern in (
        (
            "链接",
            r"(?:[a-z][a-z0-9+.\-]{1,11}:/{1,2}|www\s*[.。]|(?<![a-z0-9:/])//(?=[a-z0-9]+\.))"
            rf"[^\s{HAN},;!、\"'<>()]+",
        ),
        (
            "链接",
            rf"(?<![@a-z0-9.\-])[a-z0-9][a-z0-9\-]*(?:[.。][a-z0-9\-]+)*[.。]{_SITE_ENDINGS}"
            rf"(?![a-z0-9])(?::[0-9]+)?{_PATH}",
        ),
        (
            "链接",
            r"(?<![@a-z0-9.\-])[a-z0-9\-]{2,40}(?:\.[a-z]{2,10}){1,3}/(?=[^\s]{3})"
            rf"[a-z0-9_\-/]+[^\s{HAN},;!]*",
        ),
        (
            "链接",
            r"(?:链接|口令|复制)[^a-z0-9\n]{0,4}(?P<found>(?=[a-z]*[0-9])(?=[0-9]*[a-z])"
            r"[a-z0-9]{7,16})(?![a-z0-9])",
        ),
        (
            "链接",
            r"[a-z0-9][a-z0-9\-]{1,30}\s?(?:点|\s\.\s|\[\.?dot\]|\[\.\]|\(dot\)|\sdot\s)\s?"
            rf"{_SITE_ENDINGS}(?![a-z])(?:\s?(?:slash|/)\s?[a-z0-9]+)*",
        ),
        ("链接", r"[¥$€₤]\s*(?=[a-z0-9\s]*[0-9])[a-z0-9](?:\s?[a-z0-9]){7,24}\s*[¥$€₤]"),
        ("链接", r"[0-9]:/\s?[^\n]{4,60}"),
        ("链接", r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?(?![0-9.])" + _PATH),
        ("账号", r"(?<![a-z0-9])wxid[_\-][a-z0-9_\-]{3,}"),
        ("账号", r"(?<![a-z0-9])tb[0-9_]{4,}[a-z0-9_]*"),
        (
            "邮箱",
            r"(?<![a-z0-9])(?:[a-z0-9._\-]\s){3,}(?:@|at)(?:(?:\s[a-z0-9.\-]){4,}|\s[a-z]{2,12})"
            r"(?![a-z0-9])",
        ),
        (
            "邮箱",
            r"(?<![a-z0-9])(?=[0-9._\-]*[a-z])[a-z0-9._%+\-]{2,40}@(?=[a-z])[a-z0-9.\-]{4,40}",
        ),
        (
            "邮箱",
            r"(?<![a-z0-9])[a-z0-9][a-z0-9._\-]{2,39}(?:\s+at\s+|\s*(?:[(\[{]at[)\]}]|@"
            r"|[\-_]at[\-_])\s*)"
            r"(?:gmail|outlook|hotmail|yahoo|icloud|foxmail|protonmail|qq|163|126)"
            r"(?=\s*(?:[,;.!?。\u2028]|$))",
        ),
        ("账号", r"(?<![a-z0-9@])@(?P<found>[a-z0-9_][a-z0-9_.\-]{2,29})"),
        ("账号", r"(?<![a-z0-9$])\$(?P<found>[a-z][a-z0-9_\-]*[0-9_][a-z0-9_\-]*)"),
        (
            "账号",
            rf"(?:{_PLATFORMS})(?:名字|昵称|id|名|号|是|叫|:|\s){{0,3}}"
            rf"(?P<found>(?![{HAN}]{{0,9}}[的款满减])[{HAN}]{{2,10}}[_\-]?[0-9]{{2,8}})(?![0-9元块个件年月号天期折分代次人位岁周季米寸斤克升度%])",
        ),
        ("账号", rf"(?:微博|抖音|小红书|关注|搜)\s?@\s?(?P<found>[{HAN}a-z0-9_\-]{{2,20}})"),
        (
            "账号",
            r"(?:(?:^|[\s,。;!?])v[+\-]?|[微薇威维徽卫])(?P<found>(?!ivo)(?=[a-z_\-]*[0-9_])"
            r"[a-z]{2,}[_\-]?[a-z]*[0-9_\-]"
            r"[a-z0-9_\-]{2,20})(?![a-z0-9])",
        ),
        (
            "账号",
            r"(?:加|搜|扫|私|滴滴)(?:一下|下)?我?\s?"
            r"(?P<found>(?=[a-z_\-]*[0-9_])[a-z][a-z0-9_\-]{4,29})"
            r"(?=\s?(?:聊|私|说|加|吧|呗|哈|哦|$|[,。;!?\u2028]))",
        ),
        # By its look alone: words joined by an underscore with a digit in them, as nothing of
        # the shop's is written, and a word of small letters with three digits or more behind it.
        (
            "账号",
            rf"(?<![a-z0-9@./_\-])(?!{_GOODS}_?[0-9])(?=[a-z_]*[0-9]|[0-9]+_)(?=[a-z0-9_]*(?-i:[a-z]){{3}})"
            r"(?P<found>[a-z0-9]+(?:_[a-z0-9]+)+_?)(?![a-z0-9_\-])",
        ),
        (
            "账号",
            r"(?<![a-z0-9@./_#\-])(?<!code )(?<!coupon )(?<!码)(?<!券)(?<!款)(?<!号)"
            rf"(?!{_GOODS}[0-9])"
            r"(?P<found>(?-i:[A-Za-z][a-z]{3,19})[0-9]{3,8})(?![a-z0-9\-])",
        ),
        ("账号", r"(?<![a-z0-9/])u/(?P<found>[a-z0-9][a-z0-9_\-]{2,20})"),
        (
            "邮箱",
            r"[a-z0-9à-ÿ][a-z0-9à-ÿ._%+\-]{0,63}\s*(?:@{1,2}|\(at\)|\[at\]|#at#)\s*[a-z0-9\-]+"
            rf"(?:\s*(?:\.|点|\(dot\))\s*[a-z]{{2,}}|\.[{HAN}]{{2}})+",
        ),
        (
            "邮箱",
            rf"(?<![a-z0-9])[a-z0-9](?:[a-z0-9._%+\-]|\s(?=[0-9])|(?<=[0-9])\s(?![0-9])"
            rf"){{0,63}}{_AT}(?:[a-z]\s)?[a-z0-9\-]+"
            rf"(?:{_DOT}{_ENDINGS})+(?![a-z])",
        ),
        (
            "邮箱",
            r"(?<![a-z0-9])[a-z0-9][a-z0-9._\-]{2,39}\s"
            r"(?:gmail|outlook|hotmail|yahoo|icloud|foxmail|qq|163|126)\s(?:dot\s|点\s?)?com(?![a-z])",
        ),
        ("邮箱", rf"[0-9]{{5,11}}\s?(?:qq|163|126|139|sina|gmail)(?:{_DOT}){_ENDINGS}(?![a-z])"),
        (
            "邮箱",
            r"(?:邮箱|e-?mail|mail)[^a-z0-9\n]{0,6}(?:(?:is|address|是|:)[^a-z0-9\n]{0,3}){0,3}"
            r"(?P<found>(?=[a-z._\-]*[0-9@])[a-z0-9][a-z0-9._\-]{5,40})",
        ),
        (
            "账号",
            rf"(?:{_WECHAT}|{_QQ}|{_OTHER})"
            rf"[^a-z0-9\n,。;!?@]{{0,8}}{_WORDY}[^a-z0-9\n,。;!?]{{0,4}}"
            # Also in two messages, the digits in the second.
            rf"(?P<found>{_ACCOUNT}(?:\u2028(?=[a-z_]*[0-9])[a-z0-9_\-]{{2,12}}(?![^\u2028]))?)",
        ),
        (
            "账号",
            rf"(?:{_SITES}{_WORDY}[\s:@]*(?P<found>{_HANDLE})"
            rf"|{_SITES}\s?(?:id|号|名|:|@)[\s:@]*(?P<told>[a-z0-9][a-z0-9_.\-]{{3,29}})"
            rf"|{_SITES}\s?name[\s:@]*(?P<joined>(?-i:[A-Z][a-z]+(?:[A-Z][a-z]+)+)))",
        ),
        ("账号", rf"(?<![a-z0-9])v\s*[:=号]\s*(?P<found>{_ACCOUNT})"),
        ("账号", rf"(?<![a-z0-9])v我\s*(?P<found>{_ACCOUNT})"),
        (
            "账号",
            r"(?P<found>[a-z0-9_\-]{5,29})(?=[^a-z0-9\n\u2028,。;!?]{0,6}"
            r"(?:微信|(?<=[^a-z0-9])vx?(?![a-z0-9])|qq|扣扣))",
        ),
        (
            "昵称",
            r"(?:昵称|网名|微信名|旺旺(?=名|号|是|叫|:)(?:名|号)?|用户名|会员名|登[录陆]名"
            rf"|(?:{_PLATFORMS}|游戏)"
            r"(?:名(?:字|(?!字))|id|号|昵称)|公众号(?=叫|是|:)|(?:名字|昵称|账号|帐号)显示(?:的?是|为|叫)?)"
            r"(?:号|是|叫|为|:|\s)*"
            r"(?!怎|什|多|哪|可|能|要|不|改|吗|是|在|填|有|和|跟|忘|显|会|呢|异|错|未|已|被|登|没)"
            r"(?P<found>[^\s,。;!?:\[\]]{2,16})",
        ),
        (
            "昵称",
            rf"(?:用|是)(?P<found>[{HAN}a-z0-9_\-]{{2,12}}?[a-z0-9_\-])(?=(?:那|这)个号(?:下|拍|买|登|付)"
            r"|那?个?账号(?:下|拍|买|登|付))",
        ),
        (
            "昵称",
            r"我的?(?:小红书|抖音|快手|b站|知乎|微博|闲鱼|豆瓣|贴吧)(?:是|叫|:|\s){0,2}"
            r"(?![上里的买看下拍刷直有没都也说问才刚还已不店订付搜怎什多哪可能要来发关号会在收想])"
            rf"(?P<found>[{HAN}a-z0-9_\-]{{2,12}})(?=[,。;!?\u2028]|$)",
        ),
    )
)  # fmt: skip
