"""Rows that break the contract, set aside so that the others can be read.

They are moved out of the table's file into ``set_aside.csv`` beside it, each with its row and its
reason, as an import moves what it can't read into ``rejects.csv``. The rest of the file stays.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.check import Check, check_shop
from csinsight.contract.csv_tables import raw_records
from csinsight.contract.files import guarded, parts, table_path, write_atomically
from csinsight.contract.schema import TABLES
from csinsight.errors import ContractError

ASIDE: Final = "set_aside.csv"
_COLUMNS: Final = ("file", "row", "reason", "raw")
#: Taking a row away may lay bare another fault, such as an order that was a second one before.
_ROUNDS: Final = 5


@dataclass(frozen=True)
class SetAside:
    """How many rows of a file were set aside, of how many that it had."""

    file: str
    rows: int
    of: int

    @property
    def share(self) -> float:
        """Of the rows that the file had."""
        return self.rows / self.of


def set_aside(folder: Path, share: float) -> list[SetAside]:
    r"""Move the rows of a shop's tables that break the contract into ``set_aside.csv``.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.
    share : float
        Up to what share of a table's rows, in [0, 0.5], those that were set aside before included.

    Returns
    -------
    list of SetAside
        A file each of which rows were set aside now.

    Raises
    ------
    ContractError
        With every fault, and nothing moved, where more rows are bad than that, or a fault is not
        one of rows: a missing column, a file that can't be read.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "buyers.csv").write_text("buyer_id\nb1\nb2\nb1\n", encoding="utf-8")
    >>> [(moved.file, moved.rows, moved.of) for moved in set_aside(folder, share=0.4)]
    [('buyers.csv', 1, 3)]
    >>> (folder / "buyers.csv").read_text(encoding="utf-8")
    'buyer_id\nb1\nb2\n'
    """
    moved: Counter[str] = Counter()
    there: dict[str, int] = {}
    for _ in range(_ROUNDS):
        checked = check_shop(folder)
        if checked.ok:
            break
        bad = _bad_rows(checked)
        before = _before(folder)
        for path, rows in bad.items():
            there.setdefault(path.name, _height(path))
            had = there[path.name] + before[path.name] - moved[path.name]
            if before[path.name] + len(rows) > share * had:
                raise ContractError(folder, checked.faults)
        for path, rows in bad.items():
            _move(path, rows)
            moved[path.name] += len(rows)
    else:
        raise ContractError(folder, check_shop(folder).faults)
    return [SetAside(file, n, there[file]) for file, n in moved.items()]


def _bad_rows(checked: Check) -> dict[Path, dict[int, str]]:
    """Return by file the reason why each bad row is; refuse what is no fault of rows."""
    files = {path.name: path for name in TABLES if (path := table_path(checked.folder, name))}
    bad: dict[Path, dict[int, str]] = {}
    for fault in checked.faults:
        path = files.get(fault.file)
        rows = fault.rows or (() if fault.row is None else (fault.row,))
        is_header = path is not None and path.suffix == ".csv" and rows == (1,)
        if path is None or not rows or is_header:
            raise ContractError(checked.folder, checked.faults)
        for row in rows:
            where = f"column {fault.column}: " if fault.column else ""
            bad.setdefault(path, {}).setdefault(row, where + fault.what)
    return bad


def _height(path: Path) -> int:
    """Return how many rows a table's file has, broken ones included."""
    if path.suffix == ".csv":
        return sum(1 for _ in raw_records(path)) - 1
    return int(pl.scan_parquet(parts(path), glob=False).select(pl.len()).collect().item())


def asides(folder: Path) -> list[SetAside]:
    """Return what has been set aside of a shop's tables so far.

    Examples
    --------
    >>> asides(Path("data/myshop"))
    []
    """
    files = {path.name: path for name in TABLES if (path := table_path(folder, name))}
    before = _before(folder)
    return [
        SetAside(name, n, n + _height(files[name])) for name, n in before.items() if name in files
    ]


def _before(folder: Path) -> Counter[str]:
    """Return by file how many rows were set aside before."""
    path = folder / ASIDE
    if not path.is_file():
        return Counter()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return Counter(row["file"] for row in csv.DictReader(file))


def _move(path: Path, bad: dict[int, str]) -> None:
    """Take rows out of a file, which is swapped once they are kept in ``set_aside.csv``."""
    if path.suffix == ".csv":
        raw = {row: text.rstrip("\r\n") for row, text in raw_records(path) if row in bad}
        _keep(path, raw, bad)
        with (
            write_atomically(path) as draft,
            draft.open("w", encoding="utf-8", newline="") as file,
        ):
            file.writelines(text for row, text in raw_records(path) if row not in bad)
        return
    first = 1
    for part in parts(path):
        frame = pl.read_parquet(part)
        rows = pl.Series(range(first, first + frame.height), dtype=pl.Int64)
        is_bad = rows.is_in(list(bad))
        first += frame.height
        if not is_bad.any():
            continue
        taken = frame.filter(is_bad).to_dicts()
        written = (json.dumps(row, ensure_ascii=False, default=str) for row in taken)
        _keep(path, dict(zip(rows.filter(is_bad), written, strict=True)), bad)
        with write_atomically(part) as draft:
            frame.filter(~is_bad).write_parquet(draft)


def _keep(path: Path, raw: dict[int, str], reasons: dict[int, str]) -> None:
    """Add rows to ``set_aside.csv``, which is written whole or not at all."""
    target = path.parent / ASIDE
    with write_atomically(target) as draft:
        if target.is_file():
            shutil.copyfile(target, draft)
        with draft.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if not target.is_file():
                file.write("\ufeff")  # spreadsheets in China take it for GBK otherwise
                writer.writerow(_COLUMNS)
            for row, text in raw.items():
                writer.writerow((path.name, row, guarded(reasons[row]), guarded(text)))
            file.flush()
            os.fsync(file.fileno())
