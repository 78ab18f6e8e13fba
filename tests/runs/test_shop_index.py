"""The page over all months: trends with a text alternative, and where it can be copied to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import fsspec
import pytest

from csinsight.contract.files import write_text
from csinsight.errors import RunError
from csinsight.runs import publish
from csinsight.runs.site import shop_index, sparkline, write_shop_index
from csinsight.runs.state import runs


def _report(month: str, kpis: dict[str, list[float]], **more: str) -> dict[str, object]:
    told = {"shop": "s", "lang": "en", "month": month, "finding": f"Finding of {month} <b>."}
    pages = {"07_monthly_brief.html": "07_monthly_brief"}
    return {**told, "pages": pages, "facts": {"kpis": kpis}, "currency": "CNY", **more}


REPORTS = {
    "2026-07": _report("2026-07", {"paid_rate": [0.4, 0.35, 0.45], "inquiries": [1000]}),
    "2026-08": _report("2026-08", {"paid_rate": [0.5, 0.45, 0.55], "inquiries": [1100]}),
    "2026-10": _report("2026-10", {"paid_rate": [0.45, 0.4, 0.5]}, title="蓓尚 & <Co>"),
}


def test_trends_say_in_words_what_they_draw() -> None:
    page = shop_index(REPORTS)
    told = re.findall(r'<svg[^>]* role="img" aria-label="([^"]+)"', page)
    assert told[0] == (
        "Paid conversion: July 2026: 40.0% (35.0% to 45.0%); August 2026: 50.0% (45.0% to 55.0%); "
        "October 2026: 45.0% (40.0% to 50.0%)"
    )
    assert len(told) == 2
    assert "蓓尚 &amp; &lt;Co&gt; · monthly reports" in page
    assert page.index('href="2026-10/index.html"') < page.index('href="2026-08/index.html"')
    assert "Finding of 2026-07 &lt;b&gt;." in page
    assert "Paid conversion: 40.0% (35.0% to 45.0%); Inquiries: 1,000" in page


def test_sixty_months_stay_one_page_that_can_be_heard_to_its_end() -> None:
    months = [f"{2021 + n // 12}-{n % 12 + 1:02d}" for n in range(60)]
    kpis = {"paid_rate": [0.4, 0.35, 0.45], "inquiries": [1000]}
    page = shop_index({month: _report(month, kpis) for month in months})
    assert page.count("<polyline") == 2
    assert all(f'href="{month}/index.html"' in page for month in months)
    one = shop_index({month: _report(month, kpis) for month in months[-1:]})
    assert len(page.encode()) < len(one.encode()) + 60 * 1000
    told = re.findall(r'<svg[^>]* role="img" aria-label="([^"]+)"', page)
    assert max(map(len, told)) < 900
    assert "January 2021: 40.0%" in told[0]
    assert "December 2025: 40.0%" in told[0]
    assert "January 2023" not in told[0]


def test_one_month_has_no_trend_and_is_in_its_own_language() -> None:
    page = shop_index({"2026-10": _report("2026-10", {"inquiries": [5]}, lang="zh")})
    assert "<svg" not in page
    assert "全部月份" in page


def _numbers(drawn: str, tag: str) -> list[list[tuple[float, float]]]:
    found = re.findall(rf'<{tag} points="([^"]+)"', drawn)
    return [[tuple(map(float, p.split(","))) for p in points.split()] for points in found]  # type: ignore[misc]


def test_a_line_breaks_where_a_month_is_missing() -> None:
    drawn = str(sparkline({"2026-07": [4, 3, 5], "2026-08": [5, 4, 6], "2026-10": [4, 3, 5]}, "a"))
    lines, bands = _numbers(drawn, "polyline"), _numbers(drawn, "polygon")
    assert [len(line) for line in lines] == [2, 1]
    assert lines[0][0][1] > lines[0][1][1], "more lies higher"
    gap = lines[1][0][0] - lines[0][1][0]
    assert gap == pytest.approx(2 * (lines[0][1][0] - lines[0][0][0]), abs=0.2)
    assert [len(band) for band in bands] == [4, 2]


def test_an_amount_is_drawn_against_nothing_and_equal_ones_level() -> None:
    [line] = _numbers(str(sparkline({"2026-07": [1000], "2026-08": [1010]}, "a")), "polyline")
    assert line[0][1] - line[1][1] < 1
    [line] = _numbers(str(sparkline({"2026-07": [0], "2026-08": [0]}, "a")), "polyline")
    assert line[0][1] == line[1][1]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "reports/s"
    for month, report in REPORTS.items():
        write_text(folder / month / "report.json", json.dumps(report))
        write_text(folder / month / "index.html", f"index of {month}")
        write_text(folder / month / "07_monthly_brief.html", "brief")
    write_shop_index(folder)
    return tmp_path


def test_a_month_goes_to_a_bucket_with_its_shop_index_and_without_old_pages(out: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/b/web/s/2026-10/06_agent_card-gone.html", b"of last time")
    for month in (None, "2026-08"):
        where = publish.publish_month(out, "s", month, "memory://b/web/")
    assert where == "memory://b/web/s/2026-08/index.html"
    names = {"07_monthly_brief.html", "index.html", "report.json"}
    assert {Path(name).name for name in files.ls("/b/web/s/2026-10", detail=False)} == names
    index = files.cat_file("/b/web/s/index.html").decode()
    assert 'href="2026-10/index.html"' in index
    assert "2026-07" not in index


def test_a_bucket_of_an_unknown_kind_is_told(out: Path) -> None:
    with pytest.raises(RunError, match="nosuch://: can't be written to here"):
        publish.publish_month(out, "s", None, "nosuch://bucket")


def test_history_outlives_a_line_that_a_full_disk_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "runs/s/history.jsonl"
    good = json.dumps({"event": "start", "at": "2026-11-01T06:00:00+08:00", "month": "2026-10"})
    done = json.dumps({"event": "done", "at": "2026-11-01T06:01:00+08:00", "month": "2026-10"})
    write_text(file, f'{good}\n{{"event": "fai\n{good}\n\n{done}\n')
    assert [entry.status for entry in runs(tmp_path)] == ["done", "stopped"]
