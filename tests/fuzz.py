"""Broken inputs of every kind that a user or a machine hands over, drawn by hypothesis.

A sound file of each kind is damaged by a few strokes: bytes lost, doubled, swapped, cut off or
strange. Whatever comes of it, nobody sees a traceback, nothing takes long, and no row goes in
silence: it is used, or refused with its reason.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.toys import TABLES

from csinsight.behaviours.alerts import alerts_of
from csinsight.behaviours.own import read_own
from csinsight.cli.failing import is_expected
from csinsight.contract.check import check_shop
from csinsight.importers import FORMATS, run_import
from csinsight.params import load_params
from csinsight.runs.state import RunFile, read_reports, read_state, runs

#: Seconds of processor time that one input may take: a loaded machine is no fault of its.
LIMIT: Final = 20.0
SAMPLES: Final[dict[str, tuple[str, str]]] = {
    "taobao_orders": (
        "orders.csv",
        "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,"
        "订单创建时间,订单付款时间,宝贝总数量\n"
        '="1930679858170647",小雨,598,0,598.00,598.00,交易成功,2016/5/23 22:02,2016/5/23 22:03,1\n'
        '="1930679858170648",大山,100,8,108,0,等待买家付款,2016/5/23 9:00,,2\n',
    ),
    "qianniu_chat": (
        "chat.txt",
        "小雨2024-1-5 9:03:07\n在吗\n[茶小铺：阿梅] 2024-01-05 09:03:20\n亲，在的\n"
        "茶小铺:小李(2024/1/5 9:04:00): 您要几码\n",
    ),
    "shopify_orders": (
        "orders.csv",
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Total,Created at,"
        "Lineitem quantity,Lineitem price\n"
        "#1001,a@b.c,paid,2024-01-05 09:03:07 +0800,CNY,100,0,100,2024-01-05 09:03:07 +0800,1,"
        "100\n",
    ),
    "zendesk": (
        "tickets.json",
        '{"tickets": [{"id": 1, "requester": {"id": 7, "email": "a@b.c"}, "comments": '
        '[{"author_id": 7, "body": "hi", "created_at": "2024-01-05T09:03:07Z"}]}]}\n',
    ),
    "platform_kpis": ("kpis.csv", "日期,客服,询单人数,平均响应\n2024-01-05,阿梅,12,30.5\n"),
    "jddc": ("chats.txt", "s1\tU1\t0\t0\t0\t在吗\ns1\tU1\t1\t0\t0\t您好\n"),
}
PARAMETERS: Final = (
    "shop: demo\nmonth: 2026-10\nlang: zh\nvip_share: 0.05\ncore_share: 0.2\nseed: 7\n"
    "conversation_gap_hours: 12.0\ncurrency: CNY\nkpi_profile: taobao\n"
)
RUN: Final = json.dumps(
    {"run_id": "2026-10-7f3c", "status": "done", "params": {"shop": "s"}, "steps": {}}
)
REPORT: Final = json.dumps(
    {"shop": "s", "lang": "zh", "facts": {"kpis": {"paid_rate": [0.5, 0.4, 0.6]}}, "pages": {}}
)
HISTORY: Final = (
    '{"event": "start", "at": "2026-11-27T02:20:05+08:00", "month": "2026-10"}\n'
    '{"event": "done", "at": "2026-11-27T02:21:05+08:00", "month": "2026-10"}\n'
)
#: What is put in somewhere: numbers out of bounds, formulas, markup, other encodings, signs.
STRANGE: Final = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b"'", b",,,", b"\t", b"{", b"]",
    b": [", b"nan", b"-inf", b"1e999", b"99999999999999999999", b"-0", b"null", b"2026-02-30",
    b"0000-00-00", b"9999-12-31T23:59:59", "９".encode(), "二〇二六年".encode(),
    "订单".encode("gb18030"), b"=cmd()", b"<script>", b"!!python/object:os.system", b"&a [*a]",
    b"\xf0\x9f\x98\x80", b"\xed\xa0\x80",
)  # fmt: skip
#: What may lie beside the tables, and what a shop says of itself.
BESIDE: Final = {
    "labels.csv": "conversation_id,message,behaviour,shown,reader\nc1,1,greets,true,me\n",
    "disputes.csv": "agent_id,month,conversation_id,behaviour,reason,by\n"
    "a1,2026-10,c1,greets,no,me\n",
    "rollouts.csv": "agent_id,behaviour,starts_on,seed\na1,greets,2026-10-05,7\n",
}
OWN: Final = {
    name: (Path(__file__).parents[1] / "params" / name).read_text(encoding="utf-8")
    for name in ("alerts.yml", "behaviours.yml")
}
Stroke = tuple[str, float, float, bytes]
strokes = st.lists(
    st.tuples(
        st.sampled_from(["cut", "drop", "double", "put", "swap", "end"]),
        st.floats(0, 1),
        st.floats(0, 1),
        st.one_of(st.sampled_from(STRANGE), st.binary(min_size=1, max_size=6)),
    ),
    min_size=1,
    max_size=4,
)


def damaged(sound: bytes, told: list[Stroke]) -> bytes:
    """Return `sound` after some strokes; places are shares of its length."""
    data = sound
    for kind, first, second, strange in told:
        start, end = sorted(round(share * len(data)) for share in (first, second))
        piece = data[start:end]
        data = {
            "cut": data[:start] + data[end:],
            "drop": data[:start] + data[start + 1 :],
            "double": data[:end] + piece + data[end:],
            "put": data[:start] + strange + data[start:],
            "swap": data[:start] + piece[::-1] + data[end:],
            "end": data[:start],
        }[kind]
    return data


def an_import(name: str, data: bytes, folder: Path) -> bool:
    file = folder / SAMPLES[name][0]
    file.write_bytes(data)
    report = run_import(name, [file], folder / "shop")
    assert report.rows_in == report.rows_out + report.refused, "a row went in silence"
    return not report.refused


def a_table(name: str, data: bytes, folder: Path) -> bool:
    for table, text in TABLES.items():
        (folder / table).write_text(text, encoding="utf-8")
    (folder / name).write_bytes(data)
    found = check_shop(folder)
    assert found.ok or (found.faults and all(str(fault).strip() for fault in found.faults))
    return found.ok


def parameters(name: str, data: bytes, folder: Path) -> bool:
    file = folder / name
    file.write_bytes(data)
    if name == "alerts.yml":
        return bool(alerts_of(folder))
    if name == "behaviours.yml":
        read_own(file)
    else:
        load_params(file)
    return True


def state(name: str, data: bytes, folder: Path) -> bool:
    if name == "history.jsonl":
        file = folder / "runs" / "s" / name
    else:
        file = folder / "s" / "2026-10" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    if name == "run.json":
        return read_state(file, RunFile, "the month is made anew") is not None
    if name == "report.json":
        return bool(read_reports(folder / "s"))
    return all(str(entry) for entry in runs(folder)) and len(runs(folder)) == 1


#: By kind, what reads it, and its sound files.
KINDS: Final[dict[str, tuple[Callable[[str, bytes, Path], bool], dict[str, str]]]] = {
    "importers": (an_import, {name: text for name, (_, text) in SAMPLES.items()}),
    "contract": (a_table, dict(TABLES) | BESIDE),
    "parameters": (parameters, {"params.yml": PARAMETERS} | OWN),
    "state": (state, {"run.json": RUN, "report.json": REPORT, "history.jsonl": HISTORY}),
}
assert set(SAMPLES) <= set(FORMATS)


def fuzz(kind: str, count: int, number: int) -> dict[str, int]:
    """Try `count` inputs of a kind and return how many were taken and how many were refused.

    Parameters
    ----------
    kind : str
        A name of `KINDS`.
    count : int
    number : int
        Seed; a failure shows the smallest input that it found.
    """
    reader, sound = KINDS[kind]
    told = {"taken": 0, "refused": 0}

    @seed(number)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(sorted(sound)), strokes)
    def one(name: str, marks: list[Stroke]) -> None:
        data, began = damaged(sound[name].encode(), marks), time.process_time()
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            try:
                told["taken" if reader(name, data, Path(folder)) else "refused"] += 1
            except Exception as error:
                if not is_expected(error):
                    raise
                assert str(error).strip(), "refused without a word"
                told["refused"] += 1
        took = time.process_time() - began
        assert took < LIMIT, f"{kind}: {took:.0f} s over {data!r}"

    one()
    return told
