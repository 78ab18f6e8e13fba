"""Drawing a shop: its people, their orders, and all talks with their ends, without the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from csinsight.simulate.acts import Acts, act
from csinsight.simulate.arrays import DAY_S, Bools, Calendar, Ints
from csinsight.simulate.cases import CLOSES_S, OPENS_S, Cases, draw_cases
from csinsight.simulate.endings import write_endings
from csinsight.simulate.lines import write_agents, write_buyers
from csinsight.simulate.outcome import Draws, Outcome, chances, draw, settle, with_losses
from csinsight.simulate.people import (
    Crowd,
    Latent,
    Purchases,
    Staff,
    draw_crowd,
    draw_latent,
    draw_staff,
    payment_times,
    price,
    silent_orders,
)
from csinsight.simulate.phrases import load_phrases
from csinsight.simulate.scenario import Scenario
from csinsight.simulate.script import Deck, Script

_STREAMS = (
    "people",
    "browse",
    "latent",
    "silent",
    "cases",
    "acts",
    "outcome",
    "words",
    "money",
    "slots",
    "ratings",
    "future",
    "reminders",
    "deck",
    "before",
    "losses",
)
#: Orders that no talk led to, as a share of all while there are chats.
_SILENT_SHARE = 0.25
#: Talks that end in an order, roughly: sets how often buyers order in the months before.
_ORDERS_A_TALK = 0.44
_ORDERS_A_BUYER = 0.3
#: Silent orders that near a talk would be taken for its success.
_CLEAR_S = 25 * 3600
_REMINDED_SHARE = 0.5

Rngs = dict[str, np.random.Generator]


@dataclass(frozen=True)
class World:
    """Everything that is fixed before the first talk."""

    scenario: Scenario
    calendar: Calendar
    crowd: Crowd
    staff: Staff
    latent: Latent


@dataclass(frozen=True)
class Chats:
    """All talks: as buyers came, as agents acted, as they ended."""

    cases: Cases
    acts: Acts
    draws: Draws
    outcome: Outcome
    script: Script
    deck: Deck


@dataclass(frozen=True)
class Opened:
    """Talks that agents opened because of an unpaid order."""

    buyer: Ints
    start: Ints
    agent: Ints


def streams(seed: int) -> Rngs:
    """Return a generator of its own for every part, so that no part disturbs another's draws.

    Examples
    --------
    >>> "people" in streams(1)
    True
    """
    parts = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    return {name: np.random.default_rng(s) for name, s in zip(_STREAMS, parts, strict=True)}


def populate(
    rngs: Rngs,
    world: Scenario,
    calendar: Calendar,
    buyers: int,
    agents: int,
    talks: int,
    months: int,
) -> World:
    """Draw buyers and agents, and the orders that buyers would place by themselves.

    Examples
    --------
    >>> from csinsight.simulate.arrays import make_calendar
    >>> from csinsight.simulate.scenario import scenario_named
    >>> base = populate(
    ...     streams(1), scenario_named("demo"), make_calendar(1, "2026-10"), 60, 3, 90, months=1
    ... )
    >>> len(base.crowd.ids), len(base.staff.ids)
    (60, 3)
    """
    by_talks = talks / months * _ORDERS_A_TALK / (1 - _SILENT_SHARE)
    monthly = by_talks if talks else _ORDERS_A_BUYER * buyers
    crowd = draw_crowd(rngs["people"], buyers, world, calendar, monthly)
    staff = draw_staff(rngs["people"], agents, world, calendar, load_phrases())
    return World(world, calendar, crowd, staff, draw_latent(rngs["latent"], crowd, calendar))


def draw_silent(rngs: Rngs, base: World, *, chats: bool) -> Purchases:
    """Draw the orders that no talk leads to; without `chats` that is all of them.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> orders = draw_silent(streams(2), base, chats=True)
    >>> len(orders.buyer) == len(orders.placed)
    True
    """
    rng, share = rngs["silent"], _SILENT_SHARE if chats else 1.0
    buyer, placed = silent_orders(rng, base.latent, base.calendar, share)
    return price(rng, base.crowd, buyer, placed, payment_times(rng, placed))


def draw_talks(rngs: Rngs, base: World, n: int, silent: Purchases) -> tuple[Chats, Purchases]:
    """Draw `n` talks to their ends; return them and the silent orders well away from any talk.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rngs = streams(2)
    >>> chats, silent = draw_talks(rngs, base, 30, draw_silent(rngs, base, chats=True))
    >>> len(chats.cases)
    30
    """
    world, staff, phrases = base.scenario, base.staff, load_phrases()
    early = (silent.placed < base.calendar.chats_start) & ~np.isnan(silent.paid)
    bought = silent.buyer[early], silent.placed[early]
    cases = draw_cases(
        rngs["cases"], n, base.crowd, staff, base.latent, bought, world, base.calendar
    )
    script = Script()
    # More numbers than talks: agents open a few more on account of unpaid orders.
    deck = Deck(rngs["deck"], n + len(silent.buyer))
    counts = write_buyers(rngs["words"], deck, script, cases, phrases, world)
    acts = act(rngs["acts"], cases, staff, counts, world)
    script.time_buyers(acts.buyer_at)
    draws = draw(rngs["outcome"], n)
    result = chances(cases, acts, draws, staff, world)
    outcome = settle(rngs["outcome"], cases, acts, draws, result, world)
    if world.losses:
        outcome = with_losses(rngs["losses"], cases, outcome, world.losses)
    write_agents(rngs["words"], deck, script, cases, acts, result.length, phrases)
    endings = write_endings(rngs["words"], deck, script, cases, outcome, staff, phrases)
    chats = Chats(cases, acts, draws, replace(outcome, endings=endings), script, deck)
    return chats, silent.only(~_near_a_talk(silent, cases, 0, _CLEAR_S))


def _near_a_talk(orders: Purchases, cases: Cases, before_s: int, after_s: int) -> Bools:
    """Tell which orders lie within `before_s` before to `after_s` after a talk of the buyer."""
    if len(cases) == 0:
        return np.zeros(len(orders.buyer), dtype=bool)
    unit = 1 << 34
    talks = np.sort(cases.buyer * unit + cases.start)
    low = orders.buyer * unit + orders.placed - after_s
    return np.searchsorted(talks, low) < np.searchsorted(talks, low + after_s + before_s + 1)


def draw_opened(rng: np.random.Generator, base: World, cases: Cases, silent: Purchases) -> Opened:
    """Draw the talks that agents open because a silent order was not paid.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rngs = streams(2)
    >>> silent = draw_silent(rngs, base, chats=True)
    >>> opened = draw_opened(rngs["reminders"], base, chats.cases, silent)
    >>> len(opened.buyer) == len(opened.start)
    True
    """
    clock = silent.placed % DAY_S
    late = ~(silent.paid - silent.placed <= 3000)
    open_shop = (clock > OPENS_S) & (clock < CLOSES_S - 3600)
    chosen = late & open_shop & (silent.placed >= base.calendar.chats_start)
    chosen &= ~_near_a_talk(silent, cases, 2 * DAY_S, 2 * DAY_S)
    chosen &= (rng.random(len(chosen)) < _REMINDED_SHARE) & (len(cases) > 0)
    at = silent.placed + rng.integers(720, 2700, len(chosen))
    agent = rng.integers(0, len(base.staff.ids), len(chosen))
    first = np.r_[True, np.diff(silent.buyer[chosen]) != 0][: int(chosen.sum())]
    return Opened(silent.buyer[chosen][first], at[chosen][first], agent[chosen][first])
