"""How well behaviours are read: precision and recall on labelled messages not learnt from.

The figures stand in ``reader_accuracy.yml`` beside this file, which the training command writes:
each message is read by a reader that has seen no message of its conversation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import load
from csinsight.stats.intervals import wilson

PATH: Final = Path(__file__).with_name("reader_accuracy.yml")
READERS: Final = ("built_in", "rules")
_Count = Annotated[int, Field(ge=0)]


class Figure(BaseModel):
    """One marker in one language by one reader, as counts of messages.

    Parameters
    ----------
    marker : str
        An agent's behaviour, ``voices_worry`` of the buyer's lines, or ``all`` together.
    lang : {'zh', 'en'}
    reader : {'built_in', 'rules'}
    messages : int
        Labelled messages that were read.
    true, marked, both : int
        Those that people say show it, those that the reader marks, and those in both.
    f1_low, f1_high : float
        95 % interval of F1, from conversations drawn anew.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    marker: str
    lang: Literal["zh", "en"]
    reader: Literal["built_in", "rules"]
    messages: _Count
    true: _Count
    marked: _Count
    both: _Count
    f1_low: float
    f1_high: float


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    about: str
    figures: list[Figure]


def reader_accuracy(reader: str = "built_in", path: Path = PATH) -> pd.DataFrame:
    """Return the measured precision and recall of every marker in each language.

    Parameters
    ----------
    reader : {'built_in', 'rules'}
    path : Path

    Returns
    -------
    pandas.DataFrame
        Index ``marker`` and ``lang``. Counts ``messages``, ``true``, ``marked``, ``both``; then
        ``precision``, ``recall`` and ``f1`` with ``_low`` and ``_high`` (95 %; Wilson's, and for
        F1 by drawing conversations anew). NaN where there was nothing to count.

    Raises
    ------
    ConfigError
        Where the file can't be used; it names the key.

    Examples
    --------
    >>> figures = reader_accuracy()
    >>> bool(figures.loc[("polite_words", "zh"), "precision"] > 0.9)
    True
    """
    file = load(path, _File)
    rows = [figure.model_dump() for figure in file.figures if figure.reader == reader]
    table = pd.DataFrame(rows, columns=list(Figure.model_fields)).drop(columns="reader")
    both = table["both"].to_numpy(dtype=float)
    for name, of in (("precision", "marked"), ("recall", "true")):
        count = table[of].to_numpy(dtype=float)
        table[name] = np.divide(both, count, out=np.full(len(both), np.nan), where=count > 0)
        table[f"{name}_low"], table[f"{name}_high"] = wilson(both, count)
    total = (table["marked"] + table["true"]).to_numpy(dtype=float)
    table["f1"] = np.divide(2 * both, total, out=np.full(len(both), np.nan), where=total > 0)
    ends = table.pop("f1_low"), table.pop("f1_high")
    table["f1_low"], table["f1_high"] = ends
    return table.set_index(["marker", "lang"])
