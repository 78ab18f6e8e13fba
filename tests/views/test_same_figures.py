"""A figure that is named the same is the same number on every page, card, brief and workbook."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from tests.figures import SHOP, Figure, Report, conflicts, contradicted

from csinsight.runs.month import RunResult

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module", params=["zh", "en"])
def report(request: pytest.FixtureRequest, demo_run: dict[str, RunResult]) -> Report:
    made = demo_run[request.param]
    return Report(made.report.resolve().parent, made.run, request.param)


def test_one_name_is_one_number(report: Report) -> None:
    found = report.figures()
    assert conflicts(found) == []


def test_no_sentence_contradicts_a_figure(report: Report) -> None:
    assert contradicted(report, report.figures()) == []


def test_the_figures_compared_are_those_of_all_places(report: Report) -> None:
    """Else the tests above would hold on a report that shows nothing twice."""
    places: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in report.figures():
        places[one.key].add(one.where.partition(":")[0])
    shared = {key: where for key, where in places.items() if len(where) > 1}
    seen = set().union(*shared.values())
    assert len(shared) >= 25
    assert {"03_agent_kpis.html", "07_monthly_brief.html", "facts of the brief"} <= seen
    assert {"05_coaching.html", "coaching_plan.xlsx"} <= seen
    word = report.words.word
    for name in ("paid_rate", "first_response_median_s", "inquiries"):
        assert len(shared[word(f"kpi.{name}"), SHOP, "this month"]) >= 2, name


def test_a_number_that_differs_is_found(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "month"
    shutil.copytree(report.folder, folder)
    shutil.copy(report.folder.parent / "index.html", folder.parent)
    rate = report.words.word("kpi.paid_rate")
    one = next(f for f in report.figures() if f.key == (rate, SHOP, "this month"))
    told = report.words.percent(one.value)
    brief = folder / "07_monthly_brief.html"
    text = brief.read_text(encoding="utf-8")
    assert text.count(told) > 1
    brief.write_text(text.replace(told, report.words.percent(one.value + 0.013)), encoding="utf-8")
    changed = Report(folder, report.run, report.words.lang)
    found = conflicts(changed.figures())
    assert len([line for line in found if line.startswith(rate)]) == 1


def test_figures_are_compared_as_finely_as_they_are_written() -> None:
    def rate(value: float, unit: float, sign: str = "%") -> Figure:
        return Figure("rate", SHOP, "this month", value, unit, sign, "")

    assert rate(0.521, 0.001).agrees(rate(0.52, 0.01))
    assert rate(0.521, 0.001).agrees(rate(0.52083, 0.0001, ""))
    assert not rate(0.521, 0.001).agrees(rate(0.53, 0.01))
    assert not rate(0.521, 0.001).agrees(rate(0.5198, 0.0001))
