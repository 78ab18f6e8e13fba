"""A shop's own labels, set against what the reader says of the very same lines."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.accuracy import label_accuracy, spoken_language
from csinsight.behaviours.conversations import ChatSource, mark_messages
from csinsight.contract.dictionary import artifact
from csinsight.engine import Shop, open_shop

DAY = "2026-10-05"
LOG = [
    line
    for buyer in ("b1", "b2", "b3", "b4")
    for line in (
        (buyer, "10:00:00", "buyer", "这款有货吗"),
        (buyer, "10:00:20", "agent", "亲,您好,欢迎光临小店"),
        (buyer, "10:01:00", "buyer", "多少钱"),
        (buyer, "10:01:20", "agent", "标价就是最后的价"),
    )
]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    buyers, clocks, senders, texts = zip(*LOG, strict=True)
    pl.DataFrame(
        {
            "conversation_id": buyers,
            "buyer_id": buyers,
            "agent_id": [None if who == "buyer" else "a1" for who in senders],
            "sender": senders,
            "sent_at": [datetime.fromisoformat(f"{DAY} {clock}") for clock in clocks],
            "text": texts,
        }
    ).write_parquet(tmp_path / "messages.parquet")
    return open_shop(tmp_path, "polars")


def labels_of(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["conversation_id", "sent_at", "shown"])
    times = pd.to_datetime(DAY + " " + table["sent_at"])
    return table.assign(sent_at=times, behaviour="greets", reader="anna")


def test_a_line_that_does_not_greet_is_no_fault_of_the_line_that_does(shop: Shop) -> None:
    """Every conversation is read as greeting; labels of other lines in it say nothing of that."""
    marked = mark_messages(ChatSource(shop, datetime(2026, 11, 1), 1, RULES, LEXICON))
    greeted = [(buyer, "10:00:20", True) for buyer in ("b1", "b2")]
    others = [(buyer, "10:01:20", False) for buyer in ("b1", "b2", "b3", "b4")]
    found = label_accuracy(marked, labels_of(*greeted, *others))
    assert found["labels"].tolist() == [6]
    # All greet, so that no conversation is there to tell the others from.
    assert found["share_kept"].isna().all()
    told = labels_of(*greeted, *others, ("b3", "10:00:20", False)).assign(
        position=pd.array([None] * 7, dtype="Int64")
    )
    assert label_accuracy(marked, told)["labels"].tolist() == [7]


def test_labels_of_lines_that_are_not_there_say_nothing(shop: Shop, tmp_path: Path) -> None:
    marked = mark_messages(ChatSource(shop, datetime(2026, 11, 1), 1, RULES, LEXICON))
    assert label_accuracy(marked, labels_of(("b1", "11:00:00", True))).empty
    none = label_accuracy(marked, labels_of().head(0))
    assert none.empty
    assert artifact("label_accuracy").write(none, tmp_path / "label_accuracy.parquet").empty


def test_a_shops_language_is_its_agents(shop: Shop) -> None:
    assert spoken_language(shop) == "zh"
