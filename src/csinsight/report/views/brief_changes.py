"""Notebook 07: what changed since last month, in figures and among the buyers who asked."""

from __future__ import annotations

import pandas as pd

from csinsight.behaviours.kpis import shop_kpis
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import (
    AgentKpis,
    BuyerTypes,
    Conversations,
    ValueTiers,
)
from csinsight.contract.domain import BUYER_TYPES, TIERS
from csinsight.params import add_months
from csinsight.report.blocks import Block, Columns, Items, Prose
from csinsight.report.study import Study
from csinsight.report.tables import Table
from csinsight.report.views import rates

_C = Conversations
_K = AgentKpis
#: Written by the drivers: one row a conversation, its buyer's type and tier at the month's start.
FROZEN = "frozen_segments"


def changes(
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
        labels={name: study.word(f"brief.column_{name}") for name in columns},
        name="brief-changes",
    )


def _rate(
    study: Study, now: pd.Series, before: pd.Series, name: str
) -> tuple[str, str, str, str] | None:
    if pd.isna(now[name]) or pd.isna(before[name]):
        return None
    words = study.words
    by, low, high = (words.points(100 * value) for value in rates.difference(now, before, name))
    change = rates.cell(words.with_interval(by, low, high))
    return study.word(f"kpi.{name}"), words.percent(before[name]), words.percent(now[name]), change


def _beyond_chance(now: pd.Series, before: pd.Series) -> bool:
    if pd.isna(now[_K.PAID_RATE]) or pd.isna(before[_K.PAID_RATE]):
        return False
    _, low, high = rates.difference(now, before, _K.PAID_RATE)
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
