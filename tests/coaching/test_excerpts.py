"""A few lines that show what is meant, with nobody in them."""

from __future__ import annotations

import time
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.coaching.examples import agent_turns, answers, examples, suspected
from csinsight.coaching.excerpts import (
    MAX_CHARACTERS,
    _masked_rows,
    _readable,
    excerpt,
    excerpts,
    plan_excerpts,
)
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.month import Coached, only_shown
from csinsight.coaching.plan import COLUMNS
from csinsight.engine import open_shop

LINES = [
    ("buyer", "在吗"),
    ("agent", "您好"),
    ("buyer", "我叫王小明，13812345678"),
    ("buyer", "再少20我就拍了"),
    ("agent", "不行，没办法"),
    ("system", "订单已创建"),
    ("agent", "谢谢大鱼海棠，祝您愉快"),
]


@pytest.fixture
def talk():
    frame = pd.DataFrame(LINES, columns=["sender", "text"])
    return frame.assign(
        conversation_id="c1",
        buyer_id="大鱼海棠",
        agent_id=frame["sender"].map({"agent": "店:小七"}),
        sent_at=pd.date_range("2026-10-12 10:00", periods=len(frame), freq="30s"),
        refuses_flatly=pd.array([None, False, None, None, True, None, False], dtype="boolean"),
        recommends=pd.array([None, False, None, None, False, None, False], dtype="boolean"),
    )


def test_shows_the_line_and_the_buyers_words_before_it(talk):
    shown = excerpt(talk, "refuses_flatly")
    assert shown["text"].tolist() == ["再少20我就拍了", "不行，没办法"]
    assert shown["marked"].tolist() == [False, True]


def test_a_miss_shows_the_first_answer_to_the_buyer(talk):
    missed = excerpt(talk, "recommends", shown=False)
    assert missed["text"].tolist() == ["在吗", "您好"]


def test_ids_names_and_numbers_are_masked(talk):
    late = talk.assign(refuses_flatly=pd.array([None] * 6 + [True], dtype="boolean"))
    text = " ".join(excerpt(late, "refuses_flatly", lines=9)["text"])
    assert "大鱼海棠" not in text
    assert "[昵称]" in text
    everything = " ".join(excerpt(talk.iloc[2:5], "recommends", lines=9)["text"])
    assert "王小明" not in everything
    assert "13812345678" not in everything


def test_long_lines_are_cut(talk):
    long = talk.assign(text=talk["text"].where(talk["sender"] != "agent", "好看" * 200))
    assert excerpt(long, "refuses_flatly")["text"].str.len().max() == MAX_CHARACTERS


def test_an_empty_conversation_has_no_lines(talk):
    assert excerpt(talk[talk["sender"] == "system"], "greets").empty


def test_lines_come_from_the_shop_with_what_they_show(talk, tmp_path):
    columns = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    other = talk.assign(conversation_id="c2")
    pd.concat([talk, other])[columns].to_parquet(tmp_path / "messages.parquet")
    found = excerpts(_chats(open_shop(tmp_path)), ["c1"])
    assert found["conversation_id"].unique().tolist() == ["c1"]
    assert found["sender"].tolist() == [sender for sender, _ in LINES]
    shown = excerpt(found, "refuses_flatly")
    assert shown["text"].iloc[-1].startswith("不行")


def _chats(shop):
    return ChatSource(shop, datetime(2026, 11, 1), 12, RULES, LEXICON)


@pytest.fixture
def bargaining(talk):
    """The talk above with its greeting marked; the opportunity for a way out is the second turn."""
    none = pd.array([False] * len(talk), dtype="boolean")
    greets, closes = none.copy(), none.copy()
    greets[1], closes[6] = True, True
    return talk.assign(
        greets=greets, closes_warmly=closes, offers_alternative=none, gives_specifics=none
    )


def test_a_miss_is_shown_at_its_occasion_and_not_at_the_greeting(bargaining):
    shown = excerpt(bargaining, "offers_alternative", shown=False, opportunity=2)
    assert shown["text"].tolist() == ["再少20我就拍了", "不行，没办法"]
    without = excerpt(bargaining, "offers_alternative", shown=False)
    assert without["text"].tolist() == ["再少20我就拍了", "不行，没办法"]


def test_a_good_example_of_what_to_drop_shows_what_is_done_instead(bargaining):
    other = bargaining["offers_alternative"].copy()
    other[4] = True
    shown = excerpt(bargaining.assign(offers_alternative=other), "refuses_flatly", shown=False)
    assert shown["text"].iloc[-1] == "不行，没办法"


def test_a_talk_that_does_not_show_it_gives_no_example(bargaining):
    assert excerpt(bargaining, "offers_alternative").empty
    late = bargaining.assign(before_outcome=[True] * 2 + [False] * 5)
    assert excerpt(late, "refuses_flatly").empty


def test_a_slow_reply_is_shown_with_its_wait(bargaining):
    times = list(bargaining["sent_at"])
    times[4] = times[3] + pd.Timedelta(minutes=6)
    slow = excerpt(bargaining.assign(sent_at=times), "mean_response_s", shown=True)
    assert slow["text"].iloc[-1] == "不行，没办法"
    assert slow["waited_s"].iloc[-1] == 390
    fast = excerpt(bargaining.assign(sent_at=times), "mean_response_s", shown=False)
    assert fast["waited_s"].iloc[-1] == 30


def test_no_example_is_from_a_conversation_with_a_finding_of_anybody():
    when = datetime(2026, 10, 5)
    rows = [
        {"conversation_id": name, "agent_id": agent, "greets": True, "rude_or_blaming": rude}
        for name, agent, rude in (("c1", "a", False), ("c1", "b", True), ("c2", "a", False))
    ]
    talks = pd.DataFrame(rows).assign(
        category="size", paid=True, started_at=when, counted_at=when, is_inquiry=True
    )
    talks = talks.astype({"greets": "boolean", "rude_or_blaming": "boolean", "paid": "boolean"})
    # One of c2's lines breaks a rule too, of an agent who served it when it was no inquiry.
    served = pd.concat([talks, talks.tail(1).assign(agent_id=None, rude_or_blaming=True)])
    told = {"helps": True, "as_of": datetime(2026, 11, 1)}
    found = examples(talks, "a", "greets", barred=suspected(talks), **told)
    assert found["hits"] == ["c2"]
    assert found["peer_hits"] == []
    assert examples(talks, "a", "greets", barred=suspected(served), **told)["hits"] == []


def _talks(**told):
    """Return conversations of one agent with opportunity for what is told, as bought or not."""
    count = len(next(iter(told.values())))
    when = [datetime(2026, 10, 5 + day) for day in range(count)]
    talks = pd.DataFrame({"conversation_id": [f"c{n}" for n in range(count)], "started_at": when})
    talks = talks.assign(agent_id="a", category="size", is_inquiry=True, counted_at=when, paid=True)
    talks = talks.astype({"paid": "boolean"})
    flags = {k: v if k == "category" else pd.array(v, dtype="boolean") for k, v in told.items()}
    return talks.assign(**flags)


def test_no_good_example_shows_another_habit_that_is_to_be_dropped():
    talks = _talks(curt_reply=[False, False], repeats_canned=[False, True])
    found = examples(talks, "a", "curt_reply", helps=False, as_of=datetime(2026, 11, 1), barred=())
    assert found["hits"] == ["c0"]


def test_a_recommendation_is_missed_most_plainly_where_goods_are_talked_of():
    talks = _talks(recommends=[False, False], category=["quality", "shipping"])
    found = examples(talks, "a", "recommends", helps=True, as_of=datetime(2026, 11, 1), barred=())
    assert found["misses"] == ["c0", "c1"]


def test_a_worry_is_not_met_by_an_answer_to_what_was_asked_beside_it():
    said = ["厦门多久能收到", "家里没人收 好担心丢件", "厦门大概4天"]
    lines = pd.DataFrame({"sender": ["buyer", "buyer", "agent"], "text": said})
    lines = lines.assign(voices_worry=[False, True, None], gives_specifics=[None, None, True])
    lines["agent_turn"] = agent_turns(lines)
    assert not answers(lines, [2])
    assert answers(lines.assign(text=[*said[:2], "不会丢件的，丢了我们补发"]), [2])


def test_what_came_after_is_shown_where_it_is_asked_for(bargaining):
    shown = excerpt(bargaining, "refuses_flatly", shown=True, after=1)
    assert len(shown) == len(excerpt(bargaining, "refuses_flatly", shown=True)) + 1
    assert not shown["marked"].iloc[-1]
    assert shown.attrs["answers"] in (True, False)


def _shop_of(folder, talks):
    """Write a shop of talks, each a list of (sender, text), a day apart."""
    rows = [
        {
            "buyer_id": f"b{talk}",
            "agent_id": "店:甲" if sender == "agent" else None,
            "sender": sender,
            "sent_at": datetime(2026, 10, 3 + talk, 10, 0, line),
            "text": text,
        }
        for talk, lines in enumerate(talks)
        for line, (sender, text) in enumerate(lines)
    ]
    pd.DataFrame(rows).to_csv(folder / "messages.csv", index=False)
    return open_shop(folder)


def test_of_good_examples_the_one_that_answers_the_buyer_is_shown(tmp_path):
    """The later one only sounds well: it leaves the buyer's question open."""
    shop = _shop_of(
        tmp_path,
        [
            [
                ("buyer", "今天拍什么时候发货"),
                ("agent", "请您放心，今天17点前付款当天发，48小时内有物流"),
                ("buyer", "好的"),
            ],
            [
                ("buyer", "今天拍什么时候发货"),
                ("agent", "感谢您的咨询，辛苦您了，祝您生活愉快"),
                ("buyer", "好的"),
            ],
        ],
    )
    shown, ids = _shown(shop, "polite_words")
    assert set(shown["conversation_id"]) == {ids[1]}
    assert shown["sender"].tolist() == ["buyer", "agent", "buyer"]


def _shown(shop, behaviour):
    """Return what a card shows of good ones, the latest of the shop's conversations named first."""
    marked = mark_messages(ChatSource(shop, datetime(2026, 11, 1), 12, RULES, LEXICON))
    talks = build_conversations(marked)
    ids = talks.sort_values("started_at", ascending=False)["conversation_id"].tolist()
    row = {"agent_id": "店:甲", "behaviour": behaviour, "kind": "recommendation", "effect_pp": 2.0}
    plan = pd.DataFrame([row | {"misses": [], "hits": ids, "peer_hits": []}])
    return plan_excerpts(_chats(shop), plan, talks), ids


def test_a_conversation_in_which_anything_waits_to_be_checked_stands_on_no_card():
    """Its name and its buyer's words beside another finding would tell who wrote what waits."""
    kept = {"conversations": 2, "confirmed": 0, "opportunities": 9, "read": 20, "right": 19}
    kept |= {"likely": 0.99, "peer_rate": 0.0, "agent_id": "a1", "behaviour": "over_promises"}
    waits = kept | {"behaviour": "off_platform", "agent_id": "a2", "conversations": 1}
    rows = [
        kept | {"stands": True, "evidence": ["c1", "c2", "c3"]},
        waits | {"stands": False, "evidence": ["c1"]},
    ]
    lines = [("c1", "绝对不会起球"), ("c2", "保证不起球"), ("c3", None)]
    talks = pd.DataFrame(lines, columns=["conversation_id", "text"])
    talks = talks.assign(agent_id="a1", behaviour="over_promises")
    none, plan = pd.DataFrame(), pd.DataFrame(columns=[*COLUMNS, "rank"])
    month = only_shown(Coached(plan, none, none, none, none, pd.DataFrame(rows)), talks)
    assert month.plan["misses"].tolist() == [["c2"]]
    waiting = month.findings[~month.findings["stands"]]
    assert sorted(one for ids in waiting["evidence"] for one in ids) == ["c1", "c1", "c3"]


@pytest.mark.parametrize(
    ("asked", "said", "fits"),
    [
        ("1.2米的床用什么尺寸呢", "现货没了,可以帮你登记预订,2天后到仓先发你", False),
        ("1.2米的床用什么尺寸呢", "1.2米的床拍150x200的那一套就可以", True),
        ("周日快递收不收", "看快递的/:065", False),
        ("床单够不够垂下来", "够的[可爱]", False),
    ],
)
def test_a_good_example_of_speed_answers_the_question_with_more_than_a_word(asked, said, fits):
    lines = pd.DataFrame({"sender": ["buyer", "agent"], "text": [asked, said]})
    lines = lines.assign(conversation_id="c1", agent_id="a1", asks_question=[False, None])
    lines["sent_at"] = pd.date_range("2026-10-12 10:00", periods=2, freq="20s")
    lines["gives_specifics"] = pd.array([None, True], dtype="boolean")
    assert len(excerpt(lines, "first_response_s", shown=False, lesson=True)) == 2 * fits
    assert len(excerpt(lines, "first_response_s", shown=False)) == 2


ASKED = ("buyer", "周末发货吗")
RECOMMENDED = ("agent", "我家莫代尔睡裙这个月卖得最好，要不要也看一下")


def test_a_good_recommendation_answers_who_asked_for_advice_and_is_no_advert(tmp_path):
    """The latest is an advert beside an answer to something else: an earlier one is shown."""
    answer = ("agent", "周末也发，今天17点前付款当天发出")
    wished = ("buyer", "有没有舒服的睡裙推荐")
    shop = _shop_of(tmp_path, [[wished, RECOMMENDED], [ASKED, answer, RECOMMENDED]])
    shown, ids = _shown(shop, "recommends")
    assert set(shown["conversation_id"]) == {ids[1]}


@pytest.mark.parametrize(
    ("asked", "said", "fits"),
    [
        ("M和L差多少", "胸围差4厘米，M的衣长短2厘米", True),
        ("XL的胸围是多少", "XL和2XL胸围差4厘米", True),
        ("偏远地区要加钱不", "周四之前给您寄出来哈", False),
        ("有没有甲醛啊", "晾一晾就行", False),
        ("How long does delivery take?", "We deliver within 3 days", True),
        ("Does it shrink in the wash?", "We deliver within 3 days", False),
    ],
)
def test_an_answer_to_something_else_is_no_good_example(asked, said, fits):
    lines = pd.DataFrame({"sender": ["buyer", "agent"], "text": [asked, said]})
    lines = lines.assign(asks_question=[True, None], gives_specifics=[None, True])
    lines["agent_turn"] = agent_turns(lines)
    assert answers(lines, [1], "curt_reply") is fits
    unasked = lines.assign(asks_question=False, text=["好的亲", said])
    assert answers(unasked, [1], "curt_reply")
    assert not answers(unasked.assign(text=["还有别的颜色没", "周四寄"]), [1], "curt_reply")
    assert not answers(unasked.assign(voices_worry=[True, None], text=["怕丢件", "4天"]), [1])


def test_one_that_leaves_the_question_open_is_no_example_and_one_without_a_question_is(tmp_path):
    (tmp_path / "open").mkdir()
    assert _shown(_shop_of(tmp_path / "open", [[ASKED, RECOMMENDED]]), "recommends")[0].empty
    (tmp_path / "none").mkdir()
    none = _shop_of(tmp_path / "none", [[("buyer", "我家宝宝喜欢软的睡裙"), RECOMMENDED]])
    assert len(_shown(none, "recommends")[0]) == 2
    (tmp_path / "other").mkdir()
    other = _shop_of(tmp_path / "other", [[("buyer", "我肚子有点肉"), RECOMMENDED]])
    assert _shown(other, "recommends")[0].empty  # an advert takes up nothing of it


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("[略]合身,不合身[略]你", False),
        ("[略]合身,不合身怎么办都由我来赔给你", True),
        ("加我微信[账号]", True),
        ("[略]", False),
    ],
)
def test_what_is_hidden_beyond_reading_accuses_nobody(text, readable):
    lines = pd.DataFrame({"text": ["[略]", text], "marked": [False, True]})
    assert _readable(lines) is readable


@pytest.mark.parametrize(("behaviour", "shown"), [("refuses_flatly", True), ("recommends", False)])
def test_of_fifty_thousand_lines_a_few_are_found_in_good_time(behaviour, shown):
    """Each turn was looked for in all lines, and all were masked: minutes for each excerpt."""
    pairs = 25_000
    long = pd.DataFrame({"sender": ["buyer", "agent"] * pairs}).assign(
        conversation_id="c1",
        buyer_id="b1",
        agent_id="a1",
        sent_at=pd.date_range("2026-10-12 10:00", periods=2 * pairs, freq="30s"),
        text=[f"还有别的颜色吗 {number}" for number in range(2 * pairs)],
        refuses_flatly=np.arange(2 * pairs) == 2 * pairs - 1,
        recommends=np.arange(2 * pairs) % 2 == 1,
    )
    long.loc[9, "recommends"] = False
    began = time.process_time()
    found = excerpt(long, behaviour, shown=shown)
    assert time.process_time() - began < 10
    last = 2 * pairs - 1 if shown else 9
    assert found["text"].tolist() == [f"还有别的颜色吗 {n}" for n in (last - 1, last)]


def test_a_stretch_is_masked_as_the_whole_conversation_is():
    """Numbers sent in pieces, a sign a line too, are seen from any line of theirs."""
    pieces = ["138", "0013", "8000", *"13800138000", "我叫王小明", "地址是文三路", "12号", "嗯"]
    chat = ["您好", "有货吗", "今天发", "微信", "abc12345", "好的"]
    rng, hidden = np.random.default_rng(16), 0
    for _ in range(8):
        start = int(rng.integers(100, 140))
        lines = rng.choice(chat + pieces, 250).tolist()
        lines[start : start + 11] = "13800138000"
        whole = mask_lines(lines)
        for first in (start, start + 5, start + 10, int(rng.integers(240))):
            rows = [first, first + 2]
            expected = [whole[row] for row in rows]
            assert _masked_rows(pd.Series(lines), rows, frozenset(), None) == expected
            hidden += sum("[" in text for text in expected)
    assert hidden > 30
