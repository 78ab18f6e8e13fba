"""The lines of conversations that are known already, without cutting the shop's messages anew."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import Messages as Msg
from csinsight.engine import Shop
from csinsight.engine.frames import beside, hold
from csinsight.features.conversations import with_turns
from csinsight.features.frames import SENT_MS, Frame, moment_ms

_C = Conversations


def lines_of(shop: Shop, conversations: pd.DataFrame, as_of: datetime) -> Frame:
    """Return the lines of some conversations, all of one shop.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    conversations : pandas.DataFrame
        Rows of the artifact ``conversations``.
    as_of : datetime
        Only lines before this moment are taken.

    Returns
    -------
    narwhals.LazyFrame
        The contract's columns with ``conversation_id``, ``turn_no`` and ``position``, held.
        A line is of the conversation of its buyer within whose start and end it falls; in a
        source without times, of the one whose id it carries.

    Examples
    --------
    >>> from csinsight.engine import collect
    >>> texts = {"buyer_id": ["b", "b"], "agent_id": [None, "a"], "sender": ["buyer", "agent"],
    ...          "text": ["在吗", "在的"], "sent_at_ms": [0, 9_000], "message_no": [1, 2],
    ...          "conversation_id": [None, None]}
    >>> ids = {"conversation_id": pl.String}
    >>> messages = nw.from_native(pl.LazyFrame(texts, schema_overrides=ids))
    >>> shop = Shop(None, "polars", {"messages": messages}, {})
    >>> said = pd.DataFrame({"conversation_id": ["c1"], "buyer_id": ["b"]})
    >>> said["started_at"], said["ended_at"] = pd.Timestamp(0), pd.Timestamp("1970-01-01 00:00:09")
    >>> found = collect(lines_of(shop, said, datetime(2026, 11, 1)))
    >>> found[["conversation_id", "text", "turn_no"]].values.tolist()
    [['c1', '在吗', 1], ['c1', '在的', 2]]
    """
    sent, given = nw.col(SENT_MS), Msg.CONVERSATION_ID
    names = (Msg.BUYER_ID, Msg.AGENT_ID, Msg.SENDER, Msg.TEXT, SENT_MS, Msg.MESSAGE_NO)
    lines = shop["messages"].filter(sent.is_null() | (sent < moment_ms(as_of)))
    lines = lines.select(*names, given)
    ends = (_C.STARTED_AT, _C.ENDED_AT)
    told = pl.from_pandas(conversations[[given, _C.BUYER_ID, *ends]])
    spans = beside(lines, told.with_columns(pl.col(ends).dt.epoch("ms")))
    untimed = lines.filter(sent.is_null()).join(spans.select(given), on=given, how="inner")
    timed = lines.drop(given).join(spans, on=Msg.BUYER_ID, how="inner")
    timed = timed.filter(sent >= nw.col(ends[0]), sent <= nw.col(ends[1]))
    both = nw.concat([part.select(*names, given) for part in (timed, untimed)])
    return with_turns(hold(both))
