"""Could it be the buyer's own intent? Alarms that can ring, and what they do to a verdict.

Agents answer the buyer: a keen one is served better, and buys anyway. What that does is measured by
what no agent can have caused, since it was there before the first answer: pages seen, a cart page,
the opening.

Placebo tests
    Each sign is put in the outcome's place. Words can't have led to it, so where they go with it,
    agents answer the buyer. The whole is tested by one number, all words taught minus those taught
    against, so that many small leanings add up. The buyer's state before each turn is looked at in
    the same way.
Benchmark
    The measured signs (and the state before each turn) move an estimate by so many points. A hidden
    intent that is as strong as all of them together would move it once more (Cinelli, Hazlett 2020,
    "Making sense of sensitivity", JRSS B 82).
Second method
    Browsing and opening are two noisy readings of one intent, each a proxy of what the other
    misses. Either takes the intent's place with the other as its instrument, which undoes the noise
    (Miao, Geng, Tchetgen Tchetgen 2018, "Identifying causal effects with proxy variables of an
    unmeasured confounder", Biometrika 105; in linear form an errors-in-variables correction). It
    sees what adjusting for noisy readings can't.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from csinsight.contract.artifacts import Conversations, DriverChecks, Drivers
from csinsight.drivers.covariates import SIGNS, unknown_column
from csinsight.drivers.design import LEAST_BROWSING
from csinsight.drivers.design_matrix import Block, DesignMatrix, companions_of
from csinsight.drivers.exposure import CLOCKED, authors_of, beyond_levels, turns_at_risk
from csinsight.drivers.fixed_effects import (
    CrossProducts,
    FixedEffectsEstimate,
    FixedEffectsModel,
    effective_number,
    fixed_effects_estimate,
    iv_coefficients,
    partial,
    squares_left,
)
from csinsight.drivers.units import Places, unit_of
from csinsight.drivers.word_index import LEANS
from csinsight.stats import Floats, Singles
from csinsight.stats.intervals import jackknife_error

Flags = npt.NDArray[np.bool_]

_C, _D = Conversations, DriverChecks
#: Signs that are put in the outcome's place, and what their check is called.
PLACEBOS: Final = {
    f"browsing: {_C.CART_BEFORE}": "cart page before the first message",
    f"browsing: {_C.PAGES_BEFORE}": "pages before the first message",
    f"opening: {_C.OPENING_CHARS}": "length of the opening",
}
#: The checks of what an agent does not see, which only a sense of the intent behind it can answer;
#: the opening and the buyer's state may be answered for what they say.
BROWSING: Final = tuple(name for sign, name in PLACEBOS.items() if sign.startswith("browsing"))
STATE: Final = "the buyer's state before the turn"
#: All words taught less those taught against, as one number of each inquiry.
_ALL_WORDS: Final = "all words taught"
#: Chance that any alarm over the whole rings though no agent answers the buyer.
LEVEL: Final = 0.05
#: As many times as strong as what is measured a hidden intent may be, and a verdict still stand.
TIMES: Final = 1.0
#: The same where an alarm rings and either the second method or the buyer's states are not to be
#: had: what is measured then says less of what is not.
TIMES_UNSEEN: Final = 3.0
#: Alarms by the buyer's state look at what may be said at any turn, of this share of inquiries at
#: least: comfort answers a worry by its own definition, and no more than that would be told.
_ANY_TURN: Final = 0.95
#: Nor at what the rest of the turn decides: one with a word of comfort isn't curt.
_BY_THE_REST: Final = ("curt_reply",)
#: Alarms of a matrix, for as long as it is there.
_RUNG: Final[WeakKeyDictionary[DesignMatrix, pd.DataFrame]] = WeakKeyDictionary()
#: An instrument under this F is too weak (Staiger, Stock 1997).
_WEAK: Final = 10.0
#: A second method agrees that has the same sign at this one-sided level.
_AGREES: Final = 0.05


@dataclass(frozen=True)
class SecondLook:
    """What the signs of intent say of one estimate, in the outcome's unit.

    Parameters
    ----------
    moved : float
        By so much the measured signs would move the estimate if page views were known of every
        inquiry: by what they have moved it, over the share of which they are; NaN where no sign is
        known.
    proximal : FixedEffectsEstimate or None
        The second method; None where the signs are too few or too weak.
    """

    moved: float
    proximal: FixedEffectsEstimate | None


def second_look(
    matrix: DesignMatrix, products: CrossProducts, behaviour: str, effect: float
) -> SecondLook:
    """Return how the measured signs moved one estimate, and what the second method says.

    Parameters
    ----------
    matrix : DesignMatrix
    products : CrossProducts
        Of the sample that `effect` was estimated on.
    behaviour : str
    effect : float
        The main estimate.

    Examples
    --------
    >>> from csinsight.drivers.design_matrix import design_matrix_of
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> matrix = design_matrix_of(plan)
    >>> products = matrix.products(matrix.block(np.arange(len(plan.rows))))
    >>> look = second_look(matrix, products, "recommends", 5.0)
    >>> bool(np.isfinite(look.moved))
    True
    """
    if not matrix.signs and matrix.states is None:
        return SecondLook(float("nan"), None)
    without = iv_coefficients(products, matrix.model(behaviour, signs=False))[behaviour]
    moved = float(without - effect) / matrix.browsing
    return SecondLook(moved, _proximal(matrix, products, behaviour))


def _proximal(
    matrix: DesignMatrix, products: CrossProducts, behaviour: str
) -> FixedEffectsEstimate | None:
    """Return the mean of the two estimates in which one group's index stands for the intent."""
    signs = {
        f"index of {group}": [name for name in matrix.signs if name.startswith(f"{group}: ")]
        for group in SIGNS
    }
    if not all(signs.values()):
        return None
    model = matrix.model(behaviour)
    said = iv_coefficients(products, model)
    products = products.with_sums(
        {
            index: {name: np.nan_to_num(said[name]) for name in names}
            for index, names in signs.items()
        }
    )
    one, other = signs
    model = model.without(matrix.signs)
    given = model.regressors
    shared = partial(products, one, other, given)
    if shared <= 0 or (products.rows - len(given)) * shared**2 / (1 - shared**2) < _WEAK:
        return None
    both = [
        fixed_effects_estimate(products, model.proxied(index, by), weakest=0.0)
        for index, by in ((one, other), (other, one))
    ]
    found = [estimate for estimate in both if estimate is not None]
    if len(found) < len(both):
        return None
    effect = float(np.mean([estimate.effect for estimate in found]))
    without = np.mean([estimate.without for estimate in found], axis=0)
    se = float(jackknife_error(effect, without))
    return FixedEffectsEstimate.of(effect, se, found[0].df, without)


def times_as_strong(effect: float, reach: float, moved: float) -> float:
    """Return how many times the measured signs a hidden intent must be to bring the end to zero.

    Parameters
    ----------
    effect, reach : float
        The estimate, and half of its interval.
    moved : float
        As of `SecondLook`.

    Returns
    -------
    float
        Infinite where the signs took nothing off the estimate; NaN where none is known.

    Examples
    --------
    10 points give or take 4, from which the signs have taken 3:

    >>> times_as_strong(10, 4, 3)
    2.0
    """
    off = moved * np.sign(effect)
    if np.isnan(off):
        return float("nan")
    return float((abs(effect) - reach) / off) if off > 0 else float("inf")


def own_intent(
    estimates: pd.DataFrame, *, rings: bool | Flags, states: bool, browsing: float
) -> tuple[Flags, Flags]:
    """Tell which named effects could be the buyer's own intent, by the benchmark and by the method.

    Parameters
    ----------
    estimates : DataFrame
        ``effect_pp``, the main estimate; ``intent_times`` of `times_as_strong`; ``proximal_pp`` and
        ``proximal_p`` of the second method, NaN where it can't be had.
    rings : bool or array of bool
        Whether an alarm rings, over the whole or of the estimate's own behaviour.
    states : bool
        Whether the buyer's state before each turn is known.
    browsing : float
        Of what share of inquiries page views before the first message are known; where an alarm
        rings and it is too little (`unseen`) the benchmark holds nothing.

    Returns
    -------
    tuple of array of bool
        The benchmark's, and the second method's.

    Examples
    --------
    The first holds against an intent twice as strong and the second method agrees; the other fails
    at half of what is measured:

    >>> found = pd.DataFrame({"effect_pp": [5.0, 5.0], "intent_times": [2.0, 0.5],
    ...                       "proximal_pp": [4.0, -1.0], "proximal_p": [0.01, 0.6]})
    >>> weak, apart = own_intent(found, rings=True, states=True, browsing=1.0)
    >>> weak.tolist(), apart.tolist()
    ([False, True], [False, True])
    """
    names = (Drivers.EFFECT_PP, Drivers.INTENT_TIMES, Drivers.PROXIMAL_PP, Drivers.PROXIMAL_P)
    effect, times, proximal, p_value = (estimates[name].to_numpy(dtype=float) for name in names)
    less_seen = rings & (np.isnan(proximal) | (not states))
    least = np.where(less_seen, TIMES_UNSEEN, TIMES)
    weak = (times < least) | (rings & unseen(estimates, browsing))
    agrees = (proximal * effect > 0) & (p_value / 2 <= _AGREES)
    return weak, rings & ~np.isnan(proximal) & ~agrees


def unseen(estimates: pd.DataFrame, browsing: float) -> Flags:
    """Tell of which estimates too little is known of what buyers looked at to judge them by it.

    Nothing at all; or of under half of the inquiries, and the second method is not to be had, which
    alone tells what that leaves.

    Examples
    --------
    >>> found = pd.DataFrame({"proximal_pp": [4.0, np.nan]})
    >>> [unseen(found, share).tolist() for share in (0.0, 0.2, 0.8)]
    [[True, True], [False, True], [False, False]]
    """
    second = estimates[Drivers.PROXIMAL_PP].notna().to_numpy()
    return np.asarray(~second & (browsing < LEAST_BROWSING) | (browsing == 0))


def placebo_tests(matrix: DesignMatrix) -> pd.DataFrame:
    """Return whether words go with what no agent can have caused.

    Parameters
    ----------
    matrix : DesignMatrix
        Of the main outcome.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.DriverChecks`. Of each sign that is known a row of
        the whole (``behaviour`` null: one more of all the words taught, or one less of those taught
        against) and one of each behaviour; ``estimate_pp`` in points, of counts in per cent.
        Alarms of the whole ring by chance in 5 % of shops, over all signs (t by the effective
        number of agents, since agents of unequal weight ring too often by their number); those of
        behaviours in another 5 % (Holm).

    Examples
    --------
    >>> from csinsight.drivers.design_matrix import design_matrix_of
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> alarms = placebo_tests(design_matrix_of(plan))
    >>> list(alarms.columns)
    ['check', 'behaviour', 'estimate_pp', 'low_pp', 'high_pp', 'fired']
    """
    # Verdicts and the page of checks ask for the same alarms.
    if matrix in _RUNG:
        return _RUNG[matrix].copy()
    rows = np.flatnonzero(matrix.known)
    signs = [name for name in PLACEBOS if name in matrix.names]
    words = [
        name
        for name in companions_of(matrix.behaviours)
        if unit_of(name) == "shown" and matrix.column(name)[rows].any()
    ]
    found: list[pd.DataFrame] = []
    looks = len(signs) + (matrix.states is not None)
    if words and looks and len(rows):
        block = matrix.block(rows)
        lean = np.array([LEANS[matrix.taught[name]] for name in words])
        said = np.column_stack([block.column(matrix.exposure(b, signs=False)) for b in words])
        block = block.with_columns({_ALL_WORDS: said @ lean})
        found = _placebos(matrix, block, signs, words, LEVEL / looks)
        # The spread is that between agents: of one alone nothing can be told.
        free = _at_any_turn(matrix, rows)
        if matrix.states is not None and free and len(set(matrix.agents[rows])) > 1:
            found.append(_state_test(matrix, matrix.states, rows, free, LEVEL / looks))
    columns = [_D.CHECK, _D.BEHAVIOUR, _D.ESTIMATE_PP, _D.LOW_PP, _D.HIGH_PP, _D.FIRED]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    _RUNG[matrix] = table[columns].astype({_D.FIRED: bool})
    return _RUNG[matrix].copy()


def _placebos(
    matrix: DesignMatrix, block: Block, signs: list[str], words: list[str], level: float
) -> list[pd.DataFrame]:
    """Return the tests of each sign, among the inquiries that it is known of."""
    made: dict[str, CrossProducts] = {}
    found = []
    for name in signs:
        unknown = unknown_column(name.split(":")[0])
        known = unknown if unknown in matrix.names else ""
        if known not in made:
            made[known] = matrix.products(block.at(block.column(known) == 0) if known else block)
        found.append(_placebo(matrix, made[known], name, words, level))
    return found


def _placebo(
    matrix: DesignMatrix, products: CrossProducts, sign: str, words: list[str], level: float
) -> pd.DataFrame:
    """Return the tests of one sign in the outcome's place: of all words at once, and of each."""
    whole = FixedEffectsModel(sign, _ALL_WORDS, matrix.before(signs=False))
    models = {None: whole} | {b: matrix.model(b, signs=False, explains=sign) for b in words}
    alike = effective_number(squares_left(products, _ALL_WORDS, whole.controls))
    records, p_values = [], []
    for name, model in models.items():
        estimate = fixed_effects_estimate(products, model)
        if estimate is not None:
            numbers = (100 * v for v in (estimate.effect, estimate.low, estimate.high))
            records.append((PLACEBOS[sign], name, *numbers))
            t = abs(estimate.effect) / estimate.se
            p_value = float(2 * scipy.stats.t.sf(t, max(alike - 1, 1)))
            p_values.append(estimate.p_value if name else p_value)
    table = pd.DataFrame(
        records, columns=[_D.CHECK, _D.BEHAVIOUR, _D.ESTIMATE_PP, _D.LOW_PP, _D.HIGH_PP]
    )
    own = table[_D.BEHAVIOUR].notna().to_numpy()
    fired = np.array(p_values) <= level
    fired[own] = _holm(np.array(p_values)[own], level)
    return table.assign(**{_D.FIRED: fired})


def _holm(p_values: Floats, level: float) -> np.ndarray:
    """Tell which of several tests are significant, their family held at `level` (Holm 1979)."""
    order = np.argsort(p_values)
    holds = p_values[order] <= level / np.arange(len(order), 0, -1)
    fired = np.zeros(len(order), dtype=bool)
    fired[order] = np.logical_and.accumulate(holds)
    return fired


def _at_any_turn(matrix: DesignMatrix, rows: Places) -> list[str]:
    """Return the behaviours that may be shown at any turn, whatever the buyer has shown."""
    return [
        name
        for name, times in matrix.turns.items()
        if name in matrix.behaviours and name not in (*CLOCKED, *_BY_THE_REST)
        if (times.since[rows] == 1).mean() >= _ANY_TURN
    ]


def _state_scores(
    matrix: DesignMatrix, states: Singles, rows: Places, behaviours: list[str]
) -> tuple[Floats, Floats]:
    """Return by inquiry and state the scores of its words, and what they are to be set against.

    Scores are the residualized exposures of each turn times the state before it; the words lean as
    they are taught.
    """
    cases, writers = matrix.cases[rows], matrix.writers[rows]
    told, seen = (np.zeros((len(rows), states.shape[2])) for _ in range(2))
    for name in behaviours:
        lean = LEANS[matrix.taught[name]]
        for turn, here, shown, situations in turns_at_risk(matrix.turns[name].at(rows), cases):
            if turn > states.shape[1]:
                break
            left = lean * beyond_levels(shown, authors_of(writers, here, turn), situations)[0]
            before = states[rows[here], turn - 1].astype(float)
            told[here] += left[:, None] * before
            seen[here] += before**2
    return told, seen


def _state_test(
    matrix: DesignMatrix, states: Singles, rows: Places, behaviours: list[str], level: float
) -> pd.DataFrame:
    """Tell whether what buyers had shown before a turn goes with what is said in it.

    A score test (`_state_scores`), summed within agents. The largest of the states' tests counts.
    """
    told, seen = _state_scores(matrix, states, rows, behaviours)
    agents = matrix.agents[rows]
    # Rows of one agent lie together.
    starts = np.flatnonzero(np.r_[True, agents[1:] != agents[:-1]])
    scores, squares = (np.add.reduceat(each, starts) for each in (told, seen))
    number, known = len(scores), np.maximum(squares.sum(axis=0), 1e-12)
    slopes = scores.sum(axis=0) / known
    # The plain formula is too sure with few agents.
    without = (scores.sum(axis=0) - scores) / np.maximum(known - squares, 1e-12)
    spread = jackknife_error(slopes, without)
    # Nor may a few agents that happen to be alike tell less than conversations apart would.
    spread = np.maximum(spread, np.sqrt((told**2).sum(axis=0)) / known)
    t = np.abs(slopes) / np.where(spread > 0, spread, np.inf)
    df = np.maximum([effective_number(state) - 1 for state in squares.T], 1)
    p_values = 2 * scipy.stats.t.sf(t, df)
    most = int(p_values.argmin())
    reach = float(scipy.stats.t.ppf(0.975, max(number - 1, 1)) * spread[most])
    record = {
        _D.CHECK: STATE,
        _D.BEHAVIOUR: None,
        _D.ESTIMATE_PP: 100 * slopes[most],
        _D.LOW_PP: 100 * (slopes[most] - reach),
        _D.HIGH_PP: 100 * (slopes[most] + reach),
        _D.FIRED: p_values[most] * len(t) <= level,
    }
    return pd.DataFrame([record])
