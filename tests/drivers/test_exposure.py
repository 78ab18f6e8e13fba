"""Equal exposure: turns, whole conversations, or the clock; which one is told by the data."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST
from tests.validate import hazard_shops, scripted_shops

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.exposure import (
    balance,
    band,
    by_conversation,
    in_silence,
    judged,
    risk_set_columns,
)
from csinsight.drivers.verdicts import CUT_SHORT

AS_OF = datetime(2026, 11, 1)
ORDERED_AT = pd.Timestamp("2026-10-02 10:00")


def _drivers(shop, as_of, exposure=None):
    study = design(
        shop.conversations, shop.frozen, as_of=as_of, months=3, exposure=exposure, outcome="paid"
    )
    found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    found = found.assign(truth=shop.effects)
    return study, found[found["effect_pp"].notna() & (found["verdict"] != "control")]


def test_talks_are_compared_where_behaviours_fall_anywhere_in_them():
    as_of, parts, fooled = hazard_shops.AS_OF, [], []
    for seed in (1, 2):
        shop = scripted_shops.draw_shop("anywhere", seed)
        study, found = _drivers(shop, as_of)
        assert len(study.by_conversation) > 8
        parts.append(found)
        fooled.append(_drivers(shop, as_of, "turns")[1])
    found, fooled = pd.concat(parts), pd.concat(fooled)
    assert found["truth"].between(found["low_pp"], found["high_pp"]).mean() > 0.88
    # Alarms ring there by turns, which widen what is told: the estimates are what is wrong.
    wrong = [np.abs(part["effect_pp"] - part["truth"]).mean() for part in (found, fooled)]
    assert wrong[1] > 1.5 * wrong[0]


def test_turns_are_compared_where_agents_decide_at_each():
    hazards = hazard_shops
    for kind in (hazards.KINDS[0], hazards.KINDS[6]):
        shop = hazards.draw_shop(kind, 2, truth=False)
        study = design(
            shop.conversations, shop.frozen, as_of=hazards.AS_OF, months=3, outcome="paid"
        )
        assert len(study.by_conversation) <= 1


def test_the_choice_never_looks_at_the_outcome():
    hazards = hazard_shops
    talks = hazards.draw_shop(hazards.KINDS[0], 3, truth=False).conversations
    read = judged(talks)
    turned = read.assign(paid=~read["paid"], ordered=~read["ordered"])
    pd.testing.assert_frame_equal(balance(read), balance(turned))


def test_no_length_is_taken_of_conversations_in_which_no_turn_was_judged():
    talks = judged(
        hazard_shops.draw_shop(hazard_shops.KINDS[0], 3, truth=False).conversations
    ).head(4_000)
    some = talks["turns_judged"].where(pd.Series(range(len(talks)), index=talks.index) % 4 > 0, 0)
    with np.errstate(divide="raise"):
        found = balance(talks.assign(turns_judged=some))
    assert len(found) > 5
    assert found.notna().all(axis=None)
    assert (found["n"] < balance(talks)["n"]).all()


def test_few_talks_or_behaviours_leave_it_at_turns():
    hazards = hazard_shops
    talks = judged(hazards.draw_shop(hazards.KINDS[0], 3, truth=False).conversations)
    assert not by_conversation(talks.head(200))
    assert not by_conversation(talks.head(0))
    assert not by_conversation(talks.assign(turns_judged=1))


@pytest.mark.parametrize("effects", [(), (("recommends", 0.6),)])
def test_what_orders_cut_short_is_not_judged(effects):
    """Said once a conversation, wherever it falls, where buyers may order after any line."""
    hazards = hazard_shops
    once = ("polite_words", "recommends", "gives_specifics", "refuses_flatly", "uses_emoji")
    kind = hazards.Kind("cut short", by_talk=once, effects=effects)
    shop = hazards.draw_shop(kind, 4482, truth=False)
    study = design(shop.conversations, shop.frozen, as_of=hazards.AS_OF, months=3, outcome="paid")
    assert set(study.unfair) >= set(once)
    found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    assert (found.loc[list(study.unfair), "verdict"] == "not enough data").all()
    assert set(found.loc[list(study.unfair), "reason"]) == {CUT_SHORT}
    assert found.loc["greets", "effect_pp"] == pytest.approx(0, abs=5)
    ends = hazards.Kind("at the end", by_talk=once, effects=effects, decides="end", base=-0.6)
    shop = hazards.draw_shop(ends, 4482, truth=False)
    study = design(shop.conversations, shop.frozen, as_of=hazards.AS_OF, months=3, outcome="paid")
    assert set(study.by_conversation) >= set(once) and study.unfair == ()


def _unpaid_orders(rng, effect=0.0, n=6000, agents=12):
    """Orders left unpaid for ten minutes; half the payers pay before any reminder is due."""
    agent = rng.integers(0, agents, n)
    pays = rng.uniform(size=n) < 0.5
    pays_s = np.where(pays, 600 + rng.exponential(1800, n), np.inf)
    due_s = 600 + rng.exponential(2400, n)
    reminded = (due_s < pays_s) & (rng.uniform(size=n) < 0.2 + 0.05 * agent)
    won = reminded & ~pays & (rng.uniform(size=n) < effect)
    pays_s = np.where(won, due_s + rng.exponential(1800, n), pays_s)
    paid = np.isfinite(pays_s)
    return pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "agent_id": [f"a{a:02d}" for a in agent],
            "started_at": ORDERED_AT,
            "counted_at": ORDERED_AT,
            "category": "quality",
            "is_inquiry": True,
            "mature": True,
            "paid": paid,
            "outcome_at": ORDERED_AT,
            "paid_at": ORDERED_AT + pd.to_timedelta(np.where(paid, pays_s, np.nan), unit="s"),
            "reminded_s": np.where(reminded, due_s, np.nan),
            "reminds_payment": pd.array(reminded, dtype="boolean"),
        }
    )


@pytest.fixture
def estimate(worlds):
    def made(orders):
        talks = worlds.with_turns(orders)
        drivers = estimate_drivers(
            design(talks, as_of=AS_OF, months=1, outcome="paid"), scopes=(), **LEAST
        )
        return drivers.set_index("behaviour").loc["reminds_payment"]

    return made


def test_reminders_that_only_slow_payers_get_are_no_harm(estimate):
    found = estimate(_unpaid_orders(np.random.default_rng(3)))
    assert found["raw_pp"] < -15
    assert found["low_pp"] < 0 < found["high_pp"]
    assert found["verdict"] == "no evidence"


def test_reminders_that_win_payments_are_found_though_the_raw_figure_speaks_against(estimate):
    found = estimate(_unpaid_orders(np.random.default_rng(4), effect=0.4))
    assert found["raw_pp"] < 0
    assert found["verdict"] == "helps"


def test_bands_grow_by_a_quarter_and_end():
    found = band(np.array([0.0, 599, 600, 749, 751, 72 * 3600, 1e9, np.nan]))
    assert found.tolist() == [0, 0, 1, 1, 2, 28, 28, 28]


def test_a_comeback_needs_a_silence_and_its_time_is_the_silence_that_it_broke():
    talks = pd.DataFrame(
        {
            "follows_up": pd.array([True, True, False, None], dtype="boolean"),
            "silence_s": [700.0, np.nan, 900.0, np.nan],
            "silence_broken_by_agent": pd.array([True, None, False, None], dtype="boolean"),
        }
    )
    kept = in_silence(talks)
    assert kept["follows_up"].isna().tolist() == [False, True, False, True]
    found = risk_set_columns(kept)
    assert found["follows_up_turn"].fillna(-1).tolist() == [1, -1, -1, -1]
    assert found["follows_up_bands"].tolist() == [1, 0, 2, 0]
