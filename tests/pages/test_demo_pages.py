"""Every page of the demo shop's report in a real browser, in both languages and three widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
WIDTHS = (390, 1280)
#: Agents of the demo shop are called by two or three characters, and belong to named teams.
NAMES = r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,4}(?![\u4e00-\u9fff])"
HAN = re.compile(r"[\u4e00-\u9fff]")
#: Words of the English report that are the same in Chinese: names of things, not language.
NEUTRAL = re.compile(
    r"csinsight|demo|VIP|BIC|BG/NBD|Gamma|CSV|Fader|Hardie|Lee|Wilson|Benjamini|Hochberg|Simes"
)


@pytest.fixture(scope="module", params=["zh", "en"])
def report(request, demo_run):
    return request.param, demo_run[request.param].report.parent


def _pages(folder):
    names = sorted(path.name for path in folder.glob("*.html"))
    cards = [name for name in names if name.startswith("06_agent_card")]
    # All cards are made by one notebook: two show every state that a card has in the demo shop.
    return [name for name in names if name not in cards[2:]]


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_ask_for_nothing_and_fit(report, open_page, width):
    lang, folder = report
    names = _pages(folder)
    assert len(names) >= 10
    for name in names:
        opened = open_page(folder / name, width=width)
        own = ("data:", (folder / name).as_uri())
        assert [url for url in opened.requests if not url.startswith(own)] == [], name
        assert opened.complaints == [], name
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert opened.page.evaluate(overflow) <= 0, f"{name} overflows at {width}"
        shot = SCREENSHOTS / lang / f"{Path(name).stem}-{width}.png"
        shot.parent.mkdir(parents=True, exist_ok=True)
        opened.page.screenshot(path=shot, full_page=True)
        opened.page.context.close()


def test_pages_print(report, open_page):
    lang, folder = report
    for name in _pages(folder):
        opened = open_page(folder / name)
        opened.page.emulate_media(media="print")
        paper = SCREENSHOTS / lang / f"{Path(name).stem}.pdf"
        paper.parent.mkdir(parents=True, exist_ok=True)
        opened.page.pdf(path=paper, format="A4")
        assert paper.stat().st_size > 20_000
        opened.page.context.close()


def test_pages_are_in_one_language(report, open_page):
    """Chats are Chinese in both reports; all else is in the report's language."""
    lang, folder = report
    for name in _pages(folder):
        opened = open_page(folder / name)
        text = opened.page.evaluate(
            "() => { document.querySelectorAll('style, .talk').forEach(node => node.remove());"
            " const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);"
            " const found = []; while (walk.nextNode()) found.push(walk.currentNode.data);"
            " return found.join('\\n'); }"
        )
        assert "{" not in text, f"{name} shows a placeholder"
        assert not re.search(r"\bnan\b|\bNone\b|\bNaN\b|<NA>", text), name
        if lang == "zh":
            english = re.findall(r"(?:[A-Za-z]{3,} ){3,}", NEUTRAL.sub("", text))
            assert english == [], f"{name}: {english}"
        else:
            lines = [line for line in text.splitlines() if HAN.search(re.sub(NAMES, "", line))]
            assert lines == [], f"{name}: {lines}"
        opened.page.context.close()


def test_a_chinese_page_is_drawn_by_its_own_font(demo_run, open_page):
    opened = open_page(demo_run["zh"].report.parent / "07_monthly_brief.html")
    session = opened.page.context.new_cdp_session(opened.page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument", {"depth": -1})["root"]["nodeId"]
    for selector in ("h1", "figure svg text", ".finding"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert any(font["isCustomFont"] for font in fonts), (selector, fonts)
