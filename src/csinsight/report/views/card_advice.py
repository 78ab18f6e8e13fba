"""The advice of an agent's card: rules first, then what to try, each with talks and phrases."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from csinsight.coaching.card import Card
from csinsight.coaching.library import load_library
from csinsight.coaching.references import reference
from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.domain import TIMINGS
from csinsight.report.blocks import Block, Box, Columns, Items, Prose, Talk
from csinsight.report.study import Study
from csinsight.report.views import effects, rates
from csinsight.report.views.habits import breaches, rate_text

_P = CoachingPlan
#: Talks shown of broken rules, so that the card stays on one sheet of paper.
_RULE_TALKS = 2
_SIDES = (
    ("misses", "hurts", "card.miss"),
    ("hits", "helps", "card.hit"),
    ("peer_hits", "helps", "card.peer_hit"),
)


def advised(study: Study, card: Card) -> list[Block]:
    """Return a box for the rules, if any may have been broken, and one for each thing to try."""
    rules = [_rules(study, card.compliance)] if len(card.compliance) else []
    return [*rules, *(_box(study, row) for _, row in card.recommendations.iterrows())]


def _rules(study: Study, broken: pd.DataFrame) -> Box:
    """Return all rules in one box: how often, what to say instead, and a talk or two to read."""
    library = load_library(study.lang).behaviours
    names = [str(name) for name in broken[_P.BEHAVIOUR]]
    items = [
        study.word(
            "card.rule_line",
            title=library[name].title,
            n=rates.counted(study, "times", breaches(row)),
            phrase=_quoted(study, library[name].phrases[:1]),
        )
        for name, (_, row) in zip(names, broken.iterrows(), strict=True)
    ]
    talks = [talk for _, row in broken.iterrows() for talk in _talks(study, row, rule=True)]
    all_talks = rates.counted(study, "conversations", int(broken[_P.OPPORTUNITIES].max()))
    return Box(
        study.word("card.rules_title"),
        Prose(study.word("card.why_rule")),
        Items(items),
        Columns(*talks[:_RULE_TALKS]),
        detail=study.word("card.talks", n=all_talks),
    )


def _box(study: Study, row: pd.Series) -> Box:
    advice = load_library(study.lang).behaviours[row[_P.BEHAVIOUR]]
    items = Items(
        [
            study.word("card.say", phrases=_quoted(study, advice.phrases[:2])),
            study.word("card.drill", text=advice.drill),
            study.word("card.rests_on", text=advice.rests_on),
            study.word("card.watch", text=advice.watch),
        ]
    )
    detail = rates.counted(study, "occasions", row[_P.OPPORTUNITIES])
    why = Prose(_figures(study, row), advice.why)
    return Box(advice.title, why, Columns(*_talks(study, row)), items, detail=detail)


def _quoted(study: Study, phrases: Sequence[str]) -> str:
    quotes = [study.word("text.quoted", text=phrase) for phrase in phrases]
    return study.word("text.sentence_join").join(quotes)


def _figures(study: Study, row: pd.Series) -> str:
    name, number = str(row[_P.BEHAVIOUR]), study.words.number
    # Slower is told as faster; then "higher by" or "lower by", so that the interval turns too.
    turned = name in effects.TURNED
    effect = -row[_P.EFFECT_PP] if turned else row[_P.EFFECT_PP]
    sign = 1 if row[_P.EFFECT_PP] > 0 else -1
    ends = sorted(sign * row[end] for end in (_P.EFFECT_LOW_PP, _P.EFFECT_HIGH_PP))
    return study.word(
        "card.why",
        behaviour=study.word(f"behaviour.{name}"),
        rate=rate_text(study, name, row[_P.RATE]),
        target=rate_text(study, name, row[_P.TARGET_RATE]),
        when=study.word(f"card.when_{name if name in TIMINGS else 'shown'}"),
        direction=study.word("card.higher" if effect > 0 else "card.lower"),
        effect=number(abs(effect), 1),
        low=number(ends[0], 1),
        high=number(ends[1], 1),
        gain=number(row[_P.EXPECTED_GAIN], 1),
        gain_low=number(row[_P.LOW], 1),
        gain_high=number(row[_P.HIGH], 1),
    )


def talk_blocks(study: Study, lines: pd.DataFrame) -> list[Talk]:
    """Return every talk of ``coaching_excerpts`` as a card would show it."""
    groups = lines.groupby(["agent_id", "behaviour", "side", "conversation_id"], sort=False)
    word, plain = study.word("card.rule_talk"), {"peer": False, "timed": False}
    return [_talk(study, own, word, "hurts", **plain) for _, own in groups]


def _talks(study: Study, row: pd.Series, *, rule: bool = False) -> list[Talk]:
    found = study.read("coaching_excerpts")
    own = found[(found["agent_id"] == row[_P.AGENT_ID]) & (found["behaviour"] == row[_P.BEHAVIOUR])]
    talks, timed = [], row[_P.BEHAVIOUR] in TIMINGS
    for side, tone, word in _SIDES:
        lines = own[own["side"] == side]
        if len(lines):
            first = lines[lines["conversation_id"] == lines["conversation_id"].iloc[0]]
            what = study.word("card.rule_talk" if rule else word)
            peer = side == "peer_hits"
            talks.append(_talk(study, first, what, tone, peer=peer, timed=timed))
    return talks


def _talk(
    study: Study, lines: pd.DataFrame, what: str, tone: str, *, peer: bool, timed: bool
) -> Talk:
    """Return one excerpt under its day, what it shows, and the name to dispute it by."""
    agent = study.word("block.peer" if peer else "block.you")
    said = [
        (study.word("block.buyer") if sender == "buyer" else agent, text)
        for sender, text in zip(lines["sender"], lines["text"], strict=True)
    ]
    moment = lines["sent_at"].iloc[0]
    parts = [study.words.day(moment)] if pd.notna(moment) else []
    parts += [what, study.word("card.talk", name=reference(str(lines["conversation_id"].iloc[0])))]
    if timed and pd.notna(lines["waited_s"].iloc[0]):
        parts.append(study.word("card.waited", s=study.words.seconds(lines["waited_s"].iloc[0])))
    title = " · ".join(parts)
    return Talk(title, said, "helps" if tone == "helps" else "hurts")
