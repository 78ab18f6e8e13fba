"""Are drivers right where agents answer the buyer, words overlap and effects are small?

Every world of `tests.validate.worlds` by every maker that knows it, through the package's own
design, estimates and checks, from the makers' own records.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from tests.validate import worlds
from tests.validate.kept import kept, two_processes
from tests.validate.shops import with_texts
from tests.validate.worlds import FIRST_SEED, NAMED, estimate
from tests.validate.year_of_looks import LOOKED_AT, PROMISES, looks, of_the_year, promises

from csinsight.behaviours.buyer_texts import TEXT_COLUMNS
from csinsight.contract.artifacts import Drivers
from csinsight.contract.domain import OWN_INTENT

#: Shops of each world and maker; they are drawn in blocks, and some without effects beside them.
SHOPS = int(os.environ.get("CSINSIGHT_VALIDATE_EACH", "20"))
_BLOCK, _NULL_BLOCK = 5, 2
#: Blocks with which every world has twenty shops; the others come last, and the worlds whose page
#: views are known in part have no more.
_FIRST_BLOCKS = 2
#: No more is begun after so many minutes; what was drawn until then is told.
_MINUTES = float(os.environ.get("CSINSIGHT_VALIDATE_MINUTES", "inf"))


def some_shops(maker: str, world: str, block: int) -> pd.DataFrame:
    """Return the estimates of one block of a world's shops by a maker, with and without effects."""

    def make() -> pd.DataFrame:
        parts = []
        drawn = [(n, False) for n in range(_BLOCK)] + [(n, True) for n in range(_NULL_BLOCK)]
        for number, null in drawn:
            # Not the same luck in every world.
            seed = FIRST_SEED + 1000 * worlds.WORLDS.index(world) + 10 * block + number
            shop = worlds.draw(maker, world, seed + 500 * null, null=null)
            if shop.states is not None and not set(TEXT_COLUMNS) & set(shop.states):
                told = with_texts(shop.states, np.random.default_rng([seed, 29]))
                shop = replace(shop, states=told)
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
        doubted = part[Drivers.VERDICT] == OWN_INTENT
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


def run() -> str:
    """Draw what is not drawn yet, in two processes, and return this part of the page."""
    until = time.monotonic() + 60 * _MINUTES
    done: dict[str, list[pd.DataFrame]] = {"some_shops": [], "promises": [], "looks": []}
    with two_processes() as pool:
        jobs = [(pool.submit(make, *of), make.__name__) for make, *of in pieces()]
        for number, (job, name) in enumerate(jobs):
            if time.monotonic() > until and not job.done() and job.cancel():
                continue
            done[name].append(job.result())
            sys.stderr.write(f"worlds: {number + 1} of {len(jobs)}\n")
    made = {name: pd.concat(parts, ignore_index=True) for name, parts in done.items() if parts}
    cpu = sum(float(part["cpu_s"].iloc[0]) for parts in done.values() for part in parts)
    yearly = [made.get(name) for name in ("looks", "promises")]
    return text(made["some_shops"], cpu) + "".join(of_the_year(*yearly))


def pieces() -> list[tuple]:
    """Return what is to be made, each a function and what it takes, the most telling first."""
    plain = [of for of in worlds.KNOWN if of[1] not in worlds.VIEWS]
    seen_in_part = [of for of in worlds.KNOWN if of[1] in worlds.VIEWS]
    blocks = range(-(-SHOPS // _BLOCK))
    first, later = blocks[:_FIRST_BLOCKS], blocks[_FIRST_BLOCKS:]
    return [
        *((some_shops, *of, block) for block in first for of in plain),
        *((promises, *of) for of in PROMISES if LOOKED_AT),
        *((looks, number) for number in range(LOOKED_AT)),
        *((some_shops, *of, block) for block in first for of in seen_in_part),
        *((some_shops, *of, block) for block in later for of in plain),
    ]


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
    counts = found[~found["null"]].groupby(["world", "maker"])["shop"].nunique()
    each = counts.groupby("world").sum()
    note = ""
    if each.min() < 20:
        note = f"""
A first part of the study ({each.min()} shops with effects in the world with fewest; `make validate`
draws 20 of each maker): a share is uncertain by ten points and more.
"""
    if each.index.isin(worlds.VIEWS).any():
        note += """
Worlds named after views are "responding" (or, plain, "demo") with page views known of none, a fifth
or seven in ten of the inquiries, or of 95 % of those that bought and of none, or three in five, of
the others.
"""
    return f"""## Drivers where agents answer the buyer

{found.loc[~found["null"], "shop"].nunique()} simulated shops with effects and
{null["shop"].nunique()} without, seeds {FIRST_SEED} on, 6,000 conversations, 12 agents, three
months; {len(each)} worlds by up to three makers that share no code
(`tests/validate/worlds.py`; {counts.min()} to {counts.max()} shops of each), taken from the makers'
own records. {cpu / 60:.0f} minutes of processor time. "found" are real effects named as helping or
hurting, "doubted" those of which the page says that they could be the buyer's own intent. Where an
alarm rings, intervals hold what adjusting leaves of the buyer's intent (`drivers/verdicts.py`).
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


def _silence(null: pd.DataFrame) -> float:
    return 1 - null[Drivers.VERDICT].isin(NAMED).groupby(null["shop"]).any().mean()
