"""The context of a month, as tests need it: a run's defaults, with what a test says otherwise."""

from __future__ import annotations

from typing import Any, Final

from csinsight.context import MonthContext
from csinsight.params import RunParams
from csinsight.segments.signatures import load_signatures


def month_context(**params: Any) -> MonthContext:
    """Return the context of a run with `params`, on a shop with page views."""
    return MonthContext.of(RunParams(**params), load_signatures())


DEFAULT: Final = month_context()
#: What library functions take of it.
RULES: Final = DEFAULT.rules
LEXICON: Final = DEFAULT.lexicon
TYPES: Final = DEFAULT.types
TIERS: Final = DEFAULT.tiers
LIMITS: Final = DEFAULT.limits
#: Look-backs of buyers' features and of their orders.
WINDOWS: Final = {
    name: getattr(TYPES, name) for name in ("page_view_days", "order_days", "gap_hours")
}
ORDER_DAYS: Final = {"order_days": TIERS.order_days}
#: Below which nothing is estimated, and from which a verdict is given.
LEAST: Final = {
    name: getattr(DEFAULT.params, name) for name in ("min_inquiries", "min_agents", "q_threshold")
} | {"quarter_months": DEFAULT.params.driver_months}
MINIMA: Final = {name: LEAST[name] for name in ("min_inquiries", "min_agents")}
#: What an agent's rates rest on.
RATES: Final = {
    "months": LIMITS.months,
    "min_agent_inquiries": LIMITS.min_agent_inquiries,
    "min_opportunities": LIMITS.min_opportunities,
    "seed": LIMITS.seed,
}
