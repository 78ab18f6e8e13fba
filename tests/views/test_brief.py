"""What the brief says changed: against last month, and among the buyers who asked."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from csinsight.contract.domain import BUYER_TYPES
from csinsight.sample import sample_drivers
from csinsight.segments.tiers import Leaving
from csinsight.views import (
    agent_kpis,
    buyer_types,
    coaching,
    labels,
    monthly_brief,
    value_tiers,
)
from csinsight.views.sample import sample_plan, sample_study
from csinsight.views.study import Study


@pytest.fixture
def study(toy_shop: Path, tmp_path: Path) -> Study:
    return Study(toy_shop, tmp_path / "run", shop="s", lang="en")


def _talks(n: int, month: str = "2026-10") -> pd.DataFrame:
    moments = pd.to_datetime([f"{month}-03"] * n)
    ids = [f"{month} c{i}" for i in range(n)]
    buyers = [f"b{i}" for i in range(n)]
    times = dict.fromkeys(("started_at", "counted_at"), moments)
    return pd.DataFrame({"conversation_id": ids, "buyer_id": buyers, **times})


def test_movements_count_each_asker_once_and_only_known_types(study: Study) -> None:
    talks = pd.concat([_talks(6), _talks(6), _talks(6, "2026-09")], ignore_index=True)
    before = ["simple", "simple", "bargain", "mixed", "sporty", "sporty"]
    tiers = ["vip", "core", "core", "ordinary", "vip", "vip"]
    # One more buyer fell below core who didn't ask this month.
    before, tiers = [*before, "simple"], [*tiers, "core"]
    known = pd.DataFrame({"buyer_id": _talks(7)["buyer_id"], "as_of": pd.Timestamp("2026-10-01")})
    older = known.assign(as_of=pd.Timestamp("2026-09-01"), type="simple", tier="vip")
    for name, held in (("type", before), ("tier", tiers)):
        both = pd.concat(
            [older.drop(columns={"type", "tier"} - {name}), known.assign(**{name: held})]
        )
        study.write(f"{name}s_by_month", both)
    now = pd.DataFrame({"buyer_id": _talks(7)["buyer_id"]})
    now["type"] = ["simple", "bargain", "bargain", "simple", "unclassified", "sporty", "simple"]
    now["tier"] = ["core", "core", "vip", "vip", "vip", "ordinary", "potential"]
    types, lost = monthly_brief.movements(study, talks, now, now)
    assert types == "Of 4 buyers who asked and had a type before, 75% still have it."
    # VIP to core is no fall below core: the page of tiers counts none either.
    assert lost.startswith("Of last month’s 6 core and VIP buyers, 2 (33%) fell below core; ")
    assert "of the 5 of them who asked this month, 1 (20%)" in lost


def test_without_segments_or_a_month_before_it_says_so(study: Study) -> None:
    assert monthly_brief.movements(study, _talks(3), None, None) == []
    block = monthly_brief.month_over_month(study, _talks(3), None, None)
    assert block.plain().startswith("There is no month before to compare with.")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (("2026-08-30", "2026-10-30"), ""),
        (("2026-09-02", "2026-10-29"), ""),
        (("2026-09-20", "2026-10-30"), "known from September 20, 2026 on"),
        (("2026-08-30", "2026-10-09"), "known until October 9, 2026 only"),
        (("2026-10-12", "2026-10-30"), ""),  # there is no month before to compare with
    ],
)
def test_totals_of_a_month_seen_in_part_are_not_compared(
    tmp_path: Path, days: tuple[str, ...], told: str
) -> None:
    lines = [
        f"b1,a1,{sender},{day} 10:00:00,hello" for day in days for sender in ("buyer", "agent")
    ]
    text = "\n".join(["buyer_id,agent_id,sender,sent_at,text", *lines])
    (tmp_path / "messages.csv").write_text(text, encoding="utf-8")
    found = monthly_brief.in_part(Study(tmp_path, tmp_path / "run", shop="s", lang="en"))
    assert told in found
    assert bool(told) == bool(found)


def test_hours_that_lack_people_are_told_on_top(study: Study) -> None:
    facts = study.run / "facts" / "08_team_and_hours.json"
    facts.parent.mkdir(parents=True)
    told = {"finding": "Not enough people at 21:00. The busier, the slower.", "slow_hours": True}
    facts.write_text(json.dumps(told), encoding="utf-8")
    brief = monthly_brief.gather(study)
    assert monthly_brief.sentence(study, brief).startswith("Not enough people at 21:00.")
    facts.write_text(json.dumps(told | {"slow_hours": False}), encoding="utf-8")
    assert "21:00" not in monthly_brief.sentence(study, brief)


def test_more_buyers_of_no_clear_type_than_of_any_are_told_first(study: Study) -> None:
    sizes = pd.Series(0, index=[*BUYER_TYPES, "mixed", "unclassified"])
    sizes[["newcomer", "simple", "mixed", "unclassified"]] = [21, 9, 40, 30]
    title = buyer_types.sizes_of(study, sizes, []).title
    assert title.startswith("70% of 100 buyers are of no clear type")
    sizes[["mixed", "unclassified"]] = [10, 5]
    assert buyer_types.sizes_of(study, sizes, []).title.startswith("Newcomer is the largest type")
    plt.close("all")


def test_a_month_without_chats_leaves_no_figures_for_the_index(study: Study) -> None:
    brief = monthly_brief.gather(study)
    assert monthly_brief.kpis(study, brief) == {}


def _broken(**sizes: int) -> pd.DataFrame:
    rows = [
        {
            "agent_id": agent,
            "kind": "compliance",
            "behaviour": "over_promises",
            "rate": n / 100,
            "opportunities": 100,
            "evidence": [f"{agent}{number}" for number in range(n)][:6],
        }
        for agent, n in sizes.items()
    ]
    return pd.DataFrame(rows)


def test_who_seems_to_break_a_rule_often_is_named_with_how_often(study: Study) -> None:
    told = coaching.rules_in_brief(study, _broken(xl=12, keke=8, mi=3, an=1))
    assert "[xl](06_agent_card-" in told
    assert told.index("12") < told.index("keke") < told.index("others 1 to 3")
    assert "mi]" not in told
    assert "each" not in coaching.rules_in_brief(study, _broken(mi=3))
    assert "an]" not in told


def test_a_line_that_breaks_two_rules_counts_once(study: Study) -> None:
    twice = pd.concat([_broken(xl=3), _broken(xl=3).assign(behaviour="asks_for_praise")])
    assert "xl" not in coaching.rules_in_brief(study, twice)
    apart = twice.assign(evidence=[["a", "b", "c"], ["d", "e", "f"]])
    assert "[xl](06_agent_card-xl.html) 6" in coaching.rules_in_brief(study, apart)


def test_few_hits_name_nobody(study: Study) -> None:
    told = coaching.rules_in_brief(study, _broken(xl=2, keke=2))
    assert "xl" not in told
    assert "keke" not in told


def test_without_hits_nobody_is_spoken_of(study: Study) -> None:
    assert coaching.rules_in_brief(study, _broken(xl=2).head(0)) == ""


def test_strengths_alone_are_no_plan(study: Study) -> None:
    kept = sample_plan().reindex([0]).assign(kind="strength", behaviour="recommends")
    brief = monthly_brief.Brief(None, None, None, None, kept)
    told = monthly_brief.plan(study, brief).plain()
    assert coaching.nothing(study).plain() in told  # not an empty table below a title of rules
    assert study.word("coaching.rules_title") not in told


def _rounds(n: int, last: int, nobody: int, late: int) -> pd.DataFrame:
    """Return talks of one round each: `last` left open after a reply, `nobody` never served."""
    talks = sample_study().read("conversations").head(1)
    talks = pd.concat([talks] * n, ignore_index=True).assign(rounds=2, rounds_unanswered=0)
    open_ = pd.Series(range(n)) < last + nobody
    talks["rounds_unanswered"] = open_.astype(int)
    talks["agent_messages"] = (pd.Series(range(n)) >= nobody).astype(int) * 3
    slow = (pd.Series(range(n)) >= n - late).astype(int)
    talks["rounds_in_180s"] = 2 - talks["rounds_unanswered"] - slow
    talks["response_sum_s"] = 600 * talks["rounds_unanswered"] + 500 * slow + 40
    return talks.assign(
        counted_at=pd.Timestamp("2026-10-05"), started_at=pd.Timestamp("2026-10-05")
    )


@pytest.mark.parametrize(
    ("last", "nobody", "late", "first"),
    [
        (20, 5, 2, "answer the buyer’s last line"),
        (5, 20, 2, "let every buyer be served"),
        (5, 5, 40, ""),
    ],
)
def test_what_nobody_answered_is_told_before_the_targets_that_it_spoils(
    last: int, nobody: int, late: int, first: str
) -> None:
    told = agent_kpis.targets(sample_study(), _rounds(100, last, nobody, late))
    assert told.startswith(f"Of 200 rounds {last + nobody} got no reply that day")
    assert f"In {nobody} of them no agent ever wrote" in told
    assert f"{last} are what buyers said after an agent had replied" in told
    assert told.index("got no reply") < told.index("Targets missed")
    assert ("What is missing is replies, not speed" in told) == bool(first)
    assert first in told
    assert "counts what was never answered as 600" in told


def test_where_everybody_was_answered_no_cap_is_spoken_of() -> None:
    told = agent_kpis.targets(sample_study(), _rounds(100, 0, 0, 60))
    assert told.startswith("Targets missed")
    assert "600" not in told


def test_the_month_is_told_in_few_sentences(study: Study) -> None:
    """What to do, its figure with a unit, and who: no brackets in brackets, no second title."""
    one = {"behaviour": "recommends", "kind": "driver", "agent_id": ["a002", "a001"]}
    gains = {"expected_gain_inquiries": [3.0, 1.0], "low": 0.5, "high": 4.0}
    effect = {"effect_pp": 9.0, "effect_low_pp": 6.0, "effect_high_pp": 12.0}
    made = pd.DataFrame(one | gains | effect)
    drivers = sample_drivers()
    drivers = drivers[drivers["behaviour"] == "recommends"]
    drivers = drivers.assign(verdict="helps", effect_pp=9.0, low_pp=6.0, high_pp=12.0)
    told = coaching.in_brief(study, made, drivers)
    said = told.replace("\xa0", " ").lower()
    assert "paid conversion was 9.0 points (6.0 to 12.0) higher" in said
    assert "+9" not in told
    hurts = drivers.assign(effect_pp=-9.0, low_pp=-12.0, high_pp=-6.0, verdict="hurts")
    told = coaching.in_brief(study, made, hurts)
    assert "9.0 points (6.0 to 12.0) lower" in told.replace("\xa0", " ")


def test_a_change_that_may_be_chance_has_no_figures_in_the_brief(study: Study) -> None:
    for change, figures in (((0.01, -0.04, 0.06), False), ((0.05, 0.02, 0.08), True)):
        told = labels.change_in_words(study, change, brief=True)
        assert any(sign.isdigit() for sign in told) == figures


def test_where_nobody_fell_silent_the_money_to_come_is_told_all_the_same(study: Study) -> None:
    """Nothing is at stake: that is not a shop too young for a forecast, which has its interval."""
    silent = pd.DataFrame(columns=["buyer_id", "tier_before", "tier", "loss"])
    sums = {"before": 1000.0, "bought": 30.0, "quiet": -100.0, "new": 80.0, "now": 1010.0}
    ends = {"at_stake": 0.0, "low": math.nan, "high": math.nan, "least": 800.0, "most": 1200.0}
    found = Leaving(of=4, fell=1, rose=1, fresh=0, silent=silent, **sums, **ends)
    told = value_tiers.leaving(study, found).plain().replace("\xa0", " ")
    assert "CN¥800 to CN¥1,200" in told
    assert "too young" not in told
    young = replace(found, least=math.nan, most=math.nan)
    told = value_tiers.leaving(study, young).plain()
    assert "too young" in told and "800" not in told


def test_what_goes_and_comes_is_told_as_one_net_figure(study: Study) -> None:
    row = {"tier_before": "vip", "tier": "core", "expected_before": 90.0, "expected": 20.0}
    silent = pd.DataFrame([{"buyer_id": "b1", **row, "loss": 70.0}])
    sums = {"before": 1000.0, "bought": 30.0, "quiet": -100.0, "new": 80.0, "now": 1010.0}
    ends = {"at_stake": 70.0, "low": 35.0, "high": 105.0, "least": 800.0, "most": 1200.0}
    found = Leaving(of=4, fell=1, rose=1, fresh=0, silent=silent, **sums, **ends)
    told = value_tiers.leaving(study, found).plain().replace("\xa0", " ")
    # 110 that come less the 50 to 150 that go.
    assert "changes by +CN¥10 (−CN¥40 to +CN¥60) in all" in told
