"""The page of drivers, view by view, for every outcome and for little data."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from tests.contexts import LEAST, MINIMA
from tests.drivers import worlds as made_up

from csinsight.behaviours.accuracy import reader_accuracy
from csinsight.contract.artifacts import Rollouts
from csinsight.contract.domain import OWN_INTENT
from csinsight.drivers.checks import driver_checks, readiness
from csinsight.drivers.design import design, secondary_outcomes
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.sensitivity import alternative_estimates, dose_response, with_correction
from csinsight.drivers.verdicts import CUT_SHORT, UNSEEN
from csinsight.sample import sample_drivers
from csinsight.views import conversion_drivers as view
from csinsight.views import driver_design as looks
from csinsight.views import labels
from csinsight.views.labels import readable
from csinsight.views.study import open_study

TOLD = {"as_of": datetime(2026, 11, 1), "months": 3}


@pytest.fixture(scope="module")
def worlds():
    """The module of synthetic worlds."""
    return made_up


@pytest.fixture
def study(request, tmp_path, demo_folder):
    lang = getattr(request, "param", "en")
    return open_study(demo_folder, tmp_path / "run", lang=lang)


def _made(world, outcome):
    plan = design(world.conversations, world.frozen, outcome=outcome, **TOLD)
    also = secondary_outcomes(world.conversations, world.frozen, outcome=outcome, **TOLD)
    drivers = estimate_drivers(plan, also=also, **LEAST)
    accuracy = reader_accuracy().xs("zh", level="lang")
    return plan, with_correction(drivers, accuracy, None)


def test_a_shop_of_few_agents_is_not_told_that_its_inquiries_are_few(study):
    few = {"verdict": "not enough data", "agents": 1, "n": 1030, "effect_pp": None}
    drivers = sample_drivers().head(1).assign(**few)
    told = view.sentence(study, drivers.assign(reason="few agents"))
    assert told.startswith("Too few agents")
    assert "1,030" not in told
    assert "1,030" in view.sentence(study, drivers.assign(reason="few inquiries"))


@pytest.mark.filterwarnings("error")
def test_what_could_not_be_estimated_stays_unknown_beside_what_could():
    found = sample_drivers().astype({"effect_pp": object}).assign(effect_pp=[None, -0.5])
    assert view.labels.readable(found)["effect_pp"].isna().tolist() == [False, True]


@pytest.mark.parametrize("study", ["en", "zh"], indirect=True)
def test_what_orders_cut_short_is_named_as_not_judged(study):
    none = pd.DataFrame(columns=["check", "behaviour", "fired"])
    drivers = sample_drivers()
    said = study.word("drivers.cut_short", listed=labels.label(study, "recommends"))
    assert said not in view.checks(study, drivers, none).plain()
    drivers = drivers.astype({"reason": object})
    drivers.loc[0, ["verdict", "reason", "effect_pp"]] = ["not enough data", CUT_SHORT, None]
    assert said in view.checks(study, drivers, none).plain()


def test_where_intent_is_not_seen_the_brief_says_so(study):
    alarm = {"check": "the buyer's state before the turn", "behaviour": None, "fired": True}
    alarm |= {"estimate_pp": -0.4, "low_pp": -0.5, "high_pp": -0.3}
    drivers = sample_drivers()
    assert view.unseen_intent(study, drivers) == ""
    doubted = drivers.assign(verdict=OWN_INTENT, reason=UNSEEN)
    told = view.unseen_intent(study, doubted)
    assert "could be their own intent" in told
    # None is said to be without a difference: it shows, and could be the buyers'.
    assert "own intent" in view.sentence(study, doubted)
    # Calm controls are no comfort where another alarm rings.
    calm = study.word("brief.calm_controls")
    assert calm not in view.control_warnings(study, doubted, pd.DataFrame([alarm]))


def lots(*rows):
    """Roll-outs by lot, as they are read."""
    names = [value for key, value in vars(Rollouts).items() if key.isupper() and key != "NAME"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    ("study", "outcome"),
    [("en", "paid"), ("zh", "ordered"), ("zh", "satisfaction")],
    indirect=["study"],
)
def test_the_page_is_about_the_outcome_that_was_asked_for(worlds, study, outcome):
    world = worlds.make_world(11, inquiries=2000, agents=10)
    plan, drivers = _made(world, outcome)
    goal = study.word(f"drivers.goal_{outcome}")
    assert goal in view.sentence(study, drivers)
    assert goal in view.raw_beside_adjusted(study, drivers).title
    assert (
        study.word(f"drivers.unit_{outcome}", n="").strip()
        in looks.power(study, plan, readiness(plan, **MINIMA, q_threshold=0.1)).plain()
    )
    judged = drivers[(drivers["outcome"] == outcome) & (drivers["scope"] == "all")]
    assert set(view.headline(drivers)) == set(judged["behaviour"])
    for block in (
        view.cards(study, drivers, lots()),
        view.table(study, drivers),
        view.scopes(study, drivers),
        view.checks(study, drivers, driver_checks(plan, drivers)),
        looks.flow(study, plan),
        looks.ready(study, plan, readiness(plan, **MINIMA, q_threshold=0.1)),
        looks.ways(
            study,
            alternative_estimates(drivers, world.conversations, world.frozen, **TOLD, **MINIMA),
        ),
        looks.doses(study, dose_response(plan, **MINIMA), outcome),
    ):
        assert block.plain().strip()
        assert "nan" not in block.plain().lower()


def test_little_data_has_its_words_and_no_figure(worlds, study):
    world = worlds.make_world(3, inquiries=120, agents=3)
    plan, drivers = _made(world, "paid")
    assert study.word("drivers.no_picture") in view.raw_beside_adjusted(study, drivers).plain()
    found = alternative_estimates(drivers, world.conversations, world.frozen, **TOLD, **MINIMA)
    assert looks.ways(study, found).plain() == study.word("drivers.no_ways")
    assert looks.doses(study, dose_response(plan, **MINIMA), "paid").plain() == study.word(
        "drivers.no_doses"
    )


def test_waiting_longer_is_told_as_the_last_band_against_the_first(worlds, study):
    world = worlds.make_world(5, inquiries=6000, agents=12, effects={"first_response_s": -0.3})
    plan, _ = _made(world, "paid")
    bands = dose_response(plan, **MINIMA)
    picture = looks.doses(study, bands, "paid")
    low = study.words.number(bands["from_s"].iloc[-1])
    assert study.word("drivers.band_over", low=low) in picture.title
    assert picture.data is not None
    assert len(picture.data) == len(bands)


@pytest.mark.parametrize("study", ["en", "zh"], indirect=True)
def test_what_a_lot_settled_stands_on_the_drivers_card(worlds, study):
    _, drivers = _made(worlds.make_world(11, inquiries=2000, agents=10), "paid")
    behaviour = next(name for name, told in view.headline(drivers).items() if told == "helps")
    started = {"behaviour": behaviour, "seed": 7, "agents": 12, "unseen": []}
    earlier = started | {"status": "running", "ends_at": pd.Timestamp("2026-09-01")}
    points = {"effect_pp": 4.4, "low_pp": 1.1, "high_pp": 7.7, "as_drawn": True}
    uptake = {"uptake_pp": 40.0, "uptake_low_pp": 30.0, "uptake_high_pp": 50.0}
    read = started | points | uptake | {"status": "read", "opportunity_p": 0.5}
    settled = lots(earlier, read | {"ends_at": pd.Timestamp("2026-10-20")})
    card = view.cards(study, drivers, settled).plain()
    assert study.word("rollouts.more") in card
    assert study.words.points(4.4) in card
    assert study.word("rollouts.running") not in card
    assert study.word("rollouts.running") in view.cards(study, drivers, lots(earlier)).plain()
    assert study.word("rollouts.more") not in view.cards(study, drivers, lots()).plain()


@pytest.mark.parametrize(("low", "strict"), [(-0.5, False), (0.1, True)])
def test_a_calm_alarm_whose_own_interval_misses_0_says_why_it_is_calm(study, low, strict):
    alarm = {"check": "the buyer's state before the turn", "behaviour": None, "fired": False}
    alarm |= {"estimate_pp": 0.3, "low_pp": low, "high_pp": 0.5}
    told = view.alarm_notes(study, pd.DataFrame([alarm]))
    assert ("misses 0" in told[0]) == strict


def test_a_behaviour_that_answers_what_agents_do_not_see_is_named_where_the_whole_is_calm(study):
    alarm = {"check": "cart page before the first message", "estimate_pp": 0.3, "low_pp": -0.1}
    alarms = pd.DataFrame([alarm] * 2).assign(high_pp=0.7, behaviour=[None, "greets"])
    told = view.alarm_notes(study, alarms.assign(fired=[False, True]))
    assert len(told) == 2
    assert study.word("behaviour.greets") in told[1]
    assert len(view.alarm_notes(study, alarms.assign(fired=[True, True]))) == 1


def test_no_estimate_is_an_empty_table_and_no_error() -> None:
    assert readable(sample_drivers().head(0)).empty


@pytest.mark.parametrize("study", ["en", "zh"], indirect=True)
def test_what_is_used_with_lost_buyers_only_is_no_headline_and_says_so(study):
    # A reminder meets who has not paid: it looks far surer than anything that an agent chose.
    pushy, true = sample_drivers().head(1).copy(), sample_drivers().head(1)
    numbers = {"effect_pp": -80.0, "low_pp": -85.0, "high_pp": -75.0, "raw_pp": -90.0}
    told = {"standing": "new", "robustness": 0.1, "unit": "shown"}
    pushy = pushy.assign(behaviour="reminds_payment", verdict="hurts", **numbers)
    drivers = pd.concat([true, pushy], ignore_index=True).assign(taught="more", **told)
    name, why = labels.noun(study, "reminds_payment"), study.word("drivers.used_late")
    told = view.sentence(study, drivers)
    assert "80" not in told  # not what goes most surely with fewer sales …
    assert study.word("drivers.against", behaviours=name) in told  # … yet not kept back
    (note,) = view.contrary_notes(study, drivers)
    assert why in note
    assert why not in view.contrary_notes(study, drivers.assign(behaviour="greets"))[-1]
    lots = pd.DataFrame(columns=[Rollouts.BEHAVIOUR, Rollouts.ENDS_AT])
    assert why in view.cards(study, drivers, lots).plain()
