"""Notebook 02: where the money is, who moved, and how far the look ahead can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isnan

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from csinsight.contract.artifacts import ValueTiers
from csinsight.contract.domain import TIERS
from csinsight.contract.files import guarded
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Note, Prose, Stack, Table, Tile, Tiles
from csinsight.render.figure import Picture
from csinsight.segments.by_month import MonthTiers
from csinsight.segments.clv import accuracy, calibration
from csinsight.segments.forecast_error import MIN_HELD_OUT, forecast_error
from csinsight.segments.model_selection import Outlook
from csinsight.segments.tiers import Leaving, money_by_tier, tier_moves
from csinsight.views import labels, plots
from csinsight.views.study import Study

_T = ValueTiers
#: Fact kept for the brief: whether the best buyers are being lost, in words.
LEAVING = "leaving"
SILENT = "silent"
#: The file of silent buyers with their ids, where the shop asks for it.
SILENT_FILE = "silent_buyers.csv"
_MOST_LISTED = 20
#: Fact kept for the brief: whose purchases alone make much of the month, in words.
LARGE = "large_buyers"
#: A buyer with this share of a month's net spend is large. Ours.
LARGE_SHARE = 0.2
#: So many paid orders in a month are rather an id that stands for many than one buyer's. Ours.
MANY_ORDERS = 30


def sentence(study: Study, tiers: pd.DataFrame) -> str:
    """Return the finding: what share of buyers brings what share of recent money.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> some = {"tier": ["vip", "ordinary"], "net_spend": [9.0, 1.0], "net_spend_90d": [3.0, 0.0]}
    >>> tiers = pd.DataFrame(some).assign(expected_spend_90d=[200.0, 10.0])
    >>> "100%" in sentence(sample_study(), tiers)
    True
    """
    money = money_by_tier(tiers).set_index(_T.TIER)
    words = study.words
    if not money[_T.NET_SPEND_90D].sum() > 0:
        return study.word("tiers.no_money", n=words.number(len(tiers)))
    potential = words.number(money.loc["potential", "buyers"])
    return study.word("tiers.found", potential=potential, **_top(study, money))


def _top(study: Study, money: pd.DataFrame) -> dict[str, str]:
    """Write the share of buyers and of recent money that core and VIP make up together."""
    top, whole = money.loc[["core", "vip"]].sum(), money.sum(numeric_only=True)
    percent = study.words.percent
    return {
        "n": study.words.number(whole["buyers"]),
        "buyers": percent(top["buyers"] / max(whole["buyers"], 1), 0),
        "money": percent(top[_T.NET_SPEND_90D] / whole[_T.NET_SPEND_90D], 0),
    }


def finding(
    study: Study, tiers: pd.DataFrame, before: pd.DataFrame, spent: pd.DataFrame
) -> Finding:
    """Return the sentences on top of the page, and keep them for the index and the brief.

    Parameters
    ----------
    study : Study
    tiers : pandas.DataFrame
        Of this month's end.
    before, spent : pandas.DataFrame
        Of `csinsight.features.spend.spend_between`: what each buyer spent last month, and in this.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> some = {"tier": ["vip", "ordinary"], "net_spend": [9.0, 1.0], "net_spend_90d": [3.0, 0.0]}
    >>> tiers = pd.DataFrame(some).assign(expected_spend_90d=[200.0, 10.0], buyer_id=["b1", "b2"])
    >>> spent = pd.DataFrame({"buyer_id": ["b1", "b2"], "net_spend": [9.0, 1.0], "orders": 1})
    >>> "without" in finding(sample_study(), tiers, spent.head(0), spent).text
    True
    """
    large = large_buyers(study, tiers, before, spent)
    text = study.words.sentences(sentence(study, tiers), large)
    return study.finding(text, {LARGE: large})


def large_buyers(
    study: Study, tiers: pd.DataFrame, before: pd.DataFrame, spent: pd.DataFrame
) -> str:
    """Name, masked, whoever alone brings much of the month's money, and the month without them.

    Empty where nobody does, or where amounts are not known.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> tiers = pd.DataFrame({"buyer_id": ["b1"], "tier": ["vip"]})
    >>> spent = pd.DataFrame({"buyer_id": [f"b{n}" for n in range(9)], "net_spend": 10.0})
    >>> spent["orders"] = 1
    >>> large_buyers(sample_study(), tiers, spent, spent)
    ''
    >>> spent.loc[1, "net_spend"] = 90.0
    >>> large_buyers(sample_study(), tiers, spent, spent)[:44]
    '**One buyer (b***, VIP) brought 53% of the m'
    """
    money, words = spent.set_index(_T.BUYER_ID)[_T.NET_SPEND], study.words
    whole = float(money.sum())
    large = money[money >= LARGE_SHARE * whole].sort_values(ascending=False, kind="stable")
    if not whole > 0 or large.empty:
        return ""
    tier = tiers.set_index(_T.BUYER_ID)[_T.TIER].reindex(large.index)
    told = [
        study.word(
            "tiers.large_who" if pd.notna(tier[buyer]) else "tiers.large_who_new",
            buyer=labels.masked_id(str(buyer)),
            tier=study.word(f"tier.{tier[buyer]}") if pd.notna(tier[buyer]) else "",
        )
        for buyer in large.index
    ]
    earlier = before.set_index(_T.BUYER_ID)[_T.NET_SPEND].drop(large.index, errors="ignore")
    last = words.money(earlier.sum()) if earlier.sum() > 0 else ""
    most = int(spent.set_index(_T.BUYER_ID)["orders"].reindex(large.index).max())
    many = study.word("tiers.large_many", n=words.number(most)) if most >= MANY_ORDERS else ""
    text = study.word(
        "tiers.large_one" if len(large) == 1 else "tiers.large_some",
        n=words.number(len(large)),
        who=words.listed(told),
        share=words.percent(large.sum() / whole, 0),
        all=words.money(whole),
        rest=words.money(whole - large.sum()),
        before=study.word("tiers.large_before", before=last) if last else "",
    )
    return words.sentences(text, many)


def headline(tiers: pd.DataFrame) -> dict[str, int]:
    """Return buyers by tier, for the recorded results.

    Examples
    --------
    >>> headline(pd.DataFrame({"tier": ["vip", "ordinary", "ordinary"]}))
    {'ordinary': 2, 'potential': 0, 'core': 0, 'vip': 1}
    """
    counts = tiers[_T.TIER].value_counts()
    return {name: int(counts.get(name, 0)) for name in TIERS}


def money(study: Study, tiers: pd.DataFrame) -> Picture:
    """Draw each tier's share of buyers above its share of recent net spend.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> some = {"tier": ["vip", "ordinary"], "net_spend": [9.0, 1.0], "net_spend_90d": [3.0, 0.0]}
    >>> drawn = money(sample_study(), pd.DataFrame(some).assign(expected_spend_90d=0.0))
    >>> plt.close("all")
    >>> drawn.name
    'money_by_tier'
    """
    table = money_by_tier(tiers).set_index(_T.TIER).reindex(list(TIERS))
    shares = pd.DataFrame(
        {
            study.word("tiers.bar_buyers"): table["buyers"] / max(table["buyers"].sum(), 1),
            study.word("tiers.bar_money"): table[_T.NET_SPEND_90D]
            / max(table[_T.NET_SPEND_90D].sum(), 1e-9),
        }
    )
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 1.9))
    for place, (_, column) in enumerate(shares.items()):
        _stack(study, axes, place, column.clip(lower=0))
    axes.set_yticks(range(len(shares.columns)), list(shares.columns))
    axes.set(xlim=(0, 1), ylim=(1.5, -0.75))
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    told = [
        f"{study.word(f'tier.{name}')} {study.words.percent(row.iloc[0], 0)} / "
        f"{study.words.percent(row.iloc[1], 0)}"
        for name, row in shares.iterrows()
    ]
    known = table[_T.NET_SPEND_90D].sum() > 0
    title = (
        study.word("tiers.money_title", **_top(study, table)) if known else sentence(study, tiers)
    )
    return Picture(
        figure,
        title,
        alt=study.words.listed(told),
        caption=study.word("tiers.money_caption"),
        data=table.reset_index(),
        name="money_by_tier",
    )


def _stack(study: Study, axes: Axes, place: int, shares: pd.Series) -> None:
    left = 0.0
    for tier, share in shares.items():
        name = str(tier)
        axes.barh(place, share, left=left, height=0.6, color=theme.TIER_COLOURS[name])
        if share >= 0.045:
            axes.text(
                left + share / 2,
                place,
                study.words.percent(share, 0),
                ha="center",
                va="center",
                fontsize=theme.SMALL if share >= 0.07 else theme.SMALL - 1,
                color=theme.TIER_TEXT[name],
            )
        if place == 0 and share > 0:
            axes.text(
                left + share / 2,
                -0.42,
                study.word(f"tiers.short_{name}"),
                ha="center",
                fontsize=theme.SMALL,
                color=theme.MUTED,
            )
        left += float(share)


def table(study: Study, tiers: pd.DataFrame, outlook: Outlook) -> Table:
    """Return buyers and money by tier: past, present and expected, and how sure the last is.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> some = {"tier": ["vip", "ordinary"], "net_spend": [9.0, 1.0], "net_spend_90d": [3.0, 0.0]}
    >>> tiers = pd.DataFrame(some).assign(expected_spend_90d=0.0)
    >>> young = SimpleNamespace(held_out=pd.DataFrame({"expected": [9.0], "actual": [0.0]}))
    >>> len(table(sample_study(), tiers, young).rows)
    4
    """
    words, held_out = study.words, outlook.held_out
    error = forecast_error(held_out)
    told, key = {"n": words.number(MIN_HELD_OUT)}, "tiers.unsure"
    rows = money_by_tier(tiers)
    if not isnan(error.spread):
        key = "tiers.sure" if error.known else "tiers.wild"
        whole = float(rows[_T.EXPECTED_SPEND_90D].sum())
        told = {
            "total": words.percent(held_out["actual"].sum() / held_out["expected"].sum(), 0),
            "factor": words.number(error.factor, 2),
            "sum": words.with_interval(*map(words.money, (whole, *error.interval(whole)))),
        }
    rows[_T.TIER] = [study.word(f"tier.{name}") for name in rows[_T.TIER]]
    columns = [_T.TIER, "buyers", _T.NET_SPEND, _T.NET_SPEND_90D, _T.EXPECTED_SPEND_90D]
    if key == "tiers.unsure":  # a sum that nothing was held against is taken for a promise
        columns = columns[:-1]
    return Table(
        rows[columns],
        study.word("tiers.table"),
        caption=words.sentences(study.word(key, **told), study.word("tiers.regress")),
        labels=labels.headings(study, "tiers", columns),
        formats=dict.fromkeys(columns[2:], study.words.money),
        name="tiers",
    )


def moves(study: Study, months: Sequence[MonthTiers]) -> Block:
    """Draw how many buyers moved from each tier to each since a month ago.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> first = SimpleNamespace(tiers=pd.DataFrame())
    >>> type(moves(sample_study(), [first, first])).__name__
    'Note'
    """
    before, now = months[-2:]
    if before.tiers.empty:
        return Note([study.word("tiers.no_moves")])
    counts = tier_moves(now.tiers, before.tiers)
    names = {name: study.word(f"tier.{name}") for name in TIERS}
    shown = counts.reindex(index=list(TIERS), columns=list(TIERS), fill_value=0)
    figure = plots.heatmap(
        shown.rename(index=names, columns=names),
        shown.div(shown.sum(axis=1).clip(lower=1), axis=0),
        across=study.word("tiers.now"),
        down=study.word("tiers.before"),
    )
    fell = int(shown.loc[["core", "vip"], ["ordinary", "potential"]].to_numpy().sum())
    top = max(int(shown.loc[["core", "vip"]].to_numpy().sum()), 1)
    title = study.word("tiers.moves", n=fell, share=study.words.percent(fell / top, 0))
    models = [study.word(f"tiers.model_{month.outlook.name}") for month in (before, now)]
    other = models[0] != models[1]
    return Picture(
        figure,
        title,
        alt=title,
        caption=study.word("tiers.moves_model", before=models[0], now=models[1]) if other else "",
        data=shown.reset_index(),
        name="tier_moves",
    )


def leaving(study: Study, found: Leaving) -> Block:
    """Say whether the best buyers are being lost, with the money at stake; kept for the brief.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> nobody_yet = SimpleNamespace(of=0)  # there was no month before
    >>> type(leaving(sample_study(), nobody_yet)).__name__
    'Note'
    """
    words = study.words
    if not found.of:
        text = study.word("leaving.answer_first")
        study.write_facts({LEAVING: text, SILENT: 0})
        return Note([text])
    told = {"of": words.number(found.of), "n": words.number(len(found.silent))}
    if isnan(found.low):
        text = study.word("leaving.found_unsure", **told)
    else:
        ends = found.at_stake, found.low, found.high
        at_stake = words.with_interval(*map(words.money, ends))
        text = study.word("leaving.found", money=at_stake, **told)
    if found.silent.empty:
        text = study.word("leaving.nobody", of=told["of"])
    money = words.money
    rose = {"rose": words.number(found.rose), "fresh": words.number(found.fresh)}
    balance = study.word("leaving.balance", **rose)
    if len(found.silent):
        text = words.sentences(_answer(study, found), text)
    study.write_facts({LEAVING: words.sentences(text, balance), SILENT: len(found.silent)})
    change = {
        name: _signed(study, value)
        for name, value in (("bought", found.bought), ("quiet", found.quiet), ("new", found.new))
    }
    rows = _movement(study, found)
    if isnan(found.least):
        return Stack(Finding(text), Tiles(rows), Prose(study.word("leaving.unsure_long")))
    if not isnan(found.low):  # where nobody fell silent nothing is at stake, however old the shop
        reach = words.interval(money(found.low), money(found.high))
        rows.append(Tile(study.word("leaving.at_stake"), money(found.at_stake), reach))
    rows.append(
        Tile(
            study.word("leaving.next"),
            money(found.now),
            words.word("text.clause_join").join(
                [
                    words.interval(money(found.least), money(found.most)),
                    study.word("leaving.next_detail", before=money(found.before)),
                ]
            ),
        )
    )
    return Stack(Finding(text), Tiles(rows), Prose(study.word("leaving.why", **change)))


def _movement(study: Study, found: Leaving) -> list[Tile]:
    """Return how many of the best buyers fell, how many rose, and how many bought nothing."""
    write = study.words.number
    return [
        Tile(
            study.word("leaving.fell"),
            write(found.fell),
            study.word("leaving.fell_detail", share=study.words.percent(found.fell / found.of, 0)),
        ),
        Tile(
            study.word("leaving.rose"),
            write(found.rose),
            study.word("leaving.rose_detail", fresh=write(found.fresh)),
        ),
        Tile(
            study.word("leaving.silent"),
            write(len(found.silent)),
            study.word("leaving.silent_detail"),
        ),
    ]


def _answer(study: Study, found: Leaving) -> str:
    """Say first and plainly whether more goes than comes, or that it can't be told."""
    if found.answer in ("young", "odd"):
        return study.word(f"leaving.answer_{found.answer}")
    money = study.words.money
    gain, (least, most) = found.bought + found.new, found.lost
    net = [_signed(study, value) for value in (gain + found.quiet, gain - most, gain - least)]
    return study.word(
        f"leaving.answer_{found.answer}",
        net=study.words.with_interval(*net),
        quiet=money(-found.quiet),
        gain=money(gain),
    )


def _signed(study: Study, value: float) -> str:
    sign = "+" if value > 0 else ""
    return study.words.word("text.signed", sign=sign, value=study.words.money(value))


def silent(study: Study, found: Leaving, *, export: bool) -> Block:
    """Return the core and VIP buyers who fell silent, by expected loss, with masked ids.

    With `export` a file with the ids in full is written beside the pages.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> none = SimpleNamespace(silent=pd.DataFrame())
    >>> type(silent(sample_study(), none, export=True)).__name__  # and no file is written
    'Prose'
    """
    if found.silent.empty:
        return Prose(study.word("leaving.nobody_long"))
    if export:
        ids = [guarded(str(name)) for name in found.silent[_T.BUYER_ID]]
        whole = _numbered(found.silent.round(2).assign(buyer_id=ids))
        content = whole.to_csv(index=False, lineterminator="\n")
        study.write_export(SILENT_FILE, ("\ufeff" + content).encode("utf-8"))
    rows = found.silent.head(_MOST_LISTED).assign(
        buyer_id=[labels.masked_id(str(name)) for name in found.silent[_T.BUYER_ID]][:_MOST_LISTED]
    )
    rows = _numbered(rows)
    for column in ("tier_before", "tier"):
        rows[column] = [study.word(f"tier.{name}") for name in rows[column]]
    if isnan(found.low):
        rows = rows.drop(columns=["expected_before", "expected", "loss"])
    names = list(rows.columns)
    caption = study.word("leaving.file" if export else "leaving.no_file", file=SILENT_FILE)
    return Table(
        rows,
        study.word("leaving.table", n=study.words.number(len(rows))),
        caption=caption,
        labels=labels.headings(study, "leaving", names),
        formats={
            name: study.words.money
            for name in ("expected_before", "expected", "loss")
            if name in names
        },
        name="silent",
    )


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return buyers numbered from 1, on the page as in the file: masked ids may be alike."""
    return rows.assign(number=range(1, len(rows) + 1))[["number", *rows.columns]]


def holdout(study: Study, outlook: Outlook) -> Block:
    """Draw expected against actual spend over the last 90 days, in groups of equal size.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> young = SimpleNamespace(held_out=pd.DataFrame({"expected": [9.0], "actual": [0.0]}))
    >>> type(holdout(sample_study(), young)).__name__  # one buyer tests no forecast
    'Note'
    """
    told = outlook.held_out
    if len(told) < MIN_HELD_OUT:
        return Note([study.word("tiers.no_holdout")])
    groups = calibration(told["expected"], told["actual"])
    error = accuracy(told["expected"], told["actual"])
    figure, axes = plt.subplots(figsize=(theme.HALF[0], 3.0))
    top = float(groups[["expected", "actual"]].to_numpy().max()) * 1.05
    axes.plot([0, top], [0, top], color=theme.LINE, linewidth=1.2)
    axes.plot(groups["expected"], groups["actual"], "o", markersize=6)
    axes.set(xlabel=study.word("tiers.expected"), ylabel=study.word("tiers.actual"))
    axes.locator_params(nbins=4)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: study.words.money(value))
    ranks = study.words.number(error["rank_correlation"], 2)
    title = study.word(
        "tiers.holdout",
        ranks=ranks,
        total=study.words.percent(error["total"], 0),
        error=study.words.money(error["mae"]),
    )
    return Picture(figure, title, alt=title, data=groups.round(2), name="holdout")


def models(study: Study, outlook: Outlook) -> Block:
    """Say which model looks ahead and why, and show how each did on the last 90 days.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> young = SimpleNamespace(name="bgnbd", scores=pd.DataFrame())
    >>> type(models(sample_study(), young)).__name__
    'Note'
    """
    used = study.word(f"tiers.model_{outlook.name}")
    if outlook.scores.empty or len(outlook.scores) < 2:
        return Note([study.word("tiers.models_young", model=used)])
    won = outlook.scores["model"].iloc[0] != outlook.scores.set_index("used").loc[True, "model"]
    names = ("model", "deviance", "gain", "gain_se", "rank_correlation", "total", "mae")
    rows = outlook.scores[list(names)].copy()
    rows["model"] = [study.word(f"tiers.model_{name}") for name in rows["model"]]
    others = outlook.scores[outlook.scores["model"] != outlook.name]
    # Closer beyond two standard errors, and not used: it orders the buyers worse.
    closer = (others["gain"] > 2 * others["gain_se"]).any()
    kept = "tiers.models_kept_order" if closer else "tiers.models_kept"
    title = study.word("tiers.models_won" if won else kept, model=used)
    return Table(
        rows,
        title,
        labels=labels.headings(study, "tiers", names),
        formats={
            name: partial(study.words.number, digits=3 if name == "rank_correlation" else 2)
            for name in names[1:]
        },
        name="future-models",
    )
