"""What may be said of each estimate: q-values over the declared family, gate, and verdict.

The behaviours of one outcome and scope kind form a family (all inquiries; all categories; all
types). Within a family Benjamini-Hochberg holds the share of false verdicts at the threshold. In a
shop where nothing goes with conversion that alone would still name something in one run of ten; so
a family is only read when it speaks as a whole (Simes' test, whose p-value is the family's
smallest q), at levels that sum to 1.25 %: a quarter of what a silent shop may say wrongly, since
p-values from a dozen agents have tails heavier than they should (measured: of 34 shops without
effects, read from text, four spoke at 5 % and two at 2.5 %). Once the main outcome's family of all
inquiries has spoken, its level passes on to the others (Bretz et al. 2009, a graphical procedure).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.scales import Floats

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
        table.loc[family.index, Drivers.Q_VALUE] = benjamini_hochberg(p_values)
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


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return the q-values of one family (Benjamini, Hochberg 1995)."""
    order = np.argsort(p_values)
    ranked = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    q_values = np.empty(len(p_values))
    q_values[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(q_values, 1.0)


def _families_that_speak(table: pd.DataFrame) -> list[tuple[str, str]]:
    main = (str(table[Drivers.OUTCOME].iloc[0]), "all")
    families = table.groupby([Drivers.OUTCOME, Drivers.SCOPE_KIND])
    smallest = families[Drivers.Q_VALUE].min().dropna()
    first = smallest.get(main, 1.0) <= _FIRST
    others = [family for family in smallest.index if family != main]
    level = _PASSED_ON if first else _OTHERS / max(len(others), 1)
    return [*([main] if first else []), *[f for f in others if smallest[f] <= level]]
