"""Which runs there have been, and how each ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from csinsight.report.state import HISTORY_FILE, LockedError, Places, locked


@dataclass(frozen=True)
class Entry:
    """One run: when it began and how it ended.

    ``done``; ``incomplete``, with agents' cards missing; ``failed``; ``stopped``, as by a kill or
    a power cut; or ``running``.
    """

    shop: str
    month: str
    at: str
    status: str
    why: str = ""

    def __str__(self) -> str:
        """Return the run as one line, or two where it failed."""
        line = f"{self.at}  {self.shop}  {self.month}  {self.status}"
        return f"{line}\n    {self.why.replace(chr(10), ' ')}" if self.why else line


def runs(out: Path, shop: str | None = None) -> list[Entry]:
    """Return the runs under `out`, newest first; of one shop where told."""
    files = sorted((out / "runs").glob(f"*/{HISTORY_FILE}"))
    entries = [e for f in files if shop in {None, f.parent.name} for e in _entries(out, f)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _entries(out: Path, file: Path) -> Iterator[Entry]:
    shop = file.parent.name
    lines = filter(None, map(_parsed, file.read_text(encoding="utf-8").splitlines()))
    open_runs: dict[str, str] = {}
    for line in lines:
        month, event = line["month"], line["event"]
        began = open_runs.pop(month, None)
        if event != "start":
            yield Entry(shop, month, began or line["at"], event, line.get("why", ""))
            continue
        if began:
            # A run that was killed had no time to say so.
            yield Entry(shop, month, began, "stopped")
        open_runs[month] = line["at"]
    for month, began in open_runs.items():
        yield Entry(shop, month, began, "running" if _is_running(out, shop, month) else "stopped")


def _parsed(line: str) -> dict[str, str] | None:
    try:
        return dict(json.loads(line)) if line else None
    except json.JSONDecodeError:
        # Cut short by a full disk: how that run ended isn't known, so it counts as stopped.
        return None


def _is_running(out: Path, shop: str, month: str) -> bool:
    try:
        with locked(Places(out, shop, month).run / ".lock"):
            return False
    except LockedError:
        return True
