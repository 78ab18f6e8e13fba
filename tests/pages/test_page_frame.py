"""The frame of every page in a real browser: whole, inert, Chinese drawn by what it carries."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from csinsight.params import Lang
from csinsight.render.fonts import FAMILY

pytestmark = pytest.mark.browser

WIDTHS = (390, 1280)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_is_one_file_without_scripts_or_outside_addresses(
    make_page: Callable[..., Path], lang: Lang
) -> None:
    text = make_page(lang).read_text(encoding="utf-8")
    assert "<script" not in text
    assert not re.search(r"https?://", text)
    assert not re.search(r"\bon[a-z]+=", re.sub(r'"[^"]*"', '""', text))


def test_its_content_policy_allows_its_own_style_sheet_and_nothing_else(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    path = make_page("en")
    text = path.read_text(encoding="utf-8")
    (sheet,) = re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    (told,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    policy = dict(part.split(" ", 1) for part in told.split("; "))
    assert {policy[name] for name in ("default-src", "script-src", "form-action", "base-uri")} == {
        "'none'"
    }
    assert policy["style-src-elem"] == f"'sha256-{digest}'"
    assert {policy["img-src"], policy["font-src"]} == {"data:"}
    planted = "<style>body{display:none}</style><script>window.planted=1</script></main>"
    path.write_text(text.replace("</main>", planted), encoding="utf-8")
    opened = open_page(path, 1280)
    assert opened.page.evaluate("getComputedStyle(document.body).display") == "block"
    assert opened.page.evaluate("window.planted") is None
    assert len(opened.complaints) == 2


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_asks_for_nothing_complains_of_nothing_and_does_not_overflow(
    make_page: Callable[..., Path], open_page: Callable[..., object], lang: Lang, width: int
) -> None:
    path = make_page(lang)
    opened = open_page(path, width)
    outside = [url for url in opened.requests if not url.startswith(("data:", path.as_uri()))]
    assert outside == []
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_planted_text_stays_text(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    opened = open_page(make_page("zh", hostile=True))
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate("window.planted") is None
    assert opened.page.locator("script, [onerror], [onload], a[href^='javascript']").count() == 0
    assert opened.complaints == []
    assert "stray" not in opened.page.content()
    assert "<script>window.planted=1" in opened.page.locator("main").inner_text()


def test_chinese_is_drawn_by_the_embedded_font(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    page = open_page(make_page("zh")).page
    assert page.evaluate(
        f"[...document.fonts].some(f => f.family.includes('{FAMILY}') && f.status === 'loaded')"
    )
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    for selector in ("h1", ".finding", ".picture svg text", "tbody th", ".talk"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        chinese = [font for font in fonts if font["familyName"] == FAMILY]
        assert chinese, (selector, fonts)
        assert all(font["isCustomFont"] for font in chinese), selector
        assert not [f for f in fonts if "CJK" in f["familyName"] or "WenQuanYi" in f["familyName"]]


def test_ids_are_all_different(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    page = open_page(make_page("zh")).page
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_colours_follow_the_scheme(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    path = make_page("zh")
    ink = "getComputedStyle(document.querySelector('.picture svg text')).fill"
    light, dark = (
        open_page(path, scheme=scheme).page.evaluate(ink) for scheme in ("light", "dark")
    )
    assert light != dark


def test_data_behind_a_picture_can_be_taken_home(
    make_page: Callable[..., Path], open_page: Callable[..., object]
) -> None:
    page = open_page(make_page("en")).page
    with page.expect_download() as download:
        page.locator(".download a").first.click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.splitlines()[:2] == ["type,n", "Newcomer,24"]
