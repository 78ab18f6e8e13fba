"""The same tables come out of both engines, cell by cell and type by type."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from csinsight.contract import tally
from csinsight.contract.check import check_shop
from csinsight.engine import collect, counter, lent, ms, open_shop

pytestmark = pytest.mark.spark

START = datetime(2026, 10, 5, 9, 30)
MESSAGES = 12_000


def tables() -> dict[str, pl.DataFrame]:
    texts = ["亲～有货吗？！", "ＡＢ１２／㎏", "①好。", "e\u0301 ﬁ ㈱", "🙂 /:^_^", " a\tb "]
    n = range(MESSAGES)
    return {
        "buyers": pl.DataFrame(
            {"buyer_id": ["b1", "b2"], "joined_at": [None, START - timedelta(days=900)]}
        ),
        "page_views": pl.DataFrame(
            {
                "buyer_id": ["b1", "b2", "b2"],
                "viewed_at": pl.Series([START] * 3).cast(pl.Datetime("ns")),
                "page_kind": pl.Series(["home", "cart", "home"], dtype=pl.Categorical),
                "dwell_seconds": pl.Series([1.5, None, float("nan")], dtype=pl.Float32),
            }
        ),
        "orders": pl.DataFrame(
            {
                "order_id": ["o1", "o2"],
                "buyer_id": ["b1", "b2"],
                "placed_at": [START, START + timedelta(milliseconds=1)],
                "paid_at": [START + timedelta(hours=1, microseconds=999), None],
                "list_amount": pl.Series([12, 8], dtype=pl.Int32),
                "paid_amount": [10.5, 8.0],
                "units": [1.0, 2.0],
                "coupon_used": [True, None],
            }
        ),
        "messages": pl.DataFrame(
            {
                "buyer_id": [f"b{i % 7}" for i in n],
                "agent_id": [None if i % 3 else "店:小二" for i in n],
                "sender": ["buyer" if i % 3 else "agent" for i in n],
                "sent_at": [START + timedelta(seconds=i // 4) for i in n],
                "text": [f"{texts[i % len(texts)]} {i}" for i in n],
            }
        ),
        "agents": pl.DataFrame(
            {
                "agent_id": ["店:二掌柜", "店:小二"],
                "hired_on": [date(2024, 2, 29), date(2020, 2, 29)],
                "same_as": [None, "店:二掌柜"],
            }
        ),
        "ratings": pl.DataFrame(
            {
                "buyer_id": ["b1"],
                "agent_id": ["店:小二"],
                "rated_at": pl.Series([START]).cast(pl.Datetime("ms")),
                "score": pl.Series([5], dtype=pl.UInt8),
            }
        ),
    }


def assert_same_tables(folder: Path) -> None:
    ours, theirs = open_shop(folder), open_shop(folder, "spark")
    assert ours.filled == theirs.filled
    assert list(ours.tables) == list(theirs.tables)
    for name in ours.tables:
        # The order of rows is the engine's own; equal rows may stand in either.
        frames = [collect(shop[name]) for shop in (ours, theirs)]
        keys = ["message_no"] if name == "messages" else list(frames[0].columns)
        pd.testing.assert_frame_equal(
            *(frame.sort_values(keys, ignore_index=True) for frame in frames)
        )


def test_parquet(tmp_path: Path, spark: Any) -> None:
    """Also with messages cut into many partitions, which Spark reads in any order."""
    for name, frame in tables().items():
        frame.write_parquet(tmp_path / f"{name}.parquet", row_group_size=1_000)
    spark.conf.set("spark.sql.files.maxPartitionBytes", "8192")
    try:
        assert spark.read.parquet(str(tmp_path / "messages.parquet")).rdd.getNumPartitions() > 3
        assert_same_tables(tmp_path)
    finally:
        spark.conf.unset("spark.sql.files.maxPartitionBytes")


def test_folders_of_parts(tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one file is, on both engines: rows in the order of the parts' names, and their check."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    for name, frame in tables().items():
        frame.write_parquet(whole / f"{name}.parquet")
        (cut / f"{name}.parquet").mkdir(parents=True)
        (cut / f"{name}.parquet" / "_SUCCESS").touch()
        size = -(-frame.height // 3)
        for number, part in enumerate(frame.iter_slices(size)):
            part.write_parquet(cut / f"{name}.parquet" / f"part {number} [a].parquet")
    assert_same_tables(cut)
    one, other = (
        collect(open_shop(folder)["messages"]).sort_values("message_no", ignore_index=True)
        for folder in (whole, cut)
    )
    pd.testing.assert_frame_equal(one, other)
    monkeypatch.setattr(tally, "STRETCH", 1_500)
    checked = check_shop(cut, counter("spark"))
    assert checked == check_shop(cut)
    assert [fault.column for fault in checked.faults] == ["dwell_seconds"]
    assert checked.tables["messages"].rows == MESSAGES
    assert {notice.kind for notice in checked.notices} >= {"match_rate"}


def test_a_child_works_on_the_session_of_its_parent(tmp_path: Path, spark: Any) -> None:
    tables()["orders"].write_parquet(tmp_path / "orders.parquet")
    code = (
        "from csinsight.engine import collect, open_shop\n"
        "from csinsight.engine.spark import session\n"
        f"orders = collect(open_shop({str(tmp_path)!r}, 'spark')['orders'])\n"
        "print(session().sparkContext.applicationId, orders['order_id'].sort_values().tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | lent(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{spark.sparkContext.applicationId} ['o1', 'o2']"


def test_csv(tmp_path: Path, spark: Any) -> None:
    for name, frame in tables().items():
        frame.head(500).write_csv(tmp_path / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.f")
    (tmp_path / "page_views.csv").write_text(
        "buyer_id,viewed_at,page_kind,dwell_seconds\n"
        "b1,2026-10-05,home,\n\nb2,2026-10-05 09:30,cart,1.5\nb2,2026-10-05T09:30:00.5,home, 2 \n"
    )
    assert_same_tables(tmp_path)


def test_a_window_over_messages(tmp_path: Path, spark: Any) -> None:
    """Equal times are told apart by the running number on both engines."""
    tables()["messages"].write_parquet(tmp_path / "messages.parquet", row_group_size=1_000)
    results = []
    for engine in ("polars", "spark"):
        messages = open_shop(tmp_path, engine)["messages"]  # type: ignore[arg-type]
        before = nw.col("text").shift(1).over("buyer_id", order_by=[ms("sent_at"), "message_no"])
        frame = collect(messages.select("message_no", before=before))
        results.append(frame.sort_values("message_no", ignore_index=True))
    pd.testing.assert_frame_equal(*results)


def test_a_closed_session_opens_again(tmp_path: Path, spark: Any) -> None:
    tables()["buyers"].write_parquet(tmp_path / "buyers.parquet")
    with open_shop(tmp_path) as shop:  # Polars has nothing to close
        assert shop.has("buyers")
    assert len(collect(open_shop(tmp_path, "spark")["buyers"])) == 2


def test_faults_are_the_same(tmp_path: Path, spark: Any) -> None:
    from csinsight.engine import EngineError

    pl.DataFrame({"buyer_id": [1.5]}).write_parquet(tmp_path / "buyers.parquet")
    said = []
    for engine in ("polars", "spark"):
        with pytest.raises(EngineError) as caught:
            open_shop(tmp_path, engine)  # type: ignore[arg-type]
        said.append(str(caught.value))
    assert said[0] == said[1]
