"""Recommendations that are true, few, and never made without evidence."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contexts import LEAST, LIMITS, RATES

from csinsight.coaching.card import agent_card, agent_rates, conversions
from csinsight.coaching.peers import compare_agents, leave_one_out_quantile
from csinsight.coaching.plan import COLUMNS, agent_status, coaching_plan, mentors
from csinsight.coaching.playbooks import playbooks
from csinsight.coaching.shrunken_effects import credible_drivers
from csinsight.contract.domain import COMPLIANCE, PLAN_KINDS
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.features.months import in_months
from csinsight.views.coaching import by_behaviour

AS_OF = datetime(2026, 11, 1)


def _drivers(world, scopes=()):
    study = design(world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    return estimate_drivers(study, scopes=scopes, **LEAST)


@pytest.fixture(scope="module")
def shop(worlds):
    effects = {**worlds.REAL, "first_response_s": -0.35}
    world = worlds.make_world(21, inquiries=9000, agents=20, effects=effects)
    drivers = _drivers(world, ("type", "tier"))
    return world, drivers, coaching_plan(world.conversations, drivers, as_of=AS_OF, limits=LIMITS)


def test_compliance_comes_first_then_three_drivers_then_strengths(shop):
    plan = shop[2]
    assert list(plan.columns) == list(COLUMNS)
    assert set(plan["kind"]) == set(PLAN_KINDS)
    for _, own in plan.groupby("agent_id"):
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
        assert own["kind"].map(PLAN_KINDS.index).map([1, 0, 2].__getitem__).is_monotonic_increasing
        assert (own["kind"] == "driver").sum() <= 3
    assert plan.loc[plan["kind"] == "compliance", "behaviour"].isin(COMPLIANCE).all()


def test_a_recommendation_has_a_gain_whose_interval_is_above_zero(shop):
    advice = shop[2].query("kind == 'driver'")
    assert (advice["low"] > 0).all()
    assert (advice["low"] < advice["expected_gain_inquiries"]).all()
    assert (advice["expected_gain_inquiries"] < advice["high"]).all()
    assert advice["evidence"].str.len().gt(0).all()


def test_nobody_within_the_middle_half_of_peers_is_told_to_practise(shop):
    world, _, plan = shop
    rates = agent_rates(world.conversations, as_of=AS_OF, **RATES)
    advice = plan.query("kind == 'driver'").merge(
        rates.rename(columns={"rate": "own"}), on=["agent_id", "behaviour"]
    )
    more = advice["effect_pp"] > 0
    assert len(advice) == (plan["kind"] == "driver").sum() > 10
    assert (advice.loc[more, "own"] < advice.loc[more, "peer_q1"]).all()
    assert (advice.loc[~more, "own"] > advice.loc[~more, "peer_q3"]).all()


def test_what_is_surest_is_tried_first_on_each_card_as_in_the_teams_plan(shop):
    advice = shop[2].query("kind == 'driver'")
    team = by_behaviour(shop[2])["behaviour"].tolist()
    assert len(team) > 1
    for _, own in advice.groupby("agent_id"):
        places = [team.index(name) for name in own["behaviour"]]
        assert places == sorted(places)


def test_hurting_habits_are_advised_to_those_who_do_more(shop):
    advice = shop[2].query("kind == 'driver' and behaviour == 'refuses_flatly'")
    assert len(advice)
    assert (advice["rate"] > advice["peer_rate"]).all()
    assert (advice["peer_rate"] > advice["target_rate"]).all()


def test_timings_are_in_seconds(shop):
    advice = shop[2].query("behaviour == 'first_response_s' and kind == 'driver'")
    assert len(advice)
    assert (advice["rate"] > advice["target_rate"]).all()
    assert advice["target_rate"].between(5, 120).all()


def test_evidence_is_the_agents_own_and_shows_what_it_says(shop):
    world, _, plan = shop
    talks = world.conversations.set_index("conversation_id")
    for row in plan.query("kind == 'driver' and behaviour == 'recommends'").itertuples():
        own = talks.loc[[*row.hits, *row.misses]]
        assert (own["agent_id"] == row.agent_id).all()
        assert talks.loc[row.hits, "recommends"].all()
        assert not talks.loc[row.misses, "recommends"].any()
        assert (talks.loc[row.peer_hits, "agent_id"] != row.agent_id).all()


@pytest.mark.slow
def test_advice_is_true_and_gains_are_covered(worlds):
    right, covered = [], []
    for seed in range(5):
        world = worlds.make_world(5100 + seed, inquiries=5000, agents=18)
        plan = coaching_plan(world.conversations, _drivers(world), as_of=AS_OF, limits=LIMITS)
        for row in plan.query("kind == 'driver'").itertuples():
            if row.behaviour not in world.habits:
                continue
            rates = worlds.true_rates(world, row.behaviour)
            own, place = rates[int(row.agent_id[5:])], int(row.agent_id[5:])
            others = np.delete(rates, place)
            effect = world.effects_pp.get(row.behaviour, 0.0)
            helps = row.effect_pp > 0
            right.append((np.median(others) - own) * effect > 0)
            target = np.quantile(others, 0.75 if helps else 0.25)
            gain = (target - own) * effect / 100 * row.monthly_opportunities
            covered.append(row.low <= gain <= row.high)
    assert len(right) > 60
    assert np.mean(right) >= 0.9
    assert np.mean(covered) >= 0.88


def test_no_driver_no_advice(worlds):
    world = worlds.make_world(5200, inquiries=3000, agents=12, effects={})
    drivers = _drivers(world).assign(verdict="no evidence")
    plan = coaching_plan(world.conversations, drivers, as_of=AS_OF, limits=LIMITS)
    assert set(plan["kind"]) <= {"compliance"}


def test_agents_with_few_inquiries_get_no_advice_and_are_told_so(worlds):
    world = worlds.make_world(22, inquiries=5000, agents=14)
    talks = world.conversations
    few = talks.index[talks["agent_id"] == "agent003"][:-20]
    talks = talks.drop(few)
    talks["over_promises"] = pd.array([False] * len(talks), dtype="boolean")
    talks.loc[talks.index[talks["agent_id"] == "agent003"][-1], "over_promises"] = True
    plan = coaching_plan(talks, _drivers(world), as_of=AS_OF, limits=LIMITS)
    own = plan[plan["agent_id"] == "agent003"]
    assert set(own["kind"]) == {"compliance"}
    status = agent_status(talks, plan, as_of=AS_OF, months=3, min_agent_inquiries=50).set_index(
        "agent_id"
    )
    assert status.loc["agent003", ["inquiries", "status"]].tolist() == [20, "not enough evidence"]
    assert set(status["status"]) <= {"recommendations", "keep it up", "not enough evidence"}


def test_compliance_looks_at_the_report_month_alone(worlds):
    world = worlds.make_world(23, inquiries=600, agents=6)
    talks = world.conversations
    for rule in COMPLIANCE:
        talks[rule] = pd.array([False] * len(talks), dtype="boolean")
    talks.loc[0, "off_platform"] = True
    plan = coaching_plan(talks, _drivers(world), as_of=AS_OF, limits=LIMITS)
    assert plan.empty
    assert list(plan.columns) == list(COLUMNS)
    talks.loc[599, ["asks_for_praise", "off_platform"]] = True
    plan = coaching_plan(talks, _drivers(world), as_of=AS_OF, limits=LIMITS)
    # The one rule has been read often enough to accuse, the other is to be checked first.
    assert plan[["agent_id", "rank", "behaviour"]].to_numpy().tolist() == [
        [talks.loc[599, "agent_id"], 1, "asks_for_praise"]
    ]
    assert plan["evidence"].iloc[0] == [talks.loc[599, "conversation_id"]]


def test_the_same_input_gives_the_same_plan(shop):
    world, drivers, plan = shop
    again = coaching_plan(world.conversations, drivers, as_of=AS_OF, limits=LIMITS)
    pd.testing.assert_frame_equal(plan, again)


def test_only_the_public_columns_of_drivers_are_needed(shop):
    world, drivers, plan = shop
    public = drivers.loc[:, "behaviour":"verdict"]
    alone = coaching_plan(world.conversations, public, as_of=AS_OF, limits=LIMITS)
    printed = ["effect_pp", "effect_low_pp", "effect_high_pp"]
    # What is believed orders an agent's advice, and chooses none of it.
    both = (
        table.drop(columns=[*printed, "rank"]).sort_values(["agent_id", "kind", "behaviour"])
        for table in (plan, alone)
    )
    one, other = (table.reset_index(drop=True) for table in both)
    pd.testing.assert_frame_equal(one, other)
    # Without what is believed of an effect, the estimate itself is printed.
    told = plan[plan["kind"] == "driver"].merge(
        drivers[drivers["scope"] == "all"].query("outcome == 'paid'"),
        on="behaviour",
        suffixes=("", "_drawn"),
    )
    assert len(told) > 0
    np.testing.assert_allclose(told["effect_pp"], told["shrunk_pp"])
    both = told.merge(alone, on=["agent_id", "behaviour"], suffixes=("", "_alone"))
    assert (both["effect_pp_alone"].abs() > both["effect_pp"].abs()).all()


def test_mentors_are_strong_in_what_the_agent_should_learn(shop):
    plan = shop[2]
    strong = set(map(tuple, plan.query("kind == 'strength'")[["behaviour", "agent_id"]].to_numpy()))
    pairs = mentors(plan)
    assert len(pairs) == (plan["kind"] == "driver").sum()
    assert all(
        (b, m) in strong
        for b, ms in zip(pairs["behaviour"], pairs["mentors"], strict=True)
        for m in ms
    )


def test_chosen_effects_are_believed_a_little_less(shop):
    drivers = shop[1].query("scope == 'all' and outcome == 'paid'").set_index("behaviour")
    for effect in credible_drivers(shop[1], 0.10):
        plain = drivers.loc[effect.behaviour, "effect_pp"]
        assert 0 < effect.present <= 1
        assert abs(effect.present * effect.mean) < abs(plain)
        assert abs(effect.effect_pp) < abs(plain)
        assert np.sign(effect.mean) == np.sign(effect.effect_pp)


def test_hard_questions_are_not_held_against_an_agent():
    """Ten agents with one habit; one of them gets only bargaining, where all do less."""
    rng = np.random.default_rng(3)
    agent = np.repeat(np.arange(10), 200)
    bargaining = np.where(agent == 0, True, rng.uniform(size=2000) < 0.2)
    shown = rng.uniform(size=2000) < np.where(bargaining, 0.2, 0.6)
    talks = pd.DataFrame(
        {
            "agent_id": [f"a{a}" for a in agent],
            "category": np.where(bargaining, "bargaining", "quality"),
            "recommends": pd.array(shown, dtype="boolean"),
        }
    )
    found = compare_agents(talks, "recommends", seed=1)
    own, middle = found.own(0), found.peers(0, 0.5)
    assert found.observed[0] < 0.3 < found.observed[1:].mean()
    assert 0.05 < (own > middle).mean() < 0.95


def test_small_numbers_are_pulled_towards_the_expected():
    rng = np.random.default_rng(3)
    sizes = [400] * 9 + [5]
    agent = np.repeat(np.arange(10), sizes)
    shown = np.concatenate([rng.uniform(size=3600) < 0.5, np.zeros(5, bool)])
    talks = pd.DataFrame(
        {
            "agent_id": [f"a{a}" for a in agent],
            "category": "size",
            "greets": pd.array(shown, dtype="boolean"),
        }
    )
    found = compare_agents(talks, "greets", seed=1)
    assert found.observed[9] == 0
    assert found.own(9).mean() > 0.3


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=12), st.floats(0, 1), st.data())
def test_leave_one_out_quantile_is_numpys(values, quantile, data):
    place = data.draw(st.integers(0, len(values) - 1))
    row = np.array(values)
    expected = np.quantile(np.delete(row, place), quantile)
    assert leave_one_out_quantile(row[None, :], place, quantile)[0] == pytest.approx(
        expected, abs=1e-9
    )


def test_a_card_holds_what_the_page_shows(shop):
    world, _, plan = shop
    adjusted_rates = agent_rates(world.conversations, as_of=AS_OF, **RATES)
    status = agent_status(world.conversations, plan, as_of=AS_OF, months=3, min_agent_inquiries=50)
    agent = plan.query("kind == 'driver'")["agent_id"].iloc[0]
    card = agent_card(
        agent,
        world.conversations,
        plan,
        adjusted_rates,
        status,
        conversions(in_months(world.conversations, AS_OF, 3)),
        as_of=AS_OF,
        trend_months=12,
    )
    assert card.status == "recommendations"
    assert 1 <= len(card.recommendations) <= 3
    assert (card.rates["peer_q1"] <= card.rates["peer_median"]).all()
    assert (card.rates["peer_median"] <= card.rates["peer_q3"]).all()
    assert card.conversion.low < card.conversion.rate < card.conversion.high
    paid = card.trend.query("behaviour == 'paid'")
    assert paid["month"].dt.month.tolist() == [8, 9, 10]
    assert paid["opportunities"].sum() == card.conversion.inquiries == card.inquiries
    assert (card.trend["low"] <= card.trend["rate"]).all()
    assert (card.trend["rate"] <= card.trend["high"]).all()


def test_an_unknown_agent_has_no_card(shop):
    world, _, plan = shop
    status = agent_status(world.conversations, plan, as_of=AS_OF, months=3, min_agent_inquiries=50)
    with pytest.raises(ValueError, match="agent 'nobody' has no conversation"):
        agent_card(
            "nobody",
            world.conversations,
            plan,
            pd.DataFrame({"agent_id": []}),
            status,
            conversions(world.conversations),
            as_of=AS_OF,
            trend_months=12,
        )


def test_expected_conversion_is_the_others_on_the_same_mix():
    talks = pd.DataFrame(
        {
            "agent_id": ["a"] * 4 + ["b"] * 4,
            "category": [*"sssb", *"ssbb"],
            "is_inquiry": True,
            "mature": True,
            "paid": [True, False, False, False, True, True, False, True],
        }
    )
    found = conversions(talks).set_index("agent_id").loc["a"]
    assert (found["inquiries"], found["paid"]) == (4, 1)
    assert found["expected"] == pytest.approx((3 * 1.0 + 0.5) / 4)
    assert found["above"] < 0.1


def test_playbooks_describe_every_type_and_tier(shop):
    world, drivers, _ = shop
    table = playbooks(world.conversations, world.frozen, drivers).set_index(["cut", "segment"])
    assert len(table) == 10
    assert table.groupby("cut")["share"].sum().tolist() == pytest.approx([1, 1])
    assert table.groupby("cut")["money_share"].sum().tolist() == pytest.approx([1, 1])
    assert (table["paid_low"] <= table["paid_rate"]).all()
    tiers = drivers.query("scope_kind == 'tier' and scope == 'ordinary'")
    named = set(tiers.loc[tiers["verdict"] == "hurts", "behaviour"])
    assert set(table.loc[("tier", "ordinary"), "hurts"]) == named
    assert "refuses_flatly" in named
