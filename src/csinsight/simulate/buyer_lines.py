"""What buyers write before they decide."""

from __future__ import annotations

import numpy as np

from csinsight.simulate.arrays import Bools, Ints
from csinsight.simulate.cases import BARGAINING, TURNS, Cases
from csinsight.simulate.deck import Deck
from csinsight.simulate.emit import BOT, BUYER, Script, where
from csinsight.simulate.phrases import Phrases

_HELLO, _LINK, _BOT, _IMPATIENT = 0.6, 0.2, 0.55, 0.4
_FILLER = 0.25
_STICKER, _PRIVATE, _HOSTILE = 0.02, 0.004, 0.001


def write_buyers(
    rng: np.random.Generator, deck: Deck, script: Script, cases: Cases, phrases: Phrases
) -> Ints:
    """Add the buyers' lines of all turns; return how many each turn has (n x TURNS).

    Times are left at zero: they are filled in once it is known how fast the agents were.
    """
    pen = _Pen(rng, deck, script, cases, phrases)
    _open(pen)
    for turn in range(TURNS):
        live = (turn < cases.length) & (cases.answered | (turn == 0))
        _ask(pen, turn, live)
    return np.stack([script.count(turn, len(cases)) for turn in range(TURNS)], axis=1)


class _Pen:
    def __init__(
        self, rng: np.random.Generator, deck: Deck, script: Script, cases: Cases, phrases: Phrases
    ) -> None:
        self.rng, self.deck, self.script, self.cases = rng, deck, script, cases
        self.phrases, self.n = phrases, len(cases)

    def chance(self, p: float) -> Bools:
        return np.asarray(self.rng.random(self.n) < p)

    def say(self, who: Bools, turn: int, position: int, name: str, bank: list[str]) -> None:
        talk = where(who)
        words = self.deck.pick(talk, name, bank, turn)
        self.script.add(talk, BUYER, turn, position, np.zeros(len(talk)), words)

    def ask(self, who: Bools, turn: int, subject: str) -> None:
        talk = where(who)
        groups = self.phrases.lines(subject, "ask")
        group = self.deck.index(talk, subject, len(groups), turn)
        words = self.deck.variant(talk, f"ask {subject}", groups, group, turn)
        self.script.add(talk, BUYER, turn, 2, np.zeros(len(talk)), words)

    def worry(self, who: Bools, turn: int, subject: str) -> None:
        # Not by turn: the agent's empathy, a turn later or not, has to find the same line.
        talk = where(who)
        words = self.deck.pick(talk, f"worry {subject}", self.phrases.buyers[f"worry_{subject}"])
        self.script.add(talk, BUYER, turn, 3, np.zeros(len(talk)), words)


def _open(pen: _Pen) -> None:
    cases, buyers = pen.cases, pen.phrases.buyers
    pen.say(pen.chance(_HELLO), 0, 0, "hello", buyers["hello"])
    pen.say(pen.chance(_LINK), 0, 1, "link", buyers["link"])
    pen.say(~cases.answered & pen.chance(_IMPATIENT), 0, 6, "nobody", buyers["nobody"])
    for night, bank in ((True, "bot_night"), (False, "bot")):
        talk = where((cases.night == night) & pen.chance(_BOT))
        lines = pen.deck.pick(talk, bank, pen.phrases.shop[bank])
        pen.script.add(talk, BOT, 0, 0, cases.start[talk] + 1, lines)


def _ask(pen: _Pen, turn: int, live: Bools) -> None:
    cases, buyers, shop = pen.cases, pen.phrases.buyers, pen.phrases.shop
    sold_out = live & cases.stock_out & (turn == 0)
    pen.say(sold_out, turn, 2, "stock_ask", buyers["stock_ask"])
    nods = live & (turn > 0) & (cases.second_turn != turn) & pen.chance(_FILLER)
    pen.say(nods, turn, 1, "filler", buyers["filler"])
    for subject, topic, here in cases.subjects(turn):
        asks = live & here & ~sold_out
        if topic == BARGAINING:
            bank = "open_bargaining" if turn == 0 else "more_bargaining"
            pen.say(asks, turn, 2, bank, buyers[bank])
        else:
            pen.ask(asks, turn, subject)
        kind = subject.removesuffix("_more")
        worried = live & here & (cases.worry_turn == turn)
        pen.worry(worried, turn, kind)
    pen.say(live & pen.chance(_STICKER), turn, 4, "sticker", buyers["sticker"])
    pen.say(live & pen.chance(_PRIVATE), turn, 5, "private", shop["private"])
    pen.say(live & pen.chance(_HOSTILE), turn, 5, "hostile", shop["hostile"])
