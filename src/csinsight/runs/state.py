"""What a run has done so far: ``run.json``, step by step, so that the next one can go on.

Which runs there have been, and how each ended.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from csinsight import __version__
from csinsight.contract.schema import TABLES
from csinsight.contract.write import DRAFT, sha256, sha256_of, write_text
from csinsight.engine import table_path
from csinsight.errors import LockedError
from csinsight.params import RunParams

RUN_FILE: Final = "run.json"
HISTORY_FILE: Final = "history.jsonl"


@dataclass(frozen=True)
class Places:
    """The folders of one month: everything lies under `out`."""

    out: Path
    shop: str
    month: str

    @property
    def run(self) -> Path:
        """Tables, executed notebooks and ``run.json``."""
        return self.out / "runs" / self.shop / self.month

    @property
    def staging(self) -> Path:
        """Where the pages are made before they are published."""
        return self.run / "report.new"

    @property
    def shop_reports(self) -> Path:
        """All months' reports of the shop."""
        return self.out / "reports" / self.shop

    @property
    def report(self) -> Path:
        """The month's report."""
        return self.shop_reports / self.month

    @property
    def history(self) -> Path:
        """One line for each start and end of a run of the shop."""
        return self.out / "runs" / self.shop / HISTORY_FILE

    def executed(self, step: str) -> Path:
        """Return where the executed notebook of `step` lies."""
        return self.run / "notebooks" / f"{step}.ipynb"


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends.

    Raises
    ------
    LockedError
        Where another process holds it, unless told to wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"{path.parent}: another run is at work here; wait for it to end"
            ) from error
        yield


def input_hashes(data: Path) -> dict[str, str]:
    """Return the SHA-256 of every contract table's file in `data`, by file name."""
    paths = [table_path(data, name) for name in TABLES]
    return {path.name: sha256(path) for path in paths if path is not None}


@cache
def source_hash() -> str:
    """Return one hash over the package's own files, which changes when any result may."""
    package = Path(__file__).resolve().parents[1]
    roots = [package, *_shared_params(package)]
    kinds = {".py", ".yml", ".j2", ".css", ".json", ".otf"}
    files = sorted(p for root in roots for p in root.rglob("*") if p.suffix in kinds)
    return sha256_of(__version__, *(f"{path.name} {sha256(path)}" for path in files))


def _shared_params(package: Path) -> list[Path]:
    # In a wheel they lie inside the package.
    folder = package.parents[1] / "params"
    return [folder] if folder.is_dir() and not (package / "_share").is_dir() else []


class RunState:
    """The contents of ``run.json``, written whole after every change."""

    def __init__(self, places: Places, params: RunParams, inputs: dict[str, str]) -> None:
        self.places = places
        self._path = places.run / RUN_FILE
        self._lock = threading.RLock()
        earlier = _read_json(self._path)
        self._earlier_steps: dict[str, Any] = earlier.get("steps", {})
        self.checked: str = earlier.get("checked", "")
        self.values: dict[str, Any] = {
            "version": __version__,
            "source": source_hash(),
            "shop": places.shop,
            "month": places.month,
            "status": "running",
            "started_at": _now(),
            "params": params.model_dump(mode="json"),
            "inputs": inputs,
            "checked": self.checked,
            "left_out": {},
            "failed": {},
            "steps": {},
        }

    def is_done(self, step: str, key: str) -> bool:
        """Tell whether `step` was done with the same `key` and its outputs are as it left them."""
        earlier = self._earlier_steps.get(step, {})
        outputs: dict[str, str] = earlier.get("outputs", {})
        if earlier.get("status") != "done" or earlier.get("key") != key or not outputs:
            return False
        paths = {self.places.run / name: digest for name, digest in outputs.items()}
        return all(path.is_file() and sha256(path) == digest for path, digest in paths.items())

    def keep(self, step: str) -> None:
        """Take over what an earlier run wrote of `step`."""
        self.values["steps"][step] = self._earlier_steps[step] | {"skipped": True}
        self.save()

    def forget(self, notebooks: Iterable[str]) -> None:
        """Remove what earlier runs wrote of `notebooks`, so that none takes it for this run's."""
        gone = tuple(notebooks)
        for step in [name for name in self._earlier_steps if name.startswith(gone)]:
            entry = self._earlier_steps.pop(step)
            for name in {*entry.get("outputs", {}), *_written(self.places.run, step)}:
                (self.places.run / name).unlink(missing_ok=True)

    def begin(self, step: str, key: str) -> None:
        """Note that `step` has started, and forget what it had written."""
        with self._lock:
            self.values["steps"][step] = {"status": "running", "key": key}
        for name in ("outputs", "facts"):
            suffix = "txt" if name == "outputs" else "json"
            (self.places.run / name / f"{step}.{suffix}").unlink(missing_ok=True)
        self.save()

    def done(self, step: str, seconds: float) -> None:
        """Note that `step` has ended, with the fingerprints of what it wrote."""
        names = {f"notebooks/{step}.ipynb", *_written(self.places.run, step)}
        outputs = {name: sha256(self.places.run / name) for name in sorted(names)}
        entry = self.values["steps"][step]
        entry |= {"status": "done", "seconds": round(seconds, 2), "outputs": outputs}
        self.save()

    def failed(self, step: str, why: str) -> None:
        """Note that `step` has failed."""
        self.values["steps"][step] |= {"status": "failed", "error": why}
        self.save()

    def end(self, status: str, why: str = "") -> None:
        """Note how the run has ended."""
        self.values |= {"status": status, "ended_at": _now()}
        if why:
            self.values["error"] = why
        self.save()

    def save(self) -> None:
        """Write ``run.json``; steps of an earlier run that are still to come stay known."""
        # Several workers report to it.
        with self._lock:
            steps = self._earlier_steps | self.values["steps"]
            values = self.values | {"steps": dict(sorted(steps.items()))}
            write_text(self._path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")

    def note(self, event: str, **more: Any) -> None:
        """Add a line to the shop's history."""
        line = {"event": event, "at": _now(), "month": self.places.month, **more}
        self.places.history.parent.mkdir(parents=True, exist_ok=True)
        with self.places.history.open("a", encoding="utf-8") as file:
            # A line that a full disk cut short must not take this one with it.
            file.write("\n" + json.dumps(line, ensure_ascii=False) + "\n")


def clear_leavings(places: Places) -> None:
    """Remove what an earlier run made and did not finish: pages, and drafts of files.

    Only while holding the month's lock.
    """
    shutil.rmtree(places.staging, ignore_errors=True)
    for draft in places.run.rglob(f".*{DRAFT}"):
        draft.unlink(missing_ok=True)


def _written(run: Path, step: str) -> list[str]:
    path = run / "outputs" / f"{step}.txt"
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


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
