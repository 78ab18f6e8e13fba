"""A whole run of three million messages, 300,000 buyers and 34 million page views, and a tenth.

What each step takes of the processor and of memory, and how it grows from a tenth to the whole:
at most eleven times for ten times the data. Seconds of the processor, so that other work on the
machine doesn't count; of steps that run side by side each is said to take its share.
``BENCH_LOAD=0.01,0.1`` does smaller ones, ``BENCH_HOME`` says where there is room for them,
``BENCH_MINUTES`` after how long a run is ended and what it took so far is said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psutil
from tests.bench.machine import growth

from csinsight.simulate import simulate

SCALES = tuple(float(part) for part in os.environ.get("BENCH_LOAD", "0.1,1").split(","))
#: Of the whole: about fourteen messages a conversation and 115 page views a buyer.
BUYERS, AGENTS, CONVERSATIONS, MONTHS = 300_000, 100, 225_000, 3
PROGRAM = Path(sys.executable).with_name("csinsight")
#: Shared memory is counted page by page: to look oftener takes the run's own time.
_LOOK_SECONDS = 2.0
_MOST_SECONDS = 60 * float(os.environ.get("BENCH_MINUTES", "600"))
#: Steps shorter than this are start-up and drawing: their growth says nothing.
_SHORT_SECONDS = 2.0


def run() -> Iterator[str]:
    """Make both shops, run both as a user does, and compare step by step."""
    home = os.environ.get("BENCH_HOME")
    with tempfile.TemporaryDirectory(dir=home) as work:
        taken = []
        for scale in SCALES:
            data, out = Path(work) / f"data{scale}", Path(work) / f"out{scale}"
            yield _make(data, scale)
            taken.append(measured(data, out))
            yield from _told(taken[-1])
            yield f"load {os.getloadavg()[0]:.1f}"
        if len(taken) > 1:
            yield from _growth(taken[0], taken[-1], SCALES[-1] / SCALES[0])


def _make(data: Path, scale: float) -> str:
    began = time.perf_counter()
    simulate(
        data,
        buyers=int(BUYERS * scale),
        # Agents grow less than chats do: a tenth of the shop has a third of them.
        agents=max(5, int(AGENTS * scale**0.5)),
        conversations=int(CONVERSATIONS * scale),
        months=MONTHS,
    )
    took = time.perf_counter() - began
    rows = {
        path.stem: pl.scan_parquet(path).select(pl.len()).collect().item()
        for path in sorted(data.glob("*.parquet"))
    }
    counts = "  ".join(f"{name} {number:,}" for name, number in rows.items())
    return f"-- {scale:g} of the whole, made in {took:.0f} s: {counts}"


def measured(data: Path, out: Path) -> dict[str, dict[str, float]]:
    """Run a month; return seconds, and the peak of memory of all its processes, by step."""
    told = ["run", "--data", data, "--month", "2026-10", "--shop", "s", "--out", out, "--quiet"]
    began = time.perf_counter()
    process = psutil.Popen([str(PROGRAM), *map(str, told)], stderr=subprocess.PIPE, text=True)
    state = out / "runs/s/2026-10/run.json"
    steps: dict[str, dict[str, float]] = {}
    spent = peak = 0.0
    while process.poll() is None:
        if time.perf_counter() - began > _MOST_SECONDS:
            return _cards_together(steps) | _ended(process, spent, peak)
        memory, now = _now(process, spent)
        running, peak = _running(state), max(peak, memory)
        for step in running:
            taken = steps.setdefault(step, {"processor": 0.0, "peak": 0.0})
            taken["processor"] += (now - spent) / len(running)
            taken["peak"] = max(taken["peak"], memory)
        spent = now
        time.sleep(_LOOK_SECONDS)
    if process.returncode not in (0, 3):
        raise RuntimeError(process.stderr.read())
    clock = time.perf_counter() - began
    return _cards_together(steps) | {
        "whole run": {"processor": spent, "peak": peak, "clock": clock}
    }


def _ended(process: psutil.Popen, spent: float, peak: float) -> dict[str, dict[str, float]]:
    """End a run that takes too long, with all its processes."""
    for one in (process, *process.children(recursive=True)):
        one.terminate()
    process.wait(60)
    return {"ENDED before it was done": {"processor": spent, "peak": peak, "clock": _MOST_SECONDS}}


def _cards_together(steps: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the steps with all agents' cards as one."""
    found: dict[str, dict[str, float]] = {}
    for name, taken in steps.items():
        one = found.setdefault(name.partition("-")[0], {"processor": 0.0, "peak": 0.0})
        one["processor"] += taken["processor"]
        one["peak"] = max(one["peak"], taken["peak"])
    return found


def _now(process: psutil.Popen, spent: float) -> tuple[float, float]:
    """Return the memory of a process and its children in GB, and the processor's time so far."""
    memory, seconds = 0.0, 0.0
    try:
        for one in (process, *process.children(recursive=True)):
            # What processes share counts once: proportional set size.
            memory += one.memory_full_info().pss / 1024**3
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    except psutil.Error:
        pass  # ended while it was looked at
    return memory, max(spent, seconds)


def _running(state: Path) -> list[str]:
    try:
        steps = json.loads(state.read_text(encoding="utf-8"))["steps"]
    except (OSError, ValueError, KeyError):
        return ["before the first step"]
    running = [name for name, step in steps.items() if step["status"] == "running"]
    return running or ["check, render, publish"]


def _told(taken: dict[str, dict[str, float]]) -> Iterator[str]:
    for name, figures in taken.items():
        yield f"  {name:28} {figures['processor']:7.1f} s of processor  {figures['peak']:5.2f} GB"
    yield f"  by the clock {list(taken.values())[-1]['clock']:.0f} s"


def _growth(
    small: dict[str, dict[str, float]], large: dict[str, dict[str, float]], times: float
) -> Iterator[str]:
    for name in small:
        if name in large and large[name]["processor"] >= _SHORT_SECONDS:
            took = (small[name]["processor"], large[name]["processor"])
            yield f"  {growth(name, *took, times)}"
