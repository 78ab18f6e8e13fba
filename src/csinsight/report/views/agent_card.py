"""Notebook 06: one agent's card: how they stand, what to try, what to keep, in kind words."""

from __future__ import annotations

import pandas as pd

from csinsight.coaching.card import Card
from csinsight.coaching.library import load_library
from csinsight.contract.artifacts import CoachingPlan, Conversations, Drivers, FollowUp
from csinsight.contract.tables import Agents
from csinsight.report.blocks import Block, Columns, Finding, Items, Note, Prose, Stack
from csinsight.report.study import Study
from csinsight.report.views import card_advice, rates
from csinsight.report.views.card_pictures import peers, trend
from csinsight.report.views.habits import rate_text, readable_rate, strength_of

__all__ = [
    "headline",
    "kept",
    "own_view",
    "pictures",
    "recommendations",
    "sentence",
    "since",
    "strengths",
    "top",
    "who",
]
_P = CoachingPlan
#: Months within which an agent is a newcomer.
_NEW = 3
_NO_DRIVERS = "card.no_drivers"


def who(study: Study, card: Card) -> Prose:
    """Return name, team and months with the shop, and how many inquiries the card rests on."""
    words = study.words
    agent = study.agent(card.agent_id)
    parts = [
        study.word(
            "card.agent", name=study.agent_name(card.agent_id), month=words.month(study.month)
        ),
        study.word("card.inquiries", n=_inquiries(study, card)),
    ]
    if pd.notna(agent.get(Agents.TEAM)):
        parts.append(study.word("card.team", team=agent[Agents.TEAM]))
    new = ""
    if pd.notna(agent.get(Agents.HIRED_ON)):
        months = max((study.as_of - pd.Timestamp(agent[Agents.HIRED_ON])).days // 30, 0)
        parts.append(study.word("card.tenure", months=rates.counted(study, "months", months)))
        ladder = f"[{study.word('card.ladder')}](05_coaching.html)"
        new = study.word("card.newcomer", ladder=ladder) if months < _NEW else ""
    return Prose(" · ".join(parts), new)


def _inquiries(study: Study, card: Card) -> str:
    return rates.counted(study, "inquiries", card.inquiries)


def sentence(study: Study, card: Card) -> str:
    """Return what the card comes down to: what is good first, then the one thing to try."""
    library = load_library(study.lang).behaviours
    parts = []
    if len(card.strengths):
        names = [study.word(f"strength.{name}") for name in card.strengths[_P.BEHAVIOUR]]
        parts.append(study.word("card.good", behaviours=study.words.listed(names)))
    if len(card.compliance):
        parts.append(
            study.word("card.rule", title=library[card.compliance[_P.BEHAVIOUR].iloc[0]].title)
        )
    if len(card.recommendations):
        title = library[card.recommendations[_P.BEHAVIOUR].iloc[0]].title
        parts.append(study.word("card.try", title=title))
    elif card.compliance.empty:  # "nothing to change" would not be true beside a rule
        parts.append(study.word(_status(study, card)))
    return study.words.sentences(*parts)


def _status(study: Study, card: Card) -> str:
    """Return the word for what may be said; "keep it up" needs to know what goes with a sale."""
    if card.status == "not enough evidence":
        return "card.status_not_enough_evidence"
    return "card.status_keep_it_up" if study.has(Drivers.NAME) else _NO_DRIVERS


def top(study: Study, card: Card) -> Stack:
    """Return who and when, and the sentence on top of the card, which is kept for the index."""
    text = sentence(study, card)
    study.write_facts({"finding": text, "agent": study.agent_name(card.agent_id)})
    return Stack(who(study, card), Finding(text))


def headline(card: Card) -> dict[str, object]:
    """Return what is recommended, for the recorded results."""
    return {"inquiries": card.inquiries, "recommended": list(card.recommendations[_P.BEHAVIOUR])}


def strengths(study: Study, card: Card) -> Block:
    """Return what the agent does better than comparable peers."""
    items = [
        study.word(
            "card.strength",
            strength=strength_of(study, str(row[_P.BEHAVIOUR])),
            rate=rate_text(study, row[_P.BEHAVIOUR], row[_P.RATE]),
            peers=rate_text(study, row[_P.BEHAVIOUR], row[_P.PEER_RATE]),
        )
        for _, row in card.strengths.iterrows()
    ]
    return Items(items) if items else Prose(study.word("card.no_strengths"))


def recommendations(study: Study, card: Card) -> Block:
    """Return rules to keep first, then up to three things to try, or why there is nothing."""
    boxes = card_advice.advised(study, card)
    if boxes:
        return Stack(*boxes)
    word = _status(study, card)
    return Prose(study.word(word if word == _NO_DRIVERS else f"{word}_long"))


def pictures(study: Study, card: Card) -> Columns:
    """Return the agent beside comparable peers, and over the months."""
    return Columns(peers(study, card), trend(study, card))


def kept(study: Study, card: Card) -> Columns:
    """Return what the agent does well, and what has come of earlier advice."""
    return Columns(strengths(study, card), since(study, card))


def since(study: Study, card: Card) -> Block:
    """Return what has come of earlier advice to this agent; or that there was none."""
    found = study.read_or_none(FollowUp.NAME)
    own = found[found[FollowUp.AGENT_ID] == card.agent_id] if found is not None else None
    if own is None or own.empty:
        return Prose(study.word("card.since_none"))
    latest = own[own[FollowUp.MONTH] == own[FollowUp.MONTH].max()]
    return Items([_since(study, row) for _, row in latest.iterrows()])


def _since(study: Study, row: pd.Series) -> str:
    name = str(row[FollowUp.BEHAVIOUR])
    paid = name == Conversations.PAID
    ends = [
        rate_text(study, name, readable_rate(name, float(row[column])))
        for column in (FollowUp.BEFORE, FollowUp.AFTER)
    ]
    return study.word(
        "card.since",
        month=study.words.month(str(row[FollowUp.ADVISED_IN])),
        what=study.word("kpi.paid_rate" if paid else f"behaviour.{name}"),
        before=ends[0],
        after=ends[1],
        verdict=study.word(f"card.since_{str(row[FollowUp.VERDICT]).replace(' ', '_')}"),
    )


def own_view(study: Study) -> Note:
    """Return the space in which the agent's own view is written down."""
    lines = [study.word("card.own_view"), study.word("card.own_view_line")]
    return Note(lines, study.word("card.own_view_title"))
