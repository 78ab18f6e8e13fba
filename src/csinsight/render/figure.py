"""A figure on a page: the finding as its title, the picture, what it shows in words, its data."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from csinsight.contract.files import guarded
from csinsight.render import theme
from csinsight.render.blocks import Block, without_marks
from csinsight.render.fonts import FAMILY, LATIN_FAMILY, no_boxes

_PIXELS_PER_POINT = 96 / 72
#: Smaller than this share of its size a picture scrolls, so that its text can still be read.
_SMALLEST = 0.72
#: What matplotlib's style sheet says of every element.
_LINES = "stroke-linejoin:round;stroke-linecap:butt"


def inline_svg(svg: str, prefix: str, alt: str) -> str:
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

    Raises
    ------
    ValueError
        Where matplotlib wrote no viewBox.

    Examples
    --------
    >>> drawn = inline_svg('<svg viewBox="0 0 72 36"><g id="a"/></svg>', "p1", "two bars")
    >>> 'aria-label="two bars"' in drawn, 'id="p1-a"' in drawn
    (True, True)
    """
    found = re.search(r"<svg\b[^>]*>", svg)
    if found is None:
        raise ValueError("matplotlib wrote no SVG")
    opening, body = found[0], svg[found.end() :].strip()
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r">\s+<", "><", body)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{prefix}-\1"', body)
    # Its style sheet would reach the whole page, whose content policy knows one sheet: what it
    # says (`_LINES`) is handed down from the picture's own element.
    body = re.sub(r"<defs><style[^>]*>[^<]*</style></defs>", "", body)
    body = body.replace(f"'{FAMILY}'", f"'{FAMILY}','{LATIN_FAMILY}'")
    for colour, (name, _) in theme.COLOURS.items():
        body = body.replace(colour, f"var(--{name},{colour})")
    return _opening(opening, prefix, alt) + body


def _opening(tag: str, prefix: str, alt: str) -> str:
    box = re.search(r'viewBox="([^"]+)"', tag)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    width = float(box[1].split()[2]) * _PIXELS_PER_POINT
    size = f"--drawn:{width:.0f}px;min-width:{_SMALLEST * width:.0f}px;{_LINES}"
    return (
        f'<svg id="{prefix}-svg" viewBox="{box[1]}" style="{size}" '
        f'role="img" aria-label="{html.escape(alt)}">'
    )


#: Data behind a figure is offered as a file up to this many rows; a report is no data store.
MAX_DATA_ROWS: Final = 2000
_PNG_DPI: Final = 144


class Picture(Block):
    """A drawn figure with everything a reader needs to make sense of it.

    The figure is drawn once, at once, and closed, so that a fault shows in the cell that made it.

    Parameters
    ----------
    figure : matplotlib Figure, Axes, or seaborn grid
    title : str
        What the figure shows, as a finding: "Types moved little", not "Types by month".
    alt : str
        What someone who can't see it needs to know; figures included.
    caption : str
        How to read it.
    data : DataFrame, optional
        What is drawn, offered as CSV.
    name : str
        Name of that file, without ending.

    Raises
    ------
    ReportError
        Where a character would be drawn as a box.
    ValueError
        Where the title or the alternative text is empty, or the data is too long.
    """

    def __init__(
        self,
        figure: Any,
        title: str,
        alt: str,
        caption: str = "",
        *,
        data: pd.DataFrame | None = None,
        name: str = "data",
    ) -> None:
        if not title.strip() or not alt.strip():
            raise ValueError("a picture needs a title that says the finding, and alternative text")
        if data is not None and len(data) > MAX_DATA_ROWS:
            raise ValueError(
                f"picture `{name}`: {len(data)} rows of data; give it at most {MAX_DATA_ROWS}"
            )
        self.title, self.alt, self.caption = title, without_marks(alt), caption
        self.data, self.name = data, name
        self._svg, self._png = _draw(figure)
        #: Start of every id in the picture's HTML; pages replace it by a running number.
        self.id = "p" + hashlib.sha256((title + self._svg).encode()).hexdigest()[:10]
        #: The picture as it stands in a page.
        self.drawn = Markup(inline_svg(self._svg, self.id, self.alt))  # noqa: S704 - matplotlib's own

    @property
    def csv(self) -> str:
        """The data as a CSV file that spreadsheets read, in base64."""
        frame = pd.DataFrame() if self.data is None else self.data
        # No text may be one that a spreadsheet runs as a formula.
        inert = frame.map(lambda value: guarded(value) if isinstance(value, str) else value)
        inert.columns = [guarded(str(name)) for name in inert.columns]
        text = "\ufeff" + inert.to_csv(index=False, lineterminator="\n")
        return base64.b64encode(text.encode("utf-8")).decode("ascii")

    def plain(self) -> str:
        """Return the title and the alternative text."""
        return f"{self.title}\n{self.alt}"

    def _repr_html_(self) -> str:
        # Jupyter strips SVG out of a notebook that it doesn't trust, but shows a PNG.
        png = base64.b64encode(self._png).decode("ascii")
        image = f'<img src="data:image/png;base64,{png}" alt="{html.escape(self.alt)}">'
        return self.page_html().replace(str(self.drawn), image)


def _draw(source: Any) -> tuple[str, bytes]:
    import matplotlib.pyplot as plt

    figure = source if hasattr(source, "savefig") and hasattr(source, "axes") else source.figure
    figure = getattr(figure, "figure", figure)
    svg, png = io.StringIO(), io.BytesIO()
    try:
        with no_boxes():
            figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
            # It is laid out, which takes as long as to draw it. With any engine, even one that
            # does nothing, it would be drawn once more to be laid out.
            with plt.rc_context(
                {"figure.autolayout": False, "figure.constrained_layout.use": False}
            ):
                figure.set_layout_engine(None)
            figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    finally:
        plt.close(figure)
    return svg.getvalue(), png.getvalue()
