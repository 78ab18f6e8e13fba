"""A shop's files: where a table lies, and how one is written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
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


#: How the names of files end that are being written.
DRAFT: Final = ".draft"
#: What a spreadsheet may take for a formula, also in its full-width form and behind blanks, signs
#: that turn the direction of reading, and others that show nothing.
_FORMULA: Final = re.compile(
    r"^[\s\x00-\x20\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*["
    r"=+\-@＝＋－＠﹢﹣﹦﹫−]|^[\t\r\n]"
)


@contextmanager
def write_atomically(target: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `target` when the block ends without error.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "new" / "x.txt"
    >>> with write_atomically(target) as draft:
    ...     _ = draft.write_text("whole", encoding="utf-8")
    >>> target.read_text(encoding="utf-8")
    'whole'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}{DRAFT}")
    try:
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target` whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "x.txt"
    >>> write_text(target, "whole")
    >>> target.read_text(encoding="utf-8")
    'whole'
    """
    with write_atomically(target) as draft:
        draft.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x"
    >>> _ = file.write_text("x", encoding="utf-8")
    >>> sha256(file)[:8]
    '2d711642'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(*parts: str) -> str:
    """Return the SHA-256 of several texts, in hexadecimal; no two lists of texts collide.

    Examples
    --------
    >>> sha256_of("ab", "c") == sha256_of("a", "bc")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8")
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def guarded(text: str) -> str:
    """Return a cell's text so that no spreadsheet runs it as a formula, also after a copy as CSV.

    References
    ----------
    OWASP, "CSV Injection".

    Examples
    --------
    >>> guarded("=cmd|' /C calc'!A0"), guarded("＋86"), guarded("plain")
    ("'=cmd|' /C calc'!A0", "'＋86", 'plain')
    """
    return f"'{text}" if _FORMULA.search(text) else text
