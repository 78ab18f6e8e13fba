"""What came of earlier advice, and of findings that somebody rejected, in notebook 05."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from csinsight.coaching import month as settled
from csinsight.contract.artifacts import FollowUp, RolloutAgents, Rollouts
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import (
    Block,
    Note,
    Prose,
    Stack,
)
from csinsight.render.figure import Picture
from csinsight.render.table import Table
from csinsight.views import labels, rollouts
from csinsight.views.study import Study

_F = FollowUp
_WORDS = {
    "better": "follow.better",
    "worse": "follow.worse",
    "no clear change": "follow.unclear",
    "not enough evidence": "follow.too_few",
}


def since(
    study: Study, followed: pd.DataFrame, found: pd.DataFrame, by_agent: pd.DataFrame
) -> Block:
    """Return what came of advice and of roll-outs by lot, and keep both for the cards.

    Parameters
    ----------
    study : Study
    followed : DataFrame
        Of `csinsight.coaching.follow_up.follow_up`.
    found, by_agent : DataFrame
        Of `csinsight.drivers.rollout.read_rollouts`.

    Examples
    --------
    >>> from csinsight.coaching.follow_up import follow_up
    >>> from csinsight.drivers.rollout import load_rollouts, read_rollouts
    >>> from csinsight.sample import sample_conversations, sample_sessions
    >>> from csinsight.views.sample import sample_study
    >>> study, sessions = sample_study(), sample_sessions()
    >>> told = follow_up({}, sessions, as_of=study.as_of, months=3, seed=1)
    >>> talks, drawn = sample_conversations(), load_rollouts(study.data)
    >>> lots = read_rollouts(talks, drawn, as_of=study.as_of, sessions=sessions)
    >>> type(since(study, told, *lots)).__name__
    'Stack'
    """
    study.write(Rollouts.NAME, found)
    study.write(RolloutAgents.NAME, by_agent)
    return Stack(advised(study, followed), rollouts.rollouts(study, found, by_agent))


def advised(study: Study, found: pd.DataFrame) -> Block:
    """Return how what was advised has gone since, beside agents who were not advised.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> from csinsight.coaching.follow_up import follow_up
    >>> from csinsight.sample import sample_sessions
    >>> told = {"as_of": sample_study().as_of, "months": 3, "seed": 1}
    >>> type(advised(sample_study(), follow_up({}, sample_sessions(), **told))).__name__
    'Prose'
    """
    team = found[found[_F.AGENT_ID].isna()]
    if team.empty:
        return Prose(study.word("follow.none"))
    latest = team[team[_F.MONTH] == team[_F.MONTH].max()]
    shown = pd.DataFrame(
        [
            {
                "advised": study.words.month(str(row[_F.ADVISED_IN])),
                "what": labels.rate_name(study, str(row[_F.BEHAVIOUR])),
                "agents": study.words.number(row[_F.AGENTS]),
                "before": labels.rate_text(study, str(row[_F.BEHAVIOUR]), _level(row, _F.BEFORE)),
                "after": labels.rate_text(study, str(row[_F.BEHAVIOUR]), _level(row, _F.AFTER)),
                "change": change_text(study, row),
                "verdict": study.word(_WORDS[str(row[_F.VERDICT])]),
            }
            for _, row in latest.iterrows()
        ]
    )
    headings = labels.headings(study, "follow", shown.columns)
    title, caption = study.word("follow.title"), study.word("follow.caption")
    return Stack(
        *_trend(study, team),
        Table(shown, title, caption=caption, labels=headings, name="follow-up"),
    )


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
            "follow.line",
            what=labels.rate_name(study, str(behaviour)),
            month=study.words.month(str(month)),
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
    axes.legend(fontsize=theme.SMALL, frameon=False)
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


def change_text(study: Study, row: pd.Series) -> str:
    """Write how much more the advised have moved than the others, with its interval.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = {"behaviour": "recommends", "change": 0.1, "change_low": 0.02, "change_high": 0.18}
    >>> bool(change_text(sample_study(), pd.Series(row)))
    True
    """
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
    return labels.cell(study.words.with_interval(*written))


def _level(row: pd.Series, column: str) -> float:
    return labels.readable_rate(str(row[_F.BEHAVIOUR]), float(row[column]))


def disputes(study: Study, rows: pd.DataFrame) -> Block:
    """Return how many findings were rejected and what came of them; how to reject one.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(disputes(sample_study(), pd.DataFrame(columns=["status"]))).__name__
    'Prose'
    """
    if rows.empty:
        return Prose(study.word("disputes.none"))
    counts = rows[settled.STATUS].value_counts()
    items = [
        study.word(f"disputes.{name.replace(' ', '_')}", n=study.words.number(int(counts[name])))
        for name in (settled.WITHHELD, settled.SET_ASIDE, settled.NO_FINDING)
        if name in counts
    ]
    return Note(items, study.word("disputes.title", n=study.words.number(len(rows))))
