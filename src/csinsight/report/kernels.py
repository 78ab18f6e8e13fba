"""Kernels that a run's notebooks are executed in: the running interpreter's own, over IPC.

A user's kernel specs are not asked, ports are not used, and start-up files of the user's IPython
are not read. A worker keeps its kernel for many notebooks, because importing the package takes
longer than most notebooks; the name space is emptied before each.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

ENGINE: Final = "csinsight"
_EMPTY: Final = "get_ipython().reset(new_session=True, aggressive=False)"
_BEGIN: Final = "import csinsight.report.study as _s; _s.begin({step!r}); del _s"


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
