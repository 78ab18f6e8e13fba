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
    mixture: Mixture,
    worth: tuple[Floats, Floats],
    features: tuple[str, ...],
    types: tuple[str, ...],
    signatures: Signatures,
) -> Verdict:
    """Match groups to `types` and find the one that the data supports least.

    Parameters
    ----------
    mixture : Mixture
        Its first components stand for `types`; a further one for buyers of no type.
    worth : tuple of array of float
        Members and gains of the components, as `Mixture.worth` returns them.
    features : tuple of str
        Columns of the mixture.
    types : tuple of str
    signatures : Signatures
    """
    rules = signatures.support
    columns = [FEATURES.index(name) for name in features]
    weights = np.zeros_like(mixture.centres)
    weights[: len(types)] = signatures.matrix()[
        np.ix_([BUYER_TYPES.index(name) for name in types], columns)
    ]
    within = np.sqrt(mixture.spreads.mean(axis=0))
    correlation = _correlation(_differences(mixture.centres, within), weights)
    correlation = correlation[: len(types), : len(types)]
    groups, signature_of = linear_sum_assignment(-correlation)
    order = groups[np.argsort(signature_of)]
    matches = correlation[order, np.arange(len(types))]
    members, gains = worth
    least = max(float(rules.min_members), rules.min_share * float(members.sum()))
    faults: list[tuple[float, str, str]] = []
    for k, name in enumerate(types):
        group = int(order[k])
        contrast = _contrast(mixture, within, group, name, features, signatures)
        why = ""
        if members[group] < least:
            why = "few_members"
        elif gains[group] < rules.min_gain:
            why = "not_distinct"
        elif matches[k] < rules.min_match or correlation[group].argmax() != k:
            why = "no_match"
        elif contrast < rules.min_contrast:
            why = "no_contrast"
        if why:
            faults.append((float(gains[group]), name, why))
    worst = min(faults)[1:] if faults else None
    return Verdict(tuple(int(g) for g in order), tuple(map(float, matches)), worst)


def _differences(centres: Floats, within: Floats) -> Floats:
    """Return each group's difference from the mean of all groups, in units of what is usual."""
    away = centres - centres.mean(axis=0)
    return np.asarray(away / np.sqrt(np.square(away).mean(axis=0) + within**2))


def _correlation(groups: Floats, weights: Floats) -> Floats:
    """Return correlations of groups (rows) with signatures (columns), in [-1, 1]."""
    weights = weights - weights.mean(axis=0)
    lengths = np.outer(np.linalg.norm(groups, axis=1), np.linalg.norm(weights, axis=1))
    return np.asarray((groups @ weights.T) / np.maximum(lengths, 1e-12))


def _contrast(
    mixture: Mixture,
    within: Floats,
    group: int,
    name: str,
    features: tuple[str, ...],
    signatures: Signatures,
) -> float:
    """Return how far a group stands out on what marks its type: standard deviations."""
    others = np.delete(mixture.centres, group, axis=0).mean(axis=0)
    archetype = signatures.archetypes[name]
    away = []
    for line in archetype.signature:
        if line.feature in archetype.needs and line.feature in features:
            column = features.index(line.feature)
            step = mixture.centres[group, column] - others[column]
            away.append(np.sign(line.weight) * step / max(within[column], 1e-9))
    return float(max(away, default=0.0))
