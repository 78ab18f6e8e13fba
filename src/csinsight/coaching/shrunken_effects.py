"""Drivers as coaching uses them: shrunk for having been chosen.

A driver is named because its estimate came out large, so the estimate is too large on average and
one in ten may be no driver at all. Coaching draws each effect from its posterior under a prior
learnt from all of the family (empirical Bayes, a part of the family without effect and a part with
normal effects), so that gains promised to agents are not the lucky ones.

References
----------
Efron (2008), "Microarrays, empirical Bayes and the two-groups model", Statistical Science 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.units import Floats

_NORMAL: Final = 1.959964
#: What the textbook teaches to show less of; everything else it teaches to show more of.
TAUGHT_LESS: Final = (
    "first_response_s",
    "mean_response_s",
    "slow_reply_share",
    "leading_question",
    "refuses_flatly",
    "curt_reply",
    "repeats_canned",
)
#: Grids of the prior: share of the family without effect, and spread of the others in points.
_NONE: Final = np.linspace(0.30, 0.95, 14)
_SPREAD: Final = np.geomspace(0.5, 25, 18)


@dataclass(frozen=True)
class Effect:
    """One driver: points of conversion per unit of the behaviour, as estimated and as believed.

    Parameters
    ----------
    behaviour : str
    effect_pp, low_pp, high_pp : float
        The estimate and its interval.
    present : float
        Posterior probability that there is an effect at all.
    mean, spread : float
        Of the effect where there is one.
    """

    behaviour: str
    effect_pp: float
    low_pp: float
    high_pp: float
    present: float
    mean: float
    spread: float

    @property
    def helps(self) -> bool:
        """Whether more of it goes with more."""
        return self.effect_pp > 0

    def draws(self, number: int, seed: int) -> Floats:
        """Return posterior draws of the effect, as a share."""
        rng = np.random.default_rng([seed, 1, *self.behaviour.encode()])
        there = rng.uniform(size=number) < self.present
        return np.asarray(there * rng.normal(self.mean, self.spread, number) / 100)


def as_taught(behaviour: str, effect_pp: float) -> bool:
    """Tell whether a measured effect points the way that the textbook teaches.

    Parameters
    ----------
    behaviour : str
    effect_pp : float
        As in ``drivers``: more of the behaviour, or slower, goes with so many points.
    """
    return (effect_pp < 0) == (behaviour in TAUGHT_LESS)


def outcome_of(drivers: pd.DataFrame) -> str:
    """Return the outcome that coaching reads: paid conversion, or ordered where that is all."""
    there = set(drivers.loc[drivers[Drivers.EFFECT_PP].notna(), Drivers.OUTCOME])
    return "ordered" if "paid" not in there and "ordered" in there else "paid"


def credible_drivers(drivers: pd.DataFrame | None, q_threshold: float) -> list[Effect]:
    """Return what may be coached: verdict helps or hurts over all inquiries, q at the threshold.

    Drivers of satisfaction are left out: a gain in inquiries can't be told from them. Without
    drivers (None: conversion can't be told) there is nothing to coach. Nobody is advised, nor
    praised, against what the library teaches: the page of drivers tells such findings, and a
    person has to look into them first.
    """
    if drivers is None:
        return []
    family = drivers[
        (drivers[Drivers.SCOPE] == "all")
        & (drivers[Drivers.OUTCOME] == outcome_of(drivers))
        & (drivers[Drivers.VERDICT] != "control")
        & drivers[Drivers.EFFECT_PP].notna()
    ]
    present, mean, spread = _two_groups(family)
    family = family.assign(present=present, mean=mean, spread=spread)
    named = family[
        family[Drivers.VERDICT].isin(["helps", "hurts"]) & (family[Drivers.Q_VALUE] <= q_threshold)
    ]
    numbers = [Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP, "present", "mean", "spread"]
    return [
        Effect(str(behaviour), *map(float, values))
        for behaviour, values in zip(
            named[Drivers.BEHAVIOUR], named[numbers].to_numpy(dtype=float), strict=True
        )
        if as_taught(str(behaviour), float(values[0]))
    ]


def _two_groups(family: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return the probability, mean and spread of each effect, averaged over the grid."""
    if family.empty:
        return np.empty(0), np.empty(0), np.empty(0)
    effect = family[Drivers.EFFECT_PP].to_numpy(dtype=float)
    width = (family[Drivers.HIGH_PP] - family[Drivers.LOW_PP]).to_numpy(dtype=float)
    noise = np.maximum(width / (2 * _NORMAL), 1e-9)
    none, tau = (grid.ravel()[:, None] for grid in np.meshgrid(_NONE, _SPREAD))
    without = none * _density(effect, noise)
    with_effect = (1 - none) * _density(effect, np.hypot(noise, tau))
    total = np.maximum(without + with_effect, 1e-300)
    fit = np.log(total).sum(axis=1)
    weight = np.exp(fit - fit.max())
    weight = (weight / weight.sum())[:, None]
    kept = tau**2 / (tau**2 + noise**2)
    present = np.minimum((weight * with_effect / total).sum(axis=0), 1.0)
    mean = (weight * kept).sum(axis=0) * effect
    spread = np.sqrt((weight * (kept * noise**2 + (kept * effect) ** 2)).sum(axis=0) - mean**2)
    return present, mean, spread


def _density(value: Floats, spread: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * (value / spread) ** 2) / spread)
