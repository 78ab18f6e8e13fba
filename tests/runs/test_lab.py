"""Notebooks to go on with by hand stand on a copy of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat

from csinsight.params import RunParams
from csinsight.runs.lab import prepare_lab
from csinsight.runs.month import run_month


def test_what_is_tried_in_the_lab_leaves_the_run_as_it_was(
    toy_shop: Path, toy_notebooks: Callable[..., Path], tmp_path: Path
) -> None:
    params = RunParams(shop="toy", lang="en")
    made = run_month(toy_shop, params, tmp_path / "out", only=("03",), notebooks=toy_notebooks())
    table = made.run / "artifacts" / "agent_kpis.parquet"
    before = table.read_bytes()
    lab = prepare_lab(made.run, tmp_path / "lab")
    copied = lab / "run" / "artifacts" / "agent_kpis.parquet"
    assert copied.read_bytes() == before
    cells = nbformat.read(lab / "03_agent_kpis.ipynb", as_version=4).cells
    told = next(c.source for c in cells if "parameters" in c.metadata.get("tags", ()))
    assert f"run: str = {str(lab / 'run')!r}" in told
    labelling = nbformat.read(lab / "labelling.ipynb", as_version=4).cells
    told = next(c.source for c in labelling if "parameters" in c.metadata.get("tags", ()))
    assert f"data: str = {str(toy_shop)!r}" in told  # labels.csv goes beside the shop's own tables
    assert 'who: str = "reader 1"' in told
    copied.write_bytes(b"an analyst's")
    assert table.read_bytes() == before
    prepare_lab(made.run, lab)
    assert copied.read_bytes() == b"an analyst's"
