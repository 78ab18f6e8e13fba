"""What was there before the agent's word, to adjust for: of the conversation, and of each turn.

Of a turn it is what the buyer had shown and written before it, and who wrote it where a colleague
took over. What is shown in a turn is compared with what else its author does in such turns, not
with what the colleague before or after them does. The outcome is the conversation's, whose level is
that of its agent, who wrote most of it. How much of it each colleague wrote follows from how long
it lasted; so only words that are a matter of the conversation, which don't change its length, are
adjusted for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.behaviours.buyer_texts import TEXT_COLUMNS
from csinsight.contract.artifacts import (
    BuyerStates,
    BuyerTypes,
    Conversations,
    ValueTiers,
)
from csinsight.contract.domain import TEXT_CELLS
from csinsight.drivers.units import Codes, Places, as_float
from csinsight.stats import Floats, Singles

_C = Conversations
_S = BuyerStates

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


class KnownShare(NamedTuple):
    """Of what share of inquiries something is known, without the outcome and with it."""

    without: float
    with_it: float


NOTHING_KNOWN: Final = KnownShare(0.0, 0.0)


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


def known_browsing(conversations: pd.DataFrame, outcome: Floats) -> KnownShare:
    """Return of what share of inquiries the page views before the first line are known.

    Parameters
    ----------
    conversations : DataFrame
        Rows of the study.
    outcome : array (rows,)

    Returns
    -------
    KnownShare
        Of all inquiries, twice, where the outcome is a score or all have the same.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"cart_before": [True, None, None, False]})
    >>> known_browsing(rows, np.array([1.0, 1.0, 0.0, 1.0]))
    KnownShare(without=0.0, with_it=0.6666666666666666)
    """
    known = np.zeros(len(conversations), dtype=bool)
    for name in PAGES:
        if name in conversations:
            known |= ~np.isnan(as_float(conversations[name]))
    if not known.any():
        return NOTHING_KNOWN
    of_both = [outcome == 0, outcome == 1]
    if not all(rows.any() for rows in of_both) or not np.any(of_both, axis=0).all():
        of_both = [np.ones(len(known), dtype=bool)] * 2
    return KnownShare(*(float(known[rows].mean()) for rows in of_both))


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


#: Columns of ``buyer_states`` that tell of which turn it is, and whose.
_NOT_STATES: Final = (BuyerStates.CONVERSATION_ID, BuyerStates.TURN, BuyerStates.AGENT_ID)
#: Inquiries for each number that tells of a text.
_A_NUMBER: Final = 50


def states_by_turn(rows: int, known: pd.DataFrame, place: Places, last: int) -> Singles | None:
    """Return the buyer's state by row and turn, centred, zero where not known.

    Parameters
    ----------
    rows : int
        Inquiries in the study.
    known : DataFrame
        Rows of ``buyer_states``.
    place : array of int
        The inquiry that each of them belongs to.
    last : int
        The last turn that is compared.

    Returns
    -------
    array (rows, last, states) or None
        None where nothing is known that differs.

    Examples
    --------
    >>> known = pd.DataFrame({"turn": [1, 2], "worry": [0.0, 1.0]})
    >>> states_by_turn(1, known, np.array([0, 0]), 2).ravel().tolist()
    [-1.0, 1.0]
    """
    names = [str(n) for n in known if n not in (*_NOT_STATES, *TEXT_COLUMNS)]
    return _by_turn(rows, known, place, last, names)


def texts_by_turn(
    rows: int, known: pd.DataFrame, place: Places, last: int
) -> tuple[Singles | None, Singles | None]:
    """Return what buyers wrote by row and turn, and what their openings say in more numbers.

    Parameters
    ----------
    rows, known, place, last
        As for `states_by_turn`.

    Returns
    -------
    tuple of array (rows, last, numbers) or None, array (rows, numbers) or None

    Examples
    --------
    >>> told = pd.DataFrame({"turn": [1, 1], "text_1": [0.0, 1.0]}).loc[[0, 1] * 50]
    >>> later, opening = texts_by_turn(100, told, np.arange(100), 1)
    >>> later is None, opening.shape
    (True, (100, 1))
    """
    most = min(rows // _A_NUMBER, TEXT_CELLS // max(rows, 1))
    names = [n for n in TEXT_COLUMNS if n in known]
    later = [n for n in names if known.loc[known[BuyerStates.TURN] > 1, n].notna().any()]
    opening = _by_turn(rows, known, place, 1, names[:most])
    return (
        _by_turn(rows, known, place, last, later[:most]),
        None if opening is None else opening[:, 0],
    )


def _by_turn(
    rows: int, known: pd.DataFrame, place: Places, last: int, names: Sequence[str]
) -> Singles | None:
    """Return some columns by row and turn."""
    here = known[BuyerStates.TURN].between(1, last).to_numpy()
    known, place = known[here], place[here]
    if known.empty or not names:
        return None
    values = np.column_stack([_state(known[name]) for name in names])
    values = values[:, values.std(axis=0) > 0]
    found = np.zeros((rows, last, values.shape[1]), dtype=np.float32)
    found[place, known[BuyerStates.TURN].to_numpy(dtype=int) - 1] = values
    return found if values.shape[1] else None


def _state(values: pd.Series) -> Floats:
    """Return one state in standard deviations from its mean, long tails on a logarithmic scale."""
    numbers = as_float(values)
    if np.isnan(numbers).all():
        return np.zeros(len(numbers))
    if np.nanmin(numbers) >= 0 and np.nanmax(numbers) > 1:
        numbers = np.log1p(numbers)
    spread = np.nanstd(numbers)
    return np.nan_to_num((numbers - np.nanmean(numbers)) / (spread if spread > 0 else 1.0))


#: Colleagues who came into fewer conversations than this share a column.
_FEW: Final = 30
ANOTHER: Final = "written by another"


def turn_authors(
    agent: pd.Series[str], states: pd.DataFrame, place: Places, last: int
) -> Codes | None:
    """Return by conversation and turn up to `last` who wrote it; None where no colleague did.

    Parameters
    ----------
    agent : Series (conversations,)
        Each conversation's agent, those of one agent together.
    states, place
        Of `known_turns`.
    last : int

    Returns
    -------
    array (conversations, last) or None
        Codes of agents; conversations' agents come first, in their order. A turn of which
        nothing is known is that of who wrote the one before.

    Examples
    --------
    >>> states = pd.DataFrame({"turn": [1, 2], "agent_id": ["a", "b"]})
    >>> turn_authors(pd.Series(["a", "b"]), states, np.array([0, 0]), 3).tolist()
    [[0, 1, 1], [1, 1, 1]]
    """
    if _S.AGENT_ID not in states or last == 0:
        return None
    own, agents = pd.factorize(agent)
    here = (states[_S.TURN].between(1, last) & states[_S.AGENT_ID].notna()).to_numpy()
    place, turn = place[here], states[_S.TURN].to_numpy(dtype=int)[here] - 1
    names = states[_S.AGENT_ID][here]
    agents = pd.Index(agents).append(pd.Index(names.unique())).unique()
    by = agents.get_indexer(names)
    if (by == own[place]).all():
        return None
    found = np.full((len(agent), last), -1)
    found[place, turn] = by
    found[:, 0] = np.where(found[:, 0] < 0, own, found[:, 0])
    for turn_before in range(last - 1):
        unknown = found[:, turn_before + 1] < 0
        found[unknown, turn_before + 1] = found[unknown, turn_before]
    return found.astype(np.int64)


def written_by(
    authors: Codes | None, agent: pd.Series[str], judged: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Return what share of each conversation's turns each colleague of its agent wrote.

    Parameters
    ----------
    authors : array (conversations, turns) or None
        Of `turn_authors`.
    agent : Series (conversations,)
        Each conversation's agent, as there.
    judged : array (conversations,)
        Turns that count.

    Returns
    -------
    DataFrame
        Same index, one column a colleague; `ANOTHER` for those who seldom came in.

    Examples
    --------
    >>> authors, agent = np.array([[0, 1]] * 40 + [[1, 1]]), pd.Series(["a"] * 40 + ["b"])
    >>> written_by(authors, agent, np.full(41, 2.0)).sum().to_dict()
    {'written by colleague 1': 20.0}
    """
    if authors is None:
        return pd.DataFrame(index=agent.index)
    own = pd.factorize(agent)[0]
    turns = np.arange(1, authors.shape[1] + 1)
    other = (authors != own[:, None]) & (turns <= judged[:, None])
    row, turn = np.nonzero(other)
    by, weight = authors[row, turn], 1 / np.minimum(judged[row], len(turns))
    came = np.unique(np.column_stack([row, by]), axis=0)[:, 1]
    often = np.flatnonzero(np.bincount(came, minlength=1) >= _FEW)
    columns = {}
    for colleague in often:
        theirs = by == colleague
        share = np.bincount(row[theirs], weight[theirs], minlength=len(own))
        columns[f"written by colleague {colleague}"] = share
    seldom = ~np.isin(by, often)
    if seldom.any():
        columns[ANOTHER] = np.bincount(row[seldom], weight[seldom], minlength=len(own))
    return pd.DataFrame(columns, index=agent.index)
