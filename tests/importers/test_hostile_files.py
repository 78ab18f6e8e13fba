"""Workbooks with a part missing or a cell out of reach, JSON of wrong kinds: none ends us."""

from __future__ import annotations

import json
import struct
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from csinsight.errors import ImporterError
from csinsight.importers import mapping as mappings
from csinsight.importers import run_import
from csinsight.importers import workbook as workbooks
from csinsight.importers.mapping import read_mapping
from csinsight.importers.reading import read_records
from csinsight.importers.workbook import read_workbook
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


def _forged(path: Path, part: str, size: int) -> None:
    """Let the directory of a zip file say that a part unpacks to `size` bytes."""
    data = bytearray(path.read_bytes())
    for mark, at, name in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        found = data.find(mark)
        while found >= 0:
            if data[found + name :].startswith(part.encode()):
                data[found + at : found + at + 4] = size.to_bytes(4, "little")
            found = data.find(mark, found + 4)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("forged", [False, True])
def test_a_workbook_that_fills_the_memory_is_refused_before_it_does(
    workbook: Path, forged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "_LARGE", 10 << 20)
    bomb = workbook.with_name("bomb.xlsx")
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            more = b" " * (11 << 20) if part == "xl/sharedStrings.xml" else b""
            new.writestr(part, old.read(part) + more)
    if forged:
        _forged(bomb, "xl/sharedStrings.xml", 200)
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(ImporterError, match=r"bomb\.xlsx: grows to more than 10 MB"):
        read_workbook(bomb)


def test_entities_are_refused(workbook: Path) -> None:
    made = workbook.with_name("entities.xlsx")
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            if part == SHEET:
                laughs = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><worksheet'
                data = data.replace(b"<worksheet", laughs, 1)
            new.writestr(part, data)
    with pytest.raises(ImporterError, match=r"entities\.xlsx: holds a document type or entities"):
        read_workbook(made)


def _record(kind: int, body: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(body)]) + body


def _wide(text: str) -> bytes:
    return len(text).to_bytes(4, "little") + text.encode("utf-16-le")


def _binary(path: Path, row: int, column: int) -> Path:
    """Write a binary workbook with a number in its first cell and one in another."""
    sheet = _record(129) + _record(148, struct.pack("<4I", 0, row, 0, column)) + _record(145)
    for r, c in ((0, 0), (row, column)):
        sheet += _record(0, struct.pack("<I", r) + bytes(13))
        sheet += _record(5, struct.pack("<IId", c, 0, 7.5))
    sheet += _record(146) + _record(130)
    bundle = _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("orders"))
    ends = _record(144) + _record(132)
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/worksheet" Target="worksheets/sheet1.bin"/></Relationships>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.bin", _record(131) + _record(143) + bundle + ends)
        book.writestr("xl/_rels/workbook.bin.rels", rels)
        book.writestr("xl/worksheets/sheet1.bin", sheet)
    return path


def test_a_binary_workbook_is_opened_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = read_workbook(_binary(tmp_path / "near.xlsb", 1, 2))
    assert sheets["orders"].rows() == [("7.5", None, None), (None, None, "7.5")]
    with pytest.raises(ImporterError, match=r"none of its 1 sheets is called 'x'"):
        read_workbook(tmp_path / "near.xlsb", "x")
    # Room for seventeen billion cells: the process that asks for it ends, and not this one.
    with pytest.raises(ImporterError, match=r"far\.xlsb: takes more memory to open"):
        read_workbook(_binary(tmp_path / "far.xlsb", 1_048_575, 16_383))
    monkeypatch.setattr(workbooks, "SECONDS", 0.01)
    with pytest.raises(ImporterError, match=r"near\.xlsb: takes more than 0 seconds to open"):
        read_workbook(tmp_path / "near.xlsb")


@pytest.mark.parametrize("data", [b"PK\x03\x04 no more", bytes.fromhex("d0cf11e0a1b11ae1") + b"x"])
def test_a_workbook_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "none.xls"
    path.write_bytes(data)
    with pytest.raises(ImporterError, match=r"none\.xls: can't be read as a workbook"):
        read_workbook(path)


def test_parquet_of_more_rows_than_a_machine_holds(tmp_path: Path) -> None:
    path, plan = tmp_path / "x.parquet", tmp_path / "m.yml"
    table = pa.table({"who": pa.DictionaryArray.from_arrays(pa.array([0]), ["b1"])})
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
    plan.write_text("table: buyers\ncolumns: {buyer_id: who}\n", encoding="utf-8")
    assert read_mapping([path], plan).rows_in == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mappings, "_MOST_CELLS", 0)
        with pytest.raises(ImporterError, match=r"x\.parquet: holds 1 cells, more than can be"):
            read_mapping([path], plan)


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


def test_a_copy_of_heads_alone_takes_time_by_its_length(tmp_path: Path) -> None:
    """Four times the heads, none of them vouched for, in four times the time and not in sixteen."""
    took = []
    for heads in (4_000, 16_000):
        path = tmp_path / f"{heads}.txt"
        path.write_text("".join(f"雨{n}2024-1-5 9:03:07\n" for n in range(heads)), encoding="utf-8")
        began = time.process_time()
        assert run_import("qianniu_chat", [path], tmp_path / str(heads)).refused == heads
        took.append(time.process_time() - began)
    assert took[1] < 8 * took[0] + 0.2


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" * 9, b"\xff\xfe", b",,,\n,,,\n", b"\n \t\n"])
def test_a_file_of_blanks_is_called_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "orders.csv").write_bytes(data)
    with pytest.raises(ImporterError, match=r"orders.csv: (holds nothing but blanks|is empty)"):
        run_import("shopify_orders", [tmp_path / "orders.csv"], tmp_path / "out")


def test_a_header_below_all_lines_is_said_with_what_stands_above(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n\n1,2\n", encoding="utf-8")
    with pytest.raises(ImporterError, match=r"from line 5 on, .* line 1 holds 'id,n'"):
        read_records(tmp_path / "a.csv", header_line=5)
