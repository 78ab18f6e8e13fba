"""Take the pictures of the documentation: ``python docs/pictures.py reports/demo/2026-10``."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from csinsight.params import NOTEBOOKS

TARGET = Path(__file__).resolve().parent / "images"


def main(report: Path) -> None:
    """Photograph the top of each page of a report, in few colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 1150})
        for name in NOTEBOOKS:
            page.goto(sorted(report.glob(f"{name}*.html"))[0].resolve().as_uri())
            shot = Image.open(io.BytesIO(page.screenshot()))
            shot.convert("P", palette=Image.Palette.ADAPTIVE, colors=48).save(
                TARGET / f"{name}.png", optimize=True
            )
        browser.close()


main(Path(sys.argv[1]))
