"""A small shop's whole run on both engines, then one, three and ten million messages on Spark.

First every table and every fact of the run is held to that of Polars, to nine digits. Then the shop
of ``bench_messages``, in a folder of parts, is checked, marked and gathered on Spark's local mode.
The memory of Python's own process, where a run keeps what it reads into it, must not grow with the
messages before the small tables come in: it is told before and after they do. The memory of the
JVM is what ``SPARK_DRIVER_MEMORY`` says, whatever the size. ``BENCH_SPARK=1,3`` does other sizes,
in millions; none but the comparison where it is empty.
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
from polars.testing import assert_frame_equal
from tests.bench.bench_messages import AS_OF, make
from tests.bench.machine import growth
from tests.bench.peak import peak_gb
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.conversations import (
    ChatSource,
    aggregate_conversations,
    build_conversations,
    mark_messages,
)
from csinsight.contract.check import check_shop
from csinsight.engine import counter, open_shop
from csinsight.simulate import simulate

MILLIONS = tuple(float(part) for part in os.environ.get("BENCH_SPARK", "1,3,10").split(",") if part)
PROGRAM = Path(sys.executable).with_name("csinsight")
#: Rows of a part.
_PART = 500_000
_BEFORE = "python_gb_before_small_tables"
_LIMIT_SECONDS = 7200


def run() -> Iterator[str]:
    """Compare the engines, then measure each size in a process of its own."""
    yield same_on_both()
    took = []
    for size in MILLIONS:
        with tempfile.TemporaryDirectory() as folder:
            _in_parts(Path(folder), int(size * 1_000_000))
            code = f"from tests.bench.bench_spark import ours; ours({folder!r})"
            done = subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                capture_output=True,
                text=True,
                timeout=_LIMIT_SECONDS,
            )
            took.append(json.loads(done.stdout.splitlines()[-1]))
        yield f"{size:g} million messages: " + "  ".join(
            f"{name} {value:,.2f}" for name, value in took[-1].items()
        )
    if len(MILLIONS) > 1:
        times = MILLIONS[-1] / MILLIONS[0]
        yield growth("processor", took[0]["processor_s"], took[-1]["processor_s"], times)
        more = took[-1][_BEFORE] - took[0][_BEFORE]
        yield f"Python's memory before the small tables: {more:+.2f} GB for {times:g} times as many"


def same_on_both() -> str:
    """Run a small shop's month on either engine, as a user does; return what was compared."""
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "shop"
        simulate(data, buyers=60, agents=3, conversations=90, months=1)
        runs, took = [], []
        for engine in ("polars", "spark"):
            out, began = Path(work) / engine, time.perf_counter()
            told = ["run", "--data", data, "--shop", "s", "--month", "2026-10", "--out", out]
            command = [PROGRAM, *told, "--engine", engine, "--quiet"]
            subprocess.run(list(map(str, command)), check=True, timeout=_LIMIT_SECONDS)
            took.append(time.perf_counter() - began)
            runs.append(out / "runs/s/2026-10")
        tables, facts = compared(*runs)
    seconds = " and ".join(f"{seconds:.0f} s" for seconds in took)
    return f"whole runs on Polars and Spark ({seconds}): {tables} tables and {facts} facts alike"


def compared(one: Path, other: Path) -> tuple[int, int]:
    """Hold the tables and facts of two runs to each other; return how many there are."""
    counts = []
    for kind in ("artifacts/*.parquet", "facts/*.json"):
        names = [{path.name for path in run.glob(kind)} for run in (one, other)]
        assert names[0] == names[1] != set(), names
        counts.append(len(names[0]))
    for path in (one / "artifacts").glob("*.parquet"):
        tables = [pl.read_parquet(run / "artifacts" / path.name) for run in (one, other)]
        try:
            assert_frame_equal(*tables, rel_tol=1e-9, abs_tol=1e-9)
        except AssertionError as error:
            raise AssertionError(f"{path.name}: {error}") from error
    for path in (one / "facts").glob("*.json"):
        texts = [(run / "facts" / path.name).read_text(encoding="utf-8") for run in (one, other)]
        assert texts[0] == texts[1], path.name
    return counts[0], counts[1]


def _in_parts(folder: Path, messages: int) -> None:
    """Make the shop, its messages in parts of `_PART` rows."""
    make(folder, messages)
    whole = folder / "messages.parquet"
    lines = pl.scan_parquet(whole)
    parts = folder / "parts"
    parts.mkdir()
    for number, start in enumerate(range(0, messages, _PART)):
        lines.slice(start, _PART).collect().write_parquet(parts / f"part-{number:05}.parquet")
    whole.unlink()
    parts.rename(whole)


def ours(folder: str) -> None:
    """Check the shop, mark its messages, gather them by conversation, read the small tables."""
    began = time.perf_counter()
    assert check_shop(Path(folder), counter("spark")).ok
    checked = time.perf_counter()
    shop = open_shop(folder, "spark")
    marked = mark_messages(ChatSource(shop, AS_OF, 1, RULES, LEXICON))
    aggregate_conversations(marked).to_native().write.format("noop").mode("overwrite").save()
    gathered, before = time.perf_counter(), peak_gb()
    conversations = build_conversations(marked)
    java = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
    figures = {
        "check_s": checked - began,
        "marked_s": gathered - checked,
        "small_tables_s": time.perf_counter() - gathered,
        "conversations": len(conversations),
        "processor_s": _processor(),
        _BEFORE: before,
        "python_gb": peak_gb(),
        "jvm_gb": sum(child.memory_info().rss for child in java) / 1024**3,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _processor() -> float:
    """Return seconds of the processor of this process and of all that it started."""
    times = [one.cpu_times() for one in (psutil.Process(), *psutil.Process().children(True))]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)
