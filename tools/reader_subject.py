"""What a conversation is about, by the reader that learns: labelled openings to weights.

One ridge regression a category on pieces of the buyer's and the agent's lines and the rules' marks;
the category that weighs most is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.reader import UNIT, Weights, marks_of, sides
from csinsight.contract.domain import CATEGORIES
from csinsight.stats import Floats
from tools.reader_examples import Example, read_openings
from tools.reader_model import counted, parts, ridge

#: How much the agent's lines weigh beside the buyer's where it is asked what a talk is about.
AGENT_SHARE: Final = 1.0
#: A rule's mark where it is asked what a talk is about: words of other goods are new to the model.
SUBJECT_MARK_SHARE: Final = {"zh": 1.0, "en": 0.4}
#: What may be taken off a category's sum, the smallest first, and how often round; and how many
#: measured openings of each category it takes to try.
SUBJECT_STEPS: Final = tuple(sorted(np.arange(-8, 9) / 50, key=abs))
SUBJECT_ROUNDS: Final = 3
SUBJECT_CASES: Final = 20
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Openings:
    """Labelled openings of one language: what is read of them, and what people say of each."""

    rows: pl.DataFrame
    category: NDArray[np.str_]
    talks: NDArray[np.str_]
    measured: _Bools
    mark_share: float


def openings(examples: Sequence[Example], lexicon: Lexicon) -> Openings:
    """Read the examples of one language whose subject people told."""
    known = [example for example in examples if example.category is not None]
    return Openings(
        rows=read_openings(known, lexicon),
        category=np.array([example.category for example in known]),
        talks=np.array([example.conversation for example in known]),
        measured=np.array([example.measured for example in known]),
        mark_share=SUBJECT_MARK_SHARE[examples[0].lang],
    )


def fit_subject(data: Openings, marks: Sequence[str]) -> tuple[Weights, NDArray[np.str_]]:
    """Learn what openings are about: one ridge regression a category, the highest wins.

    Returns
    -------
    weights : Weights
    apart : array of str
        What each opening is told to be about by a model that leaves out its conversation, and
        thresholds placed on others.
    """
    said, run = sides(data.rows)
    (agent, agent_names), (buyer, buyer_names) = counted(said), counted(run)
    marked = marks_of(data.rows, marks).astype(float)
    shows = np.array([data.category == name for name in CATEGORIES]).T
    kernel = (buyer @ buyer.T).toarray() + AGENT_SHARE**2 * (agent @ agent.T).toarray()
    kernel += data.mark_share**2 * marked @ marked.T
    dual, left_out = ridge(kernel, shows.astype(float), data.talks)
    thresholds = subject_thresholds(left_out[data.measured], shows[data.measured])
    apart = np.zeros(len(shows), dtype=np.int64)
    for here in parts(data.talks):
        others = data.measured & ~here
        apart[here] = (left_out - subject_thresholds(left_out[others], shows[others])).argmax(
            axis=1
        )[here]
    blocks = (
        AGENT_SHARE**2 * (agent.T @ dual),
        buyer.T @ dual,
        data.mark_share**2 * (marked.T @ dual),
        thresholds,
    )
    whole = [np.rint(block / UNIT).astype(np.int64) for block in blocks]
    often = [np.asarray((m > 0).sum(axis=0)).ravel() > 1 for m in (agent, buyer)]
    weights = Weights(
        labels=CATEGORIES,
        marks=tuple(marks),
        agent_names=agent_names[often[0]],
        buyer_names=buyer_names[often[1]],
        agent=whole[0][often[0]],
        buyer=whole[1][often[1]],
        marked=whole[2],
        thresholds=whole[3],
    )
    return weights, np.array(CATEGORIES)[apart]


def subject_thresholds(told: Floats, shows: _Bools) -> Floats:
    """Return what is taken off each category's sum, so that most openings are told rightly.

    Lines read for training hold other shares of subjects than chats do. One category after the
    other takes the step that tells most rightly, of equals the smallest. Chats that hold too few
    of some category can't tell where it begins: nothing is taken off.

    Parameters
    ----------
    told : array of float, shape (openings, categories)
        Of models that left out the opening's conversation.
    shows : array of bool, shape (openings, categories)
        What people say, one a row.

    Examples
    --------
    >>> told = np.tile([0.5, 0.4, 0.0, 0.0, 0.0, 0.0], (8, 1))
    >>> shows = np.tile(np.arange(6) == 1, (8, 1))
    >>> bool(subject_thresholds(told, shows).any())
    False
    """
    taken = np.zeros(told.shape[1])
    if shows.sum(axis=0).min(initial=SUBJECT_CASES) < SUBJECT_CASES:
        return taken
    truth = shows.argmax(axis=1)
    for _ in range(SUBJECT_ROUNDS):
        for place in range(len(taken)):
            tried = [np.where(np.arange(len(taken)) == place, s, taken) for s in SUBJECT_STEPS]
            right = [((told - step).argmax(axis=1) == truth).sum() for step in tried]
            taken = tried[int(np.argmax(right))]
    return taken
