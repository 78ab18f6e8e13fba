"""A whole simulated shop: the six tables of the contract, and the truth beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from csinsight.contract.schema import TABLES
from csinsight.simulate.acts import AGENT_STEP_S, BUYER_STEP_S
from csinsight.simulate.arrays import Calendar, Ints, make_calendar
from csinsight.simulate.browsing import draw_page_views
from csinsight.simulate.cases import TURNS, Cases, capacity
from csinsight.simulate.endings import write_reminders
from csinsight.simulate.outcome import Outcome
from csinsight.simulate.people import Purchases, price
from csinsight.simulate.phrases import load_phrases
from csinsight.simulate.scenario import SIZES, Scenario, scenario_named
from csinsight.simulate.script import AGENT, BOT, BUYER, SYSTEM, Lines, draw_slots, fill, in_order
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
from csinsight.simulate.world import (
    Chats,
    Opened,
    Rngs,
    World,
    draw_opened,
    draw_silent,
    draw_talks,
    populate,
    streams,
)

_STEPS = {BUYER: BUYER_STEP_S, AGENT: AGENT_STEP_S, BOT: 1, SYSTEM: 1}


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
    # A table without rows is a fault by the contract: a shop without talks has no messages.
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
    lines = _by_start(in_order(script, _STEPS), start)
    heard = (lines.block >= TURNS) | (lines.block < until[lines.talk])
    lines = lines.only(heard & (lines.at < base.calendar.end))
    texts = fill(rngs["words"], lines, slots, phrases)
    names = (
        [f"c{i:07d}" for i in range(1, len(buyer) + 1)] if base.scenario.conversation_ids else []
    )
    return messages_table(lines, texts, buyer, names, base.crowd, base.staff)


def _by_start(lines: Lines, start: Ints) -> Lines:
    order = np.lexsort((np.arange(len(lines.talk)), lines.talk, start[lines.talk]))
    return Lines(**{name: column[order] for name, column in vars(lines).items()})
