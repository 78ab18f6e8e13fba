"""Shops where what is shown is a matter of the talk: does the analysis see so by itself?"""

from __future__ import annotations

import pandas as pd
from tests.contexts import LEAST
from tests.validate import hazard_shops, scripted_shops
from tests.validate.study_drivers import _by_world, markdown_table

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers

SHOPS = 20
FIRST_SEED = 41_000


def run() -> str:
    """Return this part of the page."""
    parts, chosen = [], {}
    for place in scripted_shops.PLACES:
        for number in range(SHOPS):
            shop = scripted_shops.draw_shop(place, FIRST_SEED + number)
            for way in ("chosen", "turns"):
                study = design(
                    shop.conversations,
                    shop.frozen,
                    as_of=hazard_shops.AS_OF,
                    months=3,
                    exposure=None if way == "chosen" else "turns",
                    outcome="paid",
                )
                found = estimate_drivers(study, scopes=(), **LEAST)
                found = found[found["effect_pp"].notna() & (found["verdict"] != "control")]
                world = f"{place}, {'as chosen' if way == 'chosen' else 'turn by turn'}"
                chosen.setdefault(world, set()).add(
                    "conversations" if study.by_conversation else "turns"
                )
                truth = found["behaviour"].map(shop.effects)
                parts.append(found.assign(truth=truth, world=world, shop=f"{world} {number}"))
    table = _by_world(pd.concat(parts, ignore_index=True).assign(way="all"))
    table.insert(0, "compared by", [" or ".join(sorted(chosen[world])) for world in table.index])
    return f"""## Drivers where a behaviour is a matter of the talk

{SHOPS} shops for each place where what is shown may fall (`tests/validate/scripted_shops.py`; 6,000
talks, 12 agents), seeds {FIRST_SEED} on. Shown once a talk or not at all: anywhere in it, in its
first three turns, or each in a turn of its own and in one order. Talks are compared where the data
says so before any outcome is looked at (`drivers/exposure.py`); turn by turn stands beside it.

{markdown_table(table, "shops")}
"""
