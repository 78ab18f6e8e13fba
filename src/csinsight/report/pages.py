"""The frame of every page: head, navigation, style sheet, embedded characters, foot."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from csinsight import __version__
from csinsight.params import Lang
from csinsight.report import theme
from csinsight.report.fonts import subset_css
from csinsight.report.prose import headings
from csinsight.report.words import HTML_LANG, Words

TEMPLATES: Final = Path(__file__).parent / "template"


@dataclass(frozen=True)
class Link:
    """A link within the report; `here` marks the page that it stands on."""

    href: str
    label: str
    here: bool = False


@dataclass(frozen=True)
class Page:
    """What surrounds a page's text.

    Parameters
    ----------
    lang : {'zh', 'en'}
    place : str
        Where the reader is: shop and month.
    meta : sequence of str
        Short facts at the top right.
    links : sequence of Link
        Navigation over the month's pages.
    up : Link or None
        To all months.
    run_id : str
        Shown at the foot.
    kind : str
        Class of the body, such as a notebook's name.
    pdf : str
        Address of the page as PDF; empty where there is none.
    """

    lang: Lang
    place: str = ""
    meta: Sequence[str] = ()
    links: Sequence[Link] = field(default=())
    up: Link | None = None
    run_id: str = ""
    kind: str = ""
    pdf: str = ""


def compose(page: Page, title: str, body: str) -> str:
    """Return a whole page, one file without anything from outside.

    Parameters
    ----------
    page : Page
    title : str
        Plain text for the window's title.
    body : str
        HTML of the page's text, safe as it is.
    """
    values = {
        "page": page,
        "title": title,
        "body": Markup(body),  # noqa: S704 - made of our own escaped blocks
        "contents": headings(body),
        "words": Words(page.lang),
        "html_lang": HTML_LANG[page.lang],
        "version": __version__,
        "style": "",
        "fonts": "",
    }
    template = environment().get_template("page.html.j2")
    characters = "".join(sorted(set(_text(template.render(values)))))
    values["style"] = Markup(style_sheet())  # noqa: S704 - our own file
    values["fonts"] = Markup(subset_css(characters, page.lang))  # noqa: S704 - hexadecimal, base64
    return str(template.render(values))


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, every name has to be there."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


@cache
def style_sheet() -> str:
    """Return the pages' style sheet, with the theme's colours for light, dark and paper."""
    light, dark = (theme.style_variables(scheme) for scheme in (0, 1))
    rules = (TEMPLATES / "page.css").read_text(encoding="utf-8").replace("\n", "")
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}"
    )


def render_body(template: str, **values: Any) -> str:
    """Return a part of a page from one of the templates."""
    return str(environment().get_template(template).render(values))


def _text(page: str) -> str:
    # Attributes (alternative text, labels) aren't drawn, so only what lies between tags counts.
    without = re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.S)
    return html.unescape(without)
