"""Conversations, sessions and buyers' states are the same from Polars and from Spark."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.agent_sessions import build_agent_sessions
from csinsight.behaviours.buyer_states import build_buyer_states
from csinsight.behaviours.buyer_texts import TEXT_COLUMNS
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.profiles import load_profile
from csinsight.engine import open_shop

pytestmark = pytest.mark.spark
OPENINGS = [
    *("pages_before", "cart_before", "pages_look_back", "earlier_inquiries", "opening_chars"),
    *("opening_lines", "opening_asks", "opening_digits", "opening_worry"),
]


@pytest.fixture(scope="module")
def few(demo_folder, tmp_path_factory):
    """A few buyers of the demo shop."""
    folder = tmp_path_factory.mktemp("few")
    buyers = pl.read_parquet(demo_folder / "messages.parquet")["buyer_id"].unique().sort()[:60]
    for name in ("messages", "orders", "page_views", "ratings"):
        table = pl.read_parquet(demo_folder / f"{name}.parquet")
        table.filter(pl.col("buyer_id").is_in(buyers.to_list())).write_parquet(
            folder / f"{name}.parquet"
        )
    return folder


def test_conversations_agree(few, spark):
    as_of, rules = datetime(2026, 11, 1), RULES
    profile = load_profile("taobao")
    marked = [
        mark_messages(ChatSource(open_shop(few, name), as_of, 12, rules, LEXICON))
        for name in ("polars", "spark")
    ]
    polars, other = (build_conversations(shop) for shop in marked)
    assert len(polars) > 50
    pd.testing.assert_frame_equal(polars, other)
    sessions = [build_agent_sessions(shop, polars, profile) for shop in marked]
    assert len(sessions[0]) > 50
    pd.testing.assert_frame_equal(*sessions)
    states = [build_buyer_states(shop) for shop in marked]
    # So few conversations have fewer numbers that tell their texts apart than there may be.
    told = [name for name in TEXT_COLUMNS if name in states[0]]
    assert told
    assert states[0][told].notna().any().all()
    # What came before the first line, and before each turn: known of some, and not the same of all.
    for frame in (polars[OPENINGS], states[0]):
        assert (frame.nunique() > 1).all()
    pd.testing.assert_frame_equal(*states)
