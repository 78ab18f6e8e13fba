"""The six archetypes as signatures over features, read from ``params/archetypes.yml``.

A signature line says in which direction from the shop's other buyers a type is expected to lie,
and why. How far is learnt from the shop: the study behind the types saw the whole web in one
country in 2000, one shop sees its own visitors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from csinsight.config import did_you_mean, load
from csinsight.contract.domain import BUYER_TYPES
from csinsight.engine import Shop
from csinsight.params import shipped

#: Derived features that a signature may name, in the order of every matrix of this room.
FEATURES: Final = (
    "checkout_share",
    "orders_per_visit",
    "pages_per_visit",
    "visits_per_month",
    "seconds_per_page",
    "breadth",
    "new_arrival_share",
    "account_age",
    "help_share",
    "community_share",
    "deal_share",
    "discount_share",
    "coupon_share",
    "bargaining_share",
    "news_share",
    "gap_evenness",
    "hour_evenness",
    "sports_share",
    "orders_per_talk",
    "messages_per_talk",
)

#: Signatures for shops without page views.
ADAPTED: Final = "archetypes_orders.yml"

_STRICT = ConfigDict(extra="forbid", frozen=True)
_Text = Annotated[str, Field(min_length=1)]


class Reason(BaseModel):
    """Why a type is expected to differ, in Chinese and English."""

    model_config = _STRICT
    zh: _Text
    en: _Text


class Line(BaseModel):
    """One line of a signature: a feature, its weight in [-2, 2], and the reason.

    ``at_most`` is where, in the feature's own unit, the word itself ends: who lies above is none,
    however far below the shop's other buyers.
    """

    model_config = _STRICT
    feature: str
    weight: Annotated[float, Field(ge=-2, le=2)]
    at_most: float | None = None
    reason: Reason


class Archetype(BaseModel):
    """One buyer type: what marks it, and what must be measurable to see it."""

    model_config = _STRICT
    needs: Annotated[tuple[str, ...], Field(min_length=1)]
    signature: Annotated[tuple[Line, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_known(self) -> Archetype:
        named = [line.feature for line in self.signature]
        for name in (*named, *self.needs):
            if name not in FEATURES:
                raise ValueError(f"unknown feature `{name}`; {did_you_mean(name, FEATURES)}")
        if len(set(named)) < len(named):
            raise ValueError("a feature stands twice in the signature; keep one line for it")
        if missing := set(self.needs) - set(named):
            raise ValueError(f"`needs` names {sorted(missing)}, which the signature lacks")
        return self


class SupportRules(BaseModel):
    """When a type counts as supported by a shop's data; the file says what each means."""

    model_config = _STRICT
    min_buyers: Annotated[int, Field(ge=2)] = 30
    min_members: Annotated[int, Field(ge=1)] = 8
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    min_gain: Annotated[float, Field(ge=0)] = 0.1
    min_match: Annotated[float, Field(ge=-1, le=1)] = 0.5
    min_contrast: Annotated[float, Field(ge=0)] = 2.0
    min_ratio: Annotated[float, Field(ge=1)] = 1.75


class MemoryRules(BaseModel):
    """What is remembered of a buyer beside this look-back; the file says what each means."""

    model_config = _STRICT
    changed: Annotated[float, Field(gt=0, le=1)] = 0.3
    hold: Annotated[float, Field(ge=1)] = 5.0
    months: Annotated[int, Field(ge=0, le=12)] = 2
    passing: tuple[str, ...] = ("account_age", "discount_share", "coupon_share")

    @model_validator(mode="after")
    def _names_are_known(self) -> MemoryRules:
        if unknown := sorted(set(self.passing) - set(FEATURES)):
            raise ValueError(f"unknown feature {unknown} in `passing`")
        return self


class Signatures(BaseModel):
    """All six archetypes and the rules of support.

    Parameters
    ----------
    adaptation : bool
        Whether these stand in for signatures over page views; a page says so where it shows.
    evidence : tuple of str
        Counts of `csinsight.features.buyers.BuyerFeatures` that together tell how much was seen
        of a buyer.
    min_evidence : int or None
        Least of them to be called a type; None leaves it to the run's parameter.
    """

    model_config = _STRICT
    version: Literal[1]
    adaptation: bool = False
    evidence: Annotated[tuple[str, ...], Field(min_length=1)] = ("pages",)
    min_evidence: Annotated[int, Field(ge=1)] | None = None
    support: SupportRules = SupportRules()
    memory: MemoryRules = MemoryRules()
    archetypes: dict[str, Archetype]

    @model_validator(mode="after")
    def _six_types(self) -> Signatures:
        if unknown := set(self.archetypes) - set(BUYER_TYPES):
            raise ValueError(f"unknown type {sorted(unknown)}; known: {', '.join(BUYER_TYPES)}")
        if missing := [name for name in BUYER_TYPES if name not in self.archetypes]:
            raise ValueError(f"no archetype for {missing}; every one of the six needs its lines")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """Features that any type names, in the order of `FEATURES`: no other shapes the types."""
        named = {line.feature for kind in self.archetypes.values() for line in kind.signature}
        return tuple(name for name in FEATURES if name in named)

    def matrix(self) -> npt.NDArray[np.float64]:
        """Return the weights, types of `BUYER_TYPES` by `FEATURES`; 0 where nothing is said."""
        weights = np.zeros((len(BUYER_TYPES), len(FEATURES)))
        for row, name in enumerate(BUYER_TYPES):
            for line in self.archetypes[name].signature:
                weights[row, FEATURES.index(line.feature)] = line.weight
        return weights

    def reason(self, buyer_type: str, feature: str, lang: Literal["zh", "en"]) -> str | None:
        """Return the textbook's reason for `feature` in the signature of `buyer_type`, or None."""
        for line in self.archetypes[buyer_type].signature:
            if line.feature == feature:
                return line.reason.zh if lang == "zh" else line.reason.en
        return None


def signatures_of(shop: Shop) -> Signatures:
    """Return the shipped signatures that fit a shop's tables.

    Without page views the answer is the adaptation to orders and chats.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> signatures_of(sample_shop()) == load_signatures()
    True
    """
    return load_signatures(None if shop.has("page_views") else shipped("params", ADAPTED))


def load_signatures(path: Path | None = None) -> Signatures:
    """Read the archetypes.

    Parameters
    ----------
    path : Path or None
        A shop's own file; None for the one that comes with csinsight.

    Raises
    ------
    ConfigError
        Naming the file, the place in it, and what to mend.

    Examples
    --------
    >>> sorted(load_signatures().archetypes)
    ['bargain', 'newcomer', 'periodic', 'simple', 'sporty', 'surfing']
    """
    return load(path or shipped("params", "archetypes.yml"), Signatures)
