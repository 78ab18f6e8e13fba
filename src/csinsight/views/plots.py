"""The drawings that several pages share. Words, numbers and colours are the caller's.

Each returns a matplotlib figure for `csinsight.render.figure.Picture`; colours of the theme follow
the reader's light or dark scheme there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from csinsight.render import theme
from csinsight.render.fonts import drawable
from csinsight.stats.spread import Spread

Write = Callable[[float], str]
#: Darkest cell of a heatmap; letters on it can be read in the light and in the dark.
_DARKEST: Final = 0.5
#: Characters of a column's name that fit a narrow cell.
_SHORT: Final = 3
#: So many columns fit a phone, whatever they are called.
_FEW_COLUMNS: Final = 4
#: Characters of a name that a funnel has room for.
_LONGEST_NAME: Final = 16


def forest(
    rows: pd.DataFrame,
    *,
    axis: str,
    colours: Sequence[str] | str = theme.ACCENT,
    beside: Sequence[str] = (),
    legend: tuple[str, str] | None = None,
    write: Write | None = None,
    zero: bool = True,
) -> Figure:
    """Draw one estimate with its interval a row.

    Parameters
    ----------
    rows : DataFrame
        ``name``, ``value``, ``low``, ``high``, top row first; ``raw`` is drawn hollow where it is.
    axis : str
        What is measured.
    colours : sequence of str, or one for all
    beside : sequence of str
        Text at the end of each row, in the row's colour.
    legend : (str, str), optional
        What the filled and the hollow points are.
    write : callable, optional
        Writes the ticks.
    zero : bool
        Draw a line at zero.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["greets"], "value": [2.0], "low": [1.0], "high": [3.0]})
    >>> figure = forest(rows, axis="points", beside=["+2.0"])
    >>> figure.axes[0].get_xlabel()
    'points'
    >>> plt.close(figure)
    """
    count = len(rows)
    shades = [colours] * count if isinstance(colours, str) else list(colours)
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.8 + 0.31 * count + 0.3 * bool(legend)))
    for place, (row, colour) in enumerate(zip(rows.to_dict("records"), shades, strict=True)):
        height = count - place
        axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=2.2)
        axes.plot(row["value"], height, "o", color=colour, markersize=6.5)
        if "raw" in row:
            axes.plot(row["raw"], height, **_hollow())
        if beside:
            _aside(axes, height, beside[place], colour)
    axes.set_yticks(range(count, 0, -1), rows["name"].tolist())
    axes.set_ylim(0.3, count + 0.7)
    if zero:
        axes.axvline(0, color=theme.MUTED, linewidth=1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(axis)
    if write:
        axes.xaxis.set_major_formatter(lambda value, _: write(value))
    if legend:
        filled = Line2D([], [], marker="o", color=theme.HELPS, linewidth=2.2, markersize=6.5)
        # Above the whole figure, not above the axes: names on the left take much of the width.
        figure.legend(
            [filled, Line2D([], [], linestyle="none", **_hollow())],
            list(legend),
            loc="outside upper left",
            ncols=2,
            borderaxespad=0,
            columnspacing=1.4,
            handletextpad=0.6,
        )
    return figure


def _hollow() -> dict[str, Any]:
    return {
        "marker": "o",
        "markersize": 6,
        "markerfacecolor": "none",
        "markeredgecolor": theme.BAND,
        "markeredgewidth": 1.4,
    }


def _aside(axes: Axes, height: float, text: str, colour: str = theme.MUTED) -> None:
    """Write a text at the end of a row, to the right of the axes."""
    place = axes.get_yaxis_transform()
    axes.text(1.02, height, text, va="center", fontsize=theme.SMALL, color=colour, transform=place)


def rate_bars(
    rows: pd.DataFrame, beside: Sequence[str], *, colours: Sequence[str] | str = theme.BAND
) -> Figure:
    """Draw shares as bars, with intervals where there are any, and a text at the end of each.

    Parameters
    ----------
    rows : DataFrame
        ``name``, ``rate``, and ``low`` and ``high`` where there is an interval; top row first.
    beside : sequence of str
    colours : sequence of str, or one for all

    Examples
    --------
    >>> figure = rate_bars(pd.DataFrame({"name": ["a", "b"], "rate": [0.4, 0.2]}), ["40 %", "20 %"])
    >>> len(figure.axes[0].patches)
    2
    >>> plt.close(figure)
    """
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.5 + 0.3 * len(rows)))
    places = range(len(rows))
    axes.barh(places, rows["rate"], color=colours, height=0.62)
    axes.set_yticks(places, rows["name"].tolist())
    if "low" in rows:
        axes.hlines(places, rows["low"], rows["high"], color=theme.INK, linewidth=1.2)
    for place, text in enumerate(beside):
        _aside(axes, place, text)
    axes.invert_yaxis()
    axes.set_xlim(0, max(float(rows.get("high", rows["rate"]).max()), 0.01) * 1.02)
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    return figure


def heatmap(
    texts: pd.DataFrame,
    strength: pd.DataFrame,
    *,
    across: str = "",
    down: str = "",
    on_top: bool = False,
) -> Figure:
    """Draw a table whose cells are the darker the stronger they are: blue above 0, orange below.

    Parameters
    ----------
    texts : DataFrame
        What is written in each cell; index and columns are the names.
    strength : DataFrame
        The same shape, -1 to 1.
    across, down : str
        What columns and rows are.
    on_top : bool
        Write the columns' names above.

    Examples
    --------
    >>> strength = pd.DataFrame([[1.0, -0.5]], index=["size"], columns=["a", "b"])
    >>> figure = heatmap(strength.astype(str), strength)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1.0', '-0.5']
    >>> plt.close(figure)
    """
    # Short names of columns, such as those of weekdays, need no more room on a phone.
    named = max((len(str(name)) for name in texts.columns), default=0) > _SHORT
    many = texts.shape[1] > _FEW_COLUMNS
    wide = theme.WIDE[0] + 0.25 * max(texts.shape[1] - 6, 0) * named + 1.3 * (on_top and many)
    figure, axes = plt.subplots(figsize=(wide, 0.8 + 0.31 * len(texts)))
    values = strength.to_numpy(dtype=float).clip(-1, 1)
    for (row, column), value in np.ndenumerate(values):
        colour = theme.ACCENT if value >= 0 else theme.HURTS
        shade = _DARKEST * abs(value) if np.isfinite(value) else 0
        cell = Rectangle((column + 0.03, row + 0.04), 0.94, 0.92, color=colour, linewidth=0)
        cell.set_alpha(0.04 + shade)
        axes.add_patch(cell)
        text = str(texts.iloc[row, column])
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=theme.SMALL)
    axes.set(xlim=(0, texts.shape[1]), ylim=(len(texts), 0), xlabel=across, ylabel=down)
    labels = _in_turn(texts, 72 * wide, on_top=on_top)
    axes.set_xticks(np.arange(texts.shape[1]) + 0.5, labels)
    axes.set_yticks(np.arange(len(texts)) + 0.5, [str(name) for name in texts.index])
    axes.tick_params(axis="x", top=False, labeltop=on_top, labelbottom=not on_top)
    axes.spines["bottom"].set_visible(False)
    axes.grid(visible=False)
    return figure


def _in_turn(texts: pd.DataFrame, points: float, *, on_top: bool) -> list[str]:
    """Return the columns' names, every other one a line away from the cells where they'd touch."""

    def width(name: object) -> float:  # a Chinese sign is as wide as two letters
        return _LETTER * sum(2 if sign > "\u2e80" else 1 for sign in str(name))

    names = [str(name) for name in texts.columns]
    beside = max((width(name) for name in texts.index), default=0.0)
    cell = (points - beside) / max(len(names), 1)
    if all((width(a) + width(b)) / 2 + _LETTER < cell for a, b in pairwise(names)):
        return names
    lower = "{}\n" if on_top else "\n{}"
    return [lower.format(name) if place % 2 else name for place, name in enumerate(names)]


#: Points that a letter of the smallest text is wide, a little above the mean.
_LETTER: Final = 0.56 * theme.SMALL


def trend(axes: Axes, names: Sequence[str], rows: pd.DataFrame, write: Write) -> None:
    """Draw a figure over the months with its interval, on axes that begin at zero.

    Parameters
    ----------
    axes : Axes
    names : sequence of str
        The months.
    rows : DataFrame
        ``value``, and ``low`` and ``high`` where there is an interval.
    write : callable
        Writes the ticks.

    Examples
    --------
    >>> figure, axes = plt.subplots()
    >>> trend(axes, ["09", "10"], pd.DataFrame({"value": [0.3, 0.4]}), "{:.0%}".format)
    >>> float(axes.get_ylim()[0])
    0.0
    >>> plt.close(figure)
    """
    if "low" in rows:
        low, high = (rows[end].to_numpy(dtype=float) for end in ("low", "high"))
        axes.fill_between(list(names), low, high, color=theme.BAND, alpha=0.6, linewidth=0)
    # A mark at the top or the edge is drawn whole.
    axes.plot(
        list(names),
        rows["value"],
        "o-",
        color=theme.ACCENT,
        markersize=4.5,
        clip_on=False,
        zorder=3,
    )
    axes.yaxis.set_major_formatter(lambda value, _: write(value))
    axes.locator_params(axis="y", nbins=4)
    axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * 1.04)
    axes.grid(visible=False, axis="x")


def funnel(
    points: pd.DataFrame,
    spread: Spread,
    *,
    across: str,
    down: str,
    write: Write,
) -> Figure:
    """Draw agents' rates over how many inquiries each rests on, with limits; without a ranking.

    Parameters
    ----------
    points : DataFrame
        ``name``, ``n``, ``rate``, and ``named``: whose name is written.
    spread : Spread
        Gives the bands: what is usual in the team, and within it what chance alone brings.
    across, down : str
    write : callable
        Writes the ticks of the rate.

    Examples
    --------
    >>> from csinsight.stats.spread import between_units
    >>> won, n = [30, 42, 50, 61], [100, 100, 110, 120]
    >>> points = pd.DataFrame({"name": list("abcd"), "n": n, "rate": np.divide(won, n)})
    >>> points["named"] = False
    >>> spread = between_units(won, n)
    >>> figure = funnel(points, spread, across="inquiries", down="paid", write="{:.0%}".format)
    >>> figure.axes[0].get_ylabel()
    'paid'
    >>> plt.close(figure)
    """
    figure, axes = plt.subplots(figsize=theme.WIDE)
    n = points["n"].to_numpy(dtype=float)
    grid = np.linspace(max(n.min() * 0.7, 1), n.max() * 1.15, 200)
    for limits, shade in ((spread.usual_limits(grid), 0.35), (spread.chance_limits(grid), 0.7)):
        axes.fill_between(grid, *limits, color=theme.BAND, alpha=shade, linewidth=0)
    axes.axhline(spread.centre, color=theme.MUTED, linewidth=1)
    axes.scatter(n, points["rate"], s=34, color=theme.INK, zorder=3)
    _names(axes, points[points["named"]].sort_values(["n", "name"]), grid[-1] - grid[0])
    axes.margins(x=0.05, y=0.12)
    axes.set(xlabel=across, ylabel=down)
    axes.yaxis.set_major_formatter(lambda value, _: write(value))
    return figure


def _names(axes: Axes, points: pd.DataFrame, width: float) -> None:
    """Write names to the right of their points; where points crowd, above and below in turn."""
    x: npt.NDArray[np.float64] = points["n"].to_numpy(dtype=float)
    y: npt.NDArray[np.float64] = points["rate"].to_numpy(dtype=float)
    above = True
    for place, name in enumerate(points["name"]):
        right, higher = x - x[place], np.abs(y - y[place])
        crowded = bool(((right > 0) & (right < 0.12 * width) & (higher < 0.05)).any())
        axes.annotate(
            drawable(str(name), _LONGEST_NAME),
            (x[place], y[place]),
            xytext=(0, 7 if above else -15) if crowded else (6, 3),
            textcoords="offset points",
            ha="center" if crowded else "left",
            fontsize=theme.SMALL,
            parse_math=False,
        )
        above = above != crowded
