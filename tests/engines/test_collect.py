"""What leaves an engine does not depend on the order in which its threads worked."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csinsight.engine import collect
from csinsight.engine.frames import beside, coded, steady

CENTS = st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=50)


@given(cents=CENTS, seed=st.integers(0, 10))
def test_sums_in_another_order_are_the_same_and_exact_to_the_cent(
    cents: list[int], seed: int
) -> None:
    amounts = np.array(cents) / 100
    mixed = np.random.default_rng(seed).permutation(amounts)
    sums = steady(pd.Series([sum(amounts.tolist()), sum(mixed.tolist())]))
    assert sums[0] == sums[1] == sum(cents) / 100


def test_an_exact_half_does_not_tip() -> None:
    half = 13.0245625
    around = [np.nextafter(half, 0), half, np.nextafter(half, 99)]
    assert steady(pd.Series(around)).nunique() == 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (0.12345678, 0.123457),
        (-1e-9, 0.0),
        (123456789.12, 123456789.12),
        (1.6e11 + 0.4, 1.6e11),
        (float("inf"), float("inf")),
    ],
)
def test_what_is_kept(value: float, kept: float) -> None:
    (got,) = steady(pd.Series([value]))
    assert got == kept
    assert not np.signbit(got)


def test_collected_floats_are_steady_and_missing_ones_stay_missing() -> None:
    frame = nw.from_native(pl.LazyFrame({"x": [0.1 + 0.2, None, float("nan")], "n": [1, 2, 3]}))
    got = collect(frame)
    assert got["x"].iloc[0] == 0.3
    assert got["x"].isna().tolist() == [False, True, True]
    assert got["n"].dtype == "int64"


def test_coded_texts_are_joined_to_and_leave_as_texts() -> None:
    lines = nw.from_native(pl.LazyFrame({"who": ["a", "b", None], "units": [1, 2, 3]}))
    names = pl.DataFrame({"who": ["b", "not there"], "name": ["B", "C"]})
    held = coded(lines, "who")
    assert held.collect_schema()["who"] == nw.Categorical
    for frame in (lines, held):
        joined = frame.join(beside(frame, names), on="who", how="left").sort("units")
        got = collect(joined)
        assert got["who"].fillna("-").tolist() == ["a", "b", "-"]
        assert got["name"].fillna("-").tolist() == ["-", "B", "-"]
        assert got["who"].dtype == "str"
