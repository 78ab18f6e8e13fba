"""Which conversations show what is meant: where it went well, and where it did not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from csinsight.coaching.answering import ADVICE, ANSWERS, INSTEAD
from csinsight.contract.artifacts import Conversations
from csinsight.contract.domain import COMPLIANCE
from csinsight.drivers.units import as_float, to_model, unit_of
from csinsight.features.months import month_of
from csinsight.params import add_months

#: Conversations named for each side of a finding.
EACH: Final = 3
#: Good ones named: not in each is the buyer answered in the turn that shows it.
TRIED: Final = 12
#: Categories of inquiries in which goods are talked of: there a recommendation has its place.
GOODS: Final = ("quality", "size")
#: Most good ones of these are adverts beside an answer, so more are looked through.
_TRIED: Final = {"recommends": 20}
_C = Conversations


def showing(conversations: pd.DataFrame, behaviour: str) -> pd.Series:
    """Tell in which conversations a behaviour is shown; null without opportunity.

    A timing is "shown" where it is among the upper quarter of the given conversations, and not
    shown in the lower quarter; the middle half is null: it makes no clear example.

    Examples
    --------
    >>> seen = pd.DataFrame({"greets": pd.array([True, False, None], dtype="boolean")})
    >>> showing(seen, "greets").tolist()
    [True, False, <NA>]
    """
    values = to_model(conversations[behaviour], behaviour)
    if unit_of(behaviour) == "shown":
        shown = pd.Series(values == 1, index=conversations.index, dtype="boolean")
        return shown.mask(np.isnan(values))
    low, high = np.nanquantile(values, [0.25, 0.75]) if not np.isnan(values).all() else (0, 0)
    clear = (values <= low) | (values >= high)
    shown = pd.Series(values >= high, index=conversations.index, dtype="boolean")
    return shown.mask(~clear | np.isnan(values) | (low == high))


def suspected(sessions: pd.DataFrame) -> frozenset[str]:
    """Return the conversations in which a line of anybody seems to break a rule.

    Parameters
    ----------
    sessions : DataFrame
        All of them: whoever wrote the line, and whether or not it was of an inquiry.

    Examples
    --------
    >>> said = pd.DataFrame({"conversation_id": ["c1", "c1", "c2"], "agent_id": ["a", None, "a"]})
    >>> sorted(suspected(said.assign(off_platform=[False, True, None])))
    ['c1']
    """
    return frozenset(sessions.loc[_shown_any(sessions, COMPLIANCE), _C.CONVERSATION_ID])


def examples(
    inquiries: pd.DataFrame,
    agent_id: str,
    behaviour: str,
    *,
    helps: bool,
    as_of: datetime,
    barred: Collection[str],
) -> dict[str, list[str]]:
    """Return ids of the agent's hits and misses and of peers' hits, the best example first.

    A hit is the behaviour as it should be, in a conversation that ended well where there is one; a
    miss is the other way about. A good example of a habit that is to be dropped shows what is done
    instead (`INSTEAD`). A peer's good one is about the same kind of question as the first miss.
    Then the report month comes before earlier months, later conversations before earlier. None is
    of `barred`, from `suspected`: nobody learns from those, and who wrote what is only to be
    checked would be named by the conversation.

    Returns
    -------
    dict
        ``misses``: at most `EACH` conversation ids; ``hits``, ``peer_hits``: at most `TRIED`,
        of what answers only who asked for it some more.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> given = {"as_of": context.as_of, "barred": suspected(sessions)}
    >>> found = examples(sessions, "a001", "greets", helps=True, **given)
    >>> sorted(found), len(found["hits"]) <= TRIED
    (['hits', 'misses', 'peer_hits'], True)
    """
    shown = showing(inquiries, behaviour)
    inquiries = inquiries[~inquiries[_C.CONVERSATION_ID].isin(barred)]
    shown = shown[inquiries.index]
    right = shown if helps else ~shown
    own = inquiries[_C.AGENT_ID] == agent_id
    hit, miss = right.fillna(value=False).astype(bool), (~right).fillna(value=False).astype(bool)
    paid = pd.Series(as_float(inquiries[_C.PAID]) == 1, index=inquiries.index)
    most = _TRIED.get(behaviour, TRIED)
    instead, facts = _instead(inquiries, behaviour), _shown_any(inquiries, ANSWERS)
    # What is to be dropped, or a recommendation missed while goods are talked of, teaches most.
    clean = ~_shown_any(inquiries, tuple(INSTEAD))
    goods = inquiries[_C.CATEGORY].isin(GOODS if behaviour in ADVICE else ())
    misses = _best(inquiries[miss & own], goods, ~paid, as_of=as_of)[:EACH]
    asked = inquiries.loc[inquiries[_C.CONVERSATION_ID].isin(misses[:1]), _C.CATEGORY]
    alike = inquiries[_C.CATEGORY].isin(asked)
    return {
        "hits": _best(inquiries[hit & own & clean], instead, facts, paid, as_of=as_of)[:most],
        "misses": misses,
        "peer_hits": _best(inquiries[hit & ~own & clean], instead, alike, facts, paid, as_of=as_of)[
            :most
        ],
    }


def _shown_any(inquiries: pd.DataFrame, names: tuple[str, ...]) -> pd.Series[bool]:
    """Tell in which rows any of some behaviours is shown."""
    known = [name for name in names if name in inquiries]
    shown = inquiries[known].astype("boolean").fillna(value=False).any(axis="columns")
    return shown.astype(bool)


def _instead(inquiries: pd.DataFrame, behaviour: str) -> pd.Series:
    """Tell where what is taught in place of the behaviour is shown; nowhere without one."""
    other = INSTEAD.get(behaviour)
    shown = as_float(inquiries[other]) == 1 if other in inquiries else False
    return pd.Series(shown, index=inquiries.index)


def _best(found: pd.DataFrame, *fitting: pd.Series, as_of: datetime) -> list[str]:
    """Return the first conversations by what fits, then by how late they are."""
    order = found.assign(_now=month_of(found) >= add_months(as_of, -1))
    keys = [f"_fits{number}" for number in range(len(fitting))]
    order = order.assign(
        **{key: fits.reindex(found.index) for key, fits in zip(keys, fitting, strict=True)}
    )
    by = [*keys, "_now", _C.STARTED_AT, _C.CONVERSATION_ID]
    order = order.sort_values(by, ascending=False, na_position="last")
    return [str(name) for name in order[_C.CONVERSATION_ID].head(max(_TRIED.values()))]
