"""The house's own rules: locked versions agree, style, types, floors, no machine in any file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from tools.house import measure

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent

RUN_LOCK = ROOT / "requirements" / "run.lock"
#: Packages that conda-forge calls by another name than PyPI.
CONDA_NAMES = {"jupyter_client": "jupyter-client"}
DEV_LOCK = ROOT / "requirements" / "dev.lock"


def _locked(path):
    """Return the locked version of each package that any supported machine would install."""
    lines = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ \\;]+)", path.read_text(), flags=re.M)
    versions: dict[str, set[str]] = {}
    for name, version in lines:
        versions.setdefault(name, set()).add(version)
    return versions


def _declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = project["project"]["dependencies"] + extras["lab"] + ["nbval"]
    return {re.split(r"[\[<>=! ]", line)[0] for line in wanted}


def test_every_locked_package_has_a_hash():
    for path in (RUN_LOCK, DEV_LOCK):
        blocks = re.split(r"\n(?=[a-z0-9])", path.read_text().strip())
        assert all("--hash=sha256:" in block for block in blocks), path.name


def test_both_locks_name_the_same_versions():
    run, dev = _locked(RUN_LOCK), _locked(DEV_LOCK)
    assert {name: dev.get(name) for name in run} == run


def test_environment_agrees_with_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    pins = (line.split("=") for line in lines if re.fullmatch(r"[a-z0-9_-]+=[^=]+", line))
    pinned = {CONDA_NAMES.get(name, name): version for name, version in pins}
    locked = _locked(DEV_LOCK)
    assert _declared() <= set(pinned)
    # A lock holds two versions of what dropped an old Python; conda's is one of them.
    assert {n: v for n, v in pinned.items() if v not in locked[n]} == {}


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
        ["deptry", "src"],
        ["codespell"],
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_tool_finds_nothing(command):
    tool = [str(TOOLS / command[0]), *command[1:]]
    done = subprocess.run(tool, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines()]


def test_no_file_holds_a_path_of_a_machine():
    pattern = re.compile(r"(?<![\w.])/(home|root|tmp|Users)/[\w.]")
    suffixes = {".py", ".md", ".ipynb", ".toml", ".yml", ".lock", ""}
    files = [p for p in _tracked() if p.suffix in suffixes and p.is_file() and p.name != "LICENSE"]
    assert len(files) > 50
    found = [
        str(p) for p in files if pattern.search(p.read_text("utf-8")) and p.name != "test_house.py"
    ]
    assert found == []


def test_the_table_of_the_house_is_measured():
    """`make house` counts what it says it counts, on three modules of known build."""
    rows = measure(ROOT / "tests" / "house_sample")
    assert (rows["modules"], rows["lines"], rows["of them code"]) == ("3", "34", "13")
    assert rows["imports a module"] == "1.7"
    assert rows["private functions called once"] == "50 % of 2"
    assert rows["public functions with an example"] == "1 of 2"


def test_the_table_of_where_things_are_leads_there():
    """`CONTRIBUTING.md` names files, and behind a colon what stands in them."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (`.+) \|$", text, re.MULTILINE)
    assert len(rows) >= 12
    for row in rows:
        parts = re.findall(r"`([^`]+)`", row)
        for part in parts:
            if "/" in part or part.endswith(".py"):
                place = ROOT / "src" / "csinsight" / part
                assert place.exists(), part
            else:
                told = place.read_text(encoding="utf-8")
                assert re.search(rf"^(def|class) {part}\b|^{part}\b", told, re.MULTILINE), part


def test_nothing_waits_for_another_process_without_a_limit():
    """What is started is waited for so long and no longer; kernels' limits are their own tests'."""
    endless = {"src/csinsight/runs/lab.py"}  # somebody sits in front of it
    # A test has its limit as a whole, a bench somebody who looks at it.
    rooms = ("src/", "deploy/", "tools/", "tests/hardship/")
    names = [path.relative_to(ROOT).as_posix() for path in _tracked() if path.suffix == ".py"]
    found = [
        f"{name}, line {call.lineno}"
        for name in names
        if name.startswith(rooms) and name not in endless
        for text in ((ROOT / name).read_text(encoding="utf-8"),)
        if re.search(r"subprocess|communicate|\.wait\(|urlopen", text)
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and _waits(call)
    ]
    assert found == []


def _waits(call):
    """Tell whether a call waits for a process, an answer or a lock, and says no limit."""
    name = ast.unparse(call.func)
    limited = call.args or {"timeout", "seconds"} & {told.arg for told in call.keywords}
    if name.startswith("subprocess.") and name != "subprocess.Popen":
        return "timeout" not in {told.arg for told in call.keywords}
    if name.endswith((".communicate", ".wait")) and "asyncio" not in name:
        return not limited
    return name.endswith("urlopen") and "timeout" not in {told.arg for told in call.keywords}


def test_help_imports_nothing_heavy():
    """The command line answers at once because the heavy rooms are imported when they are used."""
    code = (
        "import sys, csinsight.cli;"
        "print([m for m in ('pandas', 'polars', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
