"""From files as platforms export them to the report, by the commands of the docs and nothing else.

Each shop is of our own making, with the platforms' real headers; its figures are worked out by hand
here. All go to the brief, one of them through every page before it; the brief of the others is made
of the pages that their figures come from, and of nothing else.
"""

from __future__ import annotations

import html
import json
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import xlsxwriter
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.params import BUILDS_ON
from csinsight.runs.plan import BRIEF

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
NEW_YORK, UTC = ZoneInfo("America/New_York"), ZoneInfo("UTC")
#: Orders placed so long after the buyer's first message convert; the last two are too late.
IN_TIME, LATE = timedelta(minutes=50), timedelta(hours=30)


def _commands(heading: str) -> list[str]:
    """Return the commands of a section of `docs/your-data.md`."""
    text = (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0] if heading else text
    section = section if heading else section.split("\n## ")[0]
    return re.findall(r"^    (csinsight .*)$", section, re.MULTILINE)


def _follow(
    heading: str, folder: Path, monkeypatch: pytest.MonkeyPatch, until: str, **told: str
) -> pd.Series:
    """Do as the docs say: init, the section's imports whose files are there, check, run."""
    monkeypatch.chdir(folder.parent)
    init, *rest = _commands("")
    assert init == f"csinsight init {folder.name}"
    _call(init)
    monkeypatch.chdir(folder)
    params = folder / "params.yml"
    text = params.read_text(encoding="utf-8")
    for name, value in told.items():
        text, found = re.subn(rf"(?m)^{name}: \S+", f"{name}: {value}", text)
        assert found == 1
    params.write_text(text, encoding="utf-8")
    for command in _commands(heading):
        if all(list(folder.glob(part)) for part in _files(command)):
            _call(command)
    for command in rest:
        _call(f"{command} --only {until}" if " run " in command else command)
    artifacts = folder / "runs" / "myshop" / "2026-10" / "artifacts"
    return pd.read_parquet(artifacts / "shop_kpis.parquet").iloc[0]


def _files(command: str) -> list[str]:
    parts = shlex.split(command)[3:]
    return parts[: next(i for i, part in enumerate(parts) if part.startswith("--"))]


def _call(command: str) -> None:
    words = [
        found
        for word in shlex.split(command)[1:]
        for found in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, f"{command}\n{result.output}"


def _page(folder: Path, name: str) -> str:
    """Return what a page of the report says."""
    page = folder / "reports" / "myshop" / "2026-10" / f"{name}.html"
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"(?s)<(script|style|svg).*?</\1>|<[^>]+>", " ", text)
    return re.sub(r"\s+", " ", html.unescape(text))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the brief stand on the check and the agents' figures: minutes of other pages less."""
    monkeypatch.setitem(BUILDS_ON, BRIEF, ("00_data_check", "03_agent_kpis"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "myshop"
    folder.mkdir()
    return folder


#: An order of somebody else: by then all that the buyers could do is known.
LAST = datetime(2026, 10, 31, 12)


def _starts(count: int) -> list[datetime]:
    """Return when the buyers ask first, on the shop's clock: in the first three weeks."""
    return [datetime(2026, 10, 1 + n % 21, 10 + n % 8, n % 60) for n in range(count)]


SHOPIFY_HEAD = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Phone,Notes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,"
    "Vendor,Id,Tags,Source"
)


def _shopify_row(number: int, mail: str, placed: datetime) -> str:
    at = placed.replace(tzinfo=NEW_YORK)
    told = {
        "Name": f"#{1000 + number}",
        "Email": mail,
        "Financial Status": "paid",
        "Paid at": f"{at + timedelta(minutes=1):%Y-%m-%d %H:%M:%S %z}",
        "Currency": "USD",
        "Total": "40.00",
        "Discount Amount": "0.00",
        "Created at": f"{at:%Y-%m-%d %H:%M:%S %z}",
        "Lineitem quantity": "2",
        "Lineitem name": "Mug",
        "Lineitem price": "20.00",
        "Refunded Amount": "0.00",
        "Id": str(5_000_000_000_000 + number),
    }
    return ",".join(told.get(name, "") for name in SHOPIFY_HEAD.split(","))


def test_shopify_with_zendesk(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 tickets; 31 of their buyers order within the day, four after it, and 20 never wrote.

    Zendesk knows buyers by a number and Shopify by an e-mail; the one writes UTC, the other the
    shop's clock.
    """
    rows, tickets, users = [], [], []
    # No font has the first, and a figure's own language would read the second.
    for who, name in ((9, "Mia"), (8, "桃子🐰"), (7, "Bo$_$")):
        users.append({"id": who, "name": name, "role": "agent"})
    for n, start in enumerate(_starts(100)):
        mail, asked = f"Buyer{n}@shop.example", start.replace(tzinfo=NEW_YORK).astimezone(UTC)
        users.append({"id": 700 + n, "name": f"B{n}", "email": mail, "role": "end-user"})
        comments = [
            {
                "author_id": who,
                "body": text,
                "public": True,
                "created_at": f"{asked + timedelta(seconds=late):%Y-%m-%dT%H:%M:%SZ}",
            }
            for who, text, late in ((700 + n, "Is it in stock?", 0), (9 - n % 3, "Yes, it is.", 40))
        ]
        tickets.append(
            {"id": n, "requester_id": 700 + n, "assignee_id": 9 - n % 3, "comments": comments}
        )
        if n < 35:
            rows.append(_shopify_row(n, mail.lower(), start + (IN_TIME if n < 31 else LATE)))
    others = [*_starts(19), LAST]
    rows += [_shopify_row(500 + n, f"o{n}@x.example", start) for n, start in enumerate(others)]
    text = "\n".join([SHOPIFY_HEAD, *rows])
    (shop / "orders_export.csv").write_text(text + "\n", encoding="utf-8")
    (shop / "tickets.json").write_text(json.dumps({"tickets": tickets, "users": users}), "utf-8")
    told = {"lang": "en", "timezone": "America/New_York", "currency": "USD"}
    kpis = _follow("Shopify and Zendesk", shop, monkeypatch, BRIEF, **told)
    assert kpis["paid_rate"] == pytest.approx(0.31)
    assert kpis["inquiries"] == 100
    assert kpis["first_response_median_s"] == 40
    text = _page(shop, BRIEF)
    assert "31.0%" in text
    assert "Placed 55 " in _page(shop, "00_data_check")
    for name in ("03_agent_kpis", "05_coaching"):
        assert "桃子" in _page(shop, name)
        assert "Bo$_$" in _page(shop, name)


@pytest.mark.usefixtures("short")
def test_ids_that_do_not_fit_and_robots_that_answer_first(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every buyer orders within the hour, under an id that pandas wrote as a number.

    Thirty are answered by the robot alone; thirty ask for a person after four minutes and get one
    in fifteen seconds.
    """
    chats, orders = [], []
    for n, start in enumerate(_starts(60)):
        said = [("buyer", "", 0, "几天发货"), ("bot", "", 2, "48小时内发货")]
        if n >= 30:
            said += [("buyer", "", 240, "转人工"), ("agent", "A1", 255, "在的")]
        chats += [
            f"{1001 + n},{who},{side},{start + timedelta(seconds=late)},{text}"
            for side, who, late, text in said
        ]
        placed = start + IN_TIME
        orders.append(f"{n},{1001 + n}.0,{placed},{placed},100.0,90.0,1.0")
    head = "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units"
    (shop / "data").mkdir()
    for name, lines in (
        ("messages", ["buyer_id,agent_id,sender,sent_at,text", *chats]),
        ("orders", [head, *orders]),
    ):
        (shop / "data" / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(shop)
    _call(f"csinsight run --data data --month 2026-10 --shop myshop --lang en --only {BRIEF}")
    brief, figures = _page(shop, BRIEF), _page(shop, "03_agent_kpis")
    assert "Conversion can’t be told for the 30 inquiries" in brief
    assert "0 of the 60 buyers in the chats" in brief
    assert "end in .0" in brief
    assert "Paid conversion" not in brief
    assert "Silent sales" not in brief
    assert "in 30 rounds a robot wrote" in figures.lower()
    assert "30 more it answered alone" in figures
    # In three minutes nobody from the buyer's message, everybody from the hand-over.
    assert re.search(r"The shop 30 0\.0% .*?100\.0% .*?255 .*?15 ", figures)


TAOBAO_HEAD = (
    "订单编号,买家会员名,买家支付宝账号,支付单号,买家应付货款,买家应付邮费,买家支付积分,总金额,返点积分,"
    "买家实际支付金额,买家实际支付积分,订单状态,买家留言,收货人姓名,收货地址,运送方式,联系电话,联系手机,"
    "订单创建时间,订单付款时间,宝贝标题,宝贝种类,物流单号,物流公司,订单备注,宝贝总数量,店铺Id,店铺名称,"
    "订单关闭原因,退款金额"
)


@pytest.mark.usefixtures("short")
def test_taobao_with_qianniu(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 chats; 12 of their buyers pay within the day, 3 place an order and never pay."""
    rows, chats = [], []
    for n, start in enumerate([*_starts(40), LAST]):
        answered = start + timedelta(seconds=20)
        if n < 40:
            chats.append(
                f"tb买家{n}\n{start:%Y-%m-%d %H:%M:%S}\n有货吗\n"
                f"小店旗舰店:小李\n{answered:%Y-%m-%d %H:%M:%S}\n亲，有货的\n已读\n"
            )
        if n < 15 or n == 40:
            placed, paid = start + IN_TIME, n < 12
            told = {
                "订单编号": f"\t{2_000_000_000_000_000_001 + n}",
                "买家会员名": f"tb买家{n}",
                "买家应付货款": "100.00",
                "总金额": "100.00",
                "买家实际支付金额": "100.00" if paid else "0.00",
                "订单状态": "交易成功" if paid else "等待买家付款",
                "订单创建时间": f"{placed:%Y-%m-%d %H:%M:%S}",
                "订单付款时间": f"{placed + timedelta(minutes=2):%Y-%m-%d %H:%M:%S}"
                if paid
                else "",
                "宝贝总数量": "1",
                "退款金额": "0.00",
            }
            rows.append(",".join(told.get(name, "") for name in TAOBAO_HEAD.split(",")))
    text = "\n".join([TAOBAO_HEAD, *rows]) + "\n"
    (shop / "ExportOrderList20261101.csv").write_text(text, encoding="gb18030")
    (shop / "chats").mkdir()
    for part in (0, 1):
        (shop / "chats" / f"{part}.txt").write_text("".join(chats[part::2]), encoding="utf-8")
    kpis = _follow("Taobao and Tmall", shop, monkeypatch, BRIEF)
    assert kpis["paid_rate"] == pytest.approx(12 / 40)
    assert kpis["ordered_rate"] == pytest.approx(15 / 40)
    assert kpis["inquiries"] == 40
    assert "30.0%" in _page(shop, "03_agent_kpis")
    assert "30.0%" in _page(shop, BRIEF)


@pytest.mark.usefixtures("short")
def test_jd_with_jingmai(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 chats; 20 buyers buy two lines each within the day: 40 rows are 20 orders."""
    head = (
        "订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,结算金额,余额支付,应付金额,"
        "订单状态,订单类型,下单帐号,付款确认时间"
    )
    rows, chats = [head], []
    for n, start in enumerate([*_starts(50), LAST]):
        if n < 50:
            chats += [
                (f"jd_{n}", "店铺小李", f"{start}", "false", "羊毛衣有货吗"),
                (f"jd_{n}", "店铺小李", f"{start + timedelta(seconds=30)}", "true", "有货的"),
            ]
        placed = start + IN_TIME
        if n < 20 or n == 50:
            rows += [
                f"{300_000_000_000 + n},{sku},{name},1,在线支付,{placed:%Y-%m-%d %H:%M:%S},{price},"
                f"150.00,150.00,0.00,150.00,完成,SOP,jd_{n},"
                f"{placed + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
                for sku, name, price in (("p1", "羊毛衣", "100.00"), ("p2", "棉袜", "50.00"))
            ]
    (shop / "orders202610.csv").write_text("\n".join(rows) + "\n", encoding="gb18030")
    names = ("customer", "waiter", "created", "waiterSend", "content")
    with xlsxwriter.Workbook(shop / "chats202610.xlsx") as book:
        sheet = book.add_worksheet()
        for line, row in enumerate([names, *chats]):
            sheet.write_row(line, 0, row)
    # The platform counts what it counts: beside ours, never in its place.
    (shop / "kpis.csv").write_text("日期,咨询人数,接待人数\n2026-10-05,9,8\n", encoding="utf-8")
    monkeypatch.chdir(shop)
    _call("csinsight import platform_kpis kpis.csv --out data")
    kpis = _follow("JD", shop, monkeypatch, BRIEF)
    assert kpis["paid_rate"] == pytest.approx(20 / 50)
    assert kpis["sales"] == pytest.approx(20 * 150)
    text = _page(shop, "03_agent_kpis")
    assert "40.0%" in text
    assert "平台自报指标与本报告对照" in text
    # JD tells no category, so that goods are looked at by themselves.
    goods = re.search(r"按咨询商品看付款转化率.*?羊毛衣 50 40\.0%", text)
    assert goods
    assert "40.0%" in _page(shop, BRIEF)


@pytest.mark.usefixtures("short")
def test_douyin_with_mapped_chats(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 chats; 25 buyers buy; their orders name nobody, and 20 of them write an order's number."""
    head = (
        "主订单编号,子订单编号,选购商品,商品规格,商品数量,商家编码,订单应付金额,运费,收件人,"
        "订单提交时间,支付完成时间,订单状态,售后状态"
    )
    rows, chats = [head], ["会话ID,买家ID,客服,发送方,发送时间,消息内容"]
    for n, start in enumerate([*_starts(50), LAST]):
        number, placed = 6_900_000_000_000_000_000 + n * 10, start + IN_TIME
        lines = [
            ("买家", "", start, "有货吗"),
            ("客服", "小李", start + timedelta(seconds=30), "有"),
        ]
        if n < 20:
            lines.append(("买家", "", placed + timedelta(hours=1), f"订单{number}几时发货"))
        chats += [
            f"s{n},u{n},{who or '-'},{side},{when:%Y-%m-%d %H:%M:%S},{text}"
            for side, who, when, text in lines
            if n < 50
        ]
        if n < 25 or n == 50:
            rows += [
                f"'{number}\t,'{number + line}\t,T恤,,1,,{amount},0,##,{placed:%Y-%m-%d %H:%M:%S},"
                f"{placed + timedelta(minutes=1):%Y-%m-%d %H:%M:%S},已完成,-"
                for line, amount in ((0, "59.00"), (1, "159.00"))
            ]
    (shop / "douyin202610.csv").write_text("\ufeff" + "\n".join(rows) + "\n", encoding="utf-8")
    (shop / "chats202610.csv").write_text("\n".join(chats) + "\n", encoding="utf-8")
    kpis = _follow("Pinduoduo, Douyin, Youzan", shop, monkeypatch, BRIEF)
    # Five of the 25 can't be joined: the figure is what the join knows, and the page says so.
    assert kpis["paid_rate"] == pytest.approx(20 / 50)
    assert "40%" in _page(shop, "03_agent_kpis")
    assert "40.0%" in _page(shop, BRIEF)
    assert "40%" in _page(shop, BRIEF), "the match rate stands beside"
    text = _page(shop, "00_data_check")
    assert "聊天中的买家有 40% 能在订单中找到" in text
    assert "聊天中写到的订单号 20" in text
