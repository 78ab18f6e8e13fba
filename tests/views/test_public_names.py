"""The names at the top: all there, and loaded only when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import csinsight


@pytest.mark.parametrize("name", [name for name in csinsight.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_has_a_docstring(name: str) -> None:
    found = getattr(csinsight, name)
    assert found.__module__.startswith("csinsight.")
    assert found.__doc__
    assert name in dir(csinsight)


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match="open_study"):
        _ = csinsight.open_studio


def test_the_package_alone_loads_nothing_heavy() -> None:
    code = (
        "import sys, csinsight; print(sorted({'pandas', 'polars', 'matplotlib'} & {*sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "[]"
