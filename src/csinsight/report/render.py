"""An executed notebook as a page of the report."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from csinsight.report.blocks import PAGE_MIME
from csinsight.report.pages import TEMPLATES, Page, compose
from csinsight.report.prose import prose_html, title_of


def render(executed: Path, page: Page) -> str:
    """Return the executed notebook at `executed` as one self-contained HTML page.

    Shown are its prose and what the report's own objects show (`csinsight.report.blocks`);
    a cell tagged ``show-text`` shows its printed text too. Code, other HTML, warnings and
    plain values are not.

    Raises
    ------
    ValueError
        Where a cell of the notebook failed.
    """
    notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    for number, cell in enumerate(notebook.cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            raise ValueError(f"{executed}: cell {number} failed; a failed notebook is no page")
    body, _ = _exporter().from_notebook_node(notebook)
    return compose(page, title_of(notebook, executed.stem), _number_pictures(body))


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


def _number_pictures(body: str) -> str:
    """Give each picture's ids a running number, so that no two on a page are alike."""
    parts = re.split(r"(?=<figure\b)", body)
    for number, part in enumerate(parts):
        found = re.search(r'aria-labelledby="((?:p|t)[0-9a-f]{10})-title"', part)
        if found:
            parts[number] = part.replace(found[1], f"{found[1][0]}{number}")
    return "".join(parts)
