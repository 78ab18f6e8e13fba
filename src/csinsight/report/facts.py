"""Names of the small facts that notebooks leave for the index pages."""

from __future__ import annotations

from typing import Final

#: The one line of a page on the index.
FINDING: Final = "finding"
#: What a notebook could not make, and why.
LEFT_OUT: Final = "left_out"
#: Written by the brief: by name of a figure, its value, and the ends of its interval if it has one.
KPIS: Final = "kpis"
#: Figures whose trend the shop's index shows, and the method of `Words` that writes each.
TRENDS: Final = {
    "paid_rate": "percent",
    "inquiries": "number",
    "sales": "money",
    "first_response_median_s": "seconds",
}
