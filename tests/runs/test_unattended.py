"""Runs that nobody watches: months that were missed, a word on failure, many shops, one card."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from csinsight import cli
from csinsight.errors import ConfigError, NotebookError
from csinsight.params import RunParams
from csinsight.runs import kernels, month, schedule
from csinsight.runs.execute import Execution
from csinsight.runs.plan import CARD, card_steps
from csinsight.runs.schedule import call_hook
from csinsight.runs.state import Inputs, Places, RunState, runs

PARAMS = RunParams(shop="toy", lang="en")
Make = Callable[..., Path]
#: A card that takes its kernel with it, as one does that uses up the memory.
BROKEN_CARD = ["import os\nif agent_id == 'A1': os._exit(9)"]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command line with the tiny notebooks, on one kernel."""
    monkeypatch.setattr(kernels, "worker_count", lambda: 1)

    def caller(*words: object, notebooks: Path | None = None) -> Result:
        if notebooks is not None:
            real = month.run_month
            told = {"notebooks": notebooks}
            monkeypatch.setattr(schedule, "run_month", lambda *a, **k: real(*a, **k, **told))
        return CliRunner().invoke(cli.main, [str(word) for word in words])

    return caller


def _assert_says(result: Result, code: int, *parts: str) -> None:
    assert result.exit_code == code, result.output
    assert [part for part in parts if part not in result.output] == [], result.output


def _told(shop: Path, tmp_path: Path, *more: object) -> tuple[object, ...]:
    return ("run", "--data", shop, "--shop", "toy", "--out", tmp_path / "out", "--quiet", *more)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-10", ["2026-10"]),
        ("2025-11..2026-01", ["2025-11", "2025-12", "2026-01"]),
        ("2026-10..2026-10", ["2026-10"]),
    ],
)
def test_months_are_one_or_a_range(text: str, found: list[str]) -> None:
    assert schedule.parse_months(text, "Asia/Shanghai") == found


@pytest.mark.parametrize(
    "text",
    [
        *("2026-13", "2026-10..", "2026-12..2026-10", "a..b..c", "", "..", "last..", " 2026-10"),
        *("0000-01", "0001-01", "9999-12", "2026-1", "２０２６-10", "2021-09..2026-10"),
        *("2000-01..2199-12", "0001-01..9999-12"),
    ],
)
def test_other_months_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="month"):
        schedule.parse_months(text, "Asia/Shanghai")


def test_sixty_months_are_the_most() -> None:
    assert len(schedule.parse_months("2021-11..2026-10", "Asia/Shanghai")) == schedule.MOST_MONTHS


def test_a_range_may_end_with_the_last_month() -> None:
    last = schedule.last_month("Asia/Shanghai")
    assert schedule.parse_months(f"{last}..last", "Asia/Shanghai") == [last]
    assert schedule.parse_months("last", "Asia/Shanghai") == [last]


@pytest.fixture
def long_shop(toy_shop: Path) -> Path:
    """A shop with orders in July, August and October, and nothing in September."""
    with (toy_shop / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("o7,b1,2026-07-31T23:00:00,,100,90,1\no8,b1,2026-08-01T00:00:00,,100,90,1\n")
    return toy_shop


def _finished(out: Path, month: str, status: str = "done") -> None:
    report, state = out / "reports/toy" / month, out / "runs/toy" / month
    for folder in (report, state):
        folder.mkdir(parents=True)
    told = {"shop": "toy", "lang": "en", "finding": "", "facts": {}, "pages": {}}
    for name in ("index.html", "report.json"):
        (report / name).write_text(json.dumps(told), encoding="utf-8")
    (state / "run.json").write_text(json.dumps({"status": status}), encoding="utf-8")


def test_missed_months_are_those_with_data_and_no_good_report(
    long_shop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert schedule.missed(out, "toy", long_shop, "2026-10") == ["2026-10"]
    _finished(out, "2026-07")
    assert schedule.missed(out, "toy", long_shop, "2026-10") == ["2026-08", "2026-10"]
    _finished(out, "2026-08", "incomplete")
    assert schedule.missed(out, "toy", long_shop, "2026-10") == ["2026-08", "2026-10"]
    _finished(out, "2026-10")
    assert schedule.missed(out, "toy", long_shop, "2026-10") == ["2026-08", "2026-10"]


def test_catching_up_makes_what_was_missed_and_an_empty_last_month_is_told(
    call: Callable[..., Result], long_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    folder = toy_notebooks()
    _finished(tmp_path / "out", "2026-08")
    told = _told(long_shop, tmp_path, "--only", "00", "--month", "2026-11", "--catch-up")
    result = call(*told, notebooks=folder)
    _assert_says(result, 1, "catching up 2026-10", "nothing happened in 2026-11")
    _assert_says(result, 1, "toy 2026-10: report made", "toy 2026-11: no report made")
    made = sorted(path.name for path in (tmp_path / "out/reports/toy").iterdir())
    assert [name for name in made if name[0] != "."] == ["2026-08", "2026-10", "index.html"]


def test_on_failure_tells_a_command_what_where_and_why(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    names = ("SHOP", "MONTH", "NOTEBOOK", "EXIT_CODE", "OUT", "MESSAGE")
    values = "\n".join(f"$CSINSIGHT_{name}" for name in names)
    hook = f'printf %s "{values}" > {seen}; exit 7'
    notebooks = toy_notebooks(n01=["raise ValueError('$(touch planted)')"])
    told = _told(toy_shop, tmp_path, "--month", "2026-10", "--only", "01", "--on-failure", hook)
    _assert_says(
        call(*told, notebooks=notebooks), 1, "--on-failure: the command ended with exit code 7"
    )
    lines = seen.read_text(encoding="utf-8").split("\n")
    where = ["toy", "2026-10", "01_buyer_types", "1", str(tmp_path / "out")]
    assert lines[:5] == where
    assert lines[5].startswith("01_buyer_types: cell 4 failed")
    assert "$(touch planted)" in lines[-1]
    seen.unlink()
    _assert_says(call(*told, notebooks=toy_notebooks()), 0)
    assert not seen.exists()


def test_faulty_data_calls_the_command_too(
    call: Callable[..., Result], toy_shop: Path, tmp_path: Path
) -> None:
    (toy_shop / "orders.csv").write_text("order_id\n1\n", encoding="utf-8")
    seen = tmp_path / "seen"
    told = _told(toy_shop, tmp_path, "--month", "2026-08..2026-10")
    hook = f'echo "$CSINSIGHT_MESSAGE" >> {seen}'
    result = call(*told, "--on-failure", hook)
    _assert_says(result, 1, "orders.csv", "toy 2026-08: no report made")
    # The other months would fail by the same faults: one word is enough.
    _assert_says(result, 1, "toy: not tried after that: 2026-09, 2026-10")
    assert "toy 2026-09: no report made" not in result.output
    assert seen.read_text(encoding="utf-8").count("1 fault") <= 1
    assert "orders.csv" in seen.read_text(encoding="utf-8")


def test_success_and_alerts_call_their_commands_with_the_headline_and_its_path(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    texts = ["**Wait** 117 s, 30 s aimed at", "Second"]
    alerting = [f"study.write_facts({{'alerts': {[{'text': text} for text in texts]!r}}})"]
    hooks = (
        *("--on-success", f'echo "good $CSINSIGHT_HEADLINE|$CSINSIGHT_REPORT" >> {seen}'),
        *("--on-alert", f'echo "alert $CSINSIGHT_ALERTS" >> {seen}'),
        *("--on-failure", f"echo bad >> {seen}"),
    )
    told = _told(toy_shop, tmp_path, "--month", "2026-10", *hooks)
    _assert_says(call(*told, notebooks=toy_notebooks(n07=alerting)), 0)
    report = tmp_path / "out/reports/toy/2026-10/index.html"
    assert seen.read_text(encoding="utf-8").split("\n") == [
        "alert Wait 117 s, 30 s aimed at",
        "Second",
        f"good 2026-10 finding|{report}",
        "",
    ]


def test_what_is_said_is_said_in_the_shops_time_and_kept_in_the_runs_folder(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    told = (*_told(toy_shop, tmp_path, "--month", "2026-10")[:-3], "--month", "2026-10")
    result = call(*told, "--only", "00", "--json-log", notebooks=toy_notebooks())
    _assert_says(result, 0)
    said = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    steps = [line for line in said if "00_data_check done in" in line["message"]]
    assert len(steps) == 1
    assert all(
        datetime.fromisoformat(line["at"]).utcoffset() == timedelta(hours=8) for line in said
    )
    kept = (tmp_path / "out/runs/toy/2026-10/run.log").read_text(encoding="utf-8")
    assert f"{steps[0]['at']} {steps[0]['message']}\n" in kept


def test_a_run_goes_on_without_a_few_bad_rows_where_it_is_told_to(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    ids = "".join(f"A{n}\n" for n in (*range(1, 100), 1))
    (toy_shop / "agents.csv").write_text(f"agent_id\n{ids}", encoding="utf-8")
    params = tmp_path / "params.yml"
    params.write_text("set_aside: 0.01\n", encoding="utf-8")
    told = (*_told(toy_shop, tmp_path, "--month", "2026-10"), "--only", "00", "--params", params)
    result = call(*told, notebooks=toy_notebooks())
    _assert_says(result, 0, "agents.csv: 1 of 100 rows break the contract", "set_aside.csv")


def test_a_command_that_hangs_is_ended() -> None:
    assert "over 0 s" in call_hook("sleep 60", {}, seconds=0.2)


@pytest.mark.slow
def test_one_card_that_fails_leaves_the_others_and_is_made_up_for(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    told = _told(toy_shop, tmp_path, "--month", "2026-10", "--lang", "en")
    seen = tmp_path / "seen"
    hook = ("--on-failure", f'echo "$CSINSIGHT_NOTEBOOK $CSINSIGHT_EXIT_CODE" > {seen}')
    result = call(*told, *hook, notebooks=toy_notebooks(n06=BROKEN_CARD))
    _assert_says(result, 3, "its kernel ended", "report made", "1 agent card failed")
    assert seen.read_text(encoding="utf-8") == "06_agent_card 3\n"
    month = tmp_path / "out/reports/toy/2026-10"
    cards = sorted(path.name for path in month.glob("06*.html"))
    assert len(cards) == 1
    assert cards[0] == "06_agent_card-a1.html"
    index = (month / "index.html").read_text(encoding="utf-8")
    assert "Agent card: A1" in index
    assert "could not be made" in index
    newest = runs(tmp_path / "out")[0]
    assert (newest.status, "its kernel ended" in newest.why) == ("incomplete", True)
    again = call(*told, notebooks=toy_notebooks())
    _assert_says(again, 0, "report made")
    assert len(list(month.glob("06*.html"))) == 2
    assert "could not be made" not in (month / "index.html").read_text(encoding="utf-8")


def test_where_every_card_fails_the_run_fails(tmp_path: Path) -> None:
    workers, inputs = kernels.Workers(kernels.Limits(60, 60)), Inputs(tmp_path)
    state = RunState(Places(tmp_path, "toy", "2026-10"), PARAMS, {})
    execution = Execution(tmp_path, PARAMS, state, inputs, workers)
    steps = card_steps(["a1", "a2"])
    execution.failed = {steps[0].name: "why", steps[1].name: "why"}
    with pytest.raises(NotebookError, match="why") as failure:
        execution._settle(steps)
    assert failure.value.notebook == CARD
    del execution.failed[steps[1].name]
    execution._settle(steps)
    assert (execution.steps, execution.gone) == (steps[1:], steps[:1])


def test_many_shops_in_one_file(
    call: Callable[..., Result], toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    told = {
        "out": "made",
        "month": "2026-10",
        "publish_to": "web",
        "shops": [
            {"shop": "bad", "data": "nowhere"},
            {"shop": "toy", "data": "shop", "title": "蓓尚旗舰店", "lang": "zh"},
        ],
    }
    file = tmp_path / "shops.yml"
    file.write_text(yaml.safe_dump(told), encoding="utf-8")
    result = call("run-shops", file, notebooks=toy_notebooks(n06=["1"]))
    _assert_says(result, 1, "nowhere: is not a folder", "2 shops: 1 in order, 1 not: bad")
    index = (tmp_path / "web/toy/index.html").read_text(encoding="utf-8")
    assert "蓓尚旗舰店" in index
    assert (tmp_path / "web/toy/2026-10/07_monthly_brief.html").is_file()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("shops: []", "shops"),
        ("shops: [{shop: a}]", "shops.0.data"),
        ("shops: [{shop: a, data: x}, {shop: a, data: y}]", "a is there twice"),
        ("shops: [{shop: a, data: x, dta: y}]", "shops.0.dta"),
        ("shops: [", "is not YAML"),
    ],
)
def test_a_faulty_file_of_shops_is_named(
    call: Callable[..., Result], tmp_path: Path, text: str, part: str
) -> None:
    file = tmp_path / "shops.yml"
    file.write_text(text, encoding="utf-8")
    _assert_says(call("run-shops", file), 2, "shops.yml", part)
