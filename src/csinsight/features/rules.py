"""What counts as one conversation, as its outcome, and as a timely reply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

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

    Raises
    ------
    ValueError
        Where a length of time is not positive or an hour is not one of the day.
    """

    gap_hours: float = 12.0
    conversion_window_hours: float = 24.0
    payment_window_hours: float = 72.0
    service_start_hour: int = 8
    service_end_hour: int = 23
    round_cap_s: float = 600.0
    slow_s: float = 180.0
    rating_hours: float = 72.0

    def __post_init__(self) -> None:
        lengths = ("gap_hours", "conversion_window_hours", "payment_window_hours", "round_cap_s")
        for name in (*lengths, "slow_s", "rating_hours"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} has to be over 0, not {getattr(self, name)}")
        for name in ("service_start_hour", "service_end_hour"):
            if not 0 <= getattr(self, name) <= 24:
                raise ValueError(
                    f"{name} has to be an hour from 0 to 24, not {getattr(self, name)}"
                )


def hours_ms(hours: float) -> int:
    """Return `hours` in whole milliseconds."""
    return round(hours * HOUR_MS)


def moment_ms(moment: datetime) -> int:
    """Return a local time without zone as the engine counts it: milliseconds since 1970.

    Raises
    ------
    ValueError
        Where `moment` carries a time zone: the contract's times have none.
    """
    if moment.tzinfo is not None:
        raise ValueError(f"{moment.isoformat()} carries a time zone; times here are local, without")
    return round(moment.replace(tzinfo=UTC).timestamp() * SECOND_MS)
