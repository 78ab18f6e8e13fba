"""A whole simulated shop: the six tables of the contract, and the truth beside them.

Drawing a shop: its people, their orders, and all conversations with their ends, without the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from csinsight.contract.schema import TABLES
from csinsight.simulate.acts import AGENT_STEP_S, BUYER_STEP_S, Acts, act
from csinsight.simulate.arrays import DAY_S, Bools, Calendar, Ints, make_calendar
from csinsight.simulate.browsing import draw_page_views
from csinsight.simulate.cases import CLOSES_S, OPENS_S, TURNS, Cases, capacity, draw_cases
from csinsight.simulate.lines import write_agents, write_buyers, write_endings, write_reminders
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
from csinsight.simulate.scenario import SIZES, Scenario, scenario_named
from csinsight.simulate.script import (
    AGENT,
    BOT,
    BUYER,
    SYSTEM,
    Deck,
    Lines,
    Script,
    draw_slots,
    fill,
    in_order,
)
from csinsight.simulate.tables import (
    Truth,
    agents_table,
    buyers_table,
    messages_table,
    opened_by_agents,
    order_ids,
    orders_table,
    ratings_table,
    true_agents,
    true_behaviours,
    true_buyers,
    true_conversations,
)

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
#: Orders that no conversation led to, as a share of all while there are chats.
_SILENT_SHARE = 0.25
#: Conversations that end in an order, roughly: sets how often buyers order in the months before.
_ORDERS_A_TALK = 0.44
_ORDERS_A_BUYER = 0.3
#: Silent orders that near a conversation would be taken for its success.
_CLEAR_S = 25 * 3600
_REMINDED_SHARE = 0.5

Rngs = dict[str, np.random.Generator]
_STEPS = {BUYER: BUYER_STEP_S, AGENT: AGENT_STEP_S, BOT: 1, SYSTEM: 1}


@dataclass(frozen=True)
class World:
    """Everything that is fixed before the first conversation."""

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
    """Draw the orders that no conversation leads to; without `chats` that is all of them.

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
    """Draw `n` conversations to their ends; return them and the silent orders well away from any.

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
    """Tell which orders lie `before_s` before to `after_s` after a conversation of the buyer."""
    if len(cases) == 0:
        return np.zeros(len(orders.buyer), dtype=bool)
    unit = 1 << 34
    talks = np.sort(cases.buyer * unit + cases.start)
    low = orders.buyer * unit + orders.placed - after_s
    return np.searchsorted(talks, low) < np.searchsorted(talks, low + after_s + before_s + 1)


def draw_opened(rng: np.random.Generator, base: World, cases: Cases, silent: Purchases) -> Opened:
    """Draw the conversations that agents open because a silent order was not paid.

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


def simulate(
    folder: Path | str,
    *,
    seed: int = 20261031,
    buyers: int | None = None,
    agents: int | None = None,
    conversations: int | None = None,
    months: int = 3,
    scenario: str | Scenario = "demo",
    end_month: str = "2026-10",
) -> Truth:
    """Make a shop with known truth and write it as contract tables.

    Parameters
    ----------
    folder : Path or str
        Made where needed; the six tables as ``NAME.parquet`` (a table that would have no rows is
        left out), the truth in ``truth/``.
    seed : int
        Same seed, same parameters: same rows.
    buyers, agents, conversations : int or None
        Counts; None for those of ``SIZES["small"]``. `conversations` is the total that buyers
        open over all `months`; where only `buyers` is told it is three a buyer.
    months : int
        Months with chats, the last of which is `end_month`. Page views begin 92 days and orders
        12 months before them.
    scenario : str or Scenario
        A name of ``SCENARIOS``, or a world of one's own.
    end_month : str
        ``YYYY-MM``; the data stop at its end.

    Returns
    -------
    Truth

    Raises
    ------
    ValueError
        Where a count is too small, there are more conversations than buyers can have, or the
        folder holds tables that were not simulated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = simulate(folder, buyers=40, agents=2, conversations=60, months=1)
    >>> truth.agents.height
    2
    """
    _refuse_others_tables(Path(folder))
    world = scenario if isinstance(scenario, Scenario) else scenario_named(scenario)
    calendar = make_calendar(months, end_month)
    n_buyers, n_agents, n_talks = _counts(buyers, agents, conversations, months, calendar)
    rngs = streams(seed)
    base = populate(rngs, world, calendar, n_buyers, n_agents, n_talks, months)
    silent = draw_silent(rngs, base, chats=n_talks > 0)
    chats, silent = draw_talks(rngs, base, n_talks, silent)
    opened = draw_opened(rngs["reminders"], base, chats.cases, silent)
    return _write(Path(folder), rngs, base, chats, silent, opened)


def _refuse_others_tables(folder: Path) -> None:
    names = [path.name for path in folder.glob("*.*") if path.stem in TABLES]
    simulated = (folder / "truth" / "buyers.parquet").is_file()
    theirs = [name for name in sorted(names) if name.endswith(".csv") or not simulated]
    if theirs:
        raise ValueError(
            f"{folder}: holds {', '.join(theirs)}, which no simulation wrote; name another folder"
        )


def _counts(
    buyers: int | None, agents: int | None, talks: int | None, months: int, calendar: Calendar
) -> tuple[int, int, int]:
    small = SIZES["small"]
    if talks is None:
        talks = small.conversations if buyers is None else 3 * buyers
    buyers = small.buyers if buyers is None else buyers
    agents = small.agents if agents is None else agents
    for name, value, least in (("buyers", buyers, 1), ("agents", agents, 1), ("months", months, 1)):
        if value < least:
            raise ValueError(f"{name} has to be at least {least}, not {value}")
    most = capacity(buyers, calendar)
    if not 0 <= talks <= most:
        raise ValueError(
            f"conversations has to lie between 0 and {most} for {buyers} buyers in {months} "
            f"months, not {talks}; raise buyers or months"
        )
    return buyers, agents, talks


def _write(
    folder: Path, rngs: Rngs, base: World, chats: Chats, silent: Purchases, opened: Opened
) -> Truth:
    crowd, staff, calendar = base.crowd, base.staff, base.calendar
    cases, acts, outcome = chats.cases, chats.acts, chats.outcome
    orders, ids, talk_ids = _orders(rngs["money"], base, cases, outcome, silent)
    frames = {
        "buyers": buyers_table(crowd),
        "page_views": draw_page_views(
            rngs["browse"], rngs["before"], crowd, cases, base.scenario, calendar
        ),
        "orders": orders_table(orders, ids, crowd),
        "messages": _messages(rngs, base, chats, opened, talk_ids),
        "agents": agents_table(staff),
        "ratings": ratings_table(rngs["ratings"], cases, acts, outcome, crowd, staff, calendar.end),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        _save(frame, folder / f"{name}.parquet")
    extra = opened_by_agents(opened.buyer, opened.start, opened.agent, crowd, staff)
    talks = true_conversations(cases, acts, outcome, crowd, staff)
    truth = Truth(
        buyers=true_buyers(rngs["future"], crowd, base.latent, calendar),
        behaviours=true_behaviours(cases, acts, chats.draws, outcome, staff, base.scenario),
        agents=true_agents(staff),
        conversations=pl.concat([talks, extra], how="diagonal").sort("started_at", "buyer_id"),
    )
    truth.write(folder / "truth")
    return truth


def _save(frame: pl.DataFrame, path: Path) -> None:
    # A table without rows is a fault by the contract: a shop without conversations has no messages.
    if frame.height:
        frame.write_parquet(path, compression="zstd", compression_level=9)
    else:
        path.unlink(missing_ok=True)


def _orders(
    rng: np.random.Generator, base: World, cases: Cases, outcome: Outcome, silent: Purchases
) -> tuple[Purchases, list[str], list[str]]:
    end = base.calendar.end
    led = np.flatnonzero(outcome.placed < end)
    placed = outcome.placed[led].astype(np.int64)
    won = price(rng, base.crowd, cases.buyer[led], placed, outcome.paid[led])
    whole = Purchases(
        **{name: np.r_[column, getattr(won, name)] for name, column in vars(silent).items()}
    )
    whole = replace(whole, paid=np.where(whole.paid < end, whole.paid, np.nan))
    whole = replace(whole, refund=np.where(np.isnan(whole.paid), 0.0, whole.refund))
    ranks = np.empty(len(whole.placed), dtype=np.int64)
    ranks[np.lexsort((whole.buyer, whole.placed))] = np.arange(len(ranks))
    rising = order_ids(rng, len(ranks))
    ids = [rising[rank] for rank in ranks]
    of_talk = [""] * len(cases)
    for talk, oid in zip(led.tolist(), ids[len(silent.placed) :], strict=True):
        of_talk[talk] = oid
    return whole, ids, of_talk


def _messages(
    rngs: Rngs, base: World, chats: Chats, opened: Opened, order_of_talk: list[str]
) -> pl.DataFrame:
    cases, script, phrases = chats.cases, chats.script, load_phrases()
    n = len(cases)
    write_reminders(chats.deck, script, n, opened.start, opened.agent, phrases)
    buyer = np.r_[cases.buyer, opened.buyer]
    start = np.r_[cases.start, opened.start]
    agent = np.r_[cases.agent, opened.agent]
    taker = np.r_[cases.taker, np.full(len(opened.buyer), -1)]
    bedding = np.r_[cases.bedding, np.zeros(len(opened.buyer), dtype=bool)]
    slots = draw_slots(rngs["slots"], phrases, base.staff, bedding, agent, taker)
    own = np.array([*order_of_talk, *[""] * len(opened.buyer)], dtype=object)
    other = np.array(order_ids(rngs["slots"], len(buyer)), dtype=object)
    slots["oid"] = np.where(own == "", other, own)
    until = np.r_[chats.outcome.chances.length, np.full(len(opened.buyer), TURNS)]
    said = in_order(script, _STEPS)
    order = np.lexsort((np.arange(len(said.talk)), said.talk, start[said.talk]))
    lines = Lines(**{name: column[order] for name, column in vars(said).items()})
    heard = (lines.block >= TURNS) | (lines.block < until[lines.talk])
    lines = lines.only(heard & (lines.at < base.calendar.end))
    texts = fill(rngs["words"], lines, slots, phrases)
    names = (
        [f"c{i:07d}" for i in range(1, len(buyer) + 1)] if base.scenario.conversation_ids else []
    )
    return messages_table(lines, texts, buyer, names, base.crowd, base.staff)
