"""What a buyer wrote before a turn is compared at equal values; what was settled is not named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from tests.contexts import LEAST
from tests.validate import hazard_shops
from tests.validate.worlds import planned

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
