"""Notebook 01: the shop's buyer types: how many, what sets them apart, what moved, is six right."""

from __future__ import annotations

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES, MIXED, TYPE_LABELS, UNCLASSIFIED
from csinsight.features.spend import SpendFeatures, spend_between
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Note, Prose, Table
from csinsight.render.figure import Picture
from csinsight.segments.support import FROM_TYPES, Stability, drift, label_moves
from csinsight.segments.types import EARLIER, MonthTypes, TypeResult
from csinsight.stats.intervals import wilson
from csinsight.views import labels, plots
from csinsight.views.study import Study

_TYPE = BuyerTypes.TYPE
#: Facts for the brief: whether six types hold here, and which of them moved far in the month.
HOLD, WANDER = "hold", "wander"
#: Probability from which a buyer is more likely of no type than of any.
_HALF = 0.5
#: Share of the buyers from which it is said on top that they are of none.
_WORTH_SAYING = 0.05
#: Distance from the typical buyer, in robust deviations, at which a cell is darkest.
_STRONG = 3.0
#: Share of a type's buyers that are read less surely than the figure shown.
_LOW_END = 0.1


def sentence(study: Study, types: TypeResult) -> str:
    """Return the finding: how many buyers have a type, which is largest, which lack support.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> bool(sentence(sample_study(), sample_types()))
    True
    """
    words = study.words
    known = types.sizes[list(BUYER_TYPES)]
    total, named = int(types.sizes.sum()), int(known.sum())
    if not named:
        none = study.word("types.none", n=words.number(total))
        return words.sentences(*_adapted(study, types), none, *_alike(study, types))
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
    outside = int(_of_none(types.buyers).sum())
    if outside >= _WORTH_SAYING * total:
        parts.append(study.word("types.none_of_these", share=words.percent(outside / total, 0)))
    if types.unsupported:
        names = words.listed([study.word(f"type.{name}") for name in types.unsupported])
        parts.append(study.word("types.unsupported", types=names))
    return words.sentences(*parts)


def _adapted(study: Study, types: TypeResult) -> list[str]:
    return [study.word("types.adapted")] if types.model.adapted else []


def is_adapted(buyers: pd.DataFrame) -> bool:
    """Tell from the ``buyer_types`` artifact whether its types are an adaptation.

    Examples
    --------
    >>> is_adapted(pd.DataFrame({"type": ["bargain"]}))
    False
    """
    basis = buyers.get(BuyerTypes.BASIS)
    return basis is not None and bool((basis == BuyerTypes.ADAPTED).any())


def finding(study: Study, types: TypeResult) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> type(finding(sample_study(), sample_types())).__name__
    'Finding'
    """
    return study.finding(sentence(study, types))


def headline(types: TypeResult) -> dict[str, int]:
    """Return buyers by label, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_types
    >>> len(headline(sample_types()))
    8
    """
    return {str(name): int(count) for name, count in types.sizes.items()}


def sizes(study: Study, types: TypeResult) -> Picture:
    """Draw how many buyers each type has; what is not known is grey.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> drawn = sizes(sample_study(), sample_types())
    >>> plt.close("all")
    >>> drawn.name
    'buyer_types'
    """
    return sizes_of(study, types.sizes, types.unsupported, adapted=types.model.adapted)


def sizes_of(
    study: Study, counts: pd.Series, unsupported: list[str], *, adapted: bool = False
) -> Picture:
    """Draw buyers by label from a series over the eight labels; an adaptation says so.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> drawn = sizes_of(sample_study(), sample_types().sizes, [])
    >>> plt.close("all")
    >>> drawn.name
    'buyer_types'
    """
    words, total = study.words, max(int(counts.sum()), 1)
    known = counts[list(BUYER_TYPES)].drop(unsupported).sort_values(ascending=False)
    shown = pd.concat([known, counts[[MIXED, UNCLASSIFIED]]])
    names = [study.word(f"type.{name}") for name in shown.index]
    colours = [theme.type_colour(str(name)) for name in shown.index]
    texts = [
        words.word("text.with_count", value=words.percent(v / total, 1), n=words.number(v))
        for v in shown
    ]
    bars = pd.DataFrame({"name": names, "rate": shown.to_numpy() / total})
    listed = [f"{name} {text}" for name, text in zip(names, texts, strict=True)]
    data = pd.DataFrame({_TYPE: shown.index, "buyers": shown.to_numpy()})
    title = study.word("types.sizes_none", n=words.number(total))
    if known.sum():
        share, largest = words.percent(known.max() / total, 0), study.word(f"type.{known.idxmax()}")
        unclear = int(total - known.sum())
        told = {"type": largest, "share": share, "n": words.number(total)}
        # More buyers of no clear type than of any: that is the finding then.
        if unclear > known.max():
            told["unclear"] = words.percent(unclear / total, 0)
        title = study.word("types.sizes_unclear" if "unclear" in told else "types.sizes", **told)
    if adapted:
        title += study.words.word("types.adapted_title")
    return Picture(
        plots.rate_bars(bars, texts, colours=colours),
        title,
        alt=study.word("types.sizes_alt", rows=words.listed(listed)),
        data=data,
        name="buyer_types",
    )


def profile(study: Study, types: TypeResult) -> Block:
    """Draw each supported type's traits as distance from the shop's typical buyer.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> type(profile(sample_study(), sample_types())).__name__
    'Picture'
    """
    if types.centres.empty:
        return Note([study.word("types.no_profile")])
    table = types.centres.T.rename(
        index=lambda name: study.word(f"feature.{name}"),
        columns=lambda name: study.word(f"type.{name}"),
    )
    texts = table.map(lambda value: study.words.number(value, 1))
    told = [_strongest(study, str(name), row) for name, row in types.centres.iterrows()]
    return Picture(
        plots.heatmap(texts, table / _STRONG, on_top=True),
        study.word("types.profile"),
        alt=study.words.sentences(*told),
        caption=study.word("types.profile_caption"),
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


#: Where the doubtful end of every type is read this surely, confidence does not vary.
_ALL_SURE = 0.99


def traits(study: Study, types: TypeResult) -> Table:
    """Return size, sureness and the most frequent reasons of each type.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> traits(sample_study(), sample_types()).id
    'types'
    """
    rows = []
    for name in (*BUYER_TYPES, MIXED, UNCLASSIFIED):
        own = types.buyers[types.buyers[_TYPE] == name]
        if len(own) or name in types.unsupported:
            rows.append(_trait_row(study, name, own, types))
    # Where nobody is doubtful two columns of 100% say nothing.
    known = types.buyers[types.buyers[_TYPE].isin(BUYER_TYPES)]
    low = known.groupby(_TYPE)[BuyerTypes.CONFIDENCE].quantile(_LOW_END).min()
    sure = bool(low >= _ALL_SURE)
    varied = () if sure else ("confidence", "doubtful")
    columns = (_TYPE, "buyers", *varied, "because")
    share = study.words.percent(_ALL_SURE, 0)
    return Table(
        pd.DataFrame(rows)[list(columns)] if rows else pd.DataFrame(columns=list(columns)),
        study.word("types.table"),
        caption=study.word("types.table_all_sure", share=share) if sure else "",
        labels=labels.headings(study, "types", columns),
        formats={"buyers": labels.or_dash(study, study.words.number)},
        name="types",
    )


def _trait_row(study: Study, name: str, own: pd.DataFrame, types: TypeResult) -> dict[str, object]:
    if name in types.unsupported:
        because = study.word(f"types.reason_{types.reasons[name]}")
    elif name == MIXED:
        because = _mixed(study, own)
    else:
        reasons = Counter(
            (reason["feature"], reason["z"] > 0)
            for line in own[BuyerTypes.BECAUSE]
            for reason in line
        )
        common = [_direction(study, *key) for key, _ in reasons.most_common(3)]
        because = study.words.listed(common)
    known = own[BuyerTypes.CONFIDENCE] if name in BUYER_TYPES and len(own) else pd.Series([np.nan])
    percent = labels.or_dash(study, lambda value: study.words.percent(value, 0))
    return {
        _TYPE: study.word(f"type.{name}"),
        # Of a type that the data can't show nobody has counted none.
        "buyers": np.nan if name in types.unsupported else len(own),
        "confidence": percent(float(known.median())),
        # Half of the buyers are read surely almost everywhere; where it varies is at the low end.
        "doubtful": percent(float(known.quantile(_LOW_END))),
        "because": because,
    }


def _mixed(study: Study, own: pd.DataFrame) -> str:
    """Say how many of the mixed are of no type that can be seen, and between which the rest are."""
    none, words = _of_none(own), study.words
    parts = [study.word("types.mixed_none", n=words.number(int(none.sum())))] if none.any() else []
    columns = [f"{BuyerTypes.PROBABILITY_PREFIX}{name}" for name in BUYER_TYPES]
    chances = own.loc[~none, columns].to_numpy()
    if len(chances):
        # Two likeliest types of each, whichever comes first.
        pairs = Counter(tuple(sorted(row)) for row in np.argsort(-chances, axis=1)[:, :2].tolist())
        (pair, count), *_ = pairs.most_common(1)
        first, second = (study.word(f"type.{BUYER_TYPES[place]}") for place in pair)
        told = {"n": words.number(count), "first": first, "second": second}
        parts.append(study.word("types.mixed_between", **told))
    if len(parts) < 2:
        return "".join(parts)
    return study.word("types.mixed_both", none=parts[0], rest=parts[1])


def _of_none(buyers: pd.DataFrame) -> pd.Series:
    """Tell who is labelled mixed and most likely of no type that this shop's data can show."""
    return (buyers[_TYPE] == MIXED) & (buyers[BuyerTypes.NONE] >= _HALF)


def _direction(study: Study, feature: str, more: bool) -> str:
    if feature == EARLIER:
        return study.word("types.earlier")
    key = "types.more" if more else "types.less"
    return study.word(key, feature=study.word(f"feature.{feature}"))


def service(study: Study, types: TypeResult) -> Block:
    """Return what the textbook says of each supported type, and what serves it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> service(sample_study(), sample_types()).id
    'types-service'
    """
    names = [name for name in BUYER_TYPES if name not in types.unsupported]
    if not names:
        return Prose(study.word("types.no_service"))
    rows = pd.DataFrame(
        {
            _TYPE: [study.word(f"type.{name}") for name in names],
            "says": [study.word(f"type_says.{name}") for name in names],
            "serves": [study.word(f"type_serves.{name}") for name in names],
        }
    )
    headings = labels.headings(study, "types", rows.columns)
    return Table(rows, study.word("types.service"), labels=headings, name="types-service")


def _alike(study: Study, types: TypeResult) -> list[str]:
    """Say why a shop shows no type where that is because its buyers are all alike."""
    alike = "no_difference" in types.reasons.values()
    return [study.word("types.alike")] if alike else []


def answer(study: Study, types: TypeResult, found: pd.DataFrame, stability: Stability) -> Block:
    """Say in words whether six types are right for this shop, before any curve.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> held = Stability([], pd.DataFrame({"type": BUYER_TYPES, "jaccard": 0.9}), None)
    >>> bool(answer(sample_study(), sample_types(), pd.DataFrame(), held).plain())
    True
    """
    words, tested = study.words, stability.types.set_index(_TYPE)
    held = [name for name in BUYER_TYPES if name not in types.unsupported]
    if not held:
        none = words.sentences(study.word("types.answer_none"), *_alike(study, types))
        study.write_facts({HOLD: none})
        return Finding(none)
    shaky = [name for name in held if tested["jaccard"].get(name, np.nan) < _SHAKY]
    named = {
        key: words.listed([study.word(f"type.{name}") for name in names])
        for key, names in (("unsupported", types.unsupported), ("shaky", shaky))
    }
    if types.unsupported:
        first = study.word("types.answer_some", n=len(held), unsupported=named["unsupported"])
    else:
        first = study.word("types.answer_all")
    second = study.word("types.answer_shaky", types=named["shaky"]) if shaky else ""
    study.write_facts({HOLD: words.sentences(first, second)})
    if not shaky and tested["jaccard"].notna().any():
        lowest = float(tested["jaccard"].min())
        key = "types.answer_firm" if lowest >= _FIRM else "types.answer_fair"
        second = study.word(key, overlap=words.number(lowest, 2))
    third = ""
    if len(found):
        best = _best(found)
        # At the end of what was tried the best may lie beyond.
        end = "_most" if best["bic"] == found.loc[~found[FROM_TYPES], "k"].max() else ""
        third = study.word(f"types.answer_groups{end}", **best)
    apart = stability.unseeded_rand is not None and stability.unseeded_rand < _SHAKY
    fourth = study.word("types.by_signature") if apart else ""
    return Finding(words.sentences(first, second, third, fourth))


def _best(found: pd.DataFrame) -> dict[str, int]:
    """Return by each yardstick the number of groups that it finds best."""
    free = found[~found[FROM_TYPES]]
    return {
        "bic": int(free["k"].iloc[int(free["bic"].argmin())]),
        "silhouette": int(free["k"].iloc[int(free["silhouette"].argmax())]),
    }


def support(study: Study, found: pd.DataFrame) -> Block:
    """Draw how well other numbers of groups would fit, beside the types shown.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(support(sample_study(), pd.DataFrame())).__name__
    'Note'
    """
    if found.empty:
        return Note([study.word("types.no_support")])
    free, types = found[~found[FROM_TYPES]], found[found[FROM_TYPES]]
    figure, both = plt.subplots(1, 2, figsize=(theme.WIDE[0], 2.7))
    for axes, column in zip(both, ("bic", "silhouette"), strict=True):
        axes.plot(free["k"], free[column], "o-", color=theme.UNSURE, markersize=4.5)
        axes.plot(types["k"], types[column], "D", color=theme.ACCENT, markersize=7)
        axes.set_title(study.word(f"types.{column}"))
        axes.set_xlabel(study.word("types.k"))
        axes.grid(visible=False, axis="x")
    title = study.word("types.support", **_best(found))
    caption, data = study.word("types.support_caption"), found.round(4)
    return Picture(figure, title, alt=title, caption=caption, data=data, name="number_of_groups")


def counts_of(buyers: pd.DataFrame) -> pd.Series:
    """Return buyers by label, all eight labels, from the ``buyer_types`` artifact.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"type": ["bargain", "bargain", "mixed"]}))
    >>> counts[["bargain", "mixed"]].tolist()
    [2, 1]
    """
    return buyers[_TYPE].value_counts().reindex(list(TYPE_LABELS), fill_value=0)


def moves(study: Study, types: TypeResult, before: TypeResult | None) -> Block:
    """Draw how buyers' labels moved since a month ago, and which type's centre moved most.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> type(moves(sample_study(), sample_types(), None)).__name__
    'Note'
    """
    if before is None or before.buyers.empty:
        return Note([study.word("types.no_moves")])
    counts = label_moves(types.buyers, before.buyers)
    kept = counts.index[(counts.sum(axis=1) + counts.sum(axis=0)) > 0].tolist()
    counts = counts.loc[kept, kept]
    names = {name: study.word(f"type.{name}") for name in kept}
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).rename(index=names, columns=names)
    texts = counts.rename(index=names, columns=names)
    figure = plots.heatmap(
        texts, shares, across=study.word("tiers.now"), down=study.word("tiers.before")
    )
    title, data = _moved(study, counts), counts.reset_index()
    caption = _drift(study, drift(types.model, before.model))
    return Picture(figure, title, alt=title, caption=caption, data=data, name="type_moves")


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


#: Hennig's bounds of the overlap on resampling: under the first a group is unstable, over the
#: second it is highly stable.
_SHAKY, _FIRM = 0.6, 0.85
#: A type whose centre moved by this many of its own standard deviations in a month wanders. Ours.
_WANDERS = 1.0
#: Fewer buyers of a type than this are not drawn.
_MIN_BUYERS = 10


def verdicts(
    study: Study, types: TypeResult, stability: Stability, before: TypeResult | None
) -> Table:
    """Return, type by type, whether this shop's data supports it, and how firmly.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> tested = pd.DataFrame({"type": BUYER_TYPES, "found": 1.0, "jaccard": 0.9})
    >>> shown = verdicts(sample_study(), sample_types(), Stability([], tested, None), None)
    >>> all(sample_study().word(f"type.{name}") in shown.plain() for name in BUYER_TYPES)
    True
    """
    tested = stability.types.set_index(_TYPE)
    rows = pd.DataFrame({_TYPE: list(BUYER_TYPES)}).set_index(_TYPE, drop=False)
    rows["match"] = pd.Series(types.model.matches, dtype="float64")
    rows["found"], rows["overlap"] = tested["found"], tested["jaccard"]
    moved = None if before is None else drift(types.model, before.model).set_index(_TYPE)["moved"]
    rows["moved"] = np.nan if moved is None else moved
    rows["verdict"] = [
        _verdict(study, name, types, tested, moved)
        for name, moved in zip(BUYER_TYPES, rows["moved"], strict=True)
    ]
    rows[_TYPE] = [study.word(f"type.{name}") for name in BUYER_TYPES]
    far = rows.loc[(rows["moved"] >= _WANDERS) & ~rows.index.isin(types.unsupported), _TYPE]
    told = study.word("types.wanders", types=study.words.listed(list(far))) if len(far) else ""
    study.write_facts({WANDER: told})
    names = [_TYPE, "verdict", "found", "overlap", "match", "moved"]
    number = labels.or_dash(study, lambda value: study.words.number(value, 2))
    return Table(
        rows.reset_index(drop=True)[names],
        study.word("types.verdicts"),
        labels=labels.headings(study, "types", names),
        formats={
            "found": labels.or_dash(study, lambda value: study.words.percent(value, 0)),
            **dict.fromkeys(["overlap", "match", "moved"], number),
        },
        name="type-verdicts",
    )


def _verdict(study: Study, name: str, types: TypeResult, tested: pd.DataFrame, moved: float) -> str:
    if name in types.unsupported:
        return study.word(f"types.reason_{types.reasons[name]}")
    overlap = tested["jaccard"].get(name, np.nan)
    firm = "firm" if overlap >= _FIRM else "shaky" if overlap < _SHAKY else "fair"
    # Firm within a month is not firm over months.
    firm = "moved" if firm != "shaky" and moved >= _WANDERS else firm
    return study.word(f"types.verdict_{firm}")


def later(study: Study, earlier: MonthTypes) -> Block:
    """Draw which share of each type's buyers ordered after the types were frozen.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study, sample_types
    >>> earlier = MonthTypes(sample_study().start, pd.DataFrame(), sample_types(), None)
    >>> drawn = later(sample_study(), earlier)
    >>> plt.close("all")
    >>> type(drawn).__name__
    'Picture'
    """
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
    names = [study.word(f"type.{name}") for name in told[_TYPE]]
    return Picture(
        plots.forest(
            told.assign(name=names, value=told["share"]),
            axis=study.word("types.later_axis"),
            beside=[study.words.percent(share, 0) for share in told["share"]],
            write=lambda value: study.words.percent(value, 0),
            zero=False,
        ),
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
    chance = scipy.stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue
    first, last = told.iloc[0], told.iloc[-1]
    key = "types.later" if chance < 0.05 else "types.later_alike"
    return study.word(
        key,
        most=study.word(f"type.{first[_TYPE]}"),
        high=study.words.percent(first["share"], 0),
        least=study.word(f"type.{last[_TYPE]}"),
        low=study.words.percent(last["share"], 0),
    )


def looked_back(study: Study) -> Prose:
    """Return how far back page views and orders are looked at.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> print(looked_back(sample_study()).plain())
    Looked at here: page views of 90 days and orders of 365 days.
    """
    number, params = study.words.number, study.context.params
    told = {"views": number(params.page_view_days), "orders": number(params.order_days)}
    seen = "" if study.open().has("page_views") else "_no_views"
    return Prose(study.word(f"types.looked_back{seen}", **told))
