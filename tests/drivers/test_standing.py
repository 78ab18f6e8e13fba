"""New or confirmed: whether what is named holds in two periods apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST
from tests.drivers.worlds import AS_OF, make_world

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.verdicts import family_level

NAMED = ["helps", "hurts"]


def named(talks: pd.DataFrame, frozen: pd.DataFrame, months: int) -> pd.DataFrame:
    study = design(talks, frozen, outcome="paid", as_of=AS_OF.to_pydatetime(), months=months)
    found = estimate_drivers(study, scopes=(), **LEAST).set_index(Drivers.BEHAVIOUR)
    return found[found[Drivers.VERDICT].isin(NAMED)]


@pytest.fixture(scope="module")
def year():
    return make_world(4, inquiries=16_000, agents=16, months=12)


def test_what_holds_all_year_is_confirmed(year) -> None:
    found = named(year.conversations, year.frozen, 12)
    real = [name for name in found.index if year.effects_pp.get(name)]
    assert len(real) >= 4
    assert (found.loc[real, Drivers.STANDING] == "confirmed").mean() >= 0.5


def test_what_the_latest_quarter_alone_shows_is_new(year) -> None:
    """Before it the outcomes are dealt out anew within agents, so that nothing goes with them."""
    talks = year.conversations.copy()
    early = talks.index[talks["started_at"] < AS_OF - pd.DateOffset(months=3)]
    rng = np.random.default_rng(1)
    for _, own in talks.loc[early].groupby("agent_id"):
        talks.loc[own.index, "paid"] = rng.permutation(own["paid"].to_numpy())
    late = talks["started_at"] >= AS_OF - pd.DateOffset(months=3)
    strong = late & talks["recommends"].fillna(value=False).astype(bool)
    talks["paid"] |= strong & (rng.random(len(talks)) < 0.5)
    found = named(talks, year.frozen, 12)
    assert "recommends" in found.index
    assert found.loc["recommends", Drivers.STANDING] == "new"


def test_a_first_quarter_can_confirm_nothing() -> None:
    world = make_world(5, inquiries=9000, agents=16)
    found = named(world.conversations, world.frozen, 3)
    assert len(found) >= 3
    assert (found[Drivers.STANDING] == "new").all()


def test_the_years_error_is_spent_over_its_looks(year) -> None:
    """Half at a first look; ten later ones together, though months overlap, leave the rest."""

    def level(months: int) -> float:
        as_of = AS_OF.to_pydatetime()
        return family_level(
            design(year.conversations, year.frozen, outcome="paid", as_of=as_of, months=months)
        )

    first = make_world(5, inquiries=600, agents=6)
    only = design(
        first.conversations, first.frozen, outcome="paid", as_of=AS_OF.to_pydatetime(), months=12
    )
    assert family_level(only) == pytest.approx(0.025)
    assert level(3) < level(12) < 0.025
    assert 10 * level(12) <= 0.1
