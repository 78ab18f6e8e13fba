"""Notebook 07: the month on one page, made from what the other notebooks found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from csinsight.behaviours.profiles import KpiProfile, load_profile
from csinsight.contract.artifacts import (
    AgentKpis,
    BuyerTypes,
    CoachingPlan,
    Conversations,
    Drivers,
    ValueTiers,
)
from csinsight.contract.domain import BUYER_TYPES
from csinsight.report.blocks import Block, Finding, LeftOut, Note, Prose, Stack
from csinsight.report.facts import KPIS, TRENDS
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import (
    agent_kpis,
    brief_changes,
    buyer_types,
    coaching,
    conversion_drivers,
    effects,
    habits,
    rates,
    value_tiers,
)

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
    rows = effects.estimated(effects.readable(brief.drivers))
    if rows.empty:
        return Prose(study.word("drivers.no_picture"))
    named = rows[Drivers.VERDICT].isin(effects.NAMED)
    strongest = rows.assign(named=named, size=rows[Drivers.EFFECT_PP].abs())
    kept = strongest.sort_values(["named", "size"], ascending=False).head(MAX_DRIVERS).index
    drawn = effects.forest(study, rows.loc[sorted(kept)], conversion_drivers.title(study, rows))
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
            "what": [habits.title_of(study, str(name)) for name in table[CoachingPlan.BEHAVIOUR]],
            "who": [words.word("unit.people", n=n) for n in table["agents"]],
            "gain": [
                rates.cell(
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
    labels = {name: study.word(f"coaching.column_{name}") for name in shown.columns}
    if table.empty:
        title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    else:
        title = coaching.team_title(study, table)
        caption = study.word("coaching.team_caption")
    rows = pd.concat([shown, found], ignore_index=True)
    table_ = Table(rows, title, caption=caption, labels=labels, name="brief-plan")
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
        rows = rates.inquiries(study.of_month(brief.conversations))
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
        whole = effects.readable(brief.drivers)
        little = int((whole[Drivers.VERDICT] == "not enough data").sum())
        if little:
            items.append(study.word("brief.little", n=rates.counted(study, "behaviours", little)))
        items += conversion_drivers.control_warnings(study, brief.drivers)
        items += conversion_drivers.contrary_notes(study, brief.drivers)
    return Note(items or [study.word("brief.calm")])


def changes(study: Study, brief: Brief) -> Block:
    """Return what changed since last month, and how buyers who asked have moved."""
    if brief.conversations is None:
        return _missing(study, _C.NAME)
    return brief_changes.changes(
        study, brief.conversations, brief.profile, brief.types, brief.tiers
    )


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
