"""What real files do to cells, rows and whole tables: read rightly or refused with the mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from csinsight.errors import ImporterError
from csinsight.importers import Imported
from csinsight.importers.mapping import read_mapping

Sound = Callable[[Imported], Imported]
HEAD = "id,who,placed,paid,sum,n,back\n"
MAP = (
    "table: orders\ncolumns: {order_id: id, buyer_id: who, placed_at: placed, paid_at: paid, "
    "paid_amount: sum, units: n, refund_amount: back}\n"
)
AT = "2026-10-05 10:00:00"


def read(folder: Path, rows: str, more: str = "", head: str = HEAD, encoding: str = "") -> Imported:
    (folder / "o.csv").write_bytes((head + rows).encode(encoding or "utf-8"))
    (folder / "m.yml").write_text(MAP + more, encoding="utf-8")
    return read_mapping([folder / "o.csv"], folder / "m.yml")


@pytest.mark.parametrize(
    ("text", "more", "moment"),
    [
        ("2026-10-05 24:00:00", "", datetime(2026, 10, 6)),
        ("2026-12-31 24:00", "", datetime(2027, 1, 1)),
        ("2026-10-05 24:01:00", "", None),
        ("2026-10-05 02:30:00 PM", "", datetime(2026, 10, 5, 14, 30)),
        ("2026-10-05 12:05 AM", "", datetime(2026, 10, 5, 0, 5)),
        ("2026-10-05 12:05 PM", "", datetime(2026, 10, 5, 12, 5)),
        ("2026/10/5 下午 2:30", "", datetime(2026, 10, 5, 14, 30)),
        ("2026/10/5 上午9:30:05", "", datetime(2026, 10, 5, 9, 30, 5)),
        ("2026年10月5日 10时05分09秒", "", datetime(2026, 10, 5, 10, 5, 9)),
        ("2026年10月5日 10点", "", datetime(2026, 10, 5, 10)),
        ("２０２６-１０-０５ １０：００：００", "", datetime(2026, 10, 5, 10)),
        ("20261005100509", "", datetime(2026, 10, 5, 10, 5, 9)),
        ("20261005", "", datetime(2026, 10, 5)),
        ("2026-10-05T10:00:00.250", "", datetime(2026, 10, 5, 10, 0, 0, 250_000)),
        ("2026-10-05T02:00:00Z", "timezone: Asia/Shanghai\n", datetime(2026, 10, 5, 10)),
        # The night in which clocks go back, twice 01:30 in New York.
        ("2026-11-01T05:30:00Z", "timezone: America/New_York\n", datetime(2026, 11, 1, 1, 30)),
        ("2026-11-01T06:30:00Z", "timezone: America/New_York\n", datetime(2026, 11, 1, 1, 30)),
        ("46300.5", "times: [excel]\n", datetime(2026, 10, 5, 12)),
        ("5 Oct 2026 10:00", "times: ['%d %b %Y %H:%M']\n", datetime(2026, 10, 5, 10)),
        ("2026-02-30 10:00", "", None),
    ],
)
def test_times(tmp_path: Path, sound: Sound, text: str, more: str, moment: datetime | None) -> None:
    table = sound(read(tmp_path, f"1,a,{text},,9,1,\n", more)).tables.get("orders")
    assert (None if table is None else table["placed_at"][0]) == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("05/10/2026 14:30", "day or the month first"),
        ("10/25/2026 2:30 PM", "day or the month first"),
        ("5.10.26 14:30", "a year of two digits"),
        ("46300.5", "times: [excel]"),
        ("1791165600", "times: [unix_s]"),
        ("1791165600000", "times: [unix_ms]"),
    ],
)
def test_a_time_that_would_be_a_guess_says_what_to_tell(
    tmp_path: Path, sound: Sound, text: str, said: str
) -> None:
    imported = sound(read(tmp_path, f"1,a,{text},,9,1,\n"))
    assert said in imported.refused["_reason"][0]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$9.50", 9.5),
        ("9.50€", 9.5),
        ("￥９．５０", 9.5),
        ("US$ 1234.50", 1234.5),
        ("9.50元", 9.5),
        ("1 234.50", 1234.5),
        ("(9.50)", None),
        ("\u22129.50", None),
        ("9.5.0", None),
        ("九元五", None),
    ],
)
def test_amounts(tmp_path: Path, sound: Sound, text: str, amount: float | None) -> None:
    table = sound(read(tmp_path, f"1,a,{AT},,{text},1,\n")).tables.get("orders")
    assert (None if table is None else table["paid_amount"][0]) == amount


def test_two_signs_are_two_currencies(tmp_path: Path) -> None:
    rows = f"1,a,{AT},,$9.50,1,\n2,b,{AT},,9.50 €,1,\n"
    with pytest.raises(ImporterError, match=r"\$ and EUR can't be summed"):
        read(tmp_path, rows)


def test_refunds_below_zero_are_what_was_given_back(tmp_path: Path, sound: Sound) -> None:
    rows = f"1,a,{AT},{AT},9,1,-2\n2,b,{AT},{AT},9,1,(9.00)\n3,c,{AT},{AT},9,1,0\n"
    imported = sound(read(tmp_path, rows))
    assert imported.tables["orders"]["refund_amount"].to_list() == [2, 9, 0]
    assert any("below zero" in note for note in imported.notices)
    mixed = sound(read(tmp_path, f"1,a,{AT},{AT},9,1,-2\n2,b,{AT},{AT},9,1,3\n"))
    assert mixed.refused["_reason"].to_list() == ["refund_amount is under 0"]


def test_sums_and_headers_among_the_rows_are_no_orders_and_no_loss(
    tmp_path: Path, sound: Sound
) -> None:
    rows = f"1,a,{AT},{AT},9,1,\n{HEAD}2,b,{AT},{AT},8,1,\n合计,,,,17,2,\nGrand Total,,,,17,2,\n"
    imported = sound(read(tmp_path, rows))
    assert imported.tables["orders"]["order_id"].to_list() == ["1", "2"]
    assert imported.money_in == 17
    assert all(reason.startswith("no data: ") for reason in imported.refused["_reason"])


def test_ids_that_a_program_wrote_as_numbers_beside_others(tmp_path: Path, sound: Sound) -> None:
    rows = f"1001.0,7.0,{AT},,9,1.0,\nA2,b,{AT},,8,1.0,\n"
    table = sound(read(tmp_path, rows)).tables["orders"]
    assert table.select("order_id", "buyer_id").rows() == [("1001", "7"), ("A2", "b")]
    # An id with a real fraction is left as it is.
    table = sound(read(tmp_path, f"1.0,7,{AT},,9,1,\n1.5,b,{AT},,8,1,\n")).tables["orders"]
    assert table["order_id"].to_list() == ["1.0", "1.5"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_separators_and_encodings(
    tmp_path: Path, sound: Sound, separator: str, encoding: str
) -> None:
    rows = f"1,小雨,{AT},,9,1,\n2,大山,{AT},,8,1,\n".replace(",", separator)
    head = HEAD.replace(",", separator)
    table = sound(read(tmp_path, rows, head=head, encoding=encoding)).tables["orders"]
    assert table["buyer_id"].to_list() == ["小雨", "大山"]


def test_the_same_file_twice_is_one(tmp_path: Path, sound: Sound) -> None:
    rows = f"1,a,{AT},{AT},9,1,\n2,b,{AT},,8,1,\n"
    read(tmp_path, rows)
    (tmp_path / "o (1).csv").write_text(HEAD + rows, encoding="utf-8")
    files = [tmp_path / "o.csv", tmp_path / "o (1).csv"]
    imported = sound(read_mapping(files, tmp_path / "m.yml"))
    assert imported.tables["orders"].height == 2
    assert all(reason.startswith("repeat: ") for reason in imported.refused["_reason"])
