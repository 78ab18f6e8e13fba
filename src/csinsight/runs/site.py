"""The pages of a month's report: rendered, with an index over them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, unquote

from csinsight.contract.write import write_text
from csinsight.params import NOTEBOOKS, RunParams
from csinsight.render import theme
from csinsight.render.blocks import without_marks
from csinsight.render.page import Link, Page, compose, render, render_body
from csinsight.render.words import Words, by_pinyin
from csinsight.runs.coaching_files import stage_exports
from csinsight.runs.plan import BRIEF, CARD, Step
from csinsight.runs.state import REPORT_FILE, Places, ReportFile, read_reports, read_state
from csinsight.views.study import ALERTS, FINDING, LEFT_OUT

INDEX: Final = "index.html"
_LINK: Final = re.compile(r'<a href="([^"#:/]+)(?:#[^"]*)?">(.*?)</a>', re.DOTALL)


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
