"""Times that can't be, and folders whose names look like patterns."""

from __future__ import annotations

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
