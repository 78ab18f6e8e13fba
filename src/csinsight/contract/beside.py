"""What lies beside a shop's tables and would just not be read: near names, labels of nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pandas as pd

from csinsight.config import did_you_mean, nearest
from csinsight.contract.disputes import DISPUTES
from csinsight.contract.domain import COMPLIANCE, MARKERS, NOTED
from csinsight.contract.files import SETTINGS, SUFFIXES, parts
from csinsight.contract.labels import FILE as LABELS_FILE
from csinsight.contract.labels import Labels
from csinsight.contract.messages import Notice
from csinsight.contract.own import own_ids
from csinsight.contract.rollouts import FILE as ROLLOUT_FILE
from csinsight.contract.schema import TABLES
from csinsight.errors import ConfigError

#: Files of settings that lie beside the tables: whatever they are called, no table was meant.
_SETTINGS: Final = (".yml", ".yaml")
#: What is read beside the tables.
_READ: Final = (LABELS_FILE, ROLLOUT_FILE, f"{DISPUTES.name}.csv")
#: How near a name comes to that of settings: mappings and the like lie there too.
_NEAR: Final = 0.8


def near_settings(folder: Path) -> Iterator[Notice]:
    """Name what would be settings but for its name.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "behaviours.yaml").touch()
    >>> [notice.what for notice in near_settings(folder)]
    ['is not read: was behaviours.yml meant? Then call it so']
    """
    for path, meant in _near_settings(folder):
        if not (folder / meant).exists():
            yield Notice(path.name, f"is not read: was {meant} meant? Then call it so")


def near_tables(folder: Path) -> Iterator[Notice]:
    """Name what comes near a table by its name.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "rating.csv").touch()
    >>> [notice.what for notice in near_tables(folder)]
    ['is not read: was ratings.csv or ratings.parquet meant?']
    """
    known = {f"{name}{suffix}" for name in TABLES for suffix in SUFFIXES} | set(_READ)
    for name in sorted(known):
        if (folder / name).is_dir() and not parts(folder / name):
            what = "is a folder without *.parquet and is not read: write the table's parts into it"
            yield Notice(name, what)
    known |= {path.name for path, _ in _near_settings(folder)}
    for path, near in _near_files(folder, TABLES):
        if not (path.name in known or path.name.startswith(".") or path.suffix in _SETTINGS):
            yield Notice(path.name, f"is not read: was {near}.csv or {near}.parquet meant?")


def _near_settings(folder: Path) -> Iterator[tuple[Path, str]]:
    names = {name.split(".")[0]: name for name in SETTINGS}
    return ((path, names[near]) for path, near in _near_files(folder, names, _NEAR))


def _near_files(
    folder: Path, names: Iterable[str], least: float = 0.5
) -> Iterator[tuple[Path, str]]:
    """Yield the files that come near a name, whatever they end in, each with that name."""
    for path in sorted(folder.iterdir()):
        near = nearest(path.name.split(".")[0], names, least)
        if near and path.is_file():
            yield path, near


def unread_labels(labels: pd.DataFrame, folder: Path) -> Iterator[Notice]:
    """Name what was looked for in labels and is nothing that is read.

    Examples
    --------
    >>> labels = pd.DataFrame({"behaviour": ["greet", "greets"]})
    >>> [notice.what for notice in unread_labels(labels, Path("a folder"))]
    ['1 rows are of `greet`, which nothing is called, and are not used; did you mean `greets`?']
    """
    known = (*MARKERS, *COMPLIANCE, *NOTED, *_own_names(folder))
    counts = labels[Labels.BEHAVIOUR].dropna().value_counts()
    for name, rows in counts.items():
        if name not in known:
            mend = did_you_mean(str(name), known, otherwise="see docs/labelling.md")
            what = f"{rows} rows are of `{name}`, which nothing is called, and are not used; {mend}"
            yield Notice(LABELS_FILE, what)


def _own_names(folder: Path) -> tuple[str, ...]:
    """Return the ids of the shop's own behaviours; a file that is no YAML is told elsewhere."""
    with suppress(ConfigError):
        return own_ids(folder)
    return ()
