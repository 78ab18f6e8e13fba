"""How people answered where a robot wrote first: from the buyer's message, from the hand-over."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.behaviours import kpis
from csinsight.contract.artifacts import AgentKpis as Kpi
from csinsight.contract.artifacts import Conversations
from csinsight.features.agent_sessions import ALONE, FROM_BUYER_S, FROM_HANDOVER_S, IN_180S
from csinsight.render.blocks import Block, Prose, Stack
from csinsight.render.table import Table
from csinsight.views import labels
from csinsight.views.study import Study

_C = Conversations

_READINGS: Final = {"buyer": FROM_BUYER_S, "handover": FROM_HANDOVER_S}


def figures(rounds: pd.DataFrame) -> pd.DataFrame:
    """Return the shop's row (agent null) and one for each agent, both readings side by side.

    Parameters
    ----------
    rounds : pandas.DataFrame
        Of `csinsight.features.agent_sessions.after_robot`.

    Returns
    -------
    pandas.DataFrame
        ``agent_id``, ``rounds`` that a person had to answer, ``robot_alone``, and for the readings
        ``buyer`` and ``handover`` the share answered in three minutes (``rate_…``), the mean and
        the median in seconds (``mean_…``, ``median_…``), each with its interval.

    Examples
    --------
    >>> from csinsight.features.agent_sessions import after_robot
    >>> from csinsight.sample import sample_messages
    >>> rounds = after_robot(sample_messages().cut)
    >>> int(figures(rounds)["agent_id"].isna().sum())
    1
    """
    groups = [
        (None, rounds),
        *rounds.dropna(subset=[_C.AGENT_ID]).groupby(_C.AGENT_ID),
    ]
    return pd.DataFrame([{_C.AGENT_ID: agent, **_row(part)} for agent, part in groups])


def _row(rounds: pd.DataFrame) -> kpis.Figures:
    alone = rounds[ALONE].astype(bool)
    human = rounds[~alone]
    row: kpis.Figures = {"rounds": len(human), "robot_alone": int(alone.sum())}
    for name, column in _READINGS.items():
        seconds = human[column].astype(float)
        row |= kpis.rate(f"rate_{name}", int(human[f"{IN_180S}{column}"].sum()), len(human))
        row |= kpis.mean(f"mean_{name}", seconds)
        row |= kpis.quantile(f"median_{name}", np.asarray(seconds, dtype=np.float64), 0.5)
    return row


def table(study: Study, found: pd.DataFrame) -> Block:
    """Return both readings side by side, and which is the headline; a line where no robot wrote.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nobody = pd.DataFrame({"agent_id": [None], "rounds": [0], "robot_alone": [0]})
    >>> type(table(sample_study(), nobody)).__name__
    'Prose'
    """
    if not found["rounds"].iloc[0] + found["robot_alone"].iloc[0]:
        return Prose(study.word("robot.none"))
    words, shop = study.words, found[_C.AGENT_ID].isna()
    order = labels.sorted_names(study, found.loc[~shop, _C.AGENT_ID])
    own = found[~shop].set_index(_C.AGENT_ID, drop=False).loc[order]
    found = pd.concat([found[shop], own], ignore_index=True)
    shown = pd.DataFrame(
        {
            "who": [
                study.word("robot.shop") if pd.isna(agent) else study.agent_name(agent)
                for agent in found[_C.AGENT_ID]
            ],
            "rounds": found["rounds"],
            **{
                f"{kind}_{name}": [
                    _written(study, row, f"{kind}_{name}") for _, row in found.iterrows()
                ]
                for kind in ("rate", "median", "mean")
                for name in _READINGS
            },
        }
    )
    told = study.word(
        "robot.found",
        rounds=words.number(found["rounds"].iloc[0]),
        alone=words.number(found["robot_alone"].iloc[0]),
        headline=study.word(f"robot.headline_{study.context.profile.response_from}"),
    )
    return Stack(
        Prose(told),
        Table(
            shown,
            study.word("robot.table"),
            caption=study.word("robot.caption"),
            labels={str(name): study.word(f"robot.column_{name}") for name in shown},
            formats={"rounds": words.number},
            name="after_robot",
        ),
    )


def _written(study: Study, row: pd.Series, name: str) -> str:
    if pd.isna(row[name]):
        return study.word("text.unknown")
    write = study.words.percent if name.startswith("rate") else study.words.seconds
    ends = [row[f"{name}{end}"] for end in (Kpi.LOW_SUFFIX, Kpi.HIGH_SUFFIX)]
    if any(pd.isna(end) for end in ends):
        return write(row[name])
    told = study.words.with_interval(write(row[name]), *(write(end) for end in ends))
    return labels.two_lines(told)
