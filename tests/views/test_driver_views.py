"""The page of drivers, view by view, for every outcome and for little data."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.contexts import LEAST, MINIMA
from tests.drivers import worlds as made_up

from csinsight.behaviours.accuracy import reader_accuracy
from csinsight.drivers.checks import driver_checks, readiness
from csinsight.drivers.design import design, secondary_outcomes
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.misreading import with_correction
from csinsight.drivers.sensitivity import alternative_estimates, dose_response
from csinsight.views import conversion_drivers as view
from csinsight.views import driver_design as looks
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
    assert goal in view.forest(study, drivers).title
    assert (
        study.word(f"drivers.unit_{outcome}", n="").strip()
        in looks.power(study, plan, readiness(plan, q_threshold=0.1)).plain()
    )
    judged = drivers[(drivers["outcome"] == outcome) & (drivers["scope"] == "all")]
    assert set(view.headline(drivers)) == set(judged["behaviour"])
    for block in (
        view.cards(study, drivers),
        view.table(study, drivers),
        view.scopes(study, drivers),
        view.checks(study, drivers, driver_checks(plan, drivers)),
        looks.flow(study, plan),
        looks.ready(study, plan, readiness(plan, q_threshold=0.1)),
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
    assert study.word("drivers.no_picture") in view.forest(study, drivers).plain()
    found = alternative_estimates(drivers, world.conversations, world.frozen, **TOLD, **MINIMA)
    assert looks.ways(study, found).plain() == study.word("drivers.no_ways")
    assert looks.doses(study, dose_response(plan, **MINIMA)).plain() == study.word(
        "drivers.no_doses"
    )


def test_waiting_longer_is_told_as_the_last_band_against_the_first(worlds, study):
    world = worlds.make_world(5, inquiries=6000, agents=12, effects={"first_response_s": -0.3})
    plan, _ = _made(world, "paid")
    bands = dose_response(plan, **MINIMA)
    picture = looks.doses(study, bands)
    low = study.words.number(bands["from_s"].iloc[-1])
    assert study.word("drivers.band_over", low=low) in picture.title
    assert picture.data is not None
    assert len(picture.data) == len(bands)
