"""Files that are written whole or not at all, and their fingerprints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from csinsight.contract.digest import sha256, sha256_of

__all__ = ["DRAFT", "sha256", "sha256_of", "write_atomically", "write_text"]

#: How the names of files end that are being written.
DRAFT: Final = ".draft"


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
