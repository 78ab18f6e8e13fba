"""JD Dongdong logs, Shopify orders and Zendesk tickets: what goes in comes out, or says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from csinsight.errors import ConfigError
from csinsight.importers import Imported, ImporterError
from csinsight.importers.jd_dongdong import read_jd_dongdong
from csinsight.importers.shopify_orders import read_shopify_orders
from csinsight.importers.zendesk import read_zendesk

Sound = Callable[[Imported], Imported]

LOG = """/*****************以下为一通会话************************************/
jd_甲 2026-10-05 10:00:00\t
有货吗\t
旗舰店-小李 2026-10-05 10:00:20
您好，
有货的

/*****************会话结束*****************/
散落的一行
/*****************以下为一通会话************************************/
旗舰店-小王 2026-10-05 11:00:00
在吗
/*****************会话结束_时间:2026-10-05 11:10:00*****************/
"""


def test_dongdong_sessions(tmp_path: Path, sound: Sound) -> None:
    log, who = tmp_path / "chat.log", tmp_path / "who.yml"
    log.write_text(LOG, encoding="gb18030")
    who.write_text("agents: ['旗舰店-*']\n", encoding="utf-8")
    imported = sound(read_jd_dongdong([log], who))
    messages = imported.tables["messages"]
    assert messages["sender"].to_list() == ["buyer", "agent"]
    assert messages["buyer_id"].to_list() == ["jd_甲"] * 2
    assert messages["text"].to_list() == ["有货吗", "您好，\n有货的"]
    assert messages["sent_at"][1] == datetime(2026, 10, 5, 10, 0, 20)
    lines = dict(zip(imported.refused["_line"], imported.refused["_reason"], strict=True))
    assert lines.keys() == {9, 11}
    assert "outside of a session" in lines[9]
    assert "no buyer wrote" in lines[11]


def test_dongdong_does_not_guess_who_serves(tmp_path: Path) -> None:
    log, who = tmp_path / "chat.log", tmp_path / "who.yml"
    log.write_text(LOG, encoding="utf-8")
    with pytest.raises(ImporterError, match=r"name the agents.*旗舰店-小李 \(1\)"):
        read_jd_dongdong([log])
    who.write_text("agents: [别人]\n", encoding="utf-8")
    refused = read_jd_dongdong([log], who).refused
    assert "two who are not named as agents" in refused.sort("_line")["_reason"][0]
    log.write_text("jd_甲 2026-10-05 10:00:00\n有货吗\n", encoding="utf-8")
    with pytest.raises(ImporterError, match="is it a Dongdong log"):
        read_jd_dongdong([log], who)


SHOPIFY = """Name,Email,Financial Status,Paid at,Total,Discount Code,Discount Amount,Created at,\
Lineitem quantity,Refunded Amount
#1001,Ann@x.example,paid,2026-10-05 10:02:00 +0800,90.00,OCT,10.00,2026-10-05 10:00:00 +0800,2,0.00
#1001,ann@x.example,,,,,,,1,
#1002,bob@x.example,pending,,50.00,,0.00,2026-10-06 09:00:00 +0800,1,0.00
#1003,bob@x.example,partially_refunded,2026-10-07 09:00:00 +0800,40.00,,0.00,\
2026-10-07 08:59:00 +0800,1,15.00
#1004,bob@x.example,paid,,40.00,,0.00,2026-10-07 08:59:00 +0800,1,0.00
#0999,cat@x.example,,,,,,,1,
"""


def test_shopify_orders_are_folded(tmp_path: Path, sound: Sound) -> None:
    path = tmp_path / "orders_export_1.csv"
    path.write_text(SHOPIFY, encoding="utf-8")
    imported = sound(read_shopify_orders([path]))
    orders = imported.tables["orders"]
    assert orders["order_id"].to_list() == ["#1001", "#1002", "#1003", "#1004"]
    assert orders["buyer_id"].to_list() == ["ann@x.example"] + ["bob@x.example"] * 3
    assert orders["units"].to_list() == [3, 1, 1, 1]
    assert orders["list_amount"].to_list() == [100.0, 50.0, 40.0, 40.0]
    assert orders["paid_amount"].to_list() == [90.0, 50.0, 40.0, 40.0]
    assert orders["refund_amount"].to_list() == [0.0, 0.0, 15.0, 0.0]
    assert orders["coupon_used"].to_list() == [True, False, False, False]
    assert orders["paid_at"].to_list()[:2] == [datetime(2026, 10, 5, 10, 2), None]
    reasons = imported.refused["_reason"].to_list()
    assert reasons == ["the line is an item of an order whose first line is not in the files"]
    # Paid by its state without a time of payment: taken as paid when it was placed.
    assert orders["paid_at"][3] == orders["placed_at"][3]
    assert imported.money_in == 220.0


def test_a_later_shopify_export_has_the_newer_state(tmp_path: Path, sound: Sound) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text(SHOPIFY, encoding="utf-8")
    lines = SHOPIFY.splitlines()
    paid = lines[3].replace("pending,", "paid,2026-10-06 09:30:00 +0800")
    new.write_text(f"{lines[0]}\n{paid}\n", encoding="utf-8")
    imported = sound(read_shopify_orders([old, new]))
    times = dict(zip(*imported.tables["orders"][["order_id", "paid_at"]], strict=True))
    assert times["#1002"] == datetime(2026, 10, 6, 9, 30)


@pytest.mark.parametrize(
    ("content", "said"),
    [("订单编号,总金额\n1,2\n", "has no column Name"), ("Name\n#1\n", "has no column Financial")],
)
def test_what_is_no_shopify_export_says_so(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ImporterError, match=said):
        read_shopify_orders([path])


TICKET = {
    "id": 7,
    "requester": {"id": 1, "name": "Ann"},
    "assignee": {"id": 2, "name": "Li"},
    "satisfaction_rating": {"score": "good", "updated_at": "2026-10-06T01:00:00Z"},
    "comments": [
        {"author_id": 1, "public": True, "body": "Hi", "created_at": "2026-10-05T02:00:00Z"},
        {
            "author": {"id": 2, "name": "Li"},
            "plain_body": "Hello",
            "body": "<b>Hello</b>",
            "created_at": "2026-10-05T02:01:00Z",
        },
        {"author_id": 2, "public": False, "body": "tricky", "created_at": "2026-10-05T02:02:00Z"},
        {"author_id": -1, "body": "closed", "created_at": "2026-10-05T03:00:00Z"},
    ],
}


def test_zendesk_tickets(tmp_path: Path, sound: Sound) -> None:
    path = tmp_path / "tickets.json"
    bare = {"id": 8, "requester_id": 3, "satisfaction_rating": {"score": "offered"}}
    path.write_text("\n".join([json.dumps(TICKET), json.dumps(bare), "{broken"]), "utf-8")
    imported = sound(read_zendesk([path], timezone="Asia/Shanghai"))
    messages = imported.tables["messages"]
    assert messages["sender"].to_list() == ["buyer", "agent", "system"]
    assert messages["text"].to_list() == ["Hi", "Hello", "closed"]
    assert messages["sent_at"][0] == datetime(2026, 10, 5, 10)  # the shop's clock, UTC+8
    assert imported.tables["agents"].rows() == [("2", "Li")]
    (rating,) = imported.tables["ratings"].rows(named=True)
    assert (rating["agent_id"], rating["score"]) == ("2", 5)
    reasons = imported.refused["_reason"].to_list()
    assert sum("internal note" in reason for reason in reasons) == 1
    assert sum("no comments" in reason for reason in reasons) == 1
    assert sum("no ticket" in reason for reason in reasons) == 1


def test_zendesk_lists_and_clocks(tmp_path: Path, sound: Sound) -> None:
    path, options = tmp_path / "tickets.json", tmp_path / "zone.yml"
    path.write_text(json.dumps({"tickets": [TICKET]}), encoding="utf-8")
    options.write_text("timezone: UTC\n", encoding="utf-8")
    messages = sound(read_zendesk([path], options)).tables["messages"]
    assert messages["sent_at"][0] == datetime(2026, 10, 5, 2)
    options.write_text("timezone: Mars/Olympus\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no time zone"):
        read_zendesk([path], options)
    path.write_text('{"tickets": 3}', encoding="utf-8")
    with pytest.raises(ImporterError, match="no list of tickets"):
        read_zendesk([path], timezone="UTC")
    with pytest.raises(ImporterError, match="say --timezone"):
        read_zendesk([path])
