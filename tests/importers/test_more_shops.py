"""Exports of further platforms and programs, read by a mapping or refused with what mends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from csinsight.errors import ConfigError
from csinsight.importers import Imported, ImporterError
from csinsight.importers.intercom import read_intercom
from csinsight.importers.jddc import read_jddc
from csinsight.importers.mapping import read_mapping
from csinsight.importers.platform_chats import read_sycm_chats
from csinsight.importers.platform_kpis import read_platform_kpis
from csinsight.importers.platform_orders import READERS
from csinsight.importers.qianniu_chat import read_qianniu_chat
from csinsight.importers.records import EMPTY_LIST
from csinsight.importers.run import run_import
from csinsight.importers.shopify_orders import read_shopify_orders
from csinsight.importers.taobao_orders import read_taobao_orders
from csinsight.params import shipped

Sound = Callable[[Imported], Imported]
Cells = list[str | int | float | None]
ORDERS = "columns: {order_id: id, buyer_id: who, placed_at: at, paid_at: paid, paid_amount: sum"


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def book(path: Path, rows: list[Cells]) -> Path:
    with xlsxwriter.Workbook(str(path)) as made:
        sheet = made.add_worksheet()
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                if cell is not None:
                    sheet.write(number, place, cell)
    return path


def reasons(imported: Imported) -> str:
    return " | ".join(imported.refused["_reason"])


HELP_DESK = """table: messages
columns:
  buyer_id: who
  agent_id: who
  sender: {from: who, values: {zoe@shop.example: agent, "*": buyer}}
  sent_at: at
  text: text
  conversation_id: ticket
"""


def test_one_column_that_names_whoever_wrote(put: Callable[..., Path], sound: Sound) -> None:
    chats = put(
        "c.csv",
        "ticket,who,at,text,private\n"
        "7,zoe@shop.example,2026-10-05 09:00:00,Welcome,false\n"
        "7,Ann@X.example,2026-10-05 09:01:00,Hi,false\n"
        "7,zoe@shop.example,2026-10-05 09:02:00,Hello,false\n"
        "7,zoe@shop.example,2026-10-05 09:03:00,is rude,true\n"
        "8,zoe@shop.example,2026-10-05 09:00:00,Anybody?,false\n",
    )
    imported = sound(read_mapping([chats], put("m.yml", HELP_DESK)))
    messages = imported.tables["messages"]
    assert messages["buyer_id"].to_list() == ["ann@x.example"] * 3
    assert messages["sender"].to_list() == ["agent", "buyer", "agent"]
    assert messages["agent_id"].to_list() == ["zoe@shop.example", None, "zoe@shop.example"]
    assert "internal note" in reasons(imported)
    assert "nobody wrote as the buyer" in reasons(imported)
    with pytest.raises(ConfigError, match="map `conversation_id` too"):
        read_mapping([chats], put("n.yml", HELP_DESK.replace("  conversation_id: ticket\n", "")))


def test_masked_buyers_are_not_one_buyer(put: Callable[..., Path], sound: Sound) -> None:
    chats = put(
        "c.csv",
        "who,side,at,text,talk\nt**,buyer,2026-10-05 09:00,Hi,1\n"
        "t**,buyer,2026-10-05 09:00,Hello,2\n",
    )
    told = "table: messages\ncolumns: {buyer_id: who, sender: side, sent_at: at, text: text"
    imported = sound(read_mapping([chats], put("m.yml", f"{told}, conversation_id: talk}}\n")))
    assert imported.tables["messages"]["buyer_id"].to_list() == ["t**#1", "t**#2"]
    imported = read_mapping([chats], put("n.yml", told + "}\n"))
    assert not imported.tables
    assert "map `conversation_id`" in reasons(imported)
    orders = put("o.csv", "id,who,at,paid,sum\n1,a**,2026-10-05,,5\n2,a**,2026-10-05,,5\n")
    imported = sound(read_mapping([orders], put("o.yml", f"table: orders\n{ORDERS}}}\n")))
    assert imported.tables["orders"]["buyer_id"].null_count() == 2
    orders = put("p.csv", "id,who,at,paid,sum\n1,a**,2026-10-05,,5\n2,bo,2026-10-05,,5\n")
    imported = sound(read_mapping([orders], put("o.yml", f"table: orders\n{ORDERS}}}\n")))
    assert imported.tables["orders"]["order_id"].to_list() == ["2"]


def test_rows_below_zero_are_refunds(put: Callable[..., Path], sound: Sound) -> None:
    orders = put(
        "o.csv",
        "id,who,at,paid,sum\n1,a,2026-10-05,2026-10-05,10\n1,a,2026-10-07,2026-10-07,-4\n"
        "2,b,2026-10-05,0000-00-00 00:00:00,10\n3,b,2026-10-05,2026-10-05,-3\n",
    )
    imported = sound(read_mapping([orders], put("m.yml", f"table: orders\n{ORDERS}}}\n")))
    table = imported.tables["orders"]
    assert table["refund_amount"].to_list() == [4.0, 0.0]
    assert table["paid_at"].null_count() == 1
    assert (imported.rows_in, imported.rows_out, imported.money_in) == (4, 3, 13.0)
    assert "not in the files" in reasons(imported)


def test_merged_cells_lose_no_line(tmp_path: Path, put: Callable[..., Path], sound: Sound) -> None:
    rows: list[Cells] = [
        ["id", "who", "at", "paid", "sum", "n", "what"],
        ["33001", "a", "2026-10-05 09:05", "2026-10-05 09:06", 310, 2, "shoe"],
        [None, None, None, None, None, 1, "sock"],
        ["33002", "b", "2026-10-05 09:05", "2026-10-05 09:06", 100, 1, "sock"],
    ]
    orders = book(tmp_path / "o.xlsx", rows)
    told = f"table: orders\nlines: {{amounts: repeat, product_name: what}}\n{ORDERS}, units: n}}\n"
    imported = sound(read_mapping([orders], put("m.yml", told)))
    assert imported.tables["orders"]["order_id"].to_list() == ["33002"]
    assert "`merged: true`" in reasons(imported)
    imported = sound(read_mapping([orders], put("n.yml", told + "merged: true\n")))
    assert imported.tables["orders"]["units"].to_list() == [3, 1]
    assert imported.tables["orders"]["paid_amount"].sum() == 410.0


def test_only_takes_one_of_two_shops_in_a_file(put: Callable[..., Path], sound: Sound) -> None:
    rows = "1,a,2026-10-05,,5,A\n2,b,2026-10-05,,5,B\n"
    orders = put("o.csv", f"id,who,at,paid,sum,店铺\n{rows}")
    with pytest.raises(ImporterError, match="take one by `only:`"):
        read_mapping([orders], put("m.yml", f"table: orders\n{ORDERS}}}\n"))
    told = f"table: orders\nonly: {{店铺: [A]}}\n{ORDERS}}}\n"
    assert sound(read_mapping([orders], put("n.yml", told))).tables["orders"].height == 1


def test_numbers_that_a_workbook_rounded_are_refused(tmp_path: Path) -> None:
    header: Cells = [
        "订单编号",
        "买家会员名",
        "总金额",
        "买家实际支付金额",
        "订单状态",
        "订单创建时间",
        "订单付款时间",
    ]
    rest: Cells = ["a", 9, 9, "交易成功", "2026-10-05 09:00:00", "2026-10-05 09:01:00"]
    held: list[Cells] = [[4012345678901234567 + 4321 * i, *rest] for i in range(4)]
    rounded = read_taobao_orders([book(tmp_path / "n.xlsx", [header, *held])])
    assert not rounded.tables
    assert "rounded by a spreadsheet" in reasons(rounded)
    texts: list[Cells] = [[str(row[0]), *rest] for row in held]
    assert read_taobao_orders([book(tmp_path / "t.xlsx", [header, *texts])]).rows_out == 4


def test_a_report_without_times_of_payment_guesses_no_state(put: Callable[..., Path]) -> None:
    report = "订单编号,总金额,订单状态,订单创建时间\n1,5,交易成功,2026-10-05 09:00\n"
    report += "2,5,部分退款中,2026-10-05 09:00\n合计,10\n"
    imported = read_taobao_orders([put("ExportOrderList.csv", report)])
    assert imported.tables["orders"]["order_id"].to_list() == ["1"]
    assert "none that is known" in reasons(imported)
    assert "a row of sums" in reasons(imported)


def test_shopify_lines_that_repeat_the_time_of_placing(put: Callable[..., Path]) -> None:
    export = put(
        "orders_export.csv",
        "Name,Email,Financial Status,Paid at,Total,Created at,Lineitem quantity\n"
        "#1,a@x,paid,2026-10-05 10:01:00 +0800,90,2026-10-05 10:00:00 +0800,2\n"
        "#1,a@x,,,,2026-10-05 10:00:00 +0800,1\n",
    )
    imported = read_shopify_orders([export])
    assert imported.tables["orders"]["units"].to_list() == [3]
    assert imported.refused.is_empty()


def test_a_masked_phone_number_beside_a_nick(put: Callable[..., Path]) -> None:
    header = "订单号,订单创建时间,买家手机号,买家昵称,订单实付金额,订单状态,商品数量\n"
    rows = "E1,2026-10-05 09:00,138****0000,小雨,5,交易完成,1\n"
    imported = READERS["youzan_orders"]([put("yz.csv", header + rows)])
    assert imported.tables["orders"]["buyer_id"].to_list() == ["小雨"]


def test_a_whole_talk_in_a_cell(tmp_path: Path, sound: Sound) -> None:
    talk = "tb1 2026-10-05 09:00:00\n在吗\n店:小李 2026-10-05 09:00:09\n在"
    other = talk.replace("tb1", "tb2").replace("09:00", "08:00")
    rows: list[Cells] = [["客户ID", "聊天记录"], ["tb1", talk], ["tb2", other], ["tb3", None]]
    imported = sound(read_qianniu_chat([book(tmp_path / "c.xlsx", rows)]))
    messages = imported.tables["messages"]
    assert messages["buyer_id"].to_list() == ["tb1", "tb1", "tb2", "tb2"]
    assert messages["sender"].to_list() == ["buyer", "agent"] * 2
    assert "the talk is empty" in reasons(imported)


def test_text_that_is_no_qianniu_chat_says_what_is_looked_for(put: Callable[..., Path]) -> None:
    with pytest.raises(ImporterError, match=r"is the head of a message.*line_pattern"):
        read_qianniu_chat([put("w.txt", "[05/10/2026, 09:05:00] Bo: Hi\n")])


def test_ratings_that_are_none_are_counted(put: Callable[..., Path], sound: Sound) -> None:
    def talk(number: int, rating: object, mate: object) -> dict[str, object]:
        who = {"type": "user", "id": "u1", "email": "a@x.example"}
        told = {"rating": rating, "created_at": 1791162160, "teammate": mate}
        return {
            "id": number,
            "created_at": 1791162000,
            "source": {"author": who, "body": "Hi"},
            "conversation_rating": told,
        }

    talks = [talk(1, 5, {"id": 9}), talk(2, 7, {"id": 9}), talk(3, 4, None), talk(4, None, None)]
    file = put("c.json", json.dumps({"conversations": talks}))
    imported = sound(read_intercom([file], timezone="Asia/Shanghai"))
    assert imported.tables["ratings"]["score"].to_list() == [5]
    assert (imported.rows_in, imported.rows_out) == (7, 5)
    assert "no score from 1 to 5" in reasons(imported)
    assert "names no teammate" in reasons(imported)


def test_chats_of_two_shops(tmp_path: Path, put: Callable[..., Path]) -> None:
    sessions = [
        put(
            f"{shop}.json",
            json.dumps(
                {
                    "sessions": [
                        {
                            "meta": {"dataId": "1_a_2", "buyerNick": "b"},
                            "messages": [
                                {
                                    "gmtCreated": "2026-10-05 09:00:00",
                                    "userNickFrom": f"{shop}:小李",
                                    "msg": "在",
                                }
                            ],
                        }
                    ]
                }
            ),
        )
        for shop in ("甲", "乙")
    ]
    with pytest.raises(ImporterError, match="files of two shops"):
        run_import("sycm_chats", sessions, tmp_path / "out")
    told = put("told.yml", "one_shop: true\n")
    assert run_import("sycm_chats", sessions, tmp_path / "out", told).rows_out == 2
    assert read_sycm_chats(sessions).facts["甲.json"].shops == ("甲",)
    logs = [
        put(f"{who}.txt", "".join(f"s{i}\t{who}{i}\t0\t0\t0\t\t在吗\n" for i in range(3)))
        for who in ("a", "b")
    ]
    with pytest.raises(ImporterError, match=r"a\.txt, b\.txt: 3 of the 3 conversations"):
        read_jddc(logs)


def test_service_figures_lose_no_column(put: Callable[..., Path]) -> None:
    table = "日期,回复率,,接待,,\n,三分钟人工回复率,30秒应答率,咨询人数,均值,\n"
    table += "2026-10-05,98%,97%,100,1,7\n"
    imported = read_platform_kpis([put("pdd.csv", table)])
    assert sorted(imported.tables["platform_kpis"]["kpi"]) == [
        "30秒应答率",
        "三分钟人工回复率",
        "咨询人数",
        "均值",
    ]
    assert "column 6 has figures without a name" in imported.notices[0]


def test_a_program_that_sends_two_orders_together_is_told(put: Callable[..., Path]) -> None:
    orders = put("o.csv", 'id,who,at,paid,sum\n"1001,1002",a,2026-10-05,,5\n')
    imported = read_mapping([orders], put("m.yml", f"table: orders\n{ORDERS}}}\n"))
    assert any("1 rows hold several orders' numbers" in notice for notice in imported.notices)
    assert isinstance(imported.tables["orders"], pl.DataFrame)


def test_chats_that_a_phone_exports(tmp_path: Path, put: Callable[..., Path], sound: Sound) -> None:
    iphone = "\u200e[05/10/2026, 09:05:00] Bo: Hi, do you have\nblue ones\n"
    iphone += '[05/10/2026, 09:05:20] My Shop: "Yes\n[05/10/2026, 09:06:00] Calls are encrypted\n'
    android = "on top\n05/10/2026, 09:05 - Al: Hi\n05/11/2026, 09:06 - My Shop: Yes\n"
    files = [put("Bo.txt", iphone), put("Al.txt", android)]
    imported = sound(read_mapping(files, shipped("params", "mappings", "whatsapp.yml")))
    messages = imported.tables["messages"]
    assert messages["buyer_id"].to_list() == ["Bo", "Bo", "Al", "Al"]
    assert messages["sender"].to_list() == ["buyer", "agent"] * 2
    assert messages["text"].to_list() == ["Hi, do you have\nblue ones", '"Yes', "Hi", "Yes"]
    assert str(messages["sent_at"][3]) == "2026-11-05 09:06:00"
    assert "conversation_id" not in messages.columns
    assert imported.rows_in == 6
    with pytest.raises(ConfigError, match="no group 'body'"):
        text = "table: messages\nline_pattern: '(?P<at>.*)'\ncolumns: {buyer_id: at, text: body, "
        read_mapping(files, put("m.yml", text + "sender: at, sent_at: at}\n"))


def test_what_stands_in_a_list_and_what_does_not(put: Callable[..., Path], sound: Sound) -> None:
    order = {"id": 1, "at": "2026-10-05", "sum": 9, "items": [{"n": 2}, {"n": 1}]}
    file = put("o.json", json.dumps([order, {**order, "id": 2, "items": []}]))
    told = "table: orders\nrecords: items[]\nlines: {amounts: repeat}\n"
    told += "columns: {order_id: id, placed_at: at, paid_amount: sum, units: n}\n"
    imported = sound(read_mapping([file], put("m.yml", told)))
    assert imported.tables["orders"]["units"].to_list() == [3]
    assert (imported.rows_in, reasons(imported)) == (3, EMPTY_LIST)


def test_sums_in_another_column_are_no_order(put: Callable[..., Path]) -> None:
    orders = put("o.csv", "at,id,who,paid,sum\n2026-10-05,1,a,,5\nTotals,,,,5\n")
    imported = read_mapping([orders], put("m.yml", f"table: orders\n{ORDERS}}}\n"))
    assert reasons(imported).startswith("no data: ")
    assert imported.money_in == 5.0


def test_whole_talks_are_no_messages(put: Callable[..., Path]) -> None:
    talk = '"tb1 2026-10-05 09:00:00\n在吗\n店:小李 2026-10-05 09:00:09\n在"'
    told = "table: messages\ncolumns: {buyer_id: who, text: text}\nconstants: {sender: buyer}\n"
    with pytest.raises(ImporterError, match=r"whole talks.*qianniu_chat"):
        read_mapping([put("c.csv", f"who,text\ntb1,{talk}\n")], put("m.yml", told))


@pytest.mark.parametrize("name", ["No", "yes"])
def test_a_column_that_yaml_takes_for_true_or_false(put: Callable[..., Path], name: str) -> None:
    orders = put("o.csv", f"at,{name}\n2026-10-05,7\n")
    told = "table: orders\ncolumns: {order_id: %s, placed_at: at}\n"
    with pytest.raises(ConfigError, match="in quotes"):
        read_mapping([orders], put("m.yml", told % name))
    imported = read_mapping([orders], put("n.yml", told % f"'{name}'"))
    assert imported.tables["orders"]["order_id"].to_list() == ["7"]
