"""The model of the reader that learns: how labelled lines become numbers, and numbers weights.

A ridge regression a label and language, on pieces of text and the rules' marks, without a
constant: words that nobody has read say nothing. Its threshold is where F1 is best when each line
is told by a model that leaves out its conversation (in closed form, as Golub, Heath and Wahba 1979
leave out one row), on the labelled chats and on lines written for the reader alike: those speak in
more ways. What words of form show is left to the rules where they are no worse.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import linalg, sparse

from csinsight.behaviours.categories import OF_CASES
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import asked
from csinsight.behaviours.reader import UNIT, Reader, Weights, marks_of, pieces, sides
from csinsight.stats import Floats
from tools.reader_examples import MEANING, WORRY, Example, read_examples

#: What is measured, and learnt but for `RULED`. Findings about people are left to rules that can
#: be read.
LABELS: Final = (
    "greets",
    "polite_words",
    "empathizes",
    "apologizes",
    "asks_needs",
    "recommends",
    "gives_specifics",
    "explains_value",
    "offers_alternative",
    "refuses_flatly",
    "curt_reply",
    "reminds_payment",
    "follows_up",
    "promises_time",
    "closes_warmly",
    "uses_emoji",
    WORRY,
)
#: What a line shows by where it stands more than by its words.
RULED: Final = ("greets", "follows_up")
#: How much the buyer's lines and a rule's mark weigh beside the agent's pieces, and the ridge.
BUYER_SHARE: Final = 0.5
MARK_SHARE: Final = 0.4
RIDGE: Final = 0.5
#: How much the turns before weigh beside a buyer's own run.
BEFORE_SHARE: Final = 0.3
#: Fewer measured cases than this can't place a threshold; then all cases do.
FEW: Final = 5
MOST: Final = 0.75
#: By how much the model has to beat the rules where words of form decide: rules can be read, and
#: hold where words are new; and by more where few cases say so.
MARGIN: Final = 0.01
MARGIN_CASES: Final = 1.0
#: What the rules say of a line written for the reader, as a share: they were written by the same
#: hand, so that they know its words too well.
OWN_RULED: Final = 0.5
#: What speaks against whoever wrote it is left to rules that can be read unless they are beaten.
FAULTS: Final = ("refuses_flatly", "curt_reply")
#: Of the conversations, each judged by a threshold placed on the others.
PARTS: Final = 5
#: For worry, thresholds whose F1 differs by less are as good: what is marked without need makes
#: opportunities that were none. In English, whose labelled chats are complaints, it would cost
#: more.
AS_GOOD: Final = {"zh": 0.01, "en": 0.0}
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """Labelled lines of one language as numbers, a row a line.

    `shows` and `known` have a column a label; `ruled` what the rules say of it. `agent`, `before`
    (the turns before the buyer's run, with the names of `agent`) and `buyer` count pieces over the
    root of how many there are; `frames` are what the reader reads; `written` are the lines that
    were written for the reader.
    """

    examples: Sequence[Example]
    agent: sparse.csr_matrix
    before: sparse.csr_matrix
    buyer: sparse.csr_matrix
    agent_names: NDArray[np.uint32]
    buyer_names: NDArray[np.uint32]
    marks: tuple[str, ...]
    marked: Floats
    written: _Bools
    asked: Floats
    shows: _Bools
    known: _Bools
    ruled: _Bools
    frames: tuple[pl.DataFrame, pl.DataFrame]

    @functools.cached_property
    def kernels(self) -> tuple[Floats, Floats]:
        """Return how alike each two rows are, as an agent's line is read and as a buyer's is."""
        said, heard, earlier = ((m @ m.T).toarray() for m in (self.agent, self.buyer, self.before))
        line = said + BUYER_SHARE**2 * heard + MARK_SHARE**2 * self.weighed @ self.weighed.T
        heard += BEFORE_SHARE**2 * earlier + MARK_SHARE**2 * self.asked @ self.asked.T
        return line, heard

    @functools.cached_property
    def weighed(self) -> Floats:
        """Return the rules' marks, none on lines written for the reader: they know those."""
        return self.marked * ~self.written[:, None]

    @property
    def talks(self) -> NDArray[np.str_]:
        """Return each row's conversation."""
        return np.array([example.conversation for example in self.examples])

    @property
    def measured(self) -> _Bools:
        """Return which rows figures are taken on."""
        return np.array([example.measured for example in self.examples])


def design(examples: Sequence[Example], lexicon: Lexicon) -> Design:
    """Read examples of one language by the rules and into pieces."""
    frames = read_examples(list(examples), replace(lexicon, reader=Reader({}, {})))
    said, run = sides(frames[0])
    both, agent_names = counted([*said, *sides(frames[1])[0]])
    agent, before = both[: len(said)], both[len(said) :]
    buyer, buyer_names = counted(run)
    own = [n for n in lexicon.ids("agent") if n in LABELS or n in ("says_no", "leading_question")]
    heard = [asked(name) for name in lexicon.ids("buyer") if name not in OF_CASES]
    marks = (*own, *heard)
    ruled = [frames[name == WORRY][name].fill_null(value=False).to_numpy() for name in LABELS]
    ruled[LABELS.index(WORRY)] = frames[0][asked(WORRY)].to_numpy()
    return Design(
        examples=examples,
        agent=agent,
        before=before,
        buyer=buyer,
        agent_names=agent_names,
        buyer_names=buyer_names,
        marks=marks,
        marked=marks_of(frames[0], marks).astype(float),
        written=np.array([e.source.startswith("own") for e in examples]),
        asked=marks_of(frames[1], marks).astype(float),
        shows=np.array([[n in e.labels for n in LABELS] for e in examples]),
        known=np.array([[e.knows(n) for n in LABELS] for e in examples]),
        ruled=np.array(ruled).T,
        frames=frames,
    )


def counted(texts: Sequence[str]) -> tuple[sparse.csr_matrix, NDArray[np.uint32]]:
    """Return which pieces each text holds, each over the root of how many, and their names."""
    rows, said = pieces(texts)
    names, columns = np.unique(said, return_inverse=True)
    share = 1 / np.sqrt(np.maximum(np.bincount(rows, minlength=len(texts)), 1))
    matrix = sparse.csr_matrix((share[rows], (rows, columns)), shape=(len(texts), len(names)))
    return matrix, names


def fit(data: Design, rows: NDArray[np.int64]) -> Weights:
    """Learn from some rows; only labels that beat the rules there are kept."""
    learnt: dict[str, tuple[Floats, Floats, Floats, float]] = {}
    for places in _alike(data):
        use = rows[data.known[rows, places[0]]]
        of_buyer = LABELS[places[0]] == WORRY
        dual, left_out = _left_out(data, use, places)
        share = 1.0 if of_buyer else BUYER_SHARE**2
        run = share * (data.buyer[use].T @ dual)
        marks = MARK_SHARE**2 * ((data.asked if of_buyer else data.weighed)[use].T @ dual)
        said = (
            BEFORE_SHARE**2 * (data.before[use].T @ dual) if of_buyer else data.agent[use].T @ dual
        )
        for k, place in enumerate(places):
            threshold = _beats_rules(data, use, place, left_out[:, k])
            if threshold is not None:
                learnt[LABELS[place]] = (said[:, k], run[:, k], marks[:, k], threshold)
    return _weights(data, rows, {name: learnt[name] for name in LABELS if name in learnt})


def _alike(data: Design) -> list[list[int]]:
    """Return the labels in groups that were looked for in the same rows."""
    groups: dict[bytes, list[int]] = {}
    for place, name in enumerate(LABELS):
        key = data.known[:, place].tobytes() + (b"buyer" if name == WORRY else b"agent")
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _left_out(data: Design, use: NDArray[np.int64], places: list[int]) -> tuple[Floats, Floats]:
    """Return the dual weights of some labels, and what each row is told by other conversations."""
    of_buyer = LABELS[places[0]] == WORRY
    kernel = data.kernels[of_buyer][np.ix_(use, use)]
    dual, told = ridge(kernel, data.shows[np.ix_(use, places)].astype(float), data.talks[use])
    if not of_buyer:
        # Marks that were not weighed in learning: nothing of the line itself is in their weights.
        unweighed = (data.marked - data.weighed)[use]
        told += OWN_RULED * MARK_SHARE**2 * unweighed @ (data.weighed[use].T @ dual)
    return dual, told


def _beats_rules(
    data: Design, use: NDArray[np.int64], place: int, left_out: Floats
) -> float | None:
    """Return from where on a label shows; None where the rules are as good or cases are few."""
    name, shows = LABELS[place], data.shows[use, place]
    if name in RULED or shows.sum() < FEW:
        return None
    chats, written = data.measured[use], data.written[use]
    # Complaints alone, or too few cases, can't tell where a label begins.
    told_of = [
        rows
        for rows in ((chats,) if name == WORRY else (chats, written))
        if shows[rows].sum() >= FEW and shows[rows].mean() <= MOST
    ] or [np.ones(len(use), dtype=bool)]
    as_good = AS_GOOD[data.examples[0].lang] if name == WORRY else 0.0
    threshold = place_threshold([(left_out[rows], shows[rows]) for rows in told_of], as_good)
    if name in MEANING and name not in FAULTS:
        return threshold
    judged = told_of[0]
    said = said_apart(left_out[judged], shows[judged], data.talks[use][judged], as_good)
    margin = MARGIN + MARGIN_CASES / float(shows[judged].sum())
    by_rules = f1(shows[judged], data.ruled[use, place][judged])
    return None if by_rules + margin >= f1(shows[judged], said) else threshold


def told_apart(data: Design, names: Sequence[str] = LABELS) -> _Bools:
    """Return what each row is told by models that leave out its conversation, in closed form.

    Threshold, and whether the model or the rules tell it, come from other conversations too; what
    people did not look for in a row, and what is not among `names`, is left as the rules have it.
    """
    told = data.ruled.copy()
    for places in _alike(data):
        if not {LABELS[place] for place in places} & set(names):
            continue
        use = np.flatnonzero(data.known[:, places[0]])
        left_out = _left_out(data, use, places)[1]
        for here in parts(data.talks[use]):
            for k, place in enumerate(places):
                threshold = _beats_rules(data, use[~here], place, left_out[~here, k])
                if threshold is not None:
                    told[use[here], place] = left_out[here, k] >= threshold
    return told


def parts(talks: NDArray[np.str_]) -> Iterator[_Bools]:
    """Return the rows of each of `PARTS` parts, every conversation in one of them."""
    part = np.unique(talks, return_inverse=True)[1] % PARTS
    yield from (part == k for k in range(PARTS))


def said_apart(told: Floats, shows: _Bools, talks: NDArray[np.str_], as_good: float) -> _Bools:
    """Return what each row is said to show by a threshold that its conversation had no part in.

    A threshold looks better on the rows that it was placed on than it is.
    """
    said = np.zeros_like(shows)
    for here in parts(talks):
        if shows[~here].any():
            threshold = place_threshold([(told[~here], shows[~here])], as_good)
            said[here] = told[here] >= threshold
    return said


def _inverse(kernel: Floats) -> Floats:
    """Invert a kernel with its ridge, which is symmetric and positive: half the work of others."""
    lower = linalg.cholesky(kernel + RIDGE * np.eye(len(kernel)), lower=True, overwrite_a=True)
    half: Floats = np.tril(linalg.lapack.dpotri(lower, lower=1, overwrite_c=1)[0])
    return half + np.tril(half, -1).T


def ridge(kernel: Floats, shows: Floats, talks: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """Return the dual weights, and what each row is told when its conversation is left out."""
    inverse = _inverse(kernel)
    dual = inverse @ shows
    left_out = np.empty_like(shows)
    order = np.argsort(talks, kind="stable")
    begins = np.unique(talks[order], return_index=True)[1][1:]
    for rows in np.split(order, begins):
        left_out[rows] = shows[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
    return dual, left_out


def place_threshold(groups: Sequence[tuple[Floats, _Bools]], as_good: float) -> float:
    """Return from where on to mark: the fewest marks among thresholds as good by F1.

    One false mark too many speaks against low ones.

    Parameters
    ----------
    groups : sequence of (told, shows)
        What is told of some rows and what they show; F1 is the mean over groups, however large.
    as_good : float
        By how much F1 may fall short of the best.

    Examples
    --------
    >>> told, shows = np.array([0.9, 0.6, 0.3]), np.array([True, True, False])
    >>> round(place_threshold([(told, shows)], 0.0), 2)
    0.45
    """
    told, shows = (np.concatenate(column) for column in zip(*groups, strict=True))
    group = np.repeat(np.arange(len(groups)), [len(pair[0]) for pair in groups])
    order = np.argsort(-told, kind="stable")
    scores = np.zeros(len(told))
    for number in range(len(groups)):
        here = (group == number)[order]
        right = here & shows[order]
        scores += 2 * np.cumsum(right) / (np.cumsum(here) + right.sum() + 1) / len(groups)
    best = int(np.flatnonzero(scores >= scores.max() - as_good)[0])
    after = told[order[best + 1]] if best + 1 < len(told) else told[order[best]] - 0.1
    return float(told[order[best]] + after) / 2


def f1(shows: _Bools, told: _Bools) -> float:
    """Return the harmonic mean of precision and recall; 0 where nothing is told rightly."""
    return float(2 * (shows & told).sum() / max(shows.sum() + told.sum(), 1))


def _weights(
    data: Design,
    rows: NDArray[np.int64],
    learnt: dict[str, tuple[Floats, Floats, Floats, float]],
) -> Weights:
    """Round weights to whole numbers; a piece that stands in one line only carries none."""
    blocks = [np.array([learnt[n][k] for n in learnt]).T / UNIT for k in range(4)]
    said, run, marked, thresholds = (np.rint(block).astype(np.int64) for block in blocks)
    parts = []
    for matrices, names, weights in (
        ((data.agent, data.before), data.agent_names, said),
        ((data.buyer,), data.buyer_names, run),
    ):
        times = sum((matrix[rows] > 0).sum(axis=0) for matrix in matrices)
        often = np.asarray(times).ravel() > 1
        parts.append((names[often], weights[often]))
    return Weights(
        labels=tuple(learnt),
        marks=data.marks,
        agent_names=parts[0][0],
        buyer_names=parts[1][0],
        agent=parts[0][1],
        buyer=parts[1][1],
        marked=marked,
        thresholds=thresholds,
    )


def told(data: Design, rows: NDArray[np.int64], weights: Weights) -> _Bools:
    """Return what the reader says of rows: the model's labels by the model, the rest by rules."""
    said = data.ruled[rows].copy()
    agent, buyer = (weights.margins(frame[rows]) >= 0 for frame in data.frames)
    for place, name in enumerate(weights.labels):
        said[:, LABELS.index(name)] = (buyer if name == WORRY else agent)[:, place]
    return said
