"""What agents write at each turn before the buyer decides: every shown behaviour in words."""

from __future__ import annotations

from typing import Final

import numpy as np

from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Bools, Ints
from csinsight.simulate.cases import AFTER_SALES, BARGAINING, OTHER, TOPICS, TURNS, Cases
from csinsight.simulate.emit import AGENT, SYSTEM, Script, Texts, pick, where
from csinsight.simulate.phrases import Phrases

#: Behaviours that are one more line, with the bank and the place in the turn.
_EXTRA: Final = (
    ("greets", "greet", 0),
    ("apologizes", "apologize", 1),
    ("explains_value", "explain_value", 5),
    ("recommends", "recommend", 7),
    ("asks_needs", "ask_needs", 8),
    ("leading_question", "leading", 9),
    ("over_promises", "over_promise", 10),
    ("off_platform", "off_platform", 11),
    ("leaks_order_data", "leak", 12),
    ("rude_or_blaming", "rude", 13),
)
_STARTS: Final = ("", "", "", "亲，", "亲亲，", "亲 ", "嗯嗯，", "宝，")
_ENDS: Final = ("", "", "", "哦", "呢", "哈", "的哦", "~", "哒", "。")
_POLITE_INLINE = 0.5


def write_agents(
    rng: np.random.Generator,
    script: Script,
    cases: Cases,
    acts: Acts,
    length: Ints,
    phrases: Phrases,
) -> None:
    """Add the agents' lines of all turns before `length`, at the times in `acts`."""
    topics = cases.topics()
    for turn in range(TURNS):
        replied = acts.replied[:, turn] & (turn < length)
        shown = {name: acts.shown[name][:, turn] & replied for name in acts.shown}
        writer = _Turn(rng, script, acts, turn, phrases, shown)
        for name, bank, position in _EXTRA:
            writer.say(shown[name], position, bank)
        for index, topic in enumerate(TOPICS):
            here = topics[:, turn] == index
            writer.say(shown["empathizes"] & here, 2, f"empathize_{topic}")
        _alternatives(writer, cases)
        _answers(writer, cases, topics[:, turn], replied)
    _hand_over(rng, script, cases, acts, phrases)


class _Turn:
    """Adds agent lines of one turn."""

    def __init__(
        self,
        rng: np.random.Generator,
        script: Script,
        acts: Acts,
        turn: int,
        phrases: Phrases,
        shown: dict[str, Bools],
    ) -> None:
        self.rng, self.script, self.acts, self.turn = rng, script, acts, turn
        self.phrases, self.shown = phrases, shown

    def say(self, who: Bools, position: int, bank: str) -> None:
        talk = where(who)
        self.add(talk, position, pick(self.rng, self.phrases.agents[bank], len(talk)))

    def add(self, talk: Ints, position: int, text: Texts) -> None:
        at, by = self.acts.agent_at[talk, self.turn], self.acts.by[talk, self.turn]
        self.script.add(talk, AGENT, self.turn, position, at, text, by)


def _alternatives(writer: _Turn, cases: Cases) -> None:
    offers = writer.shown["offers_alternative"]
    haggled = cases.topic == BARGAINING
    gone = cases.stock_out & (writer.turn == 0)
    writer.say(offers & haggled, 6, "alternative_bargaining")
    writer.say(offers & ~haggled & gone, 6, "alternative_stock")
    writer.say(offers & ~haggled & ~gone, 6, "alternative_refused")


def _answers(writer: _Turn, cases: Cases, topic: Ints, replied: Bools) -> None:
    shown = writer.shown
    for name, bank in (("curt_reply", "curt"), ("repeats_canned", "canned")):
        writer.say(shown[name] & replied, 3, bank)
    rest = replied & ~shown["curt_reply"] & ~shown["repeats_canned"]
    refused = rest & shown["refuses_flatly"]
    writer.say(refused, 3, "refuse")
    rest &= ~refused
    gone = rest & cases.stock_out & (writer.turn == 0)
    covered = shown["offers_alternative"] | shown["explains_value"] | shown["rude_or_blaming"]
    _decorated(writer, gone & ~covered, "stock_gone")
    rest &= ~gone & ~(covered & np.isin(topic, (BARGAINING, OTHER)))
    promised = rest & shown["promises_time"]
    _decorated(writer, promised, "promise_shipping")
    for index, name in enumerate(TOPICS):
        here = rest & (topic == index)
        if index == OTHER:
            _decorated(writer, here, "answer_other" if writer.turn == 0 else "answer_plain")
        elif index == AFTER_SALES:
            _decorated(writer, here, "after_sales_answer")
        elif index == BARGAINING:
            _decorated(writer, here, "vague_bargaining")
        else:
            exact = here & shown["gives_specifics"]
            _decorated(writer, exact, f"specific_{name}")
            _decorated(writer, here & ~exact & ~promised, f"vague_{name}")
    left = replied & ~rest & ~shown["curt_reply"]
    writer.say(left & shown["polite_words"], 14, "polite")
    writer.say(left & shown["uses_emoji"], 15, "emoji")


def _decorated(writer: _Turn, who: Bools, bank: str) -> None:
    """Say a line of `bank` with a start, an end, courtesy and stickers as shown."""
    talk = where(who)
    n, rng, agents = len(talk), writer.rng, writer.phrases.agents
    polite = writer.shown["polite_words"][talk]
    inline = polite & (rng.random(n) < _POLITE_INLINE)
    starts, lines = pick(rng, list(_STARTS), n), pick(rng, agents[bank], n)
    ends = pick(rng, list(_ENDS), n)
    courtesy = pick(rng, agents["polite"], n)
    sticker = np.where(writer.shown["uses_emoji"][talk], pick(rng, agents["emoji"], n), "")
    text = starts + lines + np.where(lines.astype(str) != "", ends, "")
    text = text + np.where(inline, "，" + courtesy, "") + sticker
    text[polite] = [line.replace("你", "您") for line in text[polite]]
    writer.add(talk, 4, text.astype(object))
    writer.add(talk[polite & ~inline], 14, courtesy[polite & ~inline])


def _hand_over(
    rng: np.random.Generator, script: Script, cases: Cases, acts: Acts, phrases: Phrases
) -> None:
    talk = where(cases.taker >= 0)
    at = acts.agent_at[talk, 0] + 20
    words = pick(rng, phrases.agents["transfer_said"], len(talk))
    script.add(talk, AGENT, 0, 20, acts.agent_at[talk, 0], words, cases.taker[talk])
    note = pick(rng, phrases.agents["transfer"], len(talk))
    script.add(talk, SYSTEM, 0, 0, at, note)
