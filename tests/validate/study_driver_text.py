"""The same question through the whole reading of text: what do misread words cost the drivers?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tests.contexts import LEAST, LEXICON, RULES
from tests.validate.driver_shops import AS_OF
from tests.validate.study_drivers import NAMED, _by_world, markdown_table

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.engine import open_shop
from csinsight.simulate.shop import simulate

#: Shops of each world; silence needs more of them to be told.
WORLDS = {"demo": 4, "confounded": 4, "null": 24}
FIRST_SEED = 51_000


def one_shop(world: str, seed: int) -> pd.DataFrame:
    """Return the estimates from text, and those with the true categories put in place."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "shop"
        simulate(
            folder,
            seed=seed,
            buyers=2500,
            agents=12,
            conversations=6000,
            months=3,
            scenario=world,
            end_month="2026-10",
        )
        shop = open_shop(folder, "polars")
        talks = build_conversations(mark_messages(ChatSource(shop, AS_OF, 3, RULES, LEXICON)))
        true = pd.read_parquet(folder / "truth" / "conversations.parquet")
        effects = pd.read_parquet(folder / "truth" / "behaviours.parquet")
    effects = effects.set_index("behaviour")["effect_pp"].astype(float)
    parts = []
    for way, table in (("as read", talks), ("true categories", _with_true(talks, true))):
        found = estimate_drivers(
            design(table, None, as_of=AS_OF, months=3, outcome="paid"),
            scopes=(),
            **LEAST,
        )
        found = found[found["effect_pp"].notna() & (found["verdict"] != "control")]
        truth = found["behaviour"].map(effects)
        parts.append(found.assign(truth=truth, world=way, shop=f"{world} {seed}", null=world))
    return pd.concat(parts, ignore_index=True)


def _with_true(talks: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """Put each talk's true category and whether it was an inquiry in the place of what was read."""
    named = talks[["conversation_id", "buyer_id", "started_at"]].merge(
        true[["buyer_id", "started_at", "category", "is_inquiry"]],
        on="buyer_id",
        suffixes=("", "_true"),
    )
    apart = (named["started_at"] - named["started_at_true"]).abs()
    nearest = named.assign(apart=apart).sort_values("apart").drop_duplicates("conversation_id")
    nearest = nearest.set_index("conversation_id").reindex(talks["conversation_id"])
    inquiry = nearest["is_inquiry"].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    return talks.assign(
        category=nearest["category"].to_numpy(),
        is_inquiry=inquiry & talks["agent_messages"].gt(0).to_numpy(),
    )


def run() -> str:
    """Return this part of the page."""
    shops = [
        one_shop(world, FIRST_SEED + n) for world, count in WORLDS.items() for n in range(count)
    ]
    found = pd.concat(shops, ignore_index=True).assign(way="text")
    real = found[(found["truth"] != 0) & (found["world"] == "as read")]
    by = real.groupby("behaviour")[["truth", "effect_pp"]].mean()
    by["share kept"] = by["effect_pp"] / by["truth"]
    null = found[(found["null"] == "null") & (found["world"] == "as read")]
    silent = 1 - null["verdict"].isin(NAMED).groupby(null["shop"]).any().mean()
    told = ", ".join(f"{count} of {world}" for world, count in WORLDS.items())
    table = _by_world(found).replace({np.inf: np.nan})
    return f"""## Drivers read from text

{len(shops)} simulated shops ({told}; 6,000 talks, 12 agents), seeds
{FIRST_SEED} on, read from their messages by the lexicon. Misread words, occasions and categories
make true effects come out too small, so that intervals cover them less often than with the
simulator's own record above; the page says so. {silent:.0%} of the null shops are met with silence.

{markdown_table(table, "categories")}

What is left of each true effect, in points:

{markdown_table(by, "behaviour", 2)}
"""
