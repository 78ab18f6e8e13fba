"""``behaviours.yml``: a shop's own behaviours, beside its tables; the file is optional.

What it holds is read by `csinsight.behaviours.own`; here stands what tables need to know of it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from csinsight.config import read_yaml
from csinsight.contract.files import OWN_FILE
from csinsight.contract.schema import Table

_BEHAVIOURS: Final = "behaviours"


def own_path(folder: Path) -> Path | None:
    """Return the file of a shop's own behaviours, or None where there is none.

    Examples
    --------
    >>> import tempfile
    >>> own_path(Path(tempfile.mkdtemp())) is None
    True
    """
    path = folder / OWN_FILE
    # A folder, or a link to nothing, is a fault of the file: it was meant.
    return path if os.path.lexists(path) else None


def own_ids(folder: Path) -> tuple[str, ...]:
    r"""Return the ids of a shop's own behaviours, in the order of its file.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.

    Raises
    ------
    ConfigError
        Where the file is no YAML.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> own_ids(folder)
    ()
    >>> _ = (folder / OWN_FILE).write_text("behaviours:\n  gift_wrap: {}\n", encoding="utf-8")
    >>> own_ids(folder)
    ('gift_wrap',)
    """
    path = own_path(folder)
    values = read_yaml(path).values if path else None
    told = values.get(_BEHAVIOURS) if isinstance(values, dict) else None
    return tuple(str(name) for name in told) if isinstance(told, dict) else ()


def with_own(table: Table, column: str, folder: Path) -> Table:
    r"""Return `table` whose `column` may also name the shop's own behaviours.

    Parameters
    ----------
    table : Table
    column : str
        One that names behaviours.
    folder : Path
        Of the shop's tables.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.disputes import DISPUTES
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / OWN_FILE).write_text("behaviours:\n  wraps: {}\n", encoding="utf-8")
    >>> "wraps" in with_own(DISPUTES, "behaviour", folder).column("behaviour").one_of
    True
    """
    own = own_ids(folder)
    return replace(
        table,
        columns=tuple(
            replace(c, one_of=(*(c.one_of or ()), *own)) if c.name == column else c
            for c in table.columns
        ),
    )
