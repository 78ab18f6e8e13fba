"""Kernels that a run's notebooks are executed in: the running interpreter's own, over IPC.

A user's kernel specs are not asked, ports are not used, and start-up files of the user's IPython
are not read. A worker keeps its kernel for many notebooks, because importing the package takes
longer than most notebooks; the name space is emptied before each.

Nothing waits for ever. A kernel has `Limits.start` seconds to start and `Limits.notebook` to
execute a notebook; one that ends, that no longer answers, or that owes an answer while it is idle
(seen: on a loaded machine a reply was lost) is ended, and the notebook is executed once more on a
new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import nbformat
import zmq

from csinsight.contract.files import write_text
from csinsight.engine import lent
from csinsight.errors import CellError, KernelError
from csinsight.views.study import STEP_VARIABLE

LOG = logging.getLogger(__name__)
#: What a kernel is started with; ``{connection_file}`` is filled in by jupyter_client.
COMMAND: Final = [
    sys.executable,
    "-m",
    "ipykernel_launcher",
    "-f",
    "{connection_file}",
    "--HistoryManager.enabled=False",
]
#: What takes longest to import is there before the first notebook.
_PREPARE: Final = "import csinsight.views.study"
_BEGIN: Final = """get_ipython().reset(new_session=True, aggressive=False)
import os as _os; _os.environ[{name!r}] = {step!r}; del _os"""
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: A kernel that is idle has this long to answer what it is asked.
_ANSWER_SECONDS: Final = 5.0
#: So many looks in a row that find a kernel unwell over one cell make it so.
_LOOKS: Final = 3
#: How often a kernel that starts or works is looked at: whoever ends it waits no longer.
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Limits:
    """How long a kernel may take.

    Parameters
    ----------
    start, notebook : float
        Seconds until a new kernel answers, and until a notebook is executed.
    silence : float
        A kernel that owes an answer is looked at each so many seconds; found idle or without a
        heartbeat `_LOOKS` times in a row, all of them over one and the same cell, its answer is
        taken for lost. On a loaded machine our own side may be the one that is late.
    """

    start: float
    notebook: float
    silence: float = 15.0


class _Kernel:
    """A process that executes cells, what we talk to it with, and the loop that both live in."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.Runner()
        self._manager = _manager(folder)
        self._client: Any = None
        self._asked = 0

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self._loop.run(self._start())

    def execute(self, notebook: Any, step: str, after_cell: Callable[[], None]) -> None:
        """Execute the cells of `notebook`, from an empty name space on; outputs are put into it."""
        self._loop.run(self._execute(notebook, step, after_cell))

    def kill(self) -> None:
        """End the process and its children, whatever they are doing; from any thread."""
        process = getattr(self._manager.provisioner, "process", None)
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
            process.wait(_ANSWER_SECONDS)

    def close(self) -> None:
        """End the process and forget it; only from the thread that used it."""
        self.kill()
        self._loop.run(self._stop())
        self._loop.close()
        self._manager.cleanup_connection_file()

    async def _stop(self) -> None:
        if self._client is not None:
            self._client.stop_channels()

    async def _start(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.start):
                await self._manager.start_kernel()
                self._client = self._manager.client()
                self._client.start_channels()
                await self._while_alive(self._client.wait_for_ready())
                await self._while_alive(self._client.execute(_PREPARE, silent=True, reply=True))
        except (TimeoutError, RuntimeError) as error:
            took = time.monotonic() - began
            why = f": {error}" if str(error) else ""
            raise KernelError(
                f"its kernel did not start within {took:.0f} s (`kernel_start_seconds`){why}"
            ) from error

    async def _while_alive(self, work: Awaitable[Any]) -> None:
        """Wait for an answer of the process no longer than it lives: it may be ended meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_LOOK_SECONDS)
                code = self._manager.provisioner.process.poll()
                if code is not None and not task.done():
                    raise RuntimeError(f"it ended (exit code {code})")
        finally:
            task.cancel()
        task.result()

    async def _execute(self, notebook: Any, step: str, after_cell: Callable[[], None]) -> None:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError

        client = NotebookClient(
            notebook, km=self._manager, iopub_timeout=60, raise_on_iopub_timeout=True
        )
        client.kc = self._client
        watch = asyncio.create_task(self._unwell())
        end = time.monotonic() + self._limits.notebook
        self._asked += 1
        try:
            told = self._client.execute(
                _BEGIN.format(name=STEP_VARIABLE, step=step), silent=True, reply=True
            )
            await self._within(end, watch, told)
            for number, cell in enumerate(notebook.cells):
                began, count = time.monotonic(), client.code_cells_executed + 1
                self._asked += 1
                try:
                    await self._within(end, watch, client.async_execute_cell(cell, number, count))
                except CellExecutionError as error:
                    raise CellError(cell, f"{error.ename}: {error.evalue}") from error
                except KernelError as error:
                    raise KernelError(str(error), cell, time.monotonic() - began) from error
                after_cell()
            client.set_widgets_metadata()
        finally:
            watch.cancel()

    async def _within(self, end: float, watch: asyncio.Task[str], work: Awaitable[Any]) -> None:
        """Wait for `work`, but not beyond `end`, and not on a kernel that is not well."""
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        task = asyncio.ensure_future(work)
        while not (task.done() or watch.done()) and (left := end - time.monotonic()) > 0:
            await asyncio.wait(
                {task, watch}, timeout=min(left, _LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            # A socket rings once, when what it holds is first noticed, and sending on it notices
            # too: what a widget sends while we are late would leave an answer unread for ever.
            self._client.shell_channel.socket.get(zmq.EVENTS)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_ANSWER_SECONDS)
            if task.done() and not task.cancelled():
                task.exception()  # seen: it is what the cancelling came to
            late = f"took over {self._limits.notebook:.0f} s (`notebook_seconds`)"
            raise KernelError(watch.result() if watch.done() else late)
        try:
            task.result()
        except (DeadKernelError, CellTimeoutError) as error:
            code = self._manager.provisioner.process.poll()
            raise KernelError(f"its kernel ended (exit code {code})") from error

    async def _unwell(self) -> str:
        """Return what is wrong with the kernel, once it was found so again and again."""
        found, times = (0, ""), 0
        while True:
            await asyncio.sleep(self._limits.silence)
            asked = self._asked
            now = (asked, await self._complaint())
            # What was asked while we looked is not what was looked at.
            times = times + 1 if now == found and asked == self._asked else 1
            found = now
            if now[1] and asked == self._asked and times >= _LOOKS:
                return now[1]

    async def _complaint(self) -> str:
        if not self._client.hb_channel.is_beating():
            return "its kernel no longer answers"
        # A kernel takes what it is asked on this channel one after another: while it executes a
        # cell it does not answer here, so that one which does owes an answer that was lost.
        session = self._manager.session.clone()
        session.session = f"{session.session}-probe"  # by this name answers find their way
        probe = self._manager.client(session=session)
        probe.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            await probe.kernel_info(reply=True, timeout=min(_ANSWER_SECONDS, self._limits.silence))
        except TimeoutError:
            return ""
        finally:
            probe.stop_channels()
        return "its kernel is idle, and its answer was lost"


class Worker:
    """A thread with a kernel of its own, which executes one notebook after another."""

    def __init__(self, limits: Limits) -> None:
        # A socket's path may be 107 bytes long, so it can't lie under a user's folder.
        self._folder = Path(tempfile.mkdtemp(prefix="csi-"))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="csinsight")
        self._limits = limits
        self._kernel: _Kernel | None = None
        self._closing = False

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Run `function` in the worker's thread."""
        return self._thread.submit(function)

    def execute(
        self,
        notebook: Any,
        output: Path,
        params: dict[str, Any],
        step: str,
        after_cell: Callable[[], None] = lambda: None,
    ) -> None:
        """Execute a copy of `notebook` with `params`, and write it with its outputs to `output`.

        Only from within the worker's own thread; so is `after_cell`, after each cell.

        Raises
        ------
        CellError
            Where a cell failed.
        KernelError
            Where the kernel did, and a new one after it.
        """
        for last in (False, True):
            told = _with_parameters(notebook, params)
            try:
                self._ready().execute(told, step, after_cell)
            except KernelError as error:
                self._drop()
                if last or self._closing:
                    raise
                LOG.warning("%s: %s; once more on a new kernel", step, error)
            else:
                return
            finally:
                write_text(output, nbformat.writes(told))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End the kernel, whatever it is doing, and the thread."""
        self._closing = True
        if self._kernel is not None:
            self._kernel.kill()
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def warm(self) -> None:
        """Start the kernel before it is needed; what is wrong with it is told when it is."""
        self._thread.submit(self._ready)

    def _ready(self) -> _Kernel:
        """Return a kernel that lives: a notebook may have taken the one before with it."""
        if self._kernel is None:
            if self._closing:
                raise KernelError("the run has ended")
            kernel = _Kernel(Path(tempfile.mkdtemp(dir=self._folder)), self._limits)
            # Known before it starts, so that `close` can end it.
            self._kernel = kernel
            try:
                kernel.start()
            except KernelError:
                self._drop()
                raise
        return self._kernel

    def _drop(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None


class Workers:
    """The kernels of a run, started when first needed and ended with the run.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: list[Worker] = []

    def take(self, steps: int) -> list[Worker]:
        """Return as many workers as can be busy with so many steps."""
        count = min(steps, worker_count())
        self._all += [Worker(self._limits) for _ in range(count - len(self._all))]
        return self._all[:count]

    def warm(self) -> None:
        """Start every kernel that the run may need, side by side."""
        for worker in self.take(worker_count()):
            worker.warm()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.close()


def run_notebook(
    path: Path, executed: Path, params: dict[str, Any], limits: Limits = Limits(120, 600)
) -> Any:
    """Execute one notebook by itself, outside of a run, and return it as it then is.

    Parameters
    ----------
    path, executed : Path
        The notebook, and where it is written with its outputs.
    params : dict
        Laid over those of its parameters cell.
    limits : Limits

    Raises
    ------
    CellError, KernelError
        As `Worker.execute`.

    Examples
    --------
    >>> import tempfile
    >>> from nbformat import v4
    >>> folder = Path(tempfile.mkdtemp())
    >>> given = v4.new_code_cell("months: int = 3", metadata={"tags": ["parameters"]})
    >>> cells = [given, v4.new_code_cell("months + 1")]
    >>> nbformat.write(v4.new_notebook(cells=cells), folder / "a.ipynb")
    >>> run = run_notebook(folder / "a.ipynb", folder / "b.ipynb", {"months": 6})
    >>> run.cells[-1].outputs[0].data["text/plain"]
    '7'
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    with Workers(limits) as workers:
        worker = workers.take(1)[0]
        worker.call(partial(worker.execute, notebook, executed, params, path.stem)).result()
    return nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]


def worker_count() -> int:
    """Return how many kernels may work at a time: one a processor that this process may use.

    Examples
    --------
    >>> worker_count() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with_parameters(notebook: Any, params: dict[str, Any]) -> Any:
    from papermill import execute_notebook

    return execute_notebook(
        copy.deepcopy(notebook),
        None,
        params,
        prepare_only=True,
        kernel_name="python3",
        language="python",
        progress_bar=False,
    )


def _manager(folder: Path) -> Any:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        """The running interpreter's own ipykernel, whatever kernel specs are installed."""

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=COMMAND,
                display_name="csinsight",
                language="python",
                env={
                    "IPYTHONDIR": str(folder),
                    "MPLBACKEND": "agg",
                    "PYTHONHASHSEED": "0",
                    # Threads that wait for one another cost more than they bring at these sizes,
                    # and sums in another order would differ in their last bits between machines.
                    **{name: os.environ.get(name, "1") for name in _THREADS},
                    **lent(),
                },
            )

    return OwnKernel(
        transport="ipc", ip=str(folder / "k"), connection_file=str(folder / "kernel.json")
    )
