"""One import into a folder: all or none, others untouched, rejects safe to open."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.imports import read_imports
from csinsight.contract.join import match_buyers
from csinsight.importers import FORMATS, ImporterError, run_import
from csinsight.importers import run as run_module
from csinsight.importers.import_record import cell_of

PROJECT = Path(__file__).parents[2]
LOG = "1,10,7,pv,1511544070\n1,10,7,buy,1511544073\n=cmd(),10,7,pv,1\n"
CHAT = "1 2024-1-5 9:00:00\n在吗\n店:甲 2024-1-5 9:00:20\n在\n"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_tables_rejects_and_record(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    report = run_import("taobao_userbehavior", [put(tmp_path, "log.csv", LOG)], out)
    assert report.counts == {"page_views": 2, "orders": 1}
    assert (report.rows_in, report.rows_out, report.refused) == (3, 2, 1)
    assert sum(report.reasons.values()) == report.refused
    with report.rejects_path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["line"] == "3"
    assert row["raw"] == "'=cmd(),10,7,pv,1"
    (entry,) = read_imports(out)
    assert (entry.file, entry.format, entry.tables) == (
        "log.csv",
        "taobao_userbehavior",
        ["orders", "page_views"],
    )
    assert (entry.rows_in, entry.rows_used, entry.rows_refused) == (3, 2, 1)
    assert [refusal.rows for refusal in entry.refused.values()] == [1]
    assert set(snapshot(out)) == {
        "page_views.parquet",
        "orders.parquet",
        "rejects.csv",
        "imports.jsonl",
    }


def test_a_second_format_adds_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    log, chat = put(tmp_path, "log.csv", LOG), put(tmp_path, "chat.txt", CHAT + "已读\n")
    run_import("taobao_userbehavior", [log], out)
    views = (out / "page_views.parquet").read_bytes()
    report = run_import("qianniu_chat", [chat], out)
    assert report.notices[-1] == "1 of 1 buyers of chats (100%) are among those of orders"
    assert (out / "page_views.parquet").read_bytes() == views
    with report.rejects_path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["format"] for row in csv.DictReader(file)] == [
            "taobao_userbehavior",
            "qianniu_chat",
        ]
    before = pl.read_parquet(out / "messages.parquet")
    run_import("qianniu_chat", [chat], out)
    assert pl.read_parquet(out / "messages.parquet").equals(before)
    assert [entry.format for entry in read_imports(out)] == ["taobao_userbehavior", "qianniu_chat"]


def test_a_later_import_adds_and_replace_replaces(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    run_import("qianniu_chat", [put(tmp_path, "chat.txt", CHAT)], out)
    other = put(tmp_path, "other.txt", CHAT.replace("9:00", "8:00") + CHAT)
    report = run_import("qianniu_chat", [other], out)
    hours = pl.read_parquet(out / "messages.parquet")["sent_at"].dt.hour().to_list()
    assert sorted(hours) == [8, 8, 9, 9]
    assert report.counts["messages"] == 4
    assert "messages: 2 rows are new, 2 were there" in report.notices
    assert [entry.file for entry in read_imports(out)] == ["chat.txt", "other.txt"]
    run_import("qianniu_chat", [other], out, replace=True)
    assert [entry.file for entry in read_imports(out)] == ["other.txt"]
    assert pl.read_parquet(out / "messages.parquet").height == 4


@pytest.mark.parametrize("name", ["messages.parquet", "messages.csv", "rejects.csv"])
def test_files_of_the_user_are_never_replaced(tmp_path: Path, name: str) -> None:
    out = tmp_path / "shop"
    out.mkdir()
    put(out, name, "mine")
    chat = put(tmp_path, "chat.txt", CHAT)
    with pytest.raises(ImporterError, match="not from an import"):
        run_import("qianniu_chat", [chat], out, replace=True)
    assert snapshot(out) == {name: b"mine"}


def test_a_write_that_fails_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "shop"
    run_import("taobao_userbehavior", [put(tmp_path, "log.csv", LOG)], out)
    before = snapshot(out)
    real = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if self.name == "imports.jsonl" and ".import-" in str(self) and "before" not in str(self):
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ImporterError, match="No space left"):
        run_import("qianniu_chat", [put(tmp_path, "chat.txt", CHAT)], out)
    monkeypatch.undo()
    assert snapshot(out) == before


def test_nothing_taken_is_said_and_nothing_written_but_rejects(tmp_path: Path) -> None:
    report = run_import("jddc", [put(tmp_path, "x.txt", "no tabs\n")], tmp_path / "shop")
    assert (report.counts, report.rows_in, report.refused) == ({}, 1, 1)
    assert "no row could be taken" in report.notices[-1]


def test_counts_that_do_not_add_up_are_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from csinsight.importers.reading import REFUSED_SCHEMA
    from csinsight.importers.sift import Imported

    lossy = Imported({}, pl.DataFrame(schema=REFUSED_SCHEMA), 2, 1)
    monkeypatch.setitem(run_module.FORMATS, "jddc", lambda *_: lossy)
    with pytest.raises(RuntimeError, match="don't add up"):
        run_import("jddc", [put(tmp_path, "x.txt", "x")], tmp_path / "shop")
    assert not (tmp_path / "shop").exists()


def test_wrong_names_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImporterError, match="did you mean `taobao_orders`"):
        run_import("taobao_order", ["x"], tmp_path)
    with pytest.raises(ImporterError, match="no file is given"):
        run_import("jddc", [], tmp_path)
    with pytest.raises(ImporterError, match="can't be read"):
        run_import("jddc", [tmp_path / "none.txt"], tmp_path)
    assert set(FORMATS) >= {"taobao_orders", "qianniu_chat", "jddc", "mapping"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "\r=1"])
def test_formulas_are_cell_of(text: str) -> None:
    assert cell_of(text).startswith("'")


def test_long_and_nul_raw_lines_are_cut() -> None:
    assert cell_of("a" * 5000).endswith("(3000 more characters)")
    assert "\0" not in cell_of("a\0b")


def test_a_refund_that_comes_after_its_order_finds_it_in_the_folder(tmp_path: Path) -> None:
    plan = put(
        tmp_path,
        "m.yml",
        "table: orders\nlines: {amounts: sum, product_name: what}\n"
        "columns: {order_id: id, placed_at: at, paid_at: at, paid_amount: sum, units: n}\n",
    )
    out, head = tmp_path / "shop", "id,at,sum,n,what\n"
    orders = put(tmp_path, "a.csv", f"{head}1,2026-10-05 10:00,6,1,茶\n1,2026-10-05 10:00,4,2,杯\n")
    late = f"{head}1,2026-11-06 10:00,-4,1,茶\n"
    rest = "1,2026-11-07 10:00,-3,1,杯\n1,2026-11-08 10:00,-9,1,杯\n7,2026-11-07 10:00,-1,1,x\n"
    november, both = put(tmp_path, "b.csv", late), put(tmp_path, "c.csv", late + rest)

    def refund() -> float:
        (order,) = pl.read_parquet(out / "orders.parquet").rows(named=True)
        lines = pl.read_parquet(out / "order_lines.parquet")
        assert (order["paid_amount"], order["units"], lines["amount"].sum()) == (10.0, 3, 10.0)
        return float(order["refund_amount"] or 0.0)

    run_import("mapping", [orders], out, plan)
    # The same file again, and the same row in another file, give nothing back twice.
    for files, given in (([november], 4.0), ([november], 4.0), ([orders], 4.0)):
        report = run_import("mapping", files, out, plan)
        assert (report.refused, refund()) == (0, given)
    report = run_import("mapping", [both], out, plan)
    # More than was paid can't have been given back for the order: which of the rows is odd nobody
    # can tell, so none of the new ones counts.
    assert (report.rows_in, report.rows_out, refund()) == (4, 1, 4.0)
    assert sorted(report.reasons.values()) == [1, 2]
    assert report.money_in == report.money_out + report.money_refused == -17.0  # type: ignore[operator]


def test_a_list_of_refunds_of_its_own_is_taken_off_once(tmp_path: Path) -> None:
    head = (
        "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间,退款金额\n"
    )
    rows = "".join(
        f"{number},b{number},100,100,交易成功,2026-10-05 10:00,2026-10-05 10:01,{back}\n"
        for number, back in ((1, 0), (2, 30), (3, 0))
    )
    orders = put(tmp_path, "ExportOrderList.csv", head + rows)
    list_head = "退款信息,,,\n订单编号,买家退款金额,退款状态,退款完结时间\n"
    first = "1,100,退款成功,2026-10-09 10:00\n2,30,退款成功,2026-10-09 10:00\n"
    closed = "3,50,退款关闭,2026-10-09 10:00\n"
    october = put(tmp_path, "r10.csv", list_head + first + closed)
    november = put(tmp_path, "r11.csv", f"{list_head}2,20,退款成功,2026-11-02 10:00\n{first}")
    out, plan = tmp_path / "shop", PROJECT / "params" / "mappings" / "taobao_refunds.yml"
    with pytest.raises(ImporterError, match=r"list of refunds.*taobao_refunds\.yml"):
        run_import("taobao_orders", [october], out)
    run_import("taobao_orders", [orders], out)
    # Order 2 tells its refund itself: the list's is the same money, a later one comes on top.
    for files, given in (([october], [100, 30, 0]), ([november], [100, 50, 0])):
        assert not run_import("mapping", files, out, plan).mostly_refused
        table = pl.read_parquet(out / "orders.parquet").sort("order_id")
        assert table["refund_amount"].fill_null(0).to_list() == given


def test_after_rates_were_told_the_folder_takes_more_and_refuses_what_has_none(
    tmp_path: Path,
) -> None:
    plan = put(
        tmp_path,
        "m.yml",
        "table: orders\ncurrency: USD\ncurrency_from: cur\nrates: {CAD: 0.8}\n"
        "columns: {order_id: id, placed_at: at, paid_at: at, paid_amount: sum}\n",
    )
    rows = "id,at,sum,cur\n1,2026-10-05 10:00,10,USD\n2,2026-10-05 11:00,10,CAD\n"
    out, said = tmp_path / "shop", put(tmp_path, "chat.txt", CHAT)
    run_import("mapping", [put(tmp_path, "a.csv", rows)], out, plan)
    assert pl.read_parquet(out / "orders.parquet")["paid_amount"].to_list() == [10.0, 8.0]
    run_import("qianniu_chat", [said], out)
    euro = plan.with_name("e.yml")
    euro.write_text(plan.read_text("utf-8").replace("currency: USD", "currency: EUR"), "utf-8")
    with pytest.raises(ImporterError, match="two currencies"):
        run_import("mapping", [put(tmp_path, "b.csv", rows.replace("USD", "EUR"))], out, euro)


@pytest.mark.parametrize("unit", ["(分)", "（分）", " [cents]", ""])
def test_money_is_counted_in_what_its_header_or_the_mapping_says(tmp_path: Path, unit: str) -> None:
    told = "" if unit else ", factor: 0.01"
    plan = put(
        tmp_path,
        "m.yml",
        "table: orders\ncolumns:\n  order_id: id\n  placed_at: at\n  paid_at: at\n"
        f'  paid_amount: {{from: "实付{unit}"{told}}}\n',
    )
    rows = put(tmp_path, "a.csv", f"id,at,实付{unit}\n1,2026-10-05 10:00,12990\n")
    report = run_import("mapping", [rows], tmp_path / "shop", plan)
    orders = pl.read_parquet(tmp_path / "shop" / "orders.parquet")
    assert (orders["paid_amount"].to_list(), report.money_in) == ([129.9], 129.9)


def test_lines_of_the_client_in_a_dongdong_log_are_messages_at_the_time_before(
    tmp_path: Path,
) -> None:
    log = (
        "以下为一通会话\njd_1 2026-10-05 10:00:00\n在吗\njd_1撤回了一条消息\n"
        "由 店员 转交给 店员2\n店员2 2026-10-05 10:00:09\n在的\n会话结束\n"
    )
    plan = put(tmp_path, "told.yml", "agents: [店员*]\n")
    report = run_import("jd_dongdong", [put(tmp_path, "log.txt", log)], tmp_path / "shop", plan)
    told = pl.read_parquet(tmp_path / "shop" / "messages.parquet")
    assert (report.refused, told["sender"].to_list()) == (0, ["buyer", "system", "system", "agent"])
    assert told["sent_at"].dt.second().to_list() == [0, 0, 0, 9]


def test_ids_that_fit_for_some_are_not_said_to_show_no_likeness() -> None:
    chats, orders = (pl.Series([f"b{n}" for n in range(a, a + 100)]) for a in (0, 60))
    assert match_buyers(chats, orders).cause == "some"
    assert match_buyers(chats, orders.str.replace("b", "x")).cause == "none"
    # Nobody can say that the others did not buy where orders name no buyer.
    assert match_buyers(chats, orders, 0.01).cause == "some"
    assert match_buyers(chats, orders, 0.9).cause == "nameless"
    few = pl.Series(["b0", "b1", *(f"y{n}" for n in range(8))])
    assert match_buyers(chats, few, 0.9).cause == "nameless"
    assert match_buyers(chats, few, 0.9).broken
