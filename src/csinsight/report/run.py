"""A month's report, end to end: check, plan, execute, render, publish."""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pandas as pd

from csinsight.contract.artifacts import AgentKpis
from csinsight.params import NOTEBOOKS, RunParams, notebook_params, shipped
from csinsight.report import site
from csinsight.report.files import sha256_of
from csinsight.report.kernels import Worker, Workers
from csinsight.report.plan import (
    CARD,
    PlanError,
    Step,
    Supply,
    card_steps,
    check_names,
    check_parameters,
    supply,
    told,
    wanted,
)
from csinsight.report.prose import read_notebook
from csinsight.report.publish import publish, recover
from csinsight.report.state import (
    Places,
    RunState,
    clear_staging,
    input_hashes,
    locked,
    source_hash,
)


class ContractError(ValueError):
    """The shop's tables break the contract; `faults` holds every line."""

    def __init__(self, data: Path, faults: Sequence[object]) -> None:
        self.faults = tuple(str(fault) for fault in faults)
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        super().__init__("\n".join([f"{data}: {count}", *self.faults]))


class NotebookError(RuntimeError):
    """A notebook of the run failed; the message says which, in which cell, and why."""


@dataclass(frozen=True)
class RunResult:
    """What a run has come to.

    Parameters
    ----------
    report : Path
        The month's index page.
    run : Path
        Folder with tables, executed notebooks and ``run.json``.
    run_id : str
    left_out : dict of str to str
        By notebook, the reason (a word under ``left_out``).
    executed, skipped : tuple of str
        Steps that were run, and those that were done already.
    published : bool
        False where a part (``--only``) would have replaced a fuller report.
    seconds : float
    """

    report: Path
    run: Path
    run_id: str
    left_out: dict[str, str]
    executed: tuple[str, ...]
    skipped: tuple[str, ...]
    published: bool
    seconds: float


def run_month(
    data: Path,
    params: RunParams,
    out: Path,
    *,
    only: Sequence[str] = (),
    notebooks: Path | None = None,
    progress: bool = True,
) -> RunResult:
    """Make one month's report from the contract tables in `data`.

    Steps that an earlier run did with the same inputs, parameters, notebooks and package are
    not done again. The report appears under ``reports/SHOP/MONTH`` when all has succeeded.

    Parameters
    ----------
    data : Path
        Folder of the contract tables.
    params : RunParams
    out : Path
        Under it, ``runs/`` and ``reports/`` are made.
    only : sequence of str
        Notebooks to make, with what they build on; none for all.
    notebooks : Path, optional
        Folder of the notebooks; those that come with csinsight unless told.
    progress : bool
        Show a bar on standard error.

    Raises
    ------
    ContractError
        Where the tables break the contract.
    PlanError
        Where there is nothing to report on, or a notebook does not fit its parameters.
    LockedError
        Where another run of the month is at work.
    NotebookError
        Where a notebook failed.
    """
    data, out = data.resolve(), out.resolve()
    if not data.is_dir():
        raise PlanError(f"{data}: is not a folder; --data names the folder of the shop's tables")
    places = Places(out, params.shop, params.month)
    asked = check_names(only)
    with locked(places.run / ".lock"):
        recover(places.report)
        clear_staging(places)
        state = RunState(places, params, input_hashes(data))
        run = _Run(data, params, places, state, asked, notebooks or shipped("notebooks"), progress)
        with _noted(state):
            return run.go()


@contextmanager
def _noted(state: RunState) -> Iterator[None]:
    """Keep how the run ended in its state and in the shop's history, whatever ended it."""
    state.note("start")
    state.save()
    try:
        yield
    except BaseException as error:
        why = str(error) or type(error).__name__
        state.end("failed", why)
        state.note("failed", why=why)
        raise
    state.end("done")
    state.note("done", left_out=sorted(state.values["left_out"]))


@dataclass
class _Run:
    data: Path
    params: RunParams
    places: Places
    state: RunState
    only: tuple[str, ...]
    notebooks: Path
    progress: bool
    executed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def go(self) -> RunResult:
        started = time.monotonic()
        self._check_contract()
        have = supply(self.data, self.params)
        left_out = dict(have.left_out)
        names = wanted(self.only, left_out)
        for name in names:
            check_parameters(self._notebook(name), self.params)
        sources = {name: read_notebook(self._notebook(name), self.params.lang) for name in names}
        self.state.values["left_out"] = left_out
        self.state.forget(have.left_out)
        with Workers() as workers, self._bar(len(names)) as bar:
            self._execute_all(names, sources, workers, bar, left_out)
        left_out |= {nb: "not_asked" for nb in NOTEBOOKS if nb not in {*names, *left_out}}
        digest = sha256_of(json.dumps(left_out, sort_keys=True), *self.keys.values())
        run_id = f"{self.params.month}-{digest[:6]}"
        self.state.values |= {"left_out": left_out, "run_id": run_id}
        published = self._publish(have, left_out, run_id, digest)
        return RunResult(
            self.places.report / "index.html",
            self.places.run,
            run_id,
            left_out,
            tuple(step.name for step in self.steps if step.name in self.executed),
            tuple(self.skipped),
            published,
            time.monotonic() - started,
        )

    def _check_contract(self) -> None:
        from csinsight.contract.check import check_folder

        checked = sha256_of(source_hash(), *map(str, self.state.values["inputs"].items()))
        if self.state.checked == checked:
            return
        faults = check_folder(self.data)
        if faults:
            raise ContractError(self.data, faults)
        self.state.values["checked"] = checked

    def _execute_all(
        self,
        names: list[str],
        sources: dict[str, Any],
        workers: Workers,
        bar: Any,
        left_out: dict[str, str],
    ) -> None:
        for name in names:
            steps = self._cards(left_out) if name == CARD else [Step(name, name)]
            bar.total += len(steps) - 1
            self._execute(steps, sources[name], workers, bar)

    def _cards(self, left_out: dict[str, str]) -> list[Step]:
        path = self.places.run / "artifacts" / f"{AgentKpis.NAME}.parquet"
        if not path.is_file():
            left_out[CARD] = "needs_kpis"
            return []
        agents = pd.read_parquet(path, columns=[AgentKpis.AGENT_ID])[AgentKpis.AGENT_ID]
        steps = card_steps(str(agent) for agent in agents.dropna().unique())
        if not steps:
            left_out[CARD] = "needs_agents"
        return steps

    def _execute(self, steps: list[Step], source: Any, workers: Workers, bar: Any) -> None:
        upstream = [key for name, key in self.keys.items() if not name.startswith(CARD)]
        todo: SimpleQueue[Step] = SimpleQueue()
        waiting = 0
        for step in steps:
            key = self._key(step, source, upstream)
            self.keys[step.name] = key
            self.steps.append(step)
            if self.state.is_done(step.name, key):
                self.state.keep(step.name)
                self.skipped.append(step.name)
                bar.update()
            else:
                todo.put(step)
                waiting += 1
        busy = workers.take(waiting)
        futures = [worker.call(partial(self._drain, worker, todo, source)) for worker in busy]
        for future in futures:
            bar.set_description(steps[0].notebook)
            future.result()
        bar.update(waiting)

    def _drain(self, worker: Worker, todo: SimpleQueue[Step], source: Any) -> None:
        while True:
            try:
                step = todo.get_nowait()
            except Empty:
                return
            self._one(worker, step, source)

    def _one(self, worker: Worker, step: Step, source: Any) -> None:
        started = time.monotonic()
        self.state.begin(step.name, self.keys[step.name])
        values = told(step, self.params, self.data, self.places.run)
        output = self.places.executed(step.name)
        try:
            worker.execute(copy.deepcopy(source), output, values, step.name)
        except Exception as error:
            why = _why(step, source, error)
            self.state.failed(step.name, why)
            raise NotebookError(why) from error
        self.state.done(step.name, time.monotonic() - started)
        self.executed.append(step.name)

    def _key(self, step: Step, source: Any, upstream: list[str]) -> str:
        cells = [(cell.cell_type, cell["id"], cell.source) for cell in source.cells]
        values = {**notebook_params(self.params, step.notebook), **step.extra}
        return sha256_of(
            source_hash(),
            json.dumps(self.state.values["inputs"], sort_keys=True),
            json.dumps(cells, ensure_ascii=False),
            json.dumps(values, ensure_ascii=False, sort_keys=True),
            *upstream,
        )

    def _publish(self, have: Supply, left_out: dict[str, str], run_id: str, digest: str) -> bool:
        month = site.Month(
            self.params, self.places, self.steps, left_out, have.covers, run_id, digest
        )
        if site.is_current(month):
            return True
        if self.only and site.would_lose_pages(month):
            return False
        site.write_month(month)
        with locked(self.places.history.with_name(".publish.lock"), wait=True):
            publish(self.places.staging, self.places.report)
            site.write_shop_index(self.places, self.params.lang)
        return True

    def _notebook(self, name: str) -> Path:
        path = self.notebooks / f"{name}.ipynb"
        if not path.is_file():
            raise PlanError(f"{path}: there is no such notebook; install csinsight again")
        return path

    def _bar(self, total: int) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            disable=not self.progress,
            file=sys.stderr,
            leave=False,
            bar_format="{desc:<24} {bar:24} {n_fmt}/{total_fmt} {elapsed}",
        )


def _why(step: Step, source: Any, error: Exception) -> str:
    """Return which notebook failed, in which cell, and why, in two lines."""
    cell_source = getattr(error, "source", None)
    if cell_source is None:
        return f"{step.name}: its kernel ended: {type(error).__name__}: {error}"
    numbers = [n for n, cell in enumerate(source.cells, start=1) if cell.source == cell_source]
    where = f"cell {numbers[0]}" if numbers else "the cell of parameters"
    first = cell_source.strip().split("\n")[0]
    ename, evalue = getattr(error, "ename", ""), getattr(error, "evalue", "")
    return f"{step.name}: {where} failed (`{first}`)\n{ename}: {evalue}"
