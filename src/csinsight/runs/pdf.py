"""Pages on paper: printed by chromium, which csinsight uses where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from csinsight.errors import RunError
from csinsight.runs.kernels import worker_count

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM: Final = "no PDF without chromium: install it (Debian: apt-get install chromium)"
_SECONDS: Final = 120
#: As long as what chromium writes, so that no offset within the file moves.
_FIXED_DATE: Final = b"(D:20000101000000+00'00')"


def chromium() -> str | None:
    """Return the path of an installed chromium or chrome, or None.

    Examples
    --------
    >>> chromium() is None or Path(chromium()).is_file()
    True
    """
    return next(filter(None, map(shutil.which, _NAMES)), None)


def print_pages(names: Iterable[str], folder: Path) -> None:
    """Print ``NAME.html`` in `folder` as ``NAME.pdf`` beside it, for each of `names`.

    The time of printing is not kept: the same page gives the same file where chromium's own
    version is the same.

    Raises
    ------
    RunError
        Where chromium is not installed, fails, or takes longer than two minutes over a page.
    """
    pages = list(names)
    program = chromium()
    if program is None:
        raise RunError(NO_CHROMIUM)
    with ThreadPoolExecutor(worker_count()) as pool:
        list(pool.map(lambda name: _print(program, folder / f"{name}.html"), pages))


def _print(program: str, page: Path) -> None:
    target = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory(prefix="csi-", ignore_cleanup_errors=True) as profile:
        command = [
            program,
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={target}",
            page.as_uri(),
        ]
        if os.geteuid() == 0:
            # Chromium's sandbox refuses to run as root, as in a container; the page is our own.
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own words
        except subprocess.TimeoutExpired as error:
            raise RunError(f"{page.name}: chromium took over {_SECONDS} s to print it") from error
    if done.returncode or not target.is_file():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise RunError(f"{page.name}: chromium could not print it: {' '.join(last)}")
    pdf = target.read_bytes()
    dated = rb"(/(?:CreationDate|ModDate) )\(D:[0-9]{14}\+00'00'\)"
    target.write_bytes(re.sub(dated, lambda found: found[1] + _FIXED_DATE, pdf))
