"""Notebooks to go on with by hand: copies that know the run they stand on."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

from csinsight.errors import ConfigError
from csinsight.params import NOTEBOOKS, Lang, notebook_params, shipped
from csinsight.render.page import read_notebook
from csinsight.runs.plan import CARD
from csinsight.runs.state import params_and_tables

EXPLORE = "explore"
LABELLING = "labelling"


def prepare_lab(run: Path, target: Path, data: Path | None = None) -> Path:
    """Copy the notebooks to `target`, with the parameters of `run` and in its language.

    They stand on a copy of the run's tables, ``run`` beside them, so that what is tried never
    changes the run itself. What is there already is kept as it is: it may hold an analyst's work.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH`` of a run that has ended well.
    target : Path
        Folder for the copies.
    data : Path, optional
        Folder of the shop's tables; the one that the run was made from unless told.

    Raises
    ------
    ConfigError
        Where `run` is no run's folder, or its tables are no longer where they were.

    Examples
    --------
    >>> prepare_lab(Path("no", "such"), Path("lab"))
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: no/such: is no run's folder; --run takes runs/SHOP/MONTH
    """
    params, tables = params_and_tables(run, data)
    own = target / "run"
    if not own.exists():
        draft = target / ".run.draft"
        shutil.rmtree(draft, ignore_errors=True)  # of a lab that was stopped
        shutil.copytree(run, draft, ignore=shutil.ignore_patterns("notebooks", "report.new", ".*"))
        draft.rename(own)
    places = {"data": str(tables.resolve()), "run": str(own.resolve())}
    for name in (*NOTEBOOKS, EXPLORE, LABELLING):
        if not (copy := target / f"{name}.ipynb").exists():
            given = notebook_params(params, name) if name in NOTEBOOKS else {}
            more = {"agent_id": _an_agent(run)} if name == CARD else {}
            source = shipped("notebooks", f"{name}.ipynb")
            _copy(source, copy, params.lang, {**places, **given, **more})
    return target


def open_lab(folder: Path) -> None:
    """Start JupyterLab in `folder`; returns when it is ended.

    Raises
    ------
    ConfigError
        Where JupyterLab is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigError('JupyterLab is not installed: pip install "csinsight[lab]"')
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}"]
    subprocess.run(command, check=False)  # noqa: S603 - our own words


def _an_agent(run: Path) -> str:
    import pandas as pd

    path = run / "artifacts" / "agent_kpis.parquet"
    agents = pd.read_parquet(path)["agent_id"].dropna() if path.is_file() else pd.Series([])
    return str(agents.iloc[0]) if len(agents) else ""


def _copy(source: Path, target: Path, lang: Lang, told: dict[str, Any]) -> None:
    notebook = read_notebook(source, lang)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            lines = {line.partition(":")[0]: line for line in cell.source.splitlines()}
            for name, value in told.items():
                lines[name] = f"{name}: {type(value).__name__} = {value!r}"
            cell.source = "\n".join(lines.values())
    nbformat.write(notebook, target)  # type: ignore[no-untyped-call]
