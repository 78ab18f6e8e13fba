"""Response time against satisfaction in a support team that is not ours (`csat`, August 2023)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tests.contexts import LEAST, MINIMA

from csinsight.drivers.design import Design, design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.sensitivity import dose_response

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "csat" / "customer_support.csv"
AS_OF = pd.Timestamp("2023-09-01").to_pydatetime()
#: Times are given in whole minutes: none at all is taken for half of one.
HALF_A_MINUTE_S = 30.0
ENDS = (120, 300, 900, 3600, 6 * 3600)
WAIT = "first_response_s"


def load(file: Path = FILE) -> tuple[pd.DataFrame, int]:
    """Return the rated contacts as conversations, and how many had a reply before the report.

    A reply before its report is a fault of the log, not a quick one; such rows are left out.
    """
    raw = pd.read_csv(file)
    form = "%d/%m/%Y %H:%M"
    asked = pd.to_datetime(raw["Issue_reported at"], format=form)
    answered = pd.to_datetime(raw["issue_responded"], format=form)
    seconds = (answered - asked).dt.total_seconds()
    talks = pd.DataFrame(
        {
            "conversation_id": raw["Unique id"],
            "agent_id": raw["Agent_name"],
            "started_at": asked,
            "counted_at": asked,
            "category": raw["category"],
            "satisfaction": raw["CSAT Score"].astype(float),
            WAIT: seconds.clip(lower=HALF_A_MINUTE_S),
        }
    )
    faults = seconds < 0
    return talks[~faults].reset_index(drop=True), int(faults.sum())


def of_agents(talks: pd.DataFrame) -> float:
    """Return the share of the ratings' variance that lies between agents (ICC(1))."""
    groups = talks.groupby("agent_id")["satisfaction"]
    n, k = len(talks), groups.ngroups
    between = (groups.size() * (groups.mean() - talks["satisfaction"].mean()) ** 2).sum() / (k - 1)
    within = (groups.var() * (groups.size() - 1)).sum() / (n - k)
    usual = (n - (groups.size() ** 2).sum() / n) / (k - 1)
    return float((between - within) / (between + (usual - 1) * within))


def study() -> tuple[pd.DataFrame, Design, pd.DataFrame, int]:
    """Return the contacts, the design, the estimates of waiting, and the faults left out."""
    talks, faults = load()
    plan = design(talks, outcome="satisfaction", as_of=AS_OF, months=2)
    found = estimate_drivers(plan, scopes=("category",), **LEAST)
    return talks, plan, found[(found["behaviour"] == WAIT) & found["effect_pp"].notna()], faults


def run() -> str:
    """Return this part of the page."""
    talks, plan, found, faults = study()
    rank = talks[WAIT].corr(talks["satisfaction"], method="spearman")
    whole = found[found["scope"] == "all"].iloc[0]
    rows = [
        f"| {row.scope} | {row.n:,} | {row.raw_pp:+.3f} | {row.between_pp:+.3f} | "
        f"{row.effect_pp:+.3f} ({row.low_pp:+.3f} to {row.high_pp:+.3f}) | {row.verdict} |"
        for row in found.itertuples()
    ]
    bands = [
        f"| {_minutes(row.from_s, row.to_s)} | {row.n:,} | "
        f"{row.effect_pp:+.2f} ({row.low_pp:+.2f} to {row.high_pp:+.2f}) |"
        for row in dose_response(plan, WAIT, ends=ENDS, **MINIMA).itertuples()
    ]
    return f"""## Response time and satisfaction, in public data

{len(talks) + faults:,} rated contacts of {talks["agent_id"].nunique()} agents of an online shop's
support in August 2023 (ratings 1 to 5, mean {talks["satisfaction"].mean():.2f}). {faults} replies
are logged before the report they answer ({faults / (len(talks) + faults):.1%}): faults, left out.

Slower replies go with lower ratings: Spearman {rank:.2f}. The same agent, contacts of one category,
hour, weekday and busyness compared, {_sign(whole["effect_pp"])} rating points per doubling of the
wait (95 % {whole["low_pp"]:+.3f} to {whole["high_pp"]:+.3f}). What this can't tell: hard issues may
both wait longer and end worse, and only those who answered the survey are here.

| contacts | n | raw | between agents | within agents (95 %) | verdict |
|---|---|---|---|---|---|
{chr(10).join(rows)}

In points of the rating per doubling of the wait. By bands, against the quickest, within agents:

| minutes | n | rating (95 %) |
|---|---|---|
{chr(10).join(bands)}

{_ranking(of_agents(talks))}
"""


def _minutes(low: float, high: float) -> str:
    if np.isnan(high):
        return f"over {low / 60:.0f}"
    return f"up to {high / 60:.0f}" if low == 0 else f"{low / 60:.0f} to {high / 60:.0f}"


def _sign(value: float) -> str:
    return f"{abs(value):.3f} {'fewer' if value < 0 else 'more'}"


def _ranking(share: float) -> str:
    return (
        f"Of all that differs between ratings, {share:.1%} lies between agents (ICC): with about\n"
        "a dozen ratings each, a ranking of agents by mean rating would be mostly noise, which is\n"
        "why the report draws none."
    )
