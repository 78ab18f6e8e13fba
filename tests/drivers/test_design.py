"""Who is in the study and who is not, and what is adjusted for."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import COMPLIANCE, CONTROLS, TURN_MARKERS
from csinsight.drivers.design import TESTED_BEHAVIOURS, design
from csinsight.drivers.exposure import at_landmark
from csinsight.drivers.units import from_model, to_model

AS_OF = datetime(2026, 11, 1)


@pytest.fixture
def conversations(worlds):
    return worlds.make_world(1, inquiries=400, agents=6).conversations


def test_flow_counts_everybody_once(conversations):
    conversations.loc[:9, "is_inquiry"] = False
    conversations.loc[5:19, "agent_id"] = None
    conversations.loc[15:29, "mature"] = False
    conversations.loc[30:39, "counted_at"] = pd.Timestamp("2026-07-31")
    study = design(conversations, as_of=AS_OF, months=3, outcome="paid")
    flow = study.flow.set_index("step")
    assert flow.loc["conversations", "remaining"] == 390
    assert flow["left_out"].to_dict() == {
        "conversations": 0,
        "not an inquiry": 10,
        "no agent": 10,
        "outcome not mature yet": 10,
        "outcome not known": 0,
    }
    assert flow["remaining"].iloc[-1] == len(study.rows) == 360


def test_opportunity_counts_who_has_none(conversations):
    table = design(conversations, as_of=AS_OF, months=3, outcome="paid").opportunities.set_index(
        "behaviour"
    )
    bargaining = int((conversations["category"] == "bargaining").sum())
    assert table.loc["offers_alternative", "inquiries"] == bargaining
    assert table.loc["offers_alternative", "without"] == 400 - bargaining
    assert table.loc["greets", "without"] == 0


def test_compliance_and_controls_are_outside_the_family():
    assert not set(TESTED_BEHAVIOURS) & {*COMPLIANCE, *CONTROLS}


def test_only_what_came_before_is_adjusted_for(worlds):
    world = worlds.make_world(1, inquiries=400, agents=6)
    names = {
        c.split("=")[0]
        for c in design(
            world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid"
        ).controls
    }
    assert names == {
        "category", "type", "tier", "earlier_orders", "open_talks", "hour", "weekday", "month",
        "day_rush", "met_before",
    }  # fmt: skip


def test_an_untimed_source_counts_whole_and_has_no_calendar(conversations):
    untimed = conversations.assign(started_at=pd.NaT, counted_at=pd.NaT)
    study = design(untimed, as_of=AS_OF, months=1, outcome="paid")
    assert len(study.rows) == 400
    assert not [c for c in study.controls if c.startswith(("hour", "weekday", "month", "day"))]


def test_satisfaction_looks_at_rated_conversations(conversations):
    study = design(conversations, outcome="satisfaction", as_of=AS_OF, months=3)
    assert len(study.rows) == conversations["satisfaction"].notna().sum()
    assert study.rows["outcome"].notna().all()


def test_segments_join_by_conversation_and_may_be_unknown(worlds):
    world = worlds.make_world(1, inquiries=400, agents=6)
    study = design(
        world.conversations, world.frozen.head(300), as_of=AS_OF, months=3, outcome="paid"
    )
    assert study.rows["type"].isna().sum() == 100
    assert len([c for c in study.controls if c.startswith("type=")]) == 6


def test_rows_of_an_agent_lie_together_and_controls_with_them(conversations):
    study = design(conversations, as_of=AS_OF, months=3, outcome="paid")
    assert study.rows["agent_id"].is_monotonic_increasing
    assert study.controls.index.equals(study.rows.index)


@pytest.mark.parametrize("behaviour", ["first_response_s", "slow_reply_share", "answer_ask_ratio"])
def test_timings_come_back_in_their_own_unit(behaviour):
    values = pd.Series([0.2, 0.5, 1.0]) * (60 if behaviour == "first_response_s" else 1)
    assert from_model(to_model(values, behaviour), behaviour) == pytest.approx(values.to_numpy())


def test_booleans_of_every_making_are_read():
    for values in (
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype=object),
    ):
        assert np.array_equal(to_model(values, "greets"), [1.0, 0.0, np.nan], equal_nan=True)


@pytest.mark.parametrize("exposure", ["turns", "landmark"])
def test_equal_exposure_needs_turns_and_says_so(conversations, exposure):
    with pytest.raises(ValueError, match="turns_judged"):
        design(conversations, as_of=AS_OF, months=3, exposure=exposure, outcome="paid")


@pytest.fixture
def with_turns(conversations):
    """Five kinds of talk; whatever is shown is shown at turn 1, 2, 4, never, or 3."""
    shown = pd.array(np.tile([1, 2, 4, None, 3], 80), dtype="Int64")
    columns = {turn_column(b): shown for b in TURN_MARKERS}
    columns |= {opportunity_column(b): pd.array([1] * 400, dtype="Int64") for b in TURN_MARKERS}
    columns[opportunity_column("empathizes")] = pd.array([1, 1, 4, 1, None] * 80, dtype="Int64")
    return conversations.assign(turns_judged=np.tile([1, 3, 4, 5, 6], 80), **columns)


def test_landmark_reads_behaviour_up_to_the_turn_that_most_reach(with_turns):
    kept, landmark = at_landmark(with_turns)
    assert landmark == 3
    assert len(kept) == 320
    assert kept["greets"].tolist() == [True, False, False, True] * 80
    assert kept["empathizes"].isna().tolist() == [False, True, False, True] * 80
    study = design(with_turns, as_of=AS_OF, months=3, exposure="landmark", outcome="paid")
    assert study.landmark == 3
    assert study.flow["left_out"].iloc[-1] == 80


def test_by_turns_leaves_out_talks_without_a_turn_and_ratings_look_at_all(with_turns):
    with_turns.loc[:4, "turns_judged"] = 0
    study = design(with_turns, as_of=AS_OF, months=3, exposure="turns", outcome="paid")
    assert study.exposure == "turns"
    assert study.flow.iloc[-1].to_dict() == {
        "step": "no agent turn before the outcome", "left_out": 5, "remaining": 395,
    }  # fmt: skip
    assert len(study.turns) == len(study.rows) == 395
    assert study.rows["greets"].sum() == 79 * 4
    rated = design(with_turns, as_of=AS_OF, months=3, outcome="satisfaction")
    assert rated.exposure == "window"


def test_controls_are_those_of_the_agents_next_talk(conversations):
    study = design(conversations, as_of=AS_OF, months=3, outcome="paid")
    own = conversations.set_index("conversation_id")
    for _, talks in own.sort_values("started_at").groupby("agent_id"):
        said = talks["closes_warmly"].astype(float).to_numpy()
        found = study.rows.set_index("conversation_id").loc[talks.index, "closes_warmly"]
        assert np.array_equal(found.to_numpy()[:-1], said[1:])
        assert np.isnan(found.iloc[-1])
