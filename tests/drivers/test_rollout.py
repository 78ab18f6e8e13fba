"""Roll-outs: the lot, the plan's power, and a reading that the lot alone makes right."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from tests.drivers.worlds import make_world
from tests.tables import complete
from tests.validate import study_rollouts

from csinsight.cli import main
from csinsight.contract.check import check_folder
from csinsight.contract.rollouts import add_rollout
from csinsight.drivers import rollout_plan
from csinsight.drivers.rollout import draw_starts, read_rollouts
from csinsight.drivers.rollout_plan import plan_rollout
from csinsight.errors import ConfigError

FIRST = datetime(2026, 11, 1)
AGENTS = [f"agent{n:03d}" for n in range(12)]


def plan_for(behaviour="recommends", *, agents=AGENTS, **told):
    known = {"months": 3, "look_back": 3, "effect_pp": 10.0, "uptake_pp": 20.0, "seed": 7}
    return _talks(), _plan(behaviour, tuple(agents), **known | told)


@cache
def _talks():
    return make_world(3, inquiries=6000, agents=12).conversations


@cache
def _plan(behaviour, agents, **told):
    return plan_rollout(_talks(), behaviour, agents, as_of=FIRST, **told)


def test_the_lot_is_the_seeds_and_waves_are_alike() -> None:
    starts = draw_starts(AGENTS, FIRST, 3, seed=7)
    assert starts == draw_starts(AGENTS[::-1], FIRST, 3, seed=7)
    assert starts != draw_starts(AGENTS, FIRST, 3, seed=8)
    days = sorted(set(starts.values()))
    assert {later - day for day, later in pairwise([FIRST, *days])} == {timedelta(weeks=2)}
    assert max(pd.Series(starts).value_counts()) - min(pd.Series(starts).value_counts()) <= 1


def test_long_roll_outs_of_few_agents_use_their_time() -> None:
    days = sorted(draw_starts(AGENTS[:4], FIRST, 12, seed=7).values())
    assert (days[-1] - FIRST).days > 250


def test_two_points_need_the_inquiries_of_the_textbook() -> None:
    """Ten points of effect with twenty of uptake: about 19,600 where half of buyers pay."""
    talks, plan = plan_for()
    share = talks.loc[talks["recommends"].notna(), "paid"].mean()
    assert plan.effect_pp == pytest.approx(2.0)
    assert plan.least_inquiries == pytest.approx(19_622 * share * (1 - share) / 0.25, rel=0.01)
    assert plan.power < 0.3
    assert plan.months_needed is None or plan.months_needed > 3


def test_more_effect_more_power_and_less_time() -> None:
    weak, strong = (plan_for(effect_pp=e, uptake_pp=50.0)[1] for e in (8.0, 25.0))
    assert strong.power > weak.power + 0.3
    assert strong.months_needed is not None
    assert weak.months_needed is None or strong.months_needed < weak.months_needed


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"agents": AGENTS[:3]}, "needs 4 agents"),
        ({"months": 1}, "and 2 months"),
        ({"agents": [*AGENTS, "nobody"]}, "nobody; leave them out"),
        ({"behaviour": "first_response_s"}, "shown or not"),
    ],
)
def test_what_no_lot_can_tell_is_refused(told, words) -> None:
    with pytest.raises(ConfigError, match=words):
        plan_for(**told)


def test_nothing_is_read_before_the_end() -> None:
    talks, plan = plan_for()
    rows = plan.rows.to_pandas()
    for as_of, status in ((FIRST, "planned"), (datetime(2027, 1, 1), "running")):
        found, agents = read_rollouts(talks, rows, as_of=as_of)
        assert list(found["status"]) == [status]
        assert found["effect_pp"].isna().all()
        assert len(agents) == 12


@pytest.mark.slow
def test_intervals_hold_and_silence_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small part of `make validate`'s study, with agents that drift and answer the buyer."""
    monkeypatch.setattr(rollout_plan, "_LENGTHS", ())  # none but that of the plan is looked at
    real = [study_rollouts.rolled_out(n, effort=0.5, drift=0.1) for n in range(10)]
    none = [study_rollouts.rolled_out(n, effect=0.0, drift=0.1) for n in range(10)]
    real, none = pd.DataFrame(real), pd.DataFrame(none)
    assert real["covered"].mean() >= 0.8
    assert none["covered"].mean() >= 0.8
    assert none["seen"].mean() <= 0.2
    assert abs(real["estimate"].mean() - real["truth"].mean()) < 1.5
    assert abs(real["seen"].mean() - real["planned power"].mean()) < 0.3
    assert real["as drawn"].all()


def test_a_lot_changed_by_hand_is_said_to_be_none() -> None:
    talks, plan = plan_for()
    rows = plan.rows.to_pandas()
    rows.loc[[0, 11], "starts_on"] = rows.loc[[11, 0], "starts_on"].to_numpy()
    found, _ = read_rollouts(talks, rows, as_of=FIRST)
    assert not found["as_drawn"].any()


def test_agents_of_whom_nothing_is_seen_are_named() -> None:
    talks, plan = plan_for()
    rows = plan.rows.to_pandas().replace({"agent_id": {"agent003": "agent3"}})
    later = talks.assign(started_at=talks["started_at"] + pd.Timedelta(days=92))
    found, _ = read_rollouts(later, rows, as_of=datetime(2027, 3, 1))
    assert list(found["unseen"]) == [["agent3"]]


def test_agents_are_told_before_and_since_their_start() -> None:
    talks, plan = plan_for()
    rows = plan.rows.to_pandas()
    shifted = talks.assign(started_at=talks["started_at"] + pd.Timedelta(days=92))
    start = shifted["agent_id"].map(dict(zip(rows["agent_id"], rows["starts_on"], strict=True)))
    since = shifted["started_at"] >= pd.to_datetime(start)
    had = shifted["recommends"].notna()
    shifted["recommends"] = (shifted["recommends"] | since).where(had)
    found, agents = read_rollouts(shifted, rows, as_of=datetime(2027, 3, 1))
    assert (agents["shown_after"] == 1).all()
    assert agents["shown_before"].mean() < 0.5
    assert found["uptake_low_pp"].iloc[0] > 30
    assert found["opportunity_p"].iloc[0] > 0.01


def test_faults_of_the_file_are_named(tmp_path: Path) -> None:
    pl.DataFrame({"buyer_id": ["b1"]}).write_csv(tmp_path / "buyers.csv")
    (tmp_path / "rollout.csv").write_text(
        "behaviour,agent_id,starts_on,seed\n"
        "recommend,a1,2026-11-15,7\n"
        "recommends,a1,15.13.2026,7\n"
        "greets,a1,2026-11-15,7\ngreets,a2,2026-11-15,7\n"
    )
    told = {(f.row, f.column) for f in check_folder(tmp_path) if f.file == "rollout.csv"}
    assert {(2, "behaviour"), (3, "starts_on"), (4, "starts_on")} <= told


def test_the_command_writes_beside_the_tables_once(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "runs" / "s" / "2026-10"
    (run / "artifacts").mkdir(parents=True)
    data.mkdir()
    talks = make_world(3, inquiries=6000, agents=12).conversations
    talks = complete("conversations", talks)
    talks.to_parquet(run / "artifacts" / "conversations.parquet")
    drivers = {"behaviour": ["recommends"], "scope": "all", "outcome": "paid", "effect_pp": -12.0}
    drivers = complete("drivers", pd.DataFrame(drivers, index=[0]))
    drivers.to_parquet(run / "artifacts" / "drivers.parquet")
    state = {"data": str(data), "params": {"shop": "s", "month": "2026-10"}}
    (run / "run.json").write_text(json.dumps(state))
    told = ["rollout", "plan", "--run", str(run), "--behaviour"]
    dry = CliRunner().invoke(main, [*told, "recommends", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert not (data / "rollout.csv").exists()
    done = CliRunner().invoke(main, [*told, "recommends"])
    assert "expected: 2.4 points" in done.output
    rows = pl.read_csv(data / "rollout.csv")
    assert rows.columns == ["behaviour", "agent_id", "starts_on", "seed"]
    assert rows.height == 12
    for words, why in ((["recommends"], "runs until"), (["recomends"], "did you mean recommends")):
        again = CliRunner().invoke(main, [*told, *words])
        assert again.exit_code == 2
        assert why in again.output
    # Another behaviour's roll-out is added; the first is as it was.
    other = CliRunner().invoke(main, [*told, "greets", "--effect", "5"])
    assert other.exit_code == 0, other.output
    assert pl.read_csv(data / "rollout.csv").head(12).equals(rows)
    (run / "run.json").write_text("{")
    broken = CliRunner().invoke(main, [*told, "recommends"])
    assert broken.exit_code == 2
    assert "run.json: is broken; make the month anew" in broken.output


def test_rows_are_added_whole(tmp_path: Path) -> None:
    day = FIRST.date()
    rows = {"behaviour": "greets", "agent_id": ["=cmd", "a2"], "starts_on": [day, day], "seed": 1}
    add_rollout(tmp_path, pl.DataFrame(rows))
    add_rollout(tmp_path, pl.DataFrame(rows).with_columns(seed=2))
    assert pl.read_csv(tmp_path / "rollout.csv")["seed"].to_list() == [1, 1, 2, 2]


def test_what_is_shown_is_that_of_who_wrote_it() -> None:
    talks, plan = plan_for()
    talks = talks.assign(started_at=talks["started_at"] + pd.Timedelta(days=92))
    later, rows = datetime(2027, 3, 1), plan.rows.to_pandas()
    # A colleague wrote what agent000 is the agent of, and nobody else's is touched.
    taken = talks["agent_id"] == "agent000"
    sessions = talks.assign(agent_id=talks["agent_id"].where(~taken, "agent001"))
    whole, by_talk = read_rollouts(talks, rows, as_of=later)
    found, by_author = read_rollouts(talks, rows, as_of=later, sessions=sessions)
    had = ["opportunities_before", "opportunities_after"]
    theirs, own = (t.set_index("agent_id")[had].sum(axis=1) for t in (by_talk, by_author))
    assert own["agent000"] == 0
    assert own["agent001"] == theirs["agent000"] + theirs["agent001"]
    assert own.drop(["agent000", "agent001"]).equals(theirs.drop(["agent000", "agent001"]))
    # The outcome is the conversation's.
    assert found["effect_pp"].equals(whole["effect_pp"])
    assert not found["uptake_pp"].equals(whole["uptake_pp"])
