"""A run's notebooks, executed in order; what is done already is not done again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from csinsight.contract.write import sha256_of
from csinsight.errors import KernelError, NotebookError, RunError
from csinsight.params import BUILDS_ON, RunParams, notebook_params
from csinsight.runs.coaching_files import also_read
from csinsight.runs.kernels import Worker, Workers
from csinsight.runs.plan import CARD, Step, told
from csinsight.runs.state import Inputs, RunState, source_hash

LOG = logging.getLogger(__name__)


@dataclass
class Execution:
    """The notebooks of one run: what was executed, what was done already, what failed.

    Parameters
    ----------
    data : Path
    params : RunParams
    state : RunState
        Told of every step.
    inputs : Inputs
        The shop's files, looked at after every step.
    workers : Workers
        The kernels.
    count : int
        How many steps there will be, as far as is known.
    steps : list of Step
        Those that are done, in order.
    executed, skipped : list of str
        Names of the steps that were run, and of those done already.
    failed : dict of str to str
        By name of a step, why an agent's card could not be made.
    gone : list of Step
        The steps of those cards, in order.
    keys : dict of str to str
        By step, a hash over all that it depends on.
    """

    data: Path
    params: RunParams
    state: RunState
    inputs: Inputs
    workers: Workers
    count: int = 0
    steps: list[Step] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    gone: list[Step] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def run(self, steps: Sequence[Step], sources: Mapping[str, Any]) -> None:
        """Execute steps of which none builds on another, as many at a time as there are kernels.

        Parameters
        ----------
        steps : sequence of Step
        sources : mapping of str to notebook
            By name of the notebook.

        Raises
        ------
        NotebookError
            Where a notebook failed; of agents' cards, only where all did.
        """
        todo: SimpleQueue[Step] = SimpleQueue()
        for step in steps:
            key = self._key(step, sources[step.notebook])
            self.keys[step.name] = key
            if self.state.is_done(step.name, key):
                self.state.keep(step.name)
                self.skipped.append(step.name)
                self._say(step, "was done already")
            else:
                todo.put(step)
        busy = self.workers.take(todo.qsize())
        futures = [worker.call(partial(self._drain, worker, todo, sources)) for worker in busy]
        wait(futures)  # what has begun beside a step that fails is brought to its end
        for future in futures:
            future.result()
        self._settle(steps)

    @property
    def finished(self) -> int:
        """How many steps are behind us."""
        return len(self.executed) + len(self.skipped) + len(self.failed)

    def _settle(self, steps: Sequence[Step]) -> None:
        gone = [step for step in steps if step.name in self.failed]
        if gone and len(gone) == sum(step.notebook == CARD for step in steps):
            # Not an agent's data then, but the notebook itself.
            raise NotebookError(self.failed[gone[0].name], gone[0].notebook)
        self.gone += gone
        self.steps += [step for step in steps if step.name not in self.failed]

    def _drain(self, worker: Worker, todo: SimpleQueue[Step], sources: Mapping[str, Any]) -> None:
        while True:
            try:
                step = todo.get_nowait()
            except Empty:
                return
            try:
                self._one(worker, step, sources[step.notebook])
            except BaseException:
                with suppress(Empty):
                    while True:  # the run has failed: nothing more is begun
                        todo.get_nowait()
                raise

    def _one(self, worker: Worker, step: Step, source: Any) -> None:
        started = time.monotonic()
        self.state.begin(step.name, self.keys[step.name])
        values = told(step, self.params, self.data, self.state.places.run)
        output = self.state.places.executed(step.name)
        try:
            worker.execute(source, output, values, step.name)
        except Exception as error:
            why = _why(step, source, error)
            self.state.failed(step.name, why)
            # A full disk is no matter of one agent's.
            if step.notebook != CARD or isinstance(error, OSError):
                raise NotebookError(why, step.notebook) from error
            self.failed[step.name] = why
            LOG.error("%s", why)
            return
        try:
            self.inputs.check()
        except RunError as error:
            self.state.failed(step.name, str(error))
            raise
        took = time.monotonic() - started
        self.state.done(step.name, took)
        self.executed.append(step.name)
        self._say(step, f"done in {took:.1f} s")

    def _say(self, step: Step, what: str) -> None:
        far = {"done": self.finished, "of": self.count}
        LOG.debug("%s %s: %s %s", self.params.shop, self.params.month, step.name, what, extra=far)

    def _key(self, step: Step, source: Any) -> str:
        wanted = BUILDS_ON[step.notebook]
        upstream = [key for name, key in sorted(self.keys.items()) if name in wanted]
        cells = [(cell.cell_type, cell["id"], cell.source) for cell in source.cells]
        values = {**notebook_params(self.params, step.notebook), **step.extra}
        return sha256_of(
            source_hash(),
            json.dumps(self.state.values["inputs"], sort_keys=True),
            json.dumps(cells, ensure_ascii=False),
            json.dumps(values, ensure_ascii=False, sort_keys=True),
            also_read(step.notebook, self.data, self.state.places),
            *upstream,
        )


def _why(step: Step, source: Any, error: Exception) -> str:
    """Return which notebook failed, in which cell, and why, in two lines."""
    cell = getattr(error, "cell", None)
    if cell is None:
        kind = "" if isinstance(error, KernelError) else f"{type(error).__name__}: "
        return f"{step.name}: {kind}{error}"
    numbers = [n for n, known in enumerate(source.cells, start=1) if known["id"] == cell["id"]]
    where = f"cell {numbers[0]}" if numbers else "the cell of parameters"
    first = cell.source.strip().split("\n")[0]
    if isinstance(error, KernelError):
        again = f"{error}, {error.seconds:.0f} s after it was given this cell; a new one did too"
        return f"{step.name}: {where} was not done (`{first}`)\n{again}"
    return f"{step.name}: {where} failed (`{first}`)\n{error}"
