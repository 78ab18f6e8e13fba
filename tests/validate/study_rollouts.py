"""Roll-outs: does their reading hold, and is their power what the plan said?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from tests.drivers.worlds import make_world
from tests.validate.kept import kept, two_processes
from tests.validate.shops import expit
from tests.validate.study_drivers import markdown_table

from csinsight.drivers import rollout, rollout_plan
from csinsight.drivers.rollout import read_rollouts
from csinsight.drivers.rollout_plan import plan_rollout
from csinsight.params import add_months

FIRST_DAY = pd.Timestamp("2026-11-01").to_pydatetime()
SHOPS = int(os.environ.get("CSINSIGHT_VALIDATE_ROLLOUTS", "200"))
FIRST_SEED = 61_000
_BLOCK = 20
BEHAVIOUR = "recommends"
#: By world: inquiries a month, agents, log-odds of the behaviour, share of those who would not
#: have shown it that coaching moves to, and what else goes on.
WORLDS = {
    "as planned": {},
    "agents answer the buyer": {"effort": 0.5},
    "agents drift": {"drift": 0.15},
    "few agents": {"agents": 6},
    "no effect": {"effect": 0.0},
    "nobody follows": {"uptake": 0.0},
    "no effect, agents drift": {"effect": 0.0, "drift": 0.15},
}
MONTHS = 3
_MADE_BY = (
    *(Path(part.__file__) for part in (rollout, rollout_plan)),
    Path(make_world.__code__.co_filename),
)


def rolled_out(
    seed: int,
    *,
    monthly: int = 5000,
    agents: int = 12,
    effect: float = 0.9,
    uptake: float = 0.4,
    effort: float = 0.0,
    drift: float = 0.0,
) -> dict[str, float]:
    """Plan a roll-out from three months of a shop, let it happen, and read it."""
    rng = np.random.default_rng([seed, 4])
    n = 3 * monthly
    settings = {
        "inquiries": n,
        "agents": agents,
        "effects": {BEHAVIOUR: effect} if effect else {},
        "effort": effort,
    }
    before = make_world(seed, intent=rng.normal(size=n), **settings)
    earlier = before.conversations.assign(started_at=_days(rng, n, add_months(FIRST_DAY, -3)))
    earlier["paid"] = rng.random(n) < expit(before.logit + _walks(rng, earlier, drift))
    points = abs(before.effects_pp[BEHAVIOUR]) or 12.0
    rate = earlier.loc[earlier[BEHAVIOUR].notna(), BEHAVIOUR].mean()
    # A number of its own: the shop's would draw the order of starts out of the agents' own luck.
    lot = int(np.random.default_rng([seed, 6]).integers(2**31))
    plan = plan_rollout(
        earlier,
        BEHAVIOUR,
        sorted(earlier["agent_id"].unique()),
        as_of=FIRST_DAY,
        months=MONTHS,
        look_back=3,
        effect_pp=points,
        uptake_pp=100 * (uptake or 0.4) * (1 - rate),
        seed=lot,
    )
    talks, truth, moved = _months(plan, seed, rng, settings, uptake, drift)
    found, _ = read_rollouts(talks, plan.rows.to_pandas(), as_of=add_months(FIRST_DAY, MONTHS + 1))
    read = found.iloc[0]
    return {
        "covered": read["low_pp"] <= truth <= read["high_pp"],
        "seen": read["p_value"] <= 0.05,
        "planned power": plan.power,
        "truth": truth,
        "estimate": read["effect_pp"],
        "width": read["high_pp"] - read["low_pp"],
        "uptake covered": read["uptake_low_pp"] <= moved <= read["uptake_high_pp"],
        "as drawn": read["as_drawn"],
    }


def _days(rng, n, first):
    """Draw when `n` inquiries begin in the three months from `first` on."""
    span = (add_months(first, 3) - first).total_seconds()
    return pd.Timestamp(first) + pd.to_timedelta(rng.uniform(0, span, n), "s").astype("m8[us]")


def _walks(rng, talks, drift):
    """Return by how much each inquiry's agent has drifted by its week, in log-odds."""
    agent, first = pd.factorize(talks["agent_id"])[0], talks["started_at"].min()
    week = ((talks["started_at"] - first).dt.days // 7).to_numpy()
    steps = rng.normal(size=(agent.max() + 1, week.max() + 1))
    return np.cumsum(drift * steps, axis=1)[agent, week]


def _months(plan, seed, rng, settings, uptake, drift):
    """Draw the same agents' months of the roll-out, as they go on and as coaching moves them."""
    n = settings["inquiries"]
    # The same seed gives the same agents; the days and the luck are drawn anew.
    world = make_world(seed, intent=rng.normal(size=n), **settings)
    talks = world.conversations.assign(started_at=_days(rng, n, FIRST_DAY))
    start = talks["agent_id"].map(dict(plan.rows.select("agent_id", "starts_on").iter_rows()))
    started = (talks["started_at"] >= pd.to_datetime(start)).to_numpy()
    logit = world.logit + _walks(rng, talks, drift)
    shown = talks[BEHAVIOUR].astype(float).fillna(0).to_numpy() > 0
    newly = started & ~shown & (rng.random(n) < uptake)
    effect = settings["effects"].get(BEHAVIOUR, 0.0)
    chance = expit(logit + effect * newly)
    talks[BEHAVIOUR] = pd.array(shown | newly, "boolean")
    talks["paid"] = rng.random(n) < chance
    inside = started & (talks["started_at"] < plan.ends_on).to_numpy()
    # What coaching did to those who had started, were it to happen to all of them.
    lift = uptake * ~shown * (expit(logit + effect) - expit(logit))
    moved = 100 * (uptake * ~shown)[inside].mean()
    return talks, 100 * lift[inside].mean(), moved


def some_rollouts(name: str, block: int) -> pd.DataFrame:
    """Return the readings of one block of a world's roll-outs."""

    def make() -> pd.DataFrame:
        seeds = FIRST_SEED + block * _BLOCK + np.arange(_BLOCK)
        return pd.DataFrame([rolled_out(int(seed), **WORLDS[name]) for seed in seeds])

    return kept(f"rollouts {name} {block}", make, _MADE_BY).assign(world=name)


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """Return by world how often intervals hold, effects are seen, and power was planned."""
    numbers = found.drop(columns=["world", "cpu_s"], errors="ignore").astype(float)
    return numbers.groupby(found["world"], sort=False).mean()


def run() -> str:
    """Draw what is not drawn yet, in two processes, and return this part of the page."""
    with two_processes() as pool:
        blocks = [(name, block) for block in range(-(-SHOPS // _BLOCK)) for name in WORLDS]
        jobs = [pool.submit(some_rollouts, *block) for block in blocks]
        parts = [job.result() for job in jobs]
    return text(parts)


def text(parts: list[pd.DataFrame]) -> str:
    """Return the part of the page."""
    found = pd.concat(parts, ignore_index=True)
    cpu = sum(float(part["cpu_s"].iloc[0]) for part in parts)
    told = scores(found).drop(columns="as drawn")
    told.insert(0, "roll-outs", found.groupby("world", sort=False).size())
    note = (
        ""
        if told["roll-outs"].max() >= 200
        else (
            "A first part of\nthe study (`make validate` draws 200 a world): worlds share their "
            "seeds, so their chance\nerrors go together, and a share is uncertain by ten points.\n"
        )
    )
    return f"""## Roll-outs by lot

Simulated roll-outs, seeds {FIRST_SEED} on: planned from three months of a shop
(5,000 inquiries a month, 12 agents or 6), drawn by lot, coached for {MONTHS} months and read when
they are over. {cpu / 60:.0f} minutes of processor time. "covered" is how often the 95 % interval
holds the true change of those who had started, "seen" how often p is at most .05; without an
effect, and where nobody follows, it should be .05. "planned power" is what the plan said.
Agents who drift walk by {WORLDS["agents drift"]["drift"]} log-odds a week. {note}

{markdown_table(told, "world", 2)}
"""
