"""Lines after the buyer decided: orders, thanks, addresses, reminders, coming back."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from csinsight.contract.domain import ENDINGS
from csinsight.simulate.arrays import Bools, Floats, Ints, sigmoid
from csinsight.simulate.cases import AFTER_SALES, TURNS, Cases
from csinsight.simulate.outcome import Outcome
from csinsight.simulate.people import Staff
from csinsight.simulate.phrases import Phrases
from csinsight.simulate.script import AGENT, BUYER, SYSTEM, Deck, Pen, Script, where

#: Blocks of lines after the turns.
SAID, REMINDED, FOLLOWED, CARDS, CONFIRMED = range(TURNS, TURNS + 5)
_SAYS_ORDERED, _SAYS_LEFT, _SAYS_THANKS = 0.6, 0.55, 0.6
#: Closing words come after orders, less after a no: they follow the outcome.
_CLOSE_WITHOUT_ORDER = 0.3
_ANSWERS = 0.45
_CARD = 0.4


def write_endings(
    rng: np.random.Generator,
    deck: Deck,
    script: Script,
    cases: Cases,
    outcome: Outcome,
    staff: Staff,
    phrases: Phrases,
) -> dict[str, Bools]:
    """Add all lines after the decision; return which conversations show the behaviours there.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> from csinsight.simulate.script import Script
    >>> rng, script = np.random.default_rng(1), Script()
    >>> shown = write_endings(
    ...     rng, Deck(rng, 90), script, chats.cases, chats.outcome, base.staff, load_phrases()
    ... )
    >>> sorted(shown)[:2]
    ['asks_for_praise', 'checks_address']
    """
    pen = _Pen(rng, deck, script, cases, phrases)
    order = outcome.prompt
    reply = (
        outcome.decided
        + 80
        + np.floor(staff.speed_s[cases.agent] * rng.lognormal(0, 0.5, len(cases)))
    )
    after = np.where(order, np.fmax(outcome.placed, outcome.decided) + 60, reply)
    _buyers(pen, outcome)
    if outcome.ended_on is not None:
        _losses(pen, outcome.ended_on, outcome.decided, reply)
    shown = _agents(pen, staff, outcome, after)
    _comebacks(pen, outcome)
    _cards(pen, outcome)
    return shown


class _Pen(Pen):
    def buyer(self, who: Bools, block: int, position: int, at: Floats, bank: str) -> None:
        talk = where(who)
        words = self.deck.pick(talk, bank, self.phrases.buyers[bank])
        self.script.add(talk, BUYER, block, position, at[talk], words)

    def agent(self, who: Bools, block: int, position: int, at: Floats, bank: str) -> None:
        talk = where(who)
        words = self.deck.pick(talk, bank, self.phrases.agents[bank])
        self.script.add(talk, AGENT, block, position, at[talk], words, self.cases.agent[talk])


def _buyers(pen: _Pen, outcome: Outcome) -> None:
    cases, order = pen.cases, outcome.prompt
    service = cases.topic == AFTER_SALES
    pen.buyer(order & pen.chance(_SAYS_ORDERED), SAID, 0, outcome.placed + 20, "order_said")
    if outcome.ended_on is None:
        left = cases.answered & ~order & ~service & pen.chance(_SAYS_LEFT)
        pen.buyer(left, SAID, 0, outcome.decided, "leave_said")
    thanks = cases.answered & service & pen.chance(_SAYS_THANKS)
    pen.buyer(thanks, SAID, 0, outcome.decided, "thanks")


#: What the buyer says last, and what an agent says to it, if anybody does.
_BY_BUYER: Final = {
    **{name: f"loss_{name}" for name in ENDINGS[:5]},
    **dict.fromkeys(("no_answer", "no_way_out"), "loss_ask"),
    "undecided": "loss_undecided",
}
_BY_AGENT: Final = {"stock": "stock_gone", "no_way_out": "refuse"}
#: Seconds after which somebody answers who was long waited for, and how often the buyer complains.
_LATE_S: Final = (900, 2400)
_COMPLAINS: Final = 0.4


def _losses(pen: _Pen, ended_on: npt.NDArray[np.str_], decided: Floats, reply: Floats) -> None:
    """Add the last words of inquiries without an order, as the world has it."""
    for name, bank in _BY_BUYER.items():
        pen.buyer(ended_on == name, SAID, 0, decided, bank)
    for name, bank in _BY_AGENT.items():
        pen.agent(ended_on == name, SAID, 0, reply, bank)
    waits = ended_on == "wait"
    complains = waits & pen.chance(_COMPLAINS)
    pen.buyer(complains, SAID, 0, decided + 700, "loss_wait")
    pen.buyer(waits & ~complains, SAID, 0, decided, "loss_ask")
    late = decided + pen.rng.integers(*_LATE_S, pen.n)
    pen.agent(waits & ~complains, SAID, 0, late, "late_answer")


def _agents(pen: _Pen, staff: Staff, outcome: Outcome, after: Floats) -> dict[str, Bools]:
    def habit(name: str) -> Floats:
        return np.asarray(sigmoid(staff.habits[name][pen.cases.agent]))

    order, answered = outcome.prompt, pen.cases.answered
    checks = order & pen.chance(habit("checks_address"))
    pen.agent(checks, SAID, 1, after, "check_address")
    pen.buyer(checks & pen.chance(_ANSWERS), CONFIRMED, 0, after + 30, "after_order")
    closes = answered & pen.chance(
        habit("closes_warmly") * np.where(order, 1, _CLOSE_WITHOUT_ORDER)
    )
    if outcome.ended_on is not None:
        closes &= ~np.isin(outcome.ended_on, ("no_answer", "wait"))
    pen.agent(closes & order, SAID, 2, after, "close")
    pen.agent(closes & ~order, SAID, 2, after, "close_refused")
    praise = order & pen.chance(habit("asks_for_praise"))
    pen.agent(praise, SAID, 3, after, "praise")
    praised = dict.fromkeys(("asks_for_praise", "trades_for_praise"), praise)
    return {"checks_address": checks, "closes_warmly": closes, **praised}


def _comebacks(pen: _Pen, outcome: Outcome) -> None:
    reminded, followed = outcome.reminded, outcome.followed
    reminds, follows = ~np.isnan(reminded), ~np.isnan(followed)
    pen.agent(reminds, REMINDED, 0, reminded, "remind")
    pen.buyer(reminds & pen.chance(_ANSWERS), REMINDED, 0, reminded + 45, "answer_reminder")
    pen.agent(follows, FOLLOWED, 0, followed, "follow_up")
    pen.buyer(follows & pen.chance(_ANSWERS), FOLLOWED, 0, followed + 50, "still_there")


def _cards(pen: _Pen, outcome: Outcome) -> None:
    talk = where(~np.isnan(outcome.placed) & pen.chance(_CARD))
    words = pen.deck.pick(talk, "order_card", pen.phrases.agents["order_card"])
    pen.script.add(talk, SYSTEM, CARDS, 0, outcome.placed[talk] + 2, words)
    # A card much later would start a conversation of its own, without a word of the buyer.
    soon = outcome.paid - outcome.placed < 1800
    paid = talk[soon[talk]]
    words = pen.deck.pick(paid, "paid_card", pen.phrases.agents["paid_card"])
    pen.script.add(paid, SYSTEM, CARDS, 1, outcome.paid[paid] + 2, words)


def write_reminders(
    deck: Deck, script: Script, first: int, at: Ints, agent: Ints, phrases: Phrases
) -> None:
    """Add conversations that an agent opens because of an unpaid order, numbered from `first` on.

    Examples
    --------
    >>> from csinsight.simulate.phrases import load_phrases
    >>> from csinsight.simulate.script import Script
    >>> script, one = Script(), np.array([1])
    >>> write_reminders(Deck(np.random.default_rng(1), 1), script, 0, one, one, load_phrases())
    >>> len(script.text) > 0
    True
    """
    talk = np.arange(first, first + len(at), dtype=np.int64)
    words = deck.pick(talk, "remind", phrases.agents["remind"])
    script.add(talk, AGENT, REMINDED, 0, at, words, agent)
    answers = deck.number(talk, "answers") < _ANSWERS * (1 << 24)
    words = deck.pick(talk[answers], "answer_reminder", phrases.buyers["answer_reminder"])
    script.add(talk[answers], BUYER, REMINDED, 0, at[answers] + 90, words)
