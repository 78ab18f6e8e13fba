"""Notebook 03: agent by agent, within what chance alone would bring or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.behaviours.intervals import wilson
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentKpis
from csinsight.report import theme
from csinsight.report.blocks import Block, Prose
from csinsight.report.fonts import drawable
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import rates

_K = AgentKpis
_RATES: Final = (_K.PAID_RATE, _K.REPLY_RATE_180S)
_PAID_N: Final = f"{_K.PAID_RATE}_denominator"
#: Characters of an agent's name that a figure has room for.
_LONGEST_NAME: Final = 16


def funnel(study: Study, agents: pd.DataFrame) -> Block:
    """Draw agents' conversion against their number of inquiries, with the bounds of chance."""
    known = agents[agents[_K.PAID_RATE].notna() & agents[_K.AGENT_ID].notna()]
    if len(known) < 2:
        return Prose(study.word("kpis.no_funnel"))
    n = known[_PAID_N].astype(float)
    whole = float((known[_K.PAID_RATE] * n).sum() / n.sum())
    low, high = np.array([wilson(whole * m, m) for m in n]).T
    out = (known[_K.PAID_RATE] < low) | (known[_K.PAID_RATE] > high)
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 3.2))
    span = np.linspace(max(n.min() * 0.7, 5), n.max() * 1.1, 200)
    edges = np.array([wilson(whole * m, m) for m in span]).T
    axes.fill_between(span, *edges, color=theme.BAND, alpha=0.5, linewidth=0)
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
    title = study.word("kpis.funnel", out=int(out.sum()), n=len(known))
    alt = study.word("kpis.funnel_alt", n=len(known), rate=study.words.percent(whole))
    data = known[[_K.AGENT_ID, _PAID_N, _K.PAID_RATE]].round(4)
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
