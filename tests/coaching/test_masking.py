"""Nothing that points at a person survives, whatever stands around it."""

from __future__ import annotations

import re
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from csinsight.coaching.masking import mask, mask_lines
from csinsight.coaching.private_places import HAN, ignoring_case

CHATTER = st.text(
    alphabet="亲您好的我要这款请问什么时候发货谢谢不行吗，。！？ ~/:^_abcXYZ\n", max_size=12
)
DIGITS = "0123456789"
WIDE = str.maketrans(DIGITS, "０１２３４５６７８９")
SPOKEN = str.maketrans(DIGITS, "零一二三四五六七八九")
CIRCLED = str.maketrans(DIGITS, "⓪①②③④⑤⑥⑦⑧⑨")


def _digits(text):
    import unicodedata

    plain = unicodedata.normalize("NFKC", text).translate(
        str.maketrans("零一二三四五六七八九", DIGITS)
    )
    return re.sub(r"[^0-9]", "", plain)


mobiles = st.builds(
    lambda second, rest: f"1{second}{rest}",
    st.sampled_from("3456789"),
    st.text(DIGITS, min_size=9, max_size=9),
)
separators = st.sampled_from(["", " ", "-", " - ", ".", "·", "\u200b", "，"])


@settings(max_examples=300, deadline=None)
@given(CHATTER, mobiles, separators, st.sampled_from([None, WIDE, SPOKEN, CIRCLED]), CHATTER)
def test_mobile_numbers_in_any_dress(before, number, gap, dress, after):
    dressed = gap.join([number[:3], number[3:7], number[7:]])
    text = before + (dressed.translate(dress) if dress else dressed) + after
    assert number not in _digits(mask(text))
    assert len(_digits(mask(text))) <= len(_digits(before + after))


@settings(max_examples=100, deadline=None)
@given(CHATTER, st.text(DIGITS, min_size=9, max_size=20), CHATTER)
def test_order_numbers(before, number, after):
    assert number not in mask(f"{before}订单{number}{after}")
    assert number not in mask(f"{before} {number} {after}")


@settings(max_examples=100, deadline=None)
@given(
    CHATTER,
    st.from_regex(r"[a-z][a-z0-9_]{5,12}", fullmatch=True),
    st.sampled_from(
        ["微信", "加我微信：", "vx ", "VX:", "薇信号是", "wechat: ", "QQ号", "我的v信 "]
    ),
)
def test_account_names(before, account, word):
    assert account not in mask(f"{before}{word}{account}，谢谢")


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["浙江省杭州市西湖区", "上海市浦东新区", "广东深圳南山区", "内蒙古包头市昆都仑区"]
    ),
    st.sampled_from(["文三路478号", "张江路88弄5号", "人民大道１２号", "和平街道幸福村6组"]),
    st.sampled_from(["", "3栋1201室", "阳光小区7号楼2单元501", "东方大厦18层"]),
    st.sampled_from(["寄到", "地址：", "我在", "麻烦发"]),
)
def test_addresses(area, road, house, lead):
    masked = mask(f"{lead}{area}{road}{house}，急")
    for part in (area[-3:], road, house):
        assert not part or part not in masked


@settings(max_examples=100, deadline=None)
@given(CHATTER, st.text("摩羯小鱼abcXY123_*", min_size=2, max_size=10).filter(str.strip), CHATTER)
def test_nicknames(before, nickname, after):
    if nickname.strip() in before + after or len(nickname.strip()) < 2:
        return
    masked = mask(f"{before} {nickname} {after}", [nickname])
    assert nickname.strip().lower() not in masked.lower()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("打 010-62345678 找我", "62345678"),
        ("客服热线400-820-8820", "8820"),
        ("座机0571 8765 4321", "8765"),
        ("身份证33010119900101123X", "1990"),
        ("邮箱 zhang.san@qq.com", "zhang"),
        ("看 https://evil.example.com/a?b=1 这里", "evil"),
        ("去 shop123.taobao.com 看", "shop123"),
        ("复制￥AbCd1234XY￥打开", "AbCd"),
        ("收件人：张三丰", "张三丰"),
        ("That's really helpful.\n\n--\nBeatriz Durand\n12 Maple Grove Rd, Portland", "Durand"),
        ("The site only shows oak. -- Siobhan Keane", "Siobhan"),
        ("收货人是李四 电话稍后", "李四"),
        ("欧阳先生您好", "欧阳"),
        ("卡号6222 0212 3456 7890 123", "6222"),
        ("运单SF1234567890123", "1234567890"),
        ("我住3栋2单元1201", "1201"),
        ("12345678是我QQ", "12345678"),
        # In a question about where things are sent too.
        ("四川省成都市武侯区桐梓林小区能上门吗", "桐梓林"),
        ("湖北武汉洪山区珞喻路口那家超市能放吗", "珞喻路"),
        ("广东省东莞市松山湖产业园3栋能送上楼吗", "3栋"),
        ("unit 12 of the Maple building", "12"),
        ("I live in Maplewood Court behind the church", "Maplewood"),
        ("sku 13912345678 that's me", "13912345678"),
        ("Dr. Martens Kowalski ordered it", "Kowalski"),
        # Names of hamlets, estates and people that no list holds, in a question of a county.
        ("河北省保定市徐水区大王店几天能到", "徐水"),
        ("天津市滨海新区贻成豪庭多少钱运费", "滨海"),
        ("河南省周口市太康县张集 李国强 几天到", "李国强"),
        ("江西省赣州市章贡区万象城对面能送吗", "赣州市章贡"),
        ("重庆市渝北区龙头寺 3幢 2单元能送不", "渝北"),
        # As many digits as a phone, a card, an order has, behind a word of goods.
        ("型号 021-58991234", "58991234"),
        ("货号 4403062 0513", "4403062"),
        ("型号:6222021234567890123", "6222"),
        ("货号 320102199003071234", "1990"),
        ("item number 4155552671", "4155552671"),
        ("part no. 415-555-2671", "2671"),
        ("style 07911123456", "0791"),
        ("model 4111-1111-1111-1111", "4111"),
        ("my item # 112-3456789-1234567 not delivered", "3456789"),
        ("item #1123456789 not arrived", "1123456789"),
        ("卡号满62226", "62226"),
        # Of what has a name of its own, nobody knows how many live in it.
        ("I live in Oakwood", "Oakwood"),
        ("I live in the Sunrise Apartments", "Sunrise"),
        ("I live in Willow Creek, can you deliver?", "Willow"),
        ("I live in apartment twelve at Riverside Tower", "Riverside"),
        ("I live in a village called Little Snoring", "Snoring"),
        ("I live in Texas, Austin, behind the mill", "Austin"),
        ("I live on Wisteria with my mum", "Wisteria"),
        ("I live on Elm", "Elm"),
        ("flat 12 in the gables", "flat 12"),
        ("apt 4 of oak hill", "apt 4"),
        ("zip code nine zero two one zero", "nine"),
        # Makers' names are people's too.
        ("I'm Meyer and my order is late", "Meyer"),
        ("cheers, Pepper", "Pepper"),
        ("Mr Meyer called", "Meyer"),
        ("Dr. Coffee called", "Coffee"),
        ("找马大姐签收", "马"),
        ("我是马大姐", "马"),
        ("钱大妈签收", "钱"),
    ],
)
def test_what_points_at_a_person_goes(text, gone):
    assert gone not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "亲，这款适合160-165cm 50-55kg，100%棉，满199减20",
        "36 37 38 39码都有，2件包邮",
        "20261031前发，2026-10-31 12:30到，5号前到",
        "有一百二十种颜色，三四天到",
        "尺寸是120*60*75厘米",
        "我们这个小区超市也能送",
        "收件人信息要改一下",
        "上海市多久到",
        "2 weeks -- Will it fit a 30 inch door?",
        "不行，没办法",
        "深圳发货到广州天河区几天能到",
        "江苏省苏州市可以当天送吗",
        "湖南长沙岳麓区有体验店吗",
        "湖北武汉江夏区有实体店可以看吗，江西赣州南康区是厂家直发吗",
        "浙江省杭州市萧山区大概要多久，河北省保定市徐水区你们能送货上门吗",
        "I live in a big city and have no garden. My model no is KFR-35",
        "是山东烟台栖霞市的苹果吗",
        "请问SKU 100023456 还有货吗，型号ABC123456789是新款吗",
        "商品编号100066896214是自营吗",
        "订单满299-50能叠吗",
        "支付宝花呗分期12期免息吗",
        "容量是1000000毫安吗，1,280,000像素",
        "方太和老板怎么选，钱大妈的肉新鲜吗",
        "I live in an apartment, is it quiet? I live in Texas, is tax included",
        "Do you have unit 3 of the textbook? Is it plot 12 in the series",
        "Item #48213 or part no 8E0-615-301, is it in stock?",
        "Is the Dr. Martens 1460 on sale? Mrs. Meyer's soap too",
        "Is there a zip code limit? The plate is 10 inch",
        "Ford F-150 2020 mats? Rated 1,250,000 cycles",
    ],
)
def test_what_a_coach_needs_stays(text):
    assert mask(text) == text


@settings(max_examples=300, deadline=None)
@example("微信[电话]abc12345", [])
@given(
    st.text(
        alphabet="亲微信号是地址收件人路省市区县栋室0123456789一二零abXv@.:/ [电话]-，先生张",
        max_size=60,
    ),
    st.lists(st.text("电话昵称ab微1", min_size=1, max_size=4), max_size=2),
)
def test_masking_again_changes_nothing(text, nicknames):
    once = mask(text, nicknames)
    assert mask(once, nicknames) == once


@pytest.mark.parametrize(
    "text",
    [
        "您好亲这款适合您的身高体重请放心选购" * 60,
        "a" * 4000,
        "1-" * 2000,
        "a b " * 1000,
        "x y z w v, " * 400,
        "house 1, Aa Bb, " * 200,
        "a.b@" * 1000,
        "阿买提" * 800,
    ],
    ids=lambda text: text[:6],
)
def test_long_text_is_masked_in_time(text):
    start = time.process_time()
    mask(text, ["小明"])
    assert time.process_time() - start < 1


def test_signs_that_turn_the_direction_of_reading_are_left_out():
    assert mask_lines(["好的\u202e83108310031 话电\u202c谢谢"]) == ["好的[单号] 话电谢谢"]


def test_a_height_below_a_link_is_no_piece_of_a_number():
    link = "https://item.taobao.com/item.htm?id=579110544081"
    lines = [link, "老公177的 144斤，选什么尺码"]
    assert mask_lines(lines) == ["[链接]", lines[1]]
    assert mask_lines([link, "13800138000"]) == ["[链接]", "[电话]"]
    assert mask_lines([f"{link} 1380013", "8000"]) == ["[链接] [电话]", "[电话]"]


@pytest.mark.parametrize("sigh", ["Oh no, so sorry", "oh dear", "Oh I see"])
@pytest.mark.parametrize("number", ["7730-2291-55", "room 304", "07700 900482"])
def test_a_sigh_behind_a_number_is_no_digit_of_it(number, sigh):
    assert mask_lines([f"it is {number}", sigh])[1] == sigh


def test_characters_without_case_are_found_as_where_case_is_ignored():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    for kind in (f"[{HAN}]", f"[^{HAN}]"):
        found = re.compile(kind, re.IGNORECASE).findall(every)
        assert ignoring_case(kind).findall(every) == found
        assert found
