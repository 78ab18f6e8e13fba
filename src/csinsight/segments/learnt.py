"""Future spend learnt from what buyers like these went on to spend: RFM cells and boosted trees.

Both learn from one earlier stretch: what was known of each buyer at its start, and what came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from csinsight.features.spend import WINDOWS, SpendFeatures
from csinsight.segments.future import fit_future

Floats = npt.NDArray[np.float64]

#: Buyers that the trees learn from at most, drawn by the seed.
LEARN_ON: Final = 100_000
#: Few, slow and blunt steps: later spend is mostly chance.
_TREES: Final = {
    "loss": "poisson",
    "max_iter": 120,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "early_stopping": False,
}
#: Edges in days since the last purchase, and in purchase days: fixed, since most bought once.
_RECENCY: Final = (30.0, 90.0, 180.0)
_FREQUENCY: Final = (1.0, 2.0, 4.0)
_MONEY_GROUPS: Final = 3
#: Buyers as strong as whom the shop's mean pulls a cell's.
_PULL: Final = 20.0


@dataclass(frozen=True)
class Past:
    """An earlier stretch whose end is known.

    Parameters
    ----------
    spend : DataFrame
        `csinsight.features.spend.spend_features` at its start.
    later : Series
        Net spend within it, indexed by buyer; absent buyers spent nothing.
    days : float
        How long it is.
    """

    spend: pd.DataFrame
    later: pd.Series
    days: float

    def sample(self, seed: int) -> Past:
        """Return the same for at most `LEARN_ON` buyers, drawn by the seed."""
        if len(self.spend) <= LEARN_ON:
            return self
        drawn = self.spend.sample(LEARN_ON, random_state=seed).reset_index(drop=True)
        return Past(drawn, self.later, self.days)

    @property
    def target(self) -> Floats:
        """Spend in the stretch in the rows' order; who got back more than paid counts as 0."""
        came = self.later.reindex(self.spend[SpendFeatures.BUYER_ID].astype("str"))
        return came.fillna(0.0).clip(lower=0.0).to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class RfmCells:
    """Mean later spend by recency, frequency and money; a cell with few buyers is pulled in.

    Parameters
    ----------
    money : array of float
        Edges between the groups of net spend.
    daily : array of float, (recency, frequency, money)
        Later spend per day.
    """

    money: Floats
    daily: Floats

    def expected_spend(self, spend: pd.DataFrame, horizon_days: float) -> pd.Series:
        """Return expected net spend by buyer."""
        return _by_buyer(spend, self.daily[_cells(spend, self.money)] * horizon_days)


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees with Poisson loss on spend per day, which keeps the mean right.

    Parameters
    ----------
    trees : HistGradientBoostingRegressor
    """

    trees: Any

    def expected_spend(self, spend: pd.DataFrame, horizon_days: float) -> pd.Series:
        """Return expected net spend by buyer."""
        return _by_buyer(spend, self.trees.predict(_columns(spend)) * horizon_days)


def learn_rfm(past: Past) -> RfmCells:
    """Learn the mean later spend of each cell."""
    money = past.spend[SpendFeatures.NET_SPEND].to_numpy(dtype=np.float64)
    edges = np.quantile(money, np.arange(1, _MONEY_GROUPS) / _MONEY_GROUPS)
    shape = (len(_RECENCY) + 1, len(_FREQUENCY) + 1, _MONEY_GROUPS)
    place = np.ravel_multi_index(_cells(past.spend, edges), shape)
    size = int(np.prod(shape))
    total = np.bincount(place, weights=past.target, minlength=size)
    buyers = np.bincount(place, minlength=size)
    mean = (total + _PULL * past.target.mean()) / (buyers + _PULL)
    return RfmCells(edges, mean.reshape(shape) / past.days)


def learn_boosted(past: Past, *, seed: int) -> Boosted:
    """Learn from what each buyer did before the stretch, BG/NBD's expectation among it."""
    past = past.sample(seed)
    trees = HistGradientBoostingRegressor(**_TREES, random_state=seed)
    return Boosted(trees.fit(_columns(past.spend), past.target / past.days))


def _by_buyer(spend: pd.DataFrame, values: Floats) -> pd.Series:
    ids = pd.Index(spend[SpendFeatures.BUYER_ID].astype("str"))
    return pd.Series(values, index=ids, name="expected_spend")


def _cells(spend: pd.DataFrame, money: Floats) -> tuple[npt.NDArray[np.intp], ...]:
    since = (spend[SpendFeatures.T] - spend[SpendFeatures.T_X]).to_numpy(dtype=np.float64)
    days = spend[SpendFeatures.PURCHASE_DAYS].to_numpy(dtype=np.float64)
    net = spend[SpendFeatures.NET_SPEND].to_numpy(dtype=np.float64)
    edges = ((since, np.array(_RECENCY)), (days, np.array(_FREQUENCY)), (net, money))
    return tuple(np.searchsorted(limits, values) for values, limits in edges)


def _columns(spend: pd.DataFrame) -> Floats:
    """Return what the trees see: RFM in several windows, rhythm, and what BG/NBD makes of it."""
    names = SpendFeatures
    plain = [
        names.X,
        names.T_X,
        names.T,
        names.NET_SPEND,
        names.NET_SPEND_90D,
        *(names.orders_in(days) for days in WINDOWS),
    ]
    model = fit_future(spend)
    age = np.maximum(spend[names.T].to_numpy(dtype=np.float64), 1.0)
    since = (spend[names.T] - spend[names.T_X]).to_numpy(dtype=np.float64)
    days = spend[names.PURCHASE_DAYS].to_numpy(dtype=np.float64)
    made = [
        since,
        since / age,
        days / age,
        spend[names.NET_SPEND].to_numpy(dtype=np.float64) / np.maximum(days, 1.0),
        model.expected_purchases(spend).to_numpy(dtype=np.float64),
        model.expected_spend(spend).to_numpy(dtype=np.float64),
    ]
    return np.column_stack([spend[plain].to_numpy(dtype=np.float64), *made])
