"""The flexible check: double machine learning beside the linear model, before a verdict is given.

The main estimate adjusts for what came before by a straight line with agents' fixed effects. If
that line is wrong (a category matters to one agent only, open talks hurt beyond a point), its error
can pass for an effect. Here boosted trees learn from the other folds what the covariates, the
occasions and the agent say of the outcome and of the behaviour's surprise, and only what is left of
both is compared. Folds are drawn within agents, so that every agent is known to every fit. A
verdict needs both estimates on the same side of zero; where they differ both are shown.

References
----------
Chernozhukov et al. (2018), "Double/debiased machine learning for treatment and structural
parameters", The Econometrics Journal 21: the partially linear model with an instrument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.design_matrix import OUTCOME, Counts, DesignMatrix, Places
from csinsight.drivers.fixed_effects import cross_products, iv_estimate
from csinsight.drivers.units import Floats

FOLDS: Final = 2
#: Rows that a fit learns from at most; it speaks for all of them.
LEARNT_FROM: Final = 6_000
#: Rows that are compared at most: a sign needs no more.
LOOKED_AT: Final = 150_000
#: Levels that the trees can tell apart as such; with more agents their order stands in.
_LEVELS: Final = 255
DISAGREES: Final = "flexible check disagrees"


@dataclass(frozen=True)
class _Sample:
    """One choice of rows, with what the covariates leave of the outcome in the outcome's place."""

    block: Floats
    known: Floats
    agents: Counts
    sizes: Counts
    products: Floats


class Flexible:
    """The flexible estimates of one design; what the covariates say is learnt once a sample.

    Parameters
    ----------
    matrix : DesignMatrix
    """

    def __init__(self, matrix: DesignMatrix) -> None:
        self._matrix = matrix
        self._key = b""
        self._sample: _Sample | None = None

    def effect(self, behaviour: str, places: Places) -> float:
        """Return the effect in points over the rows at `places`, NaN where there is none.

        Parameters
        ----------
        behaviour : str
        places : array of places
            Rows with an occasion and an outcome, rows of one agent together.
        """
        places = places[:: -(-len(places) // LOOKED_AT) or 1]
        matrix, key = self._matrix, places.tobytes()
        # On a busy machine waiting for a second thread takes longer than doing without it.
        with threadpool_limits(1, user_api="openmp"):
            if self._sample is None or key != self._key:
                self._key, self._sample = key, _sampled(matrix, places)
            sample = self._sample
            regressors, instruments = matrix.model(behaviour)
            place = int(instruments[0])
            left = _unexplained(sample.block[:, place], sample.known, sample.agents)
        products = sample.products.copy()
        _replace(products, sample.block, sample.sizes, place, left)
        fitted = iv_estimate(products, len(sample.block), regressors, instruments)
        return matrix.points * fitted.effect if fitted else float("nan")


def _sampled(matrix: DesignMatrix, places: Places) -> _Sample:
    block, agents, y = matrix.block(places), matrix.agents[places], matrix.place(OUTCOME)
    known = np.column_stack([block[:, matrix.known_before()], agents])
    block = block.copy() if block is matrix.columns else block
    block[:, y] = _unexplained(block[:, y], known, agents)
    sizes = np.unique(agents, return_counts=True)[1].astype(np.int64)
    return _Sample(block, known, agents, sizes, cross_products(block, sizes))


def _replace(products: Floats, block: Floats, sizes: Counts, place: int, values: Floats) -> None:
    """Put other values in the place of one column, in the agents' cross-products."""
    ends = np.cumsum(sizes)
    for agent, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        centred = values[start:end] - values[start:end].mean()
        shared = block[start:end].T @ centred
        shared[place] = centred @ centred
        products[agent, place], products[agent, :, place] = shared, shared


def _unexplained(target: Floats, known: Floats, agents: Counts) -> Floats:
    """Return what is left of `target` once trees of the other folds have had their say."""
    folds = _folds(agents)
    left = target.copy()
    for fold in range(FOLDS):
        here, learnt = folds == fold, np.flatnonzero(folds != fold)
        if len(learnt) > LEARNT_FROM:
            learnt = learnt[:: -(-len(learnt) // LEARNT_FROM)]
        number = np.maximum(np.bincount(agents[learnt], minlength=agents.max() + 1), 1)
        usual = np.bincount(agents[learnt], target[learnt], minlength=len(number)) / number
        learner, beyond = _learner(known.shape[1], int(agents.max())), target - usual[agents]
        learner.fit(known[learnt], beyond[learnt])
        left[here] = beyond[here] - learner.predict(known[here])
    return left


def _learner(columns: int, last_agent: int) -> HistGradientBoostingRegressor:
    named = [columns - 1] if last_agent < _LEVELS else None
    return HistGradientBoostingRegressor(
        max_iter=25,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=1.0,
        categorical_features=named,
        early_stopping=False,
        random_state=0,
    )


def _folds(agents: Counts) -> Counts:
    """Deal each agent's rows out to the folds in turn, in an order drawn once."""
    order = np.random.default_rng(0).permutation(len(agents))
    place = pd.Series(agents[order]).groupby(agents[order]).cumcount().to_numpy()
    folds = np.empty(len(agents), dtype=np.int64)
    folds[order] = (place + agents[order]) % FOLDS
    return folds


def confirmed(table: pd.DataFrame, effects: dict[int, float]) -> pd.DataFrame:
    """Take back the verdicts that the flexible check does not share.

    Parameters
    ----------
    table : DataFrame
        From `csinsight.drivers.estimates.verdicts`.
    effects : dict
        The flexible estimate by row of `table`.
    """
    table = table.copy()
    flexible = pd.Series(effects, dtype=float).reindex(table.index)
    table[Drivers.FLEXIBLE_PP] = flexible
    named = table[Drivers.VERDICT].isin(["helps", "hurts"])
    against = named & ~(flexible * table[Drivers.EFFECT_PP] > 0)
    table.loc[against, Drivers.REASON] = DISAGREES
    table.loc[against, Drivers.VERDICT] = "no evidence"
    return table
