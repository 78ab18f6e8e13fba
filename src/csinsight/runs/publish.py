"""Put a finished report where readers see it, whole or not at all.

A finished month, copied to where a web server reads it: a folder or a bucket.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

from csinsight.errors import RunError
from csinsight.runs.shop_index import read_reports, shop_index, write_shop_index
from csinsight.runs.site import INDEX, REPORT_FILE

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


def publish_month(out: Path, shop: str, month: str | None, target: str) -> str:
    """Copy a finished month and the shop's index to ``target/SHOP``, and return its index page.

    In a folder the month changes in one step. A bucket has no such step: there the pages go
    first and the month's index last, so that a reader who starts at an index finds what it names.

    Parameters
    ----------
    out : Path
        Root of ``reports/``.
    shop : str
    month : str or None
        The newest where None.
    target : str
        A folder, or an address such as ``s3://bucket/path``.

    Raises
    ------
    FileNotFoundError
        Where there is no finished report.
    RunError
        Where the address is of a kind that can't be written to here.
    """
    reports = out / "reports" / shop
    months = list(read_reports(reports))
    if not months or (month and month not in months):
        there = ", ".join(months) or "none"
        raise FileNotFoundError(f"{reports}: no finished report of {month or shop}; there: {there}")
    chosen = month or months[-1]
    if "://" in target:
        return _to_bucket(reports / chosen, f"{target.rstrip('/')}/{shop}", chosen)
    folder = Path(target) / shop / chosen
    copy_report(reports / chosen, folder)
    write_shop_index(folder.parent)
    return str(folder / INDEX)


def _to_bucket(report: Path, root: str, month: str) -> str:
    files, base = _open(root)
    last = (REPORT_FILE, INDEX)
    names = sorted(path.name for path in report.iterdir() if path.name not in last)
    there = {path.rsplit("/", 1)[-1] for path in files.glob(f"{base}/{month}/*")}
    for name in (*names, *last):
        files.pipe_file(f"{base}/{month}/{name}", (report / name).read_bytes())
    for name in sorted(there - {*names, *last}):
        files.rm_file(f"{base}/{month}/{name}")
    found = files.glob(f"{base}/[0-9]*/{REPORT_FILE}")
    reports = {path.split("/")[-2]: json.loads(files.cat_file(path)) for path in found}
    files.pipe_file(f"{base}/{INDEX}", shop_index(reports).encode("utf-8"))
    return f"{root}/{month}/{INDEX}"


def _open(root: str) -> tuple[Any, str]:
    scheme = root.split("://", 1)[0]
    try:
        from fsspec.core import url_to_fs

        files, base = url_to_fs(root)
    except (ImportError, ValueError) as error:
        raise RunError(
            f"{scheme}://: can't be written to here ({error}); a folder always can, and "
            's3:// after pip install "csinsight[bucket]"'
        ) from error
    return files, str(base)
