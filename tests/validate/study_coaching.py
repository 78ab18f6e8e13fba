"""Is the advice true, are gains covered, is a null shop met with silence, is progress real?"""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
from tests.contexts import LEAST, LIMITS
from tests.drivers import worlds
from tests.validate.driver_shops import AS_OF, draw_shop
from tests.validate.followed_months import AS_OF as FOLLOWED_AT
from tests.validate.followed_months import draw_months, plain_change

from csinsight.coaching.follow_up import follow_up
from csinsight.coaching.plan import coaching_plan
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers

WORLDS = ("demo", "confounded", "haggling")
#: Shops of each world; of the null world twice as many.
EACH = int(os.environ.get("CSINSIGHT_VALIDATE_EACH", "20"))
FIRST_SEED = 61_000
TEAMS = 10 * EACH
#: What a team's advised agents may truly change by, in log-odds; an agent's inquiries a
#: month; months before; how much agents truly differ.
CHANGES = (
    (0.0, 110, 3, 0.7),
    (0.0, 40, 3, 0.7),
    (0.0, 40, 1, 0.25),
    (0.35, 110, 3, 0.7),
    (0.6, 110, 3, 0.7),
    (0.6, 40, 3, 0.7),
    (0.6, 40, 1, 0.25),
)
FEW = 20


def advice(world: str, seed: int, *, talks: int = 6000, agents: int = 14) -> pd.DataFrame:
    """Return one shop's recommendations with what is true of each; one agent has 20 inquiries."""
    shop = draw_shop(world, seed, talks=talks, agents=agents)
    conversations = _with_a_newcomer(shop.conversations)
    study = design(conversations, shop.frozen, as_of=AS_OF, months=3, outcome="paid")
    drivers = estimate_drivers(study, scopes=(), **LEAST)
    plan = coaching_plan(conversations, drivers, as_of=AS_OF, limits=LIMITS)
    rows = []
    for row in plan[plan["kind"] == "driver"].itertuples():
        effect = float(shop.effects.get(row.behaviour, 0.0))
        own, others = _habits(shop.habits, row.behaviour, row.agent_id)
        rows.append(
            {
                "world": world,
                "shop": f"{world} {seed}",
                "agent": row.agent_id,
                "real": effect * row.effect_pp > 0,
                "behind": (others.median() - own) * row.effect_pp > 0,
            }
        )
    return pd.DataFrame(rows).assign(newcomer=conversations.attrs["newcomer"])


def _with_a_newcomer(conversations: pd.DataFrame) -> pd.DataFrame:
    name = conversations["agent_id"].iloc[0]
    own = conversations.index[conversations["agent_id"] == name]
    kept = conversations.drop(own[FEW:])
    kept.attrs = {"newcomer": name}
    return kept


def _habits(habits: pd.DataFrame, behaviour: str, agent: str) -> tuple[float, pd.Series]:
    return float(habits.loc[agent, behaviour]), habits[behaviour].drop(agent)


def gains(seed: int) -> pd.DataFrame:
    """Return one plain world's recommendations with the exact gain of each.

    There every agent's level is a formula; in the simulated shops it has to be drawn.
    """
    world = worlds.make_world(seed, inquiries=5000, agents=18)
    study = design(world.conversations, world.frozen, as_of=AS_OF, months=3, outcome="paid")
    plan = coaching_plan(
        world.conversations, estimate_drivers(study, scopes=(), **LEAST), as_of=AS_OF, limits=LIMITS
    )
    rows = []
    for row in plan[plan["kind"] == "driver"].itertuples():
        if row.behaviour not in world.habits:
            continue
        levels = worlds.true_rates(world, row.behaviour)
        place = int(row.agent_id.removeprefix("agent"))
        quarter = np.quantile(np.delete(levels, place), 0.75 if row.effect_pp > 0 else 0.25)
        effect = world.effects_pp.get(row.behaviour, 0.0) / 100
        gain = (quarter - levels[place]) * effect * row.monthly_opportunities
        rows.append(
            {
                "covered": row.low <= gain <= row.high,
                "promised": row.expected_gain_inquiries,
                "true": gain,
            }
        )
    return pd.DataFrame(rows)


def progress(
    lift: float, a_month: int, before: int, spread: float, teams: int = TEAMS
) -> dict[str, float]:
    """Return how often a change is found, and how far off it is, over many teams."""
    rows = []
    for seed in range(teams):
        months = draw_months(FIRST_SEED + seed, lift, a_month=a_month, before=before, spread=spread)
        found = follow_up(
            months.plans, months.conversations, as_of=FOLLOWED_AT, months=before, seed=20261031
        )
        row = found[(found["behaviour"] == "recommends") & found["agent_id"].isna()].iloc[0]
        rows.append(
            {
                "true change": 100 * months.truth,
                "found": 100 * row["change"],
                "plain": 100 * plain_change(months),
                "better": row["verdict"] == "better",
                "worse": row["verdict"] == "worse",
                "covered": row["change_low"] <= months.truth <= row["change_high"],
            }
        )
    means = {str(name): float(value) for name, value in pd.DataFrame(rows).mean().items()}
    return {"inquiries": a_month, "months": before, "spread": spread} | means


def run() -> str:
    """Draw the shops and the teams, and return this part of the page."""
    parts, silent = [], []
    for number in range(EACH):
        parts += [advice(world, FIRST_SEED + number) for world in WORLDS]
        silent += [advice("null", FIRST_SEED + 2 * number + k).empty for k in (0, 1)]
        sys.stderr.write(f"coaching: {number + 1} of {EACH}\n")
    found = pd.concat(parts, ignore_index=True)
    teams = pd.DataFrame([progress(*change) for change in CHANGES])
    exact = pd.concat([gains(FIRST_SEED + number) for number in range(EACH)])
    return _text(found, float(np.mean(silent)), teams, exact)


def _text(found: pd.DataFrame, silent: float, teams: pd.DataFrame, exact: pd.DataFrame) -> str:
    found = found.assign(right=found["real"] & found["behind"])
    table = found.groupby("world").agg(
        recommendations=("right", "size"),
        right=("right", "mean"),
        real=("real", "mean"),
        behind=("behind", "mean"),
    )
    table.loc["all"] = [
        len(found),
        *(found[c].mean() for c in ("right", "real", "behind")),
    ]
    table["recommendations"] = table["recommendations"].astype(int)
    sums = exact.mean()
    few = int((found["agent"] == found["newcomer"]).sum())
    return f"""## Coaching

Simulated shops ({EACH} each of {", ".join(WORLDS)}, {2 * EACH} of null; 6,000 talks, 14 agents,
three months), seeds {FIRST_SEED} on. "right": the behaviour truly has an effect that way and the
agent's own habit truly lies behind the middle of peers.

{markdown_table(table.reset_index())}

Null shops without any recommendation: {silent:.3f}. Recommendations to the agent with {FEW}
inquiries in each shop: {few}.

**Expected gains**, where the truth of each is exact ({EACH} plain worlds, 5,000 inquiries, 18
agents): of {len(exact)} intervals {sums["covered"]:.3f} hold it; promised {sums["promised"]:.2f}
orders a month, true {sums["true"]:.2f}.

**Follow-up.** {TEAMS} teams of 14 a row; after some months the five who look lowest are advised,
and everybody moves by 0.3 log-odds. `inquiries` are an agent's a month, `months` those before,
`spread` how much agents truly differ (log-odds): the less, the more of a low figure is chance.
`found` is the change of the advised beyond the others (points), `plain` the usual difference in
differences with the figures as they were, `better` and `worse` the share of teams of which the
page says so.

{markdown_table(teams)}
"""


def markdown_table(frame: pd.DataFrame) -> str:
    rows = [
        "| " + " | ".join(_written(value) for value in row) + " |"
        for row in frame.itertuples(index=False)
    ]
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    return "\n".join([head, "|" + "---|" * len(frame.columns), *rows])


def _written(value: object) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
