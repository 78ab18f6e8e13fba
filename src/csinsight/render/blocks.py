"""Pieces of a page: findings, notes, tiles, talks. Everything in them is escaped.

Text may carry two marks: ``**bold**``, and ``[text](03_agent_kpis.html#x)`` for a link within
the report. Anything else, above all text out of a shop's data, shows as it is written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from csinsight.render import theme

#: Only outputs of this type are set into a page, as they are; see ``template/``.
PAGE_MIME: Final = "application/vnd.csinsight.page+html"
Tone = Literal["", "helps", "hurts", "unsure"]
_LINK = re.compile(r"\[([^\[\]]+)\]\(([0-9A-Za-z_.%-]*(?:#[0-9A-Za-z_.%-]+)?)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def inline(text: str) -> str:
    """Return `text` escaped for HTML, with its bold marks and inner links."""
    escaped = html.escape(str(text))
    linked = _LINK.sub(lambda found: f'<a href="{found[2]}">{found[1]}</a>', escaped)
    return _BOLD.sub(r"<strong>\1</strong>", linked)


class Block:
    """Something a notebook shows: HTML for Jupyter and, marked as ours, for the page."""

    def page_html(self) -> str:
        """Return the block as HTML for a page of the report."""
        raise TypeError(f"{type(self).__name__} has to say how it looks")

    def plain(self) -> str:
        """Return the block as text, for terminals and recorded results."""
        return re.sub(r"<[^>]+>", "", self.page_html()).strip()

    def _repr_html_(self) -> str:
        return self.page_html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {
            PAGE_MIME: self.page_html(),
            "text/html": self._repr_html_(),
            "text/plain": html.unescape(self.plain()),
        }


@dataclass(frozen=True)
class Finding(Block):
    """The sentence that a page or a part of it comes down to."""

    text: str

    def page_html(self) -> str:
        """Return the sentence, set large."""
        return f'<p class="finding">{inline(self.text)}</p>'


@dataclass(frozen=True)
class Prose(Block):
    """One or more ordinary paragraphs; empty ones are left out."""

    paragraphs: tuple[str, ...]

    def __init__(self, *paragraphs: str) -> None:
        object.__setattr__(self, "paragraphs", tuple(p for p in paragraphs if p))

    def page_html(self) -> str:
        """Return the paragraphs."""
        return "".join(f"<p>{inline(text)}</p>" for text in self.paragraphs)


@dataclass(frozen=True)
class Items(Block):
    """A list of short texts."""

    items: Sequence[str]

    def page_html(self) -> str:
        """Return the list."""
        return f"<ul>{_items(self.items)}</ul>" if self.items else ""


@dataclass(frozen=True)
class Note(Block):
    """What to be careful with when reading, as a list beside a rule."""

    items: Sequence[str]
    title: str | None = None

    def page_html(self) -> str:
        """Return the note; nothing where there is nothing to note."""
        title = self.title or theme.words().word("block.note")
        return _aside("note", title, self.items)


@dataclass(frozen=True)
class LeftOut(Block):
    """What could not be made, and why."""

    items: Sequence[str]

    def page_html(self) -> str:
        """Return the list; nothing where nothing was left out."""
        return _aside("note left-out", theme.words().word("block.left_out"), self.items)


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

    def page_html(self) -> str:
        """Return the row as a list of terms and their values."""
        return f'<dl class="tiles">{"".join(_tile(tile) for tile in self.tiles)}</dl>'


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

    def page_html(self) -> str:
        """Return the excerpt."""
        said = "".join(f"<p>{inline(_said(who, text))}</p>" for who, text in self.lines)
        return (
            f'<blockquote class="talk {self.tone}"><p class="talk-title">{inline(self.title)}</p>'
            f"{said}</blockquote>"
        )


@dataclass(frozen=True)
class Box(Block):
    """Blocks in a frame under a title, such as one recommendation of an agent's card."""

    title: str
    blocks: tuple[Block, ...]
    detail: str

    def __init__(self, title: str, *blocks: Block, detail: str = "") -> None:
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "blocks", blocks)
        object.__setattr__(self, "detail", detail)

    def page_html(self) -> str:
        """Return the frame and what is in it."""
        detail = f' <span class="detail">{inline(self.detail)}</span>' if self.detail else ""
        inner = "".join(block.page_html() for block in self.blocks)
        return f'<section class="box"><h3>{inline(self.title)}{detail}</h3>{inner}</section>'


@dataclass(frozen=True)
class Columns(Block):
    """Blocks side by side where the page is wide enough, one below another where not."""

    blocks: tuple[Block, ...]

    def __init__(self, *blocks: Block) -> None:
        object.__setattr__(self, "blocks", blocks)

    def page_html(self) -> str:
        """Return the columns."""
        inner = "".join(f"<div>{block.page_html()}</div>" for block in self.blocks)
        return f'<div class="columns">{inner}</div>'


@dataclass(frozen=True)
class Stack(Block):
    """Blocks one below another that belong together, such as in a column of `Columns`."""

    blocks: tuple[Block, ...]

    def __init__(self, *blocks: Block) -> None:
        object.__setattr__(self, "blocks", blocks)

    def page_html(self) -> str:
        """Return the blocks."""
        inside = "".join(block.page_html() for block in self.blocks)
        return f'<div class="stack">{inside}</div>'


def _items(items: Iterable[str]) -> str:
    return "".join(f"<li>{inline(item)}</li>" for item in items)


def _aside(kind: str, title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return (
        f'<section class="{kind}"><p class="note-title">{inline(title)}</p>'
        f"<ul>{_items(items)}</ul></section>"
    )


def _tile(tile: Tile) -> str:
    detail = f'<dd class="detail {tile.tone}">{inline(tile.detail)}</dd>' if tile.detail else ""
    return (
        f"<div><dt>{inline(tile.label)}</dt>"
        f'<dd class="value">{inline(tile.value)}</dd>{detail}</div>'
    )


def _said(who: str, text: str) -> str:
    return theme.words().word("text.colon", label=who, text=text)
