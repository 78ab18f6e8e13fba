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
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from csinsight.errors import ReportError

FAMILY: Final = "csinsight Sans SC"
#: Latin letters and figures of the same font; only pictures ask for it, prose is set in the
#: reader's own system font.
LATIN_FAMILY: Final = "csinsight Sans Latin"
FONT_FILE: Final = Path(__file__).parent / "fonts" / "csinsight-sans-sc.otf"
#: What the font is called within itself.
PS_NAME: Final = "csinsight-sans-sc"
#: Printers' mark for a type that the case lacks.
NO_TYPE: Final = "〓"
_HANZI_FROM: Final = 0x2E80
#: Signs that Chinese sets full width and English does not.
_AMBIGUOUS: Final = "‘’“”—…"
#: Stands for the glyph of what a font lacks, which every font has first.
_NOT_DEFINED: Final = -1
#: Names after this one tell of the maker and repeat the licence, which the whole font carries.
_LAST_NAME: Final = 6


@cache
def glyphs() -> frozenset[int]:
    """Return the code points that the bundled font can draw.

    Examples
    --------
    >>> ord("询") in glyphs(), ord("\N{PILE OF POO}") in glyphs()
    (True, False)
    """
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

    Examples
    --------
    >>> drawable("小熊🐻店"), drawable("一二三四五", longest=4)
    ('小熊〓店', '一二三…')
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return "".join(c if ord(c) in glyphs() or c == "\n" else NO_TYPE for c in text)


def install_font() -> None:
    """Make the bundled font matplotlib's own; call after ``seaborn.set_theme``.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with mpl.rc_context():
    ...     install_font()
    ...     mpl.rcParams["axes.unicode_minus"]
    True
    """
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

    Examples
    --------
    Warnings of another kind pass through:

    >>> with no_boxes():
    ...     _ = sum([1, 2])
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
        CSS with base64 WOFF: hanzi and full-width signs as `FAMILY`, the rest as
        `LATIN_FAMILY`. The same characters give the same bytes.

    Examples
    --------
    >>> css = subset_css("询单ab")
    >>> css.count("@font-face"), css == subset_css("ba单询询")
    (2, True)
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
    data = base64.b64encode(_woff(points)).decode("ascii")
    return (
        f'@font-face{{font-family:"{family}";font-display:block;'
        f"unicode-range:{_unicode_range(points)};"
        f'src:url("data:font/woff;base64,{data}") format("woff")}}\n'
    )


def _unicode_range(points: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for point in points:
        if runs and point == runs[-1][1] + 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return ",".join(f"U+{low:X}" if low == high else f"U+{low:X}-{high:X}" for low, high in runs)


def _woff(points: tuple[int, ...]) -> bytes:
    """Return a font of these glyphs alone.

    Packed as WOFF and not as WOFF2, whose packing takes thirty times as long for a tenth less:
    outlines of hanzi have little in common.
    """
    from fontTools.fontBuilder import FontBuilder
    from fontTools.misc.psCharStrings import T2CharString
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(_file()), recalcTimestamp=False, recalcBBoxes=False)
    names = [f"{number:x}" for number in range(1, len(points) + 1)]
    outlines = [_outline(point) for point in (_NOT_DEFINED, *points)]
    order, metrics = [".notdef", *names], [told.metrics for told in outlines]
    head, name = font["head"], font["name"]
    box = [head.xMin, head.yMin, head.xMax, head.yMax]
    name.names = [record for record in name.names if record.nameID <= _LAST_NAME]
    for table in ("GPOS", "GSUB", "hmtx", "cmap"):
        del font[table]
    built = FontBuilder(font=font)
    built.isTTF = False
    built.setupGlyphOrder(order)
    built.setupCharacterMap(dict(zip(points, names, strict=True)))
    codes = [T2CharString(bytecode=told.code) for told in outlines]
    built.setupCFF(PS_NAME, {"FontBBox": box}, dict(zip(order, codes, strict=True)), {})
    built.setupHorizontalMetrics(dict(zip(order, metrics, strict=True)))
    built.setupMaxp()
    built.setupPost(keepGlyphNames=False)
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@dataclass(frozen=True)
class _Outline:
    """How a glyph is drawn, without hints and without parts shared with others; its metrics."""

    code: bytes
    metrics: tuple[int, int]


@cache
def _outline(point: int) -> _Outline:
    from fontTools.pens.t2CharStringPen import T2CharStringPen

    font, drawn = _source()
    name = ".notdef" if point == _NOT_DEFINED else font.getBestCmap()[point]
    metrics = font["hmtx"][name]
    pen = T2CharStringPen(metrics[0], drawn)
    drawn[name].draw(pen)
    told = pen.getCharString()
    told.compile()
    return _Outline(told.bytecode, metrics)


@cache
def _source() -> tuple[Any, Any]:
    """Return the whole font and its glyphs; every page of a report takes from these."""
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(_file()), lazy=True)
    return font, font.getGlyphSet()


@cache
def _file() -> bytes:
    return FONT_FILE.read_bytes()
