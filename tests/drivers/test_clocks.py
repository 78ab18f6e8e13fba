"""Reminders and comebacks: only buyers who are still waited for can be reminded."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.risk_sets import band, in_silence, risk_set_columns

AS_OF = datetime(2026, 11, 1)
ORDERED_AT = pd.Timestamp("2026-10-02 10:00")


def _unpaid_orders(rng, effect=0.0, n=6000, agents=12):
    """Orders left unpaid for ten minutes; half the payers pay before any reminder is due."""
    agent = rng.integers(0, agents, n)
    pays = rng.uniform(size=n) < 0.5
    pays_s = np.where(pays, 600 + rng.exponential(1800, n), np.inf)
    due_s = 600 + rng.exponential(2400, n)
    reminded = (due_s < pays_s) & (rng.uniform(size=n) < 0.2 + 0.05 * agent)
    won = reminded & ~pays & (rng.uniform(size=n) < effect)
    pays_s = np.where(won, due_s + rng.exponential(1800, n), pays_s)
    paid = np.isfinite(pays_s)
    return pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "agent_id": [f"a{a:02d}" for a in agent],
            "started_at": ORDERED_AT,
            "counted_at": ORDERED_AT,
            "category": "quality",
            "is_inquiry": True,
            "mature": True,
            "paid": paid,
            "outcome_at": ORDERED_AT,
            "paid_at": ORDERED_AT + pd.to_timedelta(np.where(paid, pays_s, np.nan), unit="s"),
            "reminded_s": np.where(reminded, due_s, np.nan),
            "reminds_payment": pd.array(reminded, dtype="boolean"),
        }
    )


@pytest.fixture
def estimate(worlds):
    def made(orders):
        talks = worlds.with_turns(orders)
        drivers = estimate_drivers(
            design(talks, as_of=AS_OF, months=1, outcome="paid"), scopes=(), **LEAST
        )
        return drivers.set_index("behaviour").loc["reminds_payment"]

    return made


def test_reminders_that_only_slow_payers_get_are_no_harm(estimate):
    found = estimate(_unpaid_orders(np.random.default_rng(3)))
    assert found["raw_pp"] < -15
    assert found["low_pp"] < 0 < found["high_pp"]
    assert found["verdict"] == "no evidence"


def test_reminders_that_win_payments_are_found_though_the_raw_figure_speaks_against(estimate):
    found = estimate(_unpaid_orders(np.random.default_rng(4), effect=0.4))
    assert found["raw_pp"] < 0
    assert found["verdict"] == "helps"


def test_bands_grow_by_a_quarter_and_end():
    found = band(np.array([0.0, 599, 600, 749, 751, 72 * 3600, 1e9, np.nan]))
    assert found.tolist() == [0, 0, 1, 1, 2, 28, 28, 28]


def test_a_comeback_needs_a_silence_and_its_time_is_the_silence_that_it_broke():
    talks = pd.DataFrame(
        {
            "follows_up": pd.array([True, True, False, None], dtype="boolean"),
            "silence_s": [700.0, np.nan, 900.0, np.nan],
            "silence_broken_by_agent": pd.array([True, None, False, None], dtype="boolean"),
        }
    )
    kept = in_silence(talks)
    assert kept["follows_up"].isna().tolist() == [False, True, False, True]
    found = risk_set_columns(kept)
    assert found["follows_up_turn"].fillna(-1).tolist() == [1, -1, -1, -1]
    assert found["follows_up_bands"].tolist() == [1, 0, 2, 0]
