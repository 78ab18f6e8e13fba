"""Words that claim no more than the figures: changes, targets, days that nobody recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from csinsight.behaviours.alerts import Alert, alerts_of
from csinsight.behaviours.profiles import load_profile
from csinsight.engine import open_shop
from csinsight.features.coverage import daily_rows
from csinsight.sample import sample_drivers
from csinsight.segments.tiers import leaving
from csinsight.stats.intervals import wilson
from csinsight.views import (
    agent_kpis,
    coaching,
    kpi_figures,
    labels,
    lost_inquiries,
    monthly_brief,
    scorecard,
    team_hours,
    value_tiers,
)
from csinsight.views.sample import sample_lost, sample_plan, sample_study
from csinsight.views.study import Study
from csinsight.views.value_tiers import LEAVING


@pytest.fixture
def study() -> Study:
    return sample_study()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((0.056, -0.020, 0.130), "may be chance"),  # wide: not "as last month"
        ((0.001, -0.009, 0.009), "much as last month"),
        ((0.030, 0.001, 0.059), "beyond chance"),
        ((-0.030, -0.059, -0.001), "beyond chance"),
    ],
)
def test_no_evidence_of_a_change_is_not_no_change(
    study: Study, change: tuple[float, float, float], said: str
) -> None:
    assert said in labels.change_in_words(study, change)


def test_every_missed_target_is_named_and_none_is_met_that_is_not_known(study: Study) -> None:
    seen, profile = study.read("conversations"), study.context.profile
    told = agent_kpis.targets(study, seen)
    assert "Targets missed: " in told
    behind = kpi_figures.missed(study, kpi_figures.shop_row(study, seen))
    assert len(behind) > 2
    assert [study.word(f"kpi.{n}") in told for n in profile.targets] == [
        n in behind for n in profile.targets
    ]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ({"reply_rate": 0.01}, "Every target was met."),
        ({"reply_rate": 0.01, "satisfaction_mean": 0.1}, "All targets that could be worked out"),
        ({"satisfaction_mean": 0.1}, ""),
    ],
)
def test_a_target_is_met_only_where_its_figure_is_known(
    study: Study, targets: dict[str, float], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = study.context.profile.model_copy(update={"targets": targets})
    row = pd.Series({"reply_rate": 0.5, "satisfaction_mean": float("nan")})
    monkeypatch.setattr(agent_kpis, "shop_row", lambda *_: row)
    monkeypatch.setattr(study, "context", study.context.model_copy(update={"profile": profile}))
    told = agent_kpis.targets(study, pd.DataFrame())
    assert told.startswith(said) and bool(told) == bool(said)


def test_days_before_the_first_export_are_no_gap(tmp_path: Path) -> None:
    days = [datetime(2026, 10, day, 9) for day in (20, 21, 23)]
    told = {"order_id": list("abc"), "buyer_id": list("abc"), "placed_at": days}
    orders = pl.DataFrame(told | {"list_amount": 1.0, "paid_amount": 1.0, "units": 1})
    orders.write_csv(tmp_path / "orders.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    counts = daily_rows(open_shop(tmp_path), datetime(2026, 10, 25), days=120)
    assert counts["day"].min() == pd.Timestamp("2026-10-20")
    assert (counts["rows"] == 0).sum() == 2


@pytest.mark.parametrize("verdict", ["helps", "no evidence", "not enough data"])
def test_nobody_is_praised_for_no_gap_where_nothing_is_known_to_sell(
    study: Study, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"drivers": sample_drivers().assign(verdict=verdict)}
    monkeypatch.setattr(Study, "read_or_none", lambda _, name: known.get(name))
    status = pd.DataFrame({"agent_id": ["a001"], "status": ["keep it up"]})
    plan = sample_plan().head(0)
    page, brief = coaching.agents(study, plan, status).plain(), coaching.sentence(study, plan)
    assert ("Keep it up" in page) == (verdict == "helps")
    assert ("can't be told" in brief) == (verdict != "helps")


@pytest.mark.parametrize(("true", "n"), [(0.0, 300), (0.0, 30_000), (0.1, 900), (-0.1, 900)])
def test_planted_changes_are_told_and_chance_is_not(study: Study, true: float, n: int) -> None:
    rng, told = np.random.default_rng(4), []
    for _ in range(150):
        row = {}
        for name, rate in (("before", 0.45), ("now", 0.45 + true)):
            paid = int(rng.binomial(n, rate))
            low, high = wilson(paid, n)
            row[name] = pd.Series({"paid": paid / n, "paid_low": low, "paid_high": high})
        change = labels.difference(row["now"], row["before"], "paid")
        said = labels.change_in_words(study, change)
        told.append((np.sign(change[0]), "beyond chance" in said, "much as last month" in said))
    signs, news, alike = (np.array(column) for column in zip(*told, strict=True))
    if not true:
        assert np.mean(news) <= 0.08  # 95 % intervals
        # "Much as last month" takes many inquiries; of few it is never said.
        assert np.mean(alike) > 0.9 if n > 5_000 else not alike.any()
    else:
        # The power of the normal law is .98: changes of ten points are told, and the way they went.
        assert np.mean(news) > 0.95
        assert (signs[news] == np.sign(true)).all()
        assert not alike.any()


def test_a_median_as_long_as_is_counted_is_no_time(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, cap = study.read("conversations"), study.context.profile.round_cap_s
    row = agent_kpis.shop_row(study, seen)
    names = [f"first_response_{name}_s{end}" for name in ("median", "p90") for end in ("", "_low")]
    late = row.copy()
    late[[name for name in [*names, "first_response_median_s_high"] if name in row.index]] = cap
    monkeypatch.setattr(agent_kpis, "shop_row", lambda *_: late)
    (tile,) = (t for t in agent_kpis.tiles(study, seen).tiles if t.value.startswith("over "))
    assert tile.label == study.word("kpi.first_response_median_s")
    assert "later or never" in tile.detail and " to " not in tile.detail
    assert "or longer, or never came" in agent_kpis.sentence(study, seen)


@pytest.mark.parametrize(("usual", "slow"), [(600.0, True), (20.0, False)])
def test_a_shop_that_is_slow_throughout_says_what_is_usual(
    study: Study, usual: float, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_inquiries, "MIN_LOST", 1)
    talks = study.read("conversations")
    replied = talks["first_response_talk_s"].notna()
    talks.loc[replied, "first_response_talk_s"] = usual
    told = lost_inquiries.sentence(study, lost_inquiries.Lost(study, talks))
    assert ("takes 10 min" in told) == ("over 20 min" in told) == slow
    assert "inquir" in told


def test_waits_as_long_as_is_counted_are_no_times_on_any_page(study: Study) -> None:
    cap = study.context.profile.round_cap_s
    talks = study.read("conversations").assign(first_response_talk_s=cap)
    hours = pd.DataFrame({"hour": [9, 20], "n": 200, "slow": 1.0, "load": [1.0, 3.0]})
    late = replace(team_hours.read(study, talks), slow=hours.assign(overloaded=False))
    assert late.capped and late.wait is None
    # Whatever the load, all waits look alike: that is no evidence that load makes no difference.
    assert team_hours.sentence(study, late) == team_hours.cover(study, late).paragraphs[0]
    assert "can’t be seen" in team_hours.sentence(study, late)
    row = agent_kpis.shop_row(study, study.read("conversations"))
    slow = row.copy()
    slow["first_response_median_s"] = cap
    table = monthly_brief._table(study, slow, row)
    (told,) = (line for line in table.rows if study.word("kpi.first_response_median_s") in line)
    assert list(told)[2:] == ["over 600 s", "—"]
    alert = pd.Series({"figure": "first_response_median_s", "kind": "above"})
    alert = pd.concat([alert, pd.Series({"value": cap, "threshold": 60.0})])
    assert "is over 600 s" in monthly_brief._alert(study, alert)


def test_money_to_come_is_told_only_where_a_quarter_was_held_against_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"b{n}" for n in range(60)]
    before = pd.DataFrame({"buyer_id": names, "tier": "vip", "expected_spend_90d": 7231.0})
    now = before.assign(tier="core", expected_spend_90d=4242.0)
    spent = now.assign(net_spend=5.0, net_spend_90d=5.0)
    held = {
        True: pd.DataFrame({"expected": [10.0] * 60, "actual": [9.0, 11.0] * 30}),
        False: pd.DataFrame(columns=["expected", "actual"], dtype=float),
    }
    monkeypatch.setattr(Study, "write_facts", lambda _, facts: told.update(facts))
    for known, held_out in held.items():
        told: dict[str, object] = {}
        found = leaving(before, now, set(), held_out, seed=1)
        page = repr(value_tiers.leaving(study, found)) + str(told)
        tables = [
            value_tiers.silent(study, found, export=False),
            value_tiers.table(study, spent, SimpleNamespace(held_out=held_out)),
        ]
        page += " ".join(f"{table.caption} {table.rows}" for table in tables)
        # Fewer yuan, and the sums of sixty buyers, stand there or nowhere.
        assert ("¥2,989" in page, "¥254,520" in page) == (known, known)
        assert ("told here" in page) != known
        assert "60" in str(told[LEAVING])


def _month_of(money: dict[str, float]) -> pd.DataFrame:
    table = pd.DataFrame({"buyer_id": list(money), "net_spend": list(money.values())})
    return table.assign(orders=(table["net_spend"] / 100).clip(lower=1).astype(int))


def test_a_buyer_who_makes_much_of_the_month_is_told_masked_with_the_month_without(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"shopper{n:03}": 100.0 for n in range(30)}
    tiers = pd.DataFrame({"buyer_id": [*many, "wholesale77"], "tier": "core"})
    tiers = tiers.assign(net_spend=1.0, net_spend_90d=1.0, expected_spend_90d=1.0)
    told = partial(value_tiers.large_buyers, study, tiers, _month_of(many | {"wholesale77": 10.0}))
    assert told(_month_of(many | {"wholesale77": 600.0})) == ""  # a sixth of the month
    said = told(_month_of(many | {"wholesale77": 2000.0}))
    assert "w***77, Core" in said and "wholesale77" not in said
    assert "40%" in said and "CN¥5,000 with this buyer, CN¥3,000 without" in said
    assert "(last month, also without: CN¥3,000)" in said
    assert "stands for many" not in said
    till = told(_month_of(many | {"wholesale77": 3000.0}))
    assert "With 30 paid orders in the month it may be an id that stands for many" in till
    both = told(_month_of(many | {"wholesale77": 2000.0, "newcomer88": 3000.0}))
    assert both.startswith("**2 buyers (n***88 and w***77, Core) brought 62%")
    assert told(_month_of({"wholesale77": -5.0})) == ""  # a month of refunds has no shares
    # Where the money is told in the brief, it stands too.
    facts = {value_tiers.LARGE: said, LEAVING: "Nobody left."}
    monkeypatch.setattr(Study, "facts", lambda *_: facts)
    none = monthly_brief.Brief(None, tiers, None, None, None)
    assert said.split("**")[1] in monthly_brief.money(study, none).plain()


def test_who_leaves_rounds_unanswered_is_told_as_a_rate_with_interval_and_base(
    study: Study,
) -> None:
    rates = {"reply_rate": 0.9, "reply_rate_low": 0.86, "reply_rate_high": 0.93}
    agents = pd.DataFrame([{"agent_id": "a001", **rates, "reply_rate_denominator": 300}])
    names = ("reply_rate_180s", "first_response_median_s", "mean_response_s", "answer_ask_ratio")
    names += ("paid_rate", "spend_per_buyer", "satisfaction_mean")
    agents = agents.assign(
        **dict.fromkeys(names, np.nan), inquirers=5, paid_rate_denominator=0, paying_buyers=0
    )
    answers, results = agent_kpis.table(study, agents).blocks
    assert answers.rows[0][1:3] == ["300", "10%\xa0(7% to 14%)"] or "10%" in str(answers.rows[0])
    assert "Rounds" in answers.plain() and "No reply that day" in answers.plain()
    assert "unanswered" not in results.plain()


@pytest.mark.parametrize(
    ("named", "imported", "judged"),
    [
        ("auto", None, False),  # nothing tells the platform
        ("auto", "taobao", True),
        ("taobao", None, True),  # the shop says so itself
        ("taobao", "textbook", False),  # and came from elsewhere
        ("own", "textbook", True),
    ],
)
def test_a_shop_that_answers_by_mail_is_not_accused_by_the_seconds_of_a_chat(
    study: Study, named: str, imported: str | None, judged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hours are no miss of Taobao's 30 s, unless the shop is known to be Taobao's."""
    seen = study.read("conversations")
    row = agent_kpis.shop_row(study, seen).copy()
    row["first_response_median_s"] = 7200.0
    for module in (agent_kpis, kpi_figures):
        monkeypatch.setattr(module, "shop_row", lambda *_: row)
    params = study.context.params.model_copy(update={"kpi_profile": named})
    context = study.context.model_copy(update={"params": params, "imported": imported})
    monkeypatch.setattr(study, "context", context)
    said = agent_kpis.targets(study, seen)
    assert ("Targets missed" in said) == judged
    assert ("No target is known" in said) != judged
    assert any(tile.tone for tile in agent_kpis.tiles(study, seen).tiles) == judged
    table = kpi_figures.figures(study, seen)
    assert ("missed" in table.plain()) == judged
    assert ("No target is known" in table.caption) != judged


def test_waits_as_long_as_mail_say_nothing_of_load_whatever_the_cap(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = study.context.profile.model_copy(update={"round_cap_s": 86400.0, "targets": {}})
    context = study.context.model_copy(update={"profile": profile})
    seen = study.read("conversations").assign(first_response_talk_s=7200.0)
    monkeypatch.setattr(study, "context", context)
    found = team_hours.read(study, seen)
    assert found.capped
    assert "took over 600 s or never came" in team_hours.cover(study, found).plain()


@pytest.mark.parametrize(("median", "said"), [(7200.0, True), (40.0, False), (np.nan, False)])
def test_items_of_minutes_are_said_to_be_made_for_chat_where_a_shop_answers_by_mail(
    study: Study, median: float, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {kpi_figures.SHOP_KPIS: pd.DataFrame({"first_response_median_s": [median]})}
    monkeypatch.setattr(Study, "read_or_none", lambda _, name: told.get(name))
    assert ("made for chat" in scorecard._as_mail(study)) == said


@pytest.mark.parametrize(
    ("before", "now", "imported", "own", "alarm"),
    [
        (260.0, 255.0, "textbook", False, False),  # a help desk, month after month
        (None, 255.0, "textbook", False, False),  # its first month tells no news either
        (40.0, 255.0, "textbook", False, True),  # slower than it was
        (260.0, 255.0, "textbook", True, True),  # the shop set the line itself
        (260.0, 255.0, "taobao", False, True),
        (260.0, 255.0, "pinduoduo", False, True),  # no target is published, and it is a chat
    ],
)
def test_seconds_of_a_chat_platform_wake_nobody_where_no_target_is_known_to_fit(
    study: Study,
    before: float | None,
    now: float,
    imported: str,
    own: bool,
    alarm: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page says "no target is known that fits" and raised an alarm by 60 s above it."""
    rows = [{"first_response_median_s": wait} for wait in (now, before)]
    this, last = (pd.Series(row, dtype=float) for row in rows)
    monkeypatch.setattr(kpi_figures, "shop_row", lambda *_: this)
    monkeypatch.setattr(agent_kpis, "month_before", lambda *_: last)
    alerts = [Alert(figure="first_response_median_s", above=90)] if own else alerts_of()
    update = {"imported": imported, "profile": load_profile(imported), "alerts": tuple(alerts)}
    monkeypatch.setattr(study, "context", study.context.model_copy(update=update))
    none = monthly_brief.Brief(None, None, study.read("conversations"), None, None)
    told = monthly_brief.warnings(study, none).plain()
    assert ("First response, median is" in told) == alarm


@pytest.mark.parametrize(("outside", "said"), [(28, True), (5, False), (None, False)])
def test_rounds_that_no_figure_of_responses_holds_are_told_with_whose_they_are(
    study: Study, outside: float | None, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = pd.Series({"rounds": 68.0, "rounds_off_hours": outside})
    night = {"agent_id": "a001", "rounds": 11, "rounds_off_hours": 28}
    day = {"agent_id": "a002", "rounds": 57, "rounds_off_hours": 0}
    monkeypatch.setattr(kpi_figures, "shop_row", lambda *_: shop)
    monkeypatch.setattr(Study, "read_or_none", lambda *_: pd.DataFrame([night, day]))
    told = " ".join(kpi_figures.off_hours(study, study.read("conversations")))
    assert ("29% of rounds (28)" in told and "8:00 to 23:00" in told) == said
    assert (study.agent_name("a001") in told) == said
    assert study.agent_name("a002") not in told


@pytest.mark.parametrize(
    ("before", "now", "imported", "alarm"),
    [
        (7200.0, 7200.0, "textbook", False),  # by mail, month after month
        (40.0, 7200.0, "textbook", True),  # a chat that broke down
        (7200.0, 7200.0, "taobao", True),  # a chat platform: nobody was there
    ],
)
def test_three_minutes_wake_nobody_where_a_shop_always_answers_by_mail(
    study: Study,
    before: float,
    now: float,
    imported: str,
    alarm: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        {"first_response_median_s": wait, "reply_rate_180s": 0.01 if wait > 180 else 0.95}
        for wait in (now, before)
    ]
    this, last = (pd.Series(row) for row in rows)
    monkeypatch.setattr(kpi_figures, "shop_row", lambda *_: this)
    monkeypatch.setattr(agent_kpis, "month_before", lambda *_: last)
    profile = load_profile(imported)
    context = study.context.model_copy(update={"imported": imported, "profile": profile})
    monkeypatch.setattr(study, "context", context)
    none = monthly_brief.Brief(None, None, study.read("conversations"), None, None)
    told = monthly_brief.warnings(study, none).plain()
    assert ("Replied within 3 minutes is" in told) == alarm


@pytest.mark.parametrize(("known", "told"), [(1, False), (9, False), (10, True), (400, True)])
def test_a_month_of_a_few_inquirers_is_no_month_to_compare_with(
    study: Study, known: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of one paid, then a fifth of three hundred: "-81 points, beyond chance" is chance."""
    low, high = wilson(known, known)
    few = {"paid_rate": 1.0, "paid_rate_low": low, "paid_rate_high": high}
    before = agent_kpis.comparable(pd.Series(few | {"paid_rate_denominator": known}))
    seen = study.read("conversations")
    monkeypatch.setattr(agent_kpis, "month_before", lambda *_: before)
    assert ("beyond chance" in agent_kpis.in_brief(study, seen)) == told
    assert ("too little of it" in agent_kpis.in_brief(study, seen)) != told


@pytest.mark.parametrize(
    ("reasons", "said", "unsaid"),
    [
        ({"silent": 20, "price": 10}, "67% gave no reason; most", "think it over"),
        ({"undecided": 20, "price": 10}, "67% would only think it over; most", "gave no reason"),
        ({"silent": 10, "undecided": 10, "price": 10}, "33% gave no reason, 33% would", "0%"),
    ],
)
def test_what_nobody_said_is_not_told_as_none_of_it(
    study: Study, reasons: dict[str, int], said: str, unsaid: str
) -> None:
    lost = sample_lost()
    table = pd.concat([lost.table] * 40, ignore_index=True).head(sum(reasons.values()))
    table = table.assign(reason=[name for name, n in reasons.items() for _ in range(n)])
    told = lost_inquiries.sentence(study, SimpleNamespace(**vars(lost) | {"table": table}))
    assert said in told and unsaid not in told


@pytest.mark.parametrize(("first", "alarm"), [(60.0, True), (95.0, False)])
def test_sales_of_two_months_are_set_against_each_other_like_for_like(
    study: Study, first: float, alarm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The month's own sum holds second orders; of the month before only first ones are known."""
    whole = agent_kpis.shop_row(study, study.read("conversations")).copy()
    whole["sales"] = 160.0
    orders = {"sales": first, "orders": 900, "paying_buyers": 900}
    monkeypatch.setattr(kpi_figures, "shop_row", lambda *_: whole)
    monkeypatch.setattr(monthly_brief, "shop_kpis", lambda *_, **__: pd.DataFrame([orders]))
    before = pd.Series({"sales": 100.0, "orders": 900})
    monkeypatch.setattr(agent_kpis, "month_before", lambda *_: before)
    none = monthly_brief.Brief(None, None, study.read("conversations"), None, None)
    told = monthly_brief.warnings(study, none).plain()
    assert ("first order of each conversation" in told and "CN¥60" in told) == alarm
    assert "CN¥160" not in told
