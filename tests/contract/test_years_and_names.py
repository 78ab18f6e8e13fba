"""Times that can't be, and folders whose names look like patterns."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.check import check_folder, check_shop
from csinsight.engine import open_shop

VIEW = {"buyer_id": "b1", "page_kind": "home"}


@pytest.mark.parametrize("year", [1, 10, 1999, 2999, 20_000, 200_000])
def test_a_year_that_cant_be_is_a_fault_with_its_row(tmp_path: Path, year: int) -> None:
    # Whole years of 365.2425 days around the middle of the year: Python has no year 20000.
    micros = int((year - 1970 + 0.5) * 365.2425 * 86_400_000_000)
    moments = pl.Series([int(datetime(2026, 10, 5).timestamp()) * 1_000_000, micros])
    frame = pl.DataFrame({"buyer_id": ["b1", "b2"], "page_kind": ["home", "home"]})
    frame = frame.with_columns(moments.cast(pl.Datetime("us")).alias("viewed_at"))
    frame.write_parquet(tmp_path / "page_views.parquet")
    (fault,) = check_folder(tmp_path)
    assert (fault.row, fault.column) == (2, "viewed_at")
    assert "before the year 2000" in str(fault)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_names_that_look_like_patterns_are_taken_literally(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "店[1] *甲?"
    folder.mkdir()
    frame = pl.DataFrame([{**VIEW, "viewed_at": datetime(2026, 10, 5)}])
    path = folder / f"page_views{suffix}"
    if suffix == ".csv":
        path.write_text("buyer_id,viewed_at,page_kind\nb1,2026-10-05,home\n", encoding="utf-8")
    else:
        frame.write_parquet(path)
    assert check_shop(folder).ok
    assert open_shop(folder).has("page_views", "viewed_at")


@pytest.mark.parametrize("what", ["link to nothing", "link to itself", "device", "pipe"])
def test_a_table_that_is_no_file_is_named(tmp_path: Path, what: str) -> None:
    (tmp_path / "page_views.csv").write_text(
        "buyer_id,viewed_at,page_kind\nb1,2026-10-05,home\n", encoding="utf-8"
    )
    path = tmp_path / "orders.csv"
    if what == "pipe":
        os.mkfifo(path)
    else:
        goals = {"link to nothing": "nowhere.csv", "link to itself": "orders.csv"}
        path.symlink_to(goals.get(what, "/dev/zero"))
    (fault,) = check_shop(tmp_path).faults
    assert str(fault).startswith("orders.csv: is ")
    assert "no file" in str(fault)


VIEWS = "buyer_id,viewed_at,page_kind\n"


@pytest.mark.parametrize(
    ("data", "row", "said"),
    [
        (f"{VIEWS}b1,2026-10-05,home\nb\0002,2026-10-05,home\n".encode(), 3, "NUL"),
        (f"{VIEWS}雨,2026-10-05,首页\n好,2026-10-05,主页\n".encode("utf-7"), None, "UTF-7"),
        (
            f"{VIEWS}小雨,2026-10-05,首页\n大山,2026-10-05,主页\n".encode()
            .decode("latin-1")
            .encode(),
            None,
            "wrong encoding",
        ),
        (f"{VIEWS}\ufffd\ufffd\ufffd,2026-10-05,\ufffd\ufffd\n".encode(), None, "replacement"),
    ],
    ids=["nul", "utf-7", "read as Latin-1", "letters lost"],
)
def test_letters_that_were_lost_are_no_text(
    tmp_path: Path, data: bytes, row: int | None, said: str
) -> None:
    (tmp_path / "page_views.csv").write_bytes(data)
    faults = [fault for fault in check_folder(tmp_path) if said in str(fault)]
    assert [fault.row for fault in faults] == [row]


def test_an_amount_whose_sum_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units\n"
        "o1,b1,2026-10-03T11:00:00,2026-10-03T11:05:00,100,1e308,1\n",
        encoding="utf-8",
    )
    (fault,) = check_folder(tmp_path)
    assert (fault.row, fault.column) == (2, "paid_amount")
