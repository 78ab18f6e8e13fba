"""Notebook 07: the month on one page, made from what the other notebooks found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pandas as pd

from csinsight.behaviours.alerts import TOTALS, Alert, alerts_of, raised
from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.kpis import shop_kpis
from csinsight.coaching.shrunken_effects import sureness
from csinsight.contract.artifacts import (
    AgentKpis,
    BuyerTypes,
    CoachingPlan,
    Conversations,
    DriverChecks,
    Drivers,
    SegmentsByMonth,
    ValueTiers,
)
from csinsight.contract.domain import BUYER_TYPES
from csinsight.contract.imports import WORTH_NAMING
from csinsight.features.coverage import chats_observed
from csinsight.params import add_months
from csinsight.render.blocks import (
    Block,
    Columns,
    Finding,
    Items,
    LeftOut,
    Linked,
    Note,
    Prose,
    Stack,
    Table,
)
from csinsight.segments.tiers import BEST
from csinsight.views import (
    agent_kpis,
    buyer_types,
    coaching,
    conversion_drivers,
    data_check,
    kpi_figures,
    labels,
    value_tiers,
)
from csinsight.views.lost_inquiries import TO_CALL_BACK
from csinsight.views.plots import Write
from csinsight.views.study import ALERTS, KPIS, SLOW_HOURS, TRENDS, Study

_C = Conversations
_K = AgentKpis
#: Behaviours drawn on the brief where fewer than these are named or advised.
MIN_DRAWN = 3
#: Days without a chat at a month's edge from which on it was not observed whole.
_UNSEEN = timedelta(days=3)
#: Agents named in a row of the plan; the others are one click away.
_MOST_NAMED = 8
_PARTS = {
    BuyerTypes.NAME: "01_buyer_types",
    ValueTiers.NAME: "02_value_tiers",
    _C.NAME: "03_agent_kpis",
    Drivers.NAME: "04_conversion_drivers",
    CoachingPlan.NAME: "05_coaching",
}


@dataclass(frozen=True)
class Brief:
    """The tables that this month's run has made; None where it could not."""

    types: pd.DataFrame | None
    tiers: pd.DataFrame | None
    conversations: pd.DataFrame | None
    drivers: pd.DataFrame | None
    plan: pd.DataFrame | None


#: Pages whose findings stand at the brief's end, in a sentence each.
_HOURS = "08_team_and_hours"
_LOST = "09_lost_inquiries"
_FURTHER = (_HOURS, _LOST, "10_answer_bank")


def gather(study: Study) -> Brief:
    """Read what the run has made.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> brief.drivers is None, len(brief.conversations)
    (True, 362)
    """
    tables = (study.read_or_none(name) for name in _PARTS)
    return Brief(*tables)


def sentence(study: Study, brief: Brief) -> str:
    """Return the month in a few sentences: the result, then the one thing to do, then the rest.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> "54.5%" in sentence(study, brief)
    True
    """
    parts = []
    if brief.conversations is not None:
        parts.append(agent_kpis.in_brief(study, brief.conversations))
    else:
        parts += data_check.conversion_doubts(study)
    if study.facts(_HOURS).get(SLOW_HOURS):
        parts.append(_first_sentence(study, _HOURS))
    advised = brief.plan is not None and len(labels.of_kind(brief.plan, "driver"))
    if brief.drivers is not None and not advised:
        parts.append(conversion_drivers.in_brief(study, brief.drivers))
    elif brief.drivers is None and brief.types is not None:
        known = buyer_types.counts_of(brief.types)[list(BUYER_TYPES)]
        share = study.words.percent(known.sum() / max(len(brief.types), 1), 0)
        parts.append(study.word("brief.types", share=share, n=study.words.number(len(brief.types))))
    if brief.plan is not None:
        parts.append(coaching.in_brief(study, brief.plan, brief.drivers))
    if brief.drivers is not None:
        parts.append(conversion_drivers.unseen_intent(study, brief.drivers))
    orders = str(study.facts("00_data_check").get("orders", ""))
    return study.words.sentences(*parts) or orders or study.word("brief.nothing")


def finding(study: Study, brief: Brief) -> Finding:
    """Return the sentences on top of the page, and keep them for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(finding(study, brief)).__name__
    'Finding'
    """
    text = sentence(study, brief)
    return study.finding(text, {KPIS: kpis(study, brief)})


def warnings(study: Study, brief: Brief) -> Block:
    """Return the alerts that the month raises, and keep them for the run's hook.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(warnings(study, brief)).__name__
    'Note'
    """
    faults = data_check.join(study) if study.open().match.broken else []
    # Below the month's few sentences: who may have broken a rule is long to say.
    if brief.plan is not None and (broken := coaching.rules_in_brief(study, brief.plan)):
        faults = [*faults, broken]
    if brief.conversations is None:
        return Note(faults, study.word("alert.title"))
    now = kpi_figures.shop_row(study, brief.conversations)
    earlier = agent_kpis.month_before(study, brief.conversations)
    if in_part(study):
        earlier = earlier.drop([name for name in TOTALS if name in earlier])
    found = _found(study, brief.conversations, now, earlier)
    alerts = [_alert(study, row) for _, row in found.iterrows()]
    study.write_facts({ALERTS: found.assign(text=alerts).to_dict("records")})
    return Note([*faults, *alerts], study.word("alert.title"))


#: Sums of the orders of conversations: of the report month all that an agent is credited with are
#: known, of earlier months the first of each conversation.
_OF_ORDERS = (_K.ORDERS, _K.ORDER_AMOUNT, _K.SALES, _K.PAYING_BUYERS, _K.SPEND_PER_BUYER)


def _found(
    study: Study, conversations: pd.DataFrame, now: pd.Series, before: pd.Series
) -> pd.DataFrame:
    """Return the alerts that the month raises; months are set against each other like for like."""
    alike = shop_kpis(study.of_month(conversations), profile=study.context.profile).iloc[0]
    ends = ("", _K.LOW_SUFFIX, _K.HIGH_SUFFIX)
    sums = [f"{name}{end}" for name in _OF_ORDERS for end in ends]
    compared = pd.Series(now.to_dict() | alike.reindex(sums).dropna().to_dict())
    found = [
        raised(now if one.kind in {"below", "above"} else compared, before, [one])
        for one in _held_against(study, now, before)
    ]
    return pd.concat(found, ignore_index=True) if found else raised(now, before, [])


#: Of these our thresholds are those of chat platforms.
_BY_THE_SECOND = (_K.REPLY_RATE_180S, _K.FIRST_RESPONSE_MEDIAN)


def _held_against(study: Study, now: pd.Series, before: pd.Series) -> list[Alert]:
    """Return the shop's alerts without those of ours that say nothing of it.

    Where the shop is of no chat platform, such a platform's seconds wake nobody by themselves: a
    desk for mail passes them every month. That a month passes them which the last one kept is news,
    and what the shop wrote itself always holds.
    """
    alerts = list(study.context.alerts)
    if kpi_figures.by_the_second(study, now):
        return alerts
    ours = [one for one in alerts_of() if one.figure in _BY_THE_SECOND]
    usual = [
        one
        for one in ours
        if pd.isna(before.get(one.figure)) or not raised(before, None, [one]).empty
    ]
    return [one for one in alerts if one not in usual]


def _alert(study: Study, row: pd.Series) -> str:
    """Write one alert: the figure, what it was, and the threshold that it passed."""
    name, kind, words = str(row["figure"]), str(row["kind"]), study.words
    writers = kpi_figures.writers(study) | {_K.FIRST_RESPONSE_MEDIAN: partial(labels.wait, study)}
    write: Write = writers.get(name, words.number)
    share = kind.endswith("_share")
    if kind in {"below", "above"} or (not share and name not in kpi_figures.SHARES):
        threshold = write(row["threshold"])
    elif share:
        threshold = words.percent(row["threshold"], 0)
    else:
        threshold = words.word("unit.points", n=words.number(100 * row["threshold"], 1))
    told = {"figure": study.word(f"kpi.{name}"), "value": write(row["value"])}
    if kind in {"below", "above"}:
        return study.word(f"alert.{kind}", threshold=threshold, **told)
    if name in _OF_ORDERS:
        told["figure"] = study.word("alert.first_orders", figure=told["figure"])
    side = "falls" if kind.startswith("falls") else "rises"
    return study.word(f"alert.{side}", threshold=threshold, before=write(row["before"]), **told)


def in_part(study: Study) -> str:
    """Return from or until when chats are known, where this month or the last is not whole.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> in_part(sample_study())
    ''
    """
    seen, parts = chats_observed(study.open(), study.as_of), []
    if seen is None:
        return ""
    first, last = seen
    if add_months(study.as_of, -2) + _UNSEEN < first < study.start:
        parts.append(study.word("brief.known_from", date=study.words.date(first)))
    if last < study.as_of - _UNSEEN:
        parts.append(study.word("brief.known_until", date=study.words.date(last)))
    return study.words.sentences(*parts)


def kpis(study: Study, brief: Brief) -> dict[str, list[float]]:
    """Return the month's figures for the trends of the shop's index, without those not known.

    Returns
    -------
    dict of str to list of float
        By KPI its value, and the ends of its interval where it has one.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> sorted(kpis(study, brief))[:3]
    ['first_response_median_s', 'inquiries', 'paid_rate']
    """
    if brief.conversations is None:
        return {}
    shop = kpi_figures.shop_row(study, brief.conversations)
    found = {}
    for name in TRENDS:
        columns = [name, f"{name}{_K.LOW_SUFFIX}", f"{name}{_K.HIGH_SUFFIX}"]
        values = [shop[column] for column in columns if column in shop]
        if values and pd.notna(values).all():
            found[name] = [round(float(value), 4) for value in values]
    return found


def headline(brief: Brief) -> dict[str, int]:
    """Return the rows of each table that was made, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> headline(gather(study))
    {'conversations': 362}
    """
    made = (brief.types, brief.tiers, brief.conversations, brief.drivers, brief.plan)
    return {name: len(table) for name, table in zip(_PARTS, made, strict=True) if table is not None}


def cards(study: Study, brief: Brief) -> Block:
    """Return the month's main figures as tiles, and every target that was missed below them.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(cards(study, brief)).__name__
    'Stack'
    """
    if brief.conversations is None:
        return _missing(study, _C.NAME)
    month = study.of_month(brief.conversations)
    tiles = agent_kpis.tiles(study, month)
    behind = agent_kpis.targets(study, brief.conversations)
    return _linked(study, _C.NAME, tiles, note=behind)


def going_with_a_sale(study: Study, brief: Brief) -> Block:
    """Draw what is advised, in the plan's order, then all else that goes with a sale, surest first.

    Where nothing does, the surest few are drawn in grey.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(going_with_a_sale(study, brief)).__name__
    'LeftOut'
    """
    if brief.drivers is None:
        return _missing(study, Drivers.NAME)
    rows = labels.estimated(labels.readable(brief.drivers))
    if rows.empty:
        return Prose(study.word("drivers.no_picture"))
    sure = sureness(rows, Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP)
    named = rows[Drivers.VERDICT].isin(labels.NAMED)
    plan = None if brief.plan is None else coaching.by_behaviour(brief.plan)
    advised = [] if plan is None else plan[CoachingPlan.BEHAVIOUR].tolist()
    place = rows[Drivers.BEHAVIOUR].map({name: number for number, name in enumerate(advised)})
    order = rows.assign(place=place, named=named, sure=sure).sort_values(
        ["place", "named", "sure"], ascending=[True, False, False], na_position="last"
    )
    kept = order.head(max(int((named | place.notna()).sum()), MIN_DRAWN))
    drawn = conversion_drivers.picture(study, kept, conversion_drivers.title(study, rows))
    return _linked(study, Drivers.NAME, drawn)


def plan(study: Study, brief: Brief) -> Block:
    """Return what is practised and by whom, with links to the cards, then what is to be checked.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(plan(study, brief)).__name__
    'LeftOut'
    """
    if brief.plan is None:
        return _missing(study, CoachingPlan.NAME)
    table = coaching.by_behaviour(brief.plan)
    # Nobody is named beside a rule here: what may break one is read with its lines, on the card.
    checked = labels.of_kind(brief.plan, "compliance")
    if table.empty and checked.empty:
        return _linked(study, CoachingPlan.NAME, coaching.nothing(study), cards=True)
    words = study.words
    shown = pd.DataFrame(
        {
            "what": [labels.title_of(study, str(name)) for name in table[CoachingPlan.BEHAVIOUR]],
            "who": [Linked(labels.card_links(study, names, _MOST_NAMED)) for names in table["who"]],
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
    found = pd.DataFrame(
        {
            "what": [study.word("coaching.rules_row", n=checked[CoachingPlan.BEHAVIOUR].nunique())],
            "who": [words.word("unit.people", n=checked[CoachingPlan.AGENT_ID].nunique())],
            "gain": [words.word("text.not_given")],
        }
    )
    headings = labels.headings(study, "coaching", shown.columns)
    if table.empty:
        title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    else:
        title = coaching.team_title(study, table)
        caption = words.sentences(
            study.word("coaching.team_caption"), coaching.in_money(study, table)
        )
    rows = pd.concat([shown, found if len(checked) else found[:0]], ignore_index=True)
    table_ = Table(rows, title, caption=caption, labels=headings, name="brief-plan")
    return _linked(study, CoachingPlan.NAME, table_, cards=True)


def money(study: Study, brief: Brief) -> Block:
    """Draw whose money it is, and say whether the best buyers are being lost.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(money(study, brief)).__name__
    'LeftOut'
    """
    if brief.tiers is None:
        return _missing(study, ValueTiers.NAME)
    facts = study.facts(_PARTS[ValueTiers.NAME])
    told = (str(facts.get(name, "")) for name in (value_tiers.LARGE, value_tiers.LEAVING))
    lost = study.words.sentences(*told)
    lists = ("silent_list",) if facts.get(value_tiers.SILENT) else ()
    shares = value_tiers.money(study, brief.tiers)
    return _linked(study, ValueTiers.NAME, shares, *lists, note=lost)


def types(study: Study, brief: Brief) -> Block:
    """Draw how many buyers of each type there are.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(types(study, brief)).__name__
    'LeftOut'
    """
    if brief.types is None:
        return _missing(study, BuyerTypes.NAME)
    counts = buyer_types.counts_of(brief.types)
    absent = [name for name in BUYER_TYPES if counts[name] == 0]
    adapted = buyer_types.is_adapted(brief.types)
    sizes = buyer_types.sizes_of(study, counts, absent, adapted=adapted)
    facts = study.facts(_PARTS[BuyerTypes.NAME])
    hold = [str(facts.get(name, "")) for name in (buyer_types.HOLD, buyer_types.WANDER)]
    return _linked(study, BuyerTypes.NAME, sizes, note=study.words.sentences(*hold))


def careful(study: Study, brief: Brief) -> Note:
    """Return what to mind when reading: immature days, parts left out, small numbers.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(careful(study, brief)).__name__
    'Note'
    """
    words = study.words
    items = [] if study.open().match.broken else data_check.join(study)
    items += [*data_check.missing_days(study), *data_check.no_refunds(study)]
    # What makes conversion itself mislead stands beside it, above.
    above = data_check.conversion_doubts(study)
    doubts = (data_check.in_words(study, told) for told in study.doubts)
    items += [told for told in doubts if told not in above]
    items += (
        [late] if (late := str(study.facts(_PARTS[_C.NAME]).get(agent_kpis.PAID_LATE, ""))) else []
    )
    items += data_check.imports(study)
    items += data_check.set_aside(study, WORTH_NAMING)
    if brief.conversations is not None:
        items += kpi_figures.off_hours(study, brief.conversations)
    items += [
        study.word(
            "brief.left_out", page=study.word(f"page.{name}"), why=study.word(f"left_out.{why}")
        )
        for name, why in study.left_out.items()
        if name not in _PARTS.values()  # those say so in their own place
    ]
    if brief.conversations is not None and brief.conversations[_C.PAID].notna().any():
        rows = inquiries_of(study.of_month(brief.conversations))
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
        found = study.read_or_none(DriverChecks.NAME)
        if found is not None:
            items += conversion_drivers.control_warnings(study, brief.drivers, found)
        items += conversion_drivers.contrary_notes(study, brief.drivers)
    return Note(items or [study.word("brief.calm")])


def further(study: Study) -> Block:
    """Return what the pages found that the brief has no picture of: a sentence and a link each.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(further(study)).__name__
    'Prose'
    """
    found = {page: _first_sentence(study, page) for page in _FURTHER}
    told = [
        study.words.sentences(
            study.word(
                "brief.further", page=f"[{study.word(f'page.{page}')}]({page}.html)", finding=f
            ),
            _to_call_back(study) if page == _LOST else "",
        )
        for page, f in found.items()
        if f
    ]
    return Items(told) if told else Prose(study.word("brief.nothing_further"))


def _to_call_back(study: Study) -> str:
    n = study.facts(_LOST).get(TO_CALL_BACK, 0)
    if not n:
        return ""
    label = study.word("brief.call_back_list", n=study.words.number(n))
    link = f"[{label}]({_LISTS['call_back_list']})"
    return study.word("brief.more", links=link)


def _first_sentence(study: Study, page: str) -> str:
    return re.split(r"(?<=。)|(?<=\.)\s", str(study.facts(page).get("finding", "")))[0]


def changes(study: Study, brief: Brief) -> Block:
    """Return what changed since last month, and how buyers who asked have moved.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> brief = gather(study)
    >>> type(changes(study, brief)).__name__
    'Table'
    """
    if brief.conversations is None:
        return _missing(study, _C.NAME)
    return month_over_month(study, brief.conversations, brief.types, brief.tiers)


#: Where the lists of whom to call back stand.
_LISTS = {
    "silent_list": "02_value_tiers.html#leaving-h",
    "call_back_list": "09_lost_inquiries.html#call-h",
}


def _linked(
    study: Study, part: str, block: Block, *lists: str, cards: bool = False, note: str = ""
) -> Block:
    """Return a block with a note and where to read on below it."""
    page = _PARTS[part]
    targets = [(f"{page}.html", study.word(f"page.{page}"))]
    if cards:
        targets.append(("index.html#cards", study.word("nav.cards")))
    targets += [(_LISTS[name], study.word(f"brief.{name}")) for name in lists]
    links = study.word("brief.links_join").join(f"[{label}]({href})" for href, label in targets)
    more = study.word("brief.more", links=links)
    return Stack(block, Prose(study.words.sentences(note, more)))


def _missing(study: Study, name: str) -> LeftOut:
    part = _PARTS[name]
    why = study.left_out.get(part)
    reason = study.word(f"left_out.{why}") if why else study.word("left_out.not_asked")
    return LeftOut([study.word("text.colon", label=study.word(f"page.{part}"), text=reason)])


def month_over_month(
    study: Study,
    conversations: pd.DataFrame,
    types: pd.DataFrame | None,
    tiers: pd.DataFrame | None,
) -> Block:
    """Return the month's figures beside last month's, and how buyers who asked have moved.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> type(month_over_month(study, seen, None, None)).__name__
    'Table'
    """
    earlier = study.of_month(conversations, add_months(study.as_of, -2))
    told = movements(study, conversations, types, tiers)
    # A month in which nobody was served has figures, and none that another can be set against.
    if earlier.empty or inquiries_of(earlier).empty:
        return Stack(Prose(study.word("brief.nothing_before"), in_part(study), *told))
    month = shop_kpis(study.of_month(conversations), profile=study.context.profile).iloc[0]
    before = agent_kpis.month_before(study, conversations)
    table = _table(study, agent_kpis.comparable(month), before)
    return Columns(table, Items(told)) if told else table


def _table(study: Study, now: pd.Series, before: pd.Series) -> Table:
    words, part = study.words, in_part(study)
    rows = [_rate(study, now, before, name) for name in (_K.PAID_RATE, _K.REPLY_RATE_180S)]
    kept: dict[str, Write] = {
        _K.INQUIRIES: words.number,
        _K.FIRST_RESPONSE_MEDIAN: partial(labels.wait, study),
    }
    cap = study.context.profile.round_cap_s
    for name, write in kept.items():
        if pd.notna(now[name]) and pd.notna(before[name]):
            change = words.number(float(now[name]) - float(before[name]), sign=True)
            if name == _K.FIRST_RESPONSE_MEDIAN:
                unknown = max(now[name], before[name]) >= cap
                change = "—" if unknown else words.word("unit.seconds", n=change)
            change = "—" if part and name in TOTALS else change
            rows.append((study.word(f"kpi.{name}"), write(before[name]), write(now[name]), change))
    columns = ("what", "before", "now", "change")
    return Table(
        pd.DataFrame([row for row in rows if row], columns=list(columns)),
        _title(study, now, before),
        caption=words.sentences(study.word("brief.changed_caption"), part),
        labels=labels.headings(study, "brief", columns),
        name="brief-changes",
    )


def _title(study: Study, now: pd.Series, before: pd.Series) -> str:
    if pd.isna(now[_K.PAID_RATE]) or pd.isna(before[_K.PAID_RATE]):
        return study.word("brief.changed")
    change = labels.difference(now, before, _K.PAID_RATE)
    told = labels.change_in_words(study, change)
    return study.word("text.colon", label=study.word(f"kpi.{_K.PAID_RATE}"), text=told)


def _rate(
    study: Study, now: pd.Series, before: pd.Series, name: str
) -> tuple[str, str, str, str] | None:
    if pd.isna(now[name]) or pd.isna(before[name]):
        return None
    words = study.words
    by, low, high = (words.points(100 * value) for value in labels.difference(now, before, name))
    change = labels.two_lines(words.with_interval(by, low, high))
    return study.word(f"kpi.{name}"), words.percent(before[name]), words.percent(now[name]), change


def movements(
    study: Study,
    conversations: pd.DataFrame,
    types: pd.DataFrame | None,
    tiers: pd.DataFrame | None,
) -> list[str]:
    """Return sentences on the types and tiers of this month's askers, before it and after it.

    Before it: as the report of the month before has them, which is what the drivers use.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> movements(study, seen, None, None)
    []
    """
    asked = study.of_month(conversations)[[_C.BUYER_ID]].drop_duplicates()
    parts = []
    for name, now, told in (
        (SegmentsByMonth.TYPES, types, _types),
        (SegmentsByMonth.TIERS, tiers, _tiers),
    ):
        labels = study.read_or_none(name)
        if labels is not None and now is not None:
            before = labels[labels[SegmentsByMonth.AS_OF] == study.start]
            parts.append(told(study, asked, before, now))
    return [part for part in parts if part]


def _types(study: Study, asked: pd.DataFrame, known: pd.DataFrame, types: pd.DataFrame) -> str:
    column = BuyerTypes.TYPE
    pairs = asked.merge(known, on=_C.BUYER_ID).merge(
        types[[_C.BUYER_ID, column]], on=_C.BUYER_ID, suffixes=("_before", "")
    )
    named = pairs[pairs[f"{column}_before"].isin(BUYER_TYPES) & pairs[column].isin(BUYER_TYPES)]
    if named.empty:
        return ""
    kept = named[f"{column}_before"] == named[column]
    share = study.words.percent(kept.mean(), 0)
    return study.word("brief.types_kept", n=study.words.number(len(named)), share=share)


def _tiers(study: Study, asked: pd.DataFrame, known: pd.DataFrame, tiers: pd.DataFrame) -> str:
    """Say who fell below core, as the page of tiers counts it: of all, and of those who asked."""
    column = ValueTiers.TIER
    good = known[known[column].isin(BEST)]
    here = good[_C.BUYER_ID].isin(asked[_C.BUYER_ID])
    if not here.any():
        return ""
    now = good[_C.BUYER_ID].map(tiers.set_index(_C.BUYER_ID)[column])
    fell, words = ~now.isin(BEST), study.words
    return study.word(
        "brief.tiers_lost",
        all=words.number(len(good)),
        fell=words.number(fell.sum()),
        share=words.percent(fell.mean(), 0),
        of=words.number(here.sum()),
        n=words.number((fell & here).sum()),
        asked=words.percent(fell[here].mean(), 0),
    )
