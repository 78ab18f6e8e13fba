"""Conversation tables with known effects, for the tests of drivers and coaching.

A world is confounded on purpose: skilled agents convert more and also greet and thank more, hard
cases are routed to weaker agents, behaviours of one talk go together, bargaining buyers convert
less and only they are offered alternatives, closing words follow orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, CATEGORIES, COMPLIANCE, TIERS

REAL = {
    "recommends": 0.55,
    "offers_alternative": 0.60,
    "empathizes": 0.50,
    "refuses_flatly": -0.70,
    "curt_reply": -0.40,
    "first_response_s": -0.15,
}
IDLE = (
    "greets",
    "polite_words",
    "asks_needs",
    "leading_question",
    "gives_specifics",
    "explains_value",
    "uses_emoji",
    "repeats_canned",
    "promises_time",
)
IDLE_TIMINGS = ("mean_response_s", "slow_reply_share", "answer_ask_ratio")
AS_OF = pd.Timestamp("2026-11-01")


@dataclass(frozen=True)
class World:
    """A table shaped like the ``conversations`` artifact, frozen segments, and the truth."""

    conversations: pd.DataFrame
    frozen: pd.DataFrame
    #: Average change of the paid probability, in points, by behaviour (timings: per doubling).
    effects_pp: dict[str, float]
    #: Each agent's own chance to show a behaviour in an average case, on the logit scale.
    habits: pd.DataFrame = field(repr=False)
    #: Log-odds of each behaviour's effect.
    log_odds: dict[str, float] = field(repr=False)
    #: Each inquiry's log-odds of paying.
    logit: np.ndarray = field(repr=False)


def expit(x):
    return 1 / (1 + np.exp(-x))


def make_world(
    seed=0, *, inquiries=6000, agents=24, effects=None, months=3, spread=0.8, even=False, base=-0.4
):
    """Draw one world; `effects` are log-odds by behaviour (timings: per doubling)."""
    rng = np.random.default_rng(seed)
    effects = REAL if effects is None else effects
    skill = rng.normal(size=agents)
    load = np.ones(agents) if even else rng.uniform(0.5, 1.5, agents)
    agent = rng.choice(agents, inquiries, p=load / load.sum())
    hard = rng.uniform(size=inquiries) < expit(-0.6 * skill[agent])
    shares = np.where(
        hard[:, None], [0.15, 0.10, 0.35, 0.15, 0.10, 0.15], [0.25, 0.25, 0.2, 0.15, 0.03, 0.12]
    )
    category = (rng.uniform(size=(inquiries, 1)) > shares.cumsum(1)).sum(1).clip(0, 5)
    buyer_type = rng.integers(0, 6, inquiries)
    tier = rng.choice(4, inquiries, p=[0.6, 0.2, 0.15, 0.05])
    start = AS_OF - pd.DateOffset(months=months)
    seconds = rng.uniform(0, (AS_OF - start).total_seconds(), inquiries)
    started = pd.to_datetime(start) + pd.to_timedelta(np.sort(seconds), unit="s")
    earlier = rng.poisson(0.3 + 0.5 * tier)
    busy = rng.poisson(3, inquiries)
    mood = rng.normal(size=inquiries)

    worry = rng.uniform(size=inquiries) < np.where(np.isin(category, [0, 3, 4]), 0.5, 0.2)
    bargaining = category == 2
    chance = {
        "offers_alternative": bargaining,
        "explains_value": bargaining,
        "empathizes": worry,
        "apologizes": worry,
        "gives_specifics": np.isin(category, [0, 1, 3]),
    }
    habit_mean = {
        "greets": 1.0,
        "polite_words": 0.5,
        "recommends": -1.0,
        "offers_alternative": -0.8,
        "empathizes": -0.7,
        "refuses_flatly": -1.5,
        "curt_reply": -1.5,
        "leading_question": -2.0,
    }
    tied = {"greets": 0.8, "polite_words": 0.8, "recommends": 0.5, "refuses_flatly": -0.5}
    habits = {}
    frame = {}
    lift = np.zeros(inquiries)
    columns = {}
    for name in (*[k for k in REAL if k != "first_response_s"], *IDLE, "apologizes"):
        habits[name] = (
            habit_mean.get(name, -0.8)
            + tied.get(name, 0.0) * skill
            + spread * rng.normal(size=agents)
        )
        sign = -1 if name in ("refuses_flatly", "curt_reply") else 1
        shown = rng.uniform(size=inquiries) < expit(habits[name][agent] + 0.4 * sign * mood)
        offered = chance.get(name, np.ones(inquiries, bool))
        columns[name] = (shown & offered, offered)
        lift += effects.get(name, 0.0) * (shown & offered)
    pace = 4.5 - 0.3 * skill + 0.5 * rng.normal(size=agents)
    log_first = pace[agent] + 0.15 * busy - 0.2 * mood + 0.8 * rng.normal(size=inquiries)
    lift += effects.get("first_response_s", 0.0) * (log_first - 5)
    log_mean = 0.7 * log_first + 1.5 + 0.6 * rng.normal(size=inquiries)

    logit = (
        base
        + 0.5 * skill[agent]
        + np.array([0.2, 0.4, -0.9, 0.1, -0.6, 0.0])[category]
        + np.array([0.3, -0.2, -0.1, -0.3, 0.0, 0.1])[buyer_type]
        + 0.25 * tier
        + 0.1 * np.minimum(earlier, 4)
        - 0.05 * busy
        + lift
    )
    ordered = rng.uniform(size=inquiries) < expit(logit + 0.5)
    paid = ordered & (rng.uniform(size=inquiries) < expit(logit) / expit(logit + 0.5))

    truth = {}
    for name, weight in effects.items():
        if name == "first_response_s":
            truth[name] = 100 * np.mean(expit(logit + weight / 2) - expit(logit - weight / 2))
            continue
        shown, offered = columns[name]
        without = logit - weight * shown
        truth[name] = 100 * np.mean((expit(without + weight) - expit(without))[offered])
    idle = (*IDLE, *IDLE_TIMINGS, "apologizes", *REAL)
    truth |= {name: 0.0 for name in idle if name not in effects}

    for name, (shown, offered) in columns.items():
        frame[name] = _nullable(shown, offered)
    frame["first_response_s"] = 2**log_first
    frame["mean_response_s"] = 2**log_mean
    frame["slow_reply_share"] = np.clip((log_mean - 5) / 6 + 0.1 * rng.normal(size=inquiries), 0, 1)
    frame["answer_ask_ratio"] = 2 ** (0.2 + 0.3 * rng.normal(size=inquiries))
    frame["closes_warmly"] = _nullable(
        rng.uniform(size=inquiries) < np.where(ordered, 0.7, 0.2), np.ones(inquiries, bool)
    )
    frame["checks_address"] = _nullable(rng.uniform(size=inquiries) < 0.6, ordered)
    frame["reminds_payment"] = _nullable(
        rng.uniform(size=inquiries) < 0.4, ordered & ~(paid & (rng.uniform(size=inquiries) < 0.8))
    )
    frame["follows_up"] = _nullable(
        rng.uniform(size=inquiries) < 0.3, ~ordered & (rng.uniform(size=inquiries) < 0.6)
    )
    for name in COMPLIANCE:
        frame[name] = _nullable(rng.uniform(size=inquiries) < 0.002, np.ones(inquiries, bool))

    ids = [f"c{i:06d}" for i in range(inquiries)]
    conversations = pd.DataFrame(
        {
            "conversation_id": ids,
            "buyer_id": [f"b{i:06d}" for i in rng.integers(0, inquiries, inquiries)],
            "agent_id": [f"agent{a:03d}" for a in agent],
            "started_at": started.astype("datetime64[us]"),
            "category": np.array(CATEGORIES)[category],
            "is_inquiry": True,
            "ordered": ordered,
            "paid": paid,
            "mature": True,
            "net_amount": np.where(paid, rng.gamma(2, 60, inquiries), 0.0),
            "earlier_orders": earlier,
            "open_talks": busy,
            "agent_turns": rng.integers(1, 9, inquiries),
            "satisfaction": np.where(
                rng.uniform(size=inquiries) < 0.3,
                3 + (rng.uniform(size=inquiries) < expit(logit)),
                np.nan,
            ),
            **{name: frame[name] for name in BEHAVIOURS},
        }
    )
    frozen = pd.DataFrame(
        {
            "conversation_id": ids,
            "type": np.array(BUYER_TYPES)[buyer_type],
            "tier": np.array(TIERS)[tier],
        }
    )
    return World(conversations, frozen, truth, pd.DataFrame(habits), dict(effects), logit)


def _nullable(shown, offered):
    return pd.arrays.BooleanArray(np.asarray(shown & offered), ~np.asarray(offered))


def true_rates(world, behaviour):
    """Return each agent's true rate of a behaviour, over the mood of all talks."""
    mood = np.linspace(-4, 4, 81)
    weight = np.exp(-(mood**2) / 2)
    sign = -1 if behaviour in ("refuses_flatly", "curt_reply") else 1
    chance = expit(world.habits[behaviour].to_numpy()[:, None] + 0.4 * sign * mood)
    return chance @ (weight / weight.sum())
