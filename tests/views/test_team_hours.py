"""The week on page 08: weekdays differ where they were made to, and odd weeks stop nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from csinsight.behaviours.hours import Slope, slow_hours
from csinsight.render.blocks import Prose, Table
from csinsight.render.figure import Picture
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


def _judged(waits, slope):
    """Return two hours, the evening the busier, and load that goes with a wait by `slope`."""
    at = pd.to_datetime(["2026-10-05 09:00", "2026-10-05 20:00"])
    hours = pd.DataFrame({"hour_at": at, "opened": [2, 6], "agents_on": 2})
    talks = pd.DataFrame({"hour": [9] * 60 + [20] * 60})
    talks["first_response_talk_s"] = np.repeat(waits, 60)
    talks["day"] = pd.Timestamp("2026-10-05") + pd.to_timedelta([*range(30)] * 4, "D")
    slow = slow_hours(talks, hours, 180)
    talks = talks.assign(rounds=10, rounds_in_180s=9, rounds_unanswered=[1, 0] * 60)
    talks["is_inquiry"] = True
    return team_hours.Hours(hours, talks, slow, hours, slope, slope, slope)


def _cells(found, column):
    """Return the cells of a column of the table of what one more person goes with."""
    table = team_hours.cover(sample_study(), found).blocks[0]
    return [row[("hour", "load", "wait", "sooner", "orders").index(column)] for row in table.rows]


def test_what_one_more_person_goes_with_is_told_in_seconds():
    """A fifth of a doubling for each conversation, one fewer each: of 100 s some 13."""
    slope = Slope(0.2, 0.19, 0.21, 120, 30)
    found = _judged([40.0, 100.0], slope)
    assert "−13 s to the first reply" in team_hours.sentence(sample_study(), found)
    assert _cells(found, "sooner")[-1].startswith("−13")


def test_sales_that_may_be_more_or_fewer_have_no_number():
    found = _judged([40.0, 100.0], Slope(0.0, -0.2, 0.2, 120, 30))
    assert all(cell.startswith("can’t\xa0tell") for cell in _cells(found, "orders"))
    found = _judged([40.0, 100.0], Slope(-0.2, -0.3, -0.1, 120, 30))
    assert all(cell.startswith("+") for cell in _cells(found, "orders"))


def test_text_table_and_week_tell_the_same_load():
    """One busy day among quiet ones: what conversations met is more than what an hour had."""
    days = pd.date_range("2026-09-07", periods=28)
    opened = np.where(np.arange(28) == 3, 40, 2)
    hours = pd.DataFrame({"hour_at": days + pd.Timedelta(hours=20), "opened": opened})
    hours["agents_on"], hours["load"] = 2, opened / 2
    talks = pd.DataFrame({"hour": 20, "load": np.repeat(opened / 2, opened)})
    talks["first_response_talk_s"], talks["day"] = 30.0, np.repeat(days, opened)
    slow = slow_hours(talks, hours, 180)
    assert slow["load"].tolist() == [pytest.approx(94 / 56)]
    assert talks["load"].mean() > 5 * slow["load"].iloc[0]
    none = pd.DataFrame()
    found = team_hours.Hours(hours, talks, slow, none, None, None)
    cells = team_hours.week(sample_study(), found).data.drop(columns="hour")
    assert cells.to_numpy().mean() == pytest.approx(slow["load"].iloc[0], abs=0.01)
    plt.close("all")


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
    slow["wait"] = 40.0
    slow["overloaded"] = False
    hours = pd.DataFrame({"hour_at": pd.to_datetime(["2026-10-05 09:00", "2026-10-05 20:00"])})
    hours["opened"], hours["agents_on"] = [2, 6], 2
    talks = pd.DataFrame({"rounds_in_180s": [9], "rounds": [10], "rounds_unanswered": [1]})
    found = team_hours.Hours(hours, talks, slow, hours, slope, slope, slope)
    return team_hours.sentence(sample_study(), found).replace("\xa0", " ")


def test_the_busiest_hour_is_named_beside_its_load():
    told = _enough(Slope(0.0, -0.01, 0.01, 400, 30))
    assert "busiest hour that can be judged is 20:00–21:00 (3.0 new conversations an agent)" in told


def test_nobody_reads_that_a_reply_gets_no_seconds_shorter():
    told = _enough(Slope(-0.02, -0.03, -0.01, 400, 30))
    assert "a first reply would come no sooner" in told
    assert "most 0 s" not in told
