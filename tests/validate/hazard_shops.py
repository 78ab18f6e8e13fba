"""Shops of another make than `csinsight.simulate`: buyers who may order, or leave, after any line.

In the package's own simulator a talk has a length and one decision at its end. Here every line of
the agent is followed by three chances, to order, to leave and to write on, so that whoever orders
early hears less of everything. Nothing is shared with `csinsight.simulate`; the true effects come
from playing each talk twice with the same luck, once with the behaviour at its first occasion and
once never.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from tests.validate.shops import Shop, expit, opening, pages, served, states, with_texts

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import BUYER_TYPES, CATEGORIES, TURN_MARKERS

AS_OF = pd.Timestamp("2026-11-01").to_pydatetime()
TURNS = 12
#: Log-odds on the chance to order after each line once shown; behaviours not named have none.
EFFECTS = {
    "recommends": 0.6,
    "offers_alternative": 0.7,
    "empathizes": 0.5,
    "refuses_flatly": -0.8,
    "curt_reply": -0.5,
}
#: Asked for by what the buyer came with; the others are possible from the first line on.
HAGGLERS_ONLY = ("offers_alternative", "explains_value")
WORRIED_ONLY = ("empathizes", "apologizes")
#: How dear each kind of goods is (`tests.validate.said.GOODS`).
_DEAR = np.array([1.0, 0.6, 0.2, -0.2, -0.6, -1.0])
#: Chance that a doubt is voiced before a turn.
_DOUBTS = 0.15
OVERLAPPING = ("empathizes", "apologizes", "recommends", "offers_alternative")


@dataclass(frozen=True)
class Kind:
    """What differs between shops."""

    name: str
    agents: int = 12
    talks: int = 6000
    base: float = -1.6
    effects: tuple[tuple[str, float], ...] = tuple(EFFECTS.items())
    #: Log-odds a standard deviation of skill adds to ordering, and to showing what looks good.
    skill: float = 0.5
    tie: float = 0.8
    #: Exponent on agents' volumes: 0 alike, 2 most talks with a few.
    unequal: float = 0.5
    #: Log-odds by which hesitant buyers order less after each line; they also stay longer.
    hesitancy: float = 0.7
    #: How a talk's mood moves all that is shown in it, log-odds.
    mood: float = 0.4
    #: As in `csinsight.simulate.Scenario`: agents who answer the buyer, buyers who change their
    #: minds, what is decided once a talk, polite words in others, colleagues who take over.
    effort: float = 0.0
    warming: float = 0.0
    told: float = 0.0
    by_talk: tuple[str, ...] = ()
    overlap: float = 0.0
    unvoiced: tuple[str, ...] = ()
    handover: float = 0.0
    #: Log-odds by which dear goods are bought, and served, less; agents specialise in some of them.
    goods: float = 0.0
    #: Log-odds by which a doubt that no marker reads lowers every later chance to order; what is
    #: only said in answer to one.
    doubt: float = 0.0
    answers_doubt: tuple[str, ...] = ()
    #: "line": a chance after each line; "end": one decision when the buyer has heard enough.
    decides: str = "line"


KINDS = (
    Kind("chances by line"),
    Kind("few agents", agents=5),
    Kind("many agents", agents=100),
    Kind("unequal agents", unequal=2.5),
    Kind("rare sales", base=-4.2),
    Kind("most buy", base=-0.4),
    Kind("one decision", decides="end", base=-0.6),
    Kind("skill is all", skill=1.0, tie=1.6),
    Kind("no effects", effects=()),
)


@dataclass(frozen=True)
class Luck:
    """Everything that chance decides, fixed before a talk is played."""

    show: dict[str, np.ndarray]
    order: np.ndarray
    leave: np.ndarray
    overlap: np.ndarray


@dataclass(frozen=True)
class Played:
    """How the talks went: first turn of each behaviour (0: never), turns heard, who ordered."""

    first: dict[str, np.ndarray]
    turns: np.ndarray
    ordered: np.ndarray


@dataclass(frozen=True)
class Talks:
    """The buyers' and agents' side, before the first line."""

    kind: Kind
    agent: np.ndarray
    skill: np.ndarray
    habits: dict[str, np.ndarray]
    category: np.ndarray
    worried: np.ndarray
    hesitant: np.ndarray
    #: Before each turn: the reverse of hesitancy, and how it changed (talks x TURNS).
    intent: np.ndarray
    mood: np.ndarray
    wait: np.ndarray
    #: Who answers before turn `handed`; 0 where nobody took over.
    taker: np.ndarray
    handed: np.ndarray
    #: What each is about; and whether the buyer has just voiced a doubt (talks x TURNS).
    goods: np.ndarray
    doubts: np.ndarray

    def possible(self, name: str) -> np.ndarray:
        """Tell who gives an occasion."""
        if name in HAGGLERS_ONLY:
            return self.category == CATEGORIES.index("bargaining")
        return self.worried if name in WORRIED_ONLY else np.ones(len(self.agent), bool)

    def authors(self) -> np.ndarray:
        """Return who writes each turn: talks x TURNS."""
        before = np.arange(TURNS) < self.handed[:, None]
        return np.where(before, self.taker[:, None], self.agent[:, None])

    def odds(self, name: str, turn: int) -> np.ndarray:
        """Return the log-odds of showing a behaviour at `turn`."""
        sign = -1 if name in ("refuses_flatly", "curt_reply") else 1
        by = np.where(turn < self.handed, self.taker, self.agent)
        keen = self.kind.effort * self.intent[:, turn]
        dear = self.kind.goods * _DEAR[self.goods]
        return self.habits[name][by] + sign * (self.kind.mood * self.mood + keen - dear)


def draw_shop(kind: Kind, seed: int, *, truth: bool = True) -> Shop:
    """Draw one shop and play its talks; without `truth` its effects are not worked out."""
    rng = np.random.default_rng([seed, 77])
    talks = talks_of(kind, rng)
    size = (kind.talks, TURNS)
    luck = Luck(
        {name: rng.random(size, dtype=np.float32) for name in TURN_MARKERS},
        rng.random(size, dtype=np.float32),
        rng.random(size, dtype=np.float32),
        rng.random(size, dtype=np.float32),
    )
    played = play(talks, luck)
    effects = _truth(talks, luck, played) if truth else pd.Series(dtype=float)
    conversations, frozen = tables(talks, played, rng)
    ids = conversations["conversation_id"]
    wrote = np.char.mod("agent%03d", talks.authors())
    heard = states(rng, ids, talks.intent, played.turns, kind.told, wrote)
    if kind.goods or kind.doubt:
        told_of = talks.goods if kind.goods else None, talks.doubts if kind.doubt else None
        heard = with_texts(heard, rng, *told_of)
    return Shop(conversations, frozen, effects, heard)


def _truth(talks: Talks, luck: Luck, played: Played) -> pd.Series:
    truth = {name: _effect(talks, luck, name) for name in TURN_MARKERS}
    slow = replace(talks, wait=talks.wait + 1)
    truth["first_response_s"] = 100 * (play(slow, luck).ordered.mean() - played.ordered.mean())
    return pd.Series(truth)


def talks_of(kind: Kind, rng) -> Talks:
    """Draw the agents, and the buyers who come to them."""
    n, agents = kind.talks, kind.agents
    skill = rng.normal(size=agents)
    volume = rng.exponential(size=agents) ** kind.unequal + 0.02
    agent = np.sort(rng.choice(agents, n, p=volume / volume.sum()))
    good = {"greets": 1, "polite_words": 1, "gives_specifics": 0.6, "refuses_flatly": -0.5}
    habits = {
        name: -1.9
        + kind.tie * good.get(name, 0.2) * skill
        + 0.7 * rng.normal(size=agents)
        + rng.normal(scale=0.5)
        for name in TURN_MARKERS
    }
    hard = rng.random(n) < expit(-0.8 * skill[agent])
    shares = np.where(hard[:, None], [0.1, 0.15, 0.4, 0.1, 0.25], [0.3, 0.3, 0.15, 0.15, 0.1])
    topics = [CATEGORIES.index(c) for c in ("quality", "size", "bargaining", "shipping", "other")]
    category = np.array(topics)[(rng.random((n, 1)) > shares.cumsum(1)).sum(1).clip(0, 4)]
    hesitant = rng.normal(size=n)
    mood, wait = rng.normal(size=n), rng.normal(5, 1, n)
    change = kind.warming * rng.normal(size=(n, TURNS))
    change[:, 0] = 0
    intent = np.cumsum(change, axis=1) - hesitant[:, None]
    handed = np.where(rng.random(n) < kind.handover, rng.integers(1, 5, n), 0)
    goods, doubts = np.zeros(n, int), np.zeros((n, TURNS), bool)
    if kind.goods:
        special = rng.integers(0, len(_DEAR), agents)[agent]
        goods = np.where(rng.random(n) < 0.6, special, rng.integers(0, len(_DEAR), n))
    if kind.doubt:
        doubts = rng.random((n, TURNS)) < _DOUBTS
    worried, taker = rng.random(n) < 0.35, rng.integers(0, agents, n)
    # Who answers first makes the wait.
    wait -= 0.4 * skill[np.where(handed > 0, taker, agent)]
    return Talks(
        kind=kind,
        agent=agent,
        skill=skill,
        habits=habits,
        category=category,
        worried=worried,
        hesitant=hesitant,
        intent=intent,
        mood=mood,
        wait=wait - 0.5 * kind.effort * intent[:, 0],
        taker=taker,
        handed=handed,
        goods=goods,
        doubts=doubts,
    )


def play(talks: Talks, luck: Luck, forced: tuple[str, bool] | None = None) -> Played:
    """Play all talks; `forced` shows a behaviour at the first line of its occasion, or never."""
    kind, n = talks.kind, len(talks.agent)
    effects = dict(kind.effects)
    first = {name: np.zeros(n, int) for name in TURN_MARKERS}
    there, turns, ordered = np.ones(n, bool), np.zeros(n, int), np.zeros(n, bool)
    # Hagglers buy less; the slower the first line, the fewer stay keen.
    score = (
        kind.base - 0.9 * (talks.category == CATEGORIES.index("bargaining")) - 0.4 * talks.worried
    )
    score = score - (0.15 * (talks.wait - 5) if effects else 0)
    score = score - kind.goods * _DEAR[talks.goods]
    leaving = expit(-0.9 - 0.6 * talks.hesitant[:, None] + 0.15 * np.arange(TURNS))
    gone = luck.leave < leaving
    planned = np.where(gone.any(axis=1), gone.argmax(axis=1) + 1, TURNS)
    for turn in range(TURNS):
        turns += there
        shown = {name: _shows(talks, luck, name, turn, planned) for name in TURN_MARKERS}
        if kind.overlap:
            with_it = np.any([shown[name] & talks.possible(name) for name in OVERLAPPING], axis=0)
            shown["polite_words"] |= with_it & (luck.overlap[:, turn] < kind.overlap)
        if forced:
            shown[forced[0]] = talks.possible(forced[0]) & forced[1]
        for name, shows in shown.items():
            first[name][there & shows & (first[name] == 0)] = turn + 1
        lift = sum(effect * (first[name] > 0) for name, effect in effects.items())
        leaves = gone[:, turn]
        lift = lift - kind.doubt * talks.doubts[:, : turn + 1].any(axis=1)
        skill = talks.skill[np.where(turn < talks.handed, talks.taker, talks.agent)]
        odds = score + kind.skill * skill + kind.hesitancy * talks.intent[:, turn] + lift
        buys = luck.order[:, turn] < expit(odds)
        if kind.decides == "end":
            buys &= leaves | (turn == TURNS - 1)
        ordered |= there & buys
        there &= ~buys & ~leaves
    return Played(first, turns, ordered)


def _shows(talks: Talks, luck: Luck, name: str, turn: int, planned: np.ndarray) -> np.ndarray:
    """Tell where `name` is said at `turn`; `planned` is when the buyer would leave anyway."""
    kind, draw = talks.kind, luck.show[name]
    may = np.ones(len(draw), bool) if name in kind.unvoiced else talks.possible(name)
    if name in kind.answers_doubt:
        may = may & talks.doubts[:, turn]
    if name in kind.by_talk:
        does = draw[:, 0] < 1 - (1 - expit(talks.odds(name, 0))) ** 2
        return may & does & (np.floor(draw[:, 1] * planned) == turn)
    return may & (draw[:, turn] < expit(talks.odds(name, turn)) * (1.0 if turn < 3 else 0.5))


def _effect(talks: Talks, luck: Luck, name: str) -> float:
    """Return the mean change over talks with an occasion, in points."""
    if name not in dict(talks.kind.effects):
        return 0.0
    who = talks.possible(name)
    on, off = (play(talks, luck, (name, shown)).ordered[who].mean() for shown in (True, False))
    return 100 * (on - off)


def tables(talks: Talks, played: Played, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the talks as in the artifact, and their segments."""
    n = len(talks.agent)
    ids = [f"c{i:06d}" for i in rng.permutation(n)]
    seconds = rng.uniform(0, 92 * 86_400 - 1, n)
    columns = {
        "conversation_id": ids,
        "agent_id": np.char.mod("agent%03d", served(talks.authors(), played.turns)),
        "started_at": pd.Timestamp("2026-08-01") + pd.to_timedelta(seconds.astype(int), unit="s"),
        "counted_at": pd.Timestamp("2026-08-01") + pd.to_timedelta(seconds.astype(int), unit="s"),
        "category": np.array(CATEGORIES)[talks.category],
        "is_inquiry": True,
        "mature": True,
        "ordered": played.ordered,
        "paid": played.ordered,
        "first_response_s": np.minimum(2.0**talks.wait, 600),
        "turns_judged": pd.array(played.turns, dtype="Int64"),
        "closes_warmly": pd.array(rng.random(n) < np.where(played.ordered, 0.7, 0.2)),
    }
    columns |= pages(rng, talks.intent[:, 0]) | opening(rng, talks.intent[:, 0], talks.kind.told)
    for name in TURN_MARKERS:
        first, there = played.first[name], talks.possible(name)
        columns[turn_column(name)] = pd.array(np.where(first > 0, first, None), dtype="Int64")
        columns[opportunity_column(name)] = pd.array(np.where(there, 1, None), dtype="Int64")
        columns[name] = pd.array(np.where(there, first > 0, None), dtype="boolean")
    kinds = np.array(BUYER_TYPES)[rng.integers(0, 6, n)]
    frozen = pd.DataFrame({"conversation_id": ids, "type": kinds, "tier": None})
    return pd.DataFrame(columns), frozen
