"""A finished month, copied to where a web server reads it: a folder or a bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from csinsight.report.publish import copy_report
from csinsight.report.shop_index import read_reports, shop_index, write_shop_index
from csinsight.report.site import INDEX, REPORT_FILE


class DeliveryError(RuntimeError):
    """A report could not be copied to where it was to go; the message says why."""


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
    DeliveryError
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
        raise DeliveryError(
            f"{scheme}://: can't be written to here ({error}); a folder always can, and "
            's3:// after pip install "csinsight[bucket]"'
        ) from error
    return files, str(base)
