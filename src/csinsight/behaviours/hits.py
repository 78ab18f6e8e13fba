"""Where in a text a marker fires."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from csinsight.behaviours.lexicon import Lexicon, compiled
from csinsight.behaviours.markers import BREAKS
from csinsight.behaviours.word_search import BLANK, Rows, Search, Words
from csinsight.engine import simplify


def find_hits(text: str, marker: str, lexicon: Lexicon) -> list[tuple[int, int]]:
    """Return where `marker` shows in `text`: start and end of each hit, in reading order.

    Parameters
    ----------
    text : str
        NFKC text of one message, as the engine gives it.
    marker : str
        An id of `lexicon`.

    Returns
    -------
    list of (int, int)
        Empty where no rule's own words are there. What the buyer said before is not asked for:
        look only at messages that `mark` has marked.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> find_hits("亲，您好呀", "greets", lexicon) != []
    True
    """
    return find_all([text], marker, lexicon)[0]


def find_all(texts: Sequence[str], marker: str, lexicon: Lexicon) -> list[list[tuple[int, int]]]:
    """Return where `marker` shows in each of many texts, as `find_hits` does in one.

    Parameters
    ----------
    texts : sequence of str
        As of `find_hits`; each once, for chats repeat themselves.
    marker : str
    lexicon : Lexicon

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> find_all(["亲，您好", "有货"], "greets", load_lexicon(reader="rules"))
    [[(0, 4)], []]
    """
    read = [_as_read(text) for text in texts]
    search = Search.of(
        pl.Series(read, dtype=pl.String), Words(lexicon.cuts, lexicon.rules), [marker]
    )
    column, places = _without(search, lexicon.cuts[marker])
    # Polars tells which texts hold a pattern; Python, many times slower, where it is in those.
    blanked = pl.Series(column, dtype=pl.String)
    spans: list[set[tuple[int, int]]] = [set() for _ in read]
    for rule in lexicon.rules[marker]:
        found: list[dict[int, list[tuple[int, int]]]] = []
        rows: Rows | None = None
        for patterns in rule.needed:
            found.append({})
            for pattern in patterns:
                looked_for = compiled(search.read(pattern))
                for row in search.rows(blanked, [pattern], rows).tolist():
                    hits = [hit.span() for hit in looked_for.finditer(column[row])]
                    found[-1].setdefault(row, []).extend(hits)
            rows = np.array(sorted(found[-1]), dtype=np.int64)
        without = set(search.rows(blanked, rule.none_of, rows).tolist())
        for row in found[-1].keys() - without:
            spans[row].update(*(hits[row] for hits in found))
    for row, own in places.items():
        spans[row] = {(own[start], own[end]) for start, end in spans[row]}
    return [sorted(found_in) for found_in in spans]


def _without(search: Search, cuts: Sequence[str]) -> tuple[list[str], dict[int, list[int]]]:
    """Blank out as `mark` does; where each character stood, by the row of those that changed."""
    texts = search.texts.to_list()
    places: dict[int, list[int]] = {}
    for cut in cuts:
        pattern = compiled(search.read(cut))
        for row in search.candidates(cut).tolist():
            if pattern.search(texts[row]) is not None:
                before = places.get(row) or range(len(texts[row]) + 1)
                texts[row], places[row] = _cut(texts[row], pattern, before)
    return texts, places


@functools.lru_cache(maxsize=65_536)
def _as_read(text: str) -> str:
    """Return a text as `mark` reads it, each character in its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return compiled(BREAKS).sub(" ", simplify(lower))


def _cut(text: str, cut: re.Pattern[str], places: Sequence[int]) -> tuple[str, list[int]]:
    """Blank out as `mark` does; `places`: where each character, and the end, stood at first."""
    left, kept, end = [], [], 0
    for hit in cut.finditer(text):
        left += [text[end : hit.start()], BLANK]
        kept += [*places[end : hit.start()], places[hit.start()]]
        end = hit.end()
    return "".join([*left, text[end:]]), [*kept, *places[end:]]
