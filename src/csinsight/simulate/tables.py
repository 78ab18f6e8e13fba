"""The six tables of the contract, made from what was drawn.

The truth of a simulated shop, as tables: what no real shop can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.contract.domain import BUYER_TYPES, COMPLIANCE, MARKERS
from csinsight.contract.schema import SENDERS, Agents, Buyers, Messages, Orders, Ratings
from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Bools, Calendar, Ints, moments, sigmoid
from csinsight.simulate.cases import TOPICS, TURNS, Cases
from csinsight.simulate.outcome import Draws, Outcome, at_risk, true_effects
from csinsight.simulate.people import (
    BASE_RATES,
    Crowd,
    Latent,
    Purchases,
    Staff,
    expected_spend,
    realised_spend,
)
from csinsight.simulate.scenario import Scenario
from csinsight.simulate.script import Lines
from csinsight.stats import Floats

_RATED_SHARE = 0.11
_ORDER_BASE = 3_400_000_000_000_000_000
_ORDER_STEP = 7_919_000_003


def take(values: Sequence[str], index: npt.NDArray[np.int64]) -> pl.Series:
    """Return `values` at `index` as strings; null where the index is negative.

    Examples
    --------
    >>> take(["a", "b"], np.array([1, -1])).to_list()
    ['b', None]
    """
    lookup = pl.Series(values, dtype=pl.String)
    at = pl.Series(index, dtype=pl.Int64)
    return lookup.gather(at.set(at < 0, None).cast(pl.UInt32))


def buyers_table(crowd: Crowd) -> pl.DataFrame:
    """Return ``buyers``.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> buyers_table(base.crowd).height
    60
    """
    return pl.DataFrame(
        {
            Buyers.BUYER_ID: pl.Series(crowd.ids, dtype=pl.String),
            Buyers.JOINED_AT: moments(crowd.joined, Buyers.JOINED_AT),
        }
    )


def agents_table(staff: Staff) -> pl.DataFrame:
    """Return ``agents``.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> agents_table(base.staff).columns
    ['agent_id', 'name', 'team', 'hired_on']
    """
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
    """Return `n` different order numbers of 19 digits, rising.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> [len(number) for number in order_ids(rng, 2)]
    [19, 19]
    """
    numbers = _ORDER_BASE + np.arange(n) * _ORDER_STEP + rng.integers(0, _ORDER_STEP, n)
    return [str(number) for number in numbers.tolist()]


def orders_table(orders: Purchases, ids: list[str], crowd: Crowd) -> pl.DataFrame:
    """Return ``orders`` sorted by time.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.shop import draw_silent, streams
    >>> orders = draw_silent(streams(2), base, chats=True)
    >>> ids = order_ids(np.random.default_rng(1), len(orders.buyer))
    >>> orders_table(orders, ids, base.crowd)["placed_at"].is_sorted()
    True
    """
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
    """Return ``messages`` in reading order; `buyer`, `ids` by conversation, `ids` may be empty.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.script import in_order
    >>> lines = in_order(chats.script, {0: 5, 1: 5, 2: 1, 3: 1})
    >>> lines = lines.only(lines.talk < 90)
    >>> texts = ["好的"] * len(lines.talk)
    >>> messages_table(lines, texts, chats.cases.buyer, [], base.crowd, base.staff).columns[:2]
    ['buyer_id', 'agent_id']
    """
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
    """Return ``ratings`` of about a ninth of the answered conversations, sorted by time.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> end = base.calendar.end
    >>> ratings = ratings_table(
    ...     rng, chats.cases, chats.acts, chats.outcome, base.crowd, base.staff, end
    ... )
    >>> ratings.columns
    ['buyer_id', 'agent_id', 'rated_at', 'score']
    """
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


@dataclass(frozen=True)
class Truth:
    """What was planted in a simulated shop.

    Parameters
    ----------
    buyers : polars.DataFrame
        A row a buyer: ``buyer_id``, ``type``, ``w_<type>`` (blend, sums to one),
        ``orders_per_90d`` (rate while active), ``dropout`` (chance to leave after an order),
        ``mean_order_value``, ``active_at_end``, ``expected_spend_90d`` and
        ``realised_spend_90d`` (net, in the 90 days after the end of the data).
    behaviours : polars.DataFrame
        A row a behaviour: ``behaviour``, ``kind`` (real, none, confounded, reversed),
        ``log_odds`` (planted), ``effect_log_odds`` and ``effect_pp`` (true average change of paid
        conversion where there was an opportunity; of a doubling for ``first_response_s``),
        ``opportunities``, ``shown``, ``raw_pp`` (what a raw comparison says where there was an
        opportunity) and ``raw_all_pp`` (what it says over all inquiries).
    agents : polars.DataFrame
        A row an agent: ``agent_id``, ``skill`` (log-odds), ``speed_s``, and ``p_<behaviour>``,
        the chance to show it at one opportunity.
    conversations : polars.DataFrame
        A row a conversation, named by ``buyer_id`` and ``started_at``: ``agent_id``,
        ``category``, ``is_inquiry``, ``opened_by_buyer``, ``transferred``, ``hesitancy`` (the
        reverse of the buyer's intent at first), ``intent_at_end`` (before the turn at which they
        decide), ``agent_turns`` until the decision, ``first_response_s``, one column a
        behaviour (null: no opportunity), ``p_ordered``, ``p_paid``, ``ordered``, ``paid`` (in the
        window); of a world with `Scenario.losses` also ``ended_on``.
    """

    buyers: pl.DataFrame
    behaviours: pl.DataFrame
    agents: pl.DataFrame
    conversations: pl.DataFrame

    def write(self, folder: Path) -> None:
        """Write each table as ``folder/NAME.parquet``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in vars(self).items():
            frame.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=9)


def true_buyers(
    rng: np.random.Generator, crowd: Crowd, latent: Latent, calendar: Calendar
) -> pl.DataFrame:
    """Return `Truth.buyers`.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> true_buyers(rng, base.crowd, base.latent, base.calendar).height
    60
    """
    weights = {f"w_{name}": crowd.blend[:, i].round(4) for i, name in enumerate(BUYER_TYPES)}
    return pl.DataFrame(
        {
            "buyer_id": pl.Series(crowd.ids, dtype=pl.String),
            "type": take(BUYER_TYPES, crowd.kind),
            **weights,
            "orders_per_90d": (crowd.rate * 90).round(4),
            "dropout": crowd.dropout.round(4),
            "mean_order_value": crowd.value.round(2),
            "active_at_end": latent.left >= calendar.end,
            "expected_spend_90d": expected_spend(crowd, latent, calendar).round(2),
            "realised_spend_90d": realised_spend(rng, crowd, latent, calendar).round(2),
        }
    )


def true_agents(staff: Staff) -> pl.DataFrame:
    """Return `Truth.agents`.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> true_agents(base.staff).height
    3
    """
    return pl.DataFrame(
        {
            "agent_id": pl.Series(staff.ids, dtype=pl.String),
            "skill": staff.skill,
            "speed_s": staff.speed_s,
            **{f"p_{name}": sigmoid(staff.habits[name]) for name in BASE_RATES},
        }
    )


def true_behaviours(
    cases: Cases, acts: Acts, draws: Draws, outcome: Outcome, staff: Staff, world: Scenario
) -> pl.DataFrame:
    """Return `Truth.behaviours`; the effects come from playing every conversation with and without.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> table = true_behaviours(
    ...     chats.cases, chats.acts, chats.draws, chats.outcome, base.staff, base.scenario
    ... )
    >>> table["behaviour"].is_unique().all()
    True
    """
    rows = []
    for name, planted in world.effects.items():
        who = at_risk(name, cases, acts, outcome)
        shown = shows(name, cases, acts, outcome)
        log_odds, points = 0.0, 0.0
        if planted:
            log_odds, points = true_effects(name, cases, acts, draws, staff, world, who)
        rows.append(
            {
                "behaviour": name,
                "kind": world.kind(name),
                "log_odds": planted,
                "effect_log_odds": log_odds,
                "effect_pp": points,
                "opportunities": int(who.sum()),
                "shown": int((shown & who).sum()),
                "raw_pp": _raw(name, shown, who, acts, outcome),
                "raw_all_pp": _raw(name, shown & who, cases.inquiry, acts, outcome),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"raw_pp": pl.Float64, "raw_all_pp": pl.Float64})


def shows(name: str, cases: Cases, acts: Acts, outcome: Outcome) -> Bools:
    """Return the conversations in which the agent showed behaviour `name`.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> shows("recommends", chats.cases, chats.acts, chats.outcome).shape
    (90,)
    """
    if name in outcome.endings:
        return outcome.endings[name]
    if name in acts.shown:
        heard = np.arange(TURNS)[None, :] < outcome.chances.length[:, None]
        return np.asarray((acts.shown[name] & heard).any(axis=1))
    if name == "follows_up":
        return ~np.isnan(outcome.followed)
    if name == "reminds_payment":
        return ~np.isnan(outcome.reminded)
    return np.zeros(len(cases), dtype=bool)


def _raw(name: str, shown: Bools, who: Bools, acts: Acts, outcome: Outcome) -> float | None:
    won = outcome.converted[who].astype(float)
    if name == "first_response_s":
        wait = np.log2(np.clip(acts.first_response_s[who], 5, 600))
        spread = wait.var() if len(wait) else 0.0
        return float(100 * np.mean((wait - wait.mean()) * won) / spread) if spread else None
    did = shown[who]
    if not did.any() or did.all():
        return None
    return float(100 * (won[did].mean() - won[~did].mean()))


def true_conversations(
    cases: Cases, acts: Acts, outcome: Outcome, crowd: Crowd, staff: Staff
) -> pl.DataFrame:
    """Return the rows of `Truth.conversations` that a buyer opened.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> true_conversations(chats.cases, chats.acts, chats.outcome, base.crowd, base.staff).height
    90
    """
    columns: dict[str, pl.Series] = {}
    for name in (*MARKERS, *COMPLIANCE):
        who = at_risk(name, cases, acts, outcome)
        value = pl.Series(shows(name, cases, acts, outcome))
        columns[name] = value.set(pl.Series(~who), None)
    wait = np.where(cases.answered, acts.first_response_s, np.nan)
    at_end = cases.intent[np.arange(len(cases)), outcome.chances.length - 1]
    return pl.DataFrame(
        {
            **_heads(cases.buyer, cases.start, cases.agent, cases.answered, crowd, staff),
            "category": take(TOPICS, cases.topic),
            "is_inquiry": cases.inquiry,
            "opened_by_buyer": np.ones(len(cases), dtype=bool),
            "transferred": cases.taker >= 0,
            "hesitancy": cases.hesitancy.round(4),
            "intent_at_end": at_end.round(4),
            "agent_turns": outcome.chances.length,
            "first_response_s": pl.Series(wait).fill_nan(None),
            **columns,
            "p_ordered": outcome.chances.ordered,
            "p_paid": outcome.chances.paid,
            "ordered": ~np.isnan(outcome.placed),
            "paid": outcome.converted,
            **_losses(outcome),
        }
    )


def _losses(outcome: Outcome) -> dict[str, pl.Series]:
    if outcome.ended_on is None:
        return {}
    ended_on = pl.Series(outcome.ended_on, dtype=pl.String)
    return {"ended_on": ended_on.set(ended_on == "", None)}


def opened_by_agents(
    buyer: Ints, start: Ints, agent: Ints, crowd: Crowd, staff: Staff
) -> pl.DataFrame:
    """Return the rows of `Truth.conversations` that an agent opened, to remind of a payment.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> one = np.array([0])
    >>> opened_by_agents(one, one, one, base.crowd, base.staff).height
    1
    """
    n = len(buyer)
    known = np.ones(n, dtype=bool)
    return pl.DataFrame(
        {
            **_heads(buyer, start, agent, known, crowd, staff),
            "is_inquiry": ~known,
            "opened_by_buyer": ~known,
            "transferred": ~known,
            "reminds_payment": known,
            "ordered": ~known,
            "paid": ~known,
        }
    )


def _heads(
    buyer: Ints, start: Ints, agent: Ints, answered: Bools, crowd: Crowd, staff: Staff
) -> dict[str, pl.Series]:
    return {
        "buyer_id": take(crowd.ids, buyer),
        "started_at": moments(start, "started_at"),
        "agent_id": take(staff.ids, np.where(answered, agent, -1)),
    }
