"""Chats with people's details in every dress, and how to look for them in what is shown."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

SEED = 60
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
CITIES = ("浙江省杭州市西湖区", "上海市浦东新区", "广东省深圳市南山区", "四川成都市武侯区")
ROADS = ("文三路", "张江路", "人民南路", "科技园北路", "中山大道")
CHAT = (
    "您好,请问有货吗",
    "亲,这款适合160-165cm 50-55kg",
    "Is it in stock?",
    "好的谢谢",
    "今天下单明天发出",
    "满199减20,两件包邮",
    "白色和黑色都有",
)
SPOKEN = str.maketrans("0123456789", "零一二三四五六七八九")
FORMAL = str.maketrans("0123456789", "零壹贰叁肆伍陆柒捌玖")
WIDE = str.maketrans("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A))))
CIRCLED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")


def _digits(rng, n):
    return "".join(rng.choice(list("0123456789"), n))


def _mobile(rng):
    number = f"1{rng.choice(list('3456789'))}{_digits(rng, 9)}"
    dresses = (
        number,
        " ".join(number),
        "-".join([number[:3], number[3:7], number[7:]]),
        number.translate(WIDE),
        number.translate(SPOKEN),
        number.translate(FORMAL),
        number.translate(CIRCLED),
        f"+86 {number}",
        f"+86-{number[:3]}-{number[3:]}",
        "\u200b".join(number),
        ".".join(number),
    )
    text = str(rng.choice(dresses))
    lead = str(rng.choice(["我电话", "打给我", "tel ", "手机号是", "", "call me at "]))
    return [f"{lead}{text}"], [number]


def _split(rng):
    number = f"1{rng.choice(list('3456789'))}{_digits(rng, 9)}"
    cuts = [number[:3], number[3:7], number[7:]]
    between = ["嗯"] if rng.random() < 0.3 else []
    return ["电话", cuts[0], *between, cuts[1], cuts[2]], cuts[1:]


def _account(rng):
    name = str(rng.choice(list("abcdefgh"))) + _digits(rng, 3) + str(rng.choice(["xy", "_q", "zz"]))
    name += _digits(rng, 2)
    ways = (
        [f"加我微信{name}"],
        [f"vx:{name}"],
        ["加我薇信", name],
        [f"wxid_{name} 这是我的"],
        [f"我的QQ号{int(name[1:4]) + 100}{_digits(rng, 6)}"],
        [f"WeChat id {name}"],
    )
    lines = ways[rng.integers(len(ways))]
    return lines, [re.search(r"[a-z]\d{3}\w*$|\d{9,}", lines[-1].replace(" 这是我的", ""))[0]]


def _address(rng):
    road, house, room = rng.choice(ROADS), rng.integers(11, 999), rng.integers(101, 2909)
    city = str(rng.choice(CITIES))
    ways = (
        [f"寄到{city}{road}{house}号{rng.integers(1, 30)}栋{room}室"],
        [f"地址：{city}{road}{house}弄{room}室"],
        [city, f"{road}{house}号", f"{rng.integers(1, 9)}单元{room}"],
        [f"{house} {rng.choice(['Nanjing', 'Zhangjiang', 'Renmin South'])!s} Road, Apt {room}"],
        [f"Room {room}, Building 3, {house} Wensan Road, Hangzhou 310012"],
        [f"my address is {house} Fifth Avenue, New York, NY {_digits(rng, 5)}"],
    )
    lines = ways[rng.integers(len(ways))]
    joined = " ".join(lines)
    planted = [p for p in (f"{road}{house}", f"{house} ", f"{room}") if p in joined]
    return lines, planted


def _order(rng):
    number = str(rng.integers(1, 9)) + _digits(rng, 17)
    ways = (f"订单{number}", f"订单号: {number}", number, f"运单SF{number[:13]}", f"order {number}")
    return [str(rng.choice(ways))], [number[:13]]


def _link(rng):
    tail = _digits(rng, 6)
    ways = (
        f"https://item.taobao.com/item.htm?id={tail}99",
        f"m.tb.cn/h.{tail}ab",
        f"www.shop{tail}.com",
        f"复制￥Ab{tail}Xy￥打开",
        f"mail me: joe{tail}@example.com",
        f"邮箱 joe{tail}＠qq.com",
    )
    return [str(rng.choice(ways))], [tail]


def _person(rng):
    name = str(rng.choice(list(SURNAMES))) + "".join(rng.choice(list(GIVEN), 2))
    ways = (
        [f"我叫{name}，麻烦备注"],
        [f"收件人：{name}"],
        [f"收货人是{name} 电话1381234{_digits(rng, 4)}"],
        [f"{name}女士您好"],
        [f"你这单是{name},1381234{_digits(rng, 4)}对吧"],
    )
    return ways[rng.integers(len(ways))], [name]


def _identity(rng):
    number = f"3301061990{rng.integers(10, 12)}{rng.integers(10, 28)}{_digits(rng, 3)}X"
    return [f"身份证{number}"], [number[:14]]


EVERYDAY = "\n".join(CHAT)
KINDS = (_mobile, _split, _account, _address, _order, _link, _person, _identity)


def planted_chats(number, seed=SEED):
    """Return talks as lists of lines, each with its buyer's name and what was planted."""
    rng = np.random.default_rng(seed)
    talks = []
    for place in range(number):
        lines, secrets = KINDS[place % len(KINDS)](rng)
        nick = (
            f"小鱼{_digits(rng, 3)}爱吃草" if rng.random() < 0.5 else f"fish_{_digits(rng, 4)}lee"
        )
        said = [str(rng.choice(CHAT)), *lines, str(rng.choice(CHAT))]
        if rng.random() < 0.5:
            dressed = nick.upper() if rng.random() < 0.5 else nick
            said.append(f"谢谢{dressed}，祝您愉快")
        talks.append((nick, said, [*secrets, nick]))
    return talks


def plain(text):
    """Return text as someone would compare it who looks for a person in it."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = text.translate(
        str.maketrans("零一二三四五六七八九壹贰叁肆伍陆柒捌玖", "0123456789123456789")
    )
    return re.sub(r"[\s\-.\u200b]", "", text)


def shows(text, secret):
    """Tell whether a secret stands in a text, in whatever dress."""
    return plain(secret) in plain(text)
