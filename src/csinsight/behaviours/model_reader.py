"""Lines as a model of the shop's own choosing has read them, laid over the built-in reader.

The model is asked once, before a run computes anything (`csinsight.runs.model_reading`); from then
on its answers lie in the run's folder, so that every notebook, and every later look at the run,
reads the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from csinsight.behaviours.reader import RUN, TEXT
from csinsight.contract.schema import Messages
from csinsight.errors import ConfigError
from csinsight.stats import Floats

if TYPE_CHECKING:
    import pandas as pd

#: In the run's folder: what the model said of each line.
LINES_FILE: Final = Path("llm", "lines.parquet")
LINE: Final = "line"
#: Labelled lines, and lines that people say show it, under which nothing is said of agreement.
LEAST_LINES, LEAST_TRUE = 40, 8
_DRAWS: Final = 1000


class Judged(BaseModel):
    """How a behaviour is read by the model and by what is built in, against the shop's labels.

    Parameters
    ----------
    behaviour : str
    lines, true : int
        Labelled lines, and those that people say show it.
    f1, f1_low, f1_high : float
        Of the model, with its 95 % interval (conversations drawn anew).
    built_in, built_in_low, built_in_high : float
        The same of the built-in reader on the same lines.
    taken : bool
        Whether the model reads it in this run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    behaviour: str
    lines: int
    true: int
    f1: float
    f1_low: float
    f1_high: float
    built_in: float
    built_in_low: float
    built_in_high: float
    taken: bool = False


class ModelReading(BaseModel):
    """What has come of asking a shop's own model, for the run's context and its pages.

    Parameters
    ----------
    model : str
    judged : list of Judged
    why_not : str
        The word (under ``llm``) that says why nothing is taken; empty where something is.
    texts, asked, refused : int
        Distinct texts of the run, questions put in this run, answers that were refused.
    money : float
        Spent in this run, by the prices told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    judged: list[Judged] = []
    why_not: str = ""
    texts: int = 0
    asked: int = 0
    refused: int = 0
    money: float = 0.0

    @property
    def taken(self) -> tuple[str, ...]:
        """The behaviours that the model reads."""
        return tuple(one.behaviour for one in self.judged if one.taken)


@dataclass(frozen=True)
class ModelReader:
    """The model's answers as a reader.

    Parameters
    ----------
    labels : tuple of str
    lines : polars.DataFrame
        `LINE`, and a nullable boolean column for each of `labels`.
    """

    labels: tuple[str, ...]
    lines: pl.DataFrame

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `labels` of lines: the model's answer, or where it gave none what is there.

        Parameters
        ----------
        frame : polars.DataFrame
            Columns `csinsight.behaviours.reader.TEXT` and ``RUN``, and each of `labels`.
        """
        told = self.lines.select(LINE, *(pl.col(n).alias(f"_said_{n}") for n in self.labels))
        joined = frame.with_columns(line_keys(frame)).join(
            told, on=LINE, how="left", maintain_order="left"
        )
        return joined.select(
            pl.when(pl.col(name).is_not_null()).then(pl.coalesce(f"_said_{name}", name)).alias(name)
            for name in self.labels
        )


def line_keys(frame: pl.DataFrame) -> pl.Series:
    """Return what names each line with the buyer's lines before it: a hash of both.

    Examples
    --------
    >>> lines = pl.DataFrame({TEXT: ["在的", "在的", "在的"], RUN: ["在吗", "在吗", None]})
    >>> keys = line_keys(lines)
    >>> keys[0] == keys[1], keys[0] == keys[2], keys[2] == hash_of("在的", "")
    (True, False, True)
    """
    both = frame.select(pl.struct(pl.col(TEXT).fill_null(""), pl.col(RUN).fill_null("")))
    series = both.to_series()
    once = series.unique()
    names = [hash_of(str(row[TEXT]), str(row[RUN])) for row in once]
    known = pl.DataFrame({"both": once, LINE: pl.Series(names, dtype=pl.String)})
    found = pl.DataFrame({"both": series}).join(known, on="both", how="left", maintain_order="left")
    return found[LINE]


def hash_of(*texts: str) -> str:
    """Return one name for several texts.

    Examples
    --------
    >>> hash_of("在吗", "在的")
    'd7d4ca056588ac85ac350f4e79f373d6'
    >>> hash_of("在吗在", "的") == hash_of("在吗", "在的")
    False
    """
    return hashlib.sha256("\x1f".join(texts).encode("utf-8", "replace")).hexdigest()[:32]


def load_model_reader(run: Path, taken: Sequence[str]) -> ModelReader:
    """Return the answers that a run keeps.

    Raises
    ------
    ConfigError
        Where they are not there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / LINES_FILE
    ...     path.parent.mkdir()
    ...     pl.DataFrame({LINE: [hash_of("您好", "在吗")], "greets": [True]}).write_parquet(path)
    ...     load_model_reader(Path(folder), ["greets"]).labels
    ('greets',)
    """
    path = run / LINES_FILE
    try:
        lines = pl.read_parquet(path, columns=[LINE, *taken])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"{path}: holds no answers ({error}); make the run again") from error
    return ModelReader(tuple(taken), lines)


def judge(behaviour: str, lines: pd.DataFrame) -> Judged | None:
    """Compare the model with the built-in reader on lines that people have read.

    Parameters
    ----------
    behaviour : str
    lines : pandas.DataFrame
        ``conversation_id``, ``true``, ``model``, ``built_in`` (0 or 1), ``weight``: how many lines
        of the shop each stands for.

    Returns
    -------
    Judged or None
        None where there are too few labels to tell. Taken where the model's F1 is no less.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"conversation_id": range(60), "true": [1, 0] * 30, "weight": 1.0})
    >>> found = judge("greets", lines.assign(model=lines["true"], built_in=1))
    >>> found.f1, round(found.built_in, 2), found.taken
    (1.0, 0.67, True)
    """
    true = lines["true"].to_numpy(dtype=float)
    if len(true) < LEAST_LINES or true.sum() < LEAST_TRUE:
        return None
    weight = lines["weight"].to_numpy(dtype=float)
    parts = []
    for name in ("model", "built_in"):
        fires = lines[name].to_numpy(dtype=float)
        parts += [weight * true * fires, weight * fires]
    keys, of = np.unique(lines[Messages.CONVERSATION_ID].to_numpy(), return_inverse=True)
    cells = [*parts, weight * true]
    sums = [np.bincount(of, cell, len(keys)) for cell in cells]
    talks = np.column_stack(sums).astype(np.float64)
    rng = np.random.default_rng(len(true))
    drawn = rng.multinomial(len(talks), [1 / len(talks)] * len(talks), size=_DRAWS) @ talks
    point, spread = _f1(talks.sum(axis=0)[None])[0], _f1(drawn)
    low, high = np.nanquantile(spread, [0.025, 0.975], axis=0)
    return Judged(
        behaviour=behaviour,
        lines=len(true),
        true=int(true.sum()),
        f1=float(point[0]),
        f1_low=float(low[0]),
        f1_high=float(high[0]),
        built_in=float(point[1]),
        built_in_low=float(low[1]),
        built_in_high=float(high[1]),
        taken=bool(point[0] >= point[1]),
    )


def _f1(cells: Floats) -> Floats:
    """Return F1 of the model and of the built-in reader for each row of sums."""
    both, fires, there = cells[:, [0, 2]], cells[:, [1, 3]], cells[:, [4]]
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * both / (fires + there))
