"""What is said of behaviours: true where there is an effect, silent where there is none."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.contexts import LEAST, MINIMA

from csinsight.contract.domain import COMPLIANCE, CONTROLS, OWN_INTENT, VERDICTS
from csinsight.drivers.checks import (
    NEXT_CONVERSATION,
    driver_checks,
    readiness,
    reversed_signs,
    unknown_shares,
)
from csinsight.drivers.design import TESTED_BEHAVIOURS, design, secondary_outcomes
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.verdicts import LEFT_OVER, UNSEEN, verdicts

AS_OF = datetime(2026, 11, 1)
NAMED = ["helps", "hurts"]


def _drivers(world, *, scopes=(), **told):
    study = design(world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    return estimate_drivers(study, scopes=scopes, **told, **LEAST)


@pytest.fixture(scope="module")
def confounded(worlds):
    world = worlds.make_world(11, inquiries=12_000, agents=30)
    return world, _drivers(world, scopes=("category", "type"))


def test_real_effects_are_found_with_their_sign(confounded):
    world, drivers = confounded
    whole = drivers[drivers["scope"] == "all"].set_index("behaviour")
    for behaviour, truth in world.effects_pp.items():
        if truth:
            assert whole.loc[behaviour, "verdict"] == ("helps" if truth > 0 else "hurts")


def test_greeting_looks_good_raw_and_shrinks_to_little(confounded):
    whole = confounded[1].query("scope == 'all'").set_index("behaviour")
    assert whole.loc[["greets", "polite_words"], "raw_pp"].min() > 3
    assert whole.loc[["greets", "polite_words"], "effect_pp"].abs().max() < 3


def test_agents_are_compared_within_what_was_seen_of_them(confounded):
    """Carried on to never and always, the line between agents passes what any of them sells."""
    world, table = confounded
    whole = table[(table["scope"] == "all") & (table["unit"] == "shown")]
    between = whole["between_pp"].dropna()
    sold = world.conversations.groupby("agent_id")["paid"].mean() * 100
    assert len(between) > 10
    assert between.abs().max() > 5
    assert between.abs().max() < sold.max() - sold.min()


def test_every_row_has_a_known_verdict_and_no_number_without_data(confounded):
    drivers = confounded[1]
    assert set(drivers["verdict"]) <= set(VERDICTS)
    thin = drivers[drivers["verdict"] == "not enough data"]
    assert len(thin)
    assert (
        thin[["raw_pp", "effect_pp", "low_pp", "high_pp", "p_value", "q_value"]]
        .isna()
        .all(axis=None)
    )
    assert not drivers["behaviour"].isin(COMPLIANCE).any()
    control = drivers["behaviour"].isin(CONTROLS)
    assert (drivers.loc[control, "verdict"] == "control").all()
    assert drivers.loc[control, "q_value"].isna().all()
    assert (thin["reason"].notna() & (thin["reason"] != "")).all()
    assert drivers.loc[drivers["effect_pp"].notna(), "reason"].isna().all()
    named = drivers[drivers["verdict"].isin(NAMED)]
    assert ((named["low_pp"] > 0) | (named["high_pp"] < 0)).all()
    assert (named["q_value"] <= 0.10).all()


def test_scopes_hold_categories_and_types(confounded):
    kinds = confounded[1].groupby("scope_kind")["scope"].nunique()
    assert kinds.to_dict() == {"all": 1, "category": 6, "type": 6}


def test_intervals_cover_and_false_discoveries_stay_rare(worlds):
    covered, discoveries, names = [], [], []
    for seed in range(8):
        world = worlds.make_world(700 + seed, inquiries=4000, agents=20)
        drivers = _drivers(world).dropna(subset=["effect_pp"])
        truth = drivers["behaviour"].map(world.effects_pp)
        judged = drivers[truth.notna()].assign(truth=truth.dropna())
        covered += (
            (judged["low_pp"] <= judged["truth"]) & (judged["truth"] <= judged["high_pp"])
        ).tolist()
        named = judged[judged["verdict"].isin(NAMED)]
        discoveries.append((named["truth"] == 0).mean() if len(named) else 0.0)
        names += (np.sign(named["effect_pp"]) == np.sign(named["truth"]))[
            named["truth"] != 0
        ].tolist()
    assert np.mean(covered) > 0.91
    assert np.mean(discoveries) < 0.16
    assert all(names)


def test_a_shop_without_effects_is_met_with_silence(worlds):
    loud = 0
    for seed in range(8):
        drivers = _drivers(worlds.make_world(800 + seed, inquiries=2500, agents=15, effects={}))
        loud += drivers["verdict"].isin(NAMED).any()
    assert loud <= 2


def test_bargaining_reverses_the_raw_figure_and_the_check_names_it():
    """Bargaining buyers convert less and mostly they are offered a way out."""
    rng = np.random.default_rng(4)
    n, agents = 6000, 20
    agent = rng.integers(0, agents, n)
    bargaining = rng.uniform(size=n) < 0.4
    offers = rng.uniform(size=n) < np.where(bargaining, 0.5, 0.1)
    paid = rng.uniform(size=n) < np.where(bargaining, 0.15, 0.55) + 0.10 * offers
    conversations = pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "agent_id": [f"a{a:02d}" for a in agent],
            "started_at": pd.Timestamp("2026-10-02"),
            "counted_at": pd.Timestamp("2026-10-02"),
            "category": np.where(bargaining, "bargaining", "quality"),
            "is_inquiry": True,
            "mature": True,
            "paid": paid,
            "offers_alternative": pd.array(offers, dtype="boolean"),
        }
    )
    study = design(conversations, as_of=AS_OF, months=1, outcome="paid")
    drivers = estimate_drivers(study, scopes=(), **LEAST)
    row = drivers.set_index("behaviour").loc["offers_alternative"]
    assert row["raw_pp"] < -3
    assert row["effect_pp"] == pytest.approx(10, abs=4)
    assert row["verdict"] == "helps"
    assert reversed_signs(drivers).sum() == 1
    checks = driver_checks(study, drivers)
    assert checks.loc[checks["check"] == "reversal", "behaviour"].tolist() == ["offers_alternative"]


def test_closing_words_that_follow_the_order_raise_no_alarm(confounded):
    world, drivers = confounded
    study = design(world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    checks = driver_checks(study, drivers).set_index("behaviour")
    assert checks.loc["closes_warmly", "check"] == NEXT_CONVERSATION
    assert not checks.loc["closes_warmly", "fired"]
    # Where no control can be estimated there is none to look at, and the others are no controls.
    untold = drivers["verdict"] == "control"
    untold = drivers.assign(effect_pp=drivers["effect_pp"].mask(untold))
    assert NEXT_CONVERSATION not in set(
        driver_checks(study, untold)["check"].fillna(NEXT_CONVERSATION)
    )


def test_good_days_that_pass_for_an_effect_make_the_negative_control_warn(worlds):
    world = worlds.make_world(11, inquiries=6000, agents=15)
    talks = world.conversations
    good = (talks["started_at"].dt.day_of_year % 6 < 3).to_numpy()
    rng = np.random.default_rng(1)
    talks["closes_warmly"] = pd.array(rng.uniform(size=6000) < np.where(good, 0.7, 0.3))
    talks["paid"] |= good & (rng.uniform(size=6000) < 0.3)
    study = design(talks, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    checks = driver_checks(study, _drivers(world)).set_index("behaviour")
    assert checks.loc["closes_warmly", "fired"]


def test_reminders_are_judged_among_unpaid_orders_on_payment(worlds):
    world = worlds.make_world(2, inquiries=4000, agents=10)
    plans = [
        design(world.conversations, world.frozen, outcome=outcome, as_of=AS_OF, months=3)
        for outcome in ("ordered", "paid")
    ]
    drivers = estimate_drivers(plans[0], also=plans[1:], scopes=(), **LEAST)
    rows = drivers[drivers["behaviour"] == "reminds_payment"]
    assert rows["outcome"].tolist() == ["paid"]
    assert rows["n"].tolist() == [world.conversations["reminds_payment"].notna().sum()]


@pytest.mark.parametrize(("inquiries", "agents"), [(30, 1), (299, 6), (2000, 4)])
def test_little_data_gets_no_number(worlds, inquiries, agents):
    drivers = _drivers(
        worlds.make_world(3, inquiries=inquiries, agents=agents), scopes=("category",)
    )
    assert set(drivers["verdict"]) == {"not enough data", "control"}
    assert drivers["effect_pp"].isna().all()


def test_no_inquiry_at_all_gets_no_number(worlds):
    world = worlds.make_world(3, inquiries=50, agents=3)
    world.conversations["is_inquiry"] = False
    drivers = _drivers(world, scopes=("category", "type"))
    assert set(drivers["verdict"]) == {"not enough data", "control"}


def test_absent_behaviours_and_constant_ones_get_no_number(worlds):
    world = worlds.make_world(3, inquiries=1500, agents=8)
    world.conversations["greets"] = pd.array([True] * 1500, dtype="boolean")
    frame = world.conversations.drop(columns="uses_emoji")
    drivers = estimate_drivers(
        design(frame, as_of=AS_OF, months=3, outcome="paid"), scopes=(), **LEAST
    )
    verdicts = drivers.set_index("behaviour")["verdict"]
    assert verdicts[["greets", "uses_emoji"]].tolist() == ["not enough data"] * 2


def test_summaries_of_the_whole_talk_are_judged_on_satisfaction_only(worlds):
    world = worlds.make_world(6, inquiries=8000, agents=15)
    late = ["mean_response_s", "slow_reply_share", "answer_ask_ratio"]
    drivers = _drivers(world).set_index("behaviour").loc[late]
    assert drivers["reason"].unique().tolist() == ["unequal exposure"]
    assert drivers["effect_pp"].isna().all()
    study = design(world.conversations, outcome="satisfaction", as_of=AS_OF, months=3)
    rated = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour").loc[late]
    assert rated["effect_pp"].notna().all()


def test_outcomes_stand_side_by_side_each_with_its_family(worlds):
    world = worlds.make_world(11, inquiries=6000, agents=15)
    told = {"as_of": AS_OF, "months": 3}
    also = secondary_outcomes(world.conversations, world.frozen, outcome="paid", **told)
    assert [plan.outcome for plan in also] == ["ordered"]
    study = design(world.conversations, world.frozen, outcome="paid", **told)
    drivers = estimate_drivers(study, also=also, **LEAST)
    assert drivers["outcome"].iloc[0] == "paid"
    assert set(drivers.loc[drivers["outcome"] == "ordered", "scope"]) == {"all"}
    for outcome, rows in drivers[drivers["scope"] == "all"].groupby("outcome"):
        tested = rows[rows["q_value"].notna()]
        q_values = stats.false_discovery_control(tested["p_value"].to_numpy())
        assert np.allclose(tested["q_value"], q_values), outcome
    alone = estimate_drivers(study, **LEAST)
    paid = drivers[drivers["outcome"] == "paid"].reset_index(drop=True)
    pd.testing.assert_frame_equal(paid, alone)
    rated = secondary_outcomes(world.conversations, world.frozen, outcome="satisfaction", **told)
    assert [plan.outcome for plan in rated] == ["paid", "ordered"]


def test_a_family_beside_the_main_one_has_to_speak_louder_while_that_is_silent():
    rows = [(o, f"b{i}", 0.002 if o == "ordered" else 0.9) for o in ("paid", "ordered")
            for i in range(2)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["outcome", "behaviour", "p_value"]).assign(
        scope="all", scope_kind="all", effect_pp=4.0, low_pp=2.5, high_pp=5.5
    )
    told = {"level": 0.01, "rings": False, "states": False, "browsing": False}
    assert verdicts(table, (), 0.10, **told)["verdict"].tolist()[2:] == ["helps"] * 2
    table.loc[2:, "p_value"] = 0.012
    assert verdicts(table, (), 0.10, **told)["verdict"].tolist() == ["no evidence"] * 4
    table.loc[:1, "p_value"] = 0.01
    assert verdicts(table, (), 0.10, **told)["verdict"].tolist() == ["helps"] * 4


def test_satisfaction_is_in_points_of_the_score(worlds):
    world = worlds.make_world(6, inquiries=8000, agents=15)
    study = design(world.conversations, world.frozen, outcome="satisfaction", as_of=AS_OF, months=3)
    drivers = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    assert 0 < drivers.loc["recommends", "effect_pp"] < 1


def test_the_order_of_rows_changes_nothing(worlds):
    world = worlds.make_world(8, inquiries=1500, agents=8)
    shuffled = world.conversations.sample(frac=1, random_state=1)
    first = _drivers(world)
    second = estimate_drivers(
        design(shuffled, world.frozen, as_of=AS_OF, months=3, outcome="paid"), scopes=(), **LEAST
    )
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_readiness_says_what_can_be_seen_before_any_estimate(worlds):
    world = worlds.make_world(9, inquiries=3000, agents=12)
    study = design(world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    table = readiness(study, **MINIMA, q_threshold=0.1).set_index("behaviour")
    drivers = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    known = drivers["detectable_pp"].dropna().index
    ratio = drivers.loc[known, "detectable_pp"] / table.loc[known, "detectable_pp"]
    # The rule asks for more than an interval that leaves out zero.
    assert 0.5 < ratio.median() < 1
    assert unknown_shares(study)["unknown"].tolist() == [0, 0, 0, 1]  # there are no page views
    assert set(table.index) == {*TESTED_BEHAVIOURS, *CONTROLS}


def test_what_is_left_of_intent_widens_intervals_where_an_alarm_rings() -> None:
    """Five words that the signs moved by as much as the second method still finds in them."""
    effect = np.array([6.0, 3.0, 4.0, 2.0, 0.2])
    table = pd.DataFrame(
        {
            "behaviour": ["recommends", "greets", "polite_words", "asks_needs", "uses_emoji"],
            "outcome": "paid",
            "scope": "all",
            "scope_kind": "all",
            "unit": "shown",
            "n": 5000,
            "agents": 12,
            "effect_pp": effect,
            "low_pp": effect - 1,
            "high_pp": effect + 1,
            "p_value": [1e-7, 1e-5, 1e-6, 1e-4, 0.7],
            "moved_pp": [0.1, 2.0, 0.1, 1.5, 0.0],
            "proximal_pp": effect - [0.1, 2.0, 0.1, 1.5, 0.0],
            "proximal_p": 1e-4,
            "intent_times": 9.0,
        }
    )
    calm, alarmed = (
        verdicts(table, (), 0.10, level=0.05, rings=rings, states=True, browsing=True)
        for rings in (False, True)
    )
    assert (calm["verdict"].iloc[:4] == "helps").all()
    assert list(calm["high_pp"] - calm["low_pp"]) == pytest.approx([2.0] * 5)
    assert alarmed["systematic_pp"].tolist() == pytest.approx([0.1, 2.0, 0.1, 1.5, 0.0])
    assert alarmed.loc[1, "low_pp"] < 0 < alarmed.loc[0, "low_pp"]
    assert alarmed.loc[1, "p_value"] > 0.1 > alarmed.loc[0, "p_value"]
    told = ["helps", OWN_INTENT, "helps", OWN_INTENT, "no evidence"]
    assert alarmed["verdict"].tolist() == told
    assert alarmed.loc[1, "reason"] == LEFT_OVER
    told = {"rings": False, "states": True, "browsing": True, "level": 0.05}
    one = verdicts(table, (), 0.10, answered={"greets"}, **told)
    assert one["verdict"].tolist() == ["helps", OWN_INTENT, "helps", "helps", "no evidence"]
    assert one["systematic_pp"].notna().tolist() == [False, True, False, False, False]
    assert one["high_pp"].drop(1).tolist() == calm["high_pp"].drop(1).tolist()
    blind = verdicts(table, (), 0.10, level=0.05, rings=True, states=True, browsing=False)
    assert blind["verdict"].tolist() == [*[OWN_INTENT] * 4, "no evidence"]
    assert set(blind["reason"].iloc[:4]) == {UNSEEN}


def test_without_a_second_method_the_estimates_tell_what_is_left_of_intent() -> None:
    """Eight words that intent alone moves, four times what signs took out, and two real ones."""
    moved = np.array([1.0, 0.8, -0.6, 0.9, 0.5, 1.1, -0.7, 0.6, 0.7, 0.3])
    effect = 4 * moved + np.array([0, 0.3, 0.2, -0.3, 0.1, 0.2, -0.2, 0.0, 9.0, 8.0])
    table = pd.DataFrame(
        {
            "behaviour": [f"b{i}" for i in range(10)],
            "outcome": "paid",
            "scope": "all",
            "scope_kind": "all",
            "unit": "shown",
            "effect_pp": effect,
            "low_pp": effect - 2,
            "high_pp": effect + 2,
            "p_value": 2 * stats.norm.sf(np.abs(effect) / 1.02),
            "moved_pp": moved,
            "proximal_pp": np.nan,
            "proximal_p": np.nan,
            "intent_times": 9.0,
        }
    )
    told = {"level": 0.05, "rings": True, "states": True, "browsing": 1.0}
    seen, hidden = (verdicts(table, (), 0.10, hidden=h, **told) for h in (False, True))
    assert seen["systematic_pp"].tolist() == pytest.approx(np.abs(moved))
    # None is taken to have been moved less than the middle one.
    times = (hidden["systematic_pp"] / np.maximum(np.abs(moved), np.median(np.abs(moved)))).tolist()
    assert times == pytest.approx([times[0]] * 10)
    assert 3.5 < times[0] < 4.2
    assert (seen["verdict"] == "helps").sum() > 5
    assert hidden.loc[hidden["verdict"] == "helps", "behaviour"].tolist() == ["b8", "b9"]
    assert set(hidden.loc[seen["verdict"].isin(["helps", "hurts"]), "verdict"]) == {
        "helps",
        OWN_INTENT,
    }
