"""The within-agent estimate against an outside oracle, and at its edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
from scipy import stats

from csinsight.drivers.fixed_effects import (
    FixedEffectsModel,
    cross_products,
    cross_products_with,
    fixed_effects_estimate,
    many_estimates,
)
from csinsight.stats.shrinkage import moderated_errors


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    n, agents = 2000, 12
    agent = np.sort(rng.choice(agents, n, p=rng.dirichlet(np.full(agents, 3))))
    z = rng.normal(size=(n, 3)) + 0.3 * agent[:, None]
    x = (rng.uniform(size=n) < 0.3 + 0.02 * agent).astype(float)
    y = (rng.uniform(size=n) < 0.3 + 0.1 * x + 0.01 * agent).astype(float)
    return pd.DataFrame(
        {"agent": agent, "x": x, "z0": z[:, 0], "z1": z[:, 1], "z2": z[:, 2], "y": y}
    )


def _slope(frame, columns):
    sizes = frame.groupby("agent").size().to_numpy()
    exposure, *controls, outcome = columns
    model = FixedEffectsModel(outcome, exposure, tuple(controls))
    return fixed_effects_estimate(cross_products(frame[columns].to_numpy(), columns, sizes), model)


def test_agrees_with_pyfixest(frame):
    ours = _slope(frame, ["x", "z0", "z1", "z2", "y"])
    theirs = pf.feols(
        "y ~ x + z0 + z1 + z2 | agent",
        frame,
        vcov={"CRV3": "agent"},
        ssc=pf.ssc(k_adj=False, G_adj=False),
    ).tidy()
    agents = frame["agent"].nunique()
    # pyfixest leaves MacKinnon's factor (G-1)/G to its small-sample settings.
    expected = theirs.loc["x", "Std. Error"] * ((agents - 1) / agents) ** 0.5
    assert ours.effect == pytest.approx(theirs.loc["x", "Estimate"], abs=1e-8)
    assert ours.se == pytest.approx(expected, abs=1e-6)
    assert ours.df == agents - 1


def test_a_control_that_repeats_another_changes_nothing(frame):
    twice = frame.assign(again=frame["z0"] * 2)
    once = _slope(frame, ["x", "z0", "y"])
    assert _slope(twice, ["x", "z0", "again", "y"]).effect == pytest.approx(once.effect, abs=1e-8)
    assert _slope(twice, ["x", "z0", "again", "y"]).se == pytest.approx(once.se, abs=1e-8)


def test_a_behaviour_that_only_differs_between_agents_has_no_estimate(frame):
    fixed = frame.assign(x=(frame["agent"] % 2).astype(float))
    assert _slope(fixed, ["x", "z0", "y"]) is None


def test_a_behaviour_that_a_control_explains_has_no_estimate(frame):
    assert _slope(frame.assign(z0=frame["x"]), ["x", "z0", "y"]) is None


def test_shifting_an_agents_level_changes_nothing(frame):
    moved = frame.assign(y=frame["y"] + frame["agent"], x=frame["x"] + 3 * frame["agent"])
    assert _slope(moved, ["x", "z0", "y"]).effect == pytest.approx(
        _slope(frame, ["x", "z0", "y"]).effect, abs=1e-8
    )


def test_many_outcomes_at_once_agree_with_one_at_a_time() -> None:
    rng = np.random.default_rng(2)
    sizes = np.array([40, 60, 50, 70], dtype=np.int64)
    columns = rng.normal(size=(sizes.sum(), 5))
    columns[:, 0] += columns[:, 4]
    outcomes = rng.normal(size=(sizes.sum(), 3)) + columns[:, :1]
    names, sold = ["x", "w", "v", "y", "z"], ["one", "two", "three"]
    model = FixedEffectsModel("y", "x", ("w", "v"), {"x": "z"})
    drawn = many_estimates(
        cross_products(columns, names, sizes),
        cross_products_with(columns, outcomes, sizes),
        cross_products(outcomes, sold, sizes).total.diagonal(),
        model,
    )
    for number, outcome in enumerate(outcomes.T):
        columns[:, 3] = outcome
        one = fixed_effects_estimate(cross_products(columns, names, sizes), model)
        told = drawn.effect[number], drawn.se[number], drawn.iid_se[number]
        assert told == pytest.approx((one.effect, one.se, one.iid_se), rel=1e-6)
        assert drawn.df == one.df


def test_an_estimate_of_sums_is_that_of_the_columns_summed(frame):
    """The second method puts an index of signs beside the columns without making it row by row."""
    names = ["x", "z0", "z1", "y"]
    sizes = frame.groupby("agent").size().to_numpy()
    products = cross_products(frame[names].to_numpy(), names, sizes)
    found = products.with_sums({"index": {"z0": 2.0, "z1": -1.0}})
    summed = frame.assign(index=2.0 * frame["z0"] - frame["z1"])[[*names, "index"]]
    expected = cross_products(summed.to_numpy(), summed.columns, sizes)
    assert found.names == expected.names
    assert found.by_agent == pytest.approx(expected.by_agent, abs=1e-8)


def test_spreads_borrow_from_each_other_and_what_differs_between_agents_keeps_its_own() -> None:
    rng = np.random.default_rng(4)
    plain, df = np.ones(16), np.full(16, 11.0)
    spread = np.sqrt(rng.chisquare(11, (16, 400)) / 11)
    pooled, more = moderated_errors(spread, np.broadcast_to(plain[:, None], spread.shape), df)
    z = rng.normal(size=spread.shape)
    # As sure as t of eleven degrees, and far nearer to the truth.
    level = (2 * stats.t.sf(np.abs(z) / pooled, more) <= 0.05).mean()
    assert 0.035 < level < 0.055
    assert np.abs(pooled - 1).mean() < 0.6 * np.abs(spread - 1).mean()
    spread = spread[:, 0].copy()
    spread[3] = 4.0
    pooled, more = moderated_errors(spread, plain, df)
    assert pooled[3] == 4.0 and more[3] == 11
    few = moderated_errors(spread[:4], plain[:4], df[:4])
    assert few[0].tolist() == spread[:4].tolist()
