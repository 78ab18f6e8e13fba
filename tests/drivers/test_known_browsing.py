"""Page views before the chat that are known of some inquiries only, or because of the sale."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from tests.contexts import LEAST
from tests.validate import worlds

from csinsight.contract.domain import OWN_INTENT
from csinsight.drivers.checks import unknown_shares
from csinsight.drivers.covariates import PAGES
from csinsight.drivers.design_matrix import design_matrix_of
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.intent import placebo_tests, unseen
from csinsight.drivers.verdicts import UNSEEN
from csinsight.views.driver_design import power
from csinsight.views.sample import sample_study

NAMED = ["helps", "hurts"]
BROWSING = ("cart page before the first message", "pages before the first message")


def _looked(world: str):
    plan = worlds.planned(worlds.draw("window", world, 5, talks=4000))
    return plan, estimate_drivers(plan, scopes=(), **LEAST)


@pytest.fixture(scope="module")
def few():
    return _looked("few_views")


@pytest.fixture(scope="module")
def because():
    return _looked("plain_views_of_who_bought")


def test_with_views_of_a_fifth_only_what_the_second_method_sees_stands(few):
    plan, found = few
    assert plan.browsing_doubt == "few"
    assert 0.15 < plan.browsing_share < 0.25
    named = found[found["verdict"].isin(NAMED)]
    assert (named["proximal_p"] / 2 <= 0.05).all()
    assert (named["proximal_pp"] * named["effect_pp"] > 0).all()
    assert (found["verdict"] == OWN_INTENT).sum() + len(named) >= 4
    by_chance = found.assign(proximal_pp=float("nan"))
    assert unseen(by_chance, plan.browsing_share).all()


def test_without_views_nothing_stands():
    plan, found = _looked("no_views")
    assert (plan.browsing_doubt, plan.browsing_share) == ("", 0.0)
    assert not found["verdict"].isin(NAMED).any()
    assert (found["reason"] == UNSEEN).sum() >= 3


def test_views_kept_because_of_the_sale_make_no_alarm_and_no_driver(because):
    plan, found = because
    assert plan.browsing_doubt == "uneven"
    assert not [name for name in plan.signs if name.removeprefix("browsing: ") in PAGES]
    alarms = placebo_tests(design_matrix_of(plan))
    assert not alarms["check"].isin(BROWSING).any()
    named = found[found["verdict"].isin(NAMED)]
    assert set(named["behaviour"]) & {"recommends", "refuses_flatly", "offers_alternative"}


def test_the_page_says_what_is_known_of_either(few, because):
    before = pd.DataFrame({"behaviour": ["recommends"], "detectable_pp": [6.0]})
    for (plan, _), told in (
        (few, "only what the second method sees"),
        (because, "because of the sale"),
    ):
        text = power(sample_study(), plan, before).plain()
        assert told in text
        assert f"{plan.browsing[0]:.0%} of the others" in text
        unknown = unknown_shares(plan).set_index("covariate")["unknown"]
        assert 0.5 < unknown["browsing"] < 1


def test_alarms_look_at_the_inquiries_that_are_known():
    shop = worlds.draw("window", "responding", 6, talks=4000)
    known = shop.conversations["conversation_id"].str.slice(-1).isin(list("012345"))
    talks = shop.conversations.copy()
    for name in PAGES:
        talks[name] = talks[name].astype(float).where(known)
    plan = worlds.planned(replace(shop, conversations=talks))
    alarms = placebo_tests(design_matrix_of(plan))
    alone = worlds.planned(replace(shop, conversations=talks[known]))
    expected = placebo_tests(design_matrix_of(alone))
    both = [t[t["check"].isin(BROWSING) & t["behaviour"].isna()] for t in (alarms, expected)]
    assert both[0]["estimate_pp"].to_numpy() == pytest.approx(both[1]["estimate_pp"], abs=0.3)
    assert plan.browsing_doubt == ""
    assert design_matrix_of(plan).browsing == pytest.approx(0.6, abs=0.05)
