"""Opportunities: in which conversations an agent had the opportunity to show a behaviour.

An agent who had no opportunity did nothing wrong: there the behaviour is null, not false. The table
is that of the field's behaviours; "every inquiry" is read as every conversation with a human reply
before the outcome, so that after-sales can be coached too (drivers look at inquiries only).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import COMPLIANCE, MARKERS, TURN_MARKERS

if TYPE_CHECKING:
    # A lexicon's form needs the names alone, and pandas is a third of what it takes to load it.
    import pandas as pd

Mask: TypeAlias = "pd.Series[bool]"

#: Columns about the buyer's lines and the conversation's course, made by `aggregate_conversations`.
ABOUT: Final = "about_"
WORRY: Final = "voices_worry"
COMPLAINT: Final = "complains"
STOCK: Final = "asks_stock"
PROMISE: Final = "asks_promise"
WHEN: Final = "asks_when_done"
#: The agent's answer came after a wait of over three minutes, before the outcome; null untimed.
WAITED: Final = "waited_long"
#: The agent could not do what was asked.
NO: Final = "says_no"
#: The buyer fell silent before an order; null without times.
SILENCE: Final = "fell_silent"
#: An order of this conversation stayed unpaid for ten minutes; null without orders.
UNPAID: Final = "stayed_unpaid"


def opportunities(
    talks: pd.DataFrame, own: Mapping[str, tuple[str, ...]] | None = None
) -> pd.DataFrame:
    """Tell for each conversation and behaviour whether there was an opportunity for it.

    Parameters
    ----------
    talks : pandas.DataFrame
        A row a conversation: features of `Conversations`, ``is_inquiry``, and the columns named
        in this module.
    own : mapping of str to tuple of str, optional
        By id of a shop's own behaviours the columns any of which makes the opportunity, none for
        every conversation, ``is_inquiry`` for what comes before the sale.

    Returns
    -------
    pandas.DataFrame
        A boolean column for each of `MARKERS`, `COMPLIANCE` and `own`, same index.

    Examples
    --------
    The second was answered after its order alone: only what serves an order was called for.

    >>> import pandas as pd
    >>> columns = {*sum(MADE_BY.values(), ()), UNPAID, SILENCE, "follows_up", "ordered"}
    >>> talks = pd.DataFrame({name: [False, True] for name in columns | {"is_inquiry"}})
    >>> talks["agent_messages"], talks["agent_messages_before"] = [2, 3], [2, 0]
    >>> opportunities(talks)[["greets", "apologizes", "checks_address"]].to_numpy().tolist()
    [[True, False, False], [False, False, True]]
    """
    import pandas as pd

    occasions = {name: _RULES.get(name, _served)(talks) for name in (*MARKERS, *COMPLIANCE)}
    for name, signs in (own or {}).items():
        occasions[name] = _when(*signs)(talks) if signs else _served(talks)
    return pd.DataFrame(occasions, index=talks.index)


def opportunity_turns(
    talks: pd.DataFrame, own: Mapping[str, tuple[str, ...]] | None = None
) -> pd.DataFrame:
    """Tell in which agent turn there was first an opportunity, as it was known then.

    Parameters
    ----------
    talks : pandas.DataFrame
        As for `opportunities`, with the columns of `csinsight.behaviours.scope.first_turns`.
    own : mapping of str to tuple of str, optional
        As for `opportunities`.

    Returns
    -------
    pandas.DataFrame
        For each of `TURN_MARKERS` and `own` a column ``NAME_opportunity_turn`` of ``Int64``, from
        1; null where there was none in the judged part of the conversation.

    Examples
    --------
    An alternative is called for where the agent had said no in the turn before:

    >>> import pandas as pd
    >>> signs = {turn_column(name): [None] for name in sum(MADE_BY.values(), ())}
    >>> talks = pd.DataFrame(signs | {turn_column(NO): 2, "turns_judged": 3, "is_inquiry": True})
    >>> found = opportunity_turns(talks)
    >>> found[[opportunity_column(n) for n in ("greets", "offers_alternative")]].values.tolist()
    [[1, 3]]
    """
    import pandas as pd

    judged = talks[Talk.TURNS_JUDGED].fillna(0).astype("Int64")
    first = pd.Series(1, index=talks.index, dtype="Int64")
    columns = {}
    made_by = MADE_BY | made_by_talk(own or {})
    pre_sales = [*PRE_SALES, *(name for name, signs in (own or {}).items() if signs == BEFORE_SALE)]
    for name in (*TURN_MARKERS, *(own or {})):
        since = _since(talks, made_by[name]) if name in made_by else first
        there = (since <= judged).fillna(value=False).astype(bool)
        if name in pre_sales:
            there &= _yes(talks, Talk.IS_INQUIRY)
        columns[opportunity_column(name)] = since.where(there)
    return pd.DataFrame(columns, index=talks.index)


def made_by_talk(own: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return those of a shop's own behaviours whose opportunity comes up on the way, as `MADE_BY`.

    Examples
    --------
    >>> made_by_talk({"a": (), "b": ("is_inquiry",), "c": ("voices_worry",)})
    {'c': ('voices_worry',)}
    """
    return {name: signs for name, signs in own.items() if signs and signs != BEFORE_SALE}


def _since(talks: pd.DataFrame, names: tuple[str, ...]) -> pd.Series[int]:
    """Return the first turn that could answer to any of `names`.

    An agent's own no is an opportunity from the turn after it on: what came with the no in the same
    turn was not yet known to be needed.
    """
    import pandas as pd

    turns = [talks[turn_column(n)].astype("Int64") + (1 if n == NO else 0) for n in names]
    return pd.concat(turns, axis="columns").min(axis="columns").astype("Int64")


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


def _ordered(talks: pd.DataFrame) -> Mask:
    return _replied(talks) & _yes(talks, Talk.ORDERED)


#: What makes an opportunity on the way; all other words have theirs from the first turn on.
_TROUBLES: Final = (WAITED, COMPLAINT, f"{ABOUT}after_sales")
MADE_BY: Final[dict[str, tuple[str, ...]]] = {
    "empathizes": (WORRY, COMPLAINT),
    "apologizes": _TROUBLES,
    "gives_specifics": (f"{ABOUT}quality", f"{ABOUT}size", f"{ABOUT}shipping"),
    "promises_time": (f"{ABOUT}shipping", COMPLAINT, PROMISE, WHEN),
    "explains_value": (f"{ABOUT}bargaining",),
    "offers_alternative": (f"{ABOUT}bargaining", STOCK, NO),
}
PRE_SALES: Final = ("asks_needs", "leading_question", "recommends")
#: What a shop's own behaviour has for its opportunity where that is as of `PRE_SALES`.
BEFORE_SALE: Final = (Talk.IS_INQUIRY,)

_RULES: Final[dict[str, Callable[[pd.DataFrame], Mask]]] = {
    **{name: _when(*signs) for name, signs in MADE_BY.items()},
    **dict.fromkeys(PRE_SALES, _pre_sales),
    "reminds_payment": lambda talks: _replied(talks) & _yes(talks, UNPAID),
    "follows_up": _when(SILENCE, "follows_up"),
    "checks_address": _ordered,
    "closes_warmly": _replied,
    **dict.fromkeys(COMPLIANCE, _replied),
}
