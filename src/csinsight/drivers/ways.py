"""The same question by other ways, beside the main one, for whoever doubts it.

Raw, between agents and within agents tell who is compared with whom; turn by turn, at a landmark
and over the whole window tell how much of a talk counts. Where they part, the method decides, and
`docs/methods.md` says why the main one was chosen.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.design import design
from csinsight.drivers.estimates import ALL, estimate_drivers
from csinsight.drivers.exposure import Exposure, has_turns
from csinsight.params import Outcome

OTHERS: tuple[Exposure, ...] = ("landmark", "window")
_SHARED = (
    Drivers.RAW_PP,
    Drivers.BETWEEN_PP,
    Drivers.EFFECT_PP,
    Drivers.LOW_PP,
    Drivers.HIGH_PP,
    Drivers.FLEXIBLE_PP,
)


def ways(
    drivers: pd.DataFrame,
    conversations: pd.DataFrame,
    frozen: pd.DataFrame | None = None,
    *,
    as_of: datetime,
    months: int,
    min_inquiries: int = 300,
    min_agents: int = 5,
) -> pd.DataFrame:
    """Return each behaviour's difference over all inquiries, by every way.

    Parameters
    ----------
    drivers : DataFrame
        From `csinsight.drivers.estimates.estimate_drivers`; its first row's outcome is looked at.
    conversations, frozen, as_of, months
        As in `csinsight.drivers.design.design`.
    min_inquiries, min_agents : int

    Returns
    -------
    DataFrame
        One row a behaviour with a main estimate: ``behaviour``, ``raw_pp``, ``between_pp``,
        ``effect_pp``, ``low_pp``, ``high_pp``, ``flexible_pp``, then ``effect_pp``, ``low_pp`` and
        ``high_pp`` with ``_landmark`` and ``_window`` after them. Without turn columns, and for
        satisfaction, the main way is the window and there is no other.
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
    for way in OTHERS:
        plan = design(
            conversations, frozen, outcome=outcome, as_of=as_of, months=months, exposure=way
        )
        found = estimate_drivers(
            plan,
            min_inquiries=min_inquiries,
            min_agents=min_agents,
            scopes=(),
            flexible=False,
        )
        columns = [Drivers.BEHAVIOUR, Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP]
        named = found[columns].rename(columns={name: f"{name}_{way}" for name in columns[1:]})
        table = table.merge(named, on=Drivers.BEHAVIOUR, how="left")
    return table
