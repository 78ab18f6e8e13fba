"""Whether a message bargains, as one expression for all engines: ``params/bargaining.yml``."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Final, Literal

import narwhals as nw
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from csinsight.contract.tables import Messages
from csinsight.params import shipped

FILE: Final = "bargaining.yml"
_Texts = Annotated[tuple[str, ...], Field(min_length=1)]


class Examples(BaseModel):
    """Messages that must and must not count."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    match: _Texts
    no_match: _Texts


class Bargaining(BaseModel):
    """The patterns, of which one is enough, and what they are held to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    patterns: _Texts
    examples: Examples

    @model_validator(mode="after")
    def _examples_hold(self) -> Bargaining:
        for text in self.examples.match:
            if not self.found_in(text):
                raise ValueError(f"`{text}` should count as bargaining and no pattern finds it")
        for text in self.examples.no_match:
            if self.found_in(text):
                raise ValueError(f"`{text}` should not count as bargaining and a pattern finds it")
        return self

    def found_in(self, text: str) -> bool:
        """Tell whether one message bargains."""
        return any(re.search(pattern, text.lower()) for pattern in self.patterns)


@cache
def load_bargaining() -> Bargaining:
    """Return the shipped patterns, checked against their examples."""
    text = shipped("params", FILE).read_text(encoding="utf-8")
    return Bargaining.model_validate(yaml.safe_load(text))


def bargains() -> nw.Expr:
    """Return whether a message bargains; null where it has no text."""
    text = nw.col(Messages.TEXT).str.to_lowercase()
    first, *rest = (text.str.contains(pattern) for pattern in load_bargaining().patterns)
    found = first
    for one in rest:
        found |= one
    return found
