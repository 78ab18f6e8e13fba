"""Planted questions are found with their buyers, and what few buyers asked is shown to nobody."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.coaching.answer_bank import alike, answer_bank, plain, unsigned
from csinsight.context import MonthContext
from csinsight.contract.dictionary import artifact
from csinsight.engine import open_shop
from csinsight.features.conversations import lines_of
from csinsight.params import RunParams
from csinsight.segments.signatures import signatures_of

#: Ways to put each planted question, as people do, with how many buyers ask it.
PLANTED = {
    "washing": (
        96,
        [
            "能机洗吗",
            "你好，请问能机洗吗？",
            "这个能机洗吗 亲",
            "可以机洗吗",
            "北欧风加厚羊羔绒毯能机洗吗",
            "记忆棉护颈枕可以机洗吗",
            "能机洗吗 李女士",
            "能机洗吗 谢小姐",
        ],
    ),
    "invoice": (30, ["能开发票吗", "请问可以开发票吗", "在吗 能开发票不", "可以开发票的吗"]),
    "height": (45, ["170穿什么码", "165 穿什么码呢", "我175，穿什么码？", "身高168穿什么码"]),
    "undecided": (30, ["我再看看", "我考虑一下", "Let me think about it", "I am not sure yet"]),
    "rare": (4, ["赵无极先生定的青瓷餐具到货了吗"]),
}
GOODS = ["北欧风加厚羊羔绒毯", "记忆棉护颈枕"]
#: Who got the poor answer asks again, every other time.
AGAIN = "那到底能不能机洗？"
GOOD, BAD = "可以机洗 装洗衣袋更好", "水洗标上有写"
#: Said to anybody, whatever was asked, and longer than most answers.
GREETING, CANNED = "亲亲，您好呀，欢迎光临小店", "本店商品参数和活动规则都写在详情页里面请自行查看"


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """A shop whose buyers ask the planted questions among as many that differ."""
    folder = tmp_path_factory.mktemp("bank")
    rng = np.random.default_rng(2)
    rows, talks = [], []
    asked = [(kind, ways) for kind, (n, ways) in PLANTED.items() for _ in range(n)]
    asked += [(f"own{n}", ["".join(rng.choice(list(_SIGNS), 9))]) for n in range(80)]
    for number, (kind, ways) in enumerate(asked):
        at = pd.Timestamp("2026-10-02") + pd.Timedelta(minutes=20 * number)
        good = number % 2 == 0
        answer = (GOOD if good else BAD) if kind == "washing" else f"好的第{number}件"
        paid = rng.random() < (0.9 if good else 0.2) if kind == "washing" else number % 2 == 0
        if kind == "height":
            size = "".join(sign for sign in ways[number % len(ways)] if sign.isdigit())
            answer = f"身高{size}的话拿这一码"
        signed = ("", " ——小美", "，客服阿宁")[number // 2 % 3] if kind == "washing" else ""
        beside = (GREETING, CANNED, "")[number % 3]
        lines = [line for line in (ways[number % len(ways)], beside, answer + signed) if line]
        talk = (f"b{number}", f"c{number}", *lines)
        for place, text in enumerate(lines):
            sender = ("buyer", "agent")[min(place, 1)]
            agent = "a1" if place else None
            rows.append(
                (talk[0], agent, sender, at + pd.Timedelta(seconds=30 * place), text, talk[1])
            )
        if kind == "washing":
            text = AGAIN if not good and number % 4 == 1 else "好的"
            rows.append((talk[0], None, "buyer", at + pd.Timedelta(minutes=3), text, talk[1]))
        talks.append((talk[1], talk[0], at, at + pd.Timedelta(minutes=4), bool(paid)))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    agents = {"agent_id": ["a1", "a2"], "name": ["小美", "阿宁"]}
    pl.DataFrame(agents).write_parquet(folder / "agents.parquet")
    bought = {"order_id": ["o1", "o2"], "product_name": GOODS, "category": ["毯子", "枕头"]}
    bought |= {"units": [1, 1], "amount": [99.0, 59.0]}
    pl.DataFrame(bought).write_parquet(folder / "order_lines.parquet")
    names = ["conversation_id", "buyer_id", "started_at", "ended_at", "paid"]
    conversations = pd.DataFrame(talks, columns=names).assign(
        is_inquiry=True, mature=True, category="other"
    )
    shop = open_shop(folder)
    as_of = MonthContext.of(RunParams(), signatures_of(shop)).as_of
    found = answer_bank(
        shop,
        conversations,
        lines_of(shop, conversations, as_of),
        as_of,
        load_lexicon(reader="rules"),
    )
    artifact("answer_bank").write(found, folder / "answer_bank.parquet")
    return found


_SIGNS = (
    "春眠不觉晓处闻啼鸟夜来风雨声花落知多少床前明月光疑是地上霜举头望"
    "低思故乡白日依山尽黄河入海流欲穷千里目更上一层楼"
)


def test_planted_questions_are_found_with_their_buyers(bank):
    assert bank["question"].nunique() == 3
    buyers = dict(zip(bank["asked"], bank["buyers"], strict=True))
    for kind, sign in (("washing", "机洗"), ("invoice", "发票"), ("height", "什么码")):
        (found,) = {n for text, n in buyers.items() if sign in text}
        assert found >= 0.9 * PLANTED[kind][0], kind
        assert found <= PLANTED[kind][0]


def test_goods_and_who_signs_make_no_question_and_no_answer_of_their_own(bank):
    rows = bank[bank["asked"].str.contains("机洗")]
    assert rows["question"].nunique() == 1
    assert rows["answered"].tolist() == [48, 48]


def test_who_asks_again_is_counted_by_answer(bank):
    rows = bank[bank["asked"].str.contains("机洗")]
    poor = rows["answer"].str.startswith(BAD)
    assert rows.loc[poor, "again"].item() == 0.5
    assert 0.3 < rows.loc[poor, "again_low"].item() < 0.5 < rows.loc[poor, "again_high"].item()
    assert rows.loc[~poor, "again"].item() == 0
    assert bank.loc[bank["answer"].isna(), "again"].isna().all()


def test_a_name_that_is_a_word_is_taken_away_only_where_somebody_signs():
    texts = ["Will it shrink", "It won't shrink. Will", "capable of a cap", "洗了会缩吗 王先生"]
    bare = unsigned(texts, ["cap"], ["Will"])
    assert bare == ["will it shrink", "it won't shrink", "capable of a", "洗了会缩吗"]


def test_who_thinks_it_over_asks_nothing(bank):
    assert not bank["asked"].str.contains("再看看|考虑|think|sure").any()


def test_what_few_buyers_asked_is_not_shown(bank):
    shown = " ".join(bank["asked"]) + " ".join(bank["answer"].dropna())
    assert "赵无极" not in shown
    assert "青瓷" not in shown


def test_an_answer_is_one_to_its_question_and_neither_a_greeting_nor_a_canned_line(bank):
    """Each is given to a third of all buyers, more than any answer is."""
    given = bank.loc[bank["asked"].str.contains("机洗"), "answer"]
    assert sorted(text[: len(GOOD)].strip("— ，") for text in given) == sorted([GOOD, BAD])
    assert not bank["answer"].isin([GREETING, CANNED]).any()


def test_an_answer_with_a_number_stands_beside_the_question_with_that_number(bank):
    row = bank[bank["asked"].str.contains("什么码")].iloc[0]
    (height,) = re.findall("[0-9]+", row["asked"])
    assert height in row["answer"]


def test_the_answer_that_goes_with_sales_is_named(bank):
    rows = bank[bank["asked"].str.contains("机洗")]
    rows = rows.set_index(rows["answer"].str.startswith(GOOD).map({True: GOOD, False: BAD}))
    good = rows.loc[GOOD]
    assert good["q_value"] < 0.01
    assert 20 < good["low_pp"] < good["difference_pp"] < good["high_pp"]
    assert rows.loc[BAD, "difference_pp"] < 0


def test_texts_that_only_begin_alike_are_kept_apart():
    texts = ["什么时候发货", "啥时候发货呀", "什么时候上新款", "会掉色吗", "会起球吗", "穿什么码"]
    groups = alike([plain(text) for text in texts], [9, 3, 8, 5, 4, 2])
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 5


NOTHING = (
    *("在吗", "您好", "谢谢", "170", "https://item.example/1", "/:^_^", "有人在吗", "想咨询个问题"),
    *("有个问题想问一下", "我拍了", "已下单", "Hi, anyone there?", "Hello, quick question"),
    *("Thanks, I have ordered it", "Ok, I'll take it"),
)


@pytest.mark.parametrize("text", NOTHING)
def test_lines_that_say_nothing_are_no_question(text):
    assert plain(text) == ""
