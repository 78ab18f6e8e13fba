"""Small tools that the feature tables share: conditional sums and fixed types on leaving."""

from __future__ import annotations

from dataclasses import dataclass
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
COUNTED_MS: Final = ms(Conversations.COUNTED_AT)
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


@dataclass(frozen=True)
class Columns:
    """The columns of a feature table and what types they leave with, on every engine.

    Parameters
    ----------
    texts, times, integers, floats, booleans : tuple of str
        Columns that leave as ``str``, times without zone, ``Int64``, ``float64`` and
        ``boolean``, in this order. Before the last step times are milliseconds since 1970.
    """

    texts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    floats: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()

    def gather(self, frame: Frame) -> pd.DataFrame:
        """Run a lazy frame; columns that it lacks are null."""
        have = set(frame.collect_schema().names())
        return self.typed(collect(frame.select(name for name in self._kinds if name in have)))

    def typed(self, table: pd.DataFrame) -> pd.DataFrame:
        """Give a table these columns and types; columns that it lacks are null."""
        table = table.reindex(columns=list(self._kinds)).astype(self._kinds)
        for name in self.times:
            table[name] = pd.to_datetime(table[name], unit="ms").astype("datetime64[us]")
        return table

    @property
    def _kinds(self) -> dict[str, str]:
        return {
            **dict.fromkeys(self.texts, "str"),
            **dict.fromkeys(self.times, "Int64"),
            **dict.fromkeys(self.integers, "Int64"),
            **dict.fromkeys(self.floats, "float64"),
            **dict.fromkeys(self.booleans, "boolean"),
        }
