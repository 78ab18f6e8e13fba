"""Drivers where agents answer the buyer: a small part of `make validate`'s study of worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.validate import hazard_shops, study_worlds, worlds

from csinsight.drivers.design_matrix import design_matrix_of
from csinsight.drivers.intent import STATE, placebo_tests


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Two shops of each of three worlds and one without effects, by two makers."""
    parts = []
    for maker in ("package", "line by line"):
        for world in ("demo", "responding", "mixed_placement"):
            for number, null in ((0, False), (1, False), (2, True)):
                shop = worlds.draw(maker, world, 900 + number, null=null)
                told = worlds.estimate(shop)
                name = f"{maker} {world} {number}"
                parts.append(told.assign(maker=maker, world=world, null=null, shop=name))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.slow
def test_intervals_hold_where_agents_do_not_answer(found: pd.DataFrame) -> None:
    scores = study_worlds.scores(found)
    assert scores.loc["demo", "covers real"] >= 0.8
    assert scores.loc["demo", "covers none"] >= 0.85
    assert scores.loc["demo", "found"] >= 0.6
    assert (scores["wrong sign"] == 0).all()


@pytest.mark.slow
def test_few_false_drivers_where_agents_answer(found: pd.DataFrame) -> None:
    scores = study_worlds.scores(found)
    assert scores.loc["responding", "false a shop"] <= 2
    assert scores.loc["mixed_placement", "false share"] <= 0.35
    assert (scores["null shops silent"] >= 0.5).all()


@pytest.mark.slow
def test_alarms_ring_where_agents_answer_and_not_elsewhere(found: pd.DataFrame) -> None:
    rang = found.groupby(["world", "shop"])["rang"].any().groupby("world").mean()
    assert rang["responding"] >= 0.5
    assert rang["demo"] <= 0.25


def test_every_maker_makes_what_it_knows() -> None:
    assert {maker for maker, _ in worlds.KNOWN} == set(worlds.MAKERS)
    assert len(worlds.MAKERS) >= 3
    for world in worlds.RESPONDING:
        assert sum(known == world for _, known in worlds.KNOWN) >= 2


@pytest.mark.parametrize("seed", [884, 885])
def test_nothing_is_named_where_signs_see_little_of_what_agents_answer(seed: int) -> None:
    """Openings say so little that the second method is not to be had, and nothing has an effect."""
    answered = hazard_shops.Kind("untold", talks=5000, effort=0.5, told=0.3, effects=())
    told = worlds.estimate(hazard_shops.draw_shop(answered, seed))
    assert told["rang"].all() and told["proximal_pp"].isna().all()
    assert not told["verdict"].isin(worlds.NAMED).any()
    assert (told["low_pp"].le(0) & told["high_pp"].ge(0)).mean() > 0.8


def test_who_comforts_a_worry_when_it_comes_up_rings_no_alarm() -> None:
    """That is what comfort is; a word that may come at any turn rings it by answering a worry."""
    shop = worlds.draw("line by line", "demo", 4, talks=2500)
    matrix = design_matrix_of(worlds.planned(shop))
    assert matrix.states is not None
    rang = {}
    for name in ("empathizes", "greets"):
        now = np.zeros((*matrix.states.shape[:2], 1), dtype=np.float32)
        first = matrix.turns[name].first
        said = np.flatnonzero(first <= now.shape[1])
        assert len(said) > 50
        now[said, first[said].astype(int) - 1] = 1.0
        alarms = placebo_tests(replace(matrix, states=now)).set_index("check")
        rang[name] = bool(alarms.loc[STATE, "fired"])
    assert rang == {"empathizes": False, "greets": True}
