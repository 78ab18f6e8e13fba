"""Drivers where agents answer the buyer: a small part of `make validate`'s study of worlds."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.validate import study_worlds, worlds


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
