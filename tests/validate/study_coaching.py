"""Is the advice true, are gains covered, is a null shop met with silence, is progress real?"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
from tests.validate.driver_shops import AS_OF, Shop, draw_shop
from tests.validate.followed_months import AS_OF as FOLLOWED_AT
from tests.validate.followed_months import draw_months, plain_change

from csinsight.coaching.followup import follow_up
from csinsight.coaching.plan import coaching_plan
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.simulate.calendar import make_calendar
from csinsight.simulate.outcome import at_risk
from csinsight.simulate.scenario import scenario_named
from csinsight.simulate.truth import shows
from csinsight.simulate.world import draw_silent, draw_talks, populate, streams

WORLDS = ("demo", "confounded", "haggling")
#: Shops of each world; of the null world twice as many.
EACH = int(os.environ.get("CSINSIGHT_VALIDATE_EACH", "20"))
FIRST_SEED = 61_000
TEAMS = 200
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
#: How often a shop's talks are drawn anew to learn what agents truly do in them.
AGAIN = 5


def advice(world: str, seed: int, *, talks: int = 6000, agents: int = 14) -> pd.DataFrame:
    """Return one shop's recommendations with what is true of each; one agent has 20 inquiries."""
    shop = draw_shop(world, seed, talks=talks, agents=agents)
    conversations = _with_a_newcomer(shop.conversations)
    study = design(conversations, shop.frozen, as_of=AS_OF, months=3)
    drivers = estimate_drivers(study, scopes=())
    plan = coaching_plan(conversations, drivers, as_of=AS_OF)
    advised = sorted(plan.loc[plan["kind"] == "driver", "behaviour"].unique())
    levels = _true_levels(world, seed, shop, advised, talks, agents)
    rows = []
    for row in plan[plan["kind"] == "driver"].itertuples():
        effect = float(shop.effects.get(row.behaviour, 0.0))
        own, others = _habits(shop.habits, row.behaviour, row.agent_id)
        moved = levels[row.behaviour][row.agent_id] - levels[""][row.agent_id, row.behaviour]
        gain = moved * effect / 100 * row.monthly_opportunities
        rows.append(
            {
                "world": world,
                "shop": f"{world} {seed}",
                "agent": row.agent_id,
                "real": effect * row.effect_pp > 0,
                "behind": (others.median() - own) * row.effect_pp > 0,
                "covered": row.low <= gain <= row.high,
                "promised": row.expected_gain_inquiries,
                "true": gain,
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


def _true_levels(
    world: str, seed: int, shop: Shop, behaviours: list[str], talks: int, agents: int
) -> dict[str, pd.Series]:
    """Return what agents do on their own talks, and what they would do with a quarter's habit.

    The same buyers come again and again to the same agents; under "" with their own habits, under
    a behaviour's name with everybody's habit in it that of the best quarter of the others.
    """
    found = {"": pd.concat([_again(world, seed, k, {}, talks, agents) for k in range(AGAIN)])}
    for name in behaviours:
        helps = float(shop.effects.get(name, 0.0)) > 0
        quarter = {
            agent: _habits(shop.habits, name, agent)[1].quantile(0.75 if helps else 0.25)
            for agent in shop.habits.index
        }
        again = [_again(world, seed, k, {name: quarter}, talks, agents) for k in range(AGAIN)]
        found[name] = pd.concat(again)[name]
    own = found.pop("").groupby(level=0).mean().stack()
    return {"": own} | {n: v.astype(float).groupby(level=0).mean() for n, v in found.items()}


def _again(
    world: str, seed: int, again: int, changed: dict, talks: int, agents: int
) -> pd.DataFrame:
    """Return what was shown in each talk, by agent, had it been drawn anew."""
    scenario, calendar, rngs = scenario_named(world), make_calendar(3, "2026-10"), streams(seed)
    base = populate(rngs, scenario, calendar, max(2500, talks // 2), agents, talks, 3)
    silent = draw_silent(rngs, base, chats=True)
    staff = base.staff
    for name, levels in changed.items():
        values = np.array([levels[agent] for agent in staff.ids])
        if name == "first_response_s":
            staff = replace(staff, speed_s=values)
        else:
            staff = replace(staff, habits={**staff.habits, name: values})
    rngs |= {part: np.random.default_rng([seed, again, 9]) for part in ("acts", "outcome")}
    chats, _ = draw_talks(rngs, replace(base, staff=staff), talks, silent)
    who = np.flatnonzero(chats.cases.inquiry)
    told = (chats.cases, chats.acts, chats.outcome)
    columns = {
        name: np.where(at_risk(name, *told)[who], shows(name, *told)[who], np.nan)
        for name in TURN_MARKERS
    }
    wait = np.minimum(chats.acts.first_response_s[who], 600.0)
    columns["first_response_s"] = np.log2(np.maximum(wait, 1.0))
    return pd.DataFrame(columns, index=np.array(staff.ids)[chats.cases.agent[who]])


def progress(
    lift: float, a_month: int, before: int, spread: float, teams: int = TEAMS
) -> dict[str, float]:
    """Return how often a change is found, and how far off it is, over many teams."""
    rows = []
    for seed in range(teams):
        months = draw_months(FIRST_SEED + seed, lift, a_month=a_month, before=before, spread=spread)
        found = follow_up(months.plans, months.conversations, as_of=FOLLOWED_AT, months=before)
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
    return _text(found, float(np.mean(silent)), teams)


def _text(found: pd.DataFrame, silent: float, teams: pd.DataFrame) -> str:
    found = found.assign(right=found["real"] & found["behind"])
    table = found.groupby("world").agg(
        recommendations=("right", "size"),
        right=("right", "mean"),
        real=("real", "mean"),
        behind=("behind", "mean"),
        covered=("covered", "mean"),
        promised=("promised", "mean"),
        true=("true", "mean"),
    )
    table.loc["all"] = [
        len(found),
        *(found[c].mean() for c in ("right", "real", "behind", "covered", "promised", "true")),
    ]
    table["recommendations"] = table["recommendations"].astype(int)
    few = int((found["agent"] == found["newcomer"]).sum())
    return f"""## Coaching

Simulated shops ({EACH} each of {", ".join(WORLDS)}, {2 * EACH} of null; 6,000 talks, 14 agents,
three months), seeds {FIRST_SEED} on. "right": the behaviour truly has an effect that way and the
agent's own habit truly lies behind the middle of peers on the same questions. "covered": the
expected gain's interval holds the true gain (orders a month, `promised` beside `true`): what the
agent would do on the same talks with the habit of the others' best quarter, by drawing them anew
{AGAIN} times.

{_table(table.reset_index())}

Null shops without any recommendation: {silent:.3f}. Recommendations to the agent with {FEW}
inquiries in each shop: {few}.

**Follow-up.** {TEAMS} teams of 14 a row; after some months the five who look lowest are advised,
and everybody moves by 0.3 log-odds. `inquiries` are an agent's a month, `months` those before,
`spread` how much agents truly differ (log-odds): the less, the more of a low figure is chance.
`found` is the change of the advised beyond the others (points), `plain` the usual difference in
differences with the figures as they were, `better` and `worse` the share of teams of which the
page says so.

{_table(teams)}
"""


def _table(frame: pd.DataFrame) -> str:
    rows = [
        "| " + " | ".join(_written(value) for value in row) + " |"
        for row in frame.itertuples(index=False)
    ]
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    return "\n".join([head, "|" + "---|" * len(frame.columns), *rows])


def _written(value: object) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
