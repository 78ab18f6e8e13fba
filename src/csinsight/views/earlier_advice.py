"""Notebook 05: what came of earlier advice, of roll-outs by lot, and of rejected findings."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from csinsight.coaching import disputes as settled
from csinsight.contract.artifacts import FollowUp, RolloutAgents, Rollouts
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import (
    Block,
    Note,
    Prose,
    Stack,
    Table,
)
from csinsight.render.figure import Picture
from csinsight.views import labels
from csinsight.views.study import Study

_F = FollowUp
_R, _A = Rollouts, RolloutAgents
_UPTAKE = (_R.UPTAKE_LOW_PP, _R.UPTAKE_HIGH_PP)
#: Under this the chance to have an opportunity has moved, and inquiries are not comparable.
_MOVED = 0.05
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
    return Stack(advised(study, followed), rollouts(study, found, by_agent))


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


def rollouts(study: Study, found: pd.DataFrame, agents: pd.DataFrame) -> Block:
    """Return what each roll-out did to paid conversion, and the latest agent by agent.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(rollouts(study, pd.DataFrame(), pd.DataFrame())).__name__
    'Prose'
    """
    if found.empty:
        return Prose(study.word("rollouts.none"))
    shown = pd.DataFrame(
        [
            {
                "what": labels.title_of(study, str(row[_R.BEHAVIOUR])),
                "ends": study.words.date(row[_R.ENDS_AT]),
                "agents": row[_R.AGENTS],
                "inquiries": row[_R.INQUIRIES],
                "uptake": labels.cell(_in_points(study, row, _R.UPTAKE_PP)),
                "effect": labels.cell(_in_points(study, row, _R.EFFECT_PP)),
                "verdict": rollout_verdict(study, row),
            }
            for _, row in found.iterrows()
        ]
    )
    headings = labels.headings(study, "rollouts", shown.columns)
    title, caption = study.word("rollouts.title"), study.word("rollouts.caption")
    whole = Table(shown, title, caption=caption, labels=headings, name="rollouts")
    return Stack(whole, _agent_by_agent(study, found, agents))


def rollout_verdict(study: Study, row: pd.Series) -> str:
    """Say in words what came of a roll-out, and what stands in the way of believing it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study, row = sample_study(), pd.Series({"status": "running", "unseen": ["a001"]})
    >>> rollout_verdict(study, row).startswith(study.word("rollouts.running"))
    True
    """
    status, names = str(row[_R.STATUS]), [study.agent_name(a) for a in row[_R.UNSEEN]]
    missing = [study.word("rollouts.unseen", agents=study.words.listed(names))] if names else []
    if status != "read":
        return study.words.sentences(study.word(f"rollouts.{status.replace(' ', '_')}"), *missing)
    side = "more" if row[_R.LOW_PP] > 0 else "less" if row[_R.HIGH_PP] < 0 else "unclear"
    told = [study.word(f"rollouts.{side}"), *missing]
    if not row[_R.AS_DRAWN]:
        told.append(study.word("rollouts.not_as_drawn"))
    if row[_R.UPTAKE_LOW_PP] <= 0 <= row[_R.UPTAKE_HIGH_PP]:
        told.append(study.word("rollouts.not_followed"))
    if row[_R.OPPORTUNITY_P] <= _MOVED:
        told.append(study.word("rollouts.not_comparable"))
    return study.words.sentences(*told)


def rollout_in_words(study: Study, row: pd.Series) -> str:
    """Return what one roll-out says, in a sentence or three for a driver's card.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = pd.Series({"status": "planned", "unseen": [], "ends_at": pd.Timestamp("2026-12-31")})
    >>> rollout_in_words(sample_study(), row).endswith(rollout_verdict(sample_study(), row))
    True
    """
    told = study.word("rollouts.card", date=study.words.date(row[_R.ENDS_AT]))
    if row[_R.STATUS] == "read":
        effect = study.word("rollouts.card_effect", effect=_in_points(study, row, _R.EFFECT_PP))
        return study.words.sentences(told, rollout_verdict(study, row), effect)
    return study.words.sentences(told, rollout_verdict(study, row))


def _in_points(study: Study, row: pd.Series, column: str) -> str:
    if pd.isna(row[column]):
        return study.word("text.not_given")
    names = (column, *((_R.LOW_PP, _R.HIGH_PP) if column == _R.EFFECT_PP else _UPTAKE))
    return study.words.with_interval(*(study.words.points(float(row[name])) for name in names))


def _agent_by_agent(study: Study, found: pd.DataFrame, agents: pd.DataFrame) -> Table:
    """Return a row an agent of the latest roll-out: the start drawn, and what was shown since."""
    latest = found.sort_values(_R.ENDS_AT, kind="stable").iloc[-1]
    own = agents[
        (agents[_A.BEHAVIOUR] == latest[_R.BEHAVIOUR]) & (agents[_A.SEED] == latest[_R.SEED])
    ].sort_values([_A.STARTS_AT, _A.AGENT_ID], kind="stable")
    shown = pd.DataFrame(
        {
            "agent": [study.agent_name(str(agent)) for agent in own[_A.AGENT_ID]],
            "starts": [study.words.date(day) for day in own[_A.STARTS_AT]],
            "before": [study.words.percent(share, 0) for share in own[_A.SHOWN_BEFORE]],
            "after": [study.words.percent(share, 0) for share in own[_A.SHOWN_AFTER]],
        }
    )
    what = labels.title_of(study, str(latest[_R.BEHAVIOUR]))
    title = study.word("rollouts.agents", behaviour=what)
    headings = labels.headings(study, "rollouts", shown.columns)
    return Table(shown, title, labels=headings, name="rollout-agents")
