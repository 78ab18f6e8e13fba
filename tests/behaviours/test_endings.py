"""What lost inquiries ended on: chats by hand, the lexicon's examples, a world that says why."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from csinsight.behaviours.conversations import build_conversations, mark_messages
from csinsight.behaviours.endings import (
    ending_lexicon,
    last_lines,
    long_wait,
    lost_inquiries,
    read_endings,
)
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.context import MonthContext
from csinsight.contract.domain import ENDINGS
from csinsight.engine import open_shop
from csinsight.features.conversations import lines_of, with_turns
from csinsight.params import RunParams
from csinsight.segments.signatures import signatures_of
from csinsight.simulate import simulate

RULES = load_lexicon(reader="rules")
MINUTE = 60_000


def _read(talks, **told):
    """Read chats written as (side, minute, text) by name."""
    rows = [
        (name, "buyer" if side == "b" else "agent", text, minute * MINUTE)
        for name, lines in talks.items()
        for side, minute, text in lines
    ]
    names = ["conversation_id", "sender", "text", "sent_at_ms"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_row_index("message_no")
    return read_endings(last_lines(with_turns(nw.from_native(frame.lazy()))), RULES, **told)


def test_each_way_to_end_is_told_from_the_others():
    ask, answer = ("b", 0, "这款什么材质"), ("a", 1, "纯棉的")
    found = _read(
        {
            "price": [ask, answer, ("b", 2, "有点贵 算了")],
            "price_2": [ask, answer, ("b", 2, "能少10块吗"), ("a", 3, "已经是活动价"), ("b", 4, "哦")],  # noqa: E501
            "stock": [("b", 0, "M码还有吗"), ("a", 1, "M码卖完了哦"), ("b", 2, "好吧")],
            "size": [ask, answer, ("b", 2, "拿不准穿多大的码"), ("a", 3, "详情页有尺码表")],
            "quality": [ask, answer, ("b", 2, "评价说会掉色 不太放心")],
            "shipping": [ask, answer, ("b", 2, "要五天啊 来不及了")],
            "wait": [("b", 0, "能用券吗"), ("a", 20, "可以的")],
            "wait_2": [ask, answer, ("b", 2, "怎么半天不回")],
            "no_answer": [ask, answer, ("b", 2, "能送人吗"), ("b", 9, "人呢")],
            "no_answer_2": [ask, answer, ("b", 2, "能送人吗"), ("a", 3, "稍等 我去问一下")],
            "no_way_out": [("b", 0, "可以换扣子吗"), ("a", 1, "不行的"), ("b", 2, "好吧")],
            "undecided": [ask, answer, ("b", 2, "我再看看"), ("a", 30, "亲，还在看吗"), ("b", 31, "在")],  # noqa: E501
            "silent": [ask, answer, ("b", 2, "好的 谢谢"), ("a", 3, "祝您生活愉快")],
        }
    )  # fmt: skip
    assert found["reason"].to_dict() == {name: name.removesuffix("_2") for name in found.index}
    assert found["no_way_out"][lambda shown: shown].index.tolist() == ["no_way_out", "stock"]


def test_a_wait_as_everybody_has_it_in_a_slow_shop_is_no_reason():
    talks = {
        "like_all": [("b", 0, "能用券吗"), ("a", 15, "可以的")],
        "longer": [("b", 0, "能用券吗"), ("a", 45, "可以的")],
        "complains": [("b", 0, "能用券吗"), ("a", 15, "可以的"), ("b", 16, "怎么半天不回")],
    }
    quick = pd.DataFrame({"first_response_talk_s": [30.0, 60.0, 900.0]})
    slow = pd.DataFrame({"first_response_talk_s": [600.0, 720.0, 900.0]})
    read = [_read(talks, long_wait_s=long_wait(shop))["reason"].to_dict() for shop in (quick, slow)]
    assert read[0] == dict.fromkeys(talks, "wait")
    assert read[1] == {"like_all": "silent", "longer": "wait", "complains": "wait"}


def test_giving_up_is_no_thinking_it_over_and_an_extra_is_about_the_price():
    ask, answer = ("b", 0, "这款什么材质"), ("a", 1, "纯棉的")
    found = _read(
        {
            "silent": [ask, answer, ("b", 2, "那算了")],
            "silent_2": [
                ("b", 0, "Is it cotton?"),
                ("a", 1, "Yes, it is."),
                ("b", 2, "never mind"),
            ],
            "undecided": [ask, answer, ("b", 2, "那算了 我再想想")],
            "price": [ask, answer, ("b", 2, "没券送个赠品也行啊"), ("a", 3, "目前就是这个价哦")],
        }
    )
    assert found["reason"].to_dict() == {name: name.removesuffix("_2") for name in found.index}


def test_english_chats_are_read_too():
    ask, answer = ("b", 0, "What is it made of?"), ("a", 1, "It is pure cotton.")
    found = _read(
        {
            "price": [ask, answer, ("b", 2, "That's a bit too expensive for me")],
            "stock": [("b", 0, "Do you have it in blue?"), ("a", 1, "Sorry, blue is sold out.")],
            "no_answer": [ask, answer, ("b", 2, "Can you gift wrap it?")],
            "undecided": [ask, answer, ("b", 2, "Let me think about it")],
            "silent": [ask, answer, ("b", 2, "ok thanks")],
        }
    )
    assert found["reason"].to_dict() == {name: name for name in found.index}


@pytest.mark.parametrize("name", ending_lexicon().markers)
def test_examples_of_every_marker(name):
    marker = ending_lexicon().markers[name]
    told = [(text, True) for text in marker.examples.match]
    told += [(text, False) for text in marker.examples.no_match]
    rows = [(str(n), marker.side, text, 1) for n, (text, _) in enumerate(told)]
    names = ["conversation_id", "sender", "text", "turn_no"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        pl.col("text").str.normalize("NFKC")
    )
    marked = mark(nw.from_native(frame.lazy()), ending_lexicon()).collect().to_native()
    shown = marked.sort(pl.col("conversation_id").cast(int))[name].to_list()
    assert [text for (text, want), got in zip(told, shown, strict=True) if want is not got] == []


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A world whose lost inquiries say what they end on, beside what was read."""
    folder = tmp_path_factory.mktemp("losses")
    size = {"buyers": 700, "agents": 8, "conversations": 1800, "months": 2}
    truth = simulate(folder, seed=7, scenario="losses", **size).conversations.to_pandas()
    shop = open_shop(folder)
    context = MonthContext.of(RunParams(), signatures_of(shop))
    chats = replace(context.chats(shop, months=2), lexicon=RULES)
    talks = build_conversations(mark_messages(chats))
    lost = lost_inquiries(talks)
    read = read_endings(last_lines(lines_of(shop, lost, context.as_of)), RULES)
    keys = ["buyer_id", "started_at"]
    found = lost.merge(truth[[*keys, "ended_on"]], on=keys).join(read, on="conversation_id")
    return found[found["ended_on"].notna()]


def test_planted_reasons_are_recovered(planted):
    assert len(planted) > 500
    assert set(planted["ended_on"]) == set(ENDINGS)
    # Who leaves in silence, or to think, may have haggled before: then the price is read.
    said = planted[~planted["ended_on"].isin(["silent", "undecided"])]
    assert (said["ended_on"] == said["reason"]).mean() > 0.85
    for name, rows in said.groupby("ended_on"):
        assert (rows["reason"] == name).mean() > 0.6, name


def test_planted_shares_are_recovered(planted):
    told = pd.DataFrame(
        {c: planted[c].value_counts(normalize=True) for c in ("ended_on", "reason")}
    ).fillna(0)
    assert (told["ended_on"] - told["reason"]).abs().max() < 0.07
