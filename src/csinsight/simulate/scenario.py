"""Every knob of a simulated world, the named worlds, and the sizes of a shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from csinsight.contract.domain import ENDINGS

EffectKind = Literal["real", "none", "confounded", "reversed"]

#: Log-odds of conversion that a behaviour adds once shown. ``first_response_s`` is per doubling
#: of the seconds. Sizes are ours: large enough to be seen in three months of a demo shop.
DEMO_EFFECTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "first_response_s": -0.15,
        "recommends": 0.50,
        "offers_alternative": 0.60,
        "empathizes": 0.50,
        "refuses_flatly": -0.70,
        "curt_reply": -0.55,
        "greets": 0.0,
        "polite_words": 0.0,
        "apologizes": 0.0,
        "asks_needs": 0.0,
        "leading_question": 0.0,
        "gives_specifics": 0.0,
        "explains_value": 0.0,
        "repeats_canned": 0.0,
        "uses_emoji": 0.0,
        "promises_time": 0.0,
        "follows_up": 0.0,
        "reminds_payment": 0.0,
        "checks_address": 0.0,
        "closes_warmly": 0.0,
    }
)
#: How strongly an agent's skill shifts the log-odds of showing a behaviour (times `skill_tie`).
DEMO_TIES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "greets": 0.8,
        "polite_words": 0.8,
        "gives_specifics": 0.5,
        "recommends": 0.2,
        "empathizes": 0.2,
        "refuses_flatly": -0.3,
        "curt_reply": -0.3,
        "apologizes": -0.3,
        "reminds_payment": 0.3,
        "closes_warmly": 0.4,
        "uses_emoji": -0.4,
    }
)
#: Shown to some buyers and not to others for a reason that the raw comparison overlooks.
CONFOUNDED: Final = ("greets", "polite_words", "gives_specifics", "apologizes", "uses_emoji")
#: Follow from what the buyer did (ordered, fell silent, didn't pay), never the other way round.
REVERSED: Final = ("closes_warmly", "checks_address", "reminds_payment", "follows_up")
#: Shown less, where agents make an effort.
PUTS_OFF: Final = ("refuses_flatly", "curt_reply", "repeats_canned", "rude_or_blaming")
#: What is said with polite words in it where words overlap.
OVERLAPPING: Final = ("empathizes", "apologizes", "recommends", "offers_alternative")


@dataclass(frozen=True)
class Scenario:
    """A world that a shop is drawn from.

    Parameters
    ----------
    name : str
    type_shares : tuple of float
        Shares of the six types in the order of `csinsight.contract.domain.BUYER_TYPES`.
    purity : float
        Mean weight of a buyer's own type in their blend, in (0, 1); the rest is the other types.
    visits : float
        Factor on visits a month; below 1 for sparse page views.
    browsing : float
        How strongly the pages seen before a conversation tell of the buyer's intent; 0: not at all.
    effects : mapping of str to float
        True log-odds a behaviour adds; see `DEMO_EFFECTS`.
    ties : mapping of str to float
        How an agent's skill shifts what they show; see `DEMO_TIES`.
    skill_tie : float
        Factor on `ties`.
    skill_sd : float
        Standard deviation, in log-odds of conversion, of agents' skill.
    habit_sd : float
        Standard deviation, in log-odds, of an agent's own habit per behaviour.
    routing : float
        How strongly hard cases go to weaker agents; 0 for no routing.
    hesitancy : float
        Log-odds lost per standard deviation of a buyer's hesitancy.
    hesitancy_length : float
        How strongly hesitancy lengthens the conversation (log scale).
    late : float
        How much of the habit of showing a behaviour is left after the third agent turn, when
        the ground has been gone over; at 1 conversations that last longer simply show more.
    impatience : float
        Extra chance that a flat refusal or a curt reply ends the conversation there.
    base : float
        Log-odds of ordering of an average buyer with an average agent.
    effort : float
        Log-odds by which a standard deviation of the buyer's intent moves what an agent shows at a
        turn, less for what puts buyers off; keen buyers are answered sooner, too.
    warming : float
        Standard deviation of the change of a buyer's intent from turn to turn.
    opening : float
        Log-odds by which a standard deviation of intent lengthens the opening.
    by_talk : tuple of str
        Behaviours that an agent decides on once a conversation, wherever in it they fall.
    overlap : float
        Chance that words of `OVERLAPPING` come with polite ones.
    handover : float
        Share of conversations that another agent takes over.
    late_handover : bool
        Whether that may be after any turn, not only after the first.
    unvoiced : tuple of str
        Behaviours that agents also show where no buyer gave the opportunity.
    unanswered : float
        Share of conversations within service hours that nobody answers.
    campaign_days : tuple of int
        Days of the month with a sale: more conversations, slower replies, readier buyers.
    conversation_ids : bool
        Whether messages carry ids; without, conversations have to be cut by gaps.
    losses : mapping of str to float
        By `csinsight.contract.domain.ENDINGS`, how often an inquiry without an order ends on each,
        in relation to the others; empty: buyers leave as they like.
    """

    name: str = "demo"
    type_shares: tuple[float, ...] = (0.24, 0.14, 0.17, 0.20, 0.13, 0.12)
    purity: float = 0.78
    visits: float = 1.0
    browsing: float = 1.0
    effects: Mapping[str, float] = field(default_factory=lambda: DEMO_EFFECTS)
    ties: Mapping[str, float] = field(default_factory=lambda: DEMO_TIES)
    skill_tie: float = 1.0
    skill_sd: float = 0.35
    habit_sd: float = 0.7
    routing: float = 0.3
    hesitancy: float = 0.6
    hesitancy_length: float = 0.35
    late: float = 0.25
    impatience: float = 0.0
    base: float = 0.1
    effort: float = 0.0
    warming: float = 0.0
    opening: float = 0.0
    by_talk: tuple[str, ...] = ()
    overlap: float = 0.0
    handover: float = 0.05
    late_handover: bool = False
    unvoiced: tuple[str, ...] = ()
    unanswered: float = 0.015
    campaign_days: tuple[int, ...] = (8, 9, 10)
    conversation_ids: bool = False
    losses: Mapping[str, float] = field(default_factory=dict)

    def kind(self, behaviour: str) -> EffectKind:
        """Return what kind of truth `behaviour` has in this world."""
        if self.effects[behaviour] != 0:
            return "real"
        if behaviour in REVERSED:
            return "reversed"
        if behaviour in CONFOUNDED:
            return "confounded"
        return "none"


@dataclass(frozen=True)
class Size:
    """How much a simulated shop holds; `conversations` is the total over the chat months."""

    buyers: int
    agents: int
    conversations: int


SIZES: Final[Mapping[str, Size]] = MappingProxyType(
    {
        "small": Size(buyers=2_500, agents=12, conversations=6_000),
        "medium": Size(buyers=12_000, agents=24, conversations=36_000),
        "large": Size(buyers=100_000, agents=100, conversations=300_000),
    }
)

_DEMO: Final = Scenario()
_NO_EFFECT: Final = MappingProxyType(dict.fromkeys(DEMO_EFFECTS, 0.0))
#: Every way to end, some often and some seldom.
_LOSSES: Final = dict(
    zip(ENDINGS, (0.2, 0.08, 0.12, 0.06, 0.08, 0.06, 0.06, 0.08, 0.12, 0.14), strict=True)
)
#: About three points each.
_SMALL: Final = MappingProxyType(
    {name: 0.15 * (effect > 0) - 0.15 * (effect < 0) for name, effect in DEMO_EFFECTS.items()}
)
_ONCE: Final = ("polite_words", "recommends", "gives_specifics", "refuses_flatly", "uses_emoji")
#: Worlds as shops are and simulators seldom: agents answer the buyer, words overlap, people change.
_LIKE_LIFE: Final = (
    replace(_DEMO, name="responding_mild", effort=0.25, opening=0.6),
    replace(_DEMO, name="responding", effort=0.5, opening=0.6),
    replace(_DEMO, name="warming", effort=0.5, warming=0.5, opening=0.6),
    replace(_DEMO, name="mixed_placement", by_talk=_ONCE),
    replace(_DEMO, name="overlapping", overlap=0.6),
    replace(_DEMO, name="small_effects", effects=_SMALL),
    replace(_DEMO, name="handovers", handover=0.7, late_handover=True),
    replace(_DEMO, name="unvoiced", unvoiced=("empathizes", "offers_alternative", "apologizes")),
    replace(
        _DEMO,
        name="all_at_once",
        effort=0.25,
        warming=0.25,
        opening=0.6,
        by_talk=_ONCE,
        overlap=0.6,
        handover=0.4,
        late_handover=True,
        unvoiced=("empathizes",),
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            _DEMO,
            replace(_DEMO, name="null", effects=_NO_EFFECT),
            replace(
                _DEMO,
                name="confounded",
                skill_tie=2.0,
                skill_sd=0.5,
                routing=0.8,
                hesitancy=0.9,
                hesitancy_length=0.45,
            ),
            # Weak agents haggle back most: raw figures speak against offering a way out.
            replace(
                _DEMO,
                name="haggling",
                skill_sd=0.9,
                ties=MappingProxyType({**DEMO_TIES, "offers_alternative": -2.5}),
            ),
            replace(_DEMO, name="impatient", impatience=0.35),
            replace(_DEMO, name="clean_types", purity=0.96, visits=1.5),
            replace(_DEMO, name="sparse_types", purity=0.62, visits=0.3),
            replace(_DEMO, name="missing_type", type_shares=(0.27, 0.17, 0.2, 0.22, 0.14, 0.0)),
            replace(_DEMO, name="losses", losses=MappingProxyType(_LOSSES), conversation_ids=True),
            replace(_DEMO, name="unequal_types", type_shares=(0.7, *[0.06] * 5)),
            *_LIKE_LIFE,
            # Without effects, small ones are the same world as `null`.
            *(
                replace(scenario, name=f"{scenario.name}_null", effects=_NO_EFFECT)
                for scenario in _LIKE_LIFE
                if scenario.effects is not _SMALL
            ),
        )
    }
)


def scenario_named(name: str) -> Scenario:
    """Return the world called `name`.

    Raises
    ------
    ValueError
        Where there is none; the message lists the names.

    Examples
    --------
    >>> scenario_named("null").effects["recommends"]
    0.0
    """
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario {name!r}; choose one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
