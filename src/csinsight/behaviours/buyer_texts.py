"""What buyers wrote, as a few numbers that turns can be compared at equal values of.

A shop's buyers speak of goods that no table names and object in words that no marker reads; agents
answer to that, and it bears on the sale. Latent semantic analysis keeps what tells a shop's buyers'
texts apart most, whatever it is about, without looking at any outcome.

References
----------
Deerwester, Dumais, Furnas, Landauer, Harshman (1990), "Indexing by latent semantic analysis", JASIS
41. Roberts, Stewart, Nielsen (2020), "Adjusting for confounding with text matching", American
Journal of Political Science 64: what a text is about, in place of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from csinsight.behaviours.reader import pieces
from csinsight.contract.artifacts import text_column
from csinsight.contract.domain import TEXT_CELLS, TEXT_NUMBERS
from csinsight.stats import Floats, Singles

#: How many numbers tell of an opening, and of what is written later.
OPENING: Final = len(TEXT_NUMBERS)
LATER: Final = 16
TEXT_COLUMNS: Final = tuple(text_column(number) for number in TEXT_NUMBERS)
#: Pieces of text share this many columns.
_COLUMNS: Final = 2**14
#: Texts that the dimensions are learnt from at most, and how many must hold a piece that counts.
_LEARNT: Final = 20_000
_LEAST: Final = 5
#: Texts taken apart at once.
_CHUNK: Final = 8192


def text_numbers(texts: Sequence[str], dimensions: int) -> Singles:
    """Return `dimensions` numbers of each text.

    Parameters
    ----------
    texts : sequence of str
        In an order that does not depend on the engine, since the dimensions are learnt from some.
    dimensions : int

    Returns
    -------
    array (texts, dimensions)
        Fewer columns where the texts hold less; none where they are too few to learn from.

    Examples
    --------
    Texts about one thing lie together, whatever else they say:

    >>> told = ["is the red hat warm", "red hat in stock?", "size of blue socks", "blue socks?"] * 9
    >>> one, same, other, _ = text_numbers(told, 2)[:4]
    >>> bool(np.abs(one - same).sum() < np.abs(one - other).sum())
    True
    """
    place, distinct = pd.factorize(np.asarray(texts, dtype=object))
    some = np.arange(len(place))
    if len(place) > _LEARNT:
        some = np.random.default_rng(0).choice(len(place), _LEARNT, replace=False)
    learnt, own = np.unique(place[some], return_inverse=True)
    held = _held([distinct[i] for i in learnt])[own]
    number = np.asarray(held.sum(axis=0)).ravel()
    told = np.flatnonzero((number >= _LEAST) & (number < len(some)))
    dimensions = min(dimensions, len(learnt) - 1, len(told) - 1)
    if dimensions < 1:
        return np.zeros((len(place), 0), dtype=np.float32)
    weight = np.log(len(some) / number[told])
    # Here, since most readers of conversations need none of it, and its import takes long.
    from sklearn.decomposition import TruncatedSVD

    svd = TruncatedSVD(dimensions, random_state=0).fit(_weighed(held[:, told], weight))
    numbers = np.empty((len(distinct), dimensions), dtype=np.float32)
    for start in range(0, len(distinct), _CHUNK):
        part = _held(list(distinct[start : start + _CHUNK]))
        numbers[start : start + _CHUNK] = svd.transform(_weighed(part[:, told], weight))
    return np.asarray(numbers[place])


def _held(texts: Sequence[str]) -> sparse.csr_matrix:
    """Return which pieces each text holds, as 1, a column a hash."""
    rows, names = pieces(list(texts))
    at = (rows, names.astype(np.int64) % _COLUMNS)
    held = sparse.csr_matrix((np.ones(len(rows)), at), shape=(len(texts), _COLUMNS))
    # Two pieces of one hash are one.
    held.data[:] = 1.0
    return held


def _weighed(held: sparse.csr_matrix, weight: Floats) -> sparse.csr_matrix:
    """Return pieces weighed by how rare they are, each text of length one."""
    weighed = held @ sparse.diags(weight)
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.maximum(length, 1e-12)) @ weighed).tocsr()


def text_columns(texts: pd.Series[str], turns: pd.Series[int]) -> pd.DataFrame:
    """Return what tells of a buyer's text before each agent turn, as columns of ``buyer_states``.

    Openings name what a conversation is about, and need more numbers than later lines; each are
    learnt by themselves. In a large shop fewer numbers are kept, twice as many as are compared if
    every conversation is an inquiry (`csinsight.drivers.covariates`): so the table grows by lines,
    not by lines times `OPENING`.

    Parameters
    ----------
    texts : Series of str
        In an order that does not depend on the engine.
    turns : Series of int
        The agent turn that answers each.

    Returns
    -------
    DataFrame
        Same index; up to `OPENING` columns, null where a text has fewer numbers.

    Examples
    --------
    >>> few = pd.Series(["hello", "how much is it"])
    >>> text_columns(few, pd.Series([1, 2])).shape
    (2, 0)
    """
    openings = int((turns == 1).sum())
    bound = 2 * TEXT_CELLS // max(openings, 1)
    told = np.full((len(texts), min(OPENING, bound)), np.nan, dtype=np.float32)
    most = 0
    for here, wanted in ((turns == 1, OPENING), (turns > 1, LATER)):
        numbers = text_numbers(texts[here].tolist(), min(wanted, bound))
        told[here.to_numpy(), : numbers.shape[1]] = numbers
        most = max(most, numbers.shape[1])
    return pd.DataFrame(told[:, :most], index=texts.index, columns=TEXT_COLUMNS[:most])
