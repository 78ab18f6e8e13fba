"""Chats as exports write them: automatic lines, cards, files that run backward, ids of no talk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from tests import asked
from tests.contexts import RULES

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.engine import Shop, collect, open_shop
from csinsight.features.conversations import conversation_features
from csinsight.features.doubts import doubts


def talks(shop: Shop) -> pd.DataFrame:
    return conversation_features(shop, asked.END, RULES, months=12)


def kinds(shop: Shop) -> list[str]:
    return [notice.kind for notice in doubts(shop)]


@pytest.fixture
def plain(tmp_path: Path) -> Shop:
    lines = asked.chats()
    return open_shop(asked.write(tmp_path / "plain", lines, asked.orders(lines)))


def _greeted(lines: pl.DataFrame, text: str, seconds: int = 1) -> pl.DataFrame:
    """Add a line after every question, under the account of whoever answers it."""
    first = lines.with_columns(
        at=pl.col("sent_at"), agent_id=pl.col("agent_id").shift(-1), text_=pl.lit(text)
    ).gather_every(4)
    sent = first.select(
        "buyer_id",
        "agent_id",
        pl.lit("agent").alias("sender"),
        pl.col("at") + timedelta(seconds=seconds),
        pl.concat_str(
            [pl.col("text_"), pl.lit("，前面还有"), pl.int_range(pl.len()), pl.lit("位")]
        ),
    )
    sent.columns = lines.columns
    return pl.concat([lines, sent]).sort("sent_at", maintain_order=True)


def test_a_plain_shop_is_read_as_it_stands(plain: Shop) -> None:
    assert doubts(plain) == []
    assert set(collect(plain["messages"])["sender"]) == {"buyer", "agent"}


def test_a_first_reply_is_a_persons_where_the_client_greets_by_itself(
    tmp_path: Path, plain: Shop
) -> None:
    lines = asked.chats()
    shop = open_shop(
        asked.write(tmp_path / "s", _greeted(lines, "您好，欢迎光临"), asked.orders(lines))
    )
    assert kinds(shop) == ["by_itself"]
    assert shop.writing.share == pytest.approx(1 / 3)
    told, true = talks(shop), talks(plain)
    for name in (Talk.FIRST_RESPONSE_TALK_S, Talk.AGENT_MESSAGES, Talk.PAID, Talk.AGENT_ID):
        assert told[name].tolist() == true[name].tolist(), name


def test_the_same_words_that_a_person_types_stay_a_persons(tmp_path: Path) -> None:
    lines = _greeted(asked.chats(), "您好，欢迎光临", seconds=9)
    shop = open_shop(asked.write(tmp_path / "s", lines))
    assert shop.writing.texts.is_empty() and "by_itself" not in kinds(shop)


def test_an_account_that_answers_by_itself_whatever_it_says_is_a_robot(
    tmp_path: Path, plain: Shop
) -> None:
    lines = asked.chats()
    named = _greeted(lines, "？")
    robot = pl.col("text").str.starts_with("？")
    said = pl.format("机器人说的第{}句", pl.col("text").hash() % 7919)
    named = named.with_columns(
        agent_id=pl.when(robot).then(pl.lit("dxm")).otherwise("agent_id"),
        text=pl.when(robot)
        .then(
            pl.lit("句子")
            + said.hash()
            .cast(pl.String)
            .str.replace_all("[0-4]", "甲")
            .str.replace_all("[5-9]", "乙")
        )
        .otherwise("text"),
    )
    shop = open_shop(asked.write(tmp_path / "s", named, asked.orders(lines)))
    assert shop.writing.robots == ("dxm",)
    column = Talk.FIRST_RESPONSE_TALK_S
    assert talks(shop)[column].tolist() == talks(plain)[column].tolist()


def test_where_all_comes_at_once_nobody_is_taken_for_a_robot(tmp_path: Path) -> None:
    lines = asked.chats()
    first = pl.col("sent_at").first().over(pl.int_range(pl.len()) // 4)
    logged = lines.with_columns(first + pl.duration(seconds=pl.int_range(pl.len()) % 4))
    shop = open_shop(asked.write(tmp_path / "s", logged))
    assert shop.writing.throughout and kinds(shop) == ["at_once"]
    assert set(collect(shop["messages"])["sender"]) == {"buyer", "agent"}


def test_lines_of_a_minute_keep_their_order_in_a_file_that_runs_backward(
    tmp_path: Path, plain: Shop
) -> None:
    lines = asked.chats().with_columns(pl.col("sent_at").dt.truncate("1m"))
    sold = asked.orders(asked.chats())
    up = talks(open_shop(asked.write(tmp_path / "up", lines, sold)))
    shop = open_shop(asked.write(tmp_path / "down", lines.reverse(), sold))
    down = talks(shop)
    assert "minutes" in kinds(shop)
    assert down[Talk.OPENED_BY_BUYER].all()
    same = [Talk.BUYER_ID, Talk.AGENT_ID, Talk.ROUNDS, Talk.RESPONSE_SUM_S, Talk.PAID]
    pd.testing.assert_frame_equal(down[same], up[same])


def test_lines_that_tell_no_seconds_show_no_robot(tmp_path: Path) -> None:
    lines = _greeted(asked.chats(), "您好，欢迎光临").with_columns(
        pl.col("sent_at").dt.truncate("1m")
    )
    shop = open_shop(asked.write(tmp_path / "s", lines))
    assert shop.writing.texts.is_empty() and shop.writing.minutes > 0.99


def test_cards_that_the_platform_writes_as_the_buyer_wait_for_nobody(
    tmp_path: Path, plain: Shop
) -> None:
    lines = asked.chats()
    sold = asked.orders(lines)
    cards = sold.filter(pl.col("buyer_id").str.starts_with("b")).select(
        "buyer_id",
        pl.lit(None, pl.String).alias("agent_id"),
        pl.lit("buyer").alias("sender"),
        pl.col("placed_at").alias("sent_at"),
        pl.format("[订单卡片] 买家已下单 {}", "order_id").alias("text"),
    )
    both = pl.concat([lines, cards]).sort("sent_at")
    shop = open_shop(asked.write(tmp_path / "s", both, sold))
    assert kinds(shop) == ["event_lines"]
    told, true = talks(shop), talks(plain)
    for name in (Talk.BUYER_MESSAGES, Talk.ROUNDS, Talk.ROUNDS_UNANSWERED):
        assert told[name].tolist() == true[name].tolist(), name


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (pl.format("t{}", "buyer_id"), "threads"),
        (pl.format("m{}", pl.int_range(pl.len())), "splinters"),
        (pl.format("c{}", pl.int_range(pl.len()) // 4), "kept"),
    ],
)
def test_ids_that_name_buyers_or_lines_are_no_conversations(
    tmp_path: Path, plain: Shop, given: pl.Expr, kind: str
) -> None:
    lines = asked.chats()
    named = lines.with_columns(given.alias("conversation_id"))
    shop = open_shop(asked.write(tmp_path / "s", named, asked.orders(lines)))
    assert shop.writing.ids == kind
    assert kinds(shop) == ([] if kind == "kept" else [f"ids_{kind}"])
    same = [Talk.BUYER_ID, Talk.STARTED_AT, Talk.FIRST_RESPONSE_TALK_S, Talk.PAID]
    pd.testing.assert_frame_equal(talks(shop)[same], talks(plain)[same])
