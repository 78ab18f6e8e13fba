"""The fitted model of a shop's buyer types: small, storable, readable on next month's buyers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict
from scipy.special import logsumexp

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.evidence import Evidence, Scale, weigh
from csinsight.segments.matching import Verdict, judge
from csinsight.segments.mixture import Mixture, fit_mixture
from csinsight.segments.signatures import FEATURES, Signatures

Floats = npt.NDArray[np.float64]

#: Larger shops are fitted on as many buyers, drawn by the seed; all are labelled.
FIT_ON: Final = 10_000
#: What the buyers are put in order by before the fit, so that names and rows' order don't count.
_ORDER: Final = ("pages", "visits", "pages_product", "seconds", "step_seconds", "account_age_days")
#: Quantiles of a feature that stand for "low" and "high" where the types start, and how far up
#: from low the place of a type lies of which the signature says nothing.
_LOW, _HIGH, _REST = 0.05, 0.97, 0.35
#: Share of the buyers, and at least how many, whose mean a type starts from.
_SHOWN, _FEWEST = 0.02, 5


@dataclass(frozen=True)
class Reading:
    """What a model says of buyers.

    Parameters
    ----------
    six : array of float, (buyers, 6)
        Probabilities in the order of `BUYER_TYPES`; zero for unsupported types.
    sure : array of float, (buyers,)
        Probability of the likeliest type, counting the chance that it is one that can't be seen.
    spoke : array of float, (buyers, features)
        Log-odds that each feature adds for the likeliest type against the other groups.
    """

    six: Floats
    sure: Floats
    spoke: Floats


class TypeModel(BaseModel):
    """Supported types with their centres, and all that is needed to read a buyer by them.

    Parameters
    ----------
    scales : dict of str to Scale
        By kept feature, in the order of the columns of `centres`.
    left_out : dict of str to str
        Features not used, with ``no_input`` or ``no_spread``.
    supported : tuple of str
    unsupported : dict of str to str
        Type to the reason why this shop does not support it.
    background : bool
        Whether a last component, of no type, stands for buyers of types that can't be seen in
        this shop's data; its weight lowers the confidence of all.
    centres, spreads : list of list of float
        Components by features, z units; spreads squared.
    shares : list of float
    matches : dict of str to float
        Correlation of each supported type with its signature.
    adapted, evidence, min_evidence
        As in `csinsight.segments.signatures.Signatures`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    scales: dict[str, Scale]
    left_out: dict[str, str]
    supported: tuple[str, ...]
    unsupported: dict[str, str]
    background: bool = False
    centres: list[list[float]] = []
    spreads: list[list[float]] = []
    shares: list[float] = []
    matches: dict[str, float] = {}
    adapted: bool = False
    evidence: tuple[str, ...] = ("pages",)
    min_evidence: int | None = None

    @property
    def mixture(self) -> Mixture:
        """The components as arrays."""
        return Mixture(np.array(self.centres), np.array(self.spreads), np.array(self.shares))

    def centre_table(self) -> pd.DataFrame:
        """Return supported types by features, in robust z-scores."""
        rows = [self.centres[k] for k in range(len(self.supported))]
        return pd.DataFrame(
            rows,
            index=pd.Index(self.supported, name="type"),
            columns=list(self.scales),
            dtype=float,
        )

    def read(self, evidence: Evidence) -> Reading:
        """Read buyers: probabilities of the six types, confidence, and what decided.

        Where no type is supported, all six are alike: nothing is known.
        """
        count = len(evidence.value)
        if not self.supported:
            even = np.full((count, len(BUYER_TYPES)), 1 / len(BUYER_TYPES))
            return Reading(even, even[:, 0], np.zeros_like(evidence.value))
        mixture = self.mixture
        parts = mixture.log_parts(evidence.value, evidence.noise)
        joint = parts.sum(axis=2).T + np.log(mixture.shares)
        groups = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        own = groups[:, : len(self.supported)]
        winner = own.argmax(axis=1)
        six = np.zeros((count, len(BUYER_TYPES)))
        places = [BUYER_TYPES.index(name) for name in self.supported]
        six[:, places] = own / np.maximum(own.sum(axis=1, keepdims=True), 1e-300)
        return Reading(six, own[np.arange(count), winner], _spoke(parts, winner))


def _spoke(parts: Floats, winner: npt.NDArray[np.int64]) -> Floats:
    """Return log-odds that each feature adds for the winner against the mean of the others."""
    rows = np.arange(len(winner))
    own = parts[winner, rows]
    peak = parts.max(axis=0)
    all_parts = np.exp(parts - peak).sum(axis=0)
    others = np.maximum(all_parts - np.exp(own - peak), 1e-300)
    return np.asarray(own - peak - np.log(others / max(len(parts) - 1, 1)))


def fit_model(
    features: pd.DataFrame,
    signatures: Signatures,
    *,
    min_pages: int,
    seed: int,
    previous: TypeModel | None = None,
) -> TypeModel:
    """Fit the types that the shop's data supports; see `csinsight.segments.types.fit_types`."""
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
    unseen = {
        name: "no_evidence"
        for name in BUYER_TYPES
        if not set(signatures.archetypes[name].needs) & set(evidence.features)
    }
    return _settle(evidence, signatures, unseen, previous)


def seen(features: pd.DataFrame, evidence: Sequence[str]) -> Floats:
    """Return how much was seen of each buyer: the sum of some counts."""
    counts = [
        pd.to_numeric(features[name]).to_numpy(dtype=np.float64, na_value=np.nan)
        for name in evidence
        if name in features
    ]
    return np.nansum(counts, axis=0) if counts else np.zeros(len(features))


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
    background = bool(unseen)
    while True:
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
        seeds = _seeds(evidence, signatures, left, background, previous)
        mixture = fit_mixture(evidence.value, evidence.noise, seeds)
        worth = mixture.worth(evidence.value, evidence.noise)
        verdict = judge(mixture, worth, evidence.features, left, signatures)
        if verdict.worst is None:
            model = _model(evidence, mixture, verdict, left, unsupported, background)
            return model.model_copy(update=_basis(signatures))
        name, why = verdict.worst
        unsupported[name] = why


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


def _seeds(
    evidence: Evidence,
    signatures: Signatures,
    types: tuple[str, ...],
    background: bool,
    previous: TypeModel | None,
) -> Floats:
    """Return where each type starts: the mean of the buyers who show its signature most."""
    low, high = np.quantile(evidence.shrunk, [_LOW, _HIGH], axis=0)
    place = np.clip((evidence.shrunk - low) / np.maximum(high - low, 1e-9), 0.0, 1.0) - _REST
    columns = [FEATURES.index(name) for name in evidence.features]
    weights = signatures.matrix()[np.ix_([BUYER_TYPES.index(name) for name in types], columns)]
    score = place @ (weights / np.abs(weights).sum(axis=1, keepdims=True)).T
    count = max(_FEWEST, round(_SHOWN * len(score)))
    seeds = []
    for k, name in enumerate(types):
        others = np.delete(score, k, axis=1)
        lead = score[:, k] - (others.max(axis=1) if others.size else 0.0)
        first = np.argsort(-lead, kind="stable")[:count]
        seeds.append(_last_month(evidence.shrunk[first].mean(axis=0), name, evidence, previous))
    if background:
        seeds.append(np.median(evidence.shrunk, axis=0))
    return np.array(seeds)


def _last_month(seed: Floats, name: str, evidence: Evidence, previous: TypeModel | None) -> Floats:
    """Start a type where it was last month, on the features that both months have."""
    if previous is None or name not in previous.supported:
        return seed
    centre = previous.centres[previous.supported.index(name)]
    seed = seed.copy()
    for column, feature in enumerate(evidence.features):
        if feature in previous.scales:
            was, now = previous.scales[feature], evidence.scales[feature]
            value = was.centre + was.width * centre[list(previous.scales).index(feature)]
            seed[column] = (value - now.centre) / now.width
    return seed
