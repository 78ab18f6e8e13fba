from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.segments.feature_estimators import OBSERVERS
from csinsight.segments.shrink_features import weigh


def frame(news: np.ndarray, pages: np.ndarray, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"pages": pages, "pages_news": news, **more})


def test_the_prior_of_a_share_is_found_from_the_shop() -> None:
    rng = np.random.default_rng(1)
    pages = rng.integers(3, 80, 4000)
    scale = weigh(frame(rng.binomial(pages, rng.beta(1, 9, 4000)), pages)).scales["news_share"]
    assert np.sin(scale.mean) ** 2 == pytest.approx(0.1, abs=0.01)
    assert scale.pseudo_pages == pytest.approx(10, rel=0.15)


def test_few_pages_are_drawn_to_the_mean_and_many_are_not() -> None:
    rng = np.random.default_rng(2)
    pages = rng.integers(3, 80, 2000)
    news = rng.binomial(pages, rng.beta(1, 9, 2000))
    few_many = frame(np.r_[news, 1, 200], np.r_[pages, 1, 200])
    shrunk = weigh(few_many).shrunk[-2:, 0]
    assert 0 < shrunk[0] < 0.5 * shrunk[1]


def test_a_share_that_differs_only_by_chance_is_left_out() -> None:
    rng = np.random.default_rng(3)
    pages = rng.integers(5, 60, 1500)
    evidence = weigh(frame(rng.binomial(pages, 0.1), pages))
    assert evidence.left_out["news_share"] == "no_spread"
    assert evidence.left_out["help_share"] == "no_input"


def test_a_mean_learns_its_noise_from_the_shop() -> None:
    rng = np.random.default_rng(4)
    pages = rng.integers(1, 60, 5000)
    seconds = pages * np.exp(3 + 0.5 * rng.normal(size=5000) + rng.normal(size=5000) / pages**0.5)
    table = pd.DataFrame({"pages": pages, "seconds": seconds, "dwell_known": pages})
    scale = weigh(table).scales["seconds_per_page"]
    assert scale.spread == pytest.approx(0.5, rel=0.15)
    assert scale.unit_noise == pytest.approx(1.0, rel=0.25)


def test_nothing_seen_gives_infinite_noise_and_the_shop_s_mean() -> None:
    rng = np.random.default_rng(5)
    orders = np.r_[rng.integers(1, 9, 300), 0]
    used = rng.binomial(orders, rng.beta(1, 3, 301))
    evidence = weigh(pd.DataFrame({"coupon_orders": used, "coupon_known": orders}))
    assert np.isinf(evidence.noise[-1, 0])
    scale = evidence.scales["coupon_share"]
    assert evidence.shrunk[-1, 0] == pytest.approx((scale.mean - scale.centre) / scale.width)


def test_a_subset_that_never_opened_a_page_is_read_as_none_of_many_not_as_unknown() -> None:
    rng = np.random.default_rng(6)
    pages = rng.integers(20, 60, 500)
    scales = weigh(frame(rng.binomial(pages, rng.beta(1, 4, 500)), pages)).scales
    evidence = weigh(frame(np.array([0, 0]), np.array([50, 50])), scales)
    assert (evidence.shrunk < 0).all()
    assert np.isfinite(evidence.noise).all()


def test_steps_stand_in_for_dwell_only_where_a_shop_records_none() -> None:
    base = {"step_seconds": [60.0, 90.0], "steps": [3, 3]}
    without = OBSERVERS["seconds_per_page"](
        pd.DataFrame(base | {"seconds": [np.nan] * 2, "dwell_known": [None] * 2})
    )
    with_some = OBSERVERS["seconds_per_page"](
        pd.DataFrame(base | {"seconds": [10.0, 0.0], "dwell_known": [1, 0]})
    )
    assert without is not None
    assert with_some is not None
    assert np.exp(without.value) == pytest.approx([20, 30])
    assert with_some.seen.tolist() == [True, False]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.integers(0, 300),
            st.one_of(st.none(), st.floats(0, 1e6)),
            st.one_of(st.none(), st.floats(-5, 1e5)),
        ),
        max_size=40,
    )
)
def test_whatever_the_counts_values_stay_finite(
    rows: list[tuple[int, int, float | None, float | None]],
) -> None:
    pages = np.array([row[0] for row in rows], dtype=float)
    table = frame(
        np.array([row[1] for row in rows], dtype=float),
        pages,
        visits=np.minimum(pages, 7),
        seconds=pd.array([row[2] for row in rows], dtype="Float64"),
        dwell_known=pages,
        account_age_days=pd.array([row[3] for row in rows], dtype="Float64"),
    )
    evidence = weigh(table)
    assert np.isfinite(evidence.shrunk).all()
    assert np.isfinite(evidence.value).all()
    assert (evidence.noise >= 0).all()
