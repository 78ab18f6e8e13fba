"""Four months of a team in which some are advised after the third, with and without a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

AS_OF = datetime(2026, 12, 1)
ADVISED_IN = "2026-10"


@dataclass(frozen=True)
class Months:
    """Conversations of four months, the plan after the third, and the true change (share)."""

    conversations: pd.DataFrame
    plans: dict[str, pd.DataFrame]
    truth: float


def draw_months(
    seed: int,
    lift: float,
    *,
    agents: int = 14,
    a_month: int = 110,
    before: int = 3,
    spread: float = 0.7,
) -> Months:
    """Draw a team; the five who look lowest are advised, and change by `lift` log-odds.

    Everybody moves by 0.3 log-odds in the last month, so that a plain before and after is wrong;
    the five are chosen by their figures, chance and all, so that they would rise by themselves,
    the more so the less agents truly differ (`spread`, log-odds).
    """
    rng = np.random.default_rng([seed, 6])
    habit = rng.normal(-0.6, spread, agents)
    starts = pd.date_range("2026-08-01", periods=4, freq="MS")[3 - before :]
    frames: list[pd.DataFrame] = []
    advised: list[str] = []
    gained = 0.0
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        n = agents * a_month
        agent = np.repeat(np.arange(agents), a_month)
        topic = rng.choice(["size", "quality", "bargaining"], n, p=[0.4, 0.3, 0.3])
        level = habit + 0.3 * last
        if last:
            seen = pd.concat(frames).groupby("agent_id")["recommends"].mean()
            advised = [str(name) for name in seen.sort_values().index[:5]]
        lifted = np.isin([f"a{a:02d}" for a in agent], advised) & last
        plain = level[agent] + np.where(topic == "bargaining", -0.5, 0.2)
        chance, without = (1 / (1 + np.exp(-x)) for x in (plain + lift * lifted, plain))
        gained = float((chance - without)[lifted].mean()) if lifted.any() else 0.0
        seconds = rng.uniform(0, 27 * 86_400, n)
        frames.append(
            pd.DataFrame(
                {
                    "conversation_id": [f"{number}-{i}" for i in range(n)],
                    "agent_id": [f"a{a:02d}" for a in agent],
                    "started_at": start + pd.to_timedelta(seconds, unit="s"),
                    "counted_at": start + pd.to_timedelta(seconds, unit="s"),
                    "category": topic,
                    "is_inquiry": True,
                    "mature": True,
                    "paid": pd.array(rng.random(n) < 0.4, dtype="boolean"),
                    "recommends": pd.array(rng.random(n) < chance, dtype="boolean"),
                }
            )
        )
    plan = pd.DataFrame({"agent_id": advised, "behaviour": "recommends", "kind": "driver"})
    return Months(pd.concat(frames, ignore_index=True), {ADVISED_IN: plan}, gained)


def plain_change(months: Months) -> float:
    """Return what a plain difference in differences says, without a thought for how they came."""
    talks = months.conversations
    advised = talks["agent_id"].isin(months.plans[ADVISED_IN]["agent_id"])
    late = talks["started_at"] >= "2026-11-01"
    rate = talks["recommends"].astype(float).groupby([advised, late]).mean()
    return float(rate[True, True] - rate[True, False] - rate[False, True] + rate[False, False])
