"""The forms of a lexicon file and of a shop's own ``behaviours.yml``: one wrong key is an error.

A marker is a handful of rules in a YAML file that an analyst can edit; a behaviour of a shop's own
is a marker with its names, its opportunity and what is advised on it. Patterns of a shop's own are
taken as people write them, and made such as every engine reads alike and in good time.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from csinsight.behaviours.advice_form import Advice
from csinsight.behaviours.opportunities import BEFORE_SALE, MADE_BY, PRE_SALES
from csinsight.contract.domain import TURN_MARKERS
from csinsight.engine import simplify
from csinsight.params import Lang

Side = Literal["agent", "buyer"]
Where = Literal["anywhere", "first_reply", "last_turn", "whole_turn"]
FRAGMENT: Final = re.compile(r"<([a-z_]+)>")
#: A pattern that could be tried in more ways than this at one place of a text takes too long.
_MOST_WAYS: Final = 100_000
#: As often can "any number of times" be tried.
_ENDLESS: Final = 1000
Direction = Literal["good", "bad", "neutral"]
_TAUGHT: Final[dict[Direction, str]] = {"good": "more", "bad": "less", "neutral": "nothing"}
#: Opportunities that no marker makes.
EVERY: Final = "every_conversation"
BEFORE: Final = "pre_sales"

#: What would be read as mark-up where a name is written.
_MARKUP: Final = re.compile(r"[<>{}\[\]|`*_\\#\x00-\x1f\u2028\u2029]")


def not_blank(values: list[str]) -> list[str]:
    """Refuse an empty pattern.

    Examples
    --------
    >>> not_blank(["有货", "在的"])
    ['有货', '在的']
    >>> not_blank(["有货", " "])
    Traceback (most recent call last):
        ...
    ValueError: holds an empty pattern, which would match every message; remove it
    """
    if any(not value.strip() for value in values):
        raise ValueError("holds an empty pattern, which would match every message; remove it")
    return values


Patterns = Annotated[list[str], AfterValidator(not_blank)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Rule(_Strict):
    """One way to show a marker; all conditions that are given have to hold.

    Parameters
    ----------
    any_of : list of str
        At least one is found in the message.
    all_of : list of list of str
        Of each further list at least one is found too.
    none_of : list of str
        None is found anywhere in the message.
    whole : bool
        `any_of` has to cover the message from end to end, but for spaces and punctuation.
    after_buyer, not_after_buyer : list of str
        Buyer-side markers; one of them (none of them) fired in the buyer's last run of lines.
    """

    any_of: Patterns = []
    all_of: list[Patterns] = []
    none_of: Patterns = []
    whole: bool = False
    after_buyer: list[str] = []
    not_after_buyer: list[str] = []


class Example(_Strict):
    """A message that must, or must not, show the marker, with the buyer's line before it."""

    text: str
    buyer: str | None = None


class Examples(_Strict):
    """Messages that run as tests of their marker."""

    match: list[str | Example] = Field(min_length=1)
    no_match: list[str | Example] = Field(min_length=1)


class HitsRead(_Strict):
    """How many of a marker's hits in public chats were read by a person, and how many right."""

    right: Annotated[int, Field(ge=0)]
    read: Annotated[int, Field(ge=0)]


class Marker(_Strict):
    """One marker as its file has it.

    Parameters
    ----------
    side : {'agent', 'buyer'}
        Whose lines are read.
    meaning : dict of str to str
        One line in ``zh`` and ``en``, for the report.
    where : {'anywhere', 'first_reply', 'last_turn', 'whole_turn'}
        Which of a talk's agent messages count when the talk is judged; a single message is
        judged wherever it stands. ``whole_turn``: every message of a turn has to show it, but for
        bare greetings before it.
    voided_by : list of str
        Agent markers; where one fires in the same turn the talk's turn does not count.
    cut : list of str
        Text that is blanked out before anything is looked for.
    patterns : list of str
        Short for one rule with `any_of`.
    rules : list of Rule
        The marker fires where at least one rule holds.
    precision : HitsRead or None
        Of a rule about people: what became of its hits when they were read one by one.
    """

    side: Side = "agent"
    meaning: dict[Literal["zh", "en"], str]
    where: Where = "anywhere"
    voided_by: list[str] = []
    cut: Patterns = []
    patterns: Patterns = []
    rules: list[Rule] = []
    precision: HitsRead | None = None
    examples: Examples


class LexiconFile(_Strict):
    """One file of ``lexicons/``: markers, and fragments that patterns name as ``<name>``."""

    version: Literal[1]
    about: str = ""
    fragments: dict[str, str] = {}
    markers: dict[str, Marker] = {}


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


class Addition(_Strict):
    """What a shop lays over a built-in marker: further patterns, cuts, and words that void it."""

    patterns: OwnPatterns = []
    cut: OwnPatterns = []
    none_of: OwnPatterns = []


class OwnRule(Rule):
    """As `Rule`, for patterns as people write them."""

    any_of: OwnPatterns = Field(default=[])
    all_of: list[OwnPatterns] = Field(default=[])
    none_of: OwnPatterns = Field(default=[])


class Words(_Strict):
    """Which words show a marker of the shop's own, with examples that run as its tests."""

    cut: OwnPatterns = []
    patterns: OwnPatterns = []
    rules: list[OwnRule] = []
    examples: Examples


class OwnOpportunity(Words):
    """What buyers write that gives an opportunity of the shop's own."""

    about: str = ""


class Names(_Strict):
    """What pages call it."""

    zh: Name
    en: Name


class OwnAdvice(_Strict):
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


class Own(_Strict):
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
    given = {name: getattr(words, name) for name in ("cut", "patterns", "rules", "examples")}
    return Marker(side=side, meaning=meaning, **given)
