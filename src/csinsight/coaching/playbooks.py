"""A page for each buyer type and value tier: who they are here, what goes with sales."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.coaching.shrunken_effects import as_taught, outcome_of
from csinsight.contract.artifacts import BuyerTypes, Conversations, Drivers, ValueTiers
from csinsight.contract.domain import TIERS, TYPE_LABELS
from csinsight.drivers.units import as_float
from csinsight.stats.intervals import wilson

_C = Conversations
#: The two ways to cut buyers, and the order in which their labels are shown.
CUTS: Final = {BuyerTypes.TYPE: TYPE_LABELS, ValueTiers.TIER: TIERS}
COLUMNS: Final = (
    "cut",
    "segment",
    "inquiries",
    "share",
    "buyers",
    "paid_rate",
    "paid_low",
    "paid_high",
    "money",
    "money_share",
    "questions",
    "helps",
    "hurts",
    "judged",
)


def playbooks(
    conversations: pd.DataFrame, frozen: pd.DataFrame | None, drivers: pd.DataFrame | None
) -> pd.DataFrame:
    """Return one row a buyer type and tier that has inquiries.

    Parameters
    ----------
    conversations : DataFrame
        The window to describe.
    frozen : DataFrame or None
        ``conversation_id``, ``type``, ``tier`` as known before each conversation; None where
        segments can't be told: there are no playbooks then.
    drivers : DataFrame or None
        With the scopes ``type`` and, for tiers, ``tier``; a scope without rows says nothing.

    Returns
    -------
    DataFrame
        ``cut`` (``type`` or ``tier``), ``segment``, ``inquiries``, ``share`` of inquiries,
        ``buyers``, ``paid_rate`` of mature inquiries with its Wilson interval, ``money`` (net, of
        the orders they led to; null where amounts are not known), ``money_share``, ``questions``
        (commonest problem categories first), ``helps`` and ``hurts`` (behaviours with a verdict
        there, largest effect first), ``judged`` (how many behaviours had enough data).

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> playbooks(sample_conversations(), None, None).empty
    True
    """
    if frozen is None or drivers is None:
        return pd.DataFrame(columns=list(COLUMNS))
    inquiries = inquiries_of(conversations)
    bare = inquiries.drop(columns=list(CUTS), errors="ignore")
    known = frozen[[_C.CONVERSATION_ID, *CUTS]].drop_duplicates(_C.CONVERSATION_ID)
    joined = bare.merge(known, on=_C.CONVERSATION_ID, how="inner")
    records = [
        _segment(joined, cut, label, drivers)
        for cut, labels in CUTS.items()
        for label in labels
        if (joined[cut] == label).any()
    ]
    return pd.DataFrame(records, columns=list(COLUMNS))


def _segment(
    joined: pd.DataFrame, cut: str, label: str, drivers: pd.DataFrame
) -> dict[str, object]:
    rows = joined[joined[cut] == label]
    ready = rows[(as_float(rows[_C.MATURE]) == 1) & rows[_C.PAID].notna()]
    n, won = len(ready), as_float(ready[_C.PAID]).sum()
    low, high = wilson(won, max(n, 1))
    money, whole = _money(rows), _money(joined)
    scope = drivers[
        (drivers[Drivers.SCOPE_KIND] == cut)
        & (drivers[Drivers.SCOPE] == label)
        & (drivers[Drivers.OUTCOME] == outcome_of(drivers))
    ]
    return {
        "cut": cut,
        "segment": label,
        "inquiries": len(rows),
        "share": len(rows) / len(joined),
        "buyers": int(rows[_C.BUYER_ID].nunique()),
        "paid_rate": won / n if n else np.nan,
        "paid_low": low if n else np.nan,
        "paid_high": high if n else np.nan,
        "money": money,
        "money_share": money / whole if whole > 0 else np.nan,
        "questions": [str(c) for c in rows[_C.CATEGORY].dropna().value_counts().index[:3]],
        "helps": _named(scope, "helps"),
        "hurts": _named(scope, "hurts"),
        "judged": int(scope[Drivers.Q_VALUE].notna().sum()),
    }


def _money(rows: pd.DataFrame) -> float:
    if _C.NET_AMOUNT not in rows:
        return float("nan")
    amounts = as_float(rows[_C.NET_AMOUNT])
    return float(np.nansum(amounts)) if not np.isnan(amounts).all() else float("nan")


def _named(scope: pd.DataFrame, verdict: str) -> list[str]:
    rows = scope[scope[Drivers.VERDICT] == verdict]
    # What is against the textbook is told on the page of drivers: nobody is to be served by it
    # yet.
    rows = rows[as_taught(rows)]
    order = rows[Drivers.EFFECT_PP].abs().sort_values(ascending=False).index
    return [str(b) for b in rows.loc[order, Drivers.BEHAVIOUR]]
