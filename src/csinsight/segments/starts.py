"""Where each type starts in the clustering: from its signature, or from last month."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.evidence import Evidence
from csinsight.segments.signatures import FEATURES, Signatures

Floats = npt.NDArray[np.float64]

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
    """
    score = _scores(evidence, signatures, types)
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


def _scores(evidence: Evidence, signatures: Signatures, types: tuple[str, ...]) -> Floats:
    """Return how much each buyer shows of each signature (buyers, types)."""
    low, high = np.quantile(evidence.shrunk, [_LOW, _HIGH], axis=0)
    place = np.clip((evidence.shrunk - low) / np.maximum(high - low, 1e-9), 0.0, 1.0) - _REST
    columns = [FEATURES.index(name) for name in evidence.features]
    weights = signatures.matrix()[np.ix_([BUYER_TYPES.index(name) for name in types], columns)]
    return np.asarray(place @ (weights / np.abs(weights).sum(axis=1, keepdims=True)).T)
