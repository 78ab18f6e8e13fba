"""Notebook 05: what to practise, and how many would gain."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.contract.artifacts import CoachingPlan, Drivers
from csinsight.report import theme
from csinsight.report.blocks import Block, Finding, Prose
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.views import rates
from csinsight.report.views.habits import agents_of, of_kind, title_of

_P = CoachingPlan


def by_behaviour(plan: pd.DataFrame) -> pd.DataFrame:
    """Sum the recommendations over agents: how many, and the gain of all with its interval.

    Agents' gains share the uncertainty of one effect, so their interval ends are added up: wider
    than independence would make them.
    """
    groups = of_kind(plan, "driver").groupby(_P.BEHAVIOUR)
    table = groups.agg(
        agents=(_P.AGENT_ID, "nunique"),
        gain=(_P.EXPECTED_GAIN, "sum"),
        low=(_P.LOW, "sum"),
        high=(_P.HIGH, "sum"),
    )
    return table.sort_values(["gain", "agents"], ascending=False).reset_index()


def rules_by_agents(plan: pd.DataFrame) -> pd.Series:
    """Return by rule of how many agents a talk shows a possible breach, most first."""
    broken = of_kind(plan, "compliance")
    agents: pd.Series = broken.groupby(_P.BEHAVIOUR)[_P.AGENT_ID].nunique()
    return agents.sort_values(ascending=False, kind="stable")


def sentence(study: Study, plan: pd.DataFrame) -> str:
    """Return the finding: rules first, then how many agents get what to practise."""
    table = by_behaviour(plan)
    broken = of_kind(plan, "compliance")
    parts = []
    if len(broken):
        parts.append(study.word("coaching.rules", agents=agents_of(study, broken)))
    if table.empty:
        parts.append(study.word(_silence(study)))
        return study.words.sentences(*parts)
    first = table.iloc[0]
    told = of_kind(plan, "driver")
    number = rates.counted(study, "recommendations", len(told))
    parts.append(study.word("coaching.found", n=number, agents=agents_of(study, told)))
    parts.append(
        study.word(
            "coaching.first",
            behaviour=title_of(study, first[_P.BEHAVIOUR]),
            agents=rates.counted(study, "agents", int(first["agents"])),
        )
    )
    return study.words.sentences(*parts)


def in_brief(study: Study, plan: pd.DataFrame) -> str:
    """Return what to do first, in one sentence: rules to look at, then what to practise."""
    table, broken = by_behaviour(plan), of_kind(plan, "compliance")
    if table.empty:
        rules = study.word("brief.plan_rules", broken=agents_of(study, broken))
        return study.words.sentences(rules if len(broken) else "", study.word(_silence(study)))
    first = table.iloc[0]
    behaviour = title_of(study, first[_P.BEHAVIOUR])
    agents = rates.counted(study, "agents", int(first["agents"]))
    if broken.empty:
        return study.word("coaching.first", behaviour=behaviour, agents=agents)
    return study.word(
        "brief.plan_both", broken=agents_of(study, broken), behaviour=behaviour, agents=agents
    )


def team_title(study: Study, table: pd.DataFrame) -> str:
    """Return the finding above the team's plan: what first, for how many, and what of it."""
    words, first = study.words, table.iloc[0]
    gain = words.with_interval(
        words.word("unit.orders", n=words.number(first["gain"], 0, sign=True)),
        words.number(first["low"]),
        words.number(first["high"]),
    )
    return study.word(
        "coaching.team",
        behaviour=title_of(study, first[_P.BEHAVIOUR]),
        agents=rates.counted(study, "agents", int(first["agents"])),
        gain=gain,
    )


def _silence(study: Study) -> str:
    """Return the word for a month without recommendations: none found, or none to be found."""
    return "coaching.none" if study.has(Drivers.NAME) else "coaching.no_drivers"


def nothing(study: Study) -> Prose:
    """Return why there is nothing to practise."""
    return Prose(study.word(f"{_silence(study)}_long"))


def finding(study: Study, plan: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index."""
    text = sentence(study, plan)
    study.write_facts({"finding": text})
    return Finding(text)


def headline(plan: pd.DataFrame) -> dict[str, int]:
    """Return how many agents are advised on what, for the recorded results."""
    counts = of_kind(plan, "driver")[_P.BEHAVIOUR].value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def team(study: Study, plan: pd.DataFrame) -> Block:
    """Draw the expected gain of each behaviour over all agents advised on it."""
    table = by_behaviour(plan)
    if table.empty:
        return nothing(study)
    words = study.words
    names = [
        f"{title_of(study, b)} · {words.word('unit.people', n=n)}"
        for b, n in zip(table[_P.BEHAVIOUR], table["agents"], strict=True)
    ]
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 1.0 + 0.36 * len(table)))
    spread = np.vstack([table["gain"] - table["low"], table["high"] - table["gain"]]).clip(0)
    axes.errorbar(table["gain"], names, xerr=spread, fmt="o", color=theme.HELPS, linewidth=2.2)
    axes.invert_yaxis()
    axes.axvline(0, color=theme.MUTED, linewidth=1)
    axes.set_xlabel(study.word("coaching.axis"))
    axes.grid(visible=False, axis="y")
    axes.margins(y=0.25)
    told = [
        words.with_interval(
            f"{name} {words.number(g, 1, sign=True)}", words.number(lo, 1), words.number(hi, 1)
        )
        for name, g, lo, hi in zip(names, table["gain"], table["low"], table["high"], strict=True)
    ]
    return Picture(
        figure,
        team_title(study, table),
        alt=words.listed(told),
        caption=study.word("coaching.team_caption"),
        data=table.round(3),
        name="coaching_by_behaviour",
    )
