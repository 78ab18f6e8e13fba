"""Planted buyer types: raw counts per buyer whose true type is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from csinsight.contract.domain import BUYER_TYPES
from csinsight.contract.schema import PAGE_KINDS

#: Where each type's pages go, relative to one another; what is not named gets 1.
PAGES = {
    "simple": {"product": 30, "search": 15, "cart": 12, "checkout": 14},
    "surfing": {"product": 35, "category": 20, "new_arrivals": 22, "home": 10, "search": 10},
    "newcomer": {"product": 25, "help": 22, "community": 16, "home": 10, "category": 8},
    "bargain": {"product": 30, "deal": 32, "cart": 8, "checkout": 3, "search": 8},
    "periodic": {"product": 20, "news": 34, "home": 12, "category": 6},
    "sporty": {"product": 22, "sports": 20, "entertainment": 18, "home": 8},
}
#: visits in 90 days, pages a visit, seconds a page, orders a visit, age in days, evenness of gaps
HABITS = {
    "simple": (5, 5, 25, 0.45, 1800, 1.0),
    "surfing": (16, 18, 12, 0.06, 1200, 1.0),
    "newcomer": (6, 8, 45, 0.06, 60, 1.0),
    "bargain": (8, 8, 25, 0.15, 1100, 1.0),
    "periodic": (14, 7, 30, 0.08, 1300, 0.3),
    "sporty": (9, 8, 28, 0.08, 1000, 1.0),
}


@dataclass(frozen=True)
class Planted:
    features: pd.DataFrame
    truth: pd.Series


Plant = Callable[..., Planted]


def _profile(kind: str) -> np.ndarray:
    pages = np.array([PAGES[kind].get(page, 1.0) for page in PAGE_KINDS])
    return pages / pages.sum()


@pytest.fixture(scope="session")
def plant() -> Plant:
    def make(
        buyers: int = 1200,
        shares: dict[str, float] | None = None,
        own: float = 1.0,
        pages: float = 1.0,
        seed: int = 1,
    ) -> Planted:
        """Plant `buyers` types; `own` is how pure a buyer is, `pages` scales what is seen."""
        rng = np.random.default_rng(seed)
        share = np.array(
            [(shares or dict.fromkeys(BUYER_TYPES, 1.0)).get(t, 0) for t in BUYER_TYPES]
        )
        main = rng.choice(len(BUYER_TYPES), buyers, p=share / share.sum())
        present = share > 0
        rest = rng.dirichlet(np.full(present.sum(), 0.8), buyers)
        blend = np.zeros((buyers, len(BUYER_TYPES)))
        blend[:, present] = (1 - own) * rest
        blend[np.arange(buyers), main] += own
        truth = blend.argmax(axis=1)
        return Planted(
            _raw(blend, pages, rng), pd.Series([BUYER_TYPES[k] for k in truth], name="truth")
        )

    return make


def _raw(blend: np.ndarray, scale: float, rng: np.random.Generator) -> pd.DataFrame:
    n = len(blend)
    profiles = np.array([_profile(t) for t in BUYER_TYPES])
    habits = np.array([HABITS[t] for t in BUYER_TYPES])
    mix = blend @ profiles
    own = np.array([rng.dirichlet(25 * row) for row in mix])
    habit = np.exp(blend @ np.log(habits))
    visits = 1 + rng.poisson(scale * habit[:, 0] * rng.gamma(6, 1 / 6, n))
    per_visit = habit[:, 1] * rng.gamma(8, 1 / 8, n)
    pages = np.maximum(visits, rng.poisson(visits * per_visit))
    counts = np.array([rng.multinomial(p, row) for p, row in zip(pages, own, strict=True)])
    orders = rng.binomial(visits, np.clip(habit[:, 3] * rng.gamma(8, 1 / 8, n), 0, 0.95))
    bargain = blend[:, BUYER_TYPES.index("bargain")]
    listed = orders * 100.0
    discount = listed * np.clip(rng.normal(0.05 + 0.2 * bargain, 0.04), 0, 1)
    messages = rng.poisson(3, n)
    gaps = np.maximum(visits - 1, 0)
    frame = pd.DataFrame(counts, columns=[f"pages_{kind}" for kind in PAGE_KINDS])
    return frame.assign(
        buyer_id=[f"b{i:06d}" for i in range(n)],
        pages=pages,
        visits=visits,
        dwell_known=pages,
        seconds=pages * habit[:, 2] * rng.gamma(20, 1 / 20, n),
        account_age_days=habit[:, 4] * rng.gamma(2, 0.5, n),
        orders=orders,
        orders_in_window=orders,
        list_amount=listed,
        discount_amount=discount,
        coupon_known=orders,
        coupon_orders=rng.binomial(orders, 0.1 + 0.5 * bargain),
        buyer_messages=messages,
        bargaining_messages=rng.binomial(messages, 0.03 + 0.4 * bargain),
        gap_count=gaps,
        gap_mean=90.0 / visits,
        gap_sd=90.0 / visits * habit[:, 5] * rng.gamma(10, 0.1, n),
    )
