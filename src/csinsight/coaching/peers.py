"""What an agent does beside comparable peers: same mix of questions, same opportunities.

Each agent's rate is compared with what the shop as a whole does on that agent's own mix of problem
categories, and shrunk towards it by how little was seen (empirical Bayes: beta-binomial for what is
shown or not, normal for timings). How much agents differ is itself uncertain; the draws below carry
that too.

Where an agent stands beside comparable peers, and what closing a gap would go with.

Gap: what the top quarter of peers does on this agent's mix of questions, minus what the agent does
(for a behaviour that hurts: how much less they do it). Expected gain: gap × effect × the agent's
opportunities a month, in inquiries won; its interval carries the uncertainty of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, logit

from csinsight.coaching.shrunken_effects import Effect
from csinsight.contract.artifacts import Conversations
from csinsight.drivers.covariates import UNKNOWN
from csinsight.drivers.units import from_model, to_model, unit_of
from csinsight.stats import Floats

DRAWS: Final = 2000
_C = Conversations


@dataclass(frozen=True)
class AdjustedRates:
    """Every agent's standing in one behaviour.

    Parameters
    ----------
    behaviour : str
    agents : list of str
        Those with at least one opportunity.
    opportunities : array (agents,)
    observed : array (agents,)
        Mean in the behaviour's unit, as it was.
    expected : array (agents,)
        Mean of the whole shop on this agent's mix of categories.
    shifts : array (draws, agents)
        Posterior draws of own against expected: log-odds for what is shown, else a difference.
    """

    behaviour: str
    agents: list[str]
    opportunities: Floats
    observed: Floats
    expected: Floats
    shifts: Floats

    def own(self, place: int) -> Floats:
        """Return draws of one agent's level in the behaviour's unit."""
        return self._level(self.shifts[:, place], place)

    def peers(self, place: int, quantile: float) -> Floats:
        """Return draws of a quantile of the other agents, moved to this agent's mix."""
        return self._level(leave_one_out_quantile(self.shifts, place, quantile), place)

    def levels(self, expected: Floats) -> Floats:
        """Return draws of every agent's level where the shop's own is `expected` (agents,)."""
        if unit_of(self.behaviour) != "shown":
            return np.asarray(expected + self.shifts)
        return np.asarray(expit(logit(np.clip(expected, 1e-4, 1 - 1e-4)) + self.shifts))

    def readable(self, level: Floats) -> Floats:
        """Return levels as a person reads them: shares, seconds, ratios."""
        return from_model(level, self.behaviour)

    def _level(self, shift: Floats, place: int) -> Floats:
        if unit_of(self.behaviour) != "shown":
            return np.asarray(self.expected[place] + shift)
        return np.asarray(expit(logit(self.expected[place]) + shift))


def compare_agents(
    conversations: pd.DataFrame, behaviour: str, *, seed: int
) -> AdjustedRates | None:
    """Compare the agents in one behaviour; None where nobody had an opportunity.

    Parameters
    ----------
    conversations : DataFrame
        The inquiries to look at, all with an agent.
    behaviour : str
    seed : int
        Fixes the draws; each behaviour has its own stream.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> found = compare_agents(sessions, "greets", seed=1)
    >>> sorted(found.agents)
    ['a001', 'a002', 'a003', 'a004', 'a005', 'a006']
    """
    values = to_model(conversations[behaviour], behaviour)
    have = ~np.isnan(values)
    if not have.any():
        return None
    seen = pd.DataFrame(
        {
            "agent": conversations[_C.AGENT_ID].to_numpy()[have],
            "stratum": conversations[_C.CATEGORY].fillna(UNKNOWN).to_numpy()[have],
            "value": values[have],
        }
    )
    seen["expected"] = seen.groupby("stratum")["value"].transform("mean")
    groups = seen.groupby("agent")
    table = groups[["value", "expected"]].mean().assign(n=groups.size())
    rng = np.random.default_rng([seed, *behaviour.encode()])
    n, observed = (table[c].to_numpy(dtype=float) for c in ("n", "value"))
    expected = table["expected"].to_numpy(dtype=float)
    if unit_of(behaviour) == "shown":
        expected = np.clip(expected, 1e-4, 1 - 1e-4)
        shifts = _share_shifts(n, observed, expected, rng)
    else:
        noise = float(((seen["value"] - seen["expected"]) ** 2).mean())
        shifts = _mean_shifts(n, observed - expected, noise, rng)
    return AdjustedRates(behaviour, [str(a) for a in table.index], n, observed, expected, shifts)


def leave_one_out_quantile(values: Floats, place: int, quantile: float) -> Floats:
    """Return each row's quantile over all columns but `place` (linear interpolation).

    Examples
    --------
    >>> leave_one_out_quantile(np.array([[9.0, 1.0, 2.0, 3.0]]), place=0, quantile=0.5).tolist()
    [2.0]
    """
    others = np.delete(values, place, axis=1)
    if others.shape[1] == 0:
        return np.zeros(len(values))
    position = quantile * (others.shape[1] - 1)
    low = int(position)
    high = min(low + 1, others.shape[1] - 1)
    parts = np.partition(others, [low, high], axis=1)
    return np.asarray(parts[:, low] + (position - low) * (parts[:, high] - parts[:, low]))


def _share_shifts(
    n: Floats, observed: Floats, expected: Floats, rng: np.random.Generator
) -> Floats:
    """Draw log-odds against expected under a beta-binomial with means `expected`.

    The prior's weight (in inquiries) is drawn from its own likelihood over a grid, flat in its
    logarithm.
    """
    shown = np.round(n * observed)
    weights = np.geomspace(2, 5000, 40)
    a, b = np.outer(weights, expected), np.outer(weights, 1 - expected)
    likelihood = (betaln(shown + a, n - shown + b) - betaln(a, b)).sum(axis=1)
    weight = rng.choice(weights, DRAWS, p=_normalised(likelihood))[:, None]
    share = rng.beta(shown + weight * expected, n - shown + weight * (1 - expected))
    return np.asarray(logit(np.clip(share, 1e-6, 1 - 1e-6)) - logit(expected))


def _mean_shifts(n: Floats, difference: Floats, noise: float, rng: np.random.Generator) -> Floats:
    sampling = noise / n
    scale = max(noise, 1e-12) ** 0.5
    spreads = scale * np.geomspace(0.005, 3, 40)
    total = spreads[:, None] ** 2 + sampling
    likelihood = -0.5 * (np.log(total) + difference**2 / total).sum(axis=1)
    spread = rng.choice(spreads, DRAWS, p=_normalised(likelihood))[:, None] ** 2
    kept = spread / (spread + sampling)
    return np.asarray(rng.normal(kept * difference, np.sqrt(kept * sampling)))


def _normalised(log_likelihood: Floats) -> Floats:
    weights = np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(weights / weights.sum())


#: A quarter of fewer peers than this is no quarter.
MIN_PEERS: Final = 4
_SIDES: Final = (2.5, 97.5)


def adjusted_rates(
    inquiries: pd.DataFrame, behaviours: Iterable[str], *, seed: int, min_opportunities: int
) -> pd.DataFrame:
    """Return every agent's rate beside the middle half of comparable peers.

    Parameters
    ----------
    inquiries : DataFrame
        Rows of the ``conversations`` artifact, all with an agent.
    behaviours : iterable of str
    seed : int
    min_opportunities : int
        Agents with fewer have no row, and are no peers either.

    Returns
    -------
    DataFrame
        ``behaviour``, ``agent_id``, ``opportunities``, ``rate`` as it was, ``rate_low`` and
        ``rate_high`` (95 %, shrunk), ``peer_q1``, ``peer_median``, ``peer_q3`` on the agent's own
        mix, ``above`` (probability of being above the peers' median).

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> rates = adjusted_rates(sessions, ["greets"], seed=1, min_opportunities=5)
    >>> bool((rates["rate_low"] <= rates["rate_high"]).all())
    True
    """
    records = []
    for behaviour in behaviours:
        found = comparable(inquiries, behaviour, seed, min_opportunities)
        if found is not None:
            records += [_row(found, place) for place in range(len(found.agents))]
    return pd.DataFrame(records, columns=_STANDING_COLUMNS)


_STANDING_COLUMNS: Final = [
    "behaviour",
    "agent_id",
    "opportunities",
    "rate",
    "rate_low",
    "rate_high",
    "peer_q1",
    "peer_median",
    "peer_q3",
    "above",
]


def comparable(
    inquiries: pd.DataFrame, behaviour: str, seed: int, min_opportunities: int
) -> AdjustedRates | None:
    """Return the standing of agents with enough opportunities; None without enough peers.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> comparable(sessions, "greets", 1, min_opportunities=10_000) is None
    True
    """
    offered = inquiries[inquiries[behaviour].notna()]
    counts = offered[_C.AGENT_ID].value_counts()
    enough = counts.index[counts >= min_opportunities]
    if len(enough) <= MIN_PEERS:
        return None
    return compare_agents(offered[offered[_C.AGENT_ID].isin(enough)], behaviour, seed=seed)


def gaps(
    inquiries: pd.DataFrame,
    effects: Iterable[Effect],
    *,
    months: float,
    seed: int,
    min_opportunities: int,
) -> pd.DataFrame:
    """Return the gap and the expected gain of every agent in every driver.

    Parameters
    ----------
    inquiries : DataFrame
        Rows of the ``conversations`` artifact, all with an agent.
    effects : iterable of Effect
    months : float
        How many months the inquiries span, for opportunities a month.
    seed : int
    min_opportunities : int

    Returns
    -------
    DataFrame
        The columns of `adjusted_rates`, then ``target_rate`` (top quarter of peers), ``gap``,
        ``gap_low``, ``gap_high`` (in the behaviour's unit, positive: room to gain), ``behind``
        (probability of doing worse than the peers' median), ``monthly_opportunities``,
        ``expected_gain_inquiries``, ``low``, ``high``, ``effect_pp`` with its interval.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> gaps(sessions, [], months=1, seed=1, min_opportunities=5).empty
    True
    """
    records = []
    for effect in effects:
        found = comparable(inquiries, effect.behaviour, seed, min_opportunities)
        if found is not None:
            records += [_gap(found, p, effect, months, seed) for p in range(len(found.agents))]
    return pd.DataFrame(records, columns=[*_STANDING_COLUMNS, *_GAP_COLUMNS])


_GAP_COLUMNS: Final = [
    "target_rate",
    "gap",
    "gap_low",
    "gap_high",
    "behind",
    "monthly_opportunities",
    "expected_gain_inquiries",
    "low",
    "high",
    "effect_pp",
    "effect_low_pp",
    "effect_high_pp",
]


def _row(found: AdjustedRates, place: int) -> dict[str, object]:
    own = found.own(place)
    low, high = found.readable(np.percentile(own, _SIDES))
    middle = found.peers(place, 0.5)
    quartiles = [found.readable(found.peers(place, q)).mean() for q in (0.25, 0.75)]
    return {
        "behaviour": found.behaviour,
        "agent_id": found.agents[place],
        "opportunities": int(found.opportunities[place]),
        "rate": float(found.readable(found.observed[place])),
        "rate_low": float(low),
        "rate_high": float(high),
        "peer_q1": float(quartiles[0]),
        "peer_median": float(found.readable(middle).mean()),
        "peer_q3": float(quartiles[1]),
        "above": float((own > middle).mean()),
    }


def _gap(
    found: AdjustedRates, place: int, effect: Effect, months: float, seed: int
) -> dict[str, object]:
    own = found.own(place)
    target = found.peers(place, 0.75 if effect.helps else 0.25)
    room = target - own if effect.helps else own - target
    monthly = float(found.opportunities[place]) / months
    gain = (target - own) * effect.draws(len(own), seed) * monthly
    low, high = np.percentile(gain, _SIDES)
    gap_low, gap_high = np.percentile(room, _SIDES)
    row = _row(found, place)
    above = float(str(row["above"]))
    return row | {
        "target_rate": float(found.readable(target).mean()),
        "gap": float(room.mean()),
        "gap_low": float(gap_low),
        "gap_high": float(gap_high),
        "behind": 1 - above if effect.helps else above,
        "monthly_opportunities": monthly,
        "expected_gain_inquiries": float(gain.mean()),
        "low": float(low),
        "high": float(high),
        "effect_pp": effect.effect_pp,
        "effect_low_pp": effect.low_pp,
        "effect_high_pp": effect.high_pp,
    }
