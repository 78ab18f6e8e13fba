from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.contexts import TYPES

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.signatures import load_signatures
from csinsight.segments.support import (
    FROM_TYPES,
    drift,
    label_moves,
    type_profile,
    type_stability,
    type_support,
)
from csinsight.segments.types import fit_types

SIGNATURES = load_signatures()
Plant = Callable[..., Any]


def test_six_clear_types_are_seen_without_signatures_too(plant: Plant) -> None:
    features = plant(900, own=0.85, seed=31).features
    result = fit_types(features, TYPES)
    found = type_support(features, result, TYPES, counts=range(4, 9))
    types, support = found[found[FROM_TYPES]], found[~found[FROM_TYPES]]
    assert types["k"].tolist() == [6]
    assert types["silhouette"].iloc[0] > 0.95 * support["silhouette"].max()
    assert types["bic"].iloc[0] < support.set_index("k")["bic"][5]
    assert support["k"].tolist() == [4, 5, 6, 7, 8]
    assert support.set_index("k")["silhouette"].idxmax() == 6
    bic = support.set_index("k")["bic"]
    assert bic[6] < bic[5] < bic[4]


def test_clear_types_are_stable_and_found_unseeded(plant: Plant) -> None:
    features = plant(700, own=0.9, seed=32).features
    result = fit_types(features, TYPES)
    stability = type_stability(features, result, TYPES, resamples=3)
    assert stability.rand.shape == (3,)
    assert stability.rand.min() > 0.9
    assert stability.types["type"].tolist() == list(BUYER_TYPES)
    assert (stability.types["found"] == 1).all()
    assert stability.types["jaccard"].min() > 0.85
    assert stability.unseeded_rand is not None
    assert stability.unseeded_rand > 0.7


def test_a_shop_without_types_has_no_stability_to_tell(plant: Plant) -> None:
    features = plant(20, seed=33).features
    result = fit_types(features, TYPES)
    stability = type_stability(features, result, TYPES, resamples=3)
    assert stability.rand.size == 0
    assert stability.types.empty
    assert stability.unseeded_rand is None
    assert type_support(features, result, TYPES).empty
    assert type_profile(features, result)["type"].tolist() == ["unclassified"]


def test_profiles_are_in_natural_units(plant: Plant) -> None:
    planted = plant(900, seed=34)
    result = fit_types(planted.features, TYPES)
    profile = type_profile(planted.features, result).set_index("type")
    assert profile["buyers"].sum() == 900
    own = planted.features[(result.buyers["type"] == "periodic").to_numpy()]
    told = own["pages_news"].sum() / own["pages"].sum()
    assert profile.loc["periodic", "news_share"] == pytest.approx(told)
    assert profile.loc["newcomer", "account_age"] < 120
    assert profile.loc["surfing", "pages_per_visit"] > 12
    assert profile.loc["surfing", "seconds_per_page"] == pytest.approx(12, rel=0.15)


def test_unchanged_behaviour_keeps_its_label_from_month_to_month(plant: Plant) -> None:
    features = plant(900, own=0.8, seed=35).features
    before = fit_types(features, TYPES)
    again = fit_types(features.sample(frac=0.9, random_state=1), TYPES, previous=before.model)
    moves = label_moves(again.buyers, before.buyers)
    assert moves.to_numpy().sum() == 810
    assert np.trace(moves.to_numpy()) / 810 > 0.97
    moved = drift(again.model, before.model)
    assert moved["type"].tolist() == list(BUYER_TYPES)
    assert moved["moved"].max() < 0.5


def test_drift_tells_which_feature_moved(plant: Plant) -> None:
    features = plant(900, seed=36).features
    before = fit_types(features, TYPES)
    slower = features.assign(seconds=features["seconds"] * 3)
    moved = drift(fit_types(slower, TYPES).model, before.model)
    assert (moved["furthest"] == "seconds_per_page").all()
    assert moved["moved"].min() > 0.5
