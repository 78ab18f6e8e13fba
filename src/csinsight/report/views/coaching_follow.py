"""Notebook 05: what has come of earlier advice, and of findings that somebody rejected."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from csinsight.coaching import disputes as settled
from csinsight.contract.artifacts import Conversations, FollowUp
from csinsight.drivers.scales import unit_of
from csinsight.report import theme
from csinsight.report.blocks import Block, Note, Prose, Stack
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import rates
from csinsight.report.views.habits import rate_text, readable_rate

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
