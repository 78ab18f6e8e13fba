"""Notebook 01: whether the six types hold here, and whether they tell anything about what came."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import chi2_contingency

from csinsight.behaviours.intervals import wilson
from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES
from csinsight.features.spend import SpendFeatures, spend_between
from csinsight.report import theme
from csinsight.report.blocks import Block, Note
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import rates
from csinsight.segments.months import MonthTypes
from csinsight.segments.support import Stability, drift
from csinsight.segments.types import TypeResult

_TYPE = BuyerTypes.TYPE
#: Hennig's bounds of the overlap on resampling: under the first a group is unstable, over the
#: second it is highly stable.
_SHAKY, _FIRM = 0.6, 0.85
#: Fewer buyers of a type than this are not drawn.
_MIN_BUYERS = 10


def verdicts(
    study: Study, types: TypeResult, stability: Stability, before: TypeResult | None
) -> Table:
    """Return, type by type, whether this shop's data supports it, and how firmly."""
    tested = stability.types.set_index(_TYPE)
    rows = pd.DataFrame({_TYPE: list(BUYER_TYPES)}).set_index(_TYPE, drop=False)
    rows["match"] = pd.Series(types.model.matches, dtype="float64")
    rows["found"], rows["overlap"] = tested["found"], tested["jaccard"]
    moved = None if before is None else drift(types.model, before.model).set_index(_TYPE)["moved"]
    rows["moved"] = np.nan if moved is None else moved
    rows["verdict"] = [_verdict(study, name, types, tested) for name in BUYER_TYPES]
    rows[_TYPE] = [study.word(f"type.{name}") for name in BUYER_TYPES]
    names = [_TYPE, "verdict", "found", "overlap", "match", "moved"]
    number = rates.or_dash(study, lambda value: study.words.number(value, 2))
    return Table(
        rows.reset_index(drop=True)[names],
        study.word("types.verdicts"),
        labels={name: study.word(f"types.column_{name}") for name in names},
        formats={
            "found": rates.or_dash(study, lambda value: study.words.percent(value, 0)),
            **dict.fromkeys(["overlap", "match", "moved"], number),
        },
        name="type-verdicts",
    )


def _verdict(study: Study, name: str, types: TypeResult, tested: pd.DataFrame) -> str:
    if name in types.unsupported:
        return study.word(f"types.reason_{types.reasons[name]}")
    overlap = tested["jaccard"].get(name, np.nan)
    firm = "firm" if overlap >= _FIRM else "shaky" if overlap < _SHAKY else "fair"
    return study.word(f"types.verdict_{firm}")


def later(study: Study, earlier: MonthTypes) -> Block:
    """Draw which share of each type's buyers ordered after the types were frozen."""
    came = spend_between(study.open(), earlier.as_of, study.as_of)
    bought = set(came[SpendFeatures.BUYER_ID])
    buyers = earlier.types.buyers
    table = pd.DataFrame({_TYPE: buyers[_TYPE], "did": buyers[BuyerTypes.BUYER_ID].isin(bought)})
    told = table.groupby(_TYPE)["did"].agg(buyers="size", ordered="sum").reset_index()
    told = told[told[_TYPE].isin(BUYER_TYPES) & (told["buyers"] >= _MIN_BUYERS)]
    if len(told) < 2 or not told["ordered"].sum():
        return Note([study.word("types.no_later")])
    told["share"] = told["ordered"] / told["buyers"]
    ordered, size = (told[name].to_numpy(dtype=np.float64) for name in ("ordered", "buyers"))
    told["low"], told["high"] = wilson(ordered, size)
    told = told.sort_values("share", ascending=False, ignore_index=True)
    title = _later_title(study, told)
    return Picture(
        _later_figure(study, told),
        title,
        alt=title,
        caption=study.word(
            "types.later_caption",
            day=f"{earlier.as_of:%Y-%m-%d}",
            n=study.words.number(int(told["buyers"].sum())),
        ),
        data=told.round(4),
        name="types_later",
    )


def _later_title(study: Study, told: pd.DataFrame) -> str:
    """Say which types ordered most and least, if they differ beyond chance at all."""
    counts = np.column_stack([told["ordered"], told["buyers"] - told["ordered"]])
    chance = chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue
    first, last = told.iloc[0], told.iloc[-1]
    key = "types.later" if chance < 0.05 else "types.later_alike"
    return study.word(
        key,
        most=study.word(f"type.{first[_TYPE]}"),
        high=study.words.percent(first["share"], 0),
        least=study.word(f"type.{last[_TYPE]}"),
        low=study.words.percent(last["share"], 0),
    )


def _later_figure(study: Study, told: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(theme.HALF[0], 0.7 + 0.34 * len(told)))
    names = [study.word(f"type.{name}") for name in told[_TYPE]]
    reach = [told["share"] - told["low"], told["high"] - told["share"]]
    for place, name in enumerate(told[_TYPE]):
        axes.errorbar(
            told["share"][place],
            place,
            xerr=[[part[place]] for part in reach],
            fmt="o",
            color=theme.type_colour(str(name)),
            markersize=7,
            capsize=3,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: study.words.percent(value, 0))
    axes.set_xlabel(study.word("types.later_axis"))
    axes.grid(visible=False, axis="y")
    return figure
