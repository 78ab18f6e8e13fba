"""What may be said of each estimate: named, or the buyer's own, or no evidence.

False discovery rate within a declared family, a gate before the family, the year's error spent on
purpose, what is left of the buyer's intent, and a hidden intent as strong as what is measured.

What adjusting leaves of the buyer's intent in each estimate, as a second source of error.

A standard error knows of chance alone. Where an alarm rings, agents answer the buyer, and the
signs of the buyer's intent are noisy: adjusting for them takes a part of the confounding out and
leaves the rest. The second method (`csinsight.drivers.intent`) undoes the noise, so that how far it
lies from the estimates, set against how far the signs had moved them, tells how many times as much
is left as was taken out. One behaviour tells that poorly; all of a shop's together tell it well.
Where the second method is not to be had, the words themselves tell: how closely an agent's turns in
one conversation go together, against how closely they go with the signs, tells how much of what
agents sense the signs see (`csinsight.drivers.word_index`). And so do the estimates: an intent that
agents answer leaves in each as many times what the signs took out of it. Words with an effect of
their own lie apart from that line, mostly beyond it, since agents do for keen buyers what they are
taught: so the ratio below which a third of the weight lies is taken, not the median (in genetics
the weighted median serves where some instruments are invalid). The larger of the two counts. What
is left of each is then a standard
deviation of its own, beside that of chance, in interval and p-value alike: they are calibrated by
what was measured to be no effect.

References
----------
Schuemie, Hripcsak, Ryan, Madigan, Suchard (2018), "Empirical confidence interval calibration for
population-level effect estimation studies in observational healthcare data", PNAS 115. Schuemie et
al. (2014), "Interpreting observational studies: why empirical calibration is needed to correct
p-values", Statistics in Medicine 33. Bowden, Davey Smith, Haycock, Burgess (2016), "Consistent
estimation in Mendelian randomization with some invalid instruments using a weighted median
estimator", Genetic Epidemiology 40.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from csinsight.contract.artifacts import DriverChecks, Drivers
from csinsight.contract.domain import OWN_INTENT
from csinsight.drivers.design import Design
from csinsight.drivers.intent import BROWSING, own_intent, unseen
from csinsight.stats import Floats
from csinsight.stats.shrinkage import two_groups

#: As many times as the signs have taken out is left, at least where the second method says nothing,
#: and at most whatever that says.
_UNSEEN: Final = 1.0
_MOST: Final = 3.0
#: At most where an inquiry's turns tell it: signs that tell less than a tenth tell of nothing.
_MOST_BY_TURNS: Final = 10.0
#: By weight, so many of the ratios of estimates to what the signs took out lie below intent's own.
_BEYOND: Final = 1 / 3
#: Fewer behaviours than this tell nothing together.
_LEAST: Final = 3
_D = Drivers
#: Every column of the result, in order, and those of them that are numbers.
COLUMNS: Final = (
    _D.BEHAVIOUR,
    _D.OUTCOME,
    _D.SCOPE,
    _D.N,
    _D.RAW_PP,
    _D.EFFECT_PP,
    _D.LOW_PP,
    _D.HIGH_PP,
    _D.P_VALUE,
    _D.Q_VALUE,
    _D.VERDICT,
    _D.STANDING,
    _D.SCOPE_KIND,
    _D.UNIT,
    _D.AGENTS,
    _D.SHOWN,
    _D.BETWEEN_PP,
    _D.DETECTABLE_PP,
    _D.ROBUSTNESS,
    _D.MOVED_PP,
    _D.INTENT_TIMES,
    _D.PROXIMAL_PP,
    _D.PROXIMAL_P,
    _D.SYSTEMATIC_PP,
    _D.SHRUNK_PP,
    _D.SHRUNK_LOW_PP,
    _D.SHRUNK_HIGH_PP,
    _D.REASON,
    _D.TAUGHT,
    _D.DF,
)
_NUMBERS: Final = (*COLUMNS[4:10], *COLUMNS[16:27], _D.DF)

ALL: Final = "all"

#: Why an effect that would be named is not: as strong as the measured signs, or the second method.
BENCHMARK: Final = "a hidden intent as strong as what is measured would explain it"
DISAGREES: Final = "second method disagrees"
LEFT_OVER: Final = "what is left of the buyer's intent would explain it"
UNSEEN: Final = "too little is known of what buyers looked at, and agents answer them"

#: The same, and the column of estimates that tells it: who was told so had made up their mind.
SETTLED: Final = "it was settled before, so nearly all or hardly any bought"
#: Why there is no estimate (`csinsight.drivers.exposure.cut_short`).
CUT_SHORT: Final = "orders cut short what would have been said"

#: What a shop's first report may spend of the year's 5 %, and how many months make it.
_FIRST_LOOK: Final = 0.025
_FIRST_MONTHS: Final = 3.5
#: Level of every later look, by the months that it reads: those overlap, so that ten of them, and
#: a first one, speak of nothing in 5 % of shops together.
_LATER, _LATER_A_MONTH, _MOST_MONTHS = 0.0045, 0.0004, 12.0
#: The other families share a quarter of the main one's level until that has spoken.
_OTHERS: Final = 0.25


def left_over(
    effect: Floats, moved: Floats, apart: Floats, noise: Floats, *, hidden: bool, told: float
) -> float:
    """Return how many times what the signs of intent took out of estimates is left in them.

    Parameters
    ----------
    effect : array
        The estimates.
    moved : array
        By how much the signs moved each estimate (without them, less with them).
    apart : array
        How far each estimate lies from the second method's; NaN where that is not to be had.
    noise : array
        Widths by which the estimates are weighed.
    hidden : bool
        Whether agents answer what they don't see (`answers_hidden`).
    told : float
        What share of what moves an inquiry's words the signs tell
        (`csinsight.drivers.design_matrix.DesignMatrix.told_by_signs`); NaN where that is not known.

    Returns
    -------
    float
        By the second method a slope through zero, in [0, 3]. Where fewer than three behaviours
        tell that, 1; for an intent that is hidden what the signs don't tell of it over what they
        do, up to 10, or the ratio of effect to moved below which a third of the weight lies, if
        either is more.

    Examples
    --------
    Half of what was taken out is left in each:

    >>> import numpy as np
    >>> moved, one = np.array([2.0, -4.0, 1.0]), np.ones(3)
    >>> left_over(np.array([5.0, -6.0, 9.0]), moved, np.array([1.0, -2.0, 0.5]), one,
    ...           hidden=True, told=0.2)
    0.5

    The second method is not to be had; estimates are twice what was taken out, or more; and signs
    tell a fifth of what agents sense, so that four times as much is left:

    >>> effect, none = np.array([4.0, -8.0, 9.0]), np.full(3, np.nan)
    >>> left_over(effect, moved, none, one, hidden=True, told=np.nan)
    2.0
    >>> left_over(effect, moved, none, one, hidden=True, told=0.2)
    4.0
    """
    known = ~np.isnan(effect) & ~np.isnan(moved) & (noise > 0)
    second = known & ~np.isnan(apart)
    weight = moved[second] / noise[second] ** 2
    size = float(weight @ moved[second])
    if second.sum() >= _LEAST and size > 0:
        return float(np.clip(weight @ apart[second] / size, 0.0, _MOST))
    if not hidden:
        return _UNSEEN
    by_turns = 0.0 if np.isnan(told) else min(1 / max(told, 1e-9) - 1, _MOST_BY_TURNS)
    known &= moved != 0
    if known.sum() < _LEAST:
        return max(by_turns, _UNSEEN)
    ratios, weights = effect[known] / moved[known], np.abs(moved[known]) / noise[known]
    times = np.quantile(ratios, _BEYOND, weights=weights, method="inverted_cdf")
    return max(float(times), by_turns, _UNSEEN)


def with_systematic_error(
    estimates: pd.DataFrame, rung: npt.NDArray[np.bool_], *, whole: str, hidden: bool, told: float
) -> pd.DataFrame:
    """Widen intervals, and raise p-values, by what is left of the buyer's intent.

    Parameters
    ----------
    estimates : DataFrame
        Columns of `csinsight.contract.artifacts.Drivers`; of a shop in which an alarm rings.
    rung : array of bool
        The rows that it rings for; the others stay as they are.
    whole : str
        The scope that tells how much is left, for each outcome.
    hidden, told : bool, float
        As for `left_over`.

    Returns
    -------
    DataFrame
        The same rows, with ``systematic_pp``, a standard deviation; NaN where no alarm rings.

    Examples
    --------
    Signs of intent took two points off an estimate, so it may be off by as much again:

    >>> row = {"outcome": "paid", "scope": "all", "df": 29, "moved_pp": 2.0, "p_value": 0.001}
    >>> row |= {"effect_pp": 5.0, "low_pp": 3.0, "high_pp": 7.0, "proximal_pp": np.nan}
    >>> told, rung = pd.DataFrame([row]), np.array([True])
    >>> known = {"hidden": False, "told": np.nan}
    >>> wide = with_systematic_error(told, rung, whole="all", **known)
    >>> wide[["low_pp", "high_pp", "systematic_pp"]].round(1).iloc[0].tolist()
    [0.4, 9.6, 2.0]
    """
    table = estimates.copy()
    sd = np.zeros(len(table))
    for places in table.groupby(_D.OUTCOME).indices.values():
        rows = table.iloc[places]
        own = rows[rows[_D.SCOPE] == whole]
        times = left_over(
            own[_D.EFFECT_PP].to_numpy(dtype=float),
            own[_D.MOVED_PP].to_numpy(dtype=float),
            (own[_D.EFFECT_PP] - own[_D.PROXIMAL_PP]).to_numpy(dtype=float),
            _width(own),
            hidden=hidden,
            told=told,
        )
        sd[places] = times * np.nan_to_num(np.abs(rows[_D.MOVED_PP].to_numpy(dtype=float)))
        if hidden and own[_D.PROXIMAL_PP].notna().sum() < _LEAST:
            sd[places] = np.maximum(sd[places], times * _moved_as_most(own) * _width(rows))
    sd[~rung] = 0.0
    effect, high = (table[name].to_numpy(dtype=float) for name in (_D.EFFECT_PP, _D.HIGH_PP))
    df = table[_D.DF].fillna(np.inf).to_numpy(dtype=float)
    t = scipy.stats.t.ppf(0.975, df)
    se = (high - effect) / t
    both = np.hypot(se, sd)
    table[_D.SYSTEMATIC_PP] = np.where(np.isnan(effect) | ~rung, np.nan, sd)
    for name, end in ((_D.LOW_PP, effect - t * both), (_D.HIGH_PP, effect + t * both)):
        table[name] = np.where(rung, end, table[name].to_numpy(dtype=float))
    p_values = 2 * scipy.stats.t.sf(np.abs(effect) / both, df)
    table[_D.P_VALUE] = np.where(sd > 0, p_values, table[_D.P_VALUE].to_numpy(dtype=float))
    return table


def _width(rows: pd.DataFrame) -> Floats:
    return (rows[_D.HIGH_PP] - rows[_D.LOW_PP]).to_numpy(dtype=float)


def _moved_as_most(rows: pd.DataFrame) -> float:
    """Return how many widths of its interval the signs moved an estimate, the middle one.

    How far noisy signs moved one estimate is itself uncertain. Where nothing else is known of what
    they leave, none is taken to have less of it than the middle one, chance for chance.
    """
    moved = np.abs(rows[_D.MOVED_PP].to_numpy(dtype=float)) / _width(rows)
    known = moved[~np.isnan(moved)]
    return float(np.median(known)) if len(known) else 0.0


def family_level(design: Design) -> float:
    """Return the level at which the main family speaks, of the 5 % that a year may spend.

    A report is made every month, over months that overlap. A shop's first one, of a quarter at
    most and nothing before it, spends half; each later one as little as lets ten in a row speak of
    nothing in one shop of twenty at most.

    Parameters
    ----------
    design : Design

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> 0 < family_level(plan) <= 0.025
    True
    """
    if design.history < 1 and design.months <= _FIRST_MONTHS:
        return _FIRST_LOOK
    return _LATER + _LATER_A_MONTH * min(design.months, _MOST_MONTHS)


def rings(alarms: pd.DataFrame) -> bool:
    """Tell whether any alarm over the whole rings (`csinsight.drivers.intent.placebo_tests`).

    Examples
    --------
    >>> rings(pd.DataFrame({"behaviour": [None, "greets"], "fired": [False, True]}))
    False
    """
    whole = alarms[alarms[DriverChecks.BEHAVIOUR].isna()]
    return bool(whole[DriverChecks.FIRED].any())


def answering(alarms: pd.DataFrame) -> set[str]:
    """Return the behaviours that go with what buyers looked at, which agents don't see.

    Examples
    --------
    >>> cart = "cart page before the first message"
    >>> told = {"check": cart, "behaviour": [None, "greets"], "fired": [False, True]}
    >>> answering(pd.DataFrame(told))
    {'greets'}
    """
    own = alarms[DriverChecks.BEHAVIOUR].notna() & alarms[DriverChecks.FIRED]
    own &= alarms[DriverChecks.CHECK].isin(BROWSING)
    return set(alarms.loc[own, DriverChecks.BEHAVIOUR])


def answers_hidden(alarms: pd.DataFrame) -> bool:
    """Tell whether agents answer what buyers looked at, over the whole or by any behaviour.

    Agents don't see that, so there is an intent behind it that they sense. What buyers write they
    may answer for what it says.

    Examples
    --------
    >>> told = {"check": ["length of the opening"], "behaviour": [None], "fired": [True]}
    >>> answers_hidden(pd.DataFrame(told))
    False
    """
    return bool(alarms.loc[alarms[DriverChecks.CHECK].isin(BROWSING), DriverChecks.FIRED].any())


def verdicts(
    estimates: pd.DataFrame,
    negative_controls: tuple[str, ...],
    q_threshold: float,
    *,
    level: float,
    rings: bool,
    answered: Collection[str] = (),
    hidden: bool = False,
    told: float = np.nan,
    states: bool,
    browsing: float,
) -> pd.DataFrame:
    """Say of each estimate what may be said.

    The behaviours of one outcome and scope kind form a family (all inquiries; all categories; all
    types), in which Benjamini-Hochberg holds the share of false verdicts at `q_threshold`. In a
    shop where nothing goes with the outcome that alone would still name something; so a family is
    only read when it speaks as a whole (Simes' test, whose p-value is the family's smallest q).
    Once the main family has spoken, its level passes on to the others (Bretz et al. 2009, a
    graphical procedure). Nothing is named whose interval, plain or as believed, holds zero.
    Where an alarm rings, over the whole or of the behaviour itself, intervals and p-values hold
    what is left of the buyer's intent too
    (`csinsight.drivers.verdicts`). What chance alone would have named, and what could be
    the buyer's own intent (`csinsight.drivers.intent`), is called that; so is all of it where an
    alarm rings and nothing is known of what buyers looked at before they asked, for then nothing
    measures what they came with.

    Parameters
    ----------
    estimates : DataFrame
        One row a behaviour, outcome and scope; effects null where there was not enough data.
        The first row's outcome is the main one. `SETTLED` true where the matter was.
    negative_controls : tuple of str
        Outside the family: verdict ``control``.
    q_threshold : float
    level : float
        Of the main family (`family_level`).
    rings : bool
        Whether an alarm over the whole rings.
    answered : collection of str
        Behaviours whose own alarm rings (`answering`).
    hidden : bool
        Whether agents answer what they don't see (`answers_hidden`).
    told : float
        As for `left_over`.
    states, browsing : bool, float
        As for `csinsight.drivers.intent.own_intent`.

    Returns
    -------
    DataFrame
        `COLUMNS`.

    Examples
    --------
    >>> table = pd.DataFrame({"behaviour": ["greets", "recommends"], "effect_pp": [0.2, 8.0],
    ...                       "low_pp": [-3.0, 6], "high_pp": [3.4, 10], "p_value": [0.9, 1e-9]})
    >>> table = table.assign(outcome="paid", scope="all", scope_kind="all", intent_times=9.0)
    >>> told = {"level": 0.025, "states": True, "browsing": 0.0}
    >>> verdicts(table, (), 0.1, rings=False, **told)["verdict"].tolist()
    ['no evidence', 'helps']
    >>> verdicts(table, (), 0.1, rings=True, **told)["verdict"].tolist()
    ['no evidence', "could be the buyer's own intent"]
    """
    kinds = dict.fromkeys(_NUMBERS, float) | {_D.REASON: object, _D.STANDING: object}
    table = estimates.reindex(columns=list(COLUMNS)).astype({**kinds, _D.SHOWN: "Int64"})
    control = table[_D.BEHAVIOUR].isin(negative_controls)
    tested = table[_D.P_VALUE].notna() & ~control
    table, by_chance = _with_naming(table, tested, q_threshold, level)
    named = by_chance
    rung = np.full(len(table), rings) | table[_D.BEHAVIOUR].isin(answered).to_numpy()
    if rung.any():
        table = with_systematic_error(table, rung, whole=ALL, hidden=hidden, told=told)
        table, named = _with_naming(table, tested, q_threshold, level)
    weak, apart = own_intent(table, rings=rung, states=states, browsing=browsing)
    table.loc[by_chance & ~named, _D.REASON] = LEFT_OVER
    table.loc[by_chance & weak, _D.REASON] = BENCHMARK
    table.loc[by_chance & apart & ~weak, _D.REASON] = DISAGREES
    table.loc[by_chance & rung & unseen(table, browsing), _D.REASON] = UNSEEN
    settled = estimates.reindex(columns=[SETTLED])[SETTLED].eq(True).to_numpy()
    table.loc[by_chance & settled, _D.REASON] = SETTLED
    side = np.where(table[_D.EFFECT_PP] > 0, "helps", "hurts")
    stands = named & ~weak & ~apart & ~settled
    verdict = np.where(stands, side, "no evidence")
    verdict = np.where(by_chance & ~stands, OWN_INTENT, verdict)
    verdict = np.where(tested | control, verdict, "not enough data")
    table[_D.VERDICT] = np.where(control, "control", verdict)
    return table


def _with_naming(
    table: pd.DataFrame, tested: pd.Series, q_threshold: float, level: float
) -> tuple[pd.DataFrame, pd.Series]:
    """Add q-values and effects as believed, and tell which rows would be named by them."""
    for _, family in table[tested].groupby([_D.OUTCOME, _D.SCOPE_KIND]):
        p_values = family[_D.P_VALUE].to_numpy()
        table.loc[family.index, _D.Q_VALUE] = scipy.stats.false_discovery_control(p_values)
        numbers = family[[_D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP]].to_numpy(dtype=float)
        believed = np.column_stack(two_groups(*numbers.T).expected())
        table.loc[family.index, [_D.SHRUNK_PP, _D.SHRUNK_LOW_PP, _D.SHRUNK_HIGH_PP]] = believed
    spoken = _families_that_speak(table, level)
    kinds = pd.MultiIndex.from_frame(table[[_D.OUTCOME, _D.SCOPE_KIND]])
    named = (
        (table[_D.Q_VALUE] <= q_threshold)
        & kinds.isin(spoken)
        & ((table[_D.LOW_PP] > 0) | (table[_D.HIGH_PP] < 0))
        # Pages show effects as believed: what is named there has to miss zero there too.
        & ((table[_D.SHRUNK_LOW_PP] > 0) | (table[_D.SHRUNK_HIGH_PP] < 0))
    )
    return table, named


def _families_that_speak(table: pd.DataFrame, level: float) -> list[tuple[str, str]]:
    main = (str(table[_D.OUTCOME].iloc[0]), ALL)
    families = table.groupby([_D.OUTCOME, _D.SCOPE_KIND])
    smallest = families[_D.Q_VALUE].min().dropna()
    first = smallest.get(main, 1.0) <= level
    others = [family for family in smallest.index if family != main]
    spare = level * (1 + _OTHERS) if first else level * _OTHERS / max(len(others), 1)
    return [*([main] if first else []), *[f for f in others if smallest[f] <= spare]]
