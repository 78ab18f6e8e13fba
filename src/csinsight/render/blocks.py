"""Pieces of a page: findings, notes, tiles, excerpts. Everything in them is escaped.

Here is what each piece holds; how it looks stands in ``template/blocks.html.j2``.

Text may carry two marks: ``**bold**``, and ``[text](03_agent_kpis.html#x)`` for a link within
the report. Anything else, above all text out of a shop's data, shows as it is written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

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
