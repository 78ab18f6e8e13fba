"""``labels.csv``: messages that a person has read, with whether each shows a behaviour.

The file is optional and lies beside the six tables; the labelling notebook writes it. It confirms
or refutes findings about people, and tells how well this shop's messages are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from csinsight.contract.messages import Fault
from csinsight.contract.read import read_table
from csinsight.contract.schema import Column, Table
from csinsight.errors import DataError

FILE: Final = "labels.csv"


class Labels:
    """Column names of ``labels``."""

    CONVERSATION_ID = "conversation_id"
    SENT_AT = "sent_at"
    BEHAVIOUR = "behaviour"
    SHOWN = "shown"
    READER = "reader"


LABELS: Final = Table(
    "labels",
    "a message read by a person, and one behaviour",
    (
        Column(Labels.CONVERSATION_ID, "str", "the conversation of the message"),
        Column(Labels.SENT_AT, "datetime", "when it was sent", required=False, nullable=True),
        Column(Labels.BEHAVIOUR, "str", "what was looked for: a behaviour or rule"),
        Column(Labels.SHOWN, "bool", "whether the message shows it"),
        Column(Labels.READER, "str", "who read it"),
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
    """
    frame, faults = read_labels(folder)
    if faults:
        raise DataError("\n".join(map(str, faults)))
    return frame
