"""The pages of a month's report, rendered, with an index over them and one over a shop's months."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from markupsafe import Markup, escape

from csinsight.contract.files import write_atomically, write_text
from csinsight.params import NOTEBOOKS, RunParams, month_start
from csinsight.render import theme
from csinsight.render.blocks import without_marks
from csinsight.render.page import Link, Page, compose, render, render_body
from csinsight.render.words import Words, by_pinyin
from csinsight.runs.plan import BRIEF, CARD, Step
from csinsight.runs.state import REPORT_FILE, Places, ReportFile, read_reports, read_state
from csinsight.views.study import ALERTS, FINDING, KPIS, LEFT_OUT, TRENDS

INDEX: Final = "index.html"
_LINK: Final = re.compile(r'<a href="([^"#:/]+)(?:#[^"]*)?">(.*?)</a>', re.DOTALL)
_WIDTH, _HEIGHT, _MARGIN = 200, 40, 4
#: Figures that stand beside each month in the list; the others have their trend above it.
_IN_A_ROW = 4
#: Months of a longer history that a trend says aloud: the first, and the last twelve.
_HEARD = 13
Reports = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Month:
    """What a month's pages are made from.

    Parameters
    ----------
    params : RunParams
    places : Places
    steps : sequence of Step
        Those that were executed, in order.
    left_out : dict of str to str
        By notebook, the word that says why.
    covers : date or None
        Last day with data.
    run_id : str
    digest : str
        Over everything that the pages depend on: the same digest, the same bytes.
    failed : sequence of Step
        Agents' cards that could not be made.
    pdf : bool
        Whether the brief and the cards are there as PDF too.
    known : bool
        Whether readers have seen a month before this one.
    """

    params: RunParams
    places: Places
    steps: Sequence[Step]
    left_out: dict[str, str]
    covers: date | None
    run_id: str
    digest: str
    failed: Sequence[Step] = ()
    pdf: bool = False
    known: bool = False

    @cached_property
    def words(self) -> Words:
        """The run's language."""
        return Words(self.params.lang, self.params.currency)

    @cached_property
    def place(self) -> str:
        """Shop and month, as a reader would write them."""
        return f"{self.title} · {self.words.month(self.params.month)}"

    @property
    def title(self) -> str:
        """What the shop is called."""
        return self.params.title or self.params.shop

    @property
    def printed(self) -> list[str]:
        """Pages that are there as PDF too, without ending."""
        kinds = {BRIEF, CARD} if self.pdf else set()
        return [step.name for step in self.steps if step.notebook in kinds]

    def facts(self, step: Step) -> dict[str, Any]:
        """Return the small facts that a step wrote."""
        path = self.places.run / "facts" / f"{step.name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write_month(month: Month) -> None:
    """Render every page of the month into its staging folder.

    The brief comes first everywhere, as the page that a manager reads.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as name:
    ...     places = Places(Path(name), "demo", "2026-10")
    ...     write_month(Month(RunParams(), places, (), {}, None, "", ""))
    ...     sorted(path.name for path in places.staging.iterdir())
    ['index.html', 'report.json']
    """
    theme.use(month.params.lang, month.params.currency)
    staging = month.places.staging
    there = {INDEX, *stage_exports(month.places), *(f"{name}.pdf" for name in month.printed)}
    there |= {f"{step.name}.html" for step in month.steps}
    for step in month.steps:
        page = render(month.places.executed(step.name), _page(month, step))
        write_text(staging / f"{step.name}.html", live_links(page, there))
    write_text(staging / INDEX, _month_index(month))
    report = json.dumps(_report(month), ensure_ascii=False, indent=1)
    write_text(staging / REPORT_FILE, f"{report}\n")


def stage_exports(places: Places) -> list[str]:
    """Copy the run's files to take along beside the pages, and return their names.

    Examples
    --------
    >>> stage_exports(Places(Path("nowhere"), "myshop", "2026-10"))
    []
    """
    found = sorted((places.run / "exports").glob("*.*"))
    for path in found:
        with write_atomically(places.staging / path.name) as draft:
            shutil.copyfile(path, draft)
    return [path.name for path in found]


def live_links(page: str, there: Collection[str]) -> str:
    """Return a page whose links to files that are not there, such as a failed card, are text.

    Parameters
    ----------
    page : str
        HTML.
    there : collection of str
        Names of the files in the page's folder.

    Examples
    --------
    >>> live_links('<a href="06_a.html">Ann</a>, <a href="06_b.html#x">Ben</a>', {"06_a.html"})
    '<a href="06_a.html">Ann</a>, Ben'
    """
    return _LINK.sub(lambda found: found[0] if unquote(found[1]) in there else found[2], page)


def has_earlier(places: Places) -> bool:
    """Tell whether a month before this one has been published for the shop.

    Examples
    --------
    >>> from pathlib import Path
    >>> has_earlier(Places(Path("no", "such"), "demo", "2026-10"))
    False
    """
    return any(month < places.month for month in read_reports(places.shop_reports))


def is_current(month: Month) -> bool:
    """Tell whether the published report was made from exactly this, and is whole.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.params import RunParams
    >>> from csinsight.runs.state import Places
    >>> places = Places(Path("no", "such"), "demo", "2026-10")
    >>> month = Month(RunParams(), places, (), {}, None, "", "")
    >>> is_current(month)
    False
    """
    published = _published(month)
    if published is None:
        return False
    names = [*published.pages, *(f"{name}.pdf" for name in month.printed)]
    pages = [month.places.report / name for name in names]
    return published.key == month.digest and all(path.is_file() for path in pages)


def would_lose_pages(month: Month) -> bool:
    """Tell whether the published report has pages that this one lacks.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.params import RunParams
    >>> from csinsight.runs.state import Places
    >>> places = Places(Path("no", "such"), "demo", "2026-10")
    >>> month = Month(RunParams(), places, (), {}, None, "", "")
    >>> would_lose_pages(month)
    False
    """
    published = _published(month)
    there = published.pages if published else {}
    return bool(set(there) - {f"{step.name}.html" for step in month.steps})


def _month_index(month: Month) -> str:
    words = month.words
    own = {step.notebook: step for step in month.steps if step.notebook != CARD}
    names = sorted(own, key=lambda name: (name != BRIEF, name))
    rows = [_row(month, own[name], words.word(f"page.{name}")) for name in names]
    cards = [_row(month, step, _agent(month, step)) for step in _cards(month)]
    title = words.word("index.month_title", shop=month.title, month=words.month(month.params.month))
    if rows and names[0] == BRIEF:
        rows[0]["finding"] = ""  # it stands on top of the page
    body = render_body(
        "index_body.html.j2",
        words=words,
        title=title,
        rows=rows,
        cards=cards,
        left_out=_reasons(month),
        finding=headline(month),
    )
    page = Page(month.params.lang, "", _meta(month), (), _up(words), month.run_id, "index")
    return compose(page, title, body)


def _agent(month: Month, step: Step) -> str:
    """Return what the agent of a card is called, or the id where the card names nobody."""
    return str(month.facts(step).get("agent") or step.extra["agent_id"])


def _cards(month: Month) -> list[Step]:
    """Return the cards' steps in the order of the agents' names, Chinese ones by pinyin."""
    cards = [step for step in month.steps if step.notebook == CARD]
    return sorted(cards, key=lambda step: (by_pinyin(_agent(month, step)), step.name))


def _turn(month: Month, step: Step) -> tuple[Link, ...]:
    """Return links to the cards before and after a card."""
    cards = _cards(month) if step.notebook == CARD else []
    if len(cards) < 2:
        return ()
    place = cards.index(step)
    around = (("nav.before", cards[place - 1]), ("nav.after", cards[(place + 1) % len(cards)]))
    return tuple(
        Link(f"{quote(card.name)}.html", month.words.word(word, name=_agent(month, card)))
        for word, card in around
    )


def _row(month: Month, step: Step, label: str) -> dict[str, str]:
    finding = without_marks(month.facts(step).get(FINDING, ""))
    pdf = f"{quote(step.name)}.pdf" if step.name in month.printed else ""
    return {"href": f"{quote(step.name)}.html", "label": label, "finding": finding, "pdf": pdf}


def _reasons(month: Month) -> list[tuple[str, str]]:
    words = month.words
    whole = [
        (words.word(f"page.{name}"), words.word(f"left_out.{month.left_out[name]}"))
        for name in NOTEBOOKS
        if name in month.left_out
    ]
    parts = [
        (words.word(f"page.{step.notebook}"), str(reason))
        for step in month.steps
        if step.notebook != CARD
        for reason in month.facts(step).get(LEFT_OUT, ())
    ]
    cards = [
        (
            words.word("nav.agent_card", agent=step.extra["agent_id"]),
            words.word("left_out.card_failed"),
        )
        for step in month.failed
    ]
    return whole + parts + cards


def _page(month: Month, step: Step) -> Page:
    words = month.words
    own = [s.notebook for s in month.steps if s.notebook != CARD]
    links = [Link(INDEX, words.word("page.index"))]
    links += [
        Link(f"{name}.html", words.word(f"page.{name}"), here=name == step.notebook)
        for name in sorted(own, key=lambda name: (name != BRIEF, name))
    ]
    if any(s.notebook == CARD for s in month.steps):
        card = Link(f"{INDEX}#cards", words.word("nav.cards"), here=step.notebook == CARD)
        links.append(card)
    return Page(
        month.params.lang,
        month.place,
        _meta(month),
        tuple(links),
        _up(words),
        month.run_id,
        f"notebook n{step.notebook[:2]}",
        f"{quote(step.name)}.pdf" if step.name in month.printed else "",
        _turn(month, step),
        month.known,
    )


def _meta(month: Month) -> tuple[str, ...]:
    if month.covers is None:
        return ()
    return (month.words.word("index.covers", date=month.words.date(month.covers)),)


def _up(words: Words) -> Link:
    return Link(f"../{INDEX}", words.word("nav.months"))


def alerts(month: Month) -> tuple[str, ...]:
    """Return what the brief raises an alarm about, a sentence each.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.params import RunParams
    >>> from csinsight.runs.state import Places
    >>> places = Places(Path("no", "such"), "demo", "2026-10")
    >>> month = Month(RunParams(), places, (), {}, None, "", "")
    >>> alerts(month)
    ()
    """
    brief = [step for step in month.steps if step.notebook == BRIEF]
    told = month.facts(brief[0]).get(ALERTS, ()) if brief else ()
    return tuple(without_marks(str(alert["text"])) for alert in told)


def headline(month: Month) -> str:
    """Return the brief's finding; empty where there is no brief.

    Examples
    --------
    >>> from pathlib import Path
    >>> from csinsight.params import RunParams
    >>> from csinsight.runs.state import Places
    >>> places = Places(Path("no", "such"), "demo", "2026-10")
    >>> month = Month(RunParams(), places, (), {}, None, "", "")
    >>> headline(month)
    ''
    """
    brief = [step for step in month.steps if step.notebook == BRIEF]
    return without_marks(month.facts(brief[0]).get(FINDING, "")) if brief else ""


def _report(month: Month) -> dict[str, Any]:
    brief = [step for step in month.steps if step.notebook == BRIEF]
    return {
        "key": month.digest,
        "shop": month.params.shop,
        "title": month.title,
        "currency": month.params.currency,
        "month": month.params.month,
        "lang": month.params.lang,
        "run_id": month.run_id,
        "finding": headline(month),
        "facts": month.facts(brief[0]) if brief else {},
        "pages": {f"{step.name}.html": step.notebook for step in month.steps},
        "left_out": month.left_out,
        "failed": [step.name for step in month.failed],
    }


def _published(month: Month) -> ReportFile | None:
    return read_state(month.places.report / REPORT_FILE, ReportFile, "its pages are made anew")


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
    rows = [_month_row(words, month, reports[month]) for month in sorted(reports, reverse=True)]
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


def _month_row(words: Words, month: str, report: Mapping[str, Any]) -> dict[str, str]:
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
    first, points = month_start(min(values)), []
    for month in sorted(values):
        value, *ends = values[month]
        start = month_start(month)
        place = (start.year - first.year) * 12 + start.month - first.month
        points.append(Point(place, value, *(ends or (value, value))))
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
