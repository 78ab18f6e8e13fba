"""The masked talks behind every line of a coaching plan, gathered once for all cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.coaching.effects import TAUGHT_LESS
from csinsight.coaching.excerpts import COLUMNS, excerpt, excerpts
from csinsight.contract.artifacts import CoachingPlan, Conversations, opportunity_column
from csinsight.contract.domain import COMPLIANCE
from csinsight.contract.tables import Agents, Messages
from csinsight.engine import Shop, collect
from csinsight.features.rules import ConversationRules

_P = CoachingPlan
#: On which side of a recommendation a talk stands, in the order of a card.
SIDES: Final = (_P.MISSES, _P.HITS, _P.PEER_HITS)
#: Talks shown on each side.
EACH: Final = 1


def plan_excerpts(
    shop: Shop,
    plan: pd.DataFrame,
    conversations: pd.DataFrame,
    *,
    as_of: datetime,
    rules: ConversationRules,
) -> pd.DataFrame:
    """Return the lines that a plan's cards show, masked.

    Of the talks that the plan names, those are taken whose lines truly show the behaviour, or its
    absence when there was occasion for it.

    Parameters
    ----------
    shop : Shop
    plan, conversations : DataFrame
        The ``coaching_plan`` and ``conversations`` artifacts.
    as_of : datetime
    rules : ConversationRules
        Those by which the plan's conversations were cut.

    Returns
    -------
    DataFrame
        ``agent_id``, ``behaviour``, ``side`` (``misses``, ``hits``, ``peer_hits``), then the
        columns of `csinsight.coaching.excerpts.excerpt`; one row a line, in reading order.
    """
    advised = plan[plan[_P.KIND] != "strength"]
    wanted = list(_wanted(advised))
    messages = excerpts(shop, {t for *_, ts in wanted for t in ts}, as_of=as_of, rules=rules)
    talks = dict(iter(messages.groupby(Messages.CONVERSATION_ID)))
    names = shop_names(shop)
    occasions = conversations.set_index(Conversations.CONVERSATION_ID)
    parts = []
    for agent, behaviour, side, named in wanted:
        shown = _shows(behaviour, side)
        column = opportunity_column(behaviour)
        since = dict(occasions[column].reindex(named)) if column in occasions else {}
        found = (
            excerpt(talks[t], behaviour, shown=shown, occasion=_turn(since, t), nicknames=names)
            for t in named
            if t in talks
        )
        kept = [lines for lines in found if len(lines)][:EACH]
        parts += [p.assign(agent_id=agent, behaviour=behaviour, side=side) for p in kept]
    columns = ["agent_id", "behaviour", "side", *COLUMNS]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _shows(behaviour: str, side: str) -> bool:
    """Tell whether the talks of a side show the behaviour, or that it was missed."""
    unwanted = behaviour in (*TAUGHT_LESS, *COMPLIANCE)
    return unwanted == (side == _P.MISSES)


def _turn(since: Mapping[str, object], talk: str) -> float | None:
    turn = since.get(talk)
    return None if turn is None or turn is pd.NA else float(str(turn))


def _wanted(plan: pd.DataFrame) -> Iterator[tuple[str, str, str, list[str]]]:
    for _, row in plan.iterrows():
        for side in SIDES:
            yield row[_P.AGENT_ID], row[_P.BEHAVIOUR], side, list(row[side])


def shop_names(shop: Shop) -> list[str]:
    """Return the names of all agents, to be masked wherever they stand in a chat."""
    if not shop.has("agents", Agents.NAME):
        return []
    names = collect(shop["agents"].select(Agents.NAME))[Agents.NAME].dropna()
    return [str(name) for name in names]
