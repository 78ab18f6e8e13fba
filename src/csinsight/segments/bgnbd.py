"""How many purchases to expect of a buyer, and how much each is worth.

BG/NBD [1]_ or Pareto/NBD [3]_ for purchases and Gamma-Gamma [2]_ for their value, written small:
the libraries that had them are no longer kept up or far heavier than the three models. Checked
against the published CDNOW figures in the tests.

References
----------
.. [1] Fader, P. S., Hardie, B. G. S., Lee, K. L. (2005). "Counting your customers" the easy way:
   an alternative to the Pareto/NBD model. Marketing Science 24(2), 275-284.
.. [2] Fader, P. S., Hardie, B. G. S. (2013). The Gamma-Gamma model of monetary value.
   brucehardie.com/notes/025.
.. [3] Fader, P. S., Hardie, B. G. S. (2005). A note on deriving the Pareto/NBD model and related
   expressions. brucehardie.com/notes/009.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, hyp2f1

from csinsight.errors import NoFitError
from csinsight.stats import Floats

#: Different histories that a fit looks at.
FIT_ON: Final = 20_000
#: A weak pull of the log-parameters to 0, in units of one buyer, so that flat likelihoods end.
_PENALTY: Final = 0.01
#: Where time is added up, between 0 and 1, and the weight of each point (Gauss and Legendre).
_POINTS, _WEIGHTS = (np.polynomial.legendre.leggauss(24)[k] / 2 + (0.5, 0.0)[k] for k in (0, 1))
#: What has fallen by e to this power adds nothing more.
_GONE: Final = 40.0
#: The formula has a removable singularity at ``a = 1``.
_NEAR_ONE: Final = 1e-5


@dataclass(frozen=True)
class BgNbd:
    """Purchases while alive are Poisson with gamma rates; after any purchase a buyer may leave.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of purchase rates; `alpha` in the time unit of the data.
    a, b : float
        Beta distribution of the chance to leave after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that a buyer has not left."""
        return np.asarray(1 / (1 + np.exp(self._log_odds_left(x, t_x, age))))

    def expected(self, horizon: float, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return expected purchases in the next `horizon`, given a buyer's past.

        Parameters
        ----------
        horizon : float
        x : array of float
            Repeat purchases.
        t_x, age : array of float
            Time from first to last purchase, and from first purchase to now.
        """
        a = self.a if abs(self.a - 1) > _NEAR_ONE else 1 + _NEAR_ONE
        z = horizon / (self.alpha + age + horizon)
        # The paper's 2F1 after Euler's transformation: finite even for hundreds of purchases.
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, a + self.b + x - 1, z)
        made = (a + self.b + x - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
        return np.asarray(np.maximum(made, 0.0) * self.alive(x, t_x, age))

    def _log_odds_left(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        repeat = x > 0
        more = np.where(repeat, x, 1.0)
        odds = (
            np.log(self.a)
            - np.log(self.b + more - 1)
            + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        )
        return np.where(repeat, np.minimum(odds, 700.0), -np.inf)

    def log_likelihood(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the log-likelihood of each buyer's past."""
        rate = (
            gammaln(self.r + x)
            - gammaln(self.r)
            + self.r * np.log(self.alpha)
            - (self.r + x) * np.log(self.alpha + age)
        )
        stay = (
            gammaln(self.a + self.b)
            + gammaln(self.b + x)
            - gammaln(self.b)
            - gammaln(self.a + self.b + x)
        )
        return np.asarray(rate + stay + np.logaddexp(0.0, self._log_odds_left(x, t_x, age)))


@dataclass(frozen=True)
class ParetoNbd:
    """Purchases while alive are Poisson with gamma rates; buyers leave at any time.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of purchase rates.
    s, beta : float
        Shape and rate of the rates at which buyers leave.
    """

    r: float
    alpha: float
    s: float
    beta: float

    def expected(self, horizon: float, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return expected purchases in the next `horizon`, as `BgNbd.expected` does."""
        s = self.s if abs(self.s - 1) > _NEAR_ONE else 1 + _NEAR_ONE
        stays = (
            gammaln(self.r + x + 1)
            - gammaln(self.r)
            + self.r * np.log(self.alpha)
            + s * np.log(self.beta)
            - (self.r + x + 1) * np.log(self.alpha + age)
            - (s - 1) * np.log(self.beta + age)
        )
        left = ((self.beta + age) / (self.beta + age + horizon)) ** (s - 1)
        made = np.exp(stays - self.log_likelihood(x, t_x, age)) * (1 - left) / (s - 1)
        return np.asarray(np.maximum(made, 0.0))

    def log_likelihood(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the log-likelihood of each buyer's past."""
        both = self.r + self.s + x
        stayed = -(self.r + x) * np.log(self.alpha + age) - self.s * np.log(self.beta + age)
        left = np.log(self.s) - np.log(both) + self._log_left(x, t_x, age)
        whole = gammaln(self.r + x) - gammaln(self.r)
        whole = whole + self.r * np.log(self.alpha) + self.s * np.log(self.beta)
        return np.asarray(whole + np.logaddexp(stayed, left))

    def likelihood_and_slopes(self, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Return `log_likelihood` and what it gains by each log-parameter, (4, buyers).

        The time of leaving is added up at points between the last purchase and now: slopes come
        with it, and it is quicker than the closed form, to some ten digits.

        Examples
        --------
        >>> model, past = ParetoNbd(0.6, 90.0, 0.7, 60.0), (np.array([3.0]), np.array([80.0]), 200)
        >>> likely, slopes = model.likelihood_and_slopes(*past)
        >>> bool(abs(likely[0] - model.log_likelihood(*past)[0]) < 1e-9), slopes.shape
        (True, (4, 1))
        """
        low = min(self.alpha, self.beta)
        falls = np.maximum(self.r + x - 1 if self.alpha <= self.beta else self.s + 0 * x, 1e-9)
        # Who bought just now can't have left since: a span of next to nothing.
        since = np.maximum(np.log(low + age) - np.log(low + t_x), 1e-12)
        span = np.minimum(since, _GONE / falls)[:, None]
        moment = (low + t_x)[:, None] * np.exp(span * _POINTS)
        of_alpha, of_beta = (moment - low + own for own in (self.alpha, self.beta))
        log_alpha, log_beta = np.log(of_alpha), np.log(of_beta)
        log_parts = np.log(span * _WEIGHTS * moment)
        log_parts -= (self.r + x)[:, None] * log_alpha + (self.s + 1) * log_beta
        top = log_parts.max(axis=1, keepdims=True)
        parts = np.exp(log_parts - top)
        whole = parts.sum(axis=1)
        parts /= whole[:, None]
        left = np.log(self.s) + top[:, 0] + np.log(whole)
        now_alpha, now_beta = np.log(self.alpha + age), np.log(self.beta + age)
        either = np.logaddexp(-(self.r + x) * now_alpha - self.s * now_beta, left)
        gone = np.exp(left - either)

        def mean(stayed: Floats, while_left: Floats) -> Floats:
            return np.asarray((1 - gone) * stayed + gone * (parts * while_left).sum(axis=1))

        first = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        by_r = digamma(self.r + x) - digamma(self.r) + np.log(self.alpha)
        by_alpha = self.r / self.alpha - (self.r + x) * mean(1 / (self.alpha + age), 1 / of_alpha)
        by_s = np.log(self.beta) + gone / self.s - mean(now_beta, log_beta)
        by_beta = self.s / self.beta - mean(self.s / (self.beta + age), (self.s + 1) / of_beta)
        slopes = [
            self.r * (by_r - mean(now_alpha, log_alpha)),
            self.alpha * by_alpha,
            self.s * by_s,
            self.beta * by_beta,
        ]
        return first + self.s * np.log(self.beta) + either, np.array(slopes)

    def _log_left(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the log of the note's A0: having left between the last purchase and now."""
        both = self.r + self.s + x
        more = max(self.alpha, self.beta)
        second = self.s + 1 if self.alpha >= self.beta else self.r + x
        gap = abs(self.alpha - self.beta)
        ends = []
        for moment in (t_x, age):
            series = hyp2f1(both, second, both + 1, gap / (more + moment))
            ends.append(np.log(series) - both * np.log(more + moment))
        with np.errstate(divide="ignore", invalid="ignore"):
            span = np.log(-np.expm1(np.minimum(ends[1] - ends[0], 0.0)))
        return np.asarray(np.where(np.isfinite(span), ends[0] + span, -np.inf))


@dataclass(frozen=True)
class GammaGamma:
    """Values of a buyer's purchases are gamma; their means differ between buyers.

    Parameters
    ----------
    p, q, gamma : float
        As in the paper; `gamma` in money.
    """

    p: float
    q: float
    gamma: float

    def expected(self, count: Floats, mean: Floats) -> Floats:
        """Return the expected value of a purchase; the shop's mean where `count` is 0."""
        known = (count > 0) & (mean > 0)
        total = np.where(known, count * mean, 0.0)
        count = np.where(known, count, 0.0)
        return np.asarray((self.q - 1 + self.p * count) ** -1.0 * self.p * (self.gamma + total))

    def log_likelihood(self, count: Floats, mean: Floats) -> Floats:
        """Return the log-likelihood of each buyer's mean value over `count` purchases."""
        shape = self.p * count
        return np.asarray(
            gammaln(shape + self.q)
            - gammaln(shape)
            - gammaln(self.q)
            + self.q * np.log(self.gamma)
            + (shape - 1) * np.log(mean)
            + shape * np.log(count)
            - (shape + self.q) * np.log(self.gamma + count * mean)
        )


def fit_bgnbd(x: Floats, t_x: Floats, age: Floats) -> BgNbd:
    """Fit BG/NBD by maximum likelihood.

    Raises
    ------
    NoFitError
        Where the search finds no finite optimum.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> age = np.full(500, 365.0)
    >>> x = rng.poisson(rng.gamma(1.0, 2.0, 500)).astype(float)
    >>> t_x = np.where(x > 0, age * rng.beta(x + 1, 1), 0.0)
    >>> model = fit_bgnbd(x, t_x, age)
    >>> bool(0.5 < model.r < 2)
    True
    """
    rows, counts = _distinct(x, t_x, age)
    unit = max(float(rows[:, 2].max()), 1e-9)
    x, t_x, age = rows[:, 0], rows[:, 1] / unit, rows[:, 2] / unit

    def cost(log_params: Floats) -> float:
        model = BgNbd(*np.exp(log_params))
        return -float((counts * model.log_likelihood(x, t_x, age)).sum())

    best = _search(cost, int(counts.sum()), [[-1.0, -1.5, -0.3, 0.8], [0.0, 0.0, 0.0, 0.0]])
    r, alpha, a, b = np.exp(best)
    return BgNbd(float(r), float(alpha * unit), float(a), float(b))


def fit_pareto_nbd(x: Floats, t_x: Floats, age: Floats) -> ParetoNbd:
    """Fit Pareto/NBD by maximum likelihood.

    Raises
    ------
    NoFitError
        Where the search finds no finite optimum.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> age = np.full(500, 365.0)
    >>> x = rng.poisson(rng.gamma(1.0, 2.0, 500)).astype(float)
    >>> t_x = np.where(x > 0, age * rng.beta(x + 1, 1), 0.0)
    >>> model = fit_pareto_nbd(x, t_x, age)
    >>> bool(0.5 < model.r < 2)
    True
    """
    rows, counts = _distinct(x, t_x, age)
    unit = max(float(rows[:, 2].max()), 1e-9)
    x, t_x, age = rows[:, 0], rows[:, 1] / unit, rows[:, 2] / unit

    def cost(log_params: Floats) -> tuple[float, Floats]:
        likely, slopes = ParetoNbd(*np.exp(log_params)).likelihood_and_slopes(x, t_x, age)
        return -float((counts * likely).sum()), -(slopes * counts).sum(axis=1)

    best = _search(cost, int(counts.sum()), [[-0.5, -1.5, -0.7, -1.5]])
    r, alpha, s, beta = np.exp(best)
    return ParetoNbd(float(r), float(alpha * unit), float(s), float(beta * unit))


def fit_gamma_gamma(count: Floats, mean: Floats) -> GammaGamma:
    """Fit Gamma-Gamma by maximum likelihood on buyers with positive `count` and `mean`.

    Raises
    ------
    NoFitError
        Where the search finds no finite optimum.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> count = rng.integers(1, 9, 500).astype(float)
    >>> mean = rng.gamma(6 * count, 1 / (rng.gamma(4, 1 / 15, 500) * count))
    >>> model = fit_gamma_gamma(count, mean)
    >>> bool(model.q > 1)
    True
    """
    unit = float(np.median(mean))
    pairs, times = _distinct(count, mean / unit)

    def model_of(log_params: Floats) -> GammaGamma:
        # Below q = 1 the mean over buyers would be infinite.
        p, q, gamma = np.exp(log_params)
        return GammaGamma(float(p), float(1 + q), float(gamma))

    def cost(log_params: Floats) -> float:
        likely = model_of(log_params).log_likelihood(pairs[:, 0], pairs[:, 1])
        return -float((times * likely).sum())

    best = model_of(_search(cost, int(times.sum()), [[1.5, 1.0, 0.0], [0.5, 0.5, 0.5]]))
    return GammaGamma(best.p, best.q, best.gamma * unit)


def _distinct(*columns: Floats) -> tuple[Floats, Floats]:
    """Return distinct rows and how often each occurs, thinned evenly to at most `FIT_ON`."""
    rows, counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)
    step = -(-len(rows) // FIT_ON)
    return rows[::step], counts[::step].astype(np.float64)


#: What a fit makes small: a value, or a value with its slopes.
_Cost = Callable[[Floats], float] | Callable[[Floats], tuple[float, Floats]]


def _search(cost: _Cost, buyers: int, starts: list[list[float]]) -> Floats:
    def penalised(log_params: Floats) -> float | tuple[float, Floats]:
        told = cost(log_params)
        value, slopes = told if isinstance(told, tuple) else (told, None)
        value += _PENALTY * float(np.square(log_params).sum())
        value = value / buyers if np.isfinite(value) else 1e10
        if slopes is None:
            return value
        slopes = (slopes + 2 * _PENALTY * log_params) / buyers
        return value, np.where(np.isfinite(slopes), slopes, 0.0)

    found = []
    for start in starts:
        sloped = isinstance(cost(np.array(start)), tuple)
        bounds = [(-9.0, 9.0)] * len(start)
        found.append(minimize(penalised, start, jac=sloped, method="L-BFGS-B", bounds=bounds))
    best = min(found, key=lambda result: float(result.fun))
    if not np.isfinite(best.fun) or best.fun >= 1e10:
        raise NoFitError("no finite likelihood: the purchases can't carry the model")
    return np.asarray(best.x, dtype=np.float64)
