"""Put a finished report where readers see it, whole or not at all.

A finished month, copied to where a web server reads it: a folder or a bucket.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Final

from csinsight.errors import RunError
from csinsight.params import is_month
from csinsight.runs.site import INDEX, shop_index, write_shop_index
from csinsight.runs.state import (
    NOT_LISTED,
    REPORT_FILE,
    ReportFile,
    locked,
    parse_state,
    read_reports,
)

PUBLISH_LOCK: Final = ".publish.lock"
#: Publishing takes a moment, so that who waits this long waits for something that hangs.
PUBLISH_SECONDS: Final = 120.0
#: Who was led to the old report just before it is replaced has this long to open its page.
GRACE_SECONDS: Final = 0.1


def publish(staged: Path, target: Path) -> None:
    """Make the folder `staged` what readers find at `target`, in one step.

    `target` is a symbolic link to a folder beside it, and changes by the renaming of a new link
    over it, so that at every moment it is the old report or the new one, whole. What it stood for
    before is removed afterwards.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     staged, target = Path(name) / "new", Path(name) / "reports" / "2026-10"
    ...     staged.mkdir()
    ...     _ = (staged / "index.html").write_text("a report")
    ...     publish(staged, target)
    ...     (target / "index.html").read_text()
    'a report'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{_beside(target)}{time.time_ns():x}")
    # Renamed where it can be, else copied: the disk may be another.
    shutil.move(staged, fresh)
    link = target.with_name(f"{_beside(target)}link")
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    if target.is_dir() and not target.is_symlink():
        # As versions before 0.2 left it: only this once there are two steps, and `recover`.
        target.rename(_aside(target))
    replaces = target.exists()
    link.replace(target)
    if replaces:
        time.sleep(GRACE_SECONDS)
    recover(target)


def recover(target: Path) -> None:
    """Bring back a report that an interrupted `publish` had put aside, and clear its leavings.

    Examples
    --------
    >>> recover(Path("nowhere/2026-10"))
    """
    if not target.parent.is_dir():
        return
    if _aside(target).exists() and not target.exists():
        target.unlink(missing_ok=True)  # a link to nowhere
        _aside(target).rename(target)
    linked = target.readlink().name if target.is_symlink() else ""
    for leaving in target.parent.iterdir():
        if leaving.name.startswith(_beside(target)) and leaving.name != linked:
            if leaving.is_symlink():
                leaving.unlink()
            else:
                shutil.rmtree(leaving, ignore_errors=True)


def copy_report(report: Path, target: Path) -> None:
    """Copy a published month to `target`, such as a folder that a web server serves.

    Raises
    ------
    FileNotFoundError
        Where the month has no report.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     report = Path(name) / "2026-10"
    ...     report.mkdir()
    ...     _ = (report / "index.html").write_text("a report")
    ...     copy_report(report, Path(name) / "www" / "2026-10")
    ...     (Path(name) / "www" / "2026-10" / "index.html").read_text()
    'a report'
    """
    if not (report / "index.html").is_file():
        raise FileNotFoundError(
            f"{report}: there is no finished report; make it with csinsight run"
        )
    with locked(target.with_name(PUBLISH_LOCK), seconds=PUBLISH_SECONDS):
        recover(target)
        incoming = target.with_name(f"{_beside(target)}incoming")
        shutil.copytree(report, incoming)
        publish(incoming, target)


def _beside(target: Path) -> str:
    """Return how the names of what stands beside `target` for its sake begin."""
    return f".{target.name}."


def _aside(target: Path) -> Path:
    return target.with_name(f"{_beside(target)}old")


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

    Examples
    --------
    >>> publish_month(Path("out"), "demo", None, "share")
    Traceback (most recent call last):
        ...
    FileNotFoundError: out/reports/demo: no finished report of demo; there: none
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
    there = {path.rsplit("/", 1)[-1] for path in files.find(f"{base}/{month}", maxdepth=1)}
    for name in (*names, *last):
        files.pipe_file(f"{base}/{month}/{name}", (report / name).read_bytes())
    for name in sorted(there - {*names, *last}):
        files.rm_file(f"{base}/{month}/{name}")
    reports: dict[str, dict[str, Any]] = {}
    for path in files.find(base, maxdepth=2):
        parent, name = path.split("/")[-2:]
        if name == REPORT_FILE and is_month(parent):
            told = parse_state(files.cat_file(path), path, ReportFile, NOT_LISTED)
            reports |= {parent: told.model_dump()} if told else {}
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
