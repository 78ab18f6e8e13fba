"""Progress is found where there is some, and not where the lowest only came back up."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.validate import followed_months

from csinsight.coaching.follow_up import COLUMNS, earlier_plans, fingerprint, follow_up, keep_plan
from csinsight.coaching.plan import COLUMNS as PLAN_COLUMNS


@pytest.fixture(scope="module")
def drawn():
    """The module that draws followed months, shared with the study."""
    return followed_months


def _team(drawn, seed, lift, **more):
    months = drawn.draw_months(seed, lift, **more)
    found = follow_up(
        months.plans,
        months.conversations,
        as_of=drawn.AS_OF,
        months=more.get("before", 3),
        seed=20261031,
    )
    row = found[(found["behaviour"] == "recommends") & found["agent_id"].isna()].iloc[0]
    return months, found, row


def test_a_real_change_is_found(drawn):
    rows = [_team(drawn, seed, 0.6)[2] for seed in range(8)]
    assert sum(row["verdict"] == "better" for row in rows) >= 7


def test_coming_back_up_is_not_taken_for_progress(drawn):
    """Among agents who hardly differ a plain comparison sees points that aren't there."""
    found, plain, named = [], [], 0
    for seed in range(16):
        months, _, row = _team(drawn, seed, 0.0, a_month=30, before=1, spread=0.2)
        found.append(row["change"])
        plain.append(drawn.plain_change(months))
        named += row["verdict"] == "better"
    assert np.mean(plain) > 0.03
    assert abs(np.mean(found)) < 0.5 * np.mean(plain)
    assert named <= 2


def test_every_advised_agent_has_a_row_and_conversion_is_followed(drawn):
    months, found, _ = _team(drawn, 3, 0.6)
    assert list(found.columns) == list(COLUMNS)
    advised = set(months.plans[drawn.ADVISED_IN]["agent_id"])
    for behaviour in ("recommends", "paid"):
        own = found[(found["behaviour"] == behaviour) & found["agent_id"].notna()]
        assert set(own["agent_id"]) == advised
        assert (own["change_low"] < own["change_high"]).all()
    assert (found["month"] == "2026-11").all()
    assert found.loc[found["agent_id"].isna(), "controls"].eq(9).all()


def test_the_third_month_shows_a_trend(drawn):
    months = drawn.draw_months(5, 0.6)
    later = months.conversations[months.conversations["started_at"] >= "2026-11-01"].copy()
    for moment in ("started_at", "counted_at"):
        later[moment] += pd.DateOffset(months=1)
    later["conversation_id"] = "later-" + later["conversation_id"]
    talks = pd.concat([months.conversations, later], ignore_index=True)
    found = follow_up(months.plans, talks, as_of=datetime(2027, 1, 1), months=3, seed=20261031)
    team = found[(found["behaviour"] == "recommends") & found["agent_id"].isna()]
    assert team["month"].tolist() == ["2026-11", "2026-12"]
    assert (team["verdict"] == "better").all()


def test_nobody_to_compare_with_is_not_enough_evidence(drawn):
    months = drawn.draw_months(5, 0.6)
    everybody = pd.DataFrame(
        {
            "agent_id": months.conversations["agent_id"].unique(),
            "behaviour": "recommends",
            "kind": "driver",
        }
    )
    found = follow_up(
        {"2026-10": everybody}, months.conversations, as_of=drawn.AS_OF, months=3, seed=20261031
    )
    assert set(found["verdict"]) == {"not enough evidence"}
    assert found["change"].isna().all()


def test_without_earlier_plans_there_is_nothing_to_follow(drawn):
    months = drawn.draw_months(5, 0.0)
    found = follow_up({}, months.conversations, as_of=drawn.AS_OF, months=3, seed=20261031)
    assert found.empty
    assert list(found.columns) == list(COLUMNS)


def _plan(rate):
    row = dict.fromkeys(PLAN_COLUMNS, None) | {
        "agent_id": "a1",
        "rank": 1,
        "behaviour": "recommends",
        "kind": "driver",
        "rate": rate,
        "opportunities": 40,
    }
    return pd.DataFrame([row])


def test_plans_are_kept_and_never_written_over(tmp_path):
    first = keep_plan(tmp_path, "2026-09", _plan(0.1))
    again = keep_plan(tmp_path, "2026-09", _plan(0.1))
    assert again == first
    before = first.read_bytes()
    other = keep_plan(tmp_path, "2026-09", _plan(0.2))
    assert other != first
    assert first.read_bytes() == before
    keep_plan(tmp_path, "2026-10", _plan(0.3))
    kept = earlier_plans(tmp_path, "2026-10")
    assert list(kept) == ["2026-09"]
    assert kept["2026-09"]["rate"].tolist() == [0.2]
    assert not list(tmp_path.glob(".*"))


def test_only_earlier_months_change_what_a_month_reads(tmp_path):
    keep_plan(tmp_path, "2026-08", _plan(0.1))
    known = fingerprint(tmp_path, "2026-09")
    keep_plan(tmp_path, "2026-09", _plan(0.1))
    assert fingerprint(tmp_path, "2026-09") == known
    keep_plan(tmp_path, "2026-08", _plan(0.4))
    assert fingerprint(tmp_path, "2026-09") != known
