"""Kernels that never answer, that end, that answer late, and whose answer is lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from csinsight.errors import CellError, KernelError
from csinsight.runs import kernels
from csinsight.runs.kernels import Limits, Workers, run_notebook

QUICK = Limits(start=60, notebook=60, silence=1)
#: A kernel that executes a cell and keeps the answer to itself, as one was seen to.
LOST = """
session = get_ipython().kernel.session
send = session.send
def _send(stream, what, *more, **told):
    return None if what == "execute_reply" else send(stream, what, *more, **told)
session.send = _send
"""


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels here need nothing of csinsight."""
    monkeypatch.setattr(kernels, "_PREPARE", "pass")
    monkeypatch.setattr(kernels, "_BEGIN", kernels._BEGIN.split("\n")[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "done.ipynb"


def _notebook(tmp_path: Path, *cells: str) -> Path:
    new = nbformat.v4
    parameters = new.new_code_cell("name = 'nobody'", metadata={"tags": ["parameters"]})
    built = [new.new_markdown_cell("# Title"), parameters, *map(new.new_code_cell, cells)]
    target = tmp_path / "x.ipynb"
    nbformat.write(new.new_notebook(cells=built), target)
    return target


def _once(tmp_path: Path, line: str) -> str:
    """A cell that does `line` the first time that it is executed, and nothing after that."""
    mark = tmp_path / "mark"
    return f"""import os, pathlib, signal, time
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    {line}"""


def _printed(notebook: Any) -> str:
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    return "".join(output.get("text", "") for output in outputs)


def test_a_run_that_fails_early_waits_for_no_kernel_that_still_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernels, "_PREPARE", "import time; time.sleep(300)")
    monkeypatch.setattr(kernels, "worker_count", lambda: 1)
    with Workers(Limits(start=200, notebook=60)) as workers:
        workers.warm()
        (worker,) = workers.take(1)
        while worker._kernel is None or worker._kernel._client is None:
            time.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 60


def test_a_notebook_is_told_its_parameters_and_keeps_its_outputs(
    tmp_path: Path, path: Path
) -> None:
    done = run_notebook(_notebook(tmp_path, "print(name)"), path, {"name": "it's"}, QUICK)
    assert _printed(done) == "it's\n"
    assert done == nbformat.read(path, as_version=4)


def test_a_cell_that_fails_is_named_and_is_not_tried_again(tmp_path: Path, path: Path) -> None:
    count = tmp_path / "count"
    cell = f"open({str(count)!r}, 'a').write('x'); 1 / 0"
    with pytest.raises(CellError, match="ZeroDivisionError: division by zero") as failure:
        run_notebook(_notebook(tmp_path, "1", cell), path, {}, QUICK)
    assert failure.value.cell.source == cell
    assert count.read_text() == "x"
    assert nbformat.read(path, as_version=4).cells[-1].outputs[0].ename == "ZeroDivisionError"


def _kernels() -> set[int]:
    """Return the kernels that this process has started and not ended."""
    return {c.pid for c in psutil.Process().children() if "ipykernel" in " ".join(c.cmdline())}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("os._exit(9)", id="ends"),
        pytest.param("os.kill(os.getpid(), signal.SIGSTOP)", id="stands-still"),
        pytest.param(f"exec({LOST!r})", id="answer-lost"),
    ],
)
def test_a_kernel_that_fails_is_replaced_and_the_notebook_done_from_its_start(
    tmp_path: Path, path: Path, line: str
) -> None:
    cells = ("kept = 'whole'", _once(tmp_path, line), "print(kept)")
    # Other runs of the session may have kernels of their own.
    others, began = _kernels(), time.monotonic()
    assert _printed(run_notebook(_notebook(tmp_path, *cells), path, {}, QUICK)) == "whole\n"
    assert (tmp_path / "mark").exists()
    # By what is seen of the kernel, and not by waiting out the notebook's limit.
    assert time.monotonic() - began < QUICK.notebook
    assert _kernels() <= others


def test_a_kernel_that_answers_late_is_waited_for(tmp_path: Path, path: Path) -> None:
    """Busy for four times as long as the silence after which a kernel is looked at."""
    sleeping = "import time; time.sleep(4); print('late')"
    calculating = "end = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint('busy')"
    mark = _once(tmp_path, "print('first')")
    done = run_notebook(_notebook(tmp_path, mark, sleeping, calculating), path, {}, QUICK)
    assert _printed(done) == "first\nlate\nbusy\n"


def test_an_answer_that_comes_while_we_send_is_noticed(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As widgets do: nbclient sends what they ask for on the channel that the answer comes on."""
    told = NotebookClient.process_message

    def late(client: Any, message: Any, cell: Any, index: int) -> Any:
        if message["msg_type"] == "status" and cell.source == "1 + 1":
            time.sleep(0.5)  # a loaded machine: meanwhile the answer arrives
            asked = client.kc.session.msg("comm_info_request", {})
            client.kc.shell_channel.send(asked)
        return told(client, message, cell, index)

    monkeypatch.setattr(NotebookClient, "process_message", late)
    began = time.monotonic()
    done = run_notebook(_notebook(tmp_path, "1 + 1"), path, {}, Limits(60, 60, silence=30))
    assert done.cells[-1].outputs[0].data["text/plain"] == "2"
    assert time.monotonic() - began < 30


def test_a_kernel_that_never_answers_fails_with_its_last_cell_and_seconds(
    tmp_path: Path, path: Path
) -> None:
    endless = "import time; time.sleep(999)"
    with pytest.raises(KernelError, match=r"took over 6 s \(`notebook_seconds`\)") as failure:
        run_notebook(_notebook(tmp_path, "1", endless), path, {}, Limits(60, 6))
    assert failure.value.cell.source == endless
    assert 0 < failure.value.seconds <= 7


@pytest.mark.parametrize("code", ["import time; time.sleep(999)", "raise SystemExit(3)"])
def test_a_kernel_that_does_not_start_fails(
    tmp_path: Path, path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "COMMAND", [sys.executable, "-c", code])
    with pytest.raises(KernelError, match="did not start within"):
        run_notebook(_notebook(tmp_path, "1"), path, {}, Limits(2, 60))


def test_closing_ends_a_busy_kernel_and_what_it_has_started(tmp_path: Path, path: Path) -> None:
    child = tmp_path / "child"
    cell = (
        "import subprocess, sys, time, pathlib\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); time.sleep(999)"
    )
    notebook = nbformat.read(_notebook(tmp_path, cell), as_version=4)
    with Workers(QUICK) as workers:
        worker = workers.take(1)[0]
        future = worker.call(lambda: worker.execute(notebook, path, {}, "x"))
        end = time.monotonic() + 60
        while not (child.is_file() and child.read_text()):
            assert time.monotonic() < end
            time.sleep(0.1)
    with pytest.raises(KernelError):
        future.result(10)
    with pytest.raises(ProcessLookupError):
        for _ in range(50):
            os.kill(int(child.read_text()), signal.SIG_DFL)
            if psutil.Process(int(child.read_text())).status() == psutil.STATUS_ZOMBIE:
                raise ProcessLookupError
            time.sleep(0.1)
