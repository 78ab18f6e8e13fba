"""Second looks at the main estimate: bends, other ways, bands of seconds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST, MINIMA

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.sensitivity import alternative_estimates, dose_response

AS_OF = datetime(2026, 11, 1)
TOLD = {"as_of": AS_OF, "months": 3}


def _bent(rng, n=4000, agents=10):
    """Offers look harmful to a straight line: they are made at middling rush, when none buys."""
    rush = rng.uniform(0, 60, n)
    middling = (rush > 11) & (rush <= 36)
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


def test_a_bend_in_what_is_adjusted_for_makes_no_verdict():
    study = design(_bent(np.random.default_rng(2)), outcome="paid", **TOLD)
    drivers = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    assert drivers.loc["recommends", "verdict"] != "hurts"
    assert drivers.loc["recommends", "effect_pp"] == pytest.approx(5, abs=4)


def test_other_ways_stand_beside_the_main_one(worlds):
    world = worlds.make_world(3, inquiries=1500, agents=8)
    drivers = estimate_drivers(
        design(world.conversations, world.frozen, outcome="paid", **TOLD), scopes=(), **LEAST
    )
    table = alternative_estimates(drivers, world.conversations, world.frozen, **TOLD, **MINIMA)
    assert set(table["behaviour"]) == set(drivers.loc[drivers["effect_pp"].notna(), "behaviour"])
    assert not [c for c in table if c.endswith("_window")]


def test_bands_of_seconds_grow_with_the_wait_and_hold_everyone_once(worlds):
    world = worlds.make_world(
        5, inquiries=12_000, agents=20, effects={"first_response_s": -0.3, "recommends": 0.5}
    )
    table = dose_response(
        design(world.conversations, world.frozen, outcome="paid", **TOLD), **MINIMA
    )
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
    study = design(world.conversations, world.frozen, outcome="paid", **TOLD)
    assert dose_response(study, **MINIMA).empty
    with pytest.raises(ValueError, match="bands"):
        dose_response(study, "greets", **MINIMA)
