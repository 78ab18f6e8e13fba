"""What is written in chats: what agents do in words, and what comes after the buyer decided."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from csinsight.contract.domain import ENDINGS
from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Bools, Ints, logit, sigmoid
from csinsight.simulate.cases import AFTER_SALES, BARGAINING, OTHER, TURNS, Cases
from csinsight.simulate.outcome import Outcome
from csinsight.simulate.people import Staff
from csinsight.simulate.phrases import Phrases
from csinsight.simulate.scenario import Scenario
from csinsight.simulate.script import AGENT, BOT, BUYER, SYSTEM, Deck, Pen, Script, Texts, where
from csinsight.stats import Floats

#: Behaviours that are one more line, with the bank and the place in the turn.
_EXTRA: Final = (
    ("greets", "greet", 0),
    ("apologizes", "apologize", 1),
    ("explains_value", "explain_value", 6),
    ("recommends", "recommend", 8),
    ("asks_needs", "ask_needs", 9),
    ("leading_question", "leading", 10),
    ("over_promises", "over_promise", 11),
    ("off_platform", "off_platform", 12),
    ("leaks_order_data", "leak", 13),
    ("rude_or_blaming", "rude", 14),
)
_STARTS: Final = ("", "", "", "", "亲，", "亲亲，", "亲 ", "宝，")
_ENDS: Final = ("", "", "", "", "哦", "呢", "哈", "~", "。", "的")
#: After these a further particle would sound wrong.
_COMPLETE: Final = tuple("哈呢呀哦啦了的吗吧~。？!哟嘛")
_POLITE_INLINE = 0.5


def write_agents(
    rng: np.random.Generator,
    deck: Deck,
    script: Script,
    cases: Cases,
    acts: Acts,
    length: Ints,
    phrases: Phrases,
) -> None:
    """Add the agents' lines of all turns before `length`, at the times in `acts`.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> rng, script = np.random.default_rng(1), Script()
    >>> length = np.full(len(chats.cases), 2)
    >>> write_agents(rng, Deck(rng, 90), script, chats.cases, chats.acts, length, load_phrases())
    >>> len(script.text) > 0
    True
    """
    for turn in range(TURNS):
        replied = acts.replied[:, turn] & (turn < length)
        pen = _AgentPen(rng, deck, script, acts, turn, phrases, replied)
        for name, bank, position in _EXTRA:
            pen.say(pen.shown[name], position, bank)
        subjects = cases.subjects(turn)
        for subject, _, here in subjects:
            pen.feel(pen.shown["empathizes"] & here, subject.removesuffix("_more"))
        offers = pen.shown["offers_alternative"]
        haggled = cases.topic == BARGAINING
        gone = cases.stock_out & (pen.turn <= 2)
        pen.say(offers & haggled, 7, "alternative_bargaining")
        pen.say(offers & ~haggled & gone, 7, "alternative_stock")
        pen.say(offers & ~haggled & ~gone, 7, "alternative_refused")
        _answers(pen, cases, subjects, replied)
    _hand_over(deck, script, cases, acts, phrases)


class _AgentPen:
    """Adds agent lines of one turn."""

    def __init__(
        self,
        rng: np.random.Generator,
        deck: Deck,
        script: Script,
        acts: Acts,
        turn: int,
        phrases: Phrases,
        replied: Bools,
    ) -> None:
        self.rng, self.deck, self.script, self.acts = rng, deck, script, acts
        self.turn, self.phrases = turn, phrases
        self.shown = {name: acts.shown[name][:, turn] & replied for name in acts.shown}

    def add(self, talk: Ints, position: int, text: Texts) -> None:
        at, by = self.acts.agent_at[talk, self.turn], self.acts.by[talk, self.turn]
        self.script.add(talk, AGENT, self.turn, position, at, text, by)

    def say(self, who: Bools, position: int, bank: str) -> None:
        talk = where(who)
        lines = self.phrases.agents[bank]
        self.add(talk, position, self.deck.pick(talk, bank, lines, self.turn))

    def feel(self, who: Bools, subject: str) -> None:
        """Answer the worry that the talk's buyer voiced: same place in the parallel bank."""
        talk = where(who)
        lines = self.phrases.agents[f"empathize_{subject}"]
        self.add(talk, 2, self.deck.pick(talk, f"worry {subject}", lines))

    def answer(self, who: Bools, subject: str, kind: str) -> None:
        """Answer the question asked at this turn."""
        talk = where(who)
        groups = self.phrases.lines(subject, kind)
        group = self.deck.index(talk, subject, len(groups), self.turn)
        self.tell(talk, self.deck.variant(talk, f"{kind} {subject}", groups, group, self.turn))

    def plain(self, who: Bools, bank: str) -> None:
        """Say a line of `bank` dressed as an answer."""
        talk = where(who)
        lines = self.deck.pick(talk, bank, self.phrases.agents[bank], self.turn)
        self.tell(talk, lines)

    def tell(self, talk: Ints, lines: Texts) -> None:
        """Say `lines` with a start, an end, courtesy and stickers as shown."""
        n, rng, agents = len(talk), self.rng, self.phrases.agents
        polite = self.shown["polite_words"][talk]
        inline = polite & (rng.random(n) < _POLITE_INLINE)
        courtesy = self.deck.pick(talk, "polite", agents["polite"], self.turn)
        sticker = self.deck.pick(talk, "emoji", agents["emoji"], self.turn)
        ends = np.where(inline, "", any_of(rng, _ENDS, n))
        done = [
            line if line.endswith(_COMPLETE) else line + end
            for line, end in zip(lines.tolist(), ends.tolist(), strict=True)
        ]
        ended = np.empty(len(done), dtype=object)
        ended[:] = done
        whole = any_of(rng, _STARTS, n) + ended
        whole = whole + np.where(inline, "，" + courtesy, "")
        whole = whole + np.where(self.shown["uses_emoji"][talk], sticker, "")
        whole[polite] = [line.replace("你", "您") for line in whole[polite]]
        self.add(talk, 4, whole)
        apart = polite & ~inline
        self.add(talk[apart], 15, courtesy[apart])


def any_of(rng: np.random.Generator, words: tuple[str, ...], n: int) -> Texts:
    """Draw `n` of `words`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sorted(set(any_of(rng, ("好的", "嗯"), 50)))
    ['嗯', '好的']
    """
    lines = np.empty(len(words), dtype=object)
    lines[:] = words
    return np.asarray(lines[rng.integers(0, len(words), n)], dtype=object)


def _answers(
    pen: _AgentPen, cases: Cases, subjects: list[tuple[str, int, Bools]], replied: Bools
) -> None:
    shown = pen.shown
    instead = np.zeros_like(replied)
    for name, bank in (
        ("curt_reply", "curt"),
        ("repeats_canned", "canned"),
        ("refuses_flatly", "refuse"),
    ):
        pen.say(shown[name] & ~instead, 4, bank)
        instead |= shown[name]
    gone = replied & ~instead & cases.stock_out & (pen.turn == 0)
    pen.plain(gone & ~shown["offers_alternative"], "stock_gone")
    # An offer or a defence of the price is an answer in itself; so is a rude word.
    covered = shown["offers_alternative"] | shown["explains_value"] | shown["rude_or_blaming"]
    told = np.zeros_like(replied)
    for subject, topic, here in subjects:
        rest = replied & ~instead & ~gone & here
        if topic == BARGAINING:
            pen.plain(rest & ~covered, "vague_bargaining")
            told |= rest & ~covered
            continue
        exact = rest & shown["gives_specifics"]
        promised = rest & shown["promises_time"]
        if topic not in (OTHER, AFTER_SALES):
            pen.answer(exact, subject, "exact")
        pen.plain(promised & ~exact, "promise_shipping")
        pen.say(promised & exact, 5, "promise_shipping")
        pen.answer(rest & ~exact & ~promised, subject, "vague")
        told |= rest
    told |= gone & ~shown["offers_alternative"]
    left = replied & ~told & ~shown["curt_reply"]
    pen.say(left & shown["polite_words"], 15, "polite")
    pen.say(left & shown["uses_emoji"], 16, "emoji")


def _hand_over(deck: Deck, script: Script, cases: Cases, acts: Acts, phrases: Phrases) -> None:
    talk = where(cases.taker >= 0)
    turn = cases.handed[talk] - 1
    at = acts.agent_at[talk, turn]
    words = deck.pick(talk, "transfer_said", phrases.agents["transfer_said"])
    script.add(talk, AGENT, turn, 20, at, words, cases.taker[talk])
    note = deck.pick(talk, "transfer", phrases.agents["transfer"])
    script.add(talk, SYSTEM, turn, 0, at + 27, note)


_HELLO, _LINK, _BOT, _IMPATIENT = 0.6, 0.2, 0.55, 0.4
_FILLER = 0.25
#: Log-odds that a buyer's words at a turn tell that they have warmed, or cooled.
_SOUNDS = -1.5
_STICKER, _PRIVATE, _HOSTILE = 0.02, 0.004, 0.001


def write_buyers(
    rng: np.random.Generator,
    deck: Deck,
    script: Script,
    cases: Cases,
    phrases: Phrases,
    world: Scenario,
) -> Ints:
    """Add the buyers' lines of all turns; return how many each turn has (n x TURNS).

    Times are left at zero: they are filled in once it is known how fast the agents were.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> rng, script = np.random.default_rng(1), Script()
    >>> counts = write_buyers(
    ...     rng, Deck(rng, 90), script, chats.cases, load_phrases(), base.scenario
    ... )
    >>> counts.shape[0]
    90
    """
    pen = _BuyerPen(rng, deck, script, cases, phrases)
    _open(pen, world)
    for turn in range(TURNS):
        live = (turn < cases.length) & (cases.answered | (turn == 0))
        _ask(pen, turn, live)
        if world.warming and turn:
            # Let buyers who have warmed sound pleased, and those who have cooled annoyed.
            for bank, side in (("warmed", 1.0), ("cooled", -1.0)):
                heard = sigmoid(_SOUNDS + side * pen.cases.intent[:, turn])
                pen.say(live & pen.chance(heard), turn, 0, bank, pen.phrases.buyers[bank])
    return np.stack([script.count(turn, len(cases)) for turn in range(TURNS)], axis=1)


class _BuyerPen(Pen):
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


def _open(pen: _BuyerPen, world: Scenario) -> None:
    cases, buyers = pen.cases, pen.phrases.buyers
    keen = world.opening * cases.intent[:, 0]
    pen.say(pen.chance(sigmoid(logit(_HELLO) + keen)), 0, 0, "hello", buyers["hello"])
    pen.say(pen.chance(sigmoid(logit(_LINK) + keen)), 0, 1, "link", buyers["link"])
    pen.say(~cases.answered & pen.chance(_IMPATIENT), 0, 6, "nobody", buyers["nobody"])
    for night, bank in ((True, "bot_night"), (False, "bot")):
        talk = where((cases.night == night) & pen.chance(_BOT))
        lines = pen.deck.pick(talk, bank, pen.phrases.shop[bank])
        pen.script.add(talk, BOT, 0, 0, cases.start[talk] + 1, lines)


def _ask(pen: _BuyerPen, turn: int, live: Bools) -> None:
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
    # Reminders of orders that wait for their payment, and questions after a silence.
    reminded, followed = outcome.reminded, outcome.followed
    reminds, follows = ~np.isnan(reminded), ~np.isnan(followed)
    pen.agent(reminds, REMINDED, 0, reminded, "remind")
    pen.buyer(reminds & pen.chance(_ANSWERS), REMINDED, 0, reminded + 45, "answer_reminder")
    pen.agent(follows, FOLLOWED, 0, followed, "follow_up")
    pen.buyer(follows & pen.chance(_ANSWERS), FOLLOWED, 0, followed + 50, "still_there")
    # Cards that the platform puts into the chat at an order and its payment.
    talk = where(~np.isnan(outcome.placed) & pen.chance(_CARD))
    words = pen.deck.pick(talk, "order_card", pen.phrases.agents["order_card"])
    pen.script.add(talk, SYSTEM, CARDS, 0, outcome.placed[talk] + 2, words)
    # A card much later would start a conversation of its own, without a word of the buyer.
    soon = outcome.paid - outcome.placed < 1800
    paid = talk[soon[talk]]
    words = pen.deck.pick(paid, "paid_card", pen.phrases.agents["paid_card"])
    pen.script.add(paid, SYSTEM, CARDS, 1, outcome.paid[paid] + 2, words)
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
