"""Whatever the order of files, however they are split, whichever row is spoilt: nothing is lost.

For every importer: rows and money in are used plus refused, and the tables are the same in any
order of files, and in any cut of a file where a row stands for itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csinsight.importers import FORMATS, Imported


@dataclass(frozen=True)
class Form:
    """Files of one importer: a head that each has, and pieces that stand for themselves."""

    format: str
    head: str
    pieces: tuple[str, ...]
    suffix: str = ".csv"
    mapping: str = ""
    timezone: str = ""
    #: What a spoilt piece holds in place of a part of it.
    spoil: tuple[str, str] = ("2026", "x0x6")
    #: What stands between two pieces, and below the last.
    between: str = ""
    tail: str = ""

    def whole(self, pieces: Sequence[str]) -> str:
        """Return the text of a file that holds `pieces`."""
        return self.head + self.between.join(pieces) + self.tail


TAOBAO = (
    "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,订单创建时间,"
    "订单付款时间,宝贝总数量,退款金额\n"
)
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Total,Discount Amount,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Refunded Amount\n"
)
ORDERS_MAP = (
    "table: orders\nlines: {amounts: sum, id: line, product_name: what}\ncolumns: {order_id: id, "
    "buyer_id: who, placed_at: placed, paid_at: paid, paid_amount: sum, units: n}\n"
)
FORMS = [
    Form(
        "taobao_orders",
        TAOBAO,
        (
            "T1,甲,10,0,10,10,交易成功,2026-10-05 10:00,2026-10-05 10:01,1,0\n",
            "T2,乙,20,0,20,0,等待买家付款,2026-10-05 11:00,,1,0\n",
            "T2,乙,20,0,20,20,交易成功,2026-10-05 11:00,2026-10-05 11:09,1,0\n",
            "T3,丙,30.5,0,30.5,30.5,交易成功,2026-10-06 10:00,2026-10-06 10:01,2,5\n",
            "T3,丙,30.5,0,30.5,30.5,交易成功,2026-10-06 10:00,2026-10-06 10:01,2,0\n",
        ),
    ),
    Form(
        "shopify_orders",
        SHOPIFY,
        (
            "#1,a@x,paid,2026-10-05 10:01:00 +0800,90.00,10,2026-10-05 10:00:00 +0800,2,T,45,0\n"
            "#1,a@x,,,,,,1,Hat,10,\n",
            "#2,b@x,pending,,50,0,2026-10-06 09:00:00 +0800,1,T,50,0\n",
            "#2,b@x,paid,2026-10-06 09:30:00 +0800,50,0,2026-10-06 09:00:00 +0800,1,T,50,0\n",
            "#3,c@x,partially_refunded,,40.10,0,2026-10-07 09:00:00 +0800,1,T,40.10,5\n",
        ),
    ),
    Form(
        "mapping",
        "id,line,who,placed,paid,sum,n,what\n",
        (
            "L1,1,甲,2026-10-05 10:00,2026-10-05 10:01,59.10,1,衣\n",
            "L1,2,甲,2026-10-05 10:00,2026-10-05 10:01,159.20,2,裤\n",
            "L2,3,乙,2026-10-06 10:00,,299.00,1,鞋\n",
            "L2,3,乙,2026-10-06 10:00,2026-10-06 10:05,299.00,1,鞋\n",
            "L3,4,丙,2026-10-07 10:00,2026-10-07 10:05,9.90,3,袜\n",
        ),
        mapping=ORDERS_MAP,
    ),
    Form(
        "douyin_orders",
        "主订单编号,子订单编号,选购商品,商品数量,订单应付金额,订单提交时间,支付完成时间,订单状态,售后状态\n",
        (
            "D1,D11,衣,1,59.10,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,-\n",
            "D1,D12,裤,2,159.20,2026-10-05 10:00:00,2026-10-05 10:01:00,已完成,-\n",
            "D2,D21,鞋,1,299.00,2026-10-06 10:00:00,,待支付,-\n",
            "D3,D31,袜,3,9.90,2026-10-07 10:00:00,2026-10-07 10:05:00,已发货,-\n",
        ),
    ),
    Form(
        "mapping",
        "id,line,who,placed,paid,sum,n,what\n",
        (
            "R1,1,甲,2026-10-05 10:00,2026-10-05 10:01,150.00,1,衣\n",
            "R1,2,甲,2026-10-05 10:00,2026-10-05 10:01,150.00,2,裤\n",
            "R1,3,甲,2026-10-05 10:00,2026-10-05 10:01,150.00,1,帽\n",
            "R2,4,乙,2026-10-06 10:00,2026-10-06 10:05,80.50,1,鞋\n",
        ),
        mapping=ORDERS_MAP.replace("amounts: sum", "amounts: repeat"),
    ),
    Form(
        "jd_orders",
        "订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,结算金额,余额支付,应付金额,"
        "订单状态,订单类型,下单帐号,付款确认时间\n",
        (
            "2001,11,壳,2,在线支付,2026-10-05 10:00,20,99,89,9,80,完成,SOP,jd_a,2026-10-05 10:02\n",
            "2001,12,架,1,在线支付,2026-10-05 10:00,59,99,89,9,80,完成,SOP,jd_a,2026-10-05 10:02\n",
            "2002,11,壳,1,在线支付,2026-10-06 11:00,20,20,20,0,20,等待付款,SOP,jd_b,\n",
            "2003,13,机,1,在线支付,2026-10-07 12:00,9,9,9,0,9,完成,SOP,jd_a,2026-10-07 12:01\n",
        ),
    ),
    Form(
        "pdd_orders",
        "订单号,商品,订单状态,商品总价(元),邮费(元),用户实付金额(元),商品数量(件),售后状态,订单成交时间\n",
        (
            "P1,衣,已收货,20,0,18.50,1,无售后,2026-10-05 10:00:00\n",
            "P2,鞋,已发货,30,5,35,2,无售后,2026-10-06 10:00:00\n",
            "P3,袜,已收货,9,0,9,1,退款成功,2026-10-07 10:00:00\n",
        ),
    ),
    Form(
        "amazon_orders",
        "amazon-order-id\torder-item-id\tpurchase-date\tlast-updated-date\torder-status\tsku\tquantity\t"
        "currency\titem-price\n",
        (
            "A1\t1\t2026-10-05T01:00:00Z\t2026-10-06T01:00:00Z\tShipped\ts1\t1\tEUR\t10.10\n",
            "A1\t2\t2026-10-05T01:00:00Z\t2026-10-06T01:00:00Z\tShipped\ts2\t3\tEUR\t20.20\n",
            "A2\t3\t2026-10-07T01:00:00Z\t2026-10-07T02:00:00Z\tPending\ts1\t1\tEUR\t10.10\n",
        ),
        suffix=".txt",
        timezone="Europe/Berlin",
    ),
    Form(
        "jingmai_chats",
        "customer,waiter,created,waiterSend,content\n",
        tuple(
            f"jd_{n},小李,2026-10-0{n} 10:00:00,false,在吗\n"
            f"jd_{n},小李,2026-10-0{n} 10:00:20,true,在\n"
            for n in (5, 6, 7)
        ),
    ),
    Form(
        "taobao_userbehavior",
        "",
        tuple(f"{n},10{n},7,{kind},151154407{n}\n" for n, kind in enumerate(["pv", "buy", "cart"])),
        spoil=("pv", "??"),
    ),
    Form(
        "jddc",
        "",
        ("s1\tu1\t0\t0\t0\t\t在吗\ns1\tu1\t1\t0\t0\t\t在\n", "s2\tu2\t0\t0\t0\t\t有货吗\n"),
        suffix=".txt",
        spoil=("\t1\t", "\t9\t"),
    ),
    Form(
        "qianniu_chat",
        "",
        (
            "小雨 2026-10-05 10:00:00\n有货吗\n店:小李 2026-10-05 10:00:20\n有的\n",
            "大山 2026-10-06 10:00:00\n在吗\n店:小王 2026-10-06 10:00:20\n在\n已读\n",
            "阿梅 2026-10-07 10:00:00\n在吗\n店:小李 2026-10-07 10:00:20\n在的\n",
        ),
        suffix=".txt",
        spoil=("10:00:20", "10:99:20"),
    ),
    Form(
        "jd_dongdong",
        "",
        tuple(
            f"/***以下为一通会话***/\njd_{n} 2026-10-0{n} 10:00:00\n有货吗\n旗舰店-小李 "
            f"2026-10-0{n} 10:00:20\n有的\n/***会话结束***/\n"
            for n in (5, 6, 7)
        ),
        suffix=".txt",
        mapping="agents: ['旗舰店-*']\n",
        spoil=("10:00:20", "10:99:20"),
    ),
    Form(
        "zendesk",
        "",
        tuple(
            json.dumps(
                {
                    "id": n,
                    "requester_id": n + 10,
                    "assignee_id": 2,
                    "satisfaction_rating": {"score": "good", "updated_at": "2026-10-09T01:00:00Z"},
                    "comments": [
                        {"author_id": n + 10, "body": "Hi", "created_at": "2026-10-05T02:00:00Z"},
                        {"author_id": 2, "body": "Hello", "created_at": "2026-10-05T02:01:00Z"},
                    ],
                }
            )
            + "\n"
            for n in (1, 2, 3)
        ),
        suffix=".jsonl",
        timezone="Asia/Shanghai",
    ),
    Form(
        "youzan_orders",
        "订单号,商品编码,商品名称,商品数量,商品单价,订单创建时间,买家付款时间,买家手机号,订单实付金额,"
        "订单状态,退款状态\n",
        (
            "E1,11,壳,2,20,2026-10-05 10:00,2026-10-05 10:02,13800000001,99,交易完成,-\n",
            "E1,12,架,1,59,2026-10-05 10:00,2026-10-05 10:02,13800000001,99,交易完成,-\n",
            "E2,11,壳,1,20.5,2026-10-06 11:00,,13800000002,20.5,待支付,-\n",
            "E3,13,机,1,9,2026-10-07 12:00,2026-10-07 12:01,13800000001,9,已发货,全额退款\n",
        ),
    ),
    Form(
        "sycm_chats",
        '{"sessions": [',
        tuple(
            json.dumps(
                {
                    "meta": {
                        "dataId": f"2026100{n}_9_8_77{n}",
                        "buyerNick": f"t{n}**",
                        "psnNickName": "店:小李",
                        "startTime": f"2026-10-0{n} 10:00:00",
                    },
                    "messages": [
                        {
                            "gmtCreated": f"2026-10-0{n} 10:00:{second}",
                            "userNickFrom": writer,
                            "userNickTo": "-",
                            "msg": "在吗",
                            "msgId": f"{n}{second}",
                        }
                        for second, writer in (("00", f"t{n}**"), ("20", "店:小李"))
                    ],
                },
                ensure_ascii=False,
            )
            for n in (5, 6, 7)
        ),
        suffix=".json",
        spoil=("10:00:20", "10:99:20"),
        between=",\n",
        tail="]}",
    ),
    Form(
        "intercom",
        '{"conversations": [',
        tuple(
            json.dumps(
                {
                    "id": f"c{n}",
                    "created_at": 1_790_000_000 + n,
                    "source": {"author": {"type": "user", "id": f"u{n}"}, "body": "<p>Hi</p>"},
                    "conversation_parts": {
                        "conversation_parts": [
                            {
                                "part_type": kind,
                                "created_at": 1_790_000_060 + n,
                                "author": {"type": "admin", "id": "9", "name": "Mia"},
                                "body": body,
                            }
                            for kind, body in (("comment", "Yes"), ("note", "?"), ("close", None))
                        ]
                    },
                }
            )
            for n in (1, 2, 3)
        ),
        suffix=".json",
        timezone="Europe/Berlin",
        spoil=('"admin"', '"nobody"'),
        between=",\n",
        tail="]}",
    ),
    Form(
        "platform_kpis",
        "日期,客服,询单人数,最终付款人数,询单最终付款转化率,平均响应时长\n",
        (
            "2026-10-05,小李,40,18,45.00%,32秒\n",
            "2026-10-05,小王,20,9,45.00%,1分5秒\n",
            "2026-10-06,小李,-,-,-,-\n",
            "汇总,,60,27,45.00%,43秒\n",
        ),
        spoil=("2026", "x0x6"),
    ),
]


def test_every_importer_is_held_to_it() -> None:
    assert {form.format for form in FORMS} == set(FORMATS)


def _read(
    form: Form, folder: Path, files: Sequence[Sequence[str]], *, backwards: bool = False
) -> Imported:
    paths = []
    for number, pieces in enumerate(files):
        paths.append(folder / f"f{number}{form.suffix}")
        paths[-1].write_text(form.whole(pieces), encoding="utf-8")
    plan = None
    if form.mapping:
        plan = folder / "plan.yml"
        plan.write_text(form.mapping, encoding="utf-8")
    told: dict[str, Any] = {"timezone": form.timezone} if form.timezone else {}
    return FORMATS[form.format](paths[::-1] if backwards else paths, plan, **told)


def _adds_up(imported: Imported) -> None:
    assert imported.rows_in == imported.rows_out + imported.refused.height
    assert imported.used is not None
    assert imported.used.height == imported.rows_out
    if imported.money_in is None:
        return
    used, refused = imported.used["_money"].sum(), imported.refused["_money"].sum()
    assert imported.money_in == pytest.approx(used + refused)
    if "orders" in imported.tables:
        assert imported.tables["orders"]["paid_amount"].sum() == pytest.approx(used)


def _rows(imported: Imported) -> dict[str, list[tuple[Any, ...]]]:
    def key(row: tuple[Any, ...]) -> str:
        return repr(row)

    return {name: sorted(frame.rows(), key=key) for name, frame in imported.tables.items()}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.format)
@settings(
    max_examples=9, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, form: Form, data: st.DataObject
) -> None:
    spoilt = data.draw(st.none() | st.integers(0, len(form.pieces) - 1))
    pieces = [
        piece.replace(*form.spoil) if number == spoilt else piece
        for number, piece in enumerate(form.pieces)
    ]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(pieces) - 1))))
    files = [pieces[a:b] for a, b in zip([0, *cuts], [*cuts, len(pieces)], strict=True)]
    results = []
    for parts, backwards in ((files, False), (files, True), ([pieces], False)):
        folder = tmp_path_factory.mktemp("any")
        results.append(_read(form, folder, parts, backwards=backwards))
        _adds_up(results[-1])
    assert _rows(results[0]) == _rows(results[1])
    assert results[0].rows_in == results[1].rows_in == results[2].rows_in
    if form.format != "taobao_userbehavior":  # whose days depend on all that a log holds
        assert _rows(results[0]) == _rows(results[2])


Sound = Callable[[Imported], Imported]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.format)
def test_the_contract_takes_what_comes_out(tmp_path: Path, form: Form, sound: Sound) -> None:
    imported = sound(_read(form, tmp_path, [form.pieces]))
    assert all(isinstance(frame, pl.DataFrame) for frame in imported.tables.values())
    assert imported.tables
