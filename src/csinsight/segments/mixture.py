"""A mixture of buyer types in which every value carries its own sampling noise.

Component `k` has, for each feature, a centre and a true spread between its buyers; a buyer's
value is a draw from it plus noise of known variance [1]_. So a buyer seen little, or not at all
on a feature, gets wide probabilities by itself. Tails are those of a t distribution [2]_, so
that single odd buyers move nothing; spreads are diagonal, which stays estimable when a type has
few members. `scikit-learn`'s mixtures know neither noise per value nor missing values.

References
----------
.. [1] Bovy, J., Hogg, D. W., Roweis, S. T. (2011). Extreme deconvolution. Annals of Applied
   Statistics 5(2B), 1657-1677.
.. [2] Peel, D., McLachlan, G. J. (2000). Robust mixture modelling using the t distribution.
   Statistics and Computing 10, 339-348.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

from csinsight.stats import Floats

#: Degrees of freedom of the tails: heavy enough to shrug at odd buyers, near normal inside.
FREEDOM = 6.0
#: A centre is held at its seed by as many pseudo-buyers plus as large a share of the shop, so that
#: a small type is not drawn away to split a large one; a spread is held by as many buyers. Once
#: every type is known to be supported, the share is let go (`release`).
_HELD_BUYERS = 3.0
_HELD_SHARE = 0.05
#: How far the spreads of single types are drawn to their common one.
_POOLED = 0.5
#: Smallest spread of a type, as a share of the shop's.
_LEAST_SPREAD = 0.15
#: Rounds at the start in which all types count alike, so that a large one can't take all.
_EVEN_ROUNDS = 8
_ROUNDS = 200
_TOLERANCE = 1e-4
#: Features whose densities are multiplied before a logarithm is taken: few, so that odd values of
#: hostile data stay far from overflow.
_AT_ONCE = 4


@dataclass(frozen=True)
class Mixture:
    """Centres and squared spreads (components, features) and shares (components) in z units."""

    centres: Floats
    spreads: Floats
    shares: Floats

    def log_parts(self, value: Floats, noise: Floats) -> Floats:
        """Return log densities (components, buyers, features); 0 where nothing was seen."""
        seen = np.isfinite(noise)
        safe = np.where(seen, noise, 0.0)
        half = (FREEDOM + 1) / 2
        constant = gammaln(half) - gammaln(FREEDOM / 2) - 0.5 * np.log(FREEDOM * np.pi)
        parts = np.empty((len(self.shares), *value.shape))
        for k, (centre, spread) in enumerate(zip(self.centres, self.spreads, strict=True)):
            variance = spread + safe
            squared = np.square(value - centre) / variance
            parts[k] = constant - 0.5 * np.log(variance) - half * np.log1p(squared / FREEDOM)
        parts[:, ~seen] = 0.0
        return parts

    def log_joint(self, value: Floats, noise: Floats) -> Floats:
        """Return log of share times density, buyers by components."""
        return np.asarray(self.log_parts(value, noise).sum(axis=2).T + np.log(self.shares))

    def probabilities(self, value: Floats, noise: Floats) -> Floats:
        """Return posterior probabilities, buyers by components; rows sum to one."""
        joint = self.log_joint(value, noise)
        return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))

    def worth(self, value: Floats, noise: Floats) -> tuple[Floats, Floats]:
        """Return what each component explains.

        Returns
        -------
        members : array of float, (components,)
            Expected number of buyers.
        gains : array of float, (components,)
            Mean log-likelihood per buyer of the shop that is lost without the component, the
            others keeping their proportions: near zero where another explains its members as
            well.
        """
        joint = self.log_joint(value, noise)
        total = logsumexp(joint, axis=1)
        member = np.exp(joint - total[:, None])
        gains = []
        for k, share in enumerate(self.shares):
            rest = logsumexp(np.delete(joint, k, axis=1), axis=1) - np.log1p(-share)
            gains.append(float((member[:, k] * (total - rest)).mean()))
        return member.sum(axis=0), np.array(gains)

    def shown(self, value: Floats, noise: Floats) -> Floats:
        """Return what each component's buyers show (components, features).

        Unlike the centres, nothing holds these means at where the fit began.
        """
        known = np.isfinite(noise)
        member = self.probabilities(value, noise)
        means = np.empty_like(self.centres)
        for k, spread in enumerate(self.spreads):
            precise = np.where(known, member[:, [k]] / (spread + np.where(known, noise, 1.0)), 0.0)
            means[k] = (precise * value).sum(axis=0) / np.maximum(precise.sum(axis=0), 1e-12)
        return means


def fit_mixture(value: Floats, noise: Floats, seeds: Floats) -> Mixture:
    """Fit by EM from `seeds`, which also hold the centres of types that nobody shows.

    Parameters
    ----------
    value, noise : array of float, (buyers, features)
        Unshrunk z-scores and their sampling variance; infinite noise where nothing was seen.
    seeds : array of float, (components, features)
        Where each type starts, in z units.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> value = np.concatenate([rng.normal(-2, 0.5, (50, 1)), rng.normal(2, 0.5, (50, 1))])
    >>> noise = np.full_like(value, 0.01)
    >>> mixture = fit_mixture(value, noise, np.array([[-1.0], [1.0]]))
    >>> mixture.shares.round(1).tolist()
    [0.5, 0.5]
    """
    shop, count = _shop_spread(value, noise), len(seeds)
    even = np.full(count, 1 / count)
    mixture = Mixture(seeds, np.tile(shop / 2, (count, 1)), even)
    hold = _Hold(seeds, _HELD_BUYERS + _HELD_SHARE * len(value), shop)
    buyers = _Buyers.of(value, noise)
    for _ in range(_EVEN_ROUNDS):
        free = _improve(mixture, buyers, _expect(mixture, buyers), hold)
        mixture = Mixture(free.centres, free.spreads, even)
    return _converge(mixture, buyers, hold)


def release(mixture: Mixture, value: Floats, noise: Floats) -> Mixture:
    """Fit on from a mixture whose types are all supported, no longer held at where they began.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> value = np.concatenate([rng.normal(-2, 0.5, (50, 1)), rng.normal(2, 0.5, (50, 1))])
    >>> noise = np.full_like(value, 0.01)
    >>> mixture = fit_mixture(value, noise, np.array([[-1.0], [1.0]]))
    >>> release(mixture, value, noise).centres.round(0).ravel().tolist()
    [-2.0, 2.0]
    """
    hold = _Hold(mixture.centres, _HELD_BUYERS, _shop_spread(value, noise))
    return _converge(mixture, _Buyers.of(value, noise), hold)


@dataclass(frozen=True)
class _Hold:
    """Where centres are held, by how many pseudo-buyers, and the shop's spread."""

    centres: Floats
    buyers: float
    shop: Floats


@dataclass(frozen=True)
class _Buyers:
    """What is known of the buyers, (features, buyers): sums over buyers run along the memory.

    Where nothing was seen the value is 0 and its noise infinite, so that it weighs nothing.
    """

    value: Floats
    square: Floats
    noise: Floats
    unseen: npt.NDArray[np.bool_]
    counts: Floats
    whole: bool

    @classmethod
    def of(cls, value: Floats, noise: Floats) -> _Buyers:
        """Return them from tables of (buyers, features)."""
        seen = np.ascontiguousarray(np.isfinite(noise).T)
        known = np.where(seen, noise.T, np.inf)
        value = np.where(seen, value.T, 0.0)
        counts = seen.astype(np.float64)
        return cls(value, np.square(value), known, ~seen, counts, bool(seen.all()))


@dataclass(frozen=True)
class _Expected:
    """Of each component (first axis): who belongs to it, and how its values lie.

    Parameters
    ----------
    member : array of float, (components, buyers)
    precision : array of float, (components, features, buyers)
        One over the variance of a value; 0 where nothing was seen.
    tail : array of float, (components, features, buyers)
        The degrees of freedom and the squared distance in units of the variance.
    likelihood : float
        Mean log-likelihood of a buyer, but for a constant.
    """

    member: Floats
    precision: Floats
    tail: Floats
    likelihood: float


def _expect(now: Mixture, buyers: _Buyers) -> _Expected:
    """Return what `Mixture.probabilities` does, with what the next step needs of the way there.

    Logarithms are taken of products over a few features, since they cost more than all the rest.
    """
    count, (features, rows) = len(now.shares), buyers.value.shape
    joint = np.empty((count, rows))
    precision, tail = np.empty((2, count, features, rows))
    for k in range(count):
        variance = now.spreads[k][:, None] + buyers.noise
        np.divide(1.0, variance, out=precision[k])
        np.subtract(buyers.value, now.centres[k][:, None], out=tail[k])
        np.square(tail[k], out=tail[k])
        tail[k] *= precision[k]
        tail[k] += FREEDOM
        if not buyers.whole:
            np.copyto(variance, 1.0, where=buyers.unseen)
        joint[k] = np.log(now.shares[k])
        for start in range(0, features, _AT_ONCE):
            few = slice(start, start + _AT_ONCE)
            joint[k] -= 0.5 * np.log(variance[few].prod(axis=0))
            joint[k] -= (FREEDOM + 1) / 2 * np.log(tail[k][few].prod(axis=0))
    # The logarithm of a sum of exponentials, whose terms are the memberships: SciPy's `logsumexp`
    # would take the exponentials apart from them, and half the time of a round.
    top = joint.max(axis=0)
    member = np.exp(joint - top)
    total = member.sum(axis=0)
    member /= total
    return _Expected(member, precision, tail, float((top + np.log(total)).mean()))


def _converge(mixture: Mixture, buyers: _Buyers, hold: _Hold) -> Mixture:
    before = -np.inf
    for _ in range(_ROUNDS):
        expected = _expect(mixture, buyers)
        mixture = _improve(mixture, buyers, expected, hold)
        if abs(expected.likelihood - before) < _TOLERANCE:
            break
        before = expected.likelihood
    return mixture


def _shop_spread(value: Floats, noise: Floats) -> Floats:
    """Return the variance of true values in the whole shop, per feature, never zero."""
    seen = np.isfinite(noise)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, value, 0.0).sum(axis=0) / count
    squared = np.square(value - mean) - np.where(seen, noise, 0.0)
    spread = np.where(seen, squared, 0.0).sum(axis=0) / count
    return np.asarray(np.maximum(spread, 0.05))


def _improve(now: Mixture, buyers: _Buyers, expected: _Expected, held: _Hold) -> Mixture:
    shop = held.shop
    hold = held.buyers / (shop / 2)
    centres, spreads = np.empty_like(now.centres), np.empty_like(now.spreads)
    members = expected.member @ buyers.counts.T
    for k in range(len(held.centres)):
        precision = expected.precision[k]
        precise = precision / expected.tail[k]
        precise *= (FREEDOM + 1) * expected.member[k]
        centres[k] = (_product(precise, buyers.value) + hold * held.centres[k]) / (
            precise.sum(axis=1) + hold
        )
        precise *= precision
        # Squared distances from the new centre, multiplied out: the squares are there already.
        squared = _product(precise, buyers.square) - centres[k] * (
            2 * _product(precise, buyers.value) - centres[k] * precise.sum(axis=1)
        )
        # What of a value's variance is the buyers' own: all of it but the noise's part.
        own = members[k] - now.spreads[k] * (precision @ expected.member[k])
        spread = np.square(now.spreads[k]) * squared + now.spreads[k] * own
        spreads[k] = (spread + _HELD_BUYERS * shop / 2) / (members[k] + _HELD_BUYERS)
    share = expected.member.sum(axis=1) + 1.0
    share /= share.sum()
    spreads = (1 - _POOLED) * spreads + _POOLED * (spreads * share[:, None]).sum(axis=0)
    return Mixture(centres, np.maximum(spreads, _LEAST_SPREAD**2 * shop), share)


def _product(one: Floats, other: Floats) -> Floats:
    """Return the sum over buyers of a product, by feature."""
    return np.asarray(np.einsum("fn,fn->f", one, other))
