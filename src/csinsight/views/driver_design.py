"""Notebook 04: what the comparison could see at all, and what other ways of looking say."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from csinsight.contract.artifacts import Drivers
from csinsight.drivers.checks import unknown_shares
from csinsight.drivers.design import LEAST_BROWSING, WHOLE_CONVERSATION, Design
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import Block, Prose, Table
from csinsight.render.figure import Picture
from csinsight.views import labels
from csinsight.views.study import Study

_D = Drivers
_WAYS: Final = ("landmark", "window")


def flow(study: Study, plan: Design) -> Picture:
    """Draw who is in the comparison and who is left out, step by step.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.drivers.design import design
    >>> told = {"outcome": "paid", "as_of": study.as_of, "months": 3}
    >>> type(flow(study, design(study.read("conversations"), **told))).__name__
    'Picture'
    """
    words, steps = study.words, plan.flow
    names = [study.word(f"flow.{step.replace(' ', '_')}") for step in steps["step"]]
    # All but the first are told by what they take away.
    out = [study.word("drivers.flow_out", name=name) for name in names[1:]]
    steps = steps.assign(name=[*names[:1], *out], first=steps.index == steps.index[0])
    figure, axes = plt.subplots(figsize=(theme.WIDE[0], 0.5 + 0.62 * len(steps)))
    place = np.arange(len(steps))[::-1]
    axes.barh(place, steps["remaining"], height=0.34, color=theme.ACCENT)
    axes.barh(place, steps["left_out"], left=steps["remaining"], height=0.34, color=theme.BAND)
    for height, (_, row) in zip(place, steps.iterrows(), strict=True):
        axes.text(0, height + 0.27, row["name"], va="bottom", fontsize=theme.SMALL, color=theme.INK)
        axes.text(
            1.02,
            height,
            _step(study, row),
            va="center",
            fontsize=theme.SMALL,
            color=theme.MUTED,
            transform=axes.get_yaxis_transform(),
        )
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_xlim(0, max(float(steps["remaining"].max()), 1.0))
    axes.set_ylim(-0.4, len(steps) - 0.2)
    axes.spines["bottom"].set_visible(False)
    return Picture(
        figure,
        study.word("drivers.flow", n=words.number(len(plan.rows)), agents=plan.agents),
        alt=words.sentences(
            *(
                study.word("text.colon", label=row["name"], text=_step(study, row)) + "."
                for _, row in steps.iterrows()
            )
        ),
        caption=study.word("drivers.flow_caption"),
        data=steps[["name", "left_out", "remaining"]],
        name="drivers-flow",
    )


def _step(study: Study, row: pd.Series) -> str:
    left, remaining = (study.words.number(row[name]) for name in ("left_out", "remaining"))
    if row["first"]:
        return remaining
    return study.word("drivers.flow_step", left=left, remaining=remaining)


def power(study: Study, plan: Design, before: pd.DataFrame) -> Prose:
    """Return what this much data could show, before any estimate is looked at.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> from csinsight.drivers.design import design
    >>> told = {"outcome": "paid", "as_of": sample_study().as_of, "months": 3}
    >>> plan = design(sample_study().read("conversations"), **told)
    >>> before = pd.DataFrame({"behaviour": ["recommends"], "detectable_pp": [6.0]})
    >>> type(power(sample_study(), plan, before)).__name__
    'Prose'
    """
    smallest = before["detectable_pp"].dropna()
    if smallest.empty:
        return Prose(study.word("drivers.no_power"))
    value = study.words.number(smallest.median(), labels.digits(plan.outcome))
    points = study.word(f"drivers.unit_{plan.outcome}", n=value)
    unknown = [
        study.word(
            "drivers.unknown",
            what=study.word(f"drivers.covariate_{name}"),
            share=study.words.percent(share, 0),
        )
        for name, share in unknown_shares(plan).set_index("covariate")["unknown"].items()
        if share > 0
    ]
    told = [study.word("drivers.power", points=points)]
    if unknown:
        told.append(study.word("drivers.unknown_all", listed=study.words.listed(unknown)))
    if plan.browsing_doubt:
        # Why page views that are known in part count as not known.
        without, with_it = (study.words.percent(share, 0) for share in plan.browsing)
        least = study.words.percent(LEAST_BROWSING, 0)
        key = f"drivers.browsing_{plan.browsing_doubt}"
        told.append(study.word(key, without=without, with_it=with_it, least=least))
    if plan.by_conversation:
        told.append(study.word("drivers.by_talk"))
    return Prose(*told)


def ready(study: Study, plan: Design, before: pd.DataFrame) -> Table:
    """Return for each behaviour what could be seen of it, before any estimate.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> from csinsight.views.sample import sample_study
    >>> seen = {"behaviour": ["recommends", "greets"], "inquiries": [40, 0], "shown": 0.3}
    >>> seen |= {"varying": 5, "overlap": 0.9, "detectable_pp": 8.0}
    >>> shown = ready(sample_study(), sample_design(), pd.DataFrame(seen))
    >>> shown.plain().count("90%")  # what was never possible is left out
    1
    """
    rows = before
    judged = (plan.outcome == "satisfaction") | ~rows["behaviour"].isin(WHOLE_CONVERSATION)
    rows = rows[(rows["inquiries"] > 0) & judged].reset_index(drop=True)
    percent = labels.or_dash(study, lambda value: study.words.percent(value, 0))
    of_share = rows["behaviour"].map(unit_of) == "shown"
    rows["shown"] = [percent(value) for value in rows["shown"].where(of_share)]
    rows["behaviour"] = [labels.label(study, name) for name in rows["behaviour"]]
    places = labels.digits(plan.outcome)
    return Table(
        rows,
        study.word("drivers.ready"),
        caption=study.word("drivers.ready_caption"),
        labels={
            "behaviour": study.word("drivers.column_behaviour"),
            "inquiries": study.word("drivers.column_occasions"),
            "shown": study.word("drivers.column_shown"),
            "varying": study.word("drivers.column_varying"),
            "overlap": study.word("drivers.column_overlap"),
            "detectable_pp": study.word("drivers.column_detectable_before"),
        },
        formats={
            "overlap": percent,
            "detectable_pp": labels.or_dash(study, lambda v: study.words.number(v, places)),
        },
        name="drivers-ready",
    )


def ways(study: Study, table: pd.DataFrame) -> Block:
    """Return each behaviour's difference by every way of comparing.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nothing = pd.DataFrame(columns=["behaviour", "effect_pp"])
    >>> type(ways(sample_study(), nothing)).__name__
    'Prose'
    """
    if table.empty:
        return Prose(study.word("drivers.no_ways"))
    words, rows = study.words, table.copy()
    suffixes = ["", *(f"_{way}" for way in _WAYS if f"{_D.EFFECT_PP}_{way}" in table)]
    turned = rows[_D.BEHAVIOUR].isin(labels.TURNED)
    numbers = [column for column in rows if column != _D.BEHAVIOUR]
    rows.loc[turned, numbers] = -rows.loc[turned, numbers]
    for end in suffixes:
        low, high = f"{_D.LOW_PP}{end}", f"{_D.HIGH_PP}{end}"
        rows[[low, high]] = np.sort(rows[[low, high]].to_numpy(dtype=float), axis=1)
        estimate = f"{_D.EFFECT_PP}{end}"
        rows[f"told{end}"] = [
            _told(words.points, words.with_interval, *values, dash=study.word("text.not_given"))
            for values in rows[[estimate, low, high]].to_numpy(dtype=float)
        ]
    rows = rows.sort_values(_D.EFFECT_PP, ascending=False)
    rows[_D.BEHAVIOUR] = [labels.label(study, name) for name in rows[_D.BEHAVIOUR]]
    headings = {
        _D.BEHAVIOUR: study.word("drivers.column_behaviour"),
        _D.RAW_PP: study.word("drivers.column_raw_pp"),
        _D.BETWEEN_PP: study.word("drivers.column_between_pp"),
        "told": study.word("drivers.column_effect_pp"),
        **{f"told{end}": study.word(f"drivers.column{end}") for end in suffixes[1:]},
        _D.PROXIMAL_PP: study.word("drivers.column_proximal_pp"),
    }
    points = labels.or_dash(study, words.points)
    return Table(
        rows,
        study.word("drivers.ways"),
        caption=study.word("drivers.ways_caption"),
        labels=headings,
        formats=dict.fromkeys((_D.RAW_PP, _D.BETWEEN_PP, _D.PROXIMAL_PP), points),
        name="drivers-ways",
    )


def _told(
    points: Callable[[float], str],
    join: Callable[[str, str, str], str],
    value: float,
    low: float,
    high: float,
    *,
    dash: str,
) -> str:
    if np.isnan(value):
        return dash
    return labels.cell(join(points(value), points(low), points(high)))


def doses(study: Study, table: pd.DataFrame, outcome: str) -> Block:
    """Draw how the outcome goes with the seconds to the first reply, band by band.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(doses(sample_study(), pd.DataFrame(), "paid")).__name__
    'Prose'
    """
    if table.empty:
        return Prose(study.word("drivers.no_doses"))
    words, place = study.words, np.arange(len(table))
    names = [_band(study, row) for _, row in table.iterrows()]
    figure, axes = plt.subplots(figsize=theme.WIDE)
    span = table[[_D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP]].to_numpy(dtype=float)
    axes.axhline(0, color=theme.MUTED, linewidth=1)
    axes.vlines(place, span[:, 1], span[:, 2], color=theme.ACCENT, linewidth=2.2)
    axes.plot(place, span[:, 0], "o-", color=theme.ACCENT, markersize=6.5, linewidth=1)
    axes.set_xticks(place, [fill(name, 12) for name in names])
    axes.set_xlabel(study.word("drivers.doses_axis"))
    axes.set_ylabel(study.word(f"drivers.axis_{outcome}"))
    axes.grid(visible=False, axis="x")
    last = table.iloc[-1]
    last = pd.concat([last, pd.Series({_D.OUTCOME: outcome})])
    effect = labels.in_words(study, last, unit=True)
    told = [
        study.word(
            "drivers.doses_row",
            band=name,
            effect=words.with_interval(*(words.points(v, labels.digits(outcome)) for v in row)),
        )
        for name, row in zip(names, span, strict=True)
    ]
    return Picture(
        figure,
        study.word("drivers.doses", band=names[-1], first=names[0], effect=effect),
        alt=words.sentences(study.word("drivers.doses_alt"), *told[1:]),
        caption=study.word("drivers.doses_caption", first=names[0]),
        data=table.round(4),
        name="drivers-doses",
    )


def _band(study: Study, row: pd.Series) -> str:
    low, high = study.words.number(row["from_s"]), study.words.number(row["to_s"])
    if pd.isna(row["to_s"]):
        return study.word("drivers.band_over", low=low)
    if row["from_s"] == 0:
        return study.word("drivers.band_to", high=high)
    return study.word("drivers.band_between", low=low, high=high)
