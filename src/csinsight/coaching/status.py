"""What may be said to each agent at all: something to try, keep it up, or not enough evidence."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from csinsight.contract.artifacts import CoachingPlan, Conversations
from csinsight.drivers.design import in_months
from csinsight.drivers.scales import as_float
from csinsight.params import add_months

_C = Conversations
_P = CoachingPlan


def agent_status(
    conversations: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    as_of: datetime,
    months: int = 3,
    min_agent_inquiries: int = 50,
) -> pd.DataFrame:
    """Return what may be said to every agent of the report month or the look-back.

    Returns
    -------
    DataFrame
        ``agent_id``, ``inquiries`` in the look-back, ``month_inquiries``, ``status``:
        ``recommendations``, ``keep it up``, or ``not enough evidence``.
    """
    served = conversations[conversations[_C.AGENT_ID].notna()]
    served = served[as_float(served[_C.IS_INQUIRY]) == 1]
    recent = in_months(served, as_of, months)
    counts = recent[_C.AGENT_ID].value_counts().sort_index()
    month = recent[(recent[_C.STARTED_AT] >= add_months(as_of, -1)) | recent[_C.STARTED_AT].isna()][
        _C.AGENT_ID
    ].value_counts()
    advised = set(plan.loc[plan[_P.KIND] == "driver", _P.AGENT_ID])
    status = [
        "recommendations"
        if agent in advised
        else ("keep it up" if n >= min_agent_inquiries else "not enough evidence")
        for agent, n in counts.items()
    ]
    return pd.DataFrame(
        {
            "agent_id": counts.index.astype(str),
            "inquiries": counts.to_numpy(),
            "month_inquiries": month.reindex(counts.index, fill_value=0).to_numpy(),
            "status": status,
        }
    )
