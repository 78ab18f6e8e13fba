"""Types without page views: what orders and chats can show, and called an adaptation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.contexts import TYPES

from csinsight.contract.domain import BUYER_TYPES
from csinsight.params import shipped
from csinsight.segments.signatures import ADAPTED, load_signatures
from csinsight.segments.support import type_stability, type_support
from csinsight.segments.types import fit_types

SEEN = ("simple", "surfing", "newcomer", "bargain")
#: orders and talks in 90 days, messages a talk, age in days, discount
HABITS = {
    "simple": (6.0, 2.5, 3.0, 1800, 0.03),
    "surfing": (0.6, 8.0, 5.0, 1500, 0.03),
    "newcomer": (1.0, 4.0, 14.0, 50, 0.03),
    "bargain": (4.0, 4.0, 6.0, 1200, 0.25),
}


#: A run's options with the signatures of a shop without page views.
OPTIONS = replace(TYPES, signatures=load_signatures(shipped("params", ADAPTED)))


def without_pages(buyers: int, scale: float = 1.0) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(7)
    kind = rng.choice(len(SEEN), buyers)
    habit = np.array([HABITS[name] for name in SEEN])[kind]
    orders = rng.poisson(scale * habit[:, 0])
    talks = 1 + rng.poisson(scale * np.maximum(habit[:, 1] - 1, 0))
    discount = np.clip(rng.normal(habit[:, 4], 0.03), 0, 1)
    frame = pd.DataFrame({"buyer_id": [f"b{i}" for i in range(buyers)], "pages": pd.NA})
    frame = frame.assign(
        orders=orders,
        orders_in_window=orders,
        conversations=talks,
        buyer_messages=rng.poisson(talks * habit[:, 2]) + talks,
        list_amount=orders * 100.0,
        discount_amount=orders * 100.0 * discount,
        coupon_known=orders,
        coupon_orders=rng.binomial(orders, np.where(kind == 3, 0.7, 0.05)),
        account_age_days=habit[:, 3] * rng.gamma(4, 0.25, buyers),
    )
    return frame, pd.Series([SEEN[k] for k in kind])


def test_orders_and_chats_tell_four_types_and_say_that_it_is_an_adaptation() -> None:
    features, truth = without_pages(1500)
    result = fit_types(features, OPTIONS)
    assert result.model.adapted
    assert set(result.unsupported) == {"periodic", "sporty"}
    assert set(result.reasons.values()) == {"no_evidence"}
    assert set(result.buyers["basis"]) == {"orders_and_chats"}
    named = result.buyers["type"].isin(BUYER_TYPES)
    assert named.mean() > 0.3
    assert (result.buyers["type"][named] == truth[named]).mean() > 0.85
    assert not type_support(features, result, OPTIONS, counts=range(3, 5)).empty
    assert len(type_stability(features, result, OPTIONS, resamples=1).rand) == 1


def test_one_order_and_one_chat_are_not_enough() -> None:
    features, _ = without_pages(900)
    features.loc[:9, ["orders", "orders_in_window", "conversations"]] = [1, 1, 1]
    result = fit_types(features, OPTIONS)
    assert (result.buyers["type"].head(10) == "unclassified").all()


def test_less_evidence_means_wider_probabilities() -> None:
    much, _ = without_pages(900)
    little, _ = without_pages(900, scale=0.4)
    sure = [fit_types(f, OPTIONS).buyers["confidence"].mean() for f in (much, little)]
    assert sure[1] < sure[0]


def test_page_views_are_read_by_the_textbook_s_own_signatures(plant: Callable[..., Any]) -> None:
    features = plant(300).features
    result = fit_types(features, TYPES)
    assert not result.model.adapted
    assert set(result.buyers["basis"]) == {"page_views"}
    assert "orders_per_talk" not in result.model.scales


@pytest.mark.parametrize("name", ["periodic", "sporty"])
def test_content_types_are_never_read_from_orders(name: str) -> None:
    features, _ = without_pages(400)
    assert (fit_types(features, OPTIONS).buyers[f"p_{name}"] == 0).all()
