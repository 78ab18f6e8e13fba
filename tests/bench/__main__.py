"""Seconds and memory against a named baseline in the same run: ``python -m tests.bench [NAME…]``.

Each ``tests/bench/bench_NAME.py`` has a ``run()`` that yields lines. Ratios count:
seconds are those of the machine at hand, which stands at the top with the versions.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.bench.machine import described

# As the kernels of a run have it: on a busy machine threads that wait for one another take several
# times the processor of one that does the work. Before numpy is loaded, which a bench does.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

NAMES = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))


def main(names: list[str]) -> int:
    if unknown := set(names) - set(NAMES):
        sys.stderr.write(f"no bench is called {sorted(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in described()))
    for name in names or NAMES:
        sys.stdout.write(f"== {name}\n")
        for line in importlib.import_module(f"tests.bench.bench_{name}").run():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
