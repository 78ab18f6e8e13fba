"""What may be said of each estimate: q-values over the declared family, gate, and verdict.

The behaviours of one outcome and scope kind form a family (all inquiries; all categories; all
types). Within a family Benjamini-Hochberg holds the share of false verdicts at the threshold. In a
shop where nothing goes with conversion that alone would still name something in one run of ten; so
a family is only read when it speaks as a whole (Simes' test, whose p-value is the family's
smallest q), at levels that sum to 1.25 %: a quarter of what a silent shop may say wrongly, since
p-values from a dozen agents have tails heavier than they should (measured: of 34 shops without
effects, read from text, four spoke at 5 % and two at 2.5 %). Once the main outcome's family of all
inquiries has spoken, its level passes on to the others (Bretz et al. 2009, a graphical procedure).

How much each behaviour goes with the outcome, within agents, and what may be said of it.

The main estimate is a linear probability model with agent fixed effects and cluster-jackknife
intervals (`csinsight.drivers.fixed_effects`), adjusted for the covariates of the design and for the
other behaviours of the same talk: what an agent does comes in bundles, and one at a time each would
be credited with its companions' share. Words are compared turn by turn
(`csinsight.drivers.exposure`) where the design has turns. The estimand is the average change of the
outcome, over inquiries that gave an occasion, between showing a behaviour at some occasion and
never, all else alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.design import Design
from csinsight.drivers.design_matrix import OUTCOME, Counts, DesignMatrix, Places, design_matrix_of
from csinsight.drivers.double_ml import Flexible, confirmed
from csinsight.drivers.fixed_effects import IVEstimate, cross_products, iv_estimate
from csinsight.drivers.units import Floats, unit_of

#: Levels at which the families' first tests are made; they sum to 1.25 %.
_FIRST: Final = 0.01
_OTHERS: Final = 0.0025
_PASSED_ON: Final = 0.0125

#: Every column of the result, in order.
COLUMNS: Final = (
    Drivers.BEHAVIOUR,
    Drivers.OUTCOME,
    Drivers.SCOPE,
    Drivers.N,
    Drivers.RAW_PP,
    Drivers.EFFECT_PP,
    Drivers.LOW_PP,
    Drivers.HIGH_PP,
    Drivers.P_VALUE,
    Drivers.Q_VALUE,
    Drivers.VERDICT,
    Drivers.SCOPE_KIND,
    Drivers.UNIT,
    Drivers.AGENTS,
    Drivers.SHOWN,
    Drivers.BETWEEN_PP,
    Drivers.DETECTABLE_PP,
    Drivers.ROBUSTNESS,
    Drivers.FLEXIBLE_PP,
    Drivers.REASON,
)


def verdicts(
    estimates: pd.DataFrame, negative_controls: tuple[str, ...], q_threshold: float
) -> pd.DataFrame:
    """Add ``q_value`` and ``verdict`` to the estimates and put the columns in order.

    Parameters
    ----------
    estimates : DataFrame
        One row a behaviour, outcome and scope; effects null where there was not enough data.
        The first row's outcome is the main one.
    negative_controls : tuple of str
        Outside the family: verdict ``control``.
    q_threshold : float
    """
    table = estimates.reindex(columns=list(COLUMNS))
    numbers = [*COLUMNS[4:10], *COLUMNS[15:19]]
    table[numbers] = table[numbers].astype(float)
    table[Drivers.SHOWN] = table[Drivers.SHOWN].astype("Int64")
    control = table[Drivers.BEHAVIOUR].isin(negative_controls)
    tested = table[Drivers.P_VALUE].notna() & ~control
    for _, family in table[tested].groupby([Drivers.OUTCOME, Drivers.SCOPE_KIND]):
        p_values = family[Drivers.P_VALUE].to_numpy()
        table.loc[family.index, Drivers.Q_VALUE] = stats.false_discovery_control(p_values)
    spoken = _families_that_speak(table)
    kinds = pd.MultiIndex.from_frame(table[[Drivers.OUTCOME, Drivers.SCOPE_KIND]])
    named = (
        (table[Drivers.Q_VALUE] <= q_threshold)
        & kinds.isin(spoken)
        & ((table[Drivers.LOW_PP] > 0) | (table[Drivers.HIGH_PP] < 0))
    )
    side = np.where(table[Drivers.EFFECT_PP] > 0, "helps", "hurts")
    verdict = np.where(named, side, "no evidence")
    verdict = np.where(tested | control, verdict, "not enough data")
    table[Drivers.VERDICT] = np.where(control, "control", verdict)
    return table


def _families_that_speak(table: pd.DataFrame) -> list[tuple[str, str]]:
    main = (str(table[Drivers.OUTCOME].iloc[0]), "all")
    families = table.groupby([Drivers.OUTCOME, Drivers.SCOPE_KIND])
    smallest = families[Drivers.Q_VALUE].min().dropna()
    first = smallest.get(main, 1.0) <= _FIRST
    others = [family for family in smallest.index if family != main]
    level = _PASSED_ON if first else _OTHERS / max(len(others), 1)
    return [*([main] if first else []), *[f for f in others if smallest[f] <= level]]


ALL: Final = "all"
#: Scopes beside ``all``, and the column of the design's rows that each cuts.
SCOPES: Final = ("category", "type")
#: Fewer inquiries than this with, or without, the behaviour say nothing.
MIN_EACH: Final = 30


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
    scopes: tuple[str, ...] = SCOPES,
    together: bool = True,
    flexible: bool = True,
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
    scopes : tuple of {"category", "type", "tier"}
        Cuts beside the whole.
    together : bool
        Adjust for the other behaviours of the same talk.
    flexible : bool
        Let no verdict stand whose sign the flexible check does not share.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.Drivers`. Effects are percentage points per unit
        of the behaviour (points of the score where the outcome is satisfaction); null where there
        is not enough data, and ``reason`` says why.
    """
    minima = Minima(min_inquiries, min_agents)
    cut = {d.outcome: scopes for d in (design, *also) if d is design or d.outcome == "paid"}
    matrices = [
        (design_matrix_of(d, together=together), _scopes(d.rows, cut.get(d.outcome, ())))
        for d in (design, *also)
    ]
    records = [
        {Drivers.SCOPE: scope, Drivers.SCOPE_KIND: kind, **record}
        for matrix, cuts in matrices
        for kind, scope, places in cuts
        for record in _estimate(matrix, places, minima)
    ]
    table = verdicts(pd.DataFrame(records), design.negative_controls, q_threshold)
    return confirmed(table, _checked(table, matrices)) if flexible else table


def _checked(
    table: pd.DataFrame, matrices: list[tuple[DesignMatrix, list[tuple[str, str, Places]]]]
) -> dict[int, float]:
    """Return the flexible estimate of every row with a verdict."""
    named = table[table[Drivers.VERDICT].isin(["helps", "hurts"])]
    effects: dict[int, float] = {}
    for matrix, cuts in matrices:
        check = Flexible(matrix)
        for kind, scope, places in cuts:
            here = named[
                (named[Drivers.OUTCOME] == matrix.outcome)
                & (named[Drivers.SCOPE_KIND] == kind)
                & (named[Drivers.SCOPE] == scope)
            ]
            for row, behaviour in here[Drivers.BEHAVIOUR].items():
                usable = places[matrix.usable(str(behaviour))[places]]
                effects[int(str(row))] = check.effect(str(behaviour), usable)
    return effects


def _scopes(rows: pd.DataFrame, kinds: tuple[str, ...]) -> list[tuple[str, str, Places]]:
    found = [(ALL, ALL, np.arange(len(rows)))]
    for kind in kinds:
        labels = rows[kind]
        known = sorted(labels.dropna().unique())
        found += [(kind, str(label), np.flatnonzero(labels == label)) for label in known]
    return found


def _estimate(matrix: DesignMatrix, places: Places, minima: Minima) -> list[dict[str, object]]:
    """Estimate every behaviour among the rows at `places`.

    Behaviours with the same opportunities share their sample, so its cross-products are made once.
    """
    block = matrix.block(places)
    samples: dict[bytes, tuple[Places, list[str]]] = {}
    for behaviour in matrix.behaviours:
        usable = matrix.usable(behaviour)[places]
        samples.setdefault(usable.tobytes(), (np.flatnonzero(usable), []))[1].append(behaviour)
    found: dict[str, dict[str, object]] = {}
    for rows, behaviours in samples.values():
        part = block if len(rows) == len(block) else block[rows]
        found.update(_sample(matrix, part, matrix.agents[places[rows]], behaviours, minima))
    return [found[behaviour] for behaviour in matrix.behaviours]


def _sample(
    matrix: DesignMatrix, block: Floats, agents: Counts, behaviours: list[str], minima: Minima
) -> Iterator[tuple[str, dict[str, object]]]:
    starts, sizes = _runs(agents)
    y = block[:, matrix.place(OUTCOME)]
    products = None
    for behaviour in behaviours:
        x = block[:, matrix.place(behaviour)]
        record = matrix.describe(behaviour, x)
        varying = _varying(x, starts)
        record[Drivers.AGENTS] = varying
        reason = _lacking(x, behaviour, varying, minima)
        if not matrix.comparable(behaviour):
            reason = "unequal exposure"
        record[Drivers.REASON] = reason
        if reason is None:
            if products is None:
                products = cross_products(block, sizes)
            fitted = iv_estimate(products, len(block), *matrix.model(behaviour))
            if fitted is None:
                record[Drivers.REASON] = "explained by what it is adjusted for"
            else:
                record[Drivers.RAW_PP] = matrix.points * _plain_slope(x, y)
                record[Drivers.BETWEEN_PP] = matrix.points * _between(x, y, starts, sizes)
                record |= _in_points(fitted, matrix.points)
        yield behaviour, record


def _in_points(fitted: IVEstimate, points: float) -> dict[str, object]:
    known = asdict(fitted)
    reach = stats.t.ppf(0.975, fitted.df) + stats.t.ppf(0.80, fitted.df)
    return {
        Drivers.EFFECT_PP: points * known["effect"],
        Drivers.LOW_PP: points * known["low"],
        Drivers.HIGH_PP: points * known["high"],
        Drivers.P_VALUE: known["p_value"],
        Drivers.DETECTABLE_PP: points * float(reach) * known["se"],
        Drivers.ROBUSTNESS: known["robustness"],
    }


def _lacking(x: Floats, behaviour: str, varying: int, minima: Minima) -> str | None:
    """Return why there is no estimate, or None where there is one."""
    if len(x) < minima.inquiries:
        return "few inquiries"
    if varying < minima.agents:
        return "few agents"
    shown = int((x == 1).sum())
    if unit_of(behaviour) == "shown" and min(shown, len(x) - shown) < minima.each:
        return "few with it or few without"
    return None


def _runs(agents: Counts) -> tuple[Counts, Counts]:
    """Return where each agent's rows begin, and how many they are (rows lie together)."""
    if len(agents) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts = np.flatnonzero(np.r_[True, agents[1:] != agents[:-1]]).astype(np.int64)
    return starts, np.diff(np.r_[starts, len(agents)]).astype(np.int64)


def _varying(x: Floats, starts: Counts) -> int:
    if len(x) == 0:
        return 0
    return int((np.maximum.reduceat(x, starts) > np.minimum.reduceat(x, starts)).sum())


def _plain_slope(x: Floats, y: Floats) -> float:
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))


def _between(x: Floats, y: Floats, starts: Counts, sizes: Counts) -> float:
    """Return the slope over agents' means: what comparing people with each other would say."""
    mean_x, mean_y = (np.add.reduceat(v, starts) / sizes for v in (x, y))
    centred = mean_x - np.average(mean_x, weights=sizes)
    spread = float((sizes * centred**2).sum())
    return float((sizes * centred * mean_y).sum() / spread) if spread > 0 else float("nan")
