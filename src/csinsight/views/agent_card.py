"""Notebook 06: one agent's card: how they stand, what to try, what to keep, in kind words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csinsight.coaching.card import Card
from csinsight.coaching.plan import TOO_FEW
from csinsight.contract.artifacts import CoachingPlan, Conversations, FollowUp
from csinsight.contract.disputes import reference
from csinsight.contract.domain import TIMINGS
from csinsight.contract.schema import Agents
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import Block, Box, Columns, Finding, Items, Note, Prose, Stack, Talk
from csinsight.render.figure import Picture
from csinsight.views import labels, plots
from csinsight.views.scorecard import rule_trust
from csinsight.views.study import WROTE_BEFORE, Study

_P = CoachingPlan
#: Rows of the picture beside peers: as many as leave the card on one sheet of paper.
MAX_ROWS = 6
#: Characters of a small picture's title before it takes a second line.
_TITLE_WIDTH = {"zh": 9, "en": 18}
_ALWAYS = ("first_response_s", "slow_reply_share")


def peers(study: Study, card: Card) -> Block:
    """Draw the agent's rates as marks over the middle half of comparable peers.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(peers(sample_study(), sample_card())).__name__
    'Prose'
    """
    told = (card.recommendations, card.strengths)
    advised = [str(name) for rows in told for name in rows[_P.BEHAVIOUR]]
    order = list(dict.fromkeys([*_ALWAYS, *advised, *card.rates["behaviour"]]))
    rows = card.rates.set_index("behaviour")
    rows = rows.reindex([name for name in order if name in rows.index][:MAX_ROWS])
    if rows.empty:
        return Prose(study.word("card.no_peers"))
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.5 + 0.38 * len(rows)))
    for place, (name, row) in enumerate(rows.iterrows()):
        _strip(study, axes, len(rows) - place, str(name), row)
    axes.set_yticks(
        range(len(rows), 0, -1), [study.word(f"behaviour.{name}") for name in rows.index]
    )
    axes.set(xlim=(0, 1), ylim=(0.4, len(rows) + 0.6))
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    alt = [_beside(study, str(name), row, named=True) for name, row in rows.iterrows()]
    conversion = _conversion(study, card)
    caption = study.word("card.peers", limit=study.words.seconds(study.context.profile.slow_s))
    data = rows[["opportunities", "rate", "peer_q1", "peer_median", "peer_q3"]].round(4)
    return Picture(
        figure,
        conversion or caption,
        alt=study.words.listed(alt),
        caption=caption,
        data=data.reset_index(),
        name="beside_peers",
    )


def _strip(study: Study, axes: Axes, height: float, name: str, row: pd.Series) -> None:
    """Draw one strip; each has its own scale, from a little below to a little above all marks."""
    marks = row[["rate", "rate_low", "rate_high", "peer_q1", "peer_q3"]].to_numpy(dtype=float)
    if unit_of(name) == "doubling":
        marks = np.log2(np.maximum(marks, 1e-3))
    low, high = marks.min(), marks.max()
    room = max((high - low) * 0.15, 1e-6)
    at, _, _, q1, q3 = (marks - (low - room)) / (high - low + 2 * room)
    axes.barh(height, 1, height=0.2, color=theme.SOFT)
    axes.barh(height, q3 - q1, left=q1, height=0.2, color=theme.BAND)
    axes.plot([at, at], [height - 0.24, height + 0.24], color=theme.INK, linewidth=2.4)
    axes.text(
        1.02,
        height,
        _beside(study, name, row),
        va="center",
        fontsize=theme.SMALL,
        color=theme.MUTED,
        transform=axes.get_yaxis_transform(),
    )


def _beside(study: Study, name: str, row: pd.Series, *, named: bool = False) -> str:
    text = study.word(
        "card.beside",
        own=labels.rate_text(study, name, row["rate"]),
        low=labels.rate_text(study, name, row["peer_q1"]),
        high=labels.rate_text(study, name, row["peer_q3"]),
    )
    return f"{study.word(f'behaviour.{name}')} {text}" if named else text


def _conversion(study: Study, card: Card) -> str:
    if card.conversion is None:
        return ""
    percent, own = study.words.percent, card.conversion
    return study.word(
        "card.conversion",
        rate=percent(own.rate, 0),
        low=percent(own.low, 0),
        high=percent(own.high, 0),
        expected=percent(own.expected, 0),
    )


def trend(study: Study, card: Card) -> Block:
    """Draw paid conversion, and what is recommended, over the months with intervals.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(trend(sample_study(), sample_card())).__name__
    'Picture'
    """
    counts = card.trend["behaviour"].value_counts(sort=False)
    names = [str(name) for name, count in counts.items() if count > 1]
    if not names:
        return Prose(study.word("card.no_trend"))
    figure, row = plt.subplots(
        1, len(names), squeeze=False, figsize=(min(2.6 * len(names), theme.WIDE[0]), 2.2)
    )
    told, title = [], ""
    for axes, name in zip(row[0], names, strict=True):
        own = card.trend[card.trend["behaviour"] == name]
        label = labels.rate_name(study, name)
        write = partial(labels.rate_text, study, name)
        months = own["month"].dt.strftime("%m").tolist()
        plots.trend(axes, months, own.rename(columns={"rate": "value"}), write)
        axes.set_title(fill(label, _TITLE_WIDTH[study.lang]), fontsize=theme.SMALL)
        first, last = own.iloc[0], own.iloc[-1]
        ends = [write(first["rate"]), write(last["rate"])]
        apart = first["high"] < last["low"] or last["high"] < first["low"]
        key = "card.trend" if apart else "card.trend_chance"
        title = title or study.word(key, label=label, first=ends[0], last=ends[1])
        told.append(study.word("card.trend_alt", label=label, first=ends[0], last=ends[1]))
    return Picture(
        figure,
        title,
        alt=study.words.sentences(*told),
        caption=study.words.sentences(
            study.word("card.trend_caption"),
            study.word("card.trend_paid") if Conversations.PAID in names else "",
        ),
        data=card.trend.round(dict.fromkeys(("rate", "low", "high"), 4)),
        name="months",
    )


#: Conversations shown of broken rules, so that the card stays on one sheet of paper.
_RULE_TALKS = 2
_SIDES = (
    ("misses", "hurts", "card.miss"),
    ("hits", "helps", "card.hit"),
    ("peer_hits", "helps", "card.peer_hit"),
)


def advised(study: Study, card: Card) -> list[Block]:
    """Return a box for the rules, if any may have been broken, and one for each thing to try.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> [type(box).__name__ for box in advised(sample_study(), sample_card())]
    []
    """
    rules = [_rules(study, card.compliance)] if len(card.compliance) else []
    return [*rules, *(_box(study, row) for _, row in card.recommendations.iterrows())]


def _rules(study: Study, broken: pd.DataFrame) -> Box:
    """Return all rules in one box: how often, what to say instead, and what to read."""
    library = study.library
    names = [str(name) for name in broken[_P.BEHAVIOUR]]
    items = [
        study.word(
            "card.rule_line",
            title=library[name].title,
            n=labels.counted(study, "times", labels.breaches(row)),
            trust=rule_trust(
                study,
                name,
                right=int(row[_P.RIGHT]),
                read=int(row[_P.READ]),
                sure=row[_P.LIKELY] == 1,
            ),
            phrase=_quoted(study, library[name].phrases[:1]),
        )
        for name, (_, row) in zip(names, broken.iterrows(), strict=True)
    ]
    talks: list[Talk] = []
    for _, row in broken.iterrows():  # a line that may break two rules is shown once
        talks += [talk for talk in _talks(study, row, rule=True) if talk not in talks]
    all_talks = labels.counted(study, "conversations", int(broken[_P.OPPORTUNITIES].max()))
    ids = {str(name) for named in broken[_P.EVIDENCE] for name in named}
    shown = len(talks[:_RULE_TALKS])
    told = {"shown": study.words.number(shown), "all": study.words.number(len(ids))}
    rest = study.word("card.rule_shown", **told) if shown < len(ids) else ""
    return Box(
        study.word("card.rules_title"),
        Prose(study.word("card.why_rule")),
        Items(items),
        Columns(*talks[:_RULE_TALKS]),
        *([Prose(rest)] if rest else []),
        detail=study.word("card.talks", n=all_talks),
    )


def _box(study: Study, row: pd.Series) -> Box:
    advice = study.library[row[_P.BEHAVIOUR]]
    items = Items(
        [
            study.word("card.say", phrases=_quoted(study, advice.phrases[:2])),
            study.word("card.drill", text=advice.drill),
            study.word("card.rests_on", text=advice.rests_on),
            study.word("card.watch", text=advice.watch),
        ]
    )
    detail = labels.counted(study, "occasions", row[_P.OPPORTUNITIES])
    why = Prose(_figures(study, row), advice.why)
    talks = _talks(study, row)
    good = any(talk.tone == "helps" for talk in talks)
    none = [] if good else [Prose(study.word("card.no_example"))]
    return Box(advice.title, why, Columns(*talks), *none, items, detail=detail)


def _quoted(study: Study, phrases: Sequence[str]) -> str:
    quotes = [study.word("text.quoted", text=phrase) for phrase in phrases]
    return study.word("text.sentence_join").join(quotes)


def _figures(study: Study, row: pd.Series) -> str:
    name, number = str(row[_P.BEHAVIOUR]), study.words.number
    # Slower is told as faster; then "higher by" or "lower by", so that the interval turns too.
    turned = name in labels.TURNED
    effect = -row[_P.EFFECT_PP] if turned else row[_P.EFFECT_PP]
    sign = 1 if row[_P.EFFECT_PP] > 0 else -1
    ends = sorted(sign * row[end] for end in (_P.EFFECT_LOW_PP, _P.EFFECT_HIGH_PP))
    return study.word(
        "card.why",
        behaviour=study.word(f"behaviour.{name}"),
        rate=labels.rate_text(study, name, row[_P.RATE]),
        target=labels.rate_text(study, name, row[_P.TARGET_RATE]),
        when=study.word(f"card.when_{name if name in TIMINGS else 'shown'}"),
        direction=study.word("card.higher" if effect > 0 else "card.lower"),
        effect=number(abs(effect), 1),
        low=number(ends[0], 1),
        high=number(ends[1], 1),
        gain=number(row[_P.EXPECTED_GAIN], 1),
        gain_low=number(row[_P.LOW], 1),
        gain_high=number(row[_P.HIGH], 1),
    )


def _talks(study: Study, row: pd.Series, *, rule: bool = False) -> list[Talk]:
    told = {name: str(row[name]) for name in (_P.AGENT_ID, _P.BEHAVIOUR)}
    own = study.read("coaching_excerpts", **told)
    talks, timed = [], row[_P.BEHAVIOUR] in TIMINGS
    for side, tone, word in _SIDES:
        what, peer = study.word("card.rule_talk" if rule else word), side == "peer_hits"
        for _, lines in own[own["side"] == side].groupby("conversation_id", sort=False):
            talks.append(_talk(study, lines, what, tone, peer=peer, timed=timed))
    return talks


def _talk(
    study: Study, lines: pd.DataFrame, what: str, tone: str, *, peer: bool, timed: bool
) -> Talk:
    """Return one excerpt under its day, what it shows, and the name to dispute it by."""
    agent = study.word("block.peer" if peer else "block.you")
    said = [
        (study.word("block.buyer") if sender == "buyer" else agent, labels.quoted(study, text))
        for sender, text in zip(lines["sender"], lines["text"], strict=True)
    ]
    moment = lines["sent_at"].iloc[0]
    parts = [study.words.day(moment)] if pd.notna(moment) else []
    parts += [what, study.word("card.talk", name=reference(str(lines["conversation_id"].iloc[0])))]
    if timed and pd.notna(lines["waited_s"].iloc[0]):
        parts.append(study.word("card.waited", s=study.words.seconds(lines["waited_s"].iloc[0])))
    title = " · ".join(parts)
    return Talk(title, said, "helps" if tone == "helps" else "hurts")


_NO_DRIVERS = "card.no_drivers"


def who(study: Study, card: Card) -> Prose:
    """Return name, team and months with the shop, and how many inquiries the card rests on.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(who(sample_study(), sample_card())).__name__
    'Prose'
    """
    words = study.words
    agent = study.agent(card.agent_id)
    parts = [
        study.word(
            "card.agent", name=study.agent_name(card.agent_id), month=words.month(study.month)
        ),
        study.word("card.inquiries", n=labels.counted(study, "inquiries", card.inquiries)),
    ]
    if pd.notna(agent.get(Agents.TEAM)):
        parts.append(study.word("card.team", team=agent[Agents.TEAM]))
    new = ""
    if pd.notna(agent.get(Agents.HIRED_ON)):
        since = study.words.date(pd.Timestamp(agent[Agents.HIRED_ON]))
        doubted = card.agent_id in study.facts("00_data_check").get(WROTE_BEFORE, [])
        parts.append(study.word("card.tenure_doubted" if doubted else "card.tenure", date=since))
        ladder = f"[{study.word('card.ladder')}](05_coaching.html)"
        new = (
            study.word("card.newcomer", ladder=ladder)
            if labels.is_new(study, card.agent_id)
            else ""
        )
    return Prose(" · ".join(parts), new)


def sentence(study: Study, card: Card, good: str = "card.good") -> str:
    """Return what the card comes down to: what is good first, then the one thing to try.

    `good` is the word for what is good: the card speaks to the agent, the index of the agent.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> bool(sentence(sample_study(), sample_card()))
    True
    """
    library = study.library
    parts = []
    if len(card.strengths):
        names = [study.word(f"strength.{name}") for name in card.strengths[_P.BEHAVIOUR]]
        parts.append(study.word(good, behaviours=study.words.listed(names)))
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
    if card.status == TOO_FEW:
        return "card.status_not_enough_evidence"
    return "card.status_keep_it_up" if labels.any_named(study) else _NO_DRIVERS


def top(study: Study, card: Card) -> Stack:
    """Return who and when, and the sentence on top of the card, which is kept for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> len(top(sample_study(), sample_card()).blocks)
    2
    """
    told = {"finding": sentence(study, card, "card.better")}
    study.write_facts(told | {"agent": study.agent_name(card.agent_id)})
    return Stack(who(study, card), Finding(sentence(study, card)))


def headline(card: Card) -> dict[str, object]:
    """Return what is recommended, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card
    >>> headline(sample_card())
    {'inquiries': 45, 'recommended': []}
    """
    return {"inquiries": card.inquiries, "recommended": list(card.recommendations[_P.BEHAVIOUR])}


def strengths(study: Study, card: Card) -> Block:
    """Return what the agent does better than comparable peers.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(strengths(sample_study(), sample_card())).__name__
    'Prose'
    """
    items = [
        study.word(
            "card.strength",
            strength=labels.strength_of(study, str(row[_P.BEHAVIOUR])),
            rate=labels.rate_text(study, row[_P.BEHAVIOUR], row[_P.RATE]),
            peers=labels.rate_text(study, row[_P.BEHAVIOUR], row[_P.PEER_RATE]),
        )
        for _, row in card.strengths.iterrows()
    ]
    return Items(items) if items else Prose(study.word("card.no_strengths"))


def recommendations(study: Study, card: Card) -> Block:
    """Return rules to keep first, then up to three things to try, or why there is nothing.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(recommendations(sample_study(), sample_card())).__name__
    'Prose'
    """
    boxes = advised(study, card)
    if boxes:
        return Stack(*boxes)
    word = _status(study, card)
    return Prose(study.word(word if word == _NO_DRIVERS else f"{word}_long"))


def pictures(study: Study, card: Card) -> Columns:
    """Return the agent beside comparable peers, and over the months.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> len(pictures(sample_study(), sample_card()).blocks)
    2
    """
    return Columns(peers(study, card), trend(study, card))


def kept(study: Study, card: Card) -> Columns:
    """Return what the agent does well, and what has come of earlier advice.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> len(kept(sample_study(), sample_card()).blocks)
    2
    """
    return Columns(strengths(study, card), since(study, card))


def since(study: Study, card: Card) -> Block:
    """Return what has come of earlier advice to this agent; or that there was none.

    Examples
    --------
    >>> from csinsight.views.sample import sample_card, sample_study
    >>> type(since(sample_study(), sample_card())).__name__
    'Prose'
    """
    found = study.read_or_none(FollowUp.NAME)
    own = found[found[FollowUp.AGENT_ID] == card.agent_id] if found is not None else None
    if own is None or own.empty:
        return Prose(study.word("card.since_none"))
    latest = own[own[FollowUp.MONTH] == own[FollowUp.MONTH].max()]
    return Items([_since(study, row) for _, row in latest.iterrows()])


def _since(study: Study, row: pd.Series) -> str:
    name = str(row[FollowUp.BEHAVIOUR])
    ends = [
        labels.rate_text(study, name, labels.readable_rate(name, float(row[column])))
        for column in (FollowUp.BEFORE, FollowUp.AFTER)
    ]
    return study.word(
        "card.since",
        month=study.words.month(str(row[FollowUp.ADVISED_IN])),
        what=labels.rate_name(study, name),
        before=ends[0],
        after=ends[1],
        verdict=study.word(f"card.since_{str(row[FollowUp.VERDICT]).replace(' ', '_')}"),
    )


def own_view(study: Study) -> Note:
    """Return the space in which the agent's own view is written down.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(own_view(study)).__name__
    'Note'
    """
    lines = [study.word("card.own_view"), study.word("card.own_view_line")]
    return Note(lines, study.word("card.own_view_title"))
