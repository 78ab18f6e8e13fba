"""Roll-outs by lot, in notebook 05 and on cards: what was planned and done, and what it showed."""

from __future__ import annotations

import pandas as pd

from csinsight.contract.artifacts import RolloutAgents, Rollouts
from csinsight.render.blocks import Block, Prose, Stack
from csinsight.render.table import Table
from csinsight.views import labels
from csinsight.views.study import Study

_R, _A = Rollouts, RolloutAgents
#: Under this the chance to have an opportunity has moved, and inquiries are not comparable.
_MOVED = 0.05


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
                "uptake": labels.cell(_points(study, row, _R.UPTAKE_PP)),
                "effect": labels.cell(_points(study, row, _R.EFFECT_PP)),
                "verdict": verdict(study, row),
            }
            for _, row in found.iterrows()
        ]
    )
    headings = labels.headings(study, "rollouts", shown.columns)
    title, caption = study.word("rollouts.title"), study.word("rollouts.caption")
    whole = Table(shown, title, caption=caption, labels=headings, name="rollouts")
    return Stack(whole, _latest(study, found, agents))


def verdict(study: Study, row: pd.Series) -> str:
    """Say in words what came of a roll-out, and what stands in the way of believing it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study, row = sample_study(), pd.Series({"status": "running", "unseen": ["a001"]})
    >>> verdict(study, row).startswith(study.word("rollouts.running"))
    True
    """
    status, names = str(row[_R.STATUS]), [study.agent_name(a) for a in row[_R.UNSEEN]]
    missing = [study.word("rollouts.unseen", agents=study.words.listed(names))] if names else []
    if status != "read":
        return study.words.sentences(study.word(f"rollouts.{status.replace(' ', '_')}"), *missing)
    told = [study.word(f"rollouts.{_side(row)}"), *missing]
    if not row[_R.AS_DRAWN]:
        told.append(study.word("rollouts.not_as_drawn"))
    if row[_R.UPTAKE_LOW_PP] <= 0 <= row[_R.UPTAKE_HIGH_PP]:
        told.append(study.word("rollouts.not_followed"))
    if row[_R.OPPORTUNITY_P] <= _MOVED:
        told.append(study.word("rollouts.not_comparable"))
    return study.words.sentences(*told)


def in_words(study: Study, row: pd.Series) -> str:
    """Return what one roll-out says, in a sentence or three for a driver's card.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = pd.Series({"status": "planned", "unseen": [], "ends_at": pd.Timestamp("2026-12-31")})
    >>> in_words(sample_study(), row).endswith(verdict(sample_study(), row))
    True
    """
    told = study.word("rollouts.card", date=study.words.date(row[_R.ENDS_AT]))
    if row[_R.STATUS] == "read":
        effect = study.word("rollouts.card_effect", effect=_points(study, row, _R.EFFECT_PP))
        return study.words.sentences(told, verdict(study, row), effect)
    return study.words.sentences(told, verdict(study, row))


def _side(row: pd.Series) -> str:
    if row[_R.LOW_PP] > 0:
        return "more"
    return "less" if row[_R.HIGH_PP] < 0 else "unclear"


def _points(study: Study, row: pd.Series, column: str) -> str:
    if pd.isna(row[column]):
        return study.word("text.not_given")
    names = (column, *((_R.LOW_PP, _R.HIGH_PP) if column == _R.EFFECT_PP else _UPTAKE))
    return study.words.with_interval(*(study.words.points(float(row[name])) for name in names))


_UPTAKE = (_R.UPTAKE_LOW_PP, _R.UPTAKE_HIGH_PP)


def _latest(study: Study, found: pd.DataFrame, agents: pd.DataFrame) -> Table:
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
