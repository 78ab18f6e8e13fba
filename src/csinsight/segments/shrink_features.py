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

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from csinsight.segments.feature_estimators import OBSERVERS, Observed
from csinsight.segments.signatures import FEATURES
from csinsight.stats.spread import between_variance

Floats = npt.NDArray[np.float64]

#: Sampling noise that stands for "nothing seen".
NO_EVIDENCE = np.inf
#: Spread beyond chance is believed from this many standard errors on.
_BEYOND_CHANCE = 3.0
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
    centre, width : float
        Median and robust width of the shrunk values: a z-score is ``(value - centre) / width``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    mean: float
    spread: float
    pseudo_pages: float | None = None
    unit_noise: float | None = None
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
    for name in names:
        observed = OBSERVERS[name](features)
        if scales is not None:
            scale = scales.get(name)
        else:
            scale = _estimate(observed) if observed is not None and observed.recorded else None
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


def _estimate(observed: Observed) -> Scale | None:
    """Estimate prior and robust scale; None where buyers do not differ beyond chance."""
    if observed.seen.sum() < _MIN_BUYERS:
        return None
    prior = _PRIORS[observed.kind](observed)
    if prior is None:
        return None
    shrunk, _ = _shrink(observed, prior)
    shrunk = shrunk[observed.seen]
    low, centre, high = np.quantile(shrunk, [0.25, 0.5, 0.75])
    # Where most buyers never open such pages, the quartiles are close and say little.
    width = max((high - low) / 1.349, 0.5 * float(shrunk.std()), 0.25 * prior.spread)
    return prior.model_copy(update={"centre": float(centre), "width": float(width)})


def _beta_prior(observed: Observed) -> Scale | None:
    count, total = observed.count[observed.seen], observed.total[observed.seen]
    mean, rho = _overdispersion(count, total)
    if rho is None:
        return None
    weight = (1 - rho) / rho
    middle = float(np.arcsin(np.sqrt(mean)))
    return Scale(mean=middle, spread=float(np.sqrt(rho / 4)), pseudo_pages=float(weight))


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


def _normal_prior(observed: Observed) -> Scale | None:
    value, total = observed.value[observed.seen], observed.total[observed.seen]
    unit = observed.unit_noise if observed.unit_noise is not None else _unit_noise(value, total)
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


_PRIORS: dict[str, Callable[[Observed], Scale | None]] = {
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
        noise = 1 / (4 * np.where(seen, observed.total, 1.0))
    else:
        noise = (scale.unit_noise or 0.0) / np.where(seen, observed.total, 1.0)
    return (
        (shrunk - scale.centre) / scale.width,
        np.where(seen, value, 0.0),
        np.where(seen, noise / scale.width**2, NO_EVIDENCE),
    )
