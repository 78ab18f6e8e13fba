"""Sensitivity analyses: the same question by other ways, for whoever doubts the main one.

Ways to compare: raw, between agents and within agents tell who is compared with whom; turn by turn,
at a landmark and over the whole window tell how much of a conversation counts. Where they part, the
method decides, and `docs/methods.md` says why the main one was chosen.

Dose response: the main estimate of a time is a straight line in doublings. Here every band of
seconds has a level of its own, against the quickest band, with everything else as in the main
model.

Misread words: what an effect would be if every word had been read rightly. A marker misses some and
invents others. Where misreading is a matter of the words and not of the outcome, the difference
between conversations read as showing a behaviour and those read as not is the true one times PPV +
NPV - 1: of those marked the share that show it, and of those not marked the share that don't, less
one. So the estimate is divided by it, and its interval carries what is not known of either (delta
method). The test of no effect is the same for both.

References
----------
Aigner (1973), "Regression with a binary independent variable subject to errors of observation",
Journal of Econometrics 1. Egami et al. (2023) and Angelopoulos et al. (2023) are general forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import Drivers, LabelAccuracy
from csinsight.drivers.design import Design, design
from csinsight.drivers.design_matrix import DesignMatrix, design_matrix_of
from csinsight.drivers.estimates import MIN_EACH, estimate_drivers
from csinsight.drivers.exposure import Exposure, has_turns
from csinsight.drivers.fixed_effects import fixed_effects_estimate
from csinsight.drivers.units import Places, from_model, unit_of
from csinsight.drivers.verdicts import ALL
from csinsight.params import Outcome
from csinsight.stats import Floats

_D = Drivers

ALTERNATIVES: tuple[Exposure, ...] = ("landmark", "window")
_SHARED = (
    Drivers.RAW_PP,
    Drivers.BETWEEN_PP,
    Drivers.EFFECT_PP,
    Drivers.LOW_PP,
    Drivers.HIGH_PP,
    Drivers.PROXIMAL_PP,
)


def alternative_estimates(
    drivers: pd.DataFrame,
    conversations: pd.DataFrame,
    lagged: pd.DataFrame | None = None,
    *,
    as_of: datetime,
    months: int,
    states: pd.DataFrame | None = None,
    own: Mapping[str, str] | None = None,
    min_inquiries: int,
    min_agents: int,
) -> pd.DataFrame:
    """Return each behaviour's difference over all inquiries, by every way.

    Parameters
    ----------
    drivers : DataFrame
        From `csinsight.drivers.estimates.estimate_drivers`; its first row's outcome is looked at.
    conversations, lagged, as_of, months, states, own
        As in `csinsight.drivers.design.design`.
    min_inquiries, min_agents : int

    Returns
    -------
    DataFrame
        One row a behaviour with a main estimate: ``behaviour``, ``raw_pp``, ``between_pp``,
        ``effect_pp``, ``low_pp``, ``high_pp``, ``proximal_pp``, then ``effect_pp``, ``low_pp`` and
        ``high_pp`` with ``_landmark`` and ``_window`` after them. Without turn columns, and for
        satisfaction, the main way is the window and there is no other.

    Examples
    --------
    Satisfaction is looked at over whole conversations, and in no other way:

    >>> from datetime import datetime
    >>> row = {"outcome": "satisfaction", "scope": "all", "behaviour": "greets", "effect_pp": 0.2}
    >>> names = ["raw_pp", "between_pp", "low_pp", "high_pp", "proximal_pp"]
    >>> drivers = pd.DataFrame([row | dict.fromkeys(names, 0.1)])
    >>> told = {"as_of": datetime(2026, 11, 1), "months": 3, "min_inquiries": 20, "min_agents": 2}
    >>> alternative_estimates(drivers, pd.DataFrame(), **told)["effect_pp"].tolist()
    [0.2]
    """
    outcome: Outcome = drivers[Drivers.OUTCOME].iloc[0]
    main = drivers[
        (drivers[Drivers.OUTCOME] == outcome)
        & (drivers[Drivers.SCOPE] == ALL)
        & drivers[Drivers.EFFECT_PP].notna()
    ]
    table = main[[Drivers.BEHAVIOUR, *_SHARED]].reset_index(drop=True)
    if outcome == "satisfaction" or not has_turns(conversations):
        return table
    told: dict[str, Any] = {"as_of": as_of, "months": months, "states": states, "own": own}
    for way in ALTERNATIVES:
        plan = design(conversations, lagged, outcome=outcome, exposure=way, **told)
        found = estimate_drivers(
            plan,
            min_inquiries=min_inquiries,
            min_agents=min_agents,
            q_threshold=0.0,  # estimates are read here, not verdicts
            quarter_months=months,
            scopes=(),
        )
        columns = [Drivers.BEHAVIOUR, Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP]
        named = found[columns].rename(columns={name: f"{name}_{way}" for name in columns[1:]})
        table = table.merge(named, on=Drivers.BEHAVIOUR, how="left")
    return table


#: Upper ends of the bands in seconds, each twice the one before; the last is open.
EDGES: Final = (10, 20, 40, 80, 160, 320)
#: A band holds at least this share of the replies, else it joins its neighbour.
LEAST_SHARE: Final = 0.03


def dose_response(
    design: Design,
    behaviour: str = "first_response_s",
    *,
    ends: Sequence[float] = EDGES,
    min_inquiries: int,
    min_agents: int,
) -> pd.DataFrame:
    """Return the adjusted difference of each band of a time against the quickest one.

    Parameters
    ----------
    design : Design
    behaviour : str
        One that is compared per doubling.
    ends : sequence of float
        Upper ends of the bands in seconds, rising.
    min_inquiries, min_agents : int
        Below these there is no row.

    Returns
    -------
    DataFrame
        One row a band, the quickest first: ``from_s``, ``to_s`` (NaN: no end), ``n``,
        ``typical_s``, ``effect_pp``, ``low_pp``, ``high_pp`` (95 %; zero for the quickest band,
        which the others are compared with).

    Raises
    ------
    ValueError
        Where the behaviour is not compared per doubling.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> bands = dose_response(plan, min_inquiries=20, min_agents=2)
    >>> bands["effect_pp"].head(1).tolist()
    [0.0]
    """
    if unit_of(behaviour) != "doubling":
        raise ValueError(f"{behaviour} is not compared per doubling, so it has no bands")
    matrix = design_matrix_of(design)
    places = np.flatnonzero(matrix.usable(behaviour))
    seconds = from_model(matrix.column(behaviour)[places], behaviour)
    edges = _edges(seconds, ends)
    columns = ["from_s", "to_s", "n", "typical_s", "effect_pp", "low_pp", "high_pp"]
    agents = len(np.unique(matrix.agents[places]))
    if len(places) < min_inquiries or agents < min_agents or len(edges) < 3:
        return pd.DataFrame(columns=columns, dtype=float)
    band = np.searchsorted(edges[1:-1], seconds, side="left")
    effects = _effects(matrix, places, behaviour, band)
    rows = [
        (edges[b], edges[b + 1], int((band == b).sum()), float(np.median(seconds[band == b])))
        for b in range(len(edges) - 1)
    ]
    table = pd.DataFrame(
        [(*row, *effect) for row, effect in zip(rows, effects, strict=True)], columns=columns
    )
    return table.assign(to_s=table["to_s"].replace(np.inf, np.nan))


def _edges(seconds: Floats, ends: Sequence[float]) -> list[float]:
    """Return the bands' ends; a band too thin joins the one after it, the last the one before."""
    least = max(MIN_EACH, LEAST_SHARE * len(seconds))
    edges = [0.0]
    for edge in (*map(float, ends), np.inf):
        if ((seconds > edges[-1]) & (seconds <= edge)).sum() >= least:
            edges.append(edge)
    if edges[-1] != np.inf and len(edges) > 1:
        edges[-1] = np.inf
    return edges


def _effects(
    matrix: DesignMatrix, places: Places, behaviour: str, band: npt.NDArray[np.intp]
) -> list[tuple[float, float, float]]:
    """Return effect, low and high of each band against the first, with the others in the model."""
    names = [f"band {b}" for b in range(1, int(band.max()) + 1)]
    bands = {name: (band == b).astype(float) for b, name in enumerate(names, start=1)}
    products = matrix.products(matrix.block(places).with_columns(bands))
    model = matrix.model(behaviour)
    found = [(0.0, 0.0, 0.0)]
    for own in names:
        others = tuple(name for name in names if name != own)
        fitted = fixed_effects_estimate(
            products, replace(model, exposure=own, controls=(*others, *model.controls))
        )
        values = (fitted.effect, fitted.low, fitted.high) if fitted else (np.nan,) * 3
        found.append(tuple(matrix.points * v for v in values))  # type: ignore[arg-type]
    return found


#: Read hardly better than by chance, nothing can be made of an estimate.
_LEAST: Final = 0.2
#: A share known no better than give or take twice this says nothing.
_VAGUE: Final = 0.2
_NORMAL: Final = NormalDist().inv_cdf(0.975)


def divided(
    effect: float, se: float, factor: float, factor_se: float
) -> tuple[float, float, float]:
    """Return effect, low and high once divided by PPV + NPV - 1 (delta method, 95 %).

    Examples
    --------
    >>> [round(v, 1) for v in divided(6.0, 1.0, 0.6, 0.05)]
    [10.0, 6.3, 13.7]
    """
    if not factor >= _LEAST:
        return (float("nan"),) * 3
    middle = effect / factor
    reach = _NORMAL * np.hypot(se / factor, middle * factor_se / factor)
    return middle, float(middle - reach), float(middle + reach)


def with_correction(
    drivers: pd.DataFrame, accuracy: pd.DataFrame, labels: pd.DataFrame | None
) -> pd.DataFrame:
    """Add what each effect would be, were the words read rightly.

    Parameters
    ----------
    drivers : DataFrame
        From `csinsight.drivers.estimates.estimate_drivers`.
    accuracy : DataFrame
        Published, by marker: ``precision``, ``recall``, and the counts ``marked`` and ``true``
        (`csinsight.behaviours.accuracy.reader_accuracy` of one language).
    labels : DataFrame or None
        The shop's own, which come first: columns of
        `csinsight.contract.artifacts.LabelAccuracy`.

    Returns
    -------
    DataFrame
        The same rows with ``corrected_pp``, ``corrected_low_pp``, ``corrected_high_pp`` and
        ``corrected_by``; null for times, where nothing is known of the reading, and where it is
        hardly better than chance.

    Examples
    --------
    Of ten lines said to show it eight do, and of ten that do eight are found:

    >>> row = {"behaviour": "greets", "unit": "shown", "n": 400, "shown": 100, "outcome": "paid",
    ...        "effect_pp": 4.0, "low_pp": 2.0, "high_pp": 6.0}
    >>> read = {"precision": 0.8, "recall": 0.8, "marked": 10, "true": 10}
    >>> read = pd.DataFrame(read, index=["greets"])
    >>> found = with_correction(pd.DataFrame([row]), read, None)
    >>> bool(found["corrected_pp"].iloc[0] > 4)
    True
    """
    told = pd.DataFrame(list(_corrections(drivers, accuracy, labels)), index=drivers.index)
    names = [_D.CORRECTED_PP, _D.CORRECTED_LOW_PP, _D.CORRECTED_HIGH_PP, _D.CORRECTED_BY]
    told.columns = names
    return drivers.assign(**{name: told[name] for name in names})


def _corrections(
    drivers: pd.DataFrame, accuracy: pd.DataFrame, labels: pd.DataFrame | None
) -> Iterator[tuple[float, float, float, str | None]]:
    own = {}
    if labels is not None:
        numbers = labels[[LabelAccuracy.KEPT, LabelAccuracy.SE]].to_numpy(dtype=float)
        own = dict(zip(labels[LabelAccuracy.BEHAVIOUR], map(tuple, numbers), strict=True))
    for _, row in drivers.iterrows():
        behaviour, found = str(row[_D.BEHAVIOUR]), None
        if pd.isna(row[_D.EFFECT_PP]) or row[_D.UNIT] != "shown":
            yield (np.nan, np.nan, np.nan, None)
            continue
        # Labels too few to tell one half from the whole leave it to the published figures.
        if behaviour in own and own[behaviour][1] <= _VAGUE:
            found, by = own[behaviour], "labels"
        if found is None and behaviour in accuracy.index:
            published = accuracy.loc[[behaviour]].iloc[0]
            found, by = _published(published, row[_D.SHOWN] / row[_D.N]), "published"
        if found is None:
            yield (np.nan, np.nan, np.nan, None)
            continue
        se = (row[_D.HIGH_PP] - row[_D.LOW_PP]) / (2 * _NORMAL)
        corrected = divided(row[_D.EFFECT_PP], se, *found)
        yield (*corrected, None if np.isnan(corrected[0]) else by)


def _published(row: pd.Series, shown: float) -> tuple[float, float] | None:
    """Return the same from published precision and recall at this shop's share of marked."""
    precision, recall = float(row["precision"]), float(row["recall"])
    if not (precision > 0 and recall > 0) or not 0 < shown < 1:
        return None
    odds = shown / (1 - shown)
    missed = 1 - odds * (1 / recall - 1)
    variance = missed**2 * precision * (1 - precision) / row["marked"]
    variance += (precision * odds / recall**2) ** 2 * recall * (1 - recall) / row["true"]
    return precision * missed, float(np.sqrt(variance))
