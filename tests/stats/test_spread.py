"""How agents differ: chance, the team's own spread, and who stands outside it."""

from __future__ import annotations

import numpy as np
import pytest

from csinsight.stats.spread import between_units


def _team(rng: np.random.Generator, sd: float, agents: int = 12, each: int = 300):
    true = np.clip(0.5 + sd * rng.standard_normal(agents), 0.02, 0.98)
    n = rng.integers(each // 2, 2 * each, agents)
    return rng.binomial(n, true), n


@pytest.mark.parametrize("sd", [0.0, 0.08])
def test_intervals_hold_the_truth_and_hardly_anybody_is_called_unusual(sd: float) -> None:
    rng = np.random.default_rng(7)
    found = [between_units(*_team(rng, sd)) for _ in range(120)]
    covered = np.mean([s.sd_low <= sd <= s.sd_high for s in found])
    assert 0.92 <= covered <= 1.0
    assert np.mean([s.outside.any() for s in found]) <= 0.1
    apart = np.mean([s.p_value < 0.05 for s in found])
    assert apart <= 0.08 if sd == 0 else apart > 0.95


def test_one_who_is_unlike_the_others_is_named_and_does_not_hide_behind_their_own_spread() -> None:
    rng = np.random.default_rng(3)
    won, n = _team(rng, 0.02, agents=14, each=600)
    n[3], won[3] = 600, 150
    found = between_units(won, n)
    assert found is not None
    assert np.flatnonzero(found.outside).tolist() == [3]
    assert found.sd < 0.06
    low, high = found.usual_limits(600)
    assert low > 0.25
    assert high < 0.75


def test_a_hard_mix_is_no_fault_of_the_agent() -> None:
    n = np.full(6, 500)
    expected = np.array([0.2, 0.5, 0.5, 0.5, 0.5, 0.8])
    found = between_units((n * expected).astype(int), n, expected)
    assert found is not None
    assert found.p_value > 0.99
    assert not found.outside.any()
    np.testing.assert_allclose(found.adjusted, found.centre)


def test_too_few_agents_or_no_variation_says_nothing() -> None:
    assert between_units([1, 2, 3], [9, 9, 9]) is None
    assert between_units([0, 0, 0, 0], [9, 9, 9, 9]) is None
    with pytest.raises(ValueError, match="trials"):
        between_units([1, 2, 3, 4], [0, 9, 9, 9])


@pytest.mark.parametrize("odd", [0.75, 0.3])
def test_the_interval_of_the_teams_own_spread_holds_its_estimate_where_one_stands_outside(
    odd: float,
) -> None:
    """Eight agents alike but one: the others' spread is 0, and so is its interval's lower end."""
    n = np.full(8, 300)
    won = np.array([150, 148, 152, 151, 149, 150, 153, round(300 * odd)])
    found = between_units(won, n)
    assert found is not None
    assert found.outside.tolist() == [False] * 7 + [True]
    assert found.p_value < 0.01
    assert found.sd_low <= found.sd <= found.sd_high
    assert found.sd == 0.0
