"""The most memory that a process held; of the standard library alone, for each side of a bench."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_gb() -> float:
    """Return the most that this process has held at once since its program was started.

    What ``getrusage`` says is never less than what the process held that started it: a small
    program that a large bench starts would be said to be as large.
    """
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", told, flags=re.MULTILINE)
    return int(kilobytes) / 1024**2
