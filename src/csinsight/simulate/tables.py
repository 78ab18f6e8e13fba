"""The six tables of the contract, made from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.contract.tables import SENDERS, Agents, Buyers, Messages, Orders, Ratings
from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Floats, Ints, moments
from csinsight.simulate.cases import Cases
from csinsight.simulate.emit import Lines
from csinsight.simulate.outcome import Outcome
from csinsight.simulate.people import Crowd, Staff
from csinsight.simulate.purchases import Purchases

_RATED_SHARE = 0.11
_ORDER_BASE = 3_400_000_000_000_000_000
_ORDER_STEP = 7_919_000_003


def take(values: Sequence[str], index: npt.NDArray[np.int64]) -> pl.Series:
    """Return `values` at `index` as strings; null where the index is negative."""
    lookup = pl.Series(values, dtype=pl.String)
    at = pl.Series(index, dtype=pl.Int64)
    return lookup.gather(at.set(at < 0, None).cast(pl.UInt32))


def buyers_table(crowd: Crowd) -> pl.DataFrame:
    """Return ``buyers``."""
    return pl.DataFrame(
        {
            Buyers.BUYER_ID: pl.Series(crowd.ids, dtype=pl.String),
            Buyers.JOINED_AT: moments(crowd.joined, Buyers.JOINED_AT),
        }
    )


def agents_table(staff: Staff) -> pl.DataFrame:
    """Return ``agents``."""
    return pl.DataFrame(
        {
            Agents.AGENT_ID: staff.ids,
            Agents.NAME: staff.names,
            Agents.TEAM: staff.teams,
            Agents.HIRED_ON: staff.hired,
        },
        schema={
            Agents.AGENT_ID: pl.String,
            Agents.NAME: pl.String,
            Agents.TEAM: pl.String,
            Agents.HIRED_ON: pl.Date,
        },
    )


def order_ids(rng: np.random.Generator, n: int) -> list[str]:
    """Return `n` different order numbers of 19 digits, rising."""
    numbers = _ORDER_BASE + np.arange(n) * _ORDER_STEP + rng.integers(0, _ORDER_STEP, n)
    return [str(number) for number in numbers.tolist()]


def orders_table(orders: Purchases, ids: list[str], crowd: Crowd) -> pl.DataFrame:
    """Return ``orders`` sorted by time."""
    return pl.DataFrame(
        {
            Orders.ORDER_ID: pl.Series(ids, dtype=pl.String),
            Orders.BUYER_ID: take(crowd.ids, orders.buyer),
            Orders.PLACED_AT: moments(orders.placed, Orders.PLACED_AT),
            Orders.PAID_AT: moments(orders.paid, Orders.PAID_AT),
            Orders.LIST_AMOUNT: orders.list_amount,
            Orders.PAID_AMOUNT: orders.paid_amount,
            Orders.REFUND_AMOUNT: orders.refund,
            Orders.UNITS: orders.units,
            Orders.COUPON_USED: orders.coupon,
        }
    ).sort(Orders.PLACED_AT, Orders.ORDER_ID)


def messages_table(
    lines: Lines, texts: list[str], buyer: Ints, ids: list[str], crowd: Crowd, staff: Staff
) -> pl.DataFrame:
    """Return ``messages`` in reading order; `buyer` and `ids` are per talk, `ids` may be empty."""
    frame = pl.DataFrame(
        {
            Messages.BUYER_ID: take(crowd.ids, buyer[lines.talk]),
            Messages.AGENT_ID: take(staff.ids, lines.agent),
            Messages.SENDER: take(SENDERS, lines.sender),
            Messages.SENT_AT: moments(lines.at, Messages.SENT_AT),
            Messages.TEXT: pl.Series(texts, dtype=pl.String),
        }
    )
    if ids:
        frame = frame.with_columns(take(ids, lines.talk).alias(Messages.CONVERSATION_ID))
    return frame


def ratings_table(
    rng: np.random.Generator,
    cases: Cases,
    acts: Acts,
    outcome: Outcome,
    crowd: Crowd,
    staff: Staff,
    end: int,
) -> pl.DataFrame:
    """Return ``ratings`` of about a ninth of the answered talks, sorted by time."""
    asked = cases.answered & (rng.random(len(cases)) < _RATED_SHARE)
    mood = _mood(rng, cases, acts, outcome, staff)
    at = outcome.decided + rng.integers(300, 3000, len(cases))
    rated = np.flatnonzero(asked & (at < end))
    return pl.DataFrame(
        {
            Ratings.BUYER_ID: take(crowd.ids, cases.buyer[rated]),
            Ratings.AGENT_ID: take(staff.ids, cases.agent[rated]),
            Ratings.RATED_AT: moments(at[rated], Ratings.RATED_AT),
            Ratings.SCORE: np.clip(np.rint(mood[rated]), 1, 5).astype(np.int64),
        }
    ).sort(Ratings.RATED_AT, Ratings.BUYER_ID)


def _mood(
    rng: np.random.Generator, cases: Cases, acts: Acts, outcome: Outcome, staff: Staff
) -> Floats:
    def ever(name: str) -> Floats:
        return np.asarray(acts.shown[name].any(axis=1), dtype=np.float64)

    wait = np.log2(np.clip(acts.first_response_s, 5, 600) / 40)
    return np.asarray(
        4.3
        + 0.6 * staff.skill[cases.agent]
        + 0.4 * outcome.converted
        + 0.5 * ever("empathizes")
        - 0.9 * ever("curt_reply")
        - 1.0 * ever("refuses_flatly")
        - 2.0 * ever("rude_or_blaming")
        - 0.2 * wait
        - 0.5 * (cases.topic == 5)
        + rng.standard_normal(len(cases))
    )
