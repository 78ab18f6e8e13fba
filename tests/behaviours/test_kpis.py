"""KPIs worked out by hand, their intervals, profiles and exclusions."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from csinsight.behaviours.kpis import ESTIMATES, RATES, monthly_kpis, shop_kpis
from csinsight.behaviours.profiles import load_profile
from csinsight.context import MonthContext
from csinsight.contract.imports import ImportRecord, write_imports
from csinsight.errors import ConfigError
from csinsight.features.frames import ConversationRules
from csinsight.features.months import in_months
from csinsight.importers import FORMATS
from csinsight.params import RunParams
from csinsight.segments.signatures import load_signatures
from csinsight.stats.intervals import mean_interval, quantile_interval, ratio_interval, wilson

TAOBAO = load_profile("taobao")
_KINDS = {
    "is_inquiry": "boolean",
    "mature": "boolean",
    "ordered": "boolean",
    "paid": "boolean",
    "rounds": "Int64",
    "rounds_in_180s": "Int64",
    "rounds_unanswered": "Int64",
    "rounds_off_hours": "Int64",
    "buyer_messages": "Int64",
    "agent_messages": "Int64",
    "agent_id": "str",
    "order_id": "str",
}


def _talk(**told):
    row = {
        "conversation_id": "c",
        "buyer_id": "b1",
        "agent_id": "a1",
        "started_at": datetime(2026, 10, 5, 9),
        "first_buyer_at": datetime(2026, 10, 5, 9),
        "counted_at": datetime(2026, 10, 5, 9),
        "outcome_at": None,
        "first_paid_at": None,
        "is_inquiry": True,
        "mature": True,
        "ordered": False,
        "paid": False,
        "order_id": None,
        "net_amount": None,
        "first_response_talk_s": 20.0,
        "rounds": 2,
        "rounds_in_180s": 2,
        "rounds_unanswered": 0,
        "rounds_off_hours": 0,
        "response_sum_s": 50.0,
        "buyer_messages": 4,
        "agent_messages": 5,
        "satisfaction": None,
    }
    return row | told


def _talks(*rows):
    frame = pd.DataFrame(list(rows)).astype(_KINDS)
    for name in ("started_at", "first_buyer_at", "counted_at", "outcome_at", "first_paid_at"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.astype({"net_amount": "float64", "satisfaction": "float64"})


def _row(*rows, profile=TAOBAO):
    return shop_kpis(_talks(*rows), profile=profile).iloc[0]


DAY = [
    _talk(ordered=True, paid=True, order_id="o1", net_amount=100.0, satisfaction=5.0),
    _talk(started_at=datetime(2026, 10, 5, 20), response_sum_s=700.0, rounds_unanswered=1,
          rounds_in_180s=1, first_response_talk_s=100.0),
    _talk(buyer_id="b2", started_at=datetime(2026, 10, 6), ordered=True, satisfaction=3.0),
    _talk(buyer_id="b1", started_at=datetime(2026, 10, 7)),
    _talk(buyer_id="b3", mature=False),
    _talk(buyer_id="b4", is_inquiry=False, rounds_off_hours=1),
]  # fmt: skip


def test_some_talks_by_hand():
    row = _row(*DAY)
    assert (row["conversations"], row["buyers"], row["buyer_days"]) == (6, 4, 5)
    # Inquirers are buyers on a day: b1 on the 5th (twice), b2, b1 on the 7th, b3 (immature).
    assert (row["inquiries"], row["inquirers"], row["immature_inquiries"]) == (5, 4, 1)
    assert (row["paid_rate_numerator"], row["paid_rate_denominator"]) == (1, 3)
    assert (row["ordered_rate_numerator"], row["ordered_rate"]) == (2, pytest.approx(2 / 3))
    assert (row["rounds"], row["rounds_unanswered"], row["rounds_off_hours"]) == (12, 1, 1)
    assert row["reply_rate"] == pytest.approx(11 / 12)
    assert row["reply_rate_180s"] == pytest.approx(11 / 12)
    assert row["mean_response_s"] == pytest.approx((5 * 50 + 700) / 12)
    assert row["first_response_mean_s"] == pytest.approx((5 * 20 + 100) / 6)
    assert row["answer_ask_ratio"] == pytest.approx(30 / 24)
    assert (row["sales"], row["paying_buyers"], row["spend_per_buyer"]) == (100, 1, 100)
    assert (row["satisfaction_mean"], row["ratings"]) == (4, 2)


def test_the_textbook_counts_a_buyer_once():
    row = _row(*DAY, profile=load_profile("textbook"))
    assert (row["inquirers"], row["paid_rate_denominator"]) == (3, 2)
    assert row["paid_rate"] == 0.5


def test_by_the_textbook_what_nobody_answered_has_no_time():
    day = 86_400.0
    never = {"rounds": 1, "rounds_in_180s": 0, "rounds_unanswered": 1}
    talks = [_talk(), _talk(buyer_id="b2", first_response_talk_s=day, response_sum_s=day, **never)]
    row = _row(*talks, profile=load_profile("textbook"))
    assert (row["mean_response_s"], row["first_response_mean_s"]) == (25.0, 20.0)
    assert row["first_response_median_s"] == 20.0
    assert row["reply_rate"] == pytest.approx(2 / 3)


def test_an_order_that_two_talks_led_to_is_sold_once():
    twice = [_talk(ordered=True, paid=True, order_id="o1", net_amount=40.0)] * 2
    row = _row(*twice)
    assert row["sales"] == 40
    assert pd.isna(row["total_sales"])


def test_sold_but_without_amounts_is_unknown_not_nothing():
    row = _row(_talk(ordered=True, paid=True, order_id="o1"))
    assert pd.isna(row["sales"])
    assert row["paid_rate"] == 1


def test_months_apart():
    september = datetime(2026, 9, 30, 23, 59)
    table = _talks(
        _talk(), _talk(agent_id=None), _talk(started_at=september), _talk(counted_at=september)
    )
    months = monthly_kpis(table, profile=TAOBAO)
    assert months["month"].tolist() == ["2026-09", "2026-10"]
    # A talk over the month's end is of the month in which it was answered.
    assert months["conversations"].tolist() == [1, 3]
    assert len(in_months(table, datetime(2026, 11, 1), 1)) == 3


def test_nothing_gives_nothing_but_all_columns():
    empty = _talks(_talk()).iloc[:0]
    row = shop_kpis(empty, profile=TAOBAO).iloc[0]
    assert list(row.index) == list(_row(_talk()).index)
    assert (row["conversations"], row["paid_rate_denominator"]) == (0, 0)
    assert row[list(RATES)].isna().all()
    assert row[list(ESTIMATES)].isna().all()
    assert next(iter(monthly_kpis(empty, profile=TAOBAO))) == "month"


@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(successes, n, level):
    # Seconds, which each worker would pay that only gathers the tests.
    from statsmodels.stats.proportion import proportion_confint

    successes = min(successes, n)
    ours = wilson(successes, n, level)
    theirs = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert 0 <= ours[0] <= successes / n <= ours[1] <= 1


def test_wilson_refuses_what_is_no_proportion():
    with pytest.raises(ValueError, match="3 of 2 is no proportion"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="not at 1"):
        wilson(1, 2, 1)
    assert all(pd.isna(end) for end in wilson(0, 0))


def test_wilson_takes_many_at_once():
    low, high = wilson(np.array([0.0, 3, 0]), np.array([5.0, 4, 0]))
    each = [wilson(0, 5), wilson(3, 4), wilson(0, 0)]
    np.testing.assert_allclose(low, [span[0] for span in each])
    np.testing.assert_allclose(high, [span[1] for span in each])


def test_an_interval_of_a_mean_is_students():
    values = np.array([1.0, 2, 4, 9])
    theirs = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert mean_interval(values) == pytest.approx(theirs)
    assert all(np.isnan(mean_interval([3.0])))


def test_a_ratio_of_like_talks_is_sure_and_of_unlike_ones_is_not():
    rounds = np.array([1.0, 2, 5, 2])
    assert ratio_interval(30 * rounds, rounds) == pytest.approx((30, 30))
    low, high = ratio_interval(np.array([10.0, 90, 100, 100]), rounds)
    assert low < 30 < high
    assert all(np.isnan(ratio_interval([1.0, 2], [0.0, 0])))


@pytest.mark.parametrize(("n", "q", "known"), [(5, 0.5, False), (6, 0.5, True), (35, 0.9, False),
                                              (36, 0.9, True)])  # fmt: skip
def test_a_quantile_needs_enough_values_on_both_sides(n, q, known):
    assert np.isfinite(quantile_interval(np.arange(n), q)).all() == known


def test_intervals_of_a_quantile_cover():
    rng = np.random.default_rng(7)
    truth, hits = -np.log(0.1), []
    for _ in range(400):
        low, high = quantile_interval(rng.exponential(size=80), 0.9)
        hits.append(low <= truth <= high)
    assert np.mean(hits) > 0.93


PROFILES = ("taobao", "jd", "pinduoduo", "douyin", "textbook")


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_dated_sourced_and_give_rules(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.sources
    rules = profile.rules(
        gap_hours=12,
        conversion_window_hours=24,
        payment_window_hours=profile.payment_window_hours,
        pre_chat_hours=24,
        look_back_days=90,
    )
    assert isinstance(rules, ConversationRules)
    assert rules.slow_s == profile.slow_s


def test_faults_of_a_profile_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"`ebay`.*douyin, jd, pinduoduo, taobao, textbook"):
        load_profile("ebay")
    (tmp_path / "own.yml").write_text("name: own\nround_cap_s: 120\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"key `round_cap_s`: .* greater than 180; got 120"):
        load_profile("own", tmp_path)


def _imported(folder, *formats):
    """Write the record of imports of a shop whose chats, then orders, came in these formats."""
    rows = {"file": "f", "sha256": "0", "rows_in": 9, "rows_used": 9, "rows_refused": 0}
    tables = ("messages", "orders")
    pairs = zip(formats, tables, strict=False)
    records = [ImportRecord(format=name, tables=[table], **rows) for name, table in pairs]
    write_imports(folder, records)


@pytest.mark.parametrize(
    ("formats", "currency", "profile", "imported"),
    [
        (("qianniu_chat", "taobao_orders"), "CNY", "taobao", "taobao"),
        (("jd_dongdong", "taobao_orders"), "CNY", "jd", "jd"),  # what is timed is the chats
        (("mapping", "pdd_orders"), "CNY", "pinduoduo", "pinduoduo"),
        (("mapping", "douyin_orders"), "CNY", "douyin", "douyin"),
        (("zendesk", "taobao_orders"), "CNY", "textbook", "textbook"),
        (("mapping", "shopify_orders"), "CNY", "textbook", "textbook"),
        (("mapping",), "CNY", "taobao", None),
        (("mapping",), "EUR", "textbook", None),
        ((), "CNY", "taobao", None),
    ],
)
def test_a_shop_is_counted_by_the_platform_it_came_from(
    tmp_path, formats, currency, profile, imported
):
    _imported(tmp_path, *formats)
    context = MonthContext.of(RunParams(currency=currency), load_signatures(), tmp_path)
    assert (context.profile.name, context.imported) == (profile, imported)
    said = MonthContext.of(RunParams(kpi_profile="taobao"), load_signatures(), tmp_path)
    assert (said.profile.name, said.imported) == ("taobao", imported)


def test_every_format_of_chats_or_orders_has_its_profile():
    known = {form for name in PROFILES for form in load_profile(name).formats}
    # These hold figures or clicks, and a mapping is of any shop.
    assert set(FORMATS) - known == {"platform_kpis", "taobao_userbehavior", "mapping"}
    assert known <= set(FORMATS)
