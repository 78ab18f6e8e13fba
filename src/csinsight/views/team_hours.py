"""Notebook 08: load against who is on, what goes with it, teams, question types, robots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.hours import (
    Enough,
    Slope,
    activity,
    enough,
    load_slope,
    mean_load,
    relief,
    shift_starts,
    slow_hours,
    team_hours,
    with_load,
)
from csinsight.behaviours.profiles import AS_MAIL_S
from csinsight.contract.artifacts import AgentSessions, Conversations, TeamHours
from csinsight.contract.domain import CATEGORIES
from csinsight.contract.schema import Agents
from csinsight.drivers.units import as_float
from csinsight.features.months import in_months
from csinsight.params import add_months
from csinsight.render import theme
from csinsight.render.blocks import Block, Columns, Finding, Items, Note, Prose, Stack, Table
from csinsight.render.figure import Picture
from csinsight.stats.intervals import wilson
from csinsight.views import labels, plots
from csinsight.views.study import SLOW_HOURS, Study

_C = Conversations
_H = TeamHours
#: Fewer inquiries than this say nothing of a team or of who answers what.
MIN_INQUIRIES: Final = 30
#: A shift is the part of the day in which its agent wrote the first line.
_SHIFTS: Final = ("night", "morning", "afternoon", "evening")
_SHIFT_ENDS: Final = (0, 5, 12, 17, 24)
_WEEK: Final = 7
#: Days of the week are said to differ where chance would do it this rarely.
_CHANCE: Final = 0.05
#: Agents of a team or a shift, for their differences to tell its interval.
_FEWEST_IN_GROUP: Final = 3
#: An interval that reaches further than this many points to a side says nothing of use. Ours.
_USEFUL_POINTS: Final = 10


@dataclass(frozen=True)
class Hours:
    """What the page shows, computed once.

    Parameters
    ----------
    hours : pandas.DataFrame
        The artifact ``team_hours``.
    talks : pandas.DataFrame
        Of `csinsight.behaviours.hours.with_load`.
    slow : pandas.DataFrame
        Of `csinsight.behaviours.hours.slow_hours`.
    written : pandas.DataFrame
        Of `csinsight.behaviours.hours.activity`.
    wait, paid, late : Slope or None
        By one conversation more for each agent: the first reply in doublings of its seconds, paid
        conversion as a share, and what share of a conversation's rounds was answered late or never.
    """

    hours: pd.DataFrame
    talks: pd.DataFrame
    slow: pd.DataFrame
    written: pd.DataFrame
    wait: Slope | None
    paid: Slope | None
    late: Slope | None = None
    #: Whether half of the first replies are as late as is counted, or as mail: what is slow in a
    #: chat says nothing then, and how load goes with it is lost.
    capped: bool = False

    @property
    def enough(self) -> Enough:
        """Whether people are enough, as far as waits tell."""
        return enough(self.slow, self.wait, self.late, self.hours)


def read(study: Study, conversations: pd.DataFrame) -> Hours:
    """Count hours, compare load within the hour, and write ``team_hours``.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> len(found.hours), len(found.talks)
    (398, 308)
    """
    months, profile = study.context.params.driver_months, study.context.profile
    rows = in_months(conversations, study.as_of, months, untimed=False)
    written = activity(study.open(), add_months(study.as_of, -months), study.as_of)
    hours = study.write(_H.NAME, team_hours(rows, written))
    talks = with_load(rows, hours, written)
    waits = np.log2(talks[_C.FIRST_RESPONSE_TALK_S].clip(lower=1))
    mature = talks[_C.MATURE].astype("boolean").fillna(value=False).astype(bool)
    inquiry = talks.index.isin(inquiries_of(talks).index)
    paid = pd.Series(as_float(talks[_C.PAID]), index=talks.index).where(mature & inquiry)
    timed = talks[talks[_C.FIRST_RESPONSE_TALK_S].notna()]
    longest = min(profile.round_cap_s, AS_MAIL_S)
    capped = bool((timed[_C.FIRST_RESPONSE_TALK_S] >= longest).mean() >= 0.5)
    return Hours(
        hours,
        talks,
        slow_hours(talks, hours, profile.slow_s),
        written,
        None if capped else load_slope(timed, waits[timed.index]),
        load_slope(timed, paid[timed.index]),
        load_slope(
            timed, 1 - timed[_C.ROUNDS_IN_180S] / timed[_C.ROUNDS].where(timed[_C.ROUNDS] > 0)
        ),
        capped,
    )


def sentence(study: Study, found: Hours) -> str:
    """Return the finding: whether people are enough, and what load goes with.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> sentence(study, found)[:20]
    '**Too little to tell'
    """
    words, told = study.words, found.enough
    if told.answer == "few":
        return study.word("hours.few")
    if found.capped:
        return _capped(study)
    busiest = found.slow.sort_values("load").iloc[-1]  # as `enough` picks it
    wait = busiest["wait"]
    slow, low, high = (words.percent(value, 0) for value in told.slow)
    # What share of all rounds was answered late or never.
    rounds = found.talks[[_C.ROUNDS_IN_180S, _C.ROUNDS, _C.ROUNDS_UNANSWERED]].sum()
    behind = float(rounds[_C.ROUNDS] - rounds[_C.ROUNDS_IN_180S])
    never = float(rounds[_C.ROUNDS_UNANSWERED])
    parts = {
        "limit": words.seconds(study.context.profile.slow_s),
        "slow": words.with_interval(slow, low, high),
        "hours": words.listed([_hour(study, h) for h in found.slow.query("overloaded")["hour"]]),
        "months": labels.months_told(study),
        "busiest": _hour(study, busiest["hour"]),
        "load": words.number(busiest["load"], 1),
        **_slow_shares(study, found),
        "late": words.percent(behind / max(float(rounds[_C.ROUNDS]), 1), 0),
        "never": words.percent(never / max(behind, 1), 0),
        "wait": words.seconds(wait),
    }
    faster = ""
    if told.faster is not None:
        value, least, most = (_shift(study, -wait * part) for part in told.faster)
        parts |= {"most": _at_most(study, wait * told.faster[2])}
        faster = study.word("hours.one_more", value=value, low=most, high=least, wait=parts["wait"])
    if told.fewer is not None:
        value, least, most = (words.points(-100 * part, 1) for part in told.fewer)
        late = study.word("hours.one_more_late", value=value, low=most, high=least)
        faster = words.sentences(faster, late)
    # What is at most a few per cent is said in the answer itself.
    settled = told.answer in ("yes", "all_day")
    more = _busier(study, found) if settled else faster or study.word("hours.no_load")
    return words.sentences(study.word(f"hours.enough_{told.answer}", **parts), more)


def _capped(study: Study) -> str:
    longest = min(study.context.profile.round_cap_s, AS_MAIL_S)
    return study.word("hours.capped", cap=study.words.seconds(longest))


def _at_most(study: Study, seconds: float) -> str:
    """Say by how much one person more can shorten a first reply; 0 s is no figure."""
    if round(seconds) <= 0:
        return study.word("hours.faster_none")
    return study.word("hours.faster_most", n=study.words.seconds(seconds))


def _shift(study: Study, seconds: float) -> str:
    """Write by how many seconds a wait differs, with its sign."""
    return study.words.word("unit.seconds", n=study.words.number(seconds, 0, sign=True))


def _slow_shares(study: Study, found: Hours) -> dict[str, str]:
    """Return the shares of slow replies at hours that have clearly more, and at the others."""
    told = {}
    for name, rows in found.slow.groupby("overloaded"):
        share = np.average(rows["slow"], weights=rows["n"])
        told["share" if name else "other"] = study.words.percent(share, 0)
    return told


def _hour(study: Study, hour: int) -> str:
    return study.word("hours.hour", start=f"{int(hour)}:00", end=f"{int(hour) + 1}:00")


def finding(study: Study, found: Hours) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> type(finding(study, found)).__name__
    'Finding'
    """
    text = sentence(study, found)
    short = found.enough.answer in ("short", "slow_hours")
    return study.finding(text, {SLOW_HOURS: short})


def headline(found: Hours) -> dict[str, int]:
    """Return how many hours were counted and which are short, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> headline(found)
    {'hours': 398, 'inquiries': 290, 'short': 0}
    """
    short = found.slow.loc[found.slow["overloaded"], "hour"]
    return {
        "hours": len(found.hours),
        "inquiries": len(inquiries_of(found.talks)),
        "short": len(short),
    }


def picture(study: Study, found: Hours) -> Block:
    """Draw by hour of the day how many conversations begin, who is on, and how many wait.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> type(picture(sample_study(), SimpleNamespace(hours=pd.DataFrame()))).__name__
    'Prose'
    """
    if found.hours.empty:
        return Prose(study.word("hours.few"))
    by = found.hours.assign(hour=found.hours[_H.HOUR_AT].dt.hour)
    days = by[_H.HOUR_AT].dt.normalize().nunique()
    table = by.groupby("hour")[[_H.OPENED, _H.AGENTS_ON, _H.BOT_MESSAGES]].sum() / max(days, 1)
    table = table.reindex(range(24), fill_value=0.0)
    slow = found.slow.set_index("hour").reindex(range(24))
    short = slow["overloaded"].astype("boolean").fillna(value=False).astype(bool)
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(theme.WIDE[0], 3.6))
    colours = [theme.HURTS if flag else theme.BAND for flag in short]
    above.bar(table.index, table[_H.OPENED], color=colours, width=0.72)
    above.step(table.index, table[_H.AGENTS_ON], where="mid", color=theme.INK, linewidth=1.4)
    above.set_ylabel(study.word("hours.axis_opened"), fontsize=theme.SMALL)
    below.bar(slow.index, slow["slow"], color=colours, width=0.72)
    below.vlines(slow.index, slow["low"], slow["high"], color=theme.INK, linewidth=1.1)
    below.set_ylabel(study.word("hours.axis_slow"), fontsize=theme.SMALL)
    below.yaxis.set_major_formatter(lambda value, _: study.words.percent(value, 0))
    below.set_xticks(range(0, 24, 3), [f"{hour}:00" for hour in range(0, 24, 3)])
    title = study.word("hours.picture")
    return Picture(
        figure,
        title,
        alt=sentence(study, found),
        caption=study.word(
            "hours.picture_caption", slow=study.words.seconds(study.context.profile.slow_s)
        ),
        data=table.join(slow[["n", "slow", "low", "high", "load", "wait"]]).round(3).reset_index(),
        name="by-hour",
    )


def week(study: Study, found: Hours) -> Block:
    """Draw how many conversations each agent had an hour, by day of the week and hour.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> type(week(study, found)).__name__
    'Picture'
    """
    at = found.hours[_H.HOUR_AT]
    by = found.hours.assign(hour=at.dt.hour, weekday=at.dt.day_of_week, day=at.dt.normalize())
    if by["day"].nunique() < 2 * _WEEK:
        return Prose(study.word("hours.no_week"))
    # A day on which nobody came is a day too.
    calendar = pd.date_range(by["day"].min(), by["day"].max())
    a_day = by.groupby("day")[_H.OPENED].sum().reindex(calendar, fill_value=0)
    weekdays = a_day.groupby(calendar.day_of_week)
    # An hour in which somebody wrote on less than half of the days is not one of the shop's.
    staffed = by[by[_H.AGENTS_ON] > 0].groupby(["weekday", "hour"])
    cells = staffed[[_H.OPENED, _H.AGENTS_ON]].sum()
    days = weekdays.size().rename_axis("weekday")
    often = staffed["day"].nunique() >= days.reindex(cells.index, level="weekday") / 2
    if not often.any():
        return Prose(study.word("hours.no_week"))
    load = (cells[_H.OPENED] / cells[_H.AGENTS_ON])[often].reset_index(name="load")
    # Hours go down: the evening is seen on a phone too.
    load = load.pivot_table("load", "hour", "weekday").reindex(columns=range(_WEEK))
    words = study.words
    texts = load.map(labels.or_dash(study, lambda value: words.number(value, 1)))
    texts.columns = pd.Index([study.word(f"hours.weekday_{day}")[:3] for day in range(_WEEK)])
    texts.index = pd.Index([f"{hour}:00" for hour in load.index])
    figure = plots.heatmap(texts, load / load.max().max())
    each = weekdays.mean().sort_values(kind="stable")
    apart = (
        a_day.max() > a_day.min()
        and scipy.stats.kruskal(*(d for _, d in weekdays)).pvalue <= _CHANCE
    )
    told = {
        "busy": study.word(f"hours.weekday_{each.index[-1]}"),
        "most": words.number(each.iloc[-1]),
        "quiet": study.word(f"hours.weekday_{each.index[0]}"),
        "least": words.number(each.iloc[0]),
    }
    title = study.word("hours.week" if apart else "hours.week_alike", **told)
    table = load.round(2).reset_index()
    caption = study.word("hours.week_caption")
    return Picture(figure, title, alt=title, caption=caption, data=table, name="by-weekday")


def cover(study: Study, found: Hours) -> Block:
    """Return what one agent more in the busiest hours goes with, compared within the hour.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> type(cover(study, found)).__name__
    'Stack'
    """
    words, wait, paid = study.words, found.wait, found.paid
    if found.capped:
        return Prose(_capped(study))
    if wait is None or found.slow.empty:
        return Prose(study.word("hours.no_cover"))
    asked = inquiries_of(found.talks).groupby("hour").size()
    freed = relief(found.hours)
    months = max(study.context.params.driver_months, 1)
    busiest = found.slow.sort_values(["overloaded", "load"], ascending=False).head(5)
    rows = []
    for _, row in busiest.sort_values("hour").iterrows():
        hour = int(row["hour"])
        less = float(freed[hour])
        # A lower load: the ends of the interval change places.
        sooner = [row["wait"] * (2 ** (-less * v) - 1) for v in (wait.value, wait.high, wait.low)]
        rows.append(
            {
                "hour": _hour(study, hour),
                "load": words.number(row["load"], 1),
                "wait": labels.wait(study, row["wait"]),
                "sooner": _span(study, [_shift(study, v) for v in sooner]),
                "orders": _orders(study, paid, less, float(asked.get(hour, 0)) / months),
            }
        )
    names = ("hour", "load", "wait", "sooner", "orders")
    table = Table(
        pd.DataFrame(rows),
        study.word("hours.cover"),
        caption=study.word("hours.cover_caption", days=words.number(wait.days)),
        labels=labels.headings(study, "hours", names),
        name="cover",
    )
    notes = [study.word("hours.cannot_tell"), study.word("hours.who_is_on")]
    if busier := _busier(study, found):
        notes.insert(0, words.sentences(busier, study.word("hours.busier_look")))
    return Stack(table, Note(notes))


def _busier(study: Study, found: Hours) -> str:
    """Say which hours are busier than all that are judged: they would be missed."""
    words, by = study.words, found.hours[found.hours[_H.AGENTS_ON] > 0]
    load = mean_load(found.hours)
    often = by[_H.HOUR_AT].dt.hour.value_counts() >= by[_H.HOUR_AT].dt.normalize().nunique() / 2
    more = load[often.reindex(load.index) & (load > found.slow["load"].max())]
    more = more.drop(found.slow["hour"], errors="ignore")
    if more.empty:
        return ""
    listed = words.listed([_hour(study, int(hour)) for hour in more.index])
    return study.word("hours.busier", hours=listed, load=words.number(more.max(), 1))


def _orders(study: Study, paid: Slope | None, less: float, inquiries: float) -> str:
    if paid is None:
        return study.word("text.not_given")
    low, high = sorted(-less * v * inquiries for v in (paid.low, paid.high))
    value, *ends = (
        study.words.number(v, 1, sign=True) for v in (-less * paid.value * inquiries, low, high)
    )
    if low <= 0 <= high:  # a number of either sign would be read as one
        return labels.two_lines(study.word("hours.orders_unknown", low=ends[0], high=ends[1]))
    return _span(study, [value, *ends])


def _span(study: Study, written: list[str]) -> str:
    value, *ends = written
    return labels.two_lines(study.words.with_interval(value, *ends))


def _known_outcomes(study: Study, conversations: pd.DataFrame) -> pd.DataFrame:
    """Return inquiries whose outcome is known, with ``left``: paid, less the like ones' share."""
    rows = inquiries_of(in_months(conversations, study.as_of, study.context.params.driver_months))
    rows = rows.assign(paid_=as_float(rows[_C.PAID]))
    mature = rows[_C.MATURE].astype("boolean").fillna(value=False).astype(bool)
    rows = rows[mature & rows["paid_"].notna() & rows[_C.AGENT_ID].notna()]
    hour = pd.to_datetime(rows[_C.FIRST_BUYER_AT]).dt.hour.fillna(-1).astype(int)
    cell = rows[_C.CATEGORY].astype(str) + "#" + (hour // 3).astype(str)
    return rows.assign(left=rows["paid_"] - rows["paid_"].groupby(cell).transform("mean"))


def _compared(study: Study, rows: pd.DataFrame, key: str) -> pd.DataFrame | None:
    """Return groups held against like inquiries, with their agents as what varies."""
    counts = rows[key].value_counts()
    rows = rows[rows[key].isin(counts.index[counts >= MIN_INQUIRIES])]
    if rows[key].nunique() < 2:
        return None
    words, shown = study.words, []
    for name, own in rows.groupby(key, sort=True, observed=True):
        by_agent = own.groupby(_C.AGENT_ID)["left"].mean()
        size = len(by_agent)
        shown.append(
            {
                key: str(name),
                "agents": size,
                "n": len(own),
                "plain": words.percent(own["paid_"].mean(), 0),
                "apart": labels.two_lines(_apart(study, float(own["left"].mean()), by_agent)),
                "wait": labels.wait(study, own[_C.FIRST_RESPONSE_TALK_S].median()),
            }
        )
    return pd.DataFrame(shown)


def _apart(study: Study, value: float, by_agent: pd.Series[float]) -> str:
    """Write how far a group is from like inquiries, as far as its agents let it be told."""
    size = len(by_agent)
    if size < _FEWEST_IN_GROUP:
        return study.word("hours.apart_few")
    reach = float(scipy.stats.t.ppf(0.975, size - 1)) * float(by_agent.std(ddof=1)) / np.sqrt(size)
    if abs(value) + reach > 1:  # no two rates are that far apart
        return study.word("hours.apart_wide")
    low, high = (study.words.points(100 * v) for v in (value - reach, value + reach))
    if 100 * reach > _USEFUL_POINTS:
        return study.word("hours.apart_unknown", low=low, high=high)
    return study.words.with_interval(study.words.points(100 * value), low, high)


def teams(study: Study, found: Hours, conversations: pd.DataFrame) -> Block:
    """Return teams and shifts, each compared on the same hours and questions.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> type(teams(study, found, study.read("conversations"))).__name__
    'Columns'
    """
    words, rows = study.words, _known_outcomes(study, conversations)
    named = {a: study.agent(str(a)).get(Agents.TEAM) for a in rows[_C.AGENT_ID].unique()}
    begun = shift_starts(rows, found.written)
    # Categories keep the day's order in the table.
    parts = [study.word(f"hours.shift_{part}") for part in _SHIFTS]
    shift = pd.cut(begun, _SHIFT_ENDS, right=False, labels=parts)
    rows = rows.assign(team=rows[_C.AGENT_ID].map(named), shift=shift)
    told: list[Block] = []
    for key in ("team", "shift"):
        table = _compared(study, rows[rows[key].notna()], key)
        if table is None:
            told.append(Prose(study.word(f"hours.no_{key}s")))
            continue
        told.append(
            Table(
                table,
                study.word(f"hours.{key}s"),
                caption=study.word(
                    f"hours.{key}s_caption",
                    reach=words.number(_USEFUL_POINTS),
                    least=words.number(MIN_INQUIRIES),
                    months=labels.months_told(study),
                ),
                labels=labels.headings(study, "hours", table.columns),
                name=f"{key}s",
            )
        )
    return Columns(*told)


def questions(study: Study, conversations: pd.DataFrame) -> Block:
    """Return who answers which questions: the share of the busiest three, beside an even spread.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(questions(study, study.read("conversations").head(0))).__name__
    'Prose'
    """
    rows = inquiries_of(in_months(conversations, study.as_of, study.context.params.driver_months))
    rows = rows.dropna(subset=[_C.AGENT_ID])
    whole = rows[_C.AGENT_ID].value_counts(normalize=True)
    words, shown = study.words, []
    for name in CATEGORIES:
        own = rows[rows[_C.CATEGORY] == name]
        # Of three agents the first three have it all.
        if len(own) < MIN_INQUIRIES or len(whole) <= 3:
            continue
        shares = own[_C.AGENT_ID].value_counts(normalize=True).head(3)
        top = float(shares.sum())
        low, high = wilson(round(top * len(own)), len(own))
        shown.append(
            {
                "category": study.word(f"category.{name}"),
                "n": len(own),
                "top": _span(study, [words.percent(v, 0) for v in (top, low, high)]),
                "all": words.percent(float(whole.reindex(shares.index).sum()), 0),
                "who": words.listed(
                    [study.agent_name(a) for a in labels.sorted_names(study, shares.index)]
                ),
            }
        )
    if not shown:
        return Prose(study.word("hours.no_questions"))
    names = ("category", "n", "top", "all", "who")
    return Table(
        pd.DataFrame(shown),
        study.word("hours.questions"),
        caption=study.word("hours.questions_caption", months=labels.months_told(study)),
        labels=labels.headings(study, "hours", names),
        name="questions",
    )


def passed_on(
    study: Study, found: Hours, sessions: pd.DataFrame, conversations: pd.DataFrame
) -> Block:
    """Say how many conversations were handed over, and what robots answered.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> from csinsight.views.sample import sample_study
    >>> study, seen = sample_study(), sample_study().read("conversations")
    >>> len(passed_on(study, read(study, seen), sample_sessions(), seen).items)
    3
    """
    words, month = study.words, study.of_month(conversations)
    own = study.of_month(sessions)
    handed = own.loc[
        own[AgentSessions.HANDED_OVER].astype("boolean").fillna(value=False).astype(bool)
    ]
    n, of = handed[_C.CONVERSATION_ID].nunique(), max(own[_C.CONVERSATION_ID].nunique(), 1)
    share = labels.share_of(study, n, of, 1)
    items = [study.word("hours.handed", n=words.number(n), of=words.number(of), share=share)]
    hours = found.hours[found.hours[_H.HOUR_AT] >= study.start]
    bots, agents = int(hours[_H.BOT_MESSAGES].sum()), int(hours[_H.AGENT_MESSAGES].sum())
    alone = int(hours.loc[hours[_H.AGENTS_ON] == 0, _H.BOT_MESSAGES].sum())
    if bots:
        told = {"n": words.number(bots), "share": words.percent(bots / (bots + agents), 0)}
        items.append(study.word("hours.robots", alone=words.number(alone), **told))
    else:
        items.append(study.word("hours.no_robots"))
    nobody = int((month[_C.AGENT_MESSAGES].fillna(0) == 0).sum())
    items.append(study.word("hours.nobody", n=words.number(nobody), of=words.number(len(month))))
    return Items(items)
