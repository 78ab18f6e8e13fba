"""Hours that are short of people are found where they were planted, and load within the hour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from csinsight.behaviours.conversations import build_conversations, mark_messages
from csinsight.behaviours.hours import (
    activity,
    enough,
    load_slope,
    slow_hours,
    team_hours,
    with_load,
)
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.context import MonthContext
from csinsight.engine import open_shop
from csinsight.params import RunParams, add_months
from csinsight.segments.signatures import signatures_of
from csinsight.simulate import simulate

SHORT = (11, 20)


def _delay(folder, seconds):
    """Answer what begins in the planted hours so much later, as where nobody is free."""
    path = folder / "messages.parquet"
    lines = pl.read_parquet(path)
    first = pl.col("sent_at").min().over("conversation_id")
    late = first.dt.hour().is_in(SHORT) & (pl.col("sent_at") > first)
    moved = pl.when(late).then(pl.col("sent_at") + pl.duration(seconds=seconds))
    lines.with_columns(moved.otherwise(pl.col("sent_at")).alias("sent_at")).write_parquet(path)


def _talks(folder):
    shop = open_shop(folder)
    context = MonthContext.of(RunParams(), signatures_of(shop))
    chats = replace(context.chats(shop, months=2), lexicon=load_lexicon(reader="rules"))
    conversations = build_conversations(mark_messages(chats))
    written = activity(shop, add_months(context.as_of, -2), context.as_of)
    hours = team_hours(conversations, written)
    assert hours["opened"].sum() == conversations["opened_by_buyer"].sum()
    messages = pd.read_parquet(folder / "messages.parquet")
    by_agents = (messages["sender"] == "agent").sum()
    assert 0 < hours["agent_messages"].sum() <= by_agents
    return with_load(conversations, hours, written), hours


def _told(talks, hours):
    wait = load_slope(talks, np.log2(talks["first_response_talk_s"]))
    late = load_slope(talks, 1 - talks["rounds_in_180s"] / talks["rounds"])
    return enough(slow_hours(talks, hours, slow_s=180), wait, late, hours)


@pytest.mark.parametrize(("seconds", "found"), [(0, ()), (400, SHORT)])
def test_planted_hours_are_found_and_no_others(tmp_path, seconds, found):
    simulate(
        tmp_path, seed=3, buyers=900, agents=8, conversations=2400, months=2, scenario="losses"
    )
    _delay(tmp_path, seconds)
    talks, hours = _talks(tmp_path)
    table = slow_hours(talks, hours, slow_s=180)
    told = _told(talks, hours)
    assert (told.answer in ("short", "slow_hours")) == bool(found), told
    assert len(table) > 10
    assert tuple(table.loc[table["overloaded"], "hour"]) == found


def _replies(rng, *, days=90, evening=0.06, one_bad_day=0):
    """Draw two first replies an hour and day, 6 % of them slow; at eight as many as `evening`."""
    day, hour = (at.ravel() for at in np.meshgrid(np.arange(days), np.arange(8, 24)))
    talks = pd.DataFrame({"day": np.repeat(day, 2), "hour": np.repeat(hour, 2)})
    share = np.where(talks["hour"] == 20, evening, 0.06)
    slow = rng.random(len(talks)) < share
    talks["first_response_talk_s"] = np.where(slow, 400.0, 40.0)
    if one_bad_day:  # nobody was there on one evening, and many asked
        more = {"day": 3, "hour": 20, "first_response_talk_s": 600.0}
        talks = pd.concat([talks, pd.DataFrame([more] * one_bad_day)], ignore_index=True)
    at = pd.Timestamp("2026-08-01") + pd.to_timedelta(np.arange(24), "h")
    return talks, pd.DataFrame({"hour_at": at, "opened": 2, "agents_on": 1})


def _flagged(talks, hours):
    table = slow_hours(talks, hours, 180)
    return table.loc[table["overloaded"], "hour"].tolist()


def test_ten_reports_on_a_shop_without_a_slow_hour_call_hardly_any_hour_slow():
    rng = np.random.default_rng(11)
    spoke = [bool(_flagged(*_replies(rng))) for _ in range(200)]
    assert np.mean(spoke) <= 0.02  # 0.5 % is meant; at 5 % ten reports would speak in 40 % of shops


def test_one_bad_evening_is_no_slow_hour_and_many_are():
    rng = np.random.default_rng(12)
    assert not any(20 in _flagged(*_replies(rng, one_bad_day=25)) for _ in range(20))
    found = [_flagged(*_replies(rng, evening=0.30)) for _ in range(20)]
    assert np.mean([hours == [20] for hours in found]) >= 0.9


def _world(rng, slope, days=60, per_day=40):
    """Load and waits both rise towards the evening; within an hour the wait rises by `slope`."""
    n = days * per_day
    day = pd.Timestamp("2026-09-01") + pd.to_timedelta(np.repeat(np.arange(days), per_day), "D")
    hour = rng.integers(9, 22, n)
    busy = np.repeat(rng.gamma(4, 0.25, days), per_day)
    load = 0.3 * hour * busy + rng.normal(0, 0.3, n)
    wait = slope * load + 0.8 * hour + np.repeat(rng.normal(0, 0.5, days), per_day)
    talks = pd.DataFrame({"hour": hour, "load_met": load, "day": day, "weekday": day.day_of_week})
    return talks, pd.Series(wait + rng.normal(0, 2, n))


def test_load_is_compared_within_the_hour():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(60):
        talks, wait = _world(rng, slope=0.5)
        found = load_slope(talks, wait)
        held.append(found.low <= 0.5 <= found.high)
        plain = np.polyfit(talks["load_met"], wait, 1)[0]
        assert plain > 0.8  # what a plain comparison would say
    assert np.mean(held) > 0.85


def test_nothing_is_said_of_a_few_days():
    talks, wait = _world(np.random.default_rng(1), slope=0.5, days=10)
    assert load_slope(talks, wait) is None


def test_an_agent_who_is_seen_by_answering_makes_no_hour_the_busier():
    """Four agents, few inquiries, waits by chance alone: a late answer stands in the next hour."""
    rng = np.random.default_rng(3)
    n = 4000
    minutes = rng.integers(0, 90 * 24 * 60, n)
    at = pd.Timestamp("2026-08-01") + pd.to_timedelta(np.sort(minutes), "min")
    wait = np.exp(rng.normal(4.5, 1.5, n))
    talks = pd.DataFrame({"opened_by_buyer": True, "first_buyer_at": at, "is_inquiry": True})
    talks["agent_id"], talks["agent_messages"] = rng.choice(["a1", "a2", "a3", "a4"], n), 1
    talks["counted_at"] = talks["first_buyer_at"] + pd.to_timedelta(wait, "s")
    told = talks["counted_at"].dt.floor("h")
    lines = pd.DataFrame({"hour_at": told, "sender": "agent", "agent_id": talks["agent_id"]})
    written = lines.value_counts().rename("messages").reset_index()
    talks = with_load(talks, team_hours(talks, written), written)
    found = load_slope(talks, pd.Series(np.log2(wait), index=talks.index))
    assert found.low < 0 < found.high
    seen = load_slope(talks.assign(load_met=talks["load"]), pd.Series(np.log2(wait)))
    assert seen.low > 0


def _asked(slope, *, never=0.0, days=60):
    """Draw a shop with two agents on, busy on some days; by `slope` its waits double with load."""
    rng = np.random.default_rng(7)
    a_day = 12 * rng.integers(2, 9, days)
    day = pd.Timestamp("2026-09-01") + pd.to_timedelta(np.repeat(np.arange(days), a_day), "D")
    n = len(day)
    hour = 10 + np.concatenate([np.arange(number) % 12 for number in a_day])
    at = day + pd.to_timedelta(hour * 3600 + rng.integers(0, 3600, n), "s")
    silent = rng.permutation(n) < never * n
    talks = pd.DataFrame({"opened_by_buyer": True, "first_buyer_at": at, "is_inquiry": ~silent})
    talks["agent_messages"] = np.where(silent, 0, 3)
    hour_at = talks["first_buyer_at"].dt.floor("h")
    opened = hour_at.value_counts().sort_index()
    hours = opened.rename_axis("hour_at").rename("opened").reset_index()
    hours["agents_on"], hours["load"] = 2, hours["opened"] / 2
    # The two write in many conversations of an hour.
    told = {"hour_at": np.repeat(hours["hour_at"], 2), "agent_id": ["a1", "a2"] * len(hours)}
    written = pd.DataFrame(told | {"sender": "agent", "messages": 20})
    talks = with_load(talks.assign(agent_id="a1", counted_at=at), hours, written)
    wait = 20 * 2 ** (slope * talks["load_met"] + rng.normal(0, 1, len(talks)))
    talks["first_response_talk_s"] = wait.where(talks["is_inquiry"], 600).clip(upper=600)
    talks["rounds"] = 1
    talks["rounds_in_180s"] = (talks["first_response_talk_s"] <= 180).astype(int)
    return talks, hours


@pytest.mark.parametrize(
    ("slope", "never", "answer"),
    [(0.0, 0.0, "yes"), (0.5, 0.0, "busy"), (0.0, 0.3, "all_day")],
)
def test_whether_people_are_enough_is_told_from_what_was_planted(slope, never, answer):
    """Buyers whom nobody ever answers count: where people are few, that is what shows."""
    talks, hours = _asked(slope, never=never)
    told = _told(talks, hours)
    assert told.answer == answer, told
    if never:
        assert told.slow[1] < never < told.slow[2]
    if slope:  # two agents on, so that a third takes a third of their load
        true = 1 - 2 ** (-slope * hours["load"].mean() / 3)
        assert told.faster[1] < true < told.faster[2]


def test_a_few_days_do_not_tell_whether_people_are_enough():
    talks, hours = _asked(0.0, days=10)
    assert _told(talks, hours).answer == "unclear"
    assert _told(talks.head(200), hours).answer == "few"


def test_later_rounds_left_when_it_is_busy_show_where_first_replies_do_not():
    """Who watches the first reply keeps it quick, and leaves the lines after it."""
    talks, hours = _asked(0.0)
    late = (0.05 * talks["load"] > np.random.default_rng(1).random(len(talks))).astype(int)
    told = _told(talks.assign(rounds=4, rounds_in_180s=4 - 4 * late), hours)
    assert told.answer == "busy", told
    assert told.fewer[1] < 0.05 * hours["load"].mean() / 3 < told.fewer[2]
