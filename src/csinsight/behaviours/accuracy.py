"""How well behaviours are read: published figures, the shop's language, and the shop's own labels.

Published figures stand in ``reader_accuracy.yml`` beside this file, which the training command
writes: each message is read by a reader that has seen no message of its conversation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from csinsight.behaviours.conversations import MarkedMessages, agent_markers, counts_for
from csinsight.behaviours.scope import flag
from csinsight.config import load
from csinsight.contract.artifacts import LabelAccuracy
from csinsight.contract.labels import Labels
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.features.frames import BEFORE_OUTCOME, POSITION, SENT_MS
from csinsight.params import DEFAULT_READER
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


def reader_accuracy(reader: str = DEFAULT_READER, path: Path = PATH) -> pd.DataFrame:
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


#: Lines that a shop's language is told from.
_LOOKED_AT: Final = 5000


def spoken_language(shop: Shop) -> Literal["zh", "en"]:
    """Return the language of a shop's agents: Chinese where half of their lines hold any of it.

    Examples
    --------
    >>> import polars as pl
    >>> lines = {"sender": ["buyer", "agent"], "text": ["有货吗", "Yes, it is in stock"]}
    >>> table = nw.from_native(pl.LazyFrame(lines))
    >>> spoken_language(Shop(None, "polars", {"messages": table}, {"messages": set(lines)}))
    'en'
    """
    agents = shop["messages"].filter(nw.col(Messages.SENDER) == "agent")
    lines = collect(agents.select(Messages.TEXT).head(_LOOKED_AT))[Messages.TEXT].dropna()
    chinese = lines.astype(str).str.contains("[一-龥]").mean() if len(lines) else 1.0
    return "zh" if chinese >= 0.5 else "en"


def label_accuracy(marked: MarkedMessages, labels: pd.DataFrame) -> pd.DataFrame:
    """Return how well a shop's conversations are read, by its own labels of messages.

    A label is of one message: it is set against what the reader says of that very message, not of
    the conversation, which may show the behaviour elsewhere.

    Parameters
    ----------
    marked : MarkedMessages
    labels : pandas.DataFrame
        Of `csinsight.contract.labels.load_labels`.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.LabelAccuracy`; behaviours with a label of a line
        that is marked and one of a line that is not.

    Examples
    --------
    Two lines of agents, one read as a greeting, and what a person says of both:

    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> read = collect(marked.sides.filter(nw.col("sender") == "agent", nw.col("before_outcome")))
    >>> two = read.dropna(subset="greets").drop_duplicates("greets").sort_values("greets")
    >>> told = two[["conversation_id", "position"]].assign(behaviour="greets", sent_at=pd.NaT)
    >>> label_accuracy(marked, told.assign(shown=[False, True]))["labels"].tolist()
    [2]
    """
    known = [b for b in agent_markers(marked.lexicon) if b in set(labels[Labels.BEHAVIOUR])]
    names = [LabelAccuracy.BEHAVIOUR, LabelAccuracy.LABELS, LabelAccuracy.KEPT, LabelAccuracy.SE]
    if not known:
        return pd.DataFrame(columns=names)
    agents = marked.sides.filter((nw.col(Messages.SENDER) == "agent") & nw.col(BEFORE_OUTCOME))
    shown = [((flag(b) == 1) & counts_for(b, marked.lexicon)).alias(b) for b in known]
    lines = collect(agents.select(Messages.CONVERSATION_ID, POSITION, SENT_MS, *shown))
    rows = []
    for behaviour in known:
        read = lines[behaviour].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
        true = _labels_of(lines, labels[labels[Labels.BEHAVIOUR] == behaviour])
        sides = [true[(read == side) & ~np.isnan(true)] for side in (True, False)]
        if all(len(side) for side in sides):
            talks = lines[Messages.CONVERSATION_ID]
            hits = pd.Series(read).groupby(talks.to_numpy()).sum().to_numpy(dtype=float)
            size = talks.groupby(talks.to_numpy()).size().to_numpy(dtype=float)
            kept = share_kept(sides[0], sides[1], hits, size - hits)
            rows.append((behaviour, len(sides[0]) + len(sides[1]), *kept))
    return pd.DataFrame(rows, columns=names)


def _labels_of(lines: pd.DataFrame, labels: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return of each line what most of its readers say, NaN where none does or they are even."""
    told = labels.reindex(columns=[*labels.columns, *({POSITION} - set(labels.columns))])
    told = told.assign(said=told[Labels.SHOWN].astype(float))
    placed = told[POSITION].notna()
    sent = pd.to_datetime(told[Labels.SENT_AT]).astype("datetime64[ms]")
    told = told.assign(**{SENT_MS: sent.astype("int64").where(sent.notna())})
    found = lines[[Messages.CONVERSATION_ID, POSITION, SENT_MS]].assign(row=range(len(lines)))
    parts = []
    for by, some in ((POSITION, told[placed]), (SENT_MS, told[~placed & sent.notna()])):
        keyed = some[[Labels.CONVERSATION_ID, by, "said"]].astype({by: "float64"})
        own = found.astype({by: "float64"}).merge(keyed, on=[Labels.CONVERSATION_ID, by])
        parts.append(own[["row", "said"]])
    share = pd.concat(parts).groupby("row")["said"].mean()
    most = share.where(share != 0.5).round()
    return most.reindex(range(len(lines))).to_numpy(dtype=float)


def share_kept(
    marked: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    hits: npt.NDArray[np.float64],
    rest: npt.NDArray[np.float64],
) -> tuple[float, float]:
    """Return what misreading leaves of a difference between conversations: PPV + NPV - 1.

    Parameters
    ----------
    marked, others : array
        Labels (1: shown) of lines that are marked, and of lines that are not.
    hits, rest : array (conversations,)
        Lines of each conversation that are marked, and that are not. A conversation is read as
        showing it where any line is marked, and shows it where any line does.

    Returns
    -------
    tuple of float
        The share, and its standard error (delta method; each side with one right and one wrong
        more, lest a side without a fault be taken for certain, Agresti and Coull 1998).

    Examples
    --------
    Conversations of one line each, eight of ten marked ones right, one of ten others missed:

    >>> right, missed = np.repeat([1.0, 0.0], [8, 2]), np.repeat([1.0, 0.0], [1, 9])
    >>> kept, se = share_kept(right, missed, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    >>> round(kept, 2), round(se, 2)
    (0.7, 0.16)
    """
    read = hits > 0
    if not read.any() or read.all():
        return float("nan"), float("nan")

    def kept(right: float, missed: float) -> float:
        shows = 1 - (1 - right) ** hits * (1 - missed) ** rest
        return float(shows[read].mean() - shows[~read].mean())

    plain = (float(marked.mean()), float(others.mean()))
    variance = 0.0
    for place, side in enumerate((marked, others)):
        share = (side.sum() + 1) / (len(side) + 2)
        step = np.eye(2)[place] * 0.005
        low, high = (np.clip(np.array(plain) + sign * step, 0, 1) for sign in (-1, 1))
        slope = (kept(*high) - kept(*low)) / float((high - low)[place])
        variance += slope**2 * share * (1 - share) / (len(side) + 2)
    return kept(*plain), float(np.sqrt(variance))
