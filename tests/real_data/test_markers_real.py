"""Markers against hand-labelled messages, and against five whole Taobao talks read by hand."""

from __future__ import annotations

import json
import sys
import zlib
from datetime import datetime

import polars as pl
import pytest
from tests.contexts import RULES

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.kpis import shop_kpis
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.profiles import load_profile
from csinsight.behaviours.table import SHOWN, mark_table
from csinsight.contract.domain import TIMINGS
from csinsight.engine import open_shop
from csinsight.importers import run_import

pytestmark = pytest.mark.real_data
#: The rules alone: these messages are among what the reader that learns was trained on.
LEXICON = load_lexicon(reader="rules")


#: Least F1 on the second half, below what is measured. It was read by quarters, each measured
#: first (see methods.md), so it is no held-out set any more: this holds what was reached. Markers
#: with under nine cases there are printed and not held to anything.
FLOORS = {
    "greets": 0.90,
    "polite_words": 0.97,
    "apologizes": 0.95,
    # The second set counts a bare 您好 as an answer, this first one did not.
    "curt_reply": 0.85,
    "closes_warmly": 0.95,
    "uses_emoji": 0.97,
    "gives_specifics": 0.85,
    "promises_time": 0.80,
    "offers_alternative": 0.75,
}


@pytest.fixture(scope="module")
def labelled(shared_data):
    text = (shared_data / "marker_labels.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _held_out(row):
    return zlib.crc32(f"{row['source']}/{row['dialogue']}".encode()) % 2 == 1


def _marked(rows):
    lines = [
        (str(number), sender, row[sender])
        for number, row in enumerate(rows)
        for sender in ("buyer", "agent")
    ]
    frame = pl.DataFrame(lines, schema=["conversation_id", "sender", "text"], orient="row")
    return mark_table(frame, LEXICON).filter(pl.col("sender") == "agent")


def _scores(rows):
    """Return cases, precision, recall and F1 of each marker that has cases."""
    marked = _marked(rows)
    scores = {}
    for marker in SHOWN:
        truth = [marker in row["labels"] for row in rows]
        both = sum(a and b for a, b in zip(truth, marked[marker], strict=True))
        said, cases = marked[marker].sum(), sum(truth)
        if cases:
            scores[marker] = cases, both / max(said, 1), both / cases, 2 * both / (said + cases)
    return scores


def test_f1_on_the_second_half(labelled, capsys):
    scores = _scores([row for row in labelled if _held_out(row)])
    table = "\n".join(
        f"{marker:20s} {cases:5d} {precision:9.2f} {recall:6.2f} {f1:5.2f}"
        for marker, (cases, precision, recall, f1) in scores.items()
    )
    with capsys.disabled():
        sys.stdout.write(f"\nmarker               cases precision recall    F1\n{table}\n")
    low = {m: scores[m][3] for m, floor in FLOORS.items() if scores[m][3] < floor}
    assert not low


TALKS = {
    0: ("您想要什么类型的呢", {"asks_needs", "polite_words"}),
    1: ("冬天穿棉质的比较舒适的哦亲", {"gives_specifics"}),
    2: ("亲亲，老人平常是看视频比较多还是拍照比较多呢~", {"asks_needs"}),
    3: ("您需要什么款式呢", {"asks_needs", "polite_words"}),
    4: ("预算多少呢亲", {"asks_needs"}),
}


@pytest.fixture(scope="module")
def uneed(shared_data):
    talks = json.loads((shared_data / "uneed" / "examples.json").read_text(encoding="utf-8"))
    sides = {"用户": "buyer", "客服": "agent"}
    rows = [
        (number, sides[line["sender_type"]], line["send_content"])
        for number, talk in enumerate(talks)
        for line in talk["dialogue"]
    ]
    names = ["conversation_id", "sender", "text"]
    return mark_table(pl.DataFrame(rows, schema=names, orient="row"), LEXICON)


@pytest.mark.parametrize("talk", TALKS)
def test_a_line_of_each_taobao_talk_as_read_by_hand(uneed, talk):
    text, shown = TALKS[talk]
    line = uneed.filter(
        (pl.col("conversation_id") == talk)
        & (pl.col("sender") == "agent")
        & pl.col("text").str.starts_with(text)
    ).row(0, named=True)
    assert {name for name in SHOWN if line[name]} == shown


def test_taobao_talks_as_read_by_hand(uneed):
    agent = uneed.filter(pl.col("sender") == "agent")
    asked = agent.filter("asks_needs").group_by("conversation_id").len().sort("conversation_id")
    # Talk 1: type, and red pimples or whiteheads; 2: material; 3: use, and price; 4: style;
    # 5: drum or impeller, and budget.
    assert asked["len"].to_list() == [2, 1, 2, 1, 2]
    links = agent.filter(pl.col("text") == "仅发送商品链接")
    assert links["recommends"].all()
    others = agent.filter(pl.col("text") != "仅发送商品链接")
    assert others["recommends"].sum() == 1  # 您可以看看这一款呢
    never = ("apologizes", "refuses_flatly", "off_platform", "rude_or_blaming", "asks_for_praise",
             "reminds_payment", "curt_reply", "greets", "closes_warmly")  # fmt: skip
    assert not any(agent[name].any() for name in never)


def test_jd_sessions_have_behaviours_but_no_timings(shared_data, tmp_path):
    file = shared_data / "jddc_raw" / "chat_0.1per.txt"
    run_import("jddc", [file], tmp_path)
    marked = mark_messages(
        ChatSource(open_shop(tmp_path), datetime(2026, 11, 1), 12, RULES, LEXICON)
    )
    table = build_conversations(marked)
    assert len(table) == 994
    for name in ("greets", "polite_words", "curt_reply", "closes_warmly"):
        assert table[name].notna().all()
    for name in (*TIMINGS[:3], "follows_up", "reminds_payment", "paid", "started_at"):
        assert table[name].isna().all()
    # The first session asks to change an order's address, so no order could come of it.
    first = table.set_index("conversation_id").loc["0000b82c62117aa4497508bb1bdfb53a"]
    assert first["category"] == "after_sales"
    assert first[["greets", "apologizes", "closes_warmly"]].tolist() == [True, True, False]
    row = shop_kpis(table, profile=load_profile("jd")).iloc[0]
    assert row["mean_response_s"] is None
    assert row["paid_rate"] is None
