"""The demo shop's recorded results: what is recorded, within what tolerance, and how to record."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

FILE = Path(__file__).with_name("recorded.json")
#: Relative tolerance of a recorded figure; other machines differ in the last bits of a fit.
RELATIVE = 1e-3
ABSOLUTE = 1e-6


def summary(artifacts: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of a run that are held to their recorded values, by table."""
    return {
        "buyer_types": _counts(artifacts, "buyer_types", "type"),
        "value_tiers": _counts(artifacts, "value_tiers", "tier")
        | _sums(artifacts, "value_tiers", ["expected_spend_90d", "net_spend_90d"]),
        "conversations": _counts(artifacts, "conversations", "category")
        | _sums(artifacts, "conversations", ["is_inquiry", "ordered", "paid", "mature"]),
        "agent_kpis": _keyed(
            artifacts, "agent_kpis", ["agent_id"], ["paid_rate", "first_response_median_s"]
        ),
        "drivers": _keyed(
            artifacts,
            "drivers",
            ["scope", "behaviour"],
            ["raw_pp", "effect_pp", "low_pp", "high_pp"],
            only=("scope", "all"),
        ),
        "coaching_plan": _keyed(
            artifacts,
            "coaching_plan",
            ["agent_id", "behaviour"],
            ["rate", "peer_rate", "expected_gain_inquiries"],
        ),
    }


def differences(found: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    """Return every figure that is not as recorded, one line each."""
    lines = []
    for table in sorted(found.keys() | recorded.keys()):
        now, then = found.get(table, {}), recorded.get(table, {})
        for name in sorted(now.keys() | then.keys()):
            if name not in now or name not in then:
                lines.append(f"{table}: {name} is {'new' if name in now else 'gone'}")
            elif not _close(now[name], then[name]):
                lines.append(f"{table}: {name} was {then[name]}, is {now[name]}")
    return lines


def _close(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return now is then
    return math.isclose(now, then, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _counts(artifacts: Path, table: str, column: str) -> dict[str, float]:
    frame = pd.read_parquet(artifacts / f"{table}.parquet", columns=[column])
    return {str(name): int(count) for name, count in frame[column].value_counts().items()}


def _sums(artifacts: Path, table: str, columns: list[str]) -> dict[str, float]:
    frame = pd.read_parquet(artifacts / f"{table}.parquet", columns=columns)
    return {f"sum of {name}": _plain(frame[name].astype("Float64").sum()) for name in columns}


def _keyed(
    artifacts: Path,
    table: str,
    keys: list[str],
    values: list[str],
    only: tuple[str, str] | None = None,
) -> dict[str, float | None]:
    frame = pd.read_parquet(artifacts / f"{table}.parquet")
    if only:
        frame = frame[frame[only[0]] == only[1]]
    return {
        f"{' '.join(str(row[key]) for key in keys)} {value}": _plain(row[value])
        for _, row in frame.iterrows()
        for value in values
    }


def _plain(value: Any) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)


def write(artifacts: Path) -> None:
    """Record the results of a run as those to hold later runs to."""
    text = json.dumps(summary(artifacts), indent=1, sort_keys=True, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
