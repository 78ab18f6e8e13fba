"""Conversation tables with known effects, for the tests of drivers and coaching.

A world is confounded on purpose: skilled agents convert more and also greet and thank more, hard
cases are routed to weaker agents, behaviours of one talk go together, bargaining buyers convert
less and only they are offered alternatives, closing words follow orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import (
    BEHAVIOURS,
    BUYER_TYPES,
    CATEGORIES,
    COMPLIANCE,
    TIERS,
    TURN_MARKERS,
)

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


@dataclass(frozen=True)
class Cases:
    """What was there before the agent's first word; one entry an inquiry, skill one an agent."""

    skill: np.ndarray
    agent: np.ndarray
    category: np.ndarray
    buyer_type: np.ndarray
    tier: np.ndarray
    started: pd.DatetimeIndex
    earlier: np.ndarray
    busy: np.ndarray
    mood: np.ndarray
    worry: np.ndarray
    #: Hidden: how much the buyer means to buy, and by how much agents show more for it.
    keen: np.ndarray | float = 0.0
    effort: np.ndarray | float = 0.0


#: Habits on the logit scale that differ from the usual, and how skill moves them.
HABIT_MEANS = {
    "greets": 1.0,
    "polite_words": 0.5,
    "recommends": -1.0,
    "offers_alternative": -0.8,
    "empathizes": -0.7,
    "refuses_flatly": -1.5,
    "curt_reply": -1.5,
    "leading_question": -2.0,
}
TIED = {"greets": 0.8, "polite_words": 0.8, "recommends": 0.5, "refuses_flatly": -0.5}


def make_world(
    seed=0,
    *,
    inquiries=6000,
    agents=24,
    effects=None,
    months=3,
    spread=0.8,
    even=False,
    base=-0.4,
    intent=None,
    effort=0.0,
    overlap=0.0,
):
    """Draw one world.

    `effects` are log-odds by behaviour (timings: per doubling). `intent` is a hidden standard
    normal an inquiry that lifts the sale; agents answer it with `effort` log-odds. `overlap` is
    the chance that empathy and apologies come with polite words.
    """
    rng = np.random.default_rng(seed)
    effects = REAL if effects is None else effects
    cases = _cases(rng, inquiries, agents, months, even)
    keen = np.zeros(inquiries) if intent is None else intent
    cases = replace(cases, keen=keen, effort=effort * keen)
    habits, shown = _show(rng, cases, agents, spread)
    if overlap:
        words, offered = shown["polite_words"]
        with_it = shown["empathizes"][0] | shown["apologizes"][0] | shown["recommends"][0]
        words = words | (with_it & (rng.uniform(size=inquiries) < overlap))
        shown["polite_words"] = words, offered
    seconds = _seconds(rng, cases, agents)
    lift = sum(effects.get(name, 0.0) * said for name, (said, _) in shown.items())
    lift = lift + effects.get("first_response_s", 0.0) * (seconds[0] - 5)
    logit = _score(cases, base) + lift
    ordered = rng.uniform(size=inquiries) < expit(logit + 0.5)
    paid = ordered & (rng.uniform(size=inquiries) < expit(logit) / expit(logit + 0.5))
    frame = _behaviours(rng, shown, seconds, ordered, paid)
    conversations, frozen = _tables(rng, cases, frame, logit, ordered, paid)
    truth = _truth(effects, shown, logit)
    return World(conversations, frozen, truth, pd.DataFrame(habits), dict(effects), logit)


def _cases(rng, inquiries, agents, months, even):
    """Hard cases go to weaker agents."""
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
    return Cases(skill, agent, category, buyer_type, tier, started, earlier, busy, mood, worry)


def _show(rng, cases, agents, spread):
    """Return agents' habits, and by behaviour who showed it and who had an occasion."""
    bargaining = cases.category == 2
    chance = {
        "offers_alternative": bargaining,
        "explains_value": bargaining,
        "empathizes": cases.worry,
        "apologizes": cases.worry,
        "gives_specifics": np.isin(cases.category, [0, 1, 3]),
    }
    habits, columns = {}, {}
    for name in (*[k for k in REAL if k != "first_response_s"], *IDLE, "apologizes"):
        habits[name] = (
            HABIT_MEANS.get(name, -0.8)
            + TIED.get(name, 0.0) * cases.skill
            + spread * rng.normal(size=agents)
        )
        sign = -1 if name in ("refuses_flatly", "curt_reply") else 1
        odds = habits[name][cases.agent] + sign * (0.4 * cases.mood + cases.effort)
        shown = rng.uniform(size=len(odds)) < expit(odds)
        offered = chance.get(name, np.ones(len(odds), bool))
        columns[name] = (shown & offered, offered)
    return habits, columns


def _seconds(rng, cases, agents):
    """Return base-two logarithms of the first and the mean response."""
    n = len(cases.agent)
    pace = 4.5 - 0.3 * cases.skill + 0.5 * rng.normal(size=agents)
    first = pace[cases.agent] + 0.15 * cases.busy - 0.2 * cases.mood - 0.5 * cases.effort
    first = first + 0.8 * rng.normal(size=n)
    return first, 0.7 * first + 1.5 + 0.6 * rng.normal(size=n)


def _score(cases, base):
    return (
        base
        + 0.5 * cases.skill[cases.agent]
        + np.array([0.2, 0.4, -0.9, 0.1, -0.6, 0.0])[cases.category]
        + np.array([0.3, -0.2, -0.1, -0.3, 0.0, 0.1])[cases.buyer_type]
        + 0.25 * cases.tier
        + 0.1 * np.minimum(cases.earlier, 4)
        - 0.05 * cases.busy
        + 0.6 * cases.keen
    )


def _truth(effects, shown, logit):
    """Return the average change of the paid probability by behaviour, in points."""
    idle = (*IDLE, *IDLE_TIMINGS, "apologizes", *REAL)
    truth = {name: 0.0 for name in idle if name not in effects}
    for name, weight in effects.items():
        if name == "first_response_s":
            truth[name] = 100 * np.mean(expit(logit + weight / 2) - expit(logit - weight / 2))
            continue
        said, offered = shown[name]
        without = logit - weight * said
        truth[name] = 100 * np.mean((expit(without + weight) - expit(without))[offered])
    return truth


def _behaviours(rng, shown, seconds, ordered, paid):
    """Return the behaviours' columns; closing words and reminders follow the order."""
    n, (first, mean) = len(ordered), seconds
    everyone = np.ones(n, bool)
    frame = {name: _nullable(said, offered) for name, (said, offered) in shown.items()}
    frame["first_response_s"] = 2**first
    frame["mean_response_s"] = 2**mean
    frame["slow_reply_share"] = np.clip((mean - 5) / 6 + 0.1 * rng.normal(size=n), 0, 1)
    frame["answer_ask_ratio"] = 2 ** (0.2 + 0.3 * rng.normal(size=n))
    closes = rng.uniform(size=n) < np.where(ordered, 0.7, 0.2)
    frame["closes_warmly"] = _nullable(closes, everyone)
    frame["checks_address"] = _nullable(rng.uniform(size=n) < 0.6, ordered)
    frame["reminds_payment"] = _nullable(
        rng.uniform(size=n) < 0.4, ordered & ~(paid & (rng.uniform(size=n) < 0.8))
    )
    frame["follows_up"] = _nullable(
        rng.uniform(size=n) < 0.3, ~ordered & (rng.uniform(size=n) < 0.6)
    )
    for name in COMPLIANCE:
        frame[name] = _nullable(rng.uniform(size=n) < 0.002, everyone)
    return frame


def _tables(rng, cases, frame, logit, ordered, paid):
    n = len(ordered)
    ids = [f"c{i:06d}" for i in range(n)]
    conversations = pd.DataFrame(
        {
            "conversation_id": ids,
            "buyer_id": [f"b{i:06d}" for i in rng.integers(0, n, n)],
            "agent_id": [f"agent{a:03d}" for a in cases.agent],
            "started_at": cases.started.astype("datetime64[us]"),
            "counted_at": cases.started.astype("datetime64[us]"),
            "category": np.array(CATEGORIES)[cases.category],
            "is_inquiry": True,
            "ordered": ordered,
            "paid": paid,
            "mature": True,
            "net_amount": np.where(paid, rng.gamma(2, 60, n), 0.0),
            "earlier_orders": cases.earlier,
            "open_talks": cases.busy,
            "agent_turns": rng.integers(1, 9, n),
            "satisfaction": np.where(
                rng.uniform(size=n) < 0.3, 3 + (rng.uniform(size=n) < expit(logit)), np.nan
            ),
            **{name: frame[name] for name in BEHAVIOURS},
        }
    )
    kinds, tiers = np.array(BUYER_TYPES)[cases.buyer_type], np.array(TIERS)[cases.tier]
    return conversations, pd.DataFrame({"conversation_id": ids, "type": kinds, "tier": tiers})


def with_turns(talks):
    """Return `talks` with turn columns of one turn in which nothing was shown."""
    none = pd.array([None] * len(talks), dtype="Int64")
    columns = {turn_column(b): none for b in TURN_MARKERS}
    columns |= {opportunity_column(b): none for b in TURN_MARKERS}
    return talks.assign(turns_judged=1, **columns)


def _nullable(shown, offered):
    return pd.arrays.BooleanArray(np.asarray(shown & offered), ~np.asarray(offered))


def true_rates(world, behaviour):
    """Return each agent's true rate of a behaviour, over the mood of all talks."""
    mood = np.linspace(-4, 4, 81)
    weight = np.exp(-(mood**2) / 2)
    sign = -1 if behaviour in ("refuses_flatly", "curt_reply") else 1
    chance = expit(world.habits[behaviour].to_numpy()[:, None] + 0.4 * sign * mood)
    return chance @ (weight / weight.sum())
