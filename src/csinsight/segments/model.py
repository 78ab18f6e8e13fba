"""The fitted model of a shop's buyer types: small, storable, readable on next month's buyers.

What is remembered of a buyer beside the look-back: the look-back before, and last month's type.

A buyer of six pages says little in one look-back, and two months that share two thirds of it would
still call one buyer in ten another type. Two things known from before steady that:

* the look-back *before* this one shares no event with it, so its evidence counts in full, as far
  as the buyer is still the same: a hidden Markov chain of two steps [1]_ in which habits change
  with chance ``changed``. What one look-back can weigh is thereby bounded.
* *last month's type* was read from mostly the same events. Its probabilities must not be
  multiplied in again; only the label counts, as prior odds of ``hold`` to one: hysteresis, also
  bounded. Evidence stronger than both turns any label.

References
----------
.. [1] Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech
   recognition. Proceedings of the IEEE 77(2), 257-286.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict
from scipy.special import logsumexp

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.mixture import Mixture
from csinsight.segments.shrink_features import NO_EVIDENCE, Evidence, Scale, weigh
from csinsight.segments.signatures import MemoryRules
from csinsight.stats import Floats


@dataclass(frozen=True)
class Reading:
    """What a model says of buyers.

    Parameters
    ----------
    six : array of float, (buyers, 6)
        Probabilities in the order of `BUYER_TYPES`; zero for unsupported types.
    sure : array of float, (buyers,)
        Probability of the likeliest type, counting the chance that it is one that can't be seen.
    none : array of float, (buyers,)
        That chance: of being of no type that this shop's data can show; 1 where it shows none.
    spoke : array of float, (buyers, features + 1)
        Log-odds that each feature adds for the likeliest type against the other groups; in the
        last column, what was remembered of the buyer, where without it another were likeliest.
    """

    six: Floats
    sure: Floats
    none: Floats
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

    def read(self, evidence: Evidence, memory: Floats | None = None) -> Reading:
        """Read buyers: probabilities of the six types, confidence, and what decided.

        Where no type is supported, all six are alike: nothing is known.

        Parameters
        ----------
        evidence : Evidence
        memory : array of float, (buyers, 6 + 1), optional
            Log-odds that each type, and last none of them, has from before.
        """
        count = len(evidence.value)
        if not self.supported:
            even = np.full((count, len(BUYER_TYPES)), 1 / len(BUYER_TYPES))
            spoke = np.zeros((count, evidence.value.shape[1] + 1))
            return Reading(even, even[:, 0], np.ones(count), spoke)
        mixture = self.mixture
        places = self._places()
        before = np.zeros((len(places), count)) if memory is None else memory[:, places].T
        parts = mixture.log_parts(evidence.value, evidence.noise)
        parts = np.concatenate([parts, before[:, :, None]], axis=2)
        joint = parts.sum(axis=2).T + np.log(mixture.shares)
        groups = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        own = groups[:, : len(self.supported)]
        winner = own.argmax(axis=1)
        six = np.zeros((count, len(BUYER_TYPES)))
        six[:, places[: len(self.supported)]] = own / np.maximum(
            own.sum(axis=1, keepdims=True), 1e-300
        )
        spoke = _spoke(parts, winner)
        alone = (parts[:, :, :-1].sum(axis=2).T + np.log(mixture.shares))[:, : len(self.supported)]
        spoke[:, -1] = np.where(alone.argmax(axis=1) == winner, 0.0, spoke[:, -1])
        none = groups[:, len(self.supported) :].sum(axis=1)
        return Reading(six, own[np.arange(count), winner], none, spoke)

    def odds(self, evidence: Evidence, changed: float) -> Floats:
        """Return what buyers' evidence leaves for a later moment.

        Parameters
        ----------
        evidence : Evidence
        changed : float
            Chance that a buyer is another by then, and as any of the shop's.

        Returns
        -------
        array of float, (buyers, 6 + 1)
            Log-odds of each type, and last of none, against its share; 0 where nothing is known.
        """
        table = np.zeros((len(evidence.value), len(BUYER_TYPES) + 1))
        if self.supported:
            mixture = self.mixture
            now = mixture.probabilities(evidence.value, evidence.noise)
            left = (1 - changed) * now + changed * mixture.shares
            table[:, self._places()] = np.log(left / mixture.shares)
        return table

    def _places(self) -> list[int]:
        """Return the column of each component among the six types and none."""
        places = [BUYER_TYPES.index(name) for name in self.supported]
        return [*places, len(BUYER_TYPES)] if self.background else places


def _spoke(parts: Floats, winner: npt.NDArray[np.int64]) -> Floats:
    """Return log-odds that each feature adds for the winner against the mean of the others."""
    rows = np.arange(len(winner))
    own = parts[winner, rows]
    peak = parts.max(axis=0)
    all_parts = np.exp(parts - peak).sum(axis=0)
    others = np.maximum(all_parts - np.exp(own - peak), 1e-300)
    return np.asarray(own - peak - np.log(others / max(len(parts) - 1, 1)))


def seen(features: pd.DataFrame, evidence: Sequence[str]) -> Floats:
    """Return how much was seen of each buyer: the sum of some counts.

    Examples
    --------
    >>> seen(pd.DataFrame({"pages": [3, 0], "orders": [1, 2]}), ["pages", "orders"]).tolist()
    [4.0, 2.0]
    """
    counts = [
        pd.to_numeric(features[name]).to_numpy(dtype=np.float64, na_value=np.nan)
        for name in evidence
        if name in features
    ]
    return np.nansum(counts, axis=0) if counts else np.zeros(len(features))


#: Columns of a memory: the six types, and none of them.
COLUMNS = (*BUYER_TYPES, "none")


def remembered(earlier: pd.DataFrame, model: TypeModel, rules: MemoryRules) -> pd.DataFrame:
    """Return what the look-back before this one says of its buyers.

    Parameters
    ----------
    earlier : DataFrame
        `csinsight.features.buyers.buyer_features` of that look-back, which must not overlap with
        the one that `model` was fitted on.
    model : TypeModel
        Of this month: both look-backs are read alike.
    rules : MemoryRules

    Returns
    -------
    DataFrame
        Log-odds by buyer and `COLUMNS`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> remembered(features, result.model, context.signatures.memory).shape[0] <= len(features)
    True
    """
    evidence = weigh(earlier, model.scales)
    passing = [name in rules.passing for name in evidence.features]
    noise = np.where(passing, NO_EVIDENCE, evidence.noise)
    odds = model.odds(replace(evidence, noise=noise), rules.changed)
    return _table(odds, earlier["buyer_id"])


def held(last: pd.DataFrame, rules: MemoryRules) -> pd.DataFrame:
    """Return the odds with which last month's types start into this month.

    Parameters
    ----------
    last : DataFrame
        Last month's buyers with the columns of `csinsight.contract.artifacts.BuyerTypes`; who was
        ``mixed`` or ``unclassified`` starts afresh.
    rules : MemoryRules

    Returns
    -------
    DataFrame
        Log-odds by buyer and `COLUMNS`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import fit_types, read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> held(result.buyers, context.signatures.memory).shape[0] == len(result.buyers)
    True
    """
    labels = last[BuyerTypes.TYPE].to_numpy(dtype=str)
    odds = (labels[:, None] == np.array(COLUMNS)) * np.log(rules.hold)
    return _table(odds, last[BuyerTypes.BUYER_ID])


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return the sum of several memories; who is in one of them only has that one.

    Examples
    --------
    >>> one = pd.DataFrame({"simple": [1.0]}, index=["b1"])
    >>> other = pd.DataFrame({"simple": [0.5, 2.0]}, index=["b1", "b2"])
    >>> together(one, other)["simple"].to_dict()
    {'b1': 1.5, 'b2': 2.0}
    """
    return pd.concat(parts).groupby(level=0, sort=False).sum()


def _table(odds: Floats, ids: pd.Series) -> pd.DataFrame:
    index = pd.Index(ids.astype("str"), name=BuyerTypes.BUYER_ID)
    return pd.DataFrame(odds, index=index, columns=list(COLUMNS))
