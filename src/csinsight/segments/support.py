"""Whether six types are right for this shop: number of groups, stability, drift, profiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import TYPE_LABELS
from csinsight.segments.feature_estimators import NATURAL, OBSERVERS
from csinsight.segments.fitting import fit_model
from csinsight.segments.model import TypeModel, seen
from csinsight.segments.options import TypeOptions
from csinsight.segments.shrink_features import weigh
from csinsight.segments.signatures import FEATURES
from csinsight.segments.types import TypeResult, label
from csinsight.stats import Floats

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture


#: Buyers that the comparisons look at, drawn by the seed; silhouettes grow with the square.
SAMPLE: Final = 1_500
#: Column of `type_support`: whether a grouping starts from the types instead of from chance.
FROM_TYPES: Final = "from_types"


@dataclass(frozen=True)
class Stability:
    """How far the types hang on which buyers happen to be there.

    Parameters
    ----------
    rand : array of float, (resamples,)
        Adjusted Rand index of each refit against the types shown; 1 is the same grouping.
    types : DataFrame
        ``type``, ``found`` (share of refits that support it) and ``jaccard`` (mean overlap of
        its members; Hennig calls a group under 0.6 unstable and one over 0.85 highly stable).
    unseeded_rand : float or None
        Adjusted Rand index of a mixture of as many groups, started at random, that knows no
        signature; None with fewer than two supported types.
    """

    rand: Floats
    types: pd.DataFrame
    unseeded_rand: float | None


def type_support(
    features: pd.DataFrame,
    result: TypeResult,
    options: TypeOptions,
    *,
    counts: Iterable[int] = range(2, 11),
) -> pd.DataFrame:
    """Compare numbers of groups on the features that the types use, without signatures.

    Parameters
    ----------
    features : DataFrame
        As given to `csinsight.segments.types.fit_types`.
    result : TypeResult
    options : TypeOptions
    counts : iterable of int
        Numbers of groups to try; those the shop has too few buyers for are left out.

    Returns
    -------
    DataFrame
        ``k``, ``bic`` (lower is better), ``silhouette`` (higher is better; NaN where all buyers
        fall into one group) and ``from_types``; the last row is the grouping of the types shown,
        where there are two at least.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> type_support(features, result, context.types, counts=(2, 3)).columns.tolist()
    ['k', 'bic', 'silhouette', 'from_types']
    """
    sample, seed = _sample(features, result.model, options), options.seed
    points = weigh(sample, result.model.scales).shrunk
    rows = []
    for k in counts:
        if points.shape[1] == 0 or len(points) < 5 * k or not np.ptp(points, axis=0).any():
            continue
        mixture = _mixture(k, n_init=2, random_state=seed).fit(points)
        rows.append((k, float(mixture.bic(points)), _silhouette(points, mixture.predict(points))))
    table = pd.DataFrame(rows, columns=["k", "bic", "silhouette"]).assign(**{FROM_TYPES: False})
    own = _from_types(points, _winners(sample, result.model)) if rows else []
    # An empty part would make the flag an object, and "not" of it a number.
    whole = pd.concat([table, pd.DataFrame(own, columns=list(table))], ignore_index=True)
    return whole.astype({FROM_TYPES: bool})


def _from_types(
    points: Floats, winners: npt.NDArray[np.str_]
) -> list[tuple[int, float, float, bool]]:
    """Return the same yardsticks for the grouping that starts from the types themselves."""
    names = sorted(set(winners))
    if len(names) < 2:
        return []
    middles = np.array([points[winners == name].mean(axis=0) for name in names])
    mixture = _mixture(len(names), means_init=middles, random_state=0).fit(points)
    groups = np.unique(winners, return_inverse=True)[1]
    return [(len(names), float(mixture.bic(points)), _silhouette(points, groups), True)]


def type_stability(
    features: pd.DataFrame,
    result: TypeResult,
    options: TypeOptions,
    *,
    resamples: int = 10,
) -> Stability:
    """Refit the types on bootstrap resamples of the buyers, and once without signatures.

    References
    ----------
    Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational Statistics and
    Data Analysis 52(1), 258-271.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> stability = type_stability(features, result, context.types, resamples=2)
    >>> len(stability.rand) <= 2
    True
    """
    sample, seed = _sample(features, result.model, options), options.seed
    shown = _winners(sample, result.model)
    names = list(result.model.supported)
    rng = np.random.default_rng(seed)
    rand, overlap, found = [], [], []
    for _ in range(resamples if names else 0):
        drawn = sample.iloc[rng.integers(0, len(sample), len(sample))]
        again = fit_model(drawn, options.signatures, min_pages=options.min_pages, seed=seed)
        other = _winners(sample, again)
        rand.append(_rand(shown, other))
        found.append([name in again.supported for name in names])
        overlap.append([_jaccard(shown == name, other == name) for name in names])
    types = pd.DataFrame({BuyerTypes.TYPE: pd.Series(names, dtype="str")})
    types["found"] = np.mean(found, axis=0) if found else np.nan
    types["jaccard"] = np.mean(overlap, axis=0) if overlap else np.nan
    return Stability(np.array(rand), types, _unseeded(sample, shown, result.model, seed))


def type_profile(features: pd.DataFrame, result: TypeResult) -> pd.DataFrame:
    """Return what the buyers of each label do, in natural units.

    Returns
    -------
    DataFrame
        A row a label that occurs: ``type``, ``buyers``, ``share``, then each used feature:
        shares pooled over the group's pages, orders or messages; medians of the rest (pages a
        visit, visits a month, seconds a page, days of account age, coefficient of variation of
        the gaps between visits as ``gap_evenness``).

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> int(type_profile(features, result)["buyers"].sum()) == len(features)
    True
    """
    labels = result.buyers[BuyerTypes.TYPE].to_numpy()
    rows = []
    for name in TYPE_LABELS:
        group = labels == name
        if group.any():
            row = {BuyerTypes.TYPE: name, "buyers": int(group.sum()), "share": group.mean()}
            rows.append(row | _natural(features[group], result.model))
    columns = [BuyerTypes.TYPE, "buyers", "share", *result.model.scales]
    return pd.DataFrame(rows, columns=columns)


def drift(now: TypeModel, before: TypeModel) -> pd.DataFrame:
    """Return how far each type's centre moved between two months.

    Returns
    -------
    DataFrame
        ``type``, ``moved`` (root mean square over the features of both months, in standard
        deviations within the type now) and ``furthest`` (the feature that moved most); for
        types supported in both months.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> drift(result.model, result.model)["moved"].max() == 0
    np.True_
    """
    both: list[str] = [name for name in FEATURES if name in now.scales and name in before.scales]
    rows = []
    for name in now.supported:
        if name in before.supported and both:
            steps = _steps(now, before, name, both)
            furthest = both[int(np.abs(steps).argmax())]
            rows.append((name, float(np.sqrt(np.square(steps).mean())), furthest))
    return pd.DataFrame(rows, columns=[BuyerTypes.TYPE, "moved", "furthest"])


def label_moves(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Count buyers of both months by label before (rows) and now (columns).

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> int(label_moves(result.buyers, result.buyers).to_numpy().sum()) == len(features)
    True
    """
    names = [BuyerTypes.BUYER_ID, BuyerTypes.TYPE]
    both = before[names].merge(now[names], on=BuyerTypes.BUYER_ID, suffixes=("_before", "_now"))
    counts = pd.crosstab(both["type_before"], both["type_now"])
    order = list(TYPE_LABELS)
    counts = counts.reindex(index=order, columns=order, fill_value=0)
    return counts.rename_axis(index="before", columns="now")


def _sample(features: pd.DataFrame, model: TypeModel, options: TypeOptions) -> pd.DataFrame:
    least = model.min_evidence or options.min_pages
    known = features[seen(features, model.evidence) >= least]
    return known if len(known) <= SAMPLE else known.sample(SAMPLE, random_state=options.seed)


def _winners(features: pd.DataFrame, model: TypeModel) -> npt.NDArray[np.str_]:
    """Return each buyer's likeliest type, whatever its confidence."""
    types = label(features, model, min_pages=0, confidence=0.0).buyers[BuyerTypes.TYPE]
    return types.to_numpy(dtype=str)


def _jaccard(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    either = int((one | other).sum())
    return float((one & other).sum()) / either if either else 0.0


# What is compared by scikit-learn imports it here: most pages read what was found, and its import
# takes most of a second.


def _mixture(groups: int, **given: Any) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(groups, covariance_type="diag", reg_covar=1e-3, **given)


def _rand(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def _silhouette(points: Floats, groups: npt.NDArray[np.int64]) -> float:
    if not 1 < len(np.unique(groups)) < len(points):
        return float("nan")
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, groups))


def _unseeded(
    sample: pd.DataFrame, shown: npt.NDArray[np.str_], model: TypeModel, seed: int
) -> float | None:
    if len(model.supported) < 2:
        return None
    points = weigh(sample, model.scales).shrunk
    mixture = _mixture(len(model.supported), n_init=3, random_state=seed)
    return _rand(shown, mixture.fit_predict(points))


def _natural(group: pd.DataFrame, model: TypeModel) -> dict[str, float]:
    row = {}
    for name in model.scales:
        observed = OBSERVERS[name](group)
        if observed is None or not observed.seen.any():
            # Nothing of the kind in this group: a share is 0, anything else unknown.
            row[name] = 0.0 if model.scales[name].pseudo_pages is not None else float("nan")
        elif observed.kind == "share":
            row[name] = float(observed.count.sum() / observed.total.sum())
        else:
            middle = np.median(observed.value[observed.seen])
            row[name] = float(NATURAL.get(name, np.asarray)(middle))
    return row


def _steps(now: TypeModel, before: TypeModel, name: str, features: list[str]) -> Floats:
    steps = []
    row_now, row_before = now.supported.index(name), before.supported.index(name)
    for feature in features:
        column_now = list(now.scales).index(feature)
        column_before = list(before.scales).index(feature)
        scale, was = now.scales[feature], before.scales[feature]
        value = scale.centre + scale.width * now.centres[row_now][column_now]
        old = was.centre + was.width * before.centres[row_before][column_before]
        spread = scale.width * np.sqrt(now.spreads[row_now][column_now])
        steps.append((value - old) / spread)
    return np.array(steps)
