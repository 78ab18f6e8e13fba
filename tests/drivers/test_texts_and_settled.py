"""What a buyer wrote before a turn is compared at equal values; what was settled is not named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from tests.contexts import LEAST
from tests.validate import hazard_shops
from tests.validate.shops import Shop, with_texts
from tests.validate.worlds import draw, planned

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.verdicts import SETTLED


def test_what_answers_a_doubt_that_no_marker_reads_is_not_to_blame_for_it() -> None:
    kind = hazard_shops.Kind("doubts", talks=2500, doubt=1.5, answers_doubt=("gives_specifics",))
    shop = hazard_shops.draw_shop(kind, 3, truth=False)
    assert shop.states is not None
    texts = [name for name in shop.states if name.startswith("text_")]
    effects = [
        estimate_drivers(planned(replace(shop, states=known)), scopes=(), **LEAST)
        .set_index("behaviour")
        .loc["gives_specifics", "effect_pp"]
        for known in (shop.states, shop.states.drop(columns=texts))
    ]
    assert effects[1] < -8
    assert abs(effects[0]) < 0.5 * abs(effects[1])


def _by_category(shop: Shop) -> pd.DataFrame:
    found = estimate_drivers(planned(shop), scopes=("category",), **LEAST)
    found = found[(found["scope_kind"] == "category") & found["effect_pp"].notna()]
    return found.set_index(["scope", "behaviour"])


def test_texts_cost_a_part_of_the_inquiries_no_more_than_the_whole() -> None:
    """Two dozen numbers and more, learnt anew from a category, took up a tenth of what it tells."""
    shop = draw("line by line", "demo", 4, talks=5000)
    assert shop.states is not None
    told = with_texts(shop.states, np.random.default_rng(4))
    with_them, without = (
        _by_category(replace(shop, states=states)) for states in (told, shop.states)
    )
    assert len(with_them) >= 30
    width = [table["high_pp"] - table["low_pp"] for table in (with_them, without)]
    assert (width[0] / width[1]).median() < 1.02


def test_in_a_part_too_what_answers_a_doubt_is_not_to_blame_for_it() -> None:
    kind = hazard_shops.Kind("doubts", talks=9000, doubt=1.5, answers_doubt=("gives_specifics",))
    shop = hazard_shops.draw_shop(kind, 3, truth=False)
    assert shop.states is not None
    texts = [name for name in shop.states if name.startswith("text_")]
    told, untold = (
        _by_category(replace(shop, states=known)).xs("gives_specifics", level="behaviour")
        for known in (shop.states, shop.states.drop(columns=texts))
    )
    assert len(told) >= 2
    assert untold["effect_pp"].mean() < -8
    assert abs(told["effect_pp"].mean()) < 0.5 * abs(untold["effect_pp"].mean())


def test_who_never_pays_is_reminded_and_the_reminder_is_not_named() -> None:
    rng, n = np.random.default_rng(5), 1200
    paid = rng.random(n) < 0.8
    table = pd.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "agent_id": [f"a{a:02d}" for a in rng.integers(0, 8, n)],
            "started_at": pd.Timestamp("2026-10-02"),
            "counted_at": pd.Timestamp("2026-10-02"),
            "category": "quality",
            "is_inquiry": True,
            "mature": True,
            "paid": paid,
            "reminds_payment": pd.array(~paid & (rng.random(n) < 0.6), dtype="boolean"),
            "recommends": pd.array(rng.random(n) < 0.5, dtype="boolean"),
        }
    )
    study = design(table, outcome="paid", as_of=hazard_shops.AS_OF, months=3)
    found = estimate_drivers(study, scopes=(), **LEAST).set_index("behaviour")
    assert found.loc["reminds_payment", "effect_pp"] < -50
    assert found.loc["reminds_payment", "verdict"] == "could be the buyer's own intent"
    assert found.loc["reminds_payment", "reason"] == SETTLED
