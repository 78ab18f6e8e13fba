"""A study of an online shop's buyers and of its customer-service agents.

The names that a notebook or script needs most stand here; each is loaded when it is first used.

Examples
--------
>>> import csinsight
>>> csinsight.RunParams(month="2026-10").driver_months
3
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__version__ = "0.2.0"

#: Public names by the module that they come from, in the order in which a study uses them.
_PUBLIC: Final = {
    "RunParams": "csinsight.params",
    "run_import": "csinsight.importers.run",
    "check_shop": "csinsight.contract.check",
    "open_shop": "csinsight.engine",
    "run_month": "csinsight.runs.month",
    "open_study": "csinsight.views.study",
    "conversation_table": "csinsight.views.explore",
    "drivers_of": "csinsight.views.explore",
    "types_by_month": "csinsight.segments.by_month",
    "tiers_by_month": "csinsight.segments.by_month",
    "lagged_segments": "csinsight.segments.by_month",
    "build_conversations": "csinsight.behaviours.conversations",
    "shop_kpis": "csinsight.behaviours.kpis",
    "agent_kpis": "csinsight.behaviours.kpis",
    "design": "csinsight.drivers.design",
    "estimate_drivers": "csinsight.drivers.estimates",
    "coach": "csinsight.coaching.month",
    "sample_shop": "csinsight.sample",
    "sample_context": "csinsight.sample",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - names of the table above


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"csinsight has no `{name}`; it has {', '.join(_PUBLIC)}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
