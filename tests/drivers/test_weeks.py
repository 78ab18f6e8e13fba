"""What moves words and sales together within one agent: weeks, days, buyers who come back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST
from tests.drivers.worlds import AS_OF, expit

from csinsight.drivers.design import design
from csinsight.drivers.design_matrix import design_matrix_of
from csinsight.drivers.estimates import estimate_drivers

AGENTS, TALKS = 8, 4000


def _told(lift, rng, when, **columns) -> pd.DataFrame:
    """Return conversations in which `lift` moves words and sales, and words move nothing."""
    n = len(lift)
    table = {
        "conversation_id": [f"c{i}" for i in range(n)],
        "agent_id": "a" + pd.Series(rng.integers(0, AGENTS, n)).astype(str),
        "started_at": when,
        "counted_at": when,
        "category": "size",
        "is_inquiry": True,
        "mature": True,
        "paid": rng.random(n) < expit(lift - 0.3),
        "greets": rng.random(n) < expit(lift - 0.5),
    }
    return pd.DataFrame(table | columns)


def _estimate(table: pd.DataFrame) -> pd.Series:
    plan = design(table, outcome="paid", as_of=AS_OF.to_pydatetime(), months=3)
    found = estimate_drivers(plan, scopes=(), **LEAST).set_index("behaviour")
    return found.loc["greets", ["effect_pp", "low_pp", "high_pp", "verdict"]]


def test_an_agents_better_weeks_are_no_effect_of_what_is_said_in_them() -> None:
    rng = np.random.default_rng(1)
    day, agent = rng.integers(0, 91, TALKS), rng.integers(0, AGENTS, TALKS)
    week = rng.normal(size=(AGENTS, 13))[agent, day // 7]
    when = AS_OF - pd.Timedelta(days=91) + pd.to_timedelta(day * 24 + 10, unit="h")
    talks = _told(0.8 * week, rng, when, agent_id=[f"a{a}" for a in agent])
    told = _estimate(talks)
    assert told["low_pp"] < 0 < told["high_pp"] and told["verdict"] == "no evidence"
    within = talks.groupby(["agent_id", "greets"])["paid"].mean().unstack()
    assert (within[True] - within[False]).mean() > 0.08


def test_an_agents_better_days_are_no_effect_of_what_is_said_on_them() -> None:
    rng = np.random.default_rng(6)
    day, agent = rng.integers(0, 91, TALKS), rng.integers(0, AGENTS, TALKS)
    mood = rng.normal(size=(AGENTS, 91))[agent, day]
    when = AS_OF - pd.Timedelta(days=91) + pd.to_timedelta(day * 24 + 10, unit="h")
    told = _estimate(_told(0.8 * mood, rng, when, agent_id=[f"a{a}" for a in agent]))
    assert told["low_pp"] < 0 < told["high_pp"] and told["verdict"] == "no evidence"


def test_days_are_compared_only_where_they_differ_and_hold_enough() -> None:
    rng = np.random.default_rng(7)
    for talks, moody, cells in ((TALKS, 0.8, 91), (TALKS, 0.0, 13), (1200, 0.8, 4)):
        day, agent = rng.integers(0, 91, talks), rng.integers(0, AGENTS, talks)
        lift = moody * rng.normal(size=(AGENTS, 91))[agent, day]
        when = AS_OF - pd.Timedelta(days=91) + pd.to_timedelta(day * 24 + 10, unit="h")
        table = _told(lift, rng, when, agent_id=[f"a{a}" for a in agent])
        plan = design(table, outcome="paid", as_of=AS_OF.to_pydatetime(), months=3)
        found = len(set(design_matrix_of(plan).cells(np.arange(talks))))
        assert found == pytest.approx(AGENTS * cells, rel=0.01)


def test_buyers_who_come_back_to_an_agent_are_compared_with_their_like() -> None:
    rng = np.random.default_rng(2)
    buyer, agent = (rng.integers(0, most, TALKS) for most in (TALKS // 10, AGENTS))
    when = AS_OF - pd.Timedelta(days=91) + pd.to_timedelta(np.arange(TALKS) // 2, unit="h")
    met = pd.DataFrame({"b": buyer, "a": agent}).groupby(["b", "a"]).cumcount().to_numpy() > 0
    names = {"agent_id": [f"a{a}" for a in agent], "buyer_id": [f"b{b}" for b in buyer]}
    told = _estimate(_told(1.5 * met, rng, when, **names))
    assert told["low_pp"] < 0 < told["high_pp"] and told["verdict"] == "no evidence"


@pytest.mark.parametrize(("talks", "cells"), [(1200, 8 * 4), (60, 8), (3000, 8 * 13)])
def test_cells_are_as_fine_as_the_inquiries_allow(talks: int, cells: int) -> None:
    rng = np.random.default_rng(3)
    when = AS_OF - pd.to_timedelta(1 + rng.integers(0, 91 * 24 - 1, talks), unit="h")
    table = _told(np.zeros(talks), rng, when)
    plan = design(table, outcome="paid", as_of=AS_OF.to_pydatetime(), months=3)
    matrix = design_matrix_of(plan)
    assert len(set(matrix.cells(np.arange(talks)))) == cells
