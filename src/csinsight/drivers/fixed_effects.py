"""Within-agent slopes with cluster-jackknife intervals, from cross-products.

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

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse, stats

from csinsight.drivers.units import Floats

Places = npt.NDArray[np.intp]

_TOLERANCE = 1e-8
_RIDGE = 1e-11
#: Share of a column that its instrument has to hold.
_RELEVANT = 0.01


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
    df : int
        Agents whose own behaviour varies, minus one.
    robustness : float
        Share of what is left of both behaviour and outcome that a hidden cause would have to
        explain to bring the effect to zero.
    without : array (agents,)
        The effect with each agent left out.
    plain : float
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
    plain: float = float("nan")

    def with_spread(self, se: float, df: float) -> FixedEffectsEstimate:
        """Return the estimate with another standard error, and what follows from it."""
        reach = float(stats.t.ppf(0.975, df)) * se
        p_value = float(2 * stats.t.sf(abs(self.effect) / se, df))
        low, high = self.effect - reach, self.effect + reach
        return replace(self, se=se, low=low, high=high, p_value=p_value, df=df)


def cross_products(columns: Floats, sizes: np.typing.NDArray[np.int64]) -> Floats:
    """Return the centred cross-products of each agent's rows.

    Parameters
    ----------
    columns : array (rows, k)
        Rows of one agent next to each other.
    sizes : array (agents,)
        Number of rows of each agent, in order.

    Returns
    -------
    array (agents, k, k)

    Examples
    --------
    >>> columns = np.array([[1.0], [3.0], [2.0], [2.0]])
    >>> cross_products(columns, np.array([2, 2])).ravel().tolist()
    [2.0, 0.0]
    """
    ends = np.cumsum(sizes)
    products = np.empty((len(sizes), columns.shape[1], columns.shape[1]))
    for place, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        block = columns[start:end] - columns[start:end].mean(axis=0)
        products[place] = block.T @ block
    return products


def without_levels(columns: Floats, cells: npt.NDArray[np.int64]) -> Floats:
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
    products: Floats,
    rows: int,
    regressors: npt.NDArray[np.intp] | None = None,
    instruments: npt.NDArray[np.intp] | None = None,
    *,
    weakest: float = _RELEVANT,
) -> FixedEffectsEstimate | None:
    """Return the coefficient of the first regressor on the last, adjusted for those between.

    Parameters
    ----------
    products : array (agents, k, k)
        From `cross_products`.
    rows : int
        Number of rows behind them.
    regressors : array of places or None
        Behaviour, controls, outcome; None: all columns in order.
    instruments : array of places or None
        One for each regressor but the outcome; None: each its own (least squares).
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
    >>> products = cross_products(np.column_stack([shown, bought]), np.full(10, 40))
    >>> found = fixed_effects_estimate(products, 400)
    >>> round(found.effect, 1), found.low < 2 < found.high, found.df
    (2.0, True, 9)
    """
    every = np.arange(products.shape[1], dtype=np.intp)
    regressors = every if regressors is None else regressors
    instruments = regressors[:-1] if instruments is None else instruments
    total = products.sum(axis=0)
    kept = _kept(total, regressors, instruments, weakest)
    if not kept:
        return None
    square = total[np.ix_(regressors, regressors)]
    used, by, last = regressors[kept], instruments[kept], regressors[-1]
    a, b = total[np.ix_(by, used)], total[by, last]
    ridge = np.diag(np.diag(square)[kept]) * _RIDGE
    beta = np.linalg.solve(a + ridge, b)
    left_a = a - products[:, by[:, None], used] + ridge
    left_b = b - products[:, by, last]
    without = np.linalg.solve(left_a, left_b[..., None])[:, 0, 0]
    agents = len(products)
    se = float(np.sqrt((agents - 1) / agents * np.sum((without - beta[0]) ** 2)))
    varying = products[:, used[0], used[0]] > _TOLERANCE * square[0, 0]
    df, spare = int(varying.sum()) - 1, rows - agents - len(kept)
    if df < 1 or spare < 1 or se <= 0:
        return None
    through, own = total[used, last], float(total[last, last])
    plain = float(_plain_spread(total, used, by, a + ridge, beta, through, own) / np.sqrt(spare))
    return _describe(float(beta[0]), se, df, plain, spare, without)


def iv_coefficients(total: Floats, regressors: Places, instruments: Places) -> Floats:
    """Return the coefficients of all regressors on the last, without intervals.

    Parameters
    ----------
    total : array (k, k)
        Cross-products summed over agents.
    regressors, instruments : array of places
        As for `fixed_effects_estimate`.

    Returns
    -------
    array (regressors - 1,)
        Zero for what adds nothing; all NaN where the first regressor has no estimate.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> total = cross_products(np.column_stack([shown, bought]), np.full(10, 40)).sum(axis=0)
    >>> iv_coefficients(total, np.array([0, 1]), np.array([0])).round(1).tolist()
    [2.0]
    """
    found = np.full(len(regressors) - 1, np.nan)
    kept = _kept(total, regressors, instruments)
    if kept:
        used, by = regressors[kept], instruments[kept]
        a = total[np.ix_(by, used)] + np.diag(total[used, used]) * _RIDGE
        found[:] = 0.0
        found[kept] = np.linalg.solve(a, total[by, regressors[-1]])
    return found


def cross_products_with(
    columns: Floats, outcomes: Floats, sizes: np.typing.NDArray[np.int64]
) -> Floats:
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


def iv_draws(
    products: Floats,
    through: Floats,
    squares: Floats,
    rows: int,
    regressors: Places,
    instruments: Places,
) -> tuple[Floats, Floats, Floats, int] | None:
    """Return the first regressor's coefficient and standard errors on each of many outcomes.

    Parameters
    ----------
    products : array (agents, k, k)
        Of columns (`cross_products`).
    through : array (agents, k, outcomes)
        Of the same columns with the outcomes (`cross_products_with`).
    squares : array (outcomes,)
        Each outcome's sum of squares about its agents' means.
    rows : int
        Number of rows behind them.
    regressors, instruments : array of places
        As for `fixed_effects_estimate`; the last regressor's place is not used.

    Returns
    -------
    tuple of coefficients, standard errors, plain ones and degrees of freedom, or None
        As of `fixed_effects_estimate`, which it agrees with.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> sizes, columns = np.full(10, 40), shown[:, None]
    >>> products = cross_products(columns, sizes)
    >>> through = cross_products_with(columns, np.column_stack([bought, -bought]), sizes)
    >>> squares = np.full(2, 400 * bought.var())
    >>> drawn = iv_draws(products, through, squares, 400, np.array([0, 0]), np.array([0]))
    >>> drawn[0].round(1).tolist(), drawn[3]
    ([2.0, -2.0], 9)
    """
    total = products.sum(axis=0)
    kept = _kept(total, regressors, instruments)
    if not kept:
        return None
    used, by = regressors[kept], instruments[kept]
    right = through[:, by]
    ridge = np.diag(total[used, used]) * _RIDGE
    inner = total[np.ix_(by, used)] + ridge
    betas = np.linalg.solve(inner, right.sum(axis=0))
    beta = betas[0]
    left = inner - products[:, by[:, None], used]
    without = np.linalg.solve(left, right.sum(axis=0) - right)[:, 0]
    agents = len(products)
    se = np.sqrt((agents - 1) / agents * ((without - beta) ** 2).sum(axis=0))
    varying = products[:, used[0], used[0]] > _TOLERANCE * total[used[0], used[0]]
    df, spare = int(varying.sum()) - 1, rows - agents - len(kept)
    if df < 1 or spare < 1:
        return None
    plain = _plain_spread(
        total, used, by, inner, betas, through[:, used].sum(axis=0), squares
    ) / np.sqrt(spare)
    return beta, np.maximum(se, 1e-12), np.maximum(plain, 1e-12), df


def iv_first(
    total: Floats, through: Floats, regressors: Places, instruments: Places
) -> Floats | None:
    """Return the first regressor's coefficient on each of many outcomes, without standard errors.

    Parameters
    ----------
    total : array (k, k)
        Cross-products summed over agents.
    through : array (k, outcomes)
        Of the same columns with the outcomes.
    regressors, instruments : array of places
        As for `iv_draws`.

    Examples
    --------
    >>> total, through = np.array([[4.0]]), np.array([[8.0, 2.0]])
    >>> iv_first(total, through, np.array([0, 0]), np.array([0])).round(1).tolist()
    [2.0, 0.5]
    """
    kept = _kept(total, regressors, instruments)
    if not kept:
        return None
    used, by = regressors[kept], instruments[kept]
    inner = total[np.ix_(by, used)] + np.diag(total[used, used]) * _RIDGE
    return np.asarray(np.linalg.solve(inner.T, np.eye(len(inner))[0]) @ through[by])


def _plain_spread(
    total: Floats,
    used: Places,
    by: Places,
    inner: Floats,
    beta: Floats,
    through: Floats,
    own: float | Floats,
) -> Floats:
    """Return the first coefficient's standard error of independent rows, times root of the spare.

    `beta` and `through` (the regressors' products with the outcome) may have a column an outcome,
    and `own` (the outcome's square) a number each.
    """
    inside = total[np.ix_(used, used)]
    squares = own - 2 * (beta * through).sum(axis=0) + (beta * (inside @ beta)).sum(axis=0)
    reach = np.linalg.solve(inner.T, np.eye(len(inner))[0])
    spread = float(reach @ total[np.ix_(by, by)] @ reach)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0) * max(spread, 0.0)))


def partial(total: Floats, first: int, second: int, given: Places) -> float:
    """Return the correlation of two columns once those `given` are out of both.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shown = rng.random(400)
    >>> bought = 2 * shown + rng.random(400)
    >>> columns = np.column_stack([shown, bought, bought])
    >>> total = cross_products(columns, np.full(10, 40)).sum(axis=0)
    >>> partial(total, 0, 1, np.array([2])) < partial(total, 0, 1, np.array([], dtype=int)) < 1
    True
    """
    places = np.array([first, second])
    inner = total[np.ix_(given, given)] + np.diag(np.maximum(total[given, given], 1e-300)) * _RIDGE
    through = total[np.ix_(given, places)]
    left = (
        total[np.ix_(places, places)] - through.T @ np.linalg.lstsq(inner, through, rcond=None)[0]
    )
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


def squares_left(products: Floats, first: int, given: Places) -> Floats:
    """Return each agent's sum of squares of a column once those `given` are out of it.

    Parameters
    ----------
    products : array (agents, k, k)
        From `cross_products`.
    first : int
    given : array of places

    Examples
    --------
    >>> products = cross_products(np.array([[0.0], [2.0], [0.0], [4.0]]), np.array([2, 2]))
    >>> squares_left(products, 0, np.array([], dtype=int)).tolist()
    [2.0, 8.0]
    """
    total = products.sum(axis=0)
    inner = total[np.ix_(given, given)] + np.diag(np.maximum(total[given, given], 1e-300)) * _RIDGE
    weights = np.zeros(len(total))
    weights[given] = -np.linalg.lstsq(inner, total[given, first], rcond=None)[0]
    weights[first] = 1.0
    return np.asarray((products @ weights) @ weights)


def _kept(
    total: Floats, regressors: Places, instruments: Places, weakest: float = _RELEVANT
) -> list[int] | None:
    square = total[np.ix_(regressors, regressors)]
    kept = _independent(square)
    return kept and _relevant(kept, total[instruments, regressors[:-1]], square, weakest)


def _relevant(kept: list[int], shared: Floats, square: Floats, weakest: float) -> list[int] | None:
    """Return what is left once columns go that their instruments don't tell of."""
    relevant = [place for place in kept if shared[place] > weakest * square[place, place]]
    return relevant if relevant and relevant[0] == 0 else None


def _describe(
    effect: float, se: float, df: int, plain: float, spare: int, without: Floats
) -> FixedEffectsEstimate:
    robustness = 1.0
    if plain > 0:
        f2 = (effect / plain) ** 2 / spare
        robustness = float(0.5 * (np.sqrt(f2**2 + 4 * f2) - f2))
    told = FixedEffectsEstimate(effect, se, effect, effect, 1.0, df, robustness, without, plain)
    return told.with_spread(se, df)


def _independent(total: Floats) -> list[int] | None:
    """Return the behaviour's place and those of controls that add something; None if it is lost.

    Controls are swept one by one (Cholesky); the behaviour comes last, so that it counts as
    identified only by what the controls leave of it.
    """
    order = [*range(1, len(total) - 1), 0]
    work = total[np.ix_(order, order)]
    kept = []
    for number, place in enumerate(order):
        pivot = work[number, number]
        if pivot <= _TOLERANCE * max(total[place, place], 1e-300):
            continue
        rest = slice(number + 1, None)
        work[rest, rest] -= np.outer(work[rest, number], work[number, rest] / pivot)
        kept.append(place)
    return [0, *kept[:-1]] if kept and kept[-1] == 0 else None
