"""Notebook 05: what it leaves for the cards and for the team lead."""

from __future__ import annotations

import pandas as pd

from csinsight.coaching.month import Coached
from csinsight.contract.artifacts import FollowUp
from csinsight.report.blocks import Note
from csinsight.report.exports import JSON, WORKBOOK, write_exports
from csinsight.report.study import Study


def keep(study: Study, coached: Coached, talks: pd.DataFrame, followed: pd.DataFrame) -> None:
    """Write the tables that the cards read, and the plan as workbook and JSON."""
    study.write("agent_status", coached.status)
    study.write("agent_standings", coached.standings)
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
