"""Planted types: simulated shops of growing difficulty, ours against two others."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_predict
from tests.contexts import TYPES, WINDOWS
from tests.segments import other_shops

from csinsight.contract.domain import BUYER_TYPES, UNCLASSIFIED
from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.params import add_months
from csinsight.segments.fitting import starting_points
from csinsight.segments.shrink_features import Evidence, weigh
from csinsight.segments.signatures import load_signatures
from csinsight.segments.types import MonthTypes, fit_types, follow_types, types_at
from csinsight.simulate import simulate

SCENARIOS = ("clean_types", "demo", "unequal_types", "missing_type", "sparse_types")
SEEDS = range(1, 5)
BUYERS = 1_200
END, BEFORE = datetime(2026, 11, 1), datetime(2026, 10, 1)
#: From here on three buyers in ten behave as another one.
TURN = datetime(2026, 7, 1)
CHANGED = 0.3


def study() -> pd.DataFrame:
    """Return a row a shop."""
    rows = [
        {"world": name, "seed": seed, **_shop(name, 100 * number + seed)}
        for number, name in enumerate(SCENARIOS)
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


def changes() -> pd.DataFrame:
    """Return how soon a buyer who is another from `TURN` on is read as such, in three worlds."""
    rows = [
        {"world": name, **_changed(name, seed)}
        for name in ("clean_types", "demo", "sparse_types")
        for seed in (51, 52)
    ]
    return pd.DataFrame(rows).groupby("world", sort=False).mean().reset_index()


def others() -> pd.DataFrame:
    """Return how types are recovered in shops of three other makes, by what is hard about them."""
    rows = []
    for number, (name, way) in enumerate(other_shops.WAYS.items()):
        for (case, _), (changed, shares) in _cases().items():
            told = _other(replace(way, **changed), shares, 900 + number)
            rows.append({"way": name, "case": case, **told})
    found = pd.DataFrame(rows).groupby(["way", "case"], sort=False)
    table = found.agg(
        shops=("ratio", "size"),
        named=("named", "mean"),
        accuracy=("accuracy", "mean"),
        ratio=("ratio", "mean"),
        least=("ratio", "min"),
        wrong=("wrong", "sum"),
    )
    return table.reset_index()


def _cases() -> dict[tuple[str, str], tuple[dict[str, float], dict[str, float]]]:
    even = dict.fromkeys(BUYER_TYPES, 1.0)
    cases = {
        ("clean", ""): ({"own": 0.97}, even),
        ("blends", ""): ({}, even),
        ("sparse blends", ""): ({"own": 0.7, "pages": 10.0}, even),
    }
    for kind in BUYER_TYPES:
        cases["one absent", kind] = ({}, even | {kind: 0.0})
        cases["70/6/6/6/6/6", kind] = ({}, dict.fromkeys(BUYER_TYPES, 6.0) | {kind: 70.0})
    return cases


def _other(way: other_shops.Way, shares: dict[str, float], seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        made = other_shops.make(Path(folder), way, buyers=900, shares=shares, seed=seed)
        features = buyer_features(open_shop(Path(folder)), other_shops.END, **WINDOWS)
    result = fit_types(features, TYPES)
    truth = made.truth.reindex(features["buyer_id"]).to_numpy(dtype=str)
    labels = result.buyers["type"].to_numpy(dtype=str)
    named = np.isin(labels, BUYER_TYPES)
    learner = LogisticRegression(max_iter=300)
    supervised = cross_val_predict(learner, weigh(features).shrunk, truth, cv=5) == truth
    accuracy = (labels == truth)[named].mean()
    absent = [kind for kind in BUYER_TYPES if not shares[kind]]
    return {
        "named": named.mean(),
        "accuracy": accuracy,
        "ratio": accuracy / supervised[named].mean(),
        "wrong": int(result.unsupported != absent),
    }


def _shop(name: str, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(folder, seed=seed, buyers=BUYERS, conversations=0, scenario=name)
        shop = open_shop(Path(folder))
        now, last = types_at(shop, END, options=TYPES), types_at(shop, BEFORE, options=TYPES)
    truth = made.buyers.to_pandas().set_index("buyer_id")["type"]
    own = truth.reindex(now.features["buyer_id"]).to_numpy(dtype=str)
    alone = fit_types(now.features, TYPES).buyers["type"].to_numpy(dtype=str)
    named = now.types.buyers["type"].isin(BUYER_TYPES).to_numpy()
    right = now.types.buyers["type"].to_numpy(dtype=str) == own
    evidence = weigh(now.features, now.types.model.scales)
    learner = LogisticRegression(max_iter=500)
    supervised = cross_val_predict(learner, evidence.shrunk, own, cv=5) == own
    known = (now.features["pages"].fillna(0) >= 5).to_numpy(dtype=bool)
    best = now.types.buyers[[f"p_{kind}" for kind in BUYER_TYPES]].to_numpy().argmax(axis=1)
    return {
        "named": named.mean(),
        "accuracy": right[named].mean(),
        "supervised": supervised[named].mean(),
        "alone": (alone == own)[np.isin(alone, BUYER_TYPES)].mean(),
        "confidence": now.types.buyers["confidence"].to_numpy()[named].mean(),
        "ours_all": (np.array(BUYER_TYPES)[best] == own)[known].mean(),
        "gaussian_all": (_gaussian(evidence, known, seed) == own)[known].mean(),
        "supervised_all": supervised[known].mean(),
        **_kept(last, now),
        "unsupported": " ".join(now.types.unsupported),
    }


def _kept(last: MonthTypes, now: MonthTypes) -> dict[str, float]:
    """Return the share of types that two months' reports agree on, each made on its own."""
    both = last.types.buyers.merge(now.types.buyers, on="buyer_id")
    both = both[both["type_x"].isin(BUYER_TYPES) & (both["type_y"] != UNCLASSIFIED)]
    same = both["type_x"] == both["type_y"]
    return {"kept": same[both["type_y"].isin(BUYER_TYPES)].mean(), "kept_or_mixed": same.mean()}


def _gaussian(evidence: Evidence, known: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.str_]:
    """Return types by scikit-learn's mixture from our start.

    A type of which nothing can be measured gets no group there either.
    """
    signatures = load_signatures()
    kinds = tuple(
        kind
        for kind in BUYER_TYPES
        if set(signatures.archetypes[kind].needs) & set(evidence.features)
    )
    seeds = starting_points(evidence.rows(np.flatnonzero(known)), signatures, kinds)
    mixture = GaussianMixture(
        len(kinds), covariance_type="diag", means_init=seeds, reg_covar=1e-3, random_state=seed
    )
    groups = mixture.fit(evidence.shrunk[known]).predict(evidence.shrunk)
    return np.array(kinds)[groups]


def _changed(name: str, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(folder, seed=seed, buyers=BUYERS, conversations=0, scenario=name, months=8)
        truth = made.buyers.to_pandas().set_index("buyer_id")["type"]
        became = swap(Path(folder), truth, seed)
        shop = open_shop(Path(folder))
        months = list(follow_types(shop, add_months(TURN, 1), END, options=TYPES))
    told = {}
    for number, month in enumerate(months, start=1):
        labels = month.types.buyers.set_index("buyer_id")["type"]
        labels = labels[labels.isin(BUYER_TYPES)]
        ids = labels.index[(became != truth).reindex(labels.index)]
        told[f"new, month {number}"] = (labels[ids] == became[ids]).mean()
        told[f"old, month {number}"] = (labels[ids] == truth[ids]).mean()
    return told


def swap(folder: Path, truth: pd.Series, seed: int, turn: datetime = TURN) -> pd.Series:
    """Give what some buyers do from `turn` on to others, and return the types from then on."""
    rng = np.random.default_rng(seed)
    ids = truth.index[rng.random(len(truth)) < CHANGED]
    from_whom = rng.permutation(ids)
    to_whom = dict(zip(from_whom, ids, strict=True))
    for table, time in (("page_views", "viewed_at"), ("orders", "placed_at")):
        rows = pl.read_parquet(folder / f"{table}.parquet")
        other = pl.col("buyer_id").replace(to_whom)
        rows = rows.with_columns(
            buyer_id=pl.when(pl.col(time) >= turn).then(other).otherwise(pl.col("buyer_id"))
        )
        rows.write_parquet(folder / f"{table}.parquet")
    # An account's age would still be that of the buyer who was.
    (folder / "buyers.parquet").unlink()
    became = truth.copy()
    became[ids] = truth.reindex(from_whom).to_numpy()
    return became
