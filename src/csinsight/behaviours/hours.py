"""Load by the hour against who is on, and what goes with it: waits and conversion.

Load is how many conversations buyers opened in an hour for each agent who wrote in it. Hours of the
day differ in much besides load, so load is compared within the same hour of the day and the same
day of the week only: a busy Tuesday at nine with a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd
import scipy

from csinsight.behaviours.conversations import inquiries_of
from csinsight.contract.artifacts import Conversations, TeamHours
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.features.frames import HOUR_MS, SENT_MS, moment_ms
from csinsight.stats.intervals import wilson

_C = Conversations
_H = TeamHours
#: Hours of the day with fewer first replies than this are not judged.
MIN_REPLIES: Final = 30
#: Days that are needed to compare days with one another.
MIN_DAYS: Final = 14
#: Hour at which a working day changes, so that a shift over midnight stays one.
_DAY_TURNS: Final = 5


def activity(shop: Shop, start: datetime, as_of: datetime) -> pd.DataFrame:
    """Return who wrote how much in each hour.

    Parameters
    ----------
    shop : Shop
        With ``messages``.
    start, as_of : datetime
        Only lines from the one and before the other moment.

    Returns
    -------
    pandas.DataFrame
        ``hour_at``, ``sender``, ``agent_id``, ``messages``.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> found = activity(sample_shop(), datetime(2026, 10, 1), datetime(2026, 11, 1))
    >>> list(found), bool((found["messages"] > 0).all())
    (['hour_at', 'sender', 'agent_id', 'messages'], True)
    """
    sent = nw.col(SENT_MS)
    lines = shop["messages"].filter(sent >= moment_ms(start), sent < moment_ms(as_of))
    hour = (sent // HOUR_MS).alias("_hour")
    keys = ("_hour", Messages.SENDER, Messages.AGENT_ID)
    counted = lines.select(hour, Messages.SENDER, Messages.AGENT_ID).group_by(*keys)
    table = collect(counted.agg(nw.len().cast(nw.Int64).alias("messages")))
    table[_H.HOUR_AT] = pd.to_datetime(table["_hour"].astype("int64") * HOUR_MS, unit="ms")
    order = [_H.HOUR_AT, Messages.SENDER, Messages.AGENT_ID]
    return table[[*order, "messages"]].sort_values(order, ignore_index=True)


def team_hours(conversations: pd.DataFrame, written: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each hour in which a buyer opened a conversation or anybody answered.

    Parameters
    ----------
    conversations : pandas.DataFrame
        Of the artifact; those without times are left out.
    written : pandas.DataFrame
        Of `activity`.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.TeamHours`.

    Examples
    --------
    >>> at = pd.Timestamp("2026-10-05 09:10")
    >>> talks = pd.DataFrame({"opened_by_buyer": [True, True], "first_buyer_at": [at, at]})
    >>> told = {"hour_at": at.floor("h"), "sender": ["agent"], "agent_id": ["a1"], "messages": [4]}
    >>> team_hours(talks, pd.DataFrame(told))[["opened", "agents_on", "load"]].values.tolist()
    [[2.0, 1.0, 2.0]]
    """
    opened = _timed(conversations)[_C.FIRST_BUYER_AT].dt.floor("h").value_counts()
    agents = written[written[Messages.SENDER] == "agent"]
    bots = written[written[Messages.SENDER] == "bot"]
    table = pd.DataFrame(
        {
            _H.OPENED: opened,
            _H.AGENTS_ON: agents.groupby(_H.HOUR_AT)[Messages.AGENT_ID].nunique(),
            _H.AGENT_MESSAGES: agents.groupby(_H.HOUR_AT)["messages"].sum(),
            _H.BOT_MESSAGES: bots.groupby(_H.HOUR_AT)["messages"].sum(),
        }
    )
    table = table.fillna(0).astype("int64").rename_axis(_H.HOUR_AT).sort_index().reset_index()
    table[_H.LOAD] = (table[_H.OPENED] / table[_H.AGENTS_ON]).where(table[_H.AGENTS_ON] > 0)
    return table


def shift_starts(conversations: pd.DataFrame, written: pd.DataFrame) -> pd.Series[float]:
    """Return at which hour of the day the agent of each conversation wrote the day's first line.

    Parameters
    ----------
    conversations : pandas.DataFrame
        Of the artifact.
    written : pandas.DataFrame
        Of `activity`. A day lasts from five to five, so that a shift over midnight is one.

    Returns
    -------
    pandas.Series
        0 to 23 on the index of `conversations`; NaN where time or agent is not known, or the agent
        wrote nothing that day.

    Examples
    --------
    >>> hours = pd.to_datetime(["2026-10-05 18:00", "2026-10-06 01:00", "2026-10-06 09:00"])
    >>> told = {"hour_at": hours, "sender": "agent", "agent_id": ["a1", "a1", "a2"], "messages": 3}
    >>> at = pd.to_datetime(["2026-10-06 01:20", "2026-10-06 09:40", "2026-10-06 09:50"])
    >>> talks = pd.DataFrame({"first_buyer_at": at, "agent_id": ["a1", "a2", "a1"]})
    >>> shift_starts(talks, pd.DataFrame(told)).tolist()
    [18.0, 9.0, nan]
    """
    turned = pd.Timedelta(hours=_DAY_TURNS)
    own = written[written[Messages.SENDER] == "agent"]
    first = own.groupby(
        [own[Messages.AGENT_ID].astype(str), (own[_H.HOUR_AT] - turned).dt.normalize()]
    )[_H.HOUR_AT].min()
    day = (pd.to_datetime(conversations[_C.FIRST_BUYER_AT]) - turned).dt.normalize()
    keys = pd.MultiIndex.from_arrays([conversations[_C.AGENT_ID].astype(str), day])
    hours = first.reindex(keys).dt.hour.to_numpy(dtype=float)
    return pd.Series(hours, index=conversations.index)


#: Column of `with_load` by which conversations are compared.
LOAD_MET: Final = "load_met"


def with_load(
    conversations: pd.DataFrame, hours: pd.DataFrame, written: pd.DataFrame
) -> pd.DataFrame:
    """Return what buyers asked, with ``hour``, ``weekday``, ``day`` and the ``load`` then.

    Inquiries, and conversations that no person ever answered: where people are few, these are what
    it shows in, and an inquiry is one that was answered.

    Parameters
    ----------
    conversations : pandas.DataFrame
        Of the artifact.
    hours : pandas.DataFrame
        Of `team_hours`.
    written : pandas.DataFrame
        Of `activity`.

    Returns
    -------
    pandas.DataFrame
        ``load_met`` is for comparing: an agent who wrote in an hour in this conversation alone is
        seen because they answered in time, and would make every hour of a small shop seem the
        busier the later it was answered. So those who wrote elsewhere count; NaN where none did.

    Examples
    --------
    >>> at = pd.Timestamp("2026-10-05 09:10")
    >>> talks = pd.DataFrame({"opened_by_buyer": True, "first_buyer_at": [at, at, at]})
    >>> talks["is_inquiry"], talks["agent_messages"] = [True, False, False], [2, 0, 5]
    >>> talks["agent_id"], talks["counted_at"] = ["a1", None, "a2"], at
    >>> told = {"hour_at": at.floor("h"), "sender": "agent", "agent_id": ["a1", "a2"]}
    >>> written = pd.DataFrame(told | {"messages": [2, 5]})
    >>> hours = team_hours(talks, written)
    >>> with_load(talks, hours, written)[["hour", "load", "load_met"]].values.tolist()
    [[9.0, 1.5, 3.0], [9.0, 1.5, 1.5]]
    """
    rows = _timed(conversations)
    unanswered = rows[_C.AGENT_MESSAGES].fillna(0) == 0
    rows = rows[unanswered | rows.index.isin(inquiries_of(rows).index)].copy()
    at = rows[_C.FIRST_BUYER_AT]
    rows["hour"], rows["weekday"], rows["day"] = at.dt.hour, at.dt.day_of_week, at.dt.normalize()
    hour = at.dt.floor("h")
    of_hour = hours.set_index(_H.HOUR_AT)
    rows[_H.LOAD] = hour.map(of_hour[_H.LOAD]).astype(float)
    agents = written[written[Messages.SENDER] == "agent"]
    lines = agents.groupby([_H.HOUR_AT, agents[Messages.AGENT_ID].astype(str)])["messages"].sum()
    keys = pd.MultiIndex.from_arrays([hour, rows[_C.AGENT_ID].astype(str)])
    here_alone = lines.reindex(keys).to_numpy() <= rows[_C.AGENT_MESSAGES].to_numpy(dtype=float)
    # What is counted from is the agent's first line.
    here_alone &= (rows[_C.COUNTED_AT].dt.floor("h") == hour).to_numpy(dtype=bool)
    others = hour.map(of_hour[_H.AGENTS_ON]).astype(float) - here_alone
    rows[LOAD_MET] = hour.map(of_hour[_H.OPENED]).astype(float) / others.where(others > 0)
    return rows


def _timed(conversations: pd.DataFrame) -> pd.DataFrame:
    opened = conversations[_C.OPENED_BY_BUYER].astype("boolean").fillna(value=False).astype(bool)
    rows: pd.DataFrame = conversations[opened & conversations[_C.FIRST_BUYER_AT].notna()]
    return rows


@dataclass(frozen=True)
class Slope:
    """What goes with one conversation more for each agent: an estimate, its interval, its size."""

    value: float
    low: float
    high: float
    n: int
    days: int


def load_slope(talks: pd.DataFrame, outcome: pd.Series[float]) -> Slope | None:
    """Return how an outcome differs by load within hour of the day and day of the week.

    Parameters
    ----------
    talks : pandas.DataFrame
        Of `with_load`.
    outcome : pandas.Series
        On the same index; what is not known is NaN.

    Returns
    -------
    Slope or None
        Per conversation more for each agent, with a 95 % interval in which the days are what
        varies; None where fewer than `MIN_DAYS` days can be compared.

    Notes
    -----
    Least squares with an effect for each hour of the day and each day of the week; standard errors
    clustered by day (CR1), t with one degree less than there are days.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> talks = pd.DataFrame({"hour": rng.integers(8, 20, 900), "load_met": rng.gamma(3, 1, 900)})
    >>> talks["day"] = pd.Timestamp("2026-10-01") + pd.to_timedelta(np.arange(900) % 30, "D")
    >>> talks["weekday"] = talks["day"].dt.day_of_week
    >>> found = load_slope(talks, 2.0 * talks["load_met"] + 10 * talks["hour"])
    >>> round(found.value, 6), found.days
    (2.0, 30)
    """
    known = outcome.notna() & talks[LOAD_MET].notna()
    rows, y = talks[known], outcome[known].to_numpy(dtype=float)
    days = pd.factorize(rows["day"])[0]
    clusters = int(days.max(initial=-1)) + 1
    if clusters < MIN_DAYS or len(rows) < MIN_REPLIES or rows[LOAD_MET].nunique() < 2:
        return None
    cells = pd.get_dummies(rows[["hour", "weekday"]].astype("category"), dtype=float).to_numpy()
    x = rows[LOAD_MET].to_numpy(dtype=float)
    fitted, *_ = np.linalg.lstsq(cells, np.column_stack([x, y]), rcond=None)
    left_x, left_y = (np.column_stack([x, y]) - cells @ fitted).T
    spread = float(left_x @ left_x)
    if spread < 1e-9:
        return None
    slope = float(left_x @ left_y) / spread
    scores = np.bincount(days, left_x * (left_y - slope * left_x), minlength=clusters)
    error = np.sqrt(float(scores @ scores) * clusters / (clusters - 1)) / spread
    reach = float(scipy.stats.t.ppf(0.975, clusters - 1)) * error
    return Slope(slope, slope - reach, slope + reach, len(rows), clusters)


#: A first reply that one person more would make this much shorter is worth a person. Ours.
WORTH_A_PERSON: Final = 0.1
#: So are this many points fewer of all rounds that are answered late or never.
WORTH_A_PERSON_LATE: Final = 0.02
#: Share of false alarms among the hours that are called slow. A report comes each month: at this
#: level ten of them say it of a shop without a slow hour in no more than 5 % of shops.
FALSE_ALARMS: Final = 0.005
#: Where no more than this share of first replies is slow, buyers are answered. Ours; it is what
#: the profiles that have a target ask.
SLOW_AT_MOST: Final = 0.1


@dataclass(frozen=True)
class Enough:
    """Whether people are enough when buyers come, as far as waits tell.

    Parameters
    ----------
    answer : {'few', 'short', 'slow_hours', 'busy', 'all_day', 'yes', 'unclear'}
        Too little to judge by; hours with clearly more slow replies, and the busier the slower;
        such hours, without that being seen; no such hour, but clearly faster with one more;
        slow at all hours alike, and no slower when busier; enough; not to be told.
    slow : tuple of float
        Share of first replies that are slow, with its 95 % interval.
    faster : tuple of float or None
        How much shorter one person more at the busiest hour would make the first reply (0.1 is ten
        per cent), with its interval.
    fewer : tuple of float or None
        What share of all rounds fewer would be late then, with its interval.
    """

    answer: str
    slow: tuple[float, float, float]
    faster: tuple[float, float, float] | None
    fewer: tuple[float, float, float] | None


def relief(hours: pd.DataFrame) -> pd.Series[float]:
    """Return by hour of the day how much load one agent more takes from each of the others.

    Examples
    --------
    >>> hours = pd.DataFrame({"hour_at": [pd.Timestamp("2026-10-05 09:00")]})
    >>> hours["opened"], hours["agents_on"] = [6], [2]
    >>> relief(hours).to_dict()
    {9: 1.0}
    """
    staffed = hours[hours[_H.AGENTS_ON] > 0]
    on = staffed.groupby(staffed[_H.HOUR_AT].dt.hour)[_H.AGENTS_ON].mean()
    less: pd.Series[float] = mean_load(hours).rename(None) / (on.rename_axis("hour") + 1)
    return less


def mean_load(hours: pd.DataFrame) -> pd.Series[float]:
    """Return by hour of the day the load of an agent: all that was opened over all who were on.

    Parameters
    ----------
    hours : pandas.DataFrame
        Of `team_hours`; an hour in which nobody wrote has no load.

    Notes
    -----
    A ratio of sums. The mean over conversations of the load that each one met would count a busy
    hour more often than a quiet one, and lie above what an agent has in an hour.

    Examples
    --------
    >>> hours = pd.DataFrame({"hour_at": pd.to_datetime(["2026-10-05 09:00", "2026-10-06 09:00"])})
    >>> hours["opened"], hours["agents_on"] = [5, 1], [2, 2]
    >>> mean_load(hours).to_dict()
    {9: 1.5}
    """
    staffed = hours[hours[_H.AGENTS_ON] > 0]
    sums = staffed.groupby(staffed[_H.HOUR_AT].dt.hour)[[_H.OPENED, _H.AGENTS_ON]].sum()
    load: pd.Series[float] = sums[_H.OPENED] / sums[_H.AGENTS_ON]
    return load.rename(_H.LOAD).rename_axis("hour")


def enough(
    slow: pd.DataFrame, wait: Slope | None, late: Slope | None, hours: pd.DataFrame
) -> Enough:
    """Return whether people are enough: slow hours, and whether more people would be faster.

    First replies alone don't tell: platforms watch them, so a short-handed team answers the first
    line and leaves the later ones.

    Parameters
    ----------
    slow : pandas.DataFrame
        Of `slow_hours`.
    wait : Slope or None
        Of `load_slope`, of the first reply in doublings.
    late : Slope or None
        Of `load_slope`, of the share of a conversation's rounds answered late or never.
    hours : pandas.DataFrame
        Of `team_hours`.

    Examples
    --------
    >>> slow = pd.DataFrame({"hour": [9, 20], "n": 200, "slow": 0.04, "load": [1.0, 3.0]})
    >>> slow["overloaded"] = False
    >>> hours = pd.DataFrame({"hour_at": pd.to_datetime(["2026-10-05 09:00", "2026-10-05 20:00"])})
    >>> hours["opened"], hours["agents_on"] = [2, 6], 2
    >>> flat, steep = Slope(0.0, -0.01, 0.01, 400, 30), Slope(0.5, 0.4, 0.6, 400, 30)
    >>> enough(slow, flat, flat, hours).answer
    'yes'
    >>> enough(slow, steep, flat, hours).answer, enough(slow, flat, steep, hours).answer
    ('busy', 'busy')
    >>> enough(slow, Slope(0.1, -0.4, 0.6, 400, 30), flat, hours).answer
    'unclear'
    """
    n = int(slow["n"].sum())
    hits = round(float((slow["slow"] * slow["n"]).sum()))
    share = (hits / n, *wilson(hits, n)) if n else (np.nan, np.nan, np.nan)
    if len(slow) < 2:  # there are no other hours to hold one against
        return Enough("few", share, None, None)
    busiest = int(slow.sort_values("load")["hour"].iloc[-1])
    less, faster, fewer = float(relief(hours).reindex([busiest]).iloc[0]), None, None
    if wait is not None:
        low, high = (1 - 2 ** (-less * end) for end in (wait.low, wait.high))
        faster = (1 - 2 ** (-less * wait.value), low, high)
    if late is not None:
        fewer = (less * late.value, less * late.low, less * late.high)
    gains = ((faster, WORTH_A_PERSON), (fewer, WORTH_A_PERSON_LATE))
    worth = any(gain is not None and gain[1] >= least for gain, least in gains)
    hardly = all(gain is not None and gain[2] < least for gain, least in gains)
    if slow["overloaded"].any():
        answer = "short" if wait is not None and wait.low > 0 else "slow_hours"
    elif worth or not hardly:
        answer = "busy" if worth else "unclear"
    elif share[1] > SLOW_AT_MOST:
        answer = "all_day"
    else:
        answer = "yes" if share[2] <= SLOW_AT_MOST else "unclear"
    return Enough(answer, share, faster, fewer)


def slow_hours(talks: pd.DataFrame, hours: pd.DataFrame, slow_s: float) -> pd.DataFrame:
    """Return for each hour of the day how often the first reply was slow, and whether that is much.

    Parameters
    ----------
    talks : pandas.DataFrame
        Of `with_load`, with ``first_response_talk_s``.
    hours : pandas.DataFrame
        Of `team_hours`.
    slow_s : float
        A first reply after more than this is slow, and so is one that never came.

    Returns
    -------
    pandas.DataFrame
        ``hour``, ``n`` timed first replies, ``slow`` (share) with ``low`` and ``high``, ``load``
        (of `mean_load`), ``wait`` (median, seconds), and ``overloaded``: more slow ones than in the
        other hours together, with the false-discovery rate over all hours at `FALSE_ALARMS`.

    Examples
    --------
    >>> talks = pd.DataFrame({"hour": [9] * 60 + [20] * 60})
    >>> talks["first_response_talk_s"] = [30.0] * 58 + [400.0] * 2 + [30.0, 400.0] * 30
    >>> talks["day"] = pd.Timestamp("2026-10-01") + pd.to_timedelta([*range(30)] * 4, "D")
    >>> at = pd.to_datetime(["2026-10-05 09:00", "2026-10-05 20:00"])
    >>> hours = pd.DataFrame({"hour_at": at, "opened": 60, "agents_on": 30})
    >>> slow_hours(talks, hours, 180)[["hour", "slow", "overloaded"]].values.tolist()
    [[9, 0.03333333333333333, False], [20, 0.5, True]]
    """
    timed = talks[talks[_C.FIRST_RESPONSE_TALK_S].notna()]
    late = timed[_C.FIRST_RESPONSE_TALK_S] > slow_s
    rows, load = [], mean_load(hours)
    for hour in sorted(timed["hour"].unique().tolist()):
        own = timed[timed["hour"] == hour]
        hits, n = int(late[own.index].sum()), len(own)
        if n < MIN_REPLIES:
            continue
        low, high = wilson(hits, n)
        waits = own[_C.FIRST_RESPONSE_TALK_S]
        p = _by_chance(late, timed["hour"] == hour, timed["day"])
        rows.append((int(hour), n, hits / n, low, high, load.get(hour, np.nan), waits.median(), p))
    names = ["hour", "n", "slow", "low", "high", "load", "wait", "p"]
    table = pd.DataFrame(rows, columns=names)
    adjusted = scipy.stats.false_discovery_control(table["p"]) if len(table) else table["p"]
    held = np.asarray(adjusted <= FALSE_ALARMS, dtype=bool)
    return table.drop(columns="p").assign(overloaded=held)


def _by_chance(late: pd.Series[bool], here: pd.Series[bool], day: pd.Series) -> float:
    """Return how likely it is that so many more of the replies `here` are late than of the others.

    The larger of two: Fisher's exact test, and a test on days. Replies of one evening are late
    together, when somebody is ill or a parcel firm fails: counted one by one, one such evening
    would make an hour that is short of people.
    """
    n, hits, rest, others = here.sum(), (here & late).sum(), (~here).sum(), (~here & late).sum()
    days = day[here].nunique()
    if not rest or days < 2:
        return 1.0
    square = [[hits, n - hits], [others, rest - others]]
    exact = float(scipy.stats.fisher_exact(square, alternative="greater").pvalue)
    more = hits / n - others / rest
    off = late - np.where(here, hits / n, others / rest)
    moved = pd.Series(off * np.where(here, 1 / n, -1 / rest)).groupby(day).sum().to_numpy(float)
    error = float(np.sqrt(np.square(moved).sum() * days / (days - 1)))
    if error < 1e-9:  # each day alike: there is nothing that varies with days
        return exact
    return max(exact, float(scipy.stats.t.sf(more / error, days - 1)))
