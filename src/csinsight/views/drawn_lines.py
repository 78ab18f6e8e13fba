"""Conversations drawn by lot with and without a behaviour, to be read, in notebook 05."""

from __future__ import annotations

import pandas as pd

from csinsight.coaching.masking import reference
from csinsight.render.blocks import (
    Anchor,
    Block,
    Columns,
    Folded,
    Prose,
    Stack,
    Talk,
)
from csinsight.views import labels
from csinsight.views.study import Study


def behind(study: Study, lines: pd.DataFrame) -> Block:
    """Return, by behaviour that goes with a sale, conversations with and without it, to be read.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(behind(sample_study(), pd.DataFrame(columns=["behaviour", "shown"]))).__name__
    'Prose'
    """
    if lines.empty:
        return Prose(study.word("behind.none"))
    boxes = []
    for name, own in lines.groupby("behaviour", sort=False):
        sides = [
            Stack(Prose(study.word(f"behind.{side}")), *_read(study, part))
            for side, part in (("with", own[own["shown"]]), ("without", own[~own["shown"]]))
        ]
        count = labels.counted(study, "conversations", own["conversation_id"].nunique())
        title = study.word("text.with_count", value=labels.label(study, str(name)), n=count)
        boxes.append(Folded(title, Anchor(f"behind-{name}"), Columns(*sides)))
    return Stack(Prose(study.word("behind.title")), *boxes)


def _read(study: Study, lines: pd.DataFrame) -> list[Talk]:
    """Return each conversation under its day, whether it was paid, and its name."""
    talks = []
    for name, own in lines.groupby("conversation_id", sort=False):
        first = own.iloc[0]
        parts = [study.words.day(first["sent_at"])] if pd.notna(first["sent_at"]) else []
        if pd.notna(first["paid"]):
            parts.append(study.word("behind.paid" if first["paid"] else "behind.not_paid"))
        parts.append(study.word("card.talk", name=reference(str(name))))
        said = [
            (
                study.word("block.buyer" if sender == "buyer" else "block.agent"),
                labels.quoted(study, text),
            )
            for sender, text in zip(own["sender"], own["text"], strict=True)
        ]
        talks.append(Talk(" · ".join(parts), said))
    return talks
