"""The demo shop's results are those recorded, and a changed figure does not pass."""

from __future__ import annotations

import ast
import copy
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from tests.notebooks.recording import FILE, differences, summary

from csinsight.params import NOTEBOOKS, load_params, notebook_params, shipped

pytestmark = pytest.mark.xdist_group("demo")


def test_results_are_as_recorded(demo_run):
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    assert differences(summary(demo_run["en"].run / "artifacts"), recorded) == []


def test_both_languages_have_the_same_results(demo_run):
    found = [summary(demo_run[lang].run / "artifacts") for lang in ("zh", "en")]
    assert differences(*found) == []


def test_a_changed_figure_is_noticed():
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    changed = copy.deepcopy(recorded)
    changed["buyer_types"]["simple"] += 1
    effects = [k for k, v in recorded["drivers"].items() if v is not None and "effect" in k]
    changed["drivers"][effects[0]] *= 1.01
    assert len(differences(changed, recorded)) == 2


@pytest.fixture(scope="module")
def copied(tmp_path_factory, demo_folder):
    """The notebooks and the demo shop in a folder of their own, laid out as in the project."""
    root = tmp_path_factory.mktemp("nbval")
    shutil.copytree(shipped("notebooks"), root / "notebooks")
    (root / "data").mkdir()
    shutil.copytree(demo_folder, root / "data" / "demo")
    return root


def _nbval(root, *notebooks):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-q",
        "-rf",
        "-c",
        "none.ini",
        "--rootdir",
        ".",
        *notebooks,
    ]
    (root / "none.ini").write_text("[pytest]\n")
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=900)


def _headlines(path):
    cells = nbformat.read(path, as_version=4).cells
    kept = [c for c in cells if "keep_output" in c.metadata.get("tags", ())]
    return {c["id"]: [o["data"]["text/plain"] for o in c.outputs] for c in kept}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_committed_headlines_are_those_of_the_run(demo_run, name):
    executed = sorted((demo_run["en"].run / "notebooks").glob(f"{name}*.ipynb"))[0]
    committed = _headlines(shipped("notebooks") / f"{name}.ipynb")
    assert committed
    assert _headlines(executed) == committed


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_by_itself_is_told_what_the_demo_run_tells_it(name):
    params = load_params(shipped("params") / "demo.yml", lang="en")
    told = notebook_params(params, name)
    cells = nbformat.read(shipped("notebooks") / f"{name}.ipynb", as_version=4).cells
    tagged = next(c for c in cells if "parameters" in c.metadata.get("tags", ()))
    lines = ast.parse(tagged.source).body
    own = {line.target.id: ast.literal_eval(line.value) for line in lines}
    assert {key: own[key] for key in told} == told


def test_nbval_holds_a_committed_notebook_by_itself_and_notices_a_changed_headline(copied):
    """The headline's cell stands twice in one notebook, as committed and with a figure changed."""
    path = copied / "notebooks" / "00_data_check.ipynb"
    nb = nbformat.read(path, as_version=4)
    place = next(n for n, c in enumerate(nb.cells) if c["id"] == "headline")
    changed = copy.deepcopy(nb.cells[place])
    changed["id"] = "changed"
    text = changed.outputs[0]["data"]["text/plain"]
    changed.outputs[0]["data"]["text/plain"] = text.replace("'buyers': 2", "'buyers': 3")
    assert changed.outputs[0]["data"]["text/plain"] != text
    nb.cells.insert(place + 1, changed)
    nbformat.write(nb, path)
    code = [c["id"] for c in nb.cells if c.cell_type == "code"]
    done = _nbval(copied, "notebooks/00_data_check.ipynb")
    assert done.returncode == 1, done.stdout[-5000:]
    assert "Cell outputs differ" in done.stdout
    assert f"{len(code) - 1} passed" in done.stdout, done.stdout[-5000:]
    failed = re.findall(r"^FAILED notebooks/\S+?\.ipynb::Cell (\d+)", done.stdout, flags=re.M)
    assert [code[int(number)] for number in failed] == ["changed"], done.stdout[-5000:]
