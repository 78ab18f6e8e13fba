"""Pieces of a page: findings, notes, tiles, excerpts. Everything in them is escaped.

Here is what each piece holds; how it looks stands in ``template/blocks.html.j2``.

Text may carry two marks: ``**bold**``, and ``[text](03_agent_kpis.html#x)`` for a link within
the report. Anything else, above all text out of a shop's data, shows as it is written.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from csinsight.render import theme

TEMPLATES: Final = Path(__file__).parent / "template"
#: Only outputs of this type are set into a page, as they are; see ``template/``.
PAGE_MIME: Final = "application/vnd.csinsight.page+html"
Tone = Literal["", "helps", "hurts", "unsure"]
_LINK = re.compile(r"\[([^\[\]]+)\]\(([0-9A-Za-z_.%-]*(?:#[0-9A-Za-z_.%-]+)?)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def inline(text: str) -> Markup:
    """Return `text` escaped for HTML, with its bold marks and inner links.

    Examples
    --------
    >>> print(inline("a **b** & [c](03_agent_kpis.html)"))
    a <strong>b</strong> &amp; <a href="03_agent_kpis.html">c</a>
    """
    escaped = str(escape(str(text)))
    linked = _LINK.sub(lambda found: f'<a href="{found[2]}">{found[1]}</a>', escaped)
    return Markup(_BOLD.sub(r"<strong>\1</strong>", linked))  # noqa: S704 - escaped above


def without_marks(text: str) -> str:
    """Return `text` as it reads, without its marks, for where there is no HTML.

    Examples
    --------
    >>> without_marks("a **b** & [c](03_agent_kpis.html)")
    'a b & c'
    """
    return str(inline(text).striptags())


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, every name has to be there.

    Examples
    --------
    >>> environment().from_string("{{ text }}").render(text="<b>")
    '&lt;b&gt;'
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters["inline"] = inline
    made.globals["words"] = theme.words
    return made


class Block:
    """Something a notebook shows: HTML for Jupyter and, marked as ours, for the page."""

    def markup(self) -> Markup:
        """Return the block as HTML, by the macro that is called as its class is."""
        macros = environment().get_template("blocks.html.j2").module
        look = getattr(macros, type(self).__name__.lower())
        return Markup(look(self))  # noqa: S704 - a template that escapes

    def page_html(self) -> str:
        """Return the block as HTML for a page of the report."""
        return str(self.markup())

    def plain(self) -> str:
        """Return the block as text, for terminals and recorded results."""
        text = re.sub(r"<svg.*?</svg>|<[^>]+>", "", self.page_html(), flags=re.S)
        return html.unescape(text.strip())

    def _repr_html_(self) -> str:
        return self.page_html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {
            PAGE_MIME: self.page_html(),
            "text/html": self._repr_html_(),
            "text/plain": self.plain(),
        }


@dataclass(frozen=True)
class Finding(Block):
    """The sentence that a page or a part of it comes down to."""

    text: str


@dataclass(frozen=True)
class Prose(Block):
    """One or more ordinary paragraphs; empty ones are left out."""

    paragraphs: tuple[str, ...]

    def __init__(self, *paragraphs: str) -> None:
        object.__setattr__(self, "paragraphs", tuple(p for p in paragraphs if p))


@dataclass(frozen=True)
class Items(Block):
    """A list of short texts."""

    items: Sequence[str]


@dataclass(frozen=True)
class Note(Block):
    """What to be careful with when reading, as a list beside a rule; nothing where it is empty."""

    items: Sequence[str]
    title: str | None = None


@dataclass(frozen=True)
class LeftOut(Block):
    """What could not be made, and why; nothing where nothing was left out."""

    items: Sequence[str]


@dataclass(frozen=True)
class Tile:
    """One figure of `Tiles`: its name, its value, and a line of detail with a tone."""

    label: str
    value: str
    detail: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Tiles(Block):
    """A row of headline figures."""

    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Talk(Block):
    """A masked excerpt of a conversation.

    Parameters
    ----------
    title : str
        Such as a date and what it shows.
    lines : sequence of (str, str)
        Who says it, and what is said.
    tone : {'', 'helps', 'hurts', 'unsure'}
    """

    title: str
    lines: Sequence[tuple[str, str]]
    tone: Tone = ""


@dataclass(frozen=True)
class _Holder(Block):
    blocks: tuple[Block, ...]

    def __init__(self, *blocks: Block) -> None:
        object.__setattr__(self, "blocks", blocks)


class Columns(_Holder):
    """Blocks side by side where the page is wide enough, one below another where not."""


class Stack(_Holder):
    """Blocks one below another that belong together, such as in a column of `Columns`."""


@dataclass(frozen=True)
class Box(Block):
    """Blocks in a frame under a title, such as one recommendation of an agent's card."""

    title: str
    blocks: tuple[Block, ...]
    detail: str = field(default="")

    def __init__(self, title: str, *blocks: Block, detail: str = "") -> None:
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "blocks", blocks)
        object.__setattr__(self, "detail", detail)


class Folded(Box):
    """Blocks that show when their title is clicked, such as the table behind a picture."""


@dataclass(frozen=True)
class Anchor(Block):
    """A place that links lead to; browsers open what is folded around it."""

    name: str


#: Writes one cell's value as text, such as ``words.percent``.
Write = Callable[[Any], str]


@dataclass(frozen=True)
class Linked:
    """A cell in which links and bold marks count; every other cell shows as it is written."""

    text: str


@dataclass(frozen=True)
class Column:
    """One column: its heading, and whether it stands to the right as numbers do."""

    label: str
    right: bool


class Table(Block):
    """A table with a title that says what it shows; numbers to the right, all text escaped.

    The first column names the row and stays in sight where a wide table scrolls.

    Parameters
    ----------
    frame : DataFrame
        One row a row; the index is not shown.
    title : str
        What the table shows.
    caption : str
        How to read it.
    labels : mapping of str to str
        Heading by column; columns keep the order of the mapping, and only they are shown.
        Empty: every column under its own name.
    formats : mapping of str to callable
        By column, what writes a value; `Words.percent` and its kin. Missing values are written
        by it too.
    name : str
        Fixed id within the page; from the title unless told.

    Raises
    ------
    ValueError
        Where a label or format is for a column that is not there.

    Examples
    --------
    >>> frame = pd.DataFrame({"agent": ["小满", "阿宁"], "share": [0.25, 0.5]})
    >>> table = Table(frame, "谁", formats={"share": "{:.0%}".format})
    >>> [[str(cell) for cell in row] for row in table.rows]
    [['小满', '25%'], ['阿宁', '50%']]
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        title: str,
        *,
        caption: str = "",
        labels: Mapping[str, str] | None = None,
        formats: Mapping[str, Write] | None = None,
        name: str = "",
    ) -> None:
        labels = dict(labels or {str(column): str(column) for column in frame.columns})
        formats = dict(formats or {})
        columns = [*labels, *formats]
        unknown = [column for column in columns if column not in frame.columns]
        if unknown:
            raise ValueError(
                f"the table has no column {', '.join(unknown)}; it has {', '.join(map(str, frame))}"
            )
        self.title, self.caption = title, caption
        self.id = name or "t" + hashlib.sha256(title.encode()).hexdigest()[:10]
        self.columns = [Column(text, _is_number(frame[name])) for name, text in labels.items()]
        written = [_written(frame[name], formats.get(name)) for name in labels]
        self.rows = list(zip(*written, strict=True))

    def plain(self) -> str:
        """Return the title and the rows as text."""
        head = [column.label for column in self.columns]
        cells = [[c.striptags() if isinstance(c, Markup) else c for c in row] for row in self.rows]
        return "\n".join([self.title, *("\t".join(line) for line in (head, *cells))])


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _written(column: pd.Series[Any], write: Write | None) -> list[str | Markup]:
    write = write or (_number if _is_number(column) else _text)
    return [inline(v.text) if isinstance(v, Linked) else write(v) for v in column]


def _number(value: Any) -> str:
    digits = 0 if pd.isna(value) or float(value).is_integer() else 2
    return theme.words().number(value, digits)


def _text(value: Any) -> str:
    return "" if not isinstance(value, (list, tuple)) and pd.isna(value) else str(value)
