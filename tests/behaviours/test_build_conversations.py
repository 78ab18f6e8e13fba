"""The conversations of a small hand-made shop: category, inquiry, opportunities, behaviours."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import polars as pl
import pytest
from tests.contexts import RULES

from csinsight.behaviours.agent_sessions import build_agent_sessions, count_month
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.kpis import agent_kpis, shop_kpis
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.profiles import load_profile
from csinsight.contract.domain import BEHAVIOURS, COMPLIANCE, MARKERS
from csinsight.contract.join import BuyersNamed
from csinsight.engine import open_shop

LEXICON = load_lexicon(reader="rules")

AS_OF = datetime(2026, 11, 1)

#: One talk each: (minute, sender, text), all on 10 October from 10:00.
TALKS = {
    "size": [
        (0, "buyer", "在吗"),
        (1, "agent", "您好亲"),
        (2, "buyer", "160 110斤穿什么码"),
        (3, "agent", "您平时喜欢宽松还是修身呢"),
        (4, "buyer", "宽松"),
        (5, "agent", "建议您拍L码,肩宽40cm"),
    ],
    "bargaining": [
        (0, "buyer", "能便宜点吗"),
        (1, "agent", "不行的"),
        (2, "buyer", "那算了"),
        (30, "agent", "亲还在吗"),
    ],
    "bargaining_with_way_out": [
        (0, "buyer", "能便宜点吗"),
        (1, "agent", "不行的"),
        (2, "agent", "可以领取店铺优惠券的呢"),
    ],
    "shipping_then_order": [
        (0, "buyer", "今天拍什么时候发货"),
        (1, "agent", "今天拍明天发货哦"),
        (20, "agent", "亲 请核对一下收货地址,订单还没付款哦"),
        (21, "agent", "感谢您的支持"),
    ],
    "after_sales": [
        (0, "buyer", "上次买的杯子漏水了 我要退货"),
        (5, "agent", "非常抱歉给您带来不便"),
    ],
    "where_is_it": [(0, "buyer", "我的快递怎么还没到"), (1, "agent", "我帮您查一下")],
    "agent_first": [(0, "agent", "亲 新品上架了"), (1, "buyer", "好的")],
    "unanswered": [(0, "buyer", "质量怎么样")],
    "curt": [(0, "buyer", "有货吗"), (1, "agent", "有"), (2, "buyer", "好的")],
    "greeted_then_curt": [(0, "buyer", "有货吗"), (1, "agent", "您好亲"), (1, "agent", "有")],
    "no_smell": [(0, "buyer", "有异味吗 宝宝能用不"), (1, "agent", "没有")],
    "no_gift": [(0, "buyer", "有赠品吗"), (1, "agent", "没有")],
    "not_curt": [(0, "buyer", "有货吗"), (1, "agent", "有"), (1, "agent", "喜欢可以直接拍下哦")],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    _messages().write_parquet(folder / "messages.parquet")
    _orders().write_parquet(folder / "orders.parquet")
    return open_shop(folder)


@pytest.fixture(scope="module")
def talks(shop):
    marked = mark_messages(ChatSource(shop, AS_OF, 12, RULES, LEXICON))
    return build_conversations(marked).set_index("conversation_id")


def _month(shop, conversations, profile):
    marked = mark_messages(ChatSource(shop, AS_OF, 12, RULES, LEXICON))
    sessions = build_agent_sessions(marked, conversations, profile)
    return count_month(marked, conversations, sessions, profile)


def _messages():
    rows = [
        (f"b_{name}", "a1" if sender == "agent" else None, sender, _at(minute), text, name)
        for name, talk in TALKS.items()
        for minute, sender, text in talk
    ]
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _orders():
    rows = [
        ("o1", "b_shipping_then_order", _at(3), _at(40), 100.0, 90.0, 10.0, 1),
        ("o2", "b_after_sales", datetime(2026, 9, 1), datetime(2026, 9, 1), 50.0, 50.0, 0.0, 1),
        ("o3", "b_curt", _at(2), _at(4), 30.0, 30.0, 0.0, 1),
        ("o4", "b_nobody", datetime(2026, 10, 30), datetime(2026, 10, 30), 60.0, 60.0, 0.0, 1),
    ]
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount"]
    return pl.DataFrame(rows, schema=[*names, "refund_amount", "units"], orient="row")


def _at(minute):
    return datetime(2026, 10, 10, 10, minute)


@pytest.mark.parametrize(
    ("talk", "category", "inquiry"),
    [
        ("size", "size", True),
        ("bargaining", "bargaining", True),
        ("shipping_then_order", "shipping", True),
        ("after_sales", "after_sales", False),
        # No order of hers is known, yet she speaks of a parcel: it may be another account's.
        ("where_is_it", "after_sales", False),
        ("agent_first", "other", False),
        ("unanswered", "quality", False),
        ("curt", "other", True),
    ],
)
def test_category_and_inquiry(talks, talk, category, inquiry):
    assert talks.loc[talk, "category"] == category
    assert bool(talks.loc[talk, "is_inquiry"]) is inquiry


@pytest.mark.parametrize(
    ("talk", "behaviour", "shown"),
    [
        ("size", "greets", True),
        ("size", "asks_needs", True),
        ("size", "gives_specifics", True),
        ("size", "explains_value", None),
        ("size", "apologizes", None),
        ("bargaining", "refuses_flatly", True),
        ("bargaining", "offers_alternative", False),
        ("bargaining", "follows_up", True),
        ("bargaining", "gives_specifics", None),
        ("bargaining_with_way_out", "refuses_flatly", False),
        ("bargaining_with_way_out", "offers_alternative", True),
        ("bargaining_with_way_out", "follows_up", False),
        ("shipping_then_order", "promises_time", True),
        ("shipping_then_order", "checks_address", True),
        ("shipping_then_order", "reminds_payment", True),
        ("shipping_then_order", "closes_warmly", True),
        # Said after the order, so they can't have led to it.
        ("shipping_then_order", "polite_words", False),
        ("curt", "reminds_payment", None),
        ("curt", "checks_address", False),
        ("after_sales", "apologizes", True),
        ("after_sales", "empathizes", False),
        ("after_sales", "asks_needs", None),
        ("unanswered", "greets", None),
        ("unanswered", "off_platform", None),
        ("curt", "curt_reply", True),
        ("not_curt", "curt_reply", False),
        ("greeted_then_curt", "curt_reply", True),
        ("no_smell", "refuses_flatly", False),
        ("no_gift", "refuses_flatly", True),
        ("curt", "over_promises", False),
    ],
)
def test_behaviours_where_there_was_an_occasion(talks, talk, behaviour, shown):
    value = talks.loc[talk, behaviour]
    assert (None if pd.isna(value) else bool(value)) is shown


def test_columns_are_those_of_the_artifact(talks):
    assert list(talks.columns[-len(BEHAVIOURS) :]) == list(BEHAVIOURS)
    for name in (*MARKERS, *COMPLIANCE):
        assert talks[name].dtype == "boolean"
    assert talks["category"].notna().all()


def test_kpis_by_hand(shop, talks):
    """Thirteen talks: twelve with replies of a1, nine of them inquiries, two of these ordered.

    The last event is the order of 30 October, so every inquiry of the 10th is mature. First
    responses of the twelve (minutes): size 1, bargaining 1, with a way out 1, shipping 1,
    after-sales 5, where is it 1, curt 1, the four like it 1; the talk that the agent opened was
    left without an answer to the buyer's line that day: 10, the cap.
    """
    profile = load_profile("taobao")
    month = _month(shop, talks.reset_index(), profile)
    row = agent_kpis(month, profile=profile).iloc[0]
    assert (row["agent_id"], row["conversations"], row["buyers"]) == ("a1", 12, 12)
    assert (row["inquiries"], row["inquirers"], row["immature_inquiries"]) == (9, 9, 0)
    assert (row["ordered_rate_numerator"], row["ordered_rate_denominator"]) == (2, 9)
    assert row["paid_rate"] == pytest.approx(2 / 9)
    assert row["sales"] == pytest.approx(90 - 10 + 30)
    assert row["spend_per_buyer"] == pytest.approx(55)
    assert row["first_response_mean_s"] == pytest.approx((10 * 60 + 300 + 600) / 12)
    assert row["first_response_median_s"] == 60
    whole = shop_kpis(month.conversations, profile=profile, month=month).iloc[0]
    # The order of September is no sale of October.
    assert (whole["conversations"], whole["total_sales"]) == (13, 80 + 30 + 60)
    assert whole["silent_sales"] == 60


def test_a_months_orders_are_the_same_however_many_months_were_marked(shop):
    profile = load_profile("taobao")
    months = []
    for many in (1, 3):
        marked = mark_messages(ChatSource(shop, AS_OF, many, RULES, LEXICON))
        conversations = build_conversations(marked)
        sessions = build_agent_sessions(marked, conversations, profile)
        months.append(count_month(marked, conversations, sessions, profile).orders)
        assert marked.orders is marked.orders, "sessions and figures look for them once"
    assert len(months[0])
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in months))


@pytest.mark.parametrize(("nameless", "told"), [(170.0, True), (171.0, False)])
def test_silent_sales_need_the_buyers_of_half_of_the_money(tmp_path, nameless, told):
    """Three known orders of 170 in October, and one that names no buyer."""
    _messages().write_parquet(tmp_path / "messages.parquet")
    day, kinds = datetime(2026, 10, 20), _orders().schema
    other = [("o5", None, day, day, nameless + 9, nameless + 9, 9.0, 1)]
    orders = pl.concat([_orders(), pl.DataFrame(other, schema=kinds, orient="row")])
    orders.write_parquet(tmp_path / "orders.parquet")
    shop, profile = open_shop(tmp_path), load_profile("taobao")
    talks = build_conversations(mark_messages(ChatSource(shop, AS_OF, 12, RULES, LEXICON)))
    month = _month(shop, talks, profile)
    assert month.named == BuyersNamed(3, 4, 170.0, 170.0 + nameless)
    row = shop_kpis(month.conversations, profile=profile, month=month).iloc[0]
    figures = row[["total_sales", "silent_sales", "silent_share"]]
    assert figures.notna().all() == told
    assert figures.isna().all() != told
    # What came of chats is known of known buyers as before.
    assert row["sales"] == 110


def test_without_orders_and_times_what_hangs_on_them_is_null(tmp_path):
    _messages().with_columns(pl.lit(None, dtype=pl.Datetime("us")).alias("sent_at")).write_parquet(
        tmp_path / "messages.parquet"
    )
    untimed = open_shop(tmp_path)
    marked = mark_messages(ChatSource(untimed, AS_OF, 12, RULES, LEXICON))
    table = build_conversations(marked).set_index("conversation_id")
    assert table["follows_up"].isna().all()
    assert table["reminds_payment"].isna().all()
    assert table["checks_address"].isna().all()
    assert table.loc["size", "asks_needs"]
    assert table.loc["where_is_it", "category"] == "after_sales"
    profile = load_profile("textbook")
    month = _month(untimed, table.reset_index(), profile)
    row = agent_kpis(month, profile=profile).iloc[0]
    for name in ("paid_rate", "ordered_rate", "sales", "mean_response_s", "reply_rate", "rounds"):
        assert pd.isna(row[name]), name
    assert row["answer_ask_ratio"] == pytest.approx(20 / 16)
