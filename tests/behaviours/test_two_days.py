"""KPIs of a two-day log of two agents, each figure worked out by hand.

Monday 5 and Tuesday 6 October 2026, profile taobao: service 08:00 to 23:00, a round counts at most
600 s and 600 s where nobody answered, an inquirer is a buyer on a day. The last known event is an
order of 10 October, 10:00, so inquiries that began by 6 October, 10:00, are mature (four days).

Talks, with seconds waited in each round (u: nobody answered; -: off hours):

| talk | day | buyer | agents | rounds                      | what came of it                     |
|------|-----|-------|--------|-----------------------------|-------------------------------------|
| T1   | 5   | b1    | A, B   | A 40 (two lines, a bot      | o1 100 and o1b 30 paid the same     |
|      |     |       |        | between), A 20              | morning; then B checks the address  |
| T2   | 5   | b2    | A to B | A 60, B 240                 | o2 200, paid the next day, 50 back  |
| T3   | 5   | b3    | B      | B 30, B 600u                | nothing                             |
| T4   | 5   | b4    | A      | - (23:30)                   | nothing                             |
| T9   | 5   | b1    | B      | B 50 (thirteen hours later) | nothing                             |
| T5   | 6   | b5    | A, B   | A 20                        | o5 80; B reminds; paid two days on  |
| T6   | 6   | b6    | B      | B 10                        | o6 99, unpaid; not mature (15:00)   |
| T7   | 6   | b7    | A      | A 300                       | after-sales, no inquiry             |
| T8   | 6   | b8    | nobody | 600u (a bot only)           | no inquiry                          |

And o9 60 on the 10th by b9, who wrote to nobody: silent.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEXICON

from csinsight.behaviours.agent_sessions import build_agent_sessions, count_month
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.kpis import agent_kpis, shop_kpis
from csinsight.behaviours.profiles import load_profile
from csinsight.engine import open_shop
from csinsight.stats.intervals import wilson

AS_OF = datetime(2026, 11, 1)
TAOBAO = load_profile("taobao")
#: Day and time, buyer, who wrote, text.
LOG = [
    ("05 09:00:00", "b1", "buyer", "在吗"),
    ("05 09:00:02", "b1", "bot", "欢迎光临,稍后为您服务"),
    ("05 09:00:10", "b1", "buyer", "这款有货吗"),
    ("05 09:00:40", "b1", "A", "您好"),
    ("05 09:00:50", "b1", "A", "有货的"),
    ("05 09:02:00", "b1", "buyer", "好的"),
    ("05 09:02:20", "b1", "A", "喜欢可以拍下哦"),
    ("05 09:20:00", "b1", "B", "请核对一下收货地址"),
    ("05 10:00:00", "b2", "buyer", "尺码怎么选"),
    ("05 10:01:00", "b2", "A", "您稍等"),
    ("05 10:01:10", "b2", "system", "由 A 转交给 B"),
    ("05 10:01:30", "b2", "B", "您好"),
    ("05 10:05:00", "b2", "buyer", "160 110斤穿什么码"),
    ("05 10:09:00", "b2", "B", "建议L码"),
    ("05 11:00:00", "b3", "buyer", "能便宜点吗"),
    ("05 11:00:30", "b3", "B", "已经是最低价了"),
    ("05 11:02:00", "b3", "buyer", "那送个赠品吧"),
    ("05 22:00:00", "b1", "buyer", "还有红色的吗"),
    ("05 22:00:50", "b1", "B", "有的"),
    ("05 23:30:00", "b4", "buyer", "什么材质的"),
    ("05 23:31:00", "b4", "A", "纯棉的"),
    ("06 09:00:00", "b5", "buyer", "什么材质的"),
    ("06 09:00:20", "b5", "A", "纯棉的"),
    ("06 12:30:00", "b5", "B", "您的订单还没付款哦"),
    ("06 15:00:00", "b6", "buyer", "多少钱"),
    ("06 15:00:10", "b6", "B", "99元"),
    ("06 15:00:15", "b6", "B", "今天拍明天发货"),
    ("06 16:00:00", "b7", "buyer", "上次买的杯子漏水了 我要退货"),
    ("06 16:05:00", "b7", "A", "非常抱歉"),
    ("06 17:00:00", "b8", "buyer", "有人吗"),
    ("06 17:00:01", "b8", "bot", "客服忙线中"),
]
#: Order, buyer, placed, paid, to be paid, given back.
ORDERS = [
    ("o7", "b7", "2026-09-01 10:00:00", "2026-09-01 10:01:00", 500.0, 0.0),
    ("o1", "b1", "2026-10-05 09:10:00", "2026-10-05 09:12:00", 100.0, 0.0),
    ("o1b", "b1", "2026-10-05 09:15:00", "2026-10-05 09:16:00", 30.0, 0.0),
    ("o2", "b2", "2026-10-05 20:00:00", "2026-10-06 09:00:00", 200.0, 50.0),
    ("o5", "b5", "2026-10-06 12:00:00", "2026-10-08 09:00:00", 80.0, 0.0),
    ("o6", "b6", "2026-10-06 15:30:00", None, 99.0, 0.0),
    ("o9", "b9", "2026-10-10 09:59:00", "2026-10-10 10:00:00", 60.0, 0.0),
]
RATINGS = [("b1", "A", "2026-10-05 09:15:00", 5), ("b2", "B", "2026-10-05 10:20:00", 3)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_days")
    when = pl.col("sent_at").str.to_datetime("%Y-%m-%d %H:%M:%S")
    said = [
        (f"2026-10-{at}", buyer, who if who in "AB" else None, who if len(who) > 1 else "agent", t)
        for at, buyer, who, t in LOG
    ]
    names = ["sent_at", "buyer_id", "agent_id", "sender", "text"]
    pl.DataFrame(said, schema=names, orient="row").with_columns(when).write_parquet(
        folder / "messages.parquet"
    )
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "paid_amount", "refund_amount"]
    pl.DataFrame(ORDERS, schema=names, orient="row").with_columns(
        pl.col("placed_at", "paid_at").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        list_amount=pl.col("paid_amount"),
        units=pl.lit(1, dtype=pl.Int64),
    ).write_parquet(folder / "orders.parquet")
    names = ["buyer_id", "agent_id", "rated_at", "score"]
    pl.DataFrame(RATINGS, schema=names, orient="row").with_columns(
        pl.col("rated_at").str.to_datetime("%Y-%m-%d %H:%M:%S")
    ).write_parquet(folder / "ratings.parquet")
    return open_shop(folder)


def _month(shop, profile=TAOBAO):
    rules = profile.rules(
        gap_hours=12,
        conversion_window_hours=24,
        payment_window_hours=72,
        pre_chat_hours=24,
        look_back_days=90,
    )
    marked = mark_messages(ChatSource(shop, AS_OF, 12, rules, LEXICON))
    conversations = build_conversations(marked)
    sessions = build_agent_sessions(marked, conversations, profile)
    return count_month(marked, conversations, sessions, profile)


@pytest.fixture(scope="module")
def month(shop):
    return _month(shop)


def _agents(month, profile=TAOBAO):
    return agent_kpis(month, profile=profile).set_index("agent_id")


def _assert_is(row, **expected):
    found = {name: row[name] for name in expected}
    assert found == pytest.approx(expected, nan_ok=True)


def test_the_shop_counts(month):
    row = shop_kpis(month.conversations, profile=TAOBAO, month=month).iloc[0]
    # Nine talks of b1 (twice) to b8; not inquiries: T7, T8. T6 isn't mature.
    _assert_is(row, conversations=9, buyers=8, buyer_days=8, inquiries=7, not_inquiries=2)
    # b1 asks twice on the 5th and is one inquirer: b1, b2, b3, b4, b5, b6.
    _assert_is(row, inquirers=6, immature_inquiries=1, inquiries_without_outcome=0)
    # All but b6: five. All three orders came the same day.
    _assert_is(row, ordered_rate_numerator=3, ordered_rate_denominator=5, ordered_rate=0.6)
    _assert_is(row, ordered_rate_same_day=0.6, ordered_rate_next_day=0.6)
    # b1 paid the same day, b2 the next, b5 two days on.
    _assert_is(row, paid_rate_same_day=1 / 5, paid_rate_next_day=2 / 5, paid_rate=3 / 5)
    assert (row["paid_rate_low"], row["paid_rate_high"]) == pytest.approx(wilson(3, 5))


def test_the_shop_waits(month):
    row = shop_kpis(month.conversations, profile=TAOBAO, month=month).iloc[0]
    # 10 20 20 30 40 50 60 | 240 300 600u 600u: seven within three minutes; T4 is off hours.
    _assert_is(row, rounds=11, rounds_unanswered=2, rounds_off_hours=1)
    _assert_is(row, reply_rate=9 / 11, reply_rate_180s=7 / 11, prompt_reply_rate=7 / 11)
    _assert_is(row, mean_response_s=1970 / 11, mean_response_s_numerator=1970)
    # The sixth of eleven; the tenth.
    _assert_is(row, response_median_s=50, response_p90_s=600)
    # First of each talk: 10 20 30 40 | 50 60 300 600; nine tenths lie 0.3 between 300 and 600.
    _assert_is(row, first_response_mean_s=1110 / 8, first_response_median_s=45)
    _assert_is(row, first_response_p90_s=390, first_response_mean_s_denominator=8)
    # Three lines of b1 in T1, two each in T2 and T3; the bot's are nobody's.
    _assert_is(row, answer_ask_ratio=15 / 13, answer_ask_ratio_denominator=13)


def test_the_shop_sells(month):
    row = shop_kpis(month.conversations, profile=TAOBAO, month=month).iloc[0]
    # o1, o1b, o2, o5, o6 after a talk; o2 less 50; o6 unpaid; o9 silent; o7 is of September.
    _assert_is(row, orders=5, order_amount=100 + 30 + 200 + 80 + 99, sales=100 + 30 + 150 + 80)
    _assert_is(row, paying_buyers=3, spend_per_buyer=120, silent_sales=60, total_sales=420)
    _assert_is(row, silent_share=1 / 7, satisfaction_mean=4, ratings=2)


def test_agent_a(month):
    row = _agents(month).loc["A"]
    # T1 T2 T4 T5 T7; T2 was handed over before the order, T7 is after-sales.
    _assert_is(row, conversations=5, buyers=5, inquiries=3, not_inquiries=2, handed_over=1)
    # b1, b4, b5; o1 and o5 are hers: she wrote last before each was placed.
    _assert_is(row, paid_rate_denominator=3, ordered_rate=2 / 3, paid_rate=2 / 3)
    _assert_is(row, paid_rate_same_day=1 / 3, paid_rate_next_day=1 / 3, credited_elsewhere=0)
    # 20 20 40 60 300; nine tenths lie 0.6 between 60 and 300.
    _assert_is(row, rounds=5, rounds_unanswered=0, rounds_off_hours=1, reply_rate=1)
    _assert_is(
        row, reply_rate_180s=4 / 5, mean_response_s=88, response_median_s=40, response_p90_s=204
    )
    _assert_is(row, first_response_mean_s=105, first_response_median_s=50)
    _assert_is(row, answer_ask_ratio=7 / 7)
    _assert_is(row, orders=3, order_amount=210, sales=210, paying_buyers=2, spend_per_buyer=105)
    _assert_is(row, satisfaction_mean=5, ratings=1)


def test_agent_b(month):
    row = _agents(month).loc["B"]
    # T1 T2 T3 T5 T6 T9; T1 and T5 were A's when the order came.
    _assert_is(row, conversations=6, buyers=5, inquiries=4, handed_over=2, immature_inquiries=1)
    # b2, b3, b1 (T9): only b2's order is his, paid the next day.
    _assert_is(row, paid_rate_denominator=3, paid_rate_numerator=1, paid_rate_same_day=0)
    _assert_is(row, paid_rate_next_day=1 / 3)
    # 10 30 50 240 600u; T8 is nobody's.
    _assert_is(row, rounds=5, rounds_unanswered=1, mean_response_s=186, reply_rate_180s=3 / 5)
    # T3 30, T6 10, T9 50: in T1, T2 and T5 A replied first.
    _assert_is(row, first_response_mean_s=30, first_response_median_s=30)
    _assert_is(row, answer_ask_ratio=8 / 5)
    _assert_is(row, orders=2, order_amount=299, sales=150, spend_per_buyer=150, satisfaction_mean=3)


@pytest.mark.parametrize(
    ("rule", "agent", "expected"),
    [
        # The reminder came before o5 was paid, so it is B's; b5 counts for both.
        ("payment", "A", {"paid_rate": 1 / 3, "sales": 130, "credited_elsewhere": 1}),
        ("payment", "B", {"paid_rate": 2 / 4, "sales": 230, "handed_over": 1}),
        # B also wrote the last line to b1.
        ("last", "A", {"paid_rate": 0, "sales": 0, "orders": 0, "credited_elsewhere": 2}),
        ("last", "B", {"paid_rate": 3 / 4, "sales": 360, "orders": 5, "handed_over": 0}),
    ],
)
def test_attribution_is_a_parameter(shop, rule, agent, expected):
    profile = TAOBAO.model_copy(update={"attribution": rule})
    _assert_is(_agents(_month(shop, profile), profile).loc[agent], **expected)


def test_handed_over_inquiries_can_count(shop):
    profile = TAOBAO.model_copy(update={"handed_over": "count"})
    row = _agents(_month(shop, profile), profile).loc["A"]
    _assert_is(row, inquiries=4, paid_rate_denominator=4, paid_rate=2 / 4, handed_over=1)


def test_other_conventions(shop):
    jd = load_profile("jd")
    rules = jd.rules(
        gap_hours=12,
        conversion_window_hours=24,
        payment_window_hours=24,
        pre_chat_hours=24,
        look_back_days=90,
    )
    marked = mark_messages(ChatSource(shop, AS_OF, 12, rules, LEXICON))
    conversations = build_conversations(marked)
    sessions = build_agent_sessions(marked, conversations, jd)
    month = count_month(marked, conversations, sessions, jd)
    row = shop_kpis(month.conversations, profile=jd, month=month).iloc[0]
    # Within 30 s: 10 20 20 30. Three minutes stay three minutes. o5 was paid too late for JD.
    _assert_is(row, prompt_reply_rate=4 / 11, reply_rate_180s=7 / 11, paid_rate=2 / 6)
    textbook = load_profile("textbook")
    row = shop_kpis(month.conversations, profile=textbook).iloc[0]
    assert row["inquirers"] == 6


def test_what_hangs_on_the_clock_has_an_interval(month):
    row = _agents(month).loc["A"]
    for name in ("mean_response_s", "first_response_mean_s", "answer_ask_ratio", "spend_per_buyer"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    # Five rounds can't bound a median on both sides, nor one rating a mean.
    assert pd.isna(row["response_median_s_low"])
    assert pd.isna(row["satisfaction_mean_low"])
