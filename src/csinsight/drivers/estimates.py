"""How much each behaviour goes with the outcome, within agents, and what may be said of it.

The main estimate is a linear probability model with agent fixed effects and cluster-jackknife
intervals (`csinsight.drivers.fixed_effects`) whose spreads borrow from each other
(`csinsight.stats.shrinkage`), adjusted for the covariates of the design, for the
signs of the buyer's intent, and for the other behaviours of the same conversation: what an agent
does comes in bundles, and one at a time each would be credited with its companions' share. Words
are compared turn by turn (`csinsight.drivers.exposure`) where they are a matter of the turn. The
estimand is the average change of the outcome, over inquiries that gave an opportunity, between
showing a behaviour at some opportunity and never, all else alike.

What may be said is in `csinsight.drivers.verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
import scipy

from csinsight.behaviours.products import OTHER_PRODUCTS
from csinsight.contract.artifacts import BuyerTypes, Conversations, Drivers
from csinsight.contract.domain import CONTROLS
from csinsight.drivers.design import Design
from csinsight.drivers.design_matrix import (
    OUTCOME,
    Block,
    DesignMatrix,
    design_matrix_of,
)
from csinsight.drivers.fixed_effects import (
    CrossProducts,
    FixedEffectsEstimate,
    fixed_effects_estimate,
)
from csinsight.drivers.intent import SecondLook, placebo_tests, second_look, times_as_strong
from csinsight.drivers.units import POWER, Codes, Places, unit_of
from csinsight.drivers.verdicts import (
    ALL,
    CUT_SHORT,
    SETTLED,
    answering,
    answers_hidden,
    family_level,
    rings,
    verdicts,
)
from csinsight.stats import Floats
from csinsight.stats.shrinkage import moderated_errors

_D = Drivers
#: Scopes beside ``all``, and the column of the design's rows that each cuts.
SCOPES: Final = (Conversations.CATEGORY, BuyerTypes.TYPE, Conversations.PRODUCT_CATEGORY)
#: Fewer inquiries than this with, or without, the behaviour say nothing.
MIN_EACH: Final = 50

#: As many of the sales, or of the losses, as would have been are hardly any.
_HARDLY_ANY: Final = 0.2
#: Each of two separate periods has to agree at this one-sided level to confirm a finding.
_CONFIRMS: Final = 0.05


@dataclass(frozen=True)
class Minima:
    """Below these an estimate is not made."""

    inquiries: int
    agents: int
    each: int = MIN_EACH


def estimate_drivers(
    design: Design,
    *,
    also: Sequence[Design] = (),
    min_inquiries: int,
    min_agents: int,
    q_threshold: float,
    quarter_months: int,
    scopes: tuple[str, ...] = SCOPES,
) -> pd.DataFrame:
    """Estimate every behaviour of the family and the negative controls, in every scope.

    Parameters
    ----------
    design : Design
        Of the main outcome, whose rows come first.
    also : sequence of Design
        Of the outcomes beside it, each with a family of its own. Only paid conversion is cut by
        scope there.
    min_inquiries : int
        Inquiries with opportunity that a scope needs.
    min_agents : int
        Agents whose own behaviour has to vary.
    q_threshold : float
        False discovery rate at which a verdict is given.
    quarter_months : int
        The latest so many months, and all before them, are the two periods that have to agree
        before a finding is called confirmed.
    scopes : tuple of {"category", "type", "tier", "product_category"}
        Cuts beside the whole, as far as the design knows them.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.Drivers`. Effects are percentage points per unit
        of the behaviour (points of the score where the outcome is satisfaction); null where there
        is not enough data, and ``reason`` says why.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> least = {"min_inquiries": 20, "min_agents": 2}
    >>> table = estimate_drivers(plan, **least, q_threshold=0.1, quarter_months=3, scopes=())
    >>> table[["behaviour", "scope", "verdict"]].head(2).to_numpy().tolist()
    [['first_response_s', 'all', 'no evidence'], ['mean_response_s', 'all', 'not enough data']]
    """
    minima = Minima(min_inquiries, min_agents)
    matrices = {d: design_matrix_of(d) for d in (design, *also)}
    records = [
        {_D.SCOPE: scope, _D.SCOPE_KIND: kind, **record}
        for d, matrix in matrices.items()
        for kind, scope, places in _cuts(
            d.rows, scopes if d is design or d.outcome == "paid" else ()
        )
        for record in _estimate(matrix, places, minima)
    ]
    alarms = placebo_tests(matrices[design])
    hidden = answers_hidden(alarms)
    table = verdicts(
        pd.DataFrame(records),
        design.negative_controls,
        q_threshold,
        level=family_level(design),
        rings=rings(alarms),
        answered=answering(alarms),
        hidden=hidden,
        told=matrices[design].told_by_signs() if hidden else np.nan,
        states=design.states is not None,
        browsing=design.browsing_share,
    )
    return _with_standing(table, design, matrices[design], minima, quarter_months)


def _with_standing(
    table: pd.DataFrame, design: Design, matrix: DesignMatrix, minima: Minima, quarter_months: int
) -> pd.DataFrame:
    """Add whether what is named over all inquiries holds in two periods apart."""
    named = table[_D.VERDICT].isin(["helps", "hurts"])
    table.loc[named, _D.STANDING] = "new"
    main = named & (table[_D.OUTCOME] == design.outcome) & (table[_D.SCOPE] == ALL)
    started = design.rows[Conversations.STARTED_AT]
    if not main.any() or started.isna().any():
        return table
    latest = (started > started.max() - pd.DateOffset(months=quarter_months)).to_numpy()
    agree = np.ones(int(main.sum()), dtype=bool)
    names = table.loc[main, _D.BEHAVIOUR]
    for places in (np.flatnonzero(latest), np.flatnonzero(~latest)):
        found = pd.DataFrame(_estimate(matrix, places, minima, only=set(names), looks=False))
        found = found.set_index(_D.BEHAVIOUR).reindex(names)
        if _D.EFFECT_PP not in found:
            return table
        same = found[_D.EFFECT_PP].to_numpy(dtype=float) * table.loc[main, _D.EFFECT_PP] > 0
        agree &= (same & (found[_D.P_VALUE].to_numpy(dtype=float) / 2 <= _CONFIRMS)).to_numpy()
    table.loc[main, _D.STANDING] = np.where(agree, "confirmed", "new")
    return table


def _cuts(rows: pd.DataFrame, kinds: tuple[str, ...]) -> Iterator[tuple[str, str, Places]]:
    """Yield kind, scope and places of the rows to be estimated: all, then each cut by `kinds`."""
    yield ALL, ALL, np.arange(len(rows))
    for kind in kinds:
        labels = rows.get(kind, pd.Series(dtype=object))
        for label in sorted(set(labels.dropna()) - {OTHER_PRODUCTS}):
            yield kind, str(label), np.flatnonzero(labels == label)


@dataclass(frozen=True)
class _Found:
    """What is found of one behaviour: counts and raw figures, and what is estimated, if it is."""

    behaviour: str
    record: dict[str, object]
    estimate: FixedEffectsEstimate | None = None
    look: SecondLook | None = None


def _estimate(
    matrix: DesignMatrix,
    places: Places,
    minima: Minima,
    *,
    only: set[str] | None = None,
    looks: bool = True,
) -> list[dict[str, object]]:
    """Estimate every behaviour, or `only` some, among the rows at `places`."""
    behaviours = [b for b in matrix.behaviours if only is None or b in only]
    found = {
        behaviour: sample.estimate(behaviour, minima, looks=looks)
        for part, several in matrix.samples(matrix.block(places), behaviours)
        for sample in (_Sample(matrix, part),)
        for behaviour in several
    }
    pooled = _pooled({b: f.estimate for b, f in found.items() if f.estimate is not None})
    return [
        found[b].record
        | (_in_points(pooled[b], found[b].look, matrix.points) if b in pooled else {})
        for b in behaviours
    ]


@dataclass(frozen=True, eq=False)
class _Sample:
    """The inquiries that some behaviours are estimated on, an agent's rows together."""

    matrix: DesignMatrix
    block: Block

    @cached_property
    def _products(self) -> dict[str, CrossProducts]:
        """By a model's groups, once asked for."""
        return {}

    @cached_property
    def _starts(self) -> Codes:
        """Where each agent's rows begin."""
        agents = self.matrix.agents[self.block.rows]
        new = np.r_[np.ones(min(len(agents), 1), dtype=bool), agents[1:] != agents[:-1]]
        return np.flatnonzero(new).astype(np.int64)

    def estimate(self, behaviour: str, minima: Minima, *, looks: bool) -> _Found:
        """Estimate one behaviour, where there is enough to do so; `looks`: by the signs too."""
        matrix, x = self.matrix, self.block.column(behaviour)
        record = matrix.describe(behaviour, x)
        record[_D.AGENTS] = self._varying(x)
        record[_D.REASON] = self._lacking(behaviour, x, minima)
        if record[_D.REASON] is not None:
            return _Found(behaviour, record)
        model = matrix.model(behaviour)
        if model.groups not in self._products:
            self._products[model.groups] = matrix.products(self.block, model.groups)
        products = self._products[model.groups]
        fitted = fixed_effects_estimate(products, model)
        if fitted is None:
            return _Found(behaviour, record | {_D.REASON: "explained by what it is adjusted for"})
        y, centred = self.block.column(OUTCOME), x - x.mean()
        if unit_of(behaviour) == "shown" and matrix.outcome != "satisfaction":
            record[SETTLED] = settled_by(float(y[x == 1].mean()), fitted.effect)
        record[_D.RAW_PP] = matrix.points * float(centred @ y / (centred @ centred))
        record[_D.BETWEEN_PP] = matrix.points * self._between(x, y)
        look = second_look(matrix, products, behaviour, fitted.effect) if looks else None
        return _Found(behaviour, record, fitted, look)

    def _lacking(self, behaviour: str, x: Floats, minima: Minima) -> str | None:
        if not self.matrix.comparable(behaviour):
            return CUT_SHORT if behaviour in self.matrix.unfair else "unequal exposure"
        shown, varying = int((x == 1).sum()), self._varying(x)
        return lacking(behaviour, minima, inquiries=len(x), shown=shown, varying=varying)

    def _varying(self, x: Floats) -> int:
        """Return how many agents both show it and don't."""
        if len(x) == 0:
            return 0
        most, least = (each.reduceat(x, self._starts) for each in (np.maximum, np.minimum))
        return int((most > least).sum())

    def _between(self, x: Floats, y: Floats) -> float:
        """Return the difference between agents who do little of it and much, within what was seen.

        The line through agents' means, from the tenth percentile of inquiries by their agent's mean
        to the ninetieth: carried on to never and always it would pass what any agent has.
        """
        sizes = np.diff(np.r_[self._starts, len(x)])
        mean_x, mean_y = (np.add.reduceat(v, self._starts) / sizes for v in (x, y))
        centred = mean_x - np.average(mean_x, weights=sizes)
        spread = float((sizes * centred**2).sum())
        if spread <= 0:
            return float("nan")
        little, much = np.quantile(np.repeat(mean_x, sizes), [0.1, 0.9])
        return float((sizes * centred * mean_y).sum() / spread) * float(much - little)


def _pooled(found: dict[str, FixedEffectsEstimate]) -> dict[str, FixedEffectsEstimate]:
    """Return estimates, those of the family with standard errors that borrow from each other."""
    family = {name: estimate for name, estimate in found.items() if name not in CONTROLS}
    told = [[e.se, e.iid_se, e.df] for e in family.values()]
    spread, df = moderated_errors(*np.array(told, dtype=float).reshape(-1, 3).T)
    return found | {
        name: estimate.with_spread(float(se), float(own))
        for (name, estimate), se, own in zip(family.items(), spread, df, strict=True)
    }


def _in_points(
    fitted: FixedEffectsEstimate, look: SecondLook | None, points: float
) -> dict[str, object]:
    reach = scipy.stats.t.ppf(0.975, fitted.df) + scipy.stats.t.ppf(POWER, fitted.df)
    record: dict[str, object] = {
        _D.EFFECT_PP: points * fitted.effect,
        _D.LOW_PP: points * fitted.low,
        _D.HIGH_PP: points * fitted.high,
        _D.P_VALUE: fitted.p_value,
        _D.DF: fitted.df,
        _D.DETECTABLE_PP: points * float(reach) * fitted.se,
        _D.ROBUSTNESS: fitted.robustness,
    }
    if look is not None:
        proximal = look.proximal
        times = times_as_strong(fitted.effect, fitted.high - fitted.effect, look.moved)
        record |= {
            _D.MOVED_PP: points * look.moved,
            _D.INTENT_TIMES: times,
            _D.PROXIMAL_PP: points * proximal.effect if proximal else np.nan,
            _D.PROXIMAL_P: proximal.p_value if proximal else np.nan,
        }
    return record


def settled_by(rate: float, effect: float) -> bool:
    """Tell whether hardly any, or nearly all, of whom it was said to bought.

    And far fewer, or more, than would have: as where only those are reminded who never pay. So
    little is left by no words; the matter was settled, and agents saw it.

    Parameters
    ----------
    rate : float
        Share with the outcome of those whom it was said to.
    effect : float
        By how much that is more than it would have been.

    Examples
    --------
    >>> settled_by(0.02, -0.3), settled_by(0.3, 0.1)
    (True, False)
    """
    otherwise = rate - effect
    return rate <= _HARDLY_ANY * otherwise or 1 - rate <= _HARDLY_ANY * (1 - otherwise)


def lacking(
    behaviour: str, minima: Minima, *, inquiries: int, shown: int, varying: int
) -> str | None:
    """Return why there is no estimate, or None where there is one.

    Parameters
    ----------
    behaviour : str
    minima : Minima
    inquiries, shown : int
        With an opportunity, and of these who showed it.
    varying : int
        Agents who both show it and don't.

    Examples
    --------
    >>> lacking("greets", Minima(300, 5), inquiries=400, shown=390, varying=9)
    'few with it or few without'
    """
    if inquiries < minima.inquiries:
        return "few inquiries"
    if varying < minima.agents:
        return "few agents"
    if unit_of(behaviour) == "shown" and min(shown, inquiries - shown) < minima.each:
        return "few with it or few without"
    return None
