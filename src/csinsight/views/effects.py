"""Driver estimates as people read them: faster instead of slower, ordered, with their words."""

from __future__ import annotations

from typing import Final

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from csinsight.coaching.shrunken_effects import as_taught
from csinsight.contract.artifacts import Drivers
from csinsight.render import theme
from csinsight.render.figure import Picture
from csinsight.views.study import Study

_D = Drivers
#: Measured as "slower" or "more slow ones", and told as the opposite, which is what one can do.
TURNED: Final = ("first_response_s", "mean_response_s", "slow_reply_share")
_OPPOSITE: Final = {"helps": "hurts", "hurts": "helps"}
_LABELLED: Final = (*TURNED, "answer_ask_ratio")
NAMED: Final = ("helps", "hurts")


def label(study: Study, behaviour: str) -> str:
    """Return what a row of effects is about, such as "First reply twice as fast"."""
    group = "effect" if behaviour in _LABELLED else "behaviour"
    return study.word(f"{group}.{behaviour}")


def of_main(drivers: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates on the outcome that was asked for, which come first."""
    rows: pd.DataFrame = drivers[drivers[_D.OUTCOME] == drivers[_D.OUTCOME].iloc[0]]
    return rows


def about(study: Study, rows: pd.DataFrame, word: str) -> str:
    """Return a word that differs by the outcome that `rows` are about."""
    return study.word(f"{word}_{rows[_D.OUTCOME].iloc[0]}")


def digits(outcome: str) -> int:
    """Return decimals of a difference: points of a share have one, of a rating two."""
    return 2 if outcome == "satisfaction" else 1


def readable(drivers: pd.DataFrame, scope_kind: str = "all") -> pd.DataFrame:
    """Return the main outcome's estimates of one kind of scope, "slower" turned into "faster".

    The largest effect comes first; what could not be estimated comes last.
    """
    rows = of_main(drivers)
    rows = rows[rows[_D.SCOPE_KIND] == scope_kind].copy()
    turned = rows[_D.BEHAVIOUR].isin(TURNED)
    low, high = rows[_D.LOW_PP].copy(), rows[_D.HIGH_PP].copy()
    rows.loc[turned, _D.LOW_PP], rows.loc[turned, _D.HIGH_PP] = -high[turned], -low[turned]
    for column in (_D.RAW_PP, _D.EFFECT_PP):
        rows.loc[turned, column] = -rows.loc[turned, column]
    rows.loc[turned, _D.VERDICT] = rows.loc[turned, _D.VERDICT].replace(_OPPOSITE)
    rows = rows.sort_values([_D.EFFECT_PP, _D.BEHAVIOUR], ascending=[False, True])
    return rows.reset_index(drop=True)


def estimated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have an estimate and are no control."""
    return rows[rows[_D.EFFECT_PP].notna() & (rows[_D.VERDICT] != "control")]


def contrary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the named rows of `readable` whose effect is against what is taught.

    Nobody is advised on them: the library says the opposite of what the data would.
    """
    taught = [
        as_taught(str(name), -effect if name in TURNED else effect)
        for name, effect in zip(rows[_D.BEHAVIOUR], rows[_D.EFFECT_PP], strict=True)
    ]
    named: pd.DataFrame = rows[rows[_D.VERDICT].isin(NAMED) & ~pd.Series(taught, index=rows.index)]
    return named


def in_words(study: Study, row: pd.Series, *, unit: bool = False) -> str:
    """Return one estimate with its interval, in points; with the unit for a sentence."""
    words, places = study.words, digits(row[_D.OUTCOME])
    value, low, high = (
        words.points(row[name], places) for name in (_D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP)
    )
    if unit:
        value = words.word(f"drivers.unit_{row[_D.OUTCOME]}", n=value)
    return words.with_interval(value, low, high)


def forest(study: Study, rows: pd.DataFrame, title: str) -> Picture:
    """Draw raw beside adjusted differences, one row a behaviour."""
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 1.1 + 0.31 * len(rows)))
    for place, (_, row) in enumerate(rows.iterrows()):
        _draw_row(axes, len(rows) - place, row)
        axes.text(
            1.02,
            len(rows) - place,
            in_words(study, row),
            va="center",
            fontsize=8.5,
            color=theme.VERDICT_COLOURS[str(row[_D.VERDICT])],
            transform=axes.get_yaxis_transform(),
        )
    names = [label(study, behaviour) for behaviour in rows[_D.BEHAVIOUR]]
    axes.set_yticks(range(len(rows), 0, -1), names)
    axes.set_ylim(0.3, len(rows) + 0.7)
    axes.axvline(0, color=theme.MUTED, linewidth=1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(about(study, rows, "drivers.axis"))
    _legend(study, axes)
    return Picture(
        figure,
        title,
        alt=_alt(study, rows),
        caption=about(study, rows, "drivers.caption"),
        data=_data(rows),
        name="drivers",
    )


def _draw_row(axes: Axes, height: float, row: pd.Series) -> None:
    colour = theme.VERDICT_COLOURS[str(row[_D.VERDICT])]
    axes.plot([row[_D.LOW_PP], row[_D.HIGH_PP]], [height, height], color=colour, linewidth=2.2)
    axes.plot(row[_D.EFFECT_PP], height, "o", color=colour, markersize=6.5)
    axes.plot(
        row[_D.RAW_PP],
        height,
        "o",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=theme.BAND,
        markeredgewidth=1.4,
    )


def _legend(study: Study, axes: Axes) -> None:
    within = Line2D([], [], marker="o", color=theme.HELPS, linewidth=2.2, markersize=6.5)
    raw = Line2D(
        [],
        [],
        marker="o",
        linestyle="none",
        markerfacecolor="none",
        markeredgecolor=theme.BAND,
        markeredgewidth=1.4,
        markersize=6,
    )
    # Above the whole figure, not above the axes: names on the left take much of the width.
    axes.get_figure(root=True).legend(  # type: ignore[union-attr]
        [within, raw],
        [study.word("drivers.within"), study.word("drivers.raw")],
        loc="outside upper left",
        ncols=2,
        borderaxespad=0,
        columnspacing=1.4,
        handletextpad=0.6,
    )


def _alt(study: Study, rows: pd.DataFrame) -> str:
    told = [
        study.word(
            "drivers.alt_row",
            behaviour=label(study, row[_D.BEHAVIOUR]),
            effect=in_words(study, row),
            raw=study.words.points(row[_D.RAW_PP], digits(row[_D.OUTCOME])),
        )
        for _, row in rows.iterrows()
    ]
    return study.words.sentences(about(study, rows, "drivers.alt"), *told)


def _data(rows: pd.DataFrame) -> pd.DataFrame:
    columns = [
        _D.BEHAVIOUR,
        _D.N,
        _D.RAW_PP,
        _D.EFFECT_PP,
        _D.LOW_PP,
        _D.HIGH_PP,
        _D.Q_VALUE,
        _D.VERDICT,
    ]
    return rows[columns].round(4)
