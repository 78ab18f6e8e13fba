"""Loading lexicon files: what words have to say for a marker to fire.

Patterns stay within the regular expressions that Polars, Spark and Python read alike: literals,
``|``, groups, classes, ``.``, ``?``, ``{m,n}``. They are written for NFKC text and read without
regard to case.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.behaviours.lexicon_form import (
    FRAGMENT,
    Addition,
    LexiconFile,
    Marker,
    Own,
    Rule,
    Side,
)
from csinsight.behaviours.model_reader import ModelReader
from csinsight.behaviours.official import Official
from csinsight.behaviours.reader import Reader, load_reader
from csinsight.config import did_you_mean, load
from csinsight.contract.domain import COMPLIANCE, MARKERS, NOTED, TURN_MARKERS
from csinsight.contract.files import OWN_FILE
from csinsight.errors import ConfigError
from csinsight.params import DEFAULT_READER, ReaderName

FOLDER: Final = Path(__file__).with_name("lexicons")
#: The rule that what is official never breaks.
OFF_PLATFORM: Final = "off_platform"
#: Behaviours that no single message can show: `csinsight.behaviours.markers` finds them.
FROM_MANY: Final = ("repeats_canned",)
#: What may stand around a whole message that says nothing else.
_EDGE: Final = " 　,.!?~。、…·^_;:␀\\-"

_FOREIGN: Final = re.compile(r"\(\?|\\[A-Za-z0-9]|[*+?}][+]|&&|\[\[")
#: An alternation longer than this overflows the matcher's cache of states and is read some ten
#: times slower; several short ones, one after the other, are not.
_LONG: Final = 300
#: How deep fragments may name fragments.
_DEPTH: Final = 8


@dataclass(frozen=True)
class Compiled:
    """One rule as patterns: of each entry of `needed` one is found, of `none_of` none."""

    needed: tuple[tuple[str, ...], ...]
    none_of: tuple[str, ...]
    after_buyer: tuple[str, ...]
    not_after_buyer: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """All markers, checked and compiled.

    Parameters
    ----------
    markers : mapping of str to Marker
        By id, agent and buyer side, in file order.
    cuts : mapping of str to tuple of str
        By id, the patterns of text to blank out first, one after the other.
    rules : mapping of str to tuple of Compiled
        By id.
    reader : Reader or None
        The reader that learns, which has the last word on its labels; None: rules alone.
    own : mapping of str to tuple of str
        By id of the shop's own behaviours: what makes the opportunity, as
        `csinsight.behaviours.opportunities.opportunities` takes it.
    model : ModelReader or None
        What a model of the shop's own choosing has said of lines, which wins over all else.
    """

    markers: Mapping[str, Marker]
    cuts: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, tuple[Compiled, ...]]
    reader: Reader | None = None
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model: ModelReader | None = None

    @property
    def behaviours(self) -> tuple[str, ...]:
        """What agents' words show, rules about people too: the built-in ones, then the shop's."""
        return (*MARKERS, *COMPLIANCE, *self.own)

    @property
    def turn_markers(self) -> tuple[str, ...]:
        """Those of `behaviours` that any agent turn before the outcome may show."""
        return (*TURN_MARKERS, *self.own)

    def ids(self, side: Side) -> tuple[str, ...]:
        """Return the ids of one side's markers in file order."""
        return tuple(name for name, marker in self.markers.items() if marker.side == side)

    def only(self, names: Collection[str]) -> Lexicon:
        """Leave out the markers that are neither `names` nor asked for by their rules.

        A reader that learns decides by all of them: there nothing is left out.
        """
        if self.reader is not None or self.model is not None:
            return self
        rules = [rule for name in names for rule in self.rules.get(name, ())]
        kept = {*names, *(n for r in rules for n in (*r.after_buyer, *r.not_after_buyer))}
        return replace(self, markers={name: m for name, m in self.markers.items() if name in kept})


def load_lexicon(
    own: Own | None = None,
    folder: Path = FOLDER,
    reader: ReaderName = DEFAULT_READER,
    official: Official | None = None,
) -> Lexicon:
    """Read and check the lexicon files of `folder`, with what a shop has of its own laid over them.

    Parameters
    ----------
    own : Own or None
        What the shop's ``behaviours.yml`` holds (`csinsight.behaviours.own.read_own`).
    folder : Path
        Where the ``*.yml`` files are; the package's own unless told.
    reader : {'built_in', 'rules', 'llm'}
        Whether the reader that learns has the last word; never in a folder that is not the
        package's own, nor on a marker that `own` lays words over.
    official : Official or None
        What the KPI profile names as the platform's and the brand's own.

    Returns
    -------
    Lexicon

    Raises
    ------
    ConfigError
        Naming file, marker, key, what is wrong, and the mend.

    Examples
    --------
    >>> "greets" in load_lexicon().markers
    True
    """
    markers, home, fragments = _read(folder)
    if own is not None:
        markers = _lay_over(markers, own.additions)
        home |= {name: Path(OWN_FILE) for name in own.markers}
        markers |= own.markers
    if official is not None:
        rule = markers[OFF_PLATFORM]
        cut = [*official.cuts(), *rule.cut]
        markers[OFF_PLATFORM] = rule.model_copy(update={"cut": cut})
    check_names(markers, home)
    lexicon = _compiled(
        markers,
        home,
        fragments,
        # What the package brings is tried by its tests, once, not at every start.
        () if folder != FOLDER else set(home) - _foreign(own, official),
        load_reader().without(_laid_over(own)) if reader != "rules" and folder == FOLDER else None,
        own.signs if own is not None else {},
    )
    absent = set(MARKERS + COMPLIANCE + NOTED) - set(markers) - set(FROM_MANY)
    if absent:
        raise ConfigError(f"{folder}: no file has the marker(s) {', '.join(sorted(absent))}")
    return lexicon


def _read(folder: Path) -> tuple[dict[str, Marker], dict[str, Path], dict[str, str]]:
    """Return the markers of a folder's files, in which file each stands, and the fragments."""
    markers: dict[str, Marker] = {}
    home: dict[str, Path] = {}
    fragments: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        file = load(path, LexiconFile)
        fragments |= file.fragments
        for name, marker in file.markers.items():
            if name in markers:
                raise ConfigError(f"{path}: marker `{name}` stands in {home[name]} too; keep one")
            markers[name], home[name] = marker, path
    return markers, home, fragments


@cache
def built_in_fragments() -> Mapping[str, str]:
    """Return what patterns may name as ``<name>``.

    Examples
    --------
    >>> len(built_in_fragments()) > 5
    True
    """
    files = [load(path, LexiconFile) for path in sorted(FOLDER.glob("*.yml"))]
    return {name: text for file in files for name, text in file.fragments.items()}


def load_file(path: Path) -> Lexicon:
    """Read and check one file of markers that stands by itself, without a reader that learns.

    Parameters
    ----------
    path : Path
        Its patterns may name the fragments of the package's own lexicon files.

    Raises
    ------
    ConfigError
        As `load_lexicon`.

    Examples
    --------
    >>> load_file(FOLDER.with_name("endings.yml")).ids("agent")
    ('out_of_stock', 'cannot', 'puts_off')
    """
    file = load(path, LexiconFile)
    check_names(file.markers, dict.fromkeys(file.markers, path))
    fragments = {**built_in_fragments(), **file.fragments}
    return _compiled(file.markers, dict.fromkeys(file.markers, path), fragments, ())


def _compiled(
    markers: Mapping[str, Marker],
    home: Mapping[str, Path],
    fragments: Mapping[str, str],
    tried: Container[str],
    reader: Reader | None = None,
    own: Mapping[str, tuple[str, ...]] | None = None,
) -> Lexicon:
    compilers = {n: Compiler(str(home[n]), n, fragments, tried=n in tried) for n in markers}
    return Lexicon(
        markers=markers,
        cuts={name: compilers[name].join(m.cut, "cut") for name, m in markers.items()},
        rules={name: compilers[name].rules(m) for name, m in markers.items()},
        reader=reader,
        own=own or {},
    )


def _foreign(own: Own | None, official: Official | None) -> set[str]:
    """Return the markers with patterns that are not the package's own."""
    theirs = {*own.markers, *(name for name, _ in own.additions.items())} if own else set()
    return theirs | ({OFF_PLATFORM} if official else set())


def _laid_over(own: Own | None) -> list[str]:
    """Return the markers that a shop says anything of."""
    more = own.additions.items() if own else ()
    return [name for name, words in more if words.patterns or words.cut or words.none_of]


def _lay_over(markers: dict[str, Marker], more: Mapping[str, Addition]) -> dict[str, Marker]:
    merged = dict(markers)
    for name, words in more.items():
        if name not in markers:
            raise ConfigError(f"{OWN_FILE}: unknown marker `{name}`{_nearest(name, markers)}")
        marker = markers[name]
        rules = [Rule(any_of=marker.patterns)] if marker.patterns else []
        rules += [*marker.rules, *([Rule(any_of=words.patterns)] if words.patterns else [])]
        merged[name] = marker.model_copy(
            update={
                "cut": [*marker.cut, *words.cut],
                "patterns": [],
                "rules": [
                    rule.model_copy(update={"none_of": [*rule.none_of, *words.none_of]})
                    for rule in rules
                ],
            }
        )
    return merged


def check_names(markers: Mapping[str, Marker], home: Mapping[str, Path | str]) -> None:
    """Hold markers to name no others than there are, on the side where they are named.

    Examples
    --------
    >>> marker = load_lexicon(reader="rules").markers["greets"]
    >>> check_names({"greets": marker}, {"greets": "mine.yml"})
    >>> hollow = marker.model_copy(update={"patterns": [], "rules": []})
    >>> check_names({"greets": hollow}, {"greets": "mine.yml"})
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: mine.yml, marker `greets`: has no `patterns` and no `rules`
    """
    sides = {s: [n for n, m in markers.items() if m.side == s] for s in ("buyer", "agent")}
    for name, marker in markers.items():
        if not marker.patterns and not marker.rules:
            raise ConfigError(f"{home[name]}, marker `{name}`: has no `patterns` and no `rules`")
        buyer_names = [x for r in marker.rules for x in (*r.after_buyer, *r.not_after_buyer)]
        for told, known, kind in (
            (buyer_names, sides["buyer"], "buyer"),
            (marker.voided_by, sides["agent"], "agent"),
        ):
            for other in told:
                if other not in known:
                    raise ConfigError(
                        f"{home[name]}, marker `{name}`: `{other}` is no {kind}-side marker"
                        f"{_nearest(other, known)}"
                    )


def _nearest(name: str, known: Iterable[str]) -> str:
    return f"; {did_you_mean(name, known, otherwise='see lexicons/ for the names')}"


#: `re` itself keeps 512 patterns; a lexicon has more, which would be compiled anew for each text.
compiled = functools.lru_cache(maxsize=4096)(re.compile)


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a pattern on any engine; empty where nothing is.

    Examples
    --------
    >>> pattern_fault("送(礼盒)?"), pattern_fault("(礼盒)?")
    ('', 'matches an empty message; make one part of it required')
    """
    try:
        compiled(pattern)
        empty = bool(pl.Series([""]).str.contains(pattern).item())
    except (re.error, pl.exceptions.ComputeError) as error:
        return f"is no regular expression ({error})"
    return "matches an empty message; make one part of it required" if empty else ""


@dataclass(frozen=True)
class Compiler:
    """Turns one marker's lists into patterns, naming its file and itself in every fault.

    Patterns that were `tried` are not compiled again to learn whether they can be.
    """

    path: str
    name: str
    fragments: Mapping[str, str]
    tried: bool = False

    def rules(self, marker: Marker) -> tuple[Compiled, ...]:
        """Return a marker's rules."""
        rules = [Rule(any_of=marker.patterns)] if marker.patterns else []
        return tuple(self.rule(rule) for rule in [*rules, *marker.rules])

    def rule(self, rule: Rule) -> Compiled:
        """Return one rule."""
        lists = [rule.any_of, *rule.all_of] if rule.any_of else rule.all_of
        needed = [self.join(patterns, "any_of") for patterns in lists]
        if not needed:
            raise ConfigError(f"{self.path}, marker `{self.name}`: a rule needs `any_of`")
        if rule.whole:
            needed[0] = tuple(f"^[{_EDGE}]*({pattern})[{_EDGE}]*$" for pattern in needed[0])
        return Compiled(
            needed=tuple(needed),
            none_of=self.join(rule.none_of, "none_of"),
            after_buyer=tuple(rule.after_buyer),
            not_after_buyer=tuple(rule.not_after_buyer),
        )

    def join(self, patterns: list[str], key: str) -> tuple[str, ...]:
        """Return lower-case alternations that hold the patterns in order, none overlong."""
        joined: list[str] = []
        for pattern in patterns:
            filled = self._filled(pattern, self._where(pattern, key))
            if joined and len(joined[-1]) + len(filled) < _LONG:
                joined[-1] = f"{joined[-1]}|{filled}"
            else:
                joined.append(filled)
        if not self.tried and any(map(pattern_fault, joined)):
            # Which of those that were joined it is, is asked only now: to compile takes time.
            for pattern in patterns:
                where = self._where(pattern, key)
                if fault := pattern_fault(self._filled(pattern, where)):
                    raise ConfigError(f"{where}: {fault}")
        return tuple(joined)

    def _where(self, pattern: str, key: str) -> str:
        return f"{self.path}, marker `{self.name}`, key `{key}`, pattern `{pattern}`"

    def _filled(self, pattern: str, where: str) -> str:
        """Return a pattern in lower case, with its fragments in their places."""
        filled = pattern
        for _ in range(_DEPTH):
            filled = FRAGMENT.sub(lambda hit: self._fragment(hit[1], where), filled)
        if FRAGMENT.search(filled):
            raise ConfigError(f"{where}: fragments name each other in a circle; break it")
        foreign = _FOREIGN.search(filled)
        if foreign:
            raise ConfigError(
                f"{where}: `{foreign[0]}` is not read alike by every engine; write literals, |, "
                "( ), classes such as [0-9], ., ? and {m,n}"
            )
        return filled.lower()

    def _fragment(self, name: str, where: str) -> str:
        if name not in self.fragments:
            raise ConfigError(f"{where}: no fragment `{name}`{_nearest(name, self.fragments)}")
        return f"({self.fragments[name]})"
