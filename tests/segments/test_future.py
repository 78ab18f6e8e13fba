from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import hyp2f1

from csinsight.segments.bgnbd import (
    BgNbd,
    GammaGamma,
    ParetoNbd,
    fit_bgnbd,
    fit_gamma_gamma,
    fit_pareto_nbd,
)
from csinsight.segments.clv import accuracy, calibration, expected_spend, fit_future

#: Fader, Hardie, Lee (2005), table 1: the CDNOW sample, in weeks.
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
#: Fader, Hardie (2013), note 025: the same sample's spend.
CDNOW_SPEND = GammaGamma(p=6.25, q=3.74, gamma=15.44)


def one(value: float) -> np.ndarray:
    return np.array([value], dtype=float)


def histories(model: BgNbd, buyers: int, seed: int) -> tuple[np.ndarray, ...]:
    """Draw purchase histories from the model's own story."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(model.r, 1 / model.alpha, buyers)
    leaves = rng.beta(model.a, model.b, buyers)
    age = rng.uniform(60, 200, buyers)
    x, t_x = np.zeros(buyers), np.zeros(buyers)
    for i in range(buyers):
        at = rng.exponential(1 / rate[i])
        while at < age[i]:
            x[i], t_x[i] = x[i] + 1, at
            if rng.random() < leaves[i]:
                break
            at += rng.exponential(1 / rate[i])
    return x, t_x, age


def table(x: np.ndarray, t_x: np.ndarray, age: np.ndarray, worth: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "buyer_id": [f"b{i}" for i in range(len(x))],
            "x": x.astype(int),
            "t_x": t_x,
            "T": age,
            "purchase_days": x.astype(int) + 1,
            "net_spend": (x + 1) * worth,
            "lifetime_spend": (x + 1) * worth,
        }
    )


def test_the_published_example_of_bgnbd() -> None:
    """Customer 0001 of the CDNOW sample: 1.226 purchases in the next 39 weeks."""
    made = CDNOW.expected(39, one(2), one(30.43), one(38.86))
    assert made[0] == pytest.approx(1.226, abs=5e-4)


def test_the_published_example_of_gamma_gamma() -> None:
    """Customer 0001 spent 22.35 on each of 2 repeat purchases: 24.66 is expected."""
    assert CDNOW_SPEND.expected(one(2), one(22.35))[0] == pytest.approx(24.66, abs=0.01)
    assert CDNOW_SPEND.expected(one(0), one(0))[0] == pytest.approx(6.25 * 15.44 / 2.74)


@given(st.integers(0, 40), st.floats(0, 1), st.floats(1, 80), st.floats(0.5, 60))
def test_expected_purchases_are_the_paper_s_formula(
    x: int, part: float, age: float, horizon: float
) -> None:
    m, t_x = CDNOW, part * age if x else 0.0
    series = hyp2f1(m.r + x, m.b + x, m.a + m.b + x - 1, horizon / (m.alpha + age + horizon))
    shrink = ((m.alpha + age) / (m.alpha + age + horizon)) ** (m.r + x)
    made = (m.a + m.b + x - 1) / (m.a - 1) * (1 - shrink * series)
    left = m.a / (m.b + x - 1) * ((m.alpha + age) / (m.alpha + t_x)) ** (m.r + x) if x else 0
    got = m.expected(horizon, one(x), one(t_x), one(age))[0]
    assert got == pytest.approx(made / (1 + left), rel=1e-6, abs=1e-9)


def test_pareto_nbd_holds_what_its_own_story_brings() -> None:
    """Buyers drawn from the model, half of the time known: likelihood and expectation agree."""
    told, rng, n = ParetoNbd(r=0.6, alpha=10.0, s=0.7, beta=12.0), np.random.default_rng(4), 6000
    rate, leaves = rng.gamma(told.r, 1 / told.alpha, n), rng.gamma(told.s, 1 / told.beta, n)
    lives = rng.exponential(1 / leaves)
    x, t_x, later = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        bought = np.cumsum(rng.exponential(1 / rate[i], 400))
        bought = bought[bought < min(lives[i], 60.0)]
        known = bought[bought < 30.0]
        x[i], later[i] = len(known), len(bought) - len(known)
        t_x[i] = known[-1] if len(known) else 0.0
    age = np.full(n, 30.0)
    found = fit_pareto_nbd(x, t_x, age)
    assert found.r / found.alpha == pytest.approx(told.r / told.alpha, rel=0.1)
    expected = told.expected(30.0, x, t_x, age)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.06)
    recent = t_x > 20
    assert expected[recent].sum() == pytest.approx(later[recent].sum(), rel=0.08)


def test_pareto_nbd_has_the_published_likelihood_of_one_buyer() -> None:
    """Against the integral over all rates and lives, by a fine grid."""
    told, x, t_x, age = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669), 2, 30.43, 38.86
    pace = np.exp(np.linspace(-14, 3, 900))[:, None]
    left = np.exp(np.linspace(-16, 3, 900))[None, :]
    prior = stats.gamma.pdf(pace, told.r, scale=1 / told.alpha) * stats.gamma.pdf(
        left, told.s, scale=1 / told.beta
    )
    both = pace + left
    chance = pace**x / both * (left * np.exp(-both * t_x) + pace * np.exp(-both * age))
    steps = np.log(pace[1, 0] / pace[0, 0]) * np.log(left[0, 1] / left[0, 0])
    total = float((chance * prior * pace * left).sum() * steps)
    assert told.log_likelihood(one(x), one(t_x), one(age))[0] == pytest.approx(
        np.log(total), abs=5e-3
    )


def test_pareto_nbd_adds_time_up_to_what_the_closed_form_says() -> None:
    """The fit reads points between the last purchase and now; slopes are those of the formula."""
    rng = np.random.default_rng(3)
    age, x = rng.uniform(0.01, 1, 300), rng.integers(0, 60, 300).astype(float)
    t_x = np.where(x > 0, age * rng.uniform(0.05, 0.999, 300), 0.0)
    t_x[:3], x[:3] = age[:3], 2.0  # bought just now
    for params in ([-0.5, -1.5, -0.7, -1.5], [0.4, -2.5, 0.8, 1.2], [-2.0, 1.5, -1.0, -2.5]):
        told, slopes = ParetoNbd(*np.exp(params)).likelihood_and_slopes(x, t_x, age)
        closed = ParetoNbd(*np.exp(params)).log_likelihood(x, t_x, age)
        np.testing.assert_allclose(told, closed, rtol=1e-9)
        for place, slope in enumerate(slopes):
            step = 1e-6 * np.eye(4)[place]
            ends = [
                ParetoNbd(*np.exp(params + d)).log_likelihood(x, t_x, age) for d in (step, -step)
            ]
            np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-5)


def test_hundreds_of_purchases_stay_finite() -> None:
    """One who bought 900 times until just now goes on; one silent for a week has left."""
    x, t_x, age = np.array([900.0, 900.0]), np.array([38.86, 37.86]), np.array([38.86, 38.86])
    goes_on, has_left = CDNOW.expected(39, x, t_x, age)
    assert 100 < goes_on < 900
    assert 0 <= has_left < 0.01


def test_parameters_are_recovered_from_their_own_story() -> None:
    told = BgNbd(r=0.8, alpha=20.0, a=0.9, b=4.0)
    found = fit_bgnbd(*histories(told, 3000, 5))
    assert found.r / found.alpha == pytest.approx(told.r / told.alpha, rel=0.12)
    assert found.a / (found.a + found.b) == pytest.approx(0.9 / 4.9, rel=0.2)
    rng = np.random.default_rng(6)
    count = 1.0 + rng.poisson(2, 3000)
    scale = rng.gamma(3.74, 1 / 15.44, 3000)
    spend = fit_gamma_gamma(count, rng.gamma(6.25 * count, 1 / (count * scale)))
    nothing = spend.expected(one(0), one(0))[0]
    assert nothing == pytest.approx(6.25 * 15.44 / 2.74, rel=0.08)


def test_expected_spend_matches_what_comes_in_total_and_in_order() -> None:
    told = BgNbd(r=0.8, alpha=20.0, a=0.9, b=6.0)
    rng = np.random.default_rng(8)
    x, t_x, age = histories(told, 2500, 7)
    worth = rng.gamma(4, 25, 2500)
    spend = table(x, t_x, age, worth)
    model = fit_future(spend)
    assert model.name == "bgnbd"
    assert model.correlation == pytest.approx(0, abs=0.15)
    expected = model.expected_spend(spend, 90)
    true = pd.Series(told.expected(90, x, t_x, age) * worth, index=expected.index)
    assert expected.sum() == pytest.approx(true.sum(), rel=0.1)
    assert accuracy(expected, true)["rank_correlation"] > 0.95
    groups = calibration(expected, true, 5)
    assert groups["buyers"].tolist() == [500] * 5
    assert (groups["actual"].diff().dropna() > 0).all()


def test_few_repeat_buyers_fall_back_to_the_shop_s_means() -> None:
    x = np.r_[np.ones(10), np.zeros(40)]
    spend = table(x, 20 * x, np.full(50, 100.0), np.full(50, 30.0))
    model = fit_future(spend)
    assert (model.name, model.repeat_buyers) == ("means", 10)
    expected = model.expected_spend(spend, 90)
    assert expected.iloc[0] > expected.iloc[-1] > 0
    assert expected.sum() == pytest.approx(0.9 * 10 * 30, rel=0.05)


def test_a_shop_without_money_or_without_orders_expects_nothing_known() -> None:
    x = np.zeros(3)
    spend = table(x, x, np.full(3, 9.0), np.full(3, np.nan))
    assert expected_spend(spend).isna().all()
    assert expected_spend(spend.head(0)).empty
    one_time = table(x, x, np.full(3, 9.0), np.full(3, 5.0))
    assert expected_spend(one_time).tolist() == [0, 0, 0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.floats(0, 1), st.integers(0, 365), st.floats(-50, 5000)),
        min_size=1,
        max_size=120,
    )
)
def test_whatever_the_orders_expectations_are_finite_and_not_negative(
    rows: list[tuple[int, float, int, float]],
) -> None:
    x = np.array([min(row[0], row[2]) for row in rows], dtype=float)
    age = np.array([row[2] for row in rows], dtype=float)
    t_x = np.where(x > 0, np.array([row[1] for row in rows]) * age, 0)
    expected = expected_spend(table(x, t_x, age, np.array([row[3] for row in rows])))
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
