"""What inquiries open with that no rule names: how many, and the words of enough buyers, masked."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
from tests import asked

from csinsight.behaviours.conversations import build_conversations, mark_messages
from csinsight.coaching.unnamed_openings import Unnamed, unnamed_openings
from csinsight.context import MonthContext
from csinsight.engine import open_shop
from csinsight.params import RunParams
from csinsight.segments.signatures import load_signatures
from csinsight.views import kpi_figures
from csinsight.views.sample import sample_study

#: Openings, how many buyers write each; of the first three no rule knows what they are about.
OPENINGS = {"开卡卡在第三步": 8, "灯座是旋口的那种": 6, "青瓷那件归我": 4, "能便宜点吗": 9}


def found_in(folder: Path, additions: str = "") -> Unnamed:
    """Return what is found in a shop of these openings, with the shop's own words."""
    at, rows = datetime(2026, 10, 3, 10), []
    for text, n in OPENINGS.items():
        for k in range(n):
            buyer, when = f"{text}{k}", at + timedelta(minutes=20 * len(rows))
            rows.append((buyer, None, "buyer", when, text))
            rows.append((buyer, "a1", "agent", when + timedelta(seconds=30 + k), f"好的 第{k}位"))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    data = asked.write(folder, pl.DataFrame(rows, schema=names, orient="row"))
    if additions:
        (data / "behaviours.yml").write_text(additions, encoding="utf-8")
    context = MonthContext.of(RunParams(month="2026-10"), load_signatures(), data)
    marked = mark_messages(context.chats(open_shop(data)))
    return unnamed_openings(marked, build_conversations(marked))


def test_what_enough_buyers_open_with_is_listed_most_first(tmp_path: Path) -> None:
    found = found_in(tmp_path / "shop")
    assert (found.inquiries, found.of) == (18, 27)
    rows = list(found.openings.itertuples(index=False, name=None))
    assert rows == [("开卡卡在第三步", 8), ("灯座是旋口的那种", 6)]


def test_words_that_the_shop_adds_take_them_out(tmp_path: Path) -> None:
    own = "additions:\n  about_after_sales:\n    patterns: ['卡在第']\n"
    found = found_in(tmp_path / "shop", own)
    assert (found.inquiries, found.of) == (10, 19)
    assert found.openings["opening"].tolist() == ["灯座是旋口的那种"]


def test_the_page_says_how_many_and_shows_no_mark_up_of_a_buyer() -> None:
    study, none = sample_study(), pd.DataFrame({"opening": [], "buyers": []})
    listed = pd.DataFrame({"opening": ["<b>开卡</b>卡住"], "buyers": [7]})
    shown = kpi_figures.unnamed(study, Unnamed(30, 120, listed))
    assert "30 of 120 inquiries (25.0%)" in shown.caption.replace("\xa0", " ")
    assert "&lt;b&gt;开卡" in shown._repr_html_()
    assert "<b>开卡" not in shown._repr_html_()
    few = kpi_figures.unnamed(study, Unnamed(3, 120, none))
    assert "none is shown" in few._repr_html_()
    assert "every inquiry" in kpi_figures.unnamed(study, Unnamed(0, 0, none))._repr_html_()
