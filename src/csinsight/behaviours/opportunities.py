"""Opportunities: in which conversations an agent had the occasion to show a behaviour.

An agent who had no occasion did nothing wrong: there the behaviour is null, not false. The table
is that of the field's behaviours; "every inquiry" is read as every conversation with a human reply
before the outcome, so that after-sales talks can be coached too (drivers look at inquiries only).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import pandas as pd

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import COMPLIANCE, MARKERS

Mask: TypeAlias = "pd.Series[bool]"

#: Columns about the buyer's lines and the course of the talk, made by `signs`.
ABOUT: Final = "about_"
WORRY: Final = "voices_worry"
COMPLAINT: Final = "complains"
STOCK: Final = "asks_stock"
PROMISE: Final = "asks_promise"
WHEN: Final = "asks_when_done"
#: The agent could not do what was asked.
NO: Final = "says_no"
#: The buyer fell silent before an order; null without times.
SILENCE: Final = "fell_silent"
#: An order of this conversation stayed unpaid for ten minutes; null without orders.
UNPAID: Final = "stayed_unpaid"


def opportunities(talks: pd.DataFrame) -> pd.DataFrame:
    """Tell for each conversation and behaviour whether there was an occasion for it.

    Parameters
    ----------
    talks : pandas.DataFrame
        A row a conversation: features of `Conversations`, ``is_inquiry``, and the columns named
        in this module.

    Returns
    -------
    pandas.DataFrame
        A boolean column for each of `MARKERS` and `COMPLIANCE`, same index.
    """
    occasions = {name: _RULES.get(name, _served)(talks) for name in (*MARKERS, *COMPLIANCE)}
    return pd.DataFrame(occasions, index=talks.index)


def _yes(talks: pd.DataFrame, *names: str) -> Mask:
    """Return where any of the columns is true; null counts as no."""
    return talks[list(names)].astype("boolean").fillna(value=False).any(axis="columns")


def _served(talks: pd.DataFrame) -> Mask:
    return talks[Talk.AGENT_MESSAGES_BEFORE].gt(0).astype(bool)


def _replied(talks: pd.DataFrame) -> Mask:
    return talks[Talk.AGENT_MESSAGES].gt(0).astype(bool)


def _pre_sales(talks: pd.DataFrame) -> Mask:
    return _served(talks) & _yes(talks, Talk.IS_INQUIRY)


def _when(*names: str) -> Callable[[pd.DataFrame], Mask]:
    return lambda talks: _served(talks) & _yes(talks, *names)


def _waited_or_troubled(talks: pd.DataFrame) -> Mask:
    waited = talks[Talk.SLOW_REPLY_SHARE].gt(0).fillna(value=False).astype(bool)
    return _served(talks) & (waited | _yes(talks, COMPLAINT, f"{ABOUT}after_sales"))


def _ordered(talks: pd.DataFrame) -> Mask:
    return _replied(talks) & _yes(talks, Talk.ORDERED)


_RULES: Final[dict[str, Callable[[pd.DataFrame], Mask]]] = {
    "empathizes": _when(WORRY, COMPLAINT),
    "apologizes": _waited_or_troubled,
    "asks_needs": _pre_sales,
    "leading_question": _pre_sales,
    "recommends": _pre_sales,
    "gives_specifics": _when(f"{ABOUT}quality", f"{ABOUT}size", f"{ABOUT}shipping"),
    "promises_time": _when(f"{ABOUT}shipping", COMPLAINT, PROMISE, WHEN),
    "explains_value": _when(f"{ABOUT}bargaining"),
    "offers_alternative": _when(f"{ABOUT}bargaining", STOCK, NO),
    "reminds_payment": lambda talks: _replied(talks) & _yes(talks, UNPAID),
    "follows_up": _when(SILENCE, "follows_up"),
    "checks_address": _ordered,
    "closes_warmly": _replied,
    **dict.fromkeys(COMPLIANCE, _replied),
}
