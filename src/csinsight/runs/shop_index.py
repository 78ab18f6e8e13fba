"""The page over all months of a shop, with small trends, and the copying of a month elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from csinsight.contract.write import write_text
from csinsight.params import month_start
from csinsight.render.page import Page, compose, render_body
from csinsight.render.words import Words
from csinsight.runs.plan import BRIEF
from csinsight.runs.site import INDEX
from csinsight.runs.state import read_reports
from csinsight.views.study import KPIS, TRENDS

_WIDTH, _HEIGHT, _MARGIN = 200, 40, 4
#: Figures that stand beside each month in the list; the others have their trend above it.
_IN_A_ROW = 4
#: Months of a longer history that a trend says aloud: the first, and the last twelve.
_HEARD = 13
Reports = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Point:
    """A month's place in a trend (0 for the first), its value, and the interval if there is one."""

    place: int
    value: float
    low: float
    high: float


def write_shop_index(folder: Path) -> None:
    """Write the page over all months in `folder`; nothing where there is no month.

    Examples
    --------
    Without a month there is no page.

    >>> write_shop_index(Path("nowhere"))
    """
    if reports := read_reports(folder):
        write_text(folder / INDEX, shop_index(reports))


def shop_index(reports: Reports) -> str:
    """Return the page over all months, newest first, in the language of the newest.

    Parameters
    ----------
    reports : mapping of str to mapping
        By month, the contents of its ``report.json``.

    Examples
    --------
    >>> report = {"shop": "s", "title": "茶小铺", "currency": "CNY", "lang": "zh", "finding": "稳"}
    >>> "茶小铺" in shop_index({"2026-10": report | {"facts": {}, "pages": {}, "run_id": "r"}})
    True
    """
    newest = reports[max(reports)]
    words = Words(newest["lang"], newest.get("currency", "CNY"))
    title = words.word("index.shop_title", shop=newest.get("title") or newest["shop"])
    rows = [_row(words, month, reports[month]) for month in sorted(reports, reverse=True)]
    if rows:
        rows[0]["latest"] = "yes"
    known = {
        name: {m: r["facts"][KPIS][name] for m, r in reports.items() if name in _kpis(r)}
        for name in TRENDS
    }
    body = render_body(
        "shop_index_body.html.j2",
        words=words,
        title=title,
        trends=[_trend(words, name, values) for name, values in known.items() if len(values) > 1],
        reports=rows,
    )
    return compose(Page(newest["lang"], kind="index"), title, body)


def _row(words: Words, month: str, report: Mapping[str, Any]) -> dict[str, str]:
    kpis = _kpis(report)
    told = [
        words.word(
            "text.colon", label=words.word(f"kpi.{name}"), text=_written(words, name, kpis[name])
        )
        for name in list(TRENDS)[:_IN_A_ROW]
        if name in kpis
    ]
    brief = f"{quote(month)}/{BRIEF}.html" if f"{BRIEF}.html" in report["pages"] else ""
    return {
        "href": f"{quote(month)}/{INDEX}",
        "label": words.month(month),
        "finding": report["finding"],
        "figures": words.word("text.clause_join").join(told),
        "brief": brief,
        "latest": "",
    }


def _written(words: Words, name: str, numbers: Sequence[float]) -> str:
    value, *ends = (TRENDS[name](words, number) for number in numbers)
    return words.with_interval(value, *ends) if ends else value


def _kpis(report: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(report["facts"].get(KPIS, {}))


def _trend(words: Words, name: str, values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    label, months = words.word(f"kpi.{name}"), sorted(values)
    # What a picture says has to be heard to its end: where it began, and the last year.
    heard = months if len(months) <= _HEARD else [months[0], *months[1 - _HEARD :]]
    told = [
        words.word("text.colon", label=words.month(m), text=_written(words, name, values[m]))
        for m in heard
    ]
    alt = words.word("text.colon", label=label, text=words.word("text.clause_join").join(told))
    span = words.interval(words.month(months[0]), words.month(months[-1]))
    return {
        "label": label,
        "value": TRENDS[name](words, values[months[-1]][0]),
        "drawn": sparkline(values, alt),
        "span": span,
    }


def sparkline(values: Mapping[str, Sequence[float]], alt: str) -> Markup:
    """Draw a small trend: a line that breaks where months are missing, with its interval.

    Parameters
    ----------
    values : mapping of str to sequence of float
        By month, the value, and the ends of its interval if it has one.
    alt : str
        The same in words.

    Examples
    --------
    >>> str(sparkline({"2026-09": [0.5, 0.4, 0.6], "2026-10": [0.6, 0.5, 0.7]}, "conversion"))[:4]
    '<svg'
    """
    first = month_start(min(values))
    points = [_point(_months_between(first, m), values[m]) for m in sorted(values)]
    right = max(points[-1].place, 1)
    low, high = min(p.low for p in points), max(p.high for p in points)
    if all(p.low == p.high for p in points):
        low = min(low, 0.0)  # an amount is seen against nothing, not against its own smallest

    def at(place: float, value: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * place / right
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{x:.1f},{_HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * share:.1f}"

    drawn = []
    for _, run in groupby(enumerate(points), lambda pair: pair[1].place - pair[0]):
        part = [point for _, point in run]
        band = [at(p.place, p.low) for p in part] + [at(p.place, p.high) for p in part[::-1]]
        drawn.append(f'<polygon points="{" ".join(band)}"/>')
        drawn.append(f'<polyline points="{" ".join(at(p.place, p.value) for p in part)}"/>')
    x, y = at(points[-1].place, points[-1].value).split(",")
    drawn.append(f'<circle cx="{x}" cy="{y}" r="3"/>')
    return Markup(  # noqa: S704 - numbers of our own, and escaped text
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(alt)}">'
        f"{''.join(drawn)}</svg>"
    )


def _point(place: int, numbers: Sequence[float]) -> Point:
    low, high = numbers[1:] if len(numbers) > 1 else (numbers[0], numbers[0])
    return Point(place, numbers[0], low, high)


def _months_between(first: datetime, month: str) -> int:
    start = month_start(month)
    return (start.year - first.year) * 12 + start.month - first.month
