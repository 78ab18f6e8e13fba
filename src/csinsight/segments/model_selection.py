"""Which model of future spend a shop gets: the one that its own last stretch speaks for.

Every candidate stands at the start of the last 90 days, knows only what was known then, and is
compared with what came, by a proper score for spend (`csinsight.segments.clv.deviance`). BG/NBD
and Pareto/NBD with Gamma-Gamma are the baselines, BG/NBD only where it orders the buyers no worse;
what is learnt is used only where it is better
than the better of them beyond chance and orders the buyers no worse than Pareto/NBD. What is
learnt from an earlier stretch says who spends; how much all spend together stays the baseline's,
since the earlier stretch had its own season and a younger shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from csinsight.engine import Shop
from csinsight.features.spend import SpendFeatures, spend_between, spend_features
from csinsight.segments.clv import (
    Kind,
    Past,
    accuracy,
    deviance,
    fit_future,
    learn_boosted,
    learn_rfm,
)
from csinsight.segments.options import TierOptions

PARETO: Final[Kind] = "pareto_nbd"
#: Learnt candidates, beside the baselines.
LEARNT: Final = ("rfm", "boosted", "blend", "combined")
#: Buyers known at the start of each stretch, below which nothing is learnt or compared.
MIN_BUYERS: Final = 300
#: Standard errors by which a challenger's error has to be smaller.
_BEYOND_CHANCE: Final = 2.0


@dataclass(frozen=True)
class Outlook:
    """Expected spend of every buyer and why this model was taken.

    Parameters
    ----------
    expected : Series
        Net spend in the next `horizon_days`, by buyer.
    name : str
        ``bgnbd`` or ``pareto_nbd``, ``means`` (their stand-in where few come back), ``rfm``,
        ``boosted``, ``blend``: the mean of ``boosted`` and the baseline, or ``combined``: the mean
        of all three.
    scores : DataFrame
        A row a candidate, the baseline first: ``model``, ``deviance``, ``gain`` (how much smaller
        it is than the baseline's, per buyer), ``gain_se``, ``rank_correlation``, ``total``
        (expected over actual), ``mae``, ``used``. Empty where the shop is too young to compare.
    held_out : DataFrame
        By buyer known at the start of the last stretch: ``expected`` by the model in use, and
        ``actual``.
    horizon_days : float
    """

    expected: pd.Series
    name: str
    scores: pd.DataFrame
    held_out: pd.DataFrame
    horizon_days: float


def look_ahead(
    shop: Shop, as_of: datetime, options: TierOptions, *, horizon_days: int = 90
) -> Outlook:
    """Choose the model on the last `horizon_days`, then look as far ahead from `as_of`.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
    options : TierOptions
        For the look-back and the seed.
    horizon_days : int

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> look_ahead(sample_shop(), context.as_of, context.tiers).horizon_days
    90
    """
    now = spend_features(shop, as_of, order_days=options.order_days)
    recent, earlier = (
        _stretch(shop, as_of - back * timedelta(days=horizon_days), horizon_days, options)
        for back in (1, 2)
    )
    known = spend_features(shop, as_of, order_days=None)
    return choose(now, recent, earlier, seed=options.seed, known=known)


def _stretch(shop: Shop, start: datetime, days: int, options: TierOptions) -> Past:
    came = spend_between(shop, start, start + timedelta(days=days))
    spend, known = (
        spend_features(shop, start, order_days=back) for back in (options.order_days, None)
    )
    later = came.set_index(SpendFeatures.BUYER_ID)[SpendFeatures.NET_SPEND]
    return Past(spend, later, days, known)


def choose(
    now: pd.DataFrame,
    recent: Past,
    earlier: Past,
    *,
    horizon_days: float | None = None,
    seed: int,
    name: str | None = None,
    known: pd.DataFrame | None = None,
) -> Outlook:
    """Compare the candidates on `recent`, learnt on `earlier`; then learn on `recent`.

    Parameters
    ----------
    now : DataFrame
        `csinsight.features.spend.spend_features` today.
    recent, earlier : Past
        Two stretches; `earlier` ends no later than `recent` begins.
    horizon_days : float, optional
        How far to look ahead from `now`; as long as `recent` when not told.
    seed : int
    name : str, optional
        Use this candidate, whichever is best.
    known : DataFrame, optional
        `now` of every buyer who ever bought; `now` unless told.

    Examples
    --------
    A shop with fewer than `MIN_BUYERS` has nothing to compare, and takes the baseline:

    >>> from datetime import datetime
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_shop
    >>> young = spend_features(sample_shop(), datetime(2026, 10, 1), order_days=365)
    >>> spent = young.set_index("buyer_id")["net_spend"]
    >>> outlook = choose(young, Past(young, spent, 61), Past(young, spent, 61), seed=1)
    >>> len(outlook.expected) == len(young), outlook.scores.empty
    (True, True)
    """
    horizon = horizon_days or recent.days
    recent, earlier = recent.sample(seed), earlier.sample(seed)
    told = _baselines(recent)
    base = next(iter(told))
    if _enough(recent) and _enough(earlier):
        told |= _learnt(LEARNT, earlier, recent.spend, told[base], recent.days, seed)
    scores = _scores(told, recent) if _enough(recent) else _NO_SCORES
    used: str = name if name in told else _best(scores) or base
    scores = scores.assign(used=scores["model"] == used)
    actual = pd.Series(recent.target, index=told[used].index)
    held_out = pd.DataFrame({"expected": told[used], "actual": actual})
    kind: Kind = "pareto_nbd" if PARETO in (used, base) and used != "bgnbd" else "bgnbd"
    final = fit_future(now if known is None else known, kind)
    expected = final.expected_spend(now, horizon)
    if used in LEARNT:
        expected = _learnt((used,), recent, now, expected, horizon, seed)[used]
    else:
        used = final.name
    return Outlook(expected, used, scores, held_out, horizon)


def _baselines(past: Past) -> dict[str, pd.Series]:
    """Return what the models of coming back expect of a stretch, the better one first."""
    first = fit_future(past.everyone)
    told: dict[str, pd.Series] = {first.name: first.expected_spend(past.spend, past.days)}
    if first.name == "means" or not _enough(past):
        return told
    other = fit_future(past.everyone, PARETO)
    if other.name == PARETO:
        told[other.name] = other.expected_spend(past.spend, past.days)
    actual = pd.Series(past.target, index=told[first.name].index)
    how = {name: accuracy(expected, actual) for name, expected in told.items()}
    least = how[PARETO]["rank_correlation"] if PARETO in how else -1.0
    # One that tells good buyers from others less well than Pareto/NBD comes last.
    order = sorted(told, key=lambda n: (how[n]["rank_correlation"] < least, how[n]["deviance"]))
    return {name: told[name] for name in order}


_COLUMNS: Final = (
    "model",
    "deviance",
    "gain",
    "gain_se",
    "rank_correlation",
    "total",
    "mae",
)
_NO_SCORES: Final = pd.DataFrame({name: pd.Series(dtype="float64") for name in _COLUMNS})


def _enough(past: Past) -> bool:
    money = past.spend[SpendFeatures.NET_SPEND]
    return bool(len(past.spend) >= MIN_BUYERS and money.notna().any() and past.target.any())


def _learnt(
    names: Sequence[str],
    past: Past,
    spend: pd.DataFrame,
    base: pd.Series,
    days: float,
    seed: int,
) -> dict[str, pd.Series]:
    """Return expected spend by models learnt on `past`, each with the baseline's total."""
    told: dict[str, pd.Series] = {}
    if {"rfm", "combined"} & set(names):
        told["rfm"] = _with_total(learn_rfm(past).expected_spend(spend, days), base)
    if {"boosted", "blend", "combined"} & set(names):
        trees = learn_boosted(past, seed=seed)
        told["boosted"] = _with_total(trees.expected_spend(spend, days), base)
        told["blend"] = (told["boosted"] + base) / 2
    if "combined" in names:
        # Each errs in a way of its own; a mean of several forecasts is hard to beat.
        told["combined"] = (told["rfm"] + told["boosted"] + base) / 3
    return {name: told[name] for name in names}


def _with_total(expected: pd.Series, base: pd.Series) -> pd.Series:
    total = float(expected.sum())
    return expected * (float(base.sum()) / total) if total > 0 else expected


def _scores(told: dict[str, pd.Series], past: Past) -> pd.DataFrame:
    actual = pd.Series(past.target, index=next(iter(told.values())).index)
    errors = {name: deviance(expected, actual) for name, expected in told.items()}
    base = next(iter(errors.values()))
    rows = []
    for name, expected in told.items():
        gain = base - errors[name]
        noise = float(gain.std() / np.sqrt(len(gain)))
        rows.append(
            {"model": name, **accuracy(expected, actual), "gain": gain.mean(), "gain_se": noise}
        )
    return pd.DataFrame(rows)[list(_COLUMNS)]


def _best(scores: pd.DataFrame) -> str | None:
    """Return the challenger of least deviance that is better than the baseline, or None."""
    if scores.empty:
        return None
    ranks = scores.set_index("model")["rank_correlation"]
    better = scores[
        scores["model"].isin(LEARNT)
        & (scores["gain"] > _BEYOND_CHANCE * scores["gain_se"])
        & (scores["rank_correlation"] >= max(ranks.get(PARETO, -1.0), ranks.iloc[0]))
    ]
    return None if better.empty else str(better.loc[better["deviance"].idxmin(), "model"])
