"""The form of a lexicon file, as pydantic models: one wrong key or type is an error."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Side = Literal["agent", "buyer"]
Where = Literal["anywhere", "first_reply", "last_turn", "whole_turn"]


def _not_blank(values: list[str]) -> list[str]:
    if any(not value.strip() for value in values):
        raise ValueError("holds an empty pattern, which would match every message; remove it")
    return values


Patterns = Annotated[list[str], AfterValidator(_not_blank)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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
        judged wherever it stands. ``whole_turn``: every message of a turn has to show it.
    voided_by : list of str
        Agent markers; where one fires in the same turn the talk's turn does not count.
    cut : list of str
        Text that is blanked out before anything is looked for.
    patterns : list of str
        Short for one rule with `any_of`.
    rules : list of Rule
        The marker fires where at least one rule holds.
    """

    side: Side = "agent"
    meaning: dict[Literal["zh", "en"], str]
    where: Where = "anywhere"
    voided_by: list[str] = []
    cut: Patterns = []
    patterns: Patterns = []
    rules: list[Rule] = []
    examples: Examples


class LexiconFile(_Strict):
    """One file of ``lexicons/``: markers, and fragments that patterns name as ``<name>``."""

    version: Literal[1]
    about: str = ""
    fragments: dict[str, str] = {}
    markers: dict[str, Marker] = {}


class Addition(_Strict):
    """What a shop lays over a marker: further patterns, cuts, and words that void it."""

    patterns: Patterns = []
    cut: Patterns = []
    none_of: Patterns = []


class Additions(_Strict):
    """A shop's own file of additions."""

    version: Literal[1]
    markers: dict[str, Addition] = {}
