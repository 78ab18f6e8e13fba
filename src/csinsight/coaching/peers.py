"""What an agent does beside comparable peers: same mix of questions, same opportunities.

Each agent's rate is compared with what the shop as a whole does on that agent's own mix of problem
categories, and shrunk towards it by how little was seen (empirical Bayes: beta-binomial for what is
shown or not, normal for timings). How much agents differ is itself uncertain; the draws below carry
that too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, logit

from csinsight.contract.artifacts import Conversations
from csinsight.drivers.covariates import UNKNOWN
from csinsight.drivers.scales import Floats, from_model, to_model, unit_of

DRAWS: Final = 2000
_C = Conversations


@dataclass(frozen=True)
class Standing:
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


def standing(
    conversations: pd.DataFrame, behaviour: str, *, seed: int, draws: int = DRAWS
) -> Standing | None:
    """Compare the agents in one behaviour; None where nobody had an opportunity.

    Parameters
    ----------
    conversations : DataFrame
        The inquiries to look at, all with an agent.
    behaviour : str
    seed : int
        Fixes the draws; each behaviour has its own stream.
    draws : int
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
        shifts = _share_shifts(n, observed, expected, rng, draws)
    else:
        noise = float(((seen["value"] - seen["expected"]) ** 2).mean())
        shifts = _mean_shifts(n, observed - expected, noise, rng, draws)
    return Standing(behaviour, [str(a) for a in table.index], n, observed, expected, shifts)


def leave_one_out_quantile(values: Floats, place: int, quantile: float) -> Floats:
    """Return each row's quantile over all columns but `place` (linear interpolation)."""
    others = np.delete(values, place, axis=1)
    if others.shape[1] == 0:
        return np.zeros(len(values))
    position = quantile * (others.shape[1] - 1)
    low = int(position)
    high = min(low + 1, others.shape[1] - 1)
    parts = np.partition(others, [low, high], axis=1)
    return np.asarray(parts[:, low] + (position - low) * (parts[:, high] - parts[:, low]))


def _share_shifts(
    n: Floats, observed: Floats, expected: Floats, rng: np.random.Generator, draws: int
) -> Floats:
    """Draw log-odds against expected under a beta-binomial with means `expected`.

    The prior's weight (in inquiries) is drawn from its own likelihood over a grid, flat in its
    logarithm.
    """
    shown = np.round(n * observed)
    weights = np.geomspace(2, 5000, 40)
    a, b = np.outer(weights, expected), np.outer(weights, 1 - expected)
    likelihood = (betaln(shown + a, n - shown + b) - betaln(a, b)).sum(axis=1)
    weight = rng.choice(weights, draws, p=_normalised(likelihood))[:, None]
    share = rng.beta(shown + weight * expected, n - shown + weight * (1 - expected))
    return np.asarray(logit(np.clip(share, 1e-6, 1 - 1e-6)) - logit(expected))


def _mean_shifts(
    n: Floats, difference: Floats, noise: float, rng: np.random.Generator, draws: int
) -> Floats:
    sampling = noise / n
    scale = max(noise, 1e-12) ** 0.5
    spreads = scale * np.geomspace(0.005, 3, 40)
    total = spreads[:, None] ** 2 + sampling
    likelihood = -0.5 * (np.log(total) + difference**2 / total).sum(axis=1)
    spread = rng.choice(spreads, draws, p=_normalised(likelihood))[:, None] ** 2
    kept = spread / (spread + sampling)
    return np.asarray(rng.normal(kept * difference, np.sqrt(kept * sampling)))


def _normalised(log_likelihood: Floats) -> Floats:
    weights = np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(weights / weights.sum())
