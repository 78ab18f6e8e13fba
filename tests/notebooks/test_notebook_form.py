"""The notebooks read as prose: thin, typed, without logic, in both languages."""

from __future__ import annotations

import ast
import re
from statistics import median

import nbformat
import pytest
import yaml

from csinsight.behaviours.profiles import load_profile
from csinsight.params import NOTEBOOKS, RunParams, shipped
from csinsight.render.page import read_notebook
from csinsight.runs.lab import EXPLORE, LABELLING

FOLDER = shipped("notebooks")
CHINESE = yaml.safe_load((FOLDER / "zh.yml").read_text(encoding="utf-8"))
KEPT = "keep_output"


@pytest.fixture(params=NOTEBOOKS)
def notebook(request):
    return request.param, nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


def _code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def _lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def test_parameters_are_one_tagged_cell_of_typed_lines(notebook):
    _, nb = notebook
    tagged = [c for c in nb.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    typed = r"[a-z_]+: (str|int|float|bool) = .+"
    assert all(re.fullmatch(typed, line) for line in _lines(tagged[0]))


def test_notebook_is_thin(notebook):
    _, nb = notebook
    bodies = [c for c in _code(nb.cells) if "parameters" not in c.metadata.get("tags", [])]
    assert len(nb.cells) <= 30
    assert median(len(_lines(cell)) for cell in bodies) <= 6
    banned = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.If, ast.Lambda)
    for cell in bodies:
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, banned)]


def test_prose_is_about_half(notebook):
    _, nb = notebook
    share = sum(cell.cell_type == "markdown" for cell in nb.cells) / len(nb.cells)
    assert 0.38 <= share <= 0.55


def test_every_text_cell_has_its_chinese(notebook):
    name, nb = notebook
    ids = {cell["id"] for cell in nb.cells if cell.cell_type == "markdown"}
    assert set(CHINESE[name]) == ids
    han = re.compile(r"[\u4e00-\u9fff]")
    assert all(han.search(text) for text in CHINESE[name].values())
    english = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    assert not any(han.search(text) for text in english)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", [EXPLORE, LABELLING])
def test_what_the_lab_copies_is_there_in_both_languages(name, lang):
    cells = read_notebook(FOLDER / f"{name}.ipynb", lang).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert prose
    assert all(bool(re.search(r"[\u4e00-\u9fff]", text)) == (lang == "zh") for text in prose)


def test_only_headlines_keep_their_output(notebook):
    _, nb = notebook
    for cell in _code(nb.cells):
        kept = KEPT in cell.metadata.get("tags", [])
        assert bool(cell.outputs) == kept, cell["id"]
        assert kept == ("nbval-check-output" in cell.metadata.get("tags", []))


def test_tables_are_written_without_showing_people(notebook):
    """A cell that ends with a table would leave buyers' names in the executed notebook."""
    _, nb = notebook
    ends = [lines[-1] for cell in _code(nb.cells) if (lines := _lines(cell))]
    assert all(line.endswith(";") for line in ends if line.startswith("study.write("))


def test_prose_names_no_number_that_a_shop_may_change(notebook):
    """Twenty-four hours in a text that nobody makes is false where the parameter is another."""
    name, nb = notebook
    taken = set(NOTEBOOKS.get(name, ()))
    values = [value for key, value in RunParams().model_dump().items() if key in taken]
    if "kpi_profile" in taken:
        values += load_profile("taobao").model_dump().values()
    numbers = {f"{v:g}" for v in values if type(v) in (int, float) and v > 9}
    unit = r"(?=[ -]?(?:hours?|days?|seconds?|months?|inquiries|天|小时|秒|个月|次))"
    told = re.compile(rf"(?<![\d.])(?:{'|'.join(sorted(numbers)) or '-'}){unit}")
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    assert [
        found for text in [*texts, *CHINESE[name].values()] for found in told.findall(text)
    ] == []
