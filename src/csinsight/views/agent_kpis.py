"""Notebook 03: the month's figures of the whole team, and their trend.

Notebook 03: agent by agent, within what chance alone would bring or not.

Notebook 03: what the team shows in chat, and what may break the platform's rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.behaviours.kpis import (
    SILENT_SALES,
    SILENT_SHARE,
    TOTAL_SALES,
    monthly_kpis,
    shop_kpis,
)
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentKpis
from csinsight.contract.domain import COMPLIANCE
from csinsight.drivers.units import as_float
from csinsight.params import add_months
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Note, Prose, Tile, Tiles
from csinsight.render.figure import Picture
from csinsight.render.fonts import drawable
from csinsight.render.table import Table
from csinsight.stats.spread import between_units
from csinsight.views import rates
from csinsight.views.study import Study

_K = AgentKpis
_PAID_N = f"{_K.PAID_RATE}_denominator"
#: As many stand in a row; the rest is in the table of all figures.
_TILES: Final = 6
#: One row: the table in which the run keeps the shop's figures.
SHOP_KPIS: Final = "shop_kpis"


def shop_row(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> pd.Series:
    """Return the shop's figures of the report month, as the run wrote them where it did."""
    written = study.read_or_none(SHOP_KPIS)
    if written is None:
        written = shop_kpis(study.of_month(conversations), profile=profile)
    return written.iloc[0]


def sentence(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> str:
    """Return the finding: conversion, its change beyond chance or not, and speed."""
    words = study.words
    shop = shop_row(study, conversations, profile)
    if pd.isna(shop[_K.PAID_RATE]):
        count = words.number(shop[_K.INQUIRIES])
        parts = [study.word("kpis.found_no_orders", n=count)]
    else:
        low, high = (words.percent(shop[f"{_K.PAID_RATE}{end}"]) for end in ("_low", "_high"))
        paid, n = words.percent(shop[_K.PAID_RATE]), words.number(shop[_PAID_N])
        parts = [study.word("kpis.found", paid=paid, n=n, low=low, high=high)]
        parts.append(_against(study, conversations, profile, shop))
    parts.append(_speed(study, shop))
    return words.sentences(*parts)


def in_brief(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> str:
    """Return conversion and whether it changed beyond chance, in one sentence."""
    words = study.words
    shop = shop_row(study, conversations, profile)
    if pd.isna(shop[_K.PAID_RATE]):
        return study.word("brief.no_paid", n=words.number(shop[_K.INQUIRIES]))
    low, high = (words.percent(shop[f"{_K.PAID_RATE}{end}"]) for end in ("_low", "_high"))
    change = _changed(study, conversations, profile, shop)
    paid = words.percent(shop[_K.PAID_RATE])
    return study.word("brief.paid", paid=paid, low=low, high=high, change=change)


def _changed(study: Study, conversations: pd.DataFrame, profile: KpiProfile, now: pd.Series) -> str:
    """Return in words whether conversion changed since the month before beyond chance."""
    change = _change(study, conversations, profile, now)
    if change is None:
        return study.word("brief.first_month")
    if not _beyond_chance(change):
        return study.word("brief.same")
    by, low, high = (study.words.points(100 * value) for value in change)
    return study.word("brief.moved", change=by, low=low, high=high)


def _beyond_chance(change: tuple[float, float, float]) -> bool:
    return change[1] > 0 or change[2] < 0


def _change(
    study: Study, conversations: pd.DataFrame, profile: KpiProfile, now: pd.Series
) -> tuple[float, float, float] | None:
    """Return the change of paid conversion since the month before with its interval, if known."""
    before = _month_before(study, conversations, profile)
    if pd.isna(before[_K.PAID_RATE]) or pd.isna(now[_K.PAID_RATE]):
        return None
    return rates.difference(now, before, _K.PAID_RATE)


def _month_before(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> pd.Series:
    earlier = study.of_month(conversations, add_months(study.as_of, -2))
    return shop_kpis(earlier, profile=profile).iloc[0]


def _against(study: Study, conversations: pd.DataFrame, profile: KpiProfile, now: pd.Series) -> str:
    change = _change(study, conversations, profile, now)
    if change is None:
        return ""
    words = study.words
    by, low, high = (words.points(100 * value) for value in change)
    before = _month_before(study, conversations, profile)[_K.PAID_RATE]
    return study.word(
        "kpis.against",
        before=words.percent(before),
        change=by,
        low=low,
        high=high,
        news=study.word("kpis.news" if _beyond_chance(change) else "kpis.no_news"),
    )


def _speed(study: Study, shop: pd.Series) -> str:
    if pd.isna(shop[_K.FIRST_RESPONSE_MEDIAN]):
        return study.word("kpis.untimed")
    return study.word(
        "kpis.speed",
        median=study.words.seconds(shop[_K.FIRST_RESPONSE_MEDIAN]),
        p90=study.words.seconds(shop[_K.FIRST_RESPONSE_P90]),
    )


def finding(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> Finding:
    """Return the sentence on top of the page, and keep it for the index."""
    text = sentence(study, conversations, profile)
    study.write_facts({"finding": text})
    return Finding(text)


def headline(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> dict[str, float]:
    """Return the shop's main figures, for the recorded results."""
    shop = shop_row(study, conversations, profile)
    names = (_K.CONVERSATIONS, _K.INQUIRIES, _K.PAID_RATE, _K.FIRST_RESPONSE_MEDIAN)
    return {name: round(float(shop[name]), 4) for name in names if pd.notna(shop[name])}


def cards(study: Study, conversations: pd.DataFrame, profile: KpiProfile, currency: str) -> Tiles:
    """Return the month's main figures as tiles."""
    return tiles(study, study.of_month(conversations), profile, currency)


def tiles(study: Study, month: pd.DataFrame, profile: KpiProfile, currency: str) -> Tiles:
    """Return one month's main figures as tiles, without those that the data can't give."""
    shop, words = shop_row(study, month, profile), study.words
    made = [_conversion(study, shop), _first_reply(study, shop)]
    if pd.notna(shop[_K.REPLY_RATE_180S]):
        target = words.percent(profile.targets.get(_K.REPLY_RATE_180S), 0)
        detail = study.word("kpis.of_rounds", n=words.number(shop["rounds"]), target=target)
        made.append(
            _tile(study, _K.REPLY_RATE_180S, words.percent(shop[_K.REPLY_RATE_180S]), detail)
        )
    if pd.notna(shop[_K.SPEND_PER_BUYER]):
        detail = study.word("kpis.per_buyer", n=words.number(shop["paying_buyers"]))
        money = words.money(shop[_K.SPEND_PER_BUYER], currency=currency)
        made.append(_tile(study, _K.SPEND_PER_BUYER, money, detail))
    if pd.notna(shop[SILENT_SHARE]):
        parts = {"silent": SILENT_SALES, "total": TOTAL_SALES}
        sums = {key: words.money(shop[name], currency=currency) for key, name in parts.items()}
        detail = study.word("kpis.silent_detail", **sums)
        made.append(_tile(study, SILENT_SHARE, words.percent(shop[SILENT_SHARE], 0), detail))
    if pd.notna(shop[_K.SATISFACTION]):
        share = words.percent(shop[_K.RATINGS] / max(shop[_K.CONVERSATIONS], 1), 0)
        detail = study.word("kpis.rated", n=words.number(shop[_K.RATINGS]), share=share)
        made.append(_tile(study, _K.SATISFACTION, words.number(shop[_K.SATISFACTION], 1), detail))
    if pd.notna(shop[_K.ANSWER_ASK_RATIO]):
        made.append(
            _tile(
                study,
                _K.ANSWER_ASK_RATIO,
                words.number(shop[_K.ANSWER_ASK_RATIO], 2),
                study.word("kpis.ratio_detail"),
            )
        )
    return Tiles([tile for tile in made if tile][:_TILES])


def _conversion(study: Study, shop: pd.Series) -> Tile | None:
    if pd.isna(shop[_K.PAID_RATE]):
        return None
    words = study.words
    span = words.interval(*(words.percent(shop[f"{_K.PAID_RATE}{e}"]) for e in ("_low", "_high")))
    n, immature = words.number(shop[_PAID_N]), words.number(shop[_K.IMMATURE])
    rest = study.word("kpis.of_inquiries", n=n, immature=immature)
    return _tile(study, _K.PAID_RATE, words.percent(shop[_K.PAID_RATE]), f"{span} · {rest}")


def _first_reply(study: Study, shop: pd.Series) -> Tile | None:
    if pd.isna(shop[_K.FIRST_RESPONSE_MEDIAN]):
        return None
    detail = study.word("kpis.nine_in_ten", p90=study.words.seconds(shop[_K.FIRST_RESPONSE_P90]))
    value = study.words.seconds(shop[_K.FIRST_RESPONSE_MEDIAN])
    return _tile(study, _K.FIRST_RESPONSE_MEDIAN, value, detail)


def _tile(study: Study, name: str, value: str, detail: str) -> Tile:
    return Tile(study.word(f"kpi.{name}"), value, detail)


def trend(study: Study, conversations: pd.DataFrame, profile: KpiProfile) -> Block:
    """Draw paid conversion by month with its interval."""
    months = monthly_kpis(conversations, profile=profile)
    months = months[months[_K.PAID_RATE].notna()]
    if len(months) < 2:
        return Prose(study.word("kpis.no_trend"))
    words = study.words
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 2.6))
    names = [words.month(month) for month in months["month"]]
    axes.fill_between(
        names,
        months[f"{_K.PAID_RATE}_low"],
        months[f"{_K.PAID_RATE}_high"],
        color=theme.BAND,
        alpha=0.6,
        linewidth=0,
    )
    axes.plot(names, months[_K.PAID_RATE], "o-", markersize=5)
    rates.percent_axis(study, axes)
    axes.set_ylim(bottom=0)
    axes.grid(visible=False, axis="x")
    told = [
        study.word(
            "kpis.trend_alt",
            month=name,
            rate=words.percent(row[_K.PAID_RATE]),
            n=words.number(row[_PAID_N]),
        )
        for name, (_, row) in zip(names, months.iterrows(), strict=True)
    ]
    shop = shop_row(study, conversations, profile)
    return Picture(
        figure,
        study.word("kpis.trend", change=_changed(study, conversations, profile, shop)),
        alt=words.listed(told),
        caption=study.word("kpis.trend_caption"),
        data=months,
        name="trend",
    )


_RATES: Final = (_K.PAID_RATE, _K.REPLY_RATE_180S)
_PAID_INQUIRIES: Final = f"{_K.PAID_RATE}_denominator"
#: Characters of an agent's name that a figure has room for.
_LONGEST_NAME: Final = 16


def funnel(study: Study, agents: pd.DataFrame) -> Block:
    """Draw agents' conversion against their number of inquiries, with what is usual in the team."""
    known = agents[agents[_K.PAID_RATE].notna() & agents[_K.AGENT_ID].notna()]
    n = known[_PAID_INQUIRIES].astype(float)
    spread = between_units(known[_K.PAID_RATE] * n, n)
    if spread is None:
        return Prose(study.word("kpis.no_funnel"))
    whole, out = spread.centre, pd.Series(spread.outside, index=known.index)
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 3.2))
    span = np.linspace(max(n.min() * 0.7, 5), n.max() * 1.1, 200)
    for limits, shade in ((spread.usual_limits(span), 0.35), (spread.chance_limits(span), 0.7)):
        axes.fill_between(span, *limits, color=theme.BAND, alpha=shade, linewidth=0)
    axes.axhline(whole, color=theme.MUTED, linewidth=1)
    axes.scatter(
        n, known[_K.PAID_RATE], s=34, c=np.where(out, theme.ACCENT, theme.UNSURE), zorder=3
    )
    named = pd.DataFrame({"x": n, "y": known[_K.PAID_RATE], "id": known[_K.AGENT_ID]})[out]
    above = True
    for _, point in named.sort_values(["x", "id"]).iterrows():
        right, higher = n - point["x"], known[_K.PAID_RATE] - point["y"]
        crowded = _crowded(right.abs(), higher, span[-1] - span[0])
        # Where points stand side by side, their names go above and below in turn.
        axes.annotate(
            drawable(study.agent_name(str(point["id"])), _LONGEST_NAME),
            (point["x"], point["y"]),
            xytext=(0, 7 if above else -15) if crowded else (6, 3),
            textcoords="offset points",
            ha="center" if crowded else "left",
            fontsize=8.5,
            parse_math=False,
        )
        above = above != crowded
    axes.margins(x=0.08, y=0.12)
    axes.set(xlabel=study.word("kpis.funnel_x"), ylabel=study.word("kpis.funnel_y"))
    rates.percent_axis(study, axes)
    title = rates.apart(study, spread)
    alt = study.word("kpis.funnel_alt", n=len(known), rate=study.words.percent(whole))
    data = known[[_K.AGENT_ID, _PAID_INQUIRIES, _K.PAID_RATE]].round(4)
    return Picture(
        figure,
        title,
        alt=study.word("text.colon", label=title, text=alt),
        caption=study.word("kpis.funnel_caption"),
        data=data,
        name="funnel",
    )


def _crowded(right: pd.Series, above: pd.Series, width: float) -> bool:
    """Tell whether another point lies where a name to the right of this one would stand."""
    return bool(((right > 0) & (right < 0.12 * width) & (above.abs() < 0.05)).any())


def table(study: Study, agents: pd.DataFrame, profile: KpiProfile, currency: str) -> Block:
    """Return every agent's figures with their intervals, by name and not by result."""
    if agents.empty:
        return Prose(study.word("kpis.no_agents"))
    words = study.words
    formats: dict[str, Callable[[float], str]] = {
        **dict.fromkeys(_RATES, lambda value: words.percent(value, 0)),
        **dict.fromkeys((_K.FIRST_RESPONSE_MEDIAN, _K.MEAN_RESPONSE), words.seconds),
        _K.ANSWER_ASK_RATIO: lambda value: words.number(value, 2),
        _K.SPEND_PER_BUYER: lambda value: words.money(value, currency=currency),
        _K.SATISFACTION: lambda value: words.number(value, 1),
    }
    shown = pd.DataFrame({_K.AGENT_ID: [study.agent_name(name) for name in agents[_K.AGENT_ID]]})
    shown[_K.INQUIRERS] = agents[_K.INQUIRERS].to_numpy()
    for name, write in formats.items():
        if agents[name].notna().any():
            shown[name] = [_with_interval(study, row, name, write) for _, row in agents.iterrows()]
    rule = study.word(f"kpis.rule_{profile.attribution}")
    return Table(
        shown.sort_values(_K.AGENT_ID),
        study.word("kpis.table"),
        caption=study.word("kpis.table_caption", rule=rule),
        labels={name: study.word(f"kpi.{name}") for name in shown.columns},
        name="agents",
    )


def _with_interval(study: Study, row: pd.Series, name: str, write: Callable[[float], str]) -> str:
    if pd.isna(row[name]):
        return study.word("text.unknown")
    low, high = row[f"{name}{_K.LOW_SUFFIX}"], row[f"{name}{_K.HIGH_SUFFIX}"]
    if pd.isna(low) or pd.isna(high):
        return write(row[name])
    return rates.two_lines(study.words.with_interval(write(row[name]), write(low), write(high)))


def behaviours(study: Study, conversations: pd.DataFrame) -> Block:
    """Draw how often each behaviour was shown in the month."""
    found = rates.behaviour_rates(study.of_month(conversations))
    if found.empty:
        return Prose(study.word("kpis.no_behaviours"))
    return rates.rate_bars(study, found)


def compliance(study: Study, conversations: pd.DataFrame) -> Block:
    """Return how many conversations of the month break which platform rule."""
    month = study.of_month(conversations)
    items = []
    for rule in COMPLIANCE:
        broken = int(np.nansum(as_float(month[rule])))
        if broken:
            items.append(
                study.word(
                    "kpis.compliance_item",
                    rule=study.word(f"behaviour.{rule}"),
                    n=study.words.number(broken),
                    all=study.words.number(len(month)),
                )
            )
    title = study.word("kpis.compliance")
    return Note(items, title) if items else Prose(study.word("kpis.compliance_none"))
