"""Shops made in three other ways than by `csinsight.simulate`, for types that must not fit only it.

None shares a figure with it. What a type does is the textbook's word only: ``MORE`` and ``LESS``
of something, by a factor that each way chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.domain import BUYER_TYPES
from csinsight.stats import Floats

END = datetime(2025, 3, 1)
DAYS = 90
_US = 1_000_000
#: Page kinds that a type opens more than others.
MORE = {
    "simple": ("cart", "checkout"),
    "surfing": ("new_arrivals", "category"),
    "newcomer": ("help", "community"),
    "bargain": ("deal",),
    "periodic": ("news",),
    "sporty": ("sports", "entertainment"),
}
#: Visits, pages a visit, seconds a page, chance of an order a visit, account's age: times of usual.
PACE = {
    "simple": (0.6, 0.6, 0.9, 3.0, 1.5),
    "surfing": (1.6, 2.2, 0.5, 0.5, 1.0),
    "newcomer": (0.9, 0.9, 1.9, 0.4, 0.1),
    "bargain": (1.0, 1.1, 1.0, 1.0, 1.0),
    "periodic": (1.5, 0.8, 1.3, 0.7, 1.1),
    "sporty": (1.1, 1.0, 1.3, 0.6, 0.9),
}


@dataclass(frozen=True)
class Way:
    """How a shop is made.

    Parameters
    ----------
    usual : dict of str to float
        Page kinds of the shop and how often the usual buyer opens each.
    factor : float
        Times as often a type opens what is its own.
    pages : float
        Mean pages a buyer.
    own : float
        Mean weight of a buyer's own type; the rest is one other type.
    mood : {"page", "visit"}
        Whether a blended buyer is of two minds from page to page, or from visit to visit.
    dwell : callable
        Draws seconds: generator, mean, count.
    buyer_noise : float
        Spread (log scale) of every habit between buyers of one type.
    """

    usual: dict[str, float]
    factor: float = 8.0
    pages: float = 40.0
    own: float = 0.8
    mood: str = "page"
    dwell: Callable[[np.random.Generator, Floats], Floats] = lambda rng, mean: rng.gamma(
        2, mean / 2
    )
    buyer_noise: float = 0.25
    visit_ids: bool = False


ALL = dict.fromkeys(
    ("home", "search", "category", "product", "new_arrivals", "deal", "cart", "checkout"), 4.0
) | dict.fromkeys(("account", "help", "community", "news", "sports", "entertainment", "other"), 1.5)
WAYS = {
    # Long tails of time, many product pages, no visit ids.
    "lognormal": Way(
        ALL | {"product": 30.0, "search": 12.0},
        dwell=lambda rng, mean: rng.lognormal(np.log(mean) - 0.5, 1.0),
    ),
    # Half of the pages are "other"; who is of two minds is so from visit to visit; a coarse clock.
    "moody": Way(
        ALL | {"other": 50.0},
        factor=12.0,
        mood="visit",
        visit_ids=True,
        dwell=lambda rng, mean: np.ceil(rng.exponential(mean) / 5) * 5,
    ),
    # Few kinds of pages, types only five times off the usual, buyers of a type unlike each other.
    "faint": Way(
        {
            kind: ALL[kind]
            for kind in ("home", "category", "product", "new_arrivals", "deal", "cart", "checkout")
        }
        | {"help": 3.0, "news": 3.0, "sports": 3.0},
        factor=5.0,
        pages=60.0,
        buyer_noise=0.45,
    ),
}


@dataclass(frozen=True)
class Other:
    """A made shop's folder and its buyers' true types, indexed by buyer."""

    folder: Path
    truth: pd.Series


def make(
    folder: Path,
    way: Way,
    *,
    buyers: int = 1200,
    shares: dict[str, float] | None = None,
    seed: int = 1,
) -> Other:
    """Write ``page_views``, ``orders`` and ``buyers`` of a shop into `folder`."""
    rng = np.random.default_rng(seed)
    share = np.array([(shares or dict.fromkeys(BUYER_TYPES, 1.0)).get(t, 0.0) for t in BUYER_TYPES])
    blend = _blend(rng, share / share.sum(), way.own, buyers)
    pace = np.array([PACE[name] for name in BUYER_TYPES])
    noise = np.exp(way.buyer_noise * rng.standard_normal((buyers, pace.shape[1])))
    habit = np.exp(blend @ np.log(pace)) * noise
    ids = np.array([f"u{number:06d}" for number in rng.permutation(buyers)])
    visits = 1 + rng.negative_binomial(3, 1 / (1 + way.pages / 6 * habit[:, 0] / 3))
    buyer = np.repeat(np.arange(buyers), visits)
    start = rng.random(len(buyer)) * DAYS
    even = rng.random(len(buyer)) < blend[buyer, BUYER_TYPES.index("periodic")]
    nth = np.arange(len(buyer)) - np.repeat(np.cumsum(visits) - visits, visits)
    steady = (nth + rng.random(buyers)[buyer]) / visits[buyer] * DAYS
    start = np.where(even, np.floor(steady) + rng.random(buyers)[buyer], start)
    pages = rng.geometric(1 / (1 + 5 * habit[buyer, 1]))
    _views(folder, way, rng, ids, blend, habit, buyer, start, pages)
    _orders(folder, rng, ids, blend, habit, buyer, start)
    age = 900 * habit[:, 4] * rng.gamma(2, 0.5, buyers)
    joined = pd.Timestamp(END) - pd.to_timedelta(age + 1, unit="D").round("s")
    people = pd.DataFrame({"buyer_id": ids, "joined_at": joined.astype("datetime64[us]")})
    people.to_parquet(folder / "buyers.parquet", index=False)
    truth = pd.Series([BUYER_TYPES[k] for k in blend.argmax(axis=1)], index=ids, name="type")
    return Other(folder, truth)


def _blend(rng: np.random.Generator, share: Floats, own: float, buyers: int) -> Floats:
    """Weigh each buyer's own type and one other."""
    first = rng.choice(len(share), buyers, p=share)
    second = rng.choice(len(share), buyers, p=share)
    weight = np.clip(rng.normal(own, 0.08, buyers), 0.52, 1.0)
    table = np.zeros((buyers, len(share)))
    np.add.at(table, (np.arange(buyers), first), weight)
    np.add.at(table, (np.arange(buyers), second), 1 - weight)
    return table


def _views(
    folder: Path,
    way: Way,
    rng: np.random.Generator,
    ids: npt.NDArray[np.str_],
    blend: Floats,
    habit: Floats,
    buyer: npt.NDArray[np.int64],
    start: Floats,
    pages: npt.NDArray[np.int64],
) -> None:
    kinds = list(way.usual)
    tables = []
    for name in BUYER_TYPES:
        weights = [way.usual[k] * (way.factor if k in MORE[name] else 1.0) for k in kinds]
        tables.append(np.cumsum(weights) / np.sum(weights))
    visit = np.repeat(np.arange(len(buyer)), pages)
    who = buyer[visit]
    minds = np.cumsum(blend, axis=1)
    drawn = rng.random(len(buyer))[visit] if way.mood == "visit" else rng.random(len(visit))
    mind = (drawn[:, None] > minds[who]).sum(axis=1).clip(max=len(BUYER_TYPES) - 1)
    # A buyer's own taste, beside the type's.
    kind = (rng.random(len(visit))[:, None] > np.array(tables)[mind]).sum(axis=1)
    seconds = np.maximum(way.dwell(rng, 30 * habit[who, 2]), 1.0)
    before = np.cumsum(seconds) - seconds
    first = np.r_[0, np.cumsum(pages)[:-1]]
    offset = before - np.repeat(before[first], pages)
    end = pd.Timestamp(END).value // 1000
    moment = end - DAYS * 86_400 * _US + ((start[visit] * 86_400 + offset) * _US).astype("int64")
    frame = pd.DataFrame(
        {
            "buyer_id": ids[who],
            "viewed_at": moment.astype("datetime64[us]"),
            "page_kind": np.array(kinds)[kind.clip(max=len(kinds) - 1)],
            "dwell_seconds": seconds,
        }
    )
    if way.visit_ids:
        frame["visit_id"] = [f"s{number}" for number in visit]
    frame[moment < end].to_parquet(folder / "page_views.parquet", index=False)


def _orders(
    folder: Path,
    rng: np.random.Generator,
    ids: npt.NDArray[np.str_],
    blend: Floats,
    habit: Floats,
    buyer: npt.NDArray[np.int64],
    start: Floats,
) -> None:
    made = rng.random(len(buyer)) < np.clip(0.12 * habit[buyer, 3], 0, 0.9)
    who = buyer[made]
    cheap = blend[who, BUYER_TYPES.index("bargain")]
    listed = rng.lognormal(4, 0.6, len(who)).round(2) + 1
    paid = (
        listed * (1 - np.clip(0.02 + 0.25 * cheap + 0.03 * rng.random(len(who)), 0, 0.9))
    ).round(2)
    end = pd.Timestamp(END).value // 1000
    moment = (end - DAYS * 86_400 * _US + (start[made] * 86_400 * _US).astype("int64")) + 60 * _US
    placed = moment.astype("datetime64[us]")
    pd.DataFrame(
        {
            "order_id": [f"n{number}" for number in range(len(who))],
            "buyer_id": ids[who],
            "placed_at": placed,
            "paid_at": placed,
            "list_amount": listed,
            "paid_amount": paid,
            "coupon_used": rng.random(len(who)) < 0.05 + 0.5 * cheap,
            "units": np.ones(len(who), dtype="int64"),
        }
    ).to_parquet(folder / "orders.parquet", index=False)
