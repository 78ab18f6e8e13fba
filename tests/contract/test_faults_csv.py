"""Every fault of a CSV file, named by file, row, column and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from csinsight.contract.messages import NAMED, Fault
from csinsight.contract.read import Checked, read_table
from csinsight.contract.schema import TABLES

ORDERS = (
    "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,refund_amount,units,coupon_used"
)
GOOD = "o1,b1,2026-10-05 09:30:00,2026-10-05T09:31,12.50,10,,1,true"
MESSAGES = "buyer_id,agent_id,sender,sent_at,text,conversation_id"


def read(tmp_path: Path, *lines: str, table: str = "orders", end: str = "\n") -> Checked:
    path = tmp_path / f"{table}.csv"
    path.write_bytes((end.join(lines) + end).encode())
    return read_table(path, TABLES[table])


def order(**cells: str) -> str:
    """Return a good order line with some cells changed."""
    good = dict(zip(ORDERS.split(","), GOOD.split(","), strict=True))
    assert set(cells) <= set(good)
    return ",".join((good | cells).values())


def where(faults: list[Fault]) -> list[tuple[int | None, str | None]]:
    return [(fault.row, fault.column) for fault in faults]


def test_a_good_file_has_no_fault(tmp_path: Path) -> None:
    checked = read(tmp_path, ORDERS, GOOD)
    assert checked.faults == []
    assert checked.frame.columns == ORDERS.split(",")


def test_a_fault_is_one_line_with_file_row_column_and_mend(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, ORDERS, GOOD, order(order_id="o2", paid_amount="abc")).faults
    assert str(fault) == (
        "orders.csv, row 3, column paid_amount: 'abc' is not a number; "
        "write digits such as 12.50, without thousands marks or units"
    )


@pytest.mark.parametrize(
    ("cells", "column", "what", "mend"),
    [
        ({"placed_at": "2026-10-05T09:30:00+08:00"}, "placed_at", "time zone", "without a zone"),
        ({"placed_at": "2026-10-05T09:30:00Z"}, "placed_at", "time zone", "without a zone"),
        ({"placed_at": "2026/10/5 9:30"}, "placed_at", "ISO 8601", "2026-10-05 09:30:00"),
        ({"placed_at": "2026-02-30"}, "placed_at", "calendar", "2026-10-05"),
        ({"placed_at": "2026-10-05 24:00"}, "placed_at", "calendar", "2026-10-05"),
        ({"placed_at": "1759627800"}, "placed_at", "count of seconds", "2026-10-05"),
        ({"placed_at": ""}, "placed_at", "is empty", "when it was placed"),
        ({"paid_at": "2026-10-05 09:29:59"}, "paid_at", "before placed_at", "both times"),
        ({"list_amount": "NaN"}, "list_amount", "not a number", "empty"),
        ({"list_amount": "inf"}, "list_amount", "not a number", "empty"),
        ({"list_amount": "1e999"}, "list_amount", "not a number", "digits"),
        ({"list_amount": "￥12"}, "list_amount", "not a number", "units"),
        ({"paid_amount": "-0.01"}, "paid_amount", "'-0.01' is below 0", "0 or more"),
        ({"refund_amount": "10.01"}, "refund_amount", "more than paid_amount", "exceed"),
        ({"units": "1.5"}, "units", "whole number", "3"),
        ({"units": "0"}, "units", "below 1", "1 or more"),
        ({"coupon_used": "yes"}, "coupon_used", "true or false", "1 or 0"),
        ({"order_id": "1.9E+15"}, "order_id", "spoilt by a spreadsheet", "as text"),
        ({"buyer_id": "1.90E+15"}, "buyer_id", "spoilt by a spreadsheet", "as text"),
        ({"buyer_id": " b1"}, "buyer_id", "spaces or tabs", "take them off"),
        ({"buyer_id": "b1\t"}, "buyer_id", "spaces or tabs", "take them off"),
        ({"order_id": '="123"'}, "order_id", "formula", "csinsight import"),
    ],
)
def test_a_bad_cell_is_named(
    tmp_path: Path, cells: dict[str, str], column: str, what: str, mend: str
) -> None:
    checked = read(tmp_path, ORDERS, order(order_id="o9"), order(**cells))
    (fault,) = checked.faults
    assert (fault.file, fault.row, fault.column) == ("orders.csv", 3, column)
    assert what in fault.what
    assert mend in fault.mend


def test_thousands_marks_are_named_with_the_number_meant(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, ORDERS, order(list_amount='"1,234.50"')).faults
    assert "1234.50" in fault.mend


def test_forms_that_are_read(tmp_path: Path) -> None:
    frame = read(
        tmp_path,
        ORDERS,
        order(placed_at="2026-10-05", paid_at="2026-10-05 00:00:00.5", units="2.0"),
        order(order_id="o2", coupon_used="FALSE", refund_amount="1e1"),
        order(order_id="o3", coupon_used="1", list_amount=" 7 "),
    ).frame
    assert str(frame["placed_at"][0]) == "2026-10-05 00:00:00"
    assert str(frame["paid_at"][0]) == "2026-10-05 00:00:00.500000"
    assert frame["units"].to_list() == [2, 1, 1]
    assert frame["coupon_used"].to_list() == [True, False, True]
    assert frame["refund_amount"].to_list() == [None, 10.0, None]
    assert frame["list_amount"][2] == 7


def test_a_doubled_identifier_names_the_first_row_and_not_the_number(tmp_path: Path) -> None:
    lines = [order(order_id=i) for i in ("secret77", "x", "secret77", "secret77")]
    faults = read(tmp_path, ORDERS, *lines).faults
    assert where(faults) == [(4, "order_id"), (5, "order_id")]
    assert "row 2" in faults[0].what
    assert "secret77" not in "".join(map(str, faults))


def test_all_or_nothing(tmp_path: Path) -> None:
    empty = [order(order_id=f"o{i}", buyer_id="", units="", list_amount="") for i in range(3)]
    assert read(tmp_path, ORDERS, *empty).faults == []
    (fault,) = read(tmp_path, ORDERS, GOOD, order(order_id="o2", buyer_id="")).faults
    assert (fault.row, fault.column) == (3, "buyer_id")


def test_a_cell_that_cannot_be_read_is_one_fault_not_two(tmp_path: Path) -> None:
    faults = read(tmp_path, ORDERS, GOOD, order(order_id="o2", units="two")).faults
    assert where(faults) == [(3, "units")]


def test_many_bad_cells_are_counted(tmp_path: Path) -> None:
    lines = [order(order_id=f"o{i}", paid_amount="x") for i in range(NAMED + 1500)]
    faults = read(tmp_path, ORDERS, *lines).faults
    assert len(faults) == NAMED + 1
    assert faults[-1].row is None
    assert "and 1,500 more" in faults[-1].what


def test_rows_count_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """A line break inside quotes makes no row; an empty row is one."""
    faults = read(
        tmp_path,
        MESSAGES,
        'b1,,buyer,2026-10-05 09:30,"two\nlines",',
        "",
        ",,,,,",
        "b1,,seller,2026-10-05 09:30,hi,",
        table="messages",
    ).faults
    assert where(faults) == [(5, "sender")]


def test_broken_rows_are_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    checked = read(
        tmp_path,
        ORDERS,
        "o1,b1",
        order(order_id="o2") + ",more",
        '"o3"x,b1',
        'o4,"never closed',
        order(order_id="o5", units="0"),
        order(order_id="o6", coupon_used='"true"'),
    )
    assert where(checked.faults) == [
        (2, None),
        (3, None),
        (4, None),
        (5, None),
        (6, "units"),
    ]
    assert "too few" in checked.faults[0].what
    assert "too many" in checked.faults[1].what
    assert "quote" in checked.faults[3].what
    assert checked.frame["order_id"].to_list() == ["o5", "o6"]


def test_a_quote_that_opens_at_the_end_of_the_file(tmp_path: Path) -> None:
    faults = read(tmp_path, ORDERS, GOOD, 'o2,"b').faults
    assert where(faults) == [(3, None)]


def test_broken_rows_are_counted_beyond_the_limit(tmp_path: Path) -> None:
    faults = read(tmp_path, ORDERS, *["a,b"] * (NAMED + 1), GOOD).faults
    assert len(faults) == NAMED + 1
    assert "and 1 more broken row" in faults[-1].what


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    checked = read(tmp_path, ORDERS, GOOD, order(order_id="o2"), end=end)
    assert checked.faults == []
    assert checked.frame.height == 2


def test_a_quote_in_mid_field_is_read(tmp_path: Path) -> None:
    checked = read(tmp_path, MESSAGES, 'b1,,buyer,2026-10-05 09:30,5" wide,', table="messages")
    assert checked.faults == []
    assert checked.frame["text"].to_list() == ['5" wide']


def test_gbk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_bytes(f"{MESSAGES}\nb1,,buyer,2026-10-05 09:30,亲，在吗？,\n".encode("gb18030"))
    (fault,) = read_table(path, TABLES["messages"]).faults
    assert fault.row == 2
    assert "GBK" in fault.what
    assert "iconv -f GB18030" in fault.mend
    assert "csinsight import" in fault.mend


def test_a_broken_byte_in_utf8_is_not_called_gbk(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    line = "b1,,buyer,2026-10-05 09:30,亲，在吗？,\n".encode()
    path.write_bytes(MESSAGES.encode() + b"\n" + line * 5 + b"b1,,buyer,2026-10-05 09:30,\xff,\n")
    (fault,) = read_table(path, TABLES["messages"]).faults
    assert fault.row == 7
    assert "0xff" in fault.what


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_wide_letters_are_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(f"{ORDERS}\n{GOOD}\n".encode(encoding))
    (fault,) = read_table(path, TABLES["orders"]).faults
    assert encoding[:6].upper() in fault.what


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(f"{ORDERS}\n{GOOD}\n".encode("utf-8-sig"))
    assert read_table(path, TABLES["orders"]).faults == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"PK\x03\x04\x14\x00", "Excel workbook"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"order_id;buyer_id;placed_at\n1;2;3\n", "semicolons"),
        (b"order_id\tbuyer_id\n1\t2\n", "tabs"),
        ("订单编号,买家\n1,2\n".encode(), "none of the columns"),
        (b'"order_id,buyer_id\n1,2\n', "quote"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    (fault,) = read_table(path, TABLES["orders"]).faults
    assert what in fault.what
    assert fault.mend


def test_header_faults_and_notices(tmp_path: Path) -> None:
    header = ORDERS.replace("paid_amount", "paid_amout").replace("coupon_used", "coupon")
    checked = read(tmp_path, header, GOOD)
    (fault,) = checked.faults
    assert (fault.row, fault.column) == (1, "paid_amount")
    assert "'paid_amout'" in fault.mend
    (notice,) = checked.notices
    assert "'coupon'" in notice.what
    assert "coupon_used" in notice.what


def test_a_doubled_column_is_named(tmp_path: Path) -> None:
    faults = read(tmp_path, ORDERS + ",units,extra,extra", GOOD + ",2,a,b").faults
    assert where(faults) == [(1, "units")]


def test_extra_columns_are_ignored(tmp_path: Path) -> None:
    checked = read(tmp_path, ORDERS + ",extra", GOOD + ",-")
    assert checked.faults == []
    assert checked.notices == []


def test_untimed_messages_need_a_conversation(tmp_path: Path) -> None:
    known = read(tmp_path, MESSAGES, "b1,,buyer,,hi,c1", table="messages")
    assert known.faults == []
    half = read(tmp_path, MESSAGES, "b1,,buyer,,hi,c1", "b1,,buyer,,hi,", table="messages")
    assert where(half.faults) == [(3, "conversation_id")]
    none = read(tmp_path, "buyer_id,sender,sent_at,text", "b1,buyer,,hi", table="messages")
    assert where(none.faults) == [(None, "sent_at")]


def test_an_agent_on_a_buyers_line_is_allowed(tmp_path: Path) -> None:
    checked = read(tmp_path, MESSAGES, "b1,a1,buyer,2026-10-05,hi,", table="messages")
    assert checked.faults == []


def test_a_misspelt_value_names_the_nearest(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, MESSAGES, "b1,a1,agnet,2026-10-05,hi,", table="messages").faults
    assert fault.mend == "write agent"


def test_a_long_number_is_not_shown(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, ORDERS, order(placed_at="tel 13812345678")).faults
    assert "13812345678" not in str(fault)


def test_a_conversation_has_one_buyer(tmp_path: Path) -> None:
    rows = (
        "b1,,buyer,2026-10-05 10:00,hi,1",
        "b2,,buyer,2026-10-05 10:01,hi,1",
        "b1,a,agent,2026-10-05 10:02,hi,1",
        "b2,a,agent,2026-10-05 10:03,hi,",
        "b2,a,agent,2026-10-05 10:04,hi,2",
    )
    (fault,) = read(tmp_path, MESSAGES, *rows, table="messages").faults
    assert (fault.row, fault.column) == (3, "conversation_id")
    assert "another buyer" in fault.what
