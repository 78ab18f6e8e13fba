"""What the buyer had shown, and written, before each turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import BuyerStates, text_column
from csinsight.contract.domain import TEXT_CELLS, TEXT_NUMBERS
from csinsight.drivers.exposure import Places
from csinsight.drivers.units import Floats, Singles, as_float

#: Columns of ``buyer_states`` that tell of which turn it is, and whose.
_NOT_STATES: Final = (BuyerStates.CONVERSATION_ID, BuyerStates.TURN, BuyerStates.AGENT_ID)
#: Those that tell what the buyer wrote before the turn.
_TEXTS: Final = tuple(text_column(number) for number in TEXT_NUMBERS)
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
    names = [str(n) for n in known if n not in (*_NOT_STATES, *_TEXTS)]
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
    names = [n for n in _TEXTS if n in known]
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
