"""Within-agent slopes with cluster-jackknife intervals, from cross-products of named columns.

A model says by name what is estimated (`FixedEffectsModel`); every estimate takes it as it is.
Every agent's rows are centred on that agent's means (the fixed effect), and only the k × k
cross-products of each agent are kept. A column may have another as its instrument (just-identified
instrumental variables; least squares where each is its own). Dropping an agent is then a
subtraction, so that the cluster jackknife (CRV3) costs one solve an agent whatever the number of
rows.

References
----------
MacKinnon, Nielsen, Webb (2023), "Fast and reliable jackknife and bootstrap methods for
cluster-robust inference", Journal of Applied Econometrics 38: CRV3 with t(G-1) keeps its level with
few and unequal clusters. Carter, Schnepel, Steigerwald (2017), "Asymptotic behavior of a t-test
robust to cluster heterogeneity", Review of Economics and Statistics 99: the effective number of
clusters. Cinelli, Hazlett (2020), "Making sense of sensitivity", JRSS B 82: the
robustness value. `pyfixest` is the outside oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import scipy
from scipy import sparse

from csinsight.drivers.units import Codes, Places
from csinsight.stats import Floats
from csinsight.stats.intervals import jackknife_error

_TOLERANCE = 1e-8
_RIDGE = 1e-11
#: Share of a column that its instrument has to hold.
_RELEVANT = 0.01
#: No standard error of many outcomes at once is less: it is divided by.
_LEAST_ERROR = 1e-12


@dataclass(frozen=True)
class FixedEffectsModel:
    """What is estimated, by the names of columns.

    Parameters
    ----------
    outcome, exposure : str
    controls : tuple of str
        What is adjusted for, in the order in which it is taken in.
    instruments : mapping of str to str
        By exposure or control what stands for it; what is not named stands for itself (least
        squares).
    groups : {"periods", "agents"}
        Whom an inquiry is compared with: the agent's own of the same days or weeks
        (`csinsight.drivers.design_matrix.DesignMatrix.cells`), or all of the agent's. The jackknife
        leaves out one agent at a time in either.

    Examples
    --------
    >>> model = FixedEffectsModel("paid", "greets", ("pages", "cart"))
    >>> model.regressors, model.without(["cart"]).regressors
    (('greets', 'pages', 'cart'), ('greets', 'pages'))
    """

    outcome: str
    exposure: str
    controls: tuple[str, ...] = ()
    instruments: Mapping[str, str] = field(default_factory=dict)
    groups: Literal["periods", "agents"] = "periods"

    @property
    def regressors(self) -> tuple[str, ...]:
        """The exposure, then the controls."""
        return (self.exposure, *self.controls)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """What stands for each of the `regressors`."""
        return tuple(self.instruments.get(name, name) for name in self.regressors)

    def without(self, names: Iterable[str]) -> FixedEffectsModel:
        """Return the model without some controls."""
        gone = set(names)
        return replace(self, controls=tuple(name for name in self.controls if name not in gone))

    def proxied(self, proxy: str, instrument: str) -> FixedEffectsModel:
        """Return the model with one more control, for which another column stands."""
        instruments = {**self.instruments, proxy: instrument}
        return replace(self, controls=(*self.controls, proxy), instruments=instruments)


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Products of each two columns, summed over each agent's rows: all that an estimate needs.

    Parameters
    ----------
    names : tuple of str
        Of the columns.
    by_agent : array (agents, k, k)
    rows : int
        How many rows they are worth: each group but one of an agent costs one.
    """

    names: tuple[str, ...]
    by_agent: Floats
    rows: int

    @cached_property
    def total(self) -> Floats:
        """Summed over agents."""
        return np.asarray(self.by_agent.sum(axis=0))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def places(self, names: Iterable[str]) -> Places:
        """Return where columns stand."""
        return np.array([self._places[name] for name in names], dtype=np.intp)

    def with_sums(self, sums: Mapping[str, Mapping[str, float]]) -> CrossProducts:
        """Return them with weighted sums of the columns as columns of their own.

        Parameters
        ----------
        sums : mapping of str to mapping of str to float
            By the name of each sum, the weights by column.
        """
        weights = np.zeros((len(self.names), len(sums)))
        for place, weighted in enumerate(sums.values()):
            weights[self.places(weighted), place] = list(weighted.values())
        through = self.by_agent @ weights
        between = weights.T @ through
        both = np.block([[self.by_agent, through], [through.transpose(0, 2, 1), between]])
        return replace(self, names=(*self.names, *sums), by_agent=np.asarray(both))


@dataclass(frozen=True)
class FixedEffectsEstimate:
    """One adjusted coefficient and what is known about it.

    Parameters
    ----------
    effect, se : float
        In the outcome's unit per unit of the behaviour.
    low, high : float
        95 % interval, t with `df` degrees of freedom.
    p_value : float
        Two-sided.
    df : float
        Agents whose own behaviour varies, minus one; with what a prior adds where `se` is pooled
        (`csinsight.stats.shrinkage.moderated_errors`).
    robustness : float
        Share of what is left of both behaviour and outcome that a hidden cause would have to
        explain to bring the effect to zero.
    without : array (agents,)
        The effect with each agent left out.
    iid_se : float
        Standard error as if rows were independent and alike.
    """

    effect: float
    se: float
    low: float
    high: float
    p_value: float
    df: float
    robustness: float
    without: Floats
    iid_se: float = float("nan")

    @classmethod
    def of(
        cls, effect: float, se: float, df: float, without: Floats, **known: float
    ) -> FixedEffectsEstimate:
        """Return the estimate with what follows from its standard error."""
        robustness, iid_se = (known.get(name, float("nan")) for name in ("robustness", "iid_se"))
        bare = cls(effect, se, effect, effect, 1.0, df, robustness, without, iid_se)
        return bare.with_spread(se, df)

    def with_spread(self, se: float, df: float) -> FixedEffectsEstimate:
        """Return the estimate with another standard error, and what follows from it."""
        reach = float(scipy.stats.t.ppf(0.975, df)) * se
        p_value = float(2 * scipy.stats.t.sf(abs(self.effect) / se, df))
        low, high = self.effect - reach, self.effect + reach
        return replace(self, se=se, low=low, high=high, p_value=p_value, df=df)


@dataclass(frozen=True, eq=False)
class ManyEstimates:
    """One model's coefficient on each of many outcomes.

    Parameters
    ----------
    effect, se, iid_se : array (outcomes,)
        As of `FixedEffectsEstimate`.
    df : int
    without : array (agents, outcomes)
    spare : int
        Rows less what the fit has taken up.
    """

    effect: Floats
    se: Floats
    iid_se: Floats
    df: int
    without: Floats
    spare: int


def cross_products(
    columns: Floats, names: Iterable[str], sizes: Codes, rows: int | None = None
) -> CrossProducts:
    """Return the centred cross-products of each agent's rows.

    Parameters
    ----------
    columns : array (rows, k)
        Rows of one agent next to each other.
    names : iterable of str
        Of the columns.
    sizes : array (agents,)
        Number of rows of each agent, in order.
    rows : int, optional
        How many rows they are worth, where that is less than there are.

    Examples
    --------
    >>> columns = np.array([[1.0], [3.0], [2.0], [2.0]])
    >>> cross_products(columns, ["greets"], np.array([2, 2])).by_agent.ravel().tolist()
    [2.0, 0.0]
    """
    ends = np.cumsum(sizes)
    products = np.empty((len(sizes), columns.shape[1], columns.shape[1]))
    for place, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        block = columns[start:end] - columns[start:end].mean(axis=0)
        products[place] = block.T @ block
    return CrossProducts(tuple(names), products, len(columns) if rows is None else rows)


def without_levels(columns: Floats, cells: Codes) -> Floats:
    """Return columns with the mean of each row's cell taken out.

    Parameters
    ----------
    columns : array (rows, k)
    cells : array (rows,)
        Codes from 0.

    Returns
    -------
    array (rows, k)
        What does not vary within cells is zero throughout.

    Examples
    --------
    >>> columns = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 7.0]])
    >>> without_levels(columns, np.array([0, 0, 1])).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """
    number = np.bincount(cells)
    rows = np.arange(len(cells))
    member = sparse.csr_matrix((np.ones(len(cells)), (cells, rows)))
    means = (member @ columns) / np.maximum(number, 1)[:, None]
    left = np.take(means, cells, axis=0)
    np.subtract(columns, left, out=left)
    # Rounding's leftovers of what is constant in each cell would pass for a column.
    size, rest = (np.einsum("ij,ij->j", v, v) for v in (columns, left))
    constant = rest <= _TOLERANCE**2 * size
    left[:, constant] = 0.0
    return left


def fixed_effects_estimate(
    products: CrossProducts, model: FixedEffectsModel, *, weakest: float = _RELEVANT
) -> FixedEffectsEstimate | None:
    """Return the exposure's coefficient on the outcome, adjusted for the controls.

    Parameters
    ----------
    products : CrossProducts
        Within the model's groups.
    model : FixedEffectsModel
    weakest : float
        Share of a column that its instrument has to hold, else the column is left out.

    Returns
    -------
    FixedEffectsEstimate or None
        None where the behaviour does not vary within agents once the controls are known.

    Examples
    --------
    Ten agents of forty inquiries each, and two points of outcome to one of behaviour:

    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> columns = np.column_stack([shown, bought])
    >>> products = cross_products(columns, ["shown", "bought"], np.full(10, 40))
    >>> found = fixed_effects_estimate(products, FixedEffectsModel("bought", "shown"))
    >>> round(found.effect, 1), found.low < 2 < found.high, found.df
    (2.0, True, 9)
    """
    last = products.places([model.outcome])
    square = products.total[last, last]
    found = _fit(products, model, products.by_agent[:, :, last], square, weakest)
    if found is None or found.se[0] <= 0:
        return None
    effect, se, iid_se = (float(each[0]) for each in (found.effect, found.se, found.iid_se))
    robustness = 1.0
    if iid_se > 0:
        f2 = (effect / iid_se) ** 2 / found.spare
        robustness = float(0.5 * (np.sqrt(f2**2 + 4 * f2) - f2))
    known = {"robustness": robustness, "iid_se": iid_se}
    return FixedEffectsEstimate.of(effect, se, found.df, found.without[:, 0], **known)


def many_estimates(
    products: CrossProducts, through: Floats, squares: Floats, model: FixedEffectsModel
) -> ManyEstimates | None:
    """Return the exposure's coefficient and its standard errors on each of many outcomes.

    Parameters
    ----------
    products : CrossProducts
    through : array (agents, k, outcomes)
        Of the same columns with the outcomes (`cross_products_with`).
    squares : array (outcomes,)
        Each outcome's sum of squares about its agents' means.
    model : FixedEffectsModel
        Its own outcome is not looked at.

    Returns
    -------
    ManyEstimates or None
        As of `fixed_effects_estimate`, which it agrees with.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> sizes, columns = np.full(10, 40), shown[:, None]
    >>> products = cross_products(columns, ["shown"], sizes)
    >>> through = cross_products_with(columns, np.column_stack([bought, -bought]), sizes)
    >>> squares = np.full(2, 400 * bought.var())
    >>> drawn = many_estimates(products, through, squares, FixedEffectsModel("", "shown"))
    >>> drawn.effect.round(1).tolist(), drawn.df
    ([2.0, -2.0], 9)
    """
    found = _fit(products, model, through, squares, _RELEVANT)
    if found is None:
        return None
    se, iid_se = (np.maximum(each, _LEAST_ERROR) for each in (found.se, found.iid_se))
    return replace(found, se=se, iid_se=iid_se)


def _fit(
    products: CrossProducts,
    model: FixedEffectsModel,
    through: Floats,
    squares: Floats,
    least: float,
) -> ManyEstimates | None:
    """Return the exposure's coefficients, with each agent left out too (CRV3)."""
    kept = _kept(products, model, least)
    if kept is None:
        return None
    total, (used, by) = products.total, kept
    ridge = np.diag(total[used, used]) * _RIDGE
    inner, right = total[np.ix_(by, used)], through[:, by]
    betas = np.linalg.solve(inner + ridge, right.sum(axis=0))
    left = inner - products.by_agent[:, by[:, None], used] + ridge
    without = np.linalg.solve(left, right.sum(axis=0) - right)[:, 0]
    varying = products.by_agent[:, used[0], used[0]] > _TOLERANCE * total[used[0], used[0]]
    df, spare = int(varying.sum()) - 1, products.rows - len(without) - len(used)
    if df < 1 or spare < 1:
        return None
    # As if rows were independent: what the fit leaves of the outcome, times the reach of the rows.
    fitted = through[:, used].sum(axis=0)
    rest = squares - 2 * (betas * fitted).sum(axis=0)
    rest += (betas * (total[np.ix_(used, used)] @ betas)).sum(axis=0)
    reach = np.linalg.solve((inner + ridge).T, np.eye(len(inner))[0])
    spread = float(reach @ total[np.ix_(by, by)] @ reach)
    iid_se = np.sqrt(np.maximum(rest, 0.0) * max(spread, 0.0)) / np.sqrt(spare)
    return ManyEstimates(betas[0], jackknife_error(betas[0], without), iid_se, df, without, spare)


def iv_coefficients(products: CrossProducts, model: FixedEffectsModel) -> dict[str, float]:
    """Return the coefficients of all regressors on the outcome, without intervals.

    Returns
    -------
    dict of str to float
        Zero for what adds nothing; all NaN where the exposure has no estimate.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> columns = np.column_stack([shown, bought])
    >>> products = cross_products(columns, ["shown", "bought"], np.full(10, 40))
    >>> found = iv_coefficients(products, FixedEffectsModel("bought", "shown"))
    >>> round(found["shown"], 1)
    2.0
    """
    kept = _kept(products, model)
    if kept is None:
        return dict.fromkeys(model.regressors, float("nan"))
    total, (used, by) = products.total, kept
    inner = total[np.ix_(by, used)] + np.diag(total[used, used]) * _RIDGE
    slopes = np.linalg.solve(inner, total[by, products.places([model.outcome])[0]])
    told = dict(zip((products.names[place] for place in used), slopes.tolist(), strict=True))
    return dict.fromkeys(model.regressors, 0.0) | told


def exposure_coefficients(
    products: CrossProducts, through: Floats, model: FixedEffectsModel
) -> Floats | None:
    """Return the exposure's coefficient on each of many outcomes, without standard errors.

    Parameters
    ----------
    products : CrossProducts
    through : array (k, outcomes)
        Of the same columns with the outcomes, summed over agents.
    model : FixedEffectsModel
        As for `many_estimates`.

    Examples
    --------
    >>> products = CrossProducts(("shown",), np.array([[[4.0]]]), 9)
    >>> model = FixedEffectsModel("", "shown")
    >>> exposure_coefficients(products, np.array([[8.0, 2.0]]), model).round(1).tolist()
    [2.0, 0.5]
    """
    kept = _kept(products, model)
    if kept is None:
        return None
    total, (used, by) = products.total, kept
    inner = total[np.ix_(by, used)] + np.diag(total[used, used]) * _RIDGE
    return np.asarray(np.linalg.solve(inner.T, np.eye(len(inner))[0]) @ through[by])


def cross_products_with(columns: Floats, outcomes: Floats, sizes: Codes) -> Floats:
    """Return the centred cross-products of each agent's columns with many outcomes.

    Parameters
    ----------
    columns : array (rows, k)
        Rows of one agent next to each other.
    outcomes : array (rows, outcomes)
    sizes : array (agents,)

    Returns
    -------
    array (agents, k, outcomes)

    Examples
    --------
    >>> x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    >>> cross_products_with(x, y, np.array([2])).tolist()
    [[[2.0]]]
    """
    ends = np.cumsum(sizes)
    # One side centred is enough.
    return np.stack(
        [
            columns[start:end].T @ (outcomes[start:end] - outcomes[start:end].mean(axis=0))
            for start, end in zip(ends - sizes, ends, strict=True)
        ]
    )


def partial(products: CrossProducts, first: str, second: str, given: Iterable[str]) -> float:
    """Return the correlation of two columns once those `given` are out of both.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> columns = np.column_stack([shown, bought, bought])
    >>> products = cross_products(columns, ["shown", "bought", "again"], np.full(10, 40))
    >>> alone, together = (partial(products, "shown", "bought", g) for g in ([], ["again"]))
    >>> together < alone < 1
    True
    """
    known, both = products.places(given), products.places([first, second])
    slopes = _slopes_on(products.total, known, both)
    left = products.total[np.ix_(both, both)] - products.total[np.ix_(known, both)].T @ slopes
    scale = float(np.sqrt(max(left[0, 0], 0.0) * max(left[1, 1], 0.0)))
    return float(left[0, 1] / scale) if scale > 0 else 0.0


def effective_number(squares: Floats) -> float:
    """Return how many agents of like weight tell as much as these of unequal weight.

    Far out in the tails t with one less than their number holds its level only where agents are
    alike.

    Parameters
    ----------
    squares : array (agents,)
        What each adds to the denominator of the estimate (`squares_left`).

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 1.0])), effective_number(np.array([4.0, 1.0, 1.0]))
    (3.0, 2.0)
    """
    return float(squares.sum() ** 2 / max((squares**2).sum(), 1e-300))


def squares_left(products: CrossProducts, first: str, given: Iterable[str]) -> Floats:
    """Return each agent's sum of squares of a column once those `given` are out of it.

    Examples
    --------
    >>> columns = np.array([[0.0], [2.0], [0.0], [4.0]])
    >>> squares_left(cross_products(columns, ["shown"], np.array([2, 2])), "shown", []).tolist()
    [2.0, 8.0]
    """
    known, own = products.places(given), products.places([first])
    weights = np.zeros(len(products.names))
    weights[known] = -_slopes_on(products.total, known, own)[:, 0]
    weights[own] = 1.0
    return np.asarray((products.by_agent @ weights) @ weights)


def _slopes_on(total: Floats, given: Places, wanted: Places) -> Floats:
    """Return the slopes of some columns on those given, whether or not these repeat each other."""
    inner = total[np.ix_(given, given)] + np.diag(np.maximum(total[given, given], 1e-300)) * _RIDGE
    return np.asarray(np.linalg.lstsq(inner, total[np.ix_(given, wanted)], rcond=None)[0])


def _kept(
    products: CrossProducts, model: FixedEffectsModel, least: float = _RELEVANT
) -> tuple[Places, Places] | None:
    """Return the places of the regressors that add something, and of their instruments.

    None where the exposure adds nothing, or its instrument does not tell of it.
    """
    regressors, instruments = products.places(model.regressors), products.places(model.stand_ins)
    square = products.total[np.ix_(regressors, regressors)]
    shared = products.total[instruments, regressors]
    kept = [p for p in _independent(square) if shared[p] > least * square[p, p]]
    return (regressors[kept], instruments[kept]) if kept and kept[0] == 0 else None


def _independent(total: Floats) -> list[int]:
    """Return the exposure's place and those of controls that add something; none if it is lost.

    Controls are swept one by one (Cholesky, of each no more than is looked at); the exposure comes
    last, so that it counts as identified only by what the controls leave of it.
    """
    order = np.r_[1 : len(total), 0]
    square = total[np.ix_(order, order)]
    least = _TOLERANCE * np.maximum(np.diag(square), 1e-300)
    factor, kept = np.empty_like(square), 0
    found = []
    for number, place in enumerate(order.tolist()):
        above = factor[:kept, number]
        pivot = square[number, number] - above @ above
        if pivot > least[number]:
            rest = square[number, number:] - above @ factor[:kept, number:]
            factor[kept, number:] = rest / np.sqrt(pivot)
            kept += 1
            found.append(place)
    return [0, *found[:-1]] if found and found[-1] == 0 else []
