"""What runs have done: ``run.json``, step by step, so that the next can go on; their history."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from filelock import FileLock, Timeout
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from csinsight import __version__
from csinsight.coaching.follow_up import FOLDER
from csinsight.contract.disputes import disputes_path
from csinsight.contract.files import (
    DRAFT,
    SETTINGS,
    parts,
    sha256,
    sha256_of,
    table_path,
    write_text,
)
from csinsight.contract.labels import FILE as LABELS_FILE
from csinsight.contract.rollouts import FILE as ROLLOUT_FILE
from csinsight.contract.schema import TABLES
from csinsight.contract.set_aside import ASIDE
from csinsight.errors import ConfigError, LockedError, RunError
from csinsight.params import Lang, RunParams, is_month
from csinsight.views.study import KPIS

LOG = logging.getLogger(__name__)
RUN_FILE: Final = "run.json"
REPORT_FILE: Final = "report.json"
#: What becomes of a month whose ``report.json`` is broken.
NOT_LISTED: Final = "the month is left out of lists until it is made anew"
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
def locked(path: Path, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends.

    Parameters
    ----------
    path : Path
    seconds : float
        How long to wait for another process that holds it.

    Raises
    ------
    LockedError
        Where another process still holds it then.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, locked(Path(folder) / ".lock"):
    ...     (Path(folder) / ".lock").exists()
    True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{path.parent}: another run is at work here; wait for it to end"
        ) from error
    try:
        yield
    finally:
        lock.release()


class Inputs:
    """The shop's files, held to what they were when the run began.

    Parameters
    ----------
    data : Path
        Folder of the contract tables.

    Raises
    ------
    RunError
        Where a file changes while it is read.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._seen = self._stats()
        #: By file name, the SHA-256 of every file of the shop that a run reads.
        self.hashes = {self._name(path): sha256(path) for path in self._paths()}
        self.check()

    def check(self) -> None:
        """Hold the files to what they were.

        Raises
        ------
        RunError
            Naming those that were changed, removed or added since.
        """
        now = self._stats()
        if now == self._seen:
            return
        # Touched is not changed: only where the file's dates differ is it read again.
        differ = {name for name in now | self._seen if now.get(name) != self._seen.get(name)}
        paths = {name: path for path in self._paths() if (name := self._name(path)) in differ}
        changed = [
            name
            for name in sorted(differ)
            if name not in paths or _hash(paths[name]) != self.hashes.get(name)
        ]
        if changed:
            raise RunError(
                f"{self._data}: {', '.join(changed)} changed while the run was reading it; nothing "
                "of this run was published. Run again when nothing writes there any more"
            )
        self._seen = now

    def _paths(self) -> list[Path]:
        tables = [table_path(self._data, name) for name in TABLES]
        found = [part for path in tables if path is not None for part in parts(path)]
        own = (*SETTINGS, ASIDE, LABELS_FILE, ROLLOUT_FILE)
        beside = [self._data / name for name in own]
        disputes = disputes_path(self._data)
        found += [path for path in beside if path.is_file()]
        return [*found, *([disputes] if disputes is not None else [])]

    def _name(self, path: Path) -> str:
        """Return a file by its place in the shop's folder: parts of two tables may share a name."""
        return path.relative_to(self._data).as_posix()

    def _stats(self) -> dict[str, tuple[int, ...]]:
        stats = {}
        for path in self._paths():
            with suppress(FileNotFoundError):  # removed since its folder was looked at
                stats[self._name(path)] = path.stat()
        # The time of the last change of the file itself can't be set back, unlike its other dates.
        return {n: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for n, s in stats.items()}


def _hash(path: Path) -> str:
    """Return a file's hash, and none of one that is gone meanwhile."""
    with suppress(FileNotFoundError):
        return sha256(path)
    return ""


def _stays_inside(name: str) -> str:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError("a step writes into the folder of its run only")
    return name


class StepState(BaseModel):
    """A step in ``run.json``."""

    model_config = ConfigDict(extra="allow")

    status: str = ""
    key: str = ""
    outputs: dict[Annotated[str, AfterValidator(_stays_inside)], str] = {}


class RunFile(BaseModel):
    """What is read again of ``run.json``."""

    model_config = ConfigDict(extra="allow")

    status: str = ""
    run_id: str = ""
    checked: str = ""
    data: str = ""
    params: dict[str, Any] = {}
    steps: dict[str, StepState] = {}


def params_and_tables(run: Path, data: Path | None = None) -> tuple[RunParams, Path]:
    """Return what a run was told and where its shop's tables lie: `data`, if told, else its own.

    Raises
    ------
    ConfigError
        Where `run` is no run's folder, its ``run.json`` is broken, or the tables have gone.

    Examples
    --------
    >>> params_and_tables(Path("no", "such"))
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: no/such: is no run's folder; --run takes runs/SHOP/MONTH
    """
    file = run / RUN_FILE
    if not file.is_file():
        raise ConfigError(f"{run}: is no run's folder; --run takes runs/SHOP/MONTH")
    state = read_state(file, RunFile, "make the month anew with csinsight run")
    try:
        params = RunParams.model_validate(state.params if state else None)
    except ValidationError as error:
        raise ConfigError(f"{file}: is broken; make the month anew with csinsight run") from error
    # A run of an earlier version did not keep where its tables lay.
    tables = data or Path((state.data if state else "") or "its tables")
    if not tables.is_dir():
        raise ConfigError(f"{tables}: is no longer there; say --data with the shop's tables")
    return params, tables


Model = TypeVar("Model", bound=BaseModel)


def read_state(path: Path, model: type[Model], mend: str) -> Model | None:
    """Return a file that an earlier run wrote; None where there is none, or it is broken.

    Parameters
    ----------
    path : Path
    model : type of pydantic.BaseModel
    mend : str
        What becomes of it where it is broken, said in the log.

    Examples
    --------
    >>> read_state(Path("nowhere/run.json"), RunFile, "the month is made anew") is None
    True
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        LOG.warning("%s can't be read (%s): %s", path, error.strerror, mend)
        return None
    return parse_state(data, str(path), model, mend)


def parse_state(data: bytes, where: str, model: type[Model], mend: str) -> Model | None:
    """Return the contents of such a file, as `read_state`; `where` names it.

    Examples
    --------
    >>> parse_state(b'{"shop": "s", "lang": "zh"}', "report.json", ReportFile, "left out").shop
    's'
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        LOG.warning("%s is broken (%s): %s", where, error.errors()[0]["msg"], mend)
        return None


class ReportFile(BaseModel):
    """``report.json``: what a published month says of itself."""

    model_config = ConfigDict(extra="allow")

    key: str = ""
    shop: str
    title: str = ""
    currency: str = "CNY"
    lang: Lang
    run_id: str = ""
    finding: str = ""
    facts: dict[str, Any] = {}
    pages: dict[str, str] = {}

    @field_validator("facts")
    @classmethod
    def _kpis_are_numbers(cls, facts: dict[str, Any]) -> dict[str, Any]:
        kpis = TypeAdapter(dict[str, list[float]]).validate_python(facts.get(KPIS, {}))
        return facts | {KPIS: kpis} if KPIS in facts else facts


def read_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what each finished month under `folder` says of itself, oldest first.

    Other folders there, and months whose ``report.json`` is broken, are left out.

    Examples
    --------
    >>> read_reports(Path("nowhere"))
    {}
    """
    if not folder.is_dir():
        return {}
    names = sorted(path.name for path in folder.iterdir() if is_month(path.name))
    found = {n: read_state(folder / n / REPORT_FILE, ReportFile, NOT_LISTED) for n in names}
    return {name: told.model_dump() for name, told in found.items() if told}


@cache
def source_hash() -> str:
    """Return one hash over the package's own files, which changes when any result may.

    Examples
    --------
    >>> len(source_hash())
    64
    """
    package = Path(__file__).resolve().parents[1]
    # In a wheel they lie inside the package.
    folder = package.parents[1] / "params"
    roots = [package, *([folder] if folder.is_dir() and not (package / "_share").is_dir() else [])]
    kinds = {".py", ".yml", ".j2", ".css", ".json", ".otf"}
    files = sorted(p for root in roots for p in root.rglob("*") if p.suffix in kinds)
    return sha256_of(__version__, *(f"{path.name} {sha256(path)}" for path in files))


class RunState:
    """The contents of ``run.json``, written whole after every change."""

    def __init__(self, places: Places, params: RunParams, inputs: dict[str, str]) -> None:
        self.places = places
        self._zone = ZoneInfo(params.timezone)
        self._path = places.run / RUN_FILE
        self._lock = threading.RLock()
        earlier = read_state(self._path, RunFile, "this month is made anew") or RunFile()
        self._earlier_steps = {n: step.model_dump() for n, step in earlier.steps.items()}
        self.checked = earlier.checked
        self.values: dict[str, Any] = {
            "version": __version__,
            "source": source_hash(),
            "shop": places.shop,
            "month": places.month,
            "status": "running",
            "started_at": self._now(),
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
            for name in {*entry.get("outputs", {}), *written(self.places.run, step)}:
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
        names = {f"notebooks/{step}.ipynb", *written(self.places.run, step)}
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
        self.values |= {"status": status, "ended_at": self._now()}
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

    def _now(self) -> str:
        """Return the time in the shop's zone."""
        return datetime.now(self._zone).isoformat(timespec="seconds")

    def note(self, event: str, **more: Any) -> None:
        """Add a line to the shop's history."""
        line = {"event": event, "at": self._now(), "month": self.places.month, **more}
        self.places.history.parent.mkdir(parents=True, exist_ok=True)
        with self.places.history.open("a", encoding="utf-8") as file:
            # A line that a full disk cut short must not take this one with it.
            file.write("\n" + json.dumps(line, ensure_ascii=False) + "\n")


def clear_leavings(places: Places) -> None:
    """Remove what an earlier run made and did not finish: pages, and drafts of files.

    Only while holding the month's lock.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     places = Places(Path(folder), "myshop", "2026-10")
    ...     places.staging.mkdir(parents=True)
    ...     clear_leavings(places)
    ...     places.staging.exists()
    False
    """
    shutil.rmtree(places.staging, ignore_errors=True)
    for draft in places.run.rglob(f".*{DRAFT}"):
        draft.unlink(missing_ok=True)


def written(run: Path, step: str) -> list[str]:
    """Return the files that a step has written so far, by their names in the run's folder.

    Examples
    --------
    >>> written(Path("no", "such"), "01_buyer_types")
    []
    """
    path = run / "outputs" / f"{step}.txt"
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []


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


def plans_of(run: Path) -> Path:
    """Return the store of a shop's plans, from the folder of one of its runs.

    Examples
    --------
    >>> plans_of(Path("runs/myshop/2026-10")).as_posix()
    'runs/myshop/plans'
    """
    return run.parent / FOLDER
