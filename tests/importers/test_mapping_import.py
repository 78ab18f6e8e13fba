"""Saved column mappings: what they may say, every file form, and their errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.errors import CsinsightError
from csinsight.importers import Imported, ImporterError
from csinsight.importers import mapping as importers_mapping
from csinsight.importers.mapping import read_mapping

Sound = Callable[[Imported], Imported]
MAPPINGS = Path(__file__).resolve().parents[2] / "params" / "mappings"
ORDERS = """\
table: orders
empty: ["-", 暂无数据]
columns:
  order_id: 单号
  buyer_id: 买家
  placed_at: 下单
  paid_at: 付款
  paid_amount: {from: 实付, thousands: ","}
  units: 件数
  coupon_used: {from: 用券, values: {用了: true, 没用: false}}
"""
CSV = """单号 ,买家,下单,付款,实付, 件数,用券
a1,甲,2024-01-05 09:03:07,-,"1,234.50",1,用了
a2,乙,2024/1/5 9:03,2024-01-05T10:00:00Z,￥12元,2.0,没用
a3,乙,2024年1月5日 9:03,暂无数据,0,3,
a4,乙,昨天,,1,1,
a5,乙,2024-01-05,2024-01-04,1,1,
a6,乙,2024-01-05,,1,1.5,
a7,,2024-01-05,,1,1,
a1,甲,2024-01-05,,1,1,
a8,甲,2024-01-05,,1,1,也许
a9,甲,2024-01-05,,1
"""


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_orders(tmp_path: Path, sound: Sound) -> None:
    result = sound(read_mapping([put(tmp_path, "x.csv", CSV)], put(tmp_path, "m.yml", ORDERS)))
    assert result.tables["orders"].rows() == [
        ("a1", "甲", datetime(2024, 1, 5, 9, 3, 7), None, None, 1234.5, 1, True),
        (
            "a2",
            "乙",
            datetime(2024, 1, 5, 9, 3),
            datetime(2024, 1, 5, 18),
            None,
            12.0,
            2,
            False,
        ),
        ("a3", "乙", datetime(2024, 1, 5, 9, 3), None, None, 0.0, 3, None),
    ]
    assert dict(result.refused.select("_line", "_reason").iter_rows()) == {
        5: "placed_at is not a time that the mapping's formats can read",
        6: "the order is paid before it is placed",
        7: "units is not a whole number",
        8: "buyer_id is empty here but filled in other rows",
        9: "repeat: another row has this order in a newer state, or in the same",
        10: "coupon_used is not among the mapping's values",
        11: "the record has 5 fields, the header 7",
    }
    assert result.notices == (
        "paid_at is brought to Asia/Shanghai; say `timezone:` for another",
        "list_amount: not in the mapping, left empty",
    )


def test_every_form_of_file_gives_the_same_table(tmp_path: Path) -> None:
    plan = put(tmp_path, "m.yml", ORDERS)
    good = "\n".join(CSV.split("\n")[:4])
    expected = read_mapping([put(tmp_path, "x.csv", good)], plan).tables["orders"]
    frame = pl.read_csv(good.encode(), infer_schema=False)
    frame = frame.rename({name: name.strip() for name in frame.columns})
    frame.write_csv(tmp_path / "x.tsv", separator="\t")
    frame.write_parquet(tmp_path / "x.parquet")
    put(tmp_path, "x.json", json.dumps(frame.to_dicts(), ensure_ascii=False))
    frame.write_ndjson(tmp_path / "x.jsonl")
    book = xlsxwriter.Workbook(tmp_path / "x.xlsx")
    sheet = book.add_worksheet()
    for number, row in enumerate([frame.columns, *frame.rows()]):
        sheet.write_row(number, 0, row)
    book.close()
    (tmp_path / "g.csv").write_bytes(good.encode("gb18030"))
    for name in ("x.tsv", "x.parquet", "x.json", "x.jsonl", "x.xlsx", "g.csv"):
        assert read_mapping([tmp_path / name], plan).tables["orders"].equals(expected), name


def test_times_numbers_and_constants(tmp_path: Path, sound: Sound) -> None:
    plan = put(
        tmp_path,
        "m.yml",
        "table: page_views\nseparator: ';'\ndecimal: ','\nthousands: '.'\nencoding: latin-1\n"
        "columns:\n  buyer_id: u\n  viewed_at: {from: t, times: [unix_ms, '%d.%m.%Y %H:%M']}\n"
        "  dwell_seconds: s\nconstants: {page_kind: product}\n",
    )
    rows = "u;t;s\n1;1511544070000;1.234,5\n2;25.11.2017 01:21;-3\n3;25/11;0\n"
    result = sound(read_mapping([put(tmp_path, "x.csv", rows)], plan))
    assert result.tables["page_views"].rows() == [
        ("1", datetime(2017, 11, 25, 1, 21, 10), "product", 1234.5)
    ]
    assert result.refused["_reason"].to_list() == [
        "dwell_seconds is under 0",
        "viewed_at is not a time that the mapping's formats can read",
    ]


def test_dates_and_scores(tmp_path: Path) -> None:
    plan = put(tmp_path, "m.yml", "table: agents\ncolumns: {agent_id: a, hired_on: h}\n")
    result = read_mapping([put(tmp_path, "x.csv", "a,h\n1,2020/3/4\n1,\n2,\n")], plan)
    assert result.tables["agents"].rows() == [("1", date(2020, 3, 4)), ("2", None)]


def test_json_with_rows_inside(tmp_path: Path) -> None:
    talk = {"u": "1", "in": {"sid": 7}, "msgs": [{"t": "嗨", "who": "x"}, 3]}
    plan = put(
        tmp_path,
        "m.yml",
        "table: messages\nrecords: msgs\ncolumns: {buyer_id: u, text: t, conversation_id: in.sid, "
        "sender: {from: who, values: {x: buyer}}}\n",
    )
    lines = "\n".join([json.dumps(talk), "{broken", json.dumps({"u": 1}), json.dumps([1])])
    result = read_mapping([put(tmp_path, "x.jsonl", lines)], plan)
    assert result.tables["messages"].select("buyer_id", "text", "conversation_id").rows() == [
        ("1", "嗨", "7")
    ]
    assert result.refused["_line"].sort().to_list() == [1, 2, 3, 4]
    assert result.rows_in == 5


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("tabel: orders\ncolumns: {}\n", "unknown key `tabel`; did you mean `table`"),
        ("table: order\ncolumns: {}\n", "key `table`: Input should be 'buyers'"),
        ("table: buyers\ncolumns: {buyer_id: {form: x}}\n", "did you mean `from`"),
        ("table: buyers\ncolumns: {buyer: x}\n", "no column `buyer`; did you mean `buyer_id`"),
        ("table: buyers\ncolumns: {}\n", "buyers needs buyer_id"),
        (
            "table: buyers\ncolumns: {buyer_id: x}\nconstants: {buyer_id: y}\n",
            "both a column and a constant",
        ),
        ("table: buyers\ncolumns: {buyer_id: 买加}\n", "no column '买加'.*did you mean `买家`"),
        (
            "table: buyers\ncolumns: {buyer_id: 买家}\ntimezone: Mars\n",
            "timezone 'Mars' is unknown",
        ),
        ("table: buyers\ncolumns: {buyer_id: 买家}\ntimes: ['%d']\n", "time format '%d'"),
        ("table: buyers\ncolumns: {buyer_id: 买家}\nencoding: klingon\n", "encoding 'klingon'"),
        ("- 1\n", "lines of the form"),
        ("{", "is not YAML"),
    ],
)
def test_faults_of_a_mapping_are_named(tmp_path: Path, mapping: str, message: str) -> None:
    plan = put(tmp_path, "m.yml", mapping)
    with pytest.raises(CsinsightError, match=message):
        read_mapping([put(tmp_path, "x.csv", "买家,下单\n1,2\n")], plan)


@pytest.mark.parametrize("name", ["x.pdf", "x.parquet", "x.json"])
def test_files_that_are_not_what_they_say(tmp_path: Path, name: str) -> None:
    plan = put(tmp_path, "m.yml", "table: buyers\ncolumns: {buyer_id: a}\n")
    with pytest.raises(CsinsightError, match=name):
        read_mapping([put(tmp_path, name, "a,b\n1,2\n")], plan)


def test_the_mapping_has_to_be_told(tmp_path: Path) -> None:
    with pytest.raises(ImporterError, match="--mapping FILE"):
        read_mapping([tmp_path / "x.csv"])


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yml")), ids=lambda path: path.name)
def test_shipped_mappings_are_sound(path: Path) -> None:
    from csinsight.importers.mapping import load_mapping

    assert load_mapping(path).columns


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_record_comes_out_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, sound: Sound, data: st.DataObject
) -> None:
    head, body = CSV.split("\n", 1)
    for _ in range(data.draw(st.integers(0, 10))):
        at = data.draw(st.integers(0, len(body)))
        junk = data.draw(
            st.sampled_from(['"', ",", "\n", "\r", "\0", "-", "1e9", "9" * 25, "=", "\u2028", ""])
        )
        body = body[:at] + junk + body[at + data.draw(st.integers(0, 3)) :]
    folder = tmp_path_factory.mktemp("corrupt")
    files = [put(folder, "x.csv", f"{head}\n{body}")]
    imported = sound(read_mapping(files, put(folder, "m.yml", ORDERS)))
    assert imported.rows_in
    assert all(imported.refused["_reason"].str.strip_chars().to_list()), "refused without a reason"


def test_amounts_in_ten_thousands_are_read_and_said_to_be_rounded(
    tmp_path: Path, sound: Sound
) -> None:
    head = "单号,买家,下单,付款,实付,件数,用券\n"
    cells = ["1.2万", "¥3万元", "2.5w", '"1,234.50"', "1.2万+", "12万5"]
    rows = "".join(f"a{n},甲,2024-01-05,2024-01-05,{cell},1,\n" for n, cell in enumerate(cells))
    mapping = put(tmp_path, "m.yml", ORDERS)
    result = sound(read_mapping([put(tmp_path, "x.csv", head + rows)], mapping))
    paid = result.tables["orders"].select("order_id", "paid_amount").rows()
    assert paid == [("a0", 12000.0), ("a1", 30000.0), ("a2", 25000.0), ("a3", 1234.5)]
    assert result.refused["_line"].to_list() == [6, 7]
    assert any("3 numbers are written" in told for told in result.notices)


@pytest.mark.parametrize(
    ("amounts", "paid"),
    [
        # Won, and kwacha: a thousand times too much if their letter counted.
        (["15000W", "8900W", "120000W"], []),
        (["500K", "35K", "120K"], []),
        (["15,000W", "8.5", "50,000 K"], [8.5]),
        (["3w", "5k", "88"], [30000.0, 5000.0, 88.0]),
        (["3.2万", "1.5万", "9万"], [32000.0, 15000.0, 90000.0]),
    ],
)
def test_the_letter_of_a_currency_counts_no_thousands(
    tmp_path: Path, sound: Sound, amounts: list[str], paid: list[float]
) -> None:
    rows = "".join(f'a{n},甲,2024-01-05,2024-01-05,"{c}",1,\n' for n, c in enumerate(amounts))
    file = put(tmp_path, "x.csv", CSV.splitlines()[0] + "\n" + rows)
    result = sound(read_mapping([file], put(tmp_path, "m.yml", ORDERS)))
    orders = result.tables.get("orders")
    assert ([] if orders is None else orders["paid_amount"].to_list()) == paid
    assert result.refused.height == len(amounts) - len(paid)
    assert all("paid_amount" in why for why in result.refused["_reason"])


def test_a_unit_of_lines_in_the_header_and_in_the_cell_is_meant_once(tmp_path: Path) -> None:
    head, *_ = CSV.splitlines()
    rows = "".join(f"a1,甲,2024-01-05,2024-01-05,30000,3,,p{n},{n}万\n" for n in (1, 2))
    spec = "lines: {amounts: repeat, product_id: 商品, amount: 金额(万元)}\n"
    file = put(tmp_path, "x.csv", f"{head},商品,金额(万元)\n{rows}")
    result = read_mapping([file], put(tmp_path, "m.yml", ORDERS + spec))
    assert sorted(result.tables["order_lines"]["amount"]) == [10000.0, 20000.0]


def test_a_unit_in_the_header_and_in_the_cell_is_meant_once(tmp_path: Path) -> None:
    text = CSV.splitlines()[0].replace("实付", "实付(万元)") + "\n"
    text += "".join(f"a{n},甲,2024-01-05,,{cell},1,\n" for n, cell in enumerate(["1.2万", "1.2"]))
    mapping = put(tmp_path, "m.yml", ORDERS.replace("from: 实付", "from: 实付(万元)"))
    result = read_mapping([put(tmp_path, "x.csv", text)], mapping)
    assert result.tables["orders"]["paid_amount"].to_list() == [12000.0, 12000.0]


def test_a_file_an_agent_and_day_is_read_as_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of files of a few rows took minutes: each operation was done once a file."""
    head, *rows = CSV.splitlines()
    files = [put(tmp_path, f"{n}.csv", f"{head}\n{rows[0]}\n") for n in range(40)]
    pieces: list[int] = []
    typed = importers_mapping.typed

    def seen(lines: pl.DataFrame, spec: importers_mapping.Mapping):  # type: ignore[no-untyped-def]
        pieces.append(lines.n_chunks())
        return typed(lines, spec)

    monkeypatch.setattr(importers_mapping, "typed", seen)
    read_mapping(files, put(tmp_path, "m.yml", ORDERS))
    assert pieces == [1]


def test_a_column_that_a_file_may_lack_is_said_to_be_one(tmp_path: Path) -> None:
    mapping = put(tmp_path, "m.yml", ORDERS.replace("用券,", "没有的列,"))
    with pytest.raises(ImporterError, match="take `coupon_used` out of the mapping"):
        read_mapping([put(tmp_path, "x.csv", CSV)], mapping)
    mapping = put(tmp_path, "m.yml", ORDERS.replace("order_id: 单号", "order_id: 没有的列"))
    with pytest.raises(ImporterError, match="no column '没有的列'") as caught:
        read_mapping([put(tmp_path, "x.csv", CSV)], mapping)
    assert "out of the mapping" not in str(caught.value)
