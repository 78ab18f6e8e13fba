"""Notebook 05: serving each temper of buyer, the professional phrase, and the newcomers' ladder."""

from __future__ import annotations

import pandas as pd

from csinsight.coaching.library import load_library
from csinsight.report.blocks import Block, Stack
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views.playbooks import guide_box, in_pairs


def manners(study: Study) -> Block:
    """Return what the library says beside figures: tempers, phrases, and how newcomers learn."""
    library = load_library(study.lang)
    tempers = [
        guide_box(study, study.word(f"temper.{name}"), guide)
        for name, guide in library.tempers.items()
    ]
    phrases = pd.DataFrame([phrase.model_dump() for phrase in library.everyday])
    ladder = pd.DataFrame([rung.model_dump() for rung in library.ladder])
    return Stack(
        in_pairs(tempers),
        _table(study, phrases, "everyday"),
        _table(study, ladder, "ladder"),
    )


def _table(study: Study, frame: pd.DataFrame, name: str) -> Table:
    labels = {str(column): study.word(f"manners.column_{column}") for column in frame.columns}
    return Table(frame, study.word(f"manners.{name}"), labels=labels, name=name)
