"""What makes figures mislead stands on the data check, on the brief, and beside conversion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests import asked

from csinsight.contract.check import Check
from csinsight.contract.messages import Notice
from csinsight.engine import open_shop
from csinsight.sample import sample_run
from csinsight.views import agent_kpis, answer_bank, data_check, lost_inquiries, monthly_brief
from csinsight.views.study import Study, open_study

VALUES = {"change": 87, "found": 321, "all": 1000, "hours": 8, "before": 7, "other": 95}
KINDS = sorted(
    {
        *(f"ids_{kind}" for kind in ("threads", "splinters")),
        *(f"no_{side}_lines" for side in ("buyer", "agent")),
        *(f"faded_{table}" for table in ("orders", "messages")),
        *("clock_before", "clock_after", "twice", "twice_two", "unrelated", "waiting"),
        *("at_once", "by_itself", "event_lines", "minutes", "orders_alike", "trifles"),
        *("tide_up", "tide_down"),
    }
)


def _with(study: Study, *kinds: str) -> Study:
    study.__dict__["doubts"] = [Notice("orders", "", kind, VALUES) for kind in kinds]
    return study


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_are_told_on_the_check_and_on_the_brief(lang: str) -> None:
    study = _with(open_study(*sample_run(), lang=lang), *KINDS)
    told = [data_check.in_words(study, notice) for notice in study.doubts]
    assert len(set(told)) == len(KINDS)
    assert not any("{" in line for line in told)
    brief = monthly_brief.gather(study)
    below, above = monthly_brief.careful(study, brief).items, monthly_brief.sentence(study, brief)
    assert all((line in below) != (line in above) for line in told)
    checked = Check(study.data, [], study.doubts, {})
    assert set(told) <= set(data_check.notices(study, checked).items)


def test_a_doubt_of_conversion_stands_beside_it() -> None:
    study = _with(open_study(*sample_run(), lang="zh"), "waiting", "minutes")
    seen = study.read("conversations")
    waiting, minutes = (data_check.in_words(study, notice) for notice in study.doubts)
    for text in (agent_kpis.in_brief(study, seen), agent_kpis.sentence(study, seen)):
        assert waiting in text and minutes not in text


def test_one_side_of_the_chats_leads_a_brief_without_figures_of_the_team() -> None:
    study = _with(open_study(*sample_run(), lang="en"), "no_buyer_lines")
    [told] = (data_check.in_words(study, notice) for notice in study.doubts)
    brief = replace(monthly_brief.gather(study), conversations=None)
    assert monthly_brief.sentence(study, brief).startswith(told)
    assert told not in monthly_brief.careful(study, brief).items


def test_a_median_of_times_without_seconds_is_said_to_be_to_the_minute() -> None:
    plain, study = open_study(*sample_run(), lang="en"), open_study(*sample_run(), lang="en")
    seen = plain.read("conversations")
    assert "to the minute" not in agent_kpis.sentence(plain, seen)
    assert "to the minute" in agent_kpis.sentence(_with(study, "minutes"), seen)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"is_inquiry": False}, "is an inquiry"), ({"mature": False}, "isn’t known yet")],
)
def test_why_there_is_no_conversion_is_told_where_orders_are_there(
    change: dict[str, bool], said: str
) -> None:
    study = open_study(*sample_run(), lang="en")
    seen = study.read("conversations").assign(**change)
    for told in (agent_kpis.in_brief(study, seen), agent_kpis.sentence(study, seen)):
        assert said in told and "without orders" not in told


def test_conversion_by_two_clocks_is_not_said_to_lack_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = asked.chats()
    off = asked.orders(lines, minutes=12 - 8 * 60)
    shop = open_shop(asked.write(tmp_path / "s", lines, off))
    study = _with(open_study(*sample_run(), lang="en"), "clock_before")
    monkeypatch.setattr(Study, "open", lambda _: shop)
    seen = study.read("conversations").assign(ordered=None, paid=None)
    told = agent_kpis.in_brief(study, seen)
    assert "can’t be told" in told and "8 hours before" in told and "without orders" not in told


@pytest.mark.parametrize("change", [{"is_inquiry": False}, {"ordered": True, "paid": True}])
def test_a_month_that_lost_no_inquiry_has_its_page(change: dict[str, bool]) -> None:
    study = open_study(*sample_run(), lang="en")
    found = lost_inquiries.Lost(study, study.read("conversations").assign(**change))
    assert found.table.empty
    assert "without orders" not in lost_inquiries.sentence(study, found)


def test_a_month_in_which_no_buyer_opened_a_conversation_has_its_answer_bank() -> None:
    study = open_study(*sample_run(), lang="en")
    found = answer_bank.read(study, study.read("conversations").assign(opened_by_buyer=False))
    assert found.empty
    assert answer_bank.sentence(study, found) == study.word("bank.none")
