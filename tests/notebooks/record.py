"""Record the demo shop's results anew: ``python -m tests.notebooks.record``.

Runs the notebooks in order on the demo shop, keeps the outputs of headline cells in the committed
notebooks, and writes ``recorded.json``. Read the difference before you commit it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from tests.notebooks import recording

from csinsight.params import NOTEBOOKS, load_params, shipped
from csinsight.runs.month import run_month

ROOT = Path(__file__).resolve().parents[2]
KEPT = "keep_output"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        params = load_params(shipped("params") / "demo.yml", lang="en")
        result = run_month(ROOT / "data" / "demo", params, Path(folder))
        recording.write(result.run / "artifacts")
        for name in NOTEBOOKS:
            executed = sorted((result.run / "notebooks").glob(f"{name}*.ipynb"))[0]
            _keep_headlines(shipped("notebooks") / f"{name}.ipynb", executed)


def _keep_headlines(committed: Path, executed: Path) -> None:
    """Copy the outputs of headline cells from the executed notebook; strip all others."""
    source = nbformat.read(committed, as_version=4)
    ran = {cell["id"]: cell for cell in nbformat.read(executed, as_version=4).cells}
    for cell in source.cells:
        if cell.cell_type == "code":
            kept = KEPT in cell.metadata.get("tags", [])
            # nbval only compares cells that carry the count of a run.
            cell.outputs = ran[cell["id"]].outputs if kept else []
            cell.execution_count = ran[cell["id"]].execution_count if kept else None
    nbformat.write(source, committed)


if __name__ == "__main__":
    main()
