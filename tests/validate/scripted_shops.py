"""Shops where a behaviour is a matter of the talk: shown once or not at all, wherever it falls.

Hesitant buyers talk longer and order less here too, but long talks show no more of anything: what
is shown is only spread over more turns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from tests.validate.hazard_shops import EFFECTS, KINDS, Played, tables, talks_of
from tests.validate.shops import Shop, expit

from csinsight.contract.domain import TURN_MARKERS

#: Where what is shown falls: anywhere; in the first three turns; each in a turn of its own, in one
#: order, so that whatever is shown makes the talk longer.
PLACES = ("anywhere", "early", "in order")
TURNS = 12


def draw_shop(place: str, seed: int, *, effects: dict[str, float] | None = None) -> Shop:
    """Draw one shop of `KINDS[0]`'s agents and buyers."""
    effects = EFFECTS if effects is None else effects
    rng = np.random.default_rng([seed, 5])
    talks = talks_of(KINDS[0], rng)
    n = len(talks.agent)
    length = np.minimum(1 + rng.poisson(np.exp(0.7 + 0.35 * talks.hesitant)), TURNS)
    shown = {}
    for name in TURN_MARKERS:
        sign = -1 if name in ("refuses_flatly", "curt_reply") else 1
        odds = talks.habits[name][talks.agent] + 0.9 + sign * 0.4 * talks.mood
        shown[name] = (rng.random(n) < expit(odds)) & talks.possible(name)
    first, length = _placed(place, rng, shown, length)
    score = -0.2 + 0.5 * talks.skill[talks.agent] - 0.7 * talks.hesitant
    score = score - 0.9 * talks.possible("offers_alternative") - 0.4 * talks.worried
    score = score + sum(effect * shown[name] for name, effect in effects.items())
    played = Played(first, length, rng.random(n) < expit(score))
    truth = dict.fromkeys((*TURN_MARKERS, "first_response_s"), 0.0)
    for name, effect in effects.items():
        without = (score - effect * shown[name])[talks.possible(name)]
        truth[name] = 100 * float((expit(without + effect) - expit(without)).mean())
    return Shop(*tables(talks, played, rng), pd.Series(truth))


def _placed(place, rng, shown, length):
    """Return the turn of each behaviour (0: not shown), and the turns of each talk."""
    n = len(length)
    if place == "in order":
        turn, first = np.zeros(n, int), {}
        for name, there in shown.items():
            turn = turn + there
            first[name] = np.where(there, turn, 0)
        return first, turn + length
    last = length if place == "anywhere" else np.full(n, 3)
    turns = {name: np.ceil(rng.random(n) * last).astype(int) for name in shown}
    return {b: np.where(shown[b], np.minimum(turns[b], length), 0) for b in shown}, length
