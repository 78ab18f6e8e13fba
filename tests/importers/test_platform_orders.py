"""Order exports of other platforms: totals worked out by hand, lines whole or refused."""

# ruff: noqa: E501 - rows of files stand as they are
from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from csinsight.errors import ImporterError
from csinsight.importers.platform_orders import READERS

JD = """订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,结算金额,余额支付,应付金额,订单状态,订单类型,下单帐号,付款确认时间
2001,11,手机壳,2,在线支付,2026-10-05 10:00:00,20.00,99.00,89.00,9.00,80.00,完成,SOP,jd_a,2026-10-05 10:02:00
2001,12,支架,1,在线支付,2026-10-05 10:00:00,59.00,99.00,89.00,9.00,80.00,完成,SOP,jd_a,2026-10-05 10:02:00
2002,11,手机壳,1,在线支付,2026-10-06 11:00:00,20.00,20.00,20.00,0.00,20.00,等待付款,SOP,jd_b,
2003,13,耳机,1,在线支付,2026-10-07 12:00:00,199.00,199.00,199.00,0.00,199.00,(删除)等待出库,SOP,jd_a,2026-10-07 12:01:00
"""
PDD = """商品,订单号,订单状态,商品总价(元),邮费(元),店铺优惠折扣(元),平台优惠折扣(元),用户实付金额(元),商家实收金额(元),商品数量(件),售后状态,订单成交时间
袜子,260101-1,已发货，待签收,30.00,5.00,3.00,2.00,30.00,32.00,2,无售后或售后取消,2026-10-02 09:00:00
帽子,260101-2,已签收,40.00,0.00,0.00,0.00,40.00,40.00,1,退款成功,2026-10-03 09:30:00
围巾,260101-3,已发货，退款成功,50.00,0.00,10.00,0.00,40.00,40.00,1,退款成功,2026-10-04 10:00:00
手套,260101-4,待支付,15.00,0.00,0.00,0.00,15.00,15.00,1,无售后或售后取消,2026-10-05 10:00:00
"""
DOUYIN = """主订单编号,子订单编号,选购商品,商品规格,商品数量,商家编码,订单应付金额,运费,收件人,订单提交时间,支付完成时间,订单状态,售后状态
'6900000000000000001\t,'6900000000000000001\t,T恤,白,1,t1,59.00,0,##x,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,-
'6900000000000000001\t,'6900000000000000002\t,裤子,黑,2,k1,159.00,0,##x,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,退款成功
'6900000000000000003\t,'6900000000000000003\t,外套,蓝,1,w1,299.00,0,##y,2026-10-06 10:00:00,,已关闭,-
"""
YOUZAN = """订单号,订单状态,订单创建时间,买家付款时间,买家手机号,买家昵称,订单实付金额,商品名称,商品数量
E1,交易完成,2026-10-05 10:00:00,2026-10-05 10:00:30,13800000001,小王,88.00,茶,1
E1,交易完成,2026-10-05 10:00:00,2026-10-05 10:00:30,13800000001,小王,88.00,杯,3
E2,待付款,2026-10-05 11:00:00,,13800000002,小李,20.00,茶,1
"""
AMAZON = """amazon-order-id\tmerchant-order-id\tpurchase-date\tlast-updated-date\torder-status\tproduct-name\tsku\tquantity\tcurrency\titem-price\titem-tax
111-1\tm1\t2026-10-05T22:30:00+00:00\t2026-10-06T01:00:00+00:00\tShipped\tMug\tMUG\t2\tEUR\t19.98\t3.80
111-1\tm1\t2026-10-05T22:30:00+00:00\t2026-10-06T01:00:00+00:00\tShipped\tLid\tLID\t1\tEUR\t4.99\t0.95
111-2\tm2\t2026-10-06T08:00:00+00:00\t2026-10-06T08:00:00+00:00\tPending\tMug\tMUG\t1\tEUR\t9.99\t1.90
"""


def _orders(tmp_path: Path, name: str, text: str, **told: object) -> tuple[pl.DataFrame, object]:
    path = tmp_path / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    imported = READERS[name]([path], **told)
    assert imported.rows_in == imported.rows_out + imported.refused.height
    return imported.tables["orders"].sort("order_id"), imported


def test_jd_amounts_stand_for_the_order_and_units_are_summed(tmp_path: Path) -> None:
    orders, imported = _orders(tmp_path, "jd_orders", JD)

    assert orders["paid_amount"].to_list() == [89.0, 20.0, 199.0]
    assert orders["list_amount"].to_list() == [99.0, 20.0, 199.0]
    assert orders["units"].to_list() == [3, 1, 1]
    assert orders["refund_amount"].to_list() == [0.0, 0.0, 199.0], "paid, then deleted"
    assert orders["paid_at"].to_list()[1] is None
    assert orders["buyer_id"].to_list() == ["jd_a", "jd_b", "jd_a"]
    lines = imported.tables["order_lines"]
    assert lines["amount"].to_list() == [40.0, 59.0, 20.0, 199.0]


def test_jd_lines_that_tell_two_amounts_are_refused_whole(tmp_path: Path) -> None:
    spoilt = JD.replace("59.00,99.00,89.00,9.00,80.00", "59.00,99.00,89.00,9.00,70.00")

    orders, imported = _orders(tmp_path, "jd_orders", spoilt)

    assert orders["order_id"].to_list() == ["2002", "2003"]
    assert imported.refused["_reason"].str.contains("should be the whole order's").sum() == 2


def test_pdd_orders_have_no_buyer_and_give_back_all(tmp_path: Path) -> None:
    orders, imported = _orders(tmp_path, "pdd_orders", PDD)

    assert orders["paid_amount"].to_list() == [30.0, 40.0, 40.0, 15.0]
    assert orders["list_amount"].to_list() == [35.0, 40.0, 50.0, 15.0]
    assert orders["refund_amount"].to_list() == [0.0, 40.0, 40.0, 0.0]
    assert orders["paid_at"].null_count() == 1
    assert orders["buyer_id"].null_count() == 4
    assert any("no order names its buyer" in said for said in imported.notices)


def test_douyin_lines_are_summed_to_the_cent(tmp_path: Path) -> None:
    orders, imported = _orders(tmp_path, "douyin_orders", DOUYIN)

    assert orders["paid_amount"].to_list() == [218.0, 299.0]
    assert orders["units"].to_list() == [3, 1]
    assert orders["refund_amount"].to_list() == [159.0, 0.0]
    assert orders["paid_at"].to_list() == [datetime(2026, 10, 5, 10, 1), None]
    assert orders["order_id"][0] == "6900000000000000001"
    assert imported.tables["order_lines"]["product_name"].to_list() == ["T恤", "裤子", "外套"]


def test_an_unknown_state_refuses_the_whole_order(tmp_path: Path) -> None:
    spoilt = DOUYIN.replace("已完成,退款成功", "外星状态,退款成功")

    orders, imported = _orders(tmp_path, "douyin_orders", spoilt)

    assert orders["order_id"].to_list() == ["6900000000000000003"]
    assert imported.refused.height == 2
    assert imported.refused["_money"].sum() == pytest.approx(218.0)


def test_youzan_rows_repeat_the_orders_amount(tmp_path: Path) -> None:
    orders, _ = _orders(tmp_path, "youzan_orders", YOUZAN)

    assert orders["paid_amount"].to_list() == [88.0, 20.0]
    assert orders["units"].to_list() == [4, 1]
    assert orders["buyer_id"].to_list() == ["13800000001", "13800000002"]


def test_amazon_lines_with_tax_on_the_shops_clock(tmp_path: Path) -> None:
    orders, imported = _orders(tmp_path, "amazon_orders", AMAZON, timezone="Europe/Berlin")

    assert orders["paid_amount"].to_list() == pytest.approx([29.72, 11.89])
    assert orders["units"].to_list() == [3, 1]
    assert orders["placed_at"].to_list()[0] == datetime(2026, 10, 6, 0, 30)
    assert orders["paid_at"].to_list()[1] is None
    assert {facts.currency for facts in imported.facts.values()} == {("EUR",)}


def test_amazon_needs_the_shops_clock(tmp_path: Path) -> None:
    path = tmp_path / "amazon.tsv"
    path.write_text(AMAZON, encoding="utf-8")

    with pytest.raises(ImporterError, match="--timezone"):
        READERS["amazon_orders"]([path])


def test_two_currencies_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "amazon.tsv"
    path.write_text(AMAZON.replace("1\tEUR\t9.99", "1\tGBP\t9.99"), encoding="utf-8")

    with pytest.raises(ImporterError, match=r"EUR and GBP can't be summed: .*amazon\.tsv"):
        READERS["amazon_orders"]([path], timezone="Europe/Berlin")


def test_another_file_is_told_from_an_export(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b,c\n1,2,3\n", encoding="utf-8")

    with pytest.raises(ImporterError, match=r"has no column 订单号.*found: a, b, c"):
        READERS["jd_orders"]([path])


def test_a_workbook_with_a_title_above_its_header(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("订单")
        sheet.write(0, 0, "拼多多订单 2026-10")
        for row, line in enumerate(PDD.splitlines(), start=2):
            for column, cell in enumerate(line.split(",")):
                sheet.write_string(row, column, cell)

    imported = READERS["pdd_orders"]([path])

    assert imported.tables["orders"]["paid_amount"].sum() == pytest.approx(125.0)


@pytest.mark.parametrize("name", sorted(READERS))
def test_order_of_files_does_not_matter(name: str, tmp_path: Path) -> None:
    text = {
        "jd_orders": JD,
        "pdd_orders": PDD,
        "douyin_orders": DOUYIN,
        "youzan_orders": YOUZAN,
        "amazon_orders": AMAZON,
    }[name]
    head, *rows = text.strip().splitlines()
    paths = [tmp_path / f"{number}.csv" for number in range(len(rows))]
    for path, row in zip(paths, rows, strict=True):
        path.write_text(f"{head}\n{row}\n", encoding="utf-8")
    told = {"timezone": "UTC"} if name == "amazon_orders" else {}

    there = READERS[name](paths, **told).tables["orders"].sort("order_id")
    back = READERS[name](paths[::-1], **told).tables["orders"].sort("order_id")

    assert there.height > 0
    assert there.equals(back)
