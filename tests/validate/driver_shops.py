"""Simulated shops as the drivers see them, straight from the truth: no text, no lexicon.

What is shown at which turn is taken from the simulator's own record, so that the estimates are
judged apart from how well behaviours are read from words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import BUYER_TYPES, TURN_MARKERS
from csinsight.simulate.arrays import make_calendar
from csinsight.simulate.cases import TOPICS, TURNS
from csinsight.simulate.outcome import at_risk
from csinsight.simulate.scenario import scenario_named
from csinsight.simulate.tables import shows, true_behaviours
from csinsight.simulate.world import draw_silent, draw_talks, populate, streams

AS_OF = pd.Timestamp("2026-11-01").to_pydatetime()
LATE = ("follows_up", "reminds_payment", "checks_address", "closes_warmly")


@dataclass(frozen=True)
class Shop:
    """Conversations as in the artifact, segments, and the true effects (points)."""

    conversations: pd.DataFrame
    frozen: pd.DataFrame
    effects: pd.Series
    #: By agent: the log-odds of showing each behaviour, and the seconds of a first response.
    habits: pd.DataFrame


def draw_shop(scenario: str, seed: int, *, talks: int = 6000, agents: int = 12) -> Shop:
    """Draw three months of one shop's inquiries."""
    world, calendar, rngs = scenario_named(scenario), make_calendar(3, "2026-10"), streams(seed)
    buyers = max(2500, talks // 2)
    base = populate(rngs, world, calendar, buyers, agents, talks, 3)
    chats, _ = draw_talks(rngs, base, talks, draw_silent(rngs, base, chats=True))
    cases, acts, outcome = chats.cases, chats.acts, chats.outcome
    who = np.flatnonzero(cases.inquiry)
    heard = np.arange(TURNS)[None, :] < outcome.chances.length[who, None]
    replied = acts.replied[who] & heard
    number = np.cumsum(replied, axis=1)
    ids = [f"c{i:06d}" for i in who]
    columns = {
        "conversation_id": ids,
        "agent_id": np.array(base.staff.ids)[cases.agent[who]],
        "started_at": (cases.start[who] * 1_000_000).astype("datetime64[us]"),
        "counted_at": (cases.start[who] * 1_000_000).astype("datetime64[us]"),
        "category": np.array(TOPICS)[cases.topic[who]],
        "is_inquiry": True,
        "mature": True,
        "ordered": ~np.isnan(outcome.placed[who]),
        "paid": outcome.converted[who],
        # A round counts ten minutes at most, as in the conversations artifact.
        "first_response_s": np.minimum(acts.first_response_s[who], 600.0),
        "turns_judged": pd.array(replied.sum(axis=1), dtype="Int64"),
    }
    columns |= _clocks(outcome, who)
    for name in TURN_MARKERS:
        columns[turn_column(name)] = _first(acts.shown[name][who] & replied, number)
        columns[opportunity_column(name)] = _first(acts.possible[name][who] & replied, number)
    for name in (*TURN_MARKERS, *LATE):
        there = at_risk(name, cases, acts, outcome)[who]
        shown = shows(name, cases, acts, outcome)[who]
        columns[name] = pd.array(np.where(there, shown, None), dtype="boolean")
    kinds = np.array(BUYER_TYPES)[base.crowd.kind[cases.buyer[who]]]
    truth = true_behaviours(cases, acts, chats.draws, outcome, base.staff, world).to_pandas()
    return Shop(
        pd.DataFrame(columns),
        pd.DataFrame({"conversation_id": ids, "type": kinds, "tier": None}),
        truth.set_index("behaviour")["effect_pp"].astype(float),
        pd.DataFrame(
            {**base.staff.habits, "first_response_s": base.staff.speed_s}, index=base.staff.ids
        ),
    )


def _clocks(outcome, who):
    """Return when buyers fell silent, ordered, were reminded and paid, as the artifact has it."""
    placed, decided, paid = (v[who] for v in (outcome.placed, outcome.decided, outcome.paid))
    followed, reminded = outcome.followed[who], outcome.reminded[who]
    until = np.fmin(np.fmin(followed, placed), decided + 3 * 86_400)
    silent = ~outcome.prompt[who] & (until - decided >= 600)
    return {
        "outcome_at": pd.to_datetime(placed, unit="s"),
        "paid_at": pd.to_datetime(paid, unit="s"),
        "silence_s": np.where(silent, until - decided, np.nan),
        "silence_broken_by_agent": pd.array(np.where(silent, until == followed, None), "boolean"),
        "reminded_s": reminded - placed,
    }


def _first(there, number):
    """Return the agent turn of the first True in each row, null where there is none."""
    at = number[np.arange(len(there)), there.argmax(axis=1)]
    return pd.array(np.where(there.any(axis=1), at, None), dtype="Int64")
