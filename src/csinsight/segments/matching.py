"""Whether every fitted group still means what its name says.

Groups are compared with signatures by how they differ from one another, with every group
counting alike: a type that makes up most of the shop is the shop's middle, yet it still differs
from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.evidence import Evidence
from csinsight.segments.mixture import Mixture
from csinsight.segments.signatures import FEATURES, Signatures

Floats = npt.NDArray[np.float64]


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
    correlation = _correlation(_differences(groups.shown, groups.within), weights)
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


def _differences(centres: Floats, within: Floats) -> Floats:
    """Return each group's difference from the mean of all groups, in units of what is usual."""
    away = centres - centres.mean(axis=0)
    return np.asarray(away / np.sqrt(np.square(away).mean(axis=0) + within**2))


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
        if scale.pseudo_pages is None:
            return True
        share = np.square(np.sin(np.clip(scale.centre + scale.width * shown, 0.0, np.pi / 2)))
        others = float(np.average(share[rest], weights=groups.shares[rest]))
        if sign * np.log(max(share[group], 1e-9) / max(others, 1e-9)) >= np.log(rules.min_ratio):
            return True
    return False
