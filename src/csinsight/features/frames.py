"""Small tools that the feature tables share: conditional sums and fixed types on leaving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoDType

from csinsight.contract.artifacts import Conversations
from csinsight.contract.tables import Messages
from csinsight.engine import collect, ms

#: A table before the last step, on either engine.
Frame: TypeAlias = nw.LazyFrame[Any]

#: How the lazy frames carry the times of a message and of a conversation.
SENT_MS: Final = ms(Messages.SENT_AT)
STARTED_MS: Final = ms(Conversations.STARTED_AT)
ENDED_MS: Final = ms(Conversations.ENDED_AT)
FIRST_BUYER_MS: Final = ms(Conversations.FIRST_BUYER_AT)
OUTCOME_MS: Final = ms(Conversations.OUTCOME_AT)

#: Runs of one side within a conversation, from 1; null on bot and system lines.
TURN_NO: Final = "turn_no"
#: Place of a message within its conversation, from 1.
POSITION: Final = "position"
#: Whether a message came no later than the outcome; true throughout where there was none.
BEFORE_OUTCOME: Final = "before_outcome"


def count_if(condition: nw.Expr) -> nw.Expr:
    """Count the rows of a group where `condition` holds (booleans can't be summed everywhere)."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().cast(nw.Int64)


def pick(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    """Return `value` where `condition` holds, else null."""
    return nw.when(condition).then(value)


def no_value(dtype: IntoDType) -> nw.Expr:
    """Return a null of one type, for what the shop's tables can't tell."""
    return nw.lit(None, dtype=dtype)


def gather(
    frame: Frame,
    *,
    times: Iterable[str] = (),
    integers: Iterable[str] = (),
    floats: Iterable[str] = (),
    booleans: Iterable[str] = (),
    texts: Iterable[str] = (),
) -> pd.DataFrame:
    """Run a lazy frame and return the named columns with the same pandas types on every engine.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    times : iterable of str
        Columns in milliseconds since 1970, which become times without zone.
    integers, floats, booleans, texts : iterable of str
        Columns that become ``Int64``, ``float64``, ``boolean`` and ``str``.
    """
    kinds = {
        **dict.fromkeys(times, "Int64"),
        **dict.fromkeys(integers, "Int64"),
        **dict.fromkeys(floats, "float64"),
        **dict.fromkeys(booleans, "boolean"),
        **dict.fromkeys(texts, "str"),
    }
    table = collect(frame.select(*kinds)).astype(kinds)
    for name in times:
        table[name] = pd.to_datetime(table[name], unit="ms").astype("datetime64[us]")
    return table
