"""Notebook 07: the month on one page, made from what the other notebooks found.

Notebook 07: what changed since last month, in figures and among the buyers who asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from csinsight.behaviours.kpis import shop_kpis
from csinsight.behaviours.profiles import KpiProfile, load_profile
from csinsight.contract.artifacts import (
    AgentKpis,
    BuyerTypes,
    CoachingPlan,
    Conversations,
    Drivers,
    ValueTiers,
)
from csinsight.contract.domain import BUYER_TYPES, TIERS
from csinsight.params import add_months
from csinsight.render.blocks import Block, Columns, Finding, Items, LeftOut, Note, Prose, Stack
from csinsight.render.table import Table
from csinsight.views import (
    agent_kpis,
    buyer_types,
    coaching,
    conversion_drivers,
    labels,
    value_tiers,
)
from csinsight.views.study import KPIS, TRENDS, Study

_C = Conversations
_K = AgentKpis
#: Drivers drawn on the brief; the rest is one click away.
MAX_DRIVERS = 3
_PARTS = {
    BuyerTypes.NAME: "01_buyer_types",
    ValueTiers.NAME: "02_value_tiers",
    _C.NAME: "03_agent_kpis",
    Drivers.NAME: "04_conversion_drivers",
    CoachingPlan.NAME: "05_coaching",
}


@dataclass(frozen=True)
class Brief:
    """The KPI profile and the tables that this month's run has made; None where it could not."""

    profile: KpiProfile
    types: pd.DataFrame | None
    tiers: pd.DataFrame | None
    conversations: pd.DataFrame | None
    drivers: pd.DataFrame | None
    plan: pd.DataFrame | None


def gather(study: Study, kpi_profile: str) -> Brief:
    """Read what the run has made."""
    tables = (study.read_or_none(name) for name in _PARTS)
    return Brief(load_profile(kpi_profile), *tables)


def sentence(study: Study, brief: Brief) -> str:
    """Return the month in two or three sentences, each from the page that it sums up."""
    parts = []
    if brief.conversations is not None:
        parts.append(agent_kpis.in_brief(study, brief.conversations, brief.profile))
    if brief.drivers is not None:
        parts.append(conversion_drivers.in_brief(study, brief.drivers))
    elif brief.types is not None:
        known = buyer_types.counts_of(brief.types)[list(BUYER_TYPES)]
        share = study.words.percent(known.sum() / max(len(brief.types), 1), 0)
        parts.append(study.word("brief.types", share=share, n=study.words.number(len(brief.types))))
    if brief.plan is not None:
        parts.append(coaching.in_brief(study, brief.plan))
    orders = str(study.facts("00_data_check").get("orders", ""))
    return study.words.sentences(*parts) or orders or study.word("brief.nothing")


def finding(study: Study, brief: Brief) -> Finding:
    """Return the sentences on top of the page, and keep them for the index."""
    text = sentence(study, brief)
    study.write_facts({"finding": text, KPIS: kpis(study, brief)})
    return Finding(text)


def kpis(study: Study, brief: Brief) -> dict[str, list[float]]:
    """Return the month's figures for the trends of the shop's index, without those not known.

    Returns
    -------
    dict of str to list of float
        By KPI its value, and the ends of its interval where it has one.
    """
    if brief.conversations is None:
        return {}
    shop = agent_kpis.shop_row(study, brief.conversations, brief.profile)
    found = {}
    for name in TRENDS:
        columns = [name, f"{name}{_K.LOW_SUFFIX}", f"{name}{_K.HIGH_SUFFIX}"]
        values = [shop[column] for column in columns if column in shop]
        if values and pd.notna(values).all():
            found[name] = [round(float(value), 4) for value in values]
    return found


def headline(brief: Brief) -> dict[str, int]:
    """Return the rows of each table that was made, for the recorded results."""
    made = (brief.types, brief.tiers, brief.conversations, brief.drivers, brief.plan)
    return {name: len(table) for name, table in zip(_PARTS, made, strict=True) if table is not None}


def cards(study: Study, brief: Brief, currency: str) -> Block:
    """Return the month's main figures as tiles."""
    if brief.conversations is None:
        return _missing(study, _C.NAME)
    month = study.of_month(brief.conversations)
    return _linked(study, _C.NAME, agent_kpis.tiles(study, month, brief.profile, currency))


def forest(study: Study, brief: Brief) -> Block:
    """Draw the strongest drivers, raw beside adjusted."""
    if brief.drivers is None:
        return _missing(study, Drivers.NAME)
    rows = labels.estimated(labels.readable(brief.drivers))
    if rows.empty:
        return Prose(study.word("drivers.no_picture"))
    named = rows[Drivers.VERDICT].isin(labels.NAMED)
    strongest = rows.assign(named=named, size=rows[Drivers.EFFECT_PP].abs())
    kept = strongest.sort_values(["named", "size"], ascending=False).head(MAX_DRIVERS).index
    drawn = conversion_drivers.picture(
        study, rows.loc[sorted(kept)], conversion_drivers.title(study, rows)
    )
    return _linked(study, Drivers.NAME, drawn)


def plan(study: Study, brief: Brief) -> Block:
    """Return what the team practises: who, and what it might bring."""
    if brief.plan is None:
        return _missing(study, CoachingPlan.NAME)
    table, rules = coaching.by_behaviour(brief.plan), coaching.rules_by_agents(brief.plan)
    if table.empty and rules.empty:
        return coaching.nothing(study)
    words = study.words
    shown = pd.DataFrame(
        {
            "what": [labels.title_of(study, str(name)) for name in table[CoachingPlan.BEHAVIOUR]],
            "who": [words.word("unit.people", n=n) for n in table["agents"]],
            "gain": [
                labels.cell(
                    words.with_interval(
                        words.number(g, 0, sign=True), words.number(lo), words.number(hi)
                    )
                )
                for g, lo, hi in zip(table["gain"], table["low"], table["high"], strict=True)
            ],
        }
    )
    names = [study.word(f"behaviour.{name}") for name in rules.index]
    found = pd.DataFrame(
        {
            "what": [study.word("coaching.rule_row", rule=name) for name in names],
            "who": [words.word("unit.people", n=n) for n in rules],
            "gain": study.word("coaching.check_first"),
        }
    )
    columns = labels.headings(study, "coaching", shown.columns)
    if table.empty:
        title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    else:
        title = coaching.team_title(study, table)
        caption = study.word("coaching.team_caption")
    rows = pd.concat([shown, found], ignore_index=True)
    table_ = Table(rows, title, caption=caption, labels=columns, name="brief-plan")
    return _linked(study, CoachingPlan.NAME, table_, "cards")


def money(study: Study, brief: Brief) -> Block:
    """Draw whose money it is."""
    if brief.tiers is None:
        return _missing(study, ValueTiers.NAME)
    return _linked(study, ValueTiers.NAME, value_tiers.money(study, brief.tiers))


def types(study: Study, brief: Brief) -> Block:
    """Draw how many buyers of each type there are."""
    if brief.types is None:
        return _missing(study, BuyerTypes.NAME)
    counts = buyer_types.counts_of(brief.types)
    absent = [name for name in BUYER_TYPES if counts[name] == 0]
    adapted = buyer_types.is_adapted(brief.types)
    sizes = buyer_types.sizes_of(study, counts, absent, adapted=adapted)
    return _linked(study, BuyerTypes.NAME, sizes)


def careful(study: Study, brief: Brief) -> Note:
    """Return what to mind when reading: immature days, parts left out, small numbers."""
    words = study.words
    items = [
        study.word(
            "brief.left_out", page=study.word(f"page.{name}"), why=study.word(f"left_out.{why}")
        )
        for name, why in study.left_out.items()
        if name not in _PARTS.values()  # those say so in their own place
    ]
    if brief.conversations is not None and brief.conversations[_C.PAID].notna().any():
        rows = labels.inquiries(study.of_month(brief.conversations))
        young = int((rows[_C.MATURE].astype("boolean") == False).sum())  # noqa: E712 - nullable
        if young:
            items.append(
                study.word(
                    "brief.immature",
                    n=words.number(young),
                    share=words.percent(young / len(rows), 0),
                )
            )
    if brief.drivers is not None:
        whole = labels.readable(brief.drivers)
        little = int((whole[Drivers.VERDICT] == "not enough data").sum())
        if little:
            items.append(study.word("brief.little", n=labels.counted(study, "behaviours", little)))
        items += conversion_drivers.control_warnings(study, brief.drivers)
        items += conversion_drivers.contrary_notes(study, brief.drivers)
    return Note(items or [study.word("brief.calm")])


def changes(study: Study, brief: Brief) -> Block:
    """Return what changed since last month, and how buyers who asked have moved."""
    if brief.conversations is None:
        return _missing(study, _C.NAME)
    return month_over_month(study, brief.conversations, brief.profile, brief.types, brief.tiers)


def _linked(study: Study, part: str, block: Block, also: str = "") -> Block:
    """Return a block with where to read on below it."""
    page = _PARTS[part]
    targets = [(f"{page}.html", study.word(f"page.{page}"))]
    if also:
        targets.append((f"index.html#{also}", study.word("nav.cards")))
    links = study.word("brief.links_join").join(f"[{label}]({href})" for href, label in targets)
    return Stack(block, Prose(study.word("brief.more", links=links)))


def _missing(study: Study, name: str) -> LeftOut:
    part = _PARTS[name]
    why = study.left_out.get(part)
    reason = study.word(f"left_out.{why}") if why else study.word("left_out.not_asked")
    return LeftOut([study.word("text.colon", label=study.word(f"page.{part}"), text=reason)])


#: Written by the drivers: one row a conversation, its buyer's type and tier at the month's start.
FROZEN = "frozen_segments"


def month_over_month(
    study: Study,
    conversations: pd.DataFrame,
    profile: KpiProfile,
    types: pd.DataFrame | None,
    tiers: pd.DataFrame | None,
) -> Block:
    """Return the month's figures beside last month's, and how buyers who asked have moved."""
    earlier = study.of_month(conversations, add_months(study.as_of, -2))
    told = movements(study, conversations, types, tiers)
    if earlier.empty:
        return Prose(study.word("brief.nothing_before"), *told)
    now, before = (
        shop_kpis(month, profile=profile).iloc[0]
        for month in (study.of_month(conversations), earlier)
    )
    table = _table(study, now, before)
    return Columns(table, Items(told)) if told else table


def _table(study: Study, now: pd.Series, before: pd.Series) -> Table:
    words = study.words
    rows = [_rate(study, now, before, name) for name in (_K.PAID_RATE, _K.REPLY_RATE_180S)]
    for name, write in ((_K.INQUIRIES, words.number), (_K.FIRST_RESPONSE_MEDIAN, words.seconds)):
        if pd.notna(now[name]) and pd.notna(before[name]):
            change = words.number(float(now[name]) - float(before[name]), sign=True)
            rows.append((study.word(f"kpi.{name}"), write(before[name]), write(now[name]), change))
    columns = ("what", "before", "now", "change")
    shown = pd.DataFrame([row for row in rows if row], columns=list(columns))
    moved = _beyond_chance(now, before)
    return Table(
        shown,
        study.word("brief.changed" if moved else "brief.unchanged"),
        caption=study.word("brief.changed_caption"),
        labels=labels.headings(study, "brief", columns),
        name="brief-changes",
    )


def _rate(
    study: Study, now: pd.Series, before: pd.Series, name: str
) -> tuple[str, str, str, str] | None:
    if pd.isna(now[name]) or pd.isna(before[name]):
        return None
    words = study.words
    by, low, high = (words.points(100 * value) for value in labels.difference(now, before, name))
    change = labels.cell(words.with_interval(by, low, high))
    return study.word(f"kpi.{name}"), words.percent(before[name]), words.percent(now[name]), change


def _beyond_chance(now: pd.Series, before: pd.Series) -> bool:
    if pd.isna(now[_K.PAID_RATE]) or pd.isna(before[_K.PAID_RATE]):
        return False
    _, low, high = labels.difference(now, before, _K.PAID_RATE)
    return low > 0 or high < 0


def movements(
    study: Study,
    conversations: pd.DataFrame,
    types: pd.DataFrame | None,
    tiers: pd.DataFrame | None,
) -> list[str]:
    """Return sentences on the types and tiers of this month's askers, before it and after it.

    Before it: as known at the month's start, which is what the drivers use. Only buyers who
    asked this month have such a label.
    """
    frozen = study.read_or_none(FROZEN)
    if frozen is None:
        return []
    asked = study.of_month(conversations)[[_C.CONVERSATION_ID, _C.BUYER_ID]]
    known = asked.merge(frozen, on=_C.CONVERSATION_ID).drop_duplicates(_C.BUYER_ID)
    parts = [
        "" if types is None else _types(study, known, types),
        "" if tiers is None else _tiers(study, known, tiers),
    ]
    return [part for part in parts if part]


def _types(study: Study, known: pd.DataFrame, types: pd.DataFrame) -> str:
    column = BuyerTypes.TYPE
    pairs = known.merge(types[[_C.BUYER_ID, column]], on=_C.BUYER_ID, suffixes=("_before", ""))
    named = pairs[pairs[f"{column}_before"].isin(BUYER_TYPES) & pairs[column].isin(BUYER_TYPES)]
    if named.empty:
        return ""
    kept = named[f"{column}_before"] == named[column]
    share = study.words.percent(kept.mean(), 0)
    told = study.word("brief.types_kept", n=study.words.number(len(named)), share=share)
    moves = named[~kept].groupby([f"{column}_before", column]).size()
    if moves.empty:
        return told
    # Sorted by name first, so that equal counts always give the same words.
    most = moves.sort_values(ascending=False, kind="stable")
    before, now = most.index[0]
    return study.words.sentences(
        told,
        study.word(
            "brief.types_moved",
            n=study.words.number(int(most.iloc[0])),
            before=study.word(f"type.{before}"),
            now=study.word(f"type.{now}"),
        ),
    )


def _tiers(study: Study, known: pd.DataFrame, tiers: pd.DataFrame) -> str:
    column, place = ValueTiers.TIER, {name: number for number, name in enumerate(TIERS)}
    pairs = known.merge(tiers[[_C.BUYER_ID, column]], on=_C.BUYER_ID, suffixes=("_before", ""))
    good = pairs[pairs[f"{column}_before"].isin(["core", "vip"])]
    if good.empty:
        return ""
    lower = good[column].map(place) < good[f"{column}_before"].map(place)
    n, words = int(lower.sum()), study.words
    told = {"n": words.number(n), "of": words.number(len(good))}
    return study.word("brief.tiers_lost", share=words.percent(n / len(good), 0), **told)
