"""Where a table of a shop lies: one file, or a folder of Parquet parts as Spark writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Endings of a table's file, the first before the second.
SUFFIXES: Final = (".parquet", ".csv")
#: Settings of the shop's own that lie beside its tables: thresholds, behaviours, and hours,
#: targets and conventions.
ALERTS_FILE: Final = "alerts.yml"
OWN_FILE: Final = "behaviours.yml"
PROFILE_FILE: Final = "kpi_profile.yml"
SETTINGS: Final = (ALERTS_FILE, OWN_FILE, PROFILE_FILE)


def table_path(folder: Path, name: str) -> Path | None:
    """Return where table `name` of a shop lies, Parquet before CSV; None where it is absent.

    Parameters
    ----------
    folder : Path
    name : str

    Returns
    -------
    Path or None
        A file ``NAME.parquet`` or ``NAME.csv``, or a folder ``NAME.parquet`` with parts.

    Examples
    --------
    >>> import tempfile
    >>> shop = Path(tempfile.mkdtemp())
    >>> (shop / "orders.parquet").mkdir()
    >>> table_path(shop, "orders") is None
    True
    >>> (shop / "orders.parquet" / "part-0.parquet").touch()
    >>> table_path(shop, "orders").name, [path.name for path in parts(shop / "orders.parquet")]
    ('orders.parquet', ['part-0.parquet'])
    """
    for suffix in SUFFIXES:
        path = folder / f"{name}{suffix}"
        if path.is_file() or (suffix == ".parquet" and parts(path)):
            return path
    return None


def parts(path: Path) -> list[Path]:
    """Return the files that a table is read from, in the order in which its rows are.

    Parameters
    ----------
    path : Path
        A file is its own only part. Of a folder those are its files ``*.parquet`` by name, without
        what begins with a dot or an underscore (``_SUCCESS``, what is being written).

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("part-1.parquet", "part-0.parquet", "_SUCCESS"):
    ...     (folder / name).touch()
    >>> [part.name for part in parts(folder)]
    ['part-0.parquet', 'part-1.parquet']
    """
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(p for p in path.glob("*.parquet") if p.is_file() and p.name[0] not in "._")
