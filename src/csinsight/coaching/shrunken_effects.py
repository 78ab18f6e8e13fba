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
from csinsight.contract.domain import taught_of
from csinsight.stats import Floats
from csinsight.stats.shrinkage import two_groups

#: What is believed of an estimate, and printed, by the column of the estimate itself.
BELIEVED: Final = {
    Drivers.EFFECT_PP: Drivers.SHRUNK_PP,
    Drivers.LOW_PP: Drivers.SHRUNK_LOW_PP,
    Drivers.HIGH_PP: Drivers.SHRUNK_HIGH_PP,
}


@dataclass(frozen=True)
class Effect:
    """One driver: points of conversion per unit of the behaviour, as printed and as believed.

    Parameters
    ----------
    behaviour : str
    effect_pp, low_pp, high_pp : float
        What is printed: as believed where the drivers say it, else the estimate; with its interval.
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


def as_taught(drivers: pd.DataFrame) -> pd.Series[bool]:
    """Tell of each estimate whether it points the way that is taught.

    Parameters
    ----------
    drivers : DataFrame
        Rows of the artifact: more of the behaviour, or slower, goes with so many points. Without
        the column ``taught`` of what the textbook teaches.

    Examples
    --------
    >>> rows = pd.DataFrame({"behaviour": ["greets", "curt_reply"], "effect_pp": [2.0, 1.0]})
    >>> as_taught(rows).tolist()
    [True, False]
    """
    taught = taught_in(drivers)
    up = drivers[Drivers.EFFECT_PP] > 0
    return ((taught == "more") & up) | ((taught == "less") & ~up)


def taught_in(drivers: pd.DataFrame) -> pd.Series[str]:
    """Return what is taught of the behaviour of each row, as `as_taught` has it.

    Examples
    --------
    >>> taught_in(pd.DataFrame({"behaviour": ["greets", "curt_reply"]})).tolist()
    ['more', 'less']
    """
    if Drivers.TAUGHT in drivers:
        return drivers[Drivers.TAUGHT]
    taught = [taught_of(str(name)) for name in drivers[Drivers.BEHAVIOUR]]
    return pd.Series(taught, index=drivers.index, dtype=str)


def outcome_of(drivers: pd.DataFrame) -> str:
    """Return the outcome that coaching reads: paid conversion, or ordered where that is all.

    Examples
    --------
    >>> import pandas as pd
    >>> drivers = pd.DataFrame(
    ...     {
    ...         "behaviour": ["recommends"],
    ...         "scope": ["all"],
    ...         "outcome": ["paid"],
    ...         "verdict": ["helps"],
    ...         "effect_pp": [8.0],
    ...         "low_pp": [4.0],
    ...         "high_pp": [12.0],
    ...         "q": [0.001],
    ...     }
    ... )
    >>> outcome_of(drivers)
    'paid'
    """
    there = set(drivers.loc[drivers[Drivers.EFFECT_PP].notna(), Drivers.OUTCOME])
    return "ordered" if "paid" not in there and "ordered" in there else "paid"


def credible_drivers(drivers: pd.DataFrame | None, q_threshold: float) -> list[Effect]:
    """Return what may be coached: verdict helps or hurts over all inquiries, q at the threshold.

    Drivers of satisfaction are left out: a gain in inquiries can't be told from them. Without
    drivers (None: conversion can't be told) there is nothing to coach. Nobody is advised, nor
    praised, against what the library teaches: the page of drivers tells such findings, and a
    person has to look into them first.

    Examples
    --------
    >>> rows = pd.DataFrame({"behaviour": ["greets", "recommends"], "effect_pp": [0.2, 8.0]})
    >>> rows = rows.assign(outcome="paid", scope="all", low_pp=[-1.0, 6.0], high_pp=[1.4, 10.0])
    >>> rows = rows.assign(verdict=["no evidence", "helps"], q_value=[0.8, 0.001])
    >>> [effect.behaviour for effect in credible_drivers(rows, 0.1)]
    ['recommends']
    """
    if drivers is None:
        return []
    family = drivers[
        (drivers[Drivers.SCOPE] == "all")
        & (drivers[Drivers.OUTCOME] == outcome_of(drivers))
        & (drivers[Drivers.VERDICT] != "control")
        & drivers[Drivers.EFFECT_PP].notna()
    ]
    numbers = [Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP]
    believed = two_groups(*family[numbers].to_numpy(dtype=float).T)
    family = family.assign(present=believed.present, mean=believed.mean, spread=believed.spread)
    # What is printed is as the pages print it; what is believed is worked out from plain estimates.
    for name, shrunk in BELIEVED.items():
        if shrunk in family:
            family[name] = family[shrunk].fillna(family[name])
    named = family[
        family[Drivers.VERDICT].isin(["helps", "hurts"]) & (family[Drivers.Q_VALUE] <= q_threshold)
    ]
    numbers += ["present", "mean", "spread"]
    named = named[as_taught(named)]
    return [
        Effect(str(behaviour), *map(float, values))
        for behaviour, values in zip(
            named[Drivers.BEHAVIOUR], named[numbers].to_numpy(dtype=float), strict=True
        )
    ]


def sureness(rows: pd.DataFrame, effect: str, low: str, high: str) -> pd.Series:
    """Return how many widths of its interval an estimate lies from zero: the surer, the more.

    Examples
    --------
    >>> row = {"behaviour": "recommends", "outcome": "paid", "verdict": "helps", "effect_pp": 8.0}
    >>> rows = pd.DataFrame([row | {"low_pp": 6.0, "high_pp": 10.0}])
    >>> sureness(rows, "effect_pp", "low_pp", "high_pp").tolist()
    [2.0]
    """
    width = (rows[high] - rows[low]).clip(lower=1e-9)
    return rows[effect].abs() / width
