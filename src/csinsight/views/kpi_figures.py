"""Notebook 03: every KPI of the shop with what it is made of, and what was left out and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from csinsight.behaviours.agent_sessions import Month
from csinsight.behaviours.kpis import SILENT_SALES, SILENT_SHARE, TOTAL_SALES
from csinsight.behaviours.profiles import KpiProfile
from csinsight.contract.artifacts import AgentKpis, AgentSessions, Conversations
from csinsight.render.blocks import Block, Prose
from csinsight.render.table import Table
from csinsight.views import rates
from csinsight.views.agent_kpis import shop_row
from csinsight.views.study import Study

_K: Final = AgentKpis
_FIRST: Final = (_K.FIRST_RESPONSE_MEAN, _K.FIRST_RESPONSE_MEDIAN, _K.FIRST_RESPONSE_P90)
_ROUND: Final = (_K.MEAN_RESPONSE, _K.RESPONSE_MEDIAN, _K.RESPONSE_P90)
_REPLIES: Final = (_K.REPLY_RATE_180S, _K.PROMPT_RATE, _K.REPLY_RATE)
_CONVERSION: Final = tuple(
    f"{rate}{reading}"
    for rate in (_K.ORDERED_RATE, _K.PAID_RATE)
    for reading in (_K.SAME_DAY_SUFFIX, _K.NEXT_DAY_SUFFIX, "")
)
_MONEY: Final = (_K.ORDER_AMOUNT, _K.SALES)
_COUNTS: Final = (_K.BUYERS, _K.BUYER_DAYS, _K.INQUIRERS)
#: What each figure is made of, by the key of the words that say so.
_MADE: Final[dict[str, str]] = {
    **dict.fromkeys(_FIRST, "first"),
    **dict.fromkeys(_ROUND, "rounds"),
    **dict.fromkeys(_REPLIES, "replies"),
    **dict.fromkeys(_CONVERSION, "inquirers"),
    _K.ANSWER_ASK_RATIO: "messages",
    _K.SPEND_PER_BUYER: "buyers",
    _K.SATISFACTION: "ratings",
}
#: Those of which only the number is told.
_WHOLE: Final = ("first", "rounds", "ratings")
_ORDER: Final = (
    *_COUNTS,
    *_FIRST,
    *_ROUND,
    *_REPLIES,
    _K.ANSWER_ASK_RATIO,
    *_CONVERSION,
    *_MONEY,
    _K.SPEND_PER_BUYER,
    SILENT_SHARE,
    _K.SATISFACTION,
)


def table(study: Study, conversations: pd.DataFrame, profile: KpiProfile, currency: str) -> Block:
    """Return every KPI that the shop's data can give: value, interval, what it is made of, target.

    Parameters
    ----------
    study : Study
    conversations : pandas.DataFrame
    profile : KpiProfile
    currency : str
        ISO 4217.
    """
    shop = shop_row(study, conversations, profile)
    write = _writers(study, currency)
    rows = []
    for name in _ORDER:
        # The profile's own limit says nothing new where it is three minutes.
        if pd.isna(shop.get(name)) or (name == _K.PROMPT_RATE and profile.slow_s == 180):
            continue
        target = profile.targets.get(name)
        rows.append(
            {
                "figure": _label(study, name, profile),
                "value": _with_interval(study, shop, name, write[name]),
                "made_of": _made_of(study, shop, name, currency),
                "target": write[name](target) if target is not None else "",
            }
        )
    words = ("figure", "value", "made_of", "target")
    return Table(
        pd.DataFrame(rows, columns=list(words)),
        study.word("kpis.figures"),
        caption=study.word("kpis.figures_caption", profile=profile.title[study.words.lang]),
        labels={name: study.word(f"kpis.column_{name}") for name in words},
        name="figures",
    )


def left_out(study: Study, month: Month, conversations: pd.DataFrame, profile: KpiProfile) -> Block:
    """Return what doesn't count in which figure, how many, and why."""
    shop = shop_row(study, conversations, profile)
    nobody = month.conversations[Conversations.AGENT_ID].isna()
    counts = {
        _K.NOT_INQUIRIES: shop[_K.NOT_INQUIRIES],
        _K.IMMATURE: shop[_K.IMMATURE],
        _K.OUTCOME_UNKNOWN: shop[_K.OUTCOME_UNKNOWN],
        _K.OFF_HOURS: shop[_K.OFF_HOURS],
        _K.UNTIMED: shop[_K.UNTIMED],
        "no_agent": nobody.sum(),
        AgentSessions.HANDED_OVER: month.agent_sessions[AgentSessions.HANDED_OVER].sum(),
        AgentSessions.CREDITED_ELSEWHERE: month.agent_sessions[
            AgentSessions.CREDITED_ELSEWHERE
        ].sum(),
    }
    rows = [
        {
            "what": study.word(f"kpis.left_out_{name}"),
            "number": study.words.number(n),
            "why": study.word(
                f"kpis.left_out_{name}_why",
                start=profile.service_start_hour,
                end=profile.service_end_hour,
            ),
        }
        for name, n in counts.items()
        if pd.notna(n) and n
    ]
    if not rows:
        return Prose(study.word("kpis.nothing_left_out"))
    return Table(
        pd.DataFrame(rows),
        study.word("kpis.left_out"),
        caption=study.word("kpis.left_out_caption"),
        labels={name: study.word(f"kpis.column_{name}") for name in rows[0]},
        name="left_out",
    )


def _label(study: Study, name: str, profile: KpiProfile) -> str:
    if name == _K.INQUIRERS:
        return study.word(f"kpi.inquirers_{profile.inquirer}")
    if name == _K.PROMPT_RATE:
        return study.word("kpis.within", limit=study.words.seconds(profile.slow_s))
    return study.word(f"kpi.{name}")


def _writers(study: Study, currency: str) -> dict[str, Callable[[float], str]]:
    words = study.words
    return {
        **dict.fromkeys(_COUNTS, words.number),
        **dict.fromkeys((*_FIRST, *_ROUND), words.seconds),
        **dict.fromkeys((*_REPLIES, *_CONVERSION, SILENT_SHARE), words.percent),
        **dict.fromkeys(
            (*_MONEY, _K.SPEND_PER_BUYER), lambda value: words.money(value, currency=currency)
        ),
        **dict.fromkeys(
            (_K.ANSWER_ASK_RATIO, _K.SATISFACTION), lambda value: words.number(value, 2)
        ),
    }


def _with_interval(study: Study, row: pd.Series, name: str, write: Callable[[float], str]) -> str:
    low, high = row.get(f"{name}{_K.LOW_SUFFIX}"), row.get(f"{name}{_K.HIGH_SUFFIX}")
    if pd.isna(low) or pd.isna(high):
        return write(row[name])
    return rates.cell(study.words.with_interval(write(row[name]), write(low), write(high)))


def _made_of(study: Study, row: pd.Series, name: str, currency: str) -> str:
    words, made = study.words, _MADE.get(name)
    if name == SILENT_SHARE:
        top, under = (words.money(row[n], currency=currency) for n in (SILENT_SALES, TOTAL_SALES))
        return study.word("kpis.made_of_silent", top=top, under=under)
    if made is None:
        return ""
    under = words.number(row[f"{name}{_K.DENOMINATOR_SUFFIX}"])
    if made in _WHOLE:
        return study.word(f"kpis.made_of_{made}", under=under)
    above = row[f"{name}{_K.NUMERATOR_SUFFIX}"]
    top = words.money(above, currency=currency) if made == "buyers" else words.number(above)
    return study.word(f"kpis.made_of_{made}", top=top, under=under)
