"""What the engine hands out on Polars: columns, types, and clear words where it can't."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from pathlib import Path

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from csinsight.contract.check import check_shop
from csinsight.contract.schema import TABLES
from csinsight.engine import EngineError, collect, ms, open_shop
from csinsight.runs.state import Inputs

HEADER = "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units,coupon_used\n"


def write_orders(folder: Path, *lines: str, header: str = HEADER) -> Path:
    (folder / "orders.csv").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_all_columns_are_there_and_filled_tells_which_hold_values(tmp_path: Path) -> None:
    shop = open_shop(write_orders(tmp_path, "o1,,2026-10-05,,1,1,2,", "o2,,2026-10-06,,1,1,1,"))
    frame = collect(shop["orders"])
    names = [column.name for column in TABLES["orders"].columns]
    assert list(frame.columns) == [*names, ms("placed_at"), ms("paid_at")]
    assert shop.has("orders", "units", "placed_at")
    assert not shop.has("orders", "buyer_id")
    assert not shop.has("orders", "refund_amount")
    assert not shop.has("messages")
    with pytest.raises(KeyError):
        shop["messages"]


def test_ids_in_whole_numbers_empty_text_and_tables_without_rows(tmp_path: Path) -> None:
    said = {"buyer_id": [1, 1], "sender": ["buyer", "buyer"], "text": ["Ｈi", None]}
    times = {"sent_at": [datetime(2026, 10, 5), datetime(2026, 10, 6)]}
    pl.DataFrame(said | times).write_parquet(tmp_path / "messages.parquet")
    write_orders(tmp_path)
    shop = open_shop(tmp_path)
    frame = collect(shop["messages"])
    assert frame["buyer_id"].tolist() == ["1", "1"]
    assert frame["text"].tolist() == ["Hi", ""]
    assert set(shop.tables) == {"messages"}


def test_types_of_collect(tmp_path: Path) -> None:
    shop = open_shop(
        write_orders(
            tmp_path,
            "o1,b1,2026-10-05T09:30,2026-10-05 09:31:00.25,1,1,2,true",
            "",
            "o2,b2,2026-10-06,,1,1,1,",
        )
    )
    frame = collect(shop["orders"])
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "order_id": "str",
        "buyer_id": "str",
        "placed_at": "datetime64[us]",
        "paid_at": "datetime64[us]",
        "list_amount": "float64",
        "paid_amount": "float64",
        "refund_amount": "float64",
        "units": "int64",
        "coupon_used": "boolean",
        "placed_at_ms": "int64",
        "paid_at_ms": "Int64",
    }
    assert frame.loc[0, "paid_at"] == pd.Timestamp("2026-10-05 09:31:00.25")
    assert frame.loc[0, "paid_at_ms"] == frame.loc[0, "placed_at_ms"] + 60_250
    assert frame["coupon_used"].isna().tolist() == [False, True]


def test_collect_of_whole_booleans_dates_and_nothing() -> None:
    frame = pl.LazyFrame(
        {
            "yes": [True, False],
            "small": pl.Series([1, 2], dtype=pl.UInt8),
            "day": [datetime(2026, 10, 5).date(), None],
            "kind": pl.Series(["a", None], dtype=pl.Categorical),
            "none": [None, None],
            "half": pl.Series([0.5, None], dtype=pl.Float32),
        }
    )
    types = collect(nw.from_native(frame)).dtypes.astype(str).to_dict()
    assert types == {
        "yes": "bool",
        "small": "int64",
        "day": "datetime64[us]",
        "kind": "str",
        "none": "str",
        "half": "float64",
    }
    assert list(collect(nw.from_native(frame.clear())).columns) == list(types)


def test_text_is_normalised_and_messages_are_numbered(tmp_path: Path) -> None:
    texts = ["亲～有货吗？！", "ＡＢ１２", "①好。", None]
    pl.DataFrame(
        {
            "buyer_id": ["b"] * 4,
            "sender": ["buyer"] * 4,
            "sent_at": [datetime(2026, 10, 5)] * 4,
            "text": texts,
        }
    ).write_parquet(tmp_path / "messages.parquet")
    frame = collect(open_shop(tmp_path)["messages"])
    assert frame["text"].tolist()[:3] == ["亲~有货吗?!", "AB12", "1好。"]
    assert frame["text"].tolist()[3] == ""
    assert frame["message_no"].tolist() == [0, 1, 2, 3]


def test_nan_and_infinity_are_no_values(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "buyer_id": ["b", "b"],
            "viewed_at": [datetime(2026, 10, 5)] * 2,
            "page_kind": ["home", "home"],
            "dwell_seconds": [float("nan"), float("inf")],
        }
    ).write_parquet(tmp_path / "page_views.parquet")
    assert not open_shop(tmp_path).has("page_views", "dwell_seconds")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["o1,b1,2026-10-05,,1,abc,1,"], "row 2, column paid_amount: 'abc'"),
        (["o1,b1,yesterday,,1,1,1,"], "row 2, column placed_at"),
        (["o1,b1,2026-10-05,,1,1,1,,,,"], "row 2: has 11 fields"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(EngineError, match="csinsight check") as caught:
        open_shop(write_orders(tmp_path, *lines))
    assert said in str(caught.value)


def test_a_missing_column_or_a_gbk_file_is_named(tmp_path: Path) -> None:
    write_orders(tmp_path, "o1,b1", header="order_id,buyer_id\n")
    with pytest.raises(EngineError, match="column placed_at: this required column is missing"):
        open_shop(tmp_path)
    (tmp_path / "orders.csv").write_bytes((HEADER + "一,二,三,四,五,六,七,八\n").encode("gbk"))
    with pytest.raises(EngineError, match="GBK"):
        open_shop(tmp_path)


def test_a_wrong_parquet_type_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"buyer_id": [1.5]}).write_parquet(tmp_path / "buyers.parquet")
    with pytest.raises(EngineError, match="column buyer_id: holds Float64"):
        open_shop(tmp_path)
    (tmp_path / "buyers.parquet").write_bytes(b"PAR1")
    with pytest.raises(EngineError, match="can't be read as Parquet"):
        open_shop(tmp_path)


def test_a_quote_in_mid_field_is_read(tmp_path: Path) -> None:
    shop = open_shop(write_orders(tmp_path, 'o1,5"b,2026-10-05,,1,1,1,'))
    assert collect(shop["orders"])["buyer_id"].tolist() == ['5"b']


def test_no_folder_and_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        open_shop(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="none of the tables"):
        open_shop(tmp_path)


def test_spark_without_pyspark_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orders(tmp_path, "o1,b1,2026-10-05,,1,1,1,")
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(EngineError, match=r"pip install 'csinsight\[spark\]'"):
        open_shop(tmp_path, "spark")


def test_spark_without_java_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark", reason="needs PySpark: pip install 'csinsight[spark]'")
    from csinsight.engine import spark

    write_orders(tmp_path, "o1,b1,2026-10-05,,1,1,1,")
    monkeypatch.setattr(spark, "_active", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kinds: None)
    with pytest.raises(EngineError, match="Java 17 runtime"):
        open_shop(tmp_path, "spark")


def test_a_folder_of_parquet_parts_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "messages.parquet"
    folder.mkdir()
    said = pl.DataFrame(
        {
            "buyer_id": [f"b{n}" for n in range(30)],
            "sender": ["buyer"] * 30,
            "sent_at": [datetime(2026, 10, 5, 10, n) for n in range(30)],
            "text": [f"有货吗{n}" for n in range(30)],
        }
    )
    for number, part in enumerate(said.iter_slices(10)):
        part.write_parquet(folder / f"part-{number} [x].parquet")
    (folder / "_SUCCESS").touch()
    said.head(1).write_parquet(folder / "_being-written.parquet")
    said.head(1).write_parquet(folder / ".part-0.parquet.crc.parquet")
    frame = collect(open_shop(tmp_path)["messages"])
    assert frame["text"].tolist() == said["text"].to_list()
    assert frame["message_no"].tolist() == list(range(30))
    checked = check_shop(tmp_path)
    assert checked.faults == []
    assert checked.tables["messages"].rows == 30
    assert set(Inputs(tmp_path).hashes) == {
        f"messages.parquet/part-{number} [x].parquet" for number in range(3)
    }
    for number in (2, 0):  # a later part too, though the first one tells all columns
        (folder / f"part-{number} [x].parquet").write_bytes(b"PAR1 cut short")
        with pytest.raises(EngineError, match=r"messages\.parquet"):
            open_shop(tmp_path)
    assert "can't be read as Parquet" in str(check_shop(tmp_path).faults[0])


@pytest.mark.parametrize("written", [{}, {"statistics": False}])
def test_which_columns_hold_values_is_told_by_footers_or_by_counting(
    tmp_path: Path, written: dict[str, bool]
) -> None:
    columns = {
        "order_id": ["o1", "o2"],
        "buyer_id": ["", None],
        "placed_at": [datetime(2026, 10, 5)] * 2,
        "list_amount": [float("nan"), float("inf")],
        "paid_amount": [float("-inf"), 1.0],
        "units": [None, 1],
        "refund_amount": [None, float("nan")],
        "coupon_used": pl.Series([None, None], dtype=pl.Boolean),
    }
    pl.DataFrame(columns).write_parquet(tmp_path / "orders.parquet", **written)
    shop = open_shop(tmp_path)
    assert shop.filled["orders"] == {"order_id", "placed_at", "paid_amount", "units"}
