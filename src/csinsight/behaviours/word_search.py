"""Which of many texts hold a marker's words, without reading each text by each pattern.

A pattern can only be found where one of a few literal strings is: ``(有|没)货吗?`` needs ``有货``
or ``没货``. All strings of all patterns are looked for in one pass (Aho and Corasick 1975); a
pattern reads what is left to it, a few texts in a hundred, by those of its branches that may be
there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.behaviours.lexicon import Compiled, compiled

#: Stands where text was cut out; patterns may name it.
BLANK: Final = "␀"
#: So many texts are looked through one by one: Polars compiles a pattern anew at each call.
FEW: Final = 200
#: So few are searched by every pattern as it stands: those are compiled once, whatever the texts.
_FEWEST: Final = 8
#: So many are searched at once, so that where strings stand does not fill the memory.
_STRETCH: Final = 50_000
#: A part of a pattern is spelled out into so many strings at most, a pattern into so many.
_SPELLED: Final = 64
_MOST: Final = 400
_TOKEN: Final = re.compile(
    r"(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    # Most of what patterns hold are plain choices: read whole, not sign by sign.
    r"|\((?P<choice>[^\\\[\](){}|?*+.^$]+(?:\|[^\\\[\](){}|?*+.^$]+)*)\)"
    r"|(?P<times>[*+?]\??|\{[0-9,]*\}\??)"
    r"|(?P<sign>[()|.^$])"
    r"|\\(?P<escaped>.)"
    r"|(?P<run>(?:[^\\\[\](){}|?*+.^$](?![?*+{]))+)"
    r"|(?P<one>[^\\\[\](){}|?*+.^$])"
)
Rows = npt.NDArray[np.int64]
Strings = frozenset[str]
#: Of which kind a token is, by its group's name, and its text.
_Token = tuple[str, str]


class _Part(NamedTuple):
    """What a part of a pattern says: all that it can be, and strings of which it holds one."""

    exact: Strings | None
    needed: Strings | None


_NOTHING: Final = _Part(frozenset({""}), None)
_ANYTHING: Final = _Part(None, None)
_SIGNS: Final = {"^": _NOTHING, "$": _NOTHING, ".": _ANYTHING}


@cache
def needed_strings(pattern: str) -> Strings | None:
    """Return strings of which each text that holds a pattern holds one; None where there are none.

    Parameters
    ----------
    pattern : str
        Of a lexicon: literals, ``|``, groups, classes, ``.``, ``^``, ``$`` and how often.

    Examples
    --------
    >>> sorted(needed_strings("(有|没)货吗?"))
    ['有货', '没货']
    >>> needed_strings("[0-9]{3,5}") is None
    True
    """
    return _union(needed for _, needed in branches(pattern))


@cache
def branches(pattern: str) -> tuple[tuple[str, Strings | None], ...]:
    """Split a pattern at its outermost ``|``; beside each part the strings that it needs.

    Examples
    --------
    >>> [(part, sorted(needed)) for part, needed in branches("有货吗?|(退|换)货")]
    [('有货吗?', ['有货']), ('(退|换)货', ['换货', '退货'])]
    """
    tokens: list[list[_Token]] = [[]]
    bounds = [-1]
    depth = read = 0
    for found in _TOKEN.finditer(pattern):
        kind, text = token = (str(found.lastgroup), found[found.lastgroup or 0])
        if kind == "sign":
            if text == "|" and not depth:
                bounds.append(read)
                tokens.append([])
                read += 1
                continue
            depth += (text == "(") - (text == ")")
        tokens[-1].append(token)
        read += found.end() - found.start()
    if read != len(pattern) or depth:
        return ((pattern, None),)
    parts = [pattern[a + 1 : b] for a, b in itertools.pairwise([*bounds, len(pattern)])]
    needed = (_kept(_alternatives(iter(part))) for part in tokens)
    return tuple(zip(parts, needed, strict=True))


def _kept(part: _Part) -> Strings | None:
    if part.needed is None:
        return None
    # Blanked out are whole characters: what a string says beside one stood there before.
    kept = frozenset(
        max(text.split(BLANK), key=len) if BLANK in text else text for text in part.needed
    )
    if "" in kept:
        return None
    # Where a longer string is, the shorter one in it is too.
    least, longest = min(map(len, kept)), max(map(len, kept))
    short = [text for text in kept if len(text) < min(3, longest)] if least < longest else []
    return frozenset(t for t in kept if not any(one in t for one in short if one != t))


def _alternatives(tokens: Iterator[_Token]) -> _Part:
    """Read up to the group's end, or the pattern's."""
    parts: list[_Part] = []
    row: list[_Part] = []
    for token in tokens:
        kind, text = token
        if kind == "times":
            row[-1:] = [_times(row[-1], text)] if row else [_ANYTHING]
        elif kind != "sign":
            row.append(_one(token))
        elif text == "|":
            parts.append(_in_a_row(row))
            row = []
        elif text == ")":
            break
        else:
            row.append(_alternatives(tokens) if text == "(" else _SIGNS[text])
    return _any_of([*parts, _in_a_row(row)])


@cache
def _one(token: _Token) -> _Part:
    kind, text = token
    if kind == "choice":
        some = frozenset(text.split("|"))
        return _Part(some if len(some) <= _SPELLED else None, some if len(some) <= _MOST else None)
    if kind == "set":
        inner = re.sub(r"\\(.)", r"\1", text[1:-1])
        # A range is more than its ends; what is not in a set is nearly everything.
        plain = len(inner) <= _SPELLED and "-" not in inner and not inner.startswith("^")
        some = frozenset(inner)
        return _Part(some, some) if plain and some else _ANYTHING
    some = frozenset({text})
    return _Part(some, some)


def _times(part: _Part, told: str) -> _Part:
    least = told.rstrip("?")[1:].split(",")[0].rstrip("}") if told[0] == "{" else ""
    if told[0] == "?":
        return _Part(part.exact | {""} if part.exact is not None else None, None)
    if told[0] == "+" or (least.isdigit() and int(least) > 0):
        return _Part(None, part.needed)
    return _ANYTHING


def _any_of(parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    exact = _union(part.exact for part in parts)
    needed = _union(part.needed for part in parts)
    return _Part(
        exact if exact is not None and len(exact) <= _SPELLED else None,
        needed if needed is not None and len(needed) <= _MOST else None,
    )


def _union(sets: Iterable[Strings | None]) -> Strings | None:
    found: set[str] = set()
    for one in sets:
        if one is None:
            return None
        found |= one
    return frozenset(found)


def _in_a_row(parts: Sequence[_Part]) -> _Part:
    """Spell out what stands side by side, and keep the strings that are most telling."""
    if len(parts) == 1 and parts[0].exact is parts[0].needed is not None:
        return parts[0]
    best: Strings | None = None
    run: Strings = frozenset({""})
    whole = True
    for part in parts:
        if part.exact is not None and len(run) * len(part.exact) <= _SPELLED:
            run = frozenset(one + other for one in run for other in part.exact)
            continue
        best, whole = _better(_better(best, run), part.needed), False
        run = part.exact if part.exact is not None else frozenset({""})
    return _Part(run if whole else None, _better(best, run))


def _better(one: Strings | None, other: Strings | None) -> Strings | None:
    sets = [found for found in (one, other) if found is not None and found and "" not in found]
    return max(sets, key=lambda found: (min(2, *map(len, found)), -len(found)), default=None)


@dataclass(frozen=True)
class Words:
    """What is looked for: of each marker its rules, and what is blanked out before.

    Parameters
    ----------
    cuts : mapping of str to sequence of str
        By marker, patterns.
    rules : mapping of str to sequence of Compiled
        By marker; what a rule asks of the buyer's lines is not looked at.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon(reader="rules")
    >>> words, texts = Words(lexicon.cuts, lexicon.rules), pl.Series(["您好", "有货"])
    >>> Search.of(texts, words, ["greets"]).shown(words.rules["greets"], texts).tolist()
    [True, False]
    """

    cuts: Mapping[str, Sequence[str]]
    rules: Mapping[str, Sequence[Compiled]]

    def patterns(self, name: str) -> set[str]:
        """Return all patterns of a marker."""
        rules = self.rules[name]
        found = {p for rule in rules for some in (*rule.needed, rule.none_of) for p in some}
        return found | set(self.cuts[name])


@dataclass(frozen=True)
class Search:
    """Texts, and which of them each pattern may be found in.

    Parameters
    ----------
    texts : polars.Series
        Each once, as patterns read them.
    near : dict of str to array of int
        By pattern the rows that hold one of its strings; a pattern that needs none is left out.
    left : dict of str to str
        By pattern, the same without the branches whose strings are in no text: to compile those
        takes longer than to look for the rest.
    """

    texts: pl.Series
    near: dict[str, Rows] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: pl.Series, words: Words, names: Iterable[str]) -> Search:
        """Look for the strings of the patterns of `names`."""
        if len(texts) < _FEWEST:
            return cls(texts)
        patterns = {p for name in names for p in words.patterns(name)}
        of_string: dict[str, list[tuple[str, str]]] = {}
        for pattern in patterns:
            for branch, strings in branches(pattern):
                for string in strings or ():
                    of_string.setdefault(string, []).append((pattern, branch))
        rows: dict[str, list[Rows]] = {p: [] for p in patterns if needed_strings(p) is not None}
        found: set[tuple[str, str]] = set()
        for string, places in _rows_of(texts, sorted(of_string)):
            found.update(of_string[string])
            for pattern in {pattern for pattern, _ in of_string[string]} & rows.keys():
                rows[pattern].append(places)
        left = {
            pattern: "|".join(
                branch
                for branch, strings in branches(pattern)
                if strings is None or (pattern, branch) in found
            )
            for pattern in patterns
        }
        near = {pattern: _merged(some, len(texts)) for pattern, some in rows.items()}
        return cls(texts, near, left)

    def read(self, pattern: str) -> str:
        """Return what is to be looked for in these texts instead of a pattern."""
        return self.left.get(pattern, pattern)

    def shown(self, rules: Iterable[Compiled], texts: pl.Series) -> npt.NDArray[np.bool_]:
        """Tell of each text, as `cut` left it, whether one of the rules' words are there."""
        found = np.zeros(len(texts), dtype=bool)
        for rule in rules:
            rows: Rows | None = None
            for patterns in rule.needed:
                rows = self.rows(texts, patterns, rows)
            if rows is not None and len(rows) and rule.none_of:
                holds = np.zeros(len(texts), dtype=bool)
                holds[rows] = True
                holds[self.rows(texts, rule.none_of, rows)] = False
                found |= holds
            else:
                found[rows if rows is not None else slice(None)] = True
        return found

    def cut(self, cuts: Sequence[str]) -> pl.Series:
        """Return the texts with what the patterns say blanked out, one after the other."""
        texts = self.texts
        for cut in cuts:
            # What an earlier one blanked out may have parted the strings of a later one, no more.
            rows = self.near.get(cut)
            if rows is None:
                texts = texts.str.replace_all(self.read(cut), BLANK)
            elif len(rows):
                some = texts[rows].str.replace_all(self.read(cut), BLANK)
                texts = texts.clone().scatter(rows, some)
        return texts

    def candidates(self, pattern: str, among: Rows | None = None) -> Rows:
        """Return the rows, of those `among`, that may hold a pattern; in order."""
        near = self.near.get(pattern)
        if near is None:
            return np.arange(len(self.texts)) if among is None else among
        return near if among is None else np.intersect1d(near, among, assume_unique=True)

    def rows(self, texts: pl.Series, patterns: Iterable[str], among: Rows | None) -> Rows:
        """Return the rows, of those `among`, that hold one of the patterns; in order."""
        found = []
        for pattern in patterns:
            near = self.candidates(pattern, among)
            if len(near):
                found.append(near[holding(texts[near], self.read(pattern)).to_numpy()])
        return _merged(found, len(texts))


def _merged(rows: Iterable[Rows], length: int) -> Rows:
    held = np.zeros(length, dtype=bool)
    for some in rows:
        held[some] = True
    return np.flatnonzero(held)


def _rows_of(texts: pl.Series, strings: Sequence[str]) -> Iterator[tuple[str, Rows]]:
    """Yield strings with rows that hold them, a stretch of the texts at a time."""
    for start in range(0, len(texts) if strings else 0, _STRETCH):
        some = texts.slice(start, _STRETCH)
        found = some.str.extract_many(list(strings), overlapping=True).list.unique()
        table = pl.DataFrame({"row": np.arange(start, start + len(some)), "string": found})
        rows = table.explode("string").drop_nulls().group_by("string").agg("row")
        for string, places in rows.iter_rows():
            yield string, np.asarray(places, dtype=np.int64)


def holding(texts: pl.Series, pattern: str) -> pl.Series:
    """Tell which texts hold a pattern.

    Examples
    --------
    >>> holding(pl.Series(["有货", "没有"]), "有货?").to_list()
    [True, True]
    """
    if len(texts) > FEW:
        return texts.str.contains(pattern)
    return pl.Series(
        [compiled(pattern).search(text) is not None for text in texts], dtype=pl.Boolean
    )
