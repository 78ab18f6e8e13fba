"""Rates with their intervals, as several pages draw and write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csinsight.contract.artifacts import Conversations
from csinsight.contract.domain import MARKERS
from csinsight.drivers.units import as_float
from csinsight.render import theme
from csinsight.render.figure import Picture
from csinsight.stats.intervals import wilson
from csinsight.stats.spread import Spread
from csinsight.views.study import Study

_C = Conversations
#: Shown after the outcome or late in the talk: drawn, but in grey.
_AFTER: Final = ("checks_address", "closes_warmly")


def inquiries(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the conversations that are inquiries."""
    rows: pd.DataFrame = conversations[as_float(conversations[_C.IS_INQUIRY]) == 1]
    return rows


def rate(values: pd.Series) -> tuple[float, float, float, int]:
    """Return share, low, high and number of a nullable boolean column."""
    known = as_float(values)
    known = known[~np.isnan(known)]
    if not len(known):
        return float("nan"), float("nan"), float("nan"), 0
    low, high = wilson(int(known.sum()), len(known))
    return float(known.mean()), float(low), float(high), len(known)


def difference(now: pd.Series, before: pd.Series, name: str) -> tuple[float, float, float]:
    """Return the difference of two independent rates with its 95 % interval.

    Parameters
    ----------
    now, before : Series
        Each with ``name``, ``name_low`` and ``name_high`` (Wilson).
    name : str

    Notes
    -----
    Newcombe, R. G. (1998), Statistics in Medicine 17, method 10.
    """
    p1, l1, u1 = (float(now[f"{name}{end}"]) for end in ("", "_low", "_high"))
    p0, l0, u0 = (float(before[f"{name}{end}"]) for end in ("", "_low", "_high"))
    change = p1 - p0
    return (
        change,
        change - float(np.hypot(p1 - l1, u0 - p0)),
        change + float(np.hypot(u1 - p1, p0 - l0)),
    )


def behaviour_rates(
    conversations: pd.DataFrame, behaviours: Sequence[str] = MARKERS
) -> pd.DataFrame:
    """Return how often each behaviour was shown among inquiries with an occasion for it.

    Returns
    -------
    DataFrame
        ``behaviour``, ``rate``, ``low``, ``high``, ``n``; most frequent first, without those
        that had no occasion.
    """
    rows = inquiries(conversations)
    found = [(name, *rate(rows[name])) for name in behaviours if name in rows]
    table = pd.DataFrame(found, columns=["behaviour", "rate", "low", "high", "n"])
    table = table[table["n"] > 0].sort_values(["rate", "behaviour"], ascending=[False, True])
    return table.reset_index(drop=True)


def counted(study: Study, unit: str, n: float) -> str:
    """Write a number of things with its word: "1 agent", "3 agents"."""
    return study.word(f"unit.{unit}_one" if n == 1 else f"unit.{unit}", n=study.words.number(n))


def percent_axis(study: Study, axes: Axes) -> None:
    """Write an axis of shares in per cent."""
    axes.yaxis.set_major_formatter(lambda value, _: study.words.percent(value, 0))


def cell(text: str) -> str:
    """Return an estimate with its interval so that a table doesn't break it in two."""
    return text.replace(" ", "\u00a0").replace("（", "\u2060（")


def two_lines(text: str) -> str:
    """Return an estimate with its interval so that a narrow table breaks it before the interval."""
    return text.replace(" ", "\u00a0").replace("\u00a0(", " (")


def or_dash(study: Study, write: Callable[[float], str]) -> Callable[[float], str]:
    """Return `write` with a dash for what is not given, where that says enough."""
    return lambda value: study.word("text.not_given") if pd.isna(value) else write(value)


def rate_bars(study: Study, table: pd.DataFrame) -> Picture:
    """Draw `behaviour_rates` as bars with intervals."""
    words = study.words
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.7 + 0.3 * len(table)))
    names = [study.word(f"behaviour.{name}") for name in table["behaviour"]]
    colours = [theme.LINE if name in _AFTER else theme.BAND for name in table["behaviour"]]
    spread = np.vstack([table["rate"] - table["low"], table["high"] - table["rate"]]).clip(0)
    axes.barh(
        names,
        table["rate"],
        color=colours,
        height=0.6,
        xerr=spread,
        error_kw={"ecolor": theme.INK, "elinewidth": 1.2},
    )
    texts = [
        words.word("text.with_count", value=words.percent(r, 0), n=words.number(n))
        for r, n in zip(table["rate"], table["n"], strict=True)
    ]
    for place, (high, text) in enumerate(zip(table["high"], texts, strict=True)):
        axes.text(high + 0.012, place, text, va="center", fontsize=8.5, color=theme.MUTED)
    axes.invert_yaxis()
    axes.set_xlim(0, min(1.18, float(table["high"].max()) + 0.2))
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    told = words.listed([f"{name} {text}" for name, text in zip(names, texts, strict=True)])
    most, least = (
        words.word("text.with_count", value=names[i], n=words.percent(table["rate"].iloc[i], 0))
        for i in (0, -1)
    )
    return Picture(
        figure,
        study.word("kpis.behaviours", most=most, least=least),
        alt=study.word("kpis.behaviours_alt", rows=told),
        caption=study.word("kpis.behaviours_caption"),
        data=table.round(4),
        name="behaviour_rates",
    )


def apart(study: Study, spread: Spread) -> str:
    """Say whether agents differ beyond chance, by how much, and who stands outside the team."""
    words, agents = study.words, counted(study, "agents", len(spread.adjusted))
    if spread.p_value >= 0.05:
        told = study.word("coaching.funnel_alike", agents=agents)
    else:
        sd, low, high = (
            words.number(100 * end, 1) for end in (spread.sd, spread.sd_low, spread.sd_high)
        )
        told = study.word(
            "coaching.funnel_apart", agents=agents, sd=cell(words.with_interval(sd, low, high))
        )
    outside = int(spread.outside.sum())
    key = "coaching.funnel_outside" if outside else "coaching.funnel_nobody"
    return words.sentences(told, study.word(key, n=words.number(outside)))
