"""Faults of Parquet files, and values that both formats read alike."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csinsight.contract import tally
from csinsight.contract.check import check_folder
from csinsight.contract.read import Checked, read_table
from csinsight.contract.schema import TABLES


def orders(**columns: object) -> pl.DataFrame:
    good = {
        "order_id": ["o1", "o2"],
        "buyer_id": ["b1", "b1"],
        "placed_at": [datetime(2026, 10, 5)] * 2,
        "list_amount": [1.0, 2.0],
        "paid_amount": [1.0, 2.0],
        "units": [1, 1],
    }
    return pl.DataFrame(good | columns)


def read(tmp_path: Path, frame: pl.DataFrame, name: str = "orders") -> Checked:
    """Read a table whole, and hold the count of its stretches to what that says."""
    path, table = tmp_path / f"{name}.parquet", TABLES[name]
    frame.write_parquet(path)
    checked, pieces = read_table(path, table), tally.stretches(path, table)
    clean = bool(pieces) and tally.tally(tally.in_this_process(pieces, table), table).clean
    assert clean == (not checked.faults and not checked.notices)
    return checked


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("order_id", [1.0, 2.0], "Float64"),
        ("placed_at", ["2026-10-05", "2026-10-06"], "String"),
        ("paid_amount", ["1", "2"], "String"),
        ("coupon_used", [0, 1], "Int64"),
        (
            "placed_at",
            pl.Series([datetime(2026, 10, 5)] * 2).dt.replace_time_zone("Asia/Shanghai"),
            "Asia/Shanghai",
        ),
    ],
)
def test_a_wrong_type_is_named(tmp_path: Path, column: str, values: object, what: str) -> None:
    (fault,) = read(tmp_path, orders(**{column: values})).faults
    assert (fault.row, fault.column) == (None, column)
    assert what in fault.what
    assert "write the column as" in fault.mend


def test_types_that_lose_nothing_are_read(tmp_path: Path) -> None:
    checked = read(
        tmp_path,
        orders(
            order_id=pl.Series(["o1", "o2"], dtype=pl.Categorical),
            placed_at=[date(2026, 10, 5)] * 2,
            list_amount=pl.Series([1, 2], dtype=pl.Int32),
            units=[1.0, 2.0],
            paid_at=pl.Series([None, datetime(2026, 10, 6)], dtype=pl.Datetime("ns")),
            coupon_used=[None, None],
        ),
    )
    assert checked.faults == []
    assert checked.frame.schema["placed_at"] == pl.Datetime("us")
    assert checked.frame["units"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("paid_amount", [1.0, float("nan")], "not a number"),
        ("paid_amount", [1.0, float("inf")], "not a number"),
        ("units", [1.0, 1.5], "whole number"),
        ("order_id", ["o1", ""], "is empty"),
        ("placed_at", [datetime(2026, 10, 5), None], "is empty"),
        ("buyer_id", ["b1", None], "other rows are filled"),
    ],
)
def test_a_bad_value_is_named_by_row(
    tmp_path: Path, column: str, values: object, what: str
) -> None:
    (fault,) = read(tmp_path, orders(**{column: values})).faults
    assert (fault.row, fault.column) == (2, column)
    assert what in fault.what


def test_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    orders().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    (fault,) = read_table(path, TABLES["orders"]).faults
    assert "can't be read as Parquet" in fault.what


def test_a_column_that_cant_be_read_is_named(tmp_path: Path) -> None:
    """The footer is sound, what it tells of is not: found only by reading the cells."""
    frame = orders()
    frame.write_parquet(tmp_path / "orders.parquet")
    arrow = pq.read_table(tmp_path / "orders.parquet")
    spoilt = pa.array([b"o1", b"\xff\xfe\xed"], pa.binary()).view(pa.string())
    place = arrow.schema.get_field_index("order_id")
    pq.write_table(arrow.set_column(place, "order_id", spoilt), tmp_path / "orders.parquet")
    (fault,) = check_folder(tmp_path)
    assert (fault.file, fault.row, fault.column) == ("orders.parquet", None, "order_id")
    assert "can't be read as Parquet" in fault.what


def test_a_file_whose_rights_forbid_it_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The superuser of a test may read whatever there is, so that the reader is made to refuse."""

    def refused(*_: object, **__: object) -> pl.LazyFrame:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "orders.parquet"
    orders().write_parquet(path)
    monkeypatch.setattr(pl, "scan_parquet", refused)
    (fault,) = read_table(path, TABLES["orders"]).faults
    assert (fault.what, fault.mend) == ("can't be read (Permission denied)", "see its rights")


def test_more_places_than_are_held_are_a_fault(tmp_path: Path) -> None:
    orders().write_parquet(tmp_path / "orders.parquet")
    arrow = pq.read_table(tmp_path / "orders.parquet")
    wide = pa.array([Decimal(1), Decimal(2)], pa.decimal256(50, 10))
    place = arrow.schema.get_field_index("paid_amount")
    pq.write_table(arrow.set_column(place, "paid_amount", wide), tmp_path / "orders.parquet")
    (fault,) = check_folder(tmp_path)
    assert fault.column == "paid_amount"


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (orders(units=[1.5, 2.5]), "holds Float64, where orders.parquet/a.parquet holds Int64"),
        (
            orders().drop("units"),
            "holds no such column, where orders.parquet/a.parquet holds Int64",
        ),
    ],
)
def test_parts_that_differ_are_named(tmp_path: Path, other: pl.DataFrame, what: str) -> None:
    folder = tmp_path / "orders.parquet"
    folder.mkdir()
    orders().write_parquet(folder / "a.parquet")
    other.with_columns(pl.col("order_id") + "x").write_parquet(folder / "b.parquet")
    (fault,) = check_folder(tmp_path)
    assert (fault.file, fault.column) == ("orders.parquet/b.parquet", "units")
    assert fault.what == what


def test_a_missing_column(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, orders().drop("units")).faults
    assert (fault.row, fault.column) == (None, "units")


def test_no_rows_are_noticed(tmp_path: Path) -> None:
    checked = read(tmp_path, orders().clear())
    assert checked.faults == []
    assert "no rows" in checked.notices[0].what


def test_whole_numbers_as_ids_are_read_as_text(tmp_path: Path) -> None:
    checked = read(tmp_path, orders(order_id=[10_000_000_000_001, 2]))
    assert checked.faults == []
    assert checked.frame["order_id"].to_list() == ["10000000000001", "2"]


@pytest.mark.parametrize(
    ("columns", "faults"),
    [
        ({}, []),
        ({"conversation_id": ["c1", None, "c2"]}, []),
        ({"conversation_id": ["c1", "c1", "c2"]}, [(2, "conversation_id")]),
        ({"sent_at": [None] * 3}, [(None, "sent_at")]),
        ({"sent_at": [None] * 3, "conversation_id": ["c1", "c2", None]}, [(3, "conversation_id")]),
        ({"sent_at": [datetime(2026, 10, 5), None, None]}, [(2, "sent_at"), (3, "sent_at")]),
        ({"sent_at": [datetime(1999, 10, 5)] * 3}, [(row, "sent_at") for row in (1, 2, 3)]),
        ({"text": ["", None, ""]}, [(None, "text")]),
        ({"agent_id": ["a1", " a1", None]}, [(2, "agent_id")]),
        ({"sender": ["buyer", "seller", "agent"]}, [(2, "sender")]),
    ],
)
def test_what_only_all_rows_show_is_counted_stretch_by_stretch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: dict[str, object],
    faults: list[tuple[int | None, str]],
) -> None:
    monkeypatch.setattr(tally, "STRETCH", 2)
    said = {"buyer_id": ["b1", "b2", "b2"], "agent_id": [None, "a1", "a2"], "text": ["a", "", "b"]}
    said |= {"sender": ["buyer", "agent", "agent"], "sent_at": [datetime(2026, 10, 5)] * 3}
    told = pl.DataFrame(said | columns, schema_overrides={"conversation_id": pl.String})
    found = read(tmp_path, told, "messages").faults
    assert [(fault.row, fault.column) for fault in found] == faults


def test_a_key_that_comes_back_in_another_stretch_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "STRETCH", 1)
    (fault,) = read(tmp_path, orders(order_id=["o1", "o1"])).faults
    assert (fault.row, fault.column) == (2, "order_id")
    early = orders(paid_at=[datetime(2026, 10, 4), None])
    assert [fault.column for fault in read(tmp_path, early).faults] == ["paid_at"]
