"""The shop's KPIs of a month: their names, what each is made of, after a robot, by goods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from csinsight.behaviours import kpis
from csinsight.behaviours.agent_sessions import Month
from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.kpis import (
    SILENT_SALES,
    SILENT_SHARE,
    TOTAL_SALES,
    shop_kpis,
)
from csinsight.behaviours.products import OTHER_PRODUCTS, asked_and_bought, product_levels
from csinsight.behaviours.profiles import AS_MAIL_S, ELSEWHERE
from csinsight.coaching.rarity import BUYERS
from csinsight.coaching.unnamed_openings import Unnamed
from csinsight.contract.artifacts import AgentKpis, AgentSessions, Conversations
from csinsight.drivers.units import as_float
from csinsight.features.agent_sessions import ALONE, FROM_BUYER_S, FROM_HANDOVER_S, IN_180S
from csinsight.features.months import in_months
from csinsight.features.rounds import THREE_MINUTES_S
from csinsight.params import AUTO_PROFILE, OWN_PROFILE
from csinsight.render.blocks import Block, Prose, Stack, Table
from csinsight.views import labels
from csinsight.views.plots import Write
from csinsight.views.study import Study

_C = Conversations
_K = AgentKpis

#: One row: the table in which the run keeps the shop's figures.
SHOP_KPIS: Final = "shop_kpis"


def shop_row(study: Study, conversations: pd.DataFrame) -> pd.Series:
    """Return the shop's figures of the report month, as the run wrote them where it did.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> int(shop_row(study, seen)["inquiries"])
    98
    """
    written = study.read_or_none(SHOP_KPIS)
    if written is None:
        written = shop_kpis(study.of_month(conversations), profile=study.context.profile)
    return written.iloc[0]


def targets_of(study: Study, shop: pd.Series) -> dict[str, float]:
    """Return the targets that this shop can be held against; none where none is known to fit.

    Another platform's are not this shop's. Where nothing tells the platform, a chat platform's are
    supposed: not for a shop whose first replies take as long as mail.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> len(targets_of(study, shop_row(study, study.read("conversations"))))
    5
    """
    return study.context.profile.targets if by_the_second(study, shop) else {}


def by_the_second(study: Study, shop: pd.Series) -> bool:
    """Tell whether the shop is held against the seconds of its own chat platform, or of its own.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> by_the_second(study, shop_row(study, study.read("conversations")))
    True
    """
    first, context = shop.get(_K.FIRST_RESPONSE_MEDIAN), study.context
    as_mail = pd.notna(first) and first >= AS_MAIL_S
    supposed = context.params.kpi_profile == AUTO_PROFILE and context.imported is None
    of_none = context.profile.name == ELSEWHERE
    return not (of_none or _of_another(study) or (as_mail and supposed))


def _of_another(study: Study) -> bool:
    """Tell whether the profile that the shop names is of another platform than it came from."""
    context = study.context
    named = context.params.kpi_profile not in (AUTO_PROFILE, OWN_PROFILE)
    return named and context.imported not in (None, context.profile.name)


#: Share of rounds outside the service hours from which the hours may not be the shop's own.
_OFF: Final = 0.15
#: Fewer rounds tell no share.
_ROUNDS: Final = 30


def off_hours(study: Study, conversations: pd.DataFrame) -> list[str]:
    """Return that many rounds are in no response figure, and whose figures lack most of theirs.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> off_hours(study, study.read("conversations"))
    []
    """
    shop, words, profile = shop_row(study, conversations), study.words, study.context.profile
    told_of = shop.reindex([Conversations.ROUNDS, _K.OFF_HOURS]).astype(float).fillna(0.0)
    outside, rounds = float(told_of[_K.OFF_HOURS]), float(told_of.sum())
    if rounds < _ROUNDS or outside < _OFF * rounds:
        return []
    agents = study.read_or_none(_K.NAME)
    mostly: list[str] = []
    if agents is not None:
        most = agents[_K.OFF_HOURS] > agents[Conversations.ROUNDS]
        mostly = [study.agent_name(agent) for agent in agents.loc[most, _K.AGENT_ID]]
    told = study.word(
        "kpis.off_hours",
        n=words.number(outside),
        share=words.percent(outside / rounds, 0),
        start=profile.service_start_hour,
        end=profile.service_end_hour,
    )
    whose = study.word("kpis.off_hours_whose", names=words.listed(mostly)) if mostly else ""
    return [words.sentences(told, whose)]


def no_targets(study: Study) -> str:
    """Say why no target is held against this shop.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> no_targets(sample_study())[:18]
    'No target is known'
    """
    profile = study.context.profile.title[study.words.lang]
    return study.word(
        "kpis.targets_of_another" if _of_another(study) else "kpis.no_targets", profile=profile
    )


def missed(study: Study, shop: pd.Series) -> dict[str, str]:
    """Return by KPI the words for each of the profile's targets that the month missed.

    Times are to stay under their target, all else is to reach it. A miss within the figure's own
    interval may be chance, and says so.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> sorted(missed(study, shop_row(study, seen)))
    ['answer_ask_ratio', 'mean_response_s', 'reply_rate', 'reply_rate_180s']
    """
    found = {}
    for name, target in targets_of(study, shop).items():
        lower_is_better, value = name.endswith("_s"), shop.get(name)
        if pd.isna(value) or (value <= target if lower_is_better else value >= target):
            continue
        end = shop.get(f"{name}{_K.LOW_SUFFIX if lower_is_better else _K.HIGH_SUFFIX}")
        sure = pd.notna(end) and (end > target if lower_is_better else end < target)
        write = writers(study)[name]
        found[name] = study.word(
            "kpis.missed" if sure else "kpis.missed_perhaps",
            name=study.word(f"kpi.{name}"),
            value=write(value),
            target=write(target),
        )
    return found


_FIRST: Final = (_K.FIRST_RESPONSE_MEAN, _K.FIRST_RESPONSE_MEDIAN, _K.FIRST_RESPONSE_P90)


_ROUND: Final = (_K.MEAN_RESPONSE, _K.RESPONSE_MEDIAN, _K.RESPONSE_P90)


_REPLIES: Final = (_K.REPLY_RATE_180S, _K.PROMPT_RATE, _K.REPLY_RATE)


CONVERSION: Final = tuple(
    f"{rate}{reading}"
    for rate in (_K.ORDERED_RATE, _K.PAID_RATE)
    for reading in (_K.SAME_DAY_SUFFIX, _K.NEXT_DAY_SUFFIX, "")
)


#: Figures that are shares.
SHARES: Final = (*_REPLIES, *CONVERSION, SILENT_SHARE)


_MONEY: Final = (_K.ORDER_AMOUNT, _K.SALES)


_COUNTS: Final = (_K.BUYERS, _K.BUYER_DAYS, _K.INQUIRERS, _K.INQUIRIES)


#: What each figure is made of, by the key of the words that say so.
_MADE: Final[dict[str, str]] = {
    **dict.fromkeys(_FIRST, "first"),
    **dict.fromkeys(_ROUND, "rounds"),
    **dict.fromkeys(_REPLIES, "replies"),
    **dict.fromkeys(CONVERSION, "inquirers"),
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
    *CONVERSION,
    *_MONEY,
    _K.SPEND_PER_BUYER,
    SILENT_SHARE,
    _K.SATISFACTION,
)


def figures(study: Study, conversations: pd.DataFrame) -> Block:
    """Return every KPI that the shop's data can give: value, interval, what it is made of, target.

    Parameters
    ----------
    study : Study
    conversations : pandas.DataFrame
        ISO 4217.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> type(figures(study, seen)).__name__
    'Table'
    """
    profile = study.context.profile
    shop = shop_row(study, conversations)
    write, behind, targets = writers(study), missed(study, shop), targets_of(study, shop)
    rows = []
    for name in _ORDER:
        # The profile's own limit says nothing new where it is three minutes.
        if pd.isna(shop.get(name)) or (
            name == _K.PROMPT_RATE and profile.slow_s == THREE_MINUTES_S
        ):
            continue
        value = with_interval(study, shop, name, write[name], labels.cell)
        # How long a wait that is as long as is counted truly was is not known.
        if name in (*_FIRST, *_ROUND) and shop[name] >= profile.round_cap_s:
            value = study.word("kpis.at_cap", value=study.words.seconds(profile.round_cap_s))
        target = write[name](targets[name]) if targets.get(name) else ""
        if target and name in behind:
            target = study.word("kpis.target_missed", target=target)
        rows.append(
            {
                "figure": label(study, name),
                "value": value,
                "made_of": _made_of(study, shop, name),
                "target": target,
            }
        )
    words = ("figure", "value", "made_of", "target")
    return Table(
        pd.DataFrame(rows, columns=list(words)),
        study.word("kpis.figures"),
        caption=words_of_figures(study, targets),
        labels=labels.headings(study, "kpis", words),
        name="figures",
    )


def words_of_figures(study: Study, targets: dict[str, float]) -> str:
    """Say how intervals are made, and whose conventions the targets are, if any.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> "No target is known" in words_of_figures(sample_study(), {})
    True
    """
    profile = study.context.profile.title[study.words.lang]
    whose = study.word("kpis.figures_targets", profile=profile) if targets else no_targets(study)
    return study.words.sentences(study.word("kpis.figures_caption"), whose)


def conventions(study: Study) -> Prose:
    """Return what this run counts by: the cap, the windows, service hours, who is an inquirer.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> "24 hours" in conventions(study).plain()
    True
    """
    profile = study.context.profile
    words, params = study.words, study.context.params
    return Prose(
        study.word(
            "kpis.conventions",
            cap=words.seconds(profile.round_cap_s),
            window=_hours(study, params.conversion_window_hours),
            pay=_hours(study, params.payment_window_hours),
            start=profile.service_start_hour,
            end=profile.service_end_hour,
            inquirer=study.word(f"kpis.counted_{profile.inquirer}"),
        )
    )


def _hours(study: Study, hours: float) -> str:
    return study.words.number(hours, 0 if float(hours).is_integer() else 1)


def unnamed(study: Study, found: Unnamed) -> Block:
    """Return how many inquiries no rule names, and what many buyers opened them with.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> rows = pd.DataFrame({"opening": ["什么时候开课"], "buyers": [7]})
    >>> unnamed(sample_study(), Unnamed(30, 120, rows)).rows
    [('什么时候开课', '7')]
    """
    words = study.words
    if not found.inquiries:
        return Prose(study.word("kpis.unnamed_none"))
    told = study.word(
        "kpis.unnamed_told",
        n=words.number(found.inquiries),
        all=words.number(found.of),
        share=words.percent(found.inquiries / found.of),
    )
    if found.openings.empty:
        return Prose(words.sentences(told, study.word("kpis.unnamed_few", buyers=BUYERS)))
    columns = found.openings.columns
    return Table(
        found.openings,
        study.word("kpis.unnamed"),
        caption=words.sentences(told, study.word("kpis.unnamed_caption", buyers=BUYERS)),
        labels={column: study.word(f"kpis.unnamed_{column}") for column in columns},
        formats={"buyers": words.number},
        name="unnamed_openings",
    )


def left_out(study: Study, month: Month, conversations: pd.DataFrame) -> Block:
    """Return what doesn't count in which figure, how many, and why.

    Examples
    --------
    >>> from csinsight.contract.join import BuyersNamed
    >>> from csinsight.sample import sample_sessions
    >>> from csinsight.views.sample import sample_study
    >>> study, seen = sample_study(), sample_study().read("conversations")
    >>> none = pd.DataFrame()
    >>> month = Month(study.of_month(seen), sample_sessions(), none, None, BuyersNamed())
    >>> type(left_out(study, month, seen)).__name__
    'Table'
    """
    profile = study.context.profile
    shop = shop_row(study, conversations)
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
        "nameless" if month.named.most else "nameless_most": month.named.of_orders
        - month.named.orders,
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
        labels=labels.headings(study, "kpis", rows[0]),
        name="left_out",
    )


def label(study: Study, name: str) -> str:
    """Return what a KPI is called under a profile: by its limit, and by what an inquirer is.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> label(study, "paid_rate")
    'Paid conversion'
    """
    profile = study.context.profile
    if name == _K.INQUIRERS:
        return study.word(f"kpi.inquirers_{profile.inquirer}")
    if name == _K.PROMPT_RATE:
        return study.word("kpis.within", limit=study.words.seconds(profile.slow_s))
    return study.word(f"kpi.{name}")


def writers(study: Study) -> dict[str, Write]:
    """Return what writes each KPI's value.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> writers(study)["paid_rate"](0.315)
    '31.5%'
    """
    words = study.words
    return {
        **dict.fromkeys(_COUNTS, words.number),
        **dict.fromkeys((*_FIRST, *_ROUND), words.seconds),
        **dict.fromkeys(SHARES, words.percent),
        **dict.fromkeys((*_MONEY, _K.SPEND_PER_BUYER), words.money),
        **dict.fromkeys(
            (_K.ANSWER_ASK_RATIO, _K.SATISFACTION), lambda value: words.number(value, 2)
        ),
    }


def _made_of(study: Study, row: pd.Series, name: str) -> str:
    words, made = study.words, _MADE.get(name)
    if name == SILENT_SHARE:
        return of_sales(study, row)
    if made is None:
        return ""
    under = words.number(row[f"{name}{_K.DENOMINATOR_SUFFIX}"])
    if made in _WHOLE:
        return study.word(f"kpis.made_of_{made}", under=under)
    above = row[f"{name}{_K.NUMERATOR_SUFFIX}"]
    top = words.money(above) if made == "buyers" else words.number(above)
    unit = f"_{study.context.profile.inquirer}" if made == "inquirers" else ""
    return study.word(f"kpis.made_of_{made}{unit}", top=top, under=under)


def of_sales(study: Study, row: pd.Series) -> str:
    """Return silent sales of which sales: of known buyers where some orders name none.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = pd.Series({"silent_sales": 20.0, "total_sales": 80.0})
    >>> of_sales(sample_study(), row)
    'CN¥20 of CN¥80 net sales'
    """
    words, named = study.words, study.buyers_named
    return study.word(
        "kpis.made_of_silent_known" if named.nameless else "kpis.made_of_silent",
        top=words.money(row[SILENT_SALES]),
        under=words.money(row[TOTAL_SALES]),
        all=words.money(named.of_net),
    )


def with_interval(
    study: Study, row: pd.Series, name: str, write: Write, keep: Callable[[str], str]
) -> str:
    """Write a figure with its interval, if it has one, kept together as `keep` does.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = pd.Series({"paid_rate": 0.5, "paid_rate_low": 0.4, "paid_rate_high": 0.6})
    >>> with_interval(sample_study(), row, "paid_rate", "{:.0%}".format, str)
    '50% (40% to 60%)'
    """
    if pd.isna(row[name]):
        return study.word("text.unknown")
    low, high = row.get(f"{name}{_K.LOW_SUFFIX}"), row.get(f"{name}{_K.HIGH_SUFFIX}")
    if pd.isna(low) or pd.isna(high):
        return write(row[name])
    return keep(study.words.with_interval(write(row[name]), write(low), write(high)))


_READINGS: Final = {"buyer": FROM_BUYER_S, "handover": FROM_HANDOVER_S}


def robot_figures(rounds: pd.DataFrame) -> pd.DataFrame:
    """Return the shop's row (agent null) and one for each agent, both readings side by side.

    Parameters
    ----------
    rounds : pandas.DataFrame
        Of `csinsight.features.agent_sessions.after_robot`.

    Returns
    -------
    pandas.DataFrame
        ``agent_id``, ``rounds`` that a person had to answer, ``robot_alone``, and for the readings
        ``buyer`` and ``handover`` the share answered in three minutes (``rate_…``), the mean and
        the median in seconds (``mean_…``, ``median_…``), each with its interval.

    Examples
    --------
    >>> from csinsight.features.agent_sessions import after_robot
    >>> from csinsight.sample import sample_messages
    >>> rounds = after_robot(sample_messages().cut)
    >>> int(robot_figures(rounds)["agent_id"].isna().sum())
    1
    """
    groups = [
        (None, rounds),
        *rounds.dropna(subset=[_C.AGENT_ID]).groupby(_C.AGENT_ID),
    ]
    return pd.DataFrame([{_C.AGENT_ID: agent, **_robot_row(part)} for agent, part in groups])


def _robot_row(rounds: pd.DataFrame) -> kpis.Figures:
    alone = rounds[ALONE].astype(bool)
    human = rounds[~alone]
    row: kpis.Figures = {"rounds": len(human), "robot_alone": int(alone.sum())}
    for name, column in _READINGS.items():
        seconds = human[column].astype(float)
        row |= kpis.rate(f"rate_{name}", int(human[f"{IN_180S}{column}"].sum()), len(human))
        row |= kpis.mean(f"mean_{name}", seconds)
        row |= kpis.quantile(f"median_{name}", np.asarray(seconds, dtype=np.float64), 0.5)
    return row


def robot_table(study: Study, found: pd.DataFrame) -> Block:
    """Return both readings side by side, and which is the headline; a line where no robot wrote.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nobody = pd.DataFrame({"agent_id": [None], "rounds": [0], "robot_alone": [0]})
    >>> type(robot_table(sample_study(), nobody)).__name__
    'Prose'
    """
    if not found["rounds"].iloc[0] + found["robot_alone"].iloc[0]:
        return Prose(study.word("robot.none"))
    words, shop = study.words, found[_C.AGENT_ID].isna()
    written: dict[str, Write] = {
        "rate": words.percent,
        "median": words.seconds,
        "mean": words.seconds,
    }
    order = labels.sorted_names(study, found.loc[~shop, _C.AGENT_ID])
    own = found[~shop].set_index(_C.AGENT_ID, drop=False).loc[order]
    found = pd.concat([found[shop], own], ignore_index=True)
    shown = pd.DataFrame(
        {
            "who": [
                study.word("robot.shop") if pd.isna(agent) else study.agent_name(agent)
                for agent in found[_C.AGENT_ID]
            ],
            "rounds": found["rounds"],
            **{
                f"{kind}_{name}": [
                    with_interval(study, row, f"{kind}_{name}", write, labels.two_lines)
                    for _, row in found.iterrows()
                ]
                for kind, write in written.items()
                for name in _READINGS
            },
        }
    )
    told = study.word(
        "robot.found",
        rounds=words.number(found["rounds"].iloc[0]),
        alone=words.number(found["robot_alone"].iloc[0]),
        headline=study.word(f"robot.headline_{study.context.profile.response_from}"),
    )
    return Stack(
        Prose(told),
        Table(
            shown,
            study.word("robot.table"),
            caption=study.word("robot.caption"),
            labels=labels.headings(study, "robot", shown.columns),
            formats={"rounds": words.number},
            name="after_robot",
        ),
    )


def goods_conversion(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return paid conversion by the category of goods, those that are not known on a row too.

    Parameters
    ----------
    conversations : pandas.DataFrame
        With ``product_category``.

    Returns
    -------
    pandas.DataFrame
        ``goods`` (null where the chat names none), ``inquiries`` (with a known outcome), ``rate``,
        ``low``, ``high`` (Wilson, 95 %), the largest first, then the small and the unknown.

    Examples
    --------
    >>> seen = pd.DataFrame({"product_category": ["shoes"], "is_inquiry": [True], "paid": [True]})
    >>> seen = seen.assign(mature=True).astype({"paid": "boolean", "mature": "boolean"})
    >>> goods_conversion(seen.astype({"is_inquiry": "boolean"})).columns.tolist()
    ['goods', 'inquiries', 'rate', 'low', 'high']
    """
    rows = inquiries_of(conversations)
    rows = rows[(as_float(rows[_C.MATURE]) == 1) & rows[_C.PAID].notna()]
    levels = product_levels(rows[_C.PRODUCT_CATEGORY])
    table = []
    for goods, part in rows.groupby(levels, dropna=False):
        rate, low, high, n = labels.rate(part[_C.PAID])
        name = None if pd.isna(goods) else str(goods)
        last = 2 if name is None else int(name == OTHER_PRODUCTS)
        table.append((last, -n, name, n, rate, low, high))
    columns = ["last", "order", "goods", "inquiries", "rate", "low", "high"]
    found = pd.DataFrame(table, columns=columns).sort_values(columns[:3], ignore_index=True)
    return found.drop(columns=columns[:2])


def by_goods(study: Study, conversations: pd.DataFrame, months: int) -> list[Block]:
    """Return conversion by category of goods; nothing where no inquiry names any.

    Parameters
    ----------
    study : Study
    conversations : pandas.DataFrame
    months : int
        How many months up to the report's are looked at.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> by_goods(study, seen, 3)
    []
    """
    if _C.PRODUCT_CATEGORY not in conversations:
        return []
    recent = in_months(conversations, study.as_of, months)
    table, words = goods_conversion(recent), study.words
    if not table["goods"].notna().any():
        return []
    special = {OTHER_PRODUCTS: study.word("products.other")}
    unknown = study.word("products.unknown")
    shown = table.assign(
        goods=[unknown if pd.isna(g) else special.get(g, g) for g in table["goods"]],
        interval=[
            labels.cell(words.interval(words.percent(low), words.percent(high)))
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
    )
    known = float(table.loc[table["goods"].notna(), "inquiries"].sum() / table["inquiries"].sum())
    caption = [
        study.word(
            "products.caption", months=labels.months_told(study), known=words.percent(known, 0)
        )
    ]
    share, low, high, n = labels.rate(asked_and_bought(study.open(), recent))
    if n:
        told = words.with_interval(*(words.percent(value, 0) for value in (share, low, high)))
        caption.append(study.word("products.agrees", n=words.number(n), share=told))
    columns = ("goods", "inquiries", "rate", "interval")
    return [
        Table(
            shown,
            study.word("products.table"),
            caption=words.sentences(*caption),
            labels=labels.headings(study, "products", columns),
            formats={"rate": words.percent, "inquiries": words.number},
            name="product_categories",
        )
    ]
