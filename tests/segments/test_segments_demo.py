"""Types and tiers on the demo shop, against the simulator's truth."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.contexts import ORDER_DAYS, TIERS, TYPES, WINDOWS

from csinsight.contract.domain import BUYER_TYPES, UNCLASSIFIED
from csinsight.engine import Shop, open_shop
from csinsight.features.buyers import buyer_features
from csinsight.features.spend import spend_between, spend_features
from csinsight.segments.by_month import (
    labels_by_month,
    lagged_segments,
    tiers_by_month,
    types_by_month,
)
from csinsight.segments.clv import accuracy, expected_spend
from csinsight.segments.tiers import value_tiers
from csinsight.segments.types import TypeResult, fit_types, types_at

END = datetime(2026, 11, 1)


@pytest.fixture(scope="module")
def demo(demo_folder: Path) -> Shop:
    return open_shop(demo_folder)


@pytest.fixture(scope="module")
def truth(demo_folder: Path) -> pd.DataFrame:
    return pd.read_parquet(demo_folder / "truth" / "buyers.parquet").set_index("buyer_id")


@pytest.fixture(scope="module")
def types(demo: Shop) -> TypeResult:
    return fit_types(buyer_features(demo, END, **WINDOWS), TYPES)


def test_all_six_types_are_found_again(types: TypeResult, truth: pd.DataFrame) -> None:
    assert types.unsupported == []
    named = types.buyers[types.buyers["type"].isin(BUYER_TYPES)].set_index("buyer_id")["type"]
    right = (named == truth["type"].reindex(named.index)).mean()
    print(f"demo: {right:.3f} of {len(named)} given labels are right")  # noqa: T201
    assert len(named) > 0.95 * len(types.buyers)
    assert right >= 0.95


def test_labels_stay_from_month_to_month(demo: Shop, types: TypeResult) -> None:
    last = fit_types(buyer_features(demo, datetime(2026, 10, 1), **WINDOWS), TYPES)
    now = fit_types(buyer_features(demo, END, **WINDOWS), TYPES, previous=last.model)
    both = last.buyers.merge(now.buyers, on="buyer_id")
    named = both[both["type_x"].isin(BUYER_TYPES) & both["type_y"].isin(BUYER_TYPES)]
    assert (named["type_x"] == named["type_y"]).mean() >= 0.95


def test_tiers_say_who_spends_later(demo: Shop) -> None:
    """A hold-out: tiers on 2026-08-03 against the 90 days after."""
    cut = datetime(2026, 8, 3)
    spend = spend_features(demo, cut, **ORDER_DAYS)
    later = spend_between(demo, cut, END).set_index("buyer_id")["net_spend"]
    expected = expected_spend(spend)
    told = accuracy(expected, later)
    print("demo hold-out:", told)  # noqa: T201
    assert told["rank_correlation"] > 0.4
    assert abs(told["bias"]) < 0.15 * later.sum() / len(spend)
    tiers = value_tiers(spend, expected, options=TIERS).set_index("buyer_id")["tier"]
    mean = later.reindex(tiers.index).fillna(0).groupby(tiers).mean()
    assert mean["ordinary"] < mean["potential"] < mean["core"] < mean["vip"]


@pytest.fixture
def some(demo_folder: Path, tmp_path: Path) -> Shop:
    """Every third buyer of the demo shop: enough where months are held against each other."""
    for path in demo_folder.glob("*.parquet"):
        table = pl.read_parquet(path)
        if "buyer_id" in table.columns:
            table = table.filter(pl.col("buyer_id").str.extract("([0-9]+)").cast(pl.Int64) % 3 == 0)
        table.write_parquet(tmp_path / path.name)
    return open_shop(tmp_path)


@pytest.mark.slow
def test_lagged_segments_are_what_the_month_before_reported(some: Shop) -> None:
    types = types_by_month(some, END, TYPES, months=2)
    tiers = tiers_by_month(some, END, TIERS, months=2)
    assert [month.as_of.month for month in types] == [9, 10, 11]
    october = types_at(some, datetime(2026, 10, 1), TYPES).types
    pd.testing.assert_frame_equal(types[1].types.buyers, october.buyers)
    assert types[2].before is types[1].types

    buyers = buyer_features(some, END, **WINDOWS)["buyer_id"].head(40).to_numpy()
    starts = ["2026-09-01", "2026-09-30 23:00", "2026-10-15", None, "2026-08-31 23:59"]
    talks = pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(201)],
            "buyer_id": [*np.repeat(buyers, 5), "stranger"],
            "started_at": pd.to_datetime([*starts * 40, "2026-10-02"], format="ISO8601"),
        }
    )
    known = lagged_segments(talks, labels_by_month(types), labels_by_month(tiers), as_of=END)
    assert known.columns.tolist() == ["conversation_id", "type", "tier"]
    assert known["conversation_id"].tolist() == talks["conversation_id"].tolist()
    labels = ["type", "tier"]
    by_start = [known.iloc[i:200:5].reset_index(drop=True) for i in range(5)]
    assert (by_start[0][labels] == by_start[1][labels]).all(axis=None)
    assert (by_start[2][labels] == by_start[3][labels]).all(axis=None)
    assert by_start[4][labels].isna().all(axis=None)
    assert known.iloc[-1].tolist() == ["c200", UNCLASSIFIED, "ordinary"]
    reported = october.buyers.set_index("buyer_id")["type"].reindex(buyers).fillna(UNCLASSIFIED)
    assert by_start[2]["type"].tolist() == reported.tolist()
    bare = lagged_segments(talks, None, None, as_of=END)
    assert bare[labels].isna().all(axis=None)
