"""The importers on the public data; every figure was counted by hand with the csv module."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from csinsight.importers import run_import

pytestmark = pytest.mark.real_data
MAPPINGS = Path(__file__).resolve().parents[2] / "params" / "mappings"


def assert_sound(folder: Path) -> None:
    from csinsight.contract.check import check_folder

    assert [str(fault) for fault in check_folder(folder)] == []


def test_userbehavior_log(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "taobao_userbehavior" / "user_behavior_100k.csv"
    report = run_import("taobao_userbehavior", [file], tmp_path)
    # 100,001 lines; 44 on 2017-09-11 and 11-17 to 11-24, the nine days hold the rest.
    assert (report.rows_in, report.rows_out, report.refused) == (100_001, 99_957, 44)
    assert report.counts == {"page_views": 99_957, "orders": 2_101}
    assert "the log runs from 2017-11-25 to 2017-12-03" in report.notices
    views = pl.read_parquet(tmp_path / "page_views.parquet")
    assert dict(views["page_kind"].value_counts().iter_rows()) == {
        "product": 92_410,
        "cart": 5_446,
        "checkout": 2_101,
    }
    assert views.row(0) == ("1", datetime(2017, 11, 25, 1, 21, 10), "product")
    assert views["buyer_id"].n_unique() == 983
    orders = pl.read_parquet(tmp_path / "orders.parquet")
    assert orders["buyer_id"].null_count() == 0
    assert orders.select("list_amount", "paid_amount", "units").count().row(0) == (0, 0, 0)
    assert_sound(tmp_path)


def test_jddc_sessions(shared_data: Path, tmp_path: Path) -> None:
    report = run_import("jddc", [shared_data / "jddc_raw" / "chat_0.1per.txt"], tmp_path)
    assert (report.rows_in, report.rows_out, report.refused) == (12_136, 12_136, 0)
    messages = pl.read_parquet(tmp_path / "messages.parquet")
    assert messages["conversation_id"].n_unique() == 994
    assert messages["buyer_id"].n_unique() == 994
    assert dict(messages["sender"].value_counts().iter_rows()) == {"buyer": 6_107, "agent": 6_029}
    assert messages["sent_at"].null_count() == 12_136
    assert messages["text"][0] == "人工客服 京东快递(移动端) 你好"
    assert_sound(tmp_path)


def test_tmall_orders_through_the_mapping(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "tmall_orders" / "tmall_order_report.csv"
    report = run_import("mapping", [file], tmp_path, MAPPINGS / "tmall_orders.yml")
    assert (report.rows_in, report.counts, report.refused) == (28_010, {"orders": 28_010}, 0)
    orders = pl.read_parquet(tmp_path / "orders.parquet")
    assert orders["buyer_id"].null_count() == 28_010
    assert orders["paid_at"].count() == 24_087
    assert (orders["refund_amount"] > 0).sum() == 5_646
    assert orders["paid_amount"].sum() == pytest.approx(2_995_760.61)
    assert orders["refund_amount"].sum() == pytest.approx(572_335.92)
    paid = orders.filter(pl.col("paid_at").is_not_null())
    net = (paid["paid_amount"] - paid["refund_amount"]).sum()
    assert net == pytest.approx(1_902_487.15)  # the report's own 买家实际支付金额
    assert orders.row(1, named=True)["paid_at"] == datetime(2020, 2, 21, 0, 0, 2)
    assert_sound(tmp_path)


def test_uneed_talks_through_the_mapping(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "uneed" / "examples.json"
    report = run_import("mapping", [file], tmp_path, MAPPINGS / "uneed.yml")
    assert (report.rows_in, report.counts, report.refused) == (72, {"messages": 72}, 0)
    messages = pl.read_parquet(tmp_path / "messages.parquet")
    talks = messages.group_by("conversation_id", maintain_order=True).len()["len"].to_list()
    assert talks == [14, 14, 14, 15, 15]
    assert messages.row(0, named=True) == {
        "buyer_id": "2201523477005",
        "agent_id": "2830038155",
        "sender": "buyer",
        "sent_at": datetime(2018, 9, 30, 15, 57),
        "text": "你们店有没有套装",
        "conversation_id": "03c621cb07fb9dc745e35fecd79e1d56",
    }
    assert_sound(tmp_path)
