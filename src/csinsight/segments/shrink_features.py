"""From raw counts per buyer to features that carry how much evidence stands behind them.

Every feature is brought to a scale on which its sampling noise is about normal with a variance
that is known from the counts: shares by arcsine of the square root (variance ``1 / 4n``), rates
by logarithm (``1 / count``), means by what the shop's own buyers show. Its prior, the spread of
true values between buyers, is estimated from the shop itself: a beta prior by moments for shares
[1]_, a normal one for the rest [2]_. A buyer with few pages is so drawn towards the shop's
mean, and the clustering is told how far to trust each value.

References
----------
.. [1] Kleinman, J. C. (1973). Proportions with extraneous variance: single and independent
   samples. JASA 68(341), 46-54.
.. [2] Paule and Mandel's variance between buyers, `csinsight.stats.spread.between_variance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from csinsight.contract.schema import PAGE_KINDS
from csinsight.segments.feature_estimators import OBSERVERS, Observed, RawCounts, floats
from csinsight.segments.signatures import FEATURES
from csinsight.stats import Floats
from csinsight.stats.spread import between_variance

#: Raw counts of even days, and of odd ones.
_HalfDays: TypeAlias = tuple[dict[str, Floats], dict[str, Floats]]

#: Sampling noise that stands for "nothing seen".
NO_EVIDENCE = np.inf
#: Spread beyond chance is believed from this many standard errors on.
_BEYOND_CHANCE = 3.0
#: Ends the name of a raw count of every second day (`csinsight.segments.types.read_buyers`), and
#: the counts of which the rest of the days' is the difference.
EVEN: Final = "_even"
ADDED_UP: Final = (
    "pages",
    *(f"pages_{kind}" for kind in PAGE_KINDS),
    "seconds",
    "dwell_known",
    "step_seconds",
    "steps",
    "visits",
    "orders",
    "orders_in_window",
    "coupon_orders",
    "coupon_known",
    "list_amount",
    "discount_amount",
    "buyer_messages",
    "bargaining_messages",
    "conversations",
)
#: So many buyers seen in both halves tell whether a feature is a habit: whether buyers who show
#: it in one half show it in the other, by so many standard errors.
_PAIRS = 30
_HABIT = 2.0
#: Buyers with evidence on a feature, below which the shop can't tell its spread.
_MIN_BUYERS = 5


class Scale(BaseModel):
    """How one feature is shrunk and scaled; what next month needs to read it alike.

    Parameters
    ----------
    mean, spread : float
        Prior of the true values on the transformed scale: mean and standard deviation.
    pseudo_pages : float or None
        Weight of the beta prior in units of the share's denominator; None for other features.
    unit_noise : float or None
        Variance of one unit of evidence, where the shop itself has to tell it.
    clustered : float
        How many units of a share's denominator tell as much as one would by itself: the pages of
        one visit are seen together (design effect).
    centre, width : float
        Median and robust width of the shrunk values: a z-score is ``(value - centre) / width``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    mean: float
    spread: float
    pseudo_pages: float | None = None
    unit_noise: float | None = None
    clustered: float = 1.0
    centre: float = 0.0
    width: float = 1.0


@dataclass(frozen=True)
class Evidence:
    """Features of `n` buyers with what is known about each value's noise.

    Parameters
    ----------
    features : tuple of str
        Kept features, in the order of `FEATURES`.
    shrunk : array of float, (n, features)
        Posterior means as robust z-scores; the shop's mean where nothing was seen.
    value, noise : array of float, (n, features)
        Unshrunk z-scores and their sampling variance in squared z units; infinite (and value 0)
        where nothing was seen.
    scales : dict of str to Scale
    left_out : dict of str to str
        Features not used: ``no_input`` (nothing recorded in this shop) or ``no_spread`` (buyers
        do not differ beyond chance).
    """

    features: tuple[str, ...]
    shrunk: Floats
    value: Floats
    noise: Floats
    scales: dict[str, Scale]
    left_out: dict[str, str]

    def rows(self, index: npt.NDArray[np.int64]) -> Evidence:
        """Return the same for some of the buyers."""
        return Evidence(
            self.features,
            self.shrunk[index],
            self.value[index],
            self.noise[index],
            self.scales,
            self.left_out,
        )


def weigh(
    features: pd.DataFrame,
    scales: dict[str, Scale] | None = None,
    names: Sequence[str] = FEATURES,
) -> Evidence:
    """Turn raw counts into shrunk, robustly scaled features.

    Parameters
    ----------
    features : DataFrame
        One row a buyer with the columns of `csinsight.features.buyers.BuyerFeatures`; absent
        columns count as not recorded.
    scales : dict of str to Scale, optional
        Priors and scales of an earlier fit, to read new buyers alike; estimated when not given.
    names : sequence of str
        Features to use, in the order of `FEATURES`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> evidence = weigh(features)
    >>> evidence.value.shape == (len(features), len(evidence.features))
    True
    """
    kept: list[str] = []
    columns: list[tuple[Floats, Floats, Floats]] = []
    known: dict[str, Scale] = {}
    left_out: dict[str, str] = {}
    halves = _half_days(features) if scales is None else None
    counts = RawCounts(features)
    for name in names:
        observed = OBSERVERS[name](counts)
        if scales is not None:
            scale = scales.get(name)
        else:
            told = observed is not None and observed.recorded
            scale = _estimate(observed, _halves(name, halves)) if told and observed else None
        if observed is None and scale is not None:
            observed = Observed.nothing(len(features))
        if observed is None or scale is None:
            left_out[name] = (
                "no_spread" if observed is not None and observed.recorded else "no_input"
            )
            continue
        kept.append(name)
        known[name] = scale
        columns.append(_apply(observed, scale))
    shape = (len(features), len(kept))
    shrunk, value, noise = (_stack([c[part] for c in columns], shape) for part in range(3))
    return Evidence(tuple(kept), shrunk, value, noise, known, left_out)


def _stack(columns: Sequence[Floats], shape: tuple[int, int]) -> Floats:
    return np.column_stack(columns) if columns else np.zeros(shape)


@dataclass(frozen=True)
class _Halves:
    """A feature of the buyers seen in both halves of the days: values, evidence, share's counts."""

    one: Observed
    other: Observed

    @property
    def _both(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.one.seen & self.other.seen)

    @property
    def habit(self) -> bool:
        """Whether buyers who show more of it in one half show more in the other, beyond chance."""
        one, other = (half.value[self._both] for half in (self.one, self.other))
        if not (one.std() > 0 and other.std() > 0):
            return False
        return bool(np.corrcoef(one, other)[0, 1] * np.sqrt(len(one)) >= _HABIT)

    @property
    def unit_noise(self) -> float:
        """Variance of one unit of evidence, from how far a buyer's two halves lie apart."""
        squared = self._apart
        return float(np.minimum(squared, np.quantile(squared, 0.99)).mean())

    @property
    def clustered(self) -> float:
        """How many times further apart a share's halves lie than single units would bring them."""
        one, other = self.one, self.other
        total = (one.total + other.total)[self._both]
        share = (one.count + other.count)[self._both] / total
        by_chance = float((share * (1 - share) * total / (total - 1)).sum())
        return max(1.0, float(self._apart.sum()) / by_chance) if by_chance > 0 else 1.0

    @property
    def _apart(self) -> Floats:
        one, other, both = self.one, self.other, self._both
        weight = one.total[both] * other.total[both] / (one.total + other.total)[both]
        return np.asarray(weight * np.square(one.value - other.value)[both])

    def __len__(self) -> int:
        return int(self._both.sum())


def _half_days(features: pd.DataFrame) -> _HalfDays | None:
    """Return the raw counts of even and of odd days; None where they were not read apart."""
    even = {name: floats(features[name + EVEN]) for name in ADDED_UP if name + EVEN in features}
    odd = {name: np.maximum(floats(features[name]) - half, 0.0) for name, half in even.items()}
    return (even, odd) if even else None


def _halves(name: str, half_days: _HalfDays | None) -> _Halves | None:
    """Return a feature of even and of odd days; None where too few buyers show both."""
    if half_days is None:
        return None
    one, other = map(OBSERVERS[name], half_days)
    if one is None or other is None:
        return None
    found = _Halves(one, other)
    return found if len(found) >= _PAIRS else None


def _estimate(observed: Observed, halves: _Halves | None) -> Scale | None:
    """Estimate prior and robust scale; None where buyers do not differ beyond chance."""
    if observed.seen.sum() < _MIN_BUYERS or (halves and not halves.habit):
        return None
    prior = _PRIORS[observed.kind](observed, halves)
    if prior is None:
        return None
    shrunk, _ = _shrink(observed, prior)
    shrunk = shrunk[observed.seen]
    low, centre, high = np.quantile(shrunk, [0.25, 0.5, 0.75])
    # Where most buyers never open such pages, the quartiles are close and say little.
    width = max((high - low) / 1.349, 0.5 * float(shrunk.std()), 0.25 * prior.spread)
    return prior.model_copy(update={"centre": float(centre), "width": float(width)})


def _beta_prior(observed: Observed, halves: _Halves | None) -> Scale | None:
    clustered = halves.clustered if halves else 1.0
    count, total = (part[observed.seen] / clustered for part in (observed.count, observed.total))
    mean, rho = _overdispersion(count, total)
    if rho is None:
        return None
    weight = (1 - rho) / rho
    middle = float(np.arcsin(np.sqrt(mean)))
    return Scale(
        mean=middle,
        spread=float(np.sqrt(rho / 4)),
        pseudo_pages=float(weight) * clustered,
        clustered=clustered,
    )


def _overdispersion(count: Floats, total: Floats) -> tuple[float, float | None]:
    """Return mean share and intra-buyer correlation by moments (Kleinman), or None for chance."""
    share = count / total
    weight = total.copy()
    mean, rho = 0.0, 0.0
    for _ in range(3):
        mean = float((weight * share).sum() / weight.sum())
        variance = mean * (1 - mean)
        if variance <= 0:
            return mean, None
        relative = weight / weight.sum()
        spread = float((weight * (share - mean) ** 2).sum())
        chance = variance * float((weight / total * (1 - relative)).sum())
        span = variance * float((weight * (1 - relative)).sum())
        rho = float(np.clip((spread - chance) / max(span - chance, 1e-12), 0.0, 0.95))
        weight = total / (1 + (total - 1) * rho)
    pooled = count.sum() / total.sum()
    pearson = float((total * (share - pooled) ** 2).sum() / (pooled * (1 - pooled)))
    freedom = len(total) - 1
    if rho <= 1e-4 or pearson < freedom + _BEYOND_CHANCE * np.sqrt(2 * freedom):
        return mean, None
    return mean, rho


def _normal_prior(observed: Observed, halves: _Halves | None) -> Scale | None:
    value, total = observed.value[observed.seen], observed.total[observed.seen]
    known = observed.unit_noise
    if halves:
        unit = max(known or 0.0, halves.unit_noise)
    else:
        unit = _unit_noise(value, total) if known is None else known
    noise = unit / total
    errors = noise + 1e-12
    # The variance of what was seen holds both: no more than that can lie between buyers.
    between = min(between_variance(value, errors), float(value.var()))
    mean, spread = float(np.average(value, weights=1 / (errors + between))), float(np.sqrt(between))
    if spread <= 1e-3 * max(1.0, float(np.sqrt(noise.mean()))):
        return None
    return Scale(mean=mean, spread=spread, unit_noise=unit)


def _unit_noise(value: Floats, total: Floats) -> float:
    """Tell the variance of one unit of evidence: squared deviations against ``1 / total``."""
    squared = np.square(value - np.median(value))
    squared = np.minimum(squared, np.quantile(squared, 0.99))
    inverse = 1 / total
    centred = inverse - inverse.mean()
    if (centred**2).sum() <= 1e-12:
        return 0.0
    slope = float((centred * squared).sum() / (centred**2).sum())
    return float(np.clip(slope, 0.0, squared.mean() / inverse.mean()))


_PRIORS: dict[str, Callable[[Observed, _Halves | None], Scale | None]] = {
    "share": _beta_prior,
    "normal": _normal_prior,
}


def _shrink(observed: Observed, prior: Scale) -> tuple[Floats, Floats]:
    """Return posterior means on the transformed scale and reliabilities in [0, 1]."""
    if prior.pseudo_pages is not None:
        total = np.where(observed.seen, observed.total, 0.0)
        count = np.where(observed.seen, observed.count, 0.0)
        reliability = total / (total + prior.pseudo_pages)
        expected = prior.pseudo_pages * np.sin(prior.mean) ** 2
        share = (count + expected) / (total + prior.pseudo_pages)
        return np.arcsin(np.sqrt(share)), reliability
    noise = (prior.unit_noise or 0.0) / np.where(observed.seen, observed.total, 1.0)
    noise = np.where(observed.seen, noise, np.inf)
    reliability = prior.spread**2 / (prior.spread**2 + noise)
    value = np.where(observed.seen, observed.value, prior.mean)
    return prior.mean + reliability * (value - prior.mean), reliability


def _apply(observed: Observed, scale: Scale) -> tuple[Floats, Floats, Floats]:
    """Return shrunk z-score, unshrunk z-score and its noise."""
    shrunk, reliability = _shrink(observed, scale)
    seen = reliability > 0
    safe = np.where(seen, reliability, 1.0)
    value = (scale.mean + (shrunk - scale.mean) / safe - scale.centre) / scale.width
    if scale.pseudo_pages is not None:
        noise = scale.clustered / (4 * np.where(seen, observed.total, 1.0))
    else:
        noise = (scale.unit_noise or 0.0) / np.where(seen, observed.total, 1.0)
    return (
        (shrunk - scale.centre) / scale.width,
        np.where(seen, value, 0.0),
        np.where(seen, noise / scale.width**2, NO_EVIDENCE),
    )
