"""Take the pictures of the documentation: ``python docs/pictures.py ZH_REPORT EN_REPORT``.

Both are folders of the demo shop's month, such as ``reports/demo/2026-10``.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page, sync_playwright

from csinsight.params import NOTEBOOKS

TARGET = Path(__file__).resolve().parent / "images"
#: Pixels of a card's sheet across, as many as an A4 page has within its margins, and how fine.
SHEET, FINE = 710, 1.4


def save(shot: bytes, name: str, margin: int = 0) -> None:
    """Keep a picture in few colours, rare ones such as an orange line among them."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    framed = ImageOps.expand(picture, margin, "white")
    few = framed.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(TARGET / f"{name}.png", optimize=True)


def fullest_card(report: Path) -> str:
    """Return the address of the card that says most."""
    cards = report.glob("06_agent_card*.html")
    return max(cards, key=lambda path: path.stat().st_size).resolve().as_uri()


def pages(page: Page, report: Path) -> None:
    """Photograph the top of each page of a report, and its brief whole."""
    for name in NOTEBOOKS:
        page.goto(sorted(report.glob(f"{name}*.html"))[0].resolve().as_uri())
        save(page.screenshot(), name)
    page.goto((report / "07_monthly_brief.html").resolve().as_uri())
    save(page.screenshot(full_page=True), "brief-zh")


def main(chinese: Path, english: Path) -> None:
    """Photograph the Chinese pages, and the fullest card in both languages as it prints."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        pages(browser.new_page(viewport={"width": 1100, "height": 1150}), chinese)
        sheet = {"width": SHEET, "height": 900}
        page = browser.new_page(viewport=sheet, device_scale_factor=FINE)  # type: ignore[arg-type]
        page.emulate_media(media="print")
        for lang, report in (("zh", chinese), ("en", english)):
            page.goto(fullest_card(report))
            save(page.screenshot(full_page=True), f"card-{lang}", margin=24)
        browser.close()


main(Path(sys.argv[1]), Path(sys.argv[2]))
