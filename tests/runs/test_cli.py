"""The command line: quick, clear about every expected error, without tracebacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from csinsight import cli
from csinsight.errors import PlanError
from csinsight.params import RunParams
from csinsight.runs import schedule
from csinsight.runs.schedule import last_month

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    def caller(*words: object) -> Result:
        return CliRunner().invoke(cli.main, [str(word) for word in words])

    return caller


def _assert_says(result: Result, code: int, *parts: str) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    for part in parts:
        assert part in result.output


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, csinsight.cli; heavy = {'pandas', 'polars', 'matplotlib', 'papermill'}; "
        "print(sorted((heavy | {'pydantic', 'yaml'}) & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_package_runs_as_the_command() -> None:
    words = [sys.executable, "-m", "csinsight", "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert told.startswith("Usage: csinsight ")
    assert " demo " in told


def test_every_promised_command_is_there(call: Call) -> None:
    promised = ["demo", "simulate", "import", "check", "run", "markers", "history", "publish"]
    _assert_says(call("--help"), 0, *promised)
    for command in promised:
        _assert_says(call(command, "--help"), 0, "Usage")


def test_check_says_what_is_in_order_and_lists_every_fault(call: Call, toy_shop: Path) -> None:
    _assert_says(call("check", toy_shop), 0, "orders.csv: 1 rows")
    text = (toy_shop / "orders.csv").read_text(encoding="utf-8").replace(",100,", ",abc,")
    (toy_shop / "orders.csv").write_text(text, encoding="utf-8")
    _assert_says(call("check", toy_shop), 1, "orders.csv, row 2, column list_amount", "1 fault")
    _assert_says(call("check", toy_shop / "nowhere"), 1, "no such folder")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("currencyy: CNY", ["p.yml", "unknown key `currencyy`", "did you mean `currency`"]),
        ("seed: many", ["p.yml", "key `seed`", "got 'many' (str)"]),
        ("month: 2026-13", ["p.yml", "YYYY-MM"]),
    ],
)
def test_a_wrong_parameter_is_named(
    call: Call, toy_shop: Path, tmp_path: Path, line: str, parts: list[str]
) -> None:
    file = tmp_path / "p.yml"
    file.write_text(line + "\n", encoding="utf-8")
    _assert_says(call("run", "--data", toy_shop, "--params", file, "--out", tmp_path), 2, *parts)


def test_a_run_asks_for_its_month(call: Call, toy_shop: Path, tmp_path: Path) -> None:
    _assert_says(call("run", "--data", toy_shop, "--out", tmp_path), 2, "which month?")


def test_a_run_of_an_empty_month_or_no_folder_or_typo_says_so(
    call: Call, toy_shop: Path, tmp_path: Path
) -> None:
    told = ("--out", tmp_path, "--month", "2027-01")
    _assert_says(call("run", "--data", toy_shop, *told), 1, "nothing happened in 2027-01")
    _assert_says(call("run", "--data", tmp_path / "no", *told), 1, "is not a folder")
    _assert_says(
        call("run", "--data", toy_shop, *told, "--only", "99"), 2, "no notebook is called `99`"
    )


@pytest.mark.parametrize(
    "only", [("--only", "01", "02"), ("--only", "01", "--only", "02"), ("01", "--only", "02")]
)
def test_only_takes_several_notebooks(
    call: Call, toy_shop: Path, monkeypatch: pytest.MonkeyPatch, only: tuple[str, ...]
) -> None:
    asked: list[str] = []

    def run_month(*_: object, only: tuple[str, ...], **__: object) -> None:
        asked.extend(only)
        raise PlanError("far enough")

    monkeypatch.setattr(schedule, "run_month", run_month)
    told = ("run", "--data", toy_shop, "--month", "2026-10")
    _assert_says(call(*told, *only), 1, "far enough")
    assert sorted(asked) == ["01_buyer_types", "02_value_tiers"]
    _assert_says(call(*told, "01"), 2, "'01'", "--only")


def test_last_means_the_month_before_this_one(
    call: Call, toy_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunParams] = []

    def run_month(data: Path, params: RunParams, *_: object, **__: object) -> None:
        asked.append(params)
        raise PlanError("far enough")

    monkeypatch.setattr(schedule, "run_month", run_month)
    _assert_says(
        call("run", "--data", toy_shop, "--month", "last", "--out", tmp_path), 1, "far enough"
    )
    assert asked[0].month == last_month("Asia/Shanghai")


def test_unexpected_errors_keep_their_traceback(
    call: Call, toy_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(schedule, "run_month", broken)
    result = call("run", "--data", toy_shop, "--month", "2026-10", "--out", tmp_path)
    assert isinstance(result.exception, ValueError)
    assert str(result.exception) == "a fault of ours"


def test_a_full_disk_is_one_line(
    call: Call, toy_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x.parquet")

    monkeypatch.setattr(schedule, "run_month", full)
    told = ("run", "--data", toy_shop, "--month", "2026-10", "--out", tmp_path)
    _assert_says(call(*told), 1, "No space left on device", "x.parquet")


def test_history_and_publish_without_runs_say_so(call: Call, tmp_path: Path) -> None:
    _assert_says(call("history", "--out", tmp_path), 0, "no runs yet")
    told = ("publish", "--out", tmp_path, "--shop", "s", "--to", tmp_path / "web")
    _assert_says(call(*told), 1, "no finished report")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_markers_writes_a_row_a_message_in_order(call: Call, tmp_path: Path, ending: str) -> None:
    file, out = tmp_path / "m.csv", tmp_path / f"o.{ending}"
    file.write_text("sender,text\nbuyer,能便宜点吗\nagent,您好\nbot,您好\n", encoding="utf-8")
    _assert_says(call("markers", file, "--out", out), 0, out.name)
    marked = pl.read_csv(out) if ending == "csv" else pl.read_parquet(out)
    assert marked["sender"].to_list() == ["buyer", "agent", "bot"]
    assert [str(value).lower() for value in marked["greets"]] == ["none", "true", "none"]


def test_markers_needs_its_columns(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("sender,words\nbuyer,x\n", encoding="utf-8")
    _assert_says(call("markers", file, "--out", tmp_path / "o.csv"), 1, "lacks the column text")


def test_simulate_makes_a_shop_by_its_flags_and_spares_tables_of_others(
    call: Call, toy_shop: Path, tmp_path: Path
) -> None:
    told = ("--seed", 3, "--buyers", 30, "--agents", 2, "--conversations", 20, "--scenario", "null")
    _assert_says(call("simulate", tmp_path / "made", *told), 0, "made")
    _assert_says(
        call("check", tmp_path / "made"), 0, "buyers.parquet: 30 rows", "agents.parquet: 2 rows"
    )
    _assert_says(call("simulate", tmp_path / "made", *told), 0)
    before = (toy_shop / "orders.csv").read_bytes()
    _assert_says(call("simulate", toy_shop, *told), 2, "orders.csv", "name another folder")
    assert (toy_shop / "orders.csv").read_bytes() == before
    assert not (toy_shop / "truth").exists()
    _assert_says(
        call("simulate", tmp_path / "no", "--scenario", "nul"), 2, "no scenario 'nul'", "demo"
    )


def test_an_import_without_a_single_row_fails(call: Call, toy_shop: Path, tmp_path: Path) -> None:
    file, out = toy_shop / "messages.csv", tmp_path / "o"
    _assert_says(call("import", "jddc", file, "--out", out), 1, "5 refused", "nothing was imported")
    assert sorted(path.name for path in out.iterdir()) == ["imports.jsonl", "rejects.csv"]


def test_an_unknown_format_is_named(call: Call, toy_shop: Path, tmp_path: Path) -> None:
    file = toy_shop / "orders.csv"
    _assert_says(
        call("import", "taobao", file, "--out", tmp_path / "o"), 1, "unknown format 'taobao'"
    )
