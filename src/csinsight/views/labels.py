"""What behaviours are called in coaching, and how their rates are written."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csinsight.coaching.advice import load_library
from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.domain import TIMINGS
from csinsight.drivers.units import from_model
from csinsight.views import rates
from csinsight.views.study import Study

_P = CoachingPlan


def rate_text(study: Study, behaviour: str, value: float) -> str:
    """Write a behaviour's rate in its own unit: seconds, a ratio, or a share."""
    if behaviour == "answer_ask_ratio":
        return study.words.number(value, 2)
    if behaviour in TIMINGS and behaviour != "slow_reply_share":
        return study.words.seconds(value)
    return study.words.percent(value, 0)


def title_of(study: Study, behaviour: str) -> str:
    """Return what the coaching library calls a behaviour, as something to do."""
    return load_library(study.lang).behaviours[behaviour].title


def strength_of(study: Study, behaviour: str) -> str:
    """Return what a behaviour is called as a strength, to begin a line with."""
    text = study.word(f"strength.{behaviour}")
    return text[:1].upper() + text[1:]


def breaches(row: pd.Series) -> int:
    """Return in how many conversations of the month a rule was seen broken."""
    return round(float(row[_P.RATE]) * int(row[_P.OPPORTUNITIES]))


def agents_of(study: Study, rows: pd.DataFrame) -> str:
    """Write how many agents the rows of a plan are about."""
    return rates.counted(study, "agents", rows[_P.AGENT_ID].nunique())


def of_kind(plan: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a plan's rows of one kind."""
    rows: pd.DataFrame = plan[plan[_P.KIND] == kind]
    return rows


def readable_rate(behaviour: str, level: float) -> float:
    """Return a level in the behaviour's unit (doublings, ten points) as what `rate_text` takes."""
    return float(from_model(np.asarray(level), behaviour))
