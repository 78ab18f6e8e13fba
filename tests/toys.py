"""A tiny shop and tiny notebooks, so that the machinery is tested without the real study.

Its fixtures are handed on by ``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import nbformat
import pytest
import yaml

from csinsight.params import EXTRA, NOTEBOOKS, RunParams, notebook_params

TABLES = {
    "page_views.csv": "buyer_id,viewed_at,page_kind\nb1,2026-10-03T10:00:00,home\n",
    "orders.csv": (
        "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units\n"
        "o1,b1,2026-10-03T11:00:00,2026-10-03T11:05:00,100,90,1\n"
    ),
    "messages.csv": (
        "buyer_id,agent_id,sender,sent_at,text\n"
        "b1,,buyer,2026-10-03T10:30:00,在吗\n"
        "b1,a1,agent,2026-10-03T10:30:20,您好\n"
        "b2,,buyer,2026-10-04T10:30:00,能便宜点吗\n"
        "b2,A1,agent,2026-10-04T10:31:00,不行\n"
    ),
}
OPEN = """from csinsight.views.study import open_study
study = open_study(data, run, vars())"""
FACT = 'study.write_facts({"finding": f"{month} finding"})'
BODIES = {
    "03_agent_kpis": [
        "import pandas as pd",
        "from csinsight.contract.dictionary import artifact",
        "names = [column.name for column in artifact('agent_kpis').columns]",
        "figures = pd.DataFrame(0, index=range(2), columns=names)",
        "study.write('agent_kpis', figures.assign(agent_id=['a1', 'A1']))",
    ],
    "06_agent_card": [
        "from csinsight.render.blocks import Finding",
        "Finding(f'{agent_id}: {len(study.read(\"agent_kpis\"))}')",
    ],
}

Make = Callable[..., Path]


def _notebook(name: str, cells: list[str]) -> nbformat.NotebookNode:
    values = {"data": "data", "run": "run"} | notebook_params(RunParams(), name)
    values |= dict.fromkeys(EXTRA.get(name, ()), "")
    lines = [f"{key}: {type(value).__name__} = {value!r}" for key, value in values.items()]
    new = nbformat.v4
    parameters = new.new_code_cell("\n".join(lines), metadata={"tags": ["parameters"]})
    built = [
        new.new_markdown_cell(f"# Title of {name}", id="title"),
        parameters,
        *(new.new_code_cell(cell) for cell in [OPEN, *cells, FACT]),
    ]
    for number, cell in enumerate(built[1:]):
        cell["id"] = f"c{number}"
    kernel = {"name": "python3", "display_name": "python3", "language": "python"}
    return new.new_notebook(cells=built, metadata={"kernelspec": kernel})


def write_shop(folder: Path) -> Path:
    """Write three one-line tables into a new folder."""
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write_notebooks(folder: Path, **cells: list[str]) -> Path:
    """Write a tiny notebook for each of the study's; cells can be told by notebook."""
    folder.mkdir(exist_ok=True)
    for name in NOTEBOOKS:
        # Python names can't begin with a digit: n03=… stands for 03_agent_kpis.
        body = cells.get(f"n{name[:2]}", BODIES.get(name, []))
        nbformat.write(_notebook(name, body), folder / f"{name}.ipynb")
    texts = {name: {"title": f"# {name} 的标题"} for name in NOTEBOOKS}
    (folder / "zh.yml").write_text(yaml.safe_dump(texts, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.fixture
def toy_shop(tmp_path: Path) -> Path:
    """A folder with three one-line tables."""
    return write_shop(tmp_path / "shop")


@pytest.fixture
def toy_notebooks(tmp_path: Path) -> Make:
    """Make a folder of tiny notebooks; cells can be told by notebook."""
    return partial(write_notebooks, tmp_path / "notebooks")
