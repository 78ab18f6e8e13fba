"""Simulated shops as the drivers see them, straight from the truth: no text, no lexicon.

What is shown at which turn is taken from the simulator's own record, so that the estimates are
judged apart from how well behaviours are read from words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from tests.validate.shops import Shop, opening, served, states

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import BUYER_TYPES, TURN_MARKERS
from csinsight.contract.schema import PAGE_KINDS
from csinsight.simulate.arrays import make_calendar
from csinsight.simulate.browsing import opening_visits
from csinsight.simulate.cases import TOPICS, TURNS
from csinsight.simulate.outcome import at_risk
from csinsight.simulate.scenario import Scenario, scenario_named
from csinsight.simulate.shop import draw_silent, draw_talks, populate, streams
from csinsight.simulate.tables import shows, true_behaviours

AS_OF = pd.Timestamp("2026-11-01").to_pydatetime()
LATE = ("follows_up", "reminds_payment", "checks_address", "closes_warmly")


def draw_shop(
    scenario: str | Scenario,
    seed: int,
    *,
    talks: int = 6000,
    agents: int = 12,
    months: int = 3,
    end_month: str = "2026-10",
) -> Shop:
    """Draw some months of one shop's inquiries."""
    world = scenario if isinstance(scenario, Scenario) else scenario_named(scenario)
    calendar, rngs = make_calendar(months, end_month), streams(seed)
    buyers = max(2500, talks // 2)
    base = populate(rngs, world, calendar, buyers, agents, talks, months)
    chats, _ = draw_talks(rngs, base, talks, draw_silent(rngs, base, chats=True))
    cases, acts, outcome = chats.cases, chats.acts, chats.outcome
    who = np.flatnonzero(cases.inquiry)
    heard = np.arange(TURNS)[None, :] < outcome.chances.length[who, None]
    replied = acts.replied[who] & heard
    number = np.cumsum(replied, axis=1)
    ids = [f"c{i:06d}" for i in who]
    # Of the turns that were answered: what a buyer had shown before, and who wrote.
    answered = np.argsort(~replied, axis=1, kind="stable")
    by = np.where(
        np.arange(TURNS) < cases.handed[who, None], cases.taker[who, None], cases.agent[who, None]
    )
    before = np.take_along_axis(cases.intent[who], answered, axis=1)
    wrote = np.take_along_axis(by, answered, axis=1)
    intent, told = cases.intent[who], 1.0 if world.opening else 0.0
    columns = {
        "conversation_id": ids,
        "agent_id": np.array(base.staff.ids)[served(wrote, replied.sum(axis=1))],
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
    columns |= _clocks(outcome, who) | opening(rngs["words"], intent[:, 0], told)
    columns |= _pages(rngs["before"], base, cases, who)
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
        states(
            rngs["words"],
            ids,
            before,
            replied.sum(axis=1),
            told,
            np.array(base.staff.ids)[wrote],
        ),
        pd.DataFrame(
            {**base.staff.habits, "first_response_s": base.staff.speed_s}, index=base.staff.ids
        ),
    )


def _pages(rng, base, cases, who):
    """Return what buyers looked at in the visits that their talks begin out of."""
    come, seen = opening_visits(rng, base.crowd, cases, base.scenario)
    talk = come[seen.visit]
    number = np.bincount(talk, minlength=len(cases)).astype(float)
    cart = np.bincount(talk[seen.kind == PAGE_KINDS.index("cart")], minlength=len(cases)) > 0
    earlier = pd.Series(cases.buyer).groupby(cases.buyer).cumcount().to_numpy(dtype=float)
    return {
        "pages_before": number[who],
        "cart_before": cart[who],
        "pages_look_back": rng.poisson(25, len(who)).astype(float),
        "earlier_inquiries": earlier[who],
    }


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
