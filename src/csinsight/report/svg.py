"""Make a figure's SVG file a part of an HTML page."""

from __future__ import annotations

import html
import re

from csinsight.report import theme
from csinsight.report.fonts import FAMILY, LATIN_FAMILY

_PIXELS_PER_POINT = 96 / 72
#: Smaller than this share of its size a picture scrolls, so that its text can still be read.
_SMALLEST = 0.72


def inline_svg(svg: str, prefix: str, alt: str, *, recolour: bool = True) -> str:
    """Return `svg` ready to stand in a page.

    Ids and styles are its own, so that several pictures don't clash; nothing outside is named;
    colours of the theme become the page's variables; alternative text is given.

    Parameters
    ----------
    svg : str
        A file as matplotlib writes it.
    prefix : str
        Put before every id.
    alt : str
        Alternative text.
    recolour : bool
        Whether colours of the theme follow the page's light or dark scheme.

    Raises
    ------
    ValueError
        Where matplotlib wrote no viewBox.
    """
    opening, body = _split(svg)
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r">\s+<", "><", body)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{prefix}-\1"', body)
    # Its style sheet (`*{stroke-linejoin: round…}`) would reach the whole page.
    body = re.sub(r"(<style[^>]*>\s*)\*\s*\{", rf"\1#{prefix}-svg *{{", body)
    body = body.replace(f"'{FAMILY}'", f"'{FAMILY}','{LATIN_FAMILY}'")
    if recolour:
        for colour, (name, _) in theme.COLOURS.items():
            body = body.replace(colour, f"var(--{name},{colour})")
    return _opening(opening, prefix, alt) + body


def _split(svg: str) -> tuple[str, str]:
    found = re.search(r"<svg\b[^>]*>", svg)
    if found is None:
        raise ValueError("matplotlib wrote no SVG")
    return found[0], svg[found.end() :].strip()


def _opening(tag: str, prefix: str, alt: str) -> str:
    box = re.search(r'viewBox="([^"]+)"', tag)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    width = float(box[1].split()[2]) * _PIXELS_PER_POINT
    size = f"width:{width:.0f}px;min-width:{_SMALLEST * width:.0f}px"
    return (
        f'<svg id="{prefix}-svg" viewBox="{box[1]}" style="{size}" '
        f'role="img" aria-label="{html.escape(alt)}">'
    )
