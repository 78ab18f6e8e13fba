"""Marking is a matter of the message and the buyer's lines before it, of nothing else."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.behaviours.hits import find_hits
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import MIN_OTHERS, mark
from csinsight.behaviours.table import SHOWN, mark_table
from csinsight.errors import DataError

LEXICON = load_lexicon(reader="rules")
TEXTS = [
    "您好,请问有什么可以帮您的吗?",
    "今天还能发货吗",
    "可以的",
    "太贵了 便宜点吧",
    "没有的",
    "一分钱一分货的亲",
    "好的#E-s[数字x]",
    "怎么还没发货啊 急死了",
    "理解您的心情,非常抱歉",
    "48小时内发出",
    "Sorry, it takes 3-5 days",
    "",
]
lines = st.tuples(st.sampled_from(["buyer", "agent", "bot", "system"]), st.sampled_from(TEXTS))
talk = st.lists(lines, min_size=1, max_size=6)


def _table(talks):
    rows = [(f"c{i}", sender, text) for i, talk in enumerate(talks) for sender, text in talk]
    return pl.DataFrame(rows, schema=["conversation_id", "sender", "text"], orient="row")


def _marks(frame):
    return mark_table(frame, LEXICON).select(SHOWN).drop("repeats_canned").rows()


# One marking costs the same for many talks as for one: few examples of many talks each.
talks = st.lists(talk, min_size=1, max_size=25)


@settings(max_examples=6, deadline=None)
@given(talks, talks)
def test_other_conversations_change_nothing(first, second):
    together = _marks(_table([*first, *second]))
    assert together == _marks(_table(first)) + _marks(_table(second))


@settings(max_examples=6, deadline=None)
@given(talks, st.randoms())
def test_interleaved_conversations_are_told_apart(told, rng):
    frame = _table(told)
    places = iter(range(frame.height))
    waiting = [[next(places) for _ in lines] for lines in told]
    mixed = []
    while waiting := [lines for lines in waiting if lines]:
        mixed.append(rng.choice(waiting).pop(0))
    expected = _marks(frame)
    assert _marks(frame[mixed]) == [expected[i] for i in mixed]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=30))
@settings(max_examples=8, deadline=None)
def test_null_off_the_agent_and_never_on_blank_text(texts):
    said = [[("buyer", t), ("agent", "  \n\t "), ("system", t), ("agent", "")] for t in texts]
    rows = mark_table(_table(said), LEXICON).select(SHOWN).rows()
    assert {cell for row in rows[::2] for cell in row} == {None}
    assert not any(cell for row in rows[1::2] for cell in row)


@given(st.text(max_size=60), st.sampled_from(LEXICON.ids("agent")))
@settings(max_examples=60, deadline=None)
def test_hits_lie_within_the_text(text, marker):
    for start, end in find_hits(text, marker, LEXICON):
        assert 0 <= start < end <= len(text)


@pytest.fixture(scope="module")
def marked():
    frame = pl.DataFrame(
        [(str(i), "agent", text, 1) for i, text in enumerate(TEXTS)],
        schema=["conversation_id", "sender", "text", "turn_no"],
        orient="row",
    )
    return mark(nw.from_native(frame.lazy()), LEXICON).collect().to_native()


@pytest.mark.parametrize("marker", LEXICON.ids("agent"))
def test_what_is_marked_has_hits(marker, marked):
    for text, shown in marked.select("text", marker).iter_rows():
        if shown:
            assert find_hits(text, marker, LEXICON)


def test_full_width_text_is_read_as_half_width():
    frame = _table([[("agent", "您好！４８小时内发货")], [("agent", "您好!48小时内发货")]])
    first, second = _marks(frame)
    assert first == second
    assert mark_table(frame, LEXICON)["text"].to_list() == frame["text"].to_list()


def test_the_answer_is_read_with_the_buyers_last_run_only():
    frame = _table(
        [
            [("buyer", "今天能发货吗"), ("agent", "可以的")],
            [("buyer", "今天能发货吗"), ("agent", "稍等"), ("buyer", "好"), ("agent", "可以的")],
            [("buyer", "今天能发货吗"), ("bot", "请稍候"), ("buyer", "在吗"), ("agent", "可以的")],
        ]
    )
    shown = mark_table(frame, LEXICON).filter(pl.col("text") == "可以的")["promises_time"]
    assert shown.to_list() == [True, False, True]


def test_order_of_the_table_is_kept_where_times_say_otherwise():
    frame = pl.DataFrame(
        {
            "sender": ["agent", "buyer"],
            "text": ["可以的", "今天能发货吗"],
            "sent_at": ["2026-10-01 10:01:00", "2026-10-01 10:00:00"],
            "extra": [1, 2],
        }
    )
    marked = mark_table(frame, LEXICON)
    assert marked.columns == [*frame.columns, *SHOWN]
    assert marked["promises_time"].to_list() == [True, None]
    untimed = mark_table(frame.drop("sent_at"), LEXICON)
    assert untimed["promises_time"].to_list() == [False, None]


TEMPLATE_REPLY = "亲,由于咨询量较大,请查看页面上的说明,我们会统一回复大家"


def test_canned_text_is_one_that_many_talks_share_and_that_answers_nothing():
    asked = [[("buyer", "穿多大码合适"), ("agent", TEMPLATE_REPLY)]] * (MIN_OTHERS + 1)
    fewer = mark_table(_table(asked[1:]), LEXICON)["repeats_canned"].drop_nulls()
    many = mark_table(_table(asked), LEXICON)["repeats_canned"].drop_nulls()
    assert (set(fewer), set(many)) == ({False}, {True})
    answers = [[("buyer", "穿多大码合适"), ("agent", TEMPLATE_REPLY + "尺码")]] * (MIN_OTHERS + 1)
    assert not mark_table(_table(answers), LEXICON)["repeats_canned"].any()
    within = _table([[("buyer", "穿多大码合适"), ("agent", TEMPLATE_REPLY)] * (MIN_OTHERS + 1)])
    assert not mark_table(within, LEXICON)["repeats_canned"].any()


def test_faults_of_a_table_are_named():
    with pytest.raises(DataError, match="no column `text`"):
        mark_table(pl.DataFrame({"sender": ["agent"]}), LEXICON)
    with pytest.raises(DataError, match="message 2, column sender: 'seller' is none of buyer"):
        mark_table(pl.DataFrame({"sender": ["agent", "seller"], "text": ["a", "b"]}), LEXICON)


def test_an_empty_table_stays_empty():
    frame = pl.DataFrame(schema={"sender": pl.String, "text": pl.String})
    marked = mark_table(frame, LEXICON)
    assert (marked.height, marked.columns) == (0, [*frame.columns, *SHOWN])
