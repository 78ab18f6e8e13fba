"""Notebook 01: the shop's buyer types, how many, what sets them apart, and whether six is right."""

from __future__ import annotations

import json
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES, MIXED, TYPE_LABELS, UNCLASSIFIED
from csinsight.report import theme
from csinsight.report.blocks import Block, Finding, Note
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import rates
from csinsight.segments.support import Stability
from csinsight.segments.types import EARLIER, TypeResult

_TYPE = BuyerTypes.TYPE


def sentence(study: Study, types: TypeResult) -> str:
    """Return the finding: how many buyers have a type, which is largest, which lack support."""
    words = study.words
    known = types.sizes[list(BUYER_TYPES)]
    total, named = int(types.sizes.sum()), int(known.sum())
    if not named:
        none = study.word("types.none", n=words.number(total))
        return words.sentences(*_adapted(study, types), none)
    parts = [
        *_adapted(study, types),
        study.word(
            "types.found",
            n=words.number(named),
            total=words.number(total),
            share=words.percent(named / total, 0),
        ),
        study.word(
            "types.largest",
            type=study.word(f"type.{known.idxmax()}"),
            share=words.percent(known.max() / total, 0),
        ),
    ]
    if types.unsupported:
        names = words.listed([study.word(f"type.{name}") for name in types.unsupported])
        parts.append(study.word("types.unsupported", types=names))
    return words.sentences(*parts)


def _adapted(study: Study, types: TypeResult) -> list[str]:
    return [study.word("types.adapted")] if types.model.adapted else []


def is_adapted(buyers: pd.DataFrame) -> bool:
    """Tell from the ``buyer_types`` artifact whether its types are an adaptation."""
    basis = buyers.get(BuyerTypes.BASIS)
    return basis is not None and bool((basis == BuyerTypes.ADAPTED).any())


def finding(study: Study, types: TypeResult) -> Finding:
    """Return the sentence on top of the page, and keep it for the index."""
    text = sentence(study, types)
    study.write_facts({"finding": text})
    return Finding(text)


def headline(types: TypeResult) -> dict[str, int]:
    """Return buyers by label, for the recorded results."""
    return {str(name): int(count) for name, count in types.sizes.items()}


def sizes(study: Study, types: TypeResult) -> Picture:
    """Draw how many buyers each type has; what is not known is grey."""
    return sizes_of(study, types.sizes, types.unsupported, adapted=types.model.adapted)


def sizes_of(
    study: Study, counts: pd.Series, unsupported: list[str], *, adapted: bool = False
) -> Picture:
    """Draw buyers by label from a series over the eight labels; an adaptation says so."""
    words, total = study.words, max(int(counts.sum()), 1)
    known = counts[list(BUYER_TYPES)].drop(unsupported).sort_values(ascending=False)
    shown = pd.concat([known, counts[[MIXED, UNCLASSIFIED]]])
    figure, axes = plt.subplots(figsize=(theme.HALF[0], 0.6 + 0.32 * len(shown)))
    names = [study.word(f"type.{name}") for name in shown.index]
    colours = [theme.type_colour(str(name)) for name in shown.index]
    bars = axes.barh(names, shown / total, color=colours, height=0.62)
    texts = [
        words.word("text.with_count", value=words.percent(v / total, 1), n=words.number(v))
        for v in shown
    ]
    axes.bar_label(bars, texts, padding=5, fontsize=9, color=theme.MUTED)
    axes.invert_yaxis()
    axes.set_xlim(0, float(shown.max() / total) * 1.25 + 0.01)
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    told = [f"{name} {text}" for name, text in zip(names, texts, strict=True)]
    data = pd.DataFrame({_TYPE: shown.index, "buyers": shown.to_numpy()})
    title = study.word("types.sizes_none", n=words.number(total))
    if known.sum():
        share, largest = words.percent(known.max() / total, 0), study.word(f"type.{known.idxmax()}")
        title = study.word("types.sizes", type=largest, share=share, n=words.number(total))
    if adapted:
        title += study.words.word("types.adapted_title")
    return Picture(
        figure,
        title,
        alt=study.word("types.sizes_alt", rows=words.listed(told)),
        data=data,
        name="buyer_types",
    )


def profile(study: Study, types: TypeResult) -> Block:
    """Draw each supported type's traits as distance from the shop's typical buyer."""
    if types.centres.empty:
        return Note([study.word("types.no_profile")])
    table = types.centres.T.rename(
        index=lambda name: study.word(f"feature.{name}"),
        columns=lambda name: study.word(f"type.{name}"),
    )
    # Six names of types side by side need more room than other figures.
    figure, axes = plt.subplots(figsize=(6.8, 1.0 + 0.3 * len(table)))
    sns.heatmap(
        table,
        ax=axes,
        cmap=sns.diverging_palette(30, 240, s=70, l=45, as_cmap=True),
        center=0,
        vmin=-3,
        vmax=3,
        annot=table.map(lambda value: study.words.number(value, 1)),
        fmt="",
        annot_kws={"fontsize": 8.5},
        linewidths=1,
        cbar=False,
    )
    axes.tick_params(axis="x", top=False, labeltop=True, labelbottom=False)
    axes.set(xlabel="", ylabel="")
    told = [_strongest(study, str(name), row) for name, row in types.centres.iterrows()]
    return Picture(
        figure,
        study.word("types.profile"),
        alt=study.words.sentences(*told),
        caption=study.word("types.profile_caption"),
        fixed_colours=True,
        data=types.centres.round(3).reset_index(names=_TYPE),
        name="type_profile",
    )


def _strongest(study: Study, name: str, row: pd.Series) -> str:
    top = row.reindex(row.abs().sort_values(ascending=False).index).head(3)
    traits = [
        f"{study.word(f'feature.{feature}')} {study.words.points(value)}"
        for feature, value in top.items()
    ]
    return study.word(
        "types.trait", type=study.word(f"type.{name}"), traits=study.words.listed(traits)
    )


def traits(study: Study, types: TypeResult) -> Table:
    """Return size, sureness and the most frequent reasons of each type."""
    rows = []
    for name in (*BUYER_TYPES, MIXED, UNCLASSIFIED):
        own = types.buyers[types.buyers[_TYPE] == name]
        if len(own) or name in types.unsupported:
            rows.append(_trait_row(study, name, own, types))
    columns = (_TYPE, "buyers", "confidence", "because")
    return Table(
        pd.DataFrame(rows, columns=list(columns)),
        study.word("types.table"),
        labels={name: study.word(f"types.column_{name}") for name in columns},
        formats={"confidence": rates.or_dash(study, lambda value: study.words.percent(value, 0))},
        name="types",
    )


def _trait_row(study: Study, name: str, own: pd.DataFrame, types: TypeResult) -> dict[str, object]:
    if name in types.unsupported:
        because = study.word(f"types.reason_{types.reasons[name]}")
    else:
        reasons = Counter(
            (reason["feature"], reason["z"] > 0)
            for line in own[BuyerTypes.BECAUSE]
            for reason in json.loads(line)
        )
        common = [_direction(study, *key) for key, _ in reasons.most_common(3)]
        because = study.words.listed(common)
    return {
        _TYPE: study.word(f"type.{name}"),
        "buyers": len(own),
        "confidence": own[BuyerTypes.CONFIDENCE].median() if name in BUYER_TYPES else None,
        "because": because,
    }


def _direction(study: Study, feature: str, more: bool) -> str:
    if feature == EARLIER:
        return study.word("types.earlier")
    key = "types.more" if more else "types.less"
    return study.word(key, feature=study.word(f"feature.{feature}"))


def service(study: Study, types: TypeResult) -> Table:
    """Return what the textbook says of each supported type, and what serves it."""
    names = [name for name in BUYER_TYPES if name not in types.unsupported]
    rows = pd.DataFrame(
        {
            _TYPE: [study.word(f"type.{name}") for name in names],
            "says": [study.word(f"type_says.{name}") for name in names],
            "serves": [study.word(f"type_serves.{name}") for name in names],
        }
    )
    labels = {name: study.word(f"types.column_{name}") for name in rows.columns}
    return Table(rows, study.word("types.service"), labels=labels, name="types-service")


def support(study: Study, found: pd.DataFrame, stability: Stability) -> Block:
    """Draw how well other numbers of groups would fit, and say which type is stable."""
    if found.empty:
        return Note([study.word("types.no_support")])
    figure, both = plt.subplots(1, 2, figsize=(theme.WIDE[0], 2.7))
    for axes, column in zip(both, ("bic", "silhouette"), strict=True):
        axes.plot(found["k"], found[column], "o-", markersize=4.5)
        axes.axvline(6, color=theme.LINE, linewidth=6, zorder=0)
        axes.set_title(study.word(f"types.{column}"))
        axes.set_xlabel(study.word("types.k"))
        axes.grid(visible=False, axis="x")
    best = {
        "bic": int(found["k"].iloc[int(found["bic"].argmin())]),
        "silhouette": int(found["k"].iloc[int(found["silhouette"].argmax())]),
    }
    title = study.word("types.support", **best)
    caption, data = _stability(study, stability), found.round(4)
    return Picture(figure, title, alt=title, caption=caption, data=data, name="number_of_groups")


def _stability(study: Study, found: Stability) -> str:
    words = study.words
    told = [
        f"{study.word(f'type.{row[_TYPE]}')} {words.number(row['jaccard'], 2)}"
        for _, row in found.types.iterrows()
    ]
    return study.word(
        "types.stability", types=words.listed(told), ari=words.number(found.unseeded_rand, 2)
    )


def counts_of(buyers: pd.DataFrame) -> pd.Series:
    """Return buyers by label, all eight labels, from the ``buyer_types`` artifact."""
    return buyers[_TYPE].value_counts().reindex(list(TYPE_LABELS), fill_value=0)
