"""The bundled Chinese font: for figures, and cut down to a page's characters for HTML.

Figures are drawn with the bundled font on every machine, and each page carries exactly the
glyphs that it shows, so that Chinese never depends on what a reader has installed.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from csinsight.errors import ReportError

FAMILY: Final = "csinsight Sans SC"
#: Latin letters and figures of the same font; only pictures ask for it, prose is set in the
#: reader's own system font.
LATIN_FAMILY: Final = "csinsight Sans Latin"
FONT_FILE: Final = Path(__file__).parent / "fonts" / "csinsight-sans-sc.otf"
#: Printers' mark for a type that the case lacks.
NO_TYPE: Final = "〓"
_HANZI_FROM: Final = 0x2E80
#: Signs that Chinese sets full width and English does not.
_AMBIGUOUS: Final = "‘’“”—…"


@cache
def glyphs() -> frozenset[int]:
    """Return the code points that the bundled font can draw."""
    from fontTools.ttLib import TTFont

    with TTFont(FONT_FILE, lazy=True) as font:
        return frozenset(font.getBestCmap())


def drawable(text: str, longest: int | None = None) -> str:
    """Return `text` with every character that has no glyph replaced by the mark ``〓``.

    For names out of a shop's data in figures; a report's own words should fail instead. Give
    what is drawn ``parse_math=False`` too: dollar signs in a name are no formula.

    Parameters
    ----------
    text : str
    longest : int or None
        Characters to which a longer text is cut, with an ellipsis; None for any length.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return "".join(c if ord(c) in glyphs() or c == "\n" else NO_TYPE for c in text)


def install_font() -> None:
    """Make the bundled font matplotlib's own; call after ``seaborn.set_theme``."""
    import matplotlib as mpl
    from matplotlib import font_manager

    if FAMILY not in {entry.name for entry in font_manager.fontManager.ttflist}:
        font_manager.fontManager.addfont(FONT_FILE)
    mpl.rcParams["font.family"] = [FAMILY]
    mpl.rcParams["font.sans-serif"] = [FAMILY]
    mpl.rcParams["axes.unicode_minus"] = True


@contextmanager
def no_boxes() -> Iterator[None]:
    """Turn matplotlib's warning of a missing glyph into a `ReportError` that names it.

    Raises
    ------
    ReportError
        Naming every character that would have been drawn as a box.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = []
    for warning in caught:
        found = re.match(r"Glyph ([0-9]+) .*missing from", str(warning.message))
        if found:
            missing.append(int(found[1]))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if missing:
        named = ", ".join(f"{chr(point)!r} (U+{point:04X})" for point in sorted(set(missing)))
        raise ReportError(
            f"the figure's font has no glyph for {named}: use another character, or pass names "
            "out of the data through csinsight.render.fonts.drawable"
        )


def subset_css(characters: str, lang: str = "zh") -> str:
    """Return ``@font-face`` rules that hold exactly the glyphs of `characters`.

    Parameters
    ----------
    characters : str
        The text of a page, in any order; repeated characters don't matter.
    lang : str
        ``zh`` sets quotation marks, dashes and ellipses full width with the hanzi.

    Returns
    -------
    str
        CSS with base64 WOFF2: hanzi and full-width signs as `FAMILY`, the rest as
        `LATIN_FAMILY`. The same characters give the same bytes.
    """
    points = sorted({ord(c) for c in characters} & glyphs())
    wide = tuple(point for point in points if _is_wide(point, lang))
    narrow = tuple(point for point in points if not _is_wide(point, lang))
    rules = ((FAMILY, wide), (LATIN_FAMILY, narrow))
    return "".join(_face(family, group) for family, group in rules if group)


def _is_wide(point: int, lang: str) -> bool:
    return point >= _HANZI_FROM or (lang == "zh" and chr(point) in _AMBIGUOUS)


@cache
def _face(family: str, points: tuple[int, ...]) -> str:
    data = base64.b64encode(_woff2(points)).decode("ascii")
    return (
        f'@font-face{{font-family:"{family}";font-display:block;'
        f"unicode-range:{_unicode_range(points)};"
        f'src:url("data:font/woff2;base64,{data}") format("woff2")}}\n'
    )


def _unicode_range(points: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for point in points:
        if runs and point == runs[-1][1] + 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return ",".join(f"U+{low:X}" if low == high else f"U+{low:X}-{high:X}" for low, high in runs)


def _woff2(points: tuple[int, ...]) -> bytes:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.notdef_outline = True
    options.desubroutinize = True
    font = TTFont(io.BytesIO(_file()), recalcTimestamp=False, recalcBBoxes=False, lazy=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@cache
def _file() -> bytes:
    return FONT_FILE.read_bytes()
