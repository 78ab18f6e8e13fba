"""Power as it is told before any estimate: is an effect of that size named as often as promised?"""

from __future__ import annotations

import numpy as np
from tests.contexts import LEAST
from tests.validate import worlds, year_of_looks

from csinsight.drivers.checks import detectable

RULE = LEAST["q_threshold"]


def test_what_is_promised_at_80_percent_is_named_in_most_shops() -> None:
    """Eight null shops; `make validate` holds more of them to narrower bounds."""
    named = []
    for number in range(8):
        shop = worlds.draw("window", "demo", number, talks=2500, null=True)
        points = detectable(worlds.planned(shop), q_threshold=RULE)["polite_words"]
        rng = np.random.default_rng(number)
        named.append(year_of_looks.named_at(shop, "polite_words", points, rng))
    assert 0.5 <= np.mean(named) <= 1


def test_more_inquiries_show_smaller_effects() -> None:
    few, many = (
        detectable(worlds.planned(worlds.draw("window", "demo", 3, talks=talks)), q_threshold=RULE)
        for talks in (2000, 8000)
    )
    both = sorted(set(few) & set(many))
    assert len(both) >= 10
    assert np.median([many[name] / few[name] for name in both]) < 0.75


def test_nothing_is_promised_of_a_shop_without_outcomes() -> None:
    shop = worlds.draw("window", "demo", 1, talks=400, agents=5)
    nothing = worlds.Shop(shop.conversations.head(0), shop.frozen, shop.effects)
    assert detectable(worlds.planned(nothing), q_threshold=RULE) == {}
