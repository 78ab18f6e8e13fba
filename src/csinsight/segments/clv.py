"""What each buyer is expected to spend next: BG/NBD with Gamma-Gamma, or the shop's own means.

The two models need repeat buyers to learn from. Where there are few, a buyer's purchase rate and
value are drawn to the shop's (gamma-Poisson and normal shrinkage), and the result says so.

Future spend learnt from what buyers like these went on to spend: RFM cells and boosted trees.

Both learn from one earlier stretch: what was known of each buyer at its start, and what came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.errors import NoFitError
from csinsight.features.spend import WINDOWS, SpendFeatures
from csinsight.segments.bgnbd import (
    BgNbd,
    GammaGamma,
    ParetoNbd,
    fit_bgnbd,
    fit_gamma_gamma,
    fit_pareto_nbd,
)
from csinsight.stats import Floats

#: Models of when buyers come back.
Kind: TypeAlias = Literal["bgnbd", "pareto_nbd"]

#: Repeat buyers needed for BG/NBD with Gamma-Gamma; four and three parameters are learnt.
MIN_REPEAT_BUYERS: Final = 60
#: Strength, in purchases and in buyers' orders, with which plain means are drawn to the shop's.
_PULL: Final = 2.0


@dataclass(frozen=True)
class FutureModel:
    """The fitted model of future spend.

    Parameters
    ----------
    name : {"bgnbd", "pareto_nbd", "means"}
    repeat_buyers : int
        Buyers with at least two purchase days.
    correlation : float or None
        Spearman correlation of frequency and mean value over repeat buyers: Gamma-Gamma takes it
        for zero.
    purchases : BgNbd, ParetoNbd or None
    value : GammaGamma or None
    rate, worth : float
        The shop's repeat purchases per buyer and day, and mean value of a purchase.
    """

    name: Kind | Literal["means"]
    repeat_buyers: int
    correlation: float | None
    purchases: BgNbd | ParetoNbd | None
    value: GammaGamma | None
    rate: float
    worth: float

    def expected_purchases(self, spend: pd.DataFrame, horizon_days: float = 90) -> pd.Series:
        """Return expected purchase days in the next `horizon_days`, by buyer."""
        x, t_x, age = _history(spend)
        if self.purchases is not None:
            made = self.purchases.expected(horizon_days, x, t_x, age)
        elif self.rate <= 0:
            made = np.zeros(len(x))
        else:
            made = horizon_days * (x + _PULL) / (np.maximum(age, 0.0) + _PULL / self.rate)
        return pd.Series(made, index=_ids(spend), name="expected_purchases")

    def expected_value(self, spend: pd.DataFrame) -> pd.Series:
        """Return the expected net value of one purchase day, by buyer."""
        count, mean = _values(spend)
        if self.value is not None:
            worth = self.value.expected(count, mean)
        else:
            known = (count > 0) & (mean > 0)
            worth = np.where(known, count * mean, 0.0) + _PULL * self.worth
            worth = worth / (np.where(known, count, 0.0) + _PULL)
        return pd.Series(worth, index=_ids(spend), name="expected_value")

    def expected_spend(self, spend: pd.DataFrame, horizon_days: float = 90) -> pd.Series:
        """Return expected net spend in the next `horizon_days`, by buyer; NaN without money."""
        expected = self.expected_purchases(spend, horizon_days) * self.expected_value(spend)
        if spend[SpendFeatures.NET_SPEND].isna().all():
            expected[:] = np.nan
        return expected.rename(f"expected_spend_{horizon_days:g}d")


def fit_future(spend: pd.DataFrame, kind: Kind = "bgnbd") -> FutureModel:
    """Fit the model of future spend on the purchases known so far.

    Parameters
    ----------
    spend : DataFrame
        `csinsight.features.spend.spend_features` of every buyer who ever bought: without those
        who have left, all would seem to stay.
    kind : {"bgnbd", "pareto_nbd"}

    Examples
    --------
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> spend = spend_features(sample_shop(), context.as_of, order_days=365)
    >>> fit_future(spend).name
    'bgnbd'
    """
    x, t_x, age = _history(spend)
    count, mean = _values(spend)
    repeat = x > 0
    paid = (count > 0) & (mean > 0)
    # The first purchase is known to lie at the start: only later ones tell the rate.
    days = float(np.maximum(age, 0.0).sum())
    plain = FutureModel(
        name="means",
        repeat_buyers=int(repeat.sum()),
        correlation=_correlation(x[repeat & paid], mean[repeat & paid]),
        purchases=None,
        value=None,
        rate=float(x.sum()) / days if days > 0 else 0.0,
        worth=float((count * mean)[paid].sum() / count[paid].sum()) if paid.any() else 0.0,
    )
    if repeat.sum() < MIN_REPEAT_BUYERS:
        return plain
    try:
        fit = fit_bgnbd if kind == "bgnbd" else fit_pareto_nbd
        purchases: BgNbd | ParetoNbd = fit(x, t_x, age)
        value = fit_gamma_gamma(count[paid], mean[paid]) if paid.any() else None
    except NoFitError:
        return plain
    return FutureModel(
        kind,
        plain.repeat_buyers,
        plain.correlation,
        purchases,
        value,
        plain.rate,
        plain.worth,
    )


def expected_spend(
    spend: pd.DataFrame, horizon_days: float = 90, model: FutureModel | None = None
) -> pd.Series:
    """Return expected net spend by buyer.

    Parameters
    ----------
    spend : DataFrame
        `csinsight.features.spend.spend_features`.
    horizon_days : float
    model : FutureModel, optional
        From `fit_future`; fitted on `spend` when not given.

    Returns
    -------
    Series
        Indexed by buyer, in shop currency; NaN where the shop records no money.

    Examples
    --------
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> spend = spend_features(sample_shop(), context.as_of, order_days=365)
    >>> bool((expected_spend(spend, horizon_days=90).dropna() >= 0).all())
    True
    """
    return (model or fit_future(spend)).expected_spend(spend, horizon_days)


def calibration(expected: pd.Series, actual: pd.Series, groups: int = 10) -> pd.DataFrame:
    """Compare expected with actual spend, by groups of rising expectation.

    Parameters
    ----------
    expected : Series
        By buyer.
    actual : Series
        Spend in the horizon, by buyer; absent buyers spent nothing.
    groups : int

    Returns
    -------
    DataFrame
        ``group`` from 1, ``buyers``, mean ``expected`` and ``actual``.

    Examples
    --------
    >>> told = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("abcd"))
    >>> spent = pd.Series([5.0, 3.0], index=["d", "c"])
    >>> calibration(told, spent, groups=2)
       group  buyers  expected  actual
    0      1       2       1.5     0.0
    1      2       2       3.5     4.0
    """
    table = pd.DataFrame({"expected": expected})
    table["actual"] = actual.reindex(table.index).fillna(0.0)
    place = table["expected"].rank(method="first") - 1
    table["group"] = (place * groups // max(len(table), 1)).astype(int) + 1
    parts = table.groupby("group")
    return parts.agg(
        buyers=("expected", "size"), expected=("expected", "mean"), actual=("actual", "mean")
    ).reset_index()


def deviance(expected: pd.Series, actual: pd.Series) -> pd.Series:
    """Return each buyer's Tweedie deviance of power 1.5, which the true mean makes least.

    The absolute error is least for the median, and where most buyers spend nothing the median is
    nothing: by it a model that expects nothing of anybody would win. Power 1.5 is that of a sum of
    a Poisson number of gamma amounts, as spend is [1]_.

    References
    ----------
    .. [1] Jorgensen, B. (1987). Exponential dispersion models. JRSS B 49, 127-162.

    Examples
    --------
    >>> spent = pd.Series([0.0, 0.0, 0.0, 100.0])
    >>> bool(deviance(spent * 0 + 25.0, spent).mean() < deviance(spent * 0 + 1.0, spent).mean())
    True
    """
    later = actual.reindex(expected.index).fillna(0.0).clip(lower=0.0)
    # Nothing expected of a buyer who then spends would cost without end.
    least = max(float(later.mean()), 1e-9) * 1e-3
    mean = np.sqrt(expected.clip(lower=least))
    costs: pd.Series = 4 * np.square(np.sqrt(later) - mean) / mean
    return costs


def accuracy(expected: pd.Series, actual: pd.Series) -> dict[str, float]:
    """Return how well spend is expected.

    Returns
    -------
    dict of str to float
        ``deviance``, ``mae`` and ``bias`` per buyer, ``total`` (expected over actual), and
        ``rank_correlation``.

    Examples
    --------
    >>> told = pd.Series([1.0, 2.0, 3.0], index=list("abc"))
    >>> spent = pd.Series([6.0], index=["c"])
    >>> accuracy(told, spent)["total"]
    1.0
    """
    later = actual.reindex(expected.index).fillna(0.0)
    total = float(later.sum())
    return {
        "deviance": float(deviance(expected, later).mean()),
        "total": float(expected.sum()) / total if total > 0 else float("nan"),
        "mae": float((expected - later).abs().mean()),
        "bias": float((expected - later).mean()),
        "rank_correlation": float(expected.corr(later, method="spearman")),
    }


def _ids(spend: pd.DataFrame) -> pd.Index[str]:
    ids: pd.Index[str] = pd.Index(spend[SpendFeatures.BUYER_ID].astype("str"))
    return ids


def _history(spend: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    names = (SpendFeatures.X, SpendFeatures.T_X, SpendFeatures.T)
    x, t_x, age = (spend[name].to_numpy(dtype=np.float64) for name in names)
    return x, t_x, age


def _values(spend: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return purchase days, the first among them, and the mean net value of one."""
    count = spend[SpendFeatures.PURCHASE_DAYS].to_numpy(dtype=np.float64)
    money = spend[SpendFeatures.LIFETIME_SPEND].to_numpy(dtype=np.float64, na_value=np.nan)
    return count, np.nan_to_num(money) / np.maximum(count, 1.0)


def _correlation(x: Floats, mean: Floats) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(mean) == 0:
        return None
    return float(pd.Series(x).corr(pd.Series(mean), method="spearman"))


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
_PULL_OF_CELLS: Final = 20.0


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
    known : DataFrame, optional
        `spend` of every buyer who ever bought before it, also before the look-back: what models
        of coming back are fitted on. `spend` unless told.
    """

    spend: pd.DataFrame
    later: pd.Series
    days: float
    known: pd.DataFrame | None = None

    def sample(self, seed: int) -> Past:
        """Return the same for at most `LEARN_ON` buyers, drawn by the seed."""
        if len(self.spend) <= LEARN_ON:
            return self
        drawn = self.spend.sample(LEARN_ON, random_state=seed).reset_index(drop=True)
        return replace(self, spend=drawn)

    @property
    def everyone(self) -> pd.DataFrame:
        """Every buyer who ever bought before the stretch."""
        return self.spend if self.known is None else self.known

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
    """Learn the mean later spend of each cell.

    Examples
    --------
    >>> from datetime import datetime
    >>> from csinsight.features.spend import spend_between, spend_features
    >>> from csinsight.sample import sample_shop
    >>> shop, start, end = sample_shop(), datetime(2026, 8, 1), datetime(2026, 10, 1)
    >>> spend = spend_features(shop, start, order_days=365)
    >>> later = spend_between(shop, start, end).set_index("buyer_id")["net_spend"]
    >>> cells = learn_rfm(Past(spend, later, days=61))
    >>> bool((cells.expected_spend(spend, 90) >= 0).all())
    True
    """
    money = past.spend[SpendFeatures.NET_SPEND].to_numpy(dtype=np.float64)
    edges = np.quantile(money, np.arange(1, _MONEY_GROUPS) / _MONEY_GROUPS)
    shape = (len(_RECENCY) + 1, len(_FREQUENCY) + 1, _MONEY_GROUPS)
    place = np.ravel_multi_index(_cells(past.spend, edges), shape)
    size = int(np.prod(shape))
    total = np.bincount(place, weights=past.target, minlength=size)
    buyers = np.bincount(place, minlength=size)
    mean = (total + _PULL_OF_CELLS * past.target.mean()) / (buyers + _PULL_OF_CELLS)
    return RfmCells(edges, mean.reshape(shape) / past.days)


def learn_boosted(past: Past, *, seed: int) -> Boosted:
    """Learn from what each buyer did before the stretch, BG/NBD's expectation among it.

    Examples
    --------
    >>> from datetime import datetime
    >>> from csinsight.features.spend import spend_between, spend_features
    >>> from csinsight.sample import sample_shop
    >>> shop, start, end = sample_shop(), datetime(2026, 8, 1), datetime(2026, 10, 1)
    >>> spend = spend_features(shop, start, order_days=365)
    >>> later = spend_between(shop, start, end).set_index("buyer_id")["net_spend"]
    >>> trees = learn_boosted(Past(spend, later, days=61), seed=1)
    >>> type(trees).__name__
    'Boosted'
    """
    # Here, since most pages read what was expected and learn nothing, and its import takes long.
    from sklearn.ensemble import HistGradientBoostingRegressor

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
