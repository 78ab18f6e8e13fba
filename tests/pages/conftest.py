"""A browser, and a page with everything that a page can hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

pytest.importorskip("playwright", reason="pip install playwright for the tests of pages")

from playwright.sync_api import Browser, Page, sync_playwright

from csinsight.params import Lang
from csinsight.render import page, theme
from csinsight.render.blocks import (
    Block,
    Box,
    Columns,
    Finding,
    Note,
    Stack,
    Table,
    Talk,
    Tile,
    Tiles,
)
from csinsight.render.figure import Picture
from csinsight.render.page import render

#: What a buyer, an agent's name or a table might hold; none of it may come alive.
PLANTED = (
    '<script>window.planted=1</script><img src=x onerror="window.planted=2">'
    '"><svg onload="window.planted=3"> [点](javascript:alert(1)) </style></script>'
)
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@dataclass
class Opened:
    """A page in the browser, with what it asked for and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, or a skip that says what to install."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium for the tests of pages")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open an HTML file at a width, in light or dark, noting every request and complaint."""
    contexts: list[Any] = []

    def opener(path: Path, width: int = 1280, scheme: str = "light") -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(path.as_uri())
        opened.page.evaluate("document.fonts.ready.then(() => 0)")
        return opened

    yield opener
    for context in contexts:
        context.close()


def _picture(words: theme.Words, hostile: bool) -> Picture:
    import matplotlib.pyplot as plt
    import seaborn as sns

    names = words.names("type", ("newcomer", "simple", "bargain"))
    frame = pd.DataFrame({"type": list(names.values()), "n": [24, 21, 13]})
    if hostile:
        frame.loc[2, "type"] = "<script>window.planted=4</script>"
    _, axes = plt.subplots(figsize=theme.HALF)
    sns.barplot(frame, x="n", y="type", color=theme.ACCENT, saturation=1, ax=axes)
    axes.bar_label(axes.containers[0], padding=4)
    axes.set(xlabel="", ylabel="")
    title = words.word("page.01_buyer_types")
    return Picture(axes, title + (PLANTED if hostile else ""), title, title, data=frame, name="n")


def _blocks(words: theme.Words, text: str, hostile: bool) -> list[Block]:
    both = (
        "付款转化率 **37.6%**，与上月的差别在误差之内。"
        if words.lang == "zh"
        else ("Paid conversion is **37.6%**, no different from last month.")
    )
    tiles = [Tile(words.word("kpi.paid_rate"), "37.6%", "+0.4", "helps")] * 4
    table = pd.DataFrame({"name": [text, "b"], "share": [0.24, None]})
    talk = Talk(
        "10-12", [(words.word("block.buyer"), text), (words.word("block.you"), "不行")], "hurts"
    )
    return [
        Finding(both + (text if hostile else "")),
        Tiles([*tiles, Tile(text, text, text)]),
        Columns(
            Stack(_picture(words, hostile)),
            Table(
                table,
                words.word("page.05_coaching"),
                labels={"name": words.word("block.agent"), "share": words.word("kpi.paid_rate")},
                formats={"share": words.percent},
            ),
        ),
        _picture(words, hostile),
        Box(words.word("behaviour.offers_alternative"), talk, detail=text),
        Note([text, both]),
    ]


@pytest.fixture
def make_page(tmp_path: Path) -> Callable[..., Path]:
    """Render a page with every kind of block; `hostile` plants text that wants to come alive."""

    def make(lang: Lang = "zh", *, hostile: bool = False) -> Path:
        theme.use(lang)
        new = nbformat.v4
        text = PLANTED if hostile else theme.words().word("page.05_coaching")
        cells = [
            new.new_markdown_cell(
                "# 蓓尚旗舰店 · 月度简报\n\n**正文**与 `x`。" + (PLANTED if hostile else "")
            )
        ]
        cells += [new.new_markdown_cell(f"## {n}") for n in ("一", "二", "三")]
        for block in _blocks(theme.words(), text, hostile):
            data = block._repr_mimebundle_()
            output = new.new_output("display_data", data=data)
            cells.append(new.new_code_cell("shown", outputs=[output]))
        stray = new.new_output("display_data", data={"text/html": PLANTED, "text/plain": "stray"})
        cells.append(new.new_code_cell("stray", outputs=[stray]))
        executed = tmp_path / f"{lang}.ipynb"
        nbformat.write(new.new_notebook(cells=cells), executed)
        links = [page.Link("index.html", "目录"), page.Link("x.html", "月度简报", here=True)]
        frame = page.Page(
            lang, "蓓尚旗舰店 · 2026年10月", ["数据截至 10月31日"], links, run_id="2026-10-7f3c"
        )
        target = tmp_path / f"{lang}.html"
        target.write_text(render(executed, frame), encoding="utf-8")
        return target

    return make
