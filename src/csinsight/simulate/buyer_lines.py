"""What buyers write before they decide."""

from __future__ import annotations

import numpy as np

from csinsight.simulate.arrays import Bools, Ints
from csinsight.simulate.cases import TOPICS, TURNS, Cases
from csinsight.simulate.emit import BOT, BUYER, Script, pick, where
from csinsight.simulate.phrases import Phrases

_HELLO, _LINK, _BOT, _IMPATIENT = 0.6, 0.2, 0.55, 0.4
_FILLER, _ONLY_FILLER = 0.3, 0.12
_STICKER, _PRIVATE, _HOSTILE = 0.02, 0.004, 0.001


def write_buyers(rng: np.random.Generator, script: Script, cases: Cases, phrases: Phrases) -> Ints:
    """Add the buyers' lines of all turns; return how many each turn has (n x TURNS).

    Times are left at zero: they are filled in once it is known how fast the agents were.
    """
    _open(rng, script, cases, phrases)
    topics = cases.topics()
    for turn in range(TURNS):
        live = (turn < cases.length) & (cases.answered | (turn == 0))
        _ask(rng, script, cases, phrases, turn, live, topics[:, turn])
    return np.stack([script.count(turn, len(cases)) for turn in range(TURNS)], axis=1)


def _say(
    rng: np.random.Generator,
    script: Script,
    who: Bools,
    turn: int,
    position: int,
    bank: list[str],
) -> None:
    talk = where(who)
    script.add(talk, BUYER, turn, position, np.zeros(len(talk)), pick(rng, bank, len(talk)))


def _open(rng: np.random.Generator, script: Script, cases: Cases, phrases: Phrases) -> None:
    n = len(cases)
    _say(rng, script, rng.random(n) < _HELLO, 0, 0, phrases.buyers["hello"])
    _say(rng, script, rng.random(n) < _LINK, 0, 1, phrases.buyers["link"])
    lost = ~cases.answered & (rng.random(n) < _IMPATIENT)
    _say(rng, script, lost, 0, 6, phrases.buyers["hello"])
    for night, bank in ((True, "bot_night"), (False, "bot")):
        talk = where((cases.night == night) & (rng.random(n) < _BOT))
        lines = pick(rng, phrases.shop[bank], len(talk))
        script.add(talk, BOT, 0, 0, cases.start[talk] + 1, lines)


def _ask(
    rng: np.random.Generator,
    script: Script,
    cases: Cases,
    phrases: Phrases,
    turn: int,
    live: Bools,
    topic: Ints,
) -> None:
    n = len(cases)
    buyers = phrases.buyers
    fresh = live & ((turn == 0) | (cases.second_turn == turn))
    sold_out = fresh & cases.stock_out & (turn == 0)
    _say(rng, script, sold_out, turn, 2, buyers["stock_ask"])
    nods = live & ~fresh & (rng.random(n) < _FILLER)
    _say(rng, script, nods, turn, 1, buyers["filler"])
    asks = live & ~fresh & ~(nods & (rng.random(n) < _ONLY_FILLER / _FILLER))
    for index, name in enumerate(TOPICS):
        here = topic == index
        _say(rng, script, fresh & ~sold_out & here, turn, 2, buyers[f"open_{name}"])
        _say(rng, script, asks & here, turn, 2, buyers[f"more_{name}"])
        worried = live & here & (cases.worry_turn == turn)
        _say(rng, script, worried, turn, 3, buyers[f"worry_{name}"])
    _say(rng, script, live & (rng.random(n) < _STICKER), turn, 4, buyers["sticker"])
    _say(rng, script, live & (rng.random(n) < _PRIVATE), turn, 5, phrases.shop["private"])
    _say(rng, script, live & (rng.random(n) < _HOSTILE), turn, 5, phrases.shop["hostile"])
