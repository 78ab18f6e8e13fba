"""Do the drivers recover the truth of many simulated shops? Beside them what simpler ways say."""

from __future__ import annotations

import os
import sys
import time
import warnings

import numpy as np
import pandas as pd
from tests.contexts import LEAST
from tests.validate import hazard_shops
from tests.validate.driver_shops import AS_OF, draw_shop

from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers

WORLDS = ("confounded", "haggling", "impatient", "demo", "null")
#: Shops of each world.
EACH = int(os.environ.get("CSINSIGHT_VALIDATE_EACH", "40"))
#: Shops of each kind of another make.
OTHERS = max(EACH // 3, 1)
AGENTS = (5, 12, 24, 100)
INQUIRIES = (300, 3000, 30_000, 300_000)
NAMED = ("helps", "hurts")
FIRST_SEED = 31_000


def one_shop(world: str, seed: int, *, talks: int = 6000, agents: int = 12) -> pd.DataFrame:
    """Return every way's estimates of one shop with the truth beside them."""
    shop = draw_shop(world, seed, talks=talks, agents=agents)
    parts = []
    for exposure in ("turns", "landmark", "window"):
        study = design(
            shop.conversations,
            shop.frozen,
            as_of=AS_OF,
            months=3,
            exposure=exposure,
            outcome="paid",
        )
        found = estimate_drivers(study, scopes=(), **LEAST)
        parts.append(found.assign(way=exposure))
    parts += [_raw(study), _logistic(study)]
    found = pd.concat(parts, ignore_index=True)
    found = found[found["effect_pp"].notna() & (found["verdict"] != "control")]
    return found.assign(
        truth=found["behaviour"].map(shop.effects), world=world, shop=f"{world} {seed}"
    )


def _raw(study) -> pd.DataFrame:
    """Return raw differences with the usual interval, named where it leaves out zero."""
    import statsmodels.api as sm  # seconds, which tests that take a table from here needn't pay

    rows = []
    for name in study.family:
        have = study.rows[study.rows[name].notna()]
        x, y = have[name].to_numpy(), have["outcome"].to_numpy()
        if len(x) < 300 or x.std() == 0:
            continue
        fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC1")
        rows.append((name, fit.params[1], fit.bse[1]))
    return _judged(rows, "raw")


def _logistic(study) -> pd.DataFrame:
    """Return average marginal effects of one logistic regression without agents."""
    import statsmodels.api as sm

    names = [n for n in study.family if study.rows[n].notna().mean() > 0.05]
    names = [n for n in names if n not in ("reminds_payment", "follows_up")]
    design_matrix = np.column_stack(
        [np.nan_to_num(study.rows[names].to_numpy()), study.controls.to_numpy()]
    )
    kept = design_matrix[:, design_matrix.std(axis=0) > 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.GLM(
            study.rows["outcome"].to_numpy(), sm.add_constant(kept), sm.families.Binomial()
        ).fit()
    scale = float(np.mean(fit.fittedvalues * (1 - fit.fittedvalues)))
    values = zip(names, fit.params[1:] * scale, fit.bse[1:] * scale, strict=False)
    return _judged(list(values), "logistic, no agents")


def _judged(rows, way: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["behaviour", "effect", "se"])
    effect, reach = 100 * table["effect"], 196 * table["se"]
    side = np.where(effect > 0, "helps", "hurts")
    return pd.DataFrame(
        {
            "behaviour": table["behaviour"],
            "effect_pp": effect,
            "low_pp": effect - reach,
            "high_pp": effect + reach,
            "verdict": np.where(effect.abs() > reach, side, "no evidence"),
            "way": way,
        }
    )


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """Return coverage, false discoveries and signs of each way."""
    found = found.assign(
        covered=(found["low_pp"] <= found["truth"]) & (found["truth"] <= found["high_pp"]),
        real=found["truth"] != 0,
        named=found["verdict"].isin(NAMED),
        bias=found["effect_pp"] - found["truth"],
    )
    rows = {}
    for way, part in found.groupby("way", sort=False):
        real, idle, named = part[part["real"]], part[~part["real"]], part[part["named"]]
        false = part.assign(false=part["named"] & ~part["real"]).groupby("shop")
        share = false["false"].sum() / false["named"].sum().clip(lower=1)
        null = part[part["world"] == "null"].groupby("shop")["named"].any()
        hit = named[named["real"]]
        rows[way] = {
            "covered, real": real["covered"].mean(),
            "covered, none": idle["covered"].mean(),
            "bias, real": (real["bias"] * np.sign(real["truth"])).mean(),
            "false share": share[[not s.startswith("null") for s in share.index]].mean(),
            "null shops silent": 1 - null.mean(),
            "sign right": (np.sign(hit["effect_pp"]) == np.sign(hit["truth"])).mean(),
            "real found": real["named"].mean(),
        }
    return pd.DataFrame(rows).T


def others() -> pd.DataFrame:
    """Return the main analysis of shops of another make, with the truth beside it."""
    parts = []
    for kind in hazard_shops.KINDS:
        for number in range(OTHERS):
            shop = hazard_shops.draw_shop(kind, FIRST_SEED + number)
            study = design(shop.conversations, shop.frozen, as_of=AS_OF, months=3, outcome="paid")
            found = estimate_drivers(study, scopes=(), **LEAST)
            found = found[found["effect_pp"].notna() & (found["verdict"] != "control")]
            name = "null" if kind.name == "no effects" else kind.name
            truth = found["behaviour"].map(shop.effects)
            parts.append(found.assign(truth=truth, world=name, shop=f"{name} {number}", way=name))
        sys.stderr.write(f"drivers: shops of another make, {kind.name}\n")
    return pd.concat(parts, ignore_index=True)


def power() -> pd.DataFrame:
    """Return what can be seen (80 % power), what is said, and the seconds it takes, by size."""
    rows = []
    for inquiries in INQUIRIES:
        for agents in AGENTS if inquiries < INQUIRIES[-1] else AGENTS[1::2]:
            kind = hazard_shops.Kind("size", agents=agents, talks=inquiries)
            shop = hazard_shops.draw_shop(kind, 5, truth=False)
            started = time.process_time()
            study = design(shop.conversations, shop.frozen, as_of=AS_OF, months=3, outcome="paid")
            found = estimate_drivers(study, **LEAST)
            seconds = time.process_time() - started
            whole = found[found["scope"] == "all"].set_index("behaviour")
            names = ("recommends", "refuses_flatly", "empathizes", "offers_alternative")
            seen = {name: whole.loc[name, "detectable_pp"] for name in names}
            said = whole["verdict"].value_counts()
            counts = {v: int(said.get(v, 0)) for v in (*NAMED, "no evidence", "not enough data")}
            row = {"inquiries": inquiries, "agents": agents} | seen | counts
            rows.append(row | {"seconds": seconds})
    return pd.DataFrame(rows)


def run() -> str:
    """Draw the shops and return this part of the page."""
    parts = []
    for number in range(EACH):
        parts += [one_shop(world, FIRST_SEED + number) for world in WORLDS]
        sys.stderr.write(f"drivers: {len(parts)} of {EACH * len(WORLDS)} shops\n")
    found = pd.concat(parts, ignore_index=True)
    main = found[found["way"] == "turns"]
    return _text(found, _by_world(main))


def _by_world(found: pd.DataFrame) -> pd.DataFrame:
    parts = {w: scores(p).drop(columns="null shops silent") for w, p in found.groupby("world")}
    return pd.concat(parts).droplevel(1)


def _plainly(found: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the simple ways by world."""
    parts = [
        _by_world(found[found["way"] == way]).rename_axis("world").reset_index().assign(way=way)
        for way in ("raw", "logistic, no agents")
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["way", *[name for name in table if name != "way"]]]


def _text(found: pd.DataFrame, worlds: pd.DataFrame) -> str:
    shops, made = found["shop"].nunique(), others()
    return f"""## Drivers

{shops} simulated shops ({shops // len(WORLDS)} each of {", ".join(WORLDS)}; 6,000 talks, 12
agents, three months), seeds {FIRST_SEED} on. Behaviours and occasions are taken from the
simulator's own record, so this judges the estimates, not the reading of text. "real" are
behaviours with a true effect;
"bias" is in points, positive where the effect comes out too large; "false share" is the mean share
of behaviours without effect among those named in a shop.

{markdown_table(scores(found), "way")}

`turns` is the main analysis. By world:

{markdown_table(worlds, "world")}

The simple ways in each world:

{markdown_table(_plainly(found), None)}

Shops of another make (`tests/validate/hazard_shops.py`; {OTHERS} of each kind, 6,000 talks): buyers
may order or leave after every line, so that who orders early hears less of everything; with few and
many agents, very unequal ones, rare and common sales. "null" has no effects.

{markdown_table(_by_world(made), "shops")}

Of the {OTHERS} null shops of that make {_silent(made):.0%} are met with silence.

What can be seen by size (shops of that make; the first four: the effect in points that is seen with
80 % power; then how many behaviours get which verdict; processor seconds for the estimates in all
scopes with all checks):

{markdown_table(power(), None, 1)}
"""


def _silent(made: pd.DataFrame) -> float:
    null = made[made["world"] == "null"]
    return float(1 - null["verdict"].isin(NAMED).groupby(null["shop"]).any().mean())


def _cell(value, digits: int) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def markdown_table(frame: pd.DataFrame, index: str | None, digits: int = 3) -> str:
    if index:
        frame = frame.rename_axis(index).reset_index()
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    rule = "|" + "---|" * len(frame.columns)
    lines = [
        "| " + " | ".join(_cell(v, digits) for v in row) + " |"
        for row in frame.itertuples(index=False)
    ]
    return "\n".join([head, rule, *lines])
