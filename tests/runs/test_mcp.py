"""A finished run is asked by the protocol's own client, over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.tables import complete

from csinsight.contract.dictionary import artifact
from csinsight.errors import RunError
from csinsight.runs.mcp import FinishedRun

pytestmark = pytest.mark.skipif(
    find_spec("mcp") is None, reason='pip install "csinsight[mcp]" to ask a run'
)
SECONDS = 120


def _write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    artifact(name).write(complete(name, frame), folder / "artifacts" / f"{name}.parquet")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for month, paid in (("2026-09", 0.40), ("2026-10", 0.52)):
        folder = tmp_path / "runs/toy" / month
        folder.mkdir(parents=True)
        state = {"status": "done", "run_id": f"{month}-abc123"}
        (folder / "run.json").write_text(json.dumps(state), encoding="utf-8")
        figures = {
            "paid_rate": [paid],
            "paid_rate_low": [paid - 0.02],
            "paid_rate_high": [paid + 0.02],
        }
        _write(folder, "shop_kpis", pd.DataFrame(figures))
        agents = {name: values * 2 for name, values in figures.items()}
        _write(folder, "agent_kpis", pd.DataFrame({"agent_id": ["a2", "a1"], **agents}))
        said = {"agent_id": ["a1"] * 2, "behaviour": ["greets"] * 2, "side": ["hits"] * 2}
        said |= {"conversation_id": ["buyer77#1"] * 2, "sender": ["buyer", "agent"]}
        _write(folder, "coaching_excerpts", pd.DataFrame(said | {"text": ["在吗", "您好 [姓名]"]}))
        lost = {"reason": ["price"] * 2, "conversation_id": ["buyer88#4"] * 2}
        lost |= {"sender": ["buyer", "agent"], "text": ["太贵了 [电话]", "已是最低"]}
        _write(folder, "lost_excerpts", pd.DataFrame(lost))
        (folder / "facts").mkdir()
        fact = json.dumps({"finding": "52% paid"})
        (folder / "facts" / "03_agent_kpis.json").write_text(fact, encoding="utf-8")
    return tmp_path / "runs/toy"


def _ask(folder: Path, *questions: tuple[str, dict[str, Any]]) -> list[Any]:
    """Start the command as a client would, and ask; text of an error where the tool fails."""
    import mcp
    from mcp.client.stdio import stdio_client

    code = "from csinsight.cli import main; main()"
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-c", code, "mcp", str(folder)], env=dict(os.environ)
    )

    async def talk() -> list[Any]:
        # Its default is what stderr was when it was first imported, which may be no file by now.
        async with mcp.Client(stdio_client(command, errlog=sys.__stderr__)) as client:
            tools = (await client.list_tools()).tools
            answers: list[Any] = [{tool.name: tool for tool in tools}]
            for name, told in questions:
                found = await client.call_tool(name, told)
                text = found.content[0].text
                answers.append(text if found.is_error else json.loads(text))
            return answers

    # In a thread: where a browser was driven before, this one has a loop that runs already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(asyncio.wait_for(talk(), SECONDS))).result()


@pytest.mark.slow
def test_a_run_is_asked_over_stdio(runs: Path) -> None:
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    tools, figures, months, agents, read, lost, none, findings, unknown = _ask(
        runs / "2026-10",
        ("list_figures", {}),
        ("compare_months", {"figure": "paid_rate", "months": ["2026-09", "2026-10"]}),
        ("compare_agents", {"figure": "paid_rate"}),
        ("read_conversations", {"behaviour": "greets"}),
        ("read_lost_inquiries", {"reason": "price", "most": 3}),
        ("read_lost_inquiries", {"reason": "weather"}),
        ("list_findings", {}),
        ("compare_agents", {"figure": "paid_rat"}),
    )
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools.values())
    assert {figures["run"], months["run"], agents["run"], read["run"]} == {"2026-10-abc123"}
    assert figures["page"] == agents["page"] == "03_agent_kpis.html"
    paid = next(f for f in figures["figures"] if f["name"] == "paid_rate")
    assert (paid["value"], paid["low"], paid["high"]) == (0.52, 0.5, 0.54)
    assert paid["meaning"] and paid["unit"] == "share"
    assert [m["value"] for m in months["months"]] == [0.4, 0.52]
    assert [m["run"] for m in months["months"]] == ["2026-09-abc123", "2026-10-abc123"]
    assert [a["agent_id"] for a in agents["agents"]] == ["a1", "a2"]
    assert read["conversations"][0]["lines"][1] == {"sender": "agent", "text": "您好 [姓名]"}
    assert "buyer77" not in json.dumps(read)
    assert (lost["page"], lost["run"]) == ("09_lost_inquiries.html", "2026-10-abc123")
    assert [line["text"] for line in lost["conversations"][0]["lines"]] == [
        "太贵了 [电话]",
        "已是最低",
    ]
    assert "buyer88" not in json.dumps(lost)
    assert "price" in none
    assert findings["findings"] == [{"page": "03_agent_kpis.html", "finding": "52% paid"}]
    assert "paid_rate" in unknown
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run"):
        FinishedRun(tmp_path)
    (tmp_path / "run.json").write_text('{"status": "failed"}', encoding="utf-8")
    with pytest.raises(RunError, match="has not ended well"):
        FinishedRun(tmp_path)
    (tmp_path / "run.json").write_text('{"status": "do', encoding="utf-8")
    with pytest.raises(RunError, match=r"run\.json: is broken; make the month anew"):
        FinishedRun(tmp_path)


def test_months_outside_the_shop_are_not_read(runs: Path) -> None:
    with pytest.raises(Exception, match="YYYY-MM"):
        FinishedRun(runs / "2026-10").compare_months("paid_rate", ["../../elsewhere"])
