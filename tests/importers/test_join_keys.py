"""Orders find the buyers of the chats by keys in order of trust."""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.contract.check import check_shop
from csinsight.engine import open_shop
from csinsight.errors import ImporterError
from csinsight.importers import run_import
from csinsight.importers.join_keys import (
    find_order_buyers,
    hash_of,
    read_salt,
    with_order_buyers,
)

AT = datetime(2026, 10, 5, 10)


def orders(*rows: tuple[str, str | None], amount: float = 9.0) -> pl.DataFrame:
    return pl.DataFrame(
        [(number, buyer, AT, amount) for number, buyer in rows],
        schema={
            "order_id": pl.String,
            "buyer_id": pl.String,
            "placed_at": pl.Datetime("us"),
            "paid_amount": pl.Float64,
        },
        orient="row",
    )


def chats(*lines: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(who, side, AT, text) for who, side, text in lines],
        schema={
            "buyer_id": pl.String,
            "sender": pl.String,
            "sent_at": pl.Datetime("us"),
            "text": pl.String,
        },
        orient="row",
    )


def linked(found: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Return each order's buyer and key, the best key's: it stands first."""
    found = found.unique("order_id", keep="first", maintain_order=True)
    return {
        number: (buyer, key) for number, buyer, key in found.drop_nulls("order_id")[:, :3].rows()
    }


@pytest.mark.parametrize(
    ("number", "text", "is_found"),
    [
        ("6900000000000000001", "订单6900000000000000001到哪了", True),
        ("6900000000000000001", "６９００００００００００００００００１ 发货没", True),
        ("6900000000000000001", "69000000000000000012", False),
        ("261005-123456789012345", "单号 261005-123456789012345，谢谢", True),
        ("111-2222222-3333333", "Order 111-2222222-3333333?", True),
        ("#1001", "Where is my order #1001?", True),
        ("#1001", "where is order 1001", True),
        ("#1001", "I need 1001 pieces", False),
        ("#100", "can I order 100 of them", False),
        ("1001", "订单号：1001", True),
        ("1001", "我有1001个", False),
        ("ABC-2026-77", "it is abc-2026-77", True),
    ],
)
def test_an_orders_number_is_read_where_it_is_one(number: str, text: str, is_found: bool) -> None:
    found = find_order_buyers(orders((number, None)), chats(("b1", "buyer", text)))
    assert linked(found) == ({number: ("b1", "number")} if is_found else {})


def test_a_number_in_two_buyers_chats_is_nobodys_and_a_known_buyer_stays() -> None:
    table = orders(("6900000001", None), ("6900000002", "b2"))
    both = chats(
        ("b1", "buyer", "6900000001"),
        ("b2", "agent", "6900000001"),
        ("b1", "agent", "6900000002 是别人的"),
        ("b2", "buyer", "在吗"),
    )
    assert linked(find_order_buyers(table, both)) == {}


def test_one_number_names_all_orders_of_a_buyer() -> None:
    table = orders(
        ("#1001", "ann@x.example"), ("#1002", "ann@x.example"), ("#1003", "bob@x.example")
    )
    found = find_order_buyers(table, chats(("77", "buyer", "order no. 1001 please")))
    assert linked(found) == {"#1001": ("77", "number"), "#1002": ("77", "number")}


def test_keys_go_by_trust() -> None:
    table = orders(
        ("6900000001", None),
        (
            "6900000002",
            None,
        ),
        ("6900000003", "13800138000"),
    )
    listed = pl.DataFrame(
        {
            "order_id": ["6900000001", "6900000002"],
            "buyer_id": ["of the list", "of the list"],
            "key": ["list", "list"],
        }
    )
    said = chats(("of the chat", "buyer", "6900000001"), ("wrote", "buyer", "电话+86 13800138000"))
    assert linked(find_order_buyers(table, said, listed)) == {
        "6900000001": ("of the chat", "number"),
        "6900000002": ("of the list", "list"),
        "6900000003": ("wrote", "contact"),
    }


def test_a_list_without_numbers_is_joined_by_time_and_amount(tmp_path: Path) -> None:
    """生意参谋's list of orders, agents and buyers, as `csinsight init` maps it."""
    folder = tmp_path / "shop"
    CliRunner().invoke(main, ["init", str(folder)])
    sold = tmp_path / "orders.csv"
    sold.write_text(
        "订单编号,买家应付货款,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间\n"
        "1,59,59,59,交易成功,2026-10-05 10:30:00,2026-10-05 10:31:00\n"
        "2,59,59,59,交易成功,2026-10-05 11:30:00,2026-10-05 11:31:00\n"
        "3,80,80,80,交易成功,2026-10-05 12:30:00,2026-10-05 12:31:00\n",
        encoding="utf-8",
    )
    talk = tmp_path / "chat.txt"
    talk.write_text(
        "小雨 2026-10-05 10:00:00\n有货吗\n店:小李 2026-10-05 10:00:20\n有的\n"
        "大山 2026-10-05 11:00:00\n有货吗\n店:小李 2026-10-05 11:00:20\n有的\n",
        encoding="utf-8",
    )
    listed = tmp_path / "list.json"
    listed.write_text(
        '[{"createTime": "2026-10-05 10:30:00", "createAmt": "59.00", "buyerNick": "小雨", '
        '"accountNick": "店:小李", "isSlientFlow": "N"}, {"createTime": "2026-10-05 13:00:00", '
        '"createAmt": "59.00", "buyerNick": "大山", "accountNick": "店:小李"}]',
        encoding="utf-8",
    )
    data = folder / "data"
    plan = folder / "mappings" / "sycm_order_list.yml"
    parts = {
        "list": ("mapping", [listed], plan),
        "chats": ("qianniu_chat", [talk], None),
        "orders": ("taobao_orders", [sold], None),
    }
    for order in (("orders", "chats", "list"), ("list", "chats", "orders")):
        out = data / order[0]
        told: tuple[str, ...] = ()
        for part in order:
            name, files, mapping = parts[part]
            told = run_import(name, files, out, mapping).notices
        assert any("1 orders are joined to chats by a list" in note for note in told)
        assert any("1 of 2 buyers of chats (50%)" in note for note in told)
        assert check_shop(out).ok
        shop = open_shop(out)
        assert shop.joined
        assert [(k.key, k.buyers, k.orders) for k in shop.match.keys] == [("list", 1, 1)]
        named = shop.buyers_named()
        assert (named.orders, named.of_orders) == (1, 3)


def test_orders_in_parts_are_joined_too(tmp_path: Path) -> None:
    at = datetime(2026, 10, 5, 10)
    orders = pl.DataFrame(
        {"order_id": ["30099118"], "buyer_id": [None], "placed_at": [at]}
        | {"list_amount": [9.0], "paid_amount": [9.0], "units": [1]},
        schema_overrides={"buyer_id": pl.String},
    )
    (tmp_path / "orders.parquet").mkdir()
    orders.write_parquet(tmp_path / "orders.parquet" / "part-0.parquet")
    said = {"buyer_id": ["b1"], "agent_id": [None], "sender": ["buyer"], "sent_at": [at]}
    said |= {"text": ["订单号 30099118 到了吗"]}
    messages = pl.DataFrame(said, schema_overrides={"agent_id": pl.String})
    made, told = with_order_buyers(tmp_path, {"messages": messages})
    assert made["order_buyers"]["buyer_id"].to_list() == ["b1"], told


def test_what_was_written_before_its_order_was_placed_shows_two_clocks(tmp_path: Path) -> None:
    sold, talk = tmp_path / "o.csv", tmp_path / "c.txt"
    sold.write_text(
        "订单编号,买家应付货款,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间\n"
        "1900000001,59,59,59,交易成功,2026-10-05 18:30:00,2026-10-05 18:31:00\n",
        encoding="utf-8",
    )
    talk.write_text(
        "小雨 2026-10-05 10:40:00\n1900000001 发货了吗\n店:小李 2026-10-05 10:41:00\n发了\n",
        encoding="utf-8",
    )
    run_import("taobao_orders", [sold], tmp_path / "shop")
    report = run_import("qianniu_chat", [talk], tmp_path / "shop")
    assert any("two clocks" in note for note in report.notices)
    # The same import again changes nothing.
    again = run_import("qianniu_chat", [talk], tmp_path / "shop")
    assert again.counts == report.counts


SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Total,Discount Amount,Created at,Lineitem quantity\n"
    "#1,Ann@X.example,paid,2026-10-05 10:01:00 +0800,9,0,2026-10-05 10:00:00 +0800,1\n"
)
TICKET = (
    '{"id": 1, "requester": {"id": 7, "email": "ann@x.example"}, "comments": [{"author_id": 7, '
    '"body": "Hi", "created_at": "2026-10-05T01:00:00Z"}]}'
)


def test_contacts_are_hashed_with_a_salt_that_the_shop_keeps(tmp_path: Path) -> None:
    sold, talk, data = tmp_path / "o.csv", tmp_path / "t.json", tmp_path / "shop"
    sold.write_text(SHOPIFY, encoding="utf-8")
    talk.write_text(TICKET, encoding="utf-8")
    run_import("shopify_orders", [sold], data, hash_buyers=True)
    report = run_import("zendesk", [talk], data, timezone="Asia/Shanghai")
    salt = read_salt(data)
    assert salt is not None
    assert len(salt) == 32
    assert stat.S_IMODE((data / "contacts.salt").stat().st_mode) == 0o600
    for name in ("orders", "messages"):
        ids = pl.read_parquet(data / f"{name}.parquet")["buyer_id"].unique().to_list()
        assert ids == [hash_of("ann@x.example", salt)]
    assert any("1 of 1 buyers of chats (100%)" in note for note in report.notices)
    # Another shop's salt gives another hash, and a folder never holds both.
    other = tmp_path / "other"
    run_import("shopify_orders", [sold], other)
    with pytest.raises(ImporterError, match="--replace"):
        run_import("zendesk", [talk], other, timezone="Asia/Shanghai", hash_buyers=True)
    assert not (other / "contacts.salt").exists()
