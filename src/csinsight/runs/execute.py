"""A run's notebooks, executed in order; what is done already is not done again.

Kernels that a run's notebooks are executed in: the running interpreter's own, over IPC.

A user's kernel specs are not asked, ports are not used, and start-up files of the user's IPython
are not read. A worker keeps its kernel for many notebooks, because importing the package takes
longer than most notebooks; the name space is emptied before each.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from csinsight.contract.write import sha256_of
from csinsight.errors import NotebookError
from csinsight.params import RunParams, notebook_params
from csinsight.runs.coaching_files import also_read
from csinsight.runs.plan import CARD, Step, told
from csinsight.runs.state import RunState, source_hash


@dataclass
class Execution:
    """The notebooks of one run: what was executed, what was done already, what failed.

    Parameters
    ----------
    data : Path
    params : RunParams
    state : RunState
        Told of every step.
    workers : Workers
        The kernels.
    bar : tqdm
        Moved on by one for each step.
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
    workers: Workers
    bar: Any
    steps: list[Step] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    gone: list[Step] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def run(self, steps: Sequence[Step], source: Any) -> None:
        """Execute the steps of one notebook, `source`, as many at a time as there are kernels.

        Raises
        ------
        NotebookError
            Where a notebook failed; of agents' cards, only where all did.
        """
        upstream = [key for name, key in self.keys.items() if not name.startswith(CARD)]
        todo: SimpleQueue[Step] = SimpleQueue()
        for step in steps:
            key = self._key(step, source, upstream)
            self.keys[step.name] = key
            if self.state.is_done(step.name, key):
                self.state.keep(step.name)
                self.skipped.append(step.name)
                self.bar.update()
            else:
                todo.put(step)
        busy = self.workers.take(todo.qsize())
        futures = [worker.call(partial(self._drain, worker, todo, source)) for worker in busy]
        for future in futures:
            self.bar.set_description(steps[0].notebook)
            future.result()
        self._settle(steps)

    def _settle(self, steps: Sequence[Step]) -> None:
        gone = [step for step in steps if step.name in self.failed]
        if gone and len(gone) == len(steps):
            # Not an agent's data then, but the notebook itself.
            raise NotebookError(self.failed[gone[0].name], gone[0].notebook)
        self.gone += gone
        self.steps += [step for step in steps if step.name not in self.failed]

    def _drain(self, worker: Worker, todo: SimpleQueue[Step], source: Any) -> None:
        while True:
            try:
                step = todo.get_nowait()
            except Empty:
                return
            self._one(worker, step, source)
            self.bar.update()

    def _one(self, worker: Worker, step: Step, source: Any) -> None:
        started = time.monotonic()
        self.state.begin(step.name, self.keys[step.name])
        values = told(step, self.params, self.data, self.state.places.run)
        output = self.state.places.executed(step.name)
        try:
            worker.execute(copy.deepcopy(source), output, values, step.name)
        except Exception as error:
            why = _why(step, source, error)
            self.state.failed(step.name, why)
            # A full disk is no matter of one agent's.
            if step.notebook != CARD or isinstance(error, OSError):
                raise NotebookError(why, step.notebook) from error
            self.failed[step.name] = why
            return
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
            also_read(step.notebook, self.data, self.state.places),
            *upstream,
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


ENGINE: Final = "csinsight"
_EMPTY: Final = "get_ipython().reset(new_session=True, aggressive=False)"
_BEGIN: Final = "import csinsight.views.study as _s; _s.begin({step!r}); del _s"


class Worker:
    """A thread with a kernel of its own, which executes one notebook after another."""

    def __init__(self) -> None:
        # A socket's path may be 107 bytes long, so it can't lie under a user's folder.
        self._folder = Path(tempfile.mkdtemp(prefix="csi-"))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="csinsight")
        self._manager: Any = None

    def submit(self, notebook: Any, output: Path, params: dict[str, Any], step: str) -> Future[Any]:
        """Execute `notebook` with `params`, writing it with its outputs to `output`."""
        return self._thread.submit(self._execute, notebook, output, params, step)

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Run something else in the worker's thread."""
        return self._thread.submit(function)

    def execute(self, notebook: Any, output: Path, params: dict[str, Any], step: str) -> None:
        """Execute at once; only from within the worker's own thread."""
        self._execute(notebook, output, params, step)

    def close(self) -> None:
        """End the kernel, whatever it is doing, and the thread."""
        process = self._process()
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        self._thread.shutdown(wait=True)
        if self._manager is not None:
            self._manager.cleanup_connection_file()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _process(self) -> Any:
        return getattr(getattr(self._manager, "provisioner", None), "process", None)

    def _lives(self) -> bool:
        process = self._process()
        # Before its first notebook a manager has no process yet.
        return process is None or process.poll() is None

    def _execute(self, notebook: Any, output: Path, params: dict[str, Any], step: str) -> None:
        import papermill

        _register_engine()
        if self._manager is not None and not self._lives():
            # A notebook took its kernel with it, as by using up the memory: the next has a new one.
            self._manager.cleanup_connection_file()
            self._manager = None
        if self._manager is None:
            self._manager = _new_manager(self._folder)
        output.parent.mkdir(parents=True, exist_ok=True)
        papermill.execute_notebook(
            notebook,
            # papermill fills names in braces into the path; a shop may be called {x}.
            str(output).replace("{", "{{").replace("}", "}}"),
            parameters=params,
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            km=self._manager,
            step=step,
        )


class Workers:
    """The kernels of a run, started when first needed and ended with the run."""

    def __init__(self) -> None:
        self._all: list[Worker] = []

    def take(self, steps: int) -> list[Worker]:
        """Return as many workers as can be busy with so many steps."""
        count = min(steps, worker_count())
        self._all += [Worker() for _ in range(count - len(self._all))]
        return self._all[:count]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.close()


def _new_manager(folder: Path) -> Any:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        """The running interpreter's own ipykernel, whatever kernel specs are installed."""

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[
                    sys.executable,
                    "-m",
                    "ipykernel_launcher",
                    "-f",
                    "{connection_file}",
                    "--HistoryManager.enabled=False",
                ],
                display_name="csinsight",
                language="python",
                env={"IPYTHONDIR": str(folder), "MPLBACKEND": "agg", "PYTHONHASHSEED": "0"},
            )

    return OwnKernel(
        transport="ipc", ip=str(folder / "k"), connection_file=str(folder / "kernel.json")
    )


def _register_engine() -> None:
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    class OwnEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
        """papermill's engine on a kernel that outlives the notebook."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **told: Any) -> Any:
            client = PapermillNotebookClient(nb_man, km=told["km"], kernel_name=kernel_name)
            client.reset_execution_trackers()
            with client.setup_kernel():
                try:
                    for line in (_EMPTY, _BEGIN.format(step=told["step"])):
                        client.wait_for_reply(client.kc.execute(line, silent=True))
                    client.papermill_execute_cells()
                finally:
                    client.kc.stop_channels()
            return client.nb

    if ENGINE not in papermill_engines._engines:
        papermill_engines.register(ENGINE, OwnEngine)


def worker_count() -> int:
    """Return how many kernels may work at a time: one a processor that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
