"""A year's months one after the other, and effects of just the size that readiness promises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tests.contexts import DEFAULT, LEAST, MINIMA
from tests.validate import worlds
from tests.validate.driver_shops import draw_shop
from tests.validate.kept import MADE_BY, SOURCE, kept
from tests.validate.worlds import AS_OF, FIRST_SEED, NAMED, estimate, planned

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.checks import readiness
from csinsight.params import add_months

#: Shops that are looked at month after month, in each of two worlds; inquiries a quarter.
LOOKED_AT = int(os.environ.get("CSINSIGHT_VALIDATE_LOOKED_AT", "24"))
_QUARTER = 2000
#: Shops without effects of each size in which an effect of the promised size is planted.
_PROMISED = int(os.environ.get("CSINSIGHT_VALIDATE_PROMISED", "60"))
#: As many of them are one piece of work.
_AT_ONCE = 12
_PROMISED_AGENTS = (6, 12, 24, 48)
_PLANTED = ("recommends", "polite_words", "gives_specifics")
PROMISES = tuple((n, start) for start in range(0, _PROMISED, _AT_ONCE) for n in _PROMISED_AGENTS)
#: As many as a run's drivers rest on at most.
THIS = Path(__file__)
_MONTHS = DEFAULT.params.evidence_months


def looks(number: int) -> pd.DataFrame:
    """Return ten monthly looks at one shop of a year, with effects and without."""

    def make() -> pd.DataFrame:
        parts = []
        for world in ("demo", "null"):
            shop = draw_shop(world, FIRST_SEED + number, talks=5 * _QUARTER, months=_MONTHS)
            for back in range(_MONTHS - 3, -1, -1):
                month = add_months(AS_OF, -back)
                seen = estimate(shop, as_of=month, months=_MONTHS)
                parts.append(seen.assign(world=world, shop=number, month=month))
        return pd.concat(parts, ignore_index=True)

    return kept(f"looks-{number}", make)


def looked(found: pd.DataFrame) -> dict[str, float]:
    """Return how many null shops ever speak, and how many real drivers are gone a month later."""
    named = found.assign(named=found[Drivers.VERDICT].isin(NAMED))
    null, real = named[named["world"] == "null"], named[named["world"] == "demo"]
    real = real[real["truth"] != 0].pivot_table(
        index=["shop", "behaviour"], columns="month", values="named", aggfunc="any"
    )
    now = real.fillna(value=False).to_numpy(dtype=bool)
    gone = now[:, :-1] & ~now[:, 1:]
    return {
        "null shops": null["shop"].nunique(),
        "looks": null.groupby("shop")["month"].nunique().min(),
        "ever speak": null.groupby("shop")["named"].any().mean(),
        "speak a look": null.groupby(["shop", "month"])["named"].any().mean(),
        "real named a look": now.mean(),
        "gone next month": gone.sum() / max(now[:, :-1].sum(), 1),
    }


def promises(agents: int, start: int) -> pd.DataFrame:
    """Return how often an effect of just the size that is promised at 80 % power is named."""

    def make() -> pd.DataFrame:
        rows = []
        for number in range(start, min(start + _AT_ONCE, _PROMISED)):
            shop = worlds.draw("package", "demo", FIRST_SEED + number, agents=agents, null=True)
            ready = readiness(planned(shop), **MINIMA, q_threshold=LEAST["q_threshold"])
            promised = ready.set_index("behaviour")["detectable_pp"]
            for place, behaviour in enumerate(_PLANTED):
                rng = np.random.default_rng([number, place])
                named = named_at(shop, behaviour, promised[behaviour], rng)
                rows.append((agents, number, behaviour, promised[behaviour], named))
        return pd.DataFrame(rows, columns=["agents", "shop", "behaviour", "promised_pp", "named"])

    by = (*MADE_BY, SOURCE / "drivers" / "checks.py", SOURCE / "drivers" / "power.py", THIS)
    return kept(f"promises-{agents}-{start}-{_PROMISED}", make, by)


def named_at(shop: worlds.Shop, behaviour: str, points: float, rng) -> bool:
    """Give one behaviour of a null shop an effect of `points`, and tell whether it is named."""
    talks = shop.conversations
    shown = talks[behaviour].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    paid = talks["paid"].to_numpy(dtype=bool)
    chance = np.zeros(len(talks))
    # As large in long conversations, which fewer sales end, as in short ones.
    for alike in (
        talks.groupby(talks["turns_judged"].clip(upper=6)).indices.values()
        if ("turns_judged" in talks)
        else [np.arange(len(talks))]
    ):
        own = alike[shown[alike]]
        if len(own) and not paid[own].all():
            chance[own] = points / 100 / (1 - paid[own].mean())
    moved = ~paid & (rng.random(len(talks)) < chance)
    told = estimate(
        worlds.Shop(
            talks.assign(paid=paid | moved, ordered=talks["ordered"] | moved),
            shop.frozen,
            shop.effects,
            shop.states,
        )
    )
    own = told[told["behaviour"] == behaviour]
    return bool(own[Drivers.VERDICT].isin(NAMED).any())


def of_the_year(looked_at, promised) -> Iterator[str]:
    """Yield the parts of the page on months one after the other, and on promised power."""
    if looked_at is not None:
        look = looked(looked_at)
        yield f"""
{look["looks"]:.0f} monthly looks at {look["null shops"]:.0f} shops without effects:
{look["ever speak"]:.0%} of them ever speak, {look["speak a look"]:.1%} of the looks do. With
effects, at {_QUARTER:,} conversations a quarter, {look["real named a look"]:.0%} of real drivers
are named a look, and {look["gone next month"]:.0%} of those are gone a month later.
"""
    if promised is not None:
        named = promised.groupby("agents")["named"].mean()
        # Effects planted in one shop share its luck.
        by_shop = promised.groupby(["agents", "shop"])["named"].mean()
        error = by_shop.std() / np.sqrt(len(by_shop))
        yield f"""
An effect of just the size that readiness promises to see with 80 % power is named in
{promised["named"].mean():.0%} of {len(promised)} cases, {len(_PLANTED)} in each of
{len(by_shop)} shops (give or take {2 * error:.0%}):
{", ".join(f"{share:.0%} ({agents} agents)" for agents, share in named.items())}.
"""
