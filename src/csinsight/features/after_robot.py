"""How long a person took where a robot wrote first: from the buyer's message, and from then on.

Platforms count only a person's reply, from the buyer's first message. A shop that lets a robot open
asks what its people do with what the robot hands over. Both are given, named apart; the KPI
profile's ``response_from`` says which one is the headline.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.artifacts import Conversations
from csinsight.features.agent_sessions import charged_rounds
from csinsight.features.conversations import CutMessages
from csinsight.features.frames import SECOND_MS, TURN_NO, Columns
from csinsight.features.rounds import (
    AGAIN_MS,
    ANSWERED,
    IN_SERVICE,
    REPLIED_MS,
    RESPONSE_S,
    ROBOT_MS,
    handovers,
)

_C = Conversations

#: Columns of `after_robot`.
FROM_BUYER_S, FROM_HANDOVER_S, ALONE = "from_buyer_s", "from_handover_s", "robot_alone"
_COLUMNS: Final = Columns(
    texts=(_C.CONVERSATION_ID, _C.AGENT_ID),
    booleans=(ANSWERED, ALONE),
    floats=(FROM_BUYER_S, FROM_HANDOVER_S),
)


def after_robot(cut: CutMessages) -> pd.DataFrame:
    """Return the last month's rounds in service hours in which a robot wrote before a person.

    Parameters
    ----------
    cut : CutMessages

    Returns
    -------
    pandas.DataFrame
        ``conversation_id``, ``agent_id`` (whose the round is; null: nobody's), ``answered`` (by a
        person on the same day), ``robot_alone`` (nobody replied and the buyer asked nothing
        more), ``from_buyer_s`` (from the buyer's first message) and ``from_handover_s`` (from the
        buyer's first message after the robot's last, else from that), both capped as the rules
        say and the cap where nobody replied; null where the robot was alone.

    Examples
    --------
    >>> from csinsight.features.conversations import cut_messages
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> after_robot(cut_messages(sample_shop(), context.as_of, context.rules)).columns.tolist()[:2]
    ['conversation_id', 'agent_id']
    """
    messages, cap = cut.counted_of_month(), nw.lit(float(cut.rules.round_cap_s))
    whole = charged_rounds(messages, replace(cut.rules, response_from="buyer_message"))
    robot, again = nw.col(ROBOT_MS), nw.col(AGAIN_MS)
    waited = (nw.col(REPLIED_MS) - nw.coalesce(again, robot)) / SECOND_MS
    alone = ~nw.col(ANSWERED) & again.is_null()
    after = nw.when(nw.col(ANSWERED) & (waited < cap)).then(waited).otherwise(cap)
    found = (
        whole.join(handovers(messages), on=[_C.CONVERSATION_ID, TURN_NO])
        .filter(nw.col(IN_SERVICE))
        .with_columns(alone.alias(ALONE))
        .with_columns(
            nw.when(~nw.col(ALONE)).then(nw.col(RESPONSE_S)).alias(FROM_BUYER_S),
            nw.when(~nw.col(ALONE)).then(after).alias(FROM_HANDOVER_S),
        )
    )
    keys = [_C.CONVERSATION_ID, FROM_BUYER_S]
    return _COLUMNS.gather(found).sort_values(keys, ignore_index=True)
