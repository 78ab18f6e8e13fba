"""Workbooks with a part missing or a cell out of reach, JSON of wrong kinds: none ends us."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from csinsight.errors import ImporterError
from csinsight.importers.records import read_workbook
from csinsight.importers.zendesk import read_zendesk

SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["订单编号", "买家会员名"])
        sheet.write_row(1, 0, ["1234567890123456789", "小满"])
    return path


def _written(path: Path, name: str, *, without: str = "", cell: str = "B2") -> Path:
    """Write a workbook again, without one of its parts, or with its last cell elsewhere."""
    made = path.with_name(name)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            if part == SHEET:
                data = data.replace(b'r="B2"', f'r="{cell}"'.encode())
            if part != without:
                new.writestr(part, data)
    return made


def test_a_sound_workbook_is_read(workbook: Path) -> None:
    assert read_workbook(_written(workbook, "again.xlsx"))["Sheet1"].shape == (2, 2)


@pytest.mark.parametrize(
    "part", [SHEET, "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"]
)
def test_a_workbook_without_one_of_its_parts_is_refused(workbook: Path, part: str) -> None:
    with pytest.raises(ImporterError, match=r"save .* again"):
        read_workbook(_written(workbook, "book2.xlsx", without=part))


@pytest.mark.parametrize("cell", ["ZZZZZZZ1", "XFE1", "A99999999999", "A1048577", "XFD1048576"])
def test_a_cell_out_of_reach_is_said_and_does_not_end_the_program(
    workbook: Path, cell: str
) -> None:
    with pytest.raises(ImporterError, match="far from all others; delete"):
        read_workbook(_written(workbook, "far.xlsx", cell=cell))


@pytest.mark.parametrize("cell", ["A0", "1A", "", "A-1"])
def test_a_cell_that_is_none_is_refused(workbook: Path, cell: str) -> None:
    with pytest.raises(ImporterError, match="save the file again"):
        read_workbook(_written(workbook, "odd.xlsx", cell=cell))


def _ticket(path: Path, **changed: object) -> Path:
    said = [
        {"author_id": who, "created_at": f"2026-10-05T10:0{who}:00Z", "body": text, "public": True}
        for who, text in ((7, changed.pop("body", "hi")), (8, "yes"))
    ]
    ticket = {"id": 1, "requester_id": 7, "created_at": "2026-10-05T10:00:00Z", "comments": said}
    path.write_text(json.dumps({"tickets": [ticket | changed]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("score", [["good"], {"a": 1}, 5, None, "", True, [[]]])
@pytest.mark.parametrize("inside", [True, False])
def test_a_score_of_another_kind_is_no_score(tmp_path: Path, score: object, inside: bool) -> None:
    given = {"score": score} if inside else score
    made = read_zendesk(
        [_ticket(tmp_path / "t.json", satisfaction_rating=given)], timezone="Asia/Shanghai"
    )
    assert "ratings" not in made.tables
    assert made.tables["messages"].height == 2


@pytest.mark.parametrize("half", ["a\ud800b", "\udfff", "ok \ud83d"])
def test_half_of_a_surrogate_pair_costs_no_more_than_itself(tmp_path: Path, half: str) -> None:
    path = _ticket(tmp_path / "t.json", body=half, requester_id=f"7{half}")
    texts = read_zendesk([path], timezone="Asia/Shanghai").tables["messages"]["text"].to_list()
    assert texts == [half.encode("utf-8", "replace").decode().strip(), "yes"]


def test_a_whole_surrogate_pair_stays(tmp_path: Path) -> None:
    made = read_zendesk([_ticket(tmp_path / "t.json", body="ok 🙂")], timezone="Asia/Shanghai")
    assert made.tables["messages"]["text"][0] == "ok 🙂"
