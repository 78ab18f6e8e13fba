from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from tests.contexts import TYPES, WINDOWS
from tests.validate.planted import swap

from csinsight.contract.domain import BUYER_TYPES, MIXED, UNCLASSIFIED
from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.segments.model import COLUMNS, held, remembered, together
from csinsight.segments.signatures import MemoryRules, load_signatures
from csinsight.segments.types import EARLIER, fit_types, follow_types, types_at
from csinsight.simulate import simulate

SIGNATURES = load_signatures()
RULES = SIGNATURES.memory
SEPTEMBER, OCTOBER, END = (datetime(2026, month, 1) for month in (9, 10, 11))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.Series]:
    """Buyers who are blends, seen little."""
    folder = tmp_path_factory.mktemp("sparse")
    made = simulate(folder, seed=81, buyers=900, conversations=0, scenario="sparse_types")
    return folder, made.buyers.to_pandas().set_index("buyer_id")["type"]


def test_unchanged_buyers_keep_their_type(sparse: tuple[Path, pd.Series]) -> None:
    shop, truth = open_shop(sparse[0]), sparse[1]
    before, now = types_at(shop, OCTOBER, options=TYPES), types_at(shop, END, options=TYPES)
    both = before.types.buyers.merge(now.types.buyers, on="buyer_id")
    both = both[both["type_x"].isin(BUYER_TYPES) & both["type_y"].isin(BUYER_TYPES)]
    assert (both["type_x"] == both["type_y"]).mean() >= 0.94

    def right(buyers: pd.DataFrame) -> float:
        labels = buyers.set_index("buyer_id")["type"]
        labels = labels[labels.isin(BUYER_TYPES)]
        return float((labels == truth.reindex(labels.index)).mean())

    alone = fit_types(now.features, TYPES)
    assert right(now.types.buyers) > right(alone.buyers)
    assert now.before is not None
    assert (now.types.buyers["type"] == UNCLASSIFIED).sum() == alone.sizes[UNCLASSIFIED]


def test_changed_buyers_are_followed_within_a_look_back(tmp_path: Path) -> None:
    made = simulate(tmp_path, seed=82, buyers=700, conversations=0, months=5)
    truth = made.buyers.to_pandas().set_index("buyer_id")["type"]
    became = swap(tmp_path, truth, seed=82, turn=datetime(2026, 8, 1))
    *_, last = follow_types(open_shop(tmp_path), END, END, options=TYPES)
    labels = last.types.buyers.set_index("buyer_id")["type"]
    labels = labels[labels.isin(BUYER_TYPES)]
    ids = labels.index[(became != truth).reindex(labels.index)]
    assert len(ids) > 80
    assert (labels[ids] == became[ids]).mean() > 0.8
    assert (labels[ids] == truth[ids]).mean() < 0.15


@pytest.mark.slow
def test_the_same_tables_give_the_same_labels(sparse: tuple[Path, pd.Series]) -> None:
    shop = open_shop(sparse[0])
    pd.testing.assert_frame_equal(
        types_at(shop, END, options=TYPES).types.buyers,
        types_at(shop, END, options=TYPES).types.buyers,
    )
    months = [month.as_of for month in follow_types(shop, SEPTEMBER, END, options=TYPES)]
    assert months == [SEPTEMBER, OCTOBER, END]


def test_nothing_from_before_weighs_more_than_its_bound(sparse: tuple[Path, pd.Series]) -> None:
    features = buyer_features(open_shop(sparse[0]), END, **WINDOWS)
    result = fit_types(features, TYPES)
    odds = remembered(features, result.model, RULES)
    shares = result.model.mixture.shares
    top = np.log((1 - RULES.changed + RULES.changed * shares) / (RULES.changed * shares)).max()
    assert odds.to_numpy().max() <= top
    assert odds.to_numpy().min() >= np.log(RULES.changed) - 1e-9
    kept = held(result.buyers, RULES)
    assert kept.to_numpy().max() == pytest.approx(np.log(RULES.hold))
    free = result.buyers["type"].isin([MIXED, UNCLASSIFIED]).to_numpy()
    assert (kept[free] == 0).all(axis=None)
    both = together(odds, kept)
    assert both.shape == odds.shape
    np.testing.assert_allclose(both.loc[odds.index], odds + kept)


def test_what_passes_with_time_is_not_remembered(sparse: tuple[Path, pd.Series]) -> None:
    features = buyer_features(open_shop(sparse[0]), END, **WINDOWS)
    model = fit_types(features, TYPES).model
    old = features.assign(account_age_days=400.0)
    older = features.assign(account_age_days=4000.0, discount_amount=0.0)
    pd.testing.assert_frame_equal(remembered(old, model, RULES), remembered(older, model, RULES))


def test_a_buyer_read_by_what_was_before_says_so(sparse: tuple[Path, pd.Series]) -> None:
    features = buyer_features(open_shop(sparse[0]), END, **WINDOWS)
    alone = fit_types(features, TYPES)
    unsure = alone.buyers["confidence"].between(0.5, 0.7) & (alone.buyers["type"] != "bargain")
    # Who is unsure now showed nothing but deals before.
    earlier = features[unsure.to_numpy()].assign(pages=30, pages_deal=30)
    result = fit_types(features, TYPES, earlier=earlier)
    turned = result.buyers[unsure.to_numpy() & (result.buyers["type"] == "bargain")]
    assert len(turned) > 5
    assert all(EARLIER in [reason["feature"] for reason in line] for line in turned["because"])
    others = result.buyers[~unsure.to_numpy()]
    assert not any(EARLIER in [r["feature"] for r in line] for line in others["because"])


def test_rules_of_memory_are_checked() -> None:
    assert len(COLUMNS) == len(BUYER_TYPES) + 1
    with pytest.raises(ValidationError, match=r"unknown feature \['shoe_size'\]"):
        MemoryRules(passing=("shoe_size",))
    with pytest.raises(ValidationError, match="hold"):
        MemoryRules(hold=0.5)
