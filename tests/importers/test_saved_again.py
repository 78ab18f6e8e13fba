"""Exports that were opened, saved, joined or cut before they came here, worked out by hand."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from csinsight.contract.imports import read_imports
from csinsight.contract.textfile import decode
from csinsight.errors import ImporterError
from csinsight.importers import FORMATS, Imported, given, run_import
from csinsight.importers.import_record import cut_files
from csinsight.importers.reading import REFUSED_SCHEMA

Sound = Callable[[Imported], Imported]
HEAD = "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间"
ROWS = (
    "2380000000000000001,小雨,1100,1100,交易成功,2026-10-05 10:00:00,2026-10-05 10:01:00",
    "2380000000000000003,阿亮,80.50,80.50,交易成功,2026-10-07 23:59:59,2026-10-08 00:01:00",
)
TEXT = "\n".join((HEAD, *ROWS)) + "\n"
TRADITIONAL = str.maketrans("订单编号买会员际态创时间额状总实", "訂單編號買會員際態創時間額狀總實")


def _xml(text: str) -> bytes:
    """Return rows as a workbook of 2003; the second row says its place, and skips a cell."""
    rows = [row.split(",") for row in text.strip().split("\n")]
    cells = [
        "".join(f"<Cell><Data ss:Type='String'>{cell}</Data></Cell>" for cell in row)
        for row in rows
    ]
    table = f"<Row>{cells[0]}</Row><Row ss:Index='4'>{cells[1]}</Row><Row>{cells[2]}</Row>"
    more = "<Worksheet ss:Name='空'><Table><Row><Cell/></Row></Table></Worksheet>"
    return (
        "<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?>"
        "<Workbook xmlns:ss='urn:schemas-microsoft-com:office:spreadsheet'>"
        f"<Worksheet ss:Name='订单'><Table>{table}</Table></Worksheet>{more}</Workbook>"
    ).encode()


def _ods(text: str) -> bytes:
    """Return rows as LibreOffice keeps them."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p>'
            "</table:table-cell>"
            for cell in row.split(",")
        )
        + "</table:table-row>"
        for row in text.strip().split("\n")
    )
    body = f'<table:table table:name="订单">{rows}</table:table>'
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body>'
        f"<office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    made = io.BytesIO()
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(made, "w") as book:
        book.writestr(zipfile.ZipInfo("mimetype"), kind)
        book.writestr(zipfile.ZipInfo("content.xml"), content)
        book.writestr(
            zipfile.ZipInfo("META-INF/manifest.xml"),
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            f'><manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
            "</manifest:manifest>",
        )
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("wide commas.csv", TEXT.replace(",", "，").encode()),
        ("notes.csv", ("".join(f"说明{n}：仅供参考\n" for n in range(14)) + TEXT).encode()),
        ("broken name.csv", TEXT.replace("订单编号", '"订单\n编号"').encode()),
        ("sep line.csv", ("sep=;\r\n" + TEXT.replace(",", ";")).encode()),
        ("tabs.csv", TEXT.replace(",", "\t,").replace("\n", "\t\n").encode("gb18030")),
        ("no mark.csv", TEXT.encode("utf-16-le")),
        ("big5.csv", TEXT.translate(TRADITIONAL).encode("big5")),
        (
            "joined.csv",
            b"\xef\xbb\xbf" + f"{HEAD}\n{ROWS[0]}\n\ufeff{HEAD}\n{ROWS[1]}\n".encode(),
        ),
        ("days.csv", TEXT.replace("2026-10-05 10:00:00", "46300.4166666667").encode()),
        ("sums.csv", (TEXT + ",,1180.50,1180.50,,,\n").encode()),
        ("book.xls", _xml(TEXT)),
        ("book.ods", _ods(TEXT)),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)
def test_orders_are_the_same_however_they_were_saved(
    tmp_path: Path, sound: Sound, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    made = sound(FORMATS["taobao_orders"]([tmp_path / name]))
    orders = made.tables["orders"]
    assert orders["order_id"].to_list() == ["2380000000000000001", "2380000000000000003"]
    assert orders["paid_amount"].to_list() == [1100.0, 80.5]
    assert orders["placed_at"].to_list() == [
        datetime(2026, 10, 5, 10),
        datetime(2026, 10, 7, 23, 59, 59),
    ]
    # What was set aside is no loss, and says so.
    assert made.money_in == 1180.5
    assert made.refused.filter(~pl.col("_reason").str.contains("^no data: ")).is_empty()
    assert any("a spreadsheet counts" in note for note in made.notices) == (name == "days.csv")


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("スマホケース 透明カバー 日本製 注文済み", "shift_jis", "shift_jis"),
        ("스마트폰 케이스 블루 색상 주문 상태 배송완료 투명 커버 한국 제품", "cp949", "cp949"),
        ("Etui na telefon żółty książka ślub", "cp1250", "Western"),
        ("Чехол для телефона синий", "cp1251", "Western"),
    ],
)
def test_letters_of_other_languages_are_no_chinese(text: str, encoding: str, told: str) -> None:
    with pytest.raises(ImporterError, match=told):
        decode(text.encode(encoding), "a.csv")


def test_the_encoding_may_be_told(tmp_path: Path) -> None:
    file, plan = tmp_path / "o.csv", tmp_path / "m.yml"
    plan.write_text("encoding: cp1252\n", encoding="utf-8")
    head = "Name,Email,Financial Status,Created at,Paid at,Total,Lineitem quantity,Lineitem name"
    row = f"#1,a@x.example,paid,{AT},9.00,1,Hülle – Größe"
    file.write_bytes(f"{head}\n{row}\n".encode("cp1252"))
    with pytest.raises(ImporterError, match="encoding: cp1252"):
        FORMATS["shopify_orders"]([file])
    made = FORMATS["shopify_orders"]([file], plan)
    assert made.tables["order_lines"]["product_name"].to_list() == ["Hülle – Größe"]


@pytest.mark.parametrize("encoding", ["gb18030", "cp950", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["請問有貨嗎，什麼時候發貨", "一二三、2026-10-05 10:00\n"])
def test_chinese_is_read_in_its_encoding(text: str, encoding: str) -> None:
    if encoding.startswith("utf-16") and ":" not in text:
        # Nothing shows UTF-16 without digits, blanks or line ends, so there it is not guessed.
        text += " 2026\n" * 4
    assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "locked.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            + "EncryptedPackage".encode("utf-16-le")
            + bytes(600),
            "locked by a password",
        ),
        ("page.xls", b"MIME-Version: 1.0\r\n\r\n<table><tr><td>1</td></tr></table>", "MHTML"),
        (
            "far.xls",
            b"<Workbook><Worksheet><Row ss:Index='99999999'><Cell><Data>1</Data></Cell></Row>",
            "far from all others",
        ),
    ],
)
def test_what_can_not_be_opened_says_why(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImporterError, match=told):
        FORMATS["taobao_orders"]([tmp_path / name])


@pytest.mark.parametrize("zero", ["0000-00-00 00:00:00", "1970-01-01 08:00:00", "0001/1/1 0:00"])
@pytest.mark.parametrize("state", ["等待买家付款", "交易关闭"])
def test_a_time_that_means_none_is_none(
    tmp_path: Path, sound: Sound, zero: str, state: str
) -> None:
    row = ROWS[1].replace("交易成功", state).replace("2026-10-08 00:01:00", zero)
    (tmp_path / "o.csv").write_text(f"{HEAD}\n{ROWS[0]}\n{row}\n", encoding="utf-8")
    orders = sound(FORMATS["taobao_orders"]([tmp_path / "o.csv"])).tables["orders"]
    assert orders["paid_at"].to_list() == [datetime(2026, 10, 5, 10, 1), None]


DOUYIN = (
    "主订单编号,子订单编号,选购商品,商品数量,订单应付金额,订单提交时间,"
    + "支付完成时间,订单状态,售后状态"
)
AT = "2026-10-05 10:00:00,2026-10-05 10:01:00"


def _orders(folder: Path, name: str, text: str, **told: str) -> pl.DataFrame:
    (folder / "o.csv").write_text(text, encoding="utf-8")
    made = FORMATS[name]([folder / "o.csv"], **told)
    assert made.rows_in == made.rows_out + made.refused.height
    return made.tables["orders"]


def test_line_numbers_that_were_spoilt_make_no_two_lines_one(tmp_path: Path) -> None:
    row = f"69001,6.90E+17,壳,1,41.00,{AT},已完成,-\n"
    whole = f"69002,6.90E+17,壳,1,10.00,{AT},发货后退款完结,-\n"
    orders = _orders(tmp_path, "douyin_orders", f"{DOUYIN}\n{row}{row}{whole}")
    told = orders.select("order_id", "paid_amount", "units", "refund_amount").rows()
    assert told == [("69001", 82.0, 2, 0.0), ("69002", 10.0, 1, 10.0)]


JD = (
    "订单号,商品ID,商品名称,订购数量,京东价,订单金额,应付金额,订单状态,"
    + "下单帐号,下单时间,付款确认时间,运单号"
)


@pytest.mark.parametrize(("amount", "units"), [("218.00", 3), ("377.00", 5)])
def test_a_line_in_two_parcels_is_one(tmp_path: Path, amount: str, units: int) -> None:
    end = f"{amount},{amount},完成,jd_a,{AT}"
    rows = [f"1,10,壳,1,59.00,{end},J1", *(f"1,11,膜,2,79.50,{end},J{n}" for n in (1, 2))]
    orders = _orders(tmp_path, "jd_orders", "\n".join((JD, *rows)))
    assert orders.select("paid_amount", "units").rows() == [(float(amount), units)]


def test_a_cancelled_line_leaves_the_rest_of_its_order(tmp_path: Path) -> None:
    head = (
        "amazon-order-id\tpurchase-date\torder-status\tquantity\titem-price\tcurrency\titem-status"
    )
    at = "2026-10-05T07:30:00+00:00"
    rows = [
        f"302-1\t{at}\tShipped\t1\t10.00\tEUR\tShipped",
        f"302-1\t{at}\tCancelled\t0\t\t\tCancelled",
    ]
    rows += [f"302-2\t{at}\tCancelled\t0\t\t\tCancelled"]
    orders = _orders(tmp_path, "amazon_orders", "\n".join((head, *rows)), timezone="Europe/Berlin")
    assert orders.select("order_id", "paid_amount", "units").rows() == [("302-1", 10.0, 1)]


def test_one_phone_in_several_spellings_is_one_buyer(tmp_path: Path) -> None:
    spelt = ("+86 138-0013-8000", "86-13800138000", "13800138000", "13800138000.0", "138 0013 8000")
    head = "订单号,订单状态,订单创建时间,买家付款时间,买家手机号,订单实付金额,商品数量"
    rows = [f"E{n},交易完成,{AT},{phone},59.00,1" for n, phone in enumerate(spelt)]
    orders = _orders(tmp_path, "youzan_orders", "\n".join((head, *rows)))
    assert orders["buyer_id"].to_list() == ["13800138000"] * 5


def test_mapped_chats_of_exports_that_overlap_are_not_doubled(tmp_path: Path) -> None:
    plan = tmp_path / "m.yml"
    plan.write_text(
        "table: messages\ncolumns: {buyer_id: b, agent_id: a, sender: s, sent_at: at, text: t}\n",
        encoding="utf-8",
    )
    rows = [f"b1,a1,{who},2026-10-05 10:00:{n:02d},在" for n, who in enumerate(("buyer", "agent"))]
    # Twice in the fuller file: it was said twice.
    parts = {
        "x.csv": [rows[0], rows[1], rows[1]],
        "y.csv": [rows[1], "b1,a1,buyer,2026-10-05 11:00,好"],
    }
    files = [tmp_path / name for name in parts]
    for file in files:
        file.write_text("\n".join(("b,a,s,at,t", *parts[file.name])), encoding="utf-8")
    for number, order in enumerate((files, files[::-1])):
        report = run_import("mapping", order, tmp_path / f"shop{number}", plan)
        assert (report.rows_in, report.rows_out, report.repeated) == (5, 4, 1)


def _zip(parts: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def test_an_archive_stands_for_its_files(tmp_path: Path) -> None:
    parts = [f"{HEAD}\n{row}\n".encode("gb18030") for row in ROWS]
    data = _zip({"a/订单.csv": parts[0], "b/订单.csv": parts[1], "__MACOSX/._订单.csv": b"x"})
    (tmp_path / "orders.zip").write_bytes(data)
    report = run_import("taobao_orders", [tmp_path / "orders.zip"], tmp_path / "shop")
    assert report.files == ("orders.zip/a/订单.csv", "orders.zip/b/订单.csv")
    assert (report.rows_out, report.money_out) == (2, 1180.5)
    # The file itself is known again, however it comes.
    (tmp_path / "a.csv").write_bytes(parts[0])
    again = run_import("taobao_orders", [tmp_path / "a.csv"], tmp_path / "shop")
    assert again.counts["orders"] == 2
    assert len(read_imports(tmp_path / "shop")) == 2


def _locked() -> bytes:
    data = bytearray(_zip({"o.csv": TEXT.encode()}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_locked(), "locked by a password"),
        (_zip({".DS_Store": b"x"}), "holds 0 files"),
        (_zip({"o.csv": TEXT.encode()})[:-40], "its end is missing"),
    ],
    ids=["locked", "nothing", "cut"],
)
def test_an_archive_that_can_not_be_used_says_why(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "o.zip").write_bytes(data)
    with pytest.raises(ImporterError, match=told):
        run_import("taobao_orders", [tmp_path / "o.zip"], tmp_path / "shop")
    assert not (tmp_path / "shop").exists()


def test_an_archive_made_to_fill_a_disk_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "_LARGE", 1000)
    (tmp_path / "o.zip").write_bytes(_zip({"o.csv": bytes(1 << 20)}))
    with pytest.raises(ImporterError, match="grows to more than 100 times"):
        run_import("taobao_orders", [tmp_path / "o.zip"], tmp_path / "shop")


def test_sheets_beside_the_one_that_a_mapping_names_are_said(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        for name in ("十月", "九月"):
            book.add_worksheet(name).write_row(0, 0, ["id", "day"])
    plan = tmp_path / "m.yml"
    plan.write_text(
        "table: orders\nsheet: 十月\ncolumns: {order_id: id, placed_at: day}\n", encoding="utf-8"
    )
    (note,) = (n for n in FORMATS["mapping"]([tmp_path / "o.xlsx"], plan).notices if "九月" in n)
    assert note.endswith("is not the `sheet` that the mapping names, and is not read")


@pytest.mark.parametrize(("rows", "told"), [(499, True), (500, True), (501, False)])
def test_a_file_of_as_many_rows_as_exports_are_cut_at_is_said(rows: int, told: bool) -> None:
    used = pl.DataFrame({"_file": ["a.csv"] * rows})
    made = Imported({}, pl.DataFrame(schema=REFUSED_SCHEMA), rows, rows, used=used)
    assert [note.kind for note in cut_files(made)] == ["may_be_cut"] * told


def test_two_figures_for_one_day_and_agent_are_none(tmp_path: Path) -> None:
    rows = "日期,客服,接待人数\n2026-10-05,小李,12\n2026-10-05,小李,15\n2026-10-06,小李,9\n"
    (tmp_path / "k.csv").write_text(rows, encoding="utf-8")
    made = FORMATS["platform_kpis"]([tmp_path / "k.csv"])
    assert made.tables["platform_kpis"]["value"].to_list() == [9.0]
    assert made.refused["_line"].to_list() == [2, 3]
    assert "other figures for this day and agent" in made.refused["_reason"][0]


@pytest.mark.parametrize(
    "form",
    [
        "{} 2026-10-05 10:00:0{}.123",
        "{} 2026-10-05 星期一 10:00:0{}",
        "[{}] 2026/10/5 周一 10:00:0{}.5",
    ],
)
def test_heads_of_chats_with_parts_of_seconds_or_days_of_the_week(
    tmp_path: Path, form: str
) -> None:
    said = [("小雨", "在吗"), ("旗舰店:小李", "在的")]
    text = "".join(f"{form.format(who, n)}\n{what}\n" for n, (who, what) in enumerate(said))
    (tmp_path / "c.txt").write_text(text, encoding="utf-8")
    table = FORMATS["qianniu_chat"]([tmp_path / "c.txt"]).tables["messages"]
    assert table.select("sender", "sent_at", "text").rows() == [
        ("buyer", datetime(2026, 10, 5, 10), "在吗"),
        ("agent", datetime(2026, 10, 5, 10, 0, 1), "在的"),
    ]


def test_a_ticket_of_two_exports_is_told_once(tmp_path: Path) -> None:
    users = [{"id": 1, "role": "end-user"}, {"id": 2, "role": "agent", "name": "Zoe"}]
    said = [
        {"id": n, "author_id": 1 + n % 2, "created_at": f"2026-10-05T13:0{n}:00Z", "body": "hi"}
        for n in range(3)
    ]
    ticket = {"id": 7, "requester_id": 1}
    for name, comments in (("a.json", said[:2]), ("b.json", said)):
        told = {"users": users, "tickets": [{**ticket, "comments": comments}]}
        (tmp_path / name).write_text(json.dumps(told), encoding="utf-8")
    files = [tmp_path / "b.json", tmp_path / "a.json"]
    made = FORMATS["zendesk"](files, timezone="America/New_York")
    assert made.tables["messages"].height == 3
    assert (made.rows_in, made.refused["_file"].to_list()) == (5, ["b.json", "b.json"])


@pytest.mark.parametrize("buyer", ["tb1", "t**1", "cntaobaotb1"])
def test_who_writes_in_a_session_whose_nicks_are_masked_or_named_within(
    tmp_path: Path, buyer: str
) -> None:
    shop, robot = "cntaobao旗舰店:小李", "店小蜜"
    heads = [("cntaobaotb1", shop), (shop, "cntaobaotb1"), (robot, "cntaobaotb1")]
    messages = [
        {"gmtCreated": f"2026-10-05 10:00:0{n}", "userNickFrom": one, "userNickTo": to, "msg": "在"}
        for n, (one, to) in enumerate(heads)
    ]
    meta = {"dataId": "1_a_9", "buyerNick": buyer, "psnNickName": "旗舰店:小李"}
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"sessions": [{"meta": meta, "messages": messages}]}), "utf-8")
    made = FORMATS["sycm_chats"]([file])
    assert made.tables["messages"]["sender"].to_list() == ["buyer", "agent", "bot"]
    assert set(made.tables["messages"]["buyer_id"]) == {"9" if "*" in buyer else "tb1"}
    assert made.tables["agents"]["agent_id"].to_list() == ["旗舰店:小李"]


def test_a_sheet_of_notes_beside_mapped_ones_is_left_and_said(tmp_path: Path) -> None:
    sheets = {"说明": [["由千牛导出"]], "十月": [["id", "day"], ["1", "2026-10-05 10:00"]]}
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    plan = tmp_path / "m.yml"
    plan.write_text("table: orders\ncolumns: {order_id: id, placed_at: day}\n", encoding="utf-8")
    made = FORMATS["mapping"]([tmp_path / "o.xlsx"], plan)
    assert made.tables["orders"]["order_id"].to_list() == ["1"]
    assert any("说明" in note and "not read" in note for note in made.notices)
    # One that lacks a column of several is meant.
    plan.write_text("table: orders\ncolumns: {order_id: id, placed_at: at}\n", encoding="utf-8")
    with pytest.raises(ImporterError, match="sheet 十月: has no column 'at'"):
        FORMATS["mapping"]([tmp_path / "o.xlsx"], plan)


def test_a_later_file_of_figures_corrects_and_quotes_are_taken_off(tmp_path: Path) -> None:
    head = '\ufeff"日期","客服","接待人数"\r\n'
    for day, value in (("20261006", 12), ("20261008", 15)):
        row = f'="2026-10-05","小李\t","{value}\t"\r\n'
        (tmp_path / f"客服数据_{day}.csv").write_text(head + row, encoding="utf-8")
    table = FORMATS["platform_kpis"](sorted(tmp_path.glob("*.csv"))[::-1]).tables["platform_kpis"]
    assert table.select("agent_id", "value", "source").rows() == [("小李", 15.0, "客服数据")]
