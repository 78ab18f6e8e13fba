"""Second looks at the main estimate: the flexible check, other ways, bands of seconds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST, MINIMA

from csinsight.drivers.checks import driver_checks
from csinsight.drivers.design import design
from csinsight.drivers.design_matrix import design_matrix_of
from csinsight.drivers.double_ml import DISAGREES, Flexible
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.sensitivity import alternative_estimates, dose_response

AS_OF = datetime(2026, 11, 1)
TOLD = {"as_of": AS_OF, "months": 3}


def _bent(rng, n=4000, agents=10):
    """Offers look harmful to a straight line: they are made at middling rush, when none buys."""
    rush = rng.uniform(0, 60, n)
    middling = np.abs(np.log1p(rush) - 3) < 0.5
    shown = rng.uniform(size=n) < np.where(middling, 0.8, 0.2)
    paid = rng.uniform(size=n) < np.where(middling, 0.1, 0.6) + 0.05 * shown
    return pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "agent_id": [f"a{a:02d}" for a in rng.integers(0, agents, n)],
            "started_at": pd.Timestamp("2026-10-02"),
            "counted_at": pd.Timestamp("2026-10-02"),
            "category": "quality",
            "is_inquiry": True,
            "mature": True,
            "paid": paid,
            "open_talks": rush,
            "recommends": pd.array(shown, dtype="boolean"),
        }
    )


def test_a_verdict_that_a_straight_line_made_is_taken_back_and_shown():
    study = design(_bent(np.random.default_rng(2)), **TOLD)
    alone = estimate_drivers(study, scopes=(), flexible=False, **LEAST).set_index("behaviour")
    drivers = estimate_drivers(study, scopes=(), **LEAST)
    checked = drivers.set_index("behaviour").loc["recommends"]
    assert alone.loc["recommends", "verdict"] == "hurts"
    assert checked["verdict"] == "no evidence"
    assert checked["reason"] == DISAGREES
    assert checked["effect_pp"] < 0 < checked["flexible_pp"]
    checks = driver_checks(drivers)
    assert checks.loc[checks["check"] == "flexible", "behaviour"].tolist() == ["recommends"]


def test_the_flexible_check_finds_the_true_effect(worlds):
    world = worlds.make_world(11, inquiries=8000, agents=300)
    matrix = design_matrix_of(design(world.conversations, world.frozen, **TOLD), together=True)
    everyone = np.arange(len(matrix.columns))
    found = Flexible(matrix).effect("recommends", everyone)
    assert found == pytest.approx(world.effects_pp["recommends"], abs=3)
    assert abs(Flexible(matrix).effect("greets", everyone)) < 3


def test_very_many_rows_are_thinned_evenly_and_say_the_same(worlds, monkeypatch):
    world = worlds.make_world(11, inquiries=6000, agents=30)
    matrix = design_matrix_of(design(world.conversations, world.frozen, **TOLD), together=True)
    everyone = np.arange(len(matrix.columns))
    monkeypatch.setattr("csinsight.drivers.double_ml.LOOKED_AT", 2999)
    third = Flexible(matrix).effect("recommends", everyone)
    assert third == Flexible(matrix).effect("recommends", everyone[::3])


def test_other_ways_stand_beside_the_main_one(worlds):
    world = worlds.make_world(3, inquiries=1500, agents=8)
    drivers = estimate_drivers(
        design(world.conversations, world.frozen, **TOLD), scopes=(), **LEAST
    )
    table = alternative_estimates(drivers, world.conversations, world.frozen, **TOLD, **MINIMA)
    assert set(table["behaviour"]) == set(drivers.loc[drivers["effect_pp"].notna(), "behaviour"])
    assert not [c for c in table if c.endswith("_window")]


def test_bands_of_seconds_grow_with_the_wait_and_hold_everyone_once(worlds):
    world = worlds.make_world(
        5, inquiries=12_000, agents=20, effects={"first_response_s": -0.3, "recommends": 0.5}
    )
    table = dose_response(design(world.conversations, world.frozen, **TOLD), **MINIMA)
    assert table["n"].sum() == world.conversations["first_response_s"].notna().sum()
    assert (table["from_s"].iloc[1:].to_numpy() == table["to_s"].iloc[:-1].to_numpy()).all()
    assert table.loc[0, ["effect_pp", "low_pp", "high_pp"]].tolist() == [0, 0, 0]
    assert np.isnan(table["to_s"].iloc[-1])
    doublings = np.log2(table["typical_s"] / table["typical_s"].iloc[0])
    expected = world.effects_pp["first_response_s"] * doublings
    inside = table["low_pp"].sub(2).le(expected) & table["high_pp"].add(2).ge(expected)
    assert inside.all()


def test_bands_need_data_and_a_time(worlds):
    world = worlds.make_world(3, inquiries=200, agents=8)
    study = design(world.conversations, world.frozen, **TOLD)
    assert dose_response(study, **MINIMA).empty
    with pytest.raises(ValueError, match="bands"):
        dose_response(study, "greets", **MINIMA)
