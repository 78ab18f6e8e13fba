"""Notebook 03: what the team shows in chat, and what may break the platform's rules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csinsight.contract.domain import COMPLIANCE
from csinsight.drivers.scales import as_float
from csinsight.report.blocks import Block, Note, Prose
from csinsight.report.study import Study
from csinsight.report.views import rates


def behaviours(study: Study, conversations: pd.DataFrame) -> Block:
    """Draw how often each behaviour was shown in the month."""
    found = rates.behaviour_rates(study.of_month(conversations))
    if found.empty:
        return Prose(study.word("kpis.no_behaviours"))
    return rates.rate_bars(study, found)


def compliance(study: Study, conversations: pd.DataFrame) -> Block:
    """Return how many conversations of the month break which platform rule."""
    month = study.of_month(conversations)
    items = []
    for rule in COMPLIANCE:
        broken = int(np.nansum(as_float(month[rule])))
        if broken:
            items.append(
                study.word(
                    "kpis.compliance_item",
                    rule=study.word(f"behaviour.{rule}"),
                    n=study.words.number(broken),
                    all=study.words.number(len(month)),
                )
            )
    title = study.word("kpis.compliance")
    return Note(items, title) if items else Prose(study.word("kpis.compliance_none"))
