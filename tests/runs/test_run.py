"""A whole run over tiny notebooks: whole reports, resumed work, clear failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from csinsight.errors import ContractError, LockedError, NotebookError, PlanError
from csinsight.params import NOTEBOOKS, RunParams
from csinsight.runs import kernels
from csinsight.runs.month import RunResult, run_month
from csinsight.runs.state import locked, runs

Make = Callable[..., Path]
PARAMS = RunParams(shop="toy {x}", lang="en")


@pytest.fixture
def run(toy_shop: Path, tmp_path: Path) -> Callable[..., RunResult]:
    def runner(notebooks: Path, params: RunParams = PARAMS, **told: object) -> RunResult:
        out = tmp_path / "out"
        return run_month(toy_shop, params, out, notebooks=notebooks, **told)  # type: ignore[arg-type]

    return runner


RUNNER = """
import signal, sys
from pathlib import Path
from csinsight import cli
from csinsight.params import RunParams
from csinsight.runs import kernels
from csinsight.runs.month import run_month
kernels.worker_count = lambda: 1  # one is enough to be killed
signal.signal(signal.SIGTERM, cli._stop)
shop, out, notebooks = map(Path, sys.argv[1:])
run_month(shop, RunParams(shop="toy", lang="en"), out, notebooks=notebooks)
"""


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_run_makes_every_page_and_the_next_skips_what_is_done(
    run: Callable[..., RunResult], toy_notebooks: Make
) -> None:
    first = run(toy_notebooks())
    month = first.report.parent
    pages = {path.stem for path in month.glob("*.html")}
    cards = {page for page in pages if page.startswith("06")}
    assert pages - cards == {"index", *NOTEBOOKS} - {"06_agent_card"}
    assert len(cards) == 2
    assert first.left_out == {}
    before = _files(month.parent)
    again = run(toy_notebooks())
    assert again.executed == ()
    assert set(again.skipped) == pages - {"index"}
    assert _files(month.parent) == before
    told = json.loads((first.run / "run.json").read_text(encoding="utf-8"))
    assert told["status"] == "done"
    assert set(told["inputs"]) == {"page_views.csv", "orders.csv", "messages.csv"}
    step = told["steps"]["03_agent_kpis"]
    assert "artifacts/agent_kpis.parquet" in step["outputs"]
    index = first.report.read_text(encoding="utf-8")
    assert all(f'href="{card}.html"' in index for card in cards)

    # A changed table is made again, with all that builds on it, and comes out the same.
    (first.run / "artifacts" / "agent_kpis.parquet").write_bytes(b"changed by hand")
    mended = run(toy_notebooks())
    assert mended.executed == ("03_agent_kpis",)
    assert _files(month.parent) == before


@pytest.mark.slow
def test_the_same_inputs_in_another_place_give_the_same_bytes(
    toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    made = []
    for name in ("a", "b"):
        out = tmp_path / name
        result = run_month(toy_shop, PARAMS, out, notebooks=toy_notebooks())
        index = (out / "reports" / PARAMS.shop / "index.html").read_bytes()
        made.append((index, _files(result.report.parent), _files(result.run / "artifacts")))
    assert made[0] == made[1]


def test_a_failure_names_notebook_cell_and_cause_and_leaves_the_last_report(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    good = run(toy_notebooks(), only=("00",))
    before = _files(good.report.parent)
    broken = toy_notebooks(n01=["ok = 1", "ok / 0  # why\nok"])
    with pytest.raises(NotebookError) as failure:
        run(broken)
    said = str(failure.value)
    assert (
        said
        == "01_buyer_types: cell 5 failed (`ok / 0  # why`)\nZeroDivisionError: division by zero"
    )
    assert _files(good.report.parent) == before
    told = json.loads((good.run / "run.json").read_text(encoding="utf-8"))
    assert told["status"] == "failed"
    assert told["steps"]["01_buyer_types"]["status"] == "failed"
    newest = runs(tmp_path / "out")[0]
    assert (newest.status, newest.why) == ("failed", said)
    assert run(toy_notebooks(), only=("01",)).executed == ("01_buyer_types",)


def test_what_is_left_out_is_on_the_index_with_its_reason(
    run: Callable[..., RunResult], toy_notebooks: Make, toy_shop: Path
) -> None:
    (toy_shop / "messages.csv").unlink()
    (toy_shop / "page_views.csv").unlink()
    noting = ["study.leave_out('no <b>refunds</b> known')"]
    result = run(toy_notebooks(n02=noting), RunParams(shop="toy", lang="zh"))
    index = result.report.read_text(encoding="utf-8")
    assert "没有可用的浏览记录" in index
    assert "没有可用的聊天记录" in index
    assert "no &lt;b&gt;refunds&lt;/b&gt; known" in index
    assert "00_data_check 的标题" in (result.report.parent / "00_data_check.html").read_text(
        encoding="utf-8"
    )
    assert not (result.report.parent / "03_agent_kpis.html").exists()


@pytest.mark.slow
def test_what_an_earlier_run_made_of_a_table_that_is_gone_is_gone_too(
    run: Callable[..., RunResult], toy_notebooks: Make, toy_shop: Path
) -> None:
    drivers = [
        "import pandas as pd",
        "from csinsight.contract.dictionary import artifact",
        "names = [column.name for column in artifact('drivers').columns]",
        "study.write('drivers', pd.DataFrame(columns=names))",
    ]
    asking = ["study.write_facts({'stale': study.has('drivers')})"]
    folder = toy_notebooks(n04=drivers, n07=asking)
    stale = run(folder, only=("07",)).run / "artifacts" / "drivers.parquet"
    assert stale.is_file()
    (toy_shop / "orders.csv").unlink()
    result = run(folder, only=("07",))
    assert not stale.exists()
    facts = (result.run / "facts" / "07_monthly_brief.json").read_text(encoding="utf-8")
    assert json.loads(facts)["stale"] is False


def test_notebooks_do_not_see_each_others_names(
    run: Callable[..., RunResult], toy_notebooks: Make
) -> None:
    notebooks = toy_notebooks(n00=["left_behind = 1"], n01=["left_behind"])
    with pytest.raises(NotebookError, match="NameError: name 'left_behind'"):
        run(notebooks, only=("01",))


def test_a_part_does_not_replace_a_fuller_report(
    run: Callable[..., RunResult], toy_notebooks: Make, toy_shop: Path
) -> None:
    full = run(toy_notebooks(), only=("01",))
    before = _files(full.report.parent)
    with (toy_shop / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("o2,b2,2026-10-05T11:00:00,,100,90,1\n")
    part = run(toy_notebooks(), only=("00",))
    assert not part.published
    assert _files(full.report.parent) == before


def test_faults_stop_a_run_before_it_starts(
    run: Callable[..., RunResult], toy_notebooks: Make, toy_shop: Path
) -> None:
    with (toy_shop / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("o2,b2,2026-10-05T11:00:00,,abc,90,1\n")
    with pytest.raises(ContractError, match=r"orders\.csv, row 3, column list_amount"):
        run(toy_notebooks())


def test_a_parameter_that_does_not_fit_stops_a_run_before_it_starts(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    folder = toy_notebooks()
    path = folder / "07_monthly_brief.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("lang:", "langg:"), encoding="utf-8")
    with pytest.raises(PlanError, match="did you mean `lang`"):
        run(folder)
    assert not (tmp_path / "out" / "runs" / PARAMS.shop / "2026-10" / "notebooks").exists()


def test_two_runs_of_a_month_at_once_are_one_too_many(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    lock = tmp_path / "out" / "runs" / PARAMS.shop / "2026-10" / ".lock"
    with locked(lock), pytest.raises(LockedError, match="another run"):
        run(toy_notebooks())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_the_last_report_and_the_next_completes(
    run: Callable[..., RunResult],
    toy_notebooks: Make,
    toy_shop: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    params = RunParams(shop="toy", lang="en")
    good = run(toy_notebooks(), params, only=("00",))
    before = _files(good.report.parent)
    mark = tmp_path / "pid"
    slow = [
        f"import os, time, pathlib\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(99)"
    ]
    folder = toy_notebooks(n01=slow)
    argv = [sys.executable, "-c", RUNNER, str(toy_shop), str(tmp_path / "out"), str(folder)]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    _wait(lambda: mark.is_file() and mark.read_text() != "", 180)
    process.send_signal(number)
    process.wait(30)
    assert _files(good.report.parent) == before
    kernel = int(mark.read_text())
    _wait(lambda: not _is_alive(kernel), 20)
    stopped = runs(tmp_path / "out")[0]
    assert stopped.status == ("stopped" if number == signal.SIGKILL else "failed")
    assert "01_buyer_types" in run(toy_notebooks(), params, only=("01",)).executed


def _wait(ready: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child whose parent is gone may wait as a zombie for whoever takes it over.
    status = Path(f"/proc/{pid}/status")
    return not (status.is_file() and "State:\tZ" in status.read_text(encoding="utf-8"))


DRIVERS = """import pandas as pd
from csinsight.contract.dictionary import artifact
names = [column.name for column in artifact('drivers').columns]
study.write('drivers', pd.DataFrame(columns=names))"""


@pytest.fixture
def two_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two notebooks at once, whatever the machine has."""
    monkeypatch.setattr(kernels, "worker_count", lambda: 2)


@pytest.mark.usefixtures("two_kernels")
def test_coaching_does_not_wait_for_what_follows_on_the_drivers(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    mark = tmp_path / "coached"
    wait = f"""import pathlib, time
end = time.monotonic() + 60
while not pathlib.Path({str(mark)!r}).exists():
    assert time.monotonic() < end, "coaching waits"
    time.sleep(0.05)"""
    coach = f"import pathlib; pathlib.Path({str(mark)!r}).write_text(str(study.has('drivers')))"
    done = run(toy_notebooks(n04=[DRIVERS, wait], n05=[coach]))
    assert mark.read_text() == "True"
    assert {"04_conversion_drivers", "05_coaching"} <= set(done.executed)


@pytest.mark.usefixtures("two_kernels")
def test_what_began_on_the_drivers_of_a_notebook_that_fails_later_is_not_published(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    fails = toy_notebooks(n04=[DRIVERS, "import time; time.sleep(1)", "1 / 0"])
    with pytest.raises(NotebookError, match="04_conversion_drivers"):
        run(fails)
    assert not list((tmp_path / "out" / "reports").rglob("05_coaching.html"))
    again = run(toy_notebooks(n04=[DRIVERS, "import time; time.sleep(1)"]))
    # Its key tells of the notebook that it builds on: what it found then is not taken for done.
    assert {"04_conversion_drivers", "05_coaching"} <= set(again.executed)


@pytest.mark.timeout(120)
def test_nothing_waits_for_tables_that_a_notebook_did_not_write(
    run: Callable[..., RunResult], toy_notebooks: Make, tmp_path: Path
) -> None:
    """Made anew, it ends without the drivers, and what comes after it is done already."""
    plain = toy_notebooks()
    run(plain)
    (made,) = (tmp_path / "out").rglob("notebooks/04_conversion_drivers.ipynb")
    made.unlink()
    assert run(plain).executed == ("04_conversion_drivers",)
