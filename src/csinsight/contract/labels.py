"""``labels.csv``: messages that a person has read, with whether each shows a behaviour.

The file is optional and lies beside the six tables; the labelling notebook writes it. It confirms
or refutes findings about people, and tells how well this shop's messages are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl
from filelock import FileLock, Timeout

from csinsight.contract.csv_tables import read_csv
from csinsight.contract.files import write_atomically
from csinsight.contract.messages import Fault
from csinsight.contract.read import read_table
from csinsight.contract.schema import Column, Table
from csinsight.errors import DataError, LockedError

FILE: Final = "labels.csv"
#: How long to wait for another who writes.
LOCK_SECONDS: Final = 30.0


class Labels:
    """Column names of ``labels``."""

    CONVERSATION_ID = "conversation_id"
    SENT_AT = "sent_at"
    BEHAVIOUR = "behaviour"
    SHOWN = "shown"
    READER = "reader"
    POSITION = "position"


LABELS: Final = Table(
    "labels",
    "a message read by a person, and one behaviour",
    (
        Column(Labels.CONVERSATION_ID, "str", "the conversation of the message"),
        Column(Labels.SENT_AT, "datetime", "when it was sent", required=False, nullable=True),
        Column(Labels.BEHAVIOUR, "str", "what was looked for: a behaviour or rule"),
        Column(Labels.SHOWN, "bool", "whether the message shows it"),
        Column(Labels.READER, "str", "who read it"),
        Column(
            Labels.POSITION,
            "int",
            "the message's place in its conversation, from 1",
            required=False,
            nullable=True,
            at_least=1,
        ),
    ),
)


def read_labels(folder: Path) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the labels of a shop and what is wrong with them.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.

    Returns
    -------
    frame : pandas.DataFrame
        Columns of `LABELS`; without rows where there is no file.
    faults : list of Fault

    Examples
    --------
    >>> import tempfile
    >>> frame, faults = read_labels(Path(tempfile.mkdtemp()))
    >>> len(frame), faults
    (0, [])
    """
    path = folder / FILE
    if not path.is_file():
        return pd.DataFrame({column.name: [] for column in LABELS.columns}), []
    checked = read_table(path, LABELS)
    return checked.frame.to_pandas(), checked.faults


def load_labels(folder: Path) -> pd.DataFrame:
    """Return the labels of a shop; see `read_labels`.

    Raises
    ------
    DataError
        Where the file breaks its contract: each line with its mend.

    Examples
    --------
    >>> import tempfile
    >>> len(load_labels(Path(tempfile.mkdtemp())))
    0
    """
    frame, faults = read_labels(folder)
    if faults:
        raise DataError("\n".join(map(str, faults)))
    return frame


def add_labels(folder: Path, rows: pd.DataFrame) -> Path:
    """Put labels into a shop's file, each in place of the same reader's earlier one.

    All else that the file holds stays as it is, columns that csinsight does not know among it. The
    file is written whole or not at all, and two readers who write at once wait for each other.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.
    rows : pandas.DataFrame
        Columns of `LABELS`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        Where the file that is there breaks its contract: it is left alone.
    LockedError
        Where another process holds the file for long.

    Examples
    --------
    >>> import tempfile
    >>> row = {"conversation_id": "c1", "sent_at": pd.Timestamp("2026-10-01 09:00"), "position": 2}
    >>> one = pd.DataFrame([row | {"behaviour": "greets", "shown": True, "reader": "anna"}])
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = add_labels(Path(name), one)
    ...     file = add_labels(Path(name), one.assign(shown=False))
    ...     print(file.read_text(encoding="utf-8"), end="")
    conversation_id,sent_at,behaviour,shown,reader,position
    c1,2026-10-01T09:00:00,greets,false,anna,2
    """
    path = folder / FILE
    try:
        with FileLock(folder / f".{FILE}.lock", timeout=LOCK_SECONDS):
            load_labels(folder)
            there = read_csv(path).frame if path.is_file() else pl.DataFrame()
            merged = _merged(there, _written(rows))
            with write_atomically(path) as draft:
                merged.write_csv(draft)
    except Timeout as error:
        raise LockedError(f"{path}: is held by another process; try again in a moment") from error
    return path


def _written(rows: pd.DataFrame) -> pl.DataFrame:
    """Return labels as the file writes them."""
    times = pd.to_datetime(rows[Labels.SENT_AT])
    texts = {
        Labels.CONVERSATION_ID: list(rows[Labels.CONVERSATION_ID].astype(str)),
        Labels.SENT_AT: [None if pd.isna(t) else t.isoformat() for t in times],
        Labels.BEHAVIOUR: list(rows[Labels.BEHAVIOUR].astype(str)),
        Labels.SHOWN: ["true" if shown else "false" for shown in rows[Labels.SHOWN]],
        Labels.READER: list(rows[Labels.READER].astype(str)),
        Labels.POSITION: [None if pd.isna(n) else str(int(n)) for n in rows[Labels.POSITION]],
    }
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))


def _merged(there: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    rows = pl.concat([there, new], how="diagonal")
    times = rows[Labels.SENT_AT].str.to_datetime(strict=False)
    # A line is known by its place; one that a person wrote by hand may have its time alone.
    place = rows[Labels.POSITION].fill_null("")
    key = [Labels.CONVERSATION_ID, Labels.BEHAVIOUR, Labels.READER]
    keyed = rows.with_columns(times.alias("_time"), place.alias("_place")).with_row_index("_row")
    fresh = keyed.filter(pl.col("_row") >= there.height)
    same = keyed.filter(pl.col("_row") < there.height).join(fresh, on=key, suffix="_new")
    timed = (pl.col("_place") == "") & (pl.col("_time") == pl.col("_time_new"))
    gone = same.filter((pl.col("_place") == pl.col("_place_new")) | timed)["_row"]
    kept = keyed.filter(~pl.col("_row").is_in(gone.implode()))
    return kept.drop("_row", "_time", "_place")
