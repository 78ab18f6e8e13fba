"""What a talk's opening says: the problem category, and the buyer's mood at either end."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from tests.contexts import RULES

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.contract.domain import CATEGORIES, MOODS
from csinsight.engine import open_shop

LEXICON = load_lexicon(reader="rules")

AS_OF = datetime(2026, 11, 1)
#: Talk, category, mood at the start, mood at the end; b and a are lines of buyer and agent.
OPENINGS = [
    ("b:退货运费谁出 a:有运费险的 放心拍 b:好的", "shipping", "calm", "calm"),
    ("b:运费谁出 a:您申请退货 运费先垫付 b:好吧", "after_sales", "calm", "calm"),
    ("b:在吗 b:运费是谁承担呀 a:在的 b:我要退的那件坏了", "after_sales", "calm", "calm"),
    ("b:买的毛衣起球了 a:给您退20元差价可以吗 b:太好了谢谢你", "after_sales", "calm", "pleased"),
    ("b:会不会洗几次就起球 a:不会的 b:好", "quality", "worried", "calm"),
    ("b:我在别家穿M 你家呢 a:一样的", "size", "calm", "calm"),
    ("b:别家才卖39 便宜点 a:最低了呢 b:服了 什么态度", "bargaining", "calm", "annoyed"),
    ("b:可以用花呗吗 a:可以的 b:什么时候发货", "other", "calm", "calm"),
    ("b:到底什么时候退款 等了好几天了 a:抱歉 b:行", "after_sales", "annoyed", "calm"),
    ("b:配送咨询 b:我昨天下的单能改地址吗 a:可以", "after_sales", "calm", "calm"),
    ("b:發什麼快遞 a:順豐 b:謝謝你", "shipping", "calm", "pleased"),
    ("b:急用 明天能到吗 a:可以的", "shipping", "worried", "worried"),
    ("a:亲 新品上架了", "other", None, None),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    rows = []
    for number, (talk, *_) in enumerate(OPENINGS):
        lines = f" {talk}".replace(" b:", "\nb:").replace(" a:", "\na:").split("\n")[1:]
        for minute, line in enumerate(lines):
            side = {"a": "agent", "b": "buyer"}[line[0]]
            at = datetime(2026, 10, 10, 10, minute)
            rows.append((f"b{number}", "a1", side, at, line[2:], str(number)))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    folder = tmp_path_factory.mktemp("openings")
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    table = build_conversations(
        mark_messages(ChatSource(open_shop(folder), AS_OF, 12, RULES, LEXICON))
    )
    return table.set_index("conversation_id")


@pytest.mark.parametrize("number", range(len(OPENINGS)))
def test_an_opening_as_it_reads(read, number):
    _, category, start, end = OPENINGS[number]
    row = read.loc[str(number)].astype(object)
    moods = row[["mood_at_start", "mood_at_end"]]
    assert [row["category"], *moods.where(moods.notna(), None)] == [category, start, end]


#: What a buyer asks days after an order, and whether they may still buy.
AFTER_AN_ORDER = [
    ("b:能开发票吗 a:可以的", False),
    ("b:你好 b:退货运费谁出 a:有运费险", False),
    ("b:保修多久 a:一年", False),
    ("b:can I get an invoice a:Sure", False),
    ("b:能开发票吗 a:可以 b:L码还有货吗", True),
    ("b:退货运费谁出 b:几天能到 a:两天", True),
    ("b:想换个颜色可以吗 a:可以的", False),
    ("b:could I swap it for a larger one a:Sure", False),
    ("b:想换个颜色可以吗 a:可以 b:还有优惠吗", True),
    ("b:上次在网上买的太大了 这个偏大吗 a:正常", True),
    ("b:Is it in stock a:Yes b:the last coat I bought online was too wide a:I see", True),
    ("b:能便宜点吗 a:不能", True),
    ("b:什么时候上新 a:下周", True),
]


@pytest.mark.parametrize(("days", "ordered"), [(3, True), (40, False), (-3, False)])
def test_papers_and_terms_asked_after_an_order_are_no_inquiry(tmp_path, days, ordered):
    """Days before the talk that the buyer's order was placed; of a later one nobody knew."""
    rows, orders = [], []
    for number, (talk, _) in enumerate(AFTER_AN_ORDER):
        lines = f" {talk}".replace(" b:", "\nb:").replace(" a:", "\na:").split("\n")[1:]
        begins = datetime(2026, 10, 12, 10, 0)
        placed = begins - timedelta(days=days)
        orders.append((f"o{number}", f"b{number}", placed, placed, 50.0, 50.0, 0.0, 1, False))
        for minute, line in enumerate(lines):
            side = {"a": "agent", "b": "buyer"}[line[0]]
            at = begins + timedelta(minutes=minute)
            rows.append((f"b{number}", "a1", side, at, line[2:], str(number)))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "messages.parquet")
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount"]
    names += ["refund_amount", "units", "coupon_used"]
    pl.DataFrame(orders, schema=names, orient="row").write_parquet(tmp_path / "orders.parquet")
    source = ChatSource(open_shop(tmp_path), AS_OF, 12, RULES, LEXICON)
    table = build_conversations(mark_messages(source)).set_index("conversation_id")
    asked = table["is_inquiry"].to_dict()
    assert asked == {str(n): may or not ordered for n, (_, may) in enumerate(AFTER_AN_ORDER)}


def test_only_known_words_are_used(read):
    assert set(read["category"]) <= set(CATEGORIES)
    assert set(read["mood_at_start"].dropna()) | set(read["mood_at_end"].dropna()) <= set(MOODS)


#: Chats of buyers without an order in the tables, and whether they may still buy: what is told by
#: a symptom, by the agent who looked it up, or by a number that comes later; and the innocent twin.
OF_WHAT_IS_BOUGHT = [
    ("b:加湿器装上了一直漏 a:您看下密封圈", False),
    ("b:加湿器会一直漏水吗 a:不会的", True),
    ("b:豆子里有石子! a:抱歉", False),
    ("b:里面会有石子吗 a:筛过的", True),
    ("b:热水器不出水 a:先看下水压", False),
    ("b:家里那个老不出水 想换一个 a:好的", True),
    ("b:师傅约好上午来 到现在没到 a:我问下", False),
    ("b:安装师傅上门收费吗 a:免费", True),
    ("b:这地毯跟直播差太多了 a:灯光原因", False),
    ("b:跟直播间差很多吗 a:一样的", True),
    ("b:多大的 a:1米2 b:我拿到的量了才1米 给我退款 a:好的", False),
    ("b:多大的 a:1米2 b:好 拍了 a:好的", True),
    ("b:专票 a:抬头发我 b:单号12345678901 a:好", False),
    ("b:在吗 b:问个事 a:您的包裹显示已经签收了", False),
    ("b:会坏吗 a:如果收到坏的我们给您补发", True),
    ("b:好用吗 a:不满意给您退款", True),
    ("b:怎么说 a:麻烦拍下坏的地方", False),
    ("b:hi b:about the lamp a:I have refunded the second charge", False),
    ("b:can it break a:If it arrives damaged we ship a replacement", True),
    ("b:the timer keeps resetting itself every single day, it keeps beeping a:Odd", False),
    ("b:does it keep beeping at night a:No", True),
    ("b:question on my booking a:Sure", False),
    ("b:do I need a booking a:No", True),
]


def test_who_speaks_of_what_was_bought_makes_no_inquiry(tmp_path):
    rows = []
    for number, (talk, _) in enumerate(OF_WHAT_IS_BOUGHT):
        lines = f" {talk}".replace(" b:", "\nb:").replace(" a:", "\na:").split("\n")[1:]
        for minute, line in enumerate(lines):
            side = {"a": "agent", "b": "buyer"}[line[0]]
            at = datetime(2026, 10, 12, 10, minute)
            rows.append((f"b{number}", "a1", side, at, line[2:], str(number)))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "messages.parquet")
    source = ChatSource(open_shop(tmp_path), AS_OF, 12, RULES, LEXICON)
    found = build_conversations(mark_messages(source)).set_index("conversation_id")["is_inquiry"]
    wrong = [t for n, (t, may) in enumerate(OF_WHAT_IS_BOUGHT) if bool(found[str(n)]) is not may]
    assert wrong == []
