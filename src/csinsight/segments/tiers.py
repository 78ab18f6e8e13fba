"""Four value tiers from past performance, present contribution and future potential.

The textbook divides by these three and gives no cut-offs; the shares here are the shop's own.
Scores are ranks within the shop, so that a few large spenders move nobody else. A share is a
ceiling: buyers who are exactly alike are never split between two tiers, and a group of them that
would exceed the ceiling stays below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import ValueTiers
from csinsight.contract.domain import TIERS
from csinsight.errors import DataError
from csinsight.features.spend import SpendFeatures
from csinsight.segments.forecast_error import ForecastError, forecast_error
from csinsight.segments.options import TierOptions
from csinsight.stats import Floats

#: Days that count as the present, as the textbook's "present contribution" is read here.
PRESENT_DAYS: Final = 90
#: Labels in `tier_moves` of buyers who are known on one side only.
NEW, GONE = "new", "gone"
_T = ValueTiers
#: The tiers that carry the shop.
BEST: Final = ("core", "vip")
_DRAWS: Final = 1000
COLUMNS: Final = ("buyer_id", "tier_before", "tier", "expected_before", "expected", "loss")


def value_tiers(
    spend: pd.DataFrame,
    expected: pd.Series,
    options: TierOptions,
    *,
    everyone: Iterable[str] = (),
) -> pd.DataFrame:
    """Give every buyer one tier.

    ``vip``: the top by the lower of past and present score. ``core``: of the others, the top by
    present score among those who bought in the last 90 days. ``potential``: of the others, the
    top by expected spend among those expected to spend more than the median buyer.
    ``ordinary``: the rest. A buyer at least as good in all that counts is in no lower tier.

    Parameters
    ----------
    spend : DataFrame
        `csinsight.features.spend.spend_features`, a row a buyer who bought.
    expected : Series
        Expected net spend in the next 90 days, indexed by buyer
        (`csinsight.segments.clv.expected_spend`).
    options : TierOptions
        For the shares.
    everyone : iterable of str
        Further known buyers; those who never bought are ``ordinary`` with scores of 0.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.ValueTiers`, sorted by buyer.

    Raises
    ------
    DataError
        Where the shares do not fit into one, a buyer stands twice or has no expected spend.

    Examples
    --------
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> spend = spend_features(sample_shop(), context.as_of, order_days=365)
    >>> from csinsight.segments.clv import expected_spend
    >>> tiers = value_tiers(spend, expected_spend(spend), context.tiers)
    >>> sorted(set(tiers["tier"]))
    ['core', 'ordinary', 'potential', 'vip']
    """
    table = _scores(spend, expected, options)
    recent = spend[SpendFeatures.orders_in(PRESENT_DAYS)].to_numpy(dtype=float) > 0
    # Each buyer's tier: from the top down, the best of those who are still without one.
    past = table[ValueTiers.PAST_SCORE].to_numpy()
    present = table[ValueTiers.PRESENT_SCORE].to_numpy()
    future = table[ValueTiers.EXPECTED_SPEND_90D].fillna(0.0).to_numpy()
    middle = np.median(future) if len(future) else 0.0
    tier = np.full(len(table), TIERS[0], dtype=object)
    free = np.ones(len(table), dtype=bool)
    for name, score, may, share in (
        ("vip", np.minimum(past, present), recent, options.vip_share),
        ("core", present, recent, options.core_share),
        ("potential", future, future > middle, options.potential_share),
    ):
        chosen = _top(score, free & may, share * len(table))
        tier[chosen] = name
        free &= ~chosen
    table.insert(1, ValueTiers.TIER, tier)
    if rest := sorted(set(everyone) - set(table[ValueTiers.BUYER_ID])):
        table = pd.concat([table, _never_bought(rest, table)], ignore_index=True)
    table = table.astype({ValueTiers.BUYER_ID: "str", ValueTiers.TIER: "str"})
    return table.sort_values(ValueTiers.BUYER_ID, ignore_index=True)


def money_by_tier(tiers: pd.DataFrame) -> pd.DataFrame:
    """Return the number of buyers and the money of each tier.

    Parameters
    ----------
    tiers : DataFrame
        From `value_tiers`.

    Returns
    -------
    DataFrame
        A row a tier in the order of `TIERS`: ``buyers``, ``net_spend``, ``net_spend_90d``,
        ``expected_spend_90d``, and ``share_of_buyers``, ``share_of_net_spend``; shares are NaN
        where the total is not positive.

    Examples
    --------
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> spend = spend_features(sample_shop(), context.as_of, order_days=365)
    >>> from csinsight.segments.clv import expected_spend
    >>> tiers = value_tiers(spend, expected_spend(spend), context.tiers)
    >>> round(money_by_tier(tiers)["share_of_net_spend"].sum(), 6)
    np.float64(1.0)
    """
    money = [ValueTiers.NET_SPEND, ValueTiers.NET_SPEND_90D, ValueTiers.EXPECTED_SPEND_90D]
    groups = tiers.groupby(ValueTiers.TIER)
    table = groups[money].sum()
    table.insert(0, "buyers", groups.size())
    table = table.reindex(list(TIERS), fill_value=0)
    for name, column in (("buyers", "buyers"), ("net_spend", ValueTiers.NET_SPEND)):
        total = table[column].sum()
        table[f"share_of_{name}"] = table[column] / total if total > 0 else np.nan
    return table.rename_axis(ValueTiers.TIER).reset_index()


def tier_moves(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Count the buyers who moved between tiers.

    Parameters
    ----------
    now, before : DataFrame
        From `value_tiers`, as of two moments.

    Returns
    -------
    DataFrame
        Rows: tier before, and ``new``; columns: tier now, and ``gone``. Whole counts.

    Examples
    --------
    >>> from csinsight.features.spend import spend_features
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> spend = spend_features(sample_shop(), context.as_of, order_days=365)
    >>> from csinsight.segments.clv import expected_spend
    >>> tiers = value_tiers(spend, expected_spend(spend), context.tiers)
    >>> int(tier_moves(tiers, tiers).to_numpy().sum()) == len(tiers)
    True
    """
    names = (ValueTiers.BUYER_ID, ValueTiers.TIER)
    both = before[list(names)].merge(
        now[list(names)], on=ValueTiers.BUYER_ID, how="outer", suffixes=("_before", "_now")
    )
    was = both[f"{ValueTiers.TIER}_before"].fillna(NEW)
    became = both[f"{ValueTiers.TIER}_now"].fillna(GONE)
    counts = pd.crosstab(was, became)
    counts = counts.reindex(index=[*TIERS, NEW], columns=[*TIERS, GONE], fill_value=0)
    return counts.rename_axis(index="before", columns="now")


def _scores(spend: pd.DataFrame, expected: pd.Series, options: TierOptions) -> pd.DataFrame:
    """Return a row a buyer with the three scores, of what can be scored."""
    shares = (options.vip_share, options.core_share, options.potential_share)
    if min(shares) < 0 or sum(shares) > 1:
        raise DataError(
            f"vip_share, core_share and potential_share are {shares}: each has to be at least 0 "
            "and together at most 1"
        )
    ids = spend[SpendFeatures.BUYER_ID]
    if ids.duplicated().any():
        raise DataError(f"buyer {ids[ids.duplicated()].iloc[0]!r} stands twice in the spend table")
    if expected.index.duplicated().any() or not ids.isin(expected.index).all():
        raise DataError("expected spend needs one value for every buyer, indexed by buyer_id")
    money = spend[SpendFeatures.NET_SPEND].astype("float64")
    money_now = spend[SpendFeatures.NET_SPEND_90D].astype("float64")
    since = (spend[SpendFeatures.T] - spend[SpendFeatures.T_X]).astype("float64")
    return pd.DataFrame(
        {
            ValueTiers.BUYER_ID: ids.to_numpy(),
            ValueTiers.PAST_SCORE: _mean_rank(money, spend[SpendFeatures.ORDERS]).to_numpy(),
            ValueTiers.PRESENT_SCORE: _mean_rank(money_now, -since).to_numpy(),
            ValueTiers.EXPECTED_SPEND_90D: expected.reindex(ids).to_numpy(dtype=float),
            ValueTiers.NET_SPEND_90D: money_now.to_numpy(),
            ValueTiers.NET_SPEND: money.to_numpy(),
        }
    )


def _mean_rank(*columns: pd.Series) -> pd.Series:
    """Return the mean of percentile ranks in [0, 1]; a column that is not recorded is left out."""
    ranks = [column.astype("float64").rank(pct=True) for column in columns if column.notna().any()]
    if not ranks:
        return pd.Series(0.0, index=columns[0].index)
    return pd.concat(ranks, axis=1).mean(axis=1).round(12)


def _top(score: Floats, may: npt.NDArray[np.bool_], ceiling: float) -> npt.NDArray[np.bool_]:
    """Choose the highest scores, whole groups of equals, within the ceiling."""
    at_least = pd.Series(score[may]).rank(method="max", ascending=False).to_numpy()
    chosen = np.zeros(len(score), dtype=bool)
    # A hair of tolerance: 0.1 * 30 is 3.0000000000000004 or 2.9999999999999996.
    chosen[np.flatnonzero(may)] = at_least <= ceiling + 1e-9
    return chosen


def _never_bought(ids: list[str], like: pd.DataFrame) -> pd.DataFrame:
    rest = pd.DataFrame(0.0, index=range(len(ids)), columns=like.columns)
    rest[ValueTiers.BUYER_ID] = ids
    rest[ValueTiers.TIER] = TIERS[0]
    return rest.astype(dict.fromkeys(like.columns[2:], "float64"))


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
        Sum of ``loss``, and between what it lies (95 %) if it errs as the last 90 days' forecast of
        as many buyers did, and as totals err from one stretch to the next
        (`csinsight.segments.forecast_error`); NaN where the shop is too young to tell.
    before, bought, quiet, new, now : float
        The whole shop's expected net spend of 90 days: a month ago; by how much it changed since
        for buyers who bought in the month, for those who did not (time passes, and orders drop
        out of the look-back), and through new buyers; and now. ``now`` is the sum of the others.
    least, most : float
        Between what ``now`` lies (95 %); NaN where the shop is too young to tell.
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
    least: float
    most: float

    @property
    def answer(self) -> str:
        """Whether more goes than comes: ``yes``, ``no``, ``unclear``, ``young`` or ``odd``.

        Young is a shop whose error is not known. It is odd that buyers who did not buy are expected
        to spend more than a month ago: days are missing, another model is used, or the model was
        fitted anew to other months, and the two estimates can't be compared.
        What buyers who did not buy take off the forecast, with the forecast's own relative error,
        is held against what those who bought and new ones add.
        """
        least, most = self.lost
        if isnan(least):
            return "young"
        if self.quiet > 0:
            return "odd"
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
        Value tiers of two moments, a month apart; what both expect is corrected alike by what
        `held_out` tells (`csinsight.segments.by_month.tiers_by_month`).
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
    error = forecast_error(held_out)
    low, high = _trust(held_out, error, len(silent), seed)
    least, most = error.interval(float(fresh.sum()))
    change = fresh - old
    return Leaving(
        of=int(best.sum()),
        fell=int((best & ~still).sum()),
        rose=int((still & ~best).sum()),
        fresh=int((still & ~known).sum()),
        silent=silent,
        at_stake=forecast,
        low=forecast * low,
        high=forecast * high,
        before=float(old.sum()),
        bought=float(change[known & did].sum()),
        quiet=float(change[known & ~did].sum()),
        new=float(change[~known].sum()),
        now=float(fresh.sum()),
        least=least,
        most=most,
    )


def _trust(
    held_out: pd.DataFrame, error: ForecastError, buyers: int, seed: int
) -> tuple[float, float]:
    """Return what shares of so many buyers' expected spend may come (95 %); NaN where unknown.

    Drawn are groups of as many buyers, the more often the more was expected of them: a sum over a
    few large buyers is less sure than one over the whole shop. How far the whole sum may be off
    comes on top: drawn from one stretch, all groups share its season and its large buyers.
    """
    if isnan(error.spread) or not buyers:
        return nan, nan
    expected, actual = held_out[["expected", "actual"]].to_numpy(dtype=float).T
    weights = expected.clip(min=0)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(expected), (_DRAWS, buyers), p=weights / weights.sum())
    shares = actual[drawn].sum(axis=1) / expected[drawn].sum(axis=1)
    with np.errstate(divide="ignore"):
        logs = np.log(np.quantile(shares, (0.025, 0.975)) * expected.sum() / actual.sum())
    low, high = np.hypot(np.array([min(logs[0], 0.0), max(logs[1], 0.0)]), error.reach)
    return float(np.exp(-low)), float(np.exp(high))
