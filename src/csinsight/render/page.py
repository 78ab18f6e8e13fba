"""An executed notebook as a page of the report: its prose in the run's language, and its frame.

Notebooks are written in English; ``zh.yml`` beside them holds ``{notebook: {cell id: markdown}}``.
Texts are swapped before a notebook is run, so that the executed notebook too is in one language.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from csinsight import __version__
from csinsight.config import read_yaml
from csinsight.errors import ReportError
from csinsight.params import Lang
from csinsight.render import theme
from csinsight.render.blocks import PAGE_MIME, TEMPLATES, environment
from csinsight.render.fonts import subset_css
from csinsight.render.words import HTML_LANG, Words


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
    turn : sequence of Link
        To the page before and after, such as other agents' cards.
    fold : bool
        Fold away what explains and stays alike every month, for readers who know it.
    """

    lang: Lang
    place: str = ""
    meta: Sequence[str] = ()
    links: Sequence[Link] = field(default=())
    up: Link | None = None
    run_id: str = ""
    kind: str = ""
    pdf: str = ""
    turn: Sequence[Link] = ()
    fold: bool = False


#: Signs that control a terminal or turn the direction of reading: a name could hide behind them.
_UNREADABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def page_slug(name: str) -> str:
    """Return `name` as part of a file's name; names that differ give slugs that differ.

    Examples
    --------
    >>> page_slug("a001"), page_slug("小满")
    ('a001', '小满')
    >>> page_slug("A/1")
    'A_1-a5b3d2'
    """
    safe = re.sub(r"[^0-9A-Za-z_\u4e00-\u9fff]+", "_", name)[:60]
    if safe == name and safe == safe.lower():
        return safe
    # Names that differ in signs or case only must not share a file.
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def compose(page: Page, title: str, body: str) -> str:
    """Return a whole page, one file without anything from outside.

    Parameters
    ----------
    page : Page
    title : str
        Plain text for the window's title.
    body : str
        HTML of the page's text, safe as it is.

    Examples
    --------
    >>> page = compose(Page("en", kind="index"), "October", "<p>All is well.</p>")
    >>> "<title>October" in page, "default-src 'none'" in page
    (True, True)
    """
    values = {
        "page": page,
        "title": title,
        "body": Markup(body),  # noqa: S704 - made of our own escaped blocks
        "contents": headings(body),
        "words": Words(page.lang),
        "html_lang": HTML_LANG[page.lang],
        "version": __version__,
        "policy": "",
        "style": "",
        "fonts": "",
    }
    template = environment().get_template("page.html.j2")
    # Attributes (alternative text, labels) aren't drawn, so only what lies between tags counts.
    without = re.sub(r"<style.*?</style>|<[^>]*>", " ", template.render(values), flags=re.S)
    characters = "".join(sorted(set(html.unescape(without))))
    values["style"] = Markup(style_sheet())  # noqa: S704 - our own file
    values["fonts"] = Markup(subset_css(characters, page.lang))  # noqa: S704 - hexadecimal, base64
    values["policy"] = Markup(_policy(f"\n{values['style']}\n{values['fonts']}"))  # noqa: S704
    return _UNREADABLE.sub("", template.render(values))


def _policy(sheet: str) -> str:
    """Return the content policy of a page whose ``style`` element holds `sheet`.

    No script, no request, no form, no frame; of style sheets this one alone, by its hash. Sizes
    of pictures and widths of bars stand in attributes. A browser that does not know the two finer
    directives (before 2022) goes by ``style-src``.
    """
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return (
        "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; "
        f"style-src-elem 'sha256-{digest}'; style-src-attr 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def style_sheet() -> str:
    """Return the pages' style sheet, with the theme's colours for light, dark and paper.

    Examples
    --------
    >>> style_sheet()[:30]
    ':root{color-scheme:light dark;'
    """
    light, dark = (theme.style_variables(scheme) for scheme in (0, 1))
    rules = (TEMPLATES / "page.css").read_text(encoding="utf-8").replace("\n", "")
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}"
    )


def render_body(template: str, **values: Any) -> str:
    """Return a part of a page from one of the templates.

    Examples
    --------
    >>> from csinsight.render.words import Words
    >>> given = {"words": Words("en"), "title": "Sleep", "trends": [], "reports": []}
    >>> "Sleep" in render_body("shop_index_body.html.j2", **given)
    True
    """
    return str(environment().get_template(template).render(values))


TRANSLATIONS: Final = "zh.yml"


def read_notebook(path: Path, lang: Lang) -> Any:
    """Return the notebook at `path` with its prose in `lang`.

    Raises
    ------
    ReportError
        Naming the cell whose translation is missing, or the translation whose cell is.
    FileNotFoundError
        Where there is no such notebook.

    Examples
    --------
    >>> from csinsight.params import shipped
    >>> notebook = read_notebook(shipped("notebooks", "00_data_check.ipynb"), "zh")
    >>> title_of(notebook, "")
    '本月的数据撑得起一份报告吗？'
    """
    import nbformat  # takes a second to import, which a kernel that only shows need not spend

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    told = path.parent / TRANSLATIONS
    translations = read_yaml(told).values if told.is_file() else None
    return localise(notebook, path.stem, lang, translations or {})


def localise(
    notebook: Any, name: str, lang: Lang, translations: Mapping[str, Mapping[str, str]]
) -> Any:
    """Swap the prose of `notebook` for that of `lang`, by cell id, and return it.

    Examples
    --------
    >>> from nbformat.v4 import new_markdown_cell, new_notebook
    >>> notebook = new_notebook(cells=[new_markdown_cell("# Month", id="title")])
    >>> localise(notebook, "07", "zh", {"07": {"title": "# 月份"}}).cells[0].source
    '# 月份'
    """
    if lang == "en":
        return notebook
    texts = translations.get(name, {})
    prose = {cell["id"]: cell for cell in notebook.cells if cell.cell_type == "markdown"}
    for cell_id, cell in prose.items():
        if cell_id not in texts:
            first = cell.source.strip().split("\n")[0]
            raise ReportError(
                f"{TRANSLATIONS}: notebook {name}, cell {cell_id} ({first!r}) has no translation"
            )
        cell.source = texts[cell_id].strip()
    stale = sorted(set(texts) - set(prose))
    if stale:
        raise ReportError(
            f"{TRANSLATIONS}: notebook {name} has no markdown cell {', '.join(stale)}; "
            "take its translation out"
        )
    return notebook


def title_of(notebook: Any, fallback: str) -> str:
    """Return the text of the first heading of a notebook; `fallback` where it has none.

    Examples
    --------
    >>> from nbformat.v4 import new_markdown_cell, new_notebook
    >>> title_of(new_notebook(cells=[new_markdown_cell("# The `month`")]), "none")
    'The month'
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+?)\s*#*$", cell.source, flags=re.M)
            if found:
                return re.sub(r"[*_`]", "", found[1])
    return fallback


def headings(page: str) -> list[tuple[str, str]]:
    """Return (id, text) of every second-level heading of a page's HTML, in order.

    Examples
    --------
    >>> headings('<h2 id="who">Who &amp; when</h2><h3 id="a">b</h3>')
    [('who', 'Who & when')]
    """
    found = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', page, flags=re.S)
    return [(anchor, html.unescape(re.sub(r"<[^>]+>", "", text))) for anchor, text in found]


def prose_html(source: str, cell_id: str) -> str:
    """Return markdown as HTML: raw HTML in it is shown as text, headings can be linked to.

    Parameters
    ----------
    source : str
        Markdown.
    cell_id : str
        A heading's anchor is its cell's id, the same in every language.

    Examples
    --------
    >>> print(prose_html("## Who <b>is</b> there", "who"))
    <h2 id="who">Who &lt;b&gt;is&lt;/b&gt; there</h2>
    <BLANKLINE>
    """
    import mistune

    render = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
    count = 0

    def anchored(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        anchor = cell_id if count == 1 else f"{cell_id}-{count}"
        return f'<h{found[1]} id="{anchor}">'

    return re.sub(r"<h([1-6])>", anchored, str(render(source)))


def render(executed: Path, page: Page) -> str:
    """Return the executed notebook at `executed` as one self-contained HTML page.

    Shown are its prose and what the report's own objects show (`csinsight.render.blocks`);
    a cell tagged ``show-text`` shows its printed text too. Code, other HTML, warnings and
    plain values are not. Cells tagged ``explains`` are folded away where the page asks for it, and
    those tagged ``of_figure`` are left out where what they explain is not there.

    Raises
    ------
    ValueError
        Where a cell of the notebook failed.

    Examples
    --------
    >>> import nbformat
    >>> import tempfile
    >>> from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
    >>> cells = [new_markdown_cell("# October", id="t"), new_code_cell("print(1)", id="c")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "07.ipynb")
    ...     nbformat.write(new_notebook(cells=cells), file)
    ...     page = render(file, Page("en"))
    >>> "October" in page, "print" in page
    (True, True)
    """
    import nbformat

    notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    for number, cell in enumerate(notebook.cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            raise ValueError(f"{executed}: cell {number} failed; a failed notebook is no page")
    notebook.cells = _without_lost_words(notebook.cells)
    told = {"fold": page.fold, "summary": Words(page.lang).word("nav.explain")}
    body, _ = _exporter().from_notebook_node(notebook, resources=told)
    # Give each picture's ids a running number, so that no two on a page are alike.
    parts = re.split(r"(?=<figure\b)", body)
    for number, part in enumerate(parts):
        found = re.search(r'aria-labelledby="((?:p|t)[0-9a-f]{10})-title"', part)
        if found:
            parts[number] = part.replace(found[1], f"{found[1][0]}{number}")
    return compose(page, title_of(notebook, executed.stem), "".join(parts))


def _without_lost_words(cells: list[Any]) -> list[Any]:
    """Return cells without those that explain a picture or table which the data didn't give."""
    kept, shown = [], ""
    for cell in cells:
        own = [output.get("data", {}).get(PAGE_MIME, "") for output in cell.get("outputs", ())]
        shown = "".join(own) or shown
        if "of_figure" in cell.metadata.get("tags", ()) and "<figure" not in shown:
            continue
        kept.append(cell)
    return kept


@cache
def _exporter() -> Any:
    from nbconvert.exporters.templateexporter import TemplateExporter

    exporter = TemplateExporter(  # type: ignore[no-untyped-call]
        template_name="csinsight",
        file_extension=".html",
        extra_template_basedirs=[str(TEMPLATES)],
        preprocessors=[],
        filters={"prose_html": prose_html},
    )
    exporter.environment.globals["page_mime"] = PAGE_MIME
    return exporter
