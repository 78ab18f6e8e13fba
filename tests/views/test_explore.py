"""What an analyst asks by hand, on the demo shop's run; and the notebook that asks it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from csinsight.contract.domain import BUYER_TYPES, TIERS
from csinsight.errors import ConfigError, RunError
from csinsight.runs.lab import EXPLORE, prepare_lab
from csinsight.runs.month import RunResult
from csinsight.views import explore
from csinsight.views.study import Study, open_study

pytestmark = pytest.mark.xdist_group("demo")
RUN = """
import sys
from pathlib import Path
from csinsight.runs.kernels import run_notebook
run_notebook(Path(sys.argv[1]), Path(sys.argv[2]), {})
"""


@pytest.fixture(scope="module")
def study(demo_run: dict[str, RunResult], demo_folder: Path) -> Study:
    return open_study(demo_folder, demo_run["en"].run)


def test_talks_are_picked_by_everything_asked_for(study: Study) -> None:
    found = explore.conversations(study)
    assert len(found) == len(study.read("conversations"))
    assert explore.pick(found).equals(found)
    some = explore.pick(found, behaviour="offers_alternative", shown=False, outcome="paid")
    assert len(some)
    assert set(some["offers_alternative"]) == {False}
    assert set(some["paid"]) == {True}
    by = {"category": "size", "type": "bargain", "agent_id": str(found["agent_id"].iloc[0])}
    few = explore.pick(found, **by)
    assert all(set(few[name]) <= {value} for name, value in by.items())
    whole = [len(explore.pick(found, outcome=name)) for name in ("paid", "not_paid")]
    assert sum(whole) == found["paid"].notna().sum()
    with pytest.raises(KeyError):
        explore.pick(found, outcome="happy")


def test_a_talk_is_read_masked(study: Study) -> None:
    found = explore.conversations(study)
    chosen = found.sort_values("buyer_messages").iloc[-1]
    talk = explore.read(study, str(chosen["conversation_id"]))
    messages = chosen["buyer_messages"] + chosen["agent_messages"]
    assert len(talk.lines) >= messages
    text = talk.page_html()
    assert str(chosen["buyer_id"]) not in text
    assert not re.search(r"1[3-9][0-9]{9}", text)
    with pytest.raises(RunError, match="no conversation 'x'"):
        explore.read(study, "x")


def test_two_agents_or_months_stand_side_by_side(study: Study) -> None:
    found = explore.conversations(study)
    first, second = found["agent_id"].value_counts().index[:2]
    table = explore.compare(found, "agent_id", [first, second]).set_index("what")
    own = found[(found["agent_id"] == first) & (found["is_inquiry"] == True)]  # noqa: E712
    assert table.loc["paid", first] == pytest.approx(float(own["paid"].mean()), abs=1e-3)
    assert table.loc["paid", f"{first} n"] == own["paid"].notna().sum()
    assert (table[f"{first} low"] <= table[first]).where(table[first].notna(), True).all()
    months = explore.compare(found, "month", ["2026-09", "2026-10"])
    assert (months["2026-10 n"] > 0).any()
    nobody = explore.compare(found, "agent_id", ["nobody"])
    assert nobody["nobody"].isna().all()


def test_thresholds_move_types_and_tiers(study: Study) -> None:
    buyers = study.read("buyer_types")
    sure, loose = explore.types_at(buyers, 0.99), explore.types_at(buyers, 0.0)
    for table in (sure, loose):
        assert table["run"].sum() == table["now"].sum() == len(buyers)
    assert sure["now"][: len(BUYER_TYPES)].sum() < loose["now"][: len(BUYER_TYPES)].sum()
    assert loose.set_index("type").loc["mixed", "now"] == 0
    told = {"vip_share": 0.05, "core_share": 0.2, "potential_share": 0.2}
    same = explore.tiers_at(study, **told)
    assert list(same["tier"]) == list(TIERS)
    assert (same["change"] == 0).all()
    wider = explore.tiers_at(study, **(told | {"vip_share": 0.2})).set_index("tier")
    assert wider.loc["vip", "change"] > 0


@pytest.mark.slow
def test_the_notebooks_stand_on_the_run_and_explore_runs(study: Study, tmp_path: Path) -> None:
    lab = prepare_lab(study.run, tmp_path / "lab")
    path = lab / f"{EXPLORE}.ipynb"
    assert (lab / "07_monthly_brief.ipynb").is_file()
    # In a process of its own: widgets talk to the kernel's client, which tests here share.
    done = tmp_path / "executed.ipynb"
    command = [sys.executable, "-c", RUN, str(path), str(done)]
    subprocess.run(command, check=True, timeout=300)
    cells = nbformat.read(done, as_version=4).cells
    shown = json.dumps([output for cell in cells for output in cell.get("outputs", ())])
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "window.dt_bundle" in shown or "itables" in shown
    own = "".join(cells[-1].outputs[0]["data"]["text/html"])
    names = {study.agent_name(a) for a in study.read("agent_kpis")["agent_id"]}
    assert any(name in own for name in names), "no agent by name, or an empty table"
    assert "Conversation" in own
    assert not re.search(r"[一-鿿]", re.sub("|".join(names), "", own))
    assert not re.search(r'(src|href)=\\"https?://', shown)
    path.write_text("an analyst's work", encoding="utf-8")
    prepare_lab(study.run, lab)
    assert path.read_text(encoding="utf-8") == "an analyst's work"


def test_no_run_or_no_tables_is_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no run's folder"):
        prepare_lab(tmp_path, tmp_path / "lab")
    shutil.copy(study.run / "run.json", tmp_path)
    with pytest.raises(ConfigError, match="say --data"):
        prepare_lab(tmp_path, tmp_path / "lab", tmp_path / "gone")
