"""The recipes under ``deploy/`` are ones that their programs accept, and name what there is."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.runs.shops import read_shops

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_the_file_of_shops_is_accepted_and_finds_the_demo_shop():
    [(job, target)] = read_shops(DEPLOY / "shops.yml")
    assert (job.params.shop, job.month, job.catch_up, target) == ("demo", "last", True, "")
    assert (job.data / "orders.parquet").is_file()


def test_the_units_are_accepted_by_systemd(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze: apt-get install systemd to check the units")
    program = shutil.which("true")
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text(encoding="utf-8")
        told = text.replace("/srv/csinsight/.venv/bin/csinsight", program)
        (tmp_path / unit.name).write_text(told, encoding="utf-8")
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    service = (DEPLOY / "systemd/csinsight.service").read_text(encoding="utf-8")
    assert "ExecStart=/srv/csinsight/.venv/bin/csinsight run-shops deploy/shops.yml" in service


def test_the_crontab_has_one_line_that_runs_a_command_there_is():
    lines = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line[:1].isdigit()]
    minute, hour, day, month, weekday, command = line.split(None, 5)
    assert (minute, hour, day, month, weekday) == ("0", "6", "2", "*", "*")
    # In a crontab a percent sign would end the command.
    assert "%" not in command
    assert "csinsight run-shops deploy/shops.yml" in command
    assert CliRunner().invoke(main, ["run-shops", "--help"]).exit_code == 0


def test_the_notebook_of_airflow_takes_what_its_task_tells_it():
    notebook = nbformat.read(DEPLOY / "airflow/month.ipynb", as_version=4)
    [cell] = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    known = {line.split(":")[0] for line in cell.source.splitlines()}
    tree = ast.parse((DEPLOY / "airflow/csinsight_monthly.py").read_text(encoding="utf-8"))
    [told] = [
        n.value for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "parameters"
    ]
    assert {key.value for key in told.keys} == known


def test_spark_s_recipes_name_one_version_and_what_the_program_takes() -> None:
    folder = DEPLOY / "spark"
    locked = (DEPLOY.parent / "requirements/dev.lock").read_text(encoding="utf-8")
    version = next(line for line in locked.splitlines() if line.startswith("pyspark==")).split()[0]
    version = version.removeprefix("pyspark==")
    assert f"ARG SPARK={version}\n" in (folder / "Dockerfile").read_text(encoding="utf-8")
    month = yaml.safe_load((folder / "month.yml").read_text(encoding="utf-8"))["spec"]
    assert month["sparkVersion"] == version
    assert (folder / Path(month["mainApplicationFile"]).name).is_file()
    command, *told = month["arguments"]
    known = {name for option in main.commands[command].params for name in option.opts}
    assert {name.split("=")[0] for name in told} <= known
    mounts = [month[role]["volumeMounts"][0]["mountPath"] for role in ("driver", "executor")]
    assert set(mounts) == {"/srv/csinsight"}
    assert '"$@" --engine spark' in (folder / "submit.sh").read_text(encoding="utf-8")


def test_the_container_has_what_it_copies_and_serves_what_the_shops_make() -> None:
    """No builder is needed to see that paths, locks and mounts fit together."""
    root, folder = Path(__file__).parents[2], Path("/srv/csinsight")
    recipe = (root / "deploy/container/Dockerfile").read_text(encoding="utf-8")
    lock = re.search(r"COPY (\S+) requirements/", recipe)
    assert lock and "\nhatchling==" in (root / lock[1]).read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(\S+) ", recipe, re.M)
    assert copied and all((root / name).exists() for name in copied)
    # What runs in the end is not root, and is the program that the package installs.
    last = recipe[recipe.rindex("\nFROM ") :]
    (user,) = re.findall(r"^USER (\S+)$", last, re.M)
    assert user not in ("root", "0") and f"useradd --create-home --uid 10001 {user}" in last
    assert last.index("USER ") < last.index("ENTRYPOINT")
    package = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert json.loads(re.search(r"^ENTRYPOINT (.+)$", last, re.M)[1])[0] in package["scripts"]
    base = re.findall(r"^FROM python:(\d+\.\d+)", recipe, re.M)
    assert len(set(base)) == 1 and base[0] in package["requires-python"]
    health = re.search(r"CMD csinsight (\S+) (--\S+)", recipe)
    assert health
    assert health[2] in {name for p in main.commands[health[1]].params for name in p.opts}
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"src", "notebooks", "params", "requirements", "README.md"} & set(ignored)
    compose = yaml.safe_load((root / "deploy/container/compose.yml").read_text(encoding="utf-8"))
    assert (
        root / "deploy/container" / compose["services"]["csinsight"]["build"]["context"]
    ).samefile(root)
    told = compose["services"]["csinsight"]["volumes"]
    mounts = {Path(v.split(":")[1]): v.split(":")[0] for v in told}
    shops = yaml.safe_load((root / "deploy/shops.yml").read_text(encoding="utf-8"))
    base = folder / "deploy"
    assert mounts[base / "shops.yml"] == "../shops.yml"
    out = Path(os.path.normpath(base / shops["out"]))
    served = compose["services"]["pages"]["volumes"][0].split(":")[0]
    assert mounts[out / "reports"] == served and out / "runs" in mounts
    for shop in shops["shops"]:
        data = Path(os.path.normpath(base / shop["data"]))
        assert any(mount in data.parents for mount in mounts)
    spoken = compose["services"]["csinsight"]["command"][0]
    command, *options = re.search(r"csinsight (\S+) \S+ ?(--\S+)?", spoken).groups()
    assert {o for o in options if o} <= {n for p in main.commands[command].params for n in p.opts}
