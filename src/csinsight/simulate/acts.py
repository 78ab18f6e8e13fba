"""What agents do, turn by turn, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from csinsight.contract.domain import COMPLIANCE, TURN_MARKERS
from csinsight.simulate.arrays import DAY_S, Bools, Ints, rank_in_group, sigmoid
from csinsight.simulate.cases import (
    AFTER_SALES,
    BARGAINING,
    OPENS_S,
    QUALITY,
    SHIPPING,
    SIZE,
    TURNS,
    Cases,
)
from csinsight.simulate.people import Staff
from csinsight.simulate.scenario import OVERLAPPING, PUTS_OFF, Scenario
from csinsight.stats import Floats

#: Chosen anew at each agent turn before the buyer decides; praise is asked for at the end.
TURN_ACTS = (*TURN_MARKERS, *(name for name in COMPLIANCE if not name.endswith("_praise")))
SLOW_S = 180
#: Between two messages of one turn.
BUYER_STEP_S = 4
AGENT_STEP_S = 3
#: How much sooner keen buyers are answered: logarithm of the wait, per unit of effort.
_HASTE = 0.4
#: A behaviour decided on once a conversation is about as frequent there as one of two turns.
_ONCE_AS_TURNS = 2
#: Manners last for the whole conversation; all else is done less once the third turn is over.
_STEADY = ("polite_words", "uses_emoji")
_MISSED = 0.03
_FORGOTTEN = 0.02


@dataclass(frozen=True)
class Acts:
    """What was shown at each turn.

    Parameters
    ----------
    shown, possible : mapping of behaviour to n x TURNS of bool
        `possible` is the opportunity at that turn. Both run over the turns before `length`.
    replied : n x TURNS
        Turns that the agent answered.
    by : n x TURNS
        The agent of each turn.
    buyer_at, agent_at : n x TURNS
        Seconds since 1970 of the first message of either side.
    first_response_s : n
        From the first buyer message to the first human reply.
    """

    shown: Mapping[str, Bools]
    possible: Mapping[str, Bools]
    replied: Bools
    by: Ints
    buyer_at: Ints
    agent_at: Ints
    first_response_s: Floats


def act(
    rng: np.random.Generator, cases: Cases, staff: Staff, buyer_messages: Ints, world: Scenario
) -> Acts:
    """Play the agents' side of all conversations.

    Parameters
    ----------
    buyer_messages : n x TURNS
        How many messages the buyer writes at each turn.
    world : Scenario
        How agents answer the buyer's intent, and where what they show falls.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> acts = act(rng, chats.cases, base.staff, np.ones((90, 9), dtype=np.int64), base.scenario)
    >>> acts.buyer_at.shape[0]
    90
    """
    turn = np.arange(TURNS)[None, :]
    live = (turn < cases.length[:, None]) & cases.answered[:, None]
    inner = (turn > 0) & (turn < cases.length[:, None] - 1)
    replied = live & ~(inner & (rng.random(live.shape) < _MISSED))
    by = np.where(turn < cases.handed[:, None], cases.taker[:, None], cases.agent[:, None])
    effort = world.effort * cases.intent
    wait = _waits(rng, cases, staff, by, effort)
    possible = _possible(cases, replied, wait)
    odds = {
        name: staff.habits[name][by] + (-1 if name in PUTS_OFF else 1) * effort
        for name in TURN_ACTS
    }
    may_show = possible | dict.fromkeys(world.unvoiced, replied)
    shown = _choose_acts(rng, odds, may_show, world)
    _way_out_after_a_no(rng, odds["offers_alternative"], possible, shown)
    buyer_at, agent_at = _clock(rng, cases, replied, wait, buyer_messages)
    return Acts(
        shown=shown,
        possible=possible,
        replied=replied,
        by=by,
        buyer_at=buyer_at,
        agent_at=agent_at,
        first_response_s=(agent_at[:, 0] - buyer_at[:, 0]).astype(float),
    )


def _waits(
    rng: np.random.Generator, cases: Cases, staff: Staff, by: Ints, effort: Floats
) -> Floats:
    busy = 1 + 0.12 * np.minimum(_open_talks(cases), 8)
    busy = busy * np.where(cases.campaign, 1.3, 1.0)
    wait = staff.speed_s[by] * busy[:, None] * rng.lognormal(0, 0.75, by.shape)
    wait *= np.exp(-_HASTE * effort)
    wait[:, 1:] *= 0.8
    wait *= np.where(rng.random(by.shape) < _FORGOTTEN, 8.0, 1.0)
    clock = cases.start % DAY_S
    till_open = np.where(clock < OPENS_S, OPENS_S - clock, OPENS_S + DAY_S - clock)
    morning = till_open + rng.uniform(20, 1800, len(cases))
    wait[:, 0] = np.where(cases.night, morning, wait[:, 0])
    return np.asarray(np.maximum(np.floor(wait), 3))


def _open_talks(cases: Cases) -> Ints:
    """Return how many of the agent's talks began in the twenty minutes before each."""
    order = np.lexsort((cases.start, cases.agent))
    key = cases.agent[order] * (1 << 40) + cases.start[order]
    count = np.arange(len(cases)) - np.searchsorted(key, key - 1200)
    talks = np.empty(len(cases), dtype=np.int64)
    talks[order] = np.minimum(count, rank_in_group(cases.agent[order]))
    return talks


def _possible(cases: Cases, replied: Bools, wait: Floats) -> dict[str, Bools]:
    turn = np.arange(TURNS)[None, :]
    topics = cases.topics()
    before_sale = replied & (cases.topic != AFTER_SALES)[:, None]
    worry = cases.worry_turn[:, None]
    voiced = (worry >= 0) & (turn >= worry) & (turn <= worry + 1)
    early = turn <= 2
    facts = np.isin(topics, (QUALITY, SIZE, SHIPPING))
    stuck = (cases.topic == BARGAINING)[:, None] | cases.stock_out[:, None]
    rules: dict[str, Bools] = dict.fromkeys(TURN_ACTS, replied)
    rules |= {
        "greets": replied & (turn == 0),
        "empathizes": replied & voiced,
        "apologizes": replied & (wait > SLOW_S),
        "asks_needs": before_sale & (turn <= 1),
        "leading_question": before_sale & (turn >= 1),
        "recommends": before_sale & (turn >= 1),
        "gives_specifics": before_sale & facts,
        "explains_value": before_sale & (topics == BARGAINING) & early,
        "offers_alternative": before_sale & stuck & early,
        "refuses_flatly": before_sale,
        "curt_reply": replied & (turn >= 1),
        "promises_time": before_sale & (topics == SHIPPING),
        "off_platform": before_sale,
        "over_promises": before_sale & (topics == QUALITY),
    }
    return rules


def _choose_acts(
    rng: np.random.Generator,
    odds: Mapping[str, Floats],
    possible: Mapping[str, Bools],
    world: Scenario,
) -> dict[str, Bools]:
    fresh = np.where(np.arange(TURNS) <= 2, 1.0, world.late)
    shown: dict[str, Bools] = {}
    for name in TURN_ACTS:
        chance = sigmoid(odds[name]) * (1.0 if name in _STEADY else fresh)
        if name in world.by_talk:
            shown[name] = _once(rng, possible[name], sigmoid(odds[name]))
        else:
            shown[name] = possible[name] & (rng.random(chance.shape) < chance)
    _make_room(shown)
    if world.overlap:
        with_it = np.any([shown[name] for name in OVERLAPPING], axis=0)
        shown["polite_words"] |= with_it & (rng.random(with_it.shape) < world.overlap)
    return shown


def _make_room(shown: dict[str, Bools]) -> None:
    """Take out what can't be said in one message, in place.

    A bare word is the whole turn, and a canned text stands in the place of an answer. A no with a
    way out isn't flat.
    """
    bare = shown["curt_reply"] & ~shown["apologizes"]
    for name in TURN_ACTS:
        shown[name] = bare if name == "curt_reply" else shown[name] & ~bare
    for name in ("gives_specifics", "refuses_flatly", "promises_time"):
        shown[name] = shown[name] & ~shown["repeats_canned"]
    for name in ("offers_alternative", "explains_value", "recommends", "gives_specifics"):
        shown["refuses_flatly"] = shown["refuses_flatly"] & ~shown[name]


def _once(rng: np.random.Generator, possible: Bools, chance: Floats) -> Bools:
    """Decide once a conversation, and let it fall into any turn that gives the opportunity."""
    turns = possible.sum(axis=1)
    usual = (chance * possible).sum(axis=1) / np.maximum(turns, 1)
    does = rng.random(len(turns)) < 1 - (1 - usual) ** _ONCE_AS_TURNS
    falls = 1 + np.floor(rng.random(len(turns)) * turns)
    falls_here = np.cumsum(possible, axis=1) == falls[:, None]
    return np.asarray(possible & does[:, None] & falls_here, dtype=np.bool_)


def _way_out_after_a_no(
    rng: np.random.Generator, odds: Floats, possible: dict[str, Bools], shown: dict[str, Bools]
) -> None:
    """Let the turn after a flat no be an opportunity to offer a way out, in place."""
    name = "offers_alternative"
    after = np.zeros_like(shown["refuses_flatly"])
    after[:, 1:] = shown["refuses_flatly"][:, :-1]
    bare = shown["curt_reply"] | shown["refuses_flatly"]
    fresh = after & possible["refuses_flatly"] & ~possible[name]
    possible[name] = possible[name] | fresh
    shown[name] = shown[name] | (fresh & ~bare & (rng.random(odds.shape) < sigmoid(odds)))


def _clock(
    rng: np.random.Generator, cases: Cases, replied: Bools, wait: Floats, messages: Ints
) -> tuple[Ints, Ints]:
    n = len(cases)
    buyer_at = np.zeros((n, TURNS), dtype=np.int64)
    agent_at = np.zeros((n, TURNS), dtype=np.int64)
    now = cases.start.copy()
    think = (30 + rng.gamma(1.3, 28.0, (n, TURNS))).astype(np.int64)
    for turn in range(TURNS):
        buyer_at[:, turn] = now
        said = now + BUYER_STEP_S * np.maximum(messages[:, turn] - 1, 0)
        agent_at[:, turn] = said + wait[:, turn].astype(np.int64)
        now = np.where(replied[:, turn], agent_at[:, turn], said + 60) + think[:, turn]
    return buyer_at, agent_at
