"""Small tools that the feature tables share: conditional sums and fixed types on leaving.

What counts as one conversation, as its outcome, and as a timely reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import narwhals as nw
from narwhals.typing import IntoDType

from csinsight.contract.artifacts import Conversations
from csinsight.contract.schema import Messages
from csinsight.engine import collect, ms

if TYPE_CHECKING:
    import pandas as pd

#: Where a response is counted from once a robot wrote before a person.
ResponseFrom = Literal["buyer_message", "hand_over"]

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
    """Count the rows of a group where `condition` holds (booleans can't be summed everywhere).

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> rows = nw.from_native(pl.DataFrame({"n": [1, 2, 3]}))
    >>> rows.select(count_if(nw.col("n") > 1)).item()
    2
    """
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().cast(nw.Int64)


def pick(condition: nw.Expr, value: nw.Expr) -> nw.Expr:
    """Return `value` where `condition` holds, else null.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> rows = nw.from_native(pl.DataFrame({"n": [1, 2, 3]}))
    >>> rows.select(pick(nw.col("n") > 1, nw.col("n")))["n"].to_list()
    [None, 2, 3]
    """
    return nw.when(condition).then(value)


def no_value(dtype: IntoDType) -> nw.Expr:
    """Return a null of one type, for what the shop's tables can't tell.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> dict(nw.from_native(pl.DataFrame({"n": [1]})).select(m=no_value(nw.Float64)).schema)
    {'m': Float64}
    """
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
        import pandas as pd

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


SECOND_MS: Final = 1_000
HOUR_MS: Final = 3_600 * SECOND_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True)
class ConversationRules:
    """The rules by which messages become conversations with an outcome and with timings.

    Parameters
    ----------
    gap_hours : float
        A silence of this many hours or more ends a conversation.
    conversion_window_hours : float
        An order counts when placed after the buyer's first message and within this time of it.
    payment_window_hours : float
        An order counts as paid when paid within this time of being placed.
    service_start_hour, service_end_hour : int
        Rounds that begin at or after the one and before the other hour of the day are timed; a
        start later than the end means a night shift. Conventions of a KPI profile.
    round_cap_s : float
        The longest response counted, in seconds, and what a round counts that nobody answered.
    slow_s : float
        A response over this many seconds is slow.
    rating_hours : float
        A rating given up to this long after the conversation's end still belongs to it.
    pre_chat_hours : float
        Page views up to this long before the buyer's first line are those of the visit that led
        to the conversation.
    look_back_days : int
        Page views and inquiries up to this long before it are the buyer's past.
    response_from : {'buyer_message', 'hand_over'}
        Where a robot wrote before a person did: whether the person's response counts from the
        buyer's first message, or from the hand-over (see `csinsight.features.agent_sessions`).

    Raises
    ------
    ValueError
        Where a length of time is not positive or an hour is not one of the day.
    """

    gap_hours: float
    conversion_window_hours: float
    payment_window_hours: float
    service_start_hour: int
    service_end_hour: int
    round_cap_s: float
    slow_s: float
    pre_chat_hours: float
    look_back_days: int
    rating_hours: float = 72.0
    response_from: ResponseFrom = "buyer_message"

    def __post_init__(self) -> None:
        lengths = ("gap_hours", "conversion_window_hours", "payment_window_hours", "round_cap_s")
        for name in (*lengths, "slow_s", "rating_hours", "pre_chat_hours", "look_back_days"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} has to be over 0, not {getattr(self, name)}")
        for name in ("service_start_hour", "service_end_hour"):
            if not 0 <= getattr(self, name) <= 24:
                raise ValueError(
                    f"{name} has to be an hour from 0 to 24, not {getattr(self, name)}"
                )


def hours_ms(hours: float) -> int:
    """Return `hours` in whole milliseconds.

    Examples
    --------
    >>> hours_ms(0.5)
    1800000
    """
    return round(hours * HOUR_MS)


def moment_ms(moment: datetime) -> int:
    """Return a local time without zone as the engine counts it: milliseconds since 1970.

    Raises
    ------
    ValueError
        Where `moment` carries a time zone: the contract's times have none.

    Examples
    --------
    >>> moment_ms(datetime(1970, 1, 2))
    86400000
    """
    if moment.tzinfo is not None:
        raise ValueError(f"{moment.isoformat()} carries a time zone; times here are local, without")
    return round(moment.replace(tzinfo=UTC).timestamp() * SECOND_MS)
