"""Exports in the odd forms that platforms and spreadsheets give them, worked out by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from csinsight.contract.imports import read_imports
from csinsight.errors import ImporterError
from csinsight.importers import FORMATS, Imported, run_import
from csinsight.importers.mapping import read_mapping
from csinsight.importers.platform_orders import READERS
from csinsight.importers.shopify_orders import read_shopify_orders
from csinsight.importers.taobao_orders import read_taobao_orders

Sound = Callable[[Imported], Imported]
TAOBAO = "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间"
ROWS = (
    "2380000000000000001,小雨,1100,1100,交易成功,2026-10-05 10:00:00,2026-10-05 10:01:00",
    "2380000000000000003,阿亮,80.50,80.50,交易成功,2026-10-07 23:59:59,2026-10-08 00:01:00",
)
TEXT = "\n".join((TAOBAO, *ROWS)) + "\n"


def _page(text: str) -> str:
    rows = ("".join(f"<td>{c}</td>" for c in row.split(",")) for row in text.split("\n") if row)
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<html><meta charset='gbk'><body><table border=1>{table}</table></body></html>"


def _book(text: str) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        for name, rows in (("说明", ["本表由千牛导出"]), ("订单", text.strip().split("\n"))):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row.split(","))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tabs.xls", TEXT.replace(",", "\t").encode("utf-16")),
        ("tabs2.xls", TEXT.replace(",", "\t").encode("gb18030")),
        ("plain.xlsx", TEXT.encode("utf-8-sig")),
        ("page.xls", _page(TEXT).encode("gb18030")),
        ("book.csv", _book(TEXT)),
        ("wide.csv", TEXT.replace("总金额", " 總金額（元） ").replace("订单", "訂單").encode()),
        ("title.csv", f"订单报表,,\n导出时间：2026-11-01,,\n{TEXT}合计,,1180.50\n".encode()),
        ("ends.csv", TEXT.replace(",订单付款时间", ",订单付款时间,,").encode()),
        ("twice.csv", f"{TAOBAO}\n{ROWS[0]}\n{TAOBAO}\n{ROWS[1]}\n".encode()),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)
def test_a_file_is_what_its_bytes_say(tmp_path: Path, sound: Sound, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    orders = sound(read_taobao_orders([tmp_path / name])).tables["orders"]
    assert orders["order_id"].to_list() == ["2380000000000000001", "2380000000000000003"]
    assert orders["paid_amount"].to_list() == [1100.0, 80.5]


def test_a_sheet_that_is_not_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(_book(TEXT))
    told = " ".join(read_taobao_orders([tmp_path / "book.xlsx"]).notices)
    assert "sheet 说明: has other columns and is not read" in told
    run_import("taobao_orders", [tmp_path / "book.xlsx"], tmp_path / "shop")
    (entry,) = read_imports(tmp_path / "shop")
    assert [(note.kind, note.count) for note in entry.notes] == [("unread_sheets", 1)]


@pytest.mark.parametrize("ends", ["", ",,", ",,,,"])
def test_a_quoted_message_over_lines_under_a_header_that_ends_in_separators(
    tmp_path: Path, sound: Sound, ends: str
) -> None:
    file = tmp_path / "jm.csv"
    at = "2026-10-05 10:00:0"
    text = f"customer,waiter,created,waiterSend,content{ends}\n"
    text += f'a,b,{at}0,0,"在吗\n有, 货吗\n\n""急"""\na,b,{at}1,1,有\n'
    text += f'a,b,{at}2,0,"好的\n谢谢"{ends}\na,b,{at}3,0,"没有收尾\na,b,{at}4,1,不客气\n'
    file.write_text(text, encoding="utf-8")
    made = sound(FORMATS["jingmai_chats"]([file]))
    told = ['在吗\n有, 货吗\n\n"急"', "有", "好的\n谢谢", "不客气"]
    assert made.tables["messages"]["text"].to_list() == told
    assert made.refused["_line"].to_list() == [9]


@pytest.mark.parametrize(
    ("more", "told"),
    [("", ["untold_shop"]), ("sid", []), ("店铺名称", [])],
    ids=["neither", "sessions", "shop"],
)
def test_jingmai_chats_that_could_be_of_two_shops_are_said_to_be(
    tmp_path: Path, more: str, told: list[str]
) -> None:
    file, plan = tmp_path / "jm.csv", tmp_path / "m.yml"
    rows = f"customer,waiter,created,waiterSend,content,{more}\na,b,2026-10-05 10:00:00,0,在吗,7\n"
    file.write_text(rows, encoding="utf-8")
    report = run_import("jingmai_chats", [file], tmp_path / "shop")
    assert any("could not be told apart" in note for note in report.notices) == bool(told)
    assert [note.kind for note in read_imports(tmp_path / "shop")[0].notes] == told
    plan.write_text("one_shop: true\n", encoding="utf-8")
    run_import("jingmai_chats", [file], tmp_path / "one", plan)
    assert not read_imports(tmp_path / "one")[0].notes


def _archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        # With a moment of its own: workers of one test run have to collect the same bytes.
        archive.writestr(zipfile.ZipInfo("ExportOrderList_a.csv"), TEXT)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.zip", _archive(), r"x\.zip: is an archive \(ExportOrderList_a\.csv\); unpack it"),
        ("x.csv", _archive(), r"x\.csv: is an archive"),
        ("x.rar", b"Rar!\x1a\x07", "RAR archive, not text; unpack"),
        ("x.xls", b"<?xml?><Workbook xmlns='ss'><Table/></Workbook>", "sheets hold no row"),
        ("x.xls", b"<html><table></table></html>", "holds no row"),
        ("x.csv", TEXT.replace("小雨", "x").encode() + b"\xff\xfe", "neither|not UTF-8"),
        ("x.csv", TEXT.replace("订单创建时间", "下单日").encode(), "订单创建时间.*found: 订单编号"),
    ],
    ids=["zip", "zip-as-csv", "rar", "xml", "html", "broken-bytes", "other-header"],
)
def test_what_can_not_be_read_is_said_with_its_mend(
    tmp_path: Path, name: str, data: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImporterError, match=told):
        read_taobao_orders([tmp_path / name])


def test_western_letters_are_no_chinese(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_bytes("Name,Lineitem name\n#1,Tee Größe L\n#2,Crème brûlée\n".encode("cp1252"))
    with pytest.raises(ImporterError, match="Western encoding"):
        read_shopify_orders([file])


@pytest.mark.parametrize(
    ("second", "refused"), [("10", False), ("99", True)], ids=["alike", "different"]
)
def test_a_name_over_two_columns(tmp_path: Path, second: str, refused: bool) -> None:
    file, plan = tmp_path / "o.csv", tmp_path / "m.yml"
    file.write_text(f"id,at,sum,sum\n1,2026-10-05 10:00,10,{second}\n", encoding="utf-8")
    plan.write_text("table: orders\ncolumns: {order_id: id, placed_at: at, paid_amount: sum}\n")
    if refused:
        with pytest.raises(ImporterError, match=r"o\.csv: has two columns 'sum' that differ"):
            read_mapping([file], plan)
    else:
        assert read_mapping([file], plan).tables["orders"]["paid_amount"].to_list() == [10.0]


YOUZAN = (
    "订单号,订单创建时间,买家付款时间,买家昵称,商品名称,商品数量,商品单价,订单实付金额,"
    "订单状态,退款状态,已退款金额\n"
)


def _youzan(goods: str, units: int, price: int, state: str = "", back: str = "-") -> str:
    at = "2026-10-05 10:00:00,2026-10-05 10:01:00"
    return f"E1,{at},小雨,{goods},{units},{price},100,交易完成,{state},{back}\n"


@pytest.mark.parametrize(
    ("rows", "refund"),
    [
        # Given back for one line; told on one line, or on each; untold: what the line costs.
        (_youzan("茶", 1, 60, "部分退款", "20") + _youzan("杯", 2, 20), 20.0),
        (_youzan("茶", 1, 60, "", "20") + _youzan("杯", 2, 20, "", "20"), 20.0),
        (_youzan("茶", 1, 60, "", "20") + _youzan("杯", 2, 20, "", "5"), 25.0),
        (_youzan("茶", 1, 60, "退款成功") + _youzan("杯", 2, 20), 60.0),
        (_youzan("茶", 1, 60, "退款成功") + _youzan("杯", 2, 20, "退款成功"), 100.0),
        # The same order exported twice, one export below the other.
        (
            _youzan("茶", 1, 60)
            + _youzan("杯", 2, 20)
            + _youzan("茶", 1, 60, "", "20")
            + _youzan("杯", 2, 20, "", "20"),
            20.0,
        ),
    ],
)
def test_lines_of_one_order_may_differ_in_their_refund(
    tmp_path: Path, sound: Sound, rows: str, refund: float
) -> None:
    (tmp_path / "y.csv").write_text(YOUZAN + rows, encoding="utf-8")
    made = sound(READERS["youzan_orders"]([tmp_path / "y.csv"]))
    order = made.tables["orders"].row(0, named=True)
    assert (order["paid_amount"], order["refund_amount"], order["units"]) == (100.0, refund, 3)
    assert made.tables["order_lines"]["amount"].sum() == 100.0
    assert made.used is not None
    assert made.used["_money"].sum() == 100.0


def test_like_lines_that_differ_in_their_refund_are_said_to_count_as_one(tmp_path: Path) -> None:
    rows = _youzan("茶", 1, 60) + _youzan("茶", 1, 60, "", "20") + _youzan("杯", 2, 20)
    (tmp_path / "y.csv").write_text(YOUZAN + rows, encoding="utf-8")
    report = run_import("youzan_orders", [tmp_path / "y.csv"], tmp_path / "shop")
    assert any("1 lines are like another" in told for told in report.notices)
    (entry,) = read_imports(tmp_path / "shop")
    assert [(note.kind, note.rows) for note in entry.notes] == [("like_lines", 1)]
    # Paid meanwhile: the same line in a newer state, of which nothing is to be said.
    rows = _youzan("茶", 1, 60) + _youzan("茶", 1, 60).replace("2026-10-05 10:01:00", "")
    (tmp_path / "y.csv").write_text(YOUZAN + rows.replace("交易完成", "待发货"), encoding="utf-8")
    report = run_import("youzan_orders", [tmp_path / "y.csv"], tmp_path / "other")
    assert not read_imports(tmp_path / "other")[0].notes


def test_amazons_gift_wrap_and_what_is_taken_off_the_postage(tmp_path: Path) -> None:
    names = {
        "amazon-order-id": "1",
        "purchase-date": "2026-10-05T10:00:00+00:00",
        "order-status": "Shipped",
        "quantity": "2",
        "currency": "USD",
        "item-price": "40.00",
        "item-tax": "3.20",
        "shipping-price": "5.99",
        "gift-wrap-price": "3.00",
        "gift-wrap-tax": "0.25",
        "item-promotion-discount": "4.00",
        "ship-promotion-discount": "5.99",
    }
    text = "\n".join("\t".join(row) for row in (names, names.values()))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    made = READERS["amazon_orders"]([tmp_path / "a.txt"], timezone="America/New_York")
    # 40 + 3.20 + 5.99 + 3 + 0.25 - 4 - 5.99
    assert made.tables["orders"]["paid_amount"].to_list() == [42.45]
    assert made.tables["orders"]["list_amount"].to_list() == [52.44]


@pytest.mark.parametrize("name", ["退款总额", "退款金额"])
def test_refunds_that_no_column_tells_are_said_to_be_unknown(tmp_path: Path, name: str) -> None:
    file = tmp_path / "o.csv"
    file.write_text("\n".join((f"{TAOBAO},{name}", f"{ROWS[0]},10")), encoding="utf-8")
    told = " ".join(read_taobao_orders([file]).notices)
    assert ("no column 退款金额" in told) == (name != "退款金额")
    douyin = "订单编号,选购商品,商品数量,订单应付金额,订单提交时间,支付完成时间,订单状态"
    row = "1,茶,1,59,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,10"
    file.write_text(f"{douyin},{name}\n{row}\n", encoding="utf-8")
    told = " ".join(READERS["douyin_orders"]([file]).notices)
    assert ("no column 退款金额" in told) == (name != "退款金额")


def test_marks_for_nothing_and_states_in_brackets(tmp_path: Path, sound: Sound) -> None:
    head = "订单号,商品名称,订购数量,下单时间,京东价,订单金额,余额支付,应付金额,订单状态,下单帐号,"
    rows = (
        "付款确认时间\n"
        "1,耳机,1,2026-10-05 10:00:00,99,99,--,99,（锁定）等待出库,a,2026-10-05 10:01:00\n"
        "2,耳机,1,2026-10-05 10:00:00,99,99,-,99,（删除）等待付款确认,b,-\n"
        "3,耳机,1,2026-10-05 10:00:00,99,99,0.00,99,(锁定)等待付款确认,c,—\n"
    )
    (tmp_path / "jd.csv").write_text(head + rows, encoding="gb18030")
    made = sound(READERS["jd_orders"]([tmp_path / "jd.csv"]))
    assert made.tables["orders"]["paid_at"].is_null().to_list() == [False, True, True]
    assert not made.refused.height


def test_decimal_commas_of_a_spreadsheet(tmp_path: Path, sound: Sound) -> None:
    head = "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity"
    row = "#1,a@x,paid,2026-10-05 10:00:05 +0200,EUR,{},2026-10-05 10:00:00 +0200,1"
    text = f"{head}\n{row}\n".replace(",", ";").format("1.234,50")
    file, told = tmp_path / "o.csv", tmp_path / "m.yml"
    file.write_text(text, encoding="utf-8")
    told.write_text("decimal: ','\n", encoding="utf-8")
    (why,) = read_shopify_orders([file]).refused["_reason"]
    assert "where a comma is the decimal mark, say `decimal: ','`" in why
    assert sound(read_shopify_orders([file], told)).tables["orders"]["paid_amount"][0] == 1234.5


def test_days_that_a_spreadsheet_counts_in_an_order_of_shopify(tmp_path: Path) -> None:
    head = "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity"
    file = tmp_path / "o.csv"
    file.write_text(f"{head}\n#1,a@x,paid,46300.4,EUR,9,46300.375,1\n", encoding="utf-8")
    made = read_shopify_orders([file])
    (order,) = made.tables["orders"].select("placed_at", "paid_at").cast(str).rows()
    assert order == ("2026-10-05 09:00:00.000000", "2026-10-05 09:36:00.000000")
    assert "1 rows have times as days" in " ".join(map(str, made.notices))


def test_decimal_commas_of_taobao_and_its_goods_lists(tmp_path: Path, sound: Sound) -> None:
    orders, goods, told = tmp_path / "o.csv", tmp_path / "ExportOrderDetailList.csv", tmp_path / "m"
    row = "2380000000000000001;小雨;1.100,50;1.100,50;交易成功;2026-10-05 10:00;2026-10-05 10:01"
    orders.write_text(f"{TAOBAO.replace(',', ';')}\n{row}\n", encoding="utf-8")
    goods.write_text(
        "订单编号;标题;价格;购买数量;外部系统编号;商品属性;套餐信息;备注;订单状态;商家编码\n"
        "2380000000000000001;茶;600,25;2;;;;;;\n",
        encoding="utf-8",
    )
    told.write_text("decimal: ','\n", encoding="utf-8")
    assert "decimal: ','" in read_taobao_orders([orders]).refused["_reason"][0]
    made = sound(read_taobao_orders([orders, goods], told)).tables["orders"]
    assert (made["paid_amount"][0], made["list_amount"][0], made["units"][0]) == (1100.5, 1200.5, 2)


def test_numbers_that_a_spreadsheet_spoilt_are_no_repeats(tmp_path: Path) -> None:
    file, plan = tmp_path / "o.csv", tmp_path / "m.yml"
    file.write_text("id,at,sum\n2.38E+18,2026-10-05,10\n2.38E+18,2026-10-06,20\n", encoding="utf-8")
    plan.write_text("table: orders\ncolumns: {order_id: id, placed_at: at, paid_amount: sum}\n")
    made = read_mapping([file], plan)
    assert made.refused["_money"].sum() == 30.0
    assert made.refused["_reason"].str.contains("spoilt by a spreadsheet").all()


def _taiwan(text: str) -> str:
    """Write the characters of the rows below as they are written in Taiwan."""
    plain = "订单号实际应编总额态创建时间买会员缴闭关卖家货户为无请退帐确认数锁"
    theirs = "訂單號實際應編總額態創建時間買會員繳閉關賣家貨戶為無請退帳確認數鎖"
    return text.translate(str.maketrans(plain, theirs))


def test_states_in_traditional_characters_are_those_states(tmp_path: Path, sound: Sound) -> None:
    file, plan = tmp_path / "o.csv", tmp_path / "m.yml"
    at = "2026-10-05 10:00:00"
    taobao = f"{TAOBAO},退款金额\nA1,甲,9,9,卖家已发货，等待买家确认,{at},{at},无退款申请\n"
    taobao += f"A2,乙,9,0,交易关闭,{at},,-\n"
    file.write_text(_taiwan(taobao), encoding="utf-8")
    orders = sound(read_taobao_orders([file])).tables["orders"]
    assert orders["paid_at"].is_null().to_list() == [False, True]
    assert orders["refund_amount"].to_list() == [0.0, 0.0]
    jd = "订单号,商品名称,订购数量,下单时间,订单金额,应付金额,支付方式,订单状态,下单帐号,"
    jd += "付款确认时间\n"
    jd += f"1,茶,1,{at},9,9,货到付款,（锁定）等待出库,甲,\n2,茶,1,{at},9,9,在线支付,等待付款,乙,\n"
    file.write_text(_taiwan(jd), encoding="utf-8")
    made = sound(READERS["jd_orders"]([file]))
    assert made.tables["orders"]["paid_at"].is_null().to_list() == [False, True]
    assert any("paid on delivery" in told for told in made.notices)
    file.write_text(f"who,by,side,at,text\nb1,a1,{_taiwan('买家')},{at},在吗\n", encoding="utf-8")
    plan.write_text(
        "table: messages\ncolumns:\n  buyer_id: who\n  agent_id: by\n  sent_at: at\n  text: text\n"
        "  sender: {from: side, values: {买家: buyer, '*': agent}}\n",
        encoding="utf-8",
    )
    assert read_mapping([file], plan).tables["messages"]["sender"].to_list() == ["buyer"]


@pytest.mark.parametrize("name", ["mapping", "shopify_orders", "jingmai_chats"])
def test_times_without_a_zone_beside_times_with_one_are_counted(tmp_path: Path, name: str) -> None:
    given = ("2026-10-05T10:00:00Z", "2026-10-05 10:00:00", "2026-10-05 11:00:00")
    file, plan = tmp_path / "f.csv", tmp_path / "m.yml"
    if name == "mapping":
        rows = "id,at,sum\n" + "".join(f"{n},{at},10\n" for n, at in enumerate(given))
        plan.write_text(
            "table: orders\ntimezone: Asia/Shanghai\n"
            "columns: {order_id: id, placed_at: at, paid_amount: sum}\n"
        )
    elif name == "shopify_orders":
        rows = "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity\n"
        rows += "".join(f"#{n},a@x,paid,{at},EUR,9,{at},1\n" for n, at in enumerate(given))
    else:
        rows = "customer,waiter,created,waiterSend,content,店铺\n"
        rows += "".join(f"a,b,{at},0,在吗{n},甲店\n" for n, at in enumerate(given))
    file.write_text(rows, encoding="utf-8")
    zone = None if name == "mapping" else "Asia/Shanghai"
    told = plan if name == "mapping" else None
    run_import(name, [file], tmp_path / "shop", told, timezone=zone)
    (entry,) = read_imports(tmp_path / "shop")
    assert [(note.kind, note.rows) for note in entry.notes] == [("no_zone", 2)]
    # All of them without a zone: nothing to mind.
    file.write_text(rows.replace(given[0], given[1]), encoding="utf-8")
    run_import(name, [file], tmp_path / "other", told, timezone=zone)
    assert read_imports(tmp_path / "other")[0].notes == []
