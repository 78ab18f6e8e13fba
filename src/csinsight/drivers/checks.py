"""Checks on the study: before any estimate whether it can see anything, after it whether to trust.

Before: who had the chance, how many agents vary, what share of covariates is unknown, and the
smallest effect that this much data would show. After: negative controls, and behaviours whose raw
and adjusted figures point opposite ways (Simpson).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import (
    BuyerTypes,
    Conversations,
    DriverChecks,
    Drivers,
    ValueTiers,
)
from csinsight.drivers.design import Design
from csinsight.drivers.design_matrix import design_matrix_of
from csinsight.drivers.estimates import Minima, lacking
from csinsight.drivers.intent import placebo_tests
from csinsight.drivers.power import detectable
from csinsight.drivers.units import unit_of
from csinsight.drivers.verdicts import DISAGREES
from csinsight.stats import Floats


def readiness(
    design: Design, *, min_inquiries: int, min_agents: int, q_threshold: float
) -> pd.DataFrame:
    """Return what the design can show, made without looking at behaviour against outcome.

    Parameters
    ----------
    design : Design
    min_inquiries, min_agents : int
        Below these there is no estimate.
    q_threshold : float
        False discovery rate at which a verdict is given.

    Returns
    -------
    DataFrame
        One row a behaviour: ``behaviour``, ``inquiries`` with opportunity, ``agents`` with one,
        ``varying`` agents that both show it and don't, ``overlap``, the share of inquiries whose
        agent both showed it and didn't in the same problem category (null for timings), ``shown``
        share (mean for timings, in the behaviour's unit), and ``detectable_pp``: effects under
        this are named in fewer than 80 % of such shops (`csinsight.drivers.power`; points of the
        score where the outcome is satisfaction), null where no effect would be.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> least = {"min_inquiries": 20, "min_agents": 2, "q_threshold": 0.1}
    >>> ready = readiness(plan, **least).set_index("behaviour")
    >>> ready.loc["greets", ["inquiries", "agents", "varying"]].tolist()
    [280, 6, 6]
    """
    names = [*design.family, *design.negative_controls]
    table = pd.DataFrame([_ready(design, name) for name in names])
    minima = Minima(min_inquiries, min_agents)
    # Before any estimate: who is tested is told by counts alone.
    tested = [
        str(row["behaviour"])
        for row in table.to_dict("records")
        if row["behaviour"] in design.family
        and not lacking(
            str(row["behaviour"]),
            minima,
            inquiries=int(row["inquiries"]),
            shown=int(row["with_it"]),
            varying=int(row["varying"]),
        )
    ]
    seen = detectable(design, tested, q_threshold=q_threshold)
    table = table.drop(columns="with_it")
    return table.assign(detectable_pp=table["behaviour"].map(seen).astype(float))


def _ready(design: Design, behaviour: str) -> dict[str, object]:
    have = design.rows[design.rows[behaviour].notna() & design.rows["outcome"].notna()]
    groups = have.groupby(Conversations.AGENT_ID)[behaviour]
    spread = groups.agg(["min", "max"])
    overlap = float("nan")
    if unit_of(behaviour) == "shown" and len(have):
        cells = [have[Conversations.AGENT_ID], have[Conversations.CATEGORY].fillna("")]
        shown = have.groupby(cells)[behaviour].transform("mean")
        overlap = float(((shown > 0) & (shown < 1)).mean())
    return {
        "behaviour": behaviour,
        "unit": unit_of(behaviour),
        "inquiries": len(have),
        "agents": len(spread),
        "varying": int((spread["max"] > spread["min"]).sum()),
        "overlap": overlap,
        "shown": float(have[behaviour].mean()) if len(have) else np.nan,
        "with_it": int((have[behaviour] == 1).sum()),
    }


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
    placebos = placebo_tests(design_matrix_of(design))
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
