"""The week on page 08: weekdays differ where they were made to, and odd weeks stop nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from csinsight.behaviours.hours import Slope
from csinsight.render.blocks import Prose
from csinsight.render.figure import Picture
from csinsight.render.table import Table
from csinsight.views import team_hours
from csinsight.views.sample import sample_study


def _week(a_day, weeks=8, open_on=range(7)):
    """Return the page's week for `a_day` conversations by weekday, all at ten, one agent on."""
    study = sample_study()
    days = pd.date_range("2026-09-07", periods=7 * weeks)
    rng = np.random.default_rng(2)
    hours = pd.DataFrame(
        {
            "hour_at": day + pd.Timedelta(hours=10),
            "opened": a_day[day.day_of_week] + (rng.integers(0, 3) if len(set(a_day)) > 1 else 0),
            "agents_on": 1,
        }
        for day in days
        if day.day_of_week in open_on
    )
    none = pd.DataFrame()
    return team_hours.week(study, team_hours.Hours(hours, none, none, none, None, None))


def test_a_busy_weekday_is_named():
    drawn = _week([20, 5, 5, 5, 5, 5, 5])
    assert isinstance(drawn, Picture)
    assert "Monday" in drawn.title


@pytest.mark.parametrize("open_on", [range(7), [0]])
def test_a_shop_that_is_the_same_each_day_or_open_on_one(open_on):
    drawn = _week([6] * 7, weeks=16, open_on=open_on)
    assert isinstance(drawn, Picture)
    same = "much the same on all days" in drawn.title
    assert same == (len(open_on) == 7)


def test_two_weeks_at_least():
    assert isinstance(_week([6] * 7, weeks=1), Prose)


def test_teams_whose_agents_differ_widely_are_said_not_to_be_told():
    wide, close = [0.0, 0.5, 1.0], [0.48, 0.5, 0.52]
    rows = [
        {"team": team, "agent_id": f"{team}{n}", "left": left, "paid_": 0.5}
        for team, of in (("wide", wide), ("close", close))
        for n, left in enumerate(of)
        for _ in range(20)
    ]
    table = pd.DataFrame(rows).assign(first_response_talk_s=40.0)
    told = team_hours._compared(sample_study(), table, "team").set_index("team")["apart"]
    assert told["wide"].startswith("can’t")
    assert not told["close"].startswith("can’t")


@pytest.mark.parametrize(
    ("left", "said"),
    [([0.1], "too few agents"), ([0.1, 0.2], "too few agents"), ([-0.6, 0.0, 0.7], "can’t tell")],
)
def test_a_group_that_cannot_be_told_has_no_figure(left, said):
    """One agent is no team, and no two rates are over a hundred points apart."""
    assert team_hours._apart(sample_study(), float(np.mean(left)), pd.Series(left)) == said


@pytest.mark.parametrize(("agents", "kind"), [(3, Prose), (4, Table)])
def test_of_three_agents_nobody_is_said_to_have_most_of_a_question(agents, kind):
    talks = sample_study().read("conversations")
    talks = pd.concat([talks] * 40, ignore_index=True)
    talks["agent_id"] = [f"a00{1 + n % agents}" for n in range(len(talks))]
    assert type(team_hours.questions(sample_study(), talks)) is kind


def _enough(slope):
    """Return the answer of a quiet shop in which load goes with `slope`."""
    slow = pd.DataFrame({"hour": [9, 20], "n": 200, "slow": 0.04, "load": [1.0, 3.0]})
    slow["overloaded"] = False
    hours = pd.DataFrame({"hour_at": pd.to_datetime(["2026-10-05 09:00", "2026-10-05 20:00"])})
    hours["opened"], hours["agents_on"] = [2, 6], 2
    talks = pd.DataFrame({"rounds_in_180s": [9], "rounds": [10]})
    found = team_hours.Hours(hours, talks, slow, hours, slope, slope, slope)
    return team_hours.sentence(sample_study(), found).replace("\xa0", " ")


def test_the_busiest_hour_is_named_beside_its_load():
    told = _enough(Slope(0.0, -0.01, 0.01, 400, 30))
    assert "busiest of those that can be judged is 20:00–21:00 (3.0 new" in told


def test_nobody_reads_that_a_reply_gets_zero_per_cent_shorter():
    told = _enough(Slope(-0.02, -0.03, -0.01, 400, 30))
    assert "a first reply is no shorter" in told
    assert "0% shorter" not in told
