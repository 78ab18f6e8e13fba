"""The shipped reader taught further by a shop's own ``labels.csv``; no other data is needed.

A ridge regression on what the shipped weights leave unexplained in the lines that the shop's people
have read: where these say nothing new, the reader stays what it was. A behaviour is changed only
where F1 on the shop's lines, each told by a model and a threshold that saw nothing of its
conversation, is better than the shipped reader's by as much as that has to beat the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from csinsight.behaviours.labelling import MARKER, NO, settled
from csinsight.behaviours.markers import by_rules
from csinsight.behaviours.model_reader import LEAST_LINES, LEAST_TRUE
from csinsight.behaviours.reader import UNIT, Reader, Weights, language, marks_of, sides
from csinsight.context import context_of
from csinsight.contract.labels import Labels, load_labels
from csinsight.contract.schema import Messages
from csinsight.engine import collect, open_shop
from csinsight.features.conversations import messages_of
from csinsight.features.frames import SENT_MS
from csinsight.stats import Floats
from tools.reader_examples import WORRY
from tools.reader_model import (
    BUYER_SHARE,
    MARGIN,
    MARGIN_CASES,
    MARK_SHARE,
    counted,
    f1,
    place_threshold,
    ridge,
    said_apart,
)

_TALK: Final = Messages.CONVERSATION_ID
_Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Taught:
    """How one behaviour is read on a shop's labelled lines, before and after.

    Parameters
    ----------
    behaviour, lang : str
    lines, true : int
        Labelled lines, and those that people say show it.
    before, after : float
        F1 of the shipped reader, and of the one taught with the line's conversation left out.
    taken : bool
        Whether the taught weights are used; not where they are no better.
    """

    behaviour: str
    lang: str
    lines: int
    true: int
    before: float
    after: float
    taken: bool


def labelled_lines(folder: Path, run: Path) -> pl.DataFrame:
    """Return a shop's labelled lines as the rules read them, with what its people say of each.

    Parameters
    ----------
    folder : Path
        Of the shop's tables and ``labels.csv``.
    run : Path
        A finished run of the shop: how messages become conversations stands there.

    Returns
    -------
    polars.DataFrame
        A row a line and behaviour: columns as of `csinsight.behaviours.markers.by_rules`,
        ``marker``, and ``_true`` (1 or 0).
    """
    shop = open_shop(folder)
    context = context_of(run, shop.folder)
    labels = load_labels(folder)
    lexicon = replace(context.lexicon, reader=Reader({}, {}))
    messages = messages_of(shop, context.as_of, context.rules, months=context.conversation_months)
    near = messages.filter(nw.col(_TALK).is_in(sorted(set(labels[_TALK]))))
    lines = collect(by_rules(near, lexicon).filter(nw.col(Messages.SENDER) == "agent"))
    sent = lines[SENT_MS].astype("Int64").astype("float")
    lines[Messages.SENT_AT] = sent.astype("datetime64[ms]")
    parts = []
    for name in sorted(set(labels[Labels.BEHAVIOUR])):
        rows = lines.assign(**{MARKER: name, NO: range(len(lines))})
        rows["_true"] = settled(rows, labels).to_numpy(dtype=float)
        parts.append(pl.from_pandas(rows[rows["_true"].notna()]))
    return pl.concat(parts) if parts else pl.DataFrame()


def teach(reader: Reader, lines: pl.DataFrame) -> tuple[Reader, list[Taught]]:
    """Return the reader taught by a shop's lines, and how it reads them before and after.

    Only what the shipped reader decides is taught; what is left to the rules stays with them
    (words for these belong into ``behaviours.yml``).

    Parameters
    ----------
    reader : Reader
    lines : polars.DataFrame
        Of `labelled_lines`.
    """
    weights, found = dict(reader.weights), []
    if lines.is_empty():
        return reader, found
    for lang in reader.weights:
        spoken = lines.filter(language(lines) == lang)
        for name in weights[lang].labels:
            rows = spoken.filter(pl.col(MARKER) == name)
            true = int(rows["_true"].sum()) if rows.height else 0
            if name != WORRY and rows.height >= LEAST_LINES and true >= LEAST_TRUE:
                weights[lang], told = _taught(weights[lang], rows, name, lang)
                found.append(told)
    return replace(reader, weights=weights), found


def _taught(weights: Weights, rows: pl.DataFrame, name: str, lang: str) -> tuple[Weights, Taught]:
    place = weights.labels.index(name)
    shows = rows["_true"].to_numpy() == 1
    margins = weights.margins(rows)[:, place]
    before = UNIT * (margins + weights.thresholds[place])
    said, run = sides(rows)
    (agent, agent_names), (buyer, buyer_names) = counted(said), counted(run)
    marked = marks_of(rows, weights.marks).astype(float)
    kernel = (agent @ agent.T).toarray() + BUYER_SHARE**2 * (buyer @ buyer.T).toarray()
    kernel += MARK_SHARE**2 * marked @ marked.T
    talks = rows[_TALK].to_numpy().astype(str)
    dual, left_out = ridge(kernel, (shows - before)[:, None], talks)
    after = before + left_out[:, 0]
    judged = f1(shows, said_apart(after, shows, talks, 0.0))
    shipped = f1(shows, margins >= 0)
    taken = judged > shipped + MARGIN + MARGIN_CASES / float(shows.sum())
    told = Taught(name, lang, len(shows), int(shows.sum()), shipped, judged, taken)
    if not taken:
        return weights, told
    thresholds = weights.thresholds.copy()
    thresholds[place] = round(place_threshold([(after, shows)], 0.0) / UNIT)
    marks = weights.marked.copy()
    marks[:, place] += _whole(MARK_SHARE**2 * (marked.T @ dual))
    own = agent_names, _whole(agent.T @ dual)
    heard = buyer_names, _whole(BUYER_SHARE**2 * (buyer.T @ dual))
    agents = _added(weights.agent_names, weights.agent, own, place)
    buyers = _added(weights.buyer_names, weights.buyer, heard, place)
    return replace(
        weights,
        agent_names=agents[0],
        agent=agents[1],
        buyer_names=buyers[0],
        buyer=buyers[1],
        marked=marks,
        thresholds=thresholds,
    ), told


def _whole(part: Floats) -> _Whole:
    return np.rint(part[:, 0] / UNIT).astype(np.int64)


def _added(
    names: NDArray[np.uint32], there: _Whole, new: tuple[NDArray[np.uint32], _Whole], place: int
) -> tuple[NDArray[np.uint32], _Whole]:
    """Return pieces and their weights with those of the shop's lines added to one label's."""
    union = np.union1d(names, new[0])
    weights = np.zeros((len(union), there.shape[1]), dtype=np.int64)
    weights[np.searchsorted(union, names)] = there
    weights[np.searchsorted(union, new[0]), place] += new[1]
    return union, weights
