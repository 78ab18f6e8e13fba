"""What a manager asked of sentences on pages 02, 09 and 10: each says what its figures say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from csinsight.contract.check import check_shop
from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.support import Stability
from csinsight.views import answer_bank, buyer_types, data_check, lost_inquiries, value_tiers
from csinsight.views.sample import sample_lost, sample_study, sample_types


def test_thinking_it_over_is_no_reason() -> None:
    reasons = ["undecided"] * 20 + ["silent"] * 12 + ["price"] * 8
    found = sample_lost()
    rows = pd.DataFrame({"reason": reasons, "no_way_out": False, "wait_s": 0.0})
    shown = SimpleNamespace(inquiries=found.inquiries, table=rows, long_wait_s=found.long_wait_s)
    told = lost_inquiries.sentence(sample_study(), shown).replace("\xa0", " ")
    assert "30% gave no reason, 50% would only think it over" in told
    assert "most others ended on price (20%)" in told


@pytest.mark.parametrize(("share", "state"), [(0.5, "uneven"), (0.51, "standard")])
def test_half_is_not_more_than_half(share: float, state: str) -> None:
    rows = pd.DataFrame({"question": [1], "answer": ["a"], "share": [share], "again_low": [0.0]})
    assert answer_bank.questions(rows)["state"].tolist() == [state]
    assert answer_bank.headline(rows)["standard"] == (state == "standard")


@pytest.mark.parametrize(
    ("gain", "told"), [(13.0, "others were closer"), (1.0, "no other was both")]
)
def test_a_baseline_that_others_beat_is_not_called_the_closest(gain: float, told: str) -> None:
    scores = pd.DataFrame({"model": ["bgnbd", "rfm"], "used": [True, False]})
    scores = scores.assign(deviance=[41.0, 41.0 - gain], gain=[0.0, gain], gain_se=[0.0, 4.0])
    scores = scores.assign(rank_correlation=[0.5, 0.4], total=1.0, mae=120.0)
    block = value_tiers.models(sample_study(), SimpleNamespace(name="bgnbd", scores=scores))
    assert told in block.title


@pytest.mark.parametrize("there", [True, False])
def test_a_shop_without_page_views_says_what_that_takes_away(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = sample_study()
    shop = study.open()
    if not there:
        kept = {name: table for name, table in shop.tables.items() if name != "page_views"}
        monkeypatch.setattr(study, "open", lambda: replace(shop, tables=kept))
    less = data_check.possible(study).plain()
    assert ("No page views" in less) != there
    assert ("All pages have the data" in less) == there
    assert ("there are no page views" in buyer_types.looked_back(study).plain()) != there
    tables = data_check.summary(study, check_shop(study.data))
    assert ("on less than there could be" in data_check.finding(study, tables).plain()) != there


@pytest.mark.parametrize(("overlap", "said"), [(0.95, "keeps its members"), (0.7, "edges are")])
def test_types_whose_edges_are_open_are_not_called_firm(overlap: float, said: str) -> None:
    """As the table below the sentence says of each."""
    held = Stability([], pd.DataFrame({"type": BUYER_TYPES, "jaccard": overlap}), None)
    told = buyer_types.answer(sample_study(), sample_types(), pd.DataFrame(), held).plain()
    assert said in told


def test_nothing_is_counted_where_there_is_nothing_to_count() -> None:
    """A table that is not there has no rows, and a type that can't be shown no buyers: not 0."""
    study, types = sample_study(), sample_types()
    found = data_check.summary(study, check_shop(study.data))
    gone = found["table"] == "page_views"
    rows = data_check.tables(study, found.assign(rows=found["rows"].where(~gone, 0))).rows
    assert [row[1] for row in rows if "page_views" in row[0]] == ["—"]
    unsupported = replace(types, unsupported=["sporty"], reasons={"sporty": "few_members"})
    shown = {row[0]: row[1] for row in buyer_types.traits(study, unsupported).rows}
    assert shown["Sporty"] == "—" and shown["Simple"] != "—"


def test_a_shop_that_supports_no_type_has_no_empty_table_of_how_to_serve_them() -> None:
    types = replace(sample_types(), unsupported=list(BUYER_TYPES))
    assert "No type is supported" in buyer_types.service(sample_study(), types).plain()
