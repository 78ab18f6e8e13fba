"""The demo shop's month against as many trivial notebooks, by the same runner, one after the other.

What the ratio leaves over one is the study itself: reading, fitting, drawing. Each side is a
process of its own, as a schedule starts it; its kernels' seconds are counted with it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.toys import BODIES, write_notebooks, write_shop

from csinsight.params import shipped

ROOT = Path(__file__).resolve().parents[2]
#: The demo shop's.
AGENTS = [f"a{number:03}" for number in range(1, 13)]
#: As asked for.
MOST = 2.5
_RUN = """
import sys
from pathlib import Path
from csinsight.params import RunParams
from csinsight.runs.month import run_month
data, notebooks, out = map(Path, sys.argv[1:])
print(len(run_month(data, RunParams(shop="demo"), out, notebooks=notebooks).executed))
"""
_LIMIT_SECONDS = 1200


def run() -> Iterator[str]:
    """Run the trivial notebooks twice, the first time to warm up, and the demo's once."""
    with tempfile.TemporaryDirectory() as work:
        shop, home = write_shop(Path(work) / "shop"), Path(work)
        agents = [*BODIES["03_agent_kpis"][:-2], f"agents = {AGENTS!r}"]
        agents += ["figures = pd.DataFrame(0, index=range(len(agents)), columns=names)"]
        agents += ["study.write('agent_kpis', figures.assign(agent_id=agents))"]
        trivial = write_notebooks(home / "notebooks", n03=agents)
        _measured(shop, trivial, home / "warm")
        few = _measured(shop, trivial, home / "trivial")
        demo = _measured(ROOT / "data" / "demo", shipped("notebooks"), home / "demo")
    for name, (count, wall, cpu) in (("trivial", few), ("demo", demo)):
        yield f"{name:8} {count} notebooks  {wall:6.1f} s on the clock  {cpu:6.1f} s of processor"
    assert few[0] == demo[0], "not as many notebooks on both sides"
    for name, place in (("clock", 1), ("processor", 2)):
        ratio = demo[place] / few[place]
        yield f"{name}: {ratio:.2f} times (asked: at most {MOST}: {_verdict(ratio)})"
    yield f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}"


def _measured(data: Path, notebooks: Path, out: Path) -> tuple[int, float, float]:
    """Return how many notebooks were run, and the seconds on the clock and of the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _RUN, *map(str, (data, notebooks, out))]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_LIMIT_SECONDS
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(done.stdout), wall, spent


def _verdict(ratio: float) -> str:
    return "held" if ratio <= MOST else "missed"
