"""Planted questions are found with their buyers, and what few buyers asked is shown to nobody."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.coaching.answer_bank import alike, answer_bank, plain
from csinsight.context import MonthContext
from csinsight.contract.dictionary import artifact
from csinsight.engine import open_shop
from csinsight.features.conversations import lines_of
from csinsight.params import RunParams
from csinsight.segments.signatures import signatures_of

#: Ways to put each planted question, as people do, with how many buyers ask it.
PLANTED = {
    "washing": (60, ["能机洗吗", "你好，请问能机洗吗？", "这个能机洗吗 亲", "可以机洗吗"]),
    "invoice": (30, ["能开发票吗", "请问可以开发票吗", "在吗 能开发票不", "可以开发票的吗"]),
    "height": (45, ["170穿什么码", "165 穿什么码呢", "我175，穿什么码？", "身高168穿什么码"]),
    "rare": (4, ["赵无极先生定的青瓷餐具到货了吗"]),
}
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
        beside = (GREETING, CANNED, "")[number % 3]
        lines = [line for line in (ways[number % len(ways)], beside, answer) if line]
        talk = (f"b{number}", f"c{number}", *lines)
        for place, text in enumerate(lines):
            sender = ("buyer", "agent")[min(place, 1)]
            agent = "a1" if place else None
            rows.append(
                (talk[0], agent, sender, at + pd.Timedelta(seconds=30 * place), text, talk[1])
            )
        talks.append((talk[1], talk[0], at, at + pd.Timedelta(minutes=1), bool(paid)))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
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


def test_what_few_buyers_asked_is_not_shown(bank):
    shown = " ".join(bank["asked"]) + " ".join(bank["answer"].dropna())
    assert "赵无极" not in shown
    assert "青瓷" not in shown


def test_an_answer_is_one_to_its_question_and_neither_a_greeting_nor_a_canned_line(bank):
    """Each is given to a third of all buyers, more than any answer is."""
    assert set(bank.loc[bank["asked"].str.contains("机洗"), "answer"]) == {GOOD, BAD}
    assert not bank["answer"].isin([GREETING, CANNED]).any()


def test_an_answer_with_a_number_stands_beside_the_question_with_that_number(bank):
    row = bank[bank["asked"].str.contains("什么码")].iloc[0]
    (height,) = re.findall("[0-9]+", row["asked"])
    assert height in row["answer"]


def test_the_answer_that_goes_with_sales_is_named(bank):
    rows = bank[bank["asked"].str.contains("机洗")].set_index("answer")
    good = rows.loc[GOOD]
    assert good["q_value"] < 0.01
    assert 20 < good["low_pp"] < good["difference_pp"] < good["high_pp"]
    assert rows.loc[BAD, "difference_pp"] < 0


def test_texts_that_only_begin_alike_are_kept_apart():
    texts = ["什么时候发货", "啥时候发货呀", "什么时候上新款", "会掉色吗", "会起球吗", "穿什么码"]
    groups = alike([plain(text) for text in texts], [9, 3, 8, 5, 4, 2])
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 5


@pytest.mark.parametrize("text", ["在吗", "您好", "谢谢", "170", "https://item.example/1", "/:^_^"])
def test_lines_that_say_nothing_are_no_question(text):
    assert plain(text) == ""
