"""What may be said of each estimate: named, or the buyer's own, or no evidence.

False discovery rate within a declared family, a gate before the family, the year's error spent on
purpose, what is left of the buyer's intent, and a hidden intent as strong as what is measured.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from csinsight.contract.artifacts import DriverChecks, Drivers
from csinsight.contract.domain import OWN_INTENT
from csinsight.drivers.design import Design
from csinsight.drivers.intent import BROWSING, own_intent, unseen
from csinsight.drivers.shrinkage import two_groups
from csinsight.drivers.systematic_error import with_systematic_error

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
)
_NUMBERS: Final = (*COLUMNS[4:10], *COLUMNS[16:27])

ALL: Final = "all"

#: Why an effect that would be named is not: as strong as the measured signs, or the second method.
BENCHMARK: Final = "a hidden intent as strong as what is measured would explain it"
DISAGREES: Final = "second method disagrees"
LEFT_OVER: Final = "what is left of the buyer's intent would explain it"
UNSEEN: Final = "too little is known of what buyers looked at, and agents answer them"

#: What a shop's first report may spend of the year's 5 %, and how many months make it.
_FIRST_LOOK: Final = 0.025
_FIRST_MONTHS: Final = 3.5
#: Level of every later look, by the months that it reads: those overlap, so that ten of them, and
#: a first one, speak of nothing in 5 % of shops together.
_LATER, _LATER_A_MONTH, _MOST_MONTHS = 0.0045, 0.0004, 12.0
#: The other families share a quarter of the main one's level until that has spoken.
_OTHERS: Final = 0.25


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


def verdicts(
    estimates: pd.DataFrame,
    negative_controls: tuple[str, ...],
    q_threshold: float,
    *,
    level: float,
    rings: bool,
    answered: Collection[str] = (),
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
    (`csinsight.drivers.systematic_error`). What chance alone would have named, and what could be
    the buyer's own intent (`csinsight.drivers.intent`), is called that; so is all of it where an
    alarm rings and nothing is known of what buyers looked at before they asked, for then nothing
    measures what they came with.

    Parameters
    ----------
    estimates : DataFrame
        One row a behaviour, outcome and scope; effects null where there was not enough data.
        The first row's outcome is the main one.
    negative_controls : tuple of str
        Outside the family: verdict ``control``.
    q_threshold : float
    level : float
        Of the main family (`family_level`).
    rings : bool
        Whether an alarm over the whole rings.
    answered : collection of str
        Behaviours whose own alarm rings (`answering`).
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
        table, named = _with_naming(
            with_systematic_error(table, rung, whole=ALL), tested, q_threshold, level
        )
    weak, apart = own_intent(table, rings=rung, states=states, browsing=browsing)
    table.loc[by_chance & ~named, _D.REASON] = LEFT_OVER
    table.loc[by_chance & weak, _D.REASON] = BENCHMARK
    table.loc[by_chance & apart & ~weak, _D.REASON] = DISAGREES
    table.loc[by_chance & rung & unseen(table, browsing), _D.REASON] = UNSEEN
    side = np.where(table[_D.EFFECT_PP] > 0, "helps", "hurts")
    verdict = np.where(named & ~weak & ~apart, side, "no evidence")
    verdict = np.where(by_chance & ~(named & ~weak & ~apart), OWN_INTENT, verdict)
    verdict = np.where(tested | control, verdict, "not enough data")
    table[_D.VERDICT] = np.where(control, "control", verdict)
    return table


def _with_naming(
    table: pd.DataFrame, tested: pd.Series, q_threshold: float, level: float
) -> tuple[pd.DataFrame, pd.Series]:
    """Add q-values and effects as believed, and tell which rows would be named by them."""
    for _, family in table[tested].groupby([_D.OUTCOME, _D.SCOPE_KIND]):
        p_values = family[_D.P_VALUE].to_numpy()
        table.loc[family.index, _D.Q_VALUE] = stats.false_discovery_control(p_values)
    table = _with_belief(table)
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


def _with_belief(table: pd.DataFrame) -> pd.DataFrame:
    """Add effects as believed, a prior learnt from each family."""
    tested = table[_D.Q_VALUE].notna()
    for _, family in table[tested].groupby([_D.OUTCOME, _D.SCOPE_KIND]):
        numbers = family[[_D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP]].to_numpy(dtype=float)
        believed = np.column_stack(two_groups(*numbers.T).expected())
        table.loc[family.index, [_D.SHRUNK_PP, _D.SHRUNK_LOW_PP, _D.SHRUNK_HIGH_PP]] = believed
    return table
