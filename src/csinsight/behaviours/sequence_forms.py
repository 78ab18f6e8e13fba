"""The form of sequence rules and of scorecards, as pydantic models that refuse a wrong key."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Side = Literal["agent", "buyer"]
Meaning = dict[Literal["zh", "en"], str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trigger(_Strict):
    """What makes the opportunity.

    Parameters
    ----------
    kind : {'opens', 'wait', 'shows'}
        The buyer's first line; an agent's reply that came after more than ``over_s``; a line of
        ``side`` that shows ``marker``.
    over_s : float or None
        Seconds, of a ``wait``; rounds that began out of service hours are none.
    side : {'agent', 'buyer'} or None
        Of ``shows``.
    marker : str or None
        Of ``shows``: an id of the lexicon on that side.
    """

    kind: Literal["opens", "wait", "shows"]
    over_s: Annotated[float, Field(gt=0)] | None = None
    side: Side | None = None
    marker: str | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needed = {"opens": set(), "wait": {"over_s"}, "shows": {"side", "marker"}}[self.kind]
        given = {n for n in ("over_s", "side", "marker") if getattr(self, n) is not None}
        if given != needed:
            told = ", ".join(sorted(needed)) or "nothing else"
            raise ValueError(f"a trigger of kind `{self.kind}` takes {told}")
        return self


class Within(_Strict):
    """How far a window reaches from its trigger: so many messages of one side, or minutes."""

    messages: Annotated[int, Field(ge=1)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.messages is None) == (self.minutes is None):
            raise ValueError("give either `messages` or `minutes`")
        return self


class Expected(_Strict):
    """What has to be shown in the window, or must not be."""

    any_of: Annotated[list[str], Field(min_length=1)]
    shown: bool = True


class RuleExample(_Strict):
    """Lines of minute, sender and text, and how often the rule applies and breaks."""

    conversation: Annotated[
        list[tuple[float, Literal["buyer", "agent", "bot"], str]], Field(min_length=1)
    ]
    opportunities: Annotated[int, Field(ge=0)]
    broken: Annotated[int, Field(ge=0)]


class SequenceRule(_Strict):
    """One sequence rule.

    Parameters
    ----------
    meaning : dict of str to str
        What is expected, in ``zh`` and ``en``.
    trigger : Trigger
    who : {'agent', 'buyer'}
        Whose messages are looked at.
    within : Within
        Begins with the trigger's own line where that is of the same side.
    expect : Expected
    examples : list of RuleExample
        Run as tests.
    """

    meaning: Meaning
    trigger: Trigger
    who: Side = "agent"
    within: Within
    expect: Expected
    examples: Annotated[list[RuleExample], Field(min_length=2)]


class RulesFile(_Strict):
    """A file of sequence rules."""

    version: Literal[1]
    about: str = ""
    rules: Annotated[dict[str, SequenceRule], Field(min_length=1)]


class Item(_Strict):
    """One line of a scorecard; exactly one of ``behaviour``, ``rule`` and ``at_most``.

    Parameters
    ----------
    meaning : dict of str to str
        What keeps the points, in few words, in ``zh`` and ``en``.
    points : float
    group : {'speed', 'courtesy', 'answers', 'problems', 'compliance'}
    behaviour : str or None
        A column of conversations; ``good`` tells whether showing it earns or loses the points.
    rule : str or None
        A sequence rule; with several opportunities the share kept earns its share of the points.
    at_most : dict of str to float or None
        A timing and the most that earns the points.
    good : bool
    """

    meaning: Meaning
    points: Annotated[float, Field(gt=0)]
    group: Literal["speed", "courtesy", "answers", "problems", "compliance"]
    behaviour: str | None = None
    rule: str | None = None
    at_most: Annotated[dict[str, float], Field(min_length=1, max_length=1)] | None = None
    good: bool = True

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if sum(v is not None for v in (self.behaviour, self.rule, self.at_most)) != 1:
            raise ValueError("give exactly one of `behaviour`, `rule` and `at_most`")
        return self


class Scorecard(_Strict):
    """A weighted scorecard (质检评分表).

    Parameters
    ----------
    items : dict of str to Item
        Points sum to 100.
    red_lines : list of str
        Behaviours that bring a conversation's score to 0 (一票否决).
    least_points : float
        A conversation in which fewer points had an opportunity has no score.
    """

    version: Literal[1]
    title: Meaning
    as_of: str
    sources: Annotated[list[str], Field(min_length=1)]
    least_points: Annotated[float, Field(ge=0, le=100)]
    red_lines: list[str] = []
    items: Annotated[dict[str, Item], Field(min_length=1)]

    @model_validator(mode="after")
    def _points_make_a_hundred(self) -> Self:
        total = sum(item.points for item in self.items.values())
        if abs(total - 100) > 1e-9:
            raise ValueError(f"the points of all items have to make 100, not {total:g}")
        return self
