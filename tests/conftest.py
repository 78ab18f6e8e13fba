"""Fixtures that every room's tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from csinsight.params import load_params, shipped
from csinsight.runs.month import RunResult, run_month

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data beside the project, or a skip that says how to get it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data is not here: put it into ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The committed demo shop."""
    return ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """The demo shop's whole report in both languages, made once for all tests of a session."""
    out = tmp_path_factory.mktemp("demo_run")
    params = shipped("params") / "demo.yml"
    return {
        lang: run_month(
            ROOT / "data" / "demo", load_params(params, lang=lang), out / lang, progress=False
        )
        for lang in ("zh", "en")
    }


@pytest.fixture(scope="session")
def papermill_run() -> Callable[..., Any]:
    """Run a notebook by papermill as a process of its own, and return it as it then is.

    In this process it would wait for ever where the browser's loop runs already.
    """

    def run(path: Path, executed: Path, **told: object) -> Any:
        command = [sys.executable, "-m", "papermill", str(path), str(executed)]
        command += ["--kernel", "python3", "--no-progress-bar"]
        for name, value in told.items():
            command += ["-p", name, str(value)]
        done = subprocess.run(command, cwd=executed.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return nbformat.read(executed, as_version=4)

    return run


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests on Spark on one worker: its session takes longer to start than they do."""
    for item in items:
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.xdist_group("spark"))
