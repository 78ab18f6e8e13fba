"""Parquet is written all at once, with the same bytes for the same table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from csinsight.contract.write import write_table

FRAME = pd.DataFrame(
    {
        "a": pd.array([True, None], dtype="boolean"),
        "b": pd.array([1, None], dtype="Int64"),
        "c": ["x", None],
    }
)


def test_same_table_same_bytes_and_types_come_back(tmp_path: Path) -> None:
    one = write_table(FRAME, tmp_path / "new" / "one.parquet")
    two = write_table(FRAME, tmp_path / "two.parquet")
    assert one.read_bytes() == two.read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(one), FRAME)


def test_columns_without_a_value_keep_their_type(tmp_path: Path) -> None:
    """A small shop's tables can be read beside a large one's."""
    names = ["agent_id", "paid_at", "greets", "effect_pp", "because"]
    frame = pd.DataFrame({name: [None, None] for name in names})
    schema = pl.read_parquet_schema(write_table(frame, tmp_path / "t.parquet"))
    assert list(schema.values()) == [
        pl.String,
        pl.Datetime("us"),
        pl.Boolean,
        pl.Float64,
        pl.String,
    ]


def test_polars(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    assert pl.read_parquet(write_table(frame, tmp_path / "t.parquet")).equals(frame)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = write_table(FRAME, tmp_path / "t.parquet")
    before = path.read_bytes()
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        write_table(pd.DataFrame({"a": ["x", 1, object()]}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
