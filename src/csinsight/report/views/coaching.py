"""Notebook 05: what to practise, who would gain, who could show others, and the playbooks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.coaching.library import Playbook, load_library
from csinsight.contract.artifacts import CoachingPlan, Drivers
from csinsight.contract.domain import TIMINGS
from csinsight.report import theme
from csinsight.report.blocks import Block, Finding, Note, Prose, Stack
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import effects, rates

_P = CoachingPlan


def advice(plan: pd.DataFrame) -> pd.DataFrame:
    """Return the plan's recommendations that rest on drivers."""
    return as_taught(plan[plan[_P.KIND] == "driver"])


def as_taught(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a plan whose effect points the way that the library teaches.

    The others are told on the page of drivers: to advise or to praise in the library's words
    would say the opposite of the figures.
    """
    pairs = zip(rows[_P.BEHAVIOUR], rows[_P.EFFECT_PP], strict=True)
    taught = [effects.as_taught(str(name), effect) for name, effect in pairs]
    kept: pd.DataFrame = rows[pd.Series(taught, index=rows.index, dtype=bool)]
    return kept


def by_behaviour(plan: pd.DataFrame) -> pd.DataFrame:
    """Sum the recommendations over agents: how many, and the gain of all with its interval.

    Agents' gains share the uncertainty of one effect, so their interval ends are added up: wider
    than independence would make them.
    """
    groups = advice(plan).groupby(_P.BEHAVIOUR)
    table = groups.agg(
        agents=(_P.AGENT_ID, "nunique"),
        gain=(_P.EXPECTED_GAIN, "sum"),
        low=(_P.LOW, "sum"),
        high=(_P.HIGH, "sum"),
    )
    return table.sort_values(["gain", "agents"], ascending=False).reset_index()


def rules_by_agents(plan: pd.DataFrame) -> pd.Series:
    """Return by rule of how many agents a talk shows a possible breach, most first."""
    broken = plan[plan[_P.KIND] == "compliance"]
    agents: pd.Series = broken.groupby(_P.BEHAVIOUR)[_P.AGENT_ID].nunique()
    return agents.sort_values(ascending=False, kind="stable")


def sentence(study: Study, plan: pd.DataFrame) -> str:
    """Return the finding: rules first, then how many agents get what to practise."""
    table = by_behaviour(plan)
    broken = plan[plan[_P.KIND] == "compliance"]
    parts = []
    if len(broken):
        parts.append(study.word("coaching.rules", agents=_agents(study, broken)))
    if table.empty:
        parts.append(study.word(_silence(study)))
        return study.words.sentences(*parts)
    first = table.iloc[0]
    told = advice(plan)
    number = rates.counted(study, "recommendations", len(told))
    parts.append(study.word("coaching.found", n=number, agents=_agents(study, told)))
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
    table, broken = by_behaviour(plan), plan[plan[_P.KIND] == "compliance"]
    if table.empty:
        rules = study.word("brief.plan_rules", broken=_agents(study, broken))
        return study.words.sentences(rules if len(broken) else "", study.word(_silence(study)))
    first = table.iloc[0]
    behaviour = title_of(study, first[_P.BEHAVIOUR])
    agents = rates.counted(study, "agents", int(first["agents"]))
    if broken.empty:
        return study.word("coaching.first", behaviour=behaviour, agents=agents)
    return study.word(
        "brief.plan_both", broken=_agents(study, broken), behaviour=behaviour, agents=agents
    )


def _agents(study: Study, rows: pd.DataFrame) -> str:
    """Write how many agents the rows of a plan are about."""
    return rates.counted(study, "agents", rows[_P.AGENT_ID].nunique())


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
    counts = advice(plan)[_P.BEHAVIOUR].value_counts().sort_index()
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


def rate_text(study: Study, behaviour: str, value: float) -> str:
    """Write a behaviour's rate in its own unit: seconds, a ratio, or a share."""
    if behaviour == "answer_ask_ratio":
        return study.words.number(value, 2)
    if behaviour in TIMINGS and behaviour != "slow_reply_share":
        return study.words.seconds(value)
    return study.words.percent(value, 0)


def agents(study: Study, plan: pd.DataFrame) -> Block:
    """Return the plan agent by agent: rules to look at first, then what to practise."""
    rows, broken = advice(plan), plan[plan[_P.KIND] == "compliance"]
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


def breaches(row: pd.Series) -> int:
    """Return in how many conversations of the month a rule was seen broken."""
    return round(float(row[_P.RATE]) * int(row[_P.OPPORTUNITIES]))


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
    """Return who does what better than comparable peers."""
    rows = as_taught(plan[plan[_P.KIND] == "strength"])
    if rows.empty:
        return Prose(study.word("coaching.no_strengths"))
    items = [
        study.word(
            "coaching.strength",
            behaviour=strength_of(study, str(name)),
            agents=study.words.listed([study.agent_name(a) for a in own[_P.AGENT_ID]]),
        )
        for name, own in rows.groupby(_P.BEHAVIOUR)
    ]
    return Note(items, study.word("coaching.strengths"))


def strength_of(study: Study, behaviour: str) -> str:
    """Return what a behaviour is called as a strength, to begin a line with."""
    text = study.word(f"strength.{behaviour}")
    return text[:1].upper() + text[1:]


def title_of(study: Study, behaviour: str) -> str:
    """Return what the coaching library calls a behaviour, as something to do."""
    return load_library(study.lang).behaviours[behaviour].title


def playbook_table(study: Study, books: pd.DataFrame) -> Block:
    """Return for each type and tier how many, what serves them, and what goes with conversion."""
    if books.empty:
        return Prose(study.word("coaching.no_playbooks"))
    guides = load_library(study.lang).buyers
    shown = pd.DataFrame(
        {
            "segment": [study.word(f"{b.cut}.{b.segment}") for b in books.itertuples()],
            "inquiries": books["inquiries"].to_numpy(),
            "paid": [_paid(study, row) for _, row in books.iterrows()],
            "know_by": [_guide(study, guides.get(name), "know_by") for name in books["segment"]],
            "do": [_guide(study, guides.get(name), "do") for name in books["segment"]],
            "found": [_found(study, book) for _, book in books.iterrows()],
        }
    )
    labels = {name: study.word(f"coaching.column_{name}") for name in shown.columns}
    return Table(
        shown,
        study.word("coaching.playbooks"),
        caption=study.word("coaching.playbooks_caption"),
        labels=labels,
        name="playbooks",
    )


def _paid(study: Study, row: pd.Series) -> str:
    percent = study.words.percent
    if pd.isna(row["paid_rate"]):
        return study.word("text.unknown")
    return rates.cell(
        study.words.with_interval(
            percent(row["paid_rate"], 0), percent(row["paid_low"], 0), percent(row["paid_high"], 0)
        )
    )


def _guide(study: Study, guide: Playbook | None, field: str) -> str:
    text = getattr(guide, field) if guide else study.word("text.not_given")
    return study.word("text.clause_join").join(text) if isinstance(text, list) else str(text)


def _found(study: Study, book: pd.Series) -> str:
    """Write which behaviours go with more, and with fewer, sales among these buyers alone."""
    join = study.word("text.list_join").join
    parts = [
        study.word(
            f"coaching.found_{side}",
            behaviours=join(study.word(f"behaviour.{name}") for name in book[side]),
        )
        for side in effects.NAMED
        if len(book[side])
    ]
    return study.word("text.clause_join").join(parts) or study.word("text.not_given")
