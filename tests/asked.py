"""A small shop whose chats and orders are plain, for tests that write them down in odd ways."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

START = datetime(2026, 8, 3, 10, 7, 13)
END = datetime(2026, 11, 1)
#: What buyers ask and agents say, by turns; nobody says a thing within three seconds.
_ASKED = ("这款有现货吗", "尺码偏大还是偏小", "什么材质的呀", "有黑色吗")
_SAID = ("有的，今天就能发走", "偏大一码，拍小一码就好", "纯棉的，放心穿", "黑色白色都有货")


def chats(n: int = 180, buyers: int = 60) -> pl.DataFrame:
    """Return `n` conversations over three months: a question, an answer, a thank-you, a reply."""
    rows = []
    for k in range(n):
        at, buyer = START + timedelta(hours=12 * k, seconds=17 * k), f"b{k % buyers}"
        agent = f"a{k % 3}"
        for seconds, who, text in (
            (0, None, _ASKED[k % 4]),
            (20 + k % 50, agent, _SAID[k % 4]),
            (95 + k % 50, None, f"好的，那我看看第{k}款"),
            (140 + k % 90, agent, f"不急，第{k}款您慢慢看"),
        ):
            sender = "agent" if who else "buyer"
            rows.append((buyer, who, sender, at + timedelta(seconds=seconds), text))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    return pl.DataFrame(rows, schema=names, orient="row")


def orders(lines: pl.DataFrame, minutes: float = 12.0) -> pl.DataFrame:
    """Return an order for every second question, so long after it, and one nobody asked about."""
    asked = lines.filter(pl.col("text").is_in(_ASKED)).gather_every(2).with_row_index("n")
    later = pl.duration(seconds=round(60 * minutes)) + pl.duration(seconds=pl.col("n") % 31)
    led = asked.select("n", "buyer_id", placed_at=pl.col("sent_at") + later)
    silent = asked.select(
        pl.col("n") + 10_000,
        buyer_id=pl.format("s{}", "n"),
        placed_at=pl.col("sent_at") + pl.duration(hours=5),
    )
    amount = 40.0 + pl.col("n") % 37
    return (
        pl.concat([led, silent])
        .with_columns(paid_at=pl.col("placed_at") + pl.duration(seconds=95), list_amount=amount)
        .with_columns(
            pl.format("o{}", "n").alias("order_id"),
            paid_amount=pl.col("list_amount"),
            refund_amount=pl.when(pl.col("n") % 9 == 0).then(pl.col("list_amount")).otherwise(0.0),
            units=1,
        )
        .drop("n")
    )


def write(folder: Path, lines: pl.DataFrame, sold: pl.DataFrame | None = None) -> Path:
    """Write both as a shop's tables and return its folder."""
    folder.mkdir(exist_ok=True)
    lines.write_parquet(folder / "messages.parquet")
    if sold is not None:
        sold.write_parquet(folder / "orders.parquet")
    return folder
