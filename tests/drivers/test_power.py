"""Power as it is told before any estimate: is an effect of that size named as often as promised?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.contexts import LEAST, MINIMA
from tests.validate import worlds, year_of_looks

from csinsight.drivers import power
from csinsight.drivers.checks import readiness
from csinsight.drivers.units import Floats
from csinsight.stats.shrinkage import Posterior, two_groups


def _seen(shop: worlds.Shop) -> pd.Series:
    table = readiness(worlds.planned(shop), **MINIMA, q_threshold=LEAST["q_threshold"])
    return table.set_index("behaviour")["detectable_pp"]


@pytest.mark.slow
def test_what_is_promised_at_80_percent_is_named_in_most_shops() -> None:
    """Eight null shops; `make validate` holds more of them to narrower bounds."""
    named = []
    for number in range(8):
        shop = worlds.draw("window", "demo", number, talks=2500, null=True)
        seen = _seen(shop)
        for place, behaviour in enumerate(("polite_words", "recommends", "gives_specifics")):
            rng = np.random.default_rng([number, place])
            named.append(year_of_looks.named_at(shop, behaviour, seen[behaviour], rng))
    assert 0.65 <= np.mean(named) <= 0.95


def test_an_effect_that_is_promised_is_believed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named has to miss zero as believed: without that more would be promised."""
    shop = worlds.draw("window", "demo", 2, talks=2500, agents=24, null=True)
    told = _seen(shop)

    def sure(effect: Floats, noise: Floats, fit: Floats) -> Posterior:
        return Posterior(np.ones(effect.shape), effect, np.full(effect.shape, 1e-9))

    monkeypatch.setattr(power, "posterior", sure)
    without = _seen(shop)
    assert (told.dropna() >= without.dropna()).all()
    assert (told / without).median() > 1.02


def test_where_agents_answer_buyers_less_can_be_seen() -> None:
    plain, answering = (
        _seen(worlds.draw("window", world, 3, talks=4000, null=True))
        for world in ("demo", "responding")
    )
    assert plain.notna().sum() >= 10
    assert (answering / plain).median() > 1.08


def test_what_too_few_have_shown_is_not_promised() -> None:
    shop = worlds.draw("window", "demo", 3, talks=2000)
    rare = shop.conversations["uses_emoji"].astype("boolean") & (
        np.arange(len(shop.conversations)) % 40 == 0
    )
    few = worlds.Shop(shop.conversations.assign(uses_emoji=rare), shop.frozen, shop.effects)
    assert np.isfinite(_seen(shop)["uses_emoji"])
    assert np.isnan(_seen(few)["uses_emoji"])


def test_more_inquiries_show_smaller_effects() -> None:
    few, many = (
        _seen(worlds.draw("window", "demo", 3, talks=talks)).dropna() for talks in (2000, 8000)
    )
    both = sorted(set(few.index) & set(many.index))
    assert len(both) >= 10
    assert np.median([many[name] / few[name] for name in both]) < 0.75


def test_nothing_is_promised_of_a_shop_without_outcomes() -> None:
    shop = worlds.draw("window", "demo", 1, talks=400, agents=5)
    nothing = worlds.Shop(shop.conversations.head(0), shop.frozen, shop.effects)
    assert _seen(nothing).isna().all()


def test_an_effect_as_believed_lies_in_the_middle_of_its_interval() -> None:
    effect = np.array([9.0, 4.0, 1.0, -0.5, 0.2])
    mean, low, high = two_groups(effect, effect - 4, effect + 4).expected()
    assert np.allclose(mean, (low + high) / 2)
    assert (np.abs(mean) < np.abs(effect)).all()
    # One that stands out little is hardly believed, and its interval holds zero.
    assert low[0] > 0 > low[1]
