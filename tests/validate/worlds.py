"""One interface over the makers of shops: any world, from any maker that knows it.

Three makers share nothing but column names: the package's own simulator, which also makes the demo
shop; shops where buyers may order or leave after every line (`hazard_shops`); and shops without
turns, compared over the whole window (`tests.drivers.worlds`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from tests.contexts import LEAST
from tests.drivers import worlds as window_shops
from tests.validate import driver_shops, hazard_shops
from tests.validate.shops import Shop, opening, pages

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.covariates import PAGES
from csinsight.drivers.design import Design, design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.simulate.scenario import SCENARIOS

AS_OF = hazard_shops.AS_OF
FIRST_SEED: Final = 1_187_000
NAMED: Final = ("helps", "hurts")
#: Worlds in which agents answer the buyer: effects may be the buyer's own intent.
_ANSWERED: Final = ("responding_mild", "responding", "warming", "all_at_once")
#: Worlds as another, whose page views before the chat are known of some only: of what share of the
#: inquiries, and of those that end without a sale.
VIEWS: Final = {
    "no_views": ("responding", 0.0, 0.0),
    "few_views": ("responding", 0.2, 0.2),
    "most_views": ("responding", 0.7, 0.7),
    "views_of_who_bought": ("responding", 0.95, 0.0),
    "plain_few_views": ("demo", 0.2, 0.2),
    "plain_views_of_who_bought": ("demo", 0.95, 0.0),
    "plain_more_views_of_who_bought": ("demo", 0.95, 0.6),
}
RESPONDING: Final = (*_ANSWERED, *(name for name, (like, *_) in VIEWS.items() if like != "demo"))
WORLDS: Final = (
    "demo",
    *_ANSWERED,
    "mixed_placement",
    "overlapping",
    "small_effects",
    "handovers",
    "unvoiced",
    *VIEWS,
    "unnamed_goods",
    "unread_doubts",
)
_ONCE = ("polite_words", "recommends", "gives_specifics", "refuses_flatly", "uses_emoji")
_AT_THE_END = {"decides": "end", "base": -0.6}
_HAZARD: Final = {
    "demo": {},
    "responding_mild": {"effort": 0.25, "told": 1.0},
    "responding": {"effort": 0.5, "told": 1.0},
    "warming": {"effort": 0.5, "warming": 0.5, "told": 1.0},
    # Decided at the end: where buyers may order after any line, what an agent would only have said
    # later is never heard by those who order, and no comparison can be fair.
    "mixed_placement": {"by_talk": _ONCE, **_AT_THE_END},
    "overlapping": {"overlap": 0.6},
    "small_effects": {
        "effects": tuple((name, 0.14 * np.sign(x)) for name, x in hazard_shops.EFFECTS.items())
    },
    "handovers": {"handover": 0.4},
    "unnamed_goods": {"goods": 1.2},
    "unread_doubts": {"doubt": 1.0, "answers_doubt": ("gives_specifics", "asks_needs")},
    "unvoiced": {"unvoiced": ("empathizes", "apologizes", "offers_alternative")},
    "all_at_once": {
        "effort": 0.25,
        "warming": 0.25,
        "told": 1.0,
        "by_talk": _ONCE,
        **_AT_THE_END,
        "overlap": 0.6,
        "unvoiced": ("empathizes",),
        "handover": 0.2,
    },
}
_SMALL = {name: 0.15 * np.sign(effect) for name, effect in window_shops.REAL.items()}
_WINDOW: Final = {
    "demo": {},
    "responding_mild": {"effort": 0.25},
    "responding": {"effort": 0.5},
    "overlapping": {"overlap": 0.6},
    "small_effects": {"effects": _SMALL | {"first_response_s": -0.15}},
}


def _package(world: str, seed: int, talks: int, agents: int, null: bool) -> Shop:
    base = SCENARIOS[world]
    if null:
        base = replace(base, effects=dict.fromkeys(base.effects, 0.0))
    return driver_shops.draw_shop(base, seed, talks=talks, agents=agents)


def _hazard(world: str, seed: int, talks: int, agents: int, null: bool) -> Shop:
    settings = _HAZARD[world] | ({"effects": ()} if null else {})
    kind = hazard_shops.Kind(world, agents=agents, talks=talks, **settings)
    return hazard_shops.draw_shop(kind, seed)


def _window(world: str, seed: int, talks: int, agents: int, null: bool) -> Shop:
    rng = np.random.default_rng([seed, 9])
    intent = rng.normal(size=talks)
    settings = _WINDOW[world] | ({"effects": {}} if null else {})
    made = window_shops.make_world(seed, inquiries=talks, agents=agents, intent=intent, **settings)
    told = 1.0 if "effort" in settings else 0.0
    before = pages(rng, intent) | opening(rng, intent, told)
    return Shop(made.conversations.assign(**before), made.frozen, pd.Series(made.effects_pp))


MAKERS: Final[dict[str, Callable[[str, int, int, int, bool], Shop]]] = {
    "package": _package,
    "line by line": _hazard,
    "window": _window,
}
#: Every world with every maker that knows it.
KNOWN: Final = tuple(
    (maker, world)
    for world in WORLDS
    for maker, known in (("package", SCENARIOS), ("line by line", _HAZARD), ("window", _WINDOW))
    if VIEWS.get(world, (world,))[0] in known
)


def draw(
    maker: str, world: str, seed: int, *, talks: int = 6000, agents: int = 12, null: bool = False
) -> Shop:
    """Draw one shop; a `null` one has no effects at all.

    Raises
    ------
    KeyError
        Where the maker does not know the world; see `KNOWN`.
    """
    like, *known = VIEWS.get(world, (world, 1.0, 1.0))
    shop = MAKERS[maker](like, seed, talks, agents, null)
    return shop if like == world else _seen_in_part(shop, seed, *known)


def _seen_in_part(shop: Shop, seed: int, bought: float, others: float) -> Shop:
    """Return a shop whose page views are not known of some inquiries."""
    rng, talks = np.random.default_rng([seed, 19]), shop.conversations.copy()
    share = np.where(talks["paid"].to_numpy(dtype=bool), bought, others)
    unknown = rng.random(len(talks)) >= share
    for name in PAGES:
        talks[name] = talks[name].astype(float).mask(unknown)
    return replace(shop, conversations=talks)


def planned(shop: Shop, as_of=AS_OF, months: int = 3) -> Design:
    """Lay out the comparison of one shop as a run does."""
    known = {"as_of": as_of, "months": months, "states": shop.states, "outcome": "paid"}
    return design(shop.conversations, shop.frozen, **known)


def estimate(shop: Shop, as_of=AS_OF, months: int = 3) -> pd.DataFrame:
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
