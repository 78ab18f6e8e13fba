"""Agents' conversion without a ranking: who lies outside what chance alone would give.

References
----------
Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics in
Medicine 24: limits around a common rate, widened by how much agents differ anyway.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from csinsight.coaching.card import conversion
from csinsight.contract.artifacts import Conversations
from csinsight.drivers.design import in_months
from csinsight.drivers.scales import Floats

#: Fewer agents than this give no funnel.
MIN_AGENTS: Final = 4
#: Share of agents at either end that don't tell how much agents differ.
_WINSOR: Final = 0.10
COLUMNS: Final = (
    "agent_id",
    "inquiries",
    "rate",
    "expected",
    "adjusted",
    "above",
    "outside",
    "centre",
)


def funnel(
    conversations: pd.DataFrame, *, as_of: datetime, months: int = 3, min_inquiries: int = 20
) -> pd.DataFrame:
    """Return every agent's conversion against the others' on the same mix of inquiries.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    as_of : datetime
    months : int
    min_inquiries : int
        Mature ones; agents with fewer are left out, and are no peers.

    Returns
    -------
    DataFrame
        ``agent_id``, ``inquiries``, ``rate`` as it was, ``expected`` (the others on this mix),
        ``adjusted`` (the shop's rate plus own minus expected), ``above`` (probability of being
        above expected), ``outside`` (beyond the wide limits), ``centre`` (the shop's rate). The
        attributes ``narrow`` and ``wide`` hold the limits' reach in standard errors (95 and
        99.8 %, widened where agents differ more than chance alone would make them).
    """
    recent = in_months(conversations, as_of, months)
    agents = sorted(recent[Conversations.AGENT_ID].dropna().astype(str).unique())
    found = [(agent, conversion(recent, agent)) for agent in agents]
    rows = [
        (agent, own.inquiries, own.rate, own.expected, own.above, own.paid)
        for agent, own in found
        if own is not None and own.inquiries >= min_inquiries
    ]
    if len(rows) < MIN_AGENTS:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.DataFrame(
        rows, columns=["agent_id", "inquiries", "rate", "expected", "above", "paid"]
    )
    centre = float(table["paid"].sum() / table["inquiries"].sum())
    table["centre"], table["adjusted"] = centre, centre + table["rate"] - table["expected"]
    n, apart = (table[c].to_numpy(dtype=float) for c in ("inquiries", "adjusted"))
    z: Floats = (apart - centre) / np.sqrt(max(centre * (1 - centre), 1e-9) / n)
    wider = _widening(z)
    table["outside"] = np.abs(z) > wider * float(stats.norm.ppf(0.999))
    table = table[list(COLUMNS)]
    table.attrs = {
        "narrow": float(wider * stats.norm.ppf(0.975)),
        "wide": float(wider * stats.norm.ppf(0.999)),
    }
    return table


def _widening(z: Floats) -> float:
    """Return by what limits are widened: the root of the winsorised overdispersion, at least 1."""
    low, high = (float(q) for q in np.quantile(z, [_WINSOR, 1 - _WINSOR]))
    spread = float(np.mean(np.clip(z, low, high) ** 2))
    return float(np.sqrt(max(spread, 1.0)))
