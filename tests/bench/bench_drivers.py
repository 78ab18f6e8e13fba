"""Drivers of a large shop, with every check: 300,000 inquiries and all behaviours."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.peak import peak_gb
from tests.contexts import LEAST, MINIMA
from tests.validate import hazard_shops

from csinsight.drivers.checks import driver_checks, readiness
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers

INQUIRIES = 300_000
#: Processor seconds that it may take.
MOST_S = 30


def run() -> Iterator[str]:
    """Estimate in every scope, with power, alarms, controls and the second method."""
    for agents in (12, 100):
        kind = hazard_shops.Kind("bench", agents=agents, talks=INQUIRIES, effort=0.25, told=1.0)
        shop = hazard_shops.draw_shop(kind, 1, truth=False)
        started = time.process_time()
        study = design(
            shop.conversations,
            shop.frozen,
            as_of=hazard_shops.AS_OF,
            months=3,
            states=shop.states,
            outcome="paid",
        )
        ready = readiness(study, **MINIMA, q_threshold=LEAST["q_threshold"])
        found = estimate_drivers(study, **LEAST)
        checks = driver_checks(study, found)
        seconds = time.process_time() - started
        peak = peak_gb()
        yield (
            f"{INQUIRIES:,} inquiries, {agents} agents, {len(ready)} behaviours, "
            f"{found['scope'].nunique()} scopes, {len(checks)} checks: "
            f"{seconds:.1f} s of one processor (at most {MOST_S}), {peak:.1f} GiB at most"
        )
