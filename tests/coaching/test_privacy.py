"""Ten thousand chats with people's details in every dress: none of it in anything we show."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl

from csinsight.coaching.masking import mask_lines
from csinsight.coaching.plan import COLUMNS
from csinsight.coaching.talks import plan_excerpts
from csinsight.engine import open_shop
from csinsight.features.rules import ConversationRules
from csinsight.report.exports import _talks_sheet, as_json, workbook
from csinsight.report.study import Study
from csinsight.report.views.card_advice import talk_blocks

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


def test_nothing_planted_in_ten_thousand_chats_is_left():
    left = []
    for nick, said, secrets in planted_chats(10_000):
        text = "\n".join(mask_lines(said, [nick]))
        secret_only = [s for s in secrets if not shows(EVERYDAY, s)]
        left += [(secret, text) for secret in secret_only if shows(text, secret)]
    assert left == []


def test_what_was_planted_was_there():
    for _, said, secrets in planted_chats(800):
        assert any(shows("\n".join(said), secret) for secret in secrets)


def test_masking_leaves_the_words_that_a_coach_needs():
    for _, said, _ in planted_chats(80):
        masked = mask_lines(said, [])
        assert len(masked) == len(said)
        assert masked[0] == said[0]


def test_nothing_planted_reaches_a_page_or_a_file_to_take_along(tmp_path, demo_folder):
    """The planted chats as a shop's own: excerpts, the card's boxes, the workbook and the JSON."""
    chats = planted_chats(400, seed=7)
    shop = _shop_of(chats, tmp_path / "data")
    talks = [f"t{place}" for place in range(len(chats))]
    plan = pd.concat(
        [_findings(f"店:{n}", talks[n::4], rule) for n in range(4) for rule in ("off_platform",)],
        ignore_index=True,
    )
    lines = plan_excerpts(
        shop,
        plan,
        pd.DataFrame({"conversation_id": talks}),
        as_of=datetime(2026, 11, 1),
        rules=ConversationRules(),
    )
    assert len(lines) > 400
    study = Study(demo_folder, tmp_path / "run", "demo", "2026-10", "zh")
    status = pd.DataFrame({"agent_id": plan["agent_id"].unique(), "inquiries": 9, "status": "keep"})
    study.write("coaching_excerpts", lines)
    told = "".join(block.page_html() for block in talk_blocks(study, lines))
    one_each = plan.drop_duplicates("agent_id")
    made = as_json(study, one_each, status, lines, NOBODY)
    texts = [_sheet_text(study, lines), json.dumps(made, ensure_ascii=False)]
    everything = plain("\n".join([told, *texts]))
    left = {
        secret
        for _, _, secrets in chats
        for secret in secrets
        if not shows(EVERYDAY, secret) and len(plain(secret)) > 4 and plain(secret) in everything
    }
    assert left == set()


NOBODY = pd.DataFrame()


def _sheet_text(study, lines):
    rows = [[str(cell) for cell in row] for row in _talks_sheet(study, lines)[2]]
    made = workbook([("a", list("abcdef"), rows)])
    return pl.read_excel(io.BytesIO(made)).write_csv()


def _shop_of(chats, folder):
    """Write chats as a shop's messages: the last line of every talk leads off the platform."""
    rows = []
    for place, (nick, said, _) in enumerate(chats):
        start = datetime(2026, 10, 1) + timedelta(minutes=20 * place)
        agent = f"店:{place % 4}"
        lines = [*said[:-1], "有货吗", f"加我微信聊吧 {said[1]}"]
        for number, text in enumerate(lines):
            sender = "agent" if number == len(lines) - 1 else "buyer"
            rows.append(
                {
                    "buyer_id": nick,
                    "agent_id": agent if sender == "agent" else None,
                    "sender": sender,
                    "sent_at": start + timedelta(seconds=20 * number),
                    "text": text,
                    "conversation_id": f"t{place}",
                }
            )
    folder.mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(folder / "messages.parquet")
    return open_shop(folder)


def _findings(agent, talks, rule):
    """Return one row a talk, so that every talk is shown."""
    empty = dict.fromkeys(COLUMNS, None)
    rows = [
        empty
        | {"agent_id": agent, "behaviour": rule, "kind": "compliance", "misses": [talk]}
        | {"hits": [], "peer_hits": []}
        for talk in talks
    ]
    return pd.DataFrame(rows)
