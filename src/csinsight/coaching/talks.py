"""The masked talks behind every line of a coaching plan, gathered once for all cards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.coaching.excerpts import COLUMNS, excerpt, excerpts
from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.tables import Agents, Messages
from csinsight.engine import Shop, collect
from csinsight.features.rules import ConversationRules

_P = CoachingPlan
#: On which side of a recommendation a talk stands, in the order of a card.
SIDES: Final = (_P.MISSES, _P.HITS, _P.PEER_HITS)
#: Talks kept on each side; a card shows one, the second stands by.
EACH: Final = 1


def plan_excerpts(
    shop: Shop, plan: pd.DataFrame, *, as_of: datetime, rules: ConversationRules
) -> pd.DataFrame:
    """Return the lines that a plan's cards show, masked.

    Parameters
    ----------
    shop : Shop
    plan : DataFrame
        The ``coaching_plan`` artifact.
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
    messages = excerpts(shop, {talk for *_, talk in wanted}, as_of=as_of, rules=rules)
    talks = dict(iter(messages.groupby(Messages.CONVERSATION_ID)))
    names = _names(shop)
    parts = [
        excerpt(talks[talk], behaviour, nicknames=names).assign(
            agent_id=agent, behaviour=behaviour, side=side
        )
        for agent, behaviour, side, talk in wanted
        if talk in talks
    ]
    columns = ["agent_id", "behaviour", "side", *COLUMNS]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _wanted(plan: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    for _, row in plan.iterrows():
        for side in SIDES:
            for talk in list(row[side])[:EACH]:
                yield row[_P.AGENT_ID], row[_P.BEHAVIOUR], side, talk


def _names(shop: Shop) -> list[str]:
    if not shop.has("agents", Agents.NAME):
        return []
    names = collect(shop["agents"].select(Agents.NAME))[Agents.NAME].dropna()
    return [str(name) for name in names]
