"""Where each type starts in the clustering: from its signature, or from last month.

Whether every fitted group still means what its name says.

Groups are compared with signatures by how they differ from one another, with every group
counting alike: a type that makes up most of the shop is the shop's middle, yet it still differs
from the others.

Fitting a shop's buyer types: start, judge, leave out what is not supported, fit again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.feature_estimators import NATURAL
from csinsight.segments.mixture import Mixture, fit_mixture, release
from csinsight.segments.model import TypeModel, seen
from csinsight.segments.shrink_features import Evidence, weigh
from csinsight.segments.signatures import FEATURES, Signatures
from csinsight.stats import Floats

#: Quantiles of a feature that stand for "low" and "high" where the types start, and how far up
#: from low the place of a type lies of which the signature says nothing.
_LOW, _HIGH, _REST = 0.05, 0.97, 0.35
#: Share of the buyers, and at least how many, whose mean a type starts from.
_SHOWN, _FEWEST = 0.02, 5


def starting_points(
    evidence: Evidence,
    signatures: Signatures,
    types: tuple[str, ...],
    *,
    background: bool = False,
    last: Mapping[str, Floats] | None = None,
) -> Floats:
    """Return where each type starts: the mean of the buyers who show its signature most.

    Parameters
    ----------
    evidence : Evidence
    signatures : Signatures
    types : tuple of str
    background : bool
        Whether a last component, of no type, starts at the shop's middle.
    last : mapping of str to array of float, optional
        Where types were last month, in z units of `evidence`; they start there instead, on the
        features that are not NaN.

    Returns
    -------
    array of float, (components, features)

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> from csinsight.segments.shrink_features import weigh
    >>> evidence = weigh(features)
    >>> starting_points(evidence, context.signatures, ("simple", "bargain")).shape[0]
    2
    """
    # How much each buyer shows of each signature (buyers, types).
    low, high = np.quantile(evidence.shrunk, [_LOW, _HIGH], axis=0)
    place = np.clip((evidence.shrunk - low) / np.maximum(high - low, 1e-9), 0.0, 1.0) - _REST
    columns = [FEATURES.index(name) for name in evidence.features]
    weights = signatures.matrix()[np.ix_([BUYER_TYPES.index(name) for name in types], columns)]
    score = np.asarray(place @ (weights / np.abs(weights).sum(axis=1, keepdims=True)).T)
    count = max(_FEWEST, round(_SHOWN * len(score)))
    seeds = []
    for k, name in enumerate(types):
        others = np.delete(score, k, axis=1)
        lead = score[:, k] - (others.max(axis=1) if others.size else 0.0)
        first = np.argsort(-lead, kind="stable")[:count]
        seed = evidence.shrunk[first].mean(axis=0)
        was = (last or {}).get(name, np.full_like(seed, np.nan))
        seeds.append(np.where(np.isnan(was), seed, was))
    if background:
        seeds.append(np.median(evidence.shrunk, axis=0))
    return np.array(seeds)


@dataclass(frozen=True)
class Verdict:
    """Which group is which type, and the type that is supported least, if any is not.

    Parameters
    ----------
    order : tuple of int
        For each type the group that was matched to it (Hungarian assignment).
    matches : tuple of float
        Correlation of each type's group with its signature, in [-1, 1].
    worst : tuple of (str, str) or None
        A type to leave out, with ``few_members``, ``not_distinct``, ``no_match`` or
        ``no_contrast``: the one without which the shop is described nearly as well.
    """

    order: tuple[int, ...]
    matches: tuple[float, ...]
    worst: tuple[str, str] | None


def judge(
    mixture: Mixture, evidence: Evidence, types: tuple[str, ...], signatures: Signatures
) -> Verdict:
    """Match groups to `types` and find the one that the data supports least.

    Parameters
    ----------
    mixture : Mixture
        Its first components stand for `types`; a further one for buyers of no type.
    evidence : Evidence
        Of the buyers it was fitted on. Groups are judged by what these show, not by the fitted
        centres, which are held at where they began: a type that nobody is keeps its signature.
    types : tuple of str
    signatures : Signatures

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.mixture import fit_mixture
    >>> from csinsight.segments.shrink_features import weigh
    >>> from csinsight.segments.types import read_buyers
    >>> context, types = sample_context(), ("simple", "bargain")
    >>> evidence = weigh(read_buyers(sample_shop(), context.types, context.as_of))
    >>> seeds = starting_points(evidence, context.signatures, types)
    >>> mixture = fit_mixture(evidence.value, evidence.noise, seeds)
    >>> len(judge(mixture, evidence, types, context.signatures).order)
    2
    """
    columns = [FEATURES.index(name) for name in evidence.features]
    weights = np.zeros_like(mixture.centres)
    weights[: len(types)] = signatures.matrix()[
        np.ix_([BUYER_TYPES.index(name) for name in types], columns)
    ]
    groups = _Groups(
        mixture.shown(evidence.value, evidence.noise),
        np.sqrt(mixture.spreads.mean(axis=0)),
        mixture.shares,
        *mixture.worth(evidence.value, evidence.noise),
    )
    # Each group's difference from the mean of all groups, in units of what is usual.
    away = groups.shown - groups.shown.mean(axis=0)
    correlation = _correlation(
        np.asarray(away / np.sqrt(np.square(away).mean(axis=0) + groups.within**2)), weights
    )
    correlation = correlation[: len(types), : len(types)]
    place, signature_of = linear_sum_assignment(-correlation)
    order = place[np.argsort(signature_of)]
    matches = correlation[order, np.arange(len(types))]
    faults: list[tuple[float, str, str]] = []
    for k, name in enumerate(types):
        group = int(order[k])
        best = correlation[group].argmax() == k
        matched = bool(best and matches[k] >= signatures.support.min_match)
        if why := _fault(groups, group, matched, name, evidence, signatures):
            faults.append((float(groups.gains[group]), name, why))
    worst = min(faults)[1:] if faults else None
    return Verdict(tuple(int(g) for g in order), tuple(map(float, matches)), worst)


@dataclass(frozen=True)
class _Groups:
    """What the groups' buyers show, their usual spread, shares, and what each group is worth."""

    shown: Floats
    within: Floats
    shares: Floats
    members: Floats
    gains: Floats


def _fault(
    groups: _Groups,
    group: int,
    matched: bool,
    name: str,
    evidence: Evidence,
    signatures: Signatures,
) -> str:
    """Return why a group is not the type `name`, or nothing."""
    rules = signatures.support
    if groups.members[group] < max(rules.min_members, rules.min_share * groups.members.sum()):
        return "few_members"
    if groups.gains[group] < rules.min_gain:
        return "not_distinct"
    if not matched:
        return "no_match"
    return "" if _stands_out(groups, group, name, evidence, signatures) else "no_contrast"


def _correlation(groups: Floats, weights: Floats) -> Floats:
    """Return correlations of groups (rows) with signatures (columns), in [-1, 1]."""
    weights = weights - weights.mean(axis=0)
    lengths = np.outer(np.linalg.norm(groups, axis=1), np.linalg.norm(weights, axis=1))
    return np.asarray((groups @ weights.T) / np.maximum(lengths, 1e-12))


def _stands_out(
    groups: _Groups, group: int, name: str, evidence: Evidence, signatures: Signatures
) -> bool:
    """Tell whether a group stands out on something that marks its type, and by enough to matter.

    In a shop that has hardly any such pages, a hundredth more or less may stand out by several
    standard deviations: a share also has to be some times what the other buyers show.
    """
    rules, archetype = signatures.support, signatures.archetypes[name]
    rest = np.delete(np.arange(len(groups.shares)), group)
    for line in archetype.signature:
        if line.feature not in archetype.needs or line.feature not in evidence.features:
            continue
        column = evidence.features.index(line.feature)
        shown, sign = groups.shown[:, column], np.sign(line.weight)
        away = sign * (shown[group] - shown[rest].mean()) / max(groups.within[column], 1e-9)
        if away < rules.min_contrast:
            continue
        scale = evidence.scales[line.feature]
        if line.at_most is not None:
            level = NATURAL[line.feature](scale.centre + scale.width * shown[group])
            if level > line.at_most:
                continue
        if scale.pseudo_pages is None:
            return True
        share = np.square(np.sin(np.clip(scale.centre + scale.width * shown, 0.0, np.pi / 2)))
        others = float(np.average(share[rest], weights=groups.shares[rest]))
        if sign * np.log(max(share[group], 1e-9) / max(others, 1e-9)) >= np.log(rules.min_ratio):
            return True
    return False


#: Larger shops are fitted on as many buyers, drawn by the seed; all are labelled.
FIT_ON: Final = 10_000
#: Share of the buyers that types keep when they are let go; with fewer they were others.
_REFINED: Final = 0.95
#: Why a type was left out though its buyers, if there are any, are described by the others.
_SETTLED: Final = frozenset({"not_distinct", "no_match", "no_contrast"})
#: What the buyers are put in order by before the fit, so that names and rows' order don't count.
_ORDER: Final = ("pages", "visits", "pages_product", "seconds", "step_seconds", "account_age_days")


def fit_model(
    features: pd.DataFrame,
    signatures: Signatures,
    *,
    min_pages: int,
    seed: int,
    previous: TypeModel | None = None,
) -> TypeModel:
    """Fit the types that the shop's data supports; see `csinsight.segments.types.fit_types`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> model = fit_model(features, context.signatures, min_pages=5, seed=1)
    >>> sorted({*model.supported, *model.unsupported})
    ['bargain', 'newcomer', 'periodic', 'simple', 'sporty', 'surfing']
    """
    least = signatures.min_evidence or min_pages
    known = _eligible(features, signatures.evidence, least, seed)
    if len(known) < signatures.support.min_buyers:
        return TypeModel(
            scales={},
            left_out={},
            supported=(),
            unsupported=dict.fromkeys(BUYER_TYPES, "few_buyers"),
            **_basis(signatures),
        )
    evidence = weigh(known, names=signatures.features)
    unseen = {}
    for name in BUYER_TYPES:
        needs = set(signatures.archetypes[name].needs)
        if not needs & set(evidence.features):
            alike = any(evidence.left_out.get(need) == "no_spread" for need in needs)
            unseen[name] = "no_difference" if alike else "no_evidence"
    return _settle(evidence, signatures, unseen, previous)


def _basis(signatures: Signatures) -> dict[str, Any]:
    return {
        "adapted": signatures.adaptation,
        "evidence": signatures.evidence,
        "min_evidence": signatures.min_evidence,
    }


def _eligible(
    features: pd.DataFrame, evidence: Sequence[str], least: int, seed: int
) -> pd.DataFrame:
    """Return the buyers that shape the types, in an order that is theirs, not the table's."""
    known = features[seen(features, evidence) >= least]
    known = known.sort_values([name for name in _ORDER if name in known], kind="stable")
    if len(known) <= FIT_ON:
        return known
    return known.sample(FIT_ON, random_state=seed)


def _settle(
    evidence: Evidence,
    signatures: Signatures,
    unseen: dict[str, str],
    previous: TypeModel | None,
) -> TypeModel:
    """Fit, judge, leave out the worst type, and fit again until every type left is supported."""
    unsupported = dict(unseen)
    while True:
        # Buyers of a type that can't be seen, or that too few are of, are there all the same.
        background = not _SETTLED.issuperset(unsupported.values())
        left = tuple(name for name in BUYER_TYPES if name not in unsupported)
        if len(left) + background < 2:
            unsupported |= dict.fromkeys(left, "no_contrast")
            return TypeModel(
                scales=evidence.scales,
                left_out=evidence.left_out,
                supported=(),
                unsupported=unsupported,
                **_basis(signatures),
            )
        last = _last_month(previous, evidence)
        seeds = starting_points(evidence, signatures, left, background=background, last=last)
        mixture = fit_mixture(evidence.value, evidence.noise, seeds)
        verdict = judge(mixture, evidence, left, signatures)
        if verdict.worst is None:
            mixture, verdict = _released(mixture, verdict, evidence, left, signatures)
            model = _model(evidence, mixture, verdict, left, unsupported, background)
            return model.model_copy(update=_basis(signatures))
        name, why = verdict.worst
        unsupported[name] = why


def _released(
    held: Mixture,
    verdict: Verdict,
    evidence: Evidence,
    types: tuple[str, ...],
    signatures: Signatures,
) -> tuple[Mixture, Verdict]:
    """Let the types go to where their buyers are, if that refines them and makes no others."""
    free = release(held, evidence.value, evidence.noise)
    again = judge(free, evidence, types, signatures)
    was, now = (
        m.probabilities(evidence.value, evidence.noise).argmax(axis=1) for m in (held, free)
    )
    refined = float((was == now).mean()) >= _REFINED
    same = again.worst is None and again.order == verdict.order
    return (free, again) if same and refined else (held, verdict)


def _model(
    evidence: Evidence,
    mixture: Mixture,
    verdict: Verdict,
    left: tuple[str, ...],
    unsupported: dict[str, str],
    background: bool,
) -> TypeModel:
    order = [*verdict.order, *range(len(left), len(mixture.shares))]
    return TypeModel(
        scales=evidence.scales,
        left_out=evidence.left_out,
        supported=left,
        unsupported=unsupported,
        background=background,
        centres=mixture.centres[order].tolist(),
        spreads=mixture.spreads[order].tolist(),
        shares=mixture.shares[order].tolist(),
        matches=dict(zip(left, verdict.matches, strict=True)),
    )


def _last_month(previous: TypeModel | None, evidence: Evidence) -> dict[str, Floats]:
    """Return last month's centres by type in this month's z units; NaN on features it lacked."""
    if previous is None or not previous.supported:
        return {}
    columns = []
    for feature, now in evidence.scales.items():
        if feature in previous.scales:
            was = previous.scales[feature]
            centres = previous.mixture.centres[:, list(previous.scales).index(feature)]
            columns.append((was.centre + was.width * centres - now.centre) / now.width)
        else:
            columns.append(np.full(len(previous.centres), np.nan))
    table = np.column_stack(columns) if columns else np.zeros((len(previous.centres), 0))
    return dict(zip(previous.supported, table, strict=False))
