"""What a run says while it works: the same lines on standard error and in the run's folder."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO
from zoneinfo import ZoneInfo

#: Everything that csinsight says comes from here; steps at the level DEBUG, the rest above it.
ROOT: Final = logging.getLogger("csinsight")
LOG_FILE: Final = "run.log"
#: Of a bar, in characters.
_WIDTH: Final = 20


class _Lines(logging.Formatter):
    """A line with the time in the shop's zone, and the level where it is not an everyday one.

    Examples
    --------
    >>> record = logging.LogRecord("csinsight", logging.WARNING, "", 1, "again", None, None)
    >>> record.created = 1_793_464_205.0
    >>> _Lines("Asia/Shanghai").format(record)
    '2026-11-01T00:30:05+08:00 warning: again'
    """

    def __init__(self, timezone: str) -> None:
        super().__init__()
        self._zone = ZoneInfo(timezone)

    def at(self, record: logging.LogRecord) -> str:
        """Return when it was said."""
        return datetime.fromtimestamp(record.created, self._zone).isoformat(timespec="seconds")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        level = "" if record.levelno <= logging.INFO else f" {record.levelname.lower()}:"
        return f"{self.at(record)}{level} {record.getMessage()}"


class _JsonLines(_Lines):
    """An object a line, for programs that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {"at": self.at(record), "level": record.levelname.lower()}
        return json.dumps(told | {"message": record.getMessage()}, ensure_ascii=False)


class _Terminal(logging.StreamHandler[TextIO]):
    r"""Lines on a stream; on a terminal also a bar for what says how far it has come.

    A record that carries ``done`` and ``of`` moves the bar and makes no line of its own there.
    Where nobody watches, as in a schedule's log, it is a line like any other.

    Examples
    --------
    >>> from io import StringIO
    >>> stream = StringIO()
    >>> stream.isatty = lambda: True
    >>> handler = _Terminal(stream)
    >>> record = logging.makeLogRecord({"msg": "orders.csv read", "done": 1, "of": 4})
    >>> handler.emit(record)
    >>> stream.getvalue()
    '\r\x1b[K[#####---------------] 1/4 orders.csv read'
    """

    def __init__(self, stream: TextIO, *, bars: bool = True) -> None:
        super().__init__(stream)
        self._bars = bars and stream.isatty()
        self._shown = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        if not self._bars:
            return super().emit(record)
        done, of = getattr(record, "done", 0), getattr(record, "of", 0)
        if of and done < of:
            full = round(_WIDTH * done / of)
            bar = "#" * full + "-" * (_WIDTH - full)
            self.stream.write(f"\r\x1b[K[{bar}] {done}/{of} {record.getMessage()}")
        elif self._shown:
            self.stream.write("\r\x1b[K")
        self._shown = bool(of and done < of)
        self.flush()
        return None if self._shown else super().emit(record)


def to_stderr(timezone: str, *, quiet: bool = False, json_lines: bool = False) -> None:
    """Say on standard error what csinsight does, from now on.

    Parameters
    ----------
    timezone : str
        Of the lines' times.
    quiet : bool
        Without a line for each step.
    json_lines : bool
        An object a line, with ``at``, ``level`` and ``message``.

    Examples
    --------
    >>> to_stderr("Asia/Shanghai", quiet=True)
    >>> ROOT.removeHandler(ROOT.handlers[-1])
    """
    for earlier in [h for h in ROOT.handlers if isinstance(h, _Terminal)]:
        ROOT.removeHandler(earlier)
    handler = _Terminal(sys.stderr, bars=not json_lines)
    handler.setFormatter((_JsonLines if json_lines else _Lines)(timezone))
    handler.setLevel(logging.INFO if quiet else logging.DEBUG)
    ROOT.addHandler(handler)
    ROOT.setLevel(logging.DEBUG)


def show_progress() -> None:
    """Show how far a command has come, where somebody watches; its result is on standard output.

    Examples
    --------
    >>> show_progress()
    """
    if sys.stderr.isatty():
        to_stderr("UTC")


@contextmanager
def to_file(folder: Path, timezone: str) -> Iterator[None]:
    r"""Add what csinsight says meanwhile to ``run.log`` in `folder`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with to_file(Path(folder), "Asia/Shanghai"):
    ...         ROOT.info("tables checked")
    ...     (Path(folder) / LOG_FILE).read_text()[25:]
    ' tables checked\n'
    """
    handler = logging.FileHandler(folder / LOG_FILE, encoding="utf-8", delay=True)
    handler.setFormatter(_Lines(timezone))
    level = ROOT.level
    ROOT.addHandler(handler)
    ROOT.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        ROOT.setLevel(level)
        ROOT.removeHandler(handler)
        handler.close()
