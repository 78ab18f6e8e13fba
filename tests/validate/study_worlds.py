"""Are drivers right where agents answer the buyer, words overlap and effects are small?

Every world of `tests.validate.worlds` by every maker that knows it, through the package's own
design, estimates and checks, from the makers' own records.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
from tests.contexts import DEFAULT, LEAST
from tests.validate import worlds
from tests.validate.driver_shops import draw_shop
from tests.validate.kept import kept, two_processes
from tests.validate.worlds import AS_OF

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.checks import detectable
from csinsight.drivers.design import Design, design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.params import add_months

#: Shops of each world and maker; they are drawn in blocks, and some without effects beside them.
SHOPS = int(os.environ.get("CSINSIGHT_VALIDATE_EACH", "20"))
_BLOCK, _NULL_BLOCK = 5, 2
#: Blocks of the worlds whose page views are known in part.
_VIEWS_BLOCKS = 2
FIRST_SEED = 71_000
NAMED = ("helps", "hurts")
INTENT = "could be the buyer's own intent"
#: Shops that are looked at month after month; inquiries a quarter.
_LOOKED_AT = int(os.environ.get("CSINSIGHT_VALIDATE_LOOKED_AT", "24"))
_QUARTER = 2000
#: Shops without effects of each size in which an effect of the promised size is planted.
_PROMISED = int(os.environ.get("CSINSIGHT_VALIDATE_PROMISED", "60"))
_PROMISED_AGENTS = (6, 12, 24)
#: As many as a run's drivers rest on at most.
_MONTHS = DEFAULT.params.evidence_months


def planned(shop: worlds.Shop, as_of=AS_OF, months: int = 3) -> Design:
    """Lay out the comparison of one shop as a run does."""
    known = {"as_of": as_of, "months": months, "states": shop.states, "outcome": "paid"}
    return design(shop.conversations, shop.frozen, **known)


def estimate(shop: worlds.Shop, as_of=AS_OF, months: int = 3) -> pd.DataFrame:
    """Return a shop's drivers with the truth beside them, and whether a placebo alarm rang.

    What the maker says nothing of (reminders of shops without clocks) has no truth, and no row.
    """
    study = planned(shop, as_of, months)
    found = estimate_drivers(study, scopes=(), **LEAST)
    # Only where an alarm over the whole rings do all have a systematic error.
    rang = bool(found.loc[found[Drivers.EFFECT_PP].notna(), Drivers.SYSTEMATIC_PP].notna().all())
    found = found[found[Drivers.EFFECT_PP].notna() & (found[Drivers.VERDICT] != "control")]
    found = found.assign(truth=found[Drivers.BEHAVIOUR].map(shop.effects), rang=rang)
    return found[found["truth"].notna()]


def some_shops(maker: str, world: str, block: int) -> pd.DataFrame:
    """Return the estimates of one block of a world's shops by a maker, with and without effects."""

    def make() -> pd.DataFrame:
        parts = []
        drawn = [(n, False) for n in range(_BLOCK)] + [(n, True) for n in range(_NULL_BLOCK)]
        for number, null in drawn:
            # Not the same luck in every world.
            seed = FIRST_SEED + 1000 * worlds.WORLDS.index(world) + 10 * block + number
            shop = worlds.draw(maker, world, seed + 500 * null, null=null)
            name = f"{maker} {world} {block} {number} {null}"
            parts.append(estimate(shop).assign(maker=maker, world=world, null=null, shop=name))
        return pd.concat(parts, ignore_index=True)

    return kept(f"{maker}-{world}-{block}", make)


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """Return by world, over shops with effects, how estimates and verdicts stand to the truth."""
    rows = {}
    for world, part in found[~found["null"]].groupby("world", sort=False):
        covered = (part["low_pp"] <= part["truth"]) & (part["truth"] <= part["high_pp"])
        real, named = part["truth"] != 0, part[Drivers.VERDICT].isin(NAMED)
        doubted = part[Drivers.VERDICT] == INTENT
        false = (named & ~real).groupby(part["shop"]).sum()
        share = false / named.groupby(part["shop"]).sum().clip(lower=1)
        silent = found[(found["world"] == world) & found["null"]]
        spoke = silent[Drivers.VERDICT].isin(NAMED).groupby(silent["shop"]).any()
        rows[world] = {
            "shops": part["shop"].nunique(),
            "covers real": covered[real].mean(),
            "covers none": covered[~real].mean(),
            "found": named[real].mean(),
            "doubted, real": doubted[real].mean(),
            "doubted, none": doubted[~real].mean(),
            "false a shop": false.mean(),
            "false share": share.mean(),
            "shops with a false one": (false > 0).mean(),
            "wrong sign": (named & real & (part["effect_pp"] * part["truth"] < 0)).sum(),
            "placebo rings": part.groupby("shop")["rang"].any().mean(),
            "null shops silent": 1 - spoke.mean(),
        }
    return pd.DataFrame(rows).T


def sizes(found: pd.DataFrame) -> pd.DataFrame:
    """Return printed over true sizes of real effects in the worlds of small and usual ones."""
    rows = {}
    for world in ("demo", "small_effects"):
        part = found[(found["world"] == world) & ~found["null"] & (found["truth"] != 0)]
        named = part[part[Drivers.VERDICT].isin(NAMED)]
        for label, rows_of in (("all real", part), ("named", named)):
            true = (rows_of["truth"] * np.sign(rows_of["truth"])).mean()
            sides = np.sign(rows_of["truth"])
            printed = {
                name: (rows_of[name] * sides).mean() / true
                for name in ("effect_pp", "shrunk_pp")
                if name in rows_of
            }
            rows[f"{world}, {label}"] = {"estimates": len(rows_of), **printed}
    return pd.DataFrame(rows).T


def looks() -> pd.DataFrame:
    """Return ten monthly looks at shops of a year, with and without effects."""

    def make() -> pd.DataFrame:
        parts = []
        for world in ("demo", "null"):
            for number in range(_LOOKED_AT):
                shop = draw_shop(world, FIRST_SEED + number, talks=5 * _QUARTER, months=_MONTHS)
                for back in range(_MONTHS - 3, -1, -1):
                    month = add_months(AS_OF, -back)
                    seen = estimate(shop, as_of=month, months=_MONTHS)
                    parts.append(seen.assign(world=world, shop=number, month=month))
        return pd.concat(parts, ignore_index=True)

    return kept(f"looks-{_LOOKED_AT}", make)


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


def promises(agents: int) -> pd.DataFrame:
    """Return how often an effect of just the size that is promised at 80 % power is named."""

    def make() -> pd.DataFrame:
        rows = []
        for number in range(_PROMISED):
            shop = worlds.draw("package", "demo", FIRST_SEED + number, agents=agents, null=True)
            rng = np.random.default_rng(number)
            behaviour = ("recommends", "polite_words", "gives_specifics")[number % 3]
            promised = detectable(planned(shop), q_threshold=LEAST["q_threshold"])[behaviour]
            rows.append((agents, behaviour, promised, named_at(shop, behaviour, promised, rng)))
        return pd.DataFrame(rows, columns=["agents", "behaviour", "promised_pp", "named"])

    return kept(f"promises-{agents}-{_PROMISED}", make)


def named_at(shop: worlds.Shop, behaviour: str, points: float, rng) -> bool:
    """Give one behaviour of a null shop an effect of `points`, and tell whether it is named."""
    talks = shop.conversations
    shown = talks[behaviour].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    paid = talks["paid"].to_numpy(dtype=bool)
    chance = points / 100 / (1 - paid[shown].mean())
    moved = shown & ~paid & (rng.random(len(talks)) < chance)
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


def run() -> str:
    """Draw what is not drawn yet, in two processes, and return this part of the page."""
    with two_processes() as pool:
        blocks = range(-(-SHOPS // _BLOCK))
        jobs = [
            pool.submit(some_shops, maker, world, block)
            for block in blocks
            for maker, world in worlds.KNOWN
            if block < _VIEWS_BLOCKS or world not in worlds.VIEWS
        ]
        if _LOOKED_AT:
            jobs = [pool.submit(promises, n) for n in _PROMISED_AGENTS] + [
                pool.submit(looks),
                *jobs,
            ]
        done = []
        for number, job in enumerate(jobs):
            done.append(job.result())
            sys.stderr.write(f"worlds: {number + 1} of {len(jobs)}\n")
    cpu = sum(float(part["cpu_s"].iloc[0]) for part in done)
    yearly = len(_PROMISED_AGENTS) + 1 if _LOOKED_AT else 0
    found = text(pd.concat(done[yearly:], ignore_index=True), cpu)
    if not yearly:
        return found
    return found + of_the_year(done[yearly - 1], pd.concat(done[: yearly - 1], ignore_index=True))


def text(found, cpu: float) -> str:
    """Return the part of the page on single looks at shops."""
    from tests.validate.study_drivers import markdown_table

    null = found[found["null"]]
    silent = 1 - null[Drivers.VERDICT].isin(NAMED).groupby(null["shop"]).any().mean()
    responding = found["world"].isin(worlds.RESPONDING)
    rings = found.groupby(["shop"])["rang"].any()
    of = found.groupby("shop")["world"].first().isin(worlds.RESPONDING)
    by_maker = pd.concat(
        {maker: scores(part) for maker, part in found.groupby("maker")}, names=["maker", "world"]
    )
    whole = found[~found["null"] & ~found["world"].isin(worlds.VIEWS)]
    each = whole.groupby(["maker", "world"])["shop"].nunique().min()
    note = (
        ""
        if each >= 20
        else (
            f"\nA first part of the study ({each} shops with effects a world and maker; "
            "`make validate` draws 20): a share is uncertain by ten points and more.\n"
        )
    )
    return f"""## Drivers where agents answer the buyer

{found.loc[~found["null"], "shop"].nunique()} simulated shops with effects and
{null["shop"].nunique()} without, seeds {FIRST_SEED} on, 6,000 conversations, 12 agents, three
months; {len(worlds.WORLDS)} worlds by up to three makers that share no code
(`tests/validate/worlds.py`), taken from the makers' own records. {cpu / 60:.0f} minutes of
processor time. "found" are real effects named as helping or hurting, "doubted" those of which the
page says that they could be the buyer's own intent. Where an alarm rings, intervals hold what
adjusting leaves of the buyer's intent (`drivers/verdicts.py`). Worlds named after views are
"responding" (or, plain, "demo") with page views known of none, a fifth or seven in ten of the
inquiries, or of 95 % of those that bought and of none, or three in five, of the others; 10 shops
each.
{note}
{markdown_table(scores(found), "world", 2)}

By maker:

{markdown_table(by_maker.reset_index().drop(columns="shops"), None, 2)}

A placebo alarm rings in {rings[of].mean():.0%} of the shops where agents answer the buyer and in
{rings[~of].mean():.0%} of the others ({int(of.sum())} and {int((~of).sum())} shops, those without
effects among them). {silent:.0%} of all shops without effects are met with silence, and in
{null.loc[~responding, :].pipe(_silence):.0%} of those where agents don't answer the buyer.

Printed over true sizes of real effects (1 is right):

{markdown_table(sizes(found), "effects", 2)}
"""


def of_the_year(looked_at, promised) -> str:
    """Return the part of the page on months one after the other, and on promised power."""
    look = looked(looked_at)
    named = promised.groupby("agents")["named"].mean()
    error = np.sqrt(0.8 * 0.2 / len(promised))
    return f"""
{look["looks"]:.0f} monthly looks at {look["null shops"]:.0f} shops without effects:
{look["ever speak"]:.0%} of them ever speak, {look["speak a look"]:.1%} of the looks do. With
effects, at {_QUARTER:,} conversations a quarter, {look["real named a look"]:.0%} of real drivers
are named a look, and {look["gone next month"]:.0%} of those are gone a month later.

An effect of just the size that readiness promises to see with 80 % power is named in
{promised["named"].mean():.0%} of {len(promised)} shops (give or take {2 * error:.0%}):
{", ".join(f"{share:.0%} ({agents} agents)" for agents, share in named.items())}.
"""


def _silence(null: pd.DataFrame) -> float:
    return 1 - null[Drivers.VERDICT].isin(NAMED).groupby(null["shop"]).any().mean()
