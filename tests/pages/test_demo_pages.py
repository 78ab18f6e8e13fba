"""Every page of the demo shop's report in a real browser, in both languages and three widths."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe

from csinsight.render.fonts import glyphs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
WIDTHS = (390, 1280)
BRIEF = "07_monthly_brief"
#: A4 within the margins of the style sheet, in pixels.
PAPER = 688
#: What the brief's own margins leave of A4, and its height with more to say than the demo has.
SHEET = (718, 1069)
MORE = """() => {
  const place = document.querySelector('.place'), note = document.createElement('section');
  const alert = '<li>Replied within 3 minutes is 84.9%, below 90%</li>', name = place.textContent;
  place.textContent = 'Northern Lights Home and Bedding Flagship Store · ' + name;
  note.className = 'note';
  note.innerHTML = `<ul>${alert.repeat(3)}</ul>`;
  document.querySelector('.finding').after(note);
  const height = document.body.getBoundingClientRect().height;
  note.remove();
  place.textContent = name;
  return height;
}"""
#: What WCAG asks for at levels A and AA.
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
#: The rules among them that another scheme or width can break.
LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
#: Pixels of the smallest text of a picture, on a phone as well.
SMALLEST = 8.5
SIZES = """() => [...document.querySelectorAll('main svg text')]
  .filter(t => t.getClientRects().length).map(t => { const m = t.getScreenCTM();
    return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(m.a, m.b); })"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Agents of the demo shop are called by two or three characters, and belong to named teams.
NAMES = r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,4}(?![\u4e00-\u9fff])"
HAN = re.compile(r"[\u4e00-\u9fff]")
#: Words of the English report that are the same in Chinese: names of things, not language.
NEUTRAL = re.compile(
    r"csinsight|demo|VIP|BIC|BG/NBD|Gamma|CSV|Fader|Hardie|Lee|Wilson|Benjamini|Hochberg|Simes"
)


@pytest.fixture(scope="module", params=["zh", "en"])
def report(request, demo_run):
    # The month is a link, which a browser does not see through.
    return request.param, demo_run[request.param].report.resolve().parent


def _pages(folder):
    names = sorted(path.name for path in folder.glob("*.html"))
    cards = [name for name in names if name.startswith("06_agent_card")]
    # All cards are made by one notebook: the longest and another show what a card has to hold.
    cards.sort(key=lambda name: (folder / name).stat().st_size)
    return ["../index.html", *(name for name in names if name not in cards[1:-1])]


def _stem(name):
    return "shop" if name.startswith("..") else Path(name).stem


def _has_no_boxes(page, name):
    """Hold every Chinese character and sign against the font that the page carries."""
    text = page.evaluate("document.body.textContent")
    asian = {sign for sign in text if "\u2e80" <= sign <= "\u9fff" or "\uff00" <= sign <= "\uffef"}
    assert asian - set(map(chr, glyphs())) == set(), name
    assert "\ufffd" not in text, name


def _fits(opened, name, lang, width):
    opened.page.set_viewport_size({"width": width, "height": 900})
    assert opened.page.evaluate(OVERFLOW) <= 0, f"{name} overflows at {width}"
    small = [size for size in opened.page.evaluate(SIZES) if size < SMALLEST]
    assert small == [], f"{name} has text too small to be read at {width}"
    if width == WIDTHS[0] and _stem(name) != BRIEF:
        return  # a picture as long as a page on a phone takes seconds, and is the brief's alone
    # JPEG: to pack a long page as PNG costs as much as all that is looked at on it.
    shot = SCREENSHOTS / lang / f"{_stem(name)}-{width}.jpg"
    shot.parent.mkdir(parents=True, exist_ok=True)
    opened.page.screenshot(path=shot, full_page=True, type="jpeg", quality=85)


def _prints(opened, name, lang):
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": PAPER, "height": 970})
    assert opened.page.evaluate(OVERFLOW) <= 0, f"{name} overflows on paper"
    if lang != "zh" and _stem(name) != BRIEF:
        return
    paper = SCREENSHOTS / lang / f"{_stem(name)}.pdf"
    opened.page.pdf(path=paper, format="A4")
    assert paper.stat().st_size > 20_000
    if _stem(name)[:2] in ("06", "07"):
        sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", paper.read_bytes()))
        assert sheets == 1, f"{name} takes {sheets} sheets"
    if _stem(name) == BRIEF:
        opened.page.set_viewport_size({"width": SHEET[0], "height": 970})
        assert opened.page.evaluate(MORE) <= SHEET[1], "a longer name and alerts have no room"


def _is_in_one_language(opened, name, lang):
    """Chats are Chinese in both reports; all else is in the report's language."""
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


def _has_no_barrier(opened, name, lang):
    """Tell of all that axe finds against WCAG 2.2, and once more of what a scheme can break.

    Pages of both languages are built alike: what words can't break is looked at in Chinese, and
    what they can where English ones have least room.
    """
    page, looked = opened.page, {"type": "rule", "values": LOOKS}
    every = {"type": "tag", "values": LEVELS}
    looks = [("light", 1280, every)] if lang == "zh" or _stem(name) == BRIEF else []
    looks += [("dark", 390, looked)] if lang == "en" or _stem(name) == BRIEF else []
    for scheme, width, only in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        told = {"runOnly": only, "resultTypes": ["violations"]}
        found = Axe().run(page, options=told).response["violations"]
        faults = [(f["id"], [n["html"][:120] for n in f["nodes"][:3]]) for f in found]
        assert faults == [], (name, scheme)


def test_pages_ask_for_nothing_fit_print_bar_nobody_and_are_in_one_language(report, open_page):
    """All that is looked at in one opening: to open a page takes longer than to look at it."""
    lang, folder = report
    names = _pages(folder)
    assert len(names) >= 10
    for name in names:
        opened = open_page(folder / name, width=WIDTHS[0])
        for width in WIDTHS:
            _fits(opened, name, lang, width)
        own = ("data:", (folder / name).resolve().as_uri())
        assert [url for url in opened.requests if not url.startswith(own)] == [], name
        _has_no_boxes(opened.page, name)
        _has_no_barrier(opened, name, lang)
        _prints(opened, name, lang)
        _is_in_one_language(opened, name, lang)
        assert opened.complaints == [], name
        opened.page.context.close()


def test_a_keyboard_goes_through_a_page_from_top_to_bottom(report, open_page):
    _, folder = report
    for name in ("index.html", "07_monthly_brief.html"):
        page = open_page(folder / name).page
        focusable = page.locator("a[href], [tabindex='0']")
        page.evaluate(
            "document.querySelectorAll('a[href], [tabindex]').forEach((e, i) => e.dataset.n = i)"
        )
        reached = []
        for _ in range(focusable.count()):
            page.keyboard.press("Tab")
            told = page.evaluate(
                "(e => [e.dataset.n, getComputedStyle(e).outlineStyle])(document.activeElement)"
            )
            assert told[1] != "none", f"{name}: focus can't be seen on element {told[0]}"
            reached.append(int(told[0]))
        assert reached == list(range(focusable.count())), name
        assert page.locator("[data-n='0']").get_attribute("class") == "skip"


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


def test_links_within_the_report_lead_somewhere(report):
    """Among them those of the brief, one click from each part to the page that it sums up."""
    _, folder = report
    for name in _pages(folder):
        text = (folder / name).read_text(encoding="utf-8")
        here = (folder / name).parent
        for target in re.findall(r'<a\b[^>]*?\bhref="(?!data:)([^"]+)"', text):
            file, _, anchor = target.partition("#")
            aim = here / unquote(file) if file else folder / name
            assert aim.is_file(), (name, target)
            assert not anchor or f'id="{anchor}"' in aim.read_text(encoding="utf-8"), (name, target)
    brief = (folder / "07_monthly_brief.html").read_text(encoding="utf-8")
    main = brief[brief.index("<main") :]
    parts = ("01_buyer", "02_value", "03_agent", "04_conv", "05_coach", "index.html#cards")
    assert [part for part in parts if f'href="{part}' not in main] == []
