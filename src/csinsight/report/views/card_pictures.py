"""The pictures of an agent's card: beside comparable peers, and over the months."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from csinsight.coaching.card import Card
from csinsight.contract.artifacts import CoachingPlan
from csinsight.drivers.scales import unit_of
from csinsight.report import theme
from csinsight.report.blocks import Block, Prose
from csinsight.report.picture import Picture
from csinsight.report.study import Study
from csinsight.report.views.habits import rate_text

_P = CoachingPlan
#: Rows of the picture beside peers: as many as leave the card on one sheet of paper.
MAX_ROWS = 6
#: Characters of a small picture's title before it takes a second line.
_TITLE_WIDTH = {"zh": 9, "en": 18}
_ALWAYS = ("first_response_s", "slow_reply_share")


def peers(study: Study, card: Card) -> Block:
    """Draw the agent's rates as marks over the middle half of comparable peers."""
    told = (card.recommendations, card.strengths)
    advised = [str(name) for rows in told for name in rows[_P.BEHAVIOUR]]
    order = list(dict.fromkeys([*_ALWAYS, *advised, *card.standing["behaviour"]]))
    rows = card.standing.set_index("behaviour")
    rows = rows.reindex([name for name in order if name in rows.index][:MAX_ROWS])
    if rows.empty:
        return Prose(study.word("card.no_peers"))
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.5 + 0.38 * len(rows)))
    for place, (name, row) in enumerate(rows.iterrows()):
        _strip(study, axes, len(rows) - place, str(name), row)
    axes.set_yticks(
        range(len(rows), 0, -1), [study.word(f"behaviour.{name}") for name in rows.index]
    )
    axes.set(xlim=(0, 1), ylim=(0.4, len(rows) + 0.6))
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    alt = [_beside(study, str(name), row, named=True) for name, row in rows.iterrows()]
    conversion = _conversion(study, card)
    data = rows[["opportunities", "rate", "peer_q1", "peer_median", "peer_q3"]].round(4)
    return Picture(
        figure,
        conversion or study.word("card.peers"),
        alt=study.words.listed(alt),
        caption=study.word("card.peers"),
        data=data.reset_index(),
        name="beside_peers",
    )


def _strip(study: Study, axes: Axes, height: float, name: str, row: pd.Series) -> None:
    """Draw one strip; each has its own scale, from a little below to a little above all marks."""
    marks = row[["rate", "rate_low", "rate_high", "peer_q1", "peer_q3"]].to_numpy(dtype=float)
    if unit_of(name) == "doubling":
        marks = np.log2(np.maximum(marks, 1e-3))
    low, high = marks.min(), marks.max()
    room = max((high - low) * 0.15, 1e-6)
    at, _, _, q1, q3 = (marks - (low - room)) / (high - low + 2 * room)
    axes.barh(height, 1, height=0.2, color=theme.SOFT)
    axes.barh(height, q3 - q1, left=q1, height=0.2, color=theme.BAND)
    axes.plot([at, at], [height - 0.24, height + 0.24], color=theme.INK, linewidth=2.4)
    axes.text(
        1.02,
        height,
        _beside(study, name, row),
        va="center",
        fontsize=8.5,
        color=theme.MUTED,
        transform=axes.get_yaxis_transform(),
    )


def _beside(study: Study, name: str, row: pd.Series, *, named: bool = False) -> str:
    text = study.word(
        "card.beside",
        own=rate_text(study, name, row["rate"]),
        low=rate_text(study, name, row["peer_q1"]),
        high=rate_text(study, name, row["peer_q3"]),
    )
    return f"{study.word(f'behaviour.{name}')} {text}" if named else text


def _conversion(study: Study, card: Card) -> str:
    if card.conversion is None:
        return ""
    percent, own = study.words.percent, card.conversion
    return study.word(
        "card.conversion",
        rate=percent(own.rate, 0),
        low=percent(own.low, 0),
        high=percent(own.high, 0),
        expected=percent(own.expected, 0),
    )


def trend(study: Study, card: Card) -> Block:
    """Draw paid conversion, and what is recommended, over the months with intervals."""
    counts = card.trend["behaviour"].value_counts(sort=False)
    names = [str(name) for name, count in counts.items() if count > 1]
    if not names:
        return Prose(study.word("card.no_trend"))
    figure, row = plt.subplots(
        1, len(names), squeeze=False, figsize=(min(2.6 * len(names), theme.WIDE[0]), 2.2)
    )
    told, title = [], ""
    for axes, name in zip(row[0], names, strict=True):
        own = card.trend[card.trend["behaviour"] == name]
        label = study.word("kpi.paid_rate" if name == "paid" else f"behaviour.{name}")
        months = own["month"].dt.strftime("%m")
        axes.fill_between(months, own["low"], own["high"], color=theme.BAND, alpha=0.6, linewidth=0)
        axes.plot(months, own["rate"], "o-", markersize=4.5)
        axes.set_title(fill(label, _TITLE_WIDTH[study.lang]), fontsize=9)
        axes.yaxis.set_major_formatter(lambda v, _, name=name: rate_text(study, name, v))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_ylim(bottom=0)
        axes.grid(visible=False, axis="x")
        ends = [rate_text(study, name, own["rate"].iloc[place]) for place in (0, -1)]
        title = title or study.word("card.trend", label=label, first=ends[0], last=ends[1])
        told.append(study.word("card.trend_alt", label=label, first=ends[0], last=ends[1]))
    return Picture(
        figure,
        title,
        alt=study.words.sentences(*told),
        caption=study.word("card.trend_caption"),
        data=card.trend.round(4),
        name="months",
    )
