"""Page views: what each type looks at, how long, how often and when.

Many conversations begin out of a visit: the buyer looked at a product, perhaps put it into the
cart, and then asked. A buyer who means to buy sees more product and cart pages in that visit, so
it tells of an intent that no agent can have caused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from csinsight.contract.schema import PAGE_KINDS, PageViews
from csinsight.simulate.arrays import (
    DAY_S,
    Bools,
    Calendar,
    Ints,
    choose,
    moments,
    rank_in_group,
    time_of_day,
)
from csinsight.simulate.cases import Cases
from csinsight.simulate.people import Crowd
from csinsight.simulate.scenario import Scenario
from csinsight.stats import Floats

#: Rows follow BUYER_TYPES, columns PAGE_KINDS: home search category product new_arrivals deal
#: cart checkout account help community news sports entertainment other. Weights out of 100.
_PAGES = np.array(
    [
        [4, 15, 4, 30, 2, 3, 16, 14, 6, 1, 1, 1, 1, 1, 1],
        [13, 9, 19, 25, 17, 4, 3, 1, 1, 1, 2, 1, 1, 1, 2],
        [15, 5, 7, 15, 2, 4, 3, 1, 6, 19, 17, 2, 1, 1, 2],
        [5, 17, 5, 20, 3, 29, 11, 4, 2, 1, 1, 1, 0.5, 0.5, 1],
        [17, 4, 5, 12, 6, 4, 3, 2, 3, 2, 7, 29, 2, 2, 2],
        [7, 5, 6, 15, 5, 3, 3, 2, 2, 1, 5, 3, 25, 17, 1],
    ]
)
_VISITS_A_MONTH = np.array([2.2, 4.2, 2.6, 3.2, 5.0, 3.6])
_PAGES_A_VISIT = np.array([4.5, 10.0, 5.5, 6.5, 4.5, 5.5])
_DWELL_S = np.array([22.0, 11.0, 55.0, 24.0, 45.0, 38.0])
_PERIODIC = 4
#: Share of conversations that begin out of a visit, and the usual seconds between the two.
_FROM_A_VISIT, _PAUSE_S = 0.75, 150.0
#: How much more of a page is seen a standard deviation of intent (logarithm of its weight).
_INTENT = np.array([{"product": 0.25, "cart": 0.7, "checkout": 0.4}.get(k, 0) for k in PAGE_KINDS])
_INTENT_PAGES = 0.2


@dataclass(frozen=True)
class Pages:
    """Pages in order of their visits: numbers of the visit, the buyer, the kind; times."""

    visit: Ints
    buyer: Ints
    kind: Ints
    viewed: Ints
    dwell: Floats
    known: Bools


def draw_page_views(
    rng: np.random.Generator,
    before: np.random.Generator,
    crowd: Crowd,
    cases: Cases,
    world: Scenario,
    calendar: Calendar,
) -> pl.DataFrame:
    """Draw the contract's ``page_views`` of all buyers.

    Parameters
    ----------
    rng, before : numpy.random.Generator
        For visits at any time, and for those that `cases` begin out of.

    Returns
    -------
    polars.DataFrame
        Sorted by buyer and time.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> views = draw_page_views(rng, rng, base.crowd, chats.cases, base.scenario, base.calendar)
    >>> "viewed_at" in views.columns
    True
    """
    buyer, start = _visits(rng, crowd, world, calendar)
    any_time = _look(rng, crowd, buyer, start, np.zeros(len(buyer)))
    _, opening = opening_visits(before, crowd, cases, world)
    opening = replace(opening, visit=opening.visit + len(buyer))
    pages = Pages(
        **{k: np.concatenate([getattr(v, k) for v in (any_time, opening)]) for k in vars(opening)}
    )
    frame = pl.DataFrame(
        {
            PageViews.BUYER_ID: np.array(crowd.ids, dtype=object)[pages.buyer].tolist(),
            PageViews.VIEWED_AT: moments(pages.viewed, PageViews.VIEWED_AT),
            PageViews.PAGE_KIND: np.array(PAGE_KINDS, dtype=object)[pages.kind].tolist(),
            PageViews.DWELL_SECONDS: pages.dwell,
            PageViews.VISIT_ID: pages.visit,
        },
        schema_overrides={PageViews.BUYER_ID: pl.String, PageViews.PAGE_KIND: pl.String},
    )
    seen = pl.Series(pages.viewed < calendar.end)
    return (
        frame.with_columns(
            pl.when(pl.Series(pages.known))
            .then(PageViews.DWELL_SECONDS)
            .alias(PageViews.DWELL_SECONDS),
            pl.format("v{}", pl.col(PageViews.VISIT_ID) + 1).alias(PageViews.VISIT_ID),
        )
        .filter(seen)
        .sort(PageViews.BUYER_ID, PageViews.VIEWED_AT, PageViews.VISIT_ID, PageViews.PAGE_KIND)
    )


def opening_visits(
    rng: np.random.Generator, crowd: Crowd, cases: Cases, world: Scenario
) -> tuple[Ints, Pages]:
    """Draw the visits that conversations begin out of.

    Returns
    -------
    tuple of array and Pages
        Which of `cases` each visit belongs to, and the pages, all before the first message.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> start, pages = opening_visits(rng, base.crowd, chats.cases, base.scenario)
    >>> len(start) <= len(chats.cases)
    True
    """
    come = np.flatnonzero(rng.random(len(cases)) < _FROM_A_VISIT).astype(np.int64)
    intent = world.browsing * cases.intent[come, 0]
    asked = cases.start[come] - 1 - np.floor(rng.exponential(_PAUSE_S, len(come)))
    return come, _look(rng, crowd, cases.buyer[come], asked.astype(np.int64), intent, ends=True)


def _visits(
    rng: np.random.Generator, crowd: Crowd, world: Scenario, calendar: Calendar
) -> tuple[Ints, Ints]:
    n = len(crowd.ids)
    begin = np.maximum(crowd.arrived - 20 * DAY_S, calendar.pages_start)
    days = (calendar.end - begin) / DAY_S
    eagerness = rng.gamma(4.0, 0.25, n)
    mean = (crowd.blend @ _VISITS_A_MONTH) * eagerness * world.visits * days / 30.4
    visits = rng.poisson(mean)
    buyer = np.repeat(np.arange(n), visits)
    even = (rank_in_group(buyer) + 0.5 + 0.12 * rng.standard_normal(len(buyer))) / visits[buyer]
    habit = rng.random(len(buyer)) < crowd.blend[buyer, _PERIODIC]
    where = np.where(habit, even.clip(0, 0.9999), rng.random(len(buyer)))
    day = (begin[buyer] // DAY_S + (where * days[buyer]).astype(np.int64)) * DAY_S
    own_hour = time_of_day(rng, n)[buyer] + 2400 * rng.standard_normal(len(buyer))
    second = np.where(habit, own_hour.clip(0, DAY_S - 1), time_of_day(rng, len(buyer)))
    start = day + second.astype(np.int64)
    order = np.lexsort((start, buyer))
    return np.asarray(buyer[order], dtype=np.int64), np.asarray(start[order], dtype=np.int64)


def _look(
    rng: np.random.Generator,
    crowd: Crowd,
    buyer: Ints,
    at: Ints,
    intent: Floats,
    *,
    ends: bool = False,
) -> Pages:
    """Draw the pages of visits that begin at `at`, or end then; `intent` is zero at the usual."""
    usual = (crowd.blend @ _PAGES_A_VISIT)[buyer] * np.exp(_INTENT_PAGES * intent)
    pages = 1 + rng.poisson(np.maximum(usual - 1, 0))
    visit = np.repeat(np.arange(len(buyer)), pages)
    who = buyer[visit]
    # Each page is looked at in the mood of one of the types that the buyer is blended from.
    mood = choose(rng, crowd.blend, who)
    if intent.any():
        kind = choose(rng, _PAGES[mood] * np.exp(intent[visit, None] * _INTENT))
    else:
        kind = choose(rng, _PAGES, mood)
    dwell = np.round(_DWELL_S[mood] * rng.lognormal(0, 0.6, len(who)), 0).clip(1, 1500)
    known = rng.random(len(who)) > 0.02
    since = np.cumsum(dwell) - dwell
    if len(who):
        first = np.flatnonzero(rank_in_group(visit) == 0)
        since -= np.repeat(since[first], pages)
    if ends:
        at = at - np.bincount(visit, dwell, minlength=len(buyer)).astype(np.int64)
    viewed = at[visit] + since.astype(np.int64)
    return Pages(visit.astype(np.int64), who, kind, viewed, dwell, known)
