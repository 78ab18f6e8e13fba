"""What makes figures mislead that no row is wrong for is told; of a healthy shop nothing is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests import asked

from csinsight.engine import Shop, open_shop
from csinsight.features.doubts import doubts
from csinsight.features.month_doubts import month_doubts, paid_late
from csinsight.params import RunParams
from csinsight.runs.plan import supply

OCTOBER = (datetime(2026, 10, 1), datetime(2026, 11, 1))


def shop_of(folder: Path, lines: pl.DataFrame, sold: pl.DataFrame | None = None) -> Shop:
    return open_shop(asked.write(folder / "shop", lines, sold))


def kinds(shop: Shop) -> list[str]:
    return [notice.kind for notice in doubts(shop)]


@pytest.mark.parametrize("hours", [-8, 8])
def test_two_clocks_leave_out_what_came_of_chats(tmp_path: Path, hours: int) -> None:
    lines = asked.chats()
    off = [pl.col(name) + timedelta(hours=hours) for name in ("placed_at", "paid_at")]
    shop = shop_of(tmp_path, lines, asked.orders(lines).with_columns(off))
    [notice] = doubts(shop)
    assert notice.kind == ("clock_before" if hours < 0 else "clock_after")
    assert notice.values == {"hours": 8}
    assert not shop.joined
    left_out = supply(shop.folder, RunParams(month="2026-10")).left_out
    assert left_out["04_conversion_drivers"] == "needs_one_clock"


@pytest.mark.parametrize("minutes", [0.5, 12, 55, 110])
def test_orders_after_their_chats_are_on_one_clock(tmp_path: Path, minutes: float) -> None:
    lines = asked.chats()
    shop = shop_of(tmp_path, lines, asked.orders(lines, minutes))
    assert shop.joined and kinds(shop) == []


def test_a_desk_for_what_was_ordered_before_is_on_one_clock_and_told_of(tmp_path: Path) -> None:
    """Its orders come before the chats, in no one hour: conversion is known, and says nothing."""
    lines = asked.chats()
    spread = pl.duration(minutes=60 + 37 * (pl.int_range(pl.len()) % 36))
    sold = asked.orders(lines).with_columns(pl.col("placed_at") - spread)
    sold = sold.with_columns(paid_at=pl.col("placed_at") + timedelta(seconds=40))
    shop = shop_of(tmp_path, lines, sold)
    assert shop.joined
    assert kinds(shop) == ["unrelated"]


@pytest.mark.parametrize(
    ("side", "kind"), [("buyer", "no_agent_lines"), ("agent", "no_buyer_lines")]
)
def test_one_side_of_the_chats_tells_nothing_of_how_the_team_answers(
    tmp_path: Path, side: str, kind: str
) -> None:
    shop = shop_of(tmp_path, asked.chats().filter(pl.col("sender") == side))
    assert kinds(shop) == [kind]
    left_out = supply(shop.folder, RunParams(month="2026-10")).left_out
    assert left_out["03_agent_kpis"] == "needs_both_sides"


@pytest.mark.parametrize(
    ("agent", "kind"), [(pl.col("agent_id"), "twice"), (pl.lit("a9"), "twice_two")]
)
def test_chats_of_two_exports_that_overlap_are_told(
    tmp_path: Path, agent: pl.Expr, kind: str
) -> None:
    lines = asked.chats()
    again = lines.filter(pl.col("sent_at").dt.month() == 9)
    own = pl.when(pl.col("sender") == "agent").then(agent).otherwise("agent_id")
    again = again.with_columns(own.alias("agent_id"))
    assert kinds(shop_of(tmp_path, pl.concat([lines, again]))) == [kind]


def test_an_order_that_stands_once_for_each_of_its_lines_is_told(tmp_path: Path) -> None:
    lines = asked.chats()
    sold = asked.orders(lines)
    every = pl.concat([sold, sold.with_columns(pl.format("{}-2", "order_id").alias("order_id"))])
    [notice] = doubts(shop_of(tmp_path, lines, every))
    assert (notice.kind, notice.values["found"]) == ("orders_alike", sold.height)


def test_one_cart_in_two_orders_of_their_own_amounts_is_nothing(tmp_path: Path) -> None:
    lines = asked.chats()
    sold = asked.orders(lines)
    parts = [
        sold.with_columns(
            pl.format("{}-{}", "order_id", pl.lit(name)).alias("order_id"),
            pl.col("list_amount", "paid_amount", "refund_amount") * part,
        )
        for name, part in (("a", 0.6), ("b", 0.4))
    ]
    assert kinds(shop_of(tmp_path, lines, pl.concat(parts))) == []


def test_orders_of_next_to_nothing_are_told(tmp_path: Path) -> None:
    lines = asked.chats()
    sold = asked.orders(lines).with_row_index("n")
    cheap = [
        pl.when(pl.col("n") % 5 == 0).then(0.01).otherwise(name).alias(name)
        for name in ("list_amount", "paid_amount")
    ]
    sold = sold.with_columns(cheap, refund_amount=pl.lit(0.0)).drop("n")
    [notice] = doubts(shop_of(tmp_path, lines, sold))
    assert notice.kind == "trifles" and notice.values["found"] >= 30


def _busy(tmp_path: Path, change: pl.Expr, **more: pl.Expr) -> Shop:
    """A shop of six orders a day whose orders are changed."""
    lines = asked.chats(1080, buyers=300)
    start = asked.START
    lines = lines.with_columns(sent_at=start + (pl.col("sent_at") - start) / 6).with_columns(
        pl.col("sent_at").dt.truncate("1s")
    )
    sold = asked.orders(lines)
    return shop_of(tmp_path, lines, sold.with_columns(change, **more))


def test_a_month_like_those_before_has_no_doubts(tmp_path: Path) -> None:
    shop = _busy(tmp_path, pl.col("paid_at"))
    assert month_doubts(shop, *OCTOBER) == []
    assert paid_late(shop, *OCTOBER, window_hours=72.0) is None


def test_deposits_whose_balance_is_due_after_the_month_are_told(tmp_path: Path) -> None:
    later = pl.col("placed_at") >= datetime(2026, 10, 20)
    due = pl.when(later).then(pl.lit(datetime(2026, 11, 1, 0, 5))).otherwise("paid_at")
    [notice] = month_doubts(_busy(tmp_path, due.alias("paid_at")), *OCTOBER)
    assert notice.kind == "waiting"
    assert notice.values["before"] == 0 and notice.values["found"] > 100


def test_orders_paid_on_delivery_are_told(tmp_path: Path) -> None:
    shop = _busy(tmp_path, (pl.col("placed_at") + timedelta(days=5)).alias("paid_at"))
    late = paid_late(shop, *OCTOBER, window_hours=72.0)
    assert late is not None and late[0] == late[1]
    assert paid_late(shop, *OCTOBER, window_hours=240.0) is None


def test_an_export_of_finished_orders_fades_out_and_is_told(tmp_path: Path) -> None:
    shop = _busy(tmp_path, pl.col("paid_at"))
    edge = datetime(2026, 10, 24)
    every = pl.read_parquet(shop.folder / "orders.parquet")
    kept = (pl.col("placed_at") < edge) | (pl.int_range(pl.len()) % 5 == 0)
    every.filter(kept).write_parquet(shop.folder / "orders.parquet")
    [notice] = month_doubts(open_shop(shop.folder), *OCTOBER)
    assert notice.kind == "faded_orders"
    assert notice.values["found"] < 400
    # Both are quiet alike: a holiday.
    lines = pl.read_parquet(shop.folder / "messages.parquet")
    quiet = (pl.col("sent_at") < edge) | (pl.int_range(pl.len()) // 4 % 5 == 0)
    lines.filter(quiet).write_parquet(shop.folder / "messages.parquet")
    assert month_doubts(open_shop(shop.folder), *OCTOBER) == []


def _with_silent(tmp_path: Path, more: dict[int, int]) -> Shop:
    """The same shop with so many more orders a day, by month, of buyers who never chatted."""
    lines = asked.chats(1080, buyers=300)
    start = asked.START
    lines = lines.with_columns(sent_at=start + (pl.col("sent_at") - start) / 6)
    sold = asked.orders(lines.with_columns(pl.col("sent_at").dt.truncate("1s")))
    days = [start + timedelta(days=n) for n in range((asked.END - start).days)]
    added = [
        (f"x{day:%m%d}-{n}", f"s{day:%m%d}-{n}", day + timedelta(minutes=7 * n))
        for day in days
        for n in range(more.get(day.month, 0))
    ]
    names = ["order_id", "buyer_id", "placed_at"]
    extra = pl.DataFrame(
        added, schema=dict(zip(names, [pl.String] * 2 + [pl.Datetime], strict=True)), orient="row"
    )
    extra = extra.with_columns(paid_at=pl.col("placed_at") + timedelta(seconds=95))
    return shop_of(tmp_path, lines, pl.concat([sold, extra], how="diagonal_relaxed"))


@pytest.mark.parametrize(
    ("more", "kind"),
    [({9: 4, 10: 10}, "tide_up"), ({9: 10, 10: 4}, "tide_down"), ({8: 2, 9: 5, 10: 6}, None)],
)
def test_a_month_in_which_buyers_who_never_chatted_order_more_is_told(
    tmp_path: Path, more: dict[int, int], kind: str | None
) -> None:
    """A sale moves those who chat too: conversion rises, and no agent did it."""
    found = month_doubts(_with_silent(tmp_path, more), *OCTOBER)
    assert [notice.kind for notice in found] == ([kind] if kind else [])
    if kind:
        assert found[0].values["found"] > 50 and found[0].values["change"] >= 25


def test_chats_that_are_missing_tell_no_tide(tmp_path: Path) -> None:
    """Of a month of which half the chats were exported, their buyers look as if they had none."""
    shop = _with_silent(tmp_path, {9: 4, 10: 4})
    lines = pl.read_parquet(shop.folder / "messages.parquet")
    kept = (pl.col("sent_at") < OCTOBER[0]) | (pl.col("buyer_id").hash(seed=1) % 10 == 0)
    lines.filter(kept).write_parquet(shop.folder / "messages.parquet")
    kinds = [notice.kind for notice in month_doubts(open_shop(shop.folder), *OCTOBER)]
    assert not {"tide_up", "tide_down"} & set(kinds)


def test_orders_of_which_weeks_are_missing_tell_no_tide(tmp_path: Path) -> None:
    shop = _with_silent(tmp_path, {9: 10, 10: 10})
    orders = pl.read_parquet(shop.folder / "orders.parquet")
    cut = orders.filter(
        ~pl.col("placed_at").is_between(datetime(2026, 9, 5), datetime(2026, 9, 25))
    )
    cut.write_parquet(shop.folder / "orders.parquet")
    assert month_doubts(open_shop(shop.folder), *OCTOBER) == []
