"""Types and tiers at every turn of the month that a run needs, made once and read by all.

Each month's segments are what the report of that month says, by the same parameters: they know
nothing of what came after. So a page that says who moved, a driver that is cut by type and a
playbook all read the same labels. Beside a conversation stand the labels as of the start of the
calendar month in which it began: a purchase must never help to make the label that explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, SegmentsByMonth, ValueTiers
from csinsight.contract.domain import TIERS, UNCLASSIFIED
from csinsight.engine import Shop
from csinsight.features.spend import spend_features
from csinsight.params import add_months
from csinsight.segments.forecast_error import forecast_error
from csinsight.segments.model_selection import Outlook, look_ahead
from csinsight.segments.options import TierOptions, TypeOptions
from csinsight.segments.tiers import value_tiers
from csinsight.segments.types import MonthTypes, reader, types_at


def types_by_month(
    shop: Shop, as_of: datetime, options: TypeOptions, *, months: int
) -> list[MonthTypes]:
    """Return the types as of `as_of` and as of each of the `months` month starts before it.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        First moment of a month.
    options : TypeOptions
    months : int

    Returns
    -------
    list of MonthTypes
        In order of time; each but the first has the month before as its ``before``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> found = types_by_month(sample_shop(), context.as_of, context.types, months=1)
    >>> [f"{month.as_of:%Y-%m-%d}" for month in found]
    ['2026-10-01', '2026-11-01']
    """
    read = reader(shop, options)
    found: list[MonthTypes] = []
    for back in range(months, -1, -1):
        month = types_at(shop, add_months(as_of, -back), options, read=read)
        before = found[-1].types if found else month.before
        found.append(MonthTypes(month.as_of, month.features, month.types, before))
    return found


@dataclass(frozen=True)
class MonthTiers:
    """The value tiers as of one moment.

    Parameters
    ----------
    as_of : datetime
    tiers : DataFrame
        Columns of `csinsight.contract.artifacts.ValueTiers`.
    outlook : Outlook
        What each buyer is expected to spend, and by which model.
    """

    as_of: datetime
    tiers: pd.DataFrame
    outlook: Outlook


def tiers_by_month(
    shop: Shop, as_of: datetime, options: TierOptions, *, months: int
) -> list[MonthTiers]:
    """Return the tiers as of `as_of` and as of each of the `months` month starts before it.

    Every month's model of future spend is the one that was chosen on what was known then. What all
    months expect is corrected alike, by what the last month's model got wrong
    (`csinsight.segments.forecast_error`): months compare, and tiers don't hang on it.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        First moment of a month.
    options : TierOptions
    months : int

    Returns
    -------
    list of MonthTiers
        In order of time.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> found = tiers_by_month(sample_shop(), context.as_of, context.tiers, months=1)
    >>> [f"{month.as_of:%Y-%m-%d}" for month in found]
    ['2026-10-01', '2026-11-01']
    """
    moments = [add_months(as_of, -back) for back in range(months, -1, -1)]
    outlooks = [look_ahead(shop, moment, options) for moment in moments]
    factor = forecast_error(outlooks[-1].held_out).factor
    found = []
    for moment, outlook in zip(moments, outlooks, strict=True):
        spend = spend_features(shop, moment, order_days=options.order_days)
        tiers = value_tiers(spend, outlook.expected * factor, options)
        found.append(MonthTiers(moment, tiers, outlook))
    return found


def labels_by_month(months: Sequence[MonthTypes] | Sequence[MonthTiers]) -> pd.DataFrame:
    """Return one row a buyer and moment: ``as_of``, ``buyer_id`` and ``type``, or ``tier``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> found = tiers_by_month(sample_shop(), context.as_of, context.tiers, months=1)
    >>> labels_by_month(found).columns.tolist()
    ['as_of', 'buyer_id', 'tier']
    """
    parts = []
    for month in months:
        if isinstance(month, MonthTypes):
            labels = month.types.buyers[[BuyerTypes.BUYER_ID, BuyerTypes.TYPE]]
        else:
            labels = month.tiers[[ValueTiers.BUYER_ID, ValueTiers.TIER]]
        parts.append(labels.assign(**{SegmentsByMonth.AS_OF: pd.Timestamp(month.as_of)}))
    table = pd.concat(parts, ignore_index=True)
    return table[[SegmentsByMonth.AS_OF, *table.columns.drop(SegmentsByMonth.AS_OF)]]


def lagged_segments(
    conversations: pd.DataFrame,
    types: pd.DataFrame | None,
    tiers: pd.DataFrame | None,
    *,
    as_of: datetime,
) -> pd.DataFrame:
    """Return each conversation's buyer as known before the month in which it began.

    Parameters
    ----------
    conversations : DataFrame
        ``conversation_id``, ``buyer_id`` and ``started_at``; those without a time belong to the
        month before `as_of`.
    types, tiers : DataFrame or None
        From `labels_by_month`; None where the shop can't tell.
    as_of : datetime
        End of the run's month.

    Returns
    -------
    DataFrame
        ``conversation_id``, ``type`` and ``tier``, in the order given. A buyer not seen before is
        ``unclassified`` and ``ordinary``; null for conversations that began before the first
        moment of the tables, and throughout where there is no table.

    Examples
    --------
    >>> three = pd.DataFrame({"conversation_id": ["c1", "c2", "c3"], "buyer_id": ["a", "b", "a"],
    ...     "started_at": pd.to_datetime(["2026-10-05", "2026-10-05", "2026-09-30"])})
    >>> october = pd.DataFrame({"as_of": pd.to_datetime(["2026-10-01"]), "buyer_id": ["a"],
    ...     "type": ["simple"]})
    >>> known = lagged_segments(three, october, None, as_of=datetime(2026, 11, 1))
    >>> known["type"].tolist()
    ['simple', 'unclassified', nan]
    """
    started = pd.to_datetime(conversations[Conversations.STARTED_AT])
    began = started.dt.normalize() - pd.to_timedelta(started.dt.day - 1, unit="D")
    keys = pd.DataFrame(
        {
            BuyerTypes.BUYER_ID: conversations[Conversations.BUYER_ID].astype("str").to_numpy(),
            SegmentsByMonth.AS_OF: began.fillna(pd.Timestamp(add_months(as_of, -1))).to_numpy(),
        }
    )
    made = pd.DataFrame(
        {Conversations.CONVERSATION_ID: conversations[Conversations.CONVERSATION_ID].to_numpy()}
    )
    for name, table, unknown in (
        (BuyerTypes.TYPE, types, UNCLASSIFIED),
        (ValueTiers.TIER, tiers, TIERS[0]),
    ):
        made[name] = None if table is None else _look_up(keys, table, name, unknown).to_numpy()
    return made.astype("str")


def _look_up(keys: pd.DataFrame, table: pd.DataFrame, name: str, unknown: str) -> pd.Series:
    moments = table[SegmentsByMonth.AS_OF].astype(keys[SegmentsByMonth.AS_OF].dtype)
    table = table.assign(**{SegmentsByMonth.AS_OF: moments})
    found = keys.merge(table, on=list(keys), how="left", validate="many_to_one")[name]
    made = keys[SegmentsByMonth.AS_OF].isin(moments.unique())
    return found.where(found.notna() | ~made, unknown)
