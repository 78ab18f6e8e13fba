"""What was there before the agent's first word, as columns to adjust for."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, ValueTiers
from csinsight.drivers.units import Floats, as_float

_C = Conversations
#: Upper edges of the bands of earlier orders: none, one, two, three to five, more.
_ORDER_BANDS: Final = (0, 1, 2, 5)
#: First hours of the bands of the day: night, morning, noon, afternoon, evening, late.
_HOUR_BANDS: Final = (8, 12, 14, 18, 21)
#: Upper edges of the bands of open conversations: none, one, two, ... many.
_OPEN_BANDS: Final = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 50)
UNKNOWN: Final = "unknown"
#: Whether the buyer had talked with this very agent before (`met_before`).
MET_BEFORE: Final = "met_before"

#: What buyers looked at before their first line.
PAGES: Final = (_C.CART_BEFORE, _C.PAGES_BEFORE, _C.PAGES_LOOK_BACK)
#: Signs of the buyer's intent from before any agent's word, by where they are seen; counts.
SIGNS: Final = {
    "browsing": (*PAGES, _C.EARLIER_INQUIRIES),
    "opening": (
        _C.OPENING_CHARS,
        _C.OPENING_LINES,
        _C.OPENING_ASKS,
        _C.OPENING_DIGITS,
        _C.OPENING_WORRY,
    ),
}


def covariates(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return one float column a covariate or level (the commonest level is the reference).

    Parameters
    ----------
    conversations : DataFrame
        Rows of the study with ``category``, ``type``, ``tier``, ``started_at`` and, where known,
        ``earlier_orders``, ``open_talks`` and ``product_category`` (in few levels:
        `csinsight.behaviours.products.product_levels`).

    Returns
    -------
    DataFrame
        Same index. Empty columns where the source knows nothing are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"category": ["size", "size", "other"], "type": "x", "tier": "y", "started_at": pd.NaT}
    ... )
    >>> covariates(rows).to_dict("list")
    {'category=other': [0.0, 0.0, 1.0]}
    """
    parts = [
        _levels(conversations[_C.CATEGORY], "category"),
        _levels(conversations[BuyerTypes.TYPE], "type"),
        _levels(conversations[ValueTiers.TIER], "tier"),
    ]
    if _C.PRODUCT_CATEGORY in conversations:
        parts.append(_levels(conversations[_C.PRODUCT_CATEGORY], _C.PRODUCT_CATEGORY))
    # Bands, not lines: what matters to one agent only beyond a point passes for no effect so.
    for name, edges in ((_C.EARLIER_ORDERS, _ORDER_BANDS), (_C.OPEN_TALKS, _OPEN_BANDS)):
        if name in conversations:
            parts.append(_levels(_bands(conversations[name], edges, "left"), name))
    if MET_BEFORE in conversations:
        parts.append(conversations[[MET_BEFORE]].astype(float))
    if conversations[_C.STARTED_AT].notna().any():
        parts.append(_calendar(conversations[_C.STARTED_AT]))
    return pd.concat(parts, axis=1)


def met_before(conversations: pd.DataFrame) -> pd.DataFrame:
    """Add whether the buyer had talked with the agent before: some come back to whom they like.

    Parameters
    ----------
    conversations : DataFrame
        All that are known, the study's and those before; as they came where buyers or times are
        not known.

    Examples
    --------
    >>> import pandas as pd
    >>> told = {"buyer_id": ["b", "b", "b"], "agent_id": ["x", "y", "x"]}
    >>> told["started_at"] = pd.to_datetime(["2026-10-01", "2026-10-02", "2026-10-03"])
    >>> met_before(pd.DataFrame(told))["met_before"].tolist()
    [False, False, True]
    """
    both = [_C.BUYER_ID, _C.AGENT_ID]
    if _C.BUYER_ID not in conversations or conversations[_C.STARTED_AT].isna().all():
        return conversations
    ordered = conversations.sort_values(_C.STARTED_AT, kind="stable")
    met = ordered.groupby(both, sort=False).cumcount() > 0
    met &= ordered[both].notna().all(axis=1)
    return conversations.assign(**{MET_BEFORE: met.reindex(conversations.index)})


def intent_signs(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the signs of the buyer's intent that no agent can have caused, as float columns.

    Parameters
    ----------
    conversations : DataFrame
        Rows of the study; columns of `SIGNS` that are absent, or the same throughout, are left out.

    Returns
    -------
    DataFrame
        Same index; columns ``GROUP: NAME``, counts as ``log1p``, zero where not known
        (`unknown_signs` tells where).

    Examples
    --------
    >>> import pandas as pd
    >>> intent_signs(pd.DataFrame({"cart_before": [True, False]})).to_dict("list")
    {'browsing: cart_before': [1.0, 0.0]}
    """
    columns = {}
    for group, names in SIGNS.items():
        for name in names:
            if name not in conversations:
                continue
            values = as_float(conversations[name])
            unknown = np.isnan(values)
            known = np.log1p(values) if np.nanmax(values, initial=0.0) > 1 else values
            sign = np.where(unknown, 0.0, known)
            if len(sign) and sign.min() < sign.max():
                columns[f"{group}: {name}"] = sign
    return pd.DataFrame(columns, index=conversations.index, dtype=float)


def unknown_signs(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return which inquiries the signs of intent are not known of, where they are of others.

    Returns
    -------
    DataFrame
        Same index; a float column `unknown_column` of each group of `SIGNS` that is known in part.

    Examples
    --------
    >>> import pandas as pd
    >>> unknown_signs(pd.DataFrame({"cart_before": [True, None]})).to_dict("list")
    {'browsing unknown': [0.0, 1.0]}
    """
    columns = {}
    for group, names in SIGNS.items():
        missing = [
            np.isnan(as_float(conversations[name])) for name in names if name in conversations
        ]
        partly = [unknown for unknown in missing if not unknown.all()]
        if partly and np.any(partly):
            columns[unknown_column(group)] = np.any(partly, axis=0).astype(float)
    return pd.DataFrame(columns, index=conversations.index, dtype=float)


def unknown_column(group: str) -> str:
    """Return the name of the column that tells where a group of signs is not known.

    Examples
    --------
    >>> unknown_column("browsing")
    'browsing unknown'
    """
    return f"{group} unknown"


def known_browsing(conversations: pd.DataFrame, outcome: Floats) -> tuple[float, float]:
    """Return of what share of inquiries the page views before the first line are known.

    Parameters
    ----------
    conversations : DataFrame
        Rows of the study.
    outcome : array (rows,)

    Returns
    -------
    tuple of float
        Of the inquiries without the outcome and of those with it; of all, twice, where the outcome
        is a score or all inquiries have the same.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"cart_before": [True, None, None, False]})
    >>> known_browsing(rows, np.array([1.0, 1.0, 0.0, 1.0]))
    (0.0, 0.6666666666666666)
    """
    known = np.zeros(len(conversations), dtype=bool)
    for name in PAGES:
        if name in conversations:
            known |= ~np.isnan(as_float(conversations[name]))
    if not known.any():
        return 0.0, 0.0
    of_both = [outcome == 0, outcome == 1]
    if not all(rows.any() for rows in of_both) or not np.any(of_both, axis=0).all():
        of_both = [np.ones(len(known), dtype=bool)] * 2
    without, with_it = (float(known[rows].mean()) for rows in of_both)
    return without, with_it


def _levels(values: pd.Series, name: str) -> pd.DataFrame:
    text = values.astype("object").where(values.notna(), UNKNOWN).astype(str)
    others = text.value_counts().index[1:]
    columns = {f"{name}={level}": (text == level).astype(float) for level in sorted(others)}
    return pd.DataFrame(columns, index=values.index)


def _bands(values: pd.Series, edges: tuple[int, ...], side: str) -> pd.Series:
    numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    place = np.searchsorted(edges, numbers, side="left" if side == "left" else "right")
    return pd.Series(place, index=values.index).where(~np.isnan(numbers))


def _calendar(started: pd.Series) -> pd.DataFrame:
    day = started.dt.normalize()
    rush = pd.Series(np.log2(day.map(day.value_counts()).fillna(1.0)), index=started.index)
    parts = [
        _levels(_bands(started.dt.hour, _HOUR_BANDS, "right"), "hour"),
        _levels(started.dt.day_of_week, "weekday"),
        _levels(started.dt.strftime("%Y-%m"), "month"),
        (rush - rush.mean()).rename("day_rush").to_frame(),
    ]
    return pd.concat(parts, axis=1)
