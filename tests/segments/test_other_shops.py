"""Types planted in ways of their own, not by the simulator the types were tried on first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from tests.contexts import TYPES
from tests.segments.other_shops import END, WAYS, Way, make

from csinsight.contract.domain import BUYER_TYPES
from csinsight.engine import open_shop
from csinsight.segments.shrink_features import weigh
from csinsight.segments.signatures import load_signatures
from csinsight.segments.types import fit_types, read_buyers

SIGNATURES = load_signatures()


def recovered(
    folder: Path, way: Way, *, shares: dict[str, float] | None = None, buyers: int = 900, seed: int
) -> tuple[float, float, float, list[str]]:
    """Return share named, accuracy, a supervised classifier's on the same buyers, unsupported."""
    shop = make(folder, way, buyers=buyers, shares=shares, seed=seed)
    features = read_buyers(open_shop(folder), TYPES, END, halves=True)
    result = fit_types(features, TYPES)
    truth = shop.truth.reindex(features["buyer_id"]).to_numpy(dtype=str)
    labels = result.buyers["type"].to_numpy(dtype=str)
    named = np.isin(labels, BUYER_TYPES)
    learner = LogisticRegression(max_iter=300)
    supervised = cross_val_predict(learner, weigh(features).shrunk, truth, cv=5) == truth
    right = labels == truth
    return named.mean(), right[named].mean(), supervised[named].mean(), result.unsupported


@pytest.mark.parametrize("name", WAYS)
def test_clean_types_are_found_whatever_made_them(tmp_path: Path, name: str) -> None:
    named, right, _, unsupported = recovered(tmp_path, replace(WAYS[name], own=0.97), seed=41)
    assert unsupported == []
    assert named > 0.9
    assert right >= 0.97


@pytest.mark.parametrize("name", WAYS)
def test_blends_seen_little_are_read_as_well_as_with_the_truth(tmp_path: Path, name: str) -> None:
    way = replace(WAYS[name], own=0.7, pages=10.0)
    named, right, supervised, unsupported = recovered(tmp_path, way, seed=42)
    assert unsupported == []
    assert named > 0.6
    assert right >= 0.95 * supervised


@pytest.mark.parametrize(
    ("name", "absent"),
    [("faint", ("bargain", "sporty")), ("moody", ("newcomer",)), ("lognormal", ("simple",))],
)
def test_absent_types_are_named_and_the_others_right(
    tmp_path: Path, name: str, absent: tuple[str, ...]
) -> None:
    shares = {kind: float(kind not in absent) for kind in BUYER_TYPES}
    _, right, supervised, unsupported = recovered(tmp_path, WAYS[name], shares=shares, seed=43)
    assert unsupported == list(absent)
    assert right >= 0.95 * supervised


@pytest.mark.parametrize(("name", "large"), [("lognormal", "surfing"), ("moody", "periodic")])
def test_one_large_type_takes_no_other(tmp_path: Path, name: str, large: str) -> None:
    shares = {kind: 70.0 if kind == large else 6.0 for kind in BUYER_TYPES}
    _, right, supervised, unsupported = recovered(tmp_path, WAYS[name], shares=shares, seed=44)
    assert unsupported == []
    assert right >= 0.95 * supervised


def test_three_hundred_buyers_are_enough(tmp_path: Path) -> None:
    _, right, supervised, unsupported = recovered(tmp_path, WAYS["moody"], buyers=300, seed=45)
    assert unsupported == []
    assert right >= 0.95 * supervised


@pytest.mark.parametrize("only", ["newcomer", "bargain"])
def test_a_shop_whose_buyers_are_all_alike_has_no_types(tmp_path: Path, only: str) -> None:
    make(tmp_path, WAYS["faint"], buyers=300, shares={only: 1.0}, seed=44)
    features = read_buyers(open_shop(tmp_path), TYPES, END, halves=True)
    result = fit_types(features, TYPES)
    assert len(features) > 200
    assert result.unsupported == list(BUYER_TYPES)
    assert "no_difference" in result.reasons.values()
