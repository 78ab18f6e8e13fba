"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import csinsight
from csinsight.render import theme

MODULES = [
    found.name
    for found in pkgutil.walk_packages(csinsight.__path__, "csinsight.")
    if not found.name.endswith("__main__")
]
#: Many examples share the sample shop's month, which takes a process seconds to make.
pytestmark = pytest.mark.xdist_group("examples")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    theme.use("en")  # whatever language the tests before spoke
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.failed == 0, capsys.readouterr().out


#: Rooms in which every public function shows how it is called.
SHOWN = (
    "behaviours",
    "coaching",
    "config",
    "contract",
    "drivers",
    "engine",
    "features",
    "importers",
    "params",
    "render",
    "segments",
    "simulate",
    "stats",
)
#: Needs Java, which a machine without Spark has no reason to have; limits the process it runs in.
NOT_HERE = ("csinsight.engine.spark", "csinsight.importers.workbook_child")


@pytest.mark.parametrize("room", SHOWN)
def test_every_public_function_has_an_example(room: str) -> None:
    inside = (f"csinsight.{room}", f"csinsight.{room}.")
    modules = [name for name in MODULES if name == inside[0] or name.startswith(inside[1])]
    modules = [name for name in modules if name not in NOT_HERE]
    public = [
        function
        for module in map(importlib.import_module, modules)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__
        if not name.startswith("_")
    ]
    assert len(public) > 4
    assert [f.__qualname__ for f in public if ">>>" not in (f.__doc__ or "")] == []
