"""The model of the reader that learns: how labelled lines become numbers, and numbers weights.

A ridge regression a label and language, on pieces of text and the rules' marks, without a
constant: words that nobody has read say nothing. Its threshold is where F1 is best when each line
is told by a model that leaves out its conversation (in closed form, as Golub, Heath and Wahba 1979
leave out one row). A label is left to the rules where they are no worse.
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

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import asked
from csinsight.behaviours.reader import UNIT, Reader, Weights, marks_of, pieces, sides
from csinsight.contract.domain import CATEGORIES
from tools.reader_examples import MEANING, WORRY, Example, read_examples, read_openings

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
#: How much the agent's lines weigh beside the buyer's where it is asked what a talk is about.
AGENT_SHARE: Final = 1.0
#: How much the buyer's lines and a rule's mark weigh beside the agent's pieces, and the ridge.
BUYER_SHARE: Final = 0.5
MARK_SHARE: Final = 0.4
#: A rule's mark where it is asked what a talk is about: words of other goods are new to the model.
SUBJECT_MARK_SHARE: Final = {"zh": 1.0, "en": 0.4}
RIDGE: Final = 0.5
#: How much the turns before weigh beside a buyer's own run.
BEFORE_SHARE: Final = 0.3
#: What may be taken off a category's sum, the smallest first, and how often round; and how many
#: measured openings of each category it takes to try.
SUBJECT_STEPS: Final = tuple(sorted(np.arange(-8, 9) / 50, key=abs))
SUBJECT_ROUNDS: Final = 3
SUBJECT_CASES: Final = 20
#: Fewer measured cases than this can't place a threshold; then all cases do.
FEW: Final = 5
MOST: Final = 0.75
#: By how much the model has to beat the rules where words of form decide: rules can be read, and
#: hold where words are new; and by more where few cases say so.
MARGIN: Final = 0.01
MARGIN_CASES: Final = 1.0
#: How much better the rules may look where meaning decides: they were improved with these lines in
#: view. On lines in everyday wording that nobody had mended rules by, the rules lost a third of
#: their F1 and a model of all labels read better than one of those that it clearly won.
FLATTERED: Final = 0.05
#: What speaks against whoever wrote it is left to rules that can be read unless they are beaten.
FAULTS: Final = ("refuses_flatly", "curt_reply")
#: Of the conversations, each judged by a threshold placed on the others.
PARTS: Final = 5
#: For worry, thresholds whose F1 differs by less are as good: what is marked without need makes
#: occasions that were none. In English, whose labelled chats are complaints, it would cost more.
AS_GOOD: Final = {"zh": 0.01, "en": 0.0}
_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Labelled lines of one language as numbers, a row a line.

    `shows` and `known` have a column a label; `ruled` what the rules say of it. `agent`, `before`
    (the turns before the buyer's run, with the names of `agent`) and `buyer` count pieces over the
    root of how many there are; `frames` are what the reader reads.
    """

    examples: Sequence[Example]
    agent: sparse.csr_matrix
    before: sparse.csr_matrix
    buyer: sparse.csr_matrix
    agent_names: NDArray[np.uint32]
    buyer_names: NDArray[np.uint32]
    marks: tuple[str, ...]
    marked: _Floats
    asked: _Floats
    shows: _Bools
    known: _Bools
    ruled: _Bools
    frames: tuple[pl.DataFrame, pl.DataFrame]

    @functools.cached_property
    def kernels(self) -> tuple[_Floats, _Floats]:
        """Return how alike each two rows are, as an agent's line is read and as a buyer's is."""
        said, heard, earlier = ((m @ m.T).toarray() for m in (self.agent, self.buyer, self.before))
        line = said + BUYER_SHARE**2 * heard + MARK_SHARE**2 * self.marked @ self.marked.T
        heard += BEFORE_SHARE**2 * earlier + MARK_SHARE**2 * self.asked @ self.asked.T
        return line, heard

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
    # Who wrote lines for the reader wrote the rules too: there the rules are too good to be true.
    trusted = np.array([[float(not e.source.startswith("own"))] for e in examples])
    own = [n for n in lexicon.ids("agent") if n in LABELS or n in ("says_no", "leading_question")]
    heard = [asked(name) for name in lexicon.ids("buyer")]
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
        marked=marks_of(frames[0], marks) * trusted,
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
    learnt: dict[str, tuple[_Floats, _Floats, _Floats, float]] = {}
    for places in _alike(data):
        use = rows[data.known[rows, places[0]]]
        of_buyer = LABELS[places[0]] == WORRY
        shows = data.shows[np.ix_(use, places)].astype(float)
        kernel = data.kernels[of_buyer][np.ix_(use, use)]
        dual, left_out = ridge(kernel, shows, data.talks[use])
        share = 1.0 if of_buyer else BUYER_SHARE**2
        run = share * (data.buyer[use].T @ dual)
        marks = MARK_SHARE**2 * ((data.asked if of_buyer else data.marked)[use].T @ dual)
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


def _beats_rules(
    data: Design, use: NDArray[np.int64], place: int, left_out: _Floats
) -> float | None:
    """Return from where on a label shows; None where the rules are as good or cases are few."""
    shows, judged = data.shows[use, place], data.measured[use]
    if LABELS[place] in RULED:
        return None
    # Complaints alone, or too few cases, can't tell where a label begins.
    if shows[judged].sum() < FEW or shows[judged].mean() > MOST:
        judged = np.ones(len(use), dtype=bool)
    if shows[judged].sum() < FEW:
        return None
    as_good = AS_GOOD[data.examples[0].lang] if LABELS[place] == WORRY else 0.0
    threshold = place_threshold(left_out[judged], shows[judged], as_good)
    said = said_apart(left_out[judged], shows[judged], data.talks[use][judged], as_good)
    margin = MARGIN + MARGIN_CASES / float(shows[judged].sum())
    if LABELS[place] in MEANING and LABELS[place] not in FAULTS:
        margin = -FLATTERED
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
        kernel = data.kernels[LABELS[places[0]] == WORRY][np.ix_(use, use)]
        shows = data.shows[use][:, places].astype(float)
        left_out = ridge(kernel, shows, data.talks[use])[1]
        for here in _parts(data.talks[use]):
            for k, place in enumerate(places):
                threshold = _beats_rules(data, use[~here], place, left_out[~here, k])
                if threshold is not None:
                    told[use[here], place] = left_out[here, k] >= threshold
    return told


def _parts(talks: NDArray[np.str_]) -> Iterator[_Bools]:
    """Return the rows of each of `PARTS` parts, every conversation in one of them."""
    part = np.unique(talks, return_inverse=True)[1] % PARTS
    yield from (part == k for k in range(PARTS))


def said_apart(told: _Floats, shows: _Bools, talks: NDArray[np.str_], as_good: float) -> _Bools:
    """Return what each row is said to show by a threshold that its conversation had no part in.

    A threshold looks better on the rows that it was placed on than it is.
    """
    said = np.zeros_like(shows)
    for here in _parts(talks):
        if shows[~here].any():
            said[here] = told[here] >= place_threshold(told[~here], shows[~here], as_good)
    return said


def _inverse(kernel: _Floats) -> _Floats:
    """Invert a kernel with its ridge, which is symmetric and positive: half the work of others."""
    lower = linalg.cholesky(kernel + RIDGE * np.eye(len(kernel)), lower=True, overwrite_a=True)
    half: _Floats = np.tril(linalg.lapack.dpotri(lower, lower=1, overwrite_c=1)[0])
    return half + np.tril(half, -1).T


def ridge(kernel: _Floats, shows: _Floats, talks: NDArray[np.str_]) -> tuple[_Floats, _Floats]:
    """Return the dual weights, and what each row is told when its conversation is left out."""
    inverse = _inverse(kernel)
    dual = inverse @ shows
    left_out = np.empty_like(shows)
    order = np.argsort(talks, kind="stable")
    begins = np.unique(talks[order], return_index=True)[1][1:]
    for rows in np.split(order, begins):
        left_out[rows] = shows[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
    return dual, left_out


def place_threshold(told: _Floats, shows: _Bools, as_good: float) -> float:
    """Return from where on to mark: the fewest marks among thresholds as good by F1.

    One false mark too many speaks against low ones.
    """
    order = np.argsort(-told, kind="stable")
    marked = np.arange(1, len(told) + 1)
    scores = 2 * np.cumsum(shows[order]) / (marked + shows.sum() + 1)
    best = int(np.flatnonzero(scores >= scores.max() - as_good)[0])
    after = told[order[best + 1]] if best + 1 < len(told) else told[order[best]] - 0.1
    return float(told[order[best]] + after) / 2


def f1(shows: _Bools, told: _Bools) -> float:
    """Return the harmonic mean of precision and recall; 0 where nothing is told rightly."""
    return float(2 * (shows & told).sum() / max(shows.sum() + told.sum(), 1))


def _weights(
    data: Design,
    rows: NDArray[np.int64],
    learnt: dict[str, tuple[_Floats, _Floats, _Floats, float]],
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
    for here in _parts(data.talks):
        others = data.measured & ~here
        apart[here] = (left_out - subject_thresholds(left_out[others], shows[others])).argmax(
            axis=1
        )[here]
    parts = (
        AGENT_SHARE**2 * (agent.T @ dual),
        buyer.T @ dual,
        data.mark_share**2 * (marked.T @ dual),
        thresholds,
    )
    whole = [np.rint(part / UNIT).astype(np.int64) for part in parts]
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


def subject_thresholds(told: _Floats, shows: _Bools) -> _Floats:
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
