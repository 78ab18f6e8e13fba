"""A run's notebooks, executed in order; what is done already is not done again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, TypeAlias

from csinsight.coaching import follow_up
from csinsight.contract import rollouts as lots
from csinsight.contract.disputes import disputes_path
from csinsight.contract.files import sha256, sha256_of
from csinsight.contract.labels import FILE
from csinsight.errors import CsinsightError, KernelError, NotebookError, RunError
from csinsight.params import BUILDS_ON, ENOUGH, RunParams, notebook_params
from csinsight.runs.kernels import Worker, Workers
from csinsight.runs.plan import CARD, Step, told
from csinsight.runs.state import Inputs, Places, RunState, plans_of, source_hash, written

LOG = logging.getLogger(__name__)
#: Who works on what, and what is done once the step has written what others wait for (`ENOUGH`).
_Busy: TypeAlias = dict[Future[Any], tuple[Worker, Step, Future[None]]]


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

    def run(
        self,
        names: Sequence[str],
        sources: Mapping[str, Any],
        steps_of: Callable[[str], Sequence[Step]],
    ) -> None:
        """Execute notebooks, each as soon as what it builds on is there and a kernel is free.

        Parameters
        ----------
        names : sequence of str
        sources : mapping of str to notebook
            By name.
        steps_of : callable
            Gives the steps of a notebook, once what it builds on is there.

        Raises
        ------
        NotebookError
            Where a notebook failed; of agents' cards, only where all did.
        """
        queue = _Queue(names)
        busy: _Busy = {}
        steps: dict[str, Sequence[Step]] = {}
        try:
            while queue.goes_on():
                while ready := queue.ready():
                    for name in ready:
                        steps[name] = steps_of(name)
                        queue.add(name, [s for s in steps[name] if self._is_to_do(s, sources)])
                known = sum(map(len, steps.values()))
                self.count = known + len(names) - len(steps)
                self._begin(queue, busy, sources)
                _hear(queue, busy)
        except CsinsightError:
            wait(busy)  # what has begun beside a step that fails is brought to its end
            never = {step.notebook for step in queue.todo} | set(names) - set(steps)
            if never:
                LOG.error("not tried after that: %s", ", ".join(n for n in names if n in never))
            raise
        self.keys = {step.name: self.keys[step.name] for name in names for step in steps[name]}
        for name in names:
            self._settle(steps[name])

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

    def _is_to_do(self, step: Step, sources: Mapping[str, Any]) -> bool:
        key = self._key(step, sources[step.notebook])
        self.keys[step.name] = key
        if not self.state.is_done(step.name, key):
            return True
        self.state.keep(step.name)
        self.skipped.append(step.name)
        self._say(step, "was done already")
        return False

    def _begin(self, queue: _Queue, busy: _Busy, sources: Mapping[str, Any]) -> None:
        """Give every worker that is free a step, while there are steps."""
        at_work = [worker for worker, *_ in busy.values()]
        for worker in self.workers.take(len(at_work) + len(queue.todo)):
            if worker not in at_work and queue.todo:
                step = queue.todo.pop(0)
                enough: Future[None] = Future()
                one = partial(self._one, worker, step, sources[step.notebook], enough)
                busy[worker.call(one)] = (worker, step, enough)

    def _one(self, worker: Worker, step: Step, source: Any, enough: Future[None]) -> None:
        started = time.monotonic()
        self.state.begin(step.name, self.keys[step.name])
        values = told(step, self.params, self.data, self.state.places.run)
        output = self.state.places.executed(step.name)
        broken: Exception | None = None
        tables = [name for (_, other), name in ENOUGH.items() if other == step.notebook]

        def after_cell() -> None:
            there = written(self.state.places.run, step.name)
            if not enough.done() and all(f"artifacts/{name}.parquet" in there for name in tables):
                enough.set_result(None)

        try:
            worker.execute(source, output, values, step.name, after_cell)
        except Exception as error:
            broken = error
        try:
            self.inputs.check()
        except RunError as error:
            # Also where the notebook failed: it may have read a file that was half written.
            self.state.failed(step.name, str(error))
            raise error from broken
        if broken is not None:
            self._broke(step, source, broken)
            return
        took = time.monotonic() - started
        self.state.done(step.name, took)
        self.executed.append(step.name)
        self._say(step, f"done in {took:.1f} s")

    def _broke(self, step: Step, source: Any, error: Exception) -> None:
        """Note that a step's notebook failed; only an agent's card leaves the rest to be made."""
        why = _why(step, source, error)
        self.state.failed(step.name, why)
        # A full disk is no matter of one agent's.
        if step.notebook != CARD or isinstance(error, OSError):
            raise NotebookError(why, step.notebook) from error
        self.failed[step.name] = why
        LOG.error("%s", why)

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


def also_read(notebook: str, data: Path, places: Places) -> str:
    """Return a hash over what a notebook reads of people's own besides tables and parameters.

    Examples
    --------
    >>> also_read("01_buyer_types", Path("data"), Places(Path("out"), "myshop", "2026-10"))
    ''
    """
    labels = data / FILE
    read = sha256(labels) if labels.is_file() else ""
    if notebook != "05_coaching":
        return read if notebook in ("00_data_check", "03_agent_kpis") else ""
    disputes, rollouts = disputes_path(data), data / lots.FILE
    earlier = follow_up.fingerprint(plans_of(places.run), places.month)
    told = sha256(rollouts) if rollouts.is_file() else ""
    return sha256_of(sha256(disputes) if disputes else "", told, earlier, read)


def _hear(queue: _Queue, busy: _Busy) -> None:
    """Wait until a step ends or has written what others wait for, and note it."""
    waited = [enough for _, step, enough in busy.values() if step.notebook in queue.tables]
    done = wait([*busy, *waited], return_when=FIRST_COMPLETED).done
    for future, (_, step, enough) in list(busy.items()):
        if enough in done:
            queue.written(step.notebook)
        if future in done:
            del busy[future]
            future.result()
            queue.end(step)


class _Queue:
    """Steps of which all they build on is there; first those with the longest chain after them.

    A run can't end before the longest chain of notebooks is gone through. Where one waits for no
    more than a table of another (`ENOUGH`), that table stands in the graph beside the other.
    """

    def __init__(self, names: Sequence[str]) -> None:
        graph: dict[str, set[str]] = {name: set(BUILDS_ON[name]) & set(names) for name in names}
        self.tables: dict[str, str] = {}
        for name, other in ENOUGH:
            if other in graph.get(name, ()):
                self.tables[other] = f"tables of {other}"
                graph[name] = (graph[name] - {other}) | {self.tables[other]}
        graph |= {tables: graph[other] for other, tables in self.tables.items()}
        self._graph = TopologicalSorter(graph)
        self._graph.prepare()
        self._chains = {name: _chain(name, names) for name in names}
        self._left: dict[str, int] = {}
        self.todo: list[Step] = []

    def goes_on(self) -> bool:
        """Tell whether there are notebooks that are not done."""
        return self._graph.is_active()

    def ready(self) -> tuple[str, ...]:
        """Return notebooks that can be executed now and were not returned before."""
        return tuple(n for n in self._graph.get_ready() if n not in self.tables.values())

    def written(self, name: str) -> None:
        """Note that the tables of a notebook that others wait for are there."""
        if name in self.tables:
            self._graph.done(self.tables.pop(name))

    def add(self, name: str, steps: Sequence[Step]) -> None:
        """Add what is to be done of a notebook."""
        self._left[name] = len(steps)
        if not steps:
            self._done(name)
        place = {name: number for number, name in enumerate(self._chains)}
        self.todo += steps
        # Of those that nothing waits for, many short ones come last: they end side by side.
        self.todo.sort(
            key=lambda step: (
                -self._chains[step.notebook],
                step.notebook == CARD,
                place[step.notebook],
            )
        )

    def end(self, step: Step) -> None:
        """Note that a step is done."""
        self._left[step.notebook] -= 1
        if not self._left[step.notebook]:
            self._done(step.notebook)

    def _done(self, name: str) -> None:
        self._graph.done(name)
        self.written(name)


def _chain(name: str, names: Sequence[str]) -> int:
    """Return how many notebooks, one building on another, come after the one called `name`."""
    after = [other for other in names if name in BUILDS_ON[other]]
    return max((1 + _chain(other, names) for other in after), default=0)


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
