"""The six tables of the contract, made from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.contract.tables import SENDERS
from csinsight.contract.tables import Agents as A
from csinsight.contract.tables import Buyers as B
from csinsight.contract.tables import Messages as M
from csinsight.contract.tables import Orders as O
from csinsight.contract.tables import Ratings as R
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
            B.BUYER_ID: pl.Series(crowd.ids, dtype=pl.String),
            B.JOINED_AT: moments(crowd.joined, B.JOINED_AT),
        }
    )


def agents_table(staff: Staff) -> pl.DataFrame:
    """Return ``agents``."""
    return pl.DataFrame(
        {A.AGENT_ID: staff.ids, A.NAME: staff.names, A.TEAM: staff.teams, A.HIRED_ON: staff.hired},
        schema={A.AGENT_ID: pl.String, A.NAME: pl.String, A.TEAM: pl.String, A.HIRED_ON: pl.Date},
    )


def order_ids(rng: np.random.Generator, n: int) -> list[str]:
    """Return `n` different order numbers of 19 digits, rising."""
    numbers = _ORDER_BASE + np.arange(n) * _ORDER_STEP + rng.integers(0, _ORDER_STEP, n)
    return [str(number) for number in numbers.tolist()]


def orders_table(orders: Purchases, ids: list[str], crowd: Crowd) -> pl.DataFrame:
    """Return ``orders`` sorted by time."""
    return pl.DataFrame(
        {
            O.ORDER_ID: pl.Series(ids, dtype=pl.String),
            O.BUYER_ID: take(crowd.ids, orders.buyer),
            O.PLACED_AT: moments(orders.placed, O.PLACED_AT),
            O.PAID_AT: moments(orders.paid, O.PAID_AT),
            O.LIST_AMOUNT: orders.list_amount,
            O.PAID_AMOUNT: orders.paid_amount,
            O.REFUND_AMOUNT: orders.refund,
            O.UNITS: orders.units,
            O.COUPON_USED: orders.coupon,
        }
    ).sort(O.PLACED_AT, O.ORDER_ID)


def messages_table(
    lines: Lines, texts: list[str], buyer: Ints, ids: list[str], crowd: Crowd, staff: Staff
) -> pl.DataFrame:
    """Return ``messages`` in reading order; `buyer` and `ids` are per talk, `ids` may be empty."""
    frame = pl.DataFrame(
        {
            M.BUYER_ID: take(crowd.ids, buyer[lines.talk]),
            M.AGENT_ID: take(staff.ids, lines.agent),
            M.SENDER: take(SENDERS, lines.sender),
            M.SENT_AT: moments(lines.at, M.SENT_AT),
            M.TEXT: pl.Series(texts, dtype=pl.String),
        }
    )
    if ids:
        frame = frame.with_columns(take(ids, lines.talk).alias(M.CONVERSATION_ID))
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
            R.BUYER_ID: take(crowd.ids, cases.buyer[rated]),
            R.AGENT_ID: take(staff.ids, cases.agent[rated]),
            R.RATED_AT: moments(at[rated], R.RATED_AT),
            R.SCORE: np.clip(np.rint(mood[rated]), 1, 5).astype(np.int64),
        }
    ).sort(R.RATED_AT, R.BUYER_ID)


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
