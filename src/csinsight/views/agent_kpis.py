"""Notebook 03: the month's figures of the team and of every agent, and what each is made of."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

import matplotlib.pyplot as plt
import pandas as pd

from csinsight.behaviours.kpis import (
    SILENT_SHARE,
    monthly_kpis,
    shop_kpis,
)
from csinsight.coaching.card import AgentSpread
from csinsight.contract.artifacts import AgentKpis, Conversations
from csinsight.features.month_doubts import paid_late
from csinsight.features.months import in_months
from csinsight.params import add_months
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Prose, Stack, Table, Tile, Tiles, Tone
from csinsight.render.figure import Picture
from csinsight.render.words import by_pinyin
from csinsight.stats.spread import Spread
from csinsight.views import data_check, labels, plots
from csinsight.views.kpi_figures import (
    CONVERSION,
    SHOP_KPIS,
    missed,
    no_targets,
    of_sales,
    shop_row,
    targets_of,
    with_interval,
    writers,
)
from csinsight.views.plots import Write
from csinsight.views.study import Study

_C = Conversations
_K = AgentKpis
_PAID_N = f"{_K.PAID_RATE}_denominator"
#: What is drawn over the months; conversion first.
HEADLINES: Final = (
    _K.PAID_RATE,
    _K.INQUIRIES,
    _K.FIRST_RESPONSE_MEDIAN,
    _K.REPLY_RATE_180S,
    _K.SPEND_PER_BUYER,
    _K.SATISFACTION,
)
#: Figures side by side.
_ACROSS: Final = 3
#: As many stand in a row; the rest is in the table of all figures.
_TILES: Final = 6


def sentence(study: Study, conversations: pd.DataFrame) -> str:
    """Return the finding: conversion, its change beyond chance or not, and speed.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> "54.5%" in sentence(study, seen)
    True
    """
    words = study.words
    shop = shop_row(study, conversations)
    if pd.isna(shop[_K.PAID_RATE]):
        parts = [_untold(study, shop)]
    else:
        low, high = (words.percent(shop[f"{_K.PAID_RATE}{end}"]) for end in ("_low", "_high"))
        paid, n = words.percent(shop[_K.PAID_RATE]), words.number(shop[_PAID_N])
        key = f"kpis.found_{study.context.profile.inquirer}"
        parts = [study.word(key, paid=paid, n=n, low=low, high=high)]
        change = _change(study, conversations, shop)
        if change is not None:
            before = words.percent(month_before(study, conversations)[_K.PAID_RATE])
            told = labels.change_in_words(study, change)
            parts.append(study.word("kpis.against", before=before, change=told))
    parts += [*data_check.conversion_doubts(study), *late_payments(study)]
    parts += [_speed(study, shop), targets(study, conversations)]
    return words.sentences(*parts)


def in_brief(study: Study, conversations: pd.DataFrame) -> str:
    """Return conversion and whether it changed beyond chance, in one sentence.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> "54.5%" in in_brief(study, seen)
    True
    """
    words = study.words
    shop = shop_row(study, conversations)
    if pd.isna(shop[_K.PAID_RATE]):
        return words.sentences(_untold(study, shop), *data_check.conversion_doubts(study))
    low, high = (words.percent(shop[f"{_K.PAID_RATE}{end}"]) for end in ("_low", "_high"))
    change = _changed(study, conversations, shop, brief=True)
    paid = words.percent(shop[_K.PAID_RATE])
    told = study.word("brief.paid", paid=paid, low=low, high=high, change=change)
    doubts = data_check.conversion_doubts(study)
    return words.sentences(told, *data_check.join(study), *doubts)


#: Name of the fact that many orders are paid too late to count as paid.
PAID_LATE: Final = "paid_late"


def late_payments(study: Study) -> list[str]:
    """Return that many orders are paid too late to count as paid, and keep it for the brief.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> late_payments(sample_study())
    []
    """
    window = study.context.params.payment_window_hours
    found = paid_late(study.open(), study.start, study.as_of, window)
    if found is None:
        return []
    number = study.words.number
    late, paid = map(number, found)
    share = study.words.percent(found[0] / found[1], 0)
    told = study.word("kpis.paid_late", n=late, all=paid, share=share, hours=number(window))
    study.write_facts({PAID_LATE: told})
    return [told]


def _untold(study: Study, shop: pd.Series) -> str:
    """Return why nothing can be told of conversion: no inquiry, no orders, none to be joined."""
    match, words = study.open().match, study.words
    count = words.number(shop[_K.INQUIRIES])
    if not shop[_K.INQUIRIES]:
        return study.word("brief.no_inquiries", n=words.number(shop[_K.CONVERSATIONS]))
    if not match.broken:
        dated = study.open().orders_dated
        if study.open().order_lag.hours or not study.open().sides >= {"buyer", "agent"}:
            return study.word("brief.untold", n=count)
        if study.open().joined and shop[_K.IMMATURE] == shop[_K.INQUIRIES]:
            return study.word("brief.all_open", n=count)
        return study.word("brief.order_days" if dated else "brief.no_paid", n=count)
    found, buyers = words.number(match.found), words.number(match.chats)
    return study.word("brief.no_join", n=count, found=found, all=buyers)


def _changed(
    study: Study, conversations: pd.DataFrame, now: pd.Series, *, brief: bool = False
) -> str:
    """Return in words how conversion changed since the month before."""
    change = _change(study, conversations, now)
    return (
        study.word("brief.first_month")
        if change is None
        else labels.change_in_words(study, change, brief=brief)
    )


def _change(
    study: Study, conversations: pd.DataFrame, now: pd.Series
) -> tuple[float, float, float] | None:
    """Return the change of paid conversion since the month before with its interval, if known."""
    before, now = month_before(study, conversations), comparable(now)
    if pd.isna(before[_K.PAID_RATE]) or pd.isna(now[_K.PAID_RATE]):
        return None
    return labels.difference(now, before, _K.PAID_RATE)


def month_before(study: Study, conversations: pd.DataFrame) -> pd.Series:
    """Return the shop's figures of the month before, as far as they are `comparable`.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> int(month_before(study, seen)["conversations"])
    113
    """
    earlier = study.of_month(conversations, add_months(study.as_of, -2))
    return comparable(shop_kpis(earlier, profile=study.context.profile).iloc[0])


#: A figure of fewer cases than this is set against no other month's.
_LEAST: Final = 10


def comparable(figures: pd.Series) -> pd.Series:
    """Return a month's figures without those of too few cases to be set against another month's.

    Where one of one inquirer paid, the interval of a change leaves out what chance does often.

    Examples
    --------
    >>> one = {"paid_rate": 1.0, "paid_rate_low": 0.2, "paid_rate_denominator": 1, "inquiries": 3}
    >>> comparable(pd.Series(one)).dropna().to_dict()
    {'paid_rate_denominator': 1.0, 'inquiries': 3.0}
    """
    ends = ("", _K.LOW_SUFFIX, _K.HIGH_SUFFIX)
    under = [name for name in figures.index if str(name).endswith(_K.DENOMINATOR_SUFFIX)]
    few = [name.removesuffix(_K.DENOMINATOR_SUFFIX) for name in under if figures[name] < _LEAST]
    gone = [f"{name}{end}" for name in few for end in ends]
    return figures.where(~figures.index.isin(gone))


def _speed(study: Study, shop: pd.Series) -> str:
    if pd.isna(shop[_K.FIRST_RESPONSE_MEDIAN]):
        return study.word("kpis.untimed")
    seconds = study.words.seconds
    median, p90 = (seconds(shop[n]) for n in (_K.FIRST_RESPONSE_MEDIAN, _K.FIRST_RESPONSE_P90))
    if _beyond_cap(study, shop):
        return study.word("kpis.speed_beyond_cap", cap=median)
    if shop[_K.FIRST_RESPONSE_P90] >= study.context.profile.round_cap_s:
        return study.word("kpis.speed_at_cap", median=median, cap=p90)
    told = study.word("kpis.speed", median=median, p90=p90)
    return study.words.sentences(told, study.word("kpis.minutes")) if _to_minutes(study) else told


def _to_minutes(study: Study) -> bool:
    """Tell whether times without seconds leave short waits known to the minute alone."""
    return any(told.kind == "minutes" for told in study.doubts)


def _beyond_cap(study: Study, shop: pd.Series) -> bool:
    """Tell whether half of the first replies take as long as is counted, or longer."""
    median = shop[_K.FIRST_RESPONSE_MEDIAN]
    return pd.notna(median) and bool(median >= study.context.profile.round_cap_s)


def finding(study: Study, conversations: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> type(finding(study, seen)).__name__
    'Finding'
    """
    return study.finding(sentence(study, conversations))


def headline(study: Study, conversations: pd.DataFrame) -> dict[str, float]:
    """Return the shop's main figures, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> sorted(headline(study, seen))
    ['conversations', 'first_response_median_s', 'inquiries', 'paid_rate']
    """
    shop = shop_row(study, conversations)
    names = (_K.CONVERSATIONS, _K.INQUIRIES, _K.PAID_RATE, _K.FIRST_RESPONSE_MEDIAN)
    return {name: round(float(shop[name]), 4) for name in names if pd.notna(shop[name])}


def cards(study: Study, conversations: pd.DataFrame) -> Tiles:
    """Return the month's main figures as tiles.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> type(cards(study, seen)).__name__
    'Tiles'
    """
    return tiles(study, study.of_month(conversations))


def tiles(study: Study, month: pd.DataFrame) -> Tiles:
    """Return one month's main figures as tiles, without those that the data can't give.

    Figures that missed their target are marked and say so.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> len(tiles(study, seen).tiles) <= _TILES
    True
    """
    shop, write = shop_row(study, month), writers(study)
    behind = missed(study, shop)
    made = []
    for name, detail in _details(study, shop).items():
        parts = [detail, study.word("kpis.off_target")] if name in behind else [detail]
        ends = shop.reindex([f"{name}{end}" for end in (_K.LOW_SUFFIX, _K.HIGH_SUFFIX)])
        value = write[name](shop[name])
        if name == _K.FIRST_RESPONSE_MEDIAN and _beyond_cap(study, shop):
            value = study.word("kpis.tile_beyond_cap", cap=value)  # an interval would be none
        elif name != _K.PAID_RATE and pd.notna(ends).all():  # whose line has its interval already
            parts.insert(0, study.words.interval(*map(write[name], ends)))
        if name in CONVERSION and (match := data_check.match_note(study)):
            parts.append(match)
        told = " · ".join(parts)
        tone: Tone = "hurts" if name in behind else ""
        made.append(Tile(study.word(f"kpi.{name}"), value, told, tone))
    return Tiles(made[:_TILES])


def _details(study: Study, shop: pd.Series) -> dict[str, str]:
    """Return by KPI that has a value the line below it, in the order of the tiles."""
    profile = study.context.profile
    words = study.words
    span = words.interval(*(words.percent(shop[f"{_K.PAID_RATE}{e}"]) for e in ("_low", "_high")))
    p90 = words.seconds(shop[_K.FIRST_RESPONSE_P90])
    told = {
        _K.PAID_RATE: study.word(
            f"kpis.of_inquirers_{profile.inquirer}",
            span=span,
            n=words.number(shop[_PAID_N]),
            immature=words.number(shop[_K.IMMATURE]),
        ),
        _K.FIRST_RESPONSE_MEDIAN: study.word("kpis.half_beyond_cap")
        if _beyond_cap(study, shop)
        else study.word("kpis.tail_at_cap", cap=p90)
        # Without times there is no ninth in ten, and the tile goes below.
        if pd.notna(shop[_K.FIRST_RESPONSE_P90])
        and shop[_K.FIRST_RESPONSE_P90] >= profile.round_cap_s
        else study.word(
            "kpis.nine_in_ten",
            p90=p90,
            n=words.number(shop[f"{_K.FIRST_RESPONSE_MEDIAN}{_K.DENOMINATOR_SUFFIX}"]),
        ),
        _K.REPLY_RATE_180S: _of_rounds(study, shop),
        _K.SPEND_PER_BUYER: study.word("kpis.per_buyer", n=words.number(shop["paying_buyers"])),
        SILENT_SHARE: study.word("kpis.silent_detail", sales=of_sales(study, shop)),
        _K.SATISFACTION: study.word(
            "kpis.rated",
            n=words.number(shop[_K.RATINGS]),
            share=words.percent(shop[_K.RATINGS] / max(shop[_K.CONVERSATIONS], 1), 0),
        ),
        _K.ANSWER_ASK_RATIO: study.word("kpis.ratio_detail"),
    }
    if _to_minutes(study):
        told[_K.FIRST_RESPONSE_MEDIAN] += f" · {study.word('kpis.minutes_short')}"
    return {name: detail for name, detail in told.items() if pd.notna(shop[name])}


def _of_rounds(study: Study, shop: pd.Series) -> str:
    rounds = study.words.number(shop["rounds"])
    target = targets_of(study, shop).get(_K.REPLY_RATE_180S)
    if target is None:
        return study.word("kpis.of_rounds_no_target", n=rounds)
    return study.word("kpis.of_rounds", n=rounds, target=study.words.percent(target, 0))


def targets(study: Study, conversations: pd.DataFrame) -> str:
    """Name every target that the month missed, or say that none was, or that none is known.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> bool(targets(study, seen))
    True
    """
    profile = study.context.profile
    shop = shop_row(study, conversations)
    fitting = targets_of(study, shop)
    if not fitting:
        return no_targets(study)
    known = [name for name in fitting if pd.notna(shop.get(name))]
    if not known:
        return ""
    behind = missed(study, shop)
    if not behind:
        return study.word(f"kpis.missed_no{'ne' if len(known) == len(fitting) else '_known'}")
    lead = _unanswered(study, conversations, shop) if _OF_ROUNDS & behind.keys() else ""
    # What nobody answered comes first where it is told first.
    order = sorted(behind, key=lambda name: bool(lead) and name != _K.REPLY_RATE)
    join = study.word("text.clause_join").join
    told = study.word("kpis.missed_all", listed=join(behind[name] for name in order))
    capped = _K.MEAN_RESPONSE in behind and profile.unanswered == "cap" and shop[_K.UNANSWERED] > 0
    cap = study.words.seconds(profile.round_cap_s)
    return study.words.sentences(
        lead, told, study.word("kpis.missed_cap", cap=cap) if capped else ""
    )


#: Figures that a round which nobody answers makes worse, however quick the others are.
_OF_ROUNDS: Final = {_K.MEAN_RESPONSE, _K.REPLY_RATE, _K.REPLY_RATE_180S}


def _unanswered(study: Study, conversations: pd.DataFrame, shop: pd.Series) -> str:
    """Say how many rounds nobody answered, how quick the others were, and what comes first.

    A round that is left open is nearly always the buyer's last turn, often no more than thanks:
    whom an agent had answered before is told apart from whom nobody ever served.
    """
    words, rounds, never = study.words, shop[_C.ROUNDS], shop[_K.UNANSWERED]
    prompt = shop[f"{_K.REPLY_RATE_180S}{_K.NUMERATOR_SUFFIX}"]
    answered = rounds - never
    if not never > 0 or not answered > 0:
        return ""
    month = study.of_month(conversations)
    unserved = month[_C.AGENT_MESSAGES].fillna(0) == 0
    nobody = int(month.loc[unserved, _C.ROUNDS_UNANSWERED].fillna(0).sum())
    after = int(never) - nobody
    told = study.word(
        "kpis.missed_rounds",
        n=words.number(rounds),
        never=words.number(never),
        share=labels.share_of(study, int(never), int(rounds), 1),
        prompt=words.percent(prompt / answered, 0),
    )
    parts = [told]
    if nobody:
        parts.append(study.word("kpis.missed_nobody", n=words.number(nobody)))
    if after > 0:
        parts.append(study.word("kpis.missed_last", n=words.number(after)))
    if never > answered - prompt:  # the gap is what was left, not what was slow
        parts.append(study.word(f"kpis.missed_first_{'last' if after > nobody else 'nobody'}"))
    return words.sentences(*parts)


def trend(study: Study, conversations: pd.DataFrame) -> Block:
    """Draw every headline figure by month, with its interval where it has one.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> type(trend(study, seen.head(0))).__name__
    'Prose'
    """
    back = study.context.params.trend_months
    counted = in_months(conversations, study.as_of, back, untimed=False)
    months = monthly_kpis(counted, profile=study.context.profile)
    known = [name for name in HEADLINES if months[name].notna().sum() > 1]
    if not known:
        return Prose(study.word("kpis.no_trend"))
    words, write = study.words, writers(study)
    rows = -(-len(known) // _ACROSS)
    size = (theme.WIDE[0] * 1.25, 1.9 * rows)
    figure, grid = plt.subplots(rows, _ACROSS, squeeze=False, figsize=size)
    told = []
    for axes, name in zip_longest(grid.flat, known):
        if name is None:
            axes.set_axis_off()
            continue
        own = months[months[name].notna()]
        ends = {f"{name}{end}": end[1:] for end in (_K.LOW_SUFFIX, _K.HIGH_SUFFIX)}
        shown = own.rename(columns={name: "value", **ends})
        names = [str(month)[2:] for month in own["month"]]
        plots.trend(axes, names, shown, write[name])
        axes.set_title(study.word(f"kpi.{name}"), fontsize=theme.SMALL)
        first, last = (write[name](own[name].iloc[place]) for place in (0, -1))
        label = study.word(f"kpi.{name}")
        told.append(study.word("kpis.trend_alt", label=label, first=first, last=last))
    shop = shop_row(study, conversations)
    return Picture(
        figure,
        study.word("kpis.trend", change=_changed(study, conversations, shop)),
        alt=words.sentences(*told),
        caption=study.words.sentences(
            study.word("kpis.trend_caption"),
            # The month's own figure counts all orders that an agent is credited with.
            study.word("kpis.trend_spend") if _K.SPEND_PER_BUYER in known else "",
        ),
        data=months[["month", *known]],
        name="trend",
    )


def funnel(study: Study, found: AgentSpread) -> Block:
    """Draw every agent's conversion over how many inquiries it rests on, without a ranking.

    Only agents outside the team's usual spread are named.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.coaching.card import AgentSpread
    >>> type(funnel(study, AgentSpread(pd.DataFrame(), None))).__name__
    'Prose'
    """
    agents, spread = found.agents, found.spread
    if spread is None:
        return Prose(study.word("kpis.no_funnel"))
    points = agents.assign(
        name=[study.agent_name(agent) for agent in agents["agent_id"]],
        n=agents["inquiries"],
        rate=agents["adjusted"],
        named=agents["outside"].astype(bool),
    )
    figure = plots.funnel(
        points,
        spread,
        across=study.word("kpis.funnel_x", months=labels.months_told(study)),
        down=study.word("kpis.funnel_y"),
        write=lambda value: study.words.percent(value, 0),
    )
    reach = agents["usual_high"].clip(upper=1) - agents["usual_low"].clip(lower=0)
    blind = bool((reach >= _BLIND).all())
    title = _apart(study, spread, points.loc[points["named"], "name"].tolist(), blind=blind)
    p = spread.p_value
    return Picture(
        figure,
        title,
        alt=title,
        caption=study.word(
            "kpis.funnel_caption",
            # Between agents beyond chance, in points.
            sd=study.words.with_interval(
                *(
                    study.words.number(100 * value, 1)
                    for value in (spread.sd, spread.sd_low, spread.sd_high)
                )
            ),
            without=study.word("kpis.funnel_without") if points["named"].any() else "",
            p="p<0.001" if p < 0.001 else f"p={study.words.number(p, 3)}",
        ),
        data=agents.drop(columns="above").round(4),
        name="funnel",
    )


#: A band of the team's usual spread that covers so much of 0 to 100 % can show nobody.
_BLIND: Final = 0.9


def _apart(study: Study, spread: Spread, outside: list[str], *, blind: bool) -> str:
    """Say whether agents differ beyond chance, by how much, and who stands outside the team."""
    words, agents = study.words, labels.counted(study, "agents", len(spread.adjusted))
    if spread.p_value >= 0.05 and not outside:
        return study.word("kpis.funnel_alike", agents=agents)
    least, most = (words.percent(end(spread.adjusted), 0) for end in (min, max))
    told = {"agents": agents, "least": least, "most": most}
    if outside:
        return study.word("kpis.funnel_outside", names=words.listed(outside), **told)
    return study.word("kpis.funnel_blind" if blind else "kpis.funnel_nobody", **told)


def table(study: Study, agents: pd.DataFrame) -> Block:
    """Return how every agent answered and what came of it, by name and not by result.

    Two tables, since a page has no room for all of it in one.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(table(study, pd.DataFrame())).__name__
    'Prose'
    """
    if agents.empty:
        return Prose(study.word("kpis.no_agents"))
    words = study.words
    answers: dict[str, Write] = {
        _UNANSWERED: lambda value: words.percent(value, 0),
        _K.REPLY_RATE_180S: lambda value: words.percent(value, 0),
        **dict.fromkeys((_K.FIRST_RESPONSE_MEDIAN, _K.MEAN_RESPONSE), words.seconds),
        _K.ANSWER_ASK_RATIO: lambda value: words.number(value, 2),
    }
    results: dict[str, Write] = {
        _K.PAID_RATE: lambda value: words.percent(value, 0),
        _K.SPEND_PER_BUYER: words.money,
        _K.SATISFACTION: lambda value: words.number(value, 1),
    }
    never = {end: 1 - agents[f"{_K.REPLY_RATE}{other}"] for end, other in _TURNED.items()}
    rows = agents.assign(**{f"{_UNANSWERED}{end}": share for end, share in never.items()})
    bases = ((_ROUNDS_N, answers), (_K.INQUIRERS, results), (_PAID_N, results))
    made = []
    for name, formats in (("answers", answers), ("agents", results)):
        shown = pd.DataFrame({_K.AGENT_ID: [study.agent_name(a) for a in rows[_K.AGENT_ID]]})
        for base, where in bases:  # what the rates beside it are shares of
            if where is formats and (base == _K.INQUIRERS or rows[base].sum() > 0):
                shown[base] = rows[base].to_numpy()
        for figure, write in formats.items():
            if rows[figure].notna().any():
                shown[figure] = [
                    labels.wait(study, row[figure])
                    if figure == _K.FIRST_RESPONSE_MEDIAN and _beyond_cap(study, row)
                    else with_interval(study, row, figure, write, labels.two_lines)
                    for _, row in rows.iterrows()
                ]
        if len(shown.columns) == 1:  # no times: nothing is known of how they answered
            continue
        made.append(
            Table(
                shown.sort_values(_K.AGENT_ID, key=lambda names: names.map(by_pinyin)),
                study.word(f"kpis.table_{name}"),
                caption=_table_caption(study, agents, name),
                labels={column: study.word(f"kpi.{column}") for column in shown.columns},
                name=name,
            )
        )
    return Stack(*made)


#: Share of an agent's rounds that got no reply, and of how many: the reply rate's other side.
_UNANSWERED: Final = "unanswered_share"
_ROUNDS_N: Final = f"{_K.REPLY_RATE}{_K.DENOMINATOR_SUFFIX}"
_TURNED: Final = {"": "", _K.LOW_SUFFIX: _K.HIGH_SUFFIX, _K.HIGH_SUFFIX: _K.LOW_SUFFIX}


def _table_caption(study: Study, agents: pd.DataFrame, name: str) -> str:
    profile = study.context.profile
    if name == "answers":
        capped = agents[_K.MEAN_RESPONSE].notna().any() and profile.unanswered == "cap"
        cap = study.words.seconds(profile.round_cap_s)
        return study.words.sentences(
            study.word("kpis.table_answers_caption"),
            study.word("kpis.missed_cap", cap=cap) if capped else "",
        )
    rule = study.word(f"kpis.rule_{profile.attribution}")
    caption = study.word("kpis.table_caption", rule=rule)
    shop = study.read_or_none(SHOP_KPIS)
    # Buyers of several agents: without a word the shop's spend beside agents' looks wrong.
    whole = None if shop is None else shop[_K.PAYING_BUYERS].iloc[0]
    # Where chats and orders can't be joined the shop's buyers are not known.
    if shop is not None and pd.notna(whole) and agents[_K.PAYING_BUYERS].sum() > whole:
        spend = study.words.money(shop[_K.SPEND_PER_BUYER].iloc[0])
        caption = study.words.sentences(caption, study.word("kpis.table_shared", shop=spend))
    return caption
