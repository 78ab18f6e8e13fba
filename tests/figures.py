"""Every named figure that a report shows: on pages, in pictures' data, workbooks, JSON, history.

A figure is known by what it is called, by whom it is of (the shop, or what the row says), and by
the month. Nothing here knows a page: whatever stands in a tile or in a table under a heading is
gathered, and every clause that names a figure is held to it.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastexcel
from lxml import html

from csinsight.params import Lang
from csinsight.render.words import Words, catalogue

SHOP = "the shop"
NUMBER = re.compile(r"(?<![\w.])[+−-]?\d[\d,]*(?:\.\d+)?(?![\w.]*\.\d)")
#: What keeps a table's line together and no reader sees.
UNSEEN = str.maketrans({"\u2060": "", "\xa0": " ", "\u202f": " "})
#: The words of a page's own month and of the one before it.
NOW, BEFORE = "this month", "the month before"


@dataclass(frozen=True)
class Figure:
    """One number as one place shows it: what it is of, the number, how finely it is written."""

    name: str
    of: str
    month: str
    value: float
    unit: float
    sign: str
    where: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the number has to be the same for."""
        return self.name, self.of, self.month

    def agrees(self, other: Figure) -> bool:
        """Tell whether both can be one number, each written to its own number of decimals."""
        if self.sign != other.sign and self.sign and other.sign:
            return False
        return abs(self.value - other.value) <= (self.unit + other.unit) / 2 * 1.001 + 1e-9


def figure(name: str, of: str, month: str, text: str, where: str) -> Figure | None:
    """Return the first number of `text` as a figure; None where it begins with no number."""
    found = NUMBER.search(text)
    if found is None or len(text[: found.start()].strip("¥$€£ CNYUSD")) > 0:
        return None
    sign = "%" if text[found.end() : found.end() + 1] == "%" else ""
    value, unit = _read(found[0], sign)
    return Figure(name, of, month, value, unit, sign, where)


def _read(text: str, sign: str) -> tuple[float, float]:
    plain = text.replace(",", "").replace("−", "-")
    decimals = len(plain.partition(".")[2])
    scale = 0.01 if sign else 1.0
    return float(plain) * scale, 10.0**-decimals * scale


def exact(name: str, of: str, month: str, value: Any, where: str) -> Figure | None:
    """Return a stored number as a figure; stored ones are rounded to four places at least."""
    try:
        return Figure(name, of, month, float(value), 1e-4, "", where)
    except (TypeError, ValueError):
        return None


class Report:
    """The figures of one published month, in one language."""

    def __init__(self, folder: Path, run: Path, lang: Lang) -> None:
        self.folder, self.run, self.words = folder, run, Words(lang)
        self.month = json.loads((folder / "report.json").read_text(encoding="utf-8"))["month"]
        word = self.words.word
        self.rows_are_figures = {word("brief.column_what"), word("kpis.column_figure")}
        #: Of a row of the plan; a page that shows one kind does not repeat it.
        self.kinds = {word(f"plan_kind.{kind}") for kind in ("driver", "compliance", "strength")}
        self.agents = {word("kpi.agent_id"), word("block.agent")}
        self.periods = {
            word("brief.column_now"): NOW,
            word("brief.column_before"): BEFORE,
            word("kpis.column_value"): NOW,
        }
        self.pages = {
            path.name: html.fromstring(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.html"))
        }
        shop = folder.parent / "index.html"
        self.pages["../index.html"] = html.fromstring(shop.read_text(encoding="utf-8"))

    def figures(self) -> list[Figure]:
        """Return all that stands under a name."""
        found = [f for name in self.pages for f in self._of_page(name)]
        return [*found, *self._history(), *self._workbooks()]

    def agent(self, page: str) -> str:
        """Return whom a card is of; else the shop."""
        if not page.startswith("06_"):
            return SHOP
        facts = json.loads((self.run / "facts" / f"{Path(page).stem}.json").read_text("utf-8"))
        return str(facts["agent"])

    def _of_page(self, name: str) -> Iterator[Figure]:
        page, of = self.pages[name], self.agent(name)
        for tile in page.xpath("//main//dl[contains(@class,'tiles')]/div"):
            yield from _some(figure(seen(tile[0]), of, NOW, seen(tile[1]), f"{name}: tile"))
        for table in page.xpath("//main//table"):
            rows = [[seen(c) for c in row.xpath("./th|./td")] for row in table.xpath(".//tr")]
            yield from self._of_table(rows, of, f"{name}: table {table.get('id')}")
        for link in page.xpath("//a[starts-with(@href,'data:text/csv')]"):
            text = base64.b64decode(link.get("href").partition(",")[2]).decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(text)))
            yield from self._of_data(rows, of, f"{name}: {link.get('download')}")

    def _of_table(self, rows: list[list[str]], of: str, where: str) -> Iterator[Figure]:
        head, *body = rows
        for row in body:
            # What a row is of stands before its first number.
            first = next((i for i, cell in enumerate(row) if i and _is_number(cell)), len(row))
            for heading, cell in list(zip(head, row, strict=True))[first:]:
                if head[0] in self.rows_are_figures:
                    period = self.periods.get(heading)
                    name = row[0] if period else f"{row[0]}: {heading}"
                    yield from _some(figure(name, of, period or NOW, cell, where))
                else:
                    whose = " / ".join(cell for cell in row[:first] if cell not in self.kinds)
                    if head[0] not in self.agents:  # buyers and questions bargain
                        whose = f"{head[0]} {whose}"
                    whose = whose if of == SHOP else f"{of} / {whose}"
                    yield from _some(figure(heading, whose, NOW, cell, where))

    def _of_data(self, rows: list[list[str]], of: str, where: str) -> Iterator[Figure]:
        """Yield the figures of a picture's data that are called as a KPI is."""
        head, *body = rows
        if "month" not in head:
            return  # of types, tiers, agents: a table of the same page says what they are
        known = catalogue(self.words.lang)
        for row in body:
            told = dict(zip(head, row, strict=True))
            month = told["month"][:7]
            period = {self.month: NOW}.get(month, month)
            numbers = [value for column, value in told.items() if column != "month"]
            if not all(map(_is_number, filter(None, numbers))):
                continue  # of an item
            for column, value in told.items():
                if f"kpi.{column}" in known:
                    name = known[f"kpi.{column}"]
                    yield from _some(exact(name, of, period, value, where))

    def _history(self) -> Iterator[Figure]:
        facts = self.run / "facts" / "07_monthly_brief.json"
        for name, values in json.loads(facts.read_text(encoding="utf-8"))["kpis"].items():
            of = self.words.word(f"kpi.{name}")
            yield from _some(exact(of, SHOP, NOW, values[0], "facts of the brief"))

    def _workbooks(self) -> Iterator[Figure]:
        for path in sorted(self.folder.glob("*.xlsx")):
            if path.stem == "answer_bank":
                continue  # a row is an answer as it was written, with counts of its own
            book = fastexcel.read_excel(path)
            for sheet in book.sheet_names:
                frame = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
                rows = [[str(c) if c is not None else "" for c in row] for row in frame.rows()]
                if len(rows) > 1:
                    yield from self._of_table(rows, SHOP, f"{path.name}: sheet {sheet}")


def conflicts(found: Iterable[Figure]) -> list[str]:
    """Return every figure that two places show differently, a line each."""
    places: dict[tuple[str, str, str], list[Figure]] = defaultdict(list)
    for one in found:
        places[one.key].append(one)
    lines = []
    for (name, of, month), shown in places.items():
        for one in shown[1:]:
            if not one.agrees(shown[0]):
                lines.append(
                    f"{name} of {of}, {month}: {shown[0].value:g}{shown[0].sign} "
                    f"({shown[0].where}), {one.value:g}{one.sign} ({one.where})"
                )
                break
    return lines


def contradicted(report: Report, found: Iterable[Figure]) -> list[str]:
    """Return every clause that names a figure and gives numbers, and not the figure's own.

    The others in it may be an interval, a target or another month.
    """
    known: dict[tuple[str, str], Figure] = {}
    for one in found:
        if one.month == NOW:
            known.setdefault((one.name, one.of), one)
    lines = []
    for page, tree in report.pages.items():
        of = report.agent(page)
        names = sorted((name for name, whose in known if whose == of), key=len, reverse=True)
        for text in clauses(tree):
            # The longest name that fits is the one meant.
            name = next((name for name in names if _names(name, text)), None)
            if name is None:
                continue
            numbers = _numbers(text.partition(name)[2])
            own = known[name, of]
            alike = [n for n in numbers if n.sign == own.sign or not (n.sign or own.sign)]
            if alike and not any(own.agrees(n) for n in alike):
                lines.append(f"{page}: {text!r}, and {name} is {own.value:g} ({own.where})")
    return lines


def clauses(tree: Any) -> Iterator[str]:
    """Yield what a page's sentences say, cut at every stop, without chats, tables and drawings."""
    skip = "ancestor::*[self::svg or self::style or self::table or contains(@class,'talk')]"
    for block in tree.xpath(f"//main//*[self::p or self::li or self::span][not({skip})]"):
        if block.xpath("./p|./ul"):
            continue
        yield from re.split(r"[。；;！!？?]|\. |(?<!\d)[,，](?!\d)|：(?=\D)", seen(block))


def _names(name: str, text: str) -> bool:
    return len(name) > 2 and re.search(rf"(?<!\w){re.escape(name)}", text) is not None


def _numbers(text: str) -> list[Figure]:
    found = []
    for match in NUMBER.finditer(text):
        sign = "%" if text[match.end() : match.end() + 1] == "%" else ""
        found.append(Figure("", "", "", *_read(match[0], sign), sign, ""))
    return found


def _is_number(text: str) -> bool:
    return figure("", "", "", text, "") is not None


def _some(found: Figure | None) -> Iterator[Figure]:
    if found is not None:
        yield found


def seen(element: Any) -> str:
    """Return an element's text as a reader sees it."""
    return " ".join(element.text_content().translate(UNSEEN).split())
