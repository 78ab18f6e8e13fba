"""Shops whose agents answer the buyer: effort follows a hidden intent that also moves the sale.

Every line of the agent is followed by three chances: to order, to leave, to write on. What nobody
can have caused stands before the first line: a cart page, pages seen, the length of the opening,
each a noisy sign of the intent. Truth comes from playing each conversation twice with one luck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import BUYER_TYPES, TURN_MARKERS

AS_OF = pd.Timestamp("2026-11-01")
TURNS = 10
REAL = {
    "recommends": 0.6,
    "offers_alternative": 0.7,
    "empathizes": 0.5,
    "refuses_flatly": -0.8,
    "curt_reply": -0.5,
}
SMALL = {name: 0.22 * np.sign(value) for name, value in REAL.items()}
_WORSE = ("refuses_flatly", "curt_reply", "repeats_canned", "leading_question")
_CATEGORIES = ("quality", "size", "bargaining", "shipping", "other")


@dataclass(frozen=True)
class Kind:
    """What differs between shops."""

    #: Log-odds by which effort follows a standard deviation of intent.
    responds: float = 0.0
    #: Standard deviation by which the buyer's intent moves from turn to turn.
    warming: float = 0.0
    effects: tuple[tuple[str, float], ...] = tuple(REAL.items())
    #: Share of behaviours that are a matter of the conversation, not of the turn.
    by_conversation: float = 0.0
    #: Chance that another word brings a polite one with it.
    overlap: float = 0.0
    agents: int = 12
    conversations: int = 6000
    months: int = 3
    base: float = -1.6
    #: How well the signs before the first line tell the intent.
    signs: float = 1.0
    #: Reliability of what is read of the buyer before each turn; 0: nothing is.
    reading: float = 0.8


@dataclass(frozen=True)
class Shop:
    """Conversations as in the artifact, segments, buyer states, and the true effects (points)."""

    conversations: pd.DataFrame
    segments: pd.DataFrame
    states: pd.DataFrame | None
    effects: pd.Series


def expit(x):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def draw_shop(kind: Kind, seed: int, *, truth: bool = True) -> Shop:
    """Draw one shop; without `truth` its effects are not worked out."""
    rng = np.random.default_rng([seed, 91])
    n = kind.conversations
    skill = rng.normal(size=kind.agents)
    volume = rng.exponential(size=kind.agents) ** 0.5 + 0.02
    agent = np.sort(rng.choice(kind.agents, n, p=volume / volume.sum()))
    category = rng.choice(5, n, p=[0.25, 0.25, 0.25, 0.15, 0.1])
    intent = rng.normal(size=n)
    walk = kind.warming * rng.normal(size=(n, TURNS)).cumsum(axis=1)
    people = {
        "agent": agent,
        "skill": skill,
        "category": category,
        "temperature": intent[:, None] + walk,
        "mood": rng.normal(size=n),
        "hesitant": rng.normal(size=n),
        "worried": rng.random(n) < 0.35,
        "wait": rng.normal(5, 1, n) - 0.4 * skill[agent],
        "habits": {
            b: -1.9 + 0.3 * skill + 0.7 * rng.normal(size=kind.agents) + 0.5 * rng.normal()
            for b in TURN_MARKERS
        },
        "whole": rng.permutation(len(TURN_MARKERS)) < kind.by_conversation * len(TURN_MARKERS),
    }
    luck = {
        "show": {b: rng.random((n, TURNS), dtype=np.float32) for b in TURN_MARKERS},
        "brings": rng.random((n, TURNS), dtype=np.float32),
        "order": rng.random((n, TURNS), dtype=np.float32),
        "leave": rng.random((n, TURNS), dtype=np.float32),
        "place": {b: rng.random(n) for b in TURN_MARKERS},
    }
    first, turns, ordered = _play(kind, people, luck)
    effects = pd.Series(0.0, index=[*TURN_MARKERS, "first_response_s"])
    if truth:
        for name in dict(kind.effects):
            who = _possible(people, name)
            on, off = (_play(kind, people, luck, (name, s))[2][who].mean() for s in (True, False))
            effects[name] = 100 * (on - off)
        if kind.effects:
            slow = _play(kind, people | {"wait": people["wait"] + 1}, luck)[2]
            effects["first_response_s"] = 100 * (slow.mean() - ordered.mean())
    return Shop(*_tables(kind, people, (first, turns, ordered), intent, rng), effects)


def null(kind: Kind) -> Kind:
    """Return the same kind of shop in which nothing that agents do matters."""
    return replace(kind, effects=())


def _possible(people, name):
    if name in ("offers_alternative", "explains_value"):
        return people["category"] == 2
    if name in ("empathizes", "apologizes"):
        return people["worried"]
    return np.ones(len(people["agent"]), bool)


def _play(kind, people, luck, forced=None):
    n, agent = len(people["agent"]), people["agent"]
    effects = dict(kind.effects)
    first = {b: np.zeros(n, int) for b in TURN_MARKERS}
    there, turns, ordered = np.ones(n, bool), np.zeros(n, int), np.zeros(n, bool)
    score = kind.base + 0.5 * people["skill"][agent] - 0.6 * people["hesitant"]
    score = score - 0.9 * (people["category"] == 2) - 0.4 * people["worried"]
    score = score - (0.15 * (people["wait"] - 5) if effects else 0)
    leaves_at = [expit(-0.9 - 0.5 * people["hesitant"] + 0.15 * t) for t in range(TURNS)]
    for turn in range(TURNS):
        turns += there
        feel = people["temperature"][:, turn]
        drawn = {}
        for place, name in enumerate(TURN_MARKERS):
            sign = -1 if name in _WORSE else 1
            lean = sign * (0.3 * people["mood"] + kind.responds * feel)
            chance = expit(people["habits"][name][agent] + lean) * (1.0 if turn < 3 else 0.6)
            shows = luck["show"][name][:, turn] < chance
            if people["whole"][place]:
                # Once or never, wherever it falls among the turns that are left.
                will = luck["show"][name][:, 0] < expit(people["habits"][name][agent] + 0.7 + lean)
                length = np.clip(
                    1 + np.floor(np.log(np.maximum(luck["leave"].min(axis=1), 1e-3)) * -0.8), 1, 6
                )
                shows = will & (np.ceil(luck["place"][name] * length) == turn + 1)
            drawn[name] = shows & _possible(people, name)
        others = np.any([drawn[b] for b in ("recommends", "empathizes", "apologizes")], axis=0)
        drawn["polite_words"] |= others & (luck["brings"][:, turn] < kind.overlap)
        if forced:
            drawn[forced[0]] = _possible(people, forced[0]) & forced[1]
        for name, shows in drawn.items():
            first[name][there & shows & (first[name] == 0)] = turn + 1
        lift = sum(effect * (first[name] > 0) for name, effect in effects.items())
        buys = luck["order"][:, turn] < expit(score + 0.7 * feel + lift)
        leaves = luck["leave"][:, turn] < leaves_at[turn]
        ordered |= there & buys
        there &= ~buys & ~leaves
    return first, turns, ordered


def _tables(kind, people, played, intent, rng):
    first, turns, ordered = played
    n = len(turns)
    ids = np.array([f"c{i:06d}" for i in range(n)])
    start = AS_OF - pd.DateOffset(months=kind.months)
    seconds = rng.uniform(0, (AS_OF - start).total_seconds() - 1, n).astype(int)
    seen = rng.poisson(np.exp(1.0 + 0.35 * kind.signs * intent + 0.4 * rng.normal(size=n)))
    chars = 8 * np.exp(0.25 * kind.signs * intent + 0.5 * rng.normal(size=n))
    cart = rng.random(n) < expit(-0.8 + 1.2 * kind.signs * intent)
    columns = {
        "conversation_id": ids,
        "agent_id": [f"agent{a:03d}" for a in people["agent"]],
        "started_at": start + pd.to_timedelta(seconds, unit="s"),
        "category": np.array(_CATEGORIES)[people["category"]],
        "is_inquiry": True,
        "mature": True,
        "ordered": ordered,
        "paid": ordered,
        "first_response_s": np.minimum(2.0 ** people["wait"], 600),
        "turns_judged": pd.array(turns, dtype="Int64"),
        "pages_before": pd.array(seen, dtype="Int64"),
        "cart_before": pd.array(cart, dtype="boolean"),
        "opening_chars": pd.array(np.round(chars) + 1, dtype="Int64"),
        "closes_warmly": pd.array(rng.random(n) < np.where(ordered, 0.7, 0.2)),
    }
    for name in TURN_MARKERS:
        at, there = first[name], _possible(people, name)
        columns[turn_column(name)] = pd.array(np.where(at > 0, at, None), dtype="Int64")
        columns[opportunity_column(name)] = pd.array(np.where(there, 1, None), dtype="Int64")
        columns[name] = pd.array(np.where(there, at > 0, None), dtype="boolean")
    kinds = np.array(BUYER_TYPES)[rng.integers(0, 6, n)]
    segments = pd.DataFrame({"conversation_id": ids, "type": kinds, "tier": None})
    return pd.DataFrame(columns), segments, _states(kind, people, ids, turns, rng)


def _states(kind, people, ids, turns, rng):
    """Return the buyer's temperature before each turn as it would be read."""
    if not kind.reading:
        return None
    row, turn = np.nonzero(np.arange(TURNS)[None, :] < turns[:, None])
    felt = people["temperature"][row, turn]
    noise = felt.std() * np.sqrt(1 / kind.reading - 1)
    read = felt + noise * rng.normal(size=len(row))
    return pd.DataFrame({"conversation_id": ids[row], "turn": turn + 1, "warmth": read})
