"""Which months a run is for: one, the last, a range, or those that were missed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import narwhals as nw

from csinsight.engine import collect, ms, open_shop
from csinsight.params import ParamsError, add_months, month_start
from csinsight.report.plan import TIMES
from csinsight.report.site import INDEX, REPORT_FILE
from csinsight.report.state import RUN_FILE, Places

_MS_A_DAY = 86_400_000
_EPOCH = datetime(1970, 1, 1)


def last_month(timezone: str) -> str:
    """Return the month before the one that it is now in `timezone`: the last complete one."""
    today = datetime.now(ZoneInfo(timezone)).replace(tzinfo=None)
    return f"{add_months(today, -1):%Y-%m}"


def parse_months(text: str, timezone: str) -> list[str]:
    """Return the months that `text` names: ``2026-10``, ``last``, or ``2026-08..2026-10``.

    Either end of a range may be ``last``; both are part of it.

    Raises
    ------
    ParamsError
        Where it is none of these, or the range ends before it begins.
    """
    ends = [last_month(timezone) if end == "last" else end for end in text.split("..")]
    if len(ends) > 2 or not all(re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", end) for end in ends):
        raise ParamsError(
            f"parameter `month`: a month is written YYYY-MM, for example 2026-10, or `last`; "
            f"several 2026-08..2026-10; got {text!r}"
        )
    months = list(_between(ends[0], ends[-1]))
    if not months:
        raise ParamsError(f"parameter `month`: {text!r} ends before it begins")
    return months


def missed(out: Path, shop: str, data: Path, until: str) -> list[str]:
    """Return the months to make so that no report is missing up to the month `until`.

    These are `until` itself, and each month with data since the shop's first finished report
    that has none, or one that lacks an agent's card.

    Raises
    ------
    ValueError
        Where a table can't be read; a run says so too.
    """
    reports = Places(out, shop, until).shop_reports
    finished = sorted(path.parent.name for path in reports.glob(f"[0-9]*/{REPORT_FILE}"))
    if not finished:
        return [until]
    since = f"{add_months(month_start(finished[0]), 1):%Y-%m}"
    gaps = [m for m in _between(since, until) if m != until and not _is_good(out, shop, m)]
    if gaps:
        happened = _months_with_data(data)
        gaps = [month for month in gaps if month in happened]
    return [*gaps, until]


def _is_good(out: Path, shop: str, month: str) -> bool:
    places = Places(out, shop, month)
    state = places.run / RUN_FILE
    if not (places.report / INDEX).is_file():
        return False
    # A month copied from elsewhere has a report and no run; only a run knows of missing cards.
    known = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else {}
    return known.get("status") != "incomplete"


def _between(first: str, last: str) -> Iterator[str]:
    month = month_start(first)
    while month <= month_start(last):
        yield f"{month:%Y-%m}"
        month = add_months(month, 1)


def _months_with_data(data: Path) -> set[str]:
    shop = open_shop(data, "polars")
    months: set[str] = set()
    for table, time in TIMES.items():
        if shop.has(table, time):
            days = shop[table].select((nw.col(ms(time)) // _MS_A_DAY).alias("day")).unique()
            numbers = collect(days)["day"].dropna()
            months |= {
                f"{datetime.fromordinal(_EPOCH.toordinal() + int(n)):%Y-%m}" for n in numbers
            }
    return months
