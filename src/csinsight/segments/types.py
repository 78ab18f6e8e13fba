"""Which of the six types a buyer is, how sure that is, and what decided it.

Unlike a plain clustering, every group starts from its archetype's signature and has to match it
best once fitted; groups that do not are not given a name. Probabilities carry each buyer's own
evidence (`csinsight.segments.mixture`).

Types followed from month to month, so that a month's labels know what came before.

Everything is read anew from the shop's own tables: the same data gives the same labels whichever
months were reported before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES, MIXED, UNCLASSIFIED
from csinsight.engine import Shop
from csinsight.features.buyers import CutEvents, buyer_features
from csinsight.params import add_months
from csinsight.segments.fitting import fit_model
from csinsight.segments.model import TypeModel, held, remembered, seen, together
from csinsight.segments.options import TypeOptions
from csinsight.segments.shrink_features import ADDED_UP, EVEN, Evidence, weigh
from csinsight.stats import Floats

#: Gives buyers' raw counts as of a moment; with a flag, those of half the days beside them.
Read: TypeAlias = Callable[[datetime, bool], pd.DataFrame]

#: Named beside the features where what was remembered of a buyer decided.
EARLIER: Final = "earlier"
#: How many features are named as having decided a buyer's type.
REASONS: Final = 3
_CHUNK: Final = 100_000


@dataclass(frozen=True)
class TypeResult:
    """Types of all buyers and the model behind them.

    Parameters
    ----------
    buyers : DataFrame
        One row a buyer, in the order given: columns of
        `csinsight.contract.artifacts.BuyerTypes`.
    centres : DataFrame
        Supported types by features: centre of each type in robust z-scores of this shop.
    unsupported : list of str
        Types that this shop's data does not support, in the order of `BUYER_TYPES`.
    reasons : dict of str to str
        Why each of them is not: ``few_buyers``, ``no_evidence``, ``no_difference``,
        ``few_members``, ``not_distinct``, ``no_match`` or ``no_contrast``.
    sizes : Series
        Buyers by label, all eight labels.
    left_out : list of str
        Features not used; why is in ``model.left_out``.
    model : TypeModel
        What next month's run can start from.
    """

    buyers: pd.DataFrame
    centres: pd.DataFrame
    unsupported: list[str]
    reasons: dict[str, str]
    sizes: pd.Series
    left_out: list[str]
    model: TypeModel


def fit_types(
    features: pd.DataFrame,
    options: TypeOptions,
    *,
    previous: TypeModel | TypeResult | None = None,
    earlier: pd.DataFrame | None = None,
) -> TypeResult:
    """Fit the types on a shop's buyers and label each of them.

    Parameters
    ----------
    features : DataFrame
        Raw counts, one row a buyer (`csinsight.features.buyers.buyer_features`).
    options : TypeOptions
    previous : TypeModel or TypeResult, optional
        Last month's model: types start from where they were. With a result, last month's labels
        are held too (`csinsight.segments.model.held`).
    earlier : DataFrame, optional
        Raw counts of the look-back before this one (`csinsight.segments.model.remembered`).

    Raises
    ------
    ValueError
        Where `features` has no ``buyer_id`` or ``pages``.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> len(result.buyers) == len(features)
    True
    """
    if missing := {"buyer_id", "pages"} - set(features):
        raise ValueError(f"features lack {sorted(missing)}: give a row a buyer of buyer_features")
    start = previous.model if isinstance(previous, TypeResult) else previous
    signatures, least = options.signatures, options.min_pages
    model = fit_model(features, signatures, min_pages=least, seed=options.seed, previous=start)
    known = []
    if earlier is not None and len(earlier):
        known.append(remembered(earlier, model, signatures.memory))
    if isinstance(previous, TypeResult):
        known.append(held(previous.buyers, signatures.memory))
    memory = together(*known) if known else None
    sure = options.confidence
    return label(features, model, min_pages=least, confidence=sure, memory=memory)


def label(
    features: pd.DataFrame,
    model: TypeModel,
    *,
    min_pages: int,
    confidence: float,
    memory: pd.DataFrame | None = None,
) -> TypeResult:
    """Label buyers by a model fitted before, on the same or on other buyers.

    `memory` holds what is known of buyers from before (`csinsight.segments.model`).

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> from csinsight.segments.types import read_buyers
    >>> context = sample_context()
    >>> features = read_buyers(sample_shop(), context.types, context.as_of)
    >>> result = fit_types(features, context.types)
    >>> again = label(features, result.model, min_pages=5, confidence=0.6)
    >>> len(again.buyers) == len(features)
    True
    """
    parts = []
    for start in range(0, max(len(features), 1), _CHUNK):
        some = features.iloc[start : start + _CHUNK]
        before = None if memory is None else _of(memory, some["buyer_id"])
        parts.append(_label(some, model, min_pages, confidence, before))
    buyers = pd.concat(parts, ignore_index=True)
    sizes = buyers[BuyerTypes.TYPE].value_counts()
    order = [*BUYER_TYPES, MIXED, UNCLASSIFIED]
    return TypeResult(
        buyers=buyers,
        centres=model.centre_table(),
        unsupported=[name for name in BUYER_TYPES if name in model.unsupported],
        reasons=dict(model.unsupported),
        sizes=sizes.reindex(order, fill_value=0).rename("buyers"),
        left_out=list(model.left_out),
        model=model,
    )


def _of(memory: pd.DataFrame, ids: pd.Series) -> Floats:
    """Return the memory of buyers in their order; 0 for whom nothing is remembered."""
    rows = memory.index.get_indexer(pd.Index(ids.astype("str")))
    table = np.vstack([memory.to_numpy(), np.zeros(memory.shape[1])])
    return np.asarray(table[rows])


def _label(
    features: pd.DataFrame,
    model: TypeModel,
    min_pages: int,
    confidence: float,
    memory: Floats | None,
) -> pd.DataFrame:
    evidence = weigh(features, model.scales)
    reading = model.read(evidence, memory)
    sure = reading.sure
    least = model.min_evidence or min_pages
    unclear = (seen(features, model.evidence) < least) | (not model.supported)
    winner = reading.six.argmax(axis=1)
    labels = np.array(BUYER_TYPES, dtype=object)[winner]
    labels = np.where(sure < confidence, MIXED, labels)
    labels = np.where(unclear, UNCLASSIFIED, labels)
    table: dict[str, object] = {
        BuyerTypes.BUYER_ID: features["buyer_id"].to_numpy(),
        BuyerTypes.TYPE: labels,
        BuyerTypes.CONFIDENCE: sure,
    }
    for k, name in enumerate(BUYER_TYPES):
        table[f"{BuyerTypes.PROBABILITY_PREFIX}{name}"] = reading.six[:, k]
    table[BuyerTypes.NONE] = reading.none
    basis = BuyerTypes.ADAPTED if model.adapted else BuyerTypes.PAGE_VIEWS
    table[BuyerTypes.BASIS] = np.full(len(features), basis)
    table[BuyerTypes.BECAUSE] = _because(evidence, reading.spoke, unclear)
    names = (BuyerTypes.BUYER_ID, BuyerTypes.TYPE, BuyerTypes.BASIS)
    texts = dict.fromkeys(names, "str")
    return pd.DataFrame(table).astype(texts)


def _because(evidence: Evidence, spoke: Floats, unclear: npt.NDArray[np.bool_]) -> pd.Series:
    """Name the features that decided: what spoke most for the likeliest type against the others.

    Each is ``{"feature", "z", "weight"}``: the shrunk z-score and the log-odds it added; the
    feature is `EARLIER`, its z-score 0, for what was remembered. For a ``mixed`` buyer they still
    speak for the likeliest type; empty where nothing was decided.
    Made by Polars and kept as Arrow's lists: a million of Python's own take gigabytes.
    """
    order = np.argsort(-spoke, axis=1, kind="stable")[:, :REASONS]
    features = pl.Series([*evidence.features, EARLIER], dtype=pl.String)
    scores = np.column_stack([evidence.shrunk, np.zeros(len(spoke))])
    z = np.take_along_axis(scores, order, axis=1).round(2) + 0.0
    weight = np.take_along_axis(spoke, order, axis=1).round(2)
    table = pl.DataFrame({"decided": ~unclear})
    reasons = []
    for k in range(order.shape[1]):
        told = pl.struct(
            pl.lit(features.gather(order[:, k])).alias("feature"),
            pl.lit(pl.Series(z[:, k])).alias("z"),
            pl.lit(pl.Series(weight[:, k])).alias("weight"),
        )
        spoken = pl.col("decided") & pl.lit(pl.Series(weight[:, k] > 0))
        reasons.append(pl.when(spoken).then(told))
    listed = table.select(pl.concat_list(reasons).list.drop_nulls()).to_series()
    return pd.Series(pd.arrays.ArrowExtensionArray(listed.to_arrow()))


@dataclass(frozen=True)
class MonthTypes:
    """The types as of one moment.

    Parameters
    ----------
    as_of : datetime
    features : DataFrame
        What the types were read from, `csinsight.features.buyers.buyer_features`.
    types : TypeResult
    before : TypeResult or None
        A month earlier; None where nothing was followed so far.
    """

    as_of: datetime
    features: pd.DataFrame
    types: TypeResult
    before: TypeResult | None


def types_at(
    shop: Shop, as_of: datetime, options: TypeOptions, *, read: Read | None = None
) -> MonthTypes:
    """Return the types as of `as_of`, followed from some months before.

    The same tables and options give the same labels, whichever months are reported.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        First moment of a month: the end of the one before.
    options : TypeOptions
    read : callable, optional
        Gives `csinsight.features.buyers.buyer_features` as of a moment; several months read at
        once share it.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> types_at(sample_shop(), context.as_of, context.types).as_of
    datetime.datetime(2026, 11, 1, 0, 0)
    """
    *_, last = follow_types(shop, as_of, as_of, options, read=read)
    return last


def follow_types(
    shop: Shop, first: datetime, last: datetime, options: TypeOptions, *, read: Read | None = None
) -> Iterator[MonthTypes]:
    """Yield the types at every turn of the month from `first` to `last`.

    ``memory.months`` further months before `first` are gone through and not yielded. Parameters
    are those of `types_at`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> months = follow_types(sample_shop(), context.as_of, context.as_of, context.types)
    >>> [month.as_of.month for month in months]
    [11]
    """
    read = read or reader(shop, options)
    window = timedelta(days=options.page_view_days)
    moment, before = add_months(first, -options.signatures.memory.months), None
    while moment <= last:
        features, earlier = read(moment, True), read(moment - window, False)
        types = fit_types(features, options, previous=before, earlier=earlier)
        if moment >= first:
            yield MonthTypes(moment, features, types, before)
        moment, before = add_months(moment, 1), types


def reader(shop: Shop, options: TypeOptions) -> Read:
    """Return `read_buyers` for several moments: what they share is made once, each read once.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> read = reader(sample_shop(), context.types)
    >>> read(context.as_of, True) is read(context.as_of, True)
    True
    """
    days = cache(lambda even_days: CutEvents.of(shop, options.gap_hours, even_days=even_days))

    @cache
    def read(moment: datetime, halves: bool) -> pd.DataFrame:
        return read_buyers(shop, options, moment, halves, days)

    return read


def read_buyers(
    shop: Shop,
    options: TypeOptions,
    as_of: datetime,
    halves: bool = False,
    days: Callable[[bool], CutEvents | None] = lambda _: None,
) -> pd.DataFrame:
    """Return `csinsight.features.buyers.buyer_features` with the windows of `options`.

    With `halves` the same of every second day stands beside it, in columns that end in `EVEN`:
    what a buyer shows on some days and not on others is chance, not habit. What was cut beforehand,
    of all days or of even ones, is told by `days`.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context()
    >>> found = read_buyers(sample_shop(), context.types, context.as_of, halves=True)
    >>> bool((found["pages_even"] <= found["pages"]).all())
    True
    """
    read = partial(
        buyer_features,
        shop,
        as_of,
        page_view_days=options.page_view_days,
        order_days=options.order_days,
        gap_hours=options.gap_hours,
    )
    whole = read(events=days(False))
    if not halves:
        return whole
    half = read(even_days=True, events=days(True)).set_index("buyer_id")
    names = [name for name in ADDED_UP if name in half]
    some = whole.join(half[names].add_suffix(EVEN), on="buyer_id")
    for name in names:
        if whole[name].notna().any():
            some[name + EVEN] = some[name + EVEN].fillna(0)
    return some
