"""The truth of a simulated shop, as tables: what no real shop can tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from csinsight.contract.domain import BUYER_TYPES, COMPLIANCE, MARKERS
from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Bools, Ints, moments, sigmoid
from csinsight.simulate.calendar import Calendar
from csinsight.simulate.cases import TOPICS, TURNS, Cases
from csinsight.simulate.outcome import Draws, Outcome, at_risk, true_effects
from csinsight.simulate.people import BASE_RATES, Crowd, Staff
from csinsight.simulate.purchases import Latent, expected_spend, realised_spend
from csinsight.simulate.scenario import Scenario
from csinsight.simulate.tables import take


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
        the chance to show it at one occasion.
    conversations : polars.DataFrame
        A row a conversation, named by ``buyer_id`` and ``started_at``: ``agent_id``,
        ``category``, ``is_inquiry``, ``opened_by_buyer``, ``transferred``, ``hesitancy``,
        ``agent_turns`` until the decision, ``first_response_s``, one column a behaviour (null:
        no opportunity), ``p_ordered``, ``p_paid``, ``ordered``, ``paid`` (in the window).
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
    """Return `Truth.buyers`."""
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
    """Return `Truth.agents`."""
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
    """Return `Truth.behaviours`; the effects come from playing every talk with and without."""
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
    """Return the talks in which the agent showed behaviour `name`."""
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
    """Return the rows of `Truth.conversations` that a buyer opened."""
    columns: dict[str, pl.Series] = {}
    for name in (*MARKERS, *COMPLIANCE):
        who = at_risk(name, cases, acts, outcome)
        value = pl.Series(shows(name, cases, acts, outcome))
        columns[name] = value.set(pl.Series(~who), None)
    wait = np.where(cases.answered, acts.first_response_s, np.nan)
    return pl.DataFrame(
        {
            **_heads(cases.buyer, cases.start, cases.agent, cases.answered, crowd, staff),
            "category": take(TOPICS, cases.topic),
            "is_inquiry": cases.inquiry,
            "opened_by_buyer": np.ones(len(cases), dtype=bool),
            "transferred": cases.taker >= 0,
            "hesitancy": cases.hesitancy.round(4),
            "agent_turns": outcome.chances.length,
            "first_response_s": pl.Series(wait).fill_nan(None),
            **columns,
            "p_ordered": outcome.chances.ordered,
            "p_paid": outcome.chances.paid,
            "ordered": ~np.isnan(outcome.placed),
            "paid": outcome.converted,
        }
    )


def opened_by_agents(
    buyer: Ints, start: Ints, agent: Ints, crowd: Crowd, staff: Staff
) -> pl.DataFrame:
    """Return the rows of `Truth.conversations` that an agent opened, to remind of a payment."""
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
