"""Notebook 01: what moved since last month, and how single buyers were read."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES, TYPE_LABELS
from csinsight.report import theme
from csinsight.report.blocks import Block, Note
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.segments.support import drift, label_moves
from csinsight.segments.types import EARLIER, TypeResult


def moves(study: Study, types: TypeResult, before: TypeResult | None) -> Block:
    """Draw how buyers' labels moved since a month ago, and which type's centre moved most."""
    if before is None or before.buyers.empty:
        return Note([study.word("types.no_moves")])
    counts = label_moves(types.buyers, before.buyers)
    kept = counts.index[(counts.sum(axis=1) + counts.sum(axis=0)) > 0].tolist()
    counts = counts.loc[kept, kept]
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 1.0 + 0.34 * len(kept)))
    names = {name: study.word(f"type.{name}") for name in kept}
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).rename(index=names, columns=names)
    sns.heatmap(
        shares, ax=axes, cmap="Blues", vmin=0, vmax=1.2, annot=counts, fmt="d", linewidths=2,
        cbar=False,
    )  # fmt: skip
    axes.set(xlabel=study.word("tiers.now"), ylabel=study.word("tiers.before"))
    axes.tick_params(axis="y", rotation=0)
    title = _moved(study, counts)
    caption = _drift(study, drift(types.model, before.model))
    return Picture(
        figure, title, alt=title, caption=caption, fixed_colours=True,
        data=counts.reset_index(), name="type_moves",
    )  # fmt: skip


def _moved(study: Study, counts: pd.DataFrame) -> str:
    """Say what became of last month's types: all of them, not only those who have one still."""
    rows = counts.reindex(index=list(BUYER_TYPES), columns=list(TYPE_LABELS), fill_value=0)
    had = int(rows.to_numpy().sum())
    if not had:
        return study.word("types.no_moves")
    same = int(np.trace(rows[list(BUYER_TYPES)].to_numpy()))
    other = int(rows[list(BUYER_TYPES)].to_numpy().sum()) - same
    share = study.words.percent
    return study.word(
        "types.moves",
        n=study.words.number(had),
        same=share(same / had, 1),
        other=share(other / had, 1),
        lost=share((had - same - other) / had, 1),
    )


def _drift(study: Study, moved: pd.DataFrame) -> str:
    if moved.empty:
        return ""
    most = moved.iloc[int(moved["moved"].argmax())]
    return study.word(
        "types.drift",
        type=study.word(f"type.{most[BuyerTypes.TYPE]}"),
        moved=study.words.number(most["moved"], 2),
        feature=study.word(f"feature.{most['furthest']}"),
    )


def examples(study: Study, types: TypeResult) -> Table:
    """Return one buyer of middling confidence a type, unnamed, and what decided."""
    rows = []
    for name in BUYER_TYPES:
        own = types.buyers[types.buyers[BuyerTypes.TYPE] == name]
        if own.empty:
            continue
        one = own.sort_values(BuyerTypes.CONFIDENCE, kind="stable").iloc[len(own) // 2]
        words = [_trait(study, reason) for reason in json.loads(one[BuyerTypes.BECAUSE])]
        rows.append(
            (study.word(f"type.{name}"), one[BuyerTypes.CONFIDENCE], study.words.listed(words))
        )
    names = [BuyerTypes.TYPE, BuyerTypes.CONFIDENCE, BuyerTypes.BECAUSE]
    return Table(
        pd.DataFrame(rows, columns=names),
        study.word("types.examples"),
        labels={
            BuyerTypes.TYPE: study.word("types.column_type"),
            BuyerTypes.CONFIDENCE: study.word("types.column_sure"),
            BuyerTypes.BECAUSE: study.word("types.column_decided"),
        },
        formats={BuyerTypes.CONFIDENCE: lambda value: study.words.percent(value, 0)},
        name="type-examples",
    )


def _trait(study: Study, reason: dict[str, object]) -> str:
    if reason["feature"] == EARLIER:
        return study.word("types.earlier")
    key = "types.more" if float(str(reason["z"])) > 0 else "types.less"
    return study.word(key, feature=study.word(f"feature.{reason['feature']}"))
