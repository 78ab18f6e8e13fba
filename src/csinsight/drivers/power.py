"""What this much data could show: the power of the very rule that is used, told before estimates.

Outcomes are dealt out anew among each agent's inquiries, so that nothing goes with them, and all
behaviours are estimated on each deal, from this shop's own matrix. An effect of one behaviour
shifts its estimate by its size; so the share of deals in which it would be named, by false
discovery rate, family gate and interval together, is its power.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
from scipy import stats

from csinsight.drivers.design import Design
from csinsight.drivers.design_matrix import OUTCOME, DesignMatrix, design_matrix_of
from csinsight.drivers.fixed_effects import cross_products, cross_products_with, iv_draws
from csinsight.drivers.units import Floats
from csinsight.drivers.verdicts import family_level

#: Share of deals in which an effect that "can be seen" is named.
POWER: Final = 0.80
#: Deals: as many as keep the work bounded, within these.
_DRAWS: Final = (20, 200)
_CELLS: Final = 4_000_000
#: Of the deals, so that a shop is promised the same each time.
_SEED: Final = 0
#: Sizes tried, in standard errors.
_SIZES: Final = np.linspace(0.5, 12, 47)


def detectable(design: Design, *, q_threshold: float) -> dict[str, float]:
    """Return the smallest effect of each behaviour that is named with 80 % power, in points.

    Parameters
    ----------
    design : Design
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
    >>> smallest = detectable(plan, q_threshold=0.1)
    >>> set(smallest) <= set(plan.family)
    True
    """
    matrix = design_matrix_of(design, together=True)
    rows = np.flatnonzero(~np.isnan(matrix.columns[:, matrix.place(OUTCOME)]))
    if not len(rows):
        return {}
    draws = int(np.clip(_CELLS // len(rows), *_DRAWS))
    dealt = _dealt(matrix, rows, draws, np.random.default_rng(_SEED))
    block = matrix.block(rows)
    samples: dict[bytes, list[str]] = {}
    for behaviour in design.family:
        usable = matrix.usable(behaviour)[rows]
        if matrix.comparable(behaviour) and usable.any():
            samples.setdefault(usable.tobytes(), []).append(behaviour)
    found: dict[str, tuple[Floats, Floats, int]] = {}
    # Behaviours with the same opportunities share their sample.
    for key, several in samples.items():
        usable = np.frombuffer(key, dtype=bool)
        sizes = np.unique(matrix.agents[rows[usable]], return_counts=True)[1].astype(np.int64)
        part = block if usable.all() else block[usable]
        products = cross_products(part, sizes)
        through = cross_products_with(part, dealt[usable], sizes)
        for behaviour in several:
            drawn = iv_draws(products, through, *matrix.model(behaviour))
            if drawn is not None:
                found[behaviour] = drawn
    level = family_level(design)
    named = {name: _smallest(list(found).index(name), found, level, q_threshold) for name in found}
    return {name: matrix.points * size for name, size in named.items()}


def _dealt(
    matrix: DesignMatrix, rows: np.typing.NDArray[np.intp], draws: int, rng: np.random.Generator
) -> Floats:
    """Return the outcomes dealt out anew among each agent's rows, a column a deal."""
    y, agents = matrix.columns[rows, matrix.place(OUTCOME)], matrix.agents[rows]
    dealt = np.empty((len(rows), draws))
    for agent in np.unique(agents):
        own = np.flatnonzero(agents == agent)
        dealt[own] = rng.permuted(np.tile(y[own][:, None], draws), axis=0)
    return dealt


def _smallest(
    place: int, found: dict[str, tuple[Floats, Floats, int]], level: float, q_threshold: float
) -> float:
    """Return the smallest size that is named in enough deals, the rest without effect."""
    p_values = np.column_stack(
        [2 * stats.t.sf(np.abs(effect) / se, df) for effect, se, df in found.values()]
    )
    effect, se, df = list(found.values())[place]
    unit = float(np.median(se))

    def seen(size: float) -> bool:
        tried = p_values.copy()
        tried[:, place] = 2 * stats.t.sf(np.abs(effect + size * unit) / se, df)
        q_values = stats.false_discovery_control(tried, axis=1)
        own = (q_values[:, place] <= q_threshold) & (tried[:, place] <= 0.05)
        return bool(np.mean(own & (q_values.min(axis=1) <= level)) >= POWER)

    # The larger an effect the oftener it is named, so that halving finds the first.
    first = bisect_left(_SIZES, 1, key=lambda size: int(seen(float(size))))
    return float(_SIZES[first] * unit) if first < len(_SIZES) else float("nan")
