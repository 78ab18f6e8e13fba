"""Inputs that broke csinsight once, of our own making, each with the right result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.contract.imports import read_imports
from csinsight.errors import CsinsightError, ImporterError
from csinsight.importers import Imported, run_import
from csinsight.importers.mapping import read_mapping
from csinsight.importers.qianniu_chat import read_qianniu_chat
from csinsight.importers.shopify_orders import read_shopify_orders

Sound = Callable[[Imported], Imported]


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Total,Discount Amount,Created at,"
    "Lineitem quantity,Refunded Amount\n"
)


def test_shopify_orders_paid_by_state_without_paid_at(tmp_path: Path, sound: Sound) -> None:
    """Exports up to 2022 leave `Paid at` empty for refunded orders, and for free ones."""
    text = (
        SHOPIFY
        + "#11,a@x.example,paid,2021-10-09 17:31:00 -0400,USD,80,0,2021-10-09 17:30:00 -0400,1,0\n"
        "#12,b@x.example,partially_refunded,,USD,120.50,0,2021-10-09 18:30:00 -0400,2,20.50\n"
        "#13,c@x.example,refunded,,USD,10.00,0,2021-10-10 17:30:00 -0400,1,10.00\n"
        "#14,d@x.example,paid,,USD,0.00,50.00,2021-10-11 17:30:00 -0400,1,0\n"
        "#15,,pending,,USD,30.00,0,2021-10-11 18:30:00 -0400,1,0\n"
    )
    imported = sound(read_shopify_orders([put(tmp_path, "orders.csv", text)]))
    orders = imported.tables["orders"]
    assert orders["paid_amount"].sum() == 210.5
    assert orders["refund_amount"].sum() == 30.5
    assert orders["paid_at"].null_count() == 0
    assert imported.refused["_reason"].to_list() == [
        "buyer_id is empty here but filled in other rows"
    ]
    assert imported.refused["_money"].to_list() == [30.0]
    assert imported.money_in == 240.5


def test_shopify_keeps_what_lies_between_placing_and_paying(tmp_path: Path, sound: Sound) -> None:
    text = SHOPIFY + (
        "#1,a@x.example,paid,2025-11-02 01:05:00 -0500,USD,50,0,2025-11-02 01:55:00 -0400,1,0\n"
        "#2,b@x.example,paid,2025-11-02 03:05:00 -0500,USD,60,0,2025-11-02 03:00:00 -0500,1,0\n"
    )
    orders = sound(read_shopify_orders([put(tmp_path, "o.csv", text)])).tables["orders"]
    assert (orders["paid_at"] - orders["placed_at"]).dt.total_minutes().to_list() == [10, 5]
    assert orders["placed_at"][0] == datetime(2025, 11, 2, 1, 55)


def test_two_currencies_two_clocks_and_two_shops_are_named(tmp_path: Path) -> None:
    row = (
        "#{n},{who}@x.example,paid,2025-11-03 {h}:05:00 {z},{c},70,0,2025-11-03 {h}:00:00 {z},1,0\n"
    )
    usd = SHOPIFY + row.format(n=1, who="a", h="03", z="-0500", c="USD")
    eur = SHOPIFY + row.format(n=2, who="b", h="03", z="-0500", c="EUR")
    far = SHOPIFY + row.format(n=3, who="c", h="03", z="+0800", c="USD")
    other = SHOPIFY + row.format(n=1, who="d", h="09", z="-0500", c="USD")
    files = {
        name: put(tmp_path, f"{name}.csv", text)
        for name, text in {"usd": usd, "eur": eur, "far": far, "other": other}.items()
    }
    for second, said in (
        ("eur", r"EUR in eur\.csv, USD in usd\.csv"),
        ("far", r"two clocks: .*usd\.csv.*far\.csv"),
        ("other", r"other\.csv, usd\.csv: order #1 .* two shops"),
    ):
        for pair in ([files["usd"], files[second]], [files[second], files["usd"]]):
            with pytest.raises(ImporterError, match=said):
                run_import("shopify_orders", pair, tmp_path / "shop")
    assert not (tmp_path / "shop").exists()
    rates = put(tmp_path, "rates.yml", "currency: USD\nrates: {EUR: 1.1}\n")
    report = run_import("shopify_orders", [files["usd"], files["eur"]], tmp_path / "shop", rates)
    assert report.money_out == 147.0
    # What was imported before counts as well.
    run_import("shopify_orders", [files["usd"]], tmp_path / "grown")
    with pytest.raises(ImporterError, match="two currencies"):
        run_import("shopify_orders", [files["eur"]], tmp_path / "grown")
    with pytest.raises(ImporterError, match="two clocks"):
        run_import("shopify_orders", [files["far"]], tmp_path / "grown")
    assert pl.read_parquet(tmp_path / "grown" / "orders.parquet").height == 1


LINES = (
    "主订单编号,子订单编号,商品数量,应付,下单时间,支付时间,买家\n"
    "'71\t,'711\t,1,59.00,2026-10-05 10:00:00,2026-10-05 10:01:00,甲\n"
    "'71\t,'712\t,2,159.00,2026-10-05 10:00:00,2026-10-05 10:01:00,甲\n"
    "'73\t,'731\t,1,299.00,2026-10-06 10:00:00,2026-10-06 10:01:00,乙\n"
)
LINES_MAP = (
    "table: orders\ncolumns: {order_id: 主订单编号, buyer_id: 买家, placed_at: 下单时间, "
    "paid_at: 支付时间, paid_amount: 应付, units: 商品数量}\n"
)


def test_a_row_a_line_is_folded_to_whole_orders(tmp_path: Path, sound: Sound) -> None:
    plan = put(tmp_path, "m.yml", LINES_MAP)
    imported = sound(read_mapping([put(tmp_path, "d.csv", LINES)], plan))
    assert imported.tables["orders"].select("order_id", "paid_amount", "units").rows() == [
        ("71", 218.0, 3),
        ("73", 299.0, 1),
    ]
    assert imported.tables["order_lines"]["amount"].to_list() == [59.0, 159.0, 299.0]
    assert imported.money_in == 517.0
    # One line that can't be read takes its order along, not a part of it.
    bad = LINES.replace("159.00", "15x")
    told = put(tmp_path, "s.yml", LINES_MAP + "lines: {amounts: sum, id: 子订单编号}\n")
    imported = sound(read_mapping([put(tmp_path, "b.csv", bad)], told))
    assert imported.tables["orders"]["order_id"].to_list() == ["73"]
    assert imported.refused.height == 2
    assert "whole or not at all" in imported.refused.sort("_line")["_reason"][0]


def test_amounts_repeated_on_each_line_count_once(tmp_path: Path, sound: Sound) -> None:
    text = LINES.replace("59.00", "218.00").replace("1218.00", "218.00")
    plan = put(tmp_path, "m.yml", LINES_MAP)
    unclear = sound(read_mapping([put(tmp_path, "d.csv", text)], plan))
    assert unclear.tables["orders"]["order_id"].to_list() == ["73"]
    assert "lines: {amounts: repeat}" in unclear.refused["_reason"][0]
    told = put(tmp_path, "r.yml", LINES_MAP + "lines: {amounts: repeat}\n")
    imported = sound(read_mapping([put(tmp_path, "d.csv", text)], told))
    assert imported.tables["orders"].select("paid_amount", "units").rows() == [
        (218.0, 3),
        (299.0, 1),
    ]
    assert imported.money_in == 517.0


@pytest.mark.parametrize(
    "text",
    [
        # One line, then the same on two lines.
        "小雨88 2026-10-05 10:00:00\n有货吗\n店:小李2026-10-05 10:00:20\n有的\n"
        "小雨88\n2026-10-05 10:01:00\n便宜点\n店:小李\n2026-10-05 10:01:30\n给您券\n",
        # Two lines and read marks.
        "小雨88\n2026-10-05 10:00:00\n有货吗\n已读\n店:小李\n2026-10-05 10:00:20\n有的\n已读\n"
        "小雨88\n2026-10-05 10:01:00\n便宜点\n店:小李\n2026-10-05 10:01:30\n给您券\n",
        # The day once, then clocks.
        "—— 2026-10-05 ——\n小雨88  (10:00:00)\n有货吗\n店:小李  (10:00:20)\n有的\n"
        "小雨88  (10:01:00)\n便宜点\n店:小李  (10:01:30)\n给您券\n",
    ],
)
def test_every_pasted_form_of_qianniu(tmp_path: Path, sound: Sound, text: str) -> None:
    imported = sound(read_qianniu_chat([put(tmp_path, "c.txt", text)]))
    assert imported.tables["messages"].select("buyer_id", "sender", "sent_at", "text").rows() == [
        ("小雨88", "buyer", datetime(2026, 10, 5, 10, 0), "有货吗"),
        ("小雨88", "agent", datetime(2026, 10, 5, 10, 0, 20), "有的"),
        ("小雨88", "buyer", datetime(2026, 10, 5, 10, 1), "便宜点"),
        ("小雨88", "agent", datetime(2026, 10, 5, 10, 1, 30), "给您券"),
    ]


def test_the_trace_of_a_parcel_is_text(tmp_path: Path, sound: Sound) -> None:
    text = (
        "小雨88 2026-10-05 10:00:00\n到哪了\n店:小李 2026-10-05 10:00:20\n您看\n"
        "已揽收 2026-10-03 09:00:00\n到达分拣中心\n2026-10-04 21:00:00\n"
        "派送中 2026-10-05 08:00:00\n"
        "小雨88 2026-10-05 10:01:00\n好的\n"
    )
    imported = sound(read_qianniu_chat([put(tmp_path, "c.txt", text)]))
    messages = imported.tables["messages"]
    assert messages["buyer_id"].unique().to_list() == ["小雨88"]
    assert messages.height == 3
    assert "派送中" in messages["text"][1]
    assert "3 lines look like the head" in imported.notices[0]


def test_a_year_of_two_digits_is_refused_unless_told(tmp_path: Path, sound: Sound) -> None:
    text = "n,who,when,amount\n536365,17850,12/1/10 8:26,15.30\n"
    columns = "{order_id: n, buyer_id: who, placed_at: when, paid_at: when, paid_amount: amount}"
    path = put(tmp_path, "o.csv", text)
    for times, year in (("%d/%m/%Y %H:%M", None), ("%m/%d/%y %H:%M", 2010), ("auto", None)):
        plan = put(tmp_path, "m.yml", f"table: orders\ntimes: ['{times}']\ncolumns: {columns}\n")
        imported = sound(read_mapping([path], plan))
        found = imported.tables.get("orders")
        assert (None if found is None else found["placed_at"][0].year) == year


def test_an_hour_alone_is_a_time(tmp_path: Path, sound: Sound) -> None:
    path = put(tmp_path, "ub.csv", "u,b,t\n98,1,2014-12-06 02\n97,4,2014-12-09 20\n")
    for times in ("auto", "%Y-%m-%d %H"):
        plan = put(
            tmp_path,
            "m.yml",
            f"table: page_views\ntimes: ['{times}']\ncolumns: {{buyer_id: u, viewed_at: t, "
            "page_kind: {from: b, values: {'1': product, '4': checkout}}}\n",
        )
        views = sound(read_mapping([path], plan)).tables["page_views"]
        assert views["viewed_at"].dt.hour().to_list() == [2, 20]


def test_nested_lists_and_internal_notes(tmp_path: Path, sound: Sound) -> None:
    text = """[{"id": "c1", "source": {"author": {"id": "u1"}}, "conversation_parts": {
      "total_count": 4, "conversation_parts": [
      {"id": "p1", "part_type": "comment", "body": "<p>Yes &amp; no</p>", "created_at": 1790000030,
       "author": {"type": "admin", "id": "9"}},
      {"id": "p2", "part_type": "note", "body": "<p>internal</p>", "created_at": 1790000040,
       "author": {"type": "admin", "id": "9"}},
      {"id": "p3", "part_type": "comment", "body": "<p>ok</p>", "created_at": 1790000060,
       "author": {"type": "user", "id": "u1"}},
      {"id": "p4", "part_type": "close", "body": null, "created_at": 1790000090,
       "author": {"type": "admin", "id": "9"}}]}}]"""
    plan = put(
        tmp_path,
        "m.yml",
        "table: messages\nformat: json\nrecords: conversation_parts.conversation_parts\n"
        "times: [unix_s]\ntimezone: UTC\ncolumns:\n  buyer_id: source.author.id\n"
        "  agent_id: author.id\n  conversation_id: parent.parent.id\n  sent_at: created_at\n"
        "  text: {from: body, html: true}\n"
        "  sender: {from: author.type, values: {user: buyer, admin: agent}}\n",
    )
    imported = sound(read_mapping([put(tmp_path, "c.json", text)], plan))
    messages = imported.tables["messages"]
    assert messages.select("agent_id", "sender", "text", "conversation_id").rows() == [
        ("9", "agent", "Yes & no", "c1"),
        (None, "buyer", "ok", "c1"),
    ]
    assert all("never saw" in reason for reason in imported.refused["_reason"])
    sessions = (
        '{"sessions": [{"meta": {"buyerNick": "甲"}, "messages": [{"msg": "在", "from": "甲", '
        '"at": "2026-10-05 10:00:00"}]}, {"meta": {"buyerNick": "乙"}, "messages": []}]}'
    )
    plan = put(
        tmp_path,
        "s.yml",
        "table: messages\nrecords: sessions[].messages[]\nconstants: {sender: buyer}\n"
        "columns: {buyer_id: meta.buyerNick, sent_at: at, text: msg}\n",
    )
    messages = sound(read_mapping([put(tmp_path, "s.json", sessions)], plan)).tables["messages"]
    assert messages["buyer_id"].to_list() == ["甲"]


def test_a_file_without_header_and_with_blanks(tmp_path: Path, sound: Sound) -> None:
    path = put(tmp_path, "cdnow.txt", " 00001 20210101  1   11.77\n 00002 20210112  5   77.00\n")
    head = "table: orders\nformat: csv\nseparator: ' '\ntimes: ['%Y%m%d']\n"
    named = "names: [id, date, units, amount]\ncolumns: {order_id: id, buyer_id: id, "
    by_name = f"{head}{named}placed_at: date, paid_at: date, units: units, paid_amount: amount}}\n"
    by_number = (
        f"{head}header_line: 0\ncolumns: {{order_id: 1, buyer_id: 1, placed_at: 2, paid_at: 2, "
        "units: 3, paid_amount: 4}\n"
    )
    for mapping in (by_name, by_number):
        orders = sound(read_mapping([path], put(tmp_path, "m.yml", mapping))).tables["orders"]
        assert orders.select("buyer_id", "units", "paid_amount").rows() == [
            ("00001", 1, 11.77),
            ("00002", 5, 77.0),
        ]


def test_a_header_under_a_title_is_found(tmp_path: Path, sound: Sound) -> None:
    path = put(
        tmp_path, "a.csv", "小店 客服名单,,\n导出于 2026-11-01,,\n编号,姓名,组\nA1,小李,一组\n"
    )
    plan = put(tmp_path, "m.yml", "table: agents\ncolumns: {agent_id: 编号, name: 姓名}\n")
    assert sound(read_mapping([path], plan)).tables["agents"].rows() == [("A1", "小李")]


@pytest.mark.parametrize(
    ("cell", "mapping", "amount"),
    [
        ('"1.234,50"', "", None),
        ('"1.234,50"', "decimal: ','\n", 1234.5),
        ('"12,50"', "", None),
        ('"12,50"', "decimal: ','\n", 12.5),
        ("1.234", "", None),
        ("1.234", "decimal: '.'\n", 1.234),
        ('"1,234.50"', "", 1234.5),
        ('"1,23,4.50"', "", None),
    ],
)
def test_money_is_never_guessed(
    tmp_path: Path, sound: Sound, cell: str, mapping: str, amount: float | None
) -> None:
    path = put(tmp_path, "o.csv", f"n,who,when,paid\n1,a,2026-10-05 10:00:00,{cell}\n")
    columns = "columns: {order_id: n, buyer_id: who, placed_at: when, paid_amount: paid}\n"
    plan = put(tmp_path, "m.yml", f"table: orders\n{mapping}{columns}")
    found = sound(read_mapping([path], plan)).tables.get("orders")
    assert (None if found is None else found["paid_amount"][0]) == amount


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("n,who\n1,caf\u00e9 cr\u00e8me br\u00fbl\u00e9e\n".encode("latin-1"), "Western encoding"),
        ("n,who\n1,\u5c0f\u96e8\n2,\u5927\u5c71\n3,\u963f\u6885\n".encode("utf-7"), "UTF-7"),
        (
            "n,who\n1,caf\u00e9\n2,cr\u00e8me\n3,br\u00fbl\u00e9\n".encode()
            .decode("latin-1")
            .encode(),
            "wrong encoding",
        ),
        (
            b"n,who\n1,\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n",
            "replacement marks",
        ),
    ],
)
def test_letters_decoded_wrongly_are_doubted(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    plan = put(tmp_path, "m.yml", "table: buyers\ncolumns: {buyer_id: who}\n")
    with pytest.raises(CsinsightError, match=said):
        read_mapping([path], plan)


def test_an_open_quote_costs_its_own_line_and_no_other(tmp_path: Path, sound: Sound) -> None:
    rows = "".join(f"{n},b{n},note\n" for n in range(3, 60))
    text = f'n,who,what\n1,b1,"open\n2,b2,"two\nlines"\n{rows}'
    plan = put(tmp_path, "m.yml", "table: buyers\ncolumns: {buyer_id: who}\n")
    imported = sound(read_mapping([put(tmp_path, "x.csv", text)], plan))
    assert imported.tables["buyers"].height == 58
    assert imported.refused["_line"].to_list() == [2]
    assert "double quote" in imported.refused["_reason"][0]


def test_spoilt_and_pandas_ids(tmp_path: Path, sound: Sound) -> None:
    plan = put(tmp_path, "m.yml", "table: buyers\ncolumns: {buyer_id: who}\n")
    spoilt = sound(read_mapping([put(tmp_path, "x.csv", "who\n1.9E+15\nb2\n")], plan))
    assert spoilt.tables["buyers"]["buyer_id"].to_list() == ["b2"]
    assert "spoilt by a spreadsheet" in spoilt.refused["_reason"][0]
    floats = sound(read_mapping([put(tmp_path, "y.csv", "who\n1001.0\n1002.0\n")], plan))
    assert floats.tables["buyers"]["buyer_id"].to_list() == ["1001", "1002"]


def test_more_than_half_refused_ends_with_three(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "who,day\nb1,2026-10-05\nb2,soon\nb3,later\n")
    plan = put(tmp_path, "m.yml", "table: buyers\ncolumns: {buyer_id: who, joined_at: day}\n")
    out = tmp_path / "shop"
    call = ["import", "mapping", str(path), "--mapping", str(plan), "--out", str(out)]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 3, result.output
    assert "2 of 3 rows" in result.output
    (entry,) = read_imports(out)
    assert (entry.rows_in, entry.rows_used, entry.rows_refused) == (3, 1, 2)
