"""Which runs there have been, and how each ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ValidationError

from csinsight.errors import LockedError
from csinsight.runs.state import HISTORY_FILE, Places, locked

LOG = logging.getLogger(__name__)


class _Line(BaseModel):
    """A line of ``history.jsonl``."""

    event: str
    at: AwareDatetime
    month: str
    why: str = ""


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
    """Return the runs under `out`, newest first; of one shop where told.

    Lines that are no run's, as one that a full disk cut short, are skipped and named in the log.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> line = '{"event": "start", "at": "2026-11-01T02:00:00+08:00", "month": "2026-10"}'
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "runs" / "myshop" / HISTORY_FILE
    ...     file.parent.mkdir(parents=True)
    ...     _ = file.write_text(line, encoding="utf-8")
    ...     [entry.status for entry in runs(Path(folder))]
    ['stopped']
    """
    files = sorted((out / "runs").glob(f"*/{HISTORY_FILE}"))
    entries = [e for f in files if shop in {None, f.parent.name} for e in _entries(out, f)]
    # Of two that began within one second the later stands below in the file.
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def _entries(out: Path, file: Path) -> Iterator[Entry]:
    shop = file.parent.name
    open_runs: dict[str, str] = {}
    for line in _lines(file):
        at = line.at.isoformat(timespec="seconds")
        began = open_runs.pop(line.month, None)
        if line.event != "start":
            yield Entry(shop, line.month, began or at, line.event, line.why)
            continue
        if began:
            # A run that was killed had no time to say so.
            yield Entry(shop, line.month, began, "stopped")
        open_runs[line.month] = at
    for month, began in open_runs.items():
        yield Entry(shop, month, began, "running" if _is_running(out, shop, month) else "stopped")


def _lines(file: Path) -> Iterator[_Line]:
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield _Line.model_validate_json(line)
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            LOG.warning("%s, line %d: is no run's (%s) and is skipped", file, number, what)


def _is_running(out: Path, shop: str, month: str) -> bool:
    try:
        with locked(Places(out, shop, month).run / ".lock"):
            return False
    except LockedError:
        return True
