"""Buyer types on real clicks: nine days of 983 Taobao buyers.

The log knows product pages, carts and purchases and nothing else: what marks a newcomer, a
bargain hunter, a content reader or a sports fan is not in it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from tests.contexts import TYPES, WINDOWS

from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.importers import run_import
from csinsight.segments.support import type_profile
from csinsight.segments.types import TypeResult, fit_types

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def features(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    log = shared_data / "taobao_userbehavior" / "user_behavior_100k.csv"
    out = tmp_path_factory.mktemp("taobao")
    run_import("taobao_userbehavior", [log], out)
    return buyer_features(open_shop(out), datetime(2017, 12, 4), **WINDOWS)


@pytest.fixture(scope="module")
def result(features: pd.DataFrame) -> TypeResult:
    return fit_types(features, TYPES)


def test_only_what_the_clicks_can_show_is_supported(result: TypeResult) -> None:
    assert result.unsupported == ["newcomer", "bargain", "periodic", "sporty"]
    assert set(result.reasons.values()) == {"no_evidence"}
    assert {"deal_share", "help_share", "news_share", "sports_share"} <= set(result.left_out)
    unseen = result.buyers[[f"p_{name}" for name in result.unsupported]]
    assert (unseen == 0).all(axis=None)


def test_most_buyers_stay_mixed_because_four_types_cannot_be_seen(result: TypeResult) -> None:
    assert result.sizes.sum() == 983
    assert result.sizes["unclassified"] == 2  # checked by hand: three and four page views
    assert 60 <= result.sizes["simple"] <= 200
    assert 100 <= result.sizes["surfing"] <= 260
    assert result.sizes["mixed"] > 983 / 2


def test_the_two_types_do_what_the_textbook_says(
    features: pd.DataFrame, result: TypeResult
) -> None:
    """Against raw counts: simple ones buy on two visits of five, surfers see twice the pages."""
    profile = type_profile(features, result).set_index("type")
    assert (
        profile.loc["simple", "orders_per_visit"] > 3 * profile.loc["surfing", "orders_per_visit"]
    )
    assert profile.loc["simple", "checkout_share"] > 3 * profile.loc["surfing", "checkout_share"]
    assert (
        profile.loc["surfing", "pages_per_visit"] > 1.5 * profile.loc["simple", "pages_per_visit"]
    )
    pages = features.groupby(result.buyers["type"].to_numpy())["pages"].mean()
    assert pages["surfing"] > 3 * pages["simple"]


def test_types_of_the_first_days_say_who_buys_in_the_rest(
    features: pd.DataFrame, shared_data: Path, tmp_path: Path
) -> None:
    """Types from 2017-11-25 to 29 against purchases of the four days after."""
    log = shared_data / "taobao_userbehavior" / "user_behavior_100k.csv"
    run_import("taobao_userbehavior", [log], tmp_path)
    shop, cut = open_shop(tmp_path), datetime(2017, 11, 30)
    first = fit_types(buyer_features(shop, cut, **WINDOWS), TYPES).buyers
    before = buyer_features(shop, cut, **WINDOWS).set_index("buyer_id")["orders"]
    later = features.set_index("buyer_id")["orders"].sub(before, fill_value=0)
    per_buyer = later.reindex(first["buyer_id"]).groupby(first["type"].to_numpy()).mean()
    print("later orders by type:", per_buyer.round(2).to_dict())  # noqa: T201
    assert per_buyer["simple"] > per_buyer["surfing"]
