"""The moments between which a simulated shop is seen, as seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass

from csinsight.params import add_months, month_end
from csinsight.simulate.arrays import DAY_S, seconds

#: Segments of a conversation are frozen at the start of its month and look back 90 and 365 days,
#: so page views and orders have to begin that much before the first chat month.
_PAGES_BEFORE_DAYS = 92
_ORDERS_BEFORE_MONTHS = 12
FUTURE_DAYS = 90


@dataclass(frozen=True)
class Calendar:
    """Starts of orders, page views and chats, and the shared end of all three."""

    orders_start: int
    pages_start: int
    chats_start: int
    end: int

    @property
    def chat_days(self) -> int:
        """Whole days with chats."""
        return (self.end - self.chats_start) // DAY_S


def make_calendar(months: int, end_month: str) -> Calendar:
    """Return the calendar of `months` chat months, the last of which is `end_month`."""
    end = month_end(end_month)
    chats = add_months(end, -months)
    return Calendar(
        orders_start=seconds(add_months(chats, -_ORDERS_BEFORE_MONTHS)),
        pages_start=seconds(chats) - _PAGES_BEFORE_DAYS * DAY_S,
        chats_start=seconds(chats),
        end=seconds(end),
    )
