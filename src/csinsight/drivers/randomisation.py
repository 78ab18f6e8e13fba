"""What a lot tells: effects of a staggered start, by drawing the lot anew many times.

In each week those who have started are compared with those who have not yet, beyond what each agent
and each week is like anyway: a two-way fixed-effects fit over cells of agent and week, weighted by
inquiries. How far from zero an estimate has to be is told by drawing the lot anew (randomisation
inference), and an interval holds the effects that the lots don't refuse. That is exact for effects
that are alike for all, however buyers' chances drift or differ.

References
----------
Ji, Fink, Robyn, Small (2017), "Randomization inference for stepped-wedge cluster-randomized
trials", Annals of Applied Statistics 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from csinsight.drivers.units import Floats

#: Lots drawn anew for a test.
_LOTS: Final = 1999
#: A 95 % interval needs at least so many different lots.
_LEAST_LOTS: Final = 40
#: A lot's own part of a cell has to be larger, for the lot to be told from agents and weeks.
_TINY: Final = 1e-9


@dataclass(frozen=True)
class Cells:
    """Cells of agent and week of a roll-out.

    Parameters
    ----------
    number, started : array (agents, weeks)
        Inquiries, and 1 where the agent had started, else 0.

    Examples
    --------
    Two agents of like size, three weeks; the second starts a week later:

    >>> cells = Cells(np.full((2, 3), 50.0), np.array([[0, 1, 1], [0, 0, 1.0]]))
    >>> lots = cells.lots(np.random.default_rng(1), 0)
    >>> weights, scale = cells.weigh(lots)
    >>> paid = np.array([[0.2, 0.3, 0.3], [0.2, 0.2, 0.3]])
    >>> np.round(weights @ paid.ravel() / scale, 3)
    array([0.1])
    """

    number: Floats
    started: Floats

    def lots(self, rng: np.random.Generator, count: int) -> Floats:
        """Return the actual lot and `count` drawn anew, each a row of cells: (count + 1, cells)."""
        agents = len(self.started)
        orders = np.array([np.arange(agents), *(rng.permutation(agents) for _ in range(count))])
        return np.asarray(self.started[orders].reshape(count + 1, -1))

    def weigh(self, lots: Floats) -> tuple[Floats, Floats]:
        """Return what estimates of each lot are made with.

        Returns
        -------
        weights : array (lots, cells)
            Their product with cells' means, over `scale`, is the two-way fixed-effects estimate.
        scale : array (lots,)
            Zero where a lot can't be told from agents and weeks.
        """
        agents, weeks = self.number.shape
        levels = np.hstack(
            [np.repeat(np.eye(agents), weeks, axis=0), np.tile(np.eye(weeks), (agents, 1))]
        )
        number = self.number.ravel()
        weighted = number[:, None] * levels
        known = np.linalg.pinv(levels.T @ weighted) @ (weighted.T @ lots.T)
        weights = number * (lots - (levels @ known).T)
        return weights, np.asarray((weights * lots).sum(axis=1))

    @property
    def least_scale(self) -> float:
        """Below it a lot tells nothing."""
        return _TINY * max(float(self.number.sum()), 1.0)


@dataclass(frozen=True)
class Reading:
    """An effect on cells' means with its 95 % interval, and the lots' p-value of none."""

    effect: float
    low: float
    high: float
    p_value: float


def read_by_lot(cells: Cells, seed: int, *outcomes: Floats) -> list[Reading] | None:
    """Estimate the effect on cells' means of each outcome; None where the lots can't tell.

    Parameters
    ----------
    cells : Cells
    seed : int
        Of the lots drawn anew.
    *outcomes : array (agents, weeks)
        Means of cells.

    Notes
    -----
    The estimate of lot r on outcomes less an effect e of the actual lot is ``a_r - e b_r``, so that
    each lot refuses e on an interval around the actual estimate that can be written down.

    Examples
    --------
    >>> weeks = np.arange(9)
    >>> started = (weeks >= np.arange(1, 9)[:, None]).astype(float)
    >>> rng = np.random.default_rng(1)
    >>> paid = 0.3 + 0.1 * started + rng.normal(0, 0.01, started.shape)
    >>> (found,) = read_by_lot(Cells(np.full(started.shape, 80.0), started), 7, paid)
    >>> bool(found.low < 0.1 < found.high), found.p_value < 0.01
    (True, True)
    """
    lots = cells.lots(np.random.default_rng([seed, 2]), _LOTS)
    weights, scale = cells.weigh(lots)
    if scale[0] <= cells.least_scale or len(np.unique(lots, axis=0)) < _LEAST_LOTS:
        return None
    scale = np.maximum(scale, cells.least_scale)
    b = weights @ lots[0] / scale
    return [_reading(weights @ means.ravel() / scale, b) for means in outcomes]


def _reading(a: Floats, b: Floats) -> Reading:
    """Return estimate, interval and p from each lot's estimate of the outcome and of the lot."""
    apart = a[1:] - a[0] * b[1:]
    # A lot that is the actual one (b = 1) never refuses.
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.array([apart / (1 + b[1:]), -apart / (1 - b[1:])])
    same = np.abs(np.abs(b[1:]) - 1) < 1e-9
    reach_up = np.sort(np.where(same, np.inf, np.max(ends, axis=0)))
    reach_down = np.sort(np.where(same, -np.inf, np.min(ends, axis=0)))
    kept = int(0.05 * (_LOTS + 1))
    return Reading(
        effect=float(a[0]),
        low=float(a[0] + reach_down[kept - 1]),
        high=float(a[0] + reach_up[-kept]),
        p_value=float(p_values(a)),
    )


def p_values(estimates: Floats) -> Floats:
    """Return the share of lots, the actual one among them, that are as far from zero as it.

    Parameters
    ----------
    estimates : array (lots,) or (lots, outcomes)
        The actual lot's first.

    Examples
    --------
    >>> float(p_values(np.array([2.0, -1.0, 0.5, 1.5])))
    0.25
    """
    size = np.abs(estimates)
    return np.asarray((size >= size[0] * (1 - _TINY)).mean(axis=0))
