"""One folder is one shop: files of two are named; files of one name are told apart."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.imports import read_imports
from csinsight.errors import ImporterError
from csinsight.importers import run_import

DOUYIN = "主订单编号,选购商品,商品数量,订单应付金额,订单提交时间,支付完成时间,订单状态,店铺名称\n"
MAPPING = (
    "table: orders\ncolumns: {order_id: nr, buyer_id: who, placed_at: at, paid_at: at, "
    "paid_amount: paid}\n"
)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def douyin(shop: str, *numbers: int, lines: int = 1) -> str:
    row = "{n},T恤,1,59.00,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,{shop}\n"
    return DOUYIN + "".join(row.format(n=n, shop=shop) for n in numbers for _ in range(lines))


def orders(prefix: str, day: int, *numbers: int) -> str:
    rows = [f"{n},{prefix}{n},2026-10-{day:02d} 10:00:00,{n}.00\n" for n in numbers]
    return "nr,who,at,paid\n" + "".join(rows)


def test_sellers_columns_tell_two_shops(tmp_path: Path) -> None:
    one = put(tmp_path, "one.csv", douyin("甲店", 1, 2))
    two = put(tmp_path, "two.csv", douyin("乙店", 3))
    for pair in ([one, two], [two, one]):
        with pytest.raises(ImporterError, match=r"two shops: 乙店 in two\.csv, 甲店 in one\.csv"):
            run_import("douyin_orders", pair, tmp_path / "shop")
    assert not (tmp_path / "shop").exists()
    run_import("douyin_orders", [one], tmp_path / "shop")
    with pytest.raises(ImporterError, match=r"one\.csv is of 甲店, two\.csv of 乙店"):
        run_import("douyin_orders", [two], tmp_path / "shop")
    # A shop that was renamed says so.
    told = put(tmp_path, "told.yml", "one_shop: true\n")
    assert run_import("douyin_orders", [two], tmp_path / "shop", told).counts["orders"] == 3
    assert [entry.shops for entry in read_imports(tmp_path / "shop")] == [["甲店"], []]


def test_agents_nicks_tell_two_shops(tmp_path: Path) -> None:
    chat = "小雨88 2026-10-05 10:00:00\n有货吗\n{shop}:小李 2026-10-05 10:00:20\n有的\n"
    one = put(tmp_path, "one.txt", chat.format(shop="甲店"))
    two = put(tmp_path, "two.txt", chat.format(shop="乙店").replace("小雨", "小风"))
    with pytest.raises(ImporterError, match=r"one\.txt is of 甲店, two\.txt of 乙店"):
        run_import("qianniu_chat", [one, two], tmp_path / "shop")
    told = put(tmp_path, "told.yml", "one_shop: true\n")
    assert run_import("qianniu_chat", [one, two], tmp_path / "shop", told).counts["messages"] == 4


def test_numbers_that_both_shops_use_are_two_shops(tmp_path: Path) -> None:
    plan = put(tmp_path, "m.yml", MAPPING)
    one = put(tmp_path, "one.csv", orders("a", 5, 1001, 1002, 1003))
    two = put(tmp_path, "two.csv", orders("b", 9, 1002, 1003, 1004))
    with pytest.raises(ImporterError, match=r"one\.csv, two\.csv: 2 of the 2 .*such as 1002"):
        run_import("mapping", [one, two], tmp_path / "shop", plan)
    run_import("mapping", [one], tmp_path / "shop", plan)
    with pytest.raises(ImporterError, match=r"orders\.parquet, these files: 2 of the 2"):
        run_import("mapping", [two], tmp_path / "shop", plan)
    # The same orders once more, one of them with a spoilt buyer, are the shop's own.
    again = orders("a", 5, 1001, 1002, 1003, 1004).replace("a1002,2026-10-05", "zz,2026-10-07")
    report = run_import("mapping", [put(tmp_path, "again.csv", again)], tmp_path / "shop", plan)
    assert report.counts["orders"] == 4


def test_files_of_one_name_are_two_files(tmp_path: Path) -> None:
    """Two months of one name that share an order with two like lines: two lines, not four."""
    one = put(
        tmp_path,
        "sep/orders.csv",
        douyin("甲店", 1) + douyin("甲店", 2, lines=2).removeprefix(DOUYIN),
    )
    two = put(tmp_path, "oct/orders.csv", douyin("甲店", 2, lines=2))
    out = tmp_path / "shop"
    for pair in ([one, two], [two, one, one]):
        report = run_import("douyin_orders", pair, out, replace=True)
        assert report.counts == {"orders": 2, "order_lines": 3}
        assert pl.read_parquet(out / "orders.parquet")["paid_amount"].sum() == 3 * 59
        entries = {entry.file: entry for entry in read_imports(out)}
        assert set(entries) == {"sep/orders.csv", "oct/orders.csv"}
        assert len({entry.sha256 for entry in entries.values()}) == 2
        assert sum(entry.rows_in for entry in entries.values()) == report.rows_in == 5
        assert ("1 files were given twice" in report.notices) == (len(pair) == 3)
    # The same file by itself is the same file, whatever it was called beside the other.
    run_import("douyin_orders", [two], out)
    assert len(read_imports(out)) == 2
