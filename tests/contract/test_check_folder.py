"""A folder as a whole: which files count, and what its tables say about each other."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.check import check_folder, check_shop

MESSAGES = pl.DataFrame(
    {
        "buyer_id": ["b1", "b2", "摩**", "b1"],
        "agent_id": ["a1", None, "a2", "a1"],
        "sender": ["agent", "buyer", "agent", "agent"],
        "sent_at": [datetime(2026, 10, day) for day in (3, 1, 2, 4)],
        "text": ["您好", "在吗", "在的", "好"],
    }
)
ORDERS = pl.DataFrame(
    {
        "order_id": ["o1"],
        "buyer_id": ["b1"],
        "placed_at": [datetime(2026, 10, 5)],
        "list_amount": [1.0],
        "paid_amount": [1.0],
        "units": [1],
    }
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    MESSAGES.write_parquet(tmp_path / "messages.parquet")
    ORDERS.write_csv(tmp_path / "orders.csv")
    pl.DataFrame({"agent_id": ["a1"]}).write_csv(tmp_path / "agents.csv")
    return tmp_path


def test_a_good_shop(shop: Path) -> None:
    (shop / "notes.txt").write_text("ignored")
    check = check_shop(shop)
    assert check.ok
    assert check.faults == check_folder(shop) == []
    facts = check.tables["messages"]
    assert (facts.rows, facts.first, facts.last) == (
        4,
        datetime(2026, 10, 1),
        datetime(2026, 10, 4),
    )
    assert check.tables["agents"].first is None


def test_notices_of_how_tables_fit(shop: Path) -> None:
    notices = " | ".join(map(str, check_shop(shop).notices))
    assert "1 of 3 chat buyers (33%) are found in orders" in notices
    assert "1 of 3 buyer ids are masked" in notices
    assert "1 of 2 agents are not in agents" in notices
    assert "摩" not in notices


def test_a_wide_asterisk_masks_as_a_narrow_one_does(shop: Path) -> None:
    wide = pl.col("buyer_id").str.replace_all("*", "＊", literal=True)
    MESSAGES.with_columns(wide).write_parquet(shop / "messages.parquet")
    assert "1 of 3 buyer ids are masked" in " | ".join(map(str, check_shop(shop).notices))


def test_a_table_of_a_header_alone_counts_as_absent(shop: Path) -> None:
    (shop / "ratings.csv").write_text("buyer_id,agent_id,rated_at,score\n")
    check = check_shop(shop)
    assert check.ok
    assert "ratings" not in check.tables
    assert any("ratings.csv: has a header but no rows" in str(n) for n in check.notices)
    (shop / "orders.csv").write_text("order_id\n")
    assert not check_shop(shop).ok  # what the header lacks is told all the same


def test_messages_without_text_are_counted_but_not_a_whole_chat(shop: Path) -> None:
    said = pl.Series("text", ["您好", "", "在的", "好"])
    MESSAGES.with_columns(said).write_parquet(shop / "messages.parquet")
    check = check_shop(shop)
    assert check.ok
    (notice,) = [n for n in check.notices if n.kind == "wordless"]
    assert notice.values == {"found": 1, "all": 4}
    MESSAGES.with_columns(text=pl.lit("")).write_parquet(shop / "messages.parquet")
    (fault,) = check_folder(shop)
    assert (fault.column, fault.what) == ("text", "is empty from top to bottom")


@pytest.mark.parametrize("rows", [19, 20])
def test_days_without_a_time_are_noticed(tmp_path: Path, rows: int) -> None:
    day = [datetime(2026, 10, 1 + number % 9) for number in range(rows)]
    said = pl.DataFrame({"sent_at": day}).with_columns(
        buyer_id=pl.lit("b"), sender=pl.lit("buyer"), text=pl.lit("在吗")
    )
    said.write_parquet(tmp_path / "messages.parquet")
    found = [n.values for n in check_shop(tmp_path).notices if n.kind == "days_only_messages"]
    assert found == ([{"found": 20, "all": 20}] if rows == 20 else [])
    (tmp_path / "messages.parquet").unlink()
    # A zone put on or taken off moves them all, and one that tells more is one.
    moved = [moment.replace(hour=8) for moment in day[1:]]
    said[1:].with_columns(sent_at=pl.Series(moved)).write_csv(tmp_path / "messages.csv")
    found = [n.values for n in check_shop(tmp_path).notices if n.kind == "days_only_messages"]
    assert found == []  # nineteen
    several = [moment.replace(hour=8) for moment in [*day, day[0]]]
    several[0] = several[0].replace(minute=7)
    told = pl.DataFrame({"sent_at": several}).with_columns(
        buyer_id=pl.lit("b"), sender=pl.lit("buyer"), text=pl.lit("在吗")
    )
    told.write_csv(tmp_path / "messages.csv")
    found = [n.values for n in check_shop(tmp_path).notices if n.kind == "days_only_messages"]
    assert found == ([{"found": 20, "all": 21}] if rows == 20 else [{"found": 19, "all": 20}])
    clock = [moment.replace(second=n) for n, moment in enumerate(several)]
    told.with_columns(sent_at=pl.Series(clock)).write_csv(tmp_path / "messages.csv")
    assert not [n for n in check_shop(tmp_path).notices if n.kind.startswith("days_only")]


def test_times_that_can_t_be_read_are_not_called_missing(shop: Path) -> None:
    spoilt = MESSAGES.with_columns(sent_at=pl.lit("5. Okt."))
    spoilt.write_csv(shop / "messages.csv")
    (shop / "messages.parquet").unlink()
    check = check_shop(shop)
    assert not check.ok
    assert "untimed" not in {notice.kind for notice in check.notices}


def test_disputes_beside_the_tables_are_checked_with_them(shop: Path) -> None:
    head = "agent_id,behaviour,month,reason,by"
    (shop / "disputes.csv").write_text(f"{head}\na1,greets,2026-10,misread,a1\n")
    assert check_folder(shop) == []
    (shop / "disputes.csv").write_text(f"{head}\na1,greats,October,misread,a1\n")
    assert [(f.file, f.row, f.column) for f in check_folder(shop)] == [
        ("disputes.csv", 2, "behaviour"),
        ("disputes.csv", 2, "month"),
    ]


def test_orders_without_buyers_are_noticed(shop: Path) -> None:
    ORDERS.with_columns(buyer_id=pl.lit(None, pl.String)).write_csv(shop / "orders.csv")
    check = check_shop(shop)
    assert check.ok
    assert any("orders name no buyer" in notice.what for notice in check.notices)


def test_both_formats_of_one_table(shop: Path) -> None:
    ORDERS.write_parquet(shop / "orders.parquet")
    (fault,) = check_folder(shop)
    assert "orders.csv is there as well" in fault.what


def test_near_names_are_noticed(shop: Path) -> None:
    (shop / "rating.csv").write_text("x")
    (shop / "page_views.xlsx").write_text("x")
    (shop / "behaviours.yml").write_text("version: 1")
    files = {notice.file for notice in check_shop(shop).notices}
    assert {"rating.csv", "page_views.xlsx"} <= files
    assert "behaviours.yml" not in files
    assert check_folder(shop) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("behaviours.yaml", "behaviours.yml"),
        ("behaviors.yml", "behaviours.yml"),
        ("behaviours.yml.txt", "behaviours.yml"),
        ("kpi-profile.yml", "kpi_profile.yml"),
        ("alert.yml", "alerts.yml"),
    ],
)
def test_settings_under_a_near_name_are_noticed(shop: Path, name: str, meant: str) -> None:
    (shop / name).write_text("version: 1")
    [told] = [notice for notice in check_shop(shop).notices if notice.file == name]
    assert f"was {meant} meant?" in told.what
    # A copy beside the file that is read is nobody's mistake.
    (shop / meant).write_text("version: 1")
    assert name not in {notice.file for notice in check_shop(shop).notices}


def test_labels_of_nothing_are_noticed_and_what_is_read_is_not(shop: Path) -> None:
    rows = "c1,greets,true,anna\nc1,greet,true,anna\nc2,greet,false,anna\n"
    (shop / "labels.csv").write_text(f"conversation_id,behaviour,shown,reader\n{rows}")
    [told] = [notice.what for notice in check_shop(shop).notices if notice.file == "labels.csv"]
    assert told.startswith("2 rows are of `greet`, which nothing is called")
    assert "did you mean `greets`?" in told
    (shop / "behaviours.yml").write_text("behaviours:\n  greet: {}\n")
    assert "labels.csv" not in {notice.file for notice in check_shop(shop).notices}


def test_no_table(tmp_path: Path) -> None:
    (tmp_path / "order.csv").write_text("x")
    (fault,) = check_folder(tmp_path)
    assert "holds none of the tables" in fault.what
    assert "order.csv comes near" in fault.mend


def test_no_folder(tmp_path: Path) -> None:
    (fault,) = check_folder(tmp_path / "absent")
    assert "no such folder" in fault.what
    file = tmp_path / "file"
    file.write_text("x")
    (fault,) = check_folder(file)
    assert "not a folder" in fault.what


def test_faults_of_all_files_are_given(shop: Path) -> None:
    ORDERS.with_columns(paid_amount=-1.0).write_csv(shop / "orders.csv")
    MESSAGES.with_columns(sender=pl.lit("me")).write_parquet(shop / "messages.parquet")
    assert [fault.file for fault in check_folder(shop)] == ["orders.csv"] + ["messages.parquet"] * 4


def test_checking_scales(tmp_path: Path) -> None:
    """A million messages take seconds, so five million stay well under twenty."""
    pl.concat([MESSAGES] * 250_000).write_parquet(tmp_path / "messages.parquet")
    start = time.perf_counter()
    assert check_shop(tmp_path).ok
    assert time.perf_counter() - start < 8
