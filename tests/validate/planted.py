"""Planted types: simulated shops of growing difficulty, ours against two others."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_predict

from csinsight.contract.domain import BUYER_TYPES
from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.segments.evidence import weigh
from csinsight.segments.model import _seeds
from csinsight.segments.signatures import load_signatures
from csinsight.segments.types import fit_types
from csinsight.simulate import simulate

SCENARIOS = ("clean_types", "demo", "unequal_types", "missing_type", "sparse_types")
SEEDS = range(1, 5)
BUYERS = 1_200
END, BEFORE = datetime(2026, 11, 1), datetime(2026, 10, 1)


def study() -> pd.DataFrame:
    """Return a row a shop."""
    rows = [
        {"world": name, "seed": seed, **_shop(name, 100 * number + seed)}
        for number, name in enumerate(SCENARIOS)
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


def _shop(name: str, seed: int) -> dict[str, object]:
    signatures = load_signatures()
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(folder, seed=seed, buyers=BUYERS, conversations=0, scenario=name)
        shop = open_shop(Path(folder))
        features, earlier = buyer_features(shop, END), buyer_features(shop, BEFORE)
    truth = made.buyers.to_pandas().set_index("buyer_id")["type"]
    last = fit_types(earlier, signatures)
    now = fit_types(features, signatures, previous=last.model)
    own = truth.reindex(features["buyer_id"]).to_numpy(dtype=str)
    named = now.buyers["type"].isin(BUYER_TYPES).to_numpy()
    right = now.buyers["type"].to_numpy(dtype=str) == own
    evidence = weigh(features, now.model.scales)
    learner = LogisticRegression(max_iter=500)
    supervised = cross_val_predict(learner, evidence.shrunk, own, cv=5) == own
    known = (features["pages"].fillna(0) >= 5).to_numpy(dtype=bool)
    # The same start as ours: a type of which nothing can be measured gets no group there either.
    kinds = tuple(
        kind
        for kind in BUYER_TYPES
        if set(signatures.archetypes[kind].needs) & set(evidence.features)
    )
    seeds = _seeds(evidence.rows(np.flatnonzero(known)), signatures, kinds, False, None)
    mixture = GaussianMixture(
        len(kinds), covariance_type="diag", means_init=seeds, reg_covar=1e-3, random_state=seed
    )
    groups = mixture.fit(evidence.shrunk[known]).predict(evidence.shrunk)
    gaussian = np.array(kinds)[groups] == own
    best = now.buyers[[f"p_{kind}" for kind in BUYER_TYPES]].to_numpy().argmax(axis=1)
    both = last.buyers.merge(now.buyers, on="buyer_id")
    both = both[both["type_x"].isin(BUYER_TYPES) & both["type_y"].isin(BUYER_TYPES)]
    return {
        "named": named.mean(),
        "accuracy": right[named].mean(),
        "supervised": supervised[named].mean(),
        "ours_all": (np.array(BUYER_TYPES)[best] == own)[known].mean(),
        "gaussian_all": gaussian[known].mean(),
        "supervised_all": supervised[known].mean(),
        "kept": (both["type_x"] == both["type_y"]).mean(),
        "unsupported": " ".join(now.unsupported),
    }
