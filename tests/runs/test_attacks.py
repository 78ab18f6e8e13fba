"""Inputs rewritten during a run, state files that are broken, names that look like patterns."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.contract.messages import Fault
from csinsight.errors import ConfigError, RunError
from csinsight.params import RunParams
from csinsight.runs.lab import prepare_lab
from csinsight.runs.month import RunResult, run_month
from csinsight.runs.schedule import missed
from csinsight.runs.state import RunFile, read_reports, read_state, runs

Make = Callable[..., Path]
Run = Callable[..., RunResult]
PARAMS = RunParams(shop="toy", lang="en")
BROKEN = {
    "empty": b"",
    "cut": b'{"steps": {"00_data_ch',
    "null": b"null",
    "list": b"[1, 2]",
    "number": b"7",
    "gbk": '{"shop": "蓓尚"}'.encode("gb18030"),
    "utf-16": '{"shop": "toy"}'.encode("utf-16"),
    "nul": b"\0\0\0\0",
    "deep": b"[" * 50_000,
    "wrong kinds": b'{"steps": [], "params": 3, "facts": "x", "pages": 1, "shop": null, "lang": 5}',
    "outside": b'{"steps": {"00_data_check": {"status": "done", "outputs": {"../../../x": "1"}}}}',
}


@pytest.fixture
def run(toy_shop: Path, toy_notebooks: Make, tmp_path: Path) -> Run:
    def runner(**cells: list[str]) -> RunResult:
        return run_month(
            toy_shop, PARAMS, tmp_path / "out", only=("01",), notebooks=toy_notebooks(**cells)
        )

    return runner


def _add(path: Path) -> str:
    row = "o9,b2,2026-10-05T11:00:00,,100,90,1\\n"
    return f"with open({str(path)!r}, 'a') as file: file.write('{row}')"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["rewritten", "removed", "added"])
def test_a_run_whose_inputs_change_fails_and_is_never_taken_for_done(
    run: Run, toy_shop: Path, how: str, tmp_path: Path
) -> None:
    good = run()
    pages = {path: path.read_bytes() for path in good.report.parent.iterdir()}
    path = toy_shop / ("ratings.csv" if how == "added" else "orders.csv")
    before = path.read_bytes() if path.exists() else None
    cell = {
        "rewritten": _add(path),
        "removed": f"import os; os.remove({str(path)!r})",
        "added": f"open({str(path)!r}, 'w').write('buyer_id,rated_at,score\\n')",
    }[how]
    with pytest.raises(RunError, match=rf"{path.name} changed while the run was reading it"):
        run(n01=[cell])
    assert {path: path.read_bytes() for path in good.report.parent.iterdir()} == pages
    told = json.loads((good.run / "run.json").read_text(encoding="utf-8"))
    assert (told["status"], told["steps"]["01_buyer_types"]["status"]) == ("failed", "failed")
    assert runs(tmp_path / "out")[0].status == "failed"
    if before is None:
        path.unlink()
    else:
        path.write_bytes(before)
    assert run().published
    if how == "rewritten":
        # On B the whole of it is B's.
        exec(_add(path))  # noqa: S102 - the same words as above
        assert set(run().executed) == {"00_data_check", "01_buyer_types"}


def test_what_a_half_written_file_led_to_is_not_told_as_the_fault(run: Run, toy_shop: Path) -> None:
    path = toy_shop / "orders.csv"
    half = f"import os; os.truncate({str(path)!r}, 20); raise ValueError('no such column')"
    with pytest.raises(RunError, match=r"orders.csv changed while the run was reading it"):
        run(n01=[half])


def test_a_check_that_read_a_half_written_file_tells_of_the_change(
    run: Run, toy_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads_half(folder: Path, count: object) -> list[Fault]:
        os.truncate(toy_shop / "orders.csv", 20)
        return [Fault("orders.csv", None, None, "is broken", "mend it")]

    monkeypatch.setattr("csinsight.contract.check.check_folder", reads_half)
    with pytest.raises(RunError, match=r"orders.csv changed while the run was reading it"):
        run()


def test_a_file_that_is_only_touched_is_the_same_file(run: Run, toy_shop: Path) -> None:
    path = toy_shop / "orders.csv"
    assert run(n01=[f"import os; os.utime({str(path)!r})"]).published


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_run_file_is_named_and_the_month_made_anew(
    run: Run, data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, toy_shop: Path
) -> None:
    first = run()
    (tmp_path / "x").write_text("not ours", encoding="utf-8")
    (first.run / "run.json").write_bytes(data)
    with pytest.raises(ConfigError, match="make the month anew"):
        prepare_lab(first.run, tmp_path / "lab")
    assert missed(tmp_path / "out", "toy", toy_shop, "2026-10") == ["2026-10"]
    again = run()
    assert set(again.executed) == {"00_data_check", "01_buyer_types"}
    broken = RunFile.model_validate_json  # what is valid JSON of the right kinds is no broken file
    if data in (BROKEN["outside"],) or not _is_valid(broken, data):
        assert "run.json is broken" in caplog.text
        assert "this month is made anew" in caplog.text
    assert (tmp_path / "x").read_text(encoding="utf-8") == "not ours"
    assert json.loads((first.run / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def _is_valid(parse: Callable[[bytes], object], data: bytes) -> bool:
    try:
        parse(data)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_report_file_is_named_and_the_other_months_listed(
    run: Run, data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = run().report.parent.parent
    broken = good / "2026-09"
    broken.mkdir()
    (broken / "report.json").write_bytes(data)
    (good / "2026-10.bak").mkdir()
    (good / "2026-10.bak" / "report.json").write_text("{}", encoding="utf-8")
    assert list(read_reports(good)) == ["2026-10"]
    assert "report.json is broken" in caplog.text
    told = ["publish", "--out", str(tmp_path / "out"), "--shop", "toy", "--to", str(tmp_path / "w")]
    assert CliRunner().invoke(main, told).exit_code == 0
    (good / "2026-10" / "report.json").write_bytes(data)
    assert run().published
    assert list(read_reports(good)) == ["2026-10"]


def test_history_skips_lines_that_are_no_runs_and_names_them(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = run().run.parent / "history.jsonl"
    lines = [line for name, line in BROKEN.items() if name != "empty"]
    file.write_bytes(b"\n".join([*lines, b'{"event": 1}', b"\xff"]) + b"\n" + file.read_bytes())
    assert [entry.status for entry in runs(tmp_path / "out")] == ["done"]
    assert "history.jsonl, line 1: is no run's" in caplog.text
    shown = CliRunner().invoke(main, ["history", "--out", str(tmp_path / "out")])
    assert (shown.exit_code, "Traceback" in shown.output) == (0, False)


def test_names_that_look_like_patterns_are_taken_literally(
    toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    data = toy_shop.rename(tmp_path / "shop [a-z]* {x}?")
    (tmp_path / "shop b x1").mkdir()
    out = tmp_path / "out [1]*"
    params = RunParams(shop="s [0-9]", lang="en")
    made = run_month(data, params, out, only=("01",), notebooks=toy_notebooks())
    assert [entry.status for entry in runs(out)] == ["done"]
    told = ["publish", "--out", str(out), "--shop", params.shop, "--to", f"{tmp_path}/web [x]?"]
    assert CliRunner().invoke(main, told).exit_code == 0
    assert made.report.is_file()
    assert (tmp_path / "web [x]?" / params.shop / "2026-10" / "index.html").is_file()


def test_no_state_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_state(tmp_path / "run.json", RunFile, "x") is None
    assert read_reports(tmp_path / "nowhere") == {}
    assert caplog.text == ""
