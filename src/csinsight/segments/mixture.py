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

Floats = npt.NDArray[np.float64]

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
    for _ in range(_EVEN_ROUNDS):
        member = mixture.probabilities(value, noise)
        free = _improve(mixture, value, noise, member, hold)
        mixture = Mixture(free.centres, free.spreads, even)
    return _converge(mixture, value, noise, hold)


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
    return _converge(mixture, value, noise, hold)


@dataclass(frozen=True)
class _Hold:
    """Where centres are held, by how many pseudo-buyers, and the shop's spread."""

    centres: Floats
    buyers: float
    shop: Floats


def _converge(mixture: Mixture, value: Floats, noise: Floats, hold: _Hold) -> Mixture:
    before = -np.inf
    for _ in range(_ROUNDS):
        joint = mixture.log_joint(value, noise)
        total = logsumexp(joint, axis=1, keepdims=True)
        mixture = _improve(mixture, value, noise, np.exp(joint - total), hold)
        now = float(total.mean())
        if abs(now - before) < _TOLERANCE:
            break
        before = now
    return mixture


def _shop_spread(value: Floats, noise: Floats) -> Floats:
    """Return the variance of true values in the whole shop, per feature, never zero."""
    seen = np.isfinite(noise)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, value, 0.0).sum(axis=0) / count
    squared = np.square(value - mean) - np.where(seen, noise, 0.0)
    spread = np.where(seen, squared, 0.0).sum(axis=0) / count
    return np.asarray(np.maximum(spread, 0.05))


def _improve(now: Mixture, value: Floats, noise: Floats, member: Floats, held: _Hold) -> Mixture:
    shop = held.shop
    seen = np.isfinite(noise)
    safe = np.where(seen, noise, 1.0)
    centres, spreads = np.empty_like(now.centres), np.empty_like(now.spreads)
    for k in range(len(held.centres)):
        variance = now.spreads[k] + safe
        away = value - now.centres[k]
        tail = (FREEDOM + 1) / (FREEDOM + np.square(away) / variance)
        weight = np.where(seen, member[:, [k]], 0.0)
        precise = weight * tail / variance
        hold = held.buyers / (shop / 2)
        centres[k] = ((precise * value).sum(axis=0) + hold * held.centres[k]) / (
            precise.sum(axis=0) + hold
        )
        trust = now.spreads[k] / variance
        squared = tail * np.square(trust * (value - centres[k])) + trust * safe
        spreads[k] = ((weight * squared).sum(axis=0) + _HELD_BUYERS * shop / 2) / (
            weight.sum(axis=0) + _HELD_BUYERS
        )
    share = member.sum(axis=0) + 1.0
    share /= share.sum()
    spreads = (1 - _POOLED) * spreads + _POOLED * (spreads * share[:, None]).sum(axis=0)
    return Mixture(centres, np.maximum(spreads, _LEAST_SPREAD**2 * shop), share)
