"""The reader that learns: what a line means, by a linear model stacked on the rules' marks.

Pieces of text (up to four characters, up to three Latin words) of the agent's line and of the
buyer's lines before it are weighed together with what the rules say of both; a buyer's line is read
with its own run and what both sides said just before that. Weights are whole
numbers and are added as such, so that every machine and engine gives the same answer; they ship
as ``reader_weights.npz`` and are made by ``python -m tools.train_reader``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from csinsight.errors import ConfigError
from csinsight.params import LANGS

PATH: Final = Path(__file__).with_name("reader_weights.npz")
#: What is read: whose line, the line as the rules read it, and the buyer's lines before it, parted
#: by line breaks (beside a buyer's line: those of its own run; there also the turns before it).
SENDER: Final = "sender"
TEXT: Final = "_plain_text"
RUN: Final = "_buyer_run"
BEFORE: Final = "_turns_before"
#: Arrays of `Weights`, as the file of weights names them.
ARRAYS: Final = ("agent_names", "buyer_names", "agent", "buyer", "marked", "thresholds")
#: What a weight of 1 is worth.
UNIT: Final = 2.0**-13

_Whole: TypeAlias = NDArray[np.int64]
_Names: TypeAlias = NDArray[np.uint32]
_Hashes: TypeAlias = NDArray[np.uint64]
_CHARACTERS: Final = 4
_WORDS: Final = 3
#: Texts in one pass: their pieces fit into some hundred megabytes.
_CHUNK: Final = 8192
#: Bits of a name that tell where to look for it: a few names share them.
_BITS: Final = 18
#: Rows that are compared with each other to read equal ones once.
_STRETCH: Final = 500_000
#: A sum of characters times powers of this, modulo 2^64, names a piece of text; it is odd, so
#: that its powers have inverses.
_BASE: Final = 0x9E3779B97F4A7C15
_LENGTHS: Final = (6, 12, 25, 60, 120)
#: Pages, orders, sums, days and figures, masked or not, are each read as one sign.
_ALIKE: Final = (
    (r"https?://[^ \n]*", "<u>"),
    (r"\[(订单x|orderid[^\]]*)\]", "<o>"),
    (r"\[金额x\]", "0元"),
    (r"\[日期x\]", "0月0日"),
    (r"\[时间x\]", "0:0"),
    (r"\[(数字|电话)x\]", "0"),
    (r"[0-9]+([.,][0-9]+)*", "0"),
    (r" +", " "),
)


@dataclass(frozen=True)
class Weights:
    """What one language's model weighs; every weight in units of `UNIT`.

    Parameters
    ----------
    labels : tuple of str
        What is told, in the order of the weights' columns.
    marks : tuple of str
        Columns of marks that are weighed.
    agent_names, buyer_names : array of uint32
        Pieces of text that carry weight, ascending.
    agent, buyer : array of int64, shape (pieces, labels)
        Of the agent's line, or of the turns before a buyer's; and of the buyer's run.
    marked : array of int64, shape (marks and lengths, labels)
    thresholds : array of int64, shape (labels,)
        A label shows from this sum on.
    """

    labels: tuple[str, ...]
    marks: tuple[str, ...]
    agent_names: _Names
    buyer_names: _Names
    agent: _Whole
    buyer: _Whole
    marked: _Whole
    thresholds: _Whole

    def margins(self, frame: pl.DataFrame) -> _Whole:
        """Return how far each row's sum of weights lies above each label's threshold.

        Parameters
        ----------
        frame : polars.DataFrame
            Columns `SENDER`, `TEXT`, `RUN` and `marks`; `BEFORE` where buyers' lines are read.

        Returns
        -------
        array of int64, shape (rows, labels)
        """
        said, run = sides(frame)
        sums = _weigh(said, self.agent_names, self.agent)
        sums += _weigh(run, self.buyer_names, self.buyer)
        sums += marks_of(frame, self.marks).astype(np.int64) @ self.marked
        return sums - self.thresholds


@dataclass(frozen=True)
class Reader:
    """Weights by language, and the markers that are left to the rules alone.

    Parameters
    ----------
    weights : mapping of str to Weights
        Of what a line shows; their labels are markers.
    subjects : mapping of str to Weights
        Of what a conversation is about; their labels are problem categories.
    left_out : frozenset of str
        Markers that a shop laid words of its own over: there its words decide.
    """

    weights: Mapping[str, Weights]
    subjects: Mapping[str, Weights]
    left_out: frozenset[str] = frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every marker that the model of some language decides."""
        names = dict.fromkeys(n for w in self.weights.values() for n in w.labels)
        return tuple(name for name in names if name not in self.left_out)

    def without(self, names: Iterable[str]) -> Reader:
        """Return a reader that leaves `names` to the rules."""
        return replace(self, left_out=self.left_out | set(names))

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what lines show, read by the model.

        Parameters
        ----------
        frame : polars.DataFrame
            Columns `SENDER`, `TEXT`, `RUN`, `BEFORE`, each of `labels` as the rules have it, and
            the marks that are weighed. A row is read by itself: the same row gives the same answer,
            whatever else is in the frame.

        Returns
        -------
        polars.DataFrame
            A nullable boolean column for each of `labels`, null where the rules' is; rows as in
            `frame`.
        """
        if frame.height > _STRETCH:
            return pl.concat(self.read(some) for some in frame.iter_slices(_STRETCH))
        # What is read together is grouped, which is several times quicker than to rank it; in
        # order, so that equal texts mostly stand in one chunk.
        line = [SENDER, TEXT, RUN, BEFORE]
        equal = frame.select(line).with_row_index("_row").group_by(line).agg("_row").sort(line)
        once = frame[equal["_row"].list.first()].with_row_index("_key")
        spoken = language(once)
        parts = [
            self._told(chunk, weights)
            for lang, weights in self.weights.items()
            for chunk in once.filter(spoken == lang).iter_slices(_CHUNK)
            if chunk.height
        ]
        if not parts:
            return once.select(self.labels)
        told = pl.concat(parts).sort("_key").select(self.labels)
        places = equal.with_row_index("_key").select("_key", "_row").explode("_row").sort("_row")
        return told[places["_key"]]

    def _told(self, part: pl.DataFrame, weights: Weights) -> pl.DataFrame:
        shows = weights.margins(part) >= 0
        return part.select(
            "_key",
            *(
                pl.when(pl.col(name).is_not_null())
                .then(pl.Series(shows[:, weights.labels.index(name)]))
                .alias(name)
                if name in weights.labels
                else pl.col(name)
                for name in self.labels
            ),
        )

    def subject(self, frame: pl.DataFrame) -> list[str]:
        """Return what conversations are about.

        Parameters
        ----------
        frame : polars.DataFrame
            One row a conversation: `TEXT` the agent's lines and `RUN` the buyer's of its opening,
            `SENDER` ``agent`` throughout, and the marks that are weighed.

        Returns
        -------
        list of str
            Of each the problem category that weighs most; of equals the first.
        """
        spoken = language(frame)
        told = np.full(frame.height, "other", dtype=object)
        for lang, weights in self.subjects.items():
            here = np.flatnonzero((spoken == lang).to_numpy())
            for part in np.array_split(here, -(-len(here) // _CHUNK)) if len(here) else ():
                best = weights.margins(frame[part]).argmax(axis=1)
                told[part] = np.array(weights.labels, dtype=object)[best]
        return [str(name) for name in told]


@functools.cache
def load_reader(path: Path = PATH) -> Reader:
    """Return the reader whose weights ship with the package.

    Raises
    ------
    ConfigError
        Where the file can't be used.

    Examples
    --------
    >>> load_reader() is load_reader()
    True
    """
    try:
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            weights, subjects = (
                {str(lang): _weights(about[kind][lang], kind, lang, file) for lang in LANGS}
                for kind in ("weights", "subjects")
            )
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: holds no weights of a reader ({error})") from error
    return Reader(weights, subjects)


def _weights(about: Mapping[str, list[str]], kind: str, lang: str, file: Any) -> Weights:
    parts = {name: file[f"{kind}_{lang}_{name}"] for name in ARRAYS}
    whole = {n: v if n.endswith("names") else v.astype(np.int64) for n, v in parts.items()}
    return Weights(labels=tuple(about["labels"]), marks=tuple(about["marks"]), **whole)


def language(frame: pl.DataFrame) -> pl.Series:
    """Return each row's language: ``zh`` where there is any Chinese character, else ``en``.

    Examples
    --------
    >>> language(pl.DataFrame({TEXT: ["OK", "OK"], RUN: ["有货吗", "In stock?"]})).to_list()
    ['zh', 'en']
    """
    both = pl.concat_str(pl.col(TEXT).fill_null(""), pl.col(RUN).fill_null(""))
    chinese = both.str.contains("[一-龥]")
    return frame.select(pl.when(chinese).then(pl.lit("zh")).otherwise(pl.lit("en"))).to_series()


def sides(frame: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the agent's line of each row (beside a buyer's: what was before) and the buyer's.

    Examples
    --------
    >>> lines = {SENDER: ["agent", "buyer"], TEXT: ["今天发 123 号", "谢谢"], RUN: ["几号", "谢谢"]}
    >>> sides(pl.DataFrame(lines))
    (['今天发 0 号', ''], ['几号', '谢谢'])
    """
    before = pl.col(BEFORE) if BEFORE in frame.columns else pl.lit("")
    said = pl.when(pl.col(SENDER) == "agent").then(pl.col(TEXT)).otherwise(before)
    columns = [said.alias("said"), pl.col(RUN).alias("run")]
    texts = frame.select(column.fill_null("") for column in columns)
    for pattern, sign in _ALIKE:
        texts = texts.with_columns(pl.all().str.replace_all(pattern, sign))
    return texts["said"].to_list(), texts["run"].to_list()


def marks_of(frame: pl.DataFrame, marks: Sequence[str]) -> NDArray[np.bool_]:
    """Return a column a mark (null: no), then one each for how short the agent's line is.

    Examples
    --------
    >>> lines = {SENDER: ["agent"], TEXT: ["亲，您好呀"], "greets": [True], "refuses": [None]}
    >>> marks_of(pl.DataFrame(lines), ["greets", "refuses"]).astype(int).tolist()
    [[1, 0, 1, 1, 1, 1, 1]]
    """
    length = pl.col(TEXT).str.len_chars()
    short = [((pl.col(SENDER) == "agent") & (length < n)).alias(f"_{n}") for n in _LENGTHS]
    told: NDArray[np.bool_] = (
        frame.select(pl.col(name).fill_null(value=False) for name in marks).to_numpy()
        if marks
        else np.zeros((frame.height, 0), dtype=bool)
    )
    return np.hstack([told, frame.select(s.fill_null(value=False) for s in short).to_numpy()])


def pieces(texts: Sequence[str]) -> tuple[_Whole, _Names]:
    """Return which pieces each text holds, every piece once.

    Parameters
    ----------
    texts : sequence of str
        Lines are parted by line breaks; no piece reaches over one, but a piece may begin or end
        with it.

    Returns
    -------
    rows : array of int64
        Ascending.
    names : array of uint32
        Ascending within a row.

    Notes
    -----
    A name is a hash: among fifty thousand pieces that carry weight less than one is expected to
    share its name with another.

    Examples
    --------
    >>> rows, names = pieces(["好", "好的", ""])
    >>> rows.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    >>> bool(names[0] in names[rows == 1])
    True
    """
    joined = "".join(f"\n{text}\n" for text in texts)
    signs = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32)
    row = np.repeat(np.arange(len(texts), dtype=np.int64), [len(t) + 2 for t in texts])
    cut = signs == ord("\n")
    # The first powers of `_BASE` and of its inverse, modulo 2^64.
    one = np.ones(1, dtype=np.uint64)
    powers, inverses = (
        np.cumprod(np.concatenate([one, np.full(len(signs), base, dtype=np.uint64)]))
        for base in (_BASE, pow(_BASE, -1, 2**64))
    )
    sums = np.concatenate([[np.uint64(0)], np.cumsum((signs + 1).astype(np.uint64) * powers[:-1])])
    found = [_characters(length, row, cut, sums, inverses) for length in range(1, _CHARACTERS + 1)]
    found += _word_pieces(signs, row, sums, inverses)
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(pairs) else pairs
    return (pairs >> np.uint64(32)).astype(np.int64), pairs.astype(np.uint32)


def _characters(
    length: int, row: _Whole, cut: NDArray[np.bool_], sums: _Hashes, inverses: _Hashes
) -> _Hashes:
    """Return the pieces of so many characters as pairs of row and name in one number."""
    starts = np.arange(len(row) - length + 1)
    cuts = np.concatenate([[0], np.cumsum(cut)])
    inside = cuts[starts + max(length - 1, 1)] - cuts[starts + min(1, length - 1)]
    starts = starts[(inside == 0) & (row[starts] == row[starts + length - 1])]
    hashes = (sums[starts + length] - sums[starts]) * inverses[starts]
    return _pairs(row[starts], hashes, length)


def _word_pieces(
    signs: NDArray[np.uint32], row: _Whole, sums: _Hashes, inverses: _Hashes
) -> list[_Hashes]:
    """Return the pieces of one to three Latin words; punctuation between them is left out."""
    letter = ((signs >= ord("a")) & (signs <= ord("z"))) | (signs == ord("0"))
    letter |= (signs == ord("'")) | (signs == ord("<")) | (signs == ord(">"))
    edge = np.diff(np.concatenate([[0], letter.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    words = _mixed((sums[ends] - sums[starts]) * inverses[starts], 0)
    found = []
    for length in range(1, _WORDS + 1):
        first = np.arange(max(len(words) - length + 1, 0))
        first = first[row[starts[first]] == row[starts[first + length - 1]]]
        hashes = words[first]
        for place in range(1, length):
            hashes = _mixed(hashes, place) + words[first + place]
        found.append(_pairs(row[starts[first]], hashes, _CHARACTERS + length))
    return found


def _pairs(row: _Whole, hashes: _Hashes, kind: int) -> _Hashes:
    return (row.astype(np.uint64) << np.uint64(32)) | (_mixed(hashes, kind) >> np.uint64(32))


def _mixed(hashes: _Hashes, kind: int) -> _Hashes:
    """Spread hashes over all bits (the last step of SplitMix64), apart by `kind`."""
    mixed = hashes + np.uint64((kind * _BASE) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _weigh(texts: Sequence[str], names: _Names, weights: _Whole) -> _Whole:
    """Return each text's sum of weights over the root of how many pieces it has."""
    from scipy import sparse  # what is read by the rules alone does not wait for it

    # Chats repeat themselves, and a buyer's run stands beside each line that answers it.
    order = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    rows, said = pieces(list(order))
    counts = np.bincount(rows, minlength=len(order))
    known, place = _places(said, names)
    shape, ones = (len(order), len(names)), np.ones(len(known), dtype=np.int64)
    sums: _Whole = sparse.csr_matrix((ones, (rows[known], place)), shape=shape) @ weights
    # A root and a rounding are the same on every machine; all else is whole numbers.
    share = np.rint(2.0**16 / np.sqrt(np.maximum(counts, 1))).astype(np.int64)
    weighed: _Whole = (sums * share[:, None]) >> 16
    return weighed[[order[text] for text in texts]]


def _places(said: _Names, names: _Names) -> tuple[_Whole, _Whole]:
    """Return which of the pieces said are among `names`, in any order, and where each stands there.

    By their first bits, as a hash table does: names are hashes, and a search by halves would go to
    as many places far apart for each piece as the names' number has digits.
    """
    first = np.uint32(32 - _BITS)
    held = np.bincount((names >> first).astype(np.int64), minlength=1 << _BITS)
    ends = np.cumsum(held)
    bucket = said >> first
    at, end = (ends - held)[bucket], ends[bucket]
    left = np.flatnonzero(at < end)
    known, places = [left[:0]], [at[:0]]
    while len(left):
        same = names[at[left]] == said[left]
        known.append(left[same])
        places.append(at[left[same]])
        left = left[~same]
        at[left] += 1
        left = left[at[left] < end[left]]
    return np.concatenate(known), np.concatenate(places)
