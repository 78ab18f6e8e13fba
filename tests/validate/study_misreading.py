"""Misread words: do effects and intervals hold once a shop's own labels correct them?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tests.contexts import LEAST
from tests.drivers.worlds import AS_OF, REAL, make_world
from tests.validate.kept import MADE_BY, kept, two_processes
from tests.validate.study_drivers import markdown_table

from csinsight.behaviours import accuracy
from csinsight.behaviours.accuracy import share_kept
from csinsight.drivers import sensitivity
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.drivers.sensitivity import with_correction

SHOPS = 100
FIRST_SEED = 81_000
#: Conversations read by people, half of them marked and half not.
LABELS = 300
#: Recall and precision of the reading.
READINGS = ((0.75, 0.80), (0.85, 0.90))
#: One with an effect, and two without: as far as is known, and one that goes with skill.
BEHAVIOURS = ("recommends", "asks_needs", "polite_words")
_BLOCK = 25


def misread(rng, true: pd.Series, recall: float, precision: float):
    """Return what a marker of such recall and precision reads, and what labels tell of it."""
    shows = true.to_numpy(dtype=bool)
    invented = shows.mean() * recall * (1 / precision - 1) / (1 - shows.mean())
    read = rng.random(len(shows)) < np.where(shows, recall, invented)
    sides = [
        rng.permutation(shows[read == side])[: LABELS // 2].astype(float) for side in (True, False)
    ]
    kept_share, se = share_kept(*sides, read.astype(float), (~read).astype(float))
    return pd.array(read, dtype="boolean"), kept_share, se


def some_shops(recall: float, precision: float, block: int) -> pd.DataFrame:
    """Return the effects of one block of shops, as read and as corrected."""

    def make() -> pd.DataFrame:
        parts = []
        for number in range(block * _BLOCK, (block + 1) * _BLOCK):
            world = make_world(FIRST_SEED + number, inquiries=6000, agents=12, effects=REAL)
            rng, talks, labels = np.random.default_rng(number), world.conversations.copy(), []
            for name in BEHAVIOURS:
                talks[name], *told = misread(rng, talks[name], recall, precision)
                labels.append((name, LABELS, *told))
            names = ["behaviour", "labels", "share_kept", "share_kept_se"]
            study = design(talks, world.frozen, as_of=AS_OF, months=3, outcome="paid")
            found = estimate_drivers(study, scopes=(), **LEAST)
            found = found[found["behaviour"].isin(BEHAVIOURS)]
            published = pd.DataFrame(columns=["precision", "recall", "marked", "true"])
            corrected = with_correction(found, published, pd.DataFrame(labels, columns=names))
            parts.append(corrected.assign(truth=corrected["behaviour"].map(world.effects_pp)))
        return pd.concat(parts, ignore_index=True)

    own = (*MADE_BY, Path(sensitivity.__file__), Path(accuracy.__file__))
    found = kept(f"misreading {recall} {precision} {block}", make, own)
    return found.assign(reading=f"recall {recall}, precision {precision}")


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """Return by reading how often intervals hold the truth, as read and as corrected."""
    rows = {}
    for (reading, real), part in found.groupby(["reading", found["truth"] != 0]):
        row: dict[str, float] = {"estimates": len(part), "truth": part["truth"].mean()}
        for way, prefix in (("as read", ""), ("corrected", "corrected_")):
            name = prefix or "effect_"
            low, high = part[f"{prefix}low_pp"], part[f"{prefix}high_pp"]
            row |= {
                f"{way}, estimate": part[f"{name}pp"].mean(),
                f"{way}, covered": ((low <= part["truth"]) & (part["truth"] <= high)).mean(),
                f"{way}, width": (high - low).mean(),
            }
        rows[f"{reading}: {'real' if real else 'none'}"] = row
    return pd.DataFrame(rows).T


def run() -> str:
    """Draw what is not drawn yet, in two processes, and return this part of the page."""
    with two_processes() as pool:
        jobs = [
            pool.submit(some_shops, *reading, block)
            for reading in READINGS
            for block in range(SHOPS // _BLOCK)
        ]
        found = pd.concat([job.result() for job in jobs], ignore_index=True)
    return f"""## Misread words, corrected from labels

{SHOPS} simulated shops a reading, seeds {FIRST_SEED} on (6,000 conversations, 12 agents, three
months), estimated by the main way. {", ".join(BEHAVIOURS)} are read wrongly at the
stated recall and precision; {LABELS} conversations of the shop, half of them marked, are
labelled and correct the effects (`drivers/sensitivity.py`). "real" is the effect of
`recommends`, "none" the others'.

{markdown_table(scores(found), "reading", 2)}
"""
