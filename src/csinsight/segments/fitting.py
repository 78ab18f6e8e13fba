"""Fitting a shop's buyer types: start, judge, leave out what is not supported, fit again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.evidence import Evidence, weigh
from csinsight.segments.matching import Verdict, judge
from csinsight.segments.mixture import Mixture, fit_mixture, release
from csinsight.segments.model import TypeModel, seen
from csinsight.segments.signatures import Signatures
from csinsight.segments.starts import starting_points

Floats = npt.NDArray[np.float64]

#: Larger shops are fitted on as many buyers, drawn by the seed; all are labelled.
FIT_ON: Final = 10_000
#: Share of the buyers that types keep when they are let go; with fewer they were others.
_REFINED: Final = 0.95
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
