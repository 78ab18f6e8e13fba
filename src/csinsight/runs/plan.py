"""Which notebooks a run can make from what a shop has, and what each is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import pandas as pd

from csinsight.config import did_you_mean, nearest
from csinsight.contract.schema import Messages, Orders, PageViews
from csinsight.engine import Shop, collect, ms, open_shop
from csinsight.errors import PlanError
from csinsight.params import (
    BUILDS_ON,
    EXTRA,
    NOTEBOOKS,
    PLACES,
    JsonValue,
    RunParams,
    month_end,
    month_start,
    notebook_params,
)
from csinsight.render.page import page_slug

CHECK: Final = "00_data_check"
CARD: Final = "06_agent_card"
BRIEF: Final = "07_monthly_brief"
#: The time that says when a row of a table happened.
TIMES: Final = {
    "page_views": PageViews.VIEWED_AT,
    "orders": Orders.PLACED_AT,
    "messages": Messages.SENT_AT,
}


@dataclass(frozen=True)
class Step:
    """One notebook to execute: `name` differs from `notebook` for agents' cards."""

    name: str
    notebook: str
    extra: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """When the rows of a table happened; both None where it has no times."""

    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Supply:
    """What a shop has for a month.

    Parameters
    ----------
    left_out : dict of str to str
        By notebook that can't be made, the word (under ``left_out``) that says why.
    covers : date or None
        Last day with data within the month or before it.
    """

    left_out: dict[str, str]
    covers: date | None


def supply(data: Path, params: RunParams) -> Supply:
    """Tell which notebooks can't be made from the tables in `data`, and why.

    Raises
    ------
    PlanError
        Where nothing happened in the month.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> told = supply(sample_shop().folder, RunParams(month="2026-10"))
    >>> told.left_out, told.covers
    ({}, datetime.date(2026, 10, 31))
    """
    shop = open_shop(data, params.engine)
    spans = {name: _span(shop, name) for name in TIMES if name in shop.tables}
    start, end = month_start(params.month), month_end(params.month)
    if not _untimed(shop) and not any(_counts(shop, name, start, end) for name in spans):
        raise PlanError(_empty_month(params.month, data, spans.values()))
    agents = shop.has("messages", Messages.AGENT_ID)
    reasons = {
        "01_buyer_types": _no_types(shop, end, params),
        "02_value_tiers": _no_tiers(shop, end, params),
        "03_agent_kpis": (kpis := _no_kpis(shop, start, end)),
        "04_conversion_drivers": kpis or _no_outcome(shop, params),
        "05_coaching": (nobody := "needs_kpis" if kpis else None if agents else "needs_agents"),
        "08_team_and_hours": kpis or ("needs_times" if _untimed(shop) else None),
        "09_lost_inquiries": kpis or _no_orders(shop, "lost_needs_orders", "lost_needs_join"),
        "10_answer_bank": kpis,
        CARD: nobody,
    }
    lasts = [_last_before(shop, name, end) for name in spans]
    days = [moment.date() for moment in lasts if moment]
    return Supply({nb: why for nb, why in reasons.items() if why}, max(days, default=None))


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return notebooks' names as asked for with ``--only``; a number such as ``03`` will do.

    Raises
    ------
    PlanError
        For a name that is no notebook's.

    Examples
    --------
    >>> check_names(["03", "07_monthly_brief"])
    ('03_agent_kpis', '07_monthly_brief')
    """
    found = []
    for name in names:
        hits = [nb for nb in NOTEBOOKS if nb == name.removesuffix(".ipynb") or nb[:2] == name]
        if not hits:
            raise PlanError(f"no notebook is called `{name}`; {did_you_mean(name, NOTEBOOKS)}")
        found += hits
    return tuple(found)


def wanted(only: Sequence[str], left_out: Iterable[str]) -> list[str]:
    """Return the notebooks to make, in order: those asked for and what they build on.

    Examples
    --------
    >>> wanted(["04_conversion_drivers"], left_out=["02_value_tiers"])
    ['00_data_check', '01_buyer_types', '03_agent_kpis', '04_conversion_drivers']
    """
    needed = set(only or NOTEBOOKS)
    for name in reversed(NOTEBOOKS):
        # The check of the data comes with whatever is made of them.
        needed |= {*BUILDS_ON[name], CHECK} if name in needed else set()
    return [name for name in NOTEBOOKS if name in needed - set(left_out)]


def card_steps(agents: Iterable[str]) -> list[Step]:
    """Return one step an agent, under names that are safe as file names and differ.

    Examples
    --------
    >>> [step.name for step in card_steps(["a2", "a1"])]
    ['06_agent_card-a1', '06_agent_card-a2']
    """
    return [
        Step(f"{CARD}-{page_slug(agent)}", CARD, {"agent_id": agent}) for agent in sorted(agents)
    ]


def told(step: Step, params: RunParams, data: Path, run: Path) -> dict[str, JsonValue]:
    """Return everything that a step's notebook is told.

    Examples
    --------
    >>> step = card_steps(["a1"])[0]
    >>> values = told(step, RunParams(), Path("data"), Path("run"))
    >>> values["data"], values["month"], values["agent_id"]
    ('data', '2026-10', 'a1')
    """
    places: dict[str, JsonValue] = dict(zip(PLACES, (str(data), str(run)), strict=True))
    return places | notebook_params(params, step.notebook) | step.extra


def check_parameters(notebook: Path, params: RunParams) -> None:
    """Compare a notebook's parameters cell with what a run will tell it.

    Raises
    ------
    PlanError
        Naming every parameter that only one of the two knows, or whose types differ.

    Examples
    --------
    >>> from csinsight.params import shipped
    >>> check_parameters(shipped("notebooks", "07_monthly_brief.ipynb"), RunParams())
    """
    from papermill import inspect_notebook

    name = notebook.stem
    extra: dict[str, JsonValue] = dict.fromkeys(EXTRA.get(name, ()), "")
    values = told(Step(name, name, extra), params, Path(), Path())
    known = inspect_notebook(str(notebook).replace("{", "{{").replace("}", "}}"))
    faults = [_unknown(key, values) for key in known if key not in values]
    faults += [f"lacks `{key}`, which the run tells it" for key in values if key not in known]
    for key in values.keys() & known.keys():
        want, got = type(values[key]).__name__, known[key]["inferred_type_name"]
        if want != got:
            faults.append(f"has `{key}: {got}`, but the run tells it a {want}")
    if faults:
        raise PlanError("\n".join(f"{notebook.name}: parameters cell {f}" for f in sorted(faults)))


def _unknown(key: str, values: dict[str, JsonValue]) -> str:
    near = nearest(key, values)
    mend = f"; did you mean `{near}`?" if near else ""
    return f"has `{key}`, which the run does not tell it{mend}"


def _no_types(shop: Shop, end: datetime, params: RunParams) -> str | None:
    start = end - timedelta(days=params.page_view_days)
    if _counts(shop, "page_views", start, end):
        return None
    # The adaptation reads orders and chats; either alone shows too little of anybody.
    orders = shop.buyers_named(_ms(start), _ms(end)).most
    chats = _untimed(shop) or _counts(shop, "messages", start, end)
    return None if orders and chats else "needs_page_views"


def _no_tiers(shop: Shop, end: datetime, params: RunParams) -> str | None:
    start = end - timedelta(days=params.order_days)
    if not _counts(shop, "orders", start, end):
        return "needs_orders"
    if not shop.buyers_named(_ms(start), _ms(end)).most:
        return "needs_order_buyers"
    return None if shop.has("orders", Orders.PAID_AMOUNT) else "needs_order_amounts"


def _no_kpis(shop: Shop, start: datetime, end: datetime) -> str | None:
    if not shop.has("messages", Messages.TEXT):
        return "needs_messages"
    if not shop.sides >= {"buyer", "agent"}:
        return "needs_both_sides"
    if _untimed(shop) or _counts(shop, "messages", start, end):
        return None
    return "needs_month_messages"


def _no_outcome(shop: Shop, params: RunParams) -> str | None:
    if params.outcome == "satisfaction":
        return None if shop.has("ratings", "score") else "needs_ratings"
    return _no_orders(shop)


def _no_orders(shop: Shop, orders: str = "needs_outcome", join: str = "needs_join") -> str | None:
    if not shop.has("orders", Orders.BUYER_ID):
        return orders
    if shop.orders_dated:
        return "needs_order_times"
    if shop.order_lag.hours:
        return "needs_one_clock"
    return None if shop.joined else join


def _untimed(shop: Shop) -> bool:
    return shop.has("messages", Messages.TEXT) and not shop.has("messages", Messages.SENT_AT)


def _counts(shop: Shop, table: str, start: datetime, end: datetime) -> int:
    if not shop.has(table, TIMES[table]):
        return 0
    time = nw.col(ms(TIMES[table]))
    rows = shop[table].filter(time >= _ms(start), time < _ms(end))
    return int(collect(rows.select(time.count().alias("n")))["n"].iloc[0])


def _last_before(shop: Shop, table: str, end: datetime) -> datetime | None:
    time = nw.col(ms(TIMES[table]))
    rows = shop[table].filter(time < _ms(end)).select(time.max().alias("last"))
    return _moment(collect(rows)["last"].iloc[0])


def _span(shop: Shop, table: str) -> Span:
    time = nw.col(ms(TIMES[table]))
    row = collect(shop[table].select(time.min().alias("first"), time.max().alias("last")))
    return Span(_moment(row["first"].iloc[0]), _moment(row["last"].iloc[0]))


def _ms(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1)).total_seconds() * 1000)


def _moment(value: Any) -> datetime | None:
    return None if pd.isna(value) else datetime(1970, 1, 1) + timedelta(milliseconds=int(value))


def _empty_month(month: str, data: Path, spans: Iterable[Span]) -> str:
    firsts = [span.first for span in spans if span.first]
    lasts = [span.last for span in spans if span.last]
    if not firsts:
        return f"{data}: holds no page views, orders or messages, so there is nothing to report on"
    return (
        f"{data}: nothing happened in {month}; the tables run from {min(firsts):%Y-%m-%d} "
        f"to {max(lasts):%Y-%m-%d}, so choose --month within that"
    )
