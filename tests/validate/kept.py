"""Results of long studies, kept by the state of the code, so that a stopped study goes on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

import csinsight

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[1] / "build" / "validate"
SOURCE = Path(csinsight.__file__).parent
#: Read what is estimated, and take no part in it.
_APART = (
    "rollout.py",
    "rollout_plan.py",
    "sensitivity.py",
    "checks.py",
    "power.py",
)
#: What the estimates of drawn shops depend on.
MADE_BY = (
    *(path for path in (SOURCE / "drivers").glob("*.py") if path.name not in _APART),
    *(SOURCE / "stats").glob("*.py"),
    *(SOURCE / "simulate").glob("*.py"),
    *HERE.glob("*shops.py"),
    HERE / "worlds.py",
    HERE.parent / "drivers" / "worlds.py",
)


def two_processes() -> ProcessPoolExecutor:
    """Return a pool of two; spawned, for a fork of a process with Polars' threads stands still."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def kept(
    name: str, make: Callable[[], pd.DataFrame], made_by: Iterable[Path] = MADE_BY
) -> pd.DataFrame:
    """Return what `make` returns, from `KEPT` where it was made by files as they are now.

    A column ``cpu_s`` is added: the processor seconds that it took.
    """
    state = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(made_by))).hexdigest()[:12]
    path = KEPT / f"{name.replace(' ', '_')}-{state}.parquet"
    if not path.is_file():
        started = time.process_time()
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        made.assign(cpu_s=time.process_time() - started).to_parquet(draft)
        draft.rename(path)
    return pd.read_parquet(path)
