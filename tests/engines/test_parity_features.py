"""Every feature is the same from Polars and from Spark, on one shop with every awkward case."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from tests.contexts import ORDER_DAYS, RULES, WINDOWS

from csinsight.contract.schema import PAGE_KINDS
from csinsight.engine import collect, open_shop
from csinsight.features.buyers import buyer_features
from csinsight.features.conversations import conversation_features, messages_of
from csinsight.features.frames import ConversationRules
from csinsight.features.rounds import rounds, turns
from csinsight.features.spend import spend_between, spend_features

pytestmark = pytest.mark.spark

AS_OF = datetime(2026, 11, 1)
FEATURES = {
    "conversations": lambda shop: conversation_features(shop, AS_OF, RULES, months=12),
    "conversations by other rules": lambda shop: conversation_features(
        shop, AS_OF, ConversationRules(3, 100, 50, 20, 4, 50, 20, 24, 90, 1000), months=1
    ),
    "messages": lambda shop: collect(messages_of(shop, AS_OF, RULES, months=2)),
    "rounds": lambda shop: collect(
        rounds(turns(messages_of(shop, AS_OF, RULES, months=12)), RULES)
    ),
    "buyers": lambda shop: buyer_features(shop, AS_OF, **WINDOWS),
    "spend": lambda shop: spend_features(shop, AS_OF, **ORDER_DAYS),
    "spend between": lambda shop: spend_between(shop, AS_OF - timedelta(days=40), AS_OF),
}
KEYS = {
    "messages": ["message_no"],
    "rounds": ["conversation_id", "turn_no"],
}


def _moment(rng, days):
    """Return a moment on a coarse grid, so that many are equal, some of them after the end."""
    return AS_OF + timedelta(days=2) - timedelta(seconds=rng.randrange(days * 8640) * 10)


def _messages(rng):
    rows = []
    for _ in range(60):
        buyer, moment = f"b{rng.randrange(15)}", _moment(rng, 80)
        given = rng.choice([None, None, f"c{len(rows)}"])
        for _ in range(rng.randrange(1, 12)):
            sender = rng.choice(["buyer", "buyer", "agent", "agent", "agent", "bot", "system"])
            moment += timedelta(seconds=rng.choice([0, 0, 10, 60, 170, 181, 700, 40_000]))
            agent = rng.choice(["a1", "a2", "a3", None]) if sender == "agent" else None
            rows.append((buyer, agent, sender, moment, "您好,３月ＯＫ吗?", given))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _orders(rng):
    rows = []
    for number in range(500):
        placed = _moment(rng, 70 if number % 3 else 500)
        paid = rng.choice([None, placed + timedelta(minutes=rng.randrange(6000))])
        listed = rng.randrange(1, 90_000) / 100
        rows.append(
            {
                "order_id": f"o{number}",
                "buyer_id": rng.choice([f"b{rng.randrange(18)}"] * 9 + [None]),
                "placed_at": placed,
                "paid_at": paid,
                "list_amount": listed,
                "paid_amount": listed * rng.choice([1, 0.9, 1.2]),
                "refund_amount": rng.choice([None, 0.0, listed / 3]),
                "units": rng.randrange(1, 4),
                "coupon_used": rng.choice([None, True, False]),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _page_views(rng):
    rows = [
        {
            "buyer_id": f"b{rng.randrange(17)}",
            "viewed_at": _moment(rng, 8) - timedelta(days=rng.choice([0, 0, 3, 30, 80, 95])),
            "page_kind": rng.choice(PAGE_KINDS),
            "dwell_seconds": rng.choice([None, rng.random() * 100]),
            "visit_id": rng.choice([None, None, f"v{rng.randrange(3)}"]),
        }
        for _ in range(2000)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _few(rng):
    buyers = [(f"b{n}", rng.choice([None, _moment(rng, 900)])) for n in range(12)]
    ratings = [
        (f"b{rng.randrange(15)}", f"a{rng.randrange(1, 4)}", _moment(rng, 80), rng.randrange(1, 6))
        for _ in range(400)
    ]
    return {
        "buyers": pl.DataFrame(buyers, schema=["buyer_id", "joined_at"], orient="row"),
        "ratings": pl.DataFrame(
            ratings, schema=["buyer_id", "agent_id", "rated_at", "score"], orient="row"
        ),
    }


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """A shop with equal times, bots, nameless agents, given ids, gaps and unknown buyers."""
    rng = random.Random(20261101)  # noqa: S311
    folder = tmp_path_factory.mktemp("awkward")
    tables = {"messages": _messages(rng), "orders": _orders(rng), "page_views": _page_views(rng)}
    for name, table in (tables | _few(rng)).items():
        table.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A shop of chats without times, agents or anything else."""
    folder = tmp_path_factory.mktemp("bare")
    rows = [(f"s{n // 5}", None, "agent" if n % 3 else "buyer", None, "好") for n in range(40)]
    names = {"buyer_id": pl.String, "agent_id": pl.String, "sender": pl.String}
    schema = names | {"sent_at": pl.Datetime("us"), "text": pl.String}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    table.with_columns(conversation_id="buyer_id").write_parquet(folder / "messages.parquet")
    return folder


def _sorted(table, keys):
    return table.sort_values(keys, ignore_index=True) if keys else table


def _assert_parity(folder, name):
    features, keys = FEATURES[name], KEYS.get(name)
    expected = _sorted(features(open_shop(folder)), keys)
    found = _sorted(features(open_shop(folder, "spark")), keys)
    assert len(expected)
    pd.testing.assert_frame_equal(found[expected.columns], expected, rtol=1e-9, atol=1e-9)
    assert set(found.columns) == set(expected.columns)
    return expected


@pytest.mark.parametrize("name", list(FEATURES))
def test_every_feature_agrees(spark, awkward, name):
    table = _assert_parity(awkward, name)
    # Every feature takes part: none is null throughout.
    assert not [column for column in table if table[column].isna().all()]


@pytest.mark.parametrize("name", ["conversations", "messages", "buyers"])
def test_chats_without_times_agree(spark, bare, name):
    _assert_parity(bare, name)
