"""What this much data could show: the power of the very rule that is used, told before estimates.

What the covariates leave of outcomes is dealt out anew among each agent's inquiries, so that
nothing goes with any behaviour, and all behaviours are estimated on each deal, from this shop's own
matrix. An effect of one behaviour shifts its estimate by its size; so the share of deals in which
it would be named is its power. Named is what `csinsight.drivers.verdicts` names: by false discovery
rate, family gate, interval plain and as believed, the benchmark of the buyer's intent, and where an
alarm rings also by what adjusting leaves of that. The alarms ask nothing of the outcome, so that
they are known before. The second method is not dealt: where it is needed less is seen than told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy

from csinsight.drivers.covariates import SIGNS
from csinsight.drivers.design import LEAST_BROWSING, Design
from csinsight.drivers.design_matrix import OUTCOME, DesignMatrix, design_matrix_of
from csinsight.drivers.estimates import settled_by
from csinsight.drivers.fixed_effects import (
    ManyEstimates,
    cross_products_with,
    exposure_coefficients,
    many_estimates,
    without_levels,
)
from csinsight.drivers.intent import TIMES, TIMES_UNSEEN, placebo_tests
from csinsight.drivers.units import POWER, Places, unit_of
from csinsight.drivers.verdicts import answering, family_level, rings
from csinsight.stats import Floats
from csinsight.stats.shrinkage import moderated_errors, noise_of, posterior, prior_fit

#: Deals: as many as keep the work bounded, within these.
_DRAWS: Final = (20, 200)
_CELLS: Final = 4_000_000
#: Of the deals, so that a shop is promised the same each time.
_SEED: Final = 0
#: Sizes tried, in standard errors.
_SIZES: Final = np.linspace(0.5, 12, 461)


def detectable(design: Design, tested: Sequence[str], *, q_threshold: float) -> dict[str, float]:
    """Return the smallest effect of each behaviour that is named with 80 % power, in points.

    Parameters
    ----------
    design : Design
    tested : sequence of str
        The behaviours that make the family: those of which enough is known.
    q_threshold : float
        False discovery rate at which a verdict is given.

    Returns
    -------
    dict
        By behaviour; those that can't be estimated are left out, NaN where no size tried suffices.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> smallest = detectable(plan, ["greets", "recommends"], q_threshold=0.1)
    >>> set(smallest) <= {"greets", "recommends"}
    True
    """
    matrix = design_matrix_of(design)
    deals = _deals(design, matrix, tested)
    if deals is None:
        return {}
    level = family_level(design)
    return {
        name: matrix.points * deals.smallest(place, level, q_threshold)
        for place, name in enumerate(deals.names)
    }


@dataclass(frozen=True)
class _Deals:
    """Estimates of all behaviours on each deal, (behaviours, deals), in the outcome's unit."""

    names: tuple[str, ...]
    effect: Floats
    se: Floats
    df: Floats
    #: By how much the signs of intent moved each; NaN where none is known.
    moved: Floats
    #: By behaviour: whether an alarm rings, and as how many times as strong a hidden intent a
    #: verdict has to stand; infinite where it can't.
    rung: npt.NDArray[np.bool_]
    least: Floats
    points: float
    #: Mean outcome; NaN where that is a score.
    rate: float

    @cached_property
    def reach(self) -> Floats:
        """Half of each plain interval."""
        return np.asarray(scipy.stats.t.ppf(0.975, self.df) * self.se)

    @cached_property
    def wide(self) -> Floats:
        """Standard errors with what is left of the buyer's intent, where an alarm rings."""
        left = np.where(self.rung[:, None], np.nan_to_num(self.moved), 0.0)
        return np.hypot(self.se, left)

    @cached_property
    def noise(self) -> Floats:
        reach = self.points * scipy.stats.t.ppf(0.975, self.df) * self.wide
        return noise_of(-reach, reach)

    @cached_property
    def p_values(self) -> Floats:
        return np.asarray(2 * scipy.stats.t.sf(np.abs(self.effect) / self.wide, self.df))

    @cached_property
    def fits(self) -> Floats:
        return prior_fit(self.points * self.effect, self.noise)

    def smallest(self, place: int, level: float, q_threshold: float) -> float:
        """Return the smallest size that is named in enough deals, the rest without effect."""
        unit = float(np.median(self.se[place]))
        # The larger an effect the oftener it is named, so that halving finds the first.
        first = bisect_left(
            _SIZES,
            1,
            key=lambda size: int(self._named(place, size * unit, level, q_threshold) >= POWER),
        )
        size = float(_SIZES[first] * unit) if first < len(_SIZES) else float("nan")
        settled = unit_of(self.names[place]) == "shown" and settled_by(self.rate + size, size)
        return float("nan") if settled else size

    def _named(self, place: int, size: float, level: float, q_threshold: float) -> float:
        """Return in what share of deals an effect of this size is named."""
        effect, wide, df = self.effect[place] + size, self.wide[place], self.df[place]
        tried = self.p_values.copy()
        tried[place] = 2 * scipy.stats.t.sf(np.abs(effect) / wide, df)
        q_values = scipy.stats.false_discovery_control(tried, axis=0)
        named = (q_values[place] <= q_threshold) & (tried[place] <= 0.05)
        named &= q_values.min(axis=0) <= level
        told, noise = self.points * effect, self.noise[place]
        fit = self.fits.sum(axis=1) - self.fits[:, place] + prior_fit(told, noise)
        _, low, high = posterior(told, noise, fit).expected()
        named &= (low > 0) | (high < 0)
        off = self.moved[place] * np.sign(effect)
        named &= ~((off > 0) & (np.abs(effect) - self.reach[place] < self.least[place] * off))
        return float(np.mean(named & np.isfinite(self.least[place])))


def _deals(design: Design, matrix: DesignMatrix, tested: Sequence[str]) -> _Deals | None:
    rows = np.flatnonzero(matrix.known)
    found = dict(_drawn(matrix, rows, tested)) if len(rows) else {}
    if not found:
        return None
    several = [estimates for estimates, _ in found.values()]
    effect = np.array([each.effect for each in several])
    spread = np.array([each.se for each in several]), np.array([each.iid_se for each in several])
    se, df = moderated_errors(*spread, np.array([float(each.df) for each in several]))
    moved = np.array([moved for _, moved in found.values()])
    alarms = placebo_tests(matrix)
    rung = np.full(len(found), rings(alarms)) | np.isin(list(found), list(answering(alarms)))
    rate = float("nan")
    if matrix.outcome != "satisfaction":
        rate = float(matrix.column(OUTCOME)[rows].mean())
    # The benchmark of `csinsight.drivers.intent.own_intent` where an alarm rings.
    second = all(any(str(n).startswith(f"{group}: ") for n in design.signs) for group in SIGNS)
    times = TIMES if second and design.states is not None else TIMES_UNSEEN
    if design.browsing_share == 0 or (design.browsing_share < LEAST_BROWSING and not second):
        times = float("inf")
    least = np.where(rung, times, TIMES)
    return _Deals(tuple(found), effect, se, df, moved, rung, least, matrix.points, rate)


def _drawn(
    matrix: DesignMatrix, rows: Places, tested: Sequence[str]
) -> Iterator[tuple[str, tuple[ManyEstimates, Floats]]]:
    """Yield each behaviour's estimates on all deals, and by how much the signs moved them."""
    draws = int(np.clip(_CELLS // len(rows), *_DRAWS))
    dealt = _dealt(matrix, rows, draws, np.random.default_rng(_SEED))
    seen = bool(matrix.signs) or matrix.states is not None
    fair = [name for name in tested if matrix.comparable(name)]
    for part, several in matrix.samples(matrix.block(rows), fair):
        if not len(part.rows):
            continue
        products = matrix.products(part)
        own = dealt[np.searchsorted(rows, part.rows)]
        outcomes = without_levels(own, matrix.cells(part.rows))
        through = cross_products_with(part.values, outcomes, matrix.sizes(part.rows))
        squares, together = (outcomes**2).sum(axis=0), through.sum(axis=0)
        for behaviour in several:
            drawn = many_estimates(products, through, squares, matrix.model(behaviour))
            if drawn is None:
                continue
            without = exposure_coefficients(
                products, together, matrix.model(behaviour, signs=False)
            )
            moved = np.full(draws, np.nan)
            if without is not None and seen:
                moved = (without - drawn.effect) / matrix.browsing
            yield behaviour, (drawn, moved)


def _dealt(matrix: DesignMatrix, rows: Places, draws: int, rng: np.random.Generator) -> Floats:
    """Return outcomes whose part that covariates don't tell is dealt out anew, a column a deal.

    What they tell stays: estimates are adjusted for it, and the signs of intent move them by it.
    """
    agents = matrix.agents[rows]
    fit = matrix.outcome_told(rows)
    told, free = fit.before @ fit.slopes, len(rows) - len(np.unique(agents))
    # What is left of a fit is too small by what it has taken up.
    left = (fit.outcome - told) * np.sqrt(free / max(free - len(fit.slopes), 1))
    dealt = np.empty((len(rows), draws))
    for agent in np.unique(agents):
        own = np.flatnonzero(agents == agent)
        dealt[own] = rng.permuted(np.tile(left[own][:, None], draws), axis=0)
    return dealt + told[:, None]
