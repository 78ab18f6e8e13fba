"""The plan to take along: no formula, no id of a talk or buyer, the same bytes twice."""

from __future__ import annotations

import base64
import io
import json

import matplotlib.pyplot as plt
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csinsight.coaching.plan import COLUMNS
from csinsight.contract.disputes import reference
from csinsight.render.figure import Picture
from csinsight.views.study import Study
from csinsight.views.workbook import guarded, workbook, write_exports

EVIL = ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠x"]


@pytest.mark.parametrize("text", EVIL)
def test_formulas_are_guarded(text):
    assert guarded(text) == f"'{text}"


#: What shows nothing, or turns the direction of reading.
UNSEEN = " \t\r\n\u00a0\u3000\u200b\ufeff\u202e\u2066\u00ad\u180e\u0000\u007f\u000b"


@given(st.text(UNSEEN, max_size=3), st.text(max_size=6), st.sampled_from("=+-@＝＋－＠"))
def test_whatever_stands_before_or_behind_a_sign_is_guarded(before, rest, sign):
    assert guarded(before + sign + rest).startswith("'")


def test_names_of_columns_are_guarded_as_cells_are():
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    data = pd.DataFrame({"=1+1": ["\u202e=2"]})
    made = base64.b64decode(Picture(figure, "t", "a", "c", data=data, name="n").csv).decode()
    assert made.splitlines() == ["\ufeff'=1+1", "'\u202e=2"]


def test_a_workbook_holds_texts_as_texts():
    made = workbook([("a", ["x", "y"], [[text, 1.5] for text in EVIL])])
    read = pl.read_excel(io.BytesIO(made), sheet_name="a")
    assert read["x"].str.starts_with("'").all()
    assert read["y"].to_list() == [1.5] * len(EVIL)
    assert b"<f>" not in made


@pytest.fixture
def study(tmp_path, demo_folder):
    return Study(demo_folder, tmp_path / "run", shop="demo")


@pytest.fixture
def tables():
    finding = dict.fromkeys(COLUMNS, None) | {
        "agent_id": "=HYPERLINK(1)",
        "rank": 1,
        "behaviour": "recommends",
        "kind": "driver",
        "rate": 0.123456,
        "misses": ["大鱼海棠#1"],
        "evidence": ["大鱼海棠#1"],
    }
    status = {"agent_id": "=HYPERLINK(1)", "inquiries": 75, "status": "recommendations"}
    talk = {
        "agent_id": "=HYPERLINK(1)",
        "behaviour": "recommends",
        "side": "misses",
        "conversation_id": "大鱼海棠#1",
        "sender": "buyer",
        "text": "[昵称]=1",
    }
    follow = {
        "advised_in": "2026-09",
        "month": "2026-10",
        "behaviour": "paid",
        "agent_id": None,
        "before": 0.5,
        "after": 0.6,
        "others": 0.0,
        "change": float("nan"),
        "change_low": float("nan"),
        "change_high": float("nan"),
        "verdict": "not enough evidence",
    }
    return [pd.DataFrame([row]) for row in (finding, status, talk, follow)]


def test_the_same_plan_gives_the_same_bytes(study, tables):
    write_exports(study, *tables)
    first = {p.name: p.read_bytes() for p in (study.run / "exports").iterdir()}
    write_exports(study, *tables)
    assert {p.name: p.read_bytes() for p in (study.run / "exports").iterdir()} == first
    assert set(first) == {"coaching_plan.xlsx", "coaching_plan.json"}


def test_exports_hold_the_plan_and_nobodys_id(study, tables):
    write_exports(study, *tables)
    folder = study.run / "exports"
    plan = json.loads((folder / "coaching_plan.json").read_text(encoding="utf-8"))
    found = plan["agents"][0]["findings"][0]
    assert found["figures"]["rate"] == 0.1235
    assert found["talks"][0]["lines"] == ["buyer: [昵称]=1"]
    assert plan["followed_up"][0]["change"] is None
    sheets = pl.read_excel(folder / "coaching_plan.xlsx", sheet_id=0)
    texts = [str(v) for sheet in sheets.values() for row in sheet.rows() for v in row]
    assert "'=HYPERLINK(1)" in texts
    assert not any("大鱼海棠" in text for text in [*texts, json.dumps(plan, ensure_ascii=False)])
    assert not any(text.startswith(("=", "+", "-", "@")) for text in texts)


def test_every_hit_that_is_too_uncertain_is_listed_and_names_nobody(study, tables):
    found = {"agent_id": "a1", "behaviour": "off_platform", "kind": "to check"}
    found |= {"right": 1.0, "read": 1.0, "misses": ["c1", "c2"]}
    said = {"agent_id": "a1", "behaviour": "off_platform", "side": "misses"}
    sent = pd.Timestamp("2026-10-12 21:03:07")
    said |= {"conversation_id": "c1", "sender": "agent", "marked": True, "sent_at": sent}
    # Of the other one nothing can be read once masked: its time still finds it in the chats.
    lines = [said | {"text": "=加[略]"}, said | {"conversation_id": "c2", "text": None}]
    lines[1]["sent_at"] = sent - pd.Timedelta(days=1)
    write_exports(study, *tables, (pd.DataFrame([found]), pd.DataFrame(lines)))
    file = study.run / "exports" / "coaching_plan.xlsx"
    rows = pl.read_excel(file, sheet_name=study.word("export.sheet_unsure")).rows()
    assert [row[1] for row in rows] == ["2026-10-11 21:03:07", "2026-10-12 21:03:07"]
    assert [row[2] for row in rows] == [reference("c2"), reference("c1")]
    assert rows[0][3] == study.word("export.not_shown")
    assert "加[略]" in rows[1][3]
    assert not any(study.agent_name("a1") in str(cell) for row in rows for cell in row)
