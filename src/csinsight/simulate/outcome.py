"""Whether and when a conversation ends in an order and a payment; what each behaviour truly does.

A conversation runs until the buyer decides at agent turn `length`. They order on the spot with
log-odds `score` plus the effects of what was shown until then; else they fall silent, and a few
order hours later. Since every chance is written down, the true effect of a behaviour is a
difference of two chances for the same conversation: with it shown, and without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from csinsight.simulate.acts import Acts
from csinsight.simulate.arrays import Bools, Ints, sigmoid
from csinsight.simulate.cases import AFTER_SALES, TURNS, Cases
from csinsight.simulate.people import Staff
from csinsight.simulate.scenario import Scenario
from csinsight.stats import Floats

#: Log-odds by which ordering hours later is less likely than ordering on the spot.
_LATER = 2.6
_PROMPT_PAYERS = 0.86
#: Log-odds of paying in the end, of buyers who had not paid after ten minutes.
_LATE_PAYERS = 0.3
_OVERDUE = 0.03
_CAP_S = 600.0
_FLOOR_S = 5.0
_USUAL_S = 40.0
_WINDOW_S = 24 * 3600


@dataclass(frozen=True)
class Draws:
    """The chance part of all talks: uniform numbers that decide, kept for counterfactuals."""

    leave: Floats
    now: Floats
    later: Floats
    follow: Floats
    prompt: Floats
    remind: Floats
    late_pay: Floats


@dataclass(frozen=True)
class Chances:
    """Per talk: the turn of decision and the chances that follow from all that was shown."""

    length: Ints
    now: Floats
    later: Floats
    follow: Floats
    remind: Floats
    pay_plain: Floats
    pay_reminded: Floats

    @property
    def ordered(self) -> Floats:
        """Chance of an order within the window."""
        return self.now + (1 - self.now) * self.later

    @property
    def paid(self) -> Floats:
        """Chance of a paid order: the conversion."""
        slow = self.remind * self.pay_reminded + (1 - self.remind) * self.pay_plain
        in_time = _PROMPT_PAYERS + (1 - _PROMPT_PAYERS) * slow * (1 - _OVERDUE)
        return self.ordered * in_time


@dataclass(frozen=True)
class Outcome:
    """How each conversation ended; times are seconds since 1970, NaN where it did not happen.

    `endings` holds, by behaviour, the conversations where the agent showed it after the decision;
    `ended_on`, of a world with `Scenario.losses`, what each conversation without an order ended on
    (empty text: it has none).
    """

    chances: Chances
    decided: Floats
    prompt: Bools
    placed: Floats
    paid: Floats
    followed: Floats
    reminded: Floats
    converted: Bools
    endings: Mapping[str, Bools] = field(default_factory=dict)
    ended_on: npt.NDArray[np.str_] | None = None


def draw(rng: np.random.Generator, n: int) -> Draws:
    """Draw the uniform numbers of `n` conversations.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> len(draw(rng, 3).leave)
    3
    """
    return Draws(rng.random((n, TURNS)), *(rng.random(n) for _ in range(6)))


def chances(
    cases: Cases,
    acts: Acts,
    draws: Draws,
    staff: Staff,
    world: Scenario,
    forced: Mapping[str, bool] | None = None,
    doublings: float = 0.0,
) -> Chances:
    """Return the chances of every conversation, as played or with behaviours forced on or off.

    Parameters
    ----------
    forced : mapping of behaviour to bool or None
        True: shown at the first opportunity; False: never shown.
    doublings : float
        Added to the log2 of the first response time.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> told = chances(chats.cases, chats.acts, chats.draws, base.staff, base.scenario)
    >>> bool((told.length >= 1).all())
    True
    """
    shown = dict(acts.shown)
    for name, on in (forced or {}).items():
        if name in shown:
            shown[name] = _force(shown[name], acts.possible[name], on)
    turn = np.arange(TURNS)[None, :]
    put_off = (shown["refuses_flatly"] | shown["curt_reply"]) & (draws.leave < world.impatience)
    put_off &= turn < cases.length[:, None]
    length = np.where(put_off.any(axis=1), put_off.argmax(axis=1) + 1, cases.length)
    heard = turn < length[:, None]
    wait = np.log2(np.clip(acts.first_response_s, _FLOOR_S, _CAP_S) / _USUAL_S) + doublings
    warmed = cases.intent[np.arange(len(cases)), length - 1] - cases.intent[:, 0]
    score = cases.score + world.hesitancy * warmed + world.effects["first_response_s"] * wait
    for name, effect in world.effects.items():
        if effect and name in shown:
            score = score + effect * (shown[name] & heard).any(axis=1)
    score = np.where(cases.inquiry, score, -np.inf)
    return _chances(score, length, cases, staff, world, forced or {})


def _chances(
    score: Floats,
    length: Ints,
    cases: Cases,
    staff: Staff,
    world: Scenario,
    forced: Mapping[str, bool],
) -> Chances:
    def habit(name: str) -> Floats:
        if name in forced:
            return np.full(len(cases), float(forced[name]))
        keen = cases.intent[np.arange(len(cases)), length - 1]
        return np.asarray(sigmoid(staff.habits[name][cases.agent] + world.effort * keen))

    follow = habit("follows_up")
    lift = world.effects["follows_up"]
    later = sigmoid(score - _LATER)
    if lift:
        later = follow * sigmoid(score - _LATER + lift) + (1 - follow) * later
    reminded = sigmoid(_LATE_PAYERS + world.effects["reminds_payment"])
    return Chances(
        length=np.asarray(length, dtype=np.int64),
        now=np.asarray(sigmoid(score)),
        later=np.asarray(later),
        follow=follow,
        remind=habit("reminds_payment"),
        pay_plain=np.full(len(cases), float(sigmoid(_LATE_PAYERS))),
        pay_reminded=np.full(len(cases), float(reminded)),
    )


def _force(shown: Bools, possible: Bools, on: bool) -> Bools:
    if not on:
        return np.zeros_like(shown)
    first = possible & (np.cumsum(possible, axis=1) == 1)
    return np.asarray(shown | first, dtype=np.bool_)


def settle(
    rng: np.random.Generator,
    cases: Cases,
    acts: Acts,
    draws: Draws,
    result: Chances,
    world: Scenario,
) -> Outcome:
    """Let every conversation end: who orders, when, who is followed up or reminded, who pays.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> rng = np.random.default_rng(1)
    >>> told = chances(chats.cases, chats.acts, chats.draws, base.staff, base.scenario)
    >>> end = settle(rng, chats.cases, chats.acts, chats.draws, told, base.scenario)
    >>> len(end.placed)
    90
    """
    n = len(cases)
    rows = np.arange(n)
    last = acts.agent_at[rows, result.length - 1] if n else np.zeros(0, np.int64)
    decided = (last + 40 + np.floor(rng.gamma(1.5, 25.0, n))).astype(np.float64)
    prompt = draws.now < result.now
    silent = cases.answered & ~prompt & (cases.topic != AFTER_SALES)
    follows = silent & (draws.follow < result.follow)
    later = silent & (draws.later < _later_given(result, follows, world))
    gap = np.clip(np.floor(rng.lognormal(9.0, 0.7, n)), 3900, 30_000)
    # An order that a conversation led to falls within the day after the buyer's first message.
    gap = np.minimum(gap, cases.start + _WINDOW_S - 900 - decided)
    placed = np.where(prompt, decided + rng.integers(20, 240, n), decided + gap)
    placed = np.where(prompt | later, placed, np.nan)
    quick = draws.prompt < _PROMPT_PAYERS
    remind_at = placed + rng.integers(700, 2700, n)
    reminds = ~np.isnan(placed) & ~quick & (draws.remind < result.remind)
    pays = draws.late_pay < np.where(reminds, result.pay_reminded, result.pay_plain)
    delay = np.clip(np.floor(rng.lognormal(9.2, 0.9, n)), 2760, 250_000)
    overdue = rng.random(n) < _OVERDUE
    delay = np.where(overdue, 262_800 + rng.integers(0, 90_000, n), delay)
    delay = np.where(quick, rng.integers(12, 420, n), delay)
    paid = np.where(quick | pays, placed + delay, np.nan)
    return Outcome(
        chances=result,
        decided=decided,
        prompt=prompt,
        placed=placed,
        paid=paid,
        followed=np.where(follows, decided + rng.integers(720, 3000, n), np.nan),
        reminded=np.where(reminds, remind_at, np.nan),
        converted=~np.isnan(paid) & (quick | ~overdue),
    )


def with_losses(
    rng: np.random.Generator, cases: Cases, outcome: Outcome, losses: Mapping[str, float]
) -> Outcome:
    """Draw what each inquiry without an order ends on; nobody comes back to the unanswered.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> class Two(SimpleNamespace):
    ...     def __len__(self):
    ...         return 2
    >>> cases = Two(inquiry=np.array([True, True]))
    >>> nobody = np.array([np.nan, np.nan])
    >>> outcome = Outcome(None, nobody, nobody, np.array([np.nan, 7.0]), *[nobody] * 3, None)
    >>> with_losses(np.random.default_rng(1), cases, outcome, {"price": 1.0}).ended_on.tolist()
    ['price', '']
    """
    names, weights = np.array(list(losses)), np.array(list(losses.values()))
    drawn = rng.choice(names, len(cases), p=weights / weights.sum())
    ended_on = np.where(cases.inquiry & np.isnan(outcome.placed), drawn, "")
    unanswered = np.isin(ended_on, ("no_answer", "wait"))
    followed = np.where(unanswered, np.nan, outcome.followed)
    return replace(outcome, followed=followed, ended_on=ended_on)


def _later_given(result: Chances, follows: Bools, world: Scenario) -> Floats:
    lift = world.effects["follows_up"]
    if not lift:
        return result.later
    score = np.log(result.now) - np.log1p(-result.now)
    return np.asarray(sigmoid(score - _LATER + lift * follows))


def at_risk(name: str, cases: Cases, acts: Acts, outcome: Outcome) -> Bools:
    """Return the inquiries that gave an opportunity for behaviour `name`.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> int(at_risk("empathizes", chats.cases, chats.acts, chats.outcome).sum()) <= len(chats.cases)
    True
    """
    if name == "follows_up":
        return np.asarray(cases.inquiry & ~outcome.prompt)
    if name == "reminds_payment":
        slow = ~(outcome.paid - outcome.placed <= 600)
        return np.asarray(~np.isnan(outcome.placed) & slow)
    if name == "checks_address":
        return ~np.isnan(outcome.placed)
    if name in acts.possible:
        heard = np.arange(TURNS)[None, :] < outcome.chances.length[:, None]
        return np.asarray(cases.inquiry & (acts.possible[name] & heard).any(axis=1))
    return cases.inquiry


def true_effects(
    name: str, cases: Cases, acts: Acts, draws: Draws, staff: Staff, world: Scenario, who: Bools
) -> tuple[float, float]:
    """Return the mean change of paid conversion (log-odds, percentage points) over `who`.

    For ``first_response_s`` the change is that of doubling the seconds; for all others that of
    showing the behaviour at the first opportunity instead of never. For ``follows_up`` and
    ``reminds_payment`` it is the change in the chance given the silence, or the late payment.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> who = at_risk("recommends", chats.cases, chats.acts, chats.outcome)
    >>> log_odds, points = true_effects(
    ...     "recommends", chats.cases, chats.acts, chats.draws, base.staff, base.scenario, who
    ... )
    >>> points > 0
    True
    """
    if not who.any():
        return 0.0, 0.0
    if name == "first_response_s":
        off = chances(cases, acts, draws, staff, world)
        on = chances(cases, acts, draws, staff, world, doublings=1.0)
    else:
        off = chances(cases, acts, draws, staff, world, {name: False})
        on = chances(cases, acts, draws, staff, world, {name: True})
    with_it, without = _of_interest(name, on)[who], _of_interest(name, off)[who]
    log_odds = np.log(with_it) - np.log1p(-with_it) - np.log(without) + np.log1p(-without)
    return float(np.mean(log_odds)), float(100 * np.mean(with_it - without))


def _of_interest(name: str, result: Chances) -> Floats:
    if name == "follows_up":
        return replace(result, now=np.zeros_like(result.now)).paid
    if name == "reminds_payment":
        return result.remind * result.pay_reminded + (1 - result.remind) * result.pay_plain
    return result.paid
