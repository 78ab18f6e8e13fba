from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contexts import TYPES

from csinsight.contract.domain import BUYER_TYPES, MIXED, TYPE_LABELS, UNCLASSIFIED
from csinsight.segments.model import TypeModel
from csinsight.segments.signatures import load_signatures
from csinsight.segments.types import TypeResult, fit_types, label

SIGNATURES = load_signatures()
READ = {"min_pages": TYPES.min_pages, "confidence": TYPES.confidence}
P = [f"p_{name}" for name in BUYER_TYPES]
Plant = Callable[..., Any]


def fit(features: pd.DataFrame, **told: Any) -> TypeResult:
    """Fit with a run's options, some of them as told."""
    memory = {name: told.pop(name) for name in ("previous", "earlier") if name in told}
    return fit_types(features, replace(TYPES, **told), **memory)


def accuracy(result: TypeResult, truth: pd.Series) -> float:
    """Share of right labels among the buyers that got one of the six."""
    labels = result.buyers["type"].to_numpy()
    named = np.isin(labels, BUYER_TYPES)
    assert named.mean() > 0.85
    return float((labels == truth.to_numpy())[named].mean())


def unequal(large: str) -> dict[str, float]:
    return {name: 70 if name == large else 6 for name in BUYER_TYPES}


def test_clean_types_are_found(plant: Plant) -> None:
    planted = plant(1200, seed=11)
    result = fit(planted.features)
    assert result.unsupported == []
    assert accuracy(result, planted.truth) >= 0.97


@pytest.mark.parametrize("large", BUYER_TYPES)
def test_very_unequal_shares_do_not_collapse(plant: Plant, large: str) -> None:
    planted = plant(1200, shares=unequal(large), seed=12)
    result = fit(planted.features)
    assert result.unsupported == []
    assert accuracy(result, planted.truth) >= 0.97


@pytest.mark.parametrize("absent", BUYER_TYPES)
def test_an_absent_type_is_said_and_the_others_stay_right(plant: Plant, absent: str) -> None:
    shares = {name: 0 if name == absent else 1 for name in BUYER_TYPES}
    planted = plant(1200, shares=shares, own=0.8, seed=13)
    result = fit(planted.features)
    assert result.unsupported == [absent]
    assert result.sizes[absent] == 0
    assert (result.buyers[f"p_{absent}"] == 0).all()
    assert accuracy(result, planted.truth) >= 0.95


def test_sparse_blends_are_labelled_with_care(plant: Plant) -> None:
    dense, sparse = plant(900, seed=14), plant(900, own=0.6, pages=0.3, seed=14)
    clear, unclear = fit(dense.features), fit(sparse.features)
    assert unclear.unsupported == []
    assert accuracy(unclear, sparse.truth) > 0.75
    assert unclear.buyers["confidence"].mean() < clear.buyers["confidence"].mean() - 0.05
    assert (unclear.buyers["type"] == MIXED).sum() > (clear.buyers["type"] == MIXED).sum()


def test_confidence_is_as_often_right_as_it_says(plant: Plant) -> None:
    planted = plant(1500, own=0.65, pages=0.5, seed=15)
    buyers = fit(planted.features, confidence=0.0).buyers
    right = (buyers["type"] == planted.truth.to_numpy())[buyers["type"] != UNCLASSIFIED]
    said = buyers.loc[buyers["type"] != UNCLASSIFIED, "confidence"]
    assert right.mean() == pytest.approx(said.mean(), abs=0.07)


def test_what_a_shop_does_not_record_is_named_and_takes_its_types_along(plant: Plant) -> None:
    features = plant(900, seed=16).features
    gone = ["pages_sports", "pages_entertainment", "pages_news", "coupon_orders"]
    result = fit(features.assign(**dict.fromkeys(gone, 0)))
    assert result.unsupported == ["periodic", "sporty"]
    assert result.reasons == {"periodic": "no_evidence", "sporty": "no_evidence"}
    assert {"sports_share", "news_share", "coupon_share"} <= set(result.left_out)
    assert result.model.background


def test_few_pages_are_never_a_guess(plant: Plant) -> None:
    features = plant(600, pages=0.4, seed=17).features
    result = fit(features, min_pages=20)
    few = (features["pages"] < 20).to_numpy()
    assert 0 < few.sum() < len(few)
    assert ((result.buyers["type"] == UNCLASSIFIED).to_numpy() == few).all()
    assert all(len(reasons) == 0 for reasons in result.buyers.loc[few, "because"])


@pytest.mark.parametrize("buyers", [0, 1, 5, 29])
def test_tiny_shops_get_no_types(plant: Plant, buyers: int) -> None:
    result = fit(plant(60, seed=18).features.head(buyers))
    assert len(result.buyers) == buyers
    assert set(result.reasons.values()) == {"few_buyers"}
    assert (result.buyers["type"] == UNCLASSIFIED).all()
    assert result.sizes.sum() == buyers


def test_buyers_who_are_all_alike_get_no_types(plant: Plant) -> None:
    one = plant(60, seed=19).features.query("pages >= 5").head(1)
    result = fit(pd.concat([one] * 200, ignore_index=True))
    assert result.unsupported == list(BUYER_TYPES)
    assert (result.buyers["type"] == UNCLASSIFIED).all()
    assert np.allclose(result.buyers[P].sum(axis=1), 1)


def test_missing_values_are_no_evidence(plant: Plant) -> None:
    planted = plant(900, seed=20)
    features = planted.features.astype({"account_age_days": "float64", "seconds": "float64"})
    rng = np.random.default_rng(1)
    for name in ("account_age_days", "seconds", "gap_sd", "list_amount"):
        features[name] = features[name].where(rng.random(len(features)) > 0.4)
    result = fit(features)
    assert accuracy(result, planted.truth) >= 0.96
    assert result.buyers[P].notna().all(axis=None)


def test_names_and_order_of_rows_do_not_count(plant: Plant) -> None:
    features = plant(700, own=0.7, seed=21).features
    there = fit(features).buyers.set_index("buyer_id")
    moved = features.sample(frac=1, random_state=3)
    renamed = moved.assign(buyer_id="x" + moved["buyer_id"].str[::-1])
    back = fit(renamed).buyers.assign(buyer_id=moved["buyer_id"].to_numpy()).set_index("buyer_id")
    back = back.loc[there.index]
    assert (back["type"] == there["type"]).all()
    np.testing.assert_allclose(back[P], there[P], atol=1e-6)


def test_the_same_again_is_the_same_to_the_byte(plant: Plant) -> None:
    features = plant(500, own=0.7, seed=22).features
    pd.testing.assert_frame_equal(fit(features).buyers, fit(features).buyers)


def test_because_names_known_features_that_speak_for_the_type(plant: Plant) -> None:
    planted = plant(900, seed=23)
    result = fit(planted.features)
    buyers = result.buyers[result.buyers["type"] == "sporty"]
    reasons = list(buyers["because"])
    assert all(1 <= len(reason) <= 3 for reason in reasons)
    first = [reason[0] for reason in reasons]
    assert np.mean([one["feature"] == "sports_share" for one in first]) > 0.9
    assert all(one["z"] > 0 for one in first if one["feature"] == "sports_share")


def test_a_stored_model_labels_alike_and_next_month_starts_from_it(plant: Plant) -> None:
    features = plant(900, own=0.75, seed=24).features
    result = fit(features)
    model = TypeModel.model_validate_json(result.model.model_dump_json())
    pd.testing.assert_frame_equal(label(features, model, **READ).buyers, result.buyers)
    later = plant(900, own=0.75, seed=25).features
    again = fit(later, previous=model)
    assert again.unsupported == []
    some = later.head(7)
    pd.testing.assert_frame_equal(label(some, again.model, **READ).buyers, again.buyers.head(7))


def test_features_without_pages_are_refused() -> None:
    with pytest.raises(ValueError, match=r"features lack \['pages'\]"):
        fit(pd.DataFrame({"buyer_id": ["a"]}))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6),
    buyers=st.integers(1, 160),
    own=st.floats(0.3, 1.0),
    pages=st.floats(0.05, 1.5),
    confidence=st.floats(0, 1),
)
def test_whatever_the_shop_the_table_is_whole(
    plant: Plant, seed: int, buyers: int, own: float, pages: float, confidence: float
) -> None:
    features = plant(buyers, own=own, pages=pages, seed=seed).features
    result = fit(features, confidence=confidence)
    table = result.buyers
    assert table["buyer_id"].tolist() == features["buyer_id"].tolist()
    np.testing.assert_allclose(table[P].sum(axis=1), 1, atol=1e-9)
    assert table["type"].isin(TYPE_LABELS).all()
    assert table["confidence"].between(0, 1).all()
    named = table["type"].isin(BUYER_TYPES)
    assert (table.loc[named, "confidence"] >= confidence).all()
    best = table[P].to_numpy().argmax(axis=1)
    assert (np.array(BUYER_TYPES)[best] == table["type"])[named].all()
    assert not set(result.unsupported) & set(table.loc[named, "type"])
    assert list(result.centres.index) == [t for t in BUYER_TYPES if t not in result.unsupported]
