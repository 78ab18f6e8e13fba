"""The notebooks' prose in the run's language.

Notebooks are written in English; ``zh.yml`` beside them holds ``{notebook: {cell id: markdown}}``.
Texts are swapped before a notebook is run, so that the executed notebook too is in one language.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import nbformat
import yaml

from csinsight.params import Lang

TRANSLATIONS: Final = "zh.yml"


class ProseError(ValueError):
    """Prose that lacks its translation, or a translation that lacks its prose."""


def read_notebook(path: Path, lang: Lang) -> Any:
    """Return the notebook at `path` with its prose in `lang`.

    Raises
    ------
    ProseError
        Naming the cell whose translation is missing, or the translation whose cell is.
    FileNotFoundError
        Where there is no such notebook.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return localise(notebook, path.stem, lang, _translations(path.parent / TRANSLATIONS))


def localise(
    notebook: Any, name: str, lang: Lang, translations: Mapping[str, Mapping[str, str]]
) -> Any:
    """Swap the prose of `notebook` for that of `lang`, by cell id, and return it."""
    if lang == "en":
        return notebook
    texts = translations.get(name, {})
    prose = {cell["id"]: cell for cell in notebook.cells if cell.cell_type == "markdown"}
    for cell_id, cell in prose.items():
        if cell_id not in texts:
            first = cell.source.strip().split("\n")[0]
            raise ProseError(
                f"{TRANSLATIONS}: notebook {name}, cell {cell_id} ({first!r}) has no translation"
            )
        cell.source = texts[cell_id].strip()
    stale = sorted(set(texts) - set(prose))
    if stale:
        raise ProseError(
            f"{TRANSLATIONS}: notebook {name} has no markdown cell {', '.join(stale)}; "
            "take its translation out"
        )
    return notebook


def _translations(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def title_of(notebook: Any, fallback: str) -> str:
    """Return the text of the first heading of a notebook; `fallback` where it has none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+?)\s*#*$", cell.source, flags=re.M)
            if found:
                return re.sub(r"[*_`]", "", found[1])
    return fallback


def headings(page: str) -> list[tuple[str, str]]:
    """Return (id, text) of every second-level heading of a page's HTML, in order."""
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
