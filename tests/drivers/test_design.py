"""Who is in the study and who is not, and what is adjusted for."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from csinsight.contract.domain import COMPLIANCE, CONTROLS
from csinsight.drivers.design import FAMILY, design
from csinsight.drivers.exposure import at_landmark, turn_column
from csinsight.drivers.scales import from_model, to_model

AS_OF = datetime(2026, 11, 1)


@pytest.fixture
def conversations(worlds):
    return worlds.make_world(1, inquiries=400, agents=6).conversations


def test_flow_counts_everybody_once(conversations):
    conversations.loc[:9, "is_inquiry"] = False
    conversations.loc[5:19, "agent_id"] = None
    conversations.loc[15:29, "mature"] = False
    conversations.loc[30:39, "started_at"] = pd.Timestamp("2026-07-31")
    study = design(conversations, as_of=AS_OF, months=3)
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
    table = design(conversations, as_of=AS_OF, months=3).opportunities.set_index("behaviour")
    bargaining = int((conversations["category"] == "bargaining").sum())
    assert table.loc["offers_alternative", "inquiries"] == bargaining
    assert table.loc["offers_alternative", "without"] == 400 - bargaining
    assert table.loc["greets", "without"] == 0


def test_compliance_and_controls_are_outside_the_family():
    assert not set(FAMILY) & {*COMPLIANCE, *CONTROLS}


def test_only_what_came_before_is_adjusted_for(worlds):
    world = worlds.make_world(1, inquiries=400, agents=6)
    names = {
        c.split("=")[0]
        for c in design(world.conversations, world.frozen, as_of=AS_OF, months=3).controls
    }
    assert names == {
        "category", "type", "tier", "earlier_orders", "open_talks", "hour", "weekday", "month",
        "day_rush",
    }  # fmt: skip


def test_an_untimed_source_counts_whole_and_has_no_calendar(conversations):
    untimed = conversations.assign(started_at=pd.NaT)
    study = design(untimed, as_of=AS_OF, months=1)
    assert len(study.rows) == 400
    assert not [c for c in study.controls if c.startswith(("hour", "weekday", "month", "day"))]


def test_satisfaction_looks_at_rated_conversations(conversations):
    study = design(conversations, outcome="satisfaction", as_of=AS_OF, months=3)
    assert len(study.rows) == conversations["satisfaction"].notna().sum()
    assert study.rows["outcome"].notna().all()


def test_segments_join_by_conversation_and_may_be_unknown(worlds):
    world = worlds.make_world(1, inquiries=400, agents=6)
    study = design(world.conversations, world.frozen.head(300), as_of=AS_OF, months=3)
    assert study.rows["type"].isna().sum() == 100
    assert len([c for c in study.controls if c.startswith("type=")]) == 6


def test_rows_of_an_agent_lie_together_and_controls_with_them(conversations):
    study = design(conversations, as_of=AS_OF, months=3)
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


def test_landmark_needs_turns_and_says_so(conversations):
    with pytest.raises(ValueError, match="landmark"):
        design(conversations, as_of=AS_OF, months=3, landmark=True)


def test_landmark_reads_behaviour_up_to_the_turn_that_most_reach(conversations):
    from csinsight.contract.domain import MARKERS

    turns = np.tile([1, 3, 4, 5, 6], 80)
    late = pd.Series(np.tile([1.0, 2.0, 4.0, np.nan, 3.0], 80))
    shown = {turn_column(b): late for b in MARKERS}
    frame = conversations.assign(agent_turns=turns, **shown, greets=late.notna().astype("boolean"))
    kept, landmark = at_landmark(frame)
    assert landmark == 3
    assert len(kept) == 320
    assert kept["greets"].tolist() == [True, False, False, True] * 80
    study = design(frame, as_of=AS_OF, months=3, landmark=True)
    assert study.landmark == 3
    assert study.flow["left_out"].iloc[-1] == 80
