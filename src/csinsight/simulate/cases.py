"""Who comes to chat, when, about what, in which mood, and which agent takes the conversation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from csinsight.simulate.arrays import DAY_S, Bools, Calendar, Ints, choose, time_of_day
from csinsight.simulate.people import Crowd, Latent, Staff
from csinsight.simulate.scenario import Scenario
from csinsight.stats import Floats

#: Most agent turns before the buyer decides.
TURNS = 8
#: A buyer opens at most one conversation in so many days: no order falls into the windows of two.
SLOT_DAYS = 3

TOPICS = ("quality", "size", "bargaining", "shipping", "other", "after_sales")
QUALITY, SIZE, BARGAINING, SHIPPING, OTHER, AFTER_SALES = range(6)
#: Rows follow BUYER_TYPES, columns the first five of TOPICS.
_TOPICS_BY_TYPE = np.array(
    [
        [0.22, 0.36, 0.10, 0.22, 0.10],
        [0.28, 0.25, 0.15, 0.12, 0.20],
        [0.22, 0.20, 0.10, 0.13, 0.35],
        [0.12, 0.15, 0.53, 0.12, 0.08],
        [0.28, 0.24, 0.14, 0.20, 0.14],
        [0.26, 0.34, 0.14, 0.16, 0.10],
    ]
)
_DIFFICULTY = np.array([0.3, -0.3, 1.0, -0.2, 0.1, 0.6])
_WORRY_SHARE = np.array([0.34, 0.30, 0.20, 0.32, 0.28, 0.35])
_TOPIC_BUYS = np.array([0.1, 0.45, -1.0, 0.35, -0.05, 0.0])
_TYPE_BUYS = np.array([0.45, -0.35, -0.25, -0.10, 0.10, 0.0])
_TYPE_LENGTH = np.array([-0.35, 0.0, 0.25, 0.20, 0.0, 0.0])
_WORRY_BUYS, _STOCK_BUYS, _CAMPAIGN_BUYS = -0.45, -0.5, 0.3
_AFTER_SALES_SHARE = 0.15
_NIGHT_UNANSWERED = 0.35
_BEDDING = 0.3
OPENS_S, CLOSES_S = 8 * 3600, 23 * 3600
_CHUNK = 20_000


@dataclass(frozen=True)
class Cases:
    """Talks as they stand before any agent acts, one element a conversation, sorted by start.

    `intent` is the standard deviations by which the buyer means to buy, before each turn: at first
    the reverse of their hesitancy. `score` is the log-odds of ordering before any behaviour;
    `length` the agent turn after which the buyer decides; `bedding` whether it is about bedding
    rather than clothes; `worry_turn` and `second_turn` are -1 where there is none; `taker` is the
    agent who takes the turns before turn `handed` where it is handed over (else -1).
    """

    buyer: Ints
    start: Ints
    topic: Ints
    second: Ints
    second_turn: Ints
    worry_turn: Ints
    stock_out: Bools
    bedding: Bools
    hesitancy: Floats
    length: Ints
    agent: Ints
    taker: Ints
    handed: Ints
    answered: Bools
    night: Bools
    campaign: Bools
    intent: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.buyer)

    @property
    def inquiry(self) -> Bools:
        """Talks that count as inquiries: not after-sales, and a human answered."""
        return np.asarray((self.topic != AFTER_SALES) & self.answered)

    def topics(self) -> Ints:
        """Return the topic of each turn (n x TURNS)."""
        turn = np.arange(TURNS)[None, :]
        later = (self.second_turn[:, None] >= 0) & (turn >= self.second_turn[:, None])
        return np.where(later, self.second[:, None], self.topic[:, None])

    def subjects(self, turn: int) -> list[tuple[str, int, Bools]]:
        """Return, for `turn`, each subject of phrases, its topic, and which are at it."""
        topic = self.topics()[:, turn]
        parts = [
            (name, i, topic == i) for i, name in enumerate(TOPICS) if i not in (SIZE, AFTER_SALES)
        ]
        service = "after_sales" if turn == 0 else "after_sales_more"
        size = topic == SIZE
        return [
            *parts,
            ("size", SIZE, size & ~self.bedding),
            ("bed", SIZE, size & self.bedding),
            (service, AFTER_SALES, topic == AFTER_SALES),
        ]


def capacity(buyers: int, calendar: Calendar) -> int:
    """Return how many conversations `buyers` can have at most, one each in `SLOT_DAYS` days.

    Examples
    --------
    >>> from csinsight.simulate.arrays import make_calendar
    >>> capacity(10, make_calendar(1, "2026-10")) >= 10
    True
    """
    return buyers * (calendar.chat_days // SLOT_DAYS)


def draw_cases(
    rng: np.random.Generator,
    n: int,
    crowd: Crowd,
    staff: Staff,
    latent: Latent,
    bought: tuple[Ints, Ints],
    world: Scenario,
    calendar: Calendar,
) -> Cases:
    """Draw `n` conversations opened by buyers; `bought` are buyer and time of orders paid so far.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, _ = sample_talks()
    >>> rng, nobody = np.random.default_rng(1), np.zeros(0, dtype=np.int64)
    >>> who = base.crowd, base.staff, base.latent, (nobody, nobody)
    >>> len(draw_cases(rng, 20, *who, base.scenario, base.calendar))
    20
    """
    buyer, start, campaign = _schedule(rng, n, crowd, latent, world, calendar)
    blend = crowd.blend[buyer]
    first = np.full(len(crowd.ids), np.iinfo(np.int64).max)
    np.minimum.at(first, *bought)
    topic = _topic(rng, blend, first[buyer], start)
    worry = rng.random(n) < _WORRY_SHARE[topic]
    stock_out = (rng.random(n) < 0.06) & np.isin(topic, (QUALITY, SIZE, OTHER))
    lasting = rng.standard_normal(len(crowd.ids))[buyer]
    hesitancy = 0.4 * lasting + np.sqrt(1 - 0.16) * rng.standard_normal(n)
    pace = blend @ _TYPE_LENGTH + world.hesitancy_length * hesitancy
    length = np.minimum(2 + rng.poisson(1.75 * np.exp(pace)), TURNS)
    night = (start % DAY_S < OPENS_S) | (start % DAY_S >= CLOSES_S)
    silent = rng.random(n) < np.where(night, _NIGHT_UNANSWERED, world.unanswered)
    agent = _route(rng, staff, start, night, _DIFFICULTY[topic] + 0.5 * worry, world)
    handed = (rng.random(n) < world.handover) & (length >= 4) & ~silent & (len(staff.ids) > 1)
    other = (agent + rng.integers(1, max(len(staff.ids), 2), n)) % len(staff.ids)
    second, second_turn = _second_topic(rng, topic)
    worry_turn = np.where(worry, rng.integers(0, 2, n), -1)
    bedding = rng.random(n) < _BEDDING
    last = np.where(world.late_handover, length - 1, 2)
    change = world.warming * rng.standard_normal((n, TURNS))
    change[:, 0] = 0
    return Cases(
        buyer=buyer,
        start=start,
        topic=topic,
        second=second,
        second_turn=second_turn,
        worry_turn=worry_turn,
        stock_out=stock_out,
        bedding=bedding,
        hesitancy=hesitancy,
        length=np.asarray(length, dtype=np.int64),
        agent=agent,
        taker=np.where(handed, other, -1),
        handed=np.where(handed, rng.integers(1, np.maximum(last, 2)), 0),
        answered=~silent,
        night=night,
        campaign=campaign,
        intent=np.cumsum(change, axis=1) - hesitancy[:, None],
        score=world.base
        + blend @ _TYPE_BUYS
        + _TOPIC_BUYS[topic]
        + _WORRY_BUYS * worry
        + _STOCK_BUYS * stock_out
        + _CAMPAIGN_BUYS * campaign
        + staff.skill[agent]
        - world.hesitancy * hesitancy,
    )


def _topic(rng: np.random.Generator, blend: Floats, first_bought: Ints, start: Ints) -> Ints:
    """Draw what each conversation is about; only who has bought for two days can complain."""
    topic = choose(rng, blend @ _TOPICS_BY_TYPE)
    after = (rng.random(len(start)) < _AFTER_SALES_SHARE) & (first_bought + 2 * DAY_S < start)
    return np.where(after, AFTER_SALES, topic)


def _second_topic(rng: np.random.Generator, topic: Ints) -> tuple[Ints, Ints]:
    """Draw what else each conversation may come to, and from which turn on (-1: it does not)."""
    second = (topic + rng.integers(1, 4, len(topic))) % 4
    # Nobody starts to haggle half-way: a conversation is about bargaining from its opening or not.
    second = np.where(second == BARGAINING, SHIPPING, second)
    has_second = (rng.random(len(topic)) < 0.2) & (second != topic) & (topic != AFTER_SALES)
    return second, np.where(has_second, 2, -1)


def _schedule(
    rng: np.random.Generator,
    n: int,
    crowd: Crowd,
    latent: Latent,
    world: Scenario,
    calendar: Calendar,
) -> tuple[Ints, Ints, Bools]:
    # The last slot may be cut short: only its days before the end count.
    slots = -(-calendar.chat_days // SLOT_DAYS)
    offset = rng.integers(0, SLOT_DAYS, len(crowd.ids))
    day = calendar.chats_start // DAY_S + np.arange(slots) * SLOT_DAYS + offset[:, None]
    month_day = (day.astype("datetime64[D]") - day.astype("datetime64[M]")).astype(np.int64) + 1
    campaign = np.isin(month_day, world.campaign_days)
    active = (day * DAY_S >= crowd.arrived[:, None] - 10 * DAY_S) & (
        day * DAY_S <= latent.left[:, None]
    )
    weight = (crowd.rate / crowd.rate.max() + 0.02)[:, None] * np.where(active, 1.0, 0.04)
    # The n largest of log weight plus Gumbel noise are a weighted draw without replacement.
    keys = np.log(weight * np.where(campaign, 1.8, 1.0)) + rng.gumbel(size=weight.shape)
    keys[day * DAY_S >= calendar.end] = -np.inf
    picked = np.argsort(-keys, axis=None, kind="stable")[:n]
    start = day.ravel()[picked] * DAY_S + time_of_day(rng, n)
    order = np.lexsort((picked, start))
    buyer = (picked // max(slots, 1))[order]
    return buyer.astype(np.int64), start[order], campaign.ravel()[picked][order]


def _route(
    rng: np.random.Generator,
    staff: Staff,
    start: Ints,
    night: Bools,
    difficulty: Floats,
    world: Scenario,
) -> Ints:
    scale = max(world.skill_sd, 1e-9)
    number = np.arange(len(staff.ids))
    parts = [np.zeros(0, dtype=np.int64)]
    for low in range(0, len(start), _CHUNK):
        part = slice(low, low + _CHUNK)
        clock = np.where(night[part], OPENS_S, start[part] % DAY_S)[:, None] / 3600
        on = np.where(staff.late_shift, (clock >= 15), (clock < 16))
        free = (start[part][:, None] // DAY_S + number) % 7 != 0
        pull = -world.routing * difficulty[part][:, None] * staff.skill / scale
        parts.append(choose(rng, np.where(on & free, 1.0, 0.01) * np.exp(pull)))
    return np.concatenate(parts)
