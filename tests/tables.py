"""Tables of a run for tests that only need some of their columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from csinsight.contract.dictionary import artifact

_PLAIN: dict[str, Any] = {
    "str": "x",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "datetime": pd.Timestamp("2026-10-05"),
}


def complete(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` as the declared table `name`: columns that it lacks are null or plain."""
    rows = len(frame)
    columns = {}
    for column in artifact(name).columns:
        if column.name in frame:
            columns[column.name] = frame[column.name].to_list()
        elif column.kind == "list":
            columns[column.name] = [[]] * rows
        else:
            plain = column.one_of[0] if column.one_of else _PLAIN[column.kind]
            columns[column.name] = [plain if column.null is None else None] * rows
    return artifact(name).typed(pd.DataFrame(columns))
