"""Times as they are written outside, to the fraction of a second."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from csinsight.importers import cells


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2018-09-15 20:35:42.999997", datetime(2018, 9, 15, 20, 35, 42, 999_997)),
        ("2018-09-15 20:35:42,5", datetime(2018, 9, 15, 20, 35, 42, 500_000)),
        ("2018-09-15 20:35:42.123456789", datetime(2018, 9, 15, 20, 35, 42, 123_456)),
        ("2018-09-15T20:35:42.25Z", datetime(2018, 9, 16, 4, 35, 42, 250_000)),
        ("2018-09-15 20:35:42+00", datetime(2018, 9, 16, 4, 35, 42)),
        ("2018-09-15 20:35:42-3:30", datetime(2018, 9, 16, 8, 5, 42)),
        ("2018-09-15 20:35+0530", datetime(2018, 9, 15, 23, 5)),
        ("2018-09-15 20:35:42+0800", datetime(2018, 9, 15, 20, 35, 42)),
        ("2016/5/23 22:02", datetime(2016, 5, 23, 22, 2)),
        ("2024-1-5 9:03:07", datetime(2024, 1, 5, 9, 3, 7)),
        ("2018年9月5日", datetime(2018, 9, 5)),
        ("2026/10/7 12:05", datetime(2026, 10, 7, 12, 5)),
        ("2026/10/7 下午 12:05", datetime(2026, 10, 7, 12, 5)),
        ("2026/10/7 晚上 8:05", datetime(2026, 10, 7, 20, 5)),
        ("2026/10/7 晚上 12:05", None),
        ("2018-13-01", None),
        ("yesterday", None),
    ],
)
def test_a_time_keeps_its_fraction_and_a_zone_is_brought_home(
    written: str, local: datetime | None
) -> None:
    frame = pl.DataFrame({"cell": [written]})
    read = frame.select(cells.local_time(pl.col("cell"), "Asia/Shanghai"))
    assert read.item() == local
