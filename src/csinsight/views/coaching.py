"""Notebook 05: what to practise, and how many would gain.

Notebook 05: what it leaves for the cards and for the team lead.

Notebook 05: what has come of earlier advice, and of findings that somebody rejected.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.coaching import disputes as settled
from csinsight.coaching.month import Coached
from csinsight.contract.artifacts import CoachingPlan, Conversations, Drivers, FollowUp
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Note, Prose, Stack
from csinsight.render.figure import Picture
from csinsight.render.table import Table
from csinsight.views import rates
from csinsight.views.labels import agents_of, of_kind, rate_text, readable_rate, title_of
from csinsight.views.study import Study
from csinsight.views.workbook import JSON, WORKBOOK, write_exports

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


def keep(study: Study, coached: Coached, talks: pd.DataFrame, followed: pd.DataFrame) -> None:
    """Write the tables that the cards read, and the plan as workbook and JSON."""
    study.write("agent_status", coached.status)
    study.write("agent_rates", coached.adjusted_rates)
    study.write("coaching_disputes", coached.disputes)
    study.write("coaching_excerpts", talks)
    study.write(FollowUp.NAME, followed)
    write_exports(study, coached.plan, coached.status, talks, followed)


def files(study: Study) -> Note:
    """Return the links to the plan as workbook and as JSON."""
    items = [
        study.word("coaching.file_workbook", file=WORKBOOK),
        study.word("coaching.file_json", file=JSON),
    ]
    return Note(items, study.word("coaching.files"))


_F = FollowUp
_WORDS = {
    "better": "follow.better",
    "worse": "follow.worse",
    "no clear change": "follow.unclear",
    "not enough evidence": "follow.too_few",
}


def followed(study: Study, found: pd.DataFrame) -> Block:
    """Return how what was advised has gone since, beside agents who were not advised."""
    team = found[found[_F.AGENT_ID].isna()]
    if team.empty:
        return Prose(study.word("follow.none"))
    latest = team[team[_F.MONTH] == team[_F.MONTH].max()]
    return Stack(*_trend(study, team), _table(study, latest))


def _trend(study: Study, team: pd.DataFrame) -> list[Block]:
    """Draw how the change has gone over the months since, where there are two or more."""
    shown = team[
        team[_F.CHANGE].notna() & team[_F.BEHAVIOUR].map(lambda b: unit_of(str(b)) == "shown")
    ]
    lines = [
        (key, own) for key, own in shown.groupby([_F.ADVISED_IN, _F.BEHAVIOUR]) if len(own) > 1
    ]
    if not lines:
        return []
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 2.6))
    told = []
    for (month, behaviour), own in lines:
        label = study.word(
            "follow.line", what=_name(study, str(behaviour)), month=study.words.month(str(month))
        )
        axes.errorbar(
            own[_F.MONTH],
            100 * own[_F.CHANGE],
            yerr=[
                100 * (own[_F.CHANGE] - own[_F.LOW]),
                100 * (own[_F.HIGH] - own[_F.CHANGE]),
            ],
            fmt="o-",
            capsize=0,
            label=label,
        )
        told.append(f"{label} {study.words.points(100 * own[_F.CHANGE].iloc[-1])}")
    axes.axhline(0, color=theme.MUTED, linewidth=1)
    axes.set_ylabel(study.word("follow.axis"))
    axes.legend(fontsize=8, frameon=False)
    axes.margins(x=0.1)
    return [
        Picture(
            figure,
            study.word("follow.trend"),
            alt=study.words.listed(told),
            caption=study.word("follow.trend_caption"),
            data=team.drop(columns=_F.AGENT_ID).round(4),
            name="follow_up",
        )
    ]


def _table(study: Study, rows: pd.DataFrame) -> Table:
    shown = pd.DataFrame(
        [
            {
                "advised": study.words.month(str(row[_F.ADVISED_IN])),
                "what": _name(study, str(row[_F.BEHAVIOUR])),
                "agents": study.words.number(row[_F.AGENTS]),
                "before": rate_text(study, str(row[_F.BEHAVIOUR]), _read(row, _F.BEFORE)),
                "after": rate_text(study, str(row[_F.BEHAVIOUR]), _read(row, _F.AFTER)),
                "change": change_text(study, row),
                "verdict": study.word(_WORDS[str(row[_F.VERDICT])]),
            }
            for _, row in rows.iterrows()
        ]
    )
    labels = {name: study.word(f"follow.column_{name}") for name in shown.columns}
    title, caption = study.word("follow.title"), study.word("follow.caption")
    return Table(shown, title, caption=caption, labels=labels, name="follow-up")


def change_text(study: Study, row: pd.Series) -> str:
    """Write how much more the advised have moved than the others, with its interval."""
    if pd.isna(row[_F.CHANGE]):
        return study.word("text.not_given")
    numbers = [float(row[name]) for name in (_F.CHANGE, _F.LOW, _F.HIGH)]
    unit = unit_of(str(row[_F.BEHAVIOUR]))
    if unit == "doubling":
        # Of doublings one reads how much longer or shorter it takes.
        written = [study.words.points(100 * (2**n - 1), 0) + "%" for n in numbers]
    else:
        scale = 100 if unit == "shown" else 10
        written = [study.words.points(scale * n) for n in numbers]
    return rates.cell(study.words.with_interval(*written))


def _read(row: pd.Series, column: str) -> float:
    return readable_rate(str(row[_F.BEHAVIOUR]), float(row[column]))


def _name(study: Study, behaviour: str) -> str:
    paid = behaviour == Conversations.PAID
    return study.word("kpi.paid_rate" if paid else f"behaviour.{behaviour}")


def disputes(study: Study, rows: pd.DataFrame) -> Block:
    """Return how many findings were rejected and what came of them; how to reject one."""
    if rows.empty:
        return Prose(study.word("disputes.none"))
    counts = rows[settled.STATUS].value_counts()
    items = [
        study.word(f"disputes.{name.replace(' ', '_')}", n=study.words.number(int(counts[name])))
        for name in (settled.WITHHELD, settled.SET_ASIDE, settled.NO_FINDING)
        if name in counts
    ]
    return Note(items, study.word("disputes.title", n=study.words.number(len(rows))))
