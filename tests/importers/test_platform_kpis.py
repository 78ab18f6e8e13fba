"""Platforms' own service figures: days, agents, rates, times, summary rows, headers over rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from csinsight.errors import ImporterError
from csinsight.importers.platform_kpis import read_platform_kpis

SYCM = """日期,询单人数,最终付款人数,询单最终付款转化率,最终付款金额
2026-10-05,40,18,45.00%,"1,234.50"
2026-10-06,-,-,-,-
2026-10-07,20,8,0.4,800.00
汇总,60,26,43.33%,2034.50
"""


def _book(path: Path, rows: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("数据")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


def _values(imported) -> dict[tuple[str, str | None, str], float]:
    rows = imported.tables["platform_kpis"].to_dicts()
    return {(str(r["day"]), r.get("agent_id"), r["kpi"]): r["value"] for r in rows}


def test_a_dash_is_no_figure_and_a_summary_no_day(tmp_path: Path) -> None:
    path = tmp_path / "询单.csv"
    path.write_text(SYCM, encoding="utf-8")

    imported = read_platform_kpis([path])
    found = _values(imported)

    assert found["2026-10-05", None, "询单最终付款转化率"] == pytest.approx(0.45)
    assert found["2026-10-05", None, "最终付款金额"] == pytest.approx(1234.5)
    assert found["2026-10-07", None, "询单最终付款转化率"] == pytest.approx(0.4)
    assert not any(day == "2026-10-06" for day, _, _ in found)
    assert imported.rows_in == imported.rows_out + imported.refused.height == 4
    assert imported.refused["_reason"].to_list() == [
        "the row holds no figure",
        "repeat: a summary row",
    ]
    assert set(imported.tables["platform_kpis"]["source"]) == {"生意参谋 业绩询单"}


def test_headers_over_three_rows_with_times_and_percentages(tmp_path: Path) -> None:
    path = _book(
        tmp_path / "飞鸽.xlsx",
        [
            ["客服数据明细"],
            ["客服", "日期", "接待", "", "时效", ""],
            ["", "", "人工", "", "全天", ""],
            ["", "", "接待会话量", "全天满意率", "全天平响时长", "全天3分钟回复率"],
            ["店铺汇总值", "2026-10-05", 60, 98.0, "00:00:50", 97.1],
            ["小鹿", "2026-10-05", 35, 99.0, "1分5秒", 99.71],
            ["可可", "2026-10-05", 25, "-", "40秒", 95],
        ],
    )

    imported = read_platform_kpis([path])
    found = _values(imported)

    assert found["2026-10-05", "小鹿", "全天平响时长"] == 65
    assert found["2026-10-05", "小鹿", "全天3分钟回复率"] == pytest.approx(0.9971)
    assert found["2026-10-05", "小鹿", "全天满意率"] == pytest.approx(0.99)
    assert ("2026-10-05", "可可", "全天满意率") not in found
    assert imported.refused.height == 1, "the shop's sum"
    assert set(imported.tables["platform_kpis"]["day"]) == {date(2026, 10, 5)}


def test_a_later_export_corrects_a_figure_in_any_order(tmp_path: Path) -> None:
    first, second = tmp_path / "figures_2026-10-06.csv", tmp_path / "figures_2026-10-09.csv"
    head = "日期,询单人数,最终付款人数\n"
    first.write_text(f"{head}2026-10-05,40,12\n", encoding="utf-8")
    second.write_text(f"{head}2026-10-05,39,18\n", encoding="utf-8")

    there = _values(read_platform_kpis([first, second]))
    back = _values(read_platform_kpis([second, first]))

    assert there == back
    assert there["2026-10-05", None, "询单人数"] == 39.0
    assert there["2026-10-05", None, "最终付款人数"] == 18.0


def test_a_table_without_day_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("客服,接待人数\n小鹿,12\n", encoding="utf-8")
    told = tmp_path / "day.yml"
    told.write_text("day: 2026-10-05\n", encoding="utf-8")

    with pytest.raises(ImporterError, match="day: 2026-10-05"):
        read_platform_kpis([path])
    assert _values(read_platform_kpis([path], told)) == {("2026-10-05", "小鹿", "接待人数"): 12.0}


def test_what_is_no_figure_refuses_its_row(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text(
        '日期,接待人数\n2026-10-05,12\n2026-10-06,很多\nhello,3\n2026-10-07,"1,50"\n',
        encoding="utf-8",
    )

    imported = read_platform_kpis([path])

    assert imported.refused["_reason"].to_list() == [
        "接待人数 is no figure",
        "日期 is no day such as 2026-10-05",
        "接待人数 is no figure",  # 150 would be a hundred times too much, were it 1.5
    ]
