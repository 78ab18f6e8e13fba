"""Buyers with their blends of types and rates of buying, and agents with skill and habits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from csinsight.contract.domain import BUYER_TYPES
from csinsight.simulate.arrays import (
    DAY_S,
    FUTURE_DAYS,
    Bools,
    Calendar,
    Ints,
    Rows,
    logit,
    time_of_day,
)
from csinsight.simulate.phrases import Phrases
from csinsight.simulate.scenario import Scenario
from csinsight.stats import Floats

#: Columns below follow BUYER_TYPES: simple, surfing, newcomer, bargain, periodic, sporty.
_ORDER_FACTOR = np.array([1.9, 0.7, 0.45, 1.1, 1.0, 0.8])
_VALUE_FACTOR = np.array([1.2, 1.0, 0.85, 0.7, 1.0, 1.05])
_DROPOUT = np.array([0.03, 0.07, 0.12, 0.06, 0.04, 0.06])
_ACCOUNT_YEARS = np.array([6.0, 4.5, 0.5, 4.0, 5.0, 3.5])

#: Chance to show a behaviour at one agent turn that gives the opportunity, for the average agent.
BASE_RATES: Mapping[str, float] = {
    "greets": 0.72,
    "polite_words": 0.30,
    "empathizes": 0.40,
    "apologizes": 0.45,
    "asks_needs": 0.15,
    "leading_question": 0.04,
    "recommends": 0.18,
    "gives_specifics": 0.35,
    "explains_value": 0.25,
    "offers_alternative": 0.25,
    "refuses_flatly": 0.055,
    "curt_reply": 0.075,
    "repeats_canned": 0.04,
    "uses_emoji": 0.14,
    "promises_time": 0.28,
    "follows_up": 0.35,
    "reminds_payment": 0.50,
    "checks_address": 0.55,
    "closes_warmly": 0.60,
    "off_platform": 0.0015,
    "over_promises": 0.004,
    "rude_or_blaming": 0.0015,
    "asks_for_praise": 0.010,
    "leaks_order_data": 0.0015,
}
_COMPLIANCE_HABIT = 0.012

#: No account is older than the platforms themselves: of 300,000 buyers one would be from 1998.
_FIRST_ACCOUNT: Final = datetime(2003, 5, 10, tzinfo=UTC).timestamp()
_FIRST_AT_ARRIVAL = 0.65
_PAID_SHARE = 0.96
_QUICK_SHARE = 0.9
_REFUND_SHARE = 0.07
_FULL_REFUND = 0.6
_PARTIAL = (0.2, 0.6)
_SPEND_SHAPE = 5.0
_DISCOUNT = 0.03
_DISCOUNT_BARGAIN = 0.24
_COUPON = 0.12
_COUPON_BARGAIN = 0.55
_COUPON_CUT = (0.03, 0.10)
_BARGAIN = 3
_NEVER = 1 << 60


@dataclass(frozen=True)
class Crowd:
    """The buyers, one element or row each.

    Parameters
    ----------
    ids : list of str
    blend : n x 6
        Weights of the types; rows sum to one.
    kind : n
        Index of the heaviest type: the true type.
    arrived, joined : n
        Seconds since 1970: first known to the shop; account opened.
    rate, dropout, value : n
        Orders a day while active; chance to leave for good after an order; mean order in yuan.
    """

    ids: list[str]
    blend: Floats
    kind: Ints
    arrived: Ints
    joined: Ints
    rate: Floats
    dropout: Floats
    value: Floats


@dataclass(frozen=True)
class Staff:
    """The agents: identity, skill in log-odds of conversion, speed, shift, habits (log-odds)."""

    ids: list[str]
    names: list[str]
    teams: list[str]
    hired: list[date]
    skill: Floats
    speed_s: Floats
    late_shift: Bools
    habits: Mapping[str, Floats]


def draw_crowd(
    rng: np.random.Generator, n: int, world: Scenario, calendar: Calendar, orders_a_month: float
) -> Crowd:
    """Draw `n` buyers, who place about `orders_a_month` together in the chat months.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> len(draw_crowd(rng, 5, base.scenario, base.calendar, orders_a_month=10).ids)
    5
    """
    shares = np.asarray(world.type_shares) / sum(world.type_shares)
    kind = rng.choice(len(BUYER_TYPES), size=n, p=shares)
    own = rng.beta(8 * world.purity, 8 * (1 - world.purity), len(kind))[:, None]
    there = (shares > 0).astype(float)
    other = rng.dirichlet(np.full(len(shares), 0.8), len(kind)) * there
    other[np.arange(len(kind)), kind] += 1e-9
    other /= other.sum(axis=1, keepdims=True)
    blend = np.asarray(own * np.eye(len(shares))[kind] + (1 - own) * other)
    kind = blend.argmax(axis=1).astype(np.int64)
    keen = rng.gamma(0.7, 1.0, n) * (blend @ _ORDER_FACTOR)
    dropout = (blend @ _DROPOUT) * rng.uniform(0.6, 1.4, n)
    span = calendar.end - calendar.orders_start
    # Four in ten were customers before the data begin.
    arrived = calendar.orders_start + rng.uniform(-0.65, 0.98, n) * span
    middle = (calendar.chats_start + calendar.end) / 2
    rate = _scaled(keen, dropout, (middle - arrived) / DAY_S, orders_a_month / 30.4)
    years = rng.gamma(3.0, 1.0, n) / 3 * (blend @ _ACCOUNT_YEARS)
    return Crowd(
        ids=[f"b{i:06d}" for i in range(1, n + 1)],
        blend=blend,
        kind=kind,
        arrived=arrived.astype(np.int64),
        joined=np.maximum(arrived - years * 365 * DAY_S, _FIRST_ACCOUNT).astype(np.int64),
        rate=rate,
        dropout=dropout,
        value=120.0 * (blend @ _VALUE_FACTOR) * rng.lognormal(-0.1, 0.45, n),
    )


def _scaled(keen: Floats, dropout: Floats, age_days: Floats, orders_a_day: float) -> Floats:
    """Scale rates so that the buyers there and still active order `orders_a_day` together.

    A buyer of rate r and drop-out p is active after T days with a chance of about exp(-r p T), so
    a high rate ends itself; where the wish can't be met the scale of most orders is taken.
    """
    some = np.linspace(0, len(keen) - 1, min(len(keen), 4000)).astype(np.int64)
    rates = np.geomspace(1e-5, 3.0, 150)[:, None] * keen[some]
    age = np.maximum(age_days[some], 0.0)
    orders = (rates * np.exp(-rates * dropout[some] * age) * (age > 0)).sum(axis=1)
    enough = orders >= orders_a_day * len(some) / len(keen)
    best = enough.argmax() if enough.any() else orders.argmax()
    return np.asarray(keen * np.geomspace(1e-5, 3.0, 150)[best])


def draw_staff(
    rng: np.random.Generator, n: int, world: Scenario, calendar: Calendar, phrases: Phrases
) -> Staff:
    """Draw `n` agents; weaker and stronger ones differ in conversion and in what they show.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> rng = np.random.default_rng(1)
    >>> draw_staff(rng, 2, base.scenario, base.calendar, load_phrases()).ids
    ['a001', 'a002']
    """
    standard = rng.standard_normal(n)
    if n > 1:
        standard = (standard - standard.mean()) / max(standard.std(), 0.5)
    habits = {
        behaviour: logit(rate)
        + world.ties.get(behaviour, 0.0) * world.skill_tie * standard
        + world.habit_sd * rng.standard_normal(n)
        for behaviour, rate in BASE_RATES.items()
    }
    for behaviour in ("off_platform", "over_promises", "rude_or_blaming", "leaks_order_data"):
        # One agent of the shop has the bad habit; the others slip now and then.
        habits[behaviour][rng.integers(n)] = logit(_COMPLIANCE_HABIT)
    months = np.clip(18 + 8 * standard + 12 * rng.standard_normal(n), 2, 70)
    names = phrases.shop["agent_names"]
    last = date(1970, 1, 1) + timedelta(days=calendar.end // DAY_S)
    return Staff(
        ids=[f"a{i:03d}" for i in range(1, n + 1)],
        names=[
            names[i % len(names)] + ("" if i < len(names) else f"{i // len(names) + 1}")
            for i in range(n)
        ],
        teams=[phrases.shop["teams"][i % len(phrases.shop["teams"])] for i in range(n)],
        hired=[last - timedelta(days=int(m * 30.4)) for m in months],
        skill=world.skill_sd * standard,
        speed_s=np.exp(
            np.log(35) - 0.1 * world.skill_tie * standard + 0.3 * rng.standard_normal(n)
        ),
        late_shift=np.arange(n) % 2 == 1,
        habits=habits,
    )


@dataclass(frozen=True)
class Latent:
    """Orders that buyers would place: `buyer`, `placed` per order; `left` per buyer (seconds)."""

    buyer: Ints
    placed: Ints
    left: Ints


@dataclass(frozen=True)
class Purchases(Rows):
    """Orders with all their columns; times in seconds, `paid` NaN where never paid."""

    buyer: Ints
    placed: Ints
    paid: Floats
    list_amount: Floats
    paid_amount: Floats
    refund: Floats
    units: Ints
    coupon: Bools


def draw_latent(rng: np.random.Generator, crowd: Crowd, calendar: Calendar) -> Latent:
    """Draw every buyer's orders from arrival to `FUTURE_DAYS` after the end of the data.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> latent = draw_latent(rng, base.crowd, base.calendar)
    >>> len(latent.buyer) == len(latent.placed)
    True
    """
    horizon = calendar.end + FUTURE_DAYS * DAY_S
    n = len(crowd.ids)
    left = np.full(n, _NEVER, dtype=np.int64)
    now = crowd.arrived.astype(float)
    waits = rng.random(n) > _FIRST_AT_ARRIVAL
    now = now + waits * rng.exponential(1.0, n) / crowd.rate * DAY_S
    active = np.flatnonzero(now < horizon)
    buyers: list[Ints] = []
    times: list[Floats] = []
    while len(active):
        buyers.append(active)
        times.append(now[active])
        gone = rng.random(len(active)) < crowd.dropout[active]
        left[active[gone]] = now[active[gone]].astype(np.int64)
        active = active[~gone]
        now[active] += rng.exponential(1.0, len(active)) / crowd.rate[active] * DAY_S
        active = active[now[active] < horizon]
    if not buyers:
        return Latent(np.zeros(0, np.int64), np.zeros(0, np.int64), left)
    buyer, placed = np.concatenate(buyers), np.concatenate(times).astype(np.int64)
    placed = placed // DAY_S * DAY_S + time_of_day(rng, len(placed))
    order = np.lexsort((placed, buyer))
    return Latent(buyer[order], placed[order], left)


def silent_orders(
    rng: np.random.Generator, latent: Latent, calendar: Calendar, share: float
) -> tuple[Ints, Ints]:
    """Return buyer and time of the orders before the end that no chat led to.

    Within the chat months only `share` of the latent orders stays: the rest come by chats.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> buyer, placed = silent_orders(rng, base.latent, base.calendar, share=0.5)
    >>> len(buyer) == len(placed)
    True
    """
    seen = (latent.placed >= calendar.orders_start) & (latent.placed < calendar.end)
    kept = (latent.placed < calendar.chats_start) | (rng.random(len(latent.placed)) < share)
    return latent.buyer[seen & kept], latent.placed[seen & kept]


def payment_times(rng: np.random.Generator, placed: Ints) -> Floats:
    """Draw when silent orders were paid; NaN for the few that never were.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> bool(np.nanmin(payment_times(rng, np.array([0, 0, 0, 0]))) >= 0)
    True
    """
    n = len(placed)
    quick = rng.random(n) < _QUICK_SHARE
    delay = np.where(quick, rng.uniform(10, 400, n), rng.lognormal(8.6, 1.0, n).clip(700, 2.5e5))
    return np.where(rng.random(n) < _PAID_SHARE, np.floor(placed + delay), np.nan)


def price(
    rng: np.random.Generator, crowd: Crowd, buyer: Ints, placed: Ints, paid: Floats
) -> Purchases:
    """Draw amounts, discounts, coupons, refunds and units of orders.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> buyer, placed = silent_orders(rng, base.latent, base.calendar, share=0.5)
    >>> orders = price(rng, base.crowd, buyer, placed, payment_times(rng, placed))
    >>> len(orders.buyer) == len(buyer)
    True
    """
    n = len(buyer)
    bargain = crowd.blend[buyer, _BARGAIN]
    gross = crowd.value[buyer] * rng.gamma(_SPEND_SHAPE, 1 / _SPEND_SHAPE, n)
    off = 2 * rng.random(n) * (_DISCOUNT + _DISCOUNT_BARGAIN * bargain)
    coupon = rng.random(n) < _COUPON + _COUPON_BARGAIN * bargain
    due = gross * (1 - off) * (1 - coupon * rng.uniform(*_COUPON_CUT, n))
    share = np.where(rng.random(n) < _FULL_REFUND, 1.0, rng.uniform(*_PARTIAL, n))
    refunded = (rng.random(n) < _REFUND_SHARE) & ~np.isnan(paid)
    amount = np.maximum(due.round(2), 0.01)
    return Purchases(
        buyer=buyer,
        placed=placed,
        paid=paid,
        list_amount=np.maximum(gross.round(2), amount),
        paid_amount=amount,
        refund=np.where(refunded, (amount * share).round(2), 0.0),
        units=(1 + rng.poisson(0.35 * gross / crowd.value[buyer])).astype(np.int64),
        coupon=coupon,
    )


def expected_spend(crowd: Crowd, latent: Latent, calendar: Calendar) -> Floats:
    """Return each buyer's expected net spend in the `FUTURE_DAYS` after the end.

    Exact given the buyer's own rate, drop-out and whether they were still active at the end:
    expected orders of an active buyer are ``(1 - exp(-rate p t)) / p``.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> len(expected_spend(base.crowd, base.latent, base.calendar))
    60
    """
    chance = crowd.dropout
    orders = -np.expm1(-crowd.rate * chance * FUTURE_DAYS) / chance
    bargain = crowd.blend[:, _BARGAIN]
    cut = (_COUPON + _COUPON_BARGAIN * bargain) * np.mean(_COUPON_CUT)
    refund = _REFUND_SHARE * (_FULL_REFUND + (1 - _FULL_REFUND) * np.mean(_PARTIAL))
    net = (1 - _DISCOUNT - _DISCOUNT_BARGAIN * bargain) * (1 - cut) * _PAID_SHARE * (1 - refund)
    active = latent.left >= calendar.end
    return np.asarray(active * orders * crowd.value * net)


def realised_spend(
    rng: np.random.Generator, crowd: Crowd, latent: Latent, calendar: Calendar
) -> Floats:
    """Return each buyer's net spend in the `FUTURE_DAYS` after the end, as it came to be.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> bool((realised_spend(rng, base.crowd, base.latent, base.calendar) >= 0).all())
    True
    """
    future = latent.placed >= calendar.end
    placed = latent.placed[future]
    orders = price(rng, crowd, latent.buyer[future], placed, payment_times(rng, placed))
    net = np.where(np.isnan(orders.paid), 0.0, orders.paid_amount - orders.refund)
    return np.bincount(orders.buyer, weights=net, minlength=len(crowd.ids)).astype(np.float64)
