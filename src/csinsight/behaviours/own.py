"""A shop's own file, ``behaviours.yml``: behaviours without code, and words for built-in markers.

A behaviour of the shop's own is read by its words, as the rules of the lexicons are, and then
stands wherever a built-in one does. The file is held to its own examples: it is not read by a run
that would not read them as they say.

Patterns as people write them, made such as every engine reads alike and in good time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Annotated, Any, Final, Literal

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from csinsight.behaviours.advice_form import Advice, breaks_rules, texts_of
from csinsight.behaviours.lexicon import (
    FRAGMENT,
    Compiler,
    Example,
    Examples,
    Lexicon,
    Marker,
    Rule,
    built_in_fragments,
    check_names,
    load_lexicon,
    not_blank,
)
from csinsight.behaviours.opportunities import BEFORE_SALE, MADE_BY, NO, PRE_SALES, WAITED
from csinsight.behaviours.table import mark_table
from csinsight.config import Yaml, did_you_mean, load, read_yaml
from csinsight.contract.artifacts import AgentSessions, Conversations
from csinsight.contract.domain import BEHAVIOURS, NOTED, TURN_MARKERS
from csinsight.contract.own import own_path
from csinsight.contract.schema import Messages
from csinsight.engine import simplify
from csinsight.errors import ConfigError
from csinsight.params import Lang

#: A pattern that could be tried in more ways than this at one place of a text takes too long.
_MOST_WAYS: Final = 100_000
#: As often can "any number of times" be tried.
_ENDLESS: Final = 1000
Direction = Literal["good", "bad", "neutral"]
_TAUGHT: Final[dict[Direction, str]] = {"good": "more", "bad": "less", "neutral": "nothing"}
#: Opportunities that no marker makes.
EVERY: Final = "every_conversation"
BEFORE: Final = "pre_sales"

_ID: Final = re.compile(r"[a-z][a-z0-9_]{2,39}")
#: Lists that hold names of markers, and not patterns.
_NAMES: Final = ("voided_by", "opportunity", "after_buyer", "not_after_buyer")
#: Ends that tables of csinsight give their columns.
_ENDINGS: Final = ("_turn", "_low", "_high", "_at", "_id", "_numerator", "_denominator")
#: What would be read as mark-up where a name is written.
_MARKUP: Final = re.compile(r"[<>{}\[\]|`*_\\#\x00-\x1f\u2028\u2029]")


def plain_pattern(pattern: str) -> str:
    r"""Return a pattern as texts are read: small, in simplified characters, of half width.

    Examples
    --------
    >>> plain_pattern("可以嗎？OK")
    '可以吗\\?ok'
    """
    halved = ((sign, unicodedata.normalize("NFKC", sign)) for sign in pattern)
    same = "".join(sign if sign == half else re.escape(half) for sign, half in halved)
    return simplify(same.lower())


def ways(pattern: str) -> float:
    """Return in how many ways a matcher that goes back could try `pattern` at one place, at most.

    Polars reads every pattern in a time that grows with the text alone; Spark and the search for
    the words to show go back where a part does not fit. Built-in fragments count as one sign.

    Examples
    --------
    >>> ways("(赠送|送)[^,。]{0,9}礼盒"), ways("(a{0,9}){0,9}b") > 100_000
    (20.0, True)
    """
    return _ways(_parser.parse(FRAGMENT.sub("x", pattern)))


def _ways(items: Any) -> float:
    found = 1.0
    for kind, what in items:
        if kind is _constants.BRANCH:
            found *= sum(_ways(branch) for branch in what[1])
        elif kind is _constants.SUBPATTERN:
            found *= _ways(what[-1])
        elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            least, most, body = what
            each, most = _ways(body), min(int(most), _ENDLESS)
            powers = (min(each ** min(n, 99), 1e12) for n in range(int(least), most + 1))
            found *= sum(powers)
        found = min(found, 1e12)
    return found


def _bearable(value: str) -> str:
    try:
        many = ways(value) > _MOST_WAYS
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"is no regular expression ({error}); close every ( and [, and write \\( for a bracket "
            "that is meant as one"
        ) from error
    if many:
        raise ValueError(
            "could take hours on some texts: don't repeat what holds a repetition or a choice, and "
            "write {0,9} for *"
        )
    return value


OwnPattern = Annotated[
    str, Field(max_length=400), AfterValidator(plain_pattern), AfterValidator(_bearable)
]
OwnPatterns = Annotated[list[OwnPattern], Field(max_length=400), AfterValidator(not_blank)]


def _name(value: str) -> str:
    if found := _MARKUP.search(value):
        raise ValueError(f"a name is plain text; leave out {found[0]!r}")
    return value.strip()


Name = Annotated[str, Field(min_length=2, max_length=40), AfterValidator(_name)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Addition(_Form):
    """What a shop lays over a built-in marker: further patterns, cuts, and words that void it."""

    patterns: OwnPatterns = []
    cut: OwnPatterns = []
    none_of: OwnPatterns = []


class OwnRule(Rule):
    """As `Rule`, for patterns as people write them."""

    any_of: OwnPatterns = Field(default=[])
    all_of: list[OwnPatterns] = Field(default=[])
    none_of: OwnPatterns = Field(default=[])


class Words(_Form):
    """Which words show a marker of the shop's own, with examples that run as its tests."""

    cut: OwnPatterns = []
    patterns: OwnPatterns = []
    rules: list[OwnRule] = []
    examples: Examples


class OwnOpportunity(Words):
    """What buyers write that gives an opportunity of the shop's own."""

    about: str = ""


class Names(_Form):
    """What pages call it."""

    zh: Name
    en: Name


class OwnAdvice(_Form):
    """The entry of the coaching library in both languages."""

    zh: Advice
    en: Advice


class OwnBehaviour(Words):
    """A behaviour of the shop's own.

    Parameters
    ----------
    names : Names
    direction : {'good', 'bad', 'neutral'}
        Whether the shop wants more or less of it. Of a neutral one nobody is advised, whatever it
        goes with.
    opportunity : str or list of str
        ``every_conversation``, ``pre_sales``, a built-in behaviour whose opportunity it shares, or
        markers of the buyer's lines, built-in ones or the shop's `Own.opportunities`, any of which
        gives it.
    where : {'anywhere', 'first_reply', 'whole_turn'}
    voided_by : list of str
        As of `Marker`.
    coaching : OwnAdvice
    """

    names: Names
    direction: Direction
    opportunity: str | list[str] = EVERY
    where: Literal["anywhere", "first_reply", "whole_turn"] = "anywhere"
    voided_by: list[str] = []
    coaching: OwnAdvice

    @property
    def signs(self) -> tuple[str, ...]:
        """What makes the opportunity, as `csinsight.behaviours.opportunities` takes it."""
        told = [self.opportunity] if isinstance(self.opportunity, str) else self.opportunity
        signs: list[str] = []
        for name in told:
            if name in (BEFORE, *PRE_SALES):
                signs += BEFORE_SALE
            else:
                signs += MADE_BY.get(name, () if name in (EVERY, *TURN_MARKERS) else (name,))
        return tuple(dict.fromkeys(signs))


class Own(_Form):
    """What a shop's ``behaviours.yml`` holds; without a file nothing.

    Parameters
    ----------
    additions : dict of str to Addition
        By id of a built-in marker.
    opportunities : dict of str to OwnOpportunity
    behaviours : dict of str to OwnBehaviour
    """

    version: Literal[1] = 1
    additions: dict[str, Addition] = {}
    opportunities: dict[str, OwnOpportunity] = {}
    behaviours: dict[str, OwnBehaviour] = {}

    @cached_property
    def markers(self) -> dict[str, Marker]:
        """The shop's own markers of either side, by id."""
        found = {
            name: _marker(words, "buyer", {"zh": words.about, "en": words.about})
            for name, words in self.opportunities.items()
        }
        for name, own in self.behaviours.items():
            marker = _marker(own, "agent", own.names.model_dump())
            placed = {"where": own.where, "voided_by": own.voided_by}
            found[name] = marker.model_copy(update=placed)
        return found

    @property
    def signs(self) -> dict[str, tuple[str, ...]]:
        """By id of the shop's own behaviours what makes the opportunity."""
        return {name: own.signs for name, own in self.behaviours.items()}

    @property
    def taught(self) -> dict[str, str]:
        """By id of the shop's own behaviours what is taught of it (`domain.TAUGHT`)."""
        return {name: _TAUGHT[own.direction] for name, own in self.behaviours.items()}

    def advice(self, lang: Lang) -> dict[str, Advice]:
        """Return the coaching entries of the shop's own behaviours in one language."""
        return {name: getattr(own.coaching, lang) for name, own in self.behaviours.items()}


def _marker(words: Words, side: Literal["agent", "buyer"], meaning: dict[Any, str]) -> Marker:
    told = {name: getattr(words, name) for name in ("cut", "patterns", "rules", "examples")}
    return Marker(side=side, meaning=meaning, **told)


def read_own(path: Path) -> Own:
    """Return what a ``behaviours.yml`` holds, checked against the lexicons and its own examples.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ConfigError
        A line for each fault: file, line, what is wrong, and the mend.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "behaviours.yml"
    ...     _ = path.write_text("additions: {greets: {patterns: [哈喽亲]}}", encoding="utf-8")
    ...     list(read_own(path).additions)
    ['greets']
    """
    own = load(path, Own)
    faults = list(_Check(read_yaml(path), own).faults())
    if faults:
        raise ConfigError("\n".join(faults))
    return own


def own_of(folder: Path) -> Own:
    """Return what the shop whose tables lie in `folder` has of its own; see `read_own`.

    Examples
    --------
    >>> own_of(Path("a folder without a behaviours.yml")) == Own()
    True
    """
    path = own_path(folder)
    return read_own(path) if path else Own()


@dataclass(frozen=True)
class _Check:
    file: Yaml
    own: Own

    def faults(self) -> Iterator[str]:
        built_in = load_lexicon(reader="rules")
        found = [*self._ids(built_in), *self._additions(built_in)]
        found += [*self._words(built_in), *self._opportunities(built_in), *self._advice()]
        # What the words say is told once they can be read.
        yield from found or self._examples(load_lexicon(self.own, reader="rules"))

    def _at(self, *place: str | int) -> str:
        line = self.file.line(place)
        return f"{self.file.path}{f', line {line}' if line else ''}"

    def _sections(self) -> Iterator[tuple[str, str, Words]]:
        for section, entries in (
            ("opportunities", self.own.opportunities),
            ("behaviours", self.own.behaviours),
        ):
            for name, words in entries.items():
                yield section, name, words

    def _ids(self, built_in: Lexicon) -> Iterator[str]:
        taken = {*BEHAVIOURS, *NOTED, *built_in.markers}
        columns = {*_columns(Conversations), *_columns(AgentSessions), *_columns(Messages)}
        columns |= {"type", "tier", "outcome", "behaviour", "turn_no", "position", "label", "agent"}
        columns |= {"before_outcome", "fell_silent", "waited_long", "stayed_unpaid", "month"}
        for section, name, _ in self._sections():
            at = self._at(section, name)
            if not _ID.fullmatch(name) or name.endswith(_ENDINGS):
                yield (
                    f"{at}: `{name}` can't be an id; write small letters, digits and _, 3 to 40 "
                    f"signs, a letter first, and end it otherwise than in {', '.join(_ENDINGS)}"
                )
            elif name in taken:
                yield f"{at}: `{name}` is built in; take another id, or put words in `additions`"
            elif name in columns or (name in self.own.opportunities and section == "behaviours"):
                yield f"{at}: `{name}` names something else already; take another id"

    def _additions(self, built_in: Lexicon) -> Iterator[str]:
        for name, words in self.own.additions.items():
            place = ("additions", name)
            if name not in built_in.markers:
                near = did_you_mean(name, built_in.markers, otherwise="see docs/own-behaviours.md")
                yield f"{self._at(*place)}: there is no built-in marker `{name}`; {near}"
            yield from self._patterns(place, words)

    def _words(self, built_in: Lexicon) -> Iterator[str]:
        # What is built in keeps its name: of who takes it nothing else is told.
        every = self.own.markers | dict(built_in.markers)
        for section, name, words in self._sections():
            if name in built_in.markers:
                continue
            at, marker = self._at(section, name), self.own.markers[name]
            if faults := list(self._patterns((section, name), words)):
                yield from faults
                continue
            before = any(rule.after_buyer or rule.not_after_buyer for rule in words.rules)
            if before and section == "opportunities":
                yield f"{at}: `after_buyer` is for `behaviours`; leave it out of `opportunities`"
            try:
                check_names({**every, name: marker}, dict.fromkeys(every, at))
                Compiler(at, name, built_in_fragments()).rules(marker)
            except ConfigError as error:
                yield str(error)

    def _patterns(self, place: tuple[str | int, ...], words: BaseModel) -> Iterator[str]:
        """Yield a fault for each pattern that can't be read, at its own line."""
        for key, value in words:
            if isinstance(value, BaseModel) or not isinstance(value, list):
                continue
            for number, one in enumerate(value):
                here = (*place, key, number)
                if isinstance(one, BaseModel):
                    yield from self._patterns(here, one)
                elif key not in _NAMES:
                    inner = [one] if isinstance(one, str) else one
                    try:
                        compiler = Compiler(self._at(*here), str(place[1]), built_in_fragments())
                        compiler.join(inner, key)
                    except ConfigError as error:
                        yield str(error)

    def _opportunities(self, built_in: Lexicon) -> Iterator[str]:
        buyer = [*built_in.ids("buyer"), *self.own.opportunities, WAITED, NO]
        known = [EVERY, BEFORE, *TURN_MARKERS, *buyer]
        for name, own in self.own.behaviours.items():
            told = [own.opportunity] if isinstance(own.opportunity, str) else own.opportunity
            at = self._at("behaviours", name, "opportunity")
            if not told:
                yield f"{at}: `{name}` needs an opportunity; write {EVERY} or name one"
            for one in told:
                if one not in known:
                    yield f"{at}: there is no opportunity `{one}`; {did_you_mean(one, known)}"
            alone = [EVERY, BEFORE, *(n for n in TURN_MARKERS if n not in MADE_BY)]
            if len(told) > 1 and (wide := [one for one in told if one in alone]):
                yield f"{at}: `{wide[0]}` holds the others; write it alone"

    def _advice(self) -> Iterator[str]:
        for name, own in self.own.behaviours.items():
            for lang in ("zh", "en"):
                for text in texts_of(getattr(own.coaching, lang)):
                    if breaks_rules(text):
                        at = self._at("behaviours", name, "coaching", lang)
                        yield f"{at}: this breaks platform rules: {text!r}; say it otherwise"

    def _examples(self, lexicon: Lexicon) -> Iterator[str]:
        rows: list[tuple[str, str, str]] = []
        cases: list[tuple[tuple[str | int, ...], str, bool]] = []
        for section, name, words in self._sections():
            for key, wanted in (("match", True), ("no_match", False)):
                for number, example in enumerate(getattr(words.examples, key)):
                    one = Example(text=example) if isinstance(example, str) else example
                    side = self.own.markers[name].side
                    talk = str(len(cases))
                    if one.buyer and side == "agent":
                        rows.append((talk, "buyer", one.buyer))
                    rows.append((talk, side, one.text))
                    cases.append(((section, name, "examples", key, number), one.text, wanted))
        if not rows:
            return
        names = list(self.own.markers)
        frame = pl.DataFrame(rows, ["conversation_id", "sender", "text"], orient="row")
        marked = mark_table(frame, lexicon, names)
        last = marked.group_by("conversation_id", maintain_order=True).last()
        for row, (place, text, wanted) in zip(last.iter_rows(named=True), cases, strict=True):
            if row[str(place[1])] is not wanted:
                does = "does not show" if wanted else "shows"
                yield (
                    f"{self._at(*place)}: by its words the example {text!r} {does} "
                    f"`{place[1]}`; change the words, or move the example"
                )


def _columns(table: type) -> set[str]:
    return {value for value in vars(table).values() if isinstance(value, str)}
