"""On what a bench ran, and how what it took grows with the data."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = ("polars", "pandas", "numpy", "scikit-learn", "narwhals", "pyarrow")
#: Times that ten times the data may take.
MOST_GROWTH = 11.0


def described() -> Iterator[str]:
    """Yield the machine, and the versions of what is measured on it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1024**3
    yield f"{_processor()}, {cores} cores, {memory:.1f} GB, {platform.system()} {_load()}"
    libraries = "  ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    yield f"python {platform.python_version()}  {libraries}  csinsight {_commit()}"


def growth(name: str, small: float, large: float, times: float) -> str:
    """Return how `name` grew while the data grew so many `times`, and whether that is too much.

    Ten times the data may take `MOST_GROWTH` times as long, other multiples in proportion.
    """
    grown = large / small
    held = "held" if grown <= MOST_GROWTH * times / 10 else "GROWS TOO FAST"
    return f"{name}: {grown:.1f} times for {times:g} times the data ({held})"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def _commit() -> str:
    """Return the version and the commit that is measured, marked where files differ from it."""
    told = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(told, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        return version("csinsight")
    return f"{version('csinsight')} ({done.stdout.strip() or 'no commit'})"
