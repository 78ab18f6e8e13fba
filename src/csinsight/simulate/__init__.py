"""Simulated shops with known truth: the demo, and worlds to try methods on."""

from __future__ import annotations

from csinsight.simulate.scenario import SCENARIOS, SIZES, Scenario, Size
from csinsight.simulate.shop import simulate
from csinsight.simulate.tables import Truth

__all__ = ["SCENARIOS", "SIZES", "Scenario", "Size", "Truth", "simulate"]
