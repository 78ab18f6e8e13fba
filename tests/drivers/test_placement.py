"""Turns or talks: told from the data, before any outcome."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST

from csinsight.drivers.balance import balance, by_conversation
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.exposure import judged
from csinsight.drivers.verdicts import CUT_SHORT


@pytest.fixture(scope="module")
def makes():
    """The modules that draw shops of other makes (test files don't import each other)."""
    found = {}
    for name in ("hazard_shops", "scripted_shops"):
        full = f"tests.validate.{name}"
        if full not in sys.modules:
            path = Path(__file__).parents[1] / "validate" / f"{name}.py"
            spec = importlib.util.spec_from_file_location(full, path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[full] = module
            spec.loader.exec_module(module)
        found[name] = sys.modules[full]
    return found


def _drivers(shop, as_of, exposure=None):
    study = design(
        shop.conversations, shop.frozen, as_of=as_of, months=3, exposure=exposure, outcome="paid"
    )
    found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    found = found.assign(truth=shop.effects)
    return study, found[found["effect_pp"].notna() & (found["verdict"] != "control")]


def test_talks_are_compared_where_behaviours_fall_anywhere_in_them(makes):
    as_of, parts, fooled = makes["hazard_shops"].AS_OF, [], []
    for seed in (1, 2):
        shop = makes["scripted_shops"].draw_shop("anywhere", seed)
        study, found = _drivers(shop, as_of)
        assert len(study.by_conversation) > 8
        parts.append(found)
        fooled.append(_drivers(shop, as_of, "turns")[1])
    found, fooled = pd.concat(parts), pd.concat(fooled)
    assert found["truth"].between(found["low_pp"], found["high_pp"]).mean() > 0.88
    # Alarms ring there by turns, which widen what is told: the estimates are what is wrong.
    wrong = [np.abs(part["effect_pp"] - part["truth"]).mean() for part in (found, fooled)]
    assert wrong[1] > 1.5 * wrong[0]


def test_turns_are_compared_where_agents_decide_at_each(makes):
    hazards = makes["hazard_shops"]
    for kind in (hazards.KINDS[0], hazards.KINDS[6]):
        shop = hazards.draw_shop(kind, 2, truth=False)
        study = design(
            shop.conversations, shop.frozen, as_of=hazards.AS_OF, months=3, outcome="paid"
        )
        assert len(study.by_conversation) <= 1


def test_the_choice_never_looks_at_the_outcome(makes):
    hazards = makes["hazard_shops"]
    talks = hazards.draw_shop(hazards.KINDS[0], 3, truth=False).conversations
    read = judged(talks)
    turned = read.assign(paid=~read["paid"], ordered=~read["ordered"])
    pd.testing.assert_frame_equal(balance(read), balance(turned))


def test_no_length_is_taken_of_conversations_in_which_no_turn_was_judged(makes):
    talks = judged(
        makes["hazard_shops"]
        .draw_shop(makes["hazard_shops"].KINDS[0], 3, truth=False)
        .conversations
    ).head(4_000)
    some = talks["turns_judged"].where(pd.Series(range(len(talks)), index=talks.index) % 4 > 0, 0)
    with np.errstate(divide="raise"):
        found = balance(talks.assign(turns_judged=some))
    assert len(found) > 5
    assert found.notna().all(axis=None)
    assert (found["n"] < balance(talks)["n"]).all()


def test_few_talks_or_behaviours_leave_it_at_turns(makes):
    hazards = makes["hazard_shops"]
    talks = judged(hazards.draw_shop(hazards.KINDS[0], 3, truth=False).conversations)
    assert not by_conversation(talks.head(200))
    assert not by_conversation(talks.head(0))
    assert not by_conversation(talks.assign(turns_judged=1))


@pytest.mark.parametrize("effects", [(), (("recommends", 0.6),)])
def test_what_orders_cut_short_is_not_judged(makes, effects):
    """Said once a conversation, wherever it falls, where buyers may order after any line."""
    hazards = makes["hazard_shops"]
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
