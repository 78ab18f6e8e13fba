"""Is a behaviour a matter of the turn, or of the talk? Told from the data, without the outcome.

Where agents decide anew at every turn, long talks show more of everything, and only a comparison
turn by turn is fair. Where a behaviour is shown once a talk or not at all, wherever it falls, long
talks show no more of it, but spread it over more turns: then a show at a given turn speaks of a
short talk, and the talks themselves are what can be compared. A fair comparison is one in which
whoever showed a behaviour and whoever did not had talks of like length. That can be looked at
before any outcome is, and over all behaviours together, most of which move no length.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Conversations, opportunity_column, turn_column
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.scales import Floats, as_float
from csinsight.drivers.surprises import Codes, surprises

#: By so much has the comparison of talks to be better balanced before it is preferred.
MARGIN: Final = 0.03
#: Fewer behaviours than this that vary don't tell.
LEAST: Final = 4
_LEAST_TALKS: Final = 300
_RARE: Final = 0.02
#: Talks that are looked at, at most.
_LOOKED_AT: Final = 20_000


def shown_by_talk(conversations: pd.DataFrame) -> bool:
    """Tell whether talks, not turns, are what can be compared.

    Parameters
    ----------
    conversations : DataFrame
        Inquiries as read by `csinsight.drivers.exposure.judged`.
    """
    found = balance(conversations)
    if len(found) < LEAST:
        return False
    turns, talks = found["turns"].median(), found["talks"].median()
    return bool(abs(turns) > abs(talks) + MARGIN)


def balance(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return how each behaviour goes with the length of the talk, by either comparison.

    Parameters
    ----------
    conversations : DataFrame
        As for `shown_by_talk`.

    Returns
    -------
    DataFrame
        By behaviour that could be shown from the opening on: correlations, within agents and
        problem categories, of the logarithm of the turns judged with the surprise (``turns``) and
        with having been shown at all (``talks``). Near zero is fair.
    """
    step = max(len(conversations) // _LOOKED_AT, 1)
    looked = conversations.iloc[::step]
    judged = as_float(looked[Conversations.TURNS_JUDGED])
    agents = pd.factorize(looked[Conversations.AGENT_ID])[0].astype(np.int64)
    cases = pd.factorize(looked[Conversations.CATEGORY].fillna(""))[0].astype(np.int64)
    rows = {}
    for behaviour in TURN_MARKERS:
        first = as_float(looked[turn_column(behaviour)])
        since = as_float(looked[opportunity_column(behaviour)])
        here, shown = since == 1, (first >= 1).astype(float)
        if here.sum() < _LEAST_TALKS or not _RARE < shown[here].mean() < 1 - _RARE:
            continue
        unexpected = surprises(first, since, judged, agents, cases)
        length = _within(np.log(judged)[here], agents[here], cases[here])
        both = [_within(v[here], agents[here], cases[here]) for v in (unexpected, shown)]
        if min(length.std(), *(v.std() for v in both)) > 0:
            rows[behaviour] = [float(np.corrcoef(v, length)[0, 1]) for v in both]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["turns", "talks"])


def _within(values: Floats, agents: Codes, cases: Codes) -> Floats:
    """Return what is left of `values` beyond the mean of the agent's talks of the category."""
    codes = agents * (int(cases.max()) + 1) + cases
    number = np.maximum(np.bincount(codes), 1)
    return np.asarray(values - (np.bincount(codes, values) / number)[codes])
