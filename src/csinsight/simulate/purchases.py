"""Orders outside chats: rates and drop-out as in BG/NBD, gamma spend, coupons, refunds, unpaid.

The latent process follows Fader, Hardie and Lee (2005): while active a buyer orders at a rate of
their own, and after each order leaves for good with a chance of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from csinsight.simulate.arrays import DAY_S, FUTURE_DAYS, Bools, Calendar, Floats, Ints, time_of_day
from csinsight.simulate.people import Crowd

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
class Latent:
    """Orders that buyers would place: `buyer`, `placed` per order; `left` per buyer (seconds)."""

    buyer: Ints
    placed: Ints
    left: Ints


@dataclass(frozen=True)
class Purchases:
    """Orders with all their columns; times in seconds, `paid` NaN where never paid."""

    buyer: Ints
    placed: Ints
    paid: Floats
    list_amount: Floats
    paid_amount: Floats
    refund: Floats
    units: Ints
    coupon: Bools

    def only(self, keep: Bools) -> Purchases:
        """Return the orders where `keep` is true."""
        return Purchases(**{name: column[keep] for name, column in vars(self).items()})


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
