"""Checks on the study: before any estimate whether it can see anything, after it whether to trust.

Before: who had the chance, how many agents vary, what share of covariates is unknown, and the
smallest effect that this much data would show. After: negative controls, and behaviours whose raw
and adjusted figures point opposite ways (Simpson).

What this much data could show: the power of the very rule that is used, told before estimates.

Outcomes are dealt out anew among each agent's inquiries, so that nothing goes with them, and all
behaviours are estimated on each deal, from this shop's own matrix. An effect of one behaviour
shifts its estimate by its size; so the share of deals in which it would be named, by false
discovery rate, family gate and interval together, is its power.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from csinsight.contract.artifacts import (
    BuyerTypes,
    Conversations,
    DriverChecks,
    Drivers,
    ValueTiers,
)
from csinsight.drivers.design import Design
from csinsight.drivers.design_matrix import OUTCOME, DesignMatrix, design_matrix_of
from csinsight.drivers.fixed_effects import cross_products_with, iv_draws, without_levels
from csinsight.drivers.intent import placebo_tests
from csinsight.drivers.pooled_spread import pooled_spread
from csinsight.drivers.units import Floats, unit_of
from csinsight.drivers.verdicts import DISAGREES, family_level

#: Share of deals in which an effect that "can be seen" is named.
POWER: Final = 0.80
#: Deals: as many as keep the work bounded, within these.
_DRAWS: Final = (20, 200)
_CELLS: Final = 4_000_000
#: Of the deals, so that a shop is promised the same each time.
_SEED: Final = 0
#: Sizes tried, in standard errors.
_SIZES: Final = np.linspace(0.5, 12, 47)


def readiness(design: Design, *, q_threshold: float) -> pd.DataFrame:
    """Return what the design can show, made without looking at behaviour against outcome.

    Parameters
    ----------
    design : Design
    q_threshold : float
        False discovery rate at which a verdict is given.

    Returns
    -------
    DataFrame
        One row a behaviour: ``behaviour``, ``inquiries`` with opportunity, ``agents`` with one,
        ``varying`` agents that both show it and don't, ``overlap``, the share of inquiries whose
        agent both showed it and didn't in the same problem category (null for timings), ``shown``
        share (mean for timings, in the behaviour's unit), and ``detectable_pp``: effects under
        this are named in fewer than 80 % of such shops (`csinsight.drivers.checks`; points of the
        score where the outcome is satisfaction), null where nothing can be estimated.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> ready = readiness(plan, q_threshold=0.1).set_index("behaviour")
    >>> ready.loc["greets", ["inquiries", "agents", "varying"]].tolist()
    [282, 6, 6]
    """
    names = [*design.family, *design.negative_controls]
    table = pd.DataFrame([_ready(design, name) for name in names])
    seen = detectable(design, q_threshold=q_threshold)
    return table.assign(detectable_pp=table["behaviour"].map(seen).astype(float))


def _ready(design: Design, behaviour: str) -> dict[str, object]:
    have = design.rows[design.rows[behaviour].notna() & design.rows["outcome"].notna()]
    groups = have.groupby(Conversations.AGENT_ID)[behaviour]
    spread = groups.agg(["min", "max"])
    return {
        "behaviour": behaviour,
        "unit": unit_of(behaviour),
        "inquiries": len(have),
        "agents": len(spread),
        "varying": int((spread["max"] > spread["min"]).sum()),
        "overlap": _overlap(have, behaviour),
        "shown": float(have[behaviour].mean()) if len(have) else np.nan,
    }


def _overlap(have: pd.DataFrame, behaviour: str) -> float:
    if unit_of(behaviour) != "shown" or have.empty:
        return float("nan")
    cells = [have[Conversations.AGENT_ID], have[Conversations.CATEGORY].fillna("")]
    shown = have.groupby(cells)[behaviour].transform("mean")
    return float(((shown > 0) & (shown < 1)).mean())


def unknown_shares(design: Design) -> pd.DataFrame:
    """Return how often each thing that is adjusted for is not known: ``covariate``, ``unknown``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_conversations
    >>> context, conversations = sample_context(), sample_conversations()
    >>> from csinsight.drivers.design import design
    >>> plan = design(conversations, outcome="paid", as_of=context.as_of, months=3)
    >>> bool(unknown_shares(plan)["unknown"].between(0, 1).all())
    True
    """
    names = [Conversations.CATEGORY, BuyerTypes.TYPE, ValueTiers.TIER]
    if Conversations.PRODUCT_CATEGORY in design.rows:
        names.append(Conversations.PRODUCT_CATEGORY)
    shares = design.rows[names].isna().mean() if len(design.rows) else pd.Series(1.0, index=names)
    if len(design.rows):
        bought = (design.rows["outcome"] == 1).mean()
        shares["browsing"] = 1 - np.average(design.browsing, weights=[1 - bought, bought])
    return shares.rename_axis("covariate").rename("unknown").reset_index()


#: Names of the checks that are made of the estimates.
NEXT_CONVERSATION: Final = "said to the next buyer"
REVERSAL: Final = "reversal"
SECOND_METHOD: Final = "second method"


def driver_checks(design: Design, drivers: pd.DataFrame) -> pd.DataFrame:
    """Return what makes the estimates more or less trustworthy.

    Parameters
    ----------
    design : Design
        Of the main outcome.
    drivers : DataFrame
        From `csinsight.drivers.estimates.estimate_drivers`; the main outcome, which comes first,
        is looked at.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.DriverChecks`: the placebo tests
        (`csinsight.drivers.intent.placebo_tests`), then of scope ``all`` what was said to the next
        buyer (fires at 5 % over all of these), raw and adjusted figures that point opposite ways
        (Simpson; fires always), and second methods that disagree (fires always; the estimate is
        theirs).

    Examples
    --------
    >>> from csinsight.drivers.estimates import estimate_drivers
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> least = {"min_inquiries": 20, "min_agents": 2, "q_threshold": 0.1, "quarter_months": 3}
    >>> drivers = estimate_drivers(plan, **least, scopes=())
    >>> len(set(driver_checks(plan, drivers)["check"]))
    4
    """
    whole = drivers[(drivers[Drivers.SCOPE] == "all") & drivers[Drivers.EFFECT_PP].notna()]
    whole = whole[whole[Drivers.OUTCOME] == drivers[Drivers.OUTCOME].iloc[0]]
    control = whole[Drivers.VERDICT] == "control"
    level = 0.05 / max(int(control.sum()), 1)
    apart = whole[whole[Drivers.REASON] == DISAGREES]
    controls = whole[control]
    # A longer series would give its rows to a table that has none.
    rings = controls[Drivers.P_VALUE] <= level
    found = [
        controls.assign(check=NEXT_CONVERSATION, fired=rings),
        whole[reversed_signs(whole)].assign(check=REVERSAL, fired=True),
        apart.assign(
            check=SECOND_METHOD,
            fired=True,
            effect_pp=apart[Drivers.PROXIMAL_PP],
            low_pp=np.nan,
            high_pp=np.nan,
        ),
    ]
    told = pd.concat(found).rename(columns={Drivers.EFFECT_PP: DriverChecks.ESTIMATE_PP})
    placebos = placebo_tests(design_matrix_of(design, together=True))
    parts = [part for part in (placebos, told[list(placebos.columns)]) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else placebos
    return table.astype({DriverChecks.FIRED: bool})


def reversed_signs(drivers: pd.DataFrame) -> pd.Series:
    """Tell which rows have a verdict against the sign of the raw difference (Simpson).

    Examples
    --------
    >>> raw_and_adjusted = pd.DataFrame({"raw_pp": [3.0, 3.0], "effect_pp": [2.0, -2.0]})
    >>> reversed_signs(raw_and_adjusted.assign(verdict=["helps", "hurts"])).tolist()
    [False, True]
    """
    product: Floats = (drivers[Drivers.RAW_PP] * drivers[Drivers.EFFECT_PP]).to_numpy(dtype=float)
    return drivers[Drivers.VERDICT].isin(["helps", "hurts"]) & (product < 0)


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
    found: dict[str, tuple[Floats, Floats, Floats, int]] = {}
    # Behaviours with the same opportunities share their sample.
    for key, several in samples.items():
        usable = np.frombuffer(key, dtype=bool)
        here, part = rows[usable], block if usable.all() else block[usable]
        products, worth = matrix.products(part, here)
        outcomes = without_levels(dealt[usable], matrix.cells(here))
        sizes = np.unique(matrix.agents[here], return_counts=True)[1].astype(np.int64)
        through = cross_products_with(part, outcomes, sizes)
        squares = (outcomes**2).sum(axis=0)
        for behaviour in several:
            drawn = iv_draws(products, through, squares, worth, *matrix.model(behaviour))
            if drawn is not None:
                found[behaviour] = drawn
    if not found:
        return {}
    effect, se, plain = (np.array([drawn[i] for drawn in found.values()]) for i in range(3))
    se, df = pooled_spread(se, plain, np.array([float(drawn[3]) for drawn in found.values()]))
    level = family_level(design)
    return {
        name: matrix.points * _smallest(place, effect, se, df, level, q_threshold)
        for place, name in enumerate(found)
    }


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
    place: int, effect: Floats, se: Floats, df: Floats, level: float, q_threshold: float
) -> float:
    """Return the smallest size that is named in enough deals, the rest without effect."""
    p_values = 2 * stats.t.sf(np.abs(effect) / se, df)
    unit = float(np.median(se[place]))

    def seen(size: float) -> bool:
        tried = p_values.copy()
        moved = np.abs(effect[place] + size * unit)
        tried[place] = 2 * stats.t.sf(moved / se[place], df[place])
        q_values = stats.false_discovery_control(tried, axis=0)
        own = (q_values[place] <= q_threshold) & (tried[place] <= 0.05)
        return bool(np.mean(own & (q_values.min(axis=0) <= level)) >= POWER)

    # The larger an effect the oftener it is named, so that halving finds the first.
    first = bisect_left(_SIZES, 1, key=lambda size: int(seen(float(size))))
    return float(_SIZES[first] * unit) if first < len(_SIZES) else float("nan")
