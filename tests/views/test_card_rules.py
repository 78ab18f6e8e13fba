"""A card says how many of the conversations that it counts it shows, and where the others are."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.tables import complete

from csinsight.behaviours.sequence_forms import Scorecard
from csinsight.drivers.units import unit_of
from csinsight.sample import sample_drivers, sample_sessions
from csinsight.views import agent_card, coaching, labels, scorecard
from csinsight.views.sample import sample_card, sample_study


@pytest.mark.parametrize(("counted", "told"), [(3, "2 of 3 conversations"), (2, "")])
def test_what_is_not_shown_of_a_rule_is_counted(counted, told):
    study, ids = sample_study(), [f"c{n}" for n in range(counted)]
    said = {"agent_id": "a001", "behaviour": "over_promises", "side": "misses", "sender": "agent"}
    lines = pd.DataFrame({"conversation_id": ids, **said, "text": "保证七天见效", "marked": True})
    study.write("coaching_excerpts", complete("coaching_excerpts", lines))
    row = {"agent_id": "a001", "behaviour": "over_promises", "kind": "compliance", "likely": 1.0}
    row |= {"rate": counted / 40, "opportunities": 40, "evidence": ids, "read": 5, "right": 5}
    card = sample_card()
    card = card.__class__(**{**vars(card), "compliance": pd.DataFrame([row])})
    text = " ".join(block.plain() for block in agent_card.advised(study, card))
    assert ("conversations are shown here" in text) == bool(told)
    assert told in text
    assert text.count("保证七天见效") == 2


def test_no_red_line_is_a_plain_nought_while_hits_wait_to_be_read():
    study, sessions = sample_study(), sample_sessions()
    month = study.of_month(sessions)
    red = ["leaks_order_data"]
    card = Scorecard.model_construct(items={}, red_lines=red)
    items = {"agent_id": month["agent_id"], "conversation_id": month["conversation_id"]}
    items = pd.DataFrame(items).assign(item="greets", points=10.0, kept=1.0)
    study.write("scorecard_items", complete("scorecard_items", items))
    scores = month[["conversation_id", "agent_id"]].assign(score=90.0, red_lines=[[]] * len(month))
    told = {}
    for name, shown in (("read", False), ("waits", True)):
        hits = pd.Series(month.index == month.index[0], index=month.index) & shown
        told[name] = scorecard.agents(study, scores, card, month.assign(leaks_order_data=hits))
    assert "not all read" not in told["read"].plain()
    waits = told["waits"]
    assert waits.plain().count("not all read") == month["agent_id"].nunique()
    assert "Another 1 possible crossings" in waits.caption


@pytest.mark.parametrize(("read", "few"), [(4, True), (5, False)])
def test_how_far_a_rule_is_trusted_is_not_told_from_a_few_readings(read, few):
    told = scorecard.rule_trust(sample_study(), "off_platform", right=read, read=read)
    assert ("too few to know" in told) == few
    assert ("%" in told) != few


def test_advice_says_that_only_the_words_were_measured():
    study, drivers = sample_study(), sample_drivers()
    first = next(b for b in labels.readable(drivers)["behaviour"] if unit_of(b) == "shown")
    row = {"agent_id": "a001", "behaviour": first, "kind": "driver", "effect_pp": 8.0, "low": 1.0}
    row |= {"effect_low_pp": 6.0, "effect_high_pp": 10.0, "expected_gain_inquiries": 2, "high": 3.0}
    told = coaching.in_brief(study, pd.DataFrame([row]), drivers)
    assert "only whether such words" in told
    assert told.endswith(coaching.measured(study, first))


def test_agents_stand_in_the_briefs_table_in_the_order_of_its_text():
    study, order = sample_study(), ["a003", "a001", "a002"]
    names = [study.agent_name(agent) for agent in order]
    for told in (coaching._some(study, order), labels.card_links(study, order)):
        assert sorted(names, key=told.index) == names, told
