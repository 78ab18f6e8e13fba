"""Put a finished report where readers see it, whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def publish(staged: Path, target: Path) -> None:
    """Make the folder `staged` the folder `target`; what was there is removed afterwards.

    On Linux the two folders change names in one step. Where the file system can't do that, the
    old one steps aside first; `recover` mends an end between those two steps.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if staged.stat().st_dev != target.parent.stat().st_dev:
        staged = _brought_over(staged, target)
    if not target.exists():
        staged.rename(target)
        return
    if not _exchange(staged, target):
        old = _aside(target)
        target.rename(old)
        staged.rename(target)
        staged = old
    shutil.rmtree(staged)


def recover(target: Path) -> None:
    """Bring back a report that an interrupted `publish` had put aside, and clear its leavings."""
    old = _aside(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for leaving in (old, _incoming(target)):
        shutil.rmtree(leaving, ignore_errors=True)


def copy_report(report: Path, target: Path) -> None:
    """Copy a published month to `target`, such as a folder that a web server serves.

    Raises
    ------
    FileNotFoundError
        Where the month has no report.
    """
    if not (report / "index.html").is_file():
        raise FileNotFoundError(
            f"{report}: there is no finished report; make it with csinsight run"
        )
    recover(target)
    publish(_brought_over(report, target), target)


def _brought_over(source: Path, target: Path) -> Path:
    incoming = _incoming(target)
    shutil.rmtree(incoming, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, incoming)
    return incoming


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders' names in one step; False where that can't be done here."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if done == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _incoming(target: Path) -> Path:
    return target.with_name(f".{target.name}.incoming")
