"""Notebook 05, agent by agent: what to practise, who could show others, who can't be told yet."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.coaching.card import AgentSpread
from csinsight.coaching.plan import mentors
from csinsight.contract.artifacts import CoachingPlan
from csinsight.render import theme
from csinsight.render.blocks import Block, Note, Prose, Stack
from csinsight.render.figure import Picture
from csinsight.render.table import Table
from csinsight.views import rates
from csinsight.views.labels import breaches, of_kind, rate_text, strength_of, title_of
from csinsight.views.study import Study

_P = CoachingPlan


def agents(study: Study, plan: pd.DataFrame) -> Block:
    """Return the plan agent by agent: rules to look at first, then what to practise."""
    rows, broken = of_kind(plan, "driver"), of_kind(plan, "compliance")
    blocks: list[Block] = [_rules(study, broken)] if len(broken) else []
    blocks.append(_advised(study, rows) if len(rows) else Prose(study.word("coaching.nobody")))
    return Stack(*blocks)


def _rules(study: Study, broken: pd.DataFrame) -> Table:
    """Return a row an agent: which rules may have been broken in how many conversations."""
    shown = pd.DataFrame(
        [
            {
                "agent": study.agent_name(str(agent)),
                "talks": int(own[_P.OPPORTUNITIES].max()),
                "seen": study.words.listed([_seen(study, row) for _, row in own.iterrows()]),
            }
            for agent, own in broken.groupby(_P.AGENT_ID)
        ]
    )
    labels = {name: study.word(f"coaching.column_{name}") for name in shown.columns}
    title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    return Table(shown, title, caption=caption, labels=labels, name="rules")


def _seen(study: Study, row: pd.Series) -> str:
    """Write one rule with the number of conversations in which a breach was seen."""
    rule = study.word(f"behaviour.{row[_P.BEHAVIOUR]}")
    times = rates.counted(study, "times", breaches(row))
    return study.word("text.with_count", value=rule, n=times)


def _advised(study: Study, rows: pd.DataFrame) -> Table:
    words = study.words
    shown = pd.DataFrame(
        [
            {
                "agent": study.agent_name(row[_P.AGENT_ID]),
                "what": rates.cell(title_of(study, row[_P.BEHAVIOUR])),
                "rate": rate_text(study, row[_P.BEHAVIOUR], row[_P.RATE]),
                "peers": rate_text(study, row[_P.BEHAVIOUR], row[_P.PEER_RATE]),
                "occasions": words.number(row[_P.OPPORTUNITIES]),
                "gain": _gain(study, row),
            }
            for _, row in rows.iterrows()
        ]
    )
    labels = {name: study.word(f"coaching.column_{name}") for name in shown.columns}
    return Table(shown, study.word("coaching.agents"), labels=labels, name="plan")


def _gain(study: Study, row: pd.Series) -> str:
    number = study.words.number
    value = number(row[_P.EXPECTED_GAIN], 1, sign=True)
    low, high = number(row[_P.LOW], 1), number(row[_P.HIGH], 1)
    return rates.cell(study.words.with_interval(value, low, high))


def strengths(study: Study, plan: pd.DataFrame) -> Block:
    """Return who does what better than comparable peers, and whom they could help with it."""
    rows = of_kind(plan, "strength")
    if rows.empty:
        return Prose(study.word("coaching.no_strengths"))
    learners = mentors(plan).groupby(_P.BEHAVIOUR)[_P.AGENT_ID].agg(list)
    items = []
    for name, own in rows.groupby(_P.BEHAVIOUR):
        text = study.word(
            "coaching.strength",
            behaviour=strength_of(study, str(name)),
            agents=_named(study, own[_P.AGENT_ID]),
        )
        if name in learners:
            text = study.word(
                "coaching.mentors", text=text, agents=_named(study, learners[str(name)])
            )
        items.append(text)
    return Note(items, study.word("coaching.strengths"))


def _named(study: Study, agents: pd.Series | list[str]) -> str:
    return study.words.listed([study.agent_name(agent) for agent in agents])


def verdicts(study: Study, status: pd.DataFrame) -> Block:
    """Return who is to keep it up, and of whom too little was seen to say anything."""
    groups = {str(name): list(own["agent_id"]) for name, own in status.groupby("status")}
    items = [
        study.word("coaching.keep_it_up", agents=_named(study, groups.get("keep it up", []))),
        study.word("coaching.too_few", agents=_named(study, groups.get("not enough evidence", []))),
    ]
    there = ["keep it up" in groups, "not enough evidence" in groups]
    told = [item for item, is_there in zip(items, there, strict=True) if is_there]
    return Note(told, study.word("coaching.verdicts"))


def funnel(study: Study, found: AgentSpread) -> Block:
    """Draw every agent's conversion over how many inquiries it rests on, without a ranking.

    Only agents outside the team's usual spread are named.
    """
    agents, spread = found.agents, found.spread
    if spread is None:
        return Prose(study.word("coaching.no_funnel"))
    words, outside = study.words, agents[agents["outside"].astype(bool)]
    figure, axes = plt.subplots(figsize=theme.WIDE)
    count = agents["inquiries"]
    grid = np.linspace(max(count.min() * 0.7, 1), count.max() * 1.15, 200)
    for limits, shade in ((spread.usual_limits(grid), 0.35), (spread.chance_limits(grid), 0.7)):
        axes.fill_between(grid, *limits, color=theme.BAND, alpha=shade, linewidth=0)
    axes.axhline(spread.centre, color=theme.MUTED, linewidth=1)
    axes.plot(count, agents["adjusted"], "o", color=theme.INK, markersize=6)
    for _, row in outside.iterrows():
        axes.annotate(
            study.agent_name(str(row["agent_id"])),
            (row["inquiries"], row["adjusted"]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_xlabel(study.word("coaching.funnel_x"))
    axes.yaxis.set_major_formatter(lambda value, _: words.percent(value, 0))
    axes.set_ylim(bottom=0)
    title = rates.apart(study, spread)
    return Picture(
        figure,
        title,
        alt=title,
        caption=study.word("coaching.funnel_caption"),
        data=agents.drop(columns="above").round(4),
        name="funnel",
    )
