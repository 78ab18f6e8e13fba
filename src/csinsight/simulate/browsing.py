"""Page views: what each type looks at, how long, how often and when."""

from __future__ import annotations

import numpy as np
import polars as pl

from csinsight.contract.schema import PAGE_KINDS, PageViews
from csinsight.simulate.arrays import (
    DAY_S,
    Calendar,
    Floats,
    Ints,
    choose,
    moments,
    rank_in_group,
    time_of_day,
)
from csinsight.simulate.people import Crowd
from csinsight.simulate.scenario import Scenario

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


def draw_page_views(
    rng: np.random.Generator, crowd: Crowd, world: Scenario, calendar: Calendar
) -> pl.DataFrame:
    """Return the contract's ``page_views`` of all buyers, sorted by buyer and time."""
    buyer, start = _visits(rng, crowd, world, calendar)
    pages = 1 + rng.poisson((crowd.blend @ _PAGES_A_VISIT)[buyer] - 1)
    visit = np.repeat(np.arange(len(buyer)), pages)
    who = buyer[visit]
    # Each page is looked at in the mood of one of the types that the buyer is blended from.
    mood = choose(rng, crowd.blend, who)
    kind = choose(rng, _PAGES, mood)
    dwell = np.round(_DWELL_S[mood] * rng.lognormal(0, 0.6, len(who)), 0).clip(1, 1500)
    viewed = start[visit] + _before_in_visit(dwell, visit)
    known = rng.random(len(who)) > 0.02
    frame = pl.DataFrame(
        {
            PageViews.BUYER_ID: np.array(crowd.ids, dtype=object)[who].tolist(),
            PageViews.VIEWED_AT: moments(viewed, PageViews.VIEWED_AT),
            PageViews.PAGE_KIND: np.array(PAGE_KINDS, dtype=object)[kind].tolist(),
            PageViews.DWELL_SECONDS: dwell,
            PageViews.VISIT_ID: visit,
        },
        schema_overrides={PageViews.BUYER_ID: pl.String, PageViews.PAGE_KIND: pl.String},
    )
    seen = pl.Series(viewed < calendar.end)
    return (
        frame.with_columns(
            pl.when(pl.Series(known)).then(PageViews.DWELL_SECONDS).alias(PageViews.DWELL_SECONDS),
            pl.format("v{}", pl.col(PageViews.VISIT_ID) + 1).alias(PageViews.VISIT_ID),
        )
        .filter(seen)
        .sort(PageViews.BUYER_ID, PageViews.VIEWED_AT, PageViews.VISIT_ID, PageViews.PAGE_KIND)
    )


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


def _before_in_visit(dwell: Floats, visit: Ints) -> Ints:
    running = np.cumsum(dwell) - dwell
    first = np.flatnonzero(rank_in_group(visit) == 0)
    sizes = np.diff(np.r_[first, len(visit)])
    return np.asarray(running - np.repeat(running[first], sizes), dtype=np.int64)
