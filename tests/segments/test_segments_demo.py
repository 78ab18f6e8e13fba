"""Types and tiers on the demo shop, against the simulator's truth."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from csinsight.contract.domain import BUYER_TYPES, UNCLASSIFIED
from csinsight.engine import Shop, open_shop
from csinsight.features.buyers import buyer_features
from csinsight.features.spend import spend_between, spend_features
from csinsight.segments.clv import accuracy, expected_spend
from csinsight.segments.lagged import frozen_segments
from csinsight.segments.signatures import load_signatures
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
    return fit_types(buyer_features(demo, END), load_signatures())


def test_all_six_types_are_found_again(types: TypeResult, truth: pd.DataFrame) -> None:
    assert types.unsupported == []
    named = types.buyers[types.buyers["type"].isin(BUYER_TYPES)].set_index("buyer_id")["type"]
    right = (named == truth["type"].reindex(named.index)).mean()
    print(f"demo: {right:.3f} of {len(named)} given labels are right")  # noqa: T201
    assert len(named) > 0.95 * len(types.buyers)
    assert right >= 0.95


def test_labels_stay_from_month_to_month(demo: Shop, types: TypeResult) -> None:
    last = fit_types(buyer_features(demo, datetime(2026, 10, 1)), load_signatures())
    now = fit_types(buyer_features(demo, END), load_signatures(), previous=last.model)
    both = last.buyers.merge(now.buyers, on="buyer_id")
    named = both[both["type_x"].isin(BUYER_TYPES) & both["type_y"].isin(BUYER_TYPES)]
    assert (named["type_x"] == named["type_y"]).mean() >= 0.95


def test_tiers_say_who_spends_later(demo: Shop) -> None:
    """A hold-out: tiers on 2026-08-03 against the 90 days after."""
    cut = datetime(2026, 8, 3)
    spend = spend_features(demo, cut)
    later = spend_between(demo, cut, END).set_index("buyer_id")["net_spend"]
    expected = expected_spend(spend)
    told = accuracy(expected, later)
    print("demo hold-out:", told)  # noqa: T201
    assert told["rank_correlation"] > 0.4
    assert abs(told["bias"]) < 0.15 * later.sum() / len(spend)
    tiers = value_tiers(spend, expected).set_index("buyer_id")["tier"]
    mean = later.reindex(tiers.index).fillna(0).groupby(tiers).mean()
    assert mean["ordinary"] < mean["potential"] < mean["core"] < mean["vip"]


def test_frozen_segments_know_nothing_of_their_own_month(demo: Shop) -> None:
    buyers = buyer_features(demo, END)["buyer_id"].head(40).to_numpy()
    starts = ["2026-09-01", "2026-09-30 23:00", "2026-10-15", None]
    talks = pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(161)],
            "buyer_id": [*np.repeat(buyers, 4), "stranger"],
            "started_at": pd.to_datetime([*starts * 40, "2026-10-02"], format="ISO8601"),
        }
    )
    frozen = frozen_segments(demo, talks, as_of=END)
    assert frozen.columns.tolist() == ["conversation_id", "type", "tier"]
    assert frozen["conversation_id"].tolist() == talks["conversation_id"].tolist()
    by_start = [frozen.iloc[i:160:4].reset_index(drop=True) for i in range(4)]
    assert (by_start[0][["type", "tier"]] == by_start[1][["type", "tier"]]).all(axis=None)
    assert (by_start[2][["type", "tier"]] == by_start[3][["type", "tier"]]).all(axis=None)
    assert frozen.iloc[-1].tolist() == ["c160", UNCLASSIFIED, "ordinary"]

    known = types_at(demo, datetime(2026, 9, 1)).types
    labels = known.buyers.set_index("buyer_id")["type"].reindex(buyers).fillna(UNCLASSIFIED)
    assert by_start[0]["type"].tolist() == labels.tolist()


def test_untimed_talks_need_the_end_of_their_month(demo: Shop) -> None:
    talks = pd.DataFrame({"conversation_id": ["c"], "buyer_id": ["b"], "started_at": [pd.NaT]})
    with pytest.raises(ValueError, match="tell as_of"):
        frozen_segments(demo, talks)
    assert len(frozen_segments(demo, talks, as_of=END)) == 1
    assert frozen_segments(demo, talks.head(0)).empty


def test_a_shop_without_page_views_or_payments_has_null_labels(demo: Shop) -> None:
    bare = Shop(demo.folder, demo.engine, {"messages": demo["messages"]}, {})
    talks = pd.DataFrame(
        {"conversation_id": ["c"], "buyer_id": ["b"], "started_at": [pd.Timestamp("2026-10-02")]}
    )
    assert frozen_segments(bare, talks)[["type", "tier"]].isna().all(axis=None)
