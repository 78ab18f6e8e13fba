"""A rejected finding is honoured, counted, and a faulty file says where and how to mend it."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from tests.contexts import LEXICON, LIMITS

from csinsight.behaviours.findings import rule_precisions
from csinsight.coaching.disputes import load_disputes, set_aside
from csinsight.coaching.month import coach
from csinsight.contract.disputes import reference
from csinsight.errors import DataError

AS_OF = datetime(2026, 11, 1)
HEAD = "agent_id,behaviour,month,conversation_id,reason,by\n"


@pytest.fixture(scope="module")
def world(worlds):
    made = worlds.make_world(31, inquiries=1200, agents=8)
    talks = made.conversations
    for rule in ("off_platform", "over_promises"):
        talks[rule] = pd.array([False] * len(talks), dtype="boolean")
    talks.loc[talks.index[-1], "off_platform"] = True
    talks.loc[talks.index[-2], "over_promises"] = True
    return talks


PRECISIONS = rule_precisions(LEXICON)


def _drivers(effect=10.0):
    return pd.DataFrame(
        {
            "behaviour": ["recommends", "greets"],
            "outcome": "paid",
            "scope": "all",
            "n": 3000,
            "raw_pp": effect,
            "effect_pp": [effect, 0.1],
            "low_pp": [effect - 3, -3],
            "high_pp": [effect + 3, 3.2],
            "p_value": [1e-6, 0.9],
            "q_value": [1e-5, 0.9],
            "verdict": ["helps", "no evidence"],
        }
    )


def _coached(world, folder, lines=""):
    if lines:
        (folder / "disputes.csv").write_text(HEAD + lines, encoding="utf-8")
    disputes = load_disputes(folder, world, month="2026-10", months=3)
    return coach(world, _drivers(), disputes, as_of=AS_OF, limits=LIMITS, precisions=PRECISIONS)


def test_a_rejected_recommendation_is_withheld_and_counted(world, tmp_path):
    before = _coached(world, tmp_path).plan
    agent = before.query("kind == 'driver'")["agent_id"].iloc[0]
    after = _coached(world, tmp_path, f"{agent},recommends,2026-10,,not my job,{agent}\n")
    left = after.plan[after.plan["agent_id"] == agent]
    assert "recommends" not in set(left["behaviour"])
    others = before["agent_id"] != agent
    pd.testing.assert_frame_equal(
        after.plan[after.plan["agent_id"] != agent].reset_index(drop=True),
        before[others].reset_index(drop=True),
    )
    assert after.disputes["status"].tolist() == ["withheld"]


@pytest.mark.parametrize("named", [str, reference])
def test_a_misread_talk_is_set_aside(world, tmp_path, named):
    talk = world.iloc[-1]
    line = f"{talk['agent_id']},off_platform,2026-10,{named(talk['conversation_id'])},a joke,lead\n"
    found = _coached(world, tmp_path, line)
    assert "off_platform" not in set(found.plan["behaviour"])
    assert "over_promises" in set(found.plan["behaviour"])
    assert found.disputes["status"].tolist() == ["set aside"]


def test_the_conversations_themselves_stay_as_they_are(world, tmp_path):
    talk = world.iloc[-1]
    line = f"{talk['agent_id']},off_platform,2026-10,{talk['conversation_id']},a joke,lead\n"
    _coached(world, tmp_path, line)
    assert bool(world["off_platform"].iloc[-1])
    assert set_aside(world, load_disputes(tmp_path, world, month="2026-10", months=3)) is not world


def test_what_was_not_found_is_told(world, tmp_path):
    agent = world["agent_id"].iloc[0]
    found = _coached(world, tmp_path, f"{agent},uses_emoji,2026-09,,no,lead\n")
    assert found.disputes["status"].tolist() == ["no finding"]


def test_old_disputes_no_longer_bear_on_the_month(world, tmp_path):
    found = _coached(world, tmp_path, "long_gone,recommends,2026-05,,no,lead\n")
    assert found.disputes.empty


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("agent001,smiles,2026-10,,no,lead\n", ("row 2", "column behaviour")),
        ("agent001,recommends,10/2026,,no,lead\n", ("row 2", "column month", "YYYY-MM")),
        ("agent01x,recommends,2026-10,,no,lead\n", ("row 2", "column agent_id", "did you mean")),
        ("agent001,recommends,2026-10,c9,no,lead\n", ("row 2", "column conversation_id", "card")),
        ("agent001,recommends,2026-10,,,lead\n", ("row 2", "column reason")),
    ],
)
def test_faults_name_file_row_column_and_mend(world, tmp_path, line, told):
    with pytest.raises(DataError, match=r"disputes\.csv") as caught:
        _coached(world, tmp_path, line)
    assert all(part in str(caught.value) for part in told)
