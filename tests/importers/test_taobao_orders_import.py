"""Taobao order exports: hand-written samples of both generations, hand-read values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.importers import Imported, ImporterError, run_import
from csinsight.importers.taobao_orders import read_taobao_orders

Sound = Callable[[Imported], Imported]

OLD_HEADER = (
    "订单编号,买家会员名,买家支付宝账号,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,"
    "收货地址 ,订单创建时间,订单付款时间 ,宝贝总数量"
)
FIRST = (
    '="1930679858170647",小雨1627,a@b.c,598,0,598.00,598.00,买家已付款，等待卖家发货,吉林省,'
    "2016/5/23 22:02,2016/5/23 22:03,1"
)
OLD = f"""{OLD_HEADER}
{FIRST}
="1930679858170648",大山,,100,8,108,0,等待买家付款,北京,2016/5/23 9:00,,2
="1930679858170649",大山\t,,50,0,50,0,交易关闭,北京,2016/5/24 9:00,2016/5/24 9:01,1
1.93068E+15,大山,,50,0,50,50,交易成功,北京,2016/5/25 9:00,2016/5/25 9:01,1
="1930679858170651",大山,,50,0,50,50,交易成功,北京,2016/5/25 9:00,,1
="1930679858170652",大山,,abc,0,50,50,交易成功,北京,2016/5/25 9:00,2016/5/25 9:01,1
"""
NEW_HEADER = (
    "订单编号,买家会员名,支付单号,支付详情,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,"
    "订单创建时间,订单付款时间 ,宝贝总数量,退款金额,确认收货时间,打款商家金额"
)


def new_row(number: int, buyer: str, paid: str, refund: str, state: str = "交易成功") -> str:
    return (
        f'"=""19306798581706{number}""","{buyer}",,,"100","0","100","{paid}","{state}",'
        f'"2024-01-05 09:03:07","2024-01-05 09:04:07","3","{refund}","","100元"'
    )


NEW = "\n".join(
    [
        NEW_HEADER,
        new_row(11, "甲", "100", "0"),
        new_row(12, "乙", "100", "30"),
        new_row(13, "丙", "60", "40"),
        new_row(14, "丁", "0", "90", "交易关闭"),
        new_row(15, "戊", "100", "无退款申请", "卖家已发货,等待买家确认"),
    ]
)


def write(folder: Path, name: str, text: str, encoding: str = "gb18030") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_old_generation_in_gbk(tmp_path: Path, sound: Sound) -> None:
    result = sound(read_taobao_orders([write(tmp_path, "ExportOrderList1.csv", OLD)]))
    orders = result.tables["orders"]
    assert orders["order_id"].to_list() == [f"19306798581706{n}" for n in (47, 48, 49)]
    assert orders["buyer_id"].to_list() == ["小雨1627", "大山", "大山"]
    assert orders["placed_at"][0] == datetime(2016, 5, 23, 22, 2)
    assert orders["paid_at"].to_list() == [
        datetime(2016, 5, 23, 22, 3),
        None,
        datetime(2016, 5, 24, 9, 1),
    ]
    assert orders["paid_amount"].to_list() == [598, 108, 50]
    assert orders["refund_amount"].to_list() == [None, None, 50]
    assert orders["units"].to_list() == [1, 2, 1]
    assert orders["list_amount"].null_count() == 3
    refused = dict(result.refused.select("_line", "_reason").iter_rows())
    assert sorted(refused) == [5, 6, 7]
    assert "1.9E+15" in refused[5]
    assert refused[6] == "订单状态 says paid, but 订单付款时间 is empty"
    assert refused[7].startswith("买家应付货款 is not a number")
    assert (result.rows_in, result.rows_out) == (6, 3)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_new_generation_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    result = read_taobao_orders([write(tmp_path, "x.csv", NEW, encoding)])
    orders = result.tables["orders"]
    # Gross of refunds: this file shows 实际支付 net of them (丙, 丁), so 乙 does not fit.
    assert orders["paid_amount"].to_list() == [100, 100, 90, 100]
    assert orders["refund_amount"].to_list() == [0, 40, 90, 0]
    assert orders["paid_at"].null_count() == 0
    assert result.refused["_line"].to_list() == [3]
    assert "net of refunds, this row gross" in result.refused["_reason"][0]
    assert "net of refunds here" in " ".join(result.notices)
    assert result.money_in == 100 + 130 + 100 + 90 + 100


def test_gross_and_net_are_told_apart_by_file(tmp_path: Path) -> None:
    gross = [NEW_HEADER, new_row(11, "甲", "100", "30"), new_row(12, "乙", "70", "20")]
    result = read_taobao_orders([write(tmp_path, "x.csv", "\n".join(gross))])
    assert result.tables["orders"]["paid_amount"].to_list() == [100, 70]
    assert result.tables["orders"]["refund_amount"].to_list() == [30, 20]


def test_full_and_half_width_commas_say_the_same(tmp_path: Path) -> None:
    both = OLD.replace("买家已付款，等待卖家发货", '"买家已付款,等待卖家发货"')
    one = read_taobao_orders([write(tmp_path, "a.csv", OLD)]).tables["orders"]
    other = read_taobao_orders([write(tmp_path, "b.csv", both)]).tables["orders"]
    assert one.equals(other)


def test_all_masked_buyers_leave_the_column_empty(tmp_path: Path) -> None:
    text = "\n".join([NEW_HEADER, new_row(11, "摩**", "100", "0"), new_row(12, "t**8", "100", "0")])
    result = read_taobao_orders([write(tmp_path, "x.csv", text)])
    assert result.tables["orders"]["buyer_id"].to_list() == [None, None]
    assert "masked" in result.notices[0]


def test_single_masked_buyers_are_refused(tmp_path: Path) -> None:
    text = "\n".join([NEW_HEADER, new_row(11, "摩**", "100", "0"), new_row(12, "乙", "100", "0")])
    result = read_taobao_orders([write(tmp_path, "x.csv", text)])
    assert result.tables["orders"]["buyer_id"].to_list() == ["乙"]
    assert result.refused["_line"].to_list() == [2]


def test_a_goods_list_alone_is_refused_and_beside_an_order_list_fills_in(tmp_path: Path) -> None:
    goods = write(
        tmp_path,
        "ExportOrderDetailList.csv",
        "订单编号,标题,价格,购买数量,订单状态\n"
        + "".join(f'="19306798581706{n}",茶,80,2,交易成功\n' for n in (11, 12, 13, 14, 15)),
    )
    with pytest.raises(ImporterError, match="ExportOrderDetailList, which names no buyer"):
        read_taobao_orders([goods])
    result = read_taobao_orders([write(tmp_path, "x.csv", NEW), goods])
    assert result.tables["orders"]["list_amount"].to_list() == [160.0] * 4
    assert result.rows_in == 5


def test_the_later_file_has_the_newer_state(tmp_path: Path) -> None:
    first = write(tmp_path, "a.csv", "\n".join([NEW_HEADER, new_row(11, "甲", "100", "0")]))
    later = write(tmp_path, "b.csv", "\n".join([NEW_HEADER, new_row(11, "甲", "100", "20")]))
    # The larger refund is later, whichever file is named first.
    for files in ([first, later], [later, first]):
        result = read_taobao_orders(files)
        assert result.tables["orders"]["refund_amount"].to_list() == [20]
        assert result.refused["_file"].to_list() == ["a.csv"]
        assert result.refused["_reason"][0].startswith("repeat: ")


def test_a_workbook_with_rounded_ids_is_refused_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    rows = [line.split(",") for line in OLD.split("\n")[:3]]
    rows[1] = ["1930679858170647001", *rows[1][1:]]
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    sheet.write_number(2, 0, 1930679858170650000)
    book.close()
    result = read_taobao_orders([path])
    assert result.tables["orders"]["order_id"].to_list() == ["1930679858170647001"]
    assert result.refused["_line"].to_list() == [3]
    assert "rounded" in result.refused["_reason"][0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column 订单编号"),
        (OLD_HEADER, "hold no rows"),
    ],
)
def test_files_that_are_no_order_list(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "x.csv", text)
    with pytest.raises(ImporterError, match=message):
        run_import("taobao_orders", [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damaged_bytes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(OLD.encode("gb18030") + b"\xff\xff")
    with pytest.raises(ImporterError, match=r"byte [0-9]+ is neither UTF-8 nor GB18030"):
        read_taobao_orders([path])
    path.write_bytes(OLD.encode() + b"\xb5\xc4\n")
    with pytest.raises(ImporterError, match=r"line 8: byte .* is not UTF-8"):
        read_taobao_orders([path])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_row_comes_out_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, sound: Sound, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from([OLD, NEW]))
    head, body = text.split("\n", 1)
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, len(body)))
        junk = data.draw(
            st.sampled_from(['"', ",", "\n", "\r\n", "\0", "-", "=", "*", "9" * 30, "é", ""])
        )
        body = body[:at] + junk + body[at + data.draw(st.integers(0, 3)) :]
    path = write(tmp_path_factory.mktemp("corrupt"), "x.csv", f"{head}\n{body}", "utf-8")
    result = sound(read_taobao_orders([path]))
    assert result.rows_out == result.tables.get("orders", pl.DataFrame()).height


def test_the_report_of_2025_tells_payments_by_the_state(tmp_path: Path, sound: Sound) -> None:
    head = "订单编号,支付单号,买家应付货款,总金额,订单状态,收货地址,订单创建时间,商品标题"
    rows = [
        "3001,Z1,88.00,93.00,交易成功,某地,2025-10-05 10:00:00,棉袜",
        '3002,Z2,20.00,20.00,"买家已付款,等待卖家发货",某地,2025-10-06 10:00:00,棉袜',
        "3003,Z3,50.00,50.00,等待买家付款,某地,2025-10-07 10:00:00,船袜",
        "3004,Z4,70.00,70.00,交易关闭,某地,2025-10-08 10:00:00,船袜",
    ]
    path = write(tmp_path, "report.csv", "\n".join([head, *rows]), "utf-8")
    result = sound(read_taobao_orders([path]))
    orders = result.tables["orders"]
    assert orders["paid_amount"].to_list() == [93, 20, 50, 70]
    assert orders["paid_at"].to_list() == [
        datetime(2025, 10, 5, 10),
        datetime(2025, 10, 6, 10),
        None,
        None,
    ]
    assert result.money_in == 233
    assert any("1 closed orders" in told for told in result.notices)


GOODS_HEAD = "订单编号,标题,价格,购买数量,外部系统编号\n"


def test_lines_share_what_was_paid(tmp_path: Path, sound: Sound) -> None:
    """By list price, to the cent; an order of one kind without goods list is one line."""
    head = (
        "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间,宝贝总数量,"
        "宝贝种类,宝贝标题\n"
    )
    at = "2026-10-05 10:00:00,2026-10-05 10:01:00"
    orders = head + (
        f"T1,甲,100,100,交易成功,{at},4,2,棉袜，船袜\n"
        f"T2,乙,30,30,交易成功,{at},3,1,渔夫帽\n"
        f"T3,丙,50,50,交易成功,{at},2,2,两样\n"
    )
    goods = "T1,棉袜,40,1,S1\nT1,船袜,40,2,S2\nT1,赠品,0,1,\n"
    files = [
        write(tmp_path, "ExportOrderList1.csv", orders),
        # The goods of an order stand in two lists of days that overlap.
        write(tmp_path, "ExportOrderDetailList1.csv", GOODS_HEAD + goods),
        write(tmp_path, "ExportOrderDetailList2.csv", GOODS_HEAD + goods),
    ]
    for paths in (files, files[::-1]):
        tables = sound(read_taobao_orders(paths)).tables
        lines = tables["order_lines"].select("order_id", "product_name", "units", "amount")
        assert lines.rows() == [
            ("T1", "棉袜", 1, 33.33),
            ("T1", "船袜", 2, 66.67),
            ("T1", "赠品", 1, 0.0),
            ("T2", "渔夫帽", 3, 30.0),
        ]
        assert lines.filter(pl.col("order_id") == "T1")["amount"].sum() == pytest.approx(100)
        assert tables["order_lines"]["product_id"].to_list() == ["S1", "S2", None, None]
