from __future__ import annotations

import numpy as np
import pytest

from csinsight.segments.mixture import Mixture, fit_mixture


def test_noise_of_known_size_is_not_taken_for_spread() -> None:
    rng = np.random.default_rng(1)
    truth = np.r_[np.full(600, -2.0), np.full(600, 2.0)]
    noise = np.full((1200, 1), 1.5)
    value = (truth + 0.5 * rng.normal(size=1200) + 1.5**0.5 * rng.normal(size=1200))[:, None]
    mixture = fit_mixture(value, noise, np.array([[-1.0], [1.0]]))
    assert mixture.centres[:, 0] == pytest.approx([-2, 2], abs=0.25)
    assert np.sqrt(mixture.spreads).max() < 1.0


def test_a_buyer_of_whom_nothing_is_known_gets_the_shares() -> None:
    mixture = Mixture(np.array([[-2.0], [2.0]]), np.ones((2, 1)), np.array([0.3, 0.7]))
    nothing = mixture.probabilities(np.zeros((1, 1)), np.full((1, 1), np.inf))
    assert nothing[0] == pytest.approx([0.3, 0.7])


def test_more_noise_means_less_certainty() -> None:
    mixture = Mixture(np.array([[-2.0], [2.0]]), np.ones((2, 1)), np.array([0.5, 0.5]))
    noise = np.array([[0.0], [1.0], [5.0], [50.0]])
    sure = mixture.probabilities(np.full((4, 1), 1.5), noise)[:, 1]
    assert (np.diff(sure) < 0).all()
    assert sure[-1] == pytest.approx(0.5, abs=0.1)


def test_a_group_that_another_explains_as_well_is_worth_nothing() -> None:
    rng = np.random.default_rng(2)
    value = np.r_[rng.normal(-4, 1, 300), rng.normal(4, 1, 300)][:, None]
    twice = Mixture(np.array([[-4.0], [4.0], [4.0]]), np.ones((3, 1)), np.array([0.5, 0.25, 0.25]))
    members, gains = twice.worth(value, np.zeros_like(value))
    assert members == pytest.approx([300, 150, 150], rel=0.05)
    assert gains[0] > 1
    assert gains[1:].max() < 0.4


def test_a_value_that_was_not_seen_may_say_anything() -> None:
    rng = np.random.default_rng(3)
    value = np.r_[rng.normal(-2, 1, (300, 2)), rng.normal(2, 1, (300, 2))]
    noise = np.where(rng.random(value.shape) < 0.2, np.inf, 0.5)
    seeds = np.array([[-1.0, -1.0], [1.0, 1.0]])
    odd = fit_mixture(np.where(np.isinf(noise), np.nan, value), noise, seeds)
    plain = fit_mixture(np.where(np.isinf(noise), 0.0, value), noise, seeds)
    assert odd.centres.tolist() == plain.centres.tolist()
    assert odd.spreads.tolist() == plain.spreads.tolist()
    assert plain.centres.mean(axis=1) == pytest.approx([-2, 2], abs=0.25)


def test_far_off_values_leave_the_spread_what_it_is() -> None:
    rng = np.random.default_rng(4)
    value = rng.normal(size=(400, 1))
    noise = np.full_like(value, 0.2)
    near = fit_mixture(value, noise, np.array([[0.0]]))
    far = fit_mixture(value + 1e4, noise, np.array([[1e4]]))
    assert far.spreads == pytest.approx(near.spreads, rel=1e-4)
