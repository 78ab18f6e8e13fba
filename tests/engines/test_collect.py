"""What leaves an engine does not depend on the order in which its threads worked."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csinsight.engine import collect, frames
from csinsight.engine.frames import among, beside, coded, hold_by_group, joined_lines, steady

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


@pytest.mark.parametrize("some", [[], ["b"], ["b", "b", "x", "c"]])
def test_texts_among_others_are_those_that_pandas_finds(some: list[str]) -> None:
    texts = pd.Series(["a", "b", None, "c", "b"], dtype="str")
    expected = texts.isin(some).tolist()
    assert among(texts, some).tolist() == expected
    assert among(pd.Index(texts), pl.Series(some, dtype=pl.String)).tolist() == expected
    assert among(texts.iloc[:0], some).tolist() == []


def test_lines_of_a_group_stand_in_order_be_they_none_one_or_many() -> None:
    rows = {"who": ["a", "b", "a", "c", "a"], "said": ["yes", "one", "no", None, None]}
    told = collect(joined_lines(nw.from_native(pl.LazyFrame(rows)), ["who"], "said", "all"))
    assert dict(zip(told["who"], told["all"], strict=True)) == {"a": "no\nyes", "b": "one", "c": ""}


def test_what_all_parts_share_is_made_once_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def once(whole: nw.LazyFrame) -> nw.LazyFrame:
        made.append(len(whole.collect()))
        return whole.group_by("who").agg(nw.col("units").sum().alias("all"))

    def function(some: nw.LazyFrame, shared: nw.LazyFrame) -> nw.LazyFrame:
        return some.join(shared, on="who", how="left")

    rows = nw.from_native(pl.LazyFrame({"who": [*"abcab"], "units": [1, 2, 3, 4, 5]}))
    for size in (100, 2):
        monkeypatch.setattr(frames, "_PART_ROWS", size)
        table = collect(hold_by_group(rows, "who", function, once)).sort_values("units")
        assert table["all"].tolist() == [5, 7, 3, 5, 7]
    assert made == [5, 5]
