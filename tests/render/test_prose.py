"""Prose in the run's language, and its way to HTML."""

from __future__ import annotations

import nbformat
import pytest

from csinsight.errors import ReportError
from csinsight.render.page import headings, localise, prose_html, title_of


def _notebook() -> nbformat.NotebookNode:
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Title", id="a"), new.new_markdown_cell("Text", id="b")]
    return new.new_notebook(cells=cells)


def test_prose_is_swapped_by_cell() -> None:
    notebook = localise(_notebook(), "n", "zh", {"n": {"a": "# 标题\n", "b": "正文"}})
    assert [cell.source for cell in notebook.cells] == ["# 标题", "正文"]
    assert title_of(notebook, "") == "标题"


def test_english_is_left_as_it_is() -> None:
    assert localise(_notebook(), "n", "en", {}).cells[1].source == "Text"


def test_a_missing_translation_names_its_cell() -> None:
    with pytest.raises(ReportError, match="notebook n, cell b"):
        localise(_notebook(), "n", "zh", {"n": {"a": "# 标题"}})


def test_a_translation_without_its_cell_is_named() -> None:
    with pytest.raises(ReportError, match="no markdown cell c"):
        localise(_notebook(), "n", "zh", {"n": {"a": "# 标题", "b": "正文", "c": "多余"}})


def test_headings_can_be_linked_to_and_raw_html_is_text() -> None:
    page = prose_html("## One\n\n<script>x</script>\n\n## Two & three", "cell")
    assert headings(page) == [("cell", "One"), ("cell-2", "Two & three")]
    assert "<script" not in page
