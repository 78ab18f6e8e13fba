"""Whether the best buyers are being lost: who moved, who fell silent, what money is at stake."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import ValueTiers
from csinsight.contract.domain import TIERS

_T = ValueTiers
#: The tiers that carry the shop.
BEST: Final = ("core", "vip")
#: Buyers of the last stretch that are needed to say how far such sums can be trusted.
MIN_HELD_OUT: Final = 50
_DRAWS: Final = 1000
COLUMNS: Final = ("buyer_id", "tier_before", "tier", "expected_before", "expected", "loss")


@dataclass(frozen=True)
class Leaving:
    """What became of the buyers who carried the shop a month ago.

    Parameters
    ----------
    of, fell, rose, fresh : int
        Core and VIP buyers a month ago; of these now below core; buyers who are new in core or
        VIP; of these without any tier a month ago. Tiers are shares of the shop, so about as many
        rise as fall, whatever happens.
    silent : DataFrame
        Core and VIP buyers of a month ago who bought nothing since and are now expected to spend
        less: ``buyer_id``, ``tier_before``, ``tier``, ``expected_before``, ``expected`` (net
        spend in 90 days, as expected then and now), ``loss``; the largest loss first.
    at_stake, low, high : float
        Sum of ``loss``, and between what it lies if it comes true as the last 90 days' forecast of
        as many buyers did (95 %); NaN where the shop is too young to tell.
    before, bought, quiet, new, now : float
        The whole shop's expected net spend of 90 days: a month ago; by how much it changed since
        for buyers who bought in the month, for those who did not (time passes, and orders drop
        out of the look-back), and through new buyers; and now. ``now`` is the sum of the others.
    """

    of: int
    fell: int
    rose: int
    fresh: int
    silent: pd.DataFrame
    at_stake: float
    low: float
    high: float
    before: float
    bought: float
    quiet: float
    new: float
    now: float

    @property
    def answer(self) -> str:
        """Whether more goes than comes: ``yes``, ``no``, ``unclear`` or ``young`` (unknown error).

        What buyers who did not buy take off the forecast, with the forecast's own relative error,
        is held against what those who bought and new ones add.
        """
        least, most = self.lost
        if isnan(least):
            return "young"
        gain = self.bought + self.new
        return "yes" if least > gain else "no" if most < gain else "unclear"

    @property
    def lost(self) -> tuple[float, float]:
        """Between what lies what buyers who did not buy take off the forecast (95 %)."""
        if not self.at_stake > 0:
            return nan, nan
        ends = sorted(-self.quiet * end / self.at_stake for end in (self.low, self.high))
        return ends[0], ends[1]


def leaving(
    before: pd.DataFrame,
    now: pd.DataFrame,
    bought: Collection[str],
    held_out: pd.DataFrame,
    *,
    seed: int,
) -> Leaving:
    """Compare the value tiers of two moments.

    Parameters
    ----------
    before, now : DataFrame
        Value tiers of two moments, a month apart.
    bought : collection of str
        Buyers who placed a paid order in between.
    held_out : DataFrame
        ``expected`` and ``actual`` spend of the last 90 days by buyer, as the forecast in use
        would have had it (`csinsight.segments.model_selection.Outlook`).
    seed : int

    Examples
    --------
    >>> names = ["buyer_id", "tier", "expected_spend_90d"]
    >>> before = pd.DataFrame([("a", "vip", 90.0), ("b", "core", 40.0)], columns=names)
    >>> now = pd.DataFrame([("a", "ordinary", 20.0), ("b", "core", 45.0)], columns=names)
    >>> young = pd.DataFrame(columns=["expected", "actual"])
    >>> found = leaving(before, now, {"b"}, young, seed=1)
    >>> found.of, found.fell, found.silent["buyer_id"].tolist(), found.at_stake
    (2, 1, ['a'], 70.0)
    >>> found.before, found.bought, found.quiet, found.now
    (130.0, 5.0, -70.0, 65.0)
    """
    names = [_T.BUYER_ID, _T.TIER, _T.EXPECTED_SPEND_90D]
    both = before[names].merge(now[names], on=_T.BUYER_ID, how="outer", suffixes=("_before", ""))
    was = both[f"{_T.TIER}_before"]
    old, fresh = (both[f"{_T.EXPECTED_SPEND_90D}{end}"].fillna(0.0) for end in ("_before", ""))
    did, known = both[_T.BUYER_ID].isin(set(bought)), was.notna()
    best, still = was.isin(BEST), both[_T.TIER].isin(BEST)
    table = both.assign(tier_before=was, expected_before=old, expected=fresh, loss=old - fresh)
    silent = table[best & ~did & (table["loss"] > 0)][list(COLUMNS)].fillna({_T.TIER: TIERS[0]})
    silent = silent.sort_values(["loss", "buyer_id"], ascending=[False, True], ignore_index=True)
    forecast = float(silent["loss"].sum())
    low, middle, high = _trust(held_out, len(silent), seed)
    change = fresh - old
    return Leaving(
        of=int(best.sum()),
        fell=int((best & ~still).sum()),
        rose=int((still & ~best).sum()),
        fresh=int((still & ~known).sum()),
        silent=silent,
        at_stake=forecast * middle,
        low=forecast * low,
        high=forecast * high,
        before=float(old.sum()),
        bought=float(change[known & did].sum()),
        quiet=float(change[known & ~did].sum()),
        new=float(change[~known].sum()),
        now=float(fresh.sum()),
    )


def _trust(held_out: pd.DataFrame, buyers: int, seed: int) -> tuple[float, float, float]:
    """Return what share of so many buyers' expected spend came true over 90 days, in an interval.

    Where nothing was held out the forecast stands, without an interval.

    Drawn are groups of as many buyers, the more often the more was expected of them: a sum over a
    few large buyers is less sure than one over the whole shop.
    """
    expected, actual = held_out[["expected", "actual"]].to_numpy(dtype=float).T
    if len(held_out) < MIN_HELD_OUT or not expected.sum() > 0 or not buyers:
        return float("nan"), 1.0, float("nan")
    weights = expected.clip(min=0)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(expected), (_DRAWS, buyers), p=weights / weights.sum())
    shares = actual[drawn].sum(axis=1) / expected[drawn].sum(axis=1)
    low, middle, high = np.quantile(shares, (0.025, 0.5, 0.975))
    return float(low), float(middle), float(high)
