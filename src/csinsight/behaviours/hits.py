"""Where in a text a marker fires."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl

from csinsight.behaviours.lexicon import Lexicon, compiled
from csinsight.behaviours.markers import BREAKS
from csinsight.behaviours.word_search import BLANK, FEW, Rows, Search, Words
from csinsight.engine import simplify

#: What ties a pattern to a place: `^` but for a set's, and `$`.
_ANCHOR: Final = re.compile(r"(?<!\[)\^|\$")


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
    blanked = pl.Series(column, dtype=pl.String)
    spans: list[set[tuple[int, int]]] = [set() for _ in read]
    for rule in lexicon.rules[marker]:
        found: list[dict[int, list[tuple[int, int]]]] = []
        rows: Rows | None = None
        for patterns in rule.needed:
            found.append({})
            for pattern in patterns:
                for row, hits in _hits_of(search, blanked, pattern, rows):
                    found[-1].setdefault(row, []).extend(hits)
            rows = np.array(sorted(found[-1]), dtype=np.int64)
        without = set(search.rows(blanked, rule.none_of, rows).tolist())
        for row in found[-1].keys() - without:
            spans[row].update(*(hits[row] for hits in found))
    for row, own in places.items():
        spans[row] = {(own[start], own[end]) for start, end in spans[row]}
    return [sorted(found_in) for found_in in spans]


def _hits_of(
    search: Search, texts: pl.Series, pattern: str, among: Rows | None
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield the rows, of those `among`, that hold a pattern, with where."""
    rows, left = search.candidates(pattern, among), search.read(pattern)
    if len(rows) <= FEW or _ANCHOR.search(left):
        if len(rows) > FEW:
            rows = search.rows(texts, [pattern], rows)
        looked_for = compiled(left)
        for row, text in zip(rows.tolist(), texts[rows].to_list(), strict=True):
            if hits := [hit.span() for hit in looked_for.finditer(text)]:
                yield row, hits
        return
    # Polars is many times faster, but tells what was found, not where. Such a pattern is found
    # wherever its text stands, so that the first place after the hit before is the hit's own.
    told = texts[rows].str.extract_all(left)
    held = (told.list.len() > 0).arg_true()
    for row, text, said in zip(
        rows[held].tolist(), texts[rows[held]].to_list(), told[held].to_list(), strict=True
    ):
        hits, end = [], 0
        for words in said:
            start = text.index(words, end)
            end = start + len(words)
            hits.append((start, end))
        yield row, hits


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
