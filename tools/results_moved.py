"""Which recorded results of the demo shop moved: ``python -m tools.results_moved BEFORE [AFTER]``.

`BEFORE` and `AFTER` are commits; without `AFTER` the figures are those of the working tree.
Prints the tables of ``docs/results-moved.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = "tests/notebooks/recorded.json"
Figures = dict[str, dict[str, Any]]
#: Of a row's recorded figures those that the tables show, with decimals and factor.
SHOWN = {
    "drivers": {"effect_pp": (1, 1), "low_pp": (1, 1), "high_pp": (1, 1), "raw_pp": (1, 1)},
    "coaching_plan": {"rate": (1, 100), "peer_rate": (1, 100), "expected_gain_inquiries": (1, 1)},
}


def recorded(commit: str | None = None) -> Figures:
    """Return the recorded results of a commit, or of the working tree."""
    if commit is None:
        text = (ROOT / RECORD).read_text(encoding="utf-8")
    else:
        command = ["git", "show", f"{commit}:{RECORD}"]
        done = subprocess.run(  # noqa: S603 - our own words
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        text = done.stdout
    figures: Figures = json.loads(text)
    return figures


def moved(before: Figures, after: Figures) -> list[str]:
    """Return the lines of the tables: one row a figure or, of drivers and plans, a line of them."""
    lines = ["| table | figure | before | after |", "|---|---|--:|--:|"]
    for table in sorted(before.keys() | after.keys()):
        rows = [_rows(table, figures.get(table, {})) for figures in (before, after)]
        for name in sorted(rows[0].keys() | rows[1].keys()):
            then, now = (one.get(name, "–") for one in rows)
            if then != now:
                lines.append(f"| `{table}` | {name} | {then} | {now} |")
    return lines


def _rows(table: str, figures: dict[str, Any]) -> dict[str, str]:
    """Return the figures of a table as they are written, one text a row."""
    shown = SHOWN.get(table)
    if shown is None:
        return {name: f"{value:,.6g}" for name, value in figures.items() if value is not None}
    parts: dict[str, dict[str, str]] = {}
    for name, value in figures.items():
        row, _, figure = name.rpartition(" ")
        if figure in shown:
            decimals, factor = shown[figure]
            factor = 1 if row.endswith("_s") else factor  # seconds, not a share
            told = "–" if value is None else f"{value * factor:.{decimals}f}"
            parts.setdefault(row.removeprefix("all "), {})[figure] = told
    return {row: " · ".join(told.get(f, "–") for f in shown) for row, told in parts.items()}


if __name__ == "__main__":
    first, *rest = sys.argv[1:]
    print("\n".join(moved(recorded(first), recorded(rest[0] if rest else None))))
