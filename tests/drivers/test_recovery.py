"""The truth of simulated shops comes back: turn by turn, in worlds made to mislead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
from tests.contexts import LEAST
from tests.validate import driver_shops, hazard_shops

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.exposure import TurnTimes, residualized_exposure
from csinsight.drivers.fixed_effects import (
    FixedEffectsModel,
    cross_products,
    fixed_effects_estimate,
)

NAMED = ["helps", "hurts"]


def _drivers(shop, exposure="turns"):
    study = design(
        shop.conversations,
        shop.frozen,
        as_of=driver_shops.AS_OF,
        months=3,
        exposure=exposure,
        outcome="paid",
    )
    found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    return found.assign(truth=shop.effects)[found["verdict"] != "control"]


@pytest.mark.slow
def test_worlds_made_to_mislead_give_up_their_truth():
    """Six shops; the studies of `make validate` hold far more of them to narrower bounds."""
    tables = [
        _drivers(driver_shops.draw_shop(world, seed)).assign(shop=f"{world} {seed}")
        for world in ("confounded", "haggling", "impatient")
        for seed in (1, 2)
    ]
    found = pd.concat(tables).dropna(subset=["effect_pp"])
    covered = found["truth"].between(found["low_pp"], found["high_pp"])
    named = found[found["verdict"].isin(NAMED)]
    real = named[named["truth"] != 0]
    assert covered.mean() > 0.90
    assert len(real) > 20
    assert (np.sign(real["effect_pp"]) == np.sign(real["truth"])).all()
    assert (named["truth"] == 0).mean() < 0.2
    assert abs((real["effect_pp"] - real["truth"]).mean()) < 1.5


def test_long_talks_fool_the_window_and_not_the_turns():
    """Hesitant buyers talk longer, so that whatever is said often looks harmful over a window."""
    shop = driver_shops.draw_shop("confounded", 5, talks=12_000)
    manners = ["polite_words", "uses_emoji"]
    window = _drivers(shop, "window").loc[manners, "effect_pp"]
    turns = _drivers(shop).loc[manners, "effect_pp"]
    assert (window < -1.5).all()
    assert (turns.abs() < 3).all()


def test_haggling_reverses_offers_of_an_alternative():
    """Haggling buyers order less and only they are offered a way out."""
    shop = driver_shops.draw_shop("haggling", 3, talks=12_000)
    talks = shop.conversations
    offered = talks["offers_alternative"].fillna(value=False).astype(bool)
    raw = 100 * (talks.loc[offered, "paid"].mean() - talks.loc[~offered, "paid"].mean())
    row = _drivers(shop).loc["offers_alternative"]
    assert raw < -5
    # Named it is only where its interval misses zero as believed too.
    assert row["low_pp"] > 0
    assert row["low_pp"] < row["truth"] < row["high_pp"]


def test_a_shop_without_effects_is_met_with_silence():
    loud = [
        _drivers(driver_shops.draw_shop("null", seed))["verdict"].isin(NAMED).any()
        for seed in range(4)
    ]
    assert sum(loud) <= 1


@pytest.mark.slow
def test_shops_of_another_make_give_up_their_truth_too():
    """Orders may come after any line, so that who orders early hears less of everything."""
    tables = []
    for kind in hazard_shops.KINDS:
        shop = hazard_shops.draw_shop(kind, 1)
        study = design(
            shop.conversations, shop.frozen, as_of=hazard_shops.AS_OF, months=3, outcome="paid"
        )
        found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
        found = found.assign(truth=shop.effects, kind=kind.name)
        tables.append(found[found["effect_pp"].notna() & (found["verdict"] != "control")])
    found = pd.concat(tables)
    named = found[found["verdict"].isin(NAMED)]
    real = named[named["truth"] != 0]
    assert found["truth"].between(found["low_pp"], found["high_pp"]).mean() > 0.90
    assert (np.sign(real["effect_pp"]) == np.sign(real["truth"])).all()
    assert len(real) > 20
    assert (named["truth"] == 0).mean() < 0.2
    assert (named["kind"] != "no effects").all()


def test_surprises_are_free_of_length_and_sum_to_nothing():
    rng = np.random.default_rng(3)
    n = 20_000
    agents, cases = rng.integers(0, 6, n), rng.integers(0, 3, n)
    judged = rng.integers(1, 7, n).astype(float)
    habit = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])[agents]
    turn = rng.geometric(habit).astype(float)
    first = np.where(turn <= judged, turn, np.nan)
    found, _ = residualized_exposure(TurnTimes(first, np.ones(n), judged), agents, cases)
    assert np.abs(np.bincount(agents, found)).max() < 1e-8
    assert np.corrcoef(~np.isnan(first), judged)[0, 1] > 0.3
    assert abs(np.corrcoef(found, judged)[0, 1]) < 0.02


def test_what_was_never_possible_or_always_shown_holds_no_surprise():
    judged, agents = np.array([2.0, 3.0, 1.0]), np.zeros(3, dtype=np.int64)
    never, ones = np.full(3, np.nan), np.ones(3)
    assert not residualized_exposure(TurnTimes(never, never, judged), agents, agents)[0].any()
    assert not residualized_exposure(TurnTimes(ones, ones, judged), agents, agents)[0].any()
    assert not residualized_exposure(TurnTimes(*[ones[:0]] * 3), agents[:0], agents[:0])[0].any()


def test_instruments_agree_with_pyfixest():
    rng = np.random.default_rng(5)
    n, agents = 2000, 12
    agent = np.sort(rng.integers(0, agents, n))
    z, w, hidden = rng.normal(size=(3, n))
    x = z + hidden + 0.2 * agent
    frame = pd.DataFrame({"agent": agent, "x": x, "w": w, "y": x + w + hidden, "z": z})
    sizes = frame.groupby("agent").size().to_numpy()
    names = ["x", "w", "y", "z"]
    products = cross_products(frame[names].to_numpy(), names, sizes)
    ours = fixed_effects_estimate(products, FixedEffectsModel("y", "x", ("w",), {"x": "z"}))

    def theirs(rows):
        return float(pf.feols("y ~ w | agent | x ~ z", rows, vcov="iid").coef()["x"])

    whole = theirs(frame)
    without = np.array([theirs(frame[frame["agent"] != a]) for a in range(agents)])
    assert ours.effect == pytest.approx(whole, abs=1e-8)
    se = np.sqrt((agents - 1) / agents * ((without - whole) ** 2).sum())
    assert ours.se == pytest.approx(se, abs=1e-7)
