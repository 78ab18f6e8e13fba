"""Response time against satisfaction in a support team's public log."""

from __future__ import annotations

import pytest
from tests.validate import study_csat

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def csat(request):
    """The study of `make validate` (test files don't import each other)."""
    request.getfixturevalue("shared_data")
    return study_csat


def test_slow_replies_go_with_low_ratings_within_agents_and_by_category(csat):
    talks, _, found, faults = csat.study()
    assert faults / (len(talks) + faults) == pytest.approx(0.037, abs=0.004)
    rank = talks[csat.WAIT].corr(talks["satisfaction"], method="spearman")
    assert rank == pytest.approx(-0.19, abs=0.01)
    whole = found.set_index("scope").loc["all"]
    assert whole["high_pp"] < 0
    assert whole["verdict"] == "hurts"
    assert (found["effect_pp"] < 0).all()
    assert {"Returns", "Order Related"} <= set(found["scope"])


def test_little_of_the_ratings_lies_between_agents(csat):
    talks, _ = csat.load()
    assert 0.02 < csat.of_agents(talks) < 0.06
